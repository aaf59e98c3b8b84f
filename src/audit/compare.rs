//! Two bundles of one order from two parties: what one holds that the other lacks, and what cannot both be true.
//!
//! Each bundle is judged for itself as well, since a contradiction between papers accuses somebody only if the papers hold.
//! Must never take a difference for a contradiction: parties see different things, and a bundle is older than another.
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::audit::bundle::{Bundle, Reading, Section, origin_of};
use crate::audit::contract::outcome_key;
use crate::audit::inspect;
use crate::audit::logs::{Entry, leaf_of};
use crate::audit::papers::Paper;
use crate::audit::report::{Report, Ruling};
use crate::domain::body::Body;
use crate::domain::characters::printable;
use crate::domain::id::{Hash, OrderId, Origin, StatementId};
use crate::domain::reason::{Lang, Reason, Refusal};
use crate::domain::statement::Kind;
use crate::log::checkpoint::Checkpoint;
use crate::log::merkle::{leaf_hash, shown_subtrees, verify_inclusion};
use crate::log::proof::TlogProof;

/// Two things that cannot both be true.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Contradiction {
    /// `ORDER_DISPUTED` for statements of a party, `LOG_FORK` for a log.
    pub reason: Reason,
    /// What contradicts itself: a place in an order, or a log.
    pub about: [String; 2],
    /// The papers, in words, if it is papers.
    pub papers: Vec<Paper>,
}

/// A statement that only one of the two holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Extra {
    /// Its name in its bundle.
    pub member: String,
    /// What it is.
    pub paper: Paper,
}

/// What the comparison found.
pub struct Comparison {
    /// The order.
    pub order: OrderId,
    /// What judging each bundle for itself gave.
    pub reports: [Report; 2],
    /// How many statements both hold.
    pub common: usize,
    /// What only the first holds, and only the second.
    pub only: [Vec<Extra>; 2],
    /// What cannot both be true.
    pub contradictions: Vec<Contradiction>,
}

/// Compares two bundles. `BUNDLES_OF_DIFFERENT_ORDERS` if they are not of one order, `EVIDENCE_MISSING` if one names none.
pub fn compare(files: [&[u8]; 2], root: Option<StatementId>) -> Result<Comparison, Refusal> {
    let [first, second] = [Side::read(files[0], "A")?, Side::read(files[1], "B")?];
    if first.order != second.order {
        let refusal = Refusal::new(Reason::BundlesDiffer);
        return Err(refusal.with("first", first.order).with("second", second.order));
    }
    let mut contradictions = in_order([&first, &second]);
    contradictions.extend(in_logs([&first, &second]));
    let ids = |side: &Side| side.papers.keys().copied().collect::<BTreeSet<_>>();
    let (ours, theirs) = (ids(&first), ids(&second));
    let extras = |side: &Side, ids: &BTreeSet<StatementId>| {
        let extra =
            |id| side.papers.get(id).map(|(member, paper)| Extra { member: member.clone(), paper: paper.clone() });
        let mut extras: Vec<Extra> = ids.iter().filter_map(extra).collect();
        extras.sort_by(|one, other| one.member.cmp(&other.member));
        extras
    };
    Ok(Comparison {
        order: first.order,
        reports: files.map(|file| inspect(file, root).report),
        common: ours.intersection(&theirs).count(),
        only: [
            extras(&first, &ours.difference(&theirs).copied().collect()),
            extras(&second, &theirs.difference(&ours).copied().collect()),
        ],
        contradictions,
    })
}

/// One of the two.
struct Side {
    order: OrderId,
    reading: Reading,
    entries: Vec<Entry>,
    papers: BTreeMap<StatementId, (String, Paper)>,
}

impl Side {
    fn read(file: &[u8], name: &'static str) -> Result<Self, Refusal> {
        let bundle = Bundle::parse(file).map_err(|refusal| refusal.with("bundle", name))?;
        let reading = bundle.read();
        let entries = Entry::all(&reading);
        let missing = || Refusal::new(Reason::EvidenceMissing).with("kind", Kind::Request).with("bundle", name);
        let (order, ..) = outcome_key(&entries).ok_or_else(missing)?;
        let paper =
            |filed: &crate::audit::bundle::Filed| (filed.signed.id(), (filed.name.clone(), Paper::of(&filed.signed)));
        let papers = reading.statements.iter().map(paper).collect();
        Ok(Self { order, reading, entries, papers })
    }
}

/// The place that a message takes in its order; one party says one thing there.
fn place(body: &Body) -> Option<(u32, &'static str, String)> {
    let (_, attempt) = body.order()?;
    Some(match body {
        Body::Request(_) => (attempt, "request", String::new()),
        Body::Decision(body) => (attempt, "decision", body.org.to_string()),
        Body::Endorse(body) => (attempt, "endorse", body.from.to_string()),
        Body::Accept(_) => (attempt, "accept", String::new()),
        Body::Counter(body) => (attempt, "counter", body.from.to_string()),
        // A seal and a void exclude each other, and no order has two seals.
        Body::Seal(_) | Body::Void(_) => (attempt, "outcome", String::new()),
        _ => return None,
    })
}

/// Messages of both bundles that take the same place.
fn in_order(sides: [&Side; 2]) -> Vec<Contradiction> {
    let mut places: BTreeMap<(u32, &'static str, String), BTreeMap<StatementId, Paper>> = BTreeMap::new();
    let mut seals: BTreeMap<StatementId, Paper> = BTreeMap::new();
    let messages = sides.into_iter().flat_map(|side| side.reading.statements.iter());
    for filed in messages.filter(|filed| filed.section == Section::Order) {
        let Ok(body) = Body::read(&filed.signed) else { continue };
        let (id, paper) = (filed.signed.id(), Paper::of(&filed.signed));
        if matches!(body, Body::Seal(_)) {
            seals.insert(id, paper.clone());
        }
        if let Some(place) = place(&body) {
            places.entry(place).or_default().insert(id, paper);
        }
    }
    let dispute = |papers: BTreeMap<StatementId, Paper>, about: [&str; 2]| Contradiction {
        reason: Reason::OrderDisputed,
        about: about.map(str::to_owned),
        papers: papers.into_values().collect(),
    };
    let mut found = Vec::new();
    let several_attempts = places.keys().filter(|(_, what, _)| *what == "outcome").count() > 1;
    if several_attempts && seals.len() > 1 {
        found.push(dispute(seals, ["Die Bestellung ist zweimal abgeschlossen.", "The order was sealed twice."]));
    }
    for papers in places.into_values().filter(|papers| papers.len() > 1) {
        found.push(dispute(papers, ["Zwei Erklärungen schließen sich aus.", "Two statements exclude each other."]));
    }
    found
}

/// What one log shows about itself in both bundles.
#[derive(Default)]
struct Shown {
    /// The statements at each place.
    statements: BTreeMap<u64, BTreeMap<StatementId, Paper>>,
    /// The root hashes at each size.
    roots: BTreeMap<u64, BTreeSet<Hash>>,
    /// The hashes of complete subtrees.
    subtrees: BTreeMap<(u32, u64), BTreeSet<Hash>>,
}

impl Shown {
    /// Takes what a proof shows, if it leads from this leaf to the root of its checkpoint.
    fn take(&mut self, leaf: Hash, proof: &TlogProof) {
        let Ok(head) = Checkpoint::parse(proof.checkpoint.text()) else { return };
        self.roots.entry(head.size).or_default().insert(head.root);
        if verify_inclusion(leaf, proof.index, head.size, &proof.hashes, head.root).is_ok() {
            for (level, place, hash) in shown_subtrees(leaf, proof.index, head.size, &proof.hashes) {
                self.subtrees.entry((level, place)).or_default().insert(hash);
            }
        }
    }

    fn contradiction(self, log: &Origin) -> Option<Contradiction> {
        let fork = |about: [String; 2], papers: Vec<Paper>| Contradiction { reason: Reason::LogFork, about, papers };
        let node = &log.node;
        if let Some((at, papers)) = self.statements.into_iter().find(|(_, papers)| papers.len() > 1) {
            let about = [
                format!("Das Protokoll des Knotens {node} hat an der Stelle {at} zwei Erklärungen."),
                format!("The log of the node {node} has two statements at place {at}."),
            ];
            return Some(fork(about, papers.into_values().collect()));
        }
        let twice = self.roots.iter().find(|(_, roots)| roots.len() > 1).map(|(size, _)| *size);
        let grown =
            || self.subtrees.iter().find(|(_, hashes)| hashes.len() > 1).map(|((level, at), _)| (at + 1) << level);
        let size = twice.or_else(grown)?;
        let about = [
            format!("Das Protokoll des Knotens {node} hat bis zur Stelle {size} zwei verschiedene Inhalte."),
            format!("The log of the node {node} has two different contents up to place {size}."),
        ];
        Some(fork(about, Vec::new()))
    }
}

/// Logs that show two histories.
fn in_logs(sides: [&Side; 2]) -> Vec<Contradiction> {
    let mut logs: BTreeMap<Origin, Shown> = BTreeMap::new();
    for side in sides {
        let outcome = outcome_key(&side.entries);
        for entry in side.entries.iter().filter(|entry| entry.section != Section::Receipts) {
            let (Some((origin, index)), Some(proof)) = (&entry.place, &entry.proof) else { continue };
            let shown = logs.entry(origin.clone()).or_default();
            shown.statements.entry(*index).or_default().insert(entry.signed.id(), Paper::of(&entry.signed));
            if let Ok(leaf) = leaf_of(entry, proof, outcome.as_ref()) {
                shown.take(leaf, proof);
            }
        }
        for end in &side.reading.ends {
            let Some(origin) = origin_of(&end.proof) else { continue };
            logs.entry(origin).or_default().take(leaf_hash(&end.leaf), &end.proof);
        }
    }
    logs.into_iter().filter_map(|(log, shown)| shown.contradiction(&log)).collect()
}

impl Comparison {
    /// *Ungültig* if the bundles contradict each other; else the worse of the two.
    pub fn ruling(&self) -> Ruling {
        let worse = self.reports.iter().map(Report::ruling).max().unwrap_or(Ruling::NotCheckable);
        if self.contradictions.is_empty() { worse } else { Ruling::Invalid }
    }

    /// The result in a sentence.
    pub fn headline(&self, lang: Lang) -> String {
        let say = |de: &str, en: &str| if lang == Lang::De { de } else { en }.to_owned();
        if let Some(first) = self.contradictions.first() {
            return format!(
                "{} {}",
                say("Die Pakete widersprechen sich.", "The bundles contradict each other."),
                first.about(lang)
            );
        }
        match (self.only.each_ref().map(Vec::len), lang) {
            ([0, 0], _) => {
                say("Beide Pakete enthalten dieselben Erklärungen.", "Both bundles hold the same statements.")
            }
            ([ours, theirs], Lang::De) => format!(
                "Die Pakete widersprechen sich nicht. Nur in A: {ours} Erklärungen, nur in B: {theirs}, in beiden: {}.",
                self.common
            ),
            ([ours, theirs], Lang::En) => format!(
                "The bundles do not contradict each other. Only in A: {ours} statements, only in B: {theirs}, in both: {}.",
                self.common
            ),
        }
    }

    /// The comparison for a person.
    pub fn text(&self, lang: Lang) -> String {
        let say = |de: &'static str, en: &'static str| if lang == Lang::De { de } else { en };
        let mut lines = vec![self.ruling().text(lang).to_uppercase(), self.headline(lang), String::new()];
        lines.push(format!("{} {}", say("Bestellung", "Order"), self.order));
        for (name, report) in ["A", "B"].iter().zip(&self.reports) {
            lines.push(format!("  {name}  {}", report.headline(lang)));
        }
        if !self.contradictions.is_empty() {
            lines.extend([String::new(), say("Widersprüche", "Contradictions").to_owned()]);
        }
        for contradiction in &self.contradictions {
            lines.push(format!("  {} [{}]", contradiction.about(lang), contradiction.reason.code()));
            lines.extend(contradiction.papers.iter().map(|paper| format!("    {} [{}]", paper.text(lang), paper.id)));
        }
        for (name, extras) in ["A", "B"].iter().zip(&self.only).filter(|(_, extras)| !extras.is_empty()) {
            lines.extend([String::new(), format!("{} {name}", say("Nur in", "Only in"))]);
            lines.extend(extras.iter().map(|extra| {
                format!("  {} [{} {}]", extra.paper.text(lang), printable(&extra.member), extra.paper.id)
            }));
        }
        lines.iter().map(|line| printable(line) + "\n").collect()
    }

    /// The comparison for machines.
    pub fn json(&self, lang: Lang) -> Value {
        let paper = |paper: &Paper| json!({ "id": paper.id, "kind": paper.kind.name(), "text": paper.text(lang) });
        let contradiction = |found: &Contradiction| {
            json!({
                "reason": found.reason.code(), "text": found.about(lang),
                "statements": found.papers.iter().map(paper).collect::<Vec<_>>(),
            })
        };
        let extra = |extra: &Extra| {
            let mut value = paper(&extra.paper);
            value["member"] = printable(&extra.member).into();
            value
        };
        let side = |report: &Report, extras: &Vec<Extra>| {
            json!({
                "verdict": report.ruling().code(), "headline": report.headline(lang),
                "only_here": extras.iter().map(extra).collect::<Vec<_>>(),
            })
        };
        let [first, second] = &self.reports;
        json!({
            "verdict": self.ruling().code(), "headline": self.headline(lang), "exit_code": self.ruling().exit_code(),
            "order": self.order, "common": self.common,
            "first": side(first, &self.only[0]), "second": side(second, &self.only[1]),
            "contradictions": self.contradictions.iter().map(contradiction).collect::<Vec<_>>(),
        })
    }
}

impl Contradiction {
    fn about(&self, lang: Lang) -> &str {
        &self.about[usize::from(lang == Lang::En)]
    }
}
