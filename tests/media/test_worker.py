"""Untrusted bytes are decoded where they can do no harm, and a worker that dies costs one more try and an event."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from dispatch.alarm.work import end
from dispatch.media.jobs import Made, WorkerDied, WorkerLimits, checked, make_copies
from tests.media.conftest import House

LIMITS = WorkerLimits()


async def one(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def made_of(data: bytes, limits: WorkerLimits = LIMITS, kind: str = "photo") -> tuple[Made, bytes]:
    kept: dict[str, list[bytes]] = {}

    async def keep(name: str, number: int, segment: bytes) -> None:
        parts = kept.setdefault(name, [])
        assert number == len(parts)
        parts.append(segment)

    made = await make_copies(kind, one(data), keep, limits)
    return made, b"".join(b"".join(parts) for parts in kept.values())


async def told_deaths(house: House, alarm: str) -> list[tuple[str, int | None]]:
    """What became of its media once it had ended, from the record."""
    return [(event["type"], event.get("deaths")) for event in await house.events(alarm)][3:]


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


async def test_a_killed_worker_is_tried_again(house: House) -> None:
    """A worker that dies once costs nothing but time."""
    deaths: list[int] = []

    def kill_first(pid: int) -> None:
        if not deaths:
            deaths.append(pid)
            kill(pid)

    copies = house.copies_with(make=partial(make_copies, limits=LIMITS, started=kill_first))
    alarm = await house.raises()
    await house.sends(alarm, "photo.webp")
    assert await copies.step()
    assert (await house.item(alarm))["state"] == "stored"
    assert await copies.step()
    assert (await house.item(alarm))["state"] == "ready"
    assert not await copies.step()
    assert await told_deaths(house, alarm) == [("media_worker_died", 1), ("media_ready", None)]


async def test_a_worker_killed_twice(house: House) -> None:
    """A media whose worker dies twice is unreadable, once and for all; its original is kept, and others go on."""
    copies = house.copies_with(make=partial(make_copies, limits=LIMITS, started=kill))
    alarm = await house.raises()
    data = await house.sends(alarm, "photo-gps-rotated.jpg")
    assert await copies.step()
    assert await copies.step()
    assert not await copies.step()
    item = await house.item(alarm)
    assert (item["state"], item["reason"]) == ("unreadable", "worker_died")
    deaths = [("media_worker_died", 1), ("media_worker_died", 2), ("media_unreadable", None)]
    assert await told_deaths(house, alarm) == deaths
    assert await house.original(alarm) == data
    await house.sends(alarm, "photo.webp", "m2")
    assert await house.copies.step()
    assert (await house.item(alarm, "m2"))["state"] == "ready"


async def test_a_worker_that_takes_too_long(fixtures: Path) -> None:
    """A worker is ended when its time is over."""
    with pytest.raises(WorkerDied, match="TimeoutError"):
        await made_of((fixtures / "photo.webp").read_bytes(), replace(LIMITS, wall_s=0))


async def test_a_worker_that_uses_too_much_time(fixtures: Path) -> None:
    """The kernel ends a worker at its CPU limit."""
    with pytest.raises(WorkerDied):
        await made_of((fixtures / "photo.webp").read_bytes(), replace(LIMITS, cpu_s=0))


async def test_the_bomb(fixtures: Path) -> None:
    """200 kB that would unpack to 4.8 GB are refused before anything is unpacked, in a worker of 512 MB."""
    made, copy = await made_of((fixtures / "bad-bomb.png").read_bytes(), replace(LIMITS, memory_bytes=512 << 20))
    assert (made.unreadable, copy) == ("too_many_pixels", b"")


async def test_a_bomb_that_lies_about_nothing(fixtures: Path) -> None:
    """When the number of pixels is allowed to be anything, memory still is the bound: refused, or dead, never large."""
    endless = replace(LIMITS, pixels=1 << 40, memory_bytes=512 << 20)
    made, copy = await made_of((fixtures / "bad-bomb.png").read_bytes(), endless)
    assert (made.unreadable, copy) == ("too_much_memory", b"")


async def test_a_copy_has_a_bound(fixtures: Path) -> None:
    """A copy larger than allowed is none."""
    made, _ = await made_of((fixtures / "photo.webp").read_bytes(), replace(LIMITS, copy_bytes=1000))
    assert made.unreadable == "copy_too_large"


async def test_sound_has_a_bound(fixtures: Path) -> None:
    """A recording longer than allowed is not copied in part without saying so."""
    made, _ = await made_of((fixtures / "voice-zh.amr").read_bytes(), replace(LIMITS, audio_s=5), "audio")
    assert made.unreadable == "too_long"


async def test_original_too_large(house: House) -> None:
    """An original that is larger than a worker may read is said to be so, and no worker is started."""
    copies = house.copies_with(replace(LIMITS, original_bytes=1000))
    alarm = await house.raises()
    await house.sends(alarm, "photo.webp")
    assert await copies.step()
    assert (await house.item(alarm))["reason"] == "original_too_large"


async def test_damaged_original(house: House) -> None:
    """A chunk that was changed on disk makes its media unreadable, and says why."""
    alarm = await house.raises()
    await house.sends(alarm, "photo.webp")
    house.files()[0].write_bytes(b"changed")
    assert await house.copies.step()
    assert (await house.item(alarm))["reason"] == "damaged"


async def test_a_hub_that_died_before_the_event(house: House) -> None:
    """A media whose end was registered, whose hub died before it told the alarm, is ended and copied all the same."""
    alarm = await house.raises()
    data = house.bytes_of("photo.webp")
    await house.chunks.put(alarm, "m1", 0, data, "photo", "image/webp")
    about = await house.chunks._whole(alarm, "m1", 1, known=True)
    digest, ended = about["sha256"], json.dumps(about)
    keys = [house.keys.chunks(alarm, "m1"), house.keys.media(alarm, "m1"), house.keys.copying]
    assert await house.chunks._end.run(house.redis, keys, [1, ended, f"{alarm} m1", 0, 100]) == 1
    assert (await house.item(alarm))["state"] == "receiving"
    assert await house.copies.step()
    assert (await house.item(alarm))["state"] == "ready"
    await house.chunks.end(alarm, "m1", 1, digest)  # the citizen's device tries again
    types = [event["type"] for event in await house.events(alarm)]
    assert types == ["alarm_raised", "media_added", "media_ended", "media_ready"]


async def test_a_hub_that_died_with_a_copy_half_made(house: House) -> None:
    """What a dead hub had taken is taken again when its lease is over, and not before."""
    alarm = await house.raises()
    await house.sends(alarm, "photo.webp")
    until = int((house.clock.now().timestamp() + 100) * 1000)
    taken = await house.copies._claim.run(
        house.redis, [house.keys.copying], [int(house.clock.now().timestamp() * 1000), until]
    )
    assert taken == f"{alarm} m1".encode()
    await house.clock.advance(99)
    assert not await house.copies.step()
    await house.clock.advance(2)
    assert await house.copies.step()
    assert (await house.item(alarm))["state"] == "ready"


async def test_a_copy_that_was_made_but_not_told(house: House) -> None:
    """A copy that is registered is not made again: only the event is still missing."""
    alarm = await house.raises()
    await house.sends(alarm, "photo.webp")
    copy = {"name": "abc", "size": 5, "mime": "image/jpeg", "width": 3, "height": 4}
    await house.redis.hset(house.keys.media(alarm, "m1"), "copy", json.dumps(copy))
    assert await house.copies.step()
    item = await house.item(alarm)
    assert (item["state"], item["width"], item["height"]) == ("ready", 3, 4)
    assert len(house.files()) == 1


async def test_a_stopped_hub_gives_back(house: House) -> None:
    """A hub that is stopped in the middle of a copy leaves it to the next start at once."""
    begun = asyncio.Event()

    def stop(pid: int) -> None:
        os.kill(pid, signal.SIGSTOP)
        begun.set()

    copies = house.copies_with(make=partial(make_copies, limits=LIMITS, started=stop))
    alarm = await house.raises()
    await house.sends(alarm, "voice-zh.webm")
    work = asyncio.create_task(copies.step())
    await begun.wait()
    for _ in range(50):
        await house.redis.ping()  # long enough for the original to be fed: now only the worker is waited for
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert await house.copies.step()
    assert (await house.item(alarm))["state"] == "ready"


async def test_a_copy_that_takes_long(house: House) -> None:
    """A hub that works on a copy keeps it for as long as that takes; when it is gone, another has it 15 s later."""
    begun = asyncio.Event()

    def stop(pid: int) -> None:
        os.kill(pid, signal.SIGSTOP)
        begun.set()

    other = house.copies
    copies = house.copies_with(make=partial(make_copies, limits=LIMITS, started=stop))
    alarm = await house.raises()
    await house.sends(alarm, "photo.webp")
    work = asyncio.create_task(copies.step())
    await begun.wait()
    for _ in range(10):
        before = await house.redis.zscore(house.keys.copying, f"{alarm} m1")
        await house.clock.advance(6)
        assert await house.redis.zscore(house.keys.copying, f"{alarm} m1") > before
        assert not await other.step()
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work


async def test_the_loop_wakes_when_a_media_ends(house: House) -> None:
    """With no time passing at all, a media that ends is copied: the end itself wakes the loop."""
    house.alarms.after_append.append(house.copies.after_append)
    loop = house.work.spawn(house.copies.run(), "copies")
    alarm = await house.raises()
    await house.sends(alarm, "photo.webp")
    await house.clock.quiet()
    assert (await house.item(alarm))["state"] == "ready"
    await end([loop])


JPEG, WEBP = b"\xff\xd8\xff", b"RIFF1234WEBP"
SAID = {"datum": "wgs84", "source": "photo"}


def told(**changed: object) -> bytes:
    """The line of an answer that would be right but for what is `changed`."""
    right = {"copies": {"large": 3, "small": 12}, "width": 1, "height": 1}
    return json.dumps(right | changed).encode() + b"\n"


@pytest.mark.parametrize(
    "answer",
    [
        b"", b"hello\n", b"[]\n", b'{"unreadable": "my words"}\n', b'{"copies": 5}\n', b"x" * 200_000,
        told(unreadable="broken"), told(mime="text/html"), told(copies={"large": 3, "small": 99_999_999_999}),
        told(copies={"small": 12, "large": 3}), told(copies={"large": 3}), told(copies={"large": 3, "../x": 12}),
        told(copies={"large": 0, "small": 12}), told(width=True), told(width=None), told(duration_s=1.5),
        told(peaks=[1]), told(position={"lat": 1, "lon": 2}), told(position={"lat": 91, "lon": 2, **SAID}),
        told(position={"lat": "1", "lon": 2, **SAID}), told(position={"lat": 1, "lon": 2, "words": "x", **SAID}),
        told(position={"lat": 1, "lon": 2, "at": "yesterday", **SAID}), told(position=[1, 2]),
        told() + b"ab", told() + JPEG, told() + JPEG + b"<html>12345", told() + b"<ht" + WEBP,
        told() + JPEG + WEBP + b"and more",
    ],
)  # fmt: skip
async def test_a_worker_that_lies(answer: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a worker that was taken over answers, the hub takes it for dead or for a copy of the right kind."""
    # A real process, with a program of another will in the worker's place.
    folder = tmp_path / "dispatch" / "media"
    folder.mkdir(parents=True)
    (tmp_path / "dispatch" / "__init__.py").touch()
    (folder / "__init__.py").touch()
    (folder / "worker.py").write_text(f"import sys\nsys.stdin.buffer.read()\nsys.stdout.buffer.write({answer!r})\n")
    monkeypatch.setattr("dispatch.media.jobs._ROOT", str(tmp_path))
    with pytest.raises(WorkerDied):
        await made_of(b"abc")


def test_sizes_that_a_worker_names_are_bounded() -> None:
    """All copies together; known before a byte of them is read."""
    assert checked("photo", told(copies={"large": 3, "small": LIMITS.copy_bytes - 3}), LIMITS).copies
    with pytest.raises(WorkerDied, match="not possible"):
        checked("photo", told(copies={"large": 3, "small": LIMITS.copy_bytes - 2}), LIMITS)
