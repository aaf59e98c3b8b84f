//! Where everything stands, and when witnesses had seen it: what decides whether one thing came before another.
//!
//! In one log the place decides. Between logs the witnessed time does: that of the first checkpoint in the bundle which
//! covers a statement and which a quorum has cosigned. Signed times are information and are never asked here.
use std::collections::BTreeMap;

use crate::audit::bundle::Reading;
use crate::audit::logs::{Entry, Logs};
use crate::audit::report::{Book, Check};
use crate::domain::id::{Hash, Origin, StatementId};
use crate::domain::time::Timestamp;
use crate::log::checkpoint::Checkpoint;

/// Places and times.
#[derive(Default)]
pub struct Chronicle {
    places: BTreeMap<StatementId, (Origin, u64)>,
    /// Sizes of witnessed checkpoints by log, ascending, each with its time.
    seen: BTreeMap<Origin, Vec<(u64, Timestamp)>>,
    /// The roots of these checkpoints, by log and size.
    roots: BTreeMap<(Origin, u64), Hash>,
}

impl Chronicle {
    /// Reads the places of all entries and the times of all checkpoints, and books every checkpoint that is not continued
    /// by the newest one of its log, or that no quorum has cosigned.
    pub fn read(entries: &[Entry], reading: &Reading, logs: &Logs, book: &mut Book) -> Self {
        let mut chronicle = Self::default();
        for entry in entries {
            if let Some(place) = &entry.place {
                chronicle.places.entry(entry.signed.id()).or_insert_with(|| place.clone());
            }
        }
        let mut newest: BTreeMap<Origin, Checkpoint> = BTreeMap::new();
        for end in &reading.ends {
            // What is wrong with the newest checkpoint is booked where proofs are checked.
            let Ok(head) = logs.open(&end.proof.checkpoint) else { continue };
            let seen = logs.quorum(&end.proof.checkpoint).seen_at();
            chronicle.saw(&head, seen);
            newest.insert(head.origin.clone(), head);
        }
        for (name, cover) in &reading.covers {
            let Some(head) = book.judge(Check::Checkpoint, name, logs.open(&cover.note)) else { continue };
            let Some(continued) = newest.get(&head.origin).map(|newest| cover.check_continued(newest)) else {
                continue;
            };
            let quorum = logs.quorum(&cover.note);
            let holds = [
                book.judge(Check::Checkpoint, name, continued),
                book.judge(Check::Witnesses, name, quorum.require()),
            ];
            if holds.iter().all(Option::is_some) {
                chronicle.saw(&head, quorum.seen_at());
            }
        }
        chronicle
    }

    fn saw(&mut self, head: &Checkpoint, seconds: Option<u64>) {
        let Some(at) = seconds.map(Timestamp::from_unix_seconds) else { return };
        let seen = self.seen.entry(head.origin.clone()).or_default();
        seen.push((head.size, at));
        seen.sort_unstable();
        self.roots.insert((head.origin.clone(), head.size), head.root);
    }

    /// The root of a log at a size, if a witnessed checkpoint says it.
    pub fn root(&self, origin: &Origin, size: u64) -> Option<Hash> {
        self.roots.get(&(origin.clone(), size)).copied()
    }

    /// When witnesses had seen a statement; none if no checkpoint that covers it has its quorum.
    pub fn seen(&self, id: &StatementId) -> Option<Timestamp> {
        let (origin, index) = self.places.get(id)?;
        let seen = self.seen.get(origin)?;
        seen.iter().find(|(size, _)| size > index).map(|(_, at)| *at)
    }

    /// The log and the index of a statement.
    pub fn place(&self, id: &StatementId) -> Option<&(Origin, u64)> {
        self.places.get(id)
    }

    /// Whether one statement stood before another; none where nothing tells.
    pub fn is_before(&self, one: &StatementId, other: &StatementId) -> Option<bool> {
        if let (Some((origin, at)), Some((other_origin, other_at))) = (self.place(one), self.place(other))
            && origin == other_origin
        {
            return Some(at < other_at);
        }
        Some(self.seen(one)? < self.seen(other)?)
    }
}
