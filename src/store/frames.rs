//! How records lie in a segment file: header, frames, and what is no frame any more. Bytes only; reading and writing files is
//! elsewhere.
//!
//! ```text
//! records/00000001.seg   header, then frames
//! header   "VRBSEG\r\n" ‖ format version u32 ‖ segment number u32                      (16 bytes, little-endian)
//! frame    length u32 ‖ crc32(segment u32 ‖ offset u64 ‖ length u32 ‖ payload) u32 ‖ payload of that length
//! payload  one batch: count u32, then per record its length u32 and its bytes (`protocol::record`)
//! ```
//!
//! The checksum covers the place of the frame, so bytes are a frame only where they were written as one.
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::domain::reason::{Reason, Refusal};
use crate::protocol::record::Record;
use crate::store::check_batch;

const MAGIC: [u8; 8] = *b"VRBSEG\r\n";
/// Raised with every change to frames and with every new kind of record. A segment keeps the version it was begun with
/// and holds nothing newer, so an older program refuses what it cannot read.
///
/// 2: forks and cursors. 4: contents that came back, marks, bridges, deposits. No 3, of which one flipped bit makes a 2.
pub(super) const FORMAT_VERSION: u32 = 4;
/// The oldest version that is still read.
const FORMAT_VERSION_MIN: u32 = 1;
pub(super) const HEADER_BYTES: usize = 16;
pub(super) const FRAME_HEAD_BYTES: usize = 8;

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

    pub(super) const fn start_of(segment: u32) -> Self {
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
    pub(super) at: Position,
    pub(super) frame: Vec<u8>,
    /// The records' ranges within `frame`.
    pub(super) spans: Vec<Range<usize>>,
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

    /// As it will lie at that boundary.
    pub(super) fn new(at: Position, records: &[Record]) -> Result<Self, Refusal> {
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

pub(super) fn number_at(bytes: &[u8], at: usize) -> Option<usize> {
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
pub(super) fn frame_spans(at: Position, bytes: &[u8]) -> Option<Vec<Range<usize>>> {
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

/// Where the first good frame begins behind the one at the start of these bytes: where that one says that it ends, if its length
/// is still right, else wherever there is one.
pub(super) fn next_frame(at: Position, rest: &[u8]) -> Option<usize> {
    let is_good = |skipped: usize| {
        let at = Position { offset: at.offset + skipped as u64, ..at };
        rest.get(skipped..).is_some_and(|rest| frame_spans(at, rest).is_some())
    };
    let claimed = number_at(rest, 0).and_then(|length| length.checked_add(FRAME_HEAD_BYTES));
    claimed.filter(|end| is_good(*end)).or_else(|| (1..rest.len()).find(|skipped| is_good(*skipped)))
}

/// A record whose checksum is right and which still cannot be read was written by a program with a bug, or by a newer
/// one that forgot to say so in the header.
pub(super) fn decode(place: Place, bytes: &[u8]) -> Result<Record, Refusal> {
    let refuse = |refusal: Refusal| {
        let damaged = Refusal::new(Reason::StoreDamaged).with("segment", place.segment).with("offset", place.offset);
        damaged.with("record", refusal)
    };
    Record::decode(bytes).map_err(refuse)
}

pub(super) fn damaged(path: &Path, offset: u64) -> Refusal {
    Refusal::new(Reason::StoreDamaged).with("file", path.display()).with("offset", offset)
}

pub(super) fn segment_path(folder: &Path, segment: u32) -> PathBuf {
    folder.join(format!("{segment:08}.seg"))
}

pub(super) fn header(segment: u32) -> [u8; HEADER_BYTES] {
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
pub(super) fn check_header(found: &[u8], segment: u32, path: &Path) -> Result<u32, Refusal> {
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
