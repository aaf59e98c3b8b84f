//! A full five-leg order: six nodes as state machines in one thread, memory stores, no sockets and no waiting.
//!
//! What is measured is thought: judging, signing, verifying, logging, replicating and witnessing on all six nodes
//! together. The disk and the network come on top; the figures on commits say how often.
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use verbund::domain::id::{NodeId, OrderId, sha256};
use verbund::domain::signing::{PublicKey, SecretKey, Signature};
use verbund::domain::statement::Signed;
use verbund::domain::time::Timestamp;
use verbund::protocol::frame::{Delivery, DeliveryKey};
use verbund::protocol::limits::FRAME_ENTRIES_MAX;
use verbund::protocol::settings::{Dice, Settings};
use verbund::protocol::{Answer, Effect, Input, Node, RequestId, Step};
use verbund::store::memory::MemoryStore;

use crate::federation::{CHAIN, federation, name, sign_request, start};
use crate::measure::{Figure, Figures, median, now};

/// Orders timed one by one for the median of a single order.
const TIMED: usize = 101;

/// Times that may have to come before everything has settled; a bound, so that a fault ends the bench.
const WAKES_MAX: usize = 1_000;

/// The part `office`.
pub fn run(figures: &mut Figures) {
    let mut office = Office::open();
    office.order();
    let (statements, commits) = (office.statements, office.commits);
    office.order();
    let (statements, commits) = (office.statements - statements, office.commits - commits);
    let (key, message, signature) = signed();
    let mut own = || {
        office.order();
        1
    };
    let mut peer = || {
        for _ in 0..statements {
            key.verify(&message, &signature).expect("a good signature");
        }
        1
    };
    let frame = Figure {
        figure: "sealed five-leg order, six nodes",
        unit: "orders/s on one core",
        note: "memory stores, no network; with replication to all and witnessing; the peer does nothing but verify",
        ..Figure::default()
    };
    let peer_name = format!("{statements} verifications");
    figures.rate(frame, &mut own, (&peer_name, &mut peer));
    let mut times: Vec<f64> = (0..TIMED).map(|_| timed(&mut office)).collect();
    figures.put(Figure {
        figure: "one order until all parties have its seal",
        value: median(&mut times),
        unit: "ms",
        n: TIMED as u64,
        median_of: TIMED as u64,
        note: "six nodes one after the other on one core",
        ..Figure::default()
    });
    for (figure, value, unit) in [
        ("statements stored for one order", statements, "statements on six nodes"),
        ("commits for one order", commits, "durable commits on six nodes"),
    ] {
        let note = "counted, not measured; a node under load joins commits of many orders";
        figures.put(Figure { figure, value: value as f64, unit, n: 1, median_of: 1, note, ..Figure::default() });
    }
}

fn timed(office: &mut Office) -> f64 {
    let began = now();
    office.order();
    began.elapsed().as_secs_f64() * 1000.0
}

/// Something to verify, as large as an order message.
pub fn signed() -> (PublicKey, Vec<u8>, Signature) {
    let secret = SecretKey::from_seed(&[3; 32]);
    let message = vec![0x5a; 700];
    let signature = secret.sign(&message);
    (secret.public(), message, signature)
}

/// Dice that always fall the same way.
pub struct Counting(pub u64);

impl Dice for Counting {
    fn fill(&mut self, bytes: &mut [u8]) {
        for part in bytes.chunks_mut(32) {
            self.0 += 1;
            part.copy_from_slice(&sha256(&self.0.to_le_bytes())[..part.len()]);
        }
    }
}

/// Six nodes and what is on its way between them.
pub struct Office {
    /// The nodes.
    pub nodes: BTreeMap<NodeId, (Node, MemoryStore)>,
    on_the_way: VecDeque<(NodeId, Input)>,
    calls: BTreeMap<u64, (NodeId, DeliveryKey)>,
    wakes: BTreeMap<NodeId, Timestamp>,
    /// What time it is.
    pub clock: Timestamp,
    requests: u64,
    orders: u64,
    statements: u64,
    commits: u64,
}

impl Office {
    /// Founds the federation and lets everything published reach everyone.
    pub fn open() -> Self {
        let federation = federation();
        let nodes = federation.nodes.keys().zip(1..).map(|(node, seed)| {
            let dice = Box::new(Counting(seed << 32));
            // Nobody is asked how far a log goes that has just begun.
            let settings = Settings { alone: true, ..federation.settings(node) };
            let state = Node::new(settings, federation.keys(node), dice);
            (node.clone(), (state, MemoryStore::new()))
        });
        let mut office = Self {
            nodes: nodes.collect(),
            on_the_way: VecDeque::new(),
            calls: BTreeMap::new(),
            wakes: BTreeMap::new(),
            clock: start(),
            requests: 0,
            orders: 0,
            statements: 0,
            commits: 0,
        };
        for (node, begun) in &federation.nodes {
            office.step(node, Input::Started);
            let id = office.request_id();
            office.step(node, Input::Found(id, begun.genesis.clone()));
            for signed in &begun.published {
                let id = office.request_id();
                office.step(node, Input::Publish(id, signed.clone()));
            }
        }
        for node in federation.nodes.keys() {
            let others = federation.nodes.keys().filter(|other| *other != node);
            others.for_each(|other| office.step(node, Input::PeerUp(other.clone())));
        }
        office.settle(|office| {
            let digests: BTreeSet<_> = office.nodes.values().map(|(node, _)| node.state().digest().0).collect();
            digests.len() == 1
        });
        office
    }

    /// One order, from the officer's request to the seal at every party.
    fn order(&mut self) {
        self.orders += 1;
        self.clock = self.clock.plus_ms(10);
        let request = federation().request(&format!("bench-{}", self.orders), self.clock);
        let (order, id) = (request.order, self.request_id());
        self.step(&name(CHAIN[1]), Input::Officer(id, sign_request(&request)));
        self.settle(|office| CHAIN[1..].iter().all(|party| office.is_sealed(party, order)));
    }

    /// What the buyer's node would deliver to the next one for so many new orders, as it arrives: parsed anew, so that
    /// nobody has checked anything.
    pub fn requests(&mut self, count: usize) -> Vec<Delivery> {
        let fresh = |signed: &Signed| Signed::parse(signed.pae(), signed.signatures().to_vec()).expect("as signed");
        let mut deliveries = Vec::new();
        for _ in 0..count {
            self.orders += 1;
            let request = federation().request(&format!("bench-{}", self.orders), self.clock);
            let (order, id) = (request.order, self.request_id());
            let (node, _) = self.nodes.get_mut(&name::<NodeId>(CHAIN[1])).expect("one of the six");
            // Nothing of it is carried anywhere.
            let _ = node.step(Input::Officer(id, sign_request(&request)), self.clock);
            let attempt = node.state().orders[&order].current().expect("just begun");
            let endorsed = attempt.endorsements.values().next_back().expect("the first hop is at home there");
            deliveries.push(Delivery {
                order,
                attempt: 1,
                to: name(CHAIN[2]),
                message: endorsed.id(),
                messages: vec![fresh(attempt.request.signed()), fresh(endorsed.signed())],
                annexes: Vec::new(),
            });
        }
        deliveries
    }

    fn is_sealed(&self, party: &str, order: OrderId) -> bool {
        let (node, _) = &self.nodes[&name::<NodeId>(party)];
        let attempt = node.state().orders.get(&order).and_then(|known| known.current());
        attempt.is_some_and(|attempt| attempt.seal.is_some())
    }

    /// Carries everything to its end; where something is left to do, the next time comes at once.
    fn settle(&mut self, done: impl Fn(&Self) -> bool) {
        for _ in 0..WAKES_MAX {
            while let Some((node, input)) = self.on_the_way.pop_front() {
                self.step(&node, input);
            }
            if done(self) {
                return;
            }
            let next = self.wakes.iter().min_by_key(|(_, at)| **at).map(|(node, at)| (node.clone(), *at));
            let (node, at) = next.expect("a node that is not done wants to be woken");
            self.wakes.remove(&node);
            self.clock = self.clock.max(at);
            self.step(&node, Input::Woken);
        }
        panic!("the nodes do not settle");
    }

    fn request_id(&mut self) -> RequestId {
        self.requests += 1;
        RequestId(self.requests)
    }

    /// Stores, then performs.
    fn step(&mut self, at: &NodeId, input: Input) {
        let (node, store) = self.nodes.get_mut(at).expect("one of the six");
        let Step { commit, then } = node.step(input, self.clock);
        self.statements += commit.iter().map(|record| record.statements().count() as u64).sum::<u64>();
        self.commits += u64::from(!commit.is_empty());
        store.commit_now(&commit).expect("memory takes everything");
        then.into_iter().for_each(|effect| self.perform(at, effect));
    }

    fn perform(&mut self, at: &NodeId, effect: Effect) {
        match effect {
            Effect::Reply(id, answer) => {
                let answer = answer.expect("nothing here is refused");
                if let (Some((caller, key)), Answer::Receipt(receipt)) = (self.calls.remove(&id.0), answer) {
                    self.on_the_way.push_back((caller, Input::Delivered(key, Ok(receipt))));
                }
            }
            Effect::Send(to, frame) => self.on_the_way.push_back((to, Input::Frame(at.clone(), frame))),
            Effect::ReadEntries { to, origin, first, bytes_max } => {
                let (_, store) = self.nodes.get_mut(at).expect("one of the six");
                let entries =
                    store.entries_now(&origin, first, FRAME_ENTRIES_MAX, bytes_max).expect("memory answers");
                self.step(at, Input::EntriesRead { to, origin, first, entries });
            }
            Effect::ReadOrder(order) => {
                let (_, store) = self.nodes.get_mut(at).expect("one of the six");
                let records = store.order_now(order);
                self.step(at, Input::OrderRead { order, records });
            }
            Effect::Deliver(to, delivery) => {
                let id = self.request_id();
                self.calls.insert(id.0, (at.clone(), delivery.key()));
                self.on_the_way.push_back((to, Input::Delivery(id, at.clone(), delivery)));
            }
            Effect::Disconnect(peer, refusal) => panic!("{at} closes the stream with {peer}: {refusal}"),
            Effect::WakeAt(time) => {
                self.wakes.insert(at.clone(), time);
            }
            // Questions are for orders in doubt, and for whoever was away, of which there are none here.
            Effect::Changed(_) | Effect::Forked(..) | Effect::Ask(..) | Effect::ReadCover { .. } => {}
            Effect::Lodge(..) | Effect::AskBack(..) | Effect::ReadStatements(_) => {}
        }
    }
}
