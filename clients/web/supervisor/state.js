/** What the supervisor looks at; the one place for the page's own state. */

import { computed, signal } from "/static/vendor/signals-core.js";

import { store } from "../shared/session.js";

/** @import { Alarm } from "../shared/types.d.ts" */

export const view = signal(location.hash === "#log" ? "log" : "now");

/** The alarm whose timeline is open. */
export const chosen = signal(/** @type {string | null} */ (null));

/** Open alarms: those nobody has first, the nearest deadline first. */
export const openAlarms = computed(() =>
  [...store.alarms.value.values()]
    .filter((alarm) => alarm.status !== "closed")
    .sort((a, b) => order(a).localeCompare(order(b))),
);

/** @param {Alarm} alarm */
function order(alarm) {
  return `${alarm.status === "raised" ? 0 : 1} ${alarm.due ?? alarm.raised_at}`;
}

/** Open alarms that passed the end of their day. */
export const overdue = computed(() => openAlarms.value.filter((alarm) => alarm.overdue_at !== undefined));

/** @param {string} to */
export function show(to) {
  view.value = to;
  history.replaceState(null, "", `#${to}`);
}
