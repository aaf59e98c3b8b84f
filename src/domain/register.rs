//! Keys of public registers: LeiKa services, OZG services, areas and the Länder. The types cannot hold a wrong value.
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::domain::id::shortened;
use crate::domain::reason::{Reason, Refusal};

macro_rules! checked_text_type {
    ($(#[$doc:meta])* $type:ident, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// The text form.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $type {
            type Error = Refusal;

            fn try_from(text: String) -> Result<Self, Refusal> {
                let check: fn(&str) -> Result<(), Refusal> = $check;
                check(&text).map(|()| Self(text))
            }
        }

        impl FromStr for $type {
            type Err = Refusal;

            fn from_str(text: &str) -> Result<Self, Refusal> {
                Self::try_from(text.to_owned())
            }
        }

        impl From<$type> for String {
            fn from(value: $type) -> String {
                value.0
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

checked_text_type! {
    /// A *Leistungsschlüssel*: 14 digits, of which the first two are 99 (federal catalogue) or a Land, 01 to 16.
    LeikaKey, |text| {
        let digits = text.len() == 14 && text.bytes().all(|b| b.is_ascii_digit());
        if digits && (text.starts_with("99") || is_land(&text[..2])) {
            Ok(())
        } else {
            Err(Refusal::new(Reason::LeikaInvalid).with("value", shortened(text)))
        }
    }
}

checked_text_type! {
    /// The id of an OZG service, which bundles LeiKa services: five digits.
    OzgId, |text| {
        if text.len() == 5 && text.bytes().all(|b| b.is_ascii_digit()) {
            Ok(())
        } else {
            Err(Refusal::new(Reason::OzgInvalid).with("value", shortened(text)))
        }
    }
}

checked_text_type! {
    /// An area: an *Amtlicher Regionalschlüssel* of 2 (Land), 3, 5 (Kreis), 9 or 12 (municipality) digits, or `*` for
    /// all of Germany. A shorter key covers every key it begins.
    Area, |text| {
        let regional = matches!(text.len(), 2 | 3 | 5 | 9 | 12)
            && text.bytes().all(|b| b.is_ascii_digit())
            && is_land(&text[..2]);
        if text == "*" || regional {
            Ok(())
        } else {
            Err(Refusal::new(Reason::ArsInvalid).with("value", shortened(text)))
        }
    }
}

fn is_land(two_digits: &str) -> bool {
    two_digits.parse::<u8>().is_ok_and(|land| (1..=16).contains(&land))
}

impl Area {
    /// Whether every place in `other` lies in this area.
    pub fn covers(&self, other: &Self) -> bool {
        self.0 == "*" || other.0.starts_with(&self.0)
    }
}

/// The Länder by the number that begins every regional key: short form and name.
const LANDS: [(&str, &str); 16] = [
    ("SH", "Schleswig-Holstein"),
    ("HH", "Hamburg"),
    ("NI", "Niedersachsen"),
    ("HB", "Bremen"),
    ("NW", "Nordrhein-Westfalen"),
    ("HE", "Hessen"),
    ("RP", "Rheinland-Pfalz"),
    ("BW", "Baden-Württemberg"),
    ("BY", "Bayern"),
    ("SL", "Saarland"),
    ("BE", "Berlin"),
    ("BB", "Brandenburg"),
    ("MV", "Mecklenburg-Vorpommern"),
    ("SN", "Sachsen"),
    ("ST", "Sachsen-Anhalt"),
    ("TH", "Thüringen"),
];

/// One of the sixteen Länder.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Land(usize);

impl Land {
    /// All of them, by number.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..LANDS.len()).map(Self)
    }

    /// The Land an area lies in; none for all of Germany.
    pub fn of(area: &Area) -> Option<Self> {
        let number: usize = area.as_str().get(..2)?.parse().ok()?;
        number.checked_sub(1).filter(|at| *at < LANDS.len()).map(Self)
    }

    /// Its place among all of them.
    pub fn index(self) -> usize {
        self.0
    }

    /// The two-letter short form.
    pub fn code(self) -> &'static str {
        LANDS[self.0].0
    }

    /// The name.
    pub fn name(self) -> &'static str {
        LANDS[self.0].1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: FromStr<Err = Refusal>>(text: &str, expected: Option<Reason>) {
        assert_eq!(text.parse::<T>().err().map(|refusal| refusal.reason), expected, "{text:?}");
    }

    #[test]
    fn keys_cannot_hold_a_wrong_value() {
        check::<LeikaKey>("99107023017000", None);
        check::<LeikaKey>("15107023017000", None);
        check::<LeikaKey>("9910702301700", Some(Reason::LeikaInvalid));
        check::<LeikaKey>("17107023017000", Some(Reason::LeikaInvalid));
        check::<LeikaKey>("nicht im LeiKa", Some(Reason::LeikaInvalid));
        check::<LeikaKey>("99äöü123456", Some(Reason::LeikaInvalid));
        check::<OzgId>("10092", None);
        check::<OzgId>("1009", Some(Reason::OzgInvalid));
        check::<Area>("150830040040", None);
        check::<Area>("*", None);
        check::<Area>("00", Some(Reason::ArsInvalid));
        check::<Area>("1508", Some(Reason::ArsInvalid));
    }

    #[test]
    fn a_shorter_area_covers_what_it_begins() {
        let area = |text: &str| text.parse::<Area>().expect("area");
        assert!(area("15").covers(&area("150830040040")));
        assert!(area("*").covers(&area("09")));
        assert!(!area("150830040040").covers(&area("15")));
        assert!(!area("09").covers(&area("150830040040")));
    }
}
