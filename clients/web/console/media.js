/** Photos, covered until someone uncovers them, and recordings, which never play by themselves. */

import { html, useValue } from "../shared/dom.js";
import { clock } from "../shared/time.js";
import { t } from "../shared/words.js";
import { LiveRecording } from "./live.js";
import { listening, uncovered } from "./state.js";

/** @import { Alarm, MediaEntry } from "../shared/types.d.ts" */

/** @param {{ alarm: Alarm }} props */
export function Media({ alarm }) {
  const all = Object.entries(alarm.media ?? {});
  if (!all.length) return null;
  return html`
    <section class="card media" aria-label=${t("media.title")}>
      <h3>${t("media.title")}</h3>
      ${all.map(
        ([id, item]) => html`
          <figure key=${id} data-media=${id} data-state=${item.state}>
            <${item.kind === "photo" ? Photo : Recording} alarm=${alarm} id=${id} item=${item} />
            <figcaption>
              ${t(`media.${item.kind}`)} · ${clock(item.at)}
              ${item.cut ? html` · <span class="cut" data-cut>${t("media.cut")}</span>` : null}
            </figcaption>
          </figure>
        `,
      )}
    </section>
  `;
}

/** @param {MediaEntry} item */
function unready(item) {
  const tone = item.state === "unreadable" ? "bad" : "";
  return html`<p class="unready ${tone}">${t(`media.state.${item.state}`)}</p>`;
}

/** @param {{ alarm: Alarm, id: string, item: MediaEntry }} props */
function Photo({ alarm, id, item }) {
  const key = `${alarm.id}/${id}`;
  const clear = useValue(uncovered).has(key);
  if (item.state !== "ready") return unready(item);
  const toggle = () => {
    const next = new Set(uncovered.peek());
    if (!next.delete(key)) next.add(key);
    uncovered.value = next;
  };
  const act = clear ? "cover" : "reveal";
  return html`
    <button class="photo ${clear ? "clear" : ""}" data-act=${act} onClick=${toggle}>
      <img
        src=${`/media/${alarm.id}/${id}`}
        alt=${t("media.photo")}
        width=${item.width}
        height=${item.height}
        loading="lazy"
      />
      <span class="cover-word">${t(`media.${act}`)}</span>
    </button>
  `;
}

/** @param {{ alarm: Alarm, id: string, item: MediaEntry }} props */
function Recording({ alarm, id, item }) {
  const on = useValue(listening).has(`${alarm.id}/${id}`);
  if (on || (item.state === "receiving" && !item.not_live)) {
    return html`<${LiveRecording} alarm=${alarm} id=${id} item=${item} />`;
  }
  if (item.state === "receiving") return html`<p class="unready bad">${t("live.failed")}</p>`;
  if (item.state !== "ready") return unready(item);
  const seconds = item.duration_s ? ` (${Math.round(item.duration_s)} s)` : "";
  return html`
    <audio
      controls
      preload="none"
      src=${`/media/${alarm.id}/${id}`}
      data-act="play"
      aria-label=${t("media.audio") + seconds}
    ></audio>
  `;
}
