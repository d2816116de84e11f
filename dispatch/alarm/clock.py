"""The one source of time. Every other module is given `now` or a `Clock`; none reads the machine's time itself.

Hubs with wrong clocks must agree, so the clock follows the store's (`StoreClock`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from heapq import heappop, heappush
from itertools import count
from typing import Protocol


class Clock(Protocol):
    """Where time is read."""

    def now(self) -> datetime:
        """The present instant: aware, UTC, whole milliseconds."""


class Timer(Protocol):
    """A call that is to come."""

    def cancel(self) -> None:
        """It does not come."""


class Timeline(Clock, Protocol):
    """A clock that also calls; the one source of timers (`work`). Tests give one that they move by hand."""

    def call_at(self, instant: datetime, call: Callable[[], object]) -> Timer:
        """Call when `now()` is at or past `instant`, in a later turn of the loop than this one."""


def whole_milliseconds(instant: datetime) -> datetime:
    """`instant` cut to the precision that is stored and sent, so that a reloaded time equals the first one."""
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


@lru_cache(1024)  # an alarm's times are written with each of its events, and to each of its consoles
def to_text(instant: datetime) -> str:
    """RFC 3339 in UTC with milliseconds, `2026-11-22T02:15:00.123Z`: the only form of time on the wire."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


@lru_cache(1024)
def from_text(text: str) -> datetime:
    """The instant that `to_text` wrote, or any RFC 3339 time with an offset.

    Raises:
        ValueError: not such a time, or one without an offset.
    """
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(f"{text!r} has no offset from UTC; write 2026-11-22T02:15:00Z")
    return whole_milliseconds(instant.astimezone(UTC))


def to_ms(instant: datetime) -> int:
    """Milliseconds since 1970 (UTC), the form in which deadlines are indexed."""
    return (instant - _EPOCH) // timedelta(milliseconds=1)


def from_ms(milliseconds: int) -> datetime:
    """The inverse of `to_ms`."""
    return _EPOCH + timedelta(milliseconds=milliseconds)


@dataclass(frozen=True, slots=True)
class Ahead:
    """By how much another clock is ahead, in nanoseconds; `doubt_ns`: it may be so much more, or less."""

    ns: int
    doubt_ns: int

    @property
    def by(self) -> timedelta:
        return timedelta(microseconds=self.ns / 1000)

    @property
    def doubt(self) -> timedelta:
        return timedelta(microseconds=self.doubt_ns / 1000)


class StoreClock:
    """The store's clock, kept between two questions by one of the machine that nobody can set.

    Until it follows the store's it is the machine's wall clock; after that, a wrong or jumping one changes nothing.
    What is to be followed is decided elsewhere (`dispatch.stream.timekeeping`).
    """

    def __init__(self) -> None:
        self._zero_ns = time.time_ns() - _running_ns()
        self._moved_ns = _running_ns()
        self._calls: list[tuple[datetime, int, _Call]] = []  # a heap
        self._number = count()
        self._alarm: asyncio.TimerHandle | None = None
        self._rings: datetime | None = None

    def now(self) -> datetime:
        milliseconds = (self._zero_ns + _running_ns()) // 1_000_000
        return _EPOCH + timedelta(milliseconds=milliseconds)

    def call_at(self, instant: datetime, call: Callable[[], object]) -> Timer:
        made = _Call(call)
        heappush(self._calls, (instant, next(self._number), made))
        if self._rings is None or instant < self._rings:
            self._set()
        return made

    async def compare(self, ask: Callable[[], Awaitable[datetime]]) -> Ahead:
        """Ask another clock once: the answer is taken to be from the middle of the round trip."""
        before = _running_ns()
        theirs = (await ask() - _EPOCH) // timedelta(microseconds=1) * 1000
        after = _running_ns()
        half = (after - before) // 2
        return Ahead(theirs + half - after - self._zero_ns, half)

    def follow(self, other: Ahead) -> None:
        """Be as the other clock is, unless it may be the same."""
        if abs(other.ns) > other.doubt_ns:
            if abs(other.ns) > _MOVES_NS:
                self._moved_ns = _running_ns()
            self._zero_ns += other.ns
            self._set()

    @property
    def runs_on(self) -> timedelta:
        """For how long it has run on, without a step of a second or more; since its start, when there was none."""
        return timedelta(microseconds=(_running_ns() - self._moved_ns) / 1000)

    @staticmethod
    def machine() -> datetime:
        """What the machine's own wall clock says: somebody may set it to anything."""
        return _EPOCH + timedelta(milliseconds=time.time_ns() // 1_000_000)

    def _set(self) -> None:
        """Look again when the first call is due, and within a second in any case: the clock may be corrected."""
        if self._alarm is not None:
            self._alarm.cancel()
        while self._calls and self._calls[0][2].call is None:
            heappop(self._calls)
        self._rings = self._calls[0][0] if self._calls else None
        if self._rings is None:
            self._alarm = None
            return
        left_s = min(max((self._rings - self.now()).total_seconds(), 0), _LOOK_S)
        self._alarm = asyncio.get_running_loop().call_later(left_s, self._ring)

    def _ring(self) -> None:
        now = self.now()
        loop = asyncio.get_running_loop()
        while self._calls and self._calls[0][0] <= now:
            loop.call_soon(heappop(self._calls)[2])
        self._set()


class _Call:
    """A call that is to come, until it is cancelled."""

    __slots__ = ("call",)

    def __init__(self, call: Callable[[], object]) -> None:
        self.call: Callable[[], object] | None = call

    def cancel(self) -> None:
        self.call = None

    def __call__(self) -> None:
        if self.call is not None:
            self.call()


def _running_ns() -> int:
    """How long the machine has been running, sleep included where the system tells (Linux: CLOCK_BOOTTIME)."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOVES_NS = 1_000_000_000
_LOOK_S = 1.0
