//! Fork proofs: two checkpoints of one log that cannot both be true, in a form that anyone can check who has the
//! log's key.
//!
//! RFC 9162 section 2.1.4 calls the honest case consistency. Here both halves are shown to lead to *different* roots at
//! one size, each by a consistency proof (section 2.1.4.2) from that size to a signed checkpoint. A failing proof alone
//! would prove nothing: anybody can write one.
//!
//! Must never accept the same history twice as a fork, nor a checkpoint that the log's own key has not signed.
use crate::domain::id::{Hash, Origin};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::signing::PublicKey;
use crate::log::checkpoint::Checkpoint;
use crate::log::merkle::verify_consistency;
use crate::log::note::SignedNote;

/// One history of a log: its root at a size, and the signed checkpoint that this root leads to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Branch {
    /// Root over the entries up to the size in question.
    pub root: Hash,
    /// Checkpoint of that size or a larger one, signed by the log's key.
    pub note: SignedNote,
    /// Consistency proof from the size to the checkpoint; empty when they are equal.
    pub proof: Vec<Hash>,
}

impl Branch {
    /// Checks that the log's key has signed a history which has this root at `size`. `keys_of` names the keys that may have
    /// signed a checkpoint of some size.
    pub fn check(&self, origin: &Origin, keys_of: &dyn Fn(u64) -> Vec<PublicKey>, size: u64) -> Result<(), Refusal> {
        let claimed = Checkpoint::parse(self.note.text())?.size;
        let opened = keys_of(claimed).into_iter().map(|key| Checkpoint::open(&self.note, origin, &key));
        let unknown = || Refusal::new(Reason::KeyUnknown).with("size", claimed);
        let checkpoint = opened.reduce(Result::or).ok_or_else(unknown)??;
        verify_consistency(size, self.root, checkpoint.size, checkpoint.root, &self.proof)
    }
}

/// Two histories of one log that differ at one size.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ForkProof {
    /// The log.
    pub origin: Origin,
    /// The size at which the roots differ; at least 1.
    pub size: u64,
    /// One history.
    pub first: Branch,
    /// The other.
    pub second: Branch,
}

impl ForkProof {
    /// Checks the proof under the keys that sign the log's checkpoints, which `keys_of` names by size, and says how many
    /// entries both histories may share: whatever comes after them is in doubt. `FORK_PROOF_INVALID` if it proves
    /// nothing.
    pub fn check(&self, keys_of: &dyn Fn(u64) -> Vec<PublicKey>) -> Result<u64, Refusal> {
        let refuse = |rule: &str| {
            Refusal::new(Reason::ForkProofInvalid)
                .with("log", &self.origin)
                .with("size", self.size)
                .with("rule", rule)
        };
        let shared = self.size.checked_sub(1).ok_or_else(|| refuse("nothing comes before the first entry"))?;
        if self.first.root == self.second.root {
            return Err(refuse("both halves tell the same history"));
        }
        for half in [&self.first, &self.second] {
            half.check(&self.origin, keys_of, self.size).map_err(|refusal| refuse(refusal.reason.code()))?;
        }
        Ok(shared)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::signing::SecretKey;
    use crate::log::merkle::{Tree, leaf_hash};

    fn origin() -> Origin {
        "demo/log/kitu/1".parse().expect("origin")
    }

    fn key() -> SecretKey {
        SecretKey::from_seed(&[7; 32])
    }

    /// A log that says `tag` from entry `from` on.
    fn tree(size: u64, from: u64, tag: &str) -> Tree {
        (0..size).map(|at| leaf_hash(format!("{} {at}", if at < from { "shared" } else { tag }).as_bytes())).collect()
    }

    fn branch(tree: &Tree, size: u64, key: &SecretKey) -> Branch {
        let (root, proof) =
            (tree.root_at(size).expect("size"), tree.consistency_proof(size, tree.size()).expect("size"));
        let note = Checkpoint { origin: origin(), size: tree.size(), root: tree.root() }.sign(key);
        Branch { root, note, proof }
    }

    fn proof(size: u64) -> ForkProof {
        let (one, other) = (tree(13, 6, "one"), tree(9, 6, "other"));
        ForkProof { origin: origin(), size, first: branch(&one, size, &key()), second: branch(&other, size, &key()) }
    }

    #[test]
    fn two_histories_are_proven_at_every_size_at_which_they_differ_and_at_no_other() {
        for size in 1..=9 {
            let checked = proof(size).check(&|_| vec![key().public()]);
            match size {
                1..=6 => {
                    assert_eq!(checked.expect_err("shared").field("rule"), Some("both halves tell the same history"))
                }
                _ => assert_eq!(checked, Ok(size - 1)),
            }
        }
    }

    #[test]
    fn a_proof_that_proves_nothing_is_refused() {
        let good = proof(8);
        let stranger = SecretKey::from_seed(&[8; 32]);
        assert!(good.check(&|_| vec![stranger.public()]).is_err(), "signed by another key");
        let mut same_twice = good.clone();
        same_twice.second = same_twice.first.clone();
        let mut other_root = good.clone();
        other_root.first.root = Hash([1; 32]);
        let mut shortened = good.clone();
        shortened.first.proof.pop();
        let mut forged = good.clone();
        forged.second = branch(&tree(9, 6, "other"), 8, &stranger);
        let mut nothing = good.clone();
        nothing.size = 0;
        for bad in [same_twice, other_root, shortened, forged, nothing] {
            let refusal = bad.check(&|_| vec![key().public()]).expect_err("must be refused");
            assert_eq!(refusal.reason, Reason::ForkProofInvalid);
        }
    }
}
