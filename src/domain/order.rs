//! Orders: the messages of one attempt along one route, and the rules by which they fit together.
//!
//! The buyer's node decides. Endorsements go down the route, binding offers come back up, and one seal or void ends
//! the attempt for all parties at once. Every message names its predecessor by id. The same rules serve the node that
//! acts and the auditor who judges years later.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::body::Body;
use crate::domain::grounds::Grounds;
use crate::domain::id::{NodeId, OfficerName, OrderId, OrgId, Origin, StatementId};
use crate::domain::law::{Basis, Verdict};
use crate::domain::money::Cents;
use crate::domain::offering::{Component, Due, TERM_YEARS_MAX};
use crate::domain::price::Quantities;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::route::Route;
use crate::domain::statement::{Kind, Salt, Verified, checked_text};
use crate::domain::time::{Date, Timestamp};

/// Longest time from a request to its seal deadline: half a year covers a council's summer and winter recess.
pub const DEADLINE_DAYS_MAX: i64 = 180;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Most routes a request says were considered: more than anyone compares, about four kilobytes.
pub const CONSIDERED_MAX: usize = 20;

/// An officer asks for an offering along a route.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Request {
    /// Derived from buyer and `request_id`.
    pub order: OrderId,
    /// Counts up from 1; a new attempt starts only after the last one is void.
    pub attempt: u32,
    /// Chosen by the officer's tool; repeating it repeats the order.
    pub request_id: String,
    /// Whether it binds or only asks (*Interessenbekundung*).
    pub mode: Mode,
    /// Who buys.
    pub buyer: OrgId,
    /// The offering, pinned to one version.
    pub offering: StatementId,
    /// From buyer to provider.
    pub route: Route,
    /// Day of award on which the legs are judged.
    pub as_of: Date,
    /// The rule pack for judging them.
    pub rule_pack: StatementId,
    /// Contract length.
    pub term_years: u32,
    /// Highest total over the whole term.
    pub total_max: Cents,
    /// Until when the chain must be complete.
    pub quote_by: Timestamp,
    /// Until when the buyer may seal; offers bind until then.
    pub seal_by: Timestamp,
    /// The officer's leave to seal without another look, if everything holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_seal: Option<AutoSeal>,
    /// What the price depends on about the buyer, as the buyer says.
    #[serde(default, skip_serializing_if = "Quantities::is_empty")]
    pub quantities: Quantities,
    /// The buyer's own reference, e.g. a Leitweg-ID or budget line.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reference: String,
    /// The routes the officer had before choosing, best first, the chosen one among them. Nothing rests on them; they
    /// are for the record (*Vergabevermerk*).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub considered: Vec<Considered>,
    /// The need, the other offerings and the reason for the choice, for the record as well.
    #[serde(default, skip_serializing_if = "Grounds::is_empty")]
    pub grounds: Grounds,
    /// Who orders.
    pub officer: OfficerName,
    /// When, by the officer's clock.
    pub signed_at: Timestamp,
    /// Hides the hash; known to the parties only.
    pub salt: Salt,
}

/// A route as the machine judged and priced it before the officer chose.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Considered {
    /// From buyer to provider.
    pub route: Route,
    /// The worst of its legs.
    pub verdict: Verdict,
    /// Net, over the whole term; absent where it could not be known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<Cents>,
}

/// Whether a request binds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Asks for conditions; binds nobody.
    Interest,
    /// May be sealed.
    Binding,
}

/// Terms under which the buyer's node may seal by itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AutoSeal {
    /// Whether legs that rest on assumed facts will do.
    pub accept_assumed: bool,
}

/// An officer approves a colleague's order, or decides what was held for a human.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Decision {
    /// The order.
    pub order: OrderId,
    /// The attempt.
    pub attempt: u32,
    /// The request it is about.
    pub request: StatementId,
    /// For whom.
    pub org: OrgId,
    /// Yes or no.
    pub approve: bool,
    /// Why, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// The machine's verdict on the organisation's leg, as the officer saw it: the leg towards it, for the buyer the
    /// one it awards. It stands beside the decision and never replaces it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leg: Option<LegFinding>,
    /// Who decides.
    pub officer: OfficerName,
    /// When.
    pub signed_at: Timestamp,
    /// Hides the hash.
    pub salt: Salt,
}

/// How the signer found the leg towards it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LegFinding {
    /// Who awards.
    pub from: OrgId,
    /// To whom.
    pub to: OrgId,
    /// On which day.
    pub as_of: Date,
    /// The verdict.
    pub verdict: Verdict,
    /// The basis in section 108 GWB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<Basis>,
    /// Whether it rests on assumed facts.
    pub assumed: bool,
    /// The facts it rests on.
    pub evidence: Vec<StatementId>,
}

/// A hop finds the leg towards it lawful and passes the request on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Endorse {
    /// The order.
    pub order: OrderId,
    /// The attempt.
    pub attempt: u32,
    /// The hop.
    pub from: OrgId,
    /// The request, or the endorsement of the hop before.
    pub prev: StatementId,
    /// The leg towards the hop.
    pub leg: LegFinding,
    /// The human decision behind it; absent if a rule of the hop decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<StatementId>,
    /// When.
    pub signed_at: Timestamp,
    /// Hides the hash.
    pub salt: Salt,
}

/// The provider accepts.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Accept {
    /// The order.
    pub order: OrderId,
    /// The attempt.
    pub attempt: u32,
    /// The provider.
    pub from: OrgId,
    /// The endorsement of the last hop, or the request where there is none.
    pub prev: StatementId,
    /// The leg towards the provider.
    pub leg: LegFinding,
    /// What the provider charges.
    pub components: Vec<Component>,
    /// The human decision behind it, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<StatementId>,
    /// Until when the offer binds.
    pub binds_until: Timestamp,
    /// When.
    pub signed_at: Timestamp,
    /// Hides the hash.
    pub salt: Salt,
}

/// A hop's binding offer for the leg towards it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Counter {
    /// The order.
    pub order: OrderId,
    /// The attempt.
    pub attempt: u32,
    /// The hop.
    pub from: OrgId,
    /// The acceptance, or the offer of the hop behind.
    pub prev: StatementId,
    /// What the hop itself charges.
    pub components: Vec<Component>,
    /// The published tariff behind it; absent if the hop has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tariff: Option<StatementId>,
    /// Until when the offer binds.
    pub binds_until: Timestamp,
    /// When.
    pub signed_at: Timestamp,
    /// Hides the hash.
    pub salt: Salt,
}

/// A hop declines or the provider rejects.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Decline {
    /// The order.
    pub order: OrderId,
    /// The attempt.
    pub attempt: u32,
    /// Who.
    pub from: OrgId,
    /// The request.
    pub request: StatementId,
    /// The stable reason word.
    pub reason: String,
    /// In words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// When.
    pub signed_at: Timestamp,
    /// Hides the hash.
    pub salt: Salt,
}

/// The buyer binds all legs at once.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Seal {
    /// The order.
    pub order: OrderId,
    /// The attempt.
    pub attempt: u32,
    /// The buyer.
    pub buyer: OrgId,
    /// Request, endorsements down the route, acceptance, offers back up: their ids in this order.
    pub chain: Vec<StatementId>,
    /// The total over the whole term.
    pub total: Cents,
    /// Who seals; absent if the request's own leave did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub officer: Option<OfficerName>,
    /// When.
    pub signed_at: Timestamp,
    /// Hides the hash.
    pub salt: Salt,
}

/// Why an attempt ended without a seal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VoidReason {
    /// The buyer cancelled.
    Cancelled,
    /// A deadline passed.
    Expired,
    /// A hop declined or the provider rejected.
    Rejected,
    /// The colleague's approval was refused.
    NotApproved,
    /// The sum of all offers exceeds the request's cap.
    PriceTooHigh,
    /// A leg no longer holds.
    Lapsed,
}

/// The buyer's node ends an attempt.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Void {
    /// The order.
    pub order: OrderId,
    /// The attempt.
    pub attempt: u32,
    /// The buyer.
    pub buyer: OrgId,
    /// The request.
    pub request: StatementId,
    /// Why.
    pub reason: VoidReason,
    /// Who cancels; absent if a rule did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub officer: Option<OfficerName>,
    /// When.
    pub signed_at: Timestamp,
    /// Hides the hash.
    pub salt: Salt,
}

/// A message has arrived, is stored and stands in the receiver's log.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Receipt {
    /// The order.
    pub order: OrderId,
    /// The attempt.
    pub attempt: u32,
    /// The receiver.
    pub from: OrgId,
    /// The message.
    pub message: StatementId,
    /// The receiver's log.
    pub log: Origin,
    /// Size of that log with the message in it.
    pub size: u64,
    /// When.
    pub received_at: Timestamp,
    /// Hides the hash.
    pub salt: Salt,
}

/// An officer proves identity to one node for one call.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Access {
    /// For whom the officer acts.
    pub org: OrgId,
    /// The officer.
    pub officer: OfficerName,
    /// The node that is asked.
    pub node: NodeId,
    /// When.
    pub signed_at: Timestamp,
    /// Makes every proof different.
    pub salt: Salt,
}

impl Request {
    /// The rules a request must meet on its own.
    pub fn check(&self) -> Result<(), Refusal> {
        checked_text("request_id", &self.request_id, 100)?;
        checked_text("reference", &self.reference, 200)?;
        if self.route.buyer() != &self.buyer {
            return Err(Refusal::new(Reason::RouteInvalid).with("buyer", &self.buyer));
        }
        if self.order != OrderId::derive(&self.buyer, &self.request_id) {
            return Err(Refusal::new(Reason::OrderIdMismatch).with("order", self.order));
        }
        let refuse = |field| Err(Refusal::new(Reason::FieldInvalid).with("field", field));
        if self.attempt == 0 {
            return refuse("attempt");
        }
        if !(1..=TERM_YEARS_MAX).contains(&self.term_years) {
            return refuse("term_years").map_err(|refusal: Refusal| refusal.with("at_most", TERM_YEARS_MAX));
        }
        let ends = |route: &Route| route.buyer() == &self.buyer && route.provider() == self.route.provider();
        if self.considered.len() > CONSIDERED_MAX || !self.considered.iter().all(|seen| ends(&seen.route)) {
            return refuse("considered");
        }
        self.grounds.check(&self.offering)?;
        let latest = self.signed_at.plus_ms(DEADLINE_DAYS_MAX * DAY_MS);
        if self.signed_at < self.quote_by && self.quote_by < self.seal_by && self.seal_by <= latest {
            Ok(())
        } else {
            Err(Refusal::new(Reason::DeadlineInvalid).with("quote_by", self.quote_by).with("seal_by", self.seal_by))
        }
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

/// What happened when a message was put in its place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Placed {
    /// It is new.
    New,
    /// It was already there.
    Same,
    /// Another message holds that place: its author has contradicted itself.
    Contradicts(StatementId),
}

/// Everything known about one attempt along one route.
///
/// Position 0 is the buyer, position n the provider; leg i runs from position i−1 to position i.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The request; first of all messages.
    pub request: Verified<Request>,
    /// Decisions by organisation.
    pub decisions: BTreeMap<OrgId, Verified<Decision>>,
    /// Endorsements by position.
    pub endorsements: BTreeMap<usize, Verified<Endorse>>,
    /// The provider's acceptance.
    pub acceptance: Option<Verified<Accept>>,
    /// Binding offers by position.
    pub counters: BTreeMap<usize, Verified<Counter>>,
    /// Refusals by position.
    pub declines: BTreeMap<usize, Verified<Decline>>,
    /// The seal.
    pub seal: Option<Verified<Seal>>,
    /// The void.
    pub void: Option<Verified<Void>>,
}

impl Attempt {
    /// An attempt begins with its request.
    pub fn new(request: Verified<Request>) -> Self {
        Self {
            request,
            decisions: BTreeMap::new(),
            endorsements: BTreeMap::new(),
            acceptance: None,
            counters: BTreeMap::new(),
            declines: BTreeMap::new(),
            seal: None,
            void: None,
        }
    }

    /// The route.
    pub fn route(&self) -> &Route {
        &self.request.body().route
    }

    /// Number of legs, which is also the provider's position.
    pub fn legs(&self) -> usize {
        self.route().parties().len() - 1
    }

    /// Where an organisation stands.
    pub fn position(&self, org: &OrgId) -> Result<usize, Refusal> {
        self.route()
            .parties()
            .iter()
            .position(|party| party == org)
            .ok_or_else(|| Refusal::new(Reason::NotAParty).with("org", org))
    }

    /// Puts a verified message in its place, if it fits.
    pub fn place(&mut self, message: Verified<Body>) -> Result<Placed, Refusal> {
        if message.body().order() != Some((self.request.body().order, self.request.body().attempt)) {
            return Err(Refusal::new(Reason::ChainBroken).with("rule", "other order or attempt"));
        }
        let signed = message.signed().clone();
        match message.body() {
            Body::Request(_) => Ok(same_or_contradicts(self.request.id(), signed.id())),
            Body::Decision(body) => {
                self.position(&body.org)?;
                self.must_be_about_request(body.request)?;
                let buys = body.org == self.request.body().buyer;
                let own = |leg: &LegFinding| if buys { leg.from == body.org } else { leg.to == body.org };
                if !body.leg.iter().all(own) {
                    return Err(Refusal::new(Reason::ChainBroken).with("rule", "decided on another's leg"));
                }
                let (key, body) = (body.org.clone(), body.clone());
                Ok(put(&mut self.decisions, key, message.map(|_| body)))
            }
            Body::Endorse(body) => {
                let at = self.check_endorse(body)?;
                let body = body.clone();
                Ok(put(&mut self.endorsements, at, message.map(|_| body)))
            }
            Body::Accept(body) => {
                self.check_accept(body)?;
                let body = body.clone();
                Ok(put_one(&mut self.acceptance, message.map(|_| body)))
            }
            Body::Counter(body) => {
                let at = self.check_counter(body)?;
                let body = body.clone();
                Ok(put(&mut self.counters, at, message.map(|_| body)))
            }
            Body::Reject(body) | Body::Decline(body) => {
                let at = self.check_decline(signed.kind(), body)?;
                let body = body.clone();
                Ok(put(&mut self.declines, at, message.map(|_| body)))
            }
            Body::Seal(body) => {
                self.check_seal(body)?;
                if let Some(void) = &self.void {
                    return Ok(Placed::Contradicts(void.id()));
                }
                let body = body.clone();
                Ok(put_one(&mut self.seal, message.map(|_| body)))
            }
            Body::Void(body) => {
                self.must_be_about_request(body.request)?;
                self.must_be_buyer(&body.buyer)?;
                if let Some(seal) = &self.seal {
                    return Ok(Placed::Contradicts(seal.id()));
                }
                let body = body.clone();
                Ok(put_one(&mut self.void, message.map(|_| body)))
            }
            _ => Err(Refusal::new(Reason::ChainBroken).with("kind", signed.kind())),
        }
    }

    fn must_be_about_request(&self, request: StatementId) -> Result<(), Refusal> {
        if request == self.request.id() {
            Ok(())
        } else {
            Err(Refusal::new(Reason::ChainBroken).with("rule", "about another request"))
        }
    }

    fn must_be_buyer(&self, org: &OrgId) -> Result<(), Refusal> {
        if org == &self.request.body().buyer { Ok(()) } else { Err(Refusal::new(Reason::NotAParty).with("org", org)) }
    }

    fn check_endorse(&self, body: &Endorse) -> Result<usize, Refusal> {
        let at = self.position(&body.from)?;
        if at == 0 || at == self.legs() {
            return Err(Refusal::new(Reason::ChainBroken).with("rule", "only hops endorse"));
        }
        self.check_predecessor(body.prev, self.before(at))?;
        self.check_leg(&body.leg, at).and_then(|()| self.check_decided(&body.from, body.decision)).map(|()| at)
    }

    fn check_accept(&self, body: &Accept) -> Result<(), Refusal> {
        let at = self.position(&body.from)?;
        if at != self.legs() {
            return Err(Refusal::new(Reason::ChainBroken).with("rule", "only the provider accepts"));
        }
        self.check_predecessor(body.prev, self.before(at))?;
        self.check_leg(&body.leg, at)?;
        self.check_decided(&body.from, body.decision)?;
        self.check_binding(body.binds_until)?;
        amount(&body.components, self.request.body().term_years).map(|_| ())
    }

    fn check_counter(&self, body: &Counter) -> Result<usize, Refusal> {
        let at = self.position(&body.from)?;
        if at == 0 || at == self.legs() {
            return Err(Refusal::new(Reason::ChainBroken).with("rule", "only hops make counter-offers"));
        }
        let behind = if at + 1 == self.legs() {
            self.acceptance.as_ref().map(Verified::id)
        } else {
            self.counters.get(&(at + 1)).map(Verified::id)
        };
        self.check_predecessor(body.prev, behind)?;
        if !self.endorsements.contains_key(&at) {
            return Err(Refusal::new(Reason::ChainBroken).with("rule", "a hop endorses before it offers"));
        }
        self.check_binding(body.binds_until)?;
        amount(&body.components, self.request.body().term_years)?;
        Ok(at)
    }

    fn check_decline(&self, kind: &Kind, body: &Decline) -> Result<usize, Refusal> {
        let at = self.position(&body.from)?;
        self.must_be_about_request(body.request)?;
        let right_kind = if at == self.legs() { Kind::Reject } else { Kind::Decline };
        if at == 0 || *kind != right_kind {
            return Err(Refusal::new(Reason::ChainBroken).with("rule", "hops decline, the provider rejects"));
        }
        Ok(at)
    }

    /// The message that the one of position `at` follows on the way down.
    fn before(&self, at: usize) -> Option<StatementId> {
        if at == 1 { Some(self.request.id()) } else { self.endorsements.get(&(at - 1)).map(Verified::id) }
    }

    fn check_predecessor(&self, named: StatementId, known: Option<StatementId>) -> Result<(), Refusal> {
        match known {
            Some(id) if id == named => Ok(()),
            Some(_) => Err(Refusal::new(Reason::ChainBroken).with("rule", "another predecessor")),
            None => Err(Refusal::new(Reason::ChainBroken).with("rule", "predecessor missing")),
        }
    }

    fn check_leg(&self, leg: &LegFinding, at: usize) -> Result<(), Refusal> {
        let parties = self.route().parties();
        let right = leg.from == parties[at - 1] && leg.to == parties[at] && leg.as_of == self.request.body().as_of;
        if !right {
            return Err(Refusal::new(Reason::ChainBroken).with("rule", "judged another leg or day"));
        }
        match leg.verdict {
            Verdict::NotFulfilled => {
                Err(Refusal::new(Reason::LegNotLawful).with("from", &leg.from).with("to", &leg.to))
            }
            _ => Ok(()),
        }
    }

    /// A human decision that is named must be there and must say yes.
    fn check_decided(&self, org: &OrgId, decision: Option<StatementId>) -> Result<(), Refusal> {
        let Some(named) = decision else { return Ok(()) };
        let agrees = |decision: &Verified<Decision>| decision.id() == named && decision.body().approve;
        if self.decisions.get(org).is_some_and(agrees) {
            Ok(())
        } else {
            Err(Refusal::new(Reason::ChainBroken).with("rule", "the decision named is missing or says no"))
        }
    }

    fn check_binding(&self, until: Timestamp) -> Result<(), Refusal> {
        let seal_by = self.request.body().seal_by;
        if until >= seal_by {
            return Ok(());
        }
        Err(Refusal::new(Reason::DeadlineInvalid).with("binds_until", until).with("seal_by", seal_by))
    }

    /// Request, endorsements down, acceptance, offers up; refused while one is missing.
    pub fn chain(&self) -> Result<Vec<StatementId>, Refusal> {
        let missing = |at: usize, kind: Kind| {
            Refusal::new(Reason::ChainIncomplete).with("missing", kind).with("org", &self.route().parties()[at])
        };
        let mut chain = vec![self.request.id()];
        for at in 1..self.legs() {
            let endorse = self.endorsements.get(&at).ok_or_else(|| missing(at, Kind::Endorse))?;
            chain.push(endorse.id());
        }
        let accept = self.acceptance.as_ref().ok_or_else(|| missing(self.legs(), Kind::Accept))?;
        chain.push(accept.id());
        for at in (1..self.legs()).rev() {
            let counter = self.counters.get(&at).ok_or_else(|| missing(at, Kind::Counter))?;
            chain.push(counter.id());
        }
        Ok(chain)
    }

    /// The price stack, provider first: who charges what, over the whole term.
    pub fn price(&self) -> Result<Vec<(OrgId, Cents)>, Refusal> {
        let years = self.request.body().term_years;
        let accept = self.acceptance.iter().map(|accept| (accept.body().from.clone(), &accept.body().components));
        let counters = self.counters.values().rev();
        let counters = counters.map(|counter| (counter.body().from.clone(), &counter.body().components));
        accept.chain(counters).map(|(org, parts)| Ok((org, amount(parts, years)?))).collect()
    }

    /// Sum of the price stack.
    pub fn total(&self) -> Result<Cents, Refusal> {
        self.price()?.into_iter().try_fold(Cents::ZERO, |sum, (_, part)| sum.plus(part))
    }

    /// The findings of all legs, in order.
    pub fn leg_findings(&self) -> Vec<&LegFinding> {
        let endorsed = self.endorsements.values().map(|endorse| &endorse.body().leg);
        endorsed.chain(self.acceptance.iter().map(|accept| &accept.body().leg)).collect()
    }

    /// Whether the whole chain is here, and what it costs.
    pub fn offer(&self) -> Result<Cents, Refusal> {
        self.chain()?;
        let total = self.total()?;
        let cap = self.request.body().total_max;
        if total > cap {
            return Err(Refusal::new(Reason::PriceTooHigh).with("total", total).with("cap", cap));
        }
        Ok(total)
    }

    /// The rules of a seal, as far as the messages known here allow: a hop knows only what lies behind it, so it
    /// checks that its own messages are among those sealed; whoever holds the whole chain checks all of it.
    fn check_seal(&self, seal: &Seal) -> Result<(), Refusal> {
        self.must_be_buyer(&seal.buyer)?;
        let known = std::iter::once(self.request.id())
            .chain(self.endorsements.values().map(Verified::id))
            .chain(self.acceptance.iter().map(Verified::id))
            .chain(self.counters.values().map(Verified::id));
        for id in known {
            if !seal.chain.contains(&id) {
                return Err(Refusal::new(Reason::ChainBroken).with("rule", "the seal leaves out a message"));
            }
        }
        if self.request.body().mode != Mode::Binding {
            return Err(Refusal::new(Reason::OrderState).with("rule", "an interest cannot be sealed"));
        }
        match self.chain() {
            Ok(chain) if chain != seal.chain => {
                Err(Refusal::new(Reason::ChainBroken).with("rule", "the seal names another chain"))
            }
            Ok(_) if self.total()? != seal.total => {
                Err(Refusal::new(Reason::PriceMismatch).with("sealed", seal.total).with("sum", self.total()?))
            }
            Ok(_) => self.offer().map(|_| ()).and_then(|()| self.check_leave(seal)),
            Err(_) => Ok(()),
        }
    }

    /// A seal without an officer needs the request's leave, and every leg fulfilled.
    fn check_leave(&self, seal: &Seal) -> Result<(), Refusal> {
        if seal.officer.is_some() {
            return Ok(());
        }
        let refuse = |rule: &str| Err(Refusal::new(Reason::SignerWrong).with("rule", rule));
        let Some(leave) = &self.request.body().auto_seal else {
            return refuse("the request gives no leave to seal without an officer");
        };
        let fulfilled =
            |leg: &&LegFinding| leg.verdict == Verdict::Fulfilled && (leave.accept_assumed || !leg.assumed);
        if self.leg_findings().iter().all(fulfilled) { Ok(()) } else { refuse("not every leg is fulfilled") }
    }

    /// Every message, in the order in which a newcomer can place them.
    pub fn messages(&self) -> Vec<&crate::domain::statement::Signed> {
        let mut all = vec![self.request.signed()];
        all.extend(self.decisions.values().map(Verified::signed));
        all.extend(self.endorsements.values().map(Verified::signed));
        all.extend(self.acceptance.iter().map(Verified::signed));
        all.extend(self.counters.values().rev().map(Verified::signed));
        all.extend(self.declines.values().map(Verified::signed));
        all.extend(self.seal.iter().map(Verified::signed));
        all.extend(self.void.iter().map(Verified::signed));
        all
    }
}

fn same_or_contradicts(known: StatementId, new: StatementId) -> Placed {
    if known == new { Placed::Same } else { Placed::Contradicts(known) }
}

fn put<K: Ord, T>(places: &mut BTreeMap<K, Verified<T>>, key: K, message: Verified<T>) -> Placed {
    match places.get(&key) {
        Some(known) => same_or_contradicts(known.id(), message.id()),
        None => {
            places.insert(key, message);
            Placed::New
        }
    }
}

fn put_one<T>(place: &mut Option<Verified<T>>, message: Verified<T>) -> Placed {
    match place {
        Some(known) => same_or_contradicts(known.id(), message.id()),
        None => {
            *place = Some(message);
            Placed::New
        }
    }
}
