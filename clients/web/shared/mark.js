/** The status of an alarm as a shape, always beside its word: nobody has to tell colours apart. */

import { html } from "./dom.js";

/** @type {Record<string, string>} */
const SHAPES = {
  raised: "M8 1.2 15.2 14.4H.8Z",
  acknowledged: "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1Zm0 2v10A5 5 0 0 1 8 3Z",
  en_route: "M2 1.5 14.5 8 2 14.5 5 8Z",
  on_scene: "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1Z",
  closed: "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1Zm0 2a5 5 0 1 1 0 10A5 5 0 0 1 8 3Z",
};

/** @param {{ status: string }} props */
export function Mark({ status }) {
  return html`
    <svg class="mark ${status}" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d=${SHAPES[status] ?? SHAPES.closed} fill-rule="evenodd" />
    </svg>
  `;
}
