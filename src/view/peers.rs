//! How a node stands with the other nodes.
use std::collections::{BTreeMap, BTreeSet};

use crate::domain::id::{NodeId, Origin};
use crate::domain::reason::Refusal;
use crate::domain::time::Timestamp;
use crate::protocol::Node;
use crate::protocol::clocks::Clocks;
use crate::protocol::overview::Contact;
use crate::protocol::replication::memory::{Peer, Shunned};
use crate::protocol::settings::Settings;

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

/// A peer with an open stream.
#[derive(Clone, Debug)]
struct Open {
    up_at: Timestamp,
    heard_at: Timestamp,
    acked: u64,
    /// Logs of which it says that it has more, and how much.
    ahead: Vec<(Origin, u64)>,
}

impl Open {
    fn of(peer: &Peer) -> Self {
        let ahead = peer.ahead().map(|claim| (claim.origin.clone(), claim.size)).collect();
        Self { up_at: peer.up_at, heard_at: peer.heard_at, acked: peer.acked(), ahead }
    }
}

/// All that replication remembers and people ask for.
#[derive(Clone, Default, Debug)]
pub(super) struct Peers {
    open: BTreeMap<NodeId, Open>,
    contacts: BTreeMap<NodeId, Contact>,
    shunned: BTreeMap<NodeId, Shunned>,
    refused_logs: BTreeMap<Origin, Refusal>,
    clocks: Clocks,
}

impl Peers {
    pub(super) fn of(node: &Node, contacts: &BTreeMap<NodeId, Contact>) -> Self {
        Self {
            open: node.peers().map(|(name, peer)| (name.clone(), Open::of(peer))).collect(),
            contacts: contacts.clone(),
            shunned: node.shunned().map(|(name, shunned)| (name.clone(), *shunned)).collect(),
            refused_logs: node.refused_logs().map(|(log, why)| (log.clone(), why.clone())).collect(),
            clocks: node.clocks().clone(),
        }
    }

    /// What they have said about the time.
    pub(super) fn clocks(&self) -> &Clocks {
        &self.clocks
    }

    /// The nodes with an open stream.
    pub(super) fn connected(&self) -> impl Iterator<Item = &NodeId> {
        self.open.keys()
    }

    /// What peers say they have more of.
    pub(super) fn announced(&self) -> impl Iterator<Item = (&Origin, u64)> {
        self.open.values().flat_map(|peer| &peer.ahead).map(|(origin, size)| (origin, *size))
    }

    /// Logs that are followed no further, and why.
    pub(super) fn refused_logs(&self) -> &BTreeMap<Origin, Refusal> {
        &self.refused_logs
    }

    /// Every other node known: by its log, by the configuration or by a stream; by name.
    pub(super) fn views<'a>(
        &'a self,
        settings: &'a Settings,
        with_logs: impl Iterator<Item = &'a NodeId>,
        position: u64,
    ) -> Vec<PeerView<'a>> {
        let mut known: BTreeSet<&NodeId> = with_logs.chain(&settings.anchors).collect();
        known.extend(self.contacts.keys().chain(self.open.keys()).chain(self.shunned.keys()));
        let view = |node: &'a NodeId| {
            let (peer, contact) = (self.open.get(node), self.contacts.get(node));
            PeerView {
                node,
                is_up: peer.is_some(),
                since: peer.map(|peer| peer.up_at).or(contact.map(|contact| contact.since)),
                last: peer.map(|peer| peer.heard_at).or(contact.map(|contact| contact.last)),
                lag: peer.map(|peer| position.saturating_sub(peer.acked)),
                ahead: peer.into_iter().flat_map(|peer| &peer.ahead).map(|(origin, _)| origin).collect(),
                clock_offset_ms: self.clocks.offset_of(node),
                shunned: self.shunned.get(node).copied().unwrap_or_default(),
            }
        };
        known.into_iter().filter(|node| *node != settings.node()).map(view).collect()
    }
}
