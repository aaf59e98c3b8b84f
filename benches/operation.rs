//! What every node does all day: check a signature, read a statement, append to a log, commit durably, start again, show
//! pages, seal orders while strangers ask, and what a settled order leaves in memory.
//!
//! Statements are the offerings of the demonstration federation, signed here. Run with
//! `cargo bench --bench operation`; `-- --quick` only tries whether everything runs.
#[allow(dead_code, reason = "the tests' federation offers more")]
#[path = "../tests/it/federation.rs"]
mod federation;
#[path = "operation/flood.rs"]
mod flood;
mod measure;
#[path = "operation/pages.rs"]
mod pages;
#[path = "../tests/it/ports.rs"]
mod ports;
#[allow(dead_code, reason = "the tests ask more of it")]
#[path = "../tests/it/processes.rs"]
mod processes;
#[path = "operation/settled.rs"]
mod settled;

use std::fs::OpenOptions;
use std::hint::black_box;
use std::io::Write as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};
use verbund::config::folder::read_folder;
use verbund::domain::body::Body;
use verbund::domain::id::Origin;
use verbund::domain::signing::{PublicKey, SecretKey, Signature};
use verbund::domain::statement::{Kind, Signed};
use verbund::log::leaf::{Audience, Leaf, NO_OUTCOME};
use verbund::log::merkle::{Tree, leaf_hash};
use verbund::log::subjects::NO_TRUST;
use verbund::protocol::record::{LogEntry, Record};
use verbund::store::disk::DiskStore;

use crate::measure::{Figure, Figures};

/// Different keys, so that none stays decompressed in a cache of the processor.
const KEYS: u32 = 256;

/// Leaves per call of the log measurement: the stopwatch must not be what is measured.
const LEAVES: u64 = 10_000;

/// Entries in the store that is loaded, in records of [`RUN`].
const STORED: usize = 20_000;
const RUN: usize = 100;

/// Bytes around the records of a batch: frame head, count, and a length per record.
const FRAME_BYTES: usize = 16;

fn main() {
    let mut figures = Figures::begin("operation");
    let offerings = offerings();
    verification(&mut figures);
    reading(&mut figures, &offerings);
    appending(&mut figures, &offerings);
    for count in [1, 10, 100] {
        committing(&mut figures, &offerings, count);
    }
    loading(&mut figures, &offerings);
    pages::run(&mut figures);
    flood::run(&mut figures);
    settled::run(&mut figures);
    figures.finish();
}

/// Whether this run only tries whether everything works.
fn is_quick() -> bool {
    std::env::args().any(|argument| argument == "--quick")
}

/// The value below which so many per cent of the values lie.
fn percentile(values: &mut [f64], per_cent: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get((values.len() * per_cent / 100).min(values.len().saturating_sub(1))).copied().unwrap_or(0.0)
}

/// A folder on the disk that `target` lies on, for stores; a memory file system would measure nothing.
fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder below target")
}

/// The offerings under `nodes/`, signed with one key.
fn offerings() -> Vec<Signed> {
    let nodes = Path::new(env!("CARGO_MANIFEST_DIR")).join("nodes");
    let folder = read_folder(&nodes).expect("every file under nodes/ is valid");
    let key = SecretKey::from_seed(&[1; 32]);
    let offerings = folder.nodes.iter().flat_map(|node| &node.offerings);
    offerings.map(|offering| Signed::sign(&Kind::Offering, offering, &[&key])).collect()
}

fn entry(offerings: &[Signed], index: u64) -> LogEntry {
    let signed = offerings[index as usize % offerings.len()].clone();
    LogEntry { leaf: Leaf::new(&signed, Audience::Public, NO_OUTCOME), statement: Some(signed) }
}

fn run_of(offerings: &[Signed], first: u64, count: usize) -> Record {
    let origin: Origin = "bench/log/kitu/1".parse().expect("an origin");
    let entries = (first..).take(count).map(|index| entry(offerings, index)).collect();
    Record::Entries { origin, first, entries, note: String::new() }
}

/// A message, its signature, and the key in our type and in the library's.
struct Vector {
    message: [u8; 256],
    signature: Signature,
    key: PublicKey,
    raw: ed25519_dalek::VerifyingKey,
}

fn verification(figures: &mut Figures) {
    let vector = |number: u32| {
        let mut seed = [7; 32];
        seed[..4].copy_from_slice(&number.to_le_bytes());
        let (secret, message) = (SecretKey::from_seed(&seed), [number as u8; 256]);
        let key = secret.public();
        let raw = ed25519_dalek::VerifyingKey::from_bytes(&key.to_bytes()).expect("a registered key");
        Vector { message, signature: secret.sign(&message), key, raw }
    };
    let vectors: Vec<Vector> = (0..KEYS).map(vector).collect();
    let mut own = || {
        vectors.iter().for_each(|v| v.key.verify(&v.message, &v.signature).expect("a good signature"));
        u64::from(KEYS)
    };
    let mut peer = || {
        for v in &vectors {
            let signature = ed25519_dalek::Signature::from_bytes(&v.signature.0);
            v.raw.verify_strict(&v.message, &signature).expect("a good signature");
        }
        u64::from(KEYS)
    };
    let frame = Figure {
        figure: "signature verification",
        unit: "1/s on one core",
        limit: Some(18_500.0),
        note: "256 bytes, 256 keys; the rule of the house against the library's strict verification alone",
        ..Figure::default()
    };
    figures.rate(frame, &mut own, ("ed25519-dalek verify_strict", &mut peer));
}

fn reading(figures: &mut Figures, offerings: &[Signed]) {
    let claims: Vec<_> = offerings.iter().map(|signed| (signed.pae(), signed.signatures().to_vec())).collect();
    let mut own = || {
        for (pae, signatures) in &claims {
            let signed = Signed::parse(pae, signatures.clone()).expect("a good statement");
            black_box(Body::read(&signed).expect("a good offering"));
        }
        claims.len() as u64
    };
    let mut peer = || {
        for signed in offerings {
            black_box(serde_json::from_slice::<serde_json::Value>(signed.payload()).expect("JSON"));
        }
        offerings.len() as u64
    };
    let bytes = offerings.iter().map(|signed| signed.pae().len()).sum::<usize>() / offerings.len();
    let frame = Figure {
        figure: "statement read",
        unit: "1/s on one core",
        note: &format!(
            "offerings of {bytes} bytes on average; envelope, hash, strict JSON, types and rules, no signature"
        ),
        ..Figure::default()
    };
    figures.rate(frame, &mut own, ("serde_json into Value", &mut peer));
}

fn appending(figures: &mut Figures, offerings: &[Signed]) {
    let leaf = entry(offerings, 0).leaf.to_bytes(NO_TRUST);
    let mut own = || {
        let mut tree = Tree::new();
        (0..LEAVES).for_each(|_| tree.push(leaf_hash(black_box(&leaf))));
        black_box(tree.root());
        LEAVES
    };
    let mut peer = || {
        for _ in 0..LEAVES {
            black_box(Sha256::digest(black_box(leaf)));
        }
        LEAVES
    };
    let frame = Figure {
        figure: "log append",
        unit: "leaves/s on one core",
        limit: Some(6_200_000.0),
        note: "leaf hash and inner nodes in memory, up to 10,000 leaves; the limit is SHA-256 of 65 bytes",
        ..Figure::default()
    };
    figures.rate(frame, &mut own, ("SHA-256 of the leaf", &mut peer));
}

fn committing(figures: &mut Figures, offerings: &[Signed], count: usize) {
    let folder = scratch();
    let store = DiskStore::open(&folder.path().join("store")).expect("a store");
    let mut next = 0;
    let mut own = || {
        store.commit_now(&[run_of(offerings, next, count)]).expect("a commit");
        next += count as u64;
        1
    };
    let bytes = vec![0x5a; FRAME_BYTES + run_of(offerings, 0, count).encode().len()];
    let file = OpenOptions::new().append(true).create(true).open(folder.path().join("peer"));
    let mut file = file.expect("a file");
    let mut peer = || {
        file.write_all(&bytes).and_then(|()| file.sync_data()).expect("an append");
        1
    };
    let frame = Figure {
        figure: &format!("durable commit, {count} entries"),
        unit: "commits/s",
        limit: match count {
            1 => Some(2_500.0),
            100 => Some(1_700.0),
            _ => None,
        },
        note: &format!(
            "{} bytes per commit, with the index; limits: 4 KiB and 100 KiB appended and synced",
            bytes.len()
        ),
        ..Figure::default()
    };
    figures.rate(frame, &mut own, ("append and fdatasync", &mut peer));
}

fn loading(figures: &mut Figures, offerings: &[Signed]) {
    let folder = scratch();
    let store = DiskStore::open(&folder.path().join("store")).expect("a store");
    for first in (0..STORED).step_by(RUN) {
        store.commit_now(&[run_of(offerings, first as u64, RUN)]).expect("a commit");
    }
    let mut own = || {
        let mut entries = 0;
        let each = |record: Record| {
            if let Record::Entries { entries: run, .. } = record {
                entries += run.len();
            }
            Ok(())
        };
        store.load_now(each).expect("a load");
        assert_eq!(entries, STORED);
        entries as u64
    };
    let records = folder.path().join("store/records");
    let mut peer = || {
        for segment in std::fs::read_dir(&records).expect("a folder") {
            black_box(std::fs::read(segment.expect("an entry").path()).expect("a segment"));
        }
        STORED as u64
    };
    let frame = Figure {
        figure: "load from disk",
        unit: "entries/s on one core",
        note: "20,000 offerings, system cache warm: checksums, decoding, statement hashes; no signatures",
        ..Figure::default()
    };
    figures.rate(frame, &mut own, ("reading the same files", &mut peer));
}
