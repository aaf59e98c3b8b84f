//! A sealed order as other formats want it: parties, one contract for each leg, what each costs.
//!
//! Made from messages that have been verified; must never judge them.
use std::collections::BTreeMap;

use crate::domain::body::Body;
use crate::domain::id::{OrgId, StatementId};
use crate::domain::money::Cents;
use crate::domain::offering::Offering;
use crate::domain::order::aftercare::{Phase, phase};
use crate::domain::order::{Attempt, LegFinding, Request, Seal};
use crate::domain::price::{Component, amount};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::Verified;
use crate::domain::time::{Date, plus_years};

/// A sealed order with what it names.
pub struct Contract<'e> {
    attempt: &'e Attempt,
    /// The buyer's request.
    pub request: &'e Request,
    /// The seal.
    pub seal: &'e Verified<Seal>,
    /// The offering, in the version ordered.
    pub offering: &'e Offering,
    names: BTreeMap<OrgId, String>,
    facts: Vec<(StatementId, &'e Body)>,
}

/// The contract of one party with the next one on the route.
pub struct Leg<'e> {
    /// Counts from 1, at the buyer.
    pub number: usize,
    /// Who awards.
    pub from: &'e OrgId,
    /// To whom.
    pub to: &'e OrgId,
    /// What the finding on it says.
    pub finding: &'e LegFinding,
    /// Who charges what: `to`, and everybody behind.
    pub items: Vec<(&'e OrgId, &'e Component)>,
    /// Net, over the whole term.
    pub total: Cents,
}

impl<'e> Contract<'e> {
    /// From the messages of an attempt and the public statements around it. `NOT_SEALED` where there is no contract,
    /// `EVIDENCE_MISSING` without the offering.
    pub fn new(
        attempt: &'e Attempt,
        facts: Vec<(StatementId, &'e Body)>,
        name_of: impl Fn(&OrgId) -> Option<String>,
    ) -> Result<Self, Refusal> {
        let request = attempt.request.body();
        let seal = attempt.seal.as_ref().filter(|_| attempt.void.is_none());
        let seal = seal.ok_or_else(|| Refusal::new(Reason::NotSealed).with("order", request.order))?;
        attempt.chain()?;
        let offering = facts.iter().find_map(|(id, body)| match body {
            Body::Offering(offering) if *id == request.offering => Some(offering),
            _ => None,
        });
        let missing = || Refusal::new(Reason::EvidenceMissing).with("offering", request.offering);
        let parties = request.route.parties();
        let names =
            parties.iter().map(|org| (org.clone(), name_of(org).unwrap_or_else(|| org.to_string()))).collect();
        Ok(Self { attempt, request, seal, offering: offering.ok_or_else(missing)?, names, facts })
    }

    /// The parties with their names, from the buyer to the provider.
    pub fn parties(&self) -> Vec<(&'e OrgId, &str)> {
        self.request.route.parties().iter().map(|org| (org, self.name(org))).collect()
    }

    /// The full name of a party.
    pub fn name<'n>(&'n self, org: &'n OrgId) -> &'n str {
        self.names.get(org).map_or(org.as_str(), String::as_str)
    }

    /// The contracts, from the buyer's on.
    pub fn legs(&self) -> Result<Vec<Leg<'e>>, Refusal> {
        let parties = self.request.route.parties();
        let charged: Vec<(&OrgId, &Component)> = self.items();
        let findings = self.attempt.leg_findings();
        let mut legs = Vec::new();
        for (at, (pair, finding)) in parties.windows(2).zip(findings).enumerate() {
            let [from, to] = pair else { continue };
            let behind = &parties[at + 1..];
            let items: Vec<_> = charged.iter().filter(|(org, _)| behind.contains(org)).copied().collect();
            let parts: Vec<Component> = items.iter().map(|(_, part)| (*part).clone()).collect();
            let total = amount(&parts, self.request.term_years)?;
            legs.push(Leg { number: at + 1, from, to, finding, items, total });
        }
        Ok(legs)
    }

    /// One of them, by its number.
    pub fn leg(&self, number: usize) -> Result<Leg<'e>, Refusal> {
        let legs = self.legs()?;
        let count = legs.len();
        let refuse = || Refusal::new(Reason::UsageInvalid).with("leg", number).with("legs", count);
        legs.into_iter().find(|leg| leg.number == number).ok_or_else(refuse)
    }

    /// Every item charged, nearest the buyer first.
    fn items(&self) -> Vec<(&'e OrgId, &'e Component)> {
        let counters = self.attempt.counters.values().map(Verified::body);
        let counters = counters.flat_map(|counter| counter.components.iter().map(|part| (&counter.from, part)));
        let accepted = self.attempt.acceptance.iter().map(Verified::body);
        let accepted = accepted.flat_map(|accept| accept.components.iter().map(|part| (&accept.from, part)));
        counters.chain(accepted).collect()
    }

    /// Its last day: the one named by a notice, or the end of the term.
    pub fn ends(&self) -> Date {
        match phase(self.attempt) {
            Some(Phase::Terminated(ends_on)) => ends_on,
            _ => plus_years(self.seal.body().signed_at.date(), self.request.term_years),
        }
    }

    /// Whether notice has been given or everything is over.
    pub fn is_ending(&self) -> bool {
        matches!(phase(self.attempt), Some(Phase::Terminated(_) | Phase::Closed))
    }

    /// The evidence that ends on a known day: which, about whom, and when.
    pub fn expiring(&self) -> Vec<(StatementId, String, Date)> {
        let named: Vec<StatementId> =
            self.attempt.leg_findings().into_iter().flat_map(|finding| finding.evidence.iter().copied()).collect();
        let ends = |(id, body): &(StatementId, &Body)| match body {
            Body::Membership(fact) => Some((*id, format!("{} → {}", fact.member, fact.of), fact.valid_to?)),
            Body::EntityFacts(fact) => Some((*id, fact.org.to_string(), fact.valid_to?)),
            _ => None,
        };
        self.facts.iter().filter(|(id, _)| named.contains(id)).filter_map(ends).collect()
    }
}
