//! Mandates: which a member's officers may give, and what a cooperative may order under them. Each node looks for itself.
use crate::domain::id::{OrderId, OrgId, StatementId};
use crate::domain::money::Cents;
use crate::domain::order::call_off::CallOff;
use crate::domain::order::mandate::{Asked, Mandate, check_covers, check_given, covering};
use crate::domain::order::{Attempt, Request};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::{Signed, Verified};
use crate::domain::time::{Date, Timestamp};
use crate::domain::trust::OfficerRole;
use crate::protocol::Node;
use crate::protocol::state::Order;

impl Node {
    /// A member's officer gives a mandate: for a need of its own that is open to that cooperative.
    pub(super) fn check_mandate(&self, mandate: &Mandate, signed: &Signed, now: Timestamp) -> Result<(), Refusal> {
        if self.is_known(signed) {
            return Ok(());
        }
        self.state().registry.active(&mandate.to)?;
        self.state().catalogue.needs.check_open(&mandate.org, &mandate.need, &mandate.to)?;
        self.state().catalogue.needs.check_sought(&mandate.org, &mandate.need)?;
        if mandate.until < now.date() {
            return Err(Refusal::new(Reason::MandateExpired).with("until", mandate.until));
        }
        let Some(first) = mandate.approves else { return Ok(()) };
        let of_need = self.mandates(&mandate.org, &mandate.need).find(|known| known.id() == first);
        match of_need.map(Verified::body) {
            None => Err(Refusal::new(Reason::StatementUnknown).with("approves", first)),
            Some(known) if !mandate.has_terms_of(known) => {
                Err(Refusal::new(Reason::FieldInvalid).with("field", "approves").with("rule", "other terms"))
            }
            Some(known) if known.officer == mandate.officer => {
                Err(Refusal::new(Reason::SameOfficer).with("officer", &mandate.officer))
            }
            Some(_) => Ok(()),
        }
    }

    /// A member's mandates for a need, by their ids.
    pub fn mandates(&self, org: &OrgId, need: &StatementId) -> impl Iterator<Item = &Verified<Mandate>> + Clone {
        let known = self.state().orders.get(&Mandate::matter(org, need));
        known.into_iter().flat_map(|known| known.mandates.values())
    }

    /// Whether a mandate is given, or still waits for a colleague.
    pub fn check_mandate_given(&self, mandate: &Verified<Mandate>) -> Result<(), Refusal> {
        let body = mandate.body();
        check_given(mandate, self.mandates(&body.org, &body.need), |of, role| self.mandate_suffices(of, role))
    }

    /// The limit of the year is known at the officer's home only.
    fn mandate_suffices(&self, mandate: &Verified<Mandate>, role: OfficerRole) -> bool {
        let body = mandate.body();
        self.grant_behind(&body.org, mandate.signed()).is_some_and(|grant| {
            let day = body.signed_at.date();
            let spent = self.state().commitments.before(&grant.org, &grant.officer, day, &body.order);
            grant.roles.contains(&role) && grant.suffices(body.cap, spent)
        })
    }

    /// The mandate under which a member's share may be ordered on a day.
    pub(super) fn mandate_for(
        &self,
        (member, need): (&OrgId, StatementId),
        by: &OrgId,
        share: Cents,
        day: Date,
    ) -> Result<StatementId, Refusal> {
        let asked = Asked { member, by, need, share, day };
        covering(self.mandates(member, &need), &asked, |of, role| self.mandate_suffices(of, role))
    }

    /// Every member for whom is ordered has agreed to its share.
    pub(super) fn check_mandated(&self, attempt: &Attempt, day: Date) -> Result<(), Refusal> {
        let request = attempt.request.body();
        let Some(gathered) = &request.gathered else { return Ok(()) };
        for (member, share) in gathered.shares(attempt.offer()?)? {
            self.mandate_for((&member.org, member.need), &request.buyer, share, day)?;
        }
        Ok(())
    }

    /// At the member's node: a part is filed only under the mandate it names.
    pub(super) fn check_part(&self, part: &CallOff) -> Result<(), Refusal> {
        self.state().catalogue.needs.check_open(&part.to, &part.need, &part.from)?;
        let missing = || Refusal::new(Reason::MandateMissing).with("member", &part.to).with("need", part.need);
        let mandate = self.mandates(&part.to, &part.need).find(|known| known.id() == part.mandate);
        let mandate = mandate.ok_or_else(missing)?;
        check_covers(mandate.body(), &part.asked())?;
        self.check_mandate_given(mandate)
    }

    /// A member's part of an order: that of the cooperative through which its need asks for it, if another says so as well.
    pub fn part_of<'a>(&self, known: &'a Order, member: &OrgId) -> Option<&'a Verified<CallOff>> {
        let mut parts = known.call_offs.values().filter(|part| part.body().to == *member);
        let first = parts.next()?;
        let asked = |part: &&Verified<CallOff>| self.state().catalogue.needs.is_through(part.body());
        Some(Some(first).filter(asked).or_else(|| parts.find(asked)).unwrap_or(first))
    }

    /// Open orders of a cooperative that may have waited for a mandate.
    pub(super) fn waiting_for(&self, mandate: &Mandate) -> Vec<OrderId> {
        let waits = |request: &Request| {
            let members = request.gathered.iter().flat_map(|gathered| &gathered.members);
            request.buyer == mandate.to && members.into_iter().any(|member| member.need == mandate.need)
        };
        let orders = self.state().orders.iter();
        let waiting =
            orders.filter(|(_, known)| known.current().is_some_and(|attempt| waits(attempt.request.body())));
        waiting.map(|(order, _)| *order).collect()
    }
}
