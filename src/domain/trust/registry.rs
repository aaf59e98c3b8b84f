//! The trust of all logs a node or an auditor holds: who is at home where, whose cosignatures count, who is expelled.
//!
//! What one log says is judged by that log alone. Across logs count: an expulsion, wherever it stands; what the home log
//! of an organisation says of its keys, also for the logs of former homes and epochs; the newest root version. Must never
//! let an operator decide about another's name: names are the trustees'.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rpds::RedBlackTreeMapSync;

use crate::domain::body::Body;
use crate::domain::id::{KeyHash, NodeId, OrgId, Origin, StatementId};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::signing::PublicKey;
use crate::domain::statement::{Signed, Verified};
use crate::domain::time::Date;
use crate::domain::trust::documents::{Expulsion, FederationRoot, NodeRecord, OfficerGrant, good_size};
use crate::domain::trust::standing::{Holder, KeyStanding, LogTrust};

/// The trust of all logs a node holds. Clones share what they know, so that one may be read while another learns more.
#[derive(Clone, Default, Debug)]
pub struct Registry {
    logs: RedBlackTreeMapSync<Origin, LogTrust>,
    /// Where each organisation is at home; it follows from the logs, and is asked for with every message.
    homes: RedBlackTreeMapSync<OrgId, Origin>,
    /// The expulsions that any log holds; they follow from the logs.
    expelled: Arc<BTreeMap<OrgId, BTreeMap<StatementId, Expulsion>>>,
    /// Who goes on for whom, as any log says.
    heirs: Arc<BTreeMap<OrgId, (OrgId, Date)>>,
    /// The highest root version that any log holds.
    newest_root: u32,
}

/// An organisation is at home in the log that knows its newest admission and key event; of two, in the later epoch.
fn home_in<'a>(log: &'a LogTrust, org: &OrgId) -> Option<((u32, u64), &'a Origin)> {
    Some((log.home_rank(org)?, log.origin()))
}

impl Registry {
    /// Puts the trust of one log in place. Gives the organisations of which something that was taken may count no more.
    pub fn put(&mut self, trust: LogTrust) -> BTreeSet<OrgId> {
        let known = self.logs.get(trust.origin()).map_or(0, LogTrust::length);
        self.put_after(known, trust)
    }

    /// Takes a verified statement into the trust of one log, which is begun if need be.
    pub fn absorb(
        &mut self,
        origin: &Origin,
        anchor: StatementId,
        verified: &Verified<Body>,
        index: u64,
    ) -> BTreeSet<OrgId> {
        if !self.logs.contains_key(origin) {
            self.logs.insert_mut(origin.clone(), LogTrust::new(origin.clone(), anchor));
        }
        let Some(trust) = self.logs.get_mut(origin) else { return BTreeSet::new() };
        let known = trust.length();
        trust.absorb(verified, index);
        self.review(origin, known)
    }

    fn put_after(&mut self, known: usize, trust: LogTrust) -> BTreeSet<OrgId> {
        let origin = trust.origin().clone();
        self.logs.insert_mut(origin.clone(), trust);
        self.review(&origin, known)
    }

    /// Takes over what a log says beyond the first `known` statements.
    fn review(&mut self, origin: &Origin, known: usize) -> BTreeSet<OrgId> {
        let is_shorter = self.logs.get(origin).is_some_and(|trust| trust.length() < known);
        let (mut moved, mut reached) = (BTreeSet::new(), BTreeSet::new());
        if is_shorter {
            // Only a log that was cut says less than before.
            *self = Self { logs: std::mem::take(&mut self.logs), ..Self::default() };
        }
        let logs: Vec<LogTrust> = match is_shorter {
            true => self.logs.values().cloned().collect(),
            false => self.logs.get(origin).cloned().into_iter().collect(),
        };
        for log in &logs {
            self.newest_root = self.newest_root.max(log.root_version());
            let since = if is_shorter { 0 } else { known };
            log.said_since(since).for_each(|(id, body)| self.take(id, body, &mut moved, &mut reached));
        }
        moved.iter().for_each(|org| self.find_home(org));
        reached
    }

    /// Takes what a log says that reaches across logs.
    fn take(&mut self, id: StatementId, body: &Body, moved: &mut BTreeSet<OrgId>, reached: &mut BTreeSet<OrgId>) {
        match body {
            Body::Admission(admission) => {
                moved.insert(admission.org.clone());
            }
            Body::KeyEvent(event) => {
                moved.insert(event.org.clone());
                if !event.revoke.is_empty() {
                    reached.insert(event.org.clone());
                }
            }
            Body::Expulsion(expulsion) => {
                Arc::make_mut(&mut self.expelled)
                    .entry(expulsion.org.clone())
                    .or_default()
                    .insert(id, expulsion.clone());
                reached.insert(expulsion.org.clone());
            }
            Body::Succession(succession) => {
                let heir = (succession.successor.clone(), succession.on);
                Arc::make_mut(&mut self.heirs).insert(succession.predecessor.clone(), heir);
            }
            _ => {}
        }
    }

    fn find_home(&mut self, org: &OrgId) {
        let home = self.logs.values().filter_map(|log| home_in(log, org)).max();
        match home.map(|(_, origin)| origin.clone()) {
            Some(home) => self.homes.insert_mut(org.clone(), home),
            None => _ = self.homes.remove_mut(org),
        }
    }

    /// The trust of one log.
    pub fn log(&self, origin: &Origin) -> Option<&LogTrust> {
        self.logs.get(origin)
    }

    /// All logs, by origin.
    pub fn logs(&self) -> impl Iterator<Item = &LogTrust> {
        self.logs.values()
    }

    /// All logs of one node, by epoch.
    pub fn logs_of<'a>(&'a self, federation: &OrgId, node: &NodeId) -> impl Iterator<Item = &'a LogTrust> {
        let first = Origin { federation: federation.clone(), node: node.clone(), epoch: 0 };
        let last = Origin { epoch: u32::MAX, ..first.clone() };
        self.logs.range(first..=last).map(|(_, log)| log)
    }

    /// Whether a log may begin: the trustees have named its operator, whose root keys have begun it, nobody else operates
    /// a node of that name, and the operator is not expelled. Anybody could else speak under another node's name, and
    /// witness in its place.
    pub fn check_begins(&self, log: &LogTrust) -> Result<(), Refusal> {
        self.check_named(log)?;
        log.operator().map_or(Ok(()), |operator| self.check_member(operator))?;
        match log.origin().former() {
            Some(former) if self.log(&former).and_then(LogTrust::operator).is_none() => {
                Err(Refusal::new(Reason::LogGap).with("log", log.origin()).with("former", former))
            }
            _ => Ok(()),
        }
    }

    /// The same but for the log that this one continues, which need not be at hand.
    pub fn check_named(&self, log: &LogTrust) -> Result<(), Refusal> {
        let origin = log.origin();
        let refuse = |reason| Refusal::new(reason).with("log", origin);
        let operator = log.operator().ok_or_else(|| refuse(Reason::NodeTaken))?;
        log.log_key().ok_or_else(|| refuse(Reason::EpochForeign).with("operator", operator))?;
        let mut named = self.logs.values().filter_map(|known| known.orgs().get(operator));
        let contradicts = named.any(|org| org.admission.operates.as_ref() != Some(&origin.node));
        let of_node = self.logs_of(&origin.federation, &origin.node);
        if contradicts || of_node.filter_map(LogTrust::operator).any(|known| known != operator) {
            return Err(refuse(Reason::NodeTaken).with("operator", operator));
        }
        Ok(())
    }

    /// The record of every node by name: that of its newest log. A node whose operator is expelled has none.
    pub fn node_records(&self) -> BTreeMap<&NodeId, &NodeRecord> {
        // Logs come by origin, so a later epoch of the same node comes later.
        let records = self.logs.values().filter_map(LogTrust::node_record).map(|(_, record)| record);
        records.filter(|record| !self.is_expelled(&record.operator)).map(|record| (&record.node, record)).collect()
    }

    /// The record of one node.
    pub fn node_record(&self, federation: &OrgId, node: &NodeId) -> Option<&NodeRecord> {
        let records = self.logs_of(federation, node).filter_map(LogTrust::node_record).map(|(_, record)| record);
        records.filter(|record| !self.is_expelled(&record.operator)).last()
    }

    /// The log of the organisation's home node.
    pub fn home(&self, org: &OrgId) -> Result<&LogTrust, Refusal> {
        let home = self.homes.get(org).and_then(|origin| self.logs.get(origin));
        home.ok_or_else(|| Refusal::new(Reason::OrgUnknown).with("org", org))
    }

    /// Every organisation that is at home somewhere, by name, and the log of its home.
    pub fn homes(&self) -> impl Iterator<Item = (&OrgId, &LogTrust)> {
        self.homes.iter().filter_map(|(org, origin)| Some((org, self.logs.get(origin)?)))
    }

    /// Whether nobody has found or changed a home since the other was cloned from this one.
    pub fn has_same_homes(&self, other: &Self) -> bool {
        self.homes.ptr_eq(&other.homes)
    }

    /// The newest root version any log holds, and its witness policy.
    pub fn newest_root(&self) -> Option<&FederationRoot> {
        self.logs.values().filter_map(LogTrust::root).max_by_key(|root| root.version)
    }

    /// Its number; 0 before the first.
    pub fn newest_root_version(&self) -> u32 {
        self.newest_root
    }

    /// The officer behind a key hash, in the organisation's home log.
    pub fn officer(&self, org: &OrgId, key: &KeyHash) -> Option<&OfficerGrant> {
        match &self.home(org).ok()?.keys().get(key)?.holder {
            Holder::Officer(grant) if grant.org == *org => Some(grant),
            _ => None,
        }
    }

    /// The organisations that any log knows to be expelled.
    pub fn expelled(&self) -> impl Iterator<Item = &OrgId> {
        self.expelled.keys()
    }

    /// The statements that expel an organisation, as far as any log knows.
    pub fn expulsions(&self, org: &OrgId) -> impl Iterator<Item = StatementId> {
        self.expelled.get(org).into_iter().flat_map(BTreeMap::keys).copied()
    }

    /// Whether an organisation is expelled, as far as any log knows.
    pub fn is_expelled(&self, org: &OrgId) -> bool {
        self.expelled.contains_key(org)
    }

    /// `ORG_EXPELLED` if it is.
    pub fn check_member(&self, org: &OrgId) -> Result<(), Refusal> {
        if self.is_expelled(org) { Err(Refusal::new(Reason::OrgExpelled).with("org", org)) } else { Ok(()) }
    }

    /// The home log of an organisation that may act now.
    pub fn active(&self, org: &OrgId) -> Result<&LogTrust, Refusal> {
        self.check_member(org)?;
        self.home(org)
    }

    /// The organisation that goes on for another one.
    pub fn heir(&self, org: &OrgId) -> Option<&OrgId> {
        self.heirs.get(org).map(|(heir, _)| heir)
    }

    /// Whether one organisation speaks for another on a day: for itself, and from the day of its succession on for whom it
    /// has succeeded, and for whom those had.
    pub fn speaks_for(&self, org: &OrgId, other: &OrgId, day: Date) -> bool {
        // A circle of successions ends after everybody has had a turn.
        let heir_of = |of: &&OrgId| self.heirs.get(*of).filter(|(_, on)| day >= *on).map(|(heir, _)| heir);
        std::iter::successors(Some(other), heir_of).take(self.heirs.len() + 1).any(|heir| heir == org)
    }

    /// Whom an organisation speaks for on a day beside itself.
    pub fn predecessors(&self, org: &OrgId, day: Date) -> impl Iterator<Item = &OrgId> {
        self.heirs.keys().filter(move |other| *other != org && self.speaks_for(org, other, day))
    }

    /// Whether what a key of an organisation has signed at a position of a log counts, by what *other* logs know:
    /// `ORG_EXPELLED` beyond the last good position of an expulsion, `KEY_DISPUTED` beyond that of a revocation in the
    /// organisation's home log.
    pub fn check_counts(&self, org: &OrgId, key: &KeyHash, origin: &Origin, at: u64) -> Result<(), Refusal> {
        let expulsions = self.expelled.get(org).into_iter().flat_map(BTreeMap::values);
        if expulsions.into_iter().any(|expulsion| at >= good_size(&expulsion.last_good, origin)) {
            return Err(Refusal::new(Reason::OrgExpelled).with("org", org).with("log", origin).with("position", at));
        }
        let Ok(home) = self.home(org) else { return Ok(()) };
        // A log that holds a revocation at first hand has judged by its position.
        let is_known_here =
            self.log(origin).and_then(|log| log.keys().get(key)).is_some_and(KeyStanding::is_revoked_here);
        let at_home = home.keys().get(key).filter(|_| home.origin() != origin && !is_known_here);
        let revoked = at_home.into_iter().flat_map(|key| &key.revoked);
        if revoked.into_iter().any(|revoked| at >= good_size(&revoked.last_good, origin)) {
            return Err(Refusal::new(Reason::KeyDisputed).with("key", key.short()).with("position", at));
        }
        Ok(())
    }

    /// Whether what a key has signed at a position of a log counts, by all that is known.
    pub fn check_at(&self, key: &KeyHash, origin: &Origin, at: u64) -> Result<(), Refusal> {
        let unknown = || Refusal::new(Reason::KeyUnknown).with("key", key.short());
        let standing = self.log(origin).and_then(|log| log.keys().get(key)).ok_or_else(unknown)?;
        standing.check_at(at)?;
        self.check_counts(standing.holder.org(), key, origin, at)
    }

    /// Every key that any log has registered for an organisation.
    pub fn keys_of<'a>(&'a self, org: &'a OrgId) -> impl Iterator<Item = KeyHash> + 'a {
        let all = self.logs.values().flat_map(|log| log.keys());
        all.filter(move |(_, standing)| standing.holder.org() == org).map(|(hash, _)| *hash)
    }

    /// Judges a statement with one signature by its author's log: at the place it has there, or by the keys in force now.
    pub fn judge<'a>(
        &self,
        signed: &Signed,
        body: Body,
        places: impl IntoIterator<Item = (&'a Origin, u64)>,
    ) -> Result<Verified<Body>, Refusal> {
        let wrong = || Refusal::new(Reason::SignerWrong).with("kind", signed.kind());
        let (org, _) = body.signer_rule().ok_or_else(wrong)?;
        let key = signed.signatures().first().map(|by| by.key).ok_or_else(wrong)?;
        let holds = |who: &&OrgId| self.home(who).is_ok_and(|log| log.keys().contains_key(&key));
        // Who succeeded it speaks for it, from its own home.
        let who = [Some(org), self.heir(org)].into_iter().flatten().find(holds).unwrap_or(org).clone();
        let mut places = places.into_iter().filter_map(|(origin, at)| Some((self.log(origin)?, at)));
        let (log, at) = match places.find(|(log, at)| log.is_home_at(&who, *at)) {
            Some(placed) => placed,
            None => (self.home(&who)?, u64::MAX),
        };
        let verified = log.judge_read(signed, body, at)?;
        self.check_counts(&who, &key, log.origin(), at)?;
        Ok(verified)
    }

    /// Whose cosignatures count, by the newest root version: the keys of each witness by its name, the newest last, and
    /// how many witnesses are needed.
    pub fn witnesses(&self) -> (BTreeMap<String, Vec<PublicKey>>, usize) {
        let Some(root) = self.newest_root() else { return (BTreeMap::new(), 0) };
        let mut keys: BTreeMap<String, Vec<PublicKey>> = BTreeMap::new();
        for node in &root.witnesses.nodes {
            let logs = self.logs_of(&root.federation, node);
            let logs = logs.filter(|log| log.operator().is_some_and(|operator| !self.is_expelled(operator)));
            // A later epoch repeats the keys of the one before, and knows better which of them were stolen.
            let of_node = logs.last().map(|log| log.witness_keys().cloned().collect()).unwrap_or_default();
            keys.insert(node.to_string(), of_node);
        }
        keys.retain(|_, keys| !keys.is_empty());
        (keys, root.witnesses.quorum as usize)
    }
}
