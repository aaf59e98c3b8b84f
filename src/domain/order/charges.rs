//! Whether everyone charges what it has published. What follows from no published offering or tariff in force is agreed
//! freely (*frei vereinbart*): the buyer consents to it in the seal, by name, or it binds nobody.
use std::collections::BTreeSet;

use crate::domain::id::OrgId;
use crate::domain::money::Cents;
use crate::domain::order::attempt::Attempt;
use crate::domain::order::{Counter, Seal};
use crate::domain::price::quote::{Buyer, carried, quote};
use crate::domain::price::{Component, amount};
use crate::domain::reason::{Reason, Refusal};

/// What has been published that a price may follow from.
pub struct Published<'p> {
    /// The items of the offering's version that is ordered; none if it is not known.
    pub offering: Option<&'p [Component]>,
    /// The items of the tariff that was in force for a hop when it made its offer and that the offer names; none if it
    /// names none or another.
    pub tariff: &'p dyn Fn(&Counter) -> Option<&'p [Component]>,
}

/// Whose charges follow from nothing published. Who charges nothing needs no list.
pub fn freely_agreed(attempt: &Attempt, published: &Published, buyer: &Buyer) -> BTreeSet<OrgId> {
    let years = attempt.request.body().term_years;
    let mut free = BTreeSet::new();
    let mut look = |org: &OrgId, charged: &[Component], listed: Option<&[Component]>| {
        let follows = listed.is_some_and(|listed| quote(listed, buyer, years).map(carried).as_deref() == Ok(charged));
        if !follows && amount(charged, years) != Ok(Cents::ZERO) {
            free.insert(org.clone());
        }
    };
    for accept in attempt.acceptance.iter().map(|accept| accept.body()) {
        look(&accept.from, &accept.components, published.offering);
    }
    for counter in attempt.counters.values().map(|counter| counter.body()) {
        look(&counter.from, &counter.components, (published.tariff)(counter));
    }
    free
}

/// The seal names everyone whose price is agreed freely.
pub fn check_agreed(seal: &Seal, free: &BTreeSet<OrgId>) -> Result<(), Refusal> {
    match free.iter().find(|org| !seal.agreed.contains(org)) {
        Some(org) => Err(Refusal::new(Reason::PriceNotAgreed).with("org", org)),
        None => Ok(()),
    }
}
