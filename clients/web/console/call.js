/** Calling someone who raised a silent alarm: never by a slip, and with what speaks against it before one's eyes. */

import { signal } from "/static/vendor/signals-core.js";

import { html, useValue } from "../shared/dom.js";
import { useDialog } from "../shared/focus.js";
import { clock } from "../shared/time.js";
import { known, spoken, t, wordsOf } from "../shared/words.js";
import { ask, command } from "./actions.js";
import { citizensLanguage } from "./talk.js";

/** @import { Alarm } from "../shared/types.d.ts" */

const CHOICES = ["yes", "no", "cannot_say", "danger_now"];

/** The alarm of which it is asked whether to call. */
const asked = signal(/** @type {string | null} */ (null));

/** @param {{ alarm: Alarm }} props */
export function CallButton({ alarm }) {
  if (alarm.status === "closed") return null;
  return html`
    <button class="chip call" data-act="call" onClick=${() => (asked.value = alarm.id)}>
      ${t("call.button")}
    </button>
  `;
}

/** @param {{ alarm: Alarm }} props */
export function Call({ alarm }) {
  return useValue(asked) === alarm.id ? html`<${Sheet} alarm=${alarm} />` : null;
}

/** The last answer to "may we call", if there was one. @param {Alarm} alarm */
function answered(alarm) {
  const entries = Object.values(alarm.talk ?? {});
  const question = entries.findLast((one) => one.question && isCall(one.text ?? ""))?.question;
  return question ? entries.find((one) => one.answers === question) : undefined;
}

/** @param {string} text */
const isCall = (text) => ["zh", "en"].some((one) => text === t("question.can_call", undefined, one));

/** @param {{ alarm: Alarm }} props */
function Sheet({ alarm }) {
  const dialog = useDialog();
  useValue(spoken); // what was asked before may be in a language whose words are still to come
  const shut = () => (asked.value = null);
  const answer = answered(alarm);
  const needs = (alarm.needs ?? []).map((one) => known("need", one));
  const may = async () => {
    shut();
    const language = citizensLanguage(alarm);
    await wordsOf(language);
    await ask(alarm, t("question.can_call", undefined, language), CHOICES);
  };
  const called = () => {
    shut();
    void command("note", alarm, { text: t("call.note") });
  };
  return html`
    <dialog ref=${dialog} class="call-sheet" data-part="call" aria-labelledby="call-title" onClose=${shut}>
      <h2 id="call-title">${t("call.title")}</h2>
      <p class="warning bad" data-part="silent-flag">${t("call.silent")}</p>
      ${alarm.cancel === "duress" || alarm.plan === "duress" ? html`<p class="warning bad">${t("call.duress")}</p>` : null}
      ${needs.length ? html`<p class="needs">${needs.map((one) => html`<span key=${one} class="tag need">${one}</span>`)}</p>` : null}
      <p>
        ${
          answer
            ? t("call.answered", { answer: known("choice", answer.text ?? ""), at: clock(answer.at) })
            : t("call.not_asked")
        }
      </p>
      <p class="hint">${t("call.number")}</p>
      <div class="form-end">
        <button class="plain" data-act="call-not" onClick=${() => dialog.current?.close()}>
          ${t("call.not")}
        </button>
        <button data-act="call-anyway" onClick=${called}>${t("call.anyway")}</button>
        <button class="main" data-act="call-ask" onClick=${() => void may()}>${t("call.ask")}</button>
      </div>
    </dialog>
  `;
}
