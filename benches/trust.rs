//! What names, digests, expulsions and revocations cost, and how fast they are in force.
//!
//! `cargo bench --bench trust`; `-- --quick` only tries whether everything runs. Refused orders of a rotation and the
//! commands of a founding are counted by the drills in real processes, which leave their numbers below `target/figures`:
//! `cargo test --test it -- rotation founding`.
#[path = "../tests/it/agenda.rs"]
mod agenda;
#[path = "../tests/it/dice.rs"]
mod dice;
#[expect(dead_code, reason = "a bench exports nothing")]
#[path = "../tests/it/exported.rs"]
mod exported;
#[allow(dead_code, unused_imports, reason = "the tests use all of it")]
#[path = "../tests/it/federation.rs"]
mod federation;
#[path = "../tests/it/history.rs"]
mod history;
#[expect(dead_code, reason = "not every bench measures in rounds")]
mod measure;
#[allow(dead_code, unused_imports, reason = "the tests use all of it")]
#[path = "../tests/it/sim/mod.rs"]
mod sim;

use std::hint::black_box;
use std::path::Path;

use verbund::domain::signing::SecretKey;
use verbund::domain::statement::{Kind, Signed};
use verbund::domain::trust::{Expulsion, KeyEvent, KeyRole, LastGood, OnlineKey, Revocation, RevocationReason};
use verbund::log::leaf::{Audience, Leaf, NO_OUTCOME};
use verbund::log::subjects::{NO_TRUST, Subjects};
use verbund::protocol::Input;

use crate::measure::{Figure, Figures, now};
use crate::sim::swarm::image::{key, node_name, org_name};
use crate::sim::swarm::{Faults, Swarm};

/// Entries of the log, of which every twentieth is about trust: a large host of municipalities in its first weeks.
const ENTRIES: u64 = 200_000;
const TRUST_EVERY: u64 = 20;

/// Subjects of that log.
const SUBJECTS: u64 = 5_000;

/// Rounds of the measurement of digests.
const ROUNDS: usize = 7;

/// Nodes of the swarm, with links of 10 to 150 ms, and seeds.
const NODES: usize = 50;
const SEEDS: u64 = 5;

/// What the digest may add to one entry, and how long an expulsion or revocation may take on all reachable nodes.
const DIGEST_NS_MAX: f64 = 300.0;
const IN_FORCE_S_MAX: f64 = 5.0;

/// Longest wait for something to be in force, in milliseconds.
const PATIENCE_MS: i64 = 60_000;

/// The organisation that is expelled, or whose key is stolen.
const BAD: usize = NODES - 1;

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let mut figures = Figures::begin("trust");
    digests(&mut figures, if quick { ENTRIES / 100 } else { ENTRIES });
    let seeds = if quick { 1 } else { SEEDS };
    in_force(&mut figures, "expulsion_s", seeds, expelled);
    in_force(&mut figures, "revocation_s", seeds, revoked);
    for (drill, limit) in [("rotation_rejected_orders", 0.0), ("found_commands", 15.0)] {
        counted(&mut figures, drill, limit);
    }
    figures.finish();
}

/// What the trust digest adds to one entry, beside the hash of the same leaf without it.
fn digests(figures: &mut Figures, entries: u64) {
    let signed = Signed::sign(&Kind::Need, &serde_json::json!({}), &[&SecretKey::from_seed(&[1; 32])]);
    let leaf = Leaf::new(&signed, Audience::Public, NO_OUTCOME);
    let grants: Vec<Signed> = (0..SUBJECTS).map(grant).collect();
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let began = now();
        for _ in 0..entries {
            black_box(leaf.hash(black_box(NO_TRUST)));
        }
        without.push(began.elapsed().as_nanos() as f64 / entries as f64);
        let mut subjects = Subjects::default();
        let began = now();
        for at in 0..entries {
            let statement = match at % TRUST_EVERY {
                0 => &grants[usize::try_from(at / TRUST_EVERY % SUBJECTS).unwrap_or(0)],
                _ => &signed,
            };
            black_box(subjects.push(at, &leaf, Some(statement)));
        }
        with.push(began.elapsed().as_nanos() as f64 / entries as f64);
    }
    let (with, without) = (measure::median(&mut with), measure::median(&mut without));
    figures.put(Figure {
        figure: "trust_digest_ns_per_entry",
        value: (with - without).max(0.0),
        unit: "ns",
        n: entries * ROUNDS as u64,
        median_of: ROUNDS as u64,
        peer: Some(("hash of the leaf alone", without)),
        limit: Some(DIGEST_NS_MAX),
        note: "every twentieth entry is about trust, 5,000 subjects",
    });
}

/// A grant of one of many officers; nobody judges it here.
fn grant(number: u64) -> Signed {
    let body = serde_json::json!({ "org": format!("stadt-{number}"), "officer": "einkauf" });
    Signed::sign(&Kind::OfficerGrant, &body, &[&SecretKey::from_seed(&[2; 32])])
}

/// From publishing at some node to being in force at every other, on simulated time.
fn in_force(figures: &mut Figures, figure: &str, seeds: u64, run: fn(&mut Swarm) -> i64) {
    let mut waits: Vec<i64> = (1..=seeds)
        .map(|seed| {
            let mut swarm = Swarm::new(seed, NODES, 8, Faults::none());
            swarm.run(3_000);
            run(&mut swarm)
        })
        .collect();
    waits.sort_unstable();
    let worst = waits.last().copied().unwrap_or(0);
    let note = format!("worst of {seeds} seeds; {NODES} nodes, links of 10 to 150 ms, simulated time");
    let value = worst as f64 / 1_000.0;
    let limit = Some(IN_FORCE_S_MAX);
    figures.put(Figure { figure, value, unit: "s", n: seeds, median_of: 1, limit, note: &note, ..Figure::default() });
}

fn waited(swarm: &mut Swarm, holds: impl FnMut(&mut Swarm) -> bool) -> i64 {
    let began = swarm.now;
    assert!(swarm.run_until(PATIENCE_MS, holds), "not in force after a minute");
    swarm.now.since_ms(began)
}

fn size(swarm: &Swarm, at: usize) -> u64 {
    swarm.node(at).state().logs[swarm.image.origin(BAD)].size()
}

fn expelled(swarm: &mut Swarm) -> i64 {
    let last_good = vec![LastGood { log: swarm.image.origin(BAD).clone(), size: size(swarm, 0) }];
    let body = Expulsion { org: org_name(BAD), reason: "Messung".to_owned(), last_good };
    let signed = Signed::sign(&Kind::Expulsion, &body, &[&key("trustee/treuhand")]);
    swarm.publish(1, &signed).expect("by the trustee");
    waited(swarm, |swarm| {
        (0..BAD).all(|at| {
            let node = swarm.node(at);
            let stands = node.state().place_of(&signed.id(), swarm.image.origin(at)).is_some();
            stands && node.peers().all(|(peer, _)| *peer != node_name(BAD))
        })
    })
}

fn revoked(swarm: &mut Swarm) -> i64 {
    let (old, new) = (swarm.image.keys(BAD).statements[&org_name(BAD)][0].public().hash(), key("messung/neu"));
    let home = swarm.node(BAD).state().registry.home(&org_name(BAD)).expect("at home");
    let (seq, prev) = home.orgs()[&org_name(BAD)].last_event().expect("begun");
    let event = KeyEvent {
        org: org_name(BAD),
        seq: seq + 1,
        prev: Some(prev),
        home_node: node_name(BAD),
        add: vec![OnlineKey { key: new.public(), role: KeyRole::Statement }],
        revoke: vec![Revocation {
            key: old,
            reason: RevocationReason::Compromised,
            last_good: vec![LastGood { log: swarm.image.origin(BAD).clone(), size: size(swarm, BAD) }],
        }],
        root: None,
        new_epoch: None,
    };
    let roots = [0, 1].map(|number| key(&format!("org/{}/root/{number}", org_name(BAD))));
    let signed = Signed::sign(&Kind::KeyEvent, &event, &[&roots[0], &roots[1], &new]);
    let mut keys = swarm.image.keys(BAD);
    keys.statements.entry(org_name(BAD)).or_default().push(new);
    swarm.step(BAD, Input::Keys(keys));
    swarm.publish(BAD, &signed).expect("by its root keys");
    waited(swarm, |swarm| {
        (0..NODES).all(|at| {
            let home = swarm.node(at).state().registry.home(&org_name(BAD)).expect("at home");
            home.keys()[&old].is_compromised()
        })
    })
}

/// What a drill has counted.
fn counted(figures: &mut Figures, figure: &str, limit: f64) {
    let file = Path::new("target/figures").join(format!("{figure}.txt"));
    let Some(value) = std::fs::read_to_string(&file).ok().and_then(|text| text.trim().parse::<u32>().ok()) else {
        eprintln!("{figure}: not counted, run `cargo test --test it -- rotation founding` first");
        return;
    };
    let note = "counted by the drill in real processes";
    let value = f64::from(value);
    figures.put(Figure {
        figure,
        value,
        unit: "count",
        n: 1,
        median_of: 1,
        limit: Some(limit),
        note,
        ..Figure::default()
    });
}
