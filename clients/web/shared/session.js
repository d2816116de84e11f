/**
 * A signed-in page of the staff: who is here, the link and what it brings, readiness told in time, what rings.
 * Both the console and the supervisor's page begin with `begin`.
 */

import { computed, effect, signal } from "/static/vendor/signals-core.js";

import { answered } from "./answered.js";
import { gone, lose, outdate, signInAgain, soon, warn, whyClosed } from "./ending.js";
import { Link, newRef } from "./link.js";
import { FLOOD, remind, ring, sound, sounding } from "./sound.js";
import { makeStore, rings } from "./store.js";
import { follow, readIn, serverNow, startTicking, tick } from "./time.js";
import { lang, loadOthers, t } from "./words.js";

/** @import { Alarm, Config, Notice, User } from "./types.d.ts" */
/** @typedef {{ alarm: string, type: string, queued: boolean, hushUntil: number }} Pending */

export const store = makeStore();

/** @type {import("/static/vendor/signals-core.js").Signal<User>} */
export const user = signal({ name: "", role: "officer", station: null });

/** @type {import("/static/vendor/signals-core.js").Signal<Config>} */
export const config = signal({ languages: [], stations: {} });

/** What is wrong with the system itself. @type {import("/static/vendor/signals-core.js").Signal<Notice[]>} */
export const notices = signal([]);

/** Commands on their way, by alarm. @type {import("/static/vendor/signals-core.js").Signal<Map<string, Pending>>} */
export const pending = signal(new Map());

/** Alarms with what was asked but is not confirmed yet shown in advance; marked, and gone when it is refused. */
export const shown = computed(() => {
  if (![...pending.value.values()].some((one) => one.type === "ack")) return store.alarms.value;
  const all = new Map(store.alarms.value);
  for (const [id, one] of pending.value) {
    const alarm = all.get(id);
    if (one.type === "ack" && alarm?.status === "raised") {
      all.set(id, { ...alarm, status: "acknowledged", owner: user.value.name });
    }
  }
  return all;
});

/** The alarms that ring here, oldest first. */
export const ringing = computed(() =>
  [...store.alarms.value.values()]
    .filter((alarm) => rings(alarm, user.value))
    .sort((a, b) => a.raised_at.localeCompare(b.raised_at)),
);

const DELIVERED_MS = 250;
const READY_MS = 9_000;
/** The words of the other languages come by then also where the page does not live. */
const OTHERS_MS = 10_000;

/** The last thing told: what readiness was, and when. */
let told = { key: "", at: 0 };
/** @type {Map<string, number>} */
const delivered = new Map();
let deliveredAt = 0;

let live = () => {};
/** When the page lives for the first time: until then what is not of alarms stays out of their way. @type {Promise<void>} */
export const lived = new Promise((done) => (live = done));

/** @type {Set<(type: string, alarm: Alarm) => void>} */
const listeners = new Set();

/** Be told of every event of an alarm as it comes, with the alarm after it. @param {(type: string, alarm: Alarm) => void} listener */
export function onEvent(listener) {
  listeners.add(listener);
}

export const link = new Link({
  path: "/ws/console",
  store,
  onEvent: (frame) => {
    const alarm = frame.alarm && store.alarms.peek().get(frame.alarm);
    if (!alarm) return;
    soundOf(frame.event.type, alarm);
    for (const listener of listeners) listener(frame.event.type, alarm);
  },
  onBeat: () => {
    tellReady();
    tellDelivered();
    soundNow();
  },
  onLive: () => {
    live();
    loadOthers();
    told = { key: "", at: 0 };
    delivered.clear();
    tellReady();
    tellDelivered();
  },
  onNotices: (told) => (notices.value = told),
  onRefused: () => void who(),
});

/** What is no new alarm and must be heard all the same, each by its own tone. @param {string} type @param {Alarm} alarm */
function soundOf(type, alarm) {
  const me = user.peek();
  if (type === "owner_reminded" && alarm.owner === me.name) remind(520);
  if (type === "owner_lost" && alarm.owner !== me.name) remind(220, 3);
  const to = alarm.handover?.to;
  if (type === "handover_offered" && (to === me.name || (!to && alarm.owner !== me.name))) remind(440);
}

/** @returns {Promise<(User & { now: string, ends_at: string }) | null>} null when nobody is signed in, or there is no answer */
async function who() {
  try {
    const answer = await fetch("/session");
    if (answer.status === 401) lose("signed_out");
    if (answer.ok) return await answer.json();
  } catch {
    // No network: the link says so.
  }
  return null;
}

/** Everything that must stand before the first picture. @returns {Promise<boolean>} */
export async function begin() {
  const [{ status, told: person }, { told: settings }] = await Promise.all([
    answered("/session"),
    answered("/static/config.json"),
  ]);
  if (status === 401) signInAgain();
  if (status !== 200) return false;
  follow(person.now); // this machine's clock may be wrong, and "today" is asked for before the first beat
  user.value = person;
  config.value = settings;
  readIn(settings.zones?.[person.station ?? settings.default_station]);
  startTicking();
  setTimeout(loadOthers, OTHERS_MS);
  effect(() => {
    void [sound.value, link.state.value];
    tellReady();
  });
  document.addEventListener("visibilitychange", tellReady);
  effect(() => {
    void [ringing.value, pending.value, sound.value, tick.value];
    soundNow();
  });
  effect(() => {
    document.documentElement.dataset.ringing = String(sounding.value);
  });
  effect(() => {
    if (link.state.value.state === "stale") remind(330);
  });
  effect(() => {
    const { state, code } = link.state.value;
    if (state === "ended") lose(whyClosed(code));
  });
  effect(() => {
    const { station } = user.value;
    if (station && link.stations.value && !link.stations.value.includes(station)) lose("no_station");
  });
  let version = "";
  effect(() => {
    version ||= link.version.value;
    if (link.version.value !== version) outdate();
  });
  endsAt = Date.parse(person.ends_at);
  soonMs = Math.min(SOON_MS, (endsAt - Date.parse(person.now)) / 2);
  effect(() => lookAtEnd(tick.value));
  link.start();
  return true;
}

const SOON_MS = 900_000;
const ASK_MS = 20_000;
let endsAt = Infinity;
let askedAt = -Infinity;
/** A quarter of an hour, of short sign-ins the half. */
let soonMs = SOON_MS;

/** Near its known end the hub is asked whether the sign-in was used meanwhile, and ends later. @param {number} now */
function lookAtEnd(now) {
  if (gone.peek() || endsAt - now > soonMs || performance.now() - askedAt < ASK_MS) return;
  askedAt = performance.now();
  void who().then((person) => {
    if (person) endsAt = Date.parse(person.ends_at);
    warn(endsAt - serverNow() > soonMs ? null : endsAt); // also where there is no answer: then it ends as it was known
  });
}
effect(() => {
  if (soon.value === null) askedAt = -Infinity; // somebody is there: see until when
});

/** @param {string} station */
export function clipOf(station) {
  return `${station}.${lang.peek()}`;
}

function soundNow() {
  if (gone.peek()) return; // what is known here is no longer true, and another tone says so
  const now = performance.now();
  const hushed = pending.peek();
  const loud = ringing.peek().filter((alarm) => (hushed.get(alarm.id)?.hushUntil ?? 0) < now);
  // In a flood one tone for all: a voice for each would go on for minutes.
  const many = loud.some((alarm) => store.streams.peek().get(alarm.home)?.duty.flood);
  ring(many ? [FLOOD] : [...new Set(loud.map((alarm) => clipOf(alarm.home)))]);
}

function tellReady() {
  const ready = { sound: sound.peek() === "on", visible: document.visibilityState === "visible" };
  const key = JSON.stringify(ready);
  const now = serverNow(); // the hub counts the lapse in its own time
  if (!link.live || (key === told.key && Math.abs(now - told.at) < READY_MS)) return;
  told = { key, at: now };
  link.tell({ type: "ready", ref: newRef(), ...ready });
}

/** What was folded in is drawn in a microtask that was queued before this one. */
function tellDelivered() {
  queueMicrotask(() => {
    const now = performance.now();
    if (!link.live || now - deliveredAt < DELIVERED_MS) return again();
    for (const [station, position] of Object.entries(store.positions())) {
      if (delivered.get(station) === position.offset) continue;
      delivered.set(station, position.offset);
      deliveredAt = now;
      link.tell({ type: "delivered", station, position });
    }
    return undefined;
  });
}

let waiting = 0;
function again() {
  if (waiting) return;
  waiting = window.setTimeout(() => {
    waiting = 0;
    if (link.live) tellDelivered();
  }, DELIVERED_MS);
}

/**
 * The station's name in the language read here.
 *
 * @param {string | null | undefined} id
 */
export function stationName(id) {
  if (!id) return t("station.all");
  return config.peek().stations[id]?.[lang.value] ?? id;
}
