/** What is true so far, what comes next, and in how many seconds. Sent, delivered, seen and taken stay apart. */

import { html, useComputed, useValue } from "../shared/dom.js";
import { user } from "../shared/session.js";
import { clock, secondsTo, span, tick } from "../shared/time.js";
import { known, listed, t } from "../shared/words.js";
import { Mark } from "./mark.js";

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
  const counting = alarm.status === "raised" || waiting;
  const next =
    alarm.status === "raised"
      ? t("next.step")
      : waiting
        ? t(
            mine ? (alarm.reminded_at ? "next.reopen_mine" : "next.remind_mine") : "next.remind_other",
            values,
          )
        : alarm.due && alarm.status !== "closed"
          ? t("next.day_end", { at: clock(alarm.due) })
          : "";
  return html`
    <div class="now ${alarm.status} ${mine ? "mine" : ""}" data-part="now">
      <${Mark} status=${alarm.status} />
      <div>
        <p class="now-what">${nowWords(alarm, who)}</p>
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

/** @param {Alarm} alarm @param {string} who */
function nowWords(alarm, who) {
  const values = { who, at: clock(alarm.moved_at ?? alarm.owned_at), station: "" };
  if (alarm.status === "on_scene") return t("now.on_scene", { who, at: clock(alarm.arrived_at) });
  if (alarm.status === "closed") {
    const how = alarm.disposition ? t(`disposition.${alarm.disposition}`) : "";
    return t("now.closed", { at: clock(alarm.closed_at), how });
  }
  return t(`now.${alarm.status}`, values);
}

/** @param {Alarm} alarm */
export function called(alarm) {
  if (alarm.status !== "raised") return "";
  if (alarm.step === undefined) return t("called.nobody_yet");
  const audience = listed((alarm.audience ?? []).map((one) => known("audience", one)));
  const names = alarm.called?.length ? t("called.names", { names: listed(alarm.called) }) : "";
  return t("called.so_far", { step: alarm.step + 1, audience }) + names;
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
  return html`
    <section class="card ladder" aria-label=${t("ladder.title")}>
      <h3>${t("ladder.title")}</h3>
      <ol>
        ${steps(alarm).map(
          ({ step, at, more }) => html`
            <li key=${step} class="${at ? "true" : "not-yet"} ${step}" data-step=${step}>
              <span class="rung">${t(`ladder.${step}`)}</span>
              <span class="more">${at ? more : ""}</span>
              <time>${at ? clock(at) : t("ladder.not_yet")}</time>
            </li>
          `,
        )}
      </ol>
    </section>
  `;
}
