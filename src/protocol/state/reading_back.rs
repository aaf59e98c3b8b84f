//! How what was stored comes back, through the same checks it came in by; where the store has places that cannot be read any
//! more, around those.
use std::collections::BTreeSet;

use crate::domain::body::Body;
use crate::domain::id::{OrderId, Origin};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::Signed;
use crate::log::checkpoint::Checkpoint;
use crate::log::leaf::Audience;
use crate::log::note::SignedNote;
use crate::protocol::frame::DeliveryKey;
use crate::protocol::record::{LogEntry, Record, order_of};
use crate::protocol::state::{State, judge_entry};

impl State {
    /// Takes back what was stored, through the same checks it came in by. Where the store has places that cannot be read any more,
    /// what rests on them does not come back: whoever has it is asked. What nobody else may have waits for that.
    pub fn replay(&mut self, record: Record) -> Result<(), Refusal> {
        if !self.passes_over {
            return self.replay_whole(record);
        }
        let held = |origin: &Origin| self.logs.get(origin).map_or(0, |log| log.tree.size());
        match record {
            Record::Entries { origin, first, entries, .. } if first != held(&origin) => {
                if origin == self.own {
                    self.beyond.put(first, entries);
                }
            }
            Record::Cosigned { ref origin, .. } if record.covers().is_none_or(|(_, size)| size > held(origin)) => {}
            Record::Kept(signed) => {
                if self.keep(signed.clone()).is_err() {
                    self.beyond.wait(signed);
                }
            }
            // Refused for the same reason: an order without its request, a content without its entry.
            record => _ = self.replay_whole(record),
        }
        Ok(())
    }

    /// Judges again what could not be judged when it was read back, because what its keys rest on was passed over. Gives the
    /// orders it belongs to.
    pub fn judge_again(&mut self) -> BTreeSet<OrderId> {
        let mut judged = BTreeSet::new();
        if !self.beyond.is_news() {
            return judged;
        }
        let mut waiting = self.beyond.waiting();
        // The newest first: one that was kept later takes the place of one before.
        waiting.reverse();
        for signed in waiting {
            let is_kept = match self.gaps.contains_key(&signed.id()) {
                true => self.recover(&signed),
                false => self.keep_behind(signed.clone()),
            };
            match is_kept {
                Ok(()) => judged.extend(order_of(&signed)),
                Err(_) => self.beyond.wait(signed),
            }
        }
        self.beyond.reverse();
        judged
    }

    /// The next entries of the own log that stand in the store behind a hole, if they go on where the log ends by now.
    pub(in crate::protocol) fn next_beyond(&mut self) -> Option<Vec<LogEntry>> {
        let size = self.logs.get(&self.own)?.tree.size();
        let (first, mut entries) = self.beyond.next(size)?;
        let is_here = |(at, entry): (u64, &LogEntry)| {
            at >= size || self.place_of(&entry.leaf.statement_id(), &self.own) == Some(at)
        };
        if !(first..).zip(&entries).all(is_here) {
            return None;
        }
        entries.drain(..usize::try_from(size - first).unwrap_or(usize::MAX).min(entries.len()));
        Some(entries)
    }

    fn replay_whole(&mut self, record: Record) -> Result<(), Refusal> {
        match record {
            Record::Entries { origin, first, entries, note } => self.replay_entries(origin, first, entries, &note),
            Record::Cosigned { origin, note } => {
                let note = SignedNote::parse(&note)?;
                let size = Checkpoint::parse(note.text())?.size;
                self.witnessed(&origin, size, note);
                Ok(())
            }
            Record::Kept(signed) => self.keep(signed),
            Record::Recovered(signed) => self.recover(&signed),
            // The node's own business, which alone can tell whether they are its own.
            Record::Checked(_) => Ok(()),
            Record::Delivered { order, attempt, to, message } => {
                let key = DeliveryKey { order, attempt, to, message };
                self.orders.entry(order).or_default().delivered.insert(key);
                Ok(())
            }
            Record::Forked(proof) => {
                let cut = self.check_fork(&proof)?;
                self.cut(*proof, cut);
                Ok(())
            }
            Record::Cursor { peer, instance, position } => {
                self.cursors.insert(peer, (instance, position));
                Ok(())
            }
            Record::Deposited { of, number, sealed } => {
                self.deposits.entry(of).or_default().add(number, &sealed);
                Ok(())
            }
            Record::Lodged { with, from, upto } => {
                self.lone.lodged(with, (from, upto));
                Ok(())
            }
            Record::Bridge { origin, note } => {
                let note = SignedNote::parse(&note)?;
                let size = Checkpoint::parse(note.text())?.size;
                self.log_mut(&origin).keep_bridge(size, note);
                Ok(())
            }
        }
    }

    /// Takes a run of entries back.
    pub(in crate::protocol) fn replay_entries(
        &mut self,
        origin: Origin,
        first: u64,
        entries: Vec<LogEntry>,
        note: &str,
    ) -> Result<(), Refusal> {
        let size = self.logs.get(&origin).map_or(0, |log| log.tree.size());
        if first != size {
            return Err(Refusal::new(Reason::StoreDamaged).with("log", &origin).with("gap", first));
        }
        self.touched(&origin, entries.len() as u64);
        // Taken out only where something may change it: most records of a busy node hold order messages alone.
        let mut taken = None;
        for (index, entry) in (first..).zip(&entries) {
            if let (Audience::Parties, Some(signed)) = (entry.leaf.audience(), &entry.statement) {
                taken.take().into_iter().for_each(|trust| self.put_trust(trust));
                let verified = match self.judge(signed) {
                    Err(_) if self.passes_over => {
                        self.push_entry(&origin, index, entry);
                        self.gaps.insert(signed.id(), index);
                        self.beyond.wait(signed.clone());
                        continue;
                    }
                    judged => judged?,
                };
                self.push_entry(&origin, index, entry);
                self.note_if_lone(&verified, index);
                let (id, placed) = (verified.id(), self.place(verified));
                if self.passes_over && placed.is_err() {
                    self.gaps.insert(id, index);
                } else {
                    placed?;
                }
                continue;
            }
            let trust = taken.get_or_insert_with(|| self.trust_of(&origin));
            let judged = judge_entry(trust, entry, index);
            self.push_entry(&origin, index, entry);
            self.note_gap(&origin, index, entry);
            self.admit(&origin, index, judged);
        }
        taken.into_iter().for_each(|trust| self.put_trust(trust));
        let is_foreign = || self.registry.log(&origin).is_none_or(|trust| trust.root().is_none());
        if first == 0 && origin == self.own && is_foreign() {
            return Err(Refusal::new(Reason::StoreForeign).with("log", &origin).with("root", self.anchor));
        }
        if !note.is_empty() {
            self.replace_note(&origin, SignedNote::parse(note)?);
        }
        Ok(())
    }

    /// Remembers that the content of an entry of the own log is not here, where that is so.
    pub(in crate::protocol) fn note_gap(&mut self, origin: &Origin, index: u64, entry: &LogEntry) {
        if *origin == self.own && entry.leaf.audience() == Audience::Parties && entry.statement.is_none() {
            self.gaps.insert(entry.leaf.statement_id(), index);
        }
    }

    /// Takes back the content of an entry of the own log, and places what fits by now, in the order of the log.
    pub fn recover(&mut self, signed: &Signed) -> Result<(), Refusal> {
        let id = signed.id();
        let index = self.gaps.get(&id).copied().ok_or_else(|| Refusal::new(Reason::LeafInvalid).with("id", id))?;
        let verified = self.judge(signed)?;
        self.gaps.remove(&id);
        self.note_if_lone(&verified, index);
        self.recovered.insert(index, verified);
        let mut waiting = std::mem::take(&mut self.recovered);
        loop {
            let before = waiting.len();
            waiting.retain(|_, verified| self.place(verified.clone()).is_err());
            if waiting.len() == before {
                break;
            }
        }
        self.recovered = waiting;
        Ok(())
    }

    /// Keeps a statement outside the log: a receipt, or a message that contradicts one already held.
    pub fn keep(&mut self, signed: Signed) -> Result<(), Refusal> {
        match self.judge(&signed)?.body() {
            Body::Receipt(receipt) => {
                let known = self.orders.entry(receipt.order).or_default();
                known.receipts.insert((receipt.message, receipt.from.clone()), signed);
            }
            body => self.keep_contradiction(body, signed),
        }
        Ok(())
    }

    /// The same of one that was kept before what is known by now.
    fn keep_behind(&mut self, signed: Signed) -> Result<(), Refusal> {
        match self.judge(&signed)?.body() {
            Body::Receipt(receipt) => {
                let known = self.orders.entry(receipt.order).or_default();
                known.receipts.entry((receipt.message, receipt.from.clone())).or_insert(signed);
            }
            body => self.keep_contradiction(body, signed),
        }
        Ok(())
    }

    fn keep_contradiction(&mut self, body: &Body, signed: Signed) {
        let Some((order, _)) = body.order() else { return };
        let order = self.orders.entry(order).or_default();
        if !order.contradictions.iter().any(|known| known.id() == signed.id()) {
            order.contradictions.push(signed);
        }
    }
}
