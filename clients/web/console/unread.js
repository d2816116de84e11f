/**
 * What citizens added and this officer has not had in sight: counted, heard by a tone of its own, and announced, whatever
 * else is on the screen. It counts for who has the alarm, and where nobody has it for all on duty. Read is what was in
 * sight of an open page; the hub keeps it, and the citizen is told. Field's term: unread marks, read receipts.
 */

import { computed, effect, signal } from "/static/vendor/signals-core.js";

import { link, onEvent, ringing, store, user } from "../shared/session.js";
import { remind } from "../shared/sound.js";
import { onDuty } from "../shared/store.js";
import { cry, mention } from "../shared/told.js";
import { t } from "../shared/words.js";
import { isLost } from "./claims.js";

/** @import { Alarm } from "../shared/types.d.ts" */
/** @typedef {"talk" | "media"} Part what can be in sight by itself */

const PITCH = 1180;
const BETWEEN_MS = 2000;
/** So much of what was said is read out: the rest is on the screen. */
const SAID_CHARS = 120;

/** Up to which version each part was in sight here. @type {import("/static/vendor/signals-core.js").Signal<Map<string, Record<Part, number>>>} */
const inSight = signal(new Map());

/** Who has nobody's alarm: all on duty. @param {Alarm} alarm */
function concerns(alarm) {
  const me = user.value;
  if (alarm.kind === "practice" || alarm.status === "closed") return false;
  if (alarm.owner === me.name && alarm.status !== "raised") return true;
  if (alarm.status !== "raised" && !isLost(alarm)) return false;
  const station = me.station ?? alarm.station;
  const duty = store.streams.value.get(station)?.duty;
  return me.role === "officer" && duty !== undefined && onDuty(duty).includes(me.name);
}

/** The versions of what is not read, of one part. @param {Alarm} alarm @param {Part} part */
function unreadIn(alarm, part) {
  const here = inSight.value.get(alarm.id);
  const read = Math.max(alarm.read?.[user.value.name] ?? 0, here?.[part] ?? 0);
  if ((alarm.added ?? 0) <= read) return [];
  const all =
    part === "talk"
      ? Object.entries(alarm.talk ?? {}).map(([n, entry]) => (entry.who === "citizen" ? Number(n) : 0))
      : Object.values(alarm.media ?? {}).map((item) => item.n ?? 0);
  return all.filter((n) => n > read);
}

/** The same of all of it. @param {Alarm} alarm */
const unreadOf = (alarm) => [...unreadIn(alarm, "talk"), ...unreadIn(alarm, "media")];

/** How much is not read, of each alarm that concerns this officer. */
export const unread = computed(() => {
  /** @type {Map<string, number>} */
  const found = new Map();
  for (const alarm of store.alarms.value.values()) {
    if (!alarm.added || !concerns(alarm)) continue;
    const n = unreadOf(alarm).length;
    if (n) found.set(alarm.id, n);
  }
  return found;
});

export const unreadInAll = computed(() => [...unread.value.values()].reduce((all, n) => all + n, 0));

/** The alarm whose unread came first, to open it. */
export function firstUnread() {
  const waiting = [...unread.peek().keys()].map((id) => store.alarms.peek().get(id));
  const at = (/** @type {Alarm | undefined} */ alarm) => (alarm ? Math.min(...unreadOf(alarm)) : Infinity);
  return waiting.sort((a, b) => at(a) - at(b))[0]?.id ?? null;
}

/** A part of the alarm is in sight. @param {Alarm} alarm @param {Part} part */
export function sees(alarm, part) {
  if (document.visibilityState !== "visible" || !alarm.added || !concerns(alarm)) return;
  if (!unreadIn(alarm, part).length) return;
  const before = inSight.peek().get(alarm.id) ?? { talk: 0, media: 0 };
  inSight.value = new Map(inSight.peek()).set(alarm.id, { ...before, [part]: alarm.added });
  const left = unreadOf(alarm);
  const upto = left.length ? Math.min(...left) - 1 : alarm.added;
  if (upto > (alarm.read?.[user.peek().name] ?? 0)) {
    void link.request({ type: "read", alarm: alarm.id, upto });
  }
}

const soundedAt = { urgent: -Infinity, any: -Infinity };

/** Not for every one of many; but what is urgent is held back by nothing that is not. @param {boolean} urgent */
function sounds(urgent) {
  const now = performance.now();
  if (now - (urgent ? soundedAt.urgent : soundedAt.any) < BETWEEN_MS) return;
  soundedAt.any = now;
  if (urgent) soundedAt.urgent = now;
  if (urgent) remind(PITCH, 6, 0.8);
  else remind(PITCH, 2, 0.4);
}

/** What was added, in words, and whether it must be heard at once; null when it is nothing of that. @param {string} type @param {Alarm} alarm @returns {[string, boolean] | null} */
function inWords(type, alarm) {
  const values = { code: alarm.code };
  const said = alarm.talk?.[String(alarm.version)];
  const text = said?.text ?? "";
  const short = text.length > SAID_CHARS ? `${[...text].slice(0, SAID_CHARS).join("")}…` : text;
  switch (type) {
    case "citizen_said":
      return [t("news.said", { ...values, text: short }), false];
    case "question_answered":
      if (text === "danger_now") return [t("news.danger", values), true];
      return [t("news.answered", { ...values, text: known(text, short) }), false];
    case "media_added": {
      const added = Object.values(alarm.media ?? {}).find((item) => item.n === alarm.version);
      const photo = added?.kind === "photo";
      return [t(photo ? "news.photo" : "news.audio", values), photo];
    }
    case "cancel_requested":
      return alarm.cancel === "duress" ? [t("news.duress", values), true] : [t("news.cancel", values), false];
    default:
      return null;
  }
}

/** @param {string} choice @param {string} words */
function known(choice, words) {
  const said = t(`choice.${choice}`);
  return said.startsWith("choice.") ? words : said;
}

/** Hear of everything that is added from now on. */
export function followUnread() {
  onEvent((type, alarm) => {
    const told = concerns(alarm) ? inWords(type, alarm) : null;
    if (!told) return;
    const [words, urgent] = told;
    const mine = alarm.owner === user.peek().name;
    if (mine || !ringing.peek().some((one) => one.id === alarm.id)) sounds(urgent);
    if (urgent && mine) cry(words);
    else mention(words);
  });
  effect(() => {
    const n = unreadInAll.value;
    document.documentElement.dataset["unread"] = String(n);
  });
}
