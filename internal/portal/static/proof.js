// Proves that a session is this browser's own, with a key that no script can read and no
// copy of its cookies has. It runs in our pages, and as the worker of an origin, which
// proves for the scripts of other pages there before they ask for something.
"use strict";
(() => {
  const at = "/.poterne/proof", often = 45_000;
  let last = 0, under = null, lost = ""; // lost: where the session goes on of whose device no proof comes

  // The key lies in the browser's own store, for this origin.
  function keys(mode, use) {
    return new Promise((resolve, reject) => {
      const open = indexedDB.open("poterne", 1);
      open.onupgradeneeded = () => open.result.createObjectStore("keys");
      open.onerror = () => reject(open.error);
      open.onsuccess = () => {
        const db = open.result, step = db.transaction("keys", mode), asked = use(step.objectStore("keys"));
        step.oncomplete = () => { db.close(); resolve(asked.result); };
        step.onabort = () => { db.close(); reject(step.error); };
      };
    });
  }

  async function pair() {
    const kept = await keys("readonly", store => store.get("pair"));
    if (kept) return kept;
    const made = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]);
    await keys("readwrite", store => store.add(made, "pair")).catch(() => {}); // another tab was quicker
    return keys("readonly", store => store.get("pair"));
  }

  const text = bytes => btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

  async function prove() {
    const { challenge, unlock } = await (await fetch(at + "/challenge", { cache: "no-store" })).json();
    lost = unlock;
    if (lost) return false;
    if (challenge) {
      const own = await pair();
      const key = text(await crypto.subtle.exportKey("raw", own.publicKey));
      const said = new TextEncoder().encode(`poterne/proof/v1\n${location.origin}\n${challenge}`);
      const signature = text(await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, own.privateKey, said));
      const answer = await (await fetch(at, { method: "POST", body: new URLSearchParams({ challenge, key, signature }) })).json();
      if (!answer.proven) return false;
    }
    last = Date.now();
    return true;
  }

  // One proof at a time, whoever asks for it.
  function proven() {
    under ??= prove().catch(() => false).finally(() => { under = null; });
    return under;
  }

  if (typeof document === "undefined") {
    addEventListener("install", () => skipWaiting());
    addEventListener("activate", event => event.waitUntil(clients.claim()));
    // Never a navigation: who had the browser go somewhere would be lost.
    addEventListener("fetch", event => {
      const asked = event.request, to = new URL(asked.url);
      const flows = (asked.headers.get("accept") ?? "").includes("event-stream");
      if (asked.mode === "navigate" || to.origin !== location.origin || to.pathname.startsWith("/.poterne/") || flows || Date.now() - last < often) return;
      event.respondWith(proven().then(() => fetch(asked)));
    });
    return;
  }

  navigator.serviceWorker?.register("/.poterne/proof/worker.js", { scope: "/" }).catch(() => {});
  const form = document.querySelector("form[data-proof]");
  if (!form) {
    proven();
    setInterval(proven, often);
    document.addEventListener("visibilitychange", () => { if (!document.hidden && Date.now() - last > often) proven(); });
    return;
  }
  proven().then(done => {
    if (lost && form.method !== "post") {
      location.replace(lost + "?return=" + encodeURIComponent(form.dataset.to));
    } else if (!done && form.dataset.proof === "bound") {
      document.querySelector("[data-proof-failed]").hidden = false;
    } else if (form.method === "post") {
      form.submit();
    } else if (!("stays" in form.dataset)) {
      location.replace(form.dataset.to);
    }
  });
})();
