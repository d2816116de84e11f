/**
 * A flood: more new alarms than can be looked at one by one, as the hub says when it begins and ends. One line under
 * the head; what rings has one tone (`session`). Field's term: alarm flood (ISA-18.2).
 */

import { computed } from "/static/vendor/signals-core.js";

import { html, useEffect, useValue } from "./dom.js";
import { stationName, store } from "./session.js";
import { clock } from "./time.js";
import { mention } from "./told.js";
import { listed, t } from "./words.js";

/** The stations in a flood that this page shows, with since when. */
const flooded = computed(() =>
  [...store.streams.value].flatMap(([station, { duty }]) =>
    duty.flood ? [{ station, since: duty.flood.since }] : [],
  ),
);

/** Whether there is any. */
export const flood = computed(() => flooded.value.length > 0);

/** The line under the head while a flood lasts. */
export function Flood() {
  const now = useValue(flooded);
  const values = {
    stations: listed(now.map((one) => stationName(one.station))),
    at: clock(now.map((one) => one.since).sort()[0]),
  };
  useEffect(() => {
    if (now.length) mention(t("flood.line", values));
  }, [values.stations, values.at]);
  return now.length ? html`<p class="flood" data-part="flood">${t("flood.line", values)}</p>` : null;
}
