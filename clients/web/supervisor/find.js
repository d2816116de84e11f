/**
 * Alarms found again, open or closed: by code, words, place, officer and day. The hub looks at them from the latest on
 * and says how far it came; what is found stands at once, and it goes on until there is a page full, or it is stopped.
 */

import { computed, signal } from "/static/vendor/signals-core.js";

import { codes, headline } from "../shared/alarm.js";
import { html, useEffect, useValue } from "../shared/dom.js";
import { Mark } from "../shared/mark.js";
import { config, stationName, user } from "../shared/session.js";
import { dayAndMinute } from "../shared/time.js";
import { known, t } from "../shared/words.js";
import { askedOf, chosen, leaveFor, look, show } from "./address.js";

/** @import { Alarm, Place } from "../shared/types.d.ts" */
/** @typedef {Pick<Alarm, "id" | "code" | "station" | "status" | "raised_at"> & Partial<Alarm> & { excerpt?: string }} Row */
/** @typedef {{ state: "busy" | "stopped" | "whole" | "failed", rows: Row[], looked: number, backTo: string, next: string, behind: number, why: string }} Found */

const FIELDS = ["words", "code", "place", "officer", "station", "from", "to", "near", "within_m"];
const PAGE = 50;
const WITHIN_M = "500";

const asked = askedOf("find");
/** @type {import("/static/vendor/signals-core.js").ReadonlySignal<Record<string, string>>} */
const wanted = computed(() => JSON.parse(asked.value));

/** @type {Found} */
const NOTHING = { state: "busy", rows: [], looked: 0, backTo: "", next: "", behind: 0, why: "" };
const found = signal(NOTHING);
let turn = 0;

/** Alarms around a place. @param {Place} position */
export function findAround({ lat, lon, datum }) {
  leaveFor("find", { near: `${lat}, ${lon}${datum === "gcj02" ? " gcj02" : ""}`, within_m: WITHIN_M });
}

/** What is asked for, as the hub is asked. @param {Record<string, string>} fields */
function bodyOf({ near, within_m: within, ...fields }) {
  const known = Object.fromEntries(Object.entries(fields).filter(([name]) => FIELDS.includes(name)));
  if (!near) return known;
  const [, lat, lon, datum] = /^\s*(-?[\d.]+)[,，\s]+(-?[\d.]+)(?:\s+(gcj02|wgs84))?\s*$/.exec(near) ?? [];
  if (lat === undefined) throw new Error(t("find.bad_near"));
  const point = { lat: Number(lat), lon: Number(lon), ...(datum && { datum }) };
  return { ...known, near: point, within_m: Number(within || WITHIN_M) };
}

/** Look from the latest on, or further. @param {Found} from */
async function search(from) {
  const mine = ++turn;
  const enough = from.rows.length + PAGE;
  found.value = { ...from, state: "busy" };
  try {
    const body = bodyOf(wanted.peek());
    do {
      const { next, rows, looked } = found.peek();
      const answer = await fetch("/log/alarms", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ ...body, ...(next && { after: next }) }),
      });
      const told = await answer.json();
      if (mine !== turn) return;
      if (!answer.ok) throw new Error(told.message);
      for (const row of told.alarms) codes.set(row.id, row.code);
      found.value = {
        state: told.next ? "busy" : "whole",
        rows: [...rows, ...told.alarms],
        looked: looked + told.looked_at,
        backTo: told.back_to ?? "",
        next: told.next ?? "",
        behind: told.behind,
        why: "",
      };
    } while (found.peek().next && found.peek().rows.length < enough);
    if (found.peek().next) stop();
  } catch (fault) {
    if (mine !== turn) return;
    const why = fault instanceof Error ? fault.message : String(fault);
    found.value = { ...found.peek(), state: "failed", why };
  }
}

function stop() {
  turn++;
  found.value = { ...found.peek(), state: "stopped" };
}

/** @param {SubmitEvent & { currentTarget: HTMLFormElement }} event */
function submit(event) {
  event.preventDefault();
  const fields = Object.fromEntries(new FormData(event.currentTarget));
  if (!fields.near) delete fields.within_m;
  const some = Object.entries(fields).map(([name, value]) => [name, String(value).trim()]);
  const next = Object.fromEntries(some.filter(([, value]) => value));
  if (JSON.stringify(next) === JSON.stringify(wanted.peek())) void search(NOTHING);
  else show("find", next);
}

/** @param {{ name: string, type?: string, hint?: string, value: string | undefined }} props */
function Field({ name, type = "text", hint, value }) {
  return html`
    <label>
      <span>${t(`find.${name}`)}</span>
      <input
        name=${name}
        type=${type}
        data-find=${name}
        dir="auto"
        autocomplete="off"
        placeholder=${hint ?? ""}
        defaultValue=${value ?? ""}
      />
    </label>
  `;
}

/** What is rarely asked for. */
const MORE = ["place", "officer", "station", "near"];

function Form() {
  const now = useValue(wanted);
  return html`
    <form
      key=${JSON.stringify(now)}
      class="filters"
      role="search"
      aria-label=${t("find.title")}
      onSubmit=${submit}
    >
      <${Field} name="words" value=${now.words} />
      <${Field} name="code" hint=${t("find.code_hint")} value=${now.code} />
      <${Field} name="from" type="date" value=${now.from} />
      <${Field} name="to" type="date" value=${now.to} />
      <div class="filter-acts">
        <button type="button" data-act="find-clear" onClick=${() => show("find", {})}>
          ${t("find.clear")}
        </button>
        <button class="main" data-act="find">${t("find.find")}</button>
      </div>
      <details open=${MORE.some((name) => now[name])}>
        <summary data-act="find-more">${t("find.more")}</summary>
        <div class="filters">
          <${Field} name="place" value=${now.place} />
          <${Field} name="officer" hint=${t("find.officer_hint")} value=${now.officer} />
          <${Stations} value=${now.station} />
          <${Field} name="near" hint=${t("find.near_hint")} value=${now.near} />
          <${Field} name="within_m" value=${now.within_m ?? WITHIN_M} />
        </div>
      </details>
    </form>
  `;
}

/** Which station's, for who sees several. @param {{ value: string | undefined }} props */
function Stations({ value }) {
  const me = useValue(user);
  const stations = Object.keys(useValue(config).stations);
  if (me.station) return null;
  return html`
    <label>
      <span>${t("log.station")}</span>
      <select name="station" data-find="station">
        <option value="">${t("station.all")}</option>
        ${stations.map((id) => html`<option key=${id} value=${id} selected=${id === value}>${stationName(id)}</option>`)}
      </select>
    </label>
  `;
}

/** @param {{ row: Row }} props */
function Hit({ row }) {
  const on = useValue(chosen) === row.id;
  const ended = row.disposition ? known("disposition", row.disposition) : t(`status.${row.status}`);
  const title = row.wiped_at && !row.text ? t("find.wiped") : headline(/** @type {Alarm} */ (row));
  const facts = [ended, row.owner, row.place, row.kind === "alarm" ? "" : known("kind", row.kind ?? "")];
  return html`
    <li>
      <button
        class="alarm hit ${on ? "chosen" : ""}"
        data-act="timeline"
        data-alarm=${row.id}
        data-status=${row.status}
        onClick=${() => look(row.id)}
      >
        <${Mark} status=${row.status} />
        <span class="what" dir="auto">${title}</span>
        <span class="who" dir="auto"
          >${row.excerpt && row.excerpt !== row.text ? `“${row.excerpt}”` : null}</span
        >
        <span class="state">${facts.filter(Boolean).join(" · ")}</span>
        <span class="due"
          ><b>${row.code}</b><time datetime=${row.raised_at}>${dayAndMinute(row.raised_at)}</time
          ><span>${stationName(row.station)}</span></span
        >
      </button>
    </li>
  `;
}

/** How far the search came, in words. @param {Found} now */
function progress({ state, rows, looked, backTo }) {
  const values = { found: rows.length, looked, back: dayAndMinute(backTo || undefined) };
  if (state === "whole") return t(rows.length ? "find.whole" : "find.none", values);
  return t(backTo ? `find.${state}` : "find.begun", values);
}

export function Find() {
  const now = useValue(found);
  useEffect(() => {
    void search(NOTHING);
    return () => void turn++;
  }, [useValue(wanted)]);
  return html`
    <section class="log find" aria-label=${t("find.title")}>
      <h2>${t("find.title")}</h2>
      <p class="hint">${t("find.hint")}</p>
      <${Form} />
      <ul class="alarms" aria-busy=${String(now.state === "busy")}>
        ${now.rows.map((row) => html`<${Hit} key=${row.id} row=${row} />`)}
      </ul>
      ${now.state === "failed" ? html`<p class="warning bad" role="alert">${t("find.failed")} ${now.why}</p>` : null}
      ${now.behind ? html`<p class="warning">${t("find.behind", { n: now.behind })}</p>` : null}
      <div class="pages">
        <p class="hint" role="status" data-found=${now.state}>
          ${now.state === "failed" ? null : progress(now)}
        </p>
        ${now.state === "busy" ? html`<button data-act="find-stop" onClick=${stop}>${t("find.stop")}</button>` : null}
        ${
          now.state === "stopped"
            ? html`<button data-act="find-on" onClick=${() => void search(found.peek())}>
                ${t("find.on")}
              </button>`
            : null
        }
      </div>
    </section>
  `;
}
