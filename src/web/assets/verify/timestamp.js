//! A time stamp over a bundle (RFC 3161), as far as it can count against one: what bytes it is over.
import { hex, latin1, sha256 } from "./bytes.js";
import { MANIFEST, TIMESTAMP } from "./reading.js";
import { Refusal, refusalOf } from "./refusal.js";

const TOKEN_BYTES_MAX = 64 * 1024;
const SIGNED_DATA = "2a864886f70d010702";
const TST_INFO = "2a864886f70d0109100104";
const SHA_256 = "608648016503040201";
const NOTHING = new Uint8Array(0);

/** The content of the first element, if it has this tag, and what follows it; null and nothing if it has not. */
function element(data, tag) {
  const none = [null, NOTHING];
  if (data === null || data.length < 2 || data[0] !== tag) return none;
  let [length, at] = [data[1], 2];
  if (length > 0x7f) {
    at += length & 0x7f;
    if (length < 0x81 || length > 0x83 || data.length < at || data[2] === 0) return none;
    length = data.subarray(2, at).reduce((number, byte) => number * 256 + byte, 0);
    if (length <= 0x7f) return none;
  }
  return data.length >= at + length ? [data.subarray(at, at + length), data.subarray(at + length)] : none;
}

/** The contents of elements that follow each other, by their tags, and the rest. */
function elements(data, ...tags) {
  const found = [];
  let rest = data;
  for (const tag of tags) {
    const [content, after] = element(rest, tag);
    found.push(content);
    rest = after;
  }
  return [...found, rest];
}

const isId = (content, digits) => content !== null && hex(content) === digits;

function demand(holds, rule) {
  if (!holds) throw new Refusal("TIMESTAMP_INVALID", { rule });
}

/** What a time stamp token in DER is over: signed data about a time, over a SHA-256. */
function stampedDigest(token) {
  const [content, behind] = elements(token, 0x30);
  const [kind, explicit, more] = elements(content, 0x06, 0xa0);
  const [signed, most] = elements(explicit, 0x30);
  const [, , encapsulated] = elements(signed, 0x02, 0x31, 0x30);
  const [about, wrapped] = elements(encapsulated, 0x06, 0xa0);
  const [info, after] = elements(element(wrapped, 0x04)[0], 0x30);
  const isWhole = token.length <= TOKEN_BYTES_MAX && [behind, more, most, after].every((rest) => rest.length === 0);
  demand(isWhole && isId(kind, SIGNED_DATA) && isId(about, TST_INFO), "no TimeStampToken in DER");
  const [, , imprint, , time] = elements(info, 0x02, 0x06, 0x30, 0x02, 0x18);
  demand(/^[0-9]{14}([.][0-9]+)?Z$/.test(latin1(time ?? NOTHING)), "time");
  const [algorithm, digest] = elements(imprint, 0x30, 0x04);
  demand(isId(element(algorithm, 0x06)[0], SHA_256), "it is over other bytes");
  return digest ?? NOTHING;
}

/**
 * A time stamp over other bytes than the list of digests counts against the bundle. Who issued it and whether its signature
 * holds would be remarks: that is not checked here. Gives whether there is one to check elsewhere.
 */
export function checkTimestamp(members, book) {
  const token = members.get(TIMESTAMP);
  if (token === undefined) return false;
  const refusal = refusalOf(() => {
    const manifest = sha256(members.get(MANIFEST) ?? NOTHING);
    demand(hex(stampedDigest(token)) === hex(manifest), "it is over other bytes");
  });
  if (refusal) {
    book.refuse("CONTAINER", TIMESTAMP, new Refusal("BUNDLE_ALTERED", { ...refusal.fields, member: TIMESTAMP }));
    return false;
  }
  book.ok("CONTAINER");
  return true;
}
