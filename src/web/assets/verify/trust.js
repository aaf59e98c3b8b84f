//! Trust of one log: a fold over its statements in the order of their places (proto/README.md, "Who may sign what").
import { alike, hashOf, unhex } from "./bytes.js";
import { dayOf, within } from "./fields.js";
import { SIGNER_RULES, hasSigner, namesOfficer, signedAt } from "./kinds.js";
import { commitment, requireSignature } from "./logs.js";
import { Refusal } from "./refusal.js";

// The place of a statement that has no proof: after everything, so that nothing can rest on it.
export const UNPLACED = 2n ** 64n - 1n;
const RECOVERY_PUBLIC_MS = 72 * 60 * 60 * 1000;

export const keyHashOf = (key) => hashOf(unhex(key));

/** Up to where something is good in a log; one that is not named has nothing good. */
export function goodSize(listed, log) {
  return listed.find((good) => good.log === log)?.size ?? 0;
}

/** A key, whose it is (an organisation's for a role, or an officer's by a grant), and where it is good. */
class KeyStanding {
  constructor(key, org, role, grant, begin) {
    Object.assign(this, { key, org, role, grant, begin, revoked: [] });
  }

  checkAt(at) {
    const refused = (reason) => new Refusal(reason, { key: keyHashOf(this.key).slice(0, 16) });
    if (at <= this.begin) throw refused("KEY_UNKNOWN");
    for (const revoked of this.revoked) {
      if (at > revoked.at) throw refused("KEY_REVOKED");
      const reachesBack = !revoked.native || revoked.reason === "compromised";
      if (reachesBack && at >= revoked.size) throw refused("KEY_DISPUTED");
    }
  }

  isCompromised() {
    return this.revoked.some((revoked) => revoked.reason === "compromised");
  }

  requireStatementKey(org) {
    if (this.org !== org || this.role !== "statement") throw new Refusal("SIGNER_WRONG", { org });
  }
}

class OrgStanding {
  constructor(admission, admittedBy) {
    Object.assign(this, { admission, admittedBy, root: admission.root, lastEvent: null, recovery: null, homes: [] });
  }

  homeAt(at) {
    return this.homes.findLast((home) => home.begin < at)?.node ?? null;
  }
}

/** Keys that sign together: each by its hash, and how many of them must. */
function officeOf(keys, threshold) {
  return { keys: new Map(keys.map((key) => [keyHashOf(key), key])), threshold };
}

const trusteesOf = (root) => officeOf(root.trustees.map((trustee) => trustee.key), root.threshold);
const rootOffice = (root) => officeOf(root.keys, root.threshold);

/** What one log says about trust, up to the place to which it has been folded. */
export class LogTrust {
  constructor(origin, anchor, signatures) {
    Object.assign(this, { origin, anchor, signatures });
    const [, , node, epoch] = origin.split("/");
    this.node = node;
    this.epoch = Number(epoch);
    this.roots = [];
    this.orgs = new Map();
    this.keys = new Map();
    this.online = new Map();
    this.operator = null;
    this.expelled = [];
    this.successions = new Map();
    this.begun = this.epoch === 1;
    this.copied = 0;
  }

  // ---- what is known ----

  root() {
    return this.roots[this.roots.length - 1]?.body ?? null;
  }

  isHomeAt(org, at) {
    return this.begun && this.orgs.has(org) && this.orgs.get(org).homeAt(at) === this.node;
  }

  /** At home, and this is no copy of what a former log said. */
  isNative(org, at) {
    return at >= this.copied && this.isHomeAt(org, at);
  }

  onlineKeys(org, role) {
    return (this.online.get(`${org} ${role}`) ?? []).map((hashed) => this.keys.get(hashed));
  }

  operatorsKeys(role) {
    return this.begun && this.operator !== null ? this.onlineKeys(this.operator, role) : [];
  }

  /** The key that signs checkpoints of this size: the one in force after the last entry. */
  logKeyOf(size) {
    return this.operatorsKeys("log").findLast((each) => each.begin < size)?.key ?? null;
  }

  witnessKeys() {
    return this.operatorsKeys("witness").filter((each) => !each.isCompromised()).map((each) => each.key);
  }

  // ---- judging ----

  verify(signed, key) {
    const signature = signed.signatures.get(keyHashOf(key));
    if (signature === undefined) throw new Refusal("SIGNER_WRONG", { kind: signed.kind });
    requireSignature(this.signatures, key, signed.pae, signature);
  }

  /** Enough of each office and every new key have signed, and nobody else. */
  requireSigners(signed, offices, added) {
    const allowed = new Map([...offices.flatMap((office) => [...office.keys]), ...added]);
    for (const hashed of signed.signatures.keys()) {
      if (!allowed.has(hashed)) throw new Refusal("SIGNER_WRONG", { key: hashed.slice(0, 16), kind: signed.kind });
      this.verify(signed, allowed.get(hashed));
    }
    for (const { keys, threshold } of offices) {
      const count = [...keys.keys()].filter((hashed) => signed.signatures.has(hashed)).length;
      if (threshold < 1 || count < threshold) throw new Refusal("THRESHOLD_MISSED", { needed: threshold });
    }
    if ([...added.keys()].some((hashed) => !signed.signatures.has(hashed))) throw new Refusal("POSSESSION_MISSING");
  }

  /** Whether a statement is signed by whom it must be, at this place. */
  judge(signed, at) {
    const body = signed.body();
    const rules = {
      "federation-root": this.judgeRoot,
      admission: this.judgeAdmission,
      expulsion: this.judgeByTrustees,
      "rule-pack": this.judgeByTrustees,
      succession: this.judgeSuccession,
      recovery: this.judgeRecovery,
      "key-event": this.judgeEvent,
      "officer-grant": this.judgeGrant,
      "node-record": this.judgeRecord,
    };
    const rule = Object.hasOwn(rules, signed.kind) ? rules[signed.kind] : this.judgeSingle;
    rule.call(this, signed, body, at);
    return body;
  }

  judgeByTrustees(signed) {
    const root = this.root();
    if (root === null) throw new Refusal("ROOT_UNKNOWN", { log: this.origin });
    this.requireSigners(signed, [trusteesOf(root)], new Map());
  }

  judgeRoot(signed, root) {
    this.sameFederation(root.federation);
    const offices = [trusteesOf(root)];
    const before = this.roots[this.roots.length - 1];
    if (before) {
      if (root.version !== before.body.version + 1 || root.prev !== before.id) {
        throw new Refusal("ROOT_SEQUENCE", { version: root.version });
      }
      offices.push(trusteesOf(before.body));
    } else if (signed.id !== this.anchor) throw new Refusal("ROOT_UNKNOWN", { found: signed.id });
    this.requireSigners(signed, offices, new Map());
  }

  sameFederation(federation) {
    if (federation !== this.origin.split("/")[0]) throw new Refusal("ROOT_UNKNOWN", { federation });
  }

  judgeAdmission(signed, admission) {
    const { org, operates } = admission;
    this.sameFederation(admission.federation);
    const known = this.orgs.get(org);
    if (admission.number === 1 && known) throw new Refusal("ORG_ALREADY_ADMITTED", { org });
    const follows = known
      ? admission.number === known.admission.number + 1 && admission.prev === known.admittedBy
      : admission.number === 1;
    if (!follows) throw new Refusal("ADMISSION_SEQUENCE", { org });
    for (const [other, standing] of this.orgs) {
      if (operates !== null && other !== org && standing.admission.operates === operates) throw new Refusal("NODE_TAKEN", { org });
    }
    if (known && known.admission.operates !== null && operates !== known.admission.operates) {
      throw new Refusal("NODE_TAKEN", { org });
    }
    this.judgeByTrustees(signed);
  }

  judgeSuccession(signed, succession) {
    this.sameFederation(succession.federation);
    if (this.successions.has(succession.predecessor)) throw new Refusal("SUCCESSION_KNOWN");
    this.judgeByTrustees(signed);
  }

  standing(org) {
    if (!this.orgs.has(org)) throw new Refusal("ORG_UNKNOWN", { org });
    return this.orgs.get(org);
  }

  judgeRecovery(signed, recovery) {
    const voided = (rule) => new Refusal("RECOVERY_VOID", { rule });
    const standing = this.standing(recovery.org);
    if (recovery.after !== (standing.lastEvent?.id ?? null)) throw voided("the organisation has signed a key event since");
    if (recovery.completes !== null) {
      const announced = standing.recovery;
      if (announced?.id !== recovery.completes || !alike(announced.body.root, recovery.root)) {
        throw voided("completes what was announced last");
      }
      if (recovery.signed_at - announced.body.signed_at < RECOVERY_PUBLIC_MS) throw voided("72 hours in public");
    }
    this.judgeByTrustees(signed);
  }

  judgeEvent(signed, event, at) {
    const { org, root } = event;
    const standing = this.standing(org);
    const number = standing.lastEvent ? standing.lastEvent.seq + 1 : 0;
    if (event.seq !== number || event.prev !== (standing.lastEvent?.id ?? null)) {
      throw new Refusal("KEY_EVENT_SEQUENCE", { org });
    }
    if (event.home_node !== standing.admission.home_node) throw new Refusal("ORG_HOSTED_ELSEWHERE", { org });
    this.checkOperatorsPart(standing, event);
    if (root !== null && commitment(root) !== standing.root.next_sha256) {
      throw new Refusal("SIGNER_WRONG", { rule: "the next root keys were not committed" });
    }
    this.checkRevocations(event, at);
    const added = this.newKeys(event.add.map((each) => each.key));
    this.requireSigners(signed, [rootOffice(root ?? standing.root)], added);
  }

  /** Only an operator has a log key and a witness key, one of each at a time, and begins epochs. */
  checkOperatorsPart(standing, event) {
    const operates = standing.admission.operates === event.home_node;
    if (event.new_epoch !== null) {
      const plausible = event.home_node !== this.node || event.new_epoch.epoch <= this.epoch;
      if (!operates || !plausible) throw new Refusal("EPOCH_FOREIGN", { org: event.org });
    }
    for (const role of ["log", "witness"]) {
      const count = event.add.filter((each) => each.role === role).length;
      if (count && !operates) throw new Refusal("NODE_TAKEN", { org: event.org });
      const inForce = this.onlineKeys(event.org, role).filter((each) => each.revoked.length === 0);
      const current = inForce.length ? keyHashOf(inForce[inForce.length - 1].key) : null;
      const replaced = event.revoke.some((each) => each.key === current);
      const staysOne = count <= 1 && (current === null || replaced === (count === 1));
      const stops = role === "witness" && count === 0;
      if (!staysOne && !stops) throw new Refusal("KEY_IN_USE", { org: event.org });
    }
  }

  checkRevocations(event, at) {
    for (const revocation of event.revoke) {
      if (this.keys.get(revocation.key)?.org !== event.org) {
        throw new Refusal("KEY_UNKNOWN", { key: revocation.key.slice(0, 16) });
      }
      const named = revocation.last_good.find((good) => good.log === this.origin);
      if (this.isNative(event.org, at)) within("last_good", named !== undefined && named.size <= at);
    }
  }

  /** Keys about to be registered by their hash; each must be new here. */
  newKeys(keys) {
    const added = new Map();
    for (const key of keys) {
      const hashed = keyHashOf(key);
      const taken =
        this.keys.has(hashed) ||
        added.has(hashed) ||
        [...this.orgs.values()].some((standing) => standing.root.keys.includes(key)) ||
        this.root()?.trustees.some((trustee) => trustee.key === key);
      if (taken) throw new Refusal("KEY_IN_USE", { key: hashed.slice(0, 16) });
      added.set(hashed, key);
    }
    return added;
  }

  judgeGrant(signed, grant) {
    const standing = this.standing(grant.org);
    this.requireSigners(signed, [rootOffice(standing.root)], this.newKeys([grant.key]));
  }

  judgeRecord(signed, body, at) {
    if (body.node !== this.node || body.log !== this.origin || this.operator !== body.operator) {
      throw new Refusal("SIGNER_WRONG", { node: body.node });
    }
    this.signer(signed, at).requireStatementKey(body.operator);
  }

  onlySigner(signed) {
    if (signed.signatures.size !== 1) throw new Refusal("SIGNER_WRONG", { signatures: signed.signatures.size });
    const [hashed] = signed.signatures.keys();
    if (!this.keys.has(hashed)) throw new Refusal("KEY_UNKNOWN", { key: hashed.slice(0, 16) });
    return this.keys.get(hashed);
  }

  /** The key behind the only signature, good at this place, of an organisation that is at home here. */
  signer(signed, at) {
    const standing = this.onlySigner(signed);
    standing.checkAt(at);
    if (!this.isHomeAt(standing.org, at)) throw new Refusal("ORG_HOSTED_ELSEWHERE", { org: standing.org });
    this.verify(signed, standing.key);
    return standing;
  }

  speaksFor(by, org, time) {
    const succession = this.successions.get(org);
    return by === org || (succession?.successor === by && time !== null && dayOf(time) >= succession.on);
  }

  judgeSingle(signed, body, at) {
    const standing = this.signer(signed, at);
    if (!hasSigner(signed.kind)) return standing.requireStatementKey(standing.org);
    const [field, ownKey, roles] = SIGNER_RULES[signed.kind];
    const [org, time, { grant }] = [body[field], signedAt(signed.kind, body), standing];
    const named = namesOfficer(signed.kind) ? body.officer ?? null : null;
    const speaks = this.speaksFor(standing.org, org, time);
    if (grant === null && standing.role === "statement" && ownKey && speaks && named === null) return undefined;
    const namesThis = grant !== null && (!namesOfficer(signed.kind) || named === grant.officer);
    if (grant === null || roles.length === 0 || !speaks || !namesThis) {
      throw new Refusal("SIGNER_WRONG", { org, kind: signed.kind });
    }
    if (!roles.some((role) => grant.roles.includes(role))) throw new Refusal("GRANT_ROLE_MISSING", { officer: grant.officer });
    if (time !== null && (dayOf(time) < grant.valid_from || dayOf(time) > grant.valid_to)) {
      throw new Refusal("GRANT_EXPIRED", { officer: grant.officer });
    }
    return undefined;
  }

  /** A receipt stands in no log, and its signer does not choose a place for it. */
  judgeReceipt(signed) {
    const body = signed.body();
    if (signed.kind !== "receipt") throw new Refusal("SIGNER_WRONG", { kind: signed.kind });
    const standing = this.onlySigner(signed);
    if (standing.isCompromised()) throw new Refusal("KEY_DISPUTED");
    this.verify(signed, standing.key);
    standing.requireStatementKey(body.from);
  }

  // ---- taking in ----

  /** Takes a statement that was judged into what is known. */
  absorb(signed, body, at) {
    const { kind, id } = signed;
    const known = this.orgs.get(body.org);
    if (kind === "federation-root") this.roots.push({ id, body });
    else if (kind === "admission") this.absorbAdmission(id, body);
    else if (kind === "expulsion") this.expelled.push({ id, body });
    else if (kind === "succession") this.successions.set(body.predecessor, body);
    else if (kind === "officer-grant") this.register(new KeyStanding(body.key, body.org, "", body, at));
    else if (kind === "recovery" && known) {
      if (body.completes !== null) Object.assign(known, { root: body.root, recovery: null });
      else known.recovery = { id, body };
    } else if (kind === "key-event") this.absorbEvent(id, body, at);
  }

  absorbAdmission(id, body) {
    if (body.operates === this.node && this.operator === null) this.operator = body.org;
    const known = this.orgs.get(body.org);
    if (known) Object.assign(known, { admission: body, admittedBy: id });
    else if (body.root !== null) this.orgs.set(body.org, new OrgStanding(body, id));
  }

  register(standing) {
    const hashed = keyHashOf(standing.key);
    if (standing.role) {
      const at = `${standing.org} ${standing.role}`;
      this.online.set(at, [...(this.online.get(at) ?? []), hashed]);
    }
    this.keys.set(hashed, standing);
  }

  absorbEvent(id, body, at) {
    const native = this.isNative(body.org, at);
    if (body.new_epoch !== null && body.new_epoch.epoch === this.epoch && this.operator === body.org) {
      Object.assign(this, { begun: true, copied: body.new_epoch.copied });
    }
    for (const { key, reason, last_good: lastGood } of body.revoke) {
      this.keys.get(key)?.revoked.push({ at, reason, size: goodSize(lastGood, this.origin), lastGood, native });
    }
    for (const each of body.add) this.register(new KeyStanding(each.key, body.org, each.role, null, at));
    const standing = this.orgs.get(body.org);
    if (!standing) return;
    Object.assign(standing, { lastEvent: { seq: body.seq, id }, recovery: null });
    if (standing.homes[standing.homes.length - 1]?.node !== body.home_node) standing.homes.push({ begin: at, node: body.home_node });
    if (body.root !== null) standing.root = body.root;
  }
}
