/** Who is near an alarm, of those who share their place: asked again while it is looked at. Not known is nothing bad. */

import { useEffect, useState } from "../shared/dom.js";

/** @import { Alarm, Place } from "../shared/types.d.ts" */
/** @typedef {{ name: string, station?: string, position: Place, distance_m: number | null, at: string, kind?: string, state?: string }} Person */
/** @typedef {{ known: boolean, officers: Person[], helpers: Person[] }} Near */

const AGAIN_MS = 15_000;

/** @type {Near} */
const NOBODY = { known: false, officers: [], helpers: [] };

/** @param {string} id @returns {Promise<Near>} */
async function ask(id) {
  try {
    const answer = await fetch(`/nearby/${id}`);
    if (!answer.ok) return NOBODY;
    const { officers = [], helpers = [] } = await answer.json();
    return { known: true, officers, helpers };
  } catch {
    return NOBODY; // no network: the head says so
  }
}

/**
 * @param {Alarm} alarm
 * @returns {Near | null} null before the first answer
 */
export function useNear(alarm) {
  const [near, setNear] = useState(/** @type {Near | null} */ (null));
  const wanted = alarm.status !== "closed";
  const placed = alarm.position !== undefined;
  useEffect(() => {
    if (!wanted) return setNear(null);
    let gone = false;
    const look = async () => {
      if (document.visibilityState !== "visible") return;
      const found = await ask(alarm.id);
      if (!gone) setNear(found);
    };
    void look();
    const timer = setInterval(() => void look(), AGAIN_MS);
    return () => {
      gone = true;
      clearInterval(timer);
    };
  }, [alarm.id, wanted, placed]); // not with each position: a phone must not set the pace of the hub's work
  return near;
}
