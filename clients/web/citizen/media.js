/** Photos and sound on their way: numbered chunks, each tried until the server has it, whole or still growing. Each has
 *  a fate of its own: what cannot be sent never holds up what comes after it. */

import { Refused, pause, request } from "./http.js";
import { hex, uuid } from "./names.js";
import { redraw, state } from "./state.js";

const CHUNK = 64 * 1024; // small enough to get through a bad network in one piece
const READ_MS = 20_000; // for what a device reads, also where it has to fetch it first
const LATE = 3; // tries in vain after which it is said, and may be left

/** @import { Sending } from "./types.js" */
/** @typedef {{push: (blob: Blob) => void, end: () => void, last: () => {path: string, body: object}}} Stream */
/** @typedef {ReturnType<typeof begin>} Track */

/** The device cannot read it any more: it was deleted, changed, or is in a cloud that is away. */
class Unread extends Error {}

/** @returns {never} */
const unread = () => {
  throw new Unread();
};

/** @template T @param {Promise<T>} read @returns {Promise<T>} rejects when the device takes too long */
export function within(read) {
  return new Promise((go, fail) => {
    const timer = setTimeout(() => fail(new Error("too slow")), READ_MS);
    read.then(go, fail).finally(() => clearTimeout(timer));
  });
}

/** Photos wait in turn, so that they leave room for words and sound. @type {Track[]} */
const turns = [];
let working = false;

/** @param {Blob} blob @param {string} name the word for it */
export function sendPhoto(blob, name) {
  const track = begin("photo", blob.type || "application/octet-stream", name);
  track.whole = blob;
  if (blob instanceof File) track.shown.file = blob.name;
  track.ended = true;
  track.go = () => {
    if (!track.shown.sent) cut(track, blob);
    turns.push(track);
    void work();
  };
  track.go();
}

/**
 * @param {string} mime
 * @param {number} sliceS seconds of each blob
 * @returns {Stream} sound that is sent while it is recorded
 */
export function streamSound(mime, sliceS) {
  const track = begin("audio", mime, "media_audio");
  track.go = async () => {
    for (let n = 0, { sent } = track.shown; !(await forward(track)); n++) {
      if (track.shown.sent !== sent) n = 0;
      ({ sent } = track.shown);
      await pause(n);
    }
  };
  void track.go();
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
      track.wake();
    },
    end() {
      track.ended = true;
      track.wake();
    },
    last: () => ({ path: path(track.shown.id), body: { kind: "audio", chunks: track.shown.sent } }),
  };
}

/** @param {Track} track @param {Blob} blob */
function cut(track, blob) {
  track.chunks.length = 0;
  for (let at = 0; at < blob.size; at += CHUNK) track.chunks.push(blob.slice(at, at + CHUNK));
  track.shown.total = track.chunks.length;
}

/** @param {"photo" | "audio"} kind @param {string} mime @param {string} name */
function begin(kind, mime, name) {
  /** @type {Sending} */
  const shown = {
    id: uuid(),
    kind,
    name,
    file: "",
    sent: 0,
    total: 0,
    seconds: 0,
    fate: "going",
    again: () => again(track),
    leave: () => leave(track),
  };
  /** @type {Blob[]} */
  const chunks = [];
  /** @type {number[]} */
  const seconds = [];
  /** @type {() => void} */
  const idle = () => undefined;
  const whole = /** @type {Blob | null} */ (null);
  const track = {
    shown,
    mime,
    whole,
    chunks,
    seconds,
    begun: -1,
    ended: false,
    tries: 0,
    wake: idle,
    go: idle,
  };
  state.sending.push(shown);
  redraw();
  return track;
}

/** One photo after the other; one that does not get through now goes behind the others. */
async function work() {
  if (working) return;
  working = true;
  for (let n = 0; turns[0];) {
    const track = turns[0];
    const { sent } = track.shown;
    const over = await forward(track);
    turns.shift();
    if (!over) turns.push(track);
    if (over || track.shown.sent > sent) n = 0;
    else await pause(n++);
  }
  working = false;
}

/** As far as it goes now. @param {Track} track @returns {Promise<boolean>} whether nothing more is to be done */
async function forward(track) {
  const { shown } = track;
  if (isLeft(track)) return true;
  try {
    await send(track);
    if (isLeft(track)) {
      closePart(track); // also what was on its way when it was left
      return true;
    }
    if (track.chunks.length) await finish(track);
    else if (track.whole) await within(track.whole.arrayBuffer().catch(unread)); // what is gone from the device has no size either
    shown.fate = track.chunks.length ? "there" : "empty";
  } catch (error) {
    if (isLeft(track)) return true;
    const refused = error instanceof Refused && !error.retry;
    if (refused && shown.kind === "audio" && error.code === "media_ended") {
      // Nothing could be sent for so long that the server ended it as cut: all of it again, as another one.
      anew(track);
      return false;
    }
    if (error instanceof Unread) shown.fate = "unread";
    else if (refused) shown.fate = FATES[error.code] ?? "refused";
    else {
      track.tries += 1;
      if (track.tries >= LATE) shown.fate = "late";
      redraw();
      return false;
    }
  }
  redraw();
  return true;
}

/** It may be left at any moment. @param {Track} track */
const isLeft = (track) => track.shown.fate === "left";

/** @type {Record<string, Sending["fate"]>} */
const FATES = { too_large: "too_large", too_many: "too_many" };

/** @param {Track} track all that there is, until it has ended */
async function send(track) {
  const { shown, chunks, seconds } = track;
  while (!isLeft(track)) {
    if (chunks[shown.sent]) {
      track.begun = Math.max(track.begun, shown.sent);
      await put(track, shown.sent);
      shown.seconds += seconds[shown.sent] ?? 0;
      shown.sent += 1;
      track.tries = 0;
      if (shown.fate === "late") shown.fate = "going";
      redraw();
    } else if (track.ended) {
      return;
    } else {
      await new Promise((go) => (track.wake = () => go(undefined)));
    }
  }
}

/** @param {Track} track @param {number} seq */
async function put({ shown, mime, chunks }, seq) {
  const chunk = chunks[seq] ?? new Blob();
  const bytes = await within(chunk.arrayBuffer().catch(unread));
  const headers = { "Content-Type": mime, "X-Media-Kind": shown.kind };
  return request("PUT", `${path(shown.id)}/${seq}`, new Blob([bytes]), headers);
}

/** @param {Track} track */
async function finish(track) {
  const { shown, chunks, mime } = track;
  const hash = await sha256(new Blob(chunks, { type: mime }));
  const end = { kind: shown.kind, chunks: chunks.length, ...(hash && { sha256: hash }) };
  for (;;) {
    try {
      return await request("POST", path(shown.id), end);
    } catch (error) {
      if (!(error instanceof Refused) || error.code !== "chunks_missing") throw error;
      const missing = /** @type {number[]} */ (error.details["missing"] ?? []);
      if (!missing.length) throw error;
      for (const seq of missing) await put(track, seq);
    }
  }
}

/** @param {Blob} blob @returns {Promise<string | undefined>} SHA-256 in hex; undefined where the page is not served by
 *  TLS, or the device cannot read it again: every chunk of it is stored all the same */
async function sha256(blob) {
  if (!crypto.subtle) return undefined;
  const bytes = await within(blob.arrayBuffer()).catch(() => null);
  return bytes ? hex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))) : undefined;
}

/** The person wants it tried once more. @param {Track} track */
function again(track) {
  if (track.shown.fate !== "unread") {
    closePart(track);
    anew(track);
  }
  Object.assign(track, { tries: 0 });
  track.shown.fate = "going";
  redraw();
  track.go();
}

/** From its beginning, as another one: what the server refused stays what it is. @param {Track} track */
function anew(track) {
  Object.assign(track.shown, { id: uuid(), sent: 0, seconds: 0 });
  track.begun = -1;
}

/** The person does without it. @param {Track} track */
function leave(track) {
  track.shown.fate = "left";
  track.wake();
  redraw();
  closePart(track);
}

/** What was sent of it is a whole for the officers, as far as it goes. @param {Track} track */
function closePart({ shown }) {
  const end = { kind: shown.kind, chunks: shown.sent };
  if (shown.sent) void request("POST", path(shown.id), end).catch(() => undefined);
}

/** @param {string} media */
const path = (media) => `/alarms/${state.alarm?.id}/media/${media}`;
