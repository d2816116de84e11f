/** The frame of every form under the actions: a title, what it asks for, and sending only what is whole. */

import { html } from "../shared/dom.js";
import { t } from "../shared/words.js";
import { form } from "./state.js";

/** @param {{ type: string, owner?: string | undefined, ready: boolean, onSubmit: () => void, children?: any }} props */
export function Frame({ type, owner = "", ready, onSubmit, children }) {
  return html`
    <form
      class="sheet-form"
      data-form=${type}
      aria-label=${t(`act.${type}`)}
      onSubmit=${(/** @type {Event} */ event) => {
        event.preventDefault();
        if (ready) onSubmit();
      }}
      onKeyDown=${(/** @type {KeyboardEvent} */ event) => {
        if (event.key === "Escape") form.value = null;
      }}
    >
      <h3>${t(`form.${type}`, { owner })}</h3>
      ${children}
      <div class="form-end">
        <button type="button" class="plain" data-act="form-cancel" onClick=${() => (form.value = null)}>
          ${t("form.cancel")}
        </button>
        <button class="main" data-act="form-send" disabled=${!ready}>${t(`act.${type}`)}</button>
      </div>
    </form>
  `;
}
