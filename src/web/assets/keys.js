// An officer's keys in this browser: made or imported here, kept by the browser, and never given away, not even to this page.
"use strict";
const verbundKeys = (() => {
  const STORE = "keys";
  const ED25519 = { name: "Ed25519" };
  // What stands in a PKCS #8 file before the 32 secret bytes of an Ed25519 key (RFC 8410).
  const PKCS8_HEAD = [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
  const SEED_MARK = [0x04, 0x22, 0x04, 0x20];
  const SEED_BYTES = 32;
  const text = new TextEncoder();

  const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const base64 = (bytes) => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  const unbase64 = (letters) => Uint8Array.from(atob(letters), (letter) => letter.charCodeAt(0));
  const sha256 = async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));

  const settled = (request) =>
    new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });

  let opened;
  function database() {
    opened ??= (() => {
      const request = indexedDB.open("verbund", 1);
      request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "id" });
      return settled(request);
    })();
    return opened;
  }

  async function within(mode, act) {
    const transaction = (await database()).transaction(STORE, mode);
    const done = new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onabort = transaction.onerror = () => reject(transaction.error);
    });
    const result = await settled(act(transaction.objectStore(STORE)));
    await done;
    return result;
  }

  const keep = (record) => within("readwrite", (store) => store.put(record));
  const remove = (id) => within("readwrite", (store) => store.delete(id));
  const get = (id) => within("readonly", (store) => store.get(id));

  /** All keys, newest last. */
  async function all() {
    const records = await within("readonly", (store) => store.getAll());
    return records.filter(({ org }) => org).sort((a, b) => (a.made < b.made ? -1 : 1));
  }

  /** Whether this browser makes, keeps and uses such keys; some keep none, or forget them. */
  async function works() {
    try {
      const { privateKey, publicKey } = await crypto.subtle.generateKey(ED25519, false, ["sign", "verify"]);
      await keep({ id: "probe", key: privateKey });
      const { key } = await get("probe");
      await remove("probe");
      const said = text.encode("probe");
      return await crypto.subtle.verify(ED25519, publicKey, await crypto.subtle.sign(ED25519, key, said), said);
    } catch {
      return false;
    }
  }

  async function kept(who, key, raw) {
    const record = { ...who, id: hex(await sha256(raw)), raw: hex(raw), key, made: new Date().toISOString() };
    await keep(record);
    return record;
  }

  /** A new key for an office on this device. */
  async function make(who) {
    const { privateKey, publicKey } = await crypto.subtle.generateKey(ED25519, false, ["sign", "verify"]);
    return kept(who, privateKey, new Uint8Array(await crypto.subtle.exportKey("raw", publicKey)));
  }

  /** The key of a PKCS #8 file without a passphrase. Refused by throwing. */
  async function take(who, pem) {
    const [, letters] = /-----BEGIN PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END PRIVATE KEY-----/.exec(pem);
    const der = unbase64(letters.replace(/\s/g, ""));
    const at = der.findIndex((_, start) => SEED_MARK.every((byte, offset) => der[start + offset] === byte));
    const seed = der.slice(at + SEED_MARK.length, at + SEED_MARK.length + SEED_BYTES);
    if (at < 0 || seed.length !== SEED_BYTES) throw new Error("no Ed25519 key");
    const plain = new Uint8Array([...PKCS8_HEAD, ...seed]);
    // Readable for as long as it takes to learn its public half.
    const readable = await crypto.subtle.importKey("pkcs8", plain, ED25519, true, ["sign"]);
    const { x } = await crypto.subtle.exportKey("jwk", readable);
    const key = await crypto.subtle.importKey("pkcs8", plain, ED25519, false, ["sign"]);
    for (const bytes of [der, seed, plain]) bytes.fill(0);
    return kept(who, key, unbase64(x.replace(/-/g, "+").replace(/_/g, "/")));
  }

  /** The public half as a file, as `verbund officer grant` reads it. */
  function publicPem({ raw }) {
    const der = new Uint8Array([0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00, ...raw.match(/../g).map((two) => parseInt(two, 16))]);
    return `-----BEGIN PUBLIC KEY-----\n${base64(der)}\n-----END PUBLIC KEY-----\n`;
  }

  const payloadType = (kind) => `application/vnd.verbund.${kind}.v1+json`;

  /** The bytes that are signed: DSSE v1. */
  function pae(type, payload) {
    const head = text.encode(`DSSEv1 ${text.encode(type).length} ${type} ${payload.length} `);
    return new Uint8Array([...head, ...payload]);
  }

  /** Signs exactly these bytes of a payload; gives the entry of an envelope. */
  async function signature({ id, key }, type, payload) {
    const made = new Uint8Array(await crypto.subtle.sign(ED25519, key, pae(type, payload)));
    return { keyid: id, sig: base64(made) };
  }

  /** Writes a statement, signs it, and gives the envelope as text. */
  async function sign(record, kind, body) {
    const payload = text.encode(JSON.stringify(body));
    return enveloped(record, payloadType(kind), payload);
  }

  async function enveloped(record, type, payload, annex = null) {
    const by = await signature(record, type, payload);
    const beside = annex === null ? {} : { annex: base64(annex) };
    return JSON.stringify({ payloadType: type, payload: base64(payload), signatures: [by], ...beside });
  }

  /** Asks the browser to keep what is kept; says whether it has agreed. */
  const persist = async () => (await navigator.storage?.persist?.()) ?? false;

  return { all, works, make, take, remove, publicPem, payloadType, signature, sign, enveloped, persist, unbase64, sha256, hex };
})();
