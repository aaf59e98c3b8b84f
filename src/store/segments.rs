//! Append-only segment files: the records themselves, in the order in which they were committed.
//!
//! ```text
//! records/00000001.seg   header, then frames
//! header   "VRBSEG\r\n" ‖ format version u32 ‖ segment number u32                      (16 bytes, little-endian)
//! frame    length u32 ‖ crc32(segment u32 ‖ offset u64 ‖ length u32 ‖ payload) u32 ‖ payload of that length
//! payload  one batch: count u32, then per record its length u32 and its bytes (`protocol::record`)
//! ```
//!
//! The checksum covers the place of the frame, so bytes are a frame only where they were written as one. A batch is
//! synced before the next begins; hence only the last frame of the last segment can be half there. A bad frame with
//! nothing good behind it is such a torn tail and is cut off when the store is opened; every other bad frame was once
//! confirmed, and that is `STORE_DAMAGED` with file and offset. This file must never change a byte of a confirmed
//! frame and never look into a record.
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::domain::reason::{Reason, Refusal};
use crate::protocol::record::Record;
use crate::store::{BATCH_BYTES_MAX, Ended, check_batch};

/// A segment that has reached this length is followed by a new one. Small enough to copy and to read at a start
/// without being noticed, large enough that ten million entries are a few hundred files.
pub const SEGMENT_BYTES: u64 = 64 * 1024 * 1024;

const MAGIC: [u8; 8] = *b"VRBSEG\r\n";
/// Raised with every change to frames and with every new kind of record. A segment keeps the version it was begun with
/// and holds nothing newer, so an older program refuses what it cannot read.
///
/// 2: forks and cursors. 4: contents that came back, marks, bridges, deposits. No 3, of which one flipped bit makes a 2.
const FORMAT_VERSION: u32 = 4;
/// The oldest version that is still read.
const FORMAT_VERSION_MIN: u32 = 1;
const HEADER_BYTES: usize = 16;
/// With which file it is tried whether there is room, and how long it is: twice what a node commits at once.
const ROOM: &str = "room";
const ROOM_BYTES: usize = 4 * 1024 * 1024;
const FRAME_HEAD_BYTES: usize = 8;

/// What a segment asks of the disk, so that tests can let each of it fail.
pub trait Medium: Send {
    /// Writes all bytes at the file's cursor.
    fn write(&mut self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        file.write_all(bytes)
    }

    /// Makes what was written survive a power cut.
    fn sync(&mut self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    /// Cuts the file to that length.
    fn truncate(&mut self, file: &File, length: u64) -> io::Result<()> {
        file.set_len(length)
    }
}

/// The machine's own disk.
#[derive(Debug)]
pub struct Disk;

impl Medium for Disk {}

/// A boundary between batches.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Position {
    /// Number of the segment, from 1.
    pub segment: u32,
    /// Bytes from the start of its file.
    pub offset: u64,
}

impl Position {
    /// Before the first batch.
    pub const START: Self = Self::start_of(1);

    const fn start_of(segment: u32) -> Self {
        Self { segment, offset: HEADER_BYTES as u64 }
    }
}

/// Where one record's bytes lie, with their CRC-32: enough to read this record alone and to notice damage.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// Number of the segment.
    pub segment: u32,
    /// Bytes from the start of its file.
    pub offset: u64,
    /// Length in bytes.
    pub length: u32,
    /// CRC-32 (ISO-HDLC) of the bytes.
    pub checksum: u32,
}

/// One batch as it lies in a segment.
pub struct Batch {
    at: Position,
    frame: Vec<u8>,
    /// The records' ranges within `frame`.
    spans: Vec<Range<usize>>,
}

impl Batch {
    /// The boundary after this batch.
    pub fn end(&self) -> Position {
        Position { offset: self.at.offset + self.frame.len() as u64, ..self.at }
    }

    /// Its length in the file.
    pub fn bytes(&self) -> u64 {
        self.frame.len() as u64
    }

    /// Every record's place and bytes.
    pub fn places(&self) -> impl Iterator<Item = (Place, &[u8])> {
        self.spans.iter().map(|span| {
            let bytes = &self.frame[span.clone()];
            let place = Place {
                segment: self.at.segment,
                offset: self.at.offset + span.start as u64,
                length: u32::try_from(bytes.len()).expect("a frame is smaller than 4 GiB"),
                checksum: crc32fast::hash(bytes),
            };
            (place, bytes)
        })
    }

    /// The records.
    pub fn decode(&self) -> Result<Vec<Record>, Refusal> {
        self.places().map(|(place, bytes)| decode(place, bytes)).collect()
    }

    fn new(at: Position, records: &[Record]) -> Result<Self, Refusal> {
        let mut frame = vec![0; FRAME_HEAD_BYTES];
        frame.extend_from_slice(&length_bytes(records.len()));
        let mut spans = Vec::with_capacity(records.len());
        for record in records {
            let start = frame.len() + 4;
            frame.extend_from_slice(&[0; 4]);
            frame = record.encode_into(frame);
            check_batch(frame.len() - FRAME_HEAD_BYTES)?;
            let length = length_bytes(frame.len() - start);
            frame[start - 4..start].copy_from_slice(&length);
            spans.push(start..frame.len());
        }
        let (head, payload) = frame.split_at_mut(FRAME_HEAD_BYTES);
        head[..4].copy_from_slice(&length_bytes(payload.len()));
        head[4..].copy_from_slice(&frame_checksum(at, payload).to_le_bytes());
        Ok(Self { at, frame, spans })
    }
}

fn length_bytes(length: usize) -> [u8; 4] {
    u32::try_from(length).expect("everything in a frame is bounded far below 4 GiB").to_le_bytes()
}

fn number_at(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes: [u8; 4] = bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
    usize::try_from(u32::from_le_bytes(bytes)).ok()
}

fn frame_checksum(at: Position, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&at.segment.to_le_bytes());
    hasher.update(&at.offset.to_le_bytes());
    hasher.update(&length_bytes(payload.len()));
    hasher.update(payload);
    hasher.finalize()
}

/// The records' ranges in the frame at the start of `bytes`, if there is a good one. The shape is checked before the
/// checksum, which makes trying every offset of a torn tail cheap.
fn frame_spans(at: Position, bytes: &[u8]) -> Option<Vec<Range<usize>>> {
    let end = FRAME_HEAD_BYTES + number_at(bytes, 0)?;
    let checksum = number_at(bytes, 4)?;
    let frame = bytes.get(..end)?;
    let count = number_at(frame, FRAME_HEAD_BYTES)?;
    let (mut spans, mut cursor) = (Vec::new(), FRAME_HEAD_BYTES + 4);
    for _ in 0..count {
        let start = cursor + 4;
        let span = start..start + number_at(frame, cursor)?;
        frame.get(span.clone())?;
        cursor = span.end;
        spans.push(span);
    }
    let sound = cursor == end && count > 0 && frame_checksum(at, &frame[FRAME_HEAD_BYTES..]) as usize == checksum;
    sound.then_some(spans)
}

/// Bytes of a segment that are no longer what was confirmed; what was in them is gone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Hole {
    /// Number of the segment.
    pub segment: u32,
    /// Where it begins.
    pub offset: u64,
    /// How long it is.
    pub bytes: u64,
}

impl Hole {
    /// The refusal of whoever does not pass over it.
    pub fn refusal(self, folder: &Path) -> Refusal {
        let refusal = damaged(&segment_path(folder, self.segment), self.offset);
        if self.offset == 0 { refusal.with("rule", "header") } else { refusal }
    }
}

/// What stands in a segment, one after the other.
pub enum Piece {
    /// A batch.
    Batch(Batch),
    /// Where one was, or several.
    Hole(Hole),
}

/// Where the first good frame begins behind the one at the start of these bytes: where that one says that it ends, if its length
/// is still right, else wherever there is one.
fn next_frame(at: Position, rest: &[u8]) -> Option<usize> {
    let is_good = |skipped: usize| {
        let at = Position { offset: at.offset + skipped as u64, ..at };
        rest.get(skipped..).is_some_and(|rest| frame_spans(at, rest).is_some())
    };
    let claimed = number_at(rest, 0).and_then(|length| length.checked_add(FRAME_HEAD_BYTES));
    claimed.filter(|end| is_good(*end)).or_else(|| (1..rest.len()).find(|skipped| is_good(*skipped)))
}

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
    medium: Box<dyn Medium>,
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
    pub fn open(
        folder: &Path,
        segment_bytes: u64,
        mut medium: Box<dyn Medium>,
    ) -> Result<(Self, Option<Torn>), Refusal> {
        std::fs::create_dir_all(folder).map_err(|error| refused(folder, &error))?;
        let segment = last_segment(folder)?.unwrap_or(1);
        let path = segment_path(folder, segment);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|error| refused(&path, &error))?;
        let tail = Tail::find(folder, segment)?;
        let length = tail.end - tail.last.len() as u64;
        let confirmed = medium
            .truncate(&file, tail.end)
            .and_then(|()| file.seek(SeekFrom::Start(length)))
            .and_then(|_| medium.write(&mut file, &tail.last))
            .and_then(|()| medium.sync(&file))
            .and_then(|()| sync_folder(folder))
            .and_then(|()| folder.parent().map_or(Ok(()), sync_folder));
        confirmed.map_err(|error| refused(&path, &error))?;
        let end = Position { segment, offset: tail.end };
        let torn = (tail.torn > 0).then_some(Torn { file: path, offset: tail.end, bytes: tail.torn });
        let version = tail.version;
        Ok((Self { folder: folder.to_owned(), medium, segment_bytes, file, end, version, ended: None }, torn))
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
        let begun = OpenOptions::new().read(true).write(true).create_new(true).open(&path).and_then(|mut file| {
            self.medium.write(&mut file, &header(start.segment))?;
            self.medium.sync(&file)?;
            sync_folder(&self.folder).map(|()| file)
        });
        match begun {
            Ok(file) => {
                self.file = file;
                self.end = start;
                self.version = FORMAT_VERSION;
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

/// The end of the last segment as it was found.
struct Tail {
    /// Where the good part ends.
    end: u64,
    /// The last good bytes before `end`: a frame, or the header.
    last: Vec<u8>,
    /// How many bytes lie behind `end`.
    torn: u64,
    /// Format version. A segment without frames is begun anew with its header.
    version: u32,
}

impl Tail {
    fn find(folder: &Path, segment: u32) -> Result<Self, Refusal> {
        let path = segment_path(folder, segment);
        let header = header(segment);
        let length = std::fs::metadata(&path).map_err(|error| refused(&path, &error))?.len();
        if length <= HEADER_BYTES as u64 {
            let bytes = std::fs::read(&path).map_err(|error| refused(&path, &error))?;
            // The header is synced before the first frame, so a file without frames may have been cut short in it.
            if bytes.len() < HEADER_BYTES || bytes.iter().all(|&byte| byte == 0) {
                return Ok(Self {
                    end: HEADER_BYTES as u64,
                    last: header.to_vec(),
                    torn: length,
                    version: FORMAT_VERSION,
                });
            }
        }
        let (mut reader, _) = SegmentReader::open(folder, Position::start_of(segment), None)?;
        let (mut last, mut version) = (header.to_vec(), FORMAT_VERSION);
        loop {
            match reader.next_batch() {
                Ok(Some(batch)) => (last, version) = (batch.frame, reader.version),
                Ok(None) => return Ok(Self { end: length, last, torn: 0, version }),
                Err(damaged) if damaged.reason == Reason::StoreDamaged => {
                    let at = reader.at;
                    let rest = reader.rest()?;
                    let torn = rest.len() as u64;
                    let more = (1..rest.len()).any(|skipped| {
                        let at = Position { offset: at.offset + skipped as u64, ..at };
                        frame_spans(at, &rest[skipped..]).is_some()
                    });
                    if more {
                        // Something behind it was confirmed after it, so it was confirmed too.
                        reader.pass_over()?;
                        continue;
                    }
                    let one_batch = torn <= (FRAME_HEAD_BYTES + BATCH_BYTES_MAX) as u64;
                    return if one_batch { Ok(Self { end: at.offset, last, torn, version }) } else { Err(damaged) };
                }
                Err(refusal) => return Err(refusal),
            }
        }
    }
}

/// Reads one segment frame by frame; holds one frame at a time.
struct SegmentReader {
    path: PathBuf,
    file: BufReader<File>,
    at: Position,
    /// Where to stop.
    end: u64,
    version: u32,
}

impl SegmentReader {
    /// Begins at `from`, a boundary, and reads up to `end`, or to the end of the file. Says whether the header is damaged.
    fn open(folder: &Path, from: Position, end: Option<u64>) -> Result<(Self, Option<Hole>), Refusal> {
        let path = segment_path(folder, from.segment);
        let open = || -> io::Result<(File, u64, Vec<u8>)> {
            let mut file = File::open(&path)?;
            let length = file.metadata()?.len();
            let mut found = Vec::with_capacity(HEADER_BYTES);
            (&mut file).take(HEADER_BYTES as u64).read_to_end(&mut found)?;
            file.seek(SeekFrom::Start(from.offset))?;
            Ok((file, length, found))
        };
        let (file, length, found) = open().map_err(|error| match error.kind() {
            ErrorKind::NotFound => damaged(&path, 0).with("rule", "segment is missing"),
            _ => refused(&path, &error),
        })?;
        let end = end.unwrap_or(length);
        let (version, hole) = match check_header(&found, from.segment, &path) {
            Err(refusal) if refusal.reason == Reason::StoreDamaged => {
                (FORMAT_VERSION, Some(Hole { segment: from.segment, offset: 0, bytes: HEADER_BYTES as u64 }))
            }
            version => (version?, None),
        };
        if from.offset > end || end > length {
            return Err(damaged(&path, length).with("rule", "segment is too short"));
        }
        Ok((Self { path, file: BufReader::new(file), at: from, end, version }, hole))
    }

    fn next_piece(&mut self) -> Result<Option<Piece>, Refusal> {
        match self.next_batch() {
            Err(refusal) if refusal.reason == Reason::StoreDamaged => Ok(Some(Piece::Hole(self.pass_over()?))),
            batch => Ok(batch?.map(Piece::Batch)),
        }
    }

    /// Goes on behind a bad frame: with the next good one, else at the end.
    fn pass_over(&mut self) -> Result<Hole, Refusal> {
        let (at, mut rest) = (self.at, Vec::new());
        let mut read = |file: &mut BufReader<File>| {
            file.seek(SeekFrom::Start(at.offset))?;
            file.take(self.end - at.offset).read_to_end(&mut rest)
        };
        read(&mut self.file).map_err(|error| refused(&self.path, &error))?;
        let bytes = next_frame(at, &rest).unwrap_or(rest.len()) as u64;
        self.at.offset += bytes;
        let at_next = SeekFrom::Start(self.at.offset);
        self.file.seek(at_next).map_err(|error| refused(&self.path, &error))?;
        Ok(Hole { segment: at.segment, offset: at.offset, bytes })
    }

    fn next_batch(&mut self) -> Result<Option<Batch>, Refusal> {
        let left = self.end - self.at.offset;
        if left == 0 {
            return Ok(None);
        }
        let mut frame = vec![0; FRAME_HEAD_BYTES];
        if left < FRAME_HEAD_BYTES as u64 {
            return Err(self.damaged());
        }
        self.fill(&mut frame)?;
        let length = number_at(&frame, 0).unwrap_or(usize::MAX);
        if length > BATCH_BYTES_MAX || (FRAME_HEAD_BYTES + length) as u64 > left {
            return Err(self.damaged());
        }
        frame.resize(FRAME_HEAD_BYTES + length, 0);
        self.fill(&mut frame[FRAME_HEAD_BYTES..])?;
        let Some(spans) = frame_spans(self.at, &frame) else { return Err(self.damaged()) };
        let batch = Batch { at: self.at, frame, spans };
        self.at = batch.end();
        Ok(Some(batch))
    }

    /// All bytes from the bad frame on, as far as one torn batch could reach and one byte more.
    fn rest(&mut self) -> Result<Vec<u8>, Refusal> {
        let mut rest = Vec::new();
        let limit = (FRAME_HEAD_BYTES + BATCH_BYTES_MAX + 1) as u64;
        self.file
            .seek(SeekFrom::Start(self.at.offset))
            .and_then(|_| (&mut self.file).take(limit).read_to_end(&mut rest))
            .map_err(|error| refused(&self.path, &error))?;
        Ok(rest)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Refusal> {
        self.file.read_exact(bytes).map_err(|error| refused(&self.path, &error))
    }

    fn damaged(&self) -> Refusal {
        damaged(&self.path, self.at.offset)
    }
}

/// How much lies in a folder of records.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Extent {
    /// The boundary after the last good batch.
    pub end: Position,
    /// The bytes of all segments.
    pub bytes: u64,
}

/// How much lies in a folder, without changing anything there. What follows the last good batch is one that was being
/// written, or is being written now.
pub fn extent(folder: &Path) -> Result<Extent, Refusal> {
    let segment = last_segment(folder)?.ok_or_else(|| damaged(folder, 0).with("rule", "segment is missing"))?;
    let end = Position { segment, offset: Tail::find(folder, segment)?.end };
    let mut bytes = 0;
    for number in 1..=segment {
        let path = segment_path(folder, number);
        bytes += std::fs::metadata(&path).map_err(|error| refused(&path, &error))?.len();
    }
    Ok(Extent { end, bytes })
}

/// Gives every batch between two boundaries to `each`, in order, one at a time; refuses damage.
pub fn read_batches(
    folder: &Path,
    from: Position,
    to: Position,
    mut each: impl FnMut(Batch) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    read_pieces(folder, from, to, |piece| match piece {
        Piece::Batch(batch) => each(batch),
        Piece::Hole(hole) => Err(hole.refusal(folder)),
    })
}

/// The same with whatever is damaged.
pub fn read_pieces(
    folder: &Path,
    from: Position,
    to: Position,
    mut each: impl FnMut(Piece) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    for segment in from.segment..=to.segment {
        let start = if segment == from.segment { from } else { Position::start_of(segment) };
        let end = (segment == to.segment).then_some(to.offset);
        let (mut reader, header) = SegmentReader::open(folder, start, end)?;
        header.map_or(Ok(()), |hole| each(Piece::Hole(hole)))?;
        while let Some(piece) = reader.next_piece()? {
            each(piece)?;
        }
    }
    Ok(())
}

/// Looks through a few megabytes from a boundary on: where to go on, and what is damaged. After the end it begins again.
pub fn look_over(
    folder: &Path,
    from: Position,
    to: Position,
    bytes_max: u64,
) -> Result<(Position, Vec<Hole>), Refusal> {
    let end = (from.segment >= to.segment).then_some(to.offset);
    let (mut reader, header) = SegmentReader::open(folder, from, end)?;
    let mut holes: Vec<Hole> = header.into_iter().collect();
    while reader.at.offset - from.offset < bytes_max {
        match reader.next_piece()? {
            Some(Piece::Batch(_)) => {}
            Some(Piece::Hole(hole)) => holes.push(hole),
            None if from.segment < to.segment => return Ok((Position::start_of(from.segment + 1), holes)),
            None => return Ok((Position::START, holes)),
        }
    }
    Ok((reader.at, holes))
}

/// Reads one record alone.
pub fn read_record(folder: &Path, place: Place) -> Result<Record, Refusal> {
    let path = segment_path(folder, place.segment);
    let mut bytes = Vec::new();
    File::open(&path)
        .and_then(|mut file| {
            file.seek(SeekFrom::Start(place.offset))?;
            file.take(u64::from(place.length)).read_to_end(&mut bytes)
        })
        .map_err(|error| refused(&path, &error))?;
    if bytes.len() != place.length as usize || crc32fast::hash(&bytes) != place.checksum {
        return Err(damaged(&path, place.offset));
    }
    decode(place, &bytes)
}

/// Whether a record cannot be read because its frame, or one before it in the segment, is no longer what was confirmed. Else
/// whoever named the place is wrong.
pub fn is_rotten(folder: &Path, place: Place) -> Result<bool, Refusal> {
    let look = || -> Result<(), Refusal> {
        let (mut reader, header) = SegmentReader::open(folder, Position::start_of(place.segment), None)?;
        header.map_or(Ok(()), |hole| Err(hole.refusal(folder)))?;
        while reader.at.offset <= place.offset && reader.next_batch()?.is_some() {}
        Ok(())
    };
    match look() {
        Err(refusal) if refusal.reason == Reason::StoreDamaged => Ok(true),
        other => other.map(|()| false),
    }
}

/// A record whose checksum is right and which still cannot be read was written by a program with a bug, or by a newer
/// one that forgot to say so in the header.
fn decode(place: Place, bytes: &[u8]) -> Result<Record, Refusal> {
    let refuse = |refusal: Refusal| {
        let damaged = Refusal::new(Reason::StoreDamaged).with("segment", place.segment).with("offset", place.offset);
        damaged.with("record", refusal)
    };
    Record::decode(bytes).map_err(refuse)
}

/// The refusal for an error of the file system.
pub fn refused(path: &Path, error: &io::Error) -> Refusal {
    Refusal::new(reason_of(error)).with("file", path.display()).with("error", error)
}

/// Makes the names in a folder survive a power cut.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    // Other systems cannot open a folder as a file, and sync names with the files.
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Too many open files, in this process (`EMFILE`) and in the whole system (`ENFILE`); the standard library has no kind for
/// them.
const NO_HANDLES: [i32; 2] = [24, 23];

fn reason_of(error: &io::Error) -> Reason {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Reason::StoreFull,
        ErrorKind::ReadOnlyFilesystem => Reason::StoreReadOnly,
        _ if cfg!(unix) && error.raw_os_error().is_some_and(|code| NO_HANDLES.contains(&code)) => {
            Reason::StoreHandles
        }
        _ => Reason::StoreFailed,
    }
}

/// What is to be said of an error after which nothing is broken: room or a file would have helped.
pub fn passing(error: &io::Error) -> Option<Reason> {
    Some(reason_of(error)).filter(|reason| reason.is_passing_fault())
}

fn damaged(path: &Path, offset: u64) -> Refusal {
    Refusal::new(Reason::StoreDamaged).with("file", path.display()).with("offset", offset)
}

fn segment_path(folder: &Path, segment: u32) -> PathBuf {
    folder.join(format!("{segment:08}.seg"))
}

fn header(segment: u32) -> [u8; HEADER_BYTES] {
    header_of(FORMAT_VERSION, segment)
}

fn header_of(version: u32, segment: u32) -> [u8; HEADER_BYTES] {
    let mut bytes = [0; HEADER_BYTES];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..12].copy_from_slice(&version.to_le_bytes());
    bytes[12..].copy_from_slice(&segment.to_le_bytes());
    bytes
}

/// The format version of a segment that this program can read.
fn check_header(found: &[u8], segment: u32, path: &Path) -> Result<u32, Refusal> {
    if let Some(version) = (FORMAT_VERSION_MIN..=FORMAT_VERSION).find(|version| found == header_of(*version, segment))
    {
        return Ok(version);
    }
    match number_at(found, 8) {
        Some(version) if found.starts_with(&MAGIC) && version > FORMAT_VERSION as usize => {
            Err(Refusal::new(Reason::StoreTooNew).with("file", path.display()).with("version", version))
        }
        _ => Err(damaged(path, 0).with("rule", "header")),
    }
}

/// The highest segment number. All lower ones must be there: a gap is lost data. Other files are left alone.
fn last_segment(folder: &Path) -> Result<Option<u32>, Refusal> {
    let mut numbers = Vec::new();
    for item in std::fs::read_dir(folder).map_err(|error| refused(folder, &error))? {
        let item = item.map_err(|error| refused(folder, &error))?;
        let number = item.file_name().to_str().and_then(|name| name.strip_suffix(".seg")?.parse::<u32>().ok());
        numbers.extend(number.filter(|&number| item.path() == segment_path(folder, number)));
    }
    numbers.sort_unstable();
    for (number, expected) in numbers.iter().zip(1..) {
        if *number != expected {
            return Err(damaged(&segment_path(folder, expected), 0).with("rule", "segment is missing"));
        }
    }
    Ok(numbers.last().copied())
}
