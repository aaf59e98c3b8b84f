//! Dice whose throws follow from a seed, and the loop over many seeds.
use std::sync::atomic::{AtomicU64, Ordering};

use verbund::domain::id::sha256;
use verbund::protocol::settings::Dice;

/// Dice whose throws follow from a seed (SplitMix64).
#[derive(Clone)]
pub struct SeededDice(u64);

impl SeededDice {
    pub fn new(seed: u64, purpose: &str) -> Self {
        let digest = sha256(format!("{seed}/{purpose}").as_bytes());
        Self(u64::from_le_bytes(digest[..8].try_into().expect("8 bytes")))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Whether something with this probability happens.
    pub fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// A number from `least` to `most`.
    pub fn between(&mut self, least: i64, most: i64) -> i64 {
        least + i64::try_from(self.below((most - least + 1).unsigned_abs())).expect("small")
    }

    /// One of several.
    pub fn one_of<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[usize::try_from(self.below(choices.len() as u64)).expect("small")]
    }
}

impl Dice for SeededDice {
    fn fill(&mut self, bytes: &mut [u8]) {
        for part in bytes.chunks_mut(8) {
            part.copy_from_slice(&self.next().to_le_bytes()[..part.len()]);
        }
    }
}

/// Runs one seed after the other on all cores: as many as `ordinary`, or as `VERBUND_SEEDS` asks for, or only the one
/// that `VERBUND_SEED` names.
pub fn each_seed(ordinary: u64, run: impl Fn(u64) + Sync) {
    let environment = |variable| std::env::var(variable).ok().map(|text| text.parse().expect("a number"));
    if let Some(seed) = environment("VERBUND_SEED") {
        return run(seed);
    }
    each_case(environment("VERBUND_SEEDS").unwrap_or(ordinary), run);
}

/// Runs every case from 1 to `cases` on all cores.
pub fn each_case(cases: u64, run: impl Fn(u64) + Sync) {
    let next = AtomicU64::new(1);
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let case = next.fetch_add(1, Ordering::Relaxed);
                    if case > cases {
                        break;
                    }
                    run(case);
                }
            });
        }
    });
}
