//! Many five-leg orders at once over six real processes: how many are sealed per second, and whether every one of them
//! has one outcome, the same on every party's disk.
//!
//! Who orders shares the machine with the six nodes: signing and handing in an order, and asking for it once or twice, are
//! in the figure.
use std::collections::{BTreeMap, VecDeque};

use tokio::task::JoinSet;
use verbund::cli::client::Client;
use verbund::domain::id::{OrderId, StatementId};

use crate::measure::{Figure, Figures, now};
use crate::processes::{Processes, hand_in, until_sealed, violations};
use crate::{is_quick, number, runtime};

/// How long orders come, in seconds.
const SECONDS: usize = 20;

/// Officers who order at a time, and the orders each has open: together enough that no hop is idle.
const OFFICERS: usize = 4;
const OPEN_EACH: usize = 32;

/// The part `load`.
pub fn run(figures: &mut Figures) {
    let seconds = number("VERBUND_LOAD_SECONDS", if is_quick() { 2 } else { SECONDS });
    let runtime = runtime(1);
    let (orders, rate, broken) = runtime.block_on(measure(seconds));
    let note = format!(
        "{seconds} s, {} open at a time; judged on the disks of all parties when all was delivered; the limit is the target",
        OFFICERS * OPEN_EACH
    );
    for (figure, value, unit, limit) in
        [("orders_sealed_per_s", rate, "1/s", 100.0), ("violations", broken as f64, "orders", 0.0)]
    {
        let n = orders as u64;
        figures.put(Figure { figure, value, unit, n, limit: Some(limit), note: &note, ..Figure::default() });
    }
}

async fn measure(seconds: usize) -> (usize, f64, usize) {
    let mut processes = Processes::open().await;
    let began = now();
    let is_over = move || began.elapsed().as_secs_f64() >= seconds as f64;
    let shared = std::sync::Arc::new(processes.orders());
    let mut officers = JoinSet::new();
    for officer in 0..OFFICERS {
        let (client, shared) = (processes.buyer(), shared.clone());
        officers.spawn(async move { order_and_order(client, officer, &shared, is_over).await });
    }
    let mut orders = BTreeMap::new();
    while let Some(placed) = officers.join_next().await {
        orders.extend(placed.expect("all sealed"));
    }
    let spent = began.elapsed().as_secs_f64();
    processes.delivered().await;
    processes.stop().await;
    let broken = violations(&processes, &orders);
    broken.iter().take(10).for_each(|broken| eprintln!("{broken}"));
    (orders.len(), orders.len() as f64 / spent, broken.len())
}

async fn order_and_order(
    mut client: Client,
    officer: usize,
    orders: &crate::processes::Orders,
    is_over: impl Fn() -> bool,
) -> BTreeMap<OrderId, StatementId> {
    let (mut placed, mut open) = (BTreeMap::new(), VecDeque::new());
    while !is_over() {
        if open.len() >= OPEN_EACH {
            let oldest = open.pop_front().expect("some are open");
            until_sealed(&mut client, oldest).await;
        }
        let request_id = format!("load-{officer}-{}", placed.len());
        let (order, signed) = orders.request(&request_id);
        hand_in(&mut client, &request_id, order, &signed).await;
        placed.insert(order, signed.id());
        open.push_back(order);
    }
    for order in open {
        until_sealed(&mut client, order).await;
    }
    placed
}
