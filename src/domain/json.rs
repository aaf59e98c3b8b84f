//! Reading the JSON of statements strictly: bounded size and depth, no duplicate keys, no fractions.
//!
//! Two readers that disagree about a document would disagree about what was signed, so whatever JSON leaves open is
//! refused here. Unknown fields are ignored; the signed bytes keep them.
use std::fmt;

use serde::de::{self, DeserializeOwned, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::domain::id::shortened;
use crate::domain::reason::{Reason, Refusal};

/// Largest document. An offering with all its fields takes about 3 KiB; HSMs sign at most 64 KiB in one go.
pub const BYTES_MAX: usize = 48 * 1024;

/// Deepest nesting; the deepest document of this version needs six levels.
pub const DEPTH_MAX: usize = 12;

/// Largest integer that every JSON reader represents exactly (RFC 8259 section 6).
const INTEGER_MAX: u64 = 1 << 53;

/// Reads a document.
pub fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refusal> {
    let value = read_value(bytes)?;
    serde_json::from_value(value).map_err(|error| invalid(&error.to_string()))
}

/// Reads a document without giving it a type.
pub fn read_value(bytes: &[u8]) -> Result<Value, Refusal> {
    if bytes.len() > BYTES_MAX {
        return Err(Refusal::new(Reason::JsonTooLarge).with("bytes", bytes.len()));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { depth: 0 }.deserialize(&mut deserializer).map_err(|error| refusal(&error))?;
    deserializer.end().map_err(|error| invalid(&error.to_string()))?;
    Ok(value)
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
    type Value = Value;

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a statement document")
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        if value.unsigned_abs() > INTEGER_MAX { Err(E::custom("integer beyond 2^53")) } else { Ok(value.into()) }
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        if value > INTEGER_MAX { Err(E::custom("integer beyond 2^53")) } else { Ok(value.into()) }
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Value, E> {
        Err(E::custom("fractions are not allowed"))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E: de::Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if map.contains_key(&key) {
                return Err(de::Error::custom(format_args!("{DUPLICATE}{key}")));
            }
            let value = entries.next_value_seed(inner)?;
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<Reason>) {
        assert_eq!(read_value(text.as_bytes()).err().map(|refusal| refusal.reason), expected, "{text}");
    }

    #[test]
    fn what_json_leaves_open_is_refused() {
        check(r#"{"a":1,"b":[true,null,"x"]}"#, None);
        check(r#"{"a":1,"a":2}"#, Some(Reason::JsonDuplicateKey));
        check(r#"{"x":{"a":1,"a":1}}"#, Some(Reason::JsonDuplicateKey));
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
