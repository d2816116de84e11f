/**
 * Short words to the officer, and the only two live regions of a page, for those who listen to it: polite for what was
 * done, what is wrong with the system, and what a citizen wrote; assertive only for new alarms and for what an officer
 * must know at once of an alarm of theirs. In each at most one announcement in two seconds, new alarms with a count.
 * Nothing that counts on the screen is in either.
 */

import { effect, signal } from "/static/vendor/signals-core.js";

import { html, useValue } from "./dom.js";
import { link, ringing, user } from "./session.js";
import { sound } from "./sound.js";
import { clock } from "./time.js";
import { t } from "./words.js";

/** @typedef {{ id: number, text: string, tone: "good" | "bad" }} Line */

const SHOWN_MS = 7000;
const BETWEEN_MS = 2000;

/** @type {import("/static/vendor/signals-core.js").Signal<Line[]>} */
const lines = signal([]);
/** With a number: the same words again are another announcement, and must be one to a screen reader too. */
const mentioned = signal({ n: 0, text: "" });
const announced = signal({ n: 0, text: "" });
let count = 0;

/** @param {string} text @param {"good" | "bad"} [tone] */
export function tell(text, tone = "good") {
  const one = { id: ++count, text, tone };
  lines.value = [...lines.peek().slice(-2), one];
  setTimeout(() => dismiss(one.id), SHOWN_MS);
}

/** Only for those who listen: it is on the screen elsewhere. @param {string} text */
export function mention(text) {
  toMention.push(text);
  if (!mentioning) mentionAll();
}
/** @type {string[]} */
let toMention = [];
let mentioning = 0;

function mentionAll() {
  mentioned.value = { n: ++count, text: toMention.join(" ") };
  toMention = [];
  mentioning = window.setTimeout(() => {
    mentioning = 0;
    if (toMention.length) mentionAll();
  }, BETWEEN_MS);
}

/** Why this page cannot ring; to officers also what follows from it. @param {"off" | "blocked"} heard */
export function notReady(heard) {
  return t(user.peek().role === "officer" ? `not_ready.${heard}` : `not_ready.${heard}.supervisor`);
}

/** Say that the page is not live, is live again, or can't ring any more; each once, without the seconds on the screen. */
function mentionState() {
  let was = "";
  let rang = false;
  effect(() => {
    const { state, since } = link.state.value;
    if (state === "stale") mention(t("live.stale_since", { at: clock(since) }));
    if (state === "live" && was === "stale") mention(t("live.live"));
    was = state;
  });
  effect(() => {
    const now = sound.value;
    if (rang && now !== "on") mention(notReady(now));
    rang = now === "on";
  });
}

/** @param {number} id */
function dismiss(id) {
  lines.value = lines.peek().filter((one) => one.id !== id);
}

/** @type {Set<string>} */
const heard = new Set();
let fresh = 0;
let timer = 0;

/** Begin to announce alarms that ring here, and what becomes of this page. */
export function announce() {
  mentionState();
  effect(() => {
    for (const alarm of ringing.value) {
      if (heard.has(alarm.id)) continue;
      heard.add(alarm.id);
      fresh += 1;
    }
    if (fresh && !timer) say();
  });
}

/** @type {string[]} */
let toCry = [];

/** At once, to those who listen: of an alarm that is theirs. @param {string} text */
export function cry(text) {
  toCry.push(text);
  if (!timer) say();
}

function say() {
  const alarms = fresh ? [t("announce.new", { n: fresh })] : [];
  announced.value = { n: ++count, text: [...toCry, ...alarms].join(" ") };
  fresh = 0;
  toCry = [];
  timer = window.setTimeout(() => {
    timer = 0;
    if (fresh || toCry.length) say();
  }, BETWEEN_MS);
}

export function Told() {
  const shown = useValue(lines);
  const system = useValue(mentioned);
  const alarm = useValue(announced);
  return html`
    <div class="told" role="status" aria-live="polite">
      <p class="spoken" data-part="mentioned"><span key=${system.n}>${system.text}</span></p>
      ${shown.map(
        (one) => html`
          <p key=${one.id} class="told-line ${one.tone}" data-told=${one.tone}>
            <span>${one.text}</span>
            <button class="plain" data-act="dismiss" onClick=${() => dismiss(one.id)}>${t("dismiss")}</button>
          </p>
        `,
      )}
    </div>
    <div class="spoken" role="alert" aria-live="assertive"><p key=${alarm.n}>${alarm.text}</p></div>
  `;
}
