/** Where the keyboard is: given back when what had it is gone, so that nobody is thrown to the top of the page. */

import { useEffect, useRef } from "./dom.js";

/** Whether nothing has the focus: what had it is gone, hidden or switched off. */
export function focusIsLost() {
  const { activeElement: one } = document;
  return !one || one === document.body || !one.checkVisibility() || one.matches(":disabled");
}

/**
 * Give the focus to the first of these that can be seen.
 *
 * @param {...string} selectors
 */
export function focusOn(...selectors) {
  for (const selector of selectors) {
    const found = document.querySelector(selector);
    if (found instanceof HTMLElement && found.checkVisibility()) return void found.focus();
  }
  return undefined;
}

/** The same, after what was just changed is drawn. @param {...string} selectors */
export function focusSoon(...selectors) {
  setTimeout(() => focusOn(...selectors));
}

/**
 * A ref for a dialog that lies over the page while it is there. When it goes, the focus is where it was before; where
 * that is gone too, on the page's heading.
 */
export function useDialog() {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useEffect(() => {
    const one = dialog.current;
    if (!one?.open) one?.showModal();
    return () => {
      one?.close(); // the browser gives the focus back
      setTimeout(() => focusIsLost() && focusOn("h1"));
    };
  }, []);
  return dialog;
}
