/** Where the citizen is: the numbers as they came, how exact and how old they are, in words. */

import { html, useComputed, useState } from "../shared/dom.js";
import { secondsSince, span, tick } from "../shared/time.js";
import { t } from "../shared/words.js";

/** @import { Alarm } from "../shared/types.d.ts" */

const OLD_S = 60;
const COARSE_M = 200;

/** @param {{ alarm: Alarm }} props */
export function Place({ alarm }) {
  const { place } = alarm;
  // A device that had no numbers (NaN) gave no position.
  const position = alarm.position?.lat != null && alarm.position.lon != null ? alarm.position : null;
  const [copied, setCopied] = useState(false);
  const age = useComputed(
    () => (alarm.position?.at ? secondsSince(alarm.position.at, tick.value) : null),
    [alarm.position],
  );
  const numbers = position ? `${position.lat}, ${position.lon}` : "";
  const copy = async () => {
    await navigator.clipboard?.writeText(numbers).catch(() => undefined);
    setCopied(true);
    setTimeout(() => setCopied(false), 2000);
  };
  const exact = position?.accuracy_m;
  return html`
    <section class="card place" aria-label=${t("place.title")}>
      <h3>${t("place.title")}</h3>
      ${place ? html`<p class="address">${place}</p>` : null}
      ${
        position
          ? html`
              <p class="numbers">
                <code data-part="position">${numbers}</code>
                <button class="chip" data-act="copy-position" onClick=${copy}>
                  ${t(copied ? "place.copied" : "place.copy")}
                </button>
              </p>
              <ul class="facts">
                <li class=${exact != null && exact > COARSE_M ? "warn" : ""}>
                  ${exact == null ? t("place.accuracy_unknown") : t(exact > COARSE_M ? "place.coarse" : "place.accuracy", { n: Math.round(exact) })}
                </li>
                <li class=${age !== null && age > OLD_S ? "warn" : ""}>
                  ${age === null ? t("place.age_unknown") : t(age > OLD_S ? "place.old" : "place.age", { age: span(age) })}
                </li>
                <li>${t(`datum.${position.datum ?? "wgs84"}`)}</li>
              </ul>
            `
          : null
      }
      ${place || position ? null : html`<p class="none">${t("place.none_long")}</p>`}
      <p class="hint">${t(`why.${alarm.why}`)}</p>
    </section>
  `;
}
