/** What the officer is looking at and has begun to write; the one place for the console's own state. */

import { computed, signal } from "/static/vendor/signals-core.js";

import { flood } from "../shared/flood.js";
import { shown, user } from "../shared/session.js";
import { t } from "../shared/words.js";
import { handedToMe, isLost } from "./claims.js";
import { clusters, clusterWords } from "./flood.js";

/** @import { Alarm } from "../shared/types.d.ts" */
/** @typedef {{ name: string, alarms: Alarm[], key?: string, words?: string }} Group */

/** The alarm whose story is open. */
export const selected = signal(/** @type {string | null} */ (null));

/** The row that the keyboard is on. */
export const cursor = signal(/** @type {string | null} */ (null));

export const search = signal("");

/** The form that is open under the actions: a command's name. */
export const form = signal(/** @type {import("../shared/types.d.ts").CommandName | null} */ (null));

export const helpOpen = signal(false);

/** Words begun for an alarm, kept while another one is looked at. @type {Map<string, string>} */
export const drafts = new Map();

/** Photos that were uncovered in this session. @type {import("/static/vendor/signals-core.js").Signal<Set<string>>} */
export const uncovered = signal(new Set());

/** Recordings that are heard while they are made. @type {import("/static/vendor/signals-core.js").Signal<Set<string>>} */
export const listening = signal(new Set());

/** The alarm that is open, as it is shown. */
export const current = computed(() =>
  selected.value === null ? null : (shown.value.get(selected.value) ?? null),
);

/** @param {Alarm} alarm */
export function offeredToMe(alarm) {
  const me = user.value;
  return alarm.transfer !== undefined && (me.station === null || me.station === alarm.transfer.to);
}

/** @param {Alarm} alarm */
function group(alarm) {
  if (alarm.status === "closed") return "closed";
  if (alarm.status === "raised") return alarm.burst ? "burst" : "waiting";
  if (alarm.owner === user.value.name) return "mine";
  return offeredToMe(alarm) || handedToMe(alarm) || isLost(alarm) ? "waiting" : "others";
}

/** @param {Alarm} alarm @param {string} sought */
function matches(alarm, sought) {
  const said = [alarm.code, alarm.text, alarm.place, alarm.owner, alarm.category];
  return said.some((part) => part?.toLowerCase().includes(sought));
}

/** The list as it is drawn: who waits longest first; what one sender sent far too much of after all others. */
export const groups = computed(() => {
  const sought = search.value.trim().toLowerCase();
  /** @type {Record<string, Alarm[]>} */
  const parts = { waiting: [], mine: [], others: [], burst: [], closed: [] };
  for (const alarm of shown.value.values()) {
    if (!sought || matches(alarm, sought)) parts[group(alarm)]?.push(alarm);
  }
  for (const part of Object.values(parts)) part.sort((a, b) => a.since.localeCompare(b.since));
  parts.closed?.reverse();
  return Object.entries(parts)
    .filter(([, alarms]) => alarms.length)
    .flatMap(([name, alarms]) => {
      if (name === "burst") return bursts(alarms);
      return name === "waiting" && flood.value ? flooded(name, alarms) : [{ name, alarms }];
    });
});

/** @param {Alarm[]} alarms @returns {Group[]} */
function bursts(alarms) {
  /** @type {Map<string, Alarm[]>} */
  const by = new Map();
  for (const alarm of alarms) {
    const key = `${alarm.home}/${alarm.burst}`;
    const some = by.get(key);
    if (some) some.push(alarm);
    else by.set(key, [alarm]);
  }
  return [...by].map(([key, some]) => ({ name: "burst", key, words: burstWords(some), alarms: some }));
}

/** Whose they are, as far as anybody knows. @param {Alarm[]} alarms */
function burstWords(alarms) {
  return t(alarms[0]?.burst?.startsWith("many-") ? "group.burst_of_many" : "group.burst");
}

/** The alarms of its burst that wait. @param {Alarm} alarm */
export function withItsBurst({ burst, home }) {
  const all = [...shown.value.values()];
  return all.filter((one) => one.burst === burst && one.home === home && one.status === "raised");
}

/** @param {string} name @param {Alarm[]} alarms @returns {Group[]} */
function flooded(name, alarms) {
  return clusters(alarms).map((one) => ({
    name,
    key: one.key,
    words: clusterWords(one),
    alarms: one.alarms,
  }));
}

/** What nobody has, or whose owner is lost, whatever is searched for: who waits longest first, and bursts last. */
export const nobodys = computed(() => {
  const me = user.value.name;
  const free = [...shown.value.values()].filter(
    (alarm) => alarm.status === "raised" || (isLost(alarm) && alarm.owner !== me),
  );
  const late = (/** @type {Alarm} */ alarm) => Number(alarm.burst !== undefined);
  return free.sort((a, b) => late(a) - late(b) || a.since.localeCompare(b.since));
});

/** The rows in order, without their headings. */
export const rows = computed(() => groups.value.flatMap((part) => part.alarms));

/** @param {string | null} id */
export function open(id) {
  form.value = null;
  selected.value = id;
  if (id) cursor.value = id;
}
