//! Verbund: a federation of gRPC nodes, one per public IT cooperative.
//!
//! Nodes publish signed offerings of services that one administration has digitised for all (*Einer für Alle*),
//! replicate the catalogue peer to peer, and broker an order hop by hop along a chain of in-house relations
//! (section 108 GWB): each hop is its own contract, and all of them come into being with one seal. No node is
//! central, any node may be off for days, and nobody has to trust an operator.
//!
//! # Floors
//!
//! Imports go down only; `tests/it/tidy.rs` says so.
//!
//! | floor | rooms | must never |
//! |---|---|---|
//! | 1 | [`domain`]: ids, money, time, statements, keys, trust, offerings, prices, facts, law, routes, orders | read a clock, throw dice, touch a file or the network |
//! | 2 | [`log`]: Merkle tree, checkpoints, cosignatures, proofs. [`protocol`]: the node as `step(input, now)`. [`view`]: read models, a second fold made for questions. [`audit`]: offline judgement | name tokio, tonic or sled; protocol knows neither view nor audit |
//! | 3 | [`store`]: records and their index. `wire`: the protobuf edge. `config`: files to checked values. `search`. `exchange`: registers and other people's formats | hold a rule; know one another |
//! | 4 | `web`: pages for browsers, made from `view` and `search`. `node`: driver loop, gRPC server, peers, TLS, clock, randomness; it serves the pages | decide anything: handlers decode, ask, encode |
//! | 5 | `cli`, `main.rs`, `bin/verbund-audit.rs`, `usage` and `replay.rs` for both | reach past the node into the protocol |
//!
//! Without the default feature `node` only floors 1 and 2, the reader of records and the memory store are built: the auditor's binary has no
//! network, no async runtime and no database in its dependency tree.
//!
//! # Five journeys
//!
//! **An offering.** `cli/offering.rs` reads the file, signs with the publisher's key and sends the statement.
//! `node/server.rs` decodes it and asks the driver, [`protocol::Node::step`] lets [`domain::trust`] judge the
//! signature for the next position of the log, and the step says: store this entry, then answer, then tell the peers.
//! The driver commits ([`store`]: one append, one fsync for everything that is ready) and only then performs the
//! rest. A peer checks the suffix against the signed checkpoint, every body against its signer, stores it, cosigns the
//! checkpoint and shows the offering. A peer is a courier: it is believed about nothing, the signature about
//! everything.
//!
//! **An order.** The officer's tool asks for the judged routes ([`domain::route`], [`domain::law`]), signs a request
//! and hands it to the buyer's node. Each hop verifies the chain, judges the leg towards itself, endorses and passes on;
//! the provider accepts with its price; each hop adds its binding offer on the way back ([`domain::order`] holds the
//! rules, [`protocol::brokering`] the next act). The buyer's node alone writes the one seal or void, in one commit with
//! everything it rests on. What must still be delivered follows from the messages held, so a restart resends by
//! itself, and the same message again gets the stored receipt.
//!
//! **An audit.** [`protocol::evidence`] names what is needed, `node/evidence.rs` packs the exact signed bytes with
//! inclusion proofs under cosigned checkpoints. `verbund-audit verify` starts from nothing but the federation's root
//! hash: trustees, organisations, keys by position, facts, messages, prices, law. Every check is *gültig*, *ungültig*
//! or *nicht prüfbar*, and the report says what was not checked.
//!
//! **A key that changes.** `cli/key/` writes the new half into the node's folder and has the organisation's root keys
//! sign a key event; the node reads its keys anew and takes the event into its log ([`protocol`]'s `trusting`). From the
//! next entry on the new key signs; [`domain::trust`] says for every position which one was good, and
//! [`log::subjects`] commits each leaf to all of that, so that nobody can leave a revocation out. Root versions,
//! expulsions and rule packs go from any log into every other within seconds.
//!
//! **A difference.** Two nodes keep a stream. Each has a digest over the heads of all logs; equal digests end the
//! matter. If they differ, [`protocol::replication`] says what has changed since a position in the
//! [`protocol::journal`] that both remember, or compares 256 buckets; asks for what is lacking, each log from one
//! peer; checks what comes, stores it, acknowledges and cosigns it. Two histories of one log become a proof
//! ([`log::fork`]) and a cut that everyone makes at the same place. A node that starts asks how far its own log goes
//! before it signs anything.
//!
//! # Deliberately absent
//!
//! A central server or catalogue. A certificate authority: TLS keys are pinned in node records. Validity by wall
//! clock: positions in logs decide. Re-encoding of anything signed. Floating-point numbers, but for the weighing of
//! words in a search. Hashed collections in the core. Batch verification of signatures. An officer's private key on
//! any node. A verdict that replaces the officer.
pub mod audit;
#[cfg(feature = "node")]
pub mod cli;
#[cfg(feature = "node")]
pub mod config;
pub mod domain;
#[cfg(feature = "node")]
pub mod exchange;
pub mod log;
#[cfg(feature = "node")]
pub mod node;
pub mod protocol;
pub mod replay;
#[cfg(feature = "node")]
pub mod search;
pub mod store;
pub mod usage;
pub mod view;
#[cfg(feature = "node")]
pub mod web;
#[cfg(feature = "node")]
pub mod wire;
