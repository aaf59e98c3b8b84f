//! The first witnessed checkpoint of what has legal time: whoever was away when it came asks the home of the log.
//!
//! Whoever follows a log hears of every checkpoint that a quorum has cosigned. Whoever was away hears of the newest alone,
//! and by that one a seal that was in time looks late. Only the log's own node is asked: it gathers the cosignatures, so it
//! holds every first checkpoint there is.
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use crate::domain::body::Body;
use crate::domain::id::{NodeId, OrderId, Origin, StatementId};
use crate::domain::order::Attempt;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::time::Timestamp;
use crate::protocol::evidence::is_timed;
use crate::protocol::frame::Frame;
use crate::protocol::limits::{COVER_LATE_MS, COVERS_MAX, COVERS_MS, COVERS_ORDERS_MAX, COVERS_SOUGHT_MAX};
use crate::protocol::state::Order;
use crate::protocol::{Effect, Node, Work};

/// The orders of one look, and after which the next one goes on; after the last it begins with the first.
fn next_of<V>(orders: &BTreeMap<OrderId, V>, after: Option<OrderId>) -> (Vec<&V>, Option<OrderId>) {
    let begin = after.map_or(Bound::Unbounded, Bound::Excluded);
    let some: Vec<(&OrderId, &V)> = orders.range((begin, Bound::Unbounded)).take(COVERS_ORDERS_MAX).collect();
    let last = some.last().filter(|_| some.len() == COVERS_ORDERS_MAX).map(|(order, _)| **order);
    (some.into_iter().map(|(_, order)| order).collect(), last)
}

impl Node {
    /// Asks for what seems to have been seen long after it was said, once on each stream. Until an order has come to its
    /// end, what it rests on is still on its way.
    pub(super) fn seek_covers(&mut self, work: &mut Work) {
        let (orders, last): (Vec<&Order>, _) = next_of(&self.state.orders, self.sync.covers_after);
        self.sync.covers_after = last;
        let ended = orders.into_iter().filter_map(Order::current);
        let ended = ended.filter(|attempt| attempt.outcome().is_some());
        let mut late: BTreeMap<Origin, BTreeSet<u64>> = BTreeMap::new();
        for (origin, index) in ended.flat_map(|attempt| self.late_places(attempt)) {
            late.entry(origin).or_default().insert(index);
        }
        for (origin, indexes) in late {
            let Some(peer) = self.sync.peers.get_mut(&origin.node) else { continue };
            let mut wanted = Vec::new();
            for index in indexes {
                let has_room = wanted.len() < COVERS_MAX && peer.sought.len() < COVERS_SOUGHT_MAX;
                if has_room && peer.sought.insert((origin.clone(), index)) {
                    wanted.push(index);
                }
            }
            if !wanted.is_empty() {
                let node = origin.node.clone();
                work.then.push(Effect::Send(node, Frame::CoversWanted { origin, indexes: wanted }));
            }
        }
    }

    /// Where statements of an attempt, and the facts it rests on, stand in logs of others of which an earlier checkpoint
    /// must have been missed.
    fn late_places(&self, attempt: &Attempt) -> Vec<(Origin, u64)> {
        let timed = attempt.messages().into_iter().filter(|signed| is_timed(signed.kind()));
        let messages = timed.filter_map(|signed| {
            let said_at = Body::read(signed).ok()?.signed_at()?;
            self.late_place(signed.id(), self.home_of(signed).ok()?, said_at.plus_ms(COVER_LATE_MS))
        });
        let facts: BTreeSet<StatementId> =
            attempt.leg_findings().iter().flat_map(|leg| leg.evidence.iter().copied()).collect();
        let asked_at = attempt.request.body().signed_at;
        let facts = facts.into_iter().filter_map(|id| self.late_place(id, self.public_place(&id).ok()?, asked_at));
        messages.chain(facts).collect()
    }

    /// Where a statement stands, if by the first checkpoint known witnesses had seen it after this time, and there may be
    /// an earlier one.
    fn late_place(&self, id: StatementId, origin: Origin, by: Timestamp) -> Option<(Origin, u64)> {
        let index = self.state.place_of(&id, &origin)?;
        let (size, seen_at) = self.state.logs.get(&origin)?.first_cover(index)?;
        (origin != self.settings.origin && size > index + 1 && seen_at > by).then_some((origin, index))
    }

    /// A peer asks for first checkpoints of the own log: they are read and sent. One frame in a while is answered, whatever
    /// else comes.
    pub(super) fn covers_wanted(
        &mut self,
        from: &NodeId,
        origin: &Origin,
        indexes: Vec<u64>,
        now: Timestamp,
        work: &mut Work,
    ) -> Result<(), Refusal> {
        if indexes.len() > COVERS_MAX {
            return Err(Refusal::new(Reason::FrameInvalid).with("field", "covers_wanted.indexes"));
        }
        let witnessed = self.state.logs.get(origin).map_or(0, |log| log.witnessed_size());
        let Some(peer) = self.sync.peers.get_mut(from) else { return Ok(()) };
        if *origin != self.settings.origin || now < peer.covers_at {
            return Ok(());
        }
        peer.covers_at = now.plus_ms(COVERS_MS);
        for index in indexes.into_iter().filter(|index| *index < witnessed) {
            work.then.push(Effect::ReadCover { to: from.clone(), origin: origin.clone(), index });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u32) -> OrderId {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        OrderId(bytes)
    }

    #[test]
    fn one_look_takes_few_orders_and_the_looks_together_take_all() {
        let most = COVERS_ORDERS_MAX as u32;
        for count in [0, 1, most - 1, most, most + 1, 2 * most, 5 * most + 7] {
            let orders: BTreeMap<OrderId, u32> = (0..count).map(|number| (id(number), number)).collect();
            let (mut seen, mut after) = (Vec::new(), None);
            for _ in 0..=count / most {
                let (some, last) = next_of(&orders, after);
                assert!(some.len() <= COVERS_ORDERS_MAX, "{count}");
                seen.extend(some.into_iter().copied());
                after = last;
            }
            assert_eq!(seen, (0..count).collect::<Vec<u32>>(), "each once, in the order of their ids");
            assert_eq!(after, None, "{count}: the next look begins with the first");
        }
    }

    #[test]
    fn an_order_that_is_gone_or_new_between_two_looks_keeps_no_other_from_its_turn() {
        let most = COVERS_ORDERS_MAX as u32;
        let mut orders: BTreeMap<OrderId, u32> = (0..3 * most).map(|number| (id(2 * number), number)).collect();
        let (mut seen, mut after) = (Vec::new(), None);
        for look in 0..4 {
            let (some, last) = next_of(&orders, after);
            seen.extend(some.into_iter().copied());
            after = last;
            if let Some(last) = after {
                orders.remove(&last);
                orders.insert(id(1), u32::MAX - look);
            }
        }
        assert_eq!(seen, (0..3 * most).collect::<Vec<u32>>());
    }
}
