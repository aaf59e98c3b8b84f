//! A depositary that has lost its disk is given again what it had.
//!
//! Its store has another name from then on. What it had is read from the own log, from the newest entry down, a parcel at a
//! time and after whatever is new; so what a record says it keeps is true at every moment, and a restart goes on from there.
//! Must never hold an act up: another node keeps each of these entries still.
use crate::domain::body::Body;
use crate::domain::id::{NodeId, StatementId};
use crate::domain::time::Timestamp;
use crate::log::leaf::Audience;
use crate::protocol::limits::{DEPOSIT_BYTES_MAX, DEPOSIT_STATEMENTS_MAX};
use crate::protocol::lodging::{Again, Reading, Sending};
use crate::protocol::mechanism::Mechanism;
use crate::protocol::record::{LogEntry, Record};
use crate::protocol::settings::Instance;
use crate::protocol::{Effect, Node, Work};

impl Node {
    /// A peer says which store it has.
    pub(super) fn heard_of_store(&mut self, node: &NodeId, instance: Instance, work: &mut Work) {
        let is_another = self.state.cursors.get(node).is_some_and(|(known, _)| *known != instance);
        let Some(end) = self.state.lone.end_of(node).filter(|_| is_another) else { return };
        if !Mechanism::DepositAgain.is_on() {
            return;
        }
        // Both in one commit: once the new name is stored nobody would notice any more.
        self.state.cursors.insert(node.clone(), (instance, 0));
        work.commit.push(Record::Cursor { peer: node.clone(), instance, position: 0 });
        self.state.lone.lodged(node.clone(), (end, end));
        work.commit.push(Record::Lodged { with: node.clone(), from: end, upto: end });
    }

    /// Reads the next entries that a depositary is to have again; those of one at a time.
    pub(super) fn read_again(&mut self, node: NodeId, work: &mut Work) {
        let Some((from, upto)) = self.state.lone.owed_to(&node).filter(|_| self.deposits.reading.is_none()) else {
            return;
        };
        let first = upto.saturating_sub(self.deposits.page).max(from);
        self.deposits.reading = Some(Reading { node, first, upto });
        let (to, origin) = (self.settings.node().clone(), self.settings.origin.clone());
        // Half of a parcel: sealing and packing add a little to each.
        work.then.push(Effect::ReadEntries { to, origin, first, bytes_max: DEPOSIT_BYTES_MAX / 2 });
    }

    /// Seals and gives what was read.
    pub(super) fn read_for_depositary(&mut self, first: u64, entries: &[LogEntry], now: Timestamp, work: &mut Work) {
        let Some(reading) = self.deposits.reading.take().filter(|reading| reading.first == first) else { return };
        let Reading { node, upto, .. } = reading;
        let wanted = upto.saturating_sub(first);
        if entries.is_empty() {
            // It cannot be read here either; whoever can be served otherwise is.
            return self.deposit_failed(node, now);
        }
        if (entries.len() as u64) < wanted {
            self.deposits.page = (entries.len() as u64 / 2).max(1);
            return;
        }
        let is_current = self.state.lone.owed_to(&node).is_some_and(|(_, end)| end == upto);
        if !is_current || self.deposits.sending.contains_key(&node) || !self.sync.peers.contains_key(&node) {
            return;
        }
        let range = (first..upto).zip(entries);
        let words: Vec<(u64, StatementId)> = range
            .filter(|(_, entry)| self.is_to_be_kept(entry))
            .map(|(at, entry)| (at, entry.leaf.statement_id()))
            .collect();
        match (words.first(), words.last()) {
            (Some((begins, _)), Some((last, _))) => {
                let again = Some(Again { from: first, last: *last });
                self.deposits.sending.insert(node.clone(), Sending { first: *begins, since: now, again });
                work.then.push(Effect::Lodge(node, words));
            }
            _ => self.given_again(node, &Again { from: first, last: first }, first, work),
        }
    }

    /// Whether an entry of the own log is one that others keep. Of a settled order that is not at hand more than is needed is
    /// given, rather than too little.
    fn is_to_be_kept(&self, entry: &LogEntry) -> bool {
        match &entry.statement {
            _ if entry.leaf.audience() == Audience::Public => false,
            Some(signed) => Body::read(signed).is_ok_and(|body| self.state.is_lone(&body)),
            // It was lost here as well, and has come back since or has not.
            None => !self.state.gaps.contains_key(&entry.leaf.statement_id()),
        }
    }

    /// A depositary has taken part of what it had before, up to an entry. What did not fit goes along with a smaller part.
    pub(super) fn given_again(&mut self, node: NodeId, again: &Again, last: u64, work: &mut Work) {
        if last < again.last {
            self.deposits.page = (self.deposits.page / 2).max(1);
            return;
        }
        self.deposits.page = (self.deposits.page * 2).min(DEPOSIT_STATEMENTS_MAX as u64);
        if let Some(end) = self.state.lone.end_of(&node) {
            self.keeps(node, (again.from, end), work);
        }
    }
}
