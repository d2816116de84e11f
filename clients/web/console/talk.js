/** What was said, one-tap questions in the citizen's language, and the line to write in. Nothing sounds there. */

import { html, useInSight, useLayoutEffect, useRef, useState, useValue } from "../shared/dom.js";
import { config, user } from "../shared/session.js";
import { clock } from "../shared/time.js";
import { known, LANGUAGES, t, wordsOf } from "../shared/words.js";
import { ask, outgoing, say } from "./actions.js";
import { Call, CallButton } from "./call.js";
import { mine } from "./claims.js";
import { drafts, form } from "./state.js";
import { sees } from "./unread.js";

/** @import { Alarm, TalkEntry } from "../shared/types.d.ts" */

const QUESTIONS = ["can_talk", "hurt", "still_there", "weapon", "safe_place"];
const CHOICES = ["yes", "no", "cannot_say", "danger_now"];

/** More talks than this at once are more than one person can follow. */
const MOST_TALKS = 3;

/** @param {Alarm} alarm */
export function citizensLanguage(alarm) {
  return LANGUAGES.find((one) => alarm.lang?.startsWith(one)) ?? "zh";
}

/** @param {{ alarm: Alarm }} props */
export function Talk({ alarm }) {
  const waiting = useValue(outgoing).filter((one) => one.alarm === alarm.id);
  const entries = Object.entries(alarm.talk ?? {}).sort(([a], [b]) => Number(a) - Number(b));
  const list = useRef(/** @type {HTMLOListElement | null} */ (null));
  const last = useInSight(() => sees(alarm, "talk"), [alarm.added]);
  useLayoutEffect(() => {
    if (list.current) list.current.scrollTop = list.current.scrollHeight;
  }, [entries.length, waiting.length]);
  return html`
    <section class="card talk" aria-label=${t("talk.title")}>
      <div class="talk-head">
        <h3>${t("talk.title")}</h3>
        <${CallButton} alarm=${alarm} />
      </div>
      <${TooMany} alarm=${alarm} />
      <ol class="said" ref=${list}>
        ${alarm.text ? html`<${Said} key="first" language=${alarm.lang} entry=${{ who: "citizen", text: alarm.text, at: alarm.raised_at }} />` : null}
        ${entries.map(
          ([n, entry]) =>
            html`<${Said}
              key=${n}
              entry=${entry}
              language=${alarm.lang}
              open=${entry.question === alarm.question}
              reached=${reached(alarm, Number(n))}
            />`,
        )}
        ${waiting.map(
          (one) =>
            html`<li class="officer sending">
              <p dir="auto">${one.text}</p>
              <span class="by">${t("talk.sending")}</span>
            </li>`,
        )}
        ${entries.length + waiting.length || alarm.text ? null : html`<li class="none">${t("talk.none")}</li>`}
        <li class="last" ref=${last} aria-hidden="true"></li>
      </ol>
      ${alarm.status === "closed" ? null : html`<${Composer} key=${alarm.id} alarm=${alarm} />`}
      <${Call} alarm=${alarm} />
    </section>
  `;
}

/** The way out when one person has more talks than they can follow. @param {{ alarm: Alarm }} props */
function TooMany({ alarm }) {
  const talks = useValue(mine).filter((one) => Object.keys(one.talk ?? {}).length > 0);
  if (talks.length <= MOST_TALKS || !talks.some((one) => one.id === alarm.id) || alarm.handover) return null;
  return html`
    <p class="warning wait too-many" data-part="too-many">
      <span>${t("talk.too_many", { n: talks.length })}</span>
      <button class="chip" data-act="hand-one" onClick=${() => (form.value = "handover")}>
        ${t("talk.hand_one")}
      </button>
    </p>
  `;
}

/**
 * How far something got that an officer said: stored, on the citizen's device, in sight there.
 *
 * @param {Alarm} alarm
 * @param {number} n
 */
function reached(alarm, n) {
  if (n <= (alarm.talk_seen ?? 0)) return "seen";
  return n <= (alarm.talk_delivered ?? 0) ? "delivered" : "stored";
}

/** @param {{ entry: TalkEntry, language: string, open?: boolean, reached?: string }} props */
function Said({ entry, language, open, reached }) {
  const me = useValue(user);
  const by = entry.who === "citizen" ? t("talk.citizen") : entry.by === me.name ? t("alarm.you") : entry.by;
  const text = entry.answers ? known("choice", entry.text ?? "") : entry.text;
  const urgent = entry.answers && entry.text === "danger_now" ? "urgent" : "";
  return html`
    <li class="${entry.who} ${entry.answers ? "answer" : ""} ${urgent}" data-said=${entry.who}>
      <p dir="auto" lang=${entry.who === "citizen" && !entry.answers ? language : undefined}>
        ${text ?? t("talk.wiped")}
      </p>
      ${
        entry.choices
          ? html`<p class="choices">
              ${entry.choices.map((one) => html`<span key=${one}>${known("choice", one)}</span>`)}
            </p>`
          : null
      }
      <span class="by">
        ${by} · ${clock(entry.at)}
        ${entry.who === "officer" && reached ? html` · <b class="reached ${reached}" data-reached=${reached}>${t(`talk.${reached}`)}</b>` : null}
        ${entry.question ? ` · ${t(open ? "talk.waits_for_answer" : "talk.question")}` : ""}
      </span>
    </li>
  `;
}

/** @param {{ alarm: Alarm }} props */
function Composer({ alarm }) {
  const [text, setText] = useState(drafts.get(alarm.id) ?? "");
  const most = useValue(config).limits?.text_chars ?? 4000;
  /** @param {string} to */
  const write = (to) => {
    drafts.set(alarm.id, to);
    setText(to);
  };
  /** @param {Event} event */
  const send = (event) => {
    event.preventDefault();
    const words = text.trim();
    if (!words) return;
    write("");
    void say(alarm, words).then((stored) => stored || drafts.get(alarm.id) || write(words));
  };
  const language = citizensLanguage(alarm);
  /** @param {string} question */
  const put = async (question) => {
    await wordsOf(language);
    await ask(alarm, t(`question.${question}`, undefined, language), CHOICES);
  };
  return html`
    <div class="questions" role="group" aria-label=${t("talk.questions")}>
      ${QUESTIONS.map(
        (one) => html`
          <button key=${one} class="chip" data-act="ask" data-question=${one} onClick=${() => void put(one)}>
            ${t(`question.${one}`)}
          </button>
        `,
      )}
    </div>
    <form class="composer" onSubmit=${send}>
      <textarea
        rows="1"
        maxlength=${most}
        data-act="write"
        dir="auto"
        aria-label=${t("talk.write")}
        placeholder=${t("talk.write")}
        value=${text}
        onInput=${(/** @type {InputEvent & { currentTarget: HTMLTextAreaElement }} */ event) => write(event.currentTarget.value)}
        onKeyDown=${(/** @type {KeyboardEvent} */ event) => {
          if (event.key === "Enter" && !event.shiftKey && !event.isComposing) send(event);
        }}
      ></textarea>
      <button class="main" data-act="say" disabled=${!text.trim()}>${t("talk.send")}</button>
    </form>
    <p class="hint">${t("talk.silent_hint", { lang: t(`language.${language}`) })}</p>
  `;
}
