//! The store on a machine's own disk: segments of records, and a sled index over them.
//!
//! ```text
//! <folder>/lock          held while a process uses the store
//! <folder>/records/      the truth: see `store::frames`; a backup is a copy of this folder
//! <folder>/confirmed     how far it was confirmed: see `store::marks`
//! <folder>/annexes/      see `store::annexes`; what can be erased, so a backup of it ends some day
//! <folder>/views/        the index: see `store::views`; may be deleted whenever no process uses the store
//! <folder>/views.trust   whether the index may be believed
//! ```
//!
//! Every function ending in `_now` blocks; the port runs them on a thread of the store's own, one after another, as its
//! only caller asks for them: what is encoded there reuses the memory of what was encoded before. This file must never
//! answer a read from views that miss a batch: if they fail they are written again, and if that fails the read is
//! refused.
use std::collections::BTreeSet;
use std::fs::{File, OpenOptions, TryLockError};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::domain::annex::Annex;
use crate::domain::body::Body;
use crate::domain::id::{Hash, NodeId, OrderId, Origin, StatementId};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::Signed;
use crate::protocol::overview::StoreCondition;
use crate::protocol::proving::{KeyRing, SignatureCheck};
use crate::protocol::record::{LogEntry, Record};
use crate::store::annexes::Annexes;
use crate::store::frames::{Batch, Hole, Place, Position};
use crate::store::holes::Holes;
use crate::store::marks::Marks;
use crate::store::medium::{Disk, Medium, refused, sync_folder};
use crate::store::reading::{Piece, Records};
use crate::store::segments::{SEGMENT_BYTES, Segments, Torn};
use crate::store::views::{Found, Views};
use crate::store::{Lost, Store, gather};

/// Lots prepared ahead of the consumer while loading, so that several cores are busy.
const LOTS_AHEAD: usize = 4;

/// Statements in a lot, more only if one batch has more: some milliseconds of work, beside which handing it over counts
/// for nothing. A busy node's batches are small.
const LOT_STATEMENTS: usize = 256;

/// Nothing to do for so long, and the marks are made durable: a busy store has better things to do, and its last batch is at
/// most this old.
const MARKS_WAIT: Duration = Duration::from_secs(1);

/// What tests set otherwise.
pub struct Options {
    /// Length from which a new segment is begun, in bytes.
    pub segment_bytes: u64,
    /// The disk.
    pub medium: Arc<dyn Medium>,
}

impl Default for Options {
    fn default() -> Self {
        Self { segment_bytes: SEGMENT_BYTES, medium: Arc::new(Disk) }
    }
}

/// What was found when the store was opened, for the log and for `doctor`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Opened {
    /// A batch that was being written when the process or the machine stopped, and is gone.
    pub torn: Option<Torn>,
    /// The state of the index.
    pub views: Found,
}

/// The store. Clones share one store; the last one to go releases the lock.
#[derive(Clone)]
pub struct DiskStore {
    inner: Arc<Inner>,
}

/// Something to do on the store's thread.
type Job = Box<dyn FnOnce() + Send>;

struct Inner {
    folder: PathBuf,
    records: Records,
    opened: Opened,
    /// To the store's thread, which ends when this is gone.
    jobs: std::sync::mpsc::Sender<Job>,
    /// Taken before `views` wherever both are held.
    segments: Mutex<Segments>,
    /// `None` after a fault, until the next read writes them again.
    views: RwLock<Option<Views>>,
    annexes: Annexes,
    rotten: Mutex<BTreeSet<u32>>,
    /// Told when something has rotted that is not passed over yet.
    rotted: Notify,
    /// What is passed over.
    holes: Mutex<Holes>,
    /// Declared last, so that it is released last.
    _lock: Lock,
}

/// The lock on the folder.
struct Lock(File);

impl Drop for Lock {
    /// A process that another thread is just starting holds a copy of every open file for a moment; closing ours would
    /// leave the lock with it.
    fn drop(&mut self) {
        // If it fails the file is closed all the same.
        let _ = self.0.unlock();
    }
}

impl DiskStore {
    /// Opens or creates the store in that folder. Blocks, for seconds if the index must be written again.
    pub fn open(folder: &Path) -> Result<Self, Refusal> {
        Self::open_with(folder, Options::default())
    }

    /// [`DiskStore::open`] with other options.
    pub fn open_with(folder: &Path, options: Options) -> Result<Self, Refusal> {
        std::fs::create_dir_all(folder).map_err(|error| refused(folder, &error))?;
        folder
            .parent()
            .filter(|parent| parent.is_dir())
            .map_or(Ok(()), sync_folder)
            .map_err(|e| refused(folder, &e))?;
        let lock = lock(folder)?;
        let marks = Arc::new(Marks::open(folder));
        let records = Records::new(folder.join("records"), options.medium, Arc::clone(&marks));
        let (segments, torn) = Segments::open(records.clone(), options.segment_bytes)?;
        let (views, found) = Views::open(folder, &records, segments.end())?;
        let opened = Opened { torn, views: found };
        let (annexes, holes) = (Annexes::open(folder.join("annexes"))?, Holes::read(folder));
        let (segments, views) = (Mutex::new(segments), RwLock::new(Some(views)));
        let jobs = store_thread(marks).map_err(|error| refused(folder, &error))?;
        let folder = folder.to_owned();
        Ok(Self {
            inner: Arc::new(Inner {
                folder,
                records,
                opened,
                jobs,
                segments,
                views,
                annexes,
                rotten: Mutex::default(),
                rotted: Notify::new(),
                holes: Mutex::new(holes),
                _lock: Lock(lock),
            }),
        })
    }

    /// What was found when it was opened.
    pub fn opened(&self) -> &Opened {
        &self.inner.opened
    }

    /// What is passed over, by a name that is another for other places; none if nothing is.
    pub fn holes(&self) -> Result<Option<Hash>, Refusal> {
        Ok(self.inner.holes()?.name())
    }

    /// [`Store::pass_over`], blocking.
    pub fn pass_over_now(&self) -> Result<Option<Lost>, Refusal> {
        let end = self.inner.segments()?.end();
        let (mut found, mut is_at_end) = (Holes::default(), false);
        self.inner.records.read_pieces(Position::START, end, |piece| {
            is_at_end = matches!(piece, Piece::Hole(_));
            if let Piece::Hole(hole) = piece {
                found.insert(hole);
            }
            Ok(())
        })?;
        let Some(places) = found.name() else { return Ok(None) };
        found.write(&self.inner.folder)?;
        // The index may name what is gone; the next read writes it again.
        self.inner.views_mut()?.take();
        Views::distrust(&self.inner.folder);
        *self.inner.holes()? = found;
        Ok(Some(Lost { places, is_at_end }))
    }

    /// Reads a few megabytes from a boundary on, so that what rots is noticed before somebody needs it; answers where to go on.
    pub fn look_over_now(&self, from: Position, bytes_max: u64) -> Result<Position, Refusal> {
        let end = self.inner.segments()?.end();
        let (next, holes) = self.inner.records.look_over(from, end, bytes_max)?;
        self.inner.rotten()?.extend(holes.iter().map(|hole| hole.segment));
        let known = self.inner.holes()?.clone();
        // What stands at the very end is still in memory; it waits until something stands behind it.
        let is_behind = |hole: &&Hole| (hole.segment, hole.offset + hole.bytes) < (end.segment, end.offset);
        if holes.iter().filter(is_behind).any(|hole| !known.contains(hole)) {
            self.inner.rotted.notify_one();
        }
        Ok(next)
    }

    /// Waits until something is noticed to have rotted that is not passed over yet.
    pub async fn rotted(&self) {
        self.inner.rotted.notified().await;
    }

    /// [`Store::load`], blocking.
    pub fn load_now(&self, mut each: impl FnMut(Record) -> Result<(), Refusal>) -> Result<(), Refusal> {
        self.inner.read_all(|batch| batch.decode()?.into_iter().try_for_each(&mut each))
    }

    /// [`Store::commit`], blocking.
    pub fn commit_now(&self, batch: &[Record]) -> Result<(), Refusal> {
        let mut segments = self.inner.segments()?;
        let Some(written) = segments.append(batch)? else { return Ok(()) };
        // The batch is durable from here on, so a fault of the index is no refusal: it only makes the next read write
        // the index again.
        if self.inner.index(batch, &written).is_err() {
            self.inner.views_mut()?.take();
            Views::distrust(&self.inner.folder);
        }
        Ok(())
    }

    /// [`Store::statement`], blocking.
    pub fn statement_now(&self, id: StatementId) -> Result<Option<Signed>, Refusal> {
        self.inner.with_views(|views| {
            let Some(place) = views.statement(id)? else { return Ok(None) };
            let record = self.inner.record(place)?;
            let signed = record.statements().find(|signed| signed.id() == id).cloned();
            signed.map(Some).ok_or_else(index_wrong)
        })
    }

    /// [`Store::order`], blocking.
    pub fn order_now(&self, id: OrderId) -> Result<Vec<Record>, Refusal> {
        self.inner.with_views(|views| {
            let read = |place| {
                let record = self.inner.record(place)?;
                let is_of_it = record.orders().any(|order| order == id);
                is_of_it.then_some(record).ok_or_else(index_wrong)
            };
            views.order(id)?.into_iter().map(read).collect()
        })
    }

    /// [`Store::entries`], blocking.
    pub fn entries_now(
        &self,
        origin: &Origin,
        first: u64,
        count_max: usize,
        bytes_max: usize,
    ) -> Result<Vec<LogEntry>, Refusal> {
        self.inner
            .with_views(|views| gather(first, count_max, bytes_max, |index| self.inner.run_at(views, origin, index)))
    }

    /// [`Store::cover`], blocking.
    pub fn cover_now(&self, origin: &Origin, index: u64) -> Result<Option<String>, Refusal> {
        self.inner.with_views(|views| {
            let Some(place) = views.cover(origin, index)? else { return Ok(None) };
            match self.inner.record(place)? {
                Record::Cosigned { note, .. } => Ok(Some(note)),
                _ => Err(index_wrong()),
            }
        })
    }

    /// [`Store::deposit`], blocking.
    pub fn deposit_now(&self, of: &NodeId, number: u64) -> Result<Option<Vec<u8>>, Refusal> {
        self.inner.with_views(|views| {
            let Some(place) = views.deposit(of, number)? else { return Ok(None) };
            match self.inner.record(place)? {
                Record::Deposited { of: found, number: numbered, sealed } if found == *of && numbered == number => {
                    Ok(Some(sealed))
                }
                _ => Err(index_wrong()),
            }
        })
    }

    /// Nothing is done with annexes after [`Store::close`].
    fn while_open<T>(&self, work: impl FnOnce(&Annexes) -> Result<T, Refusal>) -> Result<T, Refusal> {
        let segments = self.inner.segments()?;
        if segments.is_closed() {
            segments.check()?;
        }
        work(&self.inner.annexes)
    }

    /// [`Store::close`], blocking.
    pub fn close_now(&self) -> Result<(), Refusal> {
        self.inner.segments()?.close();
        let views = self.inner.views_mut()?.take();
        if let Some(views) = views {
            views.close();
        }
        Ok(())
    }
}

impl Inner {
    fn segments(&self) -> Result<MutexGuard<'_, Segments>, Refusal> {
        self.segments.lock().map_err(|_| panicked())
    }

    fn views(&self) -> Result<RwLockReadGuard<'_, Option<Views>>, Refusal> {
        self.views.read().map_err(|_| panicked())
    }

    fn views_mut(&self) -> Result<RwLockWriteGuard<'_, Option<Views>>, Refusal> {
        self.views.write().map_err(|_| panicked())
    }

    fn read_all(&self, mut each: impl FnMut(Batch) -> Result<(), Refusal>) -> Result<(), Refusal> {
        let end = {
            let segments = self.segments()?;
            segments.check()?;
            segments.end()
        };
        let known = self.holes()?.clone();
        self.records.read_pieces(Position::START, end, |piece| match piece {
            Piece::Batch(batch) => each(batch),
            Piece::Hole(hole) if known.contains(&hole) => {
                self.rotten()?.insert(hole.segment);
                Ok(())
            }
            Piece::Hole(hole) => Err(hole.refusal(self.records.folder())),
        })
    }

    fn index(&self, batch: &[Record], written: &Batch) -> Result<(), Refusal> {
        let views = self.views()?;
        let Some(views) = views.as_ref() else { return Ok(()) };
        for (record, (place, _)) in batch.iter().zip(written.places()) {
            views.index(record, place)?;
        }
        views.set_watermark(written.end())
    }

    /// Reads one record. One that has rotted costs whoever asks for it, and nobody else; one that is not where the index
    /// says is a fault of the index.
    fn record(&self, place: Place) -> Result<Record, Refusal> {
        match self.records.read_record(place) {
            Err(refusal) if refusal.reason == Reason::StoreDamaged => {
                let is_known = self.rotten()?.contains(&place.segment);
                if !is_known && !self.records.is_rotten(place)? {
                    return Err(index_wrong());
                }
                self.rotten()?.insert(place.segment);
                // The index names nothing that is passed over already.
                self.rotted.notify_one();
                Err(refusal)
            }
            other => other,
        }
    }

    fn holes(&self) -> Result<MutexGuard<'_, Holes>, Refusal> {
        self.holes.lock().map_err(|_| panicked())
    }

    /// Segments in which something is no longer what was confirmed.
    fn rotten(&self) -> Result<MutexGuard<'_, BTreeSet<u32>>, Refusal> {
        self.rotten.lock().map_err(|_| panicked())
    }

    fn run_at(&self, views: &Views, origin: &Origin, index: u64) -> Result<Option<(u64, Vec<LogEntry>)>, Refusal> {
        let Some(place) = views.run(origin, index)? else { return Ok(None) };
        match self.record(place)? {
            Record::Entries { origin: found, first, entries, .. } if found == *origin && first <= index => {
                Ok((index - first < entries.len() as u64).then_some((first, entries)))
            }
            _ => Err(index_wrong()),
        }
    }

    /// Reads through the views. If those are at fault they are written again from the records; then it is tried once more.
    /// A record that has rotted, or a system out of files, is no fault of theirs.
    fn with_views<T>(&self, read: impl Fn(&Views) -> Result<T, Refusal>) -> Result<T, Refusal> {
        if let Some(views) = self.views()?.as_ref() {
            match read(views) {
                Err(refusal) if is_of_index(&refusal) => {}
                answer => return answer,
            }
        }
        let segments = self.segments()?;
        if segments.is_closed() {
            segments.check()?;
        }
        let mut slot = self.views_mut()?;
        // Another reader may have done the work meanwhile.
        if let Some(views) = slot.as_ref() {
            match read(views) {
                Err(refusal) if is_of_index(&refusal) => {}
                answer => return answer,
            }
        }
        slot.take();
        let views = Views::rebuild(&self.folder, &self.records, segments.end())?;
        read(slot.insert(views))
    }
}

/// Batches that are prepared together.
#[derive(Default)]
struct Lot {
    records: Vec<Record>,
    statements: usize,
    /// Signatures of batches without marks.
    checks: Vec<SignatureCheck>,
    /// Statements of batches with marks, which their node recognises faster than anyone checks a signature.
    marked: Vec<Signed>,
}

impl Lot {
    fn add(&mut self, records: Vec<Record>, ring: &mut KeyRing) {
        let checks: Vec<SignatureCheck> = records.iter().flat_map(|record| ring.checks(record)).collect();
        let statements: Vec<&Signed> = records.iter().flat_map(Record::statements).collect();
        self.statements += statements.len();
        match records.iter().any(|record| matches!(record, Record::Checked(_))) {
            true => self.marked.extend(statements.into_iter().cloned()),
            false => self.checks.extend(checks),
        }
        self.records.extend(records);
    }

    /// Does what can be done before the records are read back.
    fn prepare(self) -> Vec<Record> {
        self.checks.iter().for_each(SignatureCheck::run);
        self.marked.iter().for_each(Body::read_ahead);
        self.records
    }
}

impl Store for DiskStore {
    async fn load(&self, mut each: impl FnMut(Record) -> Result<(), Refusal> + Send) -> Result<(), Refusal> {
        let (sender, mut receiver) = mpsc::channel::<JoinHandle<Vec<Record>>>(LOTS_AHEAD);
        let inner = self.inner.clone();
        let reading = spawn_blocking(move || {
            let (mut ring, mut lot) = (KeyRing::default(), Lot::default());
            let send = |lot: Lot| sender.blocking_send(spawn_blocking(|| lot.prepare())).map_err(|_| abandoned());
            let read = inner.read_all(|batch| {
                lot.add(batch.decode()?, &mut ring);
                if lot.statements < LOT_STATEMENTS { Ok(()) } else { send(std::mem::take(&mut lot)) }
            });
            // What was good before the fault is handed on.
            let sent = send(lot);
            read.and(sent)
        });
        let mut outcome = Ok(());
        while outcome.is_ok()
            && let Some(proven) = receiver.recv().await
        {
            let records = proven.await.map_err(|_| panicked());
            outcome = records.and_then(|records| records.into_iter().try_for_each(&mut each));
        }
        // Stops the reader if `each` refused; then its own refusal says only that.
        drop(receiver);
        let read = reading.await.map_err(|_| panicked())?;
        outcome.and(read)
    }

    async fn commit(&self, batch: Vec<Record>) -> Result<(), Refusal> {
        self.blocking(move |store| store.commit_now(&batch)).await
    }

    async fn statement(&self, id: StatementId) -> Result<Option<Signed>, Refusal> {
        self.blocking(move |store| store.statement_now(id)).await
    }

    async fn order(&self, id: OrderId) -> Result<Vec<Record>, Refusal> {
        self.blocking(move |store| store.order_now(id)).await
    }

    async fn entries(
        &self,
        origin: &Origin,
        first: u64,
        count_max: usize,
        bytes_max: usize,
    ) -> Result<Vec<LogEntry>, Refusal> {
        let origin = origin.clone();
        self.blocking(move |store| store.entries_now(&origin, first, count_max, bytes_max)).await
    }

    async fn cover(&self, origin: &Origin, index: u64) -> Result<Option<String>, Refusal> {
        let origin = origin.clone();
        self.blocking(move |store| store.cover_now(&origin, index)).await
    }

    async fn deposit(&self, of: &NodeId, number: u64) -> Result<Option<Vec<u8>>, Refusal> {
        let of = of.clone();
        self.blocking(move |store| store.deposit_now(&of, number)).await
    }

    async fn keep_annex(&self, annex: Annex) -> Result<(), Refusal> {
        self.blocking(move |store| store.while_open(|annexes| annexes.keep(&annex))).await
    }

    async fn annex(&self, id: Hash) -> Result<Option<Annex>, Refusal> {
        self.blocking(move |store| store.while_open(|annexes| annexes.read(&id))).await
    }

    async fn erase_annex(&self, id: Hash) -> Result<(), Refusal> {
        self.blocking(move |store| store.while_open(|annexes| annexes.erase(&id))).await
    }

    fn condition(&self) -> StoreCondition {
        let Opened { torn, views } = &self.inner.opened;
        StoreCondition {
            damaged_segments: self.inner.rotten().map(|rotten| rotten.iter().copied().collect()).unwrap_or_default(),
            holes: self.inner.holes().map_or(0, |holes| holes.len()),
            torn_bytes: torn.as_ref().map_or(0, |torn| torn.bytes),
            index_rebuilt: if let Found::Rebuilt { why } = views { Some(why.clone()) } else { None },
            only_reading: None,
            missing: 0,
        }
    }

    async fn try_room(&self) -> Result<(), Refusal> {
        self.blocking(|store| store.inner.segments()?.try_room()).await
    }

    async fn pass_over(&self) -> Result<Option<Lost>, Refusal> {
        self.blocking(|store| store.pass_over_now()).await
    }

    async fn close(&self) -> Result<(), Refusal> {
        self.blocking(|store| store.close_now()).await
    }
}

impl DiskStore {
    async fn blocking<T: Send + 'static>(
        &self,
        operation: impl FnOnce(Self) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let (store, (reply, answer)) = (self.clone(), oneshot::channel());
        let job = move || {
            // Whoever asked may have gone; what was begun is done all the same.
            let _ = reply.send(operation(store));
        };
        self.inner.jobs.send(Box::new(job)).map_err(|_| panicked())?;
        answer.await.map_err(|_| panicked())?
    }
}

/// Begins the thread on which a store works. A job that panics ends that job; the next read finds its lock poisoned. When
/// there is nothing to do for a while, the marks are made durable.
fn store_thread(marks: Arc<Marks>) -> std::io::Result<std::sync::mpsc::Sender<Job>> {
    let (jobs, asked) = std::sync::mpsc::channel::<Job>();
    let work = move || {
        loop {
            let job = match marks.is_unsynced() {
                true => asked.recv_timeout(MARKS_WAIT),
                false => asked.recv().map_err(RecvTimeoutError::from),
            };
            match job {
                Ok(job) => drop(catch_unwind(AssertUnwindSafe(job))),
                Err(RecvTimeoutError::Timeout) => marks.sync(),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    };
    std::thread::Builder::new().name("store".to_owned()).spawn(work)?;
    Ok(jobs)
}

fn lock(folder: &Path) -> Result<File, Refusal> {
    let path = folder.join("lock");
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(|error| refused(&path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Refusal::new(Reason::StoreLocked).with("file", path.display())),
        Err(TryLockError::Error(error)) => Err(refused(&path, &error)),
    }
}

fn panicked() -> Refusal {
    Refusal::new(Reason::StoreFailed).with("rule", "an earlier operation panicked")
}

fn abandoned() -> Refusal {
    Refusal::new(Reason::StoreFailed).with("rule", "the reader of the records stopped")
}

/// Whether a read failed because of the index, and will until it is written again.
fn is_of_index(refusal: &Refusal) -> bool {
    refusal.field("views").is_some() && !refusal.reason.is_passing_fault()
}

fn index_wrong() -> Refusal {
    Refusal::new(Reason::StoreFailed).with("views", "the index names another record")
}
