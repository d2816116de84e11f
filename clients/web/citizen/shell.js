/** The worker of an installed page: keeps the shell, which is the same for everybody, so that it opens without a
 *  network. Keeps nothing of an alarm. The hub writes what to keep before this: nothing, and it clears itself. */

/* global SHELL */

/** @type {any} */
const worker = self;
const { version, files } = SHELL;

/** @param {string} name @param {(event: any) => Promise<unknown>} work */
const on = (name, work) =>
  worker.addEventListener(name, (/** @type {any} */ event) => event.waitUntil(work(event)));

on("install", async () => {
  if (!files.length) return worker.skipWaiting();
  const cache = await caches.open(version);
  await cache.addAll(files.map((file) => new Request(file, { cache: "no-store", credentials: "omit" })));
});

on("activate", async () => {
  for (const name of await caches.keys()) if (name !== version) await caches.delete(name);
  if (!files.length) await worker.registration.unregister();
});

worker.addEventListener("fetch", (/** @type {any} */ event) => {
  const { method, mode, url } = event.request;
  const { pathname, search } = new URL(url);
  if (method !== "GET") return;
  if (mode === "navigate" && pathname === "/" && !search) event.respondWith(kept("/?shell", event.request));
  else if (files.includes(pathname) && !search) event.respondWith(own(event, pathname));
});

/** @param {string} name @param {Request} request */
async function kept(name, request) {
  return (await caches.match(name)) ?? fetch(request);
}

/** Only for the citizen's page: consoles always get theirs from the hub. @param {any} event @param {string} name */
async function own(event, name) {
  const client = await worker.clients.get(event.clientId);
  return client && new URL(client.url).pathname === "/" ? kept(name, event.request) : fetch(event.request);
}
