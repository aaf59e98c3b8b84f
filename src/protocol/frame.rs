//! Frames: what two nodes say to each other on their replication stream, and what a delivery carries.
use crate::domain::annex::Annex;
use crate::domain::id::{Hash, NodeId, OrderId, OrgId, Origin, StatementId};
use crate::domain::reason::Refusal;
use crate::domain::signing::{PublicKey, Signature};
use crate::domain::statement::Signed;
use crate::domain::time::Timestamp;
use crate::log::checkpoint::Checkpoint;
use crate::log::digest::{Head, HeadDigest, Salt, ShortHash};
use crate::log::fork::{Branch, ForkProof};
use crate::log::merkle::Tree;
use crate::log::note::{NoteSignature, SignatureType, SignedNote, key_id};
use crate::protocol::record::LogEntry;
use crate::protocol::settings::Instance;

/// The first eight bytes of a root: enough to notice that two nodes speak of different histories. What counts is
/// checked in full.
pub type RootPrefix = [u8; 8];

/// The prefix of a root.
pub fn prefix(root: &Hash) -> RootPrefix {
    let mut prefix = [0; 8];
    prefix.copy_from_slice(&root.0[..8]);
    prefix
}

/// What a node says of the end of a log it holds: a reason to ask, never a proof.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Claim {
    /// The log.
    pub origin: Origin,
    /// Number of entries that count.
    pub size: u64,
    /// Root over them.
    pub root: RootPrefix,
    /// Size of the newest witnessed checkpoint; 0 if there is none.
    pub witnessed: u64,
    /// Where the log is cut.
    pub cut: Option<u64>,
}

impl From<&Head> for Claim {
    fn from(head: &Head) -> Self {
        let Head { origin, size, root, witnessed, cut } = head;
        Self { origin: origin.clone(), size: *size, root: prefix(root), witnessed: *witnessed, cut: *cut }
    }
}

impl Claim {
    /// Everything that two claims about one log say together: frames may overtake each other.
    pub fn joined(self, other: &Self) -> Self {
        let (size, root) = if other.size > self.size { (other.size, other.root) } else { (self.size, self.root) };
        let cut = self.cut.into_iter().chain(other.cut).min();
        Self { size, root, cut, witnessed: self.witnessed.max(other.witnessed), ..self }
    }
}

/// What a node has of a log and wants to see continued.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wanted {
    /// The log.
    pub origin: Origin,
    /// First entry wanted: all before it are there.
    pub first: u64,
    /// Root over the entries before it.
    pub root: RootPrefix,
    /// Size of the newest witnessed checkpoint that is there.
    pub witnessed: u64,
    /// Where the log is known to be cut.
    pub cut: Option<u64>,
}

/// A run of entries under a signed checkpoint.
#[derive(Clone, PartialEq, Debug)]
pub struct Run {
    /// The log.
    pub origin: Origin,
    /// Index of the first entry.
    pub first: u64,
    /// Root over the entries before it, as the sender has them; absent where a [`Wanted`] that is answered has named
    /// the same.
    pub base: Option<RootPrefix>,
    /// The entries.
    pub entries: Vec<LogEntry>,
    /// The checkpoint they stand under.
    pub cover: Cover,
    /// Consistency proof from the size after these entries to the checkpoint; empty when they are equal.
    pub consistency: Vec<Hash>,
}

/// The signed checkpoint that a run stands under.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Cover {
    /// As a signed note, of the size after the entries or a larger one.
    Note(String),
    /// Of exactly the size after the entries, signed by the log alone: whoever has the entries can write the rest.
    Signature(Signature),
}

impl Cover {
    /// In its shortest form.
    pub fn of(note: &SignedNote, covered: u64, until: u64) -> Self {
        if let ([line], true) = (note.signatures(), covered == until)
            && let Ok(signature) = line.bytes.as_slice().try_into()
        {
            return Self::Signature(Signature(signature));
        }
        Self::Note(note.to_string())
    }

    /// The size of the checkpoint, where the note says it.
    pub fn size(&self) -> Option<u64> {
        match self {
            Self::Note(note) => Some(Checkpoint::parse(SignedNote::parse(note).ok()?.text()).ok()?.size),
            Self::Signature(_) => None,
        }
    }

    /// The note in full, for a log with this key that has become this tree with the run.
    pub fn note(&self, origin: &Origin, key: &PublicKey, tree: &Tree) -> Result<SignedNote, Refusal> {
        match self {
            Self::Note(note) => SignedNote::parse(note),
            Self::Signature(signature) => {
                let name = origin.to_string();
                let key_id = key_id(&name, SignatureType::Ed25519, key);
                let line = NoteSignature { name, key_id, bytes: signature.0.to_vec() };
                let checkpoint = Checkpoint { origin: origin.clone(), size: tree.size(), root: tree.root() };
                SignedNote::new(checkpoint.to_note_text(), vec![line])
            }
        }
    }
}

/// Tells whether two nodes mean the same by what one of them has pushed: the first four bytes of SHA-256 over the
/// journal position before (8 bytes, big-endian) and the digest over the heads of the logs that were pushed.
pub fn pushed_check(since: u64, heads: &[Head]) -> ShortHash {
    let digest = HeadDigest::of(heads).root();
    let [a, b, c, d, ..] = Hash::of(&[&since.to_be_bytes()[..], &digest.0].concat()).0;
    [a, b, c, d]
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
        /// The sender's store.
        instance: Instance,
        /// The sender's journal position.
        position: u64,
        /// The newest checkpoint of the receiver's own log that the sender holds, as a signed note.
        yours: Option<String>,
    },
    /// Continues where an earlier stream ended: everything up to `position` of the journal of `instance`, the
    /// receiver's, is durable at the sender. Zeros if the sender remembers nothing.
    Resume {
        /// The receiver's store as the sender remembers it.
        instance: Instance,
        /// The position.
        position: u64,
    },
    /// Digests of all 256 buckets, shortened under a salt, for a cold comparison.
    Buckets {
        /// The sender's journal position.
        position: u64,
        /// The salt.
        salt: Salt,
        /// The digests.
        digests: Vec<ShortHash>,
    },
    /// All heads of the sender in the buckets that differ. Zeros as positions if there are too many for one frame.
    Heads {
        /// The receiver's journal position when it sent its buckets.
        asked_at: u64,
        /// The sender's journal position.
        position: u64,
        /// The buckets, in ascending order.
        buckets: Vec<u8>,
        /// The heads.
        heads: Vec<Claim>,
    },
    /// Heads of the sender that have changed after journal position `since`, up to `until`.
    News {
        /// The position before.
        since: u64,
        /// The position after.
        until: u64,
        /// The heads.
        heads: Vec<Claim>,
    },
    /// Of every head of the sender that has changed since the position the receiver last acknowledged, the entries have
    /// been sent, or came from there.
    Pushed {
        /// The position now.
        until: u64,
        /// What both know if nothing was lost: see [`pushed_check`].
        check: ShortHash,
    },
    /// Everything up to this position of the receiver's journal is durable at the sender.
    Ack {
        /// The position.
        position: u64,
    },
    /// Digest over all heads, for comparison.
    Ping {
        /// The digest.
        digest: Hash,
        /// The sender's journal position.
        position: u64,
    },
    /// The sender's time, asked for or told unasked.
    Clock {
        /// The time.
        now: Timestamp,
        /// Whether it answers; whoever is told unasked answers with its own.
        is_answer: bool,
    },
    /// Asks for what the sender lacks of a log.
    Want(Wanted),
    /// Leave to send so many more bytes of entries.
    Credit {
        /// Bytes, as [`crate::protocol::replication::entry_bytes`] counts them.
        bytes: u64,
    },
    /// Entries.
    Entries(Run),
    /// A checkpoint with cosignatures.
    Cosigned {
        /// The signed note.
        note: String,
    },
    /// Asks the node of a log for the first witnessed checkpoint that covers each of these entries. It answers with
    /// [`Frame::Cosigned`] for each that it holds.
    CoversWanted {
        /// The log, which is the receiver's own.
        origin: Origin,
        /// The entries.
        indexes: Vec<u64>,
    },
    /// Roots of a log at some sizes, in search of the place where two histories part: they agree at `low`, they
    /// differ at `high`.
    Probe {
        /// The log.
        origin: Origin,
        /// Largest size at which both are known to agree.
        low: u64,
        /// Smallest size at which they are known to differ.
        high: u64,
        /// The sender's roots at sizes in between, ascending.
        roots: Vec<(u64, Hash)>,
    },
    /// One half of a fork proof: a signed history with this root at this size.
    Branch {
        /// The log.
        origin: Origin,
        /// The size.
        size: u64,
        /// The history.
        branch: Branch,
    },
    /// Two checkpoints of one log that cannot both be true.
    ForkProof(ForkProof),
    /// The sender serves others just now; not before this many milliseconds.
    Busy {
        /// Milliseconds.
        retry_after_ms: i64,
    },
    /// The sender closes.
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
    /// Those of their annexes that are at hand. The node itself neither fills nor reads this: its shell does, when it
    /// sends and before it stores.
    pub annexes: Vec<Annex>,
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

/// What one node asks another about orders in which both host a party.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Question {
    /// How did this attempt end? Whoever asks names the request, which only parties know.
    Outcome {
        /// The order.
        order: OrderId,
        /// The attempt.
        attempt: u32,
        /// The request.
        request: StatementId,
    },
    /// What do you hold of the order messages that the asker has lost: those from this position of its log on?
    OwnSince(u64),
}

/// Part of what a depositary gives back.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Returned {
    /// The statements, in the order in which they were deposited.
    pub statements: Vec<Signed>,
    /// From which parcel on there is more.
    pub next: Option<u64>,
    /// Parcels that cannot be opened: sealed to another key, or altered.
    pub unreadable: usize,
}

impl Delivery {
    /// Its key.
    pub fn key(&self) -> DeliveryKey {
        DeliveryKey { order: self.order, attempt: self.attempt, to: self.to.clone(), message: self.message }
    }
}
