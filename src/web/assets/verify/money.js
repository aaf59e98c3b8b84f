//! Price items: their shape, and from what is published to what one buyer pays, in whole cents (docs/audit-rules.md, 7).
import { alike, compared } from "./bytes.js";
import { CENTS, CENTS_MAX, POINTS, U32, U64, lineText, neededText, choice, distinct, flag } from "./fields.js";
import { label, many, opt, or, party, record, text, within } from "./fields.js";
import { Refusal } from "./refusal.js";

export const WEIGHT_MAX = 10 ** 12;
// The Königsteiner Schlüssel of 2016 in 1e-5 per cent, by the numbers of the Länder.
const KOENIGSTEIN_2016 = [
  339_074, 255_752, 933_138, 95_331, 2_114_424, 739_885, 483_089, 1_296_662,
  1_553_327, 121_111, 508_324, 303_655, 201_240, 505_577, 279_941, 269_470,
];
const KEY_KINDS = ["inhabitants", "uses", "target-group", "koenigstein", "fixed"];

export function keyKind(value) {
  if (!KEY_KINDS.includes(text(value))) throw new Refusal("DISTRIBUTION_KEY_UNKNOWN", { key: value });
  return value;
}

const priceKey = record({
  kind: keyKind,
  group: or(text, ""),
  year: or(U32, 0),
  source: text,
  parties: many(record({ party: party, weight: opt(U64) })),
  open: or(flag, false),
});
const terms = record({
  uses_min: opt(U32),
  indexation: opt(record({ index: text, rate: opt(POINTS) })),
  split: or(many(record({ share: POINTS, key: priceKey })), []),
  payers: or(many(record({ who: opt(party), share: POINTS })), []),
  payers_source: or(text, ""),
});
const NO_TERMS = terms(new Map());

export const component = record({
  item: choice("infrastructure", "development", "platform", "operation", "usage", "set-up", "connection", "brokering"),
  due: choice("once", "per-year", "per-use"),
  cents: CENTS,
  vat: or(text, ""),
  tax: opt(
    record({ treatment: choice("taxed", "exempt", "not-taxable", "reverse-charge"), rate: opt(POINTS), reason: text }),
  ),
  terms: opt(terms),
  year: opt(U32),
});

function cents(amount) {
  if (!(amount >= 0 && amount <= CENTS_MAX)) throw new Refusal("MONEY_INVALID", { value: amount });
  return amount;
}

const badDistribution = (rule) => new Refusal("DISTRIBUTION_INVALID", { rule });

// ---- the rules of items ----

/** Items as they are published. */
export function checkItems(items) {
  within("items", items.length <= 100);
  for (const item of items) {
    checkWords(item);
    within("year", item.year === null);
    if (item.terms === null) continue;
    within("uses_min", item.terms.uses_min === null || item.due === "per-use");
    within("indexation", item.terms.indexation === null || item.due !== "once");
    within("split", item.terms.split.length === 0 || item.due !== "per-use");
    checkTerms(item.terms);
  }
}

/** Items of a price that was computed for one buyer. */
export function checkOffered(items) {
  within("components", items.length <= 100 * 20);
  for (const item of items) {
    checkWords(item);
    within("terms", item.terms === null);
    within("year", item.year === null || (item.year >= 1 && item.year <= 20));
  }
}

function checkWords(item) {
  lineText("vat", item.vat, 300);
  if (item.tax === null) return;
  neededText("tax.reason", item.tax.reason);
  within("tax", (item.tax.rate !== null && item.tax.rate > 0) === (item.tax.treatment === "taxed"));
}

function checkTerms(found) {
  if (found.indexation !== null) neededText("index", found.indexation.index);
  if (found.split.length > 8 || found.payers.length > 400) throw badDistribution("too many parts");
  lineText("payers_source", found.payers_source, 500);
  checkSum(found.split);
  for (const part of found.split) checkPriceKey(part.key);
  if (found.payers.length === 0) return;
  if (!distinct(found.payers.map((payer) => payer.who))) throw badDistribution("a payer is named twice");
  neededText("payers_source", found.payers_source);
  checkSum(found.payers);
}

function checkSum(parts) {
  const sum = parts.reduce((total, part) => total + part.share, 0);
  if (parts.length && sum !== 10_000) throw new Refusal("SHARES_DO_NOT_ADD_UP");
}

function checkPriceKey(key) {
  neededText("source", key.source);
  label("group", key.group, 200);
  if (key.year < 1949 || key.year > 2100) throw new Refusal("DISTRIBUTION_YEAR_UNKNOWN", { year: key.year });
  if ((key.group === "") === (key.kind === "target-group")) throw badDistribution("a group is for that key only");
  if ((key.parties.length === 0 && !key.open) || key.parties.length > 400) throw badDistribution("parties");
  if (!distinct(key.parties.map((weight) => weight.party))) throw badDistribution("a party is named twice");
  if (key.open && ["koenigstein", "fixed"].includes(key.kind)) throw badDistribution("nobody joins such a key");
  const sum = key.parties.reduce((total, weight) => total + weightOf(key, weight), 0);
  if (sum === 0 && !key.open) throw badDistribution("all weights are zero");
}

/** The number of a party: as stated, or from the table of the key's year. */
function weightOf(key, weight) {
  if (weight.weight !== null) {
    if (weight.weight > WEIGHT_MAX) throw badDistribution("a weight is too large");
    return weight.weight;
  }
  if (key.kind !== "koenigstein" || weight.party[0] !== 1) throw badDistribution("a weight is missing");
  if (key.year !== 2016) throw new Refusal("DISTRIBUTION_YEAR_UNKNOWN", { year: key.year });
  return KOENIGSTEIN_2016[weight.party[1]];
}

// ---- amounts ----

/** What items cost over a contract. */
export function amountOf(items, years) {
  let total = 0;
  for (const item of items) {
    if (item.due === "per-use") throw new Refusal("QUANTITY_MISSING", { field: "uses" });
    total = cents(total + (item.due === "once" ? item.cents : cents(item.cents * years)));
  }
  return total;
}

export function sumOf(amounts) {
  return amounts.reduce((total, amount) => cents(total + amount), 0);
}

/**
 * Shares rounded down; the cents left go to the largest remainders, among equal ones to the lower name. `weights` are pairs
 * of name and number.
 */
export function distribute(total, weights) {
  const whole = weights.reduce((sum, [, weight]) => sum + BigInt(weight), 0n);
  if (whole === 0n) throw badDistribution("nobody has a weight");
  const exact = weights.map(([, weight]) => BigInt(total) * BigInt(weight));
  const shares = exact.map((product) => Number(product / whole));
  const left = shares.reduce((rest, share) => rest - share, total);
  const order = weights.map((_, at) => at);
  const ranked = order.map((at) => [-(exact[at] % whole), weights[at][0], at]);
  order.sort((one, other) => compared(ranked[one], ranked[other]));
  for (const at of order.slice(0, left)) shares[at] += 1;
  return shares.map(cents);
}

/** What a price may depend on about the buyer: its admission, and what the request says. */
export class Buyer {
  constructor(org, admission, quantities) {
    this.org = org;
    this.quantities = quantities;
    this.area = admission?.area ?? null;
    this.inhabitants = admission?.inhabitants ?? null;
    this.land = this.area && this.area !== "*" ? [1, Number(this.area.slice(0, 2)) - 1, ""] : null;
  }

  /** A Land orders under its organisation's name. */
  isParty(who) {
    if (who[0] === 1) return this.area !== null && this.area.length === 2 && alike(this.land, who);
    return who[0] === 2 && who[2] === this.org;
  }
}

/** Price items with terms become plain amounts; the order: uses, index, split, payers. */
export function quote(items, buyer, years) {
  return items.flatMap((item) => quoteItem(item, buyer, years));
}

function quoteItem(item, buyer, years) {
  const found = item.terms ?? NO_TERMS;
  let { due, cents: whole } = item;
  if (due === "per-use") {
    const counted = [buyer.quantities.uses, found.uses_min].filter((each) => each !== null);
    if (counted.length === 0) throw new Refusal("QUANTITY_MISSING", { field: "uses" });
    [due, whole] = ["per-year", cents(item.cents * Math.max(...counted))];
  }
  const split = found.split.map((part) => ({ part, weights: weightsIn(part.key, buyer) }));
  if (split.length && split.every(({ weights }) => buyersPlace(weights, buyer) === null)) {
    throw new Refusal("NOT_IN_DISTRIBUTION", { buyer: buyer.org });
  }
  const rate = found.indexation?.rate ?? null;
  if (rate === null) return [{ ...item, terms: null, due, cents: borne(whole, found, split, buyer) }];
  const plain = [];
  for (let year = 1; year <= years; year++) {
    // Half a cent is rounded up.
    if (year > 1) whole = cents(Number((BigInt(whole) * BigInt(10_000 + rate) + 5_000n) / 10_000n));
    plain.push({ ...item, terms: null, due: "once", year, cents: borne(whole, found, split, buyer) });
  }
  return plain;
}

/** The parties to a key with their numbers; a buyer that may join has joined. */
function weightsIn(key, buyer) {
  const weights = key.parties.map((weight) => [weight.party, weightOf(key, weight)]);
  if (key.open && !weights.some(([who]) => buyer.isParty(who))) {
    const named = { inhabitants: "inhabitants", uses: "uses" }[key.kind] ?? "target_group";
    const number = named === "inhabitants" ? buyer.inhabitants : buyer.quantities[named];
    if (number === null) throw new Refusal("QUANTITY_MISSING", { field: named });
    weights.push([[2, 0, buyer.org], number]);
  }
  return weights;
}

/** Who stands for the buyer: itself, else its Land. */
function buyersPlace(weights, buyer) {
  const parties = weights.map(([who]) => who);
  return parties.find((who) => buyer.isParty(who)) ?? parties.find((who) => alike(who, buyer.land)) ?? null;
}

/** What the buyer pays of an amount, after the split and after those who pay for it. */
function borne(whole, found, split, buyer) {
  const own = split.length ? divided(whole, split, buyer) : whole;
  if (found.payers.length === 0) return own;
  const weights = found.payers.map((payer) => [[payer.who !== null, payer.who ?? []], payer.share]);
  const paid = distribute(own, weights);
  const isOwn = (payer) => payer.who === null || buyer.isParty(payer.who);
  return sumOf(paid.filter((_, at) => isOwn(found.payers[at])));
}

function divided(whole, split, buyer) {
  const parts = distribute(whole, split.map(({ part }) => [partOrder(part), part.share]));
  const sums = new Map();
  split.forEach(({ weights }, at) => {
    const shares = distribute(parts[at], weights);
    weights.forEach(([who], place) => {
      const name = who.join("\n");
      sums.set(name, { who, sum: cents((sums.get(name)?.sum ?? 0) + shares[place]) });
    });
  });
  return sumOf([...sums.values()].filter(({ who }) => buyer.isParty(who)).map(({ sum }) => sum));
}

function partOrder(part) {
  const { kind, group, year, source, parties, open } = part.key;
  const weights = parties.map((each) => [each.party, each.weight !== null, each.weight ?? 0]);
  return [part.share, KEY_KINDS.indexOf(kind), group, year, source, weights, open];
}

/** What each member of an order for several bears. */
export function sharesOf(gathered, total) {
  return distribute(total, gathered.members.map((member) => [member.org, member.weight]));
}
