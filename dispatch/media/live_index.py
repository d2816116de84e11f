"""Growing copies as all hubs see them: who keeps one up, what parts it has; the parts themselves are sealed objects.

One hub keeps a copy up, for as long as someone listens; any hub reads it, so the hub's memory holds none of it.
Never decodes a byte. Field's terms: lease with fencing, segment index.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import resources
from itertools import accumulate
from typing import Any

import orjson

from dispatch.alarm.clock import to_ms
from dispatch.media.objects import Damaged, Objects
from dispatch.store.client import Script
from dispatch.store.faults import translated
from dispatch.stream.alarms import Alarms
from dispatch.stream.keys import Keys

LEASE = timedelta(seconds=5)
"""A hub that does not renew it has died; the next listener has another one begin anew."""
_REMEMBERED = 64
_AT_ONCE = 8
_FOLDER = resources.files("dispatch.media")


@dataclass(frozen=True, slots=True)
class Look:
    """A growing copy now. `state`: `growing`, `ended`, `cut` or `failed`; `gaps`: (at, length) in seconds."""

    name: str
    size: int
    seconds: float
    gaps: tuple[tuple[float, float], ...]
    state: str
    kept_up: bool


class LiveIndex:
    """The growing copies of one store.

    Args:
        alarms: tells the partition of each.
        objects: where the parts go.
        linger_s: so long after the last listener a copy goes.
    """

    def __init__(self, alarms: Alarms, objects: Objects, linger_s: float) -> None:
        self._stream = alarms.stream
        self._redis = alarms.stream.redis
        self._keys = alarms.stream.homes.keys
        self._objects = objects
        self._linger = timedelta(seconds=linger_s)
        self._look = Script(_FOLDER.joinpath("live_look.lua").read_text())
        self._claim = Script(_FOLDER.joinpath("live_claim.lua").read_text())
        self._add = Script(_FOLDER.joinpath("live_add.lua").read_text())
        self._drop = Script(_FOLDER.joinpath("live_drop.lua").read_text())
        self._ends: OrderedDict[str, list[int]] = OrderedDict()
        """Name of a copy -> where each of its parts ends; parts never change."""

    async def look(self, alarm_id: str, media: str, now: datetime, listening: bool = False) -> Look | None:
        """The copy now; None when there is none. `listening`: keep it up for a listener."""
        k = await self._keys(alarm_id)
        async with translated():
            found = await self._look.run(self._redis, [k.live(alarm_id, media)], [to_ms(now) if listening else ""])
        if found[0] is None:
            return None
        name, size, seconds, gaps, state, until = found
        marks = tuple((at, length) for at, length in orjson.loads(gaps))
        return Look(name.decode(), int(size), float(seconds), marks, state.decode(), int(until) > to_ms(now))

    async def claim(self, alarm_id: str, media: str, now: datetime) -> str | None:
        """The name of a new copy, which the caller keeps up from now on; None when another hub keeps one up."""
        k = await self._keys(alarm_id)
        name = secrets.token_hex(8)
        args = [to_ms(now), to_ms(now + LEASE), name, f"{alarm_id} {media}", self._linger // timedelta(milliseconds=1)]
        async with translated():
            mine, before, left = await self._claim.run(self._redis, self._three(k, alarm_id, media), args)
        if not mine:
            return None
        await self._delete(alarm_id, media, before.decode(), left)
        return name

    async def add(self, alarm_id: str, media: str, name: str, number: int, part: bytes, now: datetime,
                  **about: str) -> datetime | None:  # fmt: skip
        """Renew, and write down part `number` (if it has bytes) and what is told of the whole.

        Returns:
            When the last listener was there; None when another hub keeps the copy up by now.
        """
        if part:
            await self._objects.put(_path(alarm_id, media, name, number), part)
        k = await self._keys(alarm_id)
        linger_ms = self._linger // timedelta(milliseconds=1)
        members = [item for pair in (about or {"name": name}).items() for item in pair]
        args = [name, to_ms(now + LEASE), f"{alarm_id} {media}", linger_ms, len(part), *members]
        async with translated():
            wanted = await self._add.run(self._redis, self._three(k, alarm_id, media), args)
        if wanted is None:
            if part:
                await self._objects.delete([_path(alarm_id, media, name, number)])
            return None
        return now + timedelta(milliseconds=int(wanted) - to_ms(now))

    async def drop(self, alarm_id: str, media: str, name: str) -> None:
        """Forget the copy and delete its parts."""
        k = await self._keys(alarm_id)
        async with translated():
            left = await self._drop.run(self._redis, self._three(k, alarm_id, media), [name, f"{alarm_id} {media}"])
        if left > 0:
            await self._delete(alarm_id, media, name, left)

    async def sweep(self, now: datetime) -> None:
        """Drop what hubs that died have left: copies that nobody keeps up any more."""
        for keys in self._stream.partitions:
            async with translated():
                left = await self._redis.zrange(
                    keys.lives, "-inf", str(to_ms(now)), byscore=True, offset=0, num=_AT_ONCE
                )
            for member in left:
                alarm_id, media = member.decode().split(" ")
                look = await self.look(alarm_id, media, now)
                if look is not None:
                    await self.drop(alarm_id, media, look.name)
                async with translated():
                    await self._redis.zrem(keys.lives, member)

    async def read(self, alarm_id: str, media: str, look: Look, first: int, last: int) -> AsyncIterator[bytes]:
        """The copy's bytes `first` to `last`, both included and below `look.size`.

        Raises:
            Damaged: a part is gone: the copy is not kept any more.
        """
        ends = await self._parts(alarm_id, media, look)
        start = 0
        for number, end in enumerate(ends):
            if end > first and start <= last:
                part = await self._objects.get(_path(alarm_id, media, look.name, number))
                yield part[max(0, first - start) : last + 1 - start]
            start = end

    async def _parts(self, alarm_id: str, media: str, look: Look) -> list[int]:
        ends = self._ends.setdefault(look.name, [])
        self._ends.move_to_end(look.name)
        while len(self._ends) > _REMEMBERED:
            self._ends.popitem(last=False)
        if not ends or ends[-1] < look.size:
            k = await self._keys(alarm_id)
            known = len(ends)
            async with translated():
                sizes = await self._redis.lrange(k.live_parts(alarm_id, media), known, -1)
            if known == len(ends):  # nobody else was faster
                ends += list(accumulate(map(int, sizes), initial=ends[-1] if ends else 0))[1:]
        if not ends or ends[-1] < look.size:
            raise Damaged(f"{alarm_id}/{media}: the growing copy is gone")
        return ends

    async def _delete(self, alarm_id: str, media: str, name: str, parts: int) -> None:
        await self._objects.delete([_path(alarm_id, media, name, number) for number in range(parts)])

    @staticmethod
    def _three(k: Keys, alarm_id: str, media: str) -> list[Any]:
        return [k.live(alarm_id, media), k.live_parts(alarm_id, media), k.lives]


def _path(alarm_id: str, media: str, name: str, number: int) -> str:
    return f"{alarm_id}/{media}/live-{name}/{number}"
