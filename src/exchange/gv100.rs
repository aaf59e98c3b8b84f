//! GV100AD, the register of municipalities of the Federal Statistical Office, as its raw file of fixed-width lines.
//!
//! ```text
//! 1-2    kind: 10 Land, 20 Regierungsbezirk, 30 Region, 40 Kreis, 50 Gemeindeverband, 60 Gemeinde
//! 3-10   day of the state, YYYYMMDD        19-22  Gemeindeverband
//! 11-18  Land, RB, Kreis, Gemeinde (AGS)   23-72  name
//! 123-124 kind of municipality, 60 to 67   129-139 area in hectares   140-150 inhabitants   166-170 postcode
//! ```
//!
//! Places count characters, not bytes: since 2024 the file is UTF-8, before it was ISO 8859-1.
use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use serde_json::{Value, json};

use crate::domain::id::shortened;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::register::{Ags, Area};
use crate::domain::text::{checked_text, required};
use crate::domain::time::Date;
use crate::exchange::finding::{Fate, Finding, Import};
use crate::exchange::source::decoded;

/// Width of the name.
const NAME_CHARS_MAX: usize = 50;

/// Most characters of a line that are looked at: the file has 220.
const LINE_CHARS_MAX: usize = 400;

/// Most lines: ten times those of 2025 (16,000).
const LINES_MAX: usize = 160_000;

/// A municipality.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Municipality {
    /// *Amtlicher Regionalschlüssel*, 12 digits.
    pub ars: Area,
    /// *Amtlicher Gemeindeschlüssel*, 8 digits.
    pub ags: Ags,
    /// Its name; the format cuts it at 50 characters.
    pub name: String,
    /// 60 to 67, as in the register: 61 is a *kreisfreie Stadt*, 64 a municipality, 66 an area without municipality.
    pub kind: u8,
    /// In hectares.
    pub area_ha: u32,
    /// Inhabitants.
    pub inhabitants: u32,
    /// Postcode of its seat; empty where there is none.
    pub postcode: String,
}

/// The register on one day.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Edition {
    /// Its day.
    pub day: Option<Date>,
    /// The municipalities by their AGS, and what was wrong.
    pub municipalities: Import<Municipality>,
    /// The names of Länder, districts and associations by their keys.
    pub regions: BTreeMap<Area, String>,
}

/// Lines of one kind, and the length of their key: Land, Regierungsbezirk, Region, Kreis, Gemeindeverband, Gemeinde.
const KINDS: [(&str, usize); 6] = [("10", 2), ("20", 3), ("30", 4), ("40", 5), ("50", 9), ("60", 12)];

/// Reads a raw file. A line that does not hold is left out and told.
pub fn read(bytes: &[u8]) -> Result<Edition, Refusal> {
    let (text, findings) = decoded(bytes)?;
    let municipalities = Import { taken: Vec::new(), findings, records: 0 };
    let mut edition = Edition { day: None, municipalities, regions: BTreeMap::new() };
    let mut seen = BTreeSet::new();
    for (at, line) in text.lines().enumerate() {
        if line.trim_matches(['\u{1a}', ' ']).is_empty() {
            continue;
        }
        if at == LINES_MAX {
            return Err(Refusal::new(Reason::FileTooLarge).with("lines_max", LINES_MAX));
        }
        if let Err((field, refusal)) = edition.take(&Line::of(line), &mut seen) {
            let finding = Finding { line: at + 1, field: field.to_owned(), refusal, fate: Fate::RecordLeftOut };
            edition.municipalities.findings.push(finding);
        }
    }
    if edition.municipalities.records == 0 {
        return Err(Refusal::new(Reason::RowMisshaped).with("line", 1).with("rule", "no line of kind 60 (Gemeinde)"));
    }
    edition.municipalities.findings.sort_by_key(|finding| finding.line);
    edition.municipalities.taken.sort_by(|a, b| a.ags.cmp(&b.ags));
    Ok(edition)
}

impl Edition {
    fn take(&mut self, line: &Line, seen: &mut BTreeSet<Ags>) -> Result<(), (&'static str, Refusal)> {
        let kind = line.text(0, 2);
        self.municipalities.records += usize::from(kind == "60");
        let known = KINDS.iter().find(|(word, _)| *word == kind);
        let (_, digits) =
            known.ok_or_else(|| ("kind", Refusal::new(Reason::RowMisshaped).with("value", shortened(&kind))))?;
        let day = line.day()?;
        if *self.day.get_or_insert(day) != day {
            return Err((
                "day",
                Refusal::new(Reason::TimeInvalid).with("value", day).with("rule", "one file, one day"),
            ));
        }
        let name = line.text(22, 72);
        required("value", &name)
            .and_then(|()| checked_text("value", &name, NAME_CHARS_MAX))
            .map_err(|e| ("name", e))?;
        if *digits != 12 {
            // A region (Baden-Württemberg) has no place in the regional key.
            if let Ok(area) = line.key(*digits).parse() {
                self.regions.insert(area, name);
            } else if *digits != 4 {
                return Err(("key", Refusal::new(Reason::ArsInvalid).with("value", line.key(*digits))));
            }
            return Ok(());
        }
        let ars: Area = line.key(12).parse().map_err(|refusal| ("key", refusal))?;
        let ags = ars.ags().ok_or_else(|| ("key", Refusal::new(Reason::ArsInvalid).with("value", &ars)))?;
        let municipality = Municipality {
            kind: line.number("kind", 122, 124)?,
            area_ha: line.number("area", 128, 139)?,
            inhabitants: line.number("inhabitants", 139, 150)?,
            postcode: line.text(165, 170),
            ars,
            ags: ags.clone(),
            name,
        };
        check_kind(municipality.kind).and_then(|()| check_postcode(&municipality.postcode))?;
        if !seen.insert(ags) {
            return Err(("key", Refusal::new(Reason::RecordTwice).with("value", municipality.ags)));
        }
        self.municipalities.taken.push(municipality);
        Ok(())
    }

    /// The municipality of that key.
    pub fn find(&self, ags: &Ags) -> Option<&Municipality> {
        let taken = &self.municipalities.taken;
        taken.binary_search_by(|municipality| municipality.ags.cmp(ags)).ok().map(|at| &taken[at])
    }
}

fn check_kind(kind: u8) -> Result<(), (&'static str, Refusal)> {
    let refuse = || ("kind", Refusal::new(Reason::RowMisshaped).with("value", kind));
    if (60..=69).contains(&kind) { Ok(()) } else { Err(refuse()) }
}

fn check_postcode(postcode: &str) -> Result<(), (&'static str, Refusal)> {
    let good = postcode.is_empty() || postcode.len() == 5 && postcode.bytes().all(|b| b.is_ascii_digit());
    let refuse = || ("postcode", Refusal::new(Reason::RowMisshaped).with("value", shortened(postcode)));
    if good { Ok(()) } else { Err(refuse()) }
}

/// A line by its characters.
struct Line(Vec<char>);

impl Line {
    fn of(line: &str) -> Self {
        Self(line.trim_end_matches('\r').chars().take(LINE_CHARS_MAX).collect())
    }

    /// Without blanks around it; shorter or empty where the line ends before.
    fn text(&self, from: usize, to: usize) -> String {
        let end = to.min(self.0.len());
        self.0.get(from..end).unwrap_or_default().iter().collect::<String>().trim().to_owned()
    }

    /// The regional key of so many digits: the association stands behind the municipality in the line, before it in the key.
    fn key(&self, digits: usize) -> String {
        let [land, municipality, association] = [(10, 15), (15, 18), (18, 22)].map(|(from, to)| self.text(from, to));
        format!("{land}{association}{municipality}").chars().take(digits).collect()
    }

    fn number<T: FromStr>(&self, field: &'static str, from: usize, to: usize) -> Result<T, (&'static str, Refusal)> {
        let text = self.text(from, to);
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let refuse = || (field, Refusal::new(Reason::RowMisshaped).with("value", &text));
        text.parse().ok().filter(|_| digits).ok_or_else(refuse)
    }

    fn day(&self) -> Result<Date, (&'static str, Refusal)> {
        let text = self.text(2, 10);
        let refuse = || ("day", Refusal::new(Reason::TimeInvalid).with("value", &text));
        let part = |from, to| text.get(from..to).unwrap_or("");
        format!("{}-{}-{}", part(0, 4), part(4, 6), part(6, 8)).parse().map_err(|_: Refusal| refuse())
    }
}

/// The columns of the checked register.
pub const CHECKED: [&str; 7] = ["ars", "ags", "name", "kind", "area_ha", "inhabitants", "postcode"];

impl Municipality {
    /// Its row in the checked register.
    pub fn cells(&self) -> Vec<Value> {
        vec![
            self.ars.as_str().into(),
            self.ags.as_str().into(),
            self.name.as_str().into(),
            self.kind.into(),
            self.area_ha.into(),
            self.inhabitants.into(),
            self.postcode.as_str().into(),
        ]
    }

    /// For programs.
    pub fn json(&self) -> Value {
        json!({
            "ars": self.ars, "ags": self.ags, "name": self.name, "kind": self.kind, "area_ha": self.area_ha,
            "inhabitants": self.inhabitants, "postcode": self.postcode,
        })
    }
}

#[cfg(test)]
pub(in crate::exchange) mod tests {
    use super::*;

    /// A line of the raw file.
    pub(in crate::exchange) fn line(kind: &str, key: &str, association: &str, name: &str, rest: &str) -> String {
        format!("{kind}20250831{key:<8}{association:<4}{name:<100}{rest}")
    }

    /// What follows the name of a municipality.
    pub(in crate::exchange) fn figures(area: u32, inhabitants: u32) -> String {
        format!("64    {area:011}{inhabitants:011}{:011}    39179*****", inhabitants / 2)
    }

    fn found(line: &str) -> Import<Municipality> {
        let good = self::line("60", "15083040", "0040", "Barleben", &figures(2_977, 9_300));
        read(format!("\u{feff}{good}\r\n{line}\r\n").as_bytes()).expect("an edition").municipalities
    }

    #[test]
    fn a_line_becomes_a_municipality() {
        let region = line("50", "15083", "5051", "Obere Aller", "51");
        let import = found(&region);
        assert_eq!(import.findings, []);
        let barleben = &import.taken[0];
        assert_eq!((barleben.ars.as_str(), barleben.ags.as_str()), ("150830040040", "15083040"));
        assert_eq!((barleben.area_ha, barleben.inhabitants, barleben.postcode.as_str()), (2_977, 9_300, "39179"));
    }

    #[test]
    fn every_fault_is_told_with_line_and_field() {
        let good = line("60", "15085135", "0135", "Halberstadt, Stadt", &figures(14_300, 37_898));
        let spoilt = |from: usize, text: &str| {
            let mut chars: Vec<char> = good.chars().collect();
            chars.splice(from..from + text.chars().count(), text.chars());
            chars.into_iter().collect::<String>()
        };
        let twice = line("60", "15083040", "0040", "Barleben", &figures(1, 1));
        for (line, field, reason) in [
            (spoilt(0, "61"), "kind", Reason::RowMisshaped),
            (spoilt(2, "20251331"), "day", Reason::TimeInvalid),
            (spoilt(2, "20240831"), "day", Reason::TimeInvalid),
            (spoilt(10, "17"), "key", Reason::ArsInvalid),
            (spoilt(18, " "), "key", Reason::ArsInvalid),
            (spoilt(22, &" ".repeat(50)), "name", Reason::FieldInvalid),
            (spoilt(22, "\u{202e}"), "name", Reason::TextHides),
            (spoilt(122, "99"), "kind", Reason::RowMisshaped),
            (spoilt(130, "x"), "area", Reason::RowMisshaped),
            (spoilt(139, "99999999999"), "inhabitants", Reason::RowMisshaped),
            (spoilt(139, "-"), "inhabitants", Reason::RowMisshaped),
            (spoilt(165, "3917a"), "postcode", Reason::RowMisshaped),
            (good.chars().take(80).collect(), "kind", Reason::RowMisshaped),
            (twice.clone(), "key", Reason::RecordTwice),
            ("ars;ags;name".to_owned(), "kind", Reason::RowMisshaped),
        ] {
            let import = found(&line);
            let [finding] = &import.findings[..] else { panic!("{line}: {:?}", import.findings) };
            assert_eq!((finding.line, finding.field.as_str()), (2, field), "{line}");
            assert_eq!((finding.refusal.reason, import.taken.len()), (reason, 1), "{line}: {}", finding.refusal);
        }
        assert_eq!(found(&good).taken.len(), 2);
    }

    #[test]
    fn what_is_no_register_is_refused() {
        for bytes in [&b""[..], b"a,b\n1,2\n", b"\x89PNG\r\n\x1a\n", b"\x00\x05\x16\x07"] {
            assert!(read(bytes).is_err());
        }
        let latin: Vec<u8> = line("60", "09162000", "0000", "M\u{fc}nchen", &figures(31_071, 1_500_000))
            .chars()
            .map(|c| u8::try_from(u32::from(c)).expect("Latin-1"))
            .collect();
        let import = read(&latin).expect("an edition").municipalities;
        assert_eq!(import.taken[0].name, "München");
        assert_eq!(import.findings[0].refusal.reason, Reason::EncodingWrong);
    }
}
