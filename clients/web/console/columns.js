/** What stands below what is to be done with an alarm: what was said, its ladder and notes, its place, helpers and media. */

import { html } from "../shared/dom.js";
import { clock } from "../shared/time.js";
import { t } from "../shared/words.js";
import { Helpers } from "./helpers.js";
import { Ladder } from "./ladder.js";
import { Media } from "./media.js";
import { Place } from "./place.js";
import { Talk } from "./talk.js";

/** @import { Alarm } from "../shared/types.d.ts" */

/** @param {{ alarm: Alarm }} props */
export function Columns({ alarm }) {
  return html`
    <div class="columns">
      <div class="column wide">
        <${Talk} alarm=${alarm} />
        <${Ladder} alarm=${alarm} />
        <${Notes} alarm=${alarm} />
      </div>
      <div class="column">
        <${Place} alarm=${alarm} />
        <${Media} alarm=${alarm} />
        <${Helpers} alarm=${alarm} />
      </div>
    </div>
  `;
}

/** @param {{ alarm: Alarm }} props */
function Notes({ alarm }) {
  const notes = Object.entries(alarm.notes ?? {}).sort(([a], [b]) => Number(a) - Number(b));
  if (!notes.length) return null;
  return html`
    <section class="card notes" aria-label=${t("notes.title")}>
      <h3>${t("notes.title")}</h3>
      ${notes.map(
        ([n, note]) => html`
          <p key=${n} data-note=${n}>
            <bdi>${note.text ?? t("talk.wiped")}</bdi> <span class="by">${note.by} · ${clock(note.at)}</span>
          </p>
        `,
      )}
    </section>
  `;
}
