/** Helpers of an alarm: who was called and what became of it, calling the nearest with a task, letting them go. */

import { html, useState, useValue } from "../shared/dom.js";
import { config, link } from "../shared/session.js";
import { clock } from "../shared/time.js";
import { tell } from "../shared/told.js";
import { known, listed, t } from "../shared/words.js";
import { useNear } from "./near.js";
import { SharePlace } from "./share-place.js";

/** @import { Alarm, Asked, HelperEntry } from "../shared/types.d.ts" */
/** @typedef {NonNullable<import("../shared/protocol.d.ts").CallHelpersRequest["tasks"]>[number]} Task */

/** @type {Task[]} */
const TASKS = ["look_and_report", "keep_entrance_open", "guide_police", "do_not_approach"];
const ORDER = ["accepted", "called", "done", "declined", "released"];
const NUMBERS = [1, 2, 3, 4, 5, 6, 8, 10];
const UNDER_WAY = ["called", "accepted"];

/** @param {Alarm} alarm @param {Asked} message */
async function give(alarm, message) {
  const answer = await link.request(message);
  if (answer.type === "ok") return answer;
  const words = t(`error.helpers.${answer.code}`);
  tell(`${alarm.code}: ${words.startsWith("error.") ? (answer.message ?? answer.code) : words}`, "bad");
  return null;
}

/** @param {{ alarm: Alarm }} props */
export function Helpers({ alarm }) {
  const [calling, setCalling] = useState(false);
  const rows = Object.entries(alarm.helpers ?? {}).sort(
    ([a, x], [b, y]) => ORDER.indexOf(x.state) - ORDER.indexOf(y.state) || a.localeCompare(b),
  );
  const open = alarm.status !== "closed";
  const busy = rows.filter(([, entry]) => UNDER_WAY.includes(entry.state));
  if (!open && !rows.length) return null;
  return html`
    <section class="card helpers" aria-label=${t("helpers.title")} data-part="helpers">
      <h3>${t("helpers.title")}</h3>
      ${
        rows.length
          ? html`
              <ul class="helper-rows">
                ${rows.map(([name, entry]) => html`<${Row} key=${name} alarm=${alarm} name=${name} entry=${entry} open=${open} />`)}
              </ul>
            `
          : null
      }
      ${calling && open ? html`<${Call} alarm=${alarm} done=${() => setCalling(false)} />` : null}
      ${
        open && !calling
          ? html`
              <p class="helper-acts">
                <button data-act="helpers-call" onClick=${() => setCalling(true)}>
                  ${t(rows.length ? "helpers.call_more" : "helpers.call")}
                </button>
                ${
                  busy.length > 1
                    ? html`<button
                        class="plain"
                        data-act="helpers-release"
                        onClick=${() => void give(alarm, { type: "release_helpers", alarm: alarm.id })}
                      >
                        ${t("helpers.release_all")}
                      </button>`
                    : null
                }
              </p>
            `
          : null
      }
      <${SharePlace} />
    </section>
  `;
}

/** @param {{ alarm: Alarm, name: string, entry: HelperEntry, open: boolean }} props */
function Row({ alarm, name, entry, open }) {
  const why = entry.why ? ` · ${known("refusal", entry.why)}` : "";
  const text = alarm.calls?.[entry.call]?.text;
  const tasks = [...entry.tasks.map((one) => t(`task.${one}`)), ...(text ? [text] : [])];
  return html`
    <li data-helper=${name} data-state=${entry.state} class=${entry.state}>
      <p>
        <b>${name}</b>
        <span class="state">${t(`helper_state.${entry.state}`)}${why} · ${clock(entry.at)}</span>
        ${
          open && UNDER_WAY.includes(entry.state)
            ? html`<button
                class="chip"
                data-act="helper-release"
                aria-label=${t("helpers.release_one", { name })}
                onClick=${() => void give(alarm, { type: "release_helpers", alarm: alarm.id, helpers: [name] })}
              >
                ${t("helpers.release")}
              </button>`
            : null
        }
      </p>
      <p class="hint">
        ${t("helpers.called_by", { by: entry.by, at: clock(entry.called_at), tasks: listed(tasks) })}
        ${entry.seen_at && !entry.shown_at ? ` · ${t("helpers.seen_at", { at: clock(entry.seen_at) })}` : ""}
        ${entry.shown_at ? ` · ${t("helpers.shown_at", { at: clock(entry.shown_at) })}` : ""}
      </p>
    </li>
  `;
}

/** @param {number | null} metres */
const far = (metres) =>
  metres === null
    ? t("helpers.no_distance")
    : metres < 1000
      ? t("helpers.m", { n: metres })
      : t("helpers.km", { n: (metres / 1000).toFixed(1) });

/** @param {{ alarm: Alarm, done: () => void }} props */
function Call({ alarm, done }) {
  const near = useNear(alarm);
  const most = useValue(config).limits?.["reason_chars"] ?? 500;
  const [nearest, setNearest] = useState(3);
  const [chosen, setChosen] = useState(/** @type {string[]} */ ([]));
  const [tasks, setTasks] = useState(/** @type {Task[]} */ ([]));
  const [text, setText] = useState("");
  const [sending, setSending] = useState(false);
  /** @template {string} T @param {T[]} all @param {T} one */
  const flipped = (all, one) => (all.includes(one) ? all.filter((other) => other !== one) : [...all, one]);
  const free = (near?.helpers ?? []).filter((one) => !one.state || !UNDER_WAY.includes(one.state));
  const who = chosen.filter((name) => free.some((one) => one.name === name));
  const ready = !sending && (tasks.length > 0 || text.trim() !== "") && free.length > 0;
  const send = async () => {
    setSending(true);
    const words = text.trim() ? { text: text.trim() } : {};
    const whom = who.length ? { helpers: who } : { nearest, called: Object.keys(alarm.helpers ?? {}).length };
    const answer = await give(alarm, { type: "call_helpers", alarm: alarm.id, tasks, ...words, ...whom });
    setSending(false);
    if (answer) done();
  };
  return html`
    <form
      class="helper-form"
      data-form="helpers"
      aria-label=${t("helpers.call")}
      onSubmit=${(/** @type {Event} */ event) => {
        event.preventDefault();
        if (ready) void send();
      }}
      onKeyDown=${(/** @type {KeyboardEvent} */ event) => event.key === "Escape" && done()}
    >
      <fieldset>
        <legend>${t("helpers.task")}</legend>
        <div class="picks">
          ${TASKS.map(
            (one) => html`
              <label key=${one} class="pick">
                <input
                  type="checkbox"
                  data-field=${one}
                  checked=${tasks.includes(one)}
                  onChange=${() => setTasks(flipped(tasks, one))}
                />
                <span>${t(`task.${one}`)}</span>
              </label>
            `,
          )}
        </div>
      </fieldset>
      <label>
        <span>${t("helpers.text")}</span>
        <input
          data-field="text"
          dir="auto"
          maxlength=${most}
          value=${text}
          onInput=${(/** @type {InputEvent & { currentTarget: HTMLInputElement }} */ event) => setText(event.currentTarget.value)}
        />
      </label>
      <fieldset>
        <legend>${near?.known ? t("helpers.on_watch", { n: free.length }) : t("helpers.looking")}</legend>
        <div class="picks">
          ${free.map(
            (one) => html`
              <label key=${one.name} class="pick" data-candidate=${one.name}>
                <input
                  type="checkbox"
                  checked=${who.includes(one.name)}
                  onChange=${() => setChosen(flipped(who, one.name))}
                />
                <span
                  >${one.name} ${one.kind ? known("helper_kind", one.kind) : ""}
                  <small>${far(one.distance_m)}</small></span
                >
              </label>
            `,
          )}
        </div>
      </fieldset>
      ${
        who.length
          ? null
          : html`
              <label class="how-many">
                <span>${t("helpers.nearest")}</span>
                <select
                  data-field="nearest"
                  value=${nearest}
                  onChange=${(/** @type {Event & { currentTarget: HTMLSelectElement }} */ event) => setNearest(Number(event.currentTarget.value))}
                >
                  ${NUMBERS.map((n) => html`<option key=${n} value=${n}>${n}</option>`)}
                </select>
              </label>
            `
      }
      ${near?.officers.length ? html`<p class="hint">${t("helpers.officers", { names: listed(near.officers.map((one) => `${one.name} ${far(one.distance_m)}`)) })}</p>` : null}
      <p class="hint">${t("helpers.hint")}</p>
      <div class="form-end">
        <button type="button" class="plain" data-act="helpers-cancel" onClick=${done}>
          ${t("form.cancel")}
        </button>
        <button class="main" data-act="helpers-send" disabled=${!ready}>
          ${sending ? t("helpers.sending") : who.length ? t("helpers.send_chosen", { n: who.length }) : t("helpers.send", { n: Math.min(nearest, free.length || nearest) })}
        </button>
      </div>
    </form>
  `;
}
