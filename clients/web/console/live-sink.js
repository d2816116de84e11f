/**
 * Where a growing copy goes to be heard: into MediaSource, or, where a browser has none, file after file that the
 * browser reads by its own ranges. Neither begins to play by itself.
 */

/** @import { News } from "./live-copy.js" */
/**
 * @typedef {object} Sink
 * @property {boolean} wanted whether it takes the bytes
 * @property {(news: News) => void} add
 * @property {() => void} again forget what was added
 * @property {() => number} end seconds that can be played now
 * @property {() => void} close
 */

const TYPE = 'audio/mp4; codecs="mp4a.40.2"';
const KEPT_BEHIND_S = 30; // of what was heard, where the browser has no room for more
const NEAR_S = 0.25;

/** @param {HTMLAudioElement} audio @param {string} url @returns {Sink} */
export function sinkFor(audio, url) {
  const Source = window.MediaSource ?? /** @type {any} */ (window).ManagedMediaSource;
  return Source?.isTypeSupported(TYPE) ? intoSource(audio, Source) : asFiles(audio, url);
}

/** @param {HTMLAudioElement} audio @param {typeof MediaSource} Source @returns {Sink} */
function intoSource(audio, Source) {
  /** @type {ArrayBuffer[]} */
  let queue = [];
  /** @type {MediaSource} */
  let source;
  /** @type {SourceBuffer | null} */
  let buffer = null;
  let ended = false;
  audio.disableRemotePlayback = true; // what ManagedMediaSource asks for

  /** @param {number} at */
  function begin(at) {
    const mine = new Source();
    source = mine;
    buffer = null;
    queue = [];
    ended = false;
    const address = URL.createObjectURL(mine);
    mine.addEventListener("sourceopen", () => {
      URL.revokeObjectURL(address);
      if (mine !== source) return;
      buffer = mine.addSourceBuffer(TYPE);
      buffer.addEventListener("updateend", pump);
      pump();
    });
    audio.src = address;
    if (at > 0) audio.currentTime = at;
  }

  function pump() {
    if (!buffer || buffer.updating || source.readyState !== "open") return;
    const next = queue[0];
    if (!next) {
      if (ended) source.endOfStream();
      return;
    }
    try {
      buffer.appendBuffer(next);
      queue.shift();
    } catch (fault) {
      if (!(fault instanceof DOMException) || fault.name !== "QuotaExceededError") throw fault;
      const last = audio.currentTime - KEPT_BEHIND_S;
      if (last > 0) buffer.remove(0, last);
      else setTimeout(pump, 1000);
    }
  }

  begin(0);
  return {
    wanted: true,
    add(news) {
      if (news.bytes) queue.push(news.bytes);
      ended = news.state !== "growing";
      pump();
    },
    again() {
      const { currentTime, paused } = audio;
      begin(currentTime);
      if (!paused) void audio.play().catch(() => undefined);
    },
    end: () => (audio.buffered.length ? audio.buffered.end(audio.buffered.length - 1) : 0),
    close() {
      audio.removeAttribute("src");
      audio.load();
    },
  };
}

/** @param {HTMLAudioElement} audio @param {string} url @returns {Sink} */
function asFiles(audio, url) {
  /** @type {News | null} */
  let newest = null;
  /** @type {News | null} */
  let loaded = null;
  let wants = false; // to go on where the file that is loaded ends

  function load() {
    if (!newest?.size || (loaded?.name === newest.name && loaded.size === newest.size)) return;
    const at = audio.currentTime;
    const goesOn = wants || !audio.paused;
    loaded = newest;
    wants = false;
    audio.src = `${url}/live?copy=${loaded.name}&upto=${loaded.size}`;
    audio.addEventListener("loadedmetadata", () => (audio.currentTime = at), { once: true });
    if (goesOn) void audio.play().catch(() => undefined);
  }

  const atEnd = () => {
    wants = newest?.state === "growing" || newest !== loaded;
    load();
  };
  audio.addEventListener("ended", atEnd);
  return {
    wanted: false,
    add(news) {
      newest = news;
      if (!loaded || wants || (audio.paused && audio.currentTime < NEAR_S)) load();
    },
    again() {
      loaded = null;
    },
    end: () => newest?.seconds ?? 0,
    close() {
      audio.removeEventListener("ended", atEnd);
      audio.removeAttribute("src");
      audio.load();
    },
  };
}
