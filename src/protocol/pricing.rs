//! Prices before anyone orders: what a route would cost, from what every organisation has published, and the routes
//! ranked by it.
//!
//! The provider's acceptance and a hop's offer come from here as well, so they carry what was previewed. What an
//! operator sets as its fee is published as a signed tariff before it is charged.
use std::collections::BTreeMap;

use crate::domain::body::Body;
use crate::domain::fit::Way;
use crate::domain::id::{OrgId, StatementId};
use crate::domain::law::Award;
use crate::domain::law::cases::Court;
use crate::domain::money::Cents;
use crate::domain::offering::Offering;
use crate::domain::order::Request;
use crate::domain::price::quote::{Buyer, Charge, Preview, carried, preview, quote};
use crate::domain::price::{Component, Quantities, Tariff};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::route::{self, FoundRoutes, Route};
use crate::domain::statement::{Kind, Signed};
use crate::domain::time::Date;
use crate::protocol::public::Public;
use crate::protocol::{Node, Work};

/// Most routes that are compared by what their hops charge, when one seller's are as good as each other.
pub const WAY_ROUTES_MAX: usize = 20;

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

/// A question for routes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RouteSearch<'a> {
    /// Who orders.
    pub buyer: &'a OrgId,
    /// Who performs.
    pub provider: &'a OrgId,
    /// The rule pack.
    pub rule_pack: StatementId,
    /// Day of award.
    pub as_of: Date,
    /// Facts known on this day are used.
    pub known_on: Date,
    /// Day on which the procedure began.
    pub began: Date,
    /// What kind of contract it is.
    pub award: Award,
    /// Whether a contract in force is to be changed.
    pub is_change: bool,
    /// What is ordered; without it no route has a price.
    pub offering: Option<StatementId>,
    /// Contract length; zero for the shortest term.
    pub term_years: u32,
    /// What the buyer says about itself.
    pub quantities: Quantities,
}

impl<'a> Public<'a> {
    /// Whether there is something to judge between two: both are known, by their admission or by any fact, and they
    /// are not the same. A name with a typing error must not read like an organisation that has no route.
    pub fn check_parties(self, from: &OrgId, to: &OrgId) -> Result<(), Refusal> {
        if from == to {
            return Err(Refusal::new(Reason::RouteInvalid).with("party", from));
        }
        let known = |org: &&OrgId| self.facts.number(org).is_some() || self.registry.home(org).is_ok();
        match [from, to].into_iter().find(|org| !known(org)) {
            Some(org) => Err(Refusal::new(Reason::OrgUnknown).with("org", org)),
            None => Ok(()),
        }
    }

    /// Every route with its verdict and its price, ranked by verdict, then price, then length. Refused if a party or
    /// the rule pack is unknown, and if the provider is expelled. The price of a route is unknown where not every party
    /// has published what it charges, or the price depends on what is not known.
    pub fn find_routes(self, search: &RouteSearch) -> Result<FoundRoutes, Refusal> {
        let RouteSearch {
            buyer,
            provider,
            rule_pack,
            as_of,
            known_on,
            began,
            award,
            is_change,
            offering,
            term_years,
            quantities,
        } = *search;
        self.check_parties(buyer, provider)?;
        self.registry.check_member(provider)?;
        let unknown = || Refusal::new(Reason::RulePackUnknown).with("rule_pack", rule_pack);
        let pack = (&rule_pack, self.packs.get(&rule_pack).ok_or_else(unknown)?);
        let court = Court { award, began, is_change, ..Court::on(self.facts, pack, as_of, known_on) };
        let mut found = route::find_routes(&court, buyer, provider);
        let registry = self.registry;
        found.routes.retain(|judged| judged.route.parties().iter().all(|party| !registry.is_expelled(party)));
        let sold = offering.and_then(|id| Some((id, self.catalogue.version(&id)?)));
        let Some((id, offering)) = sold.filter(|(_, offering)| offering.seller == *provider) else {
            return Ok(found);
        };
        let Ok(years) = term_of(offering, term_years) else { return Ok(found) };
        let buyer = self.buyer(buyer, quantities);
        let net = |charge: Charge<'_>| net(charge, &buyer, years);
        // A hop stands on many routes and charges the same on each, and so does the provider.
        let mut known = BTreeMap::from([(provider.clone(), net(offered(&id, offering)))]);
        found.rank(|route| {
            let mut parties = route.parties()[1..].iter();
            parties.try_fold(Cents::ZERO, |sum, party| {
                let price = known.entry(party.clone()).or_insert_with(|| net(self.fee(party)));
                sum.plus((*price)?).ok()
            })
        });
        Ok(found)
    }

    /// What an order along a route would cost. `term_years` of zero means the shortest term. Refused if the offering
    /// is unknown, is not sold by the route's provider, or its price depends on something that is not known.
    pub fn price_preview(
        self,
        offering_id: &StatementId,
        route: &Route,
        term_years: u32,
        quantities: Quantities,
    ) -> Result<RoutePrice, Refusal> {
        let unknown = || Refusal::new(Reason::OfferingUnknown).with("id", offering_id);
        let offering = self.catalogue.version(offering_id).ok_or_else(unknown)?;
        if offering.seller != *route.provider() {
            return Err(Refusal::new(Reason::RouteInvalid).with("provider", &offering.seller));
        }
        let term_years = term_of(offering, term_years)?;
        let hops = route.parties()[1..route.parties().len() - 1].iter().rev().map(|hop| self.fee(hop));
        let charges: Vec<Charge> = std::iter::once(offered(offering_id, offering)).chain(hops).collect();
        let preview = preview(&charges, &self.buyer(route.buyer(), quantities), term_years)?;
        Ok(RoutePrice { offering: *offering_id, term_years, preview, not_included: offering.not_included.clone() })
    }

    /// The best way from a buyer to a seller on a day, and the routes that are as good: at most [`WAY_ROUTES_MAX`]. What
    /// cannot be judged (an unknown party, no rule pack in force) is no way.
    pub fn way_to(self, buyer: &OrgId, seller: &OrgId, day: Date) -> (Way, Vec<Route>) {
        if buyer == seller {
            return (Way::Own, Vec::new());
        }
        let Ok(rule_pack) = self.rule_pack_on(day) else { return (Way::None, Vec::new()) };
        let search = RouteSearch {
            buyer,
            provider: seller,
            rule_pack,
            as_of: day,
            known_on: day,
            began: day,
            award: Award::General,
            is_change: false,
            offering: None,
            term_years: 0,
            quantities: Quantities::default(),
        };
        let Ok(found) = self.find_routes(&search) else { return (Way::None, Vec::new()) };
        let best = Way::of_all(&found);
        if !best.holds() {
            return (best, Vec::new());
        }
        let good = found.routes.into_iter().filter(|judged| Way::of(judged) == best);
        (best, good.map(|judged| judged.route).take(WAY_ROUTES_MAX).collect())
    }

    /// What the hops of a route charge over a contract, net; nothing if one of them has not published it.
    pub fn hop_fees(self, route: &Route, years: u32) -> Option<Cents> {
        let buyer = self.buyer(route.buyer(), Quantities::default());
        let hops = route.parties()[1..route.parties().len() - 1].iter();
        hops.map(|hop| net(self.fee(hop), &buyer, years)).try_fold(Cents::ZERO, |sum, fee| sum.plus(fee?).ok())
    }

    /// What the seller of an offering charges a buyer over its shortest contract, net; nothing if that depends on what is
    /// not known.
    pub fn list_price(self, id: &StatementId, offering: &Offering, buyer: &OrgId) -> Option<Cents> {
        net(offered(id, offering), &self.buyer(buyer, Quantities::default()), offering.term_years_min)
    }

    /// What an organisation has published that it charges for passing on.
    fn fee<'b>(self, org: &'b OrgId) -> Charge<'b>
    where
        'a: 'b,
    {
        let fee = self.catalogue.tariff(org);
        Charge { org, by: fee.map(|(id, _)| *id), items: fee.map(|(_, tariff)| tariff.fee.as_slice()) }
    }

    /// What is known about a buyer without asking it.
    pub(super) fn buyer<'b>(self, org: &'b OrgId, quantities: Quantities) -> Buyer<'b>
    where
        'a: 'b,
    {
        let home = self.registry.home(org).ok();
        let admission = home.and_then(|log| log.orgs().get(org)).map(|standing| &standing.admission);
        Buyer::admitted(org, admission, quantities)
    }
}

impl Node {
    /// What the provider charges for a request.
    pub(super) fn provider_price(&self, request: &Request, offering: &Offering) -> Result<Vec<Component>, Refusal> {
        let buyer = self.state.public().buyer(&request.buyer, request.quantities);
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
        let buyer = self.state.public().buyer(&request.buyer, request.quantities);
        let components = quote(fee, &buyer, request.term_years).map(carried)?;
        Ok((components, published.map(|(id, _)| *id)))
    }

    /// Publishes what the organisations hosted here charge, where the settings differ from what is published.
    pub(super) fn publish_tariffs(&mut self, work: &mut Work) {
        for (org, policy) in self.settings.policies.clone() {
            let known = self.state.catalogue.tariff(&org).map(|(_, tariff)| tariff);
            // Who charges nothing says so as well: a silence would leave every route through it without a price.
            if known.is_some_and(|tariff| tariff.fee == policy.fee) {
                continue;
            }
            let tariff =
                Tariff { version: known.map_or(1, |tariff| tariff.version + 1), org: org.clone(), fee: policy.fee };
            let signed = self.statement_key(&org).map(|key| Signed::sign(&Kind::Tariff, &tariff, &[key]));
            // Before its log has begun an organisation has no key in force; founding comes back here.
            if let Ok(verified) = signed.and_then(|signed| self.state.judge(&signed))
                && self.state.is_local(&org)
                && matches!(verified.body(), Body::Tariff(_))
            {
                self.append(verified, work);
            }
        }
    }
}

/// What one organisation charges, if all of it is known.
fn net(charge: Charge<'_>, buyer: &Buyer<'_>, years: u32) -> Option<Cents> {
    preview(&[charge], buyer, years).ok().filter(Preview::is_complete).map(|one| one.total)
}

/// What an offering says that its seller charges.
fn offered<'a>(id: &StatementId, offering: &'a Offering) -> Charge<'a> {
    Charge { org: &offering.seller, by: Some(*id), items: Some(&offering.price) }
}

/// The contract length asked for, if the offering has it; the shortest for zero.
fn term_of(offering: &Offering, asked: u32) -> Result<u32, Refusal> {
    let years = if asked == 0 { offering.term_years_min } else { asked };
    offering.check_term(years).map(|()| years)
}
