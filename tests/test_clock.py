"""Hubs with wrong clocks agree: time is the store's (P4)."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from dispatch.alarm.clock import StoreClock

STORE = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)


async def store_time() -> datetime:
    return STORE


async def test_the_stores_time_whatever_the_machine_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """After one question the hub's time is the store's, and goes on when somebody sets the machine's clock."""
    clock = StoreClock()
    clock.follow(await clock.compare(store_time))
    assert abs(clock.now() - STORE) < timedelta(seconds=1)
    monkeypatch.setattr(time, "time", lambda: 0.0)
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    assert abs(clock.now() - STORE) < timedelta(seconds=1)


async def test_a_slow_answer_moves_nothing_that_it_cannot_know(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that took a second says nothing about half a second; one that is further off is followed."""
    clock = StoreClock()
    clock.follow(await clock.compare(store_time))
    running = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    passed = iter([0, 1, 1, 1, 2, 2, 2])
    monkeypatch.setattr(time, "clock_gettime_ns", lambda which: running + next(passed) * 10**9)

    async def nearly() -> datetime:
        return STORE + timedelta(seconds=0.1)  # as at once after the question: the answer took long to come

    async def far() -> datetime:
        return STORE + timedelta(minutes=5)

    clock.follow(await clock.compare(nearly))
    assert abs(clock.now() - (STORE + timedelta(seconds=1))) < timedelta(seconds=0.2)
    clock.follow(await clock.compare(far))
    assert abs(clock.now() - (STORE + timedelta(minutes=5, seconds=0.5))) < timedelta(seconds=0.2)
