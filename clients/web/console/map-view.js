/**
 * One map on the page, by Leaflet: areas, coast, tiles or streets where there are any, and the facts of one alarm.
 * Draws what it is given and asks for nothing but pictures. A still one is a picture itself: it takes no finger and no key.
 */

/** @import * as Leaflet from "leaflet" */
/** @typedef {import("./map-facts.js").Fact} Fact */
/** @typedef {import("./map-tiles.js").Tiles} Tiles */
/** @typedef {typeof import("./map-datum.js").converted} Converted */
/** @typedef {import("../shared/streets.js").Streets} Streets */
/** @typedef {{ still: boolean, tiles: Tiles | null, streets: Streets | null, converted: Converted, failed: () => void }} How `converted`: given, since
 *  a file more that the page and the map share would come before the page lives */
/** @typedef {{ name: Record<string, string>, rings: [number, number][][], mine?: boolean }} Area rings: longitude first, WGS-84 */
/** @typedef {{ facts: Fact[], areas: Area[], lang: string, old: boolean }} Shown */

/** Closer than this the coast of the outline would lie by more than it says. */
const COAST_ZOOM = 9;
const NEAR_ZOOM = 16;
/** What lies on the streets. */
const ON_TOP =
  ".map-pin span, .leaflet-marker-pane .map-pin, .leaflet-control-scale-line, .map-invented, .map-controls";
/** Half of a mark, in pixels. */
const PIN = 10;
/** Where the citizen is or was, and where something of theirs was made. */
const PLACED = ["before", "now", "hand"];
const MADE = ["photo", "recording"];

const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** @type {Promise<typeof Leaflet> | undefined} */
let library;

function leaflet() {
  library ??= begin();
  library.catch(() => (library = undefined)); // the next map may have a network
  return library;
}

async function begin() {
  const style = document.createElement("link");
  style.rel = "stylesheet";
  style.href = "/static/vendor/leaflet.css";
  const styled = new Promise((done, failed) => {
    style.onload = done;
    style.onerror = failed;
  });
  document.head.prepend(style); // before our own, which says more
  const module = /** @type {any} */ (await import("/static/vendor/leaflet.js"));
  await styled;
  return /** @type {typeof Leaflet} */ (module.default);
}

/** @param {HTMLElement} box @param {How} how */
export async function makeView(box, how) {
  const L = await leaflet();
  return new View(L, box, how);
}

export class View {
  /** @type {Shown | null} */
  #shown = null;
  /** The person has moved the map: it does not go elsewhere by itself. */
  #moved = false;
  #coast = false;
  #gone = false;
  /** @type {{ bounds: Leaflet.LatLngBounds, pin: HTMLElement }[]} */
  #names = [];
  /** Writes the names of the streets. @type {((lang: string, taken: import("../shared/street-names.js").Box[]) => void) | null} */
  #write = null;

  /** @param {typeof Leaflet} L @param {HTMLElement} box @param {How} how */
  constructor(L, box, { still, tiles, streets, converted, failed }) {
    this.L = L;
    this.converted = converted;
    this.tiles = tiles;
    this.streets = tiles ? null : streets;
    const moves = !still;
    const glides = !calm();
    this.map = L.map(box, {
      attributionControl: false, // said in words beside it
      zoomControl: false,
      dragging: moves,
      touchZoom: moves,
      scrollWheelZoom: moves,
      doubleClickZoom: moves,
      boxZoom: moves,
      keyboard: moves,
      zoomAnimation: glides,
      fadeAnimation: glides,
      markerZoomAnimation: glides,
      inertia: glides,
      zoomSnap: tiles ? 1 : 0.25,
      minZoom: 3,
      maxZoom: 19,
    });
    if (still) box.removeAttribute("tabindex");
    for (const [name, level] of [
      ["coast", 220],
      ["areas", 300],
      ["names", 350],
    ]) {
      this.map.createPane(String(name)).style.zIndex = String(level);
    }
    this.areas = L.layerGroup().addTo(this.map);
    this.facts = L.layerGroup().addTo(this.map);
    L.control.scale({ imperial: false, maxWidth: 120 }).addTo(this.map);
    this.map.on("dragstart keydown", () => (this.#moved = true));
    if (moves) {
      // For who cannot drag: what was pressed is the middle.
      this.map.on("click", ({ latlng }) => {
        this.#moved = true;
        this.map.panTo(latlng);
      });
    }
    this.map.on("zoomend", () => {
      void this.#drawCoast();
      this.#showNames();
    });
    this.watcher = new ResizeObserver(() => this.map.invalidateSize({ animate: false }));
    this.watcher.observe(box);
    this.map.on("moveend", () => this.#writeStreets());
    if (tiles) void this.#lay(tiles, failed);
    else if (streets) void this.#layStreets(streets);
  }

  /** @param {Tiles} tiles @param {() => void} failed */
  async #lay(tiles, failed) {
    try {
      const { tileLayer } = await import("./map-tiles.js");
      const layer = await tileLayer(this.L, tiles, failed);
      if (!this.#gone) layer.addTo(this.map);
    } catch {
      failed();
    }
  }

  /** @param {Streets} streets */
  async #layStreets(streets) {
    const { lay } = await import("./map-streets.js");
    if (this.#gone) return;
    this.#write = lay(this.L, this.map, streets);
    this.#writeStreets();
  }

  /** Names of streets, where no other name and nothing of the alarm is. */
  #writeStreets() {
    if (!this.#write || !this.#shown) return;
    const box = this.map.getContainer();
    const { left, top } = box.getBoundingClientRect();
    const pins = [...(box.parentElement ?? box).querySelectorAll(ON_TOP)];
    const taken = pins.map((pin) => {
      const { x, y, width, height } = pin.getBoundingClientRect();
      const at = this.map.containerPointToLayerPoint([x - left, y - top]);
      const air = width ? 0 : PIN;
      return { west: at.x - air, north: at.y - air, east: at.x + width + air, south: at.y + height + air };
    });
    this.#write(this.#shown.lang, taken);
  }

  /** @param {Shown} shown */
  show(shown) {
    const before = this.#shown;
    this.#shown = shown;
    const moved = JSON.stringify(before?.facts.at(-1)?.at) !== JSON.stringify(shown.facts.at(-1)?.at);
    if (!before || before.areas !== shown.areas || before.lang !== shown.lang) this.#drawAreas(shown);
    if (!before || ((moved || before.areas !== shown.areas) && !this.#moved)) this.fit();
    this.#drawFacts(shown);
    this.#showNames();
    this.#writeStreets();
  }

  /** Where the citizen is, and, without tiles or streets to know it by, the area around. */
  fit() {
    this.#moved = false;
    const { facts, areas } = this.#shown ?? { facts: [], areas: [] };
    const bounds = this.L.latLngBounds([]);
    const mine = areas.find((area) => area.mine);
    const now =
      facts.findLast((one) => PLACED.includes(one.kind)) ?? facts.find((one) => MADE.includes(one.kind));
    const around = mine && !(now && (this.tiles || this.#hasStreets(now.at))) ? this.#rings(mine) : [];
    for (const ring of around) bounds.extend(this.L.latLngBounds(ring));
    if (now) bounds.extend(this.L.latLng(now.at).toBounds(2 * Math.max(now.accuracy ?? 0, 50)));
    const still = { animate: false };
    if (!bounds.isValid()) this.map.setView([35, 105], 4, still);
    else this.map.fitBounds(bounds, { padding: [24, 24], maxZoom: NEAR_ZOOM, ...still });
  }

  /** @param {[number, number]} at latitude first */
  #hasStreets([lat, lon]) {
    const [west = 0, south = 0, east = 0, north = 0] = this.streets?.bbox ?? [];
    return west < lon && lon < east && south < lat && lat < north;
  }

  /** @param {number} by */
  zoom(by) {
    // At once: while Leaflet glides from one level to the next, it forgets what is pressed.
    this.map.setZoom(Math.round(this.map.getZoom()) + by, { animate: false });
  }

  remove() {
    this.#gone = true;
    this.watcher.disconnect();
    this.map.remove();
  }

  /** @param {Area} area @returns {[number, number][][]} in the map's datum, latitude first */
  #rings(area) {
    return area.rings.map((ring) =>
      ring.map(([lon, lat]) => this.converted(lat, lon, "wgs84", this.tiles?.datum ?? "wgs84")),
    );
  }

  /** @param {Shown} shown */
  #drawAreas({ areas, lang }) {
    const { L } = this;
    this.areas.clearLayers();
    this.#names = [];
    for (const area of areas) {
      const className = `map-area ${area.mine ? "mine" : ""}`;
      const shape = L.polygon(
        this.#rings(area).map((ring) => [ring]),
        { className, interactive: false, pane: "areas" },
      ).addTo(this.areas);
      const bounds = shape.getBounds();
      const name = area.name[lang] ?? area.name["zh"] ?? "";
      const pin = this.#label(bounds.getCenter(), "is-name", name, this.areas, "names");
      if (pin) this.#names.push({ bounds, pin });
    }
  }

  /** Only the names that have room in their areas: from afar they would lie on one another. */
  #showNames() {
    for (const { bounds, pin } of this.#names) {
      const { x: west } = this.map.latLngToLayerPoint(bounds.getNorthWest());
      const { x: east } = this.map.latLngToLayerPoint(bounds.getNorthEast());
      const text = /** @type {HTMLElement} */ (pin.firstElementChild);
      pin.style.visibility = text.offsetWidth < east - west ? "" : "hidden";
    }
  }

  async #drawCoast() {
    if (this.#coast || this.tiles || this.map.getZoom() >= COAST_ZOOM) return;
    this.#coast = true;
    try {
      const land = await (await fetch("/static/vendor/land.json")).json();
      if (this.#gone) return;
      this.L.geoJSON(land, {
        style: { className: "map-land" },
        interactive: false,
        pane: "coast",
      }).addTo(this.map);
      const pane = this.map.getPanes()["coast"];
      const seen = () => pane?.classList.toggle("far", this.map.getZoom() < COAST_ZOOM);
      this.map.on("zoomend", seen);
      seen();
    } catch {
      this.#coast = false; // areas alone, then
    }
  }

  /** @param {Shown} shown */
  #drawFacts({ facts, old }) {
    const { L } = this;
    this.facts.clearLayers();
    const way = facts.filter((one) => PLACED.includes(one.kind));
    if (way.length > 1) {
      L.polyline(
        way.map((one) => one.at),
        { className: "map-track", interactive: false },
      ).addTo(this.facts);
    }
    for (const one of facts) {
      if (one.accuracy && one.kind !== "before") {
        L.circle(one.at, {
          radius: one.accuracy,
          className: `map-accuracy is-${one.kind}`,
          interactive: false,
        }).addTo(this.facts);
      }
      const look = `is-${one.kind}${one.kind === "now" && old ? " is-old" : ""}`;
      const pin = this.#label(L.latLng(one.at), look, one.name ?? "", this.facts, "markerPane");
      if (pin) pin.dataset["mark"] = one.key;
    }
  }

  /**
   * @param {Leaflet.LatLng} at
   * @param {string} look
   * @param {string} text
   * @param {Leaflet.LayerGroup} group
   * @param {string} pane
   */
  #label(at, look, text, group, pane) {
    const inside = document.createElement("span");
    inside.textContent = text;
    const icon = this.L.divIcon({ html: inside, className: `map-pin ${look}`, iconSize: [0, 0] });
    const order = look === "is-before" ? -1000 : /now|hand/.test(look) ? 1000 : 0;
    const pin = this.L.marker(at, {
      icon,
      interactive: false,
      keyboard: false,
      pane,
      zIndexOffset: order,
    }).addTo(group);
    return pin.getElement();
  }
}
