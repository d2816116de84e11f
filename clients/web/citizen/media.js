/** Photos and sound on their way: numbered chunks, each tried until the server has it, whole or still growing. */

import { Refused, pause, request } from "./http.js";
import { hex, uuid } from "./names.js";
import { make, part, write } from "./page.js";
import { drawn, redraw, state } from "./state.js";
import { word } from "./words.js";

const CHUNK = 64 * 1024; // small enough to get through a bad network in one piece

/** @typedef {{push: (blob: Blob) => void, end: () => void, last: () => {path: string, body: object}}} Stream */

/** One photo after the other, so that they leave room for words and sound. */
let photos = Promise.resolve();

/** @param {Blob} blob @param {string} name the word for it */
export function sendPhoto(blob, name) {
  const chunks = [];
  for (let at = 0; at < blob.size; at += CHUNK) chunks.push(blob.slice(at, at + CHUNK));
  const track = begin("photo", blob.type || "application/octet-stream", name);
  track.chunks.push(...chunks);
  track.ended = true;
  track.shown.total = chunks.length;
  photos = photos.then(() => run(track));
}

/**
 * @param {string} mime
 * @param {number} sliceS seconds of each blob
 * @returns {Stream} sound that is sent while it is recorded
 */
export function streamSound(mime, sliceS) {
  const track = begin("audio", mime, "media_audio");
  void run(track);
  const wake = () => track.wake();
  return {
    push(blob) {
      const last = track.chunks.length - 1;
      const waiting = track.chunks[last];
      // Where the network is slower than the sound, what waits goes together. The first chunk stands alone: nothing is
      // decoded without it. One that was sent never changes.
      if (waiting && last > Math.max(track.begun, 0) && waiting.size + blob.size <= CHUNK) {
        track.chunks[last] = new Blob([waiting, blob]);
        track.seconds[last] = (track.seconds[last] ?? 0) + sliceS;
      } else {
        for (let at = 0; at < blob.size; at += CHUNK) track.chunks.push(blob.slice(at, at + CHUNK));
        track.seconds[track.chunks.length - 1] = sliceS;
      }
      track.shown.total = track.chunks.length;
      wake();
    },
    end() {
      track.ended = true;
      wake();
    },
    last: () => ({ path: path(track.shown.id), body: { kind: "audio", chunks: track.shown.sent } }),
  };
}

/** @param {"photo" | "audio"} kind @param {string} mime @param {string} name */
function begin(kind, mime, name) {
  const shown = { id: uuid(), kind, name, sent: 0, total: 0, seconds: 0, failed: false, done: false };
  state.sending.push(shown);
  redraw();
  /** @type {Blob[]} */
  const chunks = [];
  /** @type {number[]} */
  const seconds = [];
  /** @type {() => void} */
  const wake = () => undefined;
  return { shown, mime, chunks, seconds, begun: -1, ended: false, wake };
}

/** @param {ReturnType<typeof begin>} track */
async function run(track) {
  const { shown, chunks } = track;
  for (;;) {
    try {
      await send(track);
      if (chunks.length) await finish(track);
      shown.done = true;
    } catch (error) {
      if (shown.kind === "audio" && error instanceof Refused && error.code === "media_ended") {
        // Nothing could be sent for so long that the server ended it as cut: all of it again, as another one.
        Object.assign(shown, { id: uuid(), sent: 0, seconds: 0 });
        track.begun = -1;
        continue;
      }
      shown.failed = true;
    }
    break;
  }
  redraw();
}

/** @param {ReturnType<typeof begin>} track all that there is, until it has ended */
async function send(track) {
  const { shown, chunks, seconds } = track;
  for (;;) {
    if (chunks[shown.sent]) {
      track.begun = Math.max(track.begun, shown.sent);
      await put(track, shown.sent);
      shown.seconds += seconds[shown.sent] ?? 0;
      shown.sent += 1;
      redraw();
    } else if (track.ended) {
      return;
    } else {
      await new Promise((go) => (track.wake = () => go(undefined)));
    }
  }
}

/** @param {ReturnType<typeof begin>} track @param {number} seq */
function put({ shown, mime, chunks }, seq) {
  const headers = { "Content-Type": mime, "X-Media-Kind": shown.kind };
  return stubborn(() => request("PUT", `${path(shown.id)}/${seq}`, chunks[seq], headers));
}

/** @param {ReturnType<typeof begin>} track */
async function finish(track) {
  const { shown, chunks, mime } = track;
  const hash = await sha256(new Blob(chunks, { type: mime }));
  const end = { kind: shown.kind, chunks: chunks.length, ...(hash && { sha256: hash }) };
  for (;;) {
    try {
      return await stubborn(() => request("POST", path(shown.id), end), "chunks_missing");
    } catch (error) {
      if (!(error instanceof Refused) || error.code !== "chunks_missing") throw error;
      const missing = /** @type {number[]} */ (error.details["missing"] ?? []);
      if (!missing.length) throw error;
      for (const seq of missing) await put(track, seq);
    }
  }
}

/** @param {Blob} blob @returns {Promise<string | undefined>} SHA-256 in hex; undefined where the page is not served by TLS */
async function sha256(blob) {
  if (!crypto.subtle) return undefined;
  return hex(new Uint8Array(await crypto.subtle.digest("SHA-256", await blob.arrayBuffer())));
}

/** @param {() => Promise<any>} attempt @param {string} [pass] a code that the caller handles */
async function stubborn(attempt, pass) {
  for (let n = 0; ; n++) {
    try {
      return await attempt();
    } catch (error) {
      if (error instanceof Refused && (!error.retry || error.code === pass)) throw error;
      await pause(n);
    }
  }
}

/** @param {string} media */
const path = (media) => `/alarms/${state.alarm?.id}/media/${media}`;

// -- what the person sees of it ------------------------------------------------------------------------------

/** @type {Map<import("./types.js").Sending, HTMLElement>} */
const rows = new Map();

export function prepare() {
  drawn(() => {
    for (const shown of state.sending) {
      let row = rows.get(shown);
      if (!row) {
        row = make("li", "", make("span", ""), make("span", "how-far"));
        rows.set(shown, row);
        part("sent").append(row);
      }
      const [name, far] = row.children;
      if (name) write(name, word(shown.name));
      if (far) write(far, howFar(shown));
      row.classList.toggle("there", shown.done);
    }
  });
}

/** @param {import("./types.js").Sending} shown */
function howFar(shown) {
  if (shown.failed) return word("media_failed");
  const there = state.media[shown.id];
  if (there === "ready") return word(shown.kind === "audio" ? "media_ready_audio" : "media_ready");
  if (there === "unreadable") return word("media_unreadable");
  if (shown.done) return word("media_stored");
  if (shown.kind === "audio" && shown.sent) return word("media_streaming", { n: Math.round(shown.seconds) });
  if (shown.sent) return word("media_sending", { n: Math.round((100 * shown.sent) / shown.total) });
  return word("media_waiting");
}
