//! Joining a federation with nothing but its root hash and one address: the first contact of a new node.
use std::time::Duration;

use crate::config::node::{HostPort, KnownPeer, NodeConfig};
use crate::domain::reason::{Reason, Refusal};
use crate::node::keys::Opener;
use crate::node::peers;
use crate::node::start::{origin, read_genesis};
use crate::node::tls::{self, Identity};
use crate::protocol::replication::introduction;
use crate::wire::pb::peer::v1::IntroduceRequest;
use crate::wire::pb::peer::v1::peer_service_client::PeerServiceClient;
use crate::wire::status::to_refusal;

/// Longest time for the introduction.
const CALL: Duration = Duration::from_secs(10);

/// Introduces the node to whoever listens at an address, and says who that is. Which TLS key belongs there is not known
/// yet: the one that is shown is pinned until the node's record has been fetched and verified.
pub async fn introduce(config: &NodeConfig, opener: &mut Opener, address: HostPort) -> Result<KnownPeer, Refusal> {
    let node_keys = opener.read_node(config)?;
    let identity = Identity::read(&config.keys, opener)?;
    let absent = || Refusal::new(Reason::KeyAbsent).with("folder", config.keys.display());
    let run =
        introduction(&origin(config), &read_genesis(&config.genesis)?, node_keys.log.first().ok_or_else(absent)?);
    let tls_sha256 = tls::key_shown_at(address.as_str()).await?;
    let channel = tls::channel(address.as_str(), tls_sha256, Some(&identity), CALL)?;
    let mut client = PeerServiceClient::new(channel)
        .max_decoding_message_size(peers::MESSAGE_BYTES_MAX)
        .max_encoding_message_size(peers::MESSAGE_BYTES_MAX);
    let answer = client.introduce(IntroduceRequest::from(&run)).await.map_err(|status| to_refusal(&status))?;
    let node = answer.into_inner().node.parse()?;
    if node == config.profile.node {
        return Err(Refusal::new(Reason::UsageInvalid).with("peer", address.as_str()).with("node", node));
    }
    Ok(KnownPeer { node, address, tls_sha256 })
}
