//! The own log, as others know it. A store that was restored from a backup is shorter than what its node has signed;
//! going on from there would be a second history. So a node that starts asks its peers first, takes back what it
//! lacks, and signs nothing until then.
use std::collections::BTreeSet;

use crate::domain::body::Body;
use crate::domain::id::NodeId;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::signing::SecretKey;
use crate::domain::statement::{Kind, Signed};
use crate::domain::time::Timestamp;
use crate::domain::trust::NodeRecord;
use crate::log::checkpoint::Checkpoint;
use crate::log::note::SignedNote;
use crate::protocol::limits::OWN_LOG_WAIT_MS;
use crate::protocol::mechanism::Mechanism;
use crate::protocol::record::Record;
use crate::protocol::{Node, Work};

impl Node {
    /// Whether anything may be appended to the own log.
    pub fn check_may_sign(&self) -> Result<(), Refusal> {
        if !self.sync.own.is_known && Mechanism::BackupCheck.is_on() {
            let refusal = Refusal::new(Reason::CatchingUp).with("heard", self.sync.own.heard.len());
            return Err(refusal.with("size", self.own_size()).with("longest", self.sync.own.longest));
        }
        match self.state.logs.get(&self.settings.origin).and_then(|log| log.cut()) {
            Some(cut) => Err(Refusal::new(Reason::LogCut).with("log", &self.settings.origin).with("size", cut)),
            None => Ok(()),
        }
    }

    /// How many peers must be heard. A checkpoint of the own log that is witnessed was cosigned by a quorum, and so
    /// many witnesses meet every quorum. A store that was restored may lack what was not witnessed yet, so all are
    /// heard that come in time. Nobody is asked where the operator answers for it or nobody is known.
    fn own_log_needs(&self, now: Timestamp) -> usize {
        let others = self.others().len();
        if self.settings.alone || others == 0 {
            return 0;
        }
        if self.sync.own.patience.is_some_and(|until| now >= until) {
            return 1;
        }
        let policy = self.state.registry.newest_root().map(|root| &root.witnesses);
        let meets_every_quorum =
            policy.map_or(1, |policy| (policy.nodes.len() + 1).saturating_sub(policy.quorum as usize));
        if self.sync.own.is_restored { others } else { meets_every_quorum.clamp(1, others) }
    }

    /// The other nodes this one could ask.
    fn others(&self) -> BTreeSet<&NodeId> {
        let known = self.state.logs.keys().map(|origin| &origin.node);
        known.chain(&self.settings.anchors).filter(|node| *node != self.settings.node()).collect()
    }

    /// The newest checkpoint of another node's log that is held here, to remind it.
    pub(super) fn newest_note_of(&self, node: &NodeId) -> Option<String> {
        let logs = self.state.logs.iter().filter(|(origin, _)| origin.node == *node);
        let note = logs.max_by_key(|(origin, _)| origin.epoch).and_then(|(_, log)| log.note.as_ref());
        note.map(|note| note.without_cosignatures().to_string())
    }

    /// A peer has said which checkpoint of the own log it holds. Only one with the own signature counts.
    pub(super) fn own_log_known(
        &mut self,
        from: &NodeId,
        note: Option<String>,
        now: Timestamp,
        work: &mut Work,
    ) -> Result<(), Refusal> {
        let origin = self.settings.origin.clone();
        if let Some(text) = note {
            let note = SignedNote::parse(&text)?;
            // By whichever of the own log keys: a restored store may not know of the last change yet, and of a key that
            // was lost the log still knows the public half.
            let claimed = Checkpoint::parse(note.text())?.size;
            let known = self.state.registry.log(&origin).and_then(|log| log.log_key_of(claimed)).cloned();
            let keys = self.keys.log.iter().map(SecretKey::public).chain(known);
            let mut opened = keys.map(|key| Checkpoint::open(&note, &origin, &key));
            if let Some(checkpoint) = opened.find_map(Result::ok) {
                self.heed_checkpoint(&origin, &text, now, work)?;
                self.sync.own.longest = self.sync.own.longest.max(checkpoint.size);
                // Something signed with the own key is not here. Going on would be a second history.
                self.sync.own.is_known &= checkpoint.size <= self.own_size();
            }
        }
        self.sync.own.heard.insert(from.clone());
        self.review_own(now, work);
        Ok(())
    }

    /// At the start.
    pub(in crate::protocol) fn begin_own(&mut self, now: Timestamp, work: &mut Work) {
        self.sync.own.is_restored = self.settings.is_new_store || self.state.passes_over;
        self.sync.own.patience = Some(now.plus_ms(OWN_LOG_WAIT_MS));
        self.review_own(now, work);
    }

    /// When waiting for further peers ends.
    pub(super) fn own_due(&self) -> Option<Timestamp> {
        self.sync.own.patience.filter(|_| !self.sync.own.is_known)
    }

    /// The node may sign from the moment on at which it holds all of its log that enough others know.
    pub(in crate::protocol) fn review_own(&mut self, now: Timestamp, work: &mut Work) {
        let own = &self.sync.own;
        if own.is_known || own.heard.len() < self.own_log_needs(now) || self.own_size() < own.longest {
            return;
        }
        self.sync.own.is_known = true;
        self.go_on_beyond_holes(work);
        self.note_lost_store();
        work.touched.append(&mut self.sync.own.waiting);
        if self.settings.alone && !self.others().is_empty() {
            self.say_that_nobody_was_asked(now, work);
        }
        self.replace_lost_tls_key(work);
        self.publish_tariffs(work);
    }

    /// What the store has of the own log behind places that cannot be read goes on where the log ends for the others: they were
    /// shown no more, and it was said all the same. Stored again, so that the next start finds it in its place.
    fn go_on_beyond_holes(&mut self, work: &mut Work) {
        let (origin, from) = (self.settings.origin.clone(), self.own_size());
        while let Some(entries) = self.state.next_beyond() {
            let first = self.own_size();
            if self.state.replay_entries(origin.clone(), first, entries.clone(), "").is_err() {
                debug_assert!(false, "what was passed over is a gap, and no mistake");
                break;
            }
            self.sync.arrived(&origin, first, None);
            work.commit.push(Record::Entries { origin: origin.clone(), first, entries, note: String::new() });
        }
        if self.own_size() > from {
            self.checkpoint = None;
            self.look_in_own_store(from, work);
            work.touched.extend(self.state.orders.keys());
        }
    }

    /// Everyone may see that this start was on the operator's word alone.
    fn say_that_nobody_was_asked(&mut self, now: Timestamp, work: &mut Work) {
        let origin = self.settings.origin.clone();
        let trust = self.state.trust_of(&origin);
        let Some((_, record)) = trust.node_record() else { return };
        let record = NodeRecord { alone_since: Some(now), ..record.clone() };
        let Ok(key) = self.statement_key(&record.operator) else { return };
        let signed = Signed::sign(&Kind::NodeRecord, &record, &[key]);
        if let Ok(verified) = trust.judge(&signed, self.own_size()) {
            debug_assert!(matches!(verified.body(), Body::NodeRecord(_)));
            self.append(verified, work);
        }
    }
}
