/** Where the person is: asked for after the alarm is out, followed while the page is open, its faults said in words. */

import { onLeave } from "./exit.js";
import { lastWord } from "./http.js";
import { send } from "./link.js";
import { control, form, input, part, write } from "./page.js";
import { say } from "./talk.js";
import { drawn, redraw, state } from "./state.js";
import { word } from "./words.js";

const COARSE_M = 200;
const OLD_MS = 60_000;
const MOVED_M = 15;
const AGAIN_MS = 30_000;

/** @type {GeolocationPosition | null} */
let here = null;
/** @type {GeolocationPosition | null} */
let told = null;
/** @type {"" | "asking" | "none"} */
let how = "";
let watching = false;

export function prepare() {
  control("position").addEventListener("click", follow);
  const place = form("place");
  place.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = input(place, "place").value.trim();
    if (text) say(word("place_say", { place: text }));
    place.reset();
  });
  onLeave(leave);
  drawn(draw);
  setInterval(redraw, 10_000);
  // Where it is allowed already, nothing pops up: then the alarm itself can carry the place.
  navigator.permissions?.query({ name: "geolocation" }).then(
    (permission) => permission.state === "granted" && follow(),
    () => undefined,
  );
}

/** Ask and follow; never waited for. */
export function follow() {
  if (watching) return;
  if (!navigator.geolocation || !isSecureContext) {
    how = "none";
    redraw();
    return;
  }
  watching = true;
  how = "asking";
  navigator.geolocation.watchPosition(
    (position) => {
      here = position;
      how = "";
      report();
      redraw();
    },
    () => {
      how = "none";
      redraw();
    },
    { enableHighAccuracy: true, maximumAge: 30_000, timeout: 20_000 },
  );
  redraw();
}

export function lastPosition() {
  return here ? members(here) : undefined;
}

function report() {
  if (!here || state.phase === "form" || !worthIt()) return;
  told = here;
  send("position", { position: members(here) });
}

function worthIt() {
  if (!here) return false;
  if (!told) return true;
  return (
    here.timestamp - told.timestamp > AGAIN_MS ||
    metres(here.coords, told.coords) > MOVED_M ||
    here.coords.accuracy < told.coords.accuracy * 0.7
  );
}

/** The last one, while the page is being left. */
function leave() {
  if (here && state.phase === "stored") lastWord(`/alarms/${state.alarm?.id}/position`, members(here));
}

/** @param {GeolocationPosition} position */
const members = ({ coords, timestamp }) => ({
  lat: coords.latitude,
  lon: coords.longitude,
  accuracy_m: coords.accuracy,
  at: new Date(timestamp).toISOString(),
  datum: "wgs84",
  source: "browser",
});

/** @param {GeolocationCoordinates} a @param {GeolocationCoordinates} b */
function metres(a, b) {
  const north = (a.latitude - b.latitude) * 111_320;
  const east = (a.longitude - b.longitude) * 111_320 * Math.cos((a.latitude * Math.PI) / 180);
  return Math.hypot(north, east);
}

function draw() {
  if (state.phase === "form") return;
  const lines = [];
  if (here) {
    const { accuracy } = here.coords;
    lines.push(word(accuracy > COARSE_M ? "position_coarse" : "position_sent", { n: Math.ceil(accuracy) }));
    const age = Date.now() - here.timestamp;
    if (age > OLD_MS) lines.push(word("position_old", { n: Math.round(age / 60_000) }));
  } else if (how) {
    lines.push(word(`position_${how}`));
  }
  write(part("position"), lines.join(" "));
  control("position").hidden = watching || how === "none";
}
