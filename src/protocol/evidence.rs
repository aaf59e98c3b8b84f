//! What an auditor needs for one order: which statements, and the proof of where each stands.
use std::collections::{BTreeMap, BTreeSet};

use crate::domain::body::Body;
use crate::domain::id::{Hash, KeyHash, OrderId, OrgId, Origin, StatementId};
use crate::domain::order::Attempt;
use crate::domain::order::call_off::CallOff;
use crate::domain::order::mandate::Mandate;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::{Kind, Signed, Verified};
use crate::domain::trust::subject::Subject;
use crate::domain::trust::{Holder, LogTrust};
use crate::log::checkpoint::Checkpoint;
use crate::log::cosignature::Quorum;
use crate::log::note::SignedNote;
use crate::log::proof::TlogProof;
use crate::log::subjects::SubjectPath;
use crate::protocol::Node;
use crate::protocol::state::Order;

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

/// Where a log ends: the place of its newest witnessed entry, and the paths from subjects to the trust digest there.
#[derive(Clone, Debug)]
pub struct LogEnd {
    /// The log.
    pub origin: Origin,
    /// The place.
    pub proof: TlogProof,
    /// The trust digest in its leaf.
    pub digest: Hash,
    /// Path by subject.
    pub paths: BTreeMap<String, SubjectPath>,
}

/// Everything for one order.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// Root, admissions, key events, grants, expulsions, rule packs: what makes keys good, and what could end that.
    pub trust: Vec<Item>,
    /// Where each of the logs ends, and the paths that show that nothing about trust was left out.
    pub ends: Vec<LogEnd>,
    /// Offering, rule pack, tariffs, need, facts: what the judgement rests on.
    pub facts: Vec<Item>,
    /// The messages of the order, in order.
    pub messages: Vec<(Signed, Item)>,
    /// Places whose time matters: the first checkpoint that covers each comes along.
    pub timed: BTreeSet<(Origin, u64)>,
    /// Receipts; they stand in no log and are signed by their receivers.
    pub receipts: Vec<Signed>,
}

/// An earlier checkpoint of a log.
#[derive(Clone, Debug)]
pub struct Earlier {
    /// Its size.
    pub size: u64,
    /// The checkpoint.
    pub note: SignedNote,
    /// Why the newest one continues it.
    pub consistency: Vec<Hash>,
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
    /// Gathers what an organisation may show about an order: a party all of it, a member its own part.
    pub fn evidence_for(&self, order: OrderId, org: &OrgId) -> Result<Evidence, Refusal> {
        let known = self.state().orders.get(&order);
        let is_party = |attempt: &Attempt| attempt.position(org).is_ok();
        if known.and_then(Order::current).is_some_and(is_party) {
            return self.evidence(order);
        }
        let part = known.and_then(|known| self.part_of(known, org));
        self.part_evidence(part.ok_or_else(|| Refusal::new(Reason::OrderUnknown).with("order", order))?)
    }

    /// A member's own part: what it let be ordered, what it got, and why that was lawful; nothing about other members.
    fn part_evidence(&self, part: &Verified<CallOff>) -> Result<Evidence, Refusal> {
        let body = part.body();
        let mut orgs: BTreeSet<OrgId> = [&body.to, &body.from, &body.provider].map(OrgId::clone).into();
        orgs.extend(self.state().catalogue.version(&body.offering).map(|offering| offering.seller.clone()));
        let mut evidence = Evidence::default();
        let messages = self.mandates_behind(body).into_iter().chain([part.signed()]);
        let mut signers = self.add_messages(messages, &mut evidence)?;
        let mut facts: BTreeSet<StatementId> = body.leg.evidence.iter().copied().collect();
        let need = Some(body.need).filter(|need| self.state().catalogue.needs.of(&body.to, need).is_some());
        facts.extend([Some(body.offering), need].into_iter().flatten());
        let sold = self.add_facts(facts, &mut orgs, &mut signers, &mut evidence)?;
        self.add_trust(&orgs, &signers, &sold, &mut evidence)?;
        evidence.timed = timed(&evidence, &BTreeSet::new());
        Ok(evidence)
    }

    /// Gathers the evidence for an order's current attempt.
    pub fn evidence(&self, order: OrderId) -> Result<Evidence, Refusal> {
        let state = self.state();
        let unknown = || self.order_unknown(order);
        let known = state.orders.get(&order).ok_or_else(unknown)?;
        let attempt = known.current().ok_or_else(unknown)?;
        let call_offs: Vec<_> =
            known.call_offs.values().filter(|part| part.body().attempt == attempt.request.body().attempt).collect();
        let request = attempt.request.body();
        let mut orgs: BTreeSet<OrgId> = attempt.route().parties().iter().cloned().collect();
        let offering = state.catalogue.version(&request.offering);
        orgs.extend(offering.map(|offering| offering.seller.clone()));
        let mut evidence = Evidence::default();
        orgs.extend(call_offs.iter().map(|part| part.body().to.clone()));
        let mandates = call_offs.iter().flat_map(|part| self.mandates_behind(part.body()));
        let parts = mandates.chain(call_offs.iter().map(|part| part.signed()));
        let mut signers = self.add_messages(attempt.messages().into_iter().chain(parts), &mut evidence)?;
        // The rule pack concerns everyone and comes along with trust.
        let mut facts: BTreeSet<StatementId> = [request.offering].into();
        for leg in attempt.leg_findings().into_iter().chain(call_offs.iter().map(|part| &part.body().leg)) {
            facts.extend(leg.evidence.iter().copied());
        }
        facts.extend(attempt.counters.values().filter_map(|counter| counter.body().tariff));
        // A need that was cut off since is not worth an order without evidence.
        let own = request.grounds.need.map(|need| (&request.buyer, need));
        let members = call_offs.iter().map(|part| (&part.body().to, part.body().need));
        let needs = own.into_iter().chain(members);
        facts.extend(needs.filter(|(of, need)| state.catalogue.needs.of(of, need).is_some()).map(|(_, need)| need));
        let sold = self.add_facts(facts, &mut orgs, &mut signers, &mut evidence)?;
        self.add_trust(&orgs, &signers, &sold, &mut evidence)?;
        let of_chain: BTreeSet<StatementId> =
            attempt.leg_findings().iter().flat_map(|leg| leg.evidence.iter().copied()).collect();
        evidence.timed = timed(&evidence, &of_chain);
        Ok(evidence)
    }

    /// Messages with their places and receipts; gives the keys that signed them.
    fn add_messages<'a>(
        &self,
        messages: impl Iterator<Item = &'a Signed>,
        evidence: &mut Evidence,
    ) -> Result<BTreeSet<KeyHash>, Refusal> {
        let mut signers: BTreeSet<KeyHash> = BTreeSet::new();
        for signed in messages {
            evidence.messages.push((signed.clone(), self.item(signed.id(), self.home_of(signed)?)));
            signers.extend(signed.signatures().iter().map(|by| by.key));
            evidence.receipts.extend(self.state().receipts_for(signed).cloned());
        }
        Ok(signers)
    }

    /// Facts with whoever signed them. Of an offering and a tariff everything comes along that its log has said about it: no
    /// withdrawal is left out; gives these.
    fn add_facts(
        &self,
        facts: BTreeSet<StatementId>,
        orgs: &mut BTreeSet<OrgId>,
        signers: &mut BTreeSet<KeyHash>,
        evidence: &mut Evidence,
    ) -> Result<BTreeSet<(Origin, String)>, Refusal> {
        let state = self.state();
        let mut sold: BTreeSet<(Origin, String)> = BTreeSet::new();
        for fact in facts {
            let signed_in = self.public_place(&fact)?;
            let Some(subject) = state.catalogue.subject(&fact).map(|subject| subject.to_string()) else {
                self.add_signer(&fact, &signed_in, orgs, signers);
                evidence.facts.push(self.item(fact, signed_in));
                continue;
            };
            for (_, version) in state.logs.get(&signed_in).iter().flat_map(|log| log.subjects.about(&subject)) {
                self.add_signer(&version, &signed_in, orgs, signers);
            }
            sold.insert((signed_in, subject));
        }
        Ok(sold)
    }

    /// The mandate that a part names, and what approves it.
    fn mandates_behind(&self, part: &CallOff) -> Vec<&Signed> {
        let of_part = |mandate: &&Verified<Mandate>| {
            mandate.id() == part.mandate || mandate.body().approves == Some(part.mandate)
        };
        let mandates = self.mandates(&part.to, &part.need).filter(of_part);
        let mut found: Vec<&Verified<Mandate>> = mandates.collect();
        found.sort_by_key(|mandate| mandate.body().approves.is_some());
        found.into_iter().map(Verified::signed).collect()
    }

    /// Whoever signed a fact need not be a party; its admission and keys come along.
    fn add_signer(
        &self,
        fact: &StatementId,
        signed_in: &Origin,
        orgs: &mut BTreeSet<OrgId>,
        signers: &mut BTreeSet<KeyHash>,
    ) {
        let state = self.state();
        let behind = state.registry.log(signed_in).zip(state.places.signer(fact));
        if let Some(standing) = behind.and_then(|(log, key)| log.keys().get(key)) {
            orgs.insert(standing.holder.org().clone());
            signers.insert(standing.key.hash());
        }
    }

    /// Trust statements of every log involved: those of the parties' homes, of the facts' logs and of the witnesses. For
    /// each subject everything the log has said comes along, and the log's newest leaf with the path to it.
    fn add_trust(
        &self,
        orgs: &BTreeSet<OrgId>,
        signers: &BTreeSet<KeyHash>,
        sold: &BTreeSet<(Origin, String)>,
        evidence: &mut Evidence,
    ) -> Result<(), Refusal> {
        let registry = &self.state().registry;
        let mut logs: BTreeSet<Origin> = evidence.facts.iter().map(|item| item.origin.clone()).collect();
        logs.extend(sold.iter().map(|(origin, _)| origin.clone()));
        for org in orgs {
            logs.insert(registry.home(org)?.origin().clone());
        }
        logs.extend(evidence.messages.iter().map(|(_, item)| item.origin.clone()));
        let witnesses = self.witnesses().keys;
        let of_witness = |log: &&LogTrust| witnesses.contains_key(log.origin().node.as_str());
        logs.extend(registry.logs().filter(of_witness).map(|log| log.origin().clone()));
        for origin in logs {
            let Some((log, held)) = registry.log(&origin).zip(self.state().logs.get(&origin)) else { continue };
            let mut subjects = relevant_subjects(log, orgs, signers);
            subjects.extend(
                sold.range((origin.clone(), String::new())..)
                    .map_while(|(of, subject)| (*of == origin).then(|| subject.clone())),
            );
            let newest = held.size().checked_sub(1).and_then(|index| self.proof(&origin, index));
            // Where the end is not witnessed yet, the newest witnessed checkpoint has the last word.
            let newest = newest.filter(|_| held.witnessed_size() == 0 || held.witnessed_size() == held.size());
            let newest = newest.or_else(|| self.proof(&origin, held.witnessed_size().checked_sub(1)?));
            let until = newest.as_ref().map_or(held.size(), |proof| proof.index + 1);
            let subjects_then = held.subjects.before(until);
            for subject in &subjects {
                let items = subjects_then.about(subject).map(|(_, id)| self.item(id, origin.clone()));
                let is_sold = sold.contains(&(origin.clone(), subject.clone()));
                if is_sold { evidence.facts.extend(items) } else { evidence.trust.extend(items) }
            }
            if let Some(proof) = newest {
                let before = held.subjects.before(proof.index);
                let path = |subject: &String| Some((subject.clone(), before.path(subject)?));
                let paths = subjects.iter().filter_map(path).collect();
                evidence.ends.push(LogEnd { origin, digest: before.digest(), proof, paths });
            }
        }
        Ok(())
    }

    /// A stored checkpoint of a log, and why that of size `newest` continues it; none where it is no earlier one.
    pub fn earlier(&self, origin: &Origin, newest: u64, note: &str) -> Result<Option<Earlier>, Refusal> {
        let note = SignedNote::parse(note)?;
        let size = Checkpoint::parse(note.text())?.size;
        if size >= newest {
            return Ok(None);
        }
        let consistency = self.consistency(origin, size, newest)?;
        Ok(Some(Earlier { size, note, consistency }))
    }

    /// The proof that a log's tree of size `new` continues that of size `old`.
    fn consistency(&self, origin: &Origin, old: u64, new: u64) -> Result<Vec<Hash>, Refusal> {
        let unknown = || Refusal::new(Reason::EvidenceMissing).with("log", origin);
        self.state().logs.get(origin).ok_or_else(unknown)?.tree.consistency_proof(old, new)
    }

    pub(super) fn home_of(&self, signed: &Signed) -> Result<Origin, Refusal> {
        // It was verified when it came in; its key may have been rotated since, which takes nothing from it.
        let body = Body::read(signed)?;
        let (org, _) = body.signer_rule().ok_or_else(|| Refusal::new(Reason::SignerWrong))?;
        Ok(self.state().registry.home(org)?.origin().clone())
    }

    pub(super) fn public_place(&self, id: &StatementId) -> Result<Origin, Refusal> {
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
            None if *origin == self.settings().origin => self.signed_checkpoint()?,
            None => log.note.clone()?,
        };
        let size = Checkpoint::parse(note.text()).ok()?.size;
        let hashes = log.tree.inclusion_proof(index, size).ok()?;
        // The leaf ends with it, and whoever has the statement alone cannot compute it.
        let extra = log.subjects.digest_at(index).0.to_vec();
        Some(TlogProof { extra, ..TlogProof::new(index, hashes, note) })
    }

    /// How many statements of an order's evidence are not yet witnessed; zero when the evidence is complete.
    pub fn unwitnessed(&self, order: OrderId) -> Result<usize, Refusal> {
        Ok(self.witnessing_of(&self.evidence(order)?).unwitnessed)
    }

    /// How far evidence is witnessed.
    pub fn witnessing_of(&self, evidence: &Evidence) -> EvidenceWitnessing {
        let witnesses = self.witnesses();
        let messages = evidence.messages.iter().map(|(_, item)| item);
        let all: Vec<&Item> = evidence.trust.iter().chain(&evidence.facts).chain(messages).collect();
        // Many statements stand under few checkpoints.
        let mut judged: BTreeMap<String, Quorum> = BTreeMap::new();
        let mut seen = EvidenceWitnessing {
            statements: all.len(),
            unwitnessed: 0,
            fewest: witnesses.keys.len(),
            needed: witnesses.needed,
        };
        for item in all {
            let note = item.proof.as_ref().map(|proof| &proof.checkpoint);
            let quorum = note.map(|note| &*judged.entry(note.to_string()).or_insert_with(|| witnesses.count(note)));
            seen.unwitnessed += usize::from(!quorum.is_some_and(Quorum::is_reached));
            seen.fewest = seen.fewest.min(quorum.map_or(0, |quorum| quorum.keys));
        }
        seen
    }
}

/// Whether a rule asks when witnesses saw a message of this kind.
pub(super) fn is_timed(kind: &Kind) -> bool {
    matches!(
        kind,
        Kind::Request
            | Kind::Decision
            | Kind::Seal
            | Kind::Void
            | Kind::Confirm
            | Kind::CallOff
            | Kind::Milestone
            | Kind::Settlement
    )
}

/// Messages with legal time have one of their own; of the facts in one log it is enough to know when the last was seen.
/// What the chain's findings rest on must have been seen before the seal, what call-offs rest on before these. What stands
/// before the request in its log was seen with it.
fn timed(evidence: &Evidence, of_chain: &BTreeSet<StatementId>) -> BTreeSet<(Origin, u64)> {
    let place = |item: &Item| Some((item.origin.clone(), item.proof.as_ref()?.index));
    let mut facts: BTreeMap<(Origin, bool), u64> = BTreeMap::new();
    for item in &evidence.facts {
        let Some((origin, index)) = place(item) else { continue };
        let last = facts.entry((origin, of_chain.contains(&item.id))).or_default();
        *last = index.max(*last);
    }
    let request = evidence.messages.iter().find(|(signed, _)| *signed.kind() == Kind::Request);
    let request = request.and_then(|(_, item)| place(item));
    let comes_first =
        |origin: &Origin, index: u64| request.as_ref().is_some_and(|(of, at)| of == origin && index < *at);
    let facts = facts.into_iter().map(|((origin, _), index)| (origin, index));
    let facts = facts.filter(|(origin, index)| !comes_first(origin, *index));
    let messages = evidence.messages.iter().filter(|(signed, _)| is_timed(signed.kind()));
    messages.filter_map(|(_, item)| place(item)).chain(facts).collect()
}

/// Everyone, the organisations concerned, the log's operator, and the officers who signed: as far as the log knows them.
fn relevant_subjects(log: &LogTrust, orgs: &BTreeSet<OrgId>, signers: &BTreeSet<KeyHash>) -> BTreeSet<String> {
    let mut subjects = vec![Subject::Federation];
    let known = orgs.iter().chain(log.operator()).filter(|org| log.orgs().contains_key(*org));
    subjects.extend(known.cloned().map(Subject::Organisation));
    for standing in signers.iter().filter_map(|key| log.keys().get(key)) {
        if let Holder::Officer(grant) = &standing.holder {
            subjects.push(Subject::Officer(grant.org.clone(), grant.officer.clone()));
        }
    }
    subjects.iter().map(ToString::to_string).collect()
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
