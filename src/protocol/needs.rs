//! What municipalities look for (*Bedarf*): what the rules ask of a need is held for each, so it is kept small. Its
//! words are read from the store.
use std::collections::BTreeSet;
use std::sync::Arc;

use rpds::RedBlackTreeMapSync;

use crate::domain::id::{OrgId, StatementId};
use crate::domain::offering::{Need, NeedWithdrawal};
use crate::domain::order::call_off::CallOff;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::register::LeikaKey;
use crate::domain::time::Date;
use crate::protocol::numbered::Numbered;

/// A need without its words.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sought<'a> {
    /// Its statement.
    pub id: StatementId,
    /// The municipality.
    pub municipality: &'a OrgId,
    /// The services it looks for.
    pub leika: &'a [LeikaKey],
    /// Until when.
    pub until: Date,
    /// The cooperative that may order for it with others; any, if absent.
    pub through: Option<&'a OrgId>,
}

/// Needs by municipality. About 50 bytes for each: municipalities look for the same services. Clones share them.
#[derive(Clone, Default, Debug)]
pub struct Needs {
    rows: RedBlackTreeMapSync<OrgId, Arc<Vec<Row>>>,
    services: Numbered<Vec<LeikaKey>>,
    orgs: Numbered<OrgId>,
    /// Withdrawals by need and who says so; only those of the need's own municipality count.
    withdrawn: RedBlackTreeMapSync<(OrgId, StatementId), Arc<BTreeSet<StatementId>>>,
}

/// In the order of ids.
#[derive(Clone, Copy, Debug)]
struct Row {
    id: StatementId,
    until: Date,
    services: u32,
    /// [`NOBODY`] or one of `orgs`.
    through: u32,
}

const NOBODY: u32 = u32::MAX;

/// A full row grows by this part: it wastes a sixteenth on average, and copies each need few times.
const GROWTH: usize = 8;

impl Needs {
    /// Takes a need in.
    pub fn put(&mut self, id: StatementId, need: &Need) {
        let services = self.services.number(&need.leika);
        let through = need.through.as_ref().map_or(NOBODY, |org| self.orgs.number(org));
        if !self.rows.contains_key(&need.municipality) {
            self.rows.insert_mut(need.municipality.clone(), Arc::default());
        }
        let Some(rows) = self.rows.get_mut(&need.municipality).map(Arc::make_mut) else { return };
        if let Err(at) = rows.binary_search_by_key(&id, |row| row.id) {
            if rows.len() == rows.capacity() {
                rows.reserve_exact(1 + rows.len() / GROWTH);
            }
            rows.insert(at, Row { id, until: need.until, services, through });
        }
    }

    /// Takes a withdrawal in; the need may come later.
    pub fn withdraw(&mut self, id: StatementId, withdrawal: &NeedWithdrawal) {
        let key = (withdrawal.municipality.clone(), withdrawal.need);
        let mut known = self.withdrawn.get(&key).cloned().unwrap_or_default();
        Arc::make_mut(&mut known).insert(id);
        self.withdrawn.insert_mut(key, known);
    }

    /// Refuses a need that its municipality has withdrawn: nothing new rests on it, what rests on it stays.
    pub fn check_sought(&self, municipality: &OrgId, need: &StatementId) -> Result<(), Refusal> {
        if self.withdrawn.get(&(municipality.clone(), *need)).is_none() {
            return Ok(());
        }
        Err(Refusal::new(Reason::NeedWithdrawn).with("org", municipality).with("need", need))
    }

    fn take_back_withdrawals(&mut self, gone: &BTreeSet<StatementId>) {
        let touched = self.withdrawn.iter().filter(|(_, by)| !by.is_disjoint(gone));
        let touched: Vec<_> =
            touched.map(|(key, by)| (key.clone(), by.difference(gone).copied().collect())).collect();
        for (key, left) in touched {
            let left: BTreeSet<StatementId> = left;
            match left.is_empty() {
                true => _ = self.withdrawn.remove_mut(&key),
                false => self.withdrawn.insert_mut(key, Arc::new(left)),
            }
        }
    }

    /// Takes needs and withdrawals out again, as if they had never been there.
    pub fn take_back(&mut self, gone: &BTreeSet<StatementId>) {
        self.take_back_withdrawals(gone);
        let is_gone = |row: &Row| gone.contains(&row.id);
        let touched = self.rows.iter().filter(|(_, rows)| rows.iter().any(is_gone));
        let left = |rows: &Vec<Row>| rows.iter().filter(|row| !is_gone(row)).copied().collect::<Vec<_>>();
        let touched: Vec<_> = touched.map(|(of, rows)| (of.clone(), left(rows))).collect();
        for (of, left) in touched {
            match left.is_empty() {
                true => _ = self.rows.remove_mut(&of),
                false => self.rows.insert_mut(of, Arc::new(left)),
            }
        }
    }

    /// One of a municipality's needs.
    pub fn of(&self, municipality: &OrgId, id: &StatementId) -> Option<Sought<'_>> {
        let (municipality, rows) = self.rows.get_key_value(municipality)?;
        let at = rows.binary_search_by_key(id, |row| row.id).ok()?;
        self.sought(municipality, rows.get(at)?)
    }

    /// All needs after one, by municipality and statement; withdrawn ones are left out.
    pub fn after<'a>(&'a self, last: Option<&(OrgId, StatementId)>) -> impl Iterator<Item = Sought<'a>> + use<'a> {
        let from = last.map_or_else(OrgId::lowest, |(municipality, _)| municipality.clone());
        let last = last.cloned();
        self.rows.range(from..).flat_map(move |(municipality, rows)| {
            let begin = match &last {
                Some((of, id)) if of == municipality => rows.partition_point(|row| row.id <= *id),
                _ => 0,
            };
            let sought = rows[begin..].iter().filter_map(move |row| self.sought(municipality, row));
            sought.filter(|need| self.check_sought(need.municipality, &need.id).is_ok())
        })
    }

    /// Whether an order may rest on a need: it is known, and it is the buyer's own.
    pub fn check(&self, id: &StatementId, buyer: &OrgId) -> Result<(), Refusal> {
        if self.of(buyer, id).is_some() {
            return Ok(());
        }
        let other = self.rows.keys().find(|municipality| self.of(municipality, id).is_some());
        Err(match other {
            None => Refusal::new(Reason::StatementUnknown).with("need", id),
            Some(other) => Refusal::new(Reason::FieldInvalid).with("field", "need").with("of", other),
        })
    }

    /// Whether a need is the member's own and open to who would order for it.
    pub fn check_open(&self, member: &OrgId, need: &StatementId, by: &OrgId) -> Result<(), Refusal> {
        let known = self.of(member, need);
        if known.is_some_and(|known| known.through.is_none_or(|through| through == by)) {
            return Ok(());
        }
        Err(Refusal::new(Reason::NeedMissing).with("member", member).with("need", need))
    }

    /// Whether the member's need names who ordered.
    pub fn is_through(&self, part: &CallOff) -> bool {
        self.of(&part.to, &part.need).is_some_and(|need| need.through == Some(&part.from))
    }

    fn sought<'a>(&'a self, municipality: &'a OrgId, row: &Row) -> Option<Sought<'a>> {
        let through = (row.through != NOBODY).then(|| self.orgs.value(row.through)).flatten();
        Some(Sought {
            id: row.id,
            municipality,
            leika: self.services.value(row.services)?,
            until: row.until,
            through,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::parse_date;

    fn org(name: &str) -> OrgId {
        name.parse().expect("a name")
    }

    fn need(municipality: &str, leika: &[&str], through: Option<&str>) -> Need {
        Need {
            municipality: org(municipality),
            leika: leika.iter().map(|key| key.parse().expect("a key")).collect(),
            note: "Wir suchen".to_owned(),
            until: parse_date("2027-12-31").expect("a date"),
            through: through.map(org),
        }
    }

    fn id(number: u8) -> StatementId {
        StatementId([number; 32])
    }

    fn some() -> Needs {
        let mut needs = Needs::default();
        let one = ["99107023017000"];
        for (number, need) in [
            (3, need("adorf", &one, None)),
            (1, need("bdorf", &one, Some("kitu"))),
            (2, need("adorf", &["99107023017000", "15107023017000"], None)),
        ] {
            needs.put(id(number), &need);
        }
        needs
    }

    #[test]
    fn needs_are_listed_by_municipality_and_statement_from_any_on() {
        let needs = some();
        let listed =
            |last: Option<(OrgId, StatementId)>| needs.after(last.as_ref()).map(|need| need.id).collect::<Vec<_>>();
        assert_eq!(listed(None), [id(2), id(3), id(1)]);
        assert_eq!(listed(Some((org("adorf"), id(2)))), [id(3), id(1)]);
        assert_eq!(listed(Some((org("adorf"), id(9)))), [id(1)]);
        assert_eq!(listed(Some((org("b"), id(9)))), [id(1)]);
        assert!(listed(Some((org("bdorf"), id(1)))).is_empty());
    }

    #[test]
    fn what_the_rules_ask_is_held_and_only_the_own_need_counts() {
        let mut needs = some();
        let bdorf = needs.of(&org("bdorf"), &id(1)).expect("it was put");
        assert_eq!((bdorf.through, bdorf.leika.len()), (Some(&org("kitu")), 1));
        let refused = |needs: &Needs, number| needs.check(&id(number), &org("adorf")).map_err(|known| known.reason);
        assert_eq!(refused(&needs, 2), Ok(()));
        assert_eq!(refused(&needs, 1), Err(Reason::FieldInvalid));
        assert_eq!(refused(&needs, 4), Err(Reason::StatementUnknown));
        needs.take_back(&[id(1), id(2)].into());
        assert_eq!(refused(&needs, 1), Err(Reason::StatementUnknown));
        assert_eq!(needs.after(None).map(|need| need.id).collect::<Vec<_>>(), [id(3)]);
    }

    /// A withdrawal counts for its own municipality's need alone, whichever of the two arrives first.
    #[test]
    fn only_who_looks_for_something_can_withdraw_it_and_the_order_of_arrival_does_not_matter() {
        let withdrawal = |municipality: &str| NeedWithdrawal {
            municipality: org(municipality),
            need: id(2),
            reason: "Anders gelöst".to_owned(),
        };
        let listed = |needs: &Needs| needs.after(None).map(|need| need.id).collect::<Vec<_>>();
        let mut needs = some();
        needs.withdraw(id(8), &withdrawal("bdorf"));
        assert_eq!(listed(&needs), [id(2), id(3), id(1)], "another municipality's word");
        needs.withdraw(id(9), &withdrawal("adorf"));
        assert_eq!(listed(&needs), [id(3), id(1)]);
        let sought = needs.check_sought(&org("adorf"), &id(2)).map_err(|refusal| refusal.reason);
        assert_eq!(sought, Err(Reason::NeedWithdrawn));
        assert_eq!(needs.check(&id(2), &org("adorf")), Ok(()), "what rests on it stays");
        let mut early = Needs::default();
        early.withdraw(id(9), &withdrawal("adorf"));
        early.put(id(2), &need("adorf", &["99107023017000"], None));
        assert!(listed(&early).is_empty());
        early.take_back(&[id(9)].into());
        assert_eq!(listed(&early), [id(2)]);
    }
}
