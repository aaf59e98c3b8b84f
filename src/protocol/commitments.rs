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
    caps: BTreeMap<Account, BTreeMap<OrderId, (u64, Cents)>>,
}

fn account(org: &OrgId, officer: &OfficerName, day: Date) -> Account {
    (org.clone(), officer.clone(), day.year())
}

impl Commitments {
    /// An officer has placed or approved an order with this cap on that day; it stands at position `at` of the log. A
    /// further attempt of the same order takes the place of the one before.
    pub fn put(&mut self, org: &OrgId, officer: &OfficerName, day: Date, order: OrderId, (at, cap): (u64, Cents)) {
        self.caps.entry(account(org, officer, day)).or_default().insert(order, (at, cap));
    }

    /// The order has come to nothing.
    pub fn release(&mut self, order: &OrderId) {
        for caps in self.caps.values_mut() {
            caps.remove(order);
        }
        self.caps.retain(|_, caps| !caps.is_empty());
    }

    /// What an officer had committed to in the year of a day, in other orders before this one.
    pub fn before(&self, org: &OrgId, officer: &OfficerName, day: Date, order: &OrderId) -> Cents {
        let Some(caps) = self.caps.get(&account(org, officer, day)) else { return Cents::ZERO };
        let until = caps.get(order).map_or(u64::MAX, |(at, _)| *at);
        let earlier = caps.iter().filter(|(other, (at, _))| *other != order && *at < until);
        // A sum beyond all money exceeds every limit.
        earlier.map(|(_, (_, cap))| *cap).try_fold(Cents::ZERO, Cents::plus).unwrap_or(Cents::MAX)
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
        known.release(&order(1));
        assert_eq!(before(&known, day, 2), Cents::ZERO);
    }
}
