//! Logs that a bundle can do without: those of witnesses whom no quorum in it needs, and who have nothing to do with the order.
//!
//! Must never leave out what no other log says: what concerns everyone is kept with at least one log that holds it besides.
use std::collections::{BTreeMap, BTreeSet};

use crate::audit::bundle::{BundleInput, LoggedStatement, origin_of};
use crate::domain::body::Body;
use crate::domain::id::{OrgId, Origin, StatementId};
use crate::domain::statement::Kind;
use crate::domain::trust::subject::is_for_everyone;
use crate::log::cosignature::{Quorum, Witnesses};
use crate::log::note::SignedNote;

/// Takes spare logs out. Every checkpoint that has a quorum keeps one.
pub fn without_spare_logs(input: &BundleInput, witnesses: &Witnesses) -> BundleInput {
    let mut kept = input.clone();
    // Whoever has succeeded whom may speak for the other from a log of its own.
    if input.trust.iter().any(|member| *member.signed.kind() == Kind::Succession) {
        return kept;
    }
    let (concerned, seen) = (concerned(input), seen(input, witnesses));
    let mut counting: BTreeSet<&str> = witnesses.keys.keys().map(String::as_str).collect();
    for origin in input.ends.iter().filter_map(|end| origin_of(&end.proof)) {
        let name = origin.node.as_str();
        let fewer: BTreeSet<&str> = counting.iter().copied().filter(|other| *other != name).collect();
        let has_quorum = |names: &BTreeSet<String>| {
            names.iter().filter(|name| fewer.contains(name.as_str())).count() >= witnesses.needed
        };
        let holds = seen.iter().all(|(of, names)| *of == origin || has_quorum(names));
        if is_only_a_witness(&kept, &origin, &concerned) && holds {
            counting = fewer;
            take_out(&mut kept, &origin);
        }
    }
    kept
}

/// Who signs something of the order, or takes part in it.
fn concerned(input: &BundleInput) -> BTreeSet<OrgId> {
    let mut orgs = BTreeSet::new();
    let logged = input.facts.iter().chain(&input.messages).map(|member| &member.signed);
    for body in logged.chain(&input.receipts).filter_map(|signed| Body::read(signed).ok()) {
        orgs.extend(body.signer_rule().map(|(org, _)| org.clone()));
        match body {
            Body::Request(request) => {
                orgs.extend(request.route.parties().iter().cloned());
                // Their names are in their admissions.
                orgs.extend(request.grounds.alternatives.into_iter().map(|other| other.seller));
            }
            Body::CallOff(part) => orgs.extend([part.to]),
            _ => {}
        }
    }
    orgs
}

/// Whose cosignatures are good on each checkpoint that has a quorum, with its log.
fn seen(input: &BundleInput, witnesses: &Witnesses) -> Vec<(Origin, BTreeSet<String>)> {
    let places =
        input.trust.iter().chain(&input.facts).chain(&input.messages).filter_map(|member| member.proof.as_ref());
    let proofs = places.chain(input.ends.iter().map(|end| &end.proof));
    let notes = proofs.map(|proof| &proof.checkpoint).chain(input.covers.iter().map(|cover| &cover.note));
    let by_text: BTreeMap<String, &SignedNote> = notes.map(|note| (note.to_string(), note)).collect();
    let quorum = |note: &SignedNote| -> Option<(Origin, Quorum)> {
        let origin = note.text().lines().next()?.parse().ok()?;
        Some((origin, witnesses.count(note)))
    };
    let counted = by_text.into_values().filter_map(quorum);
    let reached = counted.filter(|(_, quorum)| quorum.is_reached());
    reached.map(|(origin, quorum)| (origin, quorum.cosigned.into_keys().collect())).collect()
}

/// Nothing of the order stands in the log, nobody concerned is at home in it, and what it says to everyone another log
/// says too.
fn is_only_a_witness(input: &BundleInput, origin: &Origin, concerned: &BTreeSet<OrgId>) -> bool {
    let stands_here = |member: &LoggedStatement| member.proof.as_ref().and_then(origin_of).as_ref() == Some(origin);
    if input.facts.iter().chain(&input.messages).any(stands_here) {
        return false;
    }
    let elsewhere: BTreeSet<StatementId> =
        input.trust.iter().filter(|member| !stands_here(member)).map(|member| member.signed.id()).collect();
    input.trust.iter().filter(|member| stands_here(member)).all(|member| match Body::read(&member.signed) {
        Ok(Body::Admission(admission)) => !concerned.contains(&admission.org),
        Ok(Body::KeyEvent(event)) => !concerned.contains(&event.org),
        Ok(body) if !is_for_everyone(&body) => true,
        // What cannot be read may be about anyone.
        _ => elsewhere.contains(&member.signed.id()),
    })
}

fn take_out(input: &mut BundleInput, origin: &Origin) {
    input.trust.retain(|member| member.proof.as_ref().and_then(origin_of).as_ref() != Some(origin));
    input.ends.retain(|end| origin_of(&end.proof).as_ref() != Some(origin));
    input.covers.retain(|cover| cover.head().is_ok_and(|head| head.origin != *origin));
}
