//! The digest of all heads a node knows: 256 buckets and one root, so that equal nodes are done after one comparison.
//!
//! Must never combine heads with XOR or sums: those can be forged by whoever chooses the heads. Plain hashes only.
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::domain::id::{Hash, Origin};

/// Number of buckets. With 2,000 logs a changed head costs the re-hashing of about eight heads.
pub const BUCKETS: usize = 256;

/// The hash of a bucket without heads: 32 zero bytes, which no SHA-256 is known to give.
pub const EMPTY_BUCKET: Hash = Hash([0; 32]);

/// One head as it is hashed; the order of the fields is the order of sorting.
type Head = (String, u64, Hash);

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
    /// The digest over origin, size and root of each log.
    pub fn of<'a>(heads: impl IntoIterator<Item = (&'a Origin, u64, &'a Hash)>) -> Self {
        let mut filled: BTreeMap<u8, BTreeSet<Head>> = BTreeMap::new();
        for (origin, size, root) in heads {
            filled.entry(bucket_of(origin)).or_default().insert((origin.to_string(), size, *root));
        }
        let mut buckets = Box::new([EMPTY_BUCKET; BUCKETS]);
        for (bucket, heads) in filled {
            buckets[usize::from(bucket)] = bucket_hash(&heads);
        }
        let root = root_hash(&buckets);
        Self { buckets, root }
    }

    /// Computes one bucket anew from all heads in it; heads of other buckets are ignored. This is what one changed
    /// head costs.
    pub fn replace<'a>(&mut self, bucket: u8, heads: impl IntoIterator<Item = (&'a Origin, u64, &'a Hash)>) {
        let heads = heads.into_iter().filter(|(origin, ..)| bucket_of(origin) == bucket);
        let heads: BTreeSet<Head> = heads.map(|(origin, size, root)| (origin.to_string(), size, *root)).collect();
        self.buckets[usize::from(bucket)] = bucket_hash(&heads);
        self.root = root_hash(&self.buckets);
    }

    /// SHA-256 over the hashes of the 256 buckets.
    pub fn root(&self) -> Hash {
        self.root
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

/// SHA-256 over the sorted heads: length of the origin (4 bytes, big-endian), origin, size (8 bytes), root.
fn bucket_hash(heads: &BTreeSet<Head>) -> Hash {
    if heads.is_empty() {
        return EMPTY_BUCKET;
    }
    let mut bytes = Vec::new();
    for (origin, size, root) in heads {
        let length = u32::try_from(origin.len()).expect("an origin is shorter than 100 bytes");
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(origin.as_bytes());
        bytes.extend_from_slice(&size.to_be_bytes());
        bytes.extend_from_slice(&root.0);
    }
    Hash::of(&bytes)
}

fn root_hash(buckets: &[Hash; BUCKETS]) -> Hash {
    Hash::of(&buckets.map(|hash| hash.0).concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heads(count: u64) -> Vec<(Origin, u64, Hash)> {
        let origin = |number| format!("demo/log/node-{number}/1").parse().expect("origin");
        (0..count).map(|number| (origin(number), number, Hash::of(&number.to_be_bytes()))).collect()
    }

    fn digest(heads: &[(Origin, u64, Hash)]) -> HeadDigest {
        HeadDigest::of(heads.iter().map(|(origin, size, root)| (origin, *size, root)))
    }

    #[test]
    fn the_digest_is_made_as_written() {
        let [(origin, size, root)] = &heads(1)[..] else { panic!("one head") };
        let digest = digest(&heads(1));
        let text = origin.to_string();
        let bytes = [&(text.len() as u32).to_be_bytes()[..], text.as_bytes(), &size.to_be_bytes(), &root.0].concat();
        for (bucket, hash) in digest.buckets().iter().enumerate() {
            let expected = if bucket == usize::from(bucket_of(origin)) { Hash::of(&bytes) } else { EMPTY_BUCKET };
            assert_eq!(*hash, expected);
        }
        assert_eq!(self::digest(&[]).root(), Hash::of(&[0; 32 * BUCKETS]));
    }

    #[test]
    fn order_does_not_matter_and_every_field_does() {
        let mut heads = heads(1000);
        let before = digest(&heads);
        heads.reverse();
        heads.push(heads[3].clone());
        assert_eq!(digest(&heads), before);
        heads.pop();

        let (origin, ..) = heads[7].clone();
        for change in [(heads[7].1 + 1, heads[7].2), (heads[7].1, EMPTY_BUCKET)] {
            let mut changed = heads.clone();
            (changed[7].1, changed[7].2) = change;
            let after = digest(&changed);
            assert_ne!(after.root(), before.root());
            let differing: Vec<usize> =
                (0..BUCKETS).filter(|&bucket| after.buckets()[bucket] != before.buckets()[bucket]).collect();
            assert_eq!(differing, [usize::from(bucket_of(&origin))]);

            let mut step = before.clone();
            step.replace(bucket_of(&origin), changed.iter().map(|(origin, size, root)| (origin, *size, root)));
            assert_eq!(step, after);
        }
        let mut emptied = digest(&heads[7..8]);
        emptied.replace(bucket_of(&origin), []);
        assert_eq!(emptied, digest(&[]));
    }
}
