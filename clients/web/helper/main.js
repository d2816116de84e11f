/** The helper's page: on watch or off it, and the calls. Begins the session and puts its parts together. */

import { effect, signal } from "/static/vendor/signals-core.js";

import { answered } from "../shared/answered.js";
import { html, render, useComputed, useValue } from "../shared/dom.js";
import { gone, lose, whyClosed } from "../shared/ending.js";
import { Gone } from "../shared/ending-part.js";
import { signOut } from "../shared/sign-out.js";
import { clock, secondsSince, startTicking, tick } from "../shared/time.js";
import { known, lang, loadOthers, loadWords, speak, spoken, t } from "../shared/words.js";
import { begin as followCalls, Calls } from "./calls.js";
import { calls, hello, live, start } from "./link.js";
import { SoundCheck } from "./sound-check.js";
import { begin as followWatch, want, Watch } from "./watch.js";

/** The words of the other languages come by then also where the page does not live. */
const OTHERS_MS = 10_000;

/** Why signing out did not work. */
const refused = signal("");

function Live() {
  const { state, since, code } = useValue(live);
  const seconds = useComputed(() => secondsSince(since, tick.value), [since]);
  const key = state === "ended" && code === 4503 ? "live.forbidden" : `live.${state}`;
  return html`
    <p class="live ${state}" data-live=${state} role=${state === "live" ? undefined : "status"}>
      <span class="dot" aria-hidden="true"></span>${t(key, { at: clock(since), n: seconds })}
    </p>
  `;
}

function Helper() {
  const language = useValue(lang);
  const languages = useValue(spoken);
  const me = useValue(hello);
  const why = useValue(refused);
  if (useValue(gone)) return html`<${Gone} name=${me?.name ?? t("helper.title")} />`;
  return html`
    <header class="head">
      <div>
        <h1>${me ? (me.station[language] ?? me.station["zh"]) : t("helper.title")}</h1>
        ${me ? html`<p>${t("helper.you", { name: me.name, kind: me.kind ? known("helper_kind", me.kind) : t("helper.title") })}</p>` : null}
      </div>
      <${Live} />
    </header>
    <main>
      <${Calls} />
      <${Watch} />
    </main>
    <footer>
      ${languages
        .filter((one) => one !== language)
        .map(
          (one) => html`
            <button key=${one} class="plain" data-act="lang" lang=${one} onClick=${() => speak(one)}>
              ${t("language.own", undefined, one)}
            </button>
          `,
        )}
      <button class="plain" data-act="sign-out" onClick=${() => void leave()}>${t("head.sign_out")}</button>
      ${why ? html`<p class="fault" role="alert">${known("error", why)}</p>` : null}
    </footer>
    <${SoundCheck} />
  `;
}

/** Off watch, signed out, and to the sign-in page. */
async function leave() {
  want(false);
  refused.value = "";
  refused.value = (await signOut())?.code ?? "";
}

/** Who is signed in must be a helper; everyone else has another page. */
async function admitted() {
  const { status, told: me } = await answered("/session");
  if (me.role === "helper") return true;
  const home = me.role === "officer" ? "/console" : "/supervisor";
  location.replace(status === 200 ? home : "/sign-in?next=/helper");
  return false;
}

await loadWords("common", "helper");
if (await admitted()) {
  startTicking();
  setTimeout(loadOthers, OTHERS_MS);
  followWatch();
  followCalls();
  effect(() => {
    const { state, code } = live.value;
    if (state === "live") loadOthers();
    if (state !== "ended") return;
    lose(whyClosed(code));
    want(false); // where this device is concerns nobody any more
  });
  effect(() => {
    const n = calls.value.filter((call) => call.state === "called").length;
    void lang.value;
    document.title = n ? t("helper.title_called", { n }) : t("helper.title");
  });
  const root = document.getElementById("app");
  root?.replaceChildren();
  if (root) render(html`<${Helper} />`, root);
  start();
}
