//! Deflate (RFC 1951), with a limit and knowing where the data ends: what browsers offer says neither.
import { Refusal } from "./refusal.js";

const LENGTHS = [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258];
const LENGTH_BITS = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const DISTANCES = [
  1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193,
  12289, 16385, 24577,
];
const CODE_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
const LONGEST = 15;

const bad = () => new Refusal("BUNDLE_ALTERED", { rule: "length or checksum of a member" });

/** A code as the number of codes of each length, and the symbols in their order. One that is not complete is refused. */
class Code {
  constructor(lengths, mayBeSingle) {
    this.counts = new Uint16Array(LONGEST + 1);
    for (const length of lengths) this.counts[length]++;
    this.counts[0] = 0;
    let [left, total] = [1, 0];
    for (let length = 1; length <= LONGEST; length++) {
      left = 2 * left - this.counts[length];
      total += this.counts[length];
      if (left < 0) throw bad();
    }
    const single = total === 0 || (total === 1 && this.counts[1] === 1);
    if (left > 0 && !(mayBeSingle && single)) throw bad();
    const starts = new Uint16Array(LONGEST + 2);
    for (let length = 1; length <= LONGEST; length++) starts[length + 1] = starts[length] + this.counts[length];
    this.symbols = new Uint16Array(total);
    lengths.forEach((length, symbol) => {
      if (length) this.symbols[starts[length]++] = symbol;
    });
  }
}

const fixedLengths = Array.from({ length: 288 }, (_, at) => (at < 144 ? 8 : at < 256 ? 9 : at < 280 ? 7 : 8));
const FIXED = [new Code(fixedLengths, false), new Code(Array(32).fill(5), false)];

class Inflater {
  constructor(data, size) {
    this.data = data;
    this.at = 0;
    this.held = 0;
    this.count = 0;
    this.out = new Uint8Array(size);
    this.length = 0;
  }

  bits(count) {
    while (this.count < count) {
      if (this.at >= this.data.length) throw bad();
      this.held |= this.data[this.at++] << this.count;
      this.count += 8;
    }
    const found = this.held & ((1 << count) - 1);
    this.held >>>= count;
    this.count -= count;
    return found;
  }

  symbol(code) {
    let [value, first, index] = [0, 0, 0];
    for (let length = 1; length <= LONGEST; length++) {
      value |= this.bits(1);
      const count = code.counts[length];
      if (value - count < first) return code.symbols[index + value - first];
      index += count;
      first = (first + count) << 1;
      value <<= 1;
    }
    throw bad();
  }

  push(byte) {
    if (this.length >= this.out.length) throw bad();
    this.out[this.length++] = byte;
  }

  stored() {
    this.held = this.count = 0;
    const head = this.data.subarray(this.at, this.at + 4);
    const length = head[0] | (head[1] << 8);
    if (head.length < 4 || (length ^ 0xffff) !== (head[2] | (head[3] << 8))) throw bad();
    this.at += 4;
    if (this.at + length > this.data.length) throw bad();
    for (let left = length; left > 0; left--) this.push(this.data[this.at++]);
  }

  dynamic() {
    const [literals, distances, codes] = [this.bits(5) + 257, this.bits(5) + 1, this.bits(4) + 4];
    if (literals > 286 || distances > 30) throw bad();
    const lengths = Array(19).fill(0);
    for (let at = 0; at < codes; at++) lengths[CODE_ORDER[at]] = this.bits(3);
    const code = new Code(lengths, false);
    const all = [];
    while (all.length < literals + distances) {
      const symbol = this.symbol(code);
      if (symbol < 16) {
        all.push(symbol);
        continue;
      }
      if (symbol === 16 && all.length === 0) throw bad();
      const value = symbol === 16 ? all[all.length - 1] : 0;
      const times = symbol === 16 ? 3 + this.bits(2) : symbol === 17 ? 3 + this.bits(3) : 11 + this.bits(7);
      for (let time = 0; time < times; time++) all.push(value);
    }
    if (all.length > literals + distances || all[256] === 0) throw bad();
    return [new Code(all.slice(0, literals), true), new Code(all.slice(literals), true)];
  }

  compressed([literal, distance]) {
    for (;;) {
      const symbol = this.symbol(literal);
      if (symbol === 256) return;
      if (symbol < 256) {
        this.push(symbol);
        continue;
      }
      if (symbol > 285) throw bad();
      const length = LENGTHS[symbol - 257] + this.bits(LENGTH_BITS[symbol - 257]);
      const far = this.symbol(distance);
      if (far > 29) throw bad();
      const back = DISTANCES[far] + this.bits(far < 2 ? 0 : (far >> 1) - 1);
      if (back > this.length) throw bad();
      for (let left = length; left > 0; left--) this.push(this.out[this.length - back]);
    }
  }
}

/** The data unpacked, which is exactly so many bytes long; anything else is refused. */
export function inflated(data, size) {
  const inflater = new Inflater(data, size);
  for (let last = 0; !last; ) {
    last = inflater.bits(1);
    const kind = inflater.bits(2);
    if (kind === 0) inflater.stored();
    else if (kind === 1) inflater.compressed(FIXED);
    else if (kind === 2) inflater.compressed(inflater.dynamic());
    else throw bad();
  }
  if (inflater.length !== size || inflater.at !== data.length) throw bad();
  return inflater.out;
}
