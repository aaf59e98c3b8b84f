//! Inclusion proofs in one text (C2SP `tlog-proof`): index, hashes and the signed checkpoint, enough for an auditor.
//!
//! Must never be believed for what its `extra` line says: that line is not authenticated.
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::domain::id::{Hash, Origin};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::signing::PublicKey;
use crate::log::checkpoint::Checkpoint;
use crate::log::merkle::verify_inclusion;
use crate::log::note::{NOTE_BYTES_MAX, SignedNote, decimal, decoded_hash, encoded_hash};

/// First line of a proof.
const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// Most hashes in a proof: the height of a tree whose size fits into 64 bits.
pub const HASHES_MAX: usize = 64;

/// Longest extra data in bytes; we write none ourselves.
pub const EXTRA_BYTES_MAX: usize = 8 * 1024;

/// Longest proof in bytes: a note, the extra data in base64, and 4 KiB for the header and 64 lines of 45 bytes.
pub const PROOF_BYTES_MAX: usize = NOTE_BYTES_MAX + EXTRA_BYTES_MAX * 3 / 2 + 4 * 1024;

/// A proof that an entry is in a log: a claim until [`TlogProof::verify`] has said otherwise.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TlogProof {
    /// Opaque bytes of the writer, empty if there are none. Not authenticated.
    pub extra: Vec<u8>,
    /// Position of the entry, from zero.
    pub index: u64,
    /// From the leaf's sibling to the root's child.
    pub hashes: Vec<Hash>,
    /// The signed checkpoint, with whatever cosignatures it carries.
    pub checkpoint: SignedNote,
}

impl TlogProof {
    /// A proof without extra data.
    pub fn new(index: u64, hashes: Vec<Hash>, checkpoint: SignedNote) -> Self {
        Self { extra: Vec::new(), index, hashes, checkpoint }
    }

    /// Reads a proof. There is one text for every proof, so what was read is written back byte for byte.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        if text.len() > PROOF_BYTES_MAX {
            return Err(malformed("length").with("bytes", text.len()));
        }
        let (head, checkpoint) = text.split_once("\n\n").ok_or_else(|| malformed("empty line"))?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(HEADER) {
            return Err(malformed("first line"));
        }
        let extra = match lines.next_if(|line| line.starts_with("extra ")) {
            Some(line) => decoded_extra(line)?,
            None => Vec::new(),
        };
        let index = lines.next().and_then(|line| decimal(line.strip_prefix("index ")?));
        let index = index.ok_or_else(|| malformed("index line"))?;
        let hashes: Option<Vec<Hash>> = lines.map(decoded_hash).collect();
        let hashes = hashes.filter(|hashes| hashes.len() <= HASHES_MAX).ok_or_else(|| malformed("hash lines"))?;
        Ok(Self { extra, index, hashes, checkpoint: SignedNote::parse(checkpoint)? })
    }

    /// Checks that the entry with this leaf hash is in this log, and gives the checkpoint it is in. Cosignatures are
    /// for [`crate::log::cosignature::Quorum`] to count.
    pub fn verify(&self, leaf: Hash, origin: &Origin, log_key: &PublicKey) -> Result<Checkpoint, Refusal> {
        let checkpoint = Checkpoint::open(&self.checkpoint, origin, log_key)?;
        verify_inclusion(leaf, self.index, checkpoint.size, &self.hashes, checkpoint.root)?;
        Ok(checkpoint)
    }
}

impl fmt::Display for TlogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        if !self.extra.is_empty() {
            writeln!(f, "extra {}", BASE64.encode(&self.extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        self.hashes.iter().try_for_each(|hash| writeln!(f, "{}", encoded_hash(*hash)))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

fn decoded_extra(line: &str) -> Result<Vec<u8>, Refusal> {
    let extra = line.strip_prefix("extra ").and_then(|encoded| BASE64.decode(encoded).ok());
    extra.filter(|extra| (1..=EXTRA_BYTES_MAX).contains(&extra.len())).ok_or_else(|| malformed("extra line"))
}

fn malformed(rule: &str) -> Refusal {
    Refusal::new(Reason::ProofInvalid).with("rule", rule)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::signing::SecretKey;
    use crate::log::cosignature::{self, cosign};
    use crate::log::merkle::{Tree, leaf_hash};
    use crate::log::note::{SignatureType, vkey};

    const GOLDEN: &str = concat!(
        "c2sp.org/tlog-proof@v1\n",
        "index 3\n",
        "WX/LMSgtNGVMIA00GPylcFxkjr8ybsc9jd7xGEH4dtg=\n",
        "sTeYX/SE+2ANuTEHx3sDZcgNePW0Kd7Q/Zc2HQd5mes=\n",
        "KCSnzNosqnIMhcn7oei1tzXuz9sDh45Pjf5sNiUDC8Q=\n",
        "\n",
        "demo/log/kitu/1\n",
        "5\n",
        "/hSlQm+9cMD6c/UjQq/tDaC9I8SDhmLM9riKMHDq2Xs=\n",
        "\n",
        "— demo/log/kitu/1 mYi4vNln78WvaSYNePkCDA2Y2BWs/YPFmnd4Wb12qr1R+H9HV4GTJhTZPGLoN7T5kxd5dDBu+dwjNBp5iLX1UD6S4gM=\n",
        "— demo/witness/kid LxRvcAAAAABqsTuAuYJpNkbJZpkc1V+veui6yap7PoMguKxeb+22MpPFtpmnaIXPWK3EJKXNe9zDBHLfJE0wJ0hQoGJtwvYPhXgNDA==\n",
    );
    const GOLDEN_WITNESS: &str = "demo/witness/kid+2f146f70+BIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU";

    fn origin() -> Origin {
        "demo/log/kitu/1".parse().expect("origin")
    }

    /// Leaves `a` to `e` in one log, cosigned once, proof for `d`.
    fn proof() -> TlogProof {
        let tree: Tree = ["a", "b", "c", "d", "e"].iter().map(|entry| leaf_hash(entry.as_bytes())).collect();
        let checkpoint = Checkpoint { origin: origin(), size: tree.size(), root: tree.root() };
        let mut note = checkpoint.sign(&SecretKey::from_seed(&[1; 32]));
        let witness = SecretKey::from_seed(&[2; 32]);
        let line = cosign(&note, "demo/witness/kid", &witness, 1_790_000_000).expect("a checkpoint");
        cosignature::merge(&mut note, line, &witness.public()).expect("own cosignature");
        TlogProof::new(3, tree.inclusion_proof(3, 5).expect("in the tree"), note)
    }

    /// These bytes were made by an independent implementation. If they change, every proof ever handed out is void.
    #[test]
    fn the_bytes_of_checkpoint_cosignature_and_proof_are_pinned() {
        let witness = SecretKey::from_seed(&[2; 32]).public();
        assert_eq!(proof().to_string(), GOLDEN);
        assert_eq!(vkey("demo/witness/kid", SignatureType::Cosignature, &witness), GOLDEN_WITNESS);
        let read = TlogProof::parse(GOLDEN).expect("golden proof");
        assert_eq!(read, proof());
        let log_key = SecretKey::from_seed(&[1; 32]).public();
        let checkpoint = read.verify(leaf_hash(b"d"), &origin(), &log_key).expect("golden proof");
        assert_eq!(checkpoint.size, 5);
        assert_eq!(cosignature::verify(&read.checkpoint, "demo/witness/kid", &witness).expect("good"), 1_790_000_000);
    }

    #[test]
    fn a_proof_is_good_for_its_entry_its_place_and_its_log_only() {
        let key = SecretKey::from_seed(&[1; 32]).public();
        let good = proof();
        good.verify(leaf_hash(b"d"), &origin(), &key).expect("own proof");
        assert!(good.verify(leaf_hash(b"c"), &origin(), &key).is_err());
        assert!(good.verify(leaf_hash(b"d"), &"demo/log/kid/1".parse().expect("origin"), &key).is_err());
        assert!(good.verify(leaf_hash(b"d"), &origin(), &SecretKey::from_seed(&[2; 32]).public()).is_err());
        assert!(TlogProof { index: 2, ..good.clone() }.verify(leaf_hash(b"d"), &origin(), &key).is_err());
        assert!(TlogProof { hashes: Vec::new(), ..good }.verify(leaf_hash(b"d"), &origin(), &key).is_err());
    }

    #[test]
    fn a_proof_has_one_text() {
        let good = proof().to_string();
        let with = |from: &str, to: &str| good.replacen(from, to, 1);
        let hash = good.lines().nth(2).expect("a hash");
        for same in [
            with("index 3", "extra YQ==\nindex 3"),
            with("index 3", "index 0"),
            with(&format!("{hash}\n"), ""),
            with(hash, &[hash; HASHES_MAX - 2].join("\n")),
        ] {
            assert_eq!(TlogProof::parse(&same).expect(&same).to_string(), same);
        }
        for bad in [
            with("@v1", "@v2"),
            with("index 3", "index 03"),
            with("index 3", "index +3"),
            with("index 3", "index  3"),
            with("index 3\n", ""),
            with("index 3", "extra \nindex 3"),
            with("index 3", "extra YR==\nindex 3"),
            with("index 3", "extra YQ==\nextra YQ==\nindex 3"),
            with("index 3", "index 3\nextra YQ=="),
            with("index 3", &format!("extra {}\nindex 3", "YWFh".repeat(EXTRA_BYTES_MAX / 3 + 1))),
            with(hash, &hash[..40]),
            with(hash, &[hash; HASHES_MAX - 1].join("\n")),
            with("\n\ndemo", "\ndemo"),
            with("\n\ndemo", "\r\n\ndemo"),
            with(HEADER, &format!("\n{HEADER}")),
            good.trim_end().to_owned(),
            format!("{good}\n"),
            String::new(),
        ] {
            assert!(TlogProof::parse(&bad).is_err(), "{bad} must be refused");
        }
    }
}
