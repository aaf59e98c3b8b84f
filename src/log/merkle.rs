//! The RFC 6962 Merkle tree over SHA-256: roots, proofs, and the pure functions that check proofs.
//!
//! Must never know what an entry is, and must never believe a proof because of who sent it.
use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::domain::id::Hash;
use crate::domain::reason::{Reason, Refusal};

/// First byte of every hashed entry (RFC 6962 section 2.1), so that an entry can never pass for an inner node.
const LEAF_PREFIX: u8 = 0x00;

/// First byte of every hashed inner node.
const NODE_PREFIX: u8 = 0x01;

/// The hash of one entry.
pub fn leaf_hash(entry: &[u8]) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update([LEAF_PREFIX]);
    hasher.update(entry);
    Hash(hasher.finalize().into())
}

/// The hash of an inner node.
pub fn node_hash(left: Hash, right: Hash) -> Hash {
    let mut bytes = [NODE_PREFIX; 65];
    bytes[1..33].copy_from_slice(&left.0);
    bytes[33..].copy_from_slice(&right.0);
    Hash::of(&bytes)
}

/// The root of a tree without leaves: SHA-256 of nothing.
pub fn empty_root() -> Hash {
    Hash::of(b"")
}

/// A tree in memory: the root of every complete subtree, about 64 bytes for each leaf.
///
/// Appending costs two hashes on average; any root and any proof, for the present or an earlier size, costs O(log n).
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Tree {
    /// `levels[k][i]` is the root over the leaves `i * 2^k .. (i + 1) * 2^k`; no level is empty.
    levels: Vec<Vec<Hash>>,
}

impl Tree {
    /// A tree without leaves.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends the hash of one entry.
    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        for level in 0.. {
            if level == self.levels.len() {
                self.levels.push(Vec::new());
            }
            let row = &mut self.levels[level];
            row.push(hash);
            match row[..] {
                [.., left, right] if row.len().is_multiple_of(2) => hash = node_hash(left, right),
                _ => return,
            }
        }
    }

    /// The number of leaves.
    pub fn size(&self) -> u64 {
        self.levels.first().map_or(0, |leaves| leaves.len() as u64)
    }

    /// The hash of one leaf.
    pub fn leaf(&self, index: u64) -> Option<Hash> {
        self.levels.first()?.get(usize::try_from(index).ok()?).copied()
    }

    /// The root over all leaves.
    pub fn root(&self) -> Hash {
        if self.levels.is_empty() { empty_root() } else { self.range(0, self.size()) }
    }

    /// The root when the tree had `size` leaves. Refused with `LOG_GAP` if it never had that many.
    pub fn root_at(&self, size: u64) -> Result<Hash, Refusal> {
        self.reaches(size)?;
        Ok(if size == 0 { empty_root() } else { self.range(0, size) })
    }

    /// Proof that leaf `index` is in the tree of `size` leaves, from the leaf's sibling to the root's child.
    pub fn inclusion_proof(&self, index: u64, size: u64) -> Result<Vec<Hash>, Refusal> {
        self.reaches(size)?;
        if index >= size {
            return Err(Refusal::new(Reason::FieldInvalid).with("field", "index").with("size", size));
        }
        let (mut start, mut end) = (0, size);
        let mut path = Vec::new();
        while end - start > 1 {
            let middle = start + left_leaves(end - start);
            if index < middle {
                path.push(self.range(middle, end));
                end = middle;
            } else {
                path.push(self.range(start, middle));
                start = middle;
            }
        }
        path.reverse();
        Ok(path)
    }

    /// Proof that the tree of `new` leaves continues the tree of `old` leaves. Empty if both are the same tree or the
    /// old one is empty: see [`verify_consistency`].
    pub fn consistency_proof(&self, old: u64, new: u64) -> Result<Vec<Hash>, Refusal> {
        self.reaches(new)?;
        if old > new {
            return Err(Refusal::new(Reason::FieldInvalid).with("field", "old size").with("size", new));
        }
        let mut path = Vec::new();
        if old == 0 || old == new {
            return Ok(path);
        }
        // Descends along the border of the old tree. As long as only left turns were taken, the subtree that ends at
        // the border is the whole old tree, whose root the verifier already has.
        let (mut start, mut end, mut whole) = (0, new, true);
        while end != old {
            let middle = start + left_leaves(end - start);
            if old <= middle {
                path.push(self.range(middle, end));
                end = middle;
            } else {
                path.push(self.range(start, middle));
                start = middle;
                whole = false;
            }
        }
        if !whole {
            path.push(self.range(start, end));
        }
        path.reverse();
        Ok(path)
    }

    /// Forgets every leaf from position `size` on; no effect if there are not that many.
    pub fn truncate(&mut self, size: u64) {
        for (level, row) in self.levels.iter_mut().enumerate() {
            row.truncate(usize::try_from(size >> level).unwrap_or(usize::MAX));
        }
        self.levels.retain(|row| !row.is_empty());
    }

    fn reaches(&self, size: u64) -> Result<(), Refusal> {
        if size <= self.size() {
            return Ok(());
        }
        Err(Refusal::new(Reason::LogGap).with("have", self.size()).with("size", size))
    }

    /// The root over the leaves `start..end`, which must be a subtree that RFC 6962 would form: at least one leaf,
    /// `end` not beyond the tree, `start` a multiple of the next power of two.
    fn range(&self, start: u64, end: u64) -> Hash {
        let leaves = end - start;
        if leaves.is_power_of_two() {
            let level = leaves.ilog2();
            return self.levels[level as usize][(start >> level) as usize];
        }
        let middle = start + left_leaves(leaves);
        node_hash(self.range(start, middle), self.range(middle, end))
    }
}

impl FromIterator<Hash> for Tree {
    fn from_iter<I: IntoIterator<Item = Hash>>(leaves: I) -> Self {
        let mut tree = Self::new();
        leaves.into_iter().for_each(|leaf| tree.push(leaf));
        tree
    }
}

impl fmt::Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tree {} {:?}", self.size(), self.root())
    }
}

/// How many of `leaves` (two or more) lie in the left subtree: the largest power of two smaller than `leaves`.
fn left_leaves(leaves: u64) -> u64 {
    1 << (leaves - 1).ilog2()
}

/// Checks that the entry with this leaf hash is at `index` in the tree of `size` leaves with this root
/// (RFC 9162 section 2.1.3.2). Nothing is included in a tree of size 0.
pub fn verify_inclusion(leaf: Hash, index: u64, size: u64, proof: &[Hash], root: Hash) -> Result<(), Refusal> {
    let refuse =
        |rule: &str| Refusal::new(Reason::ProofInvalid).with("index", index).with("size", size).with("rule", rule);
    if index >= size {
        return Err(refuse("index beyond the tree"));
    }
    let mut position = Position::at(index, size - 1);
    let mut hash = leaf;
    for &sibling in proof {
        hash = match position.climb().ok_or_else(|| refuse("proof too long"))? {
            Sibling::Left => node_hash(sibling, hash),
            Sibling::Right => node_hash(hash, sibling),
        };
    }
    if !position.is_root() {
        return Err(refuse("proof too short"));
    }
    if hash == root { Ok(()) } else { Err(refuse("root differs")) }
}

/// The subtrees whose every leaf is there and of which an inclusion proof shows the hash: level (0 for leaves), place on
/// that level, hash. Whatever grows from a tree keeps them, so two trees that differ in one tell different histories.
pub fn shown_subtrees(leaf: Hash, index: u64, size: u64, proof: &[Hash]) -> Vec<(u32, u64, Hash)> {
    let (mut hash, mut shown) = (leaf, vec![(0, index, leaf)]);
    let mut position = Position::at(index, size.saturating_sub(1));
    for &sibling in proof {
        let Some(side) = position.climb() else { break };
        let (level, below) = (position.level - 1, position.node << 1);
        let (other, whole) = match side {
            Sibling::Left => (below, node_hash(sibling, hash)),
            Sibling::Right => (below + 1, node_hash(hash, sibling)),
        };
        shown.push((level, other, sibling));
        shown.push((position.level, position.node, whole));
        hash = whole;
    }
    shown.retain(|(level, place, _)| *place < size >> level);
    shown
}

/// Checks that the tree `new_size`, `new_root` continues the tree `old_size`, `old_root` (RFC 9162 section 2.1.4.2).
///
/// Where the RFC gives no proof, the rule is ours:
/// - Every tree continues the empty one, so from size 0 the proof must be empty and the old root the empty root. This
///   says nothing about the new root: with nothing seen before there is nothing to contradict.
/// - At equal sizes the roots must be equal and the proof empty; at size 0 both roots must be the empty root.
/// - A smaller tree never continues a larger one.
pub fn verify_consistency(
    old_size: u64,
    old_root: Hash,
    new_size: u64,
    new_root: Hash,
    proof: &[Hash],
) -> Result<(), Refusal> {
    let refuse = |rule: &str| {
        Refusal::new(Reason::ProofInvalid).with("old size", old_size).with("new size", new_size).with("rule", rule)
    };
    let empty_is_empty = |size: u64, root: Hash| size != 0 || root == empty_root();
    if old_size > new_size {
        return Err(refuse("the tree shrank"));
    }
    if !empty_is_empty(old_size, old_root) || !empty_is_empty(new_size, new_root) {
        return Err(refuse("root of the empty tree"));
    }
    if old_size == 0 || old_size == new_size {
        if !proof.is_empty() {
            return Err(refuse("proof too long"));
        }
        return if old_size == 0 || old_root == new_root { Ok(()) } else { Err(refuse("root differs")) };
    }
    // The walk starts at the largest complete subtree that ends at the old border. If that is the whole old tree, the
    // proof leaves its root out, because the verifier has it.
    let shift = old_size.trailing_zeros();
    let mut position = Position::at((old_size - 1) >> shift, (new_size - 1) >> shift);
    let (start, rest) = if old_size.is_power_of_two() {
        (old_root, proof)
    } else {
        let (first, rest) = proof.split_first().ok_or_else(|| refuse("proof too short"))?;
        (*first, rest)
    };
    let (mut old, mut new) = (start, start);
    for &sibling in rest {
        match position.climb().ok_or_else(|| refuse("proof too long"))? {
            Sibling::Left => {
                old = node_hash(sibling, old);
                new = node_hash(sibling, new);
            }
            Sibling::Right => new = node_hash(new, sibling),
        }
    }
    if !position.is_root() {
        return Err(refuse("proof too short"));
    }
    if old == old_root && new == new_root { Ok(()) } else { Err(refuse("root differs")) }
}

/// Where a walk from a leaf to the root stands: the node's index on its level, and the last index on that level.
struct Position {
    node: u64,
    last: u64,
    /// How many levels it has risen.
    level: u32,
}

enum Sibling {
    Left,
    Right,
}

impl Position {
    fn at(node: u64, last: u64) -> Self {
        Self { node, last, level: 0 }
    }

    /// Goes to the next node above that has two children, and says on which side the sibling was; `None` at the root.
    fn climb(&mut self) -> Option<Sibling> {
        if self.is_root() {
            return None;
        }
        let side = if self.node & 1 == 1 || self.node == self.last { Sibling::Left } else { Sibling::Right };
        // The last node of a level may have no sibling for several levels: it moves up unhashed.
        while self.node == self.last && self.node & 1 == 0 {
            self.up();
        }
        self.up();
        Some(side)
    }

    fn up(&mut self) {
        self.node >>= 1;
        self.last >>= 1;
        self.level += 1;
    }

    fn is_root(&self) -> bool {
        self.last == 0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn leaves(count: u64) -> Vec<Hash> {
        (0..count).map(|number| leaf_hash(&number.to_be_bytes())).collect()
    }

    /// Every subtree shown is a subtree of the leaves; those of one history are the same at every size.
    #[test]
    fn what_a_proof_shows_of_the_tree_is_in_every_larger_tree() {
        for size in 1..=40_u64 {
            let tree: Tree = leaves(size).into_iter().collect();
            for index in 0..size {
                let proof = tree.inclusion_proof(index, size).expect("in the tree");
                let leaf = leaves(size)[usize::try_from(index).expect("small")];
                let shown = shown_subtrees(leaf, index, size, &proof);
                assert!(shown.iter().any(|(level, ..)| *level == 0));
                for (level, place, hash) in shown {
                    let from = usize::try_from(place << level).expect("small");
                    let to = from + (1 << level);
                    assert_eq!(hash, naive_root(&leaves(size)[from..to]), "{size} {index} {level} {place}");
                }
            }
        }
    }

    /// RFC 6962 section 2.1, word for word.
    fn naive_root(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => empty_root(),
            [leaf] => *leaf,
            _ => {
                let mut k = 1;
                while k * 2 < leaves.len() {
                    k *= 2;
                }
                node_hash(naive_root(&leaves[..k]), naive_root(&leaves[k..]))
            }
        }
    }

    #[test]
    fn small_trees_are_right_in_every_root_and_proof() {
        let leaves = leaves(40);
        let tree: Tree = leaves.iter().copied().collect();
        for size in 0..=40 {
            let root = tree.root_at(size).expect("size reached");
            assert_eq!(root, naive_root(&leaves[..size as usize]));
            for index in 0..size {
                let proof = tree.inclusion_proof(index, size).expect("index below size");
                verify_inclusion(leaves[index as usize], index, size, &proof, root).expect("own proof");
            }
            for old in 0..=size {
                let proof = tree.consistency_proof(old, size).expect("old below size");
                let old_root = tree.root_at(old).expect("size reached");
                verify_consistency(old, old_root, size, root, &proof).expect("own proof");
            }
        }
    }

    #[test]
    fn what_the_tree_does_not_have_is_refused() {
        let tree: Tree = leaves(5).into_iter().collect();
        let refused = |result: Result<Vec<Hash>, Refusal>| result.expect_err("must be refused").reason;
        assert_eq!(tree.root_at(6).expect_err("beyond").reason, Reason::LogGap);
        assert_eq!(refused(tree.inclusion_proof(0, 6)), Reason::LogGap);
        assert_eq!(refused(tree.inclusion_proof(5, 5)), Reason::FieldInvalid);
        assert_eq!(refused(tree.inclusion_proof(0, 0)), Reason::FieldInvalid);
        assert_eq!(refused(tree.consistency_proof(3, 6)), Reason::LogGap);
        assert_eq!(refused(tree.consistency_proof(4, 3)), Reason::FieldInvalid);
    }

    #[test]
    fn empty_and_equal_trees_follow_the_written_rule() {
        let tree: Tree = leaves(4).into_iter().collect();
        let (empty, root, other) = (empty_root(), tree.root(), Hash([7; 32]));
        for (old, old_root, new, new_root, proof, good) in [
            (0, empty, 0, empty, &[][..], true),
            (0, empty, 4, root, &[], true),
            (4, root, 4, root, &[], true),
            (0, other, 4, root, &[], false),
            (0, empty, 4, root, &[other], false),
            (0, empty, 0, other, &[], false),
            (0, other, 0, other, &[], false),
            (4, root, 4, other, &[], false),
            (4, root, 4, root, &[other], false),
            (4, root, 0, empty, &[], false),
        ] {
            let verdict = verify_consistency(old, old_root, new, new_root, proof);
            assert_eq!(verdict.is_ok(), good, "{old} {old_root:?} {new} {new_root:?} {proof:?}: {verdict:?}");
        }
        assert!(verify_inclusion(other, 0, 0, &[], empty).is_err());
    }

    #[test]
    fn the_largest_sizes_are_judged_without_overflow() {
        let other = Hash([7; 32]);
        for length in [0, 1, 63, 64, 65, 200] {
            let proof = vec![other; length];
            for number in [0, 1, u64::MAX / 2, u64::MAX - 1, u64::MAX] {
                assert!(verify_inclusion(other, number, u64::MAX, &proof, other).is_err());
                let _ = verify_consistency(number, other, u64::MAX, other, &proof);
            }
        }
    }

    fn flip(hash: &mut Hash, bit: usize) {
        hash.0[bit / 8] ^= 1 << (bit % 8);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn roots_and_proofs_agree_with_the_definition(
            size in 1_u64..=300, at in 0.0..1.0_f64, bit in 0_usize..256, which in 0_usize..16,
        ) {
            let leaves = leaves(size);
            let tree: Tree = leaves.iter().copied().collect();
            let root = tree.root();
            prop_assert_eq!(root, naive_root(&leaves));

            let index = (at * size as f64) as u64;
            let leaf = leaves[index as usize];
            let mut proof = tree.inclusion_proof(index, size).expect("index below size");
            prop_assert!(verify_inclusion(leaf, index, size, &proof, root).is_ok());
            let mut forged = leaf;
            flip(&mut forged, bit);
            prop_assert!(verify_inclusion(forged, index, size, &proof, root).is_err());
            prop_assert!(verify_inclusion(leaf, index, size, &[&proof[..], &[leaf]].concat(), root).is_err());
            if !proof.is_empty() {
                prop_assert!(verify_inclusion(leaf, index, size, &proof[1..], root).is_err());
                let position = which % proof.len();
                flip(&mut proof[position], bit);
                prop_assert!(verify_inclusion(leaf, index, size, &proof, root).is_err());
            }

            let (old, old_root) = (index + 1, naive_root(&leaves[..=index as usize]));
            let mut proof = tree.consistency_proof(old, size).expect("old below size");
            prop_assert!(verify_consistency(old, old_root, size, root, &proof).is_ok());
            let mut forged = old_root;
            flip(&mut forged, bit);
            prop_assert!(verify_consistency(old, forged, size, root, &proof).is_err());
            prop_assert!(verify_consistency(old, old_root, size, root, &[&proof[..], &[leaf]].concat()).is_err());
            if !proof.is_empty() {
                prop_assert!(verify_consistency(old, old_root, size, root, &proof[1..]).is_err());
                let position = which % proof.len();
                flip(&mut proof[position], bit);
                prop_assert!(verify_consistency(old, old_root, size, root, &proof).is_err());
            }

            let mut shorter = tree.clone();
            shorter.truncate(old);
            prop_assert_eq!(&shorter, &leaves[..=index as usize].iter().copied().collect::<Tree>());
            leaves[old as usize..].iter().for_each(|leaf| shorter.push(*leaf));
            prop_assert_eq!(shorter, tree);
        }
    }
}
