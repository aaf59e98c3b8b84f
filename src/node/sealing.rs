//! The operator's recovery key: what is deposited at other nodes is sealed to it, and only it opens that again.
//!
//! HPKE (RFC 9180), base mode: X25519, HKDF-SHA-256, ChaCha20-Poly1305. The public half stands in `run.toml`; the private
//! half is kept with the root keys and is needed after a loss only, so it must never lie in a node's key folder.
use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable, single_shot_open, single_shot_seal};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::domain::id::{NodeId, shortened};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::Signed;
use crate::protocol::deposits::{pack, unpack};

/// What is sealed is a deposit of one node, in this form, and nothing else.
const PURPOSE: &str = "verbund deposit v1 ";

/// The DER bytes before the 32 key bytes in a PKCS #8 key of version 1 (RFC 8410 section 7).
const PKCS8_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e, 0x04, 0x22, 0x04, 0x20];

type Suite = X25519HkdfSha256;
type Public = <Suite as Kem>::PublicKey;
type Secret = <Suite as Kem>::PrivateKey;
type Encapsulated = <Suite as Kem>::EncappedKey;

/// Length of what an opener needs beside the ciphertext.
const ENCAPSULATED_BYTES: usize = 32;

/// By how much sealed bytes are longer than what is in them.
pub const SEALING_BYTES: usize = ENCAPSULATED_BYTES + 16;

/// The public half: seals.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RecoveryPublic([u8; 32]);

/// The private half: opens.
pub struct RecoverySecret(Secret);

impl RecoveryPublic {
    /// Seals statements of a node.
    pub fn seal(&self, of: &NodeId, statements: &[Signed]) -> Result<Vec<u8>, Refusal> {
        let broken = |error| Refusal::new(Reason::Bug).with("problem", error);
        let public = Public::from_bytes(&self.0).map_err(broken)?;
        let plain = Zeroizing::new(pack(statements));
        let purpose = format!("{PURPOSE}{of}");
        let (encapsulated, sealed) = single_shot_seal::<ChaCha20Poly1305, HkdfSha256, Suite>(
            &OpModeS::Base,
            &public,
            purpose.as_bytes(),
            &plain,
            &[],
        )
        .map_err(broken)?;
        Ok([encapsulated.to_bytes().as_slice(), &sealed].concat())
    }
}

impl fmt::Display for RecoveryPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl FromStr for RecoveryPublic {
    type Err = Refusal;

    /// Reads the 64 hexadecimal digits that `Display` writes.
    fn from_str(text: &str) -> Result<Self, Refusal> {
        let refuse = |rule: &str| Refusal::new(Reason::KeyInvalid).with("key", shortened(text)).with("rule", rule);
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| refuse("64 hexadecimal digits expected"))?;
        let key = Self(bytes);
        // A point of small order would seal to everybody.
        let of: NodeId = "check".parse()?;
        key.seal(&of, &[]).map_err(|_| refuse("no X25519 key"))?;
        Ok(key)
    }
}

impl TryFrom<String> for RecoveryPublic {
    type Error = Refusal;

    fn try_from(text: String) -> Result<Self, Refusal> {
        text.parse()
    }
}

impl From<RecoveryPublic> for String {
    fn from(key: RecoveryPublic) -> String {
        key.to_string()
    }
}

impl RecoverySecret {
    /// A new one.
    pub fn make() -> Self {
        Self(Suite::gen_keypair().0)
    }

    /// The one that follows from these bytes, which must be as secret as the key.
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, Refusal> {
        Secret::from_bytes(seed).map(Self).map_err(|_| Refusal::new(Reason::KeyFileInvalid).with("rule", "32 bytes"))
    }

    /// Its public half.
    pub fn public(&self) -> RecoveryPublic {
        let mut bytes = [0; 32];
        Suite::sk_to_pk(&self.0).write_exact(&mut bytes);
        RecoveryPublic(bytes)
    }

    /// Opens what was sealed of a node.
    pub fn open(&self, of: &NodeId, sealed: &[u8]) -> Result<Vec<Signed>, Refusal> {
        let unreadable = || Refusal::new(Reason::DepositUnreadable).with("node", of);
        let (encapsulated, sealed) = sealed.split_at_checked(ENCAPSULATED_BYTES).ok_or_else(unreadable)?;
        let encapsulated = Encapsulated::from_bytes(encapsulated).map_err(|_| unreadable())?;
        let purpose = format!("{PURPOSE}{of}");
        let plain = single_shot_open::<ChaCha20Poly1305, HkdfSha256, Suite>(
            &OpModeR::Base,
            &self.0,
            &encapsulated,
            purpose.as_bytes(),
            sealed,
            &[],
        );
        unpack(&Zeroizing::new(plain.map_err(|_| unreadable())?))
    }

    /// PKCS #8 PEM of version 1, as OpenSSL reads it.
    pub fn to_pem(&self) -> Zeroizing<String> {
        let mut der = Zeroizing::new([0; 48]);
        der[..16].copy_from_slice(&PKCS8_PREFIX);
        self.0.write_exact(&mut der[16..]);
        let inner = Zeroizing::new(BASE64.encode(*der));
        Zeroizing::new(format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", *inner))
    }

    /// Reads PKCS #8 PEM, also that of `openssl genpkey -algorithm x25519`.
    pub fn from_pem(pem: &str) -> Result<Self, Refusal> {
        let not_a_key = |rule: &str| Refusal::new(Reason::KeyFileInvalid).with("rule", rule);
        let lines = pem.lines().filter(|line| !line.starts_with("-----")).map(str::trim);
        let inner: Zeroizing<String> = Zeroizing::new(lines.collect());
        let der = Zeroizing::new(BASE64.decode(inner.as_bytes()).map_err(|_| not_a_key("damaged PEM"))?);
        let bytes = der.strip_prefix(&PKCS8_PREFIX);
        let bytes = bytes.ok_or_else(|| not_a_key("an X25519 key expected, as `verbund key recovery` makes it"))?;
        let seed = bytes.try_into().map_err(|_| not_a_key("32 bytes expected"))?;
        Self::from_seed(seed)
    }
}

/// The halves a node has at hand.
#[derive(Default)]
pub struct RecoveryKeys {
    /// Seals from now on; none if nothing is deposited.
    pub public: Option<RecoveryPublic>,
    /// Open what comes back; there may be older ones.
    pub secrets: Vec<RecoverySecret>,
}

impl RecoveryKeys {
    /// Opens with whichever key fits.
    pub fn open(&self, of: &NodeId, sealed: &[u8]) -> Result<Vec<Signed>, Refusal> {
        let missing = || Refusal::new(Reason::RecoveryKeyMissing).with("node", of);
        let mut opened = self.secrets.iter().map(|secret| secret.open(of, sealed));
        let mut last = opened.next().ok_or_else(missing)?;
        while last.is_err()
            && let Some(next) = opened.next()
        {
            last = next;
        }
        last
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::signing::SecretKey;
    use crate::domain::statement::Kind;

    fn words() -> Vec<Signed> {
        vec![Signed::sign(&Kind::Seal, &serde_json::json!({}), &[&SecretKey::from_seed(&[1; 32])])]
    }

    fn node(name: &str) -> NodeId {
        name.parse().expect("a name")
    }

    #[test]
    fn only_the_recovery_key_opens_what_was_sealed_and_only_for_its_node() {
        let (secret, other) = (RecoverySecret::make(), RecoverySecret::make());
        let sealed = secret.public().seal(&node("kitu"), &words()).expect("sealed");
        assert_eq!(secret.open(&node("kitu"), &sealed).expect("opened"), words());
        assert_ne!(sealed, secret.public().seal(&node("kitu"), &words()).expect("sealed"), "never the same twice");
        let closed = |outcome: Result<Vec<Signed>, Refusal>| outcome.expect_err("closed").reason;
        assert_eq!(closed(other.open(&node("kitu"), &sealed)), Reason::DepositUnreadable);
        assert_eq!(closed(secret.open(&node("kid"), &sealed)), Reason::DepositUnreadable);
        for at in [0, 31, 32, 40, sealed.len() - 1] {
            let mut flipped = sealed.clone();
            flipped[at] ^= 1;
            assert_eq!(closed(secret.open(&node("kitu"), &flipped)), Reason::DepositUnreadable, "byte {at}");
            assert_eq!(closed(secret.open(&node("kitu"), &sealed[..at])), Reason::DepositUnreadable, "cut at {at}");
        }
        let keys = RecoveryKeys { public: None, secrets: vec![other, secret] };
        assert_eq!(keys.open(&node("kitu"), &sealed).expect("the second fits"), words());
        assert_eq!(closed(RecoveryKeys::default().open(&node("kitu"), &sealed)), Reason::RecoveryKeyMissing);
    }

    #[test]
    fn keys_survive_their_text_and_others_are_refused() {
        let secret = RecoverySecret::make();
        let again = RecoverySecret::from_pem(&secret.to_pem()).expect("own PEM");
        assert_eq!(again.public(), secret.public());
        assert_eq!(secret.public().to_string().parse(), Ok(secret.public()));
        // As `openssl genpkey -algorithm x25519` writes it; the public half by `openssl pkey -pubout`.
        let foreign = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VuBCIEIEi3NQ3XCuYyTNd+cFzPoMGEVhRqnuaQqK43xJ5q/j19\n-----END PRIVATE KEY-----\n";
        let public = "b6f2cba2a2b45e13124e886ab6f20d447659333370cfbd0eff226d9baed8e174";
        assert_eq!(RecoverySecret::from_pem(foreign).expect("OpenSSL's").public().to_string(), public);
        let signing = SecretKey::from_seed(&[1; 32]).to_pem();
        assert_eq!(
            RecoverySecret::from_pem(&signing).err().map(|refusal| refusal.reason),
            Some(Reason::KeyFileInvalid)
        );
        for bad in ["", "ab", &"0".repeat(64), &"g".repeat(64)] {
            assert_eq!(bad.parse::<RecoveryPublic>().expect_err(bad).reason, Reason::KeyInvalid);
        }
    }
}
