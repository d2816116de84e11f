/** What stays on the device, and only while it must: an alarm that is not stored yet, and a way back if asked for. */

const PENDING = "p";
const BACK = "b";

/** @typedef {import("./state.js").Alarm} Alarm */
/** @typedef {{id: string, secret: string, code: string, lang: string, kind: string}} Back */

/** @returns {Alarm | null} */
export const pending = () => read(PENDING);
/** @param {Alarm} alarm */
export const keepPending = (alarm) => put(PENDING, alarm);
export const dropPending = () => drop(PENDING);

/** @returns {Back | null} */
export const wayBack = () => read(BACK);
/** @param {Back} back */
export const keepWayBack = (back) => put(BACK, back);
export const dropWayBack = () => drop(BACK);

/** Everything this site left on the device goes, but for the way back that the person asked for. */
export function leaveNoTrace() {
  const back = wayBack();
  for (const store of stores()) store.clear();
  if (back) keepWayBack(back);
}

function stores() {
  try {
    return [localStorage, sessionStorage];
  } catch {
    return []; // storage is forbidden: then nothing was left
  }
}

/** @param {string} name */
function read(name) {
  try {
    return JSON.parse(stores()[0]?.getItem(name) ?? "null");
  } catch {
    return null;
  }
}

/** @param {string} name @param {object} value */
function put(name, value) {
  try {
    stores()[0]?.setItem(name, JSON.stringify(value));
  } catch {
    // Full or forbidden: the alarm is still tried for as long as the page is open.
  }
}

/** @param {string} name */
function drop(name) {
  stores()[0]?.removeItem(name);
}
