//! TOML into values, refusing keys the receiving type does not have and remembering where each fault is.
//!
//! The types of floor 1 accept unknown fields on purpose: a statement of a later version must stay readable. A file
//! written by a person is the opposite case, where an unknown key is a typing error. A type tells its deserializer
//! which fields it has, so the check is made here, once, for every type. Must never accept a key silently.
use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, IntoDeserializer as _, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::forward_to_deserialize_any;
use toml::Spanned;
use toml::de::{DeArray, DeString, DeTable, DeValue};

/// What is wrong, and the byte offset of the innermost value or key concerned.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) offset: Option<usize>,
    pub(super) kind: FaultKind,
}

/// The two kinds of fault, which become two reasons.
#[derive(Debug)]
pub(super) enum FaultKind {
    /// The key is not one of those that are known here.
    UnknownKey { key: String, known: &'static [&'static str] },
    /// The value does not fit, or is missing.
    Wrong(String),
}

impl Fault {
    fn wrong(problem: String) -> Self {
        Self { offset: None, kind: FaultKind::Wrong(problem) }
    }

    /// Places the fault, unless a value further inside has already done so.
    fn or_at(mut self, offset: usize) -> Self {
        self.offset.get_or_insert(offset);
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            FaultKind::UnknownKey { key, .. } => write!(f, "unknown key {key}"),
            FaultKind::Wrong(problem) => f.write_str(problem),
        }
    }
}

impl std::error::Error for Fault {}

impl serde::de::Error for Fault {
    fn custom<T: fmt::Display>(problem: T) -> Self {
        Self::wrong(problem.to_string())
    }
}

/// A value with its place in the file.
pub(super) struct Located<'a, 'i>(pub(super) &'a Spanned<DeValue<'i>>);

impl<'de> Located<'_, '_> {
    fn offset(&self) -> usize {
        self.0.span().start
    }

    fn visit<V: Visitor<'de>>(&self, visitor: V) -> Result<V::Value, Fault> {
        match self.0.get_ref() {
            DeValue::String(text) => visitor.visit_str(text),
            DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
                Ok(number) => visitor.visit_i64(number),
                Err(_) => Err(Fault::wrong(format!("{number} is too large"))),
            },
            DeValue::Float(number) => Err(Fault::wrong(format!("{number} is a fraction; only whole numbers exist"))),
            DeValue::Boolean(value) => visitor.visit_bool(*value),
            // A date may be written with or without quotation marks.
            DeValue::Datetime(time) => visitor.visit_string(time.to_string()),
            DeValue::Array(items) => visitor.visit_seq(Items { items, next: 0 }),
            DeValue::Table(table) => visitor.visit_map(Entries { entries: table.iter(), value: None }),
        }
    }
}

impl<'de> Deserializer<'de> for Located<'_, '_> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.visit(visitor).map_err(|fault| fault.or_at(self.offset()))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        if let DeValue::Table(table) = self.0.get_ref()
            && let Some(key) = table.keys().find(|key| !fields.contains(&key.get_ref().as_ref()))
        {
            let kind = FaultKind::UnknownKey { key: key.get_ref().to_string(), known: fields };
            return Err(Fault { offset: Some(key.span().start), kind });
        }
        self.deserialize_any(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let result = match self.0.get_ref() {
            DeValue::String(word) => visitor.visit_enum(StrDeserializer::<Fault>::new(word)),
            other => Err(serde::de::Error::invalid_type(Unexpected::Other(other.type_str()), &"a word")),
        };
        result.map_err(|fault| fault.or_at(self.offset()))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}

struct Items<'a, 'i> {
    items: &'a DeArray<'i>,
    next: usize,
}

impl<'de> SeqAccess<'de> for Items<'_, '_> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        let item = self.items.get(self.next);
        self.next += 1;
        item.map(|item| placed(seed, item)).transpose()
    }
}

struct Entries<'a, 'i, I> {
    entries: I,
    value: Option<&'a Spanned<DeValue<'i>>>,
}

impl<'a, 'i: 'a, 'de, I> MapAccess<'de> for Entries<'a, 'i, I>
where
    I: Iterator<Item = (&'a Spanned<DeString<'i>>, &'a Spanned<DeValue<'i>>)>,
{
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        let Some((key, value)) = self.entries.next() else { return Ok(None) };
        self.value = Some(value);
        let name: StrDeserializer<'_, Fault> = key.get_ref().as_ref().into_deserializer();
        seed.deserialize(name).map(Some).map_err(|fault| fault.or_at(key.span().start))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let value = self.value.take().expect("serde asks for a value only after its key");
        placed(seed, value)
    }
}

/// A value, with its own place for faults found after it was read, such as those of a checked type made from a text.
fn placed<'de, S: DeserializeSeed<'de>>(seed: S, value: &Spanned<DeValue<'_>>) -> Result<S::Value, Fault> {
    seed.deserialize(Located(value)).map_err(|fault| fault.or_at(value.span().start))
}

/// The table as one value, placed at the first line.
pub(super) fn whole(table: Spanned<DeTable<'_>>) -> Spanned<DeValue<'_>> {
    let span = table.span();
    Spanned::new(span, DeValue::Table(table.into_inner()))
}
