//! What a request says for the record (*Vergabevermerk*): what is needed, and what else was on offer.
//!
//! Part of a request, signed with it. No verdict, price or deadline rests on it. What the officer says in words (purpose, choice,
//! what was searched for) stands in the request's annex.
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::domain::id::{Hash, NodeId, OrgId, Origin, StatementId};
use crate::domain::money::Cents;
use crate::domain::reason::{Lang, Reason, Refusal};
use crate::domain::text::{checked_label, checked_title, checked_word};
use crate::domain::time::Timestamp;

/// Most other offerings a request names: with the chosen one more than a page of results, about six kilobytes.
pub const ALTERNATIVES_MAX: usize = 20;

/// Longest title of another offering.
const TITLE_CHARS_MAX: usize = 200;

/// Most filters of a search: more than there are facets to narrow by.
pub const FILTERS_MAX: usize = 20;

/// Longest filter: the name of a facet and a value as offerings have them.
const FILTER_CHARS_MAX: usize = 200;

/// Most logs whose state is told: one for each offering named, and that of the node that answered.
pub const KNOWN_MAX: usize = ALTERNATIVES_MAX + 2;

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
    /// The frozen search that the alternatives come from, in the order in which it found them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selection: Option<Selection>,
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
    /// Why the officer did not take it; there for every offering of a frozen search.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Why>,
}

/// Why an offering was not taken. More is said in the words for the choice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// It costs more.
    Price,
    /// It does not fit what runs here, or what is needed.
    Fit,
    /// Its term or its conditions.
    Term,
    /// No lawful route, or a worse one.
    Route,
    /// As the words for the choice say.
    Other,
}

impl Why {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Price, Self::Fit, Self::Term, Self::Route, Self::Other];

    /// As it stands in a statement.
    pub fn word(self) -> &'static str {
        match self {
            Self::Price => "price",
            Self::Fit => "fit",
            Self::Term => "term",
            Self::Route => "route",
            Self::Other => "other",
        }
    }

    /// The reason of that word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|why| why.word() == word)
    }

    /// The words for a person.
    pub fn text(self, lang: Lang) -> &'static str {
        match (self, lang) {
            (Self::Price, Lang::De) => "Es ist teurer.",
            (Self::Price, Lang::En) => "It costs more.",
            (Self::Fit, Lang::De) => "Es passt nicht zum Bedarf oder zur vorhandenen Technik.",
            (Self::Fit, Lang::En) => "It does not fit the need or the systems in place.",
            (Self::Term, Lang::De) => "Laufzeit oder Bedingungen passen nicht.",
            (Self::Term, Lang::En) => "Its term or conditions do not fit.",
            (Self::Route, Lang::De) => "Dorthin führt kein zulässiger oder nur ein schlechterer Weg.",
            (Self::Route, Lang::En) => "No lawful route leads there, or only a worse one.",
            (Self::Other, Lang::De) => "Aus einem anderen Grund; siehe die Begründung der Auswahl.",
            (Self::Other, Lang::En) => "For another reason; see the reason for the choice.",
        }
    }
}

/// A search as it was frozen before the order (*Auswahl*). The words searched for stand in the annex: they may name a person.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Selection {
    /// Whose catalogue answered.
    pub node: NodeId,
    /// When it answered, by its clock.
    pub frozen_at: Timestamp,
    /// By what the results were narrowed: `facet=value`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<String>,
    /// How many offerings were found in all; those that are not named were left out.
    pub found: u32,
    /// The place of the chosen one among them, from 1.
    pub place: u32,
    /// How far the logs were known that the offerings stand in, by log.
    pub known: Vec<KnownLog>,
}

/// How far a log was known.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct KnownLog {
    /// The log.
    pub log: Origin,
    /// Its number of entries.
    pub size: u64,
    /// The root of its tree at that size.
    pub root: Hash,
}

impl Selection {
    /// The rules it must meet on its own, within a request that was signed then.
    fn check(&self, others: usize, signed_at: Timestamp) -> Result<(), Refusal> {
        self.filters.iter().try_for_each(|filter| checked_label("filters", filter, FILTER_CHARS_MAX))?;
        let named = u32::try_from(others).unwrap_or(u32::MAX);
        let rules = [
            (self.filters.len() <= FILTERS_MAX, "too many filters"),
            (self.frozen_at <= signed_at, "frozen after the request"),
            (named < self.found, "more offerings than were found"),
            ((1..=self.found).contains(&self.place), "a place beyond what was found"),
            (!self.known.is_empty() && self.known.len() <= KNOWN_MAX, "no log, or too many"),
            (self.known.is_sorted_by(|one, next| one.log < next.log), "each log once, by name"),
        ];
        match rules.into_iter().find(|(holds, _)| !holds) {
            Some((_, rule)) => Err(Refusal::new(Reason::FieldInvalid).with("field", "selection").with("rule", rule)),
            None => Ok(()),
        }
    }
}

impl Grounds {
    /// Whether nothing was said.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The rules they must meet beside the offering that was chosen, in a request that was signed then.
    pub fn check(&self, chosen: &StatementId, signed_at: Timestamp) -> Result<(), Refusal> {
        for other in &self.alternatives {
            checked_title("title", &other.title, TITLE_CHARS_MAX)?;
            other.against.iter().try_for_each(|word| checked_word("against", word))?;
        }
        let others: BTreeSet<&StatementId> = self.alternatives.iter().map(|other| &other.offering).collect();
        let once = others.len() == self.alternatives.len() && !others.contains(chosen);
        let refuse = |field| Refusal::new(Reason::FieldInvalid).with("field", field);
        if !once || others.len() > ALTERNATIVES_MAX {
            return Err(refuse("alternatives").with("at_most", ALTERNATIVES_MAX));
        }
        let Some(selection) = &self.selection else { return Ok(()) };
        if !self.searched || self.alternatives.iter().any(|other| other.why.is_none()) {
            return Err(refuse("selection").with("rule", "searched, and why for every other offering"));
        }
        selection.check(self.alternatives.len(), signed_at)
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
        OtherOffering { offering: StatementId([number; 32]), seller, title, against: None, total: None, why: None }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn refused(grounds: &Grounds) -> Option<Refusal> {
        grounds.check(&StatementId([99; 32]), at("2026-11-30T10:00:00Z")).err()
    }

    fn reason(grounds: &Grounds) -> Option<Reason> {
        refused(grounds).map(|refusal| refusal.reason)
    }

    fn known(log: &str, size: u64) -> KnownLog {
        KnownLog { log: log.parse().expect("a log"), size, root: Hash([5; 32]) }
    }

    fn selection() -> Selection {
        Selection {
            node: "kitu".parse().expect("a name"),
            frozen_at: at("2026-11-30T10:00:00Z"),
            filters: vec!["portal=IKISS".to_owned()],
            found: 7,
            place: 2,
            known: vec![known("probe/log/kid/1", 4), known("probe/log/kitu/1", 9)],
        }
    }

    fn frozen(selection: Selection) -> Grounds {
        let alternatives = vec![OtherOffering { why: Some(Why::Price), ..other(1) }];
        Grounds { searched: true, alternatives, selection: Some(selection), ..Grounds::default() }
    }

    #[test]
    fn a_frozen_search_keeps_to_its_rules() {
        let full = selection();
        assert_eq!(refused(&frozen(full.clone())), None);
        let later = at("2026-11-30T10:00:01Z");
        let too_many = (0..=KNOWN_MAX).map(|number| known(&format!("probe/log/n{number:02}/1"), 1)).collect();
        let swapped = full.known.iter().rev().cloned().collect();
        for (bent, rule) in [
            (Selection { frozen_at: later, ..full.clone() }, "frozen after the request"),
            (Selection { found: 1, place: 1, ..full.clone() }, "more offerings than were found"),
            (Selection { place: 0, ..full.clone() }, "a place beyond what was found"),
            (Selection { place: 8, ..full.clone() }, "a place beyond what was found"),
            (Selection { known: Vec::new(), ..full.clone() }, "no log, or too many"),
            (Selection { known: too_many, ..full.clone() }, "no log, or too many"),
            (Selection { known: swapped, ..full.clone() }, "each log once, by name"),
            (Selection { known: vec![full.known[0].clone(); 2], ..full.clone() }, "each log once, by name"),
            (Selection { filters: vec!["a=b".to_owned(); FILTERS_MAX + 1], ..full.clone() }, "too many filters"),
        ] {
            let refusal = refused(&frozen(bent)).expect(rule);
            assert_eq!((refusal.reason, refusal.field("rule")), (Reason::FieldInvalid, Some(rule)));
        }
        let formula = Selection { filters: vec!["=1".to_owned()], ..full.clone() };
        assert_eq!(reason(&frozen(formula)), Some(Reason::TextFormula));
        let unreasoned = Grounds { alternatives: vec![other(1)], ..frozen(full.clone()) };
        assert_eq!(reason(&unreasoned), Some(Reason::FieldInvalid), "why each of the others was not taken");
        assert_eq!(reason(&Grounds { searched: false, ..frozen(full) }), Some(Reason::FieldInvalid));
    }

    #[test]
    fn every_reason_has_its_word() {
        for why in Why::ALL {
            assert_eq!(serde_json::to_string(&why).expect("JSON"), format!("\"{}\"", why.word()));
            assert_eq!(Why::of_word(why.word()), Some(why));
        }
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
