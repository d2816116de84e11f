/**
 * On watch or off it: the switch, where this device is, and when that was told last. Told again from the hub's own
 * beats, because timers sleep in pages that are not looked at. Never says "shared" or "off" before the hub confirmed it.
 */

import { signal } from "/static/vendor/signals-core.js";

import { html, useComputed, useValue } from "../shared/dom.js";
import { remind, sound } from "../shared/sound.js";
import { clock, secondsSince, tick } from "../shared/time.js";
import { t } from "../shared/words.js";
import { calls, hello, live, onFrame, request } from "./link.js";
import { check } from "./sound-check.js";

/** @import { Here } from "./types.d.ts" */

const AGAIN_MS = 25_000; // `nearby.lapse_s` is at least 30
const MOVED_MS = 10_000;
const CALL_PITCH = 740;

/** Whether this person wants to be on watch. */
export const wanted = signal(false);

/** What the hub confirmed last. @type {import("/static/vendor/signals-core.js").Signal<{ on: boolean, sent_at?: string | null, until?: string | null }>} */
export const confirmed = signal({ on: false });

/** @type {import("/static/vendor/signals-core.js").Signal<Here | null>} */
export const here = signal(null);

/** Why there is no place: "denied", "unavailable", or "" while it is looked for. */
const trouble = signal("");

let told = -Infinity;
let asking = false;
/** @type {number | null} */
let following = null;
/** @type {WakeLockSentinel | null} */
let awake = null;

/** Begin to follow what the hub says. */
export function begin() {
  let greeted = false;
  hello.subscribe((one) => {
    if (!one) return;
    confirmed.value = { on: one.on, sent_at: one.sent_at, until: one.until };
    if (!greeted && one.on) want(true); // the page was loaded anew in the middle of a watch
    greeted = true;
    told = -Infinity;
  });
  onFrame.push(() => {
    if ((wanted.peek() || confirmed.peek().on) && performance.now() - told > AGAIN_MS) void tell();
    ring();
  });
}

let rang = -Infinity;
function ring() {
  const waiting = calls.peek().some((call) => call.state === "called");
  if (!waiting || performance.now() - rang < 4000) return;
  rang = performance.now();
  remind(CALL_PITCH);
  navigator.vibrate?.([200, 100, 200]);
}

/** @param {boolean} on */
export function want(on) {
  wanted.value = on;
  if (on) {
    locate();
    void stayAwake();
  } else {
    if (following !== null) navigator.geolocation.clearWatch(following);
    following = null;
    here.value = null;
    trouble.value = "";
    void awake?.release();
    awake = null;
  }
  void tell();
}

function locate() {
  if (following !== null) return;
  if (!("geolocation" in navigator)) {
    trouble.value = "unavailable";
    return;
  }
  following = navigator.geolocation.watchPosition(
    ({ coords, timestamp }) => {
      trouble.value = "";
      const first = here.peek() === null;
      here.value = {
        lat: coords.latitude,
        lon: coords.longitude,
        accuracy_m: coords.accuracy,
        at: new Date(timestamp).toISOString(),
      };
      if (first || performance.now() - told > MOVED_MS) void tell();
    },
    (fault) => {
      trouble.value = fault.code === fault.PERMISSION_DENIED ? "denied" : "unavailable";
      if (fault.code === fault.PERMISSION_DENIED) here.value = null;
    },
    { enableHighAccuracy: true, maximumAge: 15_000, timeout: 30_000 },
  );
}

async function stayAwake() {
  awake = await navigator.wakeLock?.request("screen").catch(() => null);
}

async function tell() {
  if (asking || live.peek().state !== "live") return;
  asking = true;
  told = performance.now();
  const on = wanted.peek();
  const place = here.peek();
  const position = place && { ...place, datum: "wgs84", source: "browser" };
  const answer = await request({ type: "watch", on, ...(on && position ? { position } : {}) });
  asking = false;
  if (answer.type === "ok") {
    confirmed.value = { on: answer.on === true, sent_at: answer.sent_at, until: answer.until };
  }
  if (wanted.peek() !== on || (on && !position && here.peek())) void tell();
}

export function Watch() {
  const on = useValue(wanted);
  const state = useValue(confirmed);
  const why = useValue(trouble);
  const heard = useValue(sound);
  const place = useValue(here);
  const link = useValue(live);
  const left = useComputed(() => state.until && Date.parse(state.until) < tick.value, [state]);
  const age = useComputed(() => (state.sent_at ? secondsSince(state.sent_at, tick.value) : 0), [state]);
  const real = state.on && !left;
  const phase = !on ? (real ? "leaving" : "off") : !real ? "coming" : state.sent_at ? "shared" : "no_place";
  const values = {
    at: clock(state.sent_at ?? undefined),
    n: age,
    m: Math.round(place?.accuracy_m ?? 0),
    since: clock(link.since),
  };
  return html`
    <section class="watch ${phase}" data-watch=${phase} aria-label=${t("watch.title")}>
      <p class="watch-state" role="status">${t(`watch.${phase}`)}</p>
      <p class="watch-told">${t(`watch.${phase}_told`, values)}</p>
      ${on && why ? html`<p class="watch-trouble">${t(`watch.${why}`)}</p>` : null}
      ${on && heard !== "on" ? html`<p class="watch-trouble">${t(`watch.sound_${heard}`)}</p>` : null}
      <div class="watch-acts">
        <button
          class=${on ? "" : "main"}
          data-act=${on ? "watch-off" : "watch-on"}
          onClick=${() => (on ? want(false) : heard === "on" ? want(true) : check(() => want(true)))}
        >
          ${t(on ? "watch.leave" : "watch.come")}
        </button>
        ${
          on && heard !== "on"
            ? html`<button data-act="sound-open" onClick=${() => check()}>${t("watch.check_sound")}</button>`
            : null
        }
      </div>
      ${on ? html`<p class="hint">${t("watch.keep_open")}</p>` : html`<p class="hint">${t("watch.what_is_shared")}</p>`}
    </section>
  `;
}
