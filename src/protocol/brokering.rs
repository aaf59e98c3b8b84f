//! Brokering: what each organisation hosted here does next with an order, and what must still be delivered to whom.
//!
//! [`Node::next_act`] looks at what is known and names the next act; nothing else decides. Acts and arrivals are
//! appended to the log first. What must be delivered follows from the messages held, so the outbox needs no table of
//! its own: it is empty exactly when every message has its receipt, and a restart resends by itself.
use crate::domain::body::Body;
use crate::domain::id::{NodeId, OrderId, OrgId, StatementId};
use crate::domain::law::{LegJudgement, Verdict, judge_leg};
use crate::domain::money::Cents;
use crate::domain::order::{
    Accept, Attempt, Counter, Decision, Decline, Endorse, LegFinding, Mode, Placed, Receipt, Request, Seal, Void,
    VoidReason,
};
use crate::domain::reason::{Lang, Reason, Refusal};
use crate::domain::statement::{Kind, Signed, Verified};
use crate::domain::time::{Date, Timestamp};
use crate::domain::trust::OfficerGrant;
use crate::protocol::frame::{Delivery, DeliveryKey};
use crate::protocol::limits::{
    CLOCK_SKEW_MS, DELIVERY_MESSAGES_MAX, ORDERS_MAX, RETRY_MS_MIN, RETURN_RESERVE_PERCENT,
};
use crate::protocol::outbox::Outbox;
use crate::protocol::record::Record;
use crate::protocol::settings::Deciding;
use crate::protocol::{Answer, Effect, Node, Work, is_officer_kind};

/// What an organisation does next.
#[derive(Clone, PartialEq, Debug)]
enum Act {
    Endorse(OrgId, LegFinding, Option<StatementId>),
    Accept(OrgId, LegFinding, Option<StatementId>),
    Counter(OrgId),
    Decline(OrgId, Refusal),
    Seal,
    Void(VoidReason),
}

/// Whether the buyer's side has approved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Approval {
    /// The officer's own limit suffices, or a colleague has approved.
    Given,
    /// A colleague must approve.
    Awaited,
    /// A colleague has refused.
    Refused,
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

    /// Judges one leg with what this node knows.
    pub fn judge(
        &self,
        pack: &StatementId,
        leg: (&OrgId, &OrgId),
        as_of: Date,
        known_on: Date,
    ) -> Result<LegJudgement, Refusal> {
        let rules = self
            .state
            .packs
            .get(pack)
            .ok_or_else(|| Refusal::new(Reason::RulePackUnknown).with("rule_pack", pack))?;
        Ok(judge_leg(&self.state.facts, (pack, rules), leg.0, leg.1, as_of, known_on))
    }

    // --- what officers hand in ---

    pub(super) fn officer(&mut self, signed: Signed, now: Timestamp, work: &mut Work) -> Result<Answer, Refusal> {
        if !is_officer_kind(signed.kind()) {
            return Err(Refusal::new(Reason::OrderState).with("kind", signed.kind()));
        }
        let verified = self.state.registry.judge_now(&signed)?;
        let (org, _) = verified.body().signer_rule().expect("officer kinds have one signer");
        if !self.state.is_local(org) {
            return Err(Refusal::new(Reason::OrgElsewhere).with("org", org));
        }
        let (order, _) = verified.body().order().expect("officer kinds belong to an order");
        self.check_clock(&verified, now)?;
        match verified.body().clone() {
            Body::Request(request) => self.submit(&request, verified, now, work)?,
            Body::Decision(decision) => {
                self.check_decision(&decision, &signed)?;
                self.take(verified, work)?;
            }
            Body::Seal(seal) => {
                if !self.is_known(&signed) {
                    self.check_sealable(&seal, now)?;
                }
                self.take(verified, work)?;
            }
            _ => self.take_void(verified, work)?,
        }
        Ok(Answer::Order(order))
    }

    /// Whether a statement stands in the own log. A leaf in another's log proves nothing: anyone may claim an id.
    fn is_known(&self, signed: &Signed) -> bool {
        self.state.place_of(&signed.id(), &self.settings.origin).is_some()
    }

    /// A buyer's approval that could not count must not take the place of one that does.
    fn check_decision(&self, decision: &Decision, signed: &Signed) -> Result<(), Refusal> {
        let request = self.attempt(decision.order, decision.attempt)?.request.body();
        if decision.org != request.buyer || !decision.approve || self.is_known(signed) {
            return Ok(());
        }
        if decision.officer == request.officer {
            return Err(Refusal::new(Reason::SameOfficer).with("officer", &decision.officer));
        }
        match self.grant_behind(&request.buyer, signed) {
            Some(grant) if request.total_max <= grant.limit => Ok(()),
            grant => Err(Refusal::new(Reason::GrantLimit)
                .with("limit", grant.map_or(Cents::ZERO, |grant| grant.limit))
                .with("total_max", request.total_max)),
        }
    }

    fn grant_behind(&self, org: &OrgId, signed: &Signed) -> Option<&OfficerGrant> {
        let key = signed.signatures().first().map(|by| by.key)?;
        self.state.registry.officer(org, &key)
    }

    /// What is signed now must say so; the order's deadlines rest on it.
    fn check_clock(&self, verified: &Verified<Body>, now: Timestamp) -> Result<(), Refusal> {
        let signed_at = verified.body().signed_at().unwrap_or(now);
        if self.is_known(verified.signed()) || now.since_ms(signed_at).abs() <= CLOCK_SKEW_MS {
            return Ok(());
        }
        Err(Refusal::new(Reason::TimeInvalid).with("signed_at", signed_at).with("now", now))
    }

    /// A request begins an order; the same request id again is the same order and the same answer.
    fn submit(
        &mut self,
        request: &Request,
        verified: Verified<Body>,
        now: Timestamp,
        work: &mut Work,
    ) -> Result<(), Refusal> {
        if let Some(order) = self.state.orders.get(&request.order) {
            let same = order.attempts.values().any(|attempt| {
                let known = attempt.request.body();
                // A tool that repeats a submission may sign anew: time, salt and deadlines may differ.
                let terms = |of: &Request| (of.attempt, of.mode, of.offering, of.term_years, of.total_max, of.as_of);
                terms(known) == terms(request) && known.route == request.route && known.rule_pack == request.rule_pack
            });
            if same {
                return Ok(());
            }
            return Err(Refusal::new(Reason::OrderConflict).with("order", request.order));
        }
        if self.state.orders.len() >= ORDERS_MAX {
            return Err(Refusal::new(Reason::Overloaded).with("orders", self.state.orders.len()));
        }
        self.check_orderable(request, now)?;
        self.check_legs(request, request.as_of, request.signed_at.date())?;
        self.take(verified, work)
    }

    /// The offering exists, is on offer, covers the buyer, and every party has a home node.
    fn check_orderable(&self, request: &Request, now: Timestamp) -> Result<(), Refusal> {
        if request.attempt != 1 {
            return Err(Refusal::new(Reason::OrderState).with("attempt", request.attempt));
        }
        if now >= request.quote_by {
            return Err(Refusal::new(Reason::DeadlinePassed).with("quote_by", request.quote_by));
        }
        for party in request.route.parties() {
            self.state.registry.home(party)?;
        }
        let offering = self.state.catalogue.orderable(&request.offering)?;
        if offering.seller != *request.route.provider() {
            return Err(Refusal::new(Reason::RouteInvalid).with("provider", &offering.seller));
        }
        if !offering.is_valid_on(now.date()) {
            return Err(Refusal::new(Reason::OfferingExpired).with("offering", &offering.name));
        }
        offering.check_term(request.term_years)?;
        self.provider_price(request, offering)?;
        if let Some(need) = &request.grounds.need {
            self.state.catalogue.check_need(need, &request.buyer)?;
        }
        let home = self.state.registry.home(&request.buyer)?;
        let area = home.orgs().get(&request.buyer).and_then(|standing| standing.admission.area.as_ref());
        match area {
            Some(area) if !offering.covers(area) => {
                Err(Refusal::new(Reason::OfferingNotCovering).with("area", area).with("offering", &offering.name))
            }
            _ => Ok(()),
        }
    }

    /// Every leg fulfilled on a day, or the refusal names the leg and the fact.
    fn check_legs(&self, request: &Request, as_of: Date, known_on: Date) -> Result<(), Refusal> {
        for leg in request.route.legs() {
            refuse_unless_fulfilled(&self.judge(&request.rule_pack, leg, as_of, known_on)?)?;
        }
        Ok(())
    }

    /// Places a verified message by an officer of an organisation hosted here, and appends it.
    fn take(&mut self, verified: Verified<Body>, work: &mut Work) -> Result<(), Refusal> {
        let (order, _) = verified.body().order().expect("order messages belong to an order");
        self.refuse_if_disputed(order)?;
        match self.state.place(verified.clone())? {
            Placed::Same => {}
            Placed::Contradicts(known) => {
                return Err(Refusal::new(Reason::OrderConflict).with("order", order).with("known", known));
            }
            Placed::New => {
                self.append(verified, work);
                work.touched.insert(order);
            }
        }
        Ok(())
    }

    fn refuse_if_disputed(&self, order: OrderId) -> Result<(), Refusal> {
        match self.state.orders.get(&order) {
            Some(known) if !known.contradictions.is_empty() => {
                Err(Refusal::new(Reason::OrderDisputed).with("order", order))
            }
            _ => Ok(()),
        }
    }

    /// A void after a seal, or a seal after a void, is refused: the first stands.
    fn take_void(&mut self, verified: Verified<Body>, work: &mut Work) -> Result<(), Refusal> {
        let (order, number) = verified.body().order().expect("a void belongs to an order");
        let attempt = self.attempt(order, number)?;
        if attempt.seal.is_some() {
            return Err(Refusal::new(Reason::OrderClosed).with("order", order).with("state", "sealed"));
        }
        if attempt.void.is_some() {
            return Ok(());
        }
        self.take(verified, work)
    }

    fn attempt(&self, order: OrderId, number: u32) -> Result<&Attempt, Refusal> {
        self.state
            .orders
            .get(&order)
            .and_then(|known| known.attempts.get(&number))
            .ok_or_else(|| Refusal::new(Reason::OrderUnknown).with("order", order))
    }

    /// The guard of the one commit point, over one consistent state.
    fn check_sealable(&self, seal: &Seal, now: Timestamp) -> Result<(), Refusal> {
        let attempt = self.attempt(seal.order, seal.attempt)?;
        let request = attempt.request.body();
        if attempt.void.is_some() || attempt.seal.is_some() {
            return Err(Refusal::new(Reason::OrderClosed).with("order", seal.order));
        }
        if now > request.seal_by {
            return Err(Refusal::new(Reason::DeadlinePassed).with("seal_by", request.seal_by));
        }
        attempt.offer()?;
        self.check_legs(request, now.date(), now.date())
    }

    /// Whether the buyer's side has approved: within the officer's limit, or by a second person whose limit suffices.
    pub fn approval(&self, attempt: &Attempt) -> Approval {
        let request = &attempt.request;
        let cap = request.body().total_max;
        let officer = |signed: &Signed| self.grant_behind(&request.body().buyer, signed);
        if officer(request.signed()).is_some_and(|grant| cap <= grant.limit) {
            return Approval::Given;
        }
        let Some(decision) = attempt.decisions.get(&request.body().buyer) else { return Approval::Awaited };
        let suffices = officer(decision.signed()).is_some_and(|grant| cap <= grant.limit);
        match (decision.body().approve, decision.body().officer != request.body().officer && suffices) {
            (false, _) => Approval::Refused,
            (true, true) => Approval::Given,
            (true, false) => Approval::Awaited,
        }
    }

    // --- what arrives from other nodes ---

    pub(super) fn delivery(
        &mut self,
        from: &NodeId,
        delivery: Delivery,
        now: Timestamp,
        work: &mut Work,
    ) -> Result<Answer, Refusal> {
        self.outbox_awake(from, now, work);
        if delivery.messages.is_empty() || delivery.messages.len() > DELIVERY_MESSAGES_MAX {
            return Err(Refusal::new(Reason::FrameInvalid).with("messages", delivery.messages.len()));
        }
        if !self.state.is_local(&delivery.to) {
            return Err(Refusal::new(Reason::OrgElsewhere).with("org", &delivery.to));
        }
        if let Some(receipt) = self.state.receipts.get(&(delivery.message, delivery.to.clone())) {
            return Ok(Answer::Receipt(receipt.clone()));
        }
        if !delivery.messages.iter().any(|signed| signed.id() == delivery.message) {
            return Err(Refusal::new(Reason::ChainBroken).with("rule", "the message itself is missing"));
        }
        if let Ok(attempt) = self.attempt(delivery.order, delivery.attempt) {
            attempt.position(&delivery.to)?;
        }
        for signed in &delivery.messages {
            self.arrive(signed, &delivery, work)?;
        }
        self.receipt(&delivery, now, work).map(Answer::Receipt)
    }

    /// Takes one arriving message into log and state; what is already here changes nothing.
    fn arrive(&mut self, signed: &Signed, delivery: &Delivery, work: &mut Work) -> Result<(), Refusal> {
        if self.is_known(signed) {
            return Ok(());
        }
        let verified = self.state.registry.judge_now(signed)?;
        if verified.body().order() != Some((delivery.order, delivery.attempt)) {
            return Err(Refusal::new(Reason::ChainBroken).with("rule", "other order or attempt"));
        }
        if let Body::Request(request) = verified.body()
            && !request.route.parties().contains(&delivery.to)
        {
            return Err(Refusal::new(Reason::NotAParty).with("org", &delivery.to));
        }
        match self.state.place(verified.clone())? {
            Placed::Same => {}
            Placed::New => {
                self.append(verified, work);
                work.touched.insert(delivery.order);
            }
            Placed::Contradicts(_) => {
                self.state.keep(signed.clone())?;
                work.commit.push(Record::Kept(signed.clone()));
                work.touched.insert(delivery.order);
            }
        }
        Ok(())
    }

    /// Signs the receipt once; the same delivery again gets the stored bytes.
    fn receipt(&mut self, delivery: &Delivery, now: Timestamp, work: &mut Work) -> Result<Signed, Refusal> {
        let body = Receipt {
            order: delivery.order,
            attempt: delivery.attempt,
            from: delivery.to.clone(),
            message: delivery.message,
            log: self.settings.origin.clone(),
            size: self.own_size(),
            received_at: now,
            salt: self.dice.salt(),
        };
        let signed = Signed::sign(&Kind::Receipt, &body, &[self.statement_key(&delivery.to)?]);
        self.state.receipts.insert((delivery.message, delivery.to.clone()), signed.clone());
        work.commit.push(Record::Kept(signed.clone()));
        Ok(signed)
    }

    // --- what happens next ---

    /// Carries an order as far as the organisations hosted here can.
    pub(super) fn advance(&mut self, order: OrderId, now: Timestamp, work: &mut Work) {
        // Each party acts at most three times per attempt, so this ends; the bound only guards against a mistake.
        for _ in 0..64 {
            let Some(act) = self.next_act(order, now) else { break };
            if !self.perform(order, act, now, work) {
                break;
            }
        }
        self.plan_deliveries(order, now, work);
        if let Some(due) = self.next_deadline(order, now) {
            self.schedule.insert((due, order));
        }
    }

    fn next_act(&self, order: OrderId, now: Timestamp) -> Option<Act> {
        let known = self.state.orders.get(&order)?;
        let attempt = known.current()?;
        if !known.contradictions.is_empty() || attempt.seal.is_some() || attempt.void.is_some() {
            return None;
        }
        let local = |org: &OrgId| self.keys.statements.contains_key(org) && self.state.is_local(org);
        let parties = attempt.route().parties();
        parties.iter().enumerate().filter(|(_, org)| local(org)).find_map(|(at, org)| match at {
            0 => self.buyer_act(attempt, now),
            _ if self.approval(attempt) != Approval::Given => None,
            _ => self.hop_act(attempt, at, org, now),
        })
    }

    fn buyer_act(&self, attempt: &Attempt, now: Timestamp) -> Option<Act> {
        let request = attempt.request.body();
        match self.approval(attempt) {
            Approval::Refused => return Some(Act::Void(VoidReason::NotApproved)),
            Approval::Awaited if now > request.quote_by => return Some(Act::Void(VoidReason::Expired)),
            Approval::Awaited => return None,
            Approval::Given => {}
        }
        if !attempt.declines.is_empty() {
            return Some(Act::Void(VoidReason::Rejected));
        }
        match attempt.offer() {
            Err(refusal) if refusal.reason == Reason::PriceTooHigh => Some(Act::Void(VoidReason::PriceTooHigh)),
            Err(_) => (now > request.quote_by).then_some(Act::Void(VoidReason::Expired)),
            Ok(_) if now > request.seal_by => Some(Act::Void(VoidReason::Expired)),
            Ok(_) => self.automatic_seal(attempt, now),
        }
    }

    /// The request's leave to seal: binding, every leg fulfilled by the parties' findings and by ours of today.
    fn automatic_seal(&self, attempt: &Attempt, now: Timestamp) -> Option<Act> {
        let request = attempt.request.body();
        let leave = request.auto_seal.as_ref().filter(|_| request.mode == Mode::Binding)?;
        let holds = |leg: &&LegFinding| leg.verdict == Verdict::Fulfilled && (leave.accept_assumed || !leg.assumed);
        if !attempt.leg_findings().iter().all(holds) {
            return None;
        }
        match self.check_legs(request, now.date(), now.date()) {
            Ok(()) => Some(Act::Seal),
            Err(_) => Some(Act::Void(VoidReason::Lapsed)),
        }
    }

    fn hop_act(&self, attempt: &Attempt, at: usize, org: &OrgId, now: Timestamp) -> Option<Act> {
        if attempt.declines.contains_key(&at) {
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
        let behind =
            if at + 1 == provider { attempt.acceptance.is_some() } else { attempt.counters.contains_key(&(at + 1)) };
        let offers = at < provider && answered && behind && !attempt.counters.contains_key(&at);
        offers.then(|| Act::Counter(org.clone()))
    }

    /// What a hop or the provider makes of a request: by its officer's decision, else by its rule.
    fn opinion(&self, attempt: &Attempt, at: usize, org: &OrgId, now: Timestamp) -> Opinion {
        let request = attempt.request.body();
        let parties = attempt.route().parties();
        let Some(policy) = self.settings.policies.get(org) else {
            return Opinion::No(Refusal::new(Reason::NotAParty).with("org", org).with("rule", "no brokering policy"));
        };
        let known_on = request.signed_at.date();
        let leg = match self.judge(&request.rule_pack, (&parties[at - 1], org), request.as_of, known_on) {
            Ok(leg) => leg,
            Err(refusal) => return Opinion::No(refusal),
        };
        if leg.verdict == Verdict::NotFulfilled {
            return Opinion::No(refuse_unless_fulfilled(&leg).expect_err("it is not fulfilled"));
        }
        if at == attempt.legs()
            && let Err(refusal) = self.check_orderable(request, request.signed_at)
        {
            return Opinion::No(refusal);
        }
        if at < attempt.legs()
            && let Err(refusal) = self.hop_price(request, org)
        {
            return Opinion::No(refusal);
        }
        if now > request.quote_by {
            return Opinion::No(Refusal::new(Reason::DeadlinePassed).with("quote_by", request.quote_by));
        }
        let finding = finding(&leg);
        if let Some(decision) = attempt.decisions.get(org) {
            return if decision.body().approve {
                Opinion::Go(finding, Some(decision.id()))
            } else {
                Opinion::No(Refusal::new(Reason::DecisionNo).with("note", &decision.body().note))
            };
        }
        let latest = latest_answer(attempt, at);
        match &policy.deciding {
            Deciding::Rule { .. } if leg.verdict == Verdict::NotProven => {
                Opinion::No(refuse_unless_fulfilled(&leg).expect_err("it is not proven"))
            }
            Deciding::Rule { accept_assumed, total_max }
                if (*accept_assumed || !finding.assumed)
                    && total_max.is_none_or(|limit| request.total_max <= limit) =>
            {
                Opinion::Go(finding, None)
            }
            Deciding::Rule { .. } => hold(latest, now),
            Deciding::Officer { within_ms } => hold(request.signed_at.plus_ms(*within_ms).min(latest), now),
        }
    }

    /// Does it, and says whether that changed anything.
    fn perform(&mut self, order: OrderId, act: Act, now: Timestamp, work: &mut Work) -> bool {
        let salt = self.dice.salt();
        let Some(attempt) = self.state.orders.get(&order).and_then(|known| known.current()) else { return false };
        let request = attempt.request.body();
        let (number, request_id, seal_by) = (request.attempt, attempt.request.id(), request.seal_by);
        let buyer = request.buyer.clone();
        let (org, kind, body) = match act {
            Act::Endorse(from, leg, decision) => {
                let prev = self.predecessor(attempt, &from);
                let body = Endorse { order, attempt: number, from, prev, leg, decision, signed_at: now, salt };
                (body.from.clone(), Kind::Endorse, Body::Endorse(body))
            }
            Act::Accept(from, leg, decision) => {
                let prev = self.predecessor(attempt, &from);
                let offering = self.state.catalogue.version(&request.offering);
                let priced = offering.map(|offering| self.provider_price(request, offering));
                let Some(Ok(components)) = priced else { return false };
                let body = Accept {
                    order,
                    attempt: number,
                    from,
                    prev,
                    leg,
                    components,
                    decision,
                    binds_until: seal_by,
                    signed_at: now,
                    salt,
                };
                (body.from.clone(), Kind::Accept, Body::Accept(body))
            }
            Act::Counter(from) => {
                let Some(body) = self.counter(attempt, from, now, salt) else { return false };
                (body.from.clone(), Kind::Counter, Body::Counter(body))
            }
            Act::Decline(from, refusal) => {
                let provider = attempt.route().provider() == &from;
                let (reason, note) = (refusal.reason.code().to_owned(), decline_note(&refusal));
                let body =
                    Decline { order, attempt: number, from, request: request_id, reason, note, signed_at: now, salt };
                if provider {
                    (body.from.clone(), Kind::Reject, Body::Reject(body))
                } else {
                    (body.from.clone(), Kind::Decline, Body::Decline(body))
                }
            }
            Act::Seal => {
                let (Ok(chain), Ok(total)) = (attempt.chain(), attempt.offer()) else { return false };
                let body = Seal { order, attempt: number, buyer, chain, total, officer: None, signed_at: now, salt };
                (body.buyer.clone(), Kind::Seal, Body::Seal(body))
            }
            Act::Void(reason) => {
                let body = Void {
                    order,
                    attempt: number,
                    buyer,
                    request: request_id,
                    reason,
                    officer: None,
                    signed_at: now,
                    salt,
                };
                (body.buyer.clone(), Kind::Void, Body::Void(body))
            }
        };
        self.speak(&org, &kind, &body, work)
    }

    fn predecessor(&self, attempt: &Attempt, from: &OrgId) -> StatementId {
        let at = attempt.position(from).unwrap_or(1);
        attempt.endorsements.get(&(at.saturating_sub(1))).map_or(attempt.request.id(), Verified::id)
    }

    fn counter(
        &self,
        attempt: &Attempt,
        from: OrgId,
        now: Timestamp,
        salt: crate::domain::statement::Salt,
    ) -> Option<Counter> {
        let request = attempt.request.body();
        let at = attempt.position(&from).ok()?;
        let behind = if at + 1 == attempt.legs() {
            attempt.acceptance.as_ref().map(Verified::id)
        } else {
            attempt.counters.get(&(at + 1)).map(Verified::id)
        };
        let (components, tariff) = self.hop_price(request, &from).ok()?;
        Some(Counter {
            order: request.order,
            attempt: request.attempt,
            components,
            tariff,
            from,
            prev: behind?,
            binds_until: request.seal_by,
            signed_at: now,
            salt,
        })
    }

    /// Signs, verifies what it signed by the same rules as everyone, places and appends it.
    fn speak(&mut self, org: &OrgId, kind: &Kind, body: &Body, work: &mut Work) -> bool {
        let signed = {
            let Ok(key) = self.statement_key(org) else { return false };
            match body {
                Body::Endorse(body) => Signed::sign(kind, body, &[key]),
                Body::Accept(body) => Signed::sign(kind, body, &[key]),
                Body::Counter(body) => Signed::sign(kind, body, &[key]),
                Body::Decline(body) | Body::Reject(body) => Signed::sign(kind, body, &[key]),
                Body::Seal(body) => Signed::sign(kind, body, &[key]),
                Body::Void(body) => Signed::sign(kind, body, &[key]),
                _ => return false,
            }
        };
        let Ok(verified) = self.state.registry.judge_now(&signed) else { return false };
        let placed = self.state.place(verified.clone()) == Ok(Placed::New);
        if placed {
            self.append(verified, work);
        }
        placed
    }

    /// When an order must be looked at again if nothing arrives.
    fn next_deadline(&self, order: OrderId, now: Timestamp) -> Option<Timestamp> {
        let attempt = self.state.orders.get(&order)?.current()?;
        if attempt.seal.is_some() || attempt.void.is_some() {
            return None;
        }
        let request = attempt.request.body();
        let holds = attempt.route().parties().iter().enumerate().skip(1).filter_map(|(at, org)| {
            let within = self.settings.policies.get(org).map(|policy| match policy.deciding {
                Deciding::Officer { within_ms } => request.signed_at.plus_ms(within_ms),
                Deciding::Rule { .. } => latest_answer(attempt, at),
            })?;
            Some(within.min(latest_answer(attempt, at)))
        });
        holds.chain([request.quote_by, request.seal_by]).map(|due| due.plus_ms(1)).filter(|due| *due > now).min()
    }

    // --- deliveries ---

    /// Whom every message of an attempt must still reach: message and receiver, receivers at home elsewhere only.
    pub fn undelivered(&self, order: OrderId) -> Vec<DeliveryKey> {
        let Some(known) = self.state.orders.get(&order) else { return Vec::new() };
        let mut keys = Vec::new();
        for (number, attempt) in &known.attempts {
            for (to, message) in self.outgoing(attempt) {
                let key = DeliveryKey { order, attempt: *number, to, message };
                if !known.delivered.contains(&key) && !self.state.is_local(&key.to) {
                    keys.push(key);
                }
            }
        }
        keys
    }

    fn outgoing(&self, attempt: &Attempt) -> Vec<(OrgId, StatementId)> {
        let parties = attempt.route().parties();
        let local = |at: usize| self.state.is_local(&parties[at]);
        let (last, mut out) = (attempt.legs(), Vec::new());
        if self.approval(attempt) != Approval::Given {
            return out;
        }
        let outcome = attempt.seal.as_ref().map(Verified::id).or(attempt.void.as_ref().map(Verified::id));
        if let Some(outcome) = outcome {
            if local(0) {
                out.extend(parties[1..].iter().map(|party| (party.clone(), outcome)));
            }
            return out;
        }
        if local(0) {
            out.push((parties[1].clone(), attempt.request.id()));
        }
        for (at, endorse) in attempt.endorsements.iter().filter(|(at, _)| local(**at)) {
            out.push((parties[at + 1].clone(), endorse.id()));
            // The buyer hears of progress, so that "whose turn is it" always has an answer.
            out.push((parties[0].clone(), endorse.id()));
        }
        if let Some(accept) = attempt.acceptance.as_ref().filter(|_| local(last)) {
            out.push((parties[last - 1].clone(), accept.id()));
        }
        for (at, counter) in attempt.counters.iter().filter(|(at, _)| local(**at)) {
            out.push((parties[at - 1].clone(), counter.id()));
        }
        for (at, decline) in attempt.declines.iter().filter(|(at, _)| local(**at)) {
            out.extend(parties[..*at].iter().map(|party| (party.clone(), decline.id())));
        }
        out
    }

    fn plan_deliveries(&mut self, order: OrderId, now: Timestamp, work: &mut Work) {
        let wanted = self.undelivered(order);
        self.outbox.keep_only(order, &wanted);
        for key in wanted {
            let Ok(home) = self.state.registry.home(&key.to) else { continue };
            let node = home.origin().node.clone();
            let result = self.is_result(&key);
            self.outbox.add(key, node, result, now);
        }
        self.outbox_due(now, work);
    }

    /// Starts every delivery that is due, results ahead of new requests, up to the limit per peer.
    pub(super) fn outbox_due(&mut self, now: Timestamp, work: &mut Work) {
        for (node, key) in self.outbox.take_due(now) {
            if let Some(delivery) = self.package(&key) {
                work.then.push(Effect::Deliver(node, delivery));
            }
        }
    }

    fn is_result(&self, key: &DeliveryKey) -> bool {
        let attempt = self.attempt(key.order, key.attempt).ok();
        attempt.is_some_and(|attempt| {
            let request = attempt.request.id();
            key.message != request && !attempt.endorsements.values().any(|endorse| endorse.id() == key.message)
        })
    }

    /// A message with the predecessors its receiver needs to place it, and nothing else.
    fn package(&self, key: &DeliveryKey) -> Option<Delivery> {
        let attempt = self.attempt(key.order, key.attempt).ok()?;
        let mut messages = vec![attempt.request.signed().clone()];
        let up_to = |at: usize| attempt.endorsements.range(..=at).map(|(_, endorse)| endorse.signed().clone());
        let decisions = attempt.decisions.values().map(|decision| decision.signed().clone());
        let endorsed = attempt.endorsements.iter().find(|(_, endorse)| endorse.id() == key.message);
        let countered = attempt.counters.iter().find(|(_, counter)| counter.id() == key.message);
        let accept = attempt.acceptance.as_ref();
        if key.message == attempt.request.id() {
            messages.extend(decisions);
        } else if let Some((at, _)) = endorsed {
            messages.extend(decisions);
            messages.extend(up_to(*at));
        } else if accept.is_some_and(|accept| accept.id() == key.message) {
            messages.extend(decisions);
            messages.extend(up_to(attempt.legs()));
            messages.extend(accept.map(|accept| accept.signed().clone()));
        } else if let Some((at, _)) = countered {
            messages.extend(decisions);
            messages.extend(up_to(attempt.legs()));
            messages.extend(accept.map(|accept| accept.signed().clone()));
            messages.extend(attempt.counters.range(at..).rev().map(|(_, counter)| counter.signed().clone()));
        } else {
            messages.extend(decisions);
            let found = attempt.messages().into_iter().find(|signed| signed.id() == key.message)?;
            messages.push(found.clone());
        }
        Some(self.delivery_of(key, messages))
    }

    fn delivery_of(&self, key: &DeliveryKey, messages: Vec<Signed>) -> Delivery {
        Delivery { order: key.order, attempt: key.attempt, to: key.to.clone(), message: key.message, messages }
    }

    pub(super) fn delivered(
        &mut self,
        key: DeliveryKey,
        result: Result<Signed, Refusal>,
        now: Timestamp,
        work: &mut Work,
    ) {
        let checked = result.and_then(|receipt| self.check_receipt(&key, &receipt).map(|()| receipt));
        match checked {
            Ok(receipt) => {
                self.outbox.remove(&key);
                let known = self.state.orders.entry(key.order).or_default();
                if known.delivered.insert(key.clone()) {
                    self.state.receipts.insert((key.message, key.to.clone()), receipt.clone());
                    work.commit.push(Record::Kept(receipt));
                    work.commit.push(Record::Delivered {
                        order: key.order,
                        attempt: key.attempt,
                        to: key.to,
                        message: key.message,
                    });
                }
            }
            Err(refusal) => {
                let jitter = i64::try_from(self.dice.below(RETRY_MS_MIN.unsigned_abs())).unwrap_or(0);
                self.outbox.failed(&key, refusal, jitter, now);
            }
        }
        self.outbox_due(now, work);
    }

    fn check_receipt(&self, key: &DeliveryKey, signed: &Signed) -> Result<(), Refusal> {
        let verified = self.state.registry.judge_now(signed)?;
        match verified.body() {
            Body::Receipt(receipt) if receipt.message == key.message && receipt.from == key.to => Ok(()),
            _ => Err(Refusal::new(Reason::ChainBroken).with("rule", "a receipt for another message")),
        }
    }

    /// A sign of life of a peer makes what could not reach it due.
    pub(super) fn outbox_awake(&mut self, node: &NodeId, now: Timestamp, work: &mut Work) {
        if self.outbox.awake(node, now) {
            self.outbox_due(now, work);
        }
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

fn finding(leg: &LegJudgement) -> LegFinding {
    LegFinding {
        from: leg.from.clone(),
        to: leg.to.clone(),
        as_of: leg.as_of,
        verdict: leg.verdict,
        basis: leg.basis,
        assumed: leg.assumed(),
        evidence: leg.evidence().into_iter().collect(),
    }
}

/// Refuses a leg that is not fulfilled, naming what is missing or fails, in German and in English.
pub fn refuse_unless_fulfilled(leg: &LegJudgement) -> Result<(), Refusal> {
    let reason = match leg.verdict {
        Verdict::Fulfilled => return Ok(()),
        Verdict::NotProven => Reason::LegNotProven,
        Verdict::NotFulfilled => Reason::LegNotLawful,
    };
    let why = |lang| {
        let findings = leg.findings.iter().filter(|finding| finding.verdict == leg.verdict);
        findings.map(|finding| finding.text(lang)).collect::<Vec<String>>().join(" ")
    };
    Err(Refusal::new(reason)
        .with("from", &leg.from)
        .with("to", &leg.to)
        .with("as_of", leg.as_of)
        .with("why", why(Lang::De))
        .with("why_en", why(Lang::En)))
}

fn decline_note(refusal: &Refusal) -> String {
    let said = refusal.field("why").map_or_else(|| refusal.details(), str::to_owned);
    said.chars().take(500).collect()
}
