/** That an alarm has photos and recordings, and how many: a mark in its row, and in its head the way to them. */

import { html } from "../shared/dom.js";
import { focusOn } from "../shared/focus.js";
import { t } from "../shared/words.js";

/** @import { Alarm } from "../shared/types.d.ts" */

/** @type {Record<string, string>} */
const SHAPES = {
  photo: "M1 3.5h3.4L5.6 2h4.8l1.2 1.5H15V14H1Zm7 1.7a3.3 3.3 0 1 0 0 6.6 3.3 3.3 0 0 0 0-6.6Z",
  audio:
    "M8 1a2.5 2.5 0 0 1 2.5 2.5v4a2.5 2.5 0 0 1-5 0v-4A2.5 2.5 0 0 1 8 1ZM3 7h1.4a3.6 3.6 0 0 0 7.2 0H13a5 5 0 0 1-4.3 4.9V15H7.3v-3.1A5 5 0 0 1 3 7Z",
};
const GONE = ["wiped", "removed"];

/** How many of each kind there still are. @param {Alarm} alarm @returns {[string, number][]} */
function counts(alarm) {
  const there = Object.values(alarm.media ?? {}).filter((item) => !GONE.includes(item.state));
  return Object.keys(SHAPES)
    .map(
      (kind) => /** @type {[string, number]} */ ([kind, there.filter((item) => item.kind === kind).length]),
    )
    .filter(([, n]) => n > 0);
}

/** @param {{ alarm: Alarm, words?: boolean }} props `words`: said, not only heard */
function Marks({ alarm, words = false }) {
  return counts(alarm).map(
    ([kind, n]) => html`
      <span key=${kind} class="media-mark" data-media-mark=${kind}>
        <svg viewBox="0 0 16 16" aria-hidden="true" focusable="false">
          <path d=${SHAPES[kind]} fill-rule="evenodd" />
        </svg>
        <span class=${words ? "" : "spoken"}>${t(`media.mark.${kind}`)}</span>${n}
      </span>
    `,
  );
}

/** @param {{ alarm: Alarm }} props */
export function MediaMarks({ alarm }) {
  return counts(alarm).length ? html`<span class="media-marks"><${Marks} alarm=${alarm} /></span>` : null;
}

/** @param {{ alarm: Alarm }} props */
export function ToMedia({ alarm }) {
  if (!counts(alarm).length) return null;
  return html`
    <button class="chip media-marks" data-act="to-media" onClick=${() => focusOn(".media h3")}>
      <${Marks} alarm=${alarm} words=${true} />
    </button>
  `;
}
