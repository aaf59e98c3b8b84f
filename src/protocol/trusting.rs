//! Who may publish here, what concerns everyone, and whom the federation has expelled.
//!
//! The home node is the gate for its organisations: it takes nothing by an officer whose grant has ended by its own
//! clock, nothing for a key whose private half it lacks, nothing that belongs into another log.
use crate::domain::body::Body;
use crate::domain::id::{NodeId, OrderId, OrgId, StatementId};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::{Signed, Verified};
use crate::domain::time::Timestamp;
use crate::domain::trust::subject::is_for_everyone;
use crate::domain::trust::{KeyEvent, KeyRole};
use crate::protocol::limits::CLOCK_SKEW_MS;
use crate::protocol::mechanism::Mechanism;
use crate::protocol::settings::NodeKeys;
use crate::protocol::{Effect, Node, Work};

impl Node {
    /// Whether a judged public statement may enter the own log now.
    pub(super) fn check_publisher(&self, verified: &Verified<Body>, at: u64, now: Timestamp) -> Result<(), Refusal> {
        let body = verified.body();
        if let (Some((org, _)), [by]) = (body.signer_rule(), verified.signed().signatures()) {
            self.state.registry.check_counts(org, &by.key, &self.settings.origin, at)?;
        }
        self.check_gate(verified, now)?;
        match body {
            Body::Admission(admission) if !self.knows_or_hosts(&admission.org, &admission.home_node) => {
                let refusal = Refusal::new(Reason::OrgElsewhere).with("org", &admission.org);
                Err(refusal.with("node", &admission.home_node))
            }
            Body::KeyEvent(event) => self.check_event_here(event),
            Body::NodeRecord(record) if !self.keys.tls.is_empty() && !self.keys.tls.contains(&record.tls_sha256) => {
                // Nobody could connect to this node any more.
                Err(Refusal::new(Reason::KeyAbsent).with("tls_sha256", record.tls_sha256))
            }
            Body::Recovery(recovery) => {
                self.state.registry.check_member(&recovery.org)?;
                // Whoever signs a time does not choose it freely: the announcement is public from here on.
                let off_ms = now.since_ms(recovery.signed_at).abs();
                let is_now = off_ms <= CLOCK_SKEW_MS;
                if is_now { Ok(()) } else { Err(Refusal::new(Reason::TimeInvalid).with("value", recovery.signed_at)) }
            }
            _ => Ok(()),
        }
    }

    fn knows_or_hosts(&self, org: &OrgId, home: &NodeId) -> bool {
        let trust = self.state.registry.log(&self.settings.origin);
        // The operator has said in its settings whom it hosts; what was said of one who moves in stood elsewhere before.
        let is_hosted = home == self.settings.node() || self.settings.hosts.contains(org);
        is_hosted || trust.is_some_and(|trust| trust.orgs().contains_key(org))
    }

    /// A key event counts in the home log; whoever names a key for this node must have given it the private half.
    fn check_event_here(&self, event: &KeyEvent) -> Result<(), Refusal> {
        self.state.registry.check_member(&event.org)?;
        if event.home_node != *self.settings.node() {
            return Ok(());
        }
        for added in &event.add {
            let held = match added.role {
                KeyRole::Statement => self.keys.statements_of(&event.org),
                KeyRole::Log => &self.keys.log,
                KeyRole::Witness => &self.keys.witness,
            };
            if NodeKeys::half_of(held, &added.key).is_none() {
                return Err(Refusal::new(Reason::KeyAbsent)
                    .with("org", &event.org)
                    .with("key", added.key.hash().short()));
            }
        }
        Ok(())
    }

    /// The gate for officers: outside its days a grant lets nothing in, by this node's clock, whatever day the statement
    /// itself may name.
    pub(super) fn check_gate(&self, verified: &Verified<Body>, now: Timestamp) -> Result<(), Refusal> {
        let (Some((org, _)), [by]) = (verified.body().signer_rule(), verified.signed().signatures()) else {
            return Ok(());
        };
        let who = [Some(org), self.state.registry.heir(org)];
        let grant = who.into_iter().flatten().find_map(|org| self.state.registry.officer(org, &by.key));
        match grant {
            Some(grant) if Mechanism::GrantGate.is_on() => grant.check_on(now.date()),
            _ => Ok(()),
        }
    }

    /// What concerns everyone enters the own log as soon as it is known: root versions in their order, then the rest.
    pub(super) fn take_over_for_everyone(&mut self, work: &mut Work) {
        if self.state.for_everyone.is_empty() || self.check_may_sign().is_err() || self.own_size() == 0 {
            return;
        }
        let mut waiting: Vec<(u32, StatementId, Signed)> = Vec::new();
        for (id, signed) in &self.state.for_everyone {
            let version = match Body::read(signed) {
                Ok(Body::FederationRoot(root)) => root.version,
                _ => u32::MAX,
            };
            waiting.push((version, *id, signed.clone()));
        }
        waiting.sort_by_key(|(version, id, _)| (*version, *id));
        for (version, id, signed) in waiting {
            let trust = self.state.trust_of(&self.settings.origin);
            // A version beyond the next one waits for those in between; the rest is refused for good or taken.
            if version != u32::MAX && version > trust.root_version().saturating_add(1) {
                continue;
            }
            self.state.for_everyone.remove(&id);
            if let Ok(verified) = trust.judge(&signed, self.own_size()) {
                debug_assert!(is_for_everyone(verified.body()));
                self.append(verified, work);
            }
        }
    }

    /// The federation has expelled somebody: streams with its node end, and orders in which it is a party are looked at.
    pub(super) fn part_with_expelled(&mut self, now: Timestamp, work: &mut Work) {
        let count = self.state.registry.expelled().count();
        if std::mem::replace(&mut self.parted_with, count) == count {
            return;
        }
        let peers: Vec<NodeId> = self.peers().map(|(node, _)| node.clone()).collect();
        for node in peers {
            if let Err(refusal) = self.check_peer(&node) {
                work.then.push(Effect::Disconnect(node.clone(), refusal));
                self.peer_down(&node, now, work);
            }
        }
        let concerned = self.state.orders.iter().filter(|(_, order)| {
            order.current().is_some_and(|attempt| {
                let mut parties = attempt.route().parties().iter();
                attempt.outcome().is_none() && parties.any(|org| self.state.registry.is_expelled(org))
            })
        });
        let concerned: Vec<OrderId> = concerned.map(|(order, _)| *order).collect();
        work.touched.extend(concerned);
    }

    /// `ORG_EXPELLED` for a node whose operator is expelled.
    pub(super) fn check_peer(&self, node: &NodeId) -> Result<(), Refusal> {
        let registry = &self.state.registry;
        let operator = registry.logs_of(&self.settings.origin.federation, node).find_map(|log| log.operator());
        operator.map_or(Ok(()), |operator| registry.check_member(operator))
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::offering::Need;
    use crate::domain::reason::Reason;
    use crate::domain::statement::{Kind, Signed};
    use crate::domain::time::parse_date;
    use crate::protocol::explain::fixture::{Town, by_rule};

    fn need(town: &Town, note: &str) -> Signed {
        let need = Need {
            municipality: "town".parse().expect("a name"),
            leika: Vec::new(),
            note: note.to_owned(),
            until: parse_date("2029-01-01").expect("a day"),
            through: None,
        };
        Signed::sign(&Kind::Need, &need, &[town.key("town", "einkauf")])
    }

    #[test]
    fn an_officer_whose_grant_has_ended_publishes_nothing() {
        let mut town = Town::new(by_rule());
        let signed = need(&town, "vorher");
        town.publish(&signed).expect("within the grant");
        town.wake("2028-01-01T10:00:00Z".parse().expect("a time"));
        let signed = need(&town, "nachher");
        assert_eq!(town.publish(&signed).expect_err("after it").reason, Reason::GrantExpired);
        #[cfg(feature = "mutants")]
        crate::protocol::mechanism::Mechanism::GrantGate
            .without(|| town.publish(&need(&town, "ohne Tor")).expect("nobody else looks at the day"));
        let order = town.request("vorgang", |_| ());
        assert_eq!(town.hand_in(&order).expect_err("after it").reason, Reason::GrantExpired);
        // The day that the statement itself names does not matter.
        let early = town.request("vorgang", |request| {
            request.signed_at = "2027-06-01T10:00:00Z".parse().expect("a time");
        });
        town.hand_in(&early).expect_err("backdated");
    }
}
