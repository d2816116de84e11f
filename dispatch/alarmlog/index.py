"""Where to find an alarm afterwards: by its code, by when it was raised, by who had it, and where its events lie.

Follows the streams behind everything else and can be made anew from them; holds nobody's words or place, so a wipe
takes nothing from it. Who asks has the last events looked at first. Field's terms: secondary index, projection.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from dispatch.alarm.clock import from_text, to_ms
from dispatch.store.faults import translated
from dispatch.stream.leases import Leases
from dispatch.stream.stream import Stream

INDEX_EVERY_S = 5.0
PER_STEP: Final = 2500
"""Events looked at in one step: a million in a little over half an hour, for a hundredth of a hub's time."""
_PORTION = 250
_HAD = frozenset({
    "alarm_acknowledged", "alarm_taken", "handover_accepted", "transfer_accepted", "alarm_closed",
})  # fmt: skip
"""After these `by` has the alarm, or ended it."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an alarm is: `home` is the station whose stream holds it."""

    alarm: str
    home: str

    def __str__(self) -> str:
        return f"{self.alarm} {self.home}"


def place(member: bytes) -> Place:
    """The inverse of `str`, as it is stored."""
    return Place(*member.decode().split(" "))


@dataclass(slots=True)
class _Found:
    """What some events of one station say for the index."""

    raised: dict[str, int] = field(default_factory=dict)  # place -> ms
    codes: list[str] = field(default_factory=list)
    had: list[tuple[str, str]] = field(default_factory=list)  # (alarm, officer)
    trails: dict[str, dict[int, int]] = field(default_factory=dict)  # alarm -> version -> offset


class Index:
    """The index of one store."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    async def follow(self, stations: Sequence[str], most: int = PER_STEP) -> int:
        """Look at events of `stations` that nobody looked at yet, `most` at most; how many are left."""
        before = await self._looked_at(stations)
        ends = await self._stream.ends(stations)
        behind = 0
        for station, after, (end, _) in zip(stations, before, ends, strict=True):
            while after < end and most > 0:
                records = await self._stream.records(station, after, min(_PORTION, most))
                if not records:
                    break
                await self._note(station, records)
                after, most = records[-1][0], most - len(records)
            behind += max(0, end - after)
        return behind

    async def with_code(self, code: str) -> list[Place]:
        """The alarms with this code; nearly always one."""
        async with translated():
            pipe = self._stream.redis.pipeline(transaction=False)
            for keys in self._stream.partitions:
                pipe.zrange(keys.codes, f"[{code} ", f"[{code} \xff", bylex=True)
            rows = await pipe.execute()
        return [place(member.partition(b" ")[2]) for row in rows for member in row]

    async def raised_at(self, places: Sequence[Place], officer: str | None = None) -> list[int | None]:
        """When each of them was raised, in ms; None for one that there is not, or that `officer` never had."""
        async with translated():
            pipe = self._stream.redis.pipeline(transaction=False)
            for one in places:
                keys = self._stream.of(one.home)
                pipe.zscore(keys.history(one.home) if officer is None else keys.had(officer), str(one))
            found = await pipe.execute() if places else []
        return [None if score is None else int(score) for score in found]

    async def trail(self, station: str, alarms: Collection[str]) -> tuple[list[int], int]:
        """Offsets of these alarms' events in the station's stream, in order; and up to which offset they are all."""
        [upto] = await self._looked_at([station])
        keys = self._stream.of(station)
        async with translated():
            pipe = self._stream.redis.pipeline(transaction=False)
            for alarm in alarms:
                pipe.hvals(keys.trail(station, alarm))
            rows = await pipe.execute() if alarms else []
        return sorted(int(offset) for row in rows for offset in row if int(offset) <= upto), upto

    async def _looked_at(self, stations: Sequence[str]) -> list[int]:
        found: dict[str, bytes | None] = {}
        async with translated():
            for keys in self._stream.partitions:
                if here := [station for station in stations if self._stream.of(station) is keys]:
                    found |= zip(here, await self._stream.redis.hmget(keys.indexed, here), strict=True)
        return [int(found[station] or 0) for station in stations]

    async def _note(self, station: str, records: Sequence[tuple[int, Mapping[str, Any]]]) -> None:
        """Write down what `records` say; again changes nothing."""
        found = _Found()
        for offset, members in records:
            _look(found, station, offset, members)
        keys = self._stream.of(station)
        when = await self._of_own(station, found)
        async with translated():
            pipe = self._stream.redis.pipeline(transaction=False)
            if found.raised:
                pipe.zadd(keys.history(station), found.raised)
            if found.codes:
                pipe.zadd(keys.codes, dict.fromkeys(found.codes, 0))
            for alarm, officer in found.had:
                if (at := when[alarm]) is not None:
                    pipe.zadd(keys.had(officer), {str(Place(alarm, station)): at})
            for alarm, versions in found.trails.items():
                pipe.hset(keys.trail(station, alarm), mapping=versions)
            pipe.hset(keys.indexed, station, records[-1][0])
            await pipe.execute()

    async def _of_own(self, station: str, found: _Found) -> dict[str, int | None]:
        """When the alarms that somebody had were raised; None of another station's, whose own stream has it."""
        own = [Place(alarm, station) for alarm in {alarm for alarm, _ in found.had}]
        stored = dict(zip(own, await self.raised_at(own), strict=True))
        return {one.alarm: found.raised.get(str(one), stored[one]) for one in own}


def _look(found: _Found, station: str, offset: int, members: Mapping[str, Any]) -> None:
    alarm, event = members["alarm"], members["event"]
    if alarm is None:
        return
    found.trails.setdefault(alarm, {})[members["version"]] = offset
    match event["type"]:
        case "alarm_raised":
            own = str(Place(alarm, station))
            found.raised[own] = to_ms(from_text(members["at"]))
            found.codes.append(f"{event['code']} {own}")
        case "alarm_shared":
            found.raised[str(Place(alarm, event["home"]))] = to_ms(from_text(members["changes"]["raised_at"]))
        case kind if kind in _HAD:
            found.had.append((alarm, event["by"]))


class Indexing:
    """Keeps the index of the partitions whose timers a hub runs.

    Args:
        index: the index.
        stream: the record.
        leases: which partitions are this hub's.
        stations: every station's id.
    """

    def __init__(self, index: Index, stream: Stream, leases: Leases, stations: Sequence[str]) -> None:
        self._index = index
        self._stream = stream
        self._leases = leases
        self._stations = stations

    async def step(self, now: datetime) -> None:
        """Look at what came since the last step, or was there before there was an index."""
        mine = {held.keys.partition for held in self._leases.held}
        stations = [station for station in self._stations if self._stream.of(station).partition in mine]
        if stations:
            await self._index.follow(stations)
