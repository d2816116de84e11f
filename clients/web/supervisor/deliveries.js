/** The delivery log: each attempt to reach someone beyond the console, the last first, and what its service answered. */

import { html, useState } from "../shared/dom.js";
import { stationName } from "../shared/session.js";
import { dayAndClock } from "../shared/time.js";
import { known, t } from "../shared/words.js";
import { look } from "./address.js";

/**
 * @typedef {object} Delivery one attempt
 * @property {string} at
 * @property {string} station
 * @property {string} channel
 * @property {string} kind what was to be said; of a webhook the event's type
 * @property {string} outcome
 * @property {number} attempt
 * @property {string} [via] the messenger's or webhook's name
 * @property {string[]} [officers]
 * @property {string} [alarm]
 * @property {string} [code]
 * @property {number} [step]
 * @property {number} [loop]
 * @property {number} [status] of HTTP
 * @property {number} [took_ms]
 */
/** @typedef {{ state: "" | "busy" | "shown" | "failed", rows: Delivery[], why: string }} Found */

const CHANNELS = ["", "push", "messenger", "webhook"];

/** @param {string} channel @returns {Promise<Found>} */
async function find(channel) {
  try {
    const answer = await fetch(`/notify/deliveries?${new URLSearchParams({ limit: "100", channel })}`);
    const body = await answer.json();
    if (answer.ok) return { state: "shown", rows: body.deliveries, why: "" };
    return { state: "failed", rows: [], why: body.message };
  } catch (fault) {
    return { state: "failed", rows: [], why: String(fault) };
  }
}

export function Deliveries() {
  const [channel, setChannel] = useState("");
  const [found, setFound] = useState(/** @type {Found} */ ({ state: "", rows: [], why: "" }));
  const busy = found.state === "busy";
  /** @param {string} of */
  const look = async (of) => {
    setChannel(of);
    setFound({ ...found, state: "busy" });
    setFound(await find(of));
  };
  return html`
    <section class="card deliveries" aria-label=${t("deliveries.title")} data-deliveries=${found.state}>
      <div class="card-head">
        <div>
          <h3>${t("deliveries.title")}</h3>
          <p class="hint">${t("deliveries.hint")}</p>
        </div>
        <div class="card-acts">
          <label>
            <span class="spoken">${t("deliveries.channel")}</span>
            <select
              data-field="channel"
              value=${channel}
              onChange=${(/** @type {Event & { currentTarget: HTMLSelectElement }} */ event) => void look(event.currentTarget.value)}
            >
              ${CHANNELS.map((one) => html`<option key=${one} value=${one}>${t(one ? `channel.${one}` : "deliveries.all")}</option>`)}
            </select>
          </label>
          <button data-act="deliveries" disabled=${busy} onClick=${() => void look(channel)}>
            ${t(busy ? "deliveries.busy" : found.state ? "deliveries.again" : "deliveries.show")}
          </button>
        </div>
      </div>
      ${found.state === "failed" ? html`<p class="warning bad" role="status">${t("deliveries.failed", { why: found.why })}</p>` : null}
      ${found.state === "shown" && !found.rows.length ? html`<p class="quiet" role="status">${t("deliveries.none")}</p>` : null}
      <ul>
        ${found.rows.map((row, n) => html`<${Row} key=${`${row.at} ${n}`} row=${row} />`)}
      </ul>
    </section>
  `;
}

/** @param {{ row: Delivery }} props */
function Row({ row }) {
  const { channel, via, officers = [], kind, alarm, code, outcome, status, attempt, took_ms } = row;
  const step =
    row.step === undefined ? "" : t("deliveries.step", { step: row.step + 1, round: (row.loop ?? 0) + 1 });
  const what = channel === "webhook" ? known("type", kind) : known("deliveries.kind", kind);
  const more = [
    status ? `HTTP ${status}` : "",
    attempt > 1 ? t("deliveries.attempt", { n: attempt }) : "",
    took_ms === undefined ? "" : t("deliveries.took", { n: took_ms }),
  ];
  return html`
    <li class=${outcome} data-delivery=${channel} data-outcome=${outcome}>
      <time datetime=${row.at}>${dayAndClock(row.at)}</time>
      <b>${known("channel", channel)}${via ? ` · ${via}` : ""}</b>
      <span>${[officers.join(" "), what, step, stationName(row.station)].filter(Boolean).join(" · ")}</span>
      ${
        alarm
          ? html`<button
              class="plain code"
              data-act="timeline"
              data-alarm=${alarm}
              onClick=${() => look(alarm)}
            >
              ${code}
            </button>`
          : null
      }
      <span class="outcome"
        ><b>${outcome === "sent" ? t("deliveries.sent") : known("because", outcome)}</b>
        ${more.filter(Boolean).map((one) => ` · ${one}`)}</span
      >
    </li>
  `;
}
