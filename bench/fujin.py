"""Fujin as a subject beside its peers: the whole product, one hub with its built-in store. Never measures."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from pathlib import Path

from bench.citizens import INSIDE
from bench.hub import Hub, store_pid
from bench.load import STATION, Consoles
from bench.pressers import HttpPresser, SocketPresser, alarm
from bench.room import Presser, Room, Subject

_QUIET_S = 0.5
_QUIET_WITHIN_S = 30.0


class Fujin(Subject):
    """One hub, alarms by `POST /alarms`."""

    name = "Fujin, HTTP"
    store = "on the disk before it is answered (appendfsync always)"

    def __init__(self, room: Room) -> None:
        super().__init__(room)
        self._consoles = Consoles(room.had)
        self._seen = 0

    def start(self, folder: Path) -> None:
        self._hub = Hub(folder)
        self._hub.start()
        self.url = self._hub.url

    def stop(self) -> None:
        self._hub.stop()

    @property
    def processes(self) -> tuple[Sequence[int], Sequence[int]]:
        return [self._hub.pid], [store_pid(self._hub.data)]

    async def seat(self, wanted: int) -> None:
        """Signed in, subscribed, ready, and all that this makes happen is over."""
        cookies = await asyncio.to_thread(self._hub.cookies, STATION, wanted)
        await self._consoles.open(self.url, cookies)
        loop = asyncio.get_running_loop()
        frames, since, end = -1, loop.time(), loop.time() + _QUIET_WITHIN_S
        while loop.time() - since < _QUIET_S and loop.time() < end:
            if self._consoles.frames != frames:
                frames, since = self._consoles.frames, loop.time()
            await asyncio.sleep(0.05)
        self._seen = self._consoles.frames

    def presser(self) -> Presser:
        return HttpPresser("/alarms", self._body())

    async def leave(self) -> None:
        await self._consoles.shut()
        self.room.faults += self._consoles.faults[:5]
        if self._consoles.gaps:
            self.room.faults.append(f"{self._consoles.gaps} gaps in what consoles had")

    @property
    def further(self) -> int:
        return self._consoles.frames - self._seen - self.room.deliveries

    def _body(self) -> bytes:
        place = INSIDE[STATION]
        position = f'{{"lat":{place["lat"]},"lon":{place["lon"]},"accuracy_m":18}}'
        return alarm(f'"secret":"{secrets.token_urlsafe(24)}","position":{position}')


class FujinSocket(Fujin):
    """One hub, alarms by `raise` over `/ws/alarm`."""

    name = "Fujin, WebSocket"

    def presser(self) -> Presser:
        return SocketPresser(self._body())


INTAKES: dict[str, type[Fujin]] = {"http": Fujin, "socket": FujinSocket}
