//! How well an offering fits a municipality: points for what is known to fit, nothing for what is unknown, and a list of
//! what would be left to do. The weights stand here, and nowhere else; every answer shows them.
//!
//! Each factor only rises with what is better for the municipality, so an offering that improves never falls behind. That
//! nothing is known earns nothing: a seller who states more cannot lose by it.
use std::cmp::{Ordering, Reverse};

use crate::domain::connection::{ConnectionProfile, ConnectionReport, Outcome, Requirement};
use crate::domain::law::Verdict;
use crate::domain::money::Cents;
use crate::domain::offering::{MaturityModel, Offering};
use crate::domain::reason::Lang;
use crate::domain::register::{Area, Land};
use crate::domain::route::{FoundRoutes, JudgedRoute};

/// What counts, in the order in which it is told. The most points of all are 100.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum FactorKind {
    /// Whether a lawful route leads to the seller.
    Route,
    /// Whether it is connected to a portal that the municipality runs.
    Portal,
    /// Whether it delivers to a *Fachverfahren* that the municipality runs.
    System,
    /// Whether both know one *Anbindungsart*.
    Connection,
    /// Whether everything is there that it needs.
    Requirements,
    /// What it costs the municipality in a year, for each inhabitant.
    Price,
    /// OZG maturity.
    Maturity,
    /// Whether it passed trials, here or in similar municipalities.
    Trials,
}

impl FactorKind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Route,
        Self::Portal,
        Self::System,
        Self::Connection,
        Self::Requirements,
        Self::Price,
        Self::Maturity,
        Self::Trials,
    ];

    /// Most points it can give: its weight.
    pub fn most(self) -> u32 {
        match self {
            Self::Route => 30,
            Self::Portal | Self::System => 15,
            Self::Connection | Self::Maturity => 5,
            Self::Requirements | Self::Price | Self::Trials => 10,
        }
    }

    /// Its stable name.
    pub fn word(self) -> &'static str {
        match self {
            Self::Route => "route",
            Self::Portal => "portal",
            Self::System => "system",
            Self::Connection => "connection",
            Self::Requirements => "requirements",
            Self::Price => "price",
            Self::Maturity => "maturity",
            Self::Trials => "trials",
        }
    }

    /// The words for a person.
    pub fn text(self, lang: Lang) -> &'static str {
        match self {
            Self::Route => say(lang, "Weg nach § 108 GWB", "route under section 108 GWB"),
            Self::Portal => say(lang, "Portal", "portal"),
            Self::System => say(lang, "Fachverfahren", "specialised system"),
            Self::Connection => say(lang, "Anbindungsart", "kind of connection"),
            Self::Requirements => say(lang, "Voraussetzungen", "requirements"),
            Self::Price => say(lang, "Preis", "price"),
            Self::Maturity => say(lang, "Reifegrad", "maturity"),
            Self::Trials => say(lang, "Anbindungsberichte", "connection reports"),
        }
    }
}

fn say(lang: Lang, de: &'static str, en: &'static str) -> &'static str {
    if lang == Lang::De { de } else { en }
}

/// The best way from a municipality to a seller.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Way {
    /// It is the seller's own, so that nothing need be ordered.
    Own,
    /// Every leg is fulfilled by facts that are known.
    Fulfilled,
    /// Fulfilled where some facts are assumed.
    Assumed,
    /// Fulfilled by the wording of the law, which is contested.
    Contested,
    /// Something is not proven.
    NotProven,
    /// No route holds.
    None,
}

impl Way {
    /// All of them, the best first.
    const ALL: [Self; 6] = [Self::Own, Self::Fulfilled, Self::Assumed, Self::Contested, Self::NotProven, Self::None];

    /// The one with that name.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|way| way.word() == word)
    }

    /// How good one route is.
    pub fn of(judged: &JudgedRoute) -> Self {
        match judged.verdict {
            Verdict::Fulfilled if judged.assumed() => Self::Assumed,
            Verdict::Fulfilled => Self::Fulfilled,
            Verdict::Contested => Self::Contested,
            Verdict::NotProven => Self::NotProven,
            Verdict::NotFulfilled => Self::None,
        }
    }

    /// The best way among routes that were found.
    pub fn of_all(found: &FoundRoutes) -> Self {
        found.routes.iter().map(Self::of).min().unwrap_or(Self::None)
    }

    /// Whether somebody may order along it.
    pub fn holds(self) -> bool {
        self <= Self::Contested
    }

    /// Its stable name.
    pub fn word(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Fulfilled => "fulfilled",
            Self::Assumed => "assumed",
            Self::Contested => "contested",
            Self::NotProven => "not-proven",
            Self::None => "none",
        }
    }

    /// The words for a person.
    pub fn text(self, lang: Lang) -> &'static str {
        match self {
            Self::Own => say(lang, "eigenes Angebot", "own offering"),
            Self::Fulfilled => say(lang, "jede Stufe erfüllt", "every leg fulfilled"),
            Self::Assumed => {
                say(lang, "erfüllt, teils auf angenommenen Tatsachen", "fulfilled, partly on assumed facts")
            }
            Self::Contested => say(lang, "nach Wortlaut erfüllt, umstritten", "fulfilled by the wording, contested"),
            Self::NotProven => say(lang, "nicht belegt", "not proven"),
            Self::None => say(lang, "kein Weg", "no route"),
        }
    }

    fn points(self) -> u32 {
        match self {
            Self::Own | Self::Fulfilled => 30,
            Self::Assumed => 24,
            Self::Contested => 18,
            Self::NotProven => 8,
            Self::None => 0,
        }
    }
}

/// Inhabitants from which a municipality belongs to the next class: *Kleinstadt*, *Mittelstadt*, *Großstadt* (BBSR,
/// Stadt- und Gemeindetypen).
const SIZE_CLASSES: [u32; 3] = [5_000, 20_000, 100_000];

fn size_class(inhabitants: u32) -> usize {
    SIZE_CLASSES.iter().filter(|least| inhabitants >= **least).count()
}

/// Who asks, ready to be compared with many offerings.
#[derive(Clone, Debug)]
pub struct Asking {
    portals: Labels,
    systems: Labels,
    connection: Labels,
    provides: Vec<Requirement>,
    bus: Option<bool>,
    has_profile: bool,
    place: Place,
}

/// Where a municipality is, and how large.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Place {
    /// Its area.
    pub area: Option<Area>,
    /// Its inhabitants.
    pub inhabitants: Option<u32>,
}

impl Place {
    /// Whether two municipalities are alike: of one Land, or of one class of size.
    pub fn is_like(&self, other: &Self) -> bool {
        let land = |place: &Self| place.area.as_ref().and_then(Land::of).map(Land::index);
        let class = |place: &Self| place.inhabitants.map(size_class);
        let same = |one: Option<usize>, other: Option<usize>| one.is_some() && one == other;
        same(land(self), land(other)) || same(class(self), class(other))
    }
}

/// Labels in lower case, to be compared without regard to upper and lower case.
#[derive(Clone, Default, Debug)]
struct Labels(Vec<String>);

impl Labels {
    fn of(labels: &[String]) -> Self {
        Self(labels.iter().map(|label| label.to_lowercase()).collect())
    }

    /// The first of them that is a label of the offering, as the offering writes it.
    fn first_in<'a>(&self, offered: &'a [String]) -> Option<&'a String> {
        offered.iter().find(|label| self.has(label))
    }

    fn has(&self, label: &str) -> bool {
        self.0.iter().any(|known| label.chars().flat_map(char::to_lowercase).eq(known.chars()))
    }
}

/// Inhabitants by which a price is weighed where a municipality's own number is not known.
pub const INHABITANTS_TAKEN: u32 = 10_000;

impl Asking {
    /// A municipality with what it runs, where that is known.
    pub fn new(profile: Option<&ConnectionProfile>, place: Place) -> Self {
        let labels = |of: fn(&ConnectionProfile) -> &Vec<String>| {
            profile.map_or_else(Labels::default, |profile| Labels::of(of(profile)))
        };
        Self {
            portals: labels(|profile| &profile.portals),
            systems: labels(|profile| &profile.specialised_systems),
            connection: labels(|profile| &profile.connection),
            provides: profile.map_or_else(Vec::new, |profile| profile.provides.clone()),
            bus: profile.and_then(|profile| profile.bus),
            has_profile: profile.is_some(),
            place,
        }
    }

    /// Where it is.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// What a report about an offering means to it; nothing if it does not say how the trial ended.
    pub fn trial(&self, report: &ConnectionReport, reporter: &Place) -> Option<Trial> {
        let is_here = self.portals.has(&report.portal);
        Some(Trial { outcome: report.outcome?, is_here, is_like: self.place.is_like(reporter) })
    }
}

/// One trial of an offering, seen by who asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Trial {
    /// How it ended.
    pub outcome: Outcome,
    /// Whether it was on a portal that the asking municipality runs.
    pub is_here: bool,
    /// Whether it was in a municipality like the asking one.
    pub is_like: bool,
}

/// What trials say together.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Trials {
    /// Passed on a portal that the municipality runs.
    pub passed_here: u32,
    /// Passed in a similar municipality.
    pub passed_alike: u32,
    /// Passed anywhere, in part or whole.
    pub passed: u32,
    /// Failed on a portal that the municipality runs.
    pub failed_here: u32,
}

impl Trials {
    /// Counts them.
    pub fn of(trials: impl IntoIterator<Item = Trial>) -> Self {
        let mut all = Self::default();
        for trial in trials {
            let passed = u32::from(trial.outcome == Outcome::Passed);
            all.passed_here += passed * u32::from(trial.is_here);
            all.passed_alike += passed * u32::from(trial.is_like);
            all.passed += u32::from(trial.outcome != Outcome::Failed);
            all.failed_here += u32::from(trial.outcome == Outcome::Failed && trial.is_here);
        }
        all
    }

    fn points(self) -> u32 {
        let best = match self {
            Self { passed_here: 1.., .. } => 10,
            Self { passed_alike: 1.., .. } => 6,
            Self { passed: 1.., .. } => 3,
            _ => 0,
        };
        // Who failed here may have failed by the portal; who passed here as well shows that it can be done.
        if self.failed_here > self.passed_here { best / 2 } else { best }
    }
}

/// What of an offering matches what a municipality runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Match {
    /// This is named by both.
    Named(String),
    /// The offering names others.
    Others,
    /// The offering names none.
    NotStated,
    /// The municipality has not said what it runs.
    NotKnown,
}

/// One factor of a ranking.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Factor {
    /// Which.
    pub kind: FactorKind,
    /// Its points, up to [`FactorKind::most`].
    pub points: u32,
    /// Why.
    pub why: Why,
}

/// Why a factor has its points.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Why {
    /// The best way to the seller.
    Way(Way),
    /// What both name.
    Match(Match),
    /// What is needed and not there.
    Missing(Vec<Requirement>),
    /// What a year costs, net, and by how many inhabitants it was weighed.
    Yearly(Option<Cents>, u32),
    /// Model and level.
    Maturity(Option<(MaturityModel, u8)>),
    /// What trials say.
    Trials(Trials),
}

/// What would be left to do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Gap {
    /// A lawful route is missing.
    Route,
    /// The portal must be connected.
    Portal,
    /// The *Fachverfahren* must be connected.
    System,
    /// Both need one kind of connection.
    Connection,
    /// Something must be there that is not.
    Requirement(Requirement),
    /// The website must show description and link.
    Website,
    /// The municipality has not said what it runs.
    Profile,
}

impl Gap {
    /// Its stable name.
    pub fn word(self) -> &'static str {
        match self {
            Self::Route => "route",
            Self::Portal => "portal",
            Self::System => "system",
            Self::Connection => "connection",
            Self::Requirement(requirement) => requirement.word(),
            Self::Website => "website",
            Self::Profile => "profile",
        }
    }

    /// The words for a person: what there is to do.
    pub fn text(self, lang: Lang) -> &'static str {
        match self {
            Self::Route => say(lang, "Weg nach § 108 GWB klären", "clear the route under section 108 GWB"),
            Self::Portal => say(lang, "Portal anbinden", "connect the portal"),
            Self::System => say(lang, "Fachverfahren anbinden", "connect the specialised system"),
            Self::Connection => say(lang, "Anbindungsart vereinbaren", "agree on the kind of connection"),
            Self::Requirement(Requirement::Account) => say(lang, "Nutzerkonto anbinden", "connect a citizen account"),
            Self::Requirement(Requirement::Mailbox) => say(lang, "Postfach anbinden", "connect a mailbox"),
            Self::Requirement(Requirement::Payment) => say(lang, "E-Payment einrichten", "set up e-payment"),
            Self::Requirement(Requirement::Dms) => {
                say(lang, "Dokumentenverwaltung (DMS) anbinden", "connect the document management")
            }
            Self::Website => {
                say(lang, "Beschreibung und Link auf der Website pflegen", "keep description and link on the website")
            }
            Self::Profile => say(lang, "Anbindungsprofil hinterlegen", "publish a connection profile"),
        }
    }
}

/// The points of everything but way and price, which cost more to find out.
pub fn points_known(asking: &Asking, offering: &Offering, trials: Trials) -> u32 {
    let matched = |kind: FactorKind, mine: &Labels, offered: &[String]| {
        if mine.first_in(offered).is_some() { kind.most() } else { 0 }
    };
    matched(FactorKind::Portal, &asking.portals, &offering.portals)
        + matched(FactorKind::System, &asking.systems, &offering.specialised_systems)
        + matched(FactorKind::Connection, &asking.connection, &offering.connection)
        + requirement_points(missing(asking, offering).count())
        + maturity_points(offering)
        + trials.points()
}

/// The points of a way.
pub fn points_of_way(way: Way) -> u32 {
    way.points()
}

/// The points of what a year costs.
pub fn points_of_price(asking: &Asking, yearly: Option<Cents>) -> u32 {
    /// Most cents a year for each inhabitant, and points.
    const STEPS: [(i64, u32); 10] =
        [(0, 10), (1, 9), (2, 8), (5, 7), (10, 6), (20, 5), (50, 4), (100, 3), (200, 2), (500, 1)];
    let inhabitants = i64::from(asking.place.inhabitants.unwrap_or(INHABITANTS_TAKEN));
    let within = |cents: Cents, each: i64| cents.get() <= each.saturating_mul(inhabitants);
    let step = |cents: Cents| STEPS.iter().find(|(each, _)| within(cents, *each)).map_or(0, |(_, points)| *points);
    yearly.map_or(0, step)
}

fn missing<'a>(asking: &'a Asking, offering: &'a Offering) -> impl Iterator<Item = Requirement> + 'a {
    offering.requires.iter().copied().filter(|needed| !asking.provides.contains(needed))
}

fn requirement_points(missing: usize) -> u32 {
    /// Points lost for each thing that is missing.
    const EACH: u32 = 4;
    let missing = u32::try_from(missing).unwrap_or(u32::MAX);
    FactorKind::Requirements.most().saturating_sub(missing.saturating_mul(EACH))
}

fn maturity_points(offering: &Offering) -> u32 {
    let of = |level: u8, highest: u32| u32::from(level) * FactorKind::Maturity.most() / highest;
    offering.maturity.map_or(0, |maturity| match maturity.model() {
        MaturityModel::V1_1 => of(maturity.level(), 4),
        MaturityModel::V2_0 => of(maturity.level(), 7),
    })
}

/// Every factor with its points and its reason.
pub fn factors(asking: &Asking, offering: &Offering, trials: Trials, way: Way, yearly: Option<Cents>) -> Vec<Factor> {
    let matched = |kind: FactorKind, mine: &Labels, offered: &[String]| {
        let found = match mine.first_in(offered) {
            Some(label) => Match::Named(label.clone()),
            None if offered.is_empty() => Match::NotStated,
            None if mine.0.is_empty() => Match::NotKnown,
            None => Match::Others,
        };
        let points = if matches!(found, Match::Named(_)) { kind.most() } else { 0 };
        Factor { kind, points, why: Why::Match(found) }
    };
    let missing: Vec<Requirement> = missing(asking, offering).collect();
    let maturity = offering.maturity.map(|maturity| (maturity.model(), maturity.level()));
    let inhabitants = asking.place.inhabitants.unwrap_or(INHABITANTS_TAKEN);
    let one = |kind, points, why| Factor { kind, points, why };
    vec![
        one(FactorKind::Route, points_of_way(way), Why::Way(way)),
        matched(FactorKind::Portal, &asking.portals, &offering.portals),
        matched(FactorKind::System, &asking.systems, &offering.specialised_systems),
        matched(FactorKind::Connection, &asking.connection, &offering.connection),
        one(FactorKind::Requirements, requirement_points(missing.len()), Why::Missing(missing)),
        one(FactorKind::Price, points_of_price(asking, yearly), Why::Yearly(yearly, inhabitants)),
        one(FactorKind::Maturity, maturity_points(offering), Why::Maturity(maturity)),
        one(FactorKind::Trials, trials.points(), Why::Trials(trials)),
    ]
}

/// What would be left to do, in the order in which it is done.
pub fn gaps(asking: &Asking, offering: &Offering, way: Way) -> Vec<Gap> {
    let open = |is_open: bool, gap: Gap| is_open.then_some(gap);
    let without = |mine: &Labels, offered: &[String]| mine.first_in(offered).is_none();
    let gaps = [
        open(!way.holds(), Gap::Route),
        open(!asking.has_profile, Gap::Profile),
        open(without(&asking.portals, &offering.portals), Gap::Portal),
        open(without(&asking.systems, &offering.specialised_systems), Gap::System),
        open(without(&asking.connection, &offering.connection), Gap::Connection),
    ];
    let needed = missing(asking, offering).map(Gap::Requirement);
    let website = open(asking.bus != Some(true), Gap::Website);
    gaps.into_iter().flatten().chain(needed).chain(website).collect()
}

/// Where an offering stands: what may be ordered first, then more points, then what costs less; an unknown price comes behind
/// a known one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rank {
    /// Whether no route holds, so that nobody may order it now.
    pub is_blocked: bool,
    /// All points.
    pub points: u32,
    /// What a year costs, net.
    pub yearly: Option<Cents>,
}

impl Ord for Rank {
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |rank: &Self| (rank.is_blocked, Reverse(rank.points), rank.yearly.is_none(), rank.yearly);
        key(self).cmp(&key(other))
    }
}

impl PartialOrd for Rank {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Factor {
    /// The reason in words.
    pub fn text(&self, lang: Lang) -> String {
        match &self.why {
            Why::Way(way) => way.text(lang).to_owned(),
            Why::Match(Match::Named(label)) => label.clone(),
            Why::Match(Match::Others) => say(lang, "nur andere genannt", "only others named").to_owned(),
            Why::Match(Match::NotStated) => {
                say(lang, "vom Anbieter nicht genannt", "not stated by the seller").to_owned()
            }
            Why::Match(Match::NotKnown) => {
                say(lang, "steht nicht im Anbindungsprofil", "not in the connection profile").to_owned()
            }
            Why::Missing(missing) if missing.is_empty() => {
                say(lang, "alles vorhanden", "everything there").to_owned()
            }
            Why::Missing(missing) => {
                let words = missing.iter().map(|needed| Gap::Requirement(*needed).text(lang)).collect::<Vec<_>>();
                format!("{}: {}", say(lang, "offen", "open"), words.join(", "))
            }
            Why::Yearly(None, _) => say(lang, "unbekannt", "unknown").to_owned(),
            Why::Yearly(Some(yearly), inhabitants) => {
                let yearly = yearly.text(lang);
                match lang {
                    Lang::De => format!("{yearly} im Jahr bei {inhabitants} Einwohnern"),
                    Lang::En => format!("{yearly} a year for {inhabitants} inhabitants"),
                }
            }
            Why::Maturity(None) => say(lang, "nicht angegeben", "not stated").to_owned(),
            Why::Maturity(Some((model, level))) => {
                let (model, highest) = match model {
                    MaturityModel::V1_1 => ("1.1", 4),
                    MaturityModel::V2_0 => ("2.0", 7),
                };
                match lang {
                    Lang::De => format!("Stufe {level} von {highest} (Modell {model})"),
                    Lang::En => format!("level {level} of {highest} (model {model})"),
                }
            }
            Why::Trials(trials) => trials.text(lang),
        }
    }
}

impl Trials {
    fn text(self, lang: Lang) -> String {
        if self == Self::default() {
            return say(lang, "keine mit Ergebnis", "none with an outcome").to_owned();
        }
        let Self { passed_here, passed_alike, passed, failed_here } = self;
        match lang {
            Lang::De => format!(
                "bestanden: {passed_here} auf Ihrem Portal, {passed_alike} in ähnlichen Kommunen, {passed} insgesamt; \
                 auf Ihrem Portal gescheitert: {failed_here}"
            ),
            Lang::En => format!(
                "passed: {passed_here} on your portal, {passed_alike} in similar municipalities, {passed} in all; \
                 failed on your portal: {failed_here}"
            ),
        }
    }
}
