/** The line to the server: a socket, and plain requests while there is none. It never gives up.
 *  Every request keeps its names through all attempts, so whatever arrives twice has its effect once. */

import { Refused, pause, request } from "./http.js";
import { dropPending, dropWayBack } from "./keep.js";
import { uuid } from "./names.js";
import { empty, through } from "./outbox.js";
import { alarmBody, change, hear, state } from "./state.js";

const STALE_MS = 10_000; // the server sends a beat at least every 5 s
const POLL_MS = 4000;
const PATIENCE_MS = 1000; // an answer that is not there by then is also asked for by a plain request,
const HEDGE_MS = 2500; // and by one more after each of these: a lost packet holds up only its own connection
const HEDGES = 4;
const OPEN = 1; // of a socket
const NUDGE_MS = 400; // a second packet shows TCP that the first was lost, long before its own timers do

/** @type {WebSocket | null} */
let socket = null;
let [attached, started, tries] = [false, false, 0];
/** @type {ReturnType<typeof setTimeout> | undefined} */
let silence;
/** @type {Map<string, {ok: (answer: any) => void, failed: (error: Error) => void}>} */
const asking = new Map();
let overHttpRuns = false;

/** Open the line before it is needed: on a slow network each round trip that is spared is seconds. */
export function prepare() {
  open();
  addEventListener("online", () => attached || socket?.readyState === WebSocket.CONNECTING || open());
  addEventListener("visibilitychange", () => socket || document.hidden || open());
}

/** Begin, with the alarm that the state holds: to raise it, or to come back to it. */
export function start() {
  if (started) {
    if (state.phase === "waiting") void overHttp();
    return;
  }
  started = true;
  if (socket?.readyState === OPEN) void greet(socket);
  setTimeout(() => void overHttp(), PATIENCE_MS);
  void poll();
}

// -- the socket ----------------------------------------------------------------------------------------------

function open() {
  const line = new WebSocket(`${location.protocol.replace("http", "ws")}//${location.host}/ws/alarm`, [
    "dispatch.v1.json",
  ]);
  socket = line;
  listen(line);
  line.onopen = () => void greet(line);
  line.onmessage = ({ data }) => {
    if (socket !== line) return;
    listen(line);
    heard();
    take(JSON.parse(data));
  };
  line.onclose = ({ code }) => lost(line, code);
}

/** @param {WebSocket} line */
function listen(line) {
  clearTimeout(silence);
  silence = setTimeout(() => {
    line.close();
    lost(line, 0);
  }, STALE_MS);
}

/** @param {WebSocket} line @param {number} code */
function lost(line, code) {
  if (socket !== line) return;
  clearTimeout(silence);
  socket = null;
  attached = false;
  through(null);
  for (const { failed } of asking.values()) failed(new TypeError("The socket closed"));
  asking.clear();
  if (state.phase === "waiting") change({ failures: state.failures + 1 });
  // 4500 and above: this door stays shut; plain requests go on.
  const patience = code >= 4500 ? 60_000 : Math.min(5000, 200 + Math.random() * 400 * 2 ** tries++);
  setTimeout(() => socket || idle() || open(), patience);
}

/** Nobody needs the line: there is no alarm, or no page in sight that could raise one. */
const idle = () => state.phase === "gone" || (state.phase === "form" && document.hidden);

/** @param {WebSocket} line */
async function greet(line) {
  const { alarm, phase } = state;
  if (!alarm) return;
  try {
    if (phase === "waiting") {
      const ref = uuid();
      const receipt = ask(line, "raise", ref, alarmBody());
      setTimeout(
        () => asking.has(ref) && line.readyState === OPEN && tell(line, "raise", ref, alarmBody()),
        NUDGE_MS,
      );
      accept(await receipt);
    } else {
      const after = Math.max(0, ...state.talk.map((one) => one.n ?? 0));
      see(await ask(line, "resume", uuid(), { id: alarm.id, secret: alarm.secret, after }));
    }
    attached = true;
    through((type, ref, members) => ask(line, type, ref, members));
    tries = 0;
    void empty();
  } catch (error) {
    if (error instanceof Refused) await refused(error);
    line.close();
  }
}

/** @param {WebSocket} line @param {string} type @param {string} ref @param {object} members @returns {Promise<any>} */
function ask(line, type, ref, members) {
  return new Promise((ok, failed) => {
    asking.set(ref, { ok, failed });
    tell(line, type, ref, members);
  });
}

/** @param {WebSocket} line @param {string} type @param {string} ref @param {object} members */
const tell = (line, type, ref, members) => line.send(JSON.stringify({ type, ref, ...members }));

/** @param {any} message */
function take(message) {
  const { type, ref, ...members } = message;
  const waiting = asking.get(ref);
  if (waiting) {
    asking.delete(ref);
    if (type === "ok") waiting.ok(members);
    else waiting.failed(new Refused(members.code, members.retry, members));
  } else if (type === "ladder") {
    see(members);
  } else if (type === "beat") {
    state.skew = Date.parse(members.at) - Date.now();
  } else if (type === "said") {
    hear(members);
  } else if (type === "asked") {
    hear({ who: "officer", ...members });
    change({ question: members });
  }
}

// -- plain requests ------------------------------------------------------------------------------------------

async function overHttp() {
  if (overHttpRuns) return;
  overHttpRuns = true;
  for (let n = 0; state.phase === "waiting"; n++) {
    const late = new Promise((go) => setTimeout(go, n < HEDGES ? HEDGE_MS : 6 * HEDGE_MS));
    await Promise.race([post(n), late]);
  }
  overHttpRuns = false;
}

/** @param {number} n how many were sent before */
async function post(n) {
  try {
    accept(await request("POST", "/alarms", alarmBody()));
    heard();
  } catch (error) {
    if (state.phase !== "waiting") return;
    change({ failures: state.failures + 1, ...(error instanceof Refused ? {} : { unsent: "" }) });
    if (error instanceof Refused) await refused(error);
    await pause(n);
  }
}

async function poll() {
  for (;;) {
    await new Promise((go) => setTimeout(go, POLL_MS));
    change({ live: Date.now() - state.heardAt < STALE_MS });
    if (attached || !state.alarm || state.phase !== "stored" || document.hidden) continue;
    try {
      const view = await request("GET", `/alarms/${state.alarm.id}`);
      heard();
      see(view);
      void empty();
    } catch (error) {
      if (error instanceof Refused) await refused(error);
    }
  }
}

// -- what both bring -----------------------------------------------------------------------------------------

/** @param {any} receipt */
function accept(receipt) {
  if (state.phase !== "waiting") return;
  if (receipt.id !== state.alarm?.id) throw new Refused("", true); // somebody else's answer
  dropPending();
  change({
    phase: "stored",
    kept: false,
    failures: 0,
    unsent: "",
    receipt: { code: receipt.code, station: receipt.station },
    status: receipt.status,
    checkInBy: receipt.check_in_by ?? "",
    checkInS: receipt.check_in_s ?? 0,
    ladder: state.ladder.length ? state.ladder : receipt.ladder,
  });
}

/** @param {any} view members of the citizen's view, all or some */
function see(view) {
  if (state.phase === "gone") return;
  /** @type {Partial<import("./types.js").State>} */
  const seen = {};
  for (const name of /** @type {const} */ (["ladder", "status", "media", "read"])) {
    if (name in view) seen[name] = view[name];
  }
  if (view.code) {
    seen.receipt = { code: view.code, station: view.station };
    seen.question = view.question ?? null;
  }
  if (view.status) {
    seen.checkInBy = view.check_in_by ?? "";
    seen.checkInS = view.check_in_s ?? 0;
  }
  if (view.cancel) seen.cancel = "requested";
  if (view.status === "closed" || view.status === "ended") {
    seen.question = null;
    dropWayBack();
  }
  for (const entry of view.talk ?? []) hear(entry);
  change(seen);
}

/** @param {Refused} error to raising or coming back */
async function refused(error) {
  if (state.phase === "waiting") {
    // Whatever the answer: the whole alarm is sent again, for it is as it was pressed.
    change({ unsent: error.code && error.retry ? "unstored" : "refused" });
    void overHttp();
  } else if (error.code === "not_found" && state.alarm?.startedAt) {
    // The store went back to an older copy: raise it again, and show nothing that is no longer so.
    change({ phase: "waiting", ladder: [], status: "raised", question: null, cancel: "" });
    void overHttp();
  } else if (error.code === "not_found") {
    dropWayBack();
    change({ phase: "gone" });
  }
  await pause(3);
}

function heard() {
  state.heardAt = Date.now();
  if (!state.live) change({ live: true });
}
