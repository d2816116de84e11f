/** Plays a recording while it is made, once it was asked to; tells where it is, how far behind, and what is missing. */

import { signal } from "/static/vendor/signals-core.js";

import { follow } from "./live-copy.js";
import { sinkFor } from "./live-sink.js";

/** @import { Gap } from "./live-copy.js" */
/**
 * @typedef {object} View
 * @property {"starting" | "growing" | "ended" | "cut" | "failed" | "gone"} phase
 * @property {"" | "busy" | "away"} trouble
 * @property {boolean} paused
 * @property {number} at seconds that were heard
 * @property {number} end seconds that are there
 * @property {number} behind seconds from what is heard to now
 * @property {number} quiet seconds in which nothing new came
 * @property {Gap[]} gaps
 * @property {boolean} heard it ended, and was heard to its end
 */

const EVERY_MS = 250;
const MARGIN_S = 1; // what "now" leaves to play, for a network that is not even
const NEAR_S = 3; // who is as near to now as this stays so: what the network held up is caught up with
const CATCH_UP_S = 2;
const FASTER = 1.1;

/** @param {HTMLAudioElement} audio @param {string} url of the recording */
export function playLive(audio, url) {
  const view = signal(
    /** @type {View} */ ({
      phase: "starting",
      trouble: "",
      paused: false,
      at: 0,
      end: 0,
      behind: 0,
      quiet: 0,
      gaps: [],
      heard: false,
    }),
  );
  const stopped = new AbortController();
  const sink = sinkFor(audio, url);
  let newsAt = performance.now();
  let wantsToPlay = true;
  let follows = false;

  /** @param {Partial<View>} [members] */
  function look(members) {
    const seen = { ...view.peek(), ...members };
    const end = Math.max(sink.end(), audio.currentTime);
    const quiet = seen.phase === "growing" ? (performance.now() - newsAt) / 1000 : 0;
    const heard = !["starting", "growing"].includes(seen.phase) && end - audio.currentTime < 0.1;
    const { currentTime: at } = audio;
    if (at > 0 && end - at <= NEAR_S) follows = wantsToPlay;
    audio.playbackRate = follows && end - at > CATCH_UP_S ? FASTER : 1;
    view.value = { ...seen, at, end, quiet, heard, behind: end - at + quiet, paused: !wantsToPlay };
  }

  function play() {
    wantsToPlay = true;
    void audio.play().catch(() => undefined);
    look();
  }

  void follow(
    url,
    sink.wanted,
    {
      news(news) {
        const grew = news.seconds > view.peek().end;
        sink.add(news);
        if (grew || news.state !== "growing") newsAt = performance.now();
        const phase = /** @type {View["phase"]} */ (news.state);
        look({ phase, trouble: "", gaps: news.gaps });
        if (wantsToPlay && audio.paused && !audio.ended) play();
      },
      again: () => sink.again(),
      waits: (trouble) => look({ trouble }),
      over: (phase) => look({ phase, trouble: "" }),
    },
    stopped.signal,
  );
  play();
  const timer = setInterval(look, EVERY_MS);

  return {
    view,
    play,
    pause() {
      wantsToPlay = follows = false;
      audio.pause();
      look();
    },
    /** As near to now as can be heard without a stop. */
    toNow() {
      follows = true;
      audio.currentTime = Math.max(audio.currentTime, sink.end() - MARGIN_S);
      play();
    },
    /** @param {number} at seconds */
    seek(at) {
      follows = false;
      audio.currentTime = at;
      play();
    },
    close() {
      stopped.abort();
      clearInterval(timer);
      audio.pause();
      sink.close();
    },
  };
}
