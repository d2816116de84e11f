/** The buttons that fit the alarm now: one main step, the rest beside it; on a phone the bar under the thumb. */

import { html, useComputed, useValue } from "../shared/dom.js";
import { pending, user } from "../shared/session.js";
import { serverNow, tick } from "../shared/time.js";
import { t } from "../shared/words.js";
import { command } from "./actions.js";
import { freeToTake, handedToMe, isLost, undoLeft } from "./claims.js";
import { form, offeredToMe } from "./state.js";

/** @import { Alarm, User } from "../shared/types.d.ts" */

/** Commands that need words or a choice first. */
const WITH_FORM = new Set([
  "take",
  "release",
  "close",
  "reopen",
  "handover",
  "handover_reject",
  "transfer",
  "transfer_reject",
  "note",
]);

/**
 * The commands to offer, the main one first. Only what to show: the hub decides what is done.
 *
 * @param {Alarm} alarm
 * @param {User} me
 * @returns {string[]}
 */
export function offered(alarm, me) {
  const offers = [
    ...(offeredToMe(alarm) ? ["transfer_accept", "transfer_reject"] : []),
    ...(handedToMe(alarm) ? ["handover_accept", "handover_reject"] : []),
  ];
  const hand = alarm.transfer ? [] : [alarm.handover ? "handover_withdraw" : "handover"];
  const next = {
    acknowledged: ["move", "arrive", "close"],
    en_route: ["arrive", "close"],
    on_scene: ["close"],
  };
  if (alarm.status === "raised") return [...offers, "ack", ...(alarm.transfer ? [] : ["transfer"]), "note"];
  if (alarm.status === "closed") {
    return undoLeft(alarm, serverNow()) ? ["undo_close", "note"] : ["reopen", "note"];
  }
  if (alarm.owner !== me.name) return [...offers, "take", "note"];
  return [...next[alarm.status], ...hand, "release", "note"];
}

/**
 * Do it, or open the form that it needs.
 *
 * @param {string} type
 * @param {Alarm} alarm
 */
export function act(type, alarm) {
  const free = type === "take" && freeToTake(alarm, serverNow());
  if (WITH_FORM.has(type) && !free) form.value = form.peek() === type ? null : type;
  else void command(type, alarm);
}

/** The key `h`: whichever way of handing over there is now. @param {Alarm} alarm @param {User} me */
export function handing(alarm, me) {
  return offered(alarm, me).find((type) => type === "handover" || type === "transfer");
}

/** @param {{ alarm: Alarm }} props */
export function Bar({ alarm }) {
  const me = useValue(user);
  const wait = useValue(pending).get(alarm.id);
  const opened = useValue(form);
  const left = useComputed(() => undoLeft(alarm, tick.value), [alarm]);
  const free = useComputed(() => freeToTake(alarm, tick.value), [alarm]);
  /** @param {string} type */
  const words = (type) => {
    if (type === "undo_close") return t("act.undo_close", { n: left });
    return t(type === "take" && free && !isLost(alarm) ? "act.swap" : `act.${type}`);
  };
  return html`
    <div class="bar" role="group" aria-label=${t("bar.title")}>
      ${offered(alarm, me).map(
        (type, n) => html`
          <button
            key=${type}
            class=${n === 0 ? "main" : ""}
            data-act=${type}
            disabled=${wait !== undefined}
            aria-expanded=${WITH_FORM.has(type) && !(type === "take" && free) ? String(opened === type) : undefined}
            onClick=${() => act(type, alarm)}
          >
            ${wait?.type === type ? t(wait.queued ? "pending.queued" : `pending.${type}`) : words(type)}
          </button>
        `,
      )}
      ${wait ? html`<p class="pending">${t(wait.queued ? "pending.queued_long" : `pending.${wait.type}`)}</p>` : null}
    </div>
  `;
}
