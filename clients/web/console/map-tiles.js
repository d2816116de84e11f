/** The tiles that the map lies on: pictures from an address, or out of one PMTiles file. Without them there are none. */

/** @import * as Leaflet from "leaflet" */
/** @typedef {{ kind: "address" | "file", tiles: string, attribution: string, datum: "wgs84" | "gcj02", most_zoom: number }} Tiles */
/** @typedef {(z: number, x: number, y: number, signal: AbortSignal) => Promise<string | null>} Source where a picture is */

/** By the number in a PMTiles file's head. @type {Record<number, string>} */
const TYPES = { 2: "image/png", 3: "image/jpeg", 4: "image/webp", 5: "image/avif" };

/** @param {Tiles} tiles @returns {Promise<{ source: Source, options: Leaflet.GridLayerOptions }>} */
async function opened(tiles) {
  if (tiles.kind === "address") {
    return {
      source: async (z, x, y) =>
        tiles.tiles.replaceAll("{z}", String(z)).replaceAll("{x}", String(x)).replaceAll("{y}", String(y)),
      options: { maxNativeZoom: tiles.most_zoom },
    };
  }
  const { PMTiles } = await import("/static/vendor/pmtiles.js");
  const file = new PMTiles(new URL(tiles.tiles, location.href).href);
  const head = await file.getHeader();
  const type = TYPES[head.tileType] ?? "";
  return {
    source: async (z, x, y, signal) => {
      const tile = await file.getZxy(z, x, y, signal);
      return tile ? URL.createObjectURL(new Blob([tile.data], { type })) : null;
    },
    options: {
      minNativeZoom: head.minZoom,
      maxNativeZoom: head.maxZoom,
      bounds: [
        [head.minLat, head.minLon],
        [head.maxLat, head.maxLon],
      ],
    },
  };
}

/**
 * @param {typeof Leaflet} L
 * @param {Tiles} tiles
 * @param {() => void} failed a tile could not be had
 * @returns {Promise<Leaflet.GridLayer>}
 */
export async function tileLayer(L, tiles, failed) {
  const { source, options } = await opened(tiles);
  /** @type {WeakMap<HTMLElement, AbortController>} */
  const running = new WeakMap();
  class Pictures extends L.GridLayer {
    /** @param {Leaflet.Coords} where @param {Leaflet.DoneCallback} done @returns {HTMLElement} @override */
    createTile(where, done) {
      const tile = document.createElement("img");
      const stop = new AbortController();
      running.set(tile, stop);
      tile.alt = "";
      tile.onload = () => {
        if (tile.src.startsWith("blob:")) URL.revokeObjectURL(tile.src);
        done(undefined, tile);
      };
      tile.onerror = () => done(new Error("no picture"), tile);
      source(where.z, where.x, where.y, stop.signal).then(
        (address) => {
          if (stop.signal.aborted) return;
          if (address) tile.src = address;
          else done(undefined, tile); // the file has none here
        },
        (error) => stop.signal.aborted || done(error, tile),
      );
      return tile;
    }
  }
  const layer = new Pictures({ noWrap: true, ...options });
  layer.on("tileunload", (/** @type {Leaflet.TileEvent} */ event) => running.get(event.tile)?.abort());
  layer.on("tileerror", failed);
  return layer;
}
