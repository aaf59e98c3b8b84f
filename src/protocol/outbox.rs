//! The timetable of deliveries: what waits for which node, what is on its way, when to try again.
//!
//! It may be lost at any time, because what must be delivered follows from the messages held. Must never give up:
//! a delivery leaves it only with its receipt, or when the order no longer asks for it.
use std::collections::{BTreeMap, BTreeSet};

use crate::domain::id::{NodeId, OrderId};
use crate::domain::reason::{Class, Reason, Refusal};
use crate::domain::time::Timestamp;
use crate::protocol::frame::DeliveryKey;
use crate::protocol::limits::{
    DELIVERIES_IN_FLIGHT_MAX, DELIVERY_MS_MAX, RETRY_BEHIND_MS_MAX, RETRY_MS_MAX, RETRY_MS_MIN,
};

/// Deliveries without a receipt.
#[derive(Default, Debug)]
pub struct Outbox {
    orders: BTreeMap<OrderId, BTreeMap<DeliveryKey, Sending>>,
    count: usize,
    lanes: BTreeMap<NodeId, Lane>,
}

/// One delivery.
#[derive(Clone, Debug)]
pub struct Sending {
    node: NodeId,
    /// Whether it reports a result; results go ahead of requests.
    result: bool,
    tries: u32,
    since: Timestamp,
    next_at: Timestamp,
    in_flight: bool,
    /// The last failure, verbatim.
    pub last_error: Option<Refusal>,
}

/// What goes to one node, by time.
#[derive(Default, Debug)]
struct Lane {
    results: BTreeSet<(Timestamp, DeliveryKey)>,
    requests: BTreeSet<(Timestamp, DeliveryKey)>,
    in_flight: BTreeSet<(Timestamp, DeliveryKey)>,
}

impl Lane {
    fn is_full(&self) -> bool {
        self.in_flight.len() >= DELIVERIES_IN_FLIGHT_MAX
    }

    fn line_of(&mut self, sending: &Sending) -> &mut BTreeSet<(Timestamp, DeliveryKey)> {
        match (sending.in_flight, sending.result) {
            (true, _) => &mut self.in_flight,
            (false, true) => &mut self.results,
            (false, false) => &mut self.requests,
        }
    }

    /// What waits behind a full lane becomes due when an answer comes, not by time.
    fn next_due(&self) -> Option<Timestamp> {
        let waiting = [&self.results, &self.requests].into_iter().filter(|_| !self.is_full());
        waiting.chain([&self.in_flight]).filter_map(|line| line.first()).map(|(at, _)| *at).min()
    }

    fn is_empty(&self) -> bool {
        self.results.is_empty() && self.requests.is_empty() && self.in_flight.is_empty()
    }
}

impl Outbox {
    /// When the next delivery is due.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.lanes.values().filter_map(Lane::next_due).min()
    }

    /// Deliveries of an order that wait, with their last failure.
    pub fn waiting(&self, order: OrderId) -> impl Iterator<Item = (&DeliveryKey, &Sending)> {
        self.orders.get(&order).into_iter().flatten()
    }

    /// Since when the oldest delivery of an order that has failed waits; forgotten with a restart.
    pub fn failing_since(&self, order: OrderId) -> Option<Timestamp> {
        self.waiting(order).filter(|(_, sending)| sending.tries > 0).map(|(_, sending)| sending.since).min()
    }

    /// How many deliveries wait.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.orders.is_empty()
    }

    /// Adds a delivery, due at once. One that is known keeps its timetable.
    pub(super) fn add(&mut self, key: DeliveryKey, node: NodeId, result: bool, now: Timestamp) {
        let of_order = self.orders.entry(key.order).or_default();
        if of_order.contains_key(&key) {
            return;
        }
        let sending =
            Sending { node, result, tries: 0, since: now, next_at: now, in_flight: false, last_error: None };
        self.lanes.entry(sending.node.clone()).or_default().line_of(&sending).insert((now, key.clone()));
        of_order.insert(key, sending);
        self.count += 1;
    }

    /// Forgets what an order no longer asks for.
    pub(super) fn keep_only(&mut self, order: OrderId, wanted: &[DeliveryKey]) {
        let known: Vec<DeliveryKey> = self.waiting(order).map(|(key, _)| key.clone()).collect();
        for key in known.iter().filter(|key| !wanted.contains(key)) {
            self.remove(key);
        }
    }

    /// A delivery is done.
    pub(super) fn remove(&mut self, key: &DeliveryKey) {
        let Some(of_order) = self.orders.get_mut(&key.order) else { return };
        let Some(sending) = of_order.remove(key) else { return };
        self.count -= 1;
        if of_order.is_empty() {
            self.orders.remove(&key.order);
        }
        if let Some(lane) = self.lanes.get_mut(&sending.node) {
            lane.line_of(&sending).remove(&(sending.next_at, key.clone()));
            if lane.is_empty() {
                self.lanes.remove(&sending.node);
            }
        }
    }

    /// A delivery failed; the wait before the next try doubles.
    pub(super) fn failed(&mut self, key: &DeliveryKey, refusal: Refusal, jitter_ms: i64, now: Timestamp) {
        self.change(key, |sending| {
            // A node that is busy says when it is worth coming back; one that is away does not.
            let asked = refusal.field("retry_ms").and_then(|text| text.parse().ok());
            let doubled = RETRY_MS_MIN.saturating_mul(1 << sending.tries.min(16));
            let wait = asked.unwrap_or(doubled).clamp(1, longest_wait(&refusal));
            sending.tries += 1;
            sending.in_flight = false;
            sending.next_at = now.plus_ms(wait + jitter_ms);
            sending.last_error = Some(refusal);
        });
    }

    /// The clock was set back: what waited for a time that is far away now is due, and what is under way has as long as
    /// any other.
    pub(super) fn clock_set_back(&mut self, now: Timestamp) {
        let all: Vec<DeliveryKey> = self.orders.values().flat_map(BTreeMap::keys).cloned().collect();
        for key in &all {
            self.change(key, |sending| {
                let latest = if sending.in_flight { now.plus_ms(DELIVERY_MS_MAX) } else { now };
                sending.next_at = sending.next_at.min(latest);
                sending.since = sending.since.min(now);
            });
        }
    }

    /// Makes due what could not reach a node, and says whether there is any. What the node has answered with a
    /// refusal keeps its timetable: it is no news that such a node is there.
    pub(super) fn awake(&mut self, node: &NodeId, now: Timestamp) -> bool {
        let Some(lane) = self.lanes.get(node) else { return false };
        let later: Vec<DeliveryKey> = [&lane.results, &lane.requests]
            .into_iter()
            .flat_map(|line| line.iter().rev().take_while(|(at, _)| *at > now))
            .map(|(_, key)| key.clone())
            .collect();
        let mut any = false;
        for key in later {
            let unreached = self.sending(&key).is_some_and(|sending| {
                sending.last_error.as_ref().is_none_or(|error| error.reason.class() == Class::Unavailable)
            });
            if unreached {
                self.change(&key, |sending| sending.next_at = now);
                any = true;
            }
        }
        any
    }

    /// Takes what is to be sent now: results ahead of requests, up to the limit per node.
    pub(super) fn take_due(&mut self, now: Timestamp) -> Vec<(NodeId, DeliveryKey)> {
        let nodes: Vec<NodeId> = self
            .lanes
            .iter()
            .filter(|(_, lane)| lane.next_due().is_some_and(|at| at <= now))
            .map(|(n, _)| n.clone())
            .collect();
        let mut taken = Vec::new();
        for node in nodes {
            while let Some(key) = self.next_in_lane(&node, now) {
                self.change(&key, |sending| {
                    sending.in_flight = true;
                    sending.next_at = now.plus_ms(DELIVERY_MS_MAX);
                });
                taken.push((node.clone(), key));
            }
        }
        taken
    }

    /// What has been under way for too long counts as lost and goes first; it does not make the lane any fuller.
    fn next_in_lane(&self, node: &NodeId, now: Timestamp) -> Option<DeliveryKey> {
        let lane = self.lanes.get(node)?;
        let due = |line: &BTreeSet<(Timestamp, DeliveryKey)>| line.first().filter(|(at, _)| *at <= now).cloned();
        let waiting = || due(&lane.results).or_else(|| due(&lane.requests)).filter(|_| !lane.is_full());
        due(&lane.in_flight).or_else(waiting).map(|(_, key)| key)
    }

    fn sending(&self, key: &DeliveryKey) -> Option<&Sending> {
        self.orders.get(&key.order)?.get(key)
    }

    fn change(&mut self, key: &DeliveryKey, edit: impl FnOnce(&mut Sending)) {
        let Some(sending) = self.orders.get_mut(&key.order).and_then(|of_order| of_order.get_mut(key)) else {
            return;
        };
        let lane = self.lanes.entry(sending.node.clone()).or_default();
        lane.line_of(sending).remove(&(sending.next_at, key.clone()));
        edit(sending);
        lane.line_of(sending).insert((sending.next_at, key.clone()));
    }
}

/// How long to wait at most after such a refusal. A key that is not known yet was rotated a moment ago: nothing is refused
/// for good because of that.
fn longest_wait(refusal: &Refusal) -> i64 {
    if refusal.reason == Reason::KeyUnknown { RETRY_BEHIND_MS_MAX } else { RETRY_MS_MAX }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::StatementId;

    #[test]
    fn a_key_that_is_not_known_yet_is_tried_again_within_seconds() {
        let mut now: Timestamp = "2026-11-24T08:00:00Z".parse().expect("a time");
        let key = DeliveryKey {
            order: OrderId([1; 16]),
            attempt: 1,
            to: "kid".parse().expect("a name"),
            message: StatementId([1; 32]),
        };
        let node: NodeId = "kid".parse().expect("a name");
        let mut outbox = Outbox::default();
        outbox.add(key.clone(), node.clone(), false, now);
        for _ in 0..100 {
            assert_eq!(outbox.take_due(now), [(node.clone(), key.clone())], "never given up");
            outbox.failed(&key, Refusal::new(Reason::KeyUnknown), 0, now);
            let due = outbox.next_due().expect("it waits");
            assert!(due.since_ms(now) <= RETRY_BEHIND_MS_MAX, "{due}");
            now = due;
        }
        outbox.take_due(now);
        outbox.failed(&key, Refusal::new(Reason::Unreachable), 0, now);
        assert_eq!(outbox.next_due().map(|due| due.since_ms(now)), Some(RETRY_MS_MAX), "others wait longer");
    }

    #[test]
    fn a_clock_that_went_back_makes_nothing_wait_for_the_time_it_had() {
        let now: Timestamp = "2026-11-24T08:00:00Z".parse().expect("a time");
        let ahead = now.plus_ms(24 * 60 * 60 * 1000);
        let key = |number: u8| DeliveryKey {
            order: OrderId([number; 16]),
            attempt: 1,
            to: "kid".parse().expect("a name"),
            message: StatementId([number; 32]),
        };
        let node: NodeId = "kid".parse().expect("a name");
        let mut outbox = Outbox::default();
        outbox.add(key(1), node.clone(), false, ahead);
        assert_eq!(outbox.take_due(ahead), [(node.clone(), key(1))]);
        outbox.failed(&key(1), Refusal::new(Reason::DeadlineExceeded), 0, ahead);
        outbox.clock_set_back(now);
        assert_eq!(outbox.next_due(), Some(now));
        assert_eq!(outbox.failing_since(OrderId([1; 16])), Some(now));

        // What is under way counts as lost as soon as it would have with the right clock.
        outbox.remove(&key(1));
        outbox.add(key(2), node, true, ahead);
        outbox.take_due(ahead);
        outbox.clock_set_back(now);
        assert_eq!(outbox.next_due(), Some(now.plus_ms(DELIVERY_MS_MAX)));
    }
}
