"""Makes the sterile copy of every photo and recording that has ended, from a work index in the store.

The index is filled in the same instant in which a media ends, so no crash forgets one; two hubs that take the same one
store it once. The alarm never waits for it. Field's terms: work queue, lease, at-least-once.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from importlib import resources
from typing import Any, Protocol

import orjson
import structlog

from dispatch.alarm import errors
from dispatch.alarm.clock import Clock, sleep_or, to_ms
from dispatch.alarm.commands import MediaDone
from dispatch.alarm.errors import Refused
from dispatch.alarm.events import MediaEnded
from dispatch.media.chunks import Chunks
from dispatch.media.jobs import MIME, SEGMENT_BYTES, Made, WorkerDied, WorkerLimits, make_copy
from dispatch.media.objects import Damaged, Objects
from dispatch.store.client import Script
from dispatch.store.faults import translated
from dispatch.stream.alarms import Alarms, Outcome
from dispatch.stream.keys import Keys

_FOLDER = resources.files("dispatch.media")
_LEASE_MARGIN = timedelta(seconds=30)
_LOOK_AGAIN = timedelta(seconds=2)
_MOST_DEATHS = 2

_log = structlog.get_logger(__name__)


class _Again(Exception):
    """Try the same media once more."""


class MakeCopy(Protocol):
    """`jobs.make_copy`, its limits and its ear for process numbers given."""

    async def __call__(self, kind: str, original: AsyncIterator[bytes], keep: Keep) -> Made: ...


class Keep(Protocol):
    async def __call__(self, number: int, segment: bytes, /) -> None: ...


class Copies:
    """The copies of one store.

    Args:
        alarms: where the alarms are.
        chunks: the originals.
        objects: where the sealed copies go.
        clock: gives the time of leases.
        limits: what one worker may use.
        make: makes one copy; `jobs.make_copy` with `limits` unless given.
    """

    def __init__(self, alarms: Alarms, chunks: Chunks, objects: Objects, clock: Clock,
                 limits: WorkerLimits | None = None, make: MakeCopy | None = None) -> None:  # fmt: skip
        self._alarms = alarms
        self._chunks = chunks
        self._objects = objects
        self._clock = clock
        self._redis = alarms.stream.redis
        self._keys = alarms.stream.homes.keys
        limits = limits or WorkerLimits()
        self._most = limits.original_bytes
        self._lease = timedelta(seconds=limits.wall_s) + _LEASE_MARGIN
        self._make: MakeCopy = make or partial(make_copy, limits=limits)
        self._claim = Script(_FOLDER.joinpath("claim.lua").read_text())
        self._bell = asyncio.Event()

    def after_append(self, outcome: Outcome) -> None:
        """For `Alarms.after_append`: look at once when a media has ended here."""
        if any(isinstance(event, MediaEnded) for event in outcome.events):
            self._bell.set()

    async def step(self) -> bool:
        """Make one copy that waits in each partition, and tell the alarms; False when none waits.

        A media that cannot be copied becomes unreadable; its original stays sealed. A fault of a store leaves it in the
        index, to be taken again when the lease ends.
        """
        return any([await self._one(keys) for keys in self._alarms.stream.partitions])

    async def _one(self, keys: Keys) -> bool:
        now = self._clock.now()
        async with translated():
            found = await self._claim.run(self._redis, [keys.copying], [to_ms(now), to_ms(now + self._lease)])
        if not found:
            return False
        alarm_id, media = found.decode().split(" ")
        try:
            done = await self._work(alarm_id, media)
        except asyncio.CancelledError:  # the hub stops: the next start need not wait for the lease
            await self._redis.zadd(keys.copying, {found: 0}, xx=True)
            raise
        except _Again:
            async with translated():
                await self._redis.zadd(keys.copying, {found: to_ms(now)}, xx=True)
            return True
        if done is not None:
            await self._alarms.handle(alarm_id, done)
        async with translated():
            await self._redis.zrem(keys.copying, found)
        return True

    async def run(self, clock: Clock) -> None:
        """Make copies until cancelled; several of these may run at once, in one hub or many."""
        while True:
            try:
                while await self.step():
                    pass
            except Refused as fault:
                _log.warning("media_copy_waits", code=fault.error.code)
            await sleep_or(clock, clock.now() + _LOOK_AGAIN, self._bell)

    async def about(self, alarm_id: str, media: str) -> tuple[int, str]:
        """(size in bytes, content type) of the copy.

        Raises:
            Refused: `not_found`: there is none.
        """
        copy = await self._stored(alarm_id, media)
        if copy is None:
            raise Refused(errors.NOT_FOUND, "there is no such copy")
        return copy["size"], copy["mime"]

    async def read(self, alarm_id: str, media: str, first: int, last: int) -> AsyncIterator[bytes]:
        """The copy's bytes `first` to `last`, both included.

        Raises:
            Damaged: a part of the copy is gone or was changed.
        """
        copy = await self._stored(alarm_id, media)
        if copy is None:
            raise Damaged(f"{alarm_id}/{media}: its copy is gone")
        for number in range(first // SEGMENT_BYTES, last // SEGMENT_BYTES + 1):
            segment = await self._objects.get(_path(alarm_id, media, copy["name"], number))
            start = number * SEGMENT_BYTES
            yield segment[max(0, first - start) : last + 1 - start]

    async def _work(self, alarm_id: str, media: str) -> MediaDone | None:
        """What became of the media; None when it was wiped in the meantime."""
        loaded = await self._alarms.load(alarm_id)
        ended = await self._chunks.ended(alarm_id, media)
        if loaded is None or ended is None or media not in loaded.alarm.media:
            return None
        await self._alarms.handle(alarm_id, ended)  # the hub that ended it may have died in between
        kind = loaded.alarm.media[media]["kind"]
        if ended.size > self._most:
            return MediaDone(media=media, unreadable="original_too_large")
        copy = await self._stored(alarm_id, media)
        if copy is None:
            name = secrets.token_hex(8)
            made = await self._try(alarm_id, media, kind, name)
            if made.unreadable is not None:
                return MediaDone(media=media, unreadable=made.unreadable)
            copy = await self._register(alarm_id, media, kind, name, made)
        return MediaDone(media=media, mime=copy["mime"], width=copy.get("width"), height=copy.get("height"),
                         duration_s=copy.get("duration_s"))  # fmt: skip

    async def _try(self, alarm_id: str, media: str, kind: str, name: str) -> Made:
        """A copy in segments under `name`.

        Raises:
            _Again: its worker died for the first time.
        """
        kept: list[str] = []

        async def keep(number: int, segment: bytes, /) -> None:
            kept.append(_path(alarm_id, media, name, number))
            await self._objects.put(kept[-1], segment)

        try:
            made = await self._make(kind, self._chunks.original(alarm_id, media), keep)
        except Damaged:
            made = Made(unreadable="damaged")
        except WorkerDied as how:
            async with translated():
                deaths = await self._redis.hincrby((await self._keys(alarm_id)).media(alarm_id, media), "deaths", 1)
            _log.warning("media_worker_died", alarm=alarm_id, media=media, deaths=deaths, how=str(how))
            await self._objects.delete(kept)
            if deaths < _MOST_DEATHS:
                raise _Again from None
            return Made(unreadable="worker_died")
        if made.unreadable is not None:
            await self._objects.delete(kept)
        return made

    async def _register(self, alarm_id: str, media: str, kind: str, name: str, made: Made) -> dict[str, Any]:
        """Write down that the copy is there; the first of two wins, and the other's segments go."""
        sizes = {"width": made.width, "height": made.height, "duration_s": made.duration_s}
        copy: dict[str, Any] = {
            "name": name,
            "size": made.size,
            "mime": MIME[kind],
            **{k: v for k, v in sizes.items() if v},
        }
        keys = await self._keys(alarm_id)
        async with translated():
            first = await self._redis.hsetnx(keys.media(alarm_id, media), "copy", orjson.dumps(copy))
        if first:
            return copy
        segments = range(-(-made.size // SEGMENT_BYTES))
        await self._objects.delete([_path(alarm_id, media, name, number) for number in segments])
        return await self._stored(alarm_id, media) or copy

    async def _stored(self, alarm_id: str, media: str) -> dict[str, Any] | None:
        keys = await self._keys(alarm_id)
        async with translated():
            found = await self._redis.hget(keys.media(alarm_id, media), "copy")
        return orjson.loads(found) if found else None


def _path(alarm_id: str, media: str, name: str, number: int) -> str:
    return f"{alarm_id}/{media}/copy-{name}/{number}"
