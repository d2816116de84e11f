/**
 * Phone alerts of this device: off, on, or broken and why; switched on and off, and tried out by a notification that
 * comes back. Only a help: this device still counts as ready by its sound check alone. Field's term: web push.
 */

import { effect, signal } from "/static/vendor/signals-core.js";

import { forget, keep, kept } from "./kept.js";
import { lived, store, user } from "./session.js";
import { lang } from "./words.js";

/** @typedef {"looking" | "hidden" | "unsupported" | "home_screen" | "blocked" | "off" | "on" | "broken"} State */
/** @typedef {{ id: string, made_at?: string, sent?: string, shown?: string, state: string }} Device */
/** @typedef {{ on: boolean, key?: string, devices: Device[] }} Told */
/** @typedef {"" | "asking" | "came" | "not_came" | "not_sent"} Trial */

/** @type {import("/static/vendor/signals-core.js").Signal<{ state: State, why: string, device: Device | null }>} */
export const alerts = signal({ state: "looking", why: "", device: null });

/** What became of the last test. @type {import("/static/vendor/signals-core.js").Signal<Trial>} */
export const trial = signal("");

export const busy = signal(false);

const REMEMBERED = "fujin.alerts";
const LOOK_MS = 1_000;
const TRIAL_LOOKS = 15;
const scope = () => location.pathname.replace(/\/$/, "");

/** @param {State} state @param {string} [why] @param {Device | null} [device] */
const say = (state, why = "", device = null) => (alerts.value = { state, why, device });

/** Only Apple's phones have it: whether the page was opened from the home screen, without which they push nothing. */
const onHomeScreen = () => /** @type {any} */ (navigator).standalone;

/** See how it is now, in this browser and at the hub. */
export async function look() {
  if (!("serviceWorker" in navigator && "PushManager" in window && "Notification" in window)) {
    return say(onHomeScreen() === false ? "home_screen" : "unsupported");
  }
  const told = await ask();
  if (!told) return undefined; // no network: the head says so
  if (!told.on) return say("hidden");
  if (Notification.permission === "denied") return say("blocked");
  const subscription = await subscribed();
  if (!subscription) {
    const gone = told.devices.some((one) => one.id === kept(REMEMBERED));
    return gone ? say("broken", "gone") : say("off");
  }
  const id = await nameOf(subscription.endpoint);
  const device = told.devices.find((one) => one.id === id) ?? null;
  if (!device) return say("broken", "unknown");
  return device.state === "on" ? say("on", "", device) : say("broken", device.state, device);
}

/** The hub's word on this user's devices. @returns {Promise<Told | null>} */
async function ask() {
  try {
    const answer = await fetch("/notify/push");
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

async function subscribed() {
  const registration = await navigator.serviceWorker.getRegistration(scope());
  return (await registration?.pushManager.getSubscription()) ?? null;
}

/** As the hub names a device. @param {string} endpoint */
async function nameOf(endpoint) {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(endpoint));
  return [...new Uint8Array(digest.slice(0, 8))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Switch alerts on for this device, or on again with a fresh subscription. */
export async function switchOn() {
  busy.value = true;
  trial.value = "";
  try {
    if ((await Notification.requestPermission()) !== "granted") return say("blocked");
    const told = await ask();
    if (!told?.key) return undefined;
    await navigator.serviceWorker.register("/alerts.js", { scope: scope(), updateViaCache: "none" });
    const registration = await ready();
    await (await registration.pushManager.getSubscription())?.unsubscribe();
    const fresh = await registration.pushManager.subscribe({
      userVisibleOnly: true,
      applicationServerKey: told.key,
    });
    const { endpoint = "", keys } = fresh.toJSON();
    const answer = await fetch("/notify/push", {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ endpoint, keys, lang: lang.peek() }),
    });
    if (!answer.ok) return say("broken", answer.status === 409 ? "too_many" : "not_kept");
    keep(REMEMBERED, (await answer.json()).id);
    return await look();
  } catch {
    return say("broken", "no_service"); // as where the browser's vendor cannot be reached
  } finally {
    busy.value = false;
  }
}

/** The worker of this scope, once it runs. @returns {Promise<ServiceWorkerRegistration>} */
async function ready() {
  const registration = await navigator.serviceWorker.getRegistration(scope());
  if (!registration) throw new Error("no worker");
  const worker = registration.installing ?? registration.waiting;
  if (!registration.active && worker) {
    await new Promise((done) => worker.addEventListener("statechange", () => registration.active && done(0)));
  }
  return registration;
}

export async function switchOff() {
  busy.value = true;
  try {
    const subscription = await subscribed();
    const id = subscription ? await nameOf(subscription.endpoint) : kept(REMEMBERED);
    await subscription?.unsubscribe();
    if (id) await fetch(`/notify/push/${id}`, { method: "DELETE" });
    forget(REMEMBERED);
    trial.value = "";
    await look();
  } finally {
    busy.value = false;
  }
}

/** Have a test sent here, and see whether it came: only what was shown on this device counts. */
export async function tryOutAlerts() {
  const { device } = alerts.peek();
  if (!device) return;
  busy.value = true;
  trial.value = "asking";
  try {
    const before = device.shown ?? "";
    const answer = await fetch(`/notify/push/${device.id}/test`, { method: "POST" });
    let outcome = /** @type {Trial} */ (answer.ok ? "not_came" : "not_sent");
    for (let n = 0; answer.ok && n < TRIAL_LOOKS; n += 1) {
      await new Promise((done) => setTimeout(done, LOOK_MS));
      await look();
      const now = alerts.peek();
      if ((now.device?.shown ?? "") > before) outcome = "came";
      else if (now.state === "broken" && now.why !== "silent") outcome = "not_sent";
      if (outcome !== "not_came") break;
    }
    trial.value = outcome;
  } catch {
    trial.value = "not_sent";
  } finally {
    busy.value = false;
  }
}

/**
 * Begin: look when the page lives, when the page is seen again and when something was shown, and open the alarm that was tapped.
 *
 * @param {(alarm: string) => void} open
 */
export function followAlerts(open) {
  void lived.then(look);
  let failed = "";
  effect(() => {
    const me = user.value.name;
    const mine = [...store.alarms.value.values()].filter((alarm) => alarm.notified?.[me]?.failed);
    const now = mine.map((alarm) => alarm.id).join(" ");
    if (now !== failed) void look(); // one that could not be sent here: perhaps this device is gone
    failed = now;
  });
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && void look());
  navigator.serviceWorker?.addEventListener("message", (event) => {
    if (event.data?.type === "alert-opened") open(String(event.data.alarm));
    if (event.data?.type === "alert-shown") void look();
  });
  const tapped = /^#alarm=([0-9a-f-]{36})$/.exec(location.hash)?.[1];
  if (tapped) {
    history.replaceState(history.state, "", location.pathname);
    open(tapped);
  }
}
