/** A recording that is still being made, to be heard on request: how far behind it is, and where something is missing. */

import { html, useEffect, useRef, useState, useValue } from "../shared/dom.js";
import { t } from "../shared/words.js";
import { playLive } from "./live-player.js";
import { listening } from "./state.js";

/** @import { Alarm, MediaEntry } from "../shared/types.d.ts" */
/** @typedef {ReturnType<typeof playLive>} Player */

const NEAR_S = 3; // nearer to now than this there is nothing to jump over
const QUIET_S = 4;

/** @param {string} key @param {boolean} on */
function mark(key, on) {
  const next = new Set(listening.peek());
  if (on) next.add(key);
  else next.delete(key);
  listening.value = next;
}

/** @param {{ alarm: Alarm, id: string, item: MediaEntry }} props */
export function LiveRecording({ alarm, id, item }) {
  const audio = useRef(/** @type {HTMLAudioElement | null} */ (null));
  const [player, setPlayer] = useState(/** @type {Player | null} */ (null));
  const key = `${alarm.id}/${id}`;
  useEffect(() => {
    if (!player) return undefined;
    return () => {
      player.close();
      mark(key, false);
    };
  }, [player]);
  const listen = () => {
    if (!audio.current) return;
    setPlayer(playLive(audio.current, `/media/${alarm.id}/${id}`));
    mark(key, true);
  };
  return html`
    <div class="live-sound" data-live-phase=${player ? undefined : "idle"}>
      <audio ref=${audio} preload="none"></audio>
      ${
        player
          ? html`<${Playing} player=${player} item=${item} done=${() => mark(key, false)} />`
          : html`
              <p class="live-line">
                <span class="live-dot" aria-hidden="true"></span><span>${t("live.recording")}</span>
                <button data-act="listen" onClick=${listen}>${t("live.listen")}</button>
              </p>
            `
      }
    </div>
  `;
}

/** @param {{ player: Player, item: MediaEntry, done: () => void }} props */
function Playing({ player, item, done }) {
  const view = useValue(player.view);
  const growing = view.phase === "starting" || view.phase === "growing";
  const whole = item.state === "ready";
  useEffect(() => {
    if (whole && view.heard) done(); // from here on the whole recording stands in its place
  }, [whole, view.heard]);
  return html`
    <div class="live-on" data-live-phase=${view.phase} data-behind=${Math.round(view.behind)}>
      <${Bar} view=${view} player=${player} />
      <p class="live-line">
        <button data-act="live-toggle" onClick=${() => (view.paused ? player.play() : player.pause())}>
          ${t(view.paused ? "live.play" : "live.pause")}
        </button>
        ${
          growing || !view.heard
            ? html`<span class="live-behind">${t("live.behind", { n: Math.round(view.behind) })}</span>`
            : null
        }
        ${
          view.end - view.at > NEAR_S
            ? html`<button data-act="to-now" onClick=${player.toNow}>${t("live.now")}</button>`
            : null
        }
        ${whole ? html`<button data-act="whole" onClick=${done}>${t("live.whole")}</button>` : null}
      </p>
      <p class="unready ${view.phase === "cut" || view.phase === "failed" ? "bad" : ""}">${word(view)}</p>
      ${
        view.gaps.length
          ? html`
              <ul class="live-gaps">
                ${view.gaps.map(
                  ({ at, length }) => html`
                    <li key=${at} data-gap=${at}>
                      ${t("live.gap", { at: minutes(Math.round(at)), n: seconds(length) })}
                    </li>
                  `,
                )}
              </ul>
            `
          : null
      }
    </div>
  `;
}

/** @param {{ view: import("./live-player.js").View, player: Player }} props */
function Bar({ view, player }) {
  const all = view.end || 1;
  /** @param {number} part */
  const share = (part) => `${Math.min(100, (100 * part) / all)}%`;
  return html`
    <div class="live-bar">
      <div class="live-heard" style=${{ width: share(view.at) }}></div>
      ${view.gaps.map(
        ({ at, length }) => html`
          <div key=${at} class="live-gap" style=${{ left: share(at), width: share(length) }}></div>
        `,
      )}
      <input
        type="range"
        min="0"
        max=${view.end}
        step="0.1"
        value=${view.at}
        aria-label=${t("live.where")}
        aria-valuetext=${`${minutes(view.at)} / ${minutes(view.end)}`}
        data-act="live-seek"
        onChange=${(/** @type {any} */ { target }) => player.seek(Number(target.value))}
      />
    </div>
  `;
}

/** @param {import("./live-player.js").View} view */
function word(view) {
  if (view.trouble) return t(`live.${view.trouble}`);
  if (view.phase === "growing") {
    return view.quiet > QUIET_S
      ? t("live.quiet", { n: Math.round(view.quiet) })
      : t("live.recording_for", { at: minutes(view.end) });
  }
  return t(`live.${view.phase}`);
}

/** @param {number} at */
const minutes = (at) => `${Math.floor(at / 60)}:${String(Math.floor(at % 60)).padStart(2, "0")}`;

/** @param {number} length */
const seconds = (length) => (length < 10 ? Math.round(10 * length) / 10 : Math.round(length));
