//! What an auditor needs for one order: which statements, and the proof of where each stands.
use std::collections::{BTreeMap, BTreeSet};

use crate::domain::body::Body;
use crate::domain::id::{OrderId, OrgId, Origin, StatementId};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::Signed;
use crate::domain::trust::{Holder, LogTrust};
use crate::log::checkpoint::Checkpoint;
use crate::log::cosignature::Quorum;
use crate::log::proof::TlogProof;
use crate::protocol::Node;

/// A statement and, if its log has a checkpoint that covers it, the proof.
#[derive(Clone, Debug)]
pub struct Item {
    /// The statement.
    pub id: StatementId,
    /// The log it is proven in.
    pub origin: Origin,
    /// The proof; absent while no checkpoint covers it.
    pub proof: Option<TlogProof>,
}

/// Everything for one order.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// Root, admissions, key events, grants: what makes keys good.
    pub trust: Vec<Item>,
    /// Offering, rule pack, tariffs, need, facts: what the judgement rests on.
    pub facts: Vec<Item>,
    /// The messages of the order, in order.
    pub messages: Vec<(Signed, Item)>,
    /// Receipts; they stand in no log and are signed by their receivers.
    pub receipts: Vec<Signed>,
}

/// How far the evidence of an order is witnessed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EvidenceWitnessing {
    /// Statements that stand in logs.
    pub statements: usize,
    /// How many of them too few witnesses have cosigned.
    pub unwitnessed: usize,
    /// Witnesses that have cosigned the statement with the fewest.
    pub fewest: usize,
    /// How many the policy asks for.
    pub needed: usize,
}

impl Node {
    /// Gathers the evidence for an order's current attempt.
    pub fn evidence(&self, order: OrderId) -> Result<Evidence, Refusal> {
        let state = self.state();
        let unknown = || Refusal::new(Reason::OrderUnknown).with("order", order);
        let known = state.orders.get(&order).ok_or_else(unknown)?;
        let attempt = known.current().ok_or_else(unknown)?;
        let call_offs: Vec<_> =
            known.call_offs.values().filter(|part| part.body().attempt == attempt.request.body().attempt).collect();
        let request = attempt.request.body();
        let mut orgs: BTreeSet<OrgId> = attempt.route().parties().iter().cloned().collect();
        let offering = state.catalogue.version(&request.offering);
        orgs.extend(offering.map(|offering| offering.seller.clone()));
        let mut evidence = Evidence::default();
        let mut signers: BTreeSet<StatementId> = BTreeSet::new();
        orgs.extend(call_offs.iter().map(|part| part.body().to.clone()));
        let parts = call_offs.iter().map(|part| part.signed());
        for signed in attempt.messages().into_iter().chain(parts) {
            evidence.messages.push((signed.clone(), self.item(signed.id(), self.home_of(signed)?)));
            signers.extend(self.grants_behind(signed)?);
            evidence.receipts.extend(state.receipts_for(signed.id()).cloned());
        }
        let mut facts: BTreeSet<StatementId> = [request.offering, request.rule_pack].into();
        for leg in attempt.leg_findings().into_iter().chain(call_offs.iter().map(|part| &part.body().leg)) {
            facts.extend(leg.evidence.iter().copied());
        }
        facts.extend(attempt.counters.values().filter_map(|counter| counter.body().tariff));
        // A need that was cut off since is not worth an order without evidence.
        let own = request.grounds.need.map(|need| (&request.buyer, need));
        let members = call_offs.iter().map(|part| (&part.body().to, part.body().need));
        let needs = own.into_iter().chain(members);
        facts.extend(needs.filter(|(of, need)| state.catalogue.needs.of(of, need).is_some()).map(|(_, need)| need));
        for fact in facts {
            let signed_in = self.public_place(&fact)?;
            let behind = state.registry.log(&signed_in).zip(state.places.signer(&fact));
            if let Some(standing) = behind.and_then(|(log, key)| log.keys().get(key)) {
                // Whoever signed a fact need not be a party; its admission and keys come along.
                orgs.insert(standing.holder.org().clone());
                signers.insert(standing.registered_by);
            }
            evidence.facts.push(self.item(fact, signed_in));
        }
        evidence.trust = self.trust_items(&orgs, &evidence.facts, &signers)?;
        Ok(evidence)
    }

    /// Trust statements of every log involved: those of the parties' homes, of the facts' logs and of the witnesses.
    fn trust_items(
        &self,
        orgs: &BTreeSet<OrgId>,
        facts: &[Item],
        grants: &BTreeSet<StatementId>,
    ) -> Result<Vec<Item>, Refusal> {
        let registry = &self.state().registry;
        let mut wanted: BTreeMap<Origin, BTreeSet<StatementId>> = BTreeMap::new();
        let mut logs: BTreeSet<Origin> = facts.iter().map(|item| item.origin.clone()).collect();
        for org in orgs {
            logs.insert(registry.home(org)?.origin().clone());
        }
        let (witnesses, _) = self.witnesses();
        logs.extend(
            registry
                .logs()
                .filter(|log| witnesses.contains_key(log.origin().node.as_str()))
                .map(|log| log.origin().clone()),
        );
        for origin in logs {
            let Some(log) = registry.log(&origin) else { continue };
            wanted.insert(origin, self.trust_of_log(log, orgs, grants));
        }
        Ok(wanted
            .into_iter()
            .flat_map(|(origin, ids)| ids.into_iter().map(move |id| (id, origin.clone())).collect::<Vec<_>>())
            .map(|(id, origin)| self.item(id, origin))
            .collect())
    }

    fn trust_of_log(
        &self,
        log: &LogTrust,
        orgs: &BTreeSet<OrgId>,
        grants: &BTreeSet<StatementId>,
    ) -> BTreeSet<StatementId> {
        let mut ids: BTreeSet<StatementId> = log.root_versions().iter().copied().collect();
        let operator = log.node_record().map(|(_, record)| record.operator.clone());
        for (org, standing) in log.orgs() {
            if orgs.contains(org) || Some(org) == operator.as_ref() {
                ids.insert(standing.admitted_by);
                ids.extend(&standing.events);
            }
        }
        let held = log.keys().values().map(|key| key.registered_by);
        ids.extend(held.filter(|id| grants.contains(id)));
        ids
    }

    /// The grants of the officers who signed.
    fn grants_behind(&self, signed: &Signed) -> Result<BTreeSet<StatementId>, Refusal> {
        let home = self.home_of(signed)?;
        let Some(log) = self.state().registry.log(&home) else { return Ok(BTreeSet::new()) };
        let standing = signed.signatures().iter().filter_map(|by| log.keys().get(&by.key));
        Ok(standing.filter(|key| matches!(key.holder, Holder::Officer(_))).map(|key| key.registered_by).collect())
    }

    fn home_of(&self, signed: &Signed) -> Result<Origin, Refusal> {
        // It was verified when it came in; its key may have been rotated since, which takes nothing from it.
        let body = Body::read(signed)?;
        let (org, _) = body.signer_rule().ok_or_else(|| Refusal::new(Reason::SignerWrong))?;
        Ok(self.state().registry.home(org)?.origin().clone())
    }

    fn public_place(&self, id: &StatementId) -> Result<Origin, Refusal> {
        let places = || self.state().places.of(id).map(|(origin, _)| origin);
        // A rule pack may stand in several logs; the own one is preferred, it needs no replica. Of the others the
        // first by name, so that all nodes choose alike.
        let own = places().find(|origin| **origin == self.settings().origin);
        own.or_else(|| places().min()).cloned().ok_or_else(|| Refusal::new(Reason::OfferingUnknown).with("id", id))
    }

    fn item(&self, id: StatementId, origin: Origin) -> Item {
        let index = self.state().place_of(&id, &origin);
        let proof = index.and_then(|index| self.proof(&origin, index));
        Item { id, origin, proof }
    }

    /// The inclusion proof of one entry under the newest witnessed checkpoint that covers it, else under the newest.
    pub fn proof(&self, origin: &Origin, index: u64) -> Option<TlogProof> {
        let log = self.state().logs.get(origin)?;
        let witnessed = log.witnessed.as_ref().filter(|(size, _)| *size > index).map(|(_, note)| note.clone());
        let note = match witnessed {
            Some(note) => note,
            None if *origin == self.settings().origin => self.signed_checkpoint(),
            None => log.note.clone()?,
        };
        let size = Checkpoint::parse(note.text()).ok()?.size;
        let hashes = log.tree.inclusion_proof(index, size).ok()?;
        Some(TlogProof::new(index, hashes, note))
    }

    /// How many statements of an order's evidence are not yet witnessed; zero when the evidence is complete.
    pub fn unwitnessed(&self, order: OrderId) -> Result<usize, Refusal> {
        self.evidence_witnessing(order).map(|seen| seen.unwitnessed)
    }

    /// How far the evidence of an order is witnessed.
    pub fn evidence_witnessing(&self, order: OrderId) -> Result<EvidenceWitnessing, Refusal> {
        let evidence = self.evidence(order)?;
        let (witnesses, needed) = self.witnesses();
        let messages = evidence.messages.iter().map(|(_, item)| item);
        let all: Vec<&Item> = evidence.trust.iter().chain(&evidence.facts).chain(messages).collect();
        // Many statements stand under few checkpoints.
        let mut judged: BTreeMap<String, Quorum> = BTreeMap::new();
        let mut seen = EvidenceWitnessing { statements: all.len(), unwitnessed: 0, fewest: witnesses.len(), needed };
        for item in all {
            let note = item.proof.as_ref().map(|proof| &proof.checkpoint);
            let quorum = note.map(|note| {
                let count = || Quorum::count(note, &witnesses, needed);
                &*judged.entry(note.to_string()).or_insert_with(count)
            });
            seen.unwitnessed += usize::from(!quorum.is_some_and(Quorum::is_reached));
            seen.fewest = seen.fewest.min(quorum.map_or(0, |quorum| quorum.keys));
        }
        Ok(seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::law::tests::{day, org};
    use crate::domain::offering::Need;
    use crate::domain::statement::Kind;
    use crate::protocol::explain::fixture::{Town, by_rule};

    /// A need of an organisation, published.
    fn need(town: &mut Town, of: &str) -> StatementId {
        let note = "Wohngeld soll online beantragt werden können.".to_owned();
        let need = Need { municipality: org(of), leika: Vec::new(), note, until: day("2027-06-30"), through: None };
        let signed = Signed::sign(&Kind::Need, &need, &[&Town::statement_key(of)]);
        town.publish(&signed).expect("a good need");
        signed.id()
    }

    #[test]
    fn a_need_must_be_known_and_the_buyers_own_and_comes_with_the_evidence() {
        let mut town = Town::new(by_rule());
        let (own, foreign) = (need(&mut town, "town"), need(&mut town, "kitu"));
        for (named, refused) in [(StatementId([9; 32]), Reason::StatementUnknown), (foreign, Reason::FieldInvalid)] {
            let signed = town.request("vorgang-1", |request| request.grounds.need = Some(named));
            let found = town.hand_in(&signed).expect_err("no such need of the buyer");
            assert_eq!((found.reason, town.node.state().orders.len()), (refused, 0));
        }
        let order = town.order("vorgang-1", |request| request.grounds.need = Some(own));
        let evidence = town.node.evidence(order).expect("evidence");
        assert!(evidence.facts.iter().any(|item| item.id == own));
        assert!(evidence.facts.iter().all(|item| item.id != foreign));
    }
}
