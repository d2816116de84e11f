/**
 * Time as it is shown: the server's now (this machine's clock may be wrong), on the station's wall (this machine may be
 * set to another zone), a signal that ticks, and instants and spans in words. Timers slow down in hidden tabs; nothing
 * here is relied on to ring.
 */

import { signal } from "/static/vendor/signals-core.js";

/** Milliseconds to add to this machine's clock to get the server's. */
let ahead = 0;

/** The server's time in milliseconds, four times a second. */
export const tick = signal(Date.now());

/** @param {string} at the server's time, just received */
export function follow(at) {
  const now = Date.parse(at);
  if (Number.isFinite(now)) ahead = now - Date.now();
}

/** The server's time now, in milliseconds. */
export function serverNow() {
  return Date.now() + ahead;
}

export function startTicking() {
  setInterval(() => (tick.value = serverNow()), 250);
  document.addEventListener("visibilitychange", () => (tick.value = serverNow()));
}

/** @param {number} number */
const two = (number) => String(Math.floor(number)).padStart(2, "0");

/** @param {string} [zone] this machine's own where there is none */
function reader(zone) {
  return new Intl.DateTimeFormat("en-GB", {
    ...(zone && { timeZone: zone }),
    hourCycle: "h23",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  });
}

const own = reader();
let read = own;

/** The zone that times are read in, where this machine's own shows another time now; else "". */
export const otherZone = signal("");

/**
 * Read all times from now on as on this zone's walls. A zone that the browser does not know leaves its own.
 *
 * @param {string | undefined} zone as "Asia/Shanghai"
 */
export function readIn(zone) {
  try {
    read = reader(zone);
  } catch {
    read = own;
  }
  const now = serverNow(); // once: a second may end between two looks
  otherZone.value = zone && own.format(now) !== read.format(now) ? zone : "";
}

/**
 * What people call a zone.
 *
 * @param {string} zone
 * @param {string} language
 */
export function zoneName(zone, language) {
  if (!zone) return "";
  const parts = new Intl.DateTimeFormat(language, { timeZone: zone, timeZoneName: "long" }).formatToParts();
  return parts.find((part) => part.type === "timeZoneName")?.value ?? zone;
}

/**
 * "2026-11-30T07:47:01" on the station's wall, as a field for day and time has it; empty for what is no instant.
 *
 * @param {string | number} at
 */
export function wall(at) {
  if (Number.isNaN(new Date(at).getTime())) return "";
  /** @type {Record<string, string>} */
  const parts = {};
  for (const { type, value } of read.formatToParts(new Date(at))) parts[type] = value;
  return `${parts["year"]?.padStart(4, "0")}-${parts["month"]}-${parts["day"]}T${parts["hour"]}:${parts["minute"]}:${parts["second"]}`;
}

/**
 * The instant at which the station's wall says so, in milliseconds; where a clock change leaves none or two, one beside it.
 *
 * @param {string} words as `wall` gives them, with or without seconds
 */
export function fromWall(words) {
  const meant = Date.parse(`${words.padEnd(19, ":00")}Z`);
  let at = meant;
  for (let n = 0; n < 2; n++) at += meant - Date.parse(`${wall(at)}Z`);
  return at;
}

/**
 * hh:mm:ss on the station's wall.
 *
 * @param {string | number | undefined} at
 */
export function clock(at) {
  return at === undefined ? "" : wall(at).slice(11);
}

/**
 * The day as well, where it is not today.
 *
 * @param {string | number | undefined} at
 */
export function dayAndClock(at) {
  if (at === undefined) return "";
  const [day, time] = wall(at).split("T");
  return wall(serverNow()).startsWith(String(day)) ? String(time) : `${day} ${time}`;
}

/**
 * To the minute, with the day where it is not today.
 *
 * @param {string | number | undefined} at
 */
export function dayAndMinute(at) {
  return dayAndClock(at).slice(0, -3);
}

/**
 * A time to come, to the minute; the day only where it is not within the next 24 hours.
 *
 * @param {string | undefined} at
 */
export function until(at) {
  const near = at !== undefined && Math.abs(Date.parse(at) - serverNow()) < 86_400_000;
  return near ? clock(at).slice(0, -3) : dayAndMinute(at);
}

/**
 * Seconds as m:ss, or h:mm:ss from an hour on.
 *
 * @param {number} seconds
 */
export function span(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes}:${two(whole % 60)}`;
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(whole % 60)}`;
}

/**
 * Whole seconds until `at`, never below 0.
 *
 * @param {string} at
 * @param {number} now milliseconds
 */
export function secondsTo(at, now) {
  // A quarter of a second less: what the server's time took to come here must not show as a second too many.
  return Math.max(0, Math.ceil((Date.parse(at) - now - 250) / 1000));
}

/**
 * Whole seconds since `at`, never below 0.
 *
 * @param {string | number} at
 * @param {number} now milliseconds
 */
export function secondsSince(at, now) {
  return Math.max(0, Math.floor((now - new Date(at).getTime()) / 1000));
}
