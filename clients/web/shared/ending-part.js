/** Lines: a sign-in that ends soon, a newer hub. In the place of the whole page: that no alarm reaches it any more. */

import { html, useComputed, useEffect, useState, useValue } from "./dom.js";
import { gone, outdated, quiet, signInAgain, soon, warn } from "./ending.js";
import { clock, tick } from "./time.js";
import { lang, t } from "./words.js";

/** The line of the last quarter of an hour. */
export function EndsSoon() {
  const at = useValue(soon);
  const minutes = useComputed(
    () => (at === null ? 0 : Math.max(1, Math.ceil((at - tick.value) / 60_000))),
    [at],
  );
  const [failed, setFailed] = useState(false);
  if (at === null) return null;
  const stay = async () => {
    const answer = await fetch("/session/stay", { method: "POST" }).catch(() => null);
    setFailed(!answer?.ok);
    if (answer?.ok) warn(null);
  };
  return html`
    <div class="ends-soon" data-part="ends-soon" role="alert">
      <span
        >${t(failed ? "ending.stay_failed" : "ending.soon", { at: clock(at).slice(0, -3), n: minutes })}</span
      >
      <button data-act="stay" onClick=${() => void stay()}>${t("ending.stay")}</button>
    </div>
  `;
}

/** The line on a page that is older than its hub. */
export function Outdated() {
  useValue(lang);
  if (!useValue(outdated)) return null;
  return html`
    <div class="ends-soon" data-part="outdated" role="status">
      <span>${t("ending.outdated")}</span>
      <button data-act="reload" onClick=${() => location.reload()}>${t("ending.reload")}</button>
    </div>
  `;
}

/**
 * In the place of the page: what was on it is no longer this person's to see, or no longer true.
 *
 * @param {{ name: string }} props whose page it was
 */
export function Gone({ name }) {
  const why = useValue(gone);
  useValue(lang);
  useEffect(() => {
    if (why) document.title = t("ending.title");
  }, [why]);
  const go = () => {
    quiet();
    if (why === "no_station") location.reload();
    else signInAgain();
  };
  return html`
    <main class="gone" data-part="gone" data-why=${why}>
      <div class="gone-words" role="alert">
        <h1>${t("ending.title")}</h1>
        <p>${t(`ending.${why}`, { name })}</p>
        <button class="main" data-act="sign-in-again" onClick=${go}>
          ${t(why === "no_station" ? "ending.reload" : "ending.again")}
        </button>
      </div>
    </main>
  `;
}
