/** Small helpers for reading and making the page's parts. Data is only ever written as text. */

/** @param {string} id @returns {HTMLElement} */
export function part(id) {
  const node = document.getElementById(id);
  if (!node) throw new Error(`The page has no #${id}`);
  return node;
}

/** @param {string} act @returns {HTMLButtonElement} */
export function control(act) {
  const node = document.querySelector(`[data-act="${act}"]`);
  if (!node) throw new Error(`The page has no control ${act}`);
  return /** @type {HTMLButtonElement} */ (node);
}

/** @param {string} id @returns {HTMLFormElement} */
export const form = (id) => /** @type {HTMLFormElement} */ (part(id));

/** @param {HTMLFormElement} of @param {string} name @returns {HTMLInputElement} */
export const input = (of, name) => /** @type {HTMLInputElement} */ (of.elements.namedItem(name));

/**
 * @param {string} tag
 * @param {string} name its class
 * @param {...(Node | string)} children
 */
export function make(tag, name, ...children) {
  const node = document.createElement(tag);
  if (name) node.className = name;
  node.append(...children);
  return node;
}

/** Write only what differs, so that screen readers are not told the same twice. @param {Node} node @param {string} text */
export function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
