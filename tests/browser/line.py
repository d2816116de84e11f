"""A bad line in front of a hub: a TCP proxy on real sockets with a rate, a round trip and losses.

It models what TCP shows of a bad line, not the line: bytes wait for those before them, a new connection costs a round
trip before its first byte, and a lost segment is a stall of the whole connection, as long as a retransmission takes
(two round trips for the first, by the tail loss probe; doubled each time). What is lost is decided by a seed.
`python -m bench.bad_line` measures over a line whose packets are really dropped, with the kernel's own TCP.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_SEGMENT = 1400


class Line:
    """One address in front of another; perfect until `worsen`.

    Args:
        port: of the hub on the loopback.
        seed: decides which segments are lost.
    """

    def __init__(self, port: int, seed: int = 0) -> None:
        self.url = ""
        self.connections = 0
        self.up = 0
        self.down = 0
        self._to = port
        self._chance = random.Random(seed)
        self._rate = 0.0
        self._round_trip = 0.0
        self._loss = 0.0
        self._free = {True: 0.0, False: 0.0}  # when each way of the line is free again, loop time
        self._answers = asyncio.Event()
        self._answers.set()
        self._ends: list[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def worsen(self, bits_s: float, round_trip_s: float, loss: float) -> None:
        """From now on, for connections that are there and new ones; 0 bits a second is no limit."""
        self._rate, self._round_trip, self._loss = bits_s, round_trip_s, loss

    def doom(self) -> None:
        """Connections that are there carry nothing more, and say so to nobody: half-open. New ones do."""
        for task in self._tasks:
            task.cancel()

    def hold_answers(self) -> None:
        """From now on nothing that the hub says arrives; it is counted, and kept."""
        self._answers.clear()

    def release_answers(self) -> None:
        self._answers.set()

    def forget(self) -> None:
        """Count from here."""
        self.connections = self.up = self.down = 0

    @asynccontextmanager
    async def serves(self) -> AsyncIterator["Line"]:
        server = await asyncio.start_server(self._link, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            for end in (end for ends in self._ends for end in ends):
                end.close()

    async def _link(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        far_reader, far = await asyncio.open_connection("127.0.0.1", self._to)
        start = asyncio.get_running_loop().time()
        ready = start + self._round_trip + self._stalls()  # SYN and its answer
        ways = [
            asyncio.create_task(self._pass(reader, far, True, ready)),
            asyncio.create_task(self._pass(far_reader, writer, False, start)),
        ]
        self._tasks.update(ways)
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        self._ends.append((writer, far))  # a connection that nobody holds is closed
        if all(not way.cancelled() for way in ways if way.done()):
            for each in (writer, far):
                each.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, up: bool, ready: float) -> None:
        """One way of one connection, in order, until it ends."""
        loop = asyncio.get_running_loop()
        while part := await reader.read(_SEGMENT):
            if up:
                self.up += len(part)
            else:
                self.down += len(part)
            now = loop.time()
            if self._rate:
                self._free[up] = max(self._free[up], now) + len(part) * 8 / self._rate
            ready = max(ready, self._free[up], now) + self._stalls()
            await asyncio.sleep(ready + self._round_trip / 2 - now)
            if not up:
                await self._answers.wait()
            writer.write(part)
            await writer.drain()

    def _stalls(self) -> float:
        """For so long does one segment wait for its retransmissions, seconds."""
        waited, pause = 0.0, 2 * self._round_trip
        while self._chance.random() < self._loss:
            waited += pause
            pause *= 2
        return waited
