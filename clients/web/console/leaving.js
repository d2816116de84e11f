/** The end of a shift: what must be handed over before someone goes, as a line in time and at the sign-out. */

import { computed, signal } from "/static/vendor/signals-core.js";

import { headline } from "../shared/alarm.js";
import { html, useComputed, useEffect, useValue } from "../shared/dom.js";
import { useDialog } from "../shared/focus.js";
import { store, user } from "../shared/session.js";
import { signOut } from "../shared/sign-out.js";
import { onDuty } from "../shared/store.js";
import { tick, until } from "../shared/time.js";
import { mention, tell } from "../shared/told.js";
import { known, t } from "../shared/words.js";
import { command } from "./actions.js";
import { mine } from "./claims.js";
import { form, open } from "./state.js";

/** @import { Alarm } from "../shared/types.d.ts" */

/** So long before the end of the shift it is said what is still open, in minutes. */
const BEFORE_MIN = 15;

const leaving = signal(false);

/** The duty of the person's own station. */
const shift = computed(() => {
  const { station } = user.value;
  return station ? store.streams.value.get(station)?.duty : undefined;
});

/** Sign out, or say what is in the way. */
export async function leaveDesk() {
  const refused = await signOut();
  leaving.value = refused?.code === "owns_alarms";
  if (refused && !leaving.value) tell(known("error", refused.code), "bad");
}

/** @param {Alarm} alarm */
function hand(alarm) {
  leaving.value = false;
  open(alarm.id);
  if (!alarm.handover) form.value = "handover";
}

/** The line that is there shortly before the end of a shift, and after it, while alarms are not handed over. */
export function ShiftEnd() {
  const owned = useValue(mine);
  const now = useValue(shift);
  const me = useValue(user);
  const ends = now?.until;
  const minutes = useComputed(
    () => (ends ? Math.ceil((Date.parse(ends) - tick.value) / 60_000) : null),
    [ends],
  );
  const over = now !== undefined && !onDuty(now).includes(me.name);
  const soon = minutes !== null && minutes <= BEFORE_MIN;
  const shown = owned.length > 0 && now !== undefined && me.station !== null && (over || soon);
  const values = { n: owned.length, at: until(ends), minutes: Math.max(0, minutes ?? 0) };
  const words = t(over ? "leaving.over" : "leaving.soon", values);
  useEffect(() => {
    if (shown) mention(words);
  }, [shown, over]);
  if (!shown) return null;
  return html`
    <section class="shift-end" data-part="shift-end">
      <p>${words}</p>
      <${Owned} owned=${owned} />
    </section>
  `;
}

/** @param {{ owned: Alarm[] }} props */
function Owned({ owned }) {
  return html`
    <ul class="owned">
      ${owned.map(
        (alarm) => html`
          <li key=${alarm.id} data-owned=${alarm.id}>
            <button class="plain" data-act="open-owned" onClick=${() => hand(alarm)}>
              <b class="code">${alarm.code}</b> <bdi>${headline(alarm)}</bdi>
            </button>
            ${
              alarm.handover
                ? html`<span class="hint"
                    >${t("leaving.offered", { to: alarm.handover.to ?? t("handover.any") })}</span
                  >`
                : html`<button
                    class="chip"
                    data-act="offer-any"
                    onClick=${() => void command("handover", alarm, { summary: t(`status.${alarm.status}`) })}
                  >
                    ${t("leaving.offer_any")}
                  </button>`
            }
          </li>
        `,
      )}
    </ul>
  `;
}

/** Why one can't sign out yet, and the way to it. */
export function Leaving() {
  return useValue(leaving) ? html`<${Sheet} />` : null;
}

function Sheet() {
  const owned = useValue(mine);
  const dialog = useDialog();
  const stay = () => (leaving.value = false);
  return html`
    <dialog ref=${dialog} class="leaving" data-part="leaving" aria-labelledby="leaving-title" onClose=${stay}>
      <h2 id="leaving-title">${t("leaving.title")}</h2>
      <p>${t(owned.length ? "leaving.why" : "leaving.free", { n: owned.length })}</p>
      <${Owned} owned=${owned} />
      <div class="form-end">
        <button class="plain" data-act="leaving-stay" onClick=${() => dialog.current?.close()}>
          ${t("leaving.stay")}
        </button>
        <button
          class="main"
          data-act="leaving-go"
          disabled=${owned.length > 0}
          onClick=${() => void leaveDesk()}
        >
          ${t("head.sign_out")}
        </button>
      </div>
    </dialog>
  `;
}
