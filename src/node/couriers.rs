//! Couriers: one for each peer. What comes up while it is on its way goes along the next time, so a busy pair of nodes
//! makes few calls with many messages, and an idle one makes each call at once.
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::domain::annex::{self, ANNEX_BYTES_MAX};
use crate::domain::id::NodeId;
use crate::domain::statement::Signed;
use crate::protocol::frame::Delivery;
use crate::protocol::limits::{BATCH_DELIVERIES_MAX, DELIVERIES_IN_FLIGHT_MAX};

/// Most bytes of signed messages and their annexes in one call, beside the first delivery: with that far below the largest message.
const LOAD_BYTES_MAX: usize = 1024 * 1024;

/// What waits for each peer, and who is on the way.
#[derive(Default)]
pub(super) struct Couriers {
    waiting: BTreeMap<NodeId, VecDeque<Delivery>>,
    away: BTreeSet<NodeId>,
}

impl Couriers {
    /// Gives the courier something more to carry. What it has to carry already it need not carry twice; more than the
    /// outbox has under way at a time it never has.
    pub(super) fn give(&mut self, node: NodeId, delivery: Delivery) {
        let waiting = self.waiting.entry(node).or_default();
        let key = delivery.key();
        if waiting.len() < DELIVERIES_IN_FLIGHT_MAX && waiting.iter().all(|known| known.key() != key) {
            waiting.push_back(delivery);
        }
    }

    /// Lets the next courier go that is at home and has something to carry: to whom, and what.
    pub(super) fn leave(&mut self) -> Option<(NodeId, Vec<Delivery>)> {
        let node = self.waiting.keys().find(|node| !self.away.contains(*node))?.clone();
        let mut waiting = self.waiting.remove(&node)?;
        let (mut load, mut bytes) = (Vec::new(), 0);
        while let Some(delivery) = waiting.pop_front() {
            bytes += delivery.messages.iter().map(bytes_of).sum::<usize>();
            if load.len() >= BATCH_DELIVERIES_MAX || bytes > LOAD_BYTES_MAX && !load.is_empty() {
                waiting.push_front(delivery);
                break;
            }
            load.push(delivery);
        }
        if !waiting.is_empty() {
            self.waiting.insert(node.clone(), waiting);
        }
        self.away.insert(node.clone());
        Some((node, load))
    }

    /// A courier is back.
    pub(super) fn back(&mut self, node: &NodeId) {
        self.away.remove(node);
    }

    /// Nothing that waits is carried any more.
    pub(super) fn drop_all(&mut self) {
        self.waiting.clear();
    }
}

/// What a message takes, with the annex that will go beside it.
fn bytes_of(signed: &Signed) -> usize {
    signed.pae().len() + annex::named(signed).map_or(0, |_| ANNEX_BYTES_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::{OrderId, StatementId};
    use crate::domain::signing::SecretKey;
    use crate::domain::statement::Kind;

    fn delivery(number: u8, bytes: usize) -> Delivery {
        let body = serde_json::json!({"text": "x".repeat(bytes)});
        let signed = Signed::sign(&Kind::Endorse, &body, &[&SecretKey::from_seed(&[1; 32])]);
        let (order, message) = (OrderId([number; 16]), StatementId([number; 32]));
        Delivery {
            order,
            attempt: 1,
            to: "kid".parse().expect("a name"),
            message,
            messages: vec![signed],
            annexes: Vec::new(),
        }
    }

    fn node(name: &str) -> NodeId {
        name.parse().expect("a name")
    }

    #[test]
    fn what_comes_up_meanwhile_goes_along_the_next_time_in_order_and_once() {
        let mut couriers = Couriers::default();
        couriers.give(node("kid"), delivery(0, 10));
        let (to, load) = couriers.leave().expect("at once");
        assert_eq!((to, load.len()), (node("kid"), 1));
        for number in [1, 2, 1, 3] {
            couriers.give(node("kid"), delivery(number, 10));
        }
        assert!(couriers.leave().is_none(), "one at a time");
        couriers.give(node("akdb"), delivery(9, 10));
        assert_eq!(couriers.leave().map(|(to, _)| to), Some(node("akdb")), "others do not wait");
        couriers.back(&node("kid"));
        let (_, load) = couriers.leave().expect("back");
        assert_eq!(load.iter().map(|carried| carried.order.0[0]).collect::<Vec<_>>(), [1, 2, 3]);
        couriers.back(&node("kid"));
        assert!(couriers.leave().is_none(), "nothing left");
    }

    #[test]
    fn a_load_is_bounded_in_number_and_bytes_and_nothing_is_left_behind() {
        for (bytes, most) in [(10, BATCH_DELIVERIES_MAX), (40_000, LOAD_BYTES_MAX / 40_000)] {
            let mut couriers = Couriers::default();
            for number in 0..u8::try_from(DELIVERIES_IN_FLIGHT_MAX).expect("few") + 9 {
                couriers.give(node("kid"), delivery(number, bytes));
            }
            let mut carried = Vec::new();
            while let Some((to, load)) = couriers.leave() {
                assert!((1..=most).contains(&load.len()), "{}", load.len());
                carried.extend(load);
                couriers.back(&to);
            }
            assert_eq!(carried.len(), DELIVERIES_IN_FLIGHT_MAX);
        }
        let mut couriers = Couriers::default();
        couriers.give(node("kid"), delivery(0, 10));
        couriers.drop_all();
        assert!(couriers.leave().is_none());
    }
}
