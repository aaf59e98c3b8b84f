//! The annexes of a bundle: the words beside the order's statements.
//!
//! The list of digests does not hold them, so that one can be taken out of a stored bundle and nothing else changes; each
//! is bound by the statement that names its hash instead. No verdict rests on words, so one that is missing is a remark.
use std::collections::BTreeMap;

use crate::audit::bundle::{Reading, Section, annex_member};
use crate::audit::report::{Book, Check, Ruling};
use crate::domain::annex::{Annex, named};
use crate::domain::id::Hash;
use crate::domain::reason::{Reason, Refusal};

/// The annexes that are here and are what a statement names; a remark for each that is not here.
pub fn check(reading: &Reading, book: &mut Book) -> BTreeMap<Hash, Annex> {
    for filed in reading.statements.iter().filter(|filed| filed.section == Section::Order) {
        let Some(id) = named(&filed.signed) else { continue };
        let member = annex_member(&id);
        if reading.annexes.contains_key(&id) {
            book.pass(Check::Container);
        } else if !reading.refused.iter().any(|(refused, _)| *refused == member) {
            let refusal = Refusal::new(Reason::AnnexMissing).with("annex", id);
            book.note(Check::Container, &filed.name, Ruling::Valid, refusal);
        }
    }
    reading.annexes.clone()
}
