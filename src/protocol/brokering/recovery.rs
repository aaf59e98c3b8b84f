//! After a restored backup: what this node itself had said and heard, taken back from those who have it.
//!
//! Replicas of the own log bring back its leaves, never the content of what was for the parties only. Going on without
//! it would mean to say things twice, in other words. So a node whose log has such gaps, or whose store was restored,
//! asks every other node for what it holds of it, and takes no part in orders until it has heard them.
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::domain::body::Body;
use crate::domain::id::{NodeId, OrderId, OrgId, StatementId};
use crate::domain::order::Attempt;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::{Kind, Signed, Verified};
use crate::domain::time::Timestamp;
use crate::protocol::brokering::memory::Recovery;
use crate::protocol::frame::{Question, Returned};
use crate::protocol::limits::{
    DEPOSIT_UNPLACED_MAX, RECOVERY_ASK_MS, RECOVERY_STATEMENTS_MAX, RECOVERY_WAIT_MS, STATEMENTS_READ_MAX,
};
use crate::protocol::mechanism::Mechanism;
use crate::protocol::record::Record;
use crate::protocol::state::Order;
use crate::protocol::{Effect, Node, Work};

impl Node {
    /// Whether this node may take part in orders.
    pub fn check_may_broker(&self) -> Result<(), Refusal> {
        self.check_may_sign()?;
        if !self.recovery.is_needed || !Mechanism::RecoverOwn.is_on() {
            return Ok(());
        }
        Err(Refusal::new(Reason::CatchingUp)
            .with("heard", self.recovery.heard.len())
            .with("missing", self.state.gaps.len()))
    }

    /// Why an order is not known. While a node takes back what it has lost it cannot tell.
    pub fn order_unknown(&self, order: OrderId) -> Refusal {
        let unknown = || Refusal::new(Reason::OrderUnknown).with("order", order);
        self.check_may_broker().err().filter(|refusal| refusal.reason == Reason::CatchingUp).unwrap_or_else(unknown)
    }

    /// Statements for the parties only that stand in the own log and whose content is not here.
    pub fn missing_statements(&self) -> usize {
        self.state.gaps.len()
    }

    /// At the start.
    pub(in crate::protocol) fn begin_recovery(&mut self, now: Timestamp) {
        let since = self.state.gaps.values().copied().min().unwrap_or(self.own_size());
        self.recovery = Recovery {
            since: Some(since),
            // A new store that holds nothing has never said anything.
            is_needed: self.settings.is_new_store && self.own_size() > 0 || !self.state.gaps.is_empty(),
            until: now.plus_ms(RECOVERY_WAIT_MS),
            ..Recovery::default()
        };
    }

    /// Content of the own log from an entry on that was passed over with the entries: it may stand in the store all the same.
    pub(in crate::protocol) fn look_in_own_store(&self, from: u64, work: &mut Work) {
        if !self.state.passes_over {
            return;
        }
        let mut ids = self.state.gaps.iter().filter(|(_, index)| **index >= from).map(|(id, _)| *id).peekable();
        while ids.peek().is_some() {
            work.then.push(Effect::ReadStatements(ids.by_ref().take(STATEMENTS_READ_MAX).collect()));
        }
    }

    /// It does.
    pub(in crate::protocol) fn found_in_own_store(&mut self, found: &[Signed], work: &mut Work) {
        for signed in found.iter().filter(|signed| self.is_missing(signed)).cloned().collect::<Vec<_>>() {
            // What does not count now did not count before.
            let _ = self.fill_gap(&signed, work);
        }
    }

    /// Asks whoever has not answered yet, once the own log is known to its end.
    pub(in crate::protocol) fn review_recovery(&mut self, now: Timestamp, work: &mut Work) {
        if self.check_may_sign().is_err() {
            return;
        }
        self.recovery.is_needed |= !self.state.gaps.is_empty() && self.recovery.heard.is_empty();
        if !self.recovery.is_needed {
            return;
        }
        let others = self.other_nodes();
        // Everything that was passed over was found in the own store: nothing is to be taken back.
        if self.state.passes_over && !self.settings.is_new_store && self.state.gaps.is_empty() {
            return self.end_recovery(work);
        }
        let is_all = others.is_subset(&self.recovery.heard)
            && (!self.settings.deposits || others.is_subset(&self.recovery.returned));
        if self.settings.alone || now >= self.recovery.until || is_all {
            self.place_loose(now, work);
            return self.end_recovery(work);
        }
        self.ask_back(&others, now, work);
        let Some(since) = self.recovery.since else { return };
        for node in others.difference(&self.recovery.heard) {
            let asked = self.recovery.asked.get(node);
            if asked.is_none_or(|at| now.since_ms(*at) >= RECOVERY_ASK_MS) {
                self.recovery.asked.insert(node.clone(), now);
                work.then.push(Effect::Ask(node.clone(), Question::OwnSince(since)));
            }
        }
    }

    /// Asks whoever has not given back yet what was deposited there.
    fn ask_back(&mut self, others: &BTreeSet<NodeId>, now: Timestamp, work: &mut Work) {
        for node in others.difference(&self.recovery.returned).filter(|_| self.settings.deposits) {
            let asked = self.recovery.asked_back.get(node);
            if asked.is_none_or(|at| now.since_ms(*at) >= RECOVERY_ASK_MS) {
                self.recovery.asked_back.insert(node.clone(), now);
                work.then.push(Effect::AskBack(node.clone(), 0));
            }
        }
    }

    /// Takes back what this node had deposited. Where something cannot be opened all is asked for again: the operator may bring
    /// the key.
    pub(in crate::protocol) fn returned(
        &mut self,
        from: &NodeId,
        after: u64,
        answer: Result<Returned, Refusal>,
        now: Timestamp,
        work: &mut Work,
    ) {
        let Ok(Returned { statements, next, unreadable }) = answer else { return };
        if !self.recovery.is_needed || !Mechanism::Deposit.is_on() {
            return;
        }
        for signed in &statements {
            self.take_back_in_place(signed, work);
        }
        if after == 0 {
            self.recovery.unreadable.remove(from);
        }
        if unreadable > 0 {
            self.recovery.unreadable.insert(from.clone());
        }
        match next.filter(|next| *next > after) {
            Some(next) => {
                self.recovery.asked_back.insert(from.clone(), now);
                work.then.push(Effect::AskBack(from.clone(), next));
            }
            // It is asked again: another key may be brought.
            None if self.recovery.unreadable.contains(from) => {}
            None => _ = self.recovery.returned.insert(from.clone()),
        }
        self.review_recovery(now, work);
    }

    /// At the moment when the own log is known to its end, before anything is added: a new store of a node of whose log others
    /// knew more than it laid down itself. What it did last may stand in no leaf that anybody has seen.
    pub(in crate::protocol) fn note_lost_store(&mut self) {
        let others_knew = self.sync.own.longest > self.recovery.founded;
        self.recovery.is_needed |= self.settings.deposits && self.settings.is_new_store && others_knew;
    }

    /// A node that reads its store again in the middle of its life has not lost it.
    pub(in crate::protocol) fn store_is_its_own(&mut self) {
        if self.sync.own.is_known && !self.recovery.is_needed {
            self.settings.is_new_store = false;
        }
    }

    fn end_recovery(&mut self, work: &mut Work) {
        self.recovery.is_needed = false;
        self.recovery.unplaced = Vec::new();
        work.touched.append(&mut self.sync.own.waiting);
    }

    /// When somebody is asked again.
    pub(in crate::protocol) fn recovery_due(&self) -> Option<Timestamp> {
        let recovery = self.check_may_sign().is_ok().then_some(&self.recovery).filter(|known| known.is_needed)?;
        let asked = recovery.asked.iter().filter(|(node, _)| !recovery.heard.contains(*node));
        let asked_back = recovery.asked_back.iter().filter(|(node, _)| !recovery.returned.contains(*node));
        asked.chain(asked_back).map(|(_, at)| at.plus_ms(RECOVERY_ASK_MS)).chain([recovery.until]).min()
    }

    fn other_nodes(&self) -> BTreeSet<NodeId> {
        let nodes = self.state.logs.keys().map(|origin| origin.node.clone());
        nodes.filter(|node| node != self.settings.node()).collect()
    }

    /// What a node is to be told that has lost everything from `since` on in its own log: what its organisations signed
    /// from there on or what is not in that log at all, and what they receipted from there on. In an order in which it can be
    /// placed.
    pub(super) fn known_of(&self, node: &NodeId, since: u64) -> Vec<Signed> {
        let orders = self.state.orders.values();
        let messages = orders.clone().flat_map(|known| self.lost_of(known, node, since));
        let beside = |known: &'_ Order| -> Vec<Signed> {
            let lost = |signed: &&Signed| self.is_lost(known, signed, node, since);
            let call_offs = known.call_offs.values().map(Verified::signed).filter(lost);
            call_offs.chain(known.mandates.values().map(Verified::signed).filter(lost)).cloned().collect()
        };
        messages.chain(orders.flat_map(beside)).take(RECOVERY_STATEMENTS_MAX).collect()
    }

    /// The same of the attempts of one order.
    pub(super) fn lost_of(&self, known: &Order, node: &NodeId, since: u64) -> Vec<Signed> {
        let of_asker = known.attempts.values().filter(|attempt| self.hosts_party(node, attempt));
        let messages = of_asker.flat_map(|attempt| {
            // One thing that is lost may rest on others that came along with it; a party gets what it was entitled to.
            let any = attempt.messages().into_iter().any(|signed| self.is_lost(known, signed, node, since));
            if any { self.meant_for(node, attempt) } else { Vec::new() }
        });
        messages.cloned().collect()
    }

    /// Whether a node that has lost its log from `since` on has lost this message of an order.
    fn is_lost(&self, known: &Order, signed: &Signed, node: &NodeId, since: u64) -> bool {
        self.lost_before(known, signed, node).is_some_and(|before| since < before)
    }

    /// Up to which position of its log a node must have everything, so that it has this message; none if it never had it.
    fn lost_before(&self, known: &Order, signed: &Signed, node: &NodeId) -> Option<u64> {
        self.lost_by_node(known, [signed]).remove(node)
    }

    /// The same for all of these messages of an order, by node. Every message and every receipt is read once.
    pub(super) fn lost_by_node<'a>(
        &self,
        known: &Order,
        messages: impl IntoIterator<Item = &'a Signed>,
    ) -> BTreeMap<NodeId, u64> {
        let mut before = BTreeMap::new();
        let mut had = |node: &NodeId, size: u64| {
            before.entry(node.clone()).and_modify(|known| *known = size.max(*known)).or_insert(size);
        };
        let home = |org: &OrgId| self.state.registry.home(org).ok().map(|home| &home.origin().node);
        for signed in messages {
            let Ok(body) = Body::read(signed) else { continue };
            if let Some(node) = body.signer_rule().and_then(|(org, _)| home(org)) {
                let place = self.state.places.of(&signed.id()).find(|(origin, _)| origin.node == *node);
                // What is not in its log at all, as far as that is here, is lost in any case.
                had(node, place.map_or(u64::MAX, |(_, index)| index.saturating_add(1)));
            }
            for receipt in known.receipts_for(signed.id()) {
                if let Ok(Body::Receipt(receipt)) = Body::read(receipt)
                    && let Some(node) = home(&receipt.from)
                {
                    had(node, receipt.size);
                }
            }
        }
        before
    }

    /// What the parties at home on a node may know of an attempt: everything but the offers between them and the buyer, and
    /// the reminders of others.
    fn meant_for<'a>(&self, node: &NodeId, attempt: &'a Attempt) -> Vec<&'a Signed> {
        let parties = attempt.route().parties().iter();
        let first = parties.enumerate().filter(|(_, party)| self.is_home_of(node, party)).map(|(at, _)| at).next();
        let hidden = attempt.counters.range(..first.unwrap_or(usize::MAX)).map(|(_, counter)| counter.id());
        let hidden: BTreeSet<_> = hidden.collect();
        let fits = |signed: &&Signed| !hidden.contains(&signed.id()) && *signed.kind() != Kind::Reminder;
        attempt.messages().into_iter().filter(fits).collect()
    }

    /// Takes back what another node still had.
    pub(super) fn recover(
        &mut self,
        from: &NodeId,
        answer: Result<Vec<Signed>, Refusal>,
        now: Timestamp,
        work: &mut Work,
    ) {
        let Ok(statements) = answer else { return };
        if !self.recovery.is_needed {
            return;
        }
        let mut any = false;
        for signed in statements.iter().take(RECOVERY_STATEMENTS_MAX) {
            any |= match self.settings.deposits {
                true => self.take_back_in_place(signed, work),
                false => self.take_back(signed, now, work),
            };
        }
        // A full answer that brought something may not have been all.
        if !(any && statements.len() >= RECOVERY_STATEMENTS_MAX) {
            self.recovery.heard.insert(from.clone());
        }
        self.review_recovery(now, work);
    }

    fn take_back(&mut self, signed: &Signed, now: Timestamp, work: &mut Work) -> bool {
        if self.is_known(signed) {
            return false;
        }
        let Ok(verified) = self.state.judge(signed) else { return false };
        !verified.signed().kind().is_public() && self.take_in(verified, now, work).is_ok()
    }

    /// Takes back what stands in the own log. What stands nowhere yet, because nobody was shown its entry, waits until all have
    /// answered: parties and depositaries bring parts of the same order, and each must come behind what it names.
    fn take_back_in_place(&mut self, signed: &Signed, work: &mut Work) -> bool {
        if self.is_known(signed) || self.recovery.unplaced.iter().any(|known| known.id() == signed.id()) {
            return false;
        }
        // Before it takes the place of what somebody else brings under the same id: signatures are no part of that.
        if self.state.judge(signed).is_err() {
            return false;
        }
        if self.is_missing(signed) {
            return self.fill_gap(signed, work).is_ok();
        }
        let has_room = self.recovery.unplaced.len() < DEPOSIT_UNPLACED_MAX;
        if has_room {
            self.recovery.unplaced.push(signed.clone());
        }
        has_room
    }

    /// Everything that will come has come: each goes behind those it names.
    fn place_loose(&mut self, now: Timestamp, work: &mut Work) {
        for signed in behind_what_they_name(std::mem::take(&mut self.recovery.unplaced)) {
            self.take_back(&signed, now, work);
        }
    }

    /// Whether a statement stands in the own log, but its content is not here.
    pub(super) fn is_missing(&self, signed: &Signed) -> bool {
        self.state.gaps.contains_key(&signed.id())
    }

    /// Takes back the content of an entry of the own log, from whoever brings it and whenever.
    pub(super) fn fill_gap(&mut self, signed: &Signed, work: &mut Work) -> Result<(), Refusal> {
        self.state.recover(signed)?;
        work.commit.push(Record::Recovered(signed.clone()));
        work.touched.extend(Body::read(signed).ok().and_then(|body| body.order()).map(|(order, _)| order));
        Ok(())
    }
}

/// Statements so that each comes behind those it names, and else as they came.
fn behind_what_they_name(mut loose: Vec<Signed>) -> Vec<Signed> {
    let mut sorted = Vec::new();
    let mut open: BTreeSet<StatementId> = loose.iter().map(Signed::id).collect();
    while !loose.is_empty() {
        let is_free = |signed: &Signed| named_in(signed).iter().all(|id| *id == signed.id() || !open.contains(id));
        let (free, rest): (Vec<Signed>, Vec<Signed>) = loose.into_iter().partition(is_free);
        // A hash names nothing that came later; where it seems so they go as they came.
        let (free, rest) = if free.is_empty() { (rest, free) } else { (free, rest) };
        for signed in &free {
            open.remove(&signed.id());
        }
        sorted.extend(free);
        loose = rest;
    }
    sorted
}

/// Every statement that a body names, wherever in it.
fn named_in(signed: &Signed) -> Vec<StatementId> {
    fn look(value: &Value, found: &mut Vec<StatementId>) {
        match value {
            Value::String(text) => found.extend(text.parse::<StatementId>()),
            Value::Array(values) => values.iter().for_each(|value| look(value, found)),
            Value::Object(fields) => fields.values().for_each(|value| look(value, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    if let Ok(body) = serde_json::from_slice(signed.payload()) {
        look(&body, &mut found);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::signing::SecretKey;

    #[test]
    fn each_comes_behind_what_it_names_whatever_the_order_of_arrival() {
        let key = SecretKey::from_seed(&[1; 32]);
        let sign =
            |kind, names: Vec<StatementId>| Signed::sign(&kind, &serde_json::json!({ "in": [names] }), &[&key]);
        let request = sign(Kind::Request, vec![StatementId([9; 32])]);
        let accept = sign(Kind::Accept, vec![request.id()]);
        let counter = sign(Kind::Counter, vec![accept.id(), request.id()]);
        let seal = sign(Kind::Seal, vec![counter.id(), accept.id()]);
        let right = [request, accept, counter, seal];
        for turn in 0..4 {
            let mut arrived = right.to_vec();
            arrived.rotate_left(turn);
            assert_eq!(behind_what_they_name(arrived.clone()), right, "{turn}");
            arrived.reverse();
            assert_eq!(behind_what_they_name(arrived), right, "{turn}");
        }
    }
}
