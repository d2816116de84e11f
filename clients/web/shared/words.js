/**
 * Every visible word, from the catalogues in words/: one flat table a language, all languages loaded at the start, so
 * that a question can be put in the citizen's language whatever the officer reads. The choice is remembered here.
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

/** @param {string} to */
export function speak(to) {
  lang.value = LANGUAGES.find((one) => one === to) ?? lang.value;
  keep(REMEMBERED, lang.value);
  document.documentElement.lang = lang.value;
}

/**
 * Fetch the catalogues; what a later one says stands.
 *
 * @param {...string} names
 */
export async function loadWords(...names) {
  for (const language of LANGUAGES) {
    const tables = await Promise.all(
      names.map(async (name) => (await fetch(`/static/words/${name}.${language}.json`)).json()),
    );
    catalogues[language] = Object.assign({}, ...tables);
  }
  document.documentElement.lang = lang.value;
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
