/** The demonstration's invented streets under the console's map: where no tiles are, something to find one's way by. */

import { names } from "../shared/street-names.js";
import { LAYERS, parts, shape, signs, width, written } from "../shared/streets.js";

/** @import * as Leaflet from "leaflet" */
/** @typedef {import("../shared/streets.js").Point} Point */
/** @typedef {import("../shared/streets.js").Streets} Streets */
/** @typedef {import("../shared/street-names.js").Box} Box */

const ROUND_EARTH_M = 40_075_017;
const SIZE = 11;
/** So much more than what is seen is drawn on each side, as a share of it: it is there when the map is moved. */
const MORE = 0.5;

/** @param {[number, number][]} line longitude first @returns {Point[]} latitude first */
const turned = (line) => line.map(([lon, lat]) => [lat, lon]);

/**
 * @param {typeof Leaflet} L
 * @param {Leaflet.Map} map
 * @param {Streets} streets
 * @returns {(lang: string, taken: Box[]) => void} writes their names anew, none on what is taken (in layer pixels)
 */
export function lay(L, map, streets) {
  map.createPane("streets").style.zIndex = "210";
  const pane = map.createPane("street-names");
  pane.style.zIndex = "340";
  pane.setAttribute("aria-hidden", "true"); // the story has the place in words
  const renderer = L.svg({ pane: "streets", padding: MORE });
  const layers = LAYERS.map((layer) => {
    const found = parts(streets, layer.kind).map(turned);
    const how = { className: `drawn-${layer.look}`, interactive: false, pane: "streets", renderer };
    const drawn = layer.wide
      ? L.polyline(found, how)
      : L.polygon(
          found.map((ring) => [ring]),
          how,
        );
    return { layer, drawn: drawn.addTo(map) };
  });
  const [, south, , north] = streets.bbox;
  const equator = ROUND_EARTH_M * Math.cos((((south + north) / 2) * Math.PI) / 180);
  const pixel = () => equator / (256 * 2 ** map.getZoom());
  const seen = () => {
    for (const { layer, drawn } of layers) {
      const wide = width(layer, pixel());
      if (wide !== null) drawn.setStyle({ weight: wide });
      drawn.getElement()?.toggleAttribute("hidden", wide === null);
    }
  };
  map.on("zoomend", seen);
  seen();

  const sheet = /** @type {SVGElement} */ (shape("svg", { class: "map-street-names" }));
  pane.append(sheet);
  map.on("zoomstart", () => (sheet.style.visibility = "hidden")); // they do not grow with the streets
  return (lang, taken) => {
    const { min, max } = map.getPixelBounds();
    const { x, y } = map.getPixelOrigin();
    const [across, down] = [((max?.x ?? 0) - (min?.x ?? 0)) * MORE, ((max?.y ?? 0) - (min?.y ?? 0)) * MORE];
    const box = {
      west: (min?.x ?? 0) - x - across,
      north: (min?.y ?? 0) - y - down,
      east: (max?.x ?? 0) - x + across,
      south: (max?.y ?? 0) - y + down,
    };
    /** @param {Point} point @returns {Point} */
    const project = ([lon, lat]) => {
      const at = map.latLngToLayerPoint([lat, lon]);
      return [at.x, at.y];
    };
    const every = Math.min(320, Math.max(180, 0.6 * map.getSize().x));
    const view = { lang, project, pixel: pixel(), size: SIZE, every, box, taken };
    sheet.replaceChildren(...signs(streets, project, pixel()), ...written(names(streets.features, view)));
    sheet.style.visibility = "";
  };
}
