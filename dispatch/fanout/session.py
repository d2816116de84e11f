"""One console as the hub knows it: who it is, what it was sent and has confirmed, when it was last heard. Pure.

Does no input or output and reads no time. Field's terms: subscriber, cursor, unconfirmed window, heartbeat.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from dispatch.alarm.commands import Actor

_WINDOW = 4096
"""Alarms that a console may leave unconfirmed; beyond it the oldest count as unconfirmed for ever (they were sent)."""


class Firsts:
    """The events with which a station's consoles first heard of an alarm: kept once, for all who hear them live."""

    __slots__ = ("_all",)

    def __init__(self) -> None:
        self._all: deque[tuple[int, str]] = deque(maxlen=_WINDOW)

    def add(self, offset: int, alarm: str) -> None:
        """The event at `offset` is the first of `alarm`; offsets only rise."""
        self._all.append((offset, alarm))

    def between(self, after: int, last: int) -> list[str]:
        """The alarms of the events after offset `after` and up to `last`, oldest first."""
        found: list[str] = []
        for offset, alarm in reversed(self._all):  # what is asked for is nearly always at the end
            if offset <= after:
                break
            if offset <= last:
                found.append(alarm)
        found.reverse()
        return found


@dataclass(slots=True)
class Session:
    """The state of one console.

    Args:
        id: made by the hub for the connection.
        actor: the signed-in user.
        heard_at: when anything was last received.
    """

    id: str
    actor: Actor
    heard_at: datetime
    cursors: dict[str, int] = field(default_factory=dict)  # station -> offset of the last event sent
    ready: bool = False
    _window: dict[str, deque[tuple[int, str]]] = field(default_factory=dict)  # sent before it lived
    _live: dict[str, int] = field(default_factory=dict)  # station -> offset from which `Firsts` knows what it was sent

    def attach(self, station: str, offset: int, alarms: Iterable[str]) -> None:
        """The console was sent the station as of `offset`, with these open alarms."""
        self.cursors[station] = self._live[station] = offset
        self._window.pop(station, None)
        self._wait_for(station, [(offset, alarm) for alarm in alarms])

    def sent(self, station: str, offset: int, new_alarm: str | None) -> None:
        """An event was sent that the console had missed; `new_alarm` when it is the first that it hears of an alarm.

        Live ones only move the cursor, which the hub does in its hot path: the station's `Firsts` has their alarms.
        """
        self.cursors[station] = self._live[station] = offset
        if new_alarm is not None:
            self._wait_for(station, [(offset, new_alarm)])

    def confirm(self, station: str, offset: int, firsts: Firsts) -> list[str]:
        """The console shows everything up to `offset`: the alarms that are confirmed by that for the first time.

        Never more than was sent: a console cannot confirm what it does not have.
        """
        most = min(offset, self.cursors.get(station, 0))
        confirmed: list[str] = []
        if window := self._window.get(station):
            while window and window[0][0] <= most:
                confirmed.append(window.popleft()[1])
            if not window:
                del self._window[station]
        if most > (live := self._live.get(station, 0)):
            confirmed += firsts.between(live, most)
            self._live[station] = most
        return confirmed

    def unconfirm(self, station: str, offset: int, alarms: Iterable[str]) -> None:
        """The confirmation could not be stored: it will come again."""
        window = self._window.setdefault(station, deque(maxlen=_WINDOW))
        window.extendleft((offset, alarm) for alarm in reversed(list(alarms)))

    def _wait_for(self, station: str, alarms: list[tuple[int, str]]) -> None:
        """These (offset, alarm) are to be confirmed. An empty window would cost more than all else of a session."""
        if alarms:
            self._window.setdefault(station, deque(maxlen=_WINDOW)).extend(alarms)

    def silent(self, now: datetime, after_s: float) -> bool:
        """Whether nothing was heard for `after_s` seconds: a browser may tell nothing for minutes of a dead socket."""
        return now - self.heard_at >= timedelta(seconds=after_s)
