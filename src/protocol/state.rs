//! What a node knows: a pure fold over its records. Nothing here decides, sends or looks at a clock.
use std::collections::{BTreeMap, BTreeSet};

use crate::domain::body::Body;
use crate::domain::facts::{FactBase, RulePack};
use crate::domain::id::{Hash, KeyHash, OrderId, OrgId, Origin, StatementId};
use crate::domain::order::{Attempt, Placed};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::{Kind, Signed, Verified};
use crate::domain::trust::{LogTrust, Registry};
use crate::log::checkpoint::Checkpoint;
use crate::log::digest::{HeadDigest, bucket_of};
use crate::log::leaf::{Audience, Leaf};
use crate::log::merkle::{Tree, leaf_hash};
use crate::log::note::SignedNote;
use crate::protocol::catalogue::{Catalogue, Row};
use crate::protocol::frame::{DeliveryKey, Head};
use crate::protocol::record::{LogEntry, Record};

/// One log as this node holds it.
#[derive(Clone, Debug, Default)]
pub struct LogState {
    /// The tree over its leaves.
    pub tree: Tree,
    /// The signed checkpoint that covers it; absent for the own log, which signs its own.
    pub note: Option<SignedNote>,
    /// The newest checkpoint that enough witnesses have cosigned, and its size.
    pub witnessed: Option<(u64, SignedNote)>,
    /// Public entries whose content was refused, each with its reason: their leaves stay, their content is not used.
    pub refused: BTreeMap<u64, Refusal>,
    /// Two checkpoints of this log cannot both be true; it is not followed any further.
    pub forked: Option<Refusal>,
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
}

impl Order {
    /// The newest attempt.
    pub fn current(&self) -> Option<&Attempt> {
        self.attempts.last_key_value().map(|(_, attempt)| attempt)
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
    /// Facts for judging legs.
    pub facts: FactBase,
    /// Rule packs.
    pub packs: BTreeMap<StatementId, RulePack>,
    /// Orders this node is a party to.
    pub orders: BTreeMap<OrderId, Order>,
    /// Receipts by message and receiver.
    pub receipts: BTreeMap<(StatementId, OrgId), Signed>,
    /// Which key signed each offering and fact, so that evidence can bring along what makes that key good.
    pub signers: BTreeMap<StatementId, KeyHash>,
    /// Where statements stand.
    pub places: BTreeMap<StatementId, BTreeSet<(Origin, u64)>>,
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
            facts: FactBase::default(),
            packs: BTreeMap::new(),
            orders: BTreeMap::new(),
            receipts: BTreeMap::new(),
            signers: BTreeMap::new(),
            places: BTreeMap::new(),
            heads: HeadSummary { digest: HeadDigest::of([]), buckets: BTreeMap::new(), stale: BTreeSet::new() },
        };
        state.registry.log_mut(&own, anchor);
        state.logs.insert(own, LogState::default());
        state
    }

    /// Takes back what was stored, through the same checks it came in by.
    pub fn replay(&mut self, record: Record) -> Result<(), Refusal> {
        match record {
            Record::Entries { origin, first, entries, note } => self.replay_entries(origin, first, entries, &note),
            Record::Cosigned { origin, note } => {
                let note = SignedNote::parse(&note)?;
                let size = Checkpoint::parse(note.text())?.size;
                self.log_mut(&origin).witnessed = Some((size, note));
                Ok(())
            }
            Record::Kept(signed) => self.keep(signed),
            Record::Delivered { order, attempt, to, message } => {
                let key = DeliveryKey { order, attempt, to, message };
                self.orders.entry(order).or_default().delivered.insert(key);
                Ok(())
            }
        }
    }

    fn replay_entries(
        &mut self,
        origin: Origin,
        first: u64,
        entries: Vec<LogEntry>,
        note: &str,
    ) -> Result<(), Refusal> {
        let size = self.logs.get(&origin).map_or(0, |log| log.tree.size());
        if first != size {
            return Err(Refusal::new(Reason::StoreDamaged).with("log", &origin).with("gap", first));
        }
        let mut trust = self.trust_of(&origin);
        for (index, entry) in (first..).zip(&entries) {
            if let (Audience::Parties, Some(signed)) = (entry.leaf.audience(), &entry.statement) {
                self.registry.put(trust.clone());
                let verified = self.registry.judge_now(signed)?;
                self.push_leaf(&origin, index, &entry.leaf);
                self.place(verified)?;
                continue;
            }
            let judged = judge_entry(&mut trust, entry, index);
            self.push_leaf(&origin, index, &entry.leaf);
            self.admit(&origin, index, judged);
        }
        self.registry.put(trust);
        if !note.is_empty() {
            self.log_mut(&origin).note = Some(SignedNote::parse(note)?);
        }
        Ok(())
    }

    /// The trust of one log as it stands, or at its beginning.
    pub fn trust_of(&self, origin: &Origin) -> LogTrust {
        self.registry.log(origin).cloned().unwrap_or_else(|| LogTrust::new(origin.clone(), self.anchor))
    }

    /// One log, begun if need be.
    pub fn log_mut(&mut self, origin: &Origin) -> &mut LogState {
        self.logs.entry(origin.clone()).or_default()
    }

    /// Appends a leaf and remembers where its statement stands.
    pub fn push_leaf(&mut self, origin: &Origin, index: u64, leaf: &Leaf) {
        self.log_mut(origin).tree.push(leaf_hash(leaf.as_bytes()));
        self.note_leaf(origin, index, leaf);
    }

    /// Remembers where the statement of a leaf stands that is in the tree already.
    pub(super) fn note_leaf(&mut self, origin: &Origin, index: u64, leaf: &Leaf) {
        self.places.entry(leaf.statement_id()).or_default().insert((origin.clone(), index));
        let bucket = bucket_of(origin);
        self.heads.stale.insert(bucket);
        let origins = self.heads.buckets.entry(bucket).or_default();
        if !origins.contains(origin) {
            origins.insert(origin.clone());
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
            self.signers.insert(id, by.key);
        }
        match verified.body() {
            Body::Offering(offering) => {
                self.catalogue.put(Row { id, offering: offering.clone(), origin: origin.clone(), index });
            }
            Body::Withdrawal(withdrawal) => self.catalogue.withdraw(withdrawal.clone()),
            Body::Membership(fact) => {
                self.facts.memberships.insert(id, fact.clone());
            }
            Body::EntityFacts(fact) => {
                self.facts.entities.insert(id, fact.clone());
            }
            Body::RulePack(pack) => {
                self.packs.insert(id, pack.clone());
            }
            _ => {}
        }
    }

    /// Puts an order message in its place.
    pub fn place(&mut self, verified: Verified<Body>) -> Result<Placed, Refusal> {
        let (order, number) = verified
            .body()
            .order()
            .ok_or_else(|| Refusal::new(Reason::ChainBroken).with("kind", verified.signed().kind()))?;
        if let Body::Request(request) = verified.body() {
            let request = request.clone();
            let known = self.orders.get(&order).is_some_and(|known| known.attempts.contains_key(&number));
            if !known {
                let attempt = Attempt::new(verified.map(|_| request));
                self.orders.entry(order).or_default().attempts.insert(number, attempt);
                return Ok(Placed::New);
            }
        }
        let attempt = self.orders.get_mut(&order).and_then(|order| order.attempts.get_mut(&number));
        attempt.ok_or_else(|| Refusal::new(Reason::ChainBroken).with("rule", "request missing"))?.place(verified)
    }

    /// Keeps a statement outside the log: a receipt, or a message that contradicts one already held.
    pub fn keep(&mut self, signed: Signed) -> Result<(), Refusal> {
        let verified = self.registry.judge_now(&signed)?;
        match verified.body() {
            Body::Receipt(receipt) => {
                self.receipts.insert((receipt.message, receipt.from.clone()), signed);
            }
            body => {
                if let Some((order, _)) = body.order() {
                    let order = self.orders.entry(order).or_default();
                    if !order.contradictions.iter().any(|known| known.id() == signed.id()) {
                        order.contradictions.push(signed);
                    }
                }
            }
        }
        Ok(())
    }

    /// The heads of all logs that have begun, by origin.
    pub fn heads(&self) -> Vec<Head> {
        let begun = self.logs.iter().filter(|(_, log)| log.tree.size() > 0);
        begun
            .map(|(origin, log)| Head { origin: origin.clone(), size: log.tree.size(), root: log.tree.root() })
            .collect()
    }

    /// Digest over all heads.
    pub fn digest(&self) -> Hash {
        if self.heads.stale.is_empty() {
            return self.heads.digest.root();
        }
        let heads = self.heads();
        HeadDigest::of(heads.iter().map(|head| (&head.origin, head.size, &head.root))).root()
    }

    /// Digest over all heads, at the cost of what has changed since the last time.
    pub(super) fn fresh_digest(&mut self) -> Hash {
        for bucket in std::mem::take(&mut self.heads.stale) {
            let origins = self.heads.buckets.get(&bucket).into_iter().flatten();
            let heads: Vec<(&Origin, u64, Hash)> = origins
                .filter_map(|origin| self.logs.get(origin).map(|log| (origin, log.tree.size(), log.tree.root())))
                .collect();
            self.heads.digest.replace(bucket, heads.iter().map(|(origin, size, root)| (*origin, *size, root)));
        }
        self.heads.digest.root()
    }

    /// Where a statement stands in its author's home log.
    pub fn place_of(&self, id: &StatementId, home: &Origin) -> Option<u64> {
        self.places.get(id)?.iter().find(|(origin, _)| origin == home).map(|(_, index)| *index)
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
    matches!(body, Body::Offering(_) | Body::Membership(_) | Body::EntityFacts(_))
}

/// Whether a kind ends an attempt.
pub fn is_outcome(kind: &Kind) -> bool {
    matches!(kind, Kind::Seal | Kind::Void)
}
