"""Everything that goes on in a hub: its tasks, timers and sleeps, made in one place that knows what is under way.

`await work.quiet()` returns when nothing runs and nothing is due now: a test moves the time and looks at what came of
it, and never waits for seconds. Never decides what is done. Field's terms: structured concurrency, quiescence.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from datetime import datetime, timedelta
from typing import Any, TypeVar

import structlog

from dispatch.alarm.clock import Timeline, Timer

log = structlog.get_logger()
HANGS_S = 30.0
"""Work that is still under way after this many seconds, while nobody moves the time, hangs."""
_CALM = 3
"""Turns of the loop in which nothing runs: what was woken and has not run yet would have shown itself."""
_BEGIN_AGAIN_S = 1.0
_AGAIN_S = 0.2
T = TypeVar("T")


class Hangs(AssertionError):
    """Work did not come to rest; the message names it."""


class Work:
    """The scope of one hub, or of one process.

    A task is *busy* from its start to its end, except while it rests: until an instant, until a bell rings, or while
    somebody outside is to act, such as a peer. While it waits for an answer, such as the store's, it is busy.

    Args:
        timeline: time; a `StoreClock`, or one that tests move by hand.
    """

    def __init__(self, timeline: Timeline) -> None:
        self.timeline = timeline
        self.now: Callable[[], datetime] = timeline.now
        """The present instant, as the clock has it."""
        self._busy: dict[asyncio.Task[Any], str] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._calm: asyncio.Future[None] | None = None  # of who waits until nothing is busy

    # -- time ----------------------------------------------------------------------------------------------------

    async def sleep_until(self, instant: datetime) -> None:
        """Return when `now()` is at or past `instant`; others run meanwhile in any case."""
        if instant <= self.now():
            await asyncio.sleep(0)
        while instant > self.now():
            await self._rest(instant, None)

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds` of the clock."""
        await self.sleep_until(self.now() + timedelta(seconds=seconds))

    def later(self, seconds: float, call: Callable[..., object], *args: Any) -> Timer:
        """Call after `seconds` of the clock; `call` must not block."""
        return self.timeline.call_at(self.now() + timedelta(seconds=seconds), lambda: call(*args))

    async def turn(self) -> None:
        """Let others run."""
        await asyncio.sleep(0)

    def bell(self) -> Bell:
        """A bell that tasks of this scope can wait for."""
        return Bell(self)

    async def repeat(self, step: Callable[[datetime], Awaitable[object]], every_s: float) -> None:
        """Run `step(now)` every `every_s` seconds, for ever; a fault of it ends this."""
        while True:
            now = self.now()
            await step(now)
            await self.sleep_until(now + timedelta(seconds=every_s))

    async def keep(self, name: str, loop: Callable[[], Awaitable[None]]) -> None:
        """Run a loop for ever: one that ends by a fault is said and begun again, for a hub without timers is none."""
        while True:
            try:
                await loop()
            except Exception as fault:
                log.error("loop_failed", loop=name, fault=repr(fault))
            await self.sleep(_BEGIN_AGAIN_S)

    # -- tasks ---------------------------------------------------------------------------------------------------

    def spawn(self, coroutine: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
        """Start a task, which is held until it ends."""
        task = asyncio.get_running_loop().create_task(coroutine, name=name)
        self._tasks.add(task)
        self._busy[task] = name
        task.add_done_callback(self._ended)
        return task

    async def all(self, *coroutines: Coroutine[Any, Any, T]) -> list[T]:
        """Run them at the same time, each to its end; their results in order. The first fault is raised then."""
        found = await self.settled(*coroutines)
        for each in found:
            if isinstance(each, BaseException):
                raise each
        return found  # type: ignore[return-value]

    async def settled(self, *coroutines: Coroutine[Any, Any, T]) -> list[T | BaseException]:
        """Run them at the same time, each to its end; of each its result or what it raised, in order."""
        if len(coroutines) == 1:
            try:
                return [await coroutines[0]]
            except Exception as fault:
                return [fault]
        tasks = [self.spawn(each, getattr(each, "__qualname__", "part")) for each in coroutines]
        try:
            if tasks:
                await self.outside(asyncio.wait(tasks))
        except asyncio.CancelledError:
            await end(tasks)
            raise
        return [asyncio.CancelledError() if each.cancelled() else each.exception() or each.result() for each in tasks]

    def adopt(self, name: str) -> None:
        """Count the current task to its end, though something else started it, as a server does for a request."""
        task = asyncio.current_task()
        if task is not None and task not in self._tasks:
            self._tasks.add(task)
            self._busy[task] = name
            task.add_done_callback(self._ended)

    async def outside(self, awaitable: Awaitable[T]) -> T:
        """Wait for what somebody outside does: it may never come, and is nobody's work meanwhile."""
        task = asyncio.current_task()
        name = self._busy.pop(task, None) if task is not None else None
        if self._calm is not None:
            self._look()
        try:
            return await awaitable
        finally:
            if name is not None and task is not None:
                self._busy[task] = name

    # -- rest ----------------------------------------------------------------------------------------------------

    @property
    def busy(self) -> tuple[str, ...]:
        """The names of the tasks that are under way, sorted."""
        return tuple(sorted(self._busy.values()))

    async def quiet(self, within_s: float = HANGS_S) -> None:
        """Return when nothing is under way and nothing is due now.

        Raises:
            Hangs: something is under way for longer than `within_s` seconds of the machine.
        """
        try:
            async with asyncio.timeout(within_s):
                calm = 0
                while calm < _CALM:
                    if self._busy:
                        self._calm = self._calm or asyncio.get_running_loop().create_future()
                        await asyncio.shield(self._calm)
                    await asyncio.sleep(0)
                    calm = 0 if self._busy else calm + 1
        except TimeoutError:
            raise Hangs(f"under way for {within_s:g} s: {', '.join(self.busy)}") from None

    async def end(self) -> None:
        """End every task that was started here."""
        await end(task for task in self._tasks if task is not asyncio.current_task())

    async def _rest(self, until: datetime | None, bell: Bell | None) -> bool:
        """Be no work until the instant, or until the bell rings; whether it rang."""
        task = asyncio.current_task()
        name = self._busy.pop(task, None) if task is not None else None
        woken: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        def wake(rang: bool = False) -> None:
            if not woken.done():
                woken.set_result(rang)
                if name is not None and task is not None:  # from now on, though it runs only in the next turn
                    self._busy[task] = name

        timer = self.timeline.call_at(until, wake) if until is not None else None
        if bell is not None:
            bell.wakes.add(wake)
        if self._calm is not None:
            self._look()
        try:
            return await woken
        finally:
            if timer is not None:
                timer.cancel()
            if bell is not None:
                bell.wakes.discard(wake)
            if name is not None and task is not None:
                self._busy[task] = name

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        self._busy.pop(task, None)
        if self._calm is not None:
            self._look()

    def _look(self) -> None:
        if not self._busy and self._calm is not None:
            self._calm.set_result(None)
            self._calm = None


class Bell:
    """Wakes all who wait for it: there is something to do. A ring that nobody waited for is heard by who waits next.

    Made by `Work.bell`. Field's terms: event, condition.
    """

    def __init__(self, work: Work) -> None:
        self._work = work
        self.rung = False
        self.wakes: set[Callable[[bool], None]] = set()

    def ring(self) -> None:
        """Wake all who wait."""
        self.rung = not self.wakes
        for wake in tuple(self.wakes):
            wake(True)

    def silence(self) -> None:
        """What rang before is not heard any more."""
        self.rung = False

    async def wait(self, until: datetime | None = None) -> bool:
        """Return when it rings, or at `until`; whether it rang. It is silent again afterwards."""
        rung, self.rung = self.rung, False
        if rung or (until is not None and self._work.now() >= until):
            await asyncio.sleep(0)
        while not rung and (until is None or self._work.now() < until):
            rung = await self._work._rest(until, self)  # noqa: SLF001 - two sides of one thing
        return rung


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
