/** The officer's console: begins the session and puts its parts together. */

import { effect } from "/static/vendor/signals-core.js";

import { html, render, useValue } from "../shared/dom.js";
import { followAlerts } from "../shared/alerts.js";
import { AlertsBroken } from "../shared/alerts-part.js";
import { Flood } from "../shared/flood.js";
import { applyTheme, Head, NotReady } from "../shared/head.js";
import { gone } from "../shared/ending.js";
import { EndsSoon, Gone, Outdated } from "../shared/ending-part.js";
import { Lines } from "../shared/lines.js";
import { begin, link, user } from "../shared/session.js";
import { mentionNotices, Notices } from "../shared/notices.js";
import { SoundCheck, soundCheckOpen, waitingCount } from "../shared/sound-check.js";
import { announce, Told } from "../shared/told.js";
import { lang, loadWords, t } from "../shared/words.js";
import { Detail } from "./detail.js";
import { Help, listenToKeys } from "./keys.js";
import { leaveDesk, Leaving, ShiftEnd } from "./leaving.js";
import { List } from "./list.js";
import { NobodyHas } from "./nobody.js";
import { helpOpen, open, selected } from "./state.js";
import { firstUnread, followUnread, unreadInAll } from "./unread.js";

/** For tests and benches: what this page knows. */
export { store } from "../shared/session.js";

const check = () => (soundCheckOpen.value = true);

function Console() {
  useValue(lang);
  const { state } = useValue(link.state);
  const lost = useValue(gone);
  const chosen = useValue(selected);
  if (lost) return html`<${Gone} name=${user.peek().name} />`;
  return html`
    <${Head}
      title=${t("console.title")}
      onCheck=${check}
      onHelp=${() => (helpOpen.value = true)}
      onLeave=${leaveDesk}
    >
      <${NobodyHas} />
      <${Unread} />
    <//>
    <${Lines}>
      <${NotReady} onCheck=${check} />
      <${EndsSoon} />
      <${Outdated} />
      <${AlertsBroken} onCheck=${check} />
      <${Notices} open=${open} />
      <${Flood} />
      <${ShiftEnd} />
    <//>
    <div class="panes ${chosen ? "one-open" : ""} ${state === "live" ? "" : "old"}">
      <${List} />
      <${Detail} />
    </div>
    <${Told} />
    <${SoundCheck} />
    <${Leaving} />
    <${Help} />
  `;
}

/** What citizens added and is not read, of all alarms: opens the one that waits longest. */
function Unread() {
  const n = useValue(unreadInAll);
  if (!n) return null;
  return html`
    <button
      class="counted unread-in-all"
      data-act="unread"
      data-unread=${n}
      onClick=${() => open(firstUnread())}
    >
      <span class="wide">${t("unread.in_all", { n })}</span>
      <span class="narrow" aria-hidden="true">${t("unread.title", { n })}</span>
    </button>
  `;
}

/** On a phone an open alarm is a screen of its own, so Back leads to the list. */
function followHistory() {
  let shown = selected.peek();
  effect(() => {
    const id = selected.value;
    if (id && !shown) history.pushState({ alarm: true }, "");
    shown = id;
  });
  window.addEventListener("popstate", () => open(null));
}

/** The tab's title counts what waits, and what is not read. */
function followTitle() {
  effect(() => {
    const n = waitingCount.value;
    const said = unreadInAll.value;
    void lang.value;
    document.title = [n ? `(${n})` : "", said ? t("unread.title", { n: said }) : "", t("console.title")]
      .filter(Boolean)
      .join(" ");
  });
}

applyTheme();
await loadWords("common", "console");
if (await begin()) {
  soundCheckOpen.value = true; // at the start of duty, always
  announce();
  mentionNotices();
  listenToKeys();
  followHistory();
  followTitle();
  followUnread();
  followAlerts(open);
  const root = document.getElementById("app");
  root?.replaceChildren();
  if (root) render(html`<${Console} />`, root);
}
