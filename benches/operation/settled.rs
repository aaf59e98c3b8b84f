//! What a settled order leaves in the memory of a hop: five-leg orders over six real processes, many at a time.
use tokio::task::JoinSet;
use verbund::domain::id::NodeId;

use crate::federation::name;
use crate::is_quick;
use crate::measure::{Figure, Figures};
use crate::processes::{Processes, hand_in, until_sealed};

/// Orders before the first look, more than a node keeps at hand once they are settled; and between the two looks.
const BEFORE: usize = 2_000;
const BETWEEN: usize = 4_000;

/// Officers' tools at work at a time.
const AT_ONCE: usize = 16;

/// A hop, which is at home alone on its node.
const HOP: &str = "kid";

/// What is to be reached: a million settled orders beside 700 MB.
const BYTES_MAX: f64 = 1_000.0;

/// The part `settled`.
pub fn run(figures: &mut Figures) {
    let (before, between) = if is_quick() { (AT_ONCE, AT_ONCE) } else { (BEFORE, BETWEEN) };
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(1).enable_all().build().expect("a runtime");
    // Where the system does not tell, nothing is measured.
    let Some((first, last)) = runtime.block_on(measure(before, between)) else { return };
    figures.put(Figure {
        figure: "rss_growth_bytes_per_order",
        value: (last as f64 - first as f64) / between as f64,
        unit: "B",
        n: between as u64,
        median_of: 1,
        peer: None,
        limit: Some(BYTES_MAX),
        note: &format!(
            "resident memory of a hop after {before} sealed orders of five legs and after {between} more, with all that \
             grows with them: rows, places and leaves of every party's log, index, allocator"
        ),
    });
}

async fn measure(before: usize, between: usize) -> Option<(u64, u64)> {
    let mut processes = Processes::open().await;
    seal_all(&processes, 0..before).await;
    let first = resident(&processes);
    seal_all(&processes, before..before + between).await;
    let last = resident(&processes);
    processes.stop().await;
    Some((first?, last?))
}

/// Has orders sealed, and waits until every party knows.
async fn seal_all(processes: &Processes, numbers: std::ops::Range<usize>) {
    let mut tools = JoinSet::new();
    for first in numbers.clone().take(AT_ONCE) {
        let (mut client, orders, end) = (processes.buyer(), processes.orders(), numbers.end);
        tools.spawn(async move {
            for number in (first..end).step_by(AT_ONCE) {
                let request_id = format!("settled-{number}");
                let (order, signed) = orders.request(&request_id);
                hand_in(&mut client, &request_id, order, &signed).await;
                until_sealed(&mut client, order).await;
            }
        });
    }
    while let Some(done) = tools.join_next().await {
        done.expect("every order is sealed");
    }
    processes.delivered().await;
}

/// Resident memory of the hop's process, in bytes, where the system tells it.
fn resident(processes: &Processes) -> Option<u64> {
    let process = processes.running.get(&name::<NodeId>(HOP))?.id()?;
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kilobytes * 1024)
}
