//! Two nodes side by side and a wire that counts: every frame is encoded and decoded as between processes, and belongs
//! to a chain of causes whose length tells the round trips.
//!
//! Counted are the messages `verbund.peer.v1.Frame`; the envelope of `Sync` around each and gRPC's five bytes are not.
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use prost::Message as _;
use verbund::domain::id::{NodeId, Origin};
use verbund::domain::time::Timestamp;
use verbund::node::system::SystemDice;
use verbund::protocol::frame::Frame;
use verbund::protocol::limits::FRAME_ENTRIES_MAX;
use verbund::protocol::proving::{KeyRing, SignatureCheck};
use verbund::protocol::record::{LogEntry, Record};
use verbund::protocol::settings::Instance;
use verbund::protocol::state::State;
use verbund::protocol::{Effect, Input, Node, Step};
use verbund::store::entry_bytes;
use verbund::wire::pb;

use crate::dataset::{Dataset, node_name, receiver, record_of, starter};
use crate::history::History;
use crate::ingest::decoded;
use crate::measure::now;

/// Simulated patience with two nodes that do not come to rest, in milliseconds.
const REST_MS: i64 = 60_000;

/// Entries by log and index, from which reads are served.
pub type Shelf = Rc<BTreeMap<Origin, (u64, Vec<LogEntry>)>>;

/// What went over the wire, and what it cost.
#[derive(Clone, Copy, Default, Debug)]
pub struct Count {
    /// Frames, both ways.
    pub frames: u64,
    /// Bytes of all frames, both ways.
    pub bytes: u64,
    /// Of these, in frames of entries.
    pub entry_frames: u64,
    /// Of those, the encoded entries themselves: payload, signature, and the bytes that frame them.
    pub entries: u64,
    /// Frames in the longest chain in which each is the answer to the one before: up to the last frame of entries, or
    /// to the end if there is none. Acknowledgements after it keep nobody waiting.
    pub chain: u32,
    /// Processor time of each side, without entries and the signatures in them.
    pub cpu: [Duration; 2],
    /// Reads of the store.
    pub reads: u64,
}

impl Count {
    /// Bytes beyond the entries.
    pub fn beyond(&self) -> u64 {
        self.bytes - self.entries
    }

    /// Round trips until everything is there: pairs of frames in the longest chain, the last perhaps half.
    pub fn round_trips(&self) -> f64 {
        f64::from(self.chain) / 2.0
    }

    /// Processor time of the busier side in microseconds.
    pub fn cpu_us(&self) -> f64 {
        self.cpu[0].max(self.cpu[1]).as_secs_f64() * 1e6
    }
}

struct Side {
    node: Node,
    name: NodeId,
    wake: Option<Timestamp>,
    chain: u32,
}

/// Two nodes: 0 is the receiver of the data, 1 the starter.
pub struct Pair {
    sides: [Side; 2],
    shelf: Shelf,
    now: Timestamp,
    wire: VecDeque<(usize, u32, Vec<u8>)>,
    /// Since it was last taken.
    pub count: Count,
}

impl Pair {
    /// Two nodes that have started and are not connected.
    pub fn new(dataset: &Dataset, states: [State; 2], shelf: Shelf) -> Self {
        let start: Timestamp = "2026-11-24T08:00:00Z".parse().expect("a time");
        let [one, two] = states;
        let side = |name: NodeId, mut state: State, life: u8| {
            let mut settings = dataset.settings(&name);
            settings.instance = Instance([life; 16]);
            state.own = settings.origin.clone();
            let node = Node::resume(settings, dataset.keys(&name), Box::new(SystemDice), state);
            Side { node, name, wake: None, chain: 0 }
        };
        let sides = [side(receiver(), one, 1), side(starter(), two, 2)];
        let mut pair = Self { sides, shelf, now: start, wire: VecDeque::new(), count: Count::default() };
        for at in 0..2 {
            pair.step(at, Input::Started);
        }
        pair
    }

    /// Opens the stream.
    pub fn connect(&mut self) {
        for at in 0..2 {
            let peer = self.sides[1 - at].name.clone();
            self.step(at, Input::PeerUp(peer));
        }
    }

    /// Lets something happen to a node that costs it nothing here.
    pub fn happen(&mut self, at: usize, input: Input) {
        let cpu = self.count.cpu;
        self.step(at, input);
        self.count.cpu = cpu;
    }

    /// What was counted since the last time; the next chain begins anew.
    pub fn take(&mut self) -> Count {
        self.sides.iter_mut().for_each(|side| side.chain = 0);
        std::mem::take(&mut self.count)
    }

    /// Lets time pass until both hold the same, know it of each other and say no more.
    pub fn rest(&mut self) {
        let end = self.now.plus_ms(REST_MS);
        self.deliver();
        while !self.is_level() {
            assert!(self.now < end, "two nodes come to rest");
            self.wake();
        }
    }

    fn is_level(&self) -> bool {
        let [one, two] = &self.sides;
        one.node.state().digest() == two.node.state().digest() && one.node.is_level() && two.node.is_level()
    }

    /// Goes on to the next time for which a node wants to be woken.
    pub fn wake(&mut self) {
        let next = (0..2).filter_map(|at| Some((self.sides[at].wake?, at))).min().expect("a node with peers pings");
        self.now = self.now.max(next.0);
        self.sides[next.1].wake = None;
        self.step(next.1, Input::Woken);
        self.deliver();
    }

    /// Delivers until nothing is under way.
    fn deliver(&mut self) {
        while let Some((to, chain, bytes)) = self.wire.pop_front() {
            let side = &mut self.sides[to];
            side.chain = side.chain.max(chain);
            let from = self.sides[1 - to].name.clone();
            let (began, before) = (now(), self.count.cpu);
            let frame = decoded(&bytes);
            self.count.cpu[to] += began.elapsed();
            let is_entries = matches!(frame, Frame::Entries(_));
            if is_entries || self.count.entries == 0 {
                self.count.chain = self.count.chain.max(chain);
            }
            self.step(to, Input::Frame(from, frame));
            if is_entries {
                self.count.cpu = before;
            }
        }
    }

    fn step(&mut self, at: usize, input: Input) {
        let is_read = matches!(input, Input::EntriesRead { .. });
        let (began, before) = (now(), self.count.cpu);
        let Step { then, .. } = self.sides[at].node.step(input, self.now);
        self.count.cpu[at] += began.elapsed();
        for effect in then {
            self.perform(at, effect);
        }
        if is_read {
            self.count.cpu = before;
        }
    }

    fn perform(&mut self, at: usize, effect: Effect) {
        match effect {
            Effect::Send(to, frame) if to == self.sides[1 - at].name => self.send(at, &frame),
            Effect::ReadEntries { to, origin, first, bytes_max } if to == self.sides[1 - at].name => {
                self.count.reads += 1;
                let (held, entries) = self.shelf.get(&origin).expect("only new entries are asked for");
                let skipped = usize::try_from(first - held).expect("small");
                let mut bytes = 0;
                let fits = |entry: &&LogEntry| {
                    bytes += entry_bytes(entry);
                    bytes <= bytes_max
                };
                let entries = entries[skipped..].iter().take(FRAME_ENTRIES_MAX).take_while(fits).cloned().collect();
                self.step(at, Input::EntriesRead { to, origin, first, entries });
            }
            Effect::WakeAt(due) => self.sides[at].wake = Some(due),
            Effect::Disconnect(peer, refusal) => panic!("{peer}: {refusal}"),
            _ => {}
        }
    }

    fn send(&mut self, at: usize, frame: &Frame) {
        let began = now();
        let message = pb::peer::v1::Frame::from(frame);
        let bytes = message.encode_to_vec();
        self.count.cpu[at] += began.elapsed();
        let length = bytes.len() as u64;
        self.count.frames += 1;
        self.count.bytes += length;
        if let Some(pb::peer::v1::frame::Kind::Entries(run)) = message.kind {
            self.count.entry_frames += length;
            let bare = pb::peer::v1::Entries { entries: Vec::new(), ..run.clone() };
            self.count.entries += (run.encoded_len() - bare.encoded_len()) as u64;
        }
        self.wire.push_back((1 - at, self.sides[at].chain + 1, bytes));
    }
}

/// A state that has read frames of the data, its signatures checked on all cores, and the statements in it.
pub fn state_of(dataset: &Dataset, logs: usize) -> (State, Vec<[u8; 32]>) {
    let wanted: BTreeSet<Origin> = (0..logs).map(|log| dataset.node(&node_name(log)).origin.clone()).collect();
    let mut state = State::new(dataset.anchor, dataset.node(&receiver()).origin.clone());
    let (mut ring, mut ids) = (KeyRing::default(), Vec::new());
    let runs = dataset.frames().filter_map(|message| match decoded(&message) {
        Frame::Entries(run) => wanted.contains(&run.origin).then_some(run),
        _ => None,
    });
    let mut histories = BTreeMap::<Origin, History>::new();
    let records = runs.map(|run| {
        let history = histories.entry(run.origin.clone()).or_default();
        record_of(run, history)
    });
    let mut records = records.peekable();
    while records.peek().is_some() {
        let batch: Vec<Record> = records.by_ref().take(64).collect();
        let checks: Vec<_> = batch.iter().flat_map(|record| ring.checks(record)).collect();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| {
            for part in checks.chunks(checks.len().div_ceil(cores).max(1)) {
                scope.spawn(|| part.iter().for_each(SignatureCheck::run));
            }
        });
        for record in batch {
            ids.extend(record.statements().map(|signed| signed.id().0));
            state.replay(record).expect("good data");
        }
    }
    (state, ids)
}
