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
}

impl Cell {
    /// A value that is its own text.
    pub fn text(text: impl ToString) -> Self {
        let text = printable(&text.to_string());
        Self { value: text.clone().into(), text, known: true }
    }

    /// A value with other words for a person.
    pub fn of(text: impl ToString, value: impl Into<Value>) -> Self {
        Self { text: printable(&text.to_string()), value: value.into(), known: true }
    }

    /// What the bundle does not say, and what to do about it.
    pub fn unknown(text: impl ToString) -> Self {
        Self { text: printable(&text.to_string()), value: Value::Null, known: false }
    }
}

/// A table.
#[derive(Clone, PartialEq, Debug)]
pub struct Table {
    /// Its stable name.
    pub id: &'static str,
    /// Its caption.
    pub caption: String,
    /// Stable names and headings.
    pub columns: Vec<(&'static str, String)>,
    /// As many cells as columns.
    pub rows: Vec<Vec<Cell>>,
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
    /// What it is and is not.
    pub preface: Vec<String>,
    /// Its parts.
    pub chapters: Vec<Chapter>,
}

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#111;\
background:#fff}h2{margin-top:2.5rem;border-bottom:1px solid #767676}table{border-collapse:collapse;width:100%;margin:1rem 0}\
caption{text-align:left;font-weight:600;padding:.25rem 0}th,td{border:1px solid #767676;padding:.25rem .5rem;text-align:left;\
vertical-align:top;overflow-wrap:anywhere}dt{font-weight:600}dd{margin:0 0 .5rem;overflow-wrap:anywhere}\
.unknown{font-style:italic}.ruling{border:2px solid #111;padding:.5rem 1rem;font-weight:600}\
@page{size:A4;margin:20mm}@media print{body{margin:0;max-width:none;font-size:10pt}\
h2,caption,dt{break-after:avoid}tr,dd{break-inside:avoid}thead{display:table-header-group}}";

impl Page {
    /// The page for a browser or a printer: one file without scripts.
    pub fn html(&self) -> String {
        let lang = if self.lang == Lang::De { "de" } else { "en" };
        let mut text = String::new();
        let mut line = |part: String| writeln!(text, "{part}").expect("writing into memory cannot fail");
        line("<!DOCTYPE html>".to_owned());
        line(format!("<html lang=\"{lang}\"><head><meta charset=\"utf-8\">"));
        line("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">".to_owned());
        line(format!("<title>{}</title><style>{STYLE}</style></head><body><main>", escaped(&self.title)));
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
                    line(format!("<dt>{}</dt>{}", escaped(label), tagged("dd", cell)));
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
        let heads: String =
            self.columns.iter().map(|(_, head)| format!("<th scope=\"col\">{}</th>", escaped(head))).collect();
        let row = |row: &Vec<Cell>| {
            let cells: String = row.iter().map(|cell| tagged("td", cell)).collect();
            format!("<tr>{cells}</tr>\n")
        };
        let rows: String = self.rows.iter().map(row).collect();
        let caption = escaped(&self.caption);
        format!("<table><caption>{caption}</caption><thead><tr>{heads}</tr></thead><tbody>\n{rows}</tbody></table>")
    }

    fn json(&self) -> Value {
        let row = |row: &Vec<Cell>| {
            let cells = self.columns.iter().zip(row).map(|((id, _), cell)| ((*id).to_owned(), cell.json()));
            Value::Object(cells.collect())
        };
        json!({"caption": self.caption, "rows": self.rows.iter().map(row).collect::<Vec<_>>()})
    }
}

fn tagged(tag: &str, cell: &Cell) -> String {
    let class = if cell.known { "" } else { " class=\"unknown\"" };
    format!("<{tag}{class}>{}</{tag}>", escaped(&cell.text))
}

/// Text in HTML, between tags and in quoted attributes alike.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in printable(text).chars() {
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
        let columns = vec![("value", hostile.to_owned())];
        let rows = vec![vec![Cell::unknown(hostile)]];
        chapter.tables.push(Table { id: "t", caption: hostile.to_owned(), columns, rows });
        let page = Page {
            lang: Lang::De,
            title: hostile.to_owned(),
            ruling: "VALID",
            preface: vec![hostile.to_owned()],
            chapters: vec![chapter],
        };
        let html = page.html();
        assert!(!html.contains("<script") && !html.contains("onload=\"") && !html.contains('\u{202e}'), "{html}");
        assert!(!html.contains('\u{1b}') && html.contains("⟨U+001B⟩[2J⟨U+202E⟩"), "{html}");
        assert_eq!(html.matches("&lt;script&gt;").count(), 9, "title, heading, preface, label, value, table, note");
        assert_eq!(page.json()["sections"][0]["entries"]["value"]["text"], printable(hostile).as_str());
    }
}
