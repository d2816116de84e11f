/** Where a position is drawn: in the datum of the map. What came is kept as it came; only what is drawn is converted. */

import gcoord from "/static/vendor/gcoord.js";

/** @typedef {"wgs84" | "gcj02"} Datum */

const NAMES = /** @type {const} */ ({ wgs84: "WGS84", gcj02: "GCJ02" });
/** The mean radius of the Earth, metres. */
const EARTH_M = 6_371_009;

/**
 * The same place in another datum; outside China they are one.
 *
 * @param {number} lat
 * @param {number} lon
 * @param {Datum} from
 * @param {Datum} to
 * @returns {[number, number]} latitude and longitude, degrees
 */
export function converted(lat, lon, from, to) {
  if (from === to) return [lat, lon];
  const [x, y] = gcoord.transform([lon, lat], gcoord[NAMES[from]], gcoord[NAMES[to]]);
  return [y, x];
}

/**
 * Metres between two places of one datum, over the ground.
 *
 * @param {[number, number]} a latitude and longitude, degrees
 * @param {[number, number]} b
 */
export function metres([latA, lonA], [latB, lonB]) {
  const rad = Math.PI / 180;
  const north = Math.sin(((latB - latA) * rad) / 2) ** 2;
  const east = Math.sin(((lonB - lonA) * rad) / 2) ** 2;
  return 2 * EARTH_M * Math.asin(Math.sqrt(north + Math.cos(latA * rad) * Math.cos(latB * rad) * east));
}
