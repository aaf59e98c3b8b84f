//! What replication remembers beside the state; all of it can be learnt again.
use std::collections::{BTreeMap, BTreeSet};

use crate::domain::id::{NodeId, OrderId, Origin, StatementId};
use crate::domain::reason::Refusal;
use crate::domain::time::Timestamp;
use crate::domain::trust::NodeRecord;
use crate::log::note::SignedNote;
use crate::protocol::frame::Claim;
use crate::protocol::limits::{CREDIT_BYTES, OWN_LOG_WAIT_MS};
use crate::protocol::replication::quota::Quota;
use crate::protocol::settings::Instance;

/// A peer with an open stream.
#[derive(Clone, Debug, Default)]
pub struct Peer {
    /// When the stream was opened.
    pub up_at: Timestamp,
    /// When something last arrived.
    pub heard_at: Timestamp,
    /// Its store, once it has said hello.
    pub(in crate::protocol) instance: Option<Instance>,
    /// Position of its journal up to which everything is here.
    pub(in crate::protocol) cursor: u64,
    /// The position this node said it resumes from was none: it wants all heads that differ.
    pub(in crate::protocol) asked_cold: bool,
    /// Where the cursor goes once nothing is lacking of what it told.
    pub(in crate::protocol) until: u64,
    /// Heads it told that are ahead of what is held here.
    pub(in crate::protocol) ahead: BTreeMap<Origin, Claim>,
    /// Position of the own journal up to which it has been told, and up to which it has everything.
    pub(in crate::protocol) told: u64,
    pub(in crate::protocol) acked: u64,
    /// When it is told again what it has not acknowledged, and how long the wait is then.
    pub(in crate::protocol) retry_at: Option<Timestamp>,
    pub(in crate::protocol) retry_ms: i64,
    /// What it has asked for: the next entry of each log.
    pub(in crate::protocol) sending: BTreeMap<Origin, u64>,
    /// Logs whose news were sent to it without being asked, and the journal position until which that is all that is
    /// new to it; absent if it is not.
    pub(in crate::protocol) pushed_there: Option<(u64, BTreeSet<Origin>)>,
    /// Logs of which it sent entries without being asked, since it last said what is new.
    pub(in crate::protocol) pushed_here: BTreeSet<Origin>,
    /// Entries for it are being read.
    pub(in crate::protocol) is_reading: bool,
    /// Bytes of entries it may be sent.
    pub(in crate::protocol) credit: u64,
    /// Bytes of entries it sent since it was last given leave.
    pub(in crate::protocol) received: u64,
    /// Logs it was asked for, and when.
    pub(in crate::protocol) wants: BTreeMap<Origin, Timestamp>,
    /// When it last delivered something it was asked for.
    pub(in crate::protocol) delivered_at: Timestamp,
    /// Wants that came to nothing since it last sent entries.
    pub(in crate::protocol) stalls: u32,
    /// First checkpoints of its log that it was asked for.
    pub(in crate::protocol) sought: BTreeSet<(Origin, u64)>,
    /// Not before then it is sent first checkpoints of the own log again.
    pub(in crate::protocol) covers_at: Timestamp,
    /// It asked for patience until then.
    pub(in crate::protocol) busy_until: Timestamp,
}

impl Peer {
    pub(in crate::protocol) fn new(now: Timestamp) -> Self {
        Self { up_at: now, heard_at: now, credit: CREDIT_BYTES, ..Self::default() }
    }

    /// Position of the own journal up to which it has everything.
    pub fn acked(&self) -> u64 {
        self.acked
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
    pub(in crate::protocol) peers: BTreeMap<NodeId, Peer>,
    pub(in crate::protocol) shunned: BTreeMap<NodeId, Shunned>,
    /// From whom each log is being fetched.
    pub(in crate::protocol) fetching: BTreeMap<Origin, NodeId>,
    /// Newly arrived entries to pass on: first index, and who sent them.
    pub(in crate::protocol) fresh: BTreeMap<Origin, (u64, Option<NodeId>)>,
    /// Journal position that peers were last told of, and when they may be told of more.
    pub(in crate::protocol) spread_position: u64,
    pub(in crate::protocol) next_spread: Timestamp,
    pub(in crate::protocol) next_ping: Timestamp,
    pub(in crate::protocol) next_cursors: Timestamp,
    /// The last order that was looked at for missed checkpoints; none where the next look begins with the first.
    pub(super) covers_after: Option<OrderId>,
    /// Own checkpoints that wait for cosignatures, by size.
    pub(in crate::protocol) pending_notes: BTreeMap<u64, SignedNote>,
    /// Cosigned checkpoints that came before what they cover, and when; one for each log.
    pub(in crate::protocol) early_notes: BTreeMap<Origin, (SignedNote, Timestamp)>,
    /// Logs that are followed no further, each with the reason why and when they are tried again.
    pub(in crate::protocol) refused_logs: BTreeMap<Origin, (Refusal, Timestamp)>,
    /// What may be taken of each log.
    pub(super) quotas: BTreeMap<Origin, Quota>,
    pub(in crate::protocol) own: OwnLog,
    /// Records that nodes have shown which have a new TLS key and cannot be reached by the old one; each with the record
    /// of their log that it goes before.
    pub(in crate::protocol) shown: BTreeMap<NodeId, (NodeRecord, Option<StatementId>)>,
}

impl Replication {
    /// Remembers nothing but what others have said of the own log.
    pub(in crate::protocol) fn knowing(own: OwnLog) -> Self {
        Self { own, ..Self::default() }
    }

    /// The clock was set back: what waited for a time that is far away now ends.
    pub(in crate::protocol) fn clock_set_back(&mut self, now: Timestamp) {
        (self.next_ping, self.next_spread, self.next_cursors) = (now, now, now);
        for peer in self.peers.values_mut() {
            (peer.delivered_at, peer.busy_until, peer.covers_at) = (now, now, now);
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
    pub(in crate::protocol) fn arrived(&mut self, origin: &Origin, first: u64, source: Option<NodeId>) {
        let (_, known) = self.fresh.entry(origin.clone()).or_insert_with(|| (first, source.clone()));
        if *known != source {
            *known = None;
        }
    }
}

/// How far the question for the own log has come.
#[derive(Debug, Default)]
pub struct OwnLog {
    pub(in crate::protocol) is_known: bool,
    pub(in crate::protocol) heard: BTreeSet<NodeId>,
    pub(in crate::protocol) longest: u64,
    /// The store may be older than what the node has signed: restored, or begun anew.
    pub(in crate::protocol) is_restored: bool,
    /// Until when more than one peer is waited for.
    pub(in crate::protocol) patience: Option<Timestamp>,
    /// Orders that wait for it.
    pub(in crate::protocol) waiting: BTreeSet<OrderId>,
}

impl OwnLog {
    /// Whether enough peers have said how far the own log goes, and all of it is here.
    pub fn is_known(&self) -> bool {
        self.is_known
    }

    pub(in crate::protocol) fn clock_set_back(&mut self, now: Timestamp) {
        self.patience = self.patience.map(|_| now.plus_ms(OWN_LOG_WAIT_MS));
    }
}
