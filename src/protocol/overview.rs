//! How far replication has come, and when peers that are gone were heard last.
//!
//! Must never decide anything: it only reads, and costs no signature check, so that it may be asked for often.
use std::collections::BTreeMap;

use crate::domain::id::{NodeId, Origin};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::time::Timestamp;
use crate::protocol::Node;
use crate::protocol::limits::CLOCK_SKEW_MS;

/// When a stream ended and when something last came over it; the shell remembers it of peers that are gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Contact {
    /// Since when there is no stream.
    pub since: Timestamp,
    /// When something last arrived.
    pub last: Timestamp,
}

/// What a store has found out about itself, and whether it takes anything.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StoreCondition {
    /// Segments in which something is no longer what was confirmed.
    pub damaged_segments: Vec<u32>,
    /// How many places the node passed over when it read them, and fetches from others.
    pub holes: usize,
    /// Bytes of a batch that was being written when the process or the machine stopped, and was cut off at this start.
    pub torn_bytes: u64,
    /// Why the index was written anew at this start.
    pub index_rebuilt: Option<String>,
    /// Why it takes nothing at the moment.
    pub only_reading: Option<Reason>,
    /// Statements of the own log that were lost and have not been fetched yet.
    pub missing: usize,
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
    /// Why this node serves no orders now, if it does not: it catches up or its log is cut, its clock is off, or nobody would
    /// vouch for what it writes.
    pub fn check_serves_orders(&self, now: Timestamp) -> Result<(), Refusal> {
        self.check_may_broker()?;
        // Peers are compared with one by one; what each said last counts, so that it is told before anything waits for it.
        let last = self.clocks().offset().filter(|offset| offset.abs() > CLOCK_SKEW_MS);
        if last.is_some() || self.is_clock_off(now) {
            return Err(Refusal::new(Reason::ClockDiffers));
        }
        self.check_quorum()
    }

    /// Whether what is taken in is looked at in the same step; before that it waits.
    pub fn is_ready(&self) -> bool {
        self.is_ready
    }

    /// Whether so many witnesses are at hand as must cosign, this node among them if it is one.
    fn check_quorum(&self) -> Result<(), Refusal> {
        let Some(root) = self.state.registry.newest_root() else { return Ok(()) };
        let is_at_hand =
            |node: &&NodeId| *node == self.settings.node() || self.peers().any(|(peer, _)| peer == *node);
        let (reached, needed) = (root.witnesses.nodes.iter().filter(is_at_hand).count(), root.witnesses.quorum);
        if reached >= needed as usize {
            return Ok(());
        }
        Err(Refusal::new(Reason::QuorumUnreachable).with("reached", reached).with("needed", needed))
    }

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
}
