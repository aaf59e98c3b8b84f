//! Clocks: what the peers say the time is, asked before anything ends by time for good.
//!
//! A void and a decline cannot be taken back, and one clock that is wrong would end every order at once. So whoever
//! would end something because its time is over asks the peers first. Their times decide nothing: they only keep a node
//! from acting whose own clock stands alone. A peer that lies can delay, and is outvoted by the others; it can end
//! nothing unless this node's own clock is as wrong as it says.
use std::collections::{BTreeMap, BTreeSet};

use crate::domain::id::{NodeId, OrderId};
use crate::domain::time::Timestamp;
use crate::protocol::limits::{CLOCK_ASK_MS, CLOCK_FRESH_MS, CLOCK_SKEW_MS, CLOCK_TELL_MS, CLOCK_WAIT_MS};

/// What peers have said; all of it can be learnt again.
#[derive(Clone, Default, Debug)]
pub struct Clocks {
    /// By peer: its time, and this node's when it arrived.
    told: BTreeMap<NodeId, (Timestamp, Timestamp)>,
    /// When everyone was asked last.
    asked_at: Option<Timestamp>,
    /// When a peer is asked next though nothing waits.
    next_tell: Timestamp,
    /// Orders that wait for an answer.
    waiting: BTreeSet<OrderId>,
}

impl Clocks {
    /// The clock was set back: what was said before says nothing now. Gives back what has waited, to be looked at anew.
    pub(super) fn clock_set_back(&mut self) -> BTreeSet<OrderId> {
        self.told.clear();
        (self.asked_at, self.next_tell) = (None, Timestamp::default());
        std::mem::take(&mut self.waiting)
    }

    /// Whether it is time to compare clocks with somebody, so that one that drifts is seen before anything waits for it.
    pub(super) fn is_due(&mut self, now: Timestamp) -> bool {
        let is_due = now >= self.next_tell;
        if is_due {
            self.next_tell = now.plus_ms(CLOCK_TELL_MS);
        }
        is_due
    }

    pub(super) fn forget(&mut self, node: &NodeId) {
        self.told.remove(node);
    }

    /// How far a peer's clock was ahead of this node's when it said so last, in milliseconds.
    pub fn offset_of(&self, node: &NodeId) -> Option<i64> {
        self.told.get(node).map(|(theirs, at)| theirs.since_ms(*at))
    }

    /// The same of all who have said so, the middle one.
    pub fn offset(&self) -> Option<i64> {
        let mut offsets: Vec<i64> = self.told.values().map(|(theirs, at)| theirs.since_ms(*at)).collect();
        offsets.sort_unstable();
        middle(&offsets)
    }

    /// A peer has said its time. Gives back what has waited for it, if the clocks agree.
    pub(super) fn told(
        &mut self,
        from: &NodeId,
        theirs: Timestamp,
        peers: usize,
        now: Timestamp,
    ) -> BTreeSet<OrderId> {
        self.told.insert(from.clone(), (theirs, now));
        match self.compare(peers, now) {
            Compared::Agreed => std::mem::take(&mut self.waiting),
            Compared::Differs | Compared::Unknown => BTreeSet::new(),
        }
    }

    /// An order waits for a comparison. Says whether everyone is to be asked now.
    pub(super) fn wait(&mut self, order: OrderId, now: Timestamp) -> bool {
        self.waiting.insert(order);
        let is_due = self.asked_at.is_none_or(|at| now.since_ms(at) >= CLOCK_ASK_MS);
        if is_due {
            self.asked_at = Some(now);
        }
        is_due
    }

    /// What the peers' clocks say, of so many that are connected. All have answered, or there was time for it; the middle one
    /// counts, so that one that lies does not.
    pub(super) fn compare(&self, peers: usize, now: Timestamp) -> Compared {
        let offsets = self.offsets(now);
        // A question of long ago says nothing: only one or two may have told their time since.
        let has_waited = |at: Timestamp| (CLOCK_WAIT_MS..=CLOCK_FRESH_MS).contains(&now.since_ms(at));
        let waited = self.asked_at.is_some_and(has_waited);
        if offsets.len() < peers && !waited {
            return Compared::Unknown;
        }
        match middle(&offsets) {
            Some(offset) if offset.abs() <= CLOCK_SKEW_MS => Compared::Agreed,
            Some(_) => Compared::Differs,
            None => Compared::Unknown,
        }
    }

    /// How far peers are ahead of this node, in milliseconds, in ascending order; of those whose word is recent.
    fn offsets(&self, now: Timestamp) -> Vec<i64> {
        let recent = |at: Timestamp| (0..=CLOCK_FRESH_MS).contains(&now.since_ms(at));
        let recent = self.told.values().filter(|(_, at)| recent(*at));
        let mut offsets: Vec<i64> = recent.map(|(theirs, at)| theirs.since_ms(*at)).collect();
        offsets.sort_unstable();
        offsets
    }
}

/// What a comparison of clocks says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Compared {
    /// Most agree with this node.
    Agreed,
    /// Most do not.
    Differs,
    /// Too few have answered.
    Unknown,
}

/// The middle of values in ascending order; of two middle ones the one nearer to zero, so that of two peers one that lies
/// stops nothing.
fn middle(sorted: &[i64]) -> Option<i64> {
    let (lower, upper) = (sorted.len().checked_sub(1)? / 2, sorted.len() / 2);
    [*sorted.get(lower)?, *sorted.get(upper)?].into_iter().min_by_key(|offset| offset.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: i64 = 60 * 60 * 1000;

    fn now() -> Timestamp {
        "2026-11-30T10:00:00Z".parse().expect("a time")
    }

    fn peer(number: usize) -> NodeId {
        format!("peer-{number}").parse().expect("a name")
    }

    /// What peers with such offsets lead to, all of whom have just answered.
    fn compared(offsets: &[i64]) -> Compared {
        let mut clocks = Clocks::default();
        for (number, offset) in offsets.iter().enumerate() {
            clocks.told(&peer(number), now().plus_ms(*offset), offsets.len(), now());
        }
        clocks.compare(offsets.len(), now())
    }

    #[test]
    fn most_clocks_decide_and_one_that_lies_does_not() {
        assert_eq!(compared(&[]), Compared::Unknown, "nobody to ask");
        assert_eq!(compared(&[CLOCK_SKEW_MS]), Compared::Agreed);
        assert_eq!(compared(&[CLOCK_SKEW_MS + 1]), Compared::Differs);
        assert_eq!(compared(&[-HOUR_MS, 0]), Compared::Agreed, "one of two cannot stop");
        assert_eq!(compared(&[-HOUR_MS, -HOUR_MS, 0]), Compared::Differs);
        assert_eq!(compared(&[HOUR_MS, 0, -HOUR_MS]), Compared::Agreed);
    }

    #[test]
    fn what_was_said_before_the_clock_jumped_counts_no_more() {
        let mut clocks = Clocks::default();
        clocks.told(&peer(1), now(), 1, now());
        assert_eq!(clocks.compare(1, now()), Compared::Agreed);
        let ahead = now().plus_ms(30 * 24 * HOUR_MS);
        assert_eq!(clocks.compare(1, ahead), Compared::Unknown);
        clocks.told(&peer(1), now(), 1, ahead);
        assert_eq!(clocks.compare(1, ahead), Compared::Differs);
        assert_eq!(clocks.offset(), Some(-30 * 24 * HOUR_MS));
    }

    #[test]
    fn silent_peers_are_not_waited_for_long_and_what_waits_goes_on_at_once() {
        let mut clocks = Clocks::default();
        let order = OrderId::derive(&"town".parse().expect("a name"), "r1");
        assert!(clocks.wait(order, now()), "everyone is asked");
        assert!(!clocks.wait(order, now()), "once");
        assert!(clocks.told(&peer(1), now(), 2, now()).is_empty(), "the other may still answer");
        let later = now().plus_ms(CLOCK_WAIT_MS);
        assert_eq!(clocks.compare(2, later), Compared::Agreed);
        assert_eq!(clocks.told(&peer(1), later, 2, later), BTreeSet::from([order]));
        let much_later = now().plus_ms(HOUR_MS);
        clocks.told(&peer(1), much_later, 2, much_later);
        assert_eq!(
            clocks.compare(2, much_later),
            Compared::Unknown,
            "one peer alone, asked an hour ago, decides nothing"
        );
        assert!(clocks.wait(order, much_later), "everyone is asked anew");
        clocks.wait(order, later);
        assert_eq!(clocks.clock_set_back(), BTreeSet::from([order]));
        assert_eq!(clocks.compare(2, later), Compared::Unknown);
    }
}
