//! The log's leaf: 200 fixed bytes, no personal data.
//!
//! `tag (8) ‖ statement id (32) ‖ key hash (32) ‖ signature (64) ‖ outcome tag (32) ‖ trust digest (32)`. The tag says
//! whether the body is replicated to everyone and whether one or several signatures stand behind key hash and signature.
//! The outcome tag is zero except on a seal or void, where only the parties of that order can compute it; so a party can
//! prove from any replica that *no* seal was written up to a checkpoint, and nobody else learns anything. The trust digest
//! ([`crate::log::subjects`]) commits to everything the log has said about trust before; whoever follows the log computes
//! it, so that only the 168 bytes before it are stored and sent.
use std::fmt;

use crate::domain::id::{Hash, KeyHash, OrderId, StatementId, sha256};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::salt::Salt;
use crate::domain::statement::{Kind, Signed};
use crate::log::merkle::leaf_hash;

/// Length of a leaf in bytes.
pub const LEAF_BYTES: usize = STEM_BYTES + 32;

/// Length of what is stored and sent of a leaf: all but the trust digest.
pub const STEM_BYTES: usize = 168;

/// The outcome tag of everything that is neither seal nor void.
pub const NO_OUTCOME: OutcomeTag = OutcomeTag([0; 32]);

/// A hash that only the parties of an order can compute.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct OutcomeTag(pub [u8; 32]);

impl OutcomeTag {
    /// The tag of one outcome (`seal` or `void`) of one attempt. The salt is the request's, which only parties hold.
    pub fn derive(outcome: &Kind, order: OrderId, attempt: u32, salt: &Salt) -> Self {
        let mut bytes = b"verbund/outcome/v1\0".to_vec();
        bytes.extend_from_slice(outcome.name().as_bytes());
        bytes.push(0);
        bytes.extend_from_slice(&order.0);
        bytes.extend_from_slice(&attempt.to_be_bytes());
        bytes.extend_from_slice(&salt.0);
        Self(sha256(&bytes))
    }
}

/// Who gets the body of an entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Audience {
    /// Everyone: the body is replicated.
    Public,
    /// The parties of an order only; for all others the leaf is opaque.
    Parties,
}

/// One leaf, less the trust digest, which depends on where it stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Leaf([u8; STEM_BYTES]);

impl Leaf {
    /// The leaf for a statement.
    pub fn new(signed: &Signed, audience: Audience, outcome: OutcomeTag) -> Self {
        let (key, signature) = signed.leaf_signature();
        let tag = tag(audience, signed.signatures().len() > 1);
        let mut bytes = [0; STEM_BYTES];
        bytes[..8].copy_from_slice(tag);
        bytes[8..40].copy_from_slice(&signed.id().0);
        bytes[40..72].copy_from_slice(&key.0);
        bytes[72..136].copy_from_slice(&signature.0);
        bytes[136..].copy_from_slice(&outcome.0);
        Self(bytes)
    }

    /// Reads 168 bytes; the tag must be one of the four.
    pub fn parse(bytes: &[u8]) -> Result<Self, Refusal> {
        let bytes: [u8; STEM_BYTES] =
            bytes.try_into().map_err(|_| Refusal::new(Reason::LeafInvalid).with("bytes", bytes.len()))?;
        let leaf = Self(bytes);
        if leaf.class().is_none() {
            return Err(Refusal::new(Reason::LeafInvalid).with("tag", hex::encode(&bytes[..8])));
        }
        Ok(leaf)
    }

    /// The bytes that are stored and sent.
    pub fn stem(&self) -> &[u8; STEM_BYTES] {
        &self.0
    }

    /// The bytes that are hashed into the tree, where the log has said so much about trust before.
    pub fn to_bytes(&self, trust_digest: Hash) -> [u8; LEAF_BYTES] {
        let mut bytes = [0; LEAF_BYTES];
        bytes[..STEM_BYTES].copy_from_slice(&self.0);
        bytes[STEM_BYTES..].copy_from_slice(&trust_digest.0);
        bytes
    }

    /// The hash that stands in the tree.
    pub fn hash(&self, trust_digest: Hash) -> Hash {
        leaf_hash(&self.to_bytes(trust_digest))
    }

    /// Who gets the body.
    pub fn audience(&self) -> Audience {
        self.class().expect("the tag was checked on the way in").0
    }

    /// The statement.
    pub fn statement_id(&self) -> StatementId {
        StatementId(self.0[8..40].try_into().expect("32 bytes"))
    }

    /// The signing key, or the digest over several.
    pub fn key(&self) -> KeyHash {
        KeyHash(self.0[40..72].try_into().expect("32 bytes"))
    }

    /// The outcome tag.
    pub fn outcome(&self) -> OutcomeTag {
        OutcomeTag(self.0[136..].try_into().expect("32 bytes"))
    }

    /// Whether this leaf is about exactly this statement with exactly these signatures.
    pub fn matches(&self, signed: &Signed) -> bool {
        *self == Self::new(signed, self.audience(), self.outcome())
    }

    fn class(&self) -> Option<(Audience, bool)> {
        [(Audience::Public, false), (Audience::Public, true), (Audience::Parties, false), (Audience::Parties, true)]
            .into_iter()
            .find(|&(audience, several)| self.0[..8] == *tag(audience, several))
    }
}

fn tag(audience: Audience, several: bool) -> &'static [u8; 8] {
    match (audience, several) {
        (Audience::Public, false) => b"vrb1pub1",
        (Audience::Public, true) => b"vrb1pubn",
        (Audience::Parties, false) => b"vrb1prt1",
        (Audience::Parties, true) => b"vrb1prtn",
    }
}

impl fmt::Debug for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "leaf {:?} {:?}", self.audience(), self.statement_id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::signing::SecretKey;

    #[test]
    fn a_leaf_binds_its_statement_and_its_signatures() {
        let (a, b) = (SecretKey::from_seed(&[1; 32]), SecretKey::from_seed(&[2; 32]));
        let body = serde_json::json!({});
        let signed = Signed::sign(&Kind::Offering, &body, &[&a]);
        let leaf = Leaf::new(&signed, Audience::Public, NO_OUTCOME);
        assert_eq!(Leaf::parse(leaf.stem()).expect("own leaf"), leaf);
        assert!(leaf.matches(&signed));
        assert!(!leaf.matches(&Signed::sign(&Kind::Offering, &body, &[&b])));
        assert!(!leaf.matches(&Signed::sign(&Kind::Offering, &body, &[&a, &b])));
        assert!(Leaf::parse(&leaf.stem()[1..]).is_err());
        let mut strange = *leaf.stem();
        strange[0] = b'x';
        assert!(Leaf::parse(&strange).is_err());
    }

    #[test]
    fn outcome_tags_differ_by_outcome_order_attempt_and_salt() {
        let (order, salt) = (OrderId([1; 16]), Salt([2; 16]));
        let seal = OutcomeTag::derive(&Kind::Seal, order, 1, &salt);
        assert_eq!(seal, OutcomeTag::derive(&Kind::Seal, order, 1, &salt));
        for other in [
            OutcomeTag::derive(&Kind::Void, order, 1, &salt),
            OutcomeTag::derive(&Kind::Seal, OrderId([2; 16]), 1, &salt),
            OutcomeTag::derive(&Kind::Seal, order, 2, &salt),
            OutcomeTag::derive(&Kind::Seal, order, 1, &Salt([3; 16])),
            NO_OUTCOME,
        ] {
            assert_ne!(seal, other);
        }
    }
}
