/**
 * What an officer does to an alarm: shown at once where that is safe, confirmed by the hub, taken back in words
 * when it was refused. Never decides what is allowed: the hub does.
 */

import { signal } from "/static/vendor/signals-core.js";

import { link, pending, store, user } from "../shared/session.js";
import { mention, tell } from "../shared/told.js";
import { t } from "../shared/words.js";

/** @import { Alarm, Asked, CommandName, Fault, Without } from "../shared/types.d.ts" */
/** @typedef {{ alarm: string, text: string }} Outgoing */

/** How long the tone stays quiet for an acknowledgement that is not confirmed yet, in milliseconds. */
const HUSH_MS = 5000;

/** What was said and is not confirmed yet. @type {import("/static/vendor/signals-core.js").Signal<Outgoing[]>} */
export const outgoing = signal([]);

/** @param {string} id @param {import("../shared/session.js").Pending | null} one */
function mark(id, one) {
  const next = new Map(pending.peek());
  if (one) next.set(id, one);
  else next.delete(id);
  pending.value = next;
}

/** The last command of each alarm, while it is not answered. @type {Map<string, Promise<boolean>>} */
const running = new Map();

/**
 * Give a command of the protocol. One at a time for an alarm: what is pressed quickly after another waits for it, and
 * is not given when the one before was refused.
 *
 * @type {import("../shared/types.d.ts").Give}
 */
export const command = async (type, alarm, ...[more]) => {
  const before = running.get(alarm.id);
  const mine = before ? before.then((done) => done && give(type, alarm, more)) : give(type, alarm, more);
  running.set(alarm.id, mine);
  const done = await mine;
  if (running.get(alarm.id) === mine) running.delete(alarm.id);
  return done;
};

/** @param {CommandName} type @param {Alarm} alarm @param {object} [more] what goes with the type: `Give` has seen to it */
async function give(type, alarm, more) {
  const hushUntil = type === "ack" ? performance.now() + HUSH_MS : 0;
  mark(alarm.id, { alarm: alarm.id, type, queued: !link.live, hushUntil });
  if (!link.live) mention(t("pending.queued_long"));
  const answer = await link.request(/** @type {Asked} */ ({ type, alarm: alarm.id, ...more }));
  // The answer can come before the event: what is shown must not go back for that instant.
  if (answer.type === "ok") await shown(alarm.id, answer.version ?? 0);
  mark(alarm.id, null);
  if (answer.type === "ok") return true;
  refuse(alarm, answer);
  return false;
}

/**
 * When the alarm is here as of `version`; at the latest when an unconfirmed acknowledgement is heard no more.
 *
 * @param {string} id
 * @param {number} version
 * @returns {Promise<void>}
 */
function shown(id, version) {
  return new Promise((done) => {
    const there = () => (store.alarms.peek().get(id)?.version ?? version) >= version;
    if (there()) return void done();
    const stop = store.alarms.subscribe(() => there() && end());
    const late = setTimeout(end, HUSH_MS);
    function end() {
      clearTimeout(late);
      stop();
      done();
    }
    return undefined;
  });
}

/** @param {Alarm} alarm @param {Fault} answer */
function refuse(alarm, answer) {
  const words = t(`error.${answer.code}`, { by: answer.by ?? "", code: alarm.code });
  const told = words.startsWith("error.") ? `${answer.message ?? answer.code} ${answer.advice ?? ""}` : words;
  tell(`${alarm.code}: ${told}`, "bad");
}

/**
 * Say something to the citizen; shown as "sending" until it is stored.
 *
 * @param {Alarm} alarm
 * @param {string} text
 */
export function say(alarm, text) {
  return send(alarm, text, { type: "say", text });
}

/**
 * Ask the citizen something that one tap answers.
 *
 * @param {Alarm} alarm
 * @param {string} question
 * @param {string[]} choices
 */
export function ask(alarm, question, choices) {
  return send(alarm, question, { type: "ask", question, choices });
}

/** @param {Alarm} alarm @param {string} text @param {Without<Extract<Asked, { type: "say" | "ask" }>, "alarm">} message */
async function send(alarm, text, message) {
  const one = { alarm: alarm.id, text };
  outgoing.value = [...outgoing.peek(), one];
  const answer = await link.request({ ...message, alarm: alarm.id });
  outgoing.value = outgoing.peek().filter((other) => other !== one);
  if (answer.type === "error") refuse(alarm, answer);
  return answer.type === "ok";
}

/** Tell that a person has opened the alarm; once, and only when the page can be seen. @param {Alarm} alarm */
export function see(alarm) {
  if (document.visibilityState !== "visible" || alarm.kind === "practice") return;
  if ((alarm.seen_by ?? []).includes(user.peek().name) || seen.has(alarm.id)) return;
  seen.add(alarm.id);
  void link.request({ type: "seen", alarm: alarm.id }).then((answer) => {
    if (answer.type === "error") seen.delete(alarm.id);
  });
}
/** @type {Set<string>} */
const seen = new Set();

/** Come on duty beside the rota, or leave it. @param {boolean} on */
export async function signDuty(on) {
  const answer = await link.request({ type: "duty", on });
  if (answer.type === "error") tell(answer.message ?? t("error.unknown"), "bad");
}
