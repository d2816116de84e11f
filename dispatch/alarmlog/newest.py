"""Alarms of several sorted sets of the store as one list, the latest raised first, from the beginning or any place.

What each set has is fetched a little at a time, so that it costs what is looked at and not what there is.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heapreplace
from typing import Any

from dispatch.alarmlog.index import Place, place
from dispatch.store.faults import translated

Row = tuple[int, bytes]
"""When it was raised, in ms, and its place, as they are stored."""
_MOST_AT_ONCE = 500
_TURNED = bytes(255 - byte for byte in range(256))


@dataclass(frozen=True, slots=True)
class Candidate:
    """An alarm that may be wanted."""

    raised: int
    place: Place
    row: Row


class _Source:
    """One set, read from its latest on; `at` is the next row."""

    def __init__(self, redis: Any, key: str, span: tuple[str, str], after: Row | None, portion: int, home: str) -> None:
        self._redis = redis
        self._key = key
        self._low, self._high = span
        self._last = after
        self._portion = portion
        self._rows: list[Row] = []
        self._over = False
        self.home = home
        self.at: Row

    async def move(self) -> bool:
        """Go to the next row; False when there is none."""
        if not self._rows and not self._over:
            await self._fetch()
        if not self._rows:
            return False
        self.at = self._last = self._rows.pop(0)
        return True

    async def _fetch(self) -> None:
        """The rows after the last; those of the same instant come again, and are left out."""
        number = self._portion
        while not self._rows and not self._over:
            high = self._high if self._last is None else str(self._last[0])
            async with translated():
                found = await self._redis.zrange(
                    self._key, high, self._low, desc=True, byscore=True, offset=0, num=number, withscores=True
                )
            rows = [(int(score), member) for member, score in found]
            self._rows = [row for row in rows if self._last is None or row < self._last]
            self._over = len(found) < number
            number *= 2
        self._portion = min(2 * self._portion, _MOST_AT_ONCE)

    @property
    def order(self) -> tuple[int, bytes]:
        """Before all others: the latest, and of one instant the last in the order of the store."""
        raised, member = self.at
        return -raised, member.translate(_TURNED) + b"\xff"


async def newest(
    redis: Any, keys: Sequence[tuple[str, str]], since: int | None, until: int | None, after: Row | None
) -> AsyncIterator[Candidate]:
    """The alarms of the sets.

    Args:
        redis: the store.
        keys: each set and, where only alarms of one home count, that station; "" where all do.
        since: ms from which they were raised.
        until: ms before which they were raised.
        after: the row after which to go on.
    """
    span = ("-inf" if since is None else str(since), "+inf" if until is None else f"({until}")
    portion = max(10, _MOST_AT_ONCE // max(1, len(keys)))
    sources = [_Source(redis, key, span, _within(after, until), portion, home) for key, home in keys]
    heap = [(source.order, number) for number, source in enumerate(sources) if await source.move()]
    heapify(heap)
    while heap:
        _, number = heap[0]
        source = sources[number]
        raised, member = row = source.at
        there = place(member)
        if source.home in ("", there.home):
            yield Candidate(raised, there, row)
        if await source.move():
            heapreplace(heap, (source.order, number))
        else:
            heappop(heap)


def _within(after: Row | None, until: int | None) -> Row | None:
    """A place to go on from that is later than all that is asked for says nothing."""
    return after if after is None or until is None or after[0] < until else None
