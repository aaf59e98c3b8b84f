//! A log as its entries make it, computed from them alone: the tree over its leaves and what it has said about trust.
use verbund::domain::statement::Signed;
use verbund::log::leaf::Leaf;
use verbund::log::merkle::Tree;
use verbund::log::subjects::Subjects;
use verbund::protocol::record::LogEntry;
use verbund::protocol::state::LogState;

/// Tree and subjects of the entries so far; every leaf depends on the subjects before it.
#[derive(Clone, Default)]
pub struct History {
    pub tree: Tree,
    pub subjects: Subjects,
}

impl History {
    /// The history that a node holds of a log.
    pub fn held(log: &LogState) -> Self {
        Self { tree: log.tree.clone(), subjects: log.subjects.clone() }
    }

    /// The next entry.
    pub fn push(&mut self, leaf: &Leaf, statement: Option<&Signed>) {
        self.tree.push(self.subjects.push(self.tree.size(), leaf, statement));
    }

    /// The next entries.
    pub fn append(&mut self, entries: &[LogEntry]) {
        entries.iter().for_each(|entry| self.push(&entry.leaf, entry.statement.as_ref()));
    }
}

/// The tree of a whole log.
pub fn tree_of(entries: &[LogEntry]) -> Tree {
    let mut history = History::default();
    history.append(entries);
    history.tree
}
