//! What follows a seal: connection (*Anbindung*), productive use, change, prolongation, notice, a new contact, the end.
//!
//! What changes a contract is an order of its own on the same route with a seal of its own
//! ([`crate::domain::order::Amends`]); until then the old one stands. Everything else is one party's word to the
//! others, a [`Milestone`].
use std::collections::BTreeMap;

use jiff::ToSpan as _;

use crate::domain::id::{OrgId, StatementId};
use crate::domain::offering::NOTICE_DAYS_MAX;
use crate::domain::order::attempt::Attempt;
use crate::domain::order::milestone::{ConnectionStep, Event, Milestone};
use crate::domain::order::settlement::Settlement;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::Verified;
use crate::domain::time::Date;

/// Notice to give where the offering says nothing, in days: a quarter, as the framework contracts of the cooperatives
/// commonly have it (assumed).
pub const NOTICE_DAYS_DEFAULT: u32 = 90;

/// Where a sealed order stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Phase {
    /// Sealed; nothing done yet.
    Contracted,
    /// So many steps of the connection are done.
    Connecting(usize),
    /// In use since this day.
    Productive(Date),
    /// In force until this day, notice has been given.
    Terminated(Date),
    /// Over.
    Closed,
}

/// Where a sealed attempt stands; none without a seal.
pub fn phase(attempt: &Attempt) -> Option<Phase> {
    attempt.seal.as_ref()?;
    let events = || attempt.milestones.values().map(|milestone| &milestone.body().event);
    if events().any(|event| *event == Event::Closed) {
        return Some(Phase::Closed);
    }
    let ends =
        events().filter_map(|event| if let Event::Terminated { ends_on } = event { Some(*ends_on) } else { None });
    if let Some(ends_on) = ends.min() {
        return Some(Phase::Terminated(ends_on));
    }
    let since =
        events().filter_map(|event| if let Event::Productive { since } = event { Some(*since) } else { None });
    if let Some(since) = since.min() {
        return Some(Phase::Productive(since));
    }
    match connected(attempt).len() {
        0 => Some(Phase::Contracted),
        done => Some(Phase::Connecting(done)),
    }
}

/// The steps of the connection that are done, in their usual order.
pub fn connected(attempt: &Attempt) -> Vec<ConnectionStep> {
    let done = |item: &ConnectionStep| {
        let is_it = |event: &Event| matches!(event, Event::Connected { item: done } if done == item);
        attempt.milestones.values().any(|milestone| is_it(&milestone.body().event))
    };
    ConnectionStep::ALL.into_iter().filter(done).collect()
}

/// Who has said whom to ask: each party's last milestone about it, whose annex tells.
pub fn contacts(attempt: &Attempt) -> BTreeMap<OrgId, StatementId> {
    let said = attempt.milestones.values().filter(|milestone| milestone.body().event == Event::Contact);
    said.map(|milestone| (milestone.body().from.clone(), milestone.id())).collect()
}

/// The number of a party's next word among those that it may say several times.
pub fn next_number<T>(said: &BTreeMap<(OrgId, u32), T>, party: &OrgId) -> u32 {
    let own = said.range((party.clone(), 0)..=(party.clone(), u32::MAX));
    own.last().map_or(1, |((_, number), _)| number + 1)
}

/// The proposals of an attempt, each with the other party's agreement, if it has agreed.
pub fn settlements(
    attempt: &Attempt,
) -> impl Iterator<Item = (&Verified<Settlement>, Option<&Verified<Settlement>>)> {
    let all = attempt.settlements.values();
    all.filter(|said| said.body().agrees.is_none()).map(|proposal| {
        let mut all = attempt.settlements.values();
        (proposal, all.find(|said| said.body().agrees == Some(proposal.id())))
    })
}

/// The first day on which notice given on `given` may end a contract.
pub fn notice_ends(given: Date, notice_days: Option<u32>) -> Date {
    given.saturating_add(notice(notice_days).days())
}

/// The last day on which notice may be given that ends a contract on `ends`.
pub fn notice_due(ends: Date, notice_days: Option<u32>) -> Date {
    ends.saturating_add((-notice(notice_days)).days())
}

fn notice(notice_days: Option<u32>) -> i64 {
    i64::from(notice_days.unwrap_or(NOTICE_DAYS_DEFAULT).min(NOTICE_DAYS_MAX))
}

/// The rules that what happens now must meet: notice is kept, and nothing happens to what is over. They are not asked
/// of what others have said.
pub fn check_timely(attempt: &Attempt, milestone: &Milestone, notice_days: Option<u32>) -> Result<(), Refusal> {
    let state = |rule: &str| Err(Refusal::new(Reason::OrderState).with("rule", rule));
    match (phase(attempt), &milestone.event) {
        (Some(Phase::Closed), _) => state("the order is closed"),
        (Some(Phase::Terminated(_)), Event::Terminated { .. }) => state("notice has been given"),
        (Some(Phase::Terminated(ends_on)), Event::Closed) if milestone.signed_at.date() <= ends_on => {
            Err(Refusal::new(Reason::OrderState).with("rule", "still in force").with("ends_on", ends_on))
        }
        (_, Event::Terminated { ends_on }) => {
            let earliest = notice_ends(milestone.signed_at.date(), notice_days);
            if *ends_on >= earliest {
                return Ok(());
            }
            Err(Refusal::new(Reason::NoticeTooShort).with("ends_on", ends_on).with("earliest", earliest))
        }
        _ => Ok(()),
    }
}
