//! What one buyer pays: price items with terms become plain amounts, and every step on the way is kept.
//!
//! One function for everyone: the preview, the provider's acceptance, a hop's offer and the auditor years later call
//! [`quote`] with the same signed inputs, so what was previewed is what the order carries.
use std::collections::BTreeMap;

use crate::domain::facts::BasisPoints;
use crate::domain::id::{OrgId, StatementId};
use crate::domain::money::Cents;
use crate::domain::price::{
    Component, Due, Key, KeyKind, Part, Party, Quantities, Tax, Terms, Treatment, amount, distribute,
};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::register::{Area, Land};
use crate::domain::trust::documents::Admission;

/// What a price may depend on about the buyer.
#[derive(Clone, Copy, Debug)]
pub struct Buyer<'a> {
    /// Who.
    pub org: &'a OrgId,
    /// Its area, by its admission.
    pub area: Option<&'a Area>,
    /// Its inhabitants, by its admission.
    pub inhabitants: Option<u32>,
    /// What it says about itself.
    pub quantities: Quantities,
}

/// One step of a computation, with its inputs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PriceStep {
    /// A price per use, times the uses of a year or the least number that is charged.
    Uses {
        /// Price of one.
        unit: Cents,
        /// What the buyer expects; the least number counts if it says nothing.
        stated: Option<u32>,
        /// The least number charged.
        least: Option<u32>,
    },
    /// The amount of one contract year under an agreed rise.
    Risen {
        /// The clause.
        index: String,
        /// The rise a year.
        rate: BasisPoints,
        /// Amount of the first year.
        from: Cents,
        /// Amount of this year.
        to: Cents,
    },
    /// The amount may change, nobody knows how.
    Indexed {
        /// The index or clause.
        index: String,
    },
    /// One part of a shared cost.
    Shared {
        /// The whole cost.
        whole: Cents,
        /// The part's share of it.
        share: BasisPoints,
        /// The part.
        part: Cents,
        /// The key.
        key: KeyKind,
        /// The target group, for that key.
        group: String,
        /// The year of its numbers.
        year: u32,
        /// Where they come from.
        source: String,
        /// Who of the parties stands for the buyer: itself or its Land; nobody if the buyer has no share in this part.
        party: Option<Party>,
        /// That party's number.
        weight: u64,
        /// The sum of all numbers.
        of: u64,
        /// How many take part.
        parties: usize,
        /// What that party bears.
        bears: Cents,
    },
    /// Who pays the buyer's share.
    Paid {
        /// Who; nobody for the buyer.
        who: Option<Party>,
        /// Which share.
        share: BasisPoints,
        /// How much.
        cents: Cents,
        /// Where it says so.
        source: String,
    },
}

/// One price item for one buyer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Priced {
    /// What the buyer pays: the item as the order carries it, without terms.
    pub component: Component,
    /// How it came about; empty for a plain amount.
    pub steps: Vec<PriceStep>,
    /// Of a shared cost, who bears how much each time, the buyer included.
    pub shares: BTreeMap<Party, Cents>,
}

/// One organisation's price list.
#[derive(Clone, Copy, Debug)]
pub struct Charge<'a> {
    /// Who charges.
    pub org: &'a OrgId,
    /// The statement that says so: an offering or a tariff.
    pub by: Option<StatementId>,
    /// The items; absent if it has published none.
    pub items: Option<&'a [Component]>,
}

/// What one organisation of a route charges.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Leg {
    /// Who charges.
    pub org: OrgId,
    /// The statement that says so.
    pub by: Option<StatementId>,
    /// Its items; absent if it has published none.
    pub items: Option<Vec<Priced>>,
    /// Net, over the whole term.
    pub total: Cents,
}

/// Value-added tax on what one organisation charges under one treatment, over the whole term.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TaxLine {
    /// Who charges.
    pub org: OrgId,
    /// The treatment; absent if it is stated in words only, or not at all.
    pub tax: Option<Tax>,
    /// The words.
    pub words: String,
    /// Net.
    pub net: Cents,
    /// The tax; absent if it cannot be known from what is stated.
    pub tax_cents: Option<Cents>,
}

/// What an order would cost.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Preview {
    /// Who charges what, provider first.
    pub legs: Vec<Leg>,
    /// Sum of all legs, net, over the whole term: what the order will carry, if every organisation has published what
    /// it charges.
    pub total: Cents,
    /// Value-added tax.
    pub taxes: Vec<TaxLine>,
    /// Net and tax; absent while a tax is not known.
    pub gross: Option<Cents>,
}

impl Preview {
    /// Whether every organisation has published what it charges.
    pub fn is_complete(&self) -> bool {
        self.legs.iter().all(|leg| leg.items.is_some())
    }
}

/// What an order along a route costs over a contract of `years`. The charges come provider first.
pub fn preview(charges: &[Charge], buyer: &Buyer, years: u32) -> Result<Preview, Refusal> {
    let legs = charges.iter().map(|charge| leg(charge, buyer, years)).collect::<Result<Vec<Leg>, Refusal>>()?;
    let total = legs.iter().try_fold(Cents::ZERO, |sum, leg| sum.plus(leg.total))?;
    let mut taxes = Vec::new();
    for leg in &legs {
        taxes.extend(tax_lines(leg, years)?);
    }
    let known: Option<Vec<Cents>> = taxes.iter().map(|line| line.tax_cents).collect();
    let complete = legs.iter().all(|leg| leg.items.is_some());
    let gross = match known.filter(|_| complete) {
        Some(known) => Some(known.into_iter().try_fold(total, Cents::plus)?),
        None => None,
    };
    Ok(Preview { legs, total, taxes, gross })
}

fn leg(charge: &Charge, buyer: &Buyer, years: u32) -> Result<Leg, Refusal> {
    let items = charge.items.map(|items| quote(items, buyer, years)).transpose()?;
    let total = match &items {
        Some(items) => amount(&carried(items.clone()), years)?,
        None => Cents::ZERO,
    };
    Ok(Leg { org: charge.org.clone(), by: charge.by, items, total })
}

/// Only what the order carries.
pub fn carried(items: Vec<Priced>) -> Vec<Component> {
    items.into_iter().map(|item| item.component).collect()
}

/// Turns price items with terms into what one buyer pays. Refused if an input is missing, a key does not know the
/// buyer, or an amount exceeds what a statement may name.
pub fn quote(items: &[Component], buyer: &Buyer, years: u32) -> Result<Vec<Priced>, Refusal> {
    let mut quoted = Vec::new();
    for item in items {
        quote_item(item, buyer, years, &mut quoted).map_err(|refusal| refusal.with("item", item.item.word()))?;
    }
    Ok(quoted)
}

fn quote_item(item: &Component, buyer: &Buyer, years: u32, quoted: &mut Vec<Priced>) -> Result<(), Refusal> {
    let plain = Terms::default();
    let terms = item.terms.as_ref().unwrap_or(&plain);
    let (mut due, mut whole, mut steps) = (item.due, item.cents, Vec::new());
    if due == Due::PerUse {
        let (stated, least) = (buyer.quantities.uses, terms.uses_min);
        let counted = stated.max(least).ok_or_else(|| missing("uses"))?;
        steps.push(PriceStep::Uses { unit: item.cents, stated, least });
        (due, whole) = (Due::PerYear, item.cents.times(counted)?);
    }
    let carried = |due, year, cents| Component {
        due,
        cents,
        year,
        terms: None,
        item: item.item,
        vat: item.vat.clone(),
        tax: item.tax.clone(),
    };
    let itself = Party::Org(buyer.org.clone());
    let split = Split::new(&terms.split, buyer, &itself)?;
    let rise = terms.indexation.as_ref().map(|indexation| (&indexation.index, indexation.rate));
    let Some((index, Some(rate))) = rise else {
        steps.extend(rise.map(|(index, _)| PriceStep::Indexed { index: index.clone() }));
        let (cents, shares) = borne(whole, terms, &split, buyer, &mut steps)?;
        quoted.push(Priced { component: carried(due, item.year, cents), steps, shares });
        return Ok(());
    };
    let mut of_year = whole;
    for year in 1..=years {
        let mut steps = steps.clone();
        if year > 1 {
            of_year = risen(of_year, rate)?;
        }
        steps.push(PriceStep::Risen { index: index.clone(), rate, from: whole, to: of_year });
        let (cents, shares) = borne(of_year, terms, &split, buyer, &mut steps)?;
        quoted.push(Priced { component: carried(Due::Once, Some(year), cents), steps, shares });
    }
    Ok(())
}

/// What the buyer pays of an amount, after the split and after those who pay for it.
fn borne(
    whole: Cents,
    terms: &Terms,
    split: &Split,
    buyer: &Buyer,
    steps: &mut Vec<PriceStep>,
) -> Result<(Cents, BTreeMap<Party, Cents>), Refusal> {
    let (own, shares) =
        if split.parts.is_empty() { (whole, BTreeMap::new()) } else { split.divide(whole, buyer, steps)? };
    if terms.payers.is_empty() {
        return Ok((own, shares));
    }
    let weights: Vec<(&Option<Party>, u64)> =
        terms.payers.iter().map(|payer| (&payer.who, u64::from(payer.share.get()))).collect();
    let mut paid_by_buyer = Cents::ZERO;
    for (payer, cents) in terms.payers.iter().zip(distribute(own, &weights)?) {
        let itself = payer.who.as_ref().is_none_or(|who| buyer.is(who));
        if itself {
            paid_by_buyer = paid_by_buyer.plus(cents)?;
        }
        let who = payer.who.clone().filter(|_| !itself);
        steps.push(PriceStep::Paid { who, share: payer.share, cents, source: terms.payers_source.clone() });
    }
    Ok((paid_by_buyer, shares))
}

/// A split with everything that is the same in every year.
struct Split<'t> {
    /// All parties, by name.
    parties: Vec<&'t Party>,
    /// The parts by share, for dividing the whole.
    shares: Vec<(&'t Part, u64)>,
    parts: Vec<Divided<'t>>,
}

/// One part: its parties with their numbers, a buyer that may join included.
struct Divided<'t> {
    key: &'t Key,
    weights: Vec<(&'t Party, u64)>,
    /// For each of them, its place among all parties.
    places: Vec<usize>,
    /// Who stands for the buyer: itself, else its Land.
    buyer_at: Option<usize>,
}

impl<'t> Split<'t> {
    /// Refused if an input is missing or the buyer has no share in any part.
    fn new(parts: &'t [Part], buyer: &Buyer, itself: &'t Party) -> Result<Self, Refusal> {
        let weights = parts.iter().map(|part| weights_of(&part.key, buyer, itself));
        let weights = weights.collect::<Result<Vec<_>, Refusal>>()?;
        let mut parties: Vec<&Party> = weights.iter().flatten().map(|(party, _)| *party).collect();
        parties.sort();
        parties.dedup();
        let divided = parts.iter().zip(weights).map(|(part, weights)| Divided {
            key: &part.key,
            places: weights.iter().filter_map(|(party, _)| parties.binary_search(party).ok()).collect(),
            buyer_at: place_of(&weights, buyer),
            weights,
        });
        let divided: Vec<Divided> = divided.collect();
        if !divided.is_empty() && divided.iter().all(|part| part.buyer_at.is_none()) {
            return Err(Refusal::new(Reason::NotInDistribution).with("buyer", buyer.org));
        }
        let shares = parts.iter().map(|part| (part, u64::from(part.share.get()))).collect();
        Ok(Self { parties, shares, parts: divided })
    }

    /// What the buyer bears of an amount, and what everyone does. Where its Land takes part in its stead, the buyer
    /// itself bears nothing.
    fn divide(
        &self,
        whole: Cents,
        buyer: &Buyer,
        steps: &mut Vec<PriceStep>,
    ) -> Result<(Cents, BTreeMap<Party, Cents>), Refusal> {
        let mut sums = vec![Cents::ZERO; self.parties.len()];
        for ((part, amount), (of, _)) in self.parts.iter().zip(distribute(whole, &self.shares)?).zip(&self.shares) {
            let cents = distribute(amount, &part.weights)?;
            for (place, cents) in part.places.iter().zip(&cents) {
                sums[*place] = sums[*place].plus(*cents)?;
            }
            let stands = part.buyer_at.map(|at| (part.weights[at], cents[at]));
            steps.push(PriceStep::Shared {
                whole,
                share: of.share,
                part: amount,
                key: part.key.kind,
                group: part.key.group.clone(),
                year: part.key.year,
                source: part.key.source.clone(),
                party: stands.map(|((party, _), _)| party.clone()),
                weight: stands.map_or(0, |((_, weight), _)| weight),
                of: part.weights.iter().map(|(_, weight)| weight).sum(),
                parties: part.weights.len(),
                bears: stands.map_or(Cents::ZERO, |(_, cents)| cents),
            });
        }
        let mut own = self.parties.iter().zip(&sums).filter(|(party, _)| buyer.is(party));
        let own = own.try_fold(Cents::ZERO, |sum, (_, cents)| sum.plus(*cents))?;
        Ok((own, self.parties.iter().map(|party| (*party).clone()).zip(sums).collect()))
    }
}

/// The parties to a key with their numbers; a buyer that may join has joined.
fn weights_of<'t>(key: &'t Key, buyer: &Buyer, itself: &'t Party) -> Result<Vec<(&'t Party, u64)>, Refusal> {
    let stated = key.parties.iter().map(|weight| Ok((&weight.party, key.weight_of(weight)?)));
    let mut weights = stated.collect::<Result<Vec<_>, Refusal>>()?;
    if key.open && !weights.iter().any(|(party, _)| buyer.is(party)) {
        let number = match key.kind {
            KeyKind::Inhabitants => buyer.inhabitants.ok_or_else(|| missing("inhabitants")),
            KeyKind::Uses => buyer.quantities.uses.ok_or_else(|| missing("uses")),
            _ => buyer.quantities.target_group.ok_or_else(|| missing("target_group")),
        };
        weights.push((itself, u64::from(number?)));
    }
    Ok(weights)
}

/// Where the buyer stands among the parties: itself, else its Land.
fn place_of(weights: &[(&Party, u64)], buyer: &Buyer) -> Option<usize> {
    let land = buyer.area.and_then(Land::of).map(Party::Land);
    let itself = weights.iter().position(|(party, _)| buyer.is(party));
    itself.or_else(|| weights.iter().position(|(party, _)| Some(*party) == land.as_ref()))
}

impl<'a> Buyer<'a> {
    /// What is known of a buyer by its admission, and what it says about itself.
    pub fn admitted(org: &'a OrgId, admission: Option<&'a Admission>, quantities: Quantities) -> Self {
        Self {
            org,
            area: admission.and_then(|admission| admission.area.as_ref()),
            inhabitants: admission.and_then(|admission| admission.inhabitants),
            quantities,
        }
    }

    /// Whether a party is this buyer. A Land orders under its organisation's name.
    fn is(&self, party: &Party) -> bool {
        match party {
            Party::Org(org) => org == self.org,
            Party::Land(land) => {
                self.area.is_some_and(|area| area.as_str().len() == 2 && Land::of(area) == Some(*land))
            }
            Party::Bund => false,
        }
    }
}

/// An amount after one year's rise, rounded half up to whole cents.
fn risen(cents: Cents, rate: BasisPoints) -> Result<Cents, Refusal> {
    part_of(cents, 10_000 + rate.get())
}

/// So many hundredths of a per cent of an amount, rounded half up to whole cents.
fn part_of(cents: Cents, points: u32) -> Result<Cents, Refusal> {
    let exact = i128::from(cents.get()) * i128::from(points);
    Cents::try_from(i64::try_from((exact + 5_000) / 10_000).unwrap_or(i64::MAX))
}

fn tax_lines(leg: &Leg, years: u32) -> Result<Vec<TaxLine>, Refusal> {
    let mut by_treatment: BTreeMap<(&Option<Tax>, &str), Vec<Component>> = BTreeMap::new();
    for component in leg.items.iter().flatten().map(|item| &item.component) {
        let words = if component.tax.is_some() { "" } else { &component.vat };
        by_treatment.entry((&component.tax, words)).or_default().push(component.clone());
    }
    let lines = by_treatment.into_iter().map(|((tax, words), components)| {
        let net = amount(&components, years)?;
        let tax_cents = match tax.as_ref().map(|tax| (tax.treatment, tax.rate)) {
            Some((Treatment::Taxed, Some(rate))) => Some(part_of(net, rate.get())?),
            Some((Treatment::Exempt | Treatment::NotTaxable, _)) => Some(Cents::ZERO),
            // Nothing is owed on nothing, whatever the treatment.
            _ => Some(Cents::ZERO).filter(|_| net == Cents::ZERO),
        };
        Ok(TaxLine { org: leg.org.clone(), tax: tax.clone(), words: words.to_owned(), net, tax_cents })
    });
    lines.collect()
}

fn missing(field: &'static str) -> Refusal {
    Refusal::new(Reason::QuantityMissing).with("field", field)
}
