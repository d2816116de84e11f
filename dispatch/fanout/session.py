"""One console as the hub knows it: who it is, what it was sent and has confirmed, when it was last heard. Pure.

Does no input or output and reads no time. Field's terms: subscriber, cursor, unconfirmed window, heartbeat.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from dispatch.alarm.commands import Actor

_WINDOW = 4096
"""Alarms that a console may leave unconfirmed; beyond it the oldest count as unconfirmed for ever (they were sent)."""


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
    _window: dict[str, deque[tuple[int, str]]] = field(default_factory=dict)

    def attach(self, station: str, offset: int, alarms: Iterable[str]) -> None:
        """The console was sent the station as of `offset`, with these open alarms."""
        self.cursors[station] = offset
        self._window.pop(station, None)
        self._wait_for(station, [(offset, alarm) for alarm in alarms])

    def sent(self, station: str, offset: int, new_alarm: str | None) -> None:
        """An event was sent; `new_alarm` when it is the first that the console hears of an alarm."""
        self.cursors[station] = offset
        if new_alarm is not None:
            self._wait_for(station, [(offset, new_alarm)])

    def sent_all(self, station: str, last: int, new_alarms: Sequence[tuple[int, str]]) -> None:
        """Every event up to `last` was sent; of these (offset, alarm) it is the first that the console hears."""
        self.cursors[station] = last
        self._wait_for(station, new_alarms)

    def confirm(self, station: str, offset: int) -> list[str]:
        """The console shows everything up to `offset`: the alarms that are confirmed by that for the first time.

        Never more than was sent: a console cannot confirm what it does not have.
        """
        window = self._window.get(station)
        confirmed: list[str] = []
        most = min(offset, self.cursors.get(station, 0))
        while window and window[0][0] <= most:
            confirmed.append(window.popleft()[1])
        if not window:
            self._window.pop(station, None)
        return confirmed

    def unconfirm(self, station: str, offset: int, alarms: Iterable[str]) -> None:
        """The confirmation could not be stored: it will come again."""
        window = self._window.setdefault(station, deque(maxlen=_WINDOW))
        window.extendleft((offset, alarm) for alarm in reversed(list(alarms)))

    def _wait_for(self, station: str, alarms: Sequence[tuple[int, str]]) -> None:
        """These (offset, alarm) are to be confirmed. An empty window would cost more than all else of a session."""
        if alarms:
            self._window.setdefault(station, deque(maxlen=_WINDOW)).extend(alarms)

    def silent(self, now: datetime, after_s: float) -> bool:
        """Whether nothing was heard for `after_s` seconds: a browser may tell nothing for minutes of a dead socket."""
        return now - self.heard_at >= timedelta(seconds=after_s)
