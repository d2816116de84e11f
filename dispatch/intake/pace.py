"""What comes faster for one alarm than a person sends waits for its turn: nothing that is said is refused for it.

What this module knows is one hub's. Field's terms: traffic shaping (a token bucket that delays).
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from dispatch.alarm import errors
from dispatch.alarm.errors import Refused
from dispatch.alarm.turns import Turns
from dispatch.alarm.work import Work

_REMEMBERED = 50_000
"""Alarms that are remembered: one that is forgotten has a whole allowance again."""
_WAITS = timedelta(seconds=10)
"""A device gives up an answer that takes much longer: it is told when to come back instead."""


class Pace:
    """The messages of citizens in their alarms.

    Args:
        work: time.
        most: so many of one alarm at once, ...
        every_s: ... then one in each interval.
    """

    def __init__(self, work: Work, most: int, every_s: float) -> None:
        self._work = work
        self._every = timedelta(seconds=every_s)
        self._ahead = self._every * most
        self._full_at: OrderedDict[str, datetime] = OrderedDict()
        self._turns = Turns()

    @asynccontextmanager
    async def turn(self, alarm: str) -> AsyncIterator[bool]:
        """While it is this message's turn; of one alarm, one at a time. Gives whether it waited for others.

        Raises:
            Refused: `too_many_attempts`: so many wait that it would take longer than a device does.
        """
        now = self._work.now()
        before = self._full_at.get(alarm, now)
        if before - now > self._ahead + _WAITS:
            before = now  # time was set back
        full_at = max(now, before) + self._every
        wait = full_at - now - self._ahead
        if wait > _WAITS:
            after_s = math.ceil((wait - _WAITS).total_seconds())
            raise Refused(
                errors.TOO_MANY_ATTEMPTS, "more comes for this alarm than can be told one by one", retry_after_s=after_s
            )  # fmt: skip
        self._full_at[alarm] = full_at
        self._full_at.move_to_end(alarm)
        if len(self._full_at) > _REMEMBERED:
            self._full_at.popitem(last=False)
        if wait > timedelta(0):
            await self._work.sleep(wait.total_seconds())
        mine = self._turns.of(alarm)
        waited = mine.locked() or wait > timedelta(0)
        async with mine:
            yield waited
