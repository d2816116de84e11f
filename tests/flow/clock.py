"""The only fake: time.

`advance` runs every loop that sleeps, in the order of its instants, and waits until each sleeps again. So a test
never waits for time and never races with it.
"""

import asyncio
from datetime import UTC, datetime, timedelta

from tests.patience import PATIENCE_S

START = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
"""A Sunday, 10:00 in Shanghai."""


class FakeClock:
    """A `dispatch.alarm.clock.Clock` that stands still until it is moved."""

    def __init__(self, start: datetime = START) -> None:
        self._now = start
        self._sleepers: dict[asyncio.Future[None], tuple[datetime, asyncio.Task[object]]] = {}
        self._busy: set[asyncio.Task[object]] = set()  # woken, and not yet asleep again
        self._settled = asyncio.Event()

    def now(self) -> datetime:
        return self._now

    async def sleep_until(self, instant: datetime) -> None:
        task = asyncio.current_task()
        assert task is not None
        await asyncio.sleep(0)
        if instant <= self._now:
            return  # and goes on being busy
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers[woken] = (instant, task)
        self._rest(task)  # only now: who waits for it must find it asleep
        try:
            await woken
        finally:
            self._sleepers.pop(woken, None)

    async def advance(self, seconds: float) -> None:
        """Move time on by `seconds`; returns when everything that was due has run."""
        goal = self._now + timedelta(seconds=seconds)
        while due := [instant for instant, _, _ in self._asleep() if instant <= goal]:
            self._now = max(self._now, min(due))
            for instant, task, woken in self._asleep():
                if instant <= self._now:
                    del self._sleepers[woken]
                    self._busy.add(task)
                    task.add_done_callback(self._rest)
                    woken.set_result(None)
            await self._until_settled()
        self._now = goal

    def jump(self, seconds: float) -> None:
        """Move time on as if the machine had slept: no loop has been woken."""
        self._now += timedelta(seconds=seconds)

    def set(self, instant: datetime) -> None:
        """Start a test at `instant`; only before anything runs."""
        self._now = instant

    def _asleep(self) -> list[tuple[datetime, "asyncio.Task[object]", asyncio.Future[None]]]:
        """Whom time can wake: not who was cancelled and has not run since."""
        return [(*sleeper, woken) for woken, sleeper in self._sleepers.items() if not woken.done()]

    async def _until_settled(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while self._busy:
                self._settled.clear()
                await self._settled.wait()

    def _rest(self, task: "asyncio.Task[object]") -> None:
        self._busy.discard(task)
        task.remove_done_callback(self._rest)
        self._settled.set()
