//! Entries: asked for from whoever has them, a log from one peer at a time; sent under credit; checked before they are
//! stored.
use super::quota::Quota;
use super::{Peer, withhold_confidential};
use crate::domain::body::Body;
use crate::domain::id::{Hash, NodeId, Origin};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::signing::PublicKey;
use crate::domain::statement::{Kind, Verified};
use crate::domain::time::Timestamp;
use crate::domain::trust::LogTrust;
use crate::log::checkpoint::Checkpoint;
use crate::log::leaf::{Audience, STEM_BYTES};
use crate::log::merkle::{Tree, verify_consistency};
use crate::log::note::SignedNote;
use crate::log::subjects::Subjects;
use crate::protocol::frame::{Cover, Frame, Run, Wanted, prefix};
use crate::protocol::limits::{
    BUSY_MS, CREDIT_BYTES, EAGER_LOGS_MAX, FRAME_BYTES_MAX, FRAME_ENTRIES_MAX, FRAME_HEADS_MAX, REFUSED_LOG_MS,
    SERVING_MAX, STALL_MS, STALL_QUEUED_MS, STALLS_MAX, WANTS_AT_ONCE, WANTS_PER_PEER_MAX,
};
use crate::protocol::mechanism::Mechanism;
use crate::protocol::record::{LogEntry, Record};
use crate::protocol::state::judge_entry;
use crate::protocol::{Effect, Node, Work};

/// The judgement of one entry; none for entries that are not ours to read.
type Judged = Option<Result<Verified<Body>, Refusal>>;

/// What an entry counts against credit: leaf, signed bytes, and 96 bytes per signature with its key hash.
pub fn entry_bytes(entry: &LogEntry) -> usize {
    let statement = entry.statement.as_ref();
    STEM_BYTES + statement.map_or(0, |signed| signed.pae().len() + 96 * signed.signatures().len())
}

fn run_bytes(entries: &[LogEntry]) -> u64 {
    entries.iter().map(entry_bytes).sum::<usize>() as u64
}

// --- asking ---

impl Node {
    /// Asks for what is lacking, every log from one peer, spread over all peers that have it.
    pub(super) fn ask_for_more(&mut self, now: Timestamp, work: &mut Work) {
        let mut nodes: Vec<NodeId> = self.sync.peers.keys().cloned().collect();
        if nodes.len() > 1 {
            // Whoever did not deliver is not always asked first.
            let start = usize::try_from(self.dice.below(nodes.len() as u64)).unwrap_or(0);
            nodes.rotate_left(start);
        }
        let mut asked = true;
        while std::mem::take(&mut asked) {
            for node in &nodes {
                let Some(origin) = self.next_to_ask(node, now) else { continue };
                self.ask(node, origin, now, work);
                asked = true;
            }
        }
    }

    fn next_to_ask(&self, node: &NodeId, now: Timestamp) -> Option<Origin> {
        let peer = self.sync.peers.get(node)?;
        if peer.wants.len() >= WANTS_PER_PEER_MAX || now < peer.busy_until {
            return None;
        }
        let is_refused = |origin: &Origin| self.sync.refused_logs.get(origin).is_some_and(|(_, again)| now < *again);
        let is_next = |origin: &&Origin| {
            !self.sync.fetching.contains_key(*origin) && !self.lacks_former(origin) && !is_refused(origin)
        };
        peer.ahead.keys().find(is_next).cloned()
    }

    /// Whether the log that this one continues is not here: until then nobody can say who may begin it.
    fn lacks_former(&self, origin: &Origin) -> bool {
        let registry = &self.state.registry;
        origin.former().is_some_and(|former| registry.log(&former).and_then(LogTrust::operator).is_none())
    }

    fn ask(&mut self, node: &NodeId, origin: Origin, now: Timestamp, work: &mut Work) {
        let log = self.state.logs.get(&origin);
        let (first, root) = log.map_or((0, crate::log::merkle::empty_root()), |log| {
            let first = log.size();
            (first, log.tree.root_at(first).unwrap_or_else(|_| log.tree.root()))
        });
        let wanted = Wanted {
            first,
            root: prefix(&root),
            witnessed: log.map_or(0, |log| log.witnessed_size()),
            cut: log.and_then(|log| log.cut()),
            origin: origin.clone(),
        };
        work.then.push(Effect::Send(node.clone(), Frame::Want(wanted)));
        if let Some(peer) = self.sync.peers.get_mut(node) {
            peer.wants.insert(origin.clone(), now);
        }
        self.sync.fetching.insert(origin, node.clone());
    }

    /// When the oldest want of a peer is overdue. Where many are outstanding they are served one after the other, so
    /// that whatever is delivered counts for all of them.
    pub(super) fn stall_due(&self, peer: &Peer) -> Option<Timestamp> {
        let oldest = *peer.wants.values().min()?;
        let is_queue = peer.wants.len() > WANTS_AT_ONCE;
        Some(if is_queue { oldest.max(peer.delivered_at).plus_ms(STALL_QUEUED_MS) } else { oldest.plus_ms(STALL_MS) })
    }

    /// Logs that were asked for and did not come are asked for again, perhaps elsewhere.
    pub(super) fn review_stalls(&mut self, now: Timestamp, work: &mut Work) {
        let is_stalled = |peer: &Peer| self.stall_due(peer).is_some_and(|due| due <= now);
        let stalled: Vec<NodeId> =
            self.sync.peers.iter().filter(|(_, peer)| is_stalled(peer)).map(|(node, _)| node.clone()).collect();
        for node in &stalled {
            let Some(peer) = self.sync.peers.get_mut(node) else { continue };
            peer.stalls += 1;
            let gave_up = peer.stalls > STALLS_MAX;
            let overdue: Vec<Origin> = peer
                .wants
                .iter()
                .filter(|(_, asked_at)| asked_at.plus_ms(STALL_MS) <= now)
                .map(|(origin, _)| origin.clone())
                .collect();
            for origin in overdue {
                peer.wants.remove(&origin);
                self.sync.fetching.remove(&origin);
            }
            if gave_up {
                self.shun(node, Refusal::new(Reason::PeerStalled).with("node", node), now, work);
            }
        }
        if !stalled.is_empty() {
            self.ask_for_more(now, work);
        }
    }

    pub(super) fn told_to_wait(&mut self, from: &NodeId, retry_after_ms: i64, now: Timestamp) {
        let Some(peer) = self.sync.peers.get_mut(from) else { return };
        peer.busy_until = now.plus_ms(retry_after_ms.clamp(0, 10 * BUSY_MS));
        peer.stalls = 0;
        for (origin, _) in std::mem::take(&mut peer.wants) {
            self.sync.fetching.remove(&origin);
        }
    }
}

// --- sending ---

impl Node {
    /// A peer says what it has of a log and wants the rest: proof of a fork, witnessed checkpoint, entries.
    pub(super) fn wanted(&mut self, from: &NodeId, wanted: Wanted, work: &mut Work) -> Result<(), Refusal> {
        let Some(log) = self.state.logs.get(&wanted.origin) else { return Ok(()) };
        if let Some(fork) = &log.fork
            && wanted.cut.is_none_or(|cut| fork.cut < cut)
        {
            work.then.push(Effect::Send(from.clone(), Frame::ForkProof(fork.proof.clone())));
        }
        if log.witnessed_size() > wanted.witnessed
            && let Some((_, note)) = &log.witnessed
        {
            work.then.push(Effect::Send(from.clone(), Frame::Cosigned { note: note.to_string() }));
        }
        let root = log.tree.root_at(wanted.first).map(|root| prefix(&root));
        if root.is_ok_and(|root| root != wanted.root) {
            self.probe(from, &wanted.origin, wanted.first, work);
        } else if wanted.first < log.size() {
            let serving = self.sync.peers.iter().filter(|(_, peer)| !peer.sending.is_empty());
            let is_full = serving.filter(|(node, _)| *node != from).count() >= SERVING_MAX;
            let Some(peer) = self.sync.peers.get_mut(from) else { return Ok(()) };
            if is_full {
                work.then.push(Effect::Send(from.clone(), Frame::Busy { retry_after_ms: BUSY_MS }));
                return Ok(());
            }
            // Who asks has room for a frame; leave that was lost on the way is thereby made good.
            peer.credit = peer.credit.max(FRAME_BYTES_MAX as u64);
            peer.sending.insert(wanted.origin, wanted.first);
            self.serve(from, work);
        }
        Ok(())
    }

    /// Has the next entries for a peer read, one run at a time.
    pub(super) fn serve(&mut self, to: &NodeId, work: &mut Work) {
        let Some(peer) = self.sync.peers.get_mut(to) else { return };
        // A run is as long as a frame allows: the first one of a log must hold the key its checkpoint is signed with.
        // Leave comes in steps of a frame, so there is always enough again.
        if peer.is_reading || peer.credit < FRAME_BYTES_MAX as u64 {
            return;
        }
        let Some((origin, first)) = peer.sending.iter().next().map(|(origin, first)| (origin.clone(), *first)) else {
            return;
        };
        peer.is_reading = true;
        work.then.push(Effect::ReadEntries { to: to.clone(), origin, first, bytes_max: FRAME_BYTES_MAX });
    }

    /// Entries that were asked of the store are there; none if it has none. Everything this node has asked to commit
    /// is durable by now, which is what allows it to sign.
    pub(in crate::protocol) fn entries_read(
        &mut self,
        to: &NodeId,
        origin: &Origin,
        first: u64,
        mut entries: Vec<LogEntry>,
        work: &mut Work,
    ) {
        let end = self.state.logs.get(origin).map_or(0, |log| log.size());
        entries.truncate(usize::try_from(end.saturating_sub(first)).unwrap_or(usize::MAX));
        let (bytes, next) = (run_bytes(&entries), first + entries.len() as u64);
        let run = if entries.is_empty() { None } else { self.make_run(origin, first, entries).ok() };
        let Some(peer) = self.sync.peers.get_mut(to) else { return };
        peer.is_reading = false;
        // It may have asked for another part of the log meanwhile.
        let is_current = peer.sending.get(origin) == Some(&first);
        if is_current && run.is_some() && next < end {
            peer.sending.insert(origin.clone(), next);
        } else if is_current {
            peer.sending.remove(origin);
        }
        if let (Some(run), true) = (run, is_current) {
            peer.credit = peer.credit.saturating_sub(bytes);
            // What was wanted goes on where both have the same, so there is nothing to say of what is before.
            work.then.push(Effect::Send(to.clone(), Frame::Entries(Run { base: None, ..run })));
        }
        self.sum_up(to, work);
        self.serve(to, work);
    }

    /// Frames entries, with the checkpoint they stand under and the proof that they do. Confidential statements stay
    /// here: others get the leaf only.
    pub fn make_run(&mut self, origin: &Origin, first: u64, mut entries: Vec<LogEntry>) -> Result<Run, Refusal> {
        entries.iter_mut().for_each(withhold_confidential);
        let gap = || Refusal::new(Reason::LogGap).with("log", origin);
        // The own checkpoint says no more than was signed before, even if this store has forgotten the newest.
        let newest = if *origin == self.settings.origin {
            self.await_cosignatures();
            self.own_checkpoint()
        } else {
            self.state.logs.get(origin).and_then(|log| log.note.clone())
        };
        let note = self.cover_for(origin, first, &mut entries, newest.ok_or_else(gap)?)?;
        let covered = Checkpoint::parse(note.text())?.size;
        let until = first + entries.len() as u64;
        let log = self.state.logs.get(origin).ok_or_else(gap)?;
        // A replica in the middle of a catch-up holds fewer entries than its checkpoint covers; it cannot prove the
        // rest yet and leaves serving to those who can.
        let consistency = if until == covered { Vec::new() } else { log.tree.consistency_proof(until, covered)? };
        let base = Some(prefix(&log.tree.root_at(first)?));
        Ok(Run { origin: origin.clone(), first, base, entries, cover: Cover::of(&note, covered, until), consistency })
    }
}

impl Node {
    /// The checkpoint that a run can stand under. Where a log key changes behind the run, that is the last one under the
    /// former key: the receiver does not know the next one yet. The run is shortened where that one ends within it.
    fn cover_for(
        &self,
        origin: &Origin,
        first: u64,
        entries: &mut Vec<LogEntry>,
        newest: SignedNote,
    ) -> Result<SignedNote, Refusal> {
        let gap = || Refusal::new(Reason::LogGap).with("log", origin);
        let covered = Checkpoint::parse(newest.text())?.size;
        let until = first + entries.len() as u64;
        let trust = self.state.registry.log(origin).ok_or_else(gap)?;
        let Some(change) = trust.log_key_changes().find(|at| *at >= until && *at < covered) else {
            return Ok(newest);
        };
        let log = self.state.logs.get(origin).ok_or_else(gap)?;
        let (size, bridge) = log.bridge_to(change).ok_or_else(gap)?;
        if size <= first {
            return Err(gap());
        }
        entries.truncate(usize::try_from(size - first).unwrap_or(usize::MAX));
        Ok(bridge.clone())
    }
}

// --- receiving ---

impl Node {
    /// A run of entries arrived.
    pub(super) fn run(
        &mut self,
        from: &NodeId,
        mut run: Run,
        now: Timestamp,
        work: &mut Work,
    ) -> Result<(), Refusal> {
        if run.entries.len() > FRAME_ENTRIES_MAX || run.origin.federation != self.settings.origin.federation {
            return Err(Refusal::new(Reason::FrameInvalid)
                .with("log", &run.origin)
                .with("entries", run.entries.len()));
        }
        self.delivered_by(from, run_bytes(&run.entries), now, work);
        let origin = run.origin.clone();
        if let Some(peer) = self.sync.peers.get_mut(from)
            && !peer.wants.contains_key(&origin)
            && peer.pushed_here.len() < EAGER_LOGS_MAX
        {
            peer.pushed_here.insert(origin.clone());
        }
        let is_own = origin == self.settings.origin;
        if self.lacks_former(&origin) || !self.fits(from, &mut run, work) {
            self.ask_again(from, &origin, now, work);
            return Ok(());
        }
        if run.entries.is_empty() || !self.take_quota(&origin, run.entries.len() as u64, run_bytes(&run.entries), now)
        {
            // A bare signature says nothing of entries that are held already.
            let Cover::Note(note) = &run.cover else { return Ok(()) };
            return self.heed_checkpoint(&origin, note, now, work);
        }
        check_leaves(&run.entries)?;
        run.entries.iter_mut().for_each(withhold_confidential);
        let first = run.first;
        let (note, trust, judged) = match self.check_suffix(&run) {
            // No fault of the courier's, and it may be otherwise tomorrow.
            Err(refusal) if is_about_the_log(&refusal) => {
                self.refuse_log(from, &origin, refusal, now);
                return Ok(());
            }
            judged => judged?,
        };
        self.sync.refused_logs.remove(&origin);
        if self.is_witness(&origin.node) {
            // Whose word was missing may be known now.
            self.sync.refused_logs.clear();
        }
        for ((index, entry), judged) in (first..).zip(&run.entries).zip(judged) {
            self.state.note_leaf(&origin, index, &entry.leaf);
            self.state.note_gap(&origin, index, entry);
            self.state.admit(&origin, index, judged);
        }
        let count = run.entries.len() as u64;
        self.state.touched(&origin, count);
        self.state.put_trust(trust);
        let text = note.to_string();
        self.replace_note(&origin, note, run.consistency, now, work);
        self.sync.arrived(&origin, first, Some(from.clone()));
        work.commit.push(Record::Entries { origin: origin.clone(), first, entries: run.entries, note: text });
        if is_own {
            self.checkpoint = None;
            self.look_in_own_store(first, work);
        }
        self.cosign(&origin, now, work);
        self.review_early_notes(&origin, work);
        self.settled(&origin, work);
        self.ask_for_more(now, work);
        self.review_own(now, work);
        Ok(())
    }

    /// A log is followed no further for a while, and shown.
    fn refuse_log(&mut self, from: &NodeId, origin: &Origin, refusal: Refusal, now: Timestamp) {
        if let Some(peer) = self.sync.peers.get_mut(from) {
            peer.wants.remove(origin);
        }
        self.sync.fetching.remove(origin);
        self.sync.refused_logs.insert(origin.clone(), (refusal, now.plus_ms(REFUSED_LOG_MS)));
        while self.sync.refused_logs.len() > FRAME_HEADS_MAX {
            self.sync.refused_logs.pop_first();
        }
    }

    /// Counts what a peer delivered; it gets leave for more in steps, once what it sent is stored.
    fn delivered_by(&mut self, from: &NodeId, bytes: u64, now: Timestamp, work: &mut Work) {
        let Some(peer) = self.sync.peers.get_mut(from) else { return };
        (peer.delivered_at, peer.stalls) = (now, 0);
        peer.received += bytes;
        if peer.received >= CREDIT_BYTES / 4 {
            let bytes = std::mem::take(&mut peer.received);
            work.then.push(Effect::Send(from.clone(), Frame::Credit { bytes }));
        }
    }

    /// Whether a run continues what is held; what is known already is taken off it. If it belongs to another history,
    /// the search for the place where they part begins.
    fn fits(&mut self, from: &NodeId, run: &mut Run, work: &mut Work) -> bool {
        let Some(log) = self.state.logs.get(&run.origin) else { return run.first == 0 };
        let (held, end) = (log.tree.size(), run.first.saturating_add(run.entries.len() as u64));
        if run.first > held || log.cut().is_some_and(|cut| end > cut) {
            return false;
        }
        let ours = log.tree.root_at(run.first).ok().map(|root| prefix(&root));
        if run.base.is_some() && run.base != ours {
            let high = run.first;
            self.probe(from, &run.origin, high, work);
            return false;
        }
        let known = (run.first..held).zip(&run.entries);
        let parting = known.clone().find(|(at, entry)| {
            let digest = log.subjects.digest_at(*at);
            log.tree.leaf(*at) != Some(entry.leaf.hash(digest))
        });
        if let Some((at, _)) = parting {
            self.probe(from, &run.origin, at + 1, work);
            return false;
        }
        let count = known.count();
        run.entries.drain(..count);
        run.first += count as u64;
        true
    }

    /// A want that came to nothing is free to be asked elsewhere.
    fn ask_again(&mut self, from: &NodeId, origin: &Origin, now: Timestamp, work: &mut Work) {
        if let Some(peer) = self.sync.peers.get_mut(from)
            && peer.wants.remove(origin).is_some()
        {
            self.sync.fetching.remove(origin);
        }
        self.ask_for_more(now, work);
    }

    /// Whether a log may grow by so many entries and bytes now. A publisher that writes too much is heard later, from
    /// whoever has it then.
    fn take_quota(&mut self, origin: &Origin, count: u64, bytes: u64, now: Timestamp) -> bool {
        // Names that lead to no log are forgotten again.
        while self.sync.quotas.len() >= FRAME_HEADS_MAX && !self.sync.quotas.contains_key(origin) {
            self.sync.quotas.pop_first();
        }
        self.sync.quotas.entry(origin.clone()).or_insert_with(|| Quota::new(now)).take(count, bytes, now)
    }

    /// Counts entries and bytes of a log against its quota.
    pub fn spend_quota(&mut self, origin: &Origin, count: u64, bytes: u64, now: Timestamp) {
        self.take_quota(origin, count, bytes, now);
    }

    /// Checks a suffix against the log's checkpoint, then its bodies against the log's own trust. The tree keeps the
    /// new leaves only if all is well.
    fn check_suffix(&mut self, run: &Run) -> Result<(SignedNote, LogTrust, Vec<Judged>), Refusal> {
        let Run { origin, entries, .. } = run;
        let log = self.state.logs.get_mut(origin);
        let mut tree = log.map(|log| std::mem::take(&mut log.tree)).unwrap_or_default();
        let mut subjects = self.state.logs.get(origin).map(|log| log.subjects.clone()).unwrap_or_default();
        let size = tree.size();
        append(&mut tree, &mut subjects, entries);
        let result = judge_suffix(self.state.trust_of(origin), size, run, &tree)
            .and_then(|judged| self.check_standing(size, &judged.1, &judged.2).map(|()| judged));
        if result.is_err() {
            tree.truncate(size);
        }
        // A log that begins with a mistake does not begin.
        if tree.size() > 0 {
            let log = self.state.log_mut(origin);
            log.tree = tree;
            if result.is_ok() {
                log.subjects = subjects;
            }
        }
        result
    }

    /// Whether a log may begin so, or go on so: nobody writes under another's name, and what former trustees sign after
    /// they were replaced is followed no further. What is older than the change has been seen by a quorum of witnesses;
    /// who does not know a quorum yet cannot ask for it, and takes what it gets.
    fn check_standing(&self, size: u64, trust: &LogTrust, judged: &[Judged]) -> Result<(), Refusal> {
        if !Mechanism::NamedOperator.is_on() {
            return Ok(());
        }
        let registry = &self.state.registry;
        if size == 0 {
            registry.check_begins(trust)?;
        }
        let newest = registry.newest_root_version();
        let outdated = || Refusal::new(Reason::RootOutdated).with("log", trust.origin()).with("newest", newest);
        let by_trustees = judged.iter().flatten().flatten().any(|verified| is_by_trustees(verified.body()));
        let rests_on = match size {
            0 => trust.operator_named_under(),
            _ if by_trustees => trust.root_version(),
            _ => newest,
        };
        if rests_on >= newest || !self.knows_quorum() || self.is_vouched_for(trust.origin()) {
            return Ok(());
        }
        Err(outdated().with("version", rests_on))
    }

    /// The newest checkpoint is kept. One that was kept before and is now covered must tell the same history.
    fn replace_note(&mut self, origin: &Origin, note: SignedNote, tail: Vec<Hash>, now: Timestamp, work: &mut Work) {
        let former = self.state.replace_note(origin, note);
        self.state.log_mut(origin).tail = tail;
        if let Some(former) = former {
            // A contradiction is the log's doing, not the courier's.
            let _ = self.heed_checkpoint(origin, &former.to_string(), now, work);
        }
    }
}

/// Judges a suffix that has just been put into the tree.
fn judge_suffix(
    mut trust: LogTrust,
    first: u64,
    run: &Run,
    tree: &Tree,
) -> Result<(SignedNote, LogTrust, Vec<Judged>), Refusal> {
    // With the log key known, a forged frame costs one signature; without it, or where it changes, the key is in the
    // entries.
    let names_key =
        |entry: &LogEntry| entry.statement.as_ref().is_some_and(|signed| *signed.kind() == Kind::KeyEvent);
    let covered = match trust.log_key() {
        Some(key) => match covering(run, key, tree) {
            Err(_) if run.entries.iter().any(names_key) => None,
            covered => Some(covered?),
        },
        None => None,
    };
    let judged = (first..).zip(&run.entries).map(|(index, entry)| judge_entry(&mut trust, entry, index)).collect();
    let size = run.cover.size().unwrap_or_else(|| tree.size());
    let key = trust.log_key_of(size).ok_or_else(|| Refusal::new(Reason::KeyUnknown).with("log", &run.origin))?;
    // The key in force at the size it covers, not one that the run itself replaces.
    let note = match covered.filter(|note| note.verify_ed25519(&run.origin.to_string(), key).is_ok()) {
        Some(note) => note,
        None => covering(run, key, tree)?,
    };
    Ok((note, trust, judged))
}

/// Whether a refusal says something about a log, not about whoever passes it on.
fn is_about_the_log(refusal: &Refusal) -> bool {
    matches!(
        refusal.reason,
        Reason::RootOutdated | Reason::NodeTaken | Reason::EpochForeign | Reason::OrgExpelled | Reason::LogGap
    )
}

/// Whether trustees have signed it; a root version speaks for itself.
fn is_by_trustees(body: &Body) -> bool {
    matches!(
        body,
        Body::Admission(_) | Body::Expulsion(_) | Body::RulePack(_) | Body::Recovery(_) | Body::Succession(_)
    )
}

/// Puts entries into a tree, each under what the log has said about trust before it.
pub(super) fn append(tree: &mut Tree, subjects: &mut Subjects, entries: &[LogEntry]) {
    for entry in entries {
        let hash = subjects.push(tree.size(), &entry.leaf, entry.statement.as_ref());
        tree.push(hash);
    }
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

/// The note that a run stands under, signed by the log's key and true of the tree.
fn covering(run: &Run, key: &PublicKey, tree: &Tree) -> Result<SignedNote, Refusal> {
    let note = run.cover.note(&run.origin, key, tree)?;
    let checkpoint = Checkpoint::open(&note, &run.origin, key)?;
    verify_consistency(tree.size(), tree.root(), checkpoint.size, checkpoint.root, &run.consistency)?;
    Ok(note)
}
