//! Seeded runs: publications while things go wrong, then peace. A seed that failed once becomes a named test.
use std::collections::BTreeSet;

use verbund::store::memory::Failure;

use super::liars::Liar;
use super::{Event, Faults, Swarm, image, turns};
use crate::dice::{SeededDice, each_seed};

/// Seeds in an ordinary run; `VERBUND_SEEDS` asks for more, see the simulator's page.
const SEEDS: u64 = 40;

/// Nodes of most seeds: everything that can happen to two nodes happens among few.
const FEW: [usize; 4] = [6, 8, 12, 16];

/// Nodes of the others, where most nodes are not each other's neighbours and witnesses have many.
const MANY: [usize; 4] = [24, 40, 64, 100];

/// Of a hundred seeds, how many are played by many nodes.
const MANY_PERCENT: u64 = 10;

/// How long the trouble of a seed lasts, in milliseconds.
const TROUBLE_MS: i64 = 25_000;

#[test]
fn seeds_hold() {
    each_seed(SEEDS, |seed| drop(run_seed(seed)));
}

/// A log changed between the sending of buckets and the answer, and was acknowledged without being there.
#[test]
fn seeds_in_which_too_much_was_acknowledged() {
    [11, 49].into_iter().for_each(|seed| drop(run_among(&FEW, seed)));
}

/// An older claim about a log overtook a newer one and took its place.
#[test]
fn a_seed_in_which_an_older_claim_came_later() {
    run_among(&FEW, 289);
}

/// Every hello to a node was lost, and it waited for ever.
#[test]
fn a_seed_in_which_no_hello_arrived() {
    run_among(&FEW, 394);
}

/// A peer knew more of a node's own log than the node did, after it had begun to sign.
#[test]
fn a_seed_in_which_the_own_log_was_longer_elsewhere() {
    run_among(&FEW, 120);
}

/// A peer to which every want was lost sent checkpoints that were known, again and again, and so never counted as stalled.
#[test]
fn a_seed_in_which_checkpoints_kept_a_peer_from_stalling() {
    run_seed(295);
}

/// The swarm came to rest before the owner of a stolen key had noticed.
#[test]
fn seeds_in_which_a_theft_was_not_noticed_yet() {
    [108, 191].into_iter().for_each(|seed| drop(run_seed(seed)));
}

/// The owner of a stolen key was restored and could not name yet how far its own log was good; it asked only once.
#[test]
fn a_seed_in_which_a_restored_owner_revokes_a_stolen_key() {
    run_seed(208);
}

/// A node came back from a backup before anybody had been told what it published last.
#[test]
fn a_seed_in_which_a_disk_took_its_last_statement_along() {
    run_seed(35);
}

/// The same seed twice is the same run, byte for byte.
#[test]
fn a_seed_fixes_a_run() {
    let heads = |swarm: &Swarm| (swarm.node(0).state().heads(), swarm.frames, swarm.steps);
    assert_eq!(heads(&run_among(&FEW, 3)), heads(&run_among(&FEW, 3)));
}

/// One seed, among as many nodes as it says.
pub fn run_seed(seed: u64) -> Swarm {
    let is_large = SeededDice::new(seed, "size").percent(MANY_PERCENT);
    run_among(if is_large { &MANY } else { &FEW }, seed)
}

fn run_among(sizes: &[usize], seed: u64) -> Swarm {
    let mut dice = SeededDice::new(seed, "plan");
    let count = *dice.one_of(sizes);
    let faults = Faults {
        delay_ms: (10, 150),
        lose: *dice.one_of(&[0, 5, 15, 30]),
        duplicate: *dice.one_of(&[0, 5, 30]),
        reorder: dice.percent(50),
    };
    let mut swarm = Swarm::new(seed, count, 4, faults);
    swarm.run(1_000);
    let liar = image::witnesses(count) + usize::try_from(dice.between(0, 1)).expect("small");
    if dice.percent(40) {
        swarm.sites[liar].liar = Some(*dice.one_of(&Liar::ALL));
    }
    publications(&mut swarm, &mut dice);
    timetable(&mut swarm, &mut dice, liar);
    turns::plan(&mut swarm, &mut SeededDice::new(seed, "turns"), liar, count - 1);
    if dice.percent(30) {
        let (at, histories) = (count - 1, usize::try_from(dice.between(2, 3)).expect("small"));
        let before = dice.between(0, 10_000);
        swarm.run(before);
        if swarm.sites[at].node.is_some() {
            swarm.equivocate(at, histories, usize::try_from(dice.between(1, 4)).expect("small"));
        }
        swarm.run(TROUBLE_MS - before);
    } else {
        swarm.run(TROUBLE_MS);
    }
    swarm.settle();
    swarm
}

fn publications(swarm: &mut Swarm, dice: &mut SeededDice) {
    let nodes: Vec<usize> = (0..swarm.sites.len()).collect();
    for number in 0..dice.between(3, 10) {
        let at = *dice.one_of(&nodes);
        let signed = swarm.offering(at, &format!("angebot-{number}"));
        swarm.later(dice.between(0, 15_000), Event::Publish(at, Box::new(signed)));
    }
}

fn timetable(swarm: &mut Swarm, dice: &mut SeededDice, liar: usize) {
    let nodes: Vec<usize> = (0..swarm.sites.len()).collect();
    for _ in 0..dice.between(0, 5) {
        let failure = *dice.one_of(&[Failure::BeforePersist, Failure::AfterPersist]);
        swarm.later(dice.between(0, 20_000), Event::Arm(*dice.one_of(&nodes), failure));
    }
    for _ in 0..dice.between(0, 3) {
        let down_ms = *dice.one_of(&[100, 2_000, 20_000]);
        swarm.later(dice.between(0, 15_000), Event::Kill(*dice.one_of(&nodes), down_ms));
    }
    for _ in 0..dice.between(0, 5) {
        let (a, b) = (*dice.one_of(&nodes), *dice.one_of(&nodes));
        if swarm.sites[a].neighbours.contains(&b) {
            swarm.later(dice.between(0, 20_000), Event::Break(a, b));
            swarm.later(dice.between(0, 20_000), Event::OneWay(a, b));
        }
    }
    if dice.percent(40) {
        let from = dice.between(0, 10_000);
        let side: BTreeSet<usize> = nodes.iter().copied().filter(|_| dice.percent(40)).collect();
        swarm.later(from, Event::Cut(side));
        swarm.later(from + dice.between(500, 12_000), Event::Cut(BTreeSet::new()));
    }
    if dice.percent(30) {
        let at = *dice.one_of(&nodes);
        let made = dice.between(0, 5_000);
        // A liar's neighbours may be all that a restored node hears.
        if at != liar {
            swarm.later(made, Event::Backup(at));
            swarm.later(made + dice.between(1_000, 12_000), Event::Restore(at, 500));
        }
    }
    for _ in 0..dice.between(0, 2) {
        let skew_ms = *dice.one_of(&[-86_400_000, -3_000, 3_000, 86_400_000]);
        swarm.later(dice.between(0, 20_000), Event::Clock(*dice.one_of(&nodes), skew_ms));
    }
}
