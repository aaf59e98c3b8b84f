//! How many orders may be watched at a time, by everybody and by one organisation.
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::domain::id::OrgId;
use crate::domain::reason::{Reason, Refusal};

/// Orders watched at a time by one organisation: every desk of a large one has a few open. Whoever leaves them unread
/// keeps nobody else from watching.
const WATCHES_PER_ORG_MAX: usize = 64;

/// Orders watched at a time; each costs a task and a view of one order, some ten kilobytes.
const WATCHES_MAX: usize = 4_096;

/// How many orders each organisation watches.
#[derive(Clone, Default)]
pub struct Watches(Arc<Mutex<BTreeMap<OrgId, usize>>>);

/// A watch under way; ended when dropped.
#[derive(Debug)]
pub struct Watching {
    watches: Arc<Mutex<BTreeMap<OrgId, usize>>>,
    org: OrgId,
}

impl Watches {
    /// One more, if neither the organisation nor all together have too many.
    pub fn enter(&self, org: &OrgId) -> Result<Watching, Refusal> {
        let mut watches = self.0.lock().expect("no panic while it is held");
        let refuse = |limit: usize| {
            Refusal::new(Reason::Overloaded).with("rule", "orders watched at a time").with("limit", limit)
        };
        if watches.values().sum::<usize>() >= WATCHES_MAX {
            return Err(refuse(WATCHES_MAX));
        }
        let own = watches.entry(org.clone()).or_default();
        if *own >= WATCHES_PER_ORG_MAX {
            return Err(refuse(WATCHES_PER_ORG_MAX).with("org", org));
        }
        *own += 1;
        Ok(Watching { watches: Arc::clone(&self.0), org: org.clone() })
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let mut watches = self.watches.lock().expect("no panic while it is held");
        if let Some(own) = watches.get_mut(&self.org) {
            *own -= 1;
            if *own == 0 {
                watches.remove(&self.org);
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
            (Watches::default(), "barleben".parse().expect("a name"), "halberstadt".parse().expect("a name"));
        let mut open: Vec<Watching> = (0..WATCHES_PER_ORG_MAX).map(|_| watches.enter(&one).expect("room")).collect();
        assert_eq!(watches.enter(&one).expect_err("full").reason, Reason::Overloaded);
        let others = watches.enter(&other).expect("room of its own");
        open.pop();
        open.push(watches.enter(&one).expect("one has ended"));
        drop((open, others));
        assert!(watches.0.lock().expect("no panic").is_empty());
    }
}
