/** What is true so far, what comes next, and in how many seconds. Sent, delivered, seen and taken stay apart. */

import { called } from "../shared/alarm.js";
import { html, useComputed, useValue } from "../shared/dom.js";
import { Mark } from "../shared/mark.js";
import { user } from "../shared/session.js";
import { clock, secondsTo, span, tick, until } from "../shared/time.js";
import { known, listed, t } from "../shared/words.js";
import { unseenBy } from "./claims.js";

/** @import { Alarm } from "../shared/types.d.ts" */

/** A deadline farther away than this is said as a time of day, in seconds. */
const FAR_S = 1800;

/** @param {{ alarm: Alarm }} props */
export function Now({ alarm }) {
  const me = useValue(user);
  const seconds = useComputed(() => (alarm.due ? secondsTo(alarm.due, tick.value) : null), [alarm.due]);
  const mine = alarm.owner === me.name;
  const who = mine ? t("alarm.you") : (alarm.owner ?? "");
  const values = { who, n: seconds ?? 0, at: clock(alarm.owned_at ?? alarm.closed_at) };
  const waiting = alarm.status === "acknowledged" && seconds !== null && seconds < FAR_S;
  const raised = alarm.status === "raised" && !alarm.quiet;
  const counting = raised || waiting;
  const next = raised
    ? t("next.step")
    : waiting
      ? t(mine ? (alarm.reminded_at ? "next.reopen_mine" : "next.remind_mine") : "next.remind_other", values)
      : alarm.due && alarm.status !== "closed"
        ? t("next.day_end", { at: until(alarm.due) })
        : "";
  return html`
    <div class="now ${alarm.status} ${mine ? "mine" : ""}" data-part="now">
      <${Mark} status=${alarm.status} />
      <div>
        <p class="now-what">${nowWords(alarm, mine ? null : who)}</p>
        <p class="now-more">${called(alarm)}</p>
      </div>
      <div class="now-next">
        ${
          counting && seconds !== null
            ? html`<b class="countdown" data-part="countdown" role="timer">
                ${seconds < 100 ? t("seconds", { n: seconds }) : span(seconds)}
              </b>`
            : null
        }
        <span>${next}</span>
      </div>
    </div>
  `;
}

/** @param {Alarm} alarm @param {string | null} who null when it is the reader's own */
function nowWords(alarm, who) {
  if (alarm.status === "closed") {
    const how = alarm.disposition ? t(`disposition.${alarm.disposition}`) : "";
    return t("now.closed", { at: clock(alarm.closed_at), how });
  }
  const since = {
    raised: undefined,
    acknowledged: alarm.owned_at,
    en_route: alarm.moved_at,
    on_scene: alarm.arrived_at,
  };
  const key = who === null && alarm.status !== "raised" ? `${alarm.status}_mine` : alarm.status;
  return t(`now.${key}`, { who: who ?? "", at: clock(since[alarm.status] ?? alarm.owned_at) });
}

/** @param {Alarm} alarm @returns {{ step: string, at?: string, more: string }[]} */
function steps(alarm) {
  const owner = alarm.owner ?? "";
  const all = [
    { step: "stored", at: alarm.raised_at, more: "" },
    { step: "delivered", at: alarm.delivered_at, more: t("ladder.consoles", { n: alarm.consoles ?? 0 }) },
    { step: "seen", at: alarm.seen_at, more: listed(alarm.seen_by ?? []) },
    { step: "acknowledged", at: alarm.owned_at, more: owner },
    { step: "en_route", at: alarm.moved_at, more: "" },
    { step: "on_scene", at: alarm.arrived_at, more: "" },
    { step: "closed", at: alarm.closed_at, more: "" },
  ];
  if (alarm.unanswered_at) all.splice(3, 0, { step: "unanswered", at: alarm.unanswered_at, more: "" });
  return all;
}

/** @param {{ alarm: Alarm }} props */
export function Ladder({ alarm }) {
  const missing = useComputed(() => unseenBy(alarm), [alarm]);
  return html`
    <section class="card ladder" aria-label=${t("ladder.title")}>
      <h3>${t("ladder.title")}</h3>
      <ol>
        ${steps(alarm).map(
          ({ step, at, more }) => html`
            <li key=${step} class="${at ? "true" : "not-yet"} ${step}" data-step=${step}>
              <span class="rung">${t(`ladder.${step}`)}</span>
              <span class="more">
                ${at ? more : ""}
                ${
                  step === "seen" && missing.length
                    ? html`<b class="unseen" data-part="unseen"
                        >${t("seen.not_by", { names: listed(missing) })}</b
                      >`
                    : null
                }
              </span>
              <time>${at ? clock(at) : t("ladder.not_yet")}</time>
            </li>
          `,
        )}
      </ol>
      <${Beyond} alarm=${alarm} />
    </section>
  `;
}

/** What became of notifications beyond the console; sent is not shown, and shown is not opened. @param {{ alarm: Alarm }} props */
function Beyond({ alarm }) {
  const all = Object.entries(alarm.notified ?? {}).sort(([a], [b]) => a.localeCompare(b));
  if (!all.length) return null;
  return html`
    <ul class="beyond" data-part="beyond" aria-label=${t("beyond.title")}>
      ${all.map(([officer, one]) => {
        const sent = listed((one.sent ?? []).map((channel) => known("channel", channel)));
        const failed = listed((one.failed ?? []).map((channel) => known("channel", channel)));
        const how = one.opened ? "opened" : one.shown ? "shown" : sent ? "sent" : "failed";
        const values = { at: clock(one.opened ?? one.shown), channels: sent || failed };
        return html`<li key=${officer} class=${how} data-beyond=${how}>
          <b>${officer}</b> ${t(`beyond.${how}`, values)}
        </li>`;
      })}
    </ul>
  `;
}
