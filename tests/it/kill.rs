//! Orders survive nodes that are killed: six real processes, orders all the time, SIGKILL at random moments, and nodes
//! that stay away while others go on. At the end every order has one outcome, the same on every party's disk, and the
//! buyer's evidence stands by itself.
//!
//! `VERBUND_KILLS` says how many kills there are, `VERBUND_KILL_SEED` another story. What was seen with many kills
//! stands in `docs/ordering.md`.
use std::collections::BTreeMap;
use std::time::Duration;

use tokio::task::JoinSet;
use verbund::audit;
use verbund::audit::report::Ruling;
use verbund::domain::id::{OrderId, StatementId};
use verbund::domain::reason::Lang;
use verbund::protocol::settings::Dice as _;

use crate::dice::SeededDice;
use crate::processes::{ALL, Processes, assert_sealed_everywhere, order_until_sealed, patiently};

/// Kills of an ordinary run.
const KILLS: u64 = 5;

/// New orders with every kill; more would only queue.
const ORDERS_PER_KILL: u64 = 3;

/// Kills in one federation. A node that starts reads back all that was ever ordered, so a single federation would spend
/// a long run on starts; the next story has six new nodes and another seed.
const KILLS_PER_STORY: u64 = 500;

/// Longest time between two acts of the story.
const PAUSE_MS: u64 = 250;

fn number(variable: &str, ordinary: u64) -> u64 {
    std::env::var(variable).map_or(ordinary, |text| text.parse().expect("a number"))
}

/// The orders of a story, and the customers who wait for theirs.
#[derive(Default)]
struct Orders {
    known: BTreeMap<OrderId, StatementId>,
    open: JoinSet<()>,
}

impl Orders {
    fn place(&mut self, processes: &Processes) {
        let request_id = format!("kill-{}", self.known.len());
        let (order, signed) = processes.request(&request_id);
        self.known.insert(order, signed.id());
        self.open.spawn(order_until_sealed(processes.buyer(), request_id, order, signed));
    }

    /// Those that are over; a customer whose order ended otherwise than with a seal ends the test.
    fn look(&mut self) {
        while let Some(over) = self.open.try_join_next() {
            over.expect("sealed");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_survive_nodes_that_are_killed() {
    let (kills, mut seed) = (number("VERBUND_KILLS", KILLS), number("VERBUND_KILL_SEED", 1));
    let (mut killed, mut ordered) = (0, 0);
    while killed < kills {
        let story = KILLS_PER_STORY.min(kills - killed);
        ordered += tell(seed, story).await;
        killed += story;
        seed += 1;
        eprintln!("{killed} kills, {ordered} orders, each with one seal everywhere");
    }
}

/// One federation from its founding to the look at its disks; answers how many orders it had.
async fn tell(seed: u64, kills: u64) -> usize {
    let mut dice = SeededDice::new(seed, "kill");
    let mut processes = Processes::open().await;
    let mut orders = Orders::default();
    for kill in 0..kills {
        for _ in 0..ORDERS_PER_KILL {
            orders.place(&processes);
        }
        pause(&mut dice).await;
        let victim = *dice.one_of(&ALL);
        if processes.is_running(victim) {
            processes.kill(victim).await;
        }
        pause(&mut dice).await;
        // One in three stays away while others are killed; a federation in which most are away teaches nothing.
        let away: Vec<&str> = ALL.into_iter().filter(|node| !processes.is_running(node)).collect();
        for node in away.iter().filter(|_| away.len() > 2 || !dice.percent(33)) {
            processes.start(node).await;
        }
        orders.look();
        if kill % 50 == 49 {
            let (known, open) = (orders.known.len(), orders.open.len());
            eprintln!("seed {seed}: {} kills, {known} orders, {open} open", kill + 1);
        }
    }
    for node in ALL {
        if !processes.is_running(node) {
            processes.start(node).await;
        }
    }
    while let Some(over) = orders.open.join_next().await {
        over.expect("sealed");
    }
    processes.delivered().await;
    processes.level().await;
    verify_evidence(&processes, &orders.known).await;
    processes.stop().await;
    assert_sealed_everywhere(&processes, &orders.known);
    orders.known.len()
}

async fn pause(dice: &mut SeededDice) {
    tokio::time::sleep(Duration::from_millis(dice.below(PAUSE_MS))).await;
}

/// The buyer's bundle of every order is valid for whoever knows nothing but the root hash, once it is witnessed.
async fn verify_evidence(processes: &Processes, orders: &BTreeMap<OrderId, StatementId>) {
    let mut client = processes.buyer();
    for order in orders.keys() {
        let mut report = String::new();
        processes
            .until(&format!("the evidence of {order} is complete"), async || {
                let evidence = patiently(async || client.evidence(*order).await).await.expect("a bundle");
                if evidence.unwitnessed > 0 {
                    return false;
                }
                let judged = audit::examine(&evidence.bundle, Some(processes.world.anchor));
                report = judged.text(Lang::En);
                assert_ne!(judged.ruling(), Ruling::Invalid, "{report}");
                judged.ruling() == Ruling::Valid
            })
            .await;
    }
}
