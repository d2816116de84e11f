"""Takes photos and recordings as numbered chunks: any order, any number of times, each stored once.

Returns only when the chunk's sealed object is synced and registered (P1). Never decodes a byte.
Field's terms: resumable upload, idempotent write, chain of custody (SHA-256 of the plain bytes in the event).
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from importlib import resources

import orjson

from dispatch.alarm import errors
from dispatch.alarm.commands import AddMedia, EndMedia
from dispatch.alarm.errors import Refused
from dispatch.alarm.state import Alarm
from dispatch.alarm.tombstone import GONE
from dispatch.media.objects import Damaged, Objects
from dispatch.store.client import Script
from dispatch.store.faults import translated
from dispatch.store.replicas import Was
from dispatch.stream.alarms import Alarms

_FOLDER = resources.files("dispatch.media")
_MEDIA_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MIME = re.compile(r"[a-z]+/[a-z0-9][a-z0-9.+-]{0,63}")
_MISSING_TOLD = 100

TYPES = {"photo": "image/*", "audio": "audio/*, video/webm or video/mp4"}
"""What each kind may be sent as; what it is inside shows when it is decoded."""


def kind_of(mime: str) -> str | None:
    """`photo` or `audio` by the content type; None for what is neither."""
    essence = mime.partition(";")[0].strip().lower()
    if not _MIME.fullmatch(essence):
        return None
    if essence.startswith("image/"):
        return "photo"
    return "audio" if essence.startswith("audio/") or essence in ("video/webm", "video/mp4") else None


class Chunks:
    """The chunks of one store.

    Args:
        alarms: where the alarms are.
        objects: where the sealed bytes go.
        limits: `chunk_bytes`, `chunks_per_media`, `media_bytes`, `media_per_alarm`.
    """

    def __init__(self, alarms: Alarms, objects: Objects, limits: Mapping[str, int]) -> None:
        self._alarms = alarms
        self._keys = alarms.stream.homes.keys
        self._redis = alarms.stream.redis
        self._objects = objects
        self.limits = limits
        self._register = Script(_FOLDER.joinpath("chunk.lua").read_text())
        self._end = Script(_FOLDER.joinpath("end.lua").read_text())

    async def put(self, alarm_id: str, media: str, seq: int, data: bytes, kind: str, mime: str) -> None:
        """Store chunk `seq` (from 0). The first chunk of a media adds it to the alarm.

        Raises:
            Refused: `not_found`, `bad_message`, `unsupported_media_type`, `too_large`, `too_many`, `chunk_conflict`,
                `media_ended`, `not_stored`. Whatever was stored before stays.
        """
        essence = self._check(media, seq, data, kind, mime)
        alarm = await self._load(alarm_id)
        _same_kind(alarm, media, kind)
        digest = hashlib.sha256(data).hexdigest()
        if not await self._there(alarm_id, media, seq, digest):
            await self._store(alarm_id, media, seq, data, digest)
        if media not in alarm.media:
            await self._alarms.handle(alarm_id, AddMedia(media=media, kind=kind, mime=essence))
        self._alarms.stream.vouch()

    async def end(self, alarm_id: str, media: str, kind: str | None, chunks: int, sha256: str | None = None) -> None:
        """Finish a media that has `chunks` chunks, and ask for its copy.

        Args:
            alarm_id: the alarm.
            media: its media.
            kind: as with its chunks; None where the message has none.
            chunks: how many there are.
            sha256: hex, of all bytes in order; checked when given.

        Raises:
            Refused: `chunks_missing` (with the first 100 in `missing`), `bad_message`, `too_many`, `media_ended`, ...
        """
        most = self.limits["chunks_per_media"]
        if chunks > most:
            raise Refused(errors.TOO_MANY, f"chunks: {chunks}; at most {most} (chunks_per_media)")
        alarm = await self._load(alarm_id)
        _same_kind(alarm, media, kind)
        ended = await self._ended(alarm_id, media)
        while ended is None:
            digest, size = await self._whole(alarm_id, media, chunks, known=media in alarm.media)
            _same_bytes(sha256, digest)
            made = orjson.dumps({"chunks": chunks, "size": size, "sha256": digest})
            k = await self._keys(alarm_id)
            keys = [k.chunks(alarm_id, media), k.media(alarm_id, media), k.copying]
            async with translated():
                await self._end.run(self._redis, keys, [chunks, made, f"{alarm_id} {media}"])
            ended = await self._ended(alarm_id, media)
        if ended.chunks != chunks:
            raise Refused(errors.MEDIA_ENDED, f"chunks: finished with {ended.chunks}, not {chunks}")
        _same_bytes(sha256, ended.sha256)
        await self._alarms.handle(alarm_id, ended)
        self._alarms.stream.vouch()

    async def put_whole(self, alarm_id: str, media: str, kind: str, mime: str, parts: AsyncIterable[bytes]) -> None:
        """Store all of `parts` as chunks and finish: for a form, whose bytes come in one piece.

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
        await self.end(alarm_id, media, kind, seq)

    async def original(self, alarm_id: str, media: str) -> AsyncIterator[bytes]:
        """The plain bytes as they were sent, chunk by chunk, each checked against its hash.

        Raises:
            Damaged: a chunk is gone or was changed.
            Refused: `not_stored`: a store does not answer.
        """
        k = await self._keys(alarm_id)
        async with translated():
            found = await self._redis.hgetall(k.chunks(alarm_id, media))
        for seq in sorted(found, key=int):
            yield await self._open(alarm_id, media, found[seq])

    async def ended(self, alarm_id: str, media: str) -> EndMedia | None:
        """What ends the media, once all its chunks are there and it was asked for."""
        return await self._ended(alarm_id, media)

    def _check(self, media: str, seq: int, data: bytes, kind: str, mime: str) -> str:
        """The bare content type, once everything that the chunk says of itself is right."""
        if not _MEDIA_ID.fullmatch(media):
            raise Refused(errors.BAD_MESSAGE, "media: must be 1 to 64 letters, digits, `-` or `_`")
        if kind not in TYPES:
            raise Refused(errors.BAD_MESSAGE, f"kind: must be {' or '.join(TYPES)}")
        if kind_of(mime) != kind:
            raise Refused(errors.UNSUPPORTED, f"content type of {kind}: must be {TYPES[kind]}")
        most = self.limits["chunks_per_media"]
        if not 0 <= seq < most:
            raise Refused(errors.TOO_MANY, f"seq: {seq}; a media has at most {most} chunks (chunks_per_media), from 0")
        if not data:
            raise Refused(errors.BAD_MESSAGE, "data: this chunk is empty; send only chunks that hold bytes")
        if len(data) > self.limits["chunk_bytes"]:
            raise Refused(
                errors.TOO_LARGE, f"data: {len(data)} bytes; at most {self.limits['chunk_bytes']} (chunk_bytes)"
            )
        return mime.partition(";")[0].strip().lower()

    async def _load(self, alarm_id: str) -> Alarm:
        loaded = await self._alarms.load(alarm_id)
        if loaded is None:
            raise Refused(errors.NOT_FOUND, "there is no such alarm")
        return loaded.alarm

    async def _there(self, alarm_id: str, media: str, seq: int, digest: str) -> bool:
        """Whether the chunk is stored already, with these bytes."""
        k = await self._keys(alarm_id)
        async with translated():
            pipe = self._redis.pipeline(transaction=False)
            pipe.hget(k.chunks(alarm_id, media), str(seq))
            pipe.hexists(k.media(alarm_id, media), "ended")
            value, ended = await pipe.execute()
        if value is None:
            if ended:
                raise _after_end(seq)
            return False
        _same_chunk(value, digest, seq, bool(ended))
        await self._alarms.stream.confirmed(k, Was(k.chunks(alarm_id, media), str(seq), value.decode()))
        return True

    async def _store(self, alarm_id: str, media: str, seq: int, data: bytes, digest: str) -> None:
        name = secrets.token_hex(8)  # its own object for every attempt: none can replace what is registered
        path = _path(alarm_id, media, name)
        await self._objects.put(path, data)
        k = await self._keys(alarm_id)
        keys = [k.chunks(alarm_id, media), k.media(alarm_id, media), k.media_of(alarm_id)]
        most = self.limits
        value = f"{len(data)} {digest} {name}"
        args = [seq, value, len(data), media, most["chunks_per_media"], most["media_bytes"],
                most["media_per_alarm"]]  # fmt: skip
        async with translated():
            answer = await self._register.run(self._redis, keys, args)
        if answer[0] == b"ok" or answer[:2] == [b"there", value.encode()]:  # ours: its first answer was lost
            await self._alarms.stream.confirmed(k, Was(keys[0], str(seq), value))
            return
        await self._objects.delete([path])
        match answer[0]:
            case b"there":
                _same_chunk(answer[1], digest, seq, bool(answer[2]))
                await self._alarms.stream.confirmed(k, Was(keys[0], str(seq), answer[1].decode()))
            case b"ended":
                raise _after_end(seq)
            case b"chunks":
                limit = "chunks_per_media"
                raise Refused(
                    errors.TOO_MANY, f"seq: this media has {most[limit]} chunks; at most {most[limit]} ({limit})"
                )
            case b"bytes":
                limit = "media_bytes"
                raise Refused(errors.TOO_LARGE, f"data: with it the media has over {most[limit]} bytes ({limit})")
            case _:
                limit = "media_per_alarm"
                raise Refused(errors.TOO_MANY, f"media: this alarm has {most[limit]}; at most {most[limit]} ({limit})")

    async def _whole(self, alarm_id: str, media: str, chunks: int, known: bool) -> tuple[str, int]:
        """(SHA-256, size) of all chunks in order.

        A media that the alarm does not know yet has no receipted chunk: all are to be sent.
        """
        k = await self._keys(alarm_id)
        async with translated():
            found = await self._redis.hgetall(k.chunks(alarm_id, media)) if known else {}
        missing = [seq for seq in range(chunks) if str(seq).encode() not in found]
        if missing:
            raise Refused(
                errors.CHUNKS_MISSING, f"chunks: {len(missing)} of {chunks} are not stored",
                missing=missing[:_MISSING_TOLD],
            )  # fmt: skip
        if len(found) > chunks:
            raise Refused(errors.BAD_MESSAGE, f"chunks: {len(found)} are stored, and {chunks} would leave some out")
        digest, size = hashlib.sha256(), 0
        try:
            for seq in range(chunks):
                data = await self._open(alarm_id, media, found[str(seq).encode()])
                digest.update(data)
                size += len(data)
        except Damaged as fault:
            raise Refused(errors.NOT_STORED, "the object store has lost a chunk") from fault
        return digest.hexdigest(), size

    async def _open(self, alarm_id: str, media: str, value: bytes) -> bytes:
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
        return EndMedia(media=media, **orjson.loads(found)) if found else None


def _path(alarm_id: str, media: str, name: str) -> str:
    return f"{alarm_id}/{media}/{name}"


def _same_kind(alarm: Alarm, media: str, kind: str | None) -> None:
    item = alarm.media.get(media)
    if item is not None and item["state"] in GONE:
        raise Refused(errors.MEDIA_ENDED, "media: this one was wiped; start a new one with a new media id")
    if item is not None and kind is not None and item["kind"] != kind:
        raise Refused(errors.BAD_MESSAGE, f"kind: this media is {item['kind']}, not {kind}")


def _same_chunk(value: bytes, digest: str, seq: int, ended: bool) -> None:
    if value.split(b" ")[1].decode() != digest:
        raise _after_end(seq) if ended else Refused(errors.CHUNK_CONFLICT, f"seq: {seq} is stored with other bytes")


def _after_end(seq: int) -> Refused:
    return Refused(errors.MEDIA_ENDED, f"seq: {seq} is not a chunk of the media as it was finished")


def _same_bytes(told: str | None, found: str) -> None:
    if told is not None and told != found:
        raise Refused(errors.BAD_MESSAGE, f"sha256: {told} was sent, and the stored chunks have {found}")
