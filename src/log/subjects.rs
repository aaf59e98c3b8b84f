//! The trust digest of a log: a Merkle tree over a sorted map, from subjects to everything the log has said about each.
//!
//! A key of the map is SHA-256 of the subject's text, its value a hash chain over the ids of the statements about it,
//! in the order of the log. The tree is a binary trie over the bits of the keys, most significant bit first, in which
//! only bits stand at which two keys part:
//!
//! ```text
//! chain   v0 = 32 zero bytes;  v(n+1) = SHA-256(0x02 ‖ v(n) ‖ statement id)
//! leaf    SHA-256(0x00 ‖ key ‖ value)
//! branch  SHA-256(0x01 ‖ bit (1 byte, 0 to 255) ‖ left (bit 0) ‖ right (bit 1))
//! digest  the root; 32 zero bytes while nothing has been said
//! ```
//!
//! One shape for one map, whatever the order in which subjects appeared; a new statement costs as many hashes as the
//! path is long. Must never depend on whether a statement was accepted: what a log was refused for, it has said too.
use std::sync::Arc;

use crate::domain::id::{Hash, StatementId, sha256};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::Signed;
use crate::domain::trust::subject::subject_of;
use crate::log::leaf::{Audience, Leaf};

/// Longest path: one step for each bit of a key.
pub const PATH_STEPS_MAX: usize = 256;

/// The digest of a log that has said nothing about trust.
pub const NO_TRUST: Hash = Hash([0; 32]);

/// SHA-256 of a subject's text.
pub type SubjectKey = [u8; 32];

/// The key of a subject.
pub fn subject_key(subject: &str) -> SubjectKey {
    sha256(subject.as_bytes())
}

/// Three parts in a row; a path is hashed for every statement about trust, and none of that needs the heap.
fn joined<const BYTES: usize>(parts: [&[u8]; 3]) -> [u8; BYTES] {
    let mut bytes = [0; BYTES];
    let mut rest = bytes.as_mut_slice();
    for part in parts {
        let (here, after) = rest.split_at_mut(part.len());
        here.copy_from_slice(part);
        rest = after;
    }
    bytes
}

/// The value after one more statement.
pub fn chained(value: Hash, id: &StatementId) -> Hash {
    Hash(sha256(joined::<65>([&[2], &value.0, &id.0]).as_slice()))
}

/// The value of a whole chain.
pub fn chain<'a>(ids: impl IntoIterator<Item = &'a StatementId>) -> Hash {
    ids.into_iter().fold(Hash([0; 32]), chained)
}

fn leaf(key: &SubjectKey, value: Hash) -> Hash {
    Hash(sha256(joined::<65>([&[0], key, &value.0]).as_slice()))
}

fn branch(bit: u8, left: Hash, right: Hash) -> Hash {
    Hash(sha256(joined::<66>([&[1, bit], &left.0, &right.0]).as_slice()))
}

fn has_bit(key: &SubjectKey, bit: u8) -> bool {
    key[usize::from(bit / 8)] & (0x80 >> (bit % 8)) != 0
}

/// The first bit at which two keys part; none if they are equal.
fn parting(one: &SubjectKey, other: &SubjectKey) -> Option<u8> {
    let at = one.iter().zip(other).position(|(a, b)| a != b)?;
    let within = (one[at] ^ other[at]).leading_zeros();
    u8::try_from(at as u32 * 8 + within).ok()
}

#[derive(Debug)]
enum Node {
    Leaf { key: SubjectKey, value: Hash, hash: Hash },
    Branch { bit: u8, sides: [Arc<Node>; 2], hash: Hash },
}

impl Node {
    fn leaf(key: SubjectKey, value: Hash) -> Arc<Self> {
        Arc::new(Self::Leaf { key, value, hash: leaf(&key, value) })
    }

    fn branch(bit: u8, sides: [Arc<Self>; 2]) -> Arc<Self> {
        let hash = branch(bit, sides[0].hash(), sides[1].hash());
        Arc::new(Self::Branch { bit, sides, hash })
    }

    fn hash(&self) -> Hash {
        match self {
            Self::Leaf { hash, .. } | Self::Branch { hash, .. } => *hash,
        }
    }

    /// The key at the end of the way that a key takes: none of all others agrees with it for longer.
    fn nearest(&self, key: &SubjectKey) -> &SubjectKey {
        match self {
            Self::Leaf { key: known, .. } => known,
            Self::Branch { bit, sides, .. } => sides[usize::from(has_bit(key, *bit))].nearest(key),
        }
    }

    fn find(&self, key: &SubjectKey) -> Option<Hash> {
        match self {
            Self::Leaf { key: known, value, .. } => (known == key).then_some(*value),
            Self::Branch { bit, sides, .. } => sides[usize::from(has_bit(key, *bit))].find(key),
        }
    }

    fn insert(self: &Arc<Self>, key: &SubjectKey, value: Hash) -> Arc<Self> {
        self.put(key, value, parting(self.nearest(key), key))
    }

    /// `parting` is the first bit at which the key leaves all others; none if it is one of them.
    fn put(self: &Arc<Self>, key: &SubjectKey, value: Hash, parting: Option<u8>) -> Arc<Self> {
        let own_bit = match &**self {
            Self::Leaf { .. } => None,
            Self::Branch { bit, .. } => Some(*bit),
        };
        if let Some(bit) = parting.filter(|bit| own_bit.is_none_or(|own| *bit < own)) {
            let (new, old) = (Self::leaf(*key, value), Arc::clone(self));
            return Self::branch(bit, if has_bit(key, bit) { [old, new] } else { [new, old] });
        }
        match &**self {
            Self::Leaf { .. } => Self::leaf(*key, value),
            Self::Branch { bit, sides, .. } => {
                let mut sides = sides.clone();
                let side = &mut sides[usize::from(has_bit(key, *bit))];
                *side = side.put(key, value, parting);
                Self::branch(*bit, sides)
            }
        }
    }
}

/// What one log has said about trust, by subject. Clones share what they have in common.
#[derive(Clone, Default, Debug)]
pub struct Subjects {
    root: Option<Arc<Node>>,
    /// Every statement about trust, so that an earlier digest can be told and shown.
    said: Arc<Vec<Said>>,
}

/// A statement about trust, where it stands, and the digest before it.
#[derive(Clone, Copy, Debug)]
struct Said {
    at: u64,
    subject: SubjectKey,
    id: StatementId,
    before: Hash,
}

impl Subjects {
    /// The digest over everything so far.
    pub fn digest(&self) -> Hash {
        self.root.as_ref().map_or(NO_TRUST, |root| root.hash())
    }

    /// A statement about a subject stands at this position.
    pub fn note(&mut self, at: u64, subject: &str, id: StatementId) {
        self.put(at, &subject_key(subject), id);
    }

    /// The hash of the next leaf of the log, at position `at`, and what its statement says about trust.
    pub fn push(&mut self, at: u64, leaf: &Leaf, statement: Option<&Signed>) -> Hash {
        let hash = leaf.hash(self.digest());
        let public = statement.filter(|_| leaf.audience() == Audience::Public);
        if let Some((signed, subject)) = public.and_then(|signed| Some((signed, subject_of(signed)?))) {
            self.note(at, &subject.to_string(), signed.id());
        }
        hash
    }

    fn said_before(&self, at: u64) -> usize {
        self.said.partition_point(|said| said.at < at)
    }

    /// The digest over what was said before position `at`: the one in the leaf there.
    pub fn digest_at(&self, at: u64) -> Hash {
        self.said.get(self.said_before(at)).map_or_else(|| self.digest(), |next| next.before)
    }

    /// The map as it was before position `at`. Built anew if something was said since.
    pub fn before(&self, at: u64) -> Self {
        let kept = self.said_before(at);
        if kept == self.said.len() {
            return self.clone();
        }
        let mut before = Self::default();
        self.said[..kept].iter().for_each(|said| before.put(said.at, &said.subject, said.id));
        before
    }

    fn put(&mut self, at: u64, key: &SubjectKey, id: StatementId) {
        let before = self.digest();
        let value = chained(self.root.as_ref().and_then(|root| root.find(key)).unwrap_or(Hash([0; 32])), &id);
        self.root = Some(match &self.root {
            Some(root) => root.insert(key, value),
            None => Node::leaf(*key, value),
        });
        Arc::make_mut(&mut self.said).push(Said { at, subject: *key, id, before });
    }

    /// Everything said about a subject, in the order of the log, with positions.
    pub fn about(&self, subject: &str) -> impl Iterator<Item = (u64, StatementId)> {
        let key = subject_key(subject);
        self.said.iter().filter(move |said| said.subject == key).map(|said| (said.at, said.id))
    }

    /// The path from a subject to the digest, or the proof that nothing was said about it; none while nothing was said
    /// about anyone.
    pub fn path(&self, subject: &str) -> Option<SubjectPath> {
        let key = subject_key(subject);
        let mut steps = Vec::new();
        let mut node = self.root.as_ref()?;
        while let Node::Branch { bit, sides, .. } = &**node {
            let side = usize::from(has_bit(&key, *bit));
            steps.push((*bit, sides[1 - side].hash()));
            node = &sides[side];
        }
        steps.reverse();
        let instead = match &**node {
            Node::Leaf { key: other, value, .. } if *other != key => Some((*other, *value)),
            _ => None,
        };
        Some(SubjectPath { steps, instead })
    }
}

/// The way from one subject to the digest, from the leaf upwards: at each branch its bit and the hash of the other side.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SubjectPath {
    /// Bit and other side.
    pub steps: Vec<(u8, Hash)>,
    /// Of a subject about which nothing was said: key and value of the one that stands where it would.
    pub instead: Option<(SubjectKey, Hash)>,
}

impl SubjectPath {
    /// The digest to which this path leads from a subject with this chain of statements; none if nothing was said about
    /// it. `PROOF_INVALID` if the steps are not in descending order of their bits, or if what stands instead of the subject
    /// does not stand where it would.
    pub fn digest(&self, subject: &str, value: Option<Hash>) -> Result<Hash, Refusal> {
        let refuse = || Refusal::new(Reason::ProofInvalid).with("subject", subject);
        let key = subject_key(subject);
        if self.steps.len() > PATH_STEPS_MAX || !self.steps.is_sorted_by(|(low, _), (high, _)| low > high) {
            return Err(refuse());
        }
        let start = match (value, &self.instead) {
            (Some(value), None) => leaf(&key, value),
            (None, Some((other, value))) => {
                let agrees = self.steps.iter().all(|(bit, _)| has_bit(other, *bit) == has_bit(&key, *bit));
                Some(leaf(other, *value)).filter(|_| agrees && *other != key).ok_or_else(refuse)?
            }
            _ => return Err(refuse()),
        };
        Ok(self.steps.iter().fold(start, |hash, (bit, other)| match has_bit(&key, *bit) {
            true => branch(*bit, *other, hash),
            false => branch(*bit, hash, *other),
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn id(number: u64) -> StatementId {
        StatementId(sha256(&number.to_be_bytes()))
    }

    /// The digest computed from its definition alone.
    fn slow(map: &BTreeMap<SubjectKey, Hash>) -> Hash {
        let keys: Vec<(&SubjectKey, &Hash)> = map.iter().collect();
        match keys.as_slice() {
            [] => NO_TRUST,
            [(key, value)] => leaf(key, **value),
            [(first, _), .., (last, _)] => {
                let bit = parting(first, last).expect("different keys");
                let half = |wanted: bool| -> BTreeMap<SubjectKey, Hash> {
                    map.iter()
                        .filter(|(key, _)| has_bit(key, bit) == wanted)
                        .map(|(key, value)| (*key, *value))
                        .collect()
                };
                branch(bit, slow(&half(false)), slow(&half(true)))
            }
        }
    }

    proptest! {
        #[test]
        fn the_digest_is_that_of_the_map_and_every_subject_has_its_path(said in prop::collection::vec(0_u64..40, 0..120)) {
            let mut subjects = Subjects::default();
            let mut chains: BTreeMap<String, Vec<StatementId>> = BTreeMap::new();
            let mut digests = vec![subjects.digest()];
            for (at, number) in (0_u64..).zip(&said) {
                let subject = format!("organisation/{number}");
                subjects.note(at, &subject, id(at));
                chains.entry(subject).or_default().push(id(at));
                digests.push(subjects.digest());
            }
            let map = chains.iter().map(|(subject, ids)| (subject_key(subject), chain(ids))).collect();
            prop_assert_eq!(subjects.digest(), slow(&map));
            for (subject, ids) in &chains {
                let path = subjects.path(subject).expect("said");
                prop_assert_eq!(path.digest(subject, Some(chain(ids))), Ok(subjects.digest()));
                prop_assert_ne!(path.digest(subject, Some(chain(&ids[1..]))), Ok(subjects.digest()), "one left out");
                prop_assert_ne!(path.digest(subject, None), Ok(subjects.digest()), "all left out");
                prop_assert_eq!(subjects.about(subject).map(|(_, id)| id).collect::<Vec<_>>(), ids.clone());
            }
            let nobody = subjects.path("organisation/none");
            prop_assert_eq!(nobody.is_none(), chains.is_empty());
            if let Some(path) = nobody {
                prop_assert_eq!(path.digest("organisation/none", None), Ok(subjects.digest()));
                // It proves the absence of nobody who is there.
                for subject in chains.keys() {
                    prop_assert_ne!(path.digest(subject, None), Ok(subjects.digest()));
                }
            }
            for (at, digest) in (0_u64..).zip(&digests) {
                prop_assert_eq!((subjects.before(at).digest(), subjects.digest_at(at)), (*digest, *digest));
            }
        }
    }

    #[test]
    fn a_path_has_one_form() {
        let mut subjects = Subjects::default();
        (0..20).for_each(|number| subjects.note(number, &format!("node/{number}"), id(number)));
        let (subject, value) = ("node/7", Some(chain([&id(7)])));
        let mut path = subjects.path(subject).expect("said");
        assert_eq!(path.digest(subject, value), Ok(subjects.digest()));
        path.steps.reverse();
        assert!(path.digest(subject, value).is_err());
    }
}
