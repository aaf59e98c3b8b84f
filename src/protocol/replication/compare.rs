//! What the other knows that is not known here, at a cost that grows with the difference and not with the catalogue.
//!
//! Equal digests end it. Otherwise the journal position reached last time says what may have changed since; who
//! remembers none compares 256 buckets. Whatever goes wrong on the way is found by the next comparison of digests.
use std::collections::BTreeMap;

use super::Peer;
use crate::domain::id::{Hash, NodeId, Origin};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::time::Timestamp;
use crate::log::digest::{BUCKETS, Salt, ShortHash, bucket_of};
use crate::protocol::frame::{Claim, Frame, prefix};
use crate::protocol::limits::{FRAME_HEADS_MAX, NEWS_RETRY_MS_MAX, NEWS_RETRY_MS_MIN};
use crate::protocol::mechanism::Mechanism;
use crate::protocol::record::Record;
use crate::protocol::settings::Instance;
use crate::protocol::{Effect, Node, Work};

/// Whether who holds `ours` can learn something from who holds `theirs`.
fn lacks(ours: Option<&Claim>, theirs: &Claim) -> bool {
    let Some(ours) = ours else { return theirs.size > 0 };
    let newer_cut = theirs.cut.is_some_and(|cut| ours.cut.is_none_or(|known| cut < known));
    let reachable = ours.cut.map_or(theirs.size, |cut| theirs.size.min(cut));
    newer_cut || reachable > ours.size || (ours.cut.is_none() && theirs.witnessed > ours.witnessed)
}

/// Nobody but this store gives the same one, and no two comparisons do between which anything has changed.
fn comparison_salt(instance: Instance, position: u64) -> Salt {
    let [a, b, c, d, e, f, g, h, ..] = Hash::of(&[&instance.0[..], &position.to_be_bytes()].concat()).0;
    [a, b, c, d, e, f, g, h]
}

impl Node {
    /// Both sides have said where they stand.
    pub(super) fn greeted(
        &mut self,
        from: &NodeId,
        digest: Hash,
        instance: Instance,
        position: u64,
        now: Timestamp,
        work: &mut Work,
    ) {
        self.heard_of_store(from, instance, work);
        let is_same_store = |known: &Instance| *known == instance || !Mechanism::CursorReset.is_on();
        let remembered = self.state.cursors.get(from).filter(|(known, at)| is_same_store(known) && *at <= position);
        let cursor = remembered.map_or(0, |(_, at)| *at);
        let Some(peer) = self.sync.peers.get_mut(from) else { return };
        (peer.instance, peer.cursor, peer.until) = (Some(instance), cursor, cursor);
        if digest == self.state.fresh_digest().root() {
            self.level(from, position, work);
        } else {
            self.ask_to_resume(from, work);
        }
        self.ask_for_more(now, work);
    }

    fn ask_to_resume(&mut self, to: &NodeId, work: &mut Work) {
        let Some(peer) = self.sync.peers.get_mut(to) else { return };
        peer.asked_cold = peer.cursor == 0;
        let instance = if peer.asked_cold { Instance::default() } else { peer.instance.unwrap_or_default() };
        work.then.push(Effect::Send(to.clone(), Frame::Resume { instance, position: peer.cursor }));
    }

    /// Both hold the same: everything the peer has up to its position is here.
    fn level(&mut self, with: &NodeId, position: u64, work: &mut Work) {
        let Some(peer) = self.sync.peers.get_mut(with) else { return };
        (peer.cursor, peer.until) = (position, position);
        peer.ahead.clear();
        work.then.push(Effect::Send(with.clone(), Frame::Ack { position }));
    }

    /// The peer wants to go on from a position in our journal; if it remembers none that is good, all is compared.
    pub(super) fn resumed(&mut self, from: &NodeId, instance: Instance, position: u64, work: &mut Work) {
        let is_ours = instance == self.settings.instance || !Mechanism::CursorReset.is_on();
        let is_known = is_ours && position > 0;
        let both_cold = self.sync.peers.get(from).is_some_and(|peer| peer.asked_cold);
        if is_known && position <= self.state.journal.position() {
            if let Some(peer) = self.sync.peers.get_mut(from) {
                (peer.acked, peer.told) = (position, position);
            }
            self.send_news(from, None, work);
        } else if !both_cold || self.settings.node() < from {
            // One side is enough when both know nothing of each other: the one whose name comes first.
            self.send_buckets(from, work);
        }
    }

    fn send_buckets(&mut self, to: &NodeId, work: &mut Work) {
        let position = self.state.journal.position();
        let salt = comparison_salt(self.settings.instance, position);
        let digests = self.state.fresh_digest().shortened(&salt);
        work.then.push(Effect::Send(to.clone(), Frame::Buckets { position, salt, digests }));
    }

    /// Answers with all heads in the buckets that differ.
    pub(super) fn buckets(
        &mut self,
        from: &NodeId,
        position: u64,
        salt: &Salt,
        theirs: &[ShortHash],
        work: &mut Work,
    ) -> Result<(), Refusal> {
        if theirs.len() != BUCKETS {
            return Err(Refusal::new(Reason::FrameInvalid).with("field", "buckets").with("entries", theirs.len()));
        }
        let ours = self.state.fresh_digest().shortened(salt);
        let differing = (0..=u8::MAX).filter(|at| ours[usize::from(*at)] != theirs[usize::from(*at)]);
        let (mut buckets, mut heads) = (Vec::new(), Vec::new());
        let (mut asked_at, mut end) = (position, self.state.journal.position());
        for bucket in differing {
            let held = self.state.heads_in(bucket);
            if heads.len() + held.len() > FRAME_HEADS_MAX {
                // The rest differs still when digests are compared again.
                (asked_at, end) = (0, 0);
                break;
            }
            buckets.push(bucket);
            heads.extend(held.iter().map(Claim::from));
        }
        if buckets.is_empty() {
            self.level(from, position, work);
            return Ok(());
        }
        work.then.push(Effect::Send(from.clone(), Frame::Heads { asked_at, position: end, buckets, heads }));
        Ok(())
    }

    /// All heads of a peer in some buckets: what it is ahead in is asked for, what it lacks it is told.
    #[expect(clippy::too_many_arguments, reason = "the parts of one frame, its sender, and where the step goes")]
    pub(super) fn heads(
        &mut self,
        from: &NodeId,
        asked_at: u64,
        position: u64,
        buckets: &[u8],
        heads: Vec<Claim>,
        now: Timestamp,
        work: &mut Work,
    ) -> Result<(), Refusal> {
        self.check_heads(&heads)?;
        let is_sorted = buckets.windows(2).all(|pair| pair[0] < pair[1]);
        let in_buckets = |head: &Claim| buckets.binary_search(&bucket_of(&head.origin)).is_ok();
        if !is_sorted || !heads.iter().all(in_buckets) {
            return Err(Refusal::new(Reason::FrameInvalid).with("field", "heads.buckets"));
        }
        let theirs: BTreeMap<&Origin, &Claim> = heads.iter().map(|head| (&head.origin, head)).collect();
        let ours = buckets.iter().flat_map(|bucket| self.state.heads_in(*bucket)).map(|head| Claim::from(&head));
        let mut told: Vec<Claim> = ours.filter(|head| lacks(theirs.get(&head.origin).copied(), head)).collect();
        // Other buckets were the same when they were sent, and may have changed since.
        let until = if asked_at == 0 { 0 } else { self.state.journal.position() };
        let since = self.state.journal.since(if asked_at == 0 { u64::MAX } else { asked_at });
        told.extend(since.filter_map(|(_, origin)| self.claim(origin)));
        if let Some(peer) = self.sync.peers.get_mut(from) {
            (peer.told, peer.retry_ms) = (until, NEWS_RETRY_MS_MIN);
            peer.retry_at = Some(now.plus_ms(NEWS_RETRY_MS_MIN));
        }
        work.then.push(Effect::Send(from.clone(), Frame::News { since: 0, until, heads: told }));
        self.take_heads(from, position, heads, now, work);
        Ok(())
    }

    /// Heads of a peer that have changed. What comes after a gap is not taken; the peer is told where the gap begins.
    pub(super) fn news(
        &mut self,
        from: &NodeId,
        since: u64,
        until: u64,
        heads: Vec<Claim>,
        now: Timestamp,
        work: &mut Work,
    ) -> Result<(), Refusal> {
        self.check_heads(&heads)?;
        if since > until {
            return Err(Refusal::new(Reason::FrameInvalid).with("field", "news.since"));
        }
        let Some(peer) = self.sync.peers.get_mut(from) else { return Ok(()) };
        peer.pushed_here.clear();
        if since > peer.cursor.max(peer.until) {
            work.then.push(Effect::Send(from.clone(), Frame::Ack { position: peer.cursor }));
            return Ok(());
        }
        self.take_heads(from, until, heads, now, work);
        Ok(())
    }

    fn check_heads(&self, heads: &[Claim]) -> Result<(), Refusal> {
        let foreign = heads.iter().find(|head| head.origin.federation != self.settings.origin.federation);
        if heads.len() > FRAME_HEADS_MAX || foreign.is_some() {
            return Err(Refusal::new(Reason::FrameInvalid).with("field", "heads").with("entries", heads.len()));
        }
        Ok(())
    }

    fn take_heads(&mut self, from: &NodeId, until: u64, heads: Vec<Claim>, now: Timestamp, work: &mut Work) {
        for head in heads {
            if self.contradicts(&head) {
                self.probe(from, &head.origin, head.size, work);
            }
            if self.is_lacking(&head)
                && let Some(peer) = self.sync.peers.get_mut(from)
                && peer.ahead.len() < FRAME_HEADS_MAX
            {
                let head = match peer.ahead.get(&head.origin) {
                    Some(known) => head.joined(known),
                    None => head,
                };
                peer.ahead.insert(head.origin.clone(), head);
            }
        }
        if let Some(peer) = self.sync.peers.get_mut(from) {
            peer.until = peer.until.max(until);
        }
        self.settle_cursor(from, work);
        self.ask_for_more(now, work);
    }

    /// What this node says of a log.
    fn claim(&self, origin: &Origin) -> Option<Claim> {
        self.state.head(origin).as_ref().map(Claim::from)
    }

    /// Whether a head tells of something that is not here. That holds for the own log too: whoever shows more of it
    /// under the own key knows what this store has lost.
    pub(super) fn is_lacking(&self, theirs: &Claim) -> bool {
        lacks(self.claim(&theirs.origin).as_ref(), theirs)
    }

    /// Whether a head cannot belong to the same history as what is held here.
    fn contradicts(&self, theirs: &Claim) -> bool {
        let log = self.state.logs.get(&theirs.origin);
        let ours = log.filter(|log| theirs.size <= log.size()).map(|log| log.tree.root_at(theirs.size));
        theirs.size > 0 && ours.is_some_and(|ours| ours.map(|root| prefix(&root)) != Ok(theirs.root))
    }

    /// A log has changed here: whoever told of it may have nothing more to tell.
    pub(super) fn settled(&mut self, origin: &Origin, work: &mut Work) {
        let told: Vec<NodeId> = self
            .sync
            .peers
            .iter()
            .filter(|(_, peer)| peer.ahead.contains_key(origin))
            .map(|(node, _)| node.clone())
            .collect();
        for node in told {
            let Some(head) = self.sync.peers.get(&node).and_then(|peer| peer.ahead.get(origin)) else { continue };
            if self.is_lacking(head) {
                continue;
            }
            if let Some(peer) = self.sync.peers.get_mut(&node) {
                peer.ahead.remove(origin);
                peer.wants.remove(origin);
            }
            self.sync.fetching.remove(origin);
            self.settle_cursor(&node, work);
        }
    }

    /// The cursor goes on when nothing that was told is lacking any more. What is acknowledged is durable by then: the
    /// frame leaves after the commit.
    pub(super) fn settle_cursor(&mut self, node: &NodeId, work: &mut Work) {
        let Some(peer) = self.sync.peers.get_mut(node) else { return };
        if peer.ahead.is_empty() {
            peer.cursor = peer.until;
            work.then.push(Effect::Send(node.clone(), Frame::Ack { position: peer.cursor }));
        }
    }

    /// The peer has everything up to a position of our journal, or says where it has a gap.
    pub(super) fn acknowledged(&mut self, from: &NodeId, position: u64, now: Timestamp) {
        let end = self.state.journal.position();
        let Some(peer) = self.sync.peers.get_mut(from).filter(|_| position <= end) else { return };
        let has_gap = position < peer.acked;
        peer.acked = position;
        peer.told = peer.told.max(position);
        if position >= peer.told {
            (peer.retry_at, peer.retry_ms) = (None, NEWS_RETRY_MS_MIN);
        } else if has_gap {
            peer.retry_at = Some(now);
        }
    }

    /// Compares digests. If they differ, both sides say what may have changed since they last agreed; if neither
    /// knows of anything, everything is compared.
    pub(super) fn pinged(&mut self, from: &NodeId, digest: Hash, position: u64, work: &mut Work) {
        if digest == self.state.fresh_digest().root() {
            self.level(from, position, work);
            return;
        }
        let end = self.state.journal.position();
        let Some(peer) = self.sync.peers.get(from) else { return };
        let (is_told, is_heard) = (peer.told >= end, peer.cursor.max(peer.until) >= position);
        if !is_told {
            self.send_news(from, None, work);
        }
        if !is_heard {
            self.ask_to_resume(from, work);
        }
        let rests = self.sync.peers.get(from).is_some_and(|peer| peer.ahead.is_empty() && peer.acked >= end);
        if is_told && is_heard && rests {
            self.send_buckets(from, work);
        }
    }

    /// Tells a peer which heads have changed since what it acknowledged, and when to tell again.
    pub(super) fn send_news(&mut self, to: &NodeId, retry: Option<Timestamp>, work: &mut Work) {
        let Some(since) = self.sync.peers.get(to).map(|peer| peer.acked) else { return };
        let changed: Vec<(u64, &Origin)> = self.state.journal.since(since).take(FRAME_HEADS_MAX).collect();
        let is_all = changed.len() < FRAME_HEADS_MAX;
        let last = changed.last().map_or(since, |(position, _)| *position);
        let until = if is_all { self.state.journal.position() } else { last };
        let heads: Vec<Claim> = changed.into_iter().filter_map(|(_, origin)| self.claim(origin)).collect();
        if let Some(peer) = self.sync.peers.get_mut(to) {
            peer.told = until;
            peer.retry_at = retry.or(peer.retry_at);
        }
        if until > since {
            work.then.push(Effect::Send(to.clone(), Frame::News { since, until, heads }));
        }
    }

    /// Tells again what was not acknowledged, more and more rarely.
    pub(super) fn repeat_news(&mut self, now: Timestamp, work: &mut Work) {
        let end = self.state.journal.position();
        let is_due = |peer: &Peer| peer.retry_at.is_some_and(|at| at <= now);
        let due: Vec<NodeId> =
            self.sync.peers.iter().filter(|(_, peer)| is_due(peer)).map(|(node, _)| node.clone()).collect();
        for node in due {
            let Some(peer) = self.sync.peers.get_mut(&node) else { continue };
            peer.retry_at = None;
            if peer.acked >= end || !Mechanism::RetellNews.is_on() {
                continue;
            }
            let wait = peer.retry_ms.max(NEWS_RETRY_MS_MIN);
            peer.retry_ms = (wait * 2).min(NEWS_RETRY_MS_MAX);
            let jitter = i64::try_from(self.dice.below(wait.unsigned_abs() / 4 + 1)).unwrap_or(0);
            self.send_news(&node, Some(now.plus_ms(wait + jitter)), work);
        }
    }

    /// Stores how far a peer's journal has been followed, if that is news.
    pub(super) fn keep_cursor(&mut self, node: &NodeId, peer: &Peer, work: &mut Work) {
        let Some(instance) = peer.instance.filter(|_| peer.cursor > 0) else { return };
        if self.state.cursors.get(node) != Some(&(instance, peer.cursor)) {
            self.state.cursors.insert(node.clone(), (instance, peer.cursor));
            work.commit.push(Record::Cursor { peer: node.clone(), instance, position: peer.cursor });
        }
    }

    /// Whether the own digest is that of a peer's heads and nothing is under way.
    pub fn is_level(&self) -> bool {
        let end = self.state.journal.position();
        self.sync.peers.values().all(|peer| peer.ahead.is_empty() && peer.acked >= end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_lacks_what_the_other_has_more_of() {
        let head = |size, witnessed, cut| Claim {
            origin: "demo/log/kitu/1".parse().expect("origin"),
            size,
            root: [0; 8],
            witnessed,
            cut,
        };
        for (ours, theirs, expected) in [
            (None, head(0, 0, None), false),
            (None, head(1, 0, None), true),
            (Some(head(5, 2, None)), head(5, 2, None), false),
            (Some(head(5, 2, None)), head(6, 2, None), true),
            (Some(head(5, 2, None)), head(5, 3, None), true),
            (Some(head(5, 2, None)), head(3, 0, None), false),
            (Some(head(5, 2, None)), head(3, 0, Some(3)), true),
            (Some(head(3, 0, Some(3))), head(5, 2, None), false),
            (Some(head(3, 0, Some(3))), head(2, 0, Some(2)), true),
            (Some(head(2, 0, Some(3))), head(5, 4, None), true),
        ] {
            assert_eq!(lacks(ours.as_ref(), &theirs), expected, "{ours:?} {theirs:?}");
        }
    }
}
