//! Where statements stand: in which logs, at which positions; and which key signed what evidence may need. Held for
//! every statement, so it is kept small.
use std::collections::{BTreeMap, BTreeSet};

use crate::domain::id::{KeyHash, Origin, StatementId};
use crate::protocol::numbered::Numbered;

/// Positions by statement; a statement may stand in several logs.
///
/// About 50 bytes for each. Ids are hashes, so their first bits lay them out evenly, and a sorted row for each of those
/// stays short: a few hundred places in a million.
#[derive(Clone, Default, Debug)]
pub struct Places {
    logs: Numbered<Origin>,
    keys: Numbered<KeyHash>,
    rows: BTreeMap<u16, Vec<Place>>,
}

/// In the order of statement, log and index.
#[derive(Clone, Copy, Debug)]
struct Place {
    id: StatementId,
    /// One of `logs`.
    log: u32,
    index: u32,
    /// [`NOBODY`], or the one of `keys` that signed it.
    by: u32,
}

/// Which key signed it is not known, or nobody asks.
const NOBODY: u32 = u32::MAX;

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
        let log = self.logs.number(origin);
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        let row = self.rows.entry(row_of(&id)).or_default();
        if let Err(at) = row.binary_search_by_key(&(id, log, index), |place| (place.id, place.log, place.index)) {
            if row.len() == row.capacity() {
                row.reserve_exact(1 + row.len() / GROWTH);
            }
            row.insert(at, Place { id, log, index, by: NOBODY });
        }
    }

    /// Remembers which key signed a statement that stands somewhere.
    pub fn signed_by(&mut self, id: &StatementId, key: &KeyHash) {
        let by = self.keys.number(key);
        let Some(row) = self.rows.get_mut(&row_of(id)) else { return };
        let first = row.partition_point(|place| place.id < *id);
        row[first..].iter_mut().take_while(|place| place.id == *id).for_each(|place| place.by = by);
    }

    /// Every place of a statement.
    pub fn of(&self, id: &StatementId) -> impl Iterator<Item = (&Origin, u64)> {
        self.same(id).iter().filter_map(|place| Some((self.logs.value(place.log)?, u64::from(place.index))))
    }

    /// Which key signed a statement, where that was remembered.
    pub fn signer(&self, id: &StatementId) -> Option<&KeyHash> {
        self.same(id).iter().find_map(|place| self.keys.value(place.by))
    }

    fn same(&self, id: &StatementId) -> &[Place] {
        let row = self.rows.get(&row_of(id)).map_or(&[][..], Vec::as_slice);
        let first = row.partition_point(|place| place.id < *id);
        let count = row[first..].iter().take_while(|place| place.id == *id).count();
        &row[first..first + count]
    }

    /// Forgets what stands in a log from position `at` on, and gives the statements that now stand nowhere. Looks at
    /// everything, which is fine for something as rare as a fork.
    pub fn cut(&mut self, origin: &Origin, at: u64) -> BTreeSet<StatementId> {
        let mut gone = BTreeSet::new();
        let Some(log) = self.logs.known(origin) else { return gone };
        for row in self.rows.values_mut() {
            row.retain(|place| {
                let is_beyond = place.log == log && u64::from(place.index) >= at;
                if is_beyond {
                    gone.insert(place.id);
                }
                !is_beyond
            });
        }
        gone.retain(|id| self.same(id).is_empty());
        gone
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
        places.signed_by(&id(3), &KeyHash([7; 32]));
        assert_eq!(places.cut(&one, 2), [id(2)].into());
        assert_eq!((places.signer(&id(3)), places.signer(&id(1))), (Some(&KeyHash([7; 32])), None));
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
