/**
 * Where the names on a map of streets stand: along the streets, each once in a while, none on another and none on what
 * is there already. The more a person finds their way by something, the sooner its name has its place.
 * Draws nothing. Field's term: label placement.
 */

import { PLACES_M, STATIONS_M } from "./streets.js";

/** @typedef {import("./streets.js").Point} Point pixels to the east and to the south */
/** @typedef {import("./streets.js").Feature} Feature */
/** @typedef {{ west: number, north: number, east: number, south: number }} Box in pixels */
/** @typedef {{ text: string, kind: string, at: Point, turn: number, upright: boolean }} Name `turn`: degrees */
/**
 * @typedef {object} View
 * @property {string} lang
 * @property {(point: Point) => Point} project
 * @property {number} pixel metres
 * @property {number} size of the letters, in pixels
 * @property {number} every so many pixels of a line its name stands again
 * @property {Box} box names are inside
 * @property {Box[]} taken
 */

/** In order; a kind has names where a pixel is at most so many metres. @type {[kind: string, metres: number][]} */
const KINDS = [
  ["road", 26],
  ["river", 40],
  ["park", 14],
  ["place", PLACES_M],
  ["rail", 16],
  ["street", 8],
  ["water", 6],
  ["brook", 4],
];
/** Near where a name would stand, at one of these shares of the way to the next. */
const TRIED = [0, 0.1, -0.1, 0.2, -0.2, 0.3, -0.3, 0.4, -0.4];
const AIR = 3;
/** Half of a sign, in pixels. */
const SIGN = 4;
/** A line that bends more than this under its name would run away from it. */
const STRAIGHT = 0.97;
const STEEP = 55;
const WIDE = /[\u2e80-\u9fff\uff00-\uffef]/;

/** About as wide as the text is. @param {string} text @param {number} size */
export const measure = (text, size) =>
  [...text].reduce((sum, letter) => sum + (WIDE.test(letter) ? size : size * 0.56), 0);

/**
 * @param {Feature[]} features
 * @param {View} view
 * @returns {Name[]}
 */
export function names(features, view) {
  const taken = [...view.taken, ...signsIn(features, view)];
  return KINDS.filter(([, metres]) => view.pixel <= metres).flatMap(([kind]) =>
    features
      .filter(({ properties }) => properties.kind === kind && properties.name)
      .flatMap((feature) => named(feature, view, taken)),
  );
}

/** @param {Feature[]} features @param {View} view @returns {Box[]} of the signs that are seen */
function signsIn(features, { project, pixel }) {
  return features
    .filter(({ properties: { kind } }) =>
      kind === "station" ? pixel <= STATIONS_M : kind === "place" && pixel <= PLACES_M,
    )
    .map(({ geometry }) => {
      const [x, y] = project(geometry.coordinates);
      return { west: x - SIGN, north: y - SIGN, east: x + SIGN, south: y + SIGN };
    });
}

/** @param {Feature} feature @param {View} view @param {Box[]} taken grows */
function named({ properties: { kind, name }, geometry: { type, coordinates } }, view, taken) {
  const text = name?.[view.lang] ?? name?.["en"] ?? "";
  const long = measure(text, view.size);
  const shown = (/** @type {Point | null} */ at, angle = 0) => {
    if (!at) return null;
    const upright = WIDE.test(text) && Math.abs(angle) > STEEP;
    const box = around(at, long, view.size, angle);
    if (!within(box, view.box) || taken.some((other) => overlap(box, other))) return null;
    taken.push(box);
    return { text, kind, at, turn: upright ? angle - 90 * Math.sign(angle) : angle, upright };
  };
  if (type === "Point") {
    const [x, y] = view.project(coordinates);
    return [shown([x, y + view.size / 2 + SIGN + AIR + 1])].filter((one) => one !== null);
  }
  if (type === "MultiPolygon") {
    return [shown(roomIn(coordinates[0][0].map(view.project), long))].filter((one) => one !== null);
  }
  /** @type {Point[][]} */
  const lines = coordinates.map((/** @type {Point[]} */ line) => line.map(view.project));
  return lines.flatMap((line) => {
    if (!overlap(bounds(line), view.box)) return [];
    const lengths = line.slice(1).map((point, k) => apart(line[k] ?? point, point));
    const whole = lengths.reduce((sum, one) => sum + one, 0);
    const count = Math.max(1, Math.floor(whole / view.every));
    return Array.from({ length: count }, (_, k) => {
      for (const share of TRIED) {
        const middle = ((k + 0.5 + share) * whole) / count;
        const placed = straight(line, lengths, middle, long);
        const found = placed && shown(placed.at, placed.angle);
        if (found) return found;
      }
      return null;
    }).filter((one) => one !== null);
  });
}

/** The middle of a surface that is at least about as wide as its name. @param {Point[]} ring @param {number} long */
function roomIn(ring, long) {
  const { west, north, east, south } = bounds(ring);
  return east - west < long ? null : /** @type {Point} */ ([(west + east) / 2, (north + south) / 2]);
}

/**
 * Where a line is straight enough for a name, and which way it goes there, to be read from left to right.
 *
 * @param {Point[]} line
 * @param {number[]} lengths
 * @param {number} middle
 * @param {number} long
 */
function straight(line, lengths, middle, long) {
  const a = along(line, lengths, middle - long / 2);
  const b = along(line, lengths, middle + long / 2);
  if (!a || !b || apart(a, b) < long * STRAIGHT) return null;
  const angle = (Math.atan2(b[1] - a[1], b[0] - a[0]) * 180) / Math.PI;
  const turned = angle > 90 ? angle - 180 : angle <= -90 ? angle + 180 : angle;
  return { at: /** @type {Point} */ ([(a[0] + b[0]) / 2, (a[1] + b[1]) / 2]), angle: turned };
}

/** @param {Point[]} line @param {number[]} lengths @param {number} far @returns {Point | null} null beyond its ends */
function along(line, lengths, far) {
  if (far < 0) return null;
  let left = far;
  for (const [k, length] of lengths.entries()) {
    const [a, b] = [line[k], line[k + 1]];
    if (a && b && left <= length) {
      const share = length ? left / length : 0;
      return [a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share];
    }
    left -= length;
  }
  return null;
}

/** @param {Point} a @param {Point} b */
const apart = ([x, y], [x2, y2]) => Math.hypot(x2 - x, y2 - y);

/** @param {Point} at @param {number} long @param {number} high @param {number} angle @returns {Box} */
function around([x, y], long, high, angle) {
  const [c, s] = [Math.abs(Math.cos((angle * Math.PI) / 180)), Math.abs(Math.sin((angle * Math.PI) / 180))];
  const across = (long * c + high * s) / 2 + AIR;
  const down = (long * s + high * c) / 2 + AIR;
  return { west: x - across, north: y - down, east: x + across, south: y + down };
}

/** @param {Point[]} points @returns {Box} */
function bounds(points) {
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  return { west: Math.min(...xs), north: Math.min(...ys), east: Math.max(...xs), south: Math.max(...ys) };
}

/** @param {Box} a @param {Box} b */
const overlap = (a, b) => a.west < b.east && b.west < a.east && a.north < b.south && b.north < a.south;

/** @param {Box} inner @param {Box} outer */
const within = (inner, outer) =>
  inner.west >= outer.west &&
  inner.east <= outer.east &&
  inner.north >= outer.north &&
  inner.south <= outer.south;
