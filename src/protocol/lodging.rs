//! What a node remembers of the deposits it makes beside the state; all of it can be learnt again.
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::domain::id::{NodeId, OrderId};
use crate::domain::time::Timestamp;
use crate::protocol::limits::DEPOSIT_STATEMENTS_MAX;

/// How far this node has come with what it gives to others; all of it can be learnt again.
pub struct Deposits<A> {
    /// Answers that wait, each with the size of the own log up to which everything must be safe.
    pub(super) parked: VecDeque<(A, u64)>,
    pub(super) sending: BTreeMap<NodeId, Sending>,
    pub(super) failed: BTreeMap<NodeId, Failed>,
    /// Entries that are read because a depositary that lost its disk is to have them again.
    pub(super) reading: Option<Reading>,
    /// How many of them are read at a time; fewer where they are large.
    pub(super) page: u64,
    /// The first entry that is alone, and since when it has been.
    pub(super) waiting: Option<(u64, Timestamp)>,
    /// Orders whose outcome is not told yet.
    pub(super) held_back: BTreeSet<OrderId>,
    /// How much of the own log was ever shown: it never becomes shorter for others.
    pub(super) shown: u64,
}

/// What is on its way to a depositary.
pub(super) struct Sending {
    pub(super) first: u64,
    pub(super) since: Timestamp,
    /// What it had before it lost its disk; absent for what is new.
    pub(super) again: Option<Again>,
}

/// A part of what a depositary is given again.
pub(super) struct Again {
    /// With it the depositary has everything from this entry on.
    pub(super) from: u64,
    /// The last entry in it, if all of it fits into one parcel.
    pub(super) last: u64,
}

/// Entries of the own log that are being read for a depositary, up to one of them.
pub(super) struct Reading {
    pub(super) node: NodeId,
    pub(super) first: u64,
    pub(super) upto: u64,
}

/// A depositary that did not take it.
pub(super) struct Failed {
    pub(super) tries: u32,
    pub(super) next_at: Timestamp,
}

impl<A> Default for Deposits<A> {
    fn default() -> Self {
        Self {
            parked: VecDeque::new(),
            sending: BTreeMap::new(),
            failed: BTreeMap::new(),
            reading: None,
            page: DEPOSIT_STATEMENTS_MAX as u64,
            waiting: None,
            held_back: BTreeSet::new(),
            shown: 0,
        }
    }
}

impl<A> Deposits<A> {
    /// The clock was set back: no wait is longer than from now.
    pub(super) fn clock_set_back(&mut self, now: Timestamp) {
        self.waiting = None;
        self.failed.clear();
        self.sending.values_mut().for_each(|sending| sending.since = sending.since.min(now));
    }
}
