//! Law: section 108 GWB and its neighbours, one leg on one day with what was known on a day (docs/audit-rules.md, 8).
import { compared, greatest, least } from "./bytes.js";
import { BASES, CONTROLLING, VERDICTS } from "./kinds.js";

export const FULFILLED = 0;
export const CONTESTED = 1;
export const NOT_PROVEN = 2;
export const NOT_FULFILLED = 3;
const CONTROL_DEPTH_MAX = 4;
const CHAINS_MAX = 16;
const JOINT_LINKS_MAX = 2;
const STOCK_COMPANIES = ["ag", "gag", "se", "kgaa", "aktiengesellschaft", "ag & co. kg", "ag & co. kgaa"];

const said = (yes) => (yes ? FULFILLED : NOT_FULFILLED);
/** Nothing stated, no answer. */
const maybe = (yes) => (yes === null ? null : said(yes));
const unless = (value, answer) => (value === null ? null : answer(value));

/** One condition examined; `evidence` are the ids of the facts that tell. */
function finding(verdict, org, of, condition, evidence = [], assumed = false) {
  return { verdict, org, of, condition, evidence: new Set(evidence), assumed };
}

function contradicted(found, by) {
  return { ...found, verdict: NOT_PROVEN, evidence: new Set([...found.evidence, ...by]) };
}

function judgement(basis, findings) {
  const verdict = findings.length ? Math.max(...findings.map((found) => found.verdict)) : NOT_PROVEN;
  return { basis, findings, verdict, assumed: verdict <= CONTESTED && findings.some((found) => found.assumed) };
}

/** Proof before assumption, few gaps before many, then the simpler case; names decide last. */
function rank({ basis, findings, verdict, assumed }) {
  const count = (wanted) => findings.filter((found) => found.verdict === wanted).length;
  const gaps = [Number(assumed), 2 * count(CONTESTED) + Number(assumed), count(NOT_PROVEN), 0][verdict];
  const about = findings.map(({ org, of }) => [org, of !== null, of ?? ""]);
  return [verdict, gaps, basis === null ? -1 : BASES.indexOf(basis), about];
}

const knownLast = ([id, fact]) => [fact.known_from, id];

/** Memberships and facts about organisations, with the first day on which a correction of each is known. */
export class FactBase {
  /** `facts`: kind and body by id. */
  constructor(facts) {
    const ofKind = (kind) => new Map([...facts].filter(([, each]) => each.kind === kind).map(([id, { body }]) => [id, body]));
    this.memberships = ofKind("membership");
    this.entities = ofKind("entity-facts");
    this.corrected = new Map();
    this.noteCorrections(this.memberships, "of");
    this.noteCorrections(this.entities, "org");
  }

  /** Only who signed a fact can correct it. */
  noteCorrections(facts, signer) {
    for (const fact of facts.values()) {
      const earlier = facts.get(fact.corrects);
      if (earlier?.[signer] !== fact[signer]) continue;
      const known = this.corrected.get(fact.corrects);
      if (known === undefined || fact.known_from < known) this.corrected.set(fact.corrects, fact.known_from);
    }
  }

  /** Facts known on a day, by id. */
  known(facts, on) {
    const isKnown = ([id, fact]) => fact.known_from <= on && !(this.corrected.get(id) <= on);
    return [...facts].filter(isKnown).sort(([one], [other]) => (one < other ? -1 : 1));
  }
}

/** Everything a leg needs to be judged: facts, rule pack, day of award, and up to when facts are known. */
export class Court {
  constructor(base, pack, { asOf, knownOn, began, award, isLast, isChange }) {
    Object.assign(this, { pack, asOf, knownOn, began, award, isLast, isChange });
    this.memberships = base.known(base.memberships, knownOn);
    this.entities = base.known(base.entities, knownOn);
  }

  // ---- which case of several carries a leg ----

  judge(one, to) {
    const judged = this.cases(one, to).map(([basis, findings]) => judgement(basis, [...findings, ...this.packInForce()]));
    return judged.length ? least(judged, rank) : this.judgeUnrelated(one, to);
  }

  judgeUnrelated(one, to) {
    const different = this.differentMothers(one, to);
    if (different) return judgement("sister", [different]);
    const related = [...this.between(one, to), ...this.between(to, one)];
    const without = related.filter(([, fact]) => this.inForce(fact) && !CONTROLLING.includes(fact.relation));
    if (without.length === 0) return judgement(null, [this.membership(one, to)]);
    const [id, fact] = greatest(without, knownLast);
    return judgement(null, [finding(NOT_FULFILLED, one, to, "controlling-relation", [id], fact.assumed)]);
  }

  cases(one, to) {
    if (one === to) return [];
    const cases = [];
    const [aboveOne, aboveTo] = [this.chainsAbove(one), this.chainsAbove(to)];
    for (const chain of aboveTo) {
      if (chain[0] === one) cases.push([chain.length === 2 ? "vertical" : "vertical-indirect", this.vertical(one, chain, to)]);
    }
    for (const chain of aboveOne) {
      if (chain[0] === to) cases.push([chain.length === 2 ? "inverse" : "inverse-indirect", this.inverse(one, chain, to)]);
    }
    for (const chain of aboveOne) {
      for (const other of aboveTo) {
        if (chain[0] !== other[0] || chain.slice(1).some((org) => other.includes(org))) continue;
        const basis = chain.length + other.length === 4 ? "sister" : "sister-indirect";
        cases.push([basis, this.sister(chain, other)]);
      }
    }
    if (this.isJoint(one, to)) cases.push(["joint", this.joint(one, to)]);
    if (this.isJoint(to, one)) cases.push(["joint-inverse", this.jointInverse(one, to)]);
    return [...cases, ...this.casesThroughOthers(one, to), ...this.casesWithoutControl(one, to)];
  }

  /** Joint control through another legal person, and bodies with one owner in common; where the pack knows them. */
  casesThroughOthers(one, to) {
    const cases = [];
    for (const { chain, joint } of this.mixedChains(one, to)) {
      if (this.stand(switchOf(joint)) !== "no") cases.push(["joint-indirect", this.jointIndirect(one, chain, joint, to)]);
    }
    if (this.stand("joint-indirect") !== "no" && this.stand("inverse-joint") !== "no") {
      for (const { chain, joint } of this.mixedChains(to, one)) {
        if (sum(joint) === 1) cases.push(["joint-inverse-indirect", this.jointInverseIndirect(one, chain, joint, to)]);
      }
    }
    if (this.stand("half-sisters") !== "no") {
      for (const mother of this.commonMembers(one, to).slice(0, CHAINS_MAX)) {
        cases.push(["sister-joint", this.halfSister(mother, one, to)]);
      }
    }
    return cases;
  }

  casesWithoutControl(one, to) {
    const isRelated = (member, of, relation) => this.between(member, of).some(([, fact]) => fact.relation === relation);
    const cases = [];
    if (this.pack.market_below !== null) {
      for (const [member, of] of [[one, to], [to, one]]) {
        if (isRelated(member, of, "cooperation-contract")) cases.push(["horizontal", this.horizontal(member, of)]);
      }
    }
    const isCentral = this.about(to).some(([, fact]) => fact.central_purchasing === true);
    if (this.stand("central-purchasing") !== "no" && isCentral) {
      const body = this.entity(to, (fact) => maybe(fact.central_purchasing), "central-purchasing-body");
      const own = this.isLast ? [finding(NOT_FULFILLED, to, one, "purchases-from-others")] : [];
      cases.push(["central-purchasing", [this.authority(one), this.authority(to), body, ...own]]);
    }
    for (const [relation, basis] of [["framework-agreement", "call-off"], ["tendered-contract", "tendered"]]) {
      if (!isRelated(one, to, relation)) continue;
      const procedure = (fact) => (fact.procedure === null ? null : FULFILLED);
      cases.push([
        basis,
        [
          this.contract(one, to, relation, "contract"),
          this.relation(one, to, [relation], procedure, "procedure"),
          this.scope(one, to, relation),
        ],
      ]);
    }
    const admitted = this.isChange && this.stand("modification-after-loss") !== "no";
    if (admitted && isRelated(one, to, "running-contract")) cases.push(["modification", this.modification(one, to)]);
    return cases;
  }

  // ---- what each case asks ----

  vertical(one, chain, to) {
    const control = [...this.controlAlong(chain), ...this.entrustment(...chain.slice(-2))];
    return [this.authority(one), ...control, this.activity(to), this.noPrivate(to)];
  }

  inverse(one, chain, to) {
    const control = [...this.controlAlong(chain), ...this.entrustment(...chain.slice(-2))];
    return [this.authority(one), this.authority(to), ...control, ...this.inverseEnds(one, to)];
  }

  inverseEnds(one, to) {
    return [this.activity(one), this.noPrivate(one), this.noPrivateInRecipient(to)];
  }

  sister(chain, other) {
    const findings = [this.authority(chain[chain.length - 1]), this.authority(chain[0])];
    for (const each of [chain, other]) {
      const last = each[each.length - 1];
      findings.push(...this.controlAlong(each), ...this.entrustment(...each.slice(-2)), this.activity(last));
    }
    const [one, to] = [chain[chain.length - 1], other[other.length - 1]];
    return [...findings, this.noPrivate(one), this.noPrivateInRecipient(to)];
  }

  halfSister(mother, one, to) {
    const findings = [this.admitted("half-sisters-admitted", one, to, "half-sisters"), this.authority(one), this.authority(mother)];
    for (const daughter of [one, to]) {
      const alone = this.between(mother, daughter).some(([, fact]) => fact.sole);
      findings.push(...(alone ? this.controlAlong([mother, daughter]) : this.jointControl(mother, daughter)));
      findings.push(...this.entrustment(mother, daughter), this.activity(daughter));
    }
    return [...findings, this.noPrivate(one), this.noPrivateInRecipient(to)];
  }

  joint(one, to) {
    const control = [...this.jointControl(one, to), ...this.entrustment(one, to)];
    return [this.authority(one), ...control, this.activity(to), this.noPrivate(to)];
  }

  jointInverse(one, to) {
    const admitted = this.admitted("inverse-joint-admitted", one, to, "inverse-joint");
    const control = [...this.jointControl(to, one), ...this.entrustment(to, one)];
    return [admitted, this.authority(one), this.authority(to), ...control, ...this.inverseEnds(one, to)];
  }

  jointIndirect(one, chain, joint, to) {
    const begin = [this.chainAdmitted(joint, one, to), this.authority(one)];
    return [...begin, ...this.controlDown(chain, joint), this.activity(to), this.noPrivate(to)];
  }

  jointInverseIndirect(one, chain, joint, to) {
    const admitted = this.admitted("inverse-joint-admitted", one, to, "inverse-joint");
    const begin = [this.chainAdmitted(joint, one, to), admitted, this.authority(one), this.authority(to)];
    return [...begin, ...this.controlDown(chain, joint), ...this.inverseEnds(one, to)];
  }

  chainAdmitted(joint, one, to) {
    return this.admitted(`${switchOf(joint)}-admitted`, one, to, switchOf(joint));
  }

  horizontal(member, of) {
    const relation = "cooperation-contract";
    const termsOf = (answer, condition) => {
      const ask = (fact) => unless(fact.cooperation, answer);
      return this.relation(member, of, [relation], ask, condition);
    };
    const market = (terms) => {
      if (terms.market_share === null) return null;
      const inTime = this.inTime(terms.market_basis, terms.market_years);
      return inTime ? said(terms.market_share < this.pack.market_below) : NOT_PROVEN;
    };
    const findings = [
      this.authorityOrPublicPurpose(member),
      this.authorityOrPublicPurpose(of),
      this.contract(member, of, relation, "cooperation"),
    ];
    if (this.stand("cooperation-agreement") !== "no") {
      findings.push(termsOf((terms) => unless(terms.agreement, () => FULFILLED), "cooperation-agreement"));
    }
    findings.push(
      this.scope(member, of, relation),
      termsOf((terms) => maybe(terms.common_goals), "common-goals"),
      termsOf((terms) => maybe(terms.public_interest), "public-interest"),
      termsOf(market, "market-share"),
    );
    if (this.stand("private-advantage") !== "no") {
      findings.push(termsOf((terms) => unless(terms.private_advantage, (yes) => said(!yes)), "no-private-advantage"));
    }
    return findings;
  }

  controlAlong(chain) {
    return this.links(chain, chain.slice(1).map(() => false));
  }

  controlDown(chain, joint) {
    return [...this.links(chain, joint), ...this.entrustment(...chain.slice(-2))];
  }

  /** Every link, and of those in between that no private capital is in them. */
  links(chain, joint) {
    const findings = joint.flatMap((together, at) => {
      const [mother, daughter] = [chain[at], chain[at + 1]];
      if (together) return this.jointControl(mother, daughter);
      return [this.soleControl(mother, daughter), ...this.decisiveInfluence(mother, daughter)];
    });
    return [...findings, ...chain.slice(1, -1).map((org) => this.noPrivateBetween(org))];
  }

  jointControl(member, of) {
    const findings = [this.membership(member, of)];
    // Reported only where a share or vote of nothing is known.
    for (const [field, condition] of [["share", "stake"], ["votes", "vote"]]) {
      const found = this.control(member, of, (fact) => unless(fact[field], (part) => said(part > 0)), condition);
      if (found.verdict === NOT_FULFILLED) findings.push(found);
    }
    return [
      ...findings,
      this.seat(member, of),
      this.entity(of, (fact) => maybe(fact.all_represented), "all-represented"),
      ...this.controllers(member, of),
      this.entity(of, (fact) => maybe(fact.joint_influence), "joint-influence"),
      this.entity(of, (fact) => unless(fact.contrary_interests, (yes) => said(!yes)), "no-contrary-interests"),
    ];
  }

  // ---- the conditions ----

  /** How a switch stands for someone who knows what was known on the day. */
  stand(named) {
    const isKnown = (setting) => setting.known_from === null || setting.known_from <= this.knownOn;
    return this.pack.switches.find((setting) => setting.switch === named && isKnown(setting))?.stand ?? "no";
  }

  bySwitch(named) {
    return { yes: FULFILLED, contested: CONTESTED, no: NOT_FULFILLED }[this.stand(named)];
  }

  admitted(condition, one, to, named) {
    return finding(this.bySwitch(named), one, to, condition);
  }

  packInForce() {
    const { valid_from: from, valid_to: to, name } = this.pack;
    if (from <= this.began && (to === null || this.began <= to)) return [];
    return [finding(NOT_PROVEN, name, null, "rule-pack-in-force")];
  }

  authority(org) {
    const answer = ({ contracting_authority: number, sector }) => {
      const onlyFor = { "public-utility": "sector", "concession-grantor": "concession" }[sector] ?? null;
      if ([1, 2, 3].includes(number) || (onlyFor !== null && onlyFor === this.award)) return FULFILLED;
      if (number === null && sector === null) return null;
      return number === null && onlyFor !== null ? NOT_PROVEN : NOT_FULFILLED;
    };
    return this.entity(org, answer, "contracting-authority");
  }

  authorityOrPublicPurpose(org) {
    const authority = this.authority(org);
    if (authority.verdict === FULFILLED || this.stand("non-authority-members") === "no") return authority;
    const purpose = (fact) => (fact.nature === "public-purpose" ? FULFILLED : null);
    const found = this.entity(org, purpose, "contracting-authority");
    return found.verdict === FULFILLED ? found : authority;
  }

  /** A seat of its own, or that of the member who represents it. */
  seat(member, of) {
    const asked = (fact) => maybe(fact.seat);
    const own = this.control(member, of, asked, "seat");
    if (own.verdict === FULFILLED) return own;
    const named = this.held(member, of).filter(([, fact]) => fact.represented_by !== null);
    if (named.length === 0) return own;
    const [id, fact] = greatest(named, knownLast);
    const theirs = this.control(fact.represented_by, of, asked, "seat");
    if (theirs.verdict !== FULFILLED) return own;
    return finding(FULFILLED, member, of, "seat", [...theirs.evidence, id], theirs.assumed || fact.assumed);
  }

  /** Reported only where another member is known to be no contracting authority; the one that tells most against it. */
  controllers(but, of) {
    const others = this.memberships.filter(([, fact]) => fact.of === of && fact.member !== but);
    const members = [...new Set(others.map(([, fact]) => fact.member))].sort();
    const found = members.map((member) => this.controller(member, of)).filter((each) => each !== null);
    return found.length ? [greatest(found, (each) => each.verdict)] : [];
  }

  controller(member, of) {
    const [held, authority] = [this.held(member, of), this.authority(member)];
    if (held.length === 0 || authority.verdict !== NOT_FULFILLED) return null;
    const [id, fact] = greatest(held, knownLast);
    const may = this.stand("non-authority-members") !== "no";
    const answer = (each) => unless(each.nature, (nature) => said(may && nature === "public-purpose"));
    const nature = this.entity(member, answer, "controllers");
    const verdict = nature.verdict === NOT_PROVEN && !may ? NOT_FULFILLED : nature.verdict;
    const assumed = authority.assumed || nature.assumed || fact.assumed;
    return finding(verdict, member, of, "controllers", [...authority.evidence, ...nature.evidence, id], assumed);
  }

  /** Reported only where owning does not settle it: less than all, or a stock company. */
  decisiveInfluence(mother, daughter) {
    const isStock = ([, fact]) => this.inForce(fact) && STOCK_COMPANIES.includes(fact.legal_form.trim().toLowerCase());
    const isPart = ([, fact]) => fact.sole && fact.share !== null && fact.share < 10_000 && this.inForce(fact);
    if (!this.about(daughter).some(isStock) && !this.between(mother, daughter).some(isPart)) return [];
    return [this.control(mother, daughter, (fact) => maybe(fact.decisive_influence), "decisive-influence")];
  }

  /** Asked where the pack asks it: in force on the day and not older than the member's remit. */
  entrustment(member, of) {
    if (this.stand("entrustment") === "no") return [];
    const answer = (fact) => unless(fact.entrustment, ({ on }) => (on <= this.asOf ? FULFILLED : NOT_PROVEN));
    const found = this.control(member, of, answer, "entrustment");
    if (found.verdict !== FULFILLED) return [found];
    const since = this.memberships.find(([id, fact]) => found.evidence.has(id) && fact.entrustment)?.[1].entrustment.on;
    const remits = this.about(member).filter(([, fact]) => fact.remit_since !== null && this.inForce(fact));
    if (since === undefined || remits.length === 0) return [found];
    const [id, fact] = greatest(remits, knownLast);
    return [since < fact.remit_since ? contradicted(found, [id]) : found];
  }

  scope(member, of, relation) {
    const answer = (fact) => {
      const bounded = relation === "cooperation-contract" || fact.volume !== null;
      return bounded && fact.scope !== null ? FULFILLED : null;
    };
    return this.relation(member, of, [relation], answer, "scope");
  }

  /** What could not be foreseen may change a contract that runs; for concessions that is decided. */
  modification(member, of) {
    const relation = "running-contract";
    const asked = (condition, answer) => {
      const ask = (fact) => unless(fact.modification, (change) => answer(change, fact));
      return this.relation(member, of, [relation], ask, condition);
    };
    let admitted = this.admitted("modification-admitted", member, of, "modification-after-loss");
    if (this.award === "concession" && admitted.verdict <= CONTESTED) {
      admitted = finding(FULFILLED, member, of, "modification-admitted");
    }
    return [
      admitted,
      this.contract(member, of, relation, "running-contract"),
      this.scope(member, of, relation),
      asked("unforeseen", () => FULFILLED),
      asked("character-kept", (change) => maybe(change.character_kept)),
      asked("price-rise", (change, fact) => unless(fact.volume, (volume) => said(2 * change.rise <= volume))),
    ];
  }

  /** What the other party of a contract has not confirmed counts as assumed. */
  contract(member, of, relation, condition) {
    const found = this.relation(member, of, [relation], () => FULFILLED, condition);
    if (found.verdict !== FULFILLED) return found;
    const confirms = ([, fact]) => this.inForce(fact) && fact.confirms.some((id) => found.evidence.has(id));
    const by = this.about(member).filter(confirms);
    if (by.length === 0) return { ...found, assumed: true };
    const [id, fact] = greatest(by, ([at, each]) => [!each.assumed, each.known_from, at]);
    return finding(FULFILLED, member, of, condition, [...found.evidence, id], found.assumed || fact.assumed);
  }

  soleControl(mother, daughter) {
    const found = this.control(mother, daughter, (fact) => said(fact.sole), "sole-control");
    if (found.verdict !== FULFILLED) return found;
    const told = this.memberships.filter(([id]) => found.evidence.has(id));
    const directs = told.some(([, fact]) => fact.decisive_influence === true && fact.share !== null);
    // A public holder of the rest, where the one who controls has decisive influence.
    const isRest = (fact) => directs && fact.share !== null && fact.decisive_influence !== true && this.isPublic(fact.member);
    const beside = this.holders(daughter).find(([, fact]) => fact.member !== mother && !isRest(fact));
    if (beside) return contradicted(found, [beside[0]]);
    const circle = this.controlledFromBelow(mother, daughter);
    return circle === null ? found : contradicted(found, [circle]);
  }

  isPublic(org) {
    const facts = this.about(org).map(([, fact]) => fact).filter((fact) => this.inForce(fact));
    const tells = (fact) => [1, 2, 3].includes(fact.contracting_authority) || ["public", "public-purpose"].includes(fact.nature);
    return facts.some(tells) && !facts.some((fact) => fact.nature === "private");
  }

  /** A holding in force by which the daughter controls the mother or whoever controls her, or null. */
  controlledFromBelow(mother, daughter) {
    const above = new Set([mother]);
    for (let level = 0; level < CONTROL_DEPTH_MAX; level++) {
      const holdings = this.memberships.filter(([, fact]) => above.has(fact.of) && fact.sole && this.inForce(fact));
      const circle = holdings.find(([, fact]) => fact.member === daughter);
      if (circle) return circle[0];
      const higher = holdings.map(([, fact]) => fact.member).filter((member) => !above.has(member));
      if (higher.length === 0) return null;
      for (const member of higher) above.add(member);
    }
    return null;
  }

  membership(member, of) {
    const found = this.control(member, of, (fact) => (fact.sole ? null : FULFILLED), "membership");
    const beyond = found.verdict === FULFILLED ? this.sharesBeyondWhole(of) : [];
    return beyond.length ? contradicted(found, beyond) : found;
  }

  /** The statements by which more than the whole of a body is held; of one member's the one known last counts. */
  sharesBeyondWhole(of) {
    const last = new Map();
    for (const each of this.holders(of)) {
      if (each[1].share === null) continue;
      const before = last.get(each[1].member);
      if (before === undefined || compared(knownLast(before), knownLast(each)) < 0) last.set(each[1].member, each);
    }
    const ranked = [...last.values()].sort((one, other) => compared([-one[1].share, one[0]], [-other[1].share, other[0]]));
    let total = 0;
    const at = ranked.findIndex(([, fact]) => (total += fact.share) > 10_000);
    return ranked.slice(0, at + 1).map(([id]) => id);
  }

  /** Whether a share was measured in the three years before the award. */
  inTime(basis, years) {
    const age = Number(this.asOf.slice(0, 4)) - years[years.length - 1];
    return basis !== null && years.length === 3 && age >= 1 && age <= (this.pack.activity_age_max ?? 2);
  }

  /** Strictly more than the threshold; a turnover is that of the group (EuGH C-692/23). */
  activity(org) {
    const asksGroup = this.stand("group-turnover") !== "no";
    const found = this.entity(org, (fact) => this.activityOf(fact, asksGroup), "activity-share");
    if (found.verdict !== FULFILLED || !asksGroup) return found;
    const noParent = this.entities.some(
      ([id, fact]) => found.evidence.has(id) && fact.activity_basis === "turnover" && fact.group?.turnover === "not-a-parent",
    );
    const daughter = this.memberships.find(([, fact]) => fact.member === org && fact.sole && this.inForce(fact));
    return noParent && daughter ? contradicted(found, [daughter[0]]) : found;
  }

  activityOf(fact, asksGroup) {
    if (fact.activity_share === null) return null;
    const enough = said(fact.activity_share > this.pack.activity_above);
    if (fact.activity_basis === "projection") {
      const [since, year] = [fact.reorganised_on, Number(this.asOf.slice(0, 4)) - 3];
      return since !== null && `${year}-01-01` < since && since <= this.asOf ? enough : NOT_PROVEN;
    }
    if (!this.inTime(fact.activity_basis, fact.activity_years)) return NOT_PROVEN;
    const ofGroup = fact.group !== null && fact.group.turnover !== "own";
    const isAlone = enough === FULFILLED && fact.activity_basis === "turnover" && asksGroup && !ofGroup;
    return isAlone ? NOT_PROVEN : enough;
  }

  noPrivate(org) {
    return this.capital("no-private-capital", org, FULFILLED);
  }

  noPrivateInRecipient(org) {
    return this.capital("no-private-capital", org, this.bySwitch("prescribed-inverse"));
  }

  noPrivateBetween(org) {
    const found = this.capital("no-private-between", org, FULFILLED);
    return found.verdict === NOT_FULFILLED ? { ...found, verdict: this.bySwitch("private-between") } : found;
  }

  capital(condition, org, prescribed) {
    const answer = ({ private_capital: capital, private_share: share }) => {
      if (capital === null) return unless(share, (part) => said(part === 0));
      return capital === "prescribed-by-law" ? prescribed : said(capital === "none");
    };
    const found = this.entity(org, answer, condition);
    const isPrescribed = this.entities.some(
      ([id, fact]) => found.evidence.has(id) && fact.private_capital === "prescribed-by-law",
    );
    if (found.verdict === NOT_FULFILLED || isPrescribed) return found;
    const member = this.privateMember(org);
    return member === null ? found : contradicted(found, member);
  }

  /** A member in force that is in private hands by its own word, and that word; or null. */
  privateMember(of) {
    for (const [id, fact] of this.holders(of)) {
      const stated = this.about(fact.member).filter(([, each]) => this.inForce(each) && each.nature !== null);
      if (fact.share === 0 || stated.length === 0) continue;
      const [by, last] = greatest(stated, knownLast);
      if (last.nature === "private") return [id, by];
    }
    return null;
  }

  /** Both are controlled on the day, but not by one mother alone. */
  differentMothers(one, to) {
    const both = [this.mothers(one), this.mothers(to)];
    const common = new Set([...both[0].keys()].filter((mother) => both[1].has(mother)));
    const alone = both.every((mothers) => [...mothers.values()].some(([, fact]) => fact.sole));
    if (one === to || !(common.size || alone)) return null;
    const isCited = (mother, fact) => (common.size ? common.has(mother) : fact.sole);
    const cited = both.flatMap((mothers) => [...mothers].filter(([mother, [, fact]]) => isCited(mother, fact)));
    const assumed = cited.some(([, [, fact]]) => fact.assumed);
    return finding(NOT_FULFILLED, one, to, "same-mother", cited.map(([, [id]]) => id), assumed);
  }

  mothers(daughter) {
    return new Map(this.holders(daughter).map((each) => [each[1].member, each]));
  }

  // ---- relations ----

  inForce(fact) {
    return fact.valid_from <= this.asOf && (fact.valid_to === null || this.asOf <= fact.valid_to) && !fact.revoked;
  }

  between(member, of) {
    return this.memberships.filter(([, fact]) => fact.member === member && fact.of === of);
  }

  /** Memberships in force in a body that can carry control. */
  holders(of) {
    return this.memberships.filter(([, fact]) => fact.of === of && CONTROLLING.includes(fact.relation) && this.inForce(fact));
  }

  held(member, of) {
    return this.holders(of).filter(([, fact]) => fact.member === member);
  }

  about(org) {
    return this.entities.filter(([, fact]) => fact.org === org);
  }

  isJoint(member, of) {
    return this.between(member, of).some(([, fact]) => CONTROLLING.includes(fact.relation) && !fact.sole);
  }

  commonMembers(one, to) {
    const members = (of) => {
      const carrying = this.memberships.filter(([, fact]) => fact.of === of && CONTROLLING.includes(fact.relation));
      return new Set(carrying.map(([, fact]) => fact.member));
    };
    const ofTo = members(to);
    return [...members(one)].filter((member) => ofTo.has(member)).sort();
  }

  /** Every chain of sole control that ends at an organisation, in force or not; short ones first, then by name. */
  chainsAbove(org) {
    const chains = [];
    let level = [[org]];
    for (let depth = 0; depth < CONTROL_DEPTH_MAX; depth++) {
      const longer = level.flatMap((chain) => {
        const owners = this.memberships.filter(([, fact]) => fact.of === chain[0] && fact.sole).map(([, fact]) => fact.member);
        return [...new Set(owners)].filter((mother) => !chain.includes(mother)).map((mother) => [mother, ...chain]);
      });
      level = longer.sort(compared).slice(0, CHAINS_MAX);
      chains.push(...level);
    }
    return chains;
  }

  /** Every chain of three to five parties with one or two joint links, the short ones first, then by name. */
  mixedChains(top, bottom) {
    const found = [];
    const deepen = (chain, joint) => {
      const last = chain[chain.length - 1];
      const below = this.memberships.filter(([, fact]) => fact.member === last && CONTROLLING.includes(fact.relation));
      const links = new Set(below.map(([, fact]) => `${fact.of} ${fact.sole ? "" : "joint"}`));
      for (const link of links) {
        const [body, together] = [link.split(" ")[0], link.endsWith("joint")];
        const next = [...joint, together];
        if (chain.includes(body) || sum(next) > JOINT_LINKS_MAX) continue;
        if (body === bottom && next.length > 1 && sum(next) > 0) found.push({ chain: [...chain, body], joint: next });
        else if (body !== bottom && next.length < CONTROL_DEPTH_MAX) deepen([...chain, body], next);
      }
    };
    deepen([top], []);
    const order = ({ chain, joint }) => [chain.length, sum(joint), chain, joint];
    return found.sort((one, other) => compared(order(one), order(other))).slice(0, CHAINS_MAX);
  }

  // ---- how facts are asked and answers weighed ----

  entity(org, answer, condition) {
    return this.conclude(org, null, this.about(org), answer, condition);
  }

  relation(member, of, relations, answer, condition) {
    const facts = this.between(member, of).filter(([, fact]) => relations.includes(fact.relation) && !fact.revoked);
    return this.conclude(member, of, facts, answer, condition);
  }

  /** Asks the memberships that can carry control. */
  control(member, of, answer, condition) {
    const found = this.relation(member, of, CONTROLLING, answer, condition);
    const ended = found.verdict === FULFILLED ? this.endedByLaterWord(member, of) : null;
    return ended === null ? found : contradicted(found, [ended]);
  }

  /** The membership known last, if it covered the same time as one still in force, and has ended; or null. */
  endedByLaterWord(member, of) {
    const facts = this.between(member, of).filter(([, fact]) => CONTROLLING.includes(fact.relation));
    if (facts.length === 0) return null;
    const [id, last] = greatest(facts, knownLast);
    const ended = last.valid_to !== null && last.valid_to < this.asOf;
    return ended && facts.some(([, fact]) => this.inForce(fact) && overlap(fact, last)) ? id : null;
  }

  /** Of the answers in force that settle the question the one known last holds, then the greater id. */
  conclude(org, of, facts, answer, condition) {
    const answers = facts.map(([id, fact]) => ({ id, fact, verdict: answer(fact) })).filter(({ verdict }) => verdict !== null);
    const inForce = answers.filter(({ fact }) => this.inForce(fact));
    if (inForce.length) {
      const { id, fact, verdict } = greatest(inForce, (each) => [each.verdict !== NOT_PROVEN, each.fact.known_from, each.id]);
      return finding(verdict, org, of, condition, [id], fact.assumed);
    }
    const others = answers.filter(({ verdict }) => verdict === FULFILLED);
    const before = others.filter(({ fact }) => fact.valid_to !== null && fact.valid_to < this.asOf);
    const after = others.filter(({ fact }) => fact.valid_from > this.asOf);
    const cited = [
      ...(before.length ? [greatest(before, ({ id, fact }) => [fact.valid_to, id])] : []),
      ...(after.length ? [least(after, ({ id, fact }) => [fact.valid_from, id])] : []),
    ];
    const assumed = cited.some(({ fact }) => fact.assumed);
    return finding(NOT_PROVEN, org, of, condition, cited.map(({ id }) => id), assumed);
  }
}

const sum = (joint) => joint.filter(Boolean).length;
const switchOf = (joint) => (sum(joint) === 1 ? "joint-indirect" : "joint-chained");

/** Whether some day belongs to both memberships. */
function overlap(one, two) {
  if (one.revoked || two.revoked) return false;
  const begins = two.valid_to === null || one.valid_from <= two.valid_to;
  return begins && (one.valid_to === null || two.valid_from <= one.valid_to);
}

/** The word for a verdict. */
export const verdictWord = (verdict) => VERDICTS[verdict];
