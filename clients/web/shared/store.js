/**
 * What this console knows: for each station its position, its alarms and who is on duty, folded from snapshots
 * and events. Holds none of the lifecycle's rules: an event brings its changes, and they are merged.
 * Field's term: projection, read model.
 */

import { computed, signal } from "/static/vendor/signals-core.js";

import { applyPatch } from "./merge.js";

/** @import { Alarm, Duty, EventFrame, Position, SnapshotFrame, StoryFrame } from "./types.d.ts" */
/** `owed`: the alarms whose stories are still to come. @typedef {{ position: Position, alarms: Map<string, Alarm>, duty: Duty, owed: Set<string> }} Stream */

/** @type {Duty} */
const NO_DUTY = { officers: [], signed: {}, ready: [] };

/** Closed alarms are kept for the session, at most so many of each station: the newest. */
const CLOSED_KEPT = 200;

/**
 * The same without the closed ones beyond those kept, so that a console left open for weeks stays small.
 *
 * @param {Map<string, Alarm>} alarms is changed
 */
function withoutOldest(alarms) {
  const closed = [...alarms.values()].filter((alarm) => alarm.status === "closed");
  if (closed.length <= CLOSED_KEPT) return alarms;
  closed.sort((a, b) => (a.closed_at ?? "").localeCompare(b.closed_at ?? ""));
  for (const { id } of closed.slice(0, -CLOSED_KEPT)) alarms.delete(id);
  return alarms;
}

export function makeStore() {
  /** @type {import("/static/vendor/signals-core.js").Signal<Map<string, Stream>>} */
  const streams = signal(new Map());

  /**
   * Every alarm once. One that several stations share comes in each of their streams, at different speeds: the
   * highest version stands, and each stream is folded by itself, so that no change is ever skipped.
   */
  const alarms = computed(() => {
    /** @type {Map<string, Alarm>} */
    const all = new Map();
    for (const stream of streams.value.values()) {
      for (const [id, alarm] of stream.alarms) {
        const known = all.get(id);
        if (alarm.kind !== "practice" && (!known || known.version < alarm.version)) all.set(id, alarm);
      }
    }
    return all;
  });

  /** @param {string} station @param {Stream} stream */
  function put(station, stream) {
    streams.value = new Map(streams.value).set(station, stream);
  }

  return {
    streams,
    alarms,

    /** Where each station's stream was read to. */
    positions() {
      return Object.fromEntries([...streams.value].map(([station, stream]) => [station, stream.position]));
    },

    /** The same of the stations of which everything is here, for a subscription that resumes. */
    whole() {
      const all = [...streams.value].filter(([, stream]) => !stream.owed.size);
      return Object.fromEntries(all.map(([station, stream]) => [station, stream.position]));
    },

    /** @param {SnapshotFrame} frame */
    snapshot(frame) {
      const before = streams.value.get(frame.station);
      // What was closed in another history than this one perhaps never was.
      const kept = before?.position.epoch === frame.position.epoch ? before.alarms : new Map();
      const closed = [...kept].filter(([, alarm]) => alarm.status === "closed").slice(-CLOSED_KEPT);
      const now = new Map(closed);
      for (const alarm of frame.alarms) {
        const known = kept.get(alarm.id); // what was said stays in sight until its story has come again
        const same = known && (known.wipes ?? 0) === (alarm.wipes ?? 0);
        const { talk, notes } = same ? known : {};
        now.set(alarm.id, { ...alarm, ...(talk && { talk }), ...(notes && { notes }) });
      }
      put(frame.station, {
        position: frame.position,
        alarms: now,
        duty: { ...NO_DUTY, ...frame.duty },
        owed: new Set(frame.stories),
      });
    },

    /**
     * A part of what was said in an alarm of the snapshot. What is there already is newer, or the same.
     *
     * @param {StoryFrame} frame
     */
    story(frame) {
      const stream = streams.value.get(frame.station);
      if (!stream) return;
      const owed = new Set(stream.owed);
      if (frame.whole) owed.delete(frame.alarm);
      const alarm = stream.alarms.get(frame.alarm);
      if (!alarm || frame.wipes < (alarm.wipes ?? 0)) return put(frame.station, { ...stream, owed });
      const told = {
        ...alarm,
        ...(frame.talk && { talk: { ...frame.talk, ...alarm.talk } }),
        ...(frame.notes && { notes: { ...frame.notes, ...alarm.notes } }),
      };
      return put(frame.station, { ...stream, owed, alarms: new Map(stream.alarms).set(frame.alarm, told) });
    },

    /**
     * Fold one event in.
     *
     * @param {EventFrame} frame
     * @returns {"applied" | "known" | "gap"} a gap changes nothing: subscribe again from the position.
     */
    event(frame) {
      const stream = streams.value.get(frame.station);
      if (!stream || stream.position.epoch !== frame.position.epoch) return "gap";
      if (frame.position.offset <= stream.position.offset) return "known";
      if (frame.position.offset !== stream.position.offset + 1) return "gap";
      const next = { ...stream, position: frame.position };
      if (frame.alarm === null) {
        next.duty = dutyAfter(stream.duty, frame.event, frame.at);
      } else if (frame.changes) {
        // These two bring the alarm whole; it may have been here before, and what is gone by now must go.
        const whole = frame.event.type === "alarm_raised" || frame.event.type === "alarm_shared";
        const before = whole ? {} : (stream.alarms.get(frame.alarm) ?? {});
        const alarm = /** @type {Alarm} */ (applyPatch(before, frame.changes));
        // A change to what was closed before this console came, such as a note: there is nothing here to change.
        if (alarm.id) next.alarms = withoutOldest(new Map(stream.alarms).set(frame.alarm, alarm));
      }
      put(frame.station, next);
      return "applied";
    },
  };
}

/**
 * A ready console is kept as "V03 <console>", or as "V03" where a snapshot told only the name. Of an officer's consoles
 * only the first is told when it is ready, and only the last when it is lost: then the officer has none.
 *
 * @param {Duty} duty
 * @param {import("./types.d.ts").AlarmEvent} event
 * @param {string} at when it was
 * @returns {Duty}
 */
export function dutyAfter(duty, event, at) {
  switch (event.type) {
    case "console_ready": {
      const one = `${event.officer} ${event.console}`;
      return { ...duty, ready: [...duty.ready.filter((name) => name !== one), one] };
    }
    case "console_lost": {
      const { officer } = event;
      const others = duty.ready.filter((name) => name !== officer && !name.startsWith(`${officer} `));
      return { ...duty, ready: others };
    }
    case "duty_changed":
      return { ...duty, officers: event.officers, until: event.until, signed: {} };
    case "duty_signed":
      return { ...duty, signed: { ...duty.signed, [event.officer]: event.on } };
    case "flood_began":
      return { ...duty, flood: { since: at } };
    case "flood_ended":
      return { officers: duty.officers, until: duty.until, signed: duty.signed, ready: duty.ready };
    default:
      return duty;
  }
}

/**
 * Who is on duty now, rota and sign-ins together.
 *
 * @param {Duty} duty
 * @returns {string[]}
 */
export function onDuty(duty) {
  const beside = Object.keys(duty.signed).filter((name) => duty.signed[name]);
  return [...new Set([...duty.officers, ...beside])].filter((name) => duty.signed[name] !== false);
}

/**
 * Who has a console that can wake them.
 *
 * @param {Duty} duty
 * @returns {string[]}
 */
export function readyOfficers(duty) {
  return [...new Set(duty.ready.map((one) => one.split(" ")[0] ?? one))];
}

/**
 * Whether the alarm rings on this person's console.
 *
 * @param {Alarm} alarm
 * @param {import("./types.d.ts").User} user
 */
export function rings(alarm, user) {
  if (alarm.status !== "raised" || alarm.kind === "practice") return false;
  const supervising = user.role === "supervisor" && (alarm.audience ?? []).includes("supervisor");
  return supervising || (alarm.called ?? []).includes(user.name);
}
