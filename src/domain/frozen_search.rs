//! A search as it was frozen (*Auswahl festhalten*), before anything is ordered: what was found for whom, in which order, at what
//! price, by which state of the logs. Once an offering is chosen it becomes the part of a request that its officer signs.
use serde::{Deserialize, Serialize};

use crate::domain::grounds::{ALTERNATIVES_MAX, KnownLog, OtherOffering, Selection, Why};
use crate::domain::id::{NodeId, OrgId, StatementId};
use crate::domain::money::Cents;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::time::Timestamp;

/// Most offerings of a search that are frozen: the chosen one and the others that a request may name.
pub const FROZEN_MAX: usize = ALTERNATIVES_MAX + 1;

/// A frozen search.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FrozenSearch {
    /// For whom.
    pub for_org: OrgId,
    /// The words searched for.
    pub query: String,
    /// Whose catalogue answered.
    pub node: NodeId,
    /// When, by its clock.
    pub frozen_at: Timestamp,
    /// By what the results were narrowed: `facet=value`.
    pub filters: Vec<String>,
    /// How many offerings were found in all.
    pub found: u32,
    /// How far the logs were known that the offerings stand in.
    pub known: Vec<KnownLog>,
    /// The first of them, in the order in which they were found.
    pub offerings: Vec<FoundOffering>,
}

/// An offering that was found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FoundOffering {
    /// Its statement.
    pub offering: StatementId,
    /// Who sells it.
    pub seller: OrgId,
    /// Its name, unique for the seller.
    pub name: OrgId,
    /// Its title.
    pub title: String,
    /// The stable word for what stands against ordering it; absent if nothing does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against: Option<String>,
    /// Net, over the whole term, along its best route; absent where it could not be known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<Cents>,
}

impl FoundOffering {
    /// Why it was not taken where the numbers say so: something stands against it, or it costs more.
    pub fn evident(&self, chosen: &Self) -> Option<Why> {
        let dearer = self.total.zip(chosen.total).is_some_and(|(own, other)| own > other);
        match &self.against {
            Some(word) if word.starts_with("OFFERING_") => Some(Why::Fit),
            Some(_) => Some(Why::Route),
            None => dearer.then_some(Why::Price),
        }
    }
}

impl FrozenSearch {
    /// What a request says of it: the offering chosen, and the others with the reason why each was not taken. `why` gives the
    /// officer's; without it the evident one counts, and where there is none, it is asked for.
    pub fn choose(
        &self,
        buyer: &OrgId,
        chosen: &StatementId,
        why: impl Fn(&FoundOffering) -> Option<Why>,
    ) -> Result<(Selection, Vec<OtherOffering>), Refusal> {
        let refuse = |rule: &str| Refusal::new(Reason::SelectionUnfounded).with("rule", rule);
        if self.for_org != *buyer {
            return Err(refuse("made for another organisation").with("for_org", &self.for_org).with("org", buyer));
        }
        let place = self.offerings.iter().position(|found| found.offering == *chosen);
        let place =
            place.ok_or_else(|| refuse("the offering ordered is not among those found").with("id", chosen))?;
        let taken = &self.offerings[place];
        let other = |found: &FoundOffering| {
            let missing = || {
                let words = Why::ALL.map(Why::word).join(", ");
                let refusal = Refusal::new(Reason::FieldInvalid).with("field", "why").with("must_be", words);
                refusal.with("offering", format!("{}/{}", found.seller, found.name))
            };
            Ok(OtherOffering {
                offering: found.offering,
                seller: found.seller.clone(),
                title: found.title.clone(),
                against: found.against.clone(),
                total: found.total,
                why: Some(why(found).or(found.evident(taken)).ok_or_else(missing)?),
            })
        };
        let others: Result<Vec<_>, Refusal> =
            self.offerings.iter().filter(|found| found.offering != *chosen).map(other).collect();
        let selection = Selection {
            node: self.node.clone(),
            frozen_at: self.frozen_at,
            filters: self.filters.clone(),
            found: self.found,
            place: u32::try_from(place + 1).unwrap_or(u32::MAX),
            known: self.known.clone(),
        };
        Ok((selection, others?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(number: u8, against: Option<&str>, total: Option<i64>) -> FoundOffering {
        FoundOffering {
            offering: StatementId([number; 32]),
            seller: "kid".parse().expect("a name"),
            name: format!("angebot-{number}").parse().expect("a name"),
            title: "Wohngeld".to_owned(),
            against: against.map(str::to_owned),
            total: total.map(|total| Cents::try_from(total).expect("an amount")),
        }
    }

    fn search() -> FrozenSearch {
        FrozenSearch {
            for_org: "barleben".parse().expect("a name"),
            query: "wohngeld".to_owned(),
            node: "kitu".parse().expect("a name"),
            frozen_at: "2026-11-30T10:00:00Z".parse().expect("a time"),
            filters: Vec::new(),
            found: 9,
            known: Vec::new(),
            offerings: vec![
                found(1, None, Some(500)),
                found(2, None, Some(400)),
                found(3, Some("NO_ROUTE"), None),
                found(4, Some("OFFERING_NOT_COVERING"), None),
            ],
        }
    }

    #[test]
    fn what_the_numbers_say_need_not_be_said_and_the_rest_is_asked_for() {
        let buyer: OrgId = "barleben".parse().expect("a name");
        let choose = |chosen: u8, said: Option<Why>| search().choose(&buyer, &StatementId([chosen; 32]), |_| said);
        let (selection, others) = choose(2, None).expect("all are evident");
        assert_eq!((selection.place, selection.found), (2, 9));
        let whys: Vec<_> = others.iter().map(|other| (other.offering.0[0], other.why)).collect();
        assert_eq!(whys, [(1, Some(Why::Price)), (3, Some(Why::Route)), (4, Some(Why::Fit))]);
        let refusal = choose(1, None).expect_err("the cheaper one was not taken");
        assert_eq!((refusal.reason, refusal.field("offering")), (Reason::FieldInvalid, Some("kid/angebot-2")));
        let (_, others) = choose(1, Some(Why::Other)).expect("the officer says why");
        assert!(others.iter().all(|other| other.why == Some(Why::Other)));
    }

    #[test]
    fn a_search_serves_whom_it_was_made_for_and_what_it_found() {
        let (buyer, other) = ("barleben".parse().expect("a name"), "kid".parse().expect("a name"));
        let rule = |org: &OrgId, chosen: u8| {
            let refusal = search().choose(org, &StatementId([chosen; 32]), |_| None).expect_err("refused");
            (refusal.reason, refusal.field("rule").map(str::to_owned))
        };
        let told = |text: &str| (Reason::SelectionUnfounded, Some(text.to_owned()));
        assert_eq!(rule(&other, 2), told("made for another organisation"));
        assert_eq!(rule(&buyer, 7), told("the offering ordered is not among those found"));
    }
}
