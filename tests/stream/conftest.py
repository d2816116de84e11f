"""The record on a real store: the worker's, or one in a folder of its own."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dispatch.alarm.commands import Actor, Command, Raise, RunStep
from dispatch.alarm.state import Alarm
from dispatch.store.checks import connect, end
from dispatch.store.embedded import EmbeddedStore
from dispatch.stream.alarms import Alarms, Outcome
from dispatch.stream.keys import PREFIX
from dispatch.stream.stream import Stream
from tests import shared
from tests.flow.clock import FakeClock

HOME = "dadongmen"


def due(alarm: Alarm) -> datetime | None:
    """A deadline for tests of the record alone: 15 s after the alarm was raised, while it is open."""
    return alarm.raised_at + timedelta(seconds=15) if alarm.open else None


def raising(*called_in: str) -> tuple[Command, ...]:
    """The commands of a new alarm, with a first step that calls in these stations."""
    step = RunStep(cycle=1, step=0, loop=0, audience=("on_duty",), called=("V01",), reached=("V01",), why="due",
                   stations=called_in)  # fmt: skip
    return Raise(station=HOME, backups=called_in, why="in_area", code="AAA-AAA", text="门外有人"), step


def officer(name: str, station: str = HOME) -> Actor:
    return Actor(name, station)


class Hub:
    """One hub's view of the store: its own connections."""

    def __init__(self, url: str, timeout_s: float = 5.0, prefix: str = PREFIX) -> None:
        self.prefix = prefix
        self.clock = FakeClock()
        self.work = self.clock.work()
        self.stream = Stream(connect(url, timeout_s=timeout_s), prefix=prefix)
        self.alarms = Alarms(self.stream, self.clock, due)
        self.redis: Any = self.stream.redis
        self.keys = self.stream.keys

    async def raises(self, *called_in: str) -> str:
        alarm = str(uuid.uuid4())
        await self.alarms.handle(alarm, *raising(*called_in), secret_hash="s")
        return alarm

    async def alarm(self, alarm: str) -> Alarm:
        loaded = await self.alarms.load(alarm, whole=True)
        assert loaded is not None
        return loaded.alarm

    async def does(self, alarm: str, *commands: Command, key: str = "") -> Outcome:
        return await self.alarms.handle(alarm, *commands, key=key)

    async def kinds(self, station: str = HOME) -> list[str]:
        """The types of the station's events, oldest first."""
        return [entry.members["event"]["type"] for entry in await self.stream.read(station, 0)]

    async def closes(self) -> None:
        FakeClock.newest = None
        await self.redis.aclose()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def embedded(folder: Path) -> Iterator[EmbeddedStore]:
    """A running store of the test's own; ended whatever it did to it."""
    store = EmbeddedStore(folder)
    store.start()
    yield store
    asyncio.run(shut(store.url))
    store.ended()


@pytest.fixture
def prefix() -> str:
    """What the keys of this test begin with."""
    return shared.prefix()


@pytest.fixture
async def hub(prefix: str) -> AsyncIterator[Hub]:
    """On the worker's store, as `other_hub`."""
    made = Hub(shared.store().url, prefix=prefix)
    yield made
    await made.closes()


@pytest.fixture
async def other_hub(prefix: str) -> AsyncIterator[Hub]:
    made = Hub(shared.store().url, prefix=prefix)
    yield made
    await made.closes()


async def shut(url: str) -> None:
    """End the store; nothing when it is gone already."""
    redis = connect(url)
    await end(redis)
    await redis.aclose()
