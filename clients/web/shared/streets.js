/**
 * How the demonstration's invented streets look: layers from below to above, their widths, and the signs and names on
 * them as SVG. The same for the console's map and the citizen's picture. Where names stand is in street-names.js.
 */

/** @typedef {[number, number]} Point */
/** @typedef {{ kind: string, name?: Record<string, string> }} Properties */
/** @typedef {{ properties: Properties, geometry: { type: string, coordinates: any } }} Feature */
/** @typedef {{ bbox: [number, number, number, number], features: Feature[] }} Streets GeoJSON, longitude first, WGS-84 */
/**
 * @typedef {object} Layer
 * @property {string} look the class of its shape, after "drawn-"
 * @property {string} kind of the features in it
 * @property {[metres: number, least: number, most: number]} [wide] of a line: in metres, within so many pixels
 * @property {number} [until] not drawn where a pixel is more metres
 */

const SVG = "http://www.w3.org/2000/svg";
/** Signs and names of places, where a pixel is at most so many metres; from afar they would hide the streets. */
export const PLACES_M = 5;
export const STATIONS_M = 16;
const SHIELD = "M-5-6h10v6q0 4-5 6.5Q-5 4-5 0z";

/** @type {Layer[]} */
export const LAYERS = [
  { look: "town", kind: "town" },
  { look: "park", kind: "park" },
  { look: "water", kind: "water" },
  { look: "brook", kind: "brook", wide: [16, 0.8, 18], until: 20 },
  { look: "lane", kind: "lane", wide: [8, 0.5, 9], until: 7 },
  { look: "street", kind: "street", wide: [14, 0.8, 13], until: 20 },
  { look: "bed", kind: "rail", wide: [30, 0, 40] },
  { look: "rail", kind: "rail", wide: [7, 1.4, 5] },
  { look: "ties", kind: "rail", wide: [4, 0.7, 3] },
  { look: "edge", kind: "road", wide: [26, 4, 22] },
  { look: "road", kind: "road", wide: [22, 2.6, 19.5] },
];

/**
 * Everything of one kind, as lines or as outlines.
 *
 * @param {Streets} streets
 * @param {string} kind
 * @returns {Point[][]}
 */
export function parts({ features }, kind) {
  return features
    .filter(({ properties }) => properties.kind === kind)
    .flatMap(({ geometry: { type, coordinates } }) => {
      if (type === "MultiPolygon") return coordinates.flat();
      return type === "MultiLineString" || type === "Polygon" ? coordinates : [coordinates];
    });
}

/**
 * How wide a layer's lines are, where a pixel is so many metres: null when it is not drawn.
 *
 * @param {Layer} layer
 * @param {number} pixel metres
 */
export function width({ wide: [metres, least, most] = [0, 0, 0], until = Infinity }, pixel) {
  return pixel > until ? null : Math.min(Math.max(metres / pixel, least), most);
}

/**
 * @param {string} name
 * @param {Record<string, string | number>} attributes
 */
export function shape(name, attributes) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, `${value}`);
  return node;
}

/**
 * The signs of stations and places.
 *
 * @param {Streets} streets
 * @param {(point: Point) => Point} project
 * @param {number} pixel metres
 */
export function signs({ features }, project, pixel) {
  return features.flatMap(({ properties: { kind }, geometry: { coordinates } }) => {
    const transform = () => `translate(${project(coordinates).map(Math.round).join(" ")})`;
    if (kind === "station" && pixel <= STATIONS_M) {
      return [shape("path", { class: "drawn-station", d: SHIELD, transform: transform() })];
    }
    if (kind === "place" && pixel <= PLACES_M) {
      return [shape("circle", { class: "drawn-place", r: 2.5, transform: transform() })];
    }
    return [];
  });
}

/**
 * Names as they stand. Chinese on a street that goes up and down stands upright, as on any map there.
 *
 * @param {import("./street-names.js").Name[]} names
 */
export function written(names) {
  return names.map(({ text, kind, at: [x, y], turn, upright }) => {
    const node = shape("text", {
      class: `drawn-name is-${kind}${upright ? " upright" : ""}`,
      transform: `translate(${x.toFixed(1)} ${y.toFixed(1)}) rotate(${turn.toFixed(1)})`,
    });
    node.textContent = text;
    return node;
  });
}
