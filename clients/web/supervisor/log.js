/** The escalation log: filtered by station, alarm, type and time, oldest first, page by page. */

import { computed, signal } from "/static/vendor/signals-core.js";

import { codeOf, codes } from "../shared/alarm.js";
import { html, useEffect, useMemo, useValue } from "../shared/dom.js";
import { config, stationName, user } from "../shared/session.js";
import { dayAndClock, fromWall, serverNow, wall } from "../shared/time.js";
import { lang, t } from "../shared/words.js";
import { askedOf, look, show } from "./address.js";
import { Deliveries } from "./deliveries.js";
import { sentence, TYPES, weight } from "./sentence.js";
import { Verify } from "./verify.js";
import { waited } from "./waited.js";

/** @import { LogRow } from "../shared/types.d.ts" */
/** Times are instants, so that a link says the same everywhere. @typedef {{ station: string, alarm: string, type: string, from: string, to: string }} Filter */
/** @typedef {{ rows: LogRow[], next: string | null, state: "loading" | "shown" | "failed", why: string }} Page */

const LIMIT = 100;
/** @type {Filter} */
const NOTHING = { station: "", alarm: "", type: "", from: "", to: "" };

const asked = askedOf("log");
/** From when on the log is shown where nothing is asked for. */
const midnight = signal("");

function today() {
  return instant(`${wall(serverNow()).slice(0, 10)}T00:00`);
}

/** Once the hub's time is known. */
export function beginLog() {
  midnight.value = today();
}

/** What is asked for; nothing at all means today. @type {import("/static/vendor/signals-core.js").ReadonlySignal<Filter>} */
const filter = computed(() => {
  const known = /** @type {Partial<Filter>} */ (JSON.parse(asked.value));
  return { ...NOTHING, ...(Object.keys(known).length ? known : { from: midnight.value }) };
});

/** Show the log as it is asked for; what is left out does not count. @param {Partial<Filter>} wanted */
export function showLog(wanted) {
  const some = Object.entries(wanted).filter(([, value]) => value);
  show("log", some.length ? Object.fromEntries(some) : { from: "" });
}

/** An instant as a datetime-local field has it, by the station's clock. @param {string} instant */
const local = (instant) => wall(instant).slice(0, 16);

/** @param {string} written as the field has it */
const instant = (written) => written && new Date(fromWall(written)).toISOString();

/** The cursors of the pages before this one. @type {import("/static/vendor/signals-core.js").Signal<string[]>} */
const before = signal([]);
/** @type {import("/static/vendor/signals-core.js").Signal<Page>} */
const page = signal({ rows: [], next: null, state: "loading", why: "" });
let sent = 0;

/** Read the page that is shown anew: what it shows may have been wiped. */
export function reread() {
  if (page.peek().rows.length) void load();
}

function fromTheFirst() {
  before.value = [];
  void load();
}

async function load() {
  const mine = ++sent;
  const query = new URLSearchParams({ limit: String(LIMIT) });
  for (const [name, value] of Object.entries(filter.peek())) if (value) query.set(name, value);
  const after = before.peek().at(-1);
  if (after) query.set("after", after);
  page.value = { ...page.peek(), state: "loading" };
  try {
    const answer = await fetch(`/log?${query}`);
    const body = await answer.json();
    if (mine !== sent) return;
    if (!answer.ok) throw new Error(body.message);
    for (const row of /** @type {LogRow[]} */ (body.events)) {
      const alarm = row.alarm ?? row.event.about;
      if (alarm && row.code) codes.set(String(alarm), row.code);
    }
    page.value = { rows: body.events, next: body.next, state: "shown", why: "" };
  } catch (fault) {
    if (mine === sent) page.value = { rows: [], next: null, state: "failed", why: String(fault) };
  }
}

function Filters() {
  const now = useValue(filter);
  const me = useValue(user);
  const stations = Object.keys(useValue(config).stations);
  /** @typedef {Event & { currentTarget: HTMLInputElement | HTMLSelectElement }} Changed */
  /** @param {keyof Filter} name @param {(value: string) => Partial<Filter>} [more] */
  const on =
    (name, more = () => ({})) =>
    (/** @type {Changed} */ event) => {
      const { value } = event.currentTarget;
      showLog({ ...now, [name]: value, ...more(value) });
    };
  // One alarm is looked for in all of its time, not in today's.
  const ofAllTime = (/** @type {string} */ value) => (value ? { from: "", to: "" } : {});
  return html`
    <form class="filters" role="search" onSubmit=${(/** @type {Event} */ event) => event.preventDefault()}>
      ${
        me.station
          ? null
          : html`<label>
              <span>${t("log.station")}</span>
              <select data-filter="station" value=${now.station} onChange=${on("station")}>
                <option value="">${t("station.all")}</option>
                ${stations.map((id) => html`<option key=${id} value=${id}>${stationName(id)}</option>`)}
              </select>
            </label>`
      }
      <label>
        <span>${t("log.alarm")}</span>
        <input
          data-filter="alarm"
          value=${now.alarm}
          placeholder=${t("log.alarm_hint")}
          onChange=${on("alarm", ofAllTime)}
        />
      </label>
      <label>
        <span>${t("log.type")}</span>
        <select data-filter="type" value=${now.type} onChange=${on("type")}>
          <option value="">${t("log.all_types")}</option>
          ${TYPES.map((type) => html`<option key=${type} value=${type}>${t(`type.${type}`)}</option>`)}
        </select>
      </label>
      <label>
        <span>${t("log.from")}</span>
        <input
          type="datetime-local"
          data-filter="from"
          value=${local(now.from)}
          onChange=${on("from", (value) => ({ from: instant(value) }))}
        />
      </label>
      <label>
        <span>${t("log.to")}</span>
        <input
          type="datetime-local"
          data-filter="to"
          value=${local(now.to)}
          onChange=${on("to", (value) => ({ to: instant(value) }))}
        />
      </label>
      <div class="filter-acts">
        <button type="button" data-act="log-today" onClick=${showToday}>${t("log.today")}</button>
        <button type="button" class="main" data-act="log-refresh" onClick=${fromTheFirst}>
          ${t("log.refresh")}
        </button>
      </div>
    </form>
  `;
}

function showToday() {
  beginLog();
  show("log", {});
}

/** @param {{ row: LogRow, waited: number | undefined }} props */
function Row({ row, waited }) {
  const id = row.alarm ?? (row.event.about ? String(row.event.about) : null);
  return html`
    <tr class=${weight(row.event)} data-event=${row.event.type} data-offset=${row.offset}>
      <td class="at"><time datetime=${row.at}>${dayAndClock(row.at)}</time></td>
      <td class="station">${stationName(row.station)}</td>
      <td class="code">
        ${
          id
            ? html`<button class="plain" data-act="timeline" data-alarm=${id} onClick=${() => look(id)}>
                ${codeOf(id)}
              </button>`
            : ""
        }
      </td>
      <td class="what">${sentence(row, waited)}</td>
      <td class="offset">${row.offset}</td>
    </tr>
  `;
}

export function Log() {
  const { rows, next, state, why } = useValue(page);
  const back = useValue(before);
  const waits = waited(rows);
  // The same again: drawn anew with each page that comes, its fields would lose what is being typed.
  const filters = useMemo(() => html`<${Filters} />`, [useValue(lang)]);
  useEffect(fromTheFirst, [useValue(filter)]);
  /** @param {string[]} cursors */
  const turn = (cursors) => {
    before.value = cursors;
    void load();
  };
  return html`
    <section class="log" aria-label=${t("log.title")}>
      <h2>${t("log.title")}</h2>
      ${filters}
      <div class="table" aria-busy=${String(state === "loading")}>
        <table>
          <thead>
            <tr>
              ${["at", "station", "alarm", "what", "offset"].map((one) => html`<th key=${one} scope="col">${t(`log.col.${one}`)}</th>`)}
            </tr>
          </thead>
          <tbody>
            ${rows.map((row) => html`<${Row} key=${`${row.station} ${row.offset}`} row=${row} waited=${waits.get(row)} />`)}
          </tbody>
        </table>
        ${state === "failed" ? html`<p class="warning bad">${t("log.failed")} ${why}</p>` : null}
        ${state === "shown" && !rows.length ? html`<p class="quiet">${t("log.none")}</p>` : null}
      </div>
      <nav class="pages" aria-label=${t("log.pages")}>
        <button data-act="page-before" disabled=${!back.length} onClick=${() => turn(back.slice(0, -1))}>
          ${t("log.before")}
        </button>
        <span class="hint">${t("log.page", { page: back.length + 1, n: rows.length })}</span>
        <button data-act="page-next" disabled=${!next} onClick=${() => next && turn([...back, next])}>
          ${t("log.next")}
        </button>
      </nav>
      <${Deliveries} />
      <${Verify} />
    </section>
  `;
}
