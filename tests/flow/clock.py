"""The only fake: time.

`advance` calls what is due, in the order of its instants, and goes on when everything that came of it has run. So a
test never waits for time, and never races with it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from itertools import count

from dispatch.alarm.work import HANGS_S, Hangs, Work

START = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
"""A Sunday, 10:00 in Shanghai."""


class Pending(AssertionError):
    """A test looked at what came of something while it was still going on."""


class FakeClock:
    """A `dispatch.alarm.clock.Timeline` that stands still until it is moved.

    What happens on it is known to it: `works` are all scopes of the test, and `others` are told to come to rest with
    them, such as sockets between them.
    """

    newest: "FakeClock | None" = None
    """Of the test that runs: an assertion looks at it."""

    def __init__(self, start: datetime = START) -> None:
        self._now = start
        self._calls: list[tuple[datetime, int, _Call]] = []  # a heap
        self._number = count()
        self._loose = 0
        self.watched = False
        """Whether somebody acts whom nobody here knows, such as a browser: there is always something under way."""
        self.works: list[Work] = []
        self.others: list[Callable[[], Awaitable[bool]]] = []
        """Each: bring something to rest that is no scope, and may give scopes work; whether it had to."""
        self.readers: list[Callable[[], Awaitable[None]]] = []
        """Each: return when somebody has read what was written to them; gives no scope work."""
        FakeClock.newest = self

    def now(self) -> datetime:
        return self._now

    def call_at(self, instant: datetime, call: Callable[[], object]) -> "_Call":
        made = _Call(call)
        if instant <= self._now:
            asyncio.get_running_loop().call_soon(made)
        else:
            heappush(self._calls, (instant, next(self._number), made))
        return made

    def work(self) -> Work:
        """A scope on this clock that it knows."""
        made = Work(self)
        self.works.append(made)
        return made

    async def advance(self, seconds: float) -> None:
        """Move time on by `seconds`; returns when everything that was due has run, and what came of it."""
        goal = self._now + timedelta(seconds=seconds)
        if not self.looks_on:
            await self.quiet()
        while self._calls and self._calls[0][0] <= goal:
            instant, _, call = heappop(self._calls)
            if call.made is None:
                continue
            self._now = max(self._now, instant)
            call()
            while self._calls and self._calls[0][0] <= self._now:
                heappop(self._calls)[2]()
            await self._settle()
        self._now = max(goal, self._now)
        await self.quiet()

    def jump(self, seconds: float) -> None:
        """Move time on as if the machine had slept: nobody has been woken."""
        self._now += timedelta(seconds=seconds)

    def set(self, instant: datetime) -> None:
        """Start a test at `instant`; only before anything runs."""
        self._now = instant

    async def quiet(self) -> None:
        """Return when nothing is under way, and nothing is due now.

        Raises:
            Hangs: something is, by name.
        """
        await self._settle()
        for reads in self.readers:
            await reads()

    @property
    def busy(self) -> tuple[str, ...]:
        """What is under way."""
        return tuple(name for work in self.works for name in work.busy)

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """In here the test looks at what is going on: a store that hangs, two who do something at the same time."""
        self._loose += 1
        try:
            yield
        finally:
            self._loose -= 1

    @property
    def looks_on(self) -> bool:
        """Whether the test is within `under_way`."""
        return self._loose > 0

    def asserted(self) -> None:
        """A test asserts something.

        Raises:
            Pending: before what it asserts on has come to its end.
        """
        if self.busy and not self._loose and not self.watched:
            raise Pending(
                f"asserted while work is pending: {', '.join(self.busy)};"
                " await quiet() first, or say under_way() if that is what the test is about"
            )

    async def _settle(self) -> None:
        """Until a whole round found all of them at rest, one after the other."""
        stirred = True
        try:
            async with asyncio.timeout(HANGS_S):
                while stirred or self.busy:
                    for work in self.works:
                        await work.quiet()
                    stirred = any([await other() for other in self.others])
        except TimeoutError:
            raise Hangs(f"does not come to rest: {', '.join(self.busy)}") from None


async def rests() -> None:
    """What the running test has begun ends, if its clock knows; not while it looks at what is under way."""
    clock = FakeClock.newest
    if clock is not None and not clock.looks_on:
        await clock.quiet()


class _Call:
    """A call that is to come, until it is cancelled."""

    def __init__(self, call: Callable[[], object]) -> None:
        self.made: Callable[[], object] | None = call

    def cancel(self) -> None:
        self.made = None

    def __call__(self) -> None:
        made, self.made = self.made, None
        if made is not None:
            made()
