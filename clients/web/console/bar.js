/** The buttons that fit the alarm now: one main step, the rest beside it; on a phone the bar under the thumb. */

import { html, useValue } from "../shared/dom.js";
import { pending, user } from "../shared/session.js";
import { t } from "../shared/words.js";
import { command } from "./actions.js";
import { form, offeredToMe } from "./state.js";

/** @import { Alarm, Bare, CommandName, User } from "../shared/types.d.ts" */

/** Commands that need words or a choice first. @type {Set<CommandName>} */
const WITH_FORM = new Set(["take", "release", "close", "reopen", "transfer", "transfer_reject", "note"]);

/** @param {CommandName} type @returns {type is Bare} */
const bare = (type) => !WITH_FORM.has(type);

/**
 * The commands to offer, the main one first. Only what to show: the hub decides what is done.
 *
 * @param {Alarm} alarm
 * @param {User} me
 * @returns {CommandName[]}
 */
export function offered(alarm, me) {
  const mine = alarm.owner === me.name;
  /** @type {CommandName[]} */
  const answer = offeredToMe(alarm) ? ["transfer_accept", "transfer_reject"] : [];
  /** @type {CommandName[]} */
  const hand = alarm.transfer ? [] : ["transfer"];
  switch (alarm.status) {
    case "raised":
      return [...answer, "ack", ...hand, "note"];
    case "closed":
      return ["reopen", "note"];
    case "acknowledged":
      return mine ? ["move", "arrive", "close", ...hand, "release", "note"] : [...answer, "take", "note"];
    case "en_route":
      return mine ? ["arrive", "close", ...hand, "release", "note"] : [...answer, "take", "note"];
    default:
      return mine ? ["close", ...hand, "release", "note"] : [...answer, "take", "note"];
  }
}

/**
 * Do it, or open the form that it needs.
 *
 * @param {CommandName} type
 * @param {Alarm} alarm
 */
export function act(type, alarm) {
  if (bare(type)) void command(type, alarm);
  else form.value = form.peek() === type ? null : type;
}

/** @param {{ alarm: Alarm }} props */
export function Bar({ alarm }) {
  const me = useValue(user);
  const wait = useValue(pending).get(alarm.id);
  const opened = useValue(form);
  return html`
    <div class="bar" role="group" aria-label=${t("bar.title")}>
      ${offered(alarm, me).map(
        (type, n) => html`
          <button
            key=${type}
            class=${n === 0 ? "main" : ""}
            data-act=${type}
            disabled=${wait !== undefined}
            aria-expanded=${WITH_FORM.has(type) ? String(opened === type) : undefined}
            onClick=${() => act(type, alarm)}
          >
            ${wait?.type === type ? t(wait.queued ? "pending.queued" : `pending.${type}`) : t(`act.${type}`)}
          </button>
        `,
      )}
      ${wait ? html`<p class="pending" role="status">${t(wait.queued ? "pending.queued_long" : `pending.${wait.type}`)}</p>` : null}
    </div>
  `;
}
