"""Makes the sterile copies of every photo and recording that has ended, from a work index in the store.

The index is filled in the same instant in which a media ends, so no crash forgets one; two hubs that take the same one
store it once. It has a bound: beyond it a copy is made when an officer opens the media, and what an officer opens goes
first. The alarm never waits for it. Field's terms: work queue, lease, at-least-once.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from functools import partial
from importlib import resources
from typing import Any, Protocol

import orjson
import structlog

from dispatch.alarm import errors
from dispatch.alarm.clock import to_ms
from dispatch.alarm.commands import MediaDone, NoteWorkerDeath
from dispatch.alarm.errors import Refused
from dispatch.alarm.events import MediaEnded
from dispatch.alarm.work import Work, end
from dispatch.media.chunks import Chunks
from dispatch.media.formats import HEAD_BYTES, Form, form_of, kind_said
from dispatch.media.jobs import COPIES, SEGMENT_BYTES, Keep, Made, WorkerDied, WorkerLimits, make_copies
from dispatch.media.objects import Damaged, Objects
from dispatch.store.client import Script
from dispatch.store.faults import translated
from dispatch.stream.alarms import Alarms, Outcome
from dispatch.stream.keys import Keys

_FOLDER = resources.files("dispatch.media")
_LEASE = timedelta(seconds=15)
_RENEW = timedelta(seconds=5)
_LOOK_AGAIN = timedelta(seconds=2)
_MOST_DEATHS = 2

_log = structlog.get_logger(__name__)


class _Again(Exception):
    """Try the same media once more."""


class MakeCopies(Protocol):
    """`jobs.make_copies`, its limits and its ear for process numbers given."""

    async def __call__(self, kind: str, original: AsyncIterator[bytes], keep: Keep) -> Made: ...


class Copies:
    """The copies of one store.

    Args:
        alarms: where the alarms are.
        chunks: the originals.
        objects: where the sealed copies go.
        work: what goes on, and the time of leases.
        limits: what one worker may use.
        make: makes the copies of one media; `jobs.make_copies` with `limits` unless given.
    """

    def __init__(self, alarms: Alarms, chunks: Chunks, objects: Objects, work: Work,
                 limits: WorkerLimits | None = None,
                 make: MakeCopies | None = None) -> None:  # fmt: skip
        self._alarms = alarms
        self._chunks = chunks
        self._objects = objects
        self._work = work
        self._redis = alarms.stream.redis
        self._keys = alarms.stream.homes.keys
        limits = limits or WorkerLimits()
        self._most = limits.original_bytes
        self._make: MakeCopies = make or partial(make_copies, limits=limits)
        self._claim = Script(_FOLDER.joinpath("claim.lua").read_text())
        self._first = Script(_FOLDER.joinpath("first.lua").read_text())
        self._bell = work.bell()

    def after_append(self, outcome: Outcome) -> None:
        """For `Alarms.after_append`: look at once when a media has ended here."""
        if any(isinstance(event, MediaEnded) for event in outcome.events):
            self._bell.ring()

    async def step(self) -> bool:
        """Make the copies of one media that waits in each partition, and tell the alarms; False when none waits.

        A media that cannot be copied becomes unreadable; its original stays sealed. A fault of a store leaves it in the
        index, to be taken again when the lease ends.
        """
        return any([await self._one(keys) for keys in self._alarms.stream.partitions])

    async def _one(self, keys: Keys) -> bool:
        now = self._work.now()
        async with translated():
            found = await self._claim.run(self._redis, [keys.copying], [to_ms(now), to_ms(now + _LEASE)])
        if not found:
            return False
        alarm_id, media = found.decode().split(" ")
        renewing = self._work.spawn(self._renew(keys, found), f"renew {media}")
        try:
            done = await self._copy(alarm_id, media)
        except asyncio.CancelledError:  # the hub stops: the next start need not wait for the lease
            await self._redis.zadd(keys.copying, {found: 0}, xx=True)
            raise
        except _Again:
            async with translated():
                await self._redis.zadd(keys.copying, {found: to_ms(now)}, xx=True)
            return True
        finally:
            await end([renewing])
        if done is not None:
            await self._alarms.handle(alarm_id, done)
        async with translated():
            await self._redis.zrem(keys.copying, found)
        return True

    async def run(self) -> None:
        """Make copies until cancelled, one after the other; several of these may run, here and in other hubs."""
        while True:
            try:
                while await self.step():
                    pass
            except Refused as fault:
                _log.warning("media_copy_waits", code=fault.error.code)
            await self._bell.wait(self._work.now() + _LOOK_AGAIN)

    async def want(self, alarm_id: str, media: str) -> None:
        """An officer waits for the copies of this media, which has ended: they are made next.

        Raises:
            Refused: `not_stored`.
        """
        keys = await self._keys(alarm_id)
        async with translated():
            await self._first.run(self._redis, [keys.copying], [f"{alarm_id} {media}", to_ms(self._work.now())])
        self._bell.ring()

    async def about(self, alarm_id: str, media: str, which: str | None = None) -> tuple[int, str]:
        """(size in bytes, content type) of the copy called `which`; of the first one without.

        Raises:
            Refused: `not_found`: there is none.
        """
        copy = _one_of(await self._stored(alarm_id, media), which)
        if copy is None:
            raise Refused(errors.NOT_FOUND, "there is no such media")
        return copy["size"], copy["mime"]

    async def read(
        self, alarm_id: str, media: str, first: int, last: int, which: str | None = None
    ) -> AsyncIterator[bytes]:
        """The copy's bytes `first` to `last`, both included.

        Raises:
            Damaged: a part of the copy is gone or was changed.
        """
        copy = _one_of(await self._stored(alarm_id, media), which)
        if copy is None:
            raise Damaged(f"{alarm_id}/{media}: its copy is gone")
        for number in range(first // SEGMENT_BYTES, last // SEGMENT_BYTES + 1):
            segment = await self._objects.get(_path(alarm_id, media, copy["name"], number))
            start = number * SEGMENT_BYTES
            yield segment[max(0, first - start) : last + 1 - start]

    async def _copy(self, alarm_id: str, media: str) -> MediaDone | None:
        """What became of the media; None when it was wiped in the meantime."""
        loaded = await self._alarms.load(alarm_id)
        ended = await self._chunks.ended(alarm_id, media)
        if loaded is None or ended is None or media not in loaded.alarm.media:
            return None
        await self._alarms.handle(alarm_id, ended)  # the hub that ended it may have died in between
        came_as = loaded.alarm.media[media]["kind"]
        if ended.size > self._most:
            return MediaDone(media=media, unreadable="original_too_large")
        stored = await self._stored(alarm_id, media)
        if stored is None:
            made, kind, names = await self._try(alarm_id, media, came_as)
            other = None if kind == came_as else kind
            if made.unreadable is not None:
                return MediaDone(media=media, kind=other, unreadable=made.unreadable, position=made.position)
            stored = await self._register(alarm_id, media, kind, names, made)
        first = next(iter(stored["copies"].values()))
        kind = kind_said(first["mime"]) or came_as
        return MediaDone(
            media=media, mime=first["mime"], kind=None if kind == came_as else kind, width=stored.get("width"),
            height=stored.get("height"), duration_s=stored.get("duration_s"),
            copies=tuple(filter(None, stored["copies"])) or None, position=stored.get("position"),
            peaks=tuple(stored["peaks"]) if "peaks" in stored else None,
        )  # fmt: skip

    async def _renew(self, keys: Keys, found: bytes) -> None:
        """Keep the media taken while its worker works; a hub that dies leaves it to another soon."""
        while True:
            await self._work.sleep_until(self._work.now() + _RENEW)
            with suppress(Refused):
                async with translated():
                    await self._redis.zadd(keys.copying, {found: to_ms(self._work.now() + _LEASE)}, xx=True)

    async def _try(self, alarm_id: str, media: str, came_as: str) -> tuple[Made, str, dict[str, str]]:
        """The copies in segments, of which kind they are, and under which name each is kept.

        Raises:
            _Again: the worker died for the first time.
        """
        kept: list[str] = []
        names = {which: secrets.token_hex(8) for of_kind in COPIES.values() for which in of_kind}
        kind = came_as

        async def keep(which: str, number: int, segment: bytes) -> None:
            kept.append(_path(alarm_id, media, names[which], number))
            await self._objects.put(kept[-1], segment)

        try:
            form, original = await _begun(self._chunks.original(alarm_id, media))
            kind = form.kind if form else came_as
            made = await self._make(kind, original, keep)
        except Damaged:
            made = Made(unreadable="damaged")
        except WorkerDied as how:
            async with translated():
                deaths = await self._redis.hincrby((await self._keys(alarm_id)).media(alarm_id, media), "deaths", 1)
            _log.warning("media_worker_died", alarm=alarm_id, media=media, deaths=deaths, how=str(how))
            await self._objects.delete(kept)
            await self._alarms.handle(alarm_id, NoteWorkerDeath(media=media, deaths=deaths))
            if deaths < _MOST_DEATHS:
                raise _Again from None
            return Made(unreadable="worker_died"), kind, names
        if made.unreadable is not None:
            await self._objects.delete(kept)
        return made, kind, names

    async def _register(
        self, alarm_id: str, media: str, kind: str, names: dict[str, str], made: Made
    ) -> dict[str, Any]:
        """Write down that the copies are there; the first of two wins, and the other's segments go."""
        learnt = {"width": made.width, "height": made.height, "duration_s": made.duration_s, "peaks": made.peaks,
                  "position": made.position}  # fmt: skip
        stored: dict[str, Any] = {
            "copies": {which: {"name": names[which], "size": size, "mime": COPIES[kind][which]}
                       for which, size in made.copies.items()},
            **{name: value for name, value in learnt.items() if value is not None},
        }  # fmt: skip
        keys = await self._keys(alarm_id)
        async with translated():
            first = await self._redis.hsetnx(keys.media(alarm_id, media), "copy", orjson.dumps(stored))
        if first:
            return stored
        await self._objects.delete([
            _path(alarm_id, media, names[which], number)
            for which, size in made.copies.items() for number in range(-(-size // SEGMENT_BYTES))
        ])  # fmt: skip
        return await self._stored(alarm_id, media) or stored

    async def _stored(self, alarm_id: str, media: str) -> dict[str, Any] | None:
        keys = await self._keys(alarm_id)
        async with translated():
            found = await self._redis.hget(keys.media(alarm_id, media), "copy")
        if not found:
            return None
        stored: dict[str, Any] = orjson.loads(found)
        # Before there were several copies, what is written down was the one.
        return stored if "copies" in stored else {**stored, "copies": {"": stored}}


async def _begun(original: AsyncIterator[bytes]) -> tuple[Form | None, AsyncIterator[bytes]]:
    """(what the original is by its first bytes, all of it)."""
    head = b""
    async for part in original:  # a chunk may be as short as a byte
        head += part
        if len(head) >= HEAD_BYTES:
            break

    async def whole() -> AsyncIterator[bytes]:
        yield head
        async for part in original:
            yield part

    return form_of(head), whole()


def _one_of(stored: dict[str, Any] | None, which: str | None) -> dict[str, Any] | None:
    """The copy called `which`, or the first one."""
    copies: dict[str, dict[str, Any]] = stored["copies"] if stored else {}
    return copies.get(which) if which else next(iter(copies.values()), None)


def _path(alarm_id: str, media: str, name: str, number: int) -> str:
    return f"{alarm_id}/{media}/copy-{name}/{number}"
