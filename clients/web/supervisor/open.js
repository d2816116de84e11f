/** Open now: what nobody has taken, how long until the next step and who was called; and what passed its day. */

import { called, headline } from "../shared/alarm.js";
import { html, useClassOfMoving, useComputed, useState, useValue } from "../shared/dom.js";
import { Mark } from "../shared/mark.js";
import { stationName } from "../shared/session.js";
import { clock, dayAndMinute, secondsSince, secondsTo, span, tick, until } from "../shared/time.js";
import { t } from "../shared/words.js";
import { chosen, look } from "./address.js";
import { isGroup, parts } from "./groups.js";
import { openAlarms, overdue } from "./state.js";

/** @import { Alarm } from "../shared/types.d.ts" */
/** @typedef {import("./groups.js").Group} Group */

const FAR_S = 1800;
/** Call signs that stand in a row; its timeline has all. */
const NAMED = 3;

/** @param {{ alarm: Alarm }} props */
function Countdown({ alarm }) {
  const seconds = useComputed(() => (alarm.due ? secondsTo(alarm.due, tick.value) : null), [alarm.due]);
  if (seconds === null) return null;
  if (seconds > FAR_S) return html`<span>${t("open.until", { at: until(alarm.due) })}</span>`;
  return html`<b class="countdown">${seconds < 100 ? t("seconds", { n: seconds }) : span(seconds)}</b>`;
}

/** @param {{ alarm: Alarm }} props */
function Waited({ alarm }) {
  const text = useComputed(() => span(secondsSince(alarm.since, tick.value)), [alarm.since]);
  return html`${text}`;
}

/** @param {Alarm} alarm */
function who(alarm) {
  if (alarm.status === "raised") return called(alarm, NAMED);
  const since = alarm.arrived_at ?? alarm.moved_at ?? alarm.owned_at;
  if (alarm.owner_lost_at) return t("open.lost", { who: alarm.owner ?? "", at: clock(alarm.owner_lost_at) });
  return t("open.with", { who: alarm.owner ?? "", at: clock(since) });
}

/** @param {{ alarm: Alarm }} props */
function Row({ alarm }) {
  const on = useValue(chosen) === alarm.id;
  const row = useClassOfMoving(`alarm ${alarm.status} ${on ? "chosen" : ""}`);
  const tail = ` · ${stationName(alarm.station)} · ${alarm.code}`;
  const next =
    alarm.status === "raised" ? t("open.next") : alarm.status === "acknowledged" ? t("open.moves") : "";
  return html`
    <li>
      <button
        ref=${row}
        data-act="timeline"
        data-alarm=${alarm.id}
        data-status=${alarm.status}
        onClick=${() => look(alarm.id)}
      >
        <${Mark} status=${alarm.status} />
        <span class="what" dir="auto">${headline(alarm)}</span>
        <span class="state"> ${t(`status.${alarm.status}`)} · <${Waited} alarm=${alarm} />${tail} </span>
        <span class="who">${who(alarm)}</span>
        <span class="due"><${Countdown} alarm=${alarm} />${next}</span>
      </button>
    </li>
  `;
}

/** Several alarms that nobody has, folded; the first of them is the one whose next step comes first. @param {{ group: Group }} props */
function Group({ group }) {
  const [unfolded, setUnfolded] = useState(false);
  const { alarms } = group;
  const first = /** @type {Alarm} */ (alarms[0]);
  return html`
    <li class="group" data-group=${group.key}>
      <button
        class="alarm raised"
        data-act="group"
        aria-expanded=${String(unfolded)}
        onClick=${() => setUnfolded(!unfolded)}
      >
        <${Mark} status="raised" />
        <span class="what">${t("open.group", { n: alarms.length })}</span>
        <span class="who">${group.words()}</span>
        <span class="state"
          >${stationName(first.station)} · ${t("open.longest")} <${Waited} alarm=${longest(alarms)}
        /></span>
        <span class="due"><${Countdown} alarm=${first} />${t("open.next")}</span>
      </button>
      ${
        unfolded
          ? html`<ul class="alarms">
              ${alarms.map((alarm) => html`<${Row} key=${alarm.id} alarm=${alarm} />`)}
            </ul>`
          : null
      }
    </li>
  `;
}

/** Who waits longest. @param {Alarm[]} alarms */
function longest(alarms) {
  return alarms.reduce((one, other) => (other.since < one.since ? other : one));
}

export function Open() {
  const alarms = useValue(openAlarms);
  const shown = useValue(parts);
  const waiting = alarms.filter((alarm) => alarm.status === "raised").length;
  return html`
    <section class="open" aria-label=${t("open.title")}>
      <h2>${t("open.title")} <span class="count">${t("open.count", { n: alarms.length, waiting })}</span></h2>
      ${
        shown.length
          ? html`<ul class="alarms">
              ${shown.map((part) =>
                isGroup(part)
                  ? html`<${Group} key=${part.key} group=${part} />`
                  : html`<${Row} key=${part.id} alarm=${part} />`,
              )}
            </ul>`
          : html`<p class="quiet">${t("open.none")}</p>`
      }
    </section>
  `;
}

export function Overdue() {
  const late = useValue(overdue);
  return html`
    <section class="card overdue" aria-label=${t("overdue.title")} data-part="overdue">
      <h3>${t("overdue.title")}</h3>
      ${
        late.length
          ? html`<ul>
              ${late.map(
                (alarm) => html`
                  <li key=${alarm.id}>
                    <button
                      class="plain line"
                      data-act="timeline"
                      data-alarm=${alarm.id}
                      onClick=${() => look(alarm.id)}
                    >
                      <b>${alarm.code}</b>
                      <span>${t("overdue.line", { at: dayAndMinute(alarm.raised_at) })}</span>
                      <span>${alarm.owner ?? t("status.raised")}</span>
                    </button>
                  </li>
                `,
              )}
            </ul>`
          : html`<p class="hint">${t("overdue.none")}</p>`
      }
    </section>
  `;
}
