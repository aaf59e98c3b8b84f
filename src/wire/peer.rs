//! Frames and deliveries between nodes.
//!
//! Whatever is malformed is `FRAME_INVALID` and names the field. A confidential body never leaves in a frame, even if
//! a caller puts it there: only its leaf does.
use crate::domain::id::{Hash, OrderId, Origin, StatementId};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::Signed;
use crate::log::leaf::{Audience, Leaf, NO_OUTCOME};
use crate::protocol::frame::{Delivery, Frame, Head};
use crate::protocol::limits::{DELIVERY_MESSAGES_MAX, FRAME_ENTRIES_MAX, FRAME_HEADS_MAX, PROOF_HASHES_MAX};
use crate::protocol::record::LogEntry;
use crate::wire::pb::peer::v1 as pb;
use crate::wire::pb::peer::v1::frame::Kind as PbKind;
use crate::wire::{fixed, parsed, required};

/// The frames this version speaks: everything that is not marked *later* in `peer.proto`.
const PROTOCOL: u32 = 1;

/// Longest text of a `Bye`.
const REASON_CHARS_MAX: usize = 100;

/// What arrived on a stream.
#[derive(Clone, PartialEq, Debug)]
pub enum Heard {
    /// A frame to act upon.
    Frame(Frame),
    /// A frame of a later step of the protocol, well-formed and of no meaning here.
    Later,
}

/// A malformed part of a frame: which one, and which rule.
fn malformed(refusal: Refusal) -> Refusal {
    let mut frame = Refusal::new(Reason::FrameInvalid).with("rule", refusal.reason.code());
    frame.fields.extend(refusal.fields);
    frame
}

/// Refuses lists that no honest node sends, before anything in them is looked at.
fn bounded(field: &'static str, length: usize, most: usize) -> Result<(), Refusal> {
    if length <= most {
        return Ok(());
    }
    Err(Refusal::new(Reason::FrameInvalid).with("field", field).with("entries", length).with("at_most", most))
}

impl TryFrom<pb::Frame> for Heard {
    type Error = Refusal;

    fn try_from(message: pb::Frame) -> Result<Self, Refusal> {
        let pb::Frame { kind } = message;
        let kind = required("frame.kind", kind).map_err(malformed)?;
        heard(kind).map_err(|refusal| match refusal.reason {
            Reason::FrameInvalid => refusal,
            _ => malformed(refusal),
        })
    }
}

fn heard(kind: PbKind) -> Result<Heard, Refusal> {
    let frame = match kind {
        PbKind::Hello(hello) => hello_of(&hello)?,
        PbKind::Heads(heads) => heads_of(heads)?,
        PbKind::Ping(pb::Ping { digest, journal_position: _ }) => {
            Frame::Ping { digest: hash("ping.digest", &digest)? }
        }
        PbKind::Want(pb::Want { origin, first }) => Frame::Want { origin: parsed("want.origin", &origin)?, first },
        PbKind::Entries(entries) => entries_of(entries)?,
        PbKind::Cosigned(pb::Cosigned { note }) => Frame::Cosigned { note },
        PbKind::Bye(pb::Bye { reason }) => Frame::Bye { reason: reason.chars().take(REASON_CHARS_MAX).collect() },
        PbKind::Resume(_)
        | PbKind::Buckets(_)
        | PbKind::JournalDelta(_)
        | PbKind::Credit(_)
        | PbKind::Ack(_)
        | PbKind::Busy(_)
        | PbKind::ForkProof(_) => return Ok(Heard::Later),
    };
    Ok(Heard::Frame(frame))
}

fn hash(field: &'static str, bytes: &[u8]) -> Result<Hash, Refusal> {
    fixed(field, bytes).map(Hash)
}

fn hello_of(hello: &pb::Hello) -> Result<Frame, Refusal> {
    let pb::Hello { anchor, node, digest, protocol, instance: _, journal_position: _ } = hello;
    if *protocol == 0 {
        return Err(Refusal::new(Reason::FrameInvalid).with("field", "hello.protocol"));
    }
    Ok(Frame::Hello {
        anchor: StatementId(fixed("hello.anchor", anchor)?),
        node: parsed("hello.node", node)?,
        digest: hash("hello.digest", digest)?,
    })
}

fn heads_of(heads: pb::Heads) -> Result<Frame, Refusal> {
    let pb::Heads { heads, answer, buckets: _ } = heads;
    bounded("heads.heads", heads.len(), FRAME_HEADS_MAX)?;
    let heads: Result<Vec<Head>, Refusal> = heads
        .iter()
        .map(|pb::Head { origin, size, root }| {
            let origin = parsed("heads.heads.origin", origin)?;
            Ok(Head { origin, size: *size, root: hash("heads.heads.root", root)? })
        })
        .collect();
    Ok(Frame::Heads { heads: heads?, answer })
}

fn entries_of(message: pb::Entries) -> Result<Frame, Refusal> {
    let pb::Entries { origin, first, entries, note, consistency } = message;
    bounded("entries.entries", entries.len(), FRAME_ENTRIES_MAX)?;
    bounded("entries.consistency", consistency.len(), PROOF_HASHES_MAX)?;
    let origin: Origin = parsed("entries.origin", &origin)?;
    let entries: Result<Vec<LogEntry>, Refusal> = entries.into_iter().map(LogEntry::try_from).collect();
    let consistency: Result<Vec<Hash>, Refusal> =
        consistency.iter().map(|bytes| hash("entries.consistency", bytes)).collect();
    Ok(Frame::Entries { origin, first, entries: entries?, note, consistency: consistency? })
}

impl TryFrom<pb::Entry> for LogEntry {
    type Error = Refusal;

    fn try_from(message: pb::Entry) -> Result<Self, Refusal> {
        let pb::Entry { statement, leaf } = message;
        let statement: Option<Signed> = statement.map(Signed::try_from).transpose()?;
        let leaf = match &statement {
            Some(signed) if leaf.is_empty() => Leaf::new(signed, Audience::Public, NO_OUTCOME),
            _ => Leaf::parse(&leaf).map_err(|refusal| refusal.with("field", "entries.entries.leaf"))?,
        };
        Ok(Self { leaf, statement })
    }
}

impl From<&LogEntry> for pb::Entry {
    fn from(entry: &LogEntry) -> Self {
        let LogEntry { leaf, statement } = entry;
        // The last line of defence: the leaf says who may have the body.
        let statement = statement.as_ref().filter(|_| leaf.audience() == Audience::Public);
        let follows = statement.is_some_and(|signed| *leaf == Leaf::new(signed, Audience::Public, NO_OUTCOME));
        Self {
            statement: statement.map(Into::into),
            leaf: if follows { Vec::new() } else { leaf.as_bytes().to_vec() },
        }
    }
}

impl From<&Frame> for pb::Frame {
    fn from(frame: &Frame) -> Self {
        let kind = match frame {
            Frame::Hello { anchor, node, digest } => PbKind::Hello(pb::Hello {
                anchor: anchor.0.to_vec(),
                node: node.to_string(),
                digest: digest.0.to_vec(),
                protocol: PROTOCOL,
                instance: Vec::new(),
                journal_position: 0,
            }),
            Frame::Heads { heads, answer } => PbKind::Heads(pb::Heads {
                heads: heads.iter().map(pb::Head::from).collect(),
                answer: *answer,
                buckets: Vec::new(),
            }),
            Frame::Ping { digest } => PbKind::Ping(pb::Ping { digest: digest.0.to_vec(), journal_position: 0 }),
            Frame::Want { origin, first } => PbKind::Want(pb::Want { origin: origin.to_string(), first: *first }),
            Frame::Entries { origin, first, entries, note, consistency } => PbKind::Entries(pb::Entries {
                origin: origin.to_string(),
                first: *first,
                entries: entries.iter().map(pb::Entry::from).collect(),
                note: note.clone(),
                consistency: consistency.iter().map(|hash| hash.0.to_vec()).collect(),
            }),
            Frame::Cosigned { note } => PbKind::Cosigned(pb::Cosigned { note: note.clone() }),
            Frame::Bye { reason } => PbKind::Bye(pb::Bye { reason: reason.clone() }),
        };
        Self { kind: Some(kind) }
    }
}

impl From<&Head> for pb::Head {
    fn from(head: &Head) -> Self {
        let Head { origin, size, root } = head;
        Self { origin: origin.to_string(), size: *size, root: root.0.to_vec() }
    }
}

impl TryFrom<pb::DeliverRequest> for Delivery {
    type Error = Refusal;

    fn try_from(message: pb::DeliverRequest) -> Result<Self, Refusal> {
        let pb::DeliverRequest { order_id, attempt, to, message_id, messages } = message;
        bounded("messages", messages.len(), DELIVERY_MESSAGES_MAX)?;
        if messages.is_empty() {
            return Err(Refusal::new(Reason::FrameInvalid).with("field", "messages"));
        }
        if attempt == 0 {
            return Err(Refusal::new(Reason::FrameInvalid).with("field", "attempt"));
        }
        let messages: Result<Vec<Signed>, Refusal> = messages.into_iter().map(Signed::try_from).collect();
        Ok(Self {
            order: OrderId(fixed("order_id", &order_id).map_err(malformed)?),
            attempt,
            to: parsed("to", &to).map_err(malformed)?,
            message: StatementId(fixed("message_id", &message_id).map_err(malformed)?),
            messages: messages.map_err(malformed)?,
        })
    }
}

impl From<&Delivery> for pb::DeliverRequest {
    fn from(delivery: &Delivery) -> Self {
        let Delivery { order, attempt, to, message, messages } = delivery;
        Self {
            order_id: order.0.to_vec(),
            attempt: *attempt,
            to: to.to_string(),
            message_id: message.0.to_vec(),
            messages: messages.iter().map(Into::into).collect(),
        }
    }
}

/// The receipt in an answer to a delivery.
pub fn receipt(message: pb::DeliverResponse) -> Result<Signed, Refusal> {
    let pb::DeliverResponse { receipt } = message;
    required("receipt", receipt).and_then(Signed::try_from).map_err(malformed)
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;
    use crate::domain::signing::SecretKey;
    use crate::domain::statement::Kind;
    use crate::log::leaf::OutcomeTag;

    fn signed(kind: &Kind) -> Signed {
        Signed::sign(kind, &serde_json::json!({"a": 1}), &[&SecretKey::from_seed(&[1; 32])])
    }

    fn entry(kind: &Kind, audience: Audience, outcome: OutcomeTag, with_statement: bool) -> LogEntry {
        let signed = signed(kind);
        LogEntry { leaf: Leaf::new(&signed, audience, outcome), statement: with_statement.then_some(signed) }
    }

    fn frames() -> Vec<Frame> {
        let origin: Origin = "test/log/kitu/1".parse().expect("an origin");
        let (digest, head) = (Hash([1; 32]), Head { origin: origin.clone(), size: 7, root: Hash([2; 32]) });
        let entries = vec![
            entry(&Kind::Need, Audience::Public, NO_OUTCOME, true),
            entry(&Kind::Need, Audience::Public, OutcomeTag([9; 32]), true),
            entry(&Kind::Seal, Audience::Parties, OutcomeTag([9; 32]), false),
        ];
        let note = "text\n\n— name AAAA\n".to_owned();
        vec![
            Frame::Hello { anchor: StatementId([3; 32]), node: "kitu".parse().expect("a name"), digest },
            Frame::Heads { heads: vec![head], answer: true },
            Frame::Ping { digest },
            Frame::Want { origin: origin.clone(), first: 4 },
            Frame::Entries { origin, first: 3, entries, note: note.clone(), consistency: vec![digest] },
            Frame::Cosigned { note },
            Frame::Bye { reason: "FRAME_INVALID".to_owned() },
        ]
    }

    fn over_the_wire(frame: &Frame) -> pb::Frame {
        pb::Frame::decode(pb::Frame::from(frame).encode_to_vec().as_slice()).expect("own bytes")
    }

    #[test]
    fn every_frame_survives() {
        for frame in frames() {
            assert_eq!(Heard::try_from(over_the_wire(&frame)), Ok(Heard::Frame(frame)));
        }
    }

    #[test]
    fn a_public_entry_costs_no_leaf_and_a_confidential_body_stays_at_home() {
        let public = pb::Entry::from(&entry(&Kind::Need, Audience::Public, NO_OUTCOME, true));
        assert!(public.leaf.is_empty() && public.statement.is_some());
        let confidential = pb::Entry::from(&entry(&Kind::Request, Audience::Parties, NO_OUTCOME, true));
        assert!(confidential.statement.is_none() && confidential.leaf.len() == 168);
    }

    /// Changes one part of a frame; the refusal must name the field.
    fn check(index: usize, field: &str, edit: impl FnOnce(&mut PbKind)) {
        let mut message = over_the_wire(&frames()[index]);
        edit(message.kind.as_mut().expect("a kind"));
        let refusal = Heard::try_from(message).expect_err("malformed");
        assert_eq!((refusal.reason, refusal.field("field")), (Reason::FrameInvalid, Some(field)), "{refusal}");
    }

    macro_rules! check {
        ($index:expr, $field:expr, $kind:ident, $edit:expr) => {
            check($index, $field, |kind| {
                let PbKind::$kind(part) = kind else { panic!("another kind") };
                let edit: fn(&mut pb::$kind) = $edit;
                edit(part);
            })
        };
    }

    #[test]
    fn every_malformed_part_is_named() {
        check!(0, "hello.anchor", Hello, |hello| hello.anchor.clear());
        check!(0, "hello.node", Hello, |hello| hello.node = "Kitu".to_owned());
        check!(0, "hello.digest", Hello, |hello| hello.digest.push(0));
        check!(0, "hello.protocol", Hello, |hello| hello.protocol = 0);
        check!(1, "heads.heads.origin", Heads, |heads| heads.heads[0].origin.push('/'));
        check!(1, "heads.heads.root", Heads, |heads| heads.heads[0].root.clear());
        check!(1, "heads.heads", Heads, |heads| heads.heads = vec![pb::Head::default(); FRAME_HEADS_MAX + 1]);
        check!(2, "ping.digest", Ping, |ping| ping.digest.clear());
        check!(3, "want.origin", Want, |want| want.origin.clear());
        check!(4, "entries.origin", Entries, |entries| entries.origin.clear());
        check!(4, "entries.entries.leaf", Entries, |entries| entries.entries[2].leaf.clear());
        check!(4, "entries.entries.leaf", Entries, |entries| entries.entries[1].leaf[0] ^= 1);
        check!(4, "signatures.key_hash", Entries, |entries| {
            entries.entries[0].statement.as_mut().expect("public").signatures[0].key_hash.clear();
        });
        check!(4, "entries.entries", Entries, |entries| {
            entries.entries = vec![pb::Entry::default(); FRAME_ENTRIES_MAX + 1];
        });
        check!(4, "entries.consistency", Entries, |entries| entries.consistency[0].clear());
        check!(4, "entries.consistency", Entries, |entries| {
            entries.consistency = vec![vec![0; 32]; PROOF_HASHES_MAX + 1];
        });
        let empty = Heard::try_from(pb::Frame { kind: None }).expect_err("no kind");
        assert_eq!((empty.reason, empty.field("field")), (Reason::FrameInvalid, Some("frame.kind")));
    }

    #[test]
    fn frames_of_later_steps_are_read_and_ignored() {
        for kind in [
            PbKind::Resume(pb::Resume::default()),
            PbKind::Buckets(pb::Buckets::default()),
            PbKind::JournalDelta(pb::JournalDelta::default()),
            PbKind::Credit(pb::Credit::default()),
            PbKind::Ack(pb::Ack::default()),
            PbKind::Busy(pb::Busy::default()),
            PbKind::ForkProof(pb::ForkProof::default()),
        ] {
            assert_eq!(Heard::try_from(pb::Frame { kind: Some(kind) }), Ok(Heard::Later));
        }
    }

    #[test]
    fn deliveries_survive_and_every_malformed_part_is_named() {
        let message = signed(&Kind::Endorse);
        let delivery = Delivery {
            order: OrderId([5; 16]),
            attempt: 1,
            to: "dataport".parse().expect("a name"),
            message: message.id(),
            messages: vec![signed(&Kind::Request), message],
        };
        let good = pb::DeliverRequest::from(&delivery);
        assert_eq!(Delivery::try_from(good.clone()), Ok(delivery));
        type Edit = fn(&mut pb::DeliverRequest);
        let checks: [(&str, Edit); 7] = [
            ("order_id", |m| m.order_id.clear()),
            ("attempt", |m| m.attempt = 0),
            ("to", |m| m.to.clear()),
            ("message_id", |m| m.message_id.push(0)),
            ("messages", |m| m.messages.clear()),
            ("messages", |m| m.messages = vec![m.messages[0].clone(); DELIVERY_MESSAGES_MAX + 1]),
            ("signatures.signature", |m| m.messages[0].signatures[0].signature.clear()),
        ];
        for (field, edit) in checks {
            let mut message = good.clone();
            edit(&mut message);
            let refusal = Delivery::try_from(message).expect_err("malformed");
            assert_eq!((refusal.reason, refusal.field("field")), (Reason::FrameInvalid, Some(field)), "{refusal}");
        }
        let none = receipt(pb::DeliverResponse { receipt: None }).expect_err("no receipt");
        assert_eq!((none.reason, none.field("field")), (Reason::FrameInvalid, Some("receipt")));
    }
}
