//! What the home log of an organisation says of its keys, and the key event that follows from it.
//!
//! A node answers with it, a person's tool writes the next event from it, perhaps on a machine without network. Must never
//! write what the log would refuse: the same rules, only earlier.
use std::fmt;

use crate::domain::id::{Hash, KeyHash, OrgId, Origin, StatementId};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::signing::PublicKey;
use crate::domain::time::Timestamp;
use crate::domain::trust::documents::{
    KeyEvent, KeyRole, LastGood, NodeRecord, OnlineKey, Revocation, RevocationReason, RootKeys,
};

/// What a key is for, as its owner reads it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum KeyUse {
    /// The organisation's own, at its home node.
    Online(KeyRole),
    /// An officer's, by office and device.
    Officer(String),
}

impl fmt::Display for KeyUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Online(role) => f.write_str(role.word()),
            Self::Officer(office) => write!(f, "officer {office}"),
        }
    }
}

/// One key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BookedKey {
    /// Its hash.
    pub hash: KeyHash,
    /// What it is for.
    pub used_as: KeyUse,
    /// Why it was revoked last, if it was.
    pub revoked: Option<RevocationReason>,
    /// How long each log is in which it was ever registered.
    pub logs: Vec<LastGood>,
}

/// Where the home node is reached, and by which TLS key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BookedNode {
    /// Its operator.
    pub operator: OrgId,
    /// Its addresses.
    pub addresses: Vec<String>,
    /// SHA-256 of its TLS key's SubjectPublicKeyInfo.
    pub tls_sha256: Hash,
    /// Since when it runs on its operator's word.
    pub alone_since: Option<Timestamp>,
}

/// The keys of one organisation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyBook {
    /// The organisation.
    pub org: OrgId,
    /// Its home log.
    pub home: Origin,
    /// How many entries that has.
    pub size: u64,
    /// Number and id of the last key event.
    pub last_event: Option<(u64, StatementId)>,
    /// Root keys in force, with the commitment to the next set.
    pub root: RootKeys,
    /// All keys ever registered there, oldest first.
    pub keys: Vec<BookedKey>,
    /// The home node's record.
    pub node: Option<BookedNode>,
    /// A recovery by the trustees that is announced and not in force.
    pub recovery: Option<StatementId>,
}

impl KeyBook {
    /// The key of a role in force.
    pub fn in_force(&self, role: KeyRole) -> Option<&BookedKey> {
        self.keys.iter().rfind(|key| key.used_as == KeyUse::Online(role) && key.revoked.is_none())
    }

    fn key(&self, hash: &KeyHash) -> Result<&BookedKey, Refusal> {
        let unknown = || Refusal::new(Reason::KeyUnknown).with("org", &self.org).with("key", hash.short());
        self.keys.iter().find(|key| key.hash == *hash).ok_or_else(unknown)
    }

    /// An event that says nothing yet.
    fn next(&self) -> KeyEvent {
        let (seq, prev) = self.last_event.map_or((0, None), |(seq, id)| (seq.saturating_add(1), Some(id)));
        KeyEvent {
            org: self.org.clone(),
            seq,
            prev,
            home_node: self.home.node.clone(),
            add: Vec::new(),
            revoke: Vec::new(),
            root: None,
            new_epoch: None,
        }
    }

    /// A new key takes the place of the one in force. Of a stolen one must be said up to where it was good, by log.
    pub fn rotate(
        &self,
        role: KeyRole,
        new: &PublicKey,
        reason: RevocationReason,
        last_good: &[LastGood],
    ) -> Result<KeyEvent, Refusal> {
        let is_operator = self.node.as_ref().is_some_and(|node| node.operator == self.org);
        if role != KeyRole::Statement && !is_operator {
            return Err(Refusal::new(Reason::NodeTaken).with("org", &self.org).with("rule", "no operator"));
        }
        if self.keys.iter().any(|key| key.hash == new.hash()) || self.root.keys.contains(new) {
            return Err(Refusal::new(Reason::KeyInUse).with("key", new.hash().short()));
        }
        let former = self.in_force(role).map(|key| self.revocation(key, reason, last_good)).transpose()?;
        let event = KeyEvent {
            add: vec![OnlineKey { key: new.clone(), role }],
            revoke: former.into_iter().collect(),
            ..self.next()
        };
        event.check().map(|()| event)
    }

    /// A key is revoked and nothing takes its place.
    pub fn revoke(
        &self,
        hash: &KeyHash,
        reason: RevocationReason,
        last_good: &[LastGood],
    ) -> Result<KeyEvent, Refusal> {
        let key = self.key(hash)?;
        if key.revoked.is_none() && key.used_as == KeyUse::Online(KeyRole::Log) {
            // Without one the log could never be continued.
            return Err(Refusal::new(Reason::LogKeyNeeded).with("key", hash.short()));
        }
        let event = KeyEvent { revoke: vec![self.revocation(key, reason, last_good)?], ..self.next() };
        event.check().map(|()| event)
    }

    /// The committed next set of root keys takes the place of the one in force, and commits to its own successor.
    pub fn rotate_root(&self, root: RootKeys) -> Result<KeyEvent, Refusal> {
        root.check()?;
        if !root.is_committed(&self.root.next_sha256) {
            return Err(Refusal::new(Reason::RootKeysUncommitted).with("org", &self.org));
        }
        Ok(KeyEvent { root: Some(root), ..self.next() })
    }

    /// What was replaced or given up was good up to the end of every log that holds it; of what was stolen its owner says
    /// up to where, and in the logs not named it was good nowhere.
    fn revocation(
        &self,
        key: &BookedKey,
        reason: RevocationReason,
        last_good: &[LastGood],
    ) -> Result<Revocation, Refusal> {
        let is_stolen = reason == RevocationReason::Compromised;
        if is_stolen == last_good.is_empty() {
            return Err(Refusal::new(Reason::LastGoodNeeded).with("key", key.hash.short()).with("log", &self.home));
        }
        for named in last_good {
            let known = key.logs.iter().find(|known| known.log == named.log);
            if known.is_none_or(|known| named.size > known.size) {
                let refusal = Refusal::new(Reason::LastGoodNeeded).with("log", &named.log).with("size", named.size);
                return Err(refusal.with("known", known.map_or(0, |known| known.size)));
            }
        }
        if is_stolen && last_good.iter().all(|named| named.log != self.home) {
            return Err(Refusal::new(Reason::LastGoodNeeded).with("log", &self.home));
        }
        let last_good = if is_stolen { last_good.to_vec() } else { key.logs.clone() };
        Ok(Revocation { key: key.hash, reason, last_good })
    }

    /// The node's next record: a new TLS key, new addresses, or both.
    pub fn next_record(&self, tls_sha256: Hash, addresses: Vec<String>) -> Result<NodeRecord, Refusal> {
        let unknown = || Refusal::new(Reason::KeyUnknown).with("log", &self.home);
        let node = self.node.as_ref().ok_or_else(unknown)?;
        let record = NodeRecord {
            node: self.home.node.clone(),
            operator: node.operator.clone(),
            addresses: if addresses.is_empty() { node.addresses.clone() } else { addresses },
            tls_sha256,
            log: self.home.clone(),
            alone_since: node.alone_since,
        };
        record.check().map(|()| record)
    }
}
