//! Orders that amend another: a change or a prolongation. Every party holds what is amended, and looks for itself.
use crate::domain::id::OrderId;
use crate::domain::order::aftercare::{Phase, phase};
use crate::domain::order::{Amends, Attempt, Request};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::Verified;
use crate::domain::time::Timestamp;
use crate::protocol::Node;
use crate::protocol::mechanism::Mechanism;
use crate::protocol::state::Order;

/// What a party makes of the order that a request amends.
pub(super) enum Amended {
    /// It is as the request says, or nothing is amended.
    Fits,
    /// Its seal is not here yet. It goes ahead of requests, but a node may have been restored.
    NotSeenYet(Refusal),
    /// The request says something else.
    No(Refusal),
}

impl Node {
    /// At the buyer: what is amended is sealed and in force, by the same buyer on the same route, and judged on a day that is
    /// not past, because a lapsed leg must not be carried on.
    pub(super) fn check_amends(&self, amends: &Amends, request: &Request, now: Timestamp) -> Result<(), Refusal> {
        let sealed = self.sealed_here(amends)?;
        check_fits(amends, request, sealed)?;
        // A change is a procedure of its own like a prolongation: whether the contractor is still in-house is asked anew.
        if request.as_of < now.date() {
            return Err(invalid(amends, "judged on a day that is past"));
        }
        Ok(())
    }

    /// At every other party.
    pub(super) fn amended(&self, request: &Request) -> Amended {
        let amends = request.amends.as_ref().filter(|_| Mechanism::AmendedAsHeld.is_on());
        let Some(amends) = amends else { return Amended::Fits };
        match self.sealed_here(amends) {
            Err(refusal) => Amended::NotSeenYet(refusal),
            Ok(sealed) => check_fits(amends, request, sealed).map_or_else(Amended::No, |()| Amended::Fits),
        }
    }

    /// Whether a party is told nothing yet of the seal of what a request amends.
    pub(in crate::protocol) fn awaits_seal(&self, request: &Request) -> bool {
        matches!(self.amended(request), Amended::NotSeenYet(_))
    }

    fn sealed_here(&self, amends: &Amends) -> Result<&Attempt, Refusal> {
        let known = self.state().orders.get(&amends.order);
        known.and_then(Order::sealed).ok_or_else(|| invalid(amends, "not sealed here"))
    }

    /// Orders that amend one, as far as they are known here.
    pub fn amending(&self, order: OrderId) -> impl Iterator<Item = OrderId> {
        self.state()
            .amending
            .range((order, OrderId([0; 16]))..)
            .take_while(move |(of, _)| *of == order)
            .map(|(_, by)| *by)
    }
}

/// The seal is the one named, and neither buyer nor route is another; what has ended is not amended.
fn check_fits(amends: &Amends, request: &Request, sealed: &Attempt) -> Result<(), Refusal> {
    if sealed.seal.as_ref().map(Verified::id) != Some(amends.seal) {
        return Err(invalid(amends, "another seal"));
    }
    if *sealed.route() != request.route {
        return Err(invalid(amends, "another route"));
    }
    match phase(sealed) {
        Some(Phase::Closed) => Err(invalid(amends, "closed")),
        Some(Phase::Terminated(ends_on)) if ends_on < request.as_of => {
            Err(invalid(amends, "terminated").with("ends_on", ends_on))
        }
        _ => Ok(()),
    }
}

fn invalid(amends: &Amends, rule: &str) -> Refusal {
    Refusal::new(Reason::AmendmentInvalid).with("order", amends.order).with("rule", rule)
}
