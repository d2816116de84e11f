/** Before coming on watch: hear the tone, or say that one goes without. Nothing sounds before the click. */

import { signal } from "/static/vendor/signals-core.js";

import { html, useEffect, useLayoutEffect, useRef, useState, useValue } from "../shared/dom.js";
import { answer, stopTrying, tryOut } from "../shared/sound.js";
import { t } from "../shared/words.js";

/** What follows the check; null while none is open. @type {import("/static/vendor/signals-core.js").Signal<(() => void) | null>} */
const after = signal(null);

/** @param {() => void} [then] */
export function check(then = () => undefined) {
  after.value = then;
}

export function SoundCheck() {
  const then = useValue(after);
  const [step, setStep] = useState(/** @type {"first" | "asked" | "nothing"} */ ("first"));
  const played = step === "asked";
  const box = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useEffect(() => {
    setStep("first");
    if (then) box.current?.showModal();
  }, [then]);
  useLayoutEffect(() => stopTrying, [then]); // at once when it goes, not after the next picture
  if (!then) return null;
  /** @param {boolean | null} heard */
  const end = (heard) => {
    if (heard !== null) answer(heard);
    after.value = null;
    then();
  };
  const play = () => void tryOut("", (heard) => setStep(heard ? "asked" : "nothing"));
  return html`
    <dialog ref=${box} class="sound-check" aria-labelledby="check" onCancel=${() => (after.value = null)}>
      <h2 id="check">${t("sound_check.title")}</h2>
      <p role="status" data-check=${step}>${t(`sound_check.${step}`)}</p>
      <div class="acts">
        ${
          played
            ? html`
                <button class="main" data-act="sound-heard" onClick=${() => end(true)}>
                  ${t("sound_check.heard")}
                </button>
                <button data-act="sound-check" onClick=${play}>${t("sound_check.again")}</button>
              `
            : html`<button class="main" data-act="sound-check" onClick=${play}>
                ${t("sound_check.play")}
              </button>`
        }
        <button class="plain" data-act="sound-later" onClick=${() => end(played ? false : null)}>
          ${t("sound_check.without")}
        </button>
      </div>
    </dialog>
  `;
}
