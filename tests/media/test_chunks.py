"""A receipt for a chunk means it is stored, once, whatever the network did to it on the way."""

import asyncio
import hashlib
import os
import random
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from dispatch.alarm.errors import Refused
from dispatch.media.objects import Damaged
from tests.dump import everything
from tests.media.conftest import LIMITS, House

PHOTO = ("photo", "image/jpeg")


async def parts_of(data: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(data), 50_001):
        yield data[at : at + 50_001]


async def test_any_order_any_number_of_times(house: House) -> None:
    """Chunks that come shuffled and doubled make the same original, and the event has its SHA-256."""
    order = [0, 1, 2, 3] * 3
    random.Random(7).shuffle(order)
    alarm = await house.raises()
    data = await house.sends(alarm, "photo-gps-rotated.jpg", order=order)
    assert await house.original(alarm) == data
    assert [event["type"] for event in await house.events(alarm)] == ["alarm_raised", "media_added", "media_ended"]
    ended = (await house.events(alarm))[-1]
    assert (ended["sha256"], ended["size"], ended["chunks"]) == (hashlib.sha256(data).hexdigest(), len(data), 4)
    assert len(house.files()) == 4


async def test_the_same_chunk_at_the_same_time(house: House) -> None:
    """Ten connections that send one chunk at once store it once."""
    alarm = await house.raises()
    await asyncio.gather(*(house.chunks.put(alarm, "m1", 0, b"abc", *PHOTO) for _ in range(10)))
    assert len(house.files()) == 1
    assert [event["type"] for event in await house.events(alarm)] == ["alarm_raised", "media_added"]


async def test_the_first_answer_was_lost(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store registers a chunk, its answer is lost on the way and the client asks again: the bytes stay."""
    run = house.chunks._register.run

    async def twice(redis: Any, keys: Sequence[str], args: Sequence[Any]) -> Any:
        await run(redis, keys, args)
        return await run(redis, keys, args)

    monkeypatch.setattr(house.chunks._register, "run", twice)
    alarm = await house.raises()
    data = await house.sends(alarm, "photo-gps-rotated.jpg")
    assert await house.original(alarm) == data


async def test_other_bytes_at_the_same_time(house: House) -> None:
    """Of two versions of one chunk sent at once, one is stored, and only its sender has a receipt."""
    alarm = await house.raises()
    versions = [b"one" * 100, b"two" * 100]
    answers = await asyncio.gather(
        *(house.chunks.put(alarm, "m1", 0, data, *PHOTO) for data in versions), return_exceptions=True
    )
    refused = [answer for answer in answers if isinstance(answer, Refused)]
    assert [fault.error.code for fault in refused] == ["chunk_conflict"]
    assert await house.original(alarm) == versions[answers.index(None)]
    assert len(house.files()) == 1


async def test_conflict(house: House) -> None:
    """A chunk that is there is never replaced by other bytes."""
    alarm = await house.raises()
    await house.chunks.put(alarm, "m1", 0, b"first", *PHOTO)
    with pytest.raises(Refused, match="chunk_conflict: seq: 0"):
        await house.chunks.put(alarm, "m1", 0, b"other", *PHOTO)
    assert await house.original(alarm) == b"first"


async def test_after_the_end(house: House) -> None:
    """After the end the same chunk is still confirmed, and nothing else is taken."""
    alarm = await house.raises()
    data = await house.sends(alarm, "photo.webp")
    await house.chunks.put(alarm, "m1", 0, data, "photo", "image/webp")
    for seq, other in ((0, b"other"), (1, b"more")):
        with pytest.raises(Refused, match="media_ended"):
            await house.chunks.put(alarm, "m1", seq, other, "photo", "image/webp")
    assert await house.original(alarm) == data
    assert len(house.files()) == 1


@pytest.mark.parametrize("cut", [True, False])
async def test_a_chunk_that_comes_as_it_ends(cut: bool, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was receipted before the end was, so it is part of the whole, or the end is refused: never left out."""
    alarm = await house.raises()
    await house.chunks.put(alarm, "m1", 0, b"first ", *PHOTO)
    run = house.chunks._end.run

    async def between(redis: Any, keys: Sequence[str], args: Sequence[Any]) -> Any:
        monkeypatch.undo()
        await house.chunks.put(alarm, "m1", 1, b"second", *PHOTO)
        return await run(redis, keys, args)

    monkeypatch.setattr(house.chunks._end, "run", between)
    if cut:
        await house.chunks.cut(alarm, "m1")
    else:
        with pytest.raises(Refused, match="2 are stored"):
            await house.chunks.end(alarm, "m1", 1)
        await house.chunks.end(alarm, "m1", 2)
    assert (await house.item(alarm))["chunks"] == 2
    assert await house.original(alarm) == b"first second"


async def test_ending_again(house: House) -> None:
    """The end may be repeated; another end is refused."""
    alarm = await house.raises()
    data = await house.sends(alarm, "photo.webp")
    digest = hashlib.sha256(data).hexdigest()
    await house.chunks.end(alarm, "m1", 1, digest)
    await house.chunks.end(alarm, "m1", 1)
    with pytest.raises(Refused, match="media_ended: chunks: finished with 1, not 2"):
        await house.chunks.end(alarm, "m1", 2)
    assert [event["type"] for event in await house.events(alarm)].count("media_ended") == 1


async def test_missing_chunks_are_named(house: House) -> None:
    """An end that comes too early says which chunks are still to be sent, at most a hundred."""
    chunks = house.chunks_with(chunks_per_media=300)
    alarm = await house.raises()
    await chunks.put(alarm, "m1", 3, b"three", *PHOTO)
    with pytest.raises(Refused) as fault:
        await chunks.end(alarm, "m1", 300)
    assert fault.value.error.code == "chunks_missing"
    assert fault.value.details["missing"] == [0, 1, 2, *range(4, 101)]


async def test_an_end_before_the_first_chunk(house: House) -> None:
    """An end that overtook all chunks misses them all; so does one whose first chunk was never receipted."""
    alarm = await house.raises()
    with pytest.raises(Refused) as fault:
        await house.chunks.end(alarm, "m1", 2)
    assert fault.value.details["missing"] == [0, 1]


async def test_too_few_chunks_are_an_error(house: House) -> None:
    """No stored chunk is left out of the evidence because the end counts wrong."""
    alarm = await house.raises()
    for seq in range(3):
        await house.chunks.put(alarm, "m1", seq, b"abc", *PHOTO)
    with pytest.raises(Refused, match="bad_message: chunks: 3 are stored, and 2 would leave some out"):
        await house.chunks.end(alarm, "m1", 2)


async def test_wrong_hash(house: House) -> None:
    """A hash that is not that of the stored bytes is told with both, and the media stays open."""
    alarm = await house.raises()
    await house.chunks.put(alarm, "m1", 0, b"abc", *PHOTO)
    right, wrong = hashlib.sha256(b"abc").hexdigest(), "0" * 64
    with pytest.raises(Refused) as fault:
        await house.chunks.end(alarm, "m1", 1, wrong)
    assert fault.value.error.code == "bad_message"
    assert right in fault.value.message
    assert wrong in fault.value.message
    assert (await house.item(alarm))["state"] == "receiving"
    await house.chunks.end(alarm, "m1", 1, right)


@pytest.fixture
def opened(house: House, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The objects that were opened, each time."""
    paths: list[str] = []
    get = house.objects.get

    async def noted(path: str) -> bytes:
        paths.append(path)
        return await get(path)

    monkeypatch.setattr(house.objects, "get", noted)
    return paths


async def ends_wrong(house: House, alarm: str, chunks: int, digest: str) -> str:
    with pytest.raises(Refused) as refused:
        await house.chunks.end(alarm, "m1", chunks, digest)
    assert refused.value.error.code == "bad_message"
    return refused.value.message


@pytest.mark.parametrize("how", ["the same", "always another", "at once"])
async def test_a_wrong_hash_costs_once(house: House, opened: list[str], how: str) -> None:
    """However often it ends with a wrong hash, its chunks are opened once; the right one then opens none."""
    alarm = await house.raises()
    for seq in range(5):
        await house.chunks.put(alarm, "m1", seq, bytes([seq]) * 1000, *PHOTO)
    digests = [f"{0 if how == 'the same' else n:064x}" for n in range(40)]
    if how == "at once":
        await asyncio.gather(*(ends_wrong(house, alarm, 5, digest) for digest in digests))
    else:
        for digest in digests:
            await ends_wrong(house, alarm, 5, digest)
    assert len(opened) == 5
    whole = b"".join(bytes([seq]) * 1000 for seq in range(5))
    other_hub = house.chunks_with()
    await other_hub.end(alarm, "m1", 5, hashlib.sha256(whole).hexdigest())
    assert len(opened) == 5
    assert (await house.item(alarm))["size"] == 5000


async def test_a_chunk_more_for_each_wrong_hash(house: House, opened: list[str]) -> None:
    """Who adds a byte before each wrong end has the chunks opened some times and no more; all of them stay."""
    alarm = await house.raises()
    told = ""
    for seq in range(30):
        await house.chunks.put(alarm, "m1", seq, b"x", *PHOTO)
        told = await ends_wrong(house, alarm, seq + 1, "0" * 64)
    assert "it was wrong 8 times; send all anew" in told
    assert len(opened) == sum(range(1, 9))
    assert await house.original(alarm) == b"x" * 30
    await house.chunks.put(alarm, "m2", 0, b"x" * 30, *PHOTO)
    await house.chunks.end(alarm, "m2", 1, hashlib.sha256(b"x" * 30).hexdigest())


@pytest.mark.parametrize(("limit", "most"), [("chunks_per_media", 2), ("media_bytes", 6), ("media_per_alarm", 1)])
async def test_what_is_over_a_limit_is_not_written(house: House, limit: str, most: int) -> None:
    """A chunk over a limit costs no write to the disk, however often it comes."""
    chunks = house.chunks_with(**{limit: most})
    alarm = await house.raises()
    for seq in range(2):
        await chunks.put(alarm, "m1", seq, b"abc", *PHOTO)
    written: list[str] = []
    put = house.objects.put

    async def noted(path: str, plain: bytes) -> None:
        written.append(path)
        await put(path, plain)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(house.objects, "put", noted)
        for _ in range(3):
            with pytest.raises(Refused, match=limit):
                await chunks.put(
                    alarm,
                    "m2" if limit == "media_per_alarm" else "m1",
                    0 if limit == "media_per_alarm" else 2,
                    b"abc",
                    *PHOTO,
                )
    assert written == []


@pytest.mark.parametrize(
    ("put", "told"),
    [
        ({"data": b""}, "bad_message: data: this chunk is empty"),
        ({"data": bytes(LIMITS["chunk_bytes"] + 1)}, r"too_large: data: 65537 bytes; at most 65536 \(chunk_bytes\)"),
        ({"seq": 40}, r"too_many: seq: 40; a media has at most 40 chunks \(chunks_per_media\)"),
        ({"seq": -1}, "too_many: seq: -1"),
        ({"media": "../x"}, "bad_message: media: must be 1 to 64"),
        ({"kind": "film"}, "bad_message: kind: must be photo or audio"),
    ],
)
async def test_wrong_chunks(house: House, put: dict[str, object], told: str) -> None:
    """What is wrong with a chunk is named, with what would be right; nothing is stored."""
    alarm = await house.raises()
    chunk: dict[str, object] = {"media": "m1", "seq": 0, "data": b"abc", "kind": "photo", "mime": "image/png"}
    with pytest.raises(Refused, match=told):
        await house.chunks.put(alarm, **{**chunk, **put})  # type: ignore[arg-type]
    assert house.files() == []


async def test_media_bytes(house: House) -> None:
    """A media past its limit is refused by the limit's name; what was stored can still be ended."""
    chunks = house.chunks_with(media_bytes=100)
    alarm = await house.raises()
    await chunks.put(alarm, "m1", 0, bytes(60), *PHOTO)
    with pytest.raises(Refused, match=r"too_large: .*100 bytes \(media_bytes\)"):
        await chunks.put(alarm, "m1", 1, bytes(60), *PHOTO)
    assert len(house.files()) == 1
    await chunks.end(alarm, "m1", 1)


async def test_media_per_alarm(house: House) -> None:
    """An alarm has so many media and no more, even when all come at once; those it has can go on."""
    alarm = await house.raises()
    puts = (house.chunks.put(alarm, f"m{n}", 0, b"abc", *PHOTO) for n in range(8))
    answers = await asyncio.gather(*puts, return_exceptions=True)
    assert sum(answer is None for answer in answers) == LIMITS["media_per_alarm"]
    assert {str(answer) for answer in answers if answer is not None} == {
        "too_many: media: this alarm has 3; at most 3 (media_per_alarm)"
    }
    await house.chunks.put(alarm, f"m{answers.index(None)}", 1, b"def", *PHOTO)


async def test_some_disk_is_kept_for_alarms(house: House) -> None:
    """A disk that is nearly full takes alarms and no chunk: it waits on its device, and is taken once there is room."""
    alarm = await house.raises()
    with pytest.raises(Refused, match=r"not_stored: .*limits.kept_disk_bytes.*have to wait") as refused:
        await house.chunks_with(kept_disk_bytes=1 << 60).put(alarm, "m1", 0, b"abc", *PHOTO)
    assert refused.value.error.retry
    assert house.files() == []
    await house.raises()
    await house.chunks_with(kept_disk_bytes=1).put(alarm, "m1", 0, b"abc", *PHOTO)


async def test_unknown_alarm(house: House) -> None:
    """For an alarm that is not there nothing is stored."""
    with pytest.raises(Refused, match="not_found"):
        await house.chunks.put("00000000-0000-0000-0000-000000000000", "m1", 0, b"abc", *PHOTO)
    assert house.files() == []


@pytest.mark.parametrize("ended", ["", "rightly", "duress"])
@pytest.mark.parametrize("kind", ["photo", "audio"])
async def test_what_is_refused_was_never_stored(house: House, kind: str, ended: str) -> None:
    """A plan takes no media, nor does one that ended in either way: no object, no entry of a register, no event."""
    alarm = await house.plans(ended)
    before = [await everything(house.redis, house.prefix), await house.events(alarm)]
    mime = {"photo": "image/jpeg", "audio": "audio/webm"}[kind]
    for _ in range(2):
        with pytest.raises(Refused) as put:
            await house.chunks.put(alarm, "m1", 0, b"abc", kind, mime)
        with pytest.raises(Refused) as whole:
            await house.chunks.put_whole(alarm, "m2", kind, mime, parts_of(b"abc"))
        with pytest.raises(Refused) as end:
            await house.chunks.end(alarm, "m1", 1)
        words = f"the alarm is {'ended' if ended else 'planned'}"
        for refused in (put.value, whole.value, end.value):
            assert (refused.error.code, words in refused.message) == ("not_possible", True)
    assert house.files() == []
    assert [await everything(house.redis, house.prefix), await house.events(alarm)] == before


async def test_put_whole(house: House) -> None:
    """A form's file, in whatever pieces it comes, is cut into chunks, ended, and may be sent again."""
    data = house.bytes_of("photo-gps-rotated.jpg")
    alarm = await house.raises()
    for _ in range(2):
        await house.chunks.put_whole(alarm, "m1", "photo", "image/jpeg", parts_of(data))
    assert await house.original(alarm) == data
    assert (await house.item(alarm))["chunks"] == 4
    assert len(house.files()) == 4


async def test_an_empty_file(house: House) -> None:
    """A form's empty file is refused in words."""
    alarm = await house.raises()
    with pytest.raises(Refused, match="this chunk is empty"):
        await house.chunks.put_whole(alarm, "m1", "photo", "image/jpeg", parts_of(b""))


async def test_synced_before_the_receipt(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a chunk is receipted, its file, its folder and every new folder above were synced to disk."""
    synced: set[int] = set()
    real = os.fsync

    def watched(handle: int) -> None:
        real(handle)
        synced.add(os.fstat(handle).st_ino)

    monkeypatch.setattr(os, "fsync", watched)
    alarm = await house.raises()
    await house.chunks.put(alarm, "m1", 0, b"abc", *PHOTO)
    (file,) = house.files()
    for path in (file, file.parent, file.parent.parent, house.folder / "media"):
        assert path.stat().st_ino in synced, path


async def test_no_room_no_receipt(house: House) -> None:
    """When the objects' folder cannot be written, the answer is `not_stored`, and the same request works later."""
    alarm = await house.raises()
    folder = house.folder / "media"
    folder.rmdir()
    folder.write_bytes(b"")  # a file where the folder should be: also stops root
    with pytest.raises(Refused, match="not_stored") as fault:
        await house.chunks.put(alarm, "m1", 0, b"abc", *PHOTO)
    assert fault.value.error.retry
    assert await house.item(alarm) == {}
    folder.unlink()
    folder.mkdir()
    await house.chunks.put(alarm, "m1", 0, b"abc", *PHOTO)
    assert await house.original(alarm) == b"abc"


def _flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)


async def test_changed_bytes_are_noticed(house: House) -> None:
    """One flipped bit in a sealed chunk, and it is evidence no more: it says so."""
    alarm = await house.raises()
    await house.sends(alarm, "photo.webp")
    _flip(house.files()[0])
    with pytest.raises(Damaged, match="not those that were sealed"):
        await house.original(alarm)


async def test_swapped_objects_are_noticed(house: House) -> None:
    """A sealed object at another's place does not open."""
    alarm = await house.raises()
    for seq, data in enumerate((b"abc", b"def")):
        await house.chunks.put(alarm, "m1", seq, data, *PHOTO)
    one, two = house.files()
    first = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(first)
    with pytest.raises(Damaged):
        await house.original(alarm)


async def test_lost_chunk_is_not_ended(house: House) -> None:
    """A chunk that the object store lost is told when the media ends, not covered up."""
    alarm = await house.raises()
    await house.chunks.put(alarm, "m1", 0, b"abc", *PHOTO)
    house.files()[0].unlink()
    with pytest.raises(Refused, match="not_stored: the object store has lost a chunk"):
        await house.chunks.end(alarm, "m1", 1)
