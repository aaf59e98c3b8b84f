//! Bytes, their texts, and the two hash functions, all synchronous: the audit is one function that waits for nothing.

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

export function hex(bytes) {
  let text = "";
  for (const byte of bytes) text += HEX[byte];
  return text;
}

/** The bytes behind an even number of hexadecimal digits. */
export function unhex(text) {
  const bytes = new Uint8Array(text.length / 2);
  for (let at = 0; at < bytes.length; at++) bytes[at] = parseInt(text.substr(2 * at, 2), 16);
  return bytes;
}

const ENCODER = new TextEncoder();
const STRICT = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const LENIENT = new TextDecoder("utf-8", { ignoreBOM: true });

export function utf8(text) {
  return ENCODER.encode(text);
}

/** The text, or null if the bytes are no UTF-8. */
export function textOf(bytes) {
  try {
    return STRICT.decode(bytes);
  } catch {
    return null;
  }
}

export function textLike(bytes) {
  return LENIENT.decode(bytes);
}

/** One character for each byte. */
export function latin1(bytes) {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

export function joined(...parts) {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

export function sameBytes(one, other) {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}

/** A number as so many bytes, the highest first. */
export function bigEndian(number, length) {
  const bytes = new Uint8Array(length);
  for (let at = length - 1, rest = BigInt(number); at >= 0; at--, rest >>= 8n) bytes[at] = Number(rest & 255n);
  return bytes;
}

const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const BASE64_VALUE = new Map([...BASE64].map((letter, value) => [letter, value]));

export function base64(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 3) {
    const group = (bytes[at] << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    text += BASE64[group >> 18] + BASE64[(group >> 12) & 63];
    text += at + 1 < bytes.length ? BASE64[(group >> 6) & 63] : "=";
    text += at + 2 < bytes.length ? BASE64[group & 63] : "=";
  }
  return text;
}

/** The bytes behind their one text, else null. */
export function unbase64(text) {
  if (text.length % 4 !== 0) return null;
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  const bytes = new Uint8Array((text.length / 4) * 3 - padding);
  let group = 0;
  for (let at = 0, to = 0; at < text.length; at++) {
    const value = at < text.length - padding ? BASE64_VALUE.get(text[at]) : 0;
    if (value === undefined) return null;
    group = (group << 6) | value;
    if (at % 4 === 3) {
      for (let shift = 16; shift >= 0 && to < bytes.length; shift -= 8) bytes[to++] = (group >> shift) & 255;
      group = 0;
    }
  }
  return base64(bytes) === text ? bytes : null;
}

/** Texts in the order of their code points, which is that of their UTF-8. */
export function byCodePoint(one, other) {
  if (one === other) return 0;
  const [a, b] = [utf8(one), utf8(other)];
  for (let at = 0; at < a.length && at < b.length; at++) if (a[at] !== b[at]) return a[at] - b[at];
  return a.length - b.length;
}

/** Lists of numbers, texts, truths and such lists, in the order of their first difference. */
export function compared(one, other) {
  if (Array.isArray(one)) {
    for (let at = 0; at < one.length && at < other.length; at++) {
      const found = compared(one[at], other[at]);
      if (found) return found;
    }
    return one.length - other.length;
  }
  if (typeof one === "string") return byCodePoint(one, other);
  return one < other ? -1 : one > other ? 1 : 0;
}

/** The first of the least by what a function gives for each. */
export function least(list, rank) {
  let best, bestRank;
  for (const each of list) {
    const found = rank(each);
    if (bestRank === undefined || compared(found, bestRank) < 0) [best, bestRank] = [each, found];
  }
  return best;
}

/** The first of the greatest. */
export function greatest(list, rank) {
  let best, bestRank;
  for (const each of list) {
    const found = rank(each);
    if (bestRank === undefined || compared(found, bestRank) > 0) [best, bestRank] = [each, found];
  }
  return best;
}

/** Whether two documents say the same. */
export function alike(one, other) {
  if (one === other) return true;
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return false;
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every((name) => alike(one[name], other[name]));
}

// The constants of SHA-2 are the first bits of the cube roots (rounds) and square roots (start) of the first primes; what
// is computed from them cannot be mistyped.
const PRIMES = [];
for (let number = 2; PRIMES.length < 80; number++) if (PRIMES.every((prime) => number % prime)) PRIMES.push(number);

/** The first 64 bits behind the point of a root of a number. */
function rootBits(number, degree) {
  const wanted = BigInt(number) << BigInt(64 * degree);
  let [low, high] = [0n, 1n << 72n];
  while (high - low > 1n) {
    const middle = (low + high) >> 1n;
    if (middle ** BigInt(degree) <= wanted) low = middle;
    else high = middle;
  }
  return low & ((1n << 64n) - 1n);
}

const ROUND_64 = PRIMES.map((prime) => rootBits(prime, 3));
const START_64 = PRIMES.slice(0, 8).map((prime) => rootBits(prime, 2));
const ROUND_32 = Int32Array.from(ROUND_64.slice(0, 64), (bits) => Number(bits >> 32n) | 0);
const START_32 = Int32Array.from(START_64, (bits) => Number(bits >> 32n) | 0);

/** The message with its padding, whose length stands in the last eight bytes. */
function padded(parts, block, tail) {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const all = new Uint8Array(Math.ceil((length + 1 + tail) / block) * block);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  all[at] = 0x80;
  const view = new DataView(all.buffer);
  view.setUint32(all.length - 8, Math.floor(length / 0x20000000));
  view.setUint32(all.length - 4, (length * 8) >>> 0);
  return view;
}

const WORDS = new Int32Array(64);

export function sha256(...parts) {
  const view = padded(parts, 64, 8);
  const state = Int32Array.from(START_32);
  const turned = (word, by) => (word >>> by) | (word << (32 - by));
  for (let block = 0; block < view.byteLength; block += 64) {
    for (let at = 0; at < 16; at++) WORDS[at] = view.getInt32(block + 4 * at);
    for (let at = 16; at < 64; at++) {
      const [x, y] = [WORDS[at - 15], WORDS[at - 2]];
      const low = turned(x, 7) ^ turned(x, 18) ^ (x >>> 3);
      const high = turned(y, 17) ^ turned(y, 19) ^ (y >>> 10);
      WORDS[at] = (WORDS[at - 16] + low + WORDS[at - 7] + high) | 0;
    }
    let [a, b, c, d, e, f, g, h] = state;
    for (let at = 0; at < 64; at++) {
      const one = (h + (turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)) + ((e & f) ^ (~e & g)) + ROUND_32[at] + WORDS[at]) | 0;
      const two = ((turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + one) | 0;
      d = c;
      c = b;
      b = a;
      a = (one + two) | 0;
    }
    [a, b, c, d, e, f, g, h].forEach((word, at) => (state[at] = (state[at] + word) | 0));
  }
  const digest = new DataView(new ArrayBuffer(32));
  state.forEach((word, at) => digest.setInt32(4 * at, word));
  return new Uint8Array(digest.buffer);
}

/** SHA-256 as hexadecimal digits: ids and hashes are texts here, so that they can be compared and be keys of maps. */
export function hashOf(...parts) {
  return hex(sha256(...parts));
}

const MASK_64 = (1n << 64n) - 1n;

/** Only for statements with several signatures, and for signatures where the browser knows no Ed25519. */
export function sha512(...parts) {
  const view = padded(parts, 128, 16);
  const state = [...START_64];
  const turned = (word, by) => ((word >> by) | (word << (64n - by))) & MASK_64;
  for (let block = 0; block < view.byteLength; block += 128) {
    const words = Array.from({ length: 16 }, (_, at) => view.getBigUint64(block + 8 * at));
    for (let at = 16; at < 80; at++) {
      const [x, y] = [words[at - 15], words[at - 2]];
      const low = turned(x, 1n) ^ turned(x, 8n) ^ (x >> 7n);
      const high = turned(y, 19n) ^ turned(y, 61n) ^ (y >> 6n);
      words.push((words[at - 16] + low + words[at - 7] + high) & MASK_64);
    }
    let [a, b, c, d, e, f, g, h] = state;
    for (let at = 0; at < 80; at++) {
      const mixed = turned(e, 14n) ^ turned(e, 18n) ^ turned(e, 41n);
      const one = (h + mixed + ((e & f) ^ (~e & MASK_64 & g)) + ROUND_64[at] + words[at]) & MASK_64;
      const two = (turned(a, 28n) ^ turned(a, 34n) ^ turned(a, 39n)) + ((a & b) ^ (a & c) ^ (b & c));
      [h, g, f, e, d, c, b, a] = [g, f, e, (d + one) & MASK_64, c, b, a, (one + two) & MASK_64];
    }
    [a, b, c, d, e, f, g, h].forEach((word, at) => (state[at] = (state[at] + word) & MASK_64));
  }
  return joined(...state.map((word) => bigEndian(word, 8)));
}
