//! Ingest: frames of entries from a peer, every signature verified, every entry durable; and the start of a node that
//! holds them all.
//!
//! The frames go the way of a real stream, from the protobuf message through the stream's task and the driver into a
//! store on the disk; TLS and HTTP/2 alone are left out. The store stays below `target` for other parts.
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use prost::Message as _;
use tokio::runtime::Runtime;
use verbund::domain::id::Hash;
use verbund::domain::reason::Refusal;
use verbund::domain::signing::{PublicKey, Signature};
use verbund::node::driver::Driver;
use verbund::node::handle::{Handle, StreamIn};
use verbund::node::ports::Nobody;
use verbund::node::system::{SystemClock, SystemDice};
use verbund::protocol::Node;
use verbund::protocol::frame::{Frame, Run};
use verbund::protocol::peering::Dialler;
use verbund::protocol::settings::Instance;
use verbund::store::disk::DiskStore;
use verbund::wire::pb;
use verbund::wire::peer::Heard;

use crate::dataset::{Dataset, STATEMENT_BYTES, federation, node_name, receiver};
use crate::measure::{Figure, Figures, now};

/// Rounds in which a run's rate is taken, to see whether it decays.
const STAGES: usize = 10;

/// Statements whose signatures are verified for the limit.
const SAMPLE: usize = 40_000;

pub fn run(figures: &mut Figures, dataset: &Dataset) {
    let runtime = Runtime::new().expect("a runtime");
    let sample = sample(dataset);
    let processor = processor_s();
    let before = verified_per_s(&sample);
    let alone = processor_s() - processor;
    let folder = store_folder(dataset);
    // Without a store there is none to be removed.
    let _ = fs::remove_dir_all(&folder);
    let (began, processor) = (memory(), processor_s());
    let mut stages = runtime.block_on(ingest(dataset));
    let (held, processor) = (memory(), processor_s() - processor);
    let limit = (before + verified_per_s(&sample)) / 2.0;
    let whole = dataset.entries as f64 / stages.iter().sum::<f64>();
    let per_stage = |seconds: f64| dataset.entries as f64 / STAGES as f64 / seconds;
    let (first, last) = (per_stage(stages[0]), per_stage(stages[STAGES - 1]));
    stages.sort_by(f64::total_cmp);
    let note = format!(
        "{} entries in {} logs, {STATEMENT_BYTES} bytes each; first tenth {first:.0}, last {last:.0}, slowest {:.0}; \
         {:.1} us of processor time each; {began} MB resident before, {held} after",
        dataset.entries,
        dataset.logs,
        per_stage(stages[STAGES - 1]),
        processor * 1e6 / dataset.entries as f64,
    );
    figures.put(Figure {
        figure: "ingest_per_s",
        value: whole,
        unit: "entries/s on all cores",
        n: dataset.entries,
        median_of: 1,
        peer: Some(("verification alone", limit)),
        note: &note,
        ..Figure::default()
    });
    figures.put(Figure {
        figure: "ingest_of_verify_limit_percent",
        value: 100.0 * whole / limit,
        unit: "per cent",
        n: dataset.entries,
        median_of: 1,
        note: "ingest_per_s of verify_limit_per_s, both of this run",
        ..Figure::default()
    });
    figures.put(Figure {
        figure: "verify_limit_per_s",
        value: limit,
        unit: "signatures/s on all cores",
        n: SAMPLE as u64,
        median_of: 2,
        note: &format!(
            "the same statements, before and after ingest; {:.1} us of processor time each",
            alone * 1e6 / sample.len() as f64
        ),
        ..Figure::default()
    });
}

/// Where the store with all entries stays.
pub fn store_folder(dataset: &Dataset) -> PathBuf {
    dataset.folder.join("store")
}

/// Takes in all frames through one stream, and says how many seconds each tenth took.
async fn ingest(dataset: &Dataset) -> Vec<f64> {
    let (handle, driver) = start(dataset);
    handle.found(dataset.genesis(&receiver())).await.expect("a true beginning");
    let (mut out, stream) = handle.open_stream(node_name(0), Dialler::Them, None).await.expect("a driver that runs");
    let hello = Frame::Hello {
        anchor: dataset.anchor,
        node: node_name(0),
        digest: Hash([0; 32]),
        instance: Instance::default(),
        position: 0,
        yours: None,
    };
    stream.frame(hello).await.expect("a driver that runs");
    // What the node says to its peer goes nowhere.
    let deaf = tokio::spawn(async move { while out.recv().await.is_some() {} });
    let (mut stages, mut stage, mut taken) = (Vec::new(), now(), 0);
    for frame in dataset.frames() {
        taken += take(&stream, &frame).await;
        if taken >= dataset.entries * (stages.len() as u64 + 1) / STAGES as u64 {
            if taken == dataset.entries {
                // A look overtakes what peers have queued; what it sees is durable.
                let whole = taken + dataset.genesis(&receiver()).len() as u64;
                while held(&handle).await < whole {
                    tokio::task::yield_now().await;
                }
            }
            stages.push(stage.elapsed().as_secs_f64());
            stage = now();
        }
    }
    drop(stream);
    deaf.await.expect("no panic");
    handle.stop().await;
    driver.await.expect("no panic").expect("a good end");
    stages
}

fn start(dataset: &Dataset) -> (Handle, tokio::task::JoinHandle<Result<(), Refusal>>) {
    let store = DiskStore::open(&store_folder(dataset)).expect("a store");
    let node = Node::new(dataset.settings(&receiver()), dataset.keys(&receiver()), Box::new(SystemDice));
    let (driver, handle) = Driver::new(node, store, SystemClock, |_| Nobody);
    (handle, tokio::spawn(driver.run()))
}

async fn take(stream: &StreamIn, message: &[u8]) -> u64 {
    let frame = decoded(message);
    let Frame::Entries(Run { entries, .. }) = &frame else { panic!("a frame of entries") };
    let count = entries.len() as u64;
    stream.frame(frame).await.expect("a driver that runs");
    count
}

/// The frame in a message.
pub fn decoded(message: &[u8]) -> Frame {
    let message = pb::peer::v1::Frame::decode(message).expect("own message");
    let Ok(Heard::Frame(frame)) = Heard::read(message, &federation()) else { panic!("own frame") };
    frame
}

async fn held(handle: &Handle) -> u64 {
    let sizes = handle.read(|node, _| {
        assert!(node.state().logs.values().all(|log| log.refused.is_empty()), "nothing here is refused");
        node.state().logs.values().map(|log| log.tree.size()).sum()
    });
    sizes.await.expect("a driver that runs")
}

/// From the process to a node that answers, over the store that ingest left.
pub fn load(figures: &mut Figures, dataset: &Dataset) {
    let runtime = Runtime::new().expect("a runtime");
    let (before, processor, began) = (memory(), processor_s(), now());
    let (opened, seconds) = runtime.block_on(async {
        let (handle, driver) = start(dataset);
        let opened = began.elapsed().as_secs_f64();
        assert!(held(&handle).await > dataset.entries, "the whole store of an earlier ingest");
        let seconds = began.elapsed().as_secs_f64();
        handle.stop().await;
        driver.await.expect("no panic").expect("a good end");
        (opened, seconds)
    });
    let note = format!(
        "start with a full store until the node answers, every signature verified again; opening alone {opened:.2} s; \
         {:.1} s of processor time; {before} MB resident before, {} after",
        processor_s() - processor,
        memory()
    );
    figures.put(Figure {
        figure: "load_1m_s",
        value: seconds,
        unit: "s",
        n: dataset.entries,
        median_of: 1,
        note: &note,
        ..Figure::default()
    });
}

/// Statements of the middle of the data with the keys that signed them.
fn sample(dataset: &Dataset) -> Vec<(PublicKey, Vec<u8>, Signature)> {
    let keys = dataset.statement_keys();
    let mut sample = Vec::new();
    for message in dataset.frames() {
        let Frame::Entries(Run { entries, .. }) = decoded(&message) else { panic!("a frame of entries") };
        for signed in entries.into_iter().filter_map(|entry| entry.statement) {
            if let ([by], true) = (signed.signatures(), sample.len() < SAMPLE)
                && let Some(key) = keys.get(&by.key)
            {
                sample.push((key.clone(), signed.pae().to_vec(), by.signature));
            }
        }
        if sample.len() == SAMPLE {
            break;
        }
    }
    sample
}

/// Verifications per second with nothing else to do, on all cores.
fn verified_per_s(sample: &[(PublicKey, Vec<u8>, Signature)]) -> f64 {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let began = now();
    std::thread::scope(|scope| {
        for part in sample.chunks(sample.len().div_ceil(cores)) {
            scope.spawn(|| part.iter().for_each(|(key, bytes, by)| key.verify(bytes, by).expect("a good signature")));
        }
    });
    sample.len() as f64 / began.elapsed().max(Duration::from_nanos(1)).as_secs_f64()
}

/// Seconds of processor time this process has used on all cores, where the system tells; unlike the time on the wall it
/// is nearly the same on a machine that is shared.
pub fn processor_s() -> f64 {
    processor_s_of("self")
}

/// The same of another process.
pub fn processor_s_of(process: &str) -> f64 {
    const TICKS_PER_S: f64 = 100.0;
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The name of the program, in brackets, may contain spaces; the eleventh field after it is the first of the two.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    fields.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>()
        / TICKS_PER_S
}

/// Resident memory in MB, where the system tells.
pub fn memory() -> u64 {
    memory_of("self", "VmRSS:")
}

/// A line of a process's status in MB: `VmRSS:` is resident now, `VmHWM:` the most that ever was.
pub fn memory_of(process: &str, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) / 1024
}
