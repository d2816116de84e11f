"""Background work: steps repeated by the clock, and tasks ended for good."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

import structlog

from dispatch.alarm.clock import Clock

log = structlog.get_logger()
_AGAIN_S = 0.2
_BEGIN_AGAIN = timedelta(seconds=1)


async def repeat(step: Callable[[datetime], Awaitable[object]], clock: Clock, every_s: float) -> None:
    """Run `step(now)` every `every_s` seconds, for ever; a fault of it ends this."""
    while True:
        now = clock.now()
        await step(now)
        await clock.sleep_until(now + timedelta(seconds=every_s))


async def keep(name: str, loop: Callable[[], Awaitable[None]], clock: Clock) -> None:
    """Run a loop for ever: one that ends by a fault is said and begun again, for a hub without timers is none."""
    while True:
        try:
            await loop()
        except Exception as fault:
            log.error("loop_failed", loop=name, fault=repr(fault))
        await clock.sleep_until(clock.now() + _BEGIN_AGAIN)


async def end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel `tasks` and wait until all have ended, however they did.

    On Python 3.11 a command to the store can swallow a cancellation (`asyncio.wait_for` there returns normally when the
    answer came at the same instant), so one is not enough.
    """
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        ended, left = await asyncio.wait(left, timeout=_AGAIN_S)
        await asyncio.gather(*ended, return_exceptions=True)
