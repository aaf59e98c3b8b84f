//! Every bound of the protocol, with its reason.

/// Most bytes of statements in one frame of entries: a slow link shows progress every few seconds, and a receiver
/// never buffers more than this per peer.
pub const FRAME_BYTES_MAX: usize = 256 * 1024;

/// Most entries in one frame; also bounds the work between two commits.
pub const FRAME_ENTRIES_MAX: usize = 512;

/// Most heads in one frame: as many logs as the federation is planned for, twice over.
pub const FRAME_HEADS_MAX: usize = 8_192;

/// Longest inclusion or consistency proof: a tree of 2^63 leaves.
pub const PROOF_HASHES_MAX: usize = 64;

/// Most messages in one delivery: seven parties, each with decision, endorsement and offer, and the request.
pub const DELIVERY_MESSAGES_MAX: usize = 32;

/// Deliveries to one peer that may be unanswered at a time; more would only queue at the other side.
pub const DELIVERIES_IN_FLIGHT_MAX: usize = 32;

/// First wait before a delivery is tried again, in milliseconds; doubles up to [`RETRY_MS_MAX`].
pub const RETRY_MS_MIN: i64 = 250;

/// Longest wait before a delivery is tried again. Peers are few and any sign of life wakes the outbox at once, so
/// this only bounds the wait after a silent return.
pub const RETRY_MS_MAX: i64 = 60_000;

/// An unanswered delivery counts as lost after this long; the call's own deadline is shorter.
pub const DELIVERY_MS_MAX: i64 = 10_000;

/// Mean time between two comparisons of digests with a random peer, in milliseconds; jittered by half.
pub const PING_MS: i64 = 1_000;

/// Shortest time between two spreadings of new entries of the own log, in milliseconds. A log at rest spreads at
/// once; a busy one makes ten checkpoints a second, which the witnesses of a federation can all cosign.
pub const SPREAD_MS: i64 = 100;

/// How far an officer's or a peer's clock may be off before a new statement is refused, in milliseconds.
pub const CLOCK_SKEW_MS: i64 = 10 * 60 * 1000;

/// How long an officer's proof of identity is good, in milliseconds.
pub const ACCESS_MS: i64 = 5 * 60 * 1000;

/// Checkpoints of the own log that still wait for cosignatures; older ones have been overtaken.
pub const CHECKPOINTS_PENDING_MAX: usize = 64;

/// Orders a node keeps open at a time; beyond it new requests are asked to wait.
pub const ORDERS_MAX: usize = 1_000_000;

/// Part of the time until the quote deadline that is kept for the way back, in per cent.
pub const RETURN_RESERVE_PERCENT: i64 = 10;
