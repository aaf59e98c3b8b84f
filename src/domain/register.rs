//! Keys of public registers: LeiKa services, OZG services, areas and the Länder. The types cannot hold a wrong value.
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization as _;

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

impl LeikaKey {
    /// What it consists of: *Instanz*, *Leistungsgruppierung*, *Leistungskennung*, *Verrichtungskennung* and
    /// *Verrichtungsdetail*.
    pub fn parts(&self) -> [&str; 5] {
        let text = self.as_str();
        [&text[..2], &text[2..5], &text[5..8], &text[8..11], &text[11..]]
    }

    /// Refuses a detail of nothing: a *Verrichtungsdetail* without its *Verrichtung*.
    pub fn check_parts(&self) -> Result<(), Refusal> {
        match self.parts() {
            [_, _, _, "000", detail] if detail != "000" => Err(Refusal::new(Reason::LeikaInvalid)
                .with("value", self)
                .with("rule", "a detail needs its Verrichtung")),
            _ => Ok(()),
        }
    }
}

/// Highest *Leika-Typ* of the catalogue.
const LEIKA_TYPE_MAX: u8 = 11;

/// The set of *Leika-Typ* codes in a cell such as `1, 2/3`, in their order and each once. A code is a number from 1 to 11
/// with an optional letter a or b, or two of them joined by a slash.
pub fn leika_types(cell: &str) -> Result<Vec<String>, Refusal> {
    let is_number = |code: &str| {
        let digits = code.strip_suffix(['a', 'b']).unwrap_or(code);
        digits
            .parse::<u8>()
            .is_ok_and(|number| (1..=LEIKA_TYPE_MAX).contains(&number) && number.to_string() == digits)
    };
    let codes = cell.split(',').map(str::trim).filter(|code| !code.is_empty());
    let mut known: Vec<String> = Vec::new();
    for code in codes {
        if code.split('/').count() > 2 || !code.split('/').all(is_number) {
            return Err(Refusal::new(Reason::FieldInvalid)
                .with("field", "leika_types")
                .with("value", shortened(code)));
        }
        known.push(code.to_owned());
    }
    known.sort();
    known.dedup();
    Ok(known)
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

checked_text_type! {
    /// An *Amtlicher Gemeindeschlüssel*: eight digits, of which the first two are a Land.
    Ags, |text| {
        if text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit()) && is_land(&text[..2]) {
            Ok(())
        } else {
            Err(Refusal::new(Reason::ArsInvalid).with("value", shortened(text)).with("rule", "an AGS has 8 digits"))
        }
    }
}

impl Area {
    /// The municipality's key without its association, for a key of 12 digits.
    pub fn ags(&self) -> Option<Ags> {
        let text = Some(self.as_str()).filter(|text| text.len() == 12)?;
        format!("{}{}", &text[..5], &text[9..]).parse().ok()
    }

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

fn folded(name: &str) -> String {
    let letters = name.nfc().flat_map(char::to_lowercase).filter(|letter| letter.is_alphanumeric());
    letters.collect::<String>().replace('ä', "ae").replace('ö', "oe").replace('ü', "ue")
}

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

    /// The one with this short form or name, in whatever case, umlauts written out or not.
    pub fn named(text: &str) -> Option<Self> {
        let same = |name: &str| folded(name) == folded(text);
        Self::all().find(|land| same(land.code()) || same(land.name()))
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
        check::<Ags>("15083040", None);
        check::<Ags>("17083040", Some(Reason::ArsInvalid));
        check::<Ags>("1508304", Some(Reason::ArsInvalid));
    }

    #[test]
    fn keys_have_parts() {
        let key = |text: &str| text.parse::<LeikaKey>().expect("a key");
        assert_eq!(key("99107023017001").parts(), ["99", "107", "023", "017", "001"]);
        assert!(key("99107023000000").check_parts().is_ok() && key("99107023000001").check_parts().is_err());
        let area = |text: &str| text.parse::<Area>().expect("an area");
        assert_eq!(area("150830040040").ags().map(String::from).as_deref(), Some("15083040"));
        assert_eq!(area("15083").ags(), None);
    }

    #[test]
    fn types_are_a_set_of_codes() {
        assert_eq!(leika_types("2/3, 1").expect("codes"), ["1", "2/3"]);
        assert_eq!(leika_types("").expect("none"), [""; 0]);
        assert_eq!(leika_types("2a,2a").expect("codes"), ["2a"]);
        for wrong in ["44", "0", "x", "1/2/3", "2//3", "+1", "01"] {
            assert_eq!(leika_types(wrong).expect_err(wrong).reason, Reason::FieldInvalid);
        }
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
