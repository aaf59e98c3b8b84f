//! In doubt: a party that has promised and does not know how the attempt ended.
//!
//! The outcome is self-contained, so it may come from anyone who has it: the buyer's node, then the homes of the other
//! parties in turn. That there is one, everyone can see in the buyer's log by its outcome tag, which only parties can
//! compute; and that there is none, a party proves from a replica of that log which witnesses cosigned after the
//! deadline.
use std::collections::BTreeSet;

use crate::domain::body::Body;
use crate::domain::id::{NodeId, OrderId, StatementId};
use crate::domain::order::Attempt;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::{Kind, Signed, Verified};
use crate::domain::time::Timestamp;
use crate::log::leaf::OutcomeTag;
use crate::protocol::brokering::memory::Doubt;
use crate::protocol::frame::Question;
use crate::protocol::limits::{DOUBT_MS_MAX, DOUBT_MS_MIN};
use crate::protocol::mechanism::Mechanism;
use crate::protocol::{Effect, Node, Work};

/// How long after the seal deadline a party waits before it asks, in milliseconds: clocks are allowed to differ by this
/// much.
pub const DOUBT_AFTER_MS: i64 = 60_000;

impl Node {
    /// Asks for the outcome of every attempt of an order that must have one.
    pub(super) fn ask_if_in_doubt(&mut self, order: OrderId, now: Timestamp, work: &mut Work) {
        let Some(known) = self.state.orders.get(&order).filter(|known| !known.is_disputed()) else {
            return;
        };
        let newest = known.attempts.last_key_value().map(|(number, _)| *number);
        let mut questions = Vec::new();
        for (number, attempt) in &known.attempts {
            let is_over = Some(*number) != newest;
            if !self.is_in_doubt(attempt, is_over, now) {
                continue;
            }
            // A log may be ahead of the message that goes with it; and who is past the deadline asks at once.
            let patience = if now > attempt.request.body().seal_by { 0 } else { DOUBT_MS_MIN };
            let first = Doubt { asked: 0, next_at: now.plus_ms(patience) };
            let doubt = self.doubts.entry((order, *number)).or_insert(first);
            if doubt.next_at > now {
                continue;
            }
            let wait = DOUBT_MS_MIN.saturating_mul(1 << doubt.asked.min(16)).min(DOUBT_MS_MAX);
            let asked = doubt.asked;
            *doubt = Doubt { asked: asked.saturating_add(1), next_at: now.plus_ms(wait) };
            questions.push((*number, asked));
        }
        for (number, asked) in questions {
            let Ok(attempt) = self.attempt(order, number) else { continue };
            let nodes = self.who_may_know(attempt);
            let Some(node) = nodes.get(asked as usize % nodes.len().max(1)) else { continue };
            let question = Question::Outcome { order, attempt: number, request: attempt.request.id() };
            work.then.push(Effect::Ask(node.clone(), question));
        }
    }

    /// Whether an attempt of a buyer elsewhere must have an outcome that is not known here.
    fn is_in_doubt(&self, attempt: &Attempt, is_over: bool, now: Timestamp) -> bool {
        let request = attempt.request.body();
        if attempt.outcome().is_some() || self.state.is_local(&request.buyer) || !Mechanism::AskForOutcome.is_on() {
            return false;
        }
        let due = is_over
            || now > request.seal_by.plus_ms(DOUBT_AFTER_MS)
            || self.outcome_seen(attempt, &Kind::Seal)
            || self.outcome_seen(attempt, &Kind::Void);
        due && self.proven_unsealed(attempt, now).is_none()
    }

    /// The nodes that host a party, the buyer's first, this one left out.
    fn who_may_know(&self, attempt: &Attempt) -> Vec<NodeId> {
        let mut seen = BTreeSet::from([self.settings.node().clone()]);
        let homes = attempt.route().parties().iter().filter_map(|party| self.state.registry.home(party).ok());
        homes.map(|home| home.origin().node.clone()).filter(|node| seen.insert(node.clone())).collect()
    }

    /// Whether the buyer's log, as it is held here, has an outcome of this kind for the attempt.
    fn outcome_seen(&self, attempt: &Attempt, kind: &Kind) -> bool {
        let request = attempt.request.body();
        let tag = OutcomeTag::derive(kind, request.order, request.attempt, &request.salt);
        let home = self.state.registry.home(&request.buyer).ok();
        home.and_then(|home| self.state.logs.get(home.origin())).is_some_and(|log| log.has_outcome(&tag))
    }

    /// How many entries of the buyer's log prove that no seal was written in time: all of them are held here, none is the
    /// seal, and enough witnesses cosigned them after the deadline. None while it is not proven.
    pub fn proven_unsealed(&self, attempt: &Attempt, now: Timestamp) -> Option<u64> {
        let request = attempt.request.body();
        let deadline = request.seal_by.plus_ms(DOUBT_AFTER_MS);
        if attempt.outcome().is_some() || now <= deadline || self.state.is_local(&request.buyer) {
            return None;
        }
        let home = self.state.registry.home(&request.buyer).ok()?;
        let log = self.state.logs.get(home.origin())?;
        let (size, note) = log.witnessed.as_ref()?;
        if log.cut().is_some() || *size > log.tree.size() || self.outcome_seen(attempt, &Kind::Seal) {
            return None;
        }
        let witnesses = self.witnesses();
        let after = u64::try_from(deadline.since_ms(Timestamp::default()) / 1_000).ok()?;
        let later = witnesses.count(note).cosigned.values().filter(|time| **time > after).count();
        (witnesses.needed > 0 && later >= witnesses.needed).then_some(*size)
    }

    /// The outcome of an attempt of a buyer hosted here that stands in the own log but whose content is lost: nothing else
    /// may be written in its place.
    pub(in crate::protocol) fn lost_outcome(&self, attempt: &Attempt) -> Option<Kind> {
        let buyer = &attempt.request.body().buyer;
        if attempt.outcome().is_some() || !self.state.is_local(buyer) {
            return None;
        }
        [Kind::Seal, Kind::Void].into_iter().find(|kind| self.outcome_seen(attempt, kind))
    }

    pub(super) fn refuse_if_outcome_lost(&self, attempt: &Attempt) -> Result<(), Refusal> {
        match self.lost_outcome(attempt) {
            Some(kind) => Err(Refusal::new(Reason::OutcomeLost).with("kind", kind)),
            None => Ok(()),
        }
    }

    /// What this node tells another that hosts a party of the attempt, as far as it is in memory.
    pub fn answer(&self, from: &NodeId, question: &Question) -> Result<Vec<Signed>, Refusal> {
        match question {
            Question::Outcome { order, .. } if self.is_resting(order) => Ok(Vec::new()),
            Question::Outcome { order, attempt, request } => {
                self.outcome_for(from, self.attempt(*order, *attempt)?, request)
            }
            Question::OwnSince(since) => Ok(self.known_of(from, *since)),
        }
    }

    /// The outcome of an attempt, for a node that hosts one of its parties and names its request.
    pub(super) fn outcome_for(
        &self,
        from: &NodeId,
        attempt: &Attempt,
        request: &StatementId,
    ) -> Result<Vec<Signed>, Refusal> {
        if attempt.request.id() != *request || !self.hosts_party(from, attempt) {
            return Err(Refusal::new(Reason::OrderUnknown).with("order", attempt.request.body().order));
        }
        let outcome = attempt.seal.as_ref().map(Verified::signed);
        Ok(outcome.or(attempt.void.as_ref().map(Verified::signed)).into_iter().cloned().collect())
    }

    pub(super) fn hosts_party(&self, node: &NodeId, attempt: &Attempt) -> bool {
        attempt.route().parties().iter().any(|party| self.is_home_of(node, party))
    }

    pub(super) fn is_home_of(&self, node: &NodeId, org: &crate::domain::id::OrgId) -> bool {
        self.state.registry.home(org).is_ok_and(|home| home.origin().node == *node)
    }

    /// What another node has answered.
    pub(in crate::protocol) fn told(
        &mut self,
        from: &NodeId,
        question: Question,
        answer: Result<Vec<Signed>, Refusal>,
        now: Timestamp,
        work: &mut Work,
    ) {
        match question {
            Question::OwnSince(_) => self.recover(from, answer, now, work),
            Question::Outcome { order, attempt, .. } => {
                for signed in answer.unwrap_or_default().iter().take(1) {
                    self.take_outcome(order, attempt, signed, now, work);
                }
                work.touched.insert(order);
            }
        }
    }

    /// Takes an outcome from whoever had it; it is believed for its signature only.
    fn take_outcome(&mut self, order: OrderId, attempt: u32, signed: &Signed, now: Timestamp, work: &mut Work) {
        if self.is_known(signed) || self.check_may_broker().is_err() {
            return;
        }
        let Ok(verified) = self.state.judge(signed) else { return };
        let is_outcome = matches!(verified.body(), Body::Seal(_) | Body::Void(_));
        if is_outcome && verified.body().order() == Some((order, attempt)) {
            // What does not fit is no answer; another node is asked in turn.
            let _ = self.take_in(verified, now, work);
        }
    }
}
