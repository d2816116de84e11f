"""Where passwords are checked: in threads of their own, few at once, and each source in its turn.

Who signs in on a known device goes before all others, and one thread is kept for them where there are two; the others
take turns by where they come from, so that a hundred tries from one place keep nobody else waiting. At the bound
(`session.hash_waiting` of one place) the next is refused.
Field's term: fair queueing.
"""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from dispatch.alarm import errors
from dispatch.alarm.errors import Refused

T = TypeVar("T")
_EACH_S = 0.25
"""About what one check takes, for who is told when to come back."""


class Hashing:
    """The threads of one hub.

    Args:
        threads: checks at once.
        waiting: that wait from one place.
    """

    def __init__(self, threads: int, waiting: int) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="password")
        self._free = threads
        self._kept = 1 if threads > 1 else 0  # of these for known devices
        self._at_once = threads - self._kept
        self._waiting = waiting
        self._first: deque[asyncio.Future[None]] = deque()
        self._queues: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()  # by place; the first is next

    async def run(self, check: Callable[[], T], source: str, known: bool) -> T:
        """What `check` returns, once it is its turn.

        Args:
            check: the work; run in a thread.
            source: where it comes from.
            known: whether it goes first.

        Raises:
            Refused: `too_many_attempts`: so many wait from there already.
        """
        await self._turn(source, known)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, check)
        finally:
            self._next()

    def close(self) -> None:
        """No more checks."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _turn(self, source: str, known: bool) -> None:
        if self._free > (0 if known else self._kept):
            self._free -= 1
            return
        queue = self._first if known else self._queues.setdefault(source, deque())
        if not known and len(queue) >= self._waiting:
            after_s = math.ceil(len(queue) * _EACH_S / self._at_once)
            raise Refused(
                errors.TOO_MANY_ATTEMPTS, f"{len(queue)} sign-ins wait from there already", retry_after_s=after_s
            )
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append(mine)
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():  # it was my turn
                self._next()
            raise

    def _next(self) -> None:
        """A thread is free: whose turn it is."""
        self._free += 1
        while self._first or (self._queues and self._free > self._kept):
            if self._first:
                mine = self._first.popleft()
            else:
                source, queue = self._queues.popitem(last=False)
                mine = queue.popleft()
                if queue:
                    self._queues[source] = queue
            if not mine.done():
                self._free -= 1
                mine.set_result(None)
                return
