//! What lies in a bundle without belonging to its order: statements about something else, second copies.
//!
//! None of it proves anything or does harm, but a reader could take it for a part of the case, so all of it is named. Must
//! never decide what a statement is worth: that is asked where the order rests on it.
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::audit::bundle::{Filed, Reading, Section, is_message, who};
use crate::audit::report::{Book, Check, Ruling};
use crate::domain::body::Body;
use crate::domain::id::StatementId;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::{Kind, Signed};
use crate::domain::trust::subject::{is_trust_kind, subject_of};

/// Names every statement that is here twice, in a folder of others, or about something that nothing else here is about.
pub fn check(reading: &Reading, book: &mut Book) {
    let mut first: BTreeMap<(StatementId, &str), &str> = BTreeMap::new();
    for filed in &reading.statements {
        if !lies_right(filed) {
            let refusal = Refusal::new(Reason::MemberForeign).with("rule", "lies in a folder of others");
            book.refuse(Check::Container, &filed.name, refusal.with("kind", filed.signed.kind()));
            continue;
        }
        if let Some(other) = first.insert((filed.signed.id(), shelf(filed)), &filed.name) {
            let refusal = Refusal::new(Reason::EvidenceTwice).with("other", other);
            book.note(Check::Container, &filed.name, Ruling::Valid, refusal);
        }
    }
    for filed in unrelated(reading) {
        let refusal = Refusal::new(Reason::EvidenceUnrelated).with("kind", filed.signed.kind());
        book.note(Check::Container, &filed.name, Ruling::Valid, refusal);
    }
}

/// Where a statement may lie once: in one log of `trust/`, or anywhere else.
fn shelf(filed: &Filed) -> &str {
    match filed.section {
        Section::Trust => filed.name.rsplit_once('/').map_or("", |(folder, _)| folder),
        _ => "",
    }
}

fn lies_right(filed: &Filed) -> bool {
    let kind = filed.signed.kind();
    match filed.section {
        Section::Root | Section::Trust => is_trust_kind(kind),
        Section::Facts => kind.is_public(),
        Section::Order => is_message(kind),
        Section::Receipts => *kind == Kind::Receipt,
    }
}

/// The facts that the order does not lead to: no message names them, nor anything they name, nor anything on the same
/// matter. A later version and a correction are on the same matter.
fn unrelated(reading: &Reading) -> Vec<&Filed> {
    let of = |section| reading.statements.iter().filter(move |filed| filed.section == section);
    let mut named: BTreeSet<StatementId> = of(Section::Order).flat_map(|filed| named_in(&filed.signed)).collect();
    let mut left: Vec<&Filed> = of(Section::Facts).collect();
    let mut matters: BTreeSet<String> = BTreeSet::new();
    loop {
        let before = left.len();
        left.retain(|filed| {
            let (id, names, matter) = (filed.signed.id(), named_in(&filed.signed), matter(&filed.signed));
            let leads =
                named.contains(&id) || !named.is_disjoint(&names) || matter.iter().any(|one| matters.contains(one));
            if leads {
                named.insert(id);
                named.extend(names);
                matters.extend(matter);
            }
            !leads
        });
        if left.len() == before {
            return left;
        }
    }
}

/// Every statement id in the text of a statement, whatever it is called there.
fn named_in(signed: &Signed) -> BTreeSet<StatementId> {
    let mut found = BTreeSet::new();
    let mut values = vec![serde_json::from_slice(signed.payload()).unwrap_or(Value::Null)];
    while let Some(value) = values.pop() {
        match value {
            Value::String(text) => found.extend(text.parse::<StatementId>().ok()),
            Value::Array(items) => values.extend(items),
            Value::Object(fields) => values.extend(fields.into_iter().map(|(_, value)| value)),
            _ => {}
        }
    }
    found
}

/// What a fact is about: the same for its later versions.
fn matter(signed: &Signed) -> Option<String> {
    let body = Body::read(signed).ok()?;
    // A withdrawal is about the same as what it withdraws.
    let subject = subject_of(signed).map(|subject| subject.to_string());
    Some(subject.unwrap_or_else(|| format!("{} {}", signed.kind(), who(&body))))
}
