/** The line at the top: LIVE or STALE in words, by its own timer, whether this console can ring, and the settings. */

import { signal } from "/static/vendor/signals-core.js";

import { html, useComputed, useValue } from "./dom.js";
import { focusOn } from "./focus.js";
import { keep, kept } from "./kept.js";
import { link, stationName, user } from "./session.js";
import { signOut } from "./sign-out.js";
import { sound } from "./sound.js";
import { clock, otherZone, secondsSince, tick, zoneName } from "./time.js";
import { notReady, tell } from "./told.js";
import { known, lang, speak, spoken, t } from "./words.js";

const REMEMBERED = "fujin.theme";
/** The close code of a store that went back to an older copy. */
const RESTORED = 4409;
const THEMES = ["auto", "light", "dark"];
const theme = signal(kept(REMEMBERED) ?? "auto");
const menuOpen = signal(false);

export function applyTheme() {
  document.documentElement.dataset.theme = theme.peek();
}

function nextTheme() {
  theme.value = THEMES[(THEMES.indexOf(theme.peek()) + 1) % THEMES.length] ?? "auto";
  keep(REMEMBERED, theme.value);
  applyTheme();
}

export function Live() {
  const { state, since, code } = useValue(link.state);
  const seconds = useComputed(() => secondsSince(since, tick.value), [since]);
  const values = { at: clock(since), n: seconds };
  const words =
    state === "ended"
      ? t(code === 4503 ? "live.forbidden" : "live.ended")
      : t(state === "stale" && code === RESTORED ? "live.restored" : `live.${state}`, values);
  return html`<p class="live ${state}" data-live=${state}>
    <span class="dot" aria-hidden="true"></span>${words}
  </p>`;
}

async function leaveOrSay() {
  const refused = await signOut();
  if (refused) tell(known("error", refused.code), "bad");
}

/**
 * @param {{ title: string, onCheck: () => void, onHelp?: () => void, onLeave?: () => Promise<void>, children?: any }} props
 */
export function Head({ title, onCheck, onHelp, onLeave = leaveOrSay, children }) {
  const me = useValue(user);
  const language = useValue(lang);
  const languages = useValue(spoken);
  const look = useValue(theme);
  const heard = useValue(sound);
  const opened = useValue(menuOpen);
  const { state } = useValue(link.state);
  const leave = () => {
    menuOpen.value = false; // else it would lie over what has to be done first
    void onLeave();
  };
  return html`
    <header
      class="head is-${state}"
      onKeyDown=${(/** @type {KeyboardEvent} */ event) => {
        if (event.key !== "Escape" || !opened) return;
        event.stopPropagation();
        menuOpen.value = false;
        focusOn('[data-act="menu"]');
      }}
      onFocusOut=${(/** @type {FocusEvent} */ { relatedTarget }) => {
        // Open, it would lie over what the focus goes to.
        if (relatedTarget instanceof Element && !relatedTarget.closest(".tools, .menu-button")) {
          menuOpen.value = false;
        }
      }}
    >
      <h1 class="head-name" tabindex="-1"><b>${stationName(me.station)}</b> <span>${title}</span></h1>
      <${Live} />
      ${children}
      <button
        class="plain menu-button"
        data-act="menu"
        aria-expanded=${String(opened)}
        onClick=${() => (menuOpen.value = !opened)}
      >
        ${me.name} <span aria-hidden="true">▾</span>
      </button>
      <div class="tools ${opened ? "open" : ""}">
        <button class="plain ${heard}" data-act="sound-open" data-sound=${heard} onClick=${onCheck}>
          ${t(`sound.${heard}`)}
        </button>
        <button class="plain" data-act="theme" onClick=${nextTheme}>${t(`theme.${look}`)}</button>
        ${onHelp ? html`<button class="plain keys-button" data-act="help" onClick=${onHelp}>${t("keys.button")}</button>` : null}
        ${languages
          .filter((one) => one !== language)
          .map(
            (one) =>
              html`<button key=${one} class="plain" data-act="lang" lang=${one} onClick=${() => speak(one)}>
                ${t("language.own", undefined, one)}
              </button>`,
          )}
        <${Zone} />
        <span class="me">${me.name}</span>
        <button class="plain" data-act="sign-out" onClick=${leave}>${t("head.sign_out")}</button>
      </div>
    </header>
  `;
}

/** Whose clock the times are by, where this machine's shows another time. */
export function Zone() {
  useValue(lang);
  const name = zoneName(useValue(otherZone), lang.peek());
  return name ? html`<span class="zone" data-part="zone">${t("head.zone", { zone: name })}</span>` : null;
}

/** The line while this page cannot wake anyone: red for officers, who do not count as on duty. @param {{ onCheck: () => void }} props */
export function NotReady({ onCheck }) {
  const heard = useValue(sound);
  const quiet = useValue(user).role !== "officer";
  if (heard === "on") return null;
  return html`
    <div class="not-ready ${quiet ? "calm" : ""}" data-part="not-ready">
      <span>${notReady(heard)}</span>
      <button data-act="sound-open" onClick=${onCheck}>${t("not_ready.check")}</button>
    </div>
  `;
}
