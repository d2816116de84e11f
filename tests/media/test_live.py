"""An officer hears a recording while it is made, from its first chunk on, whatever goes missing or dies on the way."""

import hashlib
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from dispatch.alarm.errors import Refused
from dispatch.media.jobs import WorkerDied
from dispatch.media.live_jobs import CannotBeHeard, LiveLimits, LiveWorker
from tests.media.conftest import House
from tests.media.live import AUDIO, Air, loud, on_air, seconds, slices
from tests.media.test_sterile import TELLING

airing = asynccontextmanager(on_air)


@pytest.fixture
async def air(house: House) -> AsyncIterator[Air]:
    async with airing(house) as air:
        yield air


@pytest.fixture
def parts(house: House) -> list[bytes]:
    """Eleven slices; the last one is short."""
    return slices(house.bytes_of("voice-zh.webm"))


def runs(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


async def ends(house: House, alarm: str, parts: list[bytes]) -> None:
    digest = hashlib.sha256(b"".join(parts)).hexdigest()
    await house.chunks.end(alarm, "m1", len(parts), digest)


async def test_it_grows_with_the_recording(house: House, air: Air, parts: list[bytes]) -> None:
    """Each second that is stored is heard at once, long before the recording ends, and nothing but sound is in it."""
    alarm = await house.raises()
    look = None
    for seq in range(len(parts)):
        await air.put(alarm, parts, seq)
        look = await air.until(alarm, min(seq + 0.9, 10.2), look)  # time stands still: only the chunk itself wakes it
        assert look.state == "growing"
        assert seconds(await air.heard(alarm, look)) >= min(seq + 0.5, 10)
    assert look is not None
    await ends(house, alarm, parts)
    while look.state == "growing":
        look = await air.more(alarm, look)
    copy = await air.heard(alarm, look)
    assert (look.state, look.gaps) == ("ended", ())
    assert 10.3 < look.seconds < 10.5
    assert abs(seconds(copy) - look.seconds) < 0.2
    assert copy[4:8] == b"ftyp"
    assert not [word for word in TELLING if word in copy]
    assert len(air.pids) == 1


async def test_who_joins_late_hears_all(house: House, air: Air, parts: list[bytes]) -> None:
    """A second listener gets the same bytes from chunk 0 on, of the same worker."""
    alarm = await house.raises()
    await air.put(alarm, parts, 0, 1, 2)
    early = await air.until(alarm, 2.9)
    begun = await air.heard(alarm, early)
    await air.put(alarm, parts, 3, 4)
    late = await air.until(alarm, 4.9)
    copy = await air.heard(alarm, late)
    assert late.name == early.name
    assert copy.startswith(begun)
    assert seconds(copy) > 4.5
    assert len(air.pids) == 1


async def test_a_gap_is_waited_for_then_marked(house: House, air: Air, parts: list[bytes]) -> None:
    """A missing second holds the listener for two, then it is silence of its length, with a mark."""
    alarm = await house.raises()
    await air.put(alarm, parts, 0, 1, 2, 3, 5, 6)
    look = await air.until(alarm, 3.9)
    await air.clock.advance(1.5)
    held = await air.live.index.look(alarm, "m1", air.clock.now())
    assert held is not None
    assert held.gaps == ()
    assert held.seconds < 4.1
    look = await air.as_time_passes(alarm, 6.9, look)
    [(at, length)] = look.gaps
    assert abs(at - 4) < 0.15
    assert abs(length - 1) < 0.15
    copy = await air.heard(alarm, look)
    assert seconds(copy) > 6.5
    assert loud(copy, at + 0.1, at + length - 0.1) < 0.001 < loud(copy, at + length + 0.2, at + length + 1)
    await air.put(alarm, parts, 4, *range(7, 11))  # it came after all: the original has it
    await ends(house, alarm, parts)
    while look.state == "growing":
        look = await air.more(alarm, look)
    assert (look.state, len(look.gaps)) == ("ended", 1)


async def test_a_chunk_that_is_only_late_is_no_gap(house: House, air: Air, parts: list[bytes]) -> None:
    """A chunk that overtook another is put in its place when the other comes in time."""
    alarm = await house.raises()
    await air.put(alarm, parts, 0, 2)
    look = await air.until(alarm, 0.9)
    await air.clock.advance(1.5)
    await air.put(alarm, parts, 1)
    look = await air.until(alarm, 2.9, look)
    assert look.gaps == ()


async def test_without_chunk_0_nothing_is_heard(house: House, air: Air, parts: list[bytes]) -> None:
    """However long the first chunk takes, the others wait for it: none could be decoded."""
    alarm = await house.raises()
    await air.put(alarm, parts, 1, 2)
    waiting = air.work.spawn(air.live.listen(alarm, "m1", True), "listener")
    for _ in range(10):
        await air.clock.advance(0.45)
    assert not waiting.done()
    await air.put(alarm, parts, 0)
    first = await waiting
    assert first is not None
    assert first.seconds > 0.9
    look = await air.until(alarm, 2.9)
    assert look.gaps == ()


async def test_nobody_listens(house: House, air: Air, parts: list[bytes]) -> None:
    """Without a listener there is no worker; after the last one it ends, and nothing of the copy is left."""
    alarm = await house.raises()
    await air.put(alarm, parts, 0, 1)
    chunks = house.files()
    assert air.pids == []
    await air.until(alarm, 1.9)
    assert len(house.files()) > len(chunks)
    await air.clock.advance(29)
    assert runs(air.pids[0])
    await air.clock.advance(3)
    assert not runs(air.pids[0])
    assert house.files() == chunks
    assert not await house.redis.keys(f"{house.prefix}:*live*")
    assert await house.redis.zcard(house.keys.lives) == 0


async def test_two_hubs_one_worker(house: House, air: Air, parts: list[bytes]) -> None:
    """A listener at another hub hears the copy that the first one makes; when that hub stops, its own goes on."""
    async with airing(house) as other:
        alarm = await house.raises()
        await air.put(alarm, parts, 0, 1)
        look = await air.until(alarm, 1.9)
        elsewhere = await other.until(alarm, 1.9)
        assert await other.heard(alarm, elsewhere) == await air.heard(alarm, look)
        assert (len(air.pids), len(other.pids)) == (1, 0)
        await air.stops()
        await air.put(alarm, parts, 2)
        anew = await other.more(alarm, elsewhere)
        assert anew.name != look.name
        anew = await other.until(alarm, 2.9, anew)
        assert seconds(await other.heard(alarm, anew)) > 2.6
        assert len(other.pids) == 1


async def test_a_hub_that_was_killed(house: House, air: Air, parts: list[bytes]) -> None:
    """What a dead hub kept up is begun anew by the next listener's hub when its lease is over; what it left goes."""
    alarm = await house.raises()
    await air.put(alarm, parts, 0, 1)
    chunks = len(house.files())
    name = await air.live.index.claim(alarm, "m1", air.clock.now())  # a hub, and then silence
    assert name is not None
    await air.live.index.add(alarm, "m1", name, 0, b"part", air.clock.now(), state="growing")
    assert len(house.files()) == chunks + 1
    assert (await air.more(alarm)).name == name
    air.clock.jump(6)
    look = await air.until(alarm, 1.9)
    assert look.name != name
    left = await air.live.index.claim(await house.raises(), "m9", air.clock.now())
    assert left is not None
    assert await house.redis.zcard(house.keys.lives) == 2
    await air.clock.advance(60)
    assert await house.redis.zcard(house.keys.lives) == 0


async def test_a_worker_that_is_killed(house: House, parts: list[bytes]) -> None:
    """Once costs nothing but a new beginning; the second time officers are told, and the recording is whole."""
    async with airing(house) as air:
        alarm = await house.raises()
        await air.put(alarm, parts, 0, 1)
        look = await air.until(alarm, 1.9)
        os.kill(air.pids[0], signal.SIGKILL)
        await air.put(alarm, parts, 2)
        anew = await air.more(alarm, look)
        while anew.name == look.name and anew.state == "growing":
            anew = await air.more(alarm, anew)
        anew = await air.until(alarm, 2.9, anew)
        assert seconds(await air.heard(alarm, anew)) > 2.6
        os.kill(air.pids[1], signal.SIGKILL)
        await air.put(alarm, parts, *range(3, 11))
        while anew.state == "growing":
            anew = await air.more(alarm, anew)
        assert anew.state == "failed"
        assert len(air.pids) == 2
        assert (await house.item(alarm))["not_live"] == "worker_died"
        told = [event for event in await house.events(alarm) if event["type"] == "live_sound_failed"]
        assert [event["reason"] for event in told] == ["worker_died"]
        await ends(house, alarm, parts)
        assert await house.copies.step()
        assert (await house.item(alarm))["state"] == "ready"


@pytest.mark.parametrize(("bytes_", "reason"), [(b"<html><script>", "unknown_format"), (b"\x1aE\xdf\xa3", "broken")])
async def test_what_is_no_sound(house: House, air: Air, bytes_: bytes, reason: str) -> None:
    """Bytes that are no recording make no copy, and officers are told so once."""
    alarm = await house.raises()
    await house.chunks.put(alarm, "m1", 0, bytes_, *AUDIO)
    await ends(house, alarm, [bytes_])
    look = await air.more(alarm)
    assert (look.state, look.size) == ("failed", 0)
    await house.chunks.put(alarm, "m2", 0, b"<html>", *AUDIO)
    for _ in range(2):
        found = await air.live.listen(alarm, "m2", True)
        assert found is not None
        assert found.state == "failed"
    events = [event for event in await house.events(alarm) if event["type"] == "live_sound_failed"]
    assert [(event["media"], event["reason"]) for event in events] == [("m2", "unknown_format")]


async def test_so_many_at_once(house: House, parts: list[bytes]) -> None:
    """Beyond the configured number of workers a further listener is told to come again; those there go on."""
    async with airing(house, workers=1) as air:
        alarm = await house.raises()
        await air.put(alarm, parts, 0)
        await house.chunks.put(alarm, "m2", 0, parts[0], *AUDIO)
        look = await air.more(alarm)
        second = air.work.spawn(air.live.listen(alarm, "m2", True), "a second listener")
        await air.clock.quiet()
        assert second.done(), "it waits, and so is listened to"
        with pytest.raises(Refused, match="live_busy"):
            await second
        await air.put(alarm, parts, 1)
        assert (await air.until(alarm, 1.9, look)).seconds > 1.9


async def worker_with(program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **limits: Any) -> LiveWorker:
    """A real process, with a program of another will in the worker's place."""
    folder = tmp_path / "dispatch" / "media"
    folder.mkdir(parents=True)
    (tmp_path / "dispatch" / "__init__.py").touch()
    (folder / "__init__.py").touch()
    (folder / "live_worker.py").write_text(program)
    monkeypatch.setattr("dispatch.media.jobs._ROOT", str(tmp_path))
    return await LiveWorker.start(LiveLimits(**limits))


def box(kind: bytes, size: int = 16) -> bytes:
    return size.to_bytes(4, "big") + kind + bytes(size - 8)


SIXTEEN = b'{"size": 16, "seconds": 1, "gaps": []}\n'
LIES = [
    b"", b"hello\n", b"[]\n", b'{"unreadable": "my words"}\n', b'{"size": 5}\n', b"x" * 200_000,
    SIXTEEN + b"<html>0123456789", SIXTEEN + box(b"free"), SIXTEEN + box(b"moof"), SIXTEEN + box(b"ftyp", 24),
    b'{"size": 99999999999, "seconds": 1, "gaps": []}\n', b'{"size": 0, "seconds": -1, "gaps": []}\n',
    b'{"size": 0, "seconds": 1e9, "gaps": []}\n', b'{"size": 0, "seconds": 1, "gaps": [[0]]}\n',
    b'{"size": 0, "seconds": 1, "gaps": [[5, 1]]}\n', b'{"size": true, "seconds": 1, "gaps": []}\n',
]  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
async def test_a_worker_that_lies(lie: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a worker that was taken over answers, the hub takes it for dead or for whole boxes of an MP4."""
    program = f"import sys\nsys.stdin.buffer.read(5)\nsys.stdout.buffer.write({lie!r})\n"
    worker = await worker_with(program, tmp_path, monkeypatch)
    with pytest.raises(WorkerDied):
        await worker.feed(b"abc")
    await worker.close()


async def test_a_worker_that_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that does not come in its time is none."""
    worker = await worker_with("import sys\nsys.stdin.buffer.read()\n", tmp_path, monkeypatch, answer_s=0)
    with pytest.raises(WorkerDied, match="TimeoutError"):
        await worker.feed(b"abc")
    await worker.close()
    assert not runs(worker.pid)


async def _feed_all(worker: LiveWorker, parts: list[bytes]) -> None:
    for part in parts:
        await worker.feed(part)


async def test_limits(parts: list[bytes]) -> None:
    """A copy that gets too long or too large, or takes too much of the processor, is none."""
    for limits, fault in (
        (LiveLimits(audio_s=3), CannotBeHeard),
        (LiveLimits(copy_bytes=10_000), WorkerDied),
        (LiveLimits(cpu_s=0), WorkerDied),
    ):
        worker = await LiveWorker.start(limits)
        with pytest.raises(fault):
            await _feed_all(worker, parts)
        await worker.close()


def of_process(pid: int | str, name: str) -> str:
    return Path(f"/proc/{pid}/{name}").read_text("ascii")


async def test_it_is_shut_in(parts: list[bytes]) -> None:
    """The process that decodes has the kernel's filter on, and a filter of its memory."""
    worker = await LiveWorker.start(LiveLimits())
    await worker.feed(parts[0])
    status, limits = of_process(worker.pid, "status"), of_process(worker.pid, "limits")
    await worker.close()
    assert "Seccomp:\t2" in status
    assert str(LiveLimits().memory_bytes) in next(line for line in limits.splitlines() if "address space" in line)


async def test_what_came_in_between(house: House, air: Air, parts: list[bytes]) -> None:
    """Three chunks missing at once are one gap of three seconds, and another one later is another mark."""
    alarm = await house.raises()
    await air.put(alarm, parts, 0, 1, 5, 6, 8, 9)
    look = await air.until(alarm, 1.9)
    look = await air.as_time_passes(alarm, 9.9, look)
    assert [(round(at), round(length)) for at, length in look.gaps] == [(2, 3), (7, 1)]
