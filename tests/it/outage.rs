//! A node that was away gets everything that waited for it, and gets it once: six real processes, one of them stopped
//! while orders for it queue, then started again.
//!
//! `VERBUND_OUTAGE_ORDERS` says how many orders wait; the bench `ordering` does the same with ten thousand and a
//! stopwatch.
use std::collections::BTreeMap;

use verbund::domain::id::{OrderId, StatementId};

use crate::processes::{Processes, assert_sealed_everywhere, hand_in, until_sealed};

/// Orders of an ordinary run.
const ORDERS: usize = 300;

/// Who is away, and who queues for it.
const AWAY: &str = "provitako";
const BEFORE: &str = "kid";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_was_away_gets_every_order_once() {
    let count =
        std::env::var("VERBUND_OUTAGE_ORDERS").map_or(ORDERS, |text| text.parse::<usize>().expect("a number"));
    let mut processes = Processes::open().await;
    processes.kill(AWAY).await;
    let mut orders: BTreeMap<OrderId, StatementId> = BTreeMap::new();
    let mut client = processes.buyer();
    for number in 0..count {
        let request_id = format!("outage-{number}");
        let (order, signed) = processes.request(&request_id);
        hand_in(&mut client, &request_id, order, &signed).await;
        orders.insert(order, signed.id());
    }
    let mut before = processes.client(BEFORE, None);
    processes
        .until("all wait at the node before", async || {
            before.status().await.is_ok_and(|status| status["outbox"] == count)
        })
        .await;
    processes.start(AWAY).await;
    for order in orders.keys() {
        until_sealed(&mut client, *order).await;
    }
    processes.delivered().await;
    processes.level().await;
    processes.stop().await;
    assert_sealed_everywhere(&processes, &orders);
}
