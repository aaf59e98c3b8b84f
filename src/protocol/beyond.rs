//! What stands in the store beyond places that cannot be read any more, and waits for what was there: what nobody else may have
//! heard of.
use std::collections::VecDeque;

use crate::domain::statement::Signed;
use crate::protocol::limits::{BEYOND_ENTRIES_MAX, BEYOND_STATEMENTS_MAX};
use crate::protocol::record::LogEntry;

/// Entries and statements that wait.
#[derive(Clone, Default)]
pub(super) struct Beyond {
    /// Runs of the own log, in the order in which they were written.
    runs: VecDeque<(u64, Vec<LogEntry>)>,
    entries: usize,
    /// Statements by keys that are not known.
    statements: Vec<Signed>,
    /// Whether more is known of keys since they were judged.
    is_news: bool,
}

impl Beyond {
    /// Keeps a run; of too many those that were written last, because others have the rest.
    pub(super) fn put(&mut self, first: u64, entries: Vec<LogEntry>) {
        self.entries += entries.len();
        self.runs.push_back((first, entries));
        while self.entries > BEYOND_ENTRIES_MAX {
            self.entries -= self.runs.pop_front().map_or(self.entries, |(_, entries)| entries.len());
        }
    }

    /// The next run that reaches beyond the end of the log, if it leaves nothing out; what does not is forgotten.
    pub(super) fn next(&mut self, size: u64) -> Option<(u64, Vec<LogEntry>)> {
        while let Some((first, entries)) = self.runs.pop_front() {
            let is_new = first + entries.len() as u64 > size;
            if first > size {
                self.runs.push_front((first, entries));
                return None;
            }
            self.entries -= entries.len();
            if is_new {
                return Some((first, entries));
            }
        }
        None
    }

    /// A statement waits; of too many those that came first.
    pub(super) fn wait(&mut self, signed: Signed) {
        if self.statements.len() < BEYOND_STATEMENTS_MAX {
            self.statements.push(signed);
        }
    }

    /// Something was said about keys.
    pub(super) fn heard_of_keys(&mut self) {
        self.is_news = true;
    }

    /// Whether it is worth judging them again; once.
    pub(super) fn is_news(&mut self) -> bool {
        std::mem::take(&mut self.is_news) && !self.statements.is_empty()
    }

    /// Takes them all out.
    pub(super) fn waiting(&mut self) -> Vec<Signed> {
        std::mem::take(&mut self.statements)
    }

    /// What was put back the newest first lies again in the order in which it was written.
    pub(super) fn reverse(&mut self) {
        self.statements.reverse();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::signing::SecretKey;
    use crate::domain::statement::Kind;
    use crate::log::leaf::{Audience, Leaf, NO_OUTCOME};

    #[test]
    fn what_leaves_nothing_out_goes_on_and_nothing_else() {
        let signed = Signed::sign(&Kind::Receipt, &serde_json::json!({}), &[&SecretKey::from_seed(&[1; 32])]);
        let entry = LogEntry { leaf: Leaf::new(&signed, Audience::Parties, NO_OUTCOME), statement: None };
        let run = |count: usize| vec![entry.clone(); count];
        let mut beyond = Beyond::default();
        for (first, count) in [(5, 2), (7, 3), (12, 1)] {
            beyond.put(first, run(count));
        }
        assert_eq!(beyond.next(4), None, "something is left out before");
        assert_eq!(beyond.next(8), Some((7, run(3))), "the first is here already, the second in part");
        assert_eq!(beyond.next(10), None, "something is left out between");
        assert_eq!(beyond.next(12), Some((12, run(1))));
        beyond.put(20, run(BEYOND_ENTRIES_MAX));
        beyond.put(20 + BEYOND_ENTRIES_MAX as u64, run(1));
        assert_eq!(beyond.next(20), None, "of too many the last are kept");
    }
}
