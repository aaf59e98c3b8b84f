//! The gRPC services: decode, ask the handle, encode. No rules.
//!
//! What is asked is answered from what was committed last, beside the node's loop; only what the parties of one order ask
//! runs on it, between two steps. Limits stand here by name; whatever exceeds one is refused with a reason, never queued without end.
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tonic::metadata::MetadataMap;
use tonic::transport::Server;
use tonic::transport::server::Router;
use tonic::{Response, Status};
use tonic_health::server::HealthReporter;
use tower::layer::util::{Identity, Stack};

use crate::domain::id::{NodeId, OrderId, OrgId};
use crate::domain::reason::{Lang, Reason, Refusal};
use crate::domain::time::Timestamp;
use crate::node::handle::{Handle, Pins};
use crate::node::server::finding::Finder;
use crate::node::server::gate::{GateLayer, MESSAGE_BYTES_MAX};
use crate::node::server::watches::Watches;
use crate::node::tls::{PROBE_AFTER, PROBE_ANSWER};
use crate::protocol::Node;
use crate::view::View;
use crate::wire::pb::catalogue::v1::catalogue_service_server::CatalogueServiceServer;
use crate::wire::pb::chain::v1::chain_service_server::ChainServiceServer;
use crate::wire::pb::node::v1::node_service_server::NodeServiceServer;
use crate::wire::pb::order::v1::order_service_server::OrderServiceServer;
use crate::wire::pb::peer::v1::peer_service_server::PeerServiceServer;
use crate::wire::status::to_status;
use crate::wire::{access, order, pb};

mod catalogue;
mod chain;
mod feeds;
pub mod finding;
pub mod gate;
pub mod health;
mod orders;
mod peer;
mod status;
mod watches;

/// Calls in progress at a time, streams not counted once they run: a loop that answers in a millisecond needs few,
/// and a caller is better told to come back than kept waiting beyond its deadline.
pub const CALLS_MAX: usize = 1_024;

/// Calls and streams of one connection: a peer needs one stream and a few deliveries, a web page fewer.
const CONNECTION_STREAMS_MAX: u32 = 256;

/// Names and values of a call's headers together, in bytes: a proof of identity takes one kilobyte, gRPC clients bound
/// what they read at eight.
const HEADER_BYTES_MAX: u32 = 16 * 1024;

/// Longest time for a call, or for the first answer of a stream; callers may ask for less, not for more.
pub const CALL_MAX: Duration = Duration::from_secs(10);

/// New nodes that may introduce themselves at a time. Each costs some dozens of signature checks, and its place is free
/// again after [`INTRODUCTION_PAUSE`]: what strangers can cost is a few per cent of one core.
const INTRODUCTIONS_MAX: usize = 4;

/// How long an introduction keeps its place.
const INTRODUCTION_PAUSE: Duration = Duration::from_secs(2);

/// Makes the evidence bundle that an organisation may have of an order, a ZIP file.
pub type Packer = Arc<
    dyn Fn(Handle, OrderId, OrgId) -> Pin<Box<dyn Future<Output = Result<Vec<u8>, Refusal>> + Send>> + Send + Sync,
>;

/// What the services need.
pub struct Services {
    /// The way into the node.
    pub handle: Handle,
    /// Peers known by configuration: SHA-256 of the TLS key's SubjectPublicKeyInfo to node. Only until the node's own
    /// record is known.
    pub anchors: BTreeMap<[u8; 32], NodeId>,
    /// Makes evidence bundles.
    pub bundle: Packer,
    /// Whether to describe the services by gRPC reflection, v1 and v1alpha.
    pub reflection: bool,
    /// Calls in progress at a time, at most [`CALLS_MAX`].
    pub calls_max: usize,
    /// Longest time for a call, at most [`CALL_MAX`].
    pub call_max: Duration,
    /// Whether the node stops: streams end then, and say why.
    pub stopped: watch::Receiver<bool>,
    /// Finds offerings; shared with the page, so that there is one index.
    pub finder: Arc<Finder>,
}

/// The same, shared by all services.
#[derive(Clone)]
struct Desk {
    handle: Handle,
    anchors: Arc<BTreeMap<[u8; 32], NodeId>>,
    bundle: Packer,
    watches: Watches<OrgId>,
    feeds: Watches<IpAddr>,
    introductions: Arc<Semaphore>,
    finder: Arc<Finder>,
    stopped: watch::Receiver<bool>,
}

/// All services behind their limits, ready for `serve_with_incoming`, and the reporter that turns health to
/// `NOT_SERVING` when the node drains.
pub async fn router(services: Services) -> (Router<Stack<GateLayer, Identity>>, HealthReporter) {
    let Services { handle, anchors, bundle, reflection, calls_max, call_max, finder, stopped } = services;
    let held = handle.timings().places.clone();
    let desk = Desk {
        handle,
        anchors: Arc::new(anchors),
        bundle,
        watches: Watches::of_orders(),
        feeds: Watches::of_catalogue(),
        introductions: Arc::new(Semaphore::new(INTRODUCTIONS_MAX)),
        finder,
        stopped,
    };
    let (health, health_service) = tonic_health::server::health_reporter();
    macro_rules! bounded {
        ($server:ident) => {
            $server::new(desk.clone())
                .max_decoding_message_size(MESSAGE_BYTES_MAX)
                .max_encoding_message_size(MESSAGE_BYTES_MAX)
        };
    }
    let router = Server::builder()
        .max_concurrent_streams(CONNECTION_STREAMS_MAX)
        .http2_max_header_list_size(HEADER_BYTES_MAX)
        .http2_keepalive_interval(Some(PROBE_AFTER))
        .http2_keepalive_timeout(Some(PROBE_ANSWER))
        .layer(GateLayer::new(calls_max.min(CALLS_MAX), call_max.min(CALL_MAX), held))
        .add_service(health_service)
        .add_service(bounded!(CatalogueServiceServer))
        .add_service(bounded!(ChainServiceServer))
        .add_service(bounded!(OrderServiceServer))
        .add_service(bounded!(NodeServiceServer))
        .add_service(bounded!(PeerServiceServer));
    (if reflection { with_reflection(router) } else { router }, health)
}

/// Both versions: tools that know only one of them are in wide use.
fn with_reflection<L: Clone>(router: Router<L>) -> Router<L> {
    let builder = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(pb::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let readable = "the descriptor sets were written when this program was built";
    router.add_service(builder().build_v1().expect(readable)).add_service(builder().build_v1alpha().expect(readable))
}

/// The answer or the status, in the caller's language.
async fn answered<A>(lang: Lang, work: impl Future<Output = Result<A, Refusal>>) -> Result<Response<A>, Status> {
    work.await.map(Response::new).map_err(|refusal| to_status(&refusal, lang))
}

/// Waits until the node stops, for a stream that never ends by itself; gives what it says then. Whoever reads it opens
/// it again, here or at another node.
async fn until_stopped(mut stopped: watch::Receiver<bool>) -> Refusal {
    // A node that is gone without a word has stopped as well.
    let _ = stopped.wait_for(|stop| *stop).await;
    Refusal::new(Reason::ShuttingDown)
}

impl Desk {
    /// Looks at what is committed.
    async fn look<T: Send + 'static>(
        &self,
        question: impl FnOnce(&View, Timestamp) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        self.handle.look(question).await
    }

    /// Looks at the node, on its loop.
    async fn ask<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Node, Timestamp) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        self.handle.read(look).await?
    }

    /// The same at an order, which may be settled.
    async fn ask_about<T: Send + 'static>(
        &self,
        order: OrderId,
        look: impl FnOnce(&Node, Timestamp) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        self.handle.read_order(order, look).await
    }

    /// Looks at an order for an officer of one of its parties.
    async fn ask_as_party<T: Send + 'static>(
        &self,
        metadata: &MetadataMap,
        order_id: &str,
        look: impl FnOnce(&Node, OrderId, &OrgId, Timestamp) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let (proof, order) = (access::read(metadata)?, order::order_id(order_id)?);
        self.ask_about(order, move |node, now| {
            let org = node.state().public().check_reader(&proof, now)?;
            let party = node.check_party(&org, order, now)?;
            look(node, order, &party, now)
        })
        .await
    }
}

/// The peer behind a TLS key: the node whose newest record pins it, else by configuration while no record of that node
/// is known. Never this node itself.
fn peer_of_key(
    own: &NodeId,
    pins: &Pins,
    anchors: &BTreeMap<[u8; 32], NodeId>,
    key: Option<[u8; 32]>,
) -> Result<NodeId, Refusal> {
    let unknown = || Refusal::new(Reason::PeerUnknown);
    let key = key.ok_or_else(|| unknown().with("rule", "no client certificate"))?;
    let pinned = pins.iter().find(|(_, pin)| pin.0 == key).map(|(node, _)| node);
    let anchored = || anchors.get(&key).filter(|node| !pins.contains_key(*node));
    pinned
        .or_else(anchored)
        .filter(|node| *node != own)
        .cloned()
        .ok_or_else(|| unknown().with("tls_sha256", hex::encode(key)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::Hash;
    use crate::protocol::explain::fixture::{Town, by_rule};

    #[test]
    fn a_peer_is_known_by_its_record_else_by_configuration() {
        let (own, other): (NodeId, NodeId) = ("kitu".parse().expect("name"), "kid".parse().expect("name"));
        let anchors = [([1; 32], other.clone()), ([2; 32], own.clone())].into();
        let pins = [(own.clone(), Hash([7; 32])), ("akdb".parse().expect("name"), Hash([8; 32]))].into();
        let peer = |key: Option<[u8; 32]>| peer_of_key(&own, &pins, &anchors, key).map_err(|refusal| refusal.reason);
        assert_eq!(peer(Some([1; 32])), Ok(other));
        assert_eq!(peer(Some([8; 32])).expect("a record").as_str(), "akdb");
        assert_eq!(peer(Some([2; 32])), Err(Reason::PeerUnknown), "a record is known, so the old anchor is void");
        assert_eq!(peer(Some([7; 32])), Err(Reason::PeerUnknown), "a node is not its own peer");
        assert_eq!(peer(Some([3; 32])), Err(Reason::PeerUnknown));
        assert_eq!(peer(None), Err(Reason::PeerUnknown));
    }

    #[test]
    fn only_officers_of_organisations_hosted_here_read() {
        let town = Town::new(by_rule());
        let proof = town.access("town", "einkauf");
        assert_eq!(town.node.state().public().check_reader(&proof, town.now).expect("fresh").as_str(), "town");
        let late = town.now.plus_ms(crate::protocol::limits::ACCESS_MS + 1);
        assert_eq!(
            town.node.state().public().check_reader(&proof, late).expect_err("old").reason,
            Reason::AccessExpired
        );
        let request = town.request("r1", |_| ());
        assert_eq!(
            town.node.state().public().check_reader(&request, town.now).expect_err("no proof").reason,
            Reason::AccessMissing
        );
    }
}
