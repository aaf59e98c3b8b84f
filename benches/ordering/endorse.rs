//! One broker endorses: it judges the leg towards it, verifies and appends what came, signs its endorsement and its
//! receipt. First as thought alone, then durably on a disk: one commit for each, and through the driver, which lets
//! all that are ready share one.
use std::fs::OpenOptions;
use std::io::Write as _;

use tokio::task::JoinSet;
use verbund::domain::annex::Annex;
use verbund::domain::id::NodeId;
use verbund::domain::reason::Refusal;
use verbund::domain::statement::Signed;
use verbund::node::driver::Driver;
use verbund::node::ports::{Clock, Peers};
use verbund::protocol::frame::{Delivery, Question};
use verbund::protocol::{Answer, Effect, Input, Node, RequestId, Step};
use verbund::store::disk::DiskStore;

use crate::federation::{CHAIN, federation, name};
use crate::measure::{Figure, Figures, now};
use crate::office::{Counting, Office, signed};
use crate::{is_quick, percentile};

/// Endorsements timed in memory, and those made durable through the driver.
const TIMED: usize = 4_000;
const DURABLE: usize = 12_000;

/// Endorsements made durable one by one.
const SINGLE: usize = 1_000;

/// Deliveries under way at a time: what one peer sends.
const UNDER_WAY: usize = 32;

/// Bytes of a batch with one endorsement, about.
const BATCH_BYTES: usize = 4_096;

/// The broker, and its neighbour from whom requests come.
const BROKER: &str = CHAIN[2];
const NEIGHBOUR: &str = CHAIN[1];

/// The part `endorse`.
pub fn run(figures: &mut Figures) {
    let scale = if is_quick() { 20 } else { 1 };
    let mut office = Office::open();
    in_memory(figures, &mut office, TIMED / scale);
    let verified = verifications_per_second();
    let single = one_by_one(figures, &mut office, SINGLE / scale, verified);
    grouped(figures, &mut office, DURABLE / scale, verified, single);
}

fn in_memory(figures: &mut Figures, office: &mut Office, count: usize) {
    let deliveries = office.requests(count);
    let clock = office.clock;
    let (node, _) = office.nodes.get_mut(&name::<NodeId>(BROKER)).expect("one of the six");
    let mut times: Vec<f64> = deliveries
        .into_iter()
        .zip(1..)
        .map(|(delivery, id)| {
            let began = now();
            let step = node.step(Input::Delivery(RequestId(id), name(NEIGHBOUR), delivery), clock);
            let spent = began.elapsed().as_secs_f64() * 1_000_000.0;
            assert!(is_receipt(&step), "endorsed");
            spent
        })
        .collect();
    for (figure, per_cent) in [("endorse_memory_p50_us", 50), ("endorse_memory_p99_us", 99)] {
        figures.put(Figure {
            figure,
            value: percentile(&mut times, per_cent),
            unit: "us",
            n: count as u64,
            median_of: count as u64,
            limit: Some(if per_cent == 50 { 350.0 } else { 1_000.0 }),
            note: "one step: two signatures verified, leg judged, two signed, three appended; the limit is the target",
            ..Figure::default()
        });
    }
}

fn is_receipt(step: &Step) -> bool {
    step.then.iter().any(|effect| matches!(effect, Effect::Reply(_, Ok(Answer::Receipt(_)))))
}

fn verifications_per_second() -> f64 {
    let (key, message, signature) = signed();
    let (began, mut count) = (now(), 0.0);
    while began.elapsed().as_secs_f64() < 0.5 {
        key.verify(&message, &signature).expect("a good signature");
        count += 1.0;
    }
    count / began.elapsed().as_secs_f64()
}

/// What the broker of the office has stored, on a disk.
fn disk(office: &Office, folder: &tempfile::TempDir) -> DiskStore {
    let store = DiskStore::open(&folder.path().join("store")).expect("a store");
    let (_, memory) = &office.nodes[&name::<NodeId>(BROKER)];
    memory.load_now(|record| store.commit_now(&[record])).expect("copied");
    store
}

/// The broker as it starts: nothing is read yet, and nobody is asked how far its log goes.
fn broker() -> Node {
    let node: NodeId = name(BROKER);
    let mut settings = federation().settings(&node);
    settings.alone = true;
    Node::new(settings, federation().keys(&node), Box::new(Counting(7 << 32)))
}

fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder below target")
}

fn one_by_one(figures: &mut Figures, office: &mut Office, count: usize, verified: f64) -> f64 {
    let (folder, deliveries, clock) = (scratch(), office.requests(count), office.clock);
    let store = disk(office, &folder);
    let mut node = broker();
    store.load_now(|record| node.replay(record)).expect("read");
    store.commit_now(&node.step(Input::Started, clock).commit).expect("stored");
    let mut file = OpenOptions::new().append(true).create(true).open(folder.path().join("peer")).expect("a file");
    let (mut spent, mut synced) = (0.0, 0.0);
    for (delivery, id) in deliveries.into_iter().zip(1..) {
        let began = now();
        let step = node.step(Input::Delivery(RequestId(id), name(NEIGHBOUR), delivery), clock);
        assert!(is_receipt(&step), "endorsed");
        store.commit_now(&step.commit).expect("stored");
        spent += began.elapsed().as_secs_f64();
        let began = now();
        file.write_all(&[0x5a; BATCH_BYTES]).and_then(|()| file.sync_data()).expect("an append");
        synced += began.elapsed().as_secs_f64();
    }
    let rate = count as f64 / spent;
    figures.put(Figure {
        figure: "endorse_durable_single_per_s",
        value: rate,
        unit: "1/s",
        n: count as u64,
        peer: Some(("append and fdatasync of 4 KiB", count as f64 / synced)),
        note: &format!("one commit each, no driver; {verified:.0} verifications/s on one core in the same run"),
        ..Figure::default()
    });
    count as f64 / synced
}

/// A clock that stands where the office stands.
struct Standing(verbund::domain::time::Timestamp);

impl Clock for Standing {
    fn now(&self) -> verbund::domain::time::Timestamp {
        self.0
    }
}

/// Peers that never answer: what the broker sends on is not what is measured.
struct Silent;

impl Peers for Silent {
    async fn deliver(&self, _: NodeId, _: Vec<Delivery>) -> Vec<Result<Signed, Refusal>> {
        std::future::pending().await
    }

    async fn ask(&self, _: NodeId, _: Question) -> Result<(Vec<Signed>, Vec<Annex>), Refusal> {
        std::future::pending().await
    }
}

fn grouped(figures: &mut Figures, office: &mut Office, count: usize, verified: f64, synced: f64) {
    let (folder, deliveries, clock) = (scratch(), office.requests(count), office.clock);
    let store = disk(office, &folder);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (wall, used) = runtime.block_on(async {
        let (driver, handle) = Driver::new(broker(), store, Standing(clock), |_| Silent);
        let driver = tokio::spawn(driver.run());
        handle.read(|node, _| node.check_may_sign()).await.expect("runs").expect("signs");
        let (began, before) = (now(), processor_seconds());
        let mut under_way = JoinSet::new();
        for delivery in deliveries {
            if under_way.len() >= UNDER_WAY {
                answered(under_way.join_next().await);
            }
            let handle = handle.clone();
            under_way.spawn(async move { handle.deliver(&name(NEIGHBOUR), delivery).await });
        }
        while let Some(answer) = under_way.join_next().await {
            answered(Some(answer));
        }
        let spent = (began.elapsed().as_secs_f64(), processor_seconds() - before);
        handle.stop().await;
        driver.await.expect("no panic").expect("the store is fine");
        spent
    });
    figures.put(Figure {
        figure: "endorse_durable_per_s_core",
        value: count as f64 / wall.max(used),
        unit: "1/s and core",
        n: count as u64,
        limit: Some(2_000.0),
        peer: Some(("append and fdatasync of 4 KiB", synced)),
        note: &format!(
            "through the driver, {UNDER_WAY} under way, one thread and one that writes; {:.2} s by the clock, {:.2} s of \
             processors; {verified:.0} verifications/s on one core in the same run; the limit is the target",
            wall, used
        ),
        ..Figure::default()
    });
}

type Delivered = Result<Result<Answer, Refusal>, tokio::task::JoinError>;

fn answered(answer: Option<Delivered>) {
    let answer = answer.expect("one is under way").expect("no panic").expect("endorsed");
    assert!(matches!(answer, Answer::Receipt(_)));
}

/// Processor time this process has used, as Linux counts it; elsewhere nothing, and the clock decides.
fn processor_seconds() -> f64 {
    const TICKS_PER_SECOND: f64 = 100.0;
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / TICKS_PER_SECOND
}
