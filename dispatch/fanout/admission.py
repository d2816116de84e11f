"""Lets few consoles in at once, so that when thousands come back an alarm waits for those few and not for all.

It bounds work, not waiting: who is not done soon waits for the store, and makes room. So a store that is slow, or one
of its servers that is gone, never keeps out who has nothing to do with it. Field's term: admission control.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Final

from dispatch.alarm.clock import Timer
from dispatch.alarm.work import Work

HELD_S: Final = 0.01
"""A place is held no longer: at least `most` / `HELD_S` are let in each second, however slow the store is."""


class Admission:
    """The places of one hub.

    Args:
        most: how many work at once; the others wait in the order in which they came.
        work: time.
    """

    def __init__(self, most: int, work: Work) -> None:
        self._work = work
        self._places = asyncio.Semaphore(most)

    def place(self) -> Place:
        """One place: `async with admission.place():`."""
        return Place(self._places, self._work)


class Place:
    """Held while the work goes on, for `HELD_S` at most."""

    def __init__(self, places: asyncio.Semaphore, work: Work) -> None:
        self._work = work
        self._places = places
        self._held: Timer | None = None

    async def __aenter__(self) -> None:
        await self._places.acquire()
        self._held = self._work.later(HELD_S, self._give_back)

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._held is not None:
            self._held.cancel()
            self._give_back()

    def _give_back(self) -> None:
        self._held = None
        self._places.release()
