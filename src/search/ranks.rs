//! The order of results of one score, as numbers: seller and name are compared once, when an offering comes, and never in a question.
//!
//! A rank says only what comes before what, and may change with any offering that comes: it must never leave the index.
use std::collections::BTreeMap;
use std::sync::Arc;

/// Room between two neighbours when ranks are given out: so many can come in between by halves before all are given out anew.
const GAP: u64 = 1 << 32;

/// Ranks of rows by their key, and of equal keys by their number.
#[derive(Clone, Default, Debug)]
pub struct Ranks {
    sorted: BTreeMap<(Arc<str>, u32), u64>,
    of_row: Vec<u64>,
}

impl Ranks {
    /// Gives the next row a rank by its key.
    pub fn put(&mut self, key: &Arc<str>, row: u32) {
        let own = (Arc::clone(key), row);
        let before = self.sorted.range(..&own).next_back().map(|(_, rank)| *rank);
        let after = self.sorted.range(&own..).next().map(|(_, rank)| *rank);
        let rank = between(before, after);
        self.sorted.insert(own, rank.unwrap_or_default());
        self.of_row.push(rank.unwrap_or_default());
        if rank.is_none() {
            self.spread();
        }
    }

    /// Forgets the place of a row.
    pub fn take(&mut self, key: &Arc<str>, row: u32) {
        self.sorted.remove(&(Arc::clone(key), row));
    }

    /// The rank of a row.
    pub fn of(&self, row: u32) -> u64 {
        self.of_row[row as usize]
    }

    /// The rank of the first row behind a key, whether or not anything has that key; none if there is nothing behind it.
    pub fn behind(&self, key: &str) -> Option<u64> {
        self.sorted.range((Arc::from(key), u32::MAX)..).next().map(|(_, rank)| *rank)
    }

    /// Gives all ranks out anew, with room between them.
    fn spread(&mut self) {
        for (n, ((_, row), rank)) in (1..).zip(&mut self.sorted) {
            *rank = n * GAP;
            self.of_row[*row as usize] = *rank;
        }
    }
}

/// A rank between two neighbours; none if there is no room.
fn between(before: Option<u64>, after: Option<u64>) -> Option<u64> {
    match (before, after) {
        (None, None) => Some(GAP),
        (Some(before), None) => before.checked_add(GAP),
        (before, Some(after)) => {
            let before = before.unwrap_or_default();
            let rank = if after - before > 2 * GAP { after - GAP } else { before + (after - before) / 2 };
            (rank > before).then_some(rank)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Rows in the order of their ranks.
    fn ranked(ranks: &Ranks, rows: impl Iterator<Item = u32>) -> Vec<u32> {
        let mut rows: Vec<u32> = rows.collect();
        rows.sort_by_key(|row| ranks.of(*row));
        rows
    }

    #[test]
    fn many_in_one_place_find_room() {
        let mut ranks = Ranks::default();
        let keys = ["a".to_owned(), "c".to_owned()].into_iter().chain((0..200).map(|n| format!("b{:03}", 199 - n)));
        for (row, key) in (0..).zip(keys) {
            ranks.put(&Arc::from(key.as_str()), row);
        }
        let expected: Vec<u32> = [0].into_iter().chain((2..202).rev()).chain([1]).collect();
        assert_eq!(ranked(&ranks, 0..202), expected);
    }

    proptest! {
        /// Whatever comes and goes, ranks sort like keys, and what is behind a key is behind it.
        #[test]
        fn ranks_sort_like_keys(acts in prop::collection::vec((0..40_u32, any::<bool>()), 1..400)) {
            let (mut ranks, mut held, mut next) = (Ranks::default(), BTreeSet::new(), 0);
            for (name, comes) in acts {
                let key = Arc::from(format!("k{name:02}"));
                let former = held.iter().find(|(known, _): &&(Arc<str>, u32)| *known == key).cloned();
                match former.filter(|_| !comes) {
                    Some(former) => {
                        ranks.take(&former.0, former.1);
                        held.remove(&former);
                    }
                    None => {
                        ranks.put(&key, next);
                        held.insert((key.clone(), next));
                        next += 1;
                    }
                }
                let expected: Vec<u32> = held.iter().map(|(_, row)| *row).collect();
                prop_assert_eq!(ranked(&ranks, held.iter().map(|(_, row)| *row)), expected);
                let behind = held.iter().find(|(known, _)| *known > key).map(|(_, row)| ranks.of(*row));
                prop_assert_eq!(ranks.behind(&key), behind);
            }
        }
    }
}
