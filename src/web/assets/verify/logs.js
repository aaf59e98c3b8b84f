//! Notes, checkpoints, cosignatures and proofs (C2SP signed-note, tlog-checkpoint, tlog-cosignature, tlog-proof; RFC 9162).
import { base64, bigEndian, byCodePoint, hashOf, hex, joined, sameBytes, sha256 } from "./bytes.js";
import { textLike, textOf, unbase64, unhex, utf8 } from "./bytes.js";
import { origin, partsOf } from "./fields.js";
import { Refusal } from "./refusal.js";

const NOTE_BYTES_MAX = 16 * 1024;
const EXTRA_BYTES_MAX = 8 * 1024;
const PROOF_BYTES_MAX = NOTE_BYTES_MAX + (EXTRA_BYTES_MAX * 3) / 2 + 4 * 1024;
export const PLAIN = 1;
export const COSIGNED = 4;
const SECONDS_MAX = 2n ** 63n - 1n;
const BYTE_0 = Uint8Array.of(0);
const BYTE_1 = Uint8Array.of(1);

/** A number of 64 bits in its one form, as a BigInt; else null. */
function decimal(text) {
  return /^(0|[1-9][0-9]{0,19})$/.test(text) && BigInt(text) < 2n ** 64n ? BigInt(text) : null;
}

function noteKeyId(signer, kind, key) {
  return hex(sha256(utf8(`${signer}\n`), Uint8Array.of(kind), unhex(key)).subarray(0, 4));
}

export function vkey(signer, kind, key) {
  return `${signer}+${noteKeyId(signer, kind, key)}+${base64(joined(Uint8Array.of(kind), unhex(key)))}`;
}

export function requireSignature(signatures, key, message, signature) {
  if (signature.length !== 64 || !signatures.good(key, message, signature)) {
    throw new Refusal("SIGNATURE_INVALID", { key: hashOf(unhex(key)).slice(0, 16) });
  }
}

// What no name of a signer holds: a plus, controls, and what is blank.
const BLANK = /[+\u0000-\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;

/** A signed note: the text, and lines of (name, key id, bytes) that nobody need have checked. */
export class Note {
  constructor(written) {
    const malformed = new Refusal("NOTE_MALFORMED");
    const cut = written.lastIndexOf("\n\n");
    if (utf8(written).length > NOTE_BYTES_MAX || cut < 0 || !written.slice(cut + 2).endsWith("\n")) throw malformed;
    this.written = written;
    this.text = written.slice(0, cut + 1);
    this.lines = written.slice(cut + 2, -1).split("\n").map((line) => {
      const blank = line.indexOf(" ", 2);
      const data = line.startsWith("— ") && blank >= 0 ? unbase64(line.slice(blank + 1)) : null;
      const signer = line.slice(2, Math.max(blank, 2));
      if (data === null || data.length < 5 || !signer || BLANK.test(signer)) throw malformed;
      return { signer, keyId: hex(data.subarray(0, 4)), data: data.subarray(4) };
    });
    if (/[\u0000-\u0009\u000b-\u001f]/.test(this.text) || this.lines.length > 64) throw malformed;
  }

  of(signer, kind, key) {
    const keyId = noteKeyId(signer, kind, key);
    return this.lines.filter((line) => line.signer === signer && line.keyId === keyId).map((line) => line.data);
  }

  requireLog(signer, key, signatures) {
    const found = this.of(signer, PLAIN, key);
    if (found.length === 0) throw new Refusal("SIGNATURE_INVALID", { name: signer });
    for (const data of found) requireSignature(signatures, key, utf8(this.text), data);
  }

  /** The earliest time at which this key cosigned; null if it did not, or if one of its lines is wrong. */
  cosignedAt(witness, key, signatures) {
    let earliest = null;
    for (const data of this.of(witness, COSIGNED, key)) {
      const seconds = data.subarray(0, 8).reduce((number, byte) => (number << 8n) | BigInt(byte), 0n);
      if (data.length !== 72 || seconds > SECONDS_MAX) return null;
      const message = utf8(`cosignature/v1\ntime ${seconds}\n${this.text}`);
      if (!signatures.good(key, message, data.subarray(8))) return null;
      if (earliest === null || seconds < earliest) earliest = seconds;
    }
    return earliest === null ? null : Number(earliest);
  }
}

const EMPTY_ROOT = hashOf();

/** Origin, size and root of a log. Sizes and places are BigInts: they have 64 bits. */
export class Checkpoint {
  constructor(written) {
    const invalid = new Refusal("CHECKPOINT_INVALID");
    const lines = written.split("\n");
    if (lines.length !== 4 || lines[3]) throw invalid;
    this.origin = origin(lines[0]);
    const [size, root] = [decimal(lines[1]), unbase64(lines[2])];
    if (size === null || root === null || root.length !== 32 || (size === 0n && hex(root) !== EMPTY_ROOT)) throw invalid;
    this.size = size;
    this.root = root;
  }
}

/** The name of a log in a bundle. */
export function logLabel(log) {
  const [, node, epoch] = partsOf(log);
  return epoch === 1 ? node : `${node}.${epoch}`;
}

/** Lines of hashes in base64, else null where one is none. */
function hashesIn(lines) {
  const hashes = lines.map(unbase64);
  return hashes.every((found) => found !== null && found.length === 32) ? hashes : null;
}

/** Head and note of a member that holds both. */
function cutIn(written) {
  const cut = written.indexOf("\n\n");
  return cut < 0 ? null : [written.slice(0, cut), written.slice(cut + 2)];
}

/** An inclusion proof with its checkpoint. */
export class Proof {
  constructor(written) {
    const malformed = new Refusal("PROOF_INVALID");
    const parts = cutIn(written);
    if (utf8(written).length > PROOF_BYTES_MAX || parts === null) throw malformed;
    const lines = parts[0].split("\n");
    if (lines.shift() !== "c2sp.org/tlog-proof@v1") throw malformed;
    this.extra = new Uint8Array(0);
    if (lines[0]?.startsWith("extra ")) {
      this.extra = unbase64(lines.shift().slice("extra ".length));
      if (this.extra === null || this.extra.length < 1 || this.extra.length > EXTRA_BYTES_MAX) throw malformed;
    }
    this.index = lines[0]?.startsWith("index ") ? decimal(lines[0].slice("index ".length)) : null;
    this.hashes = hashesIn(lines.slice(1));
    if (this.index === null || this.hashes === null || this.hashes.length > 64) throw malformed;
    this.note = new Note(parts[1]);
  }

  origin() {
    return originOf(this.note);
  }
}

/** The log a note speaks of, or null. */
function originOf(note) {
  try {
    return new Checkpoint(note.text).origin;
  } catch (error) {
    if (error instanceof Refusal) return null;
    throw error;
  }
}

/** RFC 9162 section 2.1.3.2. */
export function requireInclusion(leaf, proof, head) {
  const invalid = new Refusal("PROOF_INVALID", { index: proof.index, size: head.size });
  if (proof.index >= head.size) throw invalid;
  let [node, last, found] = [proof.index, head.size - 1n, sha256(BYTE_0, leaf)];
  for (const sibling of proof.hashes) {
    if (last === 0n) throw invalid;
    if (node & 1n || node === last) {
      found = sha256(BYTE_1, sibling, found);
      while (!(node & 1n) && node) [node, last] = [node >> 1n, last >> 1n];
    } else {
      found = sha256(BYTE_1, found, sibling);
    }
    [node, last] = [node >> 1n, last >> 1n];
  }
  if (last !== 0n || !sameBytes(found, head.root)) throw invalid;
}

/** RFC 9162 section 2.1.4.2; nothing is to be proven from an empty tree, or from a tree to itself. */
export function requireConsistency(old, next, proof) {
  const fork = new Refusal("LOG_FORK", { log: old.origin, old: old.size, new: next.size });
  if (old.size === 0n || old.size === next.size) {
    if (proof.length || old.size > next.size || (old.size && !sameBytes(old.root, next.root))) throw fork;
    return;
  }
  if (old.size > next.size) throw fork;
  let [node, last, rest] = [old.size - 1n, next.size - 1n, [...proof]];
  while (node & 1n) [node, last] = [node >> 1n, last >> 1n];
  const first = old.size & (old.size - 1n) ? rest.shift() : old.root;
  if (first === undefined) throw fork;
  let [before, after] = [first, first];
  for (const sibling of rest) {
    if (last === 0n) throw fork;
    if (node & 1n || node === last) {
      [before, after] = [sha256(BYTE_1, sibling, before), sha256(BYTE_1, sibling, after)];
      while (!(node & 1n) && node) [node, last] = [node >> 1n, last >> 1n];
    } else {
      after = sha256(BYTE_1, after, sibling);
    }
    [node, last] = [node >> 1n, last >> 1n];
  }
  if (last !== 0n || !sameBytes(before, old.root) || !sameBytes(after, next.root)) throw fork;
}

/** An earlier checkpoint of a log, and the proof that the newest one continues it. */
export class Cover {
  constructor(bytes) {
    const malformed = new Refusal("PROOF_INVALID", { rule: "cover" });
    const written = textOf(bytes);
    const parts = written === null ? null : cutIn(written);
    if (bytes.length > NOTE_BYTES_MAX + 8 * 1024 || parts === null) throw malformed;
    const [first, ...lines] = parts[0].split("\n");
    this.hashes = hashesIn(lines);
    if (this.hashes === null || lines.length > 128) throw malformed;
    this.note = new Note(parts[1]);
    if (first !== "verbund/cover/v1") throw malformed;
  }

  name() {
    const log = originOf(this.note);
    return log && `${logLabel(log)}/${new Checkpoint(this.note.text).size}`;
  }
}

export function linesOf(text) {
  const parts = text.split("\n");
  const rest = parts.pop();
  const lines = parts.map((line) => (line.endsWith("\r") ? line.slice(0, -1) : line));
  return rest ? [...lines, rest] : lines;
}

/** Where a log ends: its newest leaf, its place, the signed bytes behind it, and the paths to its trust digest. */
export class LogEnd {
  constructor(bytes, proof, last) {
    const malformed = new Refusal("PROOF_INVALID", { rule: "log end" });
    const written = textLike(bytes);
    this.proof = proof;
    this.last = last;
    // The leaf is here with its digest.
    if (proof.extra.length) throw malformed;
    this.paths = new Map();
    // Of subjects about which nothing was said: key and value of the leaf that stands in their place.
    this.instead = new Map();
    const lines = linesOf(written);
    this.leaf = lines[1]?.startsWith("leaf ") ? unbase64(lines[1].slice("leaf ".length)) : null;
    if (this.leaf === null || this.leaf.length !== 200) throw malformed;
    let [subject, path] = ["", null];
    for (const line of lines.slice(2)) {
      if (line.startsWith("subject ")) {
        subject = line.slice("subject ".length);
        path = [];
        this.paths.set(subject, path);
      } else if (line.startsWith("instead ") && path !== null) {
        const [, key, value] = /^instead ([^ ]*) ([^]*)$/.exec(line) ?? ["", "", ""];
        const pair = hashesIn([key, value]);
        if (pair === null) throw malformed;
        this.instead.set(subject, pair);
      } else {
        const [, bit, other] = /^([0-9]{1,3}) ([^]*)$/.exec(line) ?? ["", "", ""];
        const hashes = hashesIn([other]);
        if (path === null || hashes === null || Number(bit) > 255) throw malformed;
        path.push({ bit: Number(bit), other: hashes[0] });
      }
    }
    if (this.written() !== written) throw malformed;
  }

  written() {
    let text = `verbund/log-end/v1\nleaf ${base64(this.leaf)}\n`;
    for (const subject of [...this.paths.keys()].sort(byCodePoint)) {
      text += `subject ${subject}\n`;
      if (this.instead.has(subject)) text += `instead ${this.instead.get(subject).map(base64).join(" ")}\n`;
      for (const { bit, other } of this.paths.get(subject)) text += `${bit} ${base64(other)}\n`;
    }
    return text;
  }
}

/** The trust digest to which a path leads from everything said about a subject, or from what stands in its place. */
export function digestByPath(subject, ids, path, instead) {
  const invalid = new Refusal("PROOF_INVALID", { subject });
  if (path.length > 256 || path.some(({ bit }, at) => at > 0 && bit >= path[at - 1].bit)) throw invalid;
  const key = sha256(utf8(subject));
  if (ids.length > 0 === (instead !== undefined)) throw invalid;
  let found;
  if (instead !== undefined) {
    const differs = ({ bit }) => (instead[0][bit >> 3] ^ key[bit >> 3]) & (0x80 >> (bit & 7));
    if (sameBytes(instead[0], key) || path.some(differs)) throw invalid;
    found = sha256(BYTE_0, ...instead);
  } else {
    const value = ids.reduce((before, id) => sha256(Uint8Array.of(2), before, unhex(id)), new Uint8Array(32));
    found = sha256(BYTE_0, key, value);
  }
  for (const { bit, other } of path) {
    const isRight = key[bit >> 3] & (0x80 >> (bit & 7));
    found = sha256(BYTE_1, Uint8Array.of(bit), ...(isRight ? [other, found] : [found, other]));
  }
  return found;
}

/** The commitment to the next root keys of an organisation. */
export function commitment(root) {
  return hashOf(utf8("verbund/root-keys/v1\0"), bigEndian(root.threshold, 4), ...root.keys.map(unhex));
}
