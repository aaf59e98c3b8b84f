//! Where statements stand: in which logs, at which positions. Held for every statement, so it is kept small.
use std::collections::{BTreeMap, BTreeSet};

use crate::domain::id::{Origin, StatementId};

/// Positions by statement; a statement may stand in several logs.
#[derive(Clone, Default, Debug)]
pub struct Places {
    numbers: BTreeMap<Origin, u32>,
    origins: Vec<Origin>,
    held: BTreeSet<(StatementId, u32, u64)>,
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
        self.held.insert((id, number, index));
    }

    /// Every place of a statement.
    pub fn of(&self, id: &StatementId) -> impl Iterator<Item = (&Origin, u64)> {
        let range = self.held.range((*id, 0, 0)..=(*id, u32::MAX, u64::MAX));
        range.filter_map(|(_, number, index)| Some((self.origins.get(*number as usize)?, *index)))
    }

    /// Forgets what stands in a log from position `at` on, and gives the statements that now stand nowhere. Looks at
    /// everything, which is fine for something as rare as a fork.
    pub fn cut(&mut self, origin: &Origin, at: u64) -> Vec<StatementId> {
        let Some(number) = self.numbers.get(origin).copied() else { return Vec::new() };
        let beyond = |place: &&(StatementId, u32, u64)| place.1 == number && place.2 >= at;
        let gone: Vec<(StatementId, u32, u64)> = self.held.iter().filter(beyond).copied().collect();
        gone.iter().for_each(|place| {
            self.held.remove(place);
        });
        let ids: BTreeSet<StatementId> = gone.into_iter().map(|(id, ..)| id).collect();
        ids.into_iter().filter(|id| self.of(id).next().is_none()).collect()
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
}
