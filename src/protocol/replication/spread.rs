//! Spreading: what is new here reaches every node within moments, in spite of losses.
//!
//! New entries go to two random peers at once; everyone is told the heads and acknowledges; whoever has not is told
//! again; and now and then digests are compared with one random peer, which finds whatever was missed.
use std::collections::BTreeSet;

use crate::domain::id::NodeId;
use crate::domain::time::Timestamp;
use crate::log::digest::{Head, ShortHash};
use crate::protocol::frame::{Frame, pushed_check};
use crate::protocol::limits::{CURSOR_MS, EAGER_LOGS_MAX, EAGER_PEERS, NEWS_RETRY_MS_MIN, PING_MS, SPREAD_MS};
use crate::protocol::{Effect, Node, Work};

impl Node {
    /// Passes on what is new. At once when nothing was new for a while, else when [`SPREAD_MS`] have passed: witnesses
    /// must see the same checkpoints of a busy log, and each costs every node several signatures.
    pub(in crate::protocol) fn spread_if_due(&mut self, now: Timestamp, work: &mut Work) {
        let position = self.state.journal.position();
        if position == self.sync.spread_position || now < self.sync.next_spread {
            return;
        }
        let before = std::mem::replace(&mut self.sync.spread_position, position);
        self.sync.next_spread = now.plus_ms(SPREAD_MS);
        self.seek_cosignatures(now, work);
        let fresh = std::mem::take(&mut self.sync.fresh);
        let eager =
            if fresh.is_empty() || fresh.len() > EAGER_LOGS_MAX { BTreeSet::new() } else { self.eager_peers() };
        let changed: BTreeSet<_> = self.state.journal.since(before).map(|(_, origin)| origin.clone()).collect();
        let nodes: Vec<NodeId> = self.sync.peers.keys().cloned().collect();
        for node in nodes {
            let source_of_all = changed
                .iter()
                .all(|origin| fresh.get(origin).is_some_and(|(_, source)| source.as_ref() == Some(&node)));
            let Some(peer) = self.sync.peers.get_mut(&node) else { continue };
            if source_of_all && peer.acked == before {
                // It has all of it: it sent it.
                (peer.acked, peer.told) = (position, position);
            } else if eager.contains(&node) {
                let mut pushed = BTreeSet::new();
                for (origin, (first, source)) in &fresh {
                    if source.as_ref() != Some(&node) {
                        peer.sending.entry(origin.clone()).or_insert(*first);
                        pushed.insert(origin.clone());
                    }
                }
                let is_all = peer.acked == before && changed.iter().all(|origin| fresh.contains_key(origin));
                peer.pushed_there = is_all.then_some((position, pushed));
                // The entries say it all; if they are lost, it is told.
                peer.retry_at = peer.retry_at.or(Some(now.plus_ms(NEWS_RETRY_MS_MIN)));
                self.serve(&node, work);
            } else {
                let wait = peer.retry_ms.max(NEWS_RETRY_MS_MIN);
                self.send_news(&node, Some(now.plus_ms(wait)), work);
            }
        }
    }

    /// Says that a peer was sent all that is new, once it was, so that it need not be told. Nothing is said if more is
    /// new by then; it is told that in time.
    pub(super) fn sum_up(&mut self, to: &NodeId, work: &mut Work) {
        let position = self.state.journal.position();
        let Some(peer) = self.sync.peers.get_mut(to).filter(|peer| peer.sending.is_empty()) else { return };
        let Some((until, logs)) = peer.pushed_there.take().filter(|(until, _)| *until == position) else { return };
        let heads: Vec<Head> = logs.iter().filter_map(|origin| self.state.head(origin)).collect();
        let check = pushed_check(peer.acked, &heads);
        work.then.push(Effect::Send(to.clone(), Frame::Pushed { until, check }));
    }

    /// A peer says that it has sent all that is new there. If something was lost, it will tell what it was.
    pub(super) fn pushed(&mut self, from: &NodeId, until: u64, check: ShortHash, work: &mut Work) {
        let Some(peer) = self.sync.peers.get_mut(from) else { return };
        let logs = std::mem::take(&mut peer.pushed_here);
        let heads: Vec<Head> = logs.iter().filter_map(|origin| self.state.head(origin)).collect();
        if until >= peer.cursor && check == pushed_check(peer.cursor, &heads) {
            peer.until = peer.until.max(until);
            self.settle_cursor(from, work);
        }
    }

    /// When what is new here may be passed on.
    pub(super) fn spread_due(&self) -> Option<Timestamp> {
        let is_news = self.state.journal.position() != self.sync.spread_position;
        is_news.then_some(self.sync.next_spread)
    }

    fn eager_peers(&mut self) -> BTreeSet<NodeId> {
        let mut left: Vec<NodeId> = self.sync.peers.keys().cloned().collect();
        let mut chosen = BTreeSet::new();
        while chosen.len() < EAGER_PEERS && !left.is_empty() {
            let at = usize::try_from(self.dice.below(left.len() as u64)).unwrap_or(0);
            chosen.insert(left.swap_remove(at));
        }
        chosen
    }

    /// Compares digests with one random peer.
    pub(super) fn ping_if_due(&mut self, now: Timestamp, work: &mut Work) {
        if self.sync.peers.is_empty() || now < self.sync.next_ping {
            return;
        }
        let jitter = i64::try_from(self.dice.below(PING_MS.unsigned_abs())).unwrap_or(0);
        self.sync.next_ping = now.plus_ms(PING_MS / 2 + jitter);
        let (digest, position) = (self.state.fresh_digest().root(), self.state.journal.position());
        let chosen = usize::try_from(self.dice.below(self.sync.peers.len() as u64)).unwrap_or(0);
        if let Some(node) = self.sync.peers.keys().nth(chosen) {
            work.then.push(Effect::Send(node.clone(), Frame::Ping { digest, position }));
            if self.clocks.is_due(now) {
                work.then.push(Effect::Send(node.clone(), Frame::Clock { now, is_answer: false }));
            }
        }
        self.ask_for_cosignatures(now, work);
        if now >= self.sync.next_cursors {
            self.sync.next_cursors = now.plus_ms(CURSOR_MS);
            self.seek_covers(work);
            let peers: Vec<_> = self.sync.peers.iter().map(|(node, peer)| (node.clone(), peer.clone())).collect();
            for (node, peer) in peers {
                self.keep_cursor(&node, &peer, work);
            }
        }
    }
}
