//! A node that was away gets everything that waited for it, and gets it once: six real processes, one of them stopped
//! while orders for it queue, then started again.
//!
//! `VERBUND_OUTAGE_ORDERS` says how many orders wait; the bench `ordering` does the same with ten thousand and a
//! stopwatch.
use std::collections::BTreeMap;

use tokio::task::JoinSet;
use verbund::domain::id::{OrderId, StatementId};
use verbund::domain::statement::Signed;

use crate::processes::{Processes, assert_sealed_everywhere, hand_in, until_sealed};

/// Orders of an ordinary run.
const ORDERS: usize = 300;

/// So many hand in at a time: each answer waits until two other nodes keep what was signed.
const OFFICERS: usize = 8;

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
    let mut lots: Vec<Vec<(String, OrderId, Signed)>> = vec![Vec::new(); OFFICERS];
    for number in 0..count {
        let request_id = format!("outage-{number}");
        let (order, signed) = processes.request(&request_id);
        orders.insert(order, signed.id());
        lots[number % OFFICERS].push((request_id, order, signed));
    }
    let mut officers = JoinSet::new();
    for lot in lots {
        let mut client = processes.buyer();
        officers.spawn(async move {
            for (request_id, order, signed) in lot {
                hand_in(&mut client, &request_id, order, &signed).await;
            }
        });
    }
    officers.join_all().await;
    let mut client = processes.buyer();
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
