//! Judging a statement for its place in a log: is it signed by whom it must be, with keys good there? The only place
//! where a claim becomes proof.
use std::collections::BTreeMap;

use crate::domain::body::{Body, SignerRule};
use crate::domain::id::{KeyHash, OrgId};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::signing::PublicKey;
use crate::domain::statement::{Signed, Verified};
use crate::domain::time::Timestamp;
use crate::domain::trust::documents::{
    Admission, FederationRoot, KeyEvent, KeyRole, NodeRecord, OfficerGrant, OfficerRole, RECOVERY_PUBLIC_MS,
    Recovery, Succession,
};
use crate::domain::trust::standing::{Holder, KeyStanding, LogTrust, OrgStanding};
use crate::domain::trust::thresholds::{Quorate, signed_by};

impl LogTrust {
    /// Judges a statement for position `at`.
    pub fn judge(&self, signed: &Signed, at: u64) -> Result<Verified<Body>, Refusal> {
        self.judge_read(signed, Body::read(signed)?, at)
    }

    /// The same for whoever has read the body already, to know which log to ask; it must be the statement's own.
    pub(crate) fn judge_read(&self, signed: &Signed, body: Body, at: u64) -> Result<Verified<Body>, Refusal> {
        match &body {
            Body::FederationRoot(root) => self.judge_root(signed, root)?,
            Body::Admission(admission) => self.judge_admission(signed, admission)?,
            Body::Expulsion(_) | Body::RulePack(_) => self.signed_by_trustees(signed)?,
            Body::Succession(succession) => self.judge_succession(signed, succession)?,
            Body::Recovery(recovery) => self.judge_recovery(signed, recovery)?,
            Body::KeyEvent(event) => self.judge_event(signed, event, at)?,
            Body::OfficerGrant(grant) => self.judge_grant(signed, grant)?,
            Body::NodeRecord(record) => self.judge_record(signed, record, at)?,
            other => self.judge_single(signed, other, at)?,
        }
        Ok(Verified::proven(body, signed.clone()))
    }

    /// Judges a receipt. It stands in no log, and its signer does not choose a place for it: a key that was replaced
    /// may have signed it while it was good, of one that was stolen nobody can tell.
    pub fn judge_receipt(&self, signed: &Signed) -> Result<Verified<Body>, Refusal> {
        let body = Body::read(signed)?;
        let Body::Receipt(receipt) = &body else {
            return Err(Refusal::new(Reason::SignerWrong).with("kind", signed.kind()));
        };
        let standing = self.standing_of_signer(signed)?;
        if standing.is_compromised() {
            return Err(Refusal::new(Reason::KeyDisputed).with("key", standing.key.hash().short()));
        }
        signed.verify(&standing.key)?;
        must_be_online(standing, &receipt.from)?;
        Ok(Verified::proven(body, signed.clone()))
    }

    fn root_or_refuse(&self) -> Result<&FederationRoot, Refusal> {
        self.root().ok_or_else(|| Refusal::new(Reason::RootUnknown).with("log", &self.known.origin))
    }

    fn judge_root(&self, signed: &Signed, root: &FederationRoot) -> Result<(), Refusal> {
        if root.federation != self.known.origin.federation {
            return Err(Refusal::new(Reason::RootUnknown).with("federation", &root.federation));
        }
        let mut bodies = vec![Quorate::trustees(root)];
        match self.known.roots.last() {
            None if signed.id() == self.known.anchor => {}
            None => {
                return Err(Refusal::new(Reason::RootUnknown)
                    .with("found", signed.id())
                    .with("expected", self.known.anchor));
            }
            Some((prev, current)) if root.follows(*prev, current) => bodies.push(Quorate::trustees(current)),
            Some(_) => return Err(Refusal::new(Reason::RootSequence).with("version", root.version)),
        }
        signed_by(signed, &bodies, &BTreeMap::new())
    }

    fn signed_by_trustees(&self, signed: &Signed) -> Result<(), Refusal> {
        signed_by(signed, &[Quorate::trustees(self.root_or_refuse()?)], &BTreeMap::new())
    }

    fn judge_admission(&self, signed: &Signed, admission: &Admission) -> Result<(), Refusal> {
        self.same_federation(&admission.federation)?;
        let known = self.known.orgs.get(&admission.org);
        if admission.number == 1 && known.is_some() {
            return Err(Refusal::new(Reason::OrgKnown).with("org", &admission.org));
        }
        let follows = match known {
            None => admission.number == 1,
            Some(known) => {
                known.admission.number.checked_add(1) == Some(admission.number)
                    && admission.prev == Some(known.admitted_by)
            }
        };
        if !follows {
            let refusal = Refusal::new(Reason::AdmissionSequence).with("org", &admission.org);
            return Err(refusal.with("number", admission.number));
        }
        self.check_operates(admission)?;
        self.signed_by_trustees(signed)
    }

    /// One node has one operator, for good; one operator has one node.
    fn check_operates(&self, admission: &Admission) -> Result<(), Refusal> {
        let refuse = || Refusal::new(Reason::NodeTaken).with("org", &admission.org);
        if let Some(node) = &admission.operates {
            let taken = self.known.orgs.values().find(|known| {
                known.admission.operates.as_ref() == Some(node) && known.admission.org != admission.org
            });
            if let Some(other) = taken {
                return Err(refuse().with("node", node).with("operator", &other.admission.org));
            }
        }
        let before = self.known.orgs.get(&admission.org).and_then(|known| known.admission.operates.as_ref());
        match before {
            Some(before) if admission.operates.as_ref() != Some(before) => Err(refuse().with("node", before)),
            _ => Ok(()),
        }
    }

    fn same_federation(&self, federation: &OrgId) -> Result<(), Refusal> {
        if *federation == self.known.origin.federation {
            return Ok(());
        }
        Err(Refusal::new(Reason::RootUnknown).with("federation", federation))
    }

    fn judge_succession(&self, signed: &Signed, succession: &Succession) -> Result<(), Refusal> {
        self.same_federation(&succession.federation)?;
        match self.known.successions.get(&succession.predecessor) {
            Some((_, other)) => Err(Refusal::new(Reason::SuccessionKnown).with("successor", &other.successor)),
            None => self.signed_by_trustees(signed),
        }
    }

    fn judge_recovery(&self, signed: &Signed, recovery: &Recovery) -> Result<(), Refusal> {
        self.check_recovery(recovery)?;
        self.signed_by_trustees(signed)
    }

    fn check_recovery(&self, recovery: &Recovery) -> Result<(), Refusal> {
        let standing = self.standing(&recovery.org)?;
        let refuse = |rule: &str| Refusal::new(Reason::RecoveryVoid).with("org", &recovery.org).with("rule", rule);
        if recovery.after != standing.last_event.map(|(_, id)| id) {
            return Err(refuse("the organisation has signed a key event since"));
        }
        let Some(completes) = recovery.completes else { return Ok(()) };
        match &standing.recovery {
            Some((id, announced)) if *id == completes && announced.root == recovery.root => {
                let public_ms = recovery.signed_at.since_ms(announced.signed_at);
                if public_ms >= RECOVERY_PUBLIC_MS { Ok(()) } else { Err(refuse("72 hours in public")) }
            }
            _ => Err(refuse("completes what was announced last")),
        }
    }

    fn standing(&self, org: &OrgId) -> Result<&OrgStanding, Refusal> {
        self.known.orgs.get(org).ok_or_else(|| Refusal::new(Reason::OrgUnknown).with("org", org))
    }

    fn judge_event(&self, signed: &Signed, event: &KeyEvent, at: u64) -> Result<(), Refusal> {
        let standing = self.standing(&event.org)?;
        let expected = standing.last_event.map_or((0, None), |(seq, id)| (seq.saturating_add(1), Some(id)));
        if (event.seq, event.prev) != expected {
            return Err(Refusal::new(Reason::EventSequence).with("org", &event.org).with("seq", event.seq));
        }
        if event.home_node != standing.admission.home_node {
            return Err(Refusal::new(Reason::OrgElsewhere).with("org", &event.org).with("node", &event.home_node));
        }
        self.check_operators_part(standing, event)?;
        if event.root.as_ref().is_some_and(|next| !next.is_committed(&standing.root.next_sha256)) {
            return Err(Refusal::new(Reason::SignerWrong).with("rule", "the next root keys were not committed"));
        }
        self.check_revocations(event, at)?;
        let added = self.new_keys(event.add.iter().map(|added| &added.key))?;
        // A rotation of the root is signed by the new set: keys and threshold were committed by the old one.
        let root = event.root.as_ref().unwrap_or(&standing.root);
        signed_by(signed, &[Quorate::roots(root)], &added)
    }

    /// Only an operator has a log key and a witness key, one of each at a time, and begins epochs.
    fn check_operators_part(&self, standing: &OrgStanding, event: &KeyEvent) -> Result<(), Refusal> {
        let is_operator = standing.admission.operates.as_ref() == Some(&event.home_node);
        if let Some(new) = &event.new_epoch {
            let is_plausible = event.home_node != self.known.origin.node || new.epoch <= self.known.origin.epoch;
            if !is_operator || !is_plausible {
                return Err(Refusal::new(Reason::EpochForeign).with("org", &event.org).with("epoch", new.epoch));
            }
        }
        for wanted in [KeyRole::Log, KeyRole::Witness] {
            let added = event.add.iter().filter(|added| added.role == wanted).count();
            if added > 0 && !is_operator {
                return Err(Refusal::new(Reason::NodeTaken).with("org", &event.org).with("rule", "no operator"));
            }
            let current = self.online_key(&event.org, wanted);
            let is_revoked = current
                .is_some_and(|standing| event.revoke.iter().any(|revocation| revocation.key == standing.key.hash()));
            let stays_one = added <= 1 && (current.is_none() || is_revoked == (added == 1));
            // A node may stop witnessing; without a log key its log could never be continued.
            let stops = wanted == KeyRole::Witness && added == 0;
            if !stays_one && !stops {
                return Err(Refusal::new(Reason::KeyInUse).with("rule", "one log key and one witness key per node"));
            }
        }
        Ok(())
    }

    /// Only known keys of the organisation are revoked. Whoever revokes at home names this log; only so the revocation
    /// says what it takes back here, which for a key that was merely replaced is nothing.
    fn check_revocations(&self, event: &KeyEvent, at: u64) -> Result<(), Refusal> {
        let is_native = self.known.is_native(&event.org, at);
        for revocation in &event.revoke {
            let known = self.known.keys.get(&revocation.key).filter(|key| *key.holder.org() == event.org);
            known.ok_or_else(|| Refusal::new(Reason::KeyUnknown).with("key", revocation.key.short()))?;
            let named = revocation.last_good.iter().find(|good| good.log == self.known.origin);
            if is_native && named.is_none_or(|good| good.size > at) {
                return Err(Refusal::new(Reason::FieldInvalid)
                    .with("field", "last_good")
                    .with("log", &self.known.origin)
                    .with("size", at));
            }
        }
        Ok(())
    }

    /// The hashes of keys that are about to be registered; each must be new here and must sign.
    fn new_keys<'a>(
        &self,
        keys: impl Iterator<Item = &'a PublicKey>,
    ) -> Result<BTreeMap<KeyHash, PublicKey>, Refusal> {
        let mut added = BTreeMap::new();
        for key in keys {
            let hash = key.hash();
            let is_root_key = self.known.orgs.values().any(|org| org.root.keys.contains(key));
            let is_trustees = self.root().is_some_and(|root| root.trustees.iter().any(|trustee| trustee.key == *key));
            let is_known = self.known.keys.contains_key(&hash) || is_root_key || is_trustees;
            if is_known || added.insert(hash, key.clone()).is_some() {
                return Err(Refusal::new(Reason::KeyInUse).with("key", hash.short()));
            }
        }
        Ok(added)
    }

    fn judge_grant(&self, signed: &Signed, grant: &OfficerGrant) -> Result<(), Refusal> {
        let standing = self.standing(&grant.org)?;
        let added = self.new_keys(std::iter::once(&grant.key))?;
        signed_by(signed, &[Quorate::roots(&standing.root)], &added)
    }

    fn judge_record(&self, signed: &Signed, record: &NodeRecord, at: u64) -> Result<(), Refusal> {
        if record.node != self.known.origin.node || record.log != self.known.origin {
            return Err(Refusal::new(Reason::SignerWrong).with("node", &record.node));
        }
        if self.operator() != Some(&record.operator) {
            return Err(Refusal::new(Reason::SignerWrong).with("operator", &record.operator));
        }
        self.signer(signed, at).and_then(|standing| must_be_online(standing, &record.operator))
    }

    fn standing_of_signer(&self, signed: &Signed) -> Result<&KeyStanding, Refusal> {
        let [by] = signed.signatures() else {
            return Err(Refusal::new(Reason::SignerWrong).with("signatures", signed.signatures().len()));
        };
        let unknown = || Refusal::new(Reason::KeyUnknown).with("key", by.key.short());
        self.known.keys.get(&by.key).ok_or_else(unknown)
    }

    /// The key behind the only signature, good at `at`, of an organisation that is at home here and not expelled.
    fn signer(&self, signed: &Signed, at: u64) -> Result<&KeyStanding, Refusal> {
        let standing = self.standing_of_signer(signed)?;
        let org = standing.holder.org();
        standing.check_at(at)?;
        if !self.is_home_at(org, at) {
            return Err(Refusal::new(Reason::OrgElsewhere).with("org", org).with("log", &self.known.origin));
        }
        signed.verify(&standing.key)?;
        Ok(standing)
    }

    fn judge_single(&self, signed: &Signed, body: &Body, at: u64) -> Result<(), Refusal> {
        let standing = self.signer(signed, at)?;
        let Some((org, rule)) = body.signer_rule() else {
            // Unknown kinds: any statement key of an organisation hosted here.
            return must_be_online(standing, standing.holder.org());
        };
        let speaks_for = |by: &OrgId| by == org || self.known.succeeds(by, org, body.signed_at());
        match (&standing.holder, rule) {
            (
                Holder::Online { org: by, role: KeyRole::Statement },
                SignerRule::Organisation | SignerRule::Either(_),
            ) if speaks_for(by) && !body.names_officer(None) => Ok(()),
            (Holder::Officer(grant), SignerRule::Officer(roles) | SignerRule::Either(roles))
                if speaks_for(&grant.org) && body.names_officer(Some(&grant.officer)) =>
            {
                check_grant(grant, roles, body.signed_at())
            }
            _ => Err(Refusal::new(Reason::SignerWrong).with("org", org).with("kind", signed.kind())),
        }
    }

    /// Takes a judged statement into the standing. `at` is its position.
    pub fn absorb(&mut self, verified: &Verified<Body>, at: u64) {
        if verified.body().is_trust() {
            self.apply(verified.body(), verified.id(), at);
        }
    }
}

fn check_grant(grant: &OfficerGrant, roles: &[OfficerRole], signed_at: Option<Timestamp>) -> Result<(), Refusal> {
    grant.check_roles(roles)?;
    signed_at.map_or(Ok(()), |time| grant.check_on(time.date()))
}

fn must_be_online(standing: &KeyStanding, org: &OrgId) -> Result<(), Refusal> {
    if standing.is_online(org, KeyRole::Statement) {
        return Ok(());
    }
    Err(Refusal::new(Reason::SignerWrong).with("org", org))
}
