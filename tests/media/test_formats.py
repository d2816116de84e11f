"""The bytes decide what a photo or recording is: never its name, nor the type that a device says, or does not say."""

import hashlib
import io
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from dispatch.media.formats import HEAD_BYTES, bare, form_of
from tests.media.conftest import House
from tests.media.made import SECONDS, SOUNDS, branded, pictured, recorded
from tests.media.test_sterile import TELLING, loudness

SAID: list[tuple[str | None, str]] = [
    (None, ""), (None, "application/octet-stream"), ("photo", "image/jpeg"), ("audio", "video/3gpp"),
    ("audio", "text/plain; charset=utf-8"), (None, "my words"),
]  # fmt: skip
"""(kind, type) as devices, forms and old phones say them; all of it wrong for most of the files."""


def _fixture(folder: Path, name: str) -> bytes:
    return (folder / name).read_bytes()


def _recorded(name: str, folder: Path) -> bytes:
    return recorded(name)


Make = Callable[[Path], bytes]
PHOTOS: dict[str, tuple[Make, str]] = {
    "avif": (lambda folder: pictured("AVIF", folder), "image/avif"),
    "avif that calls itself mif1": (lambda folder: branded(pictured("AVIF", folder), b"mif1"), "image/heif"),
    "heic": (lambda folder: _fixture(folder, "photo-gps.heic"), "image/heic"),
    "heic that calls itself mif1": (lambda folder: branded(_fixture(folder, "photo-gps.heic"), b"mif1"), "image/heif"),
    "gif": (lambda folder: pictured("GIF", folder), "image/gif"),
    "webp": (lambda folder: _fixture(folder, "photo.webp"), "image/webp"),
}
RECORDINGS: dict[str, tuple[Make, str]] = {
    **{name: (partial(_recorded, name), mime) for name, mime in {
        "flac": "audio/flac", "aiff": "audio/aiff", "aifc": "audio/aiff", "wma": "audio/x-ms-wma",
        "wma1": "audio/x-ms-wma", "alac.m4a": "audio/mp4", "alac.caf": "audio/x-caf", "mov": "audio/mp4",
        "3gp": "audio/3gpp", "mp3": "audio/mpeg", "adts": "audio/aac", "opus.ogg": "audio/ogg", "wav": "audio/wav",
        "adpcm.wav": "audio/wav",
    }.items()},
    "flac after an ID3 tag": (lambda folder: _tagged(recorded("flac")), "audio/flac"),
    "amr": (lambda folder: _fixture(folder, "voice-zh.amr")[:1500], "audio/amr"),
}  # fmt: skip
STRANGE = {
    "silk": b"\x02#!SILK_V3" + bytes(range(256)), "pdf": b"%PDF-1.7\n" + bytes(200), "zip": b"PK\3\4" + bytes(200),
    "a page": b"<html><script>alert(1)</script>", "one byte": b"\xff", "noise": hashlib.sha512(b"noise").digest() * 9,
    "a program": b"MZ" + bytes(300), "jpeg xl": b"\xff\x0a" + bytes(99), "two letters": b"ID",
}  # fmt: skip


def each(names: Iterable[str], all_of: str) -> list[Any]:
    """Every name with one of `SAID`, in turn; one of them with all, by night."""
    turns = [(name, *SAID[turn % len(SAID)]) for turn, name in enumerate(names)]
    others = [row for said in SAID if (row := (all_of, *said)) not in turns]
    return turns + [pytest.param(*row, marks=pytest.mark.nightly) for row in others]


def _tagged(data: bytes) -> bytes:
    return b"ID3\4\0\0\0\0\1\0" + bytes(128) + data


def test_every_form_is_in_the_table() -> None:
    """What the encoders here make is all tried."""
    assert set(SOUNDS) <= set(RECORDINGS)


async def sent(house: House, data: bytes, kind: str | None, mime: str) -> str:
    """The alarm of a media that came in two chunks and was copied."""
    alarm = await house.raises()
    parts = [part for part in (data[: len(data) // 2], data[len(data) // 2 :]) if part]
    for seq, part in enumerate(parts):
        await house.chunks.put(alarm, "m1", seq, part, kind, mime)
    await house.chunks.end(alarm, "m1", len(parts))
    assert await house.copies.step()
    assert await house.original(alarm) == data
    return alarm


@pytest.mark.parametrize(("name", "kind", "mime"), each(PHOTOS, all_of="heic"))
async def test_photos(house: House, name: str, kind: str | None, mime: str) -> None:
    """Every form of photo becomes a picture for officers, whatever it was called."""
    make, right = PHOTOS[name]
    alarm = await sent(house, make(house.fixtures), kind, mime)
    item = await house.item(alarm)
    assert (item["kind"], item["mime"], item["state"]) == ("photo", right, "ready"), item
    copy = await house.copy(alarm)
    assert Image.open(io.BytesIO(copy)).format == "JPEG"
    assert [telling for telling in TELLING if telling in copy] == []


@pytest.mark.parametrize(("name", "kind", "mime"), each(RECORDINGS, all_of="amr"))
async def test_recordings(house: House, name: str, kind: str | None, mime: str) -> None:
    """Every form of recording becomes sound for officers, whatever it was called."""
    make, right = RECORDINGS[name]
    alarm = await sent(house, make(house.fixtures), kind, mime)
    item = await house.item(alarm)
    assert (item["kind"], item["mime"], item["state"]) == ("audio", right, "ready"), item
    copy = await house.copy(alarm)
    if name != "amr":
        assert abs(item["duration_s"] - SECONDS) < 0.15
        assert max(loudness(copy)) > 0.05, "the tone is in it"
    assert [telling for telling in TELLING if telling in copy] == []


@pytest.mark.parametrize(("name", "kind", "mime"), each(STRANGE, all_of="silk"))
async def test_what_nobody_can_open_is_kept(house: House, name: str, kind: str | None, mime: str) -> None:
    """What is no photo and no recording, or of a kind that nothing here opens, is sealed, and said to be unreadable."""
    alarm = await sent(house, STRANGE[name], kind, mime)
    item = await house.item(alarm)
    assert (item["state"], item["reason"]) == ("unreadable", "unknown_format"), item
    assert item["kind"] == (kind or "photo")
    assert item["sha256"] == hashlib.sha256(STRANGE[name]).hexdigest()


@pytest.mark.parametrize(("name", "said"), [("photo.webp", "audio"), ("voice-en.m4a", "photo")])
async def test_its_beginning_came_last(house: House, name: str, said: str) -> None:
    """A later chunk cannot say what it belongs to: the media is what its device says until it is whole, then right."""
    alarm = await house.raises()
    data = house.bytes_of(name)
    await house.chunks.put(alarm, "m1", 1, data[9000:], said, "")
    assert (await house.item(alarm))["kind"] == said
    await house.chunks.put(alarm, "m1", 0, data[:9000], said, "")
    await house.chunks.end(alarm, "m1", 2)
    assert await house.copies.step()
    item = await house.item(alarm)
    assert (item["state"], item["kind"]) == ("ready", {"audio": "photo", "photo": "audio"}[said])


async def test_chunks_of_a_byte(house: House) -> None:
    """However short the first chunks are, the bytes of the whole decide what it is."""
    alarm = await house.raises()
    data = house.bytes_of("photo.webp")
    pieces = [bytes([byte]) for byte in data[:20]] + [data[20:]]
    for number, piece in enumerate(pieces):
        await house.chunks.put(alarm, "m1", number, piece, "audio", "")
    await house.chunks.end(alarm, "m1", len(pieces))
    assert await house.copies.step()
    item = await house.item(alarm)
    assert (item["state"], item["kind"]) == ("ready", "photo")


def test_few_bytes_are_enough(fixtures: Path) -> None:
    """A form is found by its head as by the whole; but for what stands behind an ID3 tag."""
    for make, mime in (PHOTOS | RECORDINGS).values():
        data = make(fixtures)
        whole, head = form_of(data), form_of(data[:HEAD_BYTES])
        assert whole is not None
        assert head is not None
        assert whole.mime == mime
        assert head == whole or data.startswith(b"ID3")
    for short in range(HEAD_BYTES):
        form_of(bytes([0xFF] * short))


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("audio/webm;codecs=opus", "audio/webm"), ("IMAGE/HEIC", "image/heic"), ("", "application/octet-stream"),
        ("text/html", "application/octet-stream"), ("image/ my words", "application/octet-stream"),
        ("video/quicktime", "video/quicktime"), ("x" * 9999, "application/octet-stream"),
    ],
)  # fmt: skip
def test_a_type_that_is_none_is_not_kept(said: str, kept: str) -> None:
    """Of what a device says only the name of a medium's type is written down."""
    assert bare(said) == kept
