//! The records of a ZIP file, walked byte by byte: the directory at its end, what stands before each entry, and that
//! together they are the whole file. Names of fields and their order are those of PKWARE's APPNOTE 6.3.
//!
//! Programs that unpack go by the directory (most) or read one entry after the other (from a pipe). Both must come to the
//! same, so whatever stands in two places is compared, and no byte is left over. Must never unpack anything before that.
use std::collections::BTreeSet;

use flate2::{Decompress, FlushDecompress, Status};

use crate::domain::reason::{Reason, Refusal};

/// Most entries of an archive: three for a member, since every tool may add folders, and macOS a twin for each file.
pub const ENTRIES_MAX: u64 = 6_000;

const LOCAL: u64 = 0x0403_4b50;
const DESCRIPTOR: u64 = 0x0807_4b50;
const CENTRAL: u64 = 0x0201_4b50;
const END: u64 = 0x0605_4b50;
const END_64: u64 = 0x0606_4b50;
const LOCATOR_64: u64 = 0x0706_4b50;

const END_BYTES: usize = 22;
const END_64_BYTES: usize = 56;
const LOCATOR_64_BYTES: usize = 20;

/// The number that says: the true one stands in a wider field.
const WIDE_16: u64 = 0xffff;
const WIDE_32: u64 = 0xffff_ffff;

/// Flags: encrypted; sizes follow the data; and those that change nothing (how hard it was packed, names in UTF-8).
const FLAG_ENCRYPTED: u64 = 1;
const FLAG_DESCRIPTOR: u64 = 1 << 3;
const FLAGS_HARMLESS: u64 = 0b110 | FLAG_DESCRIPTOR | 1 << 11;

const STORED: u64 = 0;
const DEFLATED: u64 = 8;

/// Extra fields.
const EXTRA_ZIP64: u64 = 0x0001;
const EXTRA_UNICODE_PATH: u64 = 0x7075;

/// An entry as both readings give it.
pub struct Entry<'b> {
    /// Its name, as it is written.
    pub name: &'b [u8],
    /// External attributes: Unix mode above, DOS attributes below.
    pub attributes: u32,
    /// Its claimed length in bytes when unpacked.
    pub size: u64,
    is_deflated: bool,
    crc: u32,
    data: &'b [u8],
}

/// Every entry, in the order in which they stand.
pub fn entries(bytes: &[u8]) -> Result<Vec<Entry<'_>>, Refusal> {
    let end = End::find(bytes)?;
    let mut headers = end.directory(bytes)?;
    headers.sort_by_key(|header| header.offset);
    let mut at = 0;
    let mut entries = Vec::with_capacity(headers.len());
    for header in headers {
        meet(at, header.offset, if at == 0 { "before the first member" } else { "between members" })?;
        let (entry, next) = header.entry(bytes)?;
        entries.push(entry);
        at = next;
    }
    meet(at, end.offset, "before the directory").map(|()| entries)
}

/// What has been read ends where the next begins.
fn meet(at: u64, next: u64, place: &'static str) -> Result<(), Refusal> {
    match at {
        at if at < next => Err(foreign_bytes(place).with("bytes", next - at)),
        at if at > next => Err(ambiguous("records overlap").with("at", next)),
        _ => Ok(()),
    }
}

impl Entry<'_> {
    /// The content. Refused if it is not what length and checksum say, or if packed bytes are left over.
    pub fn content(&self) -> Result<Vec<u8>, Refusal> {
        let altered = |rule: &str| Refusal::new(Reason::BundleAltered).with("rule", rule);
        let content = if self.is_deflated { self.inflated() } else { Some(self.data.to_vec()) };
        let content = content.filter(|content| content.len() as u64 == self.size);
        let content = content.ok_or_else(|| altered("length of the member, packed and unpacked"))?;
        if crc32fast::hash(&content) == self.crc { Ok(content) } else { Err(altered("checksum of the member")) }
    }

    fn inflated(&self) -> Option<Vec<u8>> {
        // One more than claimed, to see that there is no more.
        let mut content = Vec::with_capacity(usize::try_from(self.size).ok()?.checked_add(1)?);
        let mut inflater = Decompress::new(false);
        let status = inflater.decompress_vec(self.data, &mut content, FlushDecompress::Finish).ok()?;
        let is_whole = status == Status::StreamEnd && inflater.total_in() == self.data.len() as u64;
        is_whole.then_some(content)
    }
}

/// The end of the archive: where the directory lies.
struct End {
    entries: u64,
    offset: u64,
    size: u64,
    /// Where the directory ends: at the wide end record if there is one, or else at the end record.
    tail: usize,
}

impl End {
    fn find(bytes: &[u8]) -> Result<Self, Refusal> {
        let at = bytes.len().checked_sub(END_BYTES).filter(|at| Fields::new(bytes, *at).is(END));
        let at = at.filter(|at| bytes[at + 20..] == [0, 0]).ok_or_else(|| no_end(bytes))?;
        let mut fields = Fields::new(bytes, at + 4);
        let disks = [fields.number(2)?, fields.number(2)?];
        let narrow = [fields.number(2)?, fields.number(2)?, fields.number(4)?, fields.number(4)?];
        let ([here, entries, size, offset], tail) = match at.checked_sub(LOCATOR_64_BYTES) {
            Some(locator) if Fields::new(bytes, locator).is(LOCATOR_64) => {
                (wide_end(bytes, locator, narrow)?, locator - END_64_BYTES)
            }
            _ => (narrow, at),
        };
        if disks.iter().any(|disk| ![0, WIDE_16].contains(disk)) || here != entries {
            return Err(unreadable("split over several files"));
        }
        if entries > ENTRIES_MAX {
            return Err(Refusal::new(Reason::BundleTooLarge).with("entries", entries).with("limit", ENTRIES_MAX));
        }
        Ok(Self { entries, offset, size, tail })
    }

    fn directory<'b>(&self, bytes: &'b [u8]) -> Result<Vec<Header<'b>>, Refusal> {
        let tail = self.tail as u64;
        let ends = self.offset.checked_add(self.size).ok_or_else(truncated)?;
        if ends > tail {
            return Err(truncated());
        }
        meet(ends, tail, "before the archive or before its end")?;
        let mut fields = Fields::new(&bytes[..self.tail], usize::try_from(self.offset).map_err(|_| truncated())?);
        let headers: Result<Vec<_>, _> = (0..self.entries).map(|_| Header::read(&mut fields)).collect();
        let headers = headers?;
        meet(fields.at as u64, tail, "after the directory").map(|()| headers)
    }
}

/// The four numbers of the wide end record, which must stand directly before its locator and say what the narrow one
/// says, as far as that says anything.
fn wide_end(bytes: &[u8], locator: usize, narrow: [u64; 4]) -> Result<[u64; 4], Refusal> {
    let refuse = || ambiguous("zip64 end record");
    let mut fields = Fields::new(bytes, locator + 4);
    let (disk, offset, disks) = (fields.number(4)?, fields.number(8)?, fields.number(4)?);
    let at = locator.checked_sub(END_64_BYTES).filter(|at| *at as u64 == offset).ok_or_else(refuse)?;
    let mut fields = Fields::new(bytes, at);
    let (signature, length, _versions) = (fields.number(4)?, fields.number(8)?, fields.number(4)?);
    let own = [fields.number(4)?, fields.number(4)?, disk, disks.saturating_sub(1)];
    let wide = [fields.number(8)?, fields.number(8)?, fields.number(8)?, fields.number(8)?];
    let limits = [WIDE_16, WIDE_16, WIDE_32, WIDE_32];
    let agrees = narrow.iter().zip(limits).zip(wide).all(|((narrow, limit), wide)| [limit, wide].contains(narrow));
    let is_one = own == [0; 4] && signature == END_64 && length == (END_64_BYTES - 12) as u64;
    if agrees && is_one { Ok(wide) } else { Err(refuse()) }
}

/// Why there is no end record where the file ends.
fn no_end(bytes: &[u8]) -> Refusal {
    if bytes.is_empty() {
        return Refusal::new(Reason::FileEmpty);
    }
    let signature = [0x50, 0x4b, 5, 6];
    let Some(at) = bytes.windows(4).rposition(|window| window == signature) else {
        return if bytes.starts_with(b"PK\x03\x04") { truncated() } else { Refusal::new(Reason::BundleNotZip) };
    };
    let claimed =
        bytes.get(at + 20..at + END_BYTES).map(|field| usize::from(u16::from_le_bytes([field[0], field[1]])));
    let after = bytes.len().saturating_sub(at + END_BYTES);
    match claimed {
        Some(comment) if comment == after => foreign_bytes("comment of the archive").with("bytes", after),
        Some(comment) if comment < after => foreign_bytes("after the end of the archive").with("bytes", after),
        _ => truncated(),
    }
}

/// What the directory says of an entry.
struct Header<'b> {
    name: &'b [u8],
    flags: u64,
    method: u64,
    crc: u64,
    packed: u64,
    size: u64,
    attributes: u64,
    offset: u64,
}

impl<'b> Header<'b> {
    fn read(fields: &mut Fields<'b>) -> Result<Self, Refusal> {
        if fields.number(4)? != CENTRAL {
            return Err(ambiguous("the directory holds something else"));
        }
        let _versions = fields.number(4)?;
        let (flags, method, _time, crc) =
            (fields.number(2)?, fields.number(2)?, fields.number(4)?, fields.number(4)?);
        let (mut packed, mut size) = (fields.number(4)?, fields.number(4)?);
        let [name, extra, comment] = [fields.number(2)?, fields.number(2)?, fields.number(2)?];
        let (mut disk, _internal) = (fields.number(2)?, fields.number(2)?);
        let (attributes, mut offset) = (fields.number(4)?, fields.number(4)?);
        let name = fields.take(name)?;
        let disk_is_wide = disk == WIDE_16;
        if let Some(field) = extra_fields(fields.take(extra)?, name)? {
            let mut wide = Fields::new(field, 0);
            wide.widen(&mut [&mut size, &mut packed, &mut offset])?;
            if disk_is_wide {
                disk = wide.number(4)?;
            }
            wide.finish()?;
        }
        if comment != 0 {
            return Err(foreign_bytes("comment of a member").with("bytes", comment));
        }
        if disk != 0 {
            return Err(unreadable("split over several files"));
        }
        if flags & FLAG_ENCRYPTED != 0 {
            return Err(unreadable("encrypted"));
        }
        if flags & !FLAGS_HARMLESS != 0 || ![STORED, DEFLATED].contains(&method) {
            return Err(unreadable("packed in a way that not every program knows").with("method", method));
        }
        Ok(Self { name, flags, method, crc, packed, size, attributes, offset })
    }

    /// The entry itself and where it ends. What stands before and behind the data says the same as the directory.
    fn entry(&self, bytes: &'b [u8]) -> Result<(Entry<'b>, u64), Refusal> {
        let mut fields = Fields::new(bytes, usize::try_from(self.offset).map_err(|_| truncated())?);
        if fields.number(4)? != LOCAL {
            return Err(ambiguous("no member where the directory says"));
        }
        let _version = fields.number(2)?;
        let (flags, method, _time, crc) =
            (fields.number(2)?, fields.number(2)?, fields.number(4)?, fields.number(4)?);
        let (mut packed, mut size) = (fields.number(4)?, fields.number(4)?);
        let [name, extra] = [fields.number(2)?, fields.number(2)?];
        let name = fields.take(name)?;
        let wide = extra_fields(fields.take(extra)?, name)?;
        if let Some(field) = wide {
            let mut fields = Fields::new(field, 0);
            fields.widen(&mut [&mut size, &mut packed])?;
            fields.finish()?;
        }
        if name != self.name {
            return Err(ambiguous("two names of one member"));
        }
        if (flags, method) != (self.flags, self.method) {
            return Err(ambiguous("two ways of packing one member"));
        }
        let is_described = flags & FLAG_DESCRIPTOR != 0;
        let known = [(crc, self.crc), (packed, self.packed), (size, self.size)];
        if known.iter().any(|(here, there)| here != there && !(is_described && *here == 0)) {
            return Err(ambiguous("two lengths or checksums of one member"));
        }
        let data = fields.take(self.packed)?;
        if is_described {
            self.check_descriptor(&mut fields, data, if wide.is_some() { 8 } else { 4 })?;
        }
        let (attributes, crc) = (self.attributes as u32, self.crc as u32);
        let is_deflated = method == DEFLATED;
        Ok((Entry { name, attributes, size: self.size, is_deflated, crc, data }, fields.at as u64))
    }

    /// Lengths and checksum behind the data. Where nothing else tells a reader from a pipe where the data ends, nothing in
    /// them may look like this record.
    fn check_descriptor(&self, fields: &mut Fields<'b>, data: &[u8], width: u64) -> Result<(), Refusal> {
        let record = [fields.number(4)?, fields.number(4)?, fields.number(width)?, fields.number(width)?];
        if record != [DESCRIPTOR, self.crc, self.packed, self.size] {
            return Err(ambiguous("record behind the data of a member"));
        }
        let looks_like_it = |window: &[u8]| window == [0x50, 0x4b, 7, 8];
        if self.method == STORED && data.windows(4).any(looks_like_it) {
            return Err(ambiguous("end of the data of a member"));
        }
        Ok(())
    }
}

/// Looks through the extra fields of a header; gives the wide numbers, if there are any. Times, owners and the mark of
/// Java's tool change nothing; a second name must be the first again; everything else is refused.
fn extra_fields<'b>(bytes: &'b [u8], name: &[u8]) -> Result<Option<&'b [u8]>, Refusal> {
    let mut fields = Fields::new(bytes, 0);
    let mut seen = BTreeSet::new();
    let mut wide = None;
    while fields.at < bytes.len() {
        let refuse = || foreign_bytes("extra field of a member");
        let (id, length) = (fields.number(2).map_err(|_| refuse())?, fields.number(2).map_err(|_| refuse())?);
        let content = fields.take(length).map_err(|_| refuse())?;
        if !seen.insert(id) {
            return Err(ambiguous("an extra field comes twice"));
        }
        match (id, length) {
            (EXTRA_ZIP64, _) => wide = Some(content),
            (EXTRA_UNICODE_PATH, _) if names(content, name) => {}
            (EXTRA_UNICODE_PATH, _) => return Err(ambiguous("two names of one member")),
            // Times of Unix (UT), of Windows (NTFS); owner (ux, Ux, UX); Java.
            (0x5455, 5 | 9 | 13)
            | (0x000a, 32)
            | (0x7875, 3..=19)
            | (0x7855, 0 | 4)
            | (0x5855, 8 | 12)
            | (0xcafe, 0) => {}
            _ => return Err(refuse().with("id", format!("{id:#06x}"))),
        }
    }
    Ok(wide)
}

/// Whether an Info-ZIP Unicode path is this name.
fn names(content: &[u8], name: &[u8]) -> bool {
    let head = [&[1][..], &crc32fast::hash(name).to_le_bytes()].concat();
    content.strip_prefix(head.as_slice()) == Some(name)
}

/// Little-endian numbers and bytes, one after the other.
struct Fields<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> Fields<'b> {
    fn new(bytes: &'b [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    fn take(&mut self, length: u64) -> Result<&'b [u8], Refusal> {
        let end = usize::try_from(length).ok().and_then(|length| self.at.checked_add(length));
        let (end, taken) = end.and_then(|end| Some((end, self.bytes.get(self.at..end)?))).ok_or_else(truncated)?;
        self.at = end;
        Ok(taken)
    }

    fn number(&mut self, width: u64) -> Result<u64, Refusal> {
        Ok(self.take(width)?.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn is(mut self, signature: u64) -> bool {
        self.number(4) == Ok(signature)
    }

    /// Replaces each number that stands in a wider field by that field, in this order.
    fn widen(&mut self, numbers: &mut [&mut u64]) -> Result<(), Refusal> {
        for number in numbers.iter_mut().filter(|number| ***number == WIDE_32) {
            **number = self.number(8).map_err(|_| ambiguous("zip64 field of a member"))?;
        }
        Ok(())
    }

    fn finish(&self) -> Result<(), Refusal> {
        if self.at == self.bytes.len() { Ok(()) } else { Err(ambiguous("zip64 field of a member")) }
    }
}

fn foreign_bytes(place: &'static str) -> Refusal {
    Refusal::new(Reason::BundleBytesForeign).with("place", place)
}

fn ambiguous(rule: &'static str) -> Refusal {
    Refusal::new(Reason::BundleAmbiguous).with("rule", rule)
}

fn unreadable(rule: &'static str) -> Refusal {
    Refusal::new(Reason::BundleUnreadable).with("rule", rule)
}

fn truncated() -> Refusal {
    Refusal::new(Reason::BundleTruncated)
}
