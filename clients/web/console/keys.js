/** The keyboard: j/k, n, Enter, a, t, m, h, /, ?; can be switched off, and is ignored while someone types. */

import { signal } from "/static/vendor/signals-core.js";

import { html, useValue } from "../shared/dom.js";
import { focusOn, focusSoon, useDialog } from "../shared/focus.js";
import { keep, kept } from "../shared/kept.js";
import { user } from "../shared/session.js";
import { t } from "../shared/words.js";
import { act, handing, offered } from "./bar.js";
import { openNext } from "./nobody.js";
import { current, cursor, form, helpOpen, open, rows, search, selected } from "./state.js";

const REMEMBERED = "fujin.keys";
export const keysOn = signal(kept(REMEMBERED) !== "off");

/** @param {boolean} on */
function switchKeys(on) {
  keysOn.value = on;
  keep(REMEMBERED, on ? "on" : "off");
}

/** @param {1 | -1} by */
function step(by) {
  const list = rows.peek();
  const at = list.findIndex((alarm) => alarm.id === cursor.peek());
  const next = list[at < 0 ? 0 : Math.min(list.length - 1, Math.max(0, at + by))];
  if (!next) return;
  cursor.value = next.id;
  // The row is drawn in a microtask; then it can have the focus, and the list scrolls to it.
  queueMicrotask(() => queueMicrotask(() => focusOn(`[data-alarm="${next.id}"]`)));
}

/** The alarm that a key means: the one under the keyboard, else the open one. */
function meant() {
  const under = document.activeElement?.getAttribute("data-alarm");
  return rows.peek().find((alarm) => alarm.id === under) ?? current.peek();
}

/** @param {import("../shared/types.d.ts").CommandName} type */
function give(type) {
  const alarm = meant();
  if (!alarm || !offered(alarm, user.peek()).includes(type)) return;
  if (selected.peek() !== alarm.id) open(alarm.id);
  act(type, alarm);
}

/** @type {Record<string, () => void>} */
const KEYS = {
  j: () => step(1),
  k: () => step(-1),
  n: openNext,
  Enter: () => open(cursor.peek()),
  a: () => give("ack"),
  m: () => give("move"),
  h: () => {
    const alarm = meant();
    const way = alarm && handing(alarm, user.peek());
    if (way) give(way);
  },
  t: () => {
    const alarm = meant();
    if (alarm && selected.peek() !== alarm.id) open(alarm.id);
    focusSoon('[data-act="write"]');
  },
  "/": () => focusOn('[data-act="search"]'),
  "?": () => (helpOpen.value = true),
};

/** @param {KeyboardEvent} event */
function press(event) {
  const target = /** @type {HTMLElement} */ (event.target);
  const typing = target.closest("input, textarea, select, dialog");
  if (event.key === "Escape") {
    if (typing) target.blur();
    else if (form.peek()) form.value = null;
    else if (search.peek()) search.value = "";
    return;
  }
  if (typing || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.key === "Enter" && target.closest("button, a, summary, audio")) return; // the button's own
  const key = KEYS[event.key];
  if (!key || (!keysOn.peek() && event.key !== "?")) return;
  event.preventDefault();
  key();
}

export function listenToKeys() {
  document.addEventListener("keydown", press);
}

export function Help() {
  return useValue(helpOpen) ? html`<${Sheet} />` : null;
}

function Sheet() {
  const on = useValue(keysOn);
  const dialog = useDialog();
  const shut = () => (helpOpen.value = false);
  return html`
    <dialog ref=${dialog} class="help" aria-labelledby="help-title" onClose=${shut}>
      <h2 id="help-title">${t("keys.title")}</h2>
      <dl>
        ${Object.keys(KEYS).map(
          (key) =>
            html`<div key=${key}>
              <dt><kbd>${key}</kbd></dt>
              <dd>${t(`keys.${key}`)}</dd>
            </div>`,
        )}
      </dl>
      <label class="option">
        <input type="checkbox" data-act="keys" checked=${on} onChange=${() => switchKeys(!on)} />
        <span>${t("keys.on")}</span>
      </label>
      <button class="main" data-act="help-shut" onClick=${() => dialog.current?.close()}>
        ${t("keys.shut")}
      </button>
    </dialog>
  `;
}
