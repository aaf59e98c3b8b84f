// Shows what a statement says, read from the very bytes that will be signed, and signs exactly these.
"use strict";
(() => {
  const place = document.getElementById("erklaerung");
  if (!place) return;
  const status = document.getElementById("stand");
  const words = place.dataset;
  const lang = document.documentElement.lang;
  const [labels, sentences, whys] = [words.labels, words.sentences, words.whys].map((text) => JSON.parse(text));
  const CENTS = new Set(["total", "total_max", "cap"]);
  // Where what somebody has named is told in words of the page.
  const WORDS = { verdict: ["fulfilled", "not-proven", "not-fulfilled", "contested"], mode: ["binding", "interest"], item: ["contact", "routing", "interface", "test", "acceptance"], what: ["change", "prolong"] };
  const VALUES = { fulfilled: words.fulfilled, "not-proven": words.notProven, "not-fulfilled": words.notFulfilled, contested: words.contested, binding: words.binding, interest: words.interest, ...JSON.parse(words.values) };

  function made(name, look, ...content) {
    const element = document.createElement(name);
    if (look) element.className = look;
    element.append(...content);
    return element;
  }

  const tell = (text, look = "") => status.replaceChildren(made("p", `kern-body ${look}`, text));
  const euros = (cents) => (cents / 100).toLocaleString(lang, { style: "currency", currency: "EUR" });
  const day = (text) => (lang === "de" ? text.replace(/^(\d{4})-(\d\d)-(\d\d)/, "$3.$2.$1") : text);

  function valueOf(name, value) {
    if (typeof value === "boolean") return value ? words.yes : words.no;
    if (CENTS.has(name)) return euros(value);
    if (WORDS[name]?.includes(value)) return VALUES[value];
    if (name === "event" && Object.hasOwn(VALUES, `event-${value}`)) return VALUES[`event-${value}`];
    if (name === "why" && Object.hasOwn(whys, value)) return whys[value];
    if (typeof value === "string") return /^\d{4}-\d\d-\d\d/.test(value) ? day(value) : value;
    return String(value);
  }

  /** Every field of the body, none left out. */
  function factsOf(body, within = "") {
    const list = made("dl", "facts");
    for (const [name, value] of Object.entries(body)) {
      // Of a leg a party awards something; of a whole statement it says something.
      list.append(made("dt", "", labels[`${within}-${name}`] ?? labels[name] ?? name));
      const items = Array.isArray(value) ? value : [value];
      for (const item of items) {
        const isNested = typeof item === "object" && item !== null;
        list.append(made("dd", "", isNested ? factsOf(item, name) : valueOf(name, item)));
      }
      if (items.length === 0) list.append(made("dd", "", "–"));
    }
    return list;
  }

  /** Which sentence tells a body: of a decision the answer, of a milestone what has happened. */
  function toldAs(kind, body) {
    if (kind === "decision") return body.approve ? kind : "decision-no";
    const shade = { request: body.amends?.what ?? body.mode, void: body.reason }[kind];
    if (Object.hasOwn(sentences, `${kind}-${shade}`)) return `${kind}-${shade}`;
    if (kind === "settlement") return body.agrees ? "settlement-agree" : kind;
    if (kind !== "milestone") return kind;
    return `${kind}-${typeof body.event === "string" ? body.event : Object.keys(body.event)[0]}`;
  }

  function sentenceOf(kind, body) {
    const parties = body.route ?? [];
    const event = Object.values(Object(body.event))[0] ?? {};
    const blanks = {
      buyer: body.buyer, org: body.org, from: body.from, order: body.order, years: body.term_years, provider: parties[parties.length - 1],
      route: parties.join(" → "), total: body.total === undefined ? "" : euros(body.total),
      cap: euros(body.total_max ?? body.cap ?? 0), to: body.to,
      step: valueOf("item", event.item ?? ""), day: day(event.since ?? event.ends_on ?? body.until ?? ""),
      services: (body.leika ?? []).join(", "), note: body.note ?? body.reason, municipality: body.municipality, need: body.need, terms: body.terms, amended: body.amends?.order, ground: body.ground, authority: body.authority,
    };
    const text = sentences[toldAs(kind, body)] ?? "";
    return text.replace(/\{(\w+)\}/g, (_, name) => String(blanks[name] ?? ""));
  }

  /** The words beside the statement, which stand in none of its fields; null if they are not those that it names. */
  async function wordsOf(body, annex) {
    if (annex === null && body.annex === undefined) return {};
    if (annex === null || verbundKeys.hex(await verbundKeys.sha256(annex)) !== body.annex) return null;
    const { salt, ...said } = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(annex));
    return said;
  }

  /** The session is over; what is to be signed stays here until there is another one. */
  function tellEnd() {
    tell(words.expired, "problem");
    const link = made("a", "kern-link", words.signInAgain);
    Object.assign(link, { href: words.signIn, target: "_blank", rel: "noopener" });
    status.append(made("p", "kern-body", link));
  }

  async function sign(record, payload, annex, button) {
    // A second click does nothing; what is handed in twice would be the same anyway.
    button.disabled = true;
    tell(words.working);
    try {
      const envelope = await verbundKeys.enveloped(record, words.type, payload, annex);
      const answer = await fetch(words.post, { method: "POST", body: envelope, headers: { "content-type": "application/json" } });
      const said = await answer.json();
      if (answer.ok) return location.assign(said.href);
      if (answer.status === 401) tellEnd();
      else tell(`${said.what} ${said.now} (${words.code}: ${said.code}${said.why ? `; ${said.why}` : ""})`, "problem");
    } catch (error) {
      tell(`${words.failed} (${error.message})`, "problem");
    }
    button.disabled = false;
  }

  async function begin() {
    const kind = /^application\/vnd\.verbund\.([a-z-]+)\.v1\+json$/.exec(words.type)?.[1];
    const payload = verbundKeys.unbase64(words.payload);
    const body = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload));
    const annex = words.annex ? verbundKeys.unbase64(words.annex) : null;
    const said = await wordsOf(body, annex);
    if (said === null) return tell(words.unreadable, "problem");
    place.append(made("p", "kern-body kern-body--bold", sentenceOf(kind, body)), factsOf(body));
    if (annex) place.append(made("h2", "kern-heading-medium", words.words), factsOf(said));
    const whole = made("pre", "", made("code", "", new TextDecoder().decode(payload)));
    whole.tabIndex = 0;
    place.append(made("details", "", made("summary", "", words.bytes), whole));
    if (!(await verbundKeys.works())) {
      document.getElementById("ersatz").hidden = false;
      return;
    }
    const of = body.org ?? body.from ?? body.buyer ?? body.municipality;
    // What an organisation says to everyone names no officer: then it is whoever has signed in.
    const by = body.officer ?? words.officer;
    const record = (await verbundKeys.all()).findLast(({ org, officer }) => org === of && officer === by);
    if (!record) return tell(words.noKey.replace("{officer}", by).replace("{org}", of), "problem");
    const button = made("button", "kern-btn kern-btn--primary", made("span", "kern-label", words.sign));
    button.type = "button";
    button.addEventListener("click", () => sign(record, payload, annex, button));
    place.append(made("p", "actions", button));
  }

  begin()
    .catch(() => tell(words.unreadable, "problem"))
    .finally(() => (place.dataset.ready = "yes"));
})();
