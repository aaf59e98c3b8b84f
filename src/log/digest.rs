//! The digest of all heads a node knows: 256 buckets and one root, so that equal nodes are done after one comparison.
//!
//! Must never combine heads with XOR or sums: those can be forged by whoever chooses the heads. Plain hashes only.
use std::collections::BTreeMap;
use std::fmt;

use crate::domain::id::{Hash, Origin};

/// Number of buckets. With 2,000 logs a changed head costs the re-hashing of about eight heads.
pub const BUCKETS: usize = 256;

/// A bucket's hash as a cold comparison shows it: see [`HeadDigest::shortened`].
pub type ShortHash = [u8; 4];

/// Chosen anew for each comparison.
pub type Salt = [u8; 8];

/// The hash of a bucket without heads: 32 zero bytes, which no SHA-256 is known to give.
pub const EMPTY_BUCKET: Hash = Hash([0; 32]);

/// The end of a log as a node holds it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Head {
    /// The log.
    pub origin: Origin,
    /// Number of entries that count: those held, but none after a cut.
    pub size: u64,
    /// Root of the tree over them.
    pub root: Hash,
    /// Size of the newest checkpoint that enough witnesses have cosigned; 0 if there is none, and for a cut log.
    pub witnessed: u64,
    /// Entries that are left of a log whose checkpoints contradict each other.
    pub cut: Option<u64>,
}

/// What is hashed for a log that is not cut: no cut is that long.
const UNCUT: u64 = u64::MAX;

/// Which bucket a log belongs to: the first byte of SHA-256 of its origin.
pub fn bucket_of(origin: &Origin) -> u8 {
    Hash::of(origin.to_string().as_bytes()).0[0]
}

/// The digest of a set of heads. The order in which they are given does not matter.
#[derive(Clone, PartialEq, Eq)]
pub struct HeadDigest {
    buckets: Box<[Hash; BUCKETS]>,
    root: Hash,
}

impl HeadDigest {
    /// The digest over the heads of all logs.
    pub fn of<'a>(heads: impl IntoIterator<Item = &'a Head>) -> Self {
        let mut filled: BTreeMap<u8, BTreeMap<String, &Head>> = BTreeMap::new();
        for head in heads {
            filled.entry(bucket_of(&head.origin)).or_default().insert(head.origin.to_string(), head);
        }
        let mut buckets = Box::new([EMPTY_BUCKET; BUCKETS]);
        for (bucket, heads) in filled {
            buckets[usize::from(bucket)] = bucket_hash(&heads);
        }
        let root = root_hash(&buckets);
        Self { buckets, root }
    }

    /// Computes one bucket anew from all heads in it; heads of other buckets are ignored. The root is computed by
    /// [`HeadDigest::seal`], once for all buckets that have changed. This is what one changed head costs.
    pub fn replace<'a>(&mut self, bucket: u8, heads: impl IntoIterator<Item = &'a Head>) {
        let heads = heads.into_iter().filter(|head| bucket_of(&head.origin) == bucket);
        let heads: BTreeMap<String, &Head> = heads.map(|head| (head.origin.to_string(), head)).collect();
        self.buckets[usize::from(bucket)] = bucket_hash(&heads);
    }

    /// Computes the root after buckets have been replaced.
    pub fn seal(&mut self) {
        self.root = root_hash(&self.buckets);
    }

    /// SHA-256 over the hashes of the 256 buckets.
    pub fn root(&self) -> Hash {
        self.root
    }

    /// The hashes of the buckets for one comparison: the first four bytes of SHA-256 over the salt and each. Two that
    /// differ look alike once in four thousand million times, and not again under another salt, so nobody can choose
    /// heads that hide a difference.
    pub fn shortened(&self, salt: &Salt) -> Vec<ShortHash> {
        let short = |hash: &Hash| {
            let [a, b, c, d, ..] = Hash::of(&[&salt[..], &hash.0].concat()).0;
            [a, b, c, d]
        };
        self.buckets.iter().map(short).collect()
    }

    /// The hashes of the buckets.
    pub fn buckets(&self) -> &[Hash; BUCKETS] {
        &self.buckets
    }
}

impl fmt::Debug for HeadDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "heads {:?}", self.root)
    }
}

/// SHA-256 over the heads sorted by origin: length of the origin (4 bytes, big-endian), origin, size (8 bytes), root,
/// witnessed size (8 bytes), cut (8 bytes, all ones without a cut).
fn bucket_hash(heads: &BTreeMap<String, &Head>) -> Hash {
    if heads.is_empty() {
        return EMPTY_BUCKET;
    }
    let mut bytes = Vec::new();
    for (origin, head) in heads {
        let length = u32::try_from(origin.len()).expect("an origin is shorter than 100 bytes");
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(origin.as_bytes());
        bytes.extend_from_slice(&head.size.to_be_bytes());
        bytes.extend_from_slice(&head.root.0);
        bytes.extend_from_slice(&head.witnessed.to_be_bytes());
        bytes.extend_from_slice(&head.cut.unwrap_or(UNCUT).to_be_bytes());
    }
    Hash::of(&bytes)
}

fn root_hash(buckets: &[Hash; BUCKETS]) -> Hash {
    Hash::of(&buckets.map(|hash| hash.0).concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heads(count: u64) -> Vec<Head> {
        let origin = |number| format!("demo/log/node-{number}/1").parse().expect("origin");
        let head = |number: u64| Head {
            origin: origin(number),
            size: number,
            root: Hash::of(&number.to_be_bytes()),
            witnessed: number / 2,
            cut: None,
        };
        (0..count).map(head).collect()
    }

    #[test]
    fn the_digest_is_made_as_written() {
        let heads = heads(1);
        let digest = HeadDigest::of(&heads);
        let text = heads[0].origin.to_string();
        let mut bytes = (text.len() as u32).to_be_bytes().to_vec();
        bytes.extend_from_slice(text.as_bytes());
        bytes.extend_from_slice(&[0; 8]);
        bytes.extend_from_slice(&heads[0].root.0);
        bytes.extend_from_slice(&[0; 8]);
        bytes.extend_from_slice(&[0xff; 8]);
        for (bucket, hash) in digest.buckets().iter().enumerate() {
            let is_filled = bucket == usize::from(bucket_of(&heads[0].origin));
            assert_eq!(*hash, if is_filled { Hash::of(&bytes) } else { EMPTY_BUCKET });
        }
        assert_eq!(HeadDigest::of([]).root(), Hash::of(&[0; 32 * BUCKETS]));
    }

    #[test]
    fn order_does_not_matter_and_every_field_does() {
        let mut heads = heads(1000);
        let before = HeadDigest::of(&heads);
        heads.reverse();
        heads.push(heads[3].clone());
        assert_eq!(HeadDigest::of(&heads), before);
        heads.pop();

        let head = heads[7].clone();
        for change in [
            Head { size: head.size + 1, ..head.clone() },
            Head { root: EMPTY_BUCKET, ..head.clone() },
            Head { witnessed: head.witnessed + 1, ..head.clone() },
            Head { cut: Some(3), ..head.clone() },
        ] {
            let mut changed = heads.clone();
            changed[7] = change;
            let after = HeadDigest::of(&changed);
            assert_ne!(after.root(), before.root());
            let differing: Vec<usize> =
                (0..BUCKETS).filter(|&bucket| after.buckets()[bucket] != before.buckets()[bucket]).collect();
            assert_eq!(differing, [usize::from(bucket_of(&head.origin))]);

            let mut step = before.clone();
            step.replace(bucket_of(&head.origin), &changed);
            step.seal();
            assert_eq!(step, after);
        }
        let (salt, other) = ([1; 8], [2; 8]);
        assert_eq!(before.shortened(&salt)[3], Hash::of(&[&salt[..], &before.buckets()[3].0].concat()).0[..4]);
        assert_ne!(before.shortened(&salt), before.shortened(&other));
        let mut emptied = HeadDigest::of(&heads[7..8]);
        emptied.replace(bucket_of(&head.origin), []);
        emptied.seal();
        assert_eq!(emptied, HeadDigest::of([]));
    }
}
