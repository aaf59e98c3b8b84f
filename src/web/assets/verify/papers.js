//! What the papers of a bundle say of themselves: kind, by whom, of which day, for people to find them. Judges nothing.
import { annexNamed, allSaid } from "./annexes.js";
import { printable } from "./characters.js";
import { dayOf } from "./fields.js";
import { SIGNER_RULES, hasSigner, isKnown, signedAt } from "./kinds.js";
import { asRefusal } from "./refusal.js";

// Where other fields than the signer's say whom or what a paper is about, and of which day it is.
const SHOWN = {
  "federation-root": (body) => ({ about: String(body.version) }),
  admission: (body) => ({ org: body.org }),
  expulsion: (body) => ({ org: body.org }),
  "key-event": (body) => ({ org: body.org }),
  "officer-grant": (body) => ({ org: body.org, about: body.officer }),
  "node-record": (body) => ({ org: body.operator, about: body.node }),
  recovery: (body) => ({ org: body.org }),
  "rule-pack": (body) => ({ about: body.name, day: body.valid_from }),
  membership: (body) => ({ about: `${body.member} → ${body.of}`, day: body.known_from }),
  "entity-facts": (body) => ({ day: body.known_from }),
  offering: (body) => ({ about: printable(body.title), day: body.valid_from }),
  erasure: (body) => ({ about: printable(body.ground) }),
  settlement: (body) => ({ about: printable(body.terms) }),
};
const SHOWS_OFFICER = ["request", "decision", "milestone", "settlement", "erasure", "seal", "void", "recall"];

/** A paper as it calls itself; what cannot be read stays unsaid. */
function paperOf(signed) {
  const kind = isKnown(signed.kind) ? signed.kind : "unknown";
  let body;
  try {
    body = signed.body();
  } catch (error) {
    asRefusal(error);
    return { kind };
  }
  const time = signedAt(signed.kind, body);
  return {
    kind,
    org: hasSigner(signed.kind) ? body[SIGNER_RULES[signed.kind][0]] : null,
    officer: SHOWS_OFFICER.includes(signed.kind) ? body.officer : null,
    day: time === null ? null : dayOf(time),
    ...(Object.hasOwn(SHOWN, signed.kind) ? SHOWN[signed.kind](body) : {}),
  };
}

/** All papers by their names in the bundle, with the words beside them, and what organisations are called by their admissions. */
export function papersIn(reading, words) {
  const [papers, names] = [{}, {}];
  for (const { name, section, signed } of reading.statements) {
    const said = section === "order" ? words.get(annexNamed(signed)) : null;
    papers[name] = { ...paperOf(signed), note: said ? allSaid(said) : null };
    if (papers[name].kind !== "admission" || !papers[name].org) continue;
    const { org, name: full } = signed.body();
    names[org] = printable(full);
  }
  return { papers, names };
}
