//! Whether the evidence bears out what was signed: chain, outcome, price, offering, officers, legs, times, receipts.
import { alike, greatest, least } from "./bytes.js";
import { CENTS_MAX, LAST_DAY, begins, dayOf } from "./fields.js";
import { isMessage, procedureDay } from "./kinds.js";
import { CONTESTED, Court, FactBase, verdictWord } from "./law.js";
import { Buyer, amountOf, quote, sharesOf } from "./money.js";
import { Attempt, Message, broken } from "./order.js";
import { INVALID, NOT_CHECKABLE, Refusal, VALID, asRefusal, refusalOf } from "./refusal.js";

// How much later than it was signed a statement may be seen and still count for the day on which it was signed.
const WITNESSING_MS = 10 * 60 * 1000;

/** The request as it lies in the bundle, or null; the leaf of a seal or void depends on it. */
export function requestIn(entries) {
  for (const { section, signed } of entries) {
    if (section !== "order" || signed.kind !== "request") continue;
    try {
      return signed.body();
    } catch (error) {
      asRefusal(error);
    }
  }
  return null;
}

const SOLD_IN = { request: "offering", "call-off": "offering", counter: "tariff" };

/** The offering and the tariffs that the order's messages name. */
export function soldIn(entries) {
  const sold = new Set();
  for (const { section, signed } of entries) {
    if (section !== "order" || !Object.hasOwn(SOLD_IN, signed.kind)) continue;
    refusalOf(() => sold.add(signed.body()[SOLD_IN[signed.kind]]));
  }
  return sold;
}

/** Examines the messages, the receipts, and what they rest on; gives what the report says of the order. */
export function examineOrder(entries, logs, chronicle, book) {
  const messages = judgeMessages(entries, logs, book);
  checkPositions(messages, book);
  const receipts = checkReceipts(entries, messages, logs, book);
  const request = requestIn(entries);
  const context = { messages, entries, logs, chronicle, book };
  if (request === null) {
    const isPart = messages.every(({ kind }) => kind === "call-off" || kind === "mandate");
    const part = messages.find(({ kind }) => kind === "call-off");
    if (isPart && part) return examinePart(part, context);
    book.refuse("CHAIN", "order", new Refusal("EVIDENCE_MISSING", { kind: "request" }));
    return {};
  }
  const attempt = placeAll(messages, book);
  const ending = checkOutcome(messages, attempt, request, book);
  // An attempt without a contract may have ended before anyone offered, judged or approved anything.
  if (ending !== "SEALED") for (const check of ["PRICE", "LEGS", "OFFICERS"]) book.spare(check);
  checkOrdered(request, attempt, context);
  checkFrozen(request, context);
  checkTimes(attempt, request, context);
  let legs = [];
  if (attempt) {
    checkPrice(attempt, context);
    checkCallOffs(attempt, context);
    checkMandates(context);
    checkOfficers(attempt, context);
    checkEndings(attempt, receipts, context);
    tellSettlements(attempt, book);
    legs = checkLegs(attempt, context);
  }
  return {
    order: request.order,
    attempt: request.attempt,
    parties: request.route,
    ending,
    total_cents: attempt?.seal?.body.total ?? null,
    legs,
    placed: attempt,
  };
}

// ---- messages and their places ----

function judgeMessages(entries, logs, book) {
  const messages = [];
  for (const entry of entries) {
    if (entry.section !== "order") continue;
    if (!isMessage(entry.signed.kind)) {
      book.refuse("CHAIN", entry.name, broken("no message of an order"));
      continue;
    }
    const holds = logs.judge(entry, book) !== null;
    // A body that cannot be read has been booked as refused just now.
    refusalOf(() => messages.push(new Message(entry, entry.signed.body(), holds)));
  }
  return messages;
}

/** In one log, what is named stands before what names it. */
function checkPositions(messages, book) {
  const places = new Map(messages.filter(({ place }) => place).map(({ id, place }) => [id, place]));
  for (const message of messages) {
    for (const named of message.place ? message.named() : []) {
      const place = places.get(named);
      if (place?.log === message.place.log && place.index >= message.place.index) {
        book.refuse("POSITION", message.name, broken("stands before what it names"));
      }
    }
  }
}

const PLACED_AS = {
  PRICE_MISMATCH: "PRICE",
  PRICE_TOO_HIGH: "PRICE",
  MONEY_INVALID: "PRICE",
  LEG_NOT_FULFILLED: "LEGS",
  DEADLINE_INVALID: "TIMES",
  SIGNER_WRONG: "OFFICERS",
};

/** Puts every message in its place. What is missing or wrong makes what follows it impossible to check. */
function placeAll(messages, book) {
  const present = new Set(messages.map(({ id }) => id));
  let gaps = messages.some(({ holds }) => !holds);
  for (const message of messages) {
    for (const named of message.named()) {
      if (present.has(named)) continue;
      gaps = true;
      book.refuse("CHAIN", message.name, new Refusal("CHAIN_INCOMPLETE", { missing: named }));
    }
  }
  const first = messages.find(({ kind, holds }) => kind === "request" && holds);
  if (!first) return null;
  book.ok("CHAIN");
  const attempt = new Attempt(first);
  for (const message of messages) {
    if (["call-off", "mandate"].includes(message.kind) || message === first || !message.holds) continue;
    let other = null;
    const refusal = refusalOf(() => (other = attempt.place(message)));
    if (refusal) {
      const check = PLACED_AS[refusal.reason] ?? "CHAIN";
      book.note(check, message.name, gaps && check === "CHAIN" ? NOT_CHECKABLE : refusal.ruling(), refusal);
      gaps = true;
    } else if (other === null) book.ok("CHAIN");
    else book.refuse("CHAIN", message.name, new Refusal("ORDER_DISPUTED", { other }));
  }
  return attempt;
}

/** Exactly one seal or void, in its place; a seal closes a complete chain. */
function checkOutcome(messages, attempt, request, book) {
  const isSealed = messages.some(({ kind }) => kind === "seal");
  const ended = messages.find(({ kind }) => kind === "void")?.body.reason ?? null;
  const refuse = (reason) => book.refuse("OUTCOME", "order", new Refusal(reason));
  if (!isSealed && ended === null) {
    if (request.mode === "interest") book.spare("OUTCOME");
    else refuse("CHAIN_INCOMPLETE");
  } else if (isSealed && ended !== null) refuse("ORDER_DISPUTED");
  else if (!attempt?.seal && !attempt?.void) refuse("EVIDENCE_MISSING");
  else if (isSealed && !attempt.isComplete()) refuse("CHAIN_INCOMPLETE");
  else book.ok("OUTCOME");
  if (isSealed) return "SEALED";
  return ended === null ? "OPEN" : `VOID_${ended.toUpperCase().replaceAll("-", "_")}`;
}

/** No recall, decline or rejection reached the buyer before it wrote the seal, by its log or by its receipt. */
function checkEndings(attempt, receipts, { chronicle, book }) {
  const place = attempt.seal && chronicle.places.get(attempt.seal.id);
  if (!place) return;
  const { buyer } = attempt.request.body;
  const isHeld = (receipt) => receipt.from === buyer && receipt.log === place.log && receipt.size <= place.index;
  const held = new Set(receipts.filter(isHeld).map((receipt) => receipt.message));
  const cameFirst = (id) => {
    const there = chronicle.places.get(id);
    return held.has(id) || (there?.log === place.log && there.index < place.index);
  };
  book.judge("OUTCOME", "seal", () => {
    for (const [said, reason] of [[attempt.recalls, "ORDER_RECALLED"], [attempt.declines, "ORDER_DECLINED"]]) {
      for (const [, message] of [...said].sort(([one], [other]) => one - other)) {
        if (cameFirst(message.id)) throw new Refusal(reason, { org: message.body.from });
      }
    }
  });
}

/** A remark for each proposal: settled by both, or not at all. */
function tellSettlements(attempt, book) {
  const said = [...attempt.settlements.values()];
  const agreed = new Set(said.map(({ body }) => body.agrees));
  for (const { id, name, body } of said) {
    if (body.agrees !== null) continue;
    const reason = agreed.has(id) ? "CONTRADICTION_SETTLED" : "SETTLEMENT_NOT_AGREED";
    book.note("OUTCOME", name, VALID, new Refusal(reason, { org: body.from }));
  }
}

/** Every receipt is by a party, for a message of this order, and names the receiver's home log. Gives the good ones. */
function checkReceipts(entries, messages, logs, book) {
  const [good, known] = [[], new Map(messages.map((message) => [message.id, message.body]))];
  for (const entry of entries) {
    if (entry.section !== "receipts") continue;
    const refuse = (refusal) => book.refuse("RECEIPTS", entry.name, refusal);
    let receipt = null;
    const refusal = refusalOf(() => {
      receipt = entry.signed.body();
      if (entry.signed.kind !== "receipt") throw broken("not a receipt");
    });
    if (refusal) {
      refuse(refusal);
      continue;
    }
    const message = known.get(receipt.message);
    if (!message) refuse(new Refusal("EVIDENCE_MISSING", { message: receipt.message }));
    else if (message.order !== receipt.order || message.attempt !== receipt.attempt) refuse(broken("another order or attempt"));
    if (logs.homes.has(receipt.from) && logs.homes.get(receipt.from) !== receipt.log) refuse(broken("not the receiver's log"));
    if (logs.judgeReceipt(entry, book)) good.push(receipt);
  }
  return good;
}

// ---- offering and price ----

/** The buyer by its newest admission that did not come after the request; by the first one if all did. */
function buyerOf(request, attempt, { logs, chronicle }) {
  const asked = attempt?.request.id;
  const known = [...logs.holding].filter(([, { kind, body }]) => kind === "admission" && body.org === request.buyer);
  const numbered = ([, { body }]) => [body.number];
  const stood = known.filter(([id]) => chronicle.isBefore(asked, id) !== true);
  const [, found] = (stood.length ? greatest(stood, numbered) : least(known, numbered)) ?? [];
  return new Buyer(request.buyer, found?.body ?? null, request.quantities);
}

/** The offering named, if it is a good public statement here and one; else what stands against it is booked. */
function offeringOf(id, { logs, book }) {
  const found = logs.holding.get(id);
  if (!found) book.refuse("OFFERING", "facts", new Refusal("OFFERING_UNKNOWN"));
  else if (found.kind !== "offering") book.refuse("OFFERING", "facts", new Refusal("STATEMENT_MALFORMED", { kind: "offering" }));
  return found?.kind === "offering" ? found : null;
}

/** The offering is the version pinned, sold by the provider, orderable on the day, and on offer at the acceptance. */
function checkOrdered(request, attempt, context) {
  const { logs, chronicle, book } = context;
  const found = offeringOf(request.offering, context);
  if (!found) return;
  const { name, body: offering } = found;
  const [{ area }, on] = [buyerOf(request, attempt, context), dayOf(request.signed_at)];
  const covers = area === null || offering.coverage.some((place) => place === "*" || area.startsWith(place));
  const rules = {
    ROUTE_INVALID: offering.seller === request.route[request.route.length - 1],
    OFFERING_EXPIRED: offering.valid_from <= on && (offering.valid_to === null || on <= offering.valid_to),
    FIELD_INVALID: request.term_years >= offering.term_years_min,
    OFFERING_NOT_COVERING: covers,
  };
  const against = Object.keys(rules).filter((reason) => !rules[reason]);
  for (const reason of against) book.refuse("OFFERING", name, new Refusal(reason));
  if (against.length === 0) book.ok("OFFERING");
  if (!attempt?.acceptance) return;
  const accepted = attempt.acceptance.id;
  book.judge("OFFERING", name, () => requireOnOffer(request, offering, accepted, logs, chronicle));
}

/** Nothing said before the acceptance, or that may have been, takes the version off the market. */
function requireOnOffer(request, pinned, accepted, logs, chronicle) {
  for (const [id, { kind, body }] of [...logs.holding].sort(([one], [other]) => (one < other ? -1 : 1))) {
    if (!["withdrawal", "offering"].includes(kind) || body.seller !== pinned.seller || body.name !== pinned.name) continue;
    if (chronicle.isBefore(id, accepted) === false) continue;
    if (kind === "withdrawal" && body.version >= pinned.version) {
      throw new Refusal("OFFERING_WITHDRAWN", { offering: pinned.name });
    }
    if (kind === "offering" && body.version > pinned.version && request.amends === null) {
      throw new Refusal("OFFERING_SUPERSEDED", { offering: pinned.name, newest: body.version });
    }
  }
}

/** A frozen search that the request names rests on what could be known when it was frozen. */
function checkFrozen(request, { messages, chronicle, book }) {
  const [selection, place] = [request.grounds?.selection ?? null, chronicle.places.get(request.offering)];
  if (selection === null || !place) return;
  const unfounded = (rule) => new Refusal("SELECTION_UNFOUNDED", { rule });
  book.judge("OFFERING", "request", () => {
    const isKnown = selection.known.some(({ log, size }) => log === place.log && place.index < size);
    if (!isKnown) throw unfounded("the offering was not known yet");
    const asked = messages.find(({ kind }) => kind === "request");
    const requested = asked ? chronicle.seen(asked.id) : null;
    if (requested !== null && requested + WITNESSING_MS < selection.frozen_at) throw unfounded("frozen after the request");
    const differs = ({ log, size, root }) => (chronicle.roots.get(`${log} ${size}`) ?? root) !== root;
    if (selection.known.some(differs)) throw unfounded("another root");
  });
}

/** The offers add up within the cap, and everyone charges what it has published or what the seal agrees to. */
function checkPrice(attempt, { logs, chronicle, book }) {
  const [request, { seal }] = [attempt.request.body, attempt];
  const counters = [...attempt.counters].sort(([one], [other]) => one - other).map(([, message]) => message);
  for (const { body } of counters) book.judge("PRICE", body.from, () => requireOwnTariff(body, logs));
  if (seal === null) return;
  if (attempt.isComplete()) book.judge("PRICE", "order", () => attempt.offer());
  const buyer = buyerOf(request, attempt, { logs, chronicle });
  const charges = counters.map((message) => [message.body, tariffInForce(message, logs, chronicle)]);
  if (attempt.acceptance) {
    const found = logs.holding.get(request.offering);
    charges.push([attempt.acceptance.body, found?.kind === "offering" ? found.body.price : null]);
  }
  const isOpen = ([offer, listed]) => isFree(offer.components, listed, buyer, request.term_years);
  const free = [...new Set(charges.filter(isOpen).map(([offer]) => offer.from))].sort();
  book.judge("PRICE", "seal", () => {
    const org = free.find((each) => !seal.body.agreed.includes(each));
    if (org) throw new Refusal("PRICE_NOT_AGREED", { org });
  });
  for (const org of free) book.note("PRICE", org, VALID, new Refusal("PRICE_FREELY_AGREED", { org }));
}

/** A tariff that is named lies in the bundle and is the hop's own. */
function requireOwnTariff(counter, logs) {
  if (counter.tariff === null) return;
  const found = logs.holding.get(counter.tariff);
  if (!found) throw new Refusal("EVIDENCE_MISSING", { tariff: counter.tariff });
  if (found.kind !== "tariff" || found.body.org !== counter.from) throw broken("names another's tariff");
}

/** The items of the hop's newest tariff at its offer, if the offer names that one, else null. Of two of one version the lower id. */
function tariffInForce({ id: offer, body: counter }, logs, chronicle) {
  const isKnown = ([id, { kind, body }]) => kind === "tariff" && body.org === counter.from && chronicle.isBefore(id, offer);
  const newest = least([...logs.holding].filter(isKnown), ([id, { body }]) => [-body.version, id]);
  return newest && newest[0] === counter.tariff ? newest[1].body.fee : null;
}

/** Whether a price follows from nothing published. Who charges nothing needs no list. */
function isFree(charged, listed, buyer, years) {
  let follows = false;
  refusalOf(() => (follows = listed !== null && alike(quote(listed, buyer, years), charged)));
  let isNothing = false;
  refusalOf(() => (isNothing = amountOf(charged, years) === 0));
  return !follows && !isNothing;
}

/** Every member of an order for several got its part, and the parts are the order's. */
function checkCallOffs(attempt, { messages, book }) {
  const gathered = attempt.request.body.bundle;
  const members = new Set(gathered?.members.map((member) => member.org) ?? []);
  for (const { kind, holds, name, body } of messages) {
    if (kind !== "call-off" || !holds) continue;
    members.delete(body.to);
    book.judge("PRICE", name, () => requirePart(body, gathered, attempt));
  }
  for (const org of attempt.seal ? [...members].sort() : []) {
    book.refuse("PRICE", "order", new Refusal("EVIDENCE_MISSING", { kind: "call-off", org }));
  }
}

function requirePart(part, gathered, { seal, request: { body: request } }) {
  if (seal === null) throw new Refusal("CHAIN_INCOMPLETE", { missing: "seal" });
  if (gathered === null) throw broken("an order for one buyer only");
  const shares = sharesOf(gathered, seal.body.total);
  const at = gathered.members.findIndex((member) => member.org === part.to);
  if (at < 0) throw broken("not a member of the order");
  const stated = [part.seal, part.from, part.offering, part.provider, part.term_years, part.total];
  const provider = request.route[request.route.length - 1];
  const sealed = [seal.id, request.buyer, request.offering, provider, request.term_years, seal.body.total];
  if (!alike(stated, sealed)) throw broken("other terms than the order's");
  const { need, weight } = gathered.members[at];
  const weights = gathered.members.reduce((sum, each) => sum + each.weight, 0);
  if (!alike([part.need, part.key, part.weight, part.weights], [need, gathered.key, weight, weights])) {
    throw broken("another key than the order's");
  }
  const law = [request.rule_pack, procedureDay(request), request.award];
  if (!alike([part.rule_pack, part.procedure_began, part.award], law)) throw broken("another law than the order's");
  if (part.share !== shares[at]) throw new Refusal("PRICE_MISMATCH");
}

// ---- officers ----

/** Whether an officer's grant reaches an amount. */
function reaches(grant, amount) {
  return grant !== null && amount <= Math.min(grant.limit, grant.limit_per_year ?? CENTS_MAX);
}

/** The request is within its officer's limits, or a second officer has approved before the seal. */
function checkOfficers(attempt, { logs, chronicle, book }) {
  const { seal } = attempt;
  if (seal === null && attempt.endorsements.size === 0 && attempt.acceptance === null) return;
  const request = attempt.request.body;
  const suffices = (message) => reaches(logs.grantOf(request.buyer, message.signed, chronicle), request.total_max);
  if (suffices(attempt.request)) {
    book.ok("OFFICERS");
    return;
  }
  book.judge("OFFICERS", request.buyer, () => {
    const decision = attempt.decisions.get(request.buyer);
    if (!decision) throw new Refusal("GRANT_LIMIT_EXCEEDED", { officer: request.officer });
    const { officer, leg, approve } = decision.body;
    if (!approve) throw new Refusal("DECISION_NO", { officer });
    if (officer === request.officer) throw new Refusal("SAME_OFFICER", { officer });
    if (leg === null) throw new Refusal("FIELD_INVALID", { field: "leg" });
    if (leg.verdict === "not-proven") throw new Refusal("LEG_NOT_PROVEN");
    if (leg.verdict === "not-fulfilled") throw new Refusal("LEG_NOT_FULFILLED");
    if (!suffices(decision)) throw new Refusal("GRANT_LIMIT_EXCEEDED", { officer });
    if (seal && chronicle.isBefore(decision.id, seal.id) !== true) throw new Refusal("APPROVAL_LATE", { officer });
  });
}

/** Every call-off stands under a mandate that covers it and was given. */
function checkMandates({ messages, logs, chronicle, book }) {
  const mandates = messages.filter(({ kind, holds }) => kind === "mandate" && holds);
  for (const { id, kind, holds, name, body: part } of messages) {
    if (kind !== "call-off" || !holds) continue;
    const seen = chronicle.seen(id);
    book.judge("OFFICERS", name, () => {
      const mandate = mandates.find((other) => other.id === part.mandate);
      if (!mandate) throw new Refusal("EVIDENCE_MISSING", { kind: "mandate", org: part.to });
      const { org, to, need, until, cap } = mandate.body;
      if (org !== part.to || to !== part.from || need !== part.need) throw new Refusal("MANDATE_FOREIGN", { to });
      const days = [dayOf(part.signed_at), ...(seen === null ? [] : [dayOf(seen - WITNESSING_MS)])];
      for (const on of days) {
        if (on > until) throw new Refusal("MANDATE_EXPIRED", { until });
        if (part.share > cap) throw new Refusal("MANDATE_EXCEEDED", { cap, share: part.share });
      }
      // What was approved only after the call-off did not stand behind it.
      requireGiven(mandate, mandates.filter((other) => chronicle.isBefore(id, other.id) !== true), { logs, chronicle });
    });
  }
}

function requireGiven(mandate, mandates, { logs, chronicle }) {
  const { officer, cap, org } = mandate.body;
  const suffices = ({ body, signed }, role) => {
    const grant = logs.grantOf(body.org, signed, chronicle);
    return grant !== null && grant.roles.includes(role) && reaches(grant, cap);
  };
  if (suffices(mandate, "buyer")) return;
  const terms = ({ body }) => [body.attempt, body.org, body.to, body.need, body.cap, body.until];
  const approvals = mandates.filter((other) => other.body.approves === mandate.id && alike(terms(other), terms(mandate)));
  const colleagues = approvals.filter((other) => other.body.officer !== officer);
  if (approvals.length && colleagues.length === 0) throw new Refusal("SAME_OFFICER", { officer });
  if (!colleagues.some((other) => suffices(other, "approver"))) throw new Refusal("GRANT_LIMIT_EXCEEDED", { officer, org });
}

// ---- legs ----

const correctedBy = ({ kind, body }) => (kind === "membership" || kind === "entity-facts" ? body.corrects : null);

/** Judges every leg again by the evidence it names, compares the result with what was signed, and gives the results. */
function checkLegs(attempt, { messages, entries, logs, chronicle, book }) {
  const request = attempt.request.body;
  const pack = logs.holding.get(request.rule_pack);
  if (pack?.kind !== "rule-pack") {
    book.refuse("LEGS", "facts", new Refusal("RULE_PACK_UNKNOWN"));
    return [];
  }
  book.judge("LEGS", "request", () => requirePackInForce(attempt, entries, logs, chronicle));
  const ground = {
    pack: pack.body,
    began: procedureDay(request),
    award: request.award,
    provider: request.route[request.route.length - 1],
    knownOn: dayOf(request.signed_at),
    // When the order was asked for: corrections seen by then count.
    requested: chronicle.seen(attempt.request.id),
    isChange: request.amends?.what === "change",
  };
  const sealed = attempt.seal ? chronicle.seen(attempt.seal.id) : null;
  const judged = messages.filter(({ holds, kind }) => holds && ["endorse", "accept", "call-off"].includes(kind));
  const legs = judged.map((message) => {
    const until = message.kind === "call-off" ? chronicle.seen(message.id) : sealed;
    return checkFinding(ground, message, until, logs, chronicle, book);
  });
  for (const [id, fact] of logs.holding) {
    const seen = chronicle.seen(id);
    if (correctedBy(fact) && sealed !== null && seen !== null && seen > sealed) {
      book.note("LEGS", fact.name, VALID, new Refusal("FACT_LATER", { fact: id }));
    }
  }
  return legs;
}

/** Of the packs that the buyer's log held before the request, and the one named, that is the one for the procedure. */
function requirePackInForce(attempt, entries, logs, chronicle) {
  const [request, place] = [attempt.request.body, chronicle.places.get(attempt.request.id)];
  if (!place) return;
  const isHeld = (entry) =>
    entry.signed.kind === "rule-pack" && entry.place?.log === place.log && entry.index < place.index;
  const held = new Set([request.rule_pack, ...entries.filter(isHeld).map(({ signed }) => signed.id)]);
  const on = procedureDay(request);
  const isMeant = (id) => {
    const { kind, body } = logs.holding.get(id) ?? {};
    return kind === "rule-pack" && body.valid_from <= on && (body.valid_to === null || on <= body.valid_to);
  };
  const named = ({ body }, id) => [body.valid_from, body.name, id];
  if (greatest([...held].filter(isMeant), (id) => named(logs.holding.get(id), id)) !== request.rule_pack) {
    throw new Refusal("RULE_PACK_NOT_IN_FORCE", { procedure_began: on });
  }
}

/** Judges one leg again and compares the result with what was signed. */
function checkFinding(ground, message, until, logs, chronicle, book) {
  const { leg } = message.body;
  // Named, or a correction of what is named that was known when the order was asked for.
  const isGround = ([id, fact]) => {
    if (leg.evidence.includes(id)) return true;
    const seen = chronicle.seen(id);
    return seen !== null && ground.requested !== null && seen <= ground.requested && leg.evidence.includes(correctedBy(fact));
  };
  const base = new FactBase(new Map([...logs.holding].filter(isGround)));
  const court = new Court(base, ground.pack, { ...ground, asOf: leg.as_of, isLast: leg.to === ground.provider });
  const judged = court.judge(leg.from, leg.to);
  const missing = refusalOf(() => requireEvidence(leg, until, logs, chronicle));
  const differs = refusalOf(() => compareLegs(leg, judged));
  if (missing) book.refuse("LEGS", message.name, missing);
  else if (differs) {
    // A signed finding that the facts do not bear out is wrong, whatever the word for the leg itself.
    const isOther = verdictWord(judged.verdict) !== leg.verdict;
    book.note("LEGS", message.name, isOther ? INVALID : differs.ruling(), differs);
  } else book.ok("LEGS");
  return {
    from: leg.from,
    to: leg.to,
    verdict: verdictWord(judged.verdict),
    basis: judged.basis,
    assumed: judged.assumed,
  };
}

/** All evidence named lies in the bundle, and witnesses had seen it by then, or soon after. */
function requireEvidence(leg, until, logs, chronicle) {
  for (const fact of leg.evidence) {
    const kind = logs.holding.get(fact)?.kind;
    if (kind !== "membership" && kind !== "entity-facts") throw new Refusal("EVIDENCE_MISSING", { fact });
    const seen = chronicle.seen(fact);
    if (seen !== null && until !== null && seen > until + WITNESSING_MS) throw new Refusal("EVIDENCE_LATER", { fact });
  }
}

function compareLegs(leg, judged) {
  if (leg.verdict !== verdictWord(judged.verdict)) {
    const reasons = ["LEG_FINDING_DIFFERS", "LEG_FINDING_DIFFERS", "LEG_NOT_PROVEN", "LEG_NOT_FULFILLED"];
    throw new Refusal(reasons[judged.verdict]);
  }
  if (leg.basis !== judged.basis || leg.assumed !== judged.assumed) {
    throw new Refusal("LEG_FINDING_DIFFERS", { rule: "basis or assumptions" });
  }
  if (judged.verdict > CONTESTED) throw new Refusal("LEG_NOT_PROVEN");
}

// ---- times ----

/** Deadline and day of award by witnessed time. Times stated that do not follow the order of messages are remarks. */
function checkTimes(attempt, request, { messages, chronicle, book }) {
  const sealed = attempt?.seal ? chronicle.seen(attempt.seal.id) : null;
  if (attempt?.seal) book.judge("TIMES", "seal", () => requireTimely(attempt, sealed));
  const asked = messages.find(({ kind }) => kind === "request");
  const requested = asked ? chronicle.seen(asked.id) : null;
  if (requested !== null) {
    checkStatedTime(request, requested, book);
    checkAwardDay(request, requested, sealed, book);
  }
  const times = new Map(messages.map(({ id, body }) => [id, body.signed_at]));
  for (const message of messages) {
    const at = message.body.signed_at;
    const isLater = message.named().some((named) => times.get(named) > at);
    const isAnswer = ["endorse", "accept", "counter"].includes(message.kind);
    if (isAnswer && at > request.quote_by) book.note("TIMES", message.name, VALID, new Refusal("DEADLINE_PASSED"));
    else if (isLater) book.note("TIMES", message.name, VALID, new Refusal("TIMES_OUT_OF_ORDER"));
    else book.ok("TIMES");
  }
}

/** A seal in time by its own word and as witnessed, or confirmed by all other parties. */
function requireTimely(attempt, sealed) {
  if (Math.max(attempt.seal.body.signed_at, sealed ?? 0) <= attempt.request.body.seal_by) return;
  const missing = attempt.route.filter((_, at) => at > 0 && !attempt.confirmations.has(at));
  if (missing.length) throw new Refusal("SEAL_LATE", { unconfirmed: missing.join(", ") });
}

/** When the request says it was signed decides the law and the facts that count: witnesses had seen it that day. */
function checkStatedTime(request, requested, book) {
  const refusal = new Refusal("REQUEST_TIME_UNSEEN", { signed_at: request.signed_at, seen: requested });
  if (request.signed_at > requested + WITNESSING_MS) book.note("TIMES", "request", INVALID, refusal);
  else if (dayOf(request.signed_at) < dayOf(requested - WITNESSING_MS)) book.note("TIMES", "request", NOT_CHECKABLE, refusal);
  else book.ok("TIMES");
}

function checkAwardDay(request, requested, sealed, book) {
  const [first, last] = [dayOf(requested - WITNESSING_MS), sealed === null ? LAST_DAY : dayOf(sealed)];
  if (first <= request.as_of && request.as_of <= last) {
    book.ok("TIMES");
    return;
  }
  // By its own word the request is old enough, but no witness saw it in time: nobody can say.
  const unseen = dayOf(request.signed_at) <= request.as_of && request.as_of < dayOf(requested);
  const refusal = new Refusal("AWARD_DAY_OUTSIDE", { as_of: request.as_of });
  book.note("TIMES", "request", unseen ? NOT_CHECKABLE : INVALID, refusal);
}

// ---- a member's own part ----

/** A member's own part of an order for several, as far as it shows itself that it holds. */
function examinePart(message, context) {
  const { messages, logs, chronicle, book } = context;
  const [part, present] = [message.body, new Set(messages.map(({ id }) => id))];
  book.ok("CHAIN");
  for (const other of messages) {
    for (const named of other.named()) {
      if (named === part.seal || present.has(named)) continue;
      book.refuse("CHAIN", other.name, new Refusal("CHAIN_INCOMPLETE", { missing: named }));
    }
    const isForeign = other.kind === "call-off" ? other.id !== message.id : other.body.org !== part.to;
    if (isForeign) book.refuse("CHAIN", other.name, new Refusal("NOT_A_PARTY"));
  }
  if (message.holds) book.ok("OUTCOME");
  else book.refuse("OUTCOME", message.name, new Refusal("EVIDENCE_MISSING", { kind: "call-off" }));
  book.spare("TIMES");
  book.judge("PRICE", message.name, () => {
    const away = BigInt(part.share) * BigInt(part.weights) - BigInt(part.total) * BigInt(part.weight);
    const weights = BigInt(part.weights);
    if (away >= weights || away <= -weights) throw new Refusal("PRICE_MISMATCH", { sealed: part.share });
  });
  const found = offeringOf(part.offering, context);
  if (found) book.judge("OFFERING", found.name, () => requireSold(part, found.body));
  checkMandates(context);
  return {
    order: part.order,
    attempt: part.attempt,
    parties: [part.to, part.from],
    ending: "CALLED_OFF",
    total_cents: part.share,
    legs: checkPartsLeg(message, logs, chronicle, book),
  };
}

function requireSold(part, offering) {
  if (offering.seller !== part.provider) throw new Refusal("ROUTE_INVALID", { provider: part.provider });
  if (part.term_years < offering.term_years_min) throw new Refusal("FIELD_INVALID", { field: "term_years" });
}

function checkPartsLeg(message, logs, chronicle, book) {
  const part = message.body;
  const pack = logs.holding.get(part.rule_pack);
  if (pack?.kind !== "rule-pack") {
    book.refuse("LEGS", "facts", new Refusal("RULE_PACK_UNKNOWN"));
    return [];
  }
  const began = part.procedure_began;
  book.judge("LEGS", message.name, () => {
    const { valid_from: from, valid_to: to } = pack.body;
    if (began < from || (to !== null && began > to)) throw new Refusal("RULE_PACK_NOT_IN_FORCE");
  });
  book.judge("LEGS", message.name, () => {
    if (part.leg.from !== part.to || part.leg.to !== part.from) throw broken("judged another leg or day");
  });
  const ground = {
    pack: pack.body,
    began,
    award: part.award,
    provider: part.provider,
    knownOn: dayOf(part.signed_at),
    requested: begins(began),
    // The request is not here; that it changes a contract follows from what the finding claims to rest on.
    isChange: part.leg.basis === "modification",
  };
  return [checkFinding(ground, message, chronicle.seen(message.id), logs, chronicle, book)];
}
