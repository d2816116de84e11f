/** The forms under the actions: a reason, how it ended, which station. Closed by Escape, nothing sent by itself. */

import { html, useComputed, useEffect, useRef, useState, useValue } from "../shared/dom.js";
import { config } from "../shared/session.js";
import { t } from "../shared/words.js";
import { command } from "./actions.js";
import { Frame } from "./frame.js";
import { Handover } from "./handover.js";
import { form, withItsBurst } from "./state.js";

/** @import { Alarm, CloseRequest, CommandName } from "../shared/types.d.ts" */

/** @type {CloseRequest["disposition"][]} */
const DISPOSITIONS = ["handled", "no_one_found", "false_alarm", "duplicate", "test", "passed_on"];

/** @param {{ alarm: Alarm }} props */
export function Form({ alarm }) {
  const type = useValue(form);
  if (!type) return null;
  if (type === "close" || type === "close_burst") {
    return html`<${Close} key=${type} type=${type} alarm=${alarm} />`;
  }
  if (type === "handover" || type === "transfer") {
    return html`<${Handover} key=${type} alarm=${alarm} owned=${type === "handover"} />`;
  }
  if (type === "note") {
    const send = (/** @type {string} */ text) => give(type, alarm, { text });
    return html`<${Words} alarm=${alarm} send=${send} type="note" field="text" limit="note_chars" />`;
  }
  if (
    type === "take" ||
    type === "release" ||
    type === "reopen" ||
    type === "transfer_reject" ||
    type === "handover_reject"
  ) {
    const send = (/** @type {string} */ reason) => give(type, alarm, { reason });
    return html`<${Words}
      key=${type}
      alarm=${alarm}
      send=${send}
      type=${type}
      field="reason"
      limit="reason_chars"
    />`;
  }
  return null;
}

/** @type {import("../shared/types.d.ts").Give} */
const give = (type, alarm, ...more) => {
  form.value = null;
  return command(type, alarm, ...more);
};

function useFocus() {
  const first = useRef(/** @type {any} */ (null));
  useEffect(() => first.current?.focus(), []);
  return first;
}

/** @param {{ alarm: Alarm, send: (text: string) => void, type: CommandName, field: string, limit: string }} props */
function Words({ alarm, send, type, field, limit }) {
  const [text, setText] = useState("");
  const most = useValue(config).limits?.[limit] ?? 500;
  const first = useFocus();
  return html`
    <${Frame}
      type=${type}
      owner=${alarm.owner}
      ready=${text.trim() !== ""}
      onSubmit=${() => send(text.trim())}
    >
      <label>
        <span>${t(field === "reason" ? "form.reason" : "form.note_text")}</span>
        <textarea
          rows="2"
          maxlength=${most}
          data-field=${field}
          dir="auto"
          ref=${first}
          value=${text}
          onInput=${(/** @type {InputEvent & { currentTarget: HTMLTextAreaElement }} */ event) => setText(event.currentTarget.value)}
        ></textarea>
      </label>
    <//>
  `;
}

/** The end of one alarm, or of all that wait of its burst. @param {{ alarm: Alarm, type: "close" | "close_burst" }} props */
function Close({ alarm, type }) {
  const [how, setHow] = useState(/** @type {CloseRequest["disposition"] | null} */ (null));
  const [note, setNote] = useState("");
  const first = useFocus();
  const most = useValue(config).limits?.note_chars ?? 2000;
  const together = useComputed(() => (type === "close_burst" ? withItsBurst(alarm) : []), [alarm, type]);
  const send = () => {
    if (!how) return;
    const said = { disposition: how, ...(note.trim() ? { note: note.trim() } : {}) };
    const until =
      together
        .map((one) => one.raised_at)
        .sort()
        .at(-1) ?? alarm.raised_at;
    void (type === "close" ? give(type, alarm, said) : give(type, alarm, { ...said, until }));
  };
  return html`
    <${Frame} type=${type} ready=${how !== null} onSubmit=${send}>
      ${type === "close_burst" ? html`<p class="hint">${t("form.burst_hint", { n: together.length })}</p>` : null}
      <fieldset>
        <legend>${t("form.how")}</legend>
        <div class="options">
          ${DISPOSITIONS.map(
            (one, n) => html`
              <label key=${one} class="option">
                <input
                  type="radio"
                  name="disposition"
                  value=${one}
                  data-field=${one}
                  ref=${n === 0 ? first : null}
                  checked=${how === one}
                  onChange=${() => setHow(one)}
                />
                <span>${t(`disposition.${one}`)}</span>
              </label>
            `,
          )}
        </div>
      </fieldset>
      <label>
        <span>${t("form.note_optional")}</span>
        <textarea
          rows="2"
          maxlength=${most}
          data-field="note"
          dir="auto"
          value=${note}
          onInput=${(/** @type {InputEvent & { currentTarget: HTMLTextAreaElement }} */ event) => setNote(event.currentTarget.value)}
        ></textarea>
      </label>
    <//>
  `;
}
