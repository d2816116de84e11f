"""What a console knows: each station's alarms, folded from its snapshot and its events. Pure.

Holds no rule of an alarm's life; refuses an event that does not follow the last one.
Field's terms: projection, JSON merge patch (RFC 7396).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fujin_client.errors import Gap

_WHOLE = ("alarm_raised", "alarm_shared")


@dataclass(frozen=True, slots=True)
class Position:
    """Where in a station's stream: the store's epoch and the last event that was applied."""

    epoch: str
    offset: int

    def members(self) -> dict[str, Any]:
        """As the protocol has it."""
        return {"epoch": self.epoch, "offset": self.offset}


@dataclass(frozen=True, slots=True)
class Event:
    """One event as it came. `data` are the event's own members, `changes` the merge patch of the alarm."""

    station: str
    position: Position
    type: str
    at: str
    alarm: str | None
    version: int | None
    data: Mapping[str, Any]
    changes: Mapping[str, Any] | None


@dataclass(slots=True)
class Stream:
    """One station: everything up to `position`. `duty` is as the snapshot had it, `owed` the stories still to come."""

    position: Position
    alarms: dict[str, dict[str, Any]]
    duty: Mapping[str, Any]
    owed: set[str] = field(default_factory=set)


def merge(target: Any, patch: Any) -> Any:
    """`target` with JSON merge patch `patch`; neither is changed."""
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), value)
    return merged


class Board:
    """All stations of a console."""

    def __init__(self) -> None:
        self.streams: dict[str, Stream] = {}

    @property
    def alarms(self) -> dict[str, dict[str, Any]]:
        """Every alarm once, by id. One that stations share comes in each one's stream: the highest version stands."""
        every: dict[str, dict[str, Any]] = {}
        for stream in self.streams.values():
            for alarm_id, alarm in stream.alarms.items():
                if alarm_id not in every or every[alarm_id]["version"] < alarm["version"]:
                    every[alarm_id] = alarm
        return every

    @property
    def positions(self) -> dict[str, Position]:
        return {station: stream.position for station, stream in self.streams.items()}

    @property
    def whole(self) -> dict[str, Position]:
        """The positions of the stations of which everything is here: from these a subscription can resume."""
        return {station: stream.position for station, stream in self.streams.items() if not stream.owed}

    def replace(self, snapshot: Mapping[str, Any]) -> None:
        """Take a station's `snapshot` message for all that is known of it."""
        self.streams[snapshot["station"]] = Stream(
            Position(**snapshot["position"]), {alarm["id"]: alarm for alarm in snapshot["alarms"]}, snapshot["duty"],
            set(snapshot.get("stories", ())),
        )  # fmt: skip

    def tell(self, story: Mapping[str, Any]) -> None:
        """Take a part of what was said in an alarm of the snapshot; what is known already is newer, or the same."""
        stream = self.streams.get(story["station"])
        if stream is None:
            return
        if story.get("whole"):
            stream.owed.discard(story["alarm"])
        alarm = stream.alarms.get(story["alarm"])
        if alarm is None or story["wipes"] < alarm.get("wipes", 0):
            return
        said = {name: {**story[name], **alarm.get(name, {})} for name in ("talk", "notes") if story.get(name)}
        stream.alarms[story["alarm"]] = {**alarm, **said}

    def keep_only(self, stations: Mapping[str, Any]) -> None:
        """Forget every other station."""
        self.streams = {station: stream for station, stream in self.streams.items() if station in stations}

    def apply(self, message: Mapping[str, Any]) -> Event:
        """Apply an `event` message.

        Raises:
            Gap: it is not the next one; nothing was changed.
        """
        station, at = message["station"], Position(**message["position"])
        stream = self.streams[station]
        if at != Position(stream.position.epoch, stream.position.offset + 1):
            raise Gap(station, stream.position.offset + 1, at.offset)
        members, alarm, changes = message["event"], message.get("alarm"), message.get("changes")
        if alarm is not None and changes is not None:
            before = {} if members["type"] in _WHOLE else stream.alarms.get(alarm, {})
            after = merge(before, changes)
            # A change to what was closed before this console came, such as a note: there is nothing here to change.
            if "id" in after:
                stream.alarms[alarm] = after
        stream.position = at
        return Event(station, at, members["type"], message["at"], alarm, message.get("version"), members, changes)
