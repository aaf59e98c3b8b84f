//! From publishing to being visible everywhere: the swarm of the tests, whole nodes in one thread on simulated time, so
//! that the figures depend on the protocol and on the delays of the links, and on nothing else.
//!
//! Links take 10 to 150 ms, every node has at least eight, and four witnesses are linked to all.
use std::collections::BTreeSet;

use verbund::domain::statement::Signed;
use verbund::domain::time::Timestamp;
use verbund::protocol::settings::Dice as _;

use crate::dataset::Dataset;
use crate::dice::SeededDice;
use crate::measure::{Figure, Figures};
use crate::sim::swarm::{Event, Faults, Swarm};

/// Runs of each kind, and statements published in each.
const SEEDS: u64 = 10;
const PUBLICATIONS: u64 = 10;

/// Links of every node.
const DEGREE: usize = 8;

/// Between two publications, in milliseconds.
const BETWEEN_MS: i64 = 300;

/// Longest wait for everything to be everywhere, in milliseconds.
const PATIENCE_MS: i64 = 60_000;

/// How long a partition lasts, in milliseconds.
const PARTITION_MS: i64 = 30_000;

/// Steps in which a swarm is watched, in milliseconds.
const LOOK_MS: i64 = 10;

pub fn run(figures: &mut Figures, _: &Dataset) {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let seeds = 1..=if quick { 1 } else { SEEDS };
    let lossy = Faults { lose: 30, reorder: true, ..Faults::none() };
    let mut all = |figure: &[(&str, usize)], note: &str, run: &dyn Fn(u64) -> Vec<i64>| {
        let mut waits: Vec<i64> = seeds.clone().flat_map(run).collect();
        waits.sort_unstable();
        for (figure, percent) in figure {
            let value = waits[waits.len() * percent / 100] as f64;
            let last = waits.last().copied().unwrap_or(0);
            let note = format!("{note}; {} seeds; last {last} ms; all of them arrived", seeds.clone().count());
            let n = waits.len() as u64;
            figures.put(Figure { figure, value, unit: "ms", n, median_of: n, note: &note, ..Figure::default() });
        }
    };
    let loss_note =
        "100 nodes, 30 % of all messages lost, out of order; from publishing to durable at each other node";
    all(&[("visible_loss30_p50_ms", 50), ("visible_loss30_p99_ms", 99)], loss_note, &|seed| {
        published(&mut settled(seed, 100), &lossy)
    });
    all(&[("visible_50_p50_ms", 50), ("visible_50_p99_ms", 99)], "50 nodes, nothing lost", &|seed| {
        published(&mut settled(seed, 50), &Faults::none())
    });
    let partition_note = "100 nodes, half cut from half for 30 s while both publish; from the heal to durable at each \
                          node of the other half";
    all(&[("visible_partition_p50_ms", 50), ("visible_partition_p99_ms", 99)], partition_note, &healed);
    fork(figures, seeds.clone());
}

/// A swarm in which all streams are open and everyone may sign.
fn settled(seed: u64, count: usize) -> Swarm {
    let mut swarm = Swarm::new(seed, count, DEGREE, Faults::none());
    swarm.run(2_000);
    swarm
}

fn publish(swarm: &mut Swarm, at: usize, name: &str) -> Signed {
    let signed = swarm.offering(at, name);
    swarm.publish(at, &signed).expect("a good offering");
    signed
}

/// Publishes here and there; gives every wait of every other node.
fn published(swarm: &mut Swarm, faults: &Faults) -> Vec<i64> {
    let mut dice = SeededDice::new(swarm.seed, "publications");
    swarm.faults = faults.clone();
    for number in 0..PUBLICATIONS {
        let at = usize::try_from(dice.below(swarm.sites.len() as u64)).expect("small");
        publish(swarm, at, &format!("angebot-{number}"));
        swarm.run(BETWEEN_MS);
    }
    everywhere(swarm);
    let elsewhere = swarm.visible.iter().filter(|((id, at), _)| swarm.published[id].0 != *at);
    elsewhere.map(|((id, _), seen)| seen.since_ms(swarm.published[id].1)).collect()
}

/// Waits until every node holds everything that was published.
fn everywhere(swarm: &mut Swarm) {
    let expected = swarm.published.len() * swarm.sites.len();
    assert!(swarm.run_until(PATIENCE_MS, |swarm| swarm.visible.len() == expected), "everything arrives everywhere");
}

/// Both halves of a partition publish; gives every wait for what the other half wrote, from the heal on.
fn healed(seed: u64) -> Vec<i64> {
    let mut swarm = settled(seed, 100);
    let mut dice = SeededDice::new(seed, "publications");
    let mut half: BTreeSet<usize> = BTreeSet::new();
    while half.len() < swarm.sites.len() / 2 {
        half.insert(usize::try_from(dice.below(swarm.sites.len() as u64)).expect("small"));
    }
    swarm.later(0, Event::Cut(half.clone()));
    for number in 0..PUBLICATIONS {
        swarm.run(PARTITION_MS / i64::try_from(PUBLICATIONS).expect("small"));
        let at = usize::try_from(dice.below(swarm.sites.len() as u64)).expect("small");
        publish(&mut swarm, at, &format!("angebot-{number}"));
    }
    let heal = swarm.now;
    swarm.later(0, Event::Cut(BTreeSet::new()));
    everywhere(&mut swarm);
    let crossed =
        swarm.visible.iter().filter(|((id, at), _)| half.contains(&swarm.published[id].0) != half.contains(at));
    crossed.map(|(_, seen)| seen.since_ms(heal)).collect()
}

/// The time until everyone has cut a log that tells two histories, beside the time in which a publication reaches
/// everyone.
fn fork(figures: &mut Figures, seeds: std::ops::RangeInclusive<u64>) {
    let (mut cut, mut reached) = (Vec::new(), Vec::new());
    for seed in seeds {
        let mut swarm = settled(seed, 100);
        let last = swarm.sites.len() - 1;
        publish(&mut swarm, last, "vorher");
        let began = swarm.now;
        everywhere(&mut swarm);
        let seen = swarm.visible.values().max().copied().unwrap_or_default();
        reached.push(seen.since_ms(began));
        swarm.run(5_000);
        let began = swarm.now;
        swarm.equivocate(last, 2, 1);
        cut.push(cut_everywhere(&mut swarm, last).since_ms(began));
    }
    let n = cut.len() as u64;
    let worst = |waits: &[i64]| waits.iter().max().copied().unwrap_or(0) as f64;
    let note = "100 nodes; a log tells its neighbours two histories; until every node holds the same cut and the proof; \
                the last node of the worst seed";
    figures.put(Figure {
        figure: "fork_cut_everywhere_ms",
        value: worst(&cut),
        unit: "ms",
        n,
        median_of: 1,
        peer: Some(("a publication reaches everyone", worst(&reached))),
        note,
        ..Figure::default()
    });
}

fn cut_everywhere(swarm: &mut Swarm, liar: usize) -> Timestamp {
    let origin = swarm.image.origin(liar).clone();
    let end = swarm.now.plus_ms(PATIENCE_MS);
    loop {
        let cuts: BTreeSet<Option<u64>> = (0..swarm.sites.len())
            .map(|at| swarm.node(at).state().logs.get(&origin).and_then(|log| log.cut()))
            .collect();
        if cuts.len() == 1 && !cuts.contains(&None) {
            return swarm.now;
        }
        assert!(swarm.now < end, "everyone cuts the log at the same place");
        swarm.run(LOOK_MS);
    }
}
