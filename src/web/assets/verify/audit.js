//! The audit of an evidence bundle in the browser: bytes and root hash in, report out. Nothing is uploaded.
import { checkAnnexes } from "./annexes.js";
import { readZip } from "./container.js";
import { Signatures } from "./ed25519.js";
import { examineOrder, requestIn, soldIn } from "./examine.js";
import { Logs, entriesOf } from "./federation.js";
import { papersIn } from "./papers.js";
import { Reading, checkBelonging, checkContainer, checkFormat } from "./reading.js";
import { Book, CHECKS, Refusal } from "./refusal.js";
import { Chronicle, markGrants } from "./time.js";
import { checkTimestamp } from "./timestamp.js";

/** The first root version is the one whose hash the auditor was given. */
function checkRoot(reading, expected, book) {
  let first = null;
  for (const filed of reading.statements) {
    if (filed.section !== "root" || filed.signed.kind !== "federation-root") continue;
    try {
      const { version } = filed.signed.body();
      if (first === null || version < first.version) first = { version, filed };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
    }
  }
  if (first === null) {
    book.refuse("ROOT", "root/1", new Refusal("EVIDENCE_MISSING", { kind: "federation-root" }));
    return null;
  }
  const { name, signed } = first.filed;
  if (expected === null) book.refuse("ROOT", name, new Refusal("ROOT_NOT_GIVEN", { found: signed.id }));
  else if (expected !== signed.id) book.refuse("ROOT", name, new Refusal("ROOT_UNKNOWN", { found: signed.id, expected }));
  else book.ok("ROOT");
  return signed.id;
}

/** The report on what could not be read as a bundle: nothing else can be said of it. */
function unread(refusal, subject = "bundle") {
  const book = new Book();
  book.spared = new Set(CHECKS);
  book.refuse("CONTAINER", subject, refusal);
  return { ...book.close({}), not_checked: [] };
}

/** Judges a bundle by what is known of signatures; all checks are made, a check that fails does not stop the others. */
function judged(file, expected, signatures) {
  const book = new Book();
  let reading;
  try {
    reading = new Reading(readZip(file));
    checkFormat(reading.members);
    book.ok("CONTAINER");
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    if (!reading) return unread(error);
    if (error.reason === "BUNDLE_TOO_NEW") return unread(error, "format");
    book.refuse("CONTAINER", "format", error);
  }
  checkContainer(reading, book);
  checkBelonging(reading, book);
  const found = checkRoot(reading, expected, book);
  const entries = entriesOf(reading);
  // Under a foreign root everything else is judged by the root in the bundle, to find what else is wrong.
  const logs = new Logs(entries, found ?? expected ?? "00".repeat(32), signatures, book);
  logs.checkPolicy(reading.members, book);
  logs.checkNames(book);
  logs.checkComplete(entries, reading.ends, soldIn(entries), book);
  logs.checkProofs(entries, reading.ends, requestIn(entries), book);
  const chronicle = new Chronicle(entries, reading, logs, book);
  markGrants(entries, logs, chronicle, book);
  const { placed = null, ...about } = examineOrder(entries, logs, chronicle, book);
  const words = checkAnnexes(reading, placed, book);
  const isStamped = checkTimestamp(reading.members, book);
  const report = book.close({ ...about, ...papersIn(reading, words), root: found });
  return { ...report, not_checked: notChecked(report, isStamped) };
}

// What no bundle can show.
const NEVER_CHECKED = ["LATER_REVOCATIONS", "TRUTH_OF_FACTS", "WALL_CLOCK", "WITHHELD", "LAW_BEYOND_108"];

function notChecked(report, isStamped) {
  const gaps = [...NEVER_CHECKED, isStamped ? "QUALIFIED_TIMESTAMP_UNCHECKED" : "NO_QUALIFIED_TIMESTAMP"];
  if (report.case.ending === "CALLED_OFF") gaps.push("CHAIN_BEHIND_PART");
  if (report.checks.every(({ check }) => check !== "RECEIPTS")) gaps.push("NO_RECEIPTS");
  return gaps;
}

// Each round checks every signature that a round before it had not reached. Honest bundles need two; more rounds than this
// would mean that the audit asks for something else each time.
const ROUNDS_MAX = 100;

/**
 * Judges the bytes of a bundle. `expected` is the root hash as 64 hexadecimal digits, or null. Never throws: what goes
 * wrong in here is told as *not checkable* (`VERIFIER_FAILED`). `signatures` may be kept for further bundles.
 */
export async function audit(file, expected, signatures = new Signatures()) {
  signatures.begin();
  try {
    for (let round = 0; round < ROUNDS_MAX; round++) {
      const report = judged(file, expected, signatures);
      if (!(await signatures.settle())) return report;
    }
    return unread(new Refusal("VERIFIER_FAILED", { rule: "rounds" }));
  } catch (error) {
    return unread(new Refusal("VERIFIER_FAILED", { error: String(error).slice(0, 200) }));
  }
}

/** The digits of a root hash as it is printed in the statutes, with or without `sha256:`; null if it is none. */
export function rootHash(text) {
  const digits = text.trim().replace(/^sha256:/i, "").toLowerCase();
  return /^[0-9a-f]{64}$/.test(digits) ? digits : null;
}

