//! The index over the segments, in sled: which record holds a statement, which record holds an entry of a log.
//!
//! It is written behind the append and carries a watermark, the boundary after the last batch it knows. It must never
//! hold anything that is not in the segments: whenever it is missing, damaged, of another schema or not to be trusted,
//! the folder is removed and written again from the records. sled 0.34 syncs with `sync_file_range`, so after a power
//! cut its files may be anything; after a killed process they are sound. The file `views.trust` tells the two apart:
//! it names the boot of the machine during which sled was last open, or says that it was closed in peace.
use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use crate::domain::id::{Origin, StatementId, sha256};
use crate::domain::reason::{Reason, Refusal};
use crate::protocol::record::Record;
use crate::store::segments::{Place, Position, is_full, read_batches, refused, sync_folder};

/// Raised whenever keys or values change; other views are written again.
const SCHEMA: u32 = 1;
/// sled holds several times this in memory. The hot part of the index is small, and the system caches files as well.
const CACHE_BYTES: u64 = 8 * 1024 * 1024;
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

/// The open index.
pub struct Views {
    /// The store's folder.
    store: PathBuf,
    db: sled::Db,
    /// Statement id to the place of the newest record that carries it.
    statements: sled::Tree,
    /// SHA-256 of the origin's text ‖ index of the run's first entry, big-endian, to the place of its record.
    runs: sled::Tree,
    /// `schema` and `watermark`.
    meta: sled::Tree,
}

impl Views {
    /// Opens the views in the folder `store` and brings them up to `end`, the boundary after the last batch in the
    /// folder `records`.
    pub fn open(store: &Path, records: &Path, end: Position) -> Result<(Self, Found), Refusal> {
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
    pub fn rebuild(store: &Path, records: &Path, end: Position) -> Result<Self, Refusal> {
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
        let value = place_bytes(place);
        guarded(|| {
            if let Record::Entries { origin, first, entries, .. } = record
                && !entries.is_empty()
            {
                self.runs.insert(run_key(origin, *first), &value)?;
            }
            for signed in record.statements() {
                self.statements.insert(signed.id().0, &value)?;
            }
            Ok(())
        })
    }

    /// Notes that every batch before this boundary has been added.
    pub fn set_watermark(&self, after: Position) -> Result<(), Refusal> {
        let mut value = [0; 12];
        value[..4].copy_from_slice(&after.segment.to_le_bytes());
        value[4..].copy_from_slice(&after.offset.to_le_bytes());
        guarded(|| self.meta.insert("watermark", &value)).map(|_| ())
    }

    /// The newest record that carries the statement.
    pub fn statement(&self, id: StatementId) -> Result<Option<Place>, Refusal> {
        guarded(|| self.statements.get(id.0))?.map(|value| place_of(&value)).transpose()
    }

    /// The last run of the log that begins at or before `index`.
    pub fn run(&self, origin: &Origin, index: u64) -> Result<Option<Place>, Refusal> {
        let range = run_key(origin, 0)..=run_key(origin, index);
        let found = guarded(|| self.runs.range(range).next_back().transpose())?;
        found.map(|(_, value)| place_of(&value)).transpose()
    }

    /// Closes in peace. If that does not succeed the next start writes the views again, and nothing is lost.
    pub fn close(self) {
        let Self { store, db, statements, runs, meta } = self;
        let flushed = guarded(|| db.flush());
        drop((statements, runs, meta, db));
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
            Ok(Self {
                store: store.to_owned(),
                statements: db.open_tree("statements")?,
                runs: db.open_tree("entries")?,
                meta: db.open_tree("meta")?,
                db,
            })
        })
    }

    fn catch_up(&self, records: &Path, from: Position, end: Position) -> Result<u64, Refusal> {
        let mut count = 0;
        read_batches(records, from, end, |batch| {
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
        Ok(Err(sled::Error::Io(error))) if is_full(&error) => {
            Err(Refusal::new(Reason::StoreFull).with("views", error))
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

fn run_key(origin: &Origin, first: u64) -> [u8; 40] {
    let mut key = [0; 40];
    key[..32].copy_from_slice(&sha256(origin.to_string().as_bytes()));
    key[32..].copy_from_slice(&first.to_be_bytes());
    key
}

fn place_bytes(place: Place) -> [u8; 20] {
    let mut bytes = [0; 20];
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
    place().filter(|_| bytes.len() == 20).ok_or_else(|| Refusal::new(Reason::StoreFailed).with("views", "value"))
}

fn position_of(bytes: &[u8]) -> Option<Position> {
    let segment = u32::from_le_bytes(bytes.get(..4)?.try_into().ok()?);
    let offset = u64::from_le_bytes(bytes.get(4..)?.try_into().ok()?);
    Some(Position { segment, offset })
}
