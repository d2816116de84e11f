/** Before coming on watch: hear the tone, or say that one goes without. Nothing sounds before the click. */

import { signal } from "/static/vendor/signals-core.js";

import { html, useEffect, useRef, useState, useValue } from "../shared/dom.js";
import { answer, tryOut } from "../shared/sound.js";
import { t } from "../shared/words.js";

/** What follows the check; null while none is open. @type {import("/static/vendor/signals-core.js").Signal<(() => void) | null>} */
const after = signal(null);

/** @param {() => void} [then] */
export function check(then = () => undefined) {
  after.value = then;
}

export function SoundCheck() {
  const then = useValue(after);
  const [played, setPlayed] = useState(false);
  const box = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useEffect(() => {
    setPlayed(false);
    if (then) box.current?.showModal();
  }, [then]);
  if (!then) return null;
  /** @param {boolean | null} heard */
  const end = (heard) => {
    if (heard !== null) answer(heard);
    after.value = null;
    then();
  };
  const play = () => {
    setPlayed(true);
    void tryOut("");
  };
  return html`
    <dialog ref=${box} class="sound-check" aria-labelledby="check" onCancel=${() => (after.value = null)}>
      <h2 id="check">${t("sound_check.title")}</h2>
      <p>${t(played ? "sound_check.asked" : "sound_check.first")}</p>
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
