//! A great many changes to bundles, made without a key: none may be valid with signed bytes or signatures that were not
//! there before, and none may break the program.
//!
//! `cargo bench --bench mutations -- --count 1000000 --seed 1` makes a million on all cores and leaves what came of them in
//! `target/figures/mutations.json`; `--only N` shows what became of one. The same count and seed make the same changes
//! everywhere. `tests/foreign/differ.py` makes fewer, half of them signed anew by those who hold the keys, and asks three
//! programs about each.
#[allow(dead_code, unused_imports, reason = "the tests use all of it")]
#[path = "../tests/it/archive.rs"]
mod archive;
#[path = "mutations/change.rs"]
mod change;
#[allow(dead_code, reason = "the tests use all of it")]
#[path = "../tests/it/dice.rs"]
mod dice;
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
#[expect(dead_code, reason = "nothing is compared with a peer here")]
mod measure;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use verbund::audit::bundle::Bundle;
use verbund::audit::examine;
use verbund::audit::report::{Report, Ruling};
use verbund::domain::id::StatementId;
use verbund::domain::law::Verdict;
use verbund::domain::reason::Lang;

use crate::change::changed;
use crate::dice::{SeededDice, each_case};
use crate::evidence::{Script, evidence};
use crate::measure::{Figure, Figures, now};

/// Changes made if nothing else is asked for: some minutes of one core.
const COUNT: u64 = 20_000;

/// Between two lines of progress.
const TELL_EVERY: u64 = 50_000;

/// A bundle that is valid as it is.
pub struct Good {
    bundle: Bundle,
    root: StatementId,
    signed: BTreeSet<Vec<u8>>,
}

/// What became of all changes.
#[derive(Default)]
struct Tally {
    made: u64,
    /// How many of each change ended how.
    rulings: BTreeMap<(&'static str, &'static str), u64>,
    reasons: BTreeMap<&'static str, u64>,
    undetected: Vec<u64>,
    panics: Vec<u64>,
}

fn main() {
    let asked = |name: &str| {
        let mut words = std::env::args().skip_while(|word| word != name).skip(1);
        words.next().map(|word| word.parse::<u64>().unwrap_or_else(|_| panic!("{name} wants a number")))
    };
    let quick = std::env::args().any(|argument| argument == "--quick");
    let count = asked("--count").unwrap_or(if quick { COUNT / 100 } else { COUNT });
    let seed = asked("--seed").unwrap_or(1);
    let goods = goods();
    if let Some(number) = asked("--only") {
        let (zip, change, good) = made(seed, number, &goods);
        let report = examine(&zip, Some(good.root));
        return eprintln!("{change}\n{}\nnew signed bytes: {}", report.text(Lang::En), has_new(&zip, good));
    }
    let (tally, began) = (Mutex::new(Tally::default()), now());
    // A panic is counted and shown by its number; its text would only break up the table.
    std::panic::set_hook(Box::new(|_| ()));
    each_case(count, |number| judge(seed, number, &goods, &tally));
    let _ = std::panic::take_hook();
    let tally = tally.into_inner().expect("no judge panics while it counts");
    show(&tally, began.elapsed().as_secs());
    leave(&tally, seed);
    assert!(tally.undetected.is_empty() && tally.panics.is_empty(), "something went unnoticed, or broke the program");
}

/// Orders that came about in different ways, all of them valid.
fn goods() -> Vec<Good> {
    let approved = Script { approval: Some(true), approver_found: Verdict::Fulfilled, ..Script::default() };
    let all = vec!["kitu", "kid", "provitako", "govdigital", "dataport"];
    let scripts = [
        Script { others: 0, ..Script::default() },
        Script { limit: 100_000, considered: true, grounds: true, ..approved.clone() },
        Script { others: 3, sealed_after: 470, seal_seen_late: 11, confirmed: all, ..Script::default() },
        Script { others: 1, erased_by: Some("barleben"), ..approved },
    ];
    let good = |script: &Script| {
        let evidence = evidence(script);
        let bundle = evidence.bundle();
        let signed = signed_in(&bundle).cloned().collect();
        let report = examine(&bundle.to_zip().expect("a file"), Some(evidence.root));
        assert_eq!(report.ruling(), Ruling::Valid, "{}", report.text(Lang::En));
        Good { bundle, root: evidence.root, signed }
    };
    scripts.iter().map(good).collect()
}

/// Signed bytes and signatures, wherever they lie.
fn signed_in(bundle: &Bundle) -> impl Iterator<Item = &Vec<u8>> {
    let is_signed = |name: &str| name.ends_with(".pae") || name.ends_with(".sig");
    bundle.members.iter().filter(move |(name, _)| is_signed(name)).map(|(_, content)| content)
}

fn has_new(zip: &[u8], good: &Good) -> bool {
    Bundle::parse(zip).is_ok_and(|bundle| signed_in(&bundle).any(|content| !good.signed.contains(content)))
}

/// The change of that number.
fn made(seed: u64, number: u64, goods: &[Good]) -> (Vec<u8>, &'static str, &Good) {
    let mut dice = SeededDice::new(seed, &format!("mutation {number}"));
    let good = dice.one_of(goods);
    let (zip, change) = changed(&mut dice, good, goods);
    (zip, change, good)
}

fn judge(seed: u64, number: u64, goods: &[Good], tally: &Mutex<Tally>) {
    let (zip, change, good) = made(seed, number, goods);
    let report = catch_unwind(AssertUnwindSafe(|| examine(&zip, Some(good.root))));
    let is_undetected = report.as_ref().is_ok_and(|report| report.ruling() == Ruling::Valid) && has_new(&zip, good);
    let mut tally = tally.lock().expect("no judge panics while it counts");
    match &report {
        Ok(report) => tally.count(change, report),
        Err(_) => tally.panics.push(number),
    }
    if is_undetected {
        tally.undetected.push(number);
    }
    tally.made += 1;
    if tally.made.is_multiple_of(TELL_EVERY) {
        eprintln!("{} made, undetected {:?}, panics {:?}", tally.made, tally.undetected, tally.panics);
    }
}

impl Tally {
    fn count(&mut self, change: &'static str, report: &Report) {
        *self.rulings.entry((change, report.ruling().code())).or_default() += 1;
        let reasons: BTreeSet<&'static str> =
            report.findings().map(|(_, finding)| finding.refusal.reason.code()).collect();
        for reason in reasons {
            *self.reasons.entry(reason).or_default() += 1;
        }
    }
}

fn show(tally: &Tally, seconds: u64) {
    for ((change, ruling), count) in &tally.rulings {
        eprintln!("{change:<28} {ruling:<12} {count:>9}");
    }
    eprintln!("\nReasons given, each once for a bundle:");
    for (reason, count) in &tally.reasons {
        eprintln!("{reason:<41} {count:>9}");
    }
    let Tally { made, undetected, panics, .. } = tally;
    eprintln!("\n{made} changes in {seconds} s, undetected: {undetected:?}, panics: {panics:?}");
}

fn leave(tally: &Tally, seed: u64) {
    let mut figures = Figures::begin("mutations");
    let note = &format!("changes without a key to four valid bundles, seed {seed}");
    let rows = [
        ("mutations_without_key", tally.made, None),
        ("mutations_undetected", tally.undetected.len() as u64, Some(0.0)),
        ("mutations_panics", tally.panics.len() as u64, Some(0.0)),
    ];
    for (figure, value, limit) in rows {
        let (n, value) = (tally.made, value as f64);
        figures.put(Figure { figure, value, unit: "count", n, median_of: 1, limit, note, ..Figure::default() });
    }
    figures.finish();
}
