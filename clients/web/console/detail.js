/** One alarm's story: what, where, since when, who, what was sent, what was seen, and what comes next. */

import { effect, signal } from "/static/vendor/signals-core.js";

import { headline } from "../shared/alarm.js";
import { html, useEffect, useRef, useValue } from "../shared/dom.js";
import { focusOn, focusIsLost } from "../shared/focus.js";
import { Zone } from "../shared/head.js";
import { link, stationName, user } from "../shared/session.js";
import { clock, dayAndClock } from "../shared/time.js";
import { known, t } from "../shared/words.js";
import { see } from "./actions.js";
import { Bar } from "./bar.js";
import { Calm } from "./duty.js";
import { isLost } from "./claims.js";
import { Form } from "./forms.js";
import { offerInWords } from "./handover.js";
import { Now } from "./ladder.js";
import { ToMedia } from "./media-mark.js";
import { SharePlace } from "./share-place.js";
import { current, cursor, open, selected } from "./state.js";

/** @import { Alarm } from "../shared/types.d.ts" */

const PAUSE_MS = 1000;
/** What stands below what is to be done. @type {import("/static/vendor/signals-core.js").Signal<typeof import("./columns.js") | null>} */
const below = signal(null);
let bringing = false;

/** It comes when the console lives, and again and again until it is here: on a bad line no alarm must wait for it. */
async function bring() {
  if (bringing) return;
  bringing = true;
  while (!below.peek()) {
    try {
      below.value = await import("./columns.js");
    } catch {
      await new Promise((go) => setTimeout(go, PAUSE_MS));
    }
  }
}
effect(() => {
  if (link.state.value.state === "live") void bring();
});

export function Detail() {
  const alarm = useValue(current);
  const chosen = useValue(selected);
  const before = useRef(alarm);
  useEffect(() => {
    if (before.current && !alarm && focusIsLost()) focusOn(`[data-alarm="${cursor.peek()}"]`, "h1");
    before.current = alarm;
  }, [alarm === null]);
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
  const rest = useValue(below);
  useEffect(() => void bring(), []);
  const title = useRef(/** @type {HTMLHeadingElement | null} */ (null));
  // On a phone the row that was pressed is no longer there.
  useEffect(() => {
    if (focusIsLost()) title.current?.focus();
  }, []);
  // Nobody has seen what is not here yet.
  const look = () => {
    if (below.peek()) see(alarm);
  };
  useEffect(look, [alarm.id, alarm.version, document.visibilityState, rest]);
  useEffect(() => {
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
        <h2 ref=${title} tabindex="-1" dir="auto">${headline(alarm)}</h2>
        <p class="facts-line">
          <b class="code">${alarm.code}</b>
          <span>${t("alarm.raised_at", { at: dayAndClock(alarm.raised_at) })}</span>
          <${Zone} />
          <span>${stationName(alarm.station)}</span>
          <span>${t("alarm.speaks", { lang: known("language", alarm.lang.slice(0, 2)) })}</span>
          ${alarm.kind === "tip" ? html`<span class="tag">${t("alarm.tip")}</span>` : null}
          ${alarm.category ? html`<span class="tag">${known("category", alarm.category)}</span>` : null}
          ${(alarm.needs ?? []).map((one) => html`<span key=${one} class="tag need">${known("need", one)}</span>`)}
          <${ToMedia} alarm=${alarm} />
        </p>
      </header>
      <${Warnings} alarm=${alarm} />
      <${Now} alarm=${alarm} />
      <${Bar} alarm=${alarm} />
      <${Form} alarm=${alarm} />
      ${rest ? html`<${rest.Columns} alarm=${alarm} />` : html`<p class="none">${t("alarm.coming")}</p>`}
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
