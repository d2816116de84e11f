/**
 * Every visible word, from the catalogues in words/: one flat table a language. The one that is read here comes first, the
 * others when the page lives, so that a question can be put in the citizen's language whatever the officer reads. The choice
 * is remembered here.
 */

import { signal } from "/static/vendor/signals-core.js";

import { keep, kept } from "./kept.js";

const REMEMBERED = "fujin.lang";
export const LANGUAGES = /** @type {const} */ (["zh", "en"]);

/** @typedef {string | Record<string, string>} Text one for every number, or one for each plural form of `n` (CLDR's names) */

/** @type {Record<string, Record<string, Text>>} */
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
/** The catalogues of this page; what a later one says stands. @type {string[]} */
let names = [];
/** @type {Map<string, Promise<void>>} */
const coming = new Map();

/** @param {string} to one of `spoken` */
export function speak(to) {
  lang.value = LANGUAGES.find((one) => one === to) ?? lang.value;
  keep(REMEMBERED, lang.value);
  document.documentElement.lang = lang.value;
}

/**
 * Fetch the words of the language that is read here.
 *
 * @param {...string} catalogues the page's
 */
export async function loadWords(...catalogues) {
  names = catalogues;
  await wordsOf(lang.peek());
  document.documentElement.lang = lang.peek();
}

/** Fetch those of the others: later, since on a bad line an alarm must not wait for them. */
export function loadOthers() {
  for (const language of LANGUAGES) void wordsOf(language);
}

/** Until the words of this language are here. @param {string} language @returns {Promise<void>} */
export function wordsOf(language) {
  let found = coming.get(language);
  if (!found) coming.set(language, (found = insist(language)));
  return found;
}

/** @param {string} language */
async function load(language) {
  // Where the page was built, it says where they are.
  const told = document.querySelector(`meta[name="words"][lang="${language}"]`)?.getAttribute("content");
  const wanted = told ? [told] : names.map((name) => `/static/words/${name}.${language}.json`);
  const tables = await Promise.all(wanted.map(async (address) => (await fetch(address)).json()));
  catalogues[language] = Object.assign({}, ...tables);
  spoken.value = [...spoken.peek(), language];
}

/** Again until it is there. @param {string} language */
async function insist(language) {
  while (!spoken.peek().includes(language)) {
    await load(language).catch(() => new Promise((go) => setTimeout(go, PAUSE_MS)));
  }
}

/**
 * The words for `key`, `{name}` filled in, in the form that the number `n` takes. A key that no catalogue has comes back
 * as it is.
 *
 * @param {string} key
 * @param {Record<string, string | number>} [values]
 * @param {string} [language]
 */
export function t(key, values, language) {
  const read = language ?? lang.value;
  const entry = catalogues[read]?.[key] ?? key;
  const text = typeof entry === "string" ? entry : formOf(entry, Number(values?.["n"]), read);
  return values ? text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole)) : text;
}

/** @param {Record<string, string>} forms @param {number} n @param {string} language */
function formOf(forms, n, language) {
  return forms[new Intl.PluralRules(language).select(n)] ?? forms["other"] ?? "";
}

/**
 * The words for a code of the protocol where there are some, else the text itself.
 *
 * @param {string} family
 * @param {string} code
 */
export function known(family, code) {
  const key = `${family}.${code}`;
  const text = catalogues[lang.value]?.[key];
  return typeof text === "string" ? text : code;
}

/**
 * A list as people write it.
 *
 * @param {readonly string[]} parts
 */
export function listed(parts) {
  return parts.join(lang.value === "zh" ? "、" : ", ");
}
