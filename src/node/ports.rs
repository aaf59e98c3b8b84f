//! The seams of the shell: clock and peers. (The store's seam is `store::Store`, that of randomness `settings::Dice`.)
use std::future::Future;

use crate::domain::id::NodeId;
use crate::domain::reason::Refusal;
use crate::domain::statement::Signed;
use crate::domain::time::Timestamp;
use crate::protocol::frame::{Delivery, Question};

/// Tells the time.
pub trait Clock: Send + Sync + 'static {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// Carries deliveries to other nodes.
pub trait Peers: Send + Sync + 'static {
    /// Delivers and brings back the receipt. Ends by its own deadline.
    fn deliver(&self, node: NodeId, delivery: Delivery) -> impl Future<Output = Result<Signed, Refusal>> + Send;

    /// Asks and brings back the answer. Ends by its own deadline.
    fn ask(&self, node: NodeId, question: Question) -> impl Future<Output = Result<Vec<Signed>, Refusal>> + Send;
}
