//! A cover: the first witnessed checkpoint known that covers an entry, with the proof that the log's newest one continues
//! it. It tells when the witnesses had seen the entry; every deadline is judged by it.
//!
//! ```text
//! verbund/cover/v1
//! <hash of the consistency proof, base64, one a line>
//!
//! <the checkpoint, a C2SP signed note with cosignatures>
//! ```
//!
//! Must never be believed before its consistency with the newest checkpoint and its quorum have been checked.
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::domain::id::Hash;
use crate::domain::reason::{Reason, Refusal};
use crate::log::checkpoint::Checkpoint;
use crate::log::merkle::verify_consistency;
use crate::log::note::{NOTE_BYTES_MAX, SignedNote};

/// First line of the text.
const HEAD: &str = "verbund/cover/v1";

/// Most hashes: twice the height of the largest tree.
const HASHES_MAX: usize = 128;

/// Longest text in bytes: a note, and 128 lines of 45 bytes.
const COVER_BYTES_MAX: usize = NOTE_BYTES_MAX + 8 * 1024;

/// An earlier checkpoint of a log, and why the newest one continues it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cover {
    /// The checkpoint, with its cosignatures.
    pub note: SignedNote,
    /// From its tree to that of the newest checkpoint (RFC 6962, section 2.1.2).
    pub consistency: Vec<Hash>,
}

impl Cover {
    /// The text.
    pub fn text(&self) -> String {
        let hashes: String = self.consistency.iter().map(|hash| BASE64.encode(hash.0) + "\n").collect();
        format!("{HEAD}\n{hashes}\n{}", self.note)
    }

    /// Reads what [`Cover::text`] has written; anything else is refused.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let refuse = || Refusal::new(Reason::ProofInvalid).with("rule", "cover");
        if text.len() > COVER_BYTES_MAX {
            return Err(refuse());
        }
        let (head, note) = text.split_once("\n\n").ok_or_else(refuse)?;
        let hash = |line: &str| Some(Hash(BASE64.decode(line).ok()?.try_into().ok()?));
        let consistency: Option<Vec<Hash>> = head.lines().skip(1).map(hash).collect();
        let consistency = consistency.filter(|hashes| hashes.len() <= HASHES_MAX).ok_or_else(refuse)?;
        let cover = Self { note: SignedNote::parse(note)?, consistency };
        if cover.text() == text { Ok(cover) } else { Err(refuse()) }
    }

    /// The checkpoint it claims.
    pub fn head(&self) -> Result<Checkpoint, Refusal> {
        Checkpoint::parse(self.note.text())
    }

    /// Whether the log's newest checkpoint continues it.
    pub fn check_continued(&self, newest: &Checkpoint) -> Result<(), Refusal> {
        let head = self.head()?;
        if head.origin != newest.origin {
            return Err(Refusal::new(Reason::ProofInvalid).with("log", &head.origin).with("rule", "of another log"));
        }
        verify_consistency(head.size, head.root, newest.size, newest.root, &self.consistency)
            .map_err(|refusal| Refusal { reason: Reason::LogFork, ..refusal }.with("log", &head.origin))
    }
}
