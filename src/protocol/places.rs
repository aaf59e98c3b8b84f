//! Where statements stand: in which logs, at which positions; and which key signed what evidence may need. Held for
//! every statement, so it is kept small.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rpds::RedBlackTreeMapSync;

use crate::domain::id::{KeyHash, Origin, StatementId};
use crate::protocol::numbered::Numbered;

/// Positions by statement; a statement may stand in several logs.
///
/// 44 bytes for each; with what the allocator keeps of rows that grew about 75. Ids are hashes, so their first byte lays
/// them out evenly into sorted rows. New ones are held apart and join the rows many at a time, which copies each row
/// seldom. Clones share them.
#[derive(Clone, Default, Debug)]
pub struct Places {
    logs: Numbered<Origin>,
    keys: Numbered<KeyHash>,
    rows: Arc<BTreeMap<u8, Arc<Vec<Place>>>>,
    /// Those that have not joined the rows, each with the one of `keys` that signed it, or [`NOBODY`].
    recent: RedBlackTreeMapSync<Spot, u32>,
}

/// A statement, one of `logs`, an index in it. Smaller than what the tree of a log keeps for the entry, so nobody runs
/// out of numbers before running out of memory.
type Spot = (StatementId, u32, u32);

/// A spot, and the one of `keys` that signed the statement, or [`NOBODY`].
type Place = (Spot, u32);

/// Which key signed it is not known, or nobody asks.
const NOBODY: u32 = u32::MAX;

/// How many are held apart: joining a million takes a few milliseconds.
const RECENT_MAX: usize = 16_384;

/// The first byte of an id chooses its row.
fn row_of(id: &StatementId) -> u8 {
    id.0[0]
}

impl Places {
    /// Remembers that a statement stands there.
    pub fn put(&mut self, id: StatementId, origin: &Origin, index: u64) {
        let spot = (id, self.logs.number(origin), u32::try_from(index).unwrap_or(u32::MAX));
        if self.rows.get(&row_of(&id)).is_none_or(|row| row.binary_search_by_key(&spot, |(known, _)| *known).is_err())
            && !self.recent.contains_key(&spot)
        {
            self.recent.insert_mut(spot, NOBODY);
        }
        if self.recent.size() >= RECENT_MAX {
            self.join();
        }
    }

    fn join(&mut self) {
        let recent = std::mem::take(&mut self.recent);
        let mut recent = recent.iter().map(|(spot, by)| (*spot, *by)).peekable();
        let rows = Arc::make_mut(&mut self.rows);
        while let Some(((id, ..), _)) = recent.peek() {
            let first = row_of(id);
            let mut new = Vec::new();
            while let Some(place) = recent.next_if(|((id, ..), _)| row_of(id) == first) {
                new.push(place);
            }
            let row = rows.entry(first).or_default();
            let mut joined = Vec::with_capacity(row.len() + new.len());
            let mut new = new.into_iter().peekable();
            for place in row.iter() {
                while let Some(before) = new.next_if(|new| new < place) {
                    joined.push(before);
                }
                joined.push(*place);
            }
            joined.extend(new);
            *row = Arc::new(joined);
        }
    }

    /// Remembers which key signed a statement that stands somewhere.
    pub fn signed_by(&mut self, id: &StatementId, key: &KeyHash) {
        let number = self.keys.number(key);
        let recent: Vec<Spot> = self.recent_of(id).map(|(spot, _)| *spot).collect();
        for spot in &recent {
            self.recent.insert_mut(*spot, number);
        }
        if recent.is_empty() && self.rows.contains_key(&row_of(id)) {
            let rows = Arc::make_mut(&mut self.rows);
            if let Some(row) = rows.get_mut(&row_of(id)).map(Arc::make_mut) {
                let same = same(row, id);
                row[same].iter_mut().for_each(|(_, by)| *by = number);
            }
        }
    }

    fn same(&self, id: &StatementId) -> impl Iterator<Item = Place> {
        let row = self.rows.get(&row_of(id)).map_or(&[][..], |row| row.as_slice());
        row[same(row, id)].iter().copied().chain(self.recent_of(id).map(|(spot, by)| (*spot, *by)))
    }

    fn recent_of(&self, id: &StatementId) -> impl Iterator<Item = (&Spot, &u32)> {
        self.recent.range((*id, 0, 0)..=(*id, u32::MAX, u32::MAX))
    }

    /// Every place of a statement.
    pub fn of(&self, id: &StatementId) -> impl Iterator<Item = (&Origin, u64)> {
        self.same(id).filter_map(|((_, log, index), _)| Some((self.logs.value(log)?, u64::from(index))))
    }

    /// The statements from one id to another, as far as there is room for them.
    pub fn between(&self, (first, last): (StatementId, StatementId), most: usize) -> BTreeSet<StatementId> {
        let joined = self.rows.range(row_of(&first)..=row_of(&last)).flat_map(|(_, row)| {
            let from = row.partition_point(|((known, ..), _)| *known < first);
            row[from..].iter().map(|((id, ..), _)| *id).take_while(|id| *id <= last)
        });
        let recent = self.recent.range((first, 0, 0)..=(last, u32::MAX, u32::MAX)).map(|((id, ..), _)| *id);
        // Both come in order, so the first of each hold the first of all.
        let mut ids = first_of(joined, most);
        ids.extend(first_of(recent, most));
        ids.into_iter().take(most).collect()
    }

    /// Which key signed a statement, where that was remembered.
    pub fn signer(&self, id: &StatementId) -> Option<&KeyHash> {
        self.same(id).find_map(|(_, by)| self.keys.value(by))
    }

    /// The statements that one of these keys has signed, as far as that was remembered. Looks at everything, which is
    /// fine for something as rare as a revocation.
    pub fn signed_with(&self, keys: &BTreeSet<KeyHash>) -> Vec<(StatementId, KeyHash)> {
        let all = self.rows.values().flat_map(|row| row.iter()).map(|(spot, by)| (spot.0, *by));
        let all = all.chain(self.recent.iter().map(|(spot, by)| (spot.0, *by)));
        let named = all.filter_map(|(id, by)| Some((id, *self.keys.value(by)?)));
        named.filter(|(_, by)| keys.contains(by)).collect()
    }

    /// Forgets what stands in a log from position `at` on, and gives the statements that now stand nowhere. Looks at
    /// everything, which is fine for something as rare as a fork.
    pub fn cut(&mut self, origin: &Origin, at: u64) -> BTreeSet<StatementId> {
        let mut gone = BTreeSet::new();
        let Some(cut) = self.logs.known(origin) else { return gone };
        let mut stays = |(id, log, index): &Spot| {
            let is_beyond = *log == cut && u64::from(*index) >= at;
            if is_beyond {
                gone.insert(*id);
            }
            !is_beyond
        };
        let rows = Arc::make_mut(&mut self.rows);
        rows.values_mut().for_each(|row| Arc::make_mut(row).retain(|(spot, _)| stays(spot)));
        let beyond: Vec<Spot> = self.recent.keys().filter(|spot| !stays(spot)).copied().collect();
        beyond.iter().for_each(|spot| _ = self.recent.remove_mut(spot));
        gone.retain(|id| self.same(id).next().is_none());
        gone
    }
}

/// The first of some ids that come in order, each once.
fn first_of(ids: impl Iterator<Item = StatementId>, most: usize) -> BTreeSet<StatementId> {
    let mut first = BTreeSet::new();
    for id in ids {
        if first.len() == most && !first.contains(&id) {
            break;
        }
        first.insert(id);
    }
    first
}

/// Where the places of a statement are in a row.
fn same(row: &[Place], id: &StatementId) -> std::ops::Range<usize> {
    let first = row.partition_point(|((known, ..), _)| known < id);
    first..first + row[first..].iter().take_while(|((known, ..), _)| known == id).count()
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
        let count = 2 * RECENT_MAX as u64 + 100;
        for number in (0..count).chain(5_000..6_000) {
            places.put(id(number), &logs[usize::from(number % 3 == 0)], number);
            places.signed_by(&id(number), &KeyHash([u8::from(number % 3 == 0); 32]));
        }
        for number in 0..count {
            let found: Vec<_> = places.of(&id(number)).collect();
            assert_eq!(found, [(&logs[usize::from(number % 3 == 0)], number)]);
            assert_eq!(places.signer(&id(number)), Some(&KeyHash([u8::from(number % 3 == 0); 32])));
        }
        assert_eq!(places.of(&id(count)).count(), 0);
        let sorted: BTreeSet<StatementId> = (0..count).map(id).collect();
        for (first, last) in
            [([0; 32], [255; 32]), ([7; 32], [9; 32]), ([9, 8, 0].repeat(11)[..32].try_into().expect("32"), [9; 32])]
        {
            let (first, last) = (StatementId(first), StatementId(last));
            let expected: BTreeSet<_> = sorted.range(first..=last).take(10).copied().collect();
            assert_eq!(places.between((first, last), 10), expected);
        }
        assert_eq!(places.cut(&logs[1], 9_000).len(), 7_956);
        assert_eq!((places.of(&id(8_997)).count(), places.of(&id(9_000)).count()), (1, 0));
    }
}
