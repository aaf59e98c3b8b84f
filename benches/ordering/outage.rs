//! Ten thousand open orders: a node is started after SIGKILL, an officer asks what becomes of one of them, and the node
//! that all of them wait for comes back.
use std::collections::BTreeMap;

use verbund::domain::id::{OrderId, StatementId};

use crate::measure::{Figure, Figures, median, now};
use crate::processes::{Processes, assert_sealed_everywhere, hand_in, until_sealed};
use crate::{is_quick, number, percentile, runtime};

/// Orders that wait.
const ORDERS: usize = 10_000;

/// How often the node with all open orders is killed and started, and how often it is asked.
const STARTS: usize = 5;
const ASKED: usize = 500;

/// Who is away, and who queues for it.
const AWAY: &str = "provitako";
const BEFORE: &str = "kid";

/// The part `outage`.
pub fn run(figures: &mut Figures) {
    let count = number("VERBUND_OUTAGE_ORDERS", if is_quick() { 100 } else { ORDERS });
    runtime(2).block_on(measure(figures, count));
}

async fn measure(figures: &mut Figures, count: usize) {
    let mut processes = Processes::open().await;
    processes.kill(AWAY).await;
    let orders = queue(&mut processes, count).await;
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        processes.kill(BEFORE).await;
        starts.push(processes.start(BEFORE).await.as_secs_f64() * 1000.0);
    }
    put(
        figures,
        "recovery_10000_ms",
        median(&mut starts),
        "ms",
        count,
        "1000",
        "from the start of the process until ready",
    );
    let mut asked = explain(&processes, &orders).await;
    put(
        figures,
        "explain_p99_ms",
        percentile(&mut asked, 99),
        "ms",
        count,
        "100",
        "over gRPC at the buyer's node, one after the other",
    );
    let (delivered, sealed) = come_back(&mut processes, &orders).await;
    let per_thousand = "5 s for each thousand";
    put(figures, "outage_10000_delivery_s", delivered, "s", count, &format!("{}", count / 200), per_thousand);
    put(
        figures,
        "all sealed after the outage",
        sealed,
        "s",
        count,
        "",
        "from the same moment until the last is sealed",
    );
    processes.delivered().await;
    processes.stop().await;
    assert_sealed_everywhere(&processes, &orders);
}

fn put(figures: &mut Figures, figure: &str, value: f64, unit: &str, count: usize, limit: &str, note: &str) {
    let note = format!("{count} open orders; {note}; the limit is the target");
    figures.put(Figure {
        figure,
        value,
        unit,
        n: count as u64,
        limit: limit.parse().ok(),
        note: &note,
        ..Figure::default()
    });
}

/// Orders that get as far as the node before the one that is away.
async fn queue(processes: &mut Processes, count: usize) -> BTreeMap<OrderId, StatementId> {
    let (mut orders, mut client) = (BTreeMap::new(), processes.buyer());
    for number in 0..count {
        let request_id = format!("outage-{number}");
        let (order, signed) = processes.request(&request_id);
        hand_in(&mut client, &request_id, order, &signed).await;
        orders.insert(order, signed.id());
    }
    let mut before = processes.client(BEFORE, None);
    let all_wait = async || before.status().await.is_ok_and(|status| status["outbox"] == count);
    processes.until("all wait at the node before", all_wait).await;
    orders
}

async fn explain(processes: &Processes, orders: &BTreeMap<OrderId, StatementId>) -> Vec<f64> {
    let mut client = processes.buyer();
    let mut times = Vec::new();
    for order in orders.keys().step_by((orders.len() / ASKED).max(1)) {
        let began = now();
        client.explain(*order).await.expect("a party");
        times.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    times
}

/// Seconds from the start of the node's process until it has all orders and has said so, and until all are sealed.
async fn come_back(processes: &mut Processes, orders: &BTreeMap<OrderId, StatementId>) -> (f64, f64) {
    let began = now();
    processes.start(AWAY).await;
    let (mut away, mut before) = (processes.client(AWAY, None), processes.client(BEFORE, None));
    let all_there = async || {
        away.status().await.is_ok_and(|status| status["orders"] == orders.len())
            && before.status().await.is_ok_and(|status| status["outbox"] == 0)
    };
    processes.until("all are delivered", all_there).await;
    let delivered = began.elapsed().as_secs_f64();
    let mut client = processes.buyer();
    for order in orders.keys() {
        until_sealed(&mut client, *order).await;
    }
    (delivered, began.elapsed().as_secs_f64())
}
