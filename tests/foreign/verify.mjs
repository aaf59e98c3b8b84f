//! Runs the browser's verifier outside a browser.
//!
//!     verify.mjs BUNDLE [sha256:HEX]   judges one bundle: the report as JSON, exit 0, 9 or 10
//!     verify.mjs --lines               a line {"bundle": PATH, "root": HEX} in, a report out: thousands in one process (differ.py)
//!     verify.mjs --law                 a line with a case of section 108 GWB in, a judgement out (law_cases.py)
//!     verify.mjs --names               the known names of fields, and those of lists
//!     verify.mjs --one-file            the modules as the one classic script that a saved page holds
import { readFileSync, readdirSync } from "node:fs";
import { createInterface } from "node:readline";

import { audit, rootHash } from "../../src/web/assets/verify/audit.js";
import { Signatures } from "../../src/web/assets/verify/ed25519.js";
import { KNOWN_FIELDS, LISTS } from "../../src/web/assets/verify/json.js";
import { bodyOf } from "../../src/web/assets/verify/kinds.js";
import { Court, FULFILLED, FactBase, verdictWord } from "../../src/web/assets/verify/law.js";
import { aboutText, headline, sentenceOf } from "../../src/web/assets/verify/words.js";

const MODULES = new URL("../../src/web/assets/verify/", import.meta.url);

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

/** Modules in an order in which each follows those it imports, without their imports and exports. */
function oneFile() {
  const sources = new Map();
  for (const name of readdirSync(MODULES)) sources.set(name, readFileSync(new URL(name, MODULES), "utf8"));
  const [placed, script] = [new Set(), []];
  const place = (name) => {
    if (placed.has(name)) return;
    placed.add(name);
    const source = sources.get(name);
    for (const [, other] of source.matchAll(/^import .* from "\.\/(.*)";$/gm)) place(other);
    const [, namespace] = /^import \* as (.*) from/m.exec(source) ?? [];
    if (namespace) throw new Error(`${name}: a namespace has no place in one file`);
    script.push(source.replace(/^import .*;\n/gm, "").replace(/^export /gm, ""));
  };
  for (const name of sources.keys()) place(name);
  const given = "{ audit, rootHash, told, headline }";
  return `"use strict";\nconst verbundVerify = (() => {\n${script.join("\n")}\nreturn ${given};\n})();\n`;
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
else if (first === "--one-file") process.stdout.write(oneFile());
else await one(first, second);
