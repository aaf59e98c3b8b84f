//! One attempt: every message in its place, and the rules by which they fit together.
use std::collections::BTreeMap;

use crate::domain::body::Body;
use crate::domain::id::{OrgId, StatementId};
use crate::domain::law::Verdict;
use crate::domain::money::Cents;
use crate::domain::order::erasure::Erasure;
use crate::domain::order::milestone::{ConnectionStep, Event, Milestone};
use crate::domain::order::settlement::Settlement;
use crate::domain::order::{
    Accept, Confirm, Counter, Decision, Decline, Endorse, LateNotice, LegFinding, Mode, Recall, Reminder, Request,
    Seal, Void,
};
use crate::domain::price::amount;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::route::Route;
use crate::domain::statement::{Kind, Signed, Verified};
use crate::domain::time::Timestamp;

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
    /// Who takes a late seal for binding, by position.
    pub confirmations: BTreeMap<usize, Verified<Confirm>>,
    /// Withdrawals before the seal, by position.
    pub recalls: BTreeMap<usize, Verified<Recall>>,
    /// Notices that an offer came late, by the offer.
    pub late: BTreeMap<StatementId, Verified<LateNotice>>,
    /// What happened after the seal, by party and number.
    pub milestones: BTreeMap<(OrgId, u32), Verified<Milestone>>,
    /// Contradictions that two parties settle, by party and number.
    pub settlements: BTreeMap<(OrgId, u32), Verified<Settlement>>,
    /// Annexes that a party lets go, by party and number.
    pub erasures: BTreeMap<(OrgId, u32), Verified<Erasure>>,
    /// Of what the officers hosted here were reminded, by organisation and due time.
    pub reminders: BTreeMap<(OrgId, Timestamp), Verified<Reminder>>,
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
            confirmations: BTreeMap::new(),
            recalls: BTreeMap::new(),
            late: BTreeMap::new(),
            milestones: BTreeMap::new(),
            settlements: BTreeMap::new(),
            erasures: BTreeMap::new(),
            reminders: BTreeMap::new(),
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
            _ => self.place_beside(message),
        }
    }

    /// Puts what stands beside the chain in its place: withdrawals, notices, reminders, milestones, settlements,
    /// erasures.
    fn place_beside(&mut self, message: Verified<Body>) -> Result<Placed, Refusal> {
        match message.body() {
            Body::Recall(body) => {
                let at = self.position(&body.from)?;
                self.must_be_about_request(body.request)?;
                if at == 0 {
                    return Err(Refusal::new(Reason::ChainBroken).with("rule", "the buyer cancels"));
                }
                let body = body.clone();
                Ok(put(&mut self.recalls, at, message.map(|_| body)))
            }
            Body::LateNotice(body) => {
                self.must_be_buyer(&body.buyer)?;
                self.position(&body.to)?;
                if self.void.as_ref().is_some_and(|void| void.id() != body.void) {
                    return Err(Refusal::new(Reason::ChainBroken).with("rule", "another void"));
                }
                let (offer, body) = (body.message, body.clone());
                Ok(put(&mut self.late, offer, message.map(|_| body)))
            }
            Body::Confirm(body) => {
                let at = self.position(&body.from)?;
                self.must_follow_seal(body.seal)?;
                if at == 0 {
                    return Err(Refusal::new(Reason::ChainBroken).with("rule", "the buyer has sealed"));
                }
                let body = body.clone();
                Ok(put(&mut self.confirmations, at, message.map(|_| body)))
            }
            Body::Milestone(body) => {
                self.check_milestone(body)?;
                let (key, body) = ((body.from.clone(), body.number), body.clone());
                Ok(put(&mut self.milestones, key, message.map(|_| body)))
            }
            Body::Settlement(body) => {
                self.check_settlement(body)?;
                let (key, body) = ((body.from.clone(), body.number), body.clone());
                Ok(put(&mut self.settlements, key, message.map(|_| body)))
            }
            Body::Erasure(body) => {
                self.position(&body.from)?;
                if self.outcome().is_none() {
                    return Err(Refusal::new(Reason::ChainBroken).with("rule", "follows the end"));
                }
                let (key, body) = ((body.from.clone(), body.number), body.clone());
                Ok(put(&mut self.erasures, key, message.map(|_| body)))
            }
            Body::Reminder(body) => {
                self.position(&body.org)?;
                let (key, body) = ((body.org.clone(), body.due), body.clone());
                Ok(put(&mut self.reminders, key, message.map(|_| body)))
            }
            _ => Err(Refusal::new(Reason::ChainBroken).with("kind", message.signed().kind())),
        }
    }

    /// The seal or the void.
    pub fn outcome(&self) -> Option<StatementId> {
        self.seal.as_ref().map(Verified::id).or(self.void.as_ref().map(Verified::id))
    }

    fn must_be_about_request(&self, request: StatementId) -> Result<(), Refusal> {
        if request == self.request.id() {
            Ok(())
        } else {
            Err(Refusal::new(Reason::ChainBroken).with("rule", "about another request"))
        }
    }

    fn must_follow_seal(&self, named: StatementId) -> Result<(), Refusal> {
        match &self.seal {
            Some(seal) if seal.id() == named => Ok(()),
            _ => Err(Refusal::new(Reason::ChainBroken).with("rule", "follows the seal")),
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

    /// The rules of a milestone beside the attempt it belongs to.
    fn check_milestone(&self, milestone: &Milestone) -> Result<(), Refusal> {
        let position = self.position(&milestone.from)?;
        self.must_follow_seal(milestone.seal)?;
        let refuse = |rule: &str| Err(Refusal::new(Reason::OrderState).with("rule", rule));
        let (buys, sells) = (position == 0, position == self.legs());
        match milestone.event {
            Event::Productive { .. } | Event::Terminated { .. } if !buys && !sells => {
                refuse("said by the buyer or the provider")
            }
            Event::Connected { item: ConnectionStep::Acceptance } | Event::Closed if !buys => {
                refuse("said by the buyer")
            }
            _ => Ok(()),
        }
    }

    /// Both are parties, the seal stands, and an agreement says what was proposed.
    fn check_settlement(&self, settlement: &Settlement) -> Result<(), Refusal> {
        self.position(&settlement.from)?;
        self.position(&settlement.to)?;
        self.must_follow_seal(settlement.seal)?;
        self.seal.iter().try_for_each(|seal| settlement.check_holds(seal.body()))?;
        let Some(agrees) = settlement.agrees else { return Ok(()) };
        let proposal = self.settlements.values().find(|said| said.id() == agrees);
        let broken = |rule: &str| Err(Refusal::new(Reason::ChainBroken).with("rule", rule));
        match proposal {
            Some(proposal) if settlement.has_terms_of(proposal.body()) => Ok(()),
            Some(_) => broken("agrees to something else than was proposed"),
            None => broken("the proposal is missing"),
        }
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

    /// A seal without an officer needs the request's leave.
    fn check_leave(&self, seal: &Seal) -> Result<(), Refusal> {
        if seal.officer.is_some() {
            return Ok(());
        }
        if let Some(org) = seal.agreed.first() {
            let refusal = Refusal::new(Reason::PriceNotAgreed).with("org", org);
            return Err(refusal.with("rule", "only an officer agrees to a price freely"));
        }
        self.check_auto_seal()
    }

    /// The request gives leave to seal without another look, and every leg is fulfilled as it asks; a contested one like an assumed one.
    pub fn check_auto_seal(&self) -> Result<(), Refusal> {
        let refuse = |rule: &str| Err(Refusal::new(Reason::SignerWrong).with("rule", rule));
        let request = self.request.body();
        let Some(leave) = request.auto_seal.as_ref().filter(|_| request.mode == Mode::Binding) else {
            return refuse("the request gives no leave to seal without an officer");
        };
        let fulfilled = |leg: &&LegFinding| leg.verdict.holds() && (leave.accept_assumed || leg.is_without_reserve());
        if self.leg_findings().iter().all(fulfilled) { Ok(()) } else { refuse("not every leg is fulfilled") }
    }

    /// Every message, in the order in which a newcomer can place them.
    pub fn messages(&self) -> Vec<&Signed> {
        let mut all = vec![self.request.signed()];
        all.extend(self.decisions.values().map(Verified::signed));
        all.extend(self.endorsements.values().map(Verified::signed));
        all.extend(self.acceptance.iter().map(Verified::signed));
        all.extend(self.counters.values().rev().map(Verified::signed));
        all.extend(self.declines.values().map(Verified::signed));
        all.extend(self.recalls.values().map(Verified::signed));
        all.extend(self.seal.iter().map(Verified::signed));
        all.extend(self.void.iter().map(Verified::signed));
        all.extend(self.confirmations.values().map(Verified::signed));
        all.extend(self.late.values().map(Verified::signed));
        all.extend(self.reminders.values().map(Verified::signed));
        all.extend(self.milestones.values().map(Verified::signed));
        for is_agreement in [false, true] {
            let those = self.settlements.values().filter(|said| said.body().agrees.is_some() == is_agreement);
            all.extend(those.map(Verified::signed));
        }
        all.extend(self.erasures.values().map(Verified::signed));
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
