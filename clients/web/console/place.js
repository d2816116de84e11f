/** Where the citizen is: the numbers as they came, how exact and how old they are; and what a photo says of its own. */

import { html, useComputed } from "../shared/dom.js";
import { Numbers } from "../shared/numbers.js";
import { dayAndClock, secondsSince, span, tick } from "../shared/time.js";
import { t } from "../shared/words.js";
import { gotAt } from "./map-facts.js";
import { PlaceMap } from "./map.js";

/** @import { Alarm, Place as Position } from "../shared/types.d.ts" */

const OLD_S = 60;
const COARSE_M = 200;

/** @param {Position} position */
const pair = ({ lat, lon }) => `${lat}, ${lon}`;

/** @param {{ alarm: Alarm }} props */
export function Place({ alarm }) {
  const { place } = alarm;
  // A device that had no numbers (NaN) gave no position.
  const position = alarm.position?.lat != null && alarm.position.lon != null ? alarm.position : null;
  const since = gotAt(alarm.position);
  const age = useComputed(() => (since ? secondsSince(since, tick.value) : null), [since]);
  const made = Object.entries(alarm.found ?? {});
  return html`
    <section class="card place" aria-label=${t("place.title")}>
      <h3>${t("place.title")}</h3>
      ${place ? html`<p class="address" dir="auto">${place}</p>` : null}
      ${
        position
          ? html`
              <${Numbers} text=${pair(position)} part="position" />
              <ul class="facts">
                <${Accuracy} position=${position} />
                <li class=${age !== null && age > OLD_S ? "warn" : ""}>
                  ${age === null ? t("place.age_unknown") : t(age > OLD_S ? "place.old" : "place.age", { age: span(age) })}
                </li>
                <${OwnTime} position=${position} />
                ${position.source === "pin" ? html`<li class="warn">${t("place.by_hand")}</li>` : null}
                <li>${t(`datum.${position.datum ?? "wgs84"}`)}</li>
              </ul>
            `
          : null
      }
      ${place || position ? null : html`<p class="none">${t("place.none_long")}</p>`}
      <p class="hint">${t(`why.${alarm.why}`)}</p>
      ${made.map(([id, { position: told }]) => (told ? html`<${Made} key=${id} id=${id} position=${told} />` : null))}
      <${PlaceMap} alarm=${alarm} />
    </section>
  `;
}

/** Where a photo or recording says that it was made: with its own word, for it need not be where they are now. @param {{ id: string, position: Position }} props */
function Made({ id, position }) {
  const from = position.source === "recording" ? "recording" : "photo";
  return html`
    <div class="made" data-made=${id}>
      <h4>${t(`place.from_${from}`)}</h4>
      <${Numbers} text=${pair(position)} part="made" />
      <ul class="facts">
        <li class="warn">${t(`place.from_${from}_hint`)}</li>
        ${position.accuracy_m == null ? null : html`<${Accuracy} position=${position} />`}
        ${position.at ? html`<li>${t("place.made_at", { at: dayAndClock(position.at) })}</li>` : null}
      </ul>
    </div>
  `;
}

/** What the phone says of when it measured, where that is not when it came. @param {{ position: Position }} props */
function OwnTime({ position: { at, received } }) {
  if (!at || !received || Math.abs(new Date(at).getTime() - new Date(received).getTime()) <= OLD_S * 1000) {
    return null;
  }
  return html`<li class="warn">${t("place.own_time", { at: dayAndClock(at) })}</li>`;
}

/** @param {{ position: Position }} props */
function Accuracy({ position }) {
  const exact = position.accuracy_m;
  if (exact == null) return html`<li>${t("place.accuracy_unknown")}</li>`;
  const coarse = exact > COARSE_M;
  return html`
    <li class=${coarse ? "warn" : ""}>
      ${t(coarse ? "place.coarse" : "place.accuracy", { n: Math.round(exact) })}
    </li>
  `;
}
