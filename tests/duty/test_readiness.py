"""Only a console that can wake its officer counts, and each beginning and end of that is an event (P5)."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from dispatch.duty.readiness import Console, Readiness
from dispatch.stream.embedded import EmbeddedStore
from dispatch.stream.keys import Keys
from dispatch.stream.store import connect, end
from dispatch.stream.stream import Stream
from tests.flow.clock import FakeClock

V01 = Console("V01", "officer", "c1")
V02 = Console("V02", "officer", "c2")


class Place:
    """Two stations on a real store."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.clock = FakeClock()
        self.lost: list[str] = []
        self.readiness = self.hub()

    def hub(self) -> Readiness:
        """The readiness as another hub on the same store has it."""
        readiness = Readiness(self.stream, self.clock, ("dadongmen", "xiaodong"), 15)

        async def told(station: str) -> None:
            self.lost.append(station)

        readiness.on_lost.append(told)
        return readiness

    async def events(self) -> list[dict[str, Any]]:
        return [entry.members["event"] for entry in await self.stream.read("dadongmen", 0)]

    async def ready(self, station: str = "dadongmen") -> list[str]:
        return [console.officer for console in (await self.readiness.ready([station]))[station]]


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    store = EmbeddedStore(tmp_path / "store")
    await asyncio.to_thread(store.start)
    redis = connect(store.url)
    stream = Stream(redis, Keys())
    await stream.open()
    yield Place(stream)
    await end(redis)
    await redis.aclose()
    await asyncio.to_thread(store.ended)


async def test_it_begins_once(place: Place) -> None:
    """Renewing is no event; the first time is, and only at its own station."""
    for _ in range(3):
        await place.readiness.renew("dadongmen", V01)
    assert await place.events() == [{"type": "console_ready", "officer": "V01", "console": "c1"}]
    assert await place.ready() == ["V01"]
    assert await place.ready("xiaodong") == []


async def test_it_lapses(place: Place) -> None:
    """15 s without renewal: not ready from that instant on, told once by whichever hub looks first."""
    await place.readiness.renew("dadongmen", V01)
    await place.clock.advance(10)
    await place.readiness.renew("dadongmen", V01)
    await place.clock.advance(14.999)
    assert await place.ready() == ["V01"]
    assert await place.readiness.step(place.clock.now()) is False
    await place.clock.advance(0.001)
    assert await place.ready() == [], "also before any hub has looked"
    await asyncio.gather(place.readiness.step(place.clock.now()), place.hub().step(place.clock.now()))
    assert (await place.events())[1:] == [{"type": "console_lost", "officer": "V01", "console": "c1", "why": "silent"}]
    assert place.lost == ["dadongmen"]
    await place.readiness.renew("dadongmen", V01)
    assert [event["type"] for event in await place.events()] == ["console_ready", "console_lost", "console_ready"]


@pytest.mark.parametrize("why", ["closed", "silent", "sound_off", "slow", "signed_out"])
async def test_it_ends_with_a_reason(place: Place, why: str) -> None:
    """Ending it is told with why, at once, once; ending what never began is nothing."""
    await place.readiness.renew("dadongmen", V01)
    for _ in range(2):
        await place.readiness.drop("dadongmen", V01, why)
    await place.readiness.drop("dadongmen", V02, why)
    assert [event.get("why") for event in await place.events()] == [None, why]
    assert place.lost == ["dadongmen"]
    assert await place.ready() == []


async def test_two_consoles_of_one_officer(place: Place) -> None:
    """Who has two consoles is reached while one of them is left."""
    other = Console("V01", "officer", "c9")
    await place.readiness.renew("dadongmen", V01)
    await place.readiness.renew("dadongmen", other)
    await place.readiness.drop("dadongmen", V01, "closed")
    assert await place.ready() == ["V01"]
    await place.readiness.drop("dadongmen", other, "closed")
    assert await place.ready() == []


async def test_stations_at_once(place: Place) -> None:
    await place.readiness.renew("dadongmen", V01)
    await place.readiness.renew("xiaodong", V02)
    found = await place.readiness.ready(("xiaodong", "dadongmen"))
    assert {station: [c.officer for c in consoles] for station, consoles in found.items()} == {
        "xiaodong": ["V02"],
        "dadongmen": ["V01"],
    }
