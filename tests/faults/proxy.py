"""A TCP proxy that may delay, cut, halve and swallow what passes: the network on a bad day.

Runs in a thread with a loop of its own, so that a process can be reached through it whatever else the test does.
Field's terms: partition, half-open connection.
"""

import asyncio
import random
import threading
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

_PART = 16_384


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """What the network does now.

    Args:
        delay_s: (least, most) that each part waits before it goes on.
        up: whether what clients send arrives.
        down: whether what servers answer arrives; both false and `open` true is a half-open connection.
        open: whether new connections are taken, and old ones stay.
        halve: the chance that a part is cut in its middle, and its connection with it.
        split: whether each part goes on in small pieces.
        hold: whether what comes waits until the weather changes, and then goes on: late, not lost.
    """

    delay_s: tuple[float, float] = (0.0, 0.0)
    up: bool = True
    down: bool = True
    open: bool = True
    halve: float = 0.0
    split: bool = False
    hold: bool = False


FAIR = Weather()


class Proxy:
    """One address in front of another.

    Args:
        port: of the server on the loopback.
        seed: decides delays and cuts.
    """

    def __init__(self, port: int, seed: str = "") -> None:
        self.port = 0
        self._to = port
        self._chance = random.Random(f"{seed} {port}")
        self._weather = FAIR
        self._changed = asyncio.Event()
        self._links: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"proxy to {port}", daemon=True)
        self._thread.start()
        self._server = self._wait(self._serve())

    def weather(self, weather: Weather) -> None:
        """From now on; when it is not `open`, every connection is cut at once."""
        self._wait(self._change(weather))

    def cut(self) -> None:
        """Cut every connection, without a word to either side's program but the reset; new ones are taken."""
        self._wait(self._cut())

    def end(self) -> None:
        self._wait(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _serve(self) -> asyncio.Server:
        server = await asyncio.start_server(self._link, "127.0.0.1", 0, backlog=512)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def _change(self, weather: Weather) -> None:
        before, self._weather = self._weather, weather
        self._changed.set()
        self._changed = asyncio.Event()
        swallowed = not (before.up and before.down)
        if not weather.open or (swallowed and weather.up and weather.down):
            await self._cut()  # what was swallowed is missing in its middle: such a connection never heals

    async def _cut(self) -> None:
        for writer in list(self._links):
            writer.transport.abort()

    async def _end(self) -> None:
        self._server.close()
        await self._cut()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _link(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._weather.open:
            writer.transport.abort()
            return
        self._links.add(writer)
        far: asyncio.StreamWriter | None = None
        try:
            far_reader, far = await asyncio.open_connection("127.0.0.1", self._to)
            self._links.add(far)
            ways = [
                asyncio.create_task(self._pass(reader, far, up=True)),
                asyncio.create_task(self._pass(far_reader, writer, up=False)),
            ]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
        except (OSError, asyncio.CancelledError):
            pass  # it is this task's end either way
        finally:
            for each in (writer, far):
                if each is not None:
                    self._links.discard(each)
                    each.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, up: bool) -> None:
        """One way of one connection, until it ends."""
        while part := await reader.read(_PART):
            weather = self._weather
            if weather.delay_s[1]:
                await asyncio.sleep(self._chance.uniform(*weather.delay_s))
            if weather.hold:
                await self._changed.wait()
            if not (weather.up if up else weather.down):
                continue
            if weather.halve and self._chance.random() < weather.halve:
                writer.write(part[: len(part) // 2])
                await writer.drain()
                return
            pieces = [part[i : i + 7] for i in range(0, len(part), 7)] if weather.split else [part]
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
