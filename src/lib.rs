//! Verbund
pub mod domain;
pub mod log;
pub mod protocol;
