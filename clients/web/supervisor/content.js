/**
 * How long an alarm's words, places and media are kept, and what a supervisor can do about it: hold, release the hold,
 * wipe. Each asks for a reason, which stays in the log. Never decides who may: the hub does.
 */

import { html, useEffect, useRef, useState, useValue } from "../shared/dom.js";
import { config, link, user } from "../shared/session.js";
import { dayAndClock } from "../shared/time.js";
import { tell } from "../shared/told.js";
import { t } from "../shared/words.js";

/** @import { Alarm } from "../shared/types.d.ts" */
/** @typedef {"hold" | "unhold" | "wipe"} Act */

/** @param {Alarm} alarm @param {string | null} endsAt */
function state(alarm, endsAt) {
  if (alarm.wiped_at) return t("content.wiped", { at: dayAndClock(alarm.wiped_at) });
  if (alarm.held) return t("content.held", { ...alarm.held, at: dayAndClock(alarm.held.at) });
  if (endsAt) return t("content.until", { at: dayAndClock(endsAt) });
  return t(ended(alarm) ? "content.forever" : "content.open");
}

/** @param {Alarm} alarm */
const ended = (alarm) => alarm.status === "closed" || alarm.kind === "practice";

/** @param {Alarm} alarm @returns {Act[]} */
function possible(alarm) {
  if (alarm.wiped_at) return [];
  if (alarm.held) return ["unhold"];
  return ended(alarm) ? ["hold", "wipe"] : ["hold"];
}

/** @param {{ alarm: Alarm, endsAt: string | null, done: () => void }} props */
export function Content({ alarm, endsAt, done }) {
  const me = useValue(user);
  const [act, setAct] = useState(/** @type {Act | null} */ (null));
  const removing = Object.values(alarm.media ?? {}).some((item) => item.state === "wiped");
  const acts = me.role === "officer" ? [] : possible(alarm);
  /** @param {string} reason */
  const give = async (reason) => {
    if (!act) return;
    const answer = await link.request({ type: act, alarm: alarm.id, reason });
    if (answer.type === "ok") {
      setAct(null);
      done();
    } else {
      const words = t(`error.${answer.code}`);
      tell(words.startsWith("error.") ? (answer.message ?? t("error.unknown")) : words, "bad");
    }
  };
  return html`
    <section class="card content" aria-label=${t("content.title")} data-part="content">
      <h3>${t("content.title")}</h3>
      <p data-content=${alarm.wiped_at ? "wiped" : alarm.held ? "held" : "kept"}>
        ${state(alarm, endsAt)} ${removing ? t("content.removing") : null}
      </p>
      <p class="hint">${t("content.what")}</p>
      ${
        act && acts.includes(act)
          ? html`<${Why} key=${act} act=${act} give=${give} cancel=${() => setAct(null)} />`
          : html`<div class="content-acts">
              ${acts.map(
                (one) => html`
                  <button key=${one} data-act=${one} onClick=${() => setAct(one)}>
                    ${t(`content.${one}`)}
                  </button>
                `,
              )}
            </div>`
      }
    </section>
  `;
}

/** @param {{ act: Act, give: (reason: string) => Promise<void>, cancel: () => void }} props */
function Why({ act, give, cancel }) {
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  const first = useRef(/** @type {HTMLTextAreaElement | null} */ (null));
  useEffect(() => first.current?.focus(), []);
  const ready = reason.trim() !== "" && !busy;
  const send = async () => {
    setBusy(true);
    await give(reason.trim());
    setBusy(false);
  };
  return html`
    <form
      data-form=${act}
      onSubmit=${(/** @type {Event} */ event) => {
        event.preventDefault();
        if (ready) void send();
      }}
      onKeyDown=${(/** @type {KeyboardEvent} */ event) => {
        if (event.key !== "Escape") return;
        event.stopPropagation(); // it closes the form, not the sheet around it
        cancel();
      }}
    >
      ${act === "wipe" ? html`<p class="warning">${t("content.for_good")}</p>` : null}
      <label>
        <span>${t("content.reason")}</span>
        <textarea
          rows="2"
          maxlength=${config.peek().limits?.reason_chars ?? 500}
          data-field="reason"
          ref=${first}
          value=${reason}
          onInput=${(/** @type {InputEvent & { currentTarget: HTMLTextAreaElement }} */ event) => setReason(event.currentTarget.value)}
        ></textarea>
      </label>
      <div class="content-acts">
        <button type="button" class="plain" data-act="content-cancel" onClick=${cancel}>
          ${t("content.cancel")}
        </button>
        <button class="main" data-act="content-send" disabled=${!ready}>${t(`content.${act}`)}</button>
      </div>
    </form>
  `;
}
