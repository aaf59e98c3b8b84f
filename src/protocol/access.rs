//! Who may ask what: an officer proves identity with a signed statement for one node and one call.
use crate::domain::body::Body;
use crate::domain::id::{OrderId, OrgId};
use crate::domain::order::Attempt;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::{Kind, Signed};
use crate::domain::time::Timestamp;
use crate::domain::trust::OfficerRole;
use crate::protocol::Node;
use crate::protocol::limits::{ACCESS_MS, SESSION_MS};
use crate::protocol::public::Public;

impl Public<'_> {
    /// The organisation an officer's proof of identity speaks for.
    pub fn check_access(self, proof: &Signed, now: Timestamp) -> Result<OrgId, Refusal> {
        self.check_access_for(proof, ACCESS_MS, now)
    }

    /// The same for a session that this node has opened for the proof: it holds for longer, and is judged anew each time, so
    /// that it ends when the officer's key is revoked.
    pub fn check_session(self, proof: &Signed, now: Timestamp) -> Result<OrgId, Refusal> {
        let org = self.check_access_for(proof, SESSION_MS, now)?;
        self.check_home(org, now)
    }

    /// Whether the grant behind a proof of identity has one of these roles: what an officer learns before signing, by the rule that
    /// judges what is signed.
    pub fn check_roles(self, proof: &Signed, roles: &[OfficerRole]) -> Result<(), Refusal> {
        let Ok(Body::Access(access)) = Body::read(proof) else { return Err(Refusal::new(Reason::AccessMissing)) };
        let key = proof.signatures().first().map(|by| by.key);
        let grant = key.and_then(|key| self.registry.officer(&access.org, &key));
        grant.ok_or_else(|| Refusal::new(Reason::AccessMissing))?.check_roles(roles)
    }

    fn check_access_for(self, proof: &Signed, longest_ms: i64, now: Timestamp) -> Result<OrgId, Refusal> {
        if *proof.kind() != Kind::Access {
            return Err(Refusal::new(Reason::AccessMissing).with("kind", proof.kind()));
        }
        // It stands in no log.
        let verified = self.registry.judge(proof, Body::read(proof)?, [])?;
        let Body::Access(access) = verified.body() else {
            return Err(Refusal::new(Reason::AccessMissing));
        };
        if access.node != self.own.node {
            return Err(Refusal::new(Reason::AccessExpired).with("node", &access.node));
        }
        if now.since_ms(access.signed_at).abs() > longest_ms {
            return Err(Refusal::new(Reason::AccessExpired).with("signed_at", access.signed_at).with("now", now));
        }
        Ok(access.org.clone())
    }

    /// For whom an officer may read here: organisations hosted on this node, and who has succeeded one. Those elsewhere ask
    /// their own node, which knows what they may know.
    pub fn check_reader(self, proof: &Signed, now: Timestamp) -> Result<OrgId, Refusal> {
        let org = self.check_access(proof, now)?;
        self.check_home(org, now)
    }

    /// Refuses an organisation that is not at home here and has not succeeded one that is: those elsewhere turn to their own node.
    pub fn check_home(self, org: OrgId, now: Timestamp) -> Result<OrgId, Refusal> {
        let is_heir = || {
            let mut before = self.registry.predecessors(&org, now.date());
            before.any(|other| self.is_local(other))
        };
        if self.is_local(&org) || is_heir() {
            return Ok(org);
        }
        Err(Refusal::new(Reason::OrgElsewhere).with("org", org))
    }
}

impl Node {
    /// The party to an order for which an organisation speaks: itself, or whom it has succeeded. Strangers learn only that
    /// the order does not exist for them.
    pub fn check_party(&self, org: &OrgId, order: OrderId, now: Timestamp) -> Result<OrgId, Refusal> {
        let known = self.state().orders.get(&order).and_then(|order| order.current());
        let party = known.and_then(|attempt| self.party_in(attempt, org, now));
        party.ok_or_else(|| self.order_unknown(order))
    }

    /// For whom an organisation may fetch evidence on an order: the party for which it speaks, or else the member that has a
    /// part of it.
    pub fn check_concerned(&self, org: &OrgId, order: OrderId, now: Timestamp) -> Result<OrgId, Refusal> {
        self.check_party(org, order, now).or_else(|stranger| {
            let known = self.state().orders.get(&order).ok_or(stranger.clone())?;
            let before = self.state().registry.predecessors(org, now.date());
            let mut spoken_for = std::iter::once(org).chain(before);
            spoken_for.find(|member| self.part_of(known, member).is_some()).cloned().ok_or(stranger)
        })
    }

    /// The same for an attempt; none for strangers.
    pub fn party_in(&self, attempt: &Attempt, org: &OrgId, now: Timestamp) -> Option<OrgId> {
        if attempt.position(org).is_ok() {
            return Some(org.clone());
        }
        let mut before = self.state().registry.predecessors(org, now.date());
        before.find(|other| attempt.position(other).is_ok()).cloned()
    }
}
