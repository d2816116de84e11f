/**
 * Where a position is drawn: in the datum of the map. What came is kept as it came; only what is drawn is converted, by
 * the formula of the hub's own `datum.py` (a test compares both). Always ends, whatever the numbers are.
 */

/** @typedef {"wgs84" | "gcj02"} Datum */

/** The mean radius of the Earth, metres. */
const EARTH_M = 6_371_009;
/** Krasovsky 1940, by which GCJ-02 is made: semi-major axis in metres, and eccentricity squared. */
const AXIS_M = 6_378_245;
const ECCENTRICITY_2 = 0.006693421622965943;
/** The shift changes by less than 1 % of the distance moved: each round takes off two digits of the error. */
const ROUNDS = 5;

const rad = Math.PI / 180;

/** Whether GCJ-02 moves this place at all: the rectangle that the formula uses. @param {number} lat @param {number} lon */
const inChina = (lat, lon) => lat >= 0.8293 && lat <= 55.8271 && lon >= 72.004 && lon <= 137.8347;

/** @param {number} value @param {[height: number, length: number][]} parts */
const waves = (value, parts) =>
  parts.reduce((sum, [height, length]) => sum + height * Math.sin((Math.PI * value) / length), 0);

/** How far GCJ-02 moves a WGS-84 place north and east, degrees. @param {number} lat @param {number} lon */
function shift(lat, lon) {
  const [x, y] = [lon - 105, lat - 35];
  const both = 20 * Math.sin(6 * Math.PI * x) + 20 * Math.sin(2 * Math.PI * x);
  const rootX = Math.sqrt(Math.abs(x));
  const wavesY =
    both +
    waves(y, [
      [20, 1],
      [40, 3],
      [160, 12],
      [320, 30],
    ]);
  const wavesX =
    both +
    waves(x, [
      [20, 1],
      [40, 3],
      [150, 12],
      [300, 30],
    ]);
  const northM = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * rootX + (wavesY * 2) / 3;
  const eastM = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * rootX + (wavesX * 2) / 3;
  const bulge = 1 - ECCENTRICITY_2 * Math.sin(lat * rad) ** 2;
  const degreeNorthM = (rad * AXIS_M * (1 - ECCENTRICITY_2)) / (bulge * Math.sqrt(bulge));
  const degreeEastM = ((rad * AXIS_M) / Math.sqrt(bulge)) * Math.cos(lat * rad);
  return [northM / degreeNorthM, eastM / degreeEastM];
}

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
  if (from === to || !inChina(lat, lon)) return [lat, lon];
  let [north = 0, east = 0] = shift(lat, lon);
  if (to === "gcj02") return [lat + north, lon + east];
  for (let round = 1; round < ROUNDS; round++) [north = 0, east = 0] = shift(lat - north, lon - east);
  return [lat - north, lon - east];
}

/**
 * Metres between two places of one datum, over the ground.
 *
 * @param {[number, number]} a latitude and longitude, degrees
 * @param {[number, number]} b
 */
export function metres([latA, lonA], [latB, lonB]) {
  const north = Math.sin(((latB - latA) * rad) / 2) ** 2;
  const east = Math.sin(((lonB - lonA) * rad) / 2) ** 2;
  return 2 * EARTH_M * Math.asin(Math.sqrt(north + Math.cos(latA * rad) * Math.cos(latB * rad) * east));
}
