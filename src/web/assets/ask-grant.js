// Asks the organisation for a grant: writes the very statement, signs it with the new key, hands it in, and tells when it counts.
"use strict";
(() => {
  const form = document.getElementById("antrag");
  if (!form) return;
  const [status, section, choice, limit] = ["stand", "antrag-bereich", "antrag-schluessel", "antrag-grenze"].map((id) => document.getElementById(id));
  const roles = [...form.querySelectorAll("input[type=checkbox]")];
  const button = form.querySelector("button");
  const words = form.dataset;
  const LOOK_AGAIN_MS = 1_000;
  // Somebody has to sign; who waits longer comes back later.
  const LOOKS_MAX = 120;
  let records = [];

  function made(name, look, ...inner) {
    const element = document.createElement(name);
    if (look) element.className = look;
    element.append(...inner);
    return element;
  }

  const tell = (look, ...content) => status.replaceChildren(made("p", `kern-body ${look}`, ...content));

  async function refresh() {
    records = (await verbundKeys.all()).reverse();
    section.hidden = records.length === 0;
    choice.replaceChildren(
      ...records.map(({ id, org, officer, device }) => {
        const option = made("option", "", `${officer} · ${org} (${device})`);
        option.value = id;
        return option;
      }),
    );
  }

  async function isGranted({ id }) {
    const asked = new URL(words.post, location.href);
    asked.searchParams.set("schluessel", id);
    const answer = await fetch(asked);
    return answer.ok && (await answer.json()).granted;
  }

  function tellGranted() {
    const link = made("a", "kern-link", words.signIn);
    link.href = words.signInHref;
    tell("kern-body--bold", `${words.granted} `, link);
  }

  async function follow(record) {
    for (let looks = 0; looks < LOOKS_MAX; looks++) {
      if (await isGranted(record).catch(() => false)) return tellGranted();
      await new Promise((again) => setTimeout(again, LOOK_AGAIN_MS));
    }
  }

  /** The grant as it is asked for; none if a field is filled in wrongly, which is told. */
  function wanted({ org, officer, device, raw }) {
    const chosen = roles.filter(({ checked }) => checked).map(({ value }) => value);
    const euros = limit.value.trim().replace(/\./g, "");
    const isAmount = /^\d{1,9}$/.test(euros);
    limit.setAttribute("aria-invalid", String(!isAmount));
    if (chosen.length === 0 || !isAmount) {
      tell("problem", isAmount ? words.noRole : words.noLimit);
      (isAmount ? roles[0] : limit).focus();
      return null;
    }
    return { org, officer, device, key: raw, roles: chosen, limit: Number(euros) * 100, valid_from: words.from, valid_to: words.to };
  }

  async function ask(record, body) {
    const envelope = await verbundKeys.sign(record, "officer-grant", body);
    const answer = await fetch(words.post, { method: "POST", body: envelope, headers: { "content-type": "application/json" } });
    const said = await answer.json();
    if (answer.ok) {
      tell("", words.waiting);
      return true;
    }
    tell("problem", `${said.what} ${said.now} (${words.code}: ${said.code}${said.why ? `; ${said.why}` : ""})`);
    return false;
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const record = records.find(({ id }) => id === choice.value);
    const body = record && wanted(record);
    if (!body) return;
    button.disabled = true;
    const isAsked = await ask(record, body).catch((error) => tell("problem", `${words.failed} (${error.message})`));
    button.disabled = false;
    if (isAsked) await follow(record);
  });

  document.addEventListener("verbund-keys", refresh);
})();
