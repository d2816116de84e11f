/**
 * Short words to the officer, and the two live regions for those who listen to the page: polite for what was done and
 * what is wrong with the system, assertive only for new alarms, at most one announcement in two seconds, with a count.
 */

import { effect, signal } from "/static/vendor/signals-core.js";

import { html, useValue } from "./dom.js";
import { ringing } from "./session.js";
import { t } from "./words.js";

/** @typedef {{ id: number, text: string, tone: "good" | "bad" }} Line */

const SHOWN_MS = 7000;
const BETWEEN_MS = 2000;

/** @type {import("/static/vendor/signals-core.js").Signal<Line[]>} */
const lines = signal([]);
const mentioned = signal("");
const announced = signal("");
let count = 0;

/** @param {string} text @param {"good" | "bad"} [tone] */
export function tell(text, tone = "good") {
  const one = { id: ++count, text, tone };
  lines.value = [...lines.peek().slice(-2), one];
  setTimeout(() => dismiss(one.id), SHOWN_MS);
}

/** Only for those who listen: it is on the screen elsewhere. @param {string} text */
export function mention(text) {
  mentioned.value = text;
}

/** @param {number} id */
function dismiss(id) {
  lines.value = lines.peek().filter((one) => one.id !== id);
}

/** @type {Set<string>} */
const heard = new Set();
let fresh = 0;
let timer = 0;

/** Begin to announce alarms that ring here. */
export function announce() {
  effect(() => {
    for (const alarm of ringing.value) {
      if (heard.has(alarm.id)) continue;
      heard.add(alarm.id);
      fresh += 1;
    }
    if (fresh && !timer) say();
  });
}

function say() {
  announced.value = t(fresh === 1 ? "announce.one" : "announce.many", { n: fresh });
  fresh = 0;
  timer = window.setTimeout(() => {
    timer = 0;
    if (fresh) say();
  }, BETWEEN_MS);
}

export function Told() {
  const shown = useValue(lines);
  const system = useValue(mentioned);
  const alarm = useValue(announced);
  return html`
    <div class="told" role="status" aria-live="polite">
      <p class="spoken" data-part="mentioned">${system}</p>
      ${shown.map(
        (one) => html`
          <p key=${one.id} class="told-line ${one.tone}" data-told=${one.tone}>
            <span>${one.text}</span>
            <button class="plain" data-act="dismiss" onClick=${() => dismiss(one.id)}>${t("dismiss")}</button>
          </p>
        `,
      )}
    </div>
    <div class="spoken" role="alert" aria-live="assertive">${alarm}</div>
  `;
}
