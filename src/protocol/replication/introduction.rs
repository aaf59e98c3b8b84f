//! Introductions: a node that nobody knows shows how its own log begins, and is known from then on. A node that has lost
//! its TLS key shows a new record for its log; nobody would take a connection under the new key from it otherwise.
//!
//! Must never admit a log that begins with a mistake, nor one whose node record names another TLS key than the one the
//! caller has shown: the beginning of a log is public, and anyone could show it.
use crate::domain::body::Body;
use crate::domain::id::{Hash, NodeId, Origin};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::signing::SecretKey;
use crate::domain::statement::{Kind, Signed};
use crate::domain::time::Timestamp;
use crate::domain::trust::{LogTrust, NodeRecord};
use crate::log::checkpoint::Checkpoint;
use crate::log::leaf::{Audience, Leaf, NO_OUTCOME};
use crate::log::merkle::{Tree, empty_root};
use crate::log::subjects::Subjects;
use crate::protocol::frame::{Cover, Run, prefix};
use crate::protocol::limits::INTRODUCTION_ENTRIES_MAX;
use crate::protocol::record::LogEntry;
use crate::protocol::replication::supply::append;
use crate::protocol::settings::NodeKeys;
use crate::protocol::state::judge_entry;
use crate::protocol::{Answer, Node, Work};

/// The beginning of a log that starts with these statements, under its own checkpoint. It holds for the log however
/// long it has become.
pub fn introduction(origin: &Origin, genesis: &[Signed], log: &SecretKey) -> Run {
    let beginning = genesis.iter().take(INTRODUCTION_ENTRIES_MAX);
    let entry = |signed: &Signed| LogEntry {
        leaf: Leaf::new(signed, Audience::Public, NO_OUTCOME),
        statement: Some(signed.clone()),
    };
    let entries: Vec<LogEntry> = beginning.map(entry).collect();
    let (mut tree, mut subjects) = (Tree::default(), Subjects::default());
    append(&mut tree, &mut subjects, &entries);
    let checkpoint = Checkpoint { origin: origin.clone(), size: tree.size(), root: tree.root() };
    Run {
        origin: origin.clone(),
        first: 0,
        base: Some(prefix(&empty_root())),
        entries,
        cover: Cover::Note(checkpoint.sign(log).to_string()),
        consistency: Vec::new(),
    }
}

impl Node {
    /// A caller with this TLS key shows how the log of its node begins. Does nothing for a node that is known by that
    /// key already.
    pub(in crate::protocol) fn introduced(
        &mut self,
        run: Run,
        tls_sha256: Hash,
        now: Timestamp,
        work: &mut Work,
    ) -> Result<Answer, Refusal> {
        let origin = run.origin.clone();
        if run.first > 0 || run.entries.len() > INTRODUCTION_ENTRIES_MAX || origin.node == *self.settings.node() {
            return Err(Refusal::new(Reason::FrameInvalid).with("field", "log").with("log", origin));
        }
        let is_it = |record: &NodeRecord| record.node == origin.node && record.tls_sha256 == tls_sha256;
        let stranger = || Refusal::new(Reason::PeerUnknown).with("node", &origin.node).with("tls_sha256", tls_sha256);
        if self.state.logs.get(&origin).is_none_or(|log| log.tree.size() == 0) {
            let trust = self.begins_well(&run)?;
            self.state.registry.check_begins(&trust)?;
            if !trust.node_record().is_some_and(|(_, record)| is_it(record)) {
                return Err(stranger());
            }
            self.run(&origin.node, run, now, work)?;
        }
        match self.state.registry.node_records().get(&origin.node) {
            Some(record) if is_it(record) => Ok(Answer::Done),
            _ => Err(stranger()),
        }
    }

    /// A caller with this TLS key shows the new record of a node that is known. It must be signed with the two keys that a
    /// change in the node's log needs, and count no longer than until that log says something newer.
    pub(in crate::protocol) fn reintroduced(&mut self, shown: &Signed, tls_sha256: Hash) -> Result<Answer, Refusal> {
        let record = match Body::read(shown)? {
            Body::NodeRecord(record) if record.tls_sha256 == tls_sha256 => record,
            _ => return Err(Refusal::new(Reason::PeerUnknown).with("tls_sha256", tls_sha256)),
        };
        let refuse = |rule: &str| Refusal::new(Reason::PeerUnknown).with("node", &record.node).with("rule", rule);
        let registry = &self.state.registry;
        let newest = registry.logs_of(&record.log.federation, &record.node).last();
        let log = newest.filter(|log| *log.origin() == record.log).ok_or_else(|| refuse("another log"))?;
        let log_key = log.log_key().ok_or_else(|| refuse("no log key"))?;
        let with_statement_key = shown.without_signature_of(&log_key.hash())?;
        shown.verify(log_key)?;
        let at = self.state.logs.get(&record.log).map_or(0, |log| log.size());
        log.judge(&with_statement_key, at)?;
        registry.check_member(&record.operator)?;
        for by in with_statement_key.signatures() {
            registry.check_counts(&record.operator, &by.key, &record.log, at)?;
        }
        let current = log.node_record().map(|(id, _)| *id);
        let is_replaced = self.state.places.of(&shown.id()).next().is_some() && current != Some(shown.id());
        let is_taken =
            self.node_records().any(|(node, known)| *node != record.node && known.tls_sha256 == tls_sha256);
        if is_replaced || is_taken || record.node == *self.settings.node() {
            return Err(refuse("replaced before, or another node's"));
        }
        self.sync.shown.insert(record.node.clone(), (record, current));
        Ok(Answer::Done)
    }

    /// The record of every node: that of its log, or a newer one it has shown.
    pub fn node_records(&self) -> impl Iterator<Item = (&NodeId, &NodeRecord)> {
        let records = self.state.registry.node_records().into_iter();
        records.map(|(node, record)| (node, self.shown_record(node).unwrap_or(record)))
    }

    /// The record of one node.
    pub fn node_record(&self, node: &NodeId) -> Option<&NodeRecord> {
        let record = self.state.registry.node_record(&self.settings.origin.federation, node)?;
        Some(self.shown_record(node).unwrap_or(record))
    }

    fn shown_record(&self, node: &NodeId) -> Option<&NodeRecord> {
        let (record, before) = self.sync.shown.get(node)?;
        let in_log = self.state.registry.log(&record.log)?.node_record().map(|(id, _)| *id);
        (in_log == *before).then_some(record)
    }

    /// What this node shows to those who know it by a TLS key that it has lost: its record with the newest key it holds,
    /// signed by statement key and log key.
    pub fn record_to_show(&self) -> Result<Signed, Refusal> {
        let origin = &self.settings.origin;
        let absent = || Refusal::new(Reason::KeyAbsent).with("log", origin);
        let log = self.state.registry.log(origin).ok_or_else(absent)?;
        let (_, record) = log.node_record().ok_or_else(absent)?;
        let tls_sha256 = *self.keys.tls.last().ok_or_else(absent)?;
        let log_key = NodeKeys::half_of(&self.keys.log, log.log_key().ok_or_else(absent)?).ok_or_else(absent)?;
        let record = NodeRecord { tls_sha256, ..record.clone() };
        Ok(Signed::sign(&Kind::NodeRecord, &record, &[self.statement_key(&record.operator)?, log_key]))
    }

    /// Whoever has lost the TLS key that the own record names says so in its log, as soon as it may.
    pub(super) fn replace_lost_tls_key(&mut self, work: &mut Work) {
        let trust = self.state.trust_of(&self.settings.origin);
        let Some((_, record)) = trust.node_record() else { return };
        let Some(newest) = self.keys.tls.last().filter(|_| !self.keys.tls.contains(&record.tls_sha256)) else {
            return;
        };
        let record = NodeRecord { tls_sha256: *newest, ..record.clone() };
        let Ok(key) = self.statement_key(&record.operator) else { return };
        let signed = Signed::sign(&Kind::NodeRecord, &record, &[key]);
        if let Ok(verified) = trust.judge(&signed, self.own_size()) {
            self.append(verified, work);
        }
    }

    /// What a log says about trust after a beginning in which every entry is as it must be.
    fn begins_well(&self, run: &Run) -> Result<LogTrust, Refusal> {
        let mut trust = LogTrust::new(run.origin.clone(), self.settings.anchor);
        for (index, entry) in (0..).zip(&run.entries) {
            if let Some(Err(refusal)) = judge_entry(&mut trust, entry, index) {
                return Err(refusal.with("position", index));
            }
        }
        Ok(trust)
    }
}
