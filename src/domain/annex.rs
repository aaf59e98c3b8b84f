//! The annex of a statement: words for people, which can be erased without touching a proof.
//!
//! Free text may name a person, and what stands in a log can never be taken out of it. So the signed body holds no more than
//! the SHA-256 of an annex, and the annex goes beside the statement. Its 32 random bytes of salt keep a short text from
//! being guessed from the hash. Without its annex a statement says everything that binds: no verdict, price or deadline
//! rests on words.
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::body::Body;
use crate::domain::id::{Hash, OrgId};
use crate::domain::json;
use crate::domain::order::NOTE_CHARS_MAX;
use crate::domain::order::erasure::Erasure;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::salt::Salt;
use crate::domain::statement::{Kind, Signed};
use crate::domain::text::{checked_label, checked_lines, checked_text};

/// Largest annex in bytes: what its longest texts take in letters of four bytes, and half as much again.
pub const ANNEX_BYTES_MAX: usize = 16 * 1024;

/// Longest text for purpose and choice: a long paragraph each.
pub const WORDS_CHARS_MAX: usize = 1000;

/// Longest words of a search in characters; longer ones are pasted by mistake.
pub const QUERY_CHARS_MAX: usize = 200;

/// Longest name of an office or a person to ask.
pub const CONTACT_CHARS_MAX: usize = 200;

/// The words of one statement, written by people.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Texts {
    /// Why, or what else there is to say.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// Of a request: what the service is needed for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub purpose: String,
    /// Of a request: why this offering and this route.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub choice: String,
    /// Of a request: what was searched for before.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub query: String,
    /// Of a milestone: whom to ask from now on.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub contact: String,
}

impl Texts {
    /// A note alone.
    pub fn note(note: impl Into<String>) -> Self {
        Self { note: note.into(), ..Self::default() }
    }

    /// All that is said, a text a line.
    pub fn told(&self) -> String {
        let texts = [&self.note, &self.purpose, &self.choice, &self.query, &self.contact];
        texts.into_iter().filter(|text| !text.is_empty()).map(String::as_str).collect::<Vec<_>>().join("\n")
    }

    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn check(&self) -> Result<(), Refusal> {
        if self.is_empty() {
            return Err(Refusal::new(Reason::FieldInvalid).with("field", "annex").with("rule", "says nothing"));
        }
        checked_lines("note", &self.note, NOTE_CHARS_MAX)?;
        checked_lines("purpose", &self.purpose, WORDS_CHARS_MAX)?;
        checked_lines("choice", &self.choice, WORDS_CHARS_MAX)?;
        checked_text("query", &self.query, QUERY_CHARS_MAX)?;
        checked_label("contact", &self.contact, CONTACT_CHARS_MAX)
    }
}

/// The document in an annex.
#[derive(Serialize, Deserialize)]
struct Content {
    /// The hash of an annex must not give its text away, not even one of a few words.
    salt: Salt<32>,
    #[serde(flatten)]
    texts: Texts,
}

/// An annex, as its author wrote it: readable, and within the limits of its texts.
#[derive(Clone, PartialEq, Eq)]
pub struct Annex {
    id: Hash,
    bytes: Arc<[u8]>,
    texts: Texts,
}

/// No log of the program shows what may have to be erased.
impl fmt::Debug for Annex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "annex {:?}", self.id)
    }
}

impl Annex {
    /// Writes one; none where nothing is said.
    pub fn write(texts: Texts, salt: [u8; 32]) -> Result<Option<Self>, Refusal> {
        if texts.is_empty() {
            return Ok(None);
        }
        Self::read(&json::write(&Content { salt: Salt(salt), texts })).map(Some)
    }

    /// Reads one. The bytes are kept as they are: their hash is what was signed.
    pub fn read(bytes: &[u8]) -> Result<Self, Refusal> {
        if bytes.len() > ANNEX_BYTES_MAX {
            let refusal = Refusal::new(Reason::JsonTooLarge).with("field", "annex").with("bytes", bytes.len());
            return Err(refusal.with("limit", ANNEX_BYTES_MAX));
        }
        let Content { salt: _, texts } = json::read_body(bytes)?;
        texts.check()?;
        Ok(Self { id: Hash::of(bytes), bytes: bytes.into(), texts })
    }

    /// SHA-256 of its bytes: what the statement names.
    pub fn id(&self) -> Hash {
        self.id
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What it says.
    pub fn texts(&self) -> &Texts {
        &self.texts
    }
}

/// The part of a body that names its annex, read alone.
#[derive(Deserialize)]
struct Naming {
    annex: Option<Hash>,
}

/// Whether statements of a kind may have an annex.
fn may_have(kind: &Kind) -> bool {
    matches!(kind, Kind::Request | Kind::Decision | Kind::Reject | Kind::Decline | Kind::Recall | Kind::Milestone)
}

/// The annex that a statement names; none if its kind has none, or if it cannot be read.
pub fn named(signed: &Signed) -> Option<Hash> {
    let naming = may_have(signed.kind()).then(|| serde_json::from_slice::<Naming>(signed.payload()).ok());
    let annex = naming.flatten()?.annex?;
    // What a body says counts if the whole of it can be read; most name no annex, and of them so much is not asked.
    Body::read_payload(signed.kind(), signed.payload()).ok().map(|_| annex)
}

/// The annexes that are erased by what statements say: an annex goes by the word of the organisation that named it as its
/// own, and of nobody else. Nothing is asked about signatures.
#[derive(Default, Debug)]
pub struct Erased {
    authors: BTreeSet<(OrgId, Hash)>,
    erasures: BTreeSet<(OrgId, Hash)>,
}

impl Erased {
    /// By what these statements say.
    pub fn of<'s>(statements: impl IntoIterator<Item = &'s Signed>) -> Self {
        let mut erased = Self::default();
        statements.into_iter().for_each(|signed| erased.hear(signed));
        erased
    }

    /// Takes one more statement.
    pub fn hear(&mut self, signed: &Signed) {
        if let Some(annex) = named(signed) {
            let body = Body::read_payload(signed.kind(), signed.payload()).ok();
            let author = body.as_ref().and_then(Body::signer_rule).map(|(org, _)| org.clone());
            self.authors.extend(author.map(|org| (org, annex)));
        }
        if let Some(erasure) = erasure(signed) {
            self.erasures.extend(erasure.annexes.iter().map(|annex| (erasure.from.clone(), *annex)));
        }
    }

    /// Those that have gone.
    pub fn annexes(&self) -> BTreeSet<Hash> {
        self.erasures.intersection(&self.authors).map(|(_, annex)| *annex).collect()
    }
}

/// The erasure that a statement is.
pub fn erasure(signed: &Signed) -> Option<Erasure> {
    let is_one = *signed.kind() == Kind::Erasure;
    match is_one.then(|| Body::read_payload(signed.kind(), signed.payload()))? {
        Ok(Body::Erasure(erasure)) => Some(erasure),
        _ => None,
    }
}

/// A statement with the annex that came beside it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Enclosed {
    /// The statement.
    pub signed: Signed,
    /// Its annex; absent if it names none, and where it was erased or never came.
    pub annex: Option<Annex>,
}

impl Enclosed {
    /// Refused with `ANNEX_DIFFERS` if these are not the bytes that the statement names, and if they are no annex.
    pub fn new(signed: Signed, annex: Option<&[u8]>) -> Result<Self, Refusal> {
        let Some(bytes) = annex else { return Ok(Self { signed, annex: None }) };
        let differs = || Refusal::new(Reason::AnnexDiffers).with("statement", signed.id());
        if named(&signed) != Some(Hash::of(bytes)) {
            return Err(differs());
        }
        let annex = Annex::read(bytes)?;
        Ok(Self { signed, annex: Some(annex) })
    }
}

impl From<Signed> for Enclosed {
    fn from(signed: Signed) -> Self {
        Self { signed, annex: None }
    }
}

impl From<&Signed> for Enclosed {
    fn from(signed: &Signed) -> Self {
        signed.clone().into()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::signing::SecretKey;

    fn annex(note: &str) -> Annex {
        Annex::write(Texts::note(note), [7; 32]).expect("an admissible text").expect("it says something")
    }

    fn statement(kind: &Kind, annex: Hash) -> Signed {
        let body = json!({ "order": "01".repeat(16), "attempt": 1, "request": "03".repeat(32), "org": "kid",
            "approve": true, "annex": annex, "officer": "leitung", "signed_at": "2026-11-23T10:00:00Z",
            "salt": "07".repeat(16) });
        Signed::sign(kind, &body, &[&SecretKey::from_seed(&[1; 32])])
    }

    #[test]
    fn an_annex_is_what_its_statement_names_and_nothing_else() {
        let (own, other) = (annex("geprüft von Frau Muster"), annex("etwas anderes"));
        let decision = statement(&Kind::Decision, own.id());
        let enclosed = Enclosed::new(decision.clone(), Some(own.bytes())).expect("its own annex");
        assert_eq!(enclosed.annex.expect("it is there").texts().note, "geprüft von Frau Muster");
        assert_eq!(Enclosed::new(decision.clone(), None).expect("erased").annex, None);
        let refused = |signed: Signed, bytes: &[u8]| Enclosed::new(signed, Some(bytes)).expect_err("refused").reason;
        assert_eq!(refused(decision.clone(), other.bytes()), Reason::AnnexDiffers);
        assert_eq!(refused(decision, b""), Reason::AnnexDiffers);
        assert_eq!(refused(statement(&Kind::Seal, own.id()), own.bytes()), Reason::AnnexDiffers, "seals have none");
    }

    fn decision(org: &str, annex: Hash) -> Signed {
        let body = json!({ "order": "01".repeat(16), "attempt": 1, "request": "03".repeat(32), "org": org,
            "approve": true, "annex": annex, "officer": "leitung", "signed_at": "2026-11-23T10:00:00Z",
            "salt": "07".repeat(16) });
        Signed::sign(&Kind::Decision, &body, &[&SecretKey::from_seed(&[1; 32])])
    }

    fn erases(from: &str, annexes: &[Hash]) -> Signed {
        let body = json!({ "order": "01".repeat(16), "attempt": 1, "from": from, "number": 1, "annexes": annexes,
            "ground": "Art. 17 DSGVO", "authority": "Amt", "officer": "leitung", "signed_at": "2026-11-23T10:00:00Z",
            "salt": "07".repeat(16) });
        Signed::sign(&Kind::Erasure, &body, &[&SecretKey::from_seed(&[1; 32])])
    }

    #[test]
    fn only_its_own_author_lets_an_annex_go() {
        let [own, other] = [Hash([1; 32]), Hash([2; 32])];
        let said = [decision("kid", own), decision("kitu", other)];
        let all = |more: Signed| Erased::of(said.iter().chain([&more])).annexes();
        assert_eq!(Erased::of(&said).annexes(), BTreeSet::new());
        assert_eq!(all(erases("kid", &[own, other])), BTreeSet::from([own]), "of two it named one is its own");
        assert_eq!(all(erases("barleben", &[own, other])), BTreeSet::new());
        assert_eq!(
            Erased::of([&erases("kid", &[own])]).annexes(),
            BTreeSet::new(),
            "nothing says that it is its own"
        );
    }

    #[test]
    fn an_annex_has_limits_and_nothing_hides_in_it() {
        let salt = "07".repeat(32);
        let long = "ä".repeat(NOTE_CHARS_MAX + 1);
        let read = |value: serde_json::Value| Annex::read(value.to_string().as_bytes()).map(|_| ());
        assert_eq!(read(json!({"salt": salt, "note": "ja"})), Ok(()));
        for (value, reason) in [
            (json!({"salt": salt}), Reason::FieldInvalid),
            (json!({"salt": salt, "note": ""}), Reason::FieldInvalid),
            (json!({"salt": salt, "note": long}), Reason::TextTooLong),
            (json!({"salt": salt, "note": "a\u{202e}b"}), Reason::TextHides),
            (json!({"salt": salt, "note": " a"}), Reason::TextMisshaped),
            (json!({"salt": "07", "note": "ja"}), Reason::JsonInvalid),
            (json!({"note": "ja"}), Reason::JsonInvalid),
            (json!({"salt": salt, "note": "ja", "more": "x".repeat(ANNEX_BYTES_MAX)}), Reason::JsonTooLarge),
        ] {
            assert_eq!(read(value.clone()).expect_err("refused").reason, reason, "{value}");
        }
        let longest = annex(&"\u{1f3db}".repeat(NOTE_CHARS_MAX));
        assert!(2 * longest.bytes().len() <= ANNEX_BYTES_MAX);
    }

    #[test]
    fn the_same_words_have_another_hash_each_time_and_no_log_shows_them() {
        let once = Annex::write(Texts::note("ja"), [1; 32]).expect("admissible").expect("says something");
        let again = Annex::write(Texts::note("ja"), [2; 32]).expect("admissible").expect("says something");
        assert_ne!(once.id(), again.id());
        assert_eq!(format!("{once:?}").find("ja"), None);
        assert_eq!(Annex::write(Texts::default(), [1; 32]), Ok(None));
    }
}
