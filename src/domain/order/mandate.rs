//! A mandate (*Abrufvollmacht*): what a member lets a cooperative order for it together with others. Nobody is bound by another's
//! word: a call-off counts only under a mandate of the member's own.
//!
//! It goes to the cooperative alone. A colleague approves it by signing the same terms again, naming the first. The same
//! rules serve the cooperative that seals, the member's node that files its part, and the auditor.
use serde::{Deserialize, Serialize};

use crate::domain::id::{OfficerName, OrderId, OrgId, StatementId};
use crate::domain::money::Cents;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::salt::Salt;
use crate::domain::statement::Verified;
use crate::domain::time::{Date, Timestamp};
use crate::domain::trust::OfficerRole;

/// A member agrees to be ordered for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Mandate {
    /// Derived from member and need: the matter that all mandates for one need belong to.
    pub order: OrderId,
    /// Counts up from 1; a further mandate stands beside the earlier ones.
    pub attempt: u32,
    /// The member.
    pub org: OrgId,
    /// The cooperative.
    pub to: OrgId,
    /// The member's own need.
    pub need: StatementId,
    /// The most that the member pays over the whole term.
    pub cap: Cents,
    /// Last day on which the cooperative may call off.
    pub until: Date,
    /// The colleague's mandate that this one approves; absent in the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approves: Option<StatementId>,
    /// Who gives it.
    pub officer: OfficerName,
    /// When.
    pub signed_at: Timestamp,
    /// Hides the hash.
    pub salt: Salt,
}

impl Mandate {
    /// The matter that mandates for a need belong to.
    pub fn matter(org: &OrgId, need: &StatementId) -> OrderId {
        OrderId::derive(org, &format!("mandate {need}"))
    }

    /// The rules it must meet on its own.
    pub fn check(&self) -> Result<(), Refusal> {
        if self.order != Self::matter(&self.org, &self.need) {
            return Err(Refusal::new(Reason::OrderIdMismatch).with("order", self.order));
        }
        if self.to == self.org {
            return Err(Refusal::new(Reason::FieldInvalid).with("field", "to").with("rule", "another organisation"));
        }
        Ok(())
    }

    /// Whether another one says the same, but for who says it.
    pub fn has_terms_of(&self, other: &Self) -> bool {
        let terms = |of: &Self| (of.attempt, of.org.clone(), of.to.clone(), of.need, of.cap, of.until);
        terms(self) == terms(other)
    }
}

/// What somebody would call off.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The member.
    pub member: &'a OrgId,
    /// The cooperative.
    pub by: &'a OrgId,
    /// The member's need.
    pub need: StatementId,
    /// What the member would pay.
    pub share: Cents,
    /// On which day.
    pub day: Date,
}

/// Whether a mandate covers it: for this cooperative and this need, not after its last day, not beyond its cap.
pub fn check_covers(mandate: &Mandate, asked: &Asked) -> Result<(), Refusal> {
    let refuse = |reason| Refusal::new(reason).with("member", asked.member);
    if (&mandate.org, &mandate.to, mandate.need) != (asked.member, asked.by, asked.need) {
        return Err(refuse(Reason::MandateForeign).with("to", &mandate.to).with("need", mandate.need));
    }
    if asked.day > mandate.until {
        return Err(refuse(Reason::MandateExpired).with("until", mandate.until).with("day", asked.day));
    }
    if asked.share > mandate.cap {
        return Err(refuse(Reason::MandateExceeded).with("cap", mandate.cap).with("share", asked.share));
    }
    Ok(())
}

/// Whether it was given: by a buyer whose limits cover the cap, or with the approval of another officer whose do.
/// `suffices` says whether the grant behind a mandate has the role and the limits.
pub fn check_given<'a>(
    mandate: &Verified<Mandate>,
    all: impl IntoIterator<Item = &'a Verified<Mandate>>,
    suffices: impl Fn(&Verified<Mandate>, OfficerRole) -> bool,
) -> Result<(), Refusal> {
    let body = mandate.body();
    if suffices(mandate, OfficerRole::Buyer) {
        return Ok(());
    }
    let beyond = |officer: &OfficerName| {
        let refusal = Refusal::new(Reason::GrantLimit).with("org", &body.org).with("cap", body.cap);
        Err(refusal.with("officer", officer))
    };
    let approvals = all.into_iter().filter(|other| other.body().approves == Some(mandate.id()));
    let approvals: Vec<_> = approvals.filter(|other| other.body().has_terms_of(body)).collect();
    let colleagues = approvals.iter().filter(|other| other.body().officer != body.officer);
    match (approvals.first(), colleagues.clone().next()) {
        (None, _) => beyond(&body.officer),
        (Some(own), None) => Err(Refusal::new(Reason::SameOfficer).with("officer", &own.body().officer)),
        (_, Some(_)) if colleagues.clone().any(|other| suffices(other, OfficerRole::Approver)) => Ok(()),
        (_, Some(colleague)) => beyond(&colleague.body().officer),
    }
}

/// The first mandate, by its id, that covers what is asked and was given. Refused with what is wrong with one that is
/// there, with `MANDATE_MISSING` if there is none for this cooperative.
pub fn covering<'a>(
    all: impl IntoIterator<Item = &'a Verified<Mandate>> + Clone,
    asked: &Asked,
    suffices: impl Fn(&Verified<Mandate>, OfficerRole) -> bool,
) -> Result<StatementId, Refusal> {
    let missing = Refusal::new(Reason::MandateMissing).with("member", asked.member).with("need", asked.need);
    let mut refused = missing;
    let to_this = |mandate: &&Verified<Mandate>| mandate.body().approves.is_none() && mandate.body().to == *asked.by;
    for mandate in all.clone().into_iter().filter(to_this) {
        let judged = check_covers(mandate.body(), asked).and_then(|()| check_given(mandate, all.clone(), &suffices));
        match judged {
            Ok(()) => return Ok(mandate.id()),
            Err(refusal) => refused = refusal,
        }
    }
    Err(refused)
}
