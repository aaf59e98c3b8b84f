//! Annexes: the words beside the order's statements, each bound by the statement that names its hash (proto/statements.md).
import { hashOf } from "./bytes.js";
import { label, lineText, linesText, or, pattern, record, text } from "./fields.js";
import { readJson } from "./json.js";
import { Refusal, VALID, refusalOf } from "./refusal.js";

// What the longest texts take in letters of four bytes, and half as much again.
const ANNEX_BYTES_MAX = 16 * 1024;

const content = record({ salt: pattern(/^[0-9a-f]{64}$/, "JSON_INVALID"), note: or(text, ""), purpose: or(text, ""), choice: or(text, ""), query: or(text, ""), contact: or(text, "") });

/** The id of the annex that a statement names, else null: that of a body that cannot be read counts for nothing. */
export function annexNamed(signed) {
  let named = null;
  refusalOf(() => (named = signed.body().annex ?? null));
  return named;
}

export const annexMember = (id) => `annexes/${id}.json`;

/** All that is said, a text a line. */
export const allSaid = ({ note, purpose, choice, query, contact }) => [note, purpose, choice, query, contact].filter((text) => text !== "").join("\n");

/** What the annex with this id says. */
export function readAnnex(id, bytes) {
  let said = null;
  const refusal = refusalOf(() => {
    if (bytes.length > ANNEX_BYTES_MAX) throw new Refusal("JSON_TOO_LARGE", { bytes: bytes.length });
    said = content(readJson(bytes, true));
    linesText("note", said.note, 500);
    linesText("purpose", said.purpose, 1000);
    linesText("choice", said.choice, 1000);
    lineText("query", said.query, 200);
    label("contact", said.contact, 200);
  });
  if (refusal !== null || hashOf(bytes) !== id || allSaid(said) === "") throw new Refusal("ANNEX_DIFFERS", { member: annexMember(id) });
  return said;
}

// A request is by its buyer, a decision by its `org`, all others are `from` somebody.
const authorOf = (body) => body.buyer ?? body.org ?? body.from;

/** The erasures of an attempt that have force, each by the annex and its author: one's own words, and nobody else's. */
function erasuresIn(attempt) {
  const said = [attempt.decisions, attempt.declines, attempt.recalls, attempt.milestones].flatMap((placed) => [...placed.values()]);
  const own = new Set([attempt.request, ...said].map(({ body }) => `${body.annex} ${authorOf(body)}`));
  const erasures = [...attempt.erasures.values()].flatMap(({ body }) => body.annexes.map((id) => [`${id} ${body.from}`, body]));
  return new Map(erasures.filter(([words]) => own.has(words)).reverse());
}

/** What to say of erased words: who let them go, by what right. */
function erasedTold(id, signed, erasures) {
  const erasure = erasures.get(`${id} ${authorOf(signed.body())}`);
  const why = erasure ? { org: erasure.from, ground: erasure.ground, authority: erasure.authority } : {};
  return new Refusal("ANNEX_ERASED", { annex: id, ...why });
}

/**
 * A remark for each annex that is not here, or that its author has let be erased. No verdict rests on words. Gives what
 * the others say, by their ids.
 */
export function checkAnnexes(reading, attempt, book) {
  const erasures = attempt ? erasuresIn(attempt) : new Map();
  const erased = new Set([...erasures.keys()].map((words) => words.split(" ")[0]));
  const refused = new Set(reading.refused.map(([member]) => member));
  for (const { name, section, signed } of reading.statements) {
    const id = section === "order" ? annexNamed(signed) : null;
    if (id === null) continue;
    if (erased.has(id)) book.note("CONTAINER", name, VALID, erasedTold(id, signed, erasures));
    else if (reading.annexes.has(id)) book.ok("CONTAINER");
    else if (!refused.has(annexMember(id))) book.note("CONTAINER", name, VALID, new Refusal("ANNEX_NOT_PRESENT", { annex: id }));
  }
  return new Map([...reading.annexes].filter(([id]) => !erased.has(id)));
}
