//! The way into the driver: typed requests over a bounded queue. Cheap to clone; the queue itself stays private.
use std::collections::{BTreeMap, BTreeSet};

use tokio::sync::{OwnedSemaphorePermit, broadcast, mpsc, oneshot, watch};

use crate::domain::id::{Hash, NodeId, OrderId, StatementId};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::Signed;
use crate::domain::time::Timestamp;
use crate::node::prover::Prover;
use crate::node::traffic::Traffic;
use crate::protocol::frame::{Delivery, Frame, Question, Run};
use crate::protocol::overview::Contact;
use crate::protocol::peering::Dialler;
use crate::protocol::{Answer, Node};

/// Requests that may wait for the driver. At a thousand steps a second a full queue is one second of work.
pub const QUEUE_MAX: usize = 1_024;

/// Frames that may wait to be sent to one peer: 16 MiB of the largest frames.
pub const STREAM_FRAMES_MAX: usize = 64;

/// Changes a slow watcher may fall behind before it is told to look again.
pub const CHANGES_MAX: usize = 1_024;

type Reply = oneshot::Sender<Result<Answer, Refusal>>;
type Contacts = BTreeMap<NodeId, Contact>;
type Look = Box<dyn FnOnce(&Node, &Contacts, Timestamp) + Send>;

pub(super) enum Ask {
    Found(Vec<Signed>, Reply),
    Publish(Signed, Reply),
    Officer(Signed, Reply),
    Deliver(NodeId, Delivery, Reply),
    Introduced(Run, Hash, Reply),
    Look(Look),
    Statement(StatementId, oneshot::Sender<Result<Option<Signed>, Refusal>>),
    Open { node: NodeId, stream: Stream, reply: oneshot::Sender<Result<(), Refusal>> },
    Frame { node: NodeId, stream: u64, frame: Frame, room: Option<OwnedSemaphorePermit> },
    Close { node: NodeId, stream: u64 },
    Delivered(crate::protocol::frame::DeliveryKey, Result<Signed, Refusal>),
    Told(NodeId, Question, Result<Vec<Signed>, Refusal>),
    Stop(oneshot::Sender<()>),
}

/// The outbound half of an open stream.
pub(super) struct Stream {
    pub(super) id: u64,
    pub(super) dialler: Dialler,
    pub(super) frames: mpsc::Sender<Frame>,
}

/// A handle on a running node.
#[derive(Clone)]
pub struct Handle {
    asks: mpsc::Sender<Ask>,
    changes: broadcast::Sender<OrderId>,
    streams: std::sync::Arc<std::sync::atomic::AtomicU64>,
    open: watch::Receiver<BTreeSet<NodeId>>,
    prover: Prover,
    traffic: Traffic,
}

impl Handle {
    pub(super) fn new(
        asks: mpsc::Sender<Ask>,
        changes: broadcast::Sender<OrderId>,
        open: watch::Receiver<BTreeSet<NodeId>>,
        prover: Prover,
    ) -> Self {
        Self { asks, changes, streams: std::sync::Arc::default(), open, prover, traffic: Traffic::default() }
    }

    /// Begins the node's log; does nothing on a log that has begun.
    pub async fn found(&self, genesis: Vec<Signed>) -> Result<Answer, Refusal> {
        self.ask(|reply| Ask::Found(genesis, reply)).await
    }

    /// Hands in a public statement.
    pub async fn publish(&self, signed: Signed) -> Result<Answer, Refusal> {
        self.ask(|reply| Ask::Publish(signed, reply)).await
    }

    /// Hands in an officer's request, decision, seal or void.
    pub async fn officer(&self, signed: Signed) -> Result<Answer, Refusal> {
        self.ask(|reply| Ask::Officer(signed, reply)).await
    }

    /// Hands in a peer's delivery.
    pub async fn deliver(&self, from: NodeId, delivery: Delivery) -> Result<Answer, Refusal> {
        self.ask(|reply| Ask::Deliver(from, delivery, reply)).await
    }

    /// Hands in how the log of a caller with this TLS key begins.
    pub async fn introduce(&self, run: Run, tls_sha256: Hash) -> Result<Answer, Refusal> {
        self.ask(|reply| Ask::Introduced(run, tls_sha256, reply)).await
    }

    /// Looks at the node between two commits: what is seen is durable.
    pub async fn read<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Node, Timestamp) -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        self.survey(|node, _, now| look(node, now)).await
    }

    /// The same, with what is remembered of peers that are gone.
    pub async fn survey<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Node, &BTreeMap<NodeId, Contact>, Timestamp) -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let (reply, answer) = oneshot::channel();
        let look: Look = Box::new(move |node, contacts, now| {
            // A caller that has gone away does not want the answer.
            let _ = reply.send(look(node, contacts, now));
        });
        self.send(Ask::Look(look)).await?;
        answer.await.map_err(|_| stopping())
    }

    /// A statement this node holds.
    pub async fn statement(&self, id: StatementId) -> Result<Option<Signed>, Refusal> {
        let (reply, answer) = oneshot::channel();
        self.send(Ask::Statement(id, reply)).await?;
        answer.await.map_err(|_| stopping())?
    }

    /// Orders as they change.
    pub fn changes(&self) -> broadcast::Receiver<OrderId> {
        self.changes.subscribe()
    }

    /// Opens the replication stream with a peer: what to send comes out of the receiver, what arrives goes into
    /// [`StreamIn`]. A pair of nodes has one stream; `STREAM_OPEN` if another stays.
    pub async fn open_stream(
        &self,
        node: NodeId,
        dialler: Dialler,
    ) -> Result<(mpsc::Receiver<Frame>, StreamIn), Refusal> {
        let (frames, out) = mpsc::channel(STREAM_FRAMES_MAX);
        let id = self.streams.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let (reply, answer) = oneshot::channel();
        // Made first: whoever stops waiting below closes what may have been opened.
        let into = StreamIn { handle: self.clone(), node: node.clone(), stream: id };
        self.send(Ask::Open { node, stream: Stream { id, dialler, frames }, reply }).await?;
        answer.await.map_err(|_| stopping())??;
        Ok((out, into))
    }

    /// The nodes with an open stream, as they change.
    pub fn open_streams(&self) -> watch::Receiver<BTreeSet<NodeId>> {
        self.open.clone()
    }

    /// What has gone over all streams.
    pub fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    /// Stops the driver after what it is doing; everything acknowledged is durable.
    pub async fn stop(&self) {
        let (reply, answer) = oneshot::channel();
        if self.asks.send(Ask::Stop(reply)).await.is_ok() {
            let _ = answer.await;
        }
    }

    pub(super) async fn delivered(&self, key: crate::protocol::frame::DeliveryKey, result: Result<Signed, Refusal>) {
        // A driver that has stopped plans the delivery anew when it starts again.
        let _ = self.send(Ask::Delivered(key, result)).await;
    }

    pub(super) async fn told(&self, node: NodeId, question: Question, answer: Result<Vec<Signed>, Refusal>) {
        // A driver that has stopped asks anew when it starts again.
        let _ = self.send(Ask::Told(node, question, answer)).await;
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
    handle: Handle,
    node: NodeId,
    stream: u64,
}

impl StreamIn {
    /// Hands in a frame, its signatures checked; waits while the driver is busy, which slows the peer down.
    pub async fn frame(&self, frame: Frame) -> Result<(), Refusal> {
        let room = self.handle.prover.admit(&frame).await;
        self.handle.send(Ask::Frame { node: self.node.clone(), stream: self.stream, frame, room }).await
    }
}

impl Drop for StreamIn {
    fn drop(&mut self) {
        let close = Ask::Close { node: self.node.clone(), stream: self.stream };
        let asks = self.handle.asks.clone();
        // Dropping cannot wait for room in the queue. Outside a runtime the process is ending anyway.
        if let Err(mpsc::error::TrySendError::Full(close)) = asks.try_send(close)
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(async move { asks.send(close).await });
        }
    }
}
