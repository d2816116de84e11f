"""Takes photos and recordings as numbered chunks: any order, any number of times, each stored once.

Returns only when the chunk's sealed object is synced and registered (P1). Never decodes a byte.
Field's terms: resumable upload, idempotent write, chain of custody (SHA-256 of the plain bytes in the event).
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Mapping
from importlib import resources
from typing import Any

import orjson

from dispatch.alarm import errors
from dispatch.alarm.clock import Clock, to_ms
from dispatch.alarm.commands import AddMedia, EndMedia
from dispatch.alarm.errors import Refused
from dispatch.alarm.lifecycle import decide
from dispatch.alarm.state import Alarm
from dispatch.alarm.turns import Turns
from dispatch.media.chunk_rules import after_end, check, not_wiped, over, same_bytes, same_chunk
from dispatch.media.formats import bare, form_of, kind_said
from dispatch.media.objects import Damaged, Objects
from dispatch.store.client import Script
from dispatch.store.faults import translated
from dispatch.store.replicas import Was
from dispatch.stream.alarms import Alarms

_FOLDER = resources.files("dispatch.media")
_MISSING_TOLD = 100
_MOST_SUMS = 8
"""So often the chunks of one media are summed for an end with a wrong hash: each time costs as much as they are."""


class Chunks:
    """The chunks of one store.

    Args:
        alarms: where the alarms are.
        objects: where the sealed bytes go.
        limits: `chunk_bytes`, `chunks_per_media`, `media_bytes`, `media_per_alarm`, `copies_waiting`,
            `kept_disk_bytes`.
        clock: since when a copy is waited for.
        cut_at: () -> when a recording whose latest chunk came now is cut if nothing more comes, in ms; else never.
    """

    def __init__(self, alarms: Alarms, objects: Objects, limits: Mapping[str, int], clock: Clock,
                 cut_at: Callable[[], int] | None = None) -> None:  # fmt: skip
        self._alarms = alarms
        self._clock = clock
        self._keys = alarms.stream.homes.keys
        self._redis = alarms.stream.redis
        self._objects = objects
        self.limits = limits
        self.after_put: list[Callable[[str, str], None]] = []
        self._cut_at = cut_at
        self._register = Script(_FOLDER.joinpath("chunk.lua").read_text())
        self._end = Script(_FOLDER.joinpath("end.lua").read_text())
        self._summed = Script(_FOLDER.joinpath("summed.lua").read_text())
        self._summing = Turns()

    async def put(self, alarm_id: str, media: str, seq: int, data: bytes, kind: str | None, mime: str) -> None:
        """Store chunk `seq` (from 0). The first chunk of a media adds it to the alarm.

        Args:
            alarm_id: the alarm.
            media: its media, new or not.
            seq: the chunk's number.
            data: its bytes.
            kind: photo or audio, as its sender says; believed only where the bytes do not say.
            mime: likewise.

        Raises:
            Refused: `not_found`, `bad_message`, `too_large`, `too_many`, `chunk_conflict`, `media_ended`,
                `not_possible` (of a plan), `not_stored`. Whatever was stored before stays.
        """
        check(self.limits, media, seq, data, kind)
        form = form_of(data) if seq == 0 else None
        kind = form.kind if form else kind or kind_said(mime) or "photo"
        added = AddMedia(media=media, kind=kind, mime=form.mime if form else bare(mime))
        alarm = await self._load(alarm_id, added)
        not_wiped(alarm, media)
        if media in alarm.media:
            kind = alarm.media[media]["kind"]
        digest = hashlib.sha256(data).hexdigest()
        if not await self._there(alarm_id, media, seq, digest, len(data)):
            await self._store(alarm_id, media, seq, data, digest, kind)
        if media not in alarm.media:
            await self._alarms.handle(alarm_id, added)
        for told in self.after_put:
            told(alarm_id, media)

    async def end(self, alarm_id: str, media: str, chunks: int, sha256: str | None = None) -> None:
        """Finish a media that has `chunks` chunks, and ask for its copy.

        Args:
            alarm_id: the alarm.
            media: its media.
            chunks: how many there are.
            sha256: hex, of all bytes in order; checked when given.

        Raises:
            Refused: `chunks_missing` (with the first 100 in `missing`), `bad_message`, `too_many`, `media_ended`, ...
        """
        most = self.limits["chunks_per_media"]
        if chunks > most:
            raise Refused(errors.TOO_MANY, f"chunks: {chunks}; at most {most} (chunks_per_media)")
        alarm = await self._load(alarm_id, AddMedia(media=media, kind="", mime=""))
        not_wiped(alarm, media)
        ended = await self._ended(alarm_id, media)
        while ended is None:
            about = await self._whole(alarm_id, media, chunks, known=media in alarm.media)
            same_bytes(sha256, about["sha256"])
            ended = await self._finish(alarm_id, media, about)
        if ended.chunks != chunks:
            raise Refused(errors.MEDIA_ENDED, f"chunks: finished with {ended.chunks}, not {chunks}")
        same_bytes(sha256, ended.sha256)
        await self._alarms.handle(alarm_id, ended)

    async def put_whole(self, alarm_id: str, media: str, kind: str, mime: str, parts: AsyncIterable[bytes]) -> None:
        """Store all of `parts` as chunks and finish: for a form, whose bytes come in one piece.

        `kind` and `mime` are what the form says, as in `put`.

        Raises:
            Refused: as `put` and `end`.
        """
        size = self.limits["chunk_bytes"]
        seq, held = 0, bytearray()
        async for part in parts:
            held += part
            while len(held) >= size:
                await self.put(alarm_id, media, seq, bytes(held[:size]), kind, mime)
                seq += 1
                del held[:size]
        if held or not seq:
            await self.put(alarm_id, media, seq, bytes(held), kind, mime)
            seq += 1
        await self.end(alarm_id, media, seq)

    async def cut(self, alarm_id: str, media: str) -> None:
        """Finish a media that nobody finished, with the chunks that there are; nothing where it has ended already.

        Raises:
            Refused: `not_found`: the alarm knows no such media; `not_stored`.
        """
        ended = await self._ended(alarm_id, media)
        while ended is None:
            found = await self.stored(alarm_id, media)
            missing = sorted(set(range(max(found, default=0))) - set(found))
            digest, size = await self._digest(alarm_id, media, [found[seq] for seq in sorted(found)])
            told = {"cut": True, **({"missing": missing[:_MISSING_TOLD]} if missing else {})}
            about = {"chunks": len(found), "size": size, "sha256": digest, **told}
            ended = await self._finish(alarm_id, media, about)
        await self._alarms.handle(alarm_id, ended)

    async def stored(self, alarm_id: str, media: str) -> dict[int, bytes]:
        """Number of each stored chunk -> what `open` takes."""
        k = await self._keys(alarm_id)
        async with translated():
            found = await self._redis.hgetall(k.chunks(alarm_id, media))
        return {int(seq): value for seq, value in found.items()}

    async def original(self, alarm_id: str, media: str) -> AsyncIterator[bytes]:
        """The plain bytes as they were sent, chunk by chunk, each checked against its hash.

        Raises:
            Damaged: a chunk is gone or was changed.
            Refused: `not_stored`: a store does not answer.
        """
        found = await self.stored(alarm_id, media)
        for seq in sorted(found):
            yield await self.open(alarm_id, media, found[seq])

    async def ended(self, alarm_id: str, media: str) -> EndMedia | None:
        """What ends the media, once all its chunks are there and it was asked for."""
        return await self._ended(alarm_id, media)

    async def _load(self, alarm_id: str, added: AddMedia) -> Alarm:
        """The alarm, once its rules would take this media: what it refuses must never have been stored.

        It stays so: a plan becomes an alarm, and no alarm becomes a plan.
        """
        loaded = await self._alarms.load(alarm_id)
        if loaded is None:
            raise Refused(errors.NOT_FOUND, "there is no such alarm")
        decide(loaded.alarm, added)
        return loaded.alarm

    async def _there(self, alarm_id: str, media: str, seq: int, digest: str, size: int) -> bool:
        """Whether the chunk is stored already, with these bytes.

        Raises:
            Refused: it cannot be: known before anything is written. `_store` asks once more, in the store.
        """
        k, most = await self._keys(alarm_id), self.limits
        async with translated():
            pipe = self._redis.pipeline(transaction=False)
            pipe.hget(k.chunks(alarm_id, media), str(seq))
            pipe.hmget(k.media(alarm_id, media), ["ended", "bytes"])
            pipe.hlen(k.chunks(alarm_id, media))
            pipe.sismember(k.media_of(alarm_id), media)
            pipe.scard(k.media_of(alarm_id))
            value, (ended, stored), chunks, known, media_there = await pipe.execute()
        if value is not None:
            same_chunk(value, digest, seq, bool(ended))
            await self._alarms.stream.confirmed(k, Was(k.chunks(alarm_id, media), str(seq), value.decode()))
            return True
        if ended:
            raise after_end(seq)
        if chunks >= most["chunks_per_media"]:
            raise over(most, "chunks")
        if int(stored or 0) + size > most["media_bytes"]:
            raise over(most, "bytes")
        if not known and media_there >= most["media_per_alarm"]:
            raise over(most, "media")
        return False

    async def _store(self, alarm_id: str, media: str, seq: int, data: bytes, digest: str, kind: str) -> None:
        kept = self.limits["kept_disk_bytes"]
        if not self._objects.has_room(len(data), kept):
            raise Refused(
                errors.NOT_STORED,
                f"less than {kept} bytes of the disk are free (limits.kept_disk_bytes): alarms and words are stored,"
                " photos and recordings have to wait",
            )  # fmt: skip
        name = secrets.token_hex(8)  # its own object for every attempt: none can replace what is registered
        path = _path(alarm_id, media, name)
        await self._objects.put(path, data)
        k = await self._keys(alarm_id)
        keys = [k.chunks(alarm_id, media), k.media(alarm_id, media), k.media_of(alarm_id), k.receiving]
        most = self.limits
        value = f"{len(data)} {digest} {name}"
        grows, cut_at = (f"{alarm_id} {media}", self._cut_at()) if self._cut_at and kind == "audio" else ("", 0)
        args = [seq, value, len(data), media, most["chunks_per_media"], most["media_bytes"],
                most["media_per_alarm"], grows, cut_at]  # fmt: skip
        async with translated():
            answer = await self._register.run(self._redis, keys, args)
        if answer[0] == b"ok" or answer[:2] == [b"there", value.encode()]:  # ours: its first answer was lost
            await self._alarms.stream.confirmed(k, Was(keys[0], str(seq), value))
            return
        await self._objects.delete([path])
        match answer[0]:
            case b"there":
                same_chunk(answer[1], digest, seq, bool(answer[2]))
                await self._alarms.stream.confirmed(k, Was(keys[0], str(seq), answer[1].decode()))
            case b"ended":
                raise after_end(seq)
            case which:
                raise over(self.limits, which.decode())

    async def _whole(self, alarm_id: str, media: str, chunks: int, known: bool) -> dict[str, Any]:
        """`chunks`, `size` and `sha256` of all chunks in order: summed once for each number of them, then remembered.

        A media that the alarm does not know yet has no receipted chunk: all are to be sent.
        """
        async with self._summing.of(f"{alarm_id} {media}"):  # many ends at once cost one
            k = await self._keys(alarm_id)
            async with translated():
                pipe = self._redis.pipeline(transaction=False)
                pipe.hmget(k.media(alarm_id, media), ["summed", "sums"])
                pipe.hlen(k.chunks(alarm_id, media))
                (summed, sums), stored = await pipe.execute()
            about: dict[str, Any] = orjson.loads(summed) if summed else {}
            if known and about.get("chunks") == chunks == stored:
                return about
            found = await self.stored(alarm_id, media) if known else {}
            missing = [seq for seq in range(chunks) if seq not in found]
            if missing:
                raise Refused(
                    errors.CHUNKS_MISSING, f"chunks: {len(missing)} of {chunks} are not stored",
                    missing=missing[:_MISSING_TOLD],
                )  # fmt: skip
            if len(found) > chunks:
                raise Refused(errors.BAD_MESSAGE, f"chunks: {len(found)} are stored, and {chunks} would leave some out")
            if int(sums or 0) >= _MOST_SUMS:
                raise Refused(
                    errors.BAD_MESSAGE, f"sha256: it was wrong {_MOST_SUMS} times; send all anew, with a new media id"
                )
            digest, size = await self._digest(alarm_id, media, [found[seq] for seq in range(chunks)])
            about = {"chunks": chunks, "size": size, "sha256": digest}
            async with translated():
                keys = [k.chunks(alarm_id, media), k.media(alarm_id, media)]
                await self._summed.run(self._redis, keys, [chunks, orjson.dumps(about)])
            return about

    async def _digest(self, alarm_id: str, media: str, values: Iterable[bytes]) -> tuple[str, int]:
        digest, size = hashlib.sha256(), 0
        try:
            for value in values:
                data = await self.open(alarm_id, media, value)
                digest.update(data)
                size += len(data)
        except Damaged as fault:
            raise Refused(errors.NOT_STORED, "the object store has lost a chunk") from fault
        return digest.hexdigest(), size

    async def _finish(self, alarm_id: str, media: str, about: Mapping[str, Any]) -> EndMedia | None:
        k = await self._keys(alarm_id)
        keys = [k.chunks(alarm_id, media), k.media(alarm_id, media), k.copying]
        async with translated():
            now, room = to_ms(self._clock.now()), self.limits["copies_waiting"]
            args = [about["chunks"], orjson.dumps(about), f"{alarm_id} {media}", now, room]
            await self._end.run(self._redis, keys, args)
        return await self._ended(alarm_id, media)

    async def open(self, alarm_id: str, media: str, value: bytes) -> bytes:
        """The plain bytes of one of the `stored` chunks.

        Raises:
            Damaged: it is gone or was changed.
        """
        _, digest, name = value.decode().split(" ")
        path = _path(alarm_id, media, name)
        data = await self._objects.get(path)
        if hashlib.sha256(data).hexdigest() != digest:
            raise Damaged(f"{path}: it is not the chunk that was registered")
        return data

    async def _ended(self, alarm_id: str, media: str) -> EndMedia | None:
        k = await self._keys(alarm_id)
        async with translated():
            found = await self._redis.hget(k.media(alarm_id, media), "ended")
        if not found:
            return None
        about: dict[str, Any] = orjson.loads(found)
        if "missing" in about:
            about["missing"] = tuple(about["missing"])
        return EndMedia(media=media, **about)


def _path(alarm_id: str, media: str, name: str) -> str:
    return f"{alarm_id}/{media}/{name}"
