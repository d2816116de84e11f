/** What goes out once the alarm is stored: in order, tried until the server has answered, by the line or without. */

import { Refused, pause, request } from "./http.js";
import { uuid } from "./names.js";
import { redraw, state } from "./state.js";

/** @type {import("./types.js").Item[]} */
const outbox = [];
let emptying = false;
/** The socket's way of asking, while there is one. @type {((type: string, ref: string, members: object) => Promise<any>) | null} */
let line = null;

/** @param {typeof line} way */
export function through(way) {
  line = way;
}

/**
 * Send when there is a way; kept in order and tried until the server has answered.
 * @template {import("./types.js").Name} T
 * @param {T} type @param {import("./types.js").Members<T>} members
 * @param {(answer?: any) => void} [done] the server has it
 * @param {() => void} [failed] the server said no for good
 */
export function send(type, members, done = () => {}, failed = done) {
  // Of places only the newest counts.
  const old = type === "position" ? outbox.findIndex((item, i) => item.type === type && i > 0) : -1;
  if (old >= 0) outbox.splice(old, 1);
  const item = { type, ref: uuid(), members, done, failed };
  outbox.push(item);
  void empty();
  return item.ref;
}

/** Go on where it stopped. */
export async function empty() {
  if (emptying || state.phase !== "stored") return;
  emptying = true;
  for (let n = 0; outbox[0];) {
    const item = outbox[0];
    try {
      item.done(await deliver(item));
    } catch (error) {
      if (!(error instanceof Refused) || error.retry) {
        await pause(n++);
        continue;
      }
      item.failed();
    }
    n = 0;
    outbox.shift();
    redraw();
  }
  emptying = false;
}

/** @param {import("./types.js").Item} item */
async function deliver({ type, ref, members }) {
  if (line) return line(type, ref, members);
  const named = type === "say" || type === "check_in";
  const plain = type === "position" ? members.position : named ? { ref, ...members } : members;
  return request(
    "POST",
    `/alarms/${state.alarm?.id}/${type.replace("_", "-")}`,
    /** @type {object} */ (plain),
  );
}
