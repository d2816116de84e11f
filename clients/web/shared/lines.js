/** What a page of the staff has to say of itself, under its head: one landmark, which is not there while it is empty. */

import { html } from "./dom.js";
import { t } from "./words.js";

/** @param {{ children?: any }} props */
export function Lines({ children }) {
  return html`<section class="lines" aria-label=${t("head.lines")}>${children}</section>`;
}
