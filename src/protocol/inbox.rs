//! What waits for one officer: the rule that decides it, for every program that asks.
//!
//! Everything here could be found by reading each order; nothing is decided. An errand is shown to whoever may do it: by
//! role, by the four-eyes rule and by the limits of the grant.
use crate::domain::id::{OrderId, OrgId, StatementId};
use crate::domain::money::Cents;
use crate::domain::order::aftercare::{Phase, phase, settlements};
use crate::domain::order::approval::{check_limit, check_other_person};
use crate::domain::order::mandate::Mandate;
use crate::domain::order::{Attempt, Mode};
use crate::domain::statement::{Signed, Verified};
use crate::domain::time::{Date, Timestamp};
use crate::domain::trust::{OfficerGrant, OfficerRole};
use crate::protocol::Node;
use crate::protocol::explain::{Choice, Explanation, Stage, Task};
use crate::protocol::state::Order;

/// What an officer has to do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Errand {
    /// Approve a colleague's order, or refuse it.
    Approve,
    /// Decide for a hop or provider what its rule left to a person.
    Decide,
    /// Seal, or let go.
    Seal,
    /// Take a seal for binding that came late.
    Confirm,
    /// Agree to another party's proposal, or not.
    Agree,
    /// Approve a colleague's mandate.
    ApproveMandate,
    /// Talk to the parties about a contradiction.
    Clarify,
    /// Know that another party has given notice.
    Notice,
}

/// One thing that waits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Waits {
    /// What to do.
    pub errand: Errand,
    /// In which order, or in which matter a mandate is.
    pub order: OrderId,
    /// The statement it is about: a proposal, a mandate; else the request.
    pub statement: StatementId,
    /// Who has brought it up.
    pub by: OrgId,
    /// The offering; none for a mandate.
    pub offering: Option<StatementId>,
    /// The most it may cost: the cap of an order or mandate.
    pub cap: Cents,
    /// Since when, by the clock of whoever brought it up.
    pub since: Timestamp,
    /// When it ends without an answer; none if nothing happens by itself.
    pub due: Option<Timestamp>,
    /// The day it is about: until when a mandate holds, or a contract on which notice was given.
    pub day: Option<Date>,
}

/// Who asks, and what the grant allows.
struct Asking<'n> {
    org: OrgId,
    grant: &'n OfficerGrant,
    day: Date,
}

impl Asking<'_> {
    fn is(&self, role: OfficerRole) -> bool {
        self.grant.roles.contains(&role)
    }
}

impl Node {
    /// Everything that waits for the officer who proves identity, oldest first. `org` is for whom the proof speaks.
    pub fn inbox(&self, org: OrgId, proof: &Signed, now: Timestamp) -> Vec<Waits> {
        let key = proof.signatures().first().map(|by| by.key);
        let Some(grant) = key.and_then(|key| self.state().registry.officer(&org, &key)) else { return Vec::new() };
        let asking = Asking { org, grant, day: now.date() };
        let mut waiting: Vec<Waits> = Vec::new();
        for (id, known) in &self.state().orders {
            waiting.extend(self.mandates_waiting(known, &asking));
            if let Some(attempt) = known.current().filter(|attempt| may_wait(known, attempt)) {
                waiting.extend(self.waiting_in(*id, known, attempt, &asking, now));
            }
        }
        waiting.sort_by_key(|waits| (waits.since, waits.order, waits.errand));
        waiting
    }

    fn waiting_in(
        &self,
        id: OrderId,
        known: &Order,
        attempt: &Attempt,
        asking: &Asking,
        now: Timestamp,
    ) -> Vec<Waits> {
        let Some(party) = self.party_in(attempt, &asking.org, now) else { return Vec::new() };
        let Ok(explained) = self.explain(id, &party, now) else { return Vec::new() };
        let request = attempt.request.body();
        let waits = |errand, since| Waits {
            errand,
            order: id,
            statement: attempt.request.id(),
            by: request.buyer.clone(),
            offering: Some(request.offering),
            cap: request.total_max,
            since,
            due: explained.consequence.map(|(_, at)| at).filter(|_| attempt.outcome().is_none()),
            day: None,
        };
        let acts = acts(&explained, &party, asking).into_iter();
        let own = acts.filter(|errand| *errand != Errand::Approve || self.may_approve(attempt, asking));
        let mut all: Vec<Waits> = own.map(|errand| waits(errand, explained.since)).collect();
        let Some(sealed) = known.sealed() else { return all };
        let open = settlements(sealed).filter(|(said, agreed)| agreed.is_none() && said.body().to == party);
        all.extend(open.filter(|_| asking.is(OfficerRole::Approver)).map(|(said, _)| Waits {
            statement: said.id(),
            by: said.body().from.clone(),
            ..waits(Errand::Agree, said.body().signed_at)
        }));
        all.extend(notice(sealed, &party, asking).map(|(by, since, ends_on)| Waits {
            by,
            day: Some(ends_on),
            ..waits(Errand::Notice, since)
        }));
        all
    }

    fn may_approve(&self, attempt: &Attempt, asking: &Asking) -> bool {
        let request = attempt.request.body();
        let spent = self.state().commitments.before(&asking.org, &asking.grant.officer, asking.day, &request.order);
        let suffices = asking.grant.suffices(request.total_max, spent);
        check_other_person(request, &asking.grant.officer).and_then(|()| check_limit(request, suffices)).is_ok()
    }

    /// Mandates of the organisation that a colleague has signed beyond the own limits.
    fn mandates_waiting(&self, known: &Order, asking: &Asking) -> Vec<Waits> {
        let is_open = |mandate: &&Verified<Mandate>| {
            let body = mandate.body();
            body.org == asking.org && body.approves.is_none() && body.until >= asking.day
        };
        let by_colleague = |mandate: &&Verified<Mandate>| {
            let body = mandate.body();
            let spent = self.state().commitments.before(&asking.org, &asking.grant.officer, asking.day, &body.order);
            asking.is(OfficerRole::Approver)
                && body.officer != asking.grant.officer
                && asking.grant.suffices(body.cap, spent)
        };
        let open = known.mandates.values().filter(is_open).filter(by_colleague);
        let open = open.filter(|mandate| self.check_mandate_given(mandate).is_err());
        open.map(|mandate| Waits {
            errand: Errand::ApproveMandate,
            order: mandate.body().order,
            statement: mandate.id(),
            by: mandate.body().org.clone(),
            offering: None,
            cap: mandate.body().cap,
            since: mandate.body().signed_at,
            due: None,
            day: Some(mandate.body().until),
        })
        .collect()
    }
}

/// Of the many orders that are over, nothing is explained: only what is open, or was said about since, can wait.
fn may_wait(known: &Order, attempt: &Attempt) -> bool {
    let Some(sealed) = known.sealed() else { return attempt.outcome().is_none() || !known.contradictions.is_empty() };
    let said_since =
        !sealed.settlements.is_empty() || !sealed.milestones.is_empty() || !known.contradictions.is_empty();
    said_since || sealed.confirmations.len() < sealed.legs()
}

/// What the explanation leaves to the officer's organisation, and the role lets the officer do.
fn acts(explained: &Explanation, party: &OrgId, asking: &Asking) -> Vec<Errand> {
    let (buys, approves) = (asking.is(OfficerRole::Buyer), asking.is(OfficerRole::Approver));
    let has_turn = |task: Task| explained.turn.as_ref().is_some_and(|turn| turn.task == task && turn.org == *party);
    let errand = |choice: &Choice| match choice {
        Choice::Approve if approves => Some(Errand::Approve),
        Choice::Decide if approves => Some(Errand::Decide),
        Choice::Seal if buys || approves => Some(Errand::Seal),
        Choice::Confirm if approves => Some(Errand::Confirm),
        Choice::Clarify if (buys || approves) && has_turn(Task::Clarify) => Some(Errand::Clarify),
        _ => None,
    };
    let binds = explained.mode == Mode::Binding || explained.stage != Stage::Offered;
    explained.choices.iter().filter_map(errand).filter(|_| binds).collect()
}

/// Notice that another party has given, of a contract still in force.
fn notice(sealed: &Attempt, party: &OrgId, asking: &Asking) -> Option<(OrgId, Timestamp, Date)> {
    use crate::domain::order::milestone::Event;
    let Some(Phase::Terminated(ends_on)) = phase(sealed) else { return None };
    let mut said = sealed.milestones.values().map(|milestone| milestone.body());
    let said = said.find(|said| matches!(said.event, Event::Terminated { .. }))?;
    let concerned = asking.is(OfficerRole::Buyer) || asking.is(OfficerRole::Approver);
    let news = said.from != *party && ends_on >= asking.day && concerned;
    news.then(|| (said.from.clone(), said.signed_at, ends_on))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::explain::fixture::{Town, by_officer, by_rule};

    fn errands(town: &Town, org: &str, officer: &str) -> Vec<(Errand, OrderId)> {
        let org: OrgId = org.parse().expect("a name");
        let proof = town.access(org.as_str(), officer);
        town.node.inbox(org, &proof, town.now).iter().map(|waits| (waits.errand, waits.order)).collect()
    }

    #[test]
    fn an_approval_waits_for_the_second_person_and_then_the_seal_for_both() {
        let mut town = Town::new(by_rule());
        let order = town.order("r1", |request| request.total_max = Town::cents(5_000_000));
        assert_eq!(errands(&town, "town", "einkauf"), [], "the officer who ordered approves nothing");
        assert_eq!(errands(&town, "town", "leitung"), [(Errand::Approve, order)]);
        assert_eq!(errands(&town, "kitu", "leitung"), [], "another organisation's approval");
        town.decide(order, "town", "leitung", true).expect("the approver may");
        assert_eq!(errands(&town, "town", "einkauf"), [(Errand::Seal, order)]);
        assert_eq!(errands(&town, "town", "leitung"), [(Errand::Seal, order)]);
        town.seal(order).expect("sealable");
        for officer in ["einkauf", "leitung"] {
            assert_eq!(errands(&town, "town", officer), []);
        }
    }

    #[test]
    fn what_nobody_here_may_approve_waits_for_nobody() {
        let mut town = Town::new(by_rule());
        town.order("r1", |request| request.total_max = Town::cents(200_000_000));
        assert_eq!(errands(&town, "town", "leitung"), [], "beyond the limit of the grant");
    }

    #[test]
    fn what_a_hop_left_to_a_person_waits_there_the_oldest_first() {
        let mut town = Town::new(by_officer());
        let first = town.order("r1", |_| ());
        town.now = town.now.plus_ms(60_000);
        let second = town.order("r2", |_| ());
        assert_eq!(errands(&town, "kitu", "leitung"), [(Errand::Decide, first), (Errand::Decide, second)]);
        assert_eq!(errands(&town, "kitu", "einkauf"), []);
        let proof = town.access("kitu", "leitung");
        let waiting = town.node.inbox("kitu".parse().expect("a name"), &proof, town.now);
        assert!(waiting.iter().all(|waits| waits.due.is_some_and(|due| due > town.now)), "each with its day");
    }
}
