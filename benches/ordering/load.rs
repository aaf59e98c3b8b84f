//! Many five-leg orders at once over six real processes: how many are sealed per second, and whether every one of them
//! has one outcome, the same on every party's disk.
//!
//! `VERBUND_LOAD_SECONDS` says for how long, `VERBUND_LOAD_PER_S` how many are offered per second at most; a node keeps
//! in memory what it was ever a party to, so a long run at full speed ends when the machine's memory does.
//!
//! Who orders shares the machine with the six nodes: signing and handing in an order, and asking for it once or twice, are
//! in the figure.
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

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
    let offered = number("VERBUND_LOAD_PER_S", 0);
    let runtime = runtime(1);
    let Measured { orders, rate, first, last, broken } = runtime.block_on(measure(seconds, offered));
    let pace = if offered == 0 { "as many as possible".to_owned() } else { format!("{offered} offered per second") };
    let note = format!(
        "{seconds} s, {pace}, at most {} open at a time, first tenth {first:.0}, last {last:.0}; judged on the disks \
         of all parties when all was delivered; the limit is the target",
        OFFICERS * OPEN_EACH
    );
    for (figure, value, unit, limit) in
        [("orders_sealed_per_s", rate, "1/s", 100.0), ("violations", broken as f64, "orders", 0.0)]
    {
        let n = orders as u64;
        figures.put(Figure { figure, value, unit, n, limit: Some(limit), note: &note, ..Figure::default() });
    }
}

struct Measured {
    orders: usize,
    /// Per second.
    rate: f64,
    /// In the first tenth of the time, and in the last, to see whether it decays.
    first: f64,
    last: f64,
    broken: usize,
}

async fn measure(seconds: usize, offered: usize) -> Measured {
    let mut processes = Processes::open().await;
    let began = now();
    let elapsed = move || began.elapsed().as_secs_f64() / seconds as f64;
    let due = move |count: usize| {
        let seconds = if offered == 0 { 0.0 } else { (count * OFFICERS) as f64 / offered as f64 };
        tokio::time::Instant::from_std(began + Duration::from_secs_f64(seconds))
    };
    let shared = std::sync::Arc::new(processes.orders());
    let mut officers = JoinSet::new();
    for officer in 0..OFFICERS {
        let (client, shared) = (processes.buyer(), shared.clone());
        officers.spawn(async move { order_and_order(client, officer, &shared, due, elapsed).await });
    }
    let (mut orders, mut sealed_at) = (BTreeMap::new(), Vec::new());
    while let Some(placed) = officers.join_next().await {
        let (placed, sealed) = placed.expect("all sealed");
        orders.extend(placed);
        sealed_at.extend(sealed);
    }
    let spent = began.elapsed().as_secs_f64();
    processes.delivered().await;
    processes.stop().await;
    let broken = violations(&processes, &orders);
    broken.iter().take(10).for_each(|broken| eprintln!("{broken}"));
    let tenth = |from: f64| {
        let within = sealed_at.iter().filter(|at| (from..from + 0.1).contains(*at)).count();
        within as f64 / (seconds as f64 / 10.0)
    };
    Measured {
        orders: orders.len(),
        rate: orders.len() as f64 / spent,
        first: tenth(0.0),
        last: tenth(0.9),
        broken: broken.len(),
    }
}

/// What was ordered, and at which parts of the time an order was seen sealed.
async fn order_and_order(
    mut client: Client,
    officer: usize,
    orders: &crate::processes::Orders,
    due: impl Fn(usize) -> tokio::time::Instant,
    elapsed: impl Fn() -> f64,
) -> (BTreeMap<OrderId, StatementId>, Vec<f64>) {
    let (mut placed, mut open, mut sealed_at) = (BTreeMap::new(), VecDeque::new(), Vec::new());
    while elapsed() < 1.0 {
        if open.len() >= OPEN_EACH {
            let oldest = open.pop_front().expect("some are open");
            until_sealed(&mut client, oldest).await;
            sealed_at.push(elapsed());
        }
        tokio::time::sleep_until(due(placed.len())).await;
        let request_id = format!("load-{officer}-{}", placed.len());
        let (order, signed) = orders.request(&request_id);
        hand_in(&mut client, &request_id, order, &signed).await;
        placed.insert(order, signed.id());
        open.push_back(order);
    }
    for order in open {
        until_sealed(&mut client, order).await;
    }
    (placed, sealed_at)
}
