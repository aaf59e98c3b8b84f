//! Replication: log suffixes move to whoever lacks them; whoever has checked a suffix cosigns it.
//!
//! A peer is a courier. What it says about heads only starts an exchange; entries count under the log key's
//! checkpoint, bodies under their signers' keys. One bad record is refused alone; a courier that changed bytes loses
//! its stream.
//!
//! ```text
//! compare   what does the other know that is not known here: digest, journal, buckets      Hello Resume Ping Buckets Heads News Ack
//! supply    entries asked for and sent, under credit                                      Want Entries Credit Busy
//! spread    new entries go to two peers at once, their heads to all others               Pushed
//! witness   checkpoints are cosigned, gathered and kept                                    Cosigned
//! covers    the first checkpoint that covers an entry, where it was missed                 CoversWanted
//! fork      two histories of one log become evidence and a cut                             Probe Branch ForkProof
//! introduction  a new node shows how its log begins, a known one its new TLS key
//! own       what others know of the own log comes back before anything is signed
//! ```
//!
//! Must never believe a head: it is a reason to ask, nothing else. Must never hold more of a peer than its credit.
mod compare;
mod covers;
mod fork;
mod introduction;
pub mod memory;
mod own;
mod quota;
mod spread;
mod supply;
pub mod witness;

use crate::domain::id::{NodeId, Origin, StatementId};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::time::Timestamp;
use crate::log::leaf::Audience;
use crate::protocol::frame::Frame;
use crate::protocol::limits::{CREDIT_BYTES, EARLY_NOTE_MS, HELLO_MS_MAX, SHUN_MS_MAX, SHUN_MS_MIN};
use crate::protocol::record::LogEntry;
use crate::protocol::replication::memory::{Peer, Shunned};
use crate::protocol::{Effect, Node, Work};

pub use introduction::introduction;
pub use supply::entry_bytes;
pub use witness::Witnessing;

impl Node {
    pub(super) fn peer_up(&mut self, node: NodeId, now: Timestamp, work: &mut Work) {
        if let Some(shunned) = self.sync.shunned.get(&node).filter(|shunned| now < shunned.until) {
            let refusal = Refusal::new(Reason::PeerShunned).with("until", shunned.until);
            work.then.push(Effect::Disconnect(node, refusal));
            return;
        }
        if let Err(refusal) = self.check_peer(&node) {
            work.then.push(Effect::Disconnect(node, refusal));
            return;
        }
        self.sync.peers.insert(node.clone(), Peer::new(now));
        // The stream may follow another one whose end was not noticed; what was asked for there does not come.
        self.sync.fetching.retain(|_, from| *from != node);
        let hello = Frame::Hello {
            anchor: self.settings.anchor,
            node: self.settings.node().clone(),
            digest: self.state.fresh_digest().root(),
            instance: self.settings.instance,
            position: self.state.journal.position(),
            yours: self.newest_note_of(&node),
        };
        work.then.push(Effect::Send(node.clone(), hello));
        self.outbox_awake(&node, now, work);
    }

    pub(super) fn peer_down(&mut self, node: &NodeId, now: Timestamp, work: &mut Work) {
        self.clocks.forget(node);
        if let Some(peer) = self.sync.peers.remove(node) {
            self.keep_cursor(node, &peer, work);
            self.sync.fetching.retain(|_, from| from != node);
            self.ask_for_more(now, work);
        }
    }

    pub(super) fn frame(&mut self, from: &NodeId, frame: Frame, now: Timestamp, work: &mut Work) {
        // The two sides of a stream learn of it one after the other; a hello says that it is open.
        if matches!(frame, Frame::Hello { .. }) && !self.sync.peers.contains_key(from) {
            self.peer_up(from.clone(), now, work);
        }
        let Some(peer) = self.sync.peers.get_mut(from) else { return };
        peer.heard_at = now;
        if let Err(refusal) = self.heed(from, frame, now, work) {
            self.shun(from, refusal, now, work);
        }
    }

    fn heed(&mut self, from: &NodeId, frame: Frame, now: Timestamp, work: &mut Work) -> Result<(), Refusal> {
        match frame {
            Frame::Hello { anchor, node, digest, instance, position, yours } => {
                self.check_hello(from, anchor, &node)?;
                self.own_log_known(from, yours, now, work)?;
                self.greeted(from, digest, instance, position, now, work);
                self.repeat_cosignatures(from, now, work);
            }
            Frame::Resume { instance, position } => self.resumed(from, instance, position, work),
            Frame::Buckets { position, salt, digests } => self.buckets(from, position, &salt, &digests, work)?,
            Frame::Heads { asked_at, position, buckets, heads } => {
                self.heads(from, asked_at, position, &buckets, heads, now, work)?;
            }
            Frame::News { since, until, heads } => self.news(from, since, until, heads, now, work)?,
            Frame::Pushed { until, check } => self.pushed(from, until, check, work),
            Frame::Ack { position } => self.acknowledged(from, position, now),
            Frame::Clock { now: theirs, is_answer } => self.clock_told(from, theirs, is_answer, now, work),
            Frame::Ping { digest, position } => self.pinged(from, digest, position, work),
            Frame::Want(wanted) => self.wanted(from, wanted, work)?,
            Frame::Credit { bytes } => {
                if let Some(peer) = self.sync.peers.get_mut(from) {
                    peer.credit = peer.credit.saturating_add(bytes).min(CREDIT_BYTES);
                }
                self.serve(from, work);
            }
            Frame::Entries(run) => self.run(from, run, now, work)?,
            Frame::Cosigned { note } => self.cosigned(from, &note, now, work)?,
            Frame::CoversWanted { origin, indexes } => self.covers_wanted(from, &origin, indexes, now, work)?,
            Frame::Probe { origin, low, high, roots } => self.probed(from, &origin, low, high, &roots, work)?,
            Frame::Branch { origin, size, branch } => self.branch(from, origin, size, branch, now, work)?,
            Frame::ForkProof(proof) => self.fork_proven(proof, now, work)?,
            Frame::Busy { retry_after_ms } => self.told_to_wait(from, retry_after_ms, now),
            Frame::Bye { .. } => self.peer_down(from, now, work),
        }
        Ok(())
    }

    fn check_hello(&self, from: &NodeId, anchor: StatementId, node: &NodeId) -> Result<(), Refusal> {
        if anchor != self.settings.anchor {
            return Err(Refusal::new(Reason::RootUnknown).with("found", anchor));
        }
        if node != from {
            return Err(Refusal::new(Reason::PeerUnknown).with("node", node));
        }
        Ok(())
    }

    /// Closes the stream with a peer that broke the protocol, tells it why, and does not speak to it for a while. What
    /// it had promised is fetched elsewhere.
    fn shun(&mut self, node: &NodeId, refusal: Refusal, now: Timestamp, work: &mut Work) {
        let shunned = self.sync.shunned.entry(node.clone()).or_default();
        let wait = SHUN_MS_MIN.saturating_mul(1 << shunned.strikes.min(20)).min(SHUN_MS_MAX);
        *shunned = Shunned { strikes: shunned.strikes.saturating_add(1), until: now.plus_ms(wait) };
        work.then.push(Effect::Send(node.clone(), Frame::Bye { reason: refusal.reason.code().to_owned() }));
        work.then.push(Effect::Disconnect(node.clone(), refusal));
        self.peer_down(node, now, work);
    }

    /// A peer that never said hello has told neither who it is nor how far this node's log goes.
    fn close_mute_streams(&mut self, now: Timestamp, work: &mut Work) {
        let is_mute = |peer: &Peer| peer.instance.is_none() && peer.up_at.plus_ms(HELLO_MS_MAX) <= now;
        let mute: Vec<NodeId> =
            self.sync.peers.iter().filter(|(_, peer)| is_mute(peer)).map(|(node, _)| node.clone()).collect();
        for node in mute {
            let refusal = Refusal::new(Reason::PeerStalled).with("node", &node).with("rule", "no hello");
            work.then.push(Effect::Disconnect(node.clone(), refusal));
            self.peer_down(&node, now, work);
        }
    }

    /// The peers with an open stream.
    pub fn peers(&self) -> impl Iterator<Item = (&NodeId, &Peer)> {
        self.sync.peers.iter()
    }

    /// How many things replication holds in memory beside the state, for the bound on it.
    pub fn replication_load(&self) -> usize {
        let sync = &self.sync;
        let of_peer = |peer: &Peer| {
            let there = peer.pushed_there.as_ref().map_or(0, |(_, logs)| logs.len());
            peer.ahead.len() + peer.wants.len() + peer.sending.len() + peer.pushed_here.len() + there
        };
        let of_peers: usize = sync.peers.values().map(of_peer).sum();
        of_peers + sync.fetching.len() + sync.fresh.len() + sync.pending_notes.len() + sync.early_notes.len()
    }

    /// Logs that are followed no further, each with the reason why.
    pub fn refused_logs(&self) -> impl Iterator<Item = (&Origin, &Refusal)> {
        self.sync.refused_logs.iter().map(|(origin, (refusal, _))| (origin, refusal))
    }

    /// Peers that broke the protocol.
    pub fn shunned(&self) -> impl Iterator<Item = (&NodeId, &Shunned)> {
        self.sync.shunned.iter()
    }

    /// When replication wants to be woken.
    pub(super) fn replication_due(&self) -> Option<Timestamp> {
        let sync = &self.sync;
        let ping = (!sync.peers.is_empty()).then_some(sync.next_ping);
        let retries = sync.peers.values().filter_map(|peer| peer.retry_at);
        let stalls = sync.peers.values().filter_map(|peer| self.stall_due(peer));
        let mute = sync.peers.values().filter(|peer| peer.instance.is_none());
        let mute = mute.map(|peer| peer.up_at.plus_ms(HELLO_MS_MAX));
        ping.into_iter().chain(mute).chain(self.own_due()).chain(self.spread_due()).chain(retries).chain(stalls).min()
    }

    /// Everything in replication that a time has come for.
    pub(super) fn replication_woken(&mut self, now: Timestamp, work: &mut Work) {
        self.review_own(now, work);
        self.close_mute_streams(now, work);
        self.repeat_news(now, work);
        self.review_stalls(now, work);
        self.ping_if_due(now, work);
        let is_fresh = |since: &Timestamp| now < since.plus_ms(EARLY_NOTE_MS);
        self.sync.early_notes.retain(|_, (_, since)| is_fresh(since));
    }
}

/// What only the parties of an order may have does not go further, and is not taken from anyone.
fn withhold_confidential(entry: &mut LogEntry) {
    if entry.leaf.audience() == Audience::Parties {
        entry.statement = None;
    }
}

#[cfg(test)]
mod tests {
    use super::memory::Replication;
    use super::*;

    #[test]
    fn what_several_peers_brought_goes_to_all_of_them() {
        let origin: Origin = "demo/log/kitu/1".parse().expect("origin");
        let [kid, akdb] = ["kid", "akdb"].map(|node| Some(node.parse().expect("a name")));
        let mut replication = Replication::default();
        replication.arrived(&origin, 5, kid.clone());
        replication.arrived(&origin, 6, kid.clone());
        assert_eq!(replication.fresh[&origin], (5, kid));
        replication.arrived(&origin, 7, akdb);
        assert_eq!(replication.fresh[&origin], (5, None));
    }
}
