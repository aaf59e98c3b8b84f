//! The audit: every check in order, all findings collected.
//!
//! Container, root, logs, proofs, then the order itself. A check that fails does not stop the others; what they find
//! may follow from it, and the first row that fails is where to begin reading.
use x509_cert::Certificate;

use crate::audit::annexes::Words;
use crate::audit::bundle::{Bundle, FORMAT, MANIFEST, Reading, Section, VERIFY};
use crate::audit::chronicle::Chronicle;
use crate::audit::container::{MIMETYPE, MIMETYPE_TEXT};
use crate::audit::logs::{Entry, Logs};
use crate::audit::papers::Papers;
use crate::audit::report::{Book, Check, NotChecked, Report, Ruling};
use crate::audit::{annexes, belonging, contract, instructions, terms, timestamp};
use crate::domain::body::Body;
use crate::domain::id::{OrgId, StatementId};
use crate::domain::order::Attempt;
use crate::domain::reason::{Reason, Refusal};

/// A bundle with everything that holds in it.
pub struct Examined {
    /// What the audit found.
    pub report: Report,
    /// The logs and the public statements that hold; absent if the file is no bundle.
    pub(super) logs: Option<Logs>,
    /// Where and when everything stands.
    pub(super) chronicle: Chronicle,
    /// The order's messages that hold; absent if its request does not.
    pub(super) attempt: Option<Attempt>,
    /// The words beside the messages.
    pub(super) words: Words,
}

impl Examined {
    /// What could not even be read.
    pub fn unread(what: &str, refusal: Refusal) -> Self {
        let report = Report::unread(what, refusal);
        Self { report, logs: None, chronicle: Chronicle::default(), attempt: None, words: Words::default() }
    }

    /// The order's messages that hold.
    pub fn attempt(&self) -> Option<&Attempt> {
        self.attempt.as_ref()
    }

    /// The public statements that hold, by id.
    pub fn public(&self) -> impl Iterator<Item = (StatementId, &Body)> {
        let public = self.logs.iter().flat_map(|logs| logs.public());
        public.map(|(id, (_, verified))| (*id, verified.body()))
    }

    /// The full name of an organisation, as its home log holds it.
    pub fn name_of(&self, org: &OrgId) -> Option<&str> {
        let home = self.logs.as_ref()?.home(org).ok()?;
        home.orgs().get(org).map(|standing| standing.admission.name.as_str())
    }
}

/// Judges a bundle against the federation root the auditor was given.
pub fn verify(bundle: &Bundle, expected_root: Option<StatementId>) -> Report {
    inspect(bundle, expected_root, &[]).report
}

/// The same, with what was examined, and with the certificates of those trusted to stamp the time.
pub fn inspect(bundle: &Bundle, expected_root: Option<StatementId>, stampers: &[Certificate]) -> Examined {
    let mut book = Book::default();
    let format = bundle.check_format();
    if let Err(refusal) = &format
        && refusal.reason == Reason::BundleTooNew
    {
        // Whatever else would be found here follows from not knowing the format.
        return Examined::unread(FORMAT, refusal.clone());
    }
    book.judge(Check::Container, FORMAT, format);
    let reading = bundle.read();
    check_container(bundle, &reading, &mut book);
    belonging::check(&reading, &mut book);
    let found = check_root(&reading, expected_root, &mut book);
    let entries = Entry::all(&reading);
    // Under a foreign root everything else is judged by the root in the bundle, to find what else is wrong.
    let anchor = found.or(expected_root).unwrap_or(StatementId([0; 32]));
    let mut logs = Logs::fold(&entries, anchor, &mut book);
    logs.check_policy(bundle, &mut book);
    logs.check_names(&mut book);
    logs.check_complete(&entries, &reading.ends, &contract::sold(&entries), &mut book);
    logs.check_proofs(&entries, &reading.ends, contract::outcome_key(&entries).as_ref(), &mut book);
    let chronicle = Chronicle::read(&entries, &reading, &logs, &mut book);
    terms::mark_grants(&entries, &logs, &chronicle, &mut book);
    let (mut case, attempt) = contract::examine(&entries, &logs, &chronicle, &mut book);
    let words = annexes::check(&reading, attempt.as_ref(), &mut book);
    case.root = found;
    case.papers = Papers::of(&reading);
    case.counts = [reading.statements.len(), signatures(&reading), logs.count()];
    let (stamp, gap) = timestamp::judge(bundle, stampers, &mut book);
    case.stamp = stamp;
    case.not_checked.extend(not_checked().into_iter().chain(gap));
    Examined { report: book.close(case), logs: Some(logs), chronicle, attempt, words }
}

fn signatures(reading: &Reading) -> usize {
    reading.statements.iter().map(|filed| filed.signed.signatures().len()).sum()
}

fn not_checked() -> [NotChecked; 5] {
    [
        NotChecked::LaterRevocations,
        NotChecked::TruthOfFacts,
        NotChecked::WallClock,
        NotChecked::Withheld,
        NotChecked::LawBeyond,
    ]
}

/// The container says what it is, every member has the digest listed, nothing is there that belongs to nothing, and
/// `VERIFY.txt` is the one text.
fn check_container(bundle: &Bundle, reading: &Reading, book: &mut Book) {
    let altered = |member: &str| Refusal::new(Reason::BundleAltered).with("member", member);
    if bundle.members.get(MIMETYPE).map(Vec::as_slice) != Some(MIMETYPE_TEXT.as_bytes()) {
        book.refuse(Check::Container, MIMETYPE, altered(MIMETYPE));
    }
    if let Some(listed) = book.judge(Check::Container, MANIFEST, bundle.manifest()) {
        let found = bundle.digests();
        for (member, digest) in &found {
            if listed.get(member) == Some(digest) {
                book.pass(Check::Container);
            } else if !reading.strays.contains(member) {
                book.refuse(Check::Container, member, altered(member).with("sha256", digest));
            }
        }
        for member in listed.keys().filter(|member| !found.contains_key(*member)) {
            book.refuse(Check::Container, member, Refusal::new(Reason::EvidenceMissing).with("member", member));
        }
    }
    for (member, refusal) in &reading.refused {
        book.refuse(Check::Container, member, refusal.clone());
    }
    for member in &reading.strays {
        book.refuse(Check::Container, member, Refusal::new(Reason::MemberForeign).with("member", member));
    }
    for name in &bundle.passed_over {
        let refusal = Refusal::new(Reason::LeftoverPassedOver).with("member", name);
        book.note(Check::Container, name, Ruling::Valid, refusal);
    }
    book.judge(Check::Container, VERIFY, check_instructions(bundle));
}

/// There is one text, so nobody can put a command of his own into it.
fn check_instructions(bundle: &Bundle) -> Result<(), Refusal> {
    let missing = || Refusal::new(Reason::EvidenceMissing).with("member", VERIFY);
    let found = bundle.members.get(VERIFY).ok_or_else(missing)?;
    if *found == instructions::TEXT.as_bytes() { Ok(()) } else { Err(Refusal::new(Reason::VerifyTextDiffers)) }
}

/// The first root version is the one whose hash the auditor was given.
fn check_root(reading: &Reading, expected: Option<StatementId>, book: &mut Book) -> Option<StatementId> {
    let roots = reading.statements.iter().filter(|filed| filed.section == Section::Root);
    let first = roots.filter_map(|filed| match Body::read(&filed.signed) {
        Ok(Body::FederationRoot(root)) => Some((root.version, filed)),
        _ => None,
    });
    let Some((_, filed)) = first.min_by_key(|(version, _)| *version) else {
        book.refuse(Check::Root, "root/1", Refusal::new(Reason::EvidenceMissing).with("kind", "federation-root"));
        return None;
    };
    let found = filed.signed.id();
    match expected {
        Some(expected) if expected == found => book.pass(Check::Root),
        Some(expected) => {
            let refusal = Refusal::new(Reason::RootUnknown).with("found", found).with("expected", expected);
            book.refuse(Check::Root, &filed.name, refusal);
        }
        None => book.refuse(Check::Root, &filed.name, Refusal::new(Reason::RootNotGiven).with("found", found)),
    }
    Some(found)
}
