//! Equivocation: two histories of one log become a proof that anyone can check, and a cut that all honest nodes make
//! at the same place.
//!
//! Whoever notices that a peer holds another history searches with it for the first entry that differs, sixteen or
//! thirty-two sizes at a time. Each side then shows its half: a checkpoint signed by the log's key, and the proof that
//! it leads to another root. Both halves together are the proof; it is stored once, the smallest cut counts, and it
//! travels like any other change of a head.
use crate::domain::id::{Hash, NodeId, Origin};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::time::Timestamp;
use crate::log::checkpoint::Checkpoint;
use crate::log::fork::{Branch, ForkProof};
use crate::log::note::SignedNote;
use crate::protocol::frame::Frame;
use crate::protocol::limits::PROBE_SIZES_MAX;
use crate::protocol::mechanism::Mechanism;
use crate::protocol::record::Record;
use crate::protocol::{Effect, Node, Work};

impl Node {
    /// Begins the search with a peer whose history differs at `high`.
    pub(super) fn probe(&self, with: &NodeId, origin: &Origin, high: u64, work: &mut Work) {
        if high > 0 {
            self.narrow(with, origin, 0, high, work);
        }
    }

    /// One step of the search: histories agree at `low` and differ at `high`. Next to each other they have parted
    /// there, and this node shows its half.
    fn narrow(&self, with: &NodeId, origin: &Origin, low: u64, high: u64, work: &mut Work) {
        let Some(log) = self.state.logs.get(origin).filter(|log| high <= log.tree.size()) else { return };
        if high == low + 1 {
            if let Some(branch) = self.own_half(origin, high) {
                work.then
                    .push(Effect::Send(with.clone(), Frame::Branch { origin: origin.clone(), size: high, branch }));
            }
            return;
        }
        let step = (high - low).div_ceil(PROBE_SIZES_MAX as u64 + 1);
        let sizes = (1..=PROBE_SIZES_MAX as u64).map(|number| low + number * step).take_while(|size| *size < high);
        let roots = sizes.filter_map(|size| Some((size, log.tree.root_at(size).ok()?))).collect();
        work.then.push(Effect::Send(with.clone(), Frame::Probe { origin: origin.clone(), low, high, roots }));
    }

    /// A peer's roots at some sizes.
    pub(super) fn probed(
        &self,
        from: &NodeId,
        origin: &Origin,
        low: u64,
        high: u64,
        roots: &[(u64, Hash)],
        work: &mut Work,
    ) -> Result<(), Refusal> {
        let sizes = || std::iter::once(low).chain(roots.iter().map(|(size, _)| *size)).chain([high]);
        let is_ascending = sizes().zip(sizes().skip(1)).all(|(one, next)| one < next);
        if !is_ascending || roots.len() > PROBE_SIZES_MAX {
            return Err(Refusal::new(Reason::FrameInvalid).with("field", "probe.roots"));
        }
        let Some(log) = self.state.logs.get(origin).filter(|log| high <= log.tree.size()) else { return Ok(()) };
        let (mut agree, mut differ) = (low, high);
        for (size, root) in roots {
            if log.tree.root_at(*size) == Ok(*root) {
                agree = *size;
            } else {
                differ = *size;
                break;
            }
        }
        self.narrow(from, origin, agree, differ, work);
        Ok(())
    }

    /// A peer's half of a proof. If it is good and the own history differs, both halves are the proof.
    pub(super) fn branch(
        &mut self,
        from: &NodeId,
        origin: Origin,
        size: u64,
        theirs: Branch,
        now: Timestamp,
        work: &mut Work,
    ) -> Result<(), Refusal> {
        let Some(log) = self.state.logs.get(&origin) else { return Ok(()) };
        if log.tree.root_at(size).is_ok_and(|root| root == theirs.root) {
            return Ok(());
        }
        let Some(ours) = self.own_half(&origin, size) else { return Ok(()) };
        let proof = ForkProof { origin, size, first: ours, second: theirs };
        let cut = self.state.check_fork(&proof)?;
        // The other side learns of it as everyone does; it is told at once because it is the one that waits.
        work.then.push(Effect::Send(from.clone(), Frame::ForkProof(proof.clone())));
        self.cut_log(proof, cut, now, work);
        Ok(())
    }

    /// What this node can show of a log's history: its root at `size`, and a signed checkpoint that it leads to.
    fn own_half(&self, origin: &Origin, size: u64) -> Option<Branch> {
        let log = self.state.logs.get(origin)?;
        let root = log.tree.root_at(size).ok()?;
        let held = log.tree.size();
        let own = (*origin == self.settings.origin).then(|| self.signed_checkpoint()).flatten();
        let witnessed = log.witnessed.as_ref().map(|(_, note)| note.clone());
        // Whoever has another history does not know the keys that were named behind the place where they part.
        let bridge = log.bridge_from(size).cloned();
        for note in bridge.into_iter().chain(own).chain(log.note.clone()).chain(witnessed) {
            let Ok(checkpoint) = Checkpoint::parse(note.text()) else { continue };
            let proof = match checkpoint.size {
                covered if covered < size => continue,
                covered if covered <= held => log.tree.consistency_proof(size, covered).ok()?,
                _ if size == held => log.tail.clone(),
                _ => continue,
            };
            return Some(Branch { root, note: note.without_cosignatures(), proof });
        }
        None
    }

    /// A finished proof arrived. One that cuts no further than what is known is not even checked.
    pub(super) fn fork_proven(&mut self, proof: ForkProof, now: Timestamp, work: &mut Work) -> Result<(), Refusal> {
        let known = self.state.logs.get(&proof.origin);
        let is_known = known.and_then(|log| log.cut()).is_some_and(|cut| cut < proof.size);
        // Without the log's beginning its key is unknown; the digests will differ until it is there.
        let is_judgeable = self.state.registry.log(&proof.origin).is_some_and(|trust| trust.log_key().is_some());
        if is_known || !is_judgeable {
            return Ok(());
        }
        let cut = self.state.check_fork(&proof)?;
        self.cut_log(proof, cut, now, work);
        Ok(())
    }

    fn cut_log(&mut self, proof: ForkProof, cut: u64, now: Timestamp, work: &mut Work) {
        let origin = proof.origin.clone();
        let is_known = self.state.logs.get(&origin).and_then(|log| log.cut()).is_some_and(|known| known <= cut);
        if is_known || !Mechanism::ForkCut.is_on() {
            return;
        }
        work.commit.push(Record::Forked(Box::new(proof.clone())));
        work.then.push(Effect::Forked(origin.clone(), cut));
        self.state.cut(proof, cut);
        self.sync.fresh.remove(&origin);
        self.sync.early_notes.remove(&origin);
        for peer in self.sync.peers.values_mut() {
            peer.sending.remove(&origin);
        }
        self.settled(&origin, work);
        self.ask_for_more(now, work);
    }

    /// Every checkpoint that passes by is compared with the history held here. One that contradicts it, and is signed
    /// by the log's key, proves the fork by itself.
    pub(super) fn heed_checkpoint(
        &mut self,
        origin: &Origin,
        note: &str,
        now: Timestamp,
        work: &mut Work,
    ) -> Result<(), Refusal> {
        let note = SignedNote::parse(note)?;
        let checkpoint = Checkpoint::parse(note.text())?;
        let Some(log) = self.state.logs.get(origin) else { return Ok(()) };
        let (size, held) = (checkpoint.size, log.tree.size());
        if size == 0 || size > held || log.cut().is_some_and(|cut| size > cut) {
            return Ok(());
        }
        if log.tree.root_at(size) == Ok(checkpoint.root) {
            return Ok(());
        }
        let Some(ours) = self.own_half(origin, size) else { return Ok(()) };
        let theirs = Branch { root: checkpoint.root, note: note.without_cosignatures(), proof: Vec::new() };
        let proof = ForkProof { origin: origin.clone(), size, first: ours, second: theirs };
        let cut = self.state.check_fork(&proof)?;
        self.cut_log(proof, cut, now, work);
        Ok(())
    }

    /// Logs that contradict themselves, and where they are cut.
    pub fn forks(&self) -> impl Iterator<Item = (&Origin, u64)> {
        self.state.logs.iter().filter_map(|(origin, log)| Some((origin, log.cut()?)))
    }
}
