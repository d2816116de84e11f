/** What this page knows, in one place, and who draws it. Nothing is drawn while the page is hidden: a text that
 *  comes then is in no preview. */

/** @type {import("./types.js").State} */
export const state = {
  phase: "form",
  alarm: null,
  kept: false,
  receipt: null,
  place: null,
  finding: "",
  status: "raised",
  checkInBy: "",
  checkInS: 0,
  skew: 0,
  ladder: [],
  talk: [],
  read: 0,
  unsaid: [],
  question: null,
  media: {},
  sending: [],
  cancel: "",
  failures: 0,
  unsent: "",
  heardAt: 0,
  live: true,
};

/** @type {Set<() => void>} */
const drawers = new Set();
let asked = false;

/** @param {Partial<import("./types.js").State>} members */
export function change(members) {
  Object.assign(state, members);
  redraw();
}

/** Draw soon, once for all changes; while hidden, when the page is seen again. */
export function redraw() {
  if (asked || document.hidden) return;
  asked = true;
  queueMicrotask(() => {
    asked = false;
    for (const draw of drawers) draw();
  });
}

/** @param {() => void} draw called after every change */
export function drawn(draw) {
  drawers.add(draw);
}

/** @param {import("./types.js").Said} entry something that was said; known ones are not repeated */
export function hear(entry) {
  const known = state.talk.findIndex((one) =>
    entry.n != null && one.n != null
      ? one.n === entry.n
      : !!entry.question && one.question === entry.question,
  );
  if (known >= 0) state.talk[known] = { ...state.talk[known], ...entry };
  else state.talk.push(entry);
  if (state.talk.every((one) => one.n != null)) state.talk.sort((a, b) => (a.n ?? 0) - (b.n ?? 0));
  if (known < 0 && entry.who === "citizen") {
    const mine = state.unsaid.findIndex((one) => one.text === entry.text);
    if (mine >= 0) state.unsaid.splice(mine, 1);
  }
  redraw();
}

/** The alarm as the server takes it. */
export function alarmBody() {
  const body = { ...state.alarm };
  delete body.startedAt;
  return body;
}

// What is not looked at shows nothing: no preview of the page in a phone's list of apps either.
document.addEventListener("visibilitychange", () => {
  document.documentElement.classList.toggle("veil", document.hidden);
  redraw();
});
