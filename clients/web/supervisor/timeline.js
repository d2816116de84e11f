/** One alarm's timeline: every event with its time and the seconds since the alarm was raised. */

import { codes, headline } from "../shared/alarm.js";
import { html, useEffect, useRef, useState, useValue } from "../shared/dom.js";
import { focusSoon } from "../shared/focus.js";
import { Mark } from "../shared/mark.js";
import { stationName, store } from "../shared/session.js";
import { clock, dayAndClock, span } from "../shared/time.js";
import { t } from "../shared/words.js";
import { chosen, leaveFor, look } from "./address.js";
import { Content } from "./content.js";
import { findAround } from "./find.js";
import { reread } from "./log.js";
import { sentence, weight } from "./sentence.js";
import { waited } from "./waited.js";

/** @import { Alarm, LogRow } from "../shared/types.d.ts" */
/** @typedef {{ alarm: Alarm, events: LogRow[], ends_at: string | null }} Told */
/** @typedef {Told | { why: string } | null} Story */

/** A text of more characters is cut in the heading, and stands below it as a whole. */
const LONG = 100;

export function Timeline() {
  const id = useValue(chosen);
  return id ? html`<${Sheet} key=${id} id=${id} />` : null;
}

/** @param {string} id @returns {Promise<Story>} */
async function fetchStory(id) {
  try {
    const answer = await fetch(`/log/alarms/${id}`);
    const body = await answer.json();
    if (!answer.ok) return { why: body.message };
    codes.set(id, body.alarm.code);
    return body;
  } catch (fault) {
    return { why: String(fault) };
  }
}

/** @param {{ id: string }} props */
function Sheet({ id }) {
  const [story, setStory] = useState(/** @type {Story} */ (null));
  const version = useValue(store.alarms).get(id)?.version;
  const [again, setAgain] = useState(0); // a closed alarm is perhaps not among those that this page follows
  const shut = () => {
    look(null);
    focusSoon(`[data-alarm="${id}"]`, "h1");
  };
  const done = () => {
    setAgain(again + 1);
    reread();
  };
  const title = useRef(/** @type {HTMLHeadingElement | null} */ (null));
  useEffect(() => {
    let current = true;
    void fetchStory(id).then((got) => current && setStory(got));
    return () => {
      current = false;
    };
  }, [id, version, again]);
  useEffect(() => title.current?.focus(), []);
  return html`
    <aside
      class="timeline"
      aria-label=${t("timeline.title")}
      data-timeline=${id}
      onKeyDown=${(/** @type {KeyboardEvent} */ event) => event.key === "Escape" && shut()}
    >
      <header>
        <h2 tabindex="-1" dir="auto" ref=${title}>
          ${story && "alarm" in story ? headline(story.alarm) : t("timeline.title")}
        </h2>
        <button class="plain" data-act="timeline-shut" aria-label=${t("timeline.shut")} onClick=${shut}>
          ×
        </button>
      </header>
      ${story === null ? html`<p class="quiet">${t("timeline.loading")}</p>` : null}
      ${story && "why" in story ? html`<p class="warning bad">${t("log.failed")} ${story.why}</p>` : null}
      ${story && "alarm" in story ? html`<${Story} story=${story} done=${done} />` : null}
    </aside>
  `;
}

/** @param {{ story: Told, done: () => void }} props */
function Story({ story, done }) {
  const { alarm, events } = story;
  const start = Date.parse(alarm.raised_at);
  const waits = waited(events);
  const { position } = alarm;
  const long = (alarm.text?.length ?? 0) > LONG;
  return html`
    <p class="facts-line">
      <${Mark} status=${alarm.status} />
      <b>${t(`status.${alarm.status}`)}</b>
      <span>${alarm.code}</span>
      <span>${stationName(alarm.station)}</span>
      <span>${dayAndClock(alarm.raised_at)}</span>
      ${alarm.owner ? html`<span>${alarm.owner}</span>` : null}
    </p>
    ${long ? html`<p class="words" dir="auto">${alarm.text}</p>` : null}
    <ol class="events">
      ${events.map(
        (row) => html`
          <li key=${row.offset} class=${weight(row.event)} data-event=${row.event.type}>
            <time datetime=${row.at}>${clock(row.at)}</time>
            <span class="after">+${span((Date.parse(row.at) - start) / 1000)}</span>
            <span class="what" dir="auto">${sentence(row, waits.get(row))}</span>
          </li>
        `,
      )}
    </ol>
    <div class="timeline-acts">
      <button data-act="log-only" onClick=${() => leaveFor("log", { alarm: alarm.code })}>
        ${t("timeline.in_log")}
      </button>
      ${
        position
          ? html`<button data-act="find-around" onClick=${() => findAround(position)}>
              ${t("timeline.around")}
            </button>`
          : null
      }
    </div>
    <${Content} alarm=${alarm} endsAt=${story.ends_at} done=${done} />
  `;
}
