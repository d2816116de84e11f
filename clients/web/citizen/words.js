/** Every visible word, from the catalogue; the language changes without losing what was typed.
 *  The words of what comes after the alarm come with it: on a bad line the first ones must not wait for them. */

const root = document.documentElement;
/** A text may be one for each plural form of `n`. @type {Record<string, Record<string, string | Record<string, string>>>} */
const catalogues = {};
/** @type {{label: Record<string, string>}[] | null} */
let ways = null;
/** The parts of a catalogue that this page needs by now. */
const parts = [""];

/** The language shown now: one that has a catalogue. */
export const language = () => root.lang;

/** @param {string} code */
export async function load(code) {
  for (const part of parts) {
    for (let wait = 500; !catalogues[code + part]; wait = Math.min(wait * 2, 5000)) {
      const answer = await fetch(`/words/citizen.${code}${part}.json`).catch(() => null);
      const told = answer?.ok && (await answer.json().catch(() => null)); // one that is cut off in the middle is none
      if (told) catalogues[code + part] = told;
      else await new Promise((go) => setTimeout(go, wait));
    }
  }
}

/** The words of what comes after the alarm, in the languages that are here. */
export async function loadLater() {
  if (parts.length > 1) return load(language());
  const here = Object.keys(catalogues);
  parts.push(".later");
  await load(language());
  use(language());
  for (const code of here) void load(code);
}

/**
 * @param {string} key
 * @param {Record<string, string | number>} [values] for the {names} in the text
 */
export function word(key, values = {}) {
  const entry = catalogues[language()]?.[key] ?? catalogues[`${language()}.later`]?.[key] ?? key;
  const text = typeof entry === "string" ? entry : formOf(entry, Number(values["n"]));
  return text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}

/** @param {Record<string, string>} forms by CLDR's names; every language has `other` @param {number} n */
const formOf = (forms, n) => forms[new Intl.PluralRules(language()).select(n)] ?? forms["other"] ?? "";

/** Another word in this place from now on. @param {HTMLElement} node @param {string} key */
export function tell(node, key) {
  node.dataset["word"] = key;
  node.textContent = word(key);
}

/** @param {string} code the catalogue must be loaded */
export function use(code) {
  if (root.lang !== code) void nameWays(code);
  root.lang = code;
  root.dir = word("direction");
  for (const link of document.querySelectorAll("#languages a")) {
    const here = link.getAttribute("lang") === code;
    link.toggleAttribute("hidden", here);
    // Only what can be tapped is a control.
    if (here) link.removeAttribute("data-act");
    else link.setAttribute("data-act", "language");
  }
  for (const node of document.querySelectorAll("[data-word]")) node.textContent = word(get(node, "word"));
  for (const node of document.querySelectorAll("[data-word-label]")) {
    node.setAttribute("aria-label", word(get(node, "wordLabel")));
  }
  for (const node of document.querySelectorAll("[data-word-placeholder]")) {
    node.setAttribute("placeholder", word(get(node, "wordPlaceholder")));
  }
}

/** The other ways' names are the station's configuration, not the catalogue's. @param {string} code */
async function nameWays(code) {
  ways ??= await fetch("/static/config.json")
    .then((answer) => (answer.ok ? answer.json().then((config) => config.other_ways) : null))
    .catch(() => null);
  for (const link of document.querySelectorAll("[data-way]")) {
    const { label: labels } = ways?.[Number(get(link, "way"))] ?? {};
    const label = labels?.[code] ?? labels?.["en"];
    if (label) link.textContent = label;
  }
}

/** @param {Element} node @param {string} name */
const get = (node, name) => (node instanceof HTMLElement ? (node.dataset[name] ?? "") : "");

/** @param {string | number | Date} at @returns {string} hh:mm:ss on this device's clock */
export function clock(at) {
  return new Date(at).toLocaleTimeString("en-GB", { hour12: false });
}
