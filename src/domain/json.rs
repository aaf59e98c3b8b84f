//! Reading the JSON of statements strictly: bounded size and depth, no duplicate keys, no fractions.
//!
//! Two readers that disagree about a document would disagree about what was signed, so whatever JSON leaves open is
//! refused here. Unknown fields are ignored; the signed bytes keep them.
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{self, DeserializeOwned, DeserializeSeed, MapAccess, SeqAccess, Visitor};

use crate::domain::id::shortened;
use crate::domain::reason::{Reason, Refusal};

/// Largest document. An offering with all its fields takes about 3 KiB; HSMs sign at most 64 KiB in one go.
pub const BYTES_MAX: usize = 48 * 1024;

/// Deepest nesting; the deepest document of this version, a price with its key, needs nine levels.
pub const DEPTH_MAX: usize = 12;

/// Largest integer that every JSON reader represents exactly (RFC 8259 section 6).
const INTEGER_MAX: u64 = 1 << 53;

/// Reads a document.
pub fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refusal> {
    check(bytes)?;
    serde_json::from_slice(bytes).map_err(|error| invalid(&error.to_string()))
}

/// Checks a document without giving it a type.
pub fn check(bytes: &[u8]) -> Result<(), Refusal> {
    check_within(bytes, BYTES_MAX)
}

/// The same for a file that holds several statements and may be larger than one.
pub fn check_within(bytes: &[u8], bytes_max: usize) -> Result<(), Refusal> {
    if bytes.len() > bytes_max {
        return Err(Refusal::new(Reason::JsonTooLarge).with("bytes", bytes.len()));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    Strict { depth: 0 }.deserialize(&mut deserializer).map_err(|error| refusal(&error))?;
    deserializer.end().map_err(|error| invalid(&error.to_string()))
}

/// Writes a document once, for its signer. Nobody ever writes it again.
pub fn write<T: serde::Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).expect("statement bodies have string keys and no failing fields")
}

fn invalid(why: &str) -> Refusal {
    Refusal::new(Reason::JsonInvalid).with("why", shortened(why))
}

// serde's errors are texts; the marks tell our own rules from syntax errors.
const DUPLICATE: &str = "verbund:duplicate:";
const TOO_DEEP: &str = "verbund:deep";

fn refusal(error: &serde_json::Error) -> Refusal {
    let text = error.to_string();
    if let Some((_, key)) = text.split_once(DUPLICATE) {
        return Refusal::new(Reason::JsonDuplicateKey).with("field", shortened(key));
    }
    if text.contains(TOO_DEEP) { Refusal::new(Reason::JsonTooDeep) } else { invalid(&text) }
}

/// Goes through a document and keeps nothing of it.
#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
}

impl Strict {
    fn deeper<E: de::Error>(self) -> Result<Self, E> {
        if self.depth >= DEPTH_MAX { Err(E::custom(TOO_DEEP)) } else { Ok(Self { depth: self.depth + 1 }) }
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = ();

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a statement document")
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<(), E> {
        if value.unsigned_abs() > INTEGER_MAX { Err(E::custom("integer beyond 2^53")) } else { Ok(()) }
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<(), E> {
        if value > INTEGER_MAX { Err(E::custom("integer beyond 2^53")) } else { Ok(()) }
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<(), E> {
        Err(E::custom("fractions are not allowed"))
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let inner = self.deeper()?;
        while items.next_element_seed(inner)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let inner = self.deeper()?;
        let mut seen = BTreeSet::new();
        while let Some(Key(key)) = entries.next_key()? {
            if seen.contains(&key) {
                return Err(de::Error::custom(format_args!("{DUPLICATE}{key}")));
            }
            entries.next_value_seed(inner)?;
            seen.insert(key);
        }
        Ok(())
    }
}

/// A field's name, borrowed from the document unless it is written with escapes.
#[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(transparent)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<Reason>) {
        assert_eq!(super::check(text.as_bytes()).err().map(|refusal| refusal.reason), expected, "{text}");
    }

    #[test]
    fn what_json_leaves_open_is_refused() {
        check(r#"{"a":1,"b":[true,null,"x"]}"#, None);
        check(r#"{"a":1,"a":2}"#, Some(Reason::JsonDuplicateKey));
        check(r#"{"x":{"a":1,"a":1}}"#, Some(Reason::JsonDuplicateKey));
        check(r#"{"a":1,"\u0061":1}"#, Some(Reason::JsonDuplicateKey));
        check("1.5", Some(Reason::JsonInvalid));
        check("1e3", Some(Reason::JsonInvalid));
        check("9007199254740993", Some(Reason::JsonInvalid));
        check("{} {}", Some(Reason::JsonInvalid));
        check("", Some(Reason::JsonInvalid));
        check("\u{feff}{}", Some(Reason::JsonInvalid));
        check(&format!("{}{}", "[".repeat(DEPTH_MAX), "]".repeat(DEPTH_MAX)), None);
        check(&format!("{}{}", "[".repeat(DEPTH_MAX + 1), "]".repeat(DEPTH_MAX + 1)), Some(Reason::JsonTooDeep));
        check(&format!("\"{}\"", "x".repeat(BYTES_MAX)), Some(Reason::JsonTooLarge));
    }
}
