//! The LeiKa/OZG list: services with their keys, as `id,leika_key,name,typ,ozg_id,…` in CSV.
use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::domain::reason::{Reason, Refusal};
use crate::domain::register::{LeikaKey, OzgId, leika_types};
use crate::domain::text::{checked_text, restored, tamed};
use crate::exchange::finding::{Fate, Finding, Import};
use crate::exchange::table::{Column, Row, Table};

/// Longest name of a service: the longest of 2019 has about 300 characters.
const NAME_CHARS_MAX: usize = 500;

/// One service of the catalogue.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Service {
    /// Its key.
    pub key: LeikaKey,
    /// Its name.
    pub name: String,
    /// *Leika-Typ* codes.
    pub types: Vec<String>,
    /// The OZG service it belongs to.
    pub ozg: Option<OzgId>,
    /// The name of that.
    pub ozg_name: String,
    /// *Lebens- oder Geschäftslage*.
    pub situation: String,
    /// *Themenfeld*.
    pub topic: String,
}

const fn column(field: &'static str, names: &'static [&'static str], required: bool) -> Column {
    Column { field, names, required }
}

const COLUMNS: [Column; 7] = [
    column("leika_key", &["Leistungsschlüssel", "LeiKa-Schlüssel", "LeiKa-ID"], true),
    column("name", &["Bezeichnung", "Leistungsbezeichnung"], true),
    column("typ", &["LeiKa-Typ", "Typisierung"], false),
    column("ozg_id", &["OZG-ID"], false),
    column("ozg_leistung", &["OZG-Leistung"], false),
    column("lebens_geschaeftslage", &["Lage", "Lebens-/Geschäftslage"], false),
    column("themenfeld", &["OZG-Themenfeld"], false),
];

/// Reads the list. A row without a good key or name is left out, a row with another fault is taken without that field.
pub fn read(bytes: &[u8]) -> Result<Import<Service>, Refusal> {
    let table = Table::read(bytes, &COLUMNS)?;
    let (mut taken, mut seen, mut findings) = (Vec::new(), BTreeSet::new(), table.findings.clone());
    for row in &table.rows {
        let service = service(&table, row, &mut findings);
        match service
            .and_then(|service| if seen.insert(service.key.clone()) { Ok(service) } else { Err(twice(&service)) })
        {
            Ok(service) => taken.push(service),
            Err((field, refusal)) => {
                findings.push(Finding {
                    line: row.line,
                    field: field.to_owned(),
                    refusal,
                    fate: Fate::RecordLeftOut,
                });
            }
        }
    }
    findings.sort_by_key(|finding| finding.line);
    Ok(Import { taken, findings, records: table.records })
}

fn twice(service: &Service) -> (&'static str, Refusal) {
    ("leika_key", Refusal::new(Reason::RecordTwice).with("value", &service.key))
}

fn service(table: &Table, row: &Row, findings: &mut Vec<Finding>) -> Result<Service, (&'static str, Refusal)> {
    let key: LeikaKey = table.cell(row, "leika_key").parse().map_err(|refusal| ("leika_key", refusal))?;
    key.check_parts().map_err(|refusal| ("leika_key", refusal))?;
    let mut leave_out = |field: &'static str, refusal| {
        findings.push(Finding { line: row.line, field: field.to_owned(), refusal, fate: Fate::FieldLeftOut });
    };
    let mut text = |field: &'static str| {
        let cell = restored(table.cell(row, field));
        match checked_text("value", &cell, NAME_CHARS_MAX) {
            Ok(()) => cell,
            Err(refusal) => {
                leave_out(field, refusal);
                String::new()
            }
        }
    };
    let [ozg_name, situation, topic] = ["ozg_leistung", "lebens_geschaeftslage", "themenfeld"].map(&mut text);
    let name = &restored(table.cell(row, "name"));
    if name.is_empty() {
        return Err(("name", Refusal::new(Reason::FieldInvalid).with("rule", "must not be empty")));
    }
    let checked = checked_text("value", name, NAME_CHARS_MAX);
    let name = tamed(name, NAME_CHARS_MAX);
    if let Err(refusal) = checked {
        findings.push(Finding { line: row.line, field: "name".to_owned(), refusal, fate: Fate::Taken });
    }
    let mut leave_out = |field: &'static str, refusal| {
        findings.push(Finding { line: row.line, field: field.to_owned(), refusal, fate: Fate::FieldLeftOut });
    };
    let types = leika_types(table.cell(row, "typ")).unwrap_or_else(|refusal| {
        leave_out("typ", refusal);
        Vec::new()
    });
    let ozg = match table.cell(row, "ozg_id") {
        "" => None,
        cell => cell.parse().map_err(|refusal| leave_out("ozg_id", refusal)).ok(),
    };
    Ok(Service { key, name, types, ozg, ozg_name, situation, topic })
}

/// The columns of the checked register.
pub const CHECKED: [&str; 7] =
    ["leika_key", "name", "typ", "ozg_id", "ozg_leistung", "lebens_geschaeftslage", "themenfeld"];

impl Service {
    /// Its row in the checked register.
    pub fn cells(&self) -> Vec<Value> {
        let ozg = self.ozg.as_ref().map_or("", OzgId::as_str);
        let types = self.types.join(", ");
        let cells = [self.key.as_str(), &self.name, &types, ozg, &self.ozg_name, &self.situation, &self.topic];
        cells.map(Value::from).to_vec()
    }

    /// For programs.
    pub fn json(&self) -> Value {
        json!({
            "leika_key": self.key, "name": self.name, "types": self.types, "ozg_id": self.ozg, "ozg_name": self.ozg_name,
            "situation": self.situation, "topic": self.topic,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "id,leika_key,name,typ,ozg_id,ozg_leistung,lebens_geschaeftslage,themenfeld\n";

    #[test]
    fn every_fault_is_told_with_line_and_field() {
        let good = "1,99012001000000,Abbruchgenehmigung,4,10513,Abbruch,Bauen,Bauen & Wohnen";
        let wrong = [
            ("2,nicht im LeiKa,A,1,10478,,,", "leika_key", Fate::RecordLeftOut, Reason::LeikaInvalid),
            ("2,25323525,A,1,10478,,,", "leika_key", Fate::RecordLeftOut, Reason::LeikaInvalid),
            ("2,99012001000001,A,1,10478,,,", "leika_key", Fate::RecordLeftOut, Reason::LeikaInvalid),
            ("2,99012001000000,A,1,10478,,,", "leika_key", Fate::RecordLeftOut, Reason::RecordTwice),
            ("2,99012001001000,,1,10478,,,", "name", Fate::RecordLeftOut, Reason::FieldInvalid),
            ("2,99012001001000,A,44,10478,,,", "typ", Fate::FieldLeftOut, Reason::FieldInvalid),
            ("2,99012001001000,A,1,1047,,,", "ozg_id", Fate::FieldLeftOut, Reason::OzgInvalid),
            ("2,99012001001000,A\u{202e}B,1,10478,,,", "name", Fate::Taken, Reason::TextHides),
            ("2,99012001001000,A,1,10478,,,\u{200b}", "themenfeld", Fate::FieldLeftOut, Reason::TextHides),
            ("2,99012001001000,A,1", "", Fate::RecordLeftOut, Reason::RowMisshaped),
        ];
        for (row, field, fate, reason) in wrong {
            let text = format!("{HEAD}{good}\n{row}\n3,99012001005000,C,5,10513,,,\n");
            let import = read(text.as_bytes()).expect("a list");
            let [finding] = &import.findings[..] else { panic!("{row}: {:?}", import.findings) };
            assert_eq!((finding.line, finding.field.as_str(), finding.fate), (3, field, fate), "{row}");
            assert_eq!(finding.refusal.reason, reason, "{row}");
            let kept = if fate == Fate::RecordLeftOut { 2 } else { 3 };
            assert_eq!((import.taken.len(), import.records, import.left_out()), (kept, 3, 3 - kept), "{row}");
        }
    }
}
