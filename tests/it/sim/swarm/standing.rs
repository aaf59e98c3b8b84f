//! Names, expulsions, root versions and revocations at nodes: what somebody with real keys tries, and what everyone then
//! holds.
use verbund::domain::id::{Origin, StatementId};
use verbund::domain::reason::Reason;
use verbund::domain::signing::{PublicKey, SecretKey};
use verbund::domain::statement::{Kind, Signed};
use verbund::domain::trust::{
    Admission, Expulsion, FederationRoot, KeyEvent, KeyRole, LastGood, OnlineKey, Revocation, RevocationReason,
    RootKeys, Trustee,
};
use verbund::log::checkpoint::Checkpoint;
use verbund::log::leaf::{Audience, Leaf, NO_OUTCOME};
use verbund::log::merkle::Tree;
use verbund::log::subjects::NO_TRUST;
use verbund::protocol::frame::{Cover, Frame, Run, prefix};
use verbund::protocol::record::LogEntry;
use verbund::protocol::replication::introduction;
use verbund::protocol::{Effect, Input, Node};

use super::image::{federation, key, node_name, org_name};
use super::liars::other_history;
use super::{Faults, Swarm};
use crate::history::History;

/// Who is expelled, or attacks. No witness.
const BAD: usize = 7;

/// How fast what concerns everyone must be in force on every reachable node, in milliseconds.
const IN_FORCE_MS: i64 = 5_000;

fn swarm(seed: u64) -> Swarm {
    let mut swarm = Swarm::new(seed, 8, 8, Faults::none());
    swarm.run(2_000);
    swarm
}

fn others() -> impl Iterator<Item = usize> {
    (0..8).filter(|at| *at != BAD)
}

fn trustee() -> SecretKey {
    key("trustee/treuhand")
}

fn size(swarm: &Swarm, at: usize, of: usize) -> u64 {
    swarm.node(at).state().logs[swarm.image.origin(of)].size()
}

fn expulsion(swarm: &Swarm, of: usize) -> Signed {
    let last_good = vec![LastGood { log: swarm.image.origin(of).clone(), size: size(swarm, 0, of) }];
    let body = Expulsion { org: org_name(of), reason: "Beiträge".to_owned(), last_good };
    Signed::sign(&Kind::Expulsion, &body, &[&trustee()])
}

fn offers(swarm: &Swarm, at: usize, name: &str) -> bool {
    let row = |node: &Node| node.state().catalogue.on_offer().any(|row| row.offering.name.as_str() == name);
    row(swarm.node(at))
}

fn stands_in_own_log(swarm: &Swarm, at: usize, id: &StatementId) -> bool {
    swarm.node(at).state().place_of(id, swarm.image.origin(at)).is_some()
}

#[test]
fn an_expulsion_is_in_force_everywhere_within_seconds_though_the_expelled_operator_keeps_quiet() {
    let mut swarm = swarm(1);
    let before = swarm.offering(BAD, "vorher");
    swarm.publish(BAD, &before).expect("a member in good standing");
    swarm.run(3_000);
    assert!(others().all(|at| offers(&swarm, at, "vorher")));
    let expelled = expulsion(&swarm, BAD);
    swarm.publish(2, &expelled).expect("trustees publish at any node");
    let in_force = |swarm: &mut Swarm| {
        others().all(|at| {
            let registry = &swarm.node(at).state().registry;
            registry.is_expelled(&org_name(BAD)) && stands_in_own_log(swarm, at, &expelled.id())
        })
    };
    assert!(swarm.run_until(IN_FORCE_MS, in_force), "not in force on all others");
    for at in others() {
        let node = swarm.node(at);
        assert!(!offers(&swarm, at, "vorher"), "node {at} still offers");
        assert!(node.state().catalogue.version(&before.id()).is_some(), "what it signed before stays known");
        assert!(!node.state().registry.node_records().contains_key(&node_name(BAD)), "its key opens no connection");
        assert!(node.peers().all(|(peer, _)| *peer != node_name(BAD)), "node {at} still speaks with it");
    }
    // It carries on alone, with its own keys, and hands its entries to whoever listens.
    let after = swarm.image.offering(BAD, "nachher");
    let held = History::held(&swarm.node(0).state().logs[swarm.image.origin(BAD)]);
    let run =
        other_history(swarm.image.origin(BAD), held, std::slice::from_ref(&after), &swarm.image.keys(BAD).log[0]);
    let mut node = swarm.rebuild(0);
    node.step(Input::PeerUp(node_name(1)), swarm.now);
    node.step(Input::Frame(node_name(1), Frame::Entries(run)), swarm.now);
    assert!(node.state().catalogue.version(&after.id()).is_none(), "its later word is in no view");
    let step = node.step(Input::PeerUp(node_name(BAD)), swarm.now);
    let refused = step
        .then
        .iter()
        .any(|effect| matches!(effect, Effect::Disconnect(_, refusal) if refusal.reason == Reason::OrgExpelled));
    assert!(refused, "its streams are closed");
}

#[test]
fn an_expelled_witness_counts_no_more() {
    let mut swarm = swarm(2);
    let witness = 0;
    let expelled = expulsion(&swarm, witness);
    assert!(swarm.node(3).witnesses().keys.contains_key(node_name(witness).as_str()));
    swarm.publish(3, &expelled).expect("trustees publish at any node");
    assert!(swarm.run_until(IN_FORCE_MS, |swarm| {
        (1..8).all(|at| !swarm.node(at).witnesses().keys.contains_key(node_name(witness).as_str()))
    }));
}

/// Version 2 of the root: another trustee.
pub fn second_root(swarm: &Swarm) -> Signed {
    let first = swarm.image.state.registry.newest_root().expect("begun").clone();
    let trustees = vec![Trustee { name: "neue-treuhand".to_owned(), key: key("trustee/neu").public() }];
    let next = FederationRoot { version: 2, trustees, prev: Some(swarm.image.anchor), ..first };
    Signed::sign(&Kind::FederationRoot, &next, &[&trustee(), &key("trustee/neu")])
}

/// The beginning of a log of a new operator, admitted by a trustee.
pub fn newcomer(root: &[Signed], trustee: &SecretKey) -> (Vec<Signed>, SecretKey) {
    let own = |label: &str| key(&format!("neuling/{label}"));
    let roots: Vec<PublicKey> = ["w1", "w2"].map(|label| own(label).public()).into();
    let admission = Admission {
        federation: federation(),
        org: "neuling".parse().expect("a name"),
        number: 1,
        prev: None,
        name: "Neuling eG".to_owned(),
        legal_form: "eG".to_owned(),
        home_node: "neuling".parse().expect("a name"),
        operates: Some("neuling".parse().expect("a name")),
        area: None,
        inhabitants: None,
        portal: None,
        root: Some(RootKeys { next_sha256: RootKeys::commitment(&roots, 2), keys: roots, threshold: 2 }),
        source: "Testverbund".to_owned(),
    };
    let added = [("s", KeyRole::Statement), ("l", KeyRole::Log), ("z", KeyRole::Witness)];
    let event = KeyEvent {
        org: admission.org.clone(),
        seq: 0,
        prev: None,
        home_node: admission.home_node.clone(),
        add: added.iter().map(|(label, role)| OnlineKey { key: own(label).public(), role: *role }).collect(),
        revoke: Vec::new(),
        root: None,
        new_epoch: None,
    };
    let signing = ["w1", "w2", "s", "l", "z"].map(own);
    let mut genesis = root.to_vec();
    genesis.push(Signed::sign(&Kind::Admission, &admission, &[trustee]));
    genesis.push(Signed::sign(&Kind::KeyEvent, &event, &signing.iter().collect::<Vec<_>>()));
    (genesis, own("l"))
}

pub fn newcomers_log() -> Origin {
    Origin { federation: federation(), node: "neuling".parse().expect("a name"), epoch: 1 }
}

/// Why a node that has followed so far does not follow a newcomer's log, or closes the stream of whoever brings it.
fn begins(swarm: &Swarm, genesis: &[Signed], log: &SecretKey) -> Option<Reason> {
    let mut node = swarm.rebuild(3);
    node.step(Input::PeerUp(node_name(0)), swarm.now);
    let run = introduction(&newcomers_log(), genesis, log);
    let step = node.step(Input::Frame(node_name(0), Frame::Entries(run)), swarm.now);
    let closed = step.then.iter().find_map(|effect| match effect {
        Effect::Disconnect(_, refusal) => Some(refusal.reason),
        _ => None,
    });
    let refused =
        node.refused_logs().find(|(origin, _)| **origin == newcomers_log()).map(|(_, refusal)| refusal.reason);
    assert_eq!(node.state().head(&newcomers_log()).is_none(), closed.or(refused).is_some());
    closed.or(refused)
}

#[test]
pub fn a_new_root_version_reaches_every_log_and_former_trustees_admit_nobody() {
    let mut swarm = swarm(3);
    let first: Vec<Signed> = swarm.image.genesis(0).into_iter().take(1).collect();
    let (genesis, log) = newcomer(&first, &trustee());
    assert_eq!(begins(&swarm, &genesis, &log), None, "while the trustee is in office");
    let second = second_root(&swarm);
    swarm.publish(5, &second).expect("published at any node");
    let everywhere = |swarm: &mut Swarm| (0..8).all(|at| stands_in_own_log(swarm, at, &second.id()));
    assert!(swarm.run_until(IN_FORCE_MS, everywhere), "not in every log");
    assert_eq!(begins(&swarm, &genesis, &log), Some(Reason::RootOutdated), "admitted by whom it no longer has");
    // He may put the new version behind his own work; nobody but witnesses could say that it is older.
    let (mut backdated, log) = newcomer(&first, &trustee());
    backdated.push(second.clone());
    assert_eq!(begins(&swarm, &backdated, &log), Some(Reason::RootOutdated));
    let (genesis, log) = newcomer(&[first, vec![second]].concat(), &key("trustee/neu"));
    assert_eq!(begins(&swarm, &genesis, &log), None, "admitted by the new trustee");
    swarm.settle();
    // Whoever comes later takes the logs that began before, in whatever order they come.
    swarm.begin_empty(4);
    let level = |swarm: &mut Swarm| {
        (0..8).all(|of| {
            let size =
                |at: usize| swarm.node(at).state().logs.get(swarm.image.origin(of)).map_or(0, |log| log.size());
            size(4) == size(0)
        })
    };
    assert!(
        swarm.run_until(30_000, level),
        "a newcomer is stuck: {:?}",
        swarm.node(4).refused_logs().collect::<Vec<_>>()
    );
}

#[test]
fn nobody_begins_a_log_without_the_trustees_word() {
    let swarm = swarm(4);
    let first: Vec<Signed> = swarm.image.genesis(0).into_iter().take(1).collect();
    let (genesis, log) = newcomer(&first, &key("ein fremder Schlüssel"));
    // The log names no key that anybody has to believe.
    assert_eq!(begins(&swarm, &genesis, &log), Some(Reason::KeyUnknown));
}

#[test]
pub fn what_a_stolen_key_has_signed_since_leaves_every_view() {
    let mut swarm = swarm(5);
    let good = swarm.offering(BAD, "gut");
    swarm.publish(BAD, &good).expect("its own");
    swarm.run(1_000);
    let until = size(&swarm, 0, BAD);
    let stolen = swarm.offering(BAD, "vom-dieb");
    swarm.publish(BAD, &stolen).expect("nobody knows yet");
    swarm.run(2_000);
    assert!((0..8).all(|at| offers(&swarm, at, "vom-dieb")));
    let (old, new) = (swarm.image.keys(BAD).statements[&org_name(BAD)][0].public(), key("neu/statement"));
    let trust =
        swarm.node(BAD).state().registry.home(&org_name(BAD)).expect("at home").orgs()[&org_name(BAD)].clone();
    let (seq, prev) = trust.last_event().expect("begun");
    let event = KeyEvent {
        org: org_name(BAD),
        seq: seq + 1,
        prev: Some(prev),
        home_node: node_name(BAD),
        add: vec![OnlineKey { key: new.public(), role: KeyRole::Statement }],
        revoke: vec![Revocation {
            key: old.hash(),
            reason: RevocationReason::Compromised,
            last_good: vec![LastGood { log: swarm.image.origin(BAD).clone(), size: until }],
        }],
        root: None,
        new_epoch: None,
    };
    let roots = [0, 1].map(|number| key(&format!("org/{}/root/{number}", org_name(BAD))));
    let signed = Signed::sign(&Kind::KeyEvent, &event, &[&roots[0], &roots[1], &new]);
    let refused = swarm.publish(BAD, &signed).expect_err("the node lacks the private half");
    assert_eq!(refused.reason, Reason::KeyAbsent);
    let mut keys = swarm.image.keys(BAD);
    keys.statements.entry(org_name(BAD)).or_default().push(new);
    swarm.step(BAD, Input::Keys(keys));
    swarm.publish(BAD, &signed).expect("a good revocation");
    swarm.published.remove(&stolen.id());
    assert!(swarm.run_until(IN_FORCE_MS, |swarm| (0..8).all(|at| !offers(swarm, at, "vom-dieb"))));
    assert!((0..8).all(|at| offers(&swarm, at, "gut")), "what came before stays");
    // Whoever comes later sees the same.
    let late = swarm.rebuild(2);
    assert!(late.state().catalogue.on_offer().all(|row| row.id != stolen.id()));
}

/// A log whose operator hides what it has said: its leaves commit to no trust at all, under its own good checkpoint.
#[test]
fn a_log_with_a_wrong_trust_digest_is_followed_no_further() {
    let swarm = swarm(6);
    let (origin, log) = (swarm.image.origin(BAD).clone(), &swarm.image.keys(BAD).log[0]);
    let held = &swarm.node(0).state().logs[&origin];
    let (mut tree, signed): (Tree, Signed) = (held.tree.clone(), swarm.image.offering(BAD, "falsch"));
    let (first, base) = (tree.size(), prefix(&tree.root()));
    let leaf = Leaf::new(&signed, Audience::Public, NO_OUTCOME);
    assert_ne!(held.subjects.digest(), NO_TRUST);
    tree.push(leaf.hash(NO_TRUST));
    let note = Checkpoint { origin: origin.clone(), size: tree.size(), root: tree.root() }.sign(log);
    let run = |cover| Run {
        origin: origin.clone(),
        first,
        base: Some(base),
        entries: vec![LogEntry { leaf, statement: Some(signed.clone()) }],
        cover,
        consistency: Vec::new(),
    };
    for cover in [Cover::Note(note.to_string()), Cover::of(&note, tree.size(), tree.size())] {
        let mut node = swarm.rebuild(0);
        node.step(Input::PeerUp(node_name(BAD)), swarm.now);
        let step = node.step(Input::Frame(node_name(BAD), Frame::Entries(run(cover))), swarm.now);
        assert!(step.commit.is_empty() && node.state().logs[&origin].size() == first);
        let cosigned = |effect: &Effect| matches!(effect, Effect::Send(_, Frame::Cosigned { .. }));
        assert!(!step.then.iter().any(cosigned), "nor cosigned");
    }
}

/// A replica that has nothing yet passes as many changes of the log key as there were, and so does one that was away.
#[test]
fn every_replica_follows_every_change_of_a_log_key() {
    for away_between in [0, 600] {
        let mut swarm = swarm(7);
        swarm.die(6, 1_000_000);
        for generation in 1..4_u8 {
            rotate_log_key(&mut swarm, generation);
            for number in 0..away_between {
                let signed = swarm.offering(BAD, &format!("g{generation}-{number}"));
                swarm.publish(BAD, &signed).expect("its own");
            }
            swarm.run(3_000);
        }
        let origin = swarm.image.origin(BAD).clone();
        let full = size(&swarm, 0, BAD);
        let held = |node: &Node| node.state().logs.get(&origin).map_or(0, |log| log.size());
        assert!(others().filter(|at| *at != 6).all(|at| held(swarm.node(at)) == full));
        swarm.later(0, super::Event::Restart(6));
        swarm.begin_empty(4);
        let caught_up = |swarm: &mut Swarm| [4, 6].iter().all(|at| held(swarm.node(*at)) == full);
        assert!(swarm.run_until(60_000, caught_up), "the newcomer or the one that was away is stuck");
        assert!(others().all(|at| swarm.node(at).forks().count() == 0), "honest logs are never cut");
    }
}

fn rotate_log_key(swarm: &mut Swarm, generation: u8) {
    let trust = swarm.node(BAD).state().registry.home(&org_name(BAD)).expect("at home").clone();
    let (seq, prev) = trust.orgs()[&org_name(BAD)].last_event().expect("begun");
    let old = trust.log_key().expect("begun").hash();
    let new = |generation: u8| key(&format!("log/{generation}"));
    let size = size(swarm, BAD, BAD);
    let event = KeyEvent {
        org: org_name(BAD),
        seq: seq + 1,
        prev: Some(prev),
        home_node: node_name(BAD),
        add: vec![OnlineKey { key: new(generation).public(), role: KeyRole::Log }],
        revoke: vec![Revocation {
            key: old,
            reason: RevocationReason::Superseded,
            last_good: vec![LastGood { log: swarm.image.origin(BAD).clone(), size }],
        }],
        root: None,
        new_epoch: None,
    };
    let roots = [0, 1].map(|number| key(&format!("org/{}/root/{number}", org_name(BAD))));
    let mut keys = swarm.image.keys(BAD);
    keys.log.extend((1..=generation).map(new));
    swarm.step(BAD, Input::Keys(keys));
    let signed = Signed::sign(&Kind::KeyEvent, &event, &[&roots[0], &roots[1], &new(generation)]);
    swarm.publish(BAD, &signed).expect("a good rotation");
}
