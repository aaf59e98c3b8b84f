//! Floor 2: logs as RFC 6962 Merkle trees, with checkpoints, cosignatures and proofs in the formats of C2SP.
//!
//! Must never know more of a statement than its kind and whom it is about. No clock, no files, no network.
pub mod checkpoint;
pub mod cosignature;
pub mod digest;
pub mod fork;
pub mod leaf;
pub mod merkle;
pub mod note;
pub mod proof;
pub mod subjects;
