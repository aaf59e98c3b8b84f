//! The one loop: input, step, commit, effects. It owns all mutable state; no rule is decided here.
//!
//! Inputs that are ready together share one commit, so one durable write serves all of them. Nothing is sent,
//! answered or shown before that write has resolved. A write that may or may not have happened ends the driver; the
//! next start reads the true state.
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::domain::annex::{self, Annex, Enclosed, Erased};
use crate::domain::body::Body;
use crate::domain::id::{Hash, NodeId, OrderId, Origin, StatementId};
use crate::domain::order::erasure::Erasure;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::{Kind, Signed};
use crate::domain::time::Timestamp;
use crate::node::couriers::Couriers;
use crate::node::fetching::{erased, keep_told, lodge, with_annexes, with_their_statements};
use crate::node::handle::{Archive, Ask, Beside, Ends, Handle, Look, OrderLook, Stream};
use crate::node::ports::{Clock, Peers};
use crate::node::prover::Prover;
use crate::node::recent::Recent;
use crate::node::system::ticks;
use crate::protocol::frame::{Delivery, DeliveryKey, Frame, Question};
use crate::protocol::limits::{FRAME_ENTRIES_MAX, SETTLED_KEPT_MAX};
use crate::protocol::overview::{Contact, StoreCondition};
use crate::protocol::peering::replaces;
use crate::protocol::record::Record;
use crate::protocol::{Answer, Effect, Input, Node, RequestId};
use crate::store::Store;
use crate::view::Follower;

/// Most inputs that share one commit: keeps the latency of the first within a few milliseconds.
const BATCH_MAX: usize = 256;

/// Most bytes of records that share one commit, well below the store's own limit.
const BATCH_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Most settled orders that are read for one commit: milliseconds of reading, and far fewer than stay in memory.
const ORDER_READS_MAX: usize = 64;

const _: () = assert!(ORDER_READS_MAX < SETTLED_KEPT_MAX, "what was just read is still there to be looked at");

/// How long a node only reads after a full disk before it tries again, in milliseconds: each try reads the store once, so
/// the wait doubles up to the longest.
const FULL_WAIT_MS: i64 = 1_000;
const FULL_WAIT_MAX_MS: i64 = 15_000;

/// How long to wait for a file to come free.
const HANDLES_WAIT: Duration = Duration::from_secs(1);

/// The disk is full, or there are no files to be had: the node reads, and takes nothing until then.
#[derive(Clone, Copy)]
struct Full {
    until: Timestamp,
    wait_ms: i64,
    reason: Reason,
}

/// Runs a node over a store.
pub struct Driver<S, P, C> {
    node: Node,
    store: Arc<S>,
    peers: Arc<P>,
    clock: Arc<C>,
    follower: Follower,
    handle: Handle,
    prover: Prover,
    ends: Ends,
    is_turn_of_peers: bool,
    streams: BTreeMap<NodeId, Stream>,
    contacts: BTreeMap<NodeId, Contact>,
    outdated: BTreeSet<NodeId>,
    reads: VecDeque<Read>,
    /// Settled orders to be read, with those who want to look at them.
    order_reads: BTreeMap<OrderId, Vec<OrderLook>>,
    /// Orders that came to rest before what happened to them was shown.
    unshown: BTreeSet<OrderId>,
    /// What came beside statements that the node is thinking about.
    enclosed: BTreeMap<Hash, Annex>,
    recent: Recent,
    couriers: Couriers,
    replies: BTreeMap<RequestId, oneshot::Sender<Result<Answer, Refusal>>>,
    next_request: u64,
    wake: Option<Timestamp>,
    is_started: bool,
    full: Option<Full>,
    deliveries: JoinSet<()>,
}

/// Something of a log to be read for a peer.
struct Read {
    to: NodeId,
    origin: Origin,
    what: What,
}

/// What is to be read.
enum What {
    /// Entries.
    Entries { first: u64, bytes_max: usize },
    /// The first witnessed checkpoint that covers this entry.
    Cover(u64),
    /// Statements of the own log that were passed over.
    Statements(Vec<StatementId>),
}

/// One round: what the inputs of a batch ask to be stored and done.
#[derive(Default)]
struct Round {
    commit: Vec<Record>,
    effects: Vec<Effect>,
    looks: Vec<Look>,
    order_looks: Vec<(OrderId, OrderLook)>,
    /// Nodes that may have another TLS key than before.
    moved: BTreeSet<NodeId>,
    bytes: usize,
    /// Words that somebody has brought back, with the statements that name them.
    told: Vec<(Signed, Annex)>,
    /// Whether the node was given anything.
    is_stepped: bool,
    /// Orders of which a delivery was answered.
    delivered: BTreeSet<OrderId>,
    /// Whether a peer came, went or said anything.
    is_of_peers: bool,
    stop: Option<oneshot::Sender<()>>,
    /// Whether the store has lost something since it was read.
    is_rotten: bool,
}

impl<S: Store, P: Peers, C: Clock> Driver<S, P, C> {
    /// A driver over an empty node; [`Driver::run`] reads the store first. `peers` gets a handle on the driver.
    pub fn new(node: Node, store: S, clock: C, peers: impl FnOnce(&Handle) -> P) -> (Self, Handle) {
        let prover = Prover::new();
        let (store, clock) = (Arc::new(store), Arc::new(clock));
        let archive: Arc<dyn Archive> = store.clone();
        let telling = Arc::clone(&clock);
        let beside = Beside { archive: Arc::downgrade(&archive), now: Arc::new(move || telling.now()) };
        let (handle, ends) = Handle::new(node.settings().origin.clone(), prover.clone(), beside);
        let driver = Self {
            follower: Follower::of(&node, 0, clock.now()),
            node,
            store,
            peers: Arc::new(peers(&handle)),
            clock,
            handle: handle.clone(),
            prover,
            ends,
            is_turn_of_peers: false,
            streams: BTreeMap::new(),
            contacts: BTreeMap::new(),
            outdated: BTreeSet::new(),
            reads: VecDeque::new(),
            order_reads: BTreeMap::new(),
            unshown: BTreeSet::new(),
            enclosed: BTreeMap::new(),
            recent: Recent::default(),
            couriers: Couriers::default(),
            replies: BTreeMap::new(),
            next_request: 0,
            wake: None,
            is_started: true,
            full: None,
            deliveries: JoinSet::new(),
        };
        (driver, handle)
    }

    /// Reads the store, then serves until it is stopped or the store fails.
    pub async fn run(mut self) -> Result<(), Refusal> {
        self.load().await?;
        let mut round = Round::default();
        self.step(Input::Started, &mut round);
        self.settle(round).await?;
        self.read_orders().await?;
        loop {
            let first = self.next_ask().await;
            let began = ticks();
            self.look_for_room().await;
            let mut round = Round::default();
            self.fill(first, &mut round);
            while self.deliveries.try_join_next().is_some() {}
            let (stop, is_rotten) = (round.stop.take(), round.is_rotten);
            self.settle(round).await?;
            if is_rotten {
                self.read_again().await?;
            }
            self.read_entries().await?;
            self.end_outdated().await?;
            self.read_orders().await?;
            self.handle.timings().rounds.observe(began.elapsed());
            // Whatever it came with is stored or refused by now.
            self.enclosed.clear();
            if let Some(stop) = stop {
                let closed = self.store.close().await;
                let _ = stop.send(());
                return closed;
            }
        }
    }

    /// Reads the store back. Where something in it cannot be read any more, it is passed over, and what is missing is fetched from
    /// others.
    async fn load(&mut self) -> Result<(), Refusal> {
        match self.load_whole().await {
            Err(refusal) if refusal.reason == Reason::StoreDamaged => {
                let Some(lost) = self.store.pass_over().await? else { return Err(refusal) };
                let (reason, details) = (refusal.reason.code(), refusal.details());
                tracing::error!(reason, details, "what cannot be read is passed over, and fetched from others");
                self.node.forget();
                self.node.has_lost(lost.places);
                if lost.is_at_end {
                    self.node.has_lost_its_end();
                }
                self.load_whole().await
            }
            read => read,
        }
    }

    async fn load_whole(&mut self) -> Result<(), Refusal> {
        let (node, mut erased) = (&mut self.node, Erased::default());
        let read = |record: Record| {
            record.statements().for_each(|signed| erased.hear(signed));
            node.replay(record)
        };
        self.store.load(read).await?;
        self.node.has_read_all();
        // What was erased, and what the process may have stopped before.
        for id in erased.annexes() {
            self.store.erase_annex(id).await?;
        }
        self.prover.begin(self.node.state());
        self.pin();
        self.follower = Follower::of(&self.node, self.follower.view().life() + 1, self.clock.now());
        self.follower.follow_peers(&self.node, &self.contacts);
        self.publish();
        Ok(())
    }

    /// Gives what is committed by now to whoever only reads.
    fn publish(&mut self) {
        let only_reading = self.full.filter(|_| *self.ends.is_full.borrow()).map(|full| full.reason);
        let missing = self.node.missing_statements();
        self.follower.follow_store(StoreCondition { only_reading, missing, ..self.store.condition() });
        self.ends.view.send_replace(Some(Arc::new(self.follower.view().clone())));
    }

    /// The same after a round.
    fn show(&mut self, changed: &BTreeSet<OrderId>, is_of_peers: bool) {
        for order in changed.iter().filter(|order| self.node.is_resting(order)) {
            self.unshown.insert(*order);
            self.order_reads.entry(*order).or_default();
        }
        self.follower.follow(&self.node, changed, self.clock.now());
        if is_of_peers {
            self.follower.follow_peers(&self.node, &self.contacts);
        }
        self.publish();
    }

    /// Tells the doors which TLS key is whose.
    fn pin(&self) {
        let records = self.node.node_records();
        let pins = records.map(|(node, record)| (node.clone(), record.tls_sha256)).collect();
        self.ends.pins.send_replace(Arc::new(pins));
    }

    /// The same for nodes that may have another one. Streams that were opened under an old key end.
    fn pin_again(&mut self, nodes: BTreeSet<NodeId>) {
        for node in nodes {
            let pin = self.node.node_record(&node).map(|record| record.tls_sha256);
            let is_new = self.ends.pins.send_if_modified(|pins| {
                let is_new = pins.get(&node) != pin.as_ref();
                if is_new {
                    let pins = Arc::make_mut(pins);
                    match pin {
                        Some(pin) => pins.insert(node.clone(), pin),
                        None => pins.remove(&node),
                    };
                }
                is_new
            });
            let outdated = |stream: &Stream| stream.tls_sha256.is_some() && stream.tls_sha256 != pin;
            if is_new && self.streams.get(&node).is_some_and(outdated) {
                self.outdated.insert(node);
            }
        }
    }

    /// Ends the streams of peers that have another TLS key by now; they are opened again at once.
    async fn end_outdated(&mut self) -> Result<(), Refusal> {
        let mut round = Round::default();
        for node in std::mem::take(&mut self.outdated) {
            tracing::info!(peer = %node, "has another TLS key");
            self.gone(&node);
            self.step(Input::PeerDown(node), &mut round);
            round.is_of_peers = true;
        }
        self.settle(round).await
    }

    /// The next thing to do: a request, or none when a time has come or entries are to be read.
    async fn next_ask(&mut self) -> Option<Ask> {
        let ready = self.ready_ask();
        if ready.is_some() || !self.reads.is_empty() {
            return ready;
        }
        let now = self.clock.now();
        // What is shown changes with time too; on a full disk every look would read the whole store.
        let shown = self.follower.next_due().filter(|_| self.is_started);
        let wake = self.wake.into_iter().chain(shown).min();
        let wait = wake.map(|wake| Duration::from_millis(wake.since_ms(now).max(0).unsigned_abs()));
        let Ends { asks, inbox, .. } = &mut self.ends;
        let either = async {
            tokio::select! {
                ask = asks.recv() => ask,
                ask = inbox.recv() => ask,
            }
        };
        match wait {
            None => either.await,
            Some(wait) => tokio::time::timeout(wait, either).await.ok().flatten(),
        }
    }

    /// What waits, from both queues by turns: callers do not wait for all peers, nor peers for all callers.
    fn ready_ask(&mut self) -> Option<Ask> {
        self.is_turn_of_peers = !self.is_turn_of_peers;
        let Ends { asks, inbox, .. } = &mut self.ends;
        let (first, second) = if self.is_turn_of_peers { (inbox, asks) } else { (asks, inbox) };
        first.try_recv().or_else(|_| second.try_recv()).ok()
    }

    /// After a full disk nothing is thought about before there is room: thinking about it and failing costs reading the whole
    /// store.
    async fn look_for_room(&mut self) {
        let Some(full) = self.full.filter(|full| !self.is_started && full.until <= self.clock.now()) else { return };
        match self.store.try_room().await {
            Ok(()) => {
                // How long was waited is remembered until something is stored.
                self.ends.is_full.send_replace(false);
                self.publish();
            }
            Err(refusal) => {
                tracing::debug!(reason = refusal.reason.code(), details = refusal.details(), "still no room");
                self.wait_for_room(refusal.reason, (full.wait_ms * 2).min(FULL_WAIT_MAX_MS));
            }
        }
    }

    fn wait_for_room(&mut self, reason: Reason, wait_ms: i64) {
        let until = self.clock.now().plus_ms(wait_ms);
        (self.full, self.wake) = (Some(Full { until, wait_ms, reason }), Some(until));
        self.ends.is_full.send_replace(true);
        self.publish();
    }

    /// Whether there was no room when it was looked for last, and it is not time to look again.
    fn waits_for_room(&self) -> bool {
        !self.is_started && self.full.is_some_and(|full| self.clock.now() < full.until)
    }

    /// Steps through everything that is ready, up to the limits of one commit.
    fn fill(&mut self, first: Option<Ask>, round: &mut Round) {
        // Nothing came in time: the wait is over, whatever the wall clock says by now.
        let waited = first.is_none() && self.reads.is_empty() && !self.waits_for_room();
        if waited || self.wake.is_some_and(|wake| wake <= self.clock.now()) {
            self.wake = None;
            let input = if self.is_started { Input::Woken } else { Input::Started };
            self.is_started = true;
            self.step(input, round);
        }
        let mut next = first;
        let mut count = 0;
        while let Some(ask) = next {
            self.take(ask, round);
            count += 1;
            if count >= BATCH_MAX || round.bytes >= BATCH_BYTES_MAX || round.stop.is_some() {
                break;
            }
            next = self.ready_ask();
        }
    }

    /// While the disk is full, whatever would have to be stored is refused before anybody thinks about it: thinking about
    /// it and failing means reading the whole store again.
    fn refuse_while_full(&self, ask: Ask) -> Option<Ask> {
        let Some(full) = self.full.filter(|full| self.clock.now() < full.until) else { return Some(ask) };
        let refusal = || Refusal::new(full.reason).with("rule", "only reading");
        match ask {
            Ask::Found(_, reply) | Ask::Publish(_, reply) | Ask::Officer(_, reply) => _ = reply.send(Err(refusal())),
            Ask::Deposit { reply, .. } => _ = reply.send(Err(refusal())),
            Ask::Deliver { reply, .. } | Ask::Introduced(_, _, reply) | Ask::Reintroduced(_, _, reply) => {
                let _ = reply.send(Err(refusal()));
            }
            Ask::Open { reply, .. } => _ = reply.send(Err(refusal())),
            Ask::Frame { .. } | Ask::Told(..) | Ask::Lodged(..) | Ask::Returned(..) => {}
            other => return Some(other),
        }
        None
    }

    fn take(&mut self, ask: Ask, round: &mut Round) {
        self.ends.inputs.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        round.is_of_peers |= matches!(ask, Ask::Open { .. } | Ask::Frame { .. } | Ask::Close { .. });
        let Some(ask) = self.refuse_while_full(ask) else { return };
        match ask {
            Ask::Found(genesis, reply) => {
                let id = self.expect(reply);
                self.step(Input::Found(id, genesis), round);
            }
            Ask::Publish(signed, reply) => {
                let id = self.expect(reply);
                self.step(Input::Publish(id, signed), round);
            }
            Ask::Keys(keys) => self.step(Input::Keys(keys), round),
            Ask::Officer(Enclosed { signed, annex }, reply) => {
                let id = self.expect(reply);
                self.enclosed.extend(annex.map(|annex| (annex.id(), annex)));
                self.step(Input::Officer(id, signed), round);
            }
            Ask::Deliver { from, mut delivery, reply, room } => {
                drop(room);
                let id = self.expect(reply);
                self.enclosed.extend(delivery.annexes.drain(..).map(|annex| (annex.id(), annex)));
                self.step(Input::Delivery(id, from, delivery), round);
            }
            Ask::Introduced(run, tls_sha256, reply) => {
                let id = self.expect(reply);
                self.step(Input::Introduced(id, run, tls_sha256), round);
            }
            Ask::Reintroduced(record, tls_sha256, reply) => {
                let id = self.expect(reply);
                round.moved.extend(node_of(&record));
                self.step(Input::Reintroduced(id, record, tls_sha256), round);
            }
            Ask::Delivered(node, results) => {
                self.couriers.back(&node);
                for (key, result) in results {
                    round.delivered.insert(key.order);
                    self.step(Input::Delivered(key, result), round);
                }
            }
            Ask::Told(node, question, answer) => self.take_told(node, question, answer, round),
            ask @ (Ask::Deposit { .. } | Ask::Lodged(..) | Ask::Returned(..)) => self.take_deposit(ask, round),
            Ask::Open { node, stream, reply } => {
                let opened = self.open(node, stream, round);
                // Whoever has stopped waiting closes what was opened.
                let _ = reply.send(opened);
            }
            Ask::Frame { node, stream, frame, room } => {
                if self.streams.get(&node).is_some_and(|open| open.id == stream) {
                    self.step(Input::Frame(node, frame), round);
                }
                drop(room);
            }
            Ask::Close { node, stream } => {
                if self.streams.get(&node).is_some_and(|open| open.id == stream) {
                    self.gone(&node);
                    self.step(Input::PeerDown(node), round);
                }
            }
            Ask::Rotted => round.is_rotten = true,
            Ask::Stop(reply) => round.stop = Some(reply),
            Ask::Look(look) => round.looks.push(look),
            Ask::LookAt(order, look) if self.node.is_resting(&order) => {
                self.order_reads.entry(order).or_default().push(look);
            }
            Ask::LookAt(order, look) => round.order_looks.push((order, look)),
        }
    }

    /// What another node has answered; the words beside its statements are put aside.
    fn take_told(
        &mut self,
        node: NodeId,
        question: Question,
        answer: Result<(Vec<Signed>, Vec<Annex>), Refusal>,
        round: &mut Round,
    ) {
        let answer = answer.map(|(statements, annexes)| {
            round.told.extend(with_their_statements(&statements, annexes));
            statements
        });
        self.step(Input::Told(node, question, answer), round);
    }

    /// A deposit of another node, or what became of those of this one.
    fn take_deposit(&mut self, ask: Ask, round: &mut Round) {
        match ask {
            Ask::Deposit { from, sealed, reply, room } => {
                drop(room);
                let id = self.expect(reply);
                self.step(Input::Deposit(id, from, sealed), round);
            }
            Ask::Lodged(node, result) => self.step(Input::Lodged(node, result), round),
            Ask::Returned(node, from, answer) => self.step(Input::Returned(node, from, answer), round),
            _ => debug_assert!(false, "no deposit"),
        }
    }

    /// A stream has been opened; it takes the place of an older one, or is one too many.
    fn open(&mut self, node: NodeId, stream: Stream, round: &mut Round) -> Result<(), Refusal> {
        if stream.tls_sha256.is_some_and(|key| self.ends.pins.borrow().get(&node).is_some_and(|pin| *pin != key)) {
            return Err(Refusal::new(Reason::PeerUnknown).with("node", node).with("rule", "an old TLS key"));
        }
        if let Some(open) = self.streams.get(&node) {
            if !replaces(self.node.settings().node(), &node, open.dialler, stream.dialler) {
                return Err(Refusal::new(Reason::StreamOpen).with("node", node));
            }
            self.gone(&node);
            self.step(Input::PeerDown(node.clone()), round);
        }
        tracing::debug!(peer = %node, dialler = ?stream.dialler, "stream open");
        self.streams.insert(node.clone(), stream);
        self.ends.open.send_modify(|open| _ = open.insert(node.clone()));
        self.step(Input::PeerUp(node), round);
        Ok(())
    }

    /// A stream has ended; what is known of its peer is kept for those who ask.
    fn gone(&mut self, node: &NodeId) {
        if self.streams.remove(node).is_some() {
            tracing::debug!(peer = %node, "stream ended");
            let now = self.clock.now();
            let heard = self.node.peers().find(|(peer, _)| *peer == node).map(|(_, peer)| peer.heard_at);
            self.contacts.insert(node.clone(), Contact { since: now, last: heard.unwrap_or(now) });
            self.ends.open.send_modify(|open| _ = open.remove(node));
        }
        self.reads.retain(|read| read.to != *node);
    }

    fn expect(&mut self, reply: oneshot::Sender<Result<Answer, Refusal>>) -> RequestId {
        self.next_request += 1;
        let id = RequestId(self.next_request);
        self.replies.insert(id, reply);
        id
    }

    fn step(&mut self, input: Input, round: &mut Round) {
        round.is_stepped = true;
        let step = self.node.step(input, self.clock.now());
        round.bytes += step.commit.iter().map(record_bytes).sum::<usize>();
        round.commit.extend(step.commit);
        round.effects.extend(step.then);
    }

    /// Stores, then speaks.
    async fn settle(&mut self, round: Round) -> Result<(), Refusal> {
        let mut moved = round.moved;
        moved.extend(round.commit.iter().filter_map(may_move_pins).map(|origin| origin.node.clone()));
        if !round.commit.is_empty() {
            // Taken away first: if they are not stored, nobody may be sent them.
            let mut recent = std::mem::take(&mut self.recent);
            recent.put(&round.commit);
            let erasures: Vec<Erasure> =
                round.commit.iter().flat_map(Record::statements).filter_map(annex::erasure).collect();
            let stored = match self.keep_annexes(&round.commit).await {
                Ok(()) => self.store.commit(round.commit).await,
                refused => refused,
            };
            if let Err(refusal) = stored {
                return self.not_stored(refusal).await;
            }
            self.recent = recent;
            self.erase(erasures).await?;
            if self.full.take().is_some() {
                tracing::info!("there is room again, the node takes what comes");
                self.ends.is_full.send_replace(false);
            }
        }
        keep_told(&*self.store, round.told).await?;
        self.pin_again(moved);
        // Before anybody is answered: whoever is, finds what the answer is about.
        if round.is_stepped {
            let changed = round.effects.iter().filter_map(|effect| match effect {
                Effect::Changed(order) => Some(*order),
                _ => None,
            });
            let unshown = std::mem::take(&mut self.unshown);
            let back = unshown.into_iter().filter(|order| !self.node.is_resting(order)).collect::<Vec<_>>();
            let changed = round.delivered.iter().copied().chain(changed).chain(back).collect();
            self.show(&changed, round.is_of_peers);
        }
        let ends_streams = round.effects.iter().any(|effect| matches!(effect, Effect::Disconnect(..)));
        for effect in round.effects {
            self.perform(effect);
        }
        if ends_streams {
            self.show(&BTreeSet::new(), true);
        }
        self.send_couriers();
        for look in round.looks {
            look(&self.node, self.clock.now());
        }
        for (order, look) in round.order_looks {
            self.look_at(order, look);
        }
        Ok(())
    }

    /// Stores the annexes of what is to be stored, before it: an annex that nothing names does no harm, a statement whose
    /// annex was lost on the way does.
    async fn keep_annexes(&mut self, commit: &[Record]) -> Result<(), Refusal> {
        if self.enclosed.is_empty() {
            return Ok(());
        }
        // Of two statements in one place the second has no say, so its words cannot be erased, and are not kept.
        let placed = commit.iter().filter(|record| !matches!(record, Record::Kept(_))).flat_map(Record::statements);
        for signed in placed {
            let Some(annex) = annex::named(signed).and_then(|id| self.enclosed.remove(&id)) else { continue };
            let Some((order, _)) = Body::read(signed).ok().and_then(|body| body.order()) else { continue };
            let mut erased = erased(&*self.store, order).await?;
            erased.hear(signed);
            if !erased.annexes().contains(&annex.id()) {
                self.store.keep_annex(annex).await?;
            }
        }
        Ok(())
    }

    /// Removes the annexes that have just been erased by whoever wrote them.
    async fn erase(&mut self, erasures: Vec<Erasure>) -> Result<(), Refusal> {
        for erasure in erasures {
            let erased = erased(&*self.store, erasure.order).await?.annexes();
            for id in erasure.annexes.iter().filter(|id| erased.contains(*id)) {
                self.store.erase_annex(*id).await?;
                tracing::info!(annex = %id, order = %erasure.order, "erased");
            }
        }
        Ok(())
    }

    /// Lets somebody look at an order. It may have come to rest in this very round; then it is read first.
    fn look_at(&mut self, order: OrderId, look: OrderLook) {
        if self.node.is_resting(&order) {
            self.order_reads.entry(order).or_default().push(look);
        } else {
            look(Ok(&self.node), self.clock.now());
        }
    }

    fn send_couriers(&mut self) {
        while let Some((node, load)) = self.couriers.leave() {
            let (peers, handle) = (self.peers.clone(), self.handle.clone());
            let store = self.store.clone();
            self.deliveries.spawn(async move {
                let load = with_annexes(&*store, load).await;
                let keys: Vec<DeliveryKey> = load.iter().map(Delivery::key).collect();
                // In a task of its own, so that a courier comes back whatever happens on the way; a set of one, so that
                // it ends with this one.
                let (mut way, to) = (JoinSet::new(), node.clone());
                let began = ticks();
                way.spawn(async move { peers.deliver(to, load).await });
                let mut results = way.join_next().await.and_then(Result::ok).unwrap_or_default().into_iter();
                handle.timings().deliveries.observe(began.elapsed());
                let lost = || Err(Refusal::new(Reason::Unreachable).with("node", &node));
                let outcomes = keys.into_iter().map(|key| (key, results.next().unwrap_or_else(lost))).collect();
                handle.delivered(node, outcomes).await;
            });
        }
    }

    /// The store has lost something while it was in use: it is read again around that place, and what is missing fetched from others,
    /// as at a start.
    async fn read_again(&mut self) -> Result<(), Refusal> {
        self.let_go(&Refusal::new(Reason::CatchingUp).with("rule", "the store is read again"));
        self.load().await?;
        let mut round = Round::default();
        self.step(Input::Started, &mut round);
        self.is_started = true;
        self.settle(round).await
    }

    /// Forgets everything that is not stored, and whoever waits for it.
    fn let_go(&mut self, refusal: &Refusal) {
        for (_, reply) in std::mem::take(&mut self.replies) {
            let _ = reply.send(Err(refusal.clone()));
        }
        self.streams.clear();
        self.ends.open.send_modify(BTreeSet::clear);
        self.reads.clear();
        self.order_reads.clear();
        self.unshown.clear();
        self.couriers.drop_all();
        // A log may go on from further back than it has come.
        self.recent = Recent::default();
        self.node.forget();
    }

    /// Nothing of the batch may be spoken. A full disk is survivable: the node forgets the batch by reading the
    /// store again, and only reads for a while. After anything else nobody knows what was written.
    async fn not_stored(&mut self, refusal: Refusal) -> Result<(), Refusal> {
        self.let_go(&refusal);
        if !refusal.reason.is_passing_fault() {
            return Err(refusal);
        }
        tracing::error!(reason = refusal.reason.code(), details = refusal.details(), "batch not stored");
        // Reading takes a file, too; while there is none, this waits.
        while let Err(refusal) = self.load().await {
            if refusal.reason != Reason::StoreHandles {
                return Err(refusal);
            }
            tracing::error!(reason = refusal.reason.code(), details = refusal.details(), "store not read");
            self.node.forget();
            tokio::time::sleep(HANDLES_WAIT).await;
        }
        // Starting may want to store something, which finds no room either; so it waits a little.
        self.is_started = false;
        let wait_ms = self.full.map_or(FULL_WAIT_MS, |full| (full.wait_ms * 2).min(FULL_WAIT_MAX_MS));
        self.wait_for_room(refusal.reason, wait_ms);
        Ok(())
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Reply(id, answer) => {
                if let Some(reply) = self.replies.remove(&id) {
                    if let Err(refusal) = &answer {
                        tracing::info!(reason = refusal.reason.code(), details = refusal.details(), "refused");
                    }
                    let _ = reply.send(answer);
                }
            }
            Effect::Send(node, frame) => self.send(&node, frame),
            Effect::ReadEntries { to, origin, first, bytes_max } => {
                self.reads.push_back(Read { to, origin, what: What::Entries { first, bytes_max } });
            }
            Effect::ReadCover { to, origin, index } => {
                self.reads.push_back(Read { to, origin, what: What::Cover(index) });
            }
            Effect::ReadStatements(ids) => {
                let (to, origin) = (self.node.settings().node().clone(), self.node.settings().origin.clone());
                self.reads.push_back(Read { to, origin, what: What::Statements(ids) });
            }
            Effect::ReadOrder(order) => _ = self.order_reads.entry(order).or_default(),
            Effect::Deliver(node, delivery) => self.couriers.give(node, delivery),
            Effect::Ask(node, question) => {
                let (peers, handle) = (self.peers.clone(), self.handle.clone());
                self.deliveries.spawn(async move {
                    let answer = peers.ask(node.clone(), question.clone()).await;
                    handle.told(node, question, answer).await;
                });
            }
            Effect::Lodge(node, words) => {
                let (peers, store, handle) = (self.peers.clone(), self.store.clone(), self.handle.clone());
                self.deliveries.spawn(async move {
                    let result = lodge(&*peers, &*store, &node, &words).await;
                    handle.lodged(node, result).await;
                });
            }
            Effect::AskBack(node, from) => {
                let (peers, handle) = (self.peers.clone(), self.handle.clone());
                self.deliveries.spawn(async move {
                    let answer = peers.ask_back(node.clone(), from).await;
                    if let Err(refusal) = &answer {
                        tracing::warn!(peer = %node, reason = refusal.reason.code(), details = refusal.details(), "deposits not given back");
                    }
                    handle.returned(node, from, answer).await;
                });
            }
            Effect::Disconnect(node, refusal) => {
                tracing::warn!(peer = %node, reason = refusal.reason.code(), details = refusal.details(), "stream closed");
                self.gone(&node);
            }
            Effect::Forked(log, cut) => {
                tracing::error!(%log, cut, reason = Reason::LogFork.code(), "log contradicts itself and is cut");
            }
            Effect::WakeAt(at) => self.wake = Some(at),
            Effect::Changed(order) => {
                // No watcher is no error.
                let _ = self.ends.changes.send(order);
            }
        }
    }

    /// A frame that finds no room is dropped: credit bounds what is under way, and what is lost is asked for again.
    fn send(&mut self, node: &NodeId, frame: Frame) {
        if let Some(stream) = self.streams.get(node)
            && stream.frames.try_send(frame).is_err()
        {
            tracing::debug!(peer = %node, "frame dropped, the peer is slow");
        }
    }

    /// Reads the settled orders that somebody has touched or looks at, and lets those who wait go on.
    async fn read_orders(&mut self) -> Result<(), Refusal> {
        while !self.order_reads.is_empty() {
            let mut round = Round::default();
            let mut failed = Vec::new();
            // So few that none of them comes to rest again before it was looked at.
            for _ in 0..ORDER_READS_MAX {
                let Some((order, looks)) = self.order_reads.pop_first() else { break };
                let records = Store::order(&*self.store, order).await;
                let unread = records.as_ref().err().cloned();
                if let Some(refusal) = &unread {
                    let details = refusal.details();
                    tracing::error!(%order, reason = refusal.reason.code(), details, "cannot read a settled order");
                }
                self.step(Input::OrderRead { order, records }, &mut round);
                if self.node.is_resting(&order) {
                    let damaged = || Refusal::new(Reason::StoreDamaged).with("order", order);
                    failed.push((looks, unread.unwrap_or_else(damaged)));
                } else {
                    round.order_looks.extend(looks.into_iter().map(|look| (order, look)));
                }
            }
            self.settle(round).await?;
            for (looks, refusal) in failed {
                looks.into_iter().for_each(|look| look(Err(refusal.clone()), self.clock.now()));
            }
        }
        Ok(())
    }

    /// Reads what peers have been promised, one run for each, and lets the node frame it.
    async fn read_entries(&mut self) -> Result<(), Refusal> {
        let reads = std::mem::take(&mut self.reads);
        let mut round = Round::default();
        for Read { to, origin, what } in reads {
            let (first, bytes_max) = match what {
                What::Entries { first, bytes_max } => (first, bytes_max),
                What::Cover(index) => {
                    // Who asked asks again on its next stream; a store that cannot be read shows itself elsewhere.
                    if let Ok(Some(note)) = Store::cover(&self.store, &origin, index).await {
                        self.step(Input::CoverRead { to, note }, &mut round);
                    }
                    continue;
                }
                What::Statements(ids) => {
                    let mut found = Vec::new();
                    for id in ids {
                        // One that cannot be read is asked of others.
                        found.extend(Store::statement(&*self.store, id).await.ok().flatten());
                    }
                    self.step(Input::StatementsRead(found), &mut round);
                    continue;
                }
            };
            let read = match self.recent.entries(&origin, first, bytes_max) {
                Some(entries) => Ok(entries),
                None => self.store.entries(&origin, first, FRAME_ENTRIES_MAX, bytes_max).await,
            };
            let entries = read.unwrap_or_else(|refusal| {
                let details = refusal.details();
                tracing::warn!(log = %origin, reason = refusal.reason.code(), details, "cannot read entries");
                Vec::new()
            });
            self.step(Input::EntriesRead { to, origin, first, entries }, &mut round);
        }
        self.settle(round).await
    }
}

/// The node that a record is about.
fn node_of(signed: &Signed) -> Option<NodeId> {
    match Body::read(signed) {
        Ok(Body::NodeRecord(record)) => Some(record.node),
        _ => None,
    }
}

/// The log with which a record may have changed which TLS key its node has.
fn may_move_pins(record: &Record) -> Option<&Origin> {
    let of_trust = |kind: &Kind| {
        matches!(kind, Kind::NodeRecord | Kind::KeyEvent | Kind::Admission | Kind::Expulsion | Kind::FederationRoot)
    };
    match record {
        Record::Forked(proof) => Some(&proof.origin),
        Record::Entries { origin, .. } => record.statements().any(|signed| of_trust(signed.kind())).then_some(origin),
        _ => None,
    }
}

fn record_bytes(record: &Record) -> usize {
    match record {
        Record::Entries { entries, note, .. } => {
            note.len() + entries.iter().map(crate::store::entry_bytes).sum::<usize>()
        }
        Record::Cosigned { note, .. } | Record::Bridge { note, .. } => note.len(),
        Record::Forked(proof) => {
            [&proof.first, &proof.second].map(|half| half.note.to_string().len() + 2048).iter().sum()
        }
        Record::Kept(signed) | Record::Recovered(signed) => signed.pae().len(),
        Record::Checked(marks) => size_of_val(marks.as_slice()),
        Record::Deposited { sealed, .. } => 64 + sealed.len(),
        Record::Delivered { .. } | Record::Cursor { .. } | Record::Lodged { .. } => 128,
    }
}

#[cfg(test)]
mod tests;
