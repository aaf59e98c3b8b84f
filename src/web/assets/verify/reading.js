//! Everything readable in a bundle, and what is not; what lies where it does not belong (docs/audit-rules.md, 1 and 2).
import { annexMember, annexNamed, readAnnex } from "./annexes.js";
import { base64, byCodePoint, hashOf, sameBytes, sha256, textOf, unbase64 } from "./bytes.js";
import { SIGNER_RULES, hasSigner, isAboutTrust, isMessage, isPublic } from "./kinds.js";
import { Cover, LogEnd, Proof, linesOf } from "./logs.js";
import { Refusal, VALID, asRefusal } from "./refusal.js";
import { Signed, idsIn, subjectIn } from "./statements.js";

const MIMETYPE = "application/vnd.etsi.asic-e+zip";
export const MANIFEST = "META-INF/ASiCManifest.xml";
export const TIMESTAMP = "META-INF/timestamp.tst";
const FORMAT = 2;
// The text of VERIFY.txt.
const VERIFY_SHA256 = "0cf12b651f068e745758fa8a47b910d2f54707cf2a6991c2774b8675e29780c3";
const MANIFEST_HEAD = `<?xml version="1.0" encoding="UTF-8"?>
<asic:ASiCManifest xmlns:asic="http://uri.etsi.org/02918/v1.2.1#" xmlns:ds="http://www.w3.org/2000/09/xmldsig#">
<asic:SigReference URI="META-INF/timestamp.tst" MimeType="application/vnd.etsi.timestamp-token"/>
`;
const ENTRY_BEGIN = '<asic:DataObjectReference URI="';
const ENTRY_MIDDLE = '"><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><ds:DigestValue>';
const ENTRY_END = "</ds:DigestValue></asic:DataObjectReference>";
const MANIFEST_TAIL = "</asic:ASiCManifest>\n";

/** The hash of the key in a PEM file that holds nothing else, or null. */
function keyHash(pem) {
  const found = /^-----BEGIN PUBLIC KEY-----\n([^\n]*)\n-----END PUBLIC KEY-----\n$/.exec(textOf(pem) ?? "");
  const der = found && unbase64(found[1]);
  const head = Uint8Array.of(0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00);
  if (!der || der.length !== 44 || !sameBytes(der.subarray(0, 12), head)) return null;
  return hashOf(der.subarray(12));
}

const SECTIONS = ["root", "trust", "facts", "order", "receipts"];

export class Reading {
  constructor({ members, leftovers }) {
    this.members = members;
    this.leftovers = leftovers;
    this.names = [...members.keys()];
    this.used = new Set(["mimetype", "format", MANIFEST, TIMESTAMP, "policy.txt", "VERIFY.txt"]);
    this.refused = [];
    // Statements as they lie in the bundle: readable, nothing checked.
    this.statements = [];
    this.ends = [];
    this.covers = [];
    // What the annexes that messages name say, by their ids.
    this.annexes = new Map();
    this.keys = this.readKeys();
    this.signatureMembers = this.findSignatures();
    this.proofs = this.readProofs();
    this.rootProofs = [...this.proofs.keys()].filter((name) => name.startsWith("root")).sort(byCodePoint);
    for (const member of this.names) {
      const section = member.replace(/\.pae$/, "").split("/")[0];
      if (!member.endsWith(".pae") || !SECTIONS.includes(section)) continue;
      this.used.add(member);
      this.attempt(member, () => this.readStatement(member, member.slice(0, -".pae".length), section));
    }
    this.readEnds();
    this.readCovers();
    this.readAnnexes();
    for (const proof of [...this.proofs.keys()].sort(byCodePoint)) {
      this.refused.push([proof, new Refusal("EVIDENCE_MISSING", { rule: "a proof without what it is about" })]);
    }
    this.strays = this.names.filter((member) => !this.used.has(member));
  }

  /** Reads something; what it is refused for is kept under its name. */
  attempt(name, read) {
    try {
      read();
    } catch (error) {
      this.refused.push([name, asRefusal(error)]);
    }
  }

  *ending(prefix, suffix) {
    for (const member of this.names) {
      if (member.startsWith(prefix) && member.endsWith(suffix)) yield [member, this.members.get(member)];
    }
  }

  use(...members) {
    for (const member of members) if (this.members.has(member)) this.used.add(member);
  }

  /** Hash of each key by its first sixteen digits. */
  readKeys() {
    const keys = new Map();
    for (const [member, pem] of this.ending("keys/", ".pem")) {
      this.used.add(member);
      const hashed = keyHash(pem);
      const short = member.slice("keys/".length, -".pem".length);
      if (hashed !== null && hashed.slice(0, 16) === short) keys.set(short, hashed);
      else this.refused.push([member, new Refusal("KEY_INVALID")]);
    }
    return keys;
  }

  /** Members that hold a signature, in the order of their names. */
  findSignatures() {
    return [...this.ending("", ".sig")].map(([member]) => member);
  }

  readStatement(member, stem, section) {
    const signed = new Signed(this.members.get(member), this.readSignatures(stem));
    // What concerns everyone has a proof for every log, with the log behind its name.
    const mine = section === "root" ? this.rootProofs.filter((proof) => proof.startsWith(`${stem}.`)) : [stem];
    const proofs = mine.filter((proof) => this.proofs.has(proof)).map((proof) => [proof, this.proofs.get(proof)]);
    for (const [proof] of proofs) this.proofs.delete(proof);
    this.statements.push({ name: stem, section, signed, proofs });
  }

  readSignatures(stem) {
    const signatures = [];
    for (const member of this.below(`${stem}.`)) {
      this.used.add(member);
      const short = member.slice(stem.length + 1, -".sig".length);
      const data = this.members.get(member);
      if (!this.keys.has(short)) throw new Refusal("EVIDENCE_MISSING", { member, key: short });
      if (data.length !== 64) throw new Refusal("SIGNATURE_INVALID", { member });
      signatures.push([this.keys.get(short), data]);
    }
    return signatures;
  }

  /** The signatures whose names begin so; the names are sorted. */
  below(prefix) {
    let [low, high] = [0, this.signatureMembers.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.signatureMembers[middle] < prefix) low = middle + 1;
      else high = middle;
    }
    let end = low;
    while (this.signatureMembers[end]?.startsWith(prefix)) end++;
    return this.signatureMembers.slice(low, end);
  }

  /** All proofs by name. Those under one checkpoint lie in one member, and the checkpoint beside it. */
  readProofs() {
    const proofs = new Map();
    for (const [member, data] of this.ending("proofs/", ".tlog-proofs")) {
      const noteMember = `${member.slice(0, -".tlog-proofs".length)}.note`;
      this.use(member, noteMember);
      const [note, places] = [textOf(this.members.get(noteMember) ?? Uint8Array.of(255)), textOf(data)];
      if (note === null || places === null) {
        this.refused.push([member, new Refusal("EVIDENCE_MISSING", { rule: "checkpoint and places, as text" })]);
        continue;
      }
      let last = "";
      for (const place of places.match(/[^]*?\n\n|[^]+$/g) ?? []) {
        const cut = place.includes("\n") ? place.indexOf("\n") : place.length;
        const name = place.slice(0, cut);
        this.attempt(name, () => {
          const proof = new Proof(place.slice(cut + 1) + note);
          if (byCodePoint(name, last) <= 0 || proofs.has(name)) {
            throw new Refusal("PROOF_INVALID", { rule: "by name, and each name once" });
          }
          last = name;
          proofs.set(name, proof);
        });
      }
    }
    return proofs;
  }

  readEnds() {
    for (const [member, data] of this.ending("ends/", ".end")) {
      const stem = member.slice(0, -".end".length);
      this.use(member, `${stem}.last`);
      this.attempt(member, () => {
        const place = this.proofs.get(stem);
        if (place === undefined) throw new Refusal("EVIDENCE_MISSING", { proof: stem });
        this.proofs.delete(stem);
        this.ends.push(new LogEnd(data, place, this.members.get(`${stem}.last`) ?? null));
      });
    }
  }

  /** Earlier checkpoints, each named for its log and size. */
  readCovers() {
    for (const [member, data] of this.ending("times/", ".cover")) {
      this.use(member);
      this.attempt(member, () => {
        const cover = new Cover(data);
        if (cover.name() !== member.slice("times/".length, -".cover".length)) {
          throw new Refusal("PROOF_INVALID", { rule: "named for its log and size" });
        }
        this.covers.push([member, cover]);
      });
    }
  }

  /** Only what a message names is an annex. */
  readAnnexes() {
    const messages = this.statements.filter(({ section }) => section === "order");
    const named = new Set(messages.map(({ signed }) => annexNamed(signed)));
    for (const id of [...named].filter((each) => each !== null).sort()) {
      const member = annexMember(id);
      if (!this.members.has(member)) continue;
      this.use(member);
      this.attempt(member, () => this.annexes.set(id, readAnnex(id, this.members.get(member))));
    }
  }
}

// ---- the container ----

/** The bundle has the format that is read here, or says that it has a later one. */
export function checkFormat(members) {
  if (!members.has("format")) throw new Refusal("EVIDENCE_MISSING", { member: "format" });
  const found = /^verbund\/bundle\/v(0|[1-9][0-9]{0,9})\n$/.exec(textOf(members.get("format")) ?? "");
  const number = found ? Number(found[1]) : 2 ** 32;
  if (number > FORMAT && number < 2 ** 32) throw new Refusal("BUNDLE_TOO_NEW", { format: number });
  if (number !== FORMAT) throw new Refusal("BUNDLE_ALTERED", { member: "format" });
}

/** The digests that the manifest lists; there is one text for every list. */
function manifestOf(members) {
  const altered = new Refusal("BUNDLE_ALTERED", { member: MANIFEST });
  const written = members.has(MANIFEST) ? textOf(members.get(MANIFEST)) : null;
  if (written === null) throw altered;
  const listed = new Map();
  for (const line of linesOf(written)) {
    if (!line.startsWith(ENTRY_BEGIN) || !line.endsWith(ENTRY_END)) continue;
    const inner = line.slice(ENTRY_BEGIN.length, -ENTRY_END.length);
    const cut = inner.indexOf(ENTRY_MIDDLE);
    const digest = cut < 0 ? null : unbase64(inner.slice(cut + ENTRY_MIDDLE.length));
    if (digest === null || digest.length !== 32) throw altered;
    listed.set(inner.slice(0, cut), digest);
  }
  let text = MANIFEST_HEAD;
  for (const member of [...listed.keys()].sort(byCodePoint)) {
    text += `${ENTRY_BEGIN}${member}${ENTRY_MIDDLE}${base64(listed.get(member))}${ENTRY_END}\n`;
  }
  if (text + MANIFEST_TAIL !== written) throw altered;
  return listed;
}

/** `VERIFY.txt` is one text: nobody can put a command of his own into it. */
function checkInstructions(reading) {
  const written = reading.members.get("VERIFY.txt");
  if (written === undefined) throw new Refusal("EVIDENCE_MISSING", { member: "VERIFY.txt" });
  if (hashOf(written) !== VERIFY_SHA256) throw new Refusal("VERIFY_TEXT_DIFFERS");
}

export function checkContainer(reading, book) {
  const { members } = reading;
  if (!members.has("mimetype") || textOf(members.get("mimetype")) !== MIMETYPE) {
    book.refuse("CONTAINER", "mimetype", new Refusal("BUNDLE_ALTERED", { member: "mimetype" }));
  }
  const listed = book.judge("CONTAINER", MANIFEST, () => manifestOf(members));
  if (listed !== null) checkListed(reading, listed, book);
  for (const [member, refusal] of reading.refused) book.refuse("CONTAINER", member, refusal);
  for (const member of reading.strays) book.refuse("CONTAINER", member, new Refusal("MEMBER_FOREIGN", { member }));
  for (const member of reading.leftovers) {
    book.note("CONTAINER", member, VALID, new Refusal("LEFTOVER_PASSED_OVER", { member }));
  }
  book.judge("CONTAINER", "VERIFY.txt", () => checkInstructions(reading));
}

function checkListed(reading, listed, book) {
  const strays = new Set(reading.strays);
  const found = new Set();
  for (const [member, data] of reading.members) {
    // Annexes are not listed, so that one can be taken out of a bundle that is kept.
    if (member.startsWith("META-INF/") || member.startsWith("annexes/")) continue;
    found.add(member);
    const digest = listed.get(member);
    if (digest && sameBytes(sha256(data), digest)) book.ok("CONTAINER");
    else if (!strays.has(member)) book.refuse("CONTAINER", member, new Refusal("BUNDLE_ALTERED", { member }));
  }
  for (const member of listed.keys()) {
    if (!found.has(member)) book.refuse("CONTAINER", member, new Refusal("EVIDENCE_MISSING", { member }));
  }
}

// ---- what belongs together ----

/** Names what is here twice, in a folder of others, or about something that nothing else here is about. */
export function checkBelonging(reading, book) {
  const first = new Set();
  for (const { name, section, signed } of reading.statements) {
    const { kind } = signed;
    const right = { facts: isPublic(kind), order: isMessage(kind), receipts: kind === "receipt" }[section] ?? isAboutTrust(kind);
    if (!right) {
      book.refuse("CONTAINER", name, new Refusal("MEMBER_FOREIGN", { kind }));
      continue;
    }
    const shelf = `${signed.id} ${section === "trust" ? name.slice(0, name.lastIndexOf("/")) : ""}`;
    if (first.has(shelf)) book.note("CONTAINER", name, VALID, new Refusal("EVIDENCE_TWICE"));
    first.add(shelf);
  }
  for (const { name, signed } of unrelated(reading)) {
    book.note("CONTAINER", name, VALID, new Refusal("EVIDENCE_UNRELATED", { kind: signed.kind }));
  }
}

/** Facts that the order does not lead to: nobody names them, nor what they name, nor anything on the same matter. */
function unrelated(reading) {
  const [named, matters] = [new Set(), new Set()];
  const ids = new Map(reading.statements.map((filed) => [filed, idsIn(filed.signed)]));
  for (const filed of reading.statements) {
    if (filed.section === "order") for (const id of ids.get(filed)) named.add(id);
  }
  let left = reading.statements.filter((filed) => filed.section === "facts");
  for (let before = -1; left.length !== before; ) {
    before = left.length;
    left = left.filter((filed) => {
      const about = matter(filed.signed);
      const isLed = named.has(filed.signed.id) || [...ids.get(filed)].some((id) => named.has(id)) || matters.has(about);
      if (!isLed) return true;
      for (const id of [filed.signed.id, ...ids.get(filed)]) named.add(id);
      if (about !== null) matters.add(about);
      return false;
    });
  }
  return left;
}

/** What a fact is about: the same for its later versions. */
function matter(signed) {
  let body;
  try {
    body = signed.body();
  } catch (error) {
    asRefusal(error);
    return null;
  }
  const subject = subjectIn(signed.kind, signed.payload);
  if (subject !== null) return subject;
  if (signed.kind === "membership") return `membership ${body.member}-${body.of}`;
  return `${signed.kind} ${hasSigner(signed.kind) ? body[SIGNER_RULES[signed.kind][0]] : "x"}`;
}
