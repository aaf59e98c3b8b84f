//! The swarm: hundreds of nodes that only replicate, in one thread, with a clock, dice and a network of its own.
//!
//! A seed fixes every byte of a run. Messages are lost, doubled, late and out of order; links work one way; nodes die at
//! any commit, come back from backups, and have clocks that jump; some lie. What must hold is in `invariants`.
mod crowds;
mod epochs;
pub mod image;
pub mod invariants;
pub mod liars;
#[cfg(all(test, feature = "mutants"))]
mod mutants;
mod properties;
mod rotation;
mod scenarios;
mod seeds;
mod standing;
pub mod turns;

use std::collections::{BTreeMap, BTreeSet};

use verbund::domain::id::{NodeId, StatementId};
use verbund::domain::reason::{Class, Reason, Refusal};
use verbund::domain::statement::Signed;
use verbund::domain::time::Timestamp;
use verbund::domain::trust::KeyRole;
use verbund::protocol::frame::Frame;
use verbund::protocol::limits::FRAME_ENTRIES_MAX;
use verbund::protocol::record::Record;
use verbund::protocol::settings::{Dice as _, Instance};
use verbund::protocol::{Answer, Effect, Input, Node, RequestId, Step};
use verbund::store::memory::{Failure, MemoryStore};

use crate::agenda::Agenda;
use crate::dice::SeededDice;
use image::Image;
use invariants::Watch;
use liars::Liar;
use turns::{Turn, Turns};

/// How long a broken stream stays broken, in milliseconds.
const RECONNECT_MS: (i64, i64) = (50, 500);

/// What can happen to messages.
#[derive(Clone)]
pub struct Faults {
    /// Shortest and longest delay, in milliseconds.
    pub delay_ms: (i64, i64),
    /// Of a hundred frames, how many are lost.
    pub lose: u64,
    /// Of a hundred frames, how many arrive twice.
    pub duplicate: u64,
    /// Whether frames overtake each other.
    pub reorder: bool,
}

impl Faults {
    /// A quiet network.
    pub fn none() -> Self {
        Self { delay_ms: (10, 150), lose: 0, duplicate: 0, reorder: false }
    }
}

/// One node, its store, and what its shell would remember.
pub struct Site {
    /// Absent while it is off.
    pub node: Option<Node>,
    pub store: MemoryStore,
    pub neighbours: BTreeSet<usize>,
    pub liar: Option<Liar>,
    /// Keys laid down in its folder since, by the label they are made from.
    pub later_keys: Vec<(KeyRole, String)>,
    instance: Instance,
    is_new_store: bool,
    alone: bool,
    life: u64,
    wake: Option<Timestamp>,
    skew_ms: i64,
    backup: Option<MemoryStore>,
}

/// What will happen.
pub enum Event {
    Wake {
        at: usize,
        life: u64,
        due: Timestamp,
    },
    Frame {
        from: usize,
        to: usize,
        stream: u64,
        frame: Box<Frame>,
    },
    Connect(usize, usize),
    Break(usize, usize),
    /// The next commit of the node fails this way.
    Arm(usize, Failure),
    Kill(usize, i64),
    Restart(usize),
    /// A copy of the store is made now, and comes back in its place.
    Backup(usize),
    Restore(usize, i64),
    /// Frames between these nodes and all others vanish.
    Cut(BTreeSet<usize>),
    /// Frames from one node to another vanish.
    OneWay(usize, usize),
    /// The node's clock is off by this much from now on.
    Clock(usize, i64),
    /// The node publishes; again and again until it may.
    Publish(usize, Box<Signed>),
    /// Something about keys, members or trustees happens at the node; again and again until it has.
    Turn(usize, Turn),
    /// No more faults.
    Peace,
}

/// The world.
pub struct Swarm {
    pub seed: u64,
    pub image: &'static Image,
    pub now: Timestamp,
    pub dice: SeededDice,
    pub sites: Vec<Site>,
    pub faults: Faults,
    pub watch: Watch,
    pub turns: Turns,
    /// Whether nodes may still be killed and cut off.
    pub trouble: bool,
    agenda: Agenda<Event>,
    streams: BTreeMap<(usize, usize), u64>,
    last: BTreeMap<(usize, usize), Timestamp>,
    cut: BTreeSet<usize>,
    one_way: BTreeSet<(usize, usize)>,
    numbers: BTreeMap<NodeId, usize>,
    answers: BTreeMap<u64, Result<Answer, Refusal>>,
    /// When each statement was published.
    pub published: BTreeMap<StatementId, (usize, Timestamp)>,
    /// When each became visible at each node.
    pub visible: BTreeMap<(StatementId, usize), Timestamp>,
    pub disconnects: Vec<(usize, usize, Refusal)>,
    pub steps: u64,
    pub frames: u64,
    /// Every frame sent, where a test wants them.
    pub record: Option<Vec<Frame>>,
}

impl Swarm {
    /// A world of `count` nodes that all hold the same logs, each with at least `degree` neighbours.
    pub fn new(seed: u64, count: usize, degree: usize, faults: Faults) -> Self {
        Self::of(Image::of(count), seed, count, degree, faults)
    }

    /// The same with an image that holds more logs than there are nodes.
    pub fn of(image: &'static Image, seed: u64, count: usize, degree: usize, faults: Faults) -> Self {
        let mut swarm = Self {
            seed,
            image,
            now: image::start(),
            dice: SeededDice::new(seed, "swarm"),
            sites: Vec::new(),
            faults,
            watch: Watch::default(),
            turns: Turns::default(),
            trouble: true,
            agenda: Agenda::default(),
            streams: BTreeMap::new(),
            last: BTreeMap::new(),
            cut: BTreeSet::new(),
            one_way: BTreeSet::new(),
            numbers: (0..count).map(|number| (image::node_name(number), number)).collect(),
            answers: BTreeMap::new(),
            published: BTreeMap::new(),
            visible: BTreeMap::new(),
            disconnects: Vec::new(),
            steps: 0,
            frames: 0,
            record: None,
        };
        swarm.sites = (0..count).map(|_| swarm.site()).collect();
        swarm.link_up(degree);
        for number in 0..count {
            let settings = swarm.settings(number);
            let dice = Box::new(SeededDice::new(seed, &format!("{number}/0")));
            let mut state = image.state.clone();
            state.own = settings.origin.clone();
            swarm.sites[number].node = Some(Node::resume(settings, image.keys(number), dice, state));
            swarm.step(number, Input::Started);
        }
        swarm
    }

    /// A line: each node knows the one before and the one after.
    pub fn line(seed: u64, count: usize) -> Self {
        let mut swarm = Self::new(seed, count, 0, Faults::none());
        for number in 1..count {
            swarm.link(number - 1, number);
        }
        swarm
    }

    fn site(&mut self) -> Site {
        let mut instance = [0; 16];
        self.dice.fill(&mut instance);
        Site {
            node: None,
            store: self.image.store.backup().expect("own bytes"),
            neighbours: BTreeSet::new(),
            liar: None,
            later_keys: Vec::new(),
            instance: Instance(instance),
            is_new_store: false,
            alone: false,
            life: 0,
            wake: None,
            skew_ms: 0,
            backup: None,
        }
    }

    fn settings(&self, number: usize) -> verbund::protocol::settings::Settings {
        let site = &self.sites[number];
        let mut settings = self.image.settings(number);
        settings.instance = site.instance;
        settings.is_new_store = site.is_new_store;
        settings.anchors = site.neighbours.iter().map(|other| image::node_name(*other)).collect();
        settings.alone = site.alone;
        settings
    }

    /// A ring, so that nobody is left out, every witness, and random neighbours up to `degree`.
    fn link_up(&mut self, degree: usize) {
        let count = self.sites.len();
        if degree == 0 {
            return;
        }
        for number in 0..count {
            self.link(number, (number + 1) % count);
            for witness in 0..image::witnesses(count) {
                self.link(number, witness);
            }
            while self.sites[number].neighbours.len() < degree.min(count - 1) {
                let other = usize::try_from(self.dice.below(count as u64)).expect("small");
                self.link(number, other);
            }
        }
    }

    /// A pair that keeps a stream.
    pub fn link(&mut self, a: usize, b: usize) {
        if a != b && self.sites[a].neighbours.insert(b) {
            self.sites[b].neighbours.insert(a);
            self.later(1, Event::Connect(a.min(b), a.max(b)));
        }
    }

    // --- time ---

    /// Puts an event `ms` milliseconds ahead.
    pub fn later(&mut self, ms: i64, event: Event) {
        self.at(self.now.plus_ms(ms), event);
    }

    fn at(&mut self, at: Timestamp, event: Event) {
        self.agenda.put(at, event);
    }

    /// Lets this much time pass.
    pub fn run(&mut self, ms: i64) {
        let end = self.now.plus_ms(ms);
        while let Some((at, event)) = self.agenda.next(end) {
            self.now = at;
            self.happen(event);
        }
        self.now = end;
    }

    /// Lets time pass until something holds; false after `ms`.
    pub fn run_until(&mut self, ms: i64, mut holds: impl FnMut(&mut Self) -> bool) -> bool {
        let end = self.now.plus_ms(ms);
        while !holds(self) {
            if self.now >= end {
                return false;
            }
            self.run(100);
        }
        true
    }

    /// Ends all faults, lets the world come to rest and checks what must hold then.
    pub fn settle(&mut self) {
        self.happen(Event::Peace);
        if !self.run_until(5 * 60_000, |swarm| invariants::at_rest(swarm).is_ok()) {
            let why = invariants::at_rest(self).err().unwrap_or_default();
            self.fail(&format!("never comes to rest: {why}"));
        }
        invariants::at_the_end(self);
    }

    /// Ends the run with what is needed to repeat it.
    pub fn fail(&self, what: &str) -> ! {
        panic!(
            "seed {}, {}: {what}\n  repeat with: VERBUND_SEED={} cargo test --test it swarm::seeds",
            self.seed, self.now, self.seed
        );
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Wake { at, life, due } => {
                let site = &mut self.sites[at];
                if site.life == life && site.wake == Some(due) {
                    site.wake = None;
                    self.step(at, Input::Woken);
                }
            }
            Event::Frame { from, to, stream, frame } => {
                if self.streams.get(&(from.min(to), from.max(to))) == Some(&stream) {
                    let name = image::node_name(from);
                    self.step(to, Input::Frame(name, *frame));
                }
            }
            Event::Connect(a, b) => self.connect(a, b),
            Event::Break(a, b) => self.break_link(a, b),
            Event::Arm(at, failure) if self.trouble => self.sites[at].store.fail_next(failure),
            Event::Kill(at, for_ms) if self.trouble => self.die(at, for_ms),
            Event::Restart(at) => self.boot(at),
            Event::Backup(at) => self.sites[at].backup = self.sites[at].store.backup().ok(),
            Event::Restore(at, for_ms) if self.trouble => self.restore(at, for_ms),
            Event::Cut(nodes) => self.cut = if self.trouble { nodes } else { BTreeSet::new() },
            Event::OneWay(from, to) if self.trouble => {
                self.one_way.insert((from, to));
            }
            Event::Clock(at, skew_ms) => {
                self.sites[at].skew_ms = skew_ms;
                self.step(at, Input::Woken);
            }
            Event::Publish(at, signed) => self.publish_or_wait(at, &signed),
            Event::Turn(at, turn) => self.turn(at, turn),
            Event::Peace => {
                self.trouble = false;
                self.faults = Faults::none();
                self.cut.clear();
                self.one_way.clear();
            }
            Event::Arm(..) | Event::Kill(..) | Event::Restore(..) | Event::OneWay(..) => {}
        }
    }

    // --- nodes ---

    /// A running node.
    pub fn node(&self, number: usize) -> &Node {
        self.sites[number].node.as_ref().expect("it runs")
    }

    fn boot(&mut self, at: usize) {
        if self.sites[at].node.is_some() {
            return;
        }
        let rebuilt = self.rebuild(at);
        self.sites[at].node = Some(rebuilt);
        self.step(at, Input::Started);
        let neighbours = self.sites[at].neighbours.clone();
        for other in neighbours {
            let ms = self.dice.between(RECONNECT_MS.0, RECONNECT_MS.1);
            self.later(ms, Event::Connect(at.min(other), at.max(other)));
        }
    }

    /// The node as its store has it.
    pub fn rebuild(&self, at: usize) -> Node {
        let site = &self.sites[at];
        let dice = Box::new(SeededDice::new(self.seed, &format!("{at}/{}", site.life)));
        let mut rebuilt = Node::new(self.settings(at), self.keys(at), dice);
        if let Err(refusal) = site.store.load_now(|record| rebuilt.replay(record)) {
            self.fail(&format!("{at} does not take back what it stored: {refusal}"));
        }
        rebuilt
    }

    /// The process is gone; what was stored comes back after a while.
    pub fn die(&mut self, at: usize, for_ms: i64) {
        let site = &mut self.sites[at];
        if site.node.take().is_none() {
            return;
        }
        site.wake = None;
        site.life += 1;
        site.store = site.store.crash().expect("what was encoded can be decoded");
        let neighbours = site.neighbours.clone();
        for other in neighbours {
            self.drop_stream(at, other, Some(at));
        }
        self.later(for_ms, Event::Restart(at));
    }

    /// The process is gone, and an older store comes back in its place.
    fn restore(&mut self, at: usize, for_ms: i64) {
        let Some(backup) = self.sites[at].backup.take() else { return };
        self.die(at, for_ms);
        let mut instance = [0; 16];
        self.dice.fill(&mut instance);
        let site = &mut self.sites[at];
        (site.store, site.instance, site.is_new_store) = (backup, Instance(instance), true);
        self.watch.restored(at);
        self.forget_what_only_that_disk_knew(at);
    }

    /// What nobody else had been told is lost with the disk; until it lies elsewhere too, nobody can be asked for it.
    fn forget_what_only_that_disk_knew(&mut self, at: usize) {
        let sites = &self.sites;
        self.published.retain(|id, (by, _)| {
            *by != at || sites.iter().any(|site| site.store.statement_now(*id).is_ok_and(|found| found.is_some()))
        });
    }

    /// The operator claims that nobody knows more of the node's log.
    pub fn claim_alone(&mut self, at: usize) {
        self.sites[at].alone = true;
    }

    /// One step of a node: commit, then speak.
    pub fn step(&mut self, at: usize, input: Input) {
        self.steps += 1;
        let site = &mut self.sites[at];
        let local = self.now.plus_ms(site.skew_ms);
        let Some(node) = site.node.as_mut() else { return };
        let Step { commit, then } = node.step(input, local);
        if site.store.commit_now(&commit).is_err() {
            let for_ms = self.dice.between(200, 3_000);
            self.die(at, for_ms);
            return;
        }
        self.note_visible(at, &commit);
        invariants::after_step(self, at, &commit);
        for effect in then {
            self.perform(at, effect);
        }
    }

    fn note_visible(&mut self, at: usize, commit: &[Record]) {
        for signed in commit.iter().flat_map(Record::statements) {
            let id = signed.id();
            if self.published.contains_key(&id) {
                self.visible.entry((id, at)).or_insert(self.now);
            }
        }
    }

    fn perform(&mut self, at: usize, effect: Effect) {
        match effect {
            // There are no orders here.
            Effect::Ask(..) | Effect::ReadOrder(_) | Effect::ReadCover { .. } => {}
            Effect::Lodge(..) | Effect::AskBack(..) | Effect::ReadStatements(_) => {}
            Effect::Reply(id, answer) => {
                self.answers.insert(id.0, answer);
            }
            Effect::Send(to, frame) => self.send(at, self.numbers[&to], frame),
            Effect::ReadEntries { to, origin, first, bytes_max } => {
                let store = &self.sites[at].store;
                let entries = store.entries_now(&origin, first, FRAME_ENTRIES_MAX, bytes_max).unwrap_or_default();
                self.step(at, Input::EntriesRead { to, origin, first, entries });
            }
            Effect::Disconnect(peer, refusal) => {
                let other = self.numbers[&peer];
                if refusal.reason != Reason::PeerShunned {
                    self.disconnects.push((at, other, refusal));
                }
                self.break_link(at, other);
            }
            Effect::WakeAt(wanted) => {
                let site = &mut self.sites[at];
                let due = wanted.plus_ms(-site.skew_ms).max(self.now.plus_ms(1));
                if site.wake.is_none_or(|known| due < known) {
                    site.wake = Some(due);
                    let life = site.life;
                    self.at(due, Event::Wake { at, life, due });
                }
            }
            Effect::Deliver(..) | Effect::Changed(_) | Effect::Forked(..) => {}
        }
    }

    // --- network ---

    fn send(&mut self, from: usize, to: usize, frame: Frame) {
        let pair = (from.min(to), from.max(to));
        let Some(stream) = self.streams.get(&pair).copied() else { return };
        invariants::before_sending(self, from, to, &frame);
        let frames = match self.sites[from].liar {
            None => vec![frame],
            Some(liar) => liar.twist(frame, &mut self.dice),
        };
        for frame in frames {
            self.frames += 1;
            self.record.iter_mut().for_each(|record| record.push(frame.clone()));
            let copies = 1 + u64::from(self.dice.percent(self.faults.duplicate));
            for _ in 0..copies {
                let is_cut = self.cut.contains(&from) != self.cut.contains(&to) || self.one_way.contains(&(from, to));
                let delay = self.dice.between(self.faults.delay_ms.0, self.faults.delay_ms.1);
                if is_cut || self.dice.percent(self.faults.lose) {
                    continue;
                }
                let mut at = self.now.plus_ms(delay);
                if !self.faults.reorder {
                    at = at.max(self.last.get(&(from, to)).copied().unwrap_or_default());
                    self.last.insert((from, to), at);
                }
                self.at(at, Event::Frame { from, to, stream, frame: Box::new(frame.clone()) });
            }
        }
    }

    fn connect(&mut self, a: usize, b: usize) {
        if self.streams.contains_key(&(a, b)) || self.sites[a].node.is_none() || self.sites[b].node.is_none() {
            return;
        }
        let stream = self.agenda.number();
        self.streams.insert((a, b), stream);
        for (at, other) in [(a, b), (b, a)] {
            self.step(at, Input::PeerUp(image::node_name(other)));
        }
    }

    fn break_link(&mut self, a: usize, b: usize) {
        self.drop_stream(a, b, None);
        let ms = self.dice.between(RECONNECT_MS.0, RECONNECT_MS.1);
        self.later(ms, Event::Connect(a.min(b), a.max(b)));
    }

    fn drop_stream(&mut self, a: usize, b: usize, dead: Option<usize>) {
        if self.streams.remove(&(a.min(b), a.max(b))).is_none() {
            return;
        }
        for (at, other) in [(a, b), (b, a)] {
            if dead != Some(at) {
                self.step(at, Input::PeerDown(image::node_name(other)));
            }
        }
    }

    // --- people ---

    /// Publishes an offering now and gives the answer.
    pub fn publish(&mut self, at: usize, signed: &Signed) -> Result<Answer, Refusal> {
        let id = RequestId(self.agenda.number());
        self.published.entry(signed.id()).or_insert((at, self.now));
        self.step(at, Input::Publish(id, signed.clone()));
        let answer = self.answers.remove(&id.0);
        answer.unwrap_or_else(|| Err(Refusal::new(Reason::Unreachable)))
    }

    fn publish_or_wait(&mut self, at: usize, signed: &Signed) {
        match self.publish(at, signed) {
            Ok(_) => {}
            Err(refusal) if refusal.reason.class() == Class::Unavailable => {
                self.later(500, Event::Publish(at, Box::new(signed.clone())));
            }
            Err(_) => {
                // A log that contradicts itself takes nothing more.
                self.published.remove(&signed.id());
            }
        }
    }

    /// The offering of that name by a node's organisation.
    pub fn offering(&self, at: usize, text: &str) -> Signed {
        self.image.offering(at, text)
    }

    /// A node's store is empty: it knows the root hash, its own beginning and its neighbours.
    pub fn begin_empty(&mut self, at: usize) {
        self.die(at, 1);
        let mut instance = [0; 16];
        self.dice.fill(&mut instance);
        let site = &mut self.sites[at];
        (site.store, site.instance, site.is_new_store) = (MemoryStore::new(), Instance(instance), true);
        self.watch.restored(at);
        self.run(2);
        let (id, genesis) = (RequestId(self.agenda.number()), self.image.genesis(at));
        self.step(at, Input::Found(id, genesis));
    }

    /// Frames of entries that are on the way to a node, in bytes as credit counts them.
    pub fn bytes_under_way(&self, to: usize) -> usize {
        let frames = self.agenda.events().filter_map(|event| match event {
            Event::Frame { to: receiver, frame, .. } if *receiver == to => Some(frame),
            _ => None,
        });
        let runs = frames.filter_map(|frame| if let Frame::Entries(run) = &**frame { Some(run) } else { None });
        runs.flat_map(|run| &run.entries).map(verbund::protocol::replication::entry_bytes).sum()
    }
}
