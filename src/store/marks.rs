//! How far each segment was confirmed, written elsewhere than what was confirmed: so the last batch of a segment can be told to
//! have rotted, where otherwise it would be taken for one that was never finished, and a segment that is gone is missed.
//!
//! ```text
//! <folder>/confirmed     for each segment, from the first: end u64 ‖ crc32(segment u32 ‖ end u64) u32 ‖ zeros   (16 bytes)
//! ```
//!
//! A mark is written after its batch is durable and never says more. It is itself made durable when nothing else is to be
//! done, so after a power cut only a batch of the last moment has none; what has no mark is judged by what lies behind it. Must
//! never refuse anything: a mark that cannot be written or read counts as none.
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::store::frames::Position;

const NAME: &str = "confirmed";
const MARK_BYTES: usize = 16;

/// Most bytes that are read: the marks of 65,536 segments, four terabytes of records.
const BYTES_MAX: u64 = 1024 * 1024;

/// The marks of a store.
#[derive(Default)]
pub struct Marks {
    held: Mutex<Held>,
    is_unsynced: AtomicBool,
}

#[derive(Default)]
struct Held {
    file: Option<File>,
    ends: BTreeMap<u32, u64>,
}

impl Marks {
    /// Those in a store's folder.
    pub fn open(folder: &Path) -> Self {
        let path = folder.join(NAME);
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).ok();
        let mut bytes = Vec::new();
        if let Some(file) = &mut file {
            // What was read before an error is whole marks, and at most one more.
            let _ = file.take(BYTES_MAX).read_to_end(&mut bytes);
        }
        let ends = (1..).zip(bytes.chunks_exact(MARK_BYTES)).filter_map(|(segment, mark)| {
            let end = u64::from_le_bytes(mark.get(..8)?.try_into().ok()?);
            (mark == mark_of(segment, end)).then_some((segment, end))
        });
        let ends = ends.collect();
        Self { held: Mutex::new(Held { file, ends }), is_unsynced: AtomicBool::new(false) }
    }

    /// Up to where a segment was confirmed.
    pub fn end_of(&self, segment: u32) -> Option<u64> {
        self.held().ends.get(&segment).copied()
    }

    /// The last segment in which something was confirmed.
    pub fn last(&self) -> Option<u32> {
        self.held().ends.keys().next_back().copied()
    }

    /// Everything before this boundary is durable.
    pub fn set(&self, end: Position) {
        let mut held = self.held();
        held.ends.insert(end.segment, end.offset);
        let at = u64::from(end.segment.saturating_sub(1)) * MARK_BYTES as u64;
        if let Some(file) = &mut held.file {
            let mark = mark_of(end.segment, end.offset);
            let written = file.seek(SeekFrom::Start(at)).and_then(|_| file.write_all(&mark));
            self.is_unsynced.store(written.is_ok(), Ordering::Release);
        }
    }

    /// Whether the newest marks would not survive a power cut.
    pub fn is_unsynced(&self) -> bool {
        self.is_unsynced.load(Ordering::Acquire)
    }

    /// Makes them survive one.
    pub fn sync(&self) {
        if self.is_unsynced.swap(false, Ordering::AcqRel)
            && let Some(file) = &self.held().file
        {
            let _ = file.sync_data();
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        // Whoever panicked has left a map of numbers.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn mark_of(segment: u32, end: u64) -> [u8; MARK_BYTES] {
    let mut mark = [0; MARK_BYTES];
    mark[..8].copy_from_slice(&end.to_le_bytes());
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&segment.to_le_bytes());
    hasher.update(&end.to_le_bytes());
    mark[8..12].copy_from_slice(&hasher.finalize().to_le_bytes());
    mark
}
