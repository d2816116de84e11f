"""Duty on a real store: two hubs, one clock that is moved by hand, the demonstration's rotas."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from dispatch import resources
from dispatch.duty.readiness import Console, Readiness
from dispatch.duty.roster import Called, Roster
from dispatch.duty.rota import Rota
from dispatch.settings import load
from dispatch.store import checks as store
from dispatch.stream.stream import Stream
from tests import shared
from tests.flow.clock import FakeClock

HOME = "dadongmen"
LAPSE_S = 15


class Hub:
    """One hub's duty stage. `lost` are the stations of which it was told that somebody is not reached any more."""

    def __init__(self, url: str, prefix: str, clock: FakeClock, rotas: Mapping[str, Rota]) -> None:
        self.clock = clock
        self.work = clock.work()
        self.stream = Stream(store.connect(url, timeout_s=2), prefix=prefix)
        self.readiness = Readiness(self.stream, clock, LAPSE_S)
        self.roster = Roster(self.stream, self.work, rotas, self.readiness)
        self.lost: list[str] = []
        self.readiness.on_lost.append(self._note)

    async def _note(self, station: str) -> None:
        self.lost.append(station)

    async def wakes(self, officer: str, station: str = HOME, role: str = "officer", console: str = "") -> Console:
        """The officer's console says that it can sound."""
        made = Console(officer, role, console or f"console-{officer}")
        await self.readiness.renew(station, made)
        return made

    async def awake(self, station: str = HOME) -> list[str]:
        """The officers with a ready console."""
        return [console.officer for console in (await self.readiness.ready((station,)))[station]]

    async def called(self, *audience: str, backups: tuple[str, ...] = (), station: str = HOME) -> Called:
        return await self.roster.called(station, backups, audience)

    async def on_duty(self) -> tuple[str, ...]:
        return (await self.called("on_duty")).officers

    async def events(self, station: str = HOME) -> list[dict[str, Any]]:
        """The station's events, oldest first."""
        return [dict(entry.members["event"]) for entry in await self.stream.read(station, 0)]


class Duty:
    """The store and what is needed to make hubs on it."""

    def __init__(self) -> None:
        self.url = shared.store().url
        self.prefix = shared.prefix()
        self.clock = FakeClock()
        self.rotas = dict(load(resources.demo_config(), {}).rotas)
        self.hubs: list[Hub] = []

    def hub(self, **rotas: Rota | None) -> Hub:
        """A hub; `rotas` are what its configuration has otherwise, None for a station that it does not have."""
        configured = {**self.rotas, **rotas}
        hub = Hub(
            self.url, self.prefix, self.clock, {name: rota for name, rota in configured.items() if rota is not None}
        )
        self.hubs.append(hub)
        return hub

    def rota(self, **changes: Any) -> Rota:
        """The home station's rota with changes."""
        return replace(self.rotas[HOME], **changes)


@pytest.fixture
async def duty() -> AsyncIterator[Duty]:
    made = Duty()
    yield made
    FakeClock.newest = None
    for hub in made.hubs:
        await hub.stream.redis.aclose()


@pytest.fixture
def hub(duty: Duty) -> Hub:
    return duty.hub()


@pytest.fixture
def other_hub(duty: Duty) -> Hub:
    return duty.hub()
