//! Hundreds of nodes: what holds among few must not depend on everyone being everyone's neighbour.
//!
//! `cargo test --test it swarm::crowds -- --ignored`; `.ci/run` does it too.
use std::collections::BTreeSet;

use verbund::domain::statement::Signed;

use super::{Event, Faults, Swarm};

/// Neighbours of each node: as many as a real one keeps at random.
const DEGREE: usize = verbund::protocol::peering::DEGREE;

fn publish(swarm: &mut Swarm, at: usize, text: &str) -> Signed {
    let signed = swarm.offering(at, text);
    swarm.publish(at, &signed).expect("a good offering");
    signed
}

/// How many nodes hold a statement, of those that run.
fn holders(swarm: &Swarm, signed: &Signed) -> usize {
    let running = swarm.sites.iter().filter_map(|site| site.node.as_ref());
    running.filter(|node| node.state().places.of(&signed.id()).next().is_some()).count()
}

/// Losses, a partition, killed nodes, a restored backup and two histories, all at once.
#[test]
#[ignore = "forty seconds of processor time; `.ci/run` runs it"]
fn three_hundred_nodes_come_to_rest_after_everything_went_wrong() {
    let mut swarm = Swarm::new(1, 300, DEGREE, Faults::none());
    swarm.run(1_000);
    swarm.faults = Faults { lose: 15, duplicate: 5, reorder: true, ..Faults::none() };
    swarm.later(0, Event::Backup(123));
    swarm.later(100, Event::Cut((0..300).filter(|at| at % 3 == 0).collect::<BTreeSet<_>>()));
    for at in [20, 150, 280] {
        swarm.later(700, Event::Kill(at, 2_000));
    }
    swarm.run(200);
    let signed = [120, 121, 123].map(|at| publish(&mut swarm, at, "neu"));
    swarm.later(1_500, Event::Restore(123, 500));
    swarm.equivocate(299, 2, 2);
    swarm.run(4_000);
    assert!(holders(&swarm, &signed[0]) < 300, "a third is cut off");
    swarm.settle();
    assert!(signed.iter().all(|signed| holders(&swarm, signed) == 300));
    assert_eq!(swarm.node(0).forks().count(), 1);
}

#[test]
#[ignore = "forty seconds of processor time; `.ci/run` runs it"]
fn five_hundred_nodes_hear_of_it_within_three_seconds() {
    let mut swarm = Swarm::new(1, 500, DEGREE, Faults::none());
    swarm.run(1_000);
    swarm.faults.lose = 5;
    let signed = publish(&mut swarm, 499, "neu");
    assert!(swarm.run_until(3_000, |swarm| holders(swarm, &signed) == 500), "{}", holders(&swarm, &signed));
    swarm.settle();
}
