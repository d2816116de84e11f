"""The load: citizens who come at a steady pace, and officers at their consoles, all from one seed.

Nobody sticks to a hub: each request and each connection goes to any of them. Field's term: workload generator.
"""

import asyncio
import random
from collections.abc import Coroutine
from typing import Any

from tests.faults.citizens import Citizen
from tests.faults.history import History
from tests.faults.officers import Console
from tests.faults.web import Request, Web

MOST_STORIES = 40
MOST_WAITING = 10
"""While so many stories go on, or alarms wait for an officer, nobody new comes."""


class Load:
    """People at several hubs.

    Args:
        urls: of the hubs, as people reach them; may change.
        history: where everything is written down.
        seed: decides who does what.
        per_s: citizens who come each second.
        twice: everything is sent twice, the second time late and to any hub.
    """

    def __init__(self, urls: list[str], history: History, seed: str, per_s: float = 7, twice: bool = False) -> None:
        self.urls = urls
        self.history = history
        self.consoles: list[Console] = []
        self.citizens: list[Citizen] = []
        self._chance = random.Random(seed)
        self._per_s = per_s
        self._twice = twice
        self._tasks: set[asyncio.Task[None]] = set()
        self._coming: asyncio.Task[None] | None = None
        self.web = Web(urls, history, random.Random(f"{seed} web"))

    def open(self, officers: dict[str, str], cookies: dict[str, str]) -> None:
        """Everyone is at their console, and citizens begin to come."""
        for officer, station in officers.items():
            self.sits(officer, station, cookies[officer])
        self._coming = asyncio.create_task(self._come())

    def sits(self, officer: str, station: str, cookie: str, urls: list[str] | None = None) -> Console:
        """One more officer at a console; at all hubs without `urls`."""
        chance = random.Random(self._chance.getrandbits(64))
        twice = self._twice and station != ""
        console = Console(urls or self.urls, officer, station, cookie, self.history, chance, self._spawn, twice)
        console.open()
        self.consoles.append(console)
        return console

    async def finish(self, within_s: float, calm_s: float) -> None:
        """Nobody new comes; everyone ends what they began, or is written down as stuck.

        Args:
            within_s: so long may it take.
            calm_s: so long officers go on taking what waits for someone.
        """
        if self._coming is not None:
            self._coming.cancel()
            await asyncio.gather(self._coming, return_exceptions=True)
        until = asyncio.get_running_loop().time() + within_s
        calm = asyncio.get_running_loop().time() + calm_s
        while asyncio.get_running_loop().time() < calm and any(c.waiting for c in self.consoles):
            await asyncio.sleep(0.02)
        for console in self.consoles:
            console.working = False
        while self._tasks and (left := until - asyncio.get_running_loop().time()) > 0:
            await asyncio.wait(self._tasks, timeout=left)
        for task in self._tasks:
            self.history.stuck(f"{task.get_name()}: not answered within {within_s} s of the last fault's end")

    async def close(self) -> None:
        """Everyone leaves."""
        tasks = [*self._tasks, *([self._coming] if self._coming else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(console.close() for console in self.consoles))
        await self.web.close()

    def raises(self) -> Citizen:
        """One more citizen, who does nothing by themselves."""
        again = self._again if self._twice else None
        citizen = Citizen(self.web, self.history, random.Random(self._chance.getrandbits(64)), again)
        self.citizens.append(citizen)
        return citizen

    async def _come(self) -> None:
        """Citizens come as long as people keep up: what is measured is faults, not overload."""
        while True:
            await asyncio.sleep(self._chance.uniform(0, 2 / self._per_s))
            if len(self._tasks) >= MOST_STORIES or any(c.waiting > MOST_WAITING for c in self.consoles):
                continue
            citizen = self.raises()
            self._spawn(citizen.lives(), f"citizen {citizen.id}")

    def _again(self, request: Request) -> None:
        async def late() -> None:
            await asyncio.sleep(self._chance.uniform(0, 0.6))
            await self.web.once(request, self._chance.choice(self.urls))

        self._spawn(late(), f"again {request.ref}")

    def _spawn(self, story: Coroutine[Any, Any, None], name: str = "officer's story") -> None:
        task = asyncio.create_task(story, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (fault := task.exception()) is not None:
            self.history.stuck(f"{task.get_name()} failed: {fault!r}")
