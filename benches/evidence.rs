//! How large a bundle is, how long it takes to judge one, and how fast a whole replica is judged.
//!
//! `cargo bench --bench evidence`; `-- --quick` only tries whether everything runs. How often two verifiers disagree, and
//! what neither notices, is counted by `tests/foreign/differ.py --figures target/figures`, which leaves its numbers there.
#[allow(dead_code, unused_imports, reason = "the tests use all of it")]
#[path = "../tests/it/evidence.rs"]
mod evidence;
#[path = "../tests/it/exported.rs"]
mod exported;
#[allow(dead_code, reason = "the tests use all of it")]
#[path = "../tests/it/federation.rs"]
mod federation;
#[allow(dead_code, reason = "the tests use all of it")]
#[path = "../tests/it/history.rs"]
mod history;
#[expect(dead_code, reason = "the peer of this bench is measured in processor time")]
mod measure;

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use verbund::audit::examine;
use verbund::audit::report::{Report, Ruling};
use verbund::domain::id::StatementId;
use verbund::domain::law::Verdict;
use verbund::domain::offering::Need;
use verbund::domain::signing::Signature;
use verbund::domain::statement::{Kind, Signed};
use verbund::domain::time::parse_date;
use verbund::log::leaf::NO_OUTCOME;
use verbund::replay::judge_folder;
use verbund::store::disk::DiskStore;

use crate::evidence::{Script, afterwards, org};
use crate::measure::{Figure, Figures, median, now};

/// Statements of the replica beside those of the order: some seconds of work in all rounds together.
const STATEMENTS: usize = 20_000;

/// Rounds of every measurement; an odd number, so that the median is one of them.
const ROUNDS: usize = 7;

/// Bundles judged in one round.
const BUNDLES: usize = 20;

/// Bytes of a bundle of five legs (design 11: small enough to mail).
const BUNDLE_KB_MAX: f64 = 80.0;

/// Milliseconds of processor time for judging it.
const VERIFY_MS_MAX: f64 = 15.0;

/// Statements of a replica judged in a second of one core.
const BULK_PER_S_MIN: f64 = 15_000.0;

/// Fewest mutations that say something about two verifiers.
const MUTATIONS_MIN: f64 = 5_000.0;

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let (rounds, bundles, statements) = if quick { (1, 1, STATEMENTS / 100) } else { (ROUNDS, BUNDLES, STATEMENTS) };
    let mut figures = Figures::begin("evidence");
    one_order(&mut figures, rounds, bundles);
    whole_replica(&mut figures, rounds, statements);
    for (figure, limit) in [("mutations", MUTATIONS_MIN), ("disagreements", 0.0), ("undetected", 0.0)] {
        counted(&mut figures, figure, limit);
    }
    figures.finish();
}

/// Processor time of this thread. Where the system does not tell it, the time that has passed.
fn spent(work: impl FnOnce()) -> Duration {
    let clock = || {
        let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
    };
    let (before, began) = (clock(), now());
    work();
    let passed = began.elapsed();
    clock().zip(before).map_or(passed, |(after, before)| after.saturating_sub(before))
}

/// An order over five legs and six logs with everything that an order may have: an approval, a need, routes and offerings
/// that were not chosen, and entries of others in every log.
fn one_order(figures: &mut Figures, rounds: usize, bundles: usize) {
    let bare = Script::default();
    let script = Script {
        limit: 100_000,
        approval: Some(true),
        approver_found: Verdict::Fulfilled,
        considered: true,
        grounds: true,
        ..Script::default()
    };
    let mut sizes = Vec::new();
    for script in [bare, script] {
        let evidence = afterwards(&script, |_| ());
        sizes.push((evidence.bundle().to_zip().expect("a file"), evidence.root));
    }
    let note = "five legs, six logs, 5 of 6 witnesses; 1 kB is 1,000 bytes";
    for (figure, (zip, _)) in ["bundle_kb", "bundle_with_grounds_kb"].into_iter().zip(&sizes) {
        let (value, limit) = (zip.len() as f64 / 1_000.0, Some(BUNDLE_KB_MAX));
        figures.put(Figure { figure, value, unit: "kB", n: 1, median_of: 1, limit, note, ..Figure::default() });
    }
    for (figure, (zip, root)) in ["bundle_verify_ms", "bundle_with_grounds_verify_ms"].into_iter().zip(&sizes) {
        judged(figures, figure, (zip, *root), (rounds, bundles));
    }
}

/// From the bytes of the file to the report.
fn judged(figures: &mut Figures, figure: &str, (zip, root): (&[u8], StatementId), (rounds, bundles): (usize, usize)) {
    assert_valid(&examine(zip, Some(root)));
    let mut times: Vec<f64> = (0..rounds)
        .map(|_| {
            let time = spent(|| {
                for _ in 0..bundles {
                    black_box(examine(black_box(zip), Some(root)));
                }
            });
            time.as_secs_f64() * 1_000.0 / bundles as f64
        })
        .collect();
    figures.put(Figure {
        figure,
        value: median(&mut times),
        unit: "ms",
        n: (rounds * bundles) as u64,
        median_of: rounds as u64,
        limit: Some(VERIFY_MS_MAX),
        note: "processor time, from the bytes of the file to the report",
        ..Figure::default()
    });
}

/// A folder of records judged as `verbund-audit log` does, in turns with nothing but the signatures in it.
fn whole_replica(figures: &mut Figures, rounds: usize, statements: usize) {
    let mut signed = Vec::new();
    let evidence = afterwards(&Script::default(), |world| {
        let home = world.home_of(&org("barleben"));
        for number in 0..statements {
            let need = Need {
                municipality: org("barleben"),
                leika: vec!["99115005060000".parse().expect("a key")],
                note: format!("Bedarf Nummer {number}"),
                until: parse_date("2027-06-30").expect("a date"),
                through: None,
            };
            let key = &world.founding.nodes[&home.parse().expect("a name")].keys.statements[&org("barleben")][0];
            let (need, key) = (Signed::sign(&Kind::Need, &need, &[key]), key.public());
            world.append(home, &need, NO_OUTCOME);
            signed.push((need.pae().to_vec(), need.signatures()[0].signature, key));
        }
    });
    let folder = tempfile::tempdir().expect("a folder");
    let store = DiskStore::open(folder.path()).expect("a store");
    for record in &evidence.records {
        store.commit_now(std::slice::from_ref(record)).expect("stored");
    }
    store.close_now().expect("closed");
    let (mut own, mut limit, mut n) = (Vec::new(), Vec::new(), 0);
    for _ in 0..rounds {
        let time = spent(|| {
            let report = judge_folder(folder.path(), Some(evidence.root)).expect("records");
            assert_valid(&report);
            n = report.case.counts[1];
        });
        own.push(n as f64 / time.as_secs_f64());
        let time = spent(|| {
            for (message, signature, key) in &signed {
                let signature: &Signature = signature;
                key.verify(black_box(message), signature).expect("good");
            }
        });
        limit.push(signed.len() as f64 / time.as_secs_f64());
    }
    let (own, limit) = (median(&mut own), median(&mut limit));
    let note = "signatures in a second of processor time, each with its leaf, trust digest and place in the tree";
    figures.put(Figure {
        figure: "bulk_audit_per_s_core",
        value: own,
        unit: "1/s",
        n: (n * rounds) as u64,
        median_of: rounds as u64,
        peer: Some(("verify_limit_per_s", limit)),
        limit: Some(BULK_PER_S_MIN),
        note,
    });
    figures.put(Figure {
        figure: "verify_limit_per_s",
        value: limit,
        unit: "1/s",
        n: (signed.len() * rounds) as u64,
        median_of: rounds as u64,
        note: "verify_strict of the same signatures and nothing else, in turns with the above",
        ..Figure::default()
    });
}

fn assert_valid(report: &Report) {
    assert_eq!(report.ruling(), Ruling::Valid, "{:?}", report.findings().next().map(|(_, finding)| &finding.refusal));
}

/// What the comparison of two verifiers has counted.
fn counted(figures: &mut Figures, figure: &str, limit: f64) {
    let file = Path::new("target/figures").join(format!("{figure}.txt"));
    let Some(value) = fs::read_to_string(&file).ok().and_then(|text| text.trim().parse::<u32>().ok()) else {
        eprintln!("{figure}: not counted, see `differential` in .ci/run");
        return;
    };
    let (value, limit, note) = (f64::from(value), Some(limit), "counted by tests/foreign/differ.py");
    figures.put(Figure { figure, value, unit: "count", n: 1, median_of: 1, limit, note, ..Figure::default() });
}
