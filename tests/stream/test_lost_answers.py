"""A command to the store whose answer is lost is sent again, and has its effect once (P6)."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from dispatch import resources
from dispatch.duty.readiness import Console, Readiness
from dispatch.duty.roster import Roster
from dispatch.settings import load
from dispatch.store.checks import connect
from dispatch.stream.stream import Stream
from tests import shared
from tests.flow.clock import FakeClock
from tests.stream.conftest import HOME
from tests.stream.forgetful import Forgetful

MOST = 6
"""More questions than any of these acts asks."""


class Duty:
    """One hub's duty stage behind a line that loses answers."""

    def __init__(self, line: Forgetful) -> None:
        clock = FakeClock()
        work = clock.work()
        self.line = line
        self.redis = connect(line.url, timeout_s=5)
        self.stream = Stream(self.redis, prefix=shared.prefix())
        self.readiness = Readiness(self.stream, clock, 15)
        self.roster = Roster(self.stream, work, load(resources.demo_config(), {}).rotas, self.readiness)
        self.lost: list[str] = []
        self.readiness.on_lost.append(self._note)

    async def _note(self, station: str) -> None:
        self.lost.append(station)

    async def kinds(self) -> list[str]:
        return [entry.members["event"]["type"] for entry in await self.stream.read(HOME, 0)]


CONSOLE = Console("V01", "officer", "c1")
ACTS: dict[str, tuple[Callable[[Duty], Awaitable[object]], str]] = {
    "comes": (lambda duty: duty.readiness.renew(HOME, CONSOLE), "console_ready"),
    "goes": (lambda duty: duty.readiness.drop(HOME, CONSOLE, "closed"), "console_lost"),
    "signs on": (lambda duty: duty.roster.sign(HOME, "V09", on=True), "duty_signed"),
    "hands over": (lambda duty: duty.roster.step(duty.readiness._clock.now()), "duty_changed"),
}


@pytest.fixture
async def duty() -> AsyncIterator[Duty]:
    async with Forgetful(str(shared.store().socket)) as line:
        made = Duty(line)
        other = Console("V02", "officer", "c2")
        await made.readiness.renew(HOME, other)  # scripts and connections are there
        await made.readiness.drop(HOME, other, "closed")
        made.lost.clear()
        yield made
        await made.redis.aclose()


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("nth", range(1, MOST + 1))
async def test_an_event_of_the_station_stands_once(duty: Duty, act: str, nth: int) -> None:
    """Whichever answer is lost, what happened at a station is in its log, once, and whoever must know is told."""
    does, kind = ACTS[act]
    if act == "goes":
        await duty.readiness.renew(HOME, CONSOLE)
    before = (await duty.kinds()).count(kind)
    duty.line.loses(nth)
    await does(duty)
    duty.line.loses(0)
    assert (await duty.kinds()).count(kind) == before + 1
    assert duty.lost == ([HOME] if act == "goes" else [])
    assert duty.line.lost <= 1


async def test_the_line_loses_answers(duty: Duty) -> None:
    """Else the tests above would prove nothing."""
    duty.line.loses(1)
    await duty.readiness.renew(HOME, CONSOLE)
    assert duty.line.lost == 1
