//! Whether the buyer's side has approved an order: the officer's own limits suffice, or a colleague's do (*Vier-Augen*).
//!
//! One rule for the node that waits for it and for the auditor who looks back. Whether the approval stood before the
//! seal is [`crate::domain::order::ending`]'s kind of question: a matter of places in a log.
use crate::domain::id::OfficerName;
use crate::domain::law::Verdict;
use crate::domain::order::attempt::Attempt;
use crate::domain::order::{Decision, Request};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::Signed;
use crate::domain::time::Timestamp;

/// Where the approval of an order stands.
#[derive(Clone, PartialEq, Debug)]
pub enum Approval {
    /// The officer's own limits suffice, or a colleague has approved.
    Given,
    /// A colleague must approve, and why what there is does not count.
    Awaited(Refusal),
    /// A colleague has refused.
    Refused(Refusal),
}

impl Approval {
    /// Whether the order may go on.
    pub fn is_given(&self) -> bool {
        *self == Self::Given
    }
}

/// Judges what lies there. `suffices` says whether the limits, per order and per year, of the officer behind a statement
/// signed at that time cover the order.
pub fn approval(attempt: &Attempt, suffices: impl Fn(&Signed, Timestamp) -> bool) -> Approval {
    let (request, signed) = (attempt.request.body(), attempt.request.signed());
    if suffices(signed, request.signed_at) {
        return Approval::Given;
    }
    let Some(decision) = attempt.decisions.get(&request.buyer) else {
        return Approval::Awaited(beyond_limit(request).with("officer", &request.officer));
    };
    let body = decision.body();
    if !body.approve {
        let refusal = Refusal::new(Reason::DecisionNo).with("org", &request.buyer);
        return Approval::Refused(refusal.with("officer", &body.officer));
    }
    match check_approval(request, body, suffices(decision.signed(), body.signed_at)) {
        Ok(()) => Approval::Given,
        Err(refusal) => Approval::Awaited(refusal),
    }
}

/// The rules an approval must meet: by another person, who found the buyer's leg fulfilled, contested or not, and whose limits cover it.
pub fn check_approval(request: &Request, decision: &Decision, suffices: bool) -> Result<(), Refusal> {
    check_other_person(request, &decision.officer)?;
    let leg = decision.leg.as_ref().ok_or_else(|| Refusal::new(Reason::FieldInvalid).with("field", "leg"))?;
    let unfulfilled = match leg.verdict {
        Verdict::Fulfilled | Verdict::Contested => None,
        Verdict::NotProven => Some(Reason::LegNotProven),
        Verdict::NotFulfilled => Some(Reason::LegNotLawful),
    };
    if let Some(reason) = unfulfilled {
        return Err(Refusal::new(reason).with("from", &leg.from).with("to", &leg.to));
    }
    check_limit(request, suffices).map_err(|refusal| refusal.with("officer", &decision.officer))
}

/// Two pairs of eyes belong to two people.
pub fn check_other_person(request: &Request, officer: &OfficerName) -> Result<(), Refusal> {
    if *officer == request.officer { Err(Refusal::new(Reason::SameOfficer).with("officer", officer)) } else { Ok(()) }
}

/// Whether the limits of whoever approves cover the order.
pub fn check_limit(request: &Request, suffices: bool) -> Result<(), Refusal> {
    if suffices { Ok(()) } else { Err(beyond_limit(request)) }
}

fn beyond_limit(request: &Request) -> Refusal {
    Refusal::new(Reason::GrantLimit).with("org", &request.buyer).with("total_max", request.total_max)
}
