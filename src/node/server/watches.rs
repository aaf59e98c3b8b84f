//! How much may be watched at a time, by everybody and by one caller: orders by an organisation, the catalogue by whoever comes
//! from one address.
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use crate::domain::id::OrgId;
use crate::domain::reason::{Reason, Refusal};

/// Orders watched at a time by one organisation: every desk of a large one has a few open. Whoever leaves them unread
/// keeps nobody else from watching.
const WATCHES_PER_ORG_MAX: usize = 64;

/// Orders watched at a time; each costs a task and a view of one order, some ten kilobytes.
const WATCHES_MAX: usize = 4_096;

/// Feeds of the catalogue from one address: a shared gateway has many programs behind it.
const FEEDS_PER_ADDRESS_MAX: usize = 32;

/// Feeds of the catalogue at a time; each costs a task and holds one batch, a quarter of a megabyte at most.
const FEEDS_MAX: usize = 512;

/// How much each caller watches.
#[derive(Clone)]
pub struct Watches<C> {
    open: Arc<Mutex<BTreeMap<C, usize>>>,
    rule: &'static str,
    named: &'static str,
    per_caller: usize,
    at_a_time: usize,
}

/// A watch under way; ended when dropped.
#[derive(Debug)]
pub struct Watching<C: Ord> {
    open: Arc<Mutex<BTreeMap<C, usize>>>,
    caller: C,
}

impl Watches<OrgId> {
    /// Of orders, by organisation.
    pub fn of_orders() -> Self {
        Self {
            open: Arc::default(),
            rule: "orders watched at a time",
            named: "org",
            per_caller: WATCHES_PER_ORG_MAX,
            at_a_time: WATCHES_MAX,
        }
    }
}

impl Watches<IpAddr> {
    /// Of the catalogue, by address.
    pub fn of_catalogue() -> Self {
        Self {
            open: Arc::default(),
            rule: "feeds at a time",
            named: "address",
            per_caller: FEEDS_PER_ADDRESS_MAX,
            at_a_time: FEEDS_MAX,
        }
    }
}

impl<C: Ord + Clone + std::fmt::Display> Watches<C> {
    /// One more, if neither the caller nor all together have too many.
    pub fn enter(&self, caller: &C) -> Result<Watching<C>, Refusal> {
        let mut open = self.open.lock().expect("no panic while it is held");
        let refuse = |limit: usize| Refusal::new(Reason::Overloaded).with("rule", self.rule).with("limit", limit);
        if open.values().sum::<usize>() >= self.at_a_time {
            return Err(refuse(self.at_a_time));
        }
        let own = open.entry(caller.clone()).or_default();
        if *own >= self.per_caller {
            return Err(refuse(self.per_caller).with(self.named, caller));
        }
        *own += 1;
        Ok(Watching { open: Arc::clone(&self.open), caller: caller.clone() })
    }
}

impl<C: Ord> Drop for Watching<C> {
    fn drop(&mut self) {
        let mut open = self.open.lock().expect("no panic while it is held");
        if let Some(own) = open.get_mut(&self.caller) {
            *own -= 1;
            if *own == 0 {
                open.remove(&self.caller);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_organisation_watches_so_many_orders_and_leaves_room_for_others() {
        let (watches, one, other): (_, OrgId, OrgId) =
            (Watches::of_orders(), "barleben".parse().expect("a name"), "halberstadt".parse().expect("a name"));
        let mut open: Vec<Watching<OrgId>> =
            (0..WATCHES_PER_ORG_MAX).map(|_| watches.enter(&one).expect("room")).collect();
        assert_eq!(watches.enter(&one).expect_err("full").reason, Reason::Overloaded);
        let others = watches.enter(&other).expect("room of its own");
        open.pop();
        open.push(watches.enter(&one).expect("one has ended"));
        drop((open, others));
        assert!(watches.open.lock().expect("no panic").is_empty());
    }
}
