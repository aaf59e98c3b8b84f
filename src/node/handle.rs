//! The way into the driver: typed requests over two bounded queues, one for callers and one for peers, so that neither
//! waits behind all of the others. Cheap to clone; the queues themselves stay private.
//!
//! Signatures are checked on this side of the queues, on whatever core is free.
use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast, mpsc, oneshot, watch};

use crate::domain::annex::{self, Annex, Enclosed};
use crate::domain::id::{Hash, NodeId, OrderId, OrgId, Origin, StatementId};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::Signed;
use crate::domain::time::Timestamp;
use crate::node::durations::Timings;
use crate::node::ports::KeyRing;
use crate::node::prover::{Admitted, FRAMES_MAX, Prover};
use crate::node::traffic::Traffic;
use crate::protocol::frame::{Delivery, DeliveryKey, Frame, Question, Returned, Run};
use crate::protocol::limits::{
    DELIVERIES_IN_FLIGHT_MAX, DEPOSIT_BYTES_MAX, DEPOSITS_RETURNED_MAX, RECOVERY_STATEMENTS_MAX,
    TOLD_ANNEXES_BYTES_MAX,
};
use crate::protocol::mechanism::Mechanism;
use crate::protocol::peering::Dialler;
use crate::protocol::record::{LogEntry, Record};
use crate::protocol::settings::NodeKeys;
use crate::protocol::state::Order;
use crate::protocol::{Answer, Node};
use crate::store::Store;
use crate::view::View;

/// Requests that may wait for the driver, in each of its queues. At a thousand steps a second a full queue is one second
/// of work.
pub const QUEUE_MAX: usize = 1_024;

/// Deliveries and questions of one peer that may wait for the driver: twice what an honest one has under way, which may have died with
/// as many and come back. What is beyond is refused, so that a peer that floods fills no queue for others.
pub const PEER_INBOX_MAX: usize = 2 * DELIVERIES_IN_FLIGHT_MAX;

/// When a peer that was refused may try again, in milliseconds: by then the driver has worked off its inbox.
pub const RETRY_MS: u64 = 250;

/// Frames that may wait to be sent to one peer: 16 MiB of the largest frames.
pub const STREAM_FRAMES_MAX: usize = 64;

/// Changes a slow watcher may fall behind before it is told to look again.
pub const CHANGES_MAX: usize = 1_024;

/// Reads from the store that may be under way at a time: the next commit waits behind no more than these.
const ARCHIVE_READS_MAX: usize = 4;

type Reply = oneshot::Sender<Result<Answer, Refusal>>;

/// The TLS key of every node, as its newest record pins it.
pub(super) type Pins = BTreeMap<NodeId, Hash>;
pub(super) type Look = Box<dyn FnOnce(&Node, Timestamp) + Send>;
/// The same at one order, which is in memory then; or why it cannot be read.
pub(super) type OrderLook = Box<dyn FnOnce(Result<&Node, Refusal>, Timestamp) + Send>;

pub(super) enum Ask {
    Found(Vec<Signed>, Reply),
    Publish(Signed, Reply),
    Keys(NodeKeys),
    Officer(Enclosed, Reply),
    Deliver {
        from: NodeId,
        delivery: Delivery,
        reply: Reply,
        room: OwnedSemaphorePermit,
    },
    Introduced(Run, Hash, Reply),
    Reintroduced(Signed, Hash, Reply),
    Look(Look),
    LookAt(OrderId, OrderLook),
    Open {
        node: NodeId,
        stream: Stream,
        reply: oneshot::Sender<Result<(), Refusal>>,
    },
    Frame {
        node: NodeId,
        stream: u64,
        frame: Frame,
        room: Option<OwnedSemaphorePermit>,
    },
    Close {
        node: NodeId,
        stream: u64,
    },
    Delivered(NodeId, Vec<(DeliveryKey, Result<Signed, Refusal>)>),
    Told(NodeId, Question, Result<(Vec<Signed>, Vec<Annex>), Refusal>),
    Deposit {
        from: NodeId,
        sealed: Vec<u8>,
        reply: Reply,
        room: OwnedSemaphorePermit,
    },
    Lodged(NodeId, Result<u64, Refusal>),
    Returned(NodeId, u64, Result<Returned, Refusal>),
    /// Something in the store has rotted since it was read.
    Rotted,
    Stop(oneshot::Sender<()>),
}

type Reading<'a, T> = Pin<Box<dyn Future<Output = Result<T, Refusal>> + Send + 'a>>;

/// What can be read from a store beside the driver: only what is durable.
pub(super) trait Archive: Send + Sync {
    fn statement(&self, id: StatementId) -> Reading<'_, Option<Signed>>;
    fn order(&self, id: OrderId) -> Reading<'_, Vec<Record>>;
    fn entry(&self, origin: Origin, index: u64) -> Reading<'_, Option<LogEntry>>;
    fn cover(&self, origin: Origin, index: u64) -> Reading<'_, Option<String>>;
    fn annex(&self, id: Hash) -> Reading<'_, Option<Annex>>;
    fn deposit(&self, of: NodeId, number: u64) -> Reading<'_, Option<Vec<u8>>>;
}

impl<S: Store> Archive for S {
    fn statement(&self, id: StatementId) -> Reading<'_, Option<Signed>> {
        Box::pin(Store::statement(self, id))
    }

    fn order(&self, id: OrderId) -> Reading<'_, Vec<Record>> {
        Box::pin(Store::order(self, id))
    }

    fn entry(&self, origin: Origin, index: u64) -> Reading<'_, Option<LogEntry>> {
        Box::pin(async move { Ok(self.entries(&origin, index, 1, usize::MAX).await?.pop()) })
    }

    fn cover(&self, origin: Origin, index: u64) -> Reading<'_, Option<String>> {
        Box::pin(async move { Store::cover(self, &origin, index).await })
    }

    fn annex(&self, id: Hash) -> Reading<'_, Option<Annex>> {
        Box::pin(Store::annex(self, id))
    }

    fn deposit(&self, of: NodeId, number: u64) -> Reading<'_, Option<Vec<u8>>> {
        Box::pin(async move { Store::deposit(self, &of, number).await })
    }
}

/// What lies beside the loop, for whoever only reads.
#[derive(Clone)]
pub(super) struct Beside {
    /// The driver's own: when it has ended nobody holds the store, and another may open it.
    pub(super) archive: Weak<dyn Archive>,
    pub(super) now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

/// Questions that may be answered at a time: one core is left to the loop.
fn readers_max() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().saturating_sub(1).max(1))
}

/// The outbound half of an open stream.
pub(super) struct Stream {
    pub(super) id: u64,
    pub(super) dialler: Dialler,
    /// The TLS key by which the peer is known, where it matters.
    pub(super) tls_sha256: Option<Hash>,
    pub(super) frames: mpsc::Sender<Frame>,
}

/// What one peer may have waiting.
struct Room {
    places: Arc<Semaphore>,
    refused: u64,
}

impl Room {
    fn empty() -> Self {
        Self { places: Arc::new(Semaphore::new(PEER_INBOX_MAX)), refused: 0 }
    }
}

/// A handle on a running node.
#[derive(Clone)]
pub struct Handle {
    log: Origin,
    asks: mpsc::Sender<Ask>,
    inbox: mpsc::Sender<Ask>,
    rooms: Arc<Mutex<BTreeMap<NodeId, Room>>>,
    changes: broadcast::Sender<OrderId>,
    streams: Arc<AtomicU64>,
    inputs: Arc<AtomicU64>,
    view: watch::Receiver<Option<Arc<View>>>,
    beside: Beside,
    readers: Arc<Semaphore>,
    archive_reads: Arc<Semaphore>,
    open: watch::Receiver<BTreeSet<NodeId>>,
    pins: watch::Receiver<Arc<Pins>>,
    is_full: watch::Receiver<bool>,
    prover: Prover,
    traffic: Traffic,
    timings: Timings,
    ring: Option<Arc<Mutex<KeyRing>>>,
}

/// The driver's ends of a handle.
pub(super) struct Ends {
    pub(super) asks: mpsc::Receiver<Ask>,
    pub(super) inbox: mpsc::Receiver<Ask>,
    pub(super) changes: broadcast::Sender<OrderId>,
    pub(super) open: watch::Sender<BTreeSet<NodeId>>,
    pub(super) pins: watch::Sender<Arc<Pins>>,
    pub(super) is_full: watch::Sender<bool>,
    pub(super) view: watch::Sender<Option<Arc<View>>>,
    pub(super) inputs: Arc<AtomicU64>,
}

impl Handle {
    pub(super) fn new(log: Origin, prover: Prover, beside: Beside) -> (Self, Ends) {
        let ((asks, asked), (inbox, arrived)) = (mpsc::channel(QUEUE_MAX), mpsc::channel(QUEUE_MAX));
        let (changes, _) = broadcast::channel(CHANGES_MAX);
        let (opening, open) = watch::channel(BTreeSet::new());
        let (pinning, pins) = watch::channel(Arc::default());
        let (filling, is_full) = watch::channel(false);
        let (viewing, view) = watch::channel(None);
        let inputs: Arc<AtomicU64> = Arc::default();
        let ends = Ends {
            asks: asked,
            inbox: arrived,
            changes: changes.clone(),
            open: opening,
            pins: pinning,
            is_full: filling,
            view: viewing,
            inputs: inputs.clone(),
        };
        let handle = Self {
            log,
            asks,
            inbox,
            rooms: Arc::default(),
            changes,
            streams: Arc::default(),
            inputs,
            view,
            beside,
            readers: Arc::new(Semaphore::new(readers_max())),
            archive_reads: Arc::new(Semaphore::new(ARCHIVE_READS_MAX)),
            open,
            pins,
            is_full,
            prover,
            traffic: Traffic::default(),
            timings: Timings::default(),
            ring: None,
        };
        (handle, ends)
    }

    /// The same, with keys that can be read anew.
    pub fn with_key_ring(self, ring: KeyRing) -> Self {
        Self { ring: Some(Arc::new(Mutex::new(ring))), ..self }
    }

    /// Whether the disk is full, so that the node only reads.
    pub fn is_full(&self) -> bool {
        *self.is_full.borrow()
    }

    /// The node.
    pub fn node(&self) -> &NodeId {
        &self.log.node
    }

    /// The log it writes.
    pub fn log(&self) -> &Origin {
        &self.log
    }

    /// The federation it is part of.
    pub fn federation(&self) -> &OrgId {
        &self.log.federation
    }

    /// Begins the node's log; does nothing on a log that has begun.
    pub async fn found(&self, genesis: Vec<Signed>) -> Result<Answer, Refusal> {
        self.ask(|reply| Ask::Found(genesis, reply)).await
    }

    /// Hands in a public statement. What names a key whose private half is not held is well signed; so it is worth a look
    /// whether the key has been laid down meanwhile.
    pub async fn publish(&self, signed: Signed) -> Result<Answer, Refusal> {
        self.prover.check([&signed]);
        match self.ask(|reply| Ask::Publish(signed.clone(), reply)).await {
            Err(refusal) if refusal.reason == Reason::KeyAbsent && self.read_keys().await? => {
                self.ask(|reply| Ask::Publish(signed, reply)).await
            }
            answer => answer,
        }
    }

    /// Reads the private keys anew; says whether there is a place to read them from.
    pub async fn read_keys(&self) -> Result<bool, Refusal> {
        let Some(ring) = self.ring.clone() else { return Ok(false) };
        // Files, and keys under a passphrase, take longer than others should wait.
        let read = tokio::task::spawn_blocking(move || (ring.lock().expect("no panic while it is held"))());
        let keys = read.await.map_err(|error| Refusal::new(Reason::Bug).with("problem", error))??;
        self.send(Ask::Keys(keys)).await?;
        Ok(true)
    }

    /// Hands in an officer's request, decision, seal or void, with its annex if it names one.
    pub async fn officer(&self, said: impl Into<Enclosed>) -> Result<Answer, Refusal> {
        let enclosed = said.into();
        self.prover.check([&enclosed.signed]);
        self.ask(|reply| Ask::Officer(enclosed, reply)).await
    }

    /// Hands in a peer's delivery; refused at once while too many of the same peer wait.
    pub async fn deliver(&self, from: &NodeId, delivery: Delivery) -> Result<Answer, Refusal> {
        self.begin_delivery(from, delivery).await?.await.map_err(|_| stopping())?
    }

    /// The same for several deliveries, each with its own answer. All of them wait before the first is answered, so that
    /// one commit serves them.
    pub async fn deliver_all(
        &self,
        from: &NodeId,
        deliveries: impl IntoIterator<Item = Result<Delivery, Refusal>>,
    ) -> Vec<Result<Answer, Refusal>> {
        let mut begun = Vec::new();
        for delivery in deliveries {
            begun.push(match delivery {
                Ok(delivery) => self.begin_delivery(from, delivery).await,
                Err(refusal) => Err(refusal),
            });
            // The signatures of one delivery are as much as others should wait for.
            tokio::task::yield_now().await;
        }
        let mut answers = Vec::new();
        for answer in begun {
            answers.push(match answer {
                Ok(answer) => answer.await.unwrap_or_else(|_| Err(stopping())),
                Err(refusal) => Err(refusal),
            });
        }
        answers
    }

    async fn begin_delivery(
        &self,
        from: &NodeId,
        delivery: Delivery,
    ) -> Result<oneshot::Receiver<Result<Answer, Refusal>>, Refusal> {
        let room = self.room(from)?;
        self.prover.check(&delivery.messages);
        let (reply, answer) = oneshot::channel();
        let ask = Ask::Deliver { from: from.clone(), delivery, reply, room };
        self.inbox.send(ask).await.map_err(|_| stopping())?;
        Ok(answer)
    }

    /// Room for one more call of a peer; refused while too many of them wait.
    pub(super) fn room(&self, from: &NodeId) -> Result<OwnedSemaphorePermit, Refusal> {
        let mut rooms = self.rooms.lock().expect("no panic while it is held");
        let room = rooms.entry(from.clone()).or_insert_with(Room::empty);
        if !Mechanism::Backpressure.is_on() {
            room.places = Room::empty().places;
        }
        Arc::clone(&room.places).try_acquire_owned().map_err(|_| {
            room.refused += 1;
            Refusal::new(Reason::Overloaded).with("peer", from).with("retry_ms", RETRY_MS)
        })
    }

    /// How many calls of each peer wait, and how many were refused so far.
    pub(super) fn inboxes(&self) -> BTreeMap<NodeId, (usize, u64)> {
        let rooms = self.rooms.lock().expect("no panic while it is held");
        let filled = |room: &Room| (PEER_INBOX_MAX - room.places.available_permits(), room.refused);
        rooms.iter().map(|(peer, room)| (peer.clone(), filled(room))).collect()
    }

    /// Hands in how the log of a caller with this TLS key begins.
    pub async fn introduce(&self, run: Run, tls_sha256: Hash) -> Result<Answer, Refusal> {
        self.ask(|reply| Ask::Introduced(run, tls_sha256, reply)).await
    }

    /// Hands in the new record of a known node whose caller shows this TLS key.
    pub async fn reintroduce(&self, record: Signed, tls_sha256: Hash) -> Result<Answer, Refusal> {
        self.ask(|reply| Ask::Reintroduced(record, tls_sha256, reply)).await
    }

    /// How many inputs the loop has taken so far.
    pub fn inputs(&self) -> u64 {
        self.inputs.load(Ordering::Relaxed)
    }

    /// What was committed last. Whoever was answered sees what the answer was about.
    pub async fn view(&self) -> Result<Arc<View>, Refusal> {
        if self.asks.is_closed() {
            return Err(stopping());
        }
        let mut view = self.view.clone();
        let known = view.wait_for(Option::is_some).await.map_err(|_| stopping())?;
        known.clone().ok_or_else(stopping)
    }

    /// What is committed, as it changes; none before the store is read.
    pub(super) fn views(&self) -> watch::Receiver<Option<Arc<View>>> {
        self.view.clone()
    }

    /// Answers a question from what was committed last, on a thread of its own and without the loop. Few are answered at a
    /// time; one whose caller has gone before its turn is never asked.
    pub async fn look<T: Send + 'static>(
        &self,
        question: impl FnOnce(&View, Timestamp) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let turn = Arc::clone(&self.readers).acquire_owned().await.map_err(|_| stopping())?;
        let (view, now) = (self.view().await?, (self.beside.now)());
        let answer = tokio::task::spawn_blocking(move || {
            let answer = question(&view, now);
            drop(turn);
            answer
        });
        answer.await.map_err(|error| Refusal::new(Reason::Bug).with("problem", error))?
    }

    /// Looks at the node between two commits: what is seen is durable. For what only the loop knows.
    pub async fn read<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Node, Timestamp) -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let (reply, answer) = oneshot::channel();
        let look: Look = Box::new(move |node, now| {
            // A caller that has gone away does not want the answer, so it costs none.
            if !reply.is_closed() {
                let _ = reply.send(look(node, now));
            }
        });
        self.send(Ask::Look(look)).await?;
        answer.await.map_err(|_| stopping())
    }

    /// Looks at the node while an order is in memory, also one that is settled.
    pub async fn read_order<T: Send + 'static>(
        &self,
        order: OrderId,
        look: impl FnOnce(&Node, Timestamp) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let (reply, answer) = oneshot::channel();
        let look: OrderLook = Box::new(move |node, now| {
            if !reply.is_closed() {
                let _ = reply.send(node.and_then(|node| look(node, now)));
            }
        });
        self.send(Ask::LookAt(order, look)).await?;
        answer.await.map_err(|_| stopping())?
    }

    /// Looks at one settled order after the other, beside the loop: none of them comes back into memory. `each` gets what
    /// came before, and says whether to go on.
    pub async fn through_resting<T: Send + 'static>(
        &self,
        orders: Vec<OrderId>,
        mut found: T,
        each: impl Fn(&Node, OrderId, &Order, T) -> Result<(T, bool), Refusal> + Clone + Send + 'static,
    ) -> Result<T, Refusal> {
        for id in orders {
            let records = {
                let _turn = self.archive_turn().await?;
                self.archive()?.order(id).await?
            };
            let each = each.clone();
            let looked = self.read(move |node, _| each(node, id, &node.reread(id, records)?, found)).await?;
            let is_enough;
            (found, is_enough) = looked?;
            if is_enough {
                break;
            }
        }
        Ok(found)
    }

    /// What this node tells another that hosts a party of an order.
    pub async fn answer(&self, from: NodeId, question: Question) -> Result<Vec<Signed>, Refusal> {
        let (by, asked) = (from.clone(), question.clone());
        // Both at one moment: an order may come to rest meanwhile.
        let look = move |node: &Node, _| Ok((node.answer(&by, &asked)?, node.resting_behind(&by, &asked)));
        let (answer, orders) = self.read(look).await??;
        let each = move |node: &Node, _, known: &Order, answer: Vec<Signed>| {
            let answer = node.answer_of(known, &from, &question, answer)?;
            let is_full = answer.len() >= RECOVERY_STATEMENTS_MAX;
            Ok((answer, is_full))
        };
        self.through_resting(orders, answer, each).await
    }

    /// The annexes of these statements that are here, from the first on as many as have room in one answer.
    pub async fn annexes_of(&self, statements: &[Signed]) -> Result<Vec<Annex>, Refusal> {
        let (mut here, mut bytes) = (Vec::new(), 0);
        for id in statements.iter().filter_map(annex::named) {
            let annex = self.annex(id).await?;
            bytes += annex.as_ref().map_or(0, |annex| annex.bytes().len());
            if bytes > TOLD_ANNEXES_BYTES_MAX {
                break;
            }
            here.extend(annex);
        }
        Ok(here)
    }

    /// A statement this node holds.
    pub async fn statement(&self, id: StatementId) -> Result<Option<Signed>, Refusal> {
        let _turn = self.archive_turn().await?;
        self.archive()?.statement(id).await
    }

    /// One entry of a log this node holds.
    pub async fn entry(&self, origin: Origin, index: u64) -> Result<Option<LogEntry>, Refusal> {
        let _turn = self.archive_turn().await?;
        self.archive()?.entry(origin, index).await
    }

    /// The first witnessed checkpoint kept of a log that covers the entry at `index`.
    pub async fn cover(&self, origin: Origin, index: u64) -> Result<Option<String>, Refusal> {
        let _turn = self.archive_turn().await?;
        self.archive()?.cover(origin, index).await
    }

    /// An annex that is here.
    pub async fn annex(&self, id: Hash) -> Result<Option<Annex>, Refusal> {
        let _turn = self.archive_turn().await?;
        self.archive()?.annex(id).await
    }

    /// Hands in what a peer deposits; refused at once while too many calls of the same peer wait.
    pub async fn deposit(&self, from: &NodeId, sealed: Vec<u8>) -> Result<Answer, Refusal> {
        let room = self.room(from)?;
        let (reply, answer) = oneshot::channel();
        let ask = Ask::Deposit { from: from.clone(), sealed, reply, room };
        self.inbox.send(ask).await.map_err(|_| stopping())?;
        answer.await.map_err(|_| stopping())?
    }

    /// What a node has deposited here, from a parcel on: the sealed parcels, and the number of the next if there is more.
    pub async fn deposits(&self, of: NodeId, from: u64) -> Result<(Vec<Vec<u8>>, Option<u64>), Refusal> {
        let (mut parcels, mut number, mut bytes) = (Vec::new(), from, 0);
        let asked = of.clone();
        let count = self.read(move |node, _| node.state().deposits.get(&asked).map_or(0, |held| held.count)).await?;
        loop {
            if number >= count {
                return Ok((parcels, None));
            }
            let _turn = self.archive_turn().await?;
            // One that has rotted takes none of the others with it.
            let found = self.archive()?.deposit(of.clone(), number).await;
            let Some(sealed) = found.or_else(|refusal| match refusal.reason {
                Reason::StoreDamaged => Ok(None),
                _ => Err(refusal),
            })?
            else {
                number += 1;
                continue;
            };
            bytes += sealed.len();
            if parcels.len() == DEPOSITS_RETURNED_MAX || bytes > DEPOSIT_BYTES_MAX && !parcels.is_empty() {
                return Ok((parcels, Some(number)));
            }
            parcels.push(sealed);
            number += 1;
        }
    }

    pub(super) async fn lodged(&self, node: NodeId, result: Result<u64, Refusal>) {
        // A driver that has stopped gives it again.
        let _ = self.inbox.send(Ask::Lodged(node, result)).await;
    }

    pub(super) async fn rotted(&self) {
        let _ = self.asks.send(Ask::Rotted).await;
    }

    pub(super) async fn returned(&self, node: NodeId, from: u64, answer: Result<Returned, Refusal>) {
        self.prover.check(answer.iter().flat_map(|returned| &returned.statements));
        let _ = self.inbox.send(Ask::Returned(node, from, answer)).await;
    }

    fn archive(&self) -> Result<Arc<dyn Archive>, Refusal> {
        self.beside.archive.upgrade().ok_or_else(stopping)
    }

    async fn archive_turn(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        if self.asks.is_closed() {
            return Err(stopping());
        }
        Arc::clone(&self.archive_reads).acquire_owned().await.map_err(|_| stopping())
    }

    /// Orders as they change.
    pub fn changes(&self) -> broadcast::Receiver<OrderId> {
        self.changes.subscribe()
    }

    /// Opens the replication stream with a peer: what to send comes out of the receiver, what arrives goes into
    /// [`StreamIn`]. It closes when the node's record names another key than the one it was opened under. A pair of nodes has one stream; `STREAM_OPEN` if another stays.
    pub async fn open_stream(
        &self,
        node: NodeId,
        dialler: Dialler,
        tls_sha256: Option<Hash>,
    ) -> Result<(mpsc::Receiver<Frame>, StreamIn), Refusal> {
        let (frames, out) = mpsc::channel(STREAM_FRAMES_MAX);
        let id = self.streams.fetch_add(1, Ordering::Relaxed);
        let (reply, answer) = oneshot::channel();
        // Made first: whoever stops waiting below closes what may have been opened.
        let into = StreamIn::new(self, node.clone(), id);
        let ask = Ask::Open { node, stream: Stream { id, dialler, tls_sha256, frames }, reply };
        self.inbox.send(ask).await.map_err(|_| stopping())?;
        answer.await.map_err(|_| stopping())??;
        Ok((out, into))
    }

    /// The nodes with an open stream, as they change.
    pub fn open_streams(&self) -> watch::Receiver<BTreeSet<NodeId>> {
        self.open.clone()
    }

    /// The TLS key of every node, as its newest record pins it.
    pub(super) fn pins(&self) -> Arc<Pins> {
        self.pins.borrow().clone()
    }

    /// The same, as it changes.
    pub(super) fn watch_pins(&self) -> watch::Receiver<Arc<Pins>> {
        self.pins.clone()
    }

    /// What has gone over all streams.
    pub fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    /// How long the loop and its deliveries take.
    pub fn timings(&self) -> &Timings {
        &self.timings
    }

    /// Stops the driver after what it is doing; everything acknowledged is durable.
    pub async fn stop(&self) {
        let (reply, answer) = oneshot::channel();
        if self.asks.send(Ask::Stop(reply)).await.is_ok() {
            let _ = answer.await;
        }
    }

    pub(super) async fn delivered(&self, node: NodeId, results: Vec<(DeliveryKey, Result<Signed, Refusal>)>) {
        self.prover.check(results.iter().filter_map(|(_, result)| result.as_ref().ok()));
        // A driver that has stopped plans the deliveries anew when it starts again.
        let _ = self.inbox.send(Ask::Delivered(node, results)).await;
    }

    pub(super) async fn told(
        &self,
        node: NodeId,
        question: Question,
        answer: Result<(Vec<Signed>, Vec<Annex>), Refusal>,
    ) {
        self.prover.check(answer.iter().flat_map(|(statements, _)| statements));
        // A driver that has stopped asks anew when it starts again.
        let _ = self.inbox.send(Ask::Told(node, question, answer)).await;
    }

    async fn ask(&self, ask: impl FnOnce(Reply) -> Ask) -> Result<Answer, Refusal> {
        let (reply, answer) = oneshot::channel();
        self.send(ask(reply)).await?;
        answer.await.map_err(|_| stopping())?
    }

    async fn send(&self, ask: Ask) -> Result<(), Refusal> {
        self.asks.send(ask).await.map_err(|_| stopping())
    }
}

fn stopping() -> Refusal {
    Refusal::new(Reason::ShuttingDown)
}

/// The inbound half of a replication stream; dropping it closes the stream.
pub struct StreamIn {
    prover: Prover,
    frames: mpsc::Sender<(Frame, Admitted)>,
}

impl StreamIn {
    /// Frames are checked side by side and reach the driver in the order in which they arrived.
    fn new(handle: &Handle, node: NodeId, stream: u64) -> Self {
        let (frames, mut arrived) = mpsc::channel::<(Frame, Admitted)>(FRAMES_MAX);
        let inbox = handle.inbox.clone();
        tokio::spawn(async move {
            while let Some((frame, admitted)) = arrived.recv().await {
                let room = admitted.checked().await;
                if inbox.send(Ask::Frame { node: node.clone(), stream, frame, room }).await.is_err() {
                    return;
                }
            }
            // A driver that has stopped has closed it already.
            let _ = inbox.send(Ask::Close { node, stream }).await;
        });
        Self { prover: handle.prover.clone(), frames }
    }

    /// Hands in a frame, whose signatures are checked first; waits while the driver is busy, which slows the peer down.
    pub async fn frame(&self, frame: Frame) -> Result<(), Refusal> {
        let admitted = self.prover.admit(&frame).await;
        self.frames.send((frame, admitted)).await.map_err(|_| stopping())
    }
}
