//! The store of tests and of the simulator: ordered maps over encoded records, with faults on demand.
//!
//! It encodes and decodes every record as the disk does, so that a record that does not survive its bytes is found
//! here first. It must never be cleverer than the contract: what it forgives, the disk would not.
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::domain::annex::Annex;
use crate::domain::id::{Hash, NodeId, OrderId, Origin, StatementId};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::Signed;
use crate::protocol::record::{LogEntry, Record};
use crate::store::{Ended, Store, batch_bytes, gather};

/// How the next commit goes wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failure {
    /// `STORE_FAILED`, and the batch is not there after a restart.
    BeforePersist,
    /// `STORE_FAILED`, and the batch is there after a restart.
    AfterPersist,
    /// `STORE_FULL`: nothing is written and the store goes on.
    Full,
    /// `STORE_HANDLES`: likewise.
    NoHandles,
}

/// A store in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Encoded records: all that survives a crash, with what follows.
    records: Vec<Arc<[u8]>>,
    /// Where each batch begins in `records`.
    batches: Vec<usize>,
    /// The batch that was written before a failure said otherwise.
    unconfirmed: Vec<Arc<[u8]>>,
    /// Statement to index in `records`.
    statements: BTreeMap<StatementId, usize>,
    /// Order to indices in `records`, each once.
    orders: BTreeMap<OrderId, BTreeSet<usize>>,
    /// Log and index of a run's first entry, to index in `records`.
    runs: BTreeMap<(Origin, u64), usize>,
    /// Log and size of a witnessed checkpoint, to index in `records`.
    covers: BTreeMap<(Origin, u64), usize>,
    /// Whose deposit and which of them, to index in `records`.
    deposits: BTreeMap<(NodeId, u64), usize>,
    /// Annexes by hash.
    annexes: BTreeMap<Hash, Annex>,
    next_failure: Option<Failure>,
    is_full: bool,
    loads: u64,
    ended: Option<Ended>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets the next commit fail.
    pub fn fail_next(&self, failure: Failure) {
        self.state().next_failure = Some(failure);
    }

    /// Lets every commit and every look for room fail with `STORE_FULL`, or no more.
    pub fn set_full(&self, is_full: bool) {
        self.state().is_full = is_full;
    }

    /// How often it was read as a whole.
    pub fn loads(&self) -> u64 {
        self.state().loads
    }

    /// Kills the process that holds this store: it accepts nothing any more, and what was persisted comes back as a
    /// new store.
    pub fn crash(&self) -> Result<Self, Refusal> {
        self.state().ended = Some(Ended::Closed);
        self.backup()
    }

    /// A store with what is persisted by now.
    pub fn backup(&self) -> Result<Self, Refusal> {
        let state = self.state();
        let mut copy = State {
            records: state.records.clone(),
            batches: state.batches.clone(),
            statements: state.statements.clone(),
            orders: state.orders.clone(),
            runs: state.runs.clone(),
            covers: state.covers.clone(),
            deposits: state.deposits.clone(),
            annexes: state.annexes.clone(),
            ..State::default()
        };
        if !state.unconfirmed.is_empty() {
            copy.batches.push(copy.records.len());
        }
        for bytes in &state.unconfirmed {
            copy.keep(&Record::decode(bytes)?, bytes.clone());
        }
        Ok(Self { state: Mutex::new(copy) })
    }

    /// How many batches are persisted.
    pub fn batches(&self) -> usize {
        self.state().batches.len()
    }

    /// A store with what is left once these batches can no longer be read.
    pub fn rotten(&self, lost: Range<usize>) -> Result<Self, Refusal> {
        let state = self.state();
        let mut copy = State { annexes: state.annexes.clone(), ..State::default() };
        for (number, first) in state.batches.iter().enumerate().filter(|(number, _)| !lost.contains(number)) {
            copy.batches.push(copy.records.len());
            let end = state.batches.get(number + 1).copied().unwrap_or(state.records.len());
            for bytes in &state.records[*first..end] {
                copy.keep(&Record::decode(bytes)?, bytes.clone());
            }
        }
        Ok(Self { state: Mutex::new(copy) })
    }

    /// [`Store::load`], at once.
    pub fn load_now(&self, mut each: impl FnMut(Record) -> Result<(), Refusal>) -> Result<(), Refusal> {
        let records = {
            let mut state = self.state();
            Ended::check_write(state.ended)?;
            state.loads += 1;
            state.records.clone()
        };
        records.iter().try_for_each(|bytes| each(Record::decode(bytes)?))
    }

    /// [`Store::commit`], at once.
    pub fn commit_now(&self, batch: &[Record]) -> Result<(), Refusal> {
        let mut state = self.state();
        Ended::check_write(state.ended)?;
        let encoded: Vec<Arc<[u8]>> = batch.iter().map(|record| record.encode().into()).collect();
        if encoded.is_empty() {
            return Ok(());
        }
        batch_bytes(encoded.iter().map(|bytes| bytes.len()))?;
        let failure = state.next_failure.take().or(state.is_full.then_some(Failure::Full));
        match failure {
            Some(Failure::Full) => return Err(Refusal::new(Reason::StoreFull)),
            Some(Failure::NoHandles) => return Err(Refusal::new(Reason::StoreHandles)),
            Some(Failure::BeforePersist) => {}
            Some(Failure::AfterPersist) => state.unconfirmed = encoded,
            None => state.keep_batch(batch, encoded),
        }
        if failure.is_some() {
            state.ended = Some(Ended::Failed);
            return Err(Refusal::new(Reason::StoreFailed));
        }
        Ok(())
    }

    /// [`Store::statement`], at once.
    pub fn statement_now(&self, id: StatementId) -> Result<Option<Signed>, Refusal> {
        let state = self.state();
        Ended::check_read(state.ended)?;
        let Some(&index) = state.statements.get(&id) else { return Ok(None) };
        let record = Record::decode(&state.records[index])?;
        Ok(record.statements().find(|signed| signed.id() == id).cloned())
    }

    /// [`Store::order`], at once.
    pub fn order_now(&self, id: OrderId) -> Result<Vec<Record>, Refusal> {
        let state = self.state();
        Ended::check_read(state.ended)?;
        let found = state.orders.get(&id).into_iter().flatten();
        found.map(|index| Record::decode(&state.records[*index])).collect()
    }

    /// [`Store::entries`], at once.
    pub fn entries_now(
        &self,
        origin: &Origin,
        first: u64,
        count_max: usize,
        bytes_max: usize,
    ) -> Result<Vec<LogEntry>, Refusal> {
        let state = self.state();
        Ended::check_read(state.ended)?;
        gather(first, count_max, bytes_max, |index| state.run_at(origin, index))
    }

    /// [`Store::cover`], at once.
    pub fn cover_now(&self, origin: &Origin, index: u64) -> Result<Option<String>, Refusal> {
        let state = self.state();
        Ended::check_read(state.ended)?;
        let range = (origin.clone(), index.saturating_add(1))..=(origin.clone(), u64::MAX);
        let Some((_, &record)) = state.covers.range(range).next() else { return Ok(None) };
        match Record::decode(&state.records[record])? {
            Record::Cosigned { note, .. } => Ok(Some(note)),
            _ => Ok(None),
        }
    }

    /// [`Store::deposit`], at once.
    pub fn deposit_now(&self, of: &NodeId, number: u64) -> Result<Option<Vec<u8>>, Refusal> {
        let state = self.state();
        Ended::check_read(state.ended)?;
        let Some(&index) = state.deposits.get(&(of.clone(), number)) else { return Ok(None) };
        match Record::decode(&state.records[index])? {
            Record::Deposited { sealed, .. } => Ok(Some(sealed)),
            _ => Ok(None),
        }
    }

    /// [`Store::close`], at once.
    pub fn close_now(&self) {
        self.state().ended = Some(Ended::Closed);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no code panics while it holds the state")
    }
}

impl State {
    fn keep_batch(&mut self, batch: &[Record], encoded: Vec<Arc<[u8]>>) {
        self.batches.push(self.records.len());
        batch.iter().zip(encoded).for_each(|(record, bytes)| self.keep(record, bytes));
    }

    fn keep(&mut self, record: &Record, bytes: Arc<[u8]>) {
        let index = self.records.len();
        self.records.push(bytes);
        self.statements.extend(record.statements().map(|signed| (signed.id(), index)));
        for order in record.orders() {
            self.orders.entry(order).or_default().insert(index);
        }
        if let Record::Entries { origin, first, entries, .. } = record
            && !entries.is_empty()
        {
            // What stood behind was passed over, and comes again in runs that begin elsewhere.
            self.runs.retain(|(of, at), _| of != origin || at < first);
            self.runs.insert((origin.clone(), *first), index);
        }
        if let Some((origin, size)) = record.covers() {
            self.covers.insert((origin.clone(), size), index);
        }
        if let Some((of, number)) = record.deposit() {
            self.deposits.insert((of.clone(), number), index);
        }
    }

    fn run_at(&self, origin: &Origin, index: u64) -> Result<Option<(u64, Vec<LogEntry>)>, Refusal> {
        let range = (origin.clone(), 0)..=(origin.clone(), index);
        let Some((_, &record)) = self.runs.range(range).next_back() else { return Ok(None) };
        let Record::Entries { first, entries, .. } = Record::decode(&self.records[record])? else { return Ok(None) };
        Ok((index - first < entries.len() as u64).then_some((first, entries)))
    }
}

impl Store for MemoryStore {
    async fn try_room(&self) -> Result<(), Refusal> {
        if self.state().is_full { Err(Refusal::new(Reason::StoreFull)) } else { Ok(()) }
    }

    async fn load(&self, each: impl FnMut(Record) -> Result<(), Refusal> + Send) -> Result<(), Refusal> {
        self.load_now(each)
    }

    async fn commit(&self, batch: Vec<Record>) -> Result<(), Refusal> {
        self.commit_now(&batch)
    }

    async fn statement(&self, id: StatementId) -> Result<Option<Signed>, Refusal> {
        self.statement_now(id)
    }

    async fn order(&self, id: OrderId) -> Result<Vec<Record>, Refusal> {
        self.order_now(id)
    }

    async fn entries(
        &self,
        origin: &Origin,
        first: u64,
        count_max: usize,
        bytes_max: usize,
    ) -> Result<Vec<LogEntry>, Refusal> {
        self.entries_now(origin, first, count_max, bytes_max)
    }

    async fn cover(&self, origin: &Origin, index: u64) -> Result<Option<String>, Refusal> {
        self.cover_now(origin, index)
    }

    async fn deposit(&self, of: &NodeId, number: u64) -> Result<Option<Vec<u8>>, Refusal> {
        self.deposit_now(of, number)
    }

    async fn keep_annex(&self, annex: Annex) -> Result<(), Refusal> {
        let mut state = self.state();
        Ended::check_write(state.ended)?;
        state.annexes.insert(annex.id(), annex);
        Ok(())
    }

    async fn annex(&self, id: Hash) -> Result<Option<Annex>, Refusal> {
        let state = self.state();
        Ended::check_read(state.ended)?;
        Ok(state.annexes.get(&id).cloned())
    }

    async fn erase_annex(&self, id: Hash) -> Result<(), Refusal> {
        let mut state = self.state();
        Ended::check_write(state.ended)?;
        state.annexes.remove(&id);
        Ok(())
    }

    async fn close(&self) -> Result<(), Refusal> {
        self.close_now();
        Ok(())
    }
}
