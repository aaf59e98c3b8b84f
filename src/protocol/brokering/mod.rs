//! Brokering: what each organisation hosted here does next with an order.
//!
//! [`Node::next_act`] looks at what is known and names the next act; nothing else decides. Acts and arrivals are
//! appended to the log first. [`officers`] takes what people hand in, [`arrivals`] what other nodes deliver, [`amending`]
//! looks at what an order changes or prolongs, [`by_time`] keeps one wrong clock from ending anything, [`acts`] signs, [`dispatch`] says what must still be delivered to whom,
//! [`doubt`] asks others for an outcome that was missed, [`recovery`] takes back after a restored backup what this node
//! itself had said, [`legs`] words what was judged, [`settled`] lets go of what is over and reads it again, [`resting`] is what stays of it, [`memory`] is what all that
//! remembers beside the state.
pub mod acts;
pub mod amending;
pub mod arrivals;
mod by_time;
pub mod dispatch;
pub mod doubt;
pub mod legs;
mod mandates;
pub mod memory;
pub mod officers;
pub mod overdue;
pub mod recovery;
pub mod resting;
pub mod settled;

use std::collections::BTreeSet;

use crate::domain::id::{OrderId, OrgId, StatementId};
use crate::domain::law::{LegJudgement, Verdict};
use crate::domain::money::Cents;
use crate::domain::order::approval::Approval;
use crate::domain::order::charges::{Published, freely_agreed};
use crate::domain::order::gathered::Member;
use crate::domain::order::timely::unconfirmed;
use crate::domain::order::{Attempt, Counter, LegFinding, Pending, Request, VoidReason};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::rule_pack::check_named;
use crate::domain::time::{Date, Timestamp};
use crate::protocol::brokering::amending::Amended;
use crate::protocol::brokering::legs::{finding, refuse_unless_fulfilled};
use crate::protocol::brokering::officers::recalled;
use crate::protocol::frame::DeliveryKey;
use crate::protocol::limits::{CLOCK_SKEW_MS, RETURN_RESERVE_PERCENT};
use crate::protocol::mechanism::Mechanism;
use crate::protocol::outbox::Outbox;
use crate::protocol::settings::Deciding;
use crate::protocol::state::Order;
use crate::protocol::{Node, Work};

/// What an organisation does next with one attempt.
#[derive(Clone, PartialEq, Debug)]
enum Act {
    Endorse(OrgId, LegFinding, Option<StatementId>),
    Accept(OrgId, LegFinding, Option<StatementId>),
    Counter(OrgId),
    Decline(OrgId, Refusal),
    Recall(OrgId, Refusal),
    Seal,
    Void(VoidReason),
    LateNotice(OrgId, StatementId),
    Remind(OrgId, Pending, Timestamp, Timestamp),
    CallOff(Member, Cents, LegFinding, StatementId),
}

impl Act {
    /// Whether it ends something for good because a time is over, and for no other reason.
    fn is_by_time(&self) -> bool {
        match self {
            Self::Void(reason) => *reason == VoidReason::Expired,
            Self::Decline(_, refusal) => matches!(refusal.reason, Reason::DeadlinePassed | Reason::Unreachable),
            _ => false,
        }
    }
}

/// What a hop makes of a request.
enum Opinion {
    Go(LegFinding, Option<StatementId>),
    Hold,
    No(Refusal),
}

impl Node {
    /// The deliveries under way.
    pub fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// Judges one leg of an order with what this node knows.
    pub fn judge(
        &self,
        request: &Request,
        leg: (&OrgId, &OrgId),
        as_of: Date,
        known_on: Date,
    ) -> Result<LegJudgement, Refusal> {
        let pack = &request.rule_pack;
        let rules = self
            .state
            .packs
            .get(pack)
            .ok_or_else(|| Refusal::new(Reason::RulePackUnknown).with("rule_pack", pack))?;
        Ok(request.court(&self.state.facts, (pack, rules), as_of, known_on, leg.1).judge(leg.0, leg.1))
    }

    /// Carries an order as far as the organisations hosted here can.
    pub(super) fn advance(&mut self, order: OrderId, now: Timestamp, work: &mut Work) {
        // Each party acts a few times per attempt, a buyer once per member that it orders for, so this ends; the bound
        // only guards against a mistake.
        for _ in 0..1_024 {
            let Some((number, act)) = self.next_act(order, now) else { break };
            if act.is_by_time() && !self.may_end_by_time(order, now, work) {
                break;
            }
            if !self.perform(order, number, act, now, work) {
                break;
            }
        }
        self.plan_deliveries(order, now, work);
        self.ask_if_in_doubt(order, now, work);
        if let Some(due) = self.next_deadline(order, now) {
            self.schedule.insert((due, order));
        }
    }

    fn next_act(&self, order: OrderId, now: Timestamp) -> Option<(u32, Act)> {
        let known = self.state.orders.get(&order)?;
        if known.is_disputed() || known.has_two_outcomes() {
            return None;
        }
        let newest = known.attempts.last_key_value().map(|(number, _)| *number);
        known.attempts.iter().find_map(|(number, attempt)| {
            let act = match attempt.outcome() {
                Some(_) => self.closing_act(known, attempt, now),
                None if Some(*number) == newest => self.open_act(attempt, now),
                // A later attempt says that this one is void, even if the void itself has not arrived yet.
                None => None,
            };
            act.map(|act| (*number, act))
        })
    }

    /// Whether this node signs for an organisation.
    fn signs_for(&self, org: &OrgId) -> bool {
        self.keys.statements.contains_key(org) && self.state.is_local(org)
    }

    /// What is left to do once an attempt has ended: tell whose offer came late, and give each member its part.
    fn closing_act(&self, known: &Order, attempt: &Attempt, now: Timestamp) -> Option<Act> {
        let request = attempt.request.body();
        if !self.signs_for(&request.buyer) {
            return None;
        }
        match (&attempt.seal, &attempt.void) {
            (Some(_), _) => self.call_off_act(known, attempt, now),
            (None, Some(void)) => self.late_act(attempt, void.id()),
            (None, None) => None,
        }
    }

    /// An offer that stands behind the void in the own log came late.
    fn late_act(&self, attempt: &Attempt, void: StatementId) -> Option<Act> {
        let place = |id: &StatementId| self.state.place_of(id, &self.settings.origin);
        let end = place(&void)?;
        let accept = attempt.acceptance.iter().map(|accept| (accept.id(), &accept.body().from));
        let counters = attempt.counters.values().map(|counter| (counter.id(), &counter.body().from));
        let late = accept.chain(counters).find(|(offer, from)| {
            !attempt.late.contains_key(offer)
                && !self.state.is_local(from)
                && place(offer).is_some_and(|index| index > end)
        });
        late.map(|(offer, from)| Act::LateNotice(from.clone(), offer))
    }

    /// The next member of an order for several that has no call-off yet and has given a mandate.
    fn call_off_act(&self, known: &Order, attempt: &Attempt, now: Timestamp) -> Option<Act> {
        let (request, total) = (attempt.request.body(), attempt.seal.as_ref()?.body().total);
        let gathered = request.gathered.as_ref()?;
        let shares = gathered.shares(total).ok()?;
        let open = |member: &Member| !known.call_offs.contains_key(&(member.org.clone(), request.buyer.clone()));
        let mandated = |member: &Member, share| {
            self.mandate_for((&member.org, member.need), &request.buyer, share, now.date()).ok()
        };
        let mut open = shares.into_iter().filter(|(member, _)| open(member));
        let (member, share, mandate) =
            open.find_map(|(member, share)| Some((member, share, mandated(member, share)?)))?;
        let leg = (&member.org, &request.buyer);
        let judged = self.judge(request, leg, request.as_of, request.signed_at.date()).ok()?;
        Some(Act::CallOff(member.clone(), share, finding(&judged), mandate))
    }

    fn open_act(&self, attempt: &Attempt, now: Timestamp) -> Option<Act> {
        if self.proven_unsealed(attempt, now).is_some() || self.lost_outcome(attempt).is_some() {
            return None;
        }
        let parties = attempt.route().parties();
        let acts = parties.iter().enumerate().filter(|(_, org)| self.signs_for(org)).find_map(|(at, org)| match at {
            0 => self.buyer_act(attempt, now),
            _ if !self.approval(attempt).is_given() => None,
            _ => self.hop_act(attempt, at, org, now),
        });
        acts.or_else(|| self.reminder_act(attempt, now))
    }

    fn buyer_act(&self, attempt: &Attempt, now: Timestamp) -> Option<Act> {
        let request = attempt.request.body();
        match self.approval(attempt) {
            Approval::Refused(_) => return Some(Act::Void(VoidReason::NotApproved)),
            Approval::Awaited(_) if now > request.quote_by => return Some(Act::Void(VoidReason::Expired)),
            Approval::Awaited(_) => return None,
            Approval::Given => {}
        }
        if recalled(attempt).is_some() {
            return Some(Act::Void(VoidReason::Recalled));
        }
        if !attempt.declines.is_empty() {
            return Some(Act::Void(VoidReason::Rejected));
        }
        // With a party that the federation has expelled no contract comes about.
        if attempt.route().parties().iter().any(|party| self.state.registry.is_expelled(party)) {
            return Some(Act::Void(VoidReason::Lapsed));
        }
        match attempt.offer() {
            Err(refusal) if refusal.reason == Reason::PriceTooHigh => Some(Act::Void(VoidReason::PriceTooHigh)),
            Err(_) => (now > request.quote_by).then_some(Act::Void(VoidReason::Expired)),
            Ok(_) if now > request.seal_by => Some(Act::Void(VoidReason::Expired)),
            Ok(_) => self.offered_act(attempt, now),
        }
    }

    /// With all offers here: a leg that no longer holds ends the attempt, the request's leave seals it. The leave asks for
    /// a binding request and every leg fulfilled, by the parties' findings and by ours of today.
    fn offered_act(&self, attempt: &Attempt, now: Timestamp) -> Option<Act> {
        let request = attempt.request.body();
        let today = self.check_legs(request, now.date(), now.date());
        if Mechanism::SealGuard.is_on() && today.as_ref().is_err_and(|refusal| refusal.reason == Reason::LegNotLawful)
        {
            return Some(Act::Void(VoidReason::Lapsed));
        }
        attempt.check_auto_seal().ok()?;
        // The day of award has not come.
        if now < request.as_of.begins() {
            return None;
        }
        // To a price that follows from nothing published only a person can agree.
        if !self.freely_agreed(attempt).is_empty() {
            return None;
        }
        // No member is ordered for that has not agreed to its share.
        self.check_mandated(attempt, now.date()).ok()?;
        match today {
            Err(_) if Mechanism::SealGuard.is_on() => Some(Act::Void(VoidReason::Lapsed)),
            _ => Some(Act::Seal),
        }
    }

    /// Whose charges follow from nothing published, as far as this node knows it.
    pub fn freely_agreed(&self, attempt: &Attempt) -> BTreeSet<OrgId> {
        let request = attempt.request.body();
        let catalogue = &self.state.catalogue;
        let in_force = |counter: &Counter| {
            let (id, tariff) = catalogue.tariff(&counter.from)?;
            (counter.tariff == Some(*id)).then_some(tariff.fee.as_slice())
        };
        let offering = catalogue.version(&request.offering).map(|offering| offering.price.as_slice());
        let published = Published { offering, tariff: &in_force };
        freely_agreed(attempt, &published, &self.state.public().buyer(&request.buyer, request.quantities))
    }

    /// Who has not confirmed a seal that came late, as far as this node can tell; none if it came in time.
    pub fn unconfirmed<'a>(&self, attempt: &'a Attempt) -> Option<Vec<&'a OrgId>> {
        unconfirmed(attempt, self.witnessed_seal(attempt))
    }

    /// When witnesses saw the seal, as far as this node can tell.
    fn witnessed_seal(&self, attempt: &Attempt) -> Option<Timestamp> {
        let seal = attempt.seal.as_ref()?.id();
        let home = self.state.registry.home(&attempt.request.body().buyer).ok()?.origin().clone();
        let index = self.state.place_of(&seal, &home)?;
        self.state.logs.get(&home)?.seen_at(index)
    }

    fn hop_act(&self, attempt: &Attempt, at: usize, org: &OrgId, now: Timestamp) -> Option<Act> {
        if attempt.declines.contains_key(&at) || attempt.recalls.contains_key(&at) {
            return None;
        }
        let provider = attempt.legs();
        let reached = (1..at).all(|before| attempt.endorsements.contains_key(&before));
        let answered =
            if at == provider { attempt.acceptance.is_some() } else { attempt.endorsements.contains_key(&at) };
        if reached && !answered {
            return match self.opinion(attempt, at, org, now) {
                Opinion::Go(leg, decision) if at == provider => Some(Act::Accept(org.clone(), leg, decision)),
                Opinion::Go(leg, decision) => Some(Act::Endorse(org.clone(), leg, decision)),
                Opinion::Hold => None,
                Opinion::No(refusal) => Some(Act::Decline(org.clone(), refusal)),
            };
        }
        if answered && let Some(act) = self.second_thought(attempt, at, org, now) {
            return Some(act);
        }
        let behind =
            if at + 1 == provider { attempt.acceptance.is_some() } else { attempt.counters.contains_key(&(at + 1)) };
        let offers = at < provider && answered && behind && !attempt.counters.contains_key(&at);
        offers.then(|| Act::Counter(org.clone()))
    }

    /// What makes a party withdraw after it has answered: the provider's offering is withdrawn; or the next hop cannot be
    /// reached within its share of the time, and the buyer should try another way while there is time.
    fn second_thought(&self, attempt: &Attempt, at: usize, org: &OrgId, now: Timestamp) -> Option<Act> {
        let request = attempt.request.body();
        if at == attempt.legs() {
            let withdrawn = self.state.catalogue.is_withdrawn(&request.offering);
            let refusal = || Refusal::new(Reason::OfferingWithdrawn).with("offering", request.offering);
            return (withdrawn && now <= request.seal_by).then(|| Act::Recall(org.clone(), refusal()));
        }
        let next = &attempt.route().parties()[at + 1];
        let endorse = attempt.endorsements.get(&at)?;
        let heard = attempt.endorsements.contains_key(&(at + 1))
            || attempt.acceptance.is_some()
            || self.is_receipted(attempt, next, endorse.id());
        let over = now > latest_answer(attempt, at + 1) && !self.state.is_local(next) && !heard;
        over.then(|| {
            let refusal = Refusal::new(Reason::Unreachable).with("org", next);
            Act::Decline(org.clone(), refusal.with("decision_by", latest_answer(attempt, at + 1)))
        })
    }

    /// Whether a party has receipted a message of ours.
    fn is_receipted(&self, attempt: &Attempt, to: &OrgId, message: StatementId) -> bool {
        let request = attempt.request.body();
        let key = DeliveryKey { order: request.order, attempt: request.attempt, to: to.clone(), message };
        self.state.orders.get(&request.order).is_some_and(|known| known.delivered.contains(&key))
    }

    /// What a hop or the provider makes of a request: by its officer's decision, else by its rule.
    fn opinion(&self, attempt: &Attempt, at: usize, org: &OrgId, now: Timestamp) -> Opinion {
        let request = attempt.request.body();
        let parties = attempt.route().parties();
        let Some(policy) = self.settings.policies.get(org) else {
            return Opinion::No(Refusal::new(Reason::NotAParty).with("org", org).with("rule", "no brokering policy"));
        };
        let known_on = request.signed_at.date();
        let leg = match self.judge(request, (&parties[at - 1], org), request.as_of, known_on) {
            Ok(leg) => leg,
            Err(refusal) => return Opinion::No(refusal),
        };
        if let Err(refusal) = self.check_acceptable(attempt, at, org, &leg, now) {
            return Opinion::No(refusal);
        }
        let latest = latest_answer(attempt, at);
        match self.amended(request) {
            Amended::Fits => {}
            Amended::NotSeenYet(_) if now <= latest => return Opinion::Hold,
            Amended::NotSeenYet(refusal) | Amended::No(refusal) => return Opinion::No(refusal),
        }
        let finding = finding(&leg);
        if let Some(decision) = attempt.decisions.get(org) {
            return if decision.body().approve {
                Opinion::Go(finding, Some(decision.id()))
            } else {
                Opinion::No(Refusal::new(Reason::DecisionNo))
            };
        }
        match &policy.deciding {
            Deciding::Rule { .. } if leg.verdict == Verdict::NotProven => {
                Opinion::No(refuse_unless_fulfilled(&leg).expect_err("it is not proven"))
            }
            Deciding::Rule { accept_assumed, total_max }
                if (*accept_assumed || finding.is_without_reserve())
                    && total_max.is_none_or(|limit| request.total_max <= limit) =>
            {
                Opinion::Go(finding, None)
            }
            Deciding::Rule { .. } => hold(latest, now),
            Deciding::Officer { within_ms } => hold(request.signed_at.plus_ms(*within_ms).min(latest), now),
        }
    }

    /// What no decision of an officer can replace: the leg may hold, the offering can be had, the price is known, and there
    /// is time.
    fn check_acceptable(
        &self,
        attempt: &Attempt,
        at: usize,
        org: &OrgId,
        leg: &LegJudgement,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let request = attempt.request.body();
        // Its deadlines and its law would hang on a day that has not come.
        if request.signed_at.since_ms(now) > CLOCK_SKEW_MS {
            return Err(Refusal::new(Reason::ClockDiffers).with("signed_at", request.signed_at).with("now", now));
        }
        self.check_pack_of_buyer(attempt)?;
        if leg.verdict == Verdict::NotFulfilled {
            refuse_unless_fulfilled(leg)?;
        }
        if at == attempt.legs() {
            self.check_orderable(request, request.signed_at)?;
        } else {
            self.hop_price(request, org)?;
        }
        if now > request.quote_by {
            return Err(Refusal::new(Reason::DeadlinePassed).with("quote_by", request.quote_by));
        }
        self.check_time_share(attempt, at, org)
    }

    /// The rule pack is the one in force by the buyer's log, as far as it is here, for the day on which the procedure
    /// began. Where the request's own leaf is not here yet, all that is here of that log stands before it.
    fn check_pack_of_buyer(&self, attempt: &Attempt) -> Result<(), Refusal> {
        let request = attempt.request.body();
        let unknown = || Refusal::new(Reason::RulePackUnknown).with("rule_pack", request.rule_pack);
        let named = self.state.packs.get(&request.rule_pack).ok_or_else(unknown)?;
        let home = self.state.registry.home(&request.buyer)?.origin();
        let before = self.state.place_of(&attempt.request.id(), home).unwrap_or(u64::MAX);
        let stood = self
            .state
            .packs
            .iter()
            .filter(|(id, _)| self.state.place_of(id, home).is_some_and(|index| index < before));
        check_named((&request.rule_pack, named), stood, request.procedure_day())
    }

    /// A hop refuses at once what it could not decide in time, rather than sit on it: what its officers have promised to
    /// need, and the reserve for the way back, must fit between the message before and the quote deadline.
    fn check_time_share(&self, attempt: &Attempt, at: usize, org: &OrgId) -> Result<(), Refusal> {
        let request = attempt.request.body();
        let Some(Deciding::Officer { within_ms }) = self.settings.policies.get(org).map(|policy| &policy.deciding)
        else {
            return Ok(());
        };
        if attempt.decisions.contains_key(org) || !Mechanism::EarlyRefusal.is_on() {
            return Ok(());
        }
        let before = attempt.endorsements.get(&(at - 1)).map_or(request.signed_at, |before| before.body().signed_at);
        let reserve = request.quote_by.since_ms(request.signed_at) * RETURN_RESERVE_PERCENT / 100;
        let left = request.quote_by.since_ms(before) - reserve;
        if *within_ms <= left {
            return Ok(());
        }
        Err(Refusal::new(Reason::TimeTooShort)
            .with("needed_hours", within_ms / 3_600_000)
            .with("left_hours", left.max(0) / 3_600_000))
    }

    /// When an order must be looked at again if nothing arrives.
    fn next_deadline(&self, order: OrderId, now: Timestamp) -> Option<Timestamp> {
        let attempt = self.state.orders.get(&order)?.current()?;
        if attempt.outcome().is_some() {
            return None;
        }
        let request = attempt.request.body();
        let parties = attempt.route().parties();
        let holds = parties.iter().enumerate().skip(1).map(|(at, org)| {
            let latest = latest_answer(attempt, at);
            // Of a party elsewhere: until when it must have been reached.
            match self.settings.policies.get(org).map(|policy| &policy.deciding) {
                Some(Deciding::Officer { within_ms }) => request.signed_at.plus_ms(*within_ms).min(latest),
                Some(Deciding::Rule { .. }) | None => latest,
            }
        });
        let doubt = self.doubts.get(&(order, request.attempt)).map(|doubt| doubt.next_at);
        let later = holds.chain([request.quote_by, request.seal_by]).map(|due| due.plus_ms(1));
        let later = later.chain([request.as_of.begins()]);
        let reminders = self.reminders(attempt).into_iter().map(|(.., due, _)| due);
        let doubts = doubt.into_iter().chain([request.seal_by.plus_ms(doubt::DOUBT_AFTER_MS)]);
        later.chain(reminders).chain(doubts).filter(|due| *due > now).min()
    }
}

fn hold(until: Timestamp, now: Timestamp) -> Opinion {
    if now > until {
        Opinion::No(Refusal::new(Reason::DeadlinePassed).with("decision_by", until))
    } else {
        Opinion::Hold
    }
}

/// The share of the time until the quote deadline that is the hop's: the time left is divided among those who have
/// not answered yet, less a reserve for the way back.
pub(super) fn latest_answer(attempt: &Attempt, at: usize) -> Timestamp {
    let request = attempt.request.body();
    let span = request.quote_by.since_ms(request.signed_at);
    let usable = span - span * RETURN_RESERVE_PERCENT / 100;
    let (position, legs) = (i64::try_from(at).unwrap_or(1), i64::try_from(attempt.legs()).unwrap_or(1));
    request.signed_at.plus_ms(usable * position / legs.max(1))
}
