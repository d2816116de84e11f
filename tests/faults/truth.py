"""What a fresh start serves, and what can be read from it: each alarm's events and states, each station's list.

Folds by merge patches alone and knows no rule of an alarm's life. Field's terms: projection, JSON merge patch.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Members = dict[str, Any]
WHOLE = ("alarm_raised", "alarm_shared")
"""Events that bring the whole alarm."""

TAKES = ("alarm_acknowledged", "alarm_taken", "transfer_accepted")
"""Events after which `by` is responsible."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """All that a hub which was started after the faults gives out.

    Args:
        log: station -> its events, as NDJSON has them.
        snapshots: station -> the snapshot message of a new console.
        views: alarm -> what its citizen is given; None for "there is no such alarm".
        media: (alarm, media) -> SHA-256 of each stored chunk by its number; the whole one's under -1 once it was ended.
        broken: what `dispatch log verify` found wrong; empty when nothing.
    """

    log: Mapping[str, list[Members]]
    snapshots: Mapping[str, Members] = field(default_factory=dict)
    views: Mapping[str, Members | None] = field(default_factory=dict)
    media: Mapping[tuple[str, str], Mapping[int, str]] = field(default_factory=dict)
    broken: str = ""


def merge(target: Any, patch: Any) -> Any:
    """`target` with the merge patch `patch`; neither is changed."""
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), value)
    return merged


SAID = ("talk", "notes")
"""What comes after the list, in stories."""


def listed(alarm: Members) -> Members:
    """An alarm as the list has it: without what was said."""
    return {name: value for name, value in alarm.items() if name not in SAID}


def told(alarm: Members, story: Members) -> Members:
    """An alarm with a part of its story; what is there already is newer, or the same."""
    if story["wipes"] < alarm.get("wipes", 0):
        return alarm
    return {**alarm, **{name: {**story[name], **alarm.get(name, {})} for name in SAID if story.get(name)}}


def without_what_comes(shown: Members, true: Members, last: Members) -> Members:
    """`shown` without words that `true` has not yet, and the log has in the end."""
    kept = dict(shown)
    for name in SAID:
        entries, come, then = shown.get(name, {}), true.get(name, {}), last.get(name, {})
        left = {key: entry for key, entry in entries.items() if key in come or then.get(key) != entry}
        if left or name in true:
            kept[name] = left
        else:
            kept.pop(name, None)
    return kept


class Truth:
    """The log, read.

    `homes` is the station that raised each alarm, `events` each alarm's own events there in the order of the log,
    `states` the alarm after each of them; `raisings` has every raising of it anywhere.
    """

    def __init__(self, log: Mapping[str, list[Members]]) -> None:
        self.log = log
        self.homes: dict[str, str] = {}
        self.events: dict[str, list[Members]] = {}
        self.states: dict[str, list[Members]] = {}
        self.raisings: dict[str, int] = {}
        self._at = {(station, row["offset"]): row for station, rows in log.items() for row in rows}
        for station, rows in log.items():
            for row in rows:
                if row["event"]["type"] == "alarm_raised":
                    self.homes.setdefault(row["alarm"], station)
                    self.raisings[row["alarm"]] = self.raisings.get(row["alarm"], 0) + 1
        for station, rows in log.items():
            for row in rows:
                if row["alarm"] is not None and self.homes.get(row["alarm"]) == station:
                    self._fold(row)

    def _fold(self, row: Members) -> None:
        events = self.events.setdefault(row["alarm"], [])
        states = self.states.setdefault(row["alarm"], [])
        before = {} if row["event"]["type"] in WHOLE or not states else states[-1]
        events.append(row)
        states.append(merge(before, row["changes"]))

    def at(self, station: str, offset: int) -> Members | None:
        """The event at a position."""
        return self._at.get((station, offset))

    def end(self, station: str) -> int:
        """The offset of the station's last event."""
        rows = self.log.get(station)
        return int(rows[-1]["offset"]) if rows else 0

    def state(self, alarm: str, version: int) -> Members | None:
        """The alarm at a version; None when it never had it."""
        states = self.states.get(alarm, [])
        return states[version - 1] if 1 <= version <= len(states) else None

    def upto(self, alarm: str, version: int) -> list[Members]:
        """The alarm's events up to a version."""
        return self.events.get(alarm, [])[: max(0, version)]

    def boards(self, station: str, offsets: Iterable[int]) -> dict[int, dict[str, Members]]:
        """The station's list (its open alarms by id) as it was at each of `offsets`."""
        wanted = sorted(set(offsets), reverse=True)
        board: dict[str, Members] = {}
        found: dict[int, dict[str, Members]] = {}
        for row in [*self.log.get(station, []), None]:
            while wanted and (row is None or row["offset"] > wanted[-1]):
                found[wanted.pop()] = still_open(board)
            if row is not None and row["alarm"] is not None:
                before = {} if row["event"]["type"] in WHOLE else board.get(row["alarm"], {})
                board[row["alarm"]] = merge(before, row["changes"])
        return found


def still_open(board: Mapping[str, Members]) -> dict[str, Members]:
    """The alarms that are on the list: all that are not closed, but never practice."""
    return {
        alarm: state
        for alarm, state in board.items()
        if state.get("status") != "closed" and state.get("kind") != "practice"
    }


def same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two events say the same, wherever they stand."""
    return all(one.get(name) == other.get(name) for name in ("at", "alarm", "version", "event", "changes"))


def differs(one: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """The names of the members in which they differ."""
    return "differs in " + ", ".join(sorted(n for n in {*one, *other} if one.get(n) != other.get(n)))
