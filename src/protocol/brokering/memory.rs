//! What brokering remembers beside the state; all of it can be learnt again.
use std::collections::{BTreeMap, BTreeSet};

use crate::domain::id::NodeId;
use crate::domain::statement::Signed;
use crate::domain::time::Timestamp;
use crate::protocol::limits::RECOVERY_WAIT_MS;

/// Whom a party in doubt asks next, and when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Doubt {
    /// How often it has asked.
    pub asked: u32,
    /// When it asks next.
    pub next_at: Timestamp,
}

/// How far taking back has come.
#[derive(Clone, Debug, Default)]
pub struct Recovery {
    /// Entries of the own log that were there at the start; absent before it.
    pub(super) since: Option<u64>,
    /// Whether there is, or may be, something to take back.
    pub(super) is_needed: bool,
    /// Who has answered.
    pub(super) heard: BTreeSet<NodeId>,
    /// Who was asked, and when.
    pub(super) asked: BTreeMap<NodeId, Timestamp>,
    /// Until when the others are waited for.
    pub(super) until: Timestamp,
    /// How much of its own log the node laid down by itself at this start.
    pub(in crate::protocol) founded: u64,
    /// Who has given back what was deposited there.
    pub(super) returned: BTreeSet<NodeId>,
    /// Who was asked for it, and when.
    pub(super) asked_back: BTreeMap<NodeId, Timestamp>,
    /// Who gave back something that cannot be opened, when asked last.
    pub(super) unreadable: BTreeSet<NodeId>,
    /// What came back and rests on something that has not yet.
    pub(super) unplaced: Vec<Signed>,
}

impl Recovery {
    /// The clock was set back: everyone may be asked again at once, and the wait is no longer than from now.
    pub(in crate::protocol) fn clock_set_back(&mut self, now: Timestamp) {
        self.asked.clear();
        self.asked_back.clear();
        self.until = self.until.min(now.plus_ms(RECOVERY_WAIT_MS));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_went_back_asks_at_once_and_waits_no_longer_than_from_now() {
        let now: Timestamp = "2026-11-24T08:00:00Z".parse().expect("a time");
        let ahead = now.plus_ms(24 * 60 * 60 * 1000);
        let node: NodeId = "kid".parse().expect("a name");
        let asked = [(node, ahead)].into();
        let mut recovery = Recovery { asked, until: ahead.plus_ms(RECOVERY_WAIT_MS), ..Recovery::default() };
        recovery.clock_set_back(now);
        assert_eq!((recovery.asked.len(), recovery.until), (0, now.plus_ms(RECOVERY_WAIT_MS)));
    }
}
