/** Raising: one tap, no waiting for anything. The device makes the names and keeps the alarm until it is stored. */

import { pause } from "./http.js";
import { dropWayBack, keepPending, pending, wayBack } from "./keep.js";
import { start } from "./link.js";
import { pin, secret, uuid } from "./names.js";
import { control, form, input, part, write } from "./page.js";
import { follow, lastPosition } from "./position.js";
import { change, drawn, state } from "./state.js";
import { language, word } from "./words.js";

const OLD_MS = 12 * 3600_000; // what was written longer ago is offered, not sent by itself

export function prepare() {
  const raise = form("raise");
  raise.addEventListener("submit", (event) => {
    event.preventDefault();
    const practice = /** @type {HTMLElement | null} */ (event.submitter)?.dataset["act"] === "practice";
    go(practice ? "practice" : "alarm");
  });
  control("again").addEventListener("click", () => location.reload());
  control("back").addEventListener("click", comeBack);
  control("forget").addEventListener("click", () => {
    dropWayBack();
    part("way-back").hidden = true;
  });
  drawn(draw);
  draw();
  resumePending(raise);
}

/** @param {string} kind */
function go(kind) {
  if (state.phase !== "form") return;
  const raise = form("raise");
  const needs = new FormData(raise).getAll("needs").map(String);
  const text = input(raise, "text").value.trim();
  const place = input(raise, "place").value.trim();
  const position = lastPosition();
  const alarm = {
    id: uuid(),
    secret: secret(),
    pin: pin(),
    kind,
    lang: language(),
    ...(text && { text }),
    ...(place && { place }),
    ...(needs.length && { needs }),
    ...(position && { position }),
  };
  keepPending({ ...alarm, startedAt: Date.now() });
  show({ ...alarm, startedAt: Date.now() });
  follow();
}

/** @param {import("./state.js").Alarm} alarm */
function show(alarm) {
  change({ phase: "waiting", alarm, ladder: [], talk: [], status: "raised" });
  start();
  void bringRest();
  scrollTo(0, 0);
  queueMicrotask(() => part("now").focus({ preventScroll: true }));
}

/** @param {HTMLFormElement} raise */
function resumePending(raise) {
  const alarm = pending();
  if (!alarm) return;
  if (Date.now() - (alarm.startedAt ?? 0) < OLD_MS) show(alarm);
  else input(raise, "text").value ||= alarm.text ?? "";
}

function comeBack() {
  const back = wayBack();
  if (!back) return;
  change({ phase: "stored", alarm: { id: back.id, secret: back.secret, kind: back.kind, lang: back.lang } });
  start();
  void bringRest();
  follow();
}

/** After the alarm, and as stubborn: a bad network may bring them late. */
async function bringRest() {
  for (let n = 0; ; n++) {
    const rest = await import("./later.js").catch(() => null);
    if (rest) {
      rest.prepare(input(form("raise"), "photo").files);
      part("tools").hidden = false;
      return;
    }
    await pause(n);
  }
}

function draw() {
  const begun = state.phase !== "form";
  form("raise").hidden = begun;
  part("story").hidden = !begun;
  const practice = state.alarm?.kind === "practice";
  part("practice-mark").hidden = !practice;
  const again = control("again");
  again.hidden = !(practice || state.phase === "gone" || state.status === "closed");
  write(again, word(practice ? "practice_again" : "raise_again"));
  const back = wayBack();
  part("way-back").hidden = begun || !back;
  if (back) write(control("back"), word("back_offer", { code: back.code }));
}
