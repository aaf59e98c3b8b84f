//! Where everything stands, and when witnesses had seen it. What signers say of times is not asked here.
import { compared, hex } from "./bytes.js";
import { dayOf } from "./fields.js";
import { requireConsistency } from "./logs.js";
import { Refusal, VALID, refusalOf } from "./refusal.js";

export class Chronicle {
  constructor(entries, reading, logs, book) {
    this.places = new Map();
    this.times = new Map();
    this.roots = new Map();
    const newest = new Map();
    for (const { place, signed } of entries) if (place && !this.places.has(signed.id)) this.places.set(signed.id, place);
    for (const { proof } of reading.ends) {
      let head = null;
      // What is wrong with it is booked where proofs are checked.
      if (refusalOf(() => (head = logs.open(proof.note)))) continue;
      this.saw(head, logs.seenAt(proof.note));
      newest.set(head.origin, head);
    }
    for (const [member, cover] of reading.covers) this.readCover(member, cover, newest, logs, book);
  }

  readCover(member, cover, newest, logs, book) {
    const earlier = book.judge("CHECKPOINT", member, () => logs.open(cover.note));
    if (earlier === null || !newest.has(earlier.origin)) return;
    const isContinued = book.judge("CHECKPOINT", member, () => {
      requireConsistency(earlier, newest.get(earlier.origin), cover.hashes);
      return true;
    });
    book.judge("WITNESSES", member, () => logs.requireQuorum(cover.note));
    if (isContinued) this.saw(earlier, logs.seenAt(cover.note));
  }

  saw({ origin, size, root }, at) {
    if (at === null) return;
    this.roots.set(`${origin} ${size}`, hex(root));
    const times = [...(this.times.get(origin) ?? []), { size, at }];
    this.times.set(origin, times.sort((one, other) => compared([one.size, one.at], [other.size, other.at])));
  }

  /** The time of the first checkpoint that covers a statement and has its quorum, or null. */
  seen(id) {
    const place = this.places.get(id);
    return (place && this.times.get(place.log)?.find((time) => time.size > place.index)?.at) ?? null;
  }

  /** Whether one stood before another: in one log by place, else by time; null where nothing tells. */
  isBefore(one, other) {
    const [here, there] = [this.places.get(one), this.places.get(other)];
    if (here && there && here.log === there.log) return here.index < there.index;
    const [then, later] = [this.seen(one), this.seen(other)];
    return then === null || later === null ? null : then < later;
  }
}

/** A remark where an officer's grant did not hold on the day on which witnesses saw what the officer signed. */
export function markGrants(entries, logs, chronicle, book) {
  for (const entry of entries) {
    if (!["order", "facts"].includes(entry.section) || !entry.place || entry.signed.signatures.size !== 1) continue;
    const [hashed] = entry.signed.signatures.keys();
    const grant = logs.logs.get(entry.place.log)?.keys.get(hashed)?.grant;
    const seen = chronicle.seen(entry.signed.id);
    if (grant && seen !== null && (dayOf(seen) < grant.valid_from || dayOf(seen) > grant.valid_to)) {
      book.note("OFFICERS", entry.name, VALID, new Refusal("GRANT_EXPIRED", { officer: grant.officer }));
    }
  }
}
