/** Handing an alarm over: to a colleague with a line of summary, or to another station; and what came to this desk. */

import { html, useEffect, useRef, useState, useValue } from "../shared/dom.js";
import { config, stationName, store, user } from "../shared/session.js";
import { readyOfficers } from "../shared/store.js";
import { clock } from "../shared/time.js";
import { t } from "../shared/words.js";
import { command } from "./actions.js";
import { colleagues } from "./claims.js";
import { Frame } from "./frame.js";
import { form } from "./state.js";

/** @import { Alarm } from "../shared/types.d.ts" */

const STATION = "station:";
const MOST = 500;

/** What a colleague must know first, as far as the alarm tells it; to be put right by who hands over. @param {Alarm} alarm */
function firstWords(alarm) {
  const parts = [t(`status.${alarm.status}`), alarm.place ?? ""];
  if (alarm.cancel === "duress") parts.push(t("alarm.duress_short"));
  return parts.filter(Boolean).join(t("handover.between"));
}

/** @param {{ alarm: Alarm, owned: boolean }} props */
export function Handover({ alarm, owned }) {
  const here = useValue(colleagues);
  const awake = useAwake();
  const known = new Set([...Object.keys(useValue(config).stations), ...useValue(store.streams).keys()]);
  const near = (alarm.backups ?? []).filter((id) => id !== alarm.station);
  const stations = [...near, ...[...known].filter((id) => id !== alarm.station && !near.includes(id))];
  const people = owned ? ["", ...here] : [];
  const [to, setTo] = useState(
    owned ? (here.find((name) => awake.includes(name)) ?? "") : STATION + (stations[0] ?? ""),
  );
  const [words, setWords] = useState(owned ? firstWords(alarm) : "");
  const first = useRef(/** @type {any} */ (null));
  useEffect(() => first.current?.focus(), []);
  const send = () => {
    const said = words.trim();
    form.value = null;
    if (to.startsWith(STATION)) {
      void command("transfer", alarm, { station: to.slice(STATION.length), reason: said });
    } else void command("handover", alarm, { ...(to && { to }), summary: said });
  };
  return html`
    <${Frame} type="handover" ready=${words.trim() !== ""} onSubmit=${send}>
      <label>
        <span>${t("handover.to")}</span>
        <select
          ref=${first}
          data-field="to"
          value=${to}
          onChange=${(/** @type {Event & { currentTarget: HTMLSelectElement }} */ event) => setTo(event.currentTarget.value)}
        >
          ${
            people.length
              ? html`<optgroup label=${t("handover.colleagues")}>
                  ${people.map(
                    (name) =>
                      html`<option key=${name} value=${name}>
                        ${name ? `${name} · ${t(awake.includes(name) ? "duty.ready" : "duty.not_ready")}` : t("handover.any")}
                      </option>`,
                  )}
                </optgroup>`
              : null
          }
          <optgroup label=${t("handover.stations")}>
            ${stations.map((id) => html`<option key=${id} value=${STATION + id}>${stationName(id)}</option>`)}
          </optgroup>
        </select>
      </label>
      <label>
        <span>${t("handover.summary")}</span>
        <textarea
          rows="2"
          maxlength=${config.peek().limits?.reason_chars ?? MOST}
          data-field="summary"
          dir="auto"
          value=${words}
          onInput=${(/** @type {InputEvent & { currentTarget: HTMLTextAreaElement }} */ event) => setWords(event.currentTarget.value)}
        ></textarea>
      </label>
      <p class="hint">${t("form.transfer_hint")}</p>
    <//>
  `;
}

/** Who at this person's station has a console that can wake them. */
function useAwake() {
  const streams = useValue(store.streams);
  const { station } = useValue(user);
  const shift = station ? streams.get(station)?.duty : undefined;
  return shift ? readyOfficers(shift) : [];
}

/** The offer as a line, for everyone who sees the alarm. @param {Alarm} alarm */
export function offerInWords(alarm) {
  const { handover } = alarm;
  if (!handover) return "";
  const me = user.peek().name;
  const to = handover.to === me ? t("alarm.you") : (handover.to ?? t("handover.any"));
  const by = handover.by === me ? t("alarm.you") : handover.by;
  return t("warn.handover", { by, to, at: clock(handover.at), summary: handover.summary ?? "" });
}
