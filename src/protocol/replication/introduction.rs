//! Introductions: a node that nobody knows shows how its own log begins, and is known from then on.
//!
//! Must never admit a log that begins with a mistake, nor one whose node record names another TLS key than the one the
//! caller has shown: the beginning of a log is public, and anyone could show it.
use crate::domain::id::{Hash, Origin};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::signing::SecretKey;
use crate::domain::statement::Signed;
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
