//! Ed25519 (RFC 8032), strict, and nowhere else: keys are checked when registered, signatures by one function.
//!
//! `verify_strict` refuses small-order keys and commitments; registration additionally refuses encodings that are not
//! canonical and points with a torsion component. Together every conforming verifier, OpenSSL included, reaches the
//! same verdict on every signature by a registered key. Batch verification never decides: it is not strict.
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use curve25519_dalek::edwards::CompressedEdwardsY;
use ed25519_dalek::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, spki::der::pem::LineEnding};
use ed25519_dalek::{Signer as _, VerifyingKey};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::domain::id::{KeyHash, shortened};
use crate::domain::reason::{Reason, Refusal};

/// The DER bytes before the 32 key bytes in a SubjectPublicKeyInfo (RFC 8410 section 4).
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// A public key that has passed registration: canonical encoding, not of small order, torsion-free.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Registers 32 bytes as a key.
    pub fn register(bytes: &[u8; 32]) -> Result<Self, Refusal> {
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

    /// The one way to check a signature.
    pub fn verify(&self, message: &[u8], signature: &Signature) -> Result<(), Refusal> {
        self.0
            .verify_strict(message, &ed25519_dalek::Signature::from_bytes(&signature.0))
            .map_err(|_| Refusal::new(Reason::SignatureInvalid).with("key", self.hash().short()))
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

impl Serialize for PublicKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut bytes = [0; 32];
        hex::decode_to_slice(&text, &mut bytes).map_err(serde::de::Error::custom)?;
        Self::register(&bytes).map_err(serde::de::Error::custom)
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

    /// PKCS #8 PEM, as OpenSSL reads it.
    pub fn to_pem(&self) -> String {
        let pem = self.0.to_pkcs8_pem(LineEnding::LF).expect("a 32-byte key always encodes");
        pem.to_string()
    }

    /// Reads PKCS #8 PEM.
    pub fn from_pem(pem: &str) -> Result<Self, Refusal> {
        ed25519_dalek::SigningKey::from_pkcs8_pem(pem)
            .map(Self)
            .map_err(|_| Refusal::new(Reason::KeyFileInvalid).with("rule", "Ed25519 PKCS #8 PEM expected"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_survive_pem() {
        let secret = SecretKey::from_seed(&[7; 32]);
        assert_eq!(SecretKey::from_pem(&secret.to_pem()).expect("own PEM").public(), secret.public());
        assert_eq!(PublicKey::from_pem(&secret.public().to_pem()).expect("own PEM"), secret.public());
        assert!(SecretKey::from_pem("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----").is_err());
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
        let order_two = curve25519_dalek::constants::EIGHT_TORSION[4];
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
