//! Reading the JSON of statements strictly: bounded size and depth, no duplicate keys, no fractions.
//!
//! Two readers that disagree about a document would disagree about what was signed, so whatever JSON leaves open is
//! refused here. Unknown fields are ignored; the signed bytes keep them. In the body of a statement no text, in whatever
//! field, may hide anything, and no field's name may look like another's.
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{self, DeserializeOwned, DeserializeSeed, MapAccess, SeqAccess, Visitor};

use crate::domain::characters::hides;
use crate::domain::field_names::{check_name, is_known, is_list};
use crate::domain::id::shortened;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::text::{TEXT_CHARS_MAX, check_characters};

/// Largest document. An offering with all its fields takes about 3 KiB; HSMs sign at most 64 KiB in one go.
pub const BYTES_MAX: usize = 48 * 1024;

/// Deepest nesting; the deepest document of this version, a price with its key, needs nine levels.
pub const DEPTH_MAX: usize = 12;

/// Largest integer that every JSON reader represents exactly (RFC 8259 section 6).
const INTEGER_MAX: u64 = 1 << 53;

/// Reads a document, whatever its texts and names are like.
pub fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refusal> {
    check(bytes)?;
    serde_json::from_slice(bytes).map_err(|error| typed(bytes, &error, |bytes| located::<T>(bytes)))
}

/// Reads the body of a statement.
pub fn read_body<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refusal> {
    check_body(bytes)?;
    serde_json::from_slice(bytes).map_err(|error| typed(bytes, &error, |bytes| located::<T>(bytes)))
}

/// Checks a document without giving it a type.
pub fn check(bytes: &[u8]) -> Result<(), Refusal> {
    check_within(bytes, BYTES_MAX)
}

/// The same for a file that holds several statements and may be larger than one.
pub fn check_within(bytes: &[u8], bytes_max: usize) -> Result<(), Refusal> {
    walk(bytes, bytes_max, false)
}

/// Checks the body of a statement, of whatever kind.
pub fn check_body(bytes: &[u8]) -> Result<(), Refusal> {
    walk(bytes, BYTES_MAX, true)
}

/// Writes a document once, for its signer. Nobody ever writes it again.
pub fn write<T: serde::Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).expect("statement bodies have string keys and no failing fields")
}

/// A value for programs, whose output people look at as well: characters that act or hide are escaped, so a reader gets
/// the same value and a terminal nothing to obey.
pub fn shown(value: &serde_json::Value) -> String {
    escaped(&format!("{value:#}"))
}

/// The same in one line.
pub fn shown_line(value: &serde_json::Value) -> String {
    escaped(&value.to_string())
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if hides(c) && c != '\n' {
            c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| safe.push_str(&format!("\\u{unit:04x}")));
        } else {
            safe.push(c);
        }
    }
    safe
}

fn walk(bytes: &[u8], bytes_max: usize, is_body: bool) -> Result<(), Refusal> {
    if bytes.len() > bytes_max {
        return Err(Refusal::new(Reason::JsonTooLarge).with("bytes", bytes.len()));
    }
    let found = RefCell::default();
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let start =
        Strict { depth: 0, is_body, may_be_list: !is_body, may_be_null: !is_body, is_unknown: false, found: &found };
    let walked = start.deserialize(&mut deserializer);
    walked
        .and_then(|()| deserializer.end())
        .map_err(|error| found.take().unwrap_or_else(|| invalid(&error.to_string())))
}

fn invalid(why: &str) -> Refusal {
    Refusal::new(Reason::JsonInvalid).with("why", shortened(why))
}

/// A document that does not fit its type. Where a checked value says why, its own reason is given; `locate` reads the
/// document once more to find the field.
fn typed(bytes: &[u8], error: &serde_json::Error, locate: impl Fn(&[u8]) -> Option<String>) -> Refusal {
    let text = error.to_string();
    let reason = text.split(' ').next().and_then(Reason::from_code);
    let refusal = reason.map_or_else(|| invalid(&text), |reason| Refusal::new(reason).with("why", shortened(&text)));
    locate(bytes).map_or(refusal.clone(), |field| refusal.with("field", shortened(&field)))
}

/// The path of the field at which a document stops fitting its type.
fn located<T: DeserializeOwned>(bytes: &[u8]) -> Option<String> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let error = serde_path_to_error::deserialize::<_, T>(&mut deserializer).err()?;
    Some(error.path().to_string()).filter(|path| path != ".")
}

/// Goes through a document and keeps nothing of it.
#[derive(Clone, Copy)]
struct Strict<'f> {
    depth: usize,
    /// Whether texts and names are looked at as well.
    is_body: bool,
    /// Whether a list may stand here. Readers of typed documents take a list for a structure, field by field, so that one
    /// value would have two texts.
    may_be_list: bool,
    /// Whether nothing may stand here: in no field, or a word could be written as an object of that name.
    may_be_null: bool,
    /// Below a field of a later version, of which nobody here knows the shape.
    is_unknown: bool,
    /// What was refused, where it is no error of syntax: serde's own errors are texts.
    found: &'f RefCell<Option<Refusal>>,
}

impl Strict<'_> {
    fn deeper<E: de::Error>(self) -> Result<Self, E> {
        if self.depth >= DEPTH_MAX {
            return Err(self.refuse(Refusal::new(Reason::JsonTooDeep)));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }

    fn refuse<E: de::Error>(self, refusal: Refusal) -> E {
        self.found.replace(Some(refusal));
        E::custom("refused")
    }

    /// Refuses a value of a shape that no field has, or not this one.
    fn misfit<E: de::Error>(self, why: &str) -> E {
        self.refuse(invalid(why))
    }

    /// Notes in which field a refusal came up, from the inside out.
    fn within<E>(self, key: &str, error: E) -> E {
        if let Some(refusal) = self.found.borrow_mut().as_mut() {
            let path = refusal.field("field").map_or_else(|| key.to_owned(), |inner| format!("{key}.{inner}"));
            *refusal = refusal.clone().with("field", shortened(&path));
        }
        error
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = ();

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a statement document")
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<(), E> {
        if value.unsigned_abs() > INTEGER_MAX { Err(self.misfit("integer beyond 2^53")) } else { Ok(()) }
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<(), E> {
        if value > INTEGER_MAX { Err(self.misfit("integer beyond 2^53")) } else { Ok(()) }
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<(), E> {
        Err(self.misfit("fractions are not allowed"))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<(), E> {
        if !self.is_body {
            return Ok(());
        }
        if text.len() > TEXT_CHARS_MAX && text.chars().count() > TEXT_CHARS_MAX {
            return Err(self.refuse(Refusal::new(Reason::TextTooLong).with("limit", TEXT_CHARS_MAX)));
        }
        check_characters(text).map_err(|refusal| self.refuse(refusal))
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        // What is not said is left out; `null` would be a second way to say so.
        if !self.may_be_null { Err(self.misfit("null: leave the field out")) } else { Ok(()) }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        if !self.may_be_list {
            return Err(self.misfit("a list where none belongs"));
        }
        let is_free = !self.is_body || self.is_unknown;
        let inner = Self { may_be_list: is_free, may_be_null: is_free, ..self.deeper()? };
        while items.next_element_seed(inner)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let inner = self.deeper()?;
        let mut seen = BTreeSet::new();
        while let Some(Key(key)) = entries.next_key()? {
            if seen.contains(&key) {
                let refusal = Refusal::new(Reason::JsonDuplicateKey).with("field", shortened(&key));
                return Err(self.refuse(refusal));
            }
            if self.is_body {
                check_name(&key).map_err(|refusal| self.refuse::<A::Error>(refusal))?;
            }
            let is_unknown = inner.is_unknown || !is_known(&key);
            let may_be_list = !inner.is_body || is_unknown || is_list(&key);
            entries
                .next_value_seed(Self { is_unknown, may_be_list, may_be_null: !inner.is_body, ..inner })
                .map_err(|error| self.within(&key, error))?;
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
        for number in ["1.5", "1.0", "1e3", "1E0", "-0", "-0.0", "01", "+1", "9007199254740993", "-9007199254740993"]
        {
            check(number, Some(Reason::JsonInvalid));
        }
        check("{} {}", Some(Reason::JsonInvalid));
        check("", Some(Reason::JsonInvalid));
        check("\u{feff}{}", Some(Reason::JsonInvalid));
        check(&format!("{}{}", "[".repeat(DEPTH_MAX), "]".repeat(DEPTH_MAX)), None);
        check(&format!("{}{}", "[".repeat(DEPTH_MAX + 1), "]".repeat(DEPTH_MAX + 1)), Some(Reason::JsonTooDeep));
        check(&format!("\"{}\"", "x".repeat(BYTES_MAX)), Some(Reason::JsonTooLarge));
    }

    #[test]
    fn a_body_holds_lists_where_they_belong_and_no_null() {
        for (text, good) in [
            (r#"{"route":["a","b"],"later":[[null]],"price":[{"item":"operation"}]}"#, true),
            (r#"["a"]"#, false),
            (r#"{"auto_seal":[true]}"#, false),
            (r#"{"mode":{"binding":null}}"#, false),
            (r#"{"valid_to":null}"#, false),
            (r#"{"members":[["kid",1]]}"#, false),
            (r#"{"event":{"connected":["test"]}}"#, false),
        ] {
            assert_eq!(check_body(text.as_bytes()).is_ok(), good, "{text}");
        }
    }

    #[test]
    fn no_text_of_a_body_hides_anything_in_whatever_field() {
        for (text, reason, field) in [
            (r#"{"later":"eins\nzwei"}"#.to_owned(), None, None),
            (r#"{"later":["\u202egut"]}"#.to_owned(), Some(Reason::TextHides), Some("later")),
            (r#"{"price":[{"later":"\u001b[31m"}]}"#.to_owned(), Some(Reason::TextHides), Some("price.later")),
            (r#"{"later":"a\u0308"}"#.to_owned(), Some(Reason::TextMisshaped), Some("later")),
            (format!(r#"{{"later":"{}"}}"#, "x".repeat(TEXT_CHARS_MAX)), None, None),
            (
                format!(r#"{{"later":"{}"}}"#, "x".repeat(TEXT_CHARS_MAX + 1)),
                Some(Reason::TextTooLong),
                Some("later"),
            ),
            (r#"{"Total":1}"#.to_owned(), Some(Reason::FieldLooksAlike), Some("Total")),
            (r#"{"tota\u200bl":1}"#.to_owned(), Some(Reason::FieldLooksAlike), Some("tota⟨U+200B⟩l")),
        ] {
            let refusal = check_body(text.as_bytes()).err();
            assert_eq!(refusal.as_ref().map(|refusal| refusal.reason), reason, "{text}");
            assert_eq!(refusal.as_ref().and_then(|refusal| refusal.field("field")), field, "{text}");
            check(&text, None);
        }
    }

    #[test]
    fn what_has_no_shape_of_any_field_is_refused_with_its_field() {
        for (text, field) in [
            (r#"{"price":[{"later":null}]}"#, "price.later"),
            (r#"{"mode":[1]}"#, "mode"),
            (r#"{"later":{"x":1.5}}"#, "later.x"),
            (r#"{"total":9007199254740993}"#, "total"),
        ] {
            let refusal = check_body(text.as_bytes()).expect_err(text);
            assert_eq!((refusal.reason, refusal.field("field")), (Reason::JsonInvalid, Some(field)), "{text}");
        }
    }

    #[test]
    fn a_value_that_does_not_fit_gives_its_own_reason_and_its_field() {
        #[derive(Deserialize, Debug)]
        #[expect(dead_code, reason = "only its reading matters")]
        struct Probe {
            parts: Vec<Part>,
        }
        #[derive(Deserialize, Debug)]
        #[expect(dead_code, reason = "only its reading matters")]
        struct Part {
            day: crate::domain::time::Date,
        }
        let refusal = read::<Probe>(br#"{"parts":[{"day":"20261001"}]}"#).expect_err("another form");
        assert_eq!((refusal.reason, refusal.field("field")), (Reason::TimeInvalid, Some("parts[0].day")));
        let refusal = read::<Probe>(br#"{"parts":[{}]}"#).expect_err("a field is missing");
        assert_eq!((refusal.reason, refusal.field("field")), (Reason::JsonInvalid, Some("parts[0]")));
    }

    #[test]
    fn what_programs_read_gives_a_terminal_nothing_to_obey() {
        let value = serde_json::json!({"title": "a\u{202e}b\u{e0041}\u{9b}c\nd"});
        let text = shown(&value);
        assert!(!text.contains(|c| hides(c) && c != '\n'), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).expect("JSON"), value);
    }
}
