//! Floor 2: the node as a state machine without I/O.
pub mod record;
