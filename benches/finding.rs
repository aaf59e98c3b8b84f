//! Finding: how good and how fast, beside SQLite FTS5 over the same texts in the same run.
//!
//! Quality is taken over the services of the LeiKa, speed over offerings made of them and of the municipalities of the
//! register. FTS5 is asked through the `sqlite3` module of Python; where that is absent its columns stay empty. Run with
//! `cargo bench --bench finding`; `-- --quick` only tries whether everything runs.
#[path = "../tests/it/finding.rs"]
#[expect(dead_code, reason = "the test's own threshold")]
mod finding;
#[expect(dead_code, reason = "the peer is another process and measures itself")]
mod measure;
#[path = "finding/offerings.rs"]
mod offerings;
#[path = "../tests/it/shared.rs"]
mod shared;

use std::collections::BTreeMap;
use std::hint::black_box;
use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use verbund::domain::id::{StatementId, sha256};
use verbund::exchange::{gv100, leika};
use verbund::search::{Entry, Facet, Field, Index, Narrowing};

use crate::finding::{LOOKED_AT, Question, Service, asked, indexed, quality, questions, ranks, services};
use crate::measure::{Figure, Figures, now};
use crate::offerings::{Made, Maker, about};

/// Milliseconds a search may take at a hundred thousand and at a million offerings, and a new offering until it is found.
const SEARCH_100K_MS_MAX: f64 = 20.0;
const SEARCH_1M_MS_MAX: f64 = 100.0;
const SEARCHABLE_MS_MAX: f64 = 1_000.0;

/// Megabytes a hundred thousand offerings may take.
const RSS_MB_MAX: f64 = 300.0;

/// Seconds a register may take to be imported.
const IMPORT_S_MAX: f64 = 2.0;

/// Share of questions and mean reciprocal rank to reach.
const RECALL_MIN: f64 = 0.90;
const MRR_MIN: f64 = 0.75;

/// Offerings published one by one for the figure on searchability.
const PUBLISHED: usize = 200;

/// The peer: reads texts and questions as JSON, answers with keys and milliseconds.
const FTS5: &str = include_str!("finding/fts5.py");

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let mut figures = Figures::begin("finding");
    let Some(services) = services() else { return };
    let maker = Maker::of(&services);
    let questions = questions();
    found(&mut figures, &services, &questions);
    imported(&mut figures, "import_leika_s", "data/leika/leika_leistungen_nrw_2019.csv", |bytes| {
        leika::read(bytes).expect("a list").taken.len()
    });
    imported(&mut figures, "import_gv100_s", "data/gemeinden/GV100AD_31082025.txt", |bytes| {
        gv100::read(bytes).expect("an edition").municipalities.taken.len()
    });
    let sizes = [("100k", 100_000, SEARCH_100K_MS_MAX), ("1m", 1_000_000, SEARCH_1M_MS_MAX)];
    for (name, size, limit) in sizes {
        let size = if quick { size / 50 } else { size };
        let entries: Vec<Entry> = (0..size).map(|n| entry(maker.offering(n))).collect();
        fast(&mut figures, name, &entries, &questions, limit);
    }
    figures.finish();
}

/// How long a register takes from its file to checked rows.
fn imported(figures: &mut Figures, figure: &str, path: &str, read: impl Fn(&[u8]) -> usize) {
    let Some(file) = shared::shared(path) else { return };
    let began = now();
    let taken = read(&std::fs::read(file).expect("a register"));
    let took = began.elapsed().as_secs_f64();
    put(figures, figure, took, "s", Some(IMPORT_S_MAX), taken, "from the file to checked rows, every fault told");
}

fn found(figures: &mut Figures, services: &BTreeMap<String, Service>, questions: &[Question]) {
    let began = now();
    let (index, keys) = indexed(services);
    let built = began.elapsed().as_secs_f64();
    let own = ranks(questions, |text| asked(&index, &keys, text));
    let texts = services.iter().map(|(key, service)| json!([key, service.names.join(" "), about(service)]));
    let peer = fts5(&texts.collect::<Vec<_>>(), questions).map(|answers| {
        let mut keys = answers["keys"].as_array().cloned().unwrap_or_default().into_iter();
        ranks(questions, |_| {
            let found = keys.next().and_then(|keys| keys.as_array().cloned()).unwrap_or_default();
            found.into_iter().filter_map(|key| Some(key.as_str()?.to_owned())).collect()
        })
    });
    let is_held = |n: usize| questions[n].is_held_back;
    let held = |ranks: &[Option<usize>]| {
        quality(ranks.iter().enumerate().filter(|(n, _)| is_held(*n)).map(|(_, rank)| rank))
    };
    let peer_all = peer.as_deref().map(quality);
    let peer_held = peer.as_deref().map(held);
    let note = format!(
        "{} questions over {} service keys, any right key among the first {LOOKED_AT}",
        questions.len(),
        services.len()
    );
    let ((recall, mrr), (recall_held, mrr_held)) = (quality(&own), held(&own));
    for (figure, value, limit, peer) in [
        ("recall_at_5", recall, RECALL_MIN, peer_all.map(|peer| peer.0)),
        ("mrr", mrr, MRR_MIN, peer_all.map(|peer| peer.1)),
        ("recall_at_5_held_back", recall_held, RECALL_MIN, peer_held.map(|peer| peer.0)),
        ("mrr_held_back", mrr_held, MRR_MIN, peer_held.map(|peer| peer.1)),
    ] {
        figures.put(Figure {
            figure,
            value,
            unit: "share",
            n: questions.len() as u64,
            median_of: 1,
            peer: peer.map(|peer| ("SQLite FTS5, any word, bm25", peer)),
            limit: Some(limit),
            note: &note,
        });
    }
    put(figures, "index_leika_s", built, "s", None, services.len(), "all services of the LeiKa, from nothing");
}

fn put(figures: &mut Figures, figure: &str, value: f64, unit: &str, limit: Option<f64>, n: usize, note: &str) {
    figures.put(Figure { figure, value, unit, n: n as u64, median_of: 1, peer: None, limit, note });
}

/// The entry of an offering.
fn entry(made: Made) -> Entry {
    let facets = [
        (Facet::Topic, made.topic.clone()),
        (Facet::Seller, made.seller.clone()),
        (Facet::Portal, made.portal),
        (Facet::Price, format!("Stufe {}", made.step)),
    ];
    let texts = [
        (Field::Key, made.key),
        (Field::Title, made.title),
        (Field::Label, made.topic),
        (Field::Description, made.about),
    ];
    Entry {
        id: StatementId(sha256(made.name.as_bytes())),
        seller: made.seller.parse().expect("a name"),
        name: made.name.parse().expect("a name"),
        texts: texts.to_vec(),
        facets: facets.to_vec(),
        coverage: vec![made.land.parse().expect("an area")],
    }
}

fn fast(figures: &mut Figures, name: &str, entries: &[Entry], questions: &[Question], limit: f64) {
    let texts: Vec<Value> = entries.iter().map(row).collect();
    let peer = fts5(&texts, questions).and_then(|answers| answers["p99_ms"].as_f64());
    drop(texts);
    let (before, began) = (resident_mb(), now());
    let mut index = Index::default();
    entries.iter().for_each(|entry| index.put(entry));
    index.settle();
    let (built, resident) = (began.elapsed().as_secs_f64(), resident_mb() - before);
    let narrowing = Narrowing { area: Some("15".parse().expect("an area")), ..Narrowing::default() };
    let ask = |index: &Index, text: &str| {
        let began = now();
        black_box(index.find(text, &narrowing, None, 50));
        began.elapsed().as_secs_f64() * 1e3
    };
    let mut took: Vec<f64> = questions.iter().map(|question| ask(&index, &question.text)).collect();
    took.sort_by(f64::total_cmp);
    let size = entries.len();
    let note = format!("{size} offerings, first page with facets and coverage, the questions of the table");
    figures.put(Figure {
        figure: &format!("search_{name}_p99_ms"),
        value: took[took.len() * 99 / 100],
        unit: "ms",
        n: took.len() as u64,
        median_of: 1,
        peer: peer.map(|peer| ("SQLite FTS5, any word, bm25, 50 rows, no facets", peer)),
        limit: Some(limit),
        note: &note,
    });
    put(figures, &format!("search_{name}_p50_ms"), took[took.len() / 2], "ms", None, took.len(), &note);
    put(figures, &format!("index_{name}_s"), built, "s", None, size, "the index from nothing");
    let memory = (name == "100k").then_some(RSS_MB_MAX);
    put(figures, &format!("rss_{name}_mb"), resident, "MB", memory, size, "growth of the process by the index");
    let mut waited: Vec<f64> = (0..PUBLISHED.min(size)).map(|n| published(&mut index, &entries[n], n)).collect();
    waited.sort_by(f64::total_cmp);
    let searchable = waited[waited.len() * 99 / 100];
    let note = "one more offering taken in and found, within the process";
    put(figures, &format!("searchable_{name}_p99_ms"), searchable, "ms", Some(SEARCHABLE_MS_MAX), waited.len(), note);
}

/// Takes one more offering with a word of its own in, finds it, and says how many milliseconds both took.
fn published(index: &mut Index, like: &Entry, n: usize) -> f64 {
    let mut entry = like.clone();
    entry.id = StatementId(sha256(format!("new {n}").as_bytes()));
    entry.texts.push((Field::Title, format!("{n}neu")));
    let began = now();
    index.put(&entry);
    index.settle();
    let found = index.find(&format!("{n}neu"), &Narrowing::default(), None, 1);
    let took = began.elapsed().as_secs_f64() * 1e3;
    assert_eq!(found.hits.first().map(|hit| hit.id), Some(entry.id));
    took
}

fn row(entry: &Entry) -> Value {
    let of = |wanted: Field| {
        let texts = entry.texts.iter().filter(|(field, _)| *field == wanted);
        texts.map(|(_, text)| text.as_str()).collect::<Vec<_>>().join(" ")
    };
    json!([of(Field::Key), of(Field::Title), format!("{}. {}", of(Field::Description), of(Field::Label))])
}

/// Asks the peer; none where it cannot run.
fn fts5(texts: &[Value], questions: &[Question]) -> Option<Value> {
    let asked: Vec<&str> = questions.iter().map(|question| question.text.as_str()).collect();
    let program = Command::new("python3").args(["-c", FTS5]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut program = program.ok()?;
    let input = serde_json::to_vec(&json!({"texts": texts, "questions": asked})).ok()?;
    program.stdin.take()?.write_all(&input).ok()?;
    let output = program.wait_with_output().ok()?;
    serde_json::from_slice(&output.stdout).ok()
}

/// What the process holds in memory.
fn resident_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok())
        .map_or(0.0, |kilobytes| kilobytes / 1024.0)
}
