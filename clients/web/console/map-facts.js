/** What there is to draw of an alarm, and in the same order to say of it: nothing is on the map that is not in words. */

import { converted, metres } from "./map-datum.js";

/** @import { Alarm, Place } from "../shared/types.d.ts" */
/** @typedef {import("./map-datum.js").Datum} Datum */
/** @typedef {import("./near.js").Near} Near */
/**
 * @typedef {object} Fact one thing on the map
 * @property {"now" | "hand" | "before" | "photo" | "recording" | "officer" | "helper"} kind
 * @property {string} key
 * @property {[number, number]} at latitude and longitude in the map's datum
 * @property {number} [accuracy] metres
 * @property {string} [time] when it was measured
 * @property {Datum} [datum] as it was received
 * @property {string} [name]
 * @property {string} [station]
 * @property {string} [state]
 * @property {number} [distance] metres from where the citizen is
 */

/** Farther north or south the map's projection has no picture. */
const MOST_LAT = 85;
/** A circle of more metres than this says nothing, and has no form on a map; the words say the number. */
const MOST_CIRCLE_M = 1_000_000;

/**
 * From when on a position grows old: when the hub got it, for a phone's clock may be set to anything.
 *
 * @param {Place | null | undefined} position
 */
export function gotAt(position) {
  return position?.received ?? position?.at;
}

/** Whether a position has numbers that can be on a map. @param {Place | null | undefined} place */
export function drawable(place) {
  return (
    place?.lat != null && place.lon != null && Math.abs(place.lat) <= MOST_LAT && Math.abs(place.lon) <= 180
  );
}

/**
 * @param {Fact["kind"]} kind
 * @param {string} key
 * @param {Place | null | undefined} place
 * @param {Datum} datum the map's
 * @returns {Fact[]} none for what cannot be drawn
 */
function fact(kind, key, place, datum) {
  if (!place || !drawable(place)) return [];
  const exact = place.accuracy_m ?? 0;
  const at = converted(place.lat ?? 0, place.lon ?? 0, place.datum ?? "wgs84", datum);
  return [
    {
      kind,
      key,
      at,
      datum: place.datum ?? "wgs84",
      ...(exact > 0 && exact <= MOST_CIRCLE_M && { accuracy: exact }),
      ...(gotAt(place) && { time: gotAt(place) }),
    },
  ];
}

/**
 * Where they were, oldest first; where a photo or recording was made; where they are; and who is near.
 *
 * @param {Alarm} alarm
 * @param {Near} near
 * @param {Datum} datum the map's
 * @returns {Fact[]}
 */
export function facts(alarm, near, datum) {
  const kind = alarm.position?.source === "pin" ? "hand" : "now";
  const now = fact(kind, "now", alarm.position, datum);
  const here = now[0]?.at;
  const before = Object.entries(alarm.track ?? {}).sort(([a], [b]) => Number(a) - Number(b));
  const made = Object.entries(alarm.found ?? {}).flatMap(([id, { position }]) =>
    fact(position?.source === "recording" ? "recording" : "photo", id, position, datum),
  );
  const people = /** @type {const} */ (["officer", "helper"]).flatMap((kind) =>
    near[`${kind}s`].flatMap((one) =>
      fact(kind, `${kind} ${one.name}`, one.position, datum).map((found) => ({
        ...found,
        name: one.name,
        time: one.at,
        ...(one.distance_m != null && { distance: one.distance_m }),
        ...(one.station && { station: one.station }),
        ...(one.state && { state: one.state }),
      })),
    ),
  );
  return [
    ...before.flatMap(([version, place]) => fact("before", version, place, datum)),
    ...made.map((one) => (here ? { ...one, distance: metres(here, one.at) } : one)),
    ...people,
    ...now,
  ];
}
