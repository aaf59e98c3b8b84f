//! What waits for a person, and what waits too long: reminders, which stand in the log, and the list of stuck orders.
use crate::domain::id::{OrderId, OrgId};
use crate::domain::order::approval::Approval;
use crate::domain::order::{Attempt, Mode, Pending};
use crate::domain::time::Timestamp;
use crate::protocol::Node;
use crate::protocol::brokering::{Act, latest_answer};
use crate::protocol::limits::{APPROVAL_REMIND_MS, CONFIRM_ALARM_MS, DELIVER_ALARM_MS, SEAL_REMIND_MS};
use crate::protocol::settings::Deciding;

/// Why an order needs attention.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Overdue {
    /// Two statements contradict each other.
    Disputed,
    /// A party does not know how the attempt ended.
    InDoubt,
    /// A message has not reached its receiver for an hour.
    Undelivered,
    /// A party has not confirmed the seal for a day.
    Unconfirmed,
    /// A decision held for a person here has used up half of its time.
    Undecided,
    /// A party elsewhere has used up its share of the time.
    Unanswered,
    /// All offers are here and the last reminder is due.
    Unsealed,
}

impl Node {
    /// Of what the officers hosted here are reminded while an attempt is open: whom, of what, when, until when.
    pub(super) fn reminders(&self, attempt: &Attempt) -> Vec<(OrgId, Pending, Timestamp, Timestamp)> {
        let request = attempt.request.body();
        let mut due = Vec::new();
        let (buyer, local) = (&request.buyer, self.state.is_local(&request.buyer));
        if local && matches!(self.approval(attempt), Approval::Awaited(_)) {
            due.push((
                buyer.clone(),
                Pending::Approval,
                request.signed_at.plus_ms(APPROVAL_REMIND_MS),
                request.quote_by,
            ));
        }
        if local && request.mode == Mode::Binding && attempt.chain().is_ok() {
            let before = SEAL_REMIND_MS.iter().map(|ms| request.seal_by.plus_ms(-ms));
            due.extend(before.map(|at| (buyer.clone(), Pending::Seal, at, request.seal_by)));
        }
        for (at, org) in attempt.route().parties().iter().enumerate().skip(1) {
            if let Some((half, until)) = self.held_time(attempt, at, org) {
                due.push((org.clone(), Pending::Decision, half, until));
            }
        }
        due.retain(|(_, _, at, until)| *at > request.signed_at && at < until);
        due
    }

    /// When half of the time for a decision held here is used up, and when all of it is.
    fn held_time(&self, attempt: &Attempt, at: usize, org: &OrgId) -> Option<(Timestamp, Timestamp)> {
        let request = attempt.request.body();
        let policy = self.settings.policies.get(org).filter(|_| self.state.is_local(org))?;
        let answered =
            if at == attempt.legs() { attempt.acceptance.is_some() } else { attempt.endorsements.contains_key(&at) };
        let reached = (1..at).all(|before| attempt.endorsements.contains_key(&before));
        if answered || !reached || attempt.declines.contains_key(&at) || !self.approval(attempt).is_given() {
            return None;
        }
        let latest = latest_answer(attempt, at);
        let until = match policy.deciding {
            Deciding::Officer { within_ms } => request.signed_at.plus_ms(within_ms).min(latest),
            Deciding::Rule { .. } => latest,
        };
        let since = if at == 1 {
            Some(request.signed_at)
        } else {
            attempt.endorsements.get(&(at - 1)).map(|m| m.body().signed_at)
        };
        let since = since?;
        Some((since.plus_ms(until.since_ms(since) / 2), until))
    }

    /// The newest reminder that is due and has not been given.
    pub(super) fn reminder_act(&self, attempt: &Attempt, now: Timestamp) -> Option<Act> {
        let due = self.reminders(attempt).into_iter().filter(|(_, _, at, _)| *at <= now);
        let (org, about, at, until) = due.max_by_key(|(_, _, at, _)| *at)?;
        let given = attempt.reminders.contains_key(&(org.clone(), at));
        (!given && self.keys.statements.contains_key(&org)).then_some(Act::Remind(org, about, at, until))
    }

    /// Why an order needs attention, most urgent first, and since when; none if it does not.
    pub fn overdue(&self, order: OrderId, now: Timestamp) -> Option<(Overdue, Timestamp)> {
        let known = self.state.orders.get(&order)?;
        let attempt = known.current()?;
        let request = attempt.request.body();
        if known.is_disputed() || known.has_two_outcomes() || self.lost_outcome(attempt).is_some() {
            return Some((Overdue::Disputed, request.signed_at));
        }
        if self.doubts.contains_key(&(order, request.attempt)) && now > request.seal_by {
            return Some((Overdue::InDoubt, request.seal_by));
        }
        let seal = attempt.seal.as_ref().map(|seal| seal.body().signed_at);
        let waits = self.outbox.waiting(order).next().is_some();
        if let Some(sealed) = seal {
            let alarm = sealed.plus_ms(CONFIRM_ALARM_MS);
            return (waits && now > alarm).then_some((Overdue::Unconfirmed, alarm));
        }
        if let Some(since) = self.outbox.failing_since(order).filter(|at| now.since_ms(*at) > DELIVER_ALARM_MS) {
            return Some((Overdue::Undelivered, since));
        }
        if attempt.void.is_some() {
            return None;
        }
        self.overdue_person(attempt, now)
    }

    /// When [`Node::overdue`] may next answer otherwise without anything having arrived.
    pub fn overdue_due(&self, order: OrderId, now: Timestamp) -> Option<Timestamp> {
        let attempt = self.state.orders.get(&order)?.current()?;
        let sealed = attempt.seal.as_ref().map(|seal| seal.body().signed_at.plus_ms(CONFIRM_ALARM_MS));
        let failing = self.outbox.failing_since(order).map(|since| since.plus_ms(DELIVER_ALARM_MS));
        let mut due: Vec<Timestamp> = sealed.into_iter().chain(failing).collect();
        if attempt.outcome().is_none() {
            due.push(attempt.request.body().seal_by);
            due.extend((1..=attempt.legs()).map(|at| latest_answer(attempt, at)));
            due.extend(self.reminders(attempt).into_iter().map(|(.., at, _)| at.plus_ms(-1)));
        }
        // All of these are passed only after their millisecond.
        due.into_iter().map(|at| at.plus_ms(1)).filter(|at| *at > now).min()
    }

    fn overdue_person(&self, attempt: &Attempt, now: Timestamp) -> Option<(Overdue, Timestamp)> {
        let reminders = self.reminders(attempt).into_iter().filter(|(_, _, at, _)| *at <= now);
        let last = reminders.max_by_key(|(_, _, at, _)| *at);
        if let Some((_, about, at, _)) = last {
            let what = if about == Pending::Seal { Overdue::Unsealed } else { Overdue::Undecided };
            return Some((what, at));
        }
        let silent = (1..=attempt.legs()).find(|at| {
            let answered = if *at == attempt.legs() {
                attempt.acceptance.is_some()
            } else {
                attempt.endorsements.contains_key(at)
            };
            !answered
        })?;
        let latest = latest_answer(attempt, silent);
        let here = self.state.is_local(&attempt.route().parties()[silent]);
        (now > latest && !here && attempt.declines.is_empty()).then_some((Overdue::Unanswered, latest))
    }
}
