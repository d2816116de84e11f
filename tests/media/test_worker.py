"""Untrusted bytes are decoded where they can do no harm, and a worker that dies costs one more try and an event."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from dispatch.media.jobs import Made, WorkerDied, WorkerLimits, make_copy
from dispatch.media.sandbox import shut_in
from tests.media.conftest import House

LIMITS = WorkerLimits()


async def one(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def made_of(data: bytes, limits: WorkerLimits = LIMITS, kind: str = "photo") -> tuple[Made, bytes]:
    kept: list[bytes] = []

    async def keep(number: int, segment: bytes, /) -> None:
        assert number == len(kept)
        kept.append(segment)

    return await make_copy(kind, one(data), keep, limits), b"".join(kept)


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


async def test_a_killed_worker_is_tried_again(house: House) -> None:
    """A worker that dies once costs nothing but time."""
    deaths: list[int] = []

    def kill_first(pid: int) -> None:
        if not deaths:
            deaths.append(pid)
            kill(pid)

    copies = house.copies_with(make=partial(make_copy, limits=LIMITS, started=kill_first))
    alarm = await house.raises()
    await house.sends(alarm, "photo.webp")
    assert await copies.step()
    assert (await house.item(alarm))["state"] == "stored"
    assert await copies.step()
    assert (await house.item(alarm))["state"] == "ready"
    assert not await copies.step()


async def test_a_worker_killed_twice(house: House) -> None:
    """A media whose worker dies twice is unreadable, once and for all; its original is kept, and others go on."""
    copies = house.copies_with(make=partial(make_copy, limits=LIMITS, started=kill))
    alarm = await house.raises()
    data = await house.sends(alarm, "photo-gps-rotated.jpg")
    assert await copies.step()
    assert await copies.step()
    assert not await copies.step()
    item = await house.item(alarm)
    assert (item["state"], item["reason"]) == ("unreadable", "worker_died")
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
    digest, size = await house.chunks._whole(alarm, "m1", 1, known=True)
    ended = json.dumps({"chunks": 1, "size": size, "sha256": digest})
    keys = [house.keys.chunks(alarm, "m1"), house.keys.media(alarm, "m1"), house.keys.copying]
    assert await house.chunks._end.run(house.redis, keys, [1, ended, f"{alarm} m1"]) == 1
    assert (await house.item(alarm))["state"] == "receiving"
    assert await house.copies.step()
    assert (await house.item(alarm))["state"] == "ready"
    await house.chunks.end(alarm, "m1", "photo", 1, digest)  # the citizen's device tries again
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
    house.clock.advance(99)
    assert not await house.copies.step()
    house.clock.advance(2)
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

    copies = house.copies_with(make=partial(make_copy, limits=LIMITS, started=stop))
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


async def test_the_loop_wakes_when_a_media_ends(house: House) -> None:
    """With no time passing at all, a media that ends is copied: the end itself wakes the loop."""
    ready = asyncio.Event()
    house.alarms.after_append.append(house.copies.after_append)
    house.alarms.after_append.append(
        lambda outcome: ready.set() if any(event.type == "media_ready" for event in outcome.events) else None
    )
    loop = asyncio.create_task(house.copies.run(house.clock))
    try:
        alarm = await house.raises()
        await house.sends(alarm, "photo.webp")
        async with asyncio.timeout(30):
            await ready.wait()
    finally:
        loop.cancel()


@pytest.mark.parametrize(
    "answer",
    [
        b"", b"hello\n", b"[]\n", b'{"unreadable": "my words"}\n', b'{"size": 5}\n',
        b'{"size": 5, "mime": "text/html"}\n', b'{"size": 99999999999, "width": 1, "height": 1}\n',
        b'{"size": 5, "width": 1, "height": 1}\nab', b'{"size": 5, "width": 1, "height": 1}\n<html',
        b'{"size": 3, "width": 1, "height": 1}\n\xff\xd8\xff and more',
        b'{"size": 3, "width": true, "height": 1}\n\xff\xd8\xff', b"x" * 200_000,
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


DEEDS = {
    "open a file": "open('/etc/hostname')",
    "open a file by its folder": "os.open('hostname', os.O_RDONLY, dir_fd=folder)",
    "make a socket": "socket.socket()",
    "make a local socket": "socket.socket(socket.AF_UNIX)",
    "write a file": "open('/tmp/x', 'w')",
    "remove a file": "os.unlink('/tmp/x')",
    "make a folder": "os.mkdir('/tmp/x')",
    "start a program": "os.execv('/bin/true', ['true'])",
    "make a process": "os.fork()",
    "kill": "os.kill(os.getppid(), 0)",
}


@pytest.mark.parametrize("deed", DEEDS)
def test_shut_in(deed: str, root: Path) -> None:
    """A decoder that was taken over can neither read a file, nor reach a network, nor start anything."""
    code = (
        "import os, socket\nfrom dispatch.media import sandbox\nfolder = os.open('/etc', os.O_RDONLY)\n"
        "assert sandbox.shut_in()\n"
        f"try:\n    {DEEDS[deed]}\nexcept PermissionError:\n    print('refused', flush=True)\n"
    )
    if not _kernel_filters():
        pytest.skip("this machine's kernel takes no filter; the worker has its other limits")
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert done.stdout == "refused\n", done.stderr


def test_limits_of_the_kernel(root: Path) -> None:
    """Memory past the limit is not given, a file is not written, and threads may still be had."""
    code = (
        "import threading\nfrom dispatch.media import sandbox\n"
        "sandbox.limit(1 << 29, 5)\nsandbox.shut_in()\n"
        "thread = threading.Thread(target=print, args=('thread',), kwargs={'flush': True})\nthread.start()\n"
        "thread.join()\n"
        "try:\n    bytes(1 << 30)\nexcept MemoryError:\n    print('no memory', flush=True)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert done.stdout == "thread\nno memory\n", done.stderr


def _kernel_filters() -> bool:
    pid = os.fork()
    if pid == 0:
        os._exit(0 if shut_in() else 1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
