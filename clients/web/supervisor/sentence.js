/** One event of the log as a sentence; also what did not happen ("nobody was reached"). */

import { codeOf } from "../shared/alarm.js";
import { stationName } from "../shared/session.js";
import { dayAndClock, span } from "../shared/time.js";
import { known, listed, t } from "../shared/words.js";

/** @import { LoggedEvent, LogRow } from "../shared/types.d.ts" */

/** Every type of event there is, as the log can be filtered by it. */
export const TYPES = [
  "alarm_raised",
  "plan_made",
  "checked_in",
  "alarm_shared",
  "step_run",
  "alarm_rerouted",
  "alarm_unanswered",
  "alarm_delivered",
  "alarm_seen",
  "notification_sent",
  "notification_failed",
  "notification_shown",
  "notification_opened",
  "notification_unopened",
  "alarm_acknowledged",
  "alarm_taken",
  "alarm_released",
  "handover_offered",
  "handover_accepted",
  "handover_rejected",
  "handover_withdrawn",
  "owner_reminded",
  "owner_lost",
  "owner_back",
  "station_gone",
  "alarm_en_route",
  "alarm_on_scene",
  "alarm_closed",
  "close_undone",
  "alarm_reopened",
  "alarm_overdue",
  "burst_joined",
  "burst_led",
  "transfer_offered",
  "transfer_accepted",
  "transfer_rejected",
  "cancel_requested",
  "citizen_said",
  "officer_said",
  "question_asked",
  "question_answered",
  "talk_delivered",
  "talk_read",
  "talk_seen",
  "note_added",
  "position_reported",
  "media_added",
  "media_ended",
  "media_ready",
  "media_unreadable",
  "media_worker_died",
  "live_sound_failed",
  "media_opened",
  "original_opened",
  "helpers_called",
  "helper_saw_call",
  "helper_accepted",
  "helper_declined",
  "helper_shown_place",
  "helper_done",
  "helpers_released",
  "content_held",
  "content_released",
  "content_wiped",
  "media_removed",
  "console_ready",
  "console_lost",
  "duty_changed",
  "duty_signed",
  "flood_began",
  "flood_ended",
  "store_restored",
  "deadline_late",
];

/** What should not have happened. */
const BAD = [
  "alarm_unanswered",
  "alarm_overdue",
  "console_lost",
  "media_unreadable",
  "media_worker_died",
  "live_sound_failed",
  "owner_reminded",
  "owner_lost",
  "station_gone",
  "flood_began",
  "store_restored",
  "deadline_late",
  "notification_failed",
  "notification_unopened",
];

/** @param {unknown} value @returns {string[]} */
const names = (value) => (Array.isArray(value) ? value.map(String) : []);

/** @param {unknown} value */
const text = (value) => (value === undefined || value === null ? "" : String(value));

/**
 * What happened, in a sentence.
 *
 * @param {LogRow} row
 * @param {number} [waited] seconds for which nobody had taken it, where that is known
 */
export function sentence({ event, wiped, item }, waited) {
  const values = {
    by: text(event.by),
    owner: text(event.owner ?? event.taken_from ?? event.handed_by),
    officer: text(event.officer),
    officers: listed(names(event.officers)),
    station: stationName(text(event.station)),
    home: stationName(text(event.home)),
    to: stationName(text(event.to)),
    before: stationName(text(event.before)),
    gone: stationName(text(event.gone)),
    day: text(event.day),
    step: Number(event.step ?? 0) + 1,
    round: Number(event.loop ?? 0) + 1,
    audience: listed(names(event.audience).map((one) => known("audience", one))),
    called: listed(names(event.called)) || t("log.nobody"),
    reached: listed(names(event.reached)) || t("log.nobody"),
    because: because(event, waited),
    channel: text(event.via) || known("channel", text(event.channel)),
    cause: known("cause", text(event.cause)),
    how: event.disposition ? known("disposition", text(event.disposition)) : "",
    what: event.what ? known("late", text(event.what)) : known("kind", text(event.kind)),
    words: wiped ? t("log.wiped") : event.answer ? known("choice", text(event.answer)) : text(event.text),
    helpers: listed(names(event.helpers)),
    tasks: listed(names(event.tasks).map((one) => known("task", one))) || t("log.own_words"),
    refusal: known("refusal", text(event.why)),
    code: event.about ? codeOf(text(event.about)) : text(event.code),
    due: dayAndClock(text(event.due) || undefined),
    span: span(Number(event.window_s ?? 0)),
    whom: text(event.type === "handover_offered" ? event.to : ""),
    n: Number(event.consoles ?? event.count ?? event.objects ?? event.deaths ?? 0),
    seconds: Number(event.by_s ?? 0).toFixed(1),
    within: span(Number(event.within_s ?? 0)),
    number: item?.number ?? "",
  };
  const key = `event.${event.type}${variant(event, item)}`;
  const told = t(key, values);
  // Of some events the reason is a code, and already in the sentence.
  const said = event.type === "notification_failed" ? "" : (event.reason ?? event.note ?? event.summary);
  const reason = text(event.type === "media_unreadable" ? event.reason : said);
  const whole = told === key ? event.type : told;
  return reason ? t("log.with_reason", { what: whole, reason }) : whole;
}

/** Why: a step that was due says how long nobody had taken the alarm. @param {LoggedEvent} event @param {number} [waited] */
function because(event, waited) {
  const why = text(event.why ?? event.reason);
  if (event.type !== "step_run" || why !== "due") return known("because", why);
  if (waited === undefined) return t(event.step || event.loop ? "because.due.before" : "because.due.new");
  return waited ? t("because.due", { n: waited }) : t("because.due.new");
}

/** @param {LoggedEvent} event @param {LogRow["item"]} [item] */
function variant(event, item) {
  if (event.type === "media_opened" || event.type === "original_opened") return item ? `.${item.kind}` : "";
  if (event.type === "cancel_requested") return event.duress ? ".duress" : "";
  if (event.type === "content_wiped") return event.why === "policy" ? ".policy" : "";
  if (event.type === "alarm_taken" && event.why) return `.${event.why}`;
  if (event.type === "handover_offered") return event.to ? "" : ".any";
  if (event.type === "duty_signed") return event.on ? ".on" : ".off";
  if (event.type === "notification_sent" || event.type === "notification_failed") {
    return event.step === undefined ? ".reminder" : "";
  }
  if (event.type === "alarm_raised" && event.plan) return `.${event.plan}`;
  return "";
}

/** How much a line of the log should be noticed: something failed, someone was called, or it is as it should be. @param {LoggedEvent} event */
export function weight(event) {
  if (event.type === "step_run") return names(event.reached).length ? "call" : "bad";
  if (BAD.includes(event.type) || event.duress === true || event.cause === "not_moving") return "bad";
  return event.type === "alarm_raised" ? "call" : "";
}
