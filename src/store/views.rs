//! The index over the segments, in sled: which record holds a statement, which record holds an entry of a log.
//!
//! It is written behind the append and carries a watermark, the boundary after the last batch it knows. The ids of
//! statements are hashes, and adding each by itself would touch a page of the tree for each, so the newest are held in
//! memory and written together; the watermark moves when they are, and an opening reads them again. It must never
//! hold anything that is not in the segments: whenever it is missing, damaged, of another schema or not to be trusted,
//! the folder is removed and written again from the records. sled 0.34 syncs with `sync_file_range`, so after a power
//! cut its files may be anything; after a killed process they are sound. The file `views.trust` tells the two apart:
//! it names the boot of the machine during which sled was last open, or says that it was closed in peace.
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use crate::domain::id::{NodeId, OrderId, Origin, StatementId, sha256};
use crate::domain::reason::{Reason, Refusal};
use crate::protocol::record::Record;
use crate::store::frames::{Place, Position};
use crate::store::medium::{passing, refused, sync_folder};
use crate::store::reading::{Piece, Records};

/// Raised whenever keys or values change; other views are written again.
const SCHEMA: u32 = 6;
/// sled holds several times this in memory. The hot part of the index is small, and the system caches files as well.
const CACHE_BYTES: u64 = 2 * 1024 * 1024;
/// Statements and runs held in memory before they are written together: about 8 MB, and a quarter of a second to read
/// again after a kill.
const RECENT_MAX: usize = 65_536;
/// What is written together is laid out by the first bits of the id, so that a look reads a few kilobytes of each lot.
const BUCKET_BITS: u32 = 10;
/// An id and its place, as they lie in a bucket.
const FOUND_BYTES: usize = 32 + PLACE_BYTES;
const ORDER_BYTES: usize = 16 + PLACE_BYTES;
const PLACE_BYTES: usize = 20;
const RUN_KEY_BYTES: usize = 40;
const FOLDER: &str = "views";
const TRUST: &str = "views.trust";
const TRUST_CLEAN: &str = "clean";
/// A snapshot that a kill during the start left half written; sled takes it for the newest and refuses to open.
const SNAPSHOT_LEFTOVER: &str = ".generating";

/// How the views were found when the store was opened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Found {
    /// As they were, up to the last of these missing batches (usually none).
    Kept {
        /// Batches that had to be added.
        missing: u64,
    },
    /// They were written again from the records.
    Rebuilt {
        /// Why the old ones could not be used.
        why: String,
    },
}

/// What is written together, and the boundary after the last batch it came with.
#[derive(Default)]
struct Lot {
    number: u32,
    statements: BTreeMap<StatementId, Place>,
    /// Each order with the place of a record that holds something of it.
    orders: BTreeSet<[u8; ORDER_BYTES]>,
    runs: BTreeMap<[u8; RUN_KEY_BYTES], Place>,
    covers: BTreeMap<[u8; RUN_KEY_BYTES], Place>,
    deposits: BTreeMap<[u8; RUN_KEY_BYTES], Place>,
    after: Option<Position>,
}

impl Lot {
    fn len(&self) -> usize {
        self.statements.len() + self.orders.len() + self.runs.len() + self.covers.len() + self.deposits.len()
    }
}

/// The open index.
pub struct Views {
    /// The store's folder.
    store: PathBuf,
    db: sled::Db,
    /// Number of the lot, big-endian ‖ bucket, big-endian, to the ids in it, sorted, each with the place of the newest
    /// record that carries the statement.
    statements: sled::Tree,
    /// The same to the orders in it, sorted, each with the place of a record that holds something of it.
    orders: sled::Tree,
    /// The lot in the making.
    recent: Mutex<Lot>,
    /// SHA-256 of the origin's text ‖ index of the run's first entry, big-endian, to the place of its record.
    runs: sled::Tree,
    /// SHA-256 of the origin's text ‖ size of a witnessed checkpoint, big-endian, to the place of its record.
    covers: sled::Tree,
    /// SHA-256 of the depositor's name ‖ number of its parcel, big-endian, to the place of its record.
    deposits: sled::Tree,
    /// `schema` and `watermark`.
    meta: sled::Tree,
}

impl Views {
    /// Opens the views in the folder `store` and brings them up to `end`, the boundary after the last batch in the
    /// `records`.
    pub fn open(store: &Path, records: &Records, end: Position) -> Result<(Self, Found), Refusal> {
        let kept = Self::check_trust(store)
            .and_then(|()| {
                Self::set_trust(store, boot().as_deref().unwrap_or("unknown")).map_err(|refusal| refusal.to_string())
            })
            .and_then(|()| Self::open_kept(store, end))
            .and_then(|(views, from)| match views.catch_up(records, from, end) {
                Ok(missing) => Ok((views, Found::Kept { missing })),
                Err(refusal) => Err(refusal.to_string()),
            });
        match kept {
            Ok(kept) => Ok(kept),
            Err(why) => {
                let views = Self::rebuild(store, records, end)?;
                Ok((views, Found::Rebuilt { why }))
            }
        }
    }

    /// Removes what is there and writes the views from the records. The caller has dropped the old ones.
    pub fn rebuild(store: &Path, records: &Records, end: Position) -> Result<Self, Refusal> {
        Self::distrust(store);
        let folder = store.join(FOLDER);
        match std::fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(refused(&folder, &error)),
            _ => {}
        }
        let views = Self::open_sled(store)?;
        guarded(|| views.meta.insert("schema", &SCHEMA.to_le_bytes()))?;
        views.catch_up(records, Position::START, end)?;
        // Only complete views are trusted after a kill.
        Self::set_trust(store, boot().as_deref().unwrap_or("unknown"))?;
        Ok(views)
    }

    /// Adds one record.
    pub fn index(&self, record: &Record, place: Place) -> Result<(), Refusal> {
        let mut recent = self.recent()?;
        if let Record::Entries { origin, first, entries, .. } = record
            && !entries.is_empty()
        {
            self.drop_runs_behind(&mut recent, origin, *first)?;
            recent.runs.insert(run_key(origin, *first), place);
        }
        if let Some((origin, size)) = record.covers() {
            recent.covers.insert(run_key(origin, size), place);
        }
        if let Some((of, number)) = record.deposit() {
            recent.deposits.insert(numbered_key(of.as_str(), number), place);
        }
        recent.statements.extend(record.statements().map(|signed| (signed.id(), place)));
        recent.orders.extend(record.orders().map(|order| order_entry(order, place)));
        Ok(())
    }

    /// A log that goes on before its end does so because a part of it is lost: what stood behind was passed over and comes again, in
    /// runs that begin elsewhere.
    fn drop_runs_behind(&self, recent: &mut Lot, origin: &Origin, first: u64) -> Result<(), Refusal> {
        let Some(next) = first.checked_add(1) else { return Ok(()) };
        let behind = run_key(origin, next)..=run_key(origin, u64::MAX);
        let stale: Vec<_> = recent.runs.range(behind.clone()).map(|(key, _)| *key).collect();
        stale.iter().for_each(|key| _ = recent.runs.remove(key));
        guarded(|| {
            for key in self.runs.range(behind).keys() {
                self.runs.remove(key?)?;
            }
            Ok(())
        })
    }

    /// Notes that every batch before this boundary has been added.
    pub fn set_watermark(&self, after: Position) -> Result<(), Refusal> {
        let mut recent = self.recent()?;
        recent.after = Some(after);
        if recent.len() < RECENT_MAX { Ok(()) } else { self.write(&mut recent) }
    }

    /// Writes a lot, then its watermark. Lots follow one another in the tree, so writing costs the same however many
    /// there are.
    fn write(&self, lot: &mut Lot) -> Result<(), Refusal> {
        let Some(after) = lot.after.take() else { return Ok(()) };
        let mut buckets: BTreeMap<u16, Vec<u8>> = BTreeMap::new();
        for (id, place) in std::mem::take(&mut lot.statements) {
            let bucket = buckets.entry(bucket_of(&id.0)).or_default();
            bucket.extend_from_slice(&id.0);
            bucket.extend_from_slice(&place_bytes(place));
        }
        let mut orders: BTreeMap<u16, Vec<u8>> = BTreeMap::new();
        for entry in std::mem::take(&mut lot.orders) {
            orders.entry(bucket_of(&entry)).or_default().extend_from_slice(&entry);
        }
        let mut watermark = [0; 12];
        watermark[..4].copy_from_slice(&after.segment.to_le_bytes());
        watermark[4..].copy_from_slice(&after.offset.to_le_bytes());
        let (runs, covers) = (std::mem::take(&mut lot.runs), std::mem::take(&mut lot.covers));
        let deposits = std::mem::take(&mut lot.deposits);
        guarded(|| {
            for (bucket, found) in buckets {
                self.statements.insert(lot_key(lot.number, bucket), found)?;
            }
            for (bucket, found) in orders {
                self.orders.insert(lot_key(lot.number, bucket), found)?;
            }
            for (key, place) in runs {
                self.runs.insert(key, &place_bytes(place))?;
            }
            for (key, place) in covers {
                self.covers.insert(key, &place_bytes(place))?;
            }
            for (key, place) in deposits {
                self.deposits.insert(key, &place_bytes(place))?;
            }
            self.meta.insert("watermark", &watermark)
        })?;
        lot.number += 1;
        Ok(())
    }

    fn recent(&self) -> Result<MutexGuard<'_, Lot>, Refusal> {
        self.recent.lock().map_err(|_| Refusal::new(Reason::StoreFailed).with("views", "panic"))
    }

    /// The newest record that carries the statement.
    pub fn statement(&self, id: StatementId) -> Result<Option<Place>, Refusal> {
        let lots = {
            let recent = self.recent()?;
            if let Some(place) = recent.statements.get(&id) {
                return Ok(Some(*place));
            }
            recent.number
        };
        for lot in (0..lots).rev() {
            let bucket = guarded(|| self.statements.get(lot_key(lot, bucket_of(&id.0))))?;
            let found = bucket.iter().flat_map(|bucket| bucket.chunks_exact(FOUND_BYTES));
            if let Some(value) = found.filter_map(|found| found.strip_prefix(&id.0)).next() {
                return place_of(value).map(Some);
            }
        }
        Ok(None)
    }

    /// Every record that holds something of the order, in the order in which they were written. Each lot is looked at: a
    /// settled order is touched seldom, and years later.
    pub fn order(&self, id: OrderId) -> Result<Vec<Place>, Refusal> {
        let (lots, recent) = {
            let recent = self.recent()?;
            let edge = |fill: u8| {
                let mut entry = [fill; ORDER_BYTES];
                entry[..16].copy_from_slice(&id.0);
                entry
            };
            let range = edge(0)..=edge(u8::MAX);
            (recent.number, recent.orders.range(range).copied().collect::<Vec<_>>())
        };
        let mut places = BTreeMap::new();
        let mut add = |entry: &[u8]| -> Result<(), Refusal> {
            if let Some(value) = entry.strip_prefix(&id.0) {
                let place = place_of(value)?;
                places.insert((place.segment, place.offset), place);
            }
            Ok(())
        };
        for lot in 0..lots {
            let bucket = guarded(|| self.orders.get(lot_key(lot, bucket_of(&id.0))))?;
            bucket.iter().flat_map(|bucket| bucket.chunks_exact(ORDER_BYTES)).try_for_each(&mut add)?;
        }
        recent.iter().try_for_each(|entry| add(entry))?;
        Ok(places.into_values().collect())
    }

    /// The last run of the log that begins at or before `index`.
    pub fn run(&self, origin: &Origin, index: u64) -> Result<Option<Place>, Refusal> {
        let range = run_key(origin, 0)..=run_key(origin, index);
        // Runs of one log follow one another, so the recent ones come after the written ones.
        if let Some((_, place)) = self.recent()?.runs.range(range.clone()).next_back() {
            return Ok(Some(*place));
        }
        let found = guarded(|| self.runs.range(range).next_back().transpose())?;
        found.map(|(_, value)| place_of(&value)).transpose()
    }

    /// The record of the smallest witnessed checkpoint of the log that covers the entry at `index`.
    pub fn cover(&self, origin: &Origin, index: u64) -> Result<Option<Place>, Refusal> {
        let range = run_key(origin, index.saturating_add(1))..=run_key(origin, u64::MAX);
        // An earlier one may have come later than a newer one, so both are looked at.
        let recent = self.recent()?.covers.range(range.clone()).next().map(|(key, place)| (*key, *place));
        let written = guarded(|| self.covers.range(range).next().transpose())?;
        match (recent, written) {
            (Some((key, place)), Some((other, _))) if key[..] < other[..] => Ok(Some(place)),
            (Some((_, place)), None) => Ok(Some(place)),
            (_, Some((_, value))) => place_of(&value).map(Some),
            (None, None) => Ok(None),
        }
    }

    /// The record of a deposit.
    pub fn deposit(&self, of: &NodeId, number: u64) -> Result<Option<Place>, Refusal> {
        let key = numbered_key(of.as_str(), number);
        if let Some(place) = self.recent()?.deposits.get(&key) {
            return Ok(Some(*place));
        }
        guarded(|| self.deposits.get(key))?.map(|value| place_of(&value)).transpose()
    }

    /// Closes in peace. If that does not succeed the next start writes the views again, and nothing is lost.
    pub fn close(self) {
        let written = self.recent().and_then(|mut recent| self.write(&mut recent));
        let Self { store, db, statements, orders, runs, covers, deposits, meta, recent: _ } = self;
        let flushed = written.and_then(|()| guarded(|| db.flush()));
        drop((statements, orders, runs, covers, deposits, meta, db));
        let folder = store.join(FOLDER);
        if flushed.is_ok() && sync_files(&folder).is_ok() {
            // Failing to write it is the same as not trusting the views.
            let _ = Self::set_trust(&store, TRUST_CLEAN);
        }
    }

    /// Makes the next start write the views again.
    pub fn distrust(store: &Path) {
        // If even this fails, the next start meets the error that made somebody distrust the views, or notices it
        // when reading: every record is checked against the checksum in the index.
        let _ = std::fs::remove_file(store.join(TRUST));
    }

    fn check_trust(store: &Path) -> Result<(), String> {
        match std::fs::read_to_string(store.join(TRUST)) {
            Ok(text) if text == TRUST_CLEAN || Some(&text) == boot().as_ref() => Ok(()),
            Ok(_) => Err("the machine stopped while the store was open".to_owned()),
            Err(error) if error.kind() == ErrorKind::NotFound => Err("there were none".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    fn set_trust(store: &Path, text: &str) -> Result<(), Refusal> {
        let path = store.join(TRUST);
        File::create(&path)
            .and_then(|mut file| {
                file.write_all(text.as_bytes())?;
                file.sync_all()?;
                sync_folder(store)
            })
            .map_err(|error| refused(&path, &error))
    }

    /// The views as they are, and their watermark.
    fn open_kept(store: &Path, end: Position) -> Result<(Self, Position), String> {
        remove_leftovers(&store.join(FOLDER)).map_err(|error| error.to_string())?;
        let views = Self::open_sled(store).map_err(|refusal| refusal.to_string())?;
        let read = |name| guarded(|| views.meta.get(name)).map_err(|refusal| refusal.to_string());
        if read("schema")?.is_none_or(|value| value != SCHEMA.to_le_bytes()) {
            return Err("empty, or of another schema".to_owned());
        }
        let watermark = match read("watermark")? {
            Some(value) => position_of(&value).ok_or("unreadable watermark")?,
            None => Position::START,
        };
        if watermark > end { Err("ahead of the records".to_owned()) } else { Ok((views, watermark)) }
    }

    fn open_sled(store: &Path) -> Result<Self, Refusal> {
        guarded(|| {
            // Durability is the segments' business; without its own clock sled has no thread that wakes up.
            let config =
                sled::Config::new().path(store.join(FOLDER)).cache_capacity(CACHE_BYTES).flush_every_ms(None);
            let db = config.open()?;
            let statements = db.open_tree("statements")?;
            let orders = db.open_tree("orders")?;
            let number = |key: &sled::IVec| key.get(..4)?.try_into().ok().map(u32::from_be_bytes);
            let last = [statements.last()?, orders.last()?].into_iter().flatten().filter_map(|(key, _)| number(&key));
            let last = last.max();
            // A lot that a kill left half written lies behind the watermark and is written again as another.
            let recent = Lot { number: last.map_or(0, |last| last.saturating_add(1)), ..Lot::default() };
            Ok(Self {
                store: store.to_owned(),
                statements,
                orders,
                recent: Mutex::new(recent),
                runs: db.open_tree("entries")?,
                covers: db.open_tree("covers")?,
                deposits: db.open_tree("deposits")?,
                meta: db.open_tree("meta")?,
                db,
            })
        })
    }

    fn catch_up(&self, records: &Records, from: Position, end: Position) -> Result<u64, Refusal> {
        let mut count = 0;
        records.read_pieces(from, end, |piece| {
            // What is gone is not found.
            let Piece::Batch(batch) = piece else { return Ok(()) };
            for (record, (place, _)) in batch.decode()?.iter().zip(batch.places()) {
                self.index(record, place)?;
            }
            count += 1;
            self.set_watermark(batch.end())
        })?;
        Ok(count)
    }
}

/// sled panics where it finds its own files impossible. The views are thrown away after any error, so nothing half
/// done is seen.
fn guarded<T>(operation: impl FnOnce() -> sled::Result<T>) -> Result<T, Refusal> {
    let fault = |error: &str| Refusal::new(Reason::StoreFailed).with("views", error);
    match catch_unwind(AssertUnwindSafe(operation)) {
        Ok(Err(sled::Error::Io(error))) => {
            Err(Refusal::new(passing(&error).unwrap_or(Reason::StoreFailed)).with("views", error))
        }
        Ok(result) => result.map_err(|error| fault(&error.to_string())),
        Err(_) => Err(fault("panic")),
    }
}

/// Names this boot of the machine. Where the system does not tell, no unclean end is trusted.
fn boot() -> Option<String> {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(format!("open during {}", id.trim()))
}

fn remove_leftovers(folder: &Path) -> std::io::Result<()> {
    let items = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        items => items?,
    };
    for item in items {
        let path = item?.path();
        if path.to_str().is_some_and(|name| name.ends_with(SNAPSHOT_LEFTOVER)) {
            std::fs::remove_file(path)?;
        }
    }
    Ok(())
}

fn sync_files(folder: &Path) -> std::io::Result<()> {
    for item in std::fs::read_dir(folder)? {
        let path = item?.path();
        if path.is_dir() { sync_files(&path)? } else { File::open(path)?.sync_all()? }
    }
    sync_folder(folder)
}

fn run_key(origin: &Origin, first: u64) -> [u8; RUN_KEY_BYTES] {
    numbered_key(&origin.to_string(), first)
}

fn numbered_key(name: &str, number: u64) -> [u8; RUN_KEY_BYTES] {
    let mut key = [0; RUN_KEY_BYTES];
    key[..32].copy_from_slice(&sha256(name.as_bytes()));
    key[32..].copy_from_slice(&number.to_be_bytes());
    key
}

/// The bucket of an id, which is a hash.
fn bucket_of(id: &[u8]) -> u16 {
    let first = |at: usize| id.get(at).copied().unwrap_or(0);
    u16::from_be_bytes([first(0), first(1)]) >> (u16::BITS - BUCKET_BITS)
}

fn order_entry(order: OrderId, place: Place) -> [u8; ORDER_BYTES] {
    let mut entry = [0; ORDER_BYTES];
    entry[..16].copy_from_slice(&order.0);
    entry[16..].copy_from_slice(&place_bytes(place));
    entry
}

fn lot_key(number: u32, bucket: u16) -> [u8; 6] {
    let mut key = [0; 6];
    key[..4].copy_from_slice(&number.to_be_bytes());
    key[4..].copy_from_slice(&bucket.to_be_bytes());
    key
}

fn place_bytes(place: Place) -> [u8; PLACE_BYTES] {
    let mut bytes = [0; PLACE_BYTES];
    bytes[..4].copy_from_slice(&place.segment.to_le_bytes());
    bytes[4..12].copy_from_slice(&place.offset.to_le_bytes());
    bytes[12..16].copy_from_slice(&place.length.to_le_bytes());
    bytes[16..].copy_from_slice(&place.checksum.to_le_bytes());
    bytes
}

fn place_of(bytes: &[u8]) -> Result<Place, Refusal> {
    let number = |at: usize| bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes);
    let place = || {
        let offset = bytes.get(4..12)?.try_into().ok().map(u64::from_le_bytes)?;
        Some(Place { segment: number(0)?, offset, length: number(12)?, checksum: number(16)? })
    };
    place()
        .filter(|_| bytes.len() == PLACE_BYTES)
        .ok_or_else(|| Refusal::new(Reason::StoreFailed).with("views", "value"))
}

fn position_of(bytes: &[u8]) -> Option<Position> {
    let segment = u32::from_le_bytes(bytes.get(..4)?.try_into().ok()?);
    let offset = u64::from_le_bytes(bytes.get(4..)?.try_into().ok()?);
    Some(Position { segment, offset })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::signing::SecretKey;
    use crate::domain::statement::{Kind, Signed};
    use crate::log::leaf::{Audience, Leaf, NO_OUTCOME};
    use crate::protocol::record::LogEntry;

    fn signed(number: u64) -> Signed {
        Signed::sign(&Kind::Need, &serde_json::json!({ "number": number }), &[&SecretKey::from_seed(&[1; 32])])
    }

    fn place(offset: u64) -> Place {
        Place { segment: 1, offset, length: 7, checksum: 9 }
    }

    #[test]
    fn every_lot_is_searched_and_the_newest_place_wins() {
        let folder = tempfile::tempdir().expect("folder");
        let views = Views::open_sled(folder.path()).expect("open");
        let origin: Origin = "demo/log/kitu/1".parse().expect("origin");
        let entry = |number| {
            let signed = signed(number);
            LogEntry { leaf: Leaf::new(&signed, Audience::Public, NO_OUTCOME), statement: Some(signed) }
        };
        let check = |views: &Views| {
            for (number, offset) in [(0, 100), (1, 102), (2, 102), (3, 103)] {
                assert_eq!(views.statement(signed(number).id()).expect("read"), Some(place(offset)), "{number}");
            }
            assert_eq!(views.statement(signed(4).id()).expect("read"), None);
            for (index, offset) in [(0, 100), (1, 101), (2, 102), (9, 103)] {
                assert_eq!(views.run(&origin, index).expect("read"), Some(place(offset)), "{index}");
            }
        };
        for first in 0..4 {
            let record =
                Record::Entries { origin: origin.clone(), first, entries: vec![entry(first)], note: String::new() };
            views.index(&record, place(100 + first)).expect("index");
            if first == 2 {
                views.index(&Record::Kept(signed(1)), place(102)).expect("index");
            }
            views.set_watermark(Position { segment: 1, offset: first }).expect("watermark");
            // The last one stays in memory.
            if first < 3 {
                views.write(&mut views.recent().expect("lot")).expect("write");
            }
        }
        check(&views);
        views.close();
        let views = Views::open_sled(folder.path()).expect("open");
        check(&views);
        assert_eq!(views.recent().expect("lot").number, 4);
    }
}
