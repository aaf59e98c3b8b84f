//! The annexes of a bundle: the words beside the order's statements.
//!
//! The list of digests does not hold them, so that one can be taken out of a stored bundle and nothing else changes; each
//! is bound by the statement that names its hash instead. No verdict rests on words, so one that is missing is a remark.
use std::collections::{BTreeMap, BTreeSet};

use crate::audit::bundle::{Reading, Section, annex_member};
use crate::audit::report::{Book, Check, Ruling};
use crate::domain::annex::{Annex, Erased, named};
use crate::domain::body::Body;
use crate::domain::id::{Hash, OrgId};
use crate::domain::order::Attempt;
use crate::domain::order::erasure::Erasure;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::{Signed, Verified};

/// The words beside the statements of a bundle.
#[derive(Clone, Debug, Default)]
pub struct Words {
    /// Those that are here.
    pub here: BTreeMap<Hash, Annex>,
    /// Those that were erased.
    pub erased: BTreeSet<Hash>,
}

/// The annexes that are here and are what a statement names, but for those that their author has let be erased. A remark
/// for each of these, and for each that is not here.
pub fn check(reading: &Reading, attempt: Option<&Attempt>, book: &mut Book) -> Words {
    let erased = Erased::of(attempt.iter().flat_map(|attempt| attempt.messages())).annexes();
    let mut words = Words::default();
    for filed in reading.statements.iter().filter(|filed| filed.section == Section::Order) {
        let Some(id) = named(&filed.signed) else { continue };
        let remark = |reason| Refusal::new(reason).with("annex", id);
        match reading.annexes.get(&id) {
            _ if erased.contains(&id) => {
                words.erased.insert(id);
                let erasure = attempt.iter().flat_map(|attempt| attempt.erasures.values().map(Verified::body));
                let by = erasure
                    .filter(|erasure| erasure.annexes.contains(&id))
                    .find(|said| Some(&said.from) == author(&filed.signed).as_ref());
                let told = |refusal: Refusal, by: &Erasure| {
                    refusal.with("org", &by.from).with("ground", &by.ground).with("authority", &by.authority)
                };
                let refusal = by.into_iter().fold(remark(Reason::AnnexErased), told);
                book.note(Check::Container, &filed.name, Ruling::Valid, refusal);
            }
            Some(annex) => {
                words.here.insert(id, annex.clone());
                book.pass(Check::Container);
            }
            None if reading.refused.iter().any(|(refused, _)| *refused == annex_member(&id)) => {}
            None => book.note(Check::Container, &filed.name, Ruling::Valid, remark(Reason::AnnexMissing)),
        }
    }
    words
}

fn author(signed: &Signed) -> Option<OrgId> {
    Body::read(signed).ok()?.signer_rule().map(|(org, _)| org.clone())
}
