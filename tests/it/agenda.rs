//! What will happen in a simulated world, in the order of time; what is put down for the same moment happens in the
//! order in which it was put down.
use std::collections::BTreeMap;

use verbund::domain::time::Timestamp;

/// Events to come.
pub struct Agenda<E> {
    events: BTreeMap<(Timestamp, u64), E>,
    numbers: u64,
}

impl<E> Default for Agenda<E> {
    fn default() -> Self {
        Self { events: BTreeMap::new(), numbers: 0 }
    }
}

impl<E> Agenda<E> {
    /// A number that nothing else in this world has.
    pub fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// Puts an event down.
    pub fn put(&mut self, at: Timestamp, event: E) {
        let number = self.number();
        self.events.insert((at, number), event);
    }

    /// Takes the next event that happens until `end`.
    pub fn next(&mut self, end: Timestamp) -> Option<(Timestamp, E)> {
        let entry = self.events.first_entry().filter(|entry| entry.key().0 <= end)?;
        let ((at, _), event) = entry.remove_entry();
        Some((at, event))
    }

    /// Everything put down.
    pub fn events(&self) -> impl Iterator<Item = &E> {
        self.events.values()
    }
}
