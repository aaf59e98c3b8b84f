//! A whole replica judged: every leaf, trust digest, root, checkpoint, cosignature and signature computed again.
//!
//! Fed record by record in the order in which a node has written them, so that a log of any length needs its hashes in
//! memory and nothing else. Must never believe what a node has noted about its own checks.
use std::collections::BTreeMap;

use crate::audit::papers::{Paper, Papers};
use crate::audit::report::{Book, Case, Check, LogLine, NotChecked, Report, Ruling};
use crate::domain::body::Body;
use crate::domain::id::{Hash, Origin, StatementId};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::{Kind, Signed};
use crate::domain::trust::subject::is_trust_kind;
use crate::domain::trust::{LogTrust, Registry};
use crate::log::checkpoint::Checkpoint;
use crate::log::cosignature::Witnesses;
use crate::log::fork::ForkProof;
use crate::log::leaf::{Audience, Leaf};
use crate::log::merkle::Tree;
use crate::log::note::SignedNote;
use crate::log::subjects::Subjects;

/// Findings that are written down; a broken log would give one for each of its entries.
const FINDINGS_MAX: usize = 200;

/// One log as far as it has been read.
struct Held {
    trust: LogTrust,
    tree: Tree,
    subjects: Subjects,
    /// Entries whose content is here.
    contents: u64,
    /// Checkpoints that reach beyond what has been read.
    ahead: BTreeMap<u64, Vec<SignedNote>>,
    /// The newest checkpoint that holds.
    newest: Option<(u64, SignedNote)>,
    /// Whether an entry or its public content is missing, after which nothing can be computed.
    is_broken: bool,
}

/// The audit while the records come in.
pub struct Replica {
    given: Option<StatementId>,
    anchor: StatementId,
    logs: BTreeMap<Origin, Held>,
    receipts: Vec<Signed>,
    forks: Vec<ForkProof>,
    book: Book,
    /// Those that findings are about.
    papers: Papers,
    findings: usize,
    worst: Ruling,
    statements: usize,
    signatures: usize,
}

impl Replica {
    /// Nothing read yet. Without the federation's root nothing can be better than *nicht prüfbar*.
    pub fn new(root: Option<StatementId>) -> Self {
        Self {
            given: root,
            anchor: root.unwrap_or(StatementId([0; 32])),
            logs: BTreeMap::new(),
            receipts: Vec::new(),
            forks: Vec::new(),
            book: Book::default(),
            papers: Papers::default(),
            findings: 0,
            worst: Ruling::Valid,
            statements: 0,
            signatures: 0,
        }
    }

    /// The records so far are whole.
    pub fn whole(&mut self) {
        self.book.pass(Check::Container);
    }

    /// The records end here because of this.
    pub fn damaged(&mut self, refusal: Refusal) {
        self.note(Check::Container, "records", Ruling::Invalid, refusal);
    }

    /// Entries of a log from `first` on, each with its content if that is here, and the checkpoint they came under.
    pub fn entries<'e>(
        &mut self,
        origin: &Origin,
        first: u64,
        entries: impl IntoIterator<Item = (&'e Leaf, Option<&'e Signed>)>,
        note: &str,
    ) {
        for (index, (leaf, statement)) in (first..).zip(entries) {
            self.entry(origin, index, leaf, statement);
        }
        if !note.is_empty() {
            self.checkpoint(origin, note);
        }
        self.catch_up(origin);
    }

    fn held(&mut self, origin: &Origin) -> &mut Held {
        let anchor = self.anchor;
        self.logs.entry(origin.clone()).or_insert_with(|| Held {
            trust: LogTrust::new(origin.clone(), anchor),
            tree: Tree::new(),
            subjects: Subjects::default(),
            contents: 0,
            ahead: BTreeMap::new(),
            newest: None,
            is_broken: false,
        })
    }

    fn entry(&mut self, origin: &Origin, index: u64, leaf: &Leaf, statement: Option<&Signed>) {
        self.find_anchor(statement);
        let held = self.held(origin);
        let size = held.tree.size();
        if held.is_broken {
            return;
        }
        if index != size {
            held.is_broken = true;
            let refusal =
                Refusal::new(Reason::EvidenceMissing).with("log", origin).with("rule", "an entry is missing");
            let refusal = refusal.with("expected", size).with("found", index);
            return self.note(Check::Complete, origin, Ruling::NotCheckable, refusal);
        }
        let hash = held.subjects.push(index, leaf, statement);
        held.tree.push(hash);
        held.contents += u64::from(statement.is_some());
        match statement {
            Some(signed) => self.statement(origin, index, leaf, signed),
            // Whether it was about trust nobody can tell, so no later leaf can be computed.
            None if leaf.audience() == Audience::Public => {
                held.is_broken = true;
                let refusal = Refusal::new(Reason::EvidenceMissing).with("statement", leaf.statement_id());
                self.note(Check::Complete, place(origin, index), Ruling::NotCheckable, refusal);
            }
            None => self.book.pass(Check::Complete),
        }
    }

    /// Without a root given, that of the first log is taken, to find what else is wrong.
    fn find_anchor(&mut self, statement: Option<&Signed>) {
        if self.anchor != StatementId([0; 32]) {
            return;
        }
        if let Some(root) = statement.filter(|signed| *signed.kind() == Kind::FederationRoot) {
            self.anchor = root.id();
        }
    }

    fn statement(&mut self, origin: &Origin, index: u64, leaf: &Leaf, signed: &Signed) {
        self.statements += 1;
        self.signatures += signed.signatures().len();
        let subject = place(origin, index);
        if !leaf.matches(signed) {
            let refusal = Refusal::new(Reason::LeafInvalid).with("statement", signed.id());
            self.papers.put(subject.clone(), Paper::of(signed));
            return self.note(Check::Inclusion, subject, Ruling::Invalid, refusal);
        }
        self.book.pass(Check::Inclusion);
        self.book.pass(Check::Complete);
        let trust = &mut self.held(origin).trust;
        let judged = trust.judge(signed, index);
        if let Ok(verified) = &judged {
            trust.absorb(verified, index);
        }
        let check = match signed.kind() {
            Kind::FederationRoot => Check::Root,
            kind if is_trust_kind(kind) => Check::Trust,
            _ => Check::Signers,
        };
        match judged {
            Ok(_) => self.book.pass(check),
            // What a log was refused for it has said all the same; nothing follows from it.
            Err(refusal) => {
                self.papers.put(subject.clone(), Paper::of(signed));
                let forged = matches!(refusal.reason, Reason::SignatureInvalid | Reason::RootUnknown);
                let ruling = if forged { Ruling::Invalid } else { Ruling::Valid };
                self.note(check, subject, ruling, refusal);
            }
        }
    }

    /// A checkpoint of a log, with whatever cosignatures it carries.
    pub fn checkpoint(&mut self, origin: &Origin, text: &str) {
        let read = SignedNote::parse(text).and_then(|note| Ok((Checkpoint::parse(note.text())?.size, note)));
        match read {
            Ok((size, note)) => self.held(origin).ahead.entry(size).or_default().push(note),
            Err(refusal) => self.note(Check::Checkpoint, origin, Ruling::Invalid, refusal),
        }
        self.catch_up(origin);
    }

    /// Checks the checkpoints of which all entries are here.
    fn catch_up(&mut self, origin: &Origin) {
        let held = self.held(origin);
        if held.is_broken {
            return;
        }
        let beyond = held.ahead.split_off(&held.tree.size().saturating_add(1));
        let due = std::mem::replace(&mut held.ahead, beyond);
        for (size, note) in due.into_iter().flat_map(|(size, notes)| notes.into_iter().map(move |note| (size, note)))
        {
            let held = self.held(origin);
            match held.check(origin, size, &note) {
                Ok(()) => {
                    if held.newest.as_ref().is_none_or(|(known, _)| *known <= size) {
                        held.newest = Some((size, note));
                    }
                    self.book.pass(Check::Checkpoint);
                }
                Err(refusal) => {
                    self.note(Check::Checkpoint, format!("{origin} ({size})"), Ruling::Invalid, refusal);
                }
            }
        }
    }

    /// A statement that stands in no log.
    pub fn kept(&mut self, signed: &Signed) {
        if *signed.kind() == Kind::Receipt {
            self.receipts.push(signed.clone());
        }
    }

    /// A proof that a log contradicts itself.
    pub fn forked(&mut self, proof: &ForkProof) {
        self.forks.push(proof.clone());
    }

    /// Everything has been read.
    pub fn finish(mut self) -> Report {
        self.check_root();
        let mut registry = Registry::default();
        for held in self.logs.values() {
            registry.put(held.trust.clone());
        }
        let witnesses: Witnesses = registry.witnesses().into();
        let lines = self.check_witnesses(&witnesses);
        self.check_forks(&registry);
        self.check_receipts(&registry);
        let whole = |log: &&LogTrust| self.logs.get(log.origin()).is_some_and(|held| !held.is_broken);
        for log in registry.logs().filter(whole) {
            self.book.judge(Check::Trust, log.origin(), registry.check_named(log));
        }
        let used =
            [Check::Root, Check::Trust, Check::Complete, Check::Checkpoint, Check::Witnesses, Check::Inclusion];
        for check in Check::ALL.iter().filter(|check| !used.contains(check)) {
            self.book.spare(*check);
        }
        let case = Case {
            root: self.logs.values().any(|held| held.trust.root().is_some()).then_some(self.anchor),
            counts: [self.statements, self.signatures, self.logs.len()],
            logs: lines,
            papers: std::mem::take(&mut self.papers),
            not_checked: vec![NotChecked::TruthOfFacts, NotChecked::WallClock, NotChecked::OthersContents],
            ..Case::default()
        };
        let mut report = self.book.close(case);
        report.case.not_checked.retain(|gap| *gap != NotChecked::NoReceipts);
        report
    }

    fn check_root(&mut self) {
        if self.given.is_none() {
            let refusal = Refusal::new(Reason::RootNotGiven).with("found", self.anchor);
            self.note(Check::Root, "root/1", Ruling::NotCheckable, refusal);
        }
    }

    /// The newest checkpoint of each log has been seen by enough witnesses.
    fn check_witnesses(&mut self, witnesses: &Witnesses) -> Vec<LogLine> {
        let mut lines = Vec::new();
        for (origin, held) in &self.logs {
            let quorum = held.newest.as_ref().map(|(_, note)| witnesses.count(note));
            let missing = || Refusal::new(Reason::EvidenceMissing).with("log", origin).with("rule", "no checkpoint");
            let seen = quorum.as_ref().ok_or_else(missing).and_then(|quorum| quorum.require());
            self.book.judge(Check::Witnesses, origin, seen);
            for size in held.ahead.keys().filter(|_| !held.is_broken) {
                let refusal = Refusal::new(Reason::EvidenceMissing).with("log", origin).with("size", size);
                let refusal = refusal.with("rule", "entries up to a checkpoint are missing");
                self.book.note(Check::Complete, origin, Ruling::NotCheckable, refusal);
            }
            lines.push(LogLine {
                origin: origin.clone(),
                size: held.tree.size(),
                contents: held.contents,
                checkpoint: held.newest.as_ref().map(|(size, _)| *size),
                witnesses: quorum.map_or(0, |quorum| quorum.keys),
                needed: witnesses.needed,
            });
        }
        lines
    }

    fn check_forks(&mut self, registry: &Registry) {
        for proof in std::mem::take(&mut self.forks) {
            let shared = proof.size.saturating_sub(1);
            let key = |size: u64, shared: u64| registry.log(&proof.origin)?.log_key_beside(size, shared).cloned();
            let checked =
                proof.check(&|size| [u64::MAX, shared].into_iter().filter_map(|shared| key(size, shared)).collect());
            let refusal = match checked {
                Ok(shared) => Refusal::new(Reason::LogFork).with("log", &proof.origin).with("position", shared),
                Err(refusal) => refusal,
            };
            self.note(Check::Checkpoint, &proof.origin, Ruling::Invalid, refusal);
        }
    }

    fn check_receipts(&mut self, registry: &Registry) {
        for signed in std::mem::take(&mut self.receipts) {
            let home = Body::read(&signed).and_then(|body| match body {
                Body::Receipt(receipt) => registry.home(&receipt.from),
                _ => Err(Refusal::new(Reason::StatementMalformed)),
            });
            match home.and_then(|home| home.judge_receipt(&signed)) {
                Ok(_) => self.book.pass(Check::Receipts),
                Err(refusal) => self.note(Check::Receipts, signed.id(), Ruling::of(&refusal), refusal),
            }
        }
    }

    /// Books a finding. Beyond [`FINDINGS_MAX`] only what makes the verdict worse is written down.
    fn note(&mut self, check: Check, subject: impl ToString, ruling: Ruling, refusal: Refusal) {
        self.findings += 1;
        if self.findings <= FINDINGS_MAX || ruling > self.worst {
            self.book.note(check, subject, ruling, refusal);
        }
        self.worst = self.worst.max(ruling);
    }
}

fn place(origin: &Origin, index: u64) -> String {
    format!("{origin} #{index}")
}

impl Held {
    /// The log's key has signed the root of exactly these entries.
    fn check(&self, origin: &Origin, size: u64, note: &SignedNote) -> Result<(), Refusal> {
        let missing = || Refusal::new(Reason::KeyUnknown).with("log", origin).with("size", size);
        let key = self.trust.log_key_of(size).ok_or_else(missing)?;
        let head = Checkpoint::open(note, origin, key)?;
        let root: Hash = self.tree.root_at(size)?;
        if head.root == root {
            return Ok(());
        }
        Err(Refusal::new(Reason::LogFork).with("log", origin).with("size", size))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_very_many_findings_the_worst_still_decides() {
        let mut replica = Replica::new(None);
        for _ in 0..FINDINGS_MAX + 5 {
            replica.note(Check::Trust, "a", Ruling::Valid, Refusal::new(Reason::KeyUnknown));
        }
        for _ in 0..5 {
            replica.note(Check::Signers, "b", Ruling::Invalid, Refusal::new(Reason::SignatureInvalid));
        }
        let report = replica.finish();
        assert_eq!(report.ruling(), Ruling::Invalid);
        assert!(report.findings().count() < FINDINGS_MAX + 10);
    }
}
