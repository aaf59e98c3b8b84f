//! What an officer signs about an order that is there, as every tool writes it: command line and page call the same functions.
use crate::domain::grounds::Grounds;
use crate::domain::id::{Hash, OfficerName, OrderId, OrgId, StatementId};
use crate::domain::order::erasure::Erasure;
use crate::domain::order::settlement::Settlement;
use crate::domain::order::{Amendment, Amends, Confirm, Recall, Request, Void, VoidReason};
use crate::domain::reason::Reason;
use crate::domain::salt::Salt;
use crate::domain::time::Timestamp;

/// Who signs, and when.
#[derive(Clone, Debug)]
pub struct By {
    /// For whom.
    pub org: OrgId,
    /// In which office.
    pub officer: OfficerName,
    /// When.
    pub signed_at: Timestamp,
    /// Hides the hash.
    pub salt: Salt,
}

/// Which attempt of which order.
#[derive(Clone, Copy, Debug)]
pub struct Of {
    /// The order.
    pub order: OrderId,
    /// The attempt.
    pub attempt: u32,
}

/// What both parties of a settlement sign alike.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Terms {
    /// With whom.
    pub to: OrgId,
    /// The statements that contradict one another or the seal.
    pub about: Vec<StatementId>,
    /// Which statement holds.
    pub holds: Option<StatementId>,
    /// What holds between the two from now on.
    pub terms: String,
    /// The other party's proposal that this agrees to.
    pub agrees: Option<StatementId>,
}

impl Terms {
    /// The terms of a proposal as its author signed them, as whoever it was made to signs them.
    pub fn agreeing(proposal: StatementId, said: &Settlement) -> Self {
        let (about, holds, terms) = (said.about.clone(), said.holds, said.terms.clone());
        Self { to: said.from.clone(), about, holds, terms, agrees: Some(proposal) }
    }
}

/// One party's half of a settlement.
pub fn settlement(of: Of, seal: StatementId, number: u32, terms: Terms, by: By) -> Settlement {
    let Terms { to, about, holds, terms, agrees } = terms;
    Settlement {
        order: of.order,
        attempt: of.attempt,
        seal,
        from: by.org,
        to,
        number,
        about,
        holds,
        terms,
        agrees,
        officer: by.officer,
        signed_at: by.signed_at,
        salt: by.salt,
    }
}

/// A party withdraws what it has promised; why stands in the annex.
pub fn recall(of: Of, request: StatementId, annex: Option<Hash>, by: By) -> Recall {
    Recall {
        order: of.order,
        attempt: of.attempt,
        from: by.org,
        request,
        reason: Reason::DecisionNo.code().to_owned(),
        note: String::new(),
        annex,
        officer: Some(by.officer),
        signed_at: by.signed_at,
        salt: by.salt,
    }
}

/// A party takes a seal for binding that came late.
pub fn confirmation(of: Of, seal: StatementId, by: By) -> Confirm {
    Confirm {
        order: of.order,
        attempt: of.attempt,
        from: by.org,
        seal,
        officer: by.officer,
        signed_at: by.signed_at,
        salt: by.salt,
    }
}

/// The buyer ends an attempt without a seal.
pub fn void(of: Of, request: StatementId, reason: VoidReason, by: By) -> Void {
    Void {
        order: of.order,
        attempt: of.attempt,
        buyer: by.org,
        request,
        reason,
        officer: Some(by.officer),
        signed_at: by.signed_at,
        salt: by.salt,
    }
}

/// The next attempt of an order as far as it stays what it was. The same procedure goes on, and so the same law.
pub fn again(before: &Request) -> Request {
    let procedure_began = Some(before.procedure_day());
    Request { attempt: before.attempt + 1, procedure_began, ..before.clone() }
}

/// An order that changes or prolongs a sealed one, as far as it stays what it was: a procedure of its own for the same members, on
/// the same route. What else was on offer then says nothing about today.
pub fn amending(before: &Request, request_id: String, seal: StatementId, what: Amendment) -> Request {
    Request {
        order: OrderId::derive(&before.buyer, &request_id),
        attempt: 1,
        request_id,
        procedure_began: None,
        amends: Some(Amends { order: before.order, seal, what }),
        grounds: Grounds { need: before.grounds.need, ..Grounds::default() },
        ..before.clone()
    }
}

/// A party lets annexes of its own go, by a ground and as an authority has decided.
pub fn erasure(of: Of, number: u32, annexes: Vec<Hash>, (ground, authority): (String, String), by: By) -> Erasure {
    Erasure {
        order: of.order,
        attempt: of.attempt,
        from: by.org,
        number,
        annexes,
        ground,
        authority,
        officer: by.officer,
        signed_at: by.signed_at,
        salt: by.salt,
    }
}
