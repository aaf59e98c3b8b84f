//! Entries that were stored a moment ago and that peers are about to be sent: most of what they ask for need not be read
//! from the disk. A copy, never the truth; what is not here is in the store.
use std::collections::{BTreeMap, VecDeque};

use crate::domain::id::Origin;
use crate::protocol::limits::FRAME_ENTRIES_MAX;
use crate::protocol::record::{LogEntry, Record};
use crate::store::{entry_bytes, gather};

/// Most bytes of entries that are kept: some seconds of a node that seals a hundred orders a second.
const BYTES_MAX: usize = 8 * 1024 * 1024;

/// The newest entries of all logs.
#[derive(Default)]
pub(super) struct Recent {
    logs: BTreeMap<Origin, Run>,
    /// What came when, the oldest first: how many entries of which log.
    arrivals: VecDeque<(Origin, usize)>,
    bytes: usize,
}

/// Entries of one log to its end.
#[derive(Default)]
struct Run {
    first: u64,
    entries: VecDeque<LogEntry>,
}

impl Recent {
    /// Takes note of what is durable by now.
    pub(super) fn put(&mut self, records: &[Record]) {
        for record in records {
            if let Record::Entries { origin, first, entries, .. } = record {
                self.extend(origin, *first, entries);
            }
        }
        while self.bytes > BYTES_MAX
            && let Some((origin, count)) = self.arrivals.pop_front()
        {
            self.forget(&origin, count);
        }
    }

    fn extend(&mut self, origin: &Origin, first: u64, entries: &[LogEntry]) {
        let run = self.logs.entry(origin.clone()).or_default();
        if run.entries.is_empty() {
            run.first = first;
        }
        debug_assert_eq!(run.first + run.entries.len() as u64, first, "a log has no gaps");
        run.entries.extend(entries.iter().cloned());
        self.bytes += entries.iter().map(entry_bytes).sum::<usize>();
        self.arrivals.push_back((origin.clone(), entries.len()));
    }

    fn forget(&mut self, origin: &Origin, count: usize) {
        let Some(run) = self.logs.get_mut(origin) else { return };
        let gone = run.entries.drain(..count.min(run.entries.len()));
        self.bytes -= gone.map(|entry| entry_bytes(&entry)).sum::<usize>();
        run.first += count as u64;
        if run.entries.is_empty() {
            self.logs.remove(origin);
        }
    }

    /// What [`crate::store::Store::entries`] would answer, if all of it is here.
    pub(super) fn entries(&self, origin: &Origin, first: u64, bytes_max: usize) -> Option<Vec<LogEntry>> {
        let run = self.logs.get(origin).filter(|run| run.first <= first)?;
        let from = |index: u64| {
            let skipped = usize::try_from(index - run.first).unwrap_or(usize::MAX);
            let entries: Vec<LogEntry> = run.entries.iter().skip(skipped).take(FRAME_ENTRIES_MAX).cloned().collect();
            Ok((!entries.is_empty()).then_some((index, entries)))
        };
        gather(first, FRAME_ENTRIES_MAX, bytes_max, from).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::signing::SecretKey;
    use crate::domain::statement::{Kind, Signed};
    use crate::log::leaf::{Audience, Leaf, NO_OUTCOME};
    use crate::store::Store as _;
    use crate::store::memory::MemoryStore;

    fn record(log: &str, first: u64, count: u64, text: &str) -> Record {
        let entry = |number: u64| {
            let body = serde_json::json!({"number": number, "text": text});
            let signed = Signed::sign(&Kind::Need, &body, &[&SecretKey::from_seed(&[1; 32])]);
            LogEntry { leaf: Leaf::new(&signed, Audience::Public, NO_OUTCOME), statement: Some(signed) }
        };
        let origin = format!("demo/log/{log}/1").parse().expect("an origin");
        Record::Entries { origin, first, entries: (first..first + count).map(entry).collect(), note: String::new() }
    }

    #[tokio::test]
    async fn it_answers_like_the_store_or_not_at_all() {
        let (store, mut recent) = (MemoryStore::new(), Recent::default());
        let long = "x".repeat(12_000);
        let mut ends: BTreeMap<&str, u64> = BTreeMap::new();
        for round in 0_u64..600 {
            let (log, count) = (["kitu", "kid", "akdb"][(round % 3) as usize], round % 5 + 1);
            let end = ends.entry(log).or_default();
            let batch = vec![record(log, *end, count, &long)];
            *end += count;
            recent.put(&batch);
            store.commit(batch).await.expect("room");
        }
        assert!(recent.bytes <= BYTES_MAX && recent.bytes > BYTES_MAX / 2);
        let mut answered = 0;
        for (log, end) in ends {
            let origin: Origin = format!("demo/log/{log}/1").parse().expect("an origin");
            for first in 0..end + 2 {
                for bytes_max in [0, 30_000, 1_000_000] {
                    let Some(found) = recent.entries(&origin, first, bytes_max) else { continue };
                    let stored = store.entries(&origin, first, FRAME_ENTRIES_MAX, bytes_max).await;
                    assert_eq!(Ok(found), stored, "{log} from {first}");
                    answered += 1;
                }
            }
            assert!(recent.entries(&origin, 0, 30_000).is_none(), "long gone");
        }
        assert!(answered > 1_000, "{answered}");
        assert!(recent.entries(&"demo/log/nobody/1".parse().expect("an origin"), 0, 1).is_none());
    }
}
