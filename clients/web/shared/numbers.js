/** Numbers of a place as they came, and a button that copies them. */

import { html, useRef, useState } from "./dom.js";
import { t } from "./words.js";

const TOLD_MS = 4000;

/**
 * Where there is no clipboard the numbers are selected instead, and never said to be copied.
 *
 * @param {{ text: string, part: string, label?: string }} props `label` tells apart what stands beside one another
 */
export function Numbers({ text, part, label }) {
  const [state, setState] = useState("copy");
  const shown = useRef(/** @type {HTMLElement | null} */ (null));
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text); // there is none where the page did not come over TLS
      setState("copied");
    } catch {
      if (shown.current) getSelection()?.selectAllChildren(shown.current);
      setState("select");
    }
    setTimeout(() => setState("copy"), TOLD_MS);
  };
  const word = t(`numbers.${state}`);
  return html`
    <p class="numbers">
      ${label ? html`<span>${label}</span>` : null}
      <code data-part=${part} ref=${shown}>${text}</code>
      <button class="chip" data-act="copy-position" aria-label=${label && `${word} ${label}`} onClick=${copy}>
        ${word}
      </button>
    </p>
  `;
}
