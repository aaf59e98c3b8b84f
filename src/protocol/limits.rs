//! Every bound of the protocol, with its reason.

/// Most bytes of statements in one frame of entries: a slow link shows progress every few seconds, and a receiver
/// never buffers more than this per peer.
pub const FRAME_BYTES_MAX: usize = 256 * 1024;

/// Most entries in one frame; also bounds the work between two commits.
pub const FRAME_ENTRIES_MAX: usize = 512;

/// Most heads in one frame: as many logs as the federation is planned for, twice over.
pub const FRAME_HEADS_MAX: usize = 8_192;

/// Most entries with which a new node introduces itself: root, rule pack, and whatever comes before the record of a node
/// that hosts a few organisations.
pub const INTRODUCTION_ENTRIES_MAX: usize = 64;

/// Longest inclusion or consistency proof: a tree of 2^63 leaves.
pub const PROOF_HASHES_MAX: usize = 64;

/// Most messages in one delivery: seven parties, each with decision, endorsement and offer, and the request.
pub const DELIVERY_MESSAGES_MAX: usize = 32;

/// Deliveries to one peer that may be unanswered at a time: what a node works off in a tenth of a second; more would only
/// queue at the other side.
pub const DELIVERIES_IN_FLIGHT_MAX: usize = 64;

/// Most deliveries in one call: all that may be under way to a peer.
pub const BATCH_DELIVERIES_MAX: usize = DELIVERIES_IN_FLIGHT_MAX;

/// First wait before a delivery is tried again, in milliseconds; doubles up to [`RETRY_MS_MAX`].
pub const RETRY_MS_MIN: i64 = 250;

/// Longest wait before a delivery is tried again. Peers are few and any sign of life wakes the outbox at once, so
/// this only bounds the wait after a silent return.
pub const RETRY_MS_MAX: i64 = 60_000;

/// Longest wait where the receiver, or this node, has not heard of a key yet: replication brings it within seconds.
pub const RETRY_BEHIND_MS_MAX: i64 = 2_000;

/// An unanswered delivery counts as lost after this long; the call's own deadline is shorter.
pub const DELIVERY_MS_MAX: i64 = 10_000;

/// Bytes of entries a peer may send before more leave is given: a few of the largest frames, so that a link of
/// 100 Mbit/s and 100 ms stays busy and a receiver can check some while it stores others, and all that a receiver ever
/// has to hold of one peer.
pub const CREDIT_BYTES: u64 = 2 * 1024 * 1024;

/// Logs asked of one peer at a time. Enough to hide a round trip, few enough that a peer which dies costs little and
/// the rest of a catch-up spreads over others.
pub const WANTS_PER_PEER_MAX: usize = 16;

/// With no more wants than this outstanding a peer is expected to answer each at once; with more they queue.
pub const WANTS_AT_ONCE: usize = 4;

/// Most peers that are served entries at a time; others are asked for patience. Keeps the disk's reads sequential.
pub const SERVING_MAX: usize = 8;

/// A stream on which the peer has not said hello after this long, in milliseconds, is closed and opened anew.
pub const HELLO_MS_MAX: i64 = 5_000;

/// How long a peer that is asked for patience should wait, in milliseconds.
pub const BUSY_MS: i64 = 1_000;

/// A log that was asked for and does not come is asked for again, perhaps elsewhere, after this long, in milliseconds.
/// Longer than a round trip across the country by far; asking twice costs a little, waiting costs everyone behind.
pub const STALL_MS: i64 = 400;

/// The same while many wants are outstanding, measured from the last delivery: a slow peer works them off in turn.
pub const STALL_QUEUED_MS: i64 = 2_000;

/// A peer that lets so many wants stall in a row, and sends nothing in between, has its stream closed.
pub const STALLS_MAX: u32 = 16;

/// First wait for the acknowledgement of news, in milliseconds; doubles up to [`NEWS_RETRY_MS_MAX`].
pub const NEWS_RETRY_MS_MIN: i64 = 500;

/// Longest wait between two tries to pass on news; a comparison of digests finds what is missing anyway.
pub const NEWS_RETRY_MS_MAX: i64 = 8_000;

/// Peers that get new entries at once; the others get the heads and ask. Two keep an entry spreading through a
/// network without everyone getting it from everyone.
pub const EAGER_PEERS: usize = 2;

/// Logs with new entries that are still pushed at once; more at a time are a catch-up, which is left to asking.
pub const EAGER_LOGS_MAX: usize = 64;

/// Sizes compared in one message of a search for the place where two histories part: a million entries in four.
pub const PROBE_SIZES_MAX: usize = 32;

/// How long a peer that broke the protocol is not spoken to, in milliseconds; doubles with each time up to
/// [`SHUN_MS_MAX`].
pub const SHUN_MS_MIN: i64 = 1_000;

/// Longest time a peer is not spoken to: an operator who has mended a node is back within minutes.
pub const SHUN_MS_MAX: i64 = 10 * 60 * 1000;

/// How long a node that starts waits for more than one peer to say how far its log goes, in milliseconds. Those that
/// matter are the ones it spoke to last, and they dial within seconds.
pub const OWN_LOG_WAIT_MS: i64 = 30_000;

/// A clock that jumps back by more than this, in milliseconds, makes all waiting start anew.
pub const CLOCK_BACK_MS: i64 = 1_000;

/// How long a log that is followed no further is not asked for again, in milliseconds: its operator's node takes what it
/// lacks within seconds, and a log that is never followed costs a frame each time.
pub const REFUSED_LOG_MS: i64 = 10_000;

/// How often the position reached in a peer's journal is stored at most, in milliseconds. It only saves work.
pub const CURSOR_MS: i64 = 30_000;

/// Entries of one log that are taken at once: the whole past of a large cooperative.
pub const QUOTA_BURST: u64 = 200_000;

/// Entries of one log per second that are taken beyond [`QUOTA_BURST`]: a hundred sealed orders a second, of which the
/// busiest node logs a dozen entries each. A publisher that writes faster is heard later; nothing of it becomes invalid.
pub const QUOTA_PER_SECOND: u64 = 1_500;

/// Bytes of entries of one log that are taken on a day: leaves of a million sealed orders of a hop, and a large catalogue.
/// It is what one admitted operator can make every other one store; a newcomer that fetches a longer past takes days.
pub const QUOTA_BYTES_PER_DAY: u64 = 4 * 1024 * 1024 * 1024;

/// How long after it was signed a message is first seen by witnesses where nothing was missed, in milliseconds: seconds,
/// and a minute where links are bad. What was seen later is asked for once, which costs little.
pub const COVER_LATE_MS: i64 = 60_000;

/// Most entries whose first witnessed checkpoint is asked for in one frame; each costs the answering node one read.
pub const COVERS_MAX: usize = 64;

/// Orders that are looked at in one go for what may have been missed: each takes reading a dozen statements, and nothing else
/// goes on meanwhile. The next look goes on where this one ended.
pub const COVERS_ORDERS_MAX: usize = 128;

/// Shortest time between two such frames of a peer that are answered, in milliseconds: 64 reads in a second.
pub const COVERS_MS: i64 = 1_000;

/// Most of them on one stream: several for every order that may have ended while a node was away for a few hours.
pub const COVERS_SOUGHT_MAX: usize = 4_096;

/// How long a cosigned checkpoint waits for what it covers, in milliseconds: ten minutes, in which a catch-up that is under
/// way gets there or hears of a newer one.
pub const EARLY_NOTE_MS: i64 = 10 * 60 * 1000;

/// Mean time between two comparisons of digests with a random peer, in milliseconds; jittered by half.
pub const PING_MS: i64 = 1_000;

/// Shortest time between two spreadings of new entries of the own log, in milliseconds. A log at rest spreads at
/// once; a busy one makes ten checkpoints a second, which the witnesses of a federation can all cosign.
pub const SPREAD_MS: i64 = 100;

/// How far an officer's or a peer's clock may be off before a new statement is refused, in milliseconds.
pub const CLOCK_SKEW_MS: i64 = 10 * 60 * 1000;

/// How old a peer's word about its time may be, in milliseconds, when something ends by time.
pub const CLOCK_FRESH_MS: i64 = 60 * 1000;

/// How often peers are asked for their time while something waits for it, in milliseconds.
pub const CLOCK_ASK_MS: i64 = 30 * 1000;

/// How often a node compares its clock with some peer though nothing waits for it, in milliseconds.
pub const CLOCK_TELL_MS: i64 = 60 * 1000;

/// How long the answers of all connected peers are waited for, in milliseconds, before those that came do.
pub const CLOCK_WAIT_MS: i64 = 5 * 1000;

/// How long an officer's proof of identity is good, in milliseconds.
pub const ACCESS_MS: i64 = 5 * 60 * 1000;

/// How long a session lasts that was opened with such a proof, in milliseconds: a working day.
pub const SESSION_MS: i64 = 8 * 60 * 60 * 1000;

/// Checkpoints of the own log that still wait for cosignatures; older ones have been overtaken.
pub const CHECKPOINTS_PENDING_MAX: usize = 64;

/// Orders a node keeps open at a time; beyond it new requests are asked to wait.
pub const ORDERS_MAX: usize = 1_000_000;

/// Settled orders that stay in memory because they were touched last, at about 50 kB each: what follows a seal at once finds
/// it at hand, and a page of them is looked through without the disk.
pub const SETTLED_KEPT_MAX: usize = 1_024;

/// Inputs that may wait for settled orders to be read: as many as wait for the node itself.
pub const PARKED_MAX: usize = 1_024;

/// When somebody for whom there was no room among them may try again, in milliseconds: by then a hundred were read.
pub const PARKED_RETRY_MS: u64 = 250;

/// Part of the time until the quote deadline that is kept for the way back, in per cent.
pub const RETURN_RESERVE_PERCENT: i64 = 10;

/// First wait of a party in doubt before it asks for an outcome again, in milliseconds; doubles up to [`DOUBT_MS_MAX`].
pub const DOUBT_MS_MIN: i64 = 2_000;

/// Longest wait between two such questions: minutes, because the parties are few.
pub const DOUBT_MS_MAX: i64 = 15 * 60 * 1000;

/// How long a restored node waits for an answer before it asks a node again, in milliseconds.
pub const RECOVERY_ASK_MS: i64 = 5_000;

/// How long a restored node takes no part in orders because some node has not answered, in milliseconds: a day, in which
/// an operator notices; who knows better starts it with `--alone`.
pub const RECOVERY_WAIT_MS: i64 = 24 * 60 * 60 * 1000;

/// Most statements in one answer to a restored node: about 2 MB.
pub const RECOVERY_STATEMENTS_MAX: usize = 1_000;

/// Most bytes of annexes in such an answer: with the statements it stays below the largest message. Words beyond it are not
/// brought back.
pub const TOLD_ANNEXES_BYTES_MAX: usize = 1024 * 1024;

/// Most statements read at a time from a store with places that cannot be read any more: some milliseconds of reading.
pub const STATEMENTS_READ_MAX: usize = 256;

/// How many other nodes keep what only this one holds: one of them may be away, or lose its own disk.
pub const DEPOSIT_COPIES: usize = 2;

/// Most statements in one deposit: what comes up during a round trip at a hundred orders a second, many times over.
pub const DEPOSIT_STATEMENTS_MAX: usize = 256;

/// Most bytes of one deposit, sealed: several of the largest statements, and well below the largest message.
pub const DEPOSIT_BYTES_MAX: usize = 1024 * 1024;

/// Most deposits given back at a time: small ones, as a node makes while it has little to do, together hold no more
/// statements than one large one or two.
pub const DEPOSITS_RETURNED_MAX: usize = 64;

/// Bytes that a node keeps for one depositor: of about 6 kB for each order between parties at home on one node, more than
/// two million orders.
pub const DEPOSITED_BYTES_MAX: u64 = 16 * 1024 * 1024 * 1024;

/// A deposit that is not answered after this long, in milliseconds, counts as lost; the call's own deadline is shorter.
pub const DEPOSIT_MS_MAX: i64 = 10_000;

/// How long an act waits until others have what it rests on, in milliseconds: a round trip takes some hundredths of it, and
/// whoever waits for the answer gives up only later.
pub const DEPOSIT_WAIT_MS: i64 = 3_000;

/// How often in a row a depositary may fail before another takes its place.
pub const DEPOSITS_TRIES: u32 = 3;

/// Most answers that wait for a deposit: as many as callers may wait for the node.
pub const DEPOSIT_PARKED_MAX: usize = 1_024;

/// Most statements given back that wait for what they rest on: they came in the order of the log, so hardly any do.
pub const DEPOSIT_UNPLACED_MAX: usize = 10_000;

/// Most entries of the own log that wait in memory for what could not be read before them. Others soon have what was written;
/// this is many times what a busy node writes while nobody can be reached.
pub const BEYOND_ENTRIES_MAX: usize = 10_000;

/// Most statements that wait for keys which were passed over with a hole.
pub const BEYOND_STATEMENTS_MAX: usize = 10_000;

/// After how long a colleague is reminded of an approval, in milliseconds: three days.
pub const APPROVAL_REMIND_MS: i64 = 3 * 24 * 60 * 60 * 1000;

/// How long before the seal deadline the buyer is reminded, in milliseconds: three days, and one.
pub const SEAL_REMIND_MS: [i64; 2] = [3 * 24 * 60 * 60 * 1000, 24 * 60 * 60 * 1000];

/// A message that has not reached its receiver for this long, in milliseconds, needs attention.
pub const DELIVER_ALARM_MS: i64 = 60 * 60 * 1000;

/// A seal that a party has not confirmed for this long, in milliseconds, needs attention.
pub const CONFIRM_ALARM_MS: i64 = 24 * 60 * 60 * 1000;
