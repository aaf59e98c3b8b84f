//! Floor 3: memory that survives. The log of records is the truth; whatever else lies on the disk is its index.
//!
//! A store appends batches of records, gives all of them back in order at the start, and finds single statements and
//! runs of log entries again, so that replication is served from the disk instead of from memory. It must never hold
//! a rule (who may write what, which entry follows which, which signature counts) and never know protobuf: it takes
//! what the protocol decided and keeps it.
//!
//! # The contract
//!
//! Every implementation keeps these sentences, and one suite (`tests/it/store_contract.rs`) checks all of them:
//!
//! 1. **All or none.** After [`Store::commit`] either all records of the batch exist or none, whatever happens.
//! 2. **Durable.** When the future of `commit` resolves to `Ok`, the batch survives a power cut (`fdatasync`, or what
//!    the database calls its equivalent), not only a killed process.
//! 3. **Ordered, single writer.** Commits are applied one after another, and `load` repeats them in that order.
//!    Dropping the future of a `commit` does not undo it.
//! 4. **Exclusive.** If someone else holds the store, opening it is refused with `STORE_LOCKED`.
//! 5. **An error is not a no.** `STORE_FULL`, and `INTERNAL` for a batch over [`BATCH_BYTES_MAX`], say that nothing was
//!    written and the store goes on. After any other error the caller does not know whether the batch exists: the store
//!    refuses further commits and loads, the caller must stop, open it again and start from `load`.
//! 6. **Reads see every committed batch**, and never one that is not durable. If several records carry a statement of
//!    one id, the newest is found. A read that cannot keep this is refused; it never answers from an old state.
//!
//! 7. **Annexes can go.** They lie beside the records and `load` gives none of them. After [`Store::keep_annex`] one survives
//!    a power cut as a batch does; after [`Store::erase_annex`] its bytes are in no file of the store any more. What was
//!    erased may be kept again: whether it may is the caller's question.
//!
//! The caller keeps the `Entries` records of one origin contiguous and in order; `entries` relies on it. A record is
//! read whole to serve a part of it, so a few hundred entries make a good record.
//!
//! # Another implementation: a PostgreSQL-wire database shared by several processes
//!
//! Not built, and nothing here may make it impossible. A table `records (position bigserial primary key, bytes bytea)`
//! takes the place of the segments, with the same bytes per record; a batch is one transaction, and its commit is
//! sentences 1 and 2. The views (`statements`, `orders`, `entries`, `covers`, `deposits`) are tables written in the same transaction, so they need no
//! watermark. Sentence 3 holds across processes through a lease: one row `(holder, token, until)`, taken by raising the
//! token; every transaction begins by locking that row and comparing the token it was given (a fencing token). Who lost
//! the lease gets `STORE_STALE` and must load again from the position it had read; who never had it gets `STORE_LOCKED`.
//! Readers without the lease may call `statement` and `entries`.
use crate::domain::annex::Annex;
use crate::domain::id::{Hash, NodeId, OrderId, Origin, StatementId};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::Signed;
use crate::log::leaf::LEAF_BYTES;
use crate::protocol::overview::StoreCondition;
use crate::protocol::record::{LogEntry, Record};

#[cfg(feature = "node")]
pub mod annexes;
#[cfg(feature = "node")]
pub mod disk;
pub mod frames;
#[cfg(feature = "node")]
pub mod holes;
pub mod marks;
pub mod medium;
pub mod memory;
pub mod reading;
pub mod segments;
#[cfg(feature = "node")]
pub mod views;

/// Most bytes of one encoded batch: 4, and per record 4 and its bytes. Large enough for some ten thousand entries behind one sync, small enough that a
/// batch fits into memory several times while a node starts.
pub const BATCH_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What a store has lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lost {
    /// A name of the places, another for other places.
    pub places: Hash,
    /// Whether what was stored last is among it, of which nobody else may have heard.
    pub is_at_end: bool,
}

/// The port. See the room for its contract.
pub trait Store: Send + Sync + 'static {
    /// Gives every record of every committed batch to `each`, in order, without holding all of them in memory. Stops
    /// at the first refusal of `each` and returns it. Batches committed after the call began may be missing.
    fn load(
        &self,
        each: impl FnMut(Record) -> Result<(), Refusal> + Send,
    ) -> impl Future<Output = Result<(), Refusal>> + Send;

    /// Appends a batch; an empty one does nothing. Sentences 1, 2, 3 and 5.
    fn commit(&self, batch: Vec<Record>) -> impl Future<Output = Result<(), Refusal>> + Send;

    /// The statement of that id as the newest record carries it.
    fn statement(&self, id: StatementId) -> impl Future<Output = Result<Option<Signed>, Refusal>> + Send;

    /// Every record that holds something of an order ([`Record::orders`]), in the order in which they were committed.
    fn order(&self, id: OrderId) -> impl Future<Output = Result<Vec<Record>, Refusal>> + Send;

    /// The entries of a log from index `first` on, without gaps: at most `count_max`, and no more than fit into
    /// `bytes_max` by [`entry_bytes`], but always the first one if it exists and `count_max` is not zero.
    fn entries(
        &self,
        origin: &Origin,
        first: u64,
        count_max: usize,
        bytes_max: usize,
    ) -> impl Future<Output = Result<Vec<LogEntry>, Refusal>> + Send;

    /// The smallest witnessed checkpoint kept of a log that covers the entry at `index`, as a signed note.
    fn cover(&self, origin: &Origin, index: u64) -> impl Future<Output = Result<Option<String>, Refusal>> + Send;

    /// What that node has deposited here as its parcel of that number.
    fn deposit(&self, of: &NodeId, number: u64) -> impl Future<Output = Result<Option<Vec<u8>>, Refusal>> + Send;

    /// Keeps an annex under its hash. Sentence 7.
    fn keep_annex(&self, annex: Annex) -> impl Future<Output = Result<(), Refusal>> + Send;

    /// The annex with that hash, if it is here.
    fn annex(&self, id: Hash) -> impl Future<Output = Result<Option<Annex>, Refusal>> + Send;

    /// Removes an annex; does nothing if it is not here. Sentence 7.
    fn erase_annex(&self, id: Hash) -> impl Future<Output = Result<(), Refusal>> + Send;

    /// What the store has found out about itself.
    fn condition(&self) -> StoreCondition {
        StoreCondition::default()
    }

    /// Whether a batch would find room, tried without one.
    fn try_room(&self) -> impl Future<Output = Result<(), Refusal>> + Send {
        async { Ok(()) }
    }

    /// Passes over what can no longer be read: from then on `load` gives everything else, where it was refused with
    /// `STORE_DAMAGED` before. None if there is nothing of that kind.
    fn pass_over(&self) -> impl Future<Output = Result<Option<Lost>, Refusal>> + Send {
        async { Ok(None) }
    }

    /// Ends the use of the store: everything but another `close` is refused afterwards. A store that was not closed
    /// has lost nothing; its next start may take longer.
    fn close(&self) -> impl Future<Output = Result<(), Refusal>> + Send;
}

/// A store that others may look at while a driver uses it, as tests do.
impl<S: Store> Store for std::sync::Arc<S> {
    fn load(
        &self,
        each: impl FnMut(Record) -> Result<(), Refusal> + Send,
    ) -> impl Future<Output = Result<(), Refusal>> + Send {
        self.as_ref().load(each)
    }

    fn commit(&self, batch: Vec<Record>) -> impl Future<Output = Result<(), Refusal>> + Send {
        self.as_ref().commit(batch)
    }

    fn statement(&self, id: StatementId) -> impl Future<Output = Result<Option<Signed>, Refusal>> + Send {
        self.as_ref().statement(id)
    }

    fn order(&self, id: OrderId) -> impl Future<Output = Result<Vec<Record>, Refusal>> + Send {
        self.as_ref().order(id)
    }

    fn entries(
        &self,
        origin: &Origin,
        first: u64,
        count_max: usize,
        bytes_max: usize,
    ) -> impl Future<Output = Result<Vec<LogEntry>, Refusal>> + Send {
        self.as_ref().entries(origin, first, count_max, bytes_max)
    }

    fn cover(&self, origin: &Origin, index: u64) -> impl Future<Output = Result<Option<String>, Refusal>> + Send {
        self.as_ref().cover(origin, index)
    }

    fn deposit(&self, of: &NodeId, number: u64) -> impl Future<Output = Result<Option<Vec<u8>>, Refusal>> + Send {
        self.as_ref().deposit(of, number)
    }

    fn keep_annex(&self, annex: Annex) -> impl Future<Output = Result<(), Refusal>> + Send {
        self.as_ref().keep_annex(annex)
    }

    fn annex(&self, id: Hash) -> impl Future<Output = Result<Option<Annex>, Refusal>> + Send {
        self.as_ref().annex(id)
    }

    fn erase_annex(&self, id: Hash) -> impl Future<Output = Result<(), Refusal>> + Send {
        self.as_ref().erase_annex(id)
    }

    fn condition(&self) -> StoreCondition {
        self.as_ref().condition()
    }

    fn try_room(&self) -> impl Future<Output = Result<(), Refusal>> + Send {
        self.as_ref().try_room()
    }

    fn pass_over(&self) -> impl Future<Output = Result<Option<Lost>, Refusal>> + Send {
        self.as_ref().pass_over()
    }

    fn close(&self) -> impl Future<Output = Result<(), Refusal>> + Send {
        self.as_ref().close()
    }
}

/// What an entry counts against `bytes_max`: leaf, signed bytes, and 96 bytes per signature with its key hash.
pub fn entry_bytes(entry: &LogEntry) -> usize {
    let statement = entry.statement.as_ref();
    LEAF_BYTES + statement.map_or(0, |signed| signed.pae().len() + 96 * signed.signatures().len())
}

/// Gathers entries over consecutive records. `run_at` answers an index with the run that contains it: the index of its
/// first entry, and its entries.
pub fn gather(
    first: u64,
    count_max: usize,
    bytes_max: usize,
    mut run_at: impl FnMut(u64) -> Result<Option<(u64, Vec<LogEntry>)>, Refusal>,
) -> Result<Vec<LogEntry>, Refusal> {
    let (mut found, mut bytes) = (Vec::new(), 0_usize);
    while found.len() < count_max {
        let Some(index) = first.checked_add(found.len() as u64) else { break };
        let Some((run_first, run)) = run_at(index)? else { break };
        let skipped = usize::try_from(index - run_first).unwrap_or(usize::MAX);
        for entry in run.into_iter().skip(skipped) {
            bytes += entry_bytes(&entry);
            let too_many = found.len() == count_max || (bytes > bytes_max && !found.is_empty());
            if too_many {
                return Ok(found);
            }
            found.push(entry);
        }
    }
    Ok(found)
}

/// The bytes of a batch of records of these lengths, if it is not too large.
fn batch_bytes(lengths: impl Iterator<Item = usize>) -> Result<usize, Refusal> {
    check_batch(lengths.fold(4_usize, |sum, length| sum.saturating_add(4).saturating_add(length)))
}

/// The bytes of a batch, if it is not too large.
fn check_batch(bytes: usize) -> Result<usize, Refusal> {
    if bytes <= BATCH_BYTES_MAX {
        return Ok(bytes);
    }
    Err(Refusal::new(Reason::Bug).with("batch_bytes", bytes).with("limit", BATCH_BYTES_MAX))
}

/// Why an opened store accepts nothing any more (sentence 5, and `close`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ended {
    /// A commit failed and nobody knows how far it got.
    Failed,
    /// It was closed.
    Closed,
}

impl Ended {
    fn check_write(ended: Option<Self>) -> Result<(), Refusal> {
        let state = match ended {
            None => return Ok(()),
            Some(Self::Failed) => "an earlier commit failed",
            Some(Self::Closed) => "closed",
        };
        Err(Refusal::new(Reason::StoreFailed).with("state", state))
    }

    /// Reads go on after a failed commit: they show what was confirmed before it.
    fn check_read(ended: Option<Self>) -> Result<(), Refusal> {
        Self::check_write(ended.filter(|&ended| ended == Self::Closed))
    }
}
