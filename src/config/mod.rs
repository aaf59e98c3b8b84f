//! Floor 3: files that operators and organisations write, read into checked values.
//!
//! A value that comes out of this room has passed every rule that can be checked without a network, so that a node
//! refuses a wrong file before it binds a port or opens its store. Every refusal names file and line.
//!
//! Must never bind, connect, spawn, sign, read a clock or read a private key. Keys are named by the path of their
//! folder, and that path is all this room learns about them.
pub mod document;
pub mod federation;
pub mod folder;
pub mod node;
pub mod offerings;
pub mod organisations;
pub mod plan;
pub mod rule_packs;
mod strict;
pub mod web;
