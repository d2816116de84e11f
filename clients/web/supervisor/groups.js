/**
 * What nobody has, as it is shown: one by one, or put together: in a flood by place and time, as on the console, and
 * always what one sender sent far too much of. None is left out. Field's term: alarm flood (ISA-18.2).
 */

import { computed } from "/static/vendor/signals-core.js";

import { clusters, clusterWords } from "../console/flood.js";
import { store } from "../shared/session.js";
import { t } from "../shared/words.js";
import { openAlarms } from "./state.js";

/** @import { Alarm } from "../shared/types.d.ts" */
/** @typedef {{ key: string, words: () => string, alarms: Alarm[] }} Group */
/** @typedef {Alarm | Group} Part */

/** Several alarms, or one. @param {Part} part @returns {part is Group} */
export const isGroup = (part) => "alarms" in part;

/** @param {Alarm} alarm */
const isFlooded = (alarm) => Boolean(store.streams.value.get(alarm.home)?.duty.flood);

/** @param {Alarm[]} alarms those of one burst @returns {Group} */
function burst(alarms) {
  const { home, burst: name } = /** @type {Alarm} */ (alarms[0]);
  const words = () => t(name?.startsWith("many-") ? "open.burst_of_many" : "open.burst");
  return { key: `${home}/${name}`, words, alarms };
}

/** The open alarms in their order; a group stands where its first alarm would. */
export const parts = computed(() => {
  const waiting = openAlarms.value.filter((alarm) => alarm.status === "raised");
  /** @type {Map<string, Alarm[]>} */
  const bursts = new Map();
  for (const alarm of waiting.filter((one) => one.burst)) {
    const key = `${alarm.home}/${alarm.burst}`;
    bursts.set(key, [...(bursts.get(key) ?? []), alarm]);
  }
  const flooded = waiting.filter((alarm) => !alarm.burst && isFlooded(alarm));
  flooded.sort((a, b) => a.raised_at.localeCompare(b.raised_at));
  /** @type {Group[]} */
  const groups = [
    ...[...bursts.values()].map(burst),
    ...clusters(flooded).map((one) => ({ key: one.key, words: () => clusterWords(one), alarms: one.alarms })),
  ];
  /** @type {Map<Alarm, Group>} */
  const groupOf = new Map();
  for (const group of groups) {
    if (group.alarms.length > 1) for (const alarm of group.alarms) groupOf.set(alarm, group);
  }
  return [...new Set(openAlarms.value.map((alarm) => groupOf.get(alarm) ?? alarm))];
});
