//! Pre-sorting: the readable table of `tests/data/presorting.toml`, and that whatever gets better never falls behind.
use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::Deserialize;

use verbund::domain::connection::{ConnectionProfile, ConnectionReport, Outcome, Requirement};
use verbund::domain::fit::{
    Asking, FactorKind, Place, Rank, Trials, Way, factors, gaps, points_known, points_of_price, points_of_way,
};
use verbund::domain::money::Cents;
use verbund::domain::offering::{Maturity, MaturityModel, Offering};
use verbund::domain::reason::Lang;

use crate::federation::{day, name, wohngeld};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    reason: String,
    inhabitants: Option<u32>,
    land: Option<String>,
    profile: Option<Profile>,
    expected: Vec<String>,
    offering: BTreeMap<String, Offered>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Profile {
    portals: Vec<String>,
    systems: Vec<String>,
    provides: Vec<Requirement>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Offered {
    way: String,
    yearly: Option<i64>,
    #[serde(default)]
    portals: Vec<String>,
    #[serde(default)]
    systems: Vec<String>,
    #[serde(default)]
    requires: Vec<Requirement>,
    maturity: Option<u8>,
    #[serde(default)]
    reports: Vec<Tried>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tried {
    portal: String,
    land: String,
    outcome: Outcome,
}

const WAYS: [Way; 6] = [Way::Own, Way::Fulfilled, Way::Assumed, Way::Contested, Way::NotProven, Way::None];

fn profile(portals: Vec<String>, systems: Vec<String>, provides: Vec<Requirement>) -> ConnectionProfile {
    ConnectionProfile {
        municipality: name("barleben"),
        version: 1,
        portals,
        specialised_systems: systems,
        connection: vec!["fit-connect".to_owned()],
        provides,
        bus: None,
        source: "Test".to_owned(),
        assumed: Vec::new(),
    }
}

fn place(land: Option<&String>, inhabitants: Option<u32>) -> Place {
    Place { area: land.map(|land| land.parse().expect("an area")), inhabitants }
}

/// What is on offer, and what is known beside it.
#[derive(Debug)]
struct Known {
    offering: Offering,
    trials: Trials,
    way: Way,
    yearly: Option<Cents>,
}

impl Known {
    fn rank(&self, asking: &Asking) -> Rank {
        let Self { offering, trials, way, yearly } = self;
        let points = points_known(asking, offering, *trials) + points_of_way(*way) + points_of_price(asking, *yearly);
        let told = factors(asking, offering, *trials, *way, *yearly);
        assert_eq!(told.iter().map(|factor| factor.points).sum::<u32>(), points, "what is told is what counts");
        told.iter().for_each(|factor| assert!(factor.points <= factor.kind.most(), "{factor:?}"));
        Rank { is_blocked: !way.holds(), points, yearly: *yearly }
    }
}

fn known(asking: &Asking, offered: &Offered) -> Known {
    let trials = offered.reports.iter().filter_map(|tried| {
        let report = ConnectionReport {
            municipality: name("halberstadt"),
            portal: tried.portal.clone(),
            offering: None,
            outcome: Some(tried.outcome),
            result: "so".to_owned(),
            reported_on: day("2026-05-01"),
            source: "Test".to_owned(),
        };
        asking.trial(&report, &place(Some(&tried.land), None))
    });
    let maturity = offered.maturity.map(|level| Maturity::new(MaturityModel::V1_1, level).expect("a level"));
    Known {
        trials: Trials::of(trials),
        way: *WAYS.iter().find(|way| way.word() == offered.way).expect("a way"),
        yearly: offered.yearly.map(|cents| Cents::try_from(cents).expect("an amount")),
        offering: Offering {
            portals: offered.portals.clone(),
            specialised_systems: offered.systems.clone(),
            requires: offered.requires.clone(),
            maturity,
            ..wohngeld()
        },
    }
}

#[test]
fn every_case_is_sorted_as_a_person_would() {
    let cases: Cases = toml::from_str(include_str!("../data/presorting.toml")).expect("a readable table");
    assert!(cases.case.len() >= 10, "the table has its cases");
    for Case { reason, inhabitants, land, profile: runs, expected, offering } in cases.case {
        let runs = runs.map(|runs| profile(runs.portals, runs.systems, runs.provides));
        let asking = Asking::new(runs.as_ref(), place(land.as_ref(), inhabitants));
        let ranks = offering.iter().map(|(name, offered)| (known(&asking, offered).rank(&asking), name.as_str()));
        let mut ranks: Vec<(Rank, &str)> = ranks.collect();
        ranks.sort();
        let order: Vec<&str> = ranks.iter().map(|(_, name)| *name).collect();
        assert_eq!(order, expected, "{reason}\n{ranks:?}");
    }
}

#[test]
fn the_weights_add_up_to_a_hundred_and_each_has_its_words() {
    assert_eq!(FactorKind::ALL.iter().map(|kind| kind.most()).sum::<u32>(), 100);
    for kind in FactorKind::ALL {
        assert_ne!(kind.text(Lang::De), "");
        assert_ne!(kind.text(Lang::En), "");
    }
}

#[test]
fn what_is_left_to_do_is_told() {
    let town = profile(vec!["IKISS".to_owned()], Vec::new(), vec![Requirement::Account]);
    let asking = Asking::new(Some(&town), Place::default());
    let offering = Offering {
        portals: vec!["IKISS".to_owned()],
        requires: vec![Requirement::Account, Requirement::Payment],
        connection: vec!["FIT-Connect".to_owned()],
        ..wohngeld()
    };
    let words: Vec<&str> = gaps(&asking, &offering, Way::NotProven).iter().map(|gap| gap.word()).collect();
    assert_eq!(words, ["route", "system", "payment", "website"]);
    let nobody = Asking::new(None, Place::default());
    assert!(gaps(&nobody, &offering, Way::Own).iter().any(|gap| gap.word() == "profile"));
}

fn some_of(all: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
    proptest::sample::subsequence(all, 0..=all.len()).prop_map(|some| some.into_iter().map(str::to_owned).collect())
}

fn requirements() -> impl Strategy<Value = Vec<Requirement>> {
    proptest::sample::subsequence(&Requirement::ALL[..], 0..=4)
}

prop_compose! {
    fn any_known()(
        portals in some_of(&["IKISS", "brain-SCC", "dBürgerportal"]),
        systems in some_of(&["OK.SOZIUS", "PROSOZ", "MESO"]),
        connection in some_of(&["fit-connect", "osci-xta"]),
        requires in requirements(),
        level in proptest::option::of(0_u8..=7),
        way in proptest::sample::select(&WAYS[..]),
        yearly in proptest::option::of(0_i64..20_000_000),
        counts in (0_u32..3, 0_u32..3, 0_u32..3, 0_u32..3),
    ) -> Known {
        let (passed_here, passed_alike, passed, failed_here) = counts;
        Known {
            offering: Offering {
                portals,
                specialised_systems: systems,
                connection,
                requires,
                maturity: level.map(|level| Maturity::new(MaturityModel::V2_0, level).expect("a level")),
                ..wohngeld()
            },
            trials: Trials { passed_here, passed_alike, passed, failed_here },
            way,
            yearly: yearly.map(|cents| Cents::try_from(cents).expect("an amount")),
        }
    }
}

/// The same with one thing better for the municipality.
fn better(known: &Known, town: &ConnectionProfile, how: usize) -> Option<Known> {
    let Known { offering, trials, way, yearly } = known;
    let mut better = Known { offering: offering.clone(), trials: *trials, way: *way, yearly: *yearly };
    match how {
        0 => better.offering.portals.push(town.portals.first()?.clone()),
        1 => better.offering.specialised_systems.push(town.specialised_systems.first()?.clone()),
        2 => better.offering.connection.push(town.connection.first()?.clone()),
        3 => drop(better.offering.requires.pop()?),
        4 => {
            let level = offering.maturity.map_or(0, |maturity| maturity.level() + 1);
            better.offering.maturity = Some(Maturity::new(MaturityModel::V2_0, level).ok()?);
        }
        5 => better.way = *WAYS.iter().rev().find(|one| *one < way)?,
        6 => better.yearly = Some(Cents::try_from(yearly.map_or(10_000_000, |cents| cents.get() / 2)).ok()?),
        7 => better.trials.passed_here += 1,
        8 => better.trials.passed_alike += 1,
        9 => better.trials.passed += 1,
        _ => better.trials.failed_here = trials.failed_here.checked_sub(1)?,
    }
    Some(better)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Among any others, an offering that gets better for the municipality never falls behind one that it was ahead of.
    #[test]
    fn what_gets_better_never_falls_behind(
        one in any_known(),
        other in any_known(),
        how in 0_usize..=10,
        portals in some_of(&["IKISS", "brain-SCC"]),
        systems in some_of(&["OK.SOZIUS", "PROSOZ"]),
        provides in requirements(),
        inhabitants in proptest::option::of(500_u32..2_000_000),
    ) {
        let town = profile(portals, systems, provides);
        let asking = Asking::new(Some(&town), Place { area: None, inhabitants });
        if let Some(improved) = better(&one, &town, how) {
            let (before, after, other) = (one.rank(&asking), improved.rank(&asking), other.rank(&asking));
            prop_assert!(after <= before, "{after:?} after {before:?}");
            if before <= other {
                prop_assert!(after <= other);
            }
        }
    }
}
