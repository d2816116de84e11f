"""One run: people at a town, faults that strike it, and at the end the verdict on what a fresh start serves.

The stage measures how long it takes until everyone is served again; no time decides the verdict, only whether it comes.
"""

import asyncio
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from tests.faults.audit import AUDITOR, Audit
from tests.faults.checker import Verdict, judge
from tests.faults.citizens import home_of
from tests.faults.history import History
from tests.faults.load import Load
from tests.faults.officers import Console
from tests.faults.town import OFFICERS, Town
from tests.faults.truth import Members, Served, Truth

RECOVERS_S = 30.0
"""With everything mended, all are served again within this, or it counts as stuck."""

LOOK_S = 0.02
BRIEF_RECEIPTS = 15
CALM_S = 1.5
"""At the end officers go on so long taking what waits for someone; a third of it when it is brief."""


@dataclass(slots=True)
class Record:
    """What outlives a stage: a town's log holds all runs on it, so the checker needs the history of all of them.

    Args:
        history: everything that was asked, answered and seen.
        views: alarm -> what its citizen was given at the end of their run.
        media: (alarm, media) -> what its chunks were at the end of their run.
        cookies: officer -> sign-in.
        spoilt: whether a verdict on it found faults, which every later one would find again.
    """

    history: History = field(default_factory=History)
    views: dict[str, Members | None] = field(default_factory=dict)
    media: dict[tuple[str, str], dict[int, str]] = field(default_factory=dict)
    cookies: dict[str, str] = field(default_factory=dict)
    spoilt: bool = False


class Stage:
    """A town with people in it.

    Args:
        town: started.
        seed: decides who does what and when it breaks.
        record: of the earlier runs on this town.
        twice: everything is sent twice.
        per_s: citizens who come each second.
        brief: strike early and end soon, as in the ordinary tests.
    """

    def __init__(
        self, town: Town, seed: str, record: Record, twice: bool = False, per_s: float = 7, brief: bool = False
    ) -> None:
        self.town = town
        self._brief = brief
        self.chance = random.Random(seed)
        self.record = record
        self.history = record.history
        self.load = Load(town.urls, self.history, seed, per_s, twice)
        self.recoveries: list[float] = []

    async def __aenter__(self) -> "Stage":
        cookies = {officer: await self.cookie(officer) for officer in OFFICERS}
        self.load.open(OFFICERS, cookies)
        await self.receipts(5)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.load.close()

    async def cookie(self, officer: str) -> str:
        """Their sign-in, which holds at every hub."""
        if officer not in self.record.cookies:
            self.record.cookies[officer] = await self.load.web.sign_in(officer, self.town.password)
        return self.record.cookies[officer]

    # -- instants -----------------------------------------------------------------------------------------------

    async def receipts(self, more: int) -> None:
        """Return when so many more requests were confirmed, or after 5 s: some faults let none through."""
        more = min(more, BRIEF_RECEIPTS) if self._brief else more
        target, until = self.history.receipts + more, time.monotonic() + 5
        while self.history.receipts < target and time.monotonic() < until:
            await asyncio.sleep(LOOK_S / 4)

    async def anywhen(self) -> None:
        """Return at an instant that only the seed and the machine decide."""
        await self.receipts(self.chance.randint(5, 60))
        await asyncio.sleep(self.chance.uniform(0, 0.05))

    async def until(self, so: Callable[[], bool], at_most_s: float) -> None:
        """Return when it is so, or it took too long."""
        until = time.monotonic() + at_most_s
        while not so() and time.monotonic() < until:
            await asyncio.sleep(LOOK_S)

    async def lasts(self, seconds: float) -> None:
        """Let a fault last: what it breaks needs real time to show."""
        await asyncio.sleep(seconds)

    async def away(self, work: Callable[[], Any]) -> Any:
        """Do something that waits for processes, while the people go on."""
        return await asyncio.to_thread(work)

    # -- afterwards -----------------------------------------------------------------------------------------------

    async def recovers(self, since: float, hubs: list[str] | None = None) -> None:
        """Until an alarm raised at each hub was receipted and is on every console of its station.

        Args:
            since: `time.monotonic()` of the moment from which the time is taken.
            hubs: their URLs; all without.
        """
        until = time.monotonic() + RECOVERS_S
        for url in hubs or self.load.urls:
            citizen = self.load.raises()
            request = citizen.raising()
            while (await self.load.web.once(request, url))[0] != "ok":
                if time.monotonic() > until:
                    self.history.stuck(f"no receipt from {url} within {RECOVERS_S} s of the fault's end")
                    return
                await asyncio.sleep(LOOK_S)
            citizen.raised = True
            if not await self._everyone_shows(citizen.id, until):
                return
        self.recoveries.append(time.monotonic() - since)

    async def _everyone_shows(self, alarm: str, until: float) -> bool:
        home = home_of(alarm)
        consoles = [c for c in self.load.consoles if c.station in ("", home)]
        while missing := self._without(alarm, home, consoles):
            if time.monotonic() > until:
                self.history.stuck(f"alarm {alarm} did not come to {', '.join(missing)}")
                return False
            await asyncio.sleep(LOOK_S)
        return True

    def _without(self, alarm: str, home: str, consoles: list[Console]) -> list[str]:
        """The consoles that have not come to the position at which the alarm was shown to one of them."""
        met = [at for c in consoles if (at := c.met.get(alarm)) and at[0] == home]
        first = min((offset for _, offset in met), default=None)
        return [c.officer for c in consoles if first is None or c.at(home)[1] < first]

    async def verdict(self, fresh: bool = True, thorough: bool = False) -> Verdict:
        """End the load and compare everything with what a fresh start serves.

        Args:
            fresh: start a hub anew for it (in the place of the last one).
            thorough: check the chain by the command line too.
        """
        await self.load.finish(RECOVERS_S, CALM_S / 3 if self._brief else CALM_S)
        hub = self.town.hubs[-1]
        if fresh:
            await self.away(hub.kill)
            await self.away(hub.start)
        audit = Audit(hub.url, self.record.cookies[AUDITOR], self.history)
        try:
            served = await self._served(audit, thorough)
        finally:
            await audit.close()
        return judge(self.history, served)

    async def _served(self, audit: Audit, thorough: bool) -> Served:
        snapshots = await audit.snapshots()
        at = {station: message["position"] for station, message in snapshots.items()}
        await self._consoles_reach({station: position["offset"] for station, position in at.items()})
        for console in self.load.consoles:
            self.history.alive(console.link, at)
        await self.load.close()
        citizens = [citizen for citizen in self.load.citizens if citizen.raised]
        self.record.views |= await audit.views(citizens)
        self.record.media |= await audit.media(citizens)
        log = await self._copied(audit, snapshots)
        return Served(
            log=log, snapshots=snapshots, views=self.record.views, media=self.record.media,
            broken=await self._broken(audit, snapshots, thorough),
        )  # fmt: skip

    async def _broken(self, audit: Audit, stations: Iterable[str], thorough: bool) -> str:
        """What is wrong with the chain. Events go on coming, so only what is found twice alike is wrong."""

        async def look() -> str:
            return str(await self.away(self.town.verify)) if thorough else await audit.chain(stations)

        found = await look()
        return found if found and found == await look() else ""

    async def _consoles_reach(self, targets: dict[str, int]) -> None:
        """Wait until every console shows what a new one is shown; that it never does is the checker's to say."""
        until = time.monotonic() + RECOVERS_S
        while time.monotonic() < until:
            if all(
                c.at(s)[1] >= targets[s] for c in self.load.consoles for s in ([c.station] if c.station else targets)
            ):
                return
            await asyncio.sleep(LOOK_S)

    async def _copied(self, audit: Audit, stations: Any) -> dict[str, Any]:
        """The log, once what has to be copied to other stations' streams was copied, or did not come in time."""
        until = time.monotonic() + RECOVERS_S
        while True:
            log = await audit.log(stations)
            if not waiting_copies(log) or time.monotonic() > until:
                return log
            await asyncio.sleep(0.1)


def waiting_copies(log: dict[str, Any]) -> int:
    """How many copies are behind their alarm's home."""
    truth = Truth(log)
    last: dict[tuple[str, str], int] = {}
    for station, rows in log.items():
        for row in rows:
            if row["alarm"] is not None and truth.homes.get(row["alarm"]) != station:
                last[station, row["alarm"]] = row["version"]
    return sum(version < len(truth.events.get(alarm, [])) for (_, alarm), version in last.items())
