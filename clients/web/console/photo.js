/** One photo: small and blurred until someone uncovers it; only then the large one is fetched, over the small. */

import { html, useState, useValue } from "../shared/dom.js";
import { t } from "../shared/words.js";
import { uncovered } from "./state.js";

/** @import { Alarm, MediaEntry } from "../shared/types.d.ts" */

/** @param {{ alarm: Alarm, id: string, item: MediaEntry }} props */
export function Photo({ alarm, id, item }) {
  const key = `${alarm.id}/${id}`;
  const clear = useValue(uncovered).has(key);
  const [there, setThere] = useState(false);
  const toggle = () => {
    const next = new Set(uncovered.peek());
    if (!next.delete(key)) next.add(key);
    setThere(false);
    uncovered.value = next;
  };
  const act = clear ? "cover" : "reveal";
  const small = item.copies?.includes("small") ? "?copy=small" : "";
  return html`
    <button class="photo ${clear ? "clear" : ""}" data-act=${act} onClick=${toggle}>
      <img
        class="small"
        src=${`/media/${key}${small}`}
        alt=${t("media.photo")}
        width=${item.width}
        height=${item.height}
        loading="lazy"
      />
      ${
        clear && small
          ? html`
              <img
                class="large ${there ? "there" : ""}"
                src=${`/media/${key}?copy=large`}
                alt=""
                onLoad=${() => setThere(true)}
              />
            `
          : null
      }
      <span class="cover-word">
        ${t(`media.${act}`)}${clear ? "" : html`<small>${t("media.reveal_logged")}</small>`}
      </span>
    </button>
  `;
}
