//! What a request says for the record (*Vergabevermerk*): what is needed, and what else was on offer.
//!
//! Part of a request, signed with it. No verdict, price or deadline rests on it. What the officer says in words (purpose, choice)
//! stands in the request's annex.
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::domain::id::{OrgId, StatementId};
use crate::domain::money::Cents;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::text::{checked_title, checked_word};

/// Most other offerings a request names: more than anyone compares, about three kilobytes.
pub const ALTERNATIVES_MAX: usize = 10;

/// Longest title of another offering.
const TITLE_CHARS_MAX: usize = 200;

/// The officer's grounds.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Grounds {
    /// The buyer's published need (*Bedarf*), if there is one; it comes with the evidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub need: Option<StatementId>,
    /// Whether somebody looked for other offerings of the same services; without it, no alternatives means nothing.
    #[serde(default, skip_serializing_if = "is_false")]
    pub searched: bool,
    /// Other offerings of the same services.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<OtherOffering>,
}

/// An offering that was there and was not chosen.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct OtherOffering {
    /// Its statement.
    pub offering: StatementId,
    /// Who sells it.
    pub seller: OrgId,
    /// Its title.
    pub title: String,
    /// The stable word for what stood against ordering it ([`Reason`]); absent if nothing did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against: Option<String>,
    /// Net, over the whole term, along its best route; absent where it could not be known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<Cents>,
}

impl Grounds {
    /// Whether nothing was said.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The rules they must meet beside the offering that was chosen.
    pub fn check(&self, chosen: &StatementId) -> Result<(), Refusal> {
        for other in &self.alternatives {
            checked_title("title", &other.title, TITLE_CHARS_MAX)?;
            other.against.iter().try_for_each(|word| checked_word("against", word))?;
        }
        let others: BTreeSet<&StatementId> = self.alternatives.iter().map(|other| &other.offering).collect();
        let once = others.len() == self.alternatives.len() && !others.contains(chosen);
        if once && others.len() <= ALTERNATIVES_MAX {
            return Ok(());
        }
        Err(Refusal::new(Reason::FieldInvalid).with("field", "alternatives").with("at_most", ALTERNATIVES_MAX))
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_false(value: &bool) -> bool {
    !value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn other(number: u8) -> OtherOffering {
        let seller = "kid".parse().expect("a name");
        let title = "Wohngeld".to_owned();
        OtherOffering { offering: StatementId([number; 32]), seller, title, against: None, total: None }
    }

    fn reason(grounds: &Grounds) -> Option<Reason> {
        grounds.check(&StatementId([99; 32])).err().map(|refusal| refusal.reason)
    }

    #[test]
    fn grounds_are_bounded_and_name_each_other_offering_once() {
        let of = |alternatives| Grounds { searched: true, alternatives, ..Grounds::default() };
        let most = u8::try_from(ALTERNATIVES_MAX).expect("a small number");
        assert_eq!(reason(&Grounds::default()), None);
        assert_eq!(reason(&of((0..most).map(other).collect())), None);
        assert_eq!(reason(&of((0..=most).map(other).collect())), Some(Reason::FieldInvalid), "one too many");
        assert_eq!(reason(&of(vec![other(1), other(1)])), Some(Reason::FieldInvalid), "twice");
        assert_eq!(reason(&of(vec![other(99)])), Some(Reason::FieldInvalid), "the one that was chosen");
        let long = "x".repeat(TITLE_CHARS_MAX + 1);
        assert_eq!(reason(&of(vec![OtherOffering { title: long, ..other(1) }])), Some(Reason::TextTooLong));
    }

    #[test]
    fn a_request_without_grounds_keeps_its_old_bytes() {
        assert_eq!(serde_json::to_string(&Grounds::default()).expect("JSON"), "{}");
        assert!(Grounds::default().is_empty());
        let read: Grounds = serde_json::from_str("{}").expect("grounds");
        assert!(read.is_empty());
    }
}
