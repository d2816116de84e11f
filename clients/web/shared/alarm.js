/** An alarm in words: what people call it, its first line, and who has been called for it. */

import { store } from "./session.js";
import { known, listed, t } from "./words.js";

/** @import { Alarm } from "./types.d.ts" */

/** Codes of alarms that were seen in the log, by id. @type {Map<string, string>} */
export const codes = new Map();

/** What people call an alarm: its code, or the beginning of its id where the code is not known. @param {string} id */
export function codeOf(id) {
  return store.alarms.peek().get(id)?.code ?? codes.get(id) ?? id.slice(0, 8);
}

/** What the alarm is in one line. @param {Alarm} alarm */
export function headline(alarm) {
  if (alarm.text) return alarm.text;
  const said = Object.values(alarm.talk ?? {}).find((entry) => entry.who === "citizen" && entry.text);
  if (said?.text && !said.answers) return said.text;
  return alarm.category ? known("category", alarm.category) : t("alarm.no_words");
}

/**
 * How soon an alarm wants a person, 1 before all: nobody has it, or who has it is lost; taken and not moving, or
 * perhaps under duress; someone goes or is there; closed. Field's term: alarm priority (ISA-18.2).
 *
 * @param {Alarm} alarm
 */
export function priority(alarm) {
  if (alarm.status === "closed") return 4;
  if (alarm.status === "raised" && alarm.quiet) return 3;
  if (alarm.status === "raised" || alarm.owner_lost_at) return 1;
  return alarm.status === "acknowledged" || alarm.cancel === "duress" ? 2 : 3;
}

/**
 * Who has been called so far, while nobody has it.
 *
 * @param {Alarm} alarm
 * @param {number} [most] so many call signs, and the number of the others
 */
export function called(alarm, most = Infinity) {
  if (alarm.status !== "raised") return "";
  if (alarm.quiet) return t("called.by_its_burst");
  if (alarm.step === undefined) return t("called.nobody_yet");
  const audience = listed((alarm.audience ?? []).map((one) => known("audience", one)));
  const all = alarm.called ?? [];
  const named = listed(all.slice(0, most));
  const names = all.length > most ? t("called.more", { names: named, more: all.length - most }) : named;
  const values = { step: alarm.step + 1, audience, names };
  return t(alarm.called?.length ? "called.with_names" : "called.so_far", values);
}
