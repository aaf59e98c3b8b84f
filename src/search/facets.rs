//! By what results can be narrowed: facets with their values, and filters over them.
use std::collections::{BTreeMap, BTreeSet};

use crate::domain::id::{OrgId, StatementId};
use crate::domain::offering::{MaturityModel, Offering};
use crate::domain::price::Due;
use crate::domain::register::Area;

/// Most values of one facet that are told; the others are counted together by whoever shows them.
pub const FACET_VALUES_MAX: usize = 50;

/// A property that results can be narrowed by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Facet {
    /// *Themenfeld*.
    Topic,
    /// Developing Land.
    Land,
    /// *Anbindungsart*.
    Connection,
    /// OZG maturity, as `MODEL/LEVEL`.
    Maturity,
    /// What it costs by its list in a year, in steps: see [`price_step`].
    Price,
    /// Portal it has been connected to.
    Portal,
    /// *Fachverfahren* it delivers to.
    System,
    /// Who sells it.
    Seller,
    /// Whether it may be used in the area asked for: `yes` or `no`.
    Covers,
    /// Whether a lawful route leads to its seller: `yes` or `no`.
    Orderable,
}

impl Facet {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Topic,
        Self::Land,
        Self::Connection,
        Self::Maturity,
        Self::Price,
        Self::Portal,
        Self::System,
        Self::Seller,
        Self::Covers,
        Self::Orderable,
    ];

    /// Its stable name.
    pub fn word(self) -> &'static str {
        match self {
            Self::Topic => "topic",
            Self::Land => "land",
            Self::Connection => "connection",
            Self::Maturity => "maturity",
            Self::Price => "price",
            Self::Portal => "portal",
            Self::System => "system",
            Self::Seller => "seller",
            Self::Covers => "covers",
            Self::Orderable => "orderable",
        }
    }

    /// Whether its value follows from who asks, so that offerings do not have it by themselves.
    pub fn depends_on_asking(self) -> bool {
        matches!(self, Self::Covers | Self::Orderable)
    }

    /// By its stable name.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|facet| facet.word() == word)
    }
}

/// Steps of [`Facet::Price`]: most euro cents of the step, and its name.
const PRICE_STEPS: [(i64, &str); 4] =
    [(0, "0"), (100_000, "up-to-1000"), (500_000, "up-to-5000"), (2_000_000, "up-to-20000")];

/// Which step the listed yearly price of an offering falls into: `0`, `up-to-1000`, `up-to-5000`, `up-to-20000`,
/// `more` (euros), or `depends` where it follows from who orders.
pub fn price_step(offering: &Offering) -> &'static str {
    if offering.price.iter().any(|item| item.terms.is_some() || item.due == Due::PerUse) {
        return "depends";
    }
    let yearly = offering.price.iter().filter(|item| item.due == Due::PerYear);
    let sum: i64 = yearly.map(|item| item.cents.get()).fold(0, i64::saturating_add);
    PRICE_STEPS.iter().find(|(most, _)| sum <= *most).map_or("more", |(_, step)| step)
}

/// The facets of an offering; [`Facet::Covers`] and [`Facet::Orderable`] depend on who asks.
pub fn facets_of(offering: &Offering) -> Vec<(Facet, String)> {
    let maturity = offering.maturity.map(|maturity| {
        let model = match maturity.model() {
            MaturityModel::V1_1 => "1.1",
            MaturityModel::V2_0 => "2.0",
        };
        (Facet::Maturity, format!("{model}/{}", maturity.level()))
    });
    let one = [
        Some((Facet::Topic, offering.topic.clone())),
        offering.lead_land.clone().map(|land| (Facet::Land, land)),
        maturity,
        Some((Facet::Price, price_step(offering).to_owned())),
        Some((Facet::Seller, offering.seller.to_string())),
    ];
    let many = [
        (Facet::Connection, &offering.connection),
        (Facet::Portal, &offering.portals),
        (Facet::System, &offering.specialised_systems),
    ];
    let many = many.into_iter().flat_map(|(facet, values)| values.iter().map(move |value| (facet, value.clone())));
    one.into_iter().flatten().chain(many).collect()
}

/// What results must have. Values of one facet are joined by OR, facets by AND; upper and lower case are alike.
#[derive(Clone, Default, Debug)]
pub struct Narrowing {
    /// Wanted values by facet.
    pub facets: BTreeMap<Facet, BTreeSet<String>>,
    /// The area it is asked for: what covers it comes first.
    pub area: Option<Area>,
    /// To which sellers a lawful route leads, where that is known.
    pub reachable: Option<BTreeSet<OrgId>>,
    /// The only versions that count, in an index that holds others as well.
    pub among: Option<Vec<StatementId>>,
}

/// How many results have a value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FacetCount {
    /// The facet.
    pub facet: Facet,
    /// The value.
    pub value: String,
    /// How many results have it, if the other facets are narrowed as asked and this one not at all.
    pub count: usize,
}

/// Numbers for values, so that an offering keeps a few bytes for its facets.
#[derive(Clone, Default, Debug)]
pub struct Values {
    numbers: BTreeMap<(Facet, String), u32>,
    known: Vec<(Facet, String)>,
}

impl Values {
    /// The number of a value, given if it is new.
    pub fn number(&mut self, facet: Facet, value: &str) -> u32 {
        let key = (facet, value.to_owned());
        if let Some(number) = self.numbers.get(&key) {
            return *number;
        }
        let number = u32::try_from(self.known.len()).unwrap_or(u32::MAX);
        self.known.push(key.clone());
        self.numbers.insert(key, number);
        number
    }

    /// Which values a narrowing admits, by number, and how many facets it narrows.
    pub fn admitted(&self, narrowing: &Narrowing) -> Admitted {
        let is_wanted = |(facet, value): &(Facet, String)| {
            let wanted = narrowing.facets.get(facet)?;
            Some(wanted.iter().any(|wanted| wanted.to_lowercase() == value.to_lowercase()))
        };
        let of_value = self.known.iter().map(|known| is_wanted(known).unwrap_or(false)).collect();
        let facet_of = self.known.iter().map(|(facet, _)| *facet).collect();
        let narrowed =
            narrowing.facets.iter().filter(|(facet, values)| !values.is_empty() && !facet.depends_on_asking());
        let narrowed = narrowed.map(|(facet, _)| *facet);
        Admitted { of_value, facet_of, narrowed: narrowed.collect() }
    }

    /// Counts with their values, the most frequent of each facet first.
    pub fn told(&self, counts: &[usize]) -> Vec<FacetCount> {
        let counted = self.known.iter().zip(counts).filter(|(_, count)| **count > 0);
        let told =
            counted.map(|((facet, value), count)| FacetCount { facet: *facet, value: value.clone(), count: *count });
        sorted(told.collect())
    }

    /// How many values there are.
    pub fn count(&self) -> usize {
        self.known.len()
    }
}

/// By facet, the most frequent value first; of each facet the first [`FACET_VALUES_MAX`].
fn sorted(mut counts: Vec<FacetCount>) -> Vec<FacetCount> {
    counts.sort_by(|a, b| (a.facet, b.count, &a.value).cmp(&(b.facet, a.count, &b.value)));
    let mut kept: BTreeMap<Facet, usize> = BTreeMap::new();
    counts.retain(|count| {
        let kept = kept.entry(count.facet).or_default();
        *kept += 1;
        *kept <= FACET_VALUES_MAX
    });
    counts
}

/// A narrowing in numbers.
pub struct Admitted {
    of_value: Vec<bool>,
    facet_of: Vec<Facet>,
    narrowed: Vec<Facet>,
}

/// How an offering stands to a narrowing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fit {
    /// It has what is asked for.
    Full,
    /// It lacks what one facet asks for.
    But(Facet),
    /// It lacks more.
    No,
}

impl Admitted {
    /// How an offering with these values stands to the narrowing.
    pub fn fit(&self, values: &[u32]) -> Fit {
        let mut missing = None;
        for facet in &self.narrowed {
            let has = values.iter().any(|value| self.is(*value, *facet) && self.of_value[*value as usize]);
            match (has, missing) {
                (true, _) => {}
                (false, None) => missing = Some(*facet),
                (false, Some(_)) => return Fit::No,
            }
        }
        missing.map_or(Fit::Full, Fit::But)
    }

    /// Whether a value is one of a facet.
    pub fn is(&self, value: u32, facet: Facet) -> bool {
        self.facet_of[value as usize] == facet
    }
}
