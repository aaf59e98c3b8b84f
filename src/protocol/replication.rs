//! Replication: log suffixes move to whoever lacks them; whoever has checked a suffix cosigns it.
//!
//! A peer is a courier. What it says about heads only starts an exchange; entries count under the log key's
//! checkpoint, bodies under their signers' keys. One bad record is refused alone; a courier that changed bytes loses
//! its stream.
use std::collections::BTreeMap;

use crate::domain::body::Body;
use crate::domain::id::{Hash, NodeId, Origin, StatementId};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::signing::PublicKey;
use crate::domain::statement::Verified;
use crate::domain::time::Timestamp;
use crate::domain::trust::LogTrust;
use crate::log::checkpoint::Checkpoint;
use crate::log::cosignature::{self, Quorum};
use crate::log::leaf::Audience;
use crate::log::merkle::{Tree, leaf_hash, verify_consistency};
use crate::log::note::{NoteSignature, SignedNote};
use crate::protocol::frame::{Frame, Head};
use crate::protocol::limits::{CHECKPOINTS_PENDING_MAX, FRAME_ENTRIES_MAX, FRAME_HEADS_MAX, PING_MS, SPREAD_MS};
use crate::protocol::record::{LogEntry, Record};
use crate::protocol::state::judge_entry;
use crate::protocol::{Effect, Node, Work};

/// A peer with an open stream.
#[derive(Clone, Debug, Default)]
pub struct Peer {
    /// Size of this node's log that has been sent on this stream; what is lost on the way is found by the next ping.
    sent_own: u64,
    /// When something last arrived.
    pub heard_at: Timestamp,
}

/// The judgement of one entry; none for entries that are not ours to read.
type Judged = Option<Result<Verified<Body>, Refusal>>;

impl Node {
    pub(super) fn peer_up(&mut self, node: NodeId, now: Timestamp, work: &mut Work) {
        let hello = Frame::Hello {
            anchor: self.settings.anchor,
            node: self.settings.node().clone(),
            digest: self.state.fresh_digest(),
        };
        self.peers.insert(node.clone(), Peer { sent_own: 0, heard_at: now });
        work.then.push(Effect::Send(node.clone(), hello));
        self.outbox_awake(&node, now, work);
    }

    pub(super) fn peer_down(&mut self, node: &NodeId) {
        self.peers.remove(node);
    }

    pub(super) fn frame(&mut self, from: &NodeId, frame: Frame, now: Timestamp, work: &mut Work) {
        // The two sides of a stream learn of it one after the other; a hello says that it is open.
        if matches!(frame, Frame::Hello { .. }) && !self.peers.contains_key(from) {
            self.peer_up(from.clone(), now, work);
        }
        let Some(peer) = self.peers.get_mut(from) else { return };
        peer.heard_at = now;
        let result = match frame {
            Frame::Hello { anchor, node, digest } => self.hello(from, anchor, &node, digest, now, work),
            Frame::Heads { heads, answer } => self.heads(from, heads, answer, work),
            Frame::Ping { digest } => {
                if digest != self.state.fresh_digest() {
                    self.send_heads(from, true, work);
                }
                Ok(())
            }
            Frame::Want { origin, first } => {
                self.send_from(from, origin, first, work);
                Ok(())
            }
            Frame::Entries { origin, first, entries, note, consistency } => {
                self.entries(from, &origin, first, entries, &note, &consistency, now, work)
            }
            Frame::Cosigned { note } => self.cosigned(from, &note, now, work),
            Frame::Bye { .. } => {
                self.peers.remove(from);
                Ok(())
            }
        };
        if let Err(refusal) = result {
            self.peers.remove(from);
            work.then.push(Effect::Send(from.clone(), Frame::Bye { reason: refusal.reason.code().to_owned() }));
            work.then.push(Effect::Disconnect(from.clone(), refusal));
        }
    }

    fn hello(
        &mut self,
        from: &NodeId,
        anchor: StatementId,
        node: &NodeId,
        digest: Hash,
        now: Timestamp,
        work: &mut Work,
    ) -> Result<(), Refusal> {
        if anchor != self.settings.anchor {
            return Err(Refusal::new(Reason::RootUnknown).with("found", anchor));
        }
        if node != from {
            return Err(Refusal::new(Reason::PeerUnknown).with("node", node));
        }
        if digest != self.state.fresh_digest() {
            self.send_heads(from, false, work);
        }
        self.repeat_cosignatures(from, now, work);
        Ok(())
    }

    /// What the last stream may have swallowed: our cosignature on the peer's log, and the witnessed checkpoint of
    /// ours. Digests are over heads, so no comparison would ever find either missing.
    fn repeat_cosignatures(&mut self, to: &NodeId, now: Timestamp, work: &mut Work) {
        let theirs = self.state.logs.iter().filter(|(origin, log)| {
            let is_witnessed = log.witnessed.as_ref().is_some_and(|(size, _)| *size == log.tree.size());
            origin.node == *to && **origin != self.settings.origin && !is_witnessed
        });
        let origins: Vec<Origin> = theirs.map(|(origin, _)| origin.clone()).collect();
        for origin in origins {
            self.cosign(&origin, now, work);
        }
        let own = self.state.logs.get(&self.settings.origin).and_then(|log| log.witnessed.as_ref());
        if let Some((_, note)) = own {
            work.then.push(Effect::Send(to.clone(), Frame::Cosigned { note: note.to_string() }));
        }
    }

    fn send_heads(&self, to: &NodeId, answer: bool, work: &mut Work) {
        let heads = self.state.heads();
        work.then.push(Effect::Send(to.clone(), Frame::Heads { heads, answer }));
    }

    /// The side that is ahead pushes; the other waits for it.
    fn heads(&mut self, from: &NodeId, theirs: Vec<Head>, answer: bool, work: &mut Work) -> Result<(), Refusal> {
        if theirs.len() > FRAME_HEADS_MAX {
            return Err(Refusal::new(Reason::FrameInvalid).with("heads", theirs.len()));
        }
        let theirs: BTreeMap<&Origin, u64> = theirs.iter().map(|head| (&head.origin, head.size)).collect();
        let ahead: Vec<(Origin, u64)> = self
            .state
            .logs
            .iter()
            .filter_map(|(origin, log)| {
                let known = theirs.get(origin).copied().unwrap_or(0);
                (log.tree.size() > known).then(|| (origin.clone(), known))
            })
            .collect();
        for (origin, first) in ahead {
            self.send_from(from, origin, first, work);
        }
        if answer {
            self.send_heads(from, false, work);
        }
        Ok(())
    }

    fn send_from(&mut self, to: &NodeId, origin: Origin, first: u64, work: &mut Work) {
        let Some(log) = self.state.logs.get(&origin) else { return };
        let size = log.tree.size();
        if log.forked.is_some() || first >= size {
            return;
        }
        if origin == self.settings.origin
            && let Some(peer) = self.peers.get_mut(to)
        {
            peer.sent_own = size;
        }
        work.then.push(Effect::SendEntries { to: to.clone(), origin, first });
    }

    /// Frames entries read from the store, with the checkpoint they stand under and the proof that they do.
    /// Confidential statements stay here: others get the leaf only.
    ///
    /// The checkpoint covers everything this node has appended, so whatever its steps have asked to commit must be
    /// durable by now.
    pub fn entries_frame(
        &mut self,
        origin: &Origin,
        first: u64,
        mut entries: Vec<LogEntry>,
    ) -> Result<Frame, Refusal> {
        entries.iter_mut().for_each(withhold_confidential);
        let note = if *origin == self.settings.origin {
            self.await_cosignatures();
            self.own_checkpoint()
        } else {
            let log = self.state.logs.get(origin);
            log.and_then(|log| log.note.clone()).ok_or_else(|| Refusal::new(Reason::LogGap).with("log", origin))?
        };
        let covered = Checkpoint::parse(note.text())?.size;
        let until = first + entries.len() as u64;
        let log = self.state.logs.get(origin).ok_or_else(|| Refusal::new(Reason::LogGap).with("log", origin))?;
        // A replica in the middle of a catch-up holds fewer entries than its checkpoint covers; it cannot prove the
        // rest yet and leaves serving to those who can.
        let consistency = if until == covered { Vec::new() } else { log.tree.consistency_proof(until, covered)? };
        Ok(Frame::Entries { origin: origin.clone(), first, entries, note: note.to_string(), consistency })
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one frame, its sender, and where the step goes")]
    fn entries(
        &mut self,
        from: &NodeId,
        origin: &Origin,
        first: u64,
        mut entries: Vec<LogEntry>,
        note_text: &str,
        consistency: &[Hash],
        now: Timestamp,
        work: &mut Work,
    ) -> Result<(), Refusal> {
        if entries.len() > FRAME_ENTRIES_MAX || origin.federation != self.settings.origin.federation {
            return Err(Refusal::new(Reason::FrameInvalid).with("log", origin).with("entries", entries.len()));
        }
        let size = self.state.logs.get(origin).map_or(0, |log| log.tree.size());
        if self.state.logs.get(origin).is_some_and(|log| log.forked.is_some()) || *origin == self.settings.origin {
            return Ok(());
        }
        if first > size {
            work.then.push(Effect::Send(from.clone(), Frame::Want { origin: origin.clone(), first: size }));
            return Ok(());
        }
        let known = usize::try_from(size - first).unwrap_or(usize::MAX);
        if known >= entries.len() {
            return Ok(());
        }
        entries.drain(..known);
        check_leaves(&entries)?;
        entries.iter_mut().for_each(withhold_confidential);
        let note = SignedNote::parse(note_text)?;
        let until = size + entries.len() as u64;
        let (trust, judged) = self.check_suffix(origin, &entries, &note, consistency)?;
        for ((index, entry), judged) in (size..).zip(&entries).zip(judged) {
            self.state.note_leaf(origin, index, &entry.leaf);
            self.state.admit(origin, index, judged);
        }
        self.state.registry.put(trust);
        self.state.log_mut(origin).note = Some(note.clone());
        work.commit.push(Record::Entries {
            origin: origin.clone(),
            first: size,
            entries,
            note: note_text.to_owned(),
        });
        if Checkpoint::parse(note.text())?.size == until {
            self.cosign(origin, now, work);
        }
        self.review_early_notes(work);
        Ok(())
    }

    /// Checks a suffix against the log's checkpoint, then its bodies against the log's own trust. The tree keeps the
    /// new leaves only if all is well.
    fn check_suffix(
        &mut self,
        origin: &Origin,
        entries: &[LogEntry],
        note: &SignedNote,
        consistency: &[Hash],
    ) -> Result<(LogTrust, Vec<Judged>), Refusal> {
        let log = self.state.logs.get_mut(origin);
        let mut tree = log.map(|log| std::mem::take(&mut log.tree)).unwrap_or_default();
        let size = tree.size();
        entries.iter().for_each(|entry| tree.push(leaf_hash(entry.leaf.as_bytes())));
        let result = judge_suffix(self.state.trust_of(origin), size, entries, &tree, note, consistency);
        if result.is_err() {
            tree.truncate(size);
        }
        // A log that begins with a mistake does not begin.
        if tree.size() > 0 {
            self.state.log_mut(origin).tree = tree;
        }
        result
    }

    /// Cosigns the checkpoint of a log this node has followed to its end, and gives it to the log's node.
    fn cosign(&self, origin: &Origin, now: Timestamp, work: &mut Work) {
        let log = self.state.logs.get(origin);
        let Some((note, size)) = log.and_then(|log| Some((log.note.as_ref()?, log.tree.size()))) else { return };
        let is_complete = Checkpoint::parse(note.text()).is_ok_and(|checkpoint| checkpoint.size == size);
        if !is_complete || !self.peers.contains_key(&origin.node) {
            return;
        }
        if let Some(cosigned) = self.with_own_cosignature(note, now) {
            work.then.push(Effect::Send(origin.node.clone(), Frame::Cosigned { note: cosigned.to_string() }));
        }
    }

    fn with_own_cosignature(&self, note: &SignedNote, now: Timestamp) -> Option<SignedNote> {
        let mut cosigned = note.clone();
        let (name, key) = (self.settings.node().as_str(), &self.keys.witness);
        let line = cosignature::cosign(note, name, key, now.unix_seconds()).ok()?;
        cosignature::merge(&mut cosigned, line, &key.public()).ok()?;
        Some(cosigned)
    }

    /// A checkpoint with cosignatures arrived: of the own log to be gathered, of another to be kept.
    fn cosigned(&mut self, from: &NodeId, text: &str, now: Timestamp, work: &mut Work) -> Result<(), Refusal> {
        let note = SignedNote::parse(text)?;
        let checkpoint = Checkpoint::parse(note.text())?;
        if checkpoint.origin == self.settings.origin {
            return self.gather(&note, &checkpoint, now, work);
        }
        let by_its_node = checkpoint.origin.node == *from;
        if by_its_node && self.owes_cosignature(&note, &checkpoint) {
            self.cosign(&checkpoint.origin, now, work);
        }
        if !self.keep_if_witnessed(&note, &checkpoint, work)? && by_its_node {
            // It may be ahead of the entries it covers, or of the logs that name its witnesses.
            self.early_notes.insert(from.clone(), note);
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
        let known = self.state.logs.get(origin).and_then(|log| log.witnessed.as_ref());
        if known.is_some_and(|(size, _)| *size >= checkpoint.size) {
            return Ok(true);
        }
        let Some(key) = self.state.registry.log(origin).and_then(LogTrust::log_key) else { return Ok(false) };
        Checkpoint::open(note, origin, key)?;
        let held = self.state.logs.get(origin).map_or(0, |log| log.tree.size());
        if checkpoint.size > held || !self.is_witnessed(note) {
            return Ok(false);
        }
        self.check_same_history(checkpoint)?;
        self.keep_witnessed(origin, checkpoint.size, note.clone(), work);
        Ok(true)
    }

    /// After new entries: checkpoints that came before what they cover.
    fn review_early_notes(&mut self, work: &mut Work) {
        for (node, note) in std::mem::take(&mut self.early_notes) {
            let Ok(checkpoint) = Checkpoint::parse(note.text()) else { continue };
            // One that turns out to be false is forgotten; whoever sent it has said nothing about others.
            if let Ok(false) = self.keep_if_witnessed(&note, &checkpoint, work) {
                self.early_notes.insert(node, note);
            }
        }
    }

    fn is_news(&self, origin: &Origin, size: u64) -> bool {
        let log = self.state.logs.get(origin);
        log.is_some_and(|log| {
            size <= log.tree.size() && log.witnessed.as_ref().is_none_or(|(known, _)| *known < size)
        })
    }

    fn check_same_history(&self, checkpoint: &Checkpoint) -> Result<(), Refusal> {
        let log = self.state.logs.get(&checkpoint.origin);
        match log.map(|log| log.tree.root_at(checkpoint.size)).transpose()? {
            Some(root) if root == checkpoint.root => Ok(()),
            _ => Err(Refusal::new(Reason::LogFork).with("log", &checkpoint.origin).with("size", checkpoint.size)),
        }
    }

    fn keep_witnessed(&mut self, origin: &Origin, size: u64, note: SignedNote, work: &mut Work) {
        work.commit.push(Record::Cosigned { origin: origin.clone(), note: note.to_string() });
        self.state.log_mut(origin).witnessed = Some((size, note));
    }

    /// Gathers cosignatures on the own checkpoints.
    fn gather(
        &mut self,
        note: &SignedNote,
        checkpoint: &Checkpoint,
        now: Timestamp,
        work: &mut Work,
    ) -> Result<(), Refusal> {
        let Some(pending) = self.pending_notes.get(&checkpoint.size) else { return Ok(()) };
        if pending.text() != note.text() {
            return Err(Refusal::new(Reason::LogFork).with("size", checkpoint.size));
        }
        let mut gathered = pending.clone();
        let (witnesses, _) = self.witnesses();
        for line in note.signatures() {
            if let Some(key) = witnesses.get(&line.name) {
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
        self.pending_notes.insert(size, gathered.clone());
        let (witnesses, quorum) = self.witnesses();
        // The log's own line is among them; fewer lines than that cannot be enough and need not be checked.
        let may_suffice = gathered.signatures().len() > quorum;
        let origin = self.settings.origin.clone();
        if !may_suffice || !self.is_news(&origin, size) || !Quorum::count(&gathered, &witnesses, quorum).is_reached()
        {
            return;
        }
        self.pending_notes = self.pending_notes.split_off(&(size + 1));
        self.keep_witnessed(&origin, size, gathered.clone(), work);
        for peer in self.peers.keys() {
            work.then.push(Effect::Send(peer.clone(), Frame::Cosigned { note: gathered.to_string() }));
        }
    }

    /// The witnesses of the policy in force by name, with their keys, and how many are needed.
    pub fn witnesses(&self) -> (BTreeMap<String, PublicKey>, usize) {
        let registry = &self.state.registry;
        let Some(policy) = registry.newest_root().map(|root| &root.witnesses) else { return (BTreeMap::new(), 0) };
        let of_policy = registry.logs().filter(|log| policy.nodes.contains(&log.origin().node));
        let witnesses = of_policy
            .filter_map(|log| log.witness_key().map(|key| (log.origin().node.to_string(), key.clone())))
            .collect();
        (witnesses, policy.quorum as usize)
    }

    fn is_witnessed(&self, note: &SignedNote) -> bool {
        let (witnesses, quorum) = self.witnesses();
        Quorum::count(note, &witnesses, quorum).is_reached()
    }

    /// Tells every peer of new entries in the own log, all of the same ones, and waits for their cosignatures. At
    /// once when the log was at rest, else when [`SPREAD_MS`] have passed: witnesses must see the same checkpoints,
    /// and each costs every node several signatures.
    pub(super) fn spread_own_if_due(&mut self, now: Timestamp, work: &mut Work) {
        let size = self.own_size();
        if size == self.spread_size || now < self.next_spread {
            return;
        }
        let before = std::mem::replace(&mut self.spread_size, size);
        self.next_spread = now.plus_ms(SPREAD_MS);
        self.seek_cosignatures(now, work);
        let peers: Vec<(NodeId, u64)> = self.peers.iter().map(|(node, peer)| (node.clone(), peer.sent_own)).collect();
        for (node, sent) in peers {
            // What was sent before continues; a peer that lacks more asks for it.
            self.send_from(&node, self.settings.origin.clone(), sent.max(before), work);
        }
    }

    /// When entries that peers have not been told of are to be spread.
    pub(super) fn spread_due(&self) -> Option<Timestamp> {
        (self.own_size() != self.spread_size).then_some(self.next_spread)
    }

    /// Compares digests with one random peer.
    pub(super) fn ping_if_due(&mut self, now: Timestamp, work: &mut Work) {
        if self.peers.is_empty() || now < self.next_ping {
            return;
        }
        let jitter = i64::try_from(self.dice.below(PING_MS.unsigned_abs())).unwrap_or(0);
        self.next_ping = now.plus_ms(PING_MS / 2 + jitter);
        let digest = self.state.fresh_digest();
        let chosen = usize::try_from(self.dice.below(self.peers.len() as u64)).unwrap_or(0);
        if let Some(peer) = self.peers.keys().nth(chosen) {
            work.then.push(Effect::Send(peer.clone(), Frame::Ping { digest }));
            // Who missed the witnessed checkpoint when it went to everyone gets it now.
            let witnessed = self.state.logs.get(&self.settings.origin).and_then(|log| log.witnessed.as_ref());
            let note = witnessed.map(|(_, note)| Frame::Cosigned { note: note.to_string() });
            work.then.extend(note.map(|note| Effect::Send(peer.clone(), note)));
        }
        self.ask_for_cosignatures(now, work);
    }

    /// Shows the newest checkpoint to everyone again while it is not witnessed; whoever has followed it and whose
    /// cosignature is not on it answers. A cosignature may have been lost, or have come before its key was known here.
    fn ask_for_cosignatures(&mut self, now: Timestamp, work: &mut Work) {
        self.seek_cosignatures(now, work);
        let Some(pending) = self.pending_notes.get(&self.own_size()) else { return };
        for peer in self.peers.keys() {
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

    fn seek_cosignatures(&mut self, now: Timestamp, work: &mut Work) {
        self.await_cosignatures();
        let size = self.own_size();
        if let Some(pending) = self.pending_notes.get(&size).cloned() {
            self.conclude_if_witnessed(size, pending, now, work);
        }
    }

    /// Every own checkpoint that leaves this node waits for its cosignatures.
    fn await_cosignatures(&mut self) {
        let size = self.own_size();
        let own = self.state.logs.get(&self.settings.origin).and_then(|log| log.witnessed.as_ref());
        if size == 0 || own.is_some_and(|(known, _)| *known >= size) || self.pending_notes.contains_key(&size) {
            return;
        }
        let note = self.own_checkpoint();
        self.pending_notes.insert(size, note);
        while self.pending_notes.len() > CHECKPOINTS_PENDING_MAX {
            self.pending_notes.pop_first();
        }
    }
}

/// What only the parties of an order may have does not go further, and is not taken from anyone.
fn withhold_confidential(entry: &mut LogEntry) {
    if entry.leaf.audience() == Audience::Parties {
        entry.statement = None;
    }
}

/// Judges a suffix that has just been put into the tree.
fn judge_suffix(
    mut trust: LogTrust,
    first: u64,
    entries: &[LogEntry],
    tree: &Tree,
    note: &SignedNote,
    consistency: &[Hash],
) -> Result<(LogTrust, Vec<Judged>), Refusal> {
    let key_known = trust.log_key().cloned();
    // With the log key known, a forged frame costs one signature; without it the key is in the entries.
    if let Some(key) = &key_known {
        check_under(note, trust.origin(), key, tree, consistency)?;
    }
    let judged = (first..).zip(entries).map(|(index, entry)| judge_entry(&mut trust, entry, index)).collect();
    if key_known.is_none() {
        let key = trust.log_key().ok_or_else(|| Refusal::new(Reason::KeyUnknown).with("log", trust.origin()))?;
        check_under(note, trust.origin(), key, tree, consistency)?;
    }
    Ok((trust, judged))
}

/// A leaf and its body must belong together, and a public leaf has its body; if not, the courier changed something.
fn check_leaves(entries: &[LogEntry]) -> Result<(), Refusal> {
    let is_torn = |entry: &&LogEntry| match &entry.statement {
        Some(signed) => !entry.leaf.matches(signed),
        None => entry.leaf.audience() == Audience::Public,
    };
    match entries.iter().find(is_torn) {
        Some(entry) => Err(Refusal::new(Reason::LeafInvalid).with("statement", entry.leaf.statement_id())),
        None => Ok(()),
    }
}

fn check_under(
    note: &SignedNote,
    origin: &Origin,
    key: &PublicKey,
    tree: &Tree,
    consistency: &[Hash],
) -> Result<(), Refusal> {
    let checkpoint = Checkpoint::open(note, origin, key)?;
    verify_consistency(tree.size(), tree.root(), checkpoint.size, checkpoint.root, consistency)
}
