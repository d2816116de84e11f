/** The sealed original of a photo or recording: given out with a reason, which is logged, as a file that nothing opens. */

import { html, useEffect, useState, useValue } from "../shared/dom.js";
import { config } from "../shared/session.js";
import { mention } from "../shared/told.js";
import { t } from "../shared/words.js";

/** @import { Alarm, MediaEntry } from "../shared/types.d.ts" */

/** What a file may be called, by its bytes or else by what the device said: nothing that a browser would run. @type {Record<string, string>} */
const ENDINGS = {
  "image/jpeg": "jpg",
  "image/png": "png",
  "image/gif": "gif",
  "image/webp": "webp",
  "image/heic": "heic",
  "image/heif": "heif",
  "image/avif": "avif",
  "audio/webm": "webm",
  "audio/ogg": "ogg",
  "audio/mp4": "m4a",
  "audio/3gpp": "3gp",
  "audio/amr": "amr",
  "audio/amr-wb": "awb",
  "audio/aac": "aac",
  "audio/mpeg": "mp3",
  "audio/flac": "flac",
  "audio/aiff": "aiff",
  "audio/x-caf": "caf",
  "audio/x-ms-wma": "wma",
  "audio/wav": "wav",
};
const MOST = 500;

/** @param {string} url @param {string} reason */
async function fetched(url, reason) {
  const answer = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ reason }),
  });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.blob();
}

/** @param {Blob} data @param {string} name */
function save(data, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(data);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** @param {{ alarm: Alarm, id: string, item: MediaEntry }} props */
export function Original({ alarm, id, item }) {
  const [open, setOpen] = useState(false);
  const [reason, setReason] = useState("");
  const [told, setTold] = useState("");
  const most = useValue(config).limits?.reason_chars ?? MOST;
  useEffect(() => {
    if (told) mention(t(told));
  }, [told]);
  if (["receiving", "wiped", "removed"].includes(item.state)) return null; // there is none, yet or any more
  const get = async () => {
    setTold("media.original_wait");
    try {
      const data = await fetched(`/media/${alarm.id}/${id}/original`, reason.trim());
      save(data, `original-${alarm.code}-${id}.${ENDINGS[item.mime] ?? "bin"}`);
      setTold("media.original_saved");
      setOpen(false);
      setReason("");
    } catch {
      setTold("media.original_failed");
    }
  };
  const said = told ? html` <span>${t(told)}</span>` : null;
  if (!open) {
    return html`
      <p class="original">
        <button class="plain" data-act="original" onClick=${() => setOpen(true)}>
          ${t("media.original")}
        </button>
        ${said}
      </p>
    `;
  }
  return html`
    <form
      class="original"
      data-form="original"
      onSubmit=${(/** @type {Event} */ event) => {
        event.preventDefault();
        if (reason.trim()) void get();
      }}
      onKeyDown=${(/** @type {KeyboardEvent} */ event) => {
        if (event.key === "Escape") setOpen(false);
      }}
    >
      <label>
        <span>${t("media.original_why")}</span>
        <textarea
          rows="2"
          maxlength=${most}
          data-field="reason"
          dir="auto"
          value=${reason}
          onInput=${(/** @type {InputEvent & { currentTarget: HTMLTextAreaElement }} */ event) => setReason(event.currentTarget.value)}
        ></textarea>
      </label>
      <button class="chip" data-act="original-open" disabled=${!reason.trim()}>
        ${t("media.original_open")}
      </button>
      <button type="button" class="plain" data-act="original-cancel" onClick=${() => setOpen(false)}>
        ${t("form.cancel")}
      </button>
      ${said}
    </form>
  `;
}
