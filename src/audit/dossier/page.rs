//! The dossier as a document: chapters of named values and tables, written as HTML or as JSON, byte for byte the same.
//!
//! Everything that comes from a bundle is hostile text until it is escaped here. Must never hold a clock, a script or
//! anything fetched from elsewhere: the page must look the same in twenty years, offline.
use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::domain::characters::printable;
use crate::domain::reason::Lang;

/// A value with the words for a person. Unknown values say why.
#[derive(Clone, PartialEq, Debug)]
pub struct Cell {
    /// The words.
    pub text: String,
    /// The value for machines; null if it is not known.
    pub value: Value,
    /// Whether it is known.
    pub known: bool,
    /// The words sentence by sentence, where there are several.
    pub parts: Vec<String>,
}

impl Cell {
    /// A value that is its own text.
    pub fn text(text: impl ToString) -> Self {
        let text = printable(&text.to_string());
        Self { value: text.clone().into(), text, known: true, parts: Vec::new() }
    }

    /// A value with other words for a person.
    pub fn of(text: impl ToString, value: impl Into<Value>) -> Self {
        Self { text: printable(&text.to_string()), value: value.into(), known: true, parts: Vec::new() }
    }

    /// Several sentences.
    pub fn sentences(parts: Vec<String>) -> Self {
        let parts: Vec<String> = parts.iter().map(|part| printable(part)).collect();
        Self { parts: parts.clone(), ..Self::of(parts.join(" "), parts) }
    }

    /// What the bundle does not say, and what to do about it.
    pub fn unknown(text: impl ToString) -> Self {
        Self { text: printable(&text.to_string()), value: Value::Null, known: false, parts: Vec::new() }
    }
}

/// How a column is set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fit {
    /// Text that wraps; such columns share what the others leave.
    Text,
    /// A word, a day: never broken.
    Word,
    /// An amount: never broken, and set so that digits stand under digits.
    Amount,
    /// Long text or an id: across the whole table, below the row.
    Below,
}

/// A column of a table.
#[derive(Clone, PartialEq, Debug)]
pub struct Column {
    /// Its stable name.
    pub id: &'static str,
    /// Its heading.
    pub head: String,
    /// How it is set.
    pub fit: Fit,
}

/// A table.
#[derive(Clone, PartialEq, Debug)]
pub struct Table {
    /// Its stable name.
    pub id: &'static str,
    /// Its caption.
    pub caption: String,
    /// Its columns.
    pub columns: Vec<Column>,
    /// As many cells as columns.
    pub rows: Vec<Vec<Cell>>,
    /// The last row, which sums the others up; empty if there is none.
    pub sum: Vec<Cell>,
}

/// A part of the document.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Chapter {
    /// Its stable name.
    pub id: &'static str,
    /// Its heading.
    pub title: String,
    /// Named values: stable name, label, value.
    pub entries: Vec<(&'static str, String, Cell)>,
    /// Tables.
    pub tables: Vec<Table>,
    /// Sentences.
    pub notes: Vec<String>,
}

impl Chapter {
    /// An empty chapter.
    pub fn new(id: &'static str, title: &str) -> Self {
        Self { id, title: title.to_owned(), ..Self::default() }
    }

    /// Adds a value.
    pub fn entry(&mut self, id: &'static str, label: &str, cell: Cell) {
        self.entries.push((id, label.to_owned(), cell));
    }

    /// Adds a sentence.
    pub fn note(&mut self, text: impl ToString) {
        self.notes.push(printable(&text.to_string()));
    }
}

/// The document.
#[derive(Clone, PartialEq, Debug)]
pub struct Page {
    /// Its language.
    pub lang: Lang,
    /// Its title.
    pub title: String,
    /// The stable word of the audit's ruling.
    pub ruling: &'static str,
    /// What stands at the foot of every sheet; letters, digits and points only.
    pub foot: String,
    /// What it is and is not.
    pub preface: Vec<String>,
    /// Its parts.
    pub chapters: Vec<Chapter>,
}

/// Longest text that a column keeps in one piece: an amount of ten digits with its points, or a German day and time.
const UNBROKEN_CHARS_MAX: usize = 20;

/// A4 with room for a punch; tables of fixed layout, so that no text, however long, pushes another column off the sheet.
const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#111;\
background:#fff}h1{line-height:1.2}h2{margin-top:2.5rem;border-bottom:1px solid #767676}\
dl{margin:1rem 0}dl div{display:flex;gap:1rem;padding:.2rem 0;border-bottom:1px solid #d0d0d0}\
dt{flex:0 0 35%;font-weight:600;hyphens:auto}dd{flex:1;margin:0;min-width:0;overflow-wrap:anywhere}\
table{table-layout:fixed;border-collapse:collapse;width:calc(100% - 1px);margin:1rem 0;border:1px solid #767676}\
caption{text-align:left;font-weight:600;padding:.25rem 0}\
th,td{padding:.25rem .5rem;text-align:left;vertical-align:top;overflow-wrap:anywhere}th{hyphens:manual;overflow-wrap:normal;\
vertical-align:bottom;background:#eee}thead tr,tbody,tfoot tr{border:1px solid #767676}tfoot{display:table-row-group;font-weight:600}\
td.word{white-space:nowrap}.amount{text-align:right;font-variant-numeric:tabular-nums}td.amount{white-space:nowrap}\
.below td{padding-top:0;font-size:.9em}.below p,.below ul{margin:0 0 .25rem}.below ul{padding-left:1.2rem}.label{font-weight:600}\
.unknown{font-style:italic}.ruling{border:2px solid #111;padding:.5rem 1rem;font-weight:600}\
@media(max-width:40rem){dl div{display:block}}\
@media print{body{margin:0;padding:0;max-width:none;font-size:9.5pt;line-height:1.35}h1{font-size:16pt;margin:0 0 4mm}\
h2{font-size:12pt;margin-top:7mm}h2,caption,thead{break-after:avoid}caption,dl div,tbody,tfoot tr,.ruling{break-inside:avoid}\
thead{display:table-header-group}p{orphans:3;widows:3}th,.ruling{print-color-adjust:exact;-webkit-print-color-adjust:exact}}";

impl Page {
    /// The page for a browser or a printer: one file without scripts.
    pub fn html(&self) -> String {
        let lang = if self.lang == Lang::De { "de" } else { "en" };
        let mut text = String::new();
        let mut line = |part: String| writeln!(text, "{part}").expect("writing into memory cannot fail");
        line("<!DOCTYPE html>".to_owned());
        line(format!("<html lang=\"{lang}\"><head><meta charset=\"utf-8\">"));
        line("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">".to_owned());
        let style = format!("{STYLE}{}", self.sheet());
        line(format!("<title>{}</title><style>{style}</style></head><body><main>", escaped(&self.title)));
        line(format!("<h1>{}</h1>", escaped(&self.title)));
        for (at, sentence) in self.preface.iter().enumerate() {
            let class = if at == 0 { " class=\"ruling\"" } else { "" };
            line(format!("<p{class}>{}</p>", escaped(sentence)));
        }
        for chapter in &self.chapters {
            line(format!("<section id=\"{}\"><h2>{}</h2>", chapter.id, escaped(&chapter.title)));
            if !chapter.entries.is_empty() {
                line("<dl>".to_owned());
                for (_, label, cell) in &chapter.entries {
                    line(format!("<div><dt>{}</dt>{}</div>", escaped(label), tagged("dd", "", cell)));
                }
                line("</dl>".to_owned());
            }
            chapter.tables.iter().for_each(|table| line(table.html()));
            chapter.notes.iter().for_each(|note| line(format!("<p>{}</p>", escaped(note))));
            line("</section>".to_owned());
        }
        line("</main></body></html>".to_owned());
        text
    }

    /// The margins of a sheet: what it is, and which one of how many.
    fn sheet(&self) -> String {
        let foot: String = self.foot.chars().filter(|c| c.is_ascii_alphanumeric() || " .,()".contains(*c)).collect();
        let (sheet, of) = if self.lang == Lang::De { ("Seite", "von") } else { ("Page", "of") };
        format!(
            "@page{{size:A4;margin:20mm 18mm 20mm 25mm;@bottom-left{{content:\"{foot}\";font:8pt system-ui,sans-serif}}\
             @bottom-right{{content:\"{sheet} \" counter(page) \" {of} \" counter(pages);font:8pt system-ui,sans-serif}}}}"
        )
    }

    /// The same for machines: values under their stable names, beside the words for a person.
    pub fn json(&self) -> Value {
        let chapter = |chapter: &Chapter| {
            let entries = chapter.entries.iter().map(|(id, label, cell)| {
                let mut value = cell.json();
                value["label"] = label.clone().into();
                ((*id).to_owned(), value)
            });
            let tables = chapter.tables.iter().map(|table| (table.id.to_owned(), table.json()));
            json!({
                "id": chapter.id, "title": chapter.title, "entries": entries.collect::<Map<_, _>>(),
                "tables": tables.collect::<Map<_, _>>(), "notes": chapter.notes,
            })
        };
        json!({
            "kind": "vergabevermerk-draft", "version": 1, "lang": if self.lang == Lang::De { "de" } else { "en" },
            "title": self.title, "verdict": self.ruling, "preface": self.preface,
            "sections": self.chapters.iter().map(chapter).collect::<Vec<_>>(),
        })
    }
}

impl Cell {
    fn json(&self) -> Value {
        json!({"text": self.text, "value": self.value, "known": self.known})
    }
}

impl Table {
    fn html(&self) -> String {
        let columns = || self.columns.iter().enumerate().filter(|(_, column)| column.fit != Fit::Below);
        let widths: String = columns().map(|(at, _)| self.width(at)).collect();
        let head = |(_, column): (usize, &Column)| {
            format!("<th scope=\"col\"{}>{}</th>", class_of(&[column.fit.class()]), escaped(&column.head))
        };
        let heads: String = columns().map(head).collect();
        let beside = |row: &[Cell]| -> String {
            columns().filter_map(|(at, _)| row.get(at).map(|cell| tagged("td", self.class(at), cell))).collect()
        };
        let row = |row: &Vec<Cell>| {
            let below = self.below(row, columns().count());
            format!("<tbody><tr>{}</tr>{below}</tbody>\n", beside(row))
        };
        let rows: String = self.rows.iter().map(row).collect();
        let sum = if self.sum.is_empty() {
            String::new()
        } else {
            format!("<tfoot><tr>{}</tr></tfoot>", beside(&self.sum))
        };
        let caption = escaped(&self.caption);
        format!(
            "<table><caption>{caption}</caption><colgroup>{widths}</colgroup><thead><tr>{heads}</tr></thead>\n{rows}{sum}</table>"
        )
    }

    /// As wide as its longest text, if that must not be broken.
    fn width(&self, at: usize) -> String {
        if self.columns[at].fit == Fit::Text {
            return "<col>".to_owned();
        }
        let longest_word = self.columns[at].head.split(' ').map(|word| word.chars().count()).max().unwrap_or(0);
        format!("<col style=\"width:{}ch\">", self.longest(at).min(UNBROKEN_CHARS_MAX).max(longest_word) + 3)
    }

    fn longest(&self, at: usize) -> usize {
        let rows = self.rows.iter().chain(std::iter::once(&self.sum));
        rows.filter_map(|row| row.get(at)).map(|cell| cell.text.chars().count()).max().unwrap_or(0)
    }

    /// How the cells of a column are set. What is too long for one line is set as text.
    fn class(&self, at: usize) -> &'static str {
        let broken = self.longest(at) > UNBROKEN_CHARS_MAX;
        if broken { Fit::Text.class() } else { self.columns[at].fit.class() }
    }

    /// What stands below a row.
    fn below(&self, row: &[Cell], width: usize) -> String {
        let below = self.columns.iter().zip(row).filter(|(column, _)| column.fit == Fit::Below);
        let told = below.filter(|(_, cell)| !cell.text.is_empty());
        let told: String = told.map(|(column, cell)| labelled(&column.head, cell)).collect();
        if told.is_empty() { told } else { format!("<tr class=\"below\"><td colspan=\"{width}\">{told}</td></tr>") }
    }

    fn json(&self) -> Value {
        let row = |row: &Vec<Cell>| {
            let cells = self.columns.iter().zip(row).map(|(column, cell)| (column.id.to_owned(), cell.json()));
            Value::Object(cells.collect())
        };
        json!({"caption": self.caption, "rows": self.rows.iter().map(row).collect::<Vec<_>>()})
    }
}

impl Fit {
    fn class(self) -> &'static str {
        match self {
            Self::Word => "word",
            Self::Amount => "amount",
            Self::Text | Self::Below => "",
        }
    }
}

/// A value with its label, across the table: one line, or a list of sentences.
fn labelled(label: &str, cell: &Cell) -> String {
    let label = format!("<span class=\"label\">{}:</span>", escaped(label));
    if cell.parts.len() < 2 {
        return format!("<p{}>{label} {}</p>", class_of(&[cell.class()]), escaped(&cell.text));
    }
    let parts: String = cell.parts.iter().map(|part| format!("<li>{}</li>", escaped(part))).collect();
    format!("<p>{label}</p><ul>{parts}</ul>")
}

impl Cell {
    fn class(&self) -> &'static str {
        if self.known { "" } else { "unknown" }
    }
}

fn tagged(tag: &str, class: &str, cell: &Cell) -> String {
    format!("<{tag}{}>{}</{tag}>", class_of(&[class, cell.class()]), escaped(&cell.text))
}

fn class_of(classes: &[&str]) -> String {
    let named: Vec<&str> = classes.iter().copied().filter(|class| !class.is_empty()).collect();
    if named.is_empty() { String::new() } else { format!(" class=\"{}\"", named.join(" ")) }
}

/// What must not be parted at the end of a line: a number from its sign, a paragraph from its number.
const BOUND: [(&str, &str); 5] =
    [(" €", "\u{a0}€"), (" %", "\u{a0}%"), ("§ ", "§\u{a0}"), ("Abs. ", "Abs.\u{a0}"), ("Nr. ", "Nr.\u{a0}")];

/// Text in HTML, between tags and in quoted attributes alike.
fn escaped(text: &str) -> String {
    let bound = BOUND.iter().fold(printable(text), |text, (loose, tied)| text.replace(loose, tied));
    let mut safe = String::with_capacity(bound.len());
    for c in bound.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_stays_text() {
        let mut chapter = Chapter::new("a", "A");
        let hostile = "<script>alert('x')</script>\" onload=\"y\u{1b}[2J\u{202e}&";
        chapter.entry("value", hostile, Cell::text(hostile));
        chapter.note(hostile);
        let column = |fit| Column { id: "value", head: hostile.to_owned(), fit };
        let columns = vec![column(Fit::Word), column(Fit::Below)];
        let rows = vec![vec![Cell::unknown(hostile), Cell::sentences(vec![hostile.to_owned(); 2])]];
        chapter.tables.push(Table { id: "t", caption: hostile.to_owned(), columns, rows, sum: Vec::new() });
        let page = Page {
            lang: Lang::De,
            title: hostile.to_owned(),
            ruling: "VALID",
            foot: format!("{hostile}</style>"),
            preface: vec![hostile.to_owned()],
            chapters: vec![chapter],
        };
        let html = page.html();
        assert!(!html.contains("<script") && !html.contains("onload=\"") && !html.contains('\u{202e}'), "{html}");
        assert!(!html.contains('\u{1b}') && html.contains("⟨U+001B⟩[2J⟨U+202E⟩"), "{html}");
        assert_eq!(html.matches("&lt;script&gt;").count(), 12, "title, heading, preface, label, value, table, note");
        assert_eq!(html.matches("</style>").count(), 1, "the foot cannot end the style");
        assert_eq!(page.json()["sections"][0]["entries"]["value"]["text"], printable(hostile).as_str());
    }
}
