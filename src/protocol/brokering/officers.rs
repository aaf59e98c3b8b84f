//! What officers hand in: requests, decisions, seals, voids, recalls, milestones. Each rule is asked before the log grows.
use crate::domain::annex::Erased;
use crate::domain::body::Body;
use crate::domain::id::{OrderId, OrgId, StatementId};
use crate::domain::order::aftercare::check_timely;
use crate::domain::order::approval::{Approval, approval, check_approval};
use crate::domain::order::charges::check_agreed;
use crate::domain::order::ending::{check_undefeated, objections as said_against};
use crate::domain::order::erasure::Erasure;
use crate::domain::order::frozen::check_selection;
use crate::domain::order::gathered::Gathered;
use crate::domain::order::milestone::Milestone;
use crate::domain::order::orderable::objections;
use crate::domain::order::settlement::Settlement;
use crate::domain::order::timely::{check_award_day, is_late};
use crate::domain::order::{Attempt, Confirm, Decision, Mode, Placed, Recall, Request, Seal, VoidReason};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::{Kind, Signed, Verified};
use crate::domain::time::{Date, Timestamp};
use crate::domain::trust::OfficerGrant;
use crate::protocol::brokering::legs::refuse_unless_fulfilled;
use crate::protocol::limits::{CLOCK_SKEW_MS, ORDERS_MAX};
use crate::protocol::mechanism::Mechanism;
use crate::protocol::state::Order;
use crate::protocol::{Answer, Node, Work, is_officer_kind};

impl Node {
    pub(in crate::protocol) fn officer(
        &mut self,
        signed: Signed,
        now: Timestamp,
        work: &mut Work,
    ) -> Result<Answer, Refusal> {
        if !is_officer_kind(signed.kind()) {
            return Err(Refusal::new(Reason::OrderState).with("kind", signed.kind()));
        }
        let verified = self.state.judge(&signed)?;
        let (org, _) = verified.body().signer_rule().expect("officer kinds have one signer");
        if !self.state.is_local(org) {
            return Err(Refusal::new(Reason::OrgElsewhere).with("org", org));
        }
        let (order, _) = verified.body().order().expect("officer kinds belong to an order");
        if self.is_missing(&signed) {
            // Handed in again after a backup was restored: it stands already, and now its content is back.
            return self.fill_gap(&signed, work).map(|()| Answer::Order(order));
        }
        self.check_clock(&verified, now)?;
        self.check_gate(&verified, now)?;
        match verified.body().clone() {
            Body::Request(request) => self.submit(&request, verified, now, work)?,
            Body::Decision(decision) => {
                self.check_decision(&decision, &signed)?;
                self.take(verified, work)?;
            }
            Body::Seal(seal) => self.take_seal(&seal, verified, now, work)?,
            Body::Recall(recall) => {
                self.check_recall(&recall, &signed)?;
                self.take(verified, work)?;
            }
            Body::Confirm(confirm) => {
                self.check_confirm(&confirm, &signed)?;
                self.take(verified, work)?;
            }
            Body::Mandate(mandate) => {
                self.check_mandate(&mandate, &signed, now)?;
                self.take(verified, work)?;
                work.touched.extend(self.waiting_for(&mandate));
            }
            // Signed anew from a page left open or a command repeated, it is what was said already.
            Body::Settlement(settlement) if self.has_said(&settlement) => {}
            Body::Settlement(settlement) => {
                self.check_settlement(&settlement, &signed)?;
                self.take(verified, work)?;
            }
            Body::Erasure(erasure) => {
                self.check_erasure(&erasure, &signed)?;
                self.take(verified, work)?;
            }
            Body::Milestone(milestone) => {
                self.check_milestone(&milestone, &signed)?;
                self.take(verified, work)?;
            }
            _ => self.take_void(verified, work)?,
        }
        Ok(Answer::Order(order))
    }

    /// Whether a statement stands in the own log and its content is here. A leaf in another's log proves nothing: anyone
    /// may claim an id.
    pub(super) fn is_known(&self, signed: &Signed) -> bool {
        self.state.place_of(&signed.id(), &self.settings.origin).is_some() && !self.is_missing(signed)
    }

    /// A buyer's approval that could not count must not take the place of one that does.
    fn check_decision(&self, decision: &Decision, signed: &Signed) -> Result<(), Refusal> {
        let request = self.attempt(decision.order, decision.attempt)?.request.body();
        if decision.org != request.buyer || !decision.approve || self.is_known(signed) {
            return Ok(());
        }
        check_approval(request, decision, self.suffices(request, signed, decision.signed_at))
    }

    /// Whether the limits, for one order and for the year, of the officer behind a statement suffice for a request.
    fn suffices(&self, request: &Request, signed: &Signed, signed_at: Timestamp) -> bool {
        self.grant_behind(&request.buyer, signed).is_some_and(|grant| {
            let day = signed_at.date();
            let spent = self.state.commitments.before(&grant.org, &grant.officer, day, &request.order);
            grant.suffices(request.total_max, spent)
        })
    }

    pub(super) fn grant_behind(&self, org: &OrgId, signed: &Signed) -> Option<&OfficerGrant> {
        let key = signed.signatures().first().map(|by| by.key)?;
        self.state.registry.officer(org, &key)
    }

    /// What is signed now must say so; the order's deadlines rest on it.
    fn check_clock(&self, verified: &Verified<Body>, now: Timestamp) -> Result<(), Refusal> {
        let signed_at = verified.body().signed_at().unwrap_or(now);
        if self.is_known(verified.signed()) || now.since_ms(signed_at).abs() <= CLOCK_SKEW_MS {
            return Ok(());
        }
        Err(Refusal::new(Reason::ClockDiffers).with("signed_at", signed_at).with("now", now))
    }

    /// A request begins an order, or a new attempt of one; the same request again is the same order and the same answer.
    fn submit(
        &mut self,
        request: &Request,
        verified: Verified<Body>,
        now: Timestamp,
        work: &mut Work,
    ) -> Result<(), Refusal> {
        match self.state.orders.get(&request.order) {
            Some(order) if Mechanism::FirstMessage.is_on() && is_repeated(order, request) => return Ok(()),
            Some(order) => check_next_attempt(order, request)?,
            None if request.attempt != 1 => {
                return Err(Refusal::new(Reason::OrderState).with("attempt", request.attempt));
            }
            None if self.state.orders.len() >= ORDERS_MAX => {
                return Err(Refusal::new(Reason::Overloaded).with("orders", self.state.orders.len()));
            }
            None => {}
        }
        self.check_orderable(request, now)?;
        self.check_frozen(request)?;
        self.check_rule_pack(request)?;
        self.check_legs(request, request.as_of, request.signed_at.date())?;
        if let Some(amends) = &request.amends {
            self.check_amends(amends, request, now)?;
        }
        if let Some(gathered) = &request.gathered {
            self.check_gathered(gathered, request)?;
        }
        check_award_day(request, request.signed_at, Some(request.seal_by))?;
        self.take(verified, work)
    }

    /// The offering exists, is on offer, covers the buyer, and every party has a home node.
    pub(super) fn check_orderable(&self, request: &Request, now: Timestamp) -> Result<(), Refusal> {
        if now >= request.quote_by {
            return Err(Refusal::new(Reason::DeadlinePassed).with("quote_by", request.quote_by));
        }
        for party in request.route.parties() {
            self.state.registry.active(party)?;
        }
        let offering = self.state.catalogue.orderable(&request.offering)?;
        // What changes or prolongs a contract stays with the version it was made on.
        if request.amends.is_none() {
            self.state.catalogue.check_newest(&request.offering)?;
        }
        let area = self.state.public().buyer(&request.buyer, request.quantities).area;
        objections(request, offering, area, now.date()).into_iter().next().map_or(Ok(()), Err)?;
        self.provider_price(request, offering)?;
        if let Some(need) = &request.grounds.need {
            self.state.catalogue.needs.check(need, &request.buyer)?;
            self.state.catalogue.needs.check_sought(&request.buyer, need)?;
        }
        Ok(())
    }

    /// A frozen search rests on what this node knows of the logs it names.
    fn check_frozen(&self, request: &Request) -> Result<(), Refusal> {
        let Some(selection) = &request.grounds.selection else { return Ok(()) };
        let log = self.public_place(&request.offering)?;
        let index = self.state.place_of(&request.offering, &log).unwrap_or(u64::MAX);
        check_selection(selection, &(log, index), Some(request.signed_at), |log, size| {
            self.state.logs.get(log)?.tree.root_at(size).ok()
        })
    }

    /// The rule pack is the one in force for the day on which the procedure began.
    fn check_rule_pack(&self, request: &Request) -> Result<(), Refusal> {
        let in_force = self.state.public().rule_pack_on(request.procedure_day())?;
        if request.rule_pack == in_force {
            return Ok(());
        }
        if !self.state.packs.contains_key(&request.rule_pack) {
            return Err(Refusal::new(Reason::RulePackUnknown).with("rule_pack", request.rule_pack));
        }
        Err(Refusal::new(Reason::RulePackOutdated).with("rule_pack", request.rule_pack).with("in_force", in_force))
    }

    /// Every leg fulfilled on a day, or the refusal names the leg and the fact.
    pub(super) fn check_legs(&self, request: &Request, as_of: Date, known_on: Date) -> Result<(), Refusal> {
        for leg in request.route.legs() {
            refuse_unless_fulfilled(&self.judge(request, leg, as_of, known_on)?)?;
        }
        Ok(())
    }

    /// Every member has asked for it, and may lawfully award to the buyer.
    fn check_gathered(&self, gathered: &Gathered, request: &Request) -> Result<(), Refusal> {
        let offering = self.state.catalogue.orderable(&request.offering)?;
        for member in &gathered.members {
            let missing = || Refusal::new(Reason::NeedMissing).with("member", &member.org).with("need", member.need);
            let need = self.state.catalogue.needs.of(&member.org, &member.need).ok_or_else(missing)?;
            self.state.catalogue.needs.check_sought(&member.org, &member.need)?;
            let asks = need.leika.iter().any(|key| offering.leika.contains(key))
                && need.until >= request.signed_at.date()
                && need.through.is_none_or(|through| *through == request.buyer);
            if !asks {
                return Err(missing());
            }
            let leg = (&member.org, &request.buyer);
            let judged = self.judge(request, leg, request.as_of, request.signed_at.date())?;
            refuse_unless_fulfilled(&judged)?;
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
            Some(known) if known.is_disputed() => Err(Refusal::new(Reason::OrderDisputed).with("order", order)),
            _ => Ok(()),
        }
    }

    /// An officer's seal. Where the guard finds that a leg no longer holds, the attempt is looked at again and ends.
    fn take_seal(
        &mut self,
        seal: &Seal,
        verified: Verified<Body>,
        now: Timestamp,
        work: &mut Work,
    ) -> Result<(), Refusal> {
        if !self.is_known(verified.signed())
            && let Err(refusal) = self.check_sealable(seal, now)
        {
            if refusal.reason == Reason::LegNotLawful {
                work.touched.insert(seal.order);
            }
            return Err(refusal);
        }
        self.take(verified, work)
    }

    /// A void after a seal, or a seal after a void, is refused: the first stands.
    fn take_void(&mut self, verified: Verified<Body>, work: &mut Work) -> Result<(), Refusal> {
        let (order, number) = verified.body().order().expect("a void belongs to an order");
        let attempt = self.attempt(order, number)?;
        if attempt.seal.is_some() && Mechanism::OneOutcome.is_on() {
            return Err(Refusal::new(Reason::OrderClosed).with("order", order).with("state", "sealed"));
        }
        if attempt.void.is_some() {
            return Ok(());
        }
        if let Body::Void(void) = verified.body()
            && !matches!(void.reason, VoidReason::Cancelled | VoidReason::Rerouted | VoidReason::Superseded)
        {
            return Err(Refusal::new(Reason::FieldInvalid).with("field", "reason").with("rule", "not an officer's"));
        }
        self.refuse_if_outcome_lost(attempt)?;
        self.take(verified, work)
    }

    /// A hop or the provider may withdraw what it has promised until it knows how the attempt ended.
    fn check_recall(&self, recall: &Recall, signed: &Signed) -> Result<(), Refusal> {
        let attempt = self.attempt(recall.order, recall.attempt)?;
        let at = attempt.position(&recall.from)?;
        if self.is_known(signed) {
            return Ok(());
        }
        if attempt.outcome().is_some() {
            return Err(Refusal::new(Reason::OrderClosed).with("order", recall.order));
        }
        let promised = attempt.endorsements.contains_key(&at) || at == attempt.legs() && attempt.acceptance.is_some();
        if promised { Ok(()) } else { Err(Refusal::new(Reason::OrderState).with("rule", "nothing was promised yet")) }
    }

    /// A party takes a seal for binding that came late. Where none is late there is nothing to confirm.
    fn check_confirm(&self, confirm: &Confirm, signed: &Signed) -> Result<(), Refusal> {
        let attempt = self.attempt(confirm.order, confirm.attempt)?;
        let Some(seal) = attempt.seal.as_ref().filter(|seal| seal.id() == confirm.seal) else {
            return Err(Refusal::new(Reason::ChainIncomplete).with("missing", Kind::Seal));
        };
        let witnessed = self.witnessed_seal(attempt);
        if self.is_known(signed) || is_late(attempt.request.body(), seal.body(), witnessed) {
            return Ok(());
        }
        Err(Refusal::new(Reason::OrderState).with("rule", "the seal came in time"))
    }

    /// Who proposes a settlement names something that contradicts the seal here; who agrees to one has seen it.
    fn check_settlement(&self, settlement: &Settlement, signed: &Signed) -> Result<(), Refusal> {
        if self.is_known(signed) || settlement.agrees.is_some() {
            return Ok(());
        }
        let open = self.to_settle(settlement.order, settlement.attempt)?;
        if open.iter().any(|id| settlement.about.contains(id)) {
            return Ok(());
        }
        Err(Refusal::new(Reason::NothingToSettle).with("order", settlement.order))
    }

    /// What a settlement may be about: what contradicts the seal of an attempt here.
    pub fn to_settle(&self, order: OrderId, number: u32) -> Result<Vec<StatementId>, Refusal> {
        let attempt = self.attempt(order, number)?;
        let known = self.state.orders.get(&order);
        let contradicts = known.into_iter().flat_map(|known| &known.contradictions).map(Signed::id);
        Ok(contradicts.chain(said_against(attempt).into_iter().map(|(id, ..)| id)).collect())
    }

    /// Whether its author has proposed or agreed to these very terms already.
    fn has_said(&self, settlement: &Settlement) -> bool {
        let attempt = self.attempt(settlement.order, settlement.attempt);
        attempt.is_ok_and(|attempt| attempt.settlements.values().any(|said| settlement.repeats(said.body())))
    }

    /// Whoever lets annexes go names one at least that is its own and still there. What others say of theirs counts by
    /// the same rule, wherever it is heard.
    fn check_erasure(&self, erasure: &Erasure, signed: &Signed) -> Result<(), Refusal> {
        if self.is_known(signed) {
            return Ok(());
        }
        let attempt = self.attempt(erasure.order, erasure.attempt)?;
        let mut erased = Erased::of(attempt.messages());
        let before = erased.annexes();
        erased.hear(signed);
        if erased.annexes() == before {
            return Err(Refusal::new(Reason::NothingToErase).with("order", erasure.order));
        }
        Ok(())
    }

    fn check_milestone(&self, milestone: &Milestone, signed: &Signed) -> Result<(), Refusal> {
        if self.is_known(signed) {
            return Ok(());
        }
        let attempt = self.attempt(milestone.order, milestone.attempt)?;
        let offering = self.state.catalogue.version(&attempt.request.body().offering);
        check_timely(attempt, milestone, offering.and_then(|offering| offering.notice_days))
    }

    /// One attempt of an order.
    pub(in crate::protocol) fn attempt(&self, order: OrderId, number: u32) -> Result<&Attempt, Refusal> {
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
        if attempt.outcome().is_some() && Mechanism::OneOutcome.is_on() {
            return Err(Refusal::new(Reason::OrderClosed).with("order", seal.order));
        }
        if now > request.seal_by {
            return Err(Refusal::new(Reason::DeadlinePassed).with("seal_by", request.seal_by));
        }
        if Mechanism::RecallBeforeSeal.is_on() {
            check_undefeated(attempt, |_| true)?;
        }
        self.refuse_if_outcome_lost(attempt)?;
        if let Approval::Awaited(refusal) | Approval::Refused(refusal) = self.approval(attempt) {
            return Err(refusal);
        }
        attempt.offer()?;
        check_agreed(seal, &self.freely_agreed(attempt))?;
        self.check_mandated(attempt, now.date())?;
        check_award_day(request, request.signed_at, Some(now))?;
        attempt.route().parties().iter().try_for_each(|party| self.state.registry.check_member(party))?;
        if Mechanism::SealGuard.is_on() { self.check_legs(request, now.date(), now.date()) } else { Ok(()) }
    }

    /// Whether the buyer's side has approved.
    pub fn approval(&self, attempt: &Attempt) -> Approval {
        let request = attempt.request.body();
        approval(attempt, |signed, signed_at| self.suffices(request, signed, signed_at))
    }
}

/// The withdrawal that came before the end, if any.
pub(super) fn recalled(attempt: &Attempt) -> Option<&Recall> {
    attempt.recalls.values().next().map(Verified::body).filter(|_| Mechanism::RecallBeforeSeal.is_on())
}

/// Whether this request has been taken before. A tool that repeats a submission may sign anew: time, salt and deadlines
/// may differ.
fn is_repeated(order: &Order, request: &Request) -> bool {
    let terms = |of: &Request| (of.attempt, of.mode, of.offering, of.term_years, of.total_max, of.as_of);
    order.attempts.values().map(|attempt| attempt.request.body()).any(|known| {
        terms(known) == terms(request)
            && known.route == request.route
            && known.rule_pack == request.rule_pack
            && known.award == request.award
            && known.gathered == request.gathered
            && known.amends == request.amends
    })
}

/// A new attempt follows the newest one, and only once that is void. An order that is sealed gets no further attempt.
fn check_next_attempt(order: &Order, request: &Request) -> Result<(), Refusal> {
    let Some(newest) = order.current() else { return Ok(()) };
    let number = newest.request.body().attempt;
    if request.attempt <= number {
        return Err(Refusal::new(Reason::OrderConflict).with("order", request.order).with("attempt", number));
    }
    if order.sealed().is_some() {
        return Err(Refusal::new(Reason::OrderClosed).with("order", request.order).with("state", "sealed"));
    }
    if request.attempt != number + 1 {
        return Err(Refusal::new(Reason::FieldInvalid).with("field", "attempt").with("must_be", number + 1));
    }
    if newest.void.is_none() && Mechanism::VoidBeforeReroute.is_on() {
        return Err(Refusal::new(Reason::OrderOpen).with("order", request.order).with("attempt", number));
    }
    let (before, field) = (newest.request.body(), |field| Refusal::new(Reason::FieldInvalid).with("field", field));
    if request.procedure_day() < before.procedure_day() {
        return Err(field("procedure_began").with("rule", "not before that of the attempt before"));
    }
    if before.gathered != request.gathered {
        return Err(field("bundle").with("rule", "every attempt orders for the same members"));
    }
    if before.amends != request.amends {
        return Err(field("amends").with("rule", "every attempt amends the same order"));
    }
    if newest.request.body().mode == Mode::Binding && request.mode == Mode::Interest {
        return Err(Refusal::new(Reason::FieldInvalid).with("field", "mode").with("must_be", "binding"));
    }
    Ok(())
}
