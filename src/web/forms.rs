//! What an officer fills in before signing: the fields of a form, and what was typed as values. It stands in the address, so the way
//! back loses nothing.
use crate::domain::id::shortened;
use crate::domain::money::Cents;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::time::{Date, typed_day};
use crate::web::query::Query;

/// Names of fields, as they stand in the address.
pub(super) const WORDS: &str = "worte";
pub(super) const STEP: &str = "schritt";
pub(super) const DAY: &str = "tag";
pub(super) const SERVICES: &str = "leistungen";
pub(super) const CAP: &str = "hoechstens";
pub(super) const THROUGH: &str = "ueber";
pub(super) const ROUTE: &str = "weg";
pub(super) const YEARS: &str = "jahre";
pub(super) const NUMBER: &str = "vorgang";
pub(super) const WITH: &str = "mit";
pub(super) const ABOUT: &str = "worum";
pub(super) const GROUND: &str = "grund";
pub(super) const AUTHORITY: &str = "stelle";
pub(super) const HOLDS: &str = "gilt";

/// Longest day: `31.12.2027`.
const DAY_CHARS_MAX: usize = 10;

/// A form; sent, it leads to the same address.
#[derive(Clone)]
pub(super) struct Form {
    pub(super) action: String,
    pub(super) fields: Vec<Field>,
    /// What is sent along and not asked for.
    pub(super) kept: Vec<(&'static str, String)>,
}

impl Form {
    /// A form of these fields.
    pub(super) fn of(action: String, fields: Vec<Field>) -> Self {
        Self { action, fields, kept: Vec::new() }
    }
}

/// One field.
#[derive(Clone)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) hint: &'static str,
    /// What was typed, as it was typed.
    pub(super) typed: String,
    pub(super) look: Look,
}

/// How it looks.
#[derive(Clone)]
pub(super) enum Look {
    /// Several lines of text, at most so many characters.
    Lines(usize),
    /// One line.
    Line(usize),
    /// One of these.
    Choice(Vec<Choice>),
}

/// A value to choose.
#[derive(Clone)]
pub(super) struct Choice {
    pub(super) value: String,
    pub(super) label: String,
    pub(super) is_chosen: bool,
}

impl Field {
    /// A field with what was typed into it.
    pub(super) fn of(
        name: &'static str,
        label: &'static str,
        hint: &'static str,
        query: &Query,
        look: impl FnOnce(&str) -> Look,
    ) -> Self {
        let typed = query.first(name);
        Self { name, label, hint, typed: typed.to_owned(), look: look(typed) }
    }

    /// A day, typed as people write it: what browsers offer instead fits no keyboard and no format but their own.
    pub(super) fn day(name: &'static str, label: &'static str, hint: &'static str, query: &Query) -> Self {
        Self::of(name, label, hint, query, |_| Look::Line(DAY_CHARS_MAX))
    }

    /// Values to choose from, each with its words.
    pub(super) fn choices(values: impl Iterator<Item = (String, String)>, typed: &str) -> Look {
        let choice = |(value, label): (String, String)| Choice { is_chosen: value == typed, value, label };
        Look::Choice(values.map(choice).collect())
    }

    pub(super) fn lines(&self) -> Option<usize> {
        if let Look::Lines(most) = self.look { Some(most) } else { None }
    }

    pub(super) fn line(&self) -> Option<usize> {
        if let Look::Line(most) = self.look { Some(most) } else { None }
    }

    pub(super) fn choice(&self) -> &[Choice] {
        if let Look::Choice(choices) = &self.look { choices } else { &[] }
    }
}

/// Whether a form has been sent with this field; one that is opened for the first time holds no mistakes.
pub(super) fn is_sent(query: &Query, name: &str) -> bool {
    query.pairs().any(|(known, _)| known == name)
}

/// Lines as forms send them, in the one form that statements have.
pub(super) fn lines(typed: &str) -> String {
    typed.trim().replace("\r\n", "\n")
}

/// The day in a field.
pub(super) fn day(query: &Query, name: &'static str) -> Result<Date, Refusal> {
    typed_day(query.first(name)).map_err(|refusal| refusal.with("field", name))
}

/// A text that must be there.
pub(super) fn required(text: String, name: &'static str) -> Result<String, Refusal> {
    if text.is_empty() {
        return Err(Refusal::new(Reason::FieldInvalid).with("field", name).with("rule", "must not be empty"));
    }
    Ok(text)
}

/// Values between commas, spaces or lines.
pub(super) fn list<T: std::str::FromStr<Err = Refusal>>(
    query: &Query,
    name: &'static str,
) -> Result<Vec<T>, Refusal> {
    let parts = query.first(name).split(|c: char| c == ',' || c.is_whitespace()).filter(|part| !part.is_empty());
    parts.map(|part| part.parse().map_err(|refusal: Refusal| refusal.with("field", name))).collect()
}

/// The value in a field that must be chosen.
pub(super) fn chosen<T: std::str::FromStr<Err = Refusal>>(query: &Query, name: &'static str) -> Result<T, Refusal> {
    let missing = || Refusal::new(Reason::FieldInvalid).with("field", name).with("rule", "one of those shown");
    one(query, name)?.ok_or_else(missing)
}

/// The value in a field, if there is one.
pub(super) fn one<T: std::str::FromStr<Err = Refusal>>(
    query: &Query,
    name: &'static str,
) -> Result<Option<T>, Refusal> {
    let typed = Some(query.first(name).trim()).filter(|typed| !typed.is_empty());
    typed.map(|typed| typed.parse().map_err(|refusal: Refusal| refusal.with("field", name))).transpose()
}

/// Whole euros in a field.
pub(super) fn euros(name: &'static str, typed: &str) -> Result<Cents, Refusal> {
    let refuse = |_| {
        let refusal = Refusal::new(Reason::FieldInvalid).with("field", name).with("value", shortened(typed));
        refusal.with("rule", "whole euros, digits only")
    };
    let euros: u32 = typed.trim().parse().map_err(refuse)?;
    Cents::try_from(i64::from(euros) * 100)
}
