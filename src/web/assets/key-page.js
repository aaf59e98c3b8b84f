// The page *Schlüssel*: makes, imports, lists and removes keys, and signs what the organisation grants them.
"use strict";
(() => {
  const place = document.getElementById("schluessel");
  if (!place) return;
  const [status, form, list, grant, content] = ["stand", "neu", "liste", "vollmacht", "vollmacht-inhalt"].map((id) => document.getElementById(id));
  const [org, officer, device, file] = ["org", "amt", "geraet", "datei"].map((id) => document.getElementById(id));
  const words = place.dataset;
  const lang = document.documentElement.lang;
  // As names are written everywhere in the federation.
  const NAME = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;

  function made(name, look, ...inner) {
    const element = document.createElement(name);
    if (look) element.className = look;
    element.append(...inner);
    return element;
  }

  const tell = (text, look = "") => status.replaceChildren(made("p", `kern-body ${look}`, text));

  function button(text, act) {
    const element = made("button", "kern-btn kern-btn--secondary", made("span", "kern-label", text));
    element.type = "button";
    element.addEventListener("click", act);
    return element;
  }

  function save(name, type, text) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type }));
    link.download = name;
    link.click();
    URL.revokeObjectURL(link.href);
  }

  function facts(pairs) {
    return made("dl", "facts", ...pairs.flatMap(([term, value]) => [made("dt", "", term), made("dd", "", value)]));
  }

  function command(text) {
    const block = made("pre", "", made("code", "", text));
    block.tabIndex = 0;
    block.translate = false;
    return block;
  }

  function shown(record) {
    const name = `${record.org}-${record.officer}-${record.device}`;
    const grant = `verbund officer grant --of ${record.org} --for ${record.officer} --device ${record.device} --roles buyer --limit-euro 10000 --officer-public ${name}.pem`;
    const remove = button(words.remove, async () => {
      if (!confirm(words.removeSure)) return;
      await verbundKeys.remove(record.id);
      tell(words.removed);
      await refresh();
    });
    return made(
      "li",
      "card",
      facts([[words.org, record.org], [words.officer, record.officer], [words.device, record.device], [words.fingerprint, made("span", "hash", record.id)]]),
      made("p", "kern-body", words.command),
      command(grant),
      made("p", "actions", button(words.save, () => save(`${name}.pem`, "application/x-pem-file", verbundKeys.publicPem(record))), remove),
    );
  }

  async function refresh() {
    const records = await verbundKeys.all();
    const cards = made("ul", "cards", ...records.map(shown));
    list.replaceChildren(records.length ? cards : made("p", "kern-body", words.none));
    document.dispatchEvent(new Event("verbund-keys"));
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    for (const field of [org, officer, device]) {
      const isGood = NAME.test(field.value.trim());
      field.setAttribute("aria-invalid", String(!isGood));
      if (isGood) continue;
      tell(words.invalid, "problem");
      return field.focus();
    }
    const who = { org: org.value.trim(), officer: officer.value.trim(), device: device.value.trim() };
    try {
      const [pem] = file.files;
      await (pem ? verbundKeys.take(who, await pem.text()) : verbundKeys.make(who));
    } catch {
      tell(words.unread, "problem");
      return file.focus();
    }
    file.value = "";
    tell((await verbundKeys.persist()) ? words.made : `${words.made} ${words.evictable}`);
    await refresh();
  });

  const euros = (cents) => (cents / 100).toLocaleString(lang, { style: "currency", currency: "EUR" });

  /** What the organisation would grant, as the very bytes say it. */
  async function read(text) {
    const proposal = JSON.parse(text);
    const payload = verbundKeys.unbase64(proposal.payload);
    if (proposal.payloadType !== verbundKeys.payloadType("officer-grant")) throw new Error("another kind");
    const body = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload));
    const record = (await verbundKeys.all()).find(({ raw }) => raw === body.key);
    return { proposal, payload, body, record };
  }

  async function sign({ proposal, payload, record }, name) {
    const by = await verbundKeys.signature(record, proposal.payloadType, payload);
    const others = proposal.signatures.filter(({ keyid }) => keyid !== by.keyid);
    const signatures = [...others, by].sort((a, b) => (a.keyid < b.keyid ? -1 : 1));
    save(name, "application/json", `${JSON.stringify({ ...proposal, signatures }, null, 2)}\n`);
    tell(words.grantSigned);
  }

  grant.addEventListener("change", async () => {
    const [chosen] = grant.files;
    content.replaceChildren();
    if (!chosen) return;
    const found = await chosen.text().then(read).catch(() => null);
    if (found === null) return tell(words.noGrant, "problem");
    if (!found.record) return tell(words.notMine, "problem");
    const { body } = found;
    const year = body.limit_per_year === undefined ? [] : [[words.limitYear, euros(body.limit_per_year)]];
    content.append(
      made("p", "kern-body kern-body--bold", words.grantSays),
      facts([
        [words.org, body.org], [words.officer, body.officer], [words.device, body.device], [words.roles, body.roles.join(", ")],
        [words.limit, euros(body.limit)], ...year, [words.valid, `${body.valid_from} – ${body.valid_to}`],
      ]),
      made("p", "", button(words.grantSign, () => sign(found, chosen.name))),
    );
  });

  async function begin() {
    if (await verbundKeys.works()) return refresh();
    document.getElementById("ersatz").hidden = false;
    place.hidden = true;
  }

  begin().finally(() => (place.dataset.ready = "yes"));
})();
