//! Drives a headless Chromium over its pipe, without any package: a line with a command in, a line with the answer out.
//!
//!     {"open": URL}                    opens a page and waits until it is loaded
//!     {"evaluate": EXPRESSION}         the value of an expression in the page
//!     {"wait": EXPRESSION}             waits until it is true
//!     {"files": [SELECTOR, PATH]}      chooses a file in a field
//!     {"press": KEY}                   presses a key: Tab, Enter, " "
//!     {"tab": SELECTOR}                presses Tab until the focus is there, and says whether one sees it
//!     {"type": TEXT}                   types where the focus is
//!     {"script": PATH}                 runs a script of ours in the page
//!     {"javascript": false}            as a browser without
//!     {"width": PIXELS}                how wide the window is
//!     {"text": TIMES}                  how large a reader wants text
//!     {"scheme": "dark"}               what the device prefers
//!     {"offline": true}                cuts the network off
//!     {"requests": true}               every request since the start, as {url, method}
//!     {"problems": true}               what the page has complained about: errors, broken policies
//!     {"picture": PATH}                a picture of the whole page
//!
//! An answer is {"value": ...} or {"error": TEXT}. `VERBUND_CHROMIUM` names another program than `chromium`.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

// How long a page may take for anything: a machine may have much else to do.
const WAIT_MS = 60_000;
const LOOK_AGAIN_MS = 20;

// Links and fields of the longest page.
const TABS_MAX = 300;
const SEEN = "(({ outlineStyle, outlineWidth, boxShadow }) => (outlineStyle !== 'none' && parseFloat(outlineWidth) > 0) || boxShadow !== 'none')(getComputedStyle(document.activeElement))";

const KEYS = {
  Tab: { key: "Tab", code: "Tab", windowsVirtualKeyCode: 9 },
  Enter: { key: "Enter", code: "Enter", windowsVirtualKeyCode: 13, text: "\r" },
  " ": { key: " ", code: "Space", windowsVirtualKeyCode: 32, text: " " },
};

const profile = mkdtempSync(join(tmpdir(), "verbund-browser-"));
const OPTIONS = `--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run --disable-extensions
  --disable-background-networking --disable-component-update --disable-sync --hide-scrollbars --remote-debugging-pipe`;
const browser = spawn(
  process.env.VERBUND_CHROMIUM ?? "chromium",
  [...OPTIONS.split(/\s+/), `--user-data-dir=${profile}`, "about:blank"],
  { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] },
);
const [, , , to, from] = browser.stdio;

let last = 0;
let session;
const waiting = new Map();
const [requests, problems] = [[], []];
let loaded = () => {};

function send(method, params = {}) {
  const id = ++last;
  to.write(`${JSON.stringify({ id, method, params, sessionId: session })}\0`);
  return new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
}

const EVENTS = {
  "Network.requestWillBeSent": ({ request }) => requests.push({ url: request.url, method: request.method }),
  "Page.loadEventFired": () => loaded(),
  "Runtime.exceptionThrown": ({ exceptionDetails: { text, exception } }) => problems.push(exception?.description ?? text),
  "Log.entryAdded": ({ entry }) => entry.level === "error" && problems.push(`${entry.text} ${entry.url ?? ""}`),
};

function take(message) {
  const { id, method, params, result, error } = JSON.parse(message);
  if (id === undefined) return EVENTS[method]?.(params);
  const { resolve, reject } = waiting.get(id);
  waiting.delete(id);
  return error ? reject(new Error(error.message)) : resolve(result);
}

let rest = "";
from.setEncoding("utf8");
from.on("data", (data) => {
  const messages = (rest + data).split("\0");
  rest = messages.pop();
  messages.forEach(take);
});

async function evaluate(expression) {
  const { result, exceptionDetails } = await send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
  if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
  return result.value ?? null;
}

const COMMANDS = {
  async open(url) {
    const done = new Promise((resolve) => (loaded = resolve));
    const { errorText } = await send("Page.navigate", { url });
    if (errorText) throw new Error(errorText);
    await done;
  },
  evaluate,
  async wait(expression) {
    for (const until = Date.now() + WAIT_MS; Date.now() < until; ) {
      // Another page may be coming just now.
      const value = await evaluate(expression).catch(() => null);
      if (value) return value;
      await new Promise((again) => setTimeout(again, LOOK_AGAIN_MS));
    }
    throw new Error(`not so within ${WAIT_MS} ms: ${expression}: ${await evaluate("document.body.innerText")}`);
  },
  async files([selector, path]) {
    const { root } = await send("DOM.getDocument");
    const { nodeId } = await send("DOM.querySelector", { nodeId: root.nodeId, selector });
    await send("DOM.setFileInputFiles", { nodeId, files: [path] });
  },
  async press(name) {
    await send("Input.dispatchKeyEvent", { type: "keyDown", ...KEYS[name] });
    await send("Input.dispatchKeyEvent", { type: "keyUp", ...KEYS[name] });
  },
  async tab(selector) {
    const there = `document.activeElement?.matches(${JSON.stringify(selector)})`;
    for (let presses = 0; presses < TABS_MAX; presses++) {
      await COMMANDS.press("Tab");
      if (await evaluate(there)) return evaluate(SEEN);
    }
    throw new Error(`Tab does not lead to ${selector}: ${await evaluate("document.activeElement?.outerHTML")}`);
  },
  type: (text) => send("Input.insertText", { text }),
  script: (path) => evaluate(`${readFileSync(path, "utf8")};0`),
  javascript: (value) => send("Emulation.setScriptExecutionDisabled", { value: !value }),
  async width(width) {
    await send("Emulation.setDeviceMetricsOverride", { width, height: 800, deviceScaleFactor: 1, mobile: false });
  },
  text: (times) => send("Page.setFontSizes", { fontSizes: { standard: 16 * times, fixed: 13 * times } }),
  async scheme(value) {
    await send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value }] });
  },
  async offline(offline) {
    const none = { latency: 0, downloadThroughput: -1, uploadThroughput: -1 };
    await send("Network.emulateNetworkConditions", { offline, ...none });
  },
  requests: async () => requests,
  problems: async () => problems,
  async picture(path) {
    const small = path.endsWith(".webp") ? { format: "webp", quality: 60 } : {};
    const { data } = await send("Page.captureScreenshot", { captureBeyondViewport: true, ...small });
    writeFileSync(path, Buffer.from(data, "base64"));
  },
};

async function begin() {
  const { targetInfos } = await send("Target.getTargets");
  const { targetId } = targetInfos.find(({ type }) => type === "page");
  ({ sessionId: session } = await send("Target.attachToTarget", { targetId, flatten: true }));
  for (const domain of ["Page", "Runtime", "Network", "DOM", "Log"]) await send(`${domain}.enable`);
}

async function answer(line) {
  const [[name, value]] = Object.entries(JSON.parse(line));
  try {
    return { value: (await COMMANDS[name](value)) ?? null };
  } catch (error) {
    return { error: String(error.message) };
  }
}

const gone = new Promise((resolve) => browser.on("exit", resolve));
await begin();
for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await answer(line))}\n`);
}
session = undefined;
send("Browser.close").catch(() => {});
await gone;
rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
