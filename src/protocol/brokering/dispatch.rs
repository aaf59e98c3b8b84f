//! What must still be delivered to whom. It follows from the messages held, so the outbox needs no table of its own: it
//! is empty exactly when every message has its receipt, and a restart resends by itself.
use crate::domain::body::Body;
use crate::domain::id::{NodeId, OrderId, OrgId, StatementId};
use crate::domain::order::Attempt;
use crate::domain::order::aftercare::settlements;
use crate::domain::order::mandate::Mandate;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::{Kind, Signed, Verified};
use crate::domain::time::Timestamp;
use crate::protocol::frame::{Delivery, DeliveryKey};
use crate::protocol::limits::RETRY_MS_MIN;
use crate::protocol::mechanism::Mechanism;
use crate::protocol::record::Record;
use crate::protocol::state::Order;
use crate::protocol::{Effect, Node, Work};

impl Node {
    /// Whom every message of an order must still reach: message and receiver, receivers at home elsewhere only.
    pub fn undelivered(&self, order: OrderId) -> Vec<DeliveryKey> {
        let Some(known) = self.state.orders.get(&order) else { return Vec::new() };
        let mut keys = Vec::new();
        let mut add = |attempt: u32, to: OrgId, message: StatementId| {
            let key = DeliveryKey { order, attempt, to, message };
            if !known.delivered.contains(&key) && !self.state.is_local(&key.to) {
                keys.push(key);
            }
        };
        for (number, attempt) in &known.attempts {
            self.outgoing(attempt).into_iter().for_each(|(to, message)| add(*number, to, message));
        }
        for call_off in known.call_offs.values().filter(|call_off| self.state.is_local(&call_off.body().from)) {
            add(call_off.body().attempt, call_off.body().to.clone(), call_off.id());
        }
        // A mandate that waits for a colleague binds nobody yet.
        let given = |of: &Verified<Mandate>| self.check_mandate_given(of).is_ok();
        let told = |of: &&Verified<Mandate>| {
            let first = of.body().approves.map_or(Some(*of), |first| known.mandates.get(&first));
            self.state.is_local(&of.body().org) && first.is_some_and(given)
        };
        for mandate in known.mandates.values().filter(told) {
            add(mandate.body().attempt, mandate.body().to.clone(), mandate.id());
        }
        keys
    }

    fn outgoing(&self, attempt: &Attempt) -> Vec<(OrgId, StatementId)> {
        let parties = attempt.route().parties();
        let local = |at: usize| self.state.is_local(&parties[at]);
        let (last, mut out) = (attempt.legs(), Vec::new());
        if !self.approval(attempt).is_given() {
            return out;
        }
        if let Some(outcome) = attempt.outcome() {
            if local(0) {
                out.extend(parties[1..].iter().map(|party| (party.clone(), outcome)));
            }
            out.extend(self.afterwards(attempt));
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
        for (_, recall) in attempt.recalls.iter().filter(|(at, _)| local(**at)) {
            out.push((parties[0].clone(), recall.id()));
        }
        out
    }

    /// What goes out once an attempt has ended: notices of the buyer, milestones, confirmations, settlements
    /// and erasures of any party to all others: the seal binds all of them at once.
    fn afterwards(&self, attempt: &Attempt) -> Vec<(OrgId, StatementId)> {
        let parties = attempt.route().parties();
        let mut out = Vec::new();
        if self.state.is_local(&parties[0]) {
            out.extend(attempt.late.values().map(|late| (late.body().to.clone(), late.id())));
        }
        let milestones = attempt.milestones.values().map(|said| (&said.body().from, said.id()));
        let confirmations = attempt.confirmations.values().map(|said| (&said.body().from, said.id()));
        let settlements = attempt.settlements.values().map(|said| (&said.body().from, said.id()));
        let erasures = attempt.erasures.values().map(|said| (&said.body().from, said.id()));
        let all = milestones.chain(confirmations).chain(settlements).chain(erasures);
        for (from, said) in all.filter(|(from, _)| self.state.is_local(from)) {
            out.extend(parties.iter().filter(|party| *party != from).map(|party| (party.clone(), said)));
        }
        out
    }

    pub(super) fn plan_deliveries(&mut self, order: OrderId, now: Timestamp, work: &mut Work) {
        let wanted = self.undelivered(order);
        self.outbox.keep_only(order, &wanted);
        for key in wanted {
            if self.is_held_back(order, key.message, now) {
                continue;
            }
            let Ok(home) = self.state.registry.home(&key.to) else { continue };
            let node = home.origin().node.clone();
            let result = self.is_result(&key);
            self.outbox.add(key, node, result, now);
        }
        self.outbox_due(now, work);
    }

    /// Starts every delivery that is due, results ahead of new requests, up to the limit per peer.
    pub(in crate::protocol) fn outbox_due(&mut self, now: Timestamp, work: &mut Work) {
        for (node, key) in self.outbox.take_due(now) {
            if let Some(delivery) = self.package(&key) {
                work.then.push(Effect::Deliver(node, delivery));
            }
            if !Mechanism::KeepUntilReceipt.is_on() {
                self.outbox.remove(&key);
            }
        }
    }

    fn is_result(&self, key: &DeliveryKey) -> bool {
        let attempt = self.attempt(key.order, key.attempt).ok();
        Mechanism::ResultsFirst.is_on()
            && attempt.is_none_or(|attempt| {
                let request = attempt.request.id();
                key.message != request && !attempt.endorsements.values().any(|endorse| endorse.id() == key.message)
            })
    }

    /// A message with the predecessors its receiver needs to place it, and nothing else.
    fn package(&self, key: &DeliveryKey) -> Option<Delivery> {
        let known = self.state.orders.get(&key.order)?;
        if let Some(alone) = stands_alone(known, key.message) {
            return Some(delivery_of(key, vec![alone.clone()]));
        }
        let attempt = known.attempts.get(&key.attempt)?;
        let mut messages = vec![attempt.request.signed().clone()];
        messages.extend(attempt.decisions.values().map(|decision| decision.signed().clone()));
        let up_to = |at: usize| attempt.endorsements.range(..=at).map(|(_, endorse)| endorse.signed().clone());
        let endorsed = attempt.endorsements.iter().find(|(_, endorse)| endorse.id() == key.message);
        let countered = attempt.counters.iter().find(|(_, counter)| counter.id() == key.message);
        let accept = attempt.acceptance.as_ref();
        if key.message == attempt.request.id() {
            // Nothing more.
        } else if let Some((at, _)) = endorsed {
            messages.extend(up_to(*at));
        } else if accept.is_some_and(|accept| accept.id() == key.message) {
            messages.extend(up_to(attempt.legs()));
            messages.extend(accept.map(|accept| accept.signed().clone()));
        } else if let Some((at, _)) = countered {
            messages.extend(up_to(attempt.legs()));
            messages.extend(accept.map(|accept| accept.signed().clone()));
            messages.extend(attempt.counters.range(at..).rev().map(|(_, counter)| counter.signed().clone()));
        } else {
            let found = attempt.messages().into_iter().find(|signed| signed.id() == key.message)?;
            // What follows the end cannot be placed without it.
            let outcome = attempt.seal.as_ref().map(Verified::signed).or(attempt.void.as_ref().map(Verified::signed));
            messages.extend(outcome.filter(|outcome| outcome.id() != key.message && follows_end(found)).cloned());
            messages.extend(proposal_of(attempt, key.message).cloned());
            messages.push(found.clone());
        }
        Some(delivery_of(key, messages))
    }

    pub(in crate::protocol) fn delivered(
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
                    known.receipts.insert((key.message, key.to.clone()), receipt.clone());
                    work.commit.push(Record::Kept(receipt));
                    work.commit.push(Record::Delivered {
                        order: key.order,
                        attempt: key.attempt,
                        to: key.to,
                        message: key.message,
                    });
                }
            }
            Err(_) if !Mechanism::Retry.is_on() => self.outbox.remove(&key),
            Err(refusal) => {
                let jitter = i64::try_from(self.dice.below(RETRY_MS_MIN.unsigned_abs())).unwrap_or(0);
                self.outbox.failed(&key, refusal, jitter, now);
            }
        }
        self.outbox_due(now, work);
    }

    fn check_receipt(&self, key: &DeliveryKey, signed: &Signed) -> Result<(), Refusal> {
        let verified = self.state.judge(signed)?;
        match verified.body() {
            // Also the order: a receipt is kept with it.
            Body::Receipt(receipt)
                if receipt.message == key.message && receipt.from == key.to && receipt.order == key.order =>
            {
                Ok(())
            }
            _ => Err(Refusal::new(Reason::ChainBroken).with("rule", "a receipt for another message")),
        }
    }

    /// A sign of life of a peer makes what could not reach it due.
    pub(in crate::protocol) fn outbox_awake(&mut self, node: &NodeId, now: Timestamp, work: &mut Work) {
        if Mechanism::WakeOnLife.is_on() && self.outbox.awake(node, now) {
            self.outbox_due(now, work);
        }
    }
}

/// A call-off or a mandate, which need no predecessors.
fn stands_alone(known: &Order, message: StatementId) -> Option<&Signed> {
    let call_off = known.call_offs.values().find(|call_off| call_off.id() == message).map(Verified::signed);
    call_off.or_else(|| known.mandates.get(&message).map(Verified::signed))
}

/// What an agreement agrees to; whoever hears of it may not have the proposal yet.
fn proposal_of(attempt: &Attempt, agreement: StatementId) -> Option<&Signed> {
    let mut pairs = settlements(attempt);
    let found = pairs.find(|(_, agreed)| agreed.is_some_and(|agreed| agreed.id() == agreement));
    found.map(|(proposal, _)| proposal.signed())
}

/// Whether a message can only be placed behind the end of its attempt.
fn follows_end(signed: &Signed) -> bool {
    let kinds = [Kind::LateNotice, Kind::Milestone, Kind::Confirm, Kind::Settlement, Kind::Erasure];
    kinds.contains(signed.kind())
}

fn delivery_of(key: &DeliveryKey, messages: Vec<Signed>) -> Delivery {
    Delivery {
        order: key.order,
        attempt: key.attempt,
        to: key.to.clone(),
        message: key.message,
        messages,
        annexes: Vec::new(),
    }
}
