"""The log: events of one or several stations, filtered, oldest first, page by page.

Reads the streams themselves, not a copy, so it can neither lag nor differ; of one alarm only where its events lie
(`index`).
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
from dispatch.alarm.events import AlarmShared
from dispatch.alarm.sight import SEALED
from dispatch.alarm.state import Entry as Item
from dispatch.alarm.views import receipt_code
from dispatch.alarmlog.index import Index
from dispatch.store.faults import translated
from dispatch.stream.record import Entry
from dispatch.stream.stream import Stream

_PAGE = 500
_MOST = 2**63


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What to show: None means all. `since` and `until` are instants, `until` not included."""

    alarms: frozenset[str] | None = None
    type: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def takes(self, members: Mapping[str, Any]) -> bool:
        """Whether the event (wire form) is shown."""
        return (self.alarms is None or members["alarm"] in self.alarms) and (
            self.type is None or members["event"]["type"] == self.type
        )


class Log:
    """The history of the stations of one store, as one reader may see it.

    Args:
        stream: the record.
        index: where an alarm's events are.
        sees: (alarm ids) -> those of them that the reader may see. Asked only of alarms that may be nobody's.
        media: (alarm ids) -> the photos and recordings of each. Asked only where an event is of one of them.
    """

    def __init__(
        self, stream: Stream, index: Index, sees: Callable[[Collection[str]], Awaitable[Collection[str]]],
        media: Callable[[Collection[str]], Awaitable[Mapping[str, Mapping[str, Item]]]],
    ) -> None:  # fmt: skip
        self._stream = stream
        self._index = index
        self._media = media
        self._sees = sees

    async def page(self, stations: Sequence[str], wanted: Filter, cursor: str | None, limit: int) -> dict[str, Any]:
        """`{"events": [...], "next": cursor or None}`; of several stations, merged by time, each event once.

        Raises:
            Refused: a cursor that is not one of ours.
        """
        after = _from_cursor(cursor)
        heap: list[tuple[str, str, int, dict[str, Any], AsyncIterator[Entry]]] = []
        for station in stations:
            await _push(heap, station, self._events(station, wanted, after.get(station), len(stations) > 1))
        events: list[dict[str, Any]] = []
        while heap and len(events) < limit:
            _, station, offset, members, source = heapq.heappop(heap)
            events.append({"station": station, "offset": offset, **_code(members), **members})
            after[station] = offset
            await _push(heap, station, source)
        await self._number(events)
        return {"events": events, "next": _to_cursor(after) if heap else None}

    async def _number(self, events: Sequence[dict[str, Any]]) -> None:
        """Say of which photo or recording an event is, as people count them: `{"kind": "photo", "number": 2}`."""
        of_media = [each for each in events if each["alarm"] and "media" in each["event"]]
        media = await self._media({each["alarm"] for each in of_media}) if of_media else {}
        for each in of_media:
            items = media.get(each["alarm"], {})
            if (item := items.get(each["event"]["media"])) is not None:
                alike = [name for name, other in items.items() if other["kind"] == item["kind"]]
                each["item"] = {"kind": item["kind"], "number": alike.index(each["event"]["media"]) + 1}

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
        return [event async for event in self.all([home], Filter(alarms=frozenset({alarm})))]

    async def _events(self, station: str, wanted: Filter, after: int | None, one_of_many: bool) -> AsyncIterator[Entry]:
        offset = after if after is not None else await self._before(station, wanted.since)
        async for entries in self._portions(station, wanted, offset):
            taken = [entry.members for entry in entries if wanted.takes(entry.members)]
            plans = {members["alarm"] for members in taken if members["event"]["type"] in SEALED}
            nobodys = plans.difference(await self._sees(plans)) if plans else plans
            copies = await self._copies(station, {members["alarm"] for members in taken}) if one_of_many else set()
            for entry in entries:
                members = entry.members
                if wanted.until is not None and from_text(members["at"]) >= wanted.until:
                    return
                if not wanted.takes(members) or members["alarm"] in nobodys:
                    continue
                if members["alarm"] not in copies or members["event"]["type"] == AlarmShared.type:
                    yield entry

    async def _portions(self, station: str, wanted: Filter, offset: int) -> AsyncIterator[list[Entry]]:
        """The events after `offset` a few at a time, perhaps with others between them."""
        if wanted.alarms is not None:
            trail, upto = await self._index.trail(station, wanted.alarms)
            rest = [at for at in trail if at > offset]
            for n in range(0, len(rest), _PAGE):
                yield await self._stream.pick(station, rest[n : n + _PAGE])
            offset = max(offset, upto)
        while entries := await self._stream.read(station, offset, limit=_PAGE):
            yield entries
            offset = entries[-1].offset

    async def _copies(self, station: str, alarms: Collection[str | None]) -> set[str | None]:
        """Those of `alarms` that the station was called in to: their events are in the stream of another one too."""
        keys, known = self._stream.of(station), [alarm for alarm in alarms if alarm]
        async with translated():
            pipe = self._stream.redis.pipeline(transaction=False)
            for alarm in known:
                pipe.exists(keys.mirror(station, alarm))
            found = await pipe.execute() if known else []
        return {alarm for alarm, is_copy in zip(known, found, strict=True) if is_copy}

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


def _code(members: Mapping[str, Any]) -> dict[str, str]:
    """What people call the alarm that the event is of, or about."""
    alarm = members["alarm"] or members["event"].get("about")
    return {"code": receipt_code(alarm)} if alarm else {}


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
