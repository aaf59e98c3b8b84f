//! Checkpoints (C2SP `tlog-checkpoint`): origin, size and root of a log, signed by the log's key.
//!
//! Must never accept two texts for one checkpoint, nor a checkpoint without the signature of the log's own key.
use crate::domain::id::{Hash, Origin};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::signing::{PublicKey, SecretKey};
use crate::log::merkle::empty_root;
use crate::log::note::{SignedNote, decimal, decoded_hash, encoded_hash, sign_ed25519};

/// The head of a log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checkpoint {
    /// The log; also the name of its key in the signature line.
    pub origin: Origin,
    /// Number of leaves.
    pub size: u64,
    /// RFC 6962 root over these leaves.
    pub root: Hash,
}

impl Checkpoint {
    /// The text that is signed: three lines.
    pub fn to_note_text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, encoded_hash(self.root))
    }

    /// Reads the text.
    ///
    /// Extension lines are refused although C2SP leaves them to the log: our logs write none, nobody could audit
    /// them, and without them a checkpoint has exactly one text.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let refuse = |rule: &str| Refusal::new(Reason::CheckpointInvalid).with("rule", rule);
        let lines: Vec<&str> = text.split('\n').collect();
        let [origin, size, root, ""] = lines[..] else { return Err(refuse("three lines")) };
        let checkpoint = Self {
            origin: origin.parse()?,
            size: decimal(size).ok_or_else(|| refuse("size"))?,
            root: decoded_hash(root).ok_or_else(|| refuse("root hash"))?,
        };
        if checkpoint.size == 0 && checkpoint.root != empty_root() {
            return Err(refuse("root of the empty tree"));
        }
        Ok(checkpoint)
    }

    /// Signs with the log's key. Whoever calls this has made sure that it contradicts no checkpoint signed before.
    pub fn sign(&self, key: &SecretKey) -> SignedNote {
        let text = self.to_note_text();
        let signature = sign_ed25519(&text, &self.origin.to_string(), key);
        SignedNote::new(text, vec![signature]).expect("an origin has no spaces or plus signs and is short")
    }

    /// Opens a note as the checkpoint of this log: its key must have signed, and it must speak of this origin.
    pub fn open(note: &SignedNote, origin: &Origin, key: &PublicKey) -> Result<Self, Refusal> {
        note.verify_ed25519(&origin.to_string(), key)?;
        let checkpoint = Self::parse(note.text())?;
        if checkpoint.origin == *origin {
            return Ok(checkpoint);
        }
        Err(Refusal::new(Reason::CheckpointInvalid).with("rule", "origin").with("origin", checkpoint.origin))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint() -> Checkpoint {
        Checkpoint { origin: "demo/log/kitu/1".parse().expect("origin"), size: 5, root: Hash([9; 32]) }
    }

    #[test]
    fn only_the_key_of_the_log_opens_its_checkpoint() {
        let (key, other) = (SecretKey::from_seed(&[1; 32]), SecretKey::from_seed(&[2; 32]));
        let (good, note) = (checkpoint(), checkpoint().sign(&key));
        assert_eq!(Checkpoint::open(&note, &good.origin, &key.public()).expect("own checkpoint"), good);
        assert!(Checkpoint::open(&note, &good.origin, &other.public()).is_err());
        let stranger: Origin = "demo/log/kitu/2".parse().expect("origin");
        assert!(Checkpoint::open(&note, &stranger, &key.public()).is_err());

        // A log that signs another log's text under its own name is not believed.
        let text = good.to_note_text();
        let line = sign_ed25519(&text, &stranger.to_string(), &key);
        let note = SignedNote::new(text, vec![line]).expect("well formed");
        let refusal = Checkpoint::open(&note, &stranger, &key.public()).expect_err("foreign origin");
        assert_eq!(refusal.field("rule"), Some("origin"));
    }

    #[test]
    fn a_checkpoint_has_one_text() {
        let root = encoded_hash(Hash([9; 32]));
        let empty = encoded_hash(empty_root());
        assert_eq!(Checkpoint::parse(&checkpoint().to_note_text()).expect("own text"), checkpoint());
        assert!(Checkpoint::parse(&format!("demo/log/kitu/1\n0\n{empty}\n")).is_ok());
        for bad in [
            format!("demo/log/kitu/1\n5\n{root}"),
            format!("demo/log/kitu/1\n5\n{root}\n\n"),
            format!("demo/log/kitu/1\n5\n{root}\nextension\n"),
            format!("demo/log/kitu/1\n05\n{root}\n"),
            format!("demo/log/kitu/1\n+5\n{root}\n"),
            format!("demo/log/kitu/1\n-5\n{root}\n"),
            format!("demo/log/kitu/1\n18446744073709551616\n{root}\n"),
            format!("demo/log/kitu/1\n5\n{}\n", &root[..40]),
            format!("demo/log/kitu/1\n5\n{}\n", root.trim_end_matches('=')),
            format!("demo/log/kitu/1\n0\n{root}\n"),
            format!("demo/log/kitu\n5\n{root}\n"),
            format!("\n5\n{root}\n"),
        ] {
            assert!(Checkpoint::parse(&bad).is_err(), "{bad:?} must be refused");
        }
    }
}
