//! Statements: signed, immutable documents. The exact bytes that were signed are verified, kept, forwarded, exported.
//!
//! The signed bytes are the pre-authentication encoding of DSSE v1 over a payload type and a JSON payload; the payload
//! type names the kind, so a signature on an offering can never be taken for one on an order. [`Signed`] is a claim.
//! [`Verified`] is proof, and only `domain::trust` makes one.
use std::any::Any;
use std::fmt;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use serde::Serialize;
use sha2::{Digest as _, Sha256, Sha512};

use crate::domain::id::{KeyHash, StatementId};
use crate::domain::json;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::signing::{PublicKey, SecretKey, Signature, Signer};

/// Most signatures on one statement: nine trustees of two root versions, less two.
pub const SIGNATURES_MAX: usize = 16;

const PREFIX: &str = "DSSEv1";
const TYPE_PREFIX: &str = "application/vnd.verbund.";
const TYPE_SUFFIX: &str = ".v1+json";

macro_rules! kinds {
    ($($variant:ident $name:literal $public:literal #[doc = $doc:literal];)*) => {
        /// What a statement says; the purpose of its signature.
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub enum Kind {
            $(#[doc = $doc] $variant,)*
            /// A kind of a later version: kept and replicated, shown as unknown.
            Unknown(String),
        }

        impl Kind {
            /// Every kind this version knows.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word in the payload type.
            pub fn name(&self) -> &str {
                match self { $(Self::$variant => $name,)* Self::Unknown(name) => name }
            }

            /// The kind with that name.
            pub fn from_name(name: &str) -> Self {
                match name { $($name => Self::$variant,)* other => Self::Unknown(other.to_owned()) }
            }

            /// Whether the body is replicated to everyone. Unknown kinds are: the issuer's log says so.
            pub fn is_public(&self) -> bool {
                match self { $(Self::$variant => $public,)* Self::Unknown(_) => true }
            }
        }
    };
}

kinds! {
    FederationRoot "federation-root" true #[doc = "Trustees, threshold and witness policy."];
    Admission "admission" true #[doc = "An organisation joins, with its root keys."];
    Expulsion "expulsion" true #[doc = "An organisation is expelled."];
    KeyEvent "key-event" true #[doc = "Online keys are added, rotated or revoked; the home node is named."];
    NodeRecord "node-record" true #[doc = "A node's address and pinned TLS key."];
    OfficerGrant "officer-grant" true #[doc = "An officer's key, roles, limit and validity."];
    Recovery "recovery" true #[doc = "The trustees give an organisation new root keys."];
    Succession "succession" true #[doc = "An organisation goes on in another one."];
    Membership "membership" true #[doc = "A membership or holding."];
    EntityFacts "entity-facts" true #[doc = "What section 108 GWB asks about an organisation."];
    Offering "offering" true #[doc = "A service on offer, one version of it."];
    Withdrawal "withdrawal" true #[doc = "An offering is withdrawn."];
    ConnectionReport "connection-report" true #[doc = "An offering was tried on a portal in a municipality."];
    ConnectionProfile "connection-profile" true #[doc = "What a municipality runs: portals, systems, accounts."];
    Need "need" true #[doc = "A municipality looks for a service."];
    NeedWithdrawal "need-withdrawal" true #[doc = "A need is no longer looked for."];
    RulePack "rule-pack" true #[doc = "Thresholds and doctrine for judging legs."];
    Tariff "tariff" true #[doc = "What an organisation charges for passing orders on."];
    Request "request" false #[doc = "An officer asks for an offering along a route."];
    Decision "decision" false #[doc = "An officer approves or refuses."];
    Endorse "endorse" false #[doc = "A hop finds the leg towards it lawful."];
    Accept "accept" false #[doc = "The provider accepts, with its price."];
    Reject "reject" false #[doc = "The provider rejects."];
    Counter "counter" false #[doc = "A hop's binding offer for the leg towards it."];
    Decline "decline" false #[doc = "A hop declines."];
    Seal "seal" false #[doc = "The buyer's node binds all legs at once."];
    Void "void" false #[doc = "The buyer's node ends an attempt."];
    Confirm "confirm" false #[doc = "A party takes a late seal for binding."];
    Recall "recall" false #[doc = "A party withdraws before the seal."];
    LateNotice "late-notice" false #[doc = "The buyer says that an offer came after the end."];
    Reminder "reminder" false #[doc = "A node reminds its officers; stays there."];
    Milestone "milestone" false #[doc = "What a party tells the others after the seal."];
    Settlement "settlement" false #[doc = "Two parties end a contradiction after the seal; each signs its half."];
    Erasure "erasure" false #[doc = "A party lets annexes of its own be erased."];
    Mandate "mandate" false #[doc = "A member lets a cooperative order for it."];
    CallOff "call-off" false #[doc = "A member's own part of an order for several."];
    Receipt "receipt" false #[doc = "A message has arrived and is stored."];
    Access "access" false #[doc = "An officer proves identity to a node for one call; never logged."];
}

impl Kind {
    /// `application/vnd.verbund.<kind>.v1+json`.
    pub fn payload_type(&self) -> String {
        format!("{TYPE_PREFIX}{}{TYPE_SUFFIX}", self.name())
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// DSSE v1 pre-authentication encoding: the bytes that are signed.
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{PREFIX} {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

/// One signature and the key it claims to be by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct SignatureBy {
    /// The key.
    pub key: KeyHash,
    /// The signature.
    pub signature: Signature,
}

/// A statement as it arrived: well-formed, of a readable kind, with signatures nobody need have checked yet. Clones
/// share one statement.
#[derive(Clone)]
pub struct Signed {
    parts: Arc<Parts>,
}

struct Parts {
    pae: Box<[u8]>,
    signatures: Box<[SignatureBy]>,
    id: StatementId,
    kind: Kind,
    payload_start: usize,
    /// One bit for each signature that [`Signed::verify`] has found good in this process. Bytes and signatures never
    /// change and a key hash names one key, so what was good once stays good; whether the key may sign is another
    /// question, asked anew every time. Neither stored nor sent nor compared.
    good: AtomicU16,
    /// The body, if somebody has read it for whoever asks next. Of which type is known to who reads bodies.
    ahead: Mutex<Option<Box<dyn Any + Send>>>,
}

/// A body that is given to everyone who asks.
struct Kept<T>(T);

const _: () = assert!(SIGNATURES_MAX <= u16::BITS as usize, "one bit for each signature");

impl PartialEq for Signed {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.parts, &other.parts) || self.parts.same(&other.parts)
    }
}

impl Eq for Signed {}

impl Parts {
    fn same(&self, other: &Self) -> bool {
        self.pae == other.pae && self.signatures == other.signatures
    }
}

impl Signed {
    /// Reads signed bytes. Signatures must be sorted by key and by different keys: one text form only.
    pub fn parse(pae: &[u8], signatures: Vec<SignatureBy>) -> Result<Self, Refusal> {
        if signatures.is_empty() || signatures.len() > SIGNATURES_MAX {
            return Err(Refusal::new(Reason::StatementUnsigned).with("signatures", signatures.len()));
        }
        if !signatures.is_sorted_by(|a, b| a.key < b.key) {
            return Err(Refusal::new(Reason::StatementUnsigned).with("rule", "sorted by key, each key once"));
        }
        let (payload_type, payload_start) = split(pae)?;
        let name = payload_type
            .strip_prefix(TYPE_PREFIX)
            .and_then(|rest| rest.strip_suffix(TYPE_SUFFIX))
            .filter(|name| !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'))
            .ok_or_else(|| malformed("payload type"))?;
        let parts = Parts {
            id: StatementId::of(pae),
            kind: Kind::from_name(name),
            pae: pae.into(),
            signatures: signatures.into(),
            payload_start,
            good: AtomicU16::new(0),
            ahead: Mutex::new(None),
        };
        Ok(Self { parts: Arc::new(parts) })
    }

    /// Writes and signs a statement; the only place where a body becomes bytes.
    pub fn sign<T: Serialize>(kind: &Kind, body: &T, keys: &[&SecretKey]) -> Self {
        let bytes = pae(&kind.payload_type(), &json::write(body));
        let mut signatures: Vec<SignatureBy> =
            keys.iter().map(|key| SignatureBy { key: key.public().hash(), signature: key.sign(&bytes) }).collect();
        signatures.sort();
        let signed =
            Self::parse(&bytes, signatures).expect("what this program signs is well-formed and by distinct keys");
        // Made by the very keys it names, so there is nothing to find out (RFC 8032 section 5.1.6).
        signed.recall_good();
        signed
    }

    /// As [`Signed::sign`], with keys that may lie in a token. What a token says is believed no more than any other
    /// signature.
    pub fn sign_with<T: Serialize>(kind: &Kind, body: &T, keys: &[&dyn Signer]) -> Result<Self, Refusal> {
        let bytes = pae(&kind.payload_type(), &json::write(body));
        let signed_by =
            |key: &&dyn Signer| Ok(SignatureBy { key: key.public().hash(), signature: key.sign(&bytes)? });
        let mut signatures = keys.iter().map(signed_by).collect::<Result<Vec<_>, Refusal>>()?;
        signatures.sort();
        let signed = Self::parse(&bytes, signatures)?;
        keys.iter().try_for_each(|key| signed.verify(&key.public()))?;
        Ok(signed)
    }

    /// The same without one of its signatures; refused if there is none by that key, or no other.
    pub fn without_signature_of(&self, key: &KeyHash) -> Result<Self, Refusal> {
        let (of_key, others): (Vec<SignatureBy>, Vec<SignatureBy>) =
            self.signatures().iter().cloned().partition(|by| by.key == *key);
        if of_key.is_empty() {
            return Err(Refusal::new(Reason::ThresholdMissed).with("key", key.short()));
        }
        Self::parse(self.pae(), others)
    }

    /// The same with more signatures; a key that has signed already signs the same.
    pub fn signed_too(&self, keys: &[&dyn Signer]) -> Result<Self, Refusal> {
        let mut signatures = self.signatures().to_vec();
        for key in keys {
            let by = SignatureBy { key: key.public().hash(), signature: key.sign(self.pae())? };
            signatures.retain(|known| known.key != by.key);
            signatures.push(by);
        }
        signatures.sort();
        let signed = Self::parse(self.pae(), signatures)?;
        keys.iter().try_for_each(|key| signed.verify(&key.public()))?;
        Ok(signed)
    }

    /// SHA-256 of the signed bytes.
    pub fn id(&self) -> StatementId {
        self.parts.id
    }

    /// The kind, from the payload type inside the signed bytes.
    pub fn kind(&self) -> &Kind {
        &self.parts.kind
    }

    /// The exact signed bytes.
    pub fn pae(&self) -> &[u8] {
        &self.parts.pae
    }

    /// The JSON document inside the signed bytes.
    pub fn payload(&self) -> &[u8] {
        &self.parts.pae[self.parts.payload_start..]
    }

    /// The signatures, sorted by key.
    pub fn signatures(&self) -> &[SignatureBy] {
        &self.parts.signatures
    }

    /// Checks the signature by this key. What was found good before is not computed again. Refused with `SIGNER_WRONG`
    /// if the statement carries no signature by it, with `SIGNATURE_INVALID` if it is not good.
    pub fn verify(&self, key: &PublicKey) -> Result<(), Refusal> {
        let hash = key.hash();
        let parts = &self.parts;
        let Ok(at) = parts.signatures.binary_search_by_key(&hash, |by| by.key) else {
            return Err(Refusal::new(Reason::SignerWrong).with("key", hash.short()).with("kind", &parts.kind));
        };
        let bit = 1 << at;
        // Nothing else is read because of the bit, so it needs no order with other memory.
        if parts.good.load(Ordering::Relaxed) & bit == 0 {
            key.verify(&parts.pae, &parts.signatures[at].signature)?;
            parts.good.fetch_or(bit, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Whether every signature has been found good.
    pub(in crate::domain) fn is_good(&self) -> bool {
        self.parts.good.load(Ordering::Relaxed) == self.all()
    }

    /// Takes every signature for good: it was made here, or [`crate::domain::checked`] knows that it was checked.
    pub(in crate::domain) fn recall_good(&self) {
        self.parts.good.store(self.all(), Ordering::Relaxed);
    }

    /// Keeps a body that was read from this statement for whoever asks next.
    pub(in crate::domain) fn put_ahead<T: Any + Send>(&self, body: T) {
        if let Ok(mut ahead) = self.parts.ahead.lock() {
            *ahead = Some(Box::new(body));
        }
    }

    /// The same for everyone who asks from now on.
    pub(in crate::domain) fn keep_ahead<T: Any + Send>(&self, body: T) {
        self.put_ahead(Kept(body));
    }

    /// The body that was read ahead. It is given away once, unless it is to be kept: a node holds statements by the million,
    /// and most of them are read once.
    pub(in crate::domain) fn take_ahead<T: Any + Clone>(&self) -> Option<T> {
        let mut ahead = self.parts.ahead.lock().ok()?;
        if let Some(Kept(body)) = ahead.as_ref().and_then(|body| body.downcast_ref::<Kept<T>>()) {
            return Some(body.clone());
        }
        ahead.take()?.downcast().ok().map(|body| *body)
    }

    /// One bit for each signature.
    fn all(&self) -> u16 {
        u16::MAX >> (usize::try_from(u16::BITS).unwrap_or(SIGNATURES_MAX) - self.parts.signatures.len())
    }

    /// The key and the signature that stand in a log leaf. For several signatures they are digests over all of them
    /// (SHA-256 over the key hashes, SHA-512 over the signatures), so that a courier cannot drop one unnoticed.
    pub fn leaf_signature(&self) -> (KeyHash, Signature) {
        if let [only] = self.signatures() {
            return (only.key, only.signature);
        }
        let (mut keys, mut signatures) = (Sha256::new(), Sha512::new());
        for entry in self.signatures() {
            keys.update(entry.key.0);
            signatures.update(entry.signature.0);
        }
        (KeyHash(keys.finalize().into()), Signature(signatures.finalize().into()))
    }
}

impl fmt::Debug for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.kind(), self.id())
    }
}

fn malformed(what: &str) -> Refusal {
    Refusal::new(Reason::StatementMalformed).with("part", what)
}

/// Kind and payload of a statement of which only the signed bytes are here.
pub fn kind_and_payload(pae: &[u8]) -> Result<(Kind, &[u8]), Refusal> {
    let (payload_type, start) = split(pae)?;
    let name = payload_type.strip_prefix(TYPE_PREFIX).and_then(|rest| rest.strip_suffix(TYPE_SUFFIX));
    let kind = name.map(Kind::from_name).ok_or_else(|| malformed("payload type"))?;
    Ok((kind, &pae[start..]))
}

/// Payload type and offset of the payload, if the bytes are exactly one PAE.
fn split(pae: &[u8]) -> Result<(&str, usize), Refusal> {
    if pae.len() > json::BYTES_MAX + 256 {
        return Err(Refusal::new(Reason::JsonTooLarge).with("bytes", pae.len()));
    }
    let mut cursor = Cursor { bytes: pae, at: 0 };
    if cursor.word()? != PREFIX.as_bytes() {
        return Err(malformed("prefix"));
    }
    let type_length = cursor.number()?;
    let payload_type = cursor.take(type_length)?;
    cursor.space()?;
    let payload_length = cursor.number()?;
    let start = cursor.at;
    cursor.take(payload_length)?;
    if cursor.at != pae.len() {
        return Err(malformed("length"));
    }
    let payload_type = std::str::from_utf8(payload_type).map_err(|_| malformed("payload type"))?;
    Ok((payload_type, start))
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn word(&mut self) -> Result<&'a [u8], Refusal> {
        let rest = &self.bytes[self.at..];
        let end = rest.iter().take(24).position(|&b| b == b' ').ok_or_else(|| malformed("separator"))?;
        self.at += end + 1;
        Ok(&rest[..end])
    }

    fn number(&mut self) -> Result<usize, Refusal> {
        let word = std::str::from_utf8(self.word()?).map_err(|_| malformed("length"))?;
        let number: usize = word.parse().map_err(|_| malformed("length"))?;
        if number.to_string() == word { Ok(number) } else { Err(malformed("length")) }
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Refusal> {
        let end = self.at.checked_add(count).filter(|&end| end <= self.bytes.len());
        let end = end.ok_or_else(|| malformed("length"))?;
        let part = &self.bytes[self.at..end];
        self.at = end;
        Ok(part)
    }

    fn space(&mut self) -> Result<(), Refusal> {
        if self.take(1)? == b" " { Ok(()) } else { Err(malformed("separator")) }
    }
}

/// A statement whose signatures have been checked against keys in force at its place, with its body read.
///
/// There is no public constructor: [`crate::domain::trust`] is the only way in.
#[derive(Clone, Debug)]
pub struct Verified<T> {
    body: T,
    signed: Signed,
}

impl<T> Verified<T> {
    pub(in crate::domain) fn proven(body: T, signed: Signed) -> Self {
        Self { body, signed }
    }

    /// The body.
    pub fn body(&self) -> &T {
        &self.body
    }

    /// The statement as it was signed.
    pub fn signed(&self) -> &Signed {
        &self.signed
    }

    /// The statement's id.
    pub fn id(&self) -> StatementId {
        self.signed.id()
    }

    /// The same statement with its body seen in another way.
    pub fn map<U>(self, view: impl FnOnce(T) -> U) -> Verified<U> {
        Verified { body: view(self.body), signed: self.signed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_is_dsse() {
        let bytes = pae("http://example.com/HelloWorld", b"hello world");
        assert_eq!(bytes, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
    }

    #[test]
    fn only_exact_encodings_parse() {
        let key = SecretKey::from_seed(&[1; 32]);
        let signed = Signed::sign(&Kind::Need, &serde_json::json!({"a": 1}), &[&key]);
        assert_eq!(signed.kind(), &Kind::Need);
        assert_eq!(signed.payload(), br#"{"a":1}"#);
        let signatures = signed.signatures().to_vec();
        let good = String::from_utf8(signed.pae().to_vec()).expect("text");
        for bad in [
            good.replace("DSSEv1", "DSSEv2"),
            good.replace(" 7 ", " 07 "),
            good.replace(" 7 ", " 8 "),
            good.replace(" 7 ", " 6 "),
            good.replace("verbund.need", "verbund.NEED"),
            good.replace("vnd.verbund", "vnd.Xerbund"),
            String::new(),
        ] {
            assert!(Signed::parse(bad.as_bytes(), signatures.clone()).is_err(), "{bad}");
        }
        assert!(Signed::parse(signed.pae(), vec![]).is_err());
        assert!(Signed::parse(signed.pae(), vec![signatures[0], signatures[0]]).is_err());
    }

    #[test]
    fn a_signature_found_good_is_good_for_its_key_and_its_bytes_only() {
        let (key, other) = (SecretKey::from_seed(&[1; 32]), SecretKey::from_seed(&[2; 32]));
        let signed = Signed::sign(&Kind::Need, &serde_json::json!({"a": 1}), &[&key]);
        let good = |signed: &Signed| signed.parts.good.load(Ordering::Relaxed);
        assert_eq!(good(&signed), 1, "made by that very key");
        let signed = Signed::parse(signed.pae(), signed.signatures().to_vec()).expect("well-formed");
        assert_eq!(good(&signed), 0, "reading proves nothing");
        signed.clone().verify(&key.public()).expect("its own key");
        assert_eq!(good(&signed), 1, "clones share what was found");
        assert_eq!(signed.verify(&other.public()).expect_err("another key").reason, Reason::SignerWrong);

        // The same signature over other bytes, and another key's signature under this key's name.
        let bytes = pae(&Kind::Need.payload_type(), br#"{"a":2}"#);
        let changed = Signed::parse(&bytes, signed.signatures().to_vec()).expect("well-formed");
        let borrowed = SignatureBy { key: key.public().hash(), signature: other.sign(signed.pae()) };
        let borrowed = Signed::parse(signed.pae(), vec![borrowed]).expect("well-formed");
        for forged in [changed, borrowed] {
            assert_ne!(forged, signed);
            assert_eq!(forged.verify(&key.public()).expect_err("forged").reason, Reason::SignatureInvalid);
            assert_eq!(good(&forged), 0, "a forgery leaves no trace");
        }
        let again = Signed::parse(signed.pae(), signed.signatures().to_vec()).expect("well-formed");
        assert_eq!((&again, good(&again)), (&signed, 0), "the same bytes from elsewhere are unproven, and equal");
    }

    #[test]
    fn several_signatures_are_bound_into_one_leaf() {
        let keys: Vec<SecretKey> = (1..4).map(|n| SecretKey::from_seed(&[n; 32])).collect();
        let body = serde_json::json!({});
        let all = Signed::sign(&Kind::Admission, &body, &[&keys[0], &keys[1], &keys[2]]);
        let fewer = Signed::sign(&Kind::Admission, &body, &[&keys[0], &keys[1]]);
        assert_eq!(all.id(), fewer.id());
        assert_ne!(all.leaf_signature(), fewer.leaf_signature());
        let one = Signed::sign(&Kind::Admission, &body, &[&keys[0]]);
        assert_eq!(one.leaf_signature(), (one.signatures()[0].key, one.signatures()[0].signature));
    }
}
