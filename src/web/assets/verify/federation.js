//! Trust of all logs of a bundle, and the proofs: names, completeness, inclusion, checkpoints, witnesses (docs/auditor.md).
import { compared, hashOf, hex, sameBytes, textOf } from "./bytes.js";
import { isName, partsOf } from "./fields.js";
import { SIGNER_RULES, hasSigner } from "./kinds.js";
import { COSIGNED, Checkpoint, PLAIN, digestByPath, linesOf, logLabel, requireInclusion, vkey } from "./logs.js";
import { INVALID, NOT_CHECKABLE, Refusal, VALID, asRefusal, refusalOf } from "./refusal.js";
import { isAboutSales, kindIn, outcomeTag, splitPae, subjectIn } from "./statements.js";
import { LogTrust, UNPLACED, goodSize } from "./trust.js";

/** Statements, each with at most one proof; one that stands in several logs gives several. */
export function entriesOf(reading) {
  return reading.statements.flatMap(({ name, section, signed, proofs }) => {
    const entry = (member, proof) => {
      const log = proof?.origin() ?? null;
      const place = log === null ? null : { log, index: proof.index };
      return { name: member, section, signed, proof, place, index: place?.index ?? UNPLACED };
    };
    return proofs.length ? proofs.map(([member, proof]) => entry(member, proof)) : [entry(name, null)];
  });
}

const isFolded = (entry) => ["root", "trust", "facts"].includes(entry.section);
const CHECK_OF = { root: "ROOT", trust: "TRUST", facts: "FACTS", order: "SIGNERS", receipts: "RECEIPTS" };
const byLog = (one, other) => compared(partsOf(one), partsOf(other));

/** The logs of a map, in their order. */
const inOrder = (map) => [...map].sort(([one], [other]) => byLog(one, other));

export class Logs {
  constructor(entries, anchor, signatures, book) {
    this.signatures = signatures;
    this.logs = new Map();
    // Statements that hold, by id: name in the bundle, kind, body.
    this.holding = new Map();
    const refused = new Map();
    for (const [log, ofLog] of inOrder(this.entriesByLog(entries, anchor))) {
      ofLog.sort((one, other) => (one.index < other.index ? -1 : one.index > other.index ? 1 : 0));
      this.fold(log, anchor, entries, ofLog, refused);
    }
    this.expelled = new Map();
    this.heirs = new Map();
    for (const log of this.logs.values()) {
      for (const { id, body } of log.expelled) {
        if (!this.expelled.has(body.org)) this.expelled.set(body.org, new Map());
        this.expelled.get(body.org).set(id, body);
      }
      for (const [old, body] of log.successions) this.heirs.set(old, body.successor);
    }
    this.homes = this.findHomes();
    this.findWitnesses();
    this.takeBack(entries, refused);
    for (const entry of entries.filter(isFolded)) this.bookFolded(entry, refused.get(entry) ?? null, book);
  }

  bookFolded(entry, refusal, book) {
    if (refusal && entry.place && subjectIn(entry.signed.kind, entry.signed.payload) !== null) {
      // What a log was refused for it has said all the same; nothing follows from it.
      book.note("TRUST", entry.name, VALID, refusal);
    } else if (refusal) this.refuse(entry, refusal, book);
    else if (this.holding.has(entry.signed.id)) this.accept(entry, book);
    else if (entry.section === "facts") {
      const body = this.judge(entry, book);
      if (body !== null) this.holding.set(entry.signed.id, { name: entry.name, kind: entry.signed.kind, body });
    }
  }

  /** The folded entries by log. Trust statements without a proof belong to the log their folder names. */
  entriesByLog(entries, anchor) {
    const logs = new Map();
    const add = (log, entry) => logs.set(log, [...(logs.get(log) ?? []), entry]);
    for (const entry of entries) if (isFolded(entry) && entry.place) add(entry.place.log, entry);
    const first = entries.find((entry) => entry.signed.id === anchor);
    if (first?.signed.kind !== "federation-root" || refusalOf(() => first.signed.body())) return logs;
    const { federation } = first.signed.body();
    for (const entry of entries) {
      if (entry.section !== "trust" || entry.place) continue;
      const label = entry.name.split("/")[1] ?? "";
      const known = [...logs.keys()].filter((log) => logLabel(log) === label).sort(byLog);
      if (known.length) add(known[0], entry);
      else if (isName(label)) add(`${federation}/log/${label}/1`, entry);
    }
    return logs;
  }

  fold(log, anchor, entries, ofLog, refused) {
    const trust = new LogTrust(log, anchor, this.signatures);
    this.logs.set(log, trust);
    const root = entries.find((entry) => entry.signed.id === anchor);
    // A log whose first root has no proof is folded all the same; that the proof is missing is booked elsewhere.
    if (root && ofLog.every((entry) => entry.signed.id !== anchor)) refusalOf(() => this.take(trust, root, 0n));
    for (const entry of ofLog) {
      const refusal = refusalOf(() => this.take(trust, entry, entry.index));
      if (refusal) refused.set(entry, refusal);
    }
  }

  take(trust, entry, at) {
    const body = trust.judge(entry.signed, at);
    trust.absorb(entry.signed, body, at);
    this.holding.set(entry.signed.id, { name: entry.name, kind: entry.signed.kind, body });
  }

  /** Where each organisation is at home: highest admission, then key event, then log. */
  findHomes() {
    const ranks = new Map();
    for (const [log, trust] of this.logs) {
      for (const [org, standing] of trust.orgs) {
        if (!standing.lastEvent || !trust.isHomeAt(org, UNPLACED)) continue;
        const rank = [standing.admission.number, standing.lastEvent.seq, partsOf(log), log];
        if (!ranks.has(org) || compared(rank, ranks.get(org)) > 0) ranks.set(org, rank);
      }
    }
    return new Map([...ranks].map(([org, rank]) => [org, rank[3]]));
  }

  ofNode(federation, node) {
    return inOrder(this.logs)
      .filter(([log]) => log.startsWith(`${federation}/log/${node}/`))
      .map(([, trust]) => trust);
  }

  /** The keys that count for each witness, and how many witnesses are needed, by the newest root version. */
  findWitnesses() {
    this.witnesses = new Map();
    this.needed = 0;
    const roots = inOrder(this.logs).map(([, log]) => log.root()).filter((root) => root !== null);
    if (roots.length === 0) return;
    const newest = Math.max(...roots.map((root) => root.version));
    const root = roots.findLast((each) => each.version === newest);
    for (const node of [...root.witnesses.nodes].sort()) {
      const logs = this.ofNode(root.federation, node);
      const counting = logs.filter((log) => log.operator !== null && !this.expelled.has(log.operator));
      const keys = counting[counting.length - 1]?.witnessKeys() ?? [];
      if (keys.length) this.witnesses.set(node, keys);
    }
    this.needed = root.witnesses.quorum;
  }

  home(org) {
    if (!this.homes.has(org)) throw new Refusal("ORG_UNKNOWN", { org });
    return this.logs.get(this.homes.get(org));
  }

  /** What the home log knows of an organisation, or null. */
  standingOf(org) {
    return this.homes.has(org) ? this.home(org).orgs.get(org) ?? null : null;
  }

  /** The grant of an organisation's officer by whose key its statement is signed, or null. */
  grantOf(org, signed, chronicle) {
    // As the log knows it in which the statement stands: the organisation may have moved since.
    const place = chronicle.places.get(signed.id);
    const log = place ? this.logs.get(place.log) : this.homes.has(org) ? this.home(org) : null;
    const standing = log?.keys.get(signed.signatures.keys().next().value);
    return standing?.grant?.org === org ? standing.grant : null;
  }

  /** What other logs know: an expulsion anywhere, a revocation in the organisation's home log. */
  checkCounts(org, hashed, log, at) {
    for (const expulsion of this.expelled.get(org)?.values() ?? []) {
      if (at >= goodSize(expulsion.last_good, log)) throw new Refusal("ORG_EXPELLED", { org });
    }
    if (!this.homes.has(org) || this.homes.get(org) === log) return;
    const here = this.logs.get(log)?.keys.get(hashed);
    if (here?.revoked.some((revoked) => revoked.native)) return;
    for (const revoked of this.home(org).keys.get(hashed)?.revoked ?? []) {
      if (at >= goodSize(revoked.lastGood, log)) throw new Refusal("KEY_DISPUTED", { key: hashed.slice(0, 16) });
    }
  }

  /** Facts that count no more because of what another log says of their signer. */
  takeBack(entries, refused) {
    for (const entry of entries) {
      if (entry.section !== "facts" || !entry.place || entry.signed.signatures.size !== 1) continue;
      const [hashed] = entry.signed.signatures.keys();
      const { log, index } = entry.place;
      const refusal = refusalOf(() => {
        const standing = this.logs.get(log).keys.get(hashed);
        if (standing === undefined) throw new Refusal("KEY_UNKNOWN", { key: hashed.slice(0, 16) });
        standing.checkAt(index);
        this.checkCounts(standing.org, hashed, log, index);
      });
      if (refusal && this.holding.delete(entry.signed.id) && !refused.has(entry)) refused.set(entry, refusal);
    }
  }

  // ---- statements that are no part of the fold ----

  /** The log that judges a statement: its author's home, where it stood then. */
  homeOf(entry) {
    const [body, { kind }] = [entry.signed.body(), entry.signed];
    if (kind === "rule-pack") {
      if (this.logs.size === 0) throw new Refusal("EVIDENCE_MISSING");
      return inOrder(this.logs)[0][1];
    }
    if (!hasSigner(kind)) throw new Refusal("SIGNER_WRONG", { kind });
    const org = body[SIGNER_RULES[kind][0]];
    const [key] = entry.signed.signatures.keys();
    // Whoever goes on for another speaks from its own home.
    const who = [org, this.heirs.get(org)].find((each) => this.homes.has(each) && this.home(each).keys.has(key)) ?? org;
    if (!entry.place) return this.home(who);
    const log = this.logs.get(entry.place.log);
    if (!log?.isHomeAt(who, entry.place.index)) {
      this.home(who);
      throw new Refusal("SIGNER_WRONG", { org: who, log: entry.place.log });
    }
    return log;
  }

  judge(entry, book) {
    let body;
    try {
      const home = this.homeOf(entry);
      body = home.judge(entry.signed, entry.index);
      for (const hashed of entry.signed.signatures.keys()) {
        if (home.keys.has(hashed)) this.checkCounts(home.keys.get(hashed).org, hashed, home.origin, entry.index);
      }
    } catch (error) {
      this.refuse(entry, asRefusal(error), book);
      return null;
    }
    this.accept(entry, book);
    return body;
  }

  /** Whether a receipt holds. */
  judgeReceipt(entry, book) {
    const refusal = refusalOf(() => this.homeOf(entry).judgeReceipt(entry.signed));
    if (refusal) this.refuse(entry, refusal, book);
    else this.accept(entry, book);
    return refusal === null;
  }

  accept(entry, book) {
    book.ok(CHECK_OF[entry.section]);
    if (entry.place && entry.signed.signatures.size === 1) book.ok("POSITION");
  }

  /** A key not registered at this place is a matter of order, one that nothing registers a gap. */
  refuse(entry, refusal, book) {
    const [check, keys] = [CHECK_OF[entry.section], [...entry.signed.signatures.keys()]];
    let log = entry.place ? this.logs.get(entry.place.log) : undefined;
    if (!entry.place) refusalOf(() => (log = this.homeOf(entry)));
    if (["KEY_REVOKED", "KEY_DISPUTED"].includes(refusal.reason)) return book.refuse("POSITION", entry.name, refusal);
    if (refusal.reason === "KEY_UNKNOWN") {
      const here = keys.map((key) => log?.keys.get(key)).find((standing) => standing !== undefined);
      if (here) return book.note("POSITION", entry.name, here.begin === UNPLACED ? NOT_CHECKABLE : INVALID, refusal);
      if ([...this.logs.values()].some((each) => keys.some((key) => each.keys.has(key)))) {
        return book.refuse(check, entry.name, new Refusal("SIGNER_WRONG", refusal.fields));
      }
      return book.note(check, entry.name, NOT_CHECKABLE, refusal);
    }
    if (refusal.reason === "ROOT_UNKNOWN" && !log?.roots.length && check !== "ROOT") {
      return book.note(check, entry.name, NOT_CHECKABLE, refusal);
    }
    return book.refuse(check, entry.name, refusal);
  }

  // ---- policy, names, completeness, proofs ----

  policy() {
    const lines = [];
    for (const [origin, log] of inOrder(this.logs)) {
      const key = log.logKeyOf(UNPLACED);
      if (key !== null) lines.push(`log ${vkey(origin, PLAIN, key)}`);
    }
    for (const [witness, keys] of this.witnesses) {
      if (keys.length === 1) {
        lines.push(`witness ${witness} ${vkey(witness, COSIGNED, keys[0])}`);
        continue;
      }
      const generations = keys.map((_, at) => `${witness}.${at + 1}`);
      keys.forEach((key, at) => lines.push(`witness ${generations[at]} ${vkey(witness, COSIGNED, key)}`));
      lines.push(`group ${witness} any ${generations.join(" ")}`);
    }
    lines.push(`group QUORUM ${this.needed} ${[...this.witnesses.keys()].join(" ")}`, "quorum QUORUM");
    return lines.map((line) => `${line}\n`).join("");
  }

  /** `policy.txt` says what the logs say; lines the logs do not bear out are a gap, others are wrong. */
  checkPolicy(members, book) {
    const written = (members.has("policy.txt") && textOf(members.get("policy.txt"))) || "";
    const derived = this.policy();
    if (written === derived) return book.ok("WITNESSES");
    const found = linesOf(written);
    const isThere = linesOf(derived).every((line) => line.startsWith("group ") || found.includes(line));
    const borneOut = isThere && found.some((line) => line.startsWith(`group QUORUM ${this.needed} `));
    const reason = borneOut || this.needed === 0 ? "EVIDENCE_MISSING" : "BUNDLE_ALTERED";
    return book.refuse("WITNESSES", "policy.txt", new Refusal(reason, { member: "policy.txt" }));
  }

  /** Every log was begun by whom it names: the operator that the trustees have named. */
  checkNames(book) {
    for (const [origin, log] of inOrder(this.logs)) {
      if (log.operator === null || log.logKeyOf(UNPLACED) === null) {
        book.refuse("TRUST", origin, new Refusal("EVIDENCE_MISSING", { log: origin }));
        continue;
      }
      const named = [...this.logs.values()].map((each) => each.orgs.get(log.operator)).filter(Boolean);
      const contradicted = named.some((each) => each.admission.operates !== log.node);
      const others = this.ofNode(origin.split("/")[0], log.node).map((each) => each.operator);
      if (contradicted || others.some((other) => other !== null && other !== log.operator)) {
        book.refuse("TRUST", origin, new Refusal("NODE_TAKEN", { log: origin }));
      } else book.ok("TRUST");
    }
  }

  /** Nothing was left out that a log has said about trust, or about what the order rests on. */
  checkComplete(entries, ends, sold, book) {
    for (const [origin, log] of inOrder(this.logs)) {
      const end = ends.find((each) => each.proof.origin() === origin);
      book.judge("COMPLETE", origin, () => checkEnd(log, end, entries, sold));
    }
  }

  /** Every proof, and every checkpoint once. */
  checkProofs(entries, ends, request, book) {
    const [notes, heads] = [new Set(), new Map()];
    for (const end of ends) this.checkNote("ends", end.proof.note, notes, heads, book);
    for (const entry of entries) {
      if (entry.section === "receipts") continue;
      if (entry.proof === null) {
        book.refuse("INCLUSION", entry.name, new Refusal("PROOF_MISSING"));
        continue;
      }
      this.checkNote(entry.name, entry.proof.note, notes, heads, book);
      book.judge("INCLUSION", entry.name, () => checkIncluded(entry, request));
    }
  }

  checkNote(name, note, notes, heads, book) {
    if (notes.has(note.written)) return;
    notes.add(note.written);
    let subject = name;
    refusalOf(() => {
      const claimed = new Checkpoint(note.text);
      subject = `${claimed.origin} (${claimed.size})`;
    });
    const head = book.judge("CHECKPOINT", subject, () => this.open(note));
    if (head !== null) {
      const at = `${head.origin} ${head.size}`;
      if (!heads.has(at)) heads.set(at, head.root);
      if (!sameBytes(heads.get(at), head.root)) {
        book.refuse("CHECKPOINT", subject, new Refusal("LOG_FORK", { log: head.origin }));
      }
    }
    book.judge("WITNESSES", subject, () => this.requireQuorum(note));
  }

  /** The checkpoint, signed with the log key that was good at its size. */
  open(note) {
    const head = new Checkpoint(note.text);
    const key = this.logs.get(head.origin)?.logKeyOf(head.size) ?? null;
    if (key === null) throw new Refusal("EVIDENCE_MISSING", { log: head.origin });
    note.requireLog(head.origin, key, this.signatures);
    return head;
  }

  /** The earliest times at which witnesses cosigned validly, and how many keys that were. */
  cosigned(note) {
    const found = [];
    for (const [witness, keys] of this.witnesses) {
      const times = keys.map((key) => [note.cosignedAt(witness, key, this.signatures), key]).filter(([time]) => time !== null);
      if (times.length) found.push(times.reduce((one, other) => (compared(other, one) < 0 ? other : one)));
    }
    return { times: found.map(([time]) => time), count: new Set(found.map(([, key]) => key)).size };
  }

  requireQuorum(note) {
    const { count } = this.cosigned(note);
    if (this.needed === 0 || count < this.needed) {
      throw new Refusal("WITNESSES_MISSING", { cosigned: count, needed: this.needed });
    }
  }

  /** When the witnesses had seen a checkpoint, in milliseconds: of a quorum of 2f + 1, f may be wrong. */
  seenAt(note) {
    const { times, count } = this.cosigned(note);
    if (this.needed === 0 || count < this.needed) return null;
    return times.sort((one, other) => one - other)[Math.floor((this.needed - 1) / 2)] * 1000;
  }
}

/** That a log is complete up to its end in everything that concerns the order (docs/auditor.md, "How completeness is recomputed"). */
function checkEnd(log, end, entries, sold) {
  const missing = (rule) => new Refusal("EVIDENCE_MISSING", { log: log.origin, rule });
  if (!end) throw missing("the end of the log");
  const head = new Checkpoint(end.proof.note.text);
  requireInclusion(end.leaf, end.proof, head);
  if (end.proof.index + 1n !== head.size) throw missing("the newest leaf");
  const here = entries.filter((entry) => entry.place?.log === log.origin);
  const leaves = new Map();
  for (const entry of here) {
    if (entry.proof.note.text !== end.proof.note.text) throw missing("one checkpoint for all places in the log");
    if (!leaves.has(entry.index)) leaves.set(entry.index, entry.signed.id);
    if (leaves.get(entry.index) !== entry.signed.id) {
      throw new Refusal("LOG_FORK", { log: log.origin, position: entry.index });
    }
  }
  const about = here.map((entry) => [entry, subjectIn(entry.signed.kind, entry.signed.payload)]);
  const said = subjectsOf(log, end, about, sold);
  if ([...end.paths.keys()].some((subject) => !said.has(subject))) throw missing("what a path is about");
  for (const [entry, subject] of about) {
    if (said.has(subject) && entry.index < end.proof.index) said.get(subject).set(entry.index, entry.signed.id);
  }
  checkLast(end, entries, said);
  for (const subject of [...said.keys()].sort()) {
    if (!end.paths.has(subject)) throw missing("path");
    const places = [...said.get(subject)].sort(([one], [other]) => (one < other ? -1 : 1));
    const ids = places.map(([, id]) => id);
    const withheld = ids.length === 0 && !end.instead.has(subject);
    const leads = () => digestByPath(subject, ids, end.paths.get(subject), end.instead.get(subject));
    if (withheld || !sameBytes(leads(), end.leaf.subarray(168))) {
      throw new Refusal("TRUST_WITHHELD", { log: log.origin, subject });
    }
  }
}

/** The subjects asked for. Of offerings and tariffs only those that the order rests on, and those that a path is shown for. */
function subjectsOf(log, end, about, sold) {
  const restedOn = new Set(about.filter(([entry]) => sold.has(entry.signed.id)).map(([, subject]) => subject));
  const subjects = new Set(["federation", ...[...log.orgs.keys()].map((org) => `organisation/${org}`)]);
  for (const [, subject] of about) if (subject !== null) subjects.add(subject);
  const isAsked = (subject) => !isAboutSales(subject) || restedOn.has(subject) || end.paths.has(subject);
  return new Map([...subjects].filter(isAsked).map((subject) => [subject, new Map()]));
}

/** The newest leaf itself is in no digest yet: if it is public and about one of the subjects, it must be shown. */
function checkLast(end, entries, said) {
  const tag = String.fromCharCode(...end.leaf.subarray(0, 8));
  const statement = hex(end.leaf.subarray(8, 40));
  if (!["vrb1pub1", "vrb1pubn", "vrb1prt1", "vrb1prtn"].includes(tag)) throw new Refusal("LEAF_INVALID");
  if (tag.startsWith("vrb1prt")) return;
  if (end.last === null || hashOf(end.last) !== statement) throw new Refusal("EVIDENCE_MISSING", { statement });
  const [payloadType, payload] = splitPae(end.last);
  const subject = subjectIn(kindIn(payloadType), payload);
  if (said.has(subject) && entries.every((entry) => entry.signed.id !== statement)) {
    throw new Refusal("TRUST_WITHHELD", { statement });
  }
}

/** The leaf follows from the statement, its kind and, for a seal or void, the request. */
function checkIncluded({ proof, signed }, request) {
  const head = new Checkpoint(proof.note.text);
  let outcome = new Uint8Array(32);
  if (signed.kind === "seal" || signed.kind === "void") {
    if (request === null) throw new Refusal("EVIDENCE_MISSING", { kind: "request" });
    outcome = outcomeTag(signed.kind, request.order, request.attempt, request.salt);
  }
  if (proof.extra.length !== 32) throw new Refusal("PROOF_INVALID", { rule: "the extra line holds the digest of the leaf" });
  const stem = signed.leafStem(outcome);
  const leaf = new Uint8Array(stem.length + 32);
  leaf.set(stem);
  leaf.set(proof.extra, stem.length);
  requireInclusion(leaf, proof, head);
}

