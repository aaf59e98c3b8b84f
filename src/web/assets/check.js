// Takes a bundle on the page *Prüfen*, has it verified right here, and shows the report. Words come from the page and from the
// verifier; whatever comes from the bundle is set as text.
"use strict";
(() => {
  const form = document.getElementById("pruefung");
  if (!form) return;
  const [drop, chosen, root] = ["ablage", "paket", "wurzel"].map((id) => document.getElementById(id));
  const [status, report] = ["stand", "bericht"].map((id) => document.getElementById(id));
  const words = form.dataset;
  const lang = document.documentElement.lang;
  const { audit, rootHash, told, verdictText, printable, BUNDLE_BYTES_MAX } = verbundVerify;
  const mebibytes = String(BUNDLE_BYTES_MAX / 1024 / 1024);
  const badges = { VALID: "success", NOT_CHECKABLE: "warning", INVALID: "danger" };
  let file = null;
  // What was asked last is what is shown, whichever answer comes last.
  let turn = 0;

  /** An element with text or elements in it. */
  function made(name, look, ...content) {
    const element = document.createElement(name);
    if (look) element.className = look;
    element.append(...content);
    return element;
  }

  const body = (...content) => made("p", "kern-body", ...content);
  const heading = (text) => made("h2", "kern-heading-medium", text);
  const code = (text) => {
    const element = made("span", "hash", text);
    element.translate = false;
    return element;
  };

  function badge(verdict) {
    return made("span", `kern-badge kern-badge--${badges[verdict]}`, made("span", "kern-label", verdictText(verdict, lang)));
  }

  /** The verdict and the sentence that matters; no colour stands alone. */
  function alertOf(verdict, headline) {
    const title = made("h2", "kern-title", headline);
    return made("div", `kern-alert kern-alert--${badges[verdict]}`, made("div", "kern-alert__header", title));
  }

  function findingsOf(title, findings) {
    if (findings.length === 0) return [];
    const list = made("ul", "cards");
    for (const { verdict, about, sentence, remedy, place } of findings) {
      const lines = [made("p", "kern-body kern-body--bold", about), body(sentence), body(remedy)];
      list.append(made("li", "card", badge(verdict), ...lines, made("p", "kern-body kern-body--small muted", code(place))));
    }
    return [heading(title), list];
  }

  function checksOf(rows) {
    const head = made("tr", "kern-table__row");
    for (const text of [words.check, words.verdict, words.passed]) {
      const cell = made("th", "kern-table__header", text);
      cell.scope = "col";
      head.append(cell);
    }
    const lines = rows.map(({ title, verdict, passed }) => {
      const first = made("th", "kern-table__header", title);
      first.scope = "row";
      const count = made("td", "kern-table__cell kern-table__cell--numeric", String(passed));
      return made("tr", "kern-table__row", first, made("td", "kern-table__cell", badge(verdict)), count);
    });
    const caption = made("caption", "kern-sr-only", words.checks);
    caption.id = "pruefungen";
    const rest = [made("thead", "", head), made("tbody", "kern-table__body", ...lines)];
    const table = made("table", "kern-table kern-table--small", caption, ...rest);
    // Can be moved sideways on a narrow screen, also by keyboard.
    const region = made("div", "scroll", table);
    region.setAttribute("role", "region");
    region.setAttribute("aria-labelledby", caption.id);
    region.tabIndex = 0;
    return [heading(words.checks), region];
  }

  function listOf(title, items) {
    if (items.length === 0) return [];
    return [heading(title), made("ul", "kern-list kern-list--bullet", ...items.map((item) => made("li", "", item)))];
  }

  function factsOf(pairs) {
    return made("dl", "facts", ...pairs.flatMap(([term, value]) => [made("dt", "", term), made("dd", "hash", value)]));
  }

  function saver(judged) {
    const button = made("button", "kern-btn kern-btn--secondary", made("span", "kern-label", words.report));
    button.type = "button";
    button.addEventListener("click", () => {
      const link = made("a", "");
      link.href = URL.createObjectURL(new Blob([JSON.stringify(judged, null, 2)], { type: "application/json" }));
      link.download = "bericht.json";
      link.click();
      URL.revokeObjectURL(link.href);
    });
    return made("p", "", button);
  }

  function show(judged, name, expected) {
    const said = told(judged, lang);
    // Rulings by their stable words beside what is told of them.
    const rows = said.checks.map((row, at) => ({ ...row, verdict: judged.checks[at].verdict }));
    const findings = rows.flatMap((row, at) =>
      row.findings.map((each, nth) => ({ ...each, verdict: judged.checks[at].findings[nth].verdict })),
    );
    const own = words.own && rootHash(words.own) === expected ? [body(words.ownRoot)] : [];
    const notes = said.notes.flatMap(({ about, text }) => {
      const quoted = made("blockquote", "text", printable(text));
      quoted.lang = "de";
      return [made("p", "kern-body kern-body--bold", about), quoted];
    });
    report.dataset.verdict = judged.verdict;
    report.replaceChildren(
      alertOf(judged.verdict, said.headline),
      factsOf([[words.file, printable(name)], [words.against, `sha256:${expected}`]]),
      ...own,
      ...findingsOf(words.findings, findings.filter(({ verdict }) => verdict !== "VALID")),
      ...findingsOf(words.remarks, findings.filter(({ verdict }) => verdict === "VALID")),
      ...checksOf(rows),
      ...(notes.length ? [heading(words.notes), ...notes] : []),
      ...listOf(words.notChecked, said.notChecked),
      saver(judged),
    );
    report.hidden = false;
    status.replaceChildren(made("p", "kern-sr-only", said.headline));
    report.focus();
  }

  /** Says why not; what was typed and chosen stays. */
  function stop(text, field) {
    status.replaceChildren(made("p", "kern-body kern-body--bold problem", text));
    field.setAttribute("aria-invalid", "true");
    field.focus();
  }

  async function verify() {
    const mine = ++turn;
    report.hidden = true;
    delete report.dataset.verdict;
    for (const field of [chosen, root]) field.removeAttribute("aria-invalid");
    if (file === null) return stop(words.noBundle, chosen);
    if (file.size > BUNDLE_BYTES_MAX) return stop(words.tooLarge.replace("{n}", mebibytes), chosen);
    const expected = rootHash(root.value);
    if (expected === null) return stop(words.noRoot, root);
    status.replaceChildren(body(words.working));
    const { name } = file;
    let bytes;
    try {
      bytes = new Uint8Array(await file.arrayBuffer());
    } catch {
      if (mine === turn) stop(words.unread, chosen);
      return;
    }
    // Lets the browser show that work has begun.
    await new Promise((done) => setTimeout(done));
    const judged = await audit(bytes, expected);
    if (mine === turn) show(judged, name, expected);
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    verify();
  });
  chosen.addEventListener("change", () => {
    file = chosen.files[0] ?? null;
    if (file) verify();
  });
  // A file that misses the field must not replace the page.
  for (const kind of ["dragover", "drop"]) document.addEventListener(kind, (event) => event.preventDefault());
  drop.addEventListener("dragover", () => drop.classList.add("drop--over"));
  for (const kind of ["dragleave", "drop"]) drop.addEventListener(kind, () => drop.classList.remove("drop--over"));
  drop.addEventListener("drop", (event) => {
    const [dropped] = event.dataTransfer.files;
    if (!dropped) return;
    file = dropped;
    chosen.files = event.dataTransfer.files;
    verify();
  });
  // Told to whoever waits for it, and to tests: the page is ready.
  form.dataset.ready = "yes";
})();
