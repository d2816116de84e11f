/** A place shown by hand: the stations' areas as a picture, moved under a cross. No map of anybody else; streets where the
 *  hub has them. Brought only when it is asked for; it works by finger, by buttons and by keys. */

import { request } from "./http.js";
import { control, make, part, write } from "./page.js";
import { showPlace } from "./position.js";
import { drawn, state } from "./state.js";
import { styled } from "./style.js";
import { language, tell, word } from "./words.js";

const DEGREE_M = 111_320;
const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 320; // of the picture, in its own units
const HEIGHT = 240;
const ABOVE = 9; // its sign, a station's name stands
const FINGER = 12; // so exact can a finger be, in the same units

/** @typedef {{name: Record<string, string>, rings: [number, number][][], mine?: boolean}} Area */

/** @type {Area[]} */
let areas = [];
let at = { lat: 0, lon: 0 };
/** Metres of one unit. */
let scale = 10;
let begun = false;
/** @type {ReturnType<typeof import("./spot-streets.js").lay> | null} */
let streets = null;
/** Where they are, if anywhere. @type {string | undefined} */
let ground;

/** Show the picture. Rejects when the areas cannot be had. */
export async function open() {
  if (!areas.length) {
    ({ areas, streets: ground } = await request("GET", `/areas/${state.receipt?.station.id}`));
  }
  if (!begun) await styled("spot");
  if (!begun) begin();
  if (ground && !streets) void lay(ground);
  write(part("spot-said"), "");
  part("spot").hidden = false;
  draw();
  part("spot-picture").focus();
}

/** Streets under the areas, when they have come; the picture does not wait for them. @param {string} address */
async function lay(address) {
  try {
    const [{ lay }, found] = await Promise.all([import("./spot-streets.js"), request("GET", address)]);
    streets = lay(found, WIDTH, HEIGHT);
  } catch {
    return; // areas alone, then
  }
  part("spot-picture").classList.add("streets");
  tell(part("spot-note"), "spot_note_streets");
  draw();
}

/** The picture and its controls, with words that follow the language. */
function build() {
  const picture = shape("svg", {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    id: "spot-picture",
    tabindex: 0,
    role: "application",
  });
  picture.setAttribute("data-word-label", "spot");
  picture.setAttribute("aria-label", word("spot"));
  const bar = make("span", "bar-m");
  bar.id = "spot-scale";
  const metres = make("span", "");
  metres.id = "spot-metres";
  const note = make("p", "small");
  note.id = "spot-note";
  tell(note, "spot_note");
  part("spot").append(
    note,
    picture,
    make("p", "scale small", bar, metres),
    make(
      "div",
      "chips",
      ...["north", "south", "west", "east", "in", "out"].map((one) => button("chip", one)),
    ),
    make("div", "chips", ...["send", "close"].map((one) => button("plain", one))),
  );
}

/** @param {string} look @param {string} name */
function button(look, name) {
  const node = make("button", look);
  node.setAttribute("type", "button");
  node.dataset["act"] = `spot-${name}`;
  tell(node, `spot_${name}`);
  return node;
}

function begin() {
  begun = true;
  build();
  const mine = areas.find((area) => area.mine) ?? areas[0];
  const points = mine?.rings.flat() ?? [];
  const [west, east] = span(points.map(([lon]) => lon));
  const [south, north] = span(points.map(([, lat]) => lat));
  at = { lat: (south + north) / 2, lon: (west + east) / 2 };
  scale = Math.max(((north - south) * DEGREE_M) / HEIGHT, ((east - west) * eastM()) / WIDTH) * 1.2;
  if (state.place) at = { lat: state.place.lat, lon: state.place.lon };

  const picture = part("spot-picture");
  /** @type {{x: number, y: number} | null} */
  let from = null;
  picture.addEventListener("pointerdown", ({ clientX: x, clientY: y, pointerId }) => {
    from = { x, y };
    picture.setPointerCapture(pointerId);
  });
  picture.addEventListener("pointermove", ({ clientX: x, clientY: y }) => {
    if (!from) return;
    const unit = WIDTH / picture.clientWidth;
    move((from.x - x) * unit, (from.y - y) * unit);
    from = { x, y };
  });
  for (const end of ["pointerup", "pointercancel"]) picture.addEventListener(end, () => (from = null));
  const steps = { north: [0, -1], south: [0, 1], west: [-1, 0], east: [1, 0] };
  for (const [name, [x = 0, y = 0]] of Object.entries(steps)) {
    control(`spot-${name}`).addEventListener("click", () => move(x * 24, y * 24));
  }
  /** @type {Record<string, [number, number]>} */
  const keys = { ArrowUp: [0, -12], ArrowDown: [0, 12], ArrowLeft: [-12, 0], ArrowRight: [12, 0] };
  picture.addEventListener("keydown", (event) => {
    const step = keys[event.key];
    if (step) move(...step);
    else if (event.key === "+") zoom(0.5);
    else if (event.key === "-") zoom(2);
    else return;
    event.preventDefault();
  });
  control("spot-in").addEventListener("click", () => zoom(0.5));
  control("spot-out").addEventListener("click", () => zoom(2));
  control("spot-close").addEventListener("click", close);
  control("spot-send").addEventListener("click", () => {
    showPlace({
      ...at,
      accuracy_m: Math.round(FINGER * scale),
      at: new Date().toISOString(),
      datum: "wgs84",
      source: "pin",
    });
    close();
  });
  drawn(draw);
}

function close() {
  part("spot").hidden = true;
  control("spot").focus();
}

/** @param {number} x @param {number} y units to the east and to the south */
function move(x, y) {
  at = { lat: at.lat - (y * scale) / DEGREE_M, lon: at.lon + (x * scale) / eastM() };
  draw();
}

/** @param {number} by */
function zoom(by) {
  scale = Math.min(Math.max(scale * by, 0.5), 1000);
  draw();
}

function draw() {
  if (part("spot").hidden) return;
  /** @type {import("./spot-streets.js").Label[]} */
  const labels = [];
  // The own one last: its outline is not covered by its neighbours'.
  const shapes = [...areas].reverse().flatMap(({ name, rings, mine }) => {
    const outline = rings
      .map((ring) => `M${ring.map((point) => place(point).join(" ")).join("L")}Z`)
      .join("");
    const [x, y] = place(centre(rings[0] ?? []));
    const at = /** @type {[number, number]} */ ([x, streets ? y - ABOVE : y]);
    const label = shape("text", { x: at[0], y: at[1] });
    label.textContent = name[language()] ?? name["en"] ?? "";
    labels.push({ at, text: label.textContent });
    return [shape("path", { d: outline, class: mine ? "area mine" : "area" }), label];
  });
  if (streets) {
    const text = word("spot_invented");
    labels.push({ at: [WIDTH - 4, HEIGHT - 5], text, ends: true });
    streets.show(place, scale, language(), labels);
  }
  const { place: known } = state;
  if (known && known.source !== "pin") {
    const [x, y] = place([known.lon, known.lat]);
    shapes.push(shape("circle", { cx: x, cy: y, r: Math.max(known.accuracy_m / scale, 4), class: "known" }));
  }
  shapes.push(shape("path", { d: `M${WIDTH / 2} 88v64M128 ${HEIGHT / 2}h64`, class: "cross" }));
  if (streets) {
    const said = shape("text", { x: WIDTH - 4, y: HEIGHT - 5, class: "invented" });
    said.textContent = word("spot_invented");
    shapes.push(said);
  }
  part("spot-picture").replaceChildren(...(streets?.nodes ?? []), ...shapes);
  const metres = 10 ** Math.floor(Math.log10(100 * scale));
  part("spot-scale").style.setProperty("inline-size", `${(100 * metres) / scale / WIDTH}%`);
  write(part("spot-metres"), word("metres", { n: metres }));
}

/** @param {[number, number]} point @returns {[number, number]} where it is in the picture */
const place = ([lon, lat]) => [
  round(WIDTH / 2 + ((lon - at.lon) * eastM()) / scale),
  round(HEIGHT / 2 - ((lat - at.lat) * DEGREE_M) / scale),
];

/** A degree to the east, in metres. */
const eastM = () => DEGREE_M * Math.cos((at.lat * Math.PI) / 180);

/** @param {[number, number][]} ring @returns {[number, number]} */
const centre = (ring) => {
  const [west, east] = span(ring.map(([lon]) => lon));
  const [south, north] = span(ring.map(([, lat]) => lat));
  return [(west + east) / 2, (south + north) / 2];
};

/** @param {number[]} numbers @returns {[number, number]} */
const span = (numbers) => [Math.min(...numbers), Math.max(...numbers)];

/** @param {number} n */
const round = (n) => Math.round(n * 10) / 10;

/** @param {string} name @param {Record<string, string | number>} attributes */
function shape(name, attributes) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, `${value}`);
  return node;
}
