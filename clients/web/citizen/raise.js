/** Raising: one tap, no waiting for anything. The device makes the names and keeps the alarm until it is stored. */

import { pause } from "./http.js";
import { dropWayBack, keepPending, pending, wayBack } from "./keep.js";
import { start } from "./link.js";
import { pin, secret, uuid } from "./names.js";
import { control, form, input, part, write } from "./page.js";
import { follow } from "./position.js";
import { change, drawn, redraw, state } from "./state.js";
import { language, word } from "./words.js";

const OLD_MS = 12 * 3600_000; // what was written longer ago is offered, not sent by itself

export function prepare() {
  const raise = form("raise");
  raise.addEventListener("submit", (event) => {
    event.preventDefault();
    const act = /** @type {HTMLElement | null} */ (event.submitter)?.dataset["act"];
    const within = act === "plan-start" ? input(raise, "within").value : 0;
    go(act === "practice" ? "practice" : "alarm", Number(within));
  });
  control("plan").addEventListener("click", () => bring("plan"));
  // A picture is tapped again to take it back.
  /** @type {EventTarget | null} */
  let last = null;
  raise.addEventListener("click", ({ target }) => {
    if (!(target instanceof HTMLInputElement) || target.type !== "radio") return;
    if (target === last) target.checked = false;
    last = target.checked ? target : null;
  });
  control("again").addEventListener("click", () => location.reload());
  control("back").addEventListener("click", comeBack);
  control("forget").addEventListener("click", () => {
    dropWayBack();
    part("way-back").hidden = true;
  });
  drawn(draw);
  draw();
  void pending().then((alarm) => alarm && state.phase === "form" && resume(raise, alarm));
}

/** @param {import("./types.js").Kind} kind @param {number} within seconds, of a plan to check in; 0: the alarm itself */
function go(kind, within) {
  if (state.phase !== "form") return;
  const raise = form("raise");
  const chosen = new FormData(raise);
  const needs = chosen.getAll("needs").map(String);
  const category = chosen.get("category");
  // What was tapped is said as if it had been typed.
  const tapped = [...raise.querySelectorAll(".tool :checked:not([name=category])")].map(
    (box) => box.parentElement?.textContent,
  );
  const text = [input(raise, "text").value, ...tapped]
    .map((line) => line?.trim())
    .filter(Boolean)
    .join("\n");
  const place = input(raise, "place").value.trim();
  const position = state.place;
  const alarm = {
    id: uuid(),
    secret: secret(),
    pin: pin(),
    kind,
    lang: language(),
    ...(text && { text }),
    ...(category && { category: String(category) }),
    ...(place && { place }),
    ...(needs.length && { needs }),
    ...(position && { position }),
    ...(within && { check_in_s: within }),
  };
  show({ ...alarm, startedAt: Date.now() });
  follow();
}

/** @param {import("./types.js").Alarm} alarm */
function show(alarm) {
  void keepPending(alarm).then((kept) => change({ kept }));
  change({ phase: "waiting", alarm, ladder: [], talk: [], status: "raised" });
  start();
  scrollTo(0, 0);
  queueMicrotask(() => part("now").focus({ preventScroll: true }));
}

/** @param {HTMLFormElement} raise @param {import("./types.js").Alarm} alarm kept when the page was closed before */
function resume(raise, alarm) {
  if (Date.now() - (alarm.startedAt ?? 0) < OLD_MS) show(alarm);
  else input(raise, "text").value ||= alarm.text ?? "";
}

function comeBack() {
  const back = wayBack();
  if (!back) return;
  change({ phase: "stored", alarm: { id: back.id, secret: back.secret, kind: back.kind, lang: back.lang } });
  start();
  follow();
}

/** @type {Set<string>} */
const bringing = new Set();
/** @type {Set<string>} */
const here = new Set();

/** What comes after the alarm, or the plan, and as stubborn: a bad network may bring it late. @param {"later" | "plan"} name */
async function bring(name) {
  if (bringing.has(name)) return;
  bringing.add(name);
  for (let n = 0; !here.has(name); n++) {
    const rest = await (name === "plan" ? import("./plan.js") : import("./later.js")).catch(() => null);
    if (rest) {
      rest.prepare(input(form("raise"), "photo").files);
      here.add(name);
      redraw();
    } else await pause(n);
  }
}

function draw() {
  const begun = state.phase !== "form";
  form("raise").hidden = begun;
  part("story").hidden = !begun;
  const planned = state.status === "planned";
  const plan = planned || state.status === "ended";
  // Until the alarm is stored the line is its own.
  if (state.phase === "stored") void bring(planned ? "plan" : "later");
  part("check-in").hidden = !planned || !here.has("plan");
  for (const name of ["talk", "tools"]) part(name).hidden = plan || !here.has("later");
  part("ladder").hidden = plan;
  const practice = state.alarm?.kind === "practice";
  part("practice-mark").hidden = !practice;
  const again = control("again");
  again.hidden = !(
    practice ||
    state.phase === "gone" ||
    state.status === "closed" ||
    state.status === "ended"
  );
  write(again, word(practice ? "practice_again" : "raise_again"));
  const back = wayBack();
  part("way-back").hidden = begun || !back;
  if (back) write(control("back"), word("back_offer", { code: back.code }));
}
