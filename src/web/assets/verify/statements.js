//! Statements: DSSE bytes and signatures, the leaf of a log, and what a statement is about (proto/README.md).
import { bigEndian, hashOf, joined, latin1, sha256, sha512, textOf, unhex, utf8 } from "./bytes.js";
import { name, opt, record } from "./fields.js";
import { JSON_BYTES_MAX, readJson } from "./json.js";
import { bodyOf, isAboutTrust, isPublic } from "./kinds.js";
import { Refusal } from "./refusal.js";

const malformed = (part = "encoding") => new Refusal("STATEMENT_MALFORMED", { part });

/** A decimal number and the space behind it, from a place on; null if there is none. */
function lengthAt(pae, at) {
  const found = /^(0|[1-9][0-9]{0,18}) /.exec(latin1(pae.subarray(at, at + 20)));
  return found && { length: Number(found[1]), end: at + found[0].length };
}

/** Payload type and payload, if the bytes are exactly one pre-authentication encoding. */
export function splitPae(pae) {
  if (pae.length > JSON_BYTES_MAX + 256) throw new Refusal("JSON_TOO_LARGE", { bytes: pae.length });
  const head = latin1(pae.subarray(0, 7)) === "DSSEv1 " ? lengthAt(pae, 7) : null;
  if (head === null) throw malformed();
  const end = head.end + head.length;
  const middle = end < pae.length && pae[end] === 0x20 ? lengthAt(pae, end + 1) : null;
  if (middle === null || pae.length !== middle.end + middle.length) throw malformed();
  return [pae.subarray(head.end, end), pae.subarray(middle.end)];
}

export function kindIn(payloadType) {
  const found = /^application\/vnd\.verbund\.([^]*)\.v1\+json$/.exec(textOf(payloadType) ?? "");
  if (!found) throw malformed("payload type");
  return found[1];
}

// Documents that were read, by statement id: what is in them follows from the id. Emptied when full.
const READ_MAX = 20_000;
const read = new Map();

/** A statement as it arrived: well-formed, with signatures nobody need have checked yet. */
export class Signed {
  constructor(pae, signatures) {
    if (signatures.length < 1 || signatures.length > 16) {
      throw new Refusal("STATEMENT_UNSIGNED", { signatures: signatures.length });
    }
    const [payloadType, payload] = splitPae(pae);
    this.kind = kindIn(payloadType);
    if (!/^[a-z-]+$/.test(this.kind)) throw malformed("payload type");
    this.payload = payload;
    this.pae = pae;
    this.id = hashOf(pae);
    // Signatures by the hash of their key, in its order.
    this.signatures = new Map([...signatures].sort(([one], [other]) => (one < other ? -1 : 1)));
  }

  /** The document, or what is wrong with it. */
  body() {
    let found = read.get(this.id);
    if (found === undefined) {
      try {
        found = bodyOf(this.kind, readJson(this.payload, true));
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        found = error;
      }
      if (read.size >= READ_MAX) read.clear();
      read.set(this.id, found);
    }
    if (found instanceof Refusal) throw new Refusal(found.reason, found.fields);
    return found;
  }

  /** The first 168 bytes of the leaf. */
  leafStem(outcome) {
    const several = this.signatures.size > 1;
    const tag = utf8((isPublic(this.kind) ? "vrb1pub" : "vrb1prt") + (several ? "n" : "1"));
    let keys = joined(...[...this.signatures.keys()].map(unhex));
    let signatures = joined(...this.signatures.values());
    if (several) [keys, signatures] = [sha256(keys), sha512(signatures)];
    return joined(tag, unhex(this.id), keys, signatures, outcome);
  }
}

/** What only the parties can compute: whether a leaf is the seal or the void of an attempt. */
export function outcomeTag(kind, order, attempt, salt) {
  return sha256(utf8(`verbund/outcome/v1\0${kind}\0`), unhex(order), bigEndian(attempt, 4), unhex(salt));
}

const offered = record({ seller: name, name });
const charged = record({ org: name });
const named = record({ org: opt(name), officer: opt(name), node: opt(name) });

/** A document as far as it has these fields, else null. */
function shaped(reader, payload) {
  try {
    return reader(readJson(payload));
  } catch (error) {
    if (error instanceof Refusal) return null;
    throw error;
  }
}

/** Whom or what a statement is about that an order may fall by, accepted or not; null if nothing. */
export function subjectIn(kind, payload) {
  if (kind === "offering" || kind === "withdrawal") {
    const found = shaped(offered, payload);
    return found && `offering/${found.seller}/${found.name}`;
  }
  if (kind === "tariff") {
    const found = shaped(charged, payload);
    return found && `tariff/${found.org}`;
  }
  if (!isAboutTrust(kind)) return null;
  const found = shaped(named, payload);
  if (found === null) return "federation";
  if (["admission", "key-event", "recovery"].includes(kind) && found.org) return `organisation/${found.org}`;
  if (kind === "officer-grant" && found.org && found.officer) return `officer/${found.org}/${found.officer}`;
  if (kind === "node-record" && found.node) return `node/${found.node}`;
  return "federation";
}

export const isAboutSales = (subject) => subject.startsWith("offering/") || subject.startsWith("tariff/");

/** All texts and names in a document, one after the other. */
function flatTexts(values) {
  let all = "";
  const left = [...values];
  while (left.length) {
    const value = left.pop();
    if (typeof value === "string") all += `${value} `;
    else if (typeof value === "object" && value !== null) left.push(...Object.keys(value), ...Object.values(value));
  }
  return all;
}

/** Every statement id in the text of a statement, whatever it is called there; the document need not keep our own rules. */
export function idsIn(signed) {
  const found = new Set();
  const written = textOf(signed.payload);
  let values = [];
  try {
    values = written === null ? [] : [JSON.parse(written)];
    // A text with half a character in it is no text.
    if (/\\u[dD][89a-fA-F]/.test(written) && /[\ud800-\udfff]/u.test(flatTexts(values))) values = [];
  } catch {
    // No document, so it names nothing.
  }
  while (values.length) {
    const value = values.pop();
    if (typeof value === "string" && /^[0-9a-fA-F]{64}$/.test(value)) found.add(value.toLowerCase());
    else if (typeof value === "object" && value !== null) for (const inner of Object.values(value)) values.push(inner);
  }
  return found;
}

