/** How long nobody had taken an alarm when a step was run, as far as the events that are shown tell it. Pure. */

/** @import { LogRow } from "../shared/types.d.ts" */

/** With these a wait for a person begins. */
const BEGINS = ["alarm_raised", "alarm_released", "alarm_reopened", "burst_led", "station_gone"];

/**
 * Seconds from the beginning of the wait to each step; of a wait that began before these events, nothing is known.
 *
 * @param {readonly LogRow[]} rows in the order in which they happened
 * @returns {Map<LogRow, number>}
 */
export function waited(rows) {
  /** @type {Map<string, number>} */
  const began = new Map();
  /** @type {Map<LogRow, number>} */
  const found = new Map();
  for (const row of rows) {
    if (row.alarm && BEGINS.includes(row.event.type)) began.set(row.alarm, Date.parse(row.at));
    const since = row.alarm && row.event.type === "step_run" ? began.get(row.alarm) : undefined;
    if (since !== undefined) found.set(row, Math.round((Date.parse(row.at) - since) / 1000));
  }
  return found;
}
