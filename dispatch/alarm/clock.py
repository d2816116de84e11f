"""The one source of time. Every other module is given `now` or a `Clock`; none reads the machine's time itself.

Hubs with wrong clocks must agree, so the clock follows the store's (`StoreClock.correct`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Protocol


class Clock(Protocol):
    """Where a loop reads time and waits for it; tests give one that they move by hand."""

    def now(self) -> datetime:
        """The present instant: aware, UTC, whole milliseconds."""

    async def sleep_until(self, instant: datetime) -> None:
        """Return when `now()` is at or past `instant`; at once when it already is."""


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


class StoreClock:
    """The store's clock, kept between two questions by one of the machine that nobody can set.

    Until the first `correct` it is the machine's wall clock; after it, a wrong or jumping one changes nothing.
    """

    def __init__(self) -> None:
        self._zero_ns = time.time_ns() - _running_ns()

    def now(self) -> datetime:
        milliseconds = (self._zero_ns + _running_ns()) // 1_000_000
        return _EPOCH + timedelta(milliseconds=milliseconds)

    async def sleep_until(self, instant: datetime) -> None:
        while (left := (instant - self.now()).total_seconds()) > 0:
            await asyncio.sleep(left)

    async def correct(self, store_time: Callable[[], Awaitable[datetime]]) -> None:
        """Ask once: the answer is taken to be from the middle of the round trip, and is no better than half of that."""
        before = _running_ns()
        theirs = (await store_time() - _EPOCH) // timedelta(microseconds=1) * 1000
        after = _running_ns()
        half = (after - before) // 2
        zero_ns = theirs + half - after
        if abs(zero_ns - self._zero_ns) > half:
            self._zero_ns = zero_ns


def _running_ns() -> int:
    """How long the machine has been running, sleep included where the system tells (Linux: CLOCK_BOOTTIME)."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


async def sleep_or(clock: Clock, instant: datetime, bell: asyncio.Event) -> None:
    """Sleep until `instant`, or until `bell` rings; the bell is silent again afterwards."""
    waits: list[asyncio.Task[Any]] = [
        asyncio.create_task(bell.wait()),
        asyncio.create_task(_sleep(clock, instant)),
    ]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
        bell.clear()


async def _sleep(clock: Clock, instant: datetime) -> None:
    await clock.sleep_until(instant)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
