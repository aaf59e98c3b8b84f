//! C2SP signed notes: text, an empty line, one signature per line. Reading is strict, writing gives the same bytes.
//!
//! Must never decide what a text means, and must never say a signature is good without a key given by the caller.
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::domain::id::{Hash, sha256, shortened};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::signing::{PublicKey, SecretKey, Signature};

/// Longest note in bytes. A checkpoint with 64 cosignatures of ours takes less than 14 KiB; the bound keeps what a
/// stranger can make us hold small.
pub const NOTE_BYTES_MAX: usize = 16 * 1024;

/// Most signature lines in a note. C2SP asks for at least 16; a federation has at most a few dozen witnesses.
pub const SIGNATURES_MAX: usize = 64;

/// What begins a signature line: em dash and space.
const LINE_PREFIX: &str = "— ";

/// The C2SP signature types we write and check.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SignatureType {
    /// A plain Ed25519 signature over the text.
    Ed25519 = 0x01,
    /// A timestamped Ed25519 cosignature over a checkpoint (`cosignature/v1`).
    Cosignature = 0x04,
}

/// The short name of a key in a signature line: first four bytes of SHA-256 over name, newline, type and key.
pub fn key_id(name: &str, kind: SignatureType, key: &PublicKey) -> [u8; 4] {
    let mut bytes = format!("{name}\n").into_bytes();
    bytes.push(kind as u8);
    bytes.extend_from_slice(&key.to_bytes());
    let [a, b, c, d, ..] = sha256(&bytes);
    [a, b, c, d]
}

/// The key as other C2SP tools take it: `<name>+<key id>+<base64 of type and key>`.
pub fn vkey(name: &str, kind: SignatureType, key: &PublicKey) -> String {
    let mut bytes = vec![kind as u8];
    bytes.extend_from_slice(&key.to_bytes());
    format!("{name}+{}+{}", hex::encode(key_id(name, kind, key)), BASE64.encode(bytes))
}

/// Signs a text. `name` must be fit for a key name; [`SignedNote::new`] checks that.
pub fn sign_ed25519(text: &str, name: &str, key: &SecretKey) -> NoteSignature {
    NoteSignature {
        name: name.to_owned(),
        key_id: key_id(name, SignatureType::Ed25519, &key.public()),
        bytes: key.sign(text.as_bytes()).0.to_vec(),
    }
}

/// One signature line: a claim until someone has checked it with a key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NoteSignature {
    /// The key's name.
    pub name: String,
    /// The key's id.
    pub key_id: [u8; 4],
    /// What follows the key id; 64 bytes for Ed25519, 8 more in front for a cosignature.
    pub bytes: Vec<u8>,
}

impl NoteSignature {
    /// Reads one line without its newline.
    pub fn parse(line: &str) -> Result<Self, Refusal> {
        let refuse = || malformed("signature line").with("line", shortened(line));
        let (name, encoded) =
            line.strip_prefix(LINE_PREFIX).and_then(|rest| rest.split_once(' ')).ok_or_else(refuse)?;
        let decoded = BASE64.decode(encoded).map_err(|_| refuse())?;
        let (key_id, bytes) = decoded.split_first_chunk().ok_or_else(refuse)?;
        let signature = Self { name: name.to_owned(), key_id: *key_id, bytes: bytes.to_vec() };
        signature.check().map(|()| signature)
    }

    /// Whether the line claims to be by this key under this name.
    pub fn claims(&self, name: &str, kind: SignatureType, key: &PublicKey) -> bool {
        self.name == name && self.key_id == key_id(name, kind, key)
    }

    fn check(&self) -> Result<(), Refusal> {
        let forbidden = |c: char| c == '+' || c.is_whitespace() || is_control(c);
        if self.name.is_empty() || self.name.contains(forbidden) {
            return Err(malformed("key name").with("name", shortened(&self.name)));
        }
        if self.bytes.is_empty() { Err(malformed("empty signature").with("name", &self.name)) } else { Ok(()) }
    }
}

impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let encoded = BASE64.encode([&self.key_id[..], &self.bytes].concat());
        write!(f, "{LINE_PREFIX}{} {encoded}", self.name)
    }
}

impl fmt::Debug for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A signed note that keeps the format's rules: what is written can be read back, byte for byte.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignedNote {
    text: String,
    signatures: Vec<NoteSignature>,
}

impl SignedNote {
    /// Puts a note together. The text ends in a newline and has no other control characters; at least one signature.
    pub fn new(text: String, signatures: Vec<NoteSignature>) -> Result<Self, Refusal> {
        if !text.ends_with('\n') {
            return Err(malformed("text ends in a newline"));
        }
        if text.contains(|c| c != '\n' && is_control(c)) {
            return Err(malformed("control character"));
        }
        if signatures.is_empty() || signatures.len() > SIGNATURES_MAX {
            return Err(malformed("number of signatures").with("signatures", signatures.len()));
        }
        signatures.iter().try_for_each(NoteSignature::check)?;
        let note = Self { text, signatures };
        within_bound(note.to_string().len()).map(|()| note)
    }

    /// Reads a note.
    pub fn parse(note: &str) -> Result<Self, Refusal> {
        within_bound(note.len())?;
        // The text may contain empty lines; the last one separates.
        let separator = note.rfind("\n\n").ok_or_else(|| malformed("empty line before the signatures"))?;
        let (text, lines) = (&note[..=separator], &note[separator + 2..]);
        let lines = lines.strip_suffix('\n').ok_or_else(|| malformed("signature lines end in a newline"))?;
        let signatures = lines.split('\n').map(NoteSignature::parse).collect::<Result<_, _>>()?;
        Self::new(text.to_owned(), signatures)
    }

    /// The signed text, with its final newline.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signature lines, in the order of the note.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// The note with only the lines of the log itself, whose name is the first line of a checkpoint's text.
    pub fn without_cosignatures(&self) -> Self {
        let origin = self.text.lines().next().unwrap_or_default();
        let own: Vec<NoteSignature> = self.signatures.iter().filter(|line| line.name == origin).cloned().collect();
        // A note nobody of that name has signed stays as it is; it will not be believed.
        if own.is_empty() { self.clone() } else { Self { text: self.text.clone(), signatures: own } }
    }

    /// Checks that this key signed the text. Lines of other keys are ignored; if one line of this key is wrong, the
    /// note is refused, as C2SP recommends.
    pub fn verify_ed25519(&self, name: &str, key: &PublicKey) -> Result<(), Refusal> {
        let mut lines =
            self.signatures.iter().filter(|line| line.claims(name, SignatureType::Ed25519, key)).peekable();
        if lines.peek().is_none() {
            return Err(unsigned(name, key));
        }
        lines.try_for_each(|line| {
            let signature = line.bytes[..].try_into().map_err(|_| unsigned(name, key))?;
            key.verify(self.text.as_bytes(), &Signature(signature))
        })
    }
}

impl fmt::Display for SignedNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// The refusal when a note carries no usable signature line of a key.
pub(super) fn unsigned(name: &str, key: &PublicKey) -> Refusal {
    Refusal::new(Reason::SignatureInvalid).with("name", shortened(name)).with("key", key.hash().short())
}

/// A number in its one decimal form: no sign, no leading zeros.
pub(super) fn decimal(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number: &u64| number.to_string() == text)
}

/// A hash in its one base64 form.
pub(super) fn decoded_hash(text: &str) -> Option<Hash> {
    BASE64.decode(text).ok()?.try_into().ok().map(Hash)
}

/// A hash in base64, as checkpoints and proofs write it.
pub(super) fn encoded_hash(hash: Hash) -> String {
    BASE64.encode(hash.0)
}

/// What C2SP calls a control character: ASCII below U+0020.
fn is_control(c: char) -> bool {
    c < ' '
}

fn within_bound(bytes: usize) -> Result<(), Refusal> {
    if bytes <= NOTE_BYTES_MAX { Ok(()) } else { Err(malformed("length").with("bytes", bytes)) }
}

fn malformed(rule: &str) -> Refusal {
    Refusal::new(Reason::NoteMalformed).with("rule", rule)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn note(text: &str) -> SignedNote {
        let signature = sign_ed25519(text, "example.org/a", &SecretKey::from_seed(&[1; 32]));
        SignedNote::new(text.to_owned(), vec![signature]).expect("good note")
    }

    #[test]
    fn a_note_is_signed_by_its_key_under_its_name_only() {
        let (key, other) = (SecretKey::from_seed(&[1; 32]).public(), SecretKey::from_seed(&[2; 32]).public());
        let good = note("text\n");
        good.verify_ed25519("example.org/a", &key).expect("own signature");
        assert!(good.verify_ed25519("example.org/b", &key).is_err());
        assert!(good.verify_ed25519("example.org/a", &other).is_err());

        let line = good.signatures()[0].clone();
        let changed = SignedNote::new("test\n".to_owned(), vec![line.clone()]).expect("well formed");
        assert!(changed.verify_ed25519("example.org/a", &key).is_err());

        let mut short = line.clone();
        short.bytes.pop();
        let with = |lines: &[&NoteSignature]| {
            SignedNote::new("text\n".to_owned(), lines.iter().map(|&line| line.clone()).collect())
                .expect("well formed")
        };
        assert!(with(&[&line, &short]).verify_ed25519("example.org/a", &key).is_err(), "one bad line spoils it");
        let stranger = NoteSignature { name: "example.org/c".to_owned(), ..short };
        with(&[&stranger, &line]).verify_ed25519("example.org/a", &key).expect("unknown keys are ignored");
    }

    #[test]
    fn texts_may_contain_empty_lines() {
        for text in ["\n", "a\n", "a\n\n", "\n\n\n", "a\n\n— example.org/a AAAAAAA=\n"] {
            let written = note(text).to_string();
            assert_eq!(SignedNote::parse(&written).expect("own note"), note(text));
        }
    }

    #[test]
    fn what_is_not_a_note_is_refused() {
        let line = "— a AAAAAAA=";
        assert!(SignedNote::parse(&format!("t\n\n{line}\n")).is_ok());
        for bad in [
            "".to_owned(),
            "t\n".to_owned(),
            "t\n\n".to_owned(),
            format!("\n{line}\n"),
            format!("t\n{line}\n"),
            format!("t\n\n{line}"),
            format!("t\n\n{line}\n\n"),
            format!("t\n\n{line} \n"),
            format!("t\n\n{line}\nx\n"),
            format!("t\r\n\n{line}\n"),
            format!("t\0\n\n{line}\n"),
            "t\n\n- a AAAAAAA=\n".to_owned(),
            "t\n\n—  AAAAAAA=\n".to_owned(),
            "t\n\n— a+b AAAAAAA=\n".to_owned(),
            "t\n\n— a\u{a0}b AAAAAAA=\n".to_owned(),
            "t\n\n— a AAAAAA==\n".to_owned(),
            "t\n\n— a AAAAAAA\n".to_owned(),
            "t\n\n— a AAAAAAB=\n".to_owned(),
            format!("t\n\n{}", format!("{line}\n").repeat(SIGNATURES_MAX + 1)),
            format!("{}\n\n{line}\n", "t".repeat(NOTE_BYTES_MAX)),
        ] {
            let refusal = SignedNote::parse(&bad).expect_err(&bad);
            assert_eq!(refusal.reason, Reason::NoteMalformed, "{bad:?}");
        }
        let largest = format!("t\n\n{}", format!("{line}\n").repeat(SIGNATURES_MAX));
        assert_eq!(SignedNote::parse(&largest).expect("at the bound").to_string(), largest);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn whatever_is_read_is_written_the_same(note in "[ab\n]{0,4}\n\n(— [a+ ]{1,2} [A-D=]{0,12}\n){0,2}") {
            if let Ok(parsed) = SignedNote::parse(&note) {
                prop_assert_eq!(parsed.to_string(), note);
            }
        }
    }
}
