//! Five-leg orders over six real processes, in turns with and without strangers who search at every node of the chain.
use std::time::Duration;

use tokio::task::JoinSet;
use verbund::cli::client::Client;
use verbund::domain::id::OrderId;
use verbund::wire::pb::order::v1::Stage;

use crate::measure::{Figure, Figures, now};
use crate::processes::{PARTIES, Processes};
use crate::{is_quick, percentile};

/// Orders of each kind, in turns of so many, after some that warm up.
const ORDERS: usize = 300;
const TURN: usize = 20;
const WARM: usize = 10;

/// Strangers, each with a connection of its own, and how often each searches: a hundred searches a second were measured to
/// stop orders when the loop answered them.
const STRANGERS: usize = 10;
const EVERY: Duration = Duration::from_millis(100);

/// The part `flood`.
pub fn run(figures: &mut Figures) {
    let orders = if is_quick() { TURN } else { ORDERS };
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(1).enable_all().build().expect("a runtime");
    let (mut alone, mut flooded) = runtime.block_on(measure(orders));
    let (alone, flooded) = (percentile(&mut alone, 99), percentile(&mut flooded, 99));
    figures.put(Figure {
        figure: "flood_order_p99_ratio",
        value: flooded / alone,
        unit: "",
        n: 2 * orders as u64,
        median_of: 1,
        peer: Some(("the same without strangers", 1.0)),
        limit: Some(1.5),
        note: &format!(
            "99th percentile from handed in to sealed, {flooded:.1} ms beside 100 anonymous searches a second at the \
             buyer's node, half of them hung up, {alone:.1} ms alone, in turns; six processes on this machine"
        ),
    });
}

async fn measure(orders: usize) -> (Vec<f64>, Vec<f64>) {
    let mut processes = Processes::open().await;
    let mut client = processes.buyer();
    let (mut alone, mut flooded) = (Vec::new(), Vec::new());
    for number in 0..WARM {
        timed(&processes, &mut client, &format!("warm-{number}")).await;
    }
    for turn in 0..orders.div_ceil(TURN) {
        for number in 0..TURN {
            alone.push(timed(&processes, &mut client, &format!("alone-{turn}-{number}")).await);
        }
        let mut strangers = JoinSet::new();
        (0..STRANGERS).for_each(|_| _ = strangers.spawn(search(processes.client(PARTIES[0], None))));
        for number in 0..TURN {
            flooded.push(timed(&processes, &mut client, &format!("flood-{turn}-{number}")).await);
        }
        strangers.shutdown().await;
    }
    processes.stop().await;
    (alone, flooded)
}

/// Searches at a steady rate; every other time it hangs up before it can have been answered.
async fn search(mut client: Client) {
    let mut beat = tokio::time::interval(EVERY);
    for number in 0_u64.. {
        beat.tick().await;
        let patience = if number.is_multiple_of(2) { Duration::from_millis(1) } else { EVERY };
        // What comes of it is the stranger's business.
        let _ = tokio::time::timeout(patience, client.search("wohngeld", None)).await;
    }
}

/// Milliseconds from handing an order in until it is sealed.
pub async fn timed(processes: &Processes, client: &mut Client, request_id: &str) -> f64 {
    let (order, signed) = processes.request(request_id);
    let began = now();
    client.hand_in(request_id, &signed).await.expect("taken");
    until_sealed(client, order).await;
    let spent = began.elapsed().as_secs_f64() * 1_000.0;
    // What follows the seal must not be there when the next order begins.
    processes.delivered().await;
    spent
}

/// Watches, as an officer's tool does.
async fn until_sealed(client: &mut Client, order: OrderId) {
    let mut changes = client.watch(order).await.expect("a party may watch");
    while let Some(change) = changes.message().await.expect("the node runs") {
        if change.order.map(|order| order.stage) == Some(i32::from(Stage::Sealed)) {
            return;
        }
    }
    panic!("the watch has ended");
}
