/** A plan to check in (dead man's timer): the server keeps its time, so this page may be closed and the phone off.
 *  Ended without its number the page looks the same as with it: the server tells officers, and nobody here. */

import { keepPending } from "./keep.js";
import { start } from "./link.js";
import { send } from "./outbox.js";
import { make, part } from "./page.js";
import { prepare as receipt } from "./receipt.js";
import { change, drawn, state } from "./state.js";
import { styled } from "./style.js";
import { language, loadLater, tell, use } from "./words.js";

const WITHIN_S = [900, 1800, 3600, 7200, 14_400, 28_800];
const OFTEN_S = 1800;

await Promise.all([styled("later"), loadLater()]);

const options = WITHIN_S.map((seconds) => {
  const option = /** @type {HTMLOptionElement} */ (make("option", ""));
  option.value = String(seconds);
  option.defaultSelected = seconds === OFTEN_S;
  return option;
});

export function prepare() {
  const within = make("select", "", ...options);
  within.setAttribute("name", "within");
  within.dataset["wordLabel"] = "plan";
  const begin = worded("button", "plain", "plan_start", "plan-start");
  const row = make("p", "practice", within, begin, worded("small", "", "plan_note"));
  part("plan").replaceChildren(worded("legend", "", "plan"), row);

  const said = make("p", "small");
  said.setAttribute("role", "status");
  const fine = worded("button", "send", "check_in", "check-in");
  const now = worded("button", "plain", "raise_now", "raise-now");
  const end = make("form", "say");
  end.id = "end-plan";
  const number = /** @type {HTMLInputElement} */ (make("input", ""));
  Object.assign(number, { name: "number", inputMode: "numeric", maxLength: 8, autocomplete: "off" });
  end.append(
    make("label", "field", worded("span", "", "cancel_label"), number),
    worded("button", "", "plan_end", "end-plan"),
  );
  const note = worded("p", "small", "plan_end_note");
  note.setAttribute("role", "status");
  const more = make("details", "", worded("summary", "", "plan_end", "end-open"), end, note);
  part("check-in").append(fine, said, now, more);

  fine.addEventListener("click", () => checkIn(said));
  now.addEventListener("click", raiseNow);
  end.addEventListener("submit", (event) => {
    event.preventDefault();
    const pin = number.value.trim();
    number.value = "";
    tell(note, "say_waiting");
    // Whatever was entered is sent and answered alike.
    send("end_plan", /^\d{4,8}$/.test(pin) ? { pin } : {}, () => change({ status: "ended", checkInBy: "" }));
  });
  receipt();
  use(language()); // labels and hints of what was made here
  drawn(name);
  name();
}

/** Times in the language's own words, which the browser has; the labels of what was made here. */
function name() {
  for (const option of options) {
    const minutes = Number(option.value) / 60;
    const [number, unit] = minutes < 60 ? [minutes, "minute"] : [minutes / 60, "hour"];
    const words = new Intl.NumberFormat(language(), { style: "unit", unit, unitDisplay: "long" });
    option.textContent = words.format(number);
  }
}

/** @param {HTMLElement} said */
function checkIn(said) {
  tell(said, "say_waiting");
  const position = state.place;
  send(
    "check_in",
    { check_in_s: state.checkInS || OFTEN_S, ...(position && { position }) },
    (answer) => {
      tell(said, "checked_in");
      if (answer?.check_in_by) change({ checkInBy: answer.check_in_by });
    },
    () => tell(said, "check_in_late"),
  );
}

/** The same alarm, no longer planned: as stubborn as any other until it is stored. */
function raiseNow() {
  const { alarm } = state;
  if (!alarm) return;
  delete alarm.check_in_s;
  void keepPending(alarm).then((kept) => change({ kept }));
  change({ phase: "waiting", status: "raised", checkInBy: "", ladder: [] });
  start();
}

/** @param {string} tag @param {string} cls @param {string} key @param {string} [act] @returns {HTMLElement} */
function worded(tag, cls, key, act) {
  const node = make(tag, cls);
  tell(node, key);
  if (act) node.dataset["act"] = act;
  if (tag === "button" && act !== "plan-start" && act !== "end-plan") node.setAttribute("type", "button");
  return node;
}
