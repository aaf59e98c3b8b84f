//! Frames: what two nodes say to each other on their replication stream, and what a delivery carries.
use crate::domain::id::{Hash, NodeId, OrderId, OrgId, Origin, StatementId};
use crate::domain::statement::Signed;
use crate::protocol::record::LogEntry;

/// The end of a log as a node holds it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Head {
    /// The log.
    pub origin: Origin,
    /// Number of entries.
    pub size: u64,
    /// Root of the tree over them.
    pub root: Hash,
}

/// One frame of the symmetric stream.
#[derive(Clone, PartialEq, Debug)]
pub enum Frame {
    /// First frame of either side, sent at once.
    Hello {
        /// The federation's root hash: nodes of different federations part here.
        anchor: StatementId,
        /// Who speaks; must be the node whose TLS key was seen.
        node: NodeId,
        /// Digest over all heads.
        digest: Hash,
    },
    /// All heads of the sender.
    Heads {
        /// The heads.
        heads: Vec<Head>,
        /// Whether the sender wants the receiver's heads in return.
        answer: bool,
    },
    /// Digest over all heads, for comparison.
    Ping {
        /// The digest.
        digest: Hash,
    },
    /// Asks for entries.
    Want {
        /// The log.
        origin: Origin,
        /// First entry wanted.
        first: u64,
    },
    /// A run of entries under a signed checkpoint.
    Entries {
        /// The log.
        origin: Origin,
        /// Index of the first entry.
        first: u64,
        /// The entries.
        entries: Vec<LogEntry>,
        /// The checkpoint as a signed note, of this or a larger size.
        note: String,
        /// Consistency proof from the size after these entries to the checkpoint; empty when they are equal.
        consistency: Vec<Hash>,
    },
    /// A checkpoint with cosignatures.
    Cosigned {
        /// The signed note.
        note: String,
    },
    /// The sender closes, and says why.
    Bye {
        /// Stable reason word.
        reason: String,
    },
}

/// A message on its way to a party, with what the party needs to place it.
#[derive(Clone, PartialEq, Debug)]
pub struct Delivery {
    /// The order.
    pub order: OrderId,
    /// The attempt.
    pub attempt: u32,
    /// For whom.
    pub to: OrgId,
    /// The message this is about; the receipt names it.
    pub message: StatementId,
    /// Its predecessors and the message itself, in the order in which they fit.
    pub messages: Vec<Signed>,
}

/// What a delivery is remembered by: the same key twice is the same delivery.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct DeliveryKey {
    /// The order.
    pub order: OrderId,
    /// The attempt.
    pub attempt: u32,
    /// For whom.
    pub to: OrgId,
    /// The message.
    pub message: StatementId,
}

impl Delivery {
    /// Its key.
    pub fn key(&self) -> DeliveryKey {
        DeliveryKey { order: self.order, attempt: self.attempt, to: self.to.clone(), message: self.message }
    }
}
