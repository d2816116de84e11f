/** The supervisor's page: open alarms with countdowns, duty, all alarms that there were, the log, one alarm's timeline. */

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
import { Told } from "../shared/told.js";
import { lang, loadWords, t } from "../shared/words.js";
import { look, show, view, VIEWS } from "./address.js";
import { Channels } from "./channels.js";
import { Duty } from "./duty.js";
import { Find } from "./find.js";
import { beginLog, Log, showLog } from "./log.js";
import { Open, Overdue } from "./open.js";
import { Timeline } from "./timeline.js";

const check = () => (soundCheckOpen.value = true);

const allLate = () => showLog({ type: "deadline_late" });

function Views() {
  const on = useValue(view);
  return html`<nav class="views" aria-label=${t("views.title")}>
    ${VIEWS.map(
      (one) =>
        html`<button
          key=${one}
          class="plain"
          data-act=${`view-${one}`}
          aria-current=${on === one ? "page" : undefined}
          onClick=${() => show(one)}
        >
          ${t(`views.${one}`)}
        </button>`,
    )}
  </nav>`;
}

function Supervisor() {
  useValue(lang);
  const { state } = useValue(link.state);
  const lost = useValue(gone);
  const on = useValue(view);
  if (lost) return html`<${Gone} name=${user.peek().name} />`;
  return html`
    <${Head} title=${t("supervisor.title")} onCheck=${check}><${Views} /><//>
    <${Lines}>
      <${NotReady} onCheck=${check} />
      <${EndsSoon} />
      <${Outdated} />
      <${AlertsBroken} onCheck=${check} />
      <${Notices} open=${look} more=${allLate} />
      <${Flood} />
    <//>
    <div class="below">
      <main key=${on} class="view ${on} ${state === "live" ? "" : "old"}">
        ${
          on === "log"
            ? html`<${Log} />`
            : on === "find"
              ? html`<${Find} />`
              : html`
                  <${Open} />
                  <div class="side"><${Overdue} /><${Duty} /><${Channels} /></div>
                `
        }
      </main>
      <${Timeline} />
    </div>
    <${Told} />
    <${SoundCheck} />
  `;
}

applyTheme();
await loadWords("common", "supervisor");
if (await begin()) {
  beginLog();
  mentionNotices();
  followAlerts(look);
  effect(() => {
    const n = waitingCount.value;
    void lang.value;
    document.title = n ? `(${n}) ${t("supervisor.title")}` : t("supervisor.title");
  });
  const root = document.getElementById("app");
  root?.replaceChildren();
  if (root) render(html`<${Supervisor} />`, root);
}
