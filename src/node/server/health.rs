//! Health, service by service (`grpc.health.v1`): what the node can do now, not that it runs.
//!
//! Whoever reads is served while the node answers at all. Whoever orders is served while it may also sign: not while it
//! still asks others how far its own log goes or fetches what it has lost, not with a log that contradicts itself, not with
//! a disk that takes nothing, not with a clock that differs from those of its peers, not while it reaches too few witnesses. The
//! empty name stands for everything. Why, `node status` says.
use std::time::Duration;

use tokio::sync::watch;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::node::handle::Handle;
use crate::protocol::Node;

/// How often the node is asked.
const LOOK: Duration = Duration::from_secs(1);

/// How long an answer may take. A loop that is slower serves nobody.
const ANSWER: Duration = Duration::from_secs(2);

/// Services for which reading is enough.
const READING: [&str; 4] = [
    "verbund.catalogue.v1.CatalogueService",
    "verbund.chain.v1.ChainService",
    "verbund.node.v1.NodeService",
    "verbund.peer.v1.PeerService",
];

/// Services that must sign, and everything together.
const SIGNING: [&str; 2] = ["verbund.order.v1.OrderService", ""];

/// Tells the truth until the node stops; afterwards nothing is served, and the server ends when this has been said.
pub async fn keep_true(health: HealthReporter, handle: Handle, mut stopped: watch::Receiver<bool>) {
    let mut told = None;
    loop {
        // A loop that has no time to answer does not delay the last word.
        let now = tokio::select! {
            biased;
            _ = stopped.wait_for(|stop| *stop) => break,
            now = look(&handle) => now,
        };
        if told != Some(now) {
            tell(&health, now).await;
            told = Some(now);
        }
        tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => break,
            () = tokio::time::sleep(LOOK) => {}
        }
    }
    tell(&health, (false, false)).await;
}

/// Whether the node answers, and whether it may take part in orders.
async fn look(handle: &Handle) -> (bool, bool) {
    let may_order = |node: &Node, now| node.check_serves_orders(now).is_ok();
    match tokio::time::timeout(ANSWER, handle.read(may_order)).await {
        Ok(Ok(may_order)) => (true, may_order && !handle.is_full()),
        _ => (false, false),
    }
}

async fn tell(health: &HealthReporter, (reads, signs): (bool, bool)) {
    let status = |is_served| if is_served { ServingStatus::Serving } else { ServingStatus::NotServing };
    for (names, is_served) in [(&READING[..], reads), (&SIGNING[..], signs)] {
        for name in names {
            health.set_service_status(name, status(is_served)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::driver::Driver;
    use crate::node::ports::Nobody;
    use crate::node::system::{SystemClock, ticks};
    use crate::protocol::explain::fixture::{Town, by_rule};
    use crate::store::memory::MemoryStore;

    #[tokio::test(start_paused = true)]
    async fn a_loop_that_answers_nobody_does_not_delay_the_last_word() {
        let town = Town::new(by_rule());
        // It never runs.
        let (_driver, handle) = Driver::new(town.node, MemoryStore::new(), SystemClock, |_| Nobody);
        let (stop, stopped) = watch::channel(false);
        let (health, _service) = tonic_health::server::health_reporter();
        let telling = tokio::spawn(keep_true(health, handle, stopped));
        tokio::task::yield_now().await;
        let began = ticks();
        stop.send_replace(true);
        telling.await.expect("no panic");
        assert_eq!(began.elapsed(), Duration::ZERO);
    }
}
