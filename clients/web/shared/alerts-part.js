/** What the page says of this device's phone alerts, with the way in, out, and to try them. */

import { alerts, busy, switchOff, switchOn, trial, tryOutAlerts } from "./alerts.js";
import { html, useEffect, useValue } from "./dom.js";
import { mention } from "./told.js";
import { known, t } from "./words.js";

/** The line while this device was to be notified and is not. @param {{ onCheck: () => void }} props */
export function AlertsBroken({ onCheck }) {
  const { state, why } = useValue(alerts);
  useEffect(() => {
    if (state === "broken") mention(`${t("alerts.title")} ${known("alerts.broken", why)}`);
  }, [state, why]);
  if (state !== "broken") return null;
  return html`
    <div class="alerts-broken" data-part="alerts-broken">
      <span><b>${t("alerts.title")}</b> ${known("alerts.broken", why)}</span>
      <button data-act="alerts-open" onClick=${onCheck}>${t("alerts.mend")}</button>
    </div>
  `;
}

export function Alerts() {
  const { state, why, device } = useValue(alerts);
  const came = useValue(trial);
  const wait = useValue(busy);
  if (state === "hidden" || state === "looking") return null;
  const word = state === "on" && !device?.shown ? "untested" : state;
  const can = state === "off" || state === "on" || state === "broken";
  return html`
    <section
      class="alerts is-${state}"
      data-part="alerts"
      data-alerts=${state}
      aria-label=${t("alerts.title")}
    >
      <h3>${t("alerts.title")} <span class="alerts-state">${t(`alerts.${state}`)}</span></h3>
      <p>${state === "broken" ? known("alerts.broken", why) : t(`alerts.${word}_long`)}</p>
      ${came ? html`<p class="alerts-trial ${came}" role="status" data-trial=${came}>${t(`alerts.trial.${came}`)}</p>` : null}
      ${
        can
          ? html`<div class="alerts-acts">
              ${
                state === "on"
                  ? null
                  : html`<button data-act="alerts-on" disabled=${wait} onClick=${() => void switchOn()}>
                      ${t(state === "off" ? "alerts.switch_on" : "alerts.again")}
                    </button>`
              }
              ${
                state === "off" || why === "gone" || why === "unknown"
                  ? null
                  : html`<button data-act="alerts-test" disabled=${wait} onClick=${() => void tryOutAlerts()}>
                      ${t("alerts.test")}
                    </button>`
              }
              ${
                state === "on"
                  ? html`<button
                      class="plain"
                      data-act="alerts-off"
                      disabled=${wait}
                      onClick=${() => void switchOff()}
                    >
                      ${t("alerts.switch_off")}
                    </button>`
                  : null
              }
            </div>`
          : null
      }
    </section>
  `;
}
