//! Annexes: the words beside the order's statements, each bound by the statement that names its hash (proto/statements.md).
import { hashOf } from "./bytes.js";
import { linesText, or, pattern, record, text } from "./fields.js";
import { readJson } from "./json.js";
import { Refusal, VALID, refusalOf } from "./refusal.js";

// Twice what the longest texts take in letters of four bytes.
const ANNEX_BYTES_MAX = 8 * 1024;

const words = record({ salt: pattern(/^[0-9a-f]{64}$/, "JSON_INVALID"), note: or(text, "") });

/** The id of the annex that a statement names, else null: that of a body that cannot be read counts for nothing. */
export function annexNamed(signed) {
  let named = null;
  refusalOf(() => (named = signed.body().annex ?? null));
  return named;
}

export const annexMember = (id) => `annexes/${id}.json`;

/** What the annex with this id says. */
export function readAnnex(id, bytes) {
  let said = null;
  const refusal = refusalOf(() => {
    if (bytes.length > ANNEX_BYTES_MAX) throw new Refusal("JSON_TOO_LARGE", { bytes: bytes.length });
    said = words(readJson(bytes, true));
    linesText("note", said.note, 500);
  });
  if (refusal !== null || hashOf(bytes) !== id || said.note === "") throw new Refusal("ANNEX_DIFFERS", { member: annexMember(id) });
  return said;
}

/** A remark for each annex that is not here. No verdict rests on words. */
export function checkAnnexes(reading, book) {
  const refused = new Set(reading.refused.map(([member]) => member));
  for (const { name, section, signed } of reading.statements) {
    const id = section === "order" ? annexNamed(signed) : null;
    if (id === null) continue;
    if (reading.annexes.has(id)) book.ok("CONTAINER");
    else if (!refused.has(annexMember(id))) book.note("CONTAINER", name, VALID, new Refusal("ANNEX_NOT_PRESENT", { annex: id }));
  }
}
