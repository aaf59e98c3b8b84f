//! Floor 4: the shell. One driver loop around the protocol, gRPC services in front of it, peers behind it.
//!
//! Must never decide anything: handlers decode, ask, encode. The clock and randomness are read in `system` only.
mod couriers;
pub mod driver;
pub mod durations;
pub mod evidence;
mod fetching;
pub mod files;
pub mod grant_requests;
pub mod handle;
pub mod host;
pub mod init;
pub mod join;
pub mod keys;
pub mod listening;
pub mod metrics;
pub mod passphrase;
pub mod peers;
pub mod ports;
mod prover;
mod recent;
pub mod repair;
pub mod sealing;
pub mod server;
mod services;
pub mod start;
pub mod system;
pub mod tasks;
pub mod telemetry;
pub mod tls;
#[cfg(feature = "pkcs11")]
pub mod token;
pub mod traffic;
mod web;
