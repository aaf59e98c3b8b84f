//! The container: one ZIP, strict about bytes, so that no two programs unpack two things (docs/audit-rules.md, 1).
import { byCodePoint, latin1, sameBytes, utf8 } from "./bytes.js";
import { inflated } from "./inflate.js";
import { Refusal } from "./refusal.js";

export const BUNDLE_BYTES_MAX = 16 * 1024 * 1024;
const MEMBERS_MAX = 2_000;
const ZIP_ENTRIES_MAX = 6_000;
const LEFTOVER_BYTES_MAX = 16 * 1024;
const [WIDE_16, WIDE_32] = [0xffff, 0xffffffff];
const [END_64, CENTRAL, LOCAL, DESCRIPTOR] = [0x06064b50, 0x02014b50, 0x04034b50, 0x08074b50];
// Extra fields that change nothing, with their lengths: times of Unix and Windows, owners, the mark of Java's tool.
const HARMLESS_EXTRA = new Map([
  [0x5455, [5, 9, 13]],
  [0x000a, [32]],
  [0x7875, [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]],
  [0x7855, [0, 4]],
  [0x5855, [8, 12]],
  [0xcafe, [0]],
]);

const ambiguous = (rule) => new Refusal("BUNDLE_AMBIGUOUS", { rule });
const foreignBytes = (place) => new Refusal("BUNDLE_BYTES_FOREIGN", { place });
const badZip64 = () => ambiguous("zip64 field of a member");

const CRC = Int32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1;
  return rest;
});

function crc32(bytes) {
  let sum = -1;
  for (const byte of bytes) sum = CRC[(sum ^ byte) & 255] ^ (sum >>> 8);
  return (sum ^ -1) >>> 0;
}

/** Little-endian numbers and bytes, one after the other. Numbers beyond 2^53 lose digits, but stay larger than any file. */
class Fields {
  constructor(data, at = 0) {
    this.data = data;
    this.at = at;
  }

  take(length) {
    if (this.at + length > this.data.length) throw new Refusal("BUNDLE_TRUNCATED");
    this.at += length;
    return this.data.subarray(this.at - length, this.at);
  }

  number(width) {
    return this.take(width).reduceRight((number, byte) => number * 256 + byte, 0);
  }

  numbers(...widths) {
    return widths.map((width) => this.number(width));
  }

  /** Each number that stands in a wider field is replaced by that field. */
  widened(numbers) {
    try {
      return numbers.map((number) => (number === WIDE_32 ? this.number(8) : number));
    } catch (error) {
      throw error instanceof Refusal ? badZip64() : error;
    }
  }

  finish() {
    if (this.at !== this.data.length) throw badZip64();
  }
}

/** What has been read ends where the next begins. */
function meet(at, following, place) {
  if (at < following) throw foreignBytes(place);
  if (at > following) throw ambiguous("records overlap");
}

/** The wide numbers, if there are any; what changes nothing is passed over, everything else refused. */
function extraFields(data, raw) {
  const [fields, seen] = [new Fields(data), new Set()];
  let wide = null;
  while (fields.at < data.length) {
    if (data.length - fields.at < 4) throw foreignBytes("extra field of a member");
    const [kind, length] = fields.numbers(2, 2);
    if (data.length - fields.at < length) throw foreignBytes("extra field of a member");
    const content = fields.take(length);
    if (seen.has(kind)) throw ambiguous("an extra field comes twice");
    seen.add(kind);
    if (kind === 1) wide = content;
    else if (kind === 0x7075) {
      const sum = new Fields(content, 1);
      const same = length === raw.length + 5 && content[0] === 1 && sum.number(4) === crc32(raw);
      if (!same || !sameBytes(content.subarray(5), raw)) throw ambiguous("two names of one member");
    } else if (!HARMLESS_EXTRA.get(kind)?.includes(length)) throw foreignBytes("extra field of a member");
  }
  return wide;
}

/** What the directory says of an entry, compared with what stands before and behind its data. */
class ZipEntry {
  constructor(directory) {
    if (directory.number(4) !== CENTRAL) throw ambiguous("the directory holds something else");
    const [, flags, method, , crc, packed, size] = directory.numbers(4, 2, 2, 4, 4, 4, 4);
    const [nameLength, extraLength, comment, disk, , attributes, offset] = directory.numbers(2, 2, 2, 2, 2, 4, 4);
    Object.assign(this, { flags, method, crc, packed, size, offset, attributes });
    this.raw = directory.take(nameLength);
    const onDisk = this.widen(extraFields(directory.take(extraLength), this.raw), disk);
    if (comment) throw foreignBytes("comment of a member");
    if (onDisk || flags & 1 || flags & ~0b1000_0000_1110 || (method !== 0 && method !== 8)) {
      throw new Refusal("BUNDLE_UNREADABLE", { rule: "packed in a way that not every program knows" });
    }
  }

  widen(wide, disk) {
    if (wide === null) return disk;
    const fields = new Fields(wide);
    [this.size, this.packed, this.offset] = fields.widened([this.size, this.packed, this.offset]);
    let onDisk = disk;
    if (disk === WIDE_16) onDisk = fields.number(4);
    fields.finish();
    return onDisk;
  }

  /** Finds the data and gives the place at which the entry ends. */
  read(file) {
    const fields = new Fields(file, this.offset);
    if (fields.number(4) !== LOCAL) throw ambiguous("no member where the directory says");
    const [, flags, method, , crc, narrowPacked, narrowSize] = fields.numbers(2, 2, 2, 4, 4, 4, 4);
    const [nameLength, extraLength] = fields.numbers(2, 2);
    const raw = fields.take(nameLength);
    const wide = extraFields(fields.take(extraLength), raw);
    let [packed, size] = [narrowPacked, narrowSize];
    if (wide !== null) {
      const inner = new Fields(wide);
      // In front of a member the unpacked length comes first.
      [size, packed] = inner.widened([size, packed]);
      inner.finish();
    }
    if (!sameBytes(raw, this.raw) || flags !== this.flags || method !== this.method) {
      throw ambiguous("two names or ways of packing of one member");
    }
    const described = Boolean(flags & 8);
    for (const [here, there] of [[crc, this.crc], [packed, this.packed], [size, this.size]]) {
      if (here !== there && !(described && here === 0)) throw ambiguous("two lengths or checksums of one member");
    }
    this.data = fields.take(this.packed);
    if (described) this.checkDescriptor(fields, wide === null ? 4 : 8);
    return fields.at;
  }

  checkDescriptor(fields, width) {
    const found = fields.numbers(4, 4, width, width);
    const stated = [DESCRIPTOR, this.crc, this.packed, this.size];
    if (found.some((number, at) => number !== stated[at])) throw ambiguous("record behind the data of a member");
    if (this.method === 0 && lastIndexOf(this.data, "PK\x07\x08") >= 0) throw ambiguous("end of the data of a member");
  }

  content() {
    const content = this.method === 8 ? inflated(this.data, this.size) : this.data;
    if (content.length !== this.size || crc32(content) !== this.crc) {
      throw new Refusal("BUNDLE_ALTERED", { rule: "length or checksum of a member" });
    }
    return content;
  }
}

/** Where some bytes stand last in others; -1 if nowhere. */
function lastIndexOf(bytes, text) {
  const wanted = utf8(text);
  for (let at = bytes.length - wanted.length; at >= 0; at--) {
    if (bytes[at] === wanted[0] && wanted.every((byte, offset) => bytes[at + offset] === byte)) return at;
  }
  return -1;
}

const startsWith = (bytes, begin) => sameBytes(bytes.subarray(0, begin.length), begin);

/** Every entry in the order in which they stand; together they are the whole file. */
function zipEntries(file) {
  let tail = file.length - 22;
  const isEnd = tail >= 0 && startsWith(file.subarray(tail), utf8("PK\x05\x06")) && !file[tail + 20] && !file[tail + 21];
  if (!isEnd) throw noEnd(file);
  const [disk, first, ...narrow] = new Fields(file, tail + 4).numbers(2, 2, 2, 2, 4, 4);
  let [here, count, size, offset] = narrow;
  if (tail >= 20 && startsWith(file.subarray(tail - 20), utf8("PK\x06\x07"))) {
    [here, count, size, offset] = wideEnd(file, tail - 20, narrow);
    tail -= 20 + 56;
  }
  if (![0, WIDE_16].includes(disk) || ![0, WIDE_16].includes(first) || here !== count) {
    throw new Refusal("BUNDLE_UNREADABLE", { rule: "split over several files" });
  }
  if (count > ZIP_ENTRIES_MAX) throw new Refusal("BUNDLE_TOO_LARGE", { entries: count });
  if (offset + size > tail) throw new Refusal("BUNDLE_TRUNCATED");
  meet(offset + size, tail, "before the archive or before its end");
  const directory = new Fields(file.subarray(0, tail), offset);
  const entries = Array.from({ length: count }, () => new ZipEntry(directory)).sort((a, b) => a.offset - b.offset);
  meet(directory.at, tail, "after the directory");
  let at = 0;
  for (const entry of entries) {
    meet(at, entry.offset, "between members");
    at = entry.read(file);
  }
  meet(at, offset, "before the directory");
  return entries;
}

/** The numbers of the wide end record, which say what the narrow one says, as far as that says anything. */
function wideEnd(file, locator, narrow) {
  const [disk, offset, disks] = new Fields(file, locator + 4).numbers(4, 8, 4);
  if (locator < 56 || offset !== locator - 56) throw ambiguous("zip64 end record");
  const [mark, length, , one, other, ...wide] = new Fields(file, offset).numbers(4, 8, 4, 4, 4, 8, 8, 8, 8);
  const limits = [WIDE_16, WIDE_16, WIDE_32, WIDE_32];
  const agrees = narrow.every((said, at) => said === limits[at] || said === wide[at]);
  if (!agrees || mark !== END_64 || length !== 44 || one || other || disk || disks > 1) throw ambiguous("zip64 end record");
  return wide;
}

/** Why there is no end record where the file ends. */
function noEnd(file) {
  if (file.length === 0) return new Refusal("FILE_EMPTY");
  const at = lastIndexOf(file, "PK\x05\x06");
  if (at < 0) return new Refusal(startsWith(file, utf8("PK\x03\x04")) ? "BUNDLE_TRUNCATED" : "BUNDLE_NOT_ZIP");
  const after = Math.max(file.length - at - 22, 0);
  const claimed = file.subarray(at + 20, at + 22);
  if (claimed.length === 2 && claimed[0] + 256 * claimed[1] <= after) return foreignBytes("behind the end of the archive");
  return new Refusal("BUNDLE_TRUNCATED");
}

// ---- names ----

const APPLE_FOLDER = "__MACOSX/";
const LOOSE = /^[A-Za-z0-9_./ ()-]*$/;
const DEVICE = /^(con|prn|aux|nul|com[0-9]|lpt[0-9])$/i;

const unsafeName = (member) => new Refusal("MEMBER_NAME_UNSAFE", { member });

/** A part of a path leads nowhere else and is kept as it is on Windows. */
function checkPart(part) {
  if (part === "" || part === ".." || /[. ]$/.test(part) || DEVICE.test(part.split(".")[0])) throw unsafeName(part);
}

function checkMemberName(member) {
  if (member.length > 200 || !/^[A-Za-z0-9_./-]*$/.test(member)) throw unsafeName(member);
  for (const part of member.split("/")) {
    if (part.startsWith(".")) throw unsafeName(member);
    checkPart(part);
  }
}

/** A file is a plain file, and a folder holds nothing itself. */
function checkPlainFile(entry, member) {
  const [folder, mode] = [member.endsWith("/"), entry.attributes >>> 16];
  const kindFits = [0, folder ? 0o040000 : 0o100000].includes(mode & 0o170000);
  const odd = entry.attributes & (0x0008 | 0x0040 | 0x0400) || (!folder && entry.attributes & 0x0010);
  if (!kindFits || mode & 0o7000 || odd || (folder && entry.size)) throw new Refusal("MEMBER_NOT_FILE", { member });
}

/** The one folder, with its slash, in which the whole bundle was packed. */
function enclosing(names) {
  let outer = "";
  let shortest = Infinity;
  for (const member of names) {
    if (!member.endsWith("mimetype") || member.length >= shortest) continue;
    shortest = member.length;
    outer = member.slice(0, -"mimetype".length);
  }
  if (outer.split("/").length !== 2 || !outer.endsWith("/")) return "";
  if (!names.every((member) => member.startsWith(outer) || member.startsWith(APPLE_FOLDER))) return "";
  const folder = outer.slice(0, -1);
  if (folder !== ".") {
    if (outer === APPLE_FOLDER || !LOOSE.test(folder)) throw unsafeName(folder);
    checkPart(folder);
  }
  return outer;
}

/** Paths as they are unpacked: no two that a file system without upper case would merge. */
class Paths {
  constructor() {
    this.seen = new Map();
  }

  claim(member) {
    const ends = [...member].flatMap((letter, at) => (letter === "/" ? [at] : [])).concat(member.length);
    for (const end of ends) {
      const [path, isFile] = [member.slice(0, end), end === member.length];
      const other = this.seen.get(path.toLowerCase());
      this.seen.set(path.toLowerCase(), { path, isFile });
      if (other && (isFile || other.isFile || other.path !== path)) throw new Refusal("MEMBER_NAME_TWICE", { member: path });
    }
  }

  /** A folder record names a folder in which a file lies. */
  checkFolder(folder) {
    const known = this.seen.get(folder.toLowerCase());
    if (known === undefined) throw new Refusal("MEMBER_FOREIGN", { member: folder });
    if (known.path !== folder || known.isFile) throw new Refusal("MEMBER_NAME_TWICE", { member: folder });
  }
}

const JAR_MANIFEST = /^Manifest-Version: 1\.0\r\nCreated-By: [A-Za-z0-9 .,_+()-]{0,60}\r\n\r\n$/;

/** What packing tools leave behind: known by name and content, so that it carries nothing else. */
function isLeftover(member, entry) {
  const last = member.slice(member.lastIndexOf("/") + 1);
  const shapes = [
    [last.startsWith("._"), (content) => startsWith(content, Uint8Array.of(0, 5, 0x16, 7, 0, 2, 0, 0))],
    [last === ".DS_Store", (content) => startsWith(content, utf8("\0\0\0\x01Bud1"))],
    [member === "META-INF/MANIFEST.MF", (content) => JAR_MANIFEST.test(latin1(content))],
  ];
  const shape = shapes.find(([named]) => named);
  if (!shape) return false;
  const content = entry.content();
  if (content.length > LEFTOVER_BYTES_MAX || !shape[1](content)) throw new Refusal("MEMBER_FOREIGN", { member });
  if (!LOOSE.test(member)) throw unsafeName(member);
  member.split("/").forEach(checkPart);
  return true;
}

/** The members by name, in the order of their names, and what packing tools have left behind. */
export function readZip(file) {
  if (file.length > BUNDLE_BYTES_MAX) throw new Refusal("BUNDLE_TOO_LARGE", { bytes: file.length });
  const entries = zipEntries(file);
  if (entries.reduce((sum, entry) => sum + entry.size, 0) > BUNDLE_BYTES_MAX) throw new Refusal("BUNDLE_BOMB");
  const names = entries.map((entry) => {
    const member = latin1(entry.raw);
    if (!/^[ -~]*$/.test(member)) throw unsafeName(member);
    return member;
  });
  const outer = enclosing(names);
  const [members, leftovers, folders, paths] = [new Map(), [], [], new Paths()];
  entries.forEach((entry, at) => {
    const member = names[at];
    checkPlainFile(entry, member);
    const inner = member.startsWith(outer) ? member.slice(outer.length) : member;
    if (isLeftover(inner, entry)) {
      paths.claim(member);
      leftovers.push(member);
    } else if (member.endsWith("/")) {
      entry.content();
      folders.push(member.slice(0, -1));
    } else {
      checkMemberName(inner);
      paths.claim(member);
      members.set(inner, entry.content());
    }
  });
  for (const folder of folders) paths.checkFolder(folder);
  if (members.size > MEMBERS_MAX) throw new Refusal("BUNDLE_TOO_LARGE", { members: members.size });
  return { members: new Map([...members].sort(([one], [other]) => byCodePoint(one, other))), leftovers };
}
