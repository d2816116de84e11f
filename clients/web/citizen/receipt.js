/** The receipt: code, station, the number for cancelling, and a way back for those who ask for one. */

import { dropWayBack, keepWayBack, wayBack } from "./keep.js";
import { send } from "./outbox.js";
import { control, form, input, part, write } from "./page.js";
import { change, drawn, state } from "./state.js";
import { tell, word } from "./words.js";

const PIN_SHOWN_MS = 60_000;

/** The number is shown once and then gone from the page: whoever looks later must not find it. */
let pinShown = false;
let pinGone = false;

let prepared = false;

/** For the alarm and for a plan of one, whichever comes first. */
export function prepare() {
  if (prepared) return;
  prepared = true;
  control("pin-hide").addEventListener("click", hidePin);
  const cancel = form("cancel");
  cancel.addEventListener("submit", (event) => {
    event.preventDefault();
    const number = input(cancel, "number").value.trim();
    cancel.reset();
    // Whatever was entered is sent and answered alike; the server knows which number is the true one.
    send("cancel", /^\d{4,8}$/.test(number) ? { pin: number } : {}, () => change({ cancel: "requested" }));
    if (!state.cancel) change({ cancel: "sending" });
  });
  control("keep").addEventListener("click", toggleKeep);
  drawn(draw);
}

function draw() {
  const { receipt, alarm } = state;
  part("receipt").hidden = !receipt;
  if (!receipt) return;
  write(part("code"), receipt.code);
  write(part("station"), receipt.station.name);
  if (!pinShown && !pinGone && alarm?.pin) {
    pinShown = true;
    setTimeout(hidePin, PIN_SHOWN_MS);
  }
  const showing = pinShown && !pinGone;
  part("pin-row").hidden = !showing;
  part("pin-more").hidden = !showing;
  write(part("pin"), showing ? (alarm?.pin ?? "") : "");
  write(
    part("cancel-said"),
    state.cancel && word(state.cancel === "sending" ? "cancel_waiting" : "cancelled"),
  );
  part("keep").hidden = state.status === "closed" || state.status === "ended";
  part("cancelling").hidden = state.status === "planned" || state.status === "ended";
  const kept = wayBack()?.id === alarm?.id;
  tell(control("keep"), kept ? "keep_undo" : "keep_do");
  tell(part("keep-note"), kept ? "kept" : "keep_note");
}

function hidePin() {
  pinGone = true;
  if (state.alarm) delete state.alarm.pin;
  change({});
}

function toggleKeep() {
  const { alarm, receipt } = state;
  if (!alarm || !receipt) return;
  if (wayBack()?.id === alarm.id) dropWayBack();
  else {
    keepWayBack({
      id: alarm.id,
      secret: alarm.secret,
      code: receipt.code,
      lang: alarm.lang,
      kind: alarm.kind,
    });
  }
  change({});
}
