/**
 * The officer's own place, shared with the console while on duty: off until switched on, the latest only, told again
 * while the page lives. Says "shared" and "off" only after the hub confirmed it, and why not when it is not.
 */

import { signal } from "/static/vendor/signals-core.js";

import { html, useComputed, useEffect, useValue } from "../shared/dom.js";
import { link, user } from "../shared/session.js";
import { clock, serverNow, tick } from "../shared/time.js";
import { mention } from "../shared/told.js";
import { t } from "../shared/words.js";

const AGAIN_MS = 25_000; // `nearby.lapse_s` is at least 30
const MOVED_MS = 10_000;

const wanted = signal(false);
/** Until when the hub keeps it, and since when. @type {import("/static/vendor/signals-core.js").Signal<{ at: number, until: string } | null>} */
const kept = signal(null);
/** Switched off, and the hub has not confirmed it: it may still show what it keeps. */
const leaving = signal(false);
/** Why it is not shared: "denied", "unavailable", "off_duty". */
const trouble = signal("");

/** @type {GeolocationPosition | null} */
let here = null;
/** @type {number | null} */
let following = null;
let timer = 0;
let told = -Infinity;

/** @param {boolean} on */
function want(on) {
  wanted.value = on;
  trouble.value = "";
  if (!on) {
    if (following !== null) navigator.geolocation.clearWatch(following);
    clearInterval(timer);
    following = here = null;
    void leave();
    return;
  }
  leaving.value = false;
  following = navigator.geolocation.watchPosition(
    (place) => {
      const first = here === null;
      here = place;
      if (first || performance.now() - told > MOVED_MS) void tell();
    },
    (fault) => {
      trouble.value = fault.code === fault.PERMISSION_DENIED ? "denied" : "unavailable";
    },
    { enableHighAccuracy: true, maximumAge: 15_000, timeout: 30_000 },
  );
  timer = window.setInterval(() => void tell(), AGAIN_MS);
}

async function leave() {
  leaving.value = true;
  const answer = await link.request({ type: "share_place", on: false });
  if (answer.type !== "ok" || wanted.peek()) return;
  leaving.value = false;
  kept.value = null;
}

async function tell() {
  if (!here || !wanted.peek()) return;
  told = performance.now();
  const { latitude: lat, longitude: lon, accuracy: accuracy_m } = here.coords;
  const at = new Date(here.timestamp).toISOString();
  /** @type {import("../shared/protocol.d.ts").Position} */
  const position = { lat, lon, accuracy_m, at, datum: "wgs84", source: "browser" };
  const answer = await link.request({ type: "share_place", on: true, position });
  if (answer.type === "ok") {
    if (wanted.peek()) kept.value = { at: serverNow(), until: answer.until ?? "" };
    trouble.value = "";
  } else {
    kept.value = null;
    trouble.value = answer.code === "not_possible" ? "off_duty" : "unavailable";
  }
}

export function SharePlace() {
  const me = useValue(user);
  const on = useValue(wanted);
  const last = useValue(kept);
  const why = useValue(trouble);
  const going = useValue(leaving);
  const gone = useComputed(() => last !== null && Date.parse(last.until) < tick.value, [last]);
  const phase = !on ? (going && !gone ? "leaving" : "off") : last && !gone ? "shared" : why || "coming";
  useEffect(() => {
    if (on || going) mention(t(`share.${phase}`, { at: clock(last?.at) }));
  }, [phase]);
  if (!me.station || !("geolocation" in navigator)) return null;
  return html`
    <div class="share-place" data-sharing=${phase}>
      <label class="pick">
        <input
          type="checkbox"
          role="switch"
          data-act="share-place"
          checked=${on}
          onChange=${() => want(!on)}
        />
        <span>${t("share.switch")}</span>
      </label>
      <p class="hint">${t(`share.${phase}`, { at: clock(last?.at) })}</p>
    </div>
  `;
}
