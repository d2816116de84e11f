/**
 * What is wrong with the system itself, as the hub tells it: a band of one line each under the head, for supervisors
 * with all of it and how to mend it, for officers short. Decides nothing; a notice that ended is gone.
 */

import { effect, signal } from "/static/vendor/signals-core.js";

import { codeOf } from "./alarm.js";
import { html, useValue } from "./dom.js";
import { link, notices, stationName, store, user } from "./session.js";
import { dayAndClock } from "./time.js";
import { mention } from "./told.js";
import { known, lang, listed, t } from "./words.js";

/** @import { Notice, User } from "./types.d.ts" */
/** @typedef {{ code: string, bad: boolean, past: boolean, what: string, mend: string, alarm?: string, of: Notice[] }} Line */

const FOR_OFFICERS = ["store_unsafe", "store_away", "store_filling", "store_restored", "hubs_differ"];
const PAST = ["store_restored", "deadline_late", "clock_jumped"];
const TOGETHER = ["deadline_late", "rota_names"];

/** Of what is past, what a person has read here. @type {import("/static/vendor/signals-core.js").Signal<Set<string>>} */
const read = signal(new Set());

/** @param {Notice} one */
const keyOf = (one) =>
  [one.code, one.since, one.setting, one.partition, one.alarm, one.what, one.station, one.why].join(" ");

/**
 * The lines to show, one for each thing to know: late deadlines together with the worst of them, names that wake nobody
 * by the reason, and partitions that went back at the same time as one.
 *
 * @param {readonly Notice[]} all
 * @param {User} me
 * @returns {Line[]}
 */
function lines(all, me) {
  const short = me.role === "officer";
  /** @type {Map<string, Line>} */
  const found = new Map();
  for (const one of all) {
    const unsafe = one.code === "store_unsafe";
    const mine = one.why === "no_station" && one.station === me.station;
    if (short && !mine && (!FOR_OFFICERS.includes(one.code) || (unsafe && !one.refused))) continue;
    const line = {
      code: one.code,
      bad: (unsafe && one.refused === true) || one.code === "store_away" || mine,
      past: PAST.includes(one.code),
      what: sentence(one, short),
      mend: short ? "" : mend(one),
      ...(one.alarm && { alarm: one.alarm }),
      of: [one],
    };
    const key = TOGETHER.includes(one.code) ? one.code + because(one) : line.what;
    const same = found.get(key);
    found.set(key, same ? together(same, line) : line);
  }
  return [...found.values()].sort((a, b) => Number(b.bad) - Number(a.bad));
}

/** @param {Line} one @param {Line} other @returns {Line} */
function together(one, other) {
  const of = [...one.of, ...other.of];
  if (one.code === "rota_names") {
    return { ...one, what: t(`notice.rota_names${because(of[0])}`, named(of)), of };
  }
  if (one.code !== "deadline_late") return { ...one, of };
  const worst = of.reduce((a, b) => ((b.by_s ?? 0) > (a.by_s ?? 0) ? b : a));
  const what = t("notice.deadlines_late", { ...values(worst), n: of.length });
  return { ...one, what, ...(worst.alarm && { alarm: worst.alarm }), of };
}

/** @param {Notice} one @param {boolean} short */
function sentence(one, short) {
  if (short) return t(`notice.${one.code}.${one.code === "rota_names" ? "mine" : "short"}`, values(one));
  const allowed = one.code === "store_unsafe" && !one.refused;
  return t(allowed ? "notice.store_unsafe.allowed" : `notice.${one.code}${because(one)}`, values(one));
}

/** What is said about names depends on why they wake nobody, and about hubs on which one this is. @param {Notice} [one] */
function because(one) {
  if (one?.code === "hubs_differ") return `.${one.why}`;
  return one?.code === "rota_names" ? `.${one.why}${one.station ? "" : ".messenger"}` : "";
}

/** What to do about it; of a setting that has no words here, the hub's own. @param {Notice} one */
function mend(one) {
  if (one.code === "rota_names") return t(`mend.rota_names.${one.why}`);
  if (one.code !== "store_unsafe") return t(`mend.${one.code}`);
  const words = known("mend", one.setting ?? "");
  return words === one.setting ? (one.mend ?? "") : words;
}

/** @param {Notice} one */
function values(one) {
  return {
    at: dayAndClock(one.since),
    setting: one.setting ?? "",
    value: one.value ?? "",
    share: Math.round((one.share ?? 0) * 100),
    used: bytes(one.used_bytes),
    limit: bytes(one.limit_bytes),
    free: bytes(one.free_bytes),
    code: one.alarm ? codeOf(one.alarm) : "",
    to: one.to ? stationName(one.to) : "",
    what: known("late", one.what ?? ""),
    seconds: (one.by_s ?? 0).toFixed(1),
    ...named([one]),
  };
}

const MOST_NAMES = 8;

/** The stations, and the first of the names, each with the sign-in that was meant. @param {Notice[]} all */
function named(all) {
  const stations = new Set(all.flatMap((one) => (one.station ? [stationName(one.station)] : [])));
  const names = all.flatMap(({ names = [], near = {} }) =>
    names.map((name) => (near[name] ? t("notice.near", { name, meant: near[name] }) : name)),
  );
  const words = listed(names.slice(0, MOST_NAMES));
  const more = t("notice.names_more", { names: words, count: names.length });
  return { station: listed([...stations]), names: names.length > MOST_NAMES ? more : words };
}

/** @param {number} [count] */
function bytes(count = 0) {
  const power = count < 1e9 ? 2 : 3;
  return `${(count / 1000 ** power).toFixed(count < 1e8 ? 1 : power - 2)} ${power === 2 ? "MB" : "GB"}`;
}

/** Begin to mention each notice once to those who listen. */
export function mentionNotices() {
  /** @type {Set<string>} */
  let before = new Set();
  effect(() => {
    const now = notices.value;
    const fresh = lines(now, user.value).filter((line) => line.of.some((one) => !before.has(keyOf(one))));
    before = new Set(now.map(keyOf));
    if (fresh.length) mention(fresh.map((line) => `${line.what} ${line.mend}`).join(" "));
  });
}

/** @param {{ open: (alarm: string) => void, more?: () => void }} props `more` leads to all late deadlines */
export function Notices({ open, more }) {
  useValue(lang);
  useValue(store.alarms); // codes of alarms come with them
  const all = useValue(notices);
  const gone = useValue(read);
  const me = useValue(user);
  const { state } = useValue(link.state);
  const shown = lines(
    all.filter((one) => !gone.has(keyOf(one))),
    me,
  );
  if (!shown.length) return null;
  return html`
    <section
      class="notices ${state === "live" ? "" : "old"}"
      aria-label=${t("notice.title")}
      data-part="notices"
    >
      <ul>
        ${shown.map((line) => html`<${One} key=${line.what} line=${line} open=${open} more=${more} />`)}
      </ul>
    </section>
  `;
}

/** @param {{ line: Line, open: (alarm: string) => void, more?: () => void }} props */
function One({ line, open, more }) {
  const { alarm } = line;
  const done = () => (read.value = new Set([...read.peek(), ...line.of.map(keyOf)]));
  return html`
    <li class=${line.bad ? "bad" : ""} data-notice=${line.code}>
      <p><b>${line.what}</b> ${line.mend}</p>
      ${
        alarm
          ? html`<button class="chip" data-act="notice-alarm" onClick=${() => open(alarm)}>
              ${codeOf(alarm)}
            </button>`
          : null
      }
      ${
        more && line.code === "deadline_late" && line.of.length > 1
          ? html`<button class="chip" data-act="notice-more" onClick=${more}>${t("notice.more")}</button>`
          : null
      }
      ${line.past ? html`<button class="chip" data-act="notice-read" onClick=${done}>${t("dismiss")}</button>` : null}
    </li>
  `;
}
