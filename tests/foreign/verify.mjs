//! Runs the browser's verifier outside a browser: `node verify.mjs BUNDLE [sha256:HEX]`, or `--lines` for many bundles.
//!
//! With `--lines` each line of the input is `{"bundle": PATH, "root": HEX}` and each line of the output a report: one
//! process for thousands of bundles (differ.py).
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

import { audit, rootHash } from "../../src/web/assets/verify/audit.js";
import { Signatures } from "../../src/web/assets/verify/ed25519.js";

async function reportOn(path, root, signatures) {
  return audit(new Uint8Array(readFileSync(path)), root, signatures);
}

async function lines() {
  const signatures = new Signatures();
  for await (const line of createInterface({ input: process.stdin })) {
    const { bundle, root } = JSON.parse(line);
    process.stdout.write(`${JSON.stringify(await reportOn(bundle, root, signatures))}\n`);
  }
}

async function one(path, root) {
  const report = await reportOn(path, root ? rootHash(root) : null, new Signatures());
  process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  process.exitCode = report.exit_code;
}

const [first, second] = process.argv.slice(2);
if (first === "--lines") await lines();
else await one(first, second);
