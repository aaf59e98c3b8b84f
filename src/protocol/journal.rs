//! The journal: in which order the heads of logs have changed here. Peers remember a position in it, so that after a
//! break only what has changed since is compared.
//!
//! Every entry, every newer witnessed checkpoint and every cut counts one position, so that a store read again gives
//! the same positions. A log has one row, which moves to the newest position; the journal never grows beyond the
//! number of logs.
use std::collections::BTreeMap;

use crate::domain::id::Origin;

/// Logs by the position at which they last changed.
#[derive(Clone, Default, Debug)]
pub struct Journal {
    position: u64,
    rows: BTreeMap<u64, Origin>,
    positions: BTreeMap<Origin, u64>,
}

impl Journal {
    /// The newest position.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// A log changed, by so many positions.
    pub fn moved(&mut self, origin: &Origin, by: u64) {
        if by == 0 {
            return;
        }
        self.position += by;
        match self.positions.get_mut(origin) {
            Some(known) => {
                let row = self.rows.remove(known).unwrap_or_else(|| origin.clone());
                self.rows.insert(self.position, row);
                *known = self.position;
            }
            None => {
                self.rows.insert(self.position, origin.clone());
                self.positions.insert(origin.clone(), self.position);
            }
        }
    }

    /// The logs that changed after a position, oldest first.
    pub fn since(&self, position: u64) -> impl Iterator<Item = (u64, &Origin)> {
        self.rows.range(position.saturating_add(1)..).map(|(position, origin)| (*position, origin))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_has_one_row_at_its_newest_position() {
        let (one, two): (Origin, Origin) =
            ("demo/log/a/1".parse().expect("origin"), "demo/log/b/1".parse().expect("origin"));
        let mut journal = Journal::default();
        journal.moved(&one, 3);
        journal.moved(&two, 1);
        journal.moved(&one, 2);
        journal.moved(&two, 0);
        assert_eq!(journal.position(), 6);
        assert_eq!(journal.since(0).collect::<Vec<_>>(), [(4, &two), (6, &one)]);
        assert_eq!(journal.since(4).collect::<Vec<_>>(), [(6, &one)]);
        assert_eq!(journal.since(u64::MAX).count(), 0);
    }
}
