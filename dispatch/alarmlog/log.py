"""The log: events of one or several stations, filtered, oldest first, page by page.

Reads the streams themselves, not a copy, so it can neither lag nor differ.
"""

from __future__ import annotations

import base64
import heapq
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from dispatch.alarm import errors
from dispatch.alarm.clock import from_text
from dispatch.alarm.errors import Refused
from dispatch.alarm.sight import SEALED
from dispatch.stream.record import Entry
from dispatch.stream.stream import Stream

_PAGE = 500
_MOST = 2**63


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What to show: None means all. `since` and `until` are instants, `until` not included."""

    alarm: str | None = None
    type: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def takes(self, members: Mapping[str, Any]) -> bool:
        """Whether the event (wire form) is shown."""
        return (self.alarm is None or members["alarm"] == self.alarm) and (
            self.type is None or members["event"]["type"] == self.type
        )


class Log:
    """The history of the stations of one store, as one reader may see it.

    Args:
        stream: the record.
        sees: (alarm ids) -> those of them that the reader may see. Asked only of alarms that may be nobody's.
    """

    def __init__(self, stream: Stream, sees: Callable[[Collection[str]], Awaitable[Collection[str]]]) -> None:
        self._stream = stream
        self._sees = sees

    async def page(self, stations: Sequence[str], wanted: Filter, cursor: str | None, limit: int) -> dict[str, Any]:
        """`{"events": [...], "next": cursor or None}`; of several stations, merged by time.

        Raises:
            Refused: a cursor that is not one of ours.
        """
        after = _from_cursor(cursor)
        heap: list[tuple[str, str, int, dict[str, Any], AsyncIterator[Entry]]] = []
        for station in stations:
            await _push(heap, station, self._events(station, wanted, after.get(station)))
        events: list[dict[str, Any]] = []
        while heap and len(events) < limit:
            _, station, offset, members, source = heapq.heappop(heap)
            events.append({"station": station, "offset": offset, **members})
            after[station] = offset
            await _push(heap, station, source)
        return {"events": events, "next": _to_cursor(after) if heap else None}

    async def all(self, stations: Sequence[str], wanted: Filter) -> AsyncIterator[dict[str, Any]]:
        """Every event, without end of page."""
        cursor: str | None = None
        while True:
            page = await self.page(stations, wanted, cursor, _PAGE)
            for event in page["events"]:
                yield event
            cursor = page["next"]
            if cursor is None:
                return

    async def of_alarm(self, home: str, alarm: str) -> list[dict[str, Any]]:
        """One alarm's events, from the stream of its home station."""
        return [event async for event in self.all([home], Filter(alarm=alarm))]

    async def _events(self, station: str, wanted: Filter, after: int | None) -> AsyncIterator[Entry]:
        offset = after if after is not None else await self._before(station, wanted.since)
        while entries := await self._stream.read(station, offset, limit=_PAGE):
            taken = [entry.members for entry in entries if wanted.takes(entry.members)]
            plans = {members["alarm"] for members in taken if members["event"]["type"] in SEALED}
            nobodys = plans.difference(await self._sees(plans)) if plans else plans
            for entry in entries:
                offset = entry.offset
                if wanted.until is not None and from_text(entry.members["at"]) >= wanted.until:
                    return
                if wanted.takes(entry.members) and entry.members["alarm"] not in nobodys:
                    yield entry

    async def _before(self, station: str, since: datetime | None) -> int:
        """The offset after which the events from `since` on begin; found by halving, as times only grow."""
        if since is None:
            return 0
        low, high = 0, await self._stream.offset(station)
        while low < high:
            middle = (low + high + 1) // 2
            entries = await self._stream.read(station, middle - 1, limit=1)
            if entries and from_text(entries[0].members["at"]) < since:
                low = middle
            else:
                high = middle - 1
        return low


async def _push(heap: list[Any], station: str, source: AsyncIterator[Entry]) -> None:
    entry = await anext(source, None)
    if entry is not None:
        heapq.heappush(heap, (entry.members["at"], station, entry.offset, entry.members, source))


def _to_cursor(after: Mapping[str, int]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(after)).decode()


def _from_cursor(cursor: str | None) -> dict[str, int]:
    if cursor is None:
        return {}
    try:
        after = orjson.loads(base64.urlsafe_b64decode(cursor))
        if not isinstance(after, dict) or not all(isinstance(n, int) and 0 <= n < _MOST for n in after.values()):
            raise ValueError
    except ValueError:
        raise Refused(errors.BAD_MESSAGE, "after: use the `next` of the page before, as it is") from None
    return after
