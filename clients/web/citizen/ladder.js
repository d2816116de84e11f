/** How far it is, in words and shape: only what is true, and also when nobody has come yet. */

import { make, part, write } from "./page.js";
import { drawn, state } from "./state.js";
import { clock, word } from "./words.js";

const RUNGS = ["stored", "delivered", "seen", "acknowledged", "en_route", "on_scene"];
const TONES = { acknowledged: "calm", en_route: "calm", on_scene: "calm", closed: "quiet", ended: "quiet" };
const UNSENT_MS = 15_000;

export function prepare() {
  const ladder = part("ladder");
  for (const step of RUNGS) {
    const rung = make("li", "rung", make("span", "dot"), make("span", "step"), make("time", "at"));
    rung.dataset["step"] = step;
    ladder.append(rung);
  }
  drawn(draw);
  setInterval(draw, 5000);
}

function draw() {
  if (state.phase === "form" || document.hidden) return;
  const [key, tone] = now();
  part("now").dataset["tone"] = tone;
  const until = state.checkInBy && clock(due()).slice(0, 5);
  write(part("now-head"), word(key, { until }));
  write(part("now-note"), word(`${key}_note`));
  const waiting = state.phase === "waiting";
  const unheard = !state.live && state.phase === "stored" && !!state.heardAt;
  part("now-leave").hidden = !waiting;
  write(part("now-leave"), word(state.kept ? "waiting_kept" : "waiting_leave_note"));
  part("ways").hidden = !(
    key === "now_unanswered" ||
    key === "now_gone" ||
    (waiting && (state.unsent === "refused" || unsentFor() > UNSENT_MS)) ||
    (unheard && state.status === "raised")
  );
  const noLink = part("no-link");
  noLink.hidden = !unheard;
  write(noLink, noLink.hidden ? "" : word("no_link", { since: clock(state.heardAt) }));

  /** @type {Map<string, import("./types.js").Rung>} */
  const reached = new Map(state.ladder.map((rung) => [rung.step, rung]));
  let next = !waiting;
  for (const row of part("ladder").children) {
    const step = /** @type {HTMLElement} */ (row).dataset["step"] ?? "";
    const rung = reached.get(step);
    const [, name, at] = row.children;
    row.classList.toggle("reached", !!rung);
    row.classList.toggle("next", !rung && next);
    if (!rung) next = false;
    if (name) write(name, rungName(step, rung));
    if (at) write(at, rung ? clock(rung.at) : "");
    row.setAttribute("aria-label", `${rungName(step, rung)}: ${rung ? clock(rung.at) : word("not_yet")}`);
  }
}

/** @param {string} step @param {import("./types.js").Rung} [rung] */
function rungName(step, rung) {
  if (step !== "delivered" || !rung?.consoles) return word(`step_${step}`);
  return word("step_delivered_n", { n: rung.consoles });
}

/** @returns {[string, string]} the headline's word and its tone */
function now() {
  if (state.phase === "gone") return ["now_gone", "wait"];
  if (state.phase === "waiting") {
    if (!navigator.onLine) return ["waiting_offline", "wait"];
    if (state.unsent) return [`waiting_${state.unsent}`, "wait"];
    return [state.failures > 1 ? "waiting_offline" : "waiting", "wait"];
  }
  if (state.status === "planned") {
    return due() < Date.now() ? ["now_planned_late", "wait"] : ["now_planned", "on"];
  }
  if (state.status !== "raised") {
    return [`now_${state.status}`, TONES[/** @type {keyof typeof TONES} */ (state.status)] ?? "calm"];
  }
  const steps = state.ladder.map((rung) => rung.step);
  if (steps.includes("unanswered")) return ["now_unanswered", "wait"];
  if (steps.includes("seen")) return ["now_seen", "on"];
  if (steps.includes("delivered")) return ["now_delivered", "on"];
  return ["now_stored", "on"];
}

/** When the check-in is due, on this device's clock, which may be wrong. */
const due = () => Date.parse(state.checkInBy) - state.skew;
const unsentFor = () => Date.now() - (state.alarm?.startedAt ?? Date.now());
