//! Offerings as rows of a table: one list of columns for CSV and XLSX, out and in.
//!
//! Several values of one cell stand between bars. The price as signed is one cell of JSON; the two sums beside it are for
//! people and are not read. Must never fill in what the row does not say: what is missing comes from the options given, or the
//! row is left out.
use std::collections::BTreeSet;
use std::str::FromStr;

use serde_json::{Value, json};

use crate::domain::connection::Requirement;
use crate::domain::id::{OrgId, shortened};
use crate::domain::money::Cents;
use crate::domain::offering::{CatalogueReference, Maturity, MaturityModel, Offering, Sovereignty};
use crate::domain::price::{Component, Due};
use crate::domain::reason::{Lang, Reason, Refusal};
use crate::domain::register::{Area, LeikaKey};
use crate::domain::text::restored;
use crate::domain::time::Date;
use crate::exchange::finding::{Fate, Finding, Import};
use crate::exchange::table::{Column, Row, Table};

/// What stands between two values of one cell.
const BAR: char = '|';

/// Column by column: field, German and English head. A name marked with `names` of [`Column`] is read as well.
const HEADS: [(&str, [&str; 2]); 35] = [
    ("seller", ["Anbieter", "Seller"]),
    ("name", ["Name", "Name"]),
    ("version", ["Fassung", "Version"]),
    ("title", ["Titel", "Title"]),
    ("description", ["Beschreibung", "Description"]),
    ("leika", ["LeiKa-Schlüssel", "LeiKa keys"]),
    ("ozg", ["OZG-ID", "OZG id"]),
    ("leika_types", ["LeiKa-Typ", "LeiKa types"]),
    ("topic", ["Themenfeld", "Topic"]),
    ("lead_land", ["Federführendes Land", "Lead Land"]),
    ("efa_confirmed", ["EfA bestätigt", "EfA confirmed"]),
    ("coverage", ["Gebiet", "Coverage"]),
    ("maturity", ["Reifegrad", "Maturity"]),
    ("connection", ["Anbindungsart", "Connection"]),
    ("portals", ["Portale", "Portals"]),
    ("specialised_systems", ["Fachverfahren", "Specialised systems"]),
    ("requires", ["Voraussetzungen", "Requirements"]),
    ("dvdv", ["DVDV-Schlüssel", "DVDV keys"]),
    ("licence", ["Lizenz", "Licence"]),
    ("repository", ["Quelltext", "Repository"]),
    ("data_location", ["Ort der Daten", "Data location"]),
    ("interfaces", ["Offene Schnittstellen", "Open interfaces"]),
    ("d_stack", ["Deutschland-Stack", "Deutschland-Stack maturity"]),
    ("catalogues", ["Andere Kataloge", "Other catalogues"]),
    ("entries", ["Nummern dort", "Numbers there"]),
    ("once", ["Einmalig (Euro, netto)", "Once (euro, net)"]),
    ("per_year", ["Je Jahr (Euro, netto)", "Per year (euro, net)"]),
    ("price", ["Preis (JSON)", "Price (JSON)"]),
    ("not_included", ["Nicht enthalten", "Not included"]),
    ("term_years_min", ["Mindestlaufzeit (Jahre)", "Shortest term (years)"]),
    ("notice_days", ["Kündigungsfrist (Tage)", "Notice (days)"]),
    ("valid_from", ["Gültig ab", "Valid from"]),
    ("valid_to", ["Gültig bis", "Valid to"]),
    ("source", ["Quelle", "Source"]),
    ("assumed", ["Annahmen", "Assumptions"]),
];

/// The head line.
pub fn head(lang: Lang) -> Vec<&'static str> {
    HEADS.iter().map(|(_, [de, en])| if lang == Lang::De { *de } else { *en }).collect()
}

/// What offerings say that a foreign file cannot, as the person who imports it gives it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Given {
    /// Who sells them.
    pub seller: Option<OrgId>,
    /// *Themenfeld*.
    pub topic: Option<String>,
    /// Where they may be used.
    pub coverage: Vec<Area>,
    /// Shortest contract.
    pub term_years_min: Option<u32>,
    /// First day on which they may be ordered.
    pub valid_from: Option<Date>,
    /// Where the facts come from.
    pub source: Option<String>,
}

/// The row of an offering.
pub fn row(offering: &Offering, lang: Lang) -> Vec<Value> {
    HEADS.iter().map(|(field, _)| cell(offering, field, lang)).collect()
}

fn cell(offering: &Offering, field: &str, lang: Lang) -> Value {
    let listed = |values: &[String]| Value::from(joined(values.iter().map(String::as_str)));
    let optional = |value: Option<String>| value.map_or(Value::Null, Value::from);
    match field {
        "seller" => offering.seller.as_str().into(),
        "name" => offering.name.as_str().into(),
        "version" => offering.version.into(),
        "title" => offering.title.as_str().into(),
        "description" => offering.description.as_str().into(),
        "leika" => joined(offering.leika.iter().map(LeikaKey::as_str)).into(),
        "ozg" => optional(offering.ozg.as_ref().map(ToString::to_string)),
        "leika_types" => listed(&offering.leika_types),
        "topic" => offering.topic.as_str().into(),
        "lead_land" => optional(offering.lead_land.clone()),
        "efa_confirmed" => yes_or_no(offering.efa_confirmed, lang).into(),
        "coverage" => joined(offering.coverage.iter().map(Area::as_str)).into(),
        "maturity" => optional(offering.maturity.map(maturity_text)),
        "connection" => listed(&offering.connection),
        "portals" => listed(&offering.portals),
        "specialised_systems" => listed(&offering.specialised_systems),
        "requires" => joined(offering.requires.iter().map(|one| one.word())).into(),
        "dvdv" => listed(&offering.dvdv),
        "catalogues" => joined(offering.references.iter().map(|one| one.catalogue.as_str())).into(),
        "entries" => joined(offering.references.iter().map(|one| one.entry.as_str())).into(),
        "licence" | "repository" | "data_location" | "interfaces" | "d_stack" => {
            offering.sovereignty.as_ref().map_or(Value::Null, |known| sovereign(known, field))
        }
        "once" => sum(&offering.price, Due::Once, lang),
        "per_year" => sum(&offering.price, Due::PerYear, lang),
        "price" => serde_json::to_string(&offering.price).map_or(Value::Null, Value::from),
        "not_included" => listed(&offering.not_included),
        "term_years_min" => offering.term_years_min.into(),
        "notice_days" => json!(offering.notice_days),
        "valid_from" => offering.valid_from.to_string().into(),
        "valid_to" => optional(offering.valid_to.map(|day| day.to_string())),
        "source" => offering.source.as_str().into(),
        "assumed" => listed(&offering.assumed),
        _ => Value::Null,
    }
}

fn sovereign(known: &Sovereignty, field: &str) -> Value {
    let text = match field {
        "licence" => &known.licence,
        "repository" => &known.repository,
        "data_location" => &known.data_location,
        "d_stack" => &known.d_stack,
        _ => return joined(known.interfaces.iter().map(String::as_str)).into(),
    };
    text.clone().map_or(Value::Null, Value::from)
}

fn yes_or_no(yes: bool, lang: Lang) -> &'static str {
    match (yes, lang) {
        (true, Lang::De) => "ja",
        (false, Lang::De) => "nein",
        (true, Lang::En) => "yes",
        (false, Lang::En) => "no",
    }
}

/// `2.0/5`: model and level.
fn maturity_text(maturity: Maturity) -> String {
    let model = match maturity.model() {
        MaturityModel::V1_1 => "1.1",
        MaturityModel::V2_0 => "2.0",
    };
    format!("{model}/{}", maturity.level())
}

/// The plain amounts, without the sign of the currency; nothing where an amount depends on the buyer.
fn sum(price: &[Component], due: Due, lang: Lang) -> Value {
    let parts = || price.iter().filter(|part| part.due == due);
    if parts().any(|part| part.terms.is_some()) {
        return Value::Null;
    }
    let total = parts().try_fold(Cents::ZERO, |sum, part| sum.plus(part.cents));
    total.map_or(Value::Null, |total| Value::from(total.text(lang).trim_matches(['€', '\u{a0}', ' '])))
}

/// Values of one cell; a bar in a value has a backslash before it, and so has a backslash.
fn joined<'v>(values: impl Iterator<Item = &'v str>) -> String {
    let escaped = values.map(|value| value.replace('\\', "\\\\").replace(BAR, "\\|"));
    escaped.collect::<Vec<_>>().join(" | ")
}

fn split(cell: &str) -> Vec<String> {
    let (mut values, mut value, mut escaped) = (Vec::new(), String::new(), false);
    for c in cell.chars() {
        match c {
            _ if escaped => {
                value.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            BAR => values.push(std::mem::take(&mut value)),
            _ => value.push(c),
        }
    }
    values.push(value);
    values.into_iter().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty()).collect()
}

/// Reads a table of offerings. A row with a fault is left out, and every fault in it is told.
pub fn read(bytes: &[u8], given: &Given, seen: &mut Known) -> Result<Import<Offering>, Refusal> {
    let columns: Vec<Column> =
        HEADS.iter().map(|(field, names)| Column { field, names, required: matches!(*field, "title") }).collect();
    let table = Table::read(bytes, &columns)?;
    let mut import = Import { taken: Vec::new(), findings: table.findings.clone(), records: table.records };
    for row in &table.rows {
        let mut draft = Draft::new(given);
        let offering = draft.of_row(&table, row);
        import.take(offering, draft, row.line, seen);
    }
    import.findings.sort_by_key(|finding| finding.line);
    Ok(import)
}

/// Seller, name and version.
pub type Known = BTreeSet<(OrgId, OrgId, u32)>;

impl Import<Offering> {
    /// Takes an offering that has no faults and is not there yet; otherwise tells them all.
    pub fn take(&mut self, offering: Option<Offering>, draft: Draft, line: usize, seen: &mut Known) {
        let mut faults = draft.faults;
        if let Some(offering) = offering.filter(|_| faults.is_empty()) {
            match offering.check() {
                Err(refusal) => faults.push((refusal.field("field").unwrap_or("").to_owned(), refusal)),
                Ok(()) if seen.insert((offering.seller.clone(), offering.name.clone(), offering.version)) => {
                    self.taken.push(offering);
                }
                Ok(()) => {
                    faults.push(("name".to_owned(), Refusal::new(Reason::RecordTwice).with("value", &offering.name)));
                }
            }
        }
        let told = |(field, refusal)| Finding { line, field, refusal, fate: Fate::RecordLeftOut };
        self.findings.extend(faults.into_iter().map(told));
    }
}

/// An offering in the making, and what is wrong with it.
pub struct Draft<'g> {
    given: &'g Given,
    faults: Vec<(String, Refusal)>,
}

impl<'g> Draft<'g> {
    /// Nothing yet.
    pub fn new(given: &'g Given) -> Self {
        Self { given, faults: Vec::new() }
    }

    /// Notes a fault.
    pub fn fault(&mut self, field: &str, refusal: Refusal) {
        self.faults.push((field.to_owned(), refusal));
    }

    /// The value, or the fault that it cannot be read.
    pub fn parsed<T: FromStr<Err = Refusal>>(&mut self, field: &str, text: &str) -> Option<T> {
        text.parse().map_err(|refusal| self.fault(field, refusal)).ok()
    }

    /// The value, or the one given for all, or the fault that there is none.
    pub fn or_given<T: FromStr<Err = Refusal> + Clone>(
        &mut self,
        field: &str,
        text: &str,
        given: Option<T>,
    ) -> Option<T> {
        match (text, given) {
            ("", Some(given)) => Some(given),
            ("", None) => {
                self.missing(field);
                None
            }
            _ => self.parsed(field, text),
        }
    }

    /// The fault that a value is missing.
    pub fn missing(&mut self, field: &str) {
        self.fault(field, Refusal::new(Reason::FieldInvalid).with("rule", "must be in the file or given"));
    }

    /// Every value of a list that can be read.
    pub fn each<T: FromStr<Err = Refusal>>(&mut self, field: &str, values: &[String]) -> Vec<T> {
        values.iter().filter_map(|value| self.parsed(field, value)).collect()
    }

    /// A whole number.
    pub fn number(&mut self, field: &str, text: &str) -> Option<u32> {
        let refuse = || Refusal::new(Reason::FieldInvalid).with("value", shortened(text));
        text.parse().map_err(|_| self.fault(field, refuse())).ok()
    }

    /// The areas in a list, or those given.
    pub fn coverage(&mut self, values: &[String]) -> Vec<Area> {
        if values.is_empty() { self.given.coverage.clone() } else { self.each("coverage", values) }
    }

    /// The text, or the one given, or the fault that there is none.
    pub fn text(&mut self, field: &str, text: &str, given: Option<&String>) -> String {
        match (text, given) {
            ("", Some(given)) => given.clone(),
            ("", None) => {
                self.missing(field);
                String::new()
            }
            _ => text.to_owned(),
        }
    }

    /// What was given for all.
    pub fn given(&self) -> &'g Given {
        self.given
    }

    fn maturity(&mut self, text: &str) -> Option<Maturity> {
        let (model, level) = text.split_once('/').filter(|_| !text.is_empty())?;
        let model = match model {
            "1.1" => MaturityModel::V1_1,
            "2.0" => MaturityModel::V2_0,
            _ => {
                self.fault("maturity", Refusal::new(Reason::MaturityInvalid).with("value", shortened(text)));
                return None;
            }
        };
        let level = u8::try_from(self.number("maturity", level)?).unwrap_or(u8::MAX);
        Maturity::new(model, level).map_err(|refusal| self.fault("maturity", refusal)).ok()
    }

    fn is_confirmed(&mut self, text: &str) -> bool {
        match text.to_lowercase().as_str() {
            "ja" | "yes" | "true" | "1" => true,
            "" | "nein" | "no" | "false" | "0" => false,
            _ => {
                self.fault("efa_confirmed", Refusal::new(Reason::FieldInvalid).with("value", shortened(text)));
                false
            }
        }
    }

    fn price(&mut self, text: &str) -> Vec<Component> {
        if text.is_empty() {
            self.missing("price");
            return Vec::new();
        }
        let refuse = |error| Refusal::new(Reason::JsonInvalid).with("problem", error);
        serde_json::from_str(text).map_err(|error| self.fault("price", refuse(error))).unwrap_or_default()
    }

    fn requires(&mut self, words: &[String]) -> Vec<Requirement> {
        let refuse = |word: &String| Refusal::new(Reason::FieldInvalid).with("value", shortened(word));
        let mut known = |word: &String| {
            let found = Requirement::of_word(&word.to_lowercase());
            found.or_else(|| {
                self.fault("requires", refuse(word));
                None
            })
        };
        words.iter().filter_map(&mut known).collect()
    }

    /// A number for each catalogue, in the same order.
    fn references(&mut self, catalogues: Vec<String>, entries: Vec<String>) -> Vec<CatalogueReference> {
        if catalogues.len() != entries.len() {
            let refusal = Refusal::new(Reason::FieldInvalid).with("rule", "as many numbers as catalogues");
            self.fault("entries", refusal.with("expected", catalogues.len()).with("found", entries.len()));
        }
        let pairs = catalogues.into_iter().zip(entries);
        pairs.map(|(catalogue, entry)| CatalogueReference { catalogue, entry }).collect()
    }

    fn of_row(&mut self, table: &Table, row: &Row) -> Option<Offering> {
        let given = self.given;
        let cell = |field: &str| restored(table.cell(row, field));
        let list = |field: &str| split(&cell(field));
        let seller = self.or_given("seller", &cell("seller"), given.seller.clone());
        let name = self.or_given("name", &cell("name"), None);
        let term = match cell("term_years_min").as_str() {
            "" => given.term_years_min,
            text => self.number("term_years_min", text),
        };
        if cell("term_years_min").is_empty() && term.is_none() {
            self.missing("term_years_min");
        }
        let valid_from = self.or_given("valid_from", &cell("valid_from"), given.valid_from);
        let mut optional_day = |field: &str| match cell(field).as_str() {
            "" => None,
            text => self.parsed::<Date>(field, text),
        };
        let valid_to = optional_day("valid_to");
        Some(Offering {
            requires: self.requires(&list("requires")),
            dvdv: list("dvdv"),
            sovereignty: sovereignty(&cell, list("interfaces")),
            references: self.references(list("catalogues"), list("entries")),
            version: if cell("version").is_empty() {
                1
            } else {
                self.number("version", &cell("version")).unwrap_or(0)
            },
            title: cell("title"),
            description: cell("description"),
            leika: self.each("leika", &list("leika")),
            ozg: if cell("ozg").is_empty() { None } else { self.parsed("ozg", &cell("ozg")) },
            leika_types: list("leika_types"),
            topic: self.text("topic", &cell("topic"), given.topic.as_ref()),
            lead_land: Some(cell("lead_land")).filter(|land| !land.is_empty()),
            efa_confirmed: self.is_confirmed(&cell("efa_confirmed")),
            coverage: self.coverage(&list("coverage")),
            maturity: self.maturity(&cell("maturity")),
            connection: list("connection"),
            portals: list("portals"),
            specialised_systems: list("specialised_systems"),
            price: self.price(&cell("price")),
            not_included: list("not_included"),
            notice_days: if cell("notice_days").is_empty() {
                None
            } else {
                self.number("notice_days", &cell("notice_days"))
            },
            valid_to,
            source: self.text("source", &cell("source"), given.source.as_ref()),
            assumed: list("assumed"),
            seller: seller?,
            name: name?,
            term_years_min: term?,
            valid_from: valid_from?,
        })
    }
}

/// What is said about sovereignty, if anything is.
fn sovereignty(cell: &impl Fn(&str) -> String, interfaces: Vec<String>) -> Option<Sovereignty> {
    let text = |field: &str| Some(cell(field)).filter(|text| !text.is_empty());
    let said = Sovereignty {
        licence: text("licence"),
        repository: text("repository"),
        data_location: text("data_location"),
        interfaces,
        d_stack: text("d_stack"),
    };
    (said != Sovereignty::default()).then_some(said)
}

/// An offering as the file that `verbund offering publish` takes.
pub fn file(offering: &Offering) -> Result<String, Refusal> {
    toml::to_string(offering).map_err(|error| Refusal::new(Reason::Bug).with("toml", error))
}

/// The name of that file.
pub fn file_name(offering: &Offering) -> String {
    format!("{}-{}-{}.toml", offering.seller, offering.name, offering.version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::sheet;

    fn full() -> Offering {
        let known = include_str!("../../nodes/kitu/offerings/hundeanmeldung.toml");
        let known: Offering = toml::from_str(known).expect("an offering of the demonstration");
        let text = |text: &str| Some(text.to_owned());
        let reference = |catalogue: &str, entry: &str| CatalogueReference {
            catalogue: catalogue.to_owned(),
            entry: entry.to_owned(),
        };
        Offering {
            requires: vec![Requirement::Account, Requirement::Payment],
            dvdv: vec!["dpl:prgs:hund|1".to_owned(), "dpl:prgs:hund \\ 2".to_owned()],
            sovereignty: Some(Sovereignty {
                licence: text("EUPL-1.2"),
                repository: text("https://gitlab.opencode.de/hund"),
                data_location: None,
                interfaces: vec!["XÖV".to_owned(), "REST".to_owned()],
                d_stack: text("3 von 5"),
            }),
            references: vec![reference("FIT-Store", "4711"), reference("govdigital | Markt", "A|1")],
            notice_days: Some(90),
            ..known
        }
    }

    fn read_back(row: Vec<Value>, lang: Lang) -> Import<Offering> {
        let text = sheet::csv(&head(lang), std::iter::once(row)).expect("written");
        read(text.as_bytes(), &Given::default(), &mut Known::new()).expect("a table")
    }

    #[test]
    fn whatever_an_offering_says_comes_back_from_a_row() {
        let plain = Offering { sovereignty: None, references: Vec::new(), dvdv: Vec::new(), ..full() };
        for offering in [full(), plain] {
            for lang in [Lang::De, Lang::En] {
                let import = read_back(row(&offering, lang), lang);
                assert!(import.findings.is_empty(), "{:?}", import.findings);
                assert_eq!(import.taken, std::slice::from_ref(&offering));
            }
        }
    }

    #[test]
    fn an_unknown_requirement_and_a_number_without_a_catalogue_are_told_with_their_field() {
        let place = |field: &str| HEADS.iter().position(|(known, _)| *known == field).expect("a column");
        for (field, value) in [("requires", "account | bezahlen"), ("entries", "4711"), ("catalogues", "FIT-Store")] {
            let mut row = row(&full(), Lang::De);
            row[place(field)] = value.into();
            let import = read_back(row, Lang::De);
            let told: Vec<&str> = import.findings.iter().map(|finding| finding.field.as_str()).collect();
            let expected = if field == "requires" { "requires" } else { "entries" };
            assert_eq!((import.taken.len(), told), (0, vec![expected]));
        }
    }
}
