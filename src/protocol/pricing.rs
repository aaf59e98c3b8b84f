//! Prices before anyone orders: what a route would cost, from what every organisation has published.
//!
//! The provider's acceptance and a hop's offer come from here as well, so they carry what was previewed. What an
//! operator sets as its fee is published as a signed tariff before it is charged.
use crate::domain::body::Body;
use crate::domain::id::{OrgId, StatementId};
use crate::domain::offering::{Component, Offering};
use crate::domain::order::Request;
use crate::domain::price::quote::{Buyer, Charge, Preview, carried, preview, quote};
use crate::domain::price::{Quantities, Tariff};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::route::Route;
use crate::domain::statement::{Kind, Signed};
use crate::protocol::{Node, Work};

/// What an order would cost.
#[derive(Clone, PartialEq, Debug)]
pub struct RoutePrice {
    /// The offering's version.
    pub offering: StatementId,
    /// Contract length.
    pub term_years: u32,
    /// Everything that is charged.
    pub preview: Preview,
    /// What the offering does not include, in its own words.
    pub not_included: Vec<String>,
}

impl Node {
    /// What an order along a route would cost. `term_years` of zero means the shortest term. Refused if the offering
    /// is unknown, is not sold by the route's provider, or its price depends on something that is not known.
    pub fn price_preview(
        &self,
        offering_id: &StatementId,
        route: &Route,
        term_years: u32,
        quantities: Quantities,
    ) -> Result<RoutePrice, Refusal> {
        let unknown = || Refusal::new(Reason::OfferingUnknown).with("id", offering_id);
        let offering = self.state.catalogue.version(offering_id).ok_or_else(unknown)?;
        if offering.seller != *route.provider() {
            return Err(Refusal::new(Reason::RouteInvalid).with("provider", &offering.seller));
        }
        let term_years = if term_years == 0 { offering.term_years_min } else { term_years };
        offering.check_term(term_years)?;
        let hops = route.parties()[1..route.parties().len() - 1].iter().rev().map(|hop| {
            let fee = self.state.catalogue.tariff(hop);
            Charge { org: hop, by: fee.map(|(id, _)| *id), items: fee.map(|(_, tariff)| tariff.fee.as_slice()) }
        });
        let provider = Charge { org: route.provider(), by: Some(*offering_id), items: Some(&offering.price) };
        let charges: Vec<Charge> = std::iter::once(provider).chain(hops).collect();
        let preview = preview(&charges, &self.buyer(route.buyer(), quantities), term_years)?;
        Ok(RoutePrice { offering: *offering_id, term_years, preview, not_included: offering.not_included.clone() })
    }

    /// What the provider charges for a request.
    pub(super) fn provider_price(&self, request: &Request, offering: &Offering) -> Result<Vec<Component>, Refusal> {
        let buyer = self.buyer(&request.buyer, request.quantities);
        quote(&offering.price, &buyer, request.term_years).map(carried)
    }

    /// What a hop hosted here charges for a request, and the tariff it is from: the published one, else the settings.
    pub(super) fn hop_price(
        &self,
        request: &Request,
        hop: &OrgId,
    ) -> Result<(Vec<Component>, Option<StatementId>), Refusal> {
        let published = self.state.catalogue.tariff(hop);
        let fee = match (published, self.settings.policies.get(hop)) {
            (Some((_, tariff)), _) => &tariff.fee,
            (None, Some(policy)) => &policy.fee,
            (None, None) => return Err(Refusal::new(Reason::NotAParty).with("org", hop)),
        };
        let buyer = self.buyer(&request.buyer, request.quantities);
        let components = quote(fee, &buyer, request.term_years).map(carried)?;
        Ok((components, published.map(|(id, _)| *id)))
    }

    /// What is known about a buyer without asking it.
    fn buyer<'a>(&'a self, org: &'a OrgId, quantities: Quantities) -> Buyer<'a> {
        let home = self.state.registry.home(org).ok();
        let admission = home.and_then(|log| log.orgs().get(org)).map(|standing| &standing.admission);
        Buyer {
            org,
            area: admission.and_then(|admission| admission.area.as_ref()),
            inhabitants: admission.and_then(|admission| admission.inhabitants),
            quantities,
        }
    }

    /// Publishes what the organisations hosted here charge, where the settings differ from what is published.
    pub(super) fn publish_tariffs(&mut self, work: &mut Work) {
        for (org, policy) in self.settings.policies.clone() {
            let known = self.state.catalogue.tariff(&org).map(|(_, tariff)| tariff);
            if known.map_or(policy.fee.is_empty(), |tariff| tariff.fee == policy.fee) {
                continue;
            }
            let tariff =
                Tariff { version: known.map_or(1, |tariff| tariff.version + 1), org: org.clone(), fee: policy.fee };
            let signed = self.statement_key(&org).map(|key| Signed::sign(&Kind::Tariff, &tariff, &[key]));
            // Before its log has begun an organisation has no key in force; founding comes back here.
            if let Ok(verified) = signed.and_then(|signed| self.state.registry.judge_now(&signed))
                && self.state.is_local(&org)
                && matches!(verified.body(), Body::Tariff(_))
            {
                self.append(verified, work);
            }
        }
    }
}
