//! What only this node holds: words of the organisations hosted here that no other node gets by the course of an order.
//!
//! It follows from the own log and from what depositaries have receipted, so a restart knows it again.
use std::collections::BTreeMap;

use crate::domain::id::{Hash, NodeId, StatementId, sha256};
use crate::domain::reason::{Reason, Refusal};
use crate::protocol::limits::{DEPOSIT_COPIES, DEPOSITED_BYTES_MAX};

/// Entries of the own log of which too few other nodes keep a deposit.
#[derive(Clone, Debug, Default)]
pub struct Lone {
    is_on: bool,
    words: BTreeMap<u64, StatementId>,
    /// From where up to where each depositary has everything in `words`.
    kept: BTreeMap<NodeId, (u64, u64)>,
    /// From where on a depositary that has lost its disk is to be given again what it had, up to where `kept` begins.
    owed: BTreeMap<NodeId, u64>,
}

impl Lone {
    /// Takes note of them from now on. Where nothing is deposited the list would only grow.
    pub fn switch(&mut self, is_on: bool) {
        self.is_on = is_on;
    }

    /// Whether it takes note.
    pub(super) fn is_on(&self) -> bool {
        self.is_on
    }

    /// An entry that only this node holds.
    pub(super) fn note(&mut self, index: u64, id: StatementId) {
        if self.is_on {
            self.words.insert(index, id);
        }
    }

    /// A depositary has everything in this range, or nothing any more if the range is empty. What enough of them have is no
    /// longer alone.
    pub(super) fn lodged(&mut self, with: NodeId, (from, upto): (u64, u64)) {
        if from == upto {
            return self.lost(with, upto);
        }
        self.owed.retain(|node, owed| *node != with || *owed < from);
        let before = self.kept.insert(with.clone(), (from, upto));
        let new =
            before.filter(|before| before.0 <= from).map_or(from, |before| before.1.clamp(from, upto.max(from)));
        let between = self.words.range(new..upto.max(new)).map(|(at, _)| *at);
        let done: Vec<u64> = between.filter(|at| self.is_kept(*at)).collect();
        for index in done {
            self.words.remove(&index);
        }
    }

    /// Whether enough depositaries have said that they keep this entry, if it is one that others keep.
    pub(super) fn is_kept(&self, index: u64) -> bool {
        self.kept.values().filter(|(from, upto)| (*from..*upto).contains(&index)).count() >= DEPOSIT_COPIES
    }

    fn lost(&mut self, with: NodeId, upto: u64) {
        let had = self.kept.insert(with.clone(), (upto, upto)).map_or(upto, |(from, _)| from);
        let owed = self.owed.get(&with).map_or(had, |owed| had.min(*owed));
        if owed < upto {
            self.owed.insert(with, owed);
        }
    }

    /// The end of what a depositary had; none if that was nothing.
    pub(super) fn end_of(&self, node: &NodeId) -> Option<u64> {
        self.kept.get(node).filter(|(from, upto)| from < upto || self.owed.contains_key(node)).map(|(_, upto)| *upto)
    }

    /// From where up to where a depositary that has lost its disk is still to be given again what it had.
    pub(super) fn owed_to(&self, node: &NodeId) -> Option<(u64, u64)> {
        Some((*self.owed.get(node)?, self.kept.get(node)?.0))
    }

    /// Those who have lost their disk, and are still to be given something again.
    pub fn owed(&self) -> impl Iterator<Item = &NodeId> {
        self.owed.keys()
    }

    /// Whether every entry there ever was is with enough others.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// How many entries wait.
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// The first entry that fewer than so many others have.
    pub fn first_below(&self, copies: usize) -> Option<u64> {
        match copies {
            0 => None,
            1 => self.first_uncovered(),
            _ => self.words.keys().next().copied(),
        }
    }

    fn first_uncovered(&self) -> Option<u64> {
        let mut at = 0;
        loop {
            let index = *self.words.range(at..).next()?.0;
            let beyond =
                self.kept.values().filter(|(from, upto)| (*from..*upto).contains(&index)).map(|(_, upto)| *upto);
            match beyond.max() {
                Some(beyond) => at = beyond,
                None => return Some(index),
            }
        }
    }

    /// What a depositary does not have yet, in the order of the log; not what it is given again.
    pub fn open_for(&self, node: &NodeId) -> impl Iterator<Item = (u64, StatementId)> {
        let (from, upto) = self.kept.get(node).copied().unwrap_or((0, 0));
        let below = if self.owed.contains_key(node) { 0 } else { from };
        self.words.range(..below).chain(self.words.range(upto.max(from)..)).map(|(index, id)| (*index, *id))
    }

    /// What a depositary has once it has taken its next entries, from the first to the last of them.
    pub fn range_after(&self, node: &NodeId, first: u64, last: u64) -> (u64, u64) {
        let end = last.saturating_add(1);
        match self.kept.get(node) {
            Some((from, upto)) if last >= *from => (first.min(*from), end.max(*upto)),
            _ => (first, end),
        }
    }
}

/// What a depositary holds of one node.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Held {
    /// How many parcels there ever were.
    pub count: u64,
    /// How many bytes they have together.
    pub bytes: u64,
    /// The newest, so that the same again is not kept twice.
    newest: Option<Hash>,
}

impl Held {
    /// Takes one more into account.
    pub(super) fn add(&mut self, number: u64, sealed: &[u8]) {
        // One before it may be lost.
        self.count = number.saturating_add(1).max(self.count);
        self.bytes = self.bytes.saturating_add(sealed.len() as u64);
        self.newest = Some(Hash(sha256(sealed)));
    }

    /// Whether this is what came last: its depositor did not get the answer.
    pub(super) fn is_newest(&self, sealed: &[u8]) -> bool {
        self.newest == Some(Hash(sha256(sealed)))
    }

    /// A depositary bounds what it keeps for one node.
    pub(super) fn check_room(&self, more: usize) -> Result<(), Refusal> {
        if self.bytes.saturating_add(more as u64) <= DEPOSITED_BYTES_MAX {
            return Ok(());
        }
        Err(Refusal::new(Reason::DepositLimit).with("bytes", self.bytes).with("limit", DEPOSITED_BYTES_MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str) -> NodeId {
        name.parse().expect("a name")
    }

    fn lone(indices: &[u64]) -> Lone {
        let mut lone = Lone::default();
        lone.switch(true);
        indices.iter().for_each(|index| lone.note(*index, StatementId([*index as u8; 32])));
        lone
    }

    fn lodge(lone: &mut Lone, with: &str, count: usize) {
        let taken: Vec<u64> = lone.open_for(&node(with)).take(count).map(|(index, _)| index).collect();
        let (Some(first), Some(last)) = (taken.first(), taken.last()) else { return };
        let range = lone.range_after(&node(with), *first, *last);
        lone.lodged(node(with), range);
    }

    #[test]
    fn only_what_two_others_have_is_no_longer_alone() {
        let mut lone = lone(&[3, 5, 9]);
        lodge(&mut lone, "a", 2);
        assert_eq!((lone.first_below(1), lone.first_below(2), lone.len()), (Some(9), Some(3), 3));
        lodge(&mut lone, "b", 1);
        assert_eq!((lone.first_below(2), lone.len()), (Some(5), 2));
        lodge(&mut lone, "a", 9);
        assert_eq!((lone.first_below(1), lone.first_below(2)), (None, Some(5)));
        // Another takes the place of one that is away: it gets what is still alone, and that will do.
        lodge(&mut lone, "c", 9);
        assert!(lone.is_empty());
        lone.note(12, StatementId([12; 32]));
        for with in ["a", "b", "c"] {
            assert_eq!(lone.open_for(&node(with)).map(|(index, _)| index).collect::<Vec<_>>(), [12], "{with}");
        }
    }

    #[test]
    fn what_comes_back_below_what_a_depositary_has_is_given_to_it_too() {
        let mut lone = lone(&[7]);
        lodge(&mut lone, "a", 9);
        lone.note(2, StatementId([2; 32]));
        lone.note(4, StatementId([4; 32]));
        lodge(&mut lone, "a", 1);
        assert_eq!(lone.open_for(&node("a")).map(|(index, _)| index).collect::<Vec<_>>(), [4, 7], "no false claim");
        lodge(&mut lone, "a", 9);
        assert_eq!((lone.open_for(&node("a")).count(), lone.first_below(1)), (0, None));
    }

    #[test]
    fn a_depositary_that_lost_its_disk_is_owed_what_it_had_from_the_newest_down() {
        let mut lone = lone(&[3, 5, 9]);
        for with in ["a", "b"] {
            lodge(&mut lone, with, 9);
        }
        let (a, unheard) = (node("a"), node("c"));
        assert_eq!((lone.end_of(&a), lone.end_of(&unheard), lone.owed_to(&a)), (Some(10), None, None));
        lone.lodged(a.clone(), (10, 10));
        assert_eq!(lone.owed_to(&a), Some((3, 10)));
        // What is new comes first, and takes nothing from what is owed.
        lone.note(12, StatementId([12; 32]));
        lodge(&mut lone, "a", 9);
        assert_eq!(lone.owed_to(&a), Some((3, 10)));
        lone.lodged(a.clone(), (6, 13));
        assert_eq!(lone.owed_to(&a), Some((3, 6)));
        // It loses its disk again before it has everything.
        lone.lodged(a.clone(), (13, 13));
        assert_eq!(lone.owed_to(&a), Some((3, 13)));
        lone.lodged(a.clone(), (3, 13));
        assert_eq!((lone.owed_to(&a), lone.owed().count(), lone.end_of(&a)), (None, 0, Some(13)));
    }

    #[test]
    fn where_nothing_is_deposited_nothing_is_remembered() {
        let mut lone = Lone::default();
        lone.note(1, StatementId([1; 32]));
        assert!(lone.is_empty() && lone.first_below(2).is_none());
    }

    #[test]
    fn a_depositary_takes_so_much_and_no_more() {
        let full = Held { count: 1, bytes: DEPOSITED_BYTES_MAX - 10, newest: None };
        assert_eq!(full.check_room(10), Ok(()));
        assert_eq!(full.check_room(11).expect_err("one too many").reason, Reason::DepositLimit);
    }
}
