//! One five-leg order at a time over six real processes on this machine: from handing it in until the buyer's node has
//! sealed it, every hop automatic, every message durable at both ends.
use std::fs::OpenOptions;
use std::io::Write as _;

use verbund::cli::client::Client;
use verbund::domain::id::OrderId;
use verbund::wire::pb::order::v1::Stage;

use crate::measure::{Figure, Figures, median, now};
use crate::processes::Processes;
use crate::{is_quick, percentile, runtime};

/// Orders that are timed, after some that are not.
const TIMED: usize = 300;
const WARM: usize = 20;

/// Bytes that are synced beside every order.
const SYNCED_BYTES: usize = 4_096;

/// The part `alone`.
pub fn run(figures: &mut Figures) {
    let timed = if is_quick() { 10 } else { TIMED };
    let (mut orders, mut syncs) = runtime(1).block_on(measure(timed));
    let fsync = median(&mut syncs);
    for (figure, per_cent, target) in [("order5_p50_ms", 50, 60.0), ("order5_p99_ms", 99, 200.0)] {
        figures.put(Figure {
            figure,
            value: percentile(&mut orders, per_cent),
            unit: "ms",
            n: timed as u64,
            median_of: timed as u64,
            limit: Some(target),
            note: "handed in until sealed, one after the other; six processes, TLS, disk; the limit is the target",
            ..Figure::default()
        });
    }
    figures.put(Figure {
        figure: "fsync_p50_ms",
        value: fsync,
        unit: "ms",
        n: timed as u64,
        median_of: timed as u64,
        note: "4 KiB appended and synced on the same disk, in turns with the orders",
        ..Figure::default()
    });
}

async fn measure(timed: usize) -> (Vec<f64>, Vec<f64>) {
    let mut processes = Processes::open().await;
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder below target");
    let mut file = OpenOptions::new().append(true).create(true).open(folder.path().join("peer")).expect("a file");
    let (mut orders, mut syncs) = (Vec::new(), Vec::new());
    let mut client = processes.buyer();
    for number in 0..WARM + timed {
        let request_id = format!("alone-{number}");
        let (order, signed) = processes.request(&request_id);
        let began = now();
        client.hand_in(&request_id, &signed).await.expect("taken");
        until_sealed(&mut client, order).await;
        let spent = began.elapsed().as_secs_f64() * 1000.0;
        // What follows the seal must not be there when the next order begins.
        processes.delivered().await;
        let began = now();
        file.write_all(&[0x5a; SYNCED_BYTES]).and_then(|()| file.sync_data()).expect("an append");
        if number >= WARM {
            orders.push(spent);
            syncs.push(began.elapsed().as_secs_f64() * 1000.0);
        }
    }
    processes.stop().await;
    (orders, syncs)
}

/// Watches, as an officer's tool does.
async fn until_sealed(client: &mut Client, order: OrderId) {
    let mut changes = client.watch(order).await.expect("a party may watch");
    while let Some(change) = changes.message().await.expect("the node runs") {
        let stage = change.order.map(|order| order.stage);
        if stage == Some(i32::from(Stage::Sealed)) {
            return;
        }
    }
    panic!("the watch has ended");
}
