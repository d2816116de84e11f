/** Tells officers that what they wrote is on this device, and whether it was in sight. Once for each, and nothing more. */

import { send } from "./outbox.js";
import { drawn, state } from "./state.js";

let delivered = 0;
let seen = 0;

export function prepare() {
  drawn(tell);
  document.addEventListener("visibilitychange", tell);
}

function tell() {
  const upto = Math.max(
    0,
    ...state.talk.map((one) => (one.who === "officer" ? (one.n ?? Number(one.question)) : 0)),
  );
  const sight = document.visibilityState === "visible";
  if (state.phase !== "stored" || upto <= (sight ? seen : delivered)) return;
  delivered = upto;
  if (sight) seen = upto;
  send("heard", { upto, seen: sight });
}
