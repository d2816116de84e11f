"""People in danger beside whatever is done to a hub: real alarms, and a console that waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic

import httpx

from bench.citizens import ByHttp
from bench.hub import Hub
from bench.load import Console, Consoles


class People:
    """What becomes of the real alarms.

    Args:
        hub: a demonstration's.
        every_s: seconds between two of them.
        citizen: their number -> who presses, from a phone of their own.
        memory: the hub's process -> bytes, asked with each press.
    """

    def __init__(
        self, hub: Hub, every_s: float, citizen: Callable[[int], ByHttp], memory: Callable[[int], int]
    ) -> None:  # fmt: skip
        self._hub, self._every_s, self._citizen, self._memory = hub, every_s, citizen, memory
        self.waiting: dict[bytes, float] = {}
        self.late_ms: list[float] = []
        self.alarms: dict[str, float] = {}
        self.most_bytes = 0

    async def signs_in(self, name: str) -> str:
        """The cookies of one of the demonstration's users."""
        rows = [row.split("\t") for row in (self._hub.data / "demo-sign-ins.txt").read_text("utf-8").splitlines()]
        password = {user: secret for user, secret, *_ in rows}[name]
        async with httpx.AsyncClient(base_url=self._hub.url) as http:
            answer = await http.post("/session", json={"user": name, "password": password})
            answer.raise_for_status()
            return "; ".join(f"{key}={value}" for key, value in answer.cookies.items())

    async def watch(self, cookie: str) -> Console:
        """A console that is ready; `stop` it at the end."""
        console = Console(Consoles(self._arrived), 0, self._hub.url, cookie)
        await console.connect()
        console.subscribe()
        await console.subscribed
        console.ready()
        return console

    async def press(self) -> None:
        """Press, one after the other, until cancelled."""
        number = 0
        while True:
            number += 1
            citizen = self._citizen(number)
            await citizen.connect(self._hub.url)
            self.waiting[citizen.id.encode()] = monotonic()
            self.alarms[citizen.id] = self.waiting[citizen.id.encode()]
            citizen.press()
            self.most_bytes = max(self.most_bytes, self._memory(self._hub.pid))
            await asyncio.sleep(self._every_s)
            citizen.leave()

    def _arrived(self, _: Console, alarm: bytes, at: float) -> None:
        pressed = self.waiting.pop(alarm, None)
        if pressed is not None:
            self.late_ms.append((at - pressed) * 1000)
