//! Where statements stand: in which logs, at which positions. Held for every statement, so it is kept small.
use std::collections::{BTreeMap, BTreeSet};

use crate::domain::id::{Origin, StatementId};

/// Positions by statement; a statement may stand in several logs.
///
/// About 45 bytes for each. Ids are hashes, so their first bits lay them out evenly, and a sorted row for each of those
/// stays short: a few hundred places in a million.
#[derive(Clone, Default, Debug)]
pub struct Places {
    numbers: BTreeMap<Origin, u32>,
    origins: Vec<Origin>,
    rows: BTreeMap<u16, Vec<Place>>,
}

/// A statement, the number of a log, an index in it. Smaller than what the tree of a log keeps for the entry, so
/// nobody runs out of numbers before running out of memory.
type Place = (StatementId, u32, u32);

/// How many bits of an id choose its row.
const ROW_BITS: u32 = 12;

/// A row grows by this part when it is full: it wastes a sixteenth on average, and copies each place few times.
const GROWTH: usize = 8;

fn row_of(id: &StatementId) -> u16 {
    u16::from_be_bytes([id.0[0], id.0[1]]) >> (u16::BITS - ROW_BITS)
}

impl Places {
    /// Remembers that a statement stands there.
    pub fn put(&mut self, id: StatementId, origin: &Origin, index: u64) {
        let number = match self.numbers.get(origin) {
            Some(number) => *number,
            None => {
                let number = u32::try_from(self.origins.len()).unwrap_or(u32::MAX);
                self.origins.push(origin.clone());
                self.numbers.insert(origin.clone(), number);
                number
            }
        };
        let place = (id, number, u32::try_from(index).unwrap_or(u32::MAX));
        let row = self.rows.entry(row_of(&id)).or_default();
        if let Err(at) = row.binary_search(&place) {
            if row.len() == row.capacity() {
                row.reserve_exact(1 + row.len() / GROWTH);
            }
            row.insert(at, place);
        }
    }

    /// Every place of a statement.
    pub fn of(&self, id: &StatementId) -> impl Iterator<Item = (&Origin, u64)> {
        let row = self.rows.get(&row_of(id)).map_or(&[][..], Vec::as_slice);
        let (first, id) = (row.partition_point(|place| place.0 < *id), *id);
        let same = row[first..].iter().take_while(move |place| place.0 == id);
        same.filter_map(|(_, number, index)| Some((self.origins.get(*number as usize)?, u64::from(*index))))
    }

    /// Forgets what stands in a log from position `at` on, and gives the statements that now stand nowhere. Looks at
    /// everything, which is fine for something as rare as a fork.
    pub fn cut(&mut self, origin: &Origin, at: u64) -> Vec<StatementId> {
        let Some(number) = self.numbers.get(origin).copied() else { return Vec::new() };
        let mut gone = BTreeSet::new();
        for row in self.rows.values_mut() {
            row.retain(|(id, log, index)| {
                let is_beyond = *log == number && u64::from(*index) >= at;
                if is_beyond {
                    gone.insert(*id);
                }
                !is_beyond
            });
        }
        gone.into_iter().filter(|id| self.of(id).next().is_none()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_gone_when_its_last_place_is() {
        let (one, two): (Origin, Origin) =
            ("demo/log/kitu/1".parse().expect("origin"), "demo/log/kitu/2".parse().expect("origin"));
        let id = |number| StatementId([number; 32]);
        let mut places = Places::default();
        for number in 0..4 {
            places.put(id(number), &one, u64::from(number));
        }
        places.put(id(3), &two, 0);
        assert_eq!(places.cut(&one, 2), [id(2)]);
        assert_eq!(places.of(&id(3)).collect::<Vec<_>>(), [(&two, 0)]);
        assert_eq!(places.of(&id(1)).collect::<Vec<_>>(), [(&one, 1)]);
        assert!(places.cut(&"demo/log/kid/1".parse().expect("origin"), 0).is_empty());
    }

    #[test]
    fn every_place_is_found_whatever_the_row_and_however_often_it_is_put() {
        let logs: [Origin; 2] = ["demo/log/kitu/1", "demo/log/kid/1"].map(|text| text.parse().expect("origin"));
        let id = |number: u64| StatementId(crate::domain::id::sha256(&number.to_be_bytes()));
        let mut places = Places::default();
        for number in (0..10_000).chain(5_000..6_000) {
            places.put(id(number), &logs[usize::from(number % 3 == 0)], number);
        }
        for number in 0..10_000 {
            let found: Vec<_> = places.of(&id(number)).collect();
            assert_eq!(found, [(&logs[usize::from(number % 3 == 0)], number)]);
        }
        assert_eq!(places.of(&id(10_000)).count(), 0);
        assert_eq!(places.cut(&logs[1], 9_000).len(), 334);
        assert_eq!((places.of(&id(8_997)).count(), places.of(&id(9_000)).count()), (1, 0));
    }
}
