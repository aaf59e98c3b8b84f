//! Refusals: a rule is broken. What each reason means for an auditor, and the book in which findings are written down.
import { printable } from "./characters.js";

export const VALID = 0;
export const NOT_CHECKABLE = 1;
export const INVALID = 2;
export const RULINGS = ["VALID", "NOT_CHECKABLE", "INVALID"];
const EXIT = [0, 10, 9];

// These are gaps in the evidence, all others are contradictions.
const GAPS = new Set(
  `ORG_UNKNOWN OFFERING_UNKNOWN RULE_PACK_UNKNOWN LEG_NOT_PROVEN CHAIN_INCOMPLETE KEY_DISPUTED WITNESSES_MISSING
  BUNDLE_UNREADABLE BUNDLE_TOO_LARGE ROOT_NOT_GIVEN PROOF_MISSING EVIDENCE_MISSING TIMES_OUT_OF_ORDER FILE_EMPTY
  BUNDLE_NOT_ZIP BUNDLE_TRUNCATED BUNDLE_BOMB BUNDLE_TOO_NEW LEFTOVER_PASSED_OVER EVIDENCE_UNRELATED
  EVIDENCE_TWICE FACT_LATER PRICE_FREELY_AGREED CONTRADICTION_SETTLED SETTLEMENT_NOT_AGREED ANNEX_NOT_PRESENT
  ANNEX_ERASED VERIFIER_FAILED`.split(/\s+/),
);

export const CHECKS =
  `CONTAINER ROOT TRUST COMPLETE CHECKPOINT WITNESSES INCLUSION POSITION FACTS SIGNERS CHAIN OUTCOME PRICE OFFERING
  LEGS OFFICERS TIMES RECEIPTS`.split(/\s+/);

/** The stable reason word and the values it is about. */
export class Refusal extends Error {
  constructor(reason, fields = {}) {
    super(reason);
    this.reason = reason;
    this.fields = fields;
  }

  ruling() {
    return GAPS.has(this.reason) ? NOT_CHECKABLE : INVALID;
  }
}

/** The refusal with which a rule ends, or null; what is no refusal is a fault of this program and goes on. */
export function refusalOf(rule) {
  try {
    rule();
    return null;
  } catch (error) {
    return asRefusal(error);
  }
}

export function asRefusal(error) {
  if (error instanceof Refusal) return error;
  throw error;
}

export class Book {
  constructor() {
    this.passed = new Map(CHECKS.map((check) => [check, 0]));
    this.findings = new Map(CHECKS.map((check) => [check, []]));
    this.spared = new Set(["RECEIPTS"]);
  }

  ok(check) {
    this.passed.set(check, this.passed.get(check) + 1);
  }

  spare(check) {
    this.spared.add(check);
  }

  note(check, subject, ruling, refusal) {
    this.findings.get(check).push({ subject, ruling, refusal });
  }

  refuse(check, subject, refusal) {
    this.note(check, subject, refusal.ruling(), refusal);
  }

  /** Books whether a rule holds, and gives its value if it does. */
  judge(check, subject, rule) {
    let value;
    try {
      value = rule();
    } catch (error) {
      this.refuse(check, subject, asRefusal(error));
      return null;
    }
    this.ok(check);
    return value;
  }

  /** The report. A check that had nothing to look at could not be made, unless it was spared. */
  close(about) {
    const rows = [];
    for (const check of CHECKS) {
      let findings = this.findings.get(check);
      if (findings.length === 0 && this.passed.get(check) === 0) {
        if (this.spared.has(check)) continue;
        findings = [{ subject: "bundle", ruling: NOT_CHECKABLE, refusal: new Refusal("EVIDENCE_MISSING") }];
      }
      const worst = Math.max(VALID, ...findings.map((finding) => finding.ruling));
      rows.push({ check, verdict: worst, passed: this.passed.get(check), findings: findings.map(findingTold) });
    }
    const ruling = rows.length ? Math.max(...rows.map((row) => row.verdict)) : NOT_CHECKABLE;
    return {
      verdict: RULINGS[ruling],
      exit_code: EXIT[ruling],
      case: about,
      checks: rows.map((row) => ({ ...row, verdict: RULINGS[row.verdict] })),
    };
  }
}

function findingTold({ subject, ruling, refusal }) {
  const details = Object.fromEntries(
    Object.entries(refusal.fields).map(([name, value]) => [name, printable(String(value))]),
  );
  return { subject: printable(subject), verdict: RULINGS[ruling], reason: refusal.reason, details };
}
