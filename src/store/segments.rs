//! Append-only segment files: the records themselves, in the order in which they were committed.
//!
//! A batch is synced before the next begins, and then marked (`store::marks`). A torn tail is cut off when the store is opened;
//! behind an end that was confirmed and cannot be read any more a new segment is begun. This file must never change a byte
//! of a confirmed frame and never look into a record.
use std::fs::{File, OpenOptions};
use std::io::{self, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::domain::reason::{Reason, Refusal};
use crate::protocol::record::Record;
use crate::store::Ended;
use crate::store::frames::{Batch, FORMAT_VERSION, HEADER_BYTES, Position, header, segment_path};
use crate::store::marks::Marks;
use crate::store::medium::{Medium, passing, refused, sync_folder};
use crate::store::reading::{Records, Tail, last_segment};

/// A segment that has reached this length is followed by a new one. Small enough to copy and to read at a start
/// without being noticed, large enough that ten million entries are a few hundred files.
pub const SEGMENT_BYTES: u64 = 64 * 1024 * 1024;

/// With which file it is tried whether there is room, and how long it is: twice what a node commits at once.
const ROOM: &str = "room";
const ROOM_BYTES: usize = 4 * 1024 * 1024;

/// What was cut off when the store was opened: at most one batch, which nobody was told was stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Torn {
    /// The segment.
    pub file: PathBuf,
    /// Where the file ends now.
    pub offset: u64,
    /// How many bytes were cut off.
    pub bytes: u64,
}

/// The writer: the last segment, open at its end.
pub struct Segments {
    folder: PathBuf,
    medium: Arc<dyn Medium>,
    marks: Arc<Marks>,
    segment_bytes: u64,
    file: File,
    end: Position,
    /// Format version of the last segment.
    version: u32,
    ended: Option<Ended>,
}

impl Segments {
    /// Opens the folder, or begins it. A torn tail is cut off. The last batch is written again with the same bytes and
    /// synced: its process may have died before the sync, or the sync may have failed, after which the system takes
    /// the pages for clean and another sync alone would not bring them to the disk.
    pub fn open(records: Records, segment_bytes: u64) -> Result<(Self, Option<Torn>), Refusal> {
        let folder = &records.folder;
        std::fs::create_dir_all(folder).map_err(|error| refused(folder, &error))?;
        let segment = last_segment(folder)?.max(records.marks.last()).unwrap_or(1);
        let tail = Tail::find(&records, segment)?;
        let (path, medium) = (segment_path(folder, segment), &*records.medium);
        let (end, file) = if tail.is_lost {
            let next = segment.saturating_add(1);
            (Position::start_of(next), begin(folder, medium, next))
        } else {
            (Position { segment, offset: tail.end }, confirm(&path, medium, &tail))
        };
        let file = file.map_err(|error| refused(&segment_path(folder, end.segment), &error))?;
        [Some(&**folder), folder.parent()]
            .into_iter()
            .flatten()
            .try_for_each(sync_folder)
            .map_err(|error| refused(folder, &error))?;
        records.marks.set(end);
        let torn = (tail.torn > 0).then_some(Torn { file: path, offset: tail.end, bytes: tail.torn });
        let Records { folder, medium, marks } = records;
        Ok((Self { folder, medium, marks, segment_bytes, file, end, version: tail.version, ended: None }, torn))
    }

    /// The boundary after the last confirmed batch.
    pub fn end(&self) -> Position {
        self.end
    }

    /// Appends one batch and syncs it; `None` for an empty one.
    pub fn append(&mut self, records: &[Record]) -> Result<Option<Batch>, Refusal> {
        self.check()?;
        if records.is_empty() {
            return Ok(None);
        }
        let is_done = self.end.offset >= self.segment_bytes || self.version < FORMAT_VERSION;
        let begins = is_done && self.end.offset > HEADER_BYTES as u64;
        let at = if begins { Position::start_of(self.end.segment + 1) } else { self.end };
        // Before a segment is begun for it: what is too large changes nothing.
        let batch = Batch::new(at, records)?;
        if begins {
            self.begin_segment()?;
        }
        self.write(&batch.frame)?;
        self.medium.sync(&self.file).map_err(|error| self.failed(&error))?;
        self.end = batch.end();
        self.marks.set(self.end);
        Ok(Some(batch))
    }

    /// Whether there would be room for a batch, tried with a file of its own: a batch that is thought about and then not stored
    /// costs its node reading everything again.
    pub fn try_room(&mut self) -> Result<(), Refusal> {
        self.check()?;
        let path = self.folder.join(ROOM);
        let tried = File::create(&path).and_then(|mut file| {
            self.medium.write(&mut file, &vec![0; ROOM_BYTES])?;
            self.medium.sync(&file)
        });
        // One that stays behind is written over by the next try.
        let _ = std::fs::remove_file(&path);
        tried.map_err(|error| refused(&path, &error))
    }

    /// Refuses once a commit has failed or the store was closed.
    pub fn check(&self) -> Result<(), Refusal> {
        Ended::check_write(self.ended)
    }

    /// Whether [`Segments::close`] was called.
    pub fn is_closed(&self) -> bool {
        self.ended == Some(Ended::Closed)
    }

    /// Accepts nothing any more. Every confirmed batch is on the disk already.
    pub fn close(&mut self) {
        self.ended = Some(Ended::Closed);
        self.marks.sync();
    }

    /// Writes a frame at the end. After a full disk everything is as before, and after no other error.
    fn write(&mut self, frame: &[u8]) -> Result<(), Refusal> {
        let written =
            self.file.seek(SeekFrom::Start(self.end.offset)).and_then(|_| self.medium.write(&mut self.file, frame));
        let Err(error) = written else { return Ok(()) };
        // A medium that takes nothing cannot be cut either; what it took before is written over by the next batch.
        let is_undone =
            |reason| reason == Reason::StoreReadOnly || self.medium.truncate(&self.file, self.end.offset).is_ok();
        if passing(&error).is_some_and(is_undone) {
            return Err(refused(&segment_path(&self.folder, self.end.segment), &error));
        }
        Err(self.failed(&error))
    }

    /// Begins the next segment. On a full disk its file is removed again.
    fn begin_segment(&mut self) -> Result<(), Refusal> {
        let start = Position::start_of(self.end.segment + 1);
        let path = segment_path(&self.folder, start.segment);
        let begun = begin(&self.folder, &*self.medium, start.segment);
        match begun {
            Ok(file) => {
                self.file = file;
                self.end = start;
                self.version = FORMAT_VERSION;
                // Nothing is written behind the former segment any more that would tell its last batch from a torn one.
                self.marks.sync();
                Ok(())
            }
            Err(error) if passing(&error).is_some() && (std::fs::remove_file(&path).is_ok() || !path.exists()) => {
                Err(refused(&path, &error))
            }
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// After this nobody knows what the file holds, so nothing is appended to it any more.
    fn failed(&mut self, error: &io::Error) -> Refusal {
        self.ended = Some(Ended::Failed);
        let path = segment_path(&self.folder, self.end.segment);
        Refusal::new(Reason::StoreFailed).with("file", path.display()).with("error", error)
    }
}

/// The file of a new segment, with its header.
fn begin(folder: &Path, medium: &dyn Medium, segment: u32) -> io::Result<File> {
    let path = segment_path(folder, segment);
    let mut file = OpenOptions::new().read(true).write(true).create_new(true).open(path)?;
    medium.write(&mut file, &header(segment))?;
    medium.sync(&file)?;
    sync_folder(folder).map(|()| file)
}

/// The file of the last segment, with nothing behind its good part, and that on the disk.
fn confirm(path: &Path, medium: &dyn Medium, tail: &Tail) -> io::Result<File> {
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
    medium.truncate(&file, tail.end)?;
    file.seek(SeekFrom::Start(tail.end - tail.last.len() as u64))?;
    medium.write(&mut file, &tail.last)?;
    medium.sync(&file).map(|()| file)
}
