//! A ZIP file, record by record, so that a test can write what no honest tool would: every field of every record is open.
use std::io::Write as _;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use verbund::audit::bundle::Bundle;

pub const LOCAL: u32 = 0x0403_4b50;
pub const DESCRIPTOR: u32 = 0x0807_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
const END_64: u32 = 0x0606_4b50;
const LOCATOR_64: u32 = 0x0706_4b50;
const UNIX: u16 = 0x031e;

/// What stands once before a member and once in the directory.
#[derive(Clone)]
pub struct Header {
    pub name: Vec<u8>,
    pub flags: u16,
    pub method: u16,
    pub crc: u32,
    pub packed: u32,
    pub size: u32,
    pub extra: Vec<u8>,
}

impl Header {
    fn bytes(&self) -> Vec<u8> {
        let head = [self.flags, self.method, 0, 0x0021].map(u16::to_le_bytes).concat();
        let lengths = [self.crc, self.packed, self.size].map(u32::to_le_bytes).concat();
        let names = [self.name.len() as u16, self.extra.len() as u16].map(u16::to_le_bytes).concat();
        [head, lengths, names].concat()
    }
}

/// A member, with what stands before and behind it.
#[derive(Clone)]
pub struct Part {
    pub gap: Vec<u8>,
    pub local: Header,
    pub data: Vec<u8>,
    pub descriptor: Vec<u8>,
    pub central: Header,
    pub comment: Vec<u8>,
    pub disk: u16,
    pub attributes: u32,
    /// Where the directory says it stands; where it does stand if nothing is given.
    pub offset: Option<u32>,
}

impl Part {
    /// A member as any tool would write it.
    pub fn new(name: &str, content: &[u8]) -> Self {
        let mut packer = DeflateEncoder::new(Vec::new(), Compression::default());
        packer.write_all(content).expect("packed");
        let mut part = Self::stored(name, content);
        part.data = packer.finish().expect("packed");
        let packed = part.data.len() as u32;
        part.both(|header| (header.method, header.packed) = (8, packed));
        part
    }

    /// The same, not packed.
    pub fn stored(name: &str, content: &[u8]) -> Self {
        let (crc, size) = (crc32fast::hash(content), content.len() as u32);
        let name = name.as_bytes().to_vec();
        let local = Header { name, flags: 0, method: 0, crc, packed: size, size, extra: Vec::new() };
        Self {
            gap: Vec::new(),
            central: local.clone(),
            local,
            data: content.to_vec(),
            descriptor: Vec::new(),
            comment: Vec::new(),
            disk: 0,
            attributes: 0o100_644 << 16,
            offset: None,
        }
    }

    /// A folder as any tool would write it.
    pub fn folder(name: &str) -> Self {
        Self { attributes: 0o040_755 << 16 | 0x10, ..Self::stored(name, b"") }
    }

    /// What stands in front of the directory.
    pub fn record(&self) -> Vec<u8> {
        let head = [&LOCAL.to_le_bytes()[..], &20_u16.to_le_bytes(), &self.local.bytes()].concat();
        [&head[..], &self.local.name, &self.local.extra, &self.data, &self.descriptor].concat()
    }

    /// Changes both copies of the header.
    pub fn both(&mut self, change: impl Fn(&mut Header)) {
        change(&mut self.local);
        change(&mut self.central);
    }

    /// Puts length and checksum behind the data, as a tool does that writes into a pipe.
    pub fn describe(&mut self) {
        self.both(|header| header.flags |= 8);
        let record = [DESCRIPTOR, self.central.crc, self.central.packed, self.central.size];
        self.descriptor = record.map(u32::to_le_bytes).concat();
        (self.local.crc, self.local.packed, self.local.size) = (0, 0, 0);
    }

    /// Says the lengths in zip64 fields.
    pub fn widen(&mut self) {
        let (packed, size) = (u64::from(self.central.packed), u64::from(self.central.size));
        let wide = [size, packed].map(u64::to_le_bytes).concat();
        self.both(|header| {
            (header.packed, header.size) = (u32::MAX, u32::MAX);
            header.extra = extra(0x0001, &wide);
        });
    }
}

/// An extra field.
pub fn extra(id: u16, content: &[u8]) -> Vec<u8> {
    [&id.to_le_bytes(), &(content.len() as u16).to_le_bytes(), content].concat()
}

/// The numbers of the end record.
#[derive(Clone)]
pub struct End {
    pub disk: u16,
    pub entries: u16,
    pub size: u32,
    pub offset: u32,
    pub comment: u16,
}

/// The whole file.
#[derive(Clone, Default)]
pub struct Archive {
    pub parts: Vec<Part>,
    pub before_directory: Vec<u8>,
    pub after_directory: Vec<u8>,
    pub comment: Vec<u8>,
    pub after: Vec<u8>,
    /// Whether there is a wide end record, and what is added to its count of entries.
    pub wide: Option<u64>,
    /// A last change of the end record.
    pub end: Option<fn(&mut End)>,
}

impl Archive {
    /// A bundle as any tool would pack it.
    pub fn of(bundle: &Bundle) -> Self {
        let parts = bundle.members.iter().map(|(name, content)| Part::new(name, content)).collect();
        Self { parts, ..Self::default() }
    }

    /// The member of that name.
    pub fn part(&mut self, name: &str) -> &mut Part {
        self.parts.iter_mut().find(|part| part.central.name == name.as_bytes()).expect("a member")
    }

    pub fn bytes(&self) -> Vec<u8> {
        let (mut file, mut directory) = (Vec::new(), Vec::new());
        for part in &self.parts {
            file.extend(&part.gap);
            let offset = part.offset.unwrap_or(file.len() as u32);
            file.extend(part.record());
            directory.extend(CENTRAL.to_le_bytes());
            directory.extend([UNIX, 20].map(u16::to_le_bytes).concat());
            directory.extend(part.central.bytes());
            directory.extend([part.comment.len() as u16, part.disk, 0].map(u16::to_le_bytes).concat());
            directory.extend([part.attributes, offset].map(u32::to_le_bytes).concat());
            directory.extend([&part.central.name[..], &part.central.extra, &part.comment].concat());
        }
        file.extend(&self.before_directory);
        let (entries, size, offset) = (self.parts.len() as u16, directory.len() as u32, file.len() as u32);
        file.extend([&directory[..], &self.after_directory].concat());
        let comment = self.comment.len() as u16;
        let mut end = End { disk: 0, entries, size, offset, comment };
        if let Some(more) = self.wide {
            let count = u64::from(entries) + more;
            file.extend(wide_end(&end, count, file.len() as u64));
            end = End { entries: u16::MAX, size: u32::MAX, offset: u32::MAX, ..end };
        }
        if let Some(change) = self.end {
            change(&mut end);
        }
        file.extend(END.to_le_bytes());
        file.extend([end.disk, end.disk, end.entries, end.entries].map(u16::to_le_bytes).concat());
        file.extend([end.size, end.offset].map(u32::to_le_bytes).concat());
        file.extend(end.comment.to_le_bytes());
        [file, self.comment.clone(), self.after.clone()].concat()
    }
}

/// The wide end record, which stands at `at`, and the record that says where it stands.
fn wide_end(end: &End, entries: u64, at: u64) -> Vec<u8> {
    let record = [
        END_64.to_le_bytes().to_vec(),
        44_u64.to_le_bytes().to_vec(),
        [UNIX, 45].map(u16::to_le_bytes).concat(),
        [0_u32, 0].map(u32::to_le_bytes).concat(),
        [entries, entries, u64::from(end.size), u64::from(end.offset)].map(u64::to_le_bytes).concat(),
    ];
    let locator = [LOCATOR_64, 0].map(u32::to_le_bytes).concat();
    [record.concat(), locator, at.to_le_bytes().to_vec(), 1_u32.to_le_bytes().to_vec()].concat()
}
