/** Styles that come with what they are for, not with the first load. */

/** @param {string} name @returns {Promise<unknown>} there, or not to be had */
export function styled(name) {
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = new URL(`./${name}.css`, import.meta.url).href; // beside the module, built or plain
  document.head.append(link);
  return new Promise((go) => (link.onload = link.onerror = go));
}
