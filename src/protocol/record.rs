//! Records: the only thing a node ever writes. Everything it knows is a fold over them.
//!
//! A batch of records is appended as one unit. The binary form is postcard; new variants are only ever added at the
//! end, and golden bytes pin the old ones. Records are read back through the same checks they came in by: a disk is a
//! courier too. Only the arithmetic of signatures is not repeated where the node's own mark stands beside them
//! ([`crate::domain::checked`]).
use serde::{Deserialize, Serialize};

use crate::domain::checked::Mark;
use crate::domain::id::{Hash, KeyHash, NodeId, OrderId, OrgId, Origin, StatementId};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::signing::Signature;
use crate::domain::statement::{SignatureBy, Signed};
use crate::log::fork::{Branch, ForkProof};
use crate::log::leaf::Leaf;
use crate::log::note::SignedNote;
use crate::protocol::settings::Instance;

/// One entry of a log: the leaf, and the statement if this node may have it.
#[derive(Clone, PartialEq, Debug)]
pub struct LogEntry {
    /// What is hashed into the tree.
    pub leaf: Leaf,
    /// The statement. Absent for confidential entries of others.
    pub statement: Option<Signed>,
}

/// What happened, durably.
#[derive(Clone, PartialEq, Debug)]
pub enum Record {
    /// Entries were appended to a log: this node's own, or its replica of another's.
    Entries {
        /// The log.
        origin: Origin,
        /// Index of the first entry.
        first: u64,
        /// The entries.
        entries: Vec<LogEntry>,
        /// For replicas the signed note under which they were verified; empty for the own log.
        note: String,
    },
    /// A cosigned checkpoint of any log, own or replica; the newest of each log counts.
    Cosigned {
        /// The log.
        origin: Origin,
        /// The note with its cosignature lines.
        note: String,
    },
    /// A statement kept outside any log: a receipt, sent or received, or the second of two contradicting messages.
    Kept(Signed),
    /// A message reached its destination, and the receipt is kept.
    Delivered {
        /// The order.
        order: OrderId,
        /// The attempt.
        attempt: u32,
        /// The organisation it was for.
        to: OrgId,
        /// The message.
        message: StatementId,
    },
    /// A log contradicts itself; the newest proof of each log counts.
    Forked(Box<ForkProof>),
    /// Everything up to this position of a peer's journal is here.
    Cursor {
        /// The peer.
        peer: NodeId,
        /// Its store.
        instance: Instance,
        /// The position.
        position: u64,
    },
    /// The content of an entry of the own log that was lost and came back from a party.
    Recovered(Signed),
    /// Marks of statements in the records that follow, whose signatures this node has checked.
    Checked(Vec<Mark>),
    /// The last checkpoint of the own log under a log key that the next entry replaces.
    Bridge {
        /// The log.
        origin: Origin,
        /// The signed note.
        note: String,
    },
    /// Sealed bytes that another node has deposited here.
    Deposited {
        /// Whose.
        of: NodeId,
        /// How many of the same node there were before.
        number: u64,
        /// What only its operator can open.
        sealed: Vec<u8>,
    },
    /// Another node keeps what only this one holds of its own log, from an entry up to another, the last one not included. If
    /// that is nothing, it has lost what it kept before.
    Lodged {
        /// Who keeps it.
        with: NodeId,
        /// The first entry.
        from: u64,
        /// The end.
        upto: u64,
    },
}

/// What a record holds of one order.
#[derive(Clone, PartialEq, Debug)]
pub enum OfOrder {
    /// A message that stands in the own log.
    Said(Signed),
    /// A receipt, or a message that contradicts another.
    Kept(Signed),
    /// A message of this attempt reached this organisation.
    Delivered(u32, OrgId, StatementId),
}

/// The part of a body that says to which order it belongs, read alone: a store asks it of every statement.
#[derive(Deserialize)]
struct Matter {
    order: OrderId,
    amends: Option<Amended>,
}

#[derive(Deserialize)]
struct Amended {
    order: OrderId,
}

impl Matter {
    fn of(signed: &Signed) -> Option<Self> {
        if signed.kind().is_public() { None } else { serde_json::from_slice(signed.payload()).ok() }
    }
}

/// The order to which a confidential statement belongs.
pub(super) fn order_of(signed: &Signed) -> Option<OrderId> {
    Matter::of(signed).map(|matter| matter.order)
}

/// The same with the order that it amends.
pub(super) fn orders_of(signed: &Signed) -> impl Iterator<Item = OrderId> {
    let matter = Matter::of(signed);
    matter.into_iter().flat_map(|matter| [Some(matter.order), matter.amends.map(|amends| amends.order)]).flatten()
}

impl Record {
    /// The statements inside, for the index of a store.
    pub fn statements(&self) -> impl Iterator<Item = &Signed> {
        let (entries, kept): (&[LogEntry], Option<&Signed>) = match self {
            Self::Entries { entries, .. } => (entries, None),
            Self::Kept(signed) | Self::Recovered(signed) => (&[], Some(signed)),
            Self::Cosigned { .. }
            | Self::Delivered { .. }
            | Self::Forked(_)
            | Self::Cursor { .. }
            | Self::Checked(_)
            | Self::Bridge { .. }
            | Self::Deposited { .. }
            | Self::Lodged { .. } => (&[], None),
        };
        entries.iter().filter_map(|entry| entry.statement.as_ref()).chain(kept)
    }

    /// The orders of which it holds something, for the index of a store. One may come several times.
    pub fn orders(&self) -> impl Iterator<Item = OrderId> {
        let delivered = if let Self::Delivered { order, .. } = self { Some(*order) } else { None };
        self.statements().filter_map(order_of).chain(delivered)
    }

    /// What it holds of one order, in the order in which it was written.
    pub fn of_order(self, order: OrderId) -> Vec<OfOrder> {
        match self {
            Self::Entries { entries, .. } => {
                let statements = entries.into_iter().filter_map(|entry| entry.statement);
                statements.filter(|signed| order_of(signed) == Some(order)).map(OfOrder::Said).collect()
            }
            Self::Recovered(signed) if order_of(&signed) == Some(order) => vec![OfOrder::Said(signed)],
            Self::Kept(signed) if order_of(&signed) == Some(order) => vec![OfOrder::Kept(signed)],
            Self::Delivered { order: of, attempt, to, message } if of == order => {
                vec![OfOrder::Delivered(attempt, to, message)]
            }
            _ => Vec::new(),
        }
    }

    /// Whose deposit it is, and which of them, for the index of a store.
    pub fn deposit(&self) -> Option<(&NodeId, u64)> {
        if let Self::Deposited { of, number, .. } = self { Some((of, *number)) } else { None }
    }

    /// The log and the size of a witnessed checkpoint, for the index of a store.
    pub fn covers(&self) -> Option<(&Origin, u64)> {
        let Self::Cosigned { origin, note } = self else { return None };
        // The text of a checkpoint: origin, size, root.
        Some((origin, note.lines().nth(1)?.parse().ok()?))
    }

    /// The binary form.
    pub fn encode(&self) -> Vec<u8> {
        self.encode_into(Vec::new())
    }

    /// Appends the binary form to what is there.
    pub fn encode_into(&self, bytes: Vec<u8>) -> Vec<u8> {
        postcard::to_extend(&RecordBytes::from(self), bytes).expect("encoding into memory cannot fail")
    }

    /// Reads the binary form.
    pub fn decode(bytes: &[u8]) -> Result<Self, Refusal> {
        let record: RecordBytes =
            postcard::from_bytes(bytes).map_err(|error| Refusal::new(Reason::StoreDamaged).with("record", error))?;
        record.try_into()
    }
}

#[derive(Serialize, Deserialize)]
enum RecordBytes<'a> {
    Entries {
        origin: String,
        first: u64,
        #[serde(borrow)]
        entries: Vec<EntryBytes<'a>>,
        note: String,
    },
    Cosigned {
        origin: String,
        note: String,
    },
    Kept(SignedBytes<'a>),
    Delivered {
        order: [u8; 16],
        attempt: u32,
        to: String,
        message: StatementId,
    },
    Forked {
        origin: String,
        size: u64,
        first: BranchBytes,
        second: BranchBytes,
    },
    Cursor {
        peer: String,
        instance: [u8; 16],
        position: u64,
    },
    Recovered(SignedBytes<'a>),
    Checked(Vec<Mark>),
    Bridge {
        origin: String,
        note: String,
    },
    Deposited {
        of: String,
        number: u64,
        #[serde(borrow)]
        sealed: Bytes<'a>,
    },
    Lodged {
        with: String,
        from: u64,
        upto: u64,
    },
}

#[derive(Serialize, Deserialize)]
struct BranchBytes {
    root: [u8; 32],
    note: String,
    proof: Vec<[u8; 32]>,
}

impl From<&Branch> for BranchBytes {
    fn from(branch: &Branch) -> Self {
        let proof = branch.proof.iter().map(|hash| hash.0).collect();
        Self { root: branch.root.0, note: branch.note.to_string(), proof }
    }
}

impl TryFrom<BranchBytes> for Branch {
    type Error = Refusal;

    fn try_from(bytes: BranchBytes) -> Result<Self, Refusal> {
        let proof = bytes.proof.into_iter().map(Hash).collect();
        Ok(Self { root: Hash(bytes.root), note: SignedNote::parse(&bytes.note)?, proof })
    }
}
/// Bytes in one piece. The same on the disk as a list of numbers, and read ten times as fast; borrowed, because a start
/// reads millions of them.
struct Bytes<'a>(&'a [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Bytes<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOnePiece;

        impl<'de> serde::de::Visitor<'de> for InOnePiece {
            type Value = Bytes<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }

            fn visit_borrowed_bytes<E: serde::de::Error>(self, bytes: &'de [u8]) -> Result<Bytes<'de>, E> {
                Ok(Bytes(bytes))
            }
        }

        deserializer.deserialize_bytes(InOnePiece)
    }
}

#[derive(Serialize, Deserialize)]
struct EntryBytes<'a> {
    #[serde(borrow)]
    leaf: Bytes<'a>,
    #[serde(borrow)]
    statement: Option<SignedBytes<'a>>,
}

#[derive(Serialize, Deserialize)]
struct SignedBytes<'a> {
    #[serde(borrow)]
    pae: Bytes<'a>,
    #[serde(borrow)]
    signatures: Vec<(KeyHash, Bytes<'a>)>,
}

impl<'a> From<&'a Signed> for SignedBytes<'a> {
    fn from(signed: &'a Signed) -> Self {
        let signatures = signed.signatures().iter().map(|by| (by.key, Bytes(&by.signature.0))).collect();
        Self { pae: Bytes(signed.pae()), signatures }
    }
}

impl TryFrom<SignedBytes<'_>> for Signed {
    type Error = Refusal;

    fn try_from(bytes: SignedBytes<'_>) -> Result<Self, Refusal> {
        let signature = |(key, Bytes(raw)): (KeyHash, Bytes<'_>)| {
            let raw: [u8; 64] =
                raw.try_into().map_err(|_| Refusal::new(Reason::StoreDamaged).with("record", "signature length"))?;
            Ok(SignatureBy { key, signature: Signature(raw) })
        };
        let signatures: Result<Vec<SignatureBy>, Refusal> = bytes.signatures.into_iter().map(signature).collect();
        Self::parse(bytes.pae.0, signatures?)
    }
}

impl<'a> From<&'a Record> for RecordBytes<'a> {
    fn from(record: &'a Record) -> Self {
        match record {
            Record::Entries { origin, first, entries, note } => Self::Entries {
                origin: origin.to_string(),
                first: *first,
                entries: entries
                    .iter()
                    .map(|entry| EntryBytes {
                        leaf: Bytes(entry.leaf.stem()),
                        statement: entry.statement.as_ref().map(SignedBytes::from),
                    })
                    .collect(),
                note: note.clone(),
            },
            Record::Cosigned { origin, note } => Self::Cosigned { origin: origin.to_string(), note: note.clone() },
            Record::Kept(signed) => Self::Kept(signed.into()),
            Record::Recovered(signed) => Self::Recovered(signed.into()),
            Record::Checked(marks) => Self::Checked(marks.clone()),
            Record::Bridge { origin, note } => Self::Bridge { origin: origin.to_string(), note: note.clone() },
            Record::Deposited { of, number, sealed } => {
                Self::Deposited { of: of.to_string(), number: *number, sealed: Bytes(sealed) }
            }
            Record::Lodged { with, from, upto } => Self::Lodged { with: with.to_string(), from: *from, upto: *upto },
            Record::Delivered { order, attempt, to, message } => {
                Self::Delivered { order: order.0, attempt: *attempt, to: to.to_string(), message: *message }
            }
            Record::Forked(proof) => Self::Forked {
                origin: proof.origin.to_string(),
                size: proof.size,
                first: (&proof.first).into(),
                second: (&proof.second).into(),
            },
            Record::Cursor { peer, instance, position } => {
                Self::Cursor { peer: peer.to_string(), instance: instance.0, position: *position }
            }
        }
    }
}

impl TryFrom<RecordBytes<'_>> for Record {
    type Error = Refusal;

    fn try_from(bytes: RecordBytes<'_>) -> Result<Self, Refusal> {
        Ok(match bytes {
            RecordBytes::Entries { origin, first, entries, note } => {
                let entry = |bytes: EntryBytes<'_>| {
                    let statement = bytes.statement.map(Signed::try_from).transpose()?;
                    Ok(LogEntry { leaf: Leaf::parse(bytes.leaf.0)?, statement })
                };
                let entries: Result<Vec<LogEntry>, Refusal> = entries.into_iter().map(entry).collect();
                Self::Entries { origin: origin.parse()?, first, entries: entries?, note }
            }
            RecordBytes::Cosigned { origin, note } => Self::Cosigned { origin: origin.parse()?, note },
            RecordBytes::Kept(signed) => Self::Kept(signed.try_into()?),
            RecordBytes::Recovered(signed) => Self::Recovered(signed.try_into()?),
            RecordBytes::Checked(marks) => Self::Checked(marks),
            RecordBytes::Bridge { origin, note } => Self::Bridge { origin: origin.parse()?, note },
            RecordBytes::Deposited { of, number, sealed } => {
                Self::Deposited { of: of.parse()?, number, sealed: sealed.0.to_vec() }
            }
            RecordBytes::Lodged { with, from, upto } => Self::Lodged { with: with.parse()?, from, upto },
            RecordBytes::Delivered { order, attempt, to, message } => {
                Self::Delivered { order: OrderId(order), attempt, to: to.parse()?, message }
            }
            RecordBytes::Forked { origin, size, first, second } => Self::Forked(Box::new(ForkProof {
                origin: origin.parse()?,
                size,
                first: first.try_into()?,
                second: second.try_into()?,
            })),
            RecordBytes::Cursor { peer, instance, position } => {
                Self::Cursor { peer: peer.parse()?, instance: Instance(instance), position }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::signing::SecretKey;
    use crate::domain::statement::Kind;
    use crate::log::leaf::{Audience, NO_OUTCOME};

    #[test]
    fn records_survive_their_binary_form() {
        let signed = Signed::sign(&Kind::Need, &serde_json::json!({}), &[&SecretKey::from_seed(&[1; 32])]);
        let leaf = Leaf::new(&signed, Audience::Public, NO_OUTCOME);
        let origin: Origin = "demo/log/kitu/1".parse().expect("origin");
        let entry = LogEntry { leaf, statement: Some(signed.clone()) };
        let opaque = LogEntry { leaf, statement: None };
        for record in [
            Record::Entries { origin: origin.clone(), first: 7, entries: vec![entry, opaque], note: "n".into() },
            Record::Cosigned { origin, note: "note".into() },
            Record::Kept(signed.clone()),
            Record::Recovered(signed.clone()),
            Record::Checked(vec![[7; 16], [8; 16]]),
            Record::Bridge { origin: "demo/log/kitu/1".parse().expect("origin"), note: "n".into() },
            Record::Deposited { of: "kid".parse().expect("name"), number: 3, sealed: vec![1, 2, 3] },
            Record::Lodged { with: "kid".parse().expect("name"), from: 3, upto: 9 },
            Record::Delivered {
                order: OrderId([3; 16]),
                attempt: 1,
                to: "kid".parse().expect("name"),
                message: signed.id(),
            },
        ] {
            let bytes = record.encode();
            assert_eq!(Record::decode(&bytes).expect("own bytes"), record);
            assert!(Record::decode(&bytes[..bytes.len() - 1]).is_err());
        }
    }
}
