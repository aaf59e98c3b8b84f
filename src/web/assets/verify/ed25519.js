//! Ed25519 (RFC 8032), strict: the signature oracle of the audit, and the arithmetic that registering a key asks for.
import { hashOf, hex, sha512, unhex } from "./bytes.js";

const FIELD = 2n ** 255n - 19n;
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;

function mod(number) {
  const rest = number % FIELD;
  return rest < 0n ? rest + FIELD : rest;
}

function power(base, exponent) {
  let [result, square] = [1n, mod(base)];
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % FIELD;
    square = (square * square) % FIELD;
  }
  return result;
}

const inverse = (number) => power(number, FIELD - 2n);
const CURVE_D = mod(-121665n * inverse(121666n));
const ROOT_OF_MINUS_1 = power(2n, (FIELD - 1n) / 4n);
// Points in extended coordinates: x, y, z, t.
const NEUTRAL = [0n, 1n, 1n, 0n];

function added(p, q) {
  const a = ((p[1] - p[0]) * (q[1] - q[0])) % FIELD;
  const b = ((p[1] + p[0]) * (q[1] + q[0])) % FIELD;
  const c = (((2n * p[3] * q[3]) % FIELD) * CURVE_D) % FIELD;
  const d = (2n * p[2] * q[2]) % FIELD;
  const [e, f, g, h] = [b - a, d - c, d + c, b + a];
  return [(e * f) % FIELD, (g * h) % FIELD, (f * g) % FIELD, (e * h) % FIELD];
}

function doubled([x, y, z]) {
  const [a, b] = [(x * x) % FIELD, (y * y) % FIELD];
  const h = a + b;
  const e = h - (((x + y) * (x + y)) % FIELD);
  const g = a - b;
  const f = ((2n * z * z) % FIELD) + g;
  return [(e * f) % FIELD, (g * h) % FIELD, (f * g) % FIELD, (e * h) % FIELD];
}

/** 0 to 15 times a point: one hexadecimal digit of a scalar. */
function multiples(point) {
  const table = [NEUTRAL, point];
  while (table.length < 16) table.push(added(table[table.length - 1], point));
  return table;
}

/** The sum of scalars times points, digit by digit. */
function combined(terms) {
  let result = NEUTRAL;
  for (let shift = 252n; shift >= 0n; shift -= 4n) {
    for (let times = 0; times < 4; times++) result = doubled(result);
    for (const [scalar, table] of terms) {
      const digit = Number((scalar >> shift) & 15n);
      if (digit) result = added(result, table[digit]);
    }
  }
  return result;
}

function littleEndian(bytes) {
  let number = 0n;
  for (let at = bytes.length - 1; at >= 0; at--) number = (number << 8n) | BigInt(bytes[at]);
  return number;
}

/** The point behind 32 bytes, if they are its one encoding. */
function decoded(bytes) {
  const number = littleEndian(bytes);
  const [y, sign] = [number & (2n ** 255n - 1n), number >> 255n];
  if (y >= FIELD) return null;
  const [u, v] = [mod(y * y - 1n), mod(CURVE_D * y * y + 1n)];
  let x = mod(u * power(v, 3n) * power(u * power(v, 7n), (FIELD - 5n) / 8n));
  if (mod(v * x * x) !== u) x = mod(x * ROOT_OF_MINUS_1);
  if (mod(v * x * x) !== u || (x === 0n && sign === 1n)) return null;
  if ((x & 1n) !== sign) x = FIELD - x;
  return [x, y, 1n, mod(x * y)];
}

function encoded([x, y, z]) {
  const over = inverse(z);
  let number = mod(y * over) | ((mod(x * over) & 1n) << 255n);
  return Uint8Array.from({ length: 32 }, () => {
    const byte = Number(number & 255n);
    number >>= 8n;
    return byte;
  });
}

const isNeutral = (p) => mod(p[0]) === 0n && mod(p[1] - p[2]) === 0n;
const isSmall = (p) => isNeutral(doubled(doubled(doubled(p))));

// Both caches hold what follows from their keys alone; they are emptied when full, so that a page left open does not grow.
const CACHE_MAX = 50_000;
const registered = new Map();

/** What registration asks: canonical, on the curve, not of small order, no torsion component. */
export function isGoodKey(key) {
  let good = registered.get(key);
  if (good === undefined) {
    const point = decoded(unhex(key));
    good = point !== null && !isSmall(point) && isNeutral(combined([[ORDER, multiples(point)]]));
    if (registered.size >= CACHE_MAX) registered.clear();
    registered.set(key, good);
  }
  return good;
}

const BASE = multiples(decoded(unhex("58" + "66".repeat(31))));

/** Whether a signature by a registered key holds, by the arithmetic here. */
export function verifyHere(key, message, signature) {
  const [commitment, scalar] = [signature.subarray(0, 32), littleEndian(signature.subarray(32))];
  const point = decoded(unhex(key));
  if (point === null || scalar >= ORDER) return false;
  const challenge = littleEndian(sha512(commitment, unhex(key), message)) % ORDER;
  const negated = [FIELD - point[0], point[1], point[2], FIELD - point[3]];
  const found = combined([[scalar, BASE], [challenge, multiples(negated)]]);
  return hex(encoded(found)) === hex(commitment) && !isSmall(found);
}

const imported = new Map();

/** The same by Web Crypto; null where it knows no Ed25519 (an old browser, or a page that is not secure). */
async function verifyInBrowser(key, message, signature) {
  try {
    if (!imported.has(key)) {
      if (imported.size >= CACHE_MAX) imported.clear();
      imported.set(key, await crypto.subtle.importKey("raw", unhex(key), "Ed25519", false, ["verify"]));
    }
    return await crypto.subtle.verify("Ed25519", imported.get(key), signature, message);
  } catch {
    return null;
  }
}

// A commitment of small order is refused. Registered keys have none of it in them, so that only the neutral point is left.
const NEUTRAL_TEXT = "01" + "00".repeat(31);

/**
 * What is known of signatures. The audit asks and does not wait: a signature nobody has checked yet counts as good and is
 * written down; after `settle` the audit is made again, until it has asked for nothing new. Each round knows more, and what
 * the last one says rests on checked signatures only.
 */
export class Signatures {
  constructor() {
    this.known = new Map();
    this.asked = new Map();
  }

  good(key, message, signature) {
    const at = `${key} ${hex(signature)} ${hashOf(message)}`;
    const known = this.known.get(at);
    if (known !== undefined) return known;
    this.asked.set(at, [key, message, signature]);
    return true;
  }

  /** Before a bundle: forgets all of former ones when that is much. Never during one, or its rounds would not end. */
  begin() {
    if (this.known.size >= CACHE_MAX) this.known.clear();
  }

  /** Checks what was asked for. Gives whether there was anything. */
  async settle() {
    const asked = [...this.asked];
    this.asked.clear();
    const checks = asked.map(async ([at, [key, message, signature]]) => {
      let good = false;
      if (signature.length === 64 && hex(signature.subarray(0, 32)) !== NEUTRAL_TEXT) {
        good = (await verifyInBrowser(key, message, signature)) ?? verifyHere(key, message, signature);
      }
      this.known.set(at, good);
    });
    await Promise.all(checks);
    return asked.length > 0;
  }
}
