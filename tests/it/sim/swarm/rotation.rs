//! New keys in the place of old ones: what a stolen one can still do, and what a replaced one has done and keeps. Also a
//! node that has lost its TLS key.
use verbund::domain::id::Hash;
use verbund::domain::reason::Reason;
use verbund::domain::signing::SecretKey;
use verbund::domain::statement::{Kind, Signed};
use verbund::domain::time::Timestamp;
use verbund::domain::trust::documents::RECOVERY_PUBLIC_MS;
use verbund::domain::trust::{KeyRole, LastGood, NodeRecord, Recovery, RevocationReason, RootKeys, drafts};
use verbund::log::checkpoint::Checkpoint;
use verbund::log::fork::{Branch, ForkProof};
use verbund::protocol::frame::Frame;
use verbund::protocol::{Effect, Input, RequestId};

use super::image::{key, node_name, org_name};
use super::liars::other_history;
use super::{Event, Faults, Swarm};
use crate::history::History;

/// Whose keys change; no witness.
const NODE: usize = 7;

/// A witness.
const WITNESS: usize = 1;

fn swarm(seed: u64) -> Swarm {
    let mut swarm = Swarm::new(seed, 8, 8, Faults::none());
    swarm.run(2_000);
    swarm
}

fn size(swarm: &Swarm, at: usize, of: usize) -> u64 {
    swarm.node(at).state().logs[swarm.image.origin(of)].size()
}

/// The next key of a role is laid down at its node and named in its log.
fn rotate(swarm: &mut Swarm, at: usize, role: KeyRole, reason: RevocationReason) -> SecretKey {
    let new = || key(&format!("{at}/{}/new", role.word()));
    let mut keys = swarm.image.keys(at);
    match role {
        KeyRole::Log => keys.log.push(new()),
        KeyRole::Witness => keys.witness.push(new()),
        KeyRole::Statement => keys.statements.values_mut().for_each(|keys| keys.push(new())),
    }
    let book = swarm.node(at).key_book(&org_name(at)).expect("at home");
    let good = LastGood { log: book.home.clone(), size: book.size };
    let stolen = reason == RevocationReason::Compromised;
    let last_good = if stolen { vec![good] } else { Vec::new() };
    let event = book.rotate(role, &new().public(), reason, &last_good).expect("a rotation");
    let roots = [0, 1].map(|number| key(&format!("org/{}/root/{number}", org_name(at))));
    let signed = Signed::sign(&Kind::KeyEvent, &event, &[&roots[0], &roots[1], &new()]);
    let absent = swarm.publish(at, &signed).expect_err("the node does not hold it yet");
    assert_eq!(absent.reason, Reason::KeyAbsent);
    swarm.step(at, Input::Keys(keys));
    swarm.publish(at, &signed).expect("a good rotation");
    new()
}

/// A proof of what node 0 holds of a log and another history that parts from it after `shared` entries.
fn proof(swarm: &Swarm, shared: u64, beyond: usize, signed_by: &SecretKey) -> ForkProof {
    let origin = swarm.image.origin(NODE).clone();
    let log = &swarm.node(0).state().logs[&origin];
    let told: Vec<Signed> = (0..beyond).map(|number| swarm.offering(NODE, &format!("anders-{number}"))).collect();
    let leaf = |at: u64| log.tree.leaf(at).expect("held");
    let mut other = History::default();
    (0..shared).for_each(|at| other.tree.push(leaf(at)));
    let run = other_history(&origin, other.clone(), &told, signed_by);
    other.append(&run.entries);
    let note = |history: &History, key: &SecretKey| {
        Checkpoint { origin: origin.clone(), size: history.tree.size(), root: history.tree.root() }.sign(key)
    };
    let at = shared + 1;
    let half = |tree: &verbund::log::merkle::Tree, note: verbund::log::note::SignedNote, covered: u64| Branch {
        root: tree.root_at(at).expect("held"),
        proof: tree.consistency_proof(at, covered).expect("held"),
        note: note.without_cosignatures(),
    };
    let held = log.note.clone().expect("a replica's");
    let first = half(&log.tree, held, log.tree.size());
    let second = half(&other.tree, note(&other, signed_by), other.tree.size());
    ForkProof { origin, size: at, first, second }
}

#[test]
fn a_fork_across_a_rotation_is_proven_and_one_by_a_stolen_key_is_not() {
    for reason in [RevocationReason::Superseded, RevocationReason::Compromised] {
        let mut swarm = swarm(1);
        let (old, genesis) = (swarm.image.keys(NODE).log.remove(0), size(&swarm, 0, NODE));
        let signed = swarm.offering(NODE, "vorher");
        swarm.publish(NODE, &signed).expect("its own");
        swarm.run(1_000);
        let before = size(&swarm, 0, NODE);
        let new = rotate(&mut swarm, NODE, KeyRole::Log, reason);
        let signed = swarm.offering(NODE, "nachher");
        swarm.publish(NODE, &signed).expect("its own");
        swarm.run(3_000);
        let now = size(&swarm, 0, NODE);
        let stranger = key("nobody");
        let superseded = reason == RevocationReason::Superseded;
        for (shared, beyond, by, is_proof) in [
            // Parted before the rotation, shorter and longer than the honest log, by the key in force then.
            (genesis, 1, &old, superseded),
            (genesis, 9, &old, superseded),
            (before - 1, 9, &old, superseded),
            // Parted behind it: the old key signs nothing there.
            (now - 1, 1, &old, false),
            (now - 1, 4, &new, true),
            (genesis, 1, &stranger, false),
        ] {
            let checked = swarm.node(0).state().check_fork(&proof(&swarm, shared, beyond, by));
            let expected = is_proof.then_some(shared);
            assert_eq!(checked.as_ref().ok().copied(), expected, "{reason:?} {shared} {beyond}: {checked:?}");
        }
    }
}

/// A replica that was away while the log key changed is shown another history that goes on under the old one. All find out.
#[test]
fn a_replica_that_missed_the_rotation_learns_of_the_fork_too() {
    let mut swarm = swarm(2);
    let (old, origin) = (swarm.image.keys(NODE).log.remove(0), swarm.image.origin(NODE).clone());
    swarm.die(6, 1_000_000);
    let held = History::held(&swarm.node(0).state().logs[&origin]);
    let shared = held.tree.size();
    let signed = swarm.offering(NODE, "vorher");
    swarm.publish(NODE, &signed).expect("its own");
    rotate(&mut swarm, NODE, KeyRole::Log, RevocationReason::Superseded);
    swarm.run(3_000);
    swarm.watch.expect_fork(&origin);
    let told: Vec<Signed> = (0..9).map(|number| swarm.offering(NODE, &format!("anders-{number}"))).collect();
    let run = other_history(&origin, held, &told, &old);
    swarm.later(0, Event::Restart(6));
    swarm.run(0);
    swarm.step(6, Input::PeerUp(node_name(NODE)));
    swarm.step(6, Input::Frame(node_name(NODE), Frame::Entries(run)));
    swarm.published.clear();
    let is_cut = |swarm: &Swarm, at: usize| swarm.node(at).state().logs[&origin].cut() == Some(shared);
    assert!(swarm.run_until(60_000, |swarm| (0..8).all(|at| is_cut(swarm, at))), "not all have cut it");
    assert!(swarm.node(0).state().logs.values().filter(|log| log.cut().is_some()).count() == 1);
}

#[test]
fn a_replaced_witness_key_keeps_counting_and_a_stolen_one_does_not() {
    for (reason, counted) in [(RevocationReason::Superseded, 2), (RevocationReason::Compromised, 1)] {
        let mut swarm = swarm(3);
        let new = rotate(&mut swarm, WITNESS, KeyRole::Witness, reason);
        swarm.run(3_000);
        let origin = swarm.image.origin(NODE).clone();
        for at in [0, NODE] {
            let witnesses = swarm.node(at).witnesses();
            let keys = &witnesses.keys[node_name(WITNESS).as_str()];
            assert_eq!((keys.len(), keys.last()), (counted, Some(&new.public())), "{reason:?} at {at}");
            let (_, note) = swarm.node(at).state().logs[&origin].witnessed.clone().expect("from the beginning");
            let lines = note.signatures().len() - 1;
            let lost = usize::from(reason == RevocationReason::Compromised);
            let by_witness =
                usize::from(note.signatures().iter().any(|line| line.name == node_name(WITNESS).as_str()));
            assert_eq!(witnesses.count(&note).cosigned.len(), lines - lost * by_witness, "{reason:?} at {at}");
        }
        // What comes next is witnessed with the new key.
        let signed = swarm.offering(NODE, "weiter");
        swarm.publish(NODE, &signed).expect("its own");
        swarm.settle();
        let log = &swarm.node(0).state().logs[&origin];
        assert_eq!(log.witnessed_size(), log.size(), "{reason:?}");
    }
}

/// What a node says to somebody who shows a record under a TLS key.
fn shown(swarm: &mut Swarm, record: &Signed, tls: Hash) -> Option<Reason> {
    let now = swarm.now;
    let node = swarm.sites[0].node.as_mut().expect("it runs");
    let step = node.step(Input::Reintroduced(RequestId(0), record.clone(), tls), now);
    let answer = step.then.iter().find_map(|effect| match effect {
        Effect::Reply(RequestId(0), answer) => Some(answer.clone()),
        _ => None,
    });
    answer.expect("an answer").err().map(|refusal| refusal.reason)
}

#[test]
fn a_new_tls_key_is_known_by_a_record_with_both_keys_until_the_log_says_more() {
    let mut swarm = swarm(4);
    let keys = swarm.image.keys(NODE);
    let (statement, log_key) = (&keys.statements[&org_name(NODE)][0], &keys.log[0]);
    let registry = &swarm.node(0).state().registry;
    let first = registry.log(swarm.image.origin(NODE)).and_then(|log| log.node_record()).expect("begun").1.clone();
    let record = |tls: Hash| NodeRecord { tls_sha256: tls, ..first.clone() };
    let (new, newer) = (Hash([71; 32]), Hash([72; 32]));
    let both = |tls: Hash| Signed::sign(&Kind::NodeRecord, &record(tls), &[statement, log_key]);
    let pin = |swarm: &Swarm| swarm.node(0).node_record(&node_name(NODE)).map(|record| record.tls_sha256);
    let foreign = swarm.image.keys(6);
    let of_others = foreign.statements[&org_name(6)].first().expect("one");
    for (signed, tls, expected) in [
        (Signed::sign(&Kind::NodeRecord, &record(new), &[statement]), new, Reason::ThresholdMissed),
        (Signed::sign(&Kind::NodeRecord, &record(new), &[log_key, of_others]), new, Reason::KeyUnknown),
        (both(new), newer, Reason::PeerUnknown),
        (swarm.offering(NODE, "kein-eintrag"), new, Reason::PeerUnknown),
    ] {
        assert_eq!(shown(&mut swarm, &signed, tls), Some(expected));
        assert_eq!(pin(&swarm), Some(first.tls_sha256));
    }
    assert_eq!(shown(&mut swarm, &both(new), new), None);
    assert_eq!(pin(&swarm), Some(new));
    // The log says it too, and then something newer: from then on the shown record and the first one count no more.
    for tls in [new, newer] {
        let signed = Signed::sign(&Kind::NodeRecord, &record(tls), &[statement]);
        swarm.publish(NODE, &signed).expect("its own");
        swarm.run(1_000);
        assert_eq!(pin(&swarm), Some(tls));
    }
    for old in [new, first.tls_sha256] {
        assert_eq!(shown(&mut swarm, &both(old), old), Some(Reason::PeerUnknown), "replaced before");
        assert_eq!(pin(&swarm), Some(newer));
    }
}

/// What trustees sign for an organisation that has lost all of its root keys, by the node's own log and at its time.
fn recovery(swarm: &Swarm, now: Timestamp) -> (Recovery, Signed) {
    let new = ["r1", "r2"].map(|label| key(label).public()).to_vec();
    let root = RootKeys { next_sha256: RootKeys::commitment(&new, 1), keys: new, threshold: 2 };
    let log = swarm.node(NODE).state().registry.home(&org_name(NODE)).expect("at home");
    let body = drafts::recovery(log, &org_name(NODE), root, now, "Tresor verbrannt").expect("a member");
    let signed = Signed::sign(&Kind::Recovery, &body, &[&key("trustee/treuhand")]);
    (body, signed)
}

/// All clocks are this much ahead of where they began; the hours between are not played.
fn all_clocks(swarm: &mut Swarm, skew_ms: i64) -> Timestamp {
    (0..8).for_each(|at| swarm.later(0, Event::Clock(at, skew_ms)));
    swarm.run(1);
    swarm.now.plus_ms(skew_ms)
}

/// The first key event after a loss: a new statement key, signed by these root keys.
fn next_key(swarm: &mut Swarm, roots: [&str; 2]) -> Result<(), Reason> {
    let new = key("nach dem Verlust");
    let mut keys = swarm.image.keys(NODE);
    keys.statements.entry(org_name(NODE)).or_default().push(key("nach dem Verlust"));
    swarm.step(NODE, Input::Keys(keys));
    let book = swarm.node(NODE).key_book(&org_name(NODE)).expect("at home");
    let event =
        book.rotate(KeyRole::Statement, &new.public(), RevocationReason::Superseded, &[]).expect("a rotation");
    let roots = roots.map(key);
    let signed = Signed::sign(&Kind::KeyEvent, &event, &[&roots[0], &roots[1], &new]);
    swarm.publish(NODE, &signed).map(drop).map_err(|refusal| refusal.reason)
}

/// Trustees give an organisation new root keys: not before three days have passed in public, at no earlier time than the
/// node's own, and not if the organisation has shown meanwhile that it still holds the old ones.
#[test]
fn lost_root_keys_are_replaced_after_three_public_days_unless_their_owner_objects() {
    for is_vetoed in [false, true] {
        let mut swarm = swarm(5);
        let old = [0, 1].map(|number| format!("org/{}/root/{number}", org_name(NODE)));
        let (announced, signed) = recovery(&swarm, swarm.now);
        let begun = swarm.now;
        let backdated = Recovery { signed_at: swarm.now.plus_ms(-RECOVERY_PUBLIC_MS), ..announced };
        let backdated = Signed::sign(&Kind::Recovery, &backdated, &[&key("trustee/treuhand")]);
        let refused = swarm.publish(NODE, &backdated).expect_err("no days in public before it is said");
        assert_eq!(refused.reason, Reason::TimeInvalid);
        swarm.published.remove(&backdated.id());
        swarm.publish(NODE, &signed).expect("announced");
        assert_eq!(next_key(&mut swarm, ["r1", "r2"]), Err(Reason::SignerWrong), "announced is not in force");
        let now = all_clocks(&mut swarm, RECOVERY_PUBLIC_MS - 60_000);
        assert!(now.since_ms(begun) < RECOVERY_PUBLIC_MS);
        let (body, early) = recovery(&swarm, now);
        assert_eq!(body.completes, Some(signed.id()));
        let refused = swarm.publish(NODE, &early).expect_err("a minute is missing");
        assert_eq!(refused.reason, Reason::RecoveryVoid);
        if is_vetoed {
            next_key(&mut swarm, [&old[0], &old[1]]).expect("the owner still holds them");
        }
        let now = all_clocks(&mut swarm, RECOVERY_PUBLIC_MS);
        let (body, late) = recovery(&swarm, now);
        assert_eq!(body.completes.is_none(), is_vetoed, "what is void completes nothing");
        swarm.publish(NODE, &late).expect("completed, or announced anew");
        if is_vetoed {
            continue;
        }
        assert_eq!(next_key(&mut swarm, [&old[0], &old[1]]), Err(Reason::SignerWrong), "the lost keys");
        next_key(&mut swarm, ["r1", "r2"]).expect("the new ones");
        swarm.published.clear();
        swarm.settle();
        for at in 0..8 {
            let home = swarm.node(at).state().registry.home(&org_name(NODE)).expect("known");
            let standing = &home.orgs()[&org_name(NODE)];
            assert!(standing.root().keys.contains(&key("r1").public()), "node {at} follows");
        }
    }
}
