//! What a node knows: a pure fold over its records. Nothing here decides, sends or looks at a clock.
mod reading_back;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::domain::body::{Body, SignerRule};
use crate::domain::fact_base::FactBase;
use crate::domain::id::{Hash, KeyHash, NodeId, OfficerName, OrderId, OrgId, Origin, StatementId};
use crate::domain::money::Cents;
use crate::domain::order::aftercare::settlements;
use crate::domain::order::call_off::CallOff;
use crate::domain::order::mandate::Mandate;
use crate::domain::order::{Attempt, Mode, Placed, Request};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::rule_pack::RulePack;
use crate::domain::statement::{Kind, Signed, Verified};
use crate::domain::time::Timestamp;
use crate::domain::trust::subject::is_for_everyone;
use crate::domain::trust::{LogTrust, Registry};
use crate::log::checkpoint::Checkpoint;
use crate::log::digest::{Head, HeadDigest, bucket_of};
use crate::log::fork::ForkProof;
use crate::log::leaf::{Audience, Leaf, NO_OUTCOME, OutcomeTag};
use crate::log::merkle::Tree;
use crate::log::note::SignedNote;
use crate::log::subjects::Subjects;
use crate::protocol::beyond::Beyond;
use crate::protocol::catalogue::Catalogue;
use crate::protocol::commitments::Commitments;
use crate::protocol::frame::DeliveryKey;
use crate::protocol::journal::Journal;
use crate::protocol::lone::{Held, Lone};
use crate::protocol::mechanism::Mechanism;
use crate::protocol::places::Places;
use crate::protocol::public::Public;
use crate::protocol::record::{LogEntry, order_of};
use crate::protocol::settings::Instance;
use crate::protocol::sightings::Sightings;

mod dated;

/// One log as this node holds it.
#[derive(Clone, Debug, Default)]
pub struct LogState {
    /// The tree over its leaves.
    pub tree: Tree,
    /// What it has said about trust, by subject.
    pub subjects: Subjects,
    /// The signed checkpoint that covers it; absent for the own log, which signs its own.
    pub note: Option<SignedNote>,
    /// The last checkpoint known under each former log key, by size: with it a replica that is behind passes the entry
    /// that names the next key.
    bridges: BTreeMap<u64, SignedNote>,
    /// The newest checkpoint that enough witnesses have cosigned, and its size.
    pub witnessed: Option<(u64, SignedNote)>,
    /// When witnesses had seen it, and that far.
    seen: Sightings,
    /// What the catalogue rests on, by its place.
    dated: BTreeMap<u64, StatementId>,
    /// Public entries whose content was refused, each with its reason: their leaves stay, their content is not used.
    pub refused: BTreeMap<u64, Refusal>,
    /// Two checkpoints of this log cannot both be true; it is not followed any further.
    pub fork: Option<Fork>,
    /// Of the own log: from where on nobody else sees it yet, because others do not keep what only this node holds.
    pub(super) withheld: Option<u64>,
    /// Consistency proof from the entries held to the checkpoint in `note`, while a catch-up is under way. Not stored:
    /// the next run of entries brings another.
    pub tail: Vec<Hash>,
    /// Where outcomes of orders stand, by the beginning of their tags: enough to find one, and no more to keep of every
    /// order of the country than a dozen bytes.
    outcomes: BTreeMap<OutcomePrefix, u64>,
}

/// How the outcomes of an attempt are told in a log.
fn outcome_tags(request: &Request) -> [OutcomeTag; 2] {
    [Kind::Seal, Kind::Void].map(|kind| OutcomeTag::derive(&kind, request.order, request.attempt, &request.salt))
}

/// The first eight bytes of an outcome tag.
type OutcomePrefix = [u8; 8];

fn outcome_prefix(tag: &OutcomeTag) -> OutcomePrefix {
    let mut prefix = [0; 8];
    prefix.copy_from_slice(&tag.0[..8]);
    prefix
}

/// A log that contradicts itself.
#[derive(Clone, Debug)]
pub struct Fork {
    /// The evidence.
    pub proof: ForkProof,
    /// How many entries are not in doubt.
    pub cut: u64,
}

impl LogState {
    /// How many entries count for others: those held, but none after a cut, and none that is withheld yet.
    pub fn size(&self) -> u64 {
        let held = self.withheld.map_or(self.tree.size(), |withheld| withheld.min(self.tree.size()));
        self.cut().map_or(held, |cut| held.min(cut))
    }

    /// Where the log is cut.
    pub fn cut(&self) -> Option<u64> {
        self.fork.as_ref().map(|fork| fork.cut)
    }

    /// Size of the newest witnessed checkpoint; 0 if there is none. Witnesses of a cut log were deceived.
    pub fn witnessed_size(&self) -> u64 {
        if self.fork.is_some() { 0 } else { self.witnessed.as_ref().map_or(0, |(size, _)| *size) }
    }

    /// When witnesses had seen the entry at `index`, by the first checkpoint known that covers it: of every outcome, of what
    /// the catalogue rests on, and of what is new.
    pub fn seen_at(&self, index: u64) -> Option<Timestamp> {
        self.first_cover(index).map(|(_, seen_at)| seen_at)
    }

    /// Size of the first checkpoint known that covers the entry at `index`, and when witnesses had seen it.
    pub fn first_cover(&self, index: u64) -> Option<(u64, Timestamp)> {
        let (size, seconds) = self.seen.first(index)?;
        self.cut().is_none_or(|cut| size <= cut).then(|| (size, Timestamp::from_unix_seconds(seconds)))
    }

    /// Whether a witnessed checkpoint of this size would be news: the newest, or the first that covers some entry.
    pub fn would_tell_more(&self, size: u64) -> bool {
        size > self.witnessed_size() || self.seen.would_tell_more(size)
    }

    /// Whether it holds this outcome, before its cut.
    pub fn has_outcome(&self, tag: &OutcomeTag) -> bool {
        self.outcomes.get(&outcome_prefix(tag)).is_some_and(|index| *index < self.size())
    }

    /// The last checkpoint under the log key that the entry at `at` replaced.
    pub fn bridge_to(&self, at: u64) -> Option<(u64, &SignedNote)> {
        self.bridges.range(..=at).next_back().map(|(size, note)| (*size, note))
    }

    /// The first checkpoint of that size or more under a log key that was replaced since.
    pub fn bridge_from(&self, size: u64) -> Option<&SignedNote> {
        self.bridges.range(size..).next().map(|(_, note)| note)
    }

    /// Keeps a checkpoint under a log key that has been replaced.
    pub fn keep_bridge(&mut self, size: u64, note: SignedNote) {
        self.bridges.insert(size, note);
    }

    /// Appends a leaf and what its statement says about trust.
    pub fn push(&mut self, entry: &LogEntry) {
        let hash = self.subjects.push(self.tree.size(), &entry.leaf, entry.statement.as_ref());
        self.tree.push(hash);
    }

    /// Its head.
    pub fn head(&self, origin: &Origin) -> Head {
        let size = self.size();
        let root = self.tree.root_at(size).unwrap_or_else(|_| self.tree.root());
        Head { origin: origin.clone(), size, root, witnessed: self.witnessed_size(), cut: self.cut() }
    }
}

/// One order as this node knows it.
#[derive(Clone, Debug, Default)]
pub struct Order {
    /// Attempts by number.
    pub attempts: BTreeMap<u32, Attempt>,
    /// Messages that contradict one already held. An order with any is frozen.
    pub contradictions: Vec<Signed>,
    /// Deliveries that have been receipted.
    pub delivered: BTreeSet<DeliveryKey>,
    /// The parts of members for whom it was ordered, by member and by who says so: a stranger's paper keeps nobody from
    /// the true one. A member's own node holds its part and nothing else.
    pub call_offs: BTreeMap<(OrgId, OrgId), Verified<CallOff>>,
    /// A member's mandates for one need, which is a matter of its own.
    pub mandates: BTreeMap<StatementId, Verified<Mandate>>,
    /// Receipts by message and receiver.
    pub receipts: BTreeMap<(StatementId, OrgId), Signed>,
}

impl Order {
    /// The newest attempt.
    pub fn current(&self) -> Option<&Attempt> {
        self.attempts.last_key_value().map(|(_, attempt)| attempt)
    }

    /// Whether a contradiction keeps the order from going on: every one before there is a seal. Afterwards the contract
    /// stands, whatever anyone says; the contradiction is kept and shown.
    pub fn is_disputed(&self) -> bool {
        !self.contradictions.is_empty() && self.sealed().is_none()
    }

    /// Whether its outcome itself is contradicted: two of them, or one of each kind.
    pub fn has_two_outcomes(&self) -> bool {
        self.contradictions.iter().any(|signed| is_outcome(signed.kind()))
    }

    /// What contradicts the seal and is not settled by two parties yet. It holds nothing up.
    pub fn unsettled(&self) -> Vec<StatementId> {
        let Some(attempt) = self.sealed() else { return Vec::new() };
        let agreed = settlements(attempt).filter(|(_, agreement)| agreement.is_some());
        let settled: Vec<StatementId> = agreed.flat_map(|(proposal, _)| proposal.body().about.clone()).collect();
        self.contradictions.iter().map(Signed::id).filter(|id| !settled.contains(id)).collect()
    }

    /// All receipts for a message.
    pub fn receipts_for(&self, message: StatementId) -> impl Iterator<Item = &Signed> {
        let first = (message, OrgId::lowest());
        self.receipts.range(first..).take_while(move |((of, _), _)| *of == message).map(|(_, receipt)| receipt)
    }

    /// The attempt that was sealed.
    pub fn sealed(&self) -> Option<&Attempt> {
        self.attempts.values().find(|attempt| attempt.seal.is_some())
    }
}

/// Everything a node knows.
#[derive(Clone)]
pub struct State {
    /// The federation's root hash.
    pub anchor: StatementId,
    /// The log this node writes.
    pub own: Origin,
    /// Who may sign what.
    pub registry: Registry,
    /// All logs.
    pub logs: BTreeMap<Origin, LogState>,
    /// What is on offer.
    pub catalogue: Catalogue,
    /// Facts for judging legs. Readers may share them; they are copied when new ones come meanwhile.
    pub facts: Arc<FactBase>,
    /// Rule packs.
    pub packs: Arc<BTreeMap<StatementId, RulePack>>,
    /// Orders this node is a party to.
    pub orders: BTreeMap<OrderId, Order>,
    /// Orders with those that amend them.
    pub(super) amending: BTreeSet<(OrderId, OrderId)>,
    /// What only this node holds.
    pub lone: Lone,
    /// What other nodes have deposited here.
    pub deposits: BTreeMap<NodeId, Held>,
    /// What officers hosted here have committed their organisations to.
    pub(super) commitments: Commitments,
    /// What concerns everyone and stands in another log, but not yet in the own one.
    pub(super) for_everyone: BTreeMap<StatementId, Signed>,
    /// Entries of the own log for parties only whose content is not here, and where they stand.
    pub gaps: BTreeMap<StatementId, u64>,
    /// Content of such entries that came back and does not fit in yet.
    recovered: BTreeMap<u64, Verified<Body>>,
    /// What the store has beyond places that cannot be read any more.
    pub(super) beyond: Beyond,
    /// Outcomes that parties hosted here wait for, by the beginning of their tags.
    awaited: BTreeMap<OutcomePrefix, OrderId>,
    /// Orders of which an outcome has come into sight.
    pub(super) ended: BTreeSet<OrderId>,
    /// Where statements stand, and which key signed each offering, tariff, need and fact, so that evidence can bring
    /// along what makes that key good.
    pub places: Places,
    /// In which order heads have changed.
    pub journal: Journal,
    /// Up to where the journals of peers have been followed.
    pub cursors: BTreeMap<NodeId, (Instance, u64)>,
    /// Whether the store has places that cannot be read any more: what rests on them is passed over.
    pub passes_over: bool,
    heads: HeadSummary,
}

/// The digest over all heads, kept up to date bucket by bucket.
#[derive(Clone)]
struct HeadSummary {
    digest: HeadDigest,
    buckets: BTreeMap<u8, BTreeSet<Origin>>,
    /// Buckets with heads that have changed since.
    stale: BTreeSet<u8>,
}

impl State {
    /// Knows nothing but the root hash.
    pub fn new(anchor: StatementId, own: Origin) -> Self {
        let mut state = Self {
            anchor,
            own: own.clone(),
            registry: Registry::default(),
            logs: BTreeMap::new(),
            catalogue: Catalogue::default(),
            facts: Arc::default(),
            packs: Arc::default(),
            orders: BTreeMap::new(),
            amending: BTreeSet::new(),
            lone: Lone::default(),
            deposits: BTreeMap::new(),
            commitments: Commitments::default(),
            for_everyone: BTreeMap::new(),
            gaps: BTreeMap::new(),
            recovered: BTreeMap::new(),
            beyond: Beyond::default(),
            awaited: BTreeMap::new(),
            ended: BTreeSet::new(),
            places: Places::default(),
            journal: Journal::default(),
            cursors: BTreeMap::new(),
            passes_over: false,
            heads: HeadSummary { digest: HeadDigest::of([]), buckets: BTreeMap::new(), stale: BTreeSet::new() },
        };
        state.registry.put(LogTrust::new(own.clone(), anchor));
        state.logs.insert(own, LogState::default());
        state
    }

    /// What of it is no secret, lent.
    pub fn public(&self) -> Public<'_> {
        Public {
            own: &self.own,
            anchor: self.anchor,
            registry: &self.registry,
            catalogue: &self.catalogue,
            facts: &self.facts,
            packs: &self.packs,
        }
    }

    /// How many entries of a log count; 0 of one that is not here.
    pub fn size(&self, origin: &Origin) -> u64 {
        self.logs.get(origin).map_or(0, LogState::size)
    }

    /// Checks a fork proof and says where the log is cut. Each half stands under the log key in force at its own size;
    /// in a history that parts from the one held here, a key that was registered before they part.
    pub fn check_fork(&self, proof: &ForkProof) -> Result<u64, Refusal> {
        let unknown = || Refusal::new(Reason::KeyUnknown).with("log", &proof.origin);
        let trust = self.registry.log(&proof.origin).ok_or_else(unknown)?;
        let shared = proof.size.saturating_sub(1);
        let beside = |size: u64, shared: u64| trust.log_key_beside(size, shared).cloned();
        proof.check(&|size| [u64::MAX, shared].into_iter().filter_map(|shared| beside(size, shared)).collect())
    }

    /// A log's head has changed: so many entries more, or one thing else.
    pub(super) fn touched(&mut self, origin: &Origin, by: u64) {
        self.journal.moved(origin, by);
        let bucket = bucket_of(origin);
        self.heads.stale.insert(bucket);
        let origins = self.heads.buckets.entry(bucket).or_default();
        if !origins.contains(origin) {
            origins.insert(origin.clone());
        }
    }

    /// Keeps the newest checkpoint of a log, and gives the one before. If the log key has changed in between, the former
    /// stays as the bridge over the change.
    pub fn replace_note(&mut self, origin: &Origin, note: SignedNote) -> Option<SignedNote> {
        let trust = self.registry.log(origin).cloned();
        let size = |note: &SignedNote| Checkpoint::parse(note.text()).map_or(0, |checkpoint| checkpoint.size);
        let log = self.log_mut(origin);
        let former = log.note.replace(note);
        if let (Some(trust), Some(former), Some(note)) = (&trust, &former, &log.note) {
            let (before, after) = (size(former), size(note));
            if trust.log_key_of(before) != trust.log_key_of(after) {
                let former = former.without_cosignatures();
                log.keep_bridge(before, former);
            }
        }
        former
    }

    /// Puts the trust of one log in place. What an expulsion or a revocation takes back leaves every view, as if it had
    /// never been there.
    pub fn put_trust(&mut self, trust: LogTrust) {
        let reached = self.registry.put(trust);
        self.beyond.heard_of_keys();
        self.review(&reached);
    }

    /// Takes a statement of the own log into its trust.
    pub fn absorb_own(&mut self, verified: &Verified<Body>, index: u64) {
        let reached = self.registry.absorb(&self.own.clone(), self.anchor, verified, index);
        self.beyond.heard_of_keys();
        self.review(&reached);
    }

    /// Looks again at what these organisations have signed: some of it may count no more.
    fn review(&mut self, orgs: &BTreeSet<OrgId>) {
        if !Mechanism::TakeBack.is_on() {
            return;
        }
        for org in orgs {
            self.catalogue.expel(org, self.registry.expulsions(org));
        }
        let keys: BTreeSet<KeyHash> = orgs.iter().flat_map(|org| self.registry.keys_of(org)).collect();
        if keys.is_empty() {
            return;
        }
        let counts = |id: &StatementId, by: &KeyHash| {
            self.places.of(id).any(|(origin, at)| self.registry.check_at(by, origin, at).is_ok())
        };
        let signed = self.places.signed_with(&keys);
        let gone = signed.into_iter().filter(|(id, by)| !counts(id, by)).map(|(id, _)| id).collect();
        self.take_back(&gone);
    }

    fn take_back(&mut self, gone: &BTreeSet<StatementId>) {
        if gone.iter().any(|id| self.facts.holds(id)) {
            self.facts = Arc::new(self.facts.without(gone));
        }
        self.catalogue.take_back(gone);
        if gone.iter().any(|id| self.packs.contains_key(id)) {
            Arc::make_mut(&mut self.packs).retain(|id, _| !gone.contains(id));
        }
    }

    /// The trust of one log as it stands, or at its beginning.
    pub fn trust_of(&self, origin: &Origin) -> LogTrust {
        self.registry.log(origin).cloned().unwrap_or_else(|| LogTrust::new(origin.clone(), self.anchor))
    }

    /// One log, begun if need be.
    pub fn log_mut(&mut self, origin: &Origin) -> &mut LogState {
        self.logs.entry(origin.clone()).or_default()
    }

    /// Appends an entry and remembers where its statement stands.
    pub fn push_entry(&mut self, origin: &Origin, index: u64, entry: &LogEntry) {
        self.log_mut(origin).push(entry);
        self.note_leaf(origin, index, &entry.leaf);
    }

    /// Remembers an entry of the own log whose content no other node gets by the course of its order, or none at once.
    pub(super) fn note_if_lone(&mut self, verified: &Verified<Body>, index: u64) {
        // What was deposited before the store lost its entry is deposited still.
        let is_kept = self.passes_over && self.lone.is_kept(index);
        if self.lone.is_on() && !is_kept && self.is_lone(verified.body()) {
            self.lone.note(index, verified.id());
        }
    }

    /// What officers sign here and how attempts end; and what an organisation signs for others that are all at home here.
    pub(super) fn is_lone(&self, body: &Body) -> bool {
        let Some((author, rule)) = body.signer_rule().filter(|(author, _)| self.is_local(author)) else {
            return false;
        };
        let SignerRule::Organisation = rule else { return true };
        let attempt = body.order().and_then(|(order, number)| self.orders.get(&order)?.attempts.get(&number));
        let Some(attempt) = attempt else { return true };
        let parties = attempt.route().parties();
        let Ok(at) = attempt.position(author) else { return true };
        let to = match body {
            Body::Endorse(_) => parties.get(at + 1..at + 2),
            Body::Accept(_) | Body::Counter(_) => parties.get(at.saturating_sub(1)..at),
            Body::Decline(_) | Body::Reject(_) => parties.get(..at),
            _ => None,
        };
        to.is_none_or(|to| to.iter().all(|party| self.is_local(party)))
    }

    /// Remembers where the statement of a leaf stands that is in the tree already.
    pub(super) fn note_leaf(&mut self, origin: &Origin, index: u64, leaf: &Leaf) {
        self.places.put(leaf.statement_id(), origin, index);
        if leaf.outcome() != NO_OUTCOME {
            let prefix = outcome_prefix(&leaf.outcome());
            let log = self.log_mut(origin);
            log.outcomes.entry(prefix).or_insert(index);
            log.seen.lasting(index);
            self.ended.extend(self.awaited.get(&prefix));
        }
    }

    /// Takes the content of a public entry into the views, or notes why it was refused.
    pub fn admit(&mut self, origin: &Origin, index: u64, judged: Option<Result<Verified<Body>, Refusal>>) {
        let verified = match judged {
            None => return,
            Some(Ok(verified)) => verified,
            Some(Err(refusal)) => {
                self.log_mut(origin).refused.insert(index, refusal);
                return;
            }
        };
        let id = verified.id();
        if let ([by], true) = (verified.signed().signatures(), is_evidence(verified.body())) {
            let author = verified.body().signer_rule().map(|(org, _)| org);
            let counts = author.map_or(Ok(()), |org| self.registry.check_counts(org, &by.key, origin, index));
            if let Err(refusal) = counts {
                self.log_mut(origin).refused.insert(index, refusal);
                return;
            }
            self.places.signed_by(&id, &by.key);
        }
        self.note_dated(origin, index, &verified);
        if is_for_everyone(verified.body()) {
            self.for_everyone.insert(id, verified.signed().clone());
            if self.place_of(&id, &self.own).is_some() {
                self.for_everyone.remove(&id);
            }
        }
        match verified.body() {
            Body::Offering(offering) => {
                self.catalogue.put(id, offering.clone());
            }
            Body::Withdrawal(withdrawal) => self.catalogue.withdraw(id, withdrawal.clone()),
            Body::Tariff(tariff) => self.catalogue.put_tariff(id, tariff.clone()),
            Body::Need(need) => self.catalogue.needs.put(id, need),
            Body::NeedWithdrawal(gone) => self.catalogue.needs.withdraw(id, gone),
            Body::ConnectionProfile(profile) => self.catalogue.connections.put_profile(id, profile.clone()),
            Body::ConnectionReport(report) => self.catalogue.connections.put_report(id, report.clone()),
            Body::Membership(fact) => Arc::make_mut(&mut self.facts).insert_membership(id, fact.clone()),
            Body::EntityFacts(fact) => Arc::make_mut(&mut self.facts).insert_entity(id, fact.clone()),
            Body::RulePack(pack) => {
                Arc::make_mut(&mut self.packs).insert(id, pack.clone());
            }
            _ => {}
        }
    }

    /// Judges an order message, a receipt or an officer's proof of identity. What stands in its author's own log counts at
    /// its place there: a key that was replaced later takes nothing from it, and stored bytes may arrive at any time.
    /// Everything else, receipts too, must be signed by a key in force.
    pub fn judge(&self, signed: &Signed) -> Result<Verified<Body>, Refusal> {
        self.registry.judge(signed, Body::read(signed)?, self.places.of(&signed.id()))
    }

    /// Puts an order message in its place.
    pub fn place(&mut self, verified: Verified<Body>) -> Result<Placed, Refusal> {
        let (order, number) = verified
            .body()
            .order()
            .ok_or_else(|| Refusal::new(Reason::ChainBroken).with("kind", verified.signed().kind()))?;
        match verified.body() {
            Body::Request(request) => {
                let request = request.clone();
                let known = self.orders.get(&order).is_some_and(|known| known.attempts.contains_key(&number));
                if !known {
                    self.await_outcome(&request);
                    self.amending.extend(request.amends.as_ref().map(|amends| (amends.order, order)));
                    if request.mode == Mode::Binding {
                        let who = (&request.buyer, &request.officer);
                        self.commit_officer(&verified.id(), who, request.signed_at, (order, request.total_max));
                    }
                    let attempt = Attempt::new(verified.map(|_| request));
                    self.orders.entry(order).or_default().attempts.insert(number, attempt);
                    return Ok(Placed::New);
                }
            }
            Body::CallOff(call_off) => return Ok(self.place_call_off(call_off.clone(), verified)),
            Body::Mandate(mandate) => return Ok(self.place_mandate(mandate.clone(), verified)),
            Body::Seal(seal) => {
                // One seal for all attempts: a second one contradicts the first.
                let sealed = self.orders.get(&order).and_then(Order::sealed).and_then(|sealed| sealed.seal.as_ref());
                if let Some(other) = sealed.filter(|other| other.body().attempt != seal.attempt) {
                    return Ok(Placed::Contradicts(other.id()));
                }
            }
            _ => {}
        }
        let approval = match verified.body() {
            Body::Decision(decision) if decision.approve => {
                Some((decision.org.clone(), decision.officer.clone(), decision.signed_at))
            }
            _ => None,
        };
        let (id, is_void) = (verified.id(), matches!(verified.body(), Body::Void(_)));
        let attempt = self.orders.get_mut(&order).and_then(|order| order.attempts.get_mut(&number));
        let attempt = attempt.ok_or_else(|| Refusal::new(Reason::ChainBroken).with("rule", "request missing"))?;
        let placed = attempt.place(verified)?;
        if placed == Placed::New {
            let cap = attempt.request.body().total_max;
            let approval = approval.filter(|(org, ..)| *org == attempt.request.body().buyer);
            if is_void {
                self.commitments.release(&order);
            }
            if let Some((org, officer, signed_at)) = approval {
                self.commit_officer(&id, (&org, &officer), signed_at, (order, cap));
            }
        }
        Ok(placed)
    }

    /// An officer of an organisation hosted here binds it to an order by this statement, which stands in the own log or is
    /// about to.
    fn commit_officer(
        &mut self,
        id: &StatementId,
        (org, officer): (&OrgId, &OfficerName),
        signed_at: Timestamp,
        (order, cap): (OrderId, Cents),
    ) {
        if self.is_local(org) {
            let end = || self.logs.get(&self.own).map_or(0, |log| log.tree.size());
            let at = self.place_of(id, &self.own).unwrap_or_else(end);
            self.commitments.put(org, officer, signed_at.date(), order, (at, cap));
        }
    }

    fn place_call_off(&mut self, call_off: CallOff, verified: Verified<Body>) -> Placed {
        let known = self.orders.entry(call_off.order).or_default();
        let key = (call_off.to.clone(), call_off.from.clone());
        match known.call_offs.get(&key) {
            Some(held) if held.id() == verified.id() => Placed::Same,
            Some(held) => Placed::Contradicts(held.id()),
            None => {
                known.call_offs.insert(key, verified.map(|_| call_off));
                Placed::New
            }
        }
    }

    fn place_mandate(&mut self, mandate: Mandate, verified: Verified<Body>) -> Placed {
        let id = verified.id();
        if self.orders.get(&mandate.order).is_some_and(|known| known.mandates.contains_key(&id)) {
            return Placed::Same;
        }
        let (who, order) = ((mandate.org.clone(), mandate.officer.clone()), mandate.order);
        self.commit_officer(&id, (&who.0, &who.1), mandate.signed_at, (order, mandate.cap));
        self.orders.entry(order).or_default().mandates.insert(id, verified.map(|_| mandate));
        Placed::New
    }

    /// The outcome of a buyer elsewhere will come into sight in its log, perhaps before the message itself.
    fn await_outcome(&mut self, request: &Request) {
        if self.is_local(&request.buyer) {
            return;
        }
        for tag in outcome_tags(request) {
            self.awaited.insert(outcome_prefix(&tag), request.order);
        }
    }

    /// All receipts for a message of an order or of another matter.
    pub fn receipts_for(&self, message: &Signed) -> impl Iterator<Item = &Signed> {
        let known = order_of(message).and_then(|order| self.orders.get(&order));
        let id = message.id();
        known.into_iter().flat_map(move |known| known.receipts_for(id))
    }

    /// Forgets an order, of which the store knows everything, and what waits for its outcome.
    pub(super) fn let_go(&mut self, order: &OrderId) {
        let Some(known) = self.orders.remove(order) else { return };
        for attempt in known.attempts.values() {
            for tag in outcome_tags(attempt.request.body()) {
                self.awaited.remove(&outcome_prefix(&tag));
            }
        }
    }

    /// The heads of all logs that have begun, by origin.
    pub fn heads(&self) -> Vec<Head> {
        let begun = self.logs.iter().filter(|(_, log)| log.tree.size() > 0);
        begun.map(|(origin, log)| log.head(origin)).collect()
    }

    /// The head of one log, if it has begun.
    pub fn head(&self, origin: &Origin) -> Option<Head> {
        self.logs.get(origin).filter(|log| log.tree.size() > 0).map(|log| log.head(origin))
    }

    /// Digest over all heads, computed from them.
    pub fn digest(&self) -> Hash {
        if self.heads.stale.is_empty() { self.heads.digest.root() } else { HeadDigest::of(&self.heads()).root() }
    }

    /// Digest over all heads, at the cost of what has changed since the last time.
    pub(super) fn fresh_digest(&mut self) -> &HeadDigest {
        let stale = std::mem::take(&mut self.heads.stale);
        for bucket in &stale {
            let heads = self.heads_in(*bucket);
            self.heads.digest.replace(*bucket, &heads);
        }
        if !stale.is_empty() {
            self.heads.digest.seal();
        }
        &self.heads.digest
    }

    /// The heads in one bucket.
    pub(super) fn heads_in(&self, bucket: u8) -> Vec<Head> {
        let origins = self.heads.buckets.get(&bucket).into_iter().flatten();
        origins.filter_map(|origin| self.head(origin)).collect()
    }

    /// Where a statement stands in its author's home log.
    pub fn place_of(&self, id: &StatementId, home: &Origin) -> Option<u64> {
        self.places.of(id).find(|(origin, _)| *origin == home).map(|(_, index)| index)
    }

    /// Whether an organisation is at home here.
    pub fn is_local(&self, org: &OrgId) -> bool {
        self.registry.home(org).is_ok_and(|log| *log.origin() == self.own)
    }
}

/// Judges a public entry by its log's trust and takes it into that trust. Nothing for entries that are not ours to
/// read.
pub fn judge_entry(trust: &mut LogTrust, entry: &LogEntry, index: u64) -> Option<Result<Verified<Body>, Refusal>> {
    if entry.leaf.audience() == Audience::Parties {
        return None;
    }
    let Some(signed) = &entry.statement else {
        return Some(Err(Refusal::new(Reason::LeafInvalid).with("rule", "public content is missing")));
    };
    if !signed.kind().is_public() {
        return Some(Err(Refusal::new(Reason::LeafInvalid).with("rule", "a confidential kind among public ones")));
    }
    let judged = trust.judge(signed, index);
    if let Ok(verified) = &judged {
        trust.absorb(verified, index);
    }
    Some(judged)
}

/// Whether a judgement or an order may rest on it.
fn is_evidence(body: &Body) -> bool {
    matches!(
        body,
        Body::Offering(_)
            | Body::Withdrawal(_)
            | Body::Tariff(_)
            | Body::Membership(_)
            | Body::EntityFacts(_)
            | Body::Need(_)
            | Body::NeedWithdrawal(_)
            | Body::ConnectionProfile(_)
            | Body::ConnectionReport(_)
    )
}

/// Whether a kind ends an attempt.
pub fn is_outcome(kind: &Kind) -> bool {
    matches!(kind, Kind::Seal | Kind::Void)
}
