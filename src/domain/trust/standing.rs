//! What one log says about trust, up to some position: a pure fold over its entries. Nothing here judges.
//!
//! Clones share what they know until one of them learns more, so that a suffix is judged beside what is in force at no
//! cost.
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::body::Body;
use crate::domain::id::{KeyHash, NodeId, OrgId, Origin, StatementId};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::signing::PublicKey;
use crate::domain::time::Timestamp;
use crate::domain::trust::documents::{
    Admission, Expulsion, FederationRoot, KeyEvent, KeyRole, LastGood, NodeRecord, OfficerGrant, Recovery,
    RevocationReason, RootKeys, Succession, good_size,
};

/// What is known of an organisation at one place in a log.
#[derive(Clone, Debug)]
pub struct OrgStanding {
    /// The newest admission.
    pub admission: Admission,
    /// The statement that holds it.
    pub admitted_by: StatementId,
    /// Root keys in force.
    pub(super) root: RootKeys,
    /// Its last key event: number, id.
    pub(super) last_event: Option<(u64, StatementId)>,
    /// A recovery that the trustees have announced.
    pub(super) recovery: Option<(StatementId, Recovery)>,
    /// From which position on which node hosts it, by its own key events.
    homes: Vec<(u64, NodeId)>,
}

impl OrgStanding {
    /// Root keys in force.
    pub fn root(&self) -> &RootKeys {
        &self.root
    }

    /// Number and id of its last key event.
    pub fn last_event(&self) -> Option<(u64, StatementId)> {
        self.last_event
    }

    /// A recovery by the trustees that is announced and not in force.
    pub fn announced_recovery(&self) -> Option<StatementId> {
        self.recovery.as_ref().map(|(id, _)| *id)
    }

    /// The recovery that the trustees have announced, if one is under way.
    pub fn recovery(&self) -> Option<&(StatementId, Recovery)> {
        self.recovery.as_ref()
    }

    /// Every node that has hosted it, in order.
    pub fn homes(&self) -> impl Iterator<Item = &NodeId> {
        self.homes.iter().map(|(_, node)| node)
    }

    /// The node that hosts it for position `at`.
    pub fn home_at(&self, at: u64) -> Option<&NodeId> {
        self.homes.iter().rev().find(|(from, _)| *from < at).map(|(_, node)| node)
    }
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

/// A key was revoked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Revoked {
    /// Position of the revocation.
    pub at: u64,
    /// Why.
    pub reason: RevocationReason,
    /// How many entries of this log the revocation names as good; none where it stands in a copy of another log.
    pub size: u64,
    /// What it says of all logs.
    pub last_good: Vec<LastGood>,
    /// The organisation was at home here when it revoked the key, so that the position says when it did.
    pub is_native: bool,
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
    /// Its revocations, in order; a key once replaced may turn out to have been stolen.
    pub revoked: Vec<Revoked>,
}

impl KeyStanding {
    /// Whether the key is good at a position of this log. Position, not time, decides: what was replaced or given up
    /// loses nothing before its revocation, what was stolen is undecidable between the last good position and the
    /// revocation. A copied revocation (a later epoch, another home) leaves nothing good here that it does not name.
    pub fn check_at(&self, at: u64) -> Result<(), Refusal> {
        let refuse = |reason| Err(Refusal::new(reason).with("key", self.key.hash().short()).with("position", at));
        if at <= self.from {
            return refuse(Reason::KeyUnknown);
        }
        for revoked in &self.revoked {
            let reaches_back = !revoked.is_native || revoked.reason == RevocationReason::Compromised;
            if at > revoked.at {
                return refuse(Reason::KeyRevoked);
            }
            if reaches_back && at >= revoked.size {
                return refuse(Reason::KeyDisputed);
            }
        }
        Ok(())
    }

    /// Whether it was revoked in this log by an organisation at home here.
    pub fn is_revoked_here(&self) -> bool {
        self.revoked.iter().any(|revoked| revoked.is_native)
    }

    /// Whether the key was ever said to be stolen.
    pub fn is_compromised(&self) -> bool {
        self.revoked.iter().any(|revoked| revoked.reason == RevocationReason::Compromised)
    }

    pub(super) fn is_online(&self, org: &OrgId, wanted: KeyRole) -> bool {
        matches!(&self.holder, Holder::Online { org: of, role } if of == org && *role == wanted)
    }
}

/// Everything one log says about trust, up to some position.
#[derive(Clone, Debug)]
pub struct LogTrust {
    pub(super) known: Arc<Known>,
}

#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) origin: Origin,
    pub(super) anchor: StatementId,
    pub(super) roots: Vec<(StatementId, FederationRoot)>,
    pub(super) orgs: BTreeMap<OrgId, OrgStanding>,
    pub(super) keys: BTreeMap<KeyHash, KeyStanding>,
    /// The online keys of each organisation by role, in the order in which they were registered.
    online: BTreeMap<(OrgId, KeyRole), Vec<KeyHash>>,
    /// Who operates the log's node, and under which root version the trustees have said so.
    pub(super) operator: Option<(OrgId, u32)>,
    pub(super) expelled: BTreeMap<OrgId, BTreeMap<StatementId, Expulsion>>,
    pub(super) successions: BTreeMap<OrgId, (StatementId, Succession)>,
    record: Option<(StatementId, NodeRecord)>,
    /// Whether the log may exist: epoch 1 always, a later one once its operator's root keys have said so in it.
    pub(super) is_begun: bool,
    /// Entries before this position repeat what a former log said.
    pub(super) copied: u64,
    /// Everything that was absorbed, with its position, so that a cut can be repeated from the beginning.
    history: Vec<(u64, StatementId, Body)>,
}

impl LogTrust {
    /// Nothing is known yet but the hash of the federation root.
    pub fn new(origin: Origin, anchor: StatementId) -> Self {
        let known = Known {
            is_begun: origin.epoch == 1,
            copied: 0,
            origin,
            anchor,
            roots: Vec::new(),
            orgs: BTreeMap::new(),
            keys: BTreeMap::new(),
            online: BTreeMap::new(),
            operator: None,
            expelled: BTreeMap::new(),
            successions: BTreeMap::new(),
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
        self.known.roots.last().map(|(_, root)| root)
    }

    /// Number of the root version in force; 0 before the first.
    pub fn root_version(&self) -> u32 {
        self.root().map_or(0, |root| root.version)
    }

    /// Every root version this log holds, oldest first.
    pub fn root_versions(&self) -> impl Iterator<Item = StatementId> {
        self.known.roots.iter().map(|(id, _)| *id)
    }

    /// The same with what they say.
    pub fn root_versions_held(&self) -> impl Iterator<Item = (StatementId, &FederationRoot)> {
        self.known.roots.iter().map(|(id, root)| (*id, root))
    }

    /// The organisations this log knows.
    pub fn orgs(&self) -> &BTreeMap<OrgId, OrgStanding> {
        &self.known.orgs
    }

    /// The expulsions this log holds.
    pub fn expulsions(&self) -> &BTreeMap<OrgId, BTreeMap<StatementId, Expulsion>> {
        &self.known.expelled
    }

    /// The successions this log holds, by the organisation that ends.
    pub fn successions(&self) -> &BTreeMap<OrgId, (StatementId, Succession)> {
        &self.known.successions
    }

    /// How many statements it has taken.
    pub(super) fn length(&self) -> usize {
        self.known.history.len()
    }

    /// The statements it has taken after the first `known`.
    pub(super) fn said_since(&self, known: usize) -> impl Iterator<Item = (StatementId, &Body)> {
        self.known.history.iter().skip(known).map(|(_, id, body)| (*id, body))
    }

    /// Everything it has taken, in order.
    pub fn said(&self) -> impl Iterator<Item = (StatementId, &Body)> {
        self.said_since(0)
    }

    /// Every key ever registered here.
    pub fn keys(&self) -> &BTreeMap<KeyHash, KeyStanding> {
        &self.known.keys
    }

    /// The node's record and the statement it stands in.
    pub fn node_record(&self) -> Option<&(StatementId, NodeRecord)> {
        self.known.record.as_ref()
    }

    /// Who operates the log's node: the organisation of which the trustees have said so. It stands in the log's
    /// beginning and never changes, so it does not matter how far the log has been followed.
    pub fn operator(&self) -> Option<&OrgId> {
        self.known.operator.as_ref().map(|(operator, _)| operator)
    }

    /// Number of the root version under which the trustees have named the operator; 0 before.
    pub fn operator_named_under(&self) -> u32 {
        self.known.operator.as_ref().map_or(0, |(_, version)| *version)
    }

    /// Whether an organisation is at home here, for position `at`.
    pub fn is_home_at(&self, org: &OrgId, at: u64) -> bool {
        let home = self.known.orgs.get(org).and_then(|standing| standing.home_at(at));
        self.known.is_begun && home == Some(&self.known.origin.node)
    }

    /// Number of an organisation's admission and of its last key event, if it is at home here.
    pub(super) fn home_rank(&self, org: &OrgId) -> Option<(u32, u64)> {
        let standing = self.known.orgs.get(org).filter(|_| self.is_home_at(org, u64::MAX))?;
        Some((standing.admission.number, standing.last_event?.0))
    }

    /// An organisation's keys of one role, in the order in which they were registered.
    fn online_keys(&self, org: &OrgId, role: KeyRole) -> impl DoubleEndedIterator<Item = &KeyStanding> {
        let keys = self.known.online.get(&(org.clone(), role)).into_iter().flatten();
        keys.filter_map(|hash| self.known.keys.get(hash))
    }

    /// The operator's keys of one role, in the order in which they were registered.
    fn operators_keys(&self, role: KeyRole) -> impl DoubleEndedIterator<Item = &KeyStanding> {
        let operator = self.operator().filter(|_| self.known.is_begun);
        operator.into_iter().flat_map(move |operator| self.online_keys(operator, role))
    }

    /// The key that signs checkpoints of this log with so many entries: the operator's log key in force after the last
    /// of them. There is one at a time, and a new one takes over with the entry that registers it.
    pub fn log_key_of(&self, size: u64) -> Option<&PublicKey> {
        self.operators_keys(KeyRole::Log).rfind(|standing| standing.from < size).map(|standing| &standing.key)
    }

    /// The key that signs checkpoints over everything this log has said so far.
    pub fn log_key(&self) -> Option<&PublicKey> {
        self.log_key_of(u64::MAX)
    }

    /// The key that signs checkpoints with so many entries in *another* history of this log that parts from this one
    /// after `shared` entries. A key that was stolen proves nothing about the log's operator.
    pub fn log_key_beside(&self, size: u64, shared: u64) -> Option<&PublicKey> {
        let until = size.min(shared.saturating_add(1));
        let registered = self.operators_keys(KeyRole::Log).rfind(|standing| standing.from < until);
        registered.filter(|standing| !standing.is_compromised()).map(|standing| &standing.key)
    }

    /// Positions at which another log key took over from the one before.
    pub fn log_key_changes(&self) -> impl Iterator<Item = u64> {
        self.operators_keys(KeyRole::Log).skip(1).map(|standing| standing.from)
    }

    /// The keys whose cosignatures count as this node's: its operator's witness keys, the newest last. A key that was
    /// replaced keeps counting for what it has cosigned; one that was stolen counts no more.
    pub fn witness_keys(&self) -> impl Iterator<Item = &PublicKey> {
        let good = self.operators_keys(KeyRole::Witness).filter(|standing| !standing.is_compromised());
        good.map(|standing| &standing.key)
    }

    /// An organisation's key of one role in force now.
    pub fn online_key(&self, org: &OrgId, role: KeyRole) -> Option<&KeyStanding> {
        self.online_keys(org, role).rfind(|standing| standing.revoked.is_empty())
    }

    /// Takes an accepted statement about trust into the standing.
    pub(super) fn apply(&mut self, body: &Body, id: StatementId, at: u64) {
        let known = Arc::make_mut(&mut self.known);
        known.history.push((at, id, body.clone()));
        match body {
            Body::FederationRoot(root) => known.roots.push((id, root.clone())),
            Body::Admission(admission) => known.admit(admission, id),
            Body::Expulsion(expulsion) => {
                known.expelled.entry(expulsion.org.clone()).or_default().insert(id, expulsion.clone());
            }
            Body::KeyEvent(event) => known.absorb_event(event, id, at),
            Body::Recovery(recovery) => known.recover(recovery, id),
            Body::Succession(succession) => {
                known.successions.insert(succession.predecessor.clone(), (id, succession.clone()));
            }
            Body::OfficerGrant(grant) => known.register(&grant.key, Holder::Officer(grant.clone()), at, id),
            Body::NodeRecord(record) => known.record = Some((id, record.clone())),
            _ => {}
        }
    }
}

impl Known {
    /// Whether an organisation speaks here at first hand: it is at home, and this is no copy of what a former log or a
    /// former home has said.
    pub(super) fn is_native(&self, org: &OrgId, at: u64) -> bool {
        let home = self.orgs.get(org).and_then(|standing| standing.home_at(at));
        self.is_begun && at >= self.copied && home == Some(&self.origin.node)
    }

    /// Whether one organisation speaks for another that it has succeeded: from the day named on, for what has one.
    pub(super) fn succeeds(&self, successor: &OrgId, predecessor: &OrgId, at: Option<Timestamp>) -> bool {
        let known = self.successions.get(predecessor).filter(|(_, known)| known.successor == *successor);
        known.is_some_and(|(_, known)| at.is_some_and(|at| at.date() >= known.on))
    }

    fn admit(&mut self, admission: &Admission, id: StatementId) {
        if admission.operates.as_ref() == Some(&self.origin.node) {
            let version = self.roots.last().map_or(0, |(_, root)| root.version);
            self.operator.get_or_insert_with(|| (admission.org.clone(), version));
        }
        if let Some(standing) = self.orgs.get_mut(&admission.org) {
            (standing.admission, standing.admitted_by) = (admission.clone(), id);
        } else if let Some(root) = &admission.root {
            let standing = OrgStanding {
                admission: admission.clone(),
                admitted_by: id,
                root: root.clone(),
                last_event: None,
                recovery: None,
                homes: Vec::new(),
            };
            self.orgs.insert(admission.org.clone(), standing);
        }
    }

    fn absorb_event(&mut self, event: &KeyEvent, id: StatementId, at: u64) {
        let is_native = self.is_native(&event.org, at);
        let own_epoch = event.new_epoch.as_ref().filter(|new| new.epoch == self.origin.epoch);
        if let (Some(new), true) =
            (own_epoch, self.operator.as_ref().is_some_and(|(operator, _)| *operator == event.org))
        {
            (self.is_begun, self.copied) = (true, new.copied);
        }
        for revocation in &event.revoke {
            if let Some(standing) = self.keys.get_mut(&revocation.key) {
                standing.revoked.push(Revoked {
                    at,
                    reason: revocation.reason,
                    size: good_size(&revocation.last_good, &self.origin),
                    last_good: revocation.last_good.clone(),
                    is_native,
                });
            }
        }
        for added in &event.add {
            let holder = Holder::Online { org: event.org.clone(), role: added.role };
            self.register(&added.key, holder, at, id);
        }
        if let Some(standing) = self.orgs.get_mut(&event.org) {
            standing.last_event = Some((event.seq, id));
            standing.recovery = None;
            if standing.homes.last().is_none_or(|(_, home)| *home != event.home_node) {
                standing.homes.push((at, event.home_node.clone()));
            }
            if let Some(root) = &event.root {
                standing.root = root.clone();
            }
        }
    }

    fn recover(&mut self, recovery: &Recovery, id: StatementId) {
        let Some(standing) = self.orgs.get_mut(&recovery.org) else { return };
        if recovery.completes.is_some() {
            (standing.root, standing.recovery) = (recovery.root.clone(), None);
        } else {
            standing.recovery = Some((id, recovery.clone()));
        }
    }

    fn register(&mut self, key: &PublicKey, holder: Holder, from: u64, registered_by: StatementId) {
        if let Holder::Online { org, role } = &holder {
            self.online.entry((org.clone(), *role)).or_default().push(key.hash());
        }
        let standing = KeyStanding { key: key.clone(), holder, from, registered_by, revoked: Vec::new() };
        self.keys.insert(key.hash(), standing);
    }
}
