/** The open alarms as this page shows them, and what passed the end of its day. */

import { computed } from "/static/vendor/signals-core.js";

import { store } from "../shared/session.js";

/** @import { Alarm } from "../shared/types.d.ts" */

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
