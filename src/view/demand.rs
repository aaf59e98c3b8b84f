//! What many municipalities look for, by service: for a cooperative that would order it once for all of them.
use std::collections::{BTreeMap, BTreeSet};

use crate::domain::id::OrgId;
use crate::domain::register::LeikaKey;
use crate::domain::time::Date;
use crate::view::View;

/// How much one service is wanted.
#[derive(Clone, Debug)]
pub struct Demand<'a> {
    /// The service.
    pub service: &'a LeikaKey,
    /// Who looks for it.
    pub municipalities: BTreeSet<&'a OrgId>,
    /// Their inhabitants, as far as they are known.
    pub inhabitants: u64,
    /// What covers it, by seller and name.
    pub offerings: Vec<(&'a OrgId, &'a OrgId)>,
    /// The first day on which one of the needs runs out.
    pub first_until: Date,
}

/// Most offerings named for one service.
const OFFERINGS_MAX: usize = 20;

impl View {
    /// What is looked for today, of those needs that `through` may order for; the most wanted service first, then by key.
    /// Looks at every need and every offering once, on the reader's thread.
    pub fn demand(&self, through: Option<&OrgId>, today: Date) -> Vec<Demand<'_>> {
        let mut all: BTreeMap<&LeikaKey, (BTreeSet<&OrgId>, Date)> = BTreeMap::new();
        let open = self.catalogue.needs.after(None).filter(|need| {
            need.until >= today && through.is_none_or(|asked| need.through.is_none_or(|named| named == asked))
        });
        for need in open {
            for service in need.leika {
                let (municipalities, first) = all.entry(service).or_insert_with(|| (BTreeSet::new(), need.until));
                municipalities.insert(need.municipality);
                *first = need.until.min(*first);
            }
        }
        let mut offered: BTreeMap<&LeikaKey, Vec<(&OrgId, &OrgId)>> = BTreeMap::new();
        for row in self.catalogue.on_offer() {
            for service in row.offering.leika.iter().filter(|service| all.contains_key(service)) {
                let known = offered.entry(service).or_default();
                if known.len() < OFFERINGS_MAX {
                    known.push((&row.offering.seller, &row.offering.name));
                }
            }
        }
        let mut demand: Vec<Demand<'_>> = all
            .into_iter()
            .map(|(service, (municipalities, first_until))| Demand {
                service,
                inhabitants: municipalities.iter().filter_map(|org| self.inhabitants(org)).map(u64::from).sum(),
                municipalities,
                offerings: offered.remove(service).unwrap_or_default(),
                first_until,
            })
            .collect();
        demand.sort_by(|one, other| {
            let key = |demand: &Demand<'_>| (demand.municipalities.len(), demand.inhabitants);
            key(other).cmp(&key(one)).then_with(|| one.service.cmp(other.service))
        });
        demand
    }

    fn inhabitants(&self, org: &OrgId) -> Option<u32> {
        self.registry.home(org).ok()?.orgs().get(org)?.admission.inhabitants
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::law::tests::day;
    use crate::domain::offering::Need;
    use crate::domain::statement::{Kind, Signed};
    use crate::protocol::explain::fixture::{Town, by_rule};

    #[test]
    fn the_most_wanted_service_comes_first_and_what_has_run_out_is_not_counted() {
        let mut town = Town::new(by_rule());
        for (who, leika, until) in [
            ("town", "99107023017000", "2027-06-30"),
            ("kitu", "99107023017000", "2027-03-31"),
            ("kitu", "99012070001000", "2027-03-31"),
            ("kitu", "99999999999999", "2026-11-30"),
        ] {
            let need = Need {
                municipality: who.parse().expect("a name"),
                leika: vec![leika.parse().expect("a key")],
                note: "Gesucht".to_owned(),
                until: day(until),
                through: (who == "town").then(|| "kitu".parse().expect("a name")),
            };
            town.publish(&Signed::sign(&Kind::Need, &need, &[&Town::statement_key(who)])).expect("a good need");
        }
        let view = View::of(&town.node, town.now);
        let wanted = |through: Option<&str>| {
            let through = through.map(|org| org.parse().expect("a name"));
            let demand = view.demand(through.as_ref(), day("2026-12-01"));
            demand
                .iter()
                .map(|one| (one.service.to_string(), one.municipalities.len(), one.offerings.len()))
                .collect()
        };
        let all: Vec<(String, usize, usize)> = wanted(None);
        assert_eq!(all, [("99107023017000".to_owned(), 2, 1), ("99012070001000".to_owned(), 1, 0)]);
        let others: Vec<(String, usize, usize)> = wanted(Some("provider"));
        assert_eq!(others.iter().map(|(_, count, _)| *count).sum::<usize>(), 2, "the town named another cooperative");
    }
}
