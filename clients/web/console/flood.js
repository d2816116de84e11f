/** In a flood the alarms that wait are grouped by place and time; every one stays in the list. Pure. */

import { clock } from "../shared/time.js";
import { t } from "../shared/words.js";

/** @import { Alarm } from "../shared/types.d.ts" */
/** @typedef {{ lat: number, lon: number }} Spot */
/** @typedef {{ key: string, place: string, from: string, to: string, at: Spot | null, alarms: Alarm[] }} Cluster */

const NEAR_M = 400;
const APART_MS = 10 * 60_000;
const METRES_PER_DEGREE = 111_320;

/** Rough, which is enough for "the same place": flat ground. @param {Spot} a @param {Spot} b */
function metres(a, b) {
  const north = (a.lat - b.lat) * METRES_PER_DEGREE;
  const east = (a.lon - b.lon) * METRES_PER_DEGREE * Math.cos((a.lat * Math.PI) / 180);
  return Math.hypot(north, east);
}

/** @param {Alarm} alarm @returns {Spot | null} */
function located({ position }) {
  return position?.lat == null || position.lon == null ? null : { lat: position.lat, lon: position.lon };
}

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
      if (here && one.at) return metres(here, one.at) <= NEAR_M;
      return !here && !one.at && one.place === (alarm.place ?? "");
    });
    if (cluster) {
      cluster.alarms.push(alarm);
      cluster.to = alarm.raised_at;
      cluster.place ||= alarm.place ?? "";
    } else {
      const at = alarm.raised_at;
      found.push({ key: alarm.id, place: alarm.place ?? "", from: at, to: at, at: here, alarms: [alarm] });
    }
  }
  return found;
}

/** What stands over a cluster: where, and from when to when. @param {Cluster} cluster */
export function clusterWords(cluster) {
  const position = cluster.at;
  const where =
    cluster.place || (position ? `${position.lat.toFixed(3)}, ${position.lon.toFixed(3)}` : t("place.none"));
  const minutes = (/** @type {string} */ at) => clock(at).slice(0, 5);
  const [from, to] = [minutes(cluster.from), minutes(cluster.to)];
  return `${where} · ${from === to ? from : `${from}–${to}`}`;
}
