// Signs in: writes a proof of identity over the node's challenge, signs it here, and hands it in.
"use strict";
(() => {
  const place = document.getElementById("anmeldung");
  if (!place) return;
  const status = document.getElementById("stand");
  const words = place.dataset;

  function made(name, look, ...content) {
    const element = document.createElement(name);
    element.className = look;
    element.append(...content);
    return element;
  }

  const tell = (text, look = "") => status.replaceChildren(made("p", `kern-body ${look}`, text));

  async function enter(record) {
    tell(words.working);
    try {
      const asked = await (await fetch(words.challenge)).json();
      const body = { org: record.org, officer: record.officer, node: asked.node, signed_at: asked.signed_at, salt: asked.salt };
      const proof = await verbundKeys.sign(record, "access", body);
      const answer = await fetch(words.post, { method: "POST", body: proof, headers: { "content-type": "application/json" } });
      if (answer.ok) return location.assign(words.next);
      const { what, now, code } = await answer.json();
      tell(`${what} ${now} (${words.code}: ${code})`, "problem");
    } catch (error) {
      tell(`${words.failed} (${error.message})`, "problem");
    }
  }

  async function begin() {
    if (!(await verbundKeys.works())) {
      document.getElementById("ersatz").hidden = false;
      return;
    }
    const records = await verbundKeys.all();
    if (records.length === 0) place.append(made("p", "kern-body", words.none));
    for (const record of records) {
      const label = words.as.replace("{officer}", record.officer).replace("{org}", record.org).replace("{device}", record.device);
      const button = made("button", "kern-btn kern-btn--primary", made("span", "kern-label", label));
      button.type = "button";
      button.addEventListener("click", () => enter(record));
      place.append(made("p", "", button));
    }
  }

  begin().finally(() => (place.dataset.ready = "yes"));
})();
