//! What officers have committed their organisation to: the caps of orders placed or approved, by officer and calendar
//! year, so that an order split into small ones stays within the year's limit.
//!
//! An order counts from its place in the log on; of two the earlier one is not touched by the later.
use std::collections::BTreeMap;

use crate::domain::id::{OfficerName, OrderId, OrgId};
use crate::domain::money::Cents;
use crate::domain::time::Date;

/// An officer of an organisation in a calendar year.
type Account = (OrgId, OfficerName, i16);

/// The caps by officer, year and order.
#[derive(Clone, Default, Debug)]
pub struct Commitments {
    accounts: BTreeMap<Account, Caps>,
}

/// The caps of one account. An officer may place a hundred thousand orders in a year, and each is asked about when it is
/// new: so the sum is kept, and only what came later is taken off it.
#[derive(Clone, Default, Debug)]
struct Caps {
    places: BTreeMap<OrderId, u64>,
    caps: BTreeMap<(u64, OrderId), Cents>,
    /// In cents, of everything; as many caps as fit into memory cannot exceed it.
    sum: i128,
}

impl Caps {
    fn put(&mut self, order: OrderId, at: u64, cap: Cents) {
        self.remove(&order);
        self.places.insert(order, at);
        self.caps.insert((at, order), cap);
        self.sum += i128::from(cap.get());
    }

    fn remove(&mut self, order: &OrderId) {
        let place = self.places.remove(order);
        let cap = place.and_then(|at| self.caps.remove(&(at, *order)));
        self.sum -= cap.map_or(0, |cap| i128::from(cap.get()));
    }

    /// What stands before an order; before one that is not here stands everything.
    fn before(&self, order: &OrderId) -> i128 {
        let Some(at) = self.places.get(order) else { return self.sum };
        let from = (*at, OrderId([0; 16]));
        self.sum - self.caps.range(from..).map(|(_, cap)| i128::from(cap.get())).sum::<i128>()
    }
}

fn account(org: &OrgId, officer: &OfficerName, day: Date) -> Account {
    (org.clone(), officer.clone(), day.year())
}

impl Commitments {
    /// An officer has placed or approved an order with this cap on that day; it stands at position `at` of the log. A
    /// further attempt of the same order takes the place of the one before.
    pub fn put(&mut self, org: &OrgId, officer: &OfficerName, day: Date, order: OrderId, (at, cap): (u64, Cents)) {
        self.accounts.entry(account(org, officer, day)).or_default().put(order, at, cap);
    }

    /// The order has come to nothing.
    pub fn release(&mut self, order: &OrderId) {
        self.accounts.values_mut().for_each(|caps| caps.remove(order));
        self.accounts.retain(|_, caps| !caps.places.is_empty());
    }

    /// What an officer had committed to in the year of a day, in other orders before this one.
    pub fn before(&self, org: &OrgId, officer: &OfficerName, day: Date, order: &OrderId) -> Cents {
        let sum = self.accounts.get(&account(org, officer, day)).map_or(0, |caps| caps.before(order));
        // A sum beyond all money exceeds every limit.
        i64::try_from(sum).ok().and_then(|sum| Cents::try_from(sum).ok()).unwrap_or(Cents::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_counts_against_those_that_follow_in_its_year_until_it_comes_to_nothing() {
        let (org, officer): (OrgId, OfficerName) = ("town".parse().expect("name"), "einkauf".parse().expect("name"));
        let (day, next): (Date, Date) = ("2026-06-01".parse().expect("day"), "2027-01-01".parse().expect("day"));
        let order = |number| OrderId([number; 16]);
        let cents = |number: i64| Cents::try_from(number).expect("money");
        let mut known = Commitments::default();
        known.put(&org, &officer, day, order(1), (10, cents(40)));
        known.put(&org, &officer, day, order(2), (20, cents(70)));
        known.put(&org, &officer, next, order(3), (30, cents(5)));
        let before = |known: &Commitments, day, number| known.before(&org, &officer, day, &order(number));
        assert_eq!(before(&known, day, 1), Cents::ZERO);
        assert_eq!((before(&known, day, 2), before(&known, day, 9)), (cents(40), cents(110)));
        assert_eq!((before(&known, next, 3), before(&known, next, 9)), (Cents::ZERO, cents(5)));
        known.put(&org, &officer, day, order(1), (25, cents(41)));
        assert_eq!((before(&known, day, 1), before(&known, day, 2)), (cents(70), Cents::ZERO), "a further attempt");
        known.put(&org, &officer, day, order(4), (30, Cents::MAX));
        assert_eq!((before(&known, day, 4), before(&known, day, 9)), (cents(111), Cents::MAX), "beyond all money");
        [4, 2].iter().for_each(|number| known.release(&order(*number)));
        assert_eq!((before(&known, day, 1), before(&known, day, 9)), (Cents::ZERO, cents(41)));
    }
}
