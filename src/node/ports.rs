//! The seams of the shell: clock, peers and key ring. (The store's seam is `store::Store`, that of randomness `settings::Dice`.)
use std::future::Future;

use crate::domain::annex::Annex;
use crate::domain::id::NodeId;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::Signed;
use crate::domain::time::Timestamp;
use crate::protocol::frame::{Delivery, Question, Returned};
use crate::protocol::settings::NodeKeys;

/// Reads the node's private keys anew, from wherever they are kept. May take its time.
pub type KeyRing = Box<dyn FnMut() -> Result<NodeKeys, Refusal> + Send>;

/// Tells the time.
pub trait Clock: Send + Sync + 'static {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// Carries deliveries to other nodes.
pub trait Peers: Send + Sync + 'static {
    /// Delivers and brings back the receipts, one outcome for each delivery in that order. Ends by its own deadline.
    fn deliver(
        &self,
        node: NodeId,
        deliveries: Vec<Delivery>,
    ) -> impl Future<Output = Vec<Result<Signed, Refusal>>> + Send;

    /// Asks and brings back the answer, with annexes of its statements. Ends by its own deadline.
    fn ask(
        &self,
        node: NodeId,
        question: Question,
    ) -> impl Future<Output = Result<(Vec<Signed>, Vec<Annex>), Refusal>> + Send;

    /// Seals statements and deposits them, as many from the first on as fit; says how many. Ends by its own deadline.
    fn lodge(&self, node: NodeId, statements: Vec<Signed>) -> impl Future<Output = Result<usize, Refusal>> + Send {
        drop(statements);
        async move { Err(unreachable(&node)) }
    }

    /// Brings back what was deposited at a node, from a parcel on, and opens it. Ends by its own deadline.
    fn ask_back(&self, node: NodeId, from: u64) -> impl Future<Output = Result<Returned, Refusal>> + Send {
        let _ = from;
        async move { Err(unreachable(&node)) }
    }
}

/// Peers of a node that stands alone: nobody can be reached.
pub struct Nobody;

impl Peers for Nobody {
    async fn deliver(&self, node: NodeId, deliveries: Vec<Delivery>) -> Vec<Result<Signed, Refusal>> {
        deliveries.iter().map(|_| Err(unreachable(&node))).collect()
    }

    async fn ask(&self, node: NodeId, _: Question) -> Result<(Vec<Signed>, Vec<Annex>), Refusal> {
        Err(unreachable(&node))
    }
}

fn unreachable(node: &NodeId) -> Refusal {
    Refusal::new(Reason::Unreachable).with("node", node)
}
