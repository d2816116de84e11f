/** Who is on duty at each station, and which of their consoles can wake them. */

import { html, useValue } from "../shared/dom.js";
import { stationName, store, user } from "../shared/session.js";
import { onDuty, readyOfficers } from "../shared/store.js";
import { until } from "../shared/time.js";
import { t } from "../shared/words.js";

export function Duty() {
  const streams = useValue(store.streams);
  const me = useValue(user);
  return html`
    <section class="card duty" aria-label=${t("duty.title")} data-part="duty">
      <h3>${t("duty.title")}</h3>
      ${[...streams].map(([station, { duty }]) => {
        const awake = readyOfficers(duty);
        const names = onDuty(duty);
        const nobody = !names.some((name) => awake.includes(name));
        const beside = awake.filter((name) => !names.includes(name) && name !== me.name);
        return html`
          <div key=${station} class="station" data-station=${station}>
            <p>
              <b>${stationName(station)}</b>
              <span class="hint">${duty.until ? t("duty.until", { until: until(duty.until) }) : ""}</span>
            </p>
            <ul class="on-duty">
              ${names.map(
                (name) => html`
                  <li
                    key=${name}
                    class=${awake.includes(name) ? "awake" : "not-awake"}
                    data-officer=${name}
                    data-ready=${String(awake.includes(name))}
                  >
                    <b>${name}</b> <span>${t(awake.includes(name) ? "duty.ready" : "duty.not_ready")}</span>
                  </li>
                `,
              )}
              ${beside.map(
                (name) =>
                  html`<li key=${name} data-officer=${name} data-ready="true">
                    <b>${name}</b> <span>${t("duty.beside")}</span>
                  </li>`,
              )}
            </ul>
            ${nobody ? html`<p class="nobody">${t("duty.no_one_can_be_woken")}</p>` : null}
          </div>
        `;
      })}
    </section>
  `;
}
