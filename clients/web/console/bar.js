/** The buttons that fit the alarm now: one main step, the rest beside it; on a phone a row under the thumb, the rest folded. */

import { html, useComputed, useEffect, useRef, useState, useValue } from "../shared/dom.js";
import { focusIsLost, focusOn } from "../shared/focus.js";
import { pending, user } from "../shared/session.js";
import { serverNow, tick } from "../shared/time.js";
import { t } from "../shared/words.js";
import { command } from "./actions.js";
import { freeToTake, handedToMe, isLost, undoBurstLeft, undoLeft } from "./claims.js";
import { form, offeredToMe, withItsBurst } from "./state.js";

/** @import { Alarm, Bare, CommandName, User } from "../shared/types.d.ts" */

/** Commands that need words or a choice first. @type {Set<CommandName>} */
const WITH_FORM = new Set([
  "close_burst",
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
  /** @type {CommandName[]} */
  const offers = [];
  if (offeredToMe(alarm)) offers.push("transfer_accept", "transfer_reject");
  if (handedToMe(alarm)) offers.push("handover_accept", "handover_reject");
  /** @type {CommandName[]} */
  const over = ["transfer"];
  /** @type {CommandName[]} */
  const hand = alarm.transfer ? [] : [alarm.handover ? "handover_withdraw" : "handover"];
  /** @type {Record<"acknowledged" | "en_route" | "on_scene", CommandName[]>} */
  const next = {
    acknowledged: ["move", "arrive", "close"],
    en_route: ["arrive", "close"],
    on_scene: ["close"],
  };
  /** @type {CommandName[]} */
  const burst = alarm.burst ? ["close_burst"] : [];
  if (alarm.status === "raised") return [...offers, "ack", ...burst, ...(alarm.transfer ? [] : over), "note"];
  if (alarm.status === "closed") {
    if (undoBurstLeft(alarm, serverNow())) return ["undo_close_burst", "note"];
    return undoLeft(alarm, serverNow()) ? ["undo_close", "note"] : ["reopen", "note"];
  }
  if (alarm.owner !== me.name) return [...offers, "take", "note"];
  return [...next[alarm.status], ...hand, "release", "note"];
}

/**
 * Do it, or open the form that it needs.
 *
 * @param {CommandName} type
 * @param {Alarm} alarm
 */
export function act(type, alarm) {
  if (type === "take" && freeToTake(alarm, serverNow())) void command(type, alarm);
  else if (bare(type)) void command(type, alarm);
  else form.value = form.peek() === type ? null : type;
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
  const burstLeft = useComputed(() => undoBurstLeft(alarm, tick.value), [alarm]);
  const together = useComputed(() => (alarm.burst ? withItsBurst(alarm).length : 0), [alarm]);
  const free = useComputed(() => freeToTake(alarm, tick.value), [alarm]);
  /** @param {string} type */
  const words = (type) => {
    if (type === "close_burst") return t("act.close_burst", { n: together });
    if (type === "undo_close_burst") return t("act.undo_close_burst", { n: burstLeft });
    if (type === "undo_close") return t("act.undo_close", { n: left });
    return t(type === "take" && free && !isLost(alarm) ? "act.swap" : `act.${type}`);
  };
  const [more, setMore] = useState(false);
  const pressed = useRef(false);
  // What was pressed here is switched off while it is asked for, and often gone after that, as is the form it opened.
  useEffect(() => {
    if (!pressed.current || wait || opened) return;
    if (focusIsLost()) focusOn(".bar .main", ".story-head h2");
    pressed.current = false;
  }, [wait, opened, alarm.status]);
  /** @param {CommandName} type */
  const button = (type) => html`
    <button
      key=${type}
      class=${type === first ? "main" : ""}
      data-act=${type}
      disabled=${wait !== undefined}
      aria-expanded=${WITH_FORM.has(type) && !(type === "take" && free) ? String(opened === type) : undefined}
      onClick=${() => {
        pressed.current = true;
        setMore(false);
        act(type, alarm);
      }}
    >
      ${wait?.type === type ? t(wait.queued ? "pending.queued" : `pending.${type}`) : words(type)}
    </button>
  `;
  const [first, ...rest] = offered(alarm, me);
  const folds = rest.length > 1;
  return html`
    <div
      class="bar ${folds ? "folds" : ""} ${more ? "unfolded" : ""}"
      role="group"
      aria-label=${t("bar.title")}
      onKeyDown=${(/** @type {KeyboardEvent} */ event) => {
        if (event.key !== "Escape" || !more) return;
        event.stopPropagation();
        setMore(false);
        focusOn('[data-act="more"]');
      }}
      onFocusOut=${(
        /** @type {FocusEvent & { currentTarget: HTMLElement }} */ { currentTarget, relatedTarget },
      ) => {
        if (relatedTarget instanceof Node && !currentTarget.contains(relatedTarget)) setMore(false);
      }}
    >
      ${first ? button(first) : null}
      ${
        folds
          ? html`<button
              class="more-button"
              data-act="more"
              aria-expanded=${String(more)}
              onClick=${() => setMore(!more)}
            >
              ${t("bar.more")}
            </button>`
          : null
      }
      <div class="more-acts">${rest.map(button)}</div>
      ${wait ? html`<p class="pending">${t(wait.queued ? "pending.queued_long" : `pending.${wait.type}`)}</p>` : null}
    </div>
  `;
}
