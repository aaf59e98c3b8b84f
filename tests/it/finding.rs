//! How well the index finds: everyday questions over the service keys of the LeiKa, with the keys that are right answers.
//!
//! The table is ours, the keys are facts of the register. Every third question was held back while the vocabulary was
//! written.
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use verbund::domain::id::{StatementId, sha256};
use verbund::search::{Entry, Field, Index, Narrowing};

use crate::shared::shared;

/// Results somebody looks at before they ask again.
pub const LOOKED_AT: usize = 5;

/// Share of all questions, and of those held back, that must be answered among the first results.
const RECALL_MIN: f64 = 0.90;

/// Mean reciprocal rank of the first right answer.
const MRR_MIN: f64 = 0.75;

/// A question and the keys that answer it.
pub struct Question {
    /// As somebody types it.
    pub text: String,
    /// Any of these is right.
    pub keys: BTreeSet<String>,
    /// Whether it was held back while the vocabulary was written.
    pub is_held_back: bool,
}

/// The committed table.
pub fn questions() -> Vec<Question> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/finding/questions.csv");
    let table = std::fs::read_to_string(path).expect("the table is part of the package");
    let lines = table.lines().skip(1).map(|line| line.split_once(';').expect("two columns"));
    let questions = lines.enumerate().map(|(n, (text, keys))| Question {
        text: text.to_owned(),
        keys: keys.split_whitespace().map(str::to_owned).collect(),
        is_held_back: n % 3 == 2,
    });
    questions.collect()
}

/// A service of the register.
#[derive(Clone, Default)]
pub struct Service {
    /// Its names.
    pub names: Vec<String>,
    /// OZG service and situation.
    pub about: BTreeSet<String>,
    /// *Themenfeld*.
    pub topic: String,
}

/// The services by key, if this machine has the register.
pub fn services() -> Option<BTreeMap<String, Service>> {
    let path = shared("data/leika/leika_leistungen_nrw_2019.csv")?;
    let table = std::fs::read_to_string(path).expect("a readable register");
    let mut services: BTreeMap<String, Service> = BTreeMap::new();
    for row in rows(&table).into_iter().skip(1) {
        let [_, key, name, _, _, ozg, situation, topic, ..] = row.as_slice() else { continue };
        if key.len() == 14 && key.bytes().all(|b| b.is_ascii_digit()) {
            let service = services.entry(key.clone()).or_default();
            if !service.names.contains(name) {
                service.names.push(name.clone());
            }
            service.about.extend([ozg.clone(), situation.clone()]);
            service.topic.clone_from(topic);
        }
    }
    Some(services)
}

/// Rows and cells of a table with commas, cells in quotation marks where they hold commas.
fn rows(table: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell, mut is_quoted) = (Vec::new(), Vec::new(), String::new(), false);
    for c in table.trim_start_matches('\u{feff}').chars() {
        match c {
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => row.push(std::mem::take(&mut cell)),
            '\n' if !is_quoted => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            '\r' => {}
            c => cell.push(c),
        }
    }
    rows
}

/// An entry for a service, as an offering of it would have.
pub fn entry(key: &str, service: &Service) -> Entry {
    let names = service.names.iter().enumerate();
    let names = names.map(|(n, name)| (if n == 0 { Field::Title } else { Field::Register }, name.clone()));
    let about: Vec<String> = service.about.iter().cloned().collect();
    let rest =
        [(Field::Key, key.to_owned()), (Field::Label, service.topic.clone()), (Field::Description, about.join(". "))];
    Entry {
        id: StatementId(sha256(key.as_bytes())),
        seller: "katalog".parse().expect("a name"),
        name: format!("s{key}").parse().expect("a name"),
        texts: names.chain(rest).collect(),
        facets: Vec::new(),
        coverage: Vec::new(),
    }
}

/// The rank of the first right answer, counted from 0, of each question; none beyond the first ten.
pub fn ranks(questions: &[Question], mut ask: impl FnMut(&str) -> Vec<String>) -> Vec<Option<usize>> {
    questions.iter().map(|question| ask(&question.text).iter().position(|key| question.keys.contains(key))).collect()
}

/// Share answered among the first [`LOOKED_AT`], and the mean reciprocal rank.
pub fn quality<'a>(ranks: impl IntoIterator<Item = &'a Option<usize>>) -> (f64, f64) {
    let (mut count, mut found, mut reciprocal) = (0.0, 0.0, 0.0);
    for rank in ranks {
        count += 1.0;
        found += f64::from(u8::from(rank.is_some_and(|rank| rank < LOOKED_AT)));
        reciprocal += rank.map_or(0.0, |rank| 1.0 / (rank as f64 + 1.0));
    }
    (found / count, reciprocal / count)
}

/// The keys an index finds for a question, at most ten.
pub fn asked(index: &Index, keys: &BTreeMap<StatementId, String>, text: &str) -> Vec<String> {
    let found = index.find(text, &Narrowing::default(), None, 10);
    found.hits.iter().map(|hit| keys[&hit.id].clone()).collect()
}

/// An index over the services, and the key of each entry.
pub fn indexed(services: &BTreeMap<String, Service>) -> (Index, BTreeMap<StatementId, String>) {
    let (mut index, mut keys) = (Index::default(), BTreeMap::new());
    for (key, service) in services {
        let entry = entry(key, service);
        keys.insert(entry.id, key.clone());
        index.put(&entry);
    }
    index.settle();
    (index, keys)
}

#[test]
fn everyday_questions_find_their_services() {
    let questions = questions();
    assert!(questions.len() >= 120, "{}", questions.len());
    let Some(services) = services() else { return };
    let unknown: Vec<&String> =
        questions.iter().flat_map(|question| &question.keys).filter(|key| !services.contains_key(*key)).collect();
    assert!(unknown.is_empty(), "not in the register: {unknown:?}");
    let (index, keys) = indexed(&services);
    let ranks = ranks(&questions, |text| asked(&index, &keys, text));
    let held = ranks.iter().zip(&questions).filter(|(_, question)| question.is_held_back).map(|(rank, _)| rank);
    for (question, rank) in questions.iter().zip(&ranks).filter(|(_, rank)| rank.is_none_or(|rank| rank >= LOOKED_AT))
    {
        eprintln!("missed ({rank:?}): {}", question.text);
    }
    for (name, (recall, mrr)) in [("all", quality(&ranks)), ("held back", quality(held))] {
        assert!(recall >= RECALL_MIN && mrr >= MRR_MIN, "{name}: recall {recall:.3}, mrr {mrr:.3}");
    }
}
