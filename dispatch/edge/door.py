"""Looks at every connection once a second: who has kept it for too long without saying anything is sent away.

There is room for `serve.connections`; beyond it those that are idle leave, the oldest first, so that whoever has
something to say is let in. Counts its own looks and reads no clock: a clock that is set, or a hub that stood still,
makes nobody slow. Never knows what a request is about. Field's terms: slow-client protection, load shedding.
"""

from __future__ import annotations

import resource
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple, Protocol

import structlog
from prometheus_client import Counter

from dispatch.sections import Serve

log = structlog.get_logger()
LOOK_EVERY_S: Final = 1.0
_SHED = Counter("dispatch_connections_shed", "Connections that left to make room", ["why"])
STANDS_STILL_S: Final = 5
"""Seconds without a byte after which something that is not whole stands still."""
PIECE: Final = 4096
"""Bytes that a parser is given at once: no more than so many can hold requests or messages that come before their turn.
"""
_BATCH = 100
"""A hundredth of all is looked for at once: to look through all for each who comes would cost more than they do."""
_MOST = 65_536
"""Connections unless more are configured: a machine that allows a million files has no memory for as many strangers."""
_NR_OPEN = Path("/proc/sys/fs/nr_open")


class Idle(NamedTuple):
    """How little a connection would be missed; the smallest leaves first."""

    worth: int
    """0 says nothing; 1 is open and has not said who it is; 2 is in the middle of a request that stands still."""
    since: int


class Held(NamedTuple):
    """What waits in memory for its rest."""

    heard: int
    """In which second something came last."""
    size: int


class Connection(Protocol):
    """One connection, as the door sees it."""

    def look(self, second: int) -> None:
        """Leave, or cut something short, if that is due; `second` counts the looks."""

    def held(self) -> Held:
        """What it has sent of something that is not whole."""

    def let_go(self) -> None:
        """Lose that; it may be sent again."""

    def idle(self) -> Idle | None:
        """Whether it may leave for another."""

    def make_room(self) -> None:
        """Leave at once."""


class Door:
    """The connections of one hub.

    Args:
        limits: the section `serve` of the settings.
    """

    def __init__(self, limits: Serve) -> None:
        self.limits = limits
        self.second = 0
        """How often was looked; the door's only time."""
        self.most = limits.connections or _connections(limits.kept_files)
        """So many connections, and half of `serve.kept_files` more when nobody is idle."""
        self._weight = 0  # bytes of messages that are not whole
        self.inside: dict[Connection, None] = {}
        """In the order in which they came."""

    def enter(self, connection: Connection) -> None:
        """A connection was made."""
        self.inside[connection] = None
        if len(self.inside) > self.most:
            self._make_room(connection)

    def leave(self, connection: Connection) -> None:
        """It has ended, or became another one."""
        self.inside.pop(connection, None)

    def weigh(self, grown: int) -> None:
        """A message that is not whole has grown, or is gone; not only at each look, for a second is long."""
        self._weight += grown
        if grown > 0 and self._weight > self.limits.held_bytes:
            self._let_go()

    async def step(self, now: datetime) -> None:
        """One look."""
        self.second += 1
        for connection in tuple(self.inside):
            connection.look(self.second)
        self._let_go()

    def _let_go(self) -> None:
        """Have what is not whole stay within `serve.held_bytes`: what stands still goes first, then the largest."""
        held = [(how, each) for each in self.inside if (how := each.held()).size]
        over = sum(how.size for how, _ in held) - self.limits.held_bytes
        if over <= 0:
            return
        still = self.second - STANDS_STILL_S
        held.sort(key=lambda one: (0, one[0].heard) if one[0].heard <= still else (1, -one[0].size))
        for how, each in held:
            if over <= 0:
                return
            over -= how.size
            _SHED.labels("held").inc()
            each.let_go()

    def _make_room(self, newest: Connection) -> None:
        idle = [(how, each) for each in self.inside if each is not newest and (how := each.idle()) is not None]
        idle.sort(key=lambda one: one[0])  # stable: those that came first leave first
        leaving = [each for _, each in idle[: len(self.inside) - self.most + self.most // _BATCH]]
        if not leaving and len(self.inside) > self.most + self.limits.kept_files // 2:
            leaving = [newest]
            log.error("no_room_at_the_door", connections=len(self.inside))
        _SHED.labels("full" if leaving == [newest] else "idle").inc(len(leaving))
        for each in leaving:
            self.leave(each)
            each.make_room()


def raise_files() -> int:
    """Let this process have as many files open as it may; how many that are."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY:
        hard = int(_NR_OPEN.read_text()) if _NR_OPEN.exists() else soft
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def _connections(kept: int) -> int:
    """How many the files of this process allow, of which some are kept back."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return min(_MOST, max(files // 2, files - kept))


class Stall:
    """Whether a peer takes what is written to it."""

    __slots__ = ("_left", "_since")

    def __init__(self) -> None:
        self._left = 0
        self._since = 0

    def lasts(self, left: int, second: int) -> int:
        """For how many seconds nothing of what is `left` to be written was taken."""
        if not left or left < self._left:
            self._since = second
        self._left = left
        return second - self._since
