//! Identifiers: one text form each, parsed once, impossible to confuse with one another.
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::domain::reason::{Reason, Refusal};

/// Longest name of an organisation, node or officer, in bytes. Names travel in every statement and become part of
/// log origins, which C2SP tools print on one line.
pub const NAME_BYTES_MAX: usize = 40;

/// Highest number that versions, attempts, epochs and the like may reach: once an hour for a century. So the next one always
/// exists, and nobody can close a name for ever by taking the last number.
pub const COUNT_MAX: u32 = 1_000_000;

/// Refuses a number that counts up from 1 and is out of range.
pub fn checked_count(field: &'static str, number: u32) -> Result<(), Refusal> {
    if (1..=COUNT_MAX).contains(&number) {
        return Ok(());
    }
    let refusal = Refusal::new(Reason::FieldInvalid).with("field", field).with("value", number);
    Err(refusal.with("at_least", 1).with("at_most", COUNT_MAX))
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// The text form.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Sorts before every name and is none itself: where a range of them begins.
            pub fn lowest() -> Self {
                Self(String::new())
            }
        }

        impl FromStr for $type {
            type Err = Refusal;

            fn from_str(text: &str) -> Result<Self, Refusal> {
                checked_name(text).map(|()| Self(text.to_owned()))
            }
        }

        impl TryFrom<String> for $type {
            type Error = Refusal;

            fn try_from(text: String) -> Result<Self, Refusal> {
                checked_name(&text).map(|()| Self(text))
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> String {
                name.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// A legal person: municipality, cooperative, provider, Land. Lower-case letters, digits and single hyphens.
    OrgId
}
name! {
    /// A running node, named by its operator.
    NodeId
}
name! {
    /// An officer's function within one organisation (`einkauf`), never a personal name.
    OfficerName
}

fn checked_name(text: &str) -> Result<(), Refusal> {
    let refuse = || Refusal::new(Reason::NameInvalid).with("name", shortened(text));
    if text.is_empty() || text.len() > NAME_BYTES_MAX {
        return Err(refuse());
    }
    let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let well_formed = text.split('-').all(|part| !part.is_empty() && part.bytes().all(alphanumeric));
    if well_formed { Ok(()) } else { Err(refuse()) }
}

/// At most 60 characters of text that came from outside, for messages.
pub fn shortened(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

macro_rules! digest {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(pub [u8; 32]);

        impl $type {
            /// SHA-256 over the bytes.
            pub fn of(bytes: &[u8]) -> Self {
                Self(sha256(bytes))
            }

            /// The first 16 hexadecimal digits, for file names and tables.
            pub fn short(&self) -> String {
                hex::encode(&self.0[..8])
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.short())
            }
        }

        impl FromStr for $type {
            type Err = Refusal;

            fn from_str(text: &str) -> Result<Self, Refusal> {
                let refuse = || Refusal::new(Reason::DigestInvalid).with("value", shortened(text));
                from_hex(text).map(Self).ok_or_else(refuse)
            }
        }

        impl Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.collect_str(self)
                } else {
                    self.0.serialize(serializer)
                }
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if deserializer.is_human_readable() {
                    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
                } else {
                    <[u8; 32]>::deserialize(deserializer).map(Self)
                }
            }
        }
    };
}

digest! {
    /// SHA-256 of a statement's pre-authentication encoding; independent of its signatures.
    StatementId
}
digest! {
    /// SHA-256 of a 32-byte Ed25519 public key.
    KeyHash
}
digest! {
    /// A node of a Merkle tree, or a digest over heads.
    Hash
}

/// An order, named by the hash of its buyer and of the request id that the officer's tool chose: submitting twice
/// names the same order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderId(pub [u8; 16]);

impl OrderId {
    /// Derives the id. `request_id` is any text the officer's tool keeps for a repeated submission.
    pub fn derive(buyer: &OrgId, request_id: &str) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(b"verbund/order/v1\0");
        hasher.update(buyer.as_str());
        hasher.update(b"\0");
        hasher.update(request_id);
        let mut id = [0; 16];
        id.copy_from_slice(&hasher.finalize()[..16]);
        Self(id)
    }
}

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0[..4]))
    }
}

impl FromStr for OrderId {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        let refuse = || Refusal::new(Reason::OrderIdInvalid).with("value", shortened(text));
        from_hex(text).map(Self).ok_or_else(refuse)
    }
}

impl Serialize for OrderId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for OrderId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Fewest digits of an id that may stand for it: of a million ids some fifteen begin alike, and those are shown.
const PREFIX_DIGITS_MIN: usize = 4;

/// Most digits: those of a whole statement id.
const PREFIX_DIGITS_MAX: usize = 64;

/// How the id of an order or statement begins, as far as somebody has typed it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ShortId(String);

impl ShortId {
    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The lowest and the highest order id that begin so; none if no id is that long.
    pub fn orders(&self) -> Option<(OrderId, OrderId)> {
        self.bounds().map(|(lowest, highest)| (OrderId(lowest), OrderId(highest)))
    }

    /// The lowest and the highest statement id that begin so.
    pub fn statements(&self) -> Option<(StatementId, StatementId)> {
        self.bounds().map(|(lowest, highest)| (StatementId(lowest), StatementId(highest)))
    }

    fn bounds<const N: usize>(&self) -> Option<([u8; N], [u8; N])> {
        let filled = |with: char| {
            let missing = (2 * N).saturating_sub(self.0.len());
            from_hex(&self.0.chars().chain(std::iter::repeat_n(with, missing)).collect::<String>())
        };
        Some((filled('0')?, filled('f')?))
    }

    /// The same beginning with no more digits than anything may be looked up by.
    pub fn shortest(&self) -> Self {
        Self(self.0[..PREFIX_DIGITS_MIN].to_owned())
    }
}

impl FromStr for ShortId {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if (PREFIX_DIGITS_MIN..=PREFIX_DIGITS_MAX).contains(&text.len()) && text.bytes().all(is_digit) {
            return Ok(Self(text.to_owned()));
        }
        Err(Refusal::new(Reason::IdPrefixInvalid).with("value", shortened(text)))
    }
}

/// A log's name: `<federation>/log/<node>/<epoch>` (C2SP checkpoint origin).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Origin {
    /// The federation's name.
    pub federation: OrgId,
    /// The node that writes the log.
    pub node: NodeId,
    /// Counts up when a log is repaired after a fork.
    pub epoch: u32,
}

impl Origin {
    /// The log of the node that this one continues, if it is not the first.
    pub fn former(&self) -> Option<Self> {
        let epoch = self.epoch.checked_sub(1).filter(|epoch| *epoch > 0)?;
        Some(Self { epoch, ..self.clone() })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/log/{}/{}", self.federation, self.node, self.epoch)
    }
}

impl FromStr for Origin {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        let refuse = || Refusal::new(Reason::OriginInvalid).with("value", shortened(text));
        let parts: Vec<&str> = text.split('/').collect();
        let [federation, "log", node, epoch] = parts[..] else { return Err(refuse()) };
        let number: u32 = epoch.parse().map_err(|_| refuse())?;
        // One text form only: `+1` and `01` parse as numbers but would name the same log twice.
        if number.to_string() != epoch || number > COUNT_MAX {
            return Err(refuse());
        }
        Ok(Self { federation: federation.parse()?, node: node.parse()?, epoch: number })
    }
}

impl TryFrom<String> for Origin {
    type Error = Refusal;

    fn try_from(text: String) -> Result<Self, Refusal> {
        text.parse()
    }
}

impl From<Origin> for String {
    fn from(origin: Origin) -> String {
        origin.to_string()
    }
}

/// Reads `N` bytes in hexadecimal. There is one text for them: lower-case digits.
pub fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    text.bytes().all(|b| !b.is_ascii_uppercase()).then_some(bytes)
}

/// SHA-256, the only hash function in the federation.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_one_text_form() {
        for good in ["kitu", "hohe-boerde", "a", "x1-2"] {
            assert_eq!(good.parse::<OrgId>().expect("good name").as_str(), good);
        }
        for bad in ["", "Kitu", "-a", "a-", "a--b", "ä", "a b", "a/b", &"x".repeat(NAME_BYTES_MAX + 1)] {
            assert!(bad.parse::<OrgId>().is_err(), "{bad:?} must be refused");
        }
    }

    #[test]
    fn origins_have_one_text_form() {
        let origin: Origin = "demo/log/kitu/1".parse().expect("good origin");
        assert_eq!(origin.to_string(), "demo/log/kitu/1");
        for bad in ["demo/log/kitu", "demo/log/kitu/01", "demo/log/kitu/+1", "demo/tree/kitu/1", "demo/log/kitu/1/2"]
        {
            assert!(bad.parse::<Origin>().is_err(), "{bad:?} must be refused");
        }
    }

    #[test]
    fn hexadecimal_has_one_text_form() {
        let digits = "ab".repeat(32);
        assert_eq!(digits.parse::<Hash>().expect("a hash").to_string(), digits);
        assert_eq!(digits[..32].parse::<OrderId>().expect("an id").to_string(), digits[..32]);
        for bad in [digits.to_uppercase(), digits.replacen('a', "A", 1), format!("0x{}", &digits[2..])] {
            assert!(bad.parse::<StatementId>().is_err() && bad.parse::<KeyHash>().is_err(), "{bad}");
            assert!(bad[..32].parse::<OrderId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_beginning_bounds_exactly_the_ids_that_begin_so() {
        let prefix = |text: &str| text.parse::<ShortId>();
        let (lowest, highest) = prefix("abcde").expect("digits").orders().expect("shorter than an id");
        assert_eq!(lowest.to_string(), format!("abcde{}", "0".repeat(27)));
        assert_eq!(highest.to_string(), format!("abcde{}", "f".repeat(27)));
        let whole = "0f".repeat(32);
        let (lowest, highest) = prefix(&whole).expect("digits").statements().expect("as long as an id");
        assert_eq!((lowest.to_string(), highest.to_string()), (whole.clone(), whole.clone()));
        assert_eq!(prefix(&whole).expect("digits").orders(), None, "no order id is that long");
        assert_eq!(prefix(&whole).expect("digits").shortest(), prefix("0f0f").expect("digits"));
        for bad in ["", "abc", "ABCD", "abcg", "ab cd", "äbcd", &"0".repeat(65)] {
            assert_eq!(prefix(bad).expect_err(bad).reason, Reason::IdPrefixInvalid);
        }
    }

    #[test]
    fn an_order_is_named_by_its_buyer_and_request() {
        let (a, b): (OrgId, OrgId) = ("a".parse().expect("name"), "b".parse().expect("name"));
        assert_eq!(OrderId::derive(&a, "r1"), OrderId::derive(&a, "r1"));
        assert_ne!(OrderId::derive(&a, "r1"), OrderId::derive(&b, "r1"));
        assert_ne!(OrderId::derive(&a, "r1"), OrderId::derive(&a, "r2"));
    }
}
