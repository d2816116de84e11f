/** Where a call is: how far and which way, roughly or exactly, as numbers to copy and as a map beside this page. */

import { html, useComputed, useValue } from "../shared/dom.js";
import { Numbers } from "../shared/numbers.js";
import { secondsSince, span, tick } from "../shared/time.js";
import { t } from "../shared/words.js";
import { bearing, metres } from "./ground.js";
import { here } from "./watch.js";

/** @import { Call } from "./types.d.ts" */

/** Apple's devices have a map and know no `geo:` (RFC 5870). */
const APPLE = /iPhone|iPad|Macintosh/.test(navigator.userAgent);
const AROUND = 15; // how far in Apple's map is, where a place is rough

/** @param {{ call: Call }} props */
export function Coarse({ call }) {
  const { coarse } = call;
  if (!coarse) return html`<p class="where">${t("where.unknown")}</p>`;
  const { lat, lon, within_m } = coarse;
  return html`
    <div class="where coarse">
      <${Way} call=${call} to=${[lat, lon]} about=${true} />
      <p>${t("where.coarse", { n: within_m })}</p>
      <p class="hint">${t("where.exact_later")}</p>
      <${Numbers} text=${`${lat}, ${lon}`} part="coarse" label="WGS-84" />
      <${OnMap}
        address=${APPLE ? `maps:?ll=${lat},${lon}&z=${AROUND}` : `geo:${lat},${lon};u=${within_m}`}
        words=${t("where.open_coarse")}
      />
    </div>
  `;
}

/** @param {{ call: Call }} props */
export function Exact({ call }) {
  const { exact } = call;
  const age = useComputed(() => (exact?.at ? secondsSince(exact.at, tick.value) : 0), [exact]);
  if (!exact || (!exact.wgs84 && !exact.words)) return html`<p class="where">${t("where.unknown_yet")}</p>`;
  const { wgs84, gcj02 } = exact;
  return html`
    <div class="where exact">
      ${exact.words ? html`<p class="address" dir="auto">${exact.words}</p>` : null}
      ${
        wgs84
          ? html`
              <${Way} call=${call} to=${wgs84} about=${false} />
              <p>
                ${exact.accuracy_m == null ? t("where.accuracy_unknown") : t("where.accuracy", { n: Math.round(exact.accuracy_m) })}
                ${exact.at ? ` · ${t("where.age", { age: span(age) })}` : ""}
              </p>
              <${Numbers} text=${pair(wgs84, ", ")} part="wgs84" label="WGS-84" />
              ${gcj02 ? html`<${Numbers} text=${pair(gcj02, ", ")} part="gcj02" label="GCJ-02" />` : null}
              <p class="hint">${t("where.datums")}</p>
              <${OnMap}
                main=${true}
                address=${APPLE ? `maps:?ll=${pair(wgs84)}&q=${pair(wgs84)}` : `geo:${pair(wgs84)}`}
                words=${t("where.open")}
              />
            `
          : null
      }
      <p class="hint">${t("where.logged")}</p>
    </div>
  `;
}

/**
 * A map app's door. What does not know the address may show a fault in its place: beside this page, for with this page
 * watch and sound would be gone.
 *
 * @param {{ address: string, words: string, main?: boolean }} props
 */
function OnMap({ address, words, main }) {
  return html`
    <a class=${main ? "main" : ""} data-act="map" href=${address} target="_blank" rel="noopener noreferrer"
      >${words}</a
    >
    <p class="hint">${t("where.opens")}</p>
  `;
}

/** How far and which way, from where this device is. @param {{ call: Call, to: [number, number], about: boolean }} props */
function Way({ call, to, about }) {
  const from = useValue(here);
  if (call.distance_m === undefined && !from) return html`<p class="way">${t("where.no_distance")}</p>`;
  const own = /** @type {[number, number]} */ (from ? [from.lat, from.lon] : to);
  const far = call.distance_m ?? Math.round(metres(own, to));
  const way = from && far > 30 ? t(`way.${bearing(own, to)}`) : "";
  return html`
    <p class="way">
      <b
        >${t(about ? "where.about" : "where.away", { far: far < 1000 ? t("unit.m", { n: far }) : t("unit.km", { n: (far / 1000).toFixed(1) }) })}</b
      >
      ${way ? html`<span>${way}</span>` : null}
    </p>
  `;
}

/** @param {[number, number]} place @param {string} [between] */
const pair = ([lat, lon], between = ",") => `${lat.toFixed(6)}${between}${lon.toFixed(6)}`;
