//! What each kind of statement holds, and the rules of one body (proto/statements.md).
import { compared, hex, sha256, utf8 } from "./bytes.js";
import { CENTS, COUNT_MAX, DAY_MS, I16, ID, LANDS, ORDER_ID, PARTIES_MAX, POINTS, SALT, U32, U64 } from "./fields.js";
import { U8, checkCount, dayOf, isAddress, lineText, linesText, wordOf, area, choice, day } from "./fields.js";
import { distinct, flag, instant, interval, key, label, leika, many, name, opt, or, origin } from "./fields.js";
import { partsOf, pattern, record, route, text, title, within, word, wrong } from "./fields.js";
import { TEXT_CHARS_MAX } from "./json.js";
import { WEIGHT_MAX, checkItems, checkOffered, component, keyKind } from "./money.js";
import { Refusal } from "./refusal.js";


export const BASES =
  `vertical vertical-indirect inverse inverse-indirect sister sister-indirect joint joint-inverse joint-indirect
  joint-inverse-indirect sister-joint horizontal central-purchasing call-off tendered modification`.split(/\s+/);
export const VERDICTS = ["fulfilled", "contested", "not-proven", "not-fulfilled"];
export const CONTROLLING = ["cooperative-member", "shareholder", "owner", "purpose-association-member"];
const SWITCHES =
  `inverse-joint half-sisters joint-indirect joint-chained non-authority-members prescribed-inverse private-between
  group-turnover entrustment cooperation-agreement private-advantage central-purchasing modification-after-loss`.split(/\s+/);
const PROVISIONS =
  `contracting-authority accordingly non-authority-members sole-control stake seat joint-influence
  no-contrary-interests activity-share measure projection group-turnover no-private-capital private-inverse
  entrustment same-mother cooperation public-interest market-share private-advantage`.split(/\s+/).concat(BASES);
const ROLES = ["buyer", "approver", "publisher", "auditor"];

function maturity(value) {
  const found = record({ model: choice("1.1", "2.0"), level: U8 })(value);
  if (found.level > (found.model === "1.1" ? 4 : 7)) throw new Refusal("MATURITY_INVALID", { level: found.level });
  return found;
}

const EVENTS = {
  connected: record({ item: choice("contact", "routing", "interface", "test", "acceptance") }),
  productive: record({ since: day }),
  terminated: record({ ends_on: day }),
};

/** What a milestone says: a word, or an object with one field named by that word. */
function event(value) {
  if (value === "closed") return { what: "closed" };
  const [what, inner] = value instanceof Map && value.size === 1 ? [...value][0] : [""];
  if (!Object.hasOwn(EVENTS, what)) throw wrong();
  return { ...EVENTS[what](inner), what };
}

const requirement = choice("account", "mailbox", "payment", "dms");
const rootKeys = record({ keys: many(key), threshold: U32, next_sha256: ID });
const lastGood = or(many(record({ log: origin, size: U64 })), []);
const leg = record({
  from: name,
  to: name,
  as_of: day,
  verdict: choice(...VERDICTS),
  basis: opt(choice(...BASES)),
  assumed: flag,
  evidence: many(ID),
});
const quantities = record({ uses: opt(U32), target_group: opt(U32) });
const award = or(choice("general", "sector", "concession"), "general");
const measured = choice("turnover", "other-value", "projection");
const texts = or(many(text), []);
const fact = { valid_from: day, valid_to: opt(day), known_from: day, source: text, assumed: or(flag, false), corrects: opt(ID) };
const message = { order: ORDER_ID, attempt: U32, signed_at: instant, salt: SALT };
const refusing = record({ ...message, from: name, request: ID, reason: text, note: or(text, ""), annex: opt(ID) });

const BODIES = {
  "federation-root": record({
    federation: name,
    version: U32,
    trustees: many(record({ name: text, key })),
    threshold: U32,
    witnesses: record({ nodes: many(name), quorum: U32 }),
    prev: opt(ID),
  }),
  admission: record({
    federation: name,
    org: name,
    number: U32,
    prev: opt(ID),
    name: text,
    legal_form: text,
    home_node: name,
    operates: opt(name),
    area: opt(area),
    inhabitants: opt(U32),
    portal: opt(text),
    root: opt(rootKeys),
    source: text,
  }),
  expulsion: record({ org: name, reason: text, last_good: lastGood }),
  "key-event": record({
    org: name,
    seq: U64,
    prev: opt(ID),
    home_node: name,
    add: or(many(record({ key, role: choice("statement", "log", "witness") })), []),
    revoke: or(
      many(record({ key: ID, reason: choice("superseded", "compromised", "ceased"), last_good: lastGood })),
      [],
    ),
    root: opt(rootKeys),
    new_epoch: opt(record({ epoch: U32, copied: U64 })),
  }),
  "node-record": record({
    node: name,
    operator: name,
    addresses: many(text),
    tls_sha256: ID,
    log: origin,
    alone_since: opt(instant),
  }),
  "officer-grant": record({
    org: name,
    officer: name,
    device: name,
    key,
    roles: many(choice(...ROLES)),
    limit: CENTS,
    limit_per_year: opt(CENTS),
    valid_from: day,
    valid_to: day,
  }),
  recovery: record({ org: name, after: opt(ID), root: rootKeys, signed_at: instant, completes: opt(ID), reason: text }),
  succession: record({ federation: name, predecessor: name, successor: name, on: day, source: text }),
  membership: record({
    member: name,
    of: name,
    relation: choice(
      ...CONTROLLING,
      "association-member",
      "cooperation-contract",
      "framework-agreement",
      "tendered-contract",
      "running-contract",
    ),
    share: opt(POINTS),
    votes: opt(POINTS),
    sole: or(flag, false),
    seat: opt(flag),
    represented_by: opt(name),
    decisive_influence: opt(flag),
    entrustment: opt(record({ task: text, act: text, on: day, reference: text })),
    scope: opt(text),
    volume: opt(CENTS),
    modification: opt(record({ circumstances: text, character_kept: opt(flag), rise: CENTS })),
    cooperation: opt(
      record({
        common_goals: opt(flag),
        public_interest: opt(flag),
        market_share: opt(POINTS),
        market_basis: opt(measured),
        market_years: or(many(I16), []),
        agreement: opt(text),
        private_advantage: opt(flag),
      }),
    ),
    procedure: opt(text),
    revoked: or(flag, false),
    ...fact,
  }),
  "entity-facts": record({
    org: name,
    legal_form: text,
    contracting_authority: opt(U8),
    sector: opt(choice("public-utility", "private-utility", "concession-grantor")),
    central_purchasing: opt(flag),
    activity_share: opt(POINTS),
    activity_basis: opt(measured),
    activity_years: or(many(I16), []),
    reorganised_on: opt(day),
    private_capital: opt(choice("none", "prescribed-by-law", "present")),
    private_share: opt(POINTS),
    group: opt(record({ turnover: choice("not-a-parent", "consolidated", "summed", "own"), bodies: or(many(name), []) })),
    nature: opt(choice("public-purpose", "public", "private")),
    all_represented: opt(flag),
    remit_since: opt(day),
    confirms: or(many(ID), []),
    joint_influence: opt(flag),
    contrary_interests: opt(flag),
    ...fact,
  }),
  offering: record({
    name,
    version: U32,
    seller: name,
    title: text,
    description: text,
    leika: many(leika),
    ozg: opt(pattern(/^[0-9]{5}$/, "OZG_ID_INVALID")),
    leika_types: texts,
    topic: text,
    lead_land: opt(text),
    efa_confirmed: flag,
    coverage: many(area),
    maturity: opt(maturity),
    connection: texts,
    portals: texts,
    specialised_systems: texts,
    requires: or(many(requirement), []),
    dvdv: texts,
    sovereignty: opt(
      record({ licence: opt(text), repository: opt(text), data_location: opt(text), interfaces: texts, d_stack: opt(text) }),
    ),
    references: or(many(record({ catalogue: text, entry: text })), []),
    price: many(component),
    not_included: texts,
    term_years_min: U32,
    notice_days: opt(U32),
    valid_from: day,
    valid_to: opt(day),
    source: text,
    assumed: texts,
  }),
  withdrawal: record({ seller: name, name, version: U32, reason: text }),
  "connection-report": record({
    municipality: name,
    portal: text,
    offering: opt(ID),
    outcome: opt(choice("passed", "partly", "failed")),
    result: text,
    reported_on: day,
    source: text,
  }),
  "connection-profile": record({
    municipality: name,
    version: U32,
    portals: texts,
    specialised_systems: texts,
    connection: texts,
    provides: or(many(requirement), []),
    bus: opt(flag),
    source: text,
    assumed: texts,
  }),
  need: record({ municipality: name, leika: many(leika), note: text, until: day, through: opt(name) }),
  "need-withdrawal": record({ municipality: name, need: ID, reason: text }),
  "rule-pack": record({
    name,
    valid_from: day,
    valid_to: opt(day),
    activity_above: POINTS,
    market_below: opt(POINTS),
    activity_age_max: opt(I16),
    switches: or(
      many(
        record({
          switch: wordOf(SWITCHES, "RULE_PACK_SWITCH"),
          stand: choice("no", "yes", "contested"),
          known_from: opt(day),
          source: text,
        }),
      ),
      [],
    ),
    paragraphs: or(many(record({ provision: wordOf(PROVISIONS, "RULE_PACK_PARAGRAPH"), citation: text })), []),
    source: text,
  }),
  tariff: record({ org: name, version: U32, fee: many(component) }),
  request: record({
    ...message,
    request_id: text,
    mode: choice("interest", "binding"),
    buyer: name,
    offering: ID,
    route: route,
    as_of: day,
    procedure_began: opt(day),
    rule_pack: ID,
    award,
    term_years: U32,
    total_max: CENTS,
    quote_by: instant,
    seal_by: instant,
    auto_seal: opt(record({ accept_assumed: flag })),
    quantities: or(quantities, quantities(new Map())),
    reference: or(text, ""),
    considered: or(many(record({ route: route, verdict: choice(...VERDICTS), total: opt(CENTS) })), []),
    amends: opt(record({ order: ORDER_ID, seal: ID, what: choice("change", "prolong") })),
    bundle: opt(record({ key: keyKind, members: many(record({ org: name, need: ID, weight: U64 })) })),
    grounds: or(
      record({
        need: opt(ID),
        searched: or(flag, false),
        alternatives: or(
          many(
            record({
              offering: ID,
              seller: name,
              title: text,
              against: opt(text),
              total: opt(CENTS),
              why: opt(choice("price", "fit", "term", "route", "other")),
            }),
          ),
          [],
        ),
        selection: opt(
          record({
            node: name,
            frozen_at: instant,
            filters: or(many(text), []),
            found: U32,
            place: U32,
            known: many(record({ log: origin, size: U64, root: ID })),
          }),
        ),
      }),
      null,
    ),
    annex: opt(ID),
    officer: name,
  }),
  decision: record({ ...message, request: ID, org: name, approve: flag, annex: opt(ID), leg: opt(leg), officer: name }),
  endorse: record({ ...message, from: name, prev: ID, leg, decision: opt(ID) }),
  accept: record({
    ...message,
    from: name,
    prev: ID,
    leg,
    components: many(component),
    decision: opt(ID),
    binds_until: instant,
  }),
  reject: refusing,
  counter: record({ ...message, from: name, prev: ID, components: many(component), tariff: opt(ID), binds_until: instant }),
  decline: refusing,
  seal: record({ ...message, buyer: name, chain: many(ID), total: CENTS, agreed: or(many(name), []), officer: opt(name) }),
  confirm: record({ ...message, from: name, seal: ID, officer: name }),
  void: record({
    ...message,
    buyer: name,
    request: ID,
    reason: choice(
      "cancelled",
      "expired",
      "rejected",
      "not-approved",
      "price-too-high",
      "lapsed",
      "rerouted",
      "recalled",
      "superseded",
    ),
    officer: opt(name),
  }),
  recall: record({
    ...message,
    from: name,
    request: ID,
    reason: text,
    note: or(text, ""),
    annex: opt(ID),
    officer: opt(name),
  }),
  "late-notice": record({ ...message, buyer: name, to: name, message: ID, void: ID }),
  reminder: record({ ...message, org: name, about: choice("approval", "decision", "seal"), due: instant, until: instant }),
  milestone: record({ ...message, seal: ID, from: name, number: U32, event, annex: opt(ID), officer: name }),
  settlement: record({
    ...message,
    seal: ID,
    from: name,
    to: name,
    number: U32,
    about: many(ID),
    holds: opt(ID),
    terms: text,
    agrees: opt(ID),
    officer: name,
  }),
  erasure: record({
    ...message,
    from: name,
    number: U32,
    annexes: many(ID),
    ground: text,
    authority: text,
    officer: name,
  }),
  mandate: record({ ...message, org: name, to: name, need: ID, cap: CENTS, until: day, approves: opt(ID), officer: name }),
  "call-off": record({
    ...message,
    seal: ID,
    from: name,
    to: name,
    need: ID,
    mandate: ID,
    offering: ID,
    provider: name,
    term_years: U32,
    key: keyKind,
    weight: U64,
    weights: U64,
    total: CENTS,
    share: CENTS,
    leg,
    rule_pack: ID,
    procedure_began: day,
    award,
  }),
  receipt: record({
    order: ORDER_ID,
    attempt: U32,
    from: name,
    message: ID,
    log: origin,
    size: U64,
    received_at: instant,
    salt: SALT,
  }),
  access: record({ org: name, officer: name, node: name, signed_at: instant, salt: SALT }),
};

const PUBLIC = new Set(
  `federation-root admission expulsion key-event node-record officer-grant recovery succession membership
  entity-facts offering withdrawal connection-report connection-profile need need-withdrawal rule-pack tariff`.split(/\s+/),
);
const MESSAGES = new Set(Object.keys(BODIES).filter((kind) => !PUBLIC.has(kind) && kind !== "receipt" && kind !== "access"));
const ABOUT_TRUST = new Set(
  "federation-root admission expulsion key-event node-record officer-grant recovery succession rule-pack".split(" "),
);

export const isKnown = (kind) => Object.hasOwn(BODIES, kind);
export const isPublic = (kind) => PUBLIC.has(kind) || !isKnown(kind);
export const isMessage = (kind) => MESSAGES.has(kind);
export const isAboutTrust = (kind) => ABOUT_TRUST.has(kind);

// ---- the rules of one body, in the order in which they count ----

function checkLastGood(listed) {
  within("last_good", listed.length <= 32 && distinct(listed.map((good) => good.log)));
}

function checkRootKeys(root) {
  if (root === null) return;
  const { keys, threshold } = root;
  within("root", keys.length >= 1 && keys.length <= 5 && distinct(keys) && threshold >= 1 && threshold <= keys.length);
}

function checkYears(named, years) {
  within(named, years.length <= 3 && years.every((year, at) => at === 0 || year === years[at - 1] + 1));
  within(named, years.every((year) => year >= 1900 && year <= 2199));
}

const contradiction = (named) => new Refusal("FACT_CONTRADICTS_ITSELF", { field: named });

export function orderId(buyer, requestId) {
  return hex(sha256(utf8(`verbund/order/v1\0${buyer}\0${requestId}`)).subarray(0, 16));
}

/** The day on which the award procedure began. */
export function procedureDay(request) {
  return request.procedure_began ?? dayOf(request.signed_at);
}

function checkGathered({ members }, buyer) {
  within("bundle", members.length >= 1 && members.length <= 400);
  within("bundle", distinct(members.map((member) => member.org)));
  within("bundle", members.every((member) => member.org !== buyer));
  within("bundle", members.every((member) => member.weight >= 1 && member.weight <= WEIGHT_MAX));
}

function checkGrounds(grounds, chosen, signedAt) {
  for (const other of grounds.alternatives) {
    title("title", other.title, 200);
    word("against", other.against);
  }
  const others = grounds.alternatives.map((other) => other.offering);
  within("alternatives", distinct(others) && !others.includes(chosen) && others.length <= 20);
  if (grounds.selection === null) return;
  within("selection", grounds.searched && grounds.alternatives.every((other) => other.why !== null));
  checkSelection(grounds.selection, others.length, signedAt);
}

/** A frozen search, within a request that was signed then. */
function checkSelection({ filters, frozen_at: frozenAt, found, place, known }, others, signedAt) {
  for (const filter of filters) label("filters", filter, 200);
  within("selection", filters.length <= 20 && frozenAt <= signedAt);
  within("selection", others < found && place >= 1 && place <= found);
  const logs = known.map(({ log }) => partsOf(log));
  const isSorted = logs.every((log, at) => at === 0 || compared(logs[at - 1], log) < 0);
  within("selection", logs.length >= 1 && logs.length <= 22 && isSorted);
}

function checkRefusing(body) {
  word("reason", body.reason);
  linesText("note", body.note, 500);
}

const BODY_RULES = {
  "federation-root"(body) {
    const keys = body.trustees.map((trustee) => trustee.key);
    within("trustees", distinct(keys) && keys.length >= 1 && keys.length <= 9);
    within("threshold", body.threshold >= 1 && body.threshold <= keys.length);
    checkCount("version", body.version);
    within("version", (body.version === 1) === (body.prev === null));
    const { nodes, quorum } = body.witnesses;
    const least = 1 + Math.floor((2 * nodes.length) / 3);
    within("witnesses", distinct(nodes) && nodes.length <= 64 && least <= quorum && quorum <= nodes.length);
    for (const trustee of body.trustees) title("trustees", trustee.name, 100);
  },
  admission(body) {
    title("name", body.name, 500);
    label("legal_form", body.legal_form, 500);
    lineText("source", body.source, 500);
    title("portal", body.portal, 200);
    const first = body.number === 1;
    checkCount("number", body.number);
    within("prev", first === (body.prev === null));
    within("root", first === (body.root !== null));
    within("operates", body.operates === null || body.operates === body.home_node);
    checkRootKeys(body.root);
  },
  expulsion(body) {
    linesText("reason", body.reason, 500);
    checkLastGood(body.last_good);
  },
  "key-event"(body) {
    within("seq", body.seq <= COUNT_MAX && (body.seq === 0) === (body.prev === null));
    within("add", body.add.length <= 8);
    within("revoke", body.revoke.length <= 64 && distinct(body.revoke.map((each) => each.key)));
    const epoch = body.new_epoch?.epoch ?? 2;
    within("new_epoch", epoch >= 2 && epoch <= COUNT_MAX);
    for (const revocation of body.revoke) checkLastGood(revocation.last_good);
    checkRootKeys(body.root);
  },
  "node-record"({ addresses }) {
    const listed = addresses.length >= 1 && addresses.length <= 8 && distinct(addresses);
    within("addresses", listed && addresses.every(isAddress));
  },
  "officer-grant"(body) {
    interval(body.valid_from, body.valid_to);
    within("roles", body.roles.length > 0);
  },
  recovery(body) {
    linesText("reason", body.reason, 500);
    checkRootKeys(body.root);
  },
  succession(body) {
    within("successor", body.predecessor !== body.successor);
    lineText("source", body.source, 500);
  },
  membership(body) {
    lineText("source", body.source, 500);
    label("procedure", body.procedure, 200);
    interval(body.valid_from, body.valid_to);
    within("member", body.member !== body.of);
    label("scope", body.scope, 300);
    if (body.cooperation !== null) {
      label("agreement", body.cooperation.agreement, 300);
      checkYears("market_years", body.cooperation.market_years);
    }
    if (body.entrustment !== null) {
      for (const named of ["task", "act", "reference"]) lineText(named, body.entrustment[named], 300);
    }
    if (body.modification !== null) lineText("circumstances", body.modification.circumstances, 300);
    const controls = CONTROLLING.includes(body.relation);
    const [cooperates, runs] = [body.relation === "cooperation-contract", body.relation === "running-contract"];
    const awarded = ["framework-agreement", "tendered-contract"].includes(body.relation);
    within("represented_by", body.represented_by === null || (controls && body.represented_by !== body.member));
    within("decisive_influence", body.decisive_influence === null || controls);
    within("entrustment", body.entrustment === null || controls);
    within("scope", body.scope === null || awarded || cooperates || runs);
    within("volume", body.volume === null || awarded || runs);
    within("cooperation", body.cooperation === null || cooperates);
    within("modification", body.modification === null || runs);
    within("procedure", body.procedure === null || awarded);
    within("revoked", !body.revoked || body.corrects !== null);
    const allOfIt = [body.share, body.votes].every((part) => part === null || part === 10_000);
    const directs = body.decisive_influence === true || allOfIt;
    if (body.sole && !(controls && directs)) throw contradiction("sole");
  },
  "entity-facts"(body) {
    lineText("source", body.source, 500);
    label("legal_form", body.legal_form, 100);
    interval(body.valid_from, body.valid_to);
    within("contracting_authority", body.contracting_authority === null || body.contracting_authority <= 3);
    checkYears("activity_years", body.activity_years);
    if (body.group !== null) {
      const { bodies, turnover } = body.group;
      const twice = !distinct([body.org, ...bodies]) || bodies.length > 200;
      if (twice || (turnover === "not-a-parent" && bodies.length)) throw contradiction("group");
    }
    within("confirms", body.confirms.length <= 100);
    if (body.nature === "public" && body.private_capital === "present") throw contradiction("nature");
    const some = body.private_share === null ? null : body.private_share > 0;
    if (body.private_capital === "none" && some === true) throw contradiction("private_share");
    if (body.private_capital === "present" && some === false) throw contradiction("private_share");
  },
  "rule-pack"(body) {
    lineText("source", body.source, 500);
    interval(body.valid_from, body.valid_to);
    const age = body.activity_age_max ?? 1;
    within("activity_age_max", age >= 1 && age <= 10);
    for (const setting of body.switches) lineText("source", setting.source, 500);
    if (!distinct(body.switches.map((setting) => setting.switch))) throw new Refusal("RULE_PACK_SWITCH", { rule: "twice" });
    for (const paragraph of body.paragraphs) lineText("citation", paragraph.citation, 200);
    if (!distinct(body.paragraphs.map((each) => each.provision))) throw new Refusal("RULE_PACK_PARAGRAPH", { rule: "twice" });
  },
  offering(body) {
    title("title", body.title, 200);
    linesText("description", body.description, TEXT_CHARS_MAX);
    label("topic", body.topic, 100);
    lineText("source", body.source, 500);
    within("leika", body.leika.length <= 100);
    within("coverage", body.coverage.length >= 1 && body.coverage.length <= 100);
    checkItems(body.price);
    const listed = "leika_types connection portals specialised_systems dvdv not_included assumed".split(" ");
    for (const named of listed) {
      within(named, body[named].length <= 100);
      const rule = named === "not_included" || named === "assumed" ? lineText : label;
      for (const each of body[named]) rule(named, each, 300);
    }
    within("requires", distinct(body.requires));
    if (body.sovereignty !== null) {
      const limits = { licence: 100, repository: 300, data_location: 200, d_stack: 100 };
      for (const [named, most] of Object.entries(limits)) title(named, body.sovereignty[named], most);
      within("interfaces", body.sovereignty.interfaces.length <= 100);
      for (const each of body.sovereignty.interfaces) title("interfaces", each, 100);
    }
    within("references", body.references.length <= 100);
    for (const each of body.references) {
      title("catalogue", each.catalogue, 100);
      title("entry", each.entry, 300);
    }
    within("lead_land", body.lead_land === null || LANDS.includes(body.lead_land));
    if (body.version === 0) throw new Refusal("OFFERING_VERSION");
    checkCount("version", body.version);
    within("notice_days", body.notice_days === null || body.notice_days <= 731);
    within("term_years_min", body.term_years_min >= 1 && body.term_years_min <= 20);
    interval(body.valid_from, body.valid_to);
  },
  withdrawal(body) {
    checkCount("version", body.version);
    linesText("reason", body.reason, 500);
  },
  need(body) {
    within("leika", body.leika.length <= 100);
    linesText("note", body.note, 1000);
  },
  "need-withdrawal"(body) {
    linesText("reason", body.reason, 500);
  },
  "connection-report"(body) {
    label("portal", body.portal, 100);
    linesText("result", body.result, 1000);
    lineText("source", body.source, 500);
  },
  "connection-profile"(body) {
    checkCount("version", body.version);
    for (const named of ["portals", "specialised_systems", "connection"]) {
      within(named, body[named].length <= 100);
      for (const each of body[named]) title(named, each, 300);
    }
    within("provides", distinct(body.provides));
    lineText("source", body.source, 500);
    within("assumed", body.assumed.length <= 100);
    for (const each of body.assumed) lineText("assumed", each, 300);
  },
  tariff(body) {
    checkCount("version", body.version);
    checkItems(body.fee);
  },
  request(body) {
    lineText("request_id", body.request_id, 100);
    label("reference", body.reference, 200);
    const provider = body.route[body.route.length - 1];
    if (body.route[0] !== body.buyer) throw new Refusal("ROUTE_INVALID", { buyer: body.buyer });
    if (body.order !== orderId(body.buyer, body.request_id)) throw new Refusal("ORDER_ID_MISMATCH");
    within("attempt", body.attempt !== 0);
    within("term_years", body.term_years >= 1 && body.term_years <= 20);
    const sameEnds = ({ route }) => route[0] === body.buyer && route[route.length - 1] === provider;
    within("considered", body.considered.length <= 20 && body.considered.every(sameEnds));
    if (body.bundle !== null) checkGathered(body.bundle, body.buyer);
    within("amends", body.amends === null || (body.amends.order !== body.order && body.mode === "binding"));
    if (body.grounds !== null) checkGrounds(body.grounds, body.offering, body.signed_at);
    // Only a further attempt may belong to a procedure that began before it.
    const [began, signed] = [procedureDay(body), dayOf(body.signed_at)];
    within("procedure_began", began === signed || (began < signed && body.attempt > 1));
    const latest = body.signed_at + 180 * DAY_MS;
    if (!(body.signed_at < body.quote_by && body.quote_by < body.seal_by && body.seal_by <= latest)) {
      throw new Refusal("DEADLINE_INVALID");
    }
  },
  reject: checkRefusing,
  decline: checkRefusing,
  recall(body) {
    checkRefusing(body);
    // An officer's words stand in the annex, where they can be erased.
    within("note", body.officer === null || body.note === "");
  },
  milestone(body) {
    within("number", body.number >= 1 && body.number <= 200);
    within("annex", body.event.what !== "contact" || body.annex !== null);
  },
  settlement(body) {
    lineText("terms", body.terms, 500);
    within("terms", body.terms.trim() !== "");
    within("to", body.to !== body.from);
    within("number", body.number >= 1 && body.number <= 20);
    within("about", distinct(body.about) && body.about.length >= 1 && body.about.length <= 8);
  },
  erasure(body) {
    title("ground", body.ground, 200);
    title("authority", body.authority, 200);
    within("number", body.number >= 1 && body.number <= 20);
    within("annexes", distinct(body.annexes) && body.annexes.length >= 1 && body.annexes.length <= 20);
  },
  seal(body) {
    within("chain", body.chain.length <= 2 * PARTIES_MAX);
    within("agreed", body.agreed.length <= PARTIES_MAX);
  },
  accept(body) {
    checkOffered(body.components);
  },
  counter(body) {
    checkOffered(body.components);
  },
  mandate(body) {
    if (body.order !== orderId(body.org, `mandate ${body.need}`)) throw new Refusal("ORDER_ID_MISMATCH");
    within("to", body.to !== body.org);
  },
  "call-off"(body) {
    within("term_years", body.term_years >= 1 && body.term_years <= 20);
    within("weight", body.weight >= 1 && body.weight <= WEIGHT_MAX && body.weight <= body.weights);
    within("weights", body.weights <= WEIGHT_MAX * 400);
    within("share", body.share <= body.total);
  },
};

/** The document of a known kind, with all rules of its own checked; of an unknown kind nothing is known. */
export function bodyOf(kind, value) {
  if (!isKnown(kind)) return {};
  const body = BODIES[kind](value);
  if (Object.hasOwn(BODY_RULES, kind)) BODY_RULES[kind](body);
  if (isMessage(kind) || kind === "receipt") checkCount("attempt", body.attempt);
  return body;
}

// Who signs a statement with one signature: the field that names the organisation, whether its own statement key may, and
// which officers may.
export const SIGNER_RULES = {
  membership: ["of", true, ["publisher"]],
  "entity-facts": ["org", true, ["publisher"]],
  offering: ["seller", true, ["publisher"]],
  withdrawal: ["seller", true, ["publisher"]],
  "connection-report": ["municipality", true, ["publisher", "buyer"]],
  "connection-profile": ["municipality", true, ["publisher", "buyer"]],
  need: ["municipality", true, ["publisher", "buyer"]],
  "need-withdrawal": ["municipality", true, ["publisher", "buyer"]],
  tariff: ["org", true, ["publisher"]],
  request: ["buyer", false, ["buyer"]],
  decision: ["org", false, ["approver"]],
  endorse: ["from", true, []],
  accept: ["from", true, []],
  reject: ["from", true, []],
  decline: ["from", true, []],
  counter: ["from", true, []],
  seal: ["buyer", true, ["buyer", "approver"]],
  void: ["buyer", true, ["buyer", "approver"]],
  confirm: ["from", false, ["approver"]],
  recall: ["from", true, ["approver"]],
  "late-notice": ["buyer", true, []],
  reminder: ["org", true, []],
  milestone: ["from", false, ["buyer", "approver"]],
  settlement: ["from", false, ["approver"]],
  erasure: ["from", false, ["buyer", "approver"]],
  mandate: ["org", false, ["buyer", "approver"]],
  "call-off": ["from", true, []],
  receipt: ["from", true, []],
  access: ["org", false, ROLES],
};
const NAMES_OFFICER = new Set("request decision access seal void confirm recall milestone settlement erasure mandate".split(" "));

export const hasSigner = (kind) => Object.hasOwn(SIGNER_RULES, kind);
export const namesOfficer = (kind) => NAMES_OFFICER.has(kind);

export function signedAt(kind, body) {
  if (kind === "receipt") return body.received_at;
  return isMessage(kind) || kind === "access" ? body.signed_at : null;
}
