//! What an operator sees of replication: every node known and every log, as this node stands with them.
//!
//! Must never decide anything: it only reads, and costs no signature check, so that it may be asked for often.
use std::collections::{BTreeMap, BTreeSet};

use crate::domain::id::{NodeId, Origin};
use crate::domain::reason::Refusal;
use crate::domain::time::Timestamp;
use crate::protocol::Node;
use crate::protocol::replication::memory::Shunned;

/// When a stream ended and when something last came over it; the shell remembers it of peers that are gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Contact {
    /// Since when there is no stream.
    pub since: Timestamp,
    /// When something last arrived.
    pub last: Timestamp,
}

/// Another node.
#[derive(Clone, Debug)]
pub struct PeerView<'a> {
    /// Its name.
    pub node: &'a NodeId,
    /// Whether a stream is open.
    pub is_up: bool,
    /// Since when it is as it is; none if there was no stream yet.
    pub since: Option<Timestamp>,
    /// When something last arrived from it.
    pub last: Option<Timestamp>,
    /// Positions of the own journal it has not acknowledged; none while there is no stream.
    pub lag: Option<u64>,
    /// Logs of which it says that it has more than is held here.
    pub ahead: Vec<&'a Origin>,
    /// How far its clock was from this node's when it said so last, in milliseconds; none if it has not.
    pub clock_offset_ms: Option<i64>,
    /// How often it broke the protocol, and until when it is not spoken to; zeros if never.
    pub shunned: Shunned,
}

/// A log as this node holds it, or has only heard of it.
#[derive(Clone, Debug)]
pub struct LogView<'a> {
    /// The log.
    pub origin: &'a Origin,
    /// Number of entries that count.
    pub size: u64,
    /// Size of the newest checkpoint that enough witnesses have cosigned.
    pub witnessed: u64,
    /// How many of the policy's witnesses have put their line under the end.
    pub cosigned: usize,
    /// How many the policy asks for.
    pub needed: usize,
    /// Entries whose content was refused.
    pub refused: usize,
    /// Where it is cut because it contradicts itself.
    pub cut: Option<u64>,
    /// How many peers say that they have more of it.
    pub longer: usize,
    /// Why it is followed no further: begun or continued against the trustees' word.
    pub not_followed: Option<&'a Refusal>,
}

/// How far a node has come with what its peers have announced.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Progress {
    /// Logs held or heard of.
    pub logs: u64,
    /// Entries held.
    pub held: u64,
    /// Entries held or announced.
    pub announced: u64,
    /// Whether at least one peer has been compared with, and nothing is lacking of what any of them told.
    pub is_level: bool,
}

impl Node {
    /// How far this node has come.
    pub fn progress(&self) -> Progress {
        let mut ends: BTreeMap<&Origin, (u64, u64)> = BTreeMap::new();
        for (origin, log) in self.state.logs.iter().filter(|(_, log)| log.tree.size() > 0) {
            ends.insert(origin, (log.size(), log.size()));
        }
        for head in self.peers().flat_map(|(_, peer)| peer.ahead()) {
            let (_, announced) = ends.entry(&head.origin).or_default();
            *announced = head.size.max(*announced);
        }
        let lacks_nothing = self.peers().all(|(_, peer)| peer.ahead().next().is_none());
        Progress {
            logs: ends.len() as u64,
            held: ends.values().map(|(held, _)| held).sum(),
            announced: ends.values().map(|(_, announced)| announced).sum(),
            is_level: lacks_nothing && self.peers().any(|(_, peer)| peer.is_compared()),
        }
    }

    /// Every other node known: by its log, by the configuration or by a stream; by name.
    pub fn peer_views<'a>(&'a self, contacts: &'a BTreeMap<NodeId, Contact>) -> Vec<PeerView<'a>> {
        let open: BTreeMap<_, _> = self.peers().collect();
        let shunned: BTreeMap<_, _> = self.shunned().collect();
        let mut known: BTreeSet<&NodeId> = self.state.logs.keys().map(|origin| &origin.node).collect();
        known.extend(&self.settings.anchors);
        known.extend(contacts.keys().chain(open.keys().copied()).chain(shunned.keys().copied()));
        let position = self.state.journal.position();
        let view = |node: &'a NodeId| {
            let (peer, contact) = (open.get(node), contacts.get(node));
            PeerView {
                node,
                is_up: peer.is_some(),
                since: peer.map(|peer| peer.up_at).or(contact.map(|contact| contact.since)),
                last: peer.map(|peer| peer.heard_at).or(contact.map(|contact| contact.last)),
                lag: peer.map(|peer| peer.lag(position)),
                ahead: peer.into_iter().flat_map(|peer| peer.ahead()).map(|head| &head.origin).collect(),
                clock_offset_ms: self.clocks().offset_of(node),
                shunned: shunned.get(node).map_or_else(Shunned::default, |shunned| **shunned),
            }
        };
        known.into_iter().filter(|node| *node != self.settings.node()).map(view).collect()
    }

    /// Every log held or heard of, by origin.
    pub fn log_views(&self) -> Vec<LogView<'_>> {
        let mut longer: BTreeMap<&Origin, usize> = BTreeMap::new();
        for head in self.peers().flat_map(|(_, peer)| peer.ahead()) {
            // A peer may also be ahead in cosignatures, or in knowing of a cut.
            let held = self.state.logs.get(&head.origin).map_or(0, |log| log.size());
            *longer.entry(&head.origin).or_default() += usize::from(head.size > held);
        }
        let policy = self.state.registry.newest_root().map(|root| &root.witnesses);
        let needed = policy.map_or(0, |policy| policy.quorum as usize);
        let witnesses: BTreeSet<&str> =
            policy.into_iter().flat_map(|policy| &policy.nodes).map(NodeId::as_str).collect();
        let not_followed: BTreeMap<&Origin, &Refusal> = self.refused_logs().collect();
        let heard_of = longer.keys().chain(not_followed.keys()).copied();
        let origins: BTreeSet<&Origin> = self.state.logs.keys().chain(heard_of).collect();
        let view = |origin| {
            let log = self.state.logs.get(origin);
            LogView {
                origin,
                size: log.map_or(0, |log| log.size()),
                witnessed: log.map_or(0, |log| log.witnessed_size()),
                cosigned: self.lines_under_end(origin, &witnesses),
                needed,
                refused: log.map_or(0, |log| log.refused.len()),
                cut: log.and_then(|log| log.cut()),
                longer: longer.get(origin).copied().unwrap_or(0),
                not_followed: not_followed.get(origin).copied(),
            }
        };
        origins.into_iter().map(view).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::digest::bucket_of;
    use crate::protocol::Input;
    use crate::protocol::explain::fixture::{Town, by_rule};
    use crate::protocol::frame::{Claim, Frame};

    #[test]
    fn a_peer_is_seen_up_ahead_and_gone() {
        let mut town = Town::new(by_rule());
        let kid: NodeId = "kid".parse().expect("name");
        let origin: Origin = Origin { node: kid.clone(), ..town.node.settings().origin.clone() };
        town.node.step(Input::PeerUp(kid.clone()), town.now);
        let head = Claim { origin: origin.clone(), size: 9, root: [1; 8], witnessed: 0, cut: None };
        let heads = Frame::Heads { asked_at: 0, position: 9, buckets: vec![bucket_of(&origin)], heads: vec![head] };
        let later = town.now.plus_ms(5);
        town.node.step(Input::Frame(kid.clone(), heads), later);
        let none = BTreeMap::new();
        let [peer] = &town.node.peer_views(&none)[..] else { panic!("one peer") };
        assert!(peer.is_up && peer.lag.is_some_and(|lag| lag > 0));
        assert_eq!((peer.node, peer.since, peer.last), (&kid, Some(town.now), Some(later)));
        assert_eq!(peer.ahead, [&origin]);
        let progress = town.node.progress();
        assert_eq!((progress.logs, progress.announced - progress.held, progress.is_level), (2, 9, false));
        let logs = town.node.log_views();
        let view = |node: &str| logs.iter().find(|log| log.origin.node.as_str() == node).expect("known");
        assert_eq!((view("kid").size, view("kid").longer, view("kitu").longer), (0, 1, 0));
        assert!(view("kitu").size > 0 && view("kitu").needed > 0);
        town.node.step(Input::PeerDown(kid.clone()), later);
        let gone = BTreeMap::from([(kid, Contact { since: later, last: town.now })]);
        let [peer] = &town.node.peer_views(&gone)[..] else { panic!("one peer") };
        assert_eq!((peer.is_up, peer.since, peer.last, peer.lag), (false, Some(later), Some(town.now), None));
    }

    #[test]
    fn who_breaks_the_protocol_is_seen_as_shunned() {
        let mut town = Town::new(by_rule());
        let kid: NodeId = "kid".parse().expect("name");
        town.node.step(Input::PeerUp(kid.clone()), town.now);
        let bad = Frame::Heads { asked_at: 0, position: 1, buckets: vec![9, 3], heads: Vec::new() };
        town.node.step(Input::Frame(kid, bad), town.now);
        let none = BTreeMap::new();
        let [peer] = &town.node.peer_views(&none)[..] else { panic!("one peer") };
        assert!(!peer.is_up && peer.shunned.strikes == 1 && peer.shunned.until > town.now);
    }
}
