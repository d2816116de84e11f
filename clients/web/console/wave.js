/** A recording as a picture of its loudness; what was played is darker, and a tap goes there. Never plays by itself. */

import { html, useEffect, useState } from "../shared/dom.js";

const STEP = 3;
const BAR = 2;
const HEIGHT = 40;
const LEAST = 2;

/** The bars as one path. @param {number[]} peaks */
function bars(peaks) {
  const loudest = Math.max(...peaks, 1);
  return peaks
    .map((peak, n) => {
      const height = Math.max(LEAST, Math.round((HEIGHT * peak) / loudest));
      return `M${n * STEP} ${(HEIGHT - height) / 2}h${BAR}v${height}h-${BAR}z`;
    })
    .join("");
}

/**
 * @param {{
 *   peaks: number[],
 *   seconds: number,
 *   player: { current: HTMLAudioElement | null },
 * }} props
 */
export function Wave({ peaks, seconds, player }) {
  const [played, setPlayed] = useState(0);
  useEffect(() => {
    const audio = player.current;
    if (!audio) return undefined;
    const look = () => setPlayed(Math.min(1, audio.currentTime / seconds));
    const told = ["timeupdate", "seeking", "ended"];
    for (const name of told) audio.addEventListener(name, look);
    return () => {
      for (const name of told) audio.removeEventListener(name, look);
    };
  }, [player, seconds]);
  /** @param {MouseEvent & { currentTarget: Element }} event */
  const go = (event) => {
    const box = event.currentTarget.getBoundingClientRect();
    if (player.current) player.current.currentTime = ((event.clientX - box.left) / box.width) * seconds;
  };
  const width = peaks.length * STEP - (STEP - BAR);
  const d = bars(peaks);
  const edge = Math.round(played * width);
  // The player below does the same by keyboard and says so; to who does not see, this picture says nothing more.
  return html`
    <svg
      class="wave"
      viewBox="0 0 ${width} ${HEIGHT}"
      preserveAspectRatio="none"
      aria-hidden="true"
      data-played=${played.toFixed(2)}
      onClick=${go}
    >
      <path d=${d} />
      <svg
        width=${edge}
        height=${HEIGHT}
        viewBox="0 0 ${Math.max(edge, 1)} ${HEIGHT}"
        preserveAspectRatio="none"
      >
        <path class="played" d=${d} />
      </svg>
    </svg>
  `;
}
