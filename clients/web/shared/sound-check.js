/** Start of duty: hear the tone and the voice, and say so. Until then this console does not count as ready. */

import { computed, signal } from "/static/vendor/signals-core.js";

import { Alerts } from "./alerts-part.js";
import { html, useEffect, useLayoutEffect, useRef, useState, useValue } from "./dom.js";
import { useDialog } from "./focus.js";
import { clipOf, shown, store, user } from "./session.js";
import { answer, stopTrying, tryOut } from "./sound.js";
import { t } from "./words.js";

export const soundCheckOpen = signal(false);

/** How many open alarms nobody has taken. */
export const waitingCount = computed(
  () => [...shown.value.values()].filter((alarm) => alarm.status === "raised").length,
);

export function SoundCheck() {
  const open = useValue(soundCheckOpen);
  return open ? html`<${Check} />` : null;
}

function Check() {
  const [step, setStep] = useState(/** @type {"first" | "asked" | "silent" | "nothing"} */ ("first"));
  const waiting = useValue(waitingCount);
  const dialog = useDialog();
  const asked = useRef(/** @type {HTMLParagraphElement | null} */ (null));
  // Not on an answer: a key that is pressed twice must not say that something was heard.
  useEffect(() => {
    if (step !== "first") asked.current?.focus();
  }, [step]);
  useLayoutEffect(() => stopTrying, []); // at once when it goes, not after the next picture
  const play = () => {
    const station = user.peek().station ?? [...store.streams.peek().keys()][0] ?? "";
    void tryOut(clipOf(station), (played) => setStep(played ? "asked" : "nothing"));
  };
  /** @param {boolean} heard */
  const say = (heard) => {
    answer(heard);
    if (heard) soundCheckOpen.value = false;
    else setStep("silent");
  };
  const later = () => (soundCheckOpen.value = false);
  return html`
    <dialog ref=${dialog} class="sound-check" aria-labelledby="sound-check-title" onCancel=${later}>
      <h2 id="sound-check-title">${t("check.title")}</h2>
      <p role="status" tabindex=${step === "first" ? undefined : -1} ref=${asked} data-check=${step}>
        ${t(`check.${step}`)}
      </p>
      ${waiting ? html`<p class="warning bad">${t("check.waiting", { n: waiting })}</p>` : null}
      ${
        step === "asked"
          ? html`
              <div class="answers">
                <button class="main" data-act="sound-heard" onClick=${() => say(true)}>
                  ${t("check.heard")}
                </button>
                <button data-act="sound-not-heard" onClick=${() => say(false)}>
                  ${t("check.not_heard")}
                </button>
              </div>
            `
          : html`<button class="main" data-act="sound-check" onClick=${play}>
              ${t(step === "first" ? "check.play" : "check.again")}
            </button>`
      }
      <button class="plain" data-act="sound-later" onClick=${later}>
        ${t(user.peek().role === "officer" ? "check.later" : "check.later.supervisor")}
      </button>
      <${Alerts} />
    </dialog>
  `;
}
