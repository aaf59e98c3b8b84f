//! What stays in memory of orders that are settled: a row of each, and what waits for one to be read again.
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::domain::id::{NodeId, OrderId, OrgId};
use crate::domain::seen::Seen;
use crate::domain::time::Date;
use crate::protocol::limits::SETTLED_KEPT_MAX;
use crate::protocol::numbered::Numbered;

/// A settled order: about 150 bytes with what the maps and the allocator add.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// Over everything that was known of it.
    pub seen: Seen,
    /// One of the lists of parties.
    parties: u32,
    /// Of each party: one of the nodes, its home when the order came to rest, and up to which position of that node's log
    /// one must have everything to have lost nothing of the order.
    homes: Box<[(u32, u32)]>,
    /// Until when the contract runs; none without a seal.
    pub until: Option<Date>,
}

/// Something that cannot go on before the orders it names are back in memory.
pub(super) struct Parked<I> {
    pub input: I,
    pub named: BTreeSet<OrderId>,
}

/// Settled orders, and inputs that wait for some of them.
pub struct Resting<I> {
    rows: BTreeMap<OrderId, Row>,
    parties: Numbered<Vec<OrgId>>,
    nodes: Numbered<NodeId>,
    /// Those still in memory, the one that was touched longest ago first.
    line: BTreeMap<u64, OrderId>,
    in_line: BTreeMap<OrderId, u64>,
    next_in_line: u64,
    /// How many stay in memory.
    keep: usize,
    pub(super) parked: VecDeque<Parked<I>>,
    /// Those that are being read.
    pub(super) reading: BTreeSet<OrderId>,
    /// Those of them that are to be looked at once they are back.
    pub(super) touched: BTreeSet<OrderId>,
}

impl<I> Default for Resting<I> {
    fn default() -> Self {
        Self::keeping(SETTLED_KEPT_MAX)
    }
}

impl<I> Resting<I> {
    /// None at rest, and so many stay in memory although they are settled.
    pub(in crate::protocol) fn keeping(keep: usize) -> Self {
        Self {
            rows: BTreeMap::new(),
            parties: Numbered::default(),
            nodes: Numbered::default(),
            line: BTreeMap::new(),
            in_line: BTreeMap::new(),
            next_in_line: 0,
            keep,
            parked: VecDeque::new(),
            reading: BTreeSet::new(),
            touched: BTreeSet::new(),
        }
    }

    /// The same once everything else is forgotten.
    pub(in crate::protocol) fn emptied(&self) -> Self {
        Self::keeping(self.keep)
    }

    pub(super) fn keep(&mut self, keep: usize) {
        self.keep = keep;
    }

    pub(super) fn row(&self, order: &OrderId) -> Option<&Row> {
        self.rows.get(order)
    }

    pub(in crate::protocol) fn is_resting(&self, order: &OrderId) -> bool {
        self.rows.contains_key(order)
    }

    /// How many are at rest.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The orders at rest, each with its parties.
    pub(super) fn rows(&self) -> impl Iterator<Item = (&OrderId, &Row, &[OrgId])> {
        self.rows
            .iter()
            .map(|(order, row)| (order, row, self.parties.value(row.parties).map_or(&[][..], Vec::as_slice)))
    }

    /// Whether a party at home on a node may have lost something of an order if the node has lost its log from `since` on.
    pub(super) fn may_have_lost(
        &self,
        row: &Row,
        is_home: impl Fn(&OrgId) -> bool,
        node: &NodeId,
        since: u64,
    ) -> bool {
        let parties = self.parties.value(row.parties).into_iter().flatten();
        parties.zip(&row.homes).filter(|(party, _)| is_home(party)).any(|(_, (home, before))| {
            // Who has come there since has nothing of it in that log.
            self.nodes.value(*home) != Some(node) || *before == u32::MAX || since < u64::from(*before)
        })
    }

    /// An order comes to rest.
    pub(super) fn put(
        &mut self,
        order: OrderId,
        seen: Seen,
        parties: Vec<(OrgId, NodeId, u64)>,
        until: Option<Date>,
    ) {
        let short = |before: u64| u32::try_from(before).unwrap_or(u32::MAX);
        let homes = parties.iter().map(|(_, home, before)| (self.nodes.number(home), short(*before))).collect();
        let parties = parties.into_iter().map(|(party, ..)| party).collect();
        self.rows.insert(order, Row { seen, parties: self.parties.number(&parties), homes, until });
    }

    /// An order is back in memory.
    pub(super) fn take(&mut self, order: &OrderId) {
        self.rows.remove(order);
    }

    /// An order in memory was touched and is settled.
    pub(super) fn line_up(&mut self, order: OrderId) {
        self.next_in_line += 1;
        if let Some(before) = self.in_line.insert(order, self.next_in_line) {
            self.line.remove(&before);
        }
        self.line.insert(self.next_in_line, order);
    }

    /// Those that are too many in memory, but for those that something parked names.
    pub(super) fn over(&mut self) -> Vec<OrderId> {
        let count = self.line.len().saturating_sub(self.keep);
        if count == 0 {
            return Vec::new();
        }
        let named: BTreeSet<OrderId> = self.parked.iter().flat_map(|parked| parked.named.iter().copied()).collect();
        let free = self.line.iter().filter(|(_, order)| !named.contains(order));
        let over: Vec<(u64, OrderId)> = free.take(count).map(|(at, order)| (*at, *order)).collect();
        for (at, order) in &over {
            self.line.remove(at);
            self.in_line.remove(order);
        }
        over.into_iter().map(|(_, order)| order).collect()
    }

    /// Whether an input that names these orders must wait: one is at rest, or something else waits for one.
    pub(super) fn must_wait(&self, named: &BTreeSet<OrderId>) -> bool {
        let waits = |order| self.is_resting(order) || self.parked.iter().any(|parked| parked.named.contains(order));
        named.iter().any(waits)
    }

    /// What need not wait any longer, in the order in which it came; what waits holds up what names the same.
    pub(super) fn ready(&mut self) -> Vec<Parked<I>> {
        let (mut held_up, mut ready) = (BTreeSet::new(), Vec::new());
        for parked in std::mem::take(&mut self.parked) {
            if parked.named.iter().any(|order| self.rows.contains_key(order) || held_up.contains(order)) {
                held_up.extend(parked.named.iter().copied());
                self.parked.push_back(parked);
            } else {
                ready.push(parked);
            }
        }
        ready
    }
}
