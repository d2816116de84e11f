"""Finds alarms, open or closed, by code, words, place, officer and day, among those that the reader may see.

Looks at the alarms themselves, the latest first, and stops after so many to say how far it came: no search is slow, and
nothing is found that was wiped. Never more than a few at once, so that alarms do not wait for readers.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final
from zoneinfo import ZoneInfo

import orjson

from dispatch.alarm import errors
from dispatch.alarm.clock import from_ms, to_ms, to_text
from dispatch.alarm.commands import Actor
from dispatch.alarm.errors import Refused
from dispatch.alarm.messages import FindBody
from dispatch.alarm.sight import visible_to
from dispatch.alarm.state import from_members
from dispatch.alarmlog.index import Index
from dispatch.alarmlog.newest import Candidate, Row, newest
from dispatch.alarmlog.wanted import Days, Ground, Wanted, code_in, wanted
from dispatch.store.faults import translated
from dispatch.stream.beside import light, whole
from dispatch.stream.stream import Stream

_AT_ONCE = 2
_PORTION = 50
"""Alarms that are loaded together: a few milliseconds of the hub's time."""
_MOST_MS = 2**53
SHOWN: Final = (
    "id", "code", "home", "station", "status", "kind", "raised_at", "closed_at", "owner", "disposition", "category",
    "text", "place", "wiped_at",
)  # fmt: skip
"""What is told of an alarm that was found."""
_TEXT = 200
"""Characters of its first words that are told."""
_Span = tuple[int | None, int | None]


@dataclass(frozen=True, slots=True)
class _Search:
    """What is looked for, by whom, and where."""

    actor: Actor
    stations: Sequence[str]
    station: str | None
    officer: str | None
    wanted: Wanted
    days: Days
    zone: Callable[[str], ZoneInfo]
    _spans: dict[str, _Span] = field(default_factory=dict)

    def span(self, station: str) -> _Span:
        """The days as (from, until) in ms, by the clock of the station."""
        if station not in self._spans:
            since, until = self.days.of(self.zone(station))
            self._spans[station] = (to_ms(since) if since else None, to_ms(until) if until else None)
        return self._spans[station]

    def is_of_days(self, one: Candidate) -> bool:
        """Whether it was raised on one of the days."""
        since, until = self.span(one.place.home)
        return (since is None or one.raised >= since) and (until is None or one.raised < until)


class Finder:
    """Searches of one hub.

    Args:
        stream: the record.
        index: where alarms are.
        ground: what must be known of places.
        zone: (station) -> its time zone.
        limits: the settings' `[limits]`.
    """

    def __init__(
        self, stream: Stream, index: Index, ground: Ground, zone: Callable[[str], ZoneInfo], limits: Mapping[str, int]
    ) -> None:
        self._stream = stream
        self._index = index
        self._ground = ground
        self._zone = zone
        self._limits = limits
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def find(self, actor: Actor, stations: Sequence[str], asked: FindBody) -> dict[str, Any]:
        """What the protocol says of `POST /log/alarms`; `stations` are those in which to look.

        Raises:
            Refused: `bad_message`: what is asked for makes no sense.
        """
        first, last = (date.fromisoformat(day) if day else None for day in (asked.first, asked.last))
        if first and last and first > last:
            raise Refused(errors.BAD_MESSAGE, "to: must not be before `from`")
        code, after = _code(asked.code), _row(asked.after)
        looked_for = wanted(asked, self._ground)
        search = _Search(actor, stations, asked.station, asked.officer, looked_for, Days(first, last), self._zone)
        async with self._room:
            behind = await self._index.follow(stations)
            source = self._by_code(search, code) if code else self._newest(search, after)
            return await self._look(search, source, asked.limit or self._limits["find_page"], behind)

    async def _look(self, search: _Search, source: AsyncIterator[Candidate], limit: int, behind: int) -> dict[str, Any]:
        found: list[dict[str, Any]] = []
        looked, last, ended = 0, None, False
        while not ended and len(found) < limit and looked < self._limits["find_looks"]:
            batch: list[Candidate] = []
            while len(batch) < min(_PORTION, self._limits["find_looks"] - looked):
                candidate = await anext(source, None)
                if candidate is None:
                    ended = True
                    break
                batch.append(candidate)
            for candidate, members in zip(batch, await self._load(batch, search.wanted.said), strict=True):
                looked, last = looked + 1, candidate
                if (one := self._seen(search, candidate, members)) is not None:
                    found.append(one)
                if len(found) == limit:
                    ended = ended and candidate is batch[-1]
                    break
        more = None if ended or last is None else last
        return {
            "alarms": found, "looked_at": looked, "behind": behind, "next": _cursor(more.row) if more else None,
            "back_to": to_text(from_ms(more.raised)) if more else None,
        }  # fmt: skip

    async def _load(self, batch: Sequence[Candidate], said: bool) -> list[dict[str, Any] | None]:
        """The alarms as they are stored, with what was `said` in them if that is needed."""
        async with translated():
            pipe = self._stream.redis.pipeline(transaction=False)
            for one in batch:
                keys = self._stream.of(one.place.home)
                pipe.hget(keys.alarm(one.place.alarm), "s")
                if said:
                    pipe.hgetall(keys.words(one.place.home, one.place.alarm))
            rows = await pipe.execute() if batch else []
        if not said:
            return [light(snapshot) if snapshot else None for snapshot in rows]
        both = zip(rows[::2], rows[1::2], strict=True)
        return [whole(light(snapshot), words) if snapshot else None for snapshot, words in both]

    def _seen(self, search: _Search, candidate: Candidate, members: dict[str, Any] | None) -> dict[str, Any] | None:
        """The alarm as it is told, if it is wanted and the reader may see it."""
        if members is None or not search.is_of_days(candidate):
            return None
        excerpt = search.wanted.excerpt(members, self._ground)
        if excerpt is None:
            return None
        alarm = from_members(members)
        if not visible_to(alarm, search.actor) or search.station not in (None, *alarm.stations):
            return None
        shown: dict[str, Any] = {name: members[name] for name in SHOWN if name in members}
        if len(shown.get("text", "")) > _TEXT:
            shown["text"] = f"{shown['text'][:_TEXT]}…"
        return {**shown, "excerpt": excerpt} if excerpt else shown

    def _newest(self, search: _Search, after: Row | None) -> AsyncIterator[Candidate]:
        stream, stations = self._stream, search.stations
        if search.officer is not None:
            keys = [(keys.had(search.officer), "") for keys in stream.partitions]
        elif len(stations) == 1:
            keys = [(stream.of(stations[0]).history(stations[0]), "")]
        else:  # what several were called in to counts once, at home
            keys = [(stream.of(station).history(station), station) for station in stations]
        spans = [search.span(station) for station in stations]  # each candidate is compared with that of its own home
        since = min((since for since, _ in spans if since is not None), default=None)
        until = max((until for _, until in spans if until is not None), default=None)
        return newest(stream.redis, keys, since, until, after)

    async def _by_code(self, search: _Search, code: str) -> AsyncIterator[Candidate]:
        places = await self._index.with_code(code)
        for place, raised in zip(places, await self._index.raised_at(places, search.officer), strict=True):
            if raised is not None:
                yield Candidate(raised, place, (raised, str(place).encode()))


def _code(written: str | None) -> str | None:
    if written is None:
        return None
    code = code_in(written)
    if code is None:
        raise Refused(errors.BAD_MESSAGE, "code: must be six letters or digits, such as K7P-2QD")
    return code


def _cursor(row: Row) -> str:
    return base64.urlsafe_b64encode(orjson.dumps([row[0], row[1].decode()])).decode()


def _row(cursor: str | None) -> Row | None:
    if cursor is None:
        return None
    try:
        raised, member = orjson.loads(base64.urlsafe_b64decode(cursor))
        if type(raised) is not int or not -_MOST_MS < raised < _MOST_MS or not isinstance(member, str):
            raise ValueError
    except (ValueError, TypeError):
        raise Refused(errors.BAD_MESSAGE, "after: use the `next` of the answer before, as it is") from None
    return raised, member.encode()
