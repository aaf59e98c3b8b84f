//! Reading segments back, around whatever cannot be read any more: bytes that have changed, that the disk does not give back, or
//! that are gone with their file. All of them are holes.
//!
//! A batch is synced before the next begins; hence only the last frame of the last segment can be half there. A bad frame
//! with nothing good behind it and without a mark is such a torn tail; every other bad frame was once confirmed, and that
//! is `STORE_DAMAGED` with file and offset. This file must never change a byte.
use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::domain::reason::{Reason, Refusal};
use crate::protocol::record::Record;
use crate::store::BATCH_BYTES_MAX;
use crate::store::frames::{
    Batch, FORMAT_VERSION, FRAME_HEAD_BYTES, HEADER_BYTES, Hole, Place, Position, check_header, damaged, decode,
    frame_spans, header, next_frame, number_at, segment_path,
};
use crate::store::marks::Marks;
use crate::store::medium::{Disk, Medium, is_unreadable, refused};

/// What a disk gives back or not as a whole.
const BLOCK_BYTES: u64 = 4096;

/// Most bytes asked of the disk at once while reading around a place.
const PIECE_BYTES: usize = 64 * 1024;

/// Most blocks of a segment that are tried one by one: a disk that is dying takes seconds for each. What follows counts as lost.
const UNREADABLE_MAX: usize = 64;

/// What stands in a segment, one after the other.
pub enum Piece {
    /// A batch.
    Batch(Batch),
    /// Where one was, or several.
    Hole(Hole),
}

/// The folder of records, for whoever reads it.
#[derive(Clone)]
pub struct Records {
    pub(super) folder: PathBuf,
    pub(super) medium: Arc<dyn Medium>,
    pub(super) marks: Arc<Marks>,
}

impl Records {
    /// That folder on that disk.
    pub fn new(folder: PathBuf, medium: Arc<dyn Medium>, marks: Arc<Marks>) -> Self {
        Self { folder, medium, marks }
    }

    /// A folder of which nothing else is known.
    pub fn alone(folder: &Path) -> Self {
        Self::new(folder.to_owned(), Arc::new(Disk), Arc::default())
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

/// The bytes of one segment.
struct Source {
    medium: Arc<dyn Medium>,
    /// None if it is missing, or cannot even be opened.
    file: Option<File>,
    length: u64,
    at: u64,
}

impl Source {
    fn open(records: &Records, segment: u32) -> io::Result<Self> {
        let opened = File::open(segment_path(&records.folder, segment))
            .and_then(|file| file.metadata().map(|metadata| (file, metadata.len())));
        let (file, length) = match opened {
            Ok((file, length)) => (Some(file), length),
            Err(error) if error.kind() == ErrorKind::NotFound || is_unreadable(&error) => (None, 0),
            Err(error) => return Err(error),
        };
        Ok(Self { medium: Arc::clone(&records.medium), file, length, at: 0 })
    }

    fn left_in_block(&self) -> usize {
        usize::try_from(BLOCK_BYTES - self.at % BLOCK_BYTES).unwrap_or(1)
    }

    /// Reads what can be read from there on, and leaves zeros elsewhere, which are no frame. Says whether there was such a place.
    fn read_around(&mut self, from: u64, bytes: &mut [u8]) -> io::Result<bool> {
        let (mut done, mut unreadable) = (0, 0);
        while done < bytes.len() && unreadable < UNREADABLE_MAX {
            self.at = from + done as u64;
            let end = bytes.len().min(done + PIECE_BYTES);
            match self.read(&mut bytes[done..end]) {
                Ok(0) => break,
                Ok(count) => done += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if is_unreadable(&error) => {
                    let end = bytes.len().min(done + self.left_in_block());
                    bytes[done..end].fill(0);
                    (done, unreadable) = (end, unreadable + 1);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(unreadable > 0)
    }
}

impl Read for Source {
    /// A block that cannot be read does not take those before it along.
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let Some(file) = &self.file else { return Ok(0) };
        let block = self.left_in_block();
        let read = match self.medium.read(file, self.at, bytes) {
            Err(error) if is_unreadable(&error) && bytes.len() > block => {
                self.medium.read(file, self.at, &mut bytes[..block])
            }
            read => read,
        };
        let count = read?;
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Source {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let SeekFrom::Start(at) = to else { return Err(ErrorKind::Unsupported.into()) };
        self.at = at;
        Ok(at)
    }
}

/// The end of the last segment as it was found.
pub(super) struct Tail {
    /// Where the good part ends. If something behind it is lost: where what was confirmed ends, or the file.
    pub(super) end: u64,
    /// The last good bytes before `end`: a frame, or the header.
    pub(super) last: Vec<u8>,
    /// How many bytes lie behind `end`.
    pub(super) torn: u64,
    /// Format version. A segment without frames is begun anew with its header.
    pub(super) version: u32,
    /// Whether something at the end was confirmed and cannot be read: nothing may be written there any more.
    pub(super) is_lost: bool,
}

impl Tail {
    /// A segment without frames.
    fn empty(segment: u32, length: u64) -> Self {
        let last = header(segment).to_vec();
        Self { end: HEADER_BYTES as u64, last, torn: length, version: FORMAT_VERSION, is_lost: false }
    }

    fn lost(end: u64) -> Self {
        Self { end, last: Vec::new(), torn: 0, version: FORMAT_VERSION, is_lost: true }
    }

    /// A segment that ends in its header, if it does.
    fn find_short(records: &Records, segment: u32, confirmed: u64) -> io::Result<Option<Self>> {
        let mut source = Source::open(records, segment)?;
        let length = source.length;
        if length > HEADER_BYTES as u64 {
            return Ok(None);
        }
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(HEADER_BYTES)];
        let is_unreadable = source.read_around(0, &mut bytes)?
            || source.file.is_none() && segment_path(&records.folder, segment).exists();
        if confirmed > HEADER_BYTES as u64 || is_unreadable {
            return Ok(Some(Self::lost(confirmed.max(length))));
        }
        // The header is synced before the first frame, so a file without frames may have been cut short in it.
        let is_begun = bytes.len() < HEADER_BYTES || bytes.iter().all(|&byte| byte == 0);
        Ok(is_begun.then(|| Self::empty(segment, length)))
    }

    pub(super) fn find(records: &Records, segment: u32) -> Result<Self, Refusal> {
        let confirmed = records.marks.end_of(segment).unwrap_or(0);
        let short = Self::find_short(records, segment, confirmed);
        if let Some(tail) = short.map_err(|error| refused(&segment_path(&records.folder, segment), &error))? {
            return Ok(tail);
        }
        let (mut reader, _) = SegmentReader::open(records, Position::start_of(segment), None)?;
        let (mut last, mut version) = (header(segment).to_vec(), FORMAT_VERSION);
        loop {
            match reader.next_batch() {
                Ok(Some(batch)) => (last, version) = (batch.frame, reader.version),
                Ok(None) => return Ok(Self { end: reader.at.offset, last, torn: 0, version, is_lost: false }),
                Err(damaged) if damaged.reason == Reason::StoreDamaged => {
                    let at = reader.at;
                    let rest = reader.rest((FRAME_HEAD_BYTES + BATCH_BYTES_MAX + 1) as u64)?;
                    if next_frame(at, &rest).is_some() {
                        // Something behind it was confirmed after it, so it was confirmed too.
                        reader.pass_over()?;
                        continue;
                    }
                    let torn = rest.len() as u64;
                    let is_one_batch = torn <= (FRAME_HEAD_BYTES + BATCH_BYTES_MAX) as u64;
                    // A power cut leaves bytes that are wrong, and none that the disk does not give back.
                    if confirmed > at.offset || reader.is_unreadable || !is_one_batch {
                        return Ok(Self::lost(reader.end));
                    }
                    return Ok(Self { end: at.offset, last, torn, version, is_lost: false });
                }
                Err(refusal) => return Err(refusal),
            }
        }
    }
}

/// Reads one segment frame by frame; holds one frame at a time.
struct SegmentReader {
    path: PathBuf,
    source: BufReader<Source>,
    at: Position,
    /// Where to stop.
    end: u64,
    /// Where the file ends, at most there.
    length: u64,
    version: u32,
    /// Whether the disk did not give back part of the piece that was looked at last.
    is_unreadable: bool,
}

impl SegmentReader {
    /// Begins at `from`, a boundary, and reads up to `end`, or as far as the segment was confirmed. Says whether the header is
    /// damaged, or all of it gone.
    fn open(records: &Records, from: Position, end: Option<u64>) -> Result<(Self, Option<Hole>), Refusal> {
        let segment = from.segment;
        let path = segment_path(&records.folder, segment);
        let open = || -> io::Result<(Source, [u8; HEADER_BYTES])> {
            let (mut source, mut found) = (Source::open(records, segment)?, [0; HEADER_BYTES]);
            source.read_around(0, &mut found)?;
            Ok((source, found))
        };
        let (source, found) = open().map_err(|error| refused(&path, &error))?;
        let confirmed = records.marks.end_of(segment).unwrap_or(0);
        let end = end.unwrap_or_else(|| source.length.max(confirmed));
        let hole = |bytes| Some(Hole { segment, offset: 0, bytes });
        let (version, hole, at) = match check_header(&found, segment, &path) {
            // Nothing is there that could be read frame by frame.
            _ if source.length < HEADER_BYTES as u64 => (FORMAT_VERSION, hole(end), end),
            Err(refusal) if refusal.reason == Reason::StoreDamaged => {
                (FORMAT_VERSION, hole(HEADER_BYTES as u64), from.offset)
            }
            version => (version?, None, from.offset),
        };
        let length = source.length.min(end);
        let (at, mut source) = (Position { offset: at, ..from }, BufReader::new(source));
        source.seek(SeekFrom::Start(at.offset)).map_err(|error| refused(&path, &error))?;
        Ok((Self { path, source, at, end, length, version, is_unreadable: false }, hole))
    }

    fn next_piece(&mut self) -> Result<Option<Piece>, Refusal> {
        match self.next_batch() {
            Err(refusal) if refusal.reason == Reason::StoreDamaged => Ok(Some(Piece::Hole(self.pass_over()?))),
            batch => Ok(batch?.map(Piece::Batch)),
        }
    }

    /// Goes on behind a bad frame: with the next good one, else at the end.
    fn pass_over(&mut self) -> Result<Hole, Refusal> {
        let at = self.at;
        let rest = self.rest(u64::MAX)?;
        let bytes = next_frame(at, &rest).map_or(self.end - at.offset, |bytes| bytes as u64);
        self.at.offset += bytes;
        let next = SeekFrom::Start(self.at.offset);
        self.source.seek(next).map_err(|error| refused(&self.path, &error))?;
        Ok(Hole { segment: at.segment, offset: at.offset, bytes })
    }

    fn next_batch(&mut self) -> Result<Option<Batch>, Refusal> {
        self.is_unreadable = false;
        if self.at.offset >= self.end {
            return Ok(None);
        }
        let left = self.length.saturating_sub(self.at.offset);
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

    /// The bytes from the bad frame on, as far as they can be read, and at most so many.
    fn rest(&mut self, bytes_max: u64) -> Result<Vec<u8>, Refusal> {
        let length = self.length.saturating_sub(self.at.offset).min(bytes_max);
        let mut rest = vec![0; usize::try_from(length).unwrap_or(0)];
        let read = self.source.get_mut().read_around(self.at.offset, &mut rest);
        self.is_unreadable |= read.map_err(|error| refused(&self.path, &error))?;
        Ok(rest)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Refusal> {
        match self.source.read_exact(bytes) {
            Err(error) if is_unreadable(&error) => {
                self.is_unreadable = true;
                Err(self.damaged().with("error", error))
            }
            // It has become shorter since it was opened.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Err(self.damaged()),
            read => read.map_err(|error| refused(&self.path, &error)),
        }
    }

    fn damaged(&self) -> Refusal {
        damaged(&self.path, self.at.offset)
    }
}

/// How much lies in a folder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Extent {
    /// The boundary after the last good batch.
    pub end: Position,
    /// The bytes of all segments.
    pub bytes: u64,
}

impl Records {
    /// How much lies here, without changing anything. What follows the last good batch is one that was being written, or is
    /// being written now. A segment that is missing is refused: without it nothing can be judged.
    pub fn extent(&self) -> Result<Extent, Refusal> {
        let missing = |path: &Path| damaged(path, 0).with("rule", "segment is missing");
        let segment = last_segment(&self.folder)?.ok_or_else(|| missing(&self.folder))?;
        let end = Position { segment, offset: Tail::find(self, segment)?.end };
        let mut bytes = 0;
        for number in 1..=segment {
            let path = segment_path(&self.folder, number);
            bytes += match std::fs::metadata(&path) {
                Err(error) if error.kind() == ErrorKind::NotFound => return Err(missing(&path)),
                metadata => metadata.map_err(|error| refused(&path, &error))?.len(),
            };
        }
        Ok(Extent { end, bytes })
    }

    /// Gives every batch between two boundaries to `each`, in order, one at a time; refuses damage.
    pub fn read_batches(
        &self,
        from: Position,
        to: Position,
        mut each: impl FnMut(Batch) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        self.read_pieces(from, to, |piece| match piece {
            Piece::Batch(batch) => each(batch),
            Piece::Hole(hole) => Err(hole.refusal(&self.folder)),
        })
    }

    /// The same with whatever is damaged.
    pub fn read_pieces(
        &self,
        from: Position,
        to: Position,
        mut each: impl FnMut(Piece) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        for segment in from.segment..=to.segment {
            let start = if segment == from.segment { from } else { Position::start_of(segment) };
            let end = (segment == to.segment).then_some(to.offset);
            let (mut reader, header) = SegmentReader::open(self, start, end)?;
            header.map_or(Ok(()), |hole| each(Piece::Hole(hole)))?;
            while let Some(piece) = reader.next_piece()? {
                each(piece)?;
            }
        }
        Ok(())
    }

    /// Looks through a few megabytes from a boundary on: where to go on, and what is damaged. After the end it begins again.
    pub fn look_over(&self, from: Position, to: Position, bytes_max: u64) -> Result<(Position, Vec<Hole>), Refusal> {
        let end = (from.segment >= to.segment).then_some(to.offset);
        let (mut reader, header) = SegmentReader::open(self, from, end)?;
        let mut holes: Vec<Hole> = header.into_iter().collect();
        while reader.at.offset.saturating_sub(from.offset) < bytes_max {
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
    pub fn read_record(&self, place: Place) -> Result<Record, Refusal> {
        let path = segment_path(&self.folder, place.segment);
        let length = usize::try_from(place.length).ok().filter(|length| *length <= BATCH_BYTES_MAX);
        let mut bytes = vec![0; length.ok_or_else(|| damaged(&path, place.offset))?];
        let read = Source::open(self, place.segment).and_then(|mut file| file.read_around(place.offset, &mut bytes));
        read.map_err(|error| refused(&path, &error))?;
        if crc32fast::hash(&bytes) != place.checksum {
            return Err(damaged(&path, place.offset));
        }
        decode(place, &bytes)
    }

    /// Whether a record cannot be read because its frame, or one before it in the segment, is no longer what was confirmed.
    /// Else whoever named the place is wrong.
    pub fn is_rotten(&self, place: Place) -> Result<bool, Refusal> {
        let look = || -> Result<(), Refusal> {
            let (mut reader, header) = SegmentReader::open(self, Position::start_of(place.segment), None)?;
            header.map_or(Ok(()), |hole| Err(hole.refusal(&self.folder)))?;
            while reader.at.offset <= place.offset && reader.next_batch()?.is_some() {}
            Ok(())
        };
        match look() {
            Err(refusal) if refusal.reason == Reason::StoreDamaged => Ok(true),
            other => other.map(|()| false),
        }
    }
}

/// The highest segment number. Other files are left alone.
pub(super) fn last_segment(folder: &Path) -> Result<Option<u32>, Refusal> {
    let mut last = None;
    for item in std::fs::read_dir(folder).map_err(|error| refused(folder, &error))? {
        let item = item.map_err(|error| refused(folder, &error))?;
        let number = item.file_name().to_str().and_then(|name| name.strip_suffix(".seg")?.parse::<u32>().ok());
        last = last.max(number.filter(|&number| number > 0 && item.path() == segment_path(folder, number)));
    }
    Ok(last)
}
