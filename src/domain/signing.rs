//! Ed25519 (RFC 8032), strict, and nowhere else: keys are checked when registered, signatures by one function.
//!
//! `verify_strict` refuses small-order keys and commitments; registration additionally refuses encodings that are not
//! canonical and points with a torsion component. Together every conforming verifier, OpenSSL included, reaches the
//! same verdict on every signature by a registered key. What registration has found is not computed again. Batch verification never decides: it is not strict.
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use curve25519_dalek::constants::EIGHT_TORSION;
use curve25519_dalek::edwards::CompressedEdwardsY;
use ed25519_dalek::pkcs8::{ObjectIdentifier, PrivateKeyInfoRef, SecretDocument};
use ed25519_dalek::{Signer as _, Verifier as _, VerifyingKey};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::domain::id::{KeyHash, from_hex, shortened};
use crate::domain::reason::{Reason, Refusal};

/// The DER bytes before the 32 key bytes in a SubjectPublicKeyInfo (RFC 8410 section 4).
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// The DER bytes before the 32 seed bytes in a PKCS #8 key of version 1 (RFC 8410 section 7). Version 2, which adds the
/// public key, is what OpenSSL, Python and Node.js refuse.
const PKCS8_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// What names Ed25519 in a key file (RFC 8410 section 3).
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// How many registered keys a thread remembers, 200 bytes each: those of a federation's organisations and nodes.
const KEYS_REMEMBERED_MAX: usize = 1_024;

thread_local! {
    /// Keys that have passed. Registration multiplies by the order of the group, as dear as a signature, and the same
    /// key stands in one statement after the other; its answer depends on nothing but the bytes.
    static REGISTERED: RefCell<BTreeMap<[u8; 32], PublicKey>> = const { RefCell::new(BTreeMap::new()) };
}

/// The eight points of small order in their canonical encodings.
static SMALL_ORDER: LazyLock<[[u8; 32]; 8]> = LazyLock::new(|| EIGHT_TORSION.map(|point| point.compress().0));

/// A public key that has passed registration: canonical encoding, not of small order, torsion-free.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Registers 32 bytes as a key.
    pub fn register(bytes: &[u8; 32]) -> Result<Self, Refusal> {
        if let Some(known) = REGISTERED.with_borrow(|known| known.get(bytes).cloned()) {
            return Ok(known);
        }
        let key = Self::examine(bytes)?;
        REGISTERED.with_borrow_mut(|known| {
            if known.len() >= KEYS_REMEMBERED_MAX {
                known.clear();
            }
            known.insert(*bytes, key.clone());
        });
        Ok(key)
    }

    fn examine(bytes: &[u8; 32]) -> Result<Self, Refusal> {
        let refuse = |rule: &str| Refusal::new(Reason::KeyInvalid).with("key", hex::encode(bytes)).with("rule", rule);
        let point = CompressedEdwardsY(*bytes).decompress().ok_or_else(|| refuse("not a point on the curve"))?;
        if point.compress().0 != *bytes {
            return Err(refuse("encoding is not canonical"));
        }
        if point.is_small_order() {
            return Err(refuse("small order"));
        }
        if !point.is_torsion_free() {
            return Err(refuse("torsion component"));
        }
        VerifyingKey::from_bytes(bytes).map(Self).map_err(|_| refuse("not an Ed25519 key"))
    }

    /// The 32 bytes.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// SHA-256 of the 32 bytes, the name of the key in every format.
    pub fn hash(&self) -> KeyHash {
        KeyHash::of(&self.to_bytes())
    }

    /// The one way to check a signature, with the verdict of `verify_strict`: the key is not of small order, or it would
    /// not be registered, and a commitment is taken as its bytes, so that it need not be decompressed. They are compared
    /// with a canonical encoding, so one of small order is one of eight.
    pub fn verify(&self, message: &[u8], signature: &Signature) -> Result<(), Refusal> {
        let refuse = || Refusal::new(Reason::SignatureInvalid).with("key", self.hash().short());
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        if SMALL_ORDER.contains(signature.r_bytes()) {
            return Err(refuse());
        }
        self.0.verify(message, &signature).map_err(|_| refuse())
    }

    /// SubjectPublicKeyInfo in PEM, as OpenSSL reads it.
    pub fn to_pem(&self) -> String {
        let mut der = SPKI_PREFIX.to_vec();
        der.extend_from_slice(&self.to_bytes());
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", BASE64.encode(der))
    }

    /// Reads the PEM that [`PublicKey::to_pem`] writes.
    pub fn from_pem(pem: &str) -> Result<Self, Refusal> {
        let refuse =
            || Refusal::new(Reason::KeyInvalid).with("key", shortened(pem)).with("rule", "SPKI PEM expected");
        let inner: String = pem.lines().filter(|line| !line.starts_with("-----")).map(str::trim).collect();
        let der = BASE64.decode(inner).map_err(|_| refuse())?;
        let bytes: &[u8; 32] =
            der.strip_prefix(&SPKI_PREFIX).and_then(|key| key.try_into().ok()).ok_or_else(refuse)?;
        Self::register(bytes)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.to_bytes()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key {}", self.hash().short())
    }
}

impl FromStr for PublicKey {
    type Err = Refusal;

    /// Reads the 64 hexadecimal digits that `Display` writes.
    fn from_str(text: &str) -> Result<Self, Refusal> {
        let refuse = || Refusal::new(Reason::KeyInvalid).with("key", shortened(text));
        Self::register(&from_hex(text).ok_or_else(refuse)?)
    }
}

impl Serialize for PublicKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// 64 raw signature bytes: a claim until [`PublicKey::verify`] has said otherwise.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signature(pub [u8; 64]);

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "signature {}", hex::encode(&self.0[..4]))
    }
}

/// Whatever signs with a private key: this process, or a token that never gives the key away and can fail.
pub trait Signer {
    /// The public half.
    fn public(&self) -> PublicKey;

    /// Signs, or says why that cannot be done.
    fn sign(&self, message: &[u8]) -> Result<Signature, Refusal>;
}

impl Signer for SecretKey {
    fn public(&self) -> PublicKey {
        self.public()
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, Refusal> {
        Ok(self.sign(message))
    }
}

/// A private key. It has no `Debug` and is wiped from memory when dropped.
pub struct SecretKey(ed25519_dalek::SigningKey);

impl SecretKey {
    /// The key for 32 random bytes; where they come from is the caller's business.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// Signs; Ed25519 is deterministic, so the same message gives the same bytes.
    pub fn sign(&self, message: &[u8]) -> Signature {
        Signature(self.0.sign(message).to_bytes())
    }

    /// Another secret that goes with this one, for a purpose of its own: HMAC-SHA-256 under the 32 bytes.
    pub fn derive(&self, purpose: &[u8]) -> [u8; 32] {
        let mut code = Hmac::<Sha256>::new_from_slice(self.0.as_bytes()).expect("HMAC takes keys of any length");
        code.update(purpose);
        code.finalize().into_bytes().into()
    }

    /// PKCS #8 PEM of version 1, as OpenSSL, Python and Node.js read it.
    pub fn to_pem(&self) -> Zeroizing<String> {
        let mut der = Zeroizing::new([0; 48]);
        der[..16].copy_from_slice(&PKCS8_PREFIX);
        der[16..].copy_from_slice(self.0.as_bytes());
        let inner = Zeroizing::new(BASE64.encode(*der));
        Zeroizing::new(format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", *inner))
    }

    /// Reads PKCS #8 PEM of version 1 or 2. Whatever else is commonly mistaken for it is called by its name.
    pub fn from_pem(pem: &str) -> Result<Self, Refusal> {
        let label = pem_label(pem).unwrap_or_default();
        match label {
            "PRIVATE KEY" => Self::from_pkcs8(pem),
            "ENCRYPTED PRIVATE KEY" => Err(Refusal::new(Reason::PassphraseMissing)),
            _ if label.ends_with("PUBLIC KEY") => Err(Refusal::new(Reason::KeyFilePublic)),
            _ if label.ends_with("CERTIFICATE") => Err(Refusal::new(Reason::KeyFileCertificate)),
            _ if label.ends_with("PRIVATE KEY") || label == "EC PARAMETERS" => {
                Err(Refusal::new(Reason::KeyFileForeign).with("found", shortened(label)))
            }
            _ => Err(not_a_key("PEM of a private key expected")),
        }
    }

    fn from_pkcs8(pem: &str) -> Result<Self, Refusal> {
        let (_, document) = SecretDocument::from_pem(pem).map_err(|_| not_a_key("damaged PEM"))?;
        let info = PrivateKeyInfoRef::try_from(document.as_bytes()).map_err(|_| not_a_key("PKCS #8 expected"))?;
        if info.algorithm.oid != ED25519 {
            return Err(Refusal::new(Reason::KeyFileForeign).with("found", algorithm_name(info.algorithm.oid)));
        }
        // The seed is an octet string within an octet string.
        let [0x04, 0x20, seed @ ..] = info.private_key.as_bytes() else {
            return Err(not_a_key("32 bytes of seed expected"));
        };
        let seed = seed.try_into().map_err(|_| not_a_key("32 bytes of seed expected"))?;
        let key = Self::from_seed(seed);
        match info.public_key {
            Some(public) if public.as_bytes() != Some(&key.public().to_bytes()) => {
                Err(not_a_key("the two halves do not belong together"))
            }
            _ => Ok(key),
        }
    }
}

fn not_a_key(rule: &str) -> Refusal {
    Refusal::new(Reason::KeyFileInvalid).with("rule", rule)
}

/// What the first block of a PEM text says that it is.
pub fn pem_label(pem: &str) -> Option<&str> {
    pem.lines().find_map(|line| line.trim_end().strip_prefix("-----BEGIN ")?.strip_suffix("-----"))
}

/// The kinds of keys that lie about most, by name; others by their number.
fn algorithm_name(oid: ObjectIdentifier) -> String {
    match oid.to_string().as_str() {
        "1.2.840.113549.1.1.1" => "RSA".to_owned(),
        "1.2.840.10045.2.1" => "EC".to_owned(),
        "1.3.101.110" => "X25519".to_owned(),
        "1.3.101.113" => "Ed448".to_owned(),
        number => number.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use curve25519_dalek::Scalar;
    use sha2::{Digest as _, Sha512};

    use super::*;

    #[test]
    fn keys_survive_pem() {
        let secret = SecretKey::from_seed(&[7; 32]);
        assert_eq!(SecretKey::from_pem(&secret.to_pem()).expect("own PEM").public(), secret.public());
        assert_eq!(PublicKey::from_pem(&secret.public().to_pem()).expect("own PEM"), secret.public());
        assert!(secret.to_pem().starts_with("-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIE"), "version 1");
    }

    #[test]
    fn a_key_that_is_remembered_or_forgotten_is_the_same_and_what_was_refused_is_refused_again() {
        let key = |seed: usize| {
            let mut bytes = [0; 32];
            bytes[..8].copy_from_slice(&seed.to_be_bytes());
            SecretKey::from_seed(&bytes).public()
        };
        let first = key(0);
        for seed in 0..=KEYS_REMEMBERED_MAX {
            let bytes = key(seed).to_bytes();
            assert_eq!(PublicKey::register(&bytes).expect("a key").to_bytes(), bytes);
        }
        assert_eq!(PublicKey::register(&first.to_bytes()).expect("forgotten meanwhile"), first);
        for _ in 0..2 {
            let refusal = PublicKey::register(&[0; 32]).expect_err("small order");
            assert_eq!(refusal.reason, Reason::KeyInvalid);
        }
    }

    /// RFC 8410 section 10.3: one key, as version 1 and as version 2 with an attribute and the public key.
    const VERSION_1: &str = "-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n";
    const VERSION_2: &str = "-----BEGIN PRIVATE KEY-----\n\
        MHICAQEwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
        oB8wHQYKKoZIhvcNAQkJFDEPDA1DdXJkbGUgQ2hhaXJzgSEAGb9ECWmEzf6FQbrB\n\
        Z9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PRIVATE KEY-----\n";

    #[test]
    fn both_versions_of_pkcs8_are_read_and_the_first_is_written() {
        let public = "19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1";
        for pem in [VERSION_1, VERSION_2, &VERSION_1.replace('\n', "\r\n")] {
            let key = SecretKey::from_pem(pem).expect("a key of RFC 8410");
            assert_eq!(key.public().to_string(), public);
            assert_eq!(*key.to_pem(), VERSION_1);
        }
        let other = VERSION_2.replace("Z9w7ls", "Z9w7lt");
        assert_eq!(SecretKey::from_pem(&other).err().expect("halves").reason, Reason::KeyFileInvalid);
    }

    #[test]
    fn what_is_not_a_key_is_called_by_its_name() {
        let labelled = |label: &str| format!("-----BEGIN {label}-----\nMAA=\n-----END {label}-----\n");
        let x25519 = VERSION_1.replace("K2Vw", "K2Vu");
        for (pem, reason) in [
            (labelled("ENCRYPTED PRIVATE KEY"), Reason::PassphraseMissing),
            (labelled("PUBLIC KEY"), Reason::KeyFilePublic),
            (labelled("RSA PUBLIC KEY"), Reason::KeyFilePublic),
            (labelled("CERTIFICATE"), Reason::KeyFileCertificate),
            (labelled("RSA PRIVATE KEY"), Reason::KeyFileForeign),
            (labelled("OPENSSH PRIVATE KEY"), Reason::KeyFileForeign),
            (labelled("EC PARAMETERS"), Reason::KeyFileForeign),
            (x25519, Reason::KeyFileForeign),
            (labelled("PRIVATE KEY"), Reason::KeyFileInvalid),
            (labelled("PRIVATE KEY").replace("MAA=", "AAAA"), Reason::KeyFileInvalid),
            (labelled("X"), Reason::KeyFileInvalid),
            (VERSION_1[..VERSION_1.len() - 30].to_owned(), Reason::KeyFileInvalid),
            (VERSION_1.replace("NTuctv5", "NTuctv"), Reason::KeyFileInvalid),
            (String::new(), Reason::KeyFileInvalid),
        ] {
            assert_eq!(SecretKey::from_pem(&pem).err().expect(&pem).reason, reason, "{pem}");
        }
    }

    #[test]
    fn every_verdict_is_that_of_strict_verification() {
        let secret = SecretKey::from_seed(&[3; 32]);
        let key = secret.public();
        let good = secret.sign(b"message");
        let with = |at: usize, bytes: &[u8]| {
            let mut changed = good.0;
            changed[at..at + bytes.len()].copy_from_slice(bytes);
            changed
        };
        let points = SMALL_ORDER
            .iter()
            .flat_map(|point| [*point, std::array::from_fn(|at| point[at] | (0x80 * u8::from(at == 31)))]);
        let commitments = points.map(|point| with(0, &point));
        let scalars = [[0; 32], [0xff; 32]].map(|scalar| with(32, &scalar));
        let flipped = (0..64).map(|at| with(at, &[good.0[at] ^ 1]));
        let tried: Vec<[u8; 64]> = commitments.chain(scalars).chain(flipped).chain([good.0]).collect();
        for bytes in tried {
            let strict = key.0.verify_strict(b"message", &ed25519_dalek::Signature::from_bytes(&bytes));
            assert_eq!(key.verify(b"message", &Signature(bytes)).is_ok(), strict.is_ok(), "{}", hex::encode(bytes));
        }
        assert!(key.verify(b"message", &good).is_ok());
    }

    #[test]
    fn a_commitment_of_small_order_is_refused_even_where_the_equation_holds() {
        // With a commitment R of small order and s = k * a the equation s * B = R + k * A holds for the identity.
        let secret = SecretKey::from_seed(&[4; 32]);
        let public = secret.public().to_bytes();
        let identity = EIGHT_TORSION[0].compress().0;
        let mut hash = Sha512::new();
        for part in [&identity[..], &public, b"message"] {
            hash.update(part);
        }
        let k = Scalar::from_bytes_mod_order_wide(&hash.finalize().into());
        let s = k * secret.0.to_scalar();
        let mut forged = [0; 64];
        forged[..32].copy_from_slice(&identity);
        forged[32..].copy_from_slice(s.as_bytes());
        let key = secret.public();
        let as_theirs = ed25519_dalek::Signature::from_bytes(&forged);
        assert!(key.0.verify(b"message", &as_theirs).is_ok(), "the equation holds");
        assert!(key.0.verify_strict(b"message", &as_theirs).is_err());
        assert_eq!(
            key.verify(b"message", &Signature(forged)).expect_err("small order").reason,
            Reason::SignatureInvalid
        );
    }

    #[test]
    fn weak_and_malformed_keys_are_not_registered() {
        let mut identity = [0; 32];
        identity[0] = 1;
        let mut sign_bit = identity;
        sign_bit[31] = 0x80;
        for bytes in [[0; 32], identity, sign_bit, [0xff; 32]] {
            assert!(PublicKey::register(&bytes).is_err(), "{} must be refused", hex::encode(bytes));
        }
        // A good point plus a point of order two has a torsion component.
        let good =
            CompressedEdwardsY(SecretKey::from_seed(&[1; 32]).public().to_bytes()).decompress().expect("point");
        let order_two = EIGHT_TORSION[4];
        let refusal = PublicKey::register(&(good + order_two).compress().0).expect_err("torsion");
        assert_eq!(refusal.field("rule"), Some("torsion component"));
    }

    #[test]
    fn a_changed_message_or_signature_fails() {
        let secret = SecretKey::from_seed(&[9; 32]);
        let signature = secret.sign(b"message");
        assert!(secret.public().verify(b"message", &signature).is_ok());
        assert!(secret.public().verify(b"massage", &signature).is_err());
        let mut changed = signature;
        changed.0[40] ^= 1;
        assert!(secret.public().verify(b"message", &changed).is_err());
    }
}
