/** The forms under the actions: a reason, how it ended, which station. Closed by Escape, nothing sent by itself. */

import { html, useEffect, useRef, useState, useValue } from "../shared/dom.js";
import { config } from "../shared/session.js";
import { t } from "../shared/words.js";
import { command } from "./actions.js";
import { Frame } from "./frame.js";
import { Handover } from "./handover.js";
import { form } from "./state.js";

/** @import { Alarm } from "../shared/types.d.ts" */

const DISPOSITIONS = ["handled", "no_one_found", "false_alarm", "duplicate", "test", "passed_on"];
const REASONS = ["take", "release", "reopen", "transfer_reject", "handover_reject"];

/** @param {{ alarm: Alarm }} props */
export function Form({ alarm }) {
  const type = useValue(form);
  if (!type) return null;
  if (type === "close") return html`<${Close} alarm=${alarm} />`;
  if (type === "handover" || type === "transfer") {
    return html`<${Handover} key=${type} alarm=${alarm} owned=${type === "handover"} />`;
  }
  if (type === "note") return html`<${Words} alarm=${alarm} type="note" field="text" limit="note_chars" />`;
  if (REASONS.includes(type)) {
    return html`<${Words} key=${type} alarm=${alarm} type=${type} field="reason" limit="reason_chars" />`;
  }
  return null;
}

/**
 * @param {Alarm} alarm
 * @param {string} type
 * @param {Record<string, unknown>} more
 */
function give(alarm, type, more) {
  form.value = null;
  void command(type, alarm, more);
}

function useFocus() {
  const first = useRef(/** @type {any} */ (null));
  useEffect(() => first.current?.focus(), []);
  return first;
}

/** @param {{ alarm: Alarm, type: string, field: string, limit: string }} props */
function Words({ alarm, type, field, limit }) {
  const [text, setText] = useState("");
  const most = useValue(config).limits?.[limit] ?? 500;
  const first = useFocus();
  return html`
    <${Frame}
      type=${type}
      ready=${text.trim() !== ""}
      onSubmit=${() => give(alarm, type, { [field]: text.trim() })}
    >
      <label>
        <span>${t(field === "reason" ? "form.reason" : "form.note_text")}</span>
        <textarea
          rows="2"
          maxlength=${most}
          data-field=${field}
          ref=${first}
          value=${text}
          onInput=${(/** @type {InputEvent & { currentTarget: HTMLTextAreaElement }} */ event) => setText(event.currentTarget.value)}
        ></textarea>
      </label>
    <//>
  `;
}

/** @param {{ alarm: Alarm }} props */
function Close({ alarm }) {
  const [how, setHow] = useState("");
  const [note, setNote] = useState("");
  const first = useFocus();
  const most = useValue(config).limits?.note_chars ?? 2000;
  const send = () =>
    give(alarm, "close", { disposition: how, ...(note.trim() ? { note: note.trim() } : {}) });
  return html`
    <${Frame} type="close" ready=${how !== ""} onSubmit=${send}>
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
          value=${note}
          onInput=${(/** @type {InputEvent & { currentTarget: HTMLTextAreaElement }} */ event) => setNote(event.currentTarget.value)}
        ></textarea>
      </label>
    <//>
  `;
}
