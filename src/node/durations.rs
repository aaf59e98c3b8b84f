//! How long things take, counted by length, for the node's numbers. Counting never waits for anybody.
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The lengths up to which is counted, in milliseconds: from what nobody notices to what nobody waits for.
pub const BOUNDS_MS: [u64; 10] = [1, 2, 5, 10, 25, 100, 250, 1_000, 2_500, 10_000];

/// Lengths of one thing. Clones count together.
#[derive(Clone, Default, Debug)]
pub struct Durations(Arc<Counts>);

#[derive(Default, Debug)]
struct Counts {
    up_to: [AtomicU64; BOUNDS_MS.len()],
    all: AtomicU64,
    micros: AtomicU64,
}

/// The counts of one moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Counted {
    /// How many were no longer than each of the bounds.
    pub up_to: [u64; BOUNDS_MS.len()],
    /// How many there were.
    pub all: u64,
    /// Their sum in microseconds.
    pub micros: u64,
}

impl Durations {
    /// Counts one.
    pub fn observe(&self, took: Duration) {
        for (bound, count) in BOUNDS_MS.iter().zip(&self.0.up_to) {
            if took <= Duration::from_millis(*bound) {
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
        self.0.micros.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.0.all.fetch_add(1, Ordering::Relaxed);
    }

    /// What was counted so far. Each count was taken a moment after the last, so none is less than the one before it.
    pub fn counted(&self) -> Counted {
        let mut least = 0;
        let up_to = self.0.up_to.each_ref().map(|count| {
            least = count.load(Ordering::Relaxed).max(least);
            least
        });
        let all = self.0.all.load(Ordering::Relaxed).max(least);
        Counted { up_to, all, micros: self.0.micros.load(Ordering::Relaxed) }
    }
}

/// What a node measures of itself.
#[derive(Clone, Default)]
pub struct Timings {
    /// One round of the loop: thinking, storing, answering.
    pub rounds: Durations,
    /// One call that delivers to another node.
    pub deliveries: Durations,
    /// One call's place, from when it was had until the answer was read or nobody wanted it any more.
    pub places: Durations,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_length_is_counted_under_every_bound_that_it_keeps() {
        let durations = Durations::default();
        for millis in [0, 1, 3, 100, 60_000] {
            durations.observe(Duration::from_millis(millis));
        }
        let counted = durations.counted();
        assert_eq!(counted.up_to, [2, 2, 3, 3, 3, 4, 4, 4, 4, 4]);
        assert_eq!((counted.all, counted.micros), (5, 60_104_000));
    }
}
