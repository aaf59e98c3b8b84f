//! When witnesses had seen a log: by the first checkpoint known that covers an entry.
//!
//! Of some entries the time is asked at any later day: of outcomes (a late seal binds only once it is confirmed), and of what
//! the catalogue rests on (what did it say that day?); of all others while they are new. So of the checkpoints that lie back
//! only those stay that are the first to cover such a *lasting* entry, and memory grows with orders and offerings, whose places
//! are kept anyway, and not with the checkpoints, of which a busy log has dozens a second. All of them lie in the store. What
//! is not known any more is no time, never a later one.

/// Newest checkpoints of a log that are all remembered: so many at least and twice as many at most, 8 KiB. Checkpoints
/// overtake each other on different ways, and a node that was away asks for what it missed.
const RECENT_MIN: usize = 256;

/// Sizes and times of witnessed checkpoints.
#[derive(Clone, Debug, Default)]
pub struct Sightings {
    /// Size, and when witnesses had seen it, in seconds since 1970; ascending.
    rows: Vec<(u64, u64)>,
    /// How many of them lie back: each is the first that covers some lasting entry.
    back: usize,
    /// Entries from here on are told exactly; before, only lasting ones.
    floor: u64,
    /// Where the lasting entries stand, ascending.
    lasting: Vec<u64>,
}

impl Sightings {
    /// A lasting entry stands at this place. Places are told before a checkpoint that covers them.
    pub fn lasting(&mut self, index: u64) {
        if let Err(at) = self.lasting.binary_search(&index) {
            self.lasting.insert(at, index);
        }
    }

    /// Witnesses had seen the log at this size then.
    pub fn saw(&mut self, size: u64, seconds: u64) {
        let Err(at) = self.find(size) else { return };
        if !self.would_tell_more(size) {
            return;
        }
        self.rows.insert(at, (size, seconds));
        self.back += usize::from(size <= self.floor);
        if self.rows.len() - self.back > 2 * RECENT_MIN {
            self.let_go();
        }
    }

    /// Whether a checkpoint of this size would be the first known to cover something that is asked for.
    pub fn would_tell_more(&self, size: u64) -> bool {
        let Err(at) = self.find(size) else { return false };
        size > self.floor || self.has_lasting(self.size_before(at), size)
    }

    /// Size of the first checkpoint that covers the entry at `index`, and when witnesses had seen it, in seconds since 1970;
    /// none if it is not known, or not any more.
    pub fn first(&self, index: u64) -> Option<(u64, u64)> {
        if index < self.floor && self.lasting.binary_search(&index).is_err() {
            return None;
        }
        let first = self.rows.partition_point(|(size, _)| *size <= index);
        self.rows.get(first).copied()
    }

    fn find(&self, size: u64) -> Result<usize, usize> {
        self.rows.binary_search_by_key(&size, |(known, _)| *known)
    }

    fn size_before(&self, at: usize) -> u64 {
        at.checked_sub(1).map_or(0, |before| self.rows[before].0)
    }

    /// Whether a lasting entry stands at a place from `first` on, before `end`.
    fn has_lasting(&self, first: u64, end: u64) -> bool {
        let at = self.lasting.partition_point(|index| *index < first);
        self.lasting.get(at).is_some_and(|index| *index < end)
    }

    /// Lets go of what lies back and is the first to cover no lasting entry.
    fn let_go(&mut self) {
        let recent = self.rows.split_off(self.rows.len() - RECENT_MIN);
        let ageing = self.rows.split_off(self.back);
        for (size, seconds) in ageing {
            if self.has_lasting(self.size_before(self.rows.len()), size) {
                self.rows.push((size, seconds));
            }
            self.floor = size;
        }
        self.back = self.rows.len();
        self.rows.extend(recent);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A checkpoint for every third entry, seen at its size; an outcome at every thousandth place.
    fn seen(entries: u64) -> Sightings {
        let mut sightings = Sightings::default();
        for index in 0..entries {
            if index % 1_000 == 0 {
                sightings.lasting(index);
            }
            if index % 3 == 2 {
                sightings.saw(index + 1, index + 1);
            }
        }
        sightings
    }

    #[test]
    fn memory_grows_with_orders_and_not_with_checkpoints() {
        let sightings = seen(300_000);
        let outcomes = 300;
        assert_eq!(sightings.lasting.len(), outcomes);
        assert!(sightings.rows.len() <= outcomes + 2 * RECENT_MIN, "{} rows", sightings.rows.len());
    }

    #[test]
    fn the_time_of_an_outcome_never_changes_and_other_times_are_right_or_gone() {
        let sightings = seen(300_000);
        let truth = |index: u64| (index / 3 * 3 + 3, index / 3 * 3 + 3);
        assert!((0..300).all(|number| sightings.first(number * 1_000) == Some(truth(number * 1_000))));
        assert!((0..299_999).all(|index| sightings.first(index).is_none_or(|row| row == truth(index))));
        let recent_from = 300_000 - 3 * RECENT_MIN as u64;
        assert!(
            (recent_from..299_999).all(|index| sightings.first(index) == Some(truth(index))),
            "new ones are known"
        );
        assert_eq!(sightings.first(7), None, "no later time in its place");
        assert_eq!(sightings.first(300_000), None, "not seen yet");
    }

    #[test]
    fn only_what_tells_more_is_taken() {
        let mut sightings = seen(300_000);
        let rows = sightings.rows.len();
        assert!(
            !sightings.would_tell_more(3) && !sightings.would_tell_more(1_500) && !sightings.would_tell_more(1_002)
        );
        assert!(sightings.would_tell_more(299_998), "one that was overtaken");
        // An earlier one that covers an outcome, which comes later.
        assert!(sightings.would_tell_more(1_001));
        sightings.saw(1_001, 990);
        assert_eq!((sightings.first(1_000), sightings.rows.len()), (Some((1_001, 990)), rows + 1));
        assert!(!sightings.would_tell_more(1_001));
        sightings.saw(1_500, 1);
        assert_eq!(sightings.rows.len(), rows + 1, "nothing that tells nothing is kept");
    }
}
