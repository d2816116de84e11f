/** The way to the next alarm that nobody has, wherever one is: by a key, and by a button that says how many there are. */

import { html, useComputed } from "../shared/dom.js";
import { focusSoon } from "../shared/focus.js";
import { Mark } from "../shared/mark.js";
import { t } from "../shared/words.js";
import { nobodys, open, selected } from "./state.js";

/** Open the one that waits longest; from one of them the next, and after the last the first again. */
export function openNext() {
  const ids = nobodys.peek().map((alarm) => alarm.id);
  const next = ids[(ids.indexOf(selected.peek() ?? "") + 1) % ids.length];
  if (!next) return;
  open(next);
  focusSoon(".story-head h2");
}

export function NobodyHas() {
  const n = useComputed(() => nobodys.value.length, []);
  if (!n) return null;
  return html`
    <button class="counted nobody" data-act="next" data-nobody=${n} onClick=${openNext}>
      <${Mark} status="raised" />
      <span class="wide">${t("nobody.next", { n })}</span>
      <span class="narrow" aria-hidden="true">${n}</span>
    </button>
  `;
}
