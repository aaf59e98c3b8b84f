//! Who was entitled to sign what, and where it stands: every log in the bundle, folded from its own statements.
//!
//! The hash of the federation root is the only thing that comes from outside. Everything else must follow from what
//! the logs themselves say before the place in question. Must never take a place for proven: the fold goes by the
//! indices claimed, and the proofs of all of them are checked besides.
use std::collections::{BTreeMap, BTreeSet, btree_map};

use crate::audit::bundle::{Bundle, LogEnd, POLICY, Reading, Section, log_label, origin_of};
use crate::audit::report::{Book, Check, Ruling};
use crate::domain::body::Body;
use crate::domain::id::{Hash, KeyHash, OrderId, OrgId, Origin, StatementId};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::salt::Salt;
use crate::domain::signing::PublicKey;
use crate::domain::statement::{Kind, Signed, Verified, kind_and_payload};
use crate::domain::trust::subject::{Subject, subject_in, subject_of};
use crate::domain::trust::{Holder, LogTrust, OfficerGrant, Registry};
use crate::log::checkpoint::Checkpoint;
use crate::log::cosignature::{Quorum, Witnesses};
use crate::log::leaf::{Audience, Leaf, NO_OUTCOME, OutcomeTag, STEM_BYTES};
use crate::log::merkle::{leaf_hash, verify_inclusion};
use crate::log::note::{SignatureType, SignedNote, vkey};
use crate::log::proof::TlogProof;
use crate::log::subjects::chain;

/// The place of a statement that has no proof: after everything, so that nothing can rest on it.
const UNPLACED: u64 = u64::MAX;

/// A statement with at most one proof. A root version gives one entry per log.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its name in the bundle.
    pub name: String,
    /// Where it lies.
    pub section: Section,
    /// The statement.
    pub signed: Signed,
    /// The proof.
    pub proof: Option<TlogProof>,
    /// The log and the index that the proof claims.
    pub place: Option<(Origin, u64)>,
}

impl Entry {
    /// One entry for every statement and proof.
    pub fn all(reading: &Reading) -> Vec<Self> {
        let mut entries = Vec::new();
        for filed in &reading.statements {
            let entry = |name: &str, proof: Option<&TlogProof>| Self {
                name: name.to_owned(),
                section: filed.section,
                signed: filed.signed.clone(),
                proof: proof.cloned(),
                place: proof.and_then(|proof| Some((origin_of(proof)?, proof.index))),
            };
            match filed.proofs.as_slice() {
                [] => entries.push(entry(&filed.name, None)),
                proofs => entries.extend(proofs.iter().map(|(name, proof)| entry(name, Some(proof)))),
            }
        }
        entries
    }

    fn index(&self) -> u64 {
        self.place.as_ref().map_or(UNPLACED, |(_, index)| *index)
    }

    fn is_folded(&self) -> bool {
        matches!(self.section, Section::Root | Section::Trust | Section::Facts)
    }
}

/// What the request says that the leaf of a seal or void depends on.
pub type OutcomeKey = (OrderId, u32, Salt);

/// All logs of a bundle, and the public statements that hold.
pub struct Logs {
    registry: Registry,
    registered: BTreeSet<KeyHash>,
    witnesses: Witnesses,
    /// What witnesses say about the checkpoints that have been checked, by their texts with all lines.
    quorums: BTreeMap<String, Quorum>,
    public: BTreeMap<StatementId, (String, Verified<Body>)>,
}

impl Logs {
    /// Folds the trust statements and facts of every log in the order of their indices, and books what does not hold.
    pub fn fold(entries: &[Entry], anchor: StatementId, book: &mut Book) -> Self {
        let mut logs = Self {
            registry: Registry::default(),
            registered: BTreeSet::new(),
            witnesses: Witnesses::default(),
            quorums: BTreeMap::new(),
            public: BTreeMap::new(),
        };
        let mut refused = Vec::new();
        for (origin, mut of_log) in by_log(entries, anchor) {
            of_log.sort_by_key(|entry| entry.index());
            logs.fold_log(origin, anchor, entries, &of_log, &mut refused);
        }
        for log in logs.registry.logs() {
            logs.registered.extend(log.keys().keys());
        }
        logs.witnesses = logs.registry.witnesses().into();
        logs.take_back(entries, &mut refused);
        for entry in entries.iter().filter(|entry| entry.is_folded()) {
            match refused.iter().find(|(of, _)| std::ptr::eq(*of, entry)) {
                // What a log was refused for it has said all the same; nothing follows from it.
                Some((_, refusal)) if subject_of(&entry.signed).is_some() && entry.place.is_some() => {
                    book.note(Check::Trust, &entry.name, Ruling::Valid, refusal.clone());
                }
                Some((_, refusal)) => logs.refuse(entry, refusal.clone(), book),
                None if logs.public.contains_key(&entry.signed.id()) => logs.pass(entry, book),
                // A fact without a proof is judged by what its author's home log says last. A root version without one
                // follows nothing; that its proof is missing is booked with the proofs.
                None if entry.section == Section::Facts => {
                    if let Some(verified) = logs.judge(entry, UNPLACED, book) {
                        logs.public.insert(entry.signed.id(), (entry.name.clone(), verified));
                    }
                }
                None => {}
            }
        }
        logs
    }

    /// Facts that count no more because of what another log says of their signer.
    fn take_back<'e>(&mut self, entries: &'e [Entry], refused: &mut Vec<(&'e Entry, Refusal)>) {
        for entry in entries.iter().filter(|entry| entry.section == Section::Facts) {
            let (Some((origin, at)), [by]) = (&entry.place, entry.signed.signatures()) else { continue };
            if let Err(refusal) = self.registry.check_at(&by.key, origin, *at)
                && self.public.remove(&entry.signed.id()).is_some()
            {
                refused.push((entry, refusal));
            }
        }
    }

    fn fold_log<'e>(
        &mut self,
        origin: Origin,
        anchor: StatementId,
        entries: &[Entry],
        of_log: &[&'e Entry],
        refused: &mut Vec<(&'e Entry, Refusal)>,
    ) {
        let mut trust = LogTrust::new(origin, anchor);
        // A log whose first root has no proof is folded all the same; that the proof is missing is booked elsewhere.
        let root = entries.iter().find(|entry| entry.signed.id() == anchor);
        if let Some(root) = root.filter(|root| of_log.iter().all(|entry| entry.signed.id() != root.signed.id()))
            && let Ok(verified) = trust.judge(&root.signed, 0)
        {
            trust.absorb(&verified, 0);
            self.public.insert(root.signed.id(), (root.name.clone(), verified));
        }
        for &entry in of_log {
            match trust.judge(&entry.signed, entry.index()) {
                Ok(verified) => {
                    trust.absorb(&verified, entry.index());
                    self.public.insert(entry.signed.id(), (entry.name.clone(), verified));
                }
                Err(refusal) => refused.push((entry, refusal)),
            }
        }
        self.registry.put(trust);
    }

    /// Whose cosignatures count.
    pub fn witnesses(&self) -> &Witnesses {
        &self.witnesses
    }

    /// What they say about a checkpoint; what has been counted is not counted again.
    pub fn quorum(&self, note: &SignedNote) -> Quorum {
        self.quorums.get(&note.to_string()).cloned().unwrap_or_else(|| self.witnesses.count(note))
    }

    /// The public statements that hold, by id, each with its name in the bundle.
    pub fn public(&self) -> &BTreeMap<StatementId, (String, Verified<Body>)> {
        &self.public
    }

    /// How many logs there are.
    pub fn count(&self) -> usize {
        self.registry.logs().count()
    }

    /// The trust of the log that is home to an organisation.
    pub fn home(&self, org: &OrgId) -> Result<&LogTrust, Refusal> {
        self.registry.home(org)
    }

    /// Whose key stands behind the only signature of an officer's statement, as the log knows it in which that stands: the
    /// organisation may have moved since.
    pub fn officer(&self, org: &OrgId, signed: &Signed, place: Option<&(Origin, u64)>) -> Option<&OfficerGrant> {
        let key = &signed.signatures().first()?.key;
        match place {
            Some((origin, _)) => self.grant(origin, key).filter(|grant| grant.org == *org),
            None => self.registry.officer(org, key),
        }
    }

    /// Judges a statement that is no part of the fold by its author's home log: at its place, or at `otherwise`.
    pub fn judge(&self, entry: &Entry, otherwise: u64, book: &mut Book) -> Option<Verified<Body>> {
        let judged = self.home_of(entry).and_then(|home| {
            let at = entry.place.as_ref().map_or(otherwise, |(_, index)| *index);
            let verified = home.judge(&entry.signed, at)?;
            let signers = entry.signed.signatures().iter().map(|by| by.key);
            let holders = signers.filter_map(|key| Some((key, home.keys().get(&key)?.holder.org())));
            for (key, org) in holders {
                self.registry.check_counts(org, &key, home.origin(), at)?;
            }
            Ok(verified)
        });
        self.book(entry, judged, book)
    }

    /// Judges a receipt, which stands in no log.
    pub fn judge_receipt(&self, entry: &Entry, book: &mut Book) -> Option<Verified<Body>> {
        let judged = self.home_of(entry).and_then(|home| home.judge_receipt(&entry.signed));
        self.book(entry, judged, book)
    }

    fn book(
        &self,
        entry: &Entry,
        judged: Result<Verified<Body>, Refusal>,
        book: &mut Book,
    ) -> Option<Verified<Body>> {
        match judged {
            Ok(verified) => {
                self.pass(entry, book);
                Some(verified)
            }
            Err(refusal) => {
                self.refuse(entry, refusal, book);
                None
            }
        }
    }

    fn home_of(&self, entry: &Entry) -> Result<&LogTrust, Refusal> {
        let body = Body::read(&entry.signed)?;
        let refuse = || Refusal::new(Reason::SignerWrong).with("kind", entry.signed.kind());
        if matches!(body, Body::RulePack(_)) {
            // The trustees sign it for everyone: any log knows them.
            return self.registry.logs().next().ok_or_else(|| Refusal::new(Reason::EvidenceMissing));
        }
        let (org, _) = body.signer_rule().ok_or_else(refuse)?;
        // Whoever goes on for another speaks from its own home; and a home may have been elsewhere then.
        let key = entry.signed.signatures().first().map(|by| by.key);
        let holds = |who: &&OrgId| {
            let log = self.registry.home(who).ok();
            log.zip(key).is_some_and(|(log, key)| log.keys().contains_key(&key))
        };
        let who = [Some(org), self.registry.heir(org)].into_iter().flatten().find(holds).unwrap_or(org);
        let Some((origin, at)) = &entry.place else { return self.registry.home(who) };
        let then = self.registry.log(origin).filter(|log| log.is_home_at(who, *at));
        then.ok_or_else(|| refuse().with("log", origin).with("org", who)).or_else(|refusal| {
            // Without the log's beginning nobody can say whose home it is.
            self.registry.home(who).and(Err(refusal))
        })
    }

    fn pass(&self, entry: &Entry, book: &mut Book) {
        book.pass(check_of(entry.section));
        if entry.place.is_some() && entry.signed.signatures().len() == 1 {
            book.pass(Check::Position);
        }
    }

    /// Books a refusal: a key that is not registered at this place is a matter of order, a key that nothing in the
    /// bundle registers is a gap, and a key of someone else is wrong.
    fn refuse(&self, entry: &Entry, refusal: Refusal, book: &mut Book) {
        let check = check_of(entry.section);
        let log = match &entry.place {
            Some((origin, _)) => self.registry.log(origin),
            None => self.home_of(entry).ok(),
        };
        let keys = entry.signed.signatures().iter().map(|by| by.key);
        match refusal.reason {
            Reason::KeyRevoked | Reason::KeyDisputed => book.refuse(Check::Position, &entry.name, refusal),
            Reason::KeyUnknown => {
                let here = keys.clone().find_map(|key| log.and_then(|log| log.keys().get(&key)));
                match here {
                    Some(standing) if standing.from == UNPLACED => {
                        book.note(Check::Position, &entry.name, Ruling::NotCheckable, refusal);
                    }
                    Some(_) => book.note(Check::Position, &entry.name, Ruling::Invalid, refusal),
                    None if keys.clone().any(|key| self.registered.contains(&key)) => {
                        let wrong = Refusal { reason: Reason::SignerWrong, ..refusal };
                        book.refuse(check, &entry.name, wrong);
                    }
                    None => book.note(check, &entry.name, Ruling::NotCheckable, refusal),
                }
            }
            Reason::RootUnknown if log.is_none_or(|log| log.root().is_none()) && check != Check::Root => {
                book.note(check, &entry.name, Ruling::NotCheckable, refusal);
            }
            _ => book.refuse(check, &entry.name, refusal),
        }
    }

    /// The policy in C2SP's words: logs, witnesses, quorum. A group whose witnesses are not all known keeps its threshold
    /// and so cannot be met.
    pub fn policy_text(&self) -> String {
        let mut text = String::new();
        for (origin, key) in self.registry.logs().filter_map(|log| Some((log.origin(), log.log_key()?))) {
            text += &format!("log {}\n", vkey(&origin.to_string(), SignatureType::Ed25519, key));
        }
        for (name, keys) in &self.witnesses.keys {
            let vkey = |key: &PublicKey| vkey(name, SignatureType::Cosignature, key);
            if let [only] = keys.as_slice() {
                text += &format!("witness {name} {}\n", vkey(only));
                continue;
            }
            // A witness whose key was replaced is one witness all the same.
            let generations: Vec<String> = (1..=keys.len()).map(|number| format!("{name}.{number}")).collect();
            for (generation, key) in generations.iter().zip(keys) {
                text += &format!("witness {generation} {}\n", vkey(key));
            }
            text += &format!("group {name} any {}\n", generations.join(" "));
        }
        // Node names have no capitals, so the group cannot be mistaken for a witness.
        let names: Vec<&str> = self.witnesses.keys.keys().map(String::as_str).collect();
        text + &format!("group QUORUM {} {}\nquorum QUORUM\n", self.witnesses.needed, names.join(" "))
    }

    /// Checks that `policy.txt` says what the logs say. Lines the logs do not bear out are a gap, others are wrong.
    pub fn check_policy(&self, bundle: &Bundle, book: &mut Book) {
        let derived = self.policy_text();
        let text = bundle.members.get(POLICY).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default();
        if text == derived {
            return book.pass(Check::Witnesses);
        }
        let group = format!("group QUORUM {} ", self.witnesses.needed);
        let kept = |line: &str| text.lines().any(|found| found == line);
        let borne_out = derived.lines().filter(|line| !line.starts_with("group ")).all(kept)
            && text.lines().any(|line| line.starts_with(&group));
        let reason =
            if borne_out || self.witnesses.needed == 0 { Reason::EvidenceMissing } else { Reason::BundleAltered };
        book.refuse(Check::Witnesses, POLICY, Refusal::new(reason).with("member", POLICY));
    }

    /// Checks that every log was begun by whom it names: the operator that the trustees have named.
    pub fn check_names(&self, book: &mut Book) {
        for log in self.registry.logs() {
            let (subject, unnamed) = (log.origin(), log.operator().is_none() || log.log_key().is_none());
            if unnamed {
                book.refuse(Check::Trust, subject, Refusal::new(Reason::EvidenceMissing).with("log", subject));
            } else {
                book.judge(Check::Trust, subject, self.registry.check_named(log));
            }
        }
    }

    /// Everyone about whom the bundle must show everything that this log has said.
    pub fn subjects(&self, origin: &Origin, entries: &[Entry]) -> BTreeSet<String> {
        let of_log = self.registry.log(origin).map(|log| subjects(log, entries)).unwrap_or_default();
        of_log.iter().map(ToString::to_string).collect()
    }

    /// Checks for every log that nothing it has said about trust was left out: each subject's statements in the bundle
    /// must lead to the trust digest in the log's newest leaf.
    pub fn check_complete(&self, entries: &[Entry], ends: &[LogEnd], sold: &BTreeSet<StatementId>, book: &mut Book) {
        for log in self.registry.logs() {
            let origin = log.origin();
            let missing = || Refusal::new(Reason::EvidenceMissing).with("log", origin);
            let end = ends.iter().find(|end| origin_of(&end.proof).as_ref() == Some(origin));
            let result = end.ok_or_else(missing).and_then(|end| check_end(log, end, entries, sold));
            book.judge(Check::Complete, origin, result);
        }
    }

    /// The grant behind a key, as one log knows it.
    pub fn grant(&self, origin: &Origin, key: &KeyHash) -> Option<&OfficerGrant> {
        match &self.registry.log(origin)?.keys().get(key)?.holder {
            Holder::Officer(grant) => Some(grant),
            _ => None,
        }
    }

    /// Checks every proof, and every checkpoint once.
    pub fn check_proofs(
        &mut self,
        entries: &[Entry],
        ends: &[LogEnd],
        outcome: Option<&OutcomeKey>,
        book: &mut Book,
    ) {
        let mut heads = BTreeMap::new();
        for end in ends {
            if self.count_lines(&end.proof.checkpoint) {
                let label = origin_of(&end.proof).as_ref().map(log_label).unwrap_or_default();
                self.check_note(&label, &end.proof.checkpoint, &mut heads, book);
            }
        }
        for entry in entries.iter().filter(|entry| entry.section != Section::Receipts) {
            let Some(proof) = &entry.proof else {
                book.refuse(Check::Inclusion, &entry.name, Refusal::new(Reason::ProofMissing));
                continue;
            };
            if self.count_lines(&proof.checkpoint) {
                self.check_note(&entry.name, &proof.checkpoint, &mut heads, book);
            }
            book.judge(Check::Inclusion, &entry.name, included(entry, proof, outcome));
        }
    }

    /// Counts who has cosigned a checkpoint; whether that had not been done before.
    fn count_lines(&mut self, note: &SignedNote) -> bool {
        let btree_map::Entry::Vacant(place) = self.quorums.entry(note.to_string()) else { return false };
        place.insert(self.witnesses.count(note));
        true
    }

    fn check_note(&self, name: &str, note: &SignedNote, heads: &mut BTreeMap<(Origin, u64), Hash>, book: &mut Book) {
        let claimed = Checkpoint::parse(note.text()).ok();
        let subject = claimed.map_or_else(|| name.to_owned(), |head| format!("{} ({})", head.origin, head.size));
        if let Some(head) = book.judge(Check::Checkpoint, &subject, self.open(note)) {
            let other = heads.insert((head.origin.clone(), head.size), head.root);
            if other.is_some_and(|root| root != head.root) {
                let refusal = Refusal::new(Reason::LogFork).with("log", &head.origin).with("size", head.size);
                book.refuse(Check::Checkpoint, &subject, refusal);
            }
        }
        book.judge(Check::Witnesses, &subject, self.quorum(note).require());
    }

    /// Opens a checkpoint with the log key that was good at its size.
    pub fn open(&self, note: &SignedNote) -> Result<Checkpoint, Refusal> {
        let claimed = Checkpoint::parse(note.text())?;
        let missing = || Refusal::new(Reason::EvidenceMissing).with("log", &claimed.origin);
        let log = self.registry.log(&claimed.origin).ok_or_else(missing)?;
        let key = log.log_key_of(claimed.size).ok_or_else(missing)?;
        Checkpoint::open(note, &claimed.origin, key)
    }
}

/// Everyone whom a log's statements in a bundle are about, and who must therefore be shown to be complete there.
fn subjects(log: &LogTrust, entries: &[Entry]) -> BTreeSet<Subject> {
    let here = entries.iter().filter(|entry| entry.place.as_ref().is_some_and(|(origin, _)| origin == log.origin()));
    let needed = log.orgs().keys().cloned().map(Subject::Organisation).chain([Subject::Federation]);
    needed.chain(here.filter_map(|entry| subject_of(&entry.signed))).collect()
}

/// Checks where a log ends, and that everything said there about each subject lies in the bundle.
fn check_end(log: &LogTrust, end: &LogEnd, entries: &[Entry], sold: &BTreeSet<StatementId>) -> Result<(), Refusal> {
    let origin = log.origin();
    let missing = |rule: &str| Refusal::new(Reason::EvidenceMissing).with("log", origin).with("rule", rule);
    let head = Checkpoint::parse(end.proof.checkpoint.text())?;
    verify_inclusion(leaf_hash(&end.leaf), end.proof.index, head.size, &end.proof.hashes, head.root)?;
    if end.proof.index.checked_add(1) != Some(head.size) {
        return Err(missing("the newest leaf"));
    }
    let here =
        || entries.iter().filter_map(|entry| Some((entry, entry.place.as_ref()?))).filter(|(_, at)| at.0 == *origin);
    // One checkpoint for all of a log: two would have to be shown to tell the same history. And one statement at one place.
    let mut leaves: BTreeMap<u64, StatementId> = BTreeMap::new();
    for (entry, (_, index)) in here() {
        let under = entry.proof.as_ref().map(|proof| proof.checkpoint.text());
        if under != Some(end.proof.checkpoint.text()) {
            return Err(missing("one checkpoint for all places in the log").with("member", &entry.name));
        }
        let id = entry.signed.id();
        if leaves.insert(*index, id).is_some_and(|other| other != id) {
            return Err(Refusal::new(Reason::LogFork).with("log", origin).with("position", index));
        }
    }
    // Everything the bundle shows about each subject, in the order of the log.
    // Of offerings and tariffs only those that the order rests on, and those that a path is shown for.
    let rested_on: BTreeSet<Subject> = here()
        .filter(|(entry, _)| sold.contains(&entry.signed.id()))
        .filter_map(|(entry, _)| subject_of(&entry.signed))
        .collect();
    let is_asked = |subject: &Subject| {
        let is_shown = end.paths.contains_key(&subject.to_string());
        !subject.is_about_sales() || rested_on.contains(subject) || is_shown
    };
    let asked = subjects(log, entries).into_iter().filter(is_asked);
    let mut said: BTreeMap<String, BTreeMap<u64, StatementId>> =
        asked.map(|subject| (subject.to_string(), BTreeMap::new())).collect();
    if let Some(other) = end.paths.keys().find(|subject| !said.contains_key(*subject)) {
        return Err(missing("what this path is about").with("subject", other));
    }
    for (entry, (_, index)) in here() {
        let Some(subject) = subject_of(&entry.signed).filter(is_asked) else { continue };
        let about = said.entry(subject.to_string()).or_default();
        if *index < end.proof.index {
            about.insert(*index, entry.signed.id());
        }
    }
    check_last(end, entries, &said)?;
    let digest = Hash(std::array::from_fn(|at| end.leaf[STEM_BYTES + at]));
    for (subject, ids) in &said {
        let path = end.paths.get(subject).ok_or_else(|| missing("path").with("subject", subject))?;
        let value = (!ids.is_empty()).then(|| chain(ids.values()));
        // A path from what was said, of which nothing is shown.
        let withheld = value.is_none() && path.instead.is_none();
        if withheld || path.digest(subject, value)? != digest {
            return Err(Refusal::new(Reason::TrustWithheld).with("log", origin).with("subject", subject));
        }
    }
    Ok(())
}

/// The newest leaf itself is in no digest yet: if it is public, its bytes are here, and if they are about one of the
/// subjects, so is the statement.
fn check_last(
    end: &LogEnd,
    entries: &[Entry],
    subjects: &BTreeMap<String, BTreeMap<u64, StatementId>>,
) -> Result<(), Refusal> {
    let leaf = Leaf::parse(&end.leaf[..STEM_BYTES])?;
    if leaf.audience() == Audience::Parties {
        return Ok(());
    }
    let id = leaf.statement_id();
    let missing = || Refusal::new(Reason::EvidenceMissing).with("statement", id);
    let last = end.last.as_ref().filter(|pae| StatementId::of(pae) == id).ok_or_else(missing)?;
    let (kind, payload) = kind_and_payload(last)?;
    let about = subject_in(&kind, payload).filter(|subject| subjects.contains_key(&subject.to_string()));
    let is_shown = entries.iter().any(|entry| entry.signed.id() == id);
    match about {
        Some(subject) if !is_shown => {
            Err(Refusal::new(Reason::TrustWithheld).with("statement", id).with("subject", subject))
        }
        _ => Ok(()),
    }
}

/// The folded entries by log. Trust statements without a proof belong to the log their folder names.
fn by_log(entries: &[Entry], anchor: StatementId) -> BTreeMap<Origin, Vec<&Entry>> {
    let mut logs: BTreeMap<Origin, Vec<&Entry>> = BTreeMap::new();
    let folded = || entries.iter().filter(|entry| entry.is_folded());
    for entry in folded() {
        if let Some((origin, _)) = &entry.place {
            logs.entry(origin.clone()).or_default().push(entry);
        }
    }
    let root = entries.iter().find(|entry| entry.signed.id() == anchor);
    let Some(Ok(Body::FederationRoot(root))) = root.map(|root| Body::read(&root.signed)) else { return logs };
    for entry in folded().filter(|entry| entry.place.is_none() && entry.section == Section::Trust) {
        let label = entry.name.split('/').nth(1).unwrap_or_default();
        let known = logs.keys().find(|origin| log_label(origin) == label).cloned();
        let first = || Some(Origin { federation: root.federation.clone(), node: label.parse().ok()?, epoch: 1 });
        if let Some(origin) = known.or_else(first) {
            logs.entry(origin).or_default().push(entry);
        }
    }
    logs
}

fn check_of(section: Section) -> Check {
    match section {
        Section::Root => Check::Root,
        Section::Trust => Check::Trust,
        Section::Facts => Check::Facts,
        Section::Order => Check::Signers,
        Section::Receipts => Check::Receipts,
    }
}

/// Checks the inclusion proof alone: the leaf is computed from the statement, its kind and, for a seal or void, the
/// request.
fn included(entry: &Entry, proof: &TlogProof, outcome: Option<&OutcomeKey>) -> Result<(), Refusal> {
    let head = Checkpoint::parse(proof.checkpoint.text())?;
    let leaf = leaf_of(entry, proof, outcome)?;
    verify_inclusion(leaf, proof.index, head.size, &proof.hashes, head.root)
}

/// The hash of the leaf that a statement must have.
pub(super) fn leaf_of(entry: &Entry, proof: &TlogProof, outcome: Option<&OutcomeKey>) -> Result<Hash, Refusal> {
    let kind = entry.signed.kind();
    let audience = if kind.is_public() { Audience::Public } else { Audience::Parties };
    let tag = match (kind, outcome) {
        (Kind::Seal | Kind::Void, Some((order, attempt, salt))) => OutcomeTag::derive(kind, *order, *attempt, salt),
        (Kind::Seal | Kind::Void, None) => {
            return Err(Refusal::new(Reason::EvidenceMissing).with("kind", Kind::Request));
        }
        _ => NO_OUTCOME,
    };
    let digest: [u8; 32] = proof.extra.as_slice().try_into().map_err(|_| {
        Refusal::new(Reason::ProofInvalid).with("rule", "the extra line holds the trust digest of the leaf")
    })?;
    Ok(Leaf::new(&entry.signed, audience, tag).hash(Hash(digest)))
}
