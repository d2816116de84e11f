/** Preact, htm and signals put together: `html` makes elements, `useValue` follows a signal. */

import { computed } from "/static/vendor/signals-core.js";
import htm from "/static/vendor/htm.js";
import { h } from "/static/vendor/preact.js";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "/static/vendor/preact-hooks.js";

export { render } from "/static/vendor/preact.js";
export { useEffect, useLayoutEffect, useMemo, useRef, useState } from "/static/vendor/preact-hooks.js";

export const html = htm.bind(h);

/**
 * The signal's value; the component is drawn again when it changes.
 *
 * @template T
 * @param {import("/static/vendor/signals-core.js").ReadonlySignal<T>} source
 * @returns {T}
 */
export function useValue(source) {
  const [, again] = useState(() => source.peek());
  useLayoutEffect(() => source.subscribe((value) => again(() => value)), [source]);
  return source.peek();
}

/**
 * A value computed from signals; drawn again only when the result changes, so a clock may be among them.
 *
 * @template T
 * @param {() => T} make
 * @param {readonly unknown[]} inputs
 * @returns {T}
 */
export function useComputed(make, inputs) {
  return useValue(useMemo(() => computed(make), inputs));
}

/**
 * A ref for an element: `seen` is called while it is in sight of a page that can be seen, again with each of `inputs`.
 *
 * @param {() => void} seen
 * @param {readonly unknown[]} inputs
 */
export function useInSight(seen, inputs) {
  const element = useRef(/** @type {any} */ (null));
  const [there, setThere] = useState(false);
  useEffect(() => {
    const watcher = new IntersectionObserver((found) => setThere(found.at(-1)?.isIntersecting ?? false));
    watcher.observe(element.current);
    return () => watcher.disconnect();
  }, []);
  useEffect(() => {
    const look = () => {
      if (there && document.visibilityState === "visible") seen();
    };
    look();
    document.addEventListener("visibilitychange", look);
    return () => document.removeEventListener("visibilitychange", look);
  }, [there, ...inputs]);
  return element;
}

/**
 * A ref for a row that may move: its class is set after the move. Preact moves rows with `moveBefore`, which keeps the
 * focus, but Chromium (seen in 156) then forgets what a class that changed with it means for the row's inside.
 *
 * @param {string} name
 */
export function useClassOfMoving(name) {
  const element = useRef(/** @type {any} */ (null));
  useLayoutEffect(() => {
    element.current.className = name;
  }, [name]);
  return element;
}
