//! Prices beyond a plain amount: what depends on uses, what several share by a key, what others pay, what an index moves.
//!
//! These are the terms as sellers sign them. [`quote`] turns them into what one buyer pays. Every amount is whole cents,
//! every share adds up to the cent, and what cannot be computed is refused: must never estimate in silence.
//! Sources: IT-Planungsrat decisions 2021/24 (cost items, keys) and 2023/35 (joint financing).
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::domain::facts::BasisPoints;
use crate::domain::id::{OrgId, checked_count, shortened};
use crate::domain::money::Cents;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::register::Land;
use crate::domain::text::{checked_label, checked_text, required};

pub mod koenigstein;
pub mod quote;
#[cfg(test)]
mod tests;
pub mod text;

/// Most parts one amount is split into: the joint financing of 2023 has three, and a combination of all keys five.
pub const PARTS_MAX: usize = 8;

/// Most parties to one key: the municipalities of a Land such as Saxony-Anhalt (218), and within a statement's 48 KiB.
pub const PARTIES_MAX: usize = 400;

/// Largest weight: far above the people of Germany and above a whole *Königsteiner Schlüssel* (10,000,000), and small
/// enough that weight times amount stays far within 128 bits.
pub const WEIGHT_MAX: u64 = 1_000_000_000_000;

/// Most price items in an offering or a tariff.
pub const ITEMS_MAX: usize = 100;

/// Most items in an offer for one buyer: one item may be told for each year of the longest contract.
pub const OFFERED_MAX: usize = ITEMS_MAX * TERM_YEARS_MAX as usize;

/// Longest contract, in years: two generations of a specialised system.
pub const TERM_YEARS_MAX: u32 = 20;

/// Years a key may refer to: from the first *Königsteiner Abkommen* (1949) on.
const YEARS: std::ops::RangeInclusive<u32> = 1949..=2100;

/// Who bears a part of a cost. Written `bund`, a Land's short form in capitals, or an organisation's name, which never
/// has capitals.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Party {
    /// The federal government.
    Bund,
    /// A Land.
    Land(Land),
    /// An organisation of the federation.
    Org(OrgId),
}

impl FromStr for Party {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        if text == "bund" {
            return Ok(Self::Bund);
        }
        match Land::all().find(|land| land.code() == text) {
            Some(land) => Ok(Self::Land(land)),
            None => text.parse().map(Self::Org),
        }
    }
}

impl TryFrom<String> for Party {
    type Error = Refusal;

    fn try_from(text: String) -> Result<Self, Refusal> {
        text.parse()
    }
}

impl From<Party> for String {
    fn from(party: Party) -> String {
        party.to_string()
    }
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bund => f.pad("bund"),
            Self::Land(land) => f.pad(land.code()),
            Self::Org(org) => f.pad(org.as_str()),
        }
    }
}

/// By what a cost is shared: the keys of IT-Planungsrat decision 2021/24, and agreed fixed shares.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum KeyKind {
    /// Inhabitants.
    Inhabitants,
    /// Actual uses; applies where the participants do not agree on another key.
    Uses,
    /// Members of the target group, e.g. students.
    TargetGroup,
    /// The *Königsteiner Schlüssel*, in 1e-5 per cent, rescaled to those who take part.
    Koenigstein,
    /// Shares agreed once and for all.
    Fixed,
}

impl KeyKind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Inhabitants, Self::Uses, Self::TargetGroup, Self::Koenigstein, Self::Fixed];

    /// The word in statements and files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Inhabitants => "inhabitants",
            Self::Uses => "uses",
            Self::TargetGroup => "target-group",
            Self::Koenigstein => "koenigstein",
            Self::Fixed => "fixed",
        }
    }
}

impl TryFrom<String> for KeyKind {
    type Error = Refusal;

    fn try_from(text: String) -> Result<Self, Refusal> {
        let refuse = || Refusal::new(Reason::DistributionKeyUnknown).with("key", shortened(&text));
        Self::ALL.into_iter().find(|kind| kind.word() == text).ok_or_else(refuse)
    }
}

impl From<KeyKind> for String {
    fn from(kind: KeyKind) -> String {
        kind.word().to_owned()
    }
}

/// One party to a key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Weight {
    /// Who.
    pub party: Party,
    /// Its number: persons, uses, members, 1e-5 per cent. Absent only where the table of the *Königsteiner Schlüssel*
    /// for the key's year is known here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<u64>,
}

/// A distribution key with everything needed to compute it again years later.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Key {
    /// By what.
    pub kind: KeyKind,
    /// The target group in words, for that kind only.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// The year the numbers are of.
    #[serde(default)]
    pub year: u32,
    /// Where the numbers come from.
    pub source: String,
    /// Those who take part.
    pub parties: Vec<Weight>,
    /// Whether a buyer that is not listed joins with its own number and the key is rescaled to all.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub open: bool,
}

/// A part of an amount and the key it is shared by.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Part {
    /// Which share of the amount; all parts add up to 100 per cent.
    pub share: BasisPoints,
    /// By what it is shared.
    pub key: Key,
}

/// Who pays for what the buyer owes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Payer {
    /// Who; absent for the buyer itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<Party>,
    /// Which share; all payers add up to 100 per cent.
    pub share: BasisPoints,
}

/// How a yearly amount may change while the contract runs.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Indexation {
    /// The index or clause in words.
    pub index: String,
    /// A rise agreed in advance for every year after the first. Without it the future is not known, the amount counts
    /// as it stands today, and the index is named among what is not included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<BasisPoints>,
}

/// How a price item becomes what one buyer pays. Applied in this order: uses, index, split, payers.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Terms {
    /// Uses a year that are charged at least; for items due per use only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uses_min: Option<u32>,
    /// How the yearly amount changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub indexation: Option<Indexation>,
    /// How several share the amount; empty if the buyer bears all of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub split: Vec<Part>,
    /// Who pays the buyer's share; empty for the buyer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub payers: Vec<Payer>,
    /// Where it says so that others pay; required with `payers`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub payers_source: String,
}

/// How value-added tax is treated.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Treatment {
    /// Taxed at the rate stated.
    Taxed,
    /// Taxable, but exempt (section 4 UStG).
    Exempt,
    /// Not taxable, e.g. under section 2b UStG.
    NotTaxable,
    /// The recipient owes it (section 13b UStG).
    ReverseCharge,
}

impl Treatment {
    /// The word in statements and files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Taxed => "taxed",
            Self::Exempt => "exempt",
            Self::NotTaxable => "not-taxable",
            Self::ReverseCharge => "reverse-charge",
        }
    }
}

/// Value-added tax on one item.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Tax {
    /// How.
    pub treatment: Treatment,
    /// The rate, if taxed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<BasisPoints>,
    /// Why, with the statute.
    pub reason: String,
}

/// What a price item pays for: the eligible items of IT-Planungsrat decision 2021/24, and what comes before and after.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CostItem {
    /// a) Operation of the technical infrastructure.
    Infrastructure,
    /// b) Functional further development and change management.
    Development,
    /// c) Usage fees for the platform.
    Platform,
    /// d) Operation of the online service, maintenance and support included.
    Operation,
    /// e) Costs directly caused by use, such as printing and posting.
    Usage,
    /// One-off set-up.
    SetUp,
    /// One-off connection of the municipality.
    Connection,
    /// A hop's charge for brokering.
    Brokering,
}

impl CostItem {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Infrastructure,
        Self::Development,
        Self::Platform,
        Self::Operation,
        Self::Usage,
        Self::SetUp,
        Self::Connection,
        Self::Brokering,
    ];

    /// The word in statements and files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Infrastructure => "infrastructure",
            Self::Development => "development",
            Self::Platform => "platform",
            Self::Operation => "operation",
            Self::Usage => "usage",
            Self::SetUp => "set-up",
            Self::Connection => "connection",
            Self::Brokering => "brokering",
        }
    }
}

/// How often a price item falls due.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Due {
    /// Once per contract.
    Once,
    /// Every contract year.
    PerYear,
    /// Every use. Only in offerings and tariffs: an offer for one buyer names what its uses cost a year.
    PerUse,
}

/// One item of a price, net, with its value-added tax treatment.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Component {
    /// What it pays for.
    pub item: CostItem,
    /// How often.
    pub due: Due,
    /// Net amount.
    pub cents: Cents,
    /// Value-added tax treatment in words, e.g. `keine Umsatzsteuer (hoheitlich)`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub vat: String,
    /// The same for machines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax: Option<Tax>,
    /// What the amount depends on; absent for a plain amount, and in every offer for one buyer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<Terms>,
    /// The contract year of an amount that differs from year to year; in offers for one buyer only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub year: Option<u32>,
}

impl Component {
    /// A plain amount.
    pub fn new(item: CostItem, due: Due, cents: Cents, vat: &str) -> Self {
        Self { item, due, cents, vat: vat.to_owned(), tax: None, terms: None, year: None }
    }
}

/// What an organisation charges for passing orders on, published so that a price can be known before an order.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Tariff {
    /// Who charges it.
    pub org: OrgId,
    /// Counts up from 1; the highest is in force.
    pub version: u32,
    /// What it charges per order; empty if it charges nothing.
    pub fee: Vec<Component>,
}

/// What a buyer says about itself where a price depends on it. Estimates; bills count what happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Quantities {
    /// Expected uses a year.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uses: Option<u32>,
    /// Members of the target group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_group: Option<u32>,
}

impl Quantities {
    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Tariff {
    /// The rules a body of this kind must meet on its own.
    pub fn check(&self) -> Result<(), Refusal> {
        checked_count("version", self.version)?;
        check_items("fee", &self.fee)
    }
}

/// The rules every list of price items meets.
pub fn check_items(field: &'static str, items: &[Component]) -> Result<(), Refusal> {
    if items.len() > ITEMS_MAX {
        return Err(Refusal::new(Reason::FieldInvalid).with("field", field).with("entries", items.len()));
    }
    items.iter().try_for_each(|item| check_item(item).map_err(|refusal| refusal.with("field", field)))
}

fn check_item(item: &Component) -> Result<(), Refusal> {
    let refuse = |rule: &str| Err(Refusal::new(Reason::FieldInvalid).with("rule", rule));
    check_words(item)?;
    if item.year.is_some() {
        return refuse("only an offer for one buyer has an item of one contract year");
    }
    let Some(terms) = &item.terms else { return Ok(()) };
    if terms.uses_min.is_some() && item.due != Due::PerUse {
        return refuse("a least number of uses needs an item due per use");
    }
    if terms.indexation.is_some() && item.due == Due::Once {
        return refuse("what is due once has no index");
    }
    if !terms.split.is_empty() && item.due == Due::PerUse {
        return refuse("what is due per use is not shared; share the cost by uses instead");
    }
    terms.check()
}

/// The rules of a price that was computed for one buyer; whether it follows from what is published is another question.
pub fn check_offered(items: &[Component]) -> Result<(), Refusal> {
    let refuse = |item: &Component, rule: &str| {
        Err(Refusal::new(Reason::FieldInvalid)
            .with("field", "components")
            .with("item", item.item.word())
            .with("rule", rule))
    };
    if items.len() > OFFERED_MAX {
        return Err(Refusal::new(Reason::FieldInvalid).with("field", "components").with("entries", items.len()));
    }
    for item in items {
        check_words(item).map_err(|refusal| refusal.with("field", "components"))?;
        if item.terms.is_some() {
            return refuse(item, "an offer for one buyer has no terms left");
        }
        if item.year.is_some_and(|year| !(1..=TERM_YEARS_MAX).contains(&year)) {
            return refuse(item, "no year of any contract");
        }
    }
    Ok(())
}

/// The words of an item.
fn check_words(item: &Component) -> Result<(), Refusal> {
    checked_text("vat", &item.vat, 300)?;
    item.tax.as_ref().map_or(Ok(()), Tax::check)
}

impl Terms {
    fn check(&self) -> Result<(), Refusal> {
        if let Some(indexation) = &self.indexation {
            required_text("index", &indexation.index)?;
        }
        if self.split.len() > PARTS_MAX || self.payers.len() > PARTIES_MAX {
            return Err(invalid("too many parts"));
        }
        checked_text("payers_source", &self.payers_source, 500)?;
        check_sum(self.split.iter().map(|part| part.share))?;
        self.split.iter().try_for_each(|part| part.key.check())?;
        if self.payers.is_empty() {
            return Ok(());
        }
        let different: BTreeSet<&Option<Party>> = self.payers.iter().map(|payer| &payer.who).collect();
        if different.len() < self.payers.len() {
            return Err(invalid("a payer is named twice"));
        }
        required_text("payers_source", &self.payers_source)?;
        check_sum(self.payers.iter().map(|payer| payer.share))
    }
}

impl Key {
    fn check(&self) -> Result<(), Refusal> {
        required_text("source", &self.source)?;
        checked_label("group", &self.group, 200)?;
        if !YEARS.contains(&self.year) {
            return Err(Refusal::new(Reason::DistributionYear).with("key", self.kind.word()).with("year", self.year));
        }
        if self.group.is_empty() == (self.kind == KeyKind::TargetGroup) {
            return Err(invalid("a target group is named for that key, and for no other"));
        }
        if self.parties.is_empty() && !self.open || self.parties.len() > PARTIES_MAX {
            return Err(invalid("parties").with("entries", self.parties.len()));
        }
        let different: BTreeSet<&Party> = self.parties.iter().map(|weight| &weight.party).collect();
        if different.len() < self.parties.len() {
            return Err(invalid("a party is named twice"));
        }
        if self.open && matches!(self.kind, KeyKind::Koenigstein | KeyKind::Fixed) {
            return Err(invalid("nobody joins such a key with a number of its own"));
        }
        let weights = self.parties.iter().map(|party| self.weight_of(party));
        let sum = weights.sum::<Result<u64, Refusal>>()?;
        if sum == 0 && !self.open {
            return Err(invalid("all weights are zero"));
        }
        Ok(())
    }

    /// The weight a party has: as stated, or from the table of the key's year.
    fn weight_of(&self, weight: &Weight) -> Result<u64, Refusal> {
        let missing = || invalid("a weight is missing").with("party", &weight.party);
        match (weight.weight, &weight.party) {
            (Some(stated), _) if stated <= WEIGHT_MAX => Ok(stated),
            (Some(stated), _) => Err(invalid("a weight is too large").with("weight", stated)),
            (None, Party::Land(land)) if self.kind == KeyKind::Koenigstein => koenigstein::share(self.year, *land),
            (None, _) => Err(missing()),
        }
    }
}

impl Tax {
    fn check(&self) -> Result<(), Refusal> {
        required_text("tax.reason", &self.reason)?;
        let rated = self.rate.is_some_and(|rate| rate.get() > 0);
        if rated == (self.treatment == Treatment::Taxed) {
            return Ok(());
        }
        Err(Refusal::new(Reason::FieldInvalid)
            .with("rule", "a tax rate belongs to what is taxed, and to nothing else"))
    }
}

/// What the components cost over a contract of `years`.
pub fn amount(components: &[Component], years: u32) -> Result<Cents, Refusal> {
    components.iter().try_fold(Cents::ZERO, |sum, component| {
        let part = match component.due {
            Due::Once => component.cents,
            Due::PerYear => component.cents.times(years)?,
            Due::PerUse => return Err(Refusal::new(Reason::QuantityMissing).with("field", "uses")),
        };
        sum.plus(part)
    })
}

/// Divides an amount by weights so that the parts add up to it exactly: every part is rounded down, and the cents left
/// go to the largest remainders. Among equal remainders the lower name comes first, so the order of the parties does
/// not matter. Parts come in the order of the weights.
pub fn distribute<K: Ord>(total: Cents, weights: &[(K, u64)]) -> Result<Vec<Cents>, Refusal> {
    let amount = u128::from(total.get().unsigned_abs());
    let sum: u128 = weights.iter().map(|(_, weight)| u128::from(*weight)).sum();
    if sum == 0 {
        return Err(invalid("nobody has a weight"));
    }
    let exact = weights.iter().map(|(_, weight)| {
        let product = amount.checked_mul(u128::from(*weight))?;
        Some((product / sum, product % sum))
    });
    let exact: Vec<(u128, u128)> = exact.collect::<Option<_>>().ok_or_else(|| invalid("a weight is too large"))?;
    let left = amount - exact.iter().map(|(floor, _)| floor).sum::<u128>();
    let mut parts: Vec<u128> = exact.iter().map(|(floor, _)| *floor).collect();
    // There are fewer cents left than remainders that are not zero.
    let left = usize::try_from(left).unwrap_or(0);
    let mut order: Vec<usize> = (0..weights.len()).collect();
    let before = |a: &usize, b: &usize| {
        exact[*b].1.cmp(&exact[*a].1).then_with(|| weights[*a].0.cmp(&weights[*b].0)).then(a.cmp(b))
    };
    if left > 0 && left < order.len() {
        order.select_nth_unstable_by(left, before);
    }
    for at in order.into_iter().take(left) {
        parts[at] += 1;
    }
    let cents = |part: u128| Cents::try_from(i64::try_from(part).unwrap_or(i64::MAX));
    parts.into_iter().map(cents).collect()
}

fn check_sum(shares: impl ExactSizeIterator<Item = BasisPoints>) -> Result<(), Refusal> {
    if shares.len() == 0 {
        return Ok(());
    }
    match shares.map(BasisPoints::get).sum::<u32>() {
        10_000 => Ok(()),
        sum => Err(Refusal::new(Reason::PercentageSum).with("sum", sum).with("must_be", 10_000)),
    }
}

fn required_text(field: &'static str, text: &str) -> Result<(), Refusal> {
    required(field, text)?;
    checked_text(field, text, 500)
}

fn invalid(rule: &str) -> Refusal {
    Refusal::new(Reason::DistributionInvalid).with("rule", rule)
}
