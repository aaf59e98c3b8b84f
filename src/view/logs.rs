//! The logs a node holds, each as one row.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rpds::RedBlackTreeMapSync;

use crate::domain::id::{Hash, NodeId, Origin};
use crate::domain::reason::Refusal;
use crate::log::digest::{Head, HeadDigest};
use crate::log::note::SignedNote;
use crate::protocol::Node;
use crate::protocol::replication::witness::lines_of;
use crate::protocol::state::LogState;
use crate::view::peers::Peers;

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

/// One log.
#[derive(Clone, Debug)]
pub struct LogRow {
    head: Head,
    held: u64,
    root: Hash,
    cosigned: usize,
    refused: usize,
    witnessed: Option<(u64, Arc<SignedNote>)>,
}

impl LogRow {
    /// A row from what is held; the one before shares what has not changed.
    fn of(origin: &Origin, log: &LogState, cosigned: usize, before: Option<&Self>) -> Self {
        let head = log.head(origin);
        let held = log.tree.size();
        let root = if held == head.size { head.root } else { log.tree.root() };
        let known = before.and_then(|row| row.witnessed.as_ref());
        let witnessed = log.witnessed.as_ref().map(|(size, note)| match known {
            Some((same, shared)) if same == size => (*size, Arc::clone(shared)),
            _ => (*size, Arc::new(note.clone())),
        });
        Self { head, held, root, cosigned, refused: log.refused.len(), witnessed }
    }

    /// How many entries count.
    pub fn size(&self) -> u64 {
        self.head.size
    }

    /// The root over those that count.
    pub fn root(&self) -> Hash {
        self.head.root
    }

    /// How many entries are held, also those after a cut, and the root over them.
    pub fn tree(&self) -> (u64, Hash) {
        (self.held, self.root)
    }

    /// Size of the newest witnessed checkpoint; 0 if there is none.
    pub fn witnessed_size(&self) -> u64 {
        self.head.witnessed
    }
}

/// All logs, by origin.
#[derive(Clone, Default)]
pub(super) struct Logs {
    rows: RedBlackTreeMapSync<Origin, Arc<LogRow>>,
    /// Position of the node's journal up to which it was followed.
    position: u64,
    /// Root version by which lines under the end were counted.
    policy: u32,
    /// Own checkpoints that wait for cosignatures.
    pending: Vec<(u64, Arc<SignedNote>)>,
}

impl Logs {
    pub(super) fn follow(&mut self, node: &Node) {
        let state = node.state();
        let version = state.registry.newest_root_version();
        let is_counted_anew = version != self.policy;
        let moved = state.journal.since(self.position).map(|(_, origin)| origin);
        // Cosignatures gather under the own end without moving the journal.
        let touched: BTreeSet<&Origin> = match is_counted_anew {
            true => state.logs.keys().collect(),
            false => moved.chain([&state.own]).collect(),
        };
        let policy = state.registry.newest_root().map(|root| &root.witnesses);
        let witnesses: BTreeSet<&str> =
            policy.into_iter().flat_map(|policy| &policy.nodes).map(NodeId::as_str).collect();
        self.follow_pending(node);
        for origin in touched {
            if let Some(log) = state.logs.get(origin) {
                let cosigned = self.cosigned(origin == &state.own, log, &witnesses);
                let row = LogRow::of(origin, log, cosigned, self.get(origin));
                self.rows.insert_mut(origin.clone(), Arc::new(row));
            }
        }
        (self.position, self.policy) = (state.journal.position(), version);
    }

    fn follow_pending(&mut self, node: &Node) {
        let known = std::mem::take(&mut self.pending);
        let shared = |size: u64, note: &SignedNote| {
            let (_, shared) = known.iter().find(|(known, _)| *known == size)?;
            (shared.signatures().len() == note.signatures().len()).then(|| Arc::clone(shared))
        };
        let pending = node.pending_notes();
        let pending =
            pending.map(|(size, note)| (size, shared(size, note).unwrap_or_else(|| Arc::new(note.clone()))));
        self.pending = pending.collect();
    }

    /// How many of these witnesses have put their line under the end. Counts names: that a quorum is genuine was checked
    /// when the checkpoint was kept.
    fn cosigned(&self, is_own: bool, log: &LogState, witnesses: &BTreeSet<&str>) -> usize {
        let size = log.tree.size();
        let kept = log.witnessed.as_ref().filter(|(covered, _)| *covered == size).map(|(_, note)| note);
        let pending = self.pending.iter().filter(|(covered, _)| is_own && *covered == size).map(|(_, note)| &**note);
        kept.into_iter().chain(pending).map(|note| lines_of(note, witnesses)).max().unwrap_or(0)
    }

    pub(super) fn get(&self, origin: &Origin) -> Option<&LogRow> {
        self.rows.get(origin).map(|row| &**row)
    }

    /// Position of the node's journal.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// The nodes whose logs these are.
    pub(super) fn nodes(&self) -> impl Iterator<Item = &NodeId> {
        self.rows.keys().map(|origin| &origin.node)
    }

    pub(super) fn digest(&self) -> Hash {
        let begun = self.rows.values().filter(|row| row.held > 0);
        HeadDigest::of(begun.map(|row| &row.head)).root()
    }

    /// The checkpoints known that cover an entry.
    pub(super) fn notes_over<'a>(
        &'a self,
        origin: &Origin,
        index: u64,
        own: &Origin,
    ) -> impl Iterator<Item = &'a SignedNote> + use<'a> {
        let kept = self.get(origin).and_then(|row| row.witnessed.as_ref());
        let pending = if origin == own { &self.pending[..] } else { &[] };
        kept.into_iter().chain(pending).filter(move |(size, _)| *size > index).map(|(_, note)| &**note)
    }

    pub(super) fn views<'a>(&'a self, peers: &'a Peers, needed: usize) -> Vec<LogView<'a>> {
        let mut longer: BTreeMap<&Origin, usize> = BTreeMap::new();
        for (origin, size) in peers.announced() {
            // A peer may also be ahead in cosignatures, or in knowing of a cut.
            let held = self.get(origin).map_or(0, LogRow::size);
            *longer.entry(origin).or_default() += usize::from(size > held);
        }
        let not_followed = peers.refused_logs();
        let heard_of = longer.keys().copied().chain(not_followed.keys());
        let origins: BTreeSet<&Origin> = self.rows.keys().chain(heard_of).collect();
        let view = |origin| {
            let log = self.get(origin);
            LogView {
                origin,
                size: log.map_or(0, LogRow::size),
                witnessed: log.map_or(0, LogRow::witnessed_size),
                cosigned: log.map_or(0, |log| log.cosigned),
                needed,
                refused: log.map_or(0, |log| log.refused),
                cut: log.and_then(|log| log.head.cut),
                longer: longer.get(origin).copied().unwrap_or(0),
                not_followed: not_followed.get(origin),
            }
        };
        origins.into_iter().map(view).collect()
    }
}
