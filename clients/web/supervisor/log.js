/** The escalation log: filtered by station, alarm, type and time, oldest first, page by page. */

import { signal } from "/static/vendor/signals-core.js";

import { codeOf, codes } from "../shared/alarm.js";
import { html, useEffect, useValue } from "../shared/dom.js";
import { config, stationName, store, user } from "../shared/session.js";
import { dayAndClock, fromWall, serverNow, wall } from "../shared/time.js";
import { t } from "../shared/words.js";
import { Deliveries } from "./deliveries.js";
import { sentence, TYPES, weight } from "./sentence.js";
import { chosen } from "./state.js";
import { Verify } from "./verify.js";

/** @import { LogRow } from "../shared/types.d.ts" */
/** @typedef {{ station: string, alarm: string, type: string, from: string, to: string }} Filter */
/** @typedef {{ rows: LogRow[], next: string | null, state: "loading" | "shown" | "failed", why: string }} Page */

const LIMIT = 100;

/** @returns {Filter} */
const today = () => ({
  station: "",
  alarm: "",
  type: "",
  from: `${wall(serverNow()).slice(0, 10)}T00:00`,
  to: "",
});

const filter = signal(today());

/** Once the hub's time is known. */
export function beginLog() {
  filter.value = today();
}
/** The cursors of the pages before this one. @type {import("/static/vendor/signals-core.js").Signal<string[]>} */
const before = signal([]);
/** @type {import("/static/vendor/signals-core.js").Signal<Page>} */
const page = signal({ rows: [], next: null, state: "loading", why: "" });
let asked = 0;

/** @param {Partial<Filter>} change */
export function setFilter(change) {
  filter.value = { ...filter.peek(), ...change };
  before.value = [];
  void load();
}

/** Read the page that is shown anew: what it shows may have been wiped. */
export function reread() {
  if (page.peek().rows.length) void load();
}

/** An alarm as people write it: its id, or the code that they read. @param {string} written */
function alarmId(written) {
  const code = written.trim().toUpperCase();
  const here = [...store.alarms.peek().values()].find((alarm) => alarm.code === code)?.id;
  return here ?? [...codes].find(([, known]) => known === code)?.[0] ?? written.trim();
}

async function load() {
  const mine = ++asked;
  const { station, alarm, type, from, to } = filter.peek();
  const query = new URLSearchParams({ limit: String(LIMIT) });
  if (station) query.set("station", station);
  if (alarm.trim()) query.set("alarm", alarmId(alarm));
  if (type) query.set("type", type);
  if (from) query.set("from", new Date(fromWall(from)).toISOString());
  if (to) query.set("to", new Date(fromWall(to)).toISOString());
  const after = before.peek().at(-1);
  if (after) query.set("after", after);
  page.value = { ...page.peek(), state: "loading" };
  try {
    const answer = await fetch(`/log?${query}`);
    const body = await answer.json();
    if (mine !== asked) return;
    if (!answer.ok) throw new Error(body.message);
    for (const row of /** @type {LogRow[]} */ (body.events)) {
      if (row.alarm && row.event.type === "alarm_raised") codes.set(row.alarm, String(row.event.code));
    }
    page.value = { rows: body.events, next: body.next, state: "shown", why: "" };
  } catch (fault) {
    if (mine === asked) page.value = { rows: [], next: null, state: "failed", why: String(fault) };
  }
}

function Filters() {
  const now = useValue(filter);
  const me = useValue(user);
  const stations = Object.keys(useValue(config).stations);
  /** @param {keyof Filter} name */
  const on =
    (name) => (/** @type {Event & { currentTarget: HTMLInputElement | HTMLSelectElement }} */ event) =>
      setFilter({ [name]: event.currentTarget.value });
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
          onChange=${on("alarm")}
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
        <input type="datetime-local" data-filter="from" value=${now.from} onChange=${on("from")} />
      </label>
      <label>
        <span>${t("log.to")}</span>
        <input type="datetime-local" data-filter="to" value=${now.to} onChange=${on("to")} />
      </label>
      <div class="filter-acts">
        <button type="button" data-act="log-today" onClick=${() => setFilter(today())}>
          ${t("log.today")}
        </button>
        <button type="button" class="main" data-act="log-refresh" onClick=${() => setFilter({})}>
          ${t("log.refresh")}
        </button>
      </div>
    </form>
  `;
}

/** @param {{ row: LogRow }} props */
function Row({ row }) {
  const id = row.alarm ?? (row.event.about ? String(row.event.about) : null);
  return html`
    <tr class=${weight(row.event)} data-event=${row.event.type} data-offset=${row.offset}>
      <td class="at"><time datetime=${row.at}>${dayAndClock(row.at)}</time></td>
      <td class="station">${stationName(row.station)}</td>
      <td class="code">
        ${
          id
            ? html`<button
                class="plain"
                data-act="timeline"
                data-alarm=${id}
                onClick=${() => (chosen.value = id)}
              >
                ${codeOf(id)}
              </button>`
            : ""
        }
      </td>
      <td class="what">${sentence(row.event, row.wiped)}</td>
      <td class="offset">${row.offset}</td>
    </tr>
  `;
}

export function Log() {
  const { rows, next, state, why } = useValue(page);
  const back = useValue(before);
  useEffect(() => void load(), []);
  /** @param {string[]} cursors */
  const turn = (cursors) => {
    before.value = cursors;
    void load();
  };
  return html`
    <section class="log" aria-label=${t("log.title")}>
      <h2>${t("log.title")}</h2>
      <${Filters} />
      <div class="table" aria-busy=${String(state === "loading")}>
        <table>
          <thead>
            <tr>
              ${["at", "station", "alarm", "what", "offset"].map((one) => html`<th key=${one} scope="col">${t(`log.col.${one}`)}</th>`)}
            </tr>
          </thead>
          <tbody>
            ${rows.map((row) => html`<${Row} key=${`${row.station} ${row.offset}`} row=${row} />`)}
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
