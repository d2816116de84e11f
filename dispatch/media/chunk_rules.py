"""What a chunk, and the end of a media, must be to be taken. Pure: stores nothing, decodes nothing.

Field's term: input validation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from dispatch.alarm import errors
from dispatch.alarm.errors import Refused
from dispatch.alarm.state import Alarm
from dispatch.alarm.tombstone import GONE

_MEDIA_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
KINDS = ("photo", "audio")


def check(limits: Mapping[str, int], media: str, seq: int, data: bytes, kind: str | None) -> None:
    """Whether the chunk can be stored. What it is, and whether anybody can open it, is not asked.

    Raises:
        Refused: `bad_message`, `too_large`, `too_many`.
    """
    if not _MEDIA_ID.fullmatch(media):
        raise Refused(errors.BAD_MESSAGE, "media: must be 1 to 64 letters, digits, `-` or `_`")
    if kind is not None and kind not in KINDS:
        raise Refused(errors.BAD_MESSAGE, f"kind: must be {' or '.join(KINDS)}, or left out")
    most = limits["chunks_per_media"]
    if not 0 <= seq < most:
        raise Refused(errors.TOO_MANY, f"seq: {seq}; a media has at most {most} chunks (chunks_per_media), from 0")
    if not data:
        raise Refused(errors.BAD_MESSAGE, "data: this chunk is empty; send only chunks that hold bytes")
    if len(data) > limits["chunk_bytes"]:
        raise Refused(errors.TOO_LARGE, f"data: {len(data)} bytes; at most {limits['chunk_bytes']} (chunk_bytes)")


def not_wiped(alarm: Alarm, media: str) -> None:
    item = alarm.media.get(media)
    if item is not None and item["state"] in GONE:
        raise Refused(errors.MEDIA_ENDED, "media: this one was wiped; start a new one with a new media id")


def same_chunk(value: bytes, digest: str, seq: int, ended: bool) -> None:
    if value.split(b" ")[1].decode() != digest:
        raise after_end(seq) if ended else Refused(errors.CHUNK_CONFLICT, f"seq: {seq} is stored with other bytes")


def after_end(seq: int) -> Refused:
    return Refused(errors.MEDIA_ENDED, f"seq: {seq} is not a chunk of the media as it was finished")


def over(limits: Mapping[str, int], which: str) -> Refused:
    """Why a chunk more is one too many: `chunks` of its media, `bytes` of it, or `media` of its alarm."""
    if which == "bytes":
        most = limits["media_bytes"]
        return Refused(errors.TOO_LARGE, f"data: with it the media has over {most} bytes (media_bytes)")
    if which == "chunks":
        most = limits["chunks_per_media"]
        return Refused(errors.TOO_MANY, f"seq: this media has {most} chunks; at most {most} (chunks_per_media)")
    most = limits["media_per_alarm"]
    return Refused(errors.TOO_MANY, f"media: this alarm has {most}; at most {most} (media_per_alarm)")


def same_bytes(told: str | None, found: str) -> None:
    if told is not None and told != found:
        raise Refused(errors.BAD_MESSAGE, f"sha256: {told} was sent, and the stored chunks have {found}")
