//! One suite for every store: the sentences of the contract in `verbund::store`, each as a named check, run against
//! memory and disk; then what only a disk can suffer.
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use proptest::prelude::*;
use tempfile::TempDir;
use verbund::domain::id::{OrderId, Origin, StatementId};
use verbund::domain::reason::{Reason, Refusal};
use verbund::domain::signing::SecretKey;
use verbund::domain::statement::{Kind, Signed};
use verbund::log::leaf::{Audience, Leaf, NO_OUTCOME};
use verbund::protocol::record::{LogEntry, Record};
use verbund::store::disk::{DiskStore, Options};
use verbund::store::memory::{Failure, MemoryStore};
use verbund::store::reading::Records;
use verbund::store::segments::{SEGMENT_BYTES, Segments};
use verbund::store::views::Found;
use verbund::store::{BATCH_BYTES_MAX, Store, entry_bytes};

mod annexes;
mod deposits;
mod faults;
mod gone;
mod rotten;
use annexes::an_annex_is_kept_until_it_is_erased_and_no_record_holds_it;
use deposits::deposits_are_found_by_depositor_and_number;
use faults::Faults;

fn origin(node: &str) -> Origin {
    format!("demo/log/{node}/1").parse().expect("origin")
}

/// The statement with that number; the same number is the same statement.
fn statement(number: u64) -> Signed {
    Signed::sign(&Kind::Need, &serde_json::json!({ "number": number }), &[&SecretKey::from_seed(&[1; 32])])
}

/// Every third body is missing, as for the confidential entries of others.
fn entry(number: u64) -> LogEntry {
    let signed = statement(number);
    let leaf = Leaf::new(&signed, Audience::Public, NO_OUTCOME);
    LogEntry { leaf, statement: (number % 3 != 2).then_some(signed) }
}

/// The entries of a log are numbered by their index.
fn entries(origin: &Origin, first: u64, count: u64) -> Record {
    let entries = (0..count).map(|number| entry(first + number)).collect();
    Record::Entries { origin: origin.clone(), first, entries, note: format!("note {first}") }
}

fn delivered(attempt: u32) -> Record {
    let message = statement(u64::from(attempt)).id();
    Record::Delivered { order: OrderId([7; 16]), attempt, to: "kid".parse().expect("name"), message }
}

async fn load(store: &impl Store) -> Result<Vec<Record>, Refusal> {
    let mut records = Vec::new();
    let keep = |record| {
        records.push(record);
        Ok(())
    };
    store.load(keep).await?;
    Ok(records)
}

fn reason<T: std::fmt::Debug>(result: Result<T, Refusal>) -> Reason {
    result.expect_err("must be refused").reason
}

/// What the suite needs from an implementation besides the port.
trait Bench {
    type Store: Store;
    /// The store, opened for the first time.
    fn open(&self) -> Self::Store;
    /// Ends the process without `close` and starts again.
    fn restart(&self, store: Self::Store) -> Self::Store;
    /// Lets the next commit fail.
    fn fail_next(&self, store: &Self::Store, failure: Failure);
}

struct InMemory;

impl Bench for InMemory {
    type Store = MemoryStore;

    fn open(&self) -> MemoryStore {
        MemoryStore::new()
    }

    fn restart(&self, store: MemoryStore) -> MemoryStore {
        store.crash().expect("every record survives its bytes")
    }

    fn fail_next(&self, store: &MemoryStore, failure: Failure) {
        store.fail_next(failure);
    }
}

struct OnDisk {
    folder: TempDir,
    faults: Faults,
    segment_bytes: u64,
}

impl OnDisk {
    fn new() -> Self {
        Self::with_segments_of(SEGMENT_BYTES)
    }

    fn with_segments_of(segment_bytes: u64) -> Self {
        Self { folder: TempDir::new().expect("a folder"), faults: Faults::default(), segment_bytes }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    fn segment(&self, number: u32) -> PathBuf {
        self.path().join(format!("records/{number:08}.seg"))
    }

    fn try_open(&self) -> Result<DiskStore, Refusal> {
        let medium = Arc::new(self.faults.clone());
        DiskStore::open_with(&self.path(), Options { segment_bytes: self.segment_bytes, medium })
    }
}

impl Bench for OnDisk {
    type Store = DiskStore;

    fn open(&self) -> DiskStore {
        self.try_open().expect("the store opens")
    }

    fn restart(&self, store: DiskStore) -> DiskStore {
        drop(store);
        self.open()
    }

    fn fail_next(&self, _: &DiskStore, failure: Failure) {
        *self.faults.next.lock().expect("lock") = Some(failure);
    }
}

macro_rules! contract {
    ($($check:ident)*) => {
        mod memory {
            $(#[tokio::test]
            async fn $check() {
                super::$check(&super::InMemory).await;
            })*
        }
        mod disk {
            $(#[tokio::test]
            async fn $check() {
                super::$check(&super::OnDisk::new()).await;
            })*
        }
        mod disk_with_tiny_segments {
            $(#[tokio::test]
            async fn $check() {
                super::$check(&super::OnDisk::with_segments_of(1)).await;
            })*
        }
    };
}

contract! {
    records_come_back_in_order_after_a_restart
    a_refusal_of_the_reader_ends_the_load
    a_commit_that_failed_before_it_was_written_is_not_there_after_a_restart
    a_commit_that_failed_after_it_was_written_is_there_after_a_restart
    a_full_store_has_written_nothing_and_goes_on
    a_batch_over_the_limit_is_refused_and_nothing_is_written
    the_newest_record_with_a_statement_is_found
    every_record_of_an_order_is_found_in_order
    entries_are_contiguous_and_bounded
    a_log_that_goes_on_before_its_end_hides_nothing
    a_closed_store_refuses_and_opens_again
    concurrent_commits_are_kept_whole
    an_annex_is_kept_until_it_is_erased_and_no_record_holds_it
    deposits_are_found_by_depositor_and_number
}

async fn records_come_back_in_order_after_a_restart(bench: &impl Bench) {
    let store = bench.open();
    assert_eq!(load(&store).await.expect("load"), []);
    let a = origin("a");
    let batches = [
        vec![entries(&a, 0, 3), delivered(1)],
        vec![],
        vec![Record::Kept(statement(9)), Record::Cosigned { origin: a.clone(), note: "note".into() }],
        vec![entries(&a, 3, 1)],
    ];
    for batch in &batches {
        store.commit(batch.clone()).await.expect("commit");
    }
    assert_eq!(load(&store).await.expect("load"), batches.concat());
    let store = bench.restart(store);
    assert_eq!(load(&store).await.expect("load"), batches.concat());
    store.commit(vec![delivered(2)]).await.expect("commit after a restart");
    let store = bench.restart(store);
    assert_eq!(load(&store).await.expect("load"), [batches.concat(), vec![delivered(2)]].concat());
}

async fn a_refusal_of_the_reader_ends_the_load(bench: &impl Bench) {
    let store = bench.open();
    for attempt in 0..20 {
        store.commit(vec![delivered(attempt)]).await.expect("commit");
    }
    let mut seen = 0;
    let ended = store.load(|_| {
        seen += 1;
        if seen == 3 { Err(Refusal::new(Reason::Bug)) } else { Ok(()) }
    });
    assert_eq!(reason(ended.await), Reason::Bug);
    assert_eq!(seen, 3);
}

/// One good batch, one that fails, and what a restart finds.
async fn after_failure<B: Bench>(bench: &B, failure: Failure) -> Vec<Record> {
    let store = bench.open();
    store.commit(vec![delivered(1)]).await.expect("commit");
    bench.fail_next(&store, failure);
    let batch = vec![Record::Kept(statement(2)), delivered(2)];
    assert_eq!(reason(store.commit(batch).await), Reason::StoreFailed);
    assert_eq!(reason(store.commit(vec![delivered(3)]).await), Reason::StoreFailed, "it stays refused");
    assert_eq!(reason(load(&store).await), Reason::StoreFailed, "only a restart knows");
    assert_eq!(store.statement(statement(2).id()).await.expect("reads go on"), None);
    let store = bench.restart(store);
    let found = load(&store).await.expect("load");
    store.commit(vec![delivered(4)]).await.expect("commit after a restart");
    let store = bench.restart(store);
    assert_eq!(load(&store).await.expect("load"), [found.clone(), vec![delivered(4)]].concat());
    found
}

async fn a_commit_that_failed_before_it_was_written_is_not_there_after_a_restart(bench: &impl Bench) {
    assert_eq!(after_failure(bench, Failure::BeforePersist).await, [delivered(1)]);
}

async fn a_commit_that_failed_after_it_was_written_is_there_after_a_restart(bench: &impl Bench) {
    let found = after_failure(bench, Failure::AfterPersist).await;
    let batch = vec![Record::Kept(statement(2)), delivered(2)];
    // With tiny segments it is the new segment's own sync that fails, before the batch was written: also allowed.
    assert!(found == [vec![delivered(1)], batch].concat() || found == [delivered(1)], "{found:?}");
}

async fn a_full_store_has_written_nothing_and_goes_on(bench: &impl Bench) {
    let mut store = bench.open();
    let mut held = vec![delivered(1)];
    store.commit(vec![delivered(1)]).await.expect("commit");
    for (number, (failure, expected)) in
        (2..).step_by(2).zip([(Failure::Full, Reason::StoreFull), (Failure::NoHandles, Reason::StoreHandles)])
    {
        bench.fail_next(&store, failure);
        assert_eq!(reason(store.commit(vec![delivered(number)]).await), expected);
        assert_eq!(load(&store).await.expect("load"), held);
        store.commit(vec![delivered(number + 1)]).await.expect("there is room again");
        held.push(delivered(number + 1));
        store = bench.restart(store);
        assert_eq!(load(&store).await.expect("load"), held);
    }
}

async fn a_batch_over_the_limit_is_refused_and_nothing_is_written(bench: &impl Bench) {
    let store = bench.open();
    let large = |bytes| vec![Record::Cosigned { origin: origin("a"), note: "x".repeat(bytes) }];
    let overhead = large(BATCH_BYTES_MAX)[0].encode().len() - BATCH_BYTES_MAX + 8;
    assert_eq!(reason(store.commit(large(BATCH_BYTES_MAX - overhead + 1)).await), Reason::Bug);
    store.commit(large(BATCH_BYTES_MAX - overhead)).await.expect("the largest batch");
    let store = bench.restart(store);
    assert_eq!(load(&store).await.expect("load"), large(BATCH_BYTES_MAX - overhead));
}

async fn the_newest_record_with_a_statement_is_found(bench: &impl Bench) {
    let (one, two) = (SecretKey::from_seed(&[1; 32]), SecretKey::from_seed(&[2; 32]));
    let body = serde_json::json!({});
    let first = Signed::sign(&Kind::Admission, &body, &[&one]);
    let second = Signed::sign(&Kind::Admission, &body, &[&one, &two]);
    let leaf = Leaf::new(&second, Audience::Public, NO_OUTCOME);
    let entry = LogEntry { leaf, statement: Some(second.clone()) };
    let opaque = LogEntry { leaf: Leaf::new(&statement(5), Audience::Parties, NO_OUTCOME), statement: None };
    let run = Record::Entries { origin: origin("a"), first: 0, entries: vec![opaque, entry], note: String::new() };
    let store = bench.open();
    store.commit(vec![Record::Kept(first.clone())]).await.expect("commit");
    assert_eq!(store.statement(first.id()).await.expect("read"), Some(first.clone()));
    store.commit(vec![run]).await.expect("commit");
    assert_eq!(store.statement(first.id()).await.expect("read"), Some(second.clone()));
    let store = bench.restart(store);
    assert_eq!(store.statement(first.id()).await.expect("read"), Some(second));
    for absent in [statement(5).id(), StatementId([0; 32])] {
        assert_eq!(store.statement(absent).await.expect("read"), None);
    }
}

/// An order message, or a receipt, of the order with that number.
fn of_order(kind: &Kind, order: u8, number: u64) -> Signed {
    let body = serde_json::json!({ "order": OrderId([order; 16]), "number": number });
    Signed::sign(kind, &body, &[&SecretKey::from_seed(&[1; 32])])
}

fn said(first: u64, orders: &[u8]) -> Record {
    let entry = |(at, order): (u64, &u8)| {
        let signed = of_order(&Kind::Endorse, *order, first + at);
        LogEntry { leaf: Leaf::new(&signed, Audience::Parties, NO_OUTCOME), statement: Some(signed) }
    };
    let entries = (0..).zip(orders).map(entry).collect();
    Record::Entries { origin: origin("own"), first, entries, note: String::new() }
}

async fn every_record_of_an_order_is_found_in_order(bench: &impl Bench) {
    let records = vec![
        said(0, &[7, 8, 7]),
        Record::Kept(of_order(&Kind::Receipt, 7, 10)),
        delivered(1),
        Record::Kept(of_order(&Kind::Receipt, 8, 11)),
        entries(&origin("kitu"), 0, 5),
        Record::Recovered(of_order(&Kind::Counter, 7, 12)),
        said(3, &[8]),
        said(4, &[7]),
    ];
    let of_seven: Vec<Record> = [0, 1, 2, 5, 7].map(|at: usize| records[at].clone()).into();
    let of_eight: Vec<Record> = [0, 3, 6].map(|at: usize| records[at].clone()).into();
    let mut store = bench.open();
    for record in &records {
        store.commit(vec![record.clone()]).await.expect("committed");
    }
    for _ in 0..2 {
        assert_eq!(store.order(OrderId([7; 16])).await.expect("read"), of_seven);
        assert_eq!(store.order(OrderId([8; 16])).await.expect("read"), of_eight);
        assert_eq!(store.order(OrderId([9; 16])).await.expect("read"), []);
        store = bench.restart(store);
    }
}

async fn entries_are_contiguous_and_bounded(bench: &impl Bench) {
    let (a, b) = (origin("a"), origin("b"));
    let store = bench.open();
    store.commit(vec![entries(&a, 0, 3), entries(&b, 0, 1), entries(&a, 3, 0)]).await.expect("commit");
    store.commit(vec![entries(&a, 3, 4), delivered(1)]).await.expect("commit");
    store.commit(vec![entries(&a, 8, 2), entries(&b, u64::MAX - 1, 1)]).await.expect("a gap at 7");
    let store = bench.restart(store);
    let size: usize = (0..4).map(|number| entry_bytes(&entry(number))).sum();
    for (origin, first, count_max, bytes_max, expected) in [
        (&a, 0, 100, usize::MAX, 0..7),
        (&a, 2, 3, usize::MAX, 2..5),
        (&a, 3, 0, usize::MAX, 3..3),
        (&a, 6, 100, usize::MAX, 6..7),
        (&a, 7, 100, usize::MAX, 7..7),
        (&a, 8, 100, usize::MAX, 8..10),
        (&a, 10, 100, usize::MAX, 10..10),
        (&a, u64::MAX, 100, usize::MAX, 0..0),
        (&a, 5, 100, 0, 5..6),
        (&a, 0, 100, size, 0..4),
        (&a, 0, 100, size - 1, 0..3),
        (&b, 0, 100, usize::MAX, 0..1),
        (&b, u64::MAX - 1, 100, usize::MAX, u64::MAX - 1..u64::MAX),
        (&origin("c"), 0, 100, usize::MAX, 0..0),
    ] {
        let found = store.entries(origin, first, count_max, bytes_max).await.expect("read");
        let case = format!("{origin} from {first}, {count_max} entries, {bytes_max} bytes");
        let expected: Vec<LogEntry> = expected.map(entry).collect();
        assert_eq!(found, expected, "{case}");
    }
}

/// A hole was passed over, and what stood in it and behind it has come again.
async fn a_log_that_goes_on_before_its_end_hides_nothing(bench: &impl Bench) {
    let (store, log) = (bench.open(), origin("kid"));
    for (first, count) in [(0, 5), (10, 3), (13, 2), (5, 20)] {
        store.commit(vec![entries(&log, first, count)]).await.expect("stored");
    }
    let expected: Vec<LogEntry> = (0..25).map(entry).collect();
    assert_eq!(store.entries(&log, 0, 100, usize::MAX).await.expect("read"), expected);
    let store = bench.restart(store);
    assert_eq!(store.entries(&log, 15, 100, usize::MAX).await.expect("read"), expected[15..]);
}

async fn a_closed_store_refuses_and_opens_again(bench: &impl Bench) {
    let store = bench.open();
    store.commit(vec![Record::Kept(statement(1))]).await.expect("commit");
    for _ in 0..2 {
        store.close().await.expect("close");
    }
    assert_eq!(reason(store.commit(vec![delivered(1)]).await), Reason::StoreFailed);
    assert_eq!(reason(load(&store).await), Reason::StoreFailed);
    assert_eq!(reason(store.statement(statement(1).id()).await), Reason::StoreFailed);
    assert_eq!(reason(store.entries(&origin("a"), 0, 1, 1).await), Reason::StoreFailed);
    let store = bench.restart(store);
    assert_eq!(store.statement(statement(1).id()).await.expect("read"), Some(statement(1)));
}

async fn concurrent_commits_are_kept_whole(bench: &impl Bench) {
    let store = bench.open();
    let commit = |attempt| store.commit(vec![delivered(attempt), delivered(attempt + 1000)]);
    let (a, b, c, d) = tokio::join!(commit(1), commit(2), commit(3), commit(4));
    for result in [a, b, c, d] {
        result.expect("commit");
    }
    let records = load(&bench.restart(store)).await.expect("load");
    let mut pairs: Vec<&[Record]> = records.chunks(2).collect();
    pairs.sort_by_key(|pair| (1..5).find(|&attempt| pair[0] == delivered(attempt)));
    for (pair, attempt) in pairs.iter().zip(1..5) {
        assert_eq!(*pair, [delivered(attempt), delivered(attempt + 1000)]);
    }
    assert_eq!(pairs.len(), 4);
}

// What only a disk can suffer.

/// What is done to a file or folder, with its name or the offset it is reported at.
type Change<'a> = (&'a str, &'a dyn Fn(&Path));

/// A segment of format version 1 with the one batch of `small_batch`: header, frame head, two records.
const ONE_BATCH: &str = "
    5652425345470d0a01000000010000005002000002e6114a020000000e020000000c64656d6f2f6c6f672f612f310102a801
    76726231707562313e51e79cb3188b4d20028d0e456329dd7a430cb58b9136514e910a4826de364934750f98bd59fcfc946d
    a45aaabe933be154a4b5094e1c4abf42866505f3c97e5d592323da4de23326fb2784b4dcb4f7d8b100d0e54769403b2bdf41
    ab4059076c7e747dfa40eacdb33235b5b348d79a8e94a1e9dcaca77bbd80d9341da83c090000000000000000000000000000
    000000000000000000000000000000000000013e445353457631203336206170706c69636174696f6e2f766e642e76657262
    756e642e6e6565642e76312b6a736f6e203132207b226e756d626572223a317d0134750f98bd59fcfc946da45aaabe933be1
    54a4b5094e1c4abf42866505f3c97e405d592323da4de23326fb2784b4dcb4f7d8b100d0e54769403b2bdf41ab4059076c7e
    747dfa40eacdb33235b5b348d79a8e94a1e9dcaca77bbd80d9341da83c09a8017672623170756231b1c27d385022f6aaa3fb
    053b1c4987c44975cd854836fc748474c3bf1f36e99d34750f98bd59fcfc946da45aaabe933be154a4b5094e1c4abf428665
    05f3c97ebe6d0d6a024790d77b3862707da32675fcf44beecb2ad07f65801bf3b5963060ce292733fe9eeb6811d2281d0d7f
    2acb07bf1ed8542d418e4a7c3cad7507840e0000000000000000000000000000000000000000000000000000000000000000
    00066e6f7465203136000000030707070707070707070707070707070701036b69643e51e79cb3188b4d20028d0e456329dd
    7a430cb58b9136514e910a4826de3649";

fn small_batch() -> Vec<Record> {
    vec![entries(&origin("a"), 1, 2), delivered(1)]
}

#[test]
fn the_bytes_of_a_segment_are_pinned() {
    let bench = OnDisk::new();
    bench.open().commit_now(&small_batch()).expect("commit");
    let golden: String = ONE_BATCH.split_whitespace().collect();
    let written = fs::read(bench.segment(1)).expect("segment");
    assert_eq!(hex::encode(&written), golden.replacen("0a01", "0a04", 1), "only the version has changed");

    let released = OnDisk::new();
    fs::create_dir_all(released.path().join("records")).expect("folder");
    fs::write(released.segment(1), hex::decode(golden).expect("hex")).expect("write");
    assert_eq!(records(&released.open()), small_batch());
}

/// A program that knows version 1 only must meet a header it refuses before it meets a record it does not know.
#[test]
fn a_segment_of_version_1_is_read_and_what_is_new_goes_into_one_of_its_own() {
    let golden: Vec<u8> = hex::decode(ONE_BATCH.split_whitespace().collect::<String>()).expect("hex");
    let bench = OnDisk::new();
    fs::create_dir_all(bench.path().join("records")).expect("folder");
    fs::write(bench.segment(1), &golden).expect("write");
    let store = bench.open();
    store.commit_now(&[delivered(2)]).expect("commit");
    store.commit_now(&[delivered(3)]).expect("commit");
    assert_eq!(fs::read(bench.segment(1)).expect("segment"), golden, "nothing is added to it");
    let second = fs::read(bench.segment(2)).expect("a new segment");
    assert_eq!(second[8..12], [4, 0, 0, 0]);
    let all = [small_batch(), vec![delivered(2), delivered(3)]].concat();
    assert_eq!(records(&bench.restart(store)), all);
    assert!(!bench.segment(3).exists(), "the new one is used as long as there is room");

    let empty = OnDisk::new();
    fs::create_dir_all(empty.path().join("records")).expect("folder");
    fs::write(empty.segment(1), &golden[..16]).expect("write");
    empty.open().commit_now(&[delivered(1)]).expect("commit");
    assert_eq!(fs::read(empty.segment(1)).expect("segment")[8..12], [4, 0, 0, 0], "without frames it is begun anew");
}

fn records(store: &DiskStore) -> Vec<Record> {
    let mut records = Vec::new();
    let keep = |record| {
        records.push(record);
        Ok(())
    };
    store.load_now(keep).expect("load");
    records
}

/// Twelve batches over two logs, so that the index has something to lose.
fn filled(bench: &OnDisk) -> DiskStore {
    let store = bench.open();
    for first in 0..12 {
        let kept = Record::Kept(statement(1000 + first));
        store.commit_now(&[entries(&origin("a"), first * 3, 3), kept]).expect("commit");
    }
    store
}

fn check_filled(store: &DiskStore) {
    assert_eq!(records(store).len(), 24);
    for number in (0..36).filter(|number| number % 3 != 2).chain(1000..1012) {
        assert_eq!(store.statement_now(statement(number).id()).expect("read"), Some(statement(number)), "{number}");
    }
    let found = store.entries_now(&origin("a"), 0, usize::MAX, usize::MAX).expect("read");
    assert_eq!(found, (0..36).map(entry).collect::<Vec<_>>());
}

#[test]
fn a_second_opening_is_refused_and_names_the_lock() {
    let bench = OnDisk::new();
    let store = filled(&bench);
    let refusal = bench.try_open().err().expect("must be refused");
    assert_eq!(refusal.reason, Reason::StoreLocked);
    assert_eq!(refusal.field("file"), bench.path().join("lock").to_str());
    check_filled(&store);
    check_filled(&bench.restart(store));
}

#[test]
fn an_intact_index_is_kept_and_a_stale_one_caught_up() {
    let bench = OnDisk::new();
    let store = filled(&bench);
    store.close_now().expect("close");
    let store = bench.restart(store);
    assert_eq!(store.opened().views, Found::Kept { missing: 0 });
    let copy = bench.folder.path().join("copy");
    drop(store);
    copy_folder(&bench.path().join("views"), &copy);
    let store = bench.open();
    store.commit_now(&[Record::Kept(statement(7777))]).expect("commit");
    drop(store);
    fs::remove_dir_all(bench.path().join("views")).expect("remove");
    copy_folder(&copy, &bench.path().join("views"));
    let store = bench.open();
    assert_eq!(store.opened().views, Found::Kept { missing: 1 });
    assert_eq!(store.statement_now(statement(7777).id()).expect("read"), Some(statement(7777)));
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("folder");
    for item in fs::read_dir(from).expect("list") {
        let path = item.expect("item").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy_folder(&path, &target);
        } else {
            fs::copy(&path, &target).expect("copy");
        }
    }
}

#[test]
fn whatever_happens_to_the_index_everything_is_found_again() {
    let on_files = |views: &Path, change: &dyn Fn(Vec<u8>) -> Vec<u8>| {
        for item in fs::read_dir(views).expect("list") {
            let path = item.expect("item").path();
            if path.is_file() {
                let bytes = fs::read(&path).expect("read");
                fs::write(&path, change(bytes)).expect("write");
            }
        }
    };
    let garbage = |bytes: Vec<u8>| (0..bytes.len()).map(|at| (at * 31 % 251) as u8).collect::<Vec<u8>>();
    let cases: [Change; 8] = [
        ("deleted", &|store| fs::remove_dir_all(store.join("views")).expect("remove")),
        ("emptied", &|store| on_files(&store.join("views"), &|_| Vec::new())),
        ("cut in half", &|store| on_files(&store.join("views"), &|bytes| bytes[..bytes.len() / 2].to_vec())),
        ("garbage", &|store| on_files(&store.join("views"), &garbage)),
        ("first bytes garbage", &|store| {
            on_files(&store.join("views"), &|bytes| {
                [garbage(bytes[..bytes.len().min(600)].to_vec()), bytes[bytes.len().min(600)..].to_vec()].concat()
            });
        }),
        ("a bit in every block", &|store| {
            on_files(&store.join("views"), &|mut bytes| {
                bytes.iter_mut().skip(100).step_by(512).for_each(|byte| *byte ^= 1);
                bytes
            });
        }),
        ("half a snapshot", &|store| fs::write(store.join("views/snap.00FF.generating"), b"half").expect("write")),
        ("another boot", &|store| fs::write(store.join("views.trust"), b"open during x").expect("write")),
    ];
    for (case, damage) in cases {
        for closed in [true, false] {
            eprintln!("{case}, closed: {closed}");
            let bench = OnDisk::new();
            let store = filled(&bench);
            if closed {
                store.close_now().expect("close");
            }
            drop(store);
            damage(&bench.path());
            let store = bench.open();
            check_filled(&store);
            check_filled(&bench.restart(store));
        }
    }
}

#[test]
fn an_index_ahead_of_the_records_is_written_again() {
    let bench = OnDisk::new();
    // In peace, so that the index knows the batch that is lost, as nothing else does.
    filled(&bench).close_now().expect("close");
    fs::remove_file(bench.path().join("confirmed")).expect("removed");
    let file = fs::OpenOptions::new().write(true).open(bench.segment(1)).expect("open");
    let length = file.metadata().expect("metadata").len();
    file.set_len(length - 1).expect("truncate");
    let store = bench.open();
    let torn = store.opened().torn.clone().expect("a torn tail");
    assert_eq!(torn.file, bench.segment(1));
    assert_eq!(store.opened().views, Found::Rebuilt { why: "ahead of the records".to_owned() });
    assert_eq!(records(&store).len(), 22);
    assert_eq!(store.statement_now(statement(1011).id()).expect("read"), None);
    assert_eq!(store.statement_now(statement(1010).id()).expect("read"), Some(statement(1010)));
}

/// The power goes while the last batch is being written: after every number of its bytes, followed by nothing or by
/// blocks of zeros that were allocated and never filled.
#[test]
fn a_torn_tail_is_cut_off_wherever_it_is_torn() {
    let bench = OnDisk::new();
    let store = bench.open();
    store.commit_now(&small_batch()).expect("commit");
    let kept = fs::metadata(bench.segment(1)).expect("metadata").len() as usize;
    store.commit_now(&[delivered(2), Record::Kept(statement(4))]).expect("commit");
    drop(store);
    let whole = fs::read(bench.segment(1)).expect("segment");
    for end in kept..=whole.len() {
        for zeros in [false, true] {
            let mut bytes = whole[..end].to_vec();
            if zeros {
                bytes.resize(whole.len(), 0);
            }
            let intact = bytes == whole;
            let torn = bytes.len() - kept;
            fs::write(bench.segment(1), bytes).expect("write");
            let (segments, found) = Segments::open(Records::alone(&bench.path().join("records")), SEGMENT_BYTES)
                .unwrap_or_else(|refusal| panic!("torn after {end}: {refusal}"));
            let expected = (!intact && torn > 0).then_some(torn as u64);
            assert_eq!(found.map(|torn| torn.bytes), expected, "torn after {end}, zeros: {zeros}");
            assert_eq!(segments.end().offset as usize, if intact { whole.len() } else { kept });
        }
    }
}

#[test]
fn a_torn_header_of_a_new_segment_is_written_again() {
    for (length, byte) in [(0, 0), (1, b'V'), (15, b'V'), (16, 0)] {
        let bench = OnDisk::with_segments_of(1);
        let store = bench.open();
        store.commit_now(&[delivered(1)]).expect("commit");
        drop(store);
        fs::write(bench.segment(2), vec![byte; length]).expect("write");
        let store = bench.open();
        assert_eq!(records(&store), [delivered(1)], "{length}");
        store.commit_now(&[delivered(2)]).expect("commit");
        assert_eq!(records(&bench.restart(store)), [delivered(1), delivered(2)], "{length}");
    }
}

/// Whatever bit of a confirmed batch changes, it is damage: nothing is cut off and nothing is made up.
#[test]
fn damage_before_the_last_batch_is_refused_with_its_place() {
    let bench = OnDisk::new();
    let store = bench.open();
    store.commit_now(&[delivered(1)]).expect("commit");
    let first_end = fs::metadata(bench.segment(1)).expect("metadata").len() as usize;
    store.commit_now(&[delivered(2)]).expect("commit");
    drop(store);
    let whole = fs::read(bench.segment(1)).expect("segment");
    for at in 0..first_end {
        for bit in [0x01, 0x80] {
            let mut bytes = whole.clone();
            bytes[at] ^= bit;
            fs::write(bench.segment(1), &bytes).expect("write");
            let refusal = bench.try_open().and_then(|store| store.load_now(|_| Ok(()))).expect_err("must be refused");
            let version = (8..12).contains(&at);
            let expected = if version && bytes[8..12] != [0; 4] { Reason::StoreTooNew } else { Reason::StoreDamaged };
            assert_eq!(refusal.reason, expected, "byte {at}: {refusal}");
            assert_eq!(refusal.field("file"), bench.segment(1).to_str());
            let offset = if at < 16 { "0" } else { "16" };
            assert!(refusal.reason != Reason::StoreDamaged || refusal.field("offset") == Some(offset), "{refusal}");
            assert_eq!(fs::read(bench.segment(1)).expect("segment"), bytes, "nothing was changed");
        }
    }
}

#[test]
fn damage_in_an_older_segment_is_refused_with_its_place() {
    let changes: [Change; 3] = [
        ("16", &|path| {
            let mut bytes = fs::read(path).expect("read");
            *bytes.last_mut().expect("a byte") ^= 1;
            fs::write(path, bytes).expect("write");
        }),
        ("16", &|path| {
            let bytes = fs::read(path).expect("read");
            fs::write(path, &bytes[..bytes.len() - 1]).expect("write");
        }),
        ("0", &|path| fs::remove_file(path).expect("remove")),
    ];
    for (offset, change) in changes {
        let bench = OnDisk::with_segments_of(1);
        let store = filled(&bench);
        store.close_now().expect("close");
        drop(store);
        change(&bench.segment(5));
        // A gap is seen at once; anything else when the records are read, at the latest by the load at the start.
        let refusal = bench.try_open().and_then(|store| store.load_now(|_| Ok(()))).expect_err("must be refused");
        assert_eq!(refusal.reason, Reason::StoreDamaged);
        assert_eq!(refusal.field("file"), bench.segment(5).to_str());
        assert_eq!(refusal.field("offset"), Some(offset), "{refusal}");
    }
}

#[test]
fn segments_roll_over_and_are_read_as_one() {
    let bench = OnDisk::with_segments_of(2000);
    let store = filled(&bench);
    let count = fs::read_dir(bench.path().join("records")).expect("list").count();
    assert!((3..12).contains(&count), "{count} segments");
    check_filled(&store);
    check_filled(&bench.restart(store));
}

#[test]
fn a_newer_format_is_refused_and_left_alone() {
    let bench = OnDisk::new();
    drop(filled(&bench));
    let mut bytes = fs::read(bench.segment(1)).expect("segment");
    bytes[8] = 5;
    bytes.truncate(bytes.len() - 5);
    fs::write(bench.segment(1), &bytes).expect("write");
    let refusal = bench.try_open().err().expect("must be refused");
    assert_eq!((refusal.reason, refusal.field("version")), (Reason::StoreTooNew, Some("5")));
    assert_eq!(fs::read(bench.segment(1)).expect("segment"), bytes);
}

#[test]
fn a_full_disk_that_cannot_be_tidied_up_stops_the_store() {
    let bench = OnDisk::new();
    let store = bench.open();
    store.commit_now(&[delivered(1)]).expect("commit");
    bench.faults.truncate_fails.store(true, Ordering::Relaxed);
    bench.fail_next(&store, Failure::Full);
    assert_eq!(reason(store.commit_now(&[delivered(2)])), Reason::StoreFailed);
    assert_eq!(reason(store.commit_now(&[delivered(3)])), Reason::StoreFailed);
    bench.faults.truncate_fails.store(false, Ordering::Relaxed);
    let store = bench.restart(store);
    assert!(store.opened().torn.is_some());
    assert_eq!(records(&store), [delivered(1)]);
}

#[derive(Clone, Debug)]
enum Step {
    Entries(bool, u64),
    Kept(u64),
    Restart,
    Close,
    LoseViews,
}

fn step() -> impl Strategy<Value = Vec<Step>> {
    let one = prop_oneof![
        4 => (any::<bool>(), 0..5_u64).prop_map(|(log, count)| Step::Entries(log, count)),
        2 => (0..20_u64).prop_map(Step::Kept),
        1 => Just(Step::Restart),
        1 => Just(Step::Close),
        1 => Just(Step::LoseViews),
    ];
    prop::collection::vec(one, 1..20)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is committed and however often it starts again, the disk answers as the memory does.
    #[test]
    fn disk_and_memory_agree(steps in step(), segment_bytes in 1..5000_u64) {
        let bench = OnDisk::with_segments_of(segment_bytes);
        let (mut disk, mut memory) = (bench.open(), MemoryStore::new());
        let logs = [origin("a"), origin("b")];
        let mut sizes = [0, 0];
        for step in steps {
            let batch = match step {
                Step::Entries(log, count) => {
                    let log = usize::from(log);
                    sizes[log] += count;
                    vec![entries(&logs[log], sizes[log] - count, count), delivered(1)]
                }
                Step::Kept(number) => vec![Record::Kept(statement(number))],
                Step::Restart | Step::Close | Step::LoseViews => {
                    if matches!(step, Step::Close) {
                        disk.close_now().expect("close");
                    }
                    drop(disk);
                    if matches!(step, Step::LoseViews) {
                        fs::remove_dir_all(bench.path().join("views")).expect("remove");
                    }
                    disk = bench.open();
                    memory = memory.crash().expect("crash");
                    continue;
                }
            };
            disk.commit_now(&batch).expect("commit");
            memory.commit_now(&batch).expect("commit");
        }
        let mut expected = Vec::new();
        memory.load_now(|record| { expected.push(record); Ok(()) }).expect("load");
        prop_assert_eq!(records(&disk), expected);
        let order = OrderId([7; 16]);
        prop_assert_eq!(disk.order_now(order), memory.order_now(order));
        for number in 0..40 {
            let id = statement(number).id();
            prop_assert_eq!(disk.statement_now(id), memory.statement_now(id));
            for log in &logs {
                let found = disk.entries_now(log, number, 7, 3000);
                prop_assert_eq!(found, memory.entries_now(log, number, 7, 3000));
            }
        }
    }
}

const WRITER_FOLDER: &str = "VERBUND_TEST_WRITER_FOLDER";

/// Not a test of its own: the process that [`a_killed_process_loses_nothing_it_was_told_is_stored`] kills. It notes
/// every confirmed batch in a file beside the store.
#[test]
#[ignore = "started and killed by another test"]
fn writer_until_killed() {
    let Ok(folder) = std::env::var(WRITER_FOLDER) else { return };
    let store = DiskStore::open(&Path::new(&folder).join("store")).expect("the store opens");
    let mut noted = fs::OpenOptions::new().append(true).create(true).open(Path::new(&folder).join("noted"));
    let noted = noted.as_mut().expect("a file");
    for first in records(&store).len() as u64 / 2.. {
        let kept = Record::Kept(statement(1000 + first));
        store.commit_now(&[entries(&origin("a"), first, 1), kept]).expect("commit");
        std::io::Write::write_all(noted, b".").expect("note");
    }
}

#[test]
fn a_killed_process_loses_nothing_it_was_told_is_stored() {
    let bench = OnDisk::new();
    let noted = bench.folder.path().join("noted");
    let count = || fs::metadata(&noted).map_or(0, |metadata| metadata.len());
    for batches in [0, 1, 30, 0, 300, 2] {
        let goal = count() + batches;
        let mut writer = std::process::Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "store_contract::writer_until_killed", "--ignored"])
            .env(WRITER_FOLDER, bench.folder.path())
            .stdout(std::process::Stdio::null())
            .spawn()
            .expect("the writer starts");
        while count() < goal {
            assert_eq!(writer.try_wait().expect("state"), None, "the writer ended by itself");
            std::thread::yield_now();
        }
        writer.kill().expect("kill");
        writer.wait().expect("wait");
        let store = bench.open();
        let found = records(&store).len() as u64 / 2;
        assert!(found == count() || found == count() + 1, "{found} batches, {} noted", count());
        for number in (0..found).filter(|number| number % 3 != 2).chain(1000..1000 + found) {
            let signed = statement(number);
            assert_eq!(store.statement_now(signed.id()).expect("read"), Some(signed));
        }
        assert_eq!(store.entries_now(&origin("a"), 0, usize::MAX, usize::MAX).expect("read").len() as u64, found);
        // A batch that was confirmed and not noted counts from now on.
        fs::write(&noted, vec![b'.'; found as usize]).expect("note");
    }
}
