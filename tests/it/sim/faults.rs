//! What goes wrong in a world, thrown by its dice before it begins.
use std::collections::BTreeSet;

use verbund::domain::id::NodeId;
use verbund::store::memory::Failure;

use crate::dice::SeededDice;
use crate::federation::{NODES, name};
use crate::sim::Event;

/// How long the trouble of a seed lasts, in milliseconds.
pub const TROUBLE_MS: i64 = 45_000;

/// What can happen to messages at any time.
#[derive(Clone)]
pub struct Faults {
    /// Whether nodes may still be killed and cut off.
    pub active: bool,
    /// Shortest and longest delay, in milliseconds.
    pub delay_ms: (i64, i64),
    /// Of a hundred calls and of a hundred answers, how many are lost.
    pub lose: u64,
    /// Of a hundred calls, how many arrive twice.
    pub duplicate: u64,
    /// How far clocks are off, in milliseconds.
    pub skew_ms: i64,
}

impl Faults {
    /// Nothing but a short delay.
    pub fn none() -> Self {
        Self { active: false, delay_ms: (1, 1), lose: 0, duplicate: 0, skew_ms: 0 }
    }

    /// Some of everything.
    pub fn some(dice: &mut SeededDice) -> Self {
        Self {
            active: true,
            delay_ms: (10, *dice.one_of(&[20, 150, 150, 1_500])),
            lose: *dice.one_of(&[0, 5, 20, 40]),
            duplicate: *dice.one_of(&[0, 10, 50]),
            skew_ms: *dice.one_of(&[0, 500, 2_000]),
        }
    }
}

/// Crashes, outages, broken streams and partitions, with the time of each.
pub fn timetable(dice: &mut SeededDice) -> Vec<(i64, Event)> {
    let nodes: Vec<NodeId> = NODES.iter().map(|(node, _)| name(node)).collect();
    let mut events = vec![(TROUBLE_MS, Event::Peace)];
    for _ in 0..dice.between(0, 5) {
        let failure = *dice.one_of(&[Failure::BeforePersist, Failure::AfterPersist]);
        events.push((dice.between(0, 20_000), Event::Arm(dice.one_of(&nodes).clone(), failure)));
    }
    for _ in 0..dice.between(0, 3) {
        let down_ms = *dice.one_of(&[100, 2_000, 20_000, 90_000]);
        events.push((dice.between(0, 15_000), Event::Kill(dice.one_of(&nodes).clone(), down_ms)));
    }
    for _ in 0..dice.between(0, 6) {
        let (a, b) = (dice.one_of(&nodes).clone(), dice.one_of(&nodes).clone());
        if a != b {
            events.push((dice.between(0, 30_000), Event::Break(a, b)));
        }
    }
    for _ in 0..dice.between(0, 2) {
        let from = dice.between(0, 20_000);
        let side: BTreeSet<NodeId> = nodes.iter().filter(|_| dice.percent(40)).cloned().collect();
        events.push((from, Event::Cut(side)));
        events.push((from + dice.between(500, 20_000), Event::Cut(BTreeSet::new())));
    }
    events
}
