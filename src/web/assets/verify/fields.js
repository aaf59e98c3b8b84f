//! Readers of single values: each takes a JSON value and gives a checked one, or refuses (proto/statements.md, "Types").
import { isGoodKey } from "./ed25519.js";
import { checkCharacters, lengthOf } from "./json.js";
import { Refusal } from "./refusal.js";

export const COUNT_MAX = 1_000_000;
export const CENTS_MAX = 10 ** 12;
export const PARTIES_MAX = 7;

/** A value of another type than the field's. */
export function wrong() {
  return new Refusal("JSON_INVALID", { why: "a value of another type, or none" });
}

export function text(value) {
  if (typeof value !== "string") throw wrong();
  return value;
}

export function flag(value) {
  if (typeof value !== "boolean") throw wrong();
  return value;
}

export function whole(low, high) {
  return (value) => {
    if (typeof value !== "number" || value < low || value > high) throw wrong();
    return value;
  };
}

export const U8 = whole(0, 2 ** 8 - 1);
export const U32 = whole(0, 2 ** 32 - 1);
// JSON numbers end at 2^53, below the end of 64 bits.
export const U64 = whole(0, 2 ** 64);
export const I16 = whole(-(2 ** 15), 2 ** 15 - 1);

export function pattern(shape, reason) {
  return (value) => {
    if (!shape.test(text(value))) throw new Refusal(reason, { value });
    return value;
  };
}

export function amount(most, reason) {
  return (value) => {
    if (typeof value !== "number") throw wrong();
    if (value < 0 || value > most) throw new Refusal(reason, { value });
    return value;
  };
}

export const CENTS = amount(CENTS_MAX, "MONEY_INVALID");
const hundredths = amount(10_000, "PERCENT_INVALID");
export const POINTS = (value) => hundredths(U32(value));

export const ID = pattern(/^[0-9a-f]{64}$/, "DIGEST_INVALID");
export const ORDER_ID = pattern(/^[0-9a-f]{32}$/, "ORDER_ID_INVALID");
export const SALT = pattern(/^[0-9a-f]{32}$/, "JSON_INVALID");
const keyDigits = pattern(/^[0-9a-f]{64}$/, "KEY_INVALID");

export function key(value) {
  if (!isGoodKey(keyDigits(value))) throw new Refusal("KEY_INVALID", { value });
  return value;
}

export function choice(...words) {
  return (value) => {
    if (typeof value !== "string" || !words.includes(value)) throw wrong();
    return value;
  };
}

/** One of these words, refused with a reason of its own. */
export function wordOf(words, reason) {
  return (value) => {
    if (!words.includes(text(value))) throw new Refusal(reason, { value });
    return value;
  };
}

export function many(reader) {
  return (value) => {
    if (!Array.isArray(value)) throw wrong();
    return value.map((item) => reader(item));
  };
}

/** May be absent; a body holds no `null`, which is refused before. */
export function opt(reader) {
  return { reader: (value) => (value === null ? null : reader(value)), instead: null };
}

export function or(reader, instead) {
  return { reader, instead };
}

/** Fields are read in the order of the document, what is missing comes last. Unknown ones are passed over. */
export function record(fields) {
  const shapes = new Map(
    Object.entries(fields).map(([name, field]) => [name, typeof field === "function" ? { reader: field } : field]),
  );
  return (value) => {
    if (!(value instanceof Map)) throw wrong();
    const found = {};
    for (const [name, shape] of shapes) found[name] = shape.instead;
    for (const [name, given] of value) if (shapes.has(name)) found[name] = shapes.get(name).reader(given);
    for (const name of shapes.keys()) if (found[name] === undefined) throw wrong();
    return found;
  };
}

export function isName(value) {
  return value.length <= 40 && /^[a-z0-9]+(-[a-z0-9]+)*$/.test(value);
}

export function name(value) {
  if (!isName(text(value))) throw new Refusal("NAME_INVALID", { value });
  return value;
}

/** `FEDERATION/log/NODE/EPOCH`; the text is the value. */
export function origin(value) {
  const parts = text(value).split("/");
  const shaped = parts.length === 4 && parts[1] === "log" && /^(0|[1-9][0-9]{0,9})$/.test(parts[3]);
  if (!shaped || Number(parts[3]) > COUNT_MAX) throw new Refusal("ORIGIN_INVALID", { value });
  if (!isName(parts[0]) || !isName(parts[2])) throw new Refusal("NAME_INVALID", { value });
  return value;
}

/** The parts of a log's name, in the order in which logs are sorted. */
export function partsOf(log) {
  const [federation, , node, epoch] = log.split("/");
  return [federation, node, Number(epoch)];
}

// Years a statement may speak of.
const isYear = (day) => day >= "1900-01-01" && day <= "2199-12-31";
const dayDigits = pattern(/^[0-9]{4}-[0-9]{2}-[0-9]{2}$/, "TIME_INVALID");

function exists(day) {
  const ms = Date.parse(`${day}T00:00:00Z`);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(day);
}

/** Days are texts, which sort as days do. */
export function day(value) {
  if (!exists(dayDigits(value)) || !isYear(value)) throw new Refusal("TIME_INVALID", { value });
  return value;
}

/** A time in UTC as milliseconds since 1970; as many digits of the second as needed, at most three. */
export function instant(value) {
  const shape = /^([0-9]{4}-[0-9]{2}-[0-9]{2})(T(?:[01][0-9]|2[0-3])(?::[0-5][0-9]){2})([.][0-9]{0,2}[1-9])?Z$/;
  const found = shape.exec(text(value));
  const ms = found && exists(found[1]) ? Date.parse(`${found[1]}${found[2]}Z`) : NaN;
  const all = ms + Number((found?.[3] ?? ".").slice(1).padEnd(3, "0"));
  if (Number.isNaN(all) || !isYear(dayOf(all))) throw new Refusal("TIME_INVALID", { value });
  return all;
}

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;
const FIRST_DAY = "0001-01-01";
export const LAST_DAY = "9999-12-31";

/** One o'clock in UTC on the last Sunday of a month. */
function lastSunday(year, month) {
  const last = new Date(Date.UTC(2000, month, 0, 1));
  last.setUTCFullYear(year, month, 0);
  return last.getTime() - last.getUTCDay() * DAY_MS;
}

/** The day in Germany to which a time belongs, by the rule of today in all years. */
export function dayOf(ms) {
  if (ms < Date.parse("0001-01-01T00:00:00Z")) return FIRST_DAY;
  if (ms > Date.parse("9999-12-31T21:59:59Z")) return LAST_DAY;
  const year = new Date(ms).getUTCFullYear();
  const isSummer = lastSunday(year, 3) <= ms && ms < lastSunday(year, 10);
  return new Date(ms + (isSummer ? 2 : 1) * HOUR_MS).toISOString().slice(0, 10);
}

/** The time at which a day begins in Germany. */
export function begins(on) {
  const midnight = Date.parse(`${on}T00:00:00Z`);
  return midnight - ([2, 1].find((hours) => dayOf(midnight - hours * HOUR_MS) === on) ?? 1) * HOUR_MS;
}

export function isLand(two) {
  return /^[0-9]{2}$/.test(two) && Number(two) >= 1 && Number(two) <= 16;
}

export function area(value) {
  const regional = /^[0-9]+$/.test(text(value)) && [2, 3, 5, 9, 12].includes(value.length);
  if (value !== "*" && !(regional && isLand(value.slice(0, 2)))) throw new Refusal("ARS_INVALID", { value });
  return value;
}

const leikaDigits = pattern(/^[0-9]{14}$/, "LEIKA_INVALID");

export function leika(value) {
  if (!leikaDigits(value).startsWith("99") && !isLand(value.slice(0, 2))) throw new Refusal("LEIKA_INVALID", { value });
  return value;
}

export const LANDS = "SH HH NI HB NW HE RP BW BY SL BE BB MV SN ST TH".split(" ");

/** A party to a price, so that it sorts as parties do: the federal government, the Länder by number, organisations by name. */
export function party(value) {
  if (value === "bund") return [0, 0, ""];
  if (LANDS.includes(value)) return [1, LANDS.indexOf(value), ""];
  return [2, 0, name(value)];
}

export function route(value) {
  const parties = many(name)(value);
  if (parties.length < 2 || parties.length > PARTIES_MAX || !distinct(parties)) {
    throw new Refusal("ROUTE_INVALID", { value: parties.join(" ") });
  }
  return parties;
}

// ---- rules of one text, number or list ----

export function within(field, holds) {
  if (!holds) throw new Refusal("FIELD_INVALID", { field });
}

export function checkCount(field, number) {
  within(field, number >= 1 && number <= COUNT_MAX);
}

/** A text of any number of lines, which may be empty. */
export function linesText(field, value, most) {
  if (value === null) return;
  if (lengthOf(value) > most) throw new Refusal("TEXT_TOO_LONG", { field });
  checkCharacters(value);
  if (value.trim() !== value) throw new Refusal("TEXT_MISSHAPED", { field });
}

/** A text of one line, which may be empty. */
export function lineText(field, value, most) {
  if (value !== null && value.includes("\n")) throw new Refusal("TEXT_HIDES", { field });
  linesText(field, value, most);
}

/** A text of one line that is no formula of a spreadsheet, and may be empty. */
export function label(field, value, most) {
  lineText(field, value, most);
  if (value !== null && /^[=+\-@\t\r＝＋－＠]/.test(value)) throw new Refusal("TEXT_IS_FORMULA", { field });
}

/** The same, required. */
export function title(field, value, most) {
  if (value === null) return;
  within(field, value.trim() !== "");
  label(field, value, most);
}

/** A stable word such as the codes of reasons. */
export function word(field, value) {
  within(field, value === null || /^[A-Z0-9_]{1,64}$/.test(value));
}

export function neededText(field, value) {
  within(field, value.trim() !== "");
  lineText(field, value, 500);
}

export function interval(begin, end) {
  if (end !== null && end < begin) throw new Refusal("INTERVAL_INVALID", { field: "valid_to" });
}

export function distinct(values) {
  return new Set(values.map((value) => (Array.isArray(value) ? value.join("\n") : value))).size === values.length;
}

/** Eight groups of up to four digits, of which one run of zeros may be left out, and the last two may be an IPv4 address. */
function isIp6(host) {
  const octets = /^(.*:)((?:(?:0|[1-9][0-9]{0,2})\.){3}(?:0|[1-9][0-9]{0,2}))$/.exec(host);
  if (octets && octets[2].split(".").some((octet) => Number(octet) > 255)) return false;
  const halves = (octets ? `${octets[1]}0:0` : host).split("::");
  if (halves.length > 2) return false;
  const groups = halves.map((half) => (half === "" ? [] : half.split(":")));
  const count = groups.reduce((sum, half) => sum + half.length, 0);
  const fits = halves.length === 2 ? count <= 7 : count === 8;
  return fits && groups.flat().every((group) => /^[0-9a-fA-F]{1,4}$/.test(group));
}

/** `host:port`, with brackets around an IPv6 address, and nothing else. */
export function isAddress(value) {
  const cut = value.lastIndexOf(":");
  const [host, port] = [value.slice(0, Math.max(cut, 0)), value.slice(cut + 1)];
  const plain = /^[A-Za-z0-9._-]+$/.test(host) || (/^\[.*\]$/s.test(host) && isIp6(host.slice(1, -1)));
  const number = /^0*[1-9][0-9]{0,4}$/.test(port) && Number(port) < 65536;
  return value.length <= 259 && cut >= 0 && plain && number;
}

