//! What changed between two editions of the register of municipalities, and what follows for a federation: proposals of
//! succession, which trustees look at and sign.
//!
//! The official list of changes says who became part of whom and when. Two editions alone say only who is gone; where the
//! area of exactly one municipality (or of a new one) has grown by just what vanished, that is a hint and called one.
use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::domain::reason::{Lang, Reason, Refusal};
use crate::domain::register::{Ags, Area};
use crate::domain::time::Date;
use crate::exchange::finding::{Fate, Finding, Import};
use crate::exchange::gv100::{Edition, Municipality};
use crate::exchange::table::{Column, Table};

/// By how much two measurements of one area may differ, in hectares for each municipality that vanished: the register
/// rounds each to whole hectares.
const ROUNDING_HA: u32 = 2;

/// What happened to a municipality.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// It exists no longer. `into` is who has its area now, where that is known.
    Ended {
        /// As it was.
        was: Municipality,
        /// Who goes on.
        into: Option<Successor>,
    },
    /// It is new.
    Began {
        /// As it is.
        is: Municipality,
    },
    /// It has another name.
    Renamed {
        /// As it was.
        was: Municipality,
        /// As it is.
        is: Municipality,
    },
    /// Same municipality, another regional key.
    Rekeyed {
        /// As it was.
        was: Municipality,
        /// As it is.
        is: Municipality,
    },
}

/// Who goes on, since when, and how that is known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Successor {
    /// Its regional key.
    pub ars: Area,
    /// Its name.
    pub name: String,
    /// First day; with two editions alone the day of the later one, at which it had happened at the latest.
    pub on: Date,
    /// From the official list; otherwise concluded from the areas.
    pub official: bool,
}

/// A line of the official list of changes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Official {
    /// The municipality concerned.
    pub was: Ags,
    /// What it is part of, or called, afterwards.
    pub is: Ags,
    /// Since when.
    pub on: Date,
}

const COLUMNS: [Column; 4] = [
    Column { field: "ags_vorher", names: &["AGS alt", "AGS vorher", "ags_alt"], required: true },
    Column { field: "ags_nachher", names: &["AGS neu", "AGS nachher", "ags_neu"], required: true },
    Column { field: "wirksam", names: &["rechtliche Wirksamkeit", "Wirksamkeit", "Datum"], required: true },
    Column { field: "art", names: &["Änderungsart", "Art der Änderung"], required: false },
];

/// Of the kinds of change only a dissolution (1) ends a municipality, and a change of the key (3) renames its key; a part
/// that is carved out (2) and another name (4) do not.
const ENDING: [&str; 5] = ["", "1", "3", "Auflösung", "Schlüsseländerung"];

/// Reads the official list (*Namens-, Grenz- und Schlüsseländerungen*), saved as CSV.
pub fn official(bytes: &[u8]) -> Result<Import<Official>, Refusal> {
    let table = Table::read(bytes, &COLUMNS)?;
    let mut import = Import { taken: Vec::new(), findings: table.findings.clone(), records: table.records };
    for row in &table.rows {
        let ags = |field| table.cell(row, field).parse::<Ags>().map_err(|refusal| (field, refusal));
        let read = || {
            let on = day(table.cell(row, "wirksam")).map_err(|refusal| ("wirksam", refusal))?;
            Ok(Official { was: ags("ags_vorher")?, is: ags("ags_nachher")?, on })
        };
        match read() {
            Ok(_) if !ENDING.contains(&table.cell(row, "art")) => {}
            Ok(change) => import.taken.push(change),
            Err((field, refusal)) => {
                let field = String::from(field);
                import.findings.push(Finding { line: row.line, field, refusal, fate: Fate::RecordLeftOut });
            }
        }
    }
    import.findings.sort_by_key(|finding| finding.line);
    Ok(import)
}

/// A day as the offices write it, `01.01.2026`, or as programs do.
fn day(text: &str) -> Result<Date, Refusal> {
    let parts: Vec<&str> = text.split('.').collect();
    match parts[..] {
        [day, month, year] => format!("{year}-{month:0>2}-{day:0>2}").parse(),
        _ => text.parse(),
    }
}

/// What changed from one edition to a later one, by key. `INTERVAL_INVALID` if the second is not the later one.
pub fn changes(before: &Edition, after: &Edition, official: &[Official]) -> Result<Vec<Change>, Refusal> {
    let days = before.day.zip(after.day).filter(|(first, second)| first < second);
    let (_, day) = days.ok_or_else(|| Refusal::new(Reason::IntervalInvalid).with("field", "before"))?;
    let mut found = Vec::new();
    let mut ended = Vec::new();
    for was in &before.municipalities.taken {
        match after.find(&was.ags) {
            None => ended.push(was),
            Some(is) if is.ars != was.ars => found.push(Change::Rekeyed { was: was.clone(), is: is.clone() }),
            Some(is) if is.name != was.name => found.push(Change::Renamed { was: was.clone(), is: is.clone() }),
            Some(_) => {}
        }
    }
    let listed: BTreeMap<&Ags, &Official> = official.iter().map(|change| (&change.was, change)).collect();
    let hints = hints(&ended, before, after, day);
    for was in ended {
        let into = match listed.get(&was.ags) {
            Some(change) => after.find(&change.is).map(|is| successor(is, change.on, true)),
            None => hints.get(&was.ags).cloned(),
        };
        found.push(Change::Ended { was: was.clone(), into });
    }
    let is_new = |is: &&Municipality| before.find(&is.ags).is_none();
    found.extend(after.municipalities.taken.iter().filter(is_new).map(|is| Change::Began { is: is.clone() }));
    found.sort_by(|a, b| a.ags().cmp(b.ags()));
    Ok(found)
}

fn successor(is: &Municipality, on: Date, official: bool) -> Successor {
    Successor { ars: is.ars.clone(), name: is.name.clone(), on, official }
}

/// Who has grown by what vanished in the same district: by one alone, or by all that vanished there.
fn hints(ended: &[&Municipality], before: &Edition, after: &Edition, day: Date) -> BTreeMap<Ags, Successor> {
    let district = |municipality: &Municipality| municipality.ags.as_str()[..5].to_owned();
    let mut grown: BTreeMap<String, Vec<(u32, &Municipality)>> = BTreeMap::new();
    for is in &after.municipalities.taken {
        let had = before.find(&is.ags).map_or(0, |was| was.area_ha);
        if is.area_ha > had {
            grown.entry(district(is)).or_default().push((is.area_ha - had, is));
        }
    }
    let only = |place: &str, area: u32, count: usize| {
        let near = |growth: u32| growth.abs_diff(area) <= ROUNDING_HA * u32::try_from(count).unwrap_or(u32::MAX);
        let mut fitting = grown.get(place).into_iter().flatten().filter(|(growth, _)| near(*growth));
        match (fitting.next(), fitting.next()) {
            (Some((_, is)), None) => Some(successor(is, day, false)),
            _ => None,
        }
    };
    let mut by_district: BTreeMap<String, Vec<&Municipality>> = BTreeMap::new();
    ended.iter().for_each(|was| by_district.entry(district(was)).or_default().push(was));
    let mut hints = BTreeMap::new();
    for (place, gone) in by_district {
        let together = gone.iter().fold(0_u32, |sum, was| sum.saturating_add(was.area_ha));
        for was in &gone {
            let found = only(&place, was.area_ha, 1).or_else(|| only(&place, together, gone.len()));
            hints.extend(found.map(|found| (was.ags.clone(), found)));
        }
    }
    hints
}

impl Change {
    /// The key concerned.
    pub fn ags(&self) -> &Ags {
        match self {
            Self::Ended { was, .. } | Self::Renamed { was, .. } | Self::Rekeyed { was, .. } => &was.ags,
            Self::Began { is } => &is.ags,
        }
    }

    /// In words.
    pub fn text(&self, lang: Lang) -> String {
        let say = |de: &'static str, en: &'static str| if lang == Lang::De { de } else { en };
        match self {
            Self::Ended { was, into: None } => {
                format!("{} {} {}", was.ags, was.name, say("gibt es nicht mehr", "exists no longer"))
            }
            Self::Ended { was, into: Some(into) } => {
                let how = match into.official {
                    true => say("laut Änderungsliste", "by the list of changes"),
                    false => say("aus den Flächen geschlossen, prüfen", "concluded from the areas, check"),
                };
                let word = say("geht auf in", "becomes part of");
                format!("{} {} {word} {} {} ({how})", was.ags, was.name, into.ars, into.name)
            }
            Self::Began { is } => format!("{} {} {}", is.ags, is.name, say("ist neu", "is new")),
            Self::Renamed { was, is } => {
                format!("{} {} {} {}", was.ags, was.name, say("heißt jetzt", "is now called"), is.name)
            }
            Self::Rekeyed { was, is } => {
                format!(
                    "{} {}: {} {} → {}",
                    was.ags,
                    is.name,
                    say("Regionalschlüssel", "regional key"),
                    was.ars,
                    is.ars
                )
            }
        }
    }

    /// For programs.
    pub fn json(&self) -> Value {
        match self {
            Self::Ended { was, into } => json!({
                "change": "ended", "ars": was.ars, "ags": was.ags, "name": was.name,
                "successor": into.as_ref().map(|into| json!({
                    "ars": into.ars, "name": into.name, "on": into.on, "official": into.official,
                })),
            }),
            Self::Began { is } => json!({"change": "began", "ars": is.ars, "ags": is.ags, "name": is.name}),
            Self::Renamed { was, is } => {
                json!({"change": "renamed", "ars": was.ars, "ags": was.ags, "name": was.name, "new_name": is.name})
            }
            Self::Rekeyed { was, is } => {
                json!({"change": "rekeyed", "ars": was.ars, "ags": was.ags, "name": is.name, "new_ars": is.ars})
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::gv100::read;
    use crate::exchange::gv100::tests::{figures, line};

    fn edition(day: &str, places: &[(&str, &str, u32)]) -> Edition {
        let lines = places.iter().map(|(ags, name, area)| {
            let association = format!("0{}", &ags[5..]);
            line("60", ags, &association, name, &figures(*area, 100)).replace("20250831", day) + "\n"
        });
        read(lines.collect::<String>().as_bytes()).expect("an edition")
    }

    fn told(before: &Edition, after: &Edition, official: &[Official]) -> Vec<String> {
        let found = changes(before, after, official).expect("changes");
        found.iter().map(|change| change.text(Lang::De)).collect()
    }

    #[test]
    fn mergers_names_and_keys_are_seen() {
        let before = edition(
            "20250831",
            &[("15001001", "A", 100), ("15001002", "B", 50), ("15002001", "C", 70), ("15003001", "D", 9)],
        );
        let after =
            edition("20260131", &[("15001001", "A", 151), ("15002001", "C-Stadt", 70), ("15003002", "E", 10)]);
        assert_eq!(
            told(&before, &after, &[]),
            [
                "15001002 B geht auf in 150010001001 A (aus den Flächen geschlossen, prüfen)",
                "15002001 C heißt jetzt C-Stadt",
                "15003001 D geht auf in 150030002002 E (aus den Flächen geschlossen, prüfen)",
                "15003002 E ist neu",
            ]
        );
        assert!(changes(&after, &before, &[]).is_err());
    }

    #[test]
    fn where_areas_leave_doubt_only_the_official_list_names_a_successor() {
        let before = edition("20250831", &[("15001001", "A", 100), ("15001002", "B", 50), ("15001003", "C", 100)]);
        let after = edition("20260131", &[("15001001", "A", 150), ("15001003", "C", 150)]);
        assert_eq!(told(&before, &after, &[]), ["15001002 B gibt es nicht mehr"]);
        let list = "AGS vorher;AGS nachher;Wirksamkeit;Änderungsart\r\n15001002;15001003;01.01.2026;1\r\n\
                    15001001;15001003;1.1.2026;2\r\n1500100;15001003;01.01.2026;1\r\n15001002;15001003;32.01.2026;1\r\n";
        let list = official(list.as_bytes()).expect("a list");
        assert_eq!(list.taken.len(), 1);
        let faults: Vec<_> = list.findings.iter().map(|finding| (finding.line, finding.field.as_str())).collect();
        assert_eq!(faults, [(4, "ags_vorher"), (5, "wirksam")]);
        assert_eq!(
            told(&before, &after, &list.taken),
            ["15001002 B geht auf in 150010003003 C (laut Änderungsliste)"]
        );
    }
}
