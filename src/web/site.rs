//! What is the same on every page of a node.
use crate::config::web::Imprint;

/// A node's page, as its operator has set it up.
#[derive(Clone, Debug)]
pub struct Site {
    /// The node's name.
    pub node: String,
    /// Who answers for it.
    pub imprint: Imprint,
    /// Whether officers can ask their organisations for a grant here.
    pub takes_requests: bool,
    /// Whether browsers reach it by TLS.
    pub is_encrypted: bool,
    /// Version of the program.
    pub version: &'static str,
}
