//! Floor 3: the protobuf edge. Messages become domain values or one refusal that names the field; domain values become
//! messages.
//!
//! Every conversion takes its message apart field by field, so a new field stops the build until someone decides what
//! it means. Must never decide whether something is allowed, and must never re-encode what was signed.
use std::str::FromStr;

use crate::domain::reason::{Reason, Refusal};
use crate::domain::time::{Date, Timestamp, parse_date};

pub mod access;
pub mod catalogue;
pub mod chain;
pub mod delivery;
pub mod described;
pub mod feed;
pub mod fitting;
pub mod inbox;
pub mod keys;
pub mod mandates;
pub mod mask;
pub mod node;
pub mod order;
pub mod page;
pub mod peer;
pub mod price;
pub mod statement;
pub mod status;
pub mod trust;

/// The generated code, one module per package of `proto/`. Its documentation is the comments there.
#[allow(missing_docs, unused_qualifications, clippy::all, reason = "generated; reviewed as .proto files")]
pub mod pb {
    pub mod statement {
        pub mod v1 {
            tonic::include_proto!("verbund.statement.v1");
        }
    }
    pub mod catalogue {
        pub mod v1 {
            tonic::include_proto!("verbund.catalogue.v1");
        }
    }
    pub mod chain {
        pub mod v1 {
            tonic::include_proto!("verbund.chain.v1");
        }
    }
    pub mod order {
        pub mod v1 {
            tonic::include_proto!("verbund.order.v1");
        }
    }
    pub mod node {
        pub mod v1 {
            tonic::include_proto!("verbund.node.v1");
        }
    }
    pub mod peer {
        pub mod v1 {
            tonic::include_proto!("verbund.peer.v1");
        }
    }

    /// A point in time in any message.
    pub type Instant = prost_types::Timestamp;

    /// Which fields of an answer are wanted.
    pub type FieldMask = prost_types::FieldMask;

    /// All packages with their comments and imports, for gRPC reflection.
    pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/verbund.binpb"));
}

/// A text field that must hold one value.
fn parsed<T: FromStr<Err = Refusal>>(field: &'static str, text: &str) -> Result<T, Refusal> {
    text.parse().map_err(|refusal: Refusal| refusal.with("field", field))
}

/// A text field that may be empty.
fn optional<T: FromStr<Err = Refusal>>(field: &'static str, text: &str) -> Result<Option<T>, Refusal> {
    if text.is_empty() { Ok(None) } else { parsed(field, text).map(Some) }
}

/// A calendar date that may be empty.
fn optional_date(field: &'static str, text: &str) -> Result<Option<Date>, Refusal> {
    if text.is_empty() {
        return Ok(None);
    }
    parse_date(text).map(Some).map_err(|refusal| refusal.with("field", field))
}

/// A bytes field of fixed length.
fn fixed<const N: usize>(field: &'static str, bytes: &[u8]) -> Result<[u8; N], Refusal> {
    bytes.try_into().map_err(|_| {
        Refusal::new(Reason::FieldInvalid).with("field", field).with("bytes", bytes.len()).with("must_be", N)
    })
}

/// A message field that must be there.
fn required<T>(field: &'static str, value: Option<T>) -> Result<T, Refusal> {
    value.ok_or_else(|| Refusal::new(Reason::FieldInvalid).with("field", field).with("rule", "missing"))
}

/// An instant as protobuf writes it.
pub fn timestamp(at: Timestamp) -> prost_types::Timestamp {
    let nanos = i32::try_from(at.0.rem_euclid(1000) * 1_000_000).expect("less than a second");
    prost_types::Timestamp { seconds: at.0.div_euclid(1000), nanos }
}

/// An instant from a node's answer, to the millisecond.
pub fn instant(at: &prost_types::Timestamp) -> Timestamp {
    let prost_types::Timestamp { seconds, nanos } = at;
    Timestamp(seconds.saturating_mul(1000).saturating_add(i64::from(nanos / 1_000_000)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_keep_their_milliseconds() {
        for at in [0, 1, -1, 1_795_000_000_123, -62_135_596_800_000] {
            assert_eq!(instant(&timestamp(Timestamp(at))), Timestamp(at));
            assert!((0..1_000_000_000).contains(&timestamp(Timestamp(at)).nanos));
        }
    }
}
