/** How each officer can be reached beyond the console: devices and messengers, each with its last success and failure. */

import { effect, signal } from "/static/vendor/signals-core.js";

import { html, useEffect, useValue } from "../shared/dom.js";
import { config, stationName, store, user } from "../shared/session.js";
import { dayAndClock } from "../shared/time.js";
import { known, t } from "../shared/words.js";

/** @typedef {{ at: string, reason: string, status?: number }} Failed */
/** @typedef {{ id: string, state: string, sent?: string, shown?: string, failed?: Failed }} Device */
/** @typedef {{ name: string, sent?: string, failed?: Failed }} Messenger */
/** @typedef {{ officer: string, devices: Device[], messengers: Messenger[] }} Person */
/** @typedef {{ station: string, channels: Person[], messengers: Messenger[] }} Told */

/** @type {import("/static/vendor/signals-core.js").Signal<Told[]>} */
const told = signal([]);
const LOOK_MS = 2_000;
let last = 0;
let planned = 0;

async function look() {
  last = performance.now();
  const me = user.peek();
  const stations = me.station ? [me.station] : Object.keys(config.peek().stations);
  try {
    const answers = await Promise.all(stations.map((one) => fetch(`/notify/channels?station=${one}`)));
    if (answers.some((answer) => !answer.ok)) return;
    told.value = await Promise.all(answers.map((answer) => answer.json()));
  } catch {
    // No network: the head says so, and what was known stays.
  }
}

/** Look again when an alarm moved: something may have been sent, shown or given up. */
function follow() {
  return effect(() => {
    void store.alarms.value;
    const wait = Math.max(0, last + LOOK_MS - performance.now());
    window.clearTimeout(planned);
    planned = window.setTimeout(() => void look(), wait);
  });
}

export function Channels() {
  const all = useValue(told);
  useEffect(() => follow(), []);
  const some = all.filter((one) => one.channels.length);
  if (!some.length) return null;
  return html`
    <section class="card duty channels" aria-label=${t("channels.title")} data-part="channels">
      <h3>${t("channels.title")}</h3>
      <p class="hint">${t("channels.hint")}</p>
      ${some.map(
        ({ station, channels, messengers }) => html`
          <div key=${station} class="station" data-channels=${station}>
            <p><b>${stationName(station)}</b></p>
            ${messengers.map((one) => html`<${Way} key=${one.name} what=${one.name} state=${taken(one)} of=${one} />`)}
            <${People} channels=${channels} />
          </div>
        `,
      )}
    </section>
  `;
}

/** @param {{ channels: Person[] }} props */
function People({ channels }) {
  const can = channels.filter((one) => one.devices.length || one.messengers.length);
  const none = channels.filter((one) => !can.includes(one)).map((one) => one.officer);
  return html`
    <ul>
      ${can.map(
        ({ officer, devices, messengers }) => html`
          <li key=${officer} data-officer=${officer}>
            <b>${officer}</b>
            ${devices.map((one) => html`<${Way} key=${one.id} what=${t("channel.push")} state=${seen(one)} of=${one} />`)}
            ${messengers.map((one) => html`<${Way} key=${one.name} what=${one.name} state=${taken(one)} of=${one} />`)}
          </li>
        `,
      )}
    </ul>
    ${none.length ? html`<p class="hint">${t("channels.none", { officers: none.join(" ") })}</p>` : null}
  `;
}

/** What is known of a messenger: its service takes messages; whether anybody reads them, it does not say. @param {Messenger} one */
function taken({ sent = "", failed }) {
  if (failed && failed.at >= sent) return "failing";
  return sent ? "taken" : "untried";
}

/** Only what was shown is known to work. @param {Device} one */
function seen({ state, sent, shown }) {
  return state !== "on" || shown ? state : sent ? "unproven" : "untried";
}

/** @param {{ what: string, state: string, of: Device & Messenger }} props */
function Way({ what, state, of }) {
  const lines = [
    of.shown ? t("channels.shown", { at: dayAndClock(of.shown) }) : "",
    of.sent && !of.shown ? t("channels.sent", { at: dayAndClock(of.sent) }) : "",
    of.failed
      ? t("channels.failed", { at: dayAndClock(of.failed.at), because: known("because", of.failed.reason) })
      : "",
  ].filter(Boolean);
  const look = state === "on" ? "on" : ["untried", "unproven", "taken"].includes(state) ? "" : "bad";
  return html`
    <p class="way" data-way=${state}>
      <span>${what}</span>
      <span class="channel-state ${look}">${t(`channels.state.${state}`)}</span>
      <span>${lines.join(" ") || t("channels.never")}</span>
    </p>
  `;
}
