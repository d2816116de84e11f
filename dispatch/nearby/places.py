"""Where officers who share it, and helpers on watch, are: the latest place only, with when and how exact, as received.

Never in a stream or a log. It ends by lapse, with the watch and with the sign-in, and leaves the store's append-only
file when that is next written anew (`dispatch.store.rewrite`). Field's terms: presence, soft state.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from dispatch.alarm.clock import Clock, from_ms, from_text, to_ms, to_text
from dispatch.store.client import Script
from dispatch.store.faults import translated
from dispatch.stream.keys import Keys
from dispatch.stream.stream import Stream

LOOK_EVERY_S = 5.0
_WHENEVER = 2**53
_SHARE = Script("""
redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1])
if redis.call('HSET', KEYS[2], ARGV[2], ARGV[4]) == 0 then redis.call('HINCRBY', KEYS[3], 'wiped', 1) end
""")
"""KEYS 1 sharing, 2 places, 3 rewrite; ARGV 1 station|name, 2 name, 3 until in ms, 4 the row. The last one is gone."""
_END = Script("""
local till = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not till or tonumber(till) > tonumber(ARGV[3]) then return 0 end
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[2])
redis.call('HINCRBY', KEYS[3], 'wiped', 1)
return 1
""")
"""KEYS as above; ARGV 1 station|name, 2 name, 3 now in ms: one who told it again meanwhile stays."""


@dataclass(frozen=True, slots=True)
class Sharer:
    """Someone who shares their place. `position` is as received, None when their device gives none."""

    name: str
    station: str
    role: str
    kind: str | None
    position: Mapping[str, Any] | None
    at: datetime  # when it came
    until: datetime


class Places:
    """The places of all stations.

    Args:
        stream: for its store.
        clock: time.
        lapse_s: one that was not told again for so many seconds is forgotten.
    """

    def __init__(self, stream: Stream, clock: Clock, lapse_s: float) -> None:
        self._stream = stream
        self._clock = clock
        self._lapse = timedelta(seconds=lapse_s)

    async def share(
        self, station: str, name: str, role: str, kind: str | None, position: Mapping[str, Any] | None
    ) -> Sharer:
        """`name` is here now; what was known before is forgotten."""
        now = self._clock.now()
        sharer = Sharer(name, station, role, kind, position, now, now + self._lapse)
        row = {"role": role, "kind": kind, "position": position, "at": to_text(now), "until": to_ms(sharer.until)}
        args = [f"{station}|{name}", name, to_ms(sharer.until), orjson.dumps(row)]
        async with translated():
            await _SHARE.run(self._stream.redis, self._keys(self._stream.of(station), station), args)
        return sharer

    async def end(self, station: str, name: str) -> None:
        """`name` shares their place no more."""
        await self._end(self._stream.of(station), f"{station}|{name}", _WHENEVER)

    async def step(self, now: datetime) -> bool:
        """Forget the places that nobody told again; False when there were none."""
        found = False
        for keys in self._stream.partitions:
            async with translated():
                lapsed = await self._stream.redis.zrange(keys.sharing, "-inf", str(to_ms(now)), byscore=True)
            for member in lapsed:
                found |= await self._end(keys, member.decode(), to_ms(now))
        return found

    async def of(self, stations: Iterable[str]) -> list[Sharer]:
        """Everyone who shares their place at `stations` now."""
        now = self._clock.now()
        wanted = tuple(stations)
        async with translated():
            pipe = self._stream.redis.pipeline(transaction=False)
            for station in wanted:
                pipe.hgetall(self._stream.of(station).places(station))
            rows = await pipe.execute()
        found = [
            _sharer(station, name.decode(), orjson.loads(value))
            for station, row in zip(wanted, rows, strict=True)
            for name, value in row.items()
        ]
        return [sharer for sharer in found if sharer.until > now]

    async def one(self, station: str, name: str) -> Sharer | None:
        """`name`, if they share their place now."""
        async with translated():
            row = await self._stream.redis.hget(self._stream.of(station).places(station), name)
        sharer = _sharer(station, name, orjson.loads(row)) if row else None
        return sharer if sharer and sharer.until > self._clock.now() else None

    async def _end(self, keys: Keys, member: str, now_ms: int) -> bool:
        station, _, name = member.partition("|")
        async with translated():
            return bool(await _END.run(self._stream.redis, self._keys(keys, station), [member, name, now_ms]))

    @staticmethod
    def _keys(keys: Keys, station: str) -> list[str]:
        return [keys.sharing, keys.places(station), keys.rewrite]


def _sharer(station: str, name: str, row: Mapping[str, Any]) -> Sharer:
    at, until = from_text(row["at"]), from_ms(row["until"])
    return Sharer(name, station, row["role"], row["kind"], row["position"], at, until)
