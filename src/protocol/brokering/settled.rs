//! Settled orders leave memory: what is over and awaits nothing is let go of, and read again by whoever touches it.
//!
//! An input that names an order at rest is parked, the order is read from the store, and the input goes on as if the
//! order had never been away: in the order in which inputs for it came. Everything of an order is in records about it
//! alone, so nothing else need be read; and its digest stays here, so what is read is what was known. What is listed
//! across orders stays in memory: members' parts and mandates.
use std::collections::BTreeSet;

use crate::domain::body::Body;
use crate::domain::id::{NodeId, OrderId, OrgId};
use crate::domain::order::Attempt;
use crate::domain::order::aftercare::{Phase, phase};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::seen::Seen;
use crate::domain::statement::{Kind, Signed, Verified};
use crate::domain::time::{Date, Timestamp, plus_years};
use crate::protocol::brokering::resting::{Parked, Row};
use crate::protocol::frame::{DeliveryKey, Question};
use crate::protocol::limits::{DELIVERY_MESSAGES_MAX, PARKED_MAX, PARKED_RETRY_MS, RECOVERY_STATEMENTS_MAX};
use crate::protocol::record::{OfOrder, Record, orders_of};
use crate::protocol::state::Order;
use crate::protocol::{Effect, Input, Node, Work};

impl Node {
    /// Lets only so many settled orders stay in memory; all of them where it is `usize::MAX`.
    pub fn keep_settled(&mut self, count: usize) {
        self.resting.keep(count);
    }

    /// Whether an order is known that is not in memory.
    pub fn is_resting(&self, order: &OrderId) -> bool {
        self.resting.is_resting(order)
    }

    /// The orders that are known and not in memory.
    pub fn resting(&self) -> impl Iterator<Item = OrderId> {
        self.resting.rows().map(|(order, ..)| *order)
    }

    /// The orders that are known and not in memory, each with its parties.
    pub fn resting_parties(&self) -> impl Iterator<Item = (OrderId, &[OrgId])> {
        self.resting.rows().map(|(order, _, parties)| (*order, parties))
    }

    /// How many orders are known.
    pub fn order_count(&self) -> usize {
        self.state.orders.len() + self.resting.len()
    }

    /// The contracts of an organisation at rest that run on a day.
    pub fn resting_contracts(&self, org: &OrgId, day: Date) -> Vec<OrderId> {
        let rows = self.resting.rows();
        let running = rows.filter(|(_, row, parties)| row.until >= Some(day) && parties.contains(org));
        running.map(|(order, ..)| *order).collect()
    }

    /// The orders at rest that must be read to answer a question of a node in full.
    pub fn resting_behind(&self, from: &NodeId, question: &Question) -> Vec<OrderId> {
        match question {
            Question::Outcome { order, .. } => self.resting.row(order).map(|_| *order).into_iter().collect(),
            Question::OwnSince(since) => {
                let is_home = |party: &OrgId| self.is_home_of(from, party);
                let lost = |row: &Row| self.resting.may_have_lost(row, is_home, from, *since);
                self.resting.rows().filter(|(_, row, _)| lost(row)).map(|(order, ..)| *order).collect()
            }
        }
    }

    /// What an order at rest adds to the answer.
    pub fn answer_of(
        &self,
        known: &Order,
        from: &NodeId,
        question: &Question,
        mut answer: Vec<Signed>,
    ) -> Result<Vec<Signed>, Refusal> {
        match question {
            Question::Outcome { order, attempt, request } => {
                let unknown = || Refusal::new(Reason::OrderUnknown).with("order", order);
                let attempt = known.attempts.get(attempt).ok_or_else(unknown)?;
                answer.extend(self.outcome_for(from, attempt, request)?);
            }
            Question::OwnSince(since) => {
                answer.extend(self.lost_of(known, from, *since));
                answer.truncate(RECOVERY_STATEMENTS_MAX);
            }
        }
        Ok(answer)
    }

    /// Takes an input, or parks it until the orders it names are back in memory.
    pub(in crate::protocol) fn hear(&mut self, input: Input, now: Timestamp, work: &mut Work) {
        let named = self.named(&input);
        if !self.resting.must_wait(&named) {
            work.looked_at.extend(named);
            return self.take_input(input, now, work);
        }
        if self.resting.parked.len() >= PARKED_MAX {
            let refusal = Refusal::new(Reason::Overloaded).with("retry_ms", PARKED_RETRY_MS);
            return turn_away(input, &refusal, work);
        }
        named.iter().for_each(|order| self.ask_for(*order, work));
        self.resting.parked.push_back(Parked { input, named });
    }

    /// The orders without which an input cannot go on.
    fn named(&self, input: &Input) -> BTreeSet<OrderId> {
        if self.resting.is_empty() {
            // Only what may have to be let go of.
            return match input {
                Input::Delivered(key, Ok(_)) => [key.order].into(),
                _ => BTreeSet::new(),
            };
        }
        match input {
            Input::Officer(_, signed) => orders_of(signed).collect(),
            Input::Delivery(_, _, delivery) => {
                // Whatever belongs to another order is refused; only a request names one that it amends.
                let messages = delivery.messages.iter().take(DELIVERY_MESSAGES_MAX);
                let requests = messages.filter(|signed| *signed.kind() == Kind::Request);
                requests.flat_map(orders_of).chain([delivery.order]).collect()
            }
            Input::Delivered(key, Ok(_)) => [key.order].into(),
            Input::Told(_, Question::Outcome { order, .. }, _) => [*order].into(),
            Input::Told(_, Question::OwnSince(_), Ok(statements)) if self.recovery.is_needed => {
                statements.iter().take(RECOVERY_STATEMENTS_MAX).flat_map(orders_of).collect()
            }
            Input::Returned(_, _, Ok(returned)) if self.recovery.is_needed => {
                returned.statements.iter().flat_map(orders_of).collect()
            }
            _ => BTreeSet::new(),
        }
    }

    /// Asks for an order to be read, once.
    fn ask_for(&mut self, order: OrderId, work: &mut Work) {
        if self.resting.is_resting(&order) && self.resting.reading.insert(order) {
            work.then.push(Effect::ReadOrder(order));
        }
    }

    /// An order was touched by something else than an input that names it. Says whether it must be read first.
    pub(in crate::protocol) fn is_touched_at_rest(&mut self, order: OrderId, work: &mut Work) -> bool {
        let rests = self.resting.is_resting(&order);
        if rests {
            self.resting.touched.insert(order);
            self.ask_for(order, work);
        }
        rests
    }

    /// An order was read: it is back in memory, and what waited for it goes on. If it could not be read, whoever waits is
    /// told so, and it stays at rest.
    pub(in crate::protocol) fn order_read(
        &mut self,
        order: OrderId,
        records: Result<Vec<Record>, Refusal>,
        now: Timestamp,
        work: &mut Work,
    ) {
        if self.state.orders.contains_key(&order) {
            return self.rest_if_stored(order, records, now);
        }
        self.resting.reading.remove(&order);
        let is_touched = self.resting.touched.remove(&order);
        match records.and_then(|records| self.reread(order, records)) {
            Ok(known) => {
                self.resting.take(&order);
                self.state.orders.insert(order, known);
                work.looked_at.insert(order);
                work.touched.extend(is_touched.then_some(order));
            }
            Err(refusal) => {
                let parked = std::mem::take(&mut self.resting.parked);
                for parked in parked {
                    if parked.named.contains(&order) {
                        turn_away(parked.input, &refusal, work);
                    } else {
                        self.resting.parked.push_back(parked);
                    }
                }
            }
        }
        for parked in self.resting.ready() {
            work.looked_at.extend(parked.named);
            self.take_input(parked.input, now, work);
        }
    }

    /// An order as its records have it, if that is what was let go of. It does not come back into memory.
    pub fn reread(&self, order: OrderId, records: Vec<Record>) -> Result<Order, Refusal> {
        if let Some(known) = self.state.orders.get(&order) {
            return Ok(known.clone());
        }
        let row = self.resting.row(&order);
        let row = row.ok_or_else(|| Refusal::new(Reason::OrderUnknown).with("order", order))?;
        read_as(&row.seen, order, records)
    }

    /// An order in memory was read, because it is to leave it.
    fn rest_if_stored(&mut self, order: OrderId, records: Result<Vec<Record>, Refusal>, now: Timestamp) {
        let Some(known) = self.state.orders.get(&order) else { return };
        let is_stored = records.and_then(|records| read_as(&known.seen(), order, records)).is_ok();
        let is_free = !self.resting.must_wait(&[order].into());
        if is_stored && is_free && self.check_may_broker().is_ok() && self.is_settled(order, now) {
            self.rest(order);
        }
    }

    /// Lets go of what is settled among the orders that were looked at, and of what is one too many in memory.
    /// Where part of the store was passed over, only once its records have been seen to hold it as it is known: what came back
    /// may be less than they hold, or more.
    pub(in crate::protocol) fn let_settled_go(&mut self, now: Timestamp, work: &mut Work) {
        // Whoever takes back what it has lost needs everything at hand.
        if self.check_may_broker().is_err() || !self.state.gaps.is_empty() {
            return;
        }
        let amended = work.looked_at.iter().flat_map(|order| self.amended_by(order)).collect::<Vec<_>>();
        for order in work.looked_at.iter().copied().chain(amended) {
            if self.is_settled(order, now) {
                self.resting.line_up(order);
            }
        }
        for order in self.resting.over() {
            if !self.is_settled(order, now) {
                continue;
            }
            match self.state.passes_over {
                true => work.then.push(Effect::ReadOrder(order)),
                false => self.rest(order),
            }
        }
    }

    /// What an order amends.
    fn amended_by(&self, order: &OrderId) -> impl Iterator<Item = OrderId> {
        let attempts = self.state.orders.get(order).into_iter().flat_map(|known| known.attempts.values());
        attempts.filter_map(|attempt| Some(attempt.request.body().amends.as_ref()?.order))
    }

    /// Whether an order is over and nothing of it is undelivered, disputed, doubted, to be said or to be listed.
    fn is_settled(&self, order: OrderId, now: Timestamp) -> bool {
        let Some(known) = self.state.orders.get(&order) else { return false };
        // What members let be ordered gets its parts one by one, as mandates come.
        let has_parts = |attempt: &Attempt| attempt.seal.is_some() && attempt.request.body().gathered.is_some();
        let is_over = |known: &Order| known.attempts.values().all(|attempt| attempt.outcome().is_some());
        let amends_it = |by: &OrderId| self.state.orders.get(by).is_some_and(|by| !is_over(by));
        !known.attempts.is_empty()
            && is_over(known)
            && !known.attempts.values().any(has_parts)
            && known.call_offs.is_empty()
            && known.mandates.is_empty()
            && known.contradictions.is_empty()
            && !self.waits_for_somebody(known, now)
            && self.doubts.range((order, 0)..=(order, u32::MAX)).next().is_none()
            && self.outbox.waiting(order).next().is_none()
            && self.undelivered(order).is_empty()
            && self.next_act(order, now).is_none()
            // Who amends it looks at it again and again.
            && !self.amending(order).any(|by| amends_it(&by))
    }

    /// Whether somebody must still do or know something about a contract, so that it stands in an inbox: a late seal is not
    /// confirmed, or notice was given and the contract has not ended.
    fn waits_for_somebody(&self, known: &Order, now: Timestamp) -> bool {
        let Some(sealed) = known.sealed() else { return false };
        let is_unconfirmed = self.unconfirmed(sealed).is_some_and(|late| !late.is_empty());
        is_unconfirmed || matches!(phase(sealed), Some(Phase::Terminated(ends_on)) if ends_on >= now.date())
    }

    /// A settled order leaves memory.
    fn rest(&mut self, order: OrderId) {
        let Some(known) = self.state.orders.get(&order) else { return };
        let seen = known.seen();
        let messages: Vec<&Signed> = known.attempts.values().flat_map(Attempt::messages).collect();
        let parties: BTreeSet<&OrgId> =
            known.attempts.values().flat_map(|attempt| attempt.route().parties()).collect();
        let before = self.lost_by_node(known, messages.iter().copied());
        let place = |party: &OrgId| {
            let home = self.state.registry.home(party).ok()?.origin().node.clone();
            let before = before.get(&home).copied();
            Some((party.clone(), home, before.unwrap_or(0)))
        };
        // Somebody without a home may get one: then everything of it is lost there.
        let own = self.settings.node();
        let places = parties.into_iter().map(|party| place(party).unwrap_or_else(|| (party.clone(), own.clone(), 0)));
        let until = known.current().and_then(|attempt| {
            let seal = attempt.seal.as_ref()?;
            Some(plus_years(seal.body().signed_at.date(), attempt.request.body().term_years))
        });
        let places = places.collect();
        self.resting.put(order, seen, places, until);
        self.state.let_go(&order);
    }
}

impl Order {
    /// The digest over everything that is known of it.
    fn seen(&self) -> Seen {
        let messages = self.attempts.values().flat_map(Attempt::messages);
        Seen::of(messages.chain(self.receipts.values()), &delivered_bytes(self))
    }

    fn keep_receipt(&mut self, signed: Signed) -> Result<(), Refusal> {
        match Body::read(&signed)? {
            Body::Receipt(receipt) => {
                self.receipts.insert((receipt.message, receipt.from), signed);
                Ok(())
            }
            _ => Err(Refusal::new(Reason::StoreDamaged).with("rule", "a contradiction in a settled order")),
        }
    }

    /// Places messages that had their places before. What was lost for a while may stand behind what rests on it.
    fn place_all(&mut self, mut messages: Vec<Verified<Body>>) -> Result<(), Refusal> {
        while !messages.is_empty() {
            let before = messages.len();
            messages.retain(|message| self.place_again(message.clone()).is_err());
            if messages.len() == before {
                return Err(Refusal::new(Reason::StoreDamaged).with("rule", "messages that do not fit together"));
            }
        }
        Ok(())
    }

    fn place_again(&mut self, message: Verified<Body>) -> Result<(), Refusal> {
        let broken = || Refusal::new(Reason::ChainBroken);
        let (_, number) = message.body().order().ok_or_else(broken)?;
        match message.body() {
            Body::Request(request) if !self.attempts.contains_key(&number) => {
                let request = request.clone();
                self.attempts.insert(number, Attempt::new(message.map(|_| request)));
            }
            _ => _ = self.attempts.get_mut(&number).ok_or_else(broken)?.place(message)?,
        }
        Ok(())
    }
}

/// An order as its records have it, if that is what was seen.
fn read_as(seen: &Seen, order: OrderId, records: Vec<Record>) -> Result<Order, Refusal> {
    let (mut known, mut messages, mut ids) = (Order::default(), Vec::new(), BTreeSet::new());
    for item in records.into_iter().flat_map(|record| record.of_order(order)) {
        match item {
            OfOrder::Said(signed) if ids.insert(signed.id()) => messages.push(signed),
            OfOrder::Said(_) => {}
            OfOrder::Kept(signed) => known.keep_receipt(signed)?,
            OfOrder::Delivered(attempt, to, message) => {
                known.delivered.insert(DeliveryKey { order, attempt, to, message });
            }
        }
    }
    let beside = delivered_bytes(&known);
    let messages = seen.take_back(messages, known.receipts.values(), &beside)?;
    known.place_all(messages).map_err(|refusal| refusal.with("order", order))?;
    Ok(known)
}

/// The deliveries of an order, for its digest.
fn delivered_bytes(known: &Order) -> Vec<u8> {
    let mut bytes = Vec::new();
    for key in &known.delivered {
        bytes.extend(key.attempt.to_be_bytes());
        bytes.extend((key.to.as_str().len() as u64).to_be_bytes());
        bytes.extend(key.to.as_str().as_bytes());
        bytes.extend(key.message.0);
    }
    bytes
}

/// Whoever waits for an answer is refused; others ask again by themselves.
fn turn_away(input: Input, refusal: &Refusal, work: &mut Work) {
    match input {
        Input::Officer(id, _) | Input::Delivery(id, ..) => work.reply(id, Err(refusal.clone())),
        _ => {}
    }
}
