/** Everything that is on the map, in words: where they are and were, what a photo says, who is near and how far. */

import { html, useComputed } from "../shared/dom.js";
import { stationName } from "../shared/session.js";
import { clock, dayAndClock, secondsSince, span, tick } from "../shared/time.js";
import { known as worded, t } from "../shared/words.js";
import { drawable } from "./map-facts.js";

/** @import { Alarm } from "../shared/types.d.ts" */
/** @typedef {import("./map-facts.js").Fact} Fact */
/** @typedef {import("./map.js").Known} Known */
/** @typedef {import("./near.js").Near} Near */

/** @param {number} metres */
export function distance(metres) {
  if (metres < 1000) return t("map.metres", { n: Math.round(metres / 10) * 10 });
  return t("map.kilometres", { n: (metres / 1000).toFixed(metres < 10_000 ? 1 : 0) });
}

/** How long ago, which grows. @param {{ at: string | undefined }} props */
function Age({ at }) {
  const age = useComputed(() => (at ? span(secondsSince(at, tick.value)) : null), [at]);
  return age === null ? t("place.age_unknown") : t("map.age", { age });
}

/** One thing on the map: its sign, as it is there, and the words. @param {{ fact: Fact, children?: any }} props */
function Line({ fact, children }) {
  return html`
    <li class="map-line" data-line=${fact.kind === "before" ? "before" : fact.key}>
      <i class="map-sign" aria-hidden="true"><i class="map-pin is-${fact.kind}"></i></i>
      <div>${children}</div>
    </li>
  `;
}

/** @param {{ fact: Fact, accuracy: number | null | undefined }} props */
function Now({ fact, accuracy }) {
  return html`
    <${Line} fact=${fact}>
      <b>${t(`map.${fact.kind}`)}</b>
      <span
        >${accuracy == null ? t("place.accuracy_unknown") : t("place.accuracy", { n: Math.round(accuracy) })}</span
      >
      <span data-part="map-age"><${Age} at=${fact.time} /></span>
      <span>${t(`datum.${fact.datum}`)}</span>
    <//>
  `;
}

/** @param {{ fact: Fact }} props */
function Made({ fact }) {
  return html`
    <${Line} fact=${fact}>
      <b>${t(`place.from_${fact.kind}`)}</b>
      ${fact.distance === undefined ? null : html`<span>${t("map.from_here", { far: distance(fact.distance) })}</span>`}
      ${fact.time ? html`<span>${t("place.made_at", { at: dayAndClock(fact.time) })}</span>` : null}
      <span class="warn">${t(`place.from_${fact.kind}_hint`)}</span>
    <//>
  `;
}

/** @param {{ fact: Fact }} props */
function Person({ fact }) {
  return html`
    <${Line} fact=${fact}>
      <b>${fact.name}</b>
      <span>${fact.station ? stationName(fact.station) : t(`map.${fact.kind}`)}</span>
      ${fact.distance === undefined ? null : html`<span>${distance(fact.distance)}</span>`}
      <span><${Age} at=${fact.time} /></span>
      ${fact.state ? html`<span>${worded("helper_state", fact.state)}</span>` : null}
    <//>
  `;
}

/** @param {{ alarm: Alarm, known: Known, near: Near | null, brief: boolean }} props brief: without what the card above says */
export function MapList({ alarm, known, near, brief }) {
  const { facts, tiles } = known;
  const before = facts.filter((one) => one.kind === "before");
  const people = facts.filter((one) => one.kind === "officer" || one.kind === "helper");
  const said = brief ? [] : facts.filter((one) => !before.includes(one) && !people.includes(one)).reverse();
  const datum = tiles?.datum ?? "wgs84";
  const turned = facts.some((one) => one.datum !== datum);
  const lost = alarm.position && !drawable(alarm.position);
  return html`
    <div class="map-words" role="group" aria-label=${t("map.list")} tabindex=${brief ? undefined : 0}>
      <ul class="map-list" data-part="map-list">
        ${said.map((one) =>
          one.kind === "now" || one.kind === "hand"
            ? html`<${Now} key=${one.key} fact=${one} accuracy=${alarm.position?.accuracy_m} />`
            : html`<${Made} key=${one.key} fact=${one} />`,
        )}
        ${
          before[0]
            ? html`<${Line} fact=${before[0]}>
                <span>
                  ${t("map.before", {
                    n: before.length,
                    at: before[0].time ? clock(before[0].time) : "–",
                  })}
                </span>
              <//>`
            : null
        }
        ${people.map((one) => html`<${Person} key=${one.key} fact=${one} />`)}
      </ul>
      ${lost ? html`<p class="hint">${t("map.not_drawable")}</p>` : null}
      ${
        near && alarm.status !== "closed" && !people.length
          ? html`<p class="hint" data-near=${String(near.known)}>
              ${t(near.known ? "map.nobody_near" : "map.near_unknown")}
            </p>`
          : null
      }
      ${turned && !brief ? html`<p class="hint" data-part="map-datum">${t("map.converted", { datum: t(`datum.${datum}`) })}</p>` : null}
    </div>
  `;
}
