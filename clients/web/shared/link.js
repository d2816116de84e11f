/**
 * The socket to the hub: subscribes, resumes from positions, notices silence by its own timer, and repeats what was
 * asked until it is answered. A repeated request carries the same ref, so it has its effect once.
 * Never shows anything. Field's term: at-least-once delivery with idempotency keys.
 */

import { signal } from "/static/vendor/signals-core.js";

import { follow, serverNow } from "./time.js";

/** @import { Answer, Asked, EventFrame, Frame, Notice, Request, SubscribedFrame } from "./types.d.ts" */
/** @typedef {{ state: "connecting" | "live" | "stale" | "ended", since: number, code?: number }} LinkState */
/** @typedef {{ message: Asked & { ref: string }, until: number, done: (answer: Answer) => void }} Open */
/**
 * @typedef {object} Parts
 * @property {string} path
 * @property {ReturnType<typeof import("./store.js").makeStore>} store
 * @property {(frame: EventFrame) => void} onEvent after it was folded in
 * @property {() => void} onBeat on every frame that says the hub lives
 * @property {() => void} onLive every time everything missed is here
 * @property {(notices: Notice[]) => void} onNotices what is wrong with the system itself, all of it
 * @property {() => void} onRefused the hub did not let the socket open
 */

const SILENCE_MS = 10_000;
const QUEUED_FOR_MS = 120_000;
const RETRY_MS = 1_000;

/** Whether the frame shows that the hub sees its store: what it says of itself, or that nothing is stored, does not. @param {Frame} frame */
const shows = (frame) => frame.type !== "notices" && !(frame.type === "error" && frame.code === "not_stored");

export function newRef() {
  // randomUUID exists only under TLS and on localhost.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [0, 8, 12, 16, 20].map((from, n) => hex.slice(from, [8, 12, 16, 20, 32][n])).join("-");
}

export class Link {
  /** @type {import("/static/vendor/signals-core.js").Signal<LinkState>} */
  state = signal({ state: "connecting", since: serverNow() });
  /** @type {WebSocket | null} */
  #socket = null;
  #heard = performance.now();
  /** When anything but a beat was heard: until LIVE, beats alone are not enough. */
  #moved = performance.now();
  #tries = 0;
  /** The ref of the subscription that waits for its answer. @type {string | null} */
  #subscribing = null;
  /** The stations whose alarms come here, as the hub said last. @type {import("/static/vendor/signals-core.js").Signal<string[] | null>} */
  stations = signal(null);
  /** The hub's version, as it said last. */
  version = signal("");
  /** Stations whose snapshot is still to come. @type {Set<string>} */
  #missing = new Set();
  /** @type {Map<string, Open>} */
  #open = new Map();

  /** @param {Parts} parts */
  constructor(parts) {
    this.parts = parts;
  }

  start() {
    setInterval(() => this.#watch(), 1000);
    for (const name of ["online", "visibilitychange", "pageshow"]) {
      const target = name === "visibilitychange" ? document : window;
      target.addEventListener(name, () => this.#watch());
    }
    window.addEventListener("online", () => this.#socket ?? this.#connect());
    this.#connect();
  }

  get live() {
    return this.state.peek().state === "live";
  }

  /**
   * Ask and be answered: repeated with the same ref over every reconnect, given up after two minutes with the code
   * `not_sent`.
   *
   * @param {Asked} message
   * @returns {Promise<Answer>}
   */
  request(message) {
    const ref = newRef();
    const whole = { ...message, ref };
    return new Promise((done) => {
      this.#open.set(ref, { message: whole, until: performance.now() + QUEUED_FOR_MS, done });
      if (this.live) this.#send(whole);
    });
  }

  /**
   * Tell once; forgotten when nobody is connected, because it will be told again. With a `ref` where one is needed.
   *
   * @param {Request} message
   */
  tell(message) {
    if (this.live) this.#send(message);
  }

  /** @param {Request} message */
  #send(message) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #connect() {
    if (this.state.peek().state === "ended") return;
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}${this.parts.path}`, "dispatch.v1.json");
    let opened = false;
    this.#socket = socket;
    this.#heard = this.#moved = performance.now();
    socket.onopen = () => {
      opened = true;
      this.#subscribe();
    };
    socket.onmessage = (frame) => {
      if (socket === this.#socket) this.#hear(JSON.parse(frame.data));
    };
    socket.onclose = (close) => {
      if (socket !== this.#socket) return;
      this.#socket = null;
      if (close.code >= 4500 && close.code < 5000) return this.#end(close.code);
      if (!opened) this.parts.onRefused();
      this.#stale(close.code);
      this.#later();
    };
  }

  #later() {
    const most = Math.min(5000, 1000 * 2 ** this.#tries++);
    setTimeout(() => this.#socket ?? this.#connect(), 200 + Math.random() * (most - 200));
  }

  #subscribe() {
    this.#subscribing = newRef();
    const after = this.parts.store.whole();
    this.#send({ type: "subscribe", ref: this.#subscribing, stations: null, after });
  }

  /** @param {Frame} frame */
  #hear(frame) {
    if (shows(frame)) {
      this.#heard = performance.now();
      if (frame.type !== "beat") this.#moved = this.#heard;
    }
    switch (frame.type) {
      case "beat":
        follow(frame.at);
        break;
      case "snapshot":
        this.parts.store.snapshot(frame);
        this.#missing.delete(frame.station);
        this.#perhapsLive();
        break;
      case "story":
        this.parts.store.story(frame);
        break;
      case "event":
        this.#event(frame);
        break;
      case "notices":
        this.parts.onNotices(frame.notices);
        break;
      case "ok":
      case "error":
        this.#answered(frame);
    }
    this.parts.onBeat();
  }

  /** @param {EventFrame} frame */
  #event(frame) {
    const how = this.parts.store.event(frame);
    if (how === "applied") this.parts.onEvent(frame);
    // Until the subscription is answered and its snapshots are here, a gap is only what is still on its way.
    else if (how === "gap" && !this.#subscribing && !this.#missing.has(frame.station)) this.#subscribe();
  }

  /** @param {Exclude<Answer, import("./types.d.ts").NotSent> | SubscribedFrame} answer */
  #answered(answer) {
    const { ref } = answer;
    if (ref === null) return undefined;
    if (ref === this.#subscribing) {
      this.#subscribing = null;
      if (answer.type === "error" || !("recovered" in answer)) return void this.#socket?.close(4000);
      follow(answer.now);
      const recovered = Object.entries(answer.recovered);
      this.version.value = answer.hub_version;
      this.stations.value = recovered.map(([station]) => station);
      this.#missing = new Set(recovered.filter(([, whole]) => !whole).map(([station]) => station));
      return this.#perhapsLive();
    }
    const open = this.#open.get(ref);
    if (!open) return undefined;
    if (answer.type === "error" && answer.retry && performance.now() < open.until) {
      setTimeout(() => this.#open.has(ref) && this.#send(open.message), RETRY_MS);
      return undefined;
    }
    this.#open.delete(ref);
    return open.done(answer);
  }

  #perhapsLive() {
    if (this.#missing.size || this.#subscribing || this.live) return;
    this.#tries = 0;
    this.state.value = { state: "live", since: serverNow() };
    for (const { message } of this.#open.values()) this.#send(message);
    this.parts.onLive();
  }

  /** @param {number} [code] */
  #stale(code) {
    if (this.live) {
      const since = serverNow() - (performance.now() - this.#heard);
      this.state.value = { state: "stale", since, ...(code && { code }) };
    }
    this.#missing = new Set();
    this.#subscribing = null;
  }

  #watch() {
    const now = performance.now();
    for (const [ref, { until, done }] of this.#open) {
      if (now < until) continue;
      this.#open.delete(ref);
      done({ type: "error", ref, code: "not_sent", retry: false });
    }
    const last = this.live ? this.#heard : this.#moved;
    if (now - last < SILENCE_MS || !this.#socket) return;
    // A dead socket may not say so for minutes: leave it and open another.
    const dead = this.#socket;
    this.#socket = null;
    this.#stale();
    dead.close();
    this.#connect();
  }

  /** @param {number} code */
  #end(code) {
    this.state.value = { state: "ended", since: serverNow(), code };
  }
}
