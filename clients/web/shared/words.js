/**
 * Every visible word, from the catalogues in words/: one flat table a language. The one that is read here comes first, the
 * others right after it, so that a question can be put in the citizen's language whatever the officer reads. The choice
 * is remembered here.
 */

import { signal } from "/static/vendor/signals-core.js";

import { keep, kept } from "./kept.js";

const REMEMBERED = "fujin.lang";
export const LANGUAGES = /** @type {const} */ (["zh", "en"]);

/** @type {Record<string, Record<string, string>>} */
const catalogues = {};

/** The language that is read here. */
export const lang = signal(chosen());

function chosen() {
  const before = kept(REMEMBERED) ?? document.documentElement.lang.slice(0, 2);
  return LANGUAGES.find((one) => one === before) ?? "zh";
}

/** The languages whose words are here. */
export const spoken = signal(/** @type {readonly string[]} */ ([]));

const PAUSE_MS = 2000;
/** @type {Map<string, Promise<void>>} */
const coming = new Map();

/** @param {string} to one of `spoken` */
export function speak(to) {
  lang.value = LANGUAGES.find((one) => one === to) ?? lang.value;
  keep(REMEMBERED, lang.value);
  document.documentElement.lang = lang.value;
}

/**
 * Fetch the catalogues; what a later one says stands. Returns when the language that is read here is there.
 *
 * @param {...string} names
 */
export async function loadWords(...names) {
  const own = lang.peek();
  await load(own, names);
  document.documentElement.lang = own;
  for (const language of LANGUAGES) if (language !== own) coming.set(language, insist(language, names));
}

/** Until the words of this language are here. @param {string} language */
export async function wordsOf(language) {
  await coming.get(language);
}

/** @param {string} language @param {string[]} names */
async function load(language, names) {
  const tables = await Promise.all(
    names.map(async (name) => (await fetch(whereOf(`${name}.${language}`))).json()),
  );
  catalogues[language] = Object.assign({}, ...tables);
  spoken.value = [...spoken.peek(), language];
}

/** Again until it is there: the line may be bad. @param {string} language @param {string[]} names */
async function insist(language, names) {
  while (!spoken.peek().includes(language)) {
    await load(language, names).catch(() => new Promise((go) => setTimeout(go, PAUSE_MS)));
  }
}

/** The page says where it is, when it was built. @param {string} catalogue */
function whereOf(catalogue) {
  const told = document.querySelector(`meta[name="words"][data-of="${catalogue}"]`);
  return told?.getAttribute("content") ?? `/static/words/${catalogue}.json`;
}

/**
 * The words for `key`, `{name}` filled in. A key that no catalogue has comes back as it is.
 *
 * @param {string} key
 * @param {Record<string, string | number>} [values]
 * @param {string} [language]
 */
export function t(key, values, language) {
  const text = catalogues[language ?? lang.value]?.[key] ?? key;
  return values ? text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole)) : text;
}

/**
 * The words for a code of the protocol where there are some, else the text itself.
 *
 * @param {string} family
 * @param {string} code
 */
export function known(family, code) {
  const key = `${family}.${code}`;
  return catalogues[lang.value]?.[key] ?? code;
}

/**
 * A list as people write it.
 *
 * @param {readonly string[]} parts
 */
export function listed(parts) {
  return parts.join(lang.value === "zh" ? "、" : ", ");
}
