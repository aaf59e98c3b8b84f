//! Money: whole euro cents, checked. There are no fractions and no floating-point numbers anywhere.
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::reason::{Lang, Reason, Refusal};

/// Largest amount a statement may name: ten billion euros. Sums of a whole chain stay far below 2^53, so every JSON
/// reader sees the same number.
pub const CENTS_MAX: i64 = 1_000_000_000_000;

/// An amount in euro cents, from zero to [`CENTS_MAX`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Cents(i64);

impl Cents {
    /// No money.
    pub const ZERO: Self = Self(0);

    /// More than anybody may spend.
    pub const MAX: Self = Self(CENTS_MAX);

    /// The number of cents.
    pub fn get(self) -> i64 {
        self.0
    }

    /// As people write it: `1.234,56 €` in German, `€1,234.56` in English.
    pub fn text(self, lang: Lang) -> String {
        let german = self.to_string();
        match lang {
            Lang::De => german,
            Lang::En => {
                let digits = german.trim_end_matches(" €").chars();
                let swapped = digits.map(|c| {
                    if c == '.' {
                        ','
                    } else if c == ',' {
                        '.'
                    } else {
                        c
                    }
                });
                format!("€{}", swapped.collect::<String>())
            }
        }
    }

    /// Sum, refused beyond the limit.
    pub fn plus(self, other: Self) -> Result<Self, Refusal> {
        Self::try_from(self.0 + other.0)
    }

    /// Product with a count, refused beyond the limit.
    pub fn times(self, count: u32) -> Result<Self, Refusal> {
        self.0
            .checked_mul(i64::from(count))
            .ok_or_else(|| Refusal::new(Reason::MoneyInvalid).with("value", format!("{} × {count}", self.0)))
            .and_then(Self::try_from)
    }
}

impl TryFrom<i64> for Cents {
    type Error = Refusal;

    fn try_from(cents: i64) -> Result<Self, Refusal> {
        if (0..=CENTS_MAX).contains(&cents) {
            Ok(Self(cents))
        } else {
            Err(Refusal::new(Reason::MoneyInvalid).with("value", cents))
        }
    }
}

impl From<Cents> for i64 {
    fn from(cents: Cents) -> i64 {
        cents.0
    }
}

impl fmt::Display for Cents {
    /// German notation: `1.234,56 €`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let euros = (self.0 / 100).to_string();
        let mut grouped = String::new();
        for (index, digit) in euros.chars().enumerate() {
            if index > 0 && (euros.len() - index).is_multiple_of(3) {
                grouped.push('.');
            }
            grouped.push(digit);
        }
        f.pad(&format!("{grouped},{:02} €", self.0 % 100))
    }
}

impl fmt::Debug for Cents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cents(value: i64) -> Cents {
        Cents::try_from(value).expect("within limits")
    }

    #[test]
    fn prints_as_people_write_it() {
        for (value, text) in [(0, "0,00 €"), (5, "0,05 €"), (123_456, "1.234,56 €"), (100_000_000, "1.000.000,00 €")]
        {
            assert_eq!(cents(value).to_string(), text);
        }
        assert_eq!(cents(123_456_789).text(Lang::De), "1.234.567,89 €");
        assert_eq!(cents(123_456_789).text(Lang::En), "€1,234,567.89");
    }

    #[test]
    fn refuses_what_no_price_can_be() {
        assert!(Cents::try_from(-1).is_err());
        assert!(Cents::try_from(CENTS_MAX + 1).is_err());
        assert!(cents(CENTS_MAX).plus(cents(1)).is_err());
        assert!(cents(CENTS_MAX).times(u32::MAX).is_err());
        assert_eq!(cents(25).times(4).expect("one euro"), cents(100));
    }
}
