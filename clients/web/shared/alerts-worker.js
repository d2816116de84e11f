/** The worker of the staff pages: shows what was pushed to this device, says that it was shown and opened, opens the page.
 *  Answers no request of a page and keeps nothing. Never runs for the citizen's page: its scope is a staff page. */

/** @type {any} */
const here = self;

/** @typedef {{ kind: string, title: string, body: string, tag: string, lang?: string, alarm?: string, token: string }} Told */

const TRIES_MS = [0, 1_000, 4_000];

/** @param {string} name @param {(event: any) => Promise<unknown>} work */
const during = (name, work) =>
  here.addEventListener(name, (/** @type {any} */ event) => event.waitUntil(work(event)));

during("install", () => here.skipWaiting());
during("activate", () => here.clients.claim());

during("push", async (event) => {
  /** @type {Told} */
  const told = event.data.json();
  const { kind, title, body, tag, lang, alarm, token } = told;
  const quiet = kind === "taken"; // takes the place of the call, without a sound
  await here.registration.showNotification(title, {
    body,
    tag,
    lang,
    icon: "/staff-icon.png",
    badge: "/staff-icon.png",
    data: { alarm, token },
    silent: quiet,
    renotify: !quiet,
    requireInteraction: kind === "step" || kind === "reminder",
    ...(quiet ? {} : { vibrate: [400, 200, 400, 200, 800] }),
  });
  await tell(token, "shown");
  for (const page of await pages()) page.postMessage({ type: "alert-shown" });
});

during("notificationclick", async (event) => {
  const { alarm, token } = event.notification.data;
  event.notification.close();
  await Promise.all([tell(token, "opened"), open(alarm)]);
});

/** The browser made another subscription for this device: without telling the hub it would be silent from now on. */
during("pushsubscriptionchange", async (event) => {
  const options = event.oldSubscription?.options;
  const fresh =
    event.newSubscription ?? (options && (await here.registration.pushManager.subscribe(options)));
  if (!fresh) return;
  const { endpoint, keys } = fresh.toJSON();
  const lang = (here.navigator.language ?? "zh").startsWith("zh") ? "zh" : "en";
  await fetch("/notify/push", {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ endpoint, keys, lang }),
  });
});

/** @param {string} token @param {"shown" | "opened"} what */
async function tell(token, what) {
  for (const wait of TRIES_MS) {
    await new Promise((done) => setTimeout(done, wait));
    try {
      const answer = await fetch("/notify/receipts", {
        method: "POST",
        credentials: "omit", // the token says who
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ token, what }),
      });
      if (answer.status < 500) return;
    } catch {
      // No network: once more.
    }
  }
}

/** @returns {Promise<any[]>} the pages of this scope */
async function pages() {
  const all = await here.clients.matchAll({ type: "window", includeUncontrolled: true });
  return all.filter((/** @type {any} */ page) => page.url.startsWith(here.registration.scope));
}

/** Bring the page to the front, with the alarm open. @param {string | undefined} alarm */
async function open(alarm) {
  const [page] = await pages();
  if (!page) {
    return here.clients.openWindow(`${here.registration.scope}${alarm ? `#alarm=${alarm}` : ""}`);
  }
  if (alarm) page.postMessage({ type: "alert-opened", alarm });
  return page.focus();
}
