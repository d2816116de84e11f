/** Photos, covered until someone uncovers them, and recordings, which never play by themselves. */

import { html, useEffect, useInSight, useRef, useValue } from "../shared/dom.js";
import { clock } from "../shared/time.js";
import { listed, t } from "../shared/words.js";
import { LiveRecording } from "./live.js";
import { Original } from "./original.js";
import { Photo } from "./photo.js";
import { listening } from "./state.js";
import { sees } from "./unread.js";
import { Wave } from "./wave.js";

/** @import { Alarm, MediaEntry } from "../shared/types.d.ts" */
/** @typedef {{ alarm: Alarm, id: string, item: MediaEntry }} Shown */

/** @param {{ alarm: Alarm }} props */
export function Media({ alarm }) {
  const all = Object.entries(alarm.media ?? {});
  const heard = useValue(listening);
  if (!all.length) return null;
  return html`
    <section class="card media" aria-label=${t("media.title")}>
      <h3 tabindex="-1">${t("media.title")}</h3>
      ${all.map(
        ([id, item]) => html`
          <figure key=${id} data-media=${id} data-state=${item.state}>
            <${part(item, heard.has(`${alarm.id}/${id}`))} alarm=${alarm} id=${id} item=${item} />
            <figcaption>
              ${t(`media.${item.kind}`)} · ${clock(item.at)}
              ${
                item.opened_by?.length
                  ? html` ·
                      <span data-part="opened-by"
                        >${t(item.kind === "photo" ? "media.opened_by" : "media.heard_by", { names: listed(item.opened_by) })}</span
                      >`
                  : null
              }
              ${item.cut ? html` · <span class="cut" data-cut>${t("media.cut")}</span>` : null}
            </figcaption>
            <${Original} alarm=${alarm} id=${id} item=${item} />
          </figure>
        `,
      )}
      <${Last} alarm=${alarm} />
    </section>
  `;
}

/** Where the media end: with it in sight they were seen to be there. @param {{ alarm: Alarm }} props */
function Last({ alarm }) {
  const end = useInSight(() => sees(alarm, "media"), [alarm.added]);
  return html`<span class="last" ref=${end} aria-hidden="true"></span>`;
}

/** @param {MediaEntry} item @param {boolean} heard live by this officer: its player stays when the recording has ended */
function part(item, heard) {
  if (heard || (item.kind === "audio" && item.state === "receiving" && !item.not_live)) return LiveRecording;
  if (item.state !== "ready") return Unready;
  return item.kind === "photo" ? Photo : Recording;
}

/** What stands in the place of a copy that is not there; that it is looked at makes it the next one. @param {Shown} props */
function Unready({ alarm, id, item }) {
  useEffect(() => {
    if (item.state === "stored") {
      void fetch(`/media/${alarm.id}/${id}`, { method: "HEAD" }).catch(() => undefined);
    }
  }, [item.state]);
  const tone = item.state === "unreadable" ? "bad" : "";
  if (item.state === "receiving" && item.not_live) {
    return html`<p class="unready bad">${t("live.failed")}</p>`;
  }
  return html`<p class="unready ${tone}">${t(`media.state.${item.state}`)}</p>`;
}

/** @param {Shown} props */
function Recording({ alarm, id, item }) {
  const player = useRef(/** @type {HTMLAudioElement | null} */ (null));
  const src = `/media/${alarm.id}/${id}`;
  const peaks = alarm.found?.[id]?.peaks;
  const seconds = item.duration_s ?? 0;
  const length = seconds ? ` (${Math.round(seconds)} s)` : "";
  return html`
    ${peaks?.length && seconds ? html`<${Wave} peaks=${peaks} seconds=${seconds} player=${player} />` : null}
    <audio ref=${player} controls preload="none" data-act="play" aria-label=${t("media.audio") + length}>
      ${item.copies?.includes("webm") ? html`<source src="${src}?copy=webm" type="audio/webm;codecs=opus" />` : null}
      <source src=${src} type="audio/mp4" />
    </audio>
  `;
}
