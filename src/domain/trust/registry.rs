//! The trust of all logs a node holds: who is at home where, which record of a node counts.
use std::collections::{BTreeMap, BTreeSet};

use crate::domain::body::Body;
use crate::domain::id::{KeyHash, NodeId, OrgId, Origin, StatementId};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::Verified;
use crate::domain::trust::{FederationRoot, Holder, LogTrust, NodeRecord, OfficerGrant};

/// The trust of all logs a node holds.
#[derive(Clone, Default, Debug)]
pub struct Registry {
    logs: BTreeMap<Origin, LogTrust>,
    /// Where each organisation is at home; it follows from the logs, and is asked for with every message.
    homes: BTreeMap<OrgId, Origin>,
}

/// The record that counts, of two in the order of their logs.
fn later<'a>(known: &'a NodeRecord, record: &'a NodeRecord) -> &'a NodeRecord {
    if known.operator == record.operator { record } else { known }
}

/// Number of an organisation's newest key event in a log.
fn newest_event(log: &LogTrust, org: &OrgId) -> Option<u64> {
    log.orgs().get(org)?.last_event.map(|(seq, _)| seq)
}

/// An organisation is at home in the log with its newest key event.
fn home_in<'a>(log: &'a LogTrust, org: &OrgId) -> Option<(u64, &'a Origin)> {
    Some((newest_event(log, org)?, log.origin()))
}

impl Registry {
    /// Puts the trust of one log in place.
    pub fn put(&mut self, trust: LogTrust) {
        let former = self.logs.get(trust.origin());
        if former.is_some_and(|former| former.is_same(&trust)) {
            return;
        }
        let at_home = |trust: &LogTrust| trust.orgs_at_home().cloned().collect::<BTreeSet<OrgId>>();
        let moved = &at_home(&trust) | &former.map(at_home).unwrap_or_default();
        let former = self.logs.insert(trust.origin().clone(), trust.clone());
        for org in moved {
            // Only a log that was cut says less than before.
            let says_less =
                former.as_ref().is_some_and(|former| newest_event(former, &org) > newest_event(&trust, &org));
            let home = if says_less {
                self.logs.values().filter_map(|log| home_in(log, &org)).max()
            } else {
                let known = self.homes.get(&org).and_then(|origin| self.logs.get(origin));
                known.into_iter().chain([&trust]).filter_map(|log| home_in(log, &org)).max()
            };
            match home.map(|(_, origin)| origin.clone()) {
                Some(home) => self.homes.insert(org, home),
                None => self.homes.remove(&org),
            };
        }
    }

    /// Takes a verified statement into the trust of one log, which is begun if need be.
    pub fn absorb(&mut self, origin: &Origin, anchor: StatementId, verified: &Verified<Body>, index: u64) {
        let mut trust = self.log(origin).cloned().unwrap_or_else(|| LogTrust::new(origin.clone(), anchor));
        trust.absorb(verified, index);
        self.put(trust);
    }

    /// The trust of one log.
    pub fn log(&self, origin: &Origin) -> Option<&LogTrust> {
        self.logs.get(origin)
    }

    /// All logs, by origin.
    pub fn logs(&self) -> impl Iterator<Item = &LogTrust> {
        self.logs.values()
    }

    /// Whether a log may begin: a node's first one, or a later one by the operator of the log before. Every admitted
    /// organisation could else speak under another node's name, and witness in its place.
    pub fn check_begins(&self, log: &LogTrust) -> Result<(), Refusal> {
        let Some(former) = log.origin().former() else { return Ok(()) };
        let refuse = |reason| Refusal::new(reason).with("log", log.origin()).with("former", &former);
        let operator = self.log(&former).and_then(LogTrust::operator).ok_or_else(|| refuse(Reason::LogGap))?;
        if log.operator() == Some(operator) { Ok(()) } else { Err(refuse(Reason::EpochForeign)) }
    }

    /// The record of every node by name: that of its newest log. A later log counts only if the operator is the same;
    /// by another one it is somebody else's and says nothing about the node.
    pub fn node_records(&self) -> BTreeMap<&NodeId, &NodeRecord> {
        let mut records: BTreeMap<&NodeId, &NodeRecord> = BTreeMap::new();
        // Logs come by origin, so a later epoch of the same node comes later.
        for (_, record) in self.logs.values().filter_map(LogTrust::node_record) {
            let known = records.entry(&record.node).or_insert(record);
            *known = later(known, record);
        }
        records
    }

    /// The record of one node.
    pub fn node_record(&self, federation: &OrgId, node: &NodeId) -> Option<&NodeRecord> {
        let first = Origin { federation: federation.clone(), node: node.clone(), epoch: 0 };
        let last = Origin { epoch: u32::MAX, ..first.clone() };
        let logs = self.logs.range(first..=last);
        logs.filter_map(|(_, log)| log.node_record().map(|(_, record)| record)).reduce(later)
    }

    /// The log of the organisation's home node.
    pub fn home(&self, org: &OrgId) -> Result<&LogTrust, Refusal> {
        let home = self.homes.get(org).and_then(|origin| self.logs.get(origin));
        home.ok_or_else(|| Refusal::new(Reason::OrgUnknown).with("org", org))
    }

    /// The newest root version any log holds, and its witness policy.
    pub fn newest_root(&self) -> Option<&FederationRoot> {
        self.logs.values().filter_map(LogTrust::root).max_by_key(|root| root.version)
    }

    /// The officer behind a key hash, in the organisation's home log.
    pub fn officer(&self, org: &OrgId, key: &KeyHash) -> Option<&OfficerGrant> {
        match &self.home(org).ok()?.keys().get(key)?.holder {
            Holder::Officer(grant) if grant.org == *org => Some(grant),
            _ => None,
        }
    }
}
