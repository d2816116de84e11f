/** Leaving: an opaque cover at once, then a neutral page in this one's place in the history. Never cancels anything. */

import { lastWord } from "./http.js";
import { leaveNoTrace } from "./keep.js";
import { control, part } from "./page.js";
import { alarmBody, state } from "./state.js";

const TIMES = 3;
const WITHIN_MS = 2000;

/** @type {Set<() => void>} */
const goodbyes = new Set();
let left = false;

/** @param {() => void} last said or stopped while the page is being left */
export const onLeave = (last) => goodbyes.add(last);

export function prepare() {
  const exit = /** @type {HTMLAnchorElement} */ (/** @type {unknown} */ (control("exit")));
  exit.addEventListener("click", (event) => {
    event.preventDefault();
    leave(exit.href);
  });
  // Shift and nothing else, so that writing capitals is not leaving.
  /** @type {number[]} */
  let presses = [];
  addEventListener("keydown", (event) => {
    if (event.key !== "Shift") presses = [];
    else if (!event.repeat) {
      presses = [...presses, event.timeStamp].slice(-TIMES);
      if (presses.length === TIMES && event.timeStamp - (presses[0] ?? 0) < WITHIN_MS) leave(exit.href);
    }
  });
  // The browser may show the page as it was when someone goes back: then it is covered and left again.
  addEventListener("pageshow", (event) => {
    if (event.persisted && left) leave(exit.href);
  });
  stayOnTop();
}

/** @param {string} address */
function leave(address) {
  left = true;
  part("cover").hidden = false;
  if (state.phase === "waiting") {
    lastWord("/alarms", alarmBody());
  }
  for (const last of goodbyes) last();
  leaveNoTrace();
  location.replace(address);
}

/** A phone's keyboard moves what is seen without telling the layout: the bar follows. */
function stayOnTop() {
  const seen = window.visualViewport;
  if (!seen) return;
  const move = () => {
    const covered = seen.scale === 1 ? seen.offsetTop : 0;
    part("bar").style.setProperty("--shift", `${Math.max(0, covered)}px`);
  };
  seen.addEventListener("resize", move);
  seen.addEventListener("scroll", move);
}
