//! What an operator decides for a node, and the keys the node signs with.
use std::collections::{BTreeMap, BTreeSet};

use crate::domain::id::{Hash, NodeId, OrgId, Origin, StatementId};
use crate::domain::money::Cents;
use crate::domain::price::Component;
use crate::domain::signing::{PublicKey, SecretKey};

/// Who decides for an organisation that is a hop or the provider.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Deciding {
    /// A rule: every leg fulfilled, the deadlines can be met, the price is within the cap.
    Rule {
        /// Whether facts marked as assumed will do.
        accept_assumed: bool,
        /// Above this total an officer decides all the same.
        total_max: Option<Cents>,
    },
    /// An officer, within this time; after it the organisation declines.
    Officer {
        /// Published service level, in milliseconds.
        within_ms: i64,
    },
}

/// How an organisation brokers. An organisation without a policy declines.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policy {
    /// Who decides.
    pub deciding: Deciding,
    /// What it charges for passing an order on.
    pub fee: Vec<Component>,
}

/// Names one life of a store. A store that was restored elsewhere gets another, so that what peers remember of the
/// old one is void.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Instance(pub [u8; 16]);

impl Instance {
    /// The name of the same store once it has lost these places: another life, of which peers believe nothing they remember.
    pub fn with_holes(self, holes: Hash) -> Self {
        let Hash(bytes) = Hash::of(&[&self.0[..], &holes.0].concat());
        let mut name = [0; 16];
        name.copy_from_slice(&bytes[..16]);
        Self(name)
    }
}

/// A node's settings.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Names this store.
    pub instance: Instance,
    /// The name is new: if the store holds anything, it was restored from a backup.
    pub is_new_store: bool,
    /// Nodes the operator has named; always connected, next to random ones.
    pub anchors: BTreeSet<NodeId>,
    /// The operator answers for it that nobody knows more of the own log than this store.
    pub alone: bool,
    /// What only this node holds is deposited at others, and asked for again after a restore.
    pub deposits: bool,
    /// The federation's root hash, the one thing that comes from outside.
    pub anchor: StatementId,
    /// The log this node writes; names federation, node and epoch.
    pub origin: Origin,
    /// The organisation that operates it.
    pub operator: OrgId,
    /// The organisations it hosts, the operator included.
    pub hosts: BTreeSet<OrgId>,
    /// How they broker.
    pub policies: BTreeMap<OrgId, Policy>,
}

impl Settings {
    /// The node's name.
    pub fn node(&self) -> &NodeId {
        &self.origin.node
    }
}

/// The private keys a node holds: never an officer's, never a root key. There may be several of one purpose, the old
/// one and the one that takes its place; which of them signs is what the node's own log says.
#[derive(Default)]
pub struct NodeKeys {
    /// Sign checkpoints of the node's own log.
    pub log: Vec<SecretKey>,
    /// Cosign checkpoints of all logs.
    pub witness: Vec<SecretKey>,
    /// Sign statements, per hosted organisation.
    pub statements: BTreeMap<OrgId, Vec<SecretKey>>,
    /// SHA-256 of the SubjectPublicKeyInfo of each TLS key that the node can show, oldest first; the keys themselves are
    /// the shell's. Empty where nobody connects to the node.
    pub tls: Vec<Hash>,
}

impl NodeKeys {
    /// The private half of a public key, if it is among these.
    pub fn half_of<'a>(keys: &'a [SecretKey], public: &PublicKey) -> Option<&'a SecretKey> {
        keys.iter().find(|key| key.public() == *public)
    }

    /// The keys of an organisation, oldest first.
    pub fn statements_of(&self, org: &OrgId) -> &[SecretKey] {
        self.statements.get(org).map_or(&[], Vec::as_slice)
    }
}

/// The source of randomness, injected so that a seed fixes every byte of a run.
pub trait Dice: Send {
    /// Fills the bytes.
    fn fill(&mut self, bytes: &mut [u8]);

    /// A number below `bound`; zero for a bound of zero.
    fn below(&mut self, bound: u64) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes).checked_rem(bound).unwrap_or(0)
    }

    /// Sixteen bytes of salt.
    fn salt(&mut self) -> crate::domain::salt::Salt {
        let mut bytes = [0; 16];
        self.fill(&mut bytes);
        crate::domain::salt::Salt(bytes)
    }
}
