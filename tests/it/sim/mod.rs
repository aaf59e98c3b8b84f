//! The simulator: a whole federation in one thread, with a clock, dice and a network of its own.
//!
//! A seed fixes every byte of a run. Effects are performed after the commit, exactly as a shell does it. There are no
//! sockets, no threads and no waiting here, and there must never be any.
//!
//! `cargo test` plays 60 seeds of orders, `.ci/run` 500, and a night should play 10,000, on many cores a million:
//!
//! ```text
//! VERBUND_SEEDS=1000000 cargo test --release --test it sim::seeds        orders among six nodes
//! VERBUND_SEEDS=10000 cargo test --release --test it sim::coalitions  liars together, and the bundles they make
//! VERBUND_SEEDS=10000 cargo test --release --test it sim::holes       records that rot while orders run
//! VERBUND_SEEDS=10000 cargo test --release --test it swarm::seeds        replication, one seed in ten among up to 100 nodes
//! cargo test --release --test it swarm::crowds -- --ignored              300 and 500 nodes
//! VERBUND_FUZZ=1000000 cargo test --release --test it swarm::properties::fuzz -- --ignored
//! cargo test --features mutants --test it mutants                        what fails without each mechanism
//! ```
//!
//! A run that fails prints the command that repeats it.
mod attempts;
mod boundaries;
mod checked;
mod coalitions;
mod covers;
mod deposits;
pub mod faults;
mod health;
mod holes;
pub mod invariants;
pub mod liars;
mod looked_at;
#[cfg(feature = "mutants")]
mod mutants;
mod past;
mod regressions;
mod scenarios;
mod seeds;
mod settling;
pub mod swarm;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use verbund::domain::body::Body;
use verbund::domain::id::{Hash, NodeId, OrderId, OrgId};
use verbund::domain::order::Attempt;
use verbund::domain::reason::{Class, Reason, Refusal};
use verbund::domain::statement::{Kind, Signed};
use verbund::domain::time::Timestamp;
use verbund::domain::trust::KeyRole;
use verbund::protocol::frame::{Delivery, DeliveryKey, Frame, Question};
use verbund::protocol::limits::FRAME_ENTRIES_MAX;
use verbund::protocol::mechanism::Mechanism;
use verbund::protocol::record::Record;
use verbund::protocol::settings::{Instance, Policy};
use verbund::protocol::state::State;
use verbund::protocol::{Answer, Effect, Input, Node, RequestId, Step};
use verbund::store::memory::{Failure, MemoryStore};

use crate::agenda::Agenda;
use crate::dice::SeededDice;
use crate::federation::{Federation, NODES, federation, further_offerings, name, start};
use faults::{Fault, Faults};
use invariants::Watch;
use liars::Liar;
use looked_at::LookedAt;

/// How long a caller waits for an answer, in milliseconds.
const CALL_MS: i64 = 5_000;

/// How long an officer's tool waits before it tries again, in milliseconds.
const ERRAND_RETRY_MS: i64 = 700;

/// How often nodes look whether streams may be opened again, in milliseconds.
const QUIET_MS: i64 = 60 * 60 * 1000;

/// One node, its store, and what its shell would remember.
pub struct Site {
    /// Absent while it is off.
    pub node: Option<Node>,
    pub store: MemoryStore,
    /// Counts restarts; what was meant for an earlier life is lost.
    life: u64,
    wake: Option<Timestamp>,
    /// Not yet since its disk was full.
    is_started: bool,
    skew_ms: i64,
    policies: BTreeMap<OrgId, Policy>,
    instance: Instance,
    is_new_store: bool,
    /// The name of what can no longer be read in its store.
    holes: Option<Hash>,
    /// What a backup would bring back.
    backup: Option<MemoryStore>,
    /// Its disk is full until then.
    full_until: Timestamp,
    /// How often the keys of those hosted here were rotated.
    rotations: BTreeMap<(OrgId, KeyRole), u32>,
    pub up_since: Timestamp,
    /// Commits that stored something.
    pub commits: u64,
}

/// The stream between two nodes, while there is one, and when its last frame arrives in each direction.
#[derive(Default)]
struct Link {
    stream: Option<u64>,
    last: [Timestamp; 2],
}

/// Something an officer's tool repeats until it is answered.
struct Errand {
    node: NodeId,
    signed: Signed,
    answer: Option<Result<Answer, Refusal>>,
}

/// A call from node to node.
struct Call {
    from: NodeId,
    life: u64,
    key: DeliveryKey,
}

/// What will happen.
pub enum Event {
    Wake {
        node: NodeId,
        life: u64,
        at: Timestamp,
    },
    Frame {
        from: NodeId,
        to: NodeId,
        stream: u64,
        frame: Box<Frame>,
    },
    Connect(NodeId, NodeId),
    Break(NodeId, NodeId),
    Deliver {
        call: u64,
        from: NodeId,
        to: NodeId,
        delivery: Box<Delivery>,
    },
    Answered {
        call: u64,
        result: Box<Result<Signed, Refusal>>,
    },
    Asked {
        from: NodeId,
        life: u64,
        to: NodeId,
        question: Question,
    },
    Told {
        from: NodeId,
        to: NodeId,
        life: u64,
        question: Question,
        answer: Box<Result<Vec<Signed>, Refusal>>,
    },
    /// Anything about deposits.
    Deposit(deposits::Event),
    Errand(usize),
    /// The next commit of the node fails this way.
    Arm(NodeId, Failure),
    Kill(NodeId, i64),
    Restart(NodeId),
    /// These nodes are cut off from the others.
    Cut(BTreeSet<NodeId>),
    /// Anything rarer.
    Fault(Fault),
    /// No more faults.
    Peace,
}

enum Waiting {
    Errand(usize),
    Call { call: u64, to: NodeId },
    Deposit(deposits::Parcel),
    Caller,
}

/// The world.
pub struct World {
    pub seed: u64,
    pub federation: &'static Federation,
    pub now: Timestamp,
    pub dice: SeededDice,
    pub sites: BTreeMap<NodeId, Site>,
    pub faults: Faults,
    pub watch: Watch,
    agenda: Agenda<Event>,
    links: BTreeMap<(NodeId, NodeId), Link>,
    cut: BTreeSet<NodeId>,
    /// Calls of the first do not reach the second.
    deaf: BTreeSet<(NodeId, NodeId)>,
    /// Nobody opens a stream, so that a month passes without a million pings.
    quiet: bool,
    /// A party that does not keep to the rules.
    pub liar: Option<Liar>,
    errands: Vec<Errand>,
    calls: BTreeMap<u64, Call>,
    waiting: BTreeMap<u64, Waiting>,
    answer: Option<Result<Answer, Refusal>>,
    /// Refusals with which nodes closed streams.
    pub disconnects: Vec<(NodeId, NodeId, Refusal)>,
    /// Counts the steps of all nodes.
    pub steps: u64,
    /// Orders leave memory as soon as they are settled, rather than never.
    settles: bool,
    /// Nodes deposit what only they hold.
    deposits: bool,
    looked_at: LookedAt,
    /// The commit at which a node is to crash: commits before it, and how.
    crash: Option<(NodeId, u64, Failure)>,
}

impl World {
    /// A world in peace in which every node has everything that was published.
    pub fn calm() -> Self {
        Self::new(0, Faults::none(), |_, _| {})
    }

    /// A world with faults; `edit` may change how organisations broker.
    pub fn new(seed: u64, faults: Faults, edit: impl Fn(&mut BTreeMap<OrgId, Policy>, &mut SeededDice)) -> Self {
        Self::empty(seed, faults, start()).begun(edit)
    }

    fn begun(self, edit: impl Fn(&mut BTreeMap<OrgId, Policy>, &mut SeededDice)) -> Self {
        let mut world = self;
        for (node, (records, _)) in image() {
            let store = MemoryStore::new();
            // One batch each, so that each can rot by itself.
            for record in records {
                store.commit_now(std::slice::from_ref(record)).expect("a new store takes everything");
            }
            let mut policies = world.federation.settings(node).policies;
            edit(&mut policies, &mut world.dice);
            world.place_site(node.clone(), store, policies);
        }
        // Every world begins the same: the stores are read once. Restarts read them again.
        for (node, (_, state)) in image() {
            let begun = world.with_state(node, Some(state.clone()));
            world.site(node).node = Some(begun);
            world.step(node, Input::Started);
        }
        world.wake_up();
        world
    }

    fn empty(seed: u64, faults: Faults, now: Timestamp) -> Self {
        Self {
            seed,
            federation: federation(),
            now,
            dice: SeededDice::new(seed, "world"),
            sites: BTreeMap::new(),
            faults,
            watch: Watch::default(),
            agenda: Agenda::default(),
            links: BTreeMap::new(),
            cut: BTreeSet::new(),
            deaf: BTreeSet::new(),
            quiet: false,
            liar: None,
            errands: Vec::new(),
            calls: BTreeMap::new(),
            waiting: BTreeMap::new(),
            answer: None,
            disconnects: Vec::new(),
            steps: 0,
            settles: false,
            deposits: false,
            looked_at: LookedAt::default(),
            crash: None,
        }
    }

    /// From now on orders leave memory as soon as they are settled.
    pub fn settle_at_once(&mut self) {
        self.settles = true;
        self.sites.values_mut().filter_map(|site| site.node.as_mut()).for_each(|node| node.keep_settled(0));
    }

    fn place_site(&mut self, node: NodeId, store: MemoryStore, policies: BTreeMap<OrgId, Policy>) {
        let skew_ms = self.dice.between(-self.faults.skew_ms, self.faults.skew_ms);
        let instance = self.federation.settings(&node).instance;
        let site = Site {
            node: None,
            store,
            life: 0,
            wake: None,
            is_started: true,
            skew_ms,
            policies,
            instance,
            is_new_store: false,
            holes: None,
            backup: None,
            full_until: Timestamp::default(),
            rotations: BTreeMap::new(),
            up_since: self.now,
            commits: 0,
        };
        self.sites.insert(node, site);
    }

    /// Starts every node and connects all of them.
    fn wake_up(&mut self) {
        let nodes: Vec<NodeId> = self.sites.keys().cloned().collect();
        for node in &nodes {
            self.boot(node);
        }
        for (at, a) in nodes.iter().enumerate() {
            for b in &nodes[at + 1..] {
                self.links.insert((a.clone(), b.clone()), Link::default());
                self.later(1, Event::Connect(a.clone(), b.clone()));
            }
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
        self.looked_at = LookedAt::default();
        let end = self.now.plus_ms(ms);
        while let Some((at, event)) = self.agenda.next(end) {
            self.now = at;
            self.happen(event);
        }
        self.now = end;
    }

    /// Lets time pass until something holds, looked at ten times a second; false after `ms`.
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
        let rests = self.run_until(10 * 60_000, |world| invariants::at_rest(world).is_ok());
        if !rests {
            let why = invariants::at_rest(self).err().unwrap_or_default();
            self.fail(&format!("never comes to rest: {why}"));
        }
        // What was let go of is looked at like everything else.
        self.wake_all();
        invariants::at_the_end(self);
    }

    /// Ends the run with what is needed to repeat it.
    pub fn fail(&self, what: &str) -> ! {
        panic!(
            "seed {}, {}: {what}\n  repeat with: VERBUND_SEED={} cargo test --test it sim::seeds",
            self.seed, self.now, self.seed
        );
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Wake { node, life, at } => {
                let site = self.site(&node);
                if site.life == life && site.wake == Some(at) {
                    site.wake = None;
                    let input = if site.is_started { Input::Woken } else { Input::Started };
                    site.is_started = true;
                    self.step(&node, input);
                }
            }
            Event::Frame { from, to, stream, frame } => {
                if self.link(&from, &to).stream == Some(stream) {
                    self.step(&to, Input::Frame(from, *frame));
                }
            }
            Event::Connect(a, b) => self.connect(&a, &b),
            Event::Break(a, b) => self.break_link(&a, &b),
            Event::Deliver { call, from, to, delivery } => self.arrive(call, from, to, *delivery),
            Event::Answered { call, result } => {
                // The first answer counts; the time-out comes as an answer as well.
                if let Some(Call { from, life, key }) = self.calls.remove(&call)
                    && self.site(&from).life == life
                {
                    self.step(&from, Input::Delivered(key, *result));
                }
            }
            Event::Asked { from, life, to, question } => self.asked(from, life, to, question),
            Event::Told { from, to, life, question, answer } => {
                if self.site(&to).life == life {
                    self.step(&to, Input::Told(from, question, *answer));
                }
            }
            Event::Deposit(event) => self.deposit_happens(event),
            Event::Errand(at) => self.run_errand(at),
            Event::Arm(node, failure) => {
                if self.faults.active {
                    self.site(&node).store.fail_next(failure);
                }
            }
            Event::Kill(node, for_ms) => {
                if self.faults.active && self.site(&node).node.is_some() {
                    self.die(&node, for_ms);
                }
            }
            Event::Restart(node) => self.boot(&node),
            Event::Cut(nodes) => {
                if self.faults.active {
                    self.cut_off(nodes);
                }
            }
            Event::Fault(fault) => self.go_wrong(fault),
            Event::Peace => self.make_peace(),
        }
    }

    // --- nodes ---

    pub fn site(&mut self, node: &NodeId) -> &mut Site {
        self.sites.get_mut(node).expect("a node of this world")
    }

    /// A running node.
    pub fn node(&self, node: &str) -> &Node {
        self.sites[&name::<NodeId>(node)].node.as_ref().expect("it runs")
    }

    fn boot(&mut self, node: &NodeId) {
        let site = &self.sites[node];
        if site.node.is_some() {
            return;
        }
        let rebuilt = self.rebuild(node);
        invariants::after_restart(self, node, &rebuilt);
        let now = self.now;
        let site = self.site(node);
        (site.node, site.up_since) = (Some(rebuilt), now);
        self.step(node, Input::Started);
    }

    /// The node as its store has it.
    pub fn rebuild(&self, node: &NodeId) -> Node {
        let mut rebuilt = self.with_state(node, None);
        if let Err(refusal) = self.sites[node].store.load_now(|record| rebuilt.replay(record)) {
            self.fail(&format!("{node} does not take back what it stored: {refusal}"));
        }
        rebuilt.has_read_all();
        rebuilt
    }

    fn with_state(&self, node: &NodeId, state: Option<State>) -> Node {
        let site = &self.sites[node];
        let mut settings = self.federation.settings(node);
        settings.policies = site.policies.clone();
        (settings.instance, settings.is_new_store) = (site.instance, site.is_new_store);
        settings.deposits = self.deposits;
        let dice = Box::new(SeededDice::new(self.seed, &format!("{node}/{}", site.life)));
        let state = state.unwrap_or_else(|| State::new(settings.anchor, settings.origin.clone()));
        let mut node = Node::resume(settings, self.keys(node), dice, state);
        node.keep_settled(if self.settles { 0 } else { usize::MAX });
        site.holes.into_iter().for_each(|holes| node.has_lost(holes));
        node
    }

    /// The process is gone; what was stored comes back after a while.
    fn die(&mut self, node: &NodeId, for_ms: i64) {
        let site = self.site(node);
        site.node = None;
        site.wake = None;
        site.life += 1;
        // What a store calls itself is in it.
        (site.is_new_store, site.is_started) = (false, true);
        site.store = site.store.crash().expect("what was encoded can be decoded");
        let others: Vec<NodeId> = self.sites.keys().filter(|other| *other != node).cloned().collect();
        for other in others {
            self.break_link(node, &other);
        }
        self.later(for_ms, Event::Restart(node.clone()));
    }

    /// One step of a node: commit, then speak.
    fn step(&mut self, at: &NodeId, input: Input) {
        self.steps += 1;
        let now = self.now;
        let site = self.sites.get_mut(at).expect("a node of this world");
        let local = now.plus_ms(site.skew_ms);
        let Some(node) = site.node.as_mut() else { return };
        let Step { commit, then } = node.step(input, local);
        if !Mechanism::StoreThenSpeak.is_on() {
            then.iter().for_each(|effect| self.perform(at, effect.clone()));
        }
        let Some(site) = self.sites.get_mut(at).filter(|site| site.node.is_some()) else { return };
        if let Some((_, left, failure)) = self.crash.as_mut().filter(|(node, ..)| node == at && !commit.is_empty()) {
            match left.checked_sub(1) {
                Some(fewer) => *left = fewer,
                None => {
                    site.store.fail_next(*failure);
                    self.crash = None;
                }
            }
        }
        site.commits += u64::from(!commit.is_empty());
        if now < site.full_until && !commit.is_empty() {
            site.store.fail_next(Failure::Full);
        }
        if let Err(refusal) = site.store.commit_now(&commit) {
            match refusal.reason {
                Reason::StoreFull => self.start_over(at),
                _ => {
                    let for_ms = self.dice.between(200, 3_000);
                    self.die(at, for_ms);
                }
            }
            return;
        }
        invariants::after_step(self, at, &commit);
        for effect in then.into_iter().filter(|_| Mechanism::StoreThenSpeak.is_on()) {
            self.perform(at, effect);
        }
    }

    fn perform(&mut self, at: &NodeId, effect: Effect) {
        match effect {
            Effect::Reply(id, answer) => self.reply(id, answer),
            Effect::Send(to, frame) => self.send(at, &to, frame),
            Effect::ReadEntries { to, origin, first, bytes_max } => {
                let store = &self.site(at).store;
                let entries =
                    store.entries_now(&origin, first, FRAME_ENTRIES_MAX, bytes_max).expect("an open store answers");
                self.step(at, Input::EntriesRead { to, origin, first, entries });
            }
            Effect::ReadCover { to, origin, index } => {
                let note = self.site(at).store.cover_now(&origin, index).expect("an open store answers");
                if let Some(note) = note {
                    self.step(at, Input::CoverRead { to, note });
                }
            }
            Effect::ReadStatements(ids) => self.read_statements(at, &ids),
            Effect::ReadOrder(order) => self.read_order(at, order),
            Effect::Deliver(to, delivery) => self.deliver(at, to, delivery),
            Effect::Ask(to, question) => self.ask(at, to, question),
            Effect::Lodge(to, words) => self.lodge(at, to, &words),
            Effect::AskBack(to, from) => self.ask_back(at, to, from),
            Effect::Disconnect(peer, refusal) => {
                self.disconnects.push((at.clone(), peer.clone(), refusal));
                self.break_link(at, &peer);
            }
            Effect::WakeAt(wanted) => {
                let now = self.now;
                let site = self.site(at);
                let wanted = wanted.plus_ms(-site.skew_ms).max(now.plus_ms(1));
                if site.wake.is_none_or(|known| wanted < known) {
                    site.wake = Some(wanted);
                    let life = site.life;
                    self.at(wanted, Event::Wake { node: at.clone(), life, at: wanted });
                }
            }
            Effect::Changed(_) | Effect::Forked(..) => {}
        }
    }

    fn read_order(&mut self, at: &NodeId, order: OrderId) {
        let records = self.site(at).store.order_now(order);
        self.step(at, Input::OrderRead { order, records });
    }

    /// Brings every order back into memory, and lets none go any more.
    pub fn wake_all(&mut self) {
        self.settles = false;
        let names: Vec<NodeId> = self.sites.keys().cloned().collect();
        for at in names {
            let Some(node) = self.site(&at).node.as_mut() else { continue };
            node.keep_settled(usize::MAX);
            let resting: Vec<OrderId> = node.resting().collect();
            resting.into_iter().for_each(|order| self.read_order(&at, order));
        }
    }

    // --- streams ---

    fn link(&mut self, a: &NodeId, b: &NodeId) -> &mut Link {
        let key = if a < b { (a.clone(), b.clone()) } else { (b.clone(), a.clone()) };
        self.links.entry(key).or_default()
    }

    fn is_separated(&self, a: &NodeId, b: &NodeId) -> bool {
        self.cut.contains(a) != self.cut.contains(b)
    }

    /// Whether what one node says reaches another.
    fn reaches(&self, from: &NodeId, to: &NodeId) -> bool {
        !self.is_separated(from, to) && !self.deaf.contains(&(from.clone(), to.clone()))
    }

    fn connect(&mut self, a: &NodeId, b: &NodeId) {
        let alive = self.sites[a].node.is_some() && self.sites[b].node.is_some();
        if self.link(a, b).stream.is_some() {
            return;
        }
        if self.quiet {
            self.later(QUIET_MS, Event::Connect(a.clone(), b.clone()));
            return;
        }
        // A stream needs both directions.
        if !alive || !self.reaches(a, b) || !self.reaches(b, a) {
            self.later(500, Event::Connect(a.clone(), b.clone()));
            return;
        }
        let (stream, now) = (self.agenda.number(), self.now);
        *self.link(a, b) = Link { stream: Some(stream), last: [now; 2] };
        self.step(a, Input::PeerUp(b.clone()));
        if self.link(a, b).stream == Some(stream) {
            self.step(b, Input::PeerUp(a.clone()));
        }
    }

    fn break_link(&mut self, a: &NodeId, b: &NodeId) {
        if self.link(a, b).stream.take().is_none() {
            return;
        }
        self.step(a, Input::PeerDown(b.clone()));
        self.step(b, Input::PeerDown(a.clone()));
        let pause = self.dice.between(200, 3_000);
        self.later(pause, Event::Connect(a.clone(), b.clone()));
    }

    /// Frames of one stream arrive in order.
    fn send(&mut self, from: &NodeId, to: &NodeId, frame: Frame) {
        invariants::before_sending(self, from, &frame);
        let delay = self.dice.between(self.faults.delay_ms.0, self.faults.delay_ms.1);
        let (direction, now) = (usize::from(from < to), self.now);
        let link = self.link(from, to);
        let Some(stream) = link.stream else { return };
        let at = now.plus_ms(delay).max(link.last[direction]);
        link.last[direction] = at;
        self.at(at, Event::Frame { from: from.clone(), to: to.clone(), stream, frame: Box::new(frame) });
    }

    fn cut_off(&mut self, nodes: BTreeSet<NodeId>) {
        self.cut = nodes;
        let separated: Vec<(NodeId, NodeId)> =
            self.links.keys().filter(|(a, b)| self.is_separated(a, b)).cloned().collect();
        for (a, b) in separated {
            self.break_link(&a, &b);
        }
    }

    // --- calls ---

    fn deliver(&mut self, from: &NodeId, to: NodeId, delivery: Delivery) {
        let delivery = match &self.liar {
            Some(liar) if liar.node == *from => liar.delivery(delivery),
            _ => delivery,
        };
        let call = self.agenda.number();
        let life = self.site(from).life;
        self.calls.insert(call, Call { from: from.clone(), life, key: delivery.key() });
        let lost = Err(Refusal::new(Reason::DeadlineExceeded));
        self.later(CALL_MS, Event::Answered { call, result: Box::new(lost) });
        let copies = match (self.dice.percent(self.faults.lose), self.dice.percent(self.faults.duplicate)) {
            (true, _) => 0,
            (false, true) => 2,
            (false, false) => 1,
        };
        for _ in 0..copies {
            let delay = self.dice.between(self.faults.delay_ms.0, self.faults.delay_ms.1);
            let (from, to, delivery) = (from.clone(), to.clone(), Box::new(delivery.clone()));
            self.later(delay, Event::Deliver { call, from, to, delivery });
        }
    }

    /// A question travels like a delivery, and so does its answer.
    fn ask(&mut self, from: &NodeId, to: NodeId, question: Question) {
        if self.dice.percent(self.faults.lose) {
            return;
        }
        let delay = self.dice.between(self.faults.delay_ms.0, self.faults.delay_ms.1);
        let life = self.site(from).life;
        self.later(delay, Event::Asked { from: from.clone(), life, to, question });
    }

    fn asked(&mut self, from: NodeId, life: u64, to: NodeId, question: Question) {
        let answer = match &self.sites[&to].node {
            Some(node) if self.reaches(&from, &to) => answer(node, &self.sites[&to].store, &from, &question),
            _ => Err(Refusal::new(Reason::Unreachable)),
        };
        if self.reaches(&to, &from) && !self.dice.percent(self.faults.lose) {
            let delay = self.dice.between(self.faults.delay_ms.0, self.faults.delay_ms.1);
            self.later(delay, Event::Told { from: to, to: from, life, question, answer: Box::new(answer) });
        }
    }

    fn arrive(&mut self, call: u64, from: NodeId, to: NodeId, delivery: Delivery) {
        if !self.reaches(&from, &to) || self.liar.as_ref().is_some_and(|liar| liar.withholds(&to)) {
            return;
        }
        if self.site(&to).node.is_none() {
            self.later(20, Event::Answered { call, result: Box::new(Err(Refusal::new(Reason::Unreachable))) });
            return;
        }
        let id = self.request_id(Waiting::Call { call, to: to.clone() });
        let before = invariants::before_delivery(self, &to, &delivery);
        let key = delivery.key();
        self.step(&to, Input::Delivery(id, from, delivery));
        invariants::a_repeated_delivery_changes_nothing(self, &to, &key, before);
        self.waiting.remove(&id.0);
    }

    fn request_id(&mut self, waiting: Waiting) -> RequestId {
        let id = self.agenda.number();
        self.waiting.insert(id, waiting);
        RequestId(id)
    }

    fn reply(&mut self, id: RequestId, answer: Result<Answer, Refusal>) {
        match self.waiting.remove(&id.0) {
            // A node that asks for a moment's patience has not answered.
            Some(Waiting::Errand(at)) => {
                let later = answer.as_ref().is_err_and(|refusal| refusal.reason.class() == Class::Unavailable);
                if let (Ok(Answer::Order(order)), Kind::Request) = (&answer, self.errands[at].signed.kind()) {
                    let node = self.errands[at].node.clone();
                    self.watch.accepted(&node, *order);
                }
                self.errands[at].answer = Some(answer).filter(|_| !later);
            }
            Some(Waiting::Caller) => self.answer = Some(answer),
            Some(Waiting::Deposit(parcel)) => self.deposit_answered(parcel, answer.map(|_| ())),
            Some(Waiting::Call { call, to }) => {
                let result = match answer {
                    Ok(Answer::Receipt(receipt)) => Ok(receipt),
                    Ok(other) => self.fail(&format!("{to} answers a delivery with {other:?}")),
                    Err(refusal) => Err(refusal),
                };
                if let (Ok(receipt), Some(call)) = (&result, self.calls.get(&call)) {
                    let key = call.key.clone();
                    invariants::receipts_never_change(self, &to, &key, receipt);
                }
                let result = match &self.liar {
                    Some(liar) if liar.node == to => result.map(|receipt| liar.receipt(receipt)),
                    _ => result,
                };
                let asker = self.calls.get(&call).map(|call| call.from.clone());
                let arrives = asker.is_none_or(|asker| self.reaches(&to, &asker));
                if arrives && !self.dice.percent(self.faults.lose) {
                    let delay = self.dice.between(self.faults.delay_ms.0, self.faults.delay_ms.1);
                    self.later(delay, Event::Answered { call, result: Box::new(result) });
                }
            }
            None => {}
        }
    }

    /// A running node, for steps outside the world.
    pub fn node_mut(&mut self, node: &str) -> &mut Node {
        self.site(&name(node)).node.as_mut().expect("it runs")
    }

    /// Delivers something by hand and gives the receipt.
    pub fn deliver_now(&mut self, from: &str, to: &str, delivery: Delivery) -> Result<Signed, Refusal> {
        match self.hand(to, |id| Input::Delivery(id, name(from), delivery))? {
            Answer::Receipt(receipt) => Ok(receipt),
            other => panic!("a delivery is answered with {other:?}"),
        }
    }

    // --- people ---

    /// Hands a statement to a node and returns its answer.
    pub fn hand(&mut self, node: &str, input: impl FnOnce(RequestId) -> Input) -> Result<Answer, Refusal> {
        let id = self.request_id(Waiting::Caller);
        self.answer = None;
        self.step(&name(node), input(id));
        self.answer.take().expect("a node in peace answers at once")
    }

    /// Hands in a request, decision, seal or void.
    pub fn officer(&mut self, node: &str, signed: &Signed) -> Result<Answer, Refusal> {
        self.hand(node, |id| Input::Officer(id, signed.clone()))
    }

    /// Hands in a public statement.
    pub fn publish(&mut self, node: &str, signed: &Signed) -> Result<Answer, Refusal> {
        self.hand(node, |id| Input::Publish(id, signed.clone()))
    }

    /// Lets an officer's tool hand something in after `ms`, again and again until it is answered.
    pub fn send_officer(&mut self, ms: i64, node: NodeId, signed: Signed) -> usize {
        self.errands.push(Errand { node, signed, answer: None });
        let at = self.errands.len() - 1;
        self.later(ms, Event::Errand(at));
        at
    }

    fn run_errand(&mut self, at: usize) {
        if self.errands[at].answer.is_some() {
            return;
        }
        let (node, signed) = (self.errands[at].node.clone(), self.errands[at].signed.clone());
        let id = self.request_id(Waiting::Errand(at));
        self.step(&node, Input::Officer(id, signed));
        self.waiting.remove(&id.0);
        self.later(ERRAND_RETRY_MS, Event::Errand(at));
    }

    /// Whether a tool carries this kind of statement about this order already.
    pub fn has_errand(&self, signed: &Signed) -> bool {
        let about = |signed: &Signed| Body::read(signed).ok().and_then(|body| body.order());
        self.errands.iter().any(|errand| {
            let other = &errand.signed;
            other.kind() == signed.kind()
                && about(other) == about(signed)
                && other.signatures()[0].key == signed.signatures()[0].key
        })
    }

    /// Errands that nobody has answered yet.
    pub fn open_errands(&self) -> usize {
        self.errands.iter().filter(|errand| errand.answer.is_none()).count()
    }

    /// The current attempt of an order as a node knows it.
    pub fn attempt(&self, node: &str, order: OrderId) -> Option<&Attempt> {
        let site = &self.sites[&name::<NodeId>(node)];
        let node = site.node.as_ref()?;
        if !node.is_resting(&order) {
            return node.state().orders.get(&order)?.current();
        }
        let read = site.store.order_now(order).and_then(|records| node.reread(order, records));
        let known = read.unwrap_or_else(|refusal| self.fail(&format!("a settled order is lost: {refusal}")));
        self.looked_at.keep(known).current()
    }
}

/// What a node answers, with the settled orders that it reads for it, as its shell does.
pub fn answer(node: &Node, store: &MemoryStore, from: &NodeId, question: &Question) -> Result<Vec<Signed>, Refusal> {
    let mut answer = node.answer(from, question)?;
    for order in node.resting_behind(from, question) {
        let known = node.reread(order, store.order_now(order)?)?;
        answer = node.answer_of(&known, from, question, answer)?;
    }
    Ok(answer)
}

/// Every node's store, and what it says, once all founding statements, facts and offerings are everywhere and
/// witnessed; made once.
fn image() -> &'static BTreeMap<NodeId, (Vec<Record>, State)> {
    static IMAGE: OnceLock<BTreeMap<NodeId, (Vec<Record>, State)>> = OnceLock::new();
    IMAGE.get_or_init(|| {
        let mut world = World::empty(0, Faults::none(), start().plus_ms(-3_600_000));
        for (node, _) in NODES {
            let node: NodeId = name(node);
            let policies = world.federation.settings(&node).policies;
            world.place_site(node, MemoryStore::new(), policies);
        }
        world.wake_up();
        for (node, begun) in &world.federation.nodes {
            let genesis = begun.genesis.clone();
            world.hand(node.as_str(), |id| Input::Found(id, genesis)).expect("a good genesis");
        }
        // Nobody signs before others have said that they know nothing more of its log.
        world.run(1_000);
        for (node, begun) in &world.federation.nodes {
            for fact in &begun.published {
                world.publish(node.as_str(), fact).expect("a good fact");
            }
        }
        for (seller, offering) in further_offerings() {
            let home = world.federation.home(&seller);
            world.publish(home.as_str(), &offering).expect("a good offering");
        }
        world.settle();
        let of_node = |node: &NodeId, site: &Site| {
            let (mut records, rebuilt) = (Vec::new(), world.rebuild(node));
            let keep = |record| {
                records.push(record);
                Ok(())
            };
            site.store.load_now(keep).expect("an open store");
            (records, rebuilt.state().clone())
        };
        world.sites.iter().map(|(node, site)| (node.clone(), of_node(node, site))).collect()
    })
}
