//! What defeats a seal: a recall, a decline or a rejection that the buyer's node held before it wrote the seal.
//!
//! Declarations take effect when they arrive (section 130 (1) BGB): what the buyer's log, or its receipt, places before the
//! seal came first. Afterwards a contradiction is kept and shown, and changes nothing.
use crate::domain::id::{OrgId, StatementId};
use crate::domain::order::attempt::Attempt;
use crate::domain::reason::{Reason, Refusal};

/// What has been said against the attempt: its statement, by whom, and what it means for a seal.
pub fn objections(attempt: &Attempt) -> Vec<(StatementId, OrgId, Reason)> {
    let recalls = attempt.recalls.values();
    let recalls = recalls.map(|recall| (recall.id(), recall.body().from.clone(), Reason::OrderRecalled));
    let declines = attempt.declines.values();
    let declines = declines.map(|decline| (decline.id(), decline.body().from.clone(), Reason::OrderDeclined));
    recalls.chain(declines).collect()
}

/// Refuses a seal where one of these objections reached the buyer before it.
pub fn check_undefeated(attempt: &Attempt, came_first: impl Fn(&StatementId) -> bool) -> Result<(), Refusal> {
    match objections(attempt).into_iter().find(|(id, ..)| came_first(id)) {
        Some((_, org, reason)) => Err(Refusal::new(reason).with("org", org)),
        None => Ok(()),
    }
}
