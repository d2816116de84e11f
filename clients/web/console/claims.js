/** Whose an alarm is, and what follows for the person here: free to take, offered, to be seen by all. Pure reading. */

import { computed } from "/static/vendor/signals-core.js";

import { config, shown, store, user } from "../shared/session.js";
import { onDuty } from "../shared/store.js";
import { secondsSince } from "../shared/time.js";

/** @import { Alarm } from "../shared/types.d.ts" */

const OWNED = ["acknowledged", "en_route", "on_scene"];
const GRACE_S = 20;
/** `UNDO_S` of dispatch/escalation/bursts.py. */
const UNDO_BURST_S = 60;
const UNDO_S = 10;

/** @param {Alarm} alarm */
export function isMine(alarm) {
  return alarm.owner === user.value.name && OWNED.includes(alarm.status);
}

/** Nobody hears of its owner any more. @param {Alarm} alarm */
export function isLost(alarm) {
  return alarm.owner_lost_at !== undefined && OWNED.includes(alarm.status);
}

/**
 * Whether it can be taken from its owner without a reason.
 *
 * @param {Alarm} alarm
 * @param {number} now milliseconds
 */
export function freeToTake(alarm, now) {
  if (isLost(alarm)) return true;
  const grace = config.peek().console?.grace_s ?? GRACE_S;
  const justTaken = alarm.status === "acknowledged" && alarm.owner_station === user.value.station;
  return justTaken && alarm.owned_at !== undefined && secondsSince(alarm.owned_at, now) < grace;
}

/**
 * Seconds in which this person can still undo that they closed it; 0 when they can't.
 *
 * @param {Alarm} alarm
 * @param {number} now milliseconds
 */
export function undoLeft(alarm, now) {
  if (alarm.burst && !alarm.owned_at) return 0;
  if (alarm.status !== "closed" || alarm.owner !== user.value.name || !alarm.closed_at) return 0;
  return Math.max(0, (config.peek().console?.undo_close_s ?? UNDO_S) - secondsSince(alarm.closed_at, now));
}

/** The same of one that was closed with its burst. @param {Alarm} alarm @param {number} now milliseconds */
export function undoBurstLeft(alarm, now) {
  const together = alarm.status === "closed" && alarm.burst && !alarm.owned_at;
  if (!together || alarm.owner !== user.value.name || !alarm.closed_at) return 0;
  return Math.max(0, UNDO_BURST_S - secondsSince(alarm.closed_at, now));
}

/** Whether its owner offers it to the person here. @param {Alarm} alarm */
export function handedToMe(alarm) {
  const { handover } = alarm;
  if (!handover || isMine(alarm)) return false;
  return handover.to === undefined ? user.value.role === "officer" : handover.to === user.value.name;
}

/** The alarms of the person here that are not closed, oldest first. */
export const mine = computed(() =>
  [...shown.value.values()].filter(isMine).sort((a, b) => a.raised_at.localeCompare(b.raised_at)),
);

/** Colleagues on duty at the person's station. */
export const colleagues = computed(() => {
  const { name, station } = user.value;
  const shift = station ? store.streams.value.get(station)?.duty : undefined;
  return shift ? onDuty(shift).filter((one) => one !== name) : [];
});

/**
 * Two officers rule: who on duty has not seen the alarm, where the policy wants all of them to.
 *
 * @param {Alarm} alarm
 * @returns {string[]}
 */
export function unseenBy(alarm) {
  const policies = config.value.policies ?? {};
  const policy = policies[alarm.kind] ?? policies[`stations.${alarm.station}`] ?? policies.default;
  const shift = store.streams.value.get(alarm.station)?.duty;
  if (!policy?.seen_by_all || !shift) return [];
  const seen = [...(alarm.seen_by ?? []), alarm.owner];
  return onDuty(shift).filter((name) => !seen.includes(name));
}
