//! Who may sign what: federation root, organisations, keys, officers. The only place where a claim becomes proof.
//!
//! A log is self-contained: whatever is needed to judge entry `i` stands before `i` in the same log, and the hash of
//! the federation root is the only thing that comes from outside. So a judgement depends on positions alone, never on
//! a clock and never on the order in which logs arrived. An organisation's home is the node its key events name, and
//! its statements are judged by that node's log.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::body::Body;
use crate::domain::id::{Hash, KeyHash, NodeId, OfficerName, OrgId, Origin, StatementId};
use crate::domain::money::Cents;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::register::Area;
use crate::domain::signing::PublicKey;
use crate::domain::statement::{Signed, Verified};
use crate::domain::text::checked_text;
use crate::domain::time::{Date, Timestamp};

/// Most trustees of a root version: with two versions' signatures a statement stays within its signature limit.
pub const TRUSTEES_MAX: usize = 9;

/// Most root keys of one organisation.
pub const ROOT_KEYS_MAX: usize = 5;

/// Most keys one event may add: every added key signs, and statements carry at most 16 signatures.
pub const EVENT_KEYS_MAX: usize = 8;

/// Trustees, threshold and witness policy. The id of version 1 is the federation's root hash.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FederationRoot {
    /// The federation's name, first part of every log origin.
    pub federation: OrgId,
    /// Counts up from 1.
    pub version: u32,
    /// Who may admit and expel.
    pub trustees: Vec<Trustee>,
    /// How many of them must sign.
    pub threshold: u32,
    /// Whose cosignatures count, and how many are needed.
    pub witnesses: WitnessPolicy,
    /// The version before; absent in version 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prev: Option<StatementId>,
}

/// One trustee.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Trustee {
    /// The office that holds the key.
    pub name: String,
    /// Its key.
    pub key: PublicKey,
}

/// Whose cosignatures make a statement *witnessed*.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct WitnessPolicy {
    /// The witnesses, by node; their keys come from their own logs.
    pub nodes: Vec<NodeId>,
    /// How many are needed: at least `1 + floor(2n/3)`.
    pub quorum: u32,
}

impl WitnessPolicy {
    /// The smallest quorum of `n` witnesses that survives `n - k` liars or absentees.
    pub fn quorum_of(n: usize) -> usize {
        1 + 2 * n / 3
    }
}

/// An organisation's offline keys, with the hash of the next set committed in advance.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RootKeys {
    /// The keys.
    pub keys: Vec<PublicKey>,
    /// How many must sign.
    pub threshold: u32,
    /// SHA-256 over the 32-byte keys of the next set, in order. A stolen current key cannot choose its successor.
    pub next_sha256: Hash,
}

/// An organisation joins.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Admission {
    /// The federation.
    pub federation: OrgId,
    /// The organisation's name in the federation.
    pub org: OrgId,
    /// Its full name.
    pub name: String,
    /// Its legal form.
    pub legal_form: String,
    /// Its area, for municipalities and Länder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub area: Option<Area>,
    /// Inhabitants, for municipalities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inhabitants: Option<u32>,
    /// Its portal, for municipalities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub portal: Option<String>,
    /// Its first root keys.
    pub root: RootKeys,
    /// Where the public facts come from.
    pub source: String,
}

/// An organisation is expelled. What it signed up to the position stays valid.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Expulsion {
    /// The organisation.
    pub org: OrgId,
    /// Why.
    pub reason: String,
    /// Last position in its home log at which its keys are good.
    pub last_valid: u64,
}

/// What an online key is for. One key has one purpose.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyRole {
    /// Signs statements.
    Statement,
    /// Signs checkpoints of the node's log.
    Log,
    /// Cosigns checkpoints of all logs.
    Witness,
}

/// An online key is added.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct OnlineKey {
    /// The key.
    pub key: PublicKey,
    /// Its purpose.
    pub role: KeyRole,
}

/// Why a key is revoked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RevocationReason {
    /// Replaced by a new key.
    Superseded,
    /// Stolen or lost: what it signed after `last_valid` is undecidable.
    Compromised,
    /// No longer needed.
    Ceased,
}

/// A key is revoked.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Revocation {
    /// The key.
    pub key: KeyHash,
    /// Why.
    pub reason: RevocationReason,
    /// Last position in the home log at which it is good.
    pub last_valid: u64,
}

/// Online keys are added, rotated or revoked; the home node is named. Signed by the organisation's root keys and by
/// every key it adds.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct KeyEvent {
    /// The organisation.
    pub org: OrgId,
    /// Counts up from 0.
    pub seq: u64,
    /// The event before; absent in event 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prev: Option<StatementId>,
    /// The node that hosts the organisation.
    pub home_node: NodeId,
    /// Keys added.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub add: Vec<OnlineKey>,
    /// Keys revoked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revoke: Vec<Revocation>,
    /// New root keys, which must match the hash committed before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<RootKeys>,
    /// The node begins a new log of this epoch, because the last one contradicts itself. Only the root keys can say
    /// so: whoever stole the online keys cannot begin a log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_epoch: Option<u32>,
}

/// A node's address and pinned TLS key, signed by its operator.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NodeRecord {
    /// The node.
    pub node: NodeId,
    /// Its operator.
    pub operator: OrgId,
    /// `host:port`, in order of preference.
    pub addresses: Vec<String>,
    /// SHA-256 of the TLS key's SubjectPublicKeyInfo.
    pub tls_sha256: Hash,
    /// The log it writes.
    pub log: Origin,
    /// Since when it writes on without having asked others how far its log goes, on its operator's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alone_since: Option<Timestamp>,
}

/// What an officer may do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OfficerRole {
    /// Order, cancel and seal; say what is needed.
    Buyer,
    /// Approve what others ordered; decide what is held for a human.
    Approver,
    /// Publish and withdraw offerings, facts and needs.
    Publisher,
    /// Read the organisation's orders and evidence.
    Auditor,
}

impl OfficerRole {
    /// Its stable word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Buyer => "buyer",
            Self::Approver => "approver",
            Self::Publisher => "publisher",
            Self::Auditor => "auditor",
        }
    }
}

/// An officer's key, roles, limit and validity. Signed by the organisation's root keys and by the officer's key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct OfficerGrant {
    /// The organisation.
    pub org: OrgId,
    /// The office, never a personal name.
    pub officer: OfficerName,
    /// The officer's key; the node never holds its private half.
    pub key: PublicKey,
    /// What the officer may do.
    pub roles: BTreeSet<OfficerRole>,
    /// Up to which total alone.
    pub limit: Cents,
    /// First day.
    pub valid_from: Date,
    /// Last day.
    pub valid_to: Date,
}

impl FederationRoot {
    fn check(&self) -> Result<(), Refusal> {
        let invalid = |field: &str| Refusal::new(Reason::FieldInvalid).with("field", field);
        let keys: BTreeSet<KeyHash> = self.trustees.iter().map(|trustee| trustee.key.hash()).collect();
        if keys.len() != self.trustees.len() || keys.is_empty() || keys.len() > TRUSTEES_MAX {
            return Err(invalid("trustees"));
        }
        if self.threshold == 0 || self.threshold as usize > keys.len() {
            return Err(invalid("threshold"));
        }
        let nodes: BTreeSet<&NodeId> = self.witnesses.nodes.iter().collect();
        let quorum = self.witnesses.quorum as usize;
        if nodes.len() != self.witnesses.nodes.len()
            || quorum < WitnessPolicy::quorum_of(nodes.len())
            || quorum > nodes.len()
        {
            return Err(invalid("witnesses"));
        }
        self.trustees.iter().try_for_each(|trustee| checked_text("trustees", &trustee.name, 100))
    }
}

impl RootKeys {
    fn check(&self) -> Result<(), Refusal> {
        let distinct: BTreeSet<KeyHash> = self.keys.iter().map(PublicKey::hash).collect();
        let fits = (1..=ROOT_KEYS_MAX).contains(&distinct.len()) && distinct.len() == self.keys.len();
        if fits && self.threshold >= 1 && self.threshold as usize <= distinct.len() {
            Ok(())
        } else {
            Err(Refusal::new(Reason::FieldInvalid).with("field", "root"))
        }
    }

    /// The commitment to a set of keys that [`RootKeys::next_sha256`] holds.
    pub fn commitment(keys: &[PublicKey]) -> Hash {
        Hash::of(&keys.iter().flat_map(PublicKey::to_bytes).collect::<Vec<u8>>())
    }
}

/// What is known of an organisation at one place in its home log.
#[derive(Clone, Debug)]
pub struct OrgStanding {
    /// The admission.
    pub admission: Admission,
    /// The statement that admitted it.
    pub admitted_by: StatementId,
    /// Root keys in force.
    root: RootKeys,
    /// Its last key event: number, id.
    last_event: Option<(u64, StatementId)>,
    /// Every key event, in order.
    pub events: Vec<StatementId>,
    /// Last position at which its keys are good, once expelled.
    expelled_after: Option<u64>,
}

/// Whose a key is.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(clippy::large_enum_variant, reason = "a federation has a few hundred keys, and most are officers'")]
pub enum Holder {
    /// An organisation's online key.
    Online {
        /// The organisation.
        org: OrgId,
        /// What it is for.
        role: KeyRole,
    },
    /// An officer's key.
    Officer(OfficerGrant),
}

impl Holder {
    /// The organisation the key speaks for.
    pub fn org(&self) -> &OrgId {
        match self {
            Self::Online { org, .. } => org,
            Self::Officer(grant) => &grant.org,
        }
    }
}

/// A key and the positions at which it is good.
#[derive(Clone, Debug)]
pub struct KeyStanding {
    /// The key.
    pub key: PublicKey,
    /// Whose it is.
    pub holder: Holder,
    /// Position of the statement that registered it; good after that.
    pub from: u64,
    /// The statement that registered it.
    pub registered_by: StatementId,
    /// Last good position and why, once revoked; and the position of the revocation itself.
    pub revoked: Option<(u64, RevocationReason, u64)>,
}

impl KeyStanding {
    fn check_at(&self, at: u64) -> Result<(), Refusal> {
        let refuse = |reason| Err(Refusal::new(reason).with("key", self.key.hash().short()).with("position", at));
        if at <= self.from {
            return refuse(Reason::KeyUnknown);
        }
        match self.revoked {
            Some((last, RevocationReason::Compromised, revoked_at)) if at > last && at < revoked_at => {
                refuse(Reason::KeyDisputed)
            }
            Some((last, _, _)) if at > last => refuse(Reason::KeyRevoked),
            _ => Ok(()),
        }
    }
}

/// Everything one log says about trust, up to some position. A pure fold over its entries. Clones share what they
/// know until one of them learns more, so that a suffix is judged beside what is in force at no cost.
#[derive(Clone, Debug)]
pub struct LogTrust {
    known: Arc<Known>,
}

#[derive(Clone, Debug)]
struct Known {
    origin: Origin,
    anchor: StatementId,
    root: Option<(StatementId, FederationRoot)>,
    root_versions: Vec<StatementId>,
    orgs: BTreeMap<OrgId, OrgStanding>,
    keys: BTreeMap<KeyHash, KeyStanding>,
    record: Option<(StatementId, NodeRecord)>,
    /// Whether the log may exist: epoch 1 always, a later one once root keys have said so in it.
    is_begun: bool,
    /// Everything that was absorbed, with its position, so that a cut can be repeated from the beginning.
    history: Vec<(u64, StatementId, Body)>,
}

impl LogTrust {
    /// Nothing is known yet but the hash of the federation root.
    pub fn new(origin: Origin, anchor: StatementId) -> Self {
        let known = Known {
            is_begun: origin.epoch == 1,
            origin,
            anchor,
            root: None,
            root_versions: Vec::new(),
            orgs: BTreeMap::new(),
            keys: BTreeMap::new(),
            record: None,
            history: Vec::new(),
        };
        Self { known: Arc::new(known) }
    }

    /// Forgets everything from position `at` on.
    pub fn cut(&mut self, at: u64) {
        let cut = Self::new(self.known.origin.clone(), self.known.anchor);
        let former = std::mem::replace(self, cut);
        for (index, id, body) in former.known.history.iter().filter(|(index, ..)| *index < at) {
            self.apply(body, *id, *index);
        }
    }

    /// The log.
    pub fn origin(&self) -> &Origin {
        &self.known.origin
    }

    /// The root version in force, once the log has named it.
    pub fn root(&self) -> Option<&FederationRoot> {
        self.known.root.as_ref().map(|(_, root)| root)
    }

    /// Every root version this log holds, oldest first.
    pub fn root_versions(&self) -> &[StatementId] {
        &self.known.root_versions
    }

    /// The organisations hosted here.
    pub fn orgs(&self) -> &BTreeMap<OrgId, OrgStanding> {
        &self.known.orgs
    }

    /// Whether this is the same knowledge as another's, not only as much.
    fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.known, &other.known)
    }

    /// The organisations with a key event in this log.
    fn orgs_at_home(&self) -> impl Iterator<Item = &OrgId> {
        self.known.orgs.iter().filter(|(_, standing)| standing.last_event.is_some()).map(|(org, _)| org)
    }

    /// Every key ever registered here.
    pub fn keys(&self) -> &BTreeMap<KeyHash, KeyStanding> {
        &self.known.keys
    }

    /// The node's record and the statement it stands in.
    pub fn node_record(&self) -> Option<&(StatementId, NodeRecord)> {
        self.known.record.as_ref()
    }

    /// The key that signs this log's checkpoints now.
    pub fn log_key(&self) -> Option<&PublicKey> {
        self.online_key_now(KeyRole::Log).filter(|_| self.known.is_begun).map(|standing| &standing.key)
    }

    /// The key that signs checkpoints in which `size` entries are the last.
    pub fn log_key_at(&self, size: u64) -> Option<&PublicKey> {
        let is_log_key = |standing: &&KeyStanding| {
            matches!(standing.holder, Holder::Online { role: KeyRole::Log, .. }) && standing.check_at(size).is_ok()
        };
        self.known.keys.values().find(is_log_key).filter(|_| self.known.is_begun).map(|standing| &standing.key)
    }

    /// The key with which this node cosigns now.
    pub fn witness_key(&self) -> Option<&PublicKey> {
        self.online_key_now(KeyRole::Witness).map(|standing| &standing.key)
    }

    /// The organisation that operates the log's node: the first that named a log key. It stands in the log's beginning
    /// and never changes, so it does not matter how far the log has been followed.
    pub fn operator(&self) -> Option<&OrgId> {
        let named = self.known.keys.values().filter_map(|standing| match &standing.holder {
            Holder::Online { org, role: KeyRole::Log } => Some((standing.from, org)),
            _ => None,
        });
        named.min().map(|(_, org)| org)
    }

    fn online_key_now(&self, wanted: KeyRole) -> Option<&KeyStanding> {
        self.known.keys.values().find(|standing| {
            standing.revoked.is_none() && matches!(&standing.holder, Holder::Online { role, .. } if *role == wanted)
        })
    }

    /// Judges a statement for position `at`: is it signed by whom it must be, with keys good there?
    pub fn judge(&self, signed: &Signed, at: u64) -> Result<Verified<Body>, Refusal> {
        self.judge_read(signed, Body::read(signed)?, at)
    }

    /// The same for whoever has read the body already, to know which log to ask; it must be the statement's own.
    pub(crate) fn judge_read(&self, signed: &Signed, body: Body, at: u64) -> Result<Verified<Body>, Refusal> {
        match &body {
            Body::FederationRoot(root) => self.judge_root(signed, root)?,
            Body::Admission(admission) => self.judge_admission(signed, admission)?,
            Body::Expulsion(_) | Body::RulePack(_) => self.signed_by_trustees(signed)?,
            Body::KeyEvent(event) => self.judge_event(signed, event)?,
            Body::OfficerGrant(grant) => self.judge_grant(signed, grant)?,
            Body::NodeRecord(record) => self.judge_record(signed, record, at)?,
            other => self.judge_single(signed, other, at)?,
        }
        Ok(Verified::proven(body, signed.clone()))
    }

    fn root_or_refuse(&self) -> Result<&FederationRoot, Refusal> {
        self.root().ok_or_else(|| Refusal::new(Reason::RootUnknown).with("log", &self.known.origin))
    }

    fn judge_root(&self, signed: &Signed, root: &FederationRoot) -> Result<(), Refusal> {
        root.check()?;
        if root.federation != self.known.origin.federation {
            return Err(Refusal::new(Reason::RootUnknown).with("federation", &root.federation));
        }
        let new = trustee_keys(root);
        match &self.known.root {
            None => {
                if signed.id() != self.known.anchor {
                    return Err(Refusal::new(Reason::RootUnknown)
                        .with("found", signed.id())
                        .with("expected", self.known.anchor));
                }
                signed_by_threshold(signed, &new, root.threshold, &BTreeMap::new())
            }
            Some((prev, current)) => {
                if root.version != current.version + 1 || root.prev != Some(*prev) {
                    return Err(Refusal::new(Reason::RootSequence).with("version", root.version));
                }
                let old = trustee_keys(current);
                let both: BTreeMap<KeyHash, PublicKey> = old.clone().into_iter().chain(new.clone()).collect();
                let signers = valid_signers(signed, &both)?;
                reaches(&signers, &old, current.threshold)?;
                reaches(&signers, &new, root.threshold)
            }
        }
    }

    fn signed_by_trustees(&self, signed: &Signed) -> Result<(), Refusal> {
        let root = self.root_or_refuse()?;
        signed_by_threshold(signed, &trustee_keys(root), root.threshold, &BTreeMap::new())
    }

    fn judge_admission(&self, signed: &Signed, admission: &Admission) -> Result<(), Refusal> {
        self.signed_by_trustees(signed)?;
        admission.root.check()?;
        for (field, text) in
            [("name", &admission.name), ("legal_form", &admission.legal_form), ("source", &admission.source)]
        {
            checked_text(field, text, 500)?;
        }
        if admission.federation != self.known.origin.federation {
            return Err(Refusal::new(Reason::RootUnknown).with("federation", &admission.federation));
        }
        if self.known.orgs.contains_key(&admission.org) {
            return Err(Refusal::new(Reason::OrgKnown).with("org", &admission.org));
        }
        Ok(())
    }

    fn standing(&self, org: &OrgId) -> Result<&OrgStanding, Refusal> {
        self.known.orgs.get(org).ok_or_else(|| Refusal::new(Reason::OrgUnknown).with("org", org))
    }

    fn judge_event(&self, signed: &Signed, event: &KeyEvent) -> Result<(), Refusal> {
        let standing = self.standing(&event.org)?;
        let (expected_seq, expected_prev) = match standing.last_event {
            None => (0, None),
            Some((seq, id)) => (seq + 1, Some(id)),
        };
        if event.seq != expected_seq || event.prev != expected_prev {
            return Err(Refusal::new(Reason::EventSequence).with("org", &event.org).with("seq", event.seq));
        }
        if event.home_node != self.known.origin.node {
            return Err(Refusal::new(Reason::OrgElsewhere).with("org", &event.org).with("node", &event.home_node));
        }
        if event.new_epoch.is_some_and(|epoch| epoch < 2 || epoch > self.known.origin.epoch) {
            return Err(Refusal::new(Reason::FieldInvalid).with("field", "new_epoch"));
        }
        if event.add.len() > EVENT_KEYS_MAX {
            return Err(Refusal::new(Reason::FieldInvalid).with("field", "add"));
        }
        if let Some(next) = &event.root {
            next.check()?;
            if RootKeys::commitment(&next.keys) != standing.root.next_sha256 {
                return Err(Refusal::new(Reason::SignerWrong).with("rule", "the next root keys were not committed"));
            }
        }
        for revocation in &event.revoke {
            let known = self.known.keys.get(&revocation.key).filter(|key| key.holder.org() == &event.org);
            known.ok_or_else(|| Refusal::new(Reason::KeyUnknown).with("key", revocation.key.short()))?;
        }
        let added = self.new_keys(event.add.iter().map(|added| &added.key))?;
        self.check_log_role(event)?;
        // A rotation of the root is signed by the new set: its hash was committed by the old one.
        let root = event.root.as_ref().unwrap_or(&standing.root);
        signed_by_threshold(signed, &keys_by_hash(&root.keys), root.threshold, &added)
    }

    /// One log has one log key and one witness key, both of the organisation that operates the node.
    fn check_log_role(&self, event: &KeyEvent) -> Result<(), Refusal> {
        for wanted in [KeyRole::Log, KeyRole::Witness] {
            let added = event.add.iter().filter(|added| added.role == wanted).count();
            let current = self.online_key_now(wanted);
            let replaced = current.is_none_or(|standing| {
                standing.holder.org() == &event.org
                    && event.revoke.iter().any(|revocation| revocation.key == standing.key.hash())
            });
            if added > 1 || (added == 1 && !replaced) {
                return Err(Refusal::new(Reason::KeyInUse).with("rule", "one log key and one witness key per node"));
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
            if self.known.keys.contains_key(&hash) || is_root_key || added.insert(hash, key.clone()).is_some() {
                return Err(Refusal::new(Reason::KeyInUse).with("key", hash.short()));
            }
        }
        Ok(added)
    }

    fn judge_grant(&self, signed: &Signed, grant: &OfficerGrant) -> Result<(), Refusal> {
        let standing = self.standing(&grant.org)?;
        if grant.valid_to < grant.valid_from {
            return Err(Refusal::new(Reason::IntervalInvalid).with("field", "valid_to"));
        }
        let added = self.new_keys(std::iter::once(&grant.key))?;
        let root = &standing.root;
        signed_by_threshold(signed, &keys_by_hash(&root.keys), root.threshold, &added)
    }

    fn judge_record(&self, signed: &Signed, record: &NodeRecord, at: u64) -> Result<(), Refusal> {
        if record.node != self.known.origin.node || record.log != self.known.origin {
            return Err(Refusal::new(Reason::SignerWrong).with("node", &record.node));
        }
        let operator = self.online_key_now(KeyRole::Log).map(|standing| standing.holder.org());
        if operator != Some(&record.operator) {
            return Err(Refusal::new(Reason::SignerWrong).with("operator", &record.operator));
        }
        self.signer(signed, at).and_then(|standing| must_be_online(standing, &record.operator))
    }

    /// The key behind the only signature, good at `at`, after checking the signature itself.
    fn signer(&self, signed: &Signed, at: u64) -> Result<&KeyStanding, Refusal> {
        let [by] = signed.signatures() else {
            return Err(Refusal::new(Reason::SignerWrong).with("signatures", signed.signatures().len()));
        };
        let standing = self
            .known
            .keys
            .get(&by.key)
            .ok_or_else(|| Refusal::new(Reason::KeyUnknown).with("key", by.key.short()))?;
        standing.check_at(at)?;
        let expelled = self.known.orgs.get(standing.holder.org()).and_then(|org| org.expelled_after);
        if expelled.is_some_and(|last| at > last) {
            return Err(Refusal::new(Reason::KeyRevoked).with("org", standing.holder.org()));
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
        match (&standing.holder, rule) {
            (
                Holder::Online { org: by, role: KeyRole::Statement },
                SignerRule::Organisation | SignerRule::Either(_),
            ) if by == org && !body.names_officer(None) => Ok(()),
            (Holder::Officer(grant), SignerRule::Officer(roles) | SignerRule::Either(roles))
                if grant.org == *org && body.names_officer(Some(&grant.officer)) =>
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

    fn apply(&mut self, body: &Body, id: StatementId, at: u64) {
        let known = Arc::make_mut(&mut self.known);
        known.history.push((at, id, body.clone()));
        match body {
            Body::FederationRoot(root) => {
                known.root = Some((id, root.clone()));
                known.root_versions.push(id);
            }
            Body::Admission(admission) => {
                let standing = OrgStanding {
                    admission: admission.clone(),
                    admitted_by: id,
                    root: admission.root.clone(),
                    last_event: None,
                    events: Vec::new(),
                    expelled_after: None,
                };
                known.orgs.insert(admission.org.clone(), standing);
            }
            Body::Expulsion(expulsion) => {
                if let Some(standing) = known.orgs.get_mut(&expulsion.org) {
                    standing.expelled_after = Some(expulsion.last_valid);
                }
            }
            Body::KeyEvent(event) => known.absorb_event(event, id, at),
            Body::OfficerGrant(grant) => {
                known.register(&grant.key, Holder::Officer(grant.clone()), at, id);
            }
            Body::NodeRecord(record) => known.record = Some((id, record.clone())),
            _ => {}
        }
    }
}

impl Known {
    fn absorb_event(&mut self, event: &KeyEvent, id: StatementId, at: u64) {
        self.is_begun |= event.new_epoch == Some(self.origin.epoch);
        for revocation in &event.revoke {
            if let Some(standing) = self.keys.get_mut(&revocation.key) {
                standing.revoked = Some((revocation.last_valid, revocation.reason, at));
            }
        }
        for added in &event.add {
            let holder = Holder::Online { org: event.org.clone(), role: added.role };
            self.register(&added.key, holder, at, id);
        }
        if let Some(standing) = self.orgs.get_mut(&event.org) {
            standing.last_event = Some((event.seq, id));
            standing.events.push(id);
            if let Some(root) = &event.root {
                standing.root = root.clone();
            }
        }
    }

    fn register(&mut self, key: &PublicKey, holder: Holder, from: u64, registered_by: StatementId) {
        let standing = KeyStanding { key: key.clone(), holder, from, registered_by, revoked: None };
        self.keys.insert(key.hash(), standing);
    }
}

/// Who must sign a statement with one signature.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SignerRule {
    /// The organisation's statement key.
    Organisation,
    /// An officer with one of these roles.
    Officer(&'static [OfficerRole]),
    /// Either.
    Either(&'static [OfficerRole]),
}

fn check_grant(grant: &OfficerGrant, roles: &[OfficerRole], signed_at: Option<Timestamp>) -> Result<(), Refusal> {
    let refuse = |reason| Refusal::new(reason).with("org", &grant.org).with("officer", &grant.officer);
    if !roles.iter().any(|role| grant.roles.contains(role)) {
        let needed: Vec<&str> = roles.iter().map(|role| role.word()).collect();
        return Err(refuse(Reason::GrantRoleMissing).with("needed", needed.join("/")));
    }
    match signed_at.map(Timestamp::date) {
        Some(day) if day < grant.valid_from || day > grant.valid_to => Err(refuse(Reason::GrantExpired)
            .with("valid", format!("{} – {}", grant.valid_from, grant.valid_to))
            .with("day", day)),
        _ => Ok(()),
    }
}

fn must_be_online(standing: &KeyStanding, org: &OrgId) -> Result<(), Refusal> {
    match &standing.holder {
        Holder::Online { org: by, role: KeyRole::Statement } if by == org => Ok(()),
        _ => Err(Refusal::new(Reason::SignerWrong).with("org", org)),
    }
}

fn trustee_keys(root: &FederationRoot) -> BTreeMap<KeyHash, PublicKey> {
    root.trustees.iter().map(|trustee| (trustee.key.hash(), trustee.key.clone())).collect()
}

fn keys_by_hash(keys: &[PublicKey]) -> BTreeMap<KeyHash, PublicKey> {
    keys.iter().map(|key| (key.hash(), key.clone())).collect()
}

/// Every signature must be by one of `allowed` and must verify.
fn valid_signers(signed: &Signed, allowed: &BTreeMap<KeyHash, PublicKey>) -> Result<BTreeSet<KeyHash>, Refusal> {
    let mut signers = BTreeSet::new();
    for by in signed.signatures() {
        let key = allowed.get(&by.key).ok_or_else(|| {
            Refusal::new(Reason::SignerWrong).with("key", by.key.short()).with("kind", signed.kind())
        })?;
        signed.verify(key)?;
        signers.insert(by.key);
    }
    Ok(signers)
}

fn reaches(
    signers: &BTreeSet<KeyHash>,
    entitled: &BTreeMap<KeyHash, PublicKey>,
    threshold: u32,
) -> Result<(), Refusal> {
    let count = signers.iter().filter(|signer| entitled.contains_key(*signer)).count();
    if threshold >= 1 && count >= threshold as usize {
        Ok(())
    } else {
        Err(Refusal::new(Reason::ThresholdMissed).with("signatures", count).with("needed", threshold))
    }
}

/// `threshold` of `entitled` and every one of `new` must have signed, and nobody else.
fn signed_by_threshold(
    signed: &Signed,
    entitled: &BTreeMap<KeyHash, PublicKey>,
    threshold: u32,
    new: &BTreeMap<KeyHash, PublicKey>,
) -> Result<(), Refusal> {
    let mut allowed = entitled.clone();
    allowed.extend(new.clone());
    let signers = valid_signers(signed, &allowed)?;
    reaches(&signers, entitled, threshold)?;
    match new.keys().find(|hash| !signers.contains(*hash)) {
        Some(hash) => Err(Refusal::new(Reason::PossessionMissing).with("key", hash.short())),
        None => Ok(()),
    }
}

pub mod registry;
#[cfg(test)]
mod tests;

pub use registry::Registry;
