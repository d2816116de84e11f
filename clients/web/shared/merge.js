/**
 * JSON Merge Patch (RFC 7396): how an event's `changes` become the next state of an alarm.
 * Knows nothing of alarms, and never changes what it is given: a row that did not change stays the same object.
 */

/**
 * @param {unknown} value
 * @returns {value is Record<string, unknown>}
 */
function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * `target` with `patch` applied; a null in the patch takes the member away.
 *
 * @param {unknown} target
 * @param {unknown} patch
 * @returns {unknown}
 */
export function applyPatch(target, patch) {
  if (!isObject(patch)) return patch;
  // A map, and not assignment: a member named __proto__ must stay a member.
  const members = new Map(isObject(target) ? Object.entries(target) : []);
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) members.delete(name);
    else members.set(name, applyPatch(members.get(name), value));
  }
  return Object.fromEntries(members);
}
