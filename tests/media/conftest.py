"""A house with everything that media needs: a real store, a real folder of objects, a clock that is moved by hand."""

import hashlib
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from dispatch.alarm.commands import EndPlan, Plan, Raise
from dispatch.media.chunks import Chunks
from dispatch.media.copies import Copies, MakeCopies
from dispatch.media.jobs import Keep, Made, WorkerLimits, make_copies
from dispatch.media.objects import Objects, open_key
from dispatch.store.checks import connect
from dispatch.stream.alarms import Alarms
from dispatch.stream.stream import Stream
from tests import shared
from tests.flow.clock import FakeClock

LIMITS = {"chunk_bytes": 65_536, "chunks_per_media": 40, "media_bytes": 1_000_000, "media_per_alarm": 3,
          "copies_waiting": 100, "reason_chars": 500, "kept_disk_bytes": 0}  # fmt: skip
TYPES = {"jpg": "image/jpeg", "heic": "image/heic", "webp": "image/webp", "png": "image/png", "svg": "image/svg+xml",
         "webm": "audio/webm;codecs=opus", "m4a": "audio/mp4", "amr": "audio/amr"}  # fmt: skip


_MADE: dict[tuple[str, bytes], tuple[Made, list[tuple[str, int, bytes]]]] = {}


async def remembered(kind: str, original: AsyncIterator[bytes], keep: Keep) -> Made:
    """What a worker makes of these bytes; of the same bytes it makes the same, so a test process asks once."""
    data = b"".join([part async for part in original])
    key = kind, hashlib.sha256(data).digest()
    if key not in _MADE:
        kept: list[tuple[str, int, bytes]] = []

        async def whole() -> AsyncIterator[bytes]:
            yield data

        async def note(name: str, number: int, segment: bytes) -> None:
            kept.append((name, number, segment))

        _MADE[key] = await make_copies(kind, whole(), note, WorkerLimits()), kept
    made, segments = _MADE[key]
    for name, number, segment in segments:
        await keep(name, number, segment)
    return made


class House:
    """Verbs of the tests. `folder` is the data folder: objects, key."""

    def __init__(self, redis: Redis, folder: Path, fixtures: Path, prefix: str) -> None:
        self.folder = folder
        self.fixtures = fixtures
        self.redis: Any = redis
        self.prefix = prefix
        self.clock = FakeClock()
        self.work = self.clock.work()
        self.alarms = Alarms(Stream(redis, prefix=prefix), self.clock, lambda alarm: None)
        self.keys = self.alarms.stream.keys
        self.objects = Objects(folder / "media", open_key(folder / "keys" / "media.key", make=True))
        self.chunks = self.chunks_with()
        self.copies = self.copies_with()

    def chunks_with(self, **limits: int) -> Chunks:
        return Chunks(self.alarms, self.objects, {**LIMITS, **limits}, self.clock)

    def copies_with(self, limits: WorkerLimits | None = None, make: MakeCopies | None = None) -> Copies:
        make = make or (None if limits else remembered)
        return Copies(self.alarms, self.chunks, self.objects, self.work, limits, make=make)

    async def raises(self) -> str:
        alarm = str(uuid.uuid4())
        command = Raise(station="dadongmen", backups=("beimen",), why="default", code="A-1")
        await self.alarms.handle(alarm, command, secret_hash="x")
        return alarm

    async def plans(self, ended: str = "") -> str:
        """A plan; ended `rightly` with its number, or under `duress`."""
        alarm = str(uuid.uuid4())
        plan = Plan(station="dadongmen", backups=("beimen",), why="default", code="A-1", within_s=600)
        await self.alarms.handle(alarm, plan, secret_hash="x")
        if ended:
            await self.alarms.handle(alarm, EndPlan(duress=ended == "duress"))
        return alarm

    def bytes_of(self, name: str) -> bytes:
        return (self.fixtures / name).read_bytes()

    async def sends(self, alarm: str, name: str, media: str = "m1", order: Sequence[int] | None = None) -> bytes:
        """Send a fixture as chunks and finish it."""
        data = self.bytes_of(name)
        mime = TYPES[name.rpartition(".")[2]]
        kind = "photo" if mime.startswith("image/") else "audio"
        size = LIMITS["chunk_bytes"]
        parts = [data[at : at + size] for at in range(0, len(data), size)]
        for seq in order or range(len(parts)):
            await self.chunks.put(alarm, media, seq, parts[seq], kind, mime)
        await self.chunks.end(alarm, media, len(parts), hashlib.sha256(data).hexdigest())
        return data

    async def item(self, alarm: str, media: str = "m1") -> dict[str, Any]:
        loaded = await self.alarms.load(alarm)
        assert loaded is not None
        return dict(loaded.alarm.media.get(media, {}))

    async def found(self, alarm: str, media: str = "m1") -> dict[str, Any]:
        loaded = await self.alarms.load(alarm)
        assert loaded is not None
        return dict(loaded.alarm.found.get(media, {}))

    async def copy(self, alarm: str, media: str = "m1", which: str | None = None) -> bytes:
        size, _ = await self.copies.about(alarm, media, which)
        return b"".join([part async for part in self.copies.read(alarm, media, 0, size - 1, which)])

    async def original(self, alarm: str, media: str = "m1") -> bytes:
        return b"".join([part async for part in self.chunks.original(alarm, media)])

    async def events(self, alarm: str) -> list[dict[str, Any]]:
        entries = await self.alarms.stream.read("dadongmen", 0)
        return [entry.members["event"] for entry in entries if entry.members["alarm"] == alarm]

    def files(self) -> list[Path]:
        return sorted(path for path in (self.folder / "media").rglob("*") if path.is_file())


@asynccontextmanager
async def housed(url: str, folder: Path, fixtures: Path, prefix: str) -> AsyncIterator[House]:
    """A house on the store at `url`."""
    redis = connect(url)
    try:
        yield House(redis, folder, fixtures, prefix)
    finally:
        FakeClock.newest = None
        await redis.aclose()


@pytest.fixture
async def house(tmp_path: Path, fixtures: Path) -> AsyncIterator[House]:
    async with housed(shared.store().url, tmp_path / "data", fixtures, shared.prefix()) as made:
        yield made


Sent = Callable[[str], Awaitable[str]]


@pytest.fixture
def copied(house: House) -> Sent:
    """Sends a fixture, has its copy made, and gives the alarm's id."""

    async def send(name: str) -> str:
        alarm = await house.raises()
        await house.sends(alarm, name)
        assert await house.copies.step()
        return alarm

    return send
