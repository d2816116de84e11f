/**
 * Time as it is shown: the server's now (this machine's clock may be wrong), a signal that ticks, and instants and
 * spans in words. Timers slow down in hidden tabs; nothing here is relied on to ring.
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

/**
 * hh:mm:ss on the wall clock here.
 *
 * @param {string | number | undefined} at
 */
export function clock(at) {
  if (at === undefined) return "";
  const time = new Date(at);
  return `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
}

/**
 * The day as well, where it is not today.
 *
 * @param {string | number | undefined} at
 */
export function dayAndClock(at) {
  if (at === undefined) return "";
  const time = new Date(at);
  const day = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  return time.toDateString() === new Date(serverNow()).toDateString() ? clock(at) : `${day} ${clock(at)}`;
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
