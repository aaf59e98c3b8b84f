//! Packing a bundle: from the statements of an order and of everything it rests on to named members.
//!
//! Policy and cosignatures follow from the statements by the very fold the auditor makes. Must never judge: what does not
//! hold is packed as it is.
use std::collections::{BTreeMap, BTreeSet};

use crate::audit::bundle::{
    Bundle, BundleInput, ENDS, LogEnd, LoggedStatement, NOTE, PLACES, POLICY, PROOFS, Section, TIMES, VERIFY,
    annex_member, cover_name, log_label, origin_of, who,
};
use crate::audit::container::{MIMETYPE, MIMETYPE_TEXT};
use crate::audit::cover::Cover;
use crate::audit::instructions;
use crate::audit::logs::{Entry, Logs};
use crate::audit::report::Book;
use crate::audit::spare::without_spare_logs;
use crate::domain::body::Body;
use crate::domain::id::{KeyHash, OrgId, Origin, StatementId};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::signing::PublicKey;
use crate::domain::statement::Signed;
use crate::domain::trust::subject::{Subject, is_for_everyone, subject_of};
use crate::log::checkpoint::Checkpoint;
use crate::log::cosignature::{self, Witnesses};
use crate::log::note::{SignatureType, SignedNote};
use crate::log::proof::TlogProof;

/// Puts a bundle together. All keys are taken from the trust statements; refused if a signature's key is not among them,
/// if root version 1 is not the one named, or if the evidence exceeds the limits.
pub fn pack(input: &BundleInput) -> Result<Bundle, Refusal> {
    if !input.trust.iter().any(|member| member.signed.id() == input.root) {
        return Err(Refusal::new(Reason::RootUnknown).with("expected", input.root));
    }
    let whole = Packing::of(input);
    let input = &without_spare_logs(input, whole.fold(input.root).witnesses());
    let packing = Packing::of(input);
    let logs = packing.fold(input.root);
    let entries: Vec<Entry> = packing.members.iter().map(|(entry, _)| entry.clone()).collect();
    let mut bundle = Bundle::default();
    let mut proofs = Proofs::default();
    for (entry, proof_name) in &packing.members {
        packing.file(&mut bundle, &entry.name, &entry.signed)?;
        if let Some(proof) = &entry.proof {
            proofs.add(proof_name, proof);
        }
    }
    for (number, receipt) in (1..).zip(&input.receipts) {
        packing.file(&mut bundle, &format!("receipts/{number:02}"), receipt)?;
    }
    for cover in &input.covers {
        let Some(name) = cover_name(cover) else { continue };
        let cover = Cover { note: trimmed(&cover.note, logs.witnesses()), ..cover.clone() };
        bundle.members.insert(format!("{TIMES}{name}.cover"), cover.text().into_bytes());
    }
    for end in &input.ends {
        let Some(origin) = origin_of(&end.proof) else { continue };
        file_end(&mut bundle, &mut proofs, end, &origin, &logs.subjects(&origin, &entries));
    }
    for annex in &input.annexes {
        bundle.members.insert(annex_member(&annex.id()), annex.bytes().to_vec());
    }
    proofs.file(&mut bundle, logs.witnesses());
    bundle.members.insert(POLICY.to_owned(), logs.policy_text().into_bytes());
    bundle.members.insert(MIMETYPE.to_owned(), MIMETYPE_TEXT.as_bytes().to_vec());
    bundle.write_format();
    bundle.members.insert(VERIFY.to_owned(), instructions::TEXT.as_bytes().to_vec());
    bundle.write_manifest();
    bundle.within_limits().map(|()| bundle)
}

/// The members in the making, each with the name its proof goes by.
#[derive(Default)]
struct Packing {
    names: Names,
    members: Vec<(Entry, String)>,
}

impl Packing {
    /// What stands in logs, by name.
    fn of(input: &BundleInput) -> Self {
        let mut packing = Self { names: Names::of(&input.trust), ..Self::default() };
        for member in &input.trust {
            let (name, proof) = packing.names.name(member);
            let section = if name.starts_with("root/") { Section::Root } else { Section::Trust };
            packing.add(section, name, proof, member);
        }
        for (section, folder, members) in
            [(Section::Facts, "facts", &input.facts), (Section::Order, "order", &input.messages)]
        {
            for (number, member) in (1..).zip(members) {
                let mut name = format!("{folder}/{number:02}-{}", member.signed.kind());
                if section == Section::Order {
                    name = format!("{name}-{}", about(&member.signed));
                }
                packing.add(section, name.clone(), name, member);
            }
        }
        packing
    }

    /// The fold that the auditor makes.
    fn fold(&self, root: StatementId) -> Logs {
        let entries: Vec<Entry> = self.members.iter().map(|(entry, _)| entry.clone()).collect();
        Logs::fold(&entries, root, &mut Book::default())
    }

    fn add(&mut self, section: Section, name: String, proof_name: String, member: &LoggedStatement) {
        let place = member.proof.as_ref().and_then(|proof| Some((origin_of(proof)?, proof.index)));
        let entry = Entry { name, section, signed: member.signed.clone(), proof: member.proof.clone(), place };
        self.members.push((entry, proof_name));
    }

    fn file(&self, bundle: &mut Bundle, name: &str, signed: &Signed) -> Result<(), Refusal> {
        for by in signed.signatures() {
            let unknown = || Refusal::new(Reason::KeyUnknown).with("key", by.key.short()).with("member", name);
            let key = self.names.keys.get(&by.key).ok_or_else(unknown)?;
            bundle.members.insert(format!("keys/{}.pem", by.key.short()), key.to_pem().into_bytes());
            bundle.members.insert(format!("{name}.{}.sig", by.key.short()), by.signature.0.to_vec());
        }
        bundle.members.insert(format!("{name}.pae"), signed.pae().to_vec());
        Ok(())
    }
}

/// Files where a log ends, with the paths of those about whom the bundle shows something.
fn file_end(bundle: &mut Bundle, proofs: &mut Proofs, end: &LogEnd, origin: &Origin, shown: &BTreeSet<String>) {
    let name = format!("{ENDS}{}", log_label(origin));
    let mut kept = end.clone();
    kept.proof.extra.clear();
    proofs.add(&name, &kept.proof);
    kept.paths.retain(|subject, _| shown.contains(subject));
    bundle.members.insert(format!("{name}.end"), kept.text().into_bytes());
    if let Some(last) = &end.last {
        bundle.members.insert(format!("{name}.last"), last.clone());
    }
}

/// Proofs by the text of their note, then by name: all but the note.
#[derive(Default)]
struct Proofs {
    heads: BTreeMap<String, BTreeMap<String, String>>,
}

impl Proofs {
    fn add(&mut self, name: &str, proof: &TlogProof) {
        let (text, note) = (proof.to_string(), proof.checkpoint.to_string());
        let head = text.strip_suffix(&note).unwrap_or(&text).to_owned();
        self.heads.entry(note).or_default().insert(name.to_owned(), head);
    }

    /// Files each note once, with no more cosignatures than needed, and what stands under it.
    fn file(self, bundle: &mut Bundle, witnesses: &Witnesses) {
        let mut shelves: BTreeMap<String, (String, BTreeMap<String, String>)> = BTreeMap::new();
        for (note, heads) in self.heads {
            // It was written by a note just now.
            let Ok(note) = SignedNote::parse(&note) else { continue };
            let head = Checkpoint::parse(note.text()).ok();
            let label =
                head.map_or_else(|| "x".to_owned(), |head| format!("{}-{}", log_label(&head.origin), head.size));
            shelves.entry(trimmed(&note, witnesses).to_string()).or_insert((label, BTreeMap::new())).1.extend(heads);
        }
        for (note, (label, heads)) in shelves {
            let stems = (1..).map(|number| match number {
                1 => format!("{PROOFS}{label}"),
                // A log that has signed two checkpoints of one size.
                more => format!("{PROOFS}{label}.{more}"),
            });
            let free = |stem: &String| !bundle.members.contains_key(&format!("{stem}{NOTE}"));
            let Some(stem) = stems.into_iter().find(free) else { continue };
            let places: String = heads.iter().map(|(name, head)| format!("{name}\n{head}")).collect();
            bundle.members.insert(format!("{stem}{NOTE}"), note.into_bytes());
            bundle.members.insert(format!("{stem}{PLACES}"), places.into_bytes());
        }
    }
}

/// The checkpoint with the log's line and no more cosignatures than the quorum needs. Where fewer are good, all stay.
fn trimmed(note: &SignedNote, witnesses: &Witnesses) -> SignedNote {
    let is_good = |name: &str, key: &PublicKey| cosignature::verify(note, name, key).is_ok();
    let good = witnesses.keys.iter().filter_map(|(name, keys)| {
        let key = keys.iter().rev().find(|key| is_good(name, key))?;
        Some((name, key))
    });
    let kept: Vec<(&String, &PublicKey)> = good.take(witnesses.needed).collect();
    if kept.len() < witnesses.needed {
        return note.clone();
    }
    let origin = note.text().lines().next().unwrap_or_default();
    let lines = note.signatures().iter().filter(|line| {
        let claimed = |key: &PublicKey| line.claims(&line.name, SignatureType::Cosignature, key);
        line.name == origin || kept.iter().any(|(name, key)| **name == line.name && claimed(key))
    });
    SignedNote::new(note.text().to_owned(), lines.cloned().collect()).unwrap_or_else(|_| note.clone())
}

/// Whom a statement is by or about, as far as it can be read. What a log holds is packed all the same: one statement that
/// nobody takes must not keep the evidence of others back.
fn about(signed: &Signed) -> String {
    Body::read(signed).map_or_else(|_| "x".to_owned(), |body| who(&body))
}

/// The keys and homes that the trust statements of a bundle name. Claims: nobody has judged these statements.
#[derive(Default)]
struct Names {
    keys: BTreeMap<KeyHash, PublicKey>,
    homes: BTreeMap<OrgId, Origin>,
    unproven: usize,
    taken: BTreeSet<String>,
}

impl Names {
    fn of(trust: &[LoggedStatement]) -> Self {
        let mut names = Self::default();
        let bodies = trust.iter().filter_map(|member| Some((Body::read(&member.signed).ok()?, member)));
        let bodies: Vec<_> = bodies.collect();
        let federation = bodies.iter().find_map(|(body, _)| match body {
            Body::FederationRoot(root) => Some(root.federation.clone()),
            _ => None,
        });
        for (body, member) in &bodies {
            if let Body::KeyEvent(event) = body {
                let first =
                    || Some(Origin { federation: federation.clone()?, node: event.home_node.clone(), epoch: 1 });
                let home = member.proof.as_ref().and_then(origin_of).or_else(first);
                names.homes.extend(home.map(|home| (event.org.clone(), home)));
            }
            names.add(body);
        }
        names
    }

    /// The name of a trust statement and the name its proof goes by.
    fn name(&mut self, member: &LoggedStatement) -> (String, String) {
        let body = Body::read(&member.signed).ok();
        let proven = member.proof.as_ref().and_then(origin_of);
        let unread = || subject_of(&member.signed) == Some(Subject::Federation);
        if body.as_ref().map_or_else(unread, is_for_everyone) {
            let log = proven.as_ref().map(log_label).unwrap_or_default();
            let name = match &body {
                Some(Body::FederationRoot(root)) => format!("root/{}", root.version),
                _ => format!("root/{}-{}", member.signed.kind(), &member.signed.id().to_string()[..8]),
            };
            return (name.clone(), format!("{name}.{log}"));
        }
        let about = about(&member.signed);
        let home = || self.homes.get(&about.parse::<OrgId>().ok()?).cloned();
        let log = proven.or_else(home).as_ref().map_or_else(|| "x".to_owned(), log_label);
        let place = match &member.proof {
            Some(proof) => proof.index.to_string(),
            None => {
                self.unproven += 1;
                format!("x{}", self.unproven)
            }
        };
        let mut name = format!("trust/{log}/{place}");
        if !self.taken.insert(name.clone()) {
            // A log that shows two statements at one place.
            name = format!("{name}-{}", &member.signed.id().to_string()[..8]);
        }
        (name.clone(), name)
    }

    fn add(&mut self, body: &Body) {
        let mut keys: Vec<&PublicKey> = Vec::new();
        match body {
            Body::FederationRoot(root) => keys.extend(root.trustees.iter().map(|trustee| &trustee.key)),
            Body::Admission(admission) => keys.extend(admission.root.iter().flat_map(|root| &root.keys)),
            Body::Recovery(recovery) => keys.extend(&recovery.root.keys),
            Body::OfficerGrant(grant) => keys.push(&grant.key),
            Body::KeyEvent(event) => {
                keys.extend(event.root.iter().flat_map(|root| &root.keys));
                keys.extend(event.add.iter().map(|added| &added.key));
            }
            _ => {}
        }
        self.keys.extend(keys.into_iter().map(|key| (key.hash(), key.clone())));
    }
}
