//! What it costs to find out that nothing is missing, or what: two nodes, the crate `negentropy`, and a full pull, over
//! the same entries and the same differences, in turns.
//!
//! One node lacks the last entries of some logs. *Open*: the stream is open and the other hears of them from a third.
//! *Resumed*: the stream opens, and the node remembers how far it had followed the other's journal. *Cold*: it opens,
//! and neither knows anything of the other. Beyond the entries is every byte of every frame, both ways, but the
//! encoded entries (payload, signature, their own framing); log names, checkpoints and key hashes in frames of entries
//! do count. Processor time is without frames of entries: those cost the same signatures whoever finds them missing.
use std::io::Write as _;
use std::rc::Rc;
use std::time::Duration;

use negentropy::{Id, Negentropy, NegentropyStorageVector};
use prost::Message as _;
use verbund::protocol::Input;
use verbund::protocol::frame::{Claim, Frame, Run};
use verbund::protocol::settings::Instance;
use verbund::protocol::state::State;
use verbund::wire::pb;

use crate::dataset::{Dataset, node_name, receiver, record_of, run_of, starter};
use crate::history::History;
use crate::ingest::decoded;
use crate::measure::{Figure, Figures, median, now};
use crate::pair::{Count, Pair, Shelf, state_of};

/// Comparisons of digests in the measurement of doing nothing.
const PINGS: usize = 2_000;

/// Entries missing in all, and in how many logs.
const DIFFERENCES: [(u64, usize); 3] = [(1, 1), (1_000, 50), (10_000, 200)];

/// Entries missing in one log at most; a quick run has too few logs to miss as many.
const EACH_MAX: u64 = 50;

/// Every how many logs one is in the smaller set, which is a tenth of the data.
const TENTH: usize = 10;

/// What one way of finding the difference cost.
#[derive(Clone, Copy)]
struct Cost {
    bytes: u64,
    round_trips: f64,
    cpu_us: f64,
}

impl From<Count> for Cost {
    fn from(count: Count) -> Self {
        Self { bytes: count.beyond(), round_trips: count.round_trips(), cpu_us: count.cpu_us() }
    }
}

/// A difference: what the other has more.
struct More {
    missing: u64,
    runs: Vec<Run>,
    shelf: Shelf,
    ids: Vec<[u8; 32]>,
}

pub fn run(figures: &mut Figures, dataset: &Dataset) {
    let mut table = Vec::new();
    for logs in [dataset.logs / TENTH, dataset.logs] {
        let is_whole = logs == dataset.logs;
        let (state, mut ids) = state_of(dataset, logs);
        ids.sort_unstable();
        table.extend(nothing(figures, dataset, &state, &ids, is_whole));
        for (missing, in_logs) in DIFFERENCES {
            let more = more(dataset, &state, logs, missing, in_logs.min(logs));
            table.extend(something(figures, dataset, &state, &ids, &more, is_whole));
        }
    }
    overhead(figures, dataset);
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "\n{:>9} {:>8}  {:<28} {:>12} {:>7} {:>12}",
        "entries", "missing", "how", "bytes", "trips", "cpu us"
    )
    .expect("standard output is open");
    for row in table {
        writeln!(out, "{row}").expect("standard output is open");
    }
}

fn row(entries: usize, missing: u64, how: &str, cost: Cost) -> String {
    let Cost { bytes, round_trips, cpu_us } = cost;
    format!("{entries:>9} {missing:>8}  {how:<28} {bytes:>12} {round_trips:>7.1} {cpu_us:>12.0}")
}

fn level(dataset: &Dataset, state: &State, shelf: Shelf) -> Pair {
    let mut pair = Pair::new(dataset, [state.clone(), state.clone()], shelf);
    pair.connect();
    pair.rest();
    // The pings that follow a new stream are over.
    for _ in 0..8 {
        pair.wake();
    }
    pair.take();
    pair
}

/// Two nodes that hold the same compare digests.
fn nothing(figures: &mut Figures, dataset: &Dataset, state: &State, ids: &[[u8; 32]], is_whole: bool) -> Vec<String> {
    let mut pair = level(dataset, state, Shelf::default());
    let (mut sides, mut last) = ([Vec::new(), Vec::new()], Count::default());
    while sides[0].len() < PINGS {
        pair.wake();
        let count = pair.take();
        if count.frames > 0 {
            assert_eq!((count.frames, count.reads), (2, 0), "a ping, its answer, and nothing read");
            sides.iter_mut().zip(count.cpu).for_each(|(side, cpu)| side.push(cpu.as_secs_f64() * 1e6));
            last = count;
        }
    }
    let cpu_us = sides.iter_mut().map(|side| median(side)).fold(0.0, f64::max);
    let own = Cost { bytes: last.bytes, round_trips: last.round_trips(), cpu_us };
    let other = reconcile(ids, &[], Order::Newest, true);
    let pull = full_pull(state, ids, &[]);
    if is_whole {
        let note = format!("both ways, a ping and its answer, {} round trip, nothing read", own.round_trips);
        put(figures, "noop_bytes", own.bytes as f64, "bytes", PINGS, Some(other.bytes as f64), &note);
        put(figures, "noop_cpu_us", own.cpu_us, "us per side", PINGS, Some(other.cpu_us), "the busier side");
    }
    vec![row(ids.len(), 0, "open", own), row(ids.len(), 0, "negentropy", other), row(ids.len(), 0, "full pull", pull)]
}

/// A node lacks something; found in three ways, and in the others' two.
fn something(
    figures: &mut Figures,
    dataset: &Dataset,
    state: &State,
    ids: &[[u8; 32]],
    more: &More,
    is_whole: bool,
) -> Vec<String> {
    let (open, resumed, cold) =
        (open(dataset, state, more), reopened(dataset, state, more, true), reopened(dataset, state, more, false));
    let others = [(Order::Newest, true), (Order::Newest, false), (Order::Any, true)]
        .map(|(order, is_pushed)| reconcile(ids, &more.ids, order, is_pushed));
    let pull = full_pull(state, ids, &more.ids);
    let beside = |count: Count| {
        format!(
            "{} bytes of it in frames of entries, {} in {} other frames; {:.1} round trips, {:.0} us",
            count.entry_frames - count.entries,
            count.bytes - count.entry_frames,
            count.frames,
            count.round_trips(),
            count.cpu_us()
        )
    };
    let each = |bytes: u64| bytes as f64 / more.missing as f64;
    let peer = Some(each(others[0].bytes));
    let samples = usize::try_from(more.missing).expect("small");
    let warm = format!(
        "stream open: {}; stream reopened with a cursor: {:.1} each: {}",
        beside(open),
        each(resumed.beyond()),
        beside(resumed)
    );
    let of_million = if is_whole { more.missing } else { 0 };
    match of_million {
        1 => {
            put(figures, "missing_1_warm_bytes", each(open.beyond()), "bytes", samples, peer, &warm);
            put(figures, "missing_1_cold_bytes", each(cold.beyond()), "bytes", samples, peer, &beside(cold));
        }
        1_000 => {
            put(figures, "missing_1000_warm_bytes_each", each(open.beyond()), "bytes", samples, peer, &warm);
            put(figures, "missing_1000_cold_bytes_each", each(cold.beyond()), "bytes", samples, peer, &beside(cold));
        }
        _ => {}
    }
    let rows = [("open", open.into()), ("resumed", resumed.into()), ("cold", cold.into())];
    let others = [
        ("negentropy, newest, pushed", others[0]),
        ("negentropy, newest, asked", others[1]),
        ("negentropy, any age, pushed", others[2]),
        ("full pull", pull),
    ];
    rows.into_iter().chain(others).map(|(how, cost)| row(ids.len(), more.missing, how, cost)).collect()
}

fn put(figures: &mut Figures, figure: &str, value: f64, unit: &str, n: usize, peer: Option<f64>, note: &str) {
    let peer = peer.map(|value| ("negentropy", value));
    let n = n as u64;
    figures.put(Figure { figure, value, unit, n, median_of: n, peer, note, ..Figure::default() });
}

/// New entries at the end of logs that lie evenly among all.
fn more(dataset: &Dataset, state: &State, logs: usize, missing: u64, in_logs: usize) -> More {
    let each = (missing / in_logs as u64).min(EACH_MAX);
    let (mut runs, mut shelf, mut ids) = (Vec::new(), std::collections::BTreeMap::new(), Vec::new());
    for log in (0..in_logs).map(|number| number * logs / in_logs) {
        let node = dataset.node(&node_name(log));
        let mut history = History::held(&state.logs[&node.origin]);
        let entries = dataset.more(log, each);
        ids.extend(entries.iter().map(|entry| entry.leaf.statement_id().0));
        shelf.insert(node.origin.clone(), (history.tree.size(), entries.clone()));
        runs.push(run_of(node, &mut history, &entries));
    }
    More { missing: each * in_logs as u64, runs, shelf: Rc::new(shelf), ids }
}

/// The stream is open, and one node hears of the entries from a third.
fn open(dataset: &Dataset, state: &State, more: &More) -> Count {
    let mut pair = level(dataset, state, more.shelf.clone());
    let third = node_name(dataset.logs - 1);
    pair.happen(0, Input::PeerUp(third.clone()));
    for run in &more.runs {
        pair.happen(0, Input::Frame(third.clone(), Frame::Entries(run.clone())));
    }
    pair.happen(0, Input::PeerDown(third));
    pair.rest();
    pair.take()
}

/// The stream opens after one node has got the entries; the other remembers a cursor, or nothing.
fn reopened(dataset: &Dataset, state: &State, more: &More, has_cursor: bool) -> Count {
    let mut states = [state.clone(), state.clone()];
    if has_cursor {
        let position = state.journal.position();
        states[0].cursors.insert(starter(), (Instance([2; 16]), position));
        states[1].cursors.insert(receiver(), (Instance([1; 16]), position));
    }
    for run in more.runs.clone() {
        let mut history = state.logs.get(&run.origin).map(History::held).unwrap_or_default();
        states[0].replay(record_of(run, &mut history)).expect("good entries");
    }
    let mut pair = Pair::new(dataset, states, more.shelf.clone());
    // A node that runs has its digest at hand; only the first stream after a start waits for it.
    let third = node_name(dataset.logs - 1);
    for at in 0..2 {
        pair.happen(at, Input::PeerUp(third.clone()));
        pair.happen(at, Input::PeerDown(third.clone()));
    }
    pair.connect();
    pair.rest();
    pair.take()
}

/// Which items are missing, by their time.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Newest,
    Any,
}

/// The crate `negentropy`. If whoever has more begins, it may push what is missing without being asked; if the other
/// begins, it asks for each by its id. The index is built already.
fn reconcile(ids: &[[u8; 32]], missing: &[[u8; 32]], order: Order, is_pushed: bool) -> Cost {
    // What many logs begin with is one item; the crate wants each once.
    let mut ids = ids.to_vec();
    ids.dedup();
    let storage = |with: &[[u8; 32]]| {
        let mut storage = NegentropyStorageVector::with_capacity(ids.len() + with.len());
        for (time, id) in (0..).zip(ids.iter().chain(with)) {
            let [a, b, c, d, ..] = *id;
            let time = if order == Order::Any { u32::from_le_bytes([a, b, c, d]).into() } else { time };
            storage.insert(time, Id::from_byte_array(*id)).expect("room");
        }
        storage.seal().expect("different items");
        storage
    };
    let (ahead, behind) = (storage(missing), storage(&[]));
    let (first, second) = if is_pushed { (&ahead, &behind) } else { (&behind, &ahead) };
    let mut one = Negentropy::borrowed(first, 0).expect("no limit");
    let mut two = Negentropy::borrowed(second, 0).expect("no limit");
    let (mut cpu, mut bytes, mut trips) = ([Duration::ZERO; 2], 0, 0.0);
    let timed = |spent: &mut Duration, work: &mut dyn FnMut() -> Vec<u8>| {
        let began = now();
        let message = work();
        *spent += began.elapsed();
        message
    };
    let (mut have, mut need) = (Vec::new(), Vec::new());
    let mut query = timed(&mut cpu[0], &mut || one.initiate().expect("an initiator"));
    loop {
        let answer = timed(&mut cpu[1], &mut || two.reconcile(&query).expect("own message"));
        bytes += (query.len() + answer.len()) as u64;
        trips += 1.0;
        let next = timed(&mut cpu[0], &mut || {
            one.reconcile_with_ids(&answer, &mut have, &mut need).expect("own message").unwrap_or_default()
        });
        if next.is_empty() {
            break;
        }
        query = next;
    }
    let found = if is_pushed { [have.len(), need.len()] } else { [need.len(), have.len()] };
    assert_eq!(found, [missing.len(), 0], "the difference was found");
    // Then the entries go one way, or are asked for.
    trips += match (missing.is_empty(), is_pushed) {
        (true, _) => 0.0,
        (false, true) => 0.5,
        (false, false) => 1.0,
    };
    bytes += if is_pushed { 0 } else { 32 * need.len() as u64 };
    Cost { bytes, round_trips: trips, cpu_us: cpu[0].max(cpu[1]).as_secs_f64() * 1e6 }
}

/// All heads and all ids from whoever has more; the other asks for the ids it lacks.
fn full_pull(state: &State, ids: &[[u8; 32]], missing: &[[u8; 32]]) -> Cost {
    let heads = Frame::Heads {
        asked_at: 0,
        position: 0,
        buckets: Vec::new(),
        heads: state.heads().iter().map(Claim::from).collect(),
    };
    let began = now();
    let mut all = ids.to_vec();
    all.extend(missing);
    let bytes = pb::peer::v1::Frame::from(&heads).encode_to_vec().len() + all.concat().len();
    let sent = began.elapsed();
    let began = now();
    let asked: Vec<_> = all.iter().filter(|id| ids.binary_search(id).is_err()).collect();
    let read = began.elapsed();
    assert_eq!(asked.len(), missing.len());
    let trips = if missing.is_empty() { 1.0 } else { 2.0 };
    Cost { bytes: (bytes + 32 * asked.len()) as u64, round_trips: trips, cpu_us: sent.max(read).as_secs_f64() * 1e6 }
}

/// What an entry costs on the wire beyond its payload when many are sent.
fn overhead(figures: &mut Figures, dataset: &Dataset) {
    let (mut bytes, mut payloads, mut entries) = (0, 0, 0_u64);
    for message in dataset.frames() {
        let Frame::Entries(Run { entries: run, .. }) = decoded(&message) else { continue };
        bytes += message.len();
        payloads +=
            run.iter().filter_map(|entry| entry.statement.as_ref()).map(|it| it.payload().len()).sum::<usize>();
        entries += run.len() as u64;
    }
    figures.put(Figure {
        figure: "entry_overhead_bytes",
        value: (bytes - payloads) as f64 / entries as f64,
        unit: "bytes per entry",
        n: entries,
        median_of: 1,
        note: "all bytes of frames of entries, signature, checkpoint and names included, without the payloads",
        ..Figure::default()
    });
}
