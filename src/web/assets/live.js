// Live progress of the order that is open: the node says when something has happened, and the page asks anew. Where no stream can be
// had, the page asks every few seconds.
"use strict";
(() => {
  const POLL_MS = 4_000;
  const order = () => document.getElementById("bestellung");
  const look = () => order()?.dispatchEvent(new Event("neu"));
  let source = null;

  // A page that nobody looks at holds no connection.
  function listen() {
    source?.close();
    const address = order()?.dataset.live;
    source = address && !document.hidden ? new EventSource(address) : null;
    source?.addEventListener("neu", look);
  }

  function watch() {
    if (!order()?.dataset.live) return source?.close();
    if (!document.hidden && source?.readyState !== EventSource.OPEN) look();
    setTimeout(watch, POLL_MS);
  }

  if (!order()?.dataset.live) return;
  document.addEventListener("visibilitychange", listen);
  listen();
  setTimeout(watch, POLL_MS);
})();
