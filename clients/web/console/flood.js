/**
 * A flood: more new alarms than can be looked at one by one. They are grouped by place and time, ring with one tone,
 * and every one stays in the list. Field's term: alarm flood (ISA-18.2).
 */

import { computed } from "/static/vendor/signals-core.js";

import { html, useEffect, useValue } from "../shared/dom.js";
import { store, user } from "../shared/session.js";
import { clock } from "../shared/time.js";
import { mention } from "../shared/told.js";
import { t } from "../shared/words.js";

/** @import { Alarm, Place } from "../shared/types.d.ts" */
/** @typedef {{ key: string, place: string, from: string, to: string, alarms: Alarm[] }} Cluster */

const NEAR_M = 400;
const APART_MS = 10 * 60_000;
const METRES_PER_DEGREE = 111_320;

/** Since when there is a flood at a station that this console shows; null while there is none. */
export const flood = computed(() => {
  const { station } = user.value;
  const all = station ? [store.streams.value.get(station)] : [...store.streams.value.values()];
  return all.map((one) => one?.duty.flood?.since).find(Boolean) ?? null;
});

/** Rough, which is enough for "the same place": flat ground. @param {Place} a @param {Place} b */
function metres(a, b) {
  const north = (a.lat - b.lat) * METRES_PER_DEGREE;
  const east = (a.lon - b.lon) * METRES_PER_DEGREE * Math.cos((a.lat * Math.PI) / 180);
  return Math.hypot(north, east);
}

/** @param {Alarm} alarm */
const located = (alarm) =>
  alarm.position?.lat == null || alarm.position.lon == null ? null : alarm.position;

/**
 * Alarms put together that came from one place within minutes of one another; none is left out. Those without a
 * position go together by their place in words.
 *
 * @param {readonly Alarm[]} alarms in the order of the list
 * @returns {Cluster[]}
 */
export function clusters(alarms) {
  /** @type {Cluster[]} */
  const found = [];
  for (const alarm of alarms) {
    const here = located(alarm);
    const cluster = found.find((one) => {
      const last = /** @type {Alarm} */ (one.alarms.at(-1));
      if (Date.parse(alarm.raised_at) - Date.parse(last.raised_at) > APART_MS) return false;
      const there = one.alarms.map(located).find(Boolean);
      return here && there
        ? metres(here, there) <= NEAR_M
        : !here && !there && one.place === (alarm.place ?? "");
    });
    if (cluster) {
      cluster.alarms.push(alarm);
      cluster.to = alarm.raised_at;
      cluster.place ||= alarm.place ?? "";
    } else {
      const at = alarm.raised_at;
      found.push({ key: alarm.id, place: alarm.place ?? "", from: at, to: at, alarms: [alarm] });
    }
  }
  return found;
}

/** What stands over a cluster: where, and from when to when. @param {Cluster} cluster */
export function clusterWords(cluster) {
  const position = cluster.alarms.map(located).find(Boolean);
  const where =
    cluster.place || (position ? `${position.lat.toFixed(3)}, ${position.lon.toFixed(3)}` : t("place.none"));
  const minutes = (/** @type {string} */ at) => clock(at).slice(0, 5);
  const [from, to] = [minutes(cluster.from), minutes(cluster.to)];
  return `${where} · ${from === to ? from : `${from}–${to}`}`;
}

/** The line under the head while a flood lasts. */
export function Flood() {
  const since = useValue(flood);
  useEffect(() => {
    if (since) mention(t("flood.line", { at: clock(since) }));
  }, [since]);
  if (!since) return null;
  return html`<p class="flood" data-part="flood">${t("flood.line", { at: clock(since) })}</p>`;
}
