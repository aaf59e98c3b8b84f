//! CSV as people really send it: the separator found out, every row told that does not fit, and the rest taken.
//!
//! Bounds: a cell of at most 64 KiB is kept, a longer one is read past. A quote that is never closed costs its own row
//! only: reading goes on with the next line.
use std::collections::BTreeMap;

use csv_core::{ReadFieldResult, Reader, ReaderBuilder};

use crate::domain::id::shortened;
use crate::domain::reason::{Reason, Refusal};
use crate::exchange::finding::{Fate, Finding};
use crate::exchange::source::decoded;

/// Longest cell that is kept, in bytes: above the largest statement (48 KiB), so that no offering is cut.
pub const CELL_BYTES_MAX: usize = 64 * 1024;

/// Most rows: twenty times all services of the federal catalogue with their details.
pub const ROWS_MAX: usize = 200_000;

/// Most cells of a row: spreadsheets with more columns are no registers.
const CELLS_MAX: usize = 500;

/// How often the bytes of a file may be read again after a quote that is not closed.
const REREADS_MAX: usize = 8;

/// What stands between cells, by how likely it is.
const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// A column that is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// What it is called in findings.
    pub field: &'static str,
    /// What it may be called in the head line; upper and lower case are alike.
    pub names: &'static [&'static str],
    /// Whether the table is of no use without it.
    pub required: bool,
}

/// A row that fits the head line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// Its first line in the file.
    pub line: usize,
    cells: Vec<String>,
}

/// The rows that fit, and what was wrong with the others.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Table {
    places: BTreeMap<&'static str, usize>,
    /// The rows that fit.
    pub rows: Vec<Row>,
    /// Whatever does not, by line.
    pub findings: Vec<Finding>,
    /// All rows.
    pub records: usize,
}

impl Table {
    /// Reads a file. `COLUMN_MISSING` if its head line lacks what is required, with any separator.
    pub fn read(bytes: &[u8], columns: &[Column]) -> Result<Self, Refusal> {
        let (text, findings) = decoded(bytes)?;
        let mut text = &*text;
        let mut skipped = 0;
        // Excel's own note on the separator.
        if let Some(line) = text.lines().next().filter(|line| line.starts_with("sep=")) {
            text = text.get(line.len()..).unwrap_or("").trim_start_matches(['\r', '\n']);
            skipped = 1;
        }
        let known = SEPARATORS.into_iter().map(|separator| (separator, head(text, separator, columns)));
        // The first of those that find most.
        let best = known.rev().max_by_key(|(_, (places, ..))| places.len());
        let (separator, (places, names, width)) = best.unwrap_or((b',', Default::default()));
        let lacking: Vec<&str> =
            columns.iter().filter(|c| c.required && !places.contains_key(c.field)).map(|c| c.field).collect();
        if !lacking.is_empty() {
            let refusal = Refusal::new(Reason::ColumnMissing).with("line", 1 + skipped);
            return Err(refusal.with("columns", lacking.join(", ")).with("found", shortened(&names)));
        }
        let mut table = Self { places, rows: Vec::new(), findings, records: 0 };
        let mut walk = Walk::new(text, separator);
        walk.next();
        table.take(&mut walk, width, skipped);
        table.findings.sort_by_key(|finding| finding.line);
        Ok(table)
    }

    fn take(&mut self, walk: &mut Walk, width: usize, skipped: usize) {
        let mut reread = 0;
        while let Some(raw) = walk.next() {
            let line = raw.line + skipped;
            self.records += 1;
            if self.records > ROWS_MAX {
                let refusal = Refusal::new(Reason::FileTooLarge).with("rows_max", ROWS_MAX);
                self.tell(line, "", refusal, Fate::RecordLeftOut);
                return;
            }
            if raw.cells.len() != width || raw.is_open {
                let refusal =
                    Refusal::new(Reason::RowMisshaped).with("fields", raw.cells.len()).with("expected", width);
                let refusal = if raw.is_open { refusal.with("rule", "a quote is not closed") } else { refusal };
                self.tell(line, "", refusal, Fate::RecordLeftOut);
                let again = raw.end - raw.second_line.unwrap_or(raw.end);
                // It may have swallowed good rows behind an open quote.
                if let Some(second) = raw.second_line.filter(|_| reread + again <= REREADS_MAX * walk.input.len()) {
                    reread += again;
                    walk.go_to(second, raw.line + 1);
                }
                continue;
            }
            let mut cells = Vec::with_capacity(width);
            for (at, cell) in raw.cells.into_iter().enumerate() {
                if cell.is_none() {
                    let field = self.places.iter().find(|(_, place)| **place == at).map_or("", |(field, _)| *field);
                    let refusal =
                        Refusal::new(Reason::CellTooLong).with("column", at + 1).with("bytes_max", CELL_BYTES_MAX);
                    self.tell(line, field, refusal, Fate::FieldLeftOut);
                }
                cells.push(cell.unwrap_or_default());
            }
            self.rows.push(Row { line, cells });
        }
    }

    fn tell(&mut self, line: usize, field: &str, refusal: Refusal, fate: Fate) {
        self.findings.push(Finding { line, field: field.to_owned(), refusal, fate });
    }

    /// The cell of a row, without blanks around it; empty where the table has no such column.
    pub fn cell<'r>(&self, row: &'r Row, field: &str) -> &'r str {
        self.places.get(field).and_then(|at| row.cells.get(*at)).map_or("", |cell| cell.trim())
    }

    /// The same with its blanks.
    pub fn whole_cell<'r>(&self, row: &'r Row, field: &str) -> &'r str {
        self.places.get(field).and_then(|at| row.cells.get(*at)).map_or("", String::as_str)
    }
}

type Head = (BTreeMap<&'static str, usize>, String, usize);

/// Which columns the head line has if cells are separated so, what it says, and how many there are.
fn head(text: &str, separator: u8, columns: &[Column]) -> Head {
    let Some(first) = Walk::new(text, separator).next() else { return Head::default() };
    let names: Vec<String> =
        first.cells.iter().map(|cell| cell.as_deref().unwrap_or("").trim().to_lowercase()).collect();
    let mut places = BTreeMap::new();
    for column in columns {
        let named =
            |name: &String| column.field == name || column.names.iter().any(|known| known.to_lowercase() == *name);
        if let Some(at) = names.iter().position(named) {
            places.insert(column.field, at);
        }
    }
    (places, names.join(" "), first.cells.len())
}

/// A record as it was read; a cell that is too long is none.
struct Raw {
    line: usize,
    cells: Vec<Option<String>>,
    /// Where its second line begins, if it has one.
    second_line: Option<usize>,
    /// Whether a quote was still open when the file ended.
    is_open: bool,
    end: usize,
}

/// One pass over the text.
struct Walk<'t> {
    input: &'t [u8],
    at: usize,
    line: usize,
    reader: Reader,
    separator: u8,
    buffer: Vec<u8>,
}

impl<'t> Walk<'t> {
    fn new(text: &'t str, separator: u8) -> Self {
        Self {
            input: text.as_bytes(),
            at: 0,
            line: 1,
            reader: reader(separator),
            separator,
            buffer: vec![0; CELL_BYTES_MAX],
        }
    }

    fn go_to(&mut self, at: usize, line: usize) {
        (self.at, self.line, self.reader) = (at, line, reader(self.separator));
    }

    fn next(&mut self) -> Option<Raw> {
        while let Some(byte @ (b'\n' | b'\r')) = self.input.get(self.at) {
            self.line += usize::from(*byte == b'\n');
            self.at += 1;
        }
        let start = self.at;
        let mut raw = Raw { line: self.line, cells: Vec::new(), second_line: None, is_open: false, end: start };
        let (mut used, mut whole) = (0, true);
        loop {
            let (result, read, written) = self.reader.read_field(&self.input[self.at..], &mut self.buffer[used..]);
            self.at += read;
            used += written;
            match result {
                ReadFieldResult::InputEmpty => {}
                ReadFieldResult::OutputFull => (used, whole) = (0, false),
                ReadFieldResult::Field { record_end } => {
                    // Bytes of a cell are whole characters: separators and quotes are ASCII.
                    let cell = whole.then(|| String::from_utf8_lossy(&self.buffer[..used]).into_owned());
                    if raw.cells.len() < CELLS_MAX {
                        raw.cells.push(cell);
                    }
                    (used, whole) = (0, true);
                    if record_end {
                        break;
                    }
                }
                ReadFieldResult::End => {
                    if start == self.input.len() {
                        return None;
                    }
                    break;
                }
            }
        }
        raw.end = self.at;
        let taken = &self.input[start..self.at];
        let lines = taken.iter().filter(|&&byte| byte == b'\n').count();
        self.line += lines;
        let first_end = taken.iter().position(|&byte| byte == b'\n').map(|at| start + at + 1);
        raw.second_line = first_end.filter(|&second| second < self.at);
        let quotes = taken.iter().filter(|&&byte| byte == b'"').count();
        raw.is_open = raw.second_line.is_some() && self.at == self.input.len() && quotes % 2 == 1;
        Some(raw)
    }
}

fn reader(separator: u8) -> Reader {
    ReaderBuilder::new().delimiter(separator).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 2] = [
        Column { field: "key", names: &["Schlüssel"], required: true },
        Column { field: "name", names: &[], required: false },
    ];

    fn read(text: &str) -> Table {
        Table::read(text.as_bytes(), &COLUMNS).expect("a table")
    }

    fn keys(table: &Table) -> Vec<&str> {
        table.rows.iter().map(|row| table.cell(row, "key")).collect()
    }

    #[test]
    fn any_separator_is_found_out() {
        for text in
            ["key,name\n1,a\n", "name;KEY\r\na;1\r\n", "sep=;\r\nschlüssel;name\n1;a", "key\tname\n1\ta", "x|key\n|1"]
        {
            assert_eq!(keys(&read(text)), ["1"], "{text}");
        }
        for text in ["", "key:name\n1:a\n", "\u{0}\u{1}\n", "name,other\n1,2\n"] {
            assert_eq!(Table::read(text.as_bytes(), &COLUMNS).expect_err(text).reason, Reason::ColumnMissing);
        }
    }

    #[test]
    fn a_bad_row_costs_itself_only() {
        for (text, taken, lines) in [
            ("key,name\n1,a\n2\n3,c\n", vec!["1", "3"], vec![3]),
            ("key,name\n1,a\n2,b,x\n\n\n3,c\n", vec!["1", "3"], vec![3]),
            ("key,name\n1,\"a\n2,b\n3,c\n", vec!["2", "3"], vec![2]),
            ("key,name\n1,\"a\nb\"\n3,c\n", vec!["1", "3"], vec![]),
            ("key,name\n1,a\n2,\"b\n", vec!["1", "2"], vec![]),
        ] {
            let table = read(text);
            assert_eq!(keys(&table), taken, "{text}");
            assert_eq!(table.findings.iter().map(|finding| finding.line).collect::<Vec<_>>(), lines, "{text}");
        }
    }

    #[test]
    fn a_huge_cell_is_read_past() {
        let text = format!("key,name\n1,{}\n2,b\n3,\"{}\"\n4,d\n", "x".repeat(300_000), "y\n".repeat(100_000));
        let table = read(&text);
        assert_eq!(keys(&table), ["1", "2", "3", "4"]);
        let told: Vec<_> = table.findings.iter().map(|finding| (finding.line, finding.field.as_str())).collect();
        assert_eq!(told, [(2, "name"), (4, "name")]);
        assert!(table.findings.iter().all(|finding| finding.refusal.reason == Reason::CellTooLong));
        assert_eq!(table.rows[3].line, 100_004 + 1);
    }
}
