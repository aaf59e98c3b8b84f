//! Rows for spreadsheets: CSV that German Excel opens in columns, and XLSX. Both neutralise formulas.
use csv::{QuoteStyle, Terminator, WriterBuilder};
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook, XlsxError};
use serde_json::Value;

use crate::domain::reason::{Reason, Refusal};
use crate::domain::text::inert;

/// German Excel separates cells by semicolons and takes a file for UTF-8 only with this mark.
const MARK: &str = "\u{feff}";

/// Longest text a cell of Excel takes; longer texts are cut there, and only there.
const CELL_CHARS_MAX: usize = 32_767;

/// Most rows of a sheet of Excel, its head line included.
const SHEET_ROWS_MAX: usize = 1_048_576;

/// CSV with semicolons, CRLF and a byte order mark. Numbers are written with a decimal point; money goes in as text.
pub fn csv(head: &[&str], rows: impl Iterator<Item = Vec<Value>>) -> Result<String, Refusal> {
    let refuse = |error: &dyn std::fmt::Display| Refusal::new(Reason::Bug).with("csv", error);
    let (style, end) = (QuoteStyle::Necessary, Terminator::CRLF);
    let mut writer = WriterBuilder::new().delimiter(b';').quote_style(style).terminator(end).from_writer(Vec::new());
    writer.write_record(head).map_err(|error| refuse(&error))?;
    for row in rows {
        writer.write_record(row.iter().map(cell)).map_err(|error| refuse(&error))?;
    }
    let bytes = writer.into_inner().map_err(|error| refuse(&error))?;
    String::from_utf8(bytes).map(|text| format!("{MARK}{text}")).map_err(|error| refuse(&error))
}

fn cell(value: &Value) -> String {
    match value {
        Value::String(text) => inert(text),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// A workbook with one sheet. Every text is a text, never a formula, a number or a link; the same rows give the same bytes.
pub fn xlsx(name: &str, head: &[&str], rows: &[Vec<Value>]) -> Result<Vec<u8>, Refusal> {
    if rows.len() >= SHEET_ROWS_MAX {
        return Err(Refusal::new(Reason::FileTooLarge).with("rows_max", SHEET_ROWS_MAX));
    }
    workbook(name, head, rows).map_err(|error| Refusal::new(Reason::Bug).with("xlsx", error))
}

fn workbook(name: &str, head: &[&str], rows: &[Vec<Value>]) -> Result<Vec<u8>, XlsxError> {
    let mut book = Workbook::new();
    // Excel's own epoch: a time of writing would make every file another one.
    book.set_properties(&DocProperties::new().set_creation_datetime(&ExcelDateTime::from_ymd(1900, 1, 1)?));
    let bold = Format::new().set_bold();
    let sheet = book.add_worksheet().set_name(name)?;
    sheet.set_freeze_panes(1, 0)?;
    for (column, title) in (0_u16..).zip(head) {
        sheet.write_string_with_format(0, column, *title, &bold)?;
    }
    for (line, row) in (1_u32..).zip(rows) {
        for (column, value) in (0_u16..).zip(row) {
            match value {
                Value::Null => {}
                Value::String(text) => {
                    let text: String = inert(text).chars().take(CELL_CHARS_MAX).collect();
                    sheet.write_string(line, column, text)?;
                }
                Value::Bool(yes) => {
                    sheet.write_boolean(line, column, *yes)?;
                }
                other => {
                    sheet.write_string(line, column, other.to_string())?;
                }
            }
        }
    }
    book.save_to_buffer()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn formulas_are_neutralised_and_cells_stay_cells() {
        let rows = vec![vec![json!("=1+1"), json!("a;\"b\"\nc"), json!(5), Value::Null]];
        let text = csv(&["a", "b", "c", "d"], rows.clone().into_iter()).expect("a table");
        assert_eq!(text, "\u{feff}a;b;c;d\r\n'=1+1;\"a;\"\"b\"\"\nc\";5;\r\n");
        let book = xlsx("A", &["a", "b", "c", "d"], &rows).expect("a workbook");
        assert_eq!(book, xlsx("A", &["a", "b", "c", "d"], &rows).expect("a workbook"), "the same bytes");
        assert_eq!(&book[..2], b"PK");
    }
}
