//! What one log may make others store: so many entries at once and per second, so many bytes on a day.
use crate::domain::time::Timestamp;
use crate::protocol::limits::{QUOTA_BURST, QUOTA_BYTES_PER_DAY, QUOTA_PER_SECOND};

/// Milliseconds of a day; quotas count days of UTC, nothing legal rests on them.
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// What is left to one log.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quota {
    entries_left: u64,
    since: Timestamp,
    day: i64,
    bytes_today: u64,
}

impl Quota {
    pub(super) fn new(now: Timestamp) -> Self {
        Self { entries_left: QUOTA_BURST, since: now, day: day_of(now), bytes_today: 0 }
    }

    /// Takes entries and bytes if they are within the quota.
    pub(super) fn take(&mut self, entries: u64, bytes: u64, now: Timestamp) -> bool {
        let seconds = u64::try_from(now.since_ms(self.since) / 1000).unwrap_or(0);
        if seconds > 0 {
            let grown = self.entries_left.saturating_add(seconds.saturating_mul(QUOTA_PER_SECOND));
            (self.entries_left, self.since) = (grown.min(QUOTA_BURST), now);
        }
        if day_of(now) != self.day {
            (self.day, self.bytes_today) = (day_of(now), 0);
        }
        let today = self.bytes_today.saturating_add(bytes);
        let is_within = self.entries_left >= entries && today <= QUOTA_BYTES_PER_DAY;
        if is_within {
            (self.entries_left, self.bytes_today) = (self.entries_left - entries, today);
        }
        is_within
    }

    /// The clock was set back.
    pub(super) fn clock_set_back(&mut self, now: Timestamp) {
        self.since = now;
    }
}

fn day_of(now: Timestamp) -> i64 {
    now.since_ms(Timestamp::default()).div_euclid(DAY_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_gets_its_entries_per_second_and_its_bytes_of_a_day_and_no_more() {
        let start = Timestamp::default().plus_ms(400 * DAY_MS);
        let mut quota = Quota::new(start);
        assert!(quota.take(QUOTA_BURST, 1, start) && !quota.take(1, 1, start));
        assert!(quota.take(QUOTA_PER_SECOND, 1, start.plus_ms(1_000)) && !quota.take(1, 1, start.plus_ms(1_000)));
        let later = start.plus_ms(DAY_MS / 2);
        assert!(!quota.take(1, QUOTA_BYTES_PER_DAY, later), "two bytes were taken today");
        assert!(quota.take(1, QUOTA_BYTES_PER_DAY - 2, later) && !quota.take(1, 1, later));
        assert!(quota.take(1, QUOTA_BYTES_PER_DAY, start.plus_ms(DAY_MS)), "a new day");
        quota.clock_set_back(start);
        assert!(!quota.take(u64::MAX, 1, start.plus_ms(5 * DAY_MS)));
    }
}
