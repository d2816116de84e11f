/** One request to the server as this alarm's citizen, and patience between attempts. */

import { state } from "./state.js";

const JSON_BODY = { "Content-Type": "application/json", "X-Dispatch-Channel": "web" };

/**
 * A "no". The server's own has a `code`, and `retry` says whether the same request can ever succeed. Without a code it
 * is of something between (a proxy, a hotel's sign-in page), which says nothing about the request: it is sent again.
 */
export class Refused extends Error {
  /** @param {string} code @param {boolean} retry @param {Record<string, unknown>} [details] */
  constructor(code, retry, details = {}) {
    super(code);
    this.code = code;
    this.retry = retry;
    this.details = details;
  }
}

/**
 * @param {string} method
 * @param {string} path
 * @param {BodyInit | object} [body] an object is sent as JSON
 * @param {Record<string, string>} [headers]
 * @returns {Promise<any>} the answer's JSON; rejects with Refused, or with TypeError when nothing came
 */
export async function request(method, path, body, headers = {}) {
  const raw = body === undefined || body instanceof Blob || typeof body === "string";
  const answer = await fetch(path, {
    method,
    headers: { ...(raw ? {} : JSON_BODY), ...bearer(), ...headers },
    body: raw ? /** @type {BodyInit | undefined} */ (body) : JSON.stringify(body),
    signal: timeout(60_000),
    cache: "no-store",
    credentials: "omit",
  });
  const text = await answer.text();
  const told = await Promise.resolve(text)
    .then(JSON.parse)
    .catch(() => null);
  if (answer.ok && told) return told;
  if (answer.status === 204) return {};
  throw new Refused(told?.code ?? "", told?.code ? told.retry : true, told ?? {});
}

/** The last word before the page goes: sent even while it is being left. @param {string} path @param {object} body */
export function lastWord(path, body) {
  fetch(path, {
    method: "POST",
    headers: { ...JSON_BODY, ...bearer() },
    body: JSON.stringify(body),
    keepalive: true,
    credentials: "omit",
  }).catch(() => undefined);
}

/** @param {number} tries @returns {Promise<void>} longer with every try, at most 5 s, ended by a returning network */
export function pause(tries) {
  const most = Math.min(5000, 400 * 2 ** tries);
  return new Promise((go) => {
    const timer = setTimeout(done, most / 2 + (Math.random() * most) / 2);
    addEventListener("online", done);
    function done() {
      clearTimeout(timer);
      removeEventListener("online", done);
      go();
    }
  });
}

/** @returns {Record<string, string>} */
const bearer = () => (state.alarm ? { Authorization: `Bearer ${state.alarm.secret}` } : {});

/** @param {number} ms */
const timeout = (ms) => ("timeout" in AbortSignal ? AbortSignal.timeout(ms) : undefined);
