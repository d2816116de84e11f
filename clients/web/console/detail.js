/** One alarm's story: what, where, since when, who, what was sent, what was seen, and what comes next. */

import { headline } from "../shared/alarm.js";
import { html, useEffect, useRef, useValue } from "../shared/dom.js";
import { link, stationName, user } from "../shared/session.js";
import { clock, dayAndClock } from "../shared/time.js";
import { known, t } from "../shared/words.js";
import { see } from "./actions.js";
import { Bar } from "./bar.js";
import { Calm } from "./duty.js";
import { isLost } from "./claims.js";
import { Form } from "./forms.js";
import { Helpers } from "./helpers.js";
import { offerInWords } from "./handover.js";
import { Ladder, Now } from "./ladder.js";
import { Media } from "./media.js";
import { Place } from "./place.js";
import { SharePlace } from "./share-place.js";
import { current, open, selected } from "./state.js";
import { Talk } from "./talk.js";

/** @import { Alarm } from "../shared/types.d.ts" */

export function Detail() {
  const alarm = useValue(current);
  const chosen = useValue(selected);
  if (alarm) return html`<${Story} key=${alarm.id} alarm=${alarm} />`;
  return html`
    <main class="story empty" id="story">
      ${chosen ? html`<p class="none">${t("alarm.gone")}</p>` : html`<${Calm} /><${SharePlace} />`}
    </main>
  `;
}

/** @param {{ alarm: Alarm }} props */
function Story({ alarm }) {
  useValue(link.state);
  const title = useRef(/** @type {HTMLHeadingElement | null} */ (null));
  useEffect(() => see(alarm), [alarm.id, alarm.version, document.visibilityState]);
  useEffect(() => {
    const look = () => see(alarm);
    document.addEventListener("visibilitychange", look);
    return () => document.removeEventListener("visibilitychange", look);
  }, [alarm.id]);
  return html`
    <main class="story ${alarm.status}" id="story" data-alarm-open=${alarm.id} data-status=${alarm.status}>
      <header class="story-head">
        <button class="plain back" data-act="back" onClick=${() => history.back()}>${t("alarm.back")}</button>
        <button class="plain shut" data-act="shut" aria-label=${t("alarm.shut")} onClick=${() => open(null)}>
          ×
        </button>
        <h2 ref=${title} tabindex="-1">${headline(alarm)}</h2>
        <p class="facts-line">
          <b class="code">${alarm.code}</b>
          <span>${t("alarm.raised_at", { at: dayAndClock(alarm.raised_at) })}</span>
          <span>${stationName(alarm.station)}</span>
          <span>${t("alarm.speaks", { lang: known("language", alarm.lang.slice(0, 2)) })}</span>
          ${alarm.kind === "tip" ? html`<span class="tag">${t("alarm.tip")}</span>` : null}
          ${alarm.category ? html`<span class="tag">${known("category", alarm.category)}</span>` : null}
          ${(alarm.needs ?? []).map((one) => html`<span key=${one} class="tag need">${known("need", one)}</span>`)}
        </p>
      </header>
      <${Warnings} alarm=${alarm} />
      <${Now} alarm=${alarm} />
      <${Bar} alarm=${alarm} />
      <${Form} alarm=${alarm} />
      <div class="columns">
        <div class="column wide">
          <${Talk} alarm=${alarm} />
          <${Ladder} alarm=${alarm} />
          <${Notes} alarm=${alarm} />
        </div>
        <div class="column">
          <${Place} alarm=${alarm} />
          <${Helpers} alarm=${alarm} />
          <${Media} alarm=${alarm} />
        </div>
      </div>
    </main>
  `;
}

/** @param {{ alarm: Alarm }} props */
function Warnings({ alarm }) {
  const me = useValue(user);
  const lines = [];
  if (alarm.cancel === "duress") lines.push({ key: "duress", tone: "bad", text: t("warn.duress") });
  if (alarm.plan === "missed") lines.push({ key: "plan", tone: "bad", text: t("warn.missed") });
  if (alarm.plan === "duress") lines.push({ key: "plan", tone: "bad", text: t("warn.plan_duress") });
  if (isLost(alarm)) {
    const values = { who: alarm.owner ?? "", at: clock(alarm.owner_lost_at) };
    lines.push({ key: "owner-lost", tone: "bad", text: t("warn.owner_lost", values) });
  }
  if (alarm.handover) lines.push({ key: "handover", tone: "wait", text: offerInWords(alarm) });
  if (alarm.cancel === "requested") lines.push({ key: "cancel", tone: "wait", text: t("warn.cancel") });
  if (alarm.transfer) {
    const { to, by, at, reason } = alarm.transfer;
    const values = { to: stationName(to), by, at: clock(at), reason: reason ?? "" };
    lines.push({ key: "transfer", tone: "wait", text: t("warn.transfer", values) });
  }
  if (alarm.overdue_at && alarm.status !== "closed") {
    lines.push({ key: "overdue", tone: "wait", text: t("warn.overdue") });
  }
  if (me.station && alarm.home !== me.station) {
    lines.push({ key: "backup", tone: "wait", text: t("warn.backup", { station: stationName(alarm.home) }) });
  }
  return lines.map(
    ({ key, tone, text }) => html`<p key=${key} class="warning ${tone}" data-warning=${key}>${text}</p>`,
  );
}

/** @param {{ alarm: Alarm }} props */
function Notes({ alarm }) {
  const notes = Object.entries(alarm.notes ?? {}).sort(([a], [b]) => Number(a) - Number(b));
  if (!notes.length) return null;
  return html`
    <section class="card notes" aria-label=${t("notes.title")}>
      <h3>${t("notes.title")}</h3>
      ${notes.map(
        ([n, note]) => html`
          <p key=${n} data-note=${n}>
            ${note.text ?? t("talk.wiped")} <span class="by">${note.by} · ${clock(note.at)}</span>
          </p>
        `,
      )}
    </section>
  `;
}
