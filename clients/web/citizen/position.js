/** Where the person is: asked for after the alarm is out, followed while the page is open, or as they showed it. */

import { onLeave } from "./exit.js";
import { lastWord } from "./http.js";
import { send } from "./outbox.js";
import { change, state } from "./state.js";

const MOVED_M = 15;
const AGAIN_MS = 30_000;
/** A question that stands so long perhaps stands for ever: the device's own limit begins with its answer. */
export const UNANSWERED_MS = 20_000;

/** What the device said last. @type {import("./types.js").Place | null} */
let here = null;
/** @type {import("./types.js").Place | null} */
let told = null;
let watching = false;

export function prepare() {
  onLeave(leave);
  // Where it is allowed already, nothing pops up: then the alarm itself can carry the place.
  navigator.permissions?.query({ name: "geolocation" }).then(
    (permission) => permission.state === "granted" && follow(),
    () => undefined,
  );
}

/** Ask and follow; never waited for. What was shown by hand counts no more. */
export function follow() {
  if (state.place?.source === "pin") change({ place: here });
  if (watching) return;
  if (!navigator.geolocation || !isSecureContext) {
    change({ finding: "none" });
    return;
  }
  watching = true;
  change({ finding: "asking" });
  setTimeout(() => state.finding === "asking" && change({ finding: "unanswered" }), UNANSWERED_MS);
  navigator.geolocation.watchPosition(
    ({ coords, timestamp }) => {
      here = {
        lat: coords.latitude,
        lon: coords.longitude,
        accuracy_m: coords.accuracy,
        at: new Date(timestamp).toISOString(),
        datum: "wgs84",
        source: "browser",
      };
      if (state.place?.source !== "pin") change({ place: here, finding: "" });
      report();
    },
    () => change({ finding: "none" }),
    { enableHighAccuracy: true, maximumAge: 30_000, timeout: 20_000 },
  );
}

/** The place as the person showed it: it counts until they take it back. @param {import("./types.js").Place} place */
export function showPlace(place) {
  change({ place });
  report();
}

export function report() {
  const { place, phase } = state;
  if (!place || phase === "form" || !worthIt(place)) return;
  told = place;
  if (state.status !== "planned") send("position", { position: place }); // a plan takes it with the next check-in
}

/** @param {import("./types.js").Place} place */
function worthIt(place) {
  return (
    !told ||
    told.source !== place.source ||
    Date.parse(place.at) - Date.parse(told.at) > AGAIN_MS ||
    metres(place, told) > MOVED_M ||
    place.accuracy_m < told.accuracy_m * 0.7
  );
}

/** The last one, while the page is being left. */
function leave() {
  if (state.place && state.phase === "stored") lastWord(`/alarms/${state.alarm?.id}/position`, state.place);
}

/** @param {import("./types.js").Place} a @param {import("./types.js").Place} b */
function metres(a, b) {
  const north = (a.lat - b.lat) * 111_320;
  const east = (a.lon - b.lon) * 111_320 * Math.cos((a.lat * Math.PI) / 180);
  return Math.hypot(north, east);
}
