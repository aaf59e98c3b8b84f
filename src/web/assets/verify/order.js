//! One attempt of an order: its messages in their places, and what each must name and say (docs/audit-rules.md, 6).
import { alike } from "./bytes.js";
import { amountOf, sumOf } from "./money.js";
import { Refusal, refusalOf } from "./refusal.js";

export const broken = (rule) => new Refusal("CHAIN_BROKEN", { rule });

// The fields in which a message names those it follows.
const NAMED = {
  decision: ["request"],
  endorse: ["prev", "decision"],
  accept: ["prev", "decision"],
  counter: ["prev"],
  reject: ["request"],
  decline: ["request"],
  void: ["request"],
  recall: ["request"],
  "late-notice": ["message", "void"],
  confirm: ["seal"],
  milestone: ["seal"],
  "call-off": ["seal", "mandate"],
  settlement: ["seal", "agrees"],
  mandate: ["approves"],
  seal: ["chain"],
};

/** One order message; `holds` if it is signed by whom it must be. */
export class Message {
  constructor(entry, body, holds) {
    const { signed, name, place } = entry;
    Object.assign(this, { entry, signed, body, holds, id: signed.id, kind: signed.kind, name, place });
  }

  named() {
    const fields = Object.hasOwn(NAMED, this.kind) ? NAMED[this.kind] : [];
    return fields.flatMap((field) => this.body[field]).filter((id) => id !== null);
  }
}

/** Position 0 is the buyer, the last one the provider; leg i runs from i-1 to i. */
export class Attempt {
  constructor(request) {
    this.request = request;
    this.route = request.body.route;
    this.last = this.route.length - 1;
    this.decisions = new Map();
    this.endorsements = new Map();
    this.counters = new Map();
    this.declines = new Map();
    this.recalls = new Map();
    this.confirmations = new Map();
    this.late = new Map();
    this.milestones = new Map();
    this.settlements = new Map();
    this.erasures = new Map();
    this.reminders = new Map();
    this.acceptance = null;
    this.seal = null;
    this.void = null;
  }

  position(org) {
    const at = this.route.indexOf(org);
    if (at < 0) throw new Refusal("NOT_A_PARTY", { org });
    return at;
  }

  /** Puts a message in its place, if it fits; gives the id of another one that holds that place, else null. */
  place(message) {
    const { body, kind } = message;
    const request = this.request.body;
    if (body.order !== request.order || body.attempt !== request.attempt) throw broken("other order or attempt");
    const rules = {
      request: this.placeRequest,
      decision: this.placeDecision,
      endorse: this.placeEndorse,
      accept: this.placeAccept,
      counter: this.placeCounter,
      decline: this.placeDecline,
      reject: this.placeDecline,
      seal: this.placeSeal,
      void: this.placeVoid,
      recall: this.placeRecall,
      "late-notice": this.placeLateNotice,
      confirm: this.placeConfirm,
      milestone: this.placeMilestone,
      settlement: this.placeSettlement,
      erasure: this.placeErasure,
      reminder: this.placeReminder,
    };
    if (!Object.hasOwn(rules, kind)) throw broken(`${kind} has no place`);
    return rules[kind].call(this, message, body);
  }

  placeRequest(message) {
    return message.id === this.request.id ? null : this.request.id;
  }

  placeDecision(message, body) {
    this.position(body.org);
    this.aboutRequest(body.request);
    if (body.leg !== null) {
      const own = body.org === this.request.body.buyer ? body.leg.from : body.leg.to;
      if (own !== body.org) throw broken("decided on another's leg");
    }
    return put(this.decisions, body.org, message);
  }

  placeEndorse(message, body) {
    const at = this.hop(body.from);
    this.follows(body.prev, this.before(at));
    this.checkLeg(body.leg, at);
    this.checkDecided(body.from, body.decision);
    return put(this.endorsements, at, message);
  }

  placeAccept(message, body) {
    const at = this.position(body.from);
    if (at !== this.last) throw broken("only the provider accepts");
    this.follows(body.prev, this.before(at));
    this.checkLeg(body.leg, at);
    this.checkDecided(body.from, body.decision);
    this.checkBinding(body.binds_until);
    amountOf(body.components, this.request.body.term_years);
    return this.putOne("acceptance", message);
  }

  placeCounter(message, body) {
    const at = this.hop(body.from);
    const behind = at + 1 === this.last ? this.acceptance : this.counters.get(at + 1);
    this.follows(body.prev, behind?.id ?? null);
    if (!this.endorsements.has(at)) throw broken("a hop endorses before it offers");
    this.checkBinding(body.binds_until);
    amountOf(body.components, this.request.body.term_years);
    return put(this.counters, at, message);
  }

  placeDecline(message, body) {
    const at = this.position(body.from);
    this.aboutRequest(body.request);
    const kind = at === this.last ? "reject" : "decline";
    if (at === 0 || message.kind !== kind) throw broken("hops decline, the provider rejects");
    return put(this.declines, at, message);
  }

  placeSeal(message, body) {
    this.checkSeal(body);
    return this.void ? this.void.id : this.putOne("seal", message);
  }

  placeVoid(message, body) {
    this.aboutRequest(body.request);
    this.byBuyer(body.buyer);
    return this.seal ? this.seal.id : this.putOne("void", message);
  }

  placeRecall(message, body) {
    const at = this.position(body.from);
    this.aboutRequest(body.request);
    if (at === 0) throw broken("the buyer cancels");
    return put(this.recalls, at, message);
  }

  placeLateNotice(message, body) {
    this.byBuyer(body.buyer);
    this.position(body.to);
    if (this.void && this.void.id !== body.void) throw broken("another void");
    return put(this.late, body.message, message);
  }

  placeConfirm(message, body) {
    const at = this.position(body.from);
    this.followsSeal(body.seal);
    if (at === 0) throw broken("the buyer has sealed");
    return put(this.confirmations, at, message);
  }

  placeMilestone(message, body) {
    const at = this.position(body.from);
    this.followsSeal(body.seal);
    const { what, item } = body.event;
    if (["productive", "terminated"].includes(what) && at !== 0 && at !== this.last) {
      throw new Refusal("ORDER_STATE", { rule: "said by the buyer or the provider" });
    }
    if ((what === "closed" || (what === "connected" && item === "acceptance")) && at !== 0) {
      throw new Refusal("ORDER_STATE", { rule: "said by the buyer" });
    }
    return put(this.milestones, `${body.from} ${body.number}`, message);
  }

  placeSettlement(message, body) {
    this.position(body.from);
    this.position(body.to);
    this.followsSeal(body.seal);
    if (body.holds !== null && body.holds !== body.seal && !this.seal.body.chain.includes(body.holds)) {
      throw new Refusal("SETTLEMENT_AGAINST_SEAL", { holds: body.holds });
    }
    if (body.agrees !== null) this.checkAgreed(body);
    return put(this.settlements, `${body.from} ${body.number}`, message);
  }

  checkAgreed(body) {
    const first = [...this.settlements.values()].find((said) => said.id === body.agrees)?.body;
    if (first === undefined) throw broken("the proposal is missing");
    const same = alike(body.about, first.about) && body.holds === first.holds && body.terms === first.terms;
    if (first.agrees !== null || body.from !== first.to || body.to !== first.from || !same) {
      throw broken("agrees to something else than was proposed");
    }
  }

  placeErasure(message, body) {
    this.position(body.from);
    if (!this.seal && !this.void) throw broken("follows the end");
    return put(this.erasures, `${body.from} ${body.number}`, message);
  }

  placeReminder(message, body) {
    this.position(body.org);
    return put(this.reminders, `${body.org} ${body.due}`, message);
  }

  putOne(place, message) {
    this[place] ??= message;
    return this[place].id === message.id ? null : this[place].id;
  }

  // ---- rules ----

  hop(org) {
    const at = this.position(org);
    if (at === 0 || at === this.last) throw broken("only hops do that");
    return at;
  }

  aboutRequest(request) {
    if (request !== this.request.id) throw broken("about another request");
  }

  followsSeal(named) {
    if (this.seal?.id !== named) throw broken("follows the seal");
  }

  byBuyer(org) {
    if (org !== this.request.body.buyer) throw new Refusal("NOT_A_PARTY", { org });
  }

  /** The message that the one of a position follows on the way down. */
  before(at) {
    return at === 1 ? this.request.id : this.endorsements.get(at - 1)?.id ?? null;
  }

  follows(named, known) {
    if (named !== known) throw broken("another predecessor, or none");
  }

  checkLeg(leg, at) {
    if (leg.from !== this.route[at - 1] || leg.to !== this.route[at] || leg.as_of !== this.request.body.as_of) {
      throw broken("judged another leg or day");
    }
    if (leg.verdict === "not-fulfilled") throw new Refusal("LEG_NOT_FULFILLED", { leg: `${leg.from} → ${leg.to}` });
  }

  checkDecided(org, named) {
    if (named === null) return;
    const decision = this.decisions.get(org);
    if (decision?.id !== named || !decision.body.approve) throw broken("the decision named is missing or says no");
  }

  checkBinding(until) {
    if (until < this.request.body.seal_by) throw new Refusal("DEADLINE_INVALID");
  }

  /** Request, endorsements down, acceptance, offers up; refused while one is missing. */
  chain() {
    const hops = Array.from({ length: this.last - 1 }, (_, at) => at + 1);
    const down = hops.map((at) => this.endorsements.get(at));
    const up = hops.reverse().map((at) => this.counters.get(at));
    const messages = [this.request, ...down, this.acceptance, ...up];
    if (messages.some((message) => !message)) throw new Refusal("CHAIN_INCOMPLETE");
    return messages.map((message) => message.id);
  }

  isComplete() {
    return refusalOf(() => this.chain()) === null;
  }

  total() {
    const charging = [...(this.acceptance ? [this.acceptance] : []), ...this.counters.values()];
    return sumOf(charging.map((message) => amountOf(message.body.components, this.request.body.term_years)));
  }

  /** What the whole chain costs, within the request's cap. */
  offer() {
    this.chain();
    const total = this.total();
    if (total > this.request.body.total_max) throw new Refusal("PRICE_TOO_HIGH", { total });
    return total;
  }

  legFindings() {
    const endorsed = [...this.endorsements].sort(([one], [other]) => one - other).map(([, message]) => message.body.leg);
    return this.acceptance ? [...endorsed, this.acceptance.body.leg] : endorsed;
  }

  checkSeal(seal) {
    this.byBuyer(seal.buyer);
    const known = [this.request, ...this.endorsements.values(), ...this.counters.values()];
    if (this.acceptance) known.push(this.acceptance);
    if (known.some((message) => !seal.chain.includes(message.id))) throw broken("the seal leaves out a message");
    if (this.request.body.mode !== "binding") throw new Refusal("ORDER_STATE", { rule: "an interest cannot be sealed" });
    if (!this.isComplete()) return;
    if (!alike(this.chain(), seal.chain)) throw broken("the seal names another chain");
    if (this.total() !== seal.total) throw new Refusal("PRICE_MISMATCH", { sealed: seal.total });
    this.offer();
    this.checkLeave(seal);
  }

  /** A seal without an officer needs the request's leave, and every leg fulfilled. */
  checkLeave(seal) {
    if (seal.officer !== null) return;
    if (seal.agreed.length) throw new Refusal("PRICE_NOT_AGREED", { rule: "only an officer agrees to a price freely" });
    const leave = this.request.body.auto_seal;
    if (leave === null) throw new Refusal("SIGNER_WRONG", { rule: "no leave to seal without an officer" });
    for (const leg of this.legFindings()) {
      const proven = leg.verdict === "fulfilled" && !leg.assumed;
      if (!["fulfilled", "contested"].includes(leg.verdict) || !(proven || leave.accept_assumed)) {
        throw new Refusal("SIGNER_WRONG", { rule: "not every leg is fulfilled" });
      }
    }
  }
}

function put(places, key, message) {
  if (!places.has(key)) places.set(key, message);
  const known = places.get(key);
  return known.id === message.id ? null : known.id;
}
