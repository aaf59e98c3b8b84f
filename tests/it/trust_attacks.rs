//! Attacks on names, keys and logs against the auditor: whoever exports, operates or signs with real keys. The same at
//! nodes stands in `sim/swarm/standing.rs`, rule by rule in `domain/trust/tests.rs`.
use verbund::audit::bundle::{BundleInput, LoggedStatement};
use verbund::audit::examine;
use verbund::audit::packing::pack;
use verbund::audit::report::{Check, Report, Ruling};
use verbund::domain::id::{OrgId, Origin};
use verbund::domain::reason::Reason;
use verbund::domain::signing::SecretKey;
use verbund::domain::statement::{Kind, Signed};
use verbund::domain::trust::{
    Expulsion, KeyEvent, KeyRole, LastGood, NewEpoch, OnlineKey, Revocation, RevocationReason,
};
use verbund::log::checkpoint::Checkpoint;
use verbund::log::cosignature::{cosign, merge};
use verbund::log::leaf::NO_OUTCOME;
use verbund::log::proof::TlogProof;

use crate::evidence::{Evidence, Script, World, afterwards, evidence, org, roots_of};
use crate::exported;

fn judged(of: &Evidence, input: &BundleInput) -> Report {
    let zip = pack(input).expect("packed").to_zip().expect("a file");
    exported::keep_zip(&zip, of.root);
    examine(&zip, Some(of.root))
}

fn found(report: &Report, check: Check) -> (Ruling, Vec<Reason>) {
    let row = report.rows.iter().find(|row| row.check == check).expect("every check has a row");
    (row.ruling(), row.findings.iter().map(|finding| finding.refusal.reason).collect())
}

/// A key event with which an organisation replaces its statement key, and says up to where the old one is good.
fn rotation(world: &World, of: &OrgId, reason: RevocationReason, size: u64, fresh: &SecretKey) -> Signed {
    let home = world.home_of(of);
    let founded = &world.founding.nodes[&home.parse().expect("a name")];
    let (seq, prev) = world.last_event(of);
    let event = KeyEvent {
        org: of.clone(),
        seq: seq + 1,
        prev: Some(prev),
        home_node: home.parse().expect("a name"),
        add: vec![OnlineKey { key: fresh.public(), role: KeyRole::Statement }],
        revoke: vec![Revocation {
            key: founded.keys.statements[of][0].public().hash(),
            reason,
            last_good: vec![LastGood { log: world.origin(home), size }],
        }],
        root: None,
        new_epoch: None,
    };
    let roots = &world.founding.roots[of];
    Signed::sign(&Kind::KeyEvent, &event, &[&roots[0], &roots[1], fresh])
}

fn rotated(of: &str, reason: RevocationReason, size: impl FnOnce(&World) -> u64) -> Evidence {
    afterwards(&Script::default(), |world| {
        let (of, fresh) = (org(of), SecretKey::from_seed(&[77; 32]));
        let size = size(world);
        let signed = rotation(world, &of, reason, size, &fresh);
        world.append(world.home_of(&of), &signed, NO_OUTCOME);
    })
}

/// T7: revoking one's own key as replaced, with a position long past, undoes no contract.
#[test]
fn a_replaced_key_undoes_no_contract_and_a_stolen_one_makes_it_undecidable() {
    let replaced = rotated("kid", RevocationReason::Superseded, |_| 4);
    assert_eq!(judged(&replaced, &replaced.input).ruling(), Ruling::Valid);
    let stolen_before = rotated("kid", RevocationReason::Compromised, |_| 4);
    let report = judged(&stolen_before, &stolen_before.input);
    assert_eq!(report.ruling(), Ruling::NotCheckable, "never silently valid or invalid");
    assert!(found(&report, Check::Position).1.contains(&Reason::KeyDisputed));
    let stolen_after = rotated("provitako", RevocationReason::Compromised, |world| world.size("provitako"));
    let report = judged(&stolen_after, &stolen_after.input);
    assert_eq!(found(&report, Check::Signers).0, Ruling::Valid, "what came before stands");
    // But for receipts, which have no place: of those nobody can tell.
    assert_eq!(found(&report, Check::Position).0, Ruling::NotCheckable);
}

/// T6: whoever exports the bundle leaves out the last key event, a revocation.
#[test]
fn a_revocation_that_is_left_out_is_noticed() {
    let stolen = rotated("kid", RevocationReason::Compromised, |_| 4);
    let mut withheld = stolen.input.clone();
    let last = withheld.trust.iter().rposition(|one| *one.signed.kind() == Kind::KeyEvent && is_of(one, "kid"));
    withheld.trust.remove(last.expect("the revocation"));
    let report = judged(&stolen, &withheld);
    assert_eq!(report.ruling(), Ruling::Invalid);
    assert_eq!(found(&report, Check::Complete), (Ruling::Invalid, vec![Reason::TrustWithheld]));
    // Without the end of the log nobody can say, so nobody does.
    withheld.ends.retain(|end| !end.proof.checkpoint.text().contains("/log/kid/"));
    let report = judged(&stolen, &withheld);
    assert_eq!(found(&report, Check::Complete), (Ruling::NotCheckable, vec![Reason::EvidenceMissing]));
    assert_ne!(report.ruling(), Ruling::Valid);
}

fn is_of(one: &LoggedStatement, name: &str) -> bool {
    let (whole, text) = (format!("\"org\":\"{name}\""), String::from_utf8_lossy(one.signed.payload()).into_owned());
    text.contains(&whole)
}

fn expelled(of: &str, size: impl FnOnce(&World) -> u64) -> Evidence {
    afterwards(&Script::default(), |world| {
        let size = size(world);
        let last_good = vec![LastGood { log: world.origin(world.home_of(&org(of))), size }];
        let body = Expulsion { org: org(of), reason: "Beiträge".to_owned(), last_good };
        let trustees: Vec<&SecretKey> = world.founding.trustees.iter().collect();
        let signed = Signed::sign(&Kind::Expulsion, &body, &trustees);
        // The expelled operator keeps it out of its own log; one honest log is enough.
        world.append("kitu", &signed, NO_OUTCOME);
    })
}

/// T8: what an expelled organisation has signed beyond its last good position is invalid, wherever one log knows of it.
#[test]
fn an_expulsion_in_one_log_binds_in_all() {
    let before = expelled("dataport", |world| world.size("dataport"));
    assert_eq!(judged(&before, &before.input).ruling(), Ruling::Valid, "a witness less, and nothing else");
    let report = judged(&before, &before.input);
    assert_eq!(found(&report, Check::Signers).0, Ruling::Valid);
    let after = expelled("dataport", |_| 5);
    let report = judged(&after, &after.input);
    assert_eq!(report.ruling(), Ruling::Invalid);
    assert!(found(&report, Check::Signers).1.contains(&Reason::OrgExpelled));
    // Left out by whoever exports.
    let mut withheld = after.input.clone();
    withheld.trust.retain(|one| *one.signed.kind() != Kind::Expulsion);
    assert_eq!(found(&judged(&after, &withheld), Check::Complete).0, Ruling::Invalid);
}

/// T1: an admitted organisation begins logs in the names of the witness nodes and cosigns everything itself.
#[test]
fn logs_begun_in_the_names_of_witnesses_make_no_quorum() {
    let nobody = evidence(&Script { witnesses: Vec::new(), ..Script::default() });
    let mut forged = nobody.input.clone();
    let own = |node: &str| SecretKey::from_seed(&verbund::domain::id::sha256(format!("dieb/{node}").as_bytes()));
    let attacker = org("govdigital");
    let names = ["kitu", "kid", "provitako", "govdigital", "dataport", "akdb"];
    let world_roots = roots_of(&attacker);
    let admission = forged.trust.iter().find(|one| *one.signed.kind() == Kind::Admission && is_of(one, "govdigital"));
    let (admission, root) = (admission.expect("admitted").signed.clone(), forged.trust[0].signed.clone());
    for name in names {
        let origin =
            Origin { epoch: 2, ..format!("verbund-demo/log/{name}/1").parse::<Origin>().expect("an origin") };
        let event = KeyEvent {
            org: attacker.clone(),
            seq: 0,
            prev: None,
            home_node: name.parse().expect("a name"),
            add: vec![OnlineKey { key: own(name).public(), role: KeyRole::Witness }],
            revoke: Vec::new(),
            root: None,
            new_epoch: Some(NewEpoch { epoch: 2, copied: 3 }),
        };
        let event = Signed::sign(&Kind::KeyEvent, &event, &[&world_roots[0], &world_roots[1], &own(name)]);
        for (index, signed) in (0..).zip([root.clone(), admission.clone(), event]) {
            let head = Checkpoint { origin: origin.clone(), size: 3, root: verbund::domain::id::Hash([1; 32]) };
            let proof = TlogProof { extra: vec![0; 32], ..TlogProof::new(index, Vec::new(), head.sign(&own(name))) };
            forged.trust.push(LoggedStatement { signed, proof: Some(proof) });
        }
    }
    let cosigned = |proof: &mut TlogProof| {
        for name in names {
            let line = cosign(&proof.checkpoint, name, &own(name), 1_790_000_000).expect("a checkpoint");
            merge(&mut proof.checkpoint, line, &own(name).public()).expect("its own line");
        }
    };
    let members = forged.trust.iter_mut().chain(&mut forged.facts).chain(&mut forged.messages);
    members.filter_map(|one| one.proof.as_mut()).for_each(cosigned);
    forged.ends.iter_mut().for_each(|end| cosigned(&mut end.proof));
    let report = judged(&nobody, &forged);
    assert_ne!(report.ruling(), Ruling::Valid);
    assert_ne!(found(&report, Check::Witnesses).0, Ruling::Valid, "no genuine cosignature");
}

/// T12: two statements at one place of a log.
#[test]
fn one_place_holds_one_statement() {
    let good = evidence(&Script::default());
    let mut twice = good.input.clone();
    let (first, second) = (twice.facts[0].proof.clone(), twice.facts[1].proof.clone());
    assert!(first.is_some() && second.is_some());
    twice.facts[1].proof = first;
    let report = judged(&good, &twice);
    assert_eq!(report.ruling(), Ruling::Invalid);
    // An older checkpoint of the same log for one of the places: nobody has shown that both tell one history.
    let mut older = good.input.clone();
    if let Some(proof) = &mut older.facts[0].proof {
        let head = Checkpoint::parse(proof.checkpoint.text()).expect("a checkpoint");
        let key =
            SecretKey::from_seed(&verbund::domain::id::sha256(format!("node/{}/log", head.origin.node).as_bytes()));
        proof.checkpoint = Checkpoint { size: head.size - 1, ..head }.sign(&key);
    }
    assert_ne!(judged(&good, &older).ruling(), Ruling::Valid);
}
