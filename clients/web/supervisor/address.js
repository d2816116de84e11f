/**
 * What the page's address says is looked at: the view, what it is asked for, and the open alarm. So a link can be sent to
 * a colleague, and Back leads back. It stands behind the #, which no browser sends anywhere: the words that somebody looks
 * for are in no server's log.
 */

import { computed, signal } from "/static/vendor/signals-core.js";

/** @typedef {Record<string, string>} Asked what a view is asked for, by name; what is not asked for is left out */
/** @typedef {{ view: string, asked: Asked, open: string | null }} Address */

export const VIEWS = ["now", "find", "log"];

/** @param {string} hash @returns {Address} */
function read(hash) {
  const [name = "", query = ""] = hash.slice(1).split(/\?(.*)/s);
  const { open, ...asked } = Object.fromEntries(new URLSearchParams(query));
  return { view: VIEWS.find((one) => one === name) ?? "now", asked, open: open || null };
}

/** @param {Address} address */
function written({ view, asked, open }) {
  const query = new URLSearchParams({ ...asked, ...(open && { open }) }).toString();
  return `#${view}${query && "?"}${query}`;
}

const address = signal(read(location.hash));
/** What each view was asked for last, while another is looked at. @type {Record<string, Asked>} */
const before = {};

window.addEventListener("popstate", () => (address.value = read(location.hash)));

/** @param {Partial<Address>} change */
function go(change) {
  const next = { ...address.peek(), ...change };
  if (written(next) === written(address.peek())) return;
  address.value = next;
  history.pushState(null, "", written(next));
}

export const view = computed(() => address.value.view);

/** The alarm whose timeline is open. */
export const chosen = computed(() => address.value.open);

/** What the view is asked for, as text: it changes when that does, and not with the open alarm. @param {string} name */
export function askedOf(name) {
  return computed(() =>
    JSON.stringify(address.value.view === name ? address.value.asked : (before[name] ?? {})),
  );
}

/** Open an alarm's timeline, or (null) none. @param {string | null} alarm */
export function look(alarm) {
  go({ open: alarm });
}

/** Go to a view: as it was left, unless something is asked for. @param {string} name @param {Asked} [asked] */
export function show(name, asked) {
  const { view: now, asked: was } = address.peek();
  before[now] = was;
  go({ view: name, asked: asked ?? before[name] ?? {} });
}

/** From the open alarm's timeline to a view, which is then not covered by it. @param {string} name @param {Asked} asked */
export function leaveFor(name, asked) {
  const { view: now, asked: was } = address.peek();
  before[now] = was;
  go({ view: name, asked, open: null });
}
