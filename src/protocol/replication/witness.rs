//! Witnesses: whoever has followed a log to a checkpoint cosigns it; enough cosignatures make it *witnessed*.
//!
//! Must never cosign what was not extended here from the own last root, and never count a name that is not in the
//! policy.
use std::collections::BTreeSet;

use crate::domain::id::{NodeId, Origin};
use crate::domain::reason::Refusal;
use crate::domain::time::Timestamp;
use crate::log::checkpoint::Checkpoint;
use crate::log::cosignature::{self, Witnesses};
use crate::log::note::{NoteSignature, SignedNote};
use crate::protocol::frame::Frame;
use crate::protocol::limits::{CHECKPOINTS_PENDING_MAX, FRAME_HEADS_MAX};
use crate::protocol::record::Record;
use crate::protocol::{Effect, Node, Work};

/// How many witnesses of the policy have cosigned, and how many are needed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Witnessing {
    /// Cosignatures of witnesses in the policy on the best checkpoint known that covers the entry.
    pub cosigned: usize,
    /// How many the policy asks for.
    pub needed: usize,
}

impl Witnessing {
    /// Counts on checkpoints that cover the entry; the best of them tells.
    pub fn on<'a>(notes: impl IntoIterator<Item = &'a SignedNote>, witnesses: &Witnesses) -> Self {
        let counted = notes.into_iter().map(|note| witnesses.count(note).cosigned.len());
        Self { cosigned: counted.max().unwrap_or(0), needed: witnesses.needed }
    }
}

impl Node {
    /// What the last stream may have swallowed: our cosignature on the peer's log.
    pub(super) fn repeat_cosignatures(&mut self, to: &NodeId, now: Timestamp, work: &mut Work) {
        let theirs = self.state.logs.iter().filter(|(origin, log)| {
            let is_witnessed = log.witnessed.as_ref().is_some_and(|(size, _)| *size == log.tree.size());
            origin.node == *to && **origin != self.settings.origin && !is_witnessed
        });
        let origins: Vec<Origin> = theirs.map(|(origin, _)| origin.clone()).collect();
        for origin in origins {
            self.cosign(&origin, now, work);
        }
    }

    /// Cosigns the checkpoint of a log this node has followed to its end, and gives it to the log's node.
    pub(super) fn cosign(&self, origin: &Origin, now: Timestamp, work: &mut Work) {
        let log = self.state.logs.get(origin);
        let Some((note, size)) = log.and_then(|log| Some((log.note.as_ref()?, log.tree.size()))) else { return };
        let is_complete = Checkpoint::parse(note.text()).is_ok_and(|checkpoint| checkpoint.size == size);
        if !is_complete || !self.sync.peers.contains_key(&origin.node) {
            return;
        }
        if let Some(cosigned) = self.with_own_cosignature(note, now) {
            work.then.push(Effect::Send(origin.node.clone(), Frame::Cosigned { note: cosigned.to_string() }));
        }
    }

    fn with_own_cosignature(&self, note: &SignedNote, now: Timestamp) -> Option<SignedNote> {
        let mut cosigned = note.clone();
        let (name, key) = (self.settings.node().as_str(), self.witness_key()?);
        cosignature::add(&mut cosigned, name, key, now.unix_seconds()).ok()?;
        Some(cosigned)
    }

    /// A checkpoint with cosignatures arrived: of the own log to be gathered, of another to be kept.
    pub(super) fn cosigned(
        &mut self,
        from: &NodeId,
        text: &str,
        now: Timestamp,
        work: &mut Work,
    ) -> Result<(), Refusal> {
        let note = SignedNote::parse(text)?;
        let checkpoint = Checkpoint::parse(note.text())?;
        self.heed_checkpoint(&checkpoint.origin, text, now, work)?;
        if checkpoint.origin == self.settings.origin {
            return self.gather(&note, &checkpoint, now, work);
        }
        let by_its_node = checkpoint.origin.node == *from;
        if by_its_node && self.owes_cosignature(&note, &checkpoint) {
            self.cosign(&checkpoint.origin, now, work);
        }
        let witnessed = |node: &Self| node.state.logs.get(&checkpoint.origin).map_or(0, |log| log.witnessed_size());
        let before = witnessed(self);
        let is_known = self.sync.early_notes.len() < FRAME_HEADS_MAX;
        if self.keep_if_witnessed(&note, &checkpoint, work)? {
            // Checkpoints that bring nothing new must not keep a peer from stalling with what it was asked for.
            if witnessed(self) > before
                && let Some(peer) = self.sync.peers.get_mut(from)
            {
                (peer.delivered_at, peer.stalls) = (now, 0);
            }
            self.settled(&checkpoint.origin, work);
            self.ask_for_more(now, work);
        } else if is_known && checkpoint.origin.federation == self.settings.origin.federation {
            // It may be ahead of the entries it covers, or of the logs that name its witnesses. A log that is followed no
            // further may be vouched for by it.
            let is_refused = self.sync.refused_logs.remove(&checkpoint.origin).is_some();
            self.sync.early_notes.insert(checkpoint.origin, (note, now));
            if is_refused {
                self.ask_for_more(now, work);
            }
        }
        Ok(())
    }

    /// Takes another log's checkpoint if everything it rests on is here; says whether the matter is settled.
    fn keep_if_witnessed(
        &mut self,
        note: &SignedNote,
        checkpoint: &Checkpoint,
        work: &mut Work,
    ) -> Result<bool, Refusal> {
        let origin = &checkpoint.origin;
        let Some(log) = self.state.logs.get(origin) else { return Ok(false) };
        if log.fork.is_some() || !log.would_tell_more(checkpoint.size) {
            return Ok(true);
        }
        if checkpoint.size > log.tree.size() {
            return Ok(false);
        }
        let trust = self.state.registry.log(origin);
        let Some(key) = trust.and_then(|trust| trust.log_key_of(checkpoint.size)) else { return Ok(false) };
        Checkpoint::open(note, origin, key)?;
        let is_same_history = log.tree.root_at(checkpoint.size) == Ok(checkpoint.root);
        if !is_same_history {
            return Ok(false);
        }
        let (good, quorum) = self.witnesses().sift(note);
        if quorum.is_reached() {
            self.keep_witnessed(origin, checkpoint.size, good, work);
        }
        Ok(quorum.is_reached())
    }

    /// After new entries of a log: checkpoints that came before what they cover. Entries of a witness may bring the
    /// key that others waited for.
    pub(super) fn review_early_notes(&mut self, origin: &Origin, work: &mut Work) {
        if self.sync.early_notes.is_empty() {
            return;
        }
        let policy = self.state.registry.newest_root().map(|root| &root.witnesses.nodes);
        let notes = if policy.is_some_and(|nodes| nodes.contains(&origin.node)) {
            std::mem::take(&mut self.sync.early_notes)
        } else {
            self.sync.early_notes.remove_entry(origin).into_iter().collect()
        };
        for (origin, (note, since)) in notes {
            let Ok(checkpoint) = Checkpoint::parse(note.text()) else { continue };
            // One that turns out to be false is forgotten; whoever sent it has said nothing about others.
            match self.keep_if_witnessed(&note, &checkpoint, work) {
                Ok(true) => self.settled(&origin, work),
                Ok(false) => {
                    self.sync.early_notes.insert(origin, (note, since));
                }
                Err(_) => {}
            }
        }
    }

    /// Keeps a checkpoint of which only lines that were found good are left.
    fn keep_witnessed(&mut self, origin: &Origin, size: u64, note: SignedNote, work: &mut Work) {
        work.commit.push(Record::Cosigned { origin: origin.clone(), note: note.to_string() });
        self.state.witnessed(origin, size, note);
    }

    fn is_news(&self, origin: &Origin, size: u64) -> bool {
        let log = self.state.logs.get(origin);
        log.is_some_and(|log| {
            size <= log.tree.size() && log.witnessed.as_ref().is_none_or(|(known, _)| *known < size)
        })
    }

    /// Gathers cosignatures on the own checkpoints.
    fn gather(
        &mut self,
        note: &SignedNote,
        checkpoint: &Checkpoint,
        now: Timestamp,
        work: &mut Work,
    ) -> Result<(), Refusal> {
        let Some(pending) = self.sync.pending_notes.get(&checkpoint.size) else { return Ok(()) };
        if pending.text() != note.text() {
            return Ok(());
        }
        let mut gathered = pending.clone();
        let witnesses = self.witnesses();
        for line in note.signatures() {
            for key in witnesses.keys.get(&line.name).into_iter().flatten() {
                // A line that does not verify is a stranger's business; it is simply not taken.
                let _ = cosignature::merge(&mut gathered, line.clone(), key);
            }
        }
        self.conclude_if_witnessed(checkpoint.size, gathered, now, work);
        Ok(())
    }

    /// Keeps what has been gathered for an own checkpoint, with the own cosignature; the first checkpoint that is
    /// witnessed goes to everyone.
    fn conclude_if_witnessed(&mut self, size: u64, gathered: SignedNote, now: Timestamp, work: &mut Work) {
        let own_line = |line: &NoteSignature| line.name == self.settings.node().as_str();
        let gathered = match gathered.signatures().iter().any(own_line) {
            true => gathered,
            false => self.with_own_cosignature(&gathered, now).unwrap_or(gathered),
        };
        self.sync.pending_notes.insert(size, gathered.clone());
        let witnesses = self.witnesses();
        // The log's own line is among them; fewer lines than that cannot be enough and need not be checked.
        let may_suffice = gathered.signatures().len() > witnesses.needed;
        let origin = self.settings.origin.clone();
        if !may_suffice || !self.is_news(&origin, size) {
            return;
        }
        let (good, quorum) = witnesses.sift(&gathered);
        if !quorum.is_reached() {
            return;
        }
        self.sync.pending_notes = self.sync.pending_notes.split_off(&(size + 1));
        self.keep_witnessed(&origin, size, good, work);
        for peer in self.sync.peers.keys() {
            work.then.push(Effect::Send(peer.clone(), Frame::Cosigned { note: gathered.to_string() }));
        }
    }

    /// Whose cosignatures count.
    pub fn witnesses(&self) -> Witnesses {
        self.state.registry.witnesses().into()
    }

    /// Own checkpoints that wait for cosignatures, by size.
    pub fn pending_notes(&self) -> impl Iterator<Item = (u64, &SignedNote)> {
        self.sync.pending_notes.iter().map(|(size, note)| (*size, note))
    }

    /// Whether a node is a witness by the newest root version.
    pub(super) fn is_witness(&self, node: &NodeId) -> bool {
        self.state.registry.newest_root().is_some_and(|root| root.witnesses.nodes.contains(node))
    }

    /// Whether enough witnesses are known to make a quorum.
    pub(super) fn knows_quorum(&self) -> bool {
        let witnesses = self.witnesses();
        witnesses.keys.len() >= witnesses.needed
    }

    /// Whether a quorum of witnesses has cosigned a checkpoint of a log that is not held here yet. Each of them follows
    /// no log that begins under a root version it knows to be replaced. A witness whose own log is not here yet cannot be
    /// checked; of those that can so many must have signed that an honest one is among them (2k - n of n).
    pub(super) fn is_vouched_for(&self, origin: &Origin) -> bool {
        let Some(policy) = self.state.registry.newest_root().map(|root| &root.witnesses) else { return false };
        let Some((note, _)) = self.sync.early_notes.get(origin) else { return false };
        let witnesses = self.witnesses();
        let good = witnesses.count(note).keys;
        let claims = |node: &&NodeId| note.signatures().iter().any(|line| line.name == node.as_str());
        let unknown = policy.nodes.iter().filter(|node| !witnesses.keys.contains_key(node.as_str()));
        let honest = (2 * witnesses.needed).saturating_sub(policy.nodes.len()).max(1);
        good >= honest && good + unknown.filter(claims).count() >= witnesses.needed
    }

    /// How many witnesses of the policy have cosigned an entry of a log.
    pub fn witnessing(&self, origin: &Origin, index: u64) -> Witnessing {
        let kept = self.state.logs.get(origin).and_then(|log| log.witnessed.as_ref());
        let kept = kept.filter(|(size, _)| *size > index).map(|(_, note)| note);
        let pending = self.sync.pending_notes.range(index.saturating_add(1)..).map(|(_, note)| note);
        let pending = pending.filter(|_| *origin == self.settings.origin);
        Witnessing::on(kept.into_iter().chain(pending), &self.witnesses())
    }

    /// Shows the newest checkpoint to everyone again while it is not witnessed; whoever has followed it and whose
    /// cosignature is not on it answers. A cosignature may have been lost, or have come before its key was known here.
    pub(super) fn ask_for_cosignatures(&mut self, now: Timestamp, work: &mut Work) {
        self.seek_cosignatures(now, work);
        let Some(pending) = self.sync.pending_notes.get(&self.shown_size()) else { return };
        for peer in self.sync.peers.keys() {
            work.then.push(Effect::Send(peer.clone(), Frame::Cosigned { note: pending.to_string() }));
        }
    }

    /// Whether the log's own node still lacks this node's cosignature on a checkpoint that is exactly what is held
    /// here.
    fn owes_cosignature(&self, note: &SignedNote, checkpoint: &Checkpoint) -> bool {
        let held = self.state.logs.get(&checkpoint.origin).map(|log| (log.tree.size(), log.tree.root()));
        let name = self.settings.node().as_str();
        held == Some((checkpoint.size, checkpoint.root)) && note.signatures().iter().all(|line| line.name != name)
    }

    pub(super) fn seek_cosignatures(&mut self, now: Timestamp, work: &mut Work) {
        self.await_cosignatures();
        let size = self.shown_size();
        if let Some(pending) = self.sync.pending_notes.get(&size).cloned() {
            self.conclude_if_witnessed(size, pending, now, work);
        }
    }

    /// Every own checkpoint that leaves this node waits for its cosignatures.
    pub(super) fn await_cosignatures(&mut self) {
        let size = self.shown_size();
        let own = self.state.logs.get(&self.settings.origin).and_then(|log| log.witnessed.as_ref());
        if size == 0 || own.is_some_and(|(known, _)| *known >= size) || self.sync.pending_notes.contains_key(&size) {
            return;
        }
        let Some(note) = self.own_checkpoint() else { return };
        self.sync.pending_notes.insert(size, note);
        while self.sync.pending_notes.len() > CHECKPOINTS_PENDING_MAX {
            self.sync.pending_notes.pop_first();
        }
    }
}

/// How many of these witnesses have put their line on a note.
pub fn lines_of(note: &SignedNote, witnesses: &BTreeSet<&str>) -> usize {
    let names: BTreeSet<&str> = note.signatures().iter().map(|line| line.name.as_str()).collect();
    names.intersection(witnesses).count()
}
