/** Who is on duty, whose console can wake them, and the quiet picture when nothing is open. */

import { html, useComputed, useValue } from "../shared/dom.js";
import { Zone } from "../shared/head.js";
import { store, user } from "../shared/session.js";
import { sound } from "../shared/sound.js";
import { onDuty, readyOfficers } from "../shared/store.js";
import { clock, tick, until } from "../shared/time.js";
import { t } from "../shared/words.js";
import { signDuty } from "./actions.js";

/** @import { Duty as Shift } from "../shared/types.d.ts" */

/** The duty of the station that this console belongs to, or of the first one it sees. */
function useShift() {
  const streams = useValue(store.streams);
  const me = useValue(user);
  return (me.station ? streams.get(me.station) : [...streams.values()][0])?.duty;
}

/** @param {{ shift: Shift }} props */
export function OnDuty({ shift }) {
  const names = onDuty(shift);
  const awake = readyOfficers(shift);
  if (!names.length) return html`<p class="on-duty bad">${t("duty.nobody")}</p>`;
  return html`
    <ul class="on-duty" aria-label=${t("duty.title")}>
      ${names.map((name) => {
        const ready = awake.includes(name);
        return html`
          <li
            key=${name}
            class=${ready ? "awake" : "not-awake"}
            data-officer=${name}
            data-ready=${String(ready)}
          >
            <b>${name}</b> <span>${t(ready ? "duty.ready" : "duty.not_ready")}</span>
          </li>
        `;
      })}
    </ul>
  `;
}

/** The officer's own duty, with the way in and out of it. */
export function MyDuty() {
  const shift = useShift();
  const me = useValue(user);
  if (!shift || !me.station) return null;
  const on = onDuty(shift).includes(me.name);
  return html`
    <div class="my-duty">
      <span>${t(on ? "duty.you_are_on" : "duty.you_are_off", { until: until(shift.until) })}</span>
      <button class="chip" data-act=${on ? "duty-off" : "duty-on"} onClick=${() => void signDuty(!on)}>
        ${t(on ? "duty.leave" : "duty.come")}
      </button>
    </div>
  `;
}

export function Calm() {
  const shift = useShift();
  const heard = useValue(sound);
  const time = useComputed(() => clock(tick.value).slice(0, 5), []);
  const waiting = useComputed(
    () => [...store.alarms.value.values()].some((alarm) => alarm.status !== "closed"),
    [],
  );
  return html`
    <div class="calm" data-part="calm">
      <p class="calm-time">${time}</p>
      <p class="calm-words">${t(waiting ? "calm.choose" : "calm.nothing")}</p>
      ${
        shift
          ? html`
              <h2>${t("duty.title")}</h2>
              <${OnDuty} shift=${shift} />
              ${shift.until ? html`<p class="hint">${t("duty.until", { until: until(shift.until) })}</p>` : null}
            `
          : null
      }
      <${MyDuty} />
      <${Zone} />
      <p class="hint">${t(`sound.${heard}_long`)}</p>
    </div>
  `;
}
