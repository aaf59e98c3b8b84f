//! Other nodes: one channel to each, a replication stream per pair, deliveries with a deadline. No rules.
//!
//! Whoever wants a stream opens it unless there is one; with whom, `protocol::peering` says. Where a node listens and
//! which key it shows, the configuration says first and its node record from then on.
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use tonic::transport::Channel;

use crate::config::node::NodeConfig;
use crate::domain::annex::Annex;
use crate::domain::id::{Hash, NodeId};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::Signed;
use crate::node::handle::Handle;
use crate::node::ports::Peers;
use crate::node::sealing::{RecoveryKeys, SEALING_BYTES};
use crate::node::system::SystemDice;
use crate::node::tls::{self, HeldIdentity, Identities};
use crate::node::traffic::Direction;
use crate::protocol::Node;
use crate::protocol::deposits::pack;
use crate::protocol::frame::{Delivery, Question, Returned};
use crate::protocol::limits::DEPOSIT_BYTES_MAX;
use crate::protocol::peering::{Dialler, REDRAW_MS};
use crate::wire::delivery::{outcomes, receipt, told};
use crate::wire::pb::peer::v1::peer_service_client::PeerServiceClient;
use crate::wire::pb::peer::v1::{
    AskRequest, DeliverBatchRequest, DeliverRequest, DepositRequest, Frame as FrameMessage, IntroduceRequest,
    ListDepositsRequest, ListDepositsResponse, SyncRequest,
};
use crate::wire::peer::Heard;
use crate::wire::status::to_refusal;

/// Deadline of one delivery; shorter than the protocol's own patience with it.
const DELIVER: Duration = Duration::from_secs(5);

/// A stream has no deadline of its own; keep-alive ends a dead one.
const STREAM: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Shortest and longest wait before a stream is opened again.
const REDIAL_MIN: Duration = Duration::from_millis(50);
const REDIAL_MAX: Duration = Duration::from_secs(2);

/// How often in a row a peer may refuse this node's keys before it is shown a record: some seconds, in which whoever has
/// not heard of a new node or a new key yet hears of it by itself.
const REFUSALS_MAX: usize = 8;

/// Frames between the driver's queue and the network.
const OUT_FRAMES_MAX: usize = 4;

/// Largest message between nodes: a frame of entries and its proofs, with room.
pub const MESSAGE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Where a node is, and the key it shows there.
#[derive(Clone, PartialEq, Eq)]
struct Place {
    /// The one of this node's operator first, then those that the other publishes.
    addresses: Vec<String>,
    pin: Hash,
}

/// Channels to other nodes.
#[derive(Clone)]
pub struct GrpcPeers {
    own: NodeId,
    identities: Identities,
    recovery: Arc<RecoveryKeys>,
    /// Where the operator of this node says that others are.
    configured: Arc<BTreeMap<NodeId, String>>,
    places: Arc<Mutex<BTreeMap<NodeId, Place>>>,
    /// By the key the peer shows and the key it is shown.
    channels: Arc<Mutex<BTreeMap<NodeId, OpenChannel>>>,
}

/// Where a channel leads, the key it was shown, and the channel.
type OpenChannel = ((Place, Hash), Channel);

impl GrpcPeers {
    /// Knows the peers of the configuration. Nothing is connected yet.
    pub fn new(config: &NodeConfig, identities: Identities, recovery: RecoveryKeys) -> Self {
        let places = config.peers.iter().map(|peer| {
            let place = Place { addresses: vec![peer.address.as_str().to_owned()], pin: peer.tls_sha256 };
            (peer.node.clone(), place)
        });
        let configured =
            config.peers.iter().map(|peer| (peer.node.clone(), peer.address.as_str().to_owned())).collect();
        Self {
            configured: Arc::new(configured),
            own: config.profile.node.clone(),
            identities,
            recovery: Arc::new(recovery),
            places: Arc::new(Mutex::new(places.collect())),
            channels: Arc::default(),
        }
    }

    fn place(&self, node: &NodeId) -> Result<Place, Refusal> {
        let places = self.places.lock().expect("no panic while it is held");
        places.get(node).cloned().ok_or_else(|| Refusal::new(Reason::Unreachable).with("node", node))
    }

    /// The channel for deliveries to a node, made when first needed.
    fn channel(&self, node: &NodeId) -> Result<Channel, Refusal> {
        let (place, own) = (self.place(node)?, self.identities.shown()?);
        let between = (place, own.pin);
        let mut channels = self.channels.lock().expect("no panic while it is held");
        if let Some((known, channel)) = channels.get(node)
            && *known == between
        {
            return Ok(channel.clone());
        }
        let channel = tls::channel_to_any(&between.0.addresses, between.0.pin, Some(&own.identity), DELIVER)?;
        channels.insert(node.clone(), (between, channel.clone()));
        Ok(channel)
    }

    fn client(&self, node: &NodeId) -> Result<PeerServiceClient<Channel>, Refusal> {
        let client = PeerServiceClient::new(self.channel(node)?);
        Ok(client.max_decoding_message_size(MESSAGE_BYTES_MAX).max_encoding_message_size(MESSAGE_BYTES_MAX))
    }

    /// What has gone wrong with a call.
    fn refusal(&self, status: &Status) -> Refusal {
        let places = self.places.lock().expect("no panic while it is held");
        recognised(&places, to_refusal(status))
    }

    /// Takes over what the node records say about where nodes are and which keys they show.
    async fn learn(&self, handle: &Handle) {
        let records =
            handle.read(|node, _| node.node_records().map(|(_, record)| record.clone()).collect::<Vec<_>>());
        let Ok(records) = records.await else { return };
        let mut places = self.places.lock().expect("no panic while it is held");
        for record in records.into_iter().filter(|record| record.node != self.own) {
            let addresses = in_turn(self.configured.get(&record.node), &record.addresses);
            if !addresses.is_empty() {
                places.insert(record.node, Place { addresses, pin: record.tls_sha256 });
            }
        }
    }
}

/// Somebody else's key at the other end may be that of a node that is known: then addresses are mixed up, and nobody stands in
/// between.
fn recognised(places: &BTreeMap<NodeId, Place>, refusal: Refusal) -> Refusal {
    let shown = refusal.field("shown").filter(|_| refusal.reason == Reason::PeerKeyWrong);
    let other = shown.and_then(|shown| places.iter().find(|(_, place)| place.pin.to_string() == shown));
    match other {
        Some((node, _)) => Refusal { reason: Reason::PeerMixedUp, ..refusal }.with("node", node),
        None => refusal,
    }
}

/// The addresses to try, the configured one before those published, each once.
fn in_turn(configured: Option<&String>, published: &[String]) -> Vec<String> {
    let mut addresses: Vec<String> = Vec::new();
    for address in configured.into_iter().chain(published) {
        if !addresses.contains(address) {
            addresses.push(address.clone());
        }
    }
    addresses
}

impl Peers for GrpcPeers {
    async fn deliver(&self, node: NodeId, deliveries: Vec<Delivery>) -> Vec<Result<Signed, Refusal>> {
        let asked = deliveries.len();
        let call = async {
            let mut client = self.client(&node)?;
            if let [only] = deliveries.as_slice() {
                let answer =
                    client.deliver(DeliverRequest::from(only)).await.map_err(|status| self.refusal(&status))?;
                return Ok(vec![receipt(answer.into_inner())]);
            }
            let request = DeliverBatchRequest::from(deliveries.as_slice());
            let answer = client.deliver_batch(request).await.map_err(|status| self.refusal(&status))?;
            outcomes(answer.into_inner(), asked)
        };
        let late = || Err(Refusal::new(Reason::DeadlineExceeded).with("node", &node));
        let answered = tokio::time::timeout(DELIVER, call).await.unwrap_or_else(|_| late());
        answered.unwrap_or_else(|refusal| vec![Err(refusal); asked])
    }

    async fn ask(&self, node: NodeId, question: Question) -> Result<(Vec<Signed>, Vec<Annex>), Refusal> {
        let mut client = self.client(&node)?;
        match tokio::time::timeout(DELIVER, client.ask(AskRequest::from(&question))).await {
            Ok(Ok(answer)) => told(answer.into_inner()),
            Ok(Err(status)) => Err(self.refusal(&status)),
            Err(_) => Err(Refusal::new(Reason::DeadlineExceeded).with("node", node)),
        }
    }

    async fn lodge(&self, node: NodeId, mut statements: Vec<Signed>) -> Result<usize, Refusal> {
        let Some(public) = self.recovery.public else {
            return Err(Refusal::new(Reason::Bug).with("rule", "no recovery key to seal to"));
        };
        // What does not fit goes along with the next.
        let mut sizes = statements.iter().scan(SEALING_BYTES, |sum, signed| {
            *sum += pack(std::slice::from_ref(signed)).len();
            Some(*sum)
        });
        let fits = sizes.position(|sum| sum > DEPOSIT_BYTES_MAX).unwrap_or(statements.len()).max(1);
        statements.truncate(fits);
        let own = self.own.clone();
        let sealing = tokio::task::spawn_blocking(move || public.seal(&own, &statements));
        let sealed = sealing.await.map_err(|error| Refusal::new(Reason::Bug).with("problem", error))??;
        let mut client = self.client(&node)?;
        match tokio::time::timeout(DELIVER, client.deposit(DepositRequest { sealed })).await {
            Ok(Ok(_)) => Ok(fits),
            Ok(Err(status)) => Err(self.refusal(&status)),
            Err(_) => Err(Refusal::new(Reason::DeadlineExceeded).with("node", node)),
        }
    }

    async fn ask_back(&self, node: NodeId, from: u64) -> Result<Returned, Refusal> {
        let mut client = self.client(&node)?;
        let answer = match tokio::time::timeout(DELIVER, client.list_deposits(ListDepositsRequest { from })).await {
            Ok(Ok(answer)) => answer.into_inner(),
            Ok(Err(status)) => return Err(self.refusal(&status)),
            Err(_) => return Err(Refusal::new(Reason::DeadlineExceeded).with("node", node)),
        };
        let ListDepositsResponse { sealed, next } = answer;
        let (own, keys) = (self.own.clone(), Arc::clone(&self.recovery));
        let opening = tokio::task::spawn_blocking(move || {
            let (mut statements, mut closed) = (Vec::new(), Vec::new());
            for sealed in &sealed {
                match keys.open(&own, sealed) {
                    Ok(opened) => statements.extend(opened),
                    Err(refusal) => closed.push(refusal),
                }
            }
            (statements, closed)
        });
        let (statements, closed) = opening.await.map_err(|error| Refusal::new(Reason::Bug).with("problem", error))?;
        if let Some(refusal) = closed.first() {
            let (reason, details) = (refusal.reason.code(), refusal.details());
            tracing::warn!(peer = %node, parcels = closed.len(), reason, details, "deposits that cannot be opened");
        }
        Ok(Returned { statements, next: Some(next).filter(|next| *next > from), unreadable: closed.len() })
    }
}

/// Keeps a stream open to every node the protocol chooses, until the node stops.
pub async fn dial_all(peers: GrpcPeers, handle: Handle, mut stopped: watch::Receiver<bool>) {
    let mut dialled: BTreeMap<NodeId, tokio::task::JoinHandle<()>> = BTreeMap::new();
    let mut redraw = tokio::time::interval(Duration::from_millis(REDRAW_MS));
    redraw.tick().await;
    let (mut pins, mut is_redraw_due) = (handle.watch_pins(), false);
    loop {
        peers.learn(&handle).await;
        let formerly = dialled.keys().cloned().collect();
        let choice = move |node: &Node, now| node.choose_peers(&formerly, is_redraw_due, now, &mut SystemDice);
        if let Ok(chosen) = handle.read(choice).await {
            dialled.retain(|node, task| {
                // One that has ended by itself begins anew below.
                chosen.contains(node) && !task.is_finished() || {
                    task.abort();
                    false
                }
            });
            for node in chosen {
                let (peers, handle) = (peers.clone(), handle.clone());
                dialled.entry(node.clone()).or_insert_with(|| tokio::spawn(dial(peers, handle, node)));
            }
        }
        is_redraw_due = tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => break,
            _ = redraw.tick() => true,
            Ok(()) = pins.changed() => false,
            () = tokio::time::sleep(REDIAL_MAX) => false,
        };
    }
    for task in dialled.into_values() {
        task.abort();
    }
}

/// Opens a stream whenever there is none, sooner if the last one was of use.
async fn dial(peers: GrpcPeers, handle: Handle, node: NodeId) {
    let mut open = handle.open_streams();
    let (mut wait, mut refusals) = (REDIAL_MIN, 0);
    while open.wait_for(|open| !open.contains(&node)).await.is_ok() {
        let mut was_heard = false;
        let outcome = match peers.identities.in_turn().iter().cycle().nth(refusals) {
            Some(own) if refusals < REFUSALS_MAX => talk(&peers, &handle, &node, own, &mut was_heard).await,
            // It takes none of the keys held: it has not heard of any of them, and cannot hear of them otherwise.
            _ => reintroduce(&peers, &handle, &node).await,
        };
        refusals = match &outcome {
            Err(refusal) if refusal.reason == Reason::PeerUnknown && refusals < REFUSALS_MAX => refusals + 1,
            _ => 0,
        };
        if let Err(refusal) = outcome {
            tracing::debug!(peer = %node, reason = refusal.reason.code(), details = refusal.details(), "no stream");
        }
        wait = wait_after(wait, was_heard);
        tokio::time::sleep(wait).await;
    }
}

/// How long to wait before a stream is opened again, however it ended: with a peer that spoke it is worth opening at
/// once, and one that hangs up without a word does not want to be asked often.
fn wait_after(before: Duration, was_heard: bool) -> Duration {
    if was_heard { REDIAL_MIN } else { (before * 2).min(REDIAL_MAX) }
}

/// Shows a peer that knows this node by a TLS key it has lost the record that names the newest one.
async fn reintroduce(peers: &GrpcPeers, handle: &Handle, node: &NodeId) -> Result<(), Refusal> {
    let record = handle.read(|node, _| node.record_to_show()).await??;
    let (place, own) = (peers.place(node)?, peers.identities.newest()?);
    let channel = tls::channel_to_any(&place.addresses, place.pin, Some(&own.identity), DELIVER)?;
    let request = IntroduceRequest { log: None, node_record: Some((&record).into()) };
    PeerServiceClient::new(channel).introduce(request).await.map_err(|status| peers.refusal(&status))?;
    tracing::info!(peer = %node, "introduced with a new TLS key");
    Ok(())
}

/// One stream from beginning to end; notes whether the peer ever said anything.
async fn talk(
    peers: &GrpcPeers,
    handle: &Handle,
    node: &NodeId,
    own: &HeldIdentity,
    was_heard: &mut bool,
) -> Result<(), Refusal> {
    let place = peers.place(node)?;
    let channel = tls::channel_to_any(&place.addresses, place.pin, Some(&own.identity), STREAM)?;
    let mut client = PeerServiceClient::new(channel)
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX);
    let (sender, requests) = mpsc::channel::<SyncRequest>(OUT_FRAMES_MAX);
    let answer = client.sync(ReceiverStream::new(requests)).await.map_err(|status| peers.refusal(&status))?;
    let mut frames = answer.into_inner();
    // Only a peer that answers is up.
    let (mut out, into) = handle.open_stream(node.clone(), Dialler::Us, Some(place.pin)).await?;
    let sending = async {
        while let Some(frame) = out.recv().await {
            let frame = FrameMessage::from(&frame);
            handle.traffic().count(Direction::Sent, &frame);
            let request = SyncRequest { frame: Some(frame) };
            if sender.send(request).await.is_err() {
                break;
            }
        }
    };
    let receiving = async {
        while let Some(message) = frames.next().await {
            let frame = message.map_err(|status| peers.refusal(&status))?.frame;
            let frame = frame.ok_or_else(|| Refusal::new(Reason::FrameInvalid).with("field", "frame"))?;
            handle.traffic().count(Direction::Received, &frame);
            let heard = Heard::read(frame, handle.federation())?;
            *was_heard = true;
            if let Heard::Frame(frame) = heard {
                into.frame(frame).await?;
            }
        }
        Ok(())
    };
    tokio::select! {
        () = sending => Ok(()),
        ended = receiving => ended,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operators_own_address_goes_before_the_published_ones_and_each_is_tried_once() {
        let published = ["a:1".to_owned(), "b:2".to_owned()];
        assert_eq!(in_turn(None, &published), ["a:1", "b:2"]);
        assert_eq!(in_turn(Some(&"b:2".to_owned()), &published), ["b:2", "a:1"]);
        assert_eq!(in_turn(Some(&"c:3".to_owned()), &published), ["c:3", "a:1", "b:2"]);
    }

    #[test]
    fn another_nodes_key_is_told_apart_from_a_strangers() {
        let place = |pin: u8| Place { addresses: Vec::new(), pin: Hash([pin; 32]) };
        let places = [("kid", 1), ("akdb", 2)].map(|(node, pin)| (node.parse().expect("a name"), place(pin))).into();
        let wrong = |shown: u8| Refusal::new(Reason::PeerKeyWrong).with("shown", Hash([shown; 32]));
        let known = recognised(&places, wrong(2));
        assert_eq!((known.reason, known.field("node")), (Reason::PeerMixedUp, Some("akdb")));
        assert_eq!(recognised(&places, wrong(9)), wrong(9));
        let other = Refusal::new(Reason::Unreachable).with("shown", Hash([1; 32]));
        assert_eq!(recognised(&places, other.clone()), other);
    }

    #[test]
    fn a_peer_that_spoke_is_dialled_at_once_and_a_mute_one_ever_less_often() {
        let mute: Vec<Duration> =
            std::iter::successors(Some(REDIAL_MIN), |wait| Some(wait_after(*wait, false))).take(9).collect();
        assert!(mute.windows(2).all(|waits| waits[0] < waits[1] || waits[1] == REDIAL_MAX));
        assert_eq!(mute.last(), Some(&REDIAL_MAX));
        assert_eq!(wait_after(REDIAL_MAX, true), REDIAL_MIN);
    }
}
