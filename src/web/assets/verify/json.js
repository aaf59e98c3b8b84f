//! JSON, strictly: bounded size and depth, no name twice, whole numbers up to 2^53; texts and names of fields that do not deceive.
import { textOf } from "./bytes.js";
import { codeOf, hides } from "./characters.js";
import { Refusal } from "./refusal.js";

export const JSON_BYTES_MAX = 48 * 1024;
const JSON_DEPTH_MAX = 12;
export const TEXT_CHARS_MAX = 4_000;

// Every name of a field in the body of any kind.
export const KNOWN_FIELDS = new Set(
  `about accept_assumed act activity_above activity_age_max activity_basis activity_share activity_years add
  addresses after against agreed agreement agrees all_represented alone_since alternatives amends annex annexes
  approve approves area as_of assumed attempt authority auto_seal award basis binds_until bodies bundle bus buyer
  cap catalogue central_purchasing cents chain character_kept choice circumstances citation common_goals completes
  components confirms connected connection considered contact contracting_authority contrary_interests cooperation
  copied corrects coverage d_stack data_location decision decisive_influence description device due dvdv
  efa_confirmed ends_on entrustment entry epoch event evidence federation fee filters found from frozen_at ground
  grounds group holds home_node index indexation inhabitants interfaces item joint_influence key keys kind known
  known_from last_good lead_land leg legal_form leika leika_types level licence limit limit_per_year log mandate
  market_basis market_below market_share market_years maturity member members message mode model modification
  municipality name nature need new_epoch next_sha256 node nodes not_included note notice_days number of offering
  officer on open operates operator order org outcome ozg paragraphs parties party payers payers_source place portal
  portals predecessor prev price private_advantage private_capital private_share procedure procedure_began
  productive provider provides provision public_interest purpose quantities query quorum quote_by rate reason
  received_at reference references relation remit_since reorganised_on reported_on repository represented_by request
  request_id requires result revoke revoked rise role roles root route rule_pack salt scope seal seal_by searched
  seat sector selection seller seq share signed_at since size sole source sovereignty specialised_systems split
  stand successor switch switches target_group tariff task tax term_years term_years_min terminated terms threshold
  through title tls_sha256 to topic total total_max treatment trustees turnover until uses uses_min valid_from
  valid_to vat verdict version void volume votes weight weights what who why witnesses year`.split(/\s+/),
);

// The names under which a list stands.
export const LISTS = new Set(
  `about activity_years add addresses agreed alternatives annexes assumed bodies chain components confirms
  connection considered coverage dvdv evidence fee filters interfaces keys known last_good leika leika_types
  market_years members nodes not_included paragraphs parties payers portals price provides references requires
  revoke roles route specialised_systems split switches trustees`.split(/\s+/),
);

export function lengthOf(text) {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

/** What holds for every text in a body, in unknown fields too; line ends are left to the field. */
export function checkCharacters(text) {
  if (/^[ -~\n]*$/.test(text)) return;
  for (const letter of text) {
    if (letter !== "\n" && hides(letter)) throw new Refusal("TEXT_HIDES", { character: codeOf(letter) });
  }
  if (text.normalize("NFC") !== text) throw new Refusal("TEXT_MISSHAPED", { rule: "not in Unicode normalization form C" });
}

/** What a hasty reader sees of a name. */
function lookOf(field) {
  const letters = field.replace(/[_-]/g, "").replace(/0/g, "o").replace(/[1i]/g, "l");
  return letters.replace(/rn/g, "m").replace(/vv/g, "w");
}

const LOOKS = new Set([...KNOWN_FIELDS].map(lookOf));

function checkFieldName(field) {
  if (!KNOWN_FIELDS.has(field) && (!/^[a-z0-9_-]+$/.test(field) || LOOKS.has(lookOf(field)))) {
    throw new Refusal("FIELD_LOOKS_ALIKE", { field });
  }
}

/** The text, up to the first byte that is no UTF-8: there stands a character that no document may hold. */
function textUpToFault(bytes) {
  const whole = textOf(bytes);
  if (whole !== null) return whole;
  let [good, bad] = [0, bytes.length];
  // A prefix may be cut within a character, so the last three bytes before the bad one are tried too.
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    const fits = [0, 1, 2, 3].some((back) => back <= middle && textOf(bytes.subarray(0, middle - back)) !== null);
    if (fits) good = middle;
    else bad = middle;
  }
  for (let end = good; ; end--) {
    const text = textOf(bytes.subarray(0, end));
    if (text !== null) return text + "\0";
  }
}

const ESCAPES = { '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };

/**
 * Reads one document from front to back, so that the first rule it breaks is the one that is named. In a body, texts and
 * names of fields are looked at as well, and one value has one shape: lists stand where they belong, nothing is null.
 * Objects become maps: a name in them can be any text.
 */
class JsonReader {
  constructor(bytes, isBody) {
    this.isBody = isBody;
    this.text = textUpToFault(bytes);
    this.at = 0;
  }

  document() {
    const value = this.value(0, !this.isBody, !this.isBody, !this.isBody);
    this.skip();
    if (this.at !== this.text.length) throw this.invalid();
    return value;
  }

  invalid() {
    return new Refusal("JSON_INVALID", { at: this.at });
  }

  matched(pattern) {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found) this.at = pattern.lastIndex;
    return found && found[0];
  }

  skip() {
    this.matched(/[ \t\n\r]*/y);
  }

  next() {
    this.skip();
    return this.text.charAt(this.at);
  }

  /** `isFree` is what lies below a field of a later version, of which nobody knows the shape. */
  value(depth, isFree, mayBeList, mayBeNull) {
    const first = this.next();
    if (first === '"') return this.checked(this.string());
    if (first === "{" || first === "[") {
      this.at += 1;
      if (first === "[" && !mayBeList) throw this.invalid();
      if (depth >= JSON_DEPTH_MAX) throw new Refusal("JSON_TOO_DEEP");
      return first === "{" ? this.object(depth + 1, isFree) : this.array(depth + 1, isFree);
    }
    const word = this.matched(/true|false|null/y);
    if (word === null) return this.number();
    if (word === "null" && !mayBeNull) throw this.invalid();
    return word === "null" ? null : word === "true";
  }

  checked(text) {
    if (this.isBody) {
      if (lengthOf(text) > TEXT_CHARS_MAX) throw new Refusal("TEXT_TOO_LONG", { limit: TEXT_CHARS_MAX });
      checkCharacters(text);
    }
    return text;
  }

  number() {
    const text = this.matched(/-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y);
    const isWhole = text !== null && /^-?[0-9]+$/.test(text) && text !== "-0" && text.length <= 17;
    if (!isWhole || Math.abs(Number(text)) > 2 ** 53 || String(BigInt(text)) !== String(Number(text))) throw this.invalid();
    return Number(text);
  }

  object(depth, isFree) {
    const entries = new Map();
    if (this.next() === "}") {
      this.at += 1;
      return entries;
    }
    do {
      if (this.next() !== '"') throw this.invalid();
      const name = this.string();
      if (entries.has(name)) throw new Refusal("JSON_DUPLICATE_KEY", { field: name });
      if (this.isBody) checkFieldName(name);
      if (this.next() !== ":") throw this.invalid();
      this.at += 1;
      // Nothing in a body is null by name, else a word could be written as an object.
      const free = isFree || !KNOWN_FIELDS.has(name);
      entries.set(name, this.value(depth, free, free || LISTS.has(name), !this.isBody));
    } while (!this.closed("}"));
    return entries;
  }

  array(depth, isFree) {
    const items = [];
    if (this.next() === "]") {
      this.at += 1;
      return items;
    }
    do {
      items.push(this.value(depth, isFree, isFree, isFree));
    } while (!this.closed("]"));
    return items;
  }

  closed(end) {
    const mark = this.next();
    if (mark !== "," && mark !== end) throw this.invalid();
    this.at += 1;
    return mark === end;
  }

  string() {
    this.at += 1;
    let text = "";
    for (;;) {
      text += this.matched(/[^"\\\x00-\x1f]*/y);
      const mark = this.text.charAt(this.at);
      this.at += 1;
      if (mark === '"') return text;
      if (mark !== "\\") throw this.invalid();
      text += this.escape();
    }
  }

  escape() {
    const mark = this.text.charAt(this.at);
    this.at += 1;
    if (mark !== "" && Object.hasOwn(ESCAPES, mark)) return ESCAPES[mark];
    if (mark !== "u") throw this.invalid();
    const unit = this.unit();
    if (unit >= 0xd800 && unit < 0xdc00 && this.text.startsWith("\\u", this.at)) {
      this.at += 2;
      const low = this.unit();
      if (low < 0xdc00 || low >= 0xe000) throw this.invalid();
      return String.fromCharCode(unit, low);
    }
    if (unit >= 0xd800 && unit < 0xe000) throw this.invalid();
    return String.fromCharCode(unit);
  }

  unit() {
    const digits = this.matched(/[0-9a-fA-F]{4}/y);
    if (digits === null) throw this.invalid();
    return parseInt(digits, 16);
  }
}

export function readJson(bytes, isBody = false) {
  if (bytes.length > JSON_BYTES_MAX) throw new Refusal("JSON_TOO_LARGE", { bytes: bytes.length });
  return new JsonReader(bytes, isBody).document();
}
