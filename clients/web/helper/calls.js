/** The calls as cards: what to do, roughly where and how far, by which station; and, once accepted, exactly where. */

import { signal } from "/static/vendor/signals-core.js";

import { html, useComputed, useEffect, useRef, useState, useValue } from "../shared/dom.js";
import { clock, dayAndClock, serverNow, tick } from "../shared/time.js";
import { lang, t } from "../shared/words.js";
import { calls, live, request } from "./link.js";
import { Coarse, Exact } from "./where.js";

/** @import { Answer, Call } from "./types.d.ts" */

const REFUSALS = ["busy", "too_far", "unsafe", "other"];
const SHOWN_MS = 60_000;

/** What was just said of a call that is on the page no more. */
const over = signal({ words: "", at: 0 });
/** Calls that this person ended themselves. @type {Set<string>} */
const mine = new Set();

/** Begin to notice calls that are gone. */
export function begin() {
  /** @type {Set<string>} */
  let before = new Set();
  calls.subscribe((all) => {
    const now = new Set(all.map((call) => call.call));
    const gone = [...before].filter((call) => !now.has(call));
    if (gone.some((call) => !mine.has(call)) && live.peek().state !== "ended") say("over.ended");
    before = now;
  });
}

/** Tell that a call is on the screen; once, and only when the page is looked at. @param {Call} call */
function see(call) {
  const key = `${call.call} ${call.called_at}`;
  if (call.state !== "called" || document.visibilityState !== "visible" || seen.has(key)) return;
  seen.add(key);
  void request({ type: "seen", call: call.call }).then((answer) => {
    if (answer.type === "error") seen.delete(key);
  });
}
/** @type {Set<string>} */
const seen = new Set();

/** @param {string} key @param {Record<string, string | number>} [values] */
function say(key, values = {}) {
  over.value = { words: t(key, { at: clock(serverNow()), ...values }), at: serverNow() };
}

export function Calls() {
  const all = useValue(calls);
  const { state } = useValue(live);
  const last = useValue(over);
  const fresh = useComputed(() => tick.value - last.at < SHOWN_MS, [last]);
  return html`
    <div class="calls ${state === "live" ? "" : "old"}" aria-live="polite">
      ${last.words && fresh ? html`<p class="over" data-part="over">${last.words}</p>` : null}
      ${all.map((call) => html`<${Card} key=${call.call} call=${call} />`)}
      ${all.length ? null : html`<p class="none">${t(state === "live" ? "calls.none" : "calls.unknown")}</p>`}
    </div>
  `;
}

/** @param {{ call: Call }} props */
function Card({ call }) {
  const { state } = useValue(live);
  const language = useValue(lang);
  const [declining, setDeclining] = useState(false);
  const [busy, setBusy] = useState("");
  const [fault, setFault] = useState("");
  const top = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => top.current?.scrollIntoView({ block: "nearest" }), [call.state]);
  useEffect(() => {
    const look = () => see(call);
    look();
    document.addEventListener("visibilitychange", look);
    return () => document.removeEventListener("visibilitychange", look);
  }, [call.call, call.called_at]);
  /** @param {string} type @param {Record<string, string>} [more] */
  const give = async (type, more = {}) => {
    if (busy) return;
    setBusy(type);
    setFault("");
    if (type !== "accept") mine.add(call.call);
    const answer = await request({ type, call: call.call, ...more });
    setBusy("");
    setDeclining(false);
    if (answer.type === "ok") {
      if (type !== "accept") say(`over.${type}`);
    } else {
      mine.delete(call.call);
      setFault(words(answer));
    }
  };
  const accepted = call.state === "accepted";
  return html`
    <article class="call ${call.state}" data-call=${call.call} data-state=${call.state} ref=${top}>
      <header>
        <p class="from">
          ${t("call.from", { station: call.station[language] ?? call.station["zh"] ?? "", at: dayAndClock(call.called_at) })}
        </p>
        <h2>
          ${call.tasks.length ? call.tasks.map((one) => html`<span key=${one}>${t(`task.${one}`)}</span>`) : t("call.help")}
        </h2>
        ${call.text ? html`<p class="said" dir="auto">${call.text}</p>` : null}
        ${
          call.tasks.includes("do_not_approach")
            ? html`<p class="keep-away">${t("call.keep_away")}</p>`
            : null
        }
      </header>
      ${accepted ? html`<${Exact} call=${call} />` : html`<${Coarse} call=${call} />`}
      ${fault ? html`<p class="fault" role="alert">${fault}</p>` : null}
      ${state === "live" ? null : html`<p class="queued">${t("call.stale")}</p>`}
      ${
        declining
          ? html`
              <div class="reasons" role="group" aria-label=${t("call.why")}>
                <p>${t("call.why")}</p>
                ${REFUSALS.map(
                  (why) => html`
                    <button key=${why} data-act="decline-${why}" onClick=${() => give("decline", { why })}>
                      ${t(`refusal.${why}`)}
                    </button>
                  `,
                )}
                <button class="plain" data-act="decline-back" onClick=${() => setDeclining(false)}>
                  ${t("call.back")}
                </button>
              </div>
            `
          : html`
              <div class="acts">
                ${
                  accepted
                    ? html`<button class="main" data-act="done" onClick=${() => give("done")}>
                        ${t(busy === "done" ? "call.sending" : "call.done")}
                      </button>`
                    : html`<button class="main" data-act="accept" onClick=${() => give("accept")}>
                        ${t(busy === "accept" ? "call.sending" : "call.accept")}
                      </button>`
                }
                <button data-act="decline" onClick=${() => setDeclining(true)}>
                  ${t(accepted ? "call.cannot" : "call.decline")}
                </button>
              </div>
            `
      }
    </article>
  `;
}

/** @param {Answer} answer */
function words(answer) {
  const known = t(`error.${answer.code}`);
  return known.startsWith("error.") ? (answer.message ?? t("error.unknown")) : known;
}
