//! What was found wrong in a file, with its place, and what became of the record.
use serde_json::{Value, json};

use crate::domain::reason::{Lang, Refusal};

/// What became of the record in which something was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// The whole record was left out.
    RecordLeftOut,
    /// The field was left out, the record taken.
    FieldLeftOut,
    /// Everything was taken; somebody should look.
    Taken,
}

impl Fate {
    fn text(self, lang: Lang) -> &'static str {
        match (self, lang) {
            (Self::RecordLeftOut, Lang::De) => "Datensatz ausgelassen",
            (Self::RecordLeftOut, Lang::En) => "record left out",
            (Self::FieldLeftOut, Lang::De) => "Feld ausgelassen, Datensatz übernommen",
            (Self::FieldLeftOut, Lang::En) => "field left out, record taken",
            (Self::Taken, Lang::De) => "übernommen",
            (Self::Taken, Lang::En) => "taken",
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::RecordLeftOut => "record-left-out",
            Self::FieldLeftOut => "field-left-out",
            Self::Taken => "taken",
        }
    }
}

/// One thing that is wrong in a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// The line, counted from 1 as editors do.
    pub line: usize,
    /// The field or column; empty for the whole line.
    pub field: String,
    /// What is wrong.
    pub refusal: Refusal,
    /// What became of it.
    pub fate: Fate,
}

impl Finding {
    /// For a person: `Zeile 5012, typ: Ein Feld ist ungültig. (value: 44) [FIELD_INVALID] – Feld ausgelassen, …`.
    pub fn text(&self, lang: Lang) -> String {
        let line = if lang == Lang::De { "Zeile" } else { "Line" };
        let field = if self.field.is_empty() { String::new() } else { format!(", {}", self.field) };
        let details = self.refusal.details();
        let details = if details.is_empty() { details } else { format!(" ({details})") };
        let reason = self.refusal.reason;
        let (said, code, fate) = (reason.text(lang), reason.code(), self.fate.text(lang));
        format!("{line} {}{field}: {said}{details} [{code}] – {fate}", self.line)
    }

    /// For programs.
    pub fn json(&self) -> Value {
        json!({
            "line": self.line, "field": self.field, "reason": self.refusal.reason.code(),
            "details": self.refusal.fields, "fate": self.fate.word(),
        })
    }
}

/// What a file gave.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Import<T> {
    /// The records that hold, in the order of the file.
    pub taken: Vec<T>,
    /// What was wrong, by line.
    pub findings: Vec<Finding>,
    /// How many records the file has.
    pub records: usize,
}

impl<T> Import<T> {
    /// How many records were left out.
    pub fn left_out(&self) -> usize {
        self.records - self.taken.len()
    }
}
