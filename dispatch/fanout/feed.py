"""One station on this hub: its consoles, its latest events in memory, and frames that are encoded once.

Only holds; `hub` moves. Field's terms: topic, replay buffer.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import msgpack
import orjson

from dispatch.alarm.clock import Timer
from dispatch.alarm.sight import to_console
from dispatch.fanout.session import Firsts, Session
from dispatch.fanout.transport import encode

_SAID = 10_000
"""Alarms of which it is known when something was said last; forgetting them costs a reading of their stories."""
EVERY_ALARM = "*"
"""In the place of an alarm's id: to be told of every event of a station."""

Watch = Callable[[dict[str, Any]], None]
"""Called with each event (wire form) of one alarm, and with {} when some may have been missed; must not block."""


class Wire(Protocol):
    """Where frames go: see `transport.Protocol`."""

    def write_frame(self, frame: bytes) -> bool: ...
    async def drained(self) -> None: ...
    def buffered(self) -> int: ...
    def close(self, code: int, reason: str) -> None: ...


class Frame:
    """One message, encoded once per codec however many consoles get it."""

    __slots__ = ("_packed", "_text", "json")

    def __init__(self, json: bytes) -> None:
        self.json = json
        self._text: bytes | None = None
        self._packed: bytes | None = None

    def wire(self, packed: bool) -> bytes:
        """The WebSocket frame: MessagePack when `packed`, else JSON."""
        if packed:
            if self._packed is None:
                self._packed = encode(msgpack.packb(orjson.loads(self.json)), text=False)
            return self._packed
        if self._text is None:
            self._text = encode(self.json, text=True)
        return self._text


class Snapshot(NamedTuple):
    """A station as it is at `offset`: the list, the ids of its alarms, and of those in which something was said."""

    offset: int
    frame: Frame
    alarms: list[str]
    stories: list[str]


@dataclass(slots=True, eq=False)
class Console:
    """A session and its connection; `packed` says its codec."""

    session: Session
    wire: Wire
    packed: bool
    stations: tuple[str, ...] = ()
    owed: int = 0  # bytes of the hub's own answer that may still be on their way: a slow line is not cut for them
    telling: asyncio.Task[None] | None = None  # its stories


class Remembered(NamedTuple):
    """An event in memory; `new_alarm` is its alarm's id when it is the first that consoles hear of it."""

    offset: int
    link: str
    frame: Frame
    new_alarm: str | None


class Told(NamedTuple):
    """The story of an alarm as frames; `at`: the offset up to which everything that was said is in them."""

    at: int
    frames: list[Frame]


@dataclass(slots=True, eq=False)
class Feed:
    """One station on this hub. `last` and `link`: offset and link of the last event that was fanned out.

    Until `opened` it only notes what is `announced`: where the stream stands is being read.
    """

    station: str
    ring: deque[Remembered]
    watches: dict[str, set[Watch]] = field(default_factory=dict)
    consoles: set[Console] = field(default_factory=set)
    last: int = 0
    link: str = ""
    epoch: str = ""
    announced: int = 0
    opened: bool = False
    asked: int = 0  # how often the stream was to be read on: what rings during a reading may not be in it
    catching_up: asyncio.Task[None] | None = None
    unsent: list[Remembered] = field(default_factory=list)
    sending: asyncio.Handle | Timer | None = None
    urgent: bool = False
    snapshot: asyncio.Task[Snapshot] | None = None
    said: dict[str, int] = field(default_factory=dict)  # alarm -> offset of what was said, noted or wiped in it last
    stories: dict[str, Told] = field(default_factory=dict)  # while consoles are told them
    tellers: int = 0
    firsts: Firsts = field(default_factory=Firsts)

    def covers(self, offset: int) -> bool:
        """Whether memory holds every event after `offset`."""
        return offset >= self.last or bool(self.ring and self.ring[0].offset <= offset + 1)

    def agrees(self, offset: int, link: str) -> bool:
        """Whether the event at `offset` has this link; also true when memory does not reach so far."""
        if offset == self.last:
            return link == self.link
        if self.ring and self.ring[0].offset <= offset < self.last:
            return link == self.ring[offset - self.ring[0].offset].link
        return True

    def forget(self, alarm: str) -> None:
        """Nothing that was said in this alarm is served from memory any more: the stream knows what is left."""
        mark = alarm.encode()
        last = max((n for n, known in enumerate(self.ring) if mark in known.frame.json), default=-1)
        for _ in range(last + 1):  # what came before must go too: the ring has no holes
            self.ring.popleft()

    def take(self, offset: int, link: str, frame: Frame, new_alarm: str | None) -> None:
        """Remember the next event."""
        self.ring.append(Remembered(offset, link, frame, new_alarm))
        self.last, self.link = offset, link
        if len(self.said) > _SAID:
            self.said.clear()
            self.stories.clear()
        if new_alarm is not None:
            self.firsts.add(offset, new_alarm)


Missed = list[tuple[Frame, str | None]]
"""Events that a console has not had: frame, and the alarm's id when it is the first that consoles hear of it."""


def event_frame(epoch: str, station: str, offset: int, members: dict[str, Any], body: bytes = b"") -> Frame:
    """The frame of an event as consoles may see it. `members`: everything but station and position; `body`: as JSON."""
    shown = to_console(members)
    if shown is not members or not body:
        body = orjson.dumps(shown)
    head = orjson.dumps({"type": "event", "station": station, "position": {"epoch": epoch, "offset": offset}})
    return Frame(head[:-1] + b"," + body[1:])


def snapshot_frame(
    epoch: str, station: str, offset: int, duty: dict[str, Any], alarms: list[bytes], stories: list[str]
) -> Frame:
    """The frame of a station as it is at `offset`; the alarms are already JSON, their stories still to come."""
    position = {"epoch": epoch, "offset": offset}
    head = orjson.dumps(
        {"type": "snapshot", "station": station, "position": position, "duty": duty, "stories": stories}
    )
    return Frame(head[:-1] + b',"alarms":[' + b",".join(alarms) + b"]}")


def wipes(members: dict[str, Any]) -> bool:
    """Whether the content of the event's alarm was wiped: with this event, or with one that was left out."""
    return "wipes" in members.get("changes", ())


def speaks(members: dict[str, Any]) -> bool:
    """Whether something was said or noted in the event's alarm, or taken from what was."""
    changes = members.get("changes", ())
    return "talk" in changes or "notes" in changes or "wipes" in changes


def only_counts(members: dict[str, Any]) -> bool:
    """Whether the event asks nobody to look: one more console has the alarm."""
    return bool(members["event"]["type"] == "alarm_delivered")


def starts(members: dict[str, Any]) -> str | None:
    """The alarm's id when this event is the first that the station's consoles hear of it."""
    return members["alarm"] if members["event"]["type"] in ("alarm_raised", "alarm_shared") else None
