//! Runs the browser's verifier outside a browser.
//!
//!     verify.mjs BUNDLE [sha256:HEX]   judges one bundle: the report as JSON, exit 0, 9 or 10
//!     verify.mjs --lines               a line {"bundle": PATH, "root": HEX} in, a report out: thousands in one process (differ.py)
//!     verify.mjs --law                 a line with a case of section 108 GWB in, a judgement out (law_cases.py)
//!     verify.mjs --names               the known names of fields, and those of lists
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

import { audit, rootHash } from "../../src/web/assets/verify/audit.js";
import { Signatures } from "../../src/web/assets/verify/ed25519.js";
import { KNOWN_FIELDS, LISTS } from "../../src/web/assets/verify/json.js";
import { bodyOf } from "../../src/web/assets/verify/kinds.js";
import { Court, FULFILLED, FactBase, verdictWord } from "../../src/web/assets/verify/law.js";
import { aboutText, headline, sentenceOf } from "../../src/web/assets/verify/words.js";

async function reportOn(path, root, signatures) {
  return audit(new Uint8Array(readFileSync(path)), root, signatures);
}

/** Answers each line with a line. */
async function answer(respond) {
  for await (const line of createInterface({ input: process.stdin })) {
    process.stdout.write(`${JSON.stringify(await respond(JSON.parse(line)))}\n`);
  }
}

/** A report with the words a page shows, so that they are compared as well. */
async function withWords({ bundle, root }, signatures) {
  const report = await reportOn(bundle, root, signatures);
  for (const { findings } of report.checks) for (const each of findings) {
    each.sentence = sentenceOf(each.reason, "de");
    each.about = aboutText(report, each.subject, "de");
  }
  return { ...report, headline: headline(report, "de") };
}

/** A document as the reader of statements gives it: objects are maps. */
function asDocument(value) {
  if (Array.isArray(value)) return value.map(asDocument);
  if (typeof value !== "object" || value === null) return value;
  return new Map(Object.entries(value).map(([name, inner]) => [name, asDocument(inner)]));
}

function judgedBySection108({ facts, pack, leg, ...court }) {
  const known = facts.map(([id, kind, body]) => [id, { kind, body: bodyOf(kind, asDocument(body)) }]);
  const judged = new Court(new FactBase(new Map(known)), bodyOf("rule-pack", asDocument(pack)), court).judge(...leg);
  const failing = judged.findings.filter((each) => each.verdict !== FULFILLED).map((each) => `${each.condition} ${each.org}`);
  return [verdictWord(judged.verdict), judged.basis, failing, judged.assumed];
}

async function one(path, root) {
  const report = await reportOn(path, root ? rootHash(root) : null, new Signatures());
  process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  process.exitCode = report.exit_code;
}

const [first, second] = process.argv.slice(2);
const signatures = new Signatures();
if (first === "--lines") await answer((line) => withWords(line, signatures));
else if (first === "--law") await answer(judgedBySection108);
else if (first === "--names") process.stdout.write(JSON.stringify([[...KNOWN_FIELDS], [...LISTS]]));
else await one(first, second);
