/** Distance and direction between two places (latitude, longitude; WGS-84). */

const EARTH_M = 6_371_008.8;
const WAYS = /** @type {const} */ (["n", "ne", "e", "se", "s", "sw", "w", "nw"]);

/** @param {number} degrees */
const radians = (degrees) => (degrees * Math.PI) / 180;

/** @param {[number, number]} from @param {[number, number]} to */
export function metres([lat, lon], [lat2, lon2]) {
  const a =
    Math.sin(radians(lat2 - lat) / 2) ** 2 +
    Math.cos(radians(lat)) * Math.cos(radians(lat2)) * Math.sin(radians(lon2 - lon) / 2) ** 2;
  return 2 * EARTH_M * Math.asin(Math.sqrt(Math.min(1, a)));
}

/** One of eight directions, as people say them. @param {[number, number]} from @param {[number, number]} to */
export function bearing([lat, lon], [lat2, lon2]) {
  const east = Math.cos(radians((lat + lat2) / 2)) * (lon2 - lon);
  const turn = Math.atan2(east, lat2 - lat) / (Math.PI / 4);
  return WAYS[(Math.round(turn) + 8) % 8] ?? "n";
}
