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
//! fork      two histories of one log become evidence and a cut                             Probe Branch ForkProof
//! introduction  a new node shows how its log begins, a known one its new TLS key
//! own       what others know of the own log comes back before anything is signed
//! ```
//!
//! Must never believe a head: it is a reason to ask, nothing else. Must never hold more of a peer than its credit.
mod compare;
mod fork;
mod introduction;
mod own;
mod quota;
mod spread;
mod supply;
mod witness;

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::id::{NodeId, Origin, StatementId};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::time::Timestamp;
use crate::domain::trust::NodeRecord;
use crate::log::leaf::Audience;
use crate::log::note::SignedNote;
use crate::protocol::frame::{Claim, Frame};
use crate::protocol::limits::{CREDIT_BYTES, EARLY_NOTE_MS, HELLO_MS_MAX, SHUN_MS_MAX, SHUN_MS_MIN};
use crate::protocol::record::LogEntry;
use crate::protocol::settings::Instance;
use crate::protocol::{Effect, Node, Work};
use quota::Quota;

pub use introduction::introduction;
pub use own::OwnLog;
pub use supply::entry_bytes;
pub use witness::Witnessing;

/// A peer with an open stream.
#[derive(Clone, Debug, Default)]
pub struct Peer {
    /// When the stream was opened.
    pub up_at: Timestamp,
    /// When something last arrived.
    pub heard_at: Timestamp,
    /// Its store, once it has said hello.
    instance: Option<Instance>,
    /// Position of its journal up to which everything is here.
    cursor: u64,
    /// The position this node said it resumes from was none: it wants all heads that differ.
    asked_cold: bool,
    /// Where the cursor goes once nothing is lacking of what it told.
    until: u64,
    /// Heads it told that are ahead of what is held here.
    ahead: BTreeMap<Origin, Claim>,
    /// Position of the own journal up to which it has been told, and up to which it has everything.
    told: u64,
    acked: u64,
    /// When it is told again what it has not acknowledged, and how long the wait is then.
    retry_at: Option<Timestamp>,
    retry_ms: i64,
    /// What it has asked for: the next entry of each log.
    sending: BTreeMap<Origin, u64>,
    /// Logs whose news were sent to it without being asked, and the journal position until which that is all that is
    /// new to it; absent if it is not.
    pushed_there: Option<(u64, BTreeSet<Origin>)>,
    /// Logs of which it sent entries without being asked, since it last said what is new.
    pushed_here: BTreeSet<Origin>,
    /// Entries for it are being read.
    is_reading: bool,
    /// Bytes of entries it may be sent.
    credit: u64,
    /// Bytes of entries it sent since it was last given leave.
    received: u64,
    /// Logs it was asked for, and when.
    wants: BTreeMap<Origin, Timestamp>,
    /// When it last delivered something it was asked for.
    delivered_at: Timestamp,
    /// Wants that came to nothing since it last sent entries.
    stalls: u32,
    /// It asked for patience until then.
    busy_until: Timestamp,
}

impl Peer {
    fn new(now: Timestamp) -> Self {
        Self { up_at: now, heard_at: now, credit: CREDIT_BYTES, ..Self::default() }
    }

    /// How many positions of the own journal it has not acknowledged, of `position`.
    pub fn lag(&self, position: u64) -> u64 {
        position.saturating_sub(self.acked)
    }

    /// Whether it has told which heads it has, or that they are the same.
    pub fn is_compared(&self) -> bool {
        self.until > 0
    }

    /// Logs of which it says that it has more than is held here.
    pub fn ahead(&self) -> impl Iterator<Item = &Claim> {
        self.ahead.values()
    }
}

/// How often a peer broke the protocol, and until when it is not spoken to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shunned {
    /// How often.
    pub strikes: u32,
    /// Until when.
    pub until: Timestamp,
}

/// What replication remembers beside the state; all of it can be learnt again.
#[derive(Default)]
pub struct Replication {
    pub(super) peers: BTreeMap<NodeId, Peer>,
    shunned: BTreeMap<NodeId, Shunned>,
    /// From whom each log is being fetched.
    fetching: BTreeMap<Origin, NodeId>,
    /// Newly arrived entries to pass on: first index, and who sent them.
    fresh: BTreeMap<Origin, (u64, Option<NodeId>)>,
    /// Journal position that peers were last told of, and when they may be told of more.
    spread_position: u64,
    next_spread: Timestamp,
    next_ping: Timestamp,
    next_cursors: Timestamp,
    /// Own checkpoints that wait for cosignatures, by size.
    pending_notes: BTreeMap<u64, SignedNote>,
    /// Cosigned checkpoints that came before what they cover, and when; one for each log.
    early_notes: BTreeMap<Origin, (SignedNote, Timestamp)>,
    /// Logs that are followed no further, each with the reason why and when they are tried again.
    refused_logs: BTreeMap<Origin, (Refusal, Timestamp)>,
    /// What may be taken of each log.
    quotas: BTreeMap<Origin, Quota>,
    pub(super) own: OwnLog,
    /// Records that nodes have shown which have a new TLS key and cannot be reached by the old one; each with the record
    /// of their log that it goes before.
    shown: BTreeMap<NodeId, (NodeRecord, Option<StatementId>)>,
}

impl Replication {
    /// Remembers nothing but what others have said of the own log.
    pub(super) fn knowing(own: OwnLog) -> Self {
        Self { own, ..Self::default() }
    }

    /// The clock was set back: what waited for a time that is far away now ends.
    pub(super) fn clock_set_back(&mut self, now: Timestamp) {
        (self.next_ping, self.next_spread, self.next_cursors) = (now, now, now);
        for peer in self.peers.values_mut() {
            (peer.delivered_at, peer.busy_until) = (now, now);
            peer.retry_at = peer.retry_at.map(|_| now);
            peer.up_at = peer.up_at.min(now);
            peer.wants.values_mut().for_each(|asked_at| *asked_at = now);
        }
        self.shunned.values_mut().for_each(|shunned| shunned.until = now);
        self.refused_logs.values_mut().for_each(|(_, again)| *again = now);
        self.quotas.values_mut().for_each(|quota| quota.clock_set_back(now));
        self.early_notes.values_mut().for_each(|(_, since)| *since = now);
        self.own.clock_set_back(now);
    }

    /// Entries of a log are here and are to be passed on to all but their source; to everyone if they came from several.
    pub(super) fn arrived(&mut self, origin: &Origin, first: u64, source: Option<NodeId>) {
        let (_, known) = self.fresh.entry(origin.clone()).or_insert_with(|| (first, source.clone()));
        if *known != source {
            *known = None;
        }
    }
}

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
