/**
 * The helper's socket: comes back by itself, notices silence by its own timer, repeats what was asked until it is
 * answered (with the same ref, so it has its effect once). What it tells is always all there is; nothing is resumed.
 */

import { signal } from "/static/vendor/signals-core.js";

import { newRef } from "../shared/link.js";
import { follow, serverNow } from "../shared/time.js";

/** @import { Answer, Call, Frame, Hello } from "./types.d.ts" */
/** @typedef {{ message: Record<string, unknown>, until: number, done: (answer: Answer) => void }} Open */

const SILENCE_MS = 10_000;
const QUEUED_FOR_MS = 120_000;
const RETRY_MS = 1_000;

/** @type {import("/static/vendor/signals-core.js").Signal<{ state: "connecting" | "live" | "stale" | "ended", since: number, code?: number }>} */
export const live = signal({ state: "connecting", since: serverNow() });

/** @type {import("/static/vendor/signals-core.js").Signal<Hello | null>} */
export const hello = signal(null);

/** All calls that are under way, as the hub told last. @type {import("/static/vendor/signals-core.js").Signal<Call[]>} */
export const calls = signal([]);

/** What is done with each frame: it comes in time where timers do not. @type {Array<() => void>} */
export const onFrame = [];

/** @type {WebSocket | null} */
let socket = null;
let heard = performance.now();
let tries = 0;
/** @type {Map<string, Open>} */
const open = new Map();

/**
 * Ask and be answered; given up after two minutes with the code `not_sent`.
 *
 * @param {Record<string, unknown>} message
 * @returns {Promise<Answer>}
 */
export function request(message) {
  const ref = newRef();
  const whole = { ...message, ref };
  return new Promise((done) => {
    open.set(ref, { message: whole, until: performance.now() + QUEUED_FOR_MS, done });
    if (live.peek().state === "live") send(whole);
  });
}

export function connect() {
  if (live.peek().state === "ended") return;
  const mine = new WebSocket(
    `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/helper`,
    "dispatch.v1.json",
  );
  socket = mine;
  heard = performance.now();
  mine.onmessage = (frame) => {
    if (socket === mine) hear(JSON.parse(frame.data));
  };
  mine.onclose = (close) => {
    if (socket !== mine) return;
    socket = null;
    if (close.code >= 4500 && close.code < 5000) {
      calls.value = [];
      live.value = { state: "ended", since: serverNow(), code: close.code };
      return;
    }
    stale();
    const most = Math.min(5000, 1000 * 2 ** tries++);
    setTimeout(() => socket ?? connect(), 200 + Math.random() * (most - 200));
  };
}

export function start() {
  setInterval(watch, 1000);
  for (const name of ["online", "pageshow"]) window.addEventListener(name, watch);
  document.addEventListener("visibilitychange", watch);
  connect();
}

/** @param {Record<string, unknown>} message */
function send(message) {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}

/** @param {Frame} frame */
function hear(frame) {
  if (frame.type !== "error") heard = performance.now();
  switch (frame.type) {
    case "hello":
      follow(frame.now);
      hello.value = frame;
      break;
    case "calls":
      calls.value = frame.calls;
      if (live.peek().state !== "live") {
        tries = 0;
        live.value = { state: "live", since: serverNow() };
        for (const { message } of open.values()) send(message);
      }
      break;
    case "beat":
      follow(frame.at);
      break;
    default:
      answered(frame);
  }
  for (const each of onFrame) each();
}

/** @param {Answer} answer */
function answered(answer) {
  const one = open.get(answer.ref);
  if (!one) return;
  if (answer.type === "error" && answer.retry && performance.now() < one.until) {
    setTimeout(() => open.has(answer.ref) && send(one.message), RETRY_MS);
    return;
  }
  open.delete(answer.ref);
  one.done(answer);
}

function stale() {
  if (live.peek().state === "live") {
    live.value = { state: "stale", since: serverNow() - (performance.now() - heard) };
  }
}

function watch() {
  const now = performance.now();
  for (const [ref, { until, done }] of open) {
    if (now < until) continue;
    open.delete(ref);
    done({ type: "error", ref, code: "not_sent" });
  }
  if (now - heard < SILENCE_MS || !socket) return;
  const dead = socket; // it may not say so for minutes
  socket = null;
  stale();
  dead.close();
  connect();
}
