"""What the tests of live sound share: a recording in slices of a second, and a hub's live copies."""

import asyncio
import io
from collections.abc import AsyncIterator
from typing import Any

import av

from dispatch.alarm.work import end
from dispatch.media.live import Live
from dispatch.media.live_index import Look
from tests.flow.clock import FakeClock
from tests.media.conftest import House
from tests.patience import PATIENCE_S

CLUSTER = b"\x1fC\xb6u"
AUDIO = ("audio", "audio/webm;codecs=opus")


def slices(webm: bytes) -> list[bytes]:
    """A recorder's slices: the head with the first second, then a second each."""
    starts = [at for at in range(len(webm)) if webm.startswith(CLUSTER, at)]
    return [webm[a:b] for a, b in zip([0, *starts[1:]], [*starts[1:], len(webm)], strict=True)]


def seconds(copy: bytes) -> float:
    """How long it plays."""
    with av.open(io.BytesIO(copy), "r") as source:
        return sum(frame.samples / frame.sample_rate for frame in source.decode(audio=0))


def loud(copy: bytes, first: float, last: float) -> float:
    """The mean amplitude between two instants, in seconds."""
    samples: list[float] = []
    rate = 1
    with av.open(io.BytesIO(copy), "r") as source:
        for frame in source.decode(audio=0):
            rate = frame.sample_rate
            samples += memoryview(frame.planes[0]).cast("B").cast("f")[: frame.samples].tolist()
    part = samples[int(first * rate) : int(last * rate)]
    return sum(map(abs, part)) / len(part)


class Air:
    """One hub's live copies. `pids`: the workers that it started."""

    def __init__(self, house: House, **options: Any) -> None:
        self.house = house
        self.clock = FakeClock(house.clock.now())
        self.pids: list[int] = []
        started = options.pop("started", lambda pid: None)

        def note(pid: int) -> None:
            self.pids.append(pid)
            started(pid)

        self.work = self.clock.work()
        self.live = Live(house.alarms, house.chunks, house.objects, self.work, started=note, **options)
        house.chunks.after_put.append(self.live.after_put)
        house.alarms.after_append.append(self.live.after_append)
        self._loop = self.work.spawn(self.live.run(), "live")

    async def put(self, alarm: str, parts: list[bytes], *seqs: int) -> None:
        for seq in seqs:
            await self.house.chunks.put(alarm, "m1", seq, parts[seq], *AUDIO)
        await self.clock.quiet()

    async def more(self, alarm: str, look: Look | None = None) -> Look:
        """The next that a listener learns, who has all of `look`."""
        async with asyncio.timeout(PATIENCE_S):
            found = await self._next(alarm, look)
        await self.clock.quiet()
        return found

    async def _next(self, alarm: str, look: Look | None) -> Look:
        name, size = (look.name, look.size) if look else ("", 0)
        found = await self.live.listen(alarm, "m1", True, name, size)
        assert found is not None
        return found

    async def until(self, alarm: str, at_least_s: float, look: Look | None = None) -> Look:
        """A listener's, once the copy is so long or does not grow any more."""
        look = look or await self.more(alarm)
        while look.seconds < at_least_s and look.state == "growing":
            look = await self.more(alarm, look)
        return look

    async def as_time_passes(self, alarm: str, at_least_s: float, look: Look | None = None) -> Look:
        """Like `until`, with the clock moving all the while."""
        while look is None or (look.seconds < at_least_s and look.state == "growing"):
            waiting = self.work.spawn(self._next(alarm, look), "listener")
            async with asyncio.timeout(PATIENCE_S):
                while not waiting.done():
                    await self.clock.advance(0.25)
            look = await waiting
        return look

    async def heard(self, alarm: str, look: Look) -> bytes:
        parts = self.live.index.read(alarm, "m1", look, 0, look.size - 1)
        return b"".join([part async for part in parts])

    async def stops(self) -> None:
        await end([self._loop])


async def on_air(house: House, **options: Any) -> AsyncIterator[Air]:
    """A hub's live copies, which end with the test."""
    made = Air(house, **options)
    try:
        yield made
    finally:
        await made.stops()
