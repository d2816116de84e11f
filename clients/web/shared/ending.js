/**
 * What takes away this page's power to wake a person: it is heard first, again and again, until the person has answered;
 * the page never goes to the sign-in by itself. A sign-in that nobody uses is heard a quarter of an hour before its end.
 * Never rings for an alarm, and shows nothing (`ending-part`).
 */

import { signal } from "/static/vendor/signals-core.js";

import { remind, ring } from "./sound.js";

/** @typedef {"signed_out" | "forbidden" | "no_station" | "ended"} Why */

const PITCH = 294;
const SOON_AGAIN_MS = 60_000;
const GONE_AGAIN_MS = 4_000;
const LOUDNESS = [0.3, 0.45, 0.6, 0.8, 1];

/** Why no alarm reaches this page any more. @type {import("/static/vendor/signals-core.js").Signal<Why | null>} */
export const gone = signal(null);

/** When the sign-in ends, in the server's milliseconds, once that is near. @type {import("/static/vendor/signals-core.js").Signal<number | null>} */
export const soon = signal(null);

/** Whether the hub is newer than this page, which goes on as it is. */
export const outdated = signal(false);

let leaving = false;
let sounding = 0;

/** A person leaves the page on purpose, or does not after all: what ends by that is no news. @param {boolean} on */
export function onPurpose(on) {
  leaving = on;
}

/** A page is loaded anew by a person, at a quiet moment: it would have to have its sound checked again. */
export function outdate() {
  if (outdated.peek()) return;
  outdated.value = true;
  remind(PITCH, 3, LOUDNESS[1]);
}

/** Why a hub closed a page's socket for good. @param {number} [code] @returns {Why} */
export const whyClosed = (code) => (code === 4501 ? "signed_out" : code === 4503 ? "forbidden" : "ended");

/** No alarm reaches this page from now on. @param {Why} why */
export function lose(why) {
  if (leaving || gone.peek()) return;
  gone.value = why;
  soon.value = null;
  ring([]); // what is known of alarms here is no longer true
  again(GONE_AGAIN_MS, true);
}

/** The sign-in ends at this instant unless somebody is there; null: it does not end soon. @param {number | null} at */
export function warn(at) {
  const before = soon.peek();
  if (gone.peek()) return;
  soon.value = at;
  if (at === null) clearInterval(sounding);
  else if (before === null) again(SOON_AGAIN_MS, false);
}

/** To the sign-in page, and from there back to this one; what stands behind the # goes with it, and to no server. */
export function signInAgain() {
  location.assign(`/sign-in?next=${encodeURIComponent(location.pathname)}${location.hash}`);
}

/** The person is there. */
export function quiet() {
  clearInterval(sounding);
}

/** @param {number} every_ms @param {boolean} grows */
function again(every_ms, grows) {
  let n = 0;
  const sound = () => remind(PITCH, 3, LOUDNESS[grows ? Math.min(n++, LOUDNESS.length - 1) : 1]);
  clearInterval(sounding);
  sounding = window.setInterval(sound, every_ms);
  sound();
}
