//! An erasure: the organisation whose words lie in annexes lets every party of the order remove them.
//!
//! The statements stay, with all that they bind to; only the words beside them go. Nobody can let the words of another
//! be erased: what an erasure names counts only where its own author's statements name it too.
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::domain::id::{Hash, OfficerName, OrderId, OrgId};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::salt::Salt;
use crate::domain::text::checked_title;
use crate::domain::time::Timestamp;

/// Most erasures of one party in one attempt: with [`ANNEXES_MAX`] enough for every word that it can have said there.
pub const ERASURES_MAX: u32 = 20;

/// Most annexes that one erasure names: about two kilobytes.
pub const ANNEXES_MAX: usize = 20;

/// Longest ground and longest name of an authority: a provision, an office.
pub const LABEL_CHARS_MAX: usize = 200;

/// One party's word that annexes of its own go.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Erasure {
    /// The order.
    pub order: OrderId,
    /// The attempt, which has ended.
    pub attempt: u32,
    /// Whose words they are.
    pub from: OrgId,
    /// Counts up from 1, for each party.
    pub number: u32,
    /// SHA-256 of the annexes.
    pub annexes: Vec<Hash>,
    /// By what right, e.g. Article 17 (1) (a) GDPR. Stays for good, so it names no person.
    pub ground: String,
    /// Which office has decided so. Stays for good, so it names no person.
    pub authority: String,
    /// Who signs for it.
    pub officer: OfficerName,
    /// When.
    pub signed_at: Timestamp,
    /// Hides the hash.
    pub salt: Salt,
}

impl Erasure {
    /// The rules it must meet on its own.
    pub fn check(&self) -> Result<(), Refusal> {
        let refuse = |field, at_most: &dyn std::fmt::Display| {
            Err(Refusal::new(Reason::FieldInvalid).with("field", field).with("at_most", at_most))
        };
        checked_title("ground", &self.ground, LABEL_CHARS_MAX)?;
        checked_title("authority", &self.authority, LABEL_CHARS_MAX)?;
        if !(1..=ERASURES_MAX).contains(&self.number) {
            return refuse("number", &ERASURES_MAX);
        }
        let distinct: BTreeSet<&Hash> = self.annexes.iter().collect();
        if distinct.len() != self.annexes.len() || !(1..=ANNEXES_MAX).contains(&distinct.len()) {
            return refuse("annexes", &ANNEXES_MAX);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_erasure_is_bounded_and_says_why() {
        let check = |annexes: Vec<Hash>, ground: &str, number| {
            let (from, officer) = ("kid".parse().expect("a name"), "leitung".parse().expect("a name"));
            let (ground, authority) = (ground.to_owned(), "Amt".to_owned());
            let (order, signed_at, salt) = (OrderId([1; 16]), Timestamp::default(), Salt([2; 16]));
            let erasure =
                Erasure { order, attempt: 1, from, number, annexes, ground, authority, officer, signed_at, salt };
            erasure.check().err().map(|refusal| refusal.reason)
        };
        let many = |count: u8| (0..count).map(|number| Hash([number; 32])).collect::<Vec<_>>();
        assert_eq!(check(many(20), "Art. 17 DSGVO", 20), None);
        for (annexes, ground, number) in [(many(0), "x", 1), (many(21), "x", 1), (many(1), "", 1), (many(1), "x", 0)]
        {
            assert_eq!(check(annexes, ground, number), Some(Reason::FieldInvalid));
        }
        assert_eq!(check(vec![Hash([1; 32]); 2], "x", 1), Some(Reason::FieldInvalid), "twice");
        assert_eq!(check(many(1), "x", ERASURES_MAX + 1), Some(Reason::FieldInvalid));
    }
}
