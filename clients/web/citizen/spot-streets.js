/** The demonstration's invented streets under the picture on which a place is shown by hand. Fetched only where a hub has
 *  them, after the picture is there; without them it is as before. */

import { measure, names } from "/static/shared/street-names.js";
import { LAYERS, parts, shape, signs, width, written } from "/static/shared/streets.js";

/** @typedef {import("../shared/streets.js").Point} Point */
/** @typedef {import("../shared/streets.js").Streets} Streets */
/** @typedef {{ at: Point, text: string, ends?: boolean }} Label `at`: its middle, or where it ends */

const FINE = 1e5; // parts of a degree in which the lines are written
const SIZE = 9;
const EVERY = 160;
const FAR = 80; // moved by so many units, names are placed anew

/**
 * @param {Streets} streets
 * @param {number} wide of the picture, in its units
 * @param {number} high
 */
export function lay(streets, wide, high) {
  const [west, , , north] = streets.bbox;
  const ground = shape("g", {});
  const layers = LAYERS.map((layer) => {
    const lines = parts(streets, layer.kind).map((line) =>
      line.map(([lon, lat]) => `${Math.round((lon - west) * FINE)} ${Math.round((north - lat) * FINE)}`),
    );
    const d = lines.map((line) => `M${line.join("L")}${layer.wide ? "" : "Z"}`).join("");
    const path = shape("path", { d, class: `drawn-${layer.look}`, "vector-effect": "non-scaling-stroke" });
    ground.append(path);
    return { layer, path };
  });
  const sheet = shape("g", { "aria-hidden": "true" });
  /** @type {{ scale: number, lang: string, corner: Point } | null} */
  let last = null;

  /**
   * @param {(point: Point) => Point} place
   * @param {number} scale metres of a unit
   * @param {string} lang
   * @param {Label[]} labels that stand there already
   */
  function show(place, scale, lang, labels) {
    const corner = place([west, north]);
    const [x, y] = place([west + 1, north - 1]);
    ground.setAttribute(
      "transform",
      `translate(${corner.join(" ")}) scale(${(x - corner[0]) / FINE} ${(y - corner[1]) / FINE})`,
    );
    for (const { layer, path } of layers) {
      const line = width(layer, scale);
      path.toggleAttribute("hidden", line === null);
      if (line !== null) path.setAttribute("stroke-width", `${line}`);
    }
    const [dx, dy] = [corner[0] - (last?.corner[0] ?? 0), corner[1] - (last?.corner[1] ?? 0)];
    if (last?.scale === scale && last.lang === lang && Math.hypot(dx, dy) < FAR) {
      sheet.setAttribute("transform", `translate(${dx} ${dy})`);
      return;
    }
    last = { scale, lang, corner };
    const taken = labels.map(({ at: [x, y], text, ends = false }) => {
      const half = measure(text, SIZE) / 2;
      const middle = ends ? x - half : x;
      return { west: middle - half, north: y - SIZE, east: middle + half, south: y + SIZE / 2 };
    });
    const box = { west: -FAR, north: -FAR, east: wide + FAR, south: high + FAR };
    const view = { lang, project: place, pixel: scale, size: SIZE, every: EVERY, box, taken };
    sheet.setAttribute("transform", "");
    sheet.replaceChildren(...signs(streets, place, scale), ...written(names(streets.features, view)));
  }
  return { nodes: [ground, sheet], show };
}
