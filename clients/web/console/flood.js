/** In a flood the alarms that wait are grouped by place and time; every one stays in the list. Pure. */

import { clock } from "../shared/time.js";
import { t } from "../shared/words.js";
import { converted, metres } from "./map-datum.js";

/** @import { Alarm } from "../shared/types.d.ts" */
/** @typedef {[number, number]} Spot latitude and longitude, WGS-84 */
/** @typedef {{ key: string, place: string, from: string, to: string, at: Spot | null, alarms: Alarm[] }} Cluster */

const NEAR_M = 400;
const APART_MS = 10 * 60_000;

/** In one datum: reports of one place in two datums are half a kilometre apart. @param {Alarm} alarm @returns {Spot | null} */
function located({ position }) {
  if (position?.lat == null || position.lon == null) return null;
  return converted(position.lat, position.lon, position.datum ?? "wgs84", "wgs84");
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
    cluster.place || (position ? `${position[0].toFixed(3)}, ${position[1].toFixed(3)}` : t("place.none"));
  const minutes = (/** @type {string} */ at) => clock(at).slice(0, 5);
  const [from, to] = [minutes(cluster.from), minutes(cluster.to)];
  return `${where} · ${from === to ? from : `${from}–${to}`}`;
}
