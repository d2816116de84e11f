"""The store's clock is set to anything while alarms wait: no second of theirs is counted twice or left out (P4)."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dispatch.alarm.clock import Ahead, StoreClock, to_ms
from dispatch.alarm.work import Work
from dispatch.store import checks as store
from dispatch.stream.stream import Stream
from dispatch.stream.timekeeping import Timekeeping
from tests.faults.faults.clocks import faked_binary, library, sets_clock
from tests.nightly import mostly_by_night
from tests.stores import VALKEY, Single

NEAR_S = 1.0
"""What a machine that is busy may need between two readings of a clock; far less than what is looked for."""
JUMPS_S = (-3600, 3600, 63_072_000, -63_072_000, 10, -10)
_TIME = "local t = redis.call('TIME') return t[1] * 1000 + math.floor(t[2] / 1000)"
pytestmark = pytest.mark.skipif(library() is None, reason="needs libfaketime")


class World:
    """True time, which passes as the test says; the machine's clock and the store's, each as wrong as the test says."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.passed_s = self.store_wrong_s = self.machine_wrong_s = 0.0
        self._folder = folder
        self._running, self._wall = time.clock_gettime_ns, time.time_ns
        monkeypatch.setattr(time, "clock_gettime_ns", lambda which: self._running(which) + int(self.passed_s * 1e9))
        monkeypatch.setattr(time, "time_ns", self._machine)
        self.binary = faked_binary(folder, VALKEY)
        self.redis: Any = None
        self._write()

    def _machine(self) -> int:
        return self._wall() + int((self.passed_s + self.machine_wrong_s) * 1e9)

    def now(self) -> datetime:
        """What time it truly is."""
        return datetime.fromtimestamp(self._wall() / 1e9 + self.passed_s, UTC)

    async def sets(self, seconds: float) -> None:
        """The store's clock is so wrong from now on."""
        self.store_wrong_s = seconds
        self._write()
        while abs(int(await self.redis.eval(_TIME, 0)) / 1000 - self.now().timestamp() - seconds) > NEAR_S / 4:
            await asyncio.sleep(0)  # it has not read it yet

    def _write(self) -> None:
        sets_clock(self._folder, f"{self.passed_s + self.store_wrong_s:+.3f}")

    async def runs(self, seconds: float, *hubs: "Hub", every_s: float = 600) -> None:
        """So much time passes; the hubs look now and then."""
        left = seconds
        while left > 0:
            self.passed_s += min(every_s, left)
            left -= every_s
            await self.sets(self.store_wrong_s)
            for hub in hubs:
                await hub.time.step(hub.clock.now())


class Hub:
    """The time of one hub."""

    def __init__(self, world: World, redis: Any) -> None:
        self._world = world
        self.clock = StoreClock()
        self.stream = Stream(redis)
        self.work = Work(self.clock)
        self.time = Timekeeping(self.stream, self.clock, ("dadongmen",), self.work)

    async def looks(self, times: int = 1) -> None:
        for _ in range(times):
            await self.time.step(self.clock.now())

    async def clock_waits(self) -> None:
        """Return when it has asked, and waits, or has its answer."""
        while self.work.busy:
            await asyncio.sleep(0)

    @property
    def off_s(self) -> float:
        """How far its time is from the truth."""
        return (self.clock.now() - self._world.now()).total_seconds()

    @property
    def told(self) -> dict[str, float]:
        """Code of each notice, and by how much."""
        return {notice["code"]: notice.get("by_s", 0) for notice in self.time.notices}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch)


@pytest.fixture
async def redis(world: World) -> AsyncIterator[Any]:
    async with Single(str(world.binary)) as single:
        client = world.redis = store.connect(single.url, "tests")
        yield client
        await client.aclose()


@pytest.fixture
async def hubs(world: World, redis: Any) -> list[Hub]:
    """Two hubs that run."""
    found = [Hub(world, redis), Hub(world, redis)]
    for hub in found:
        await hub.time.open(hub=True)
        await hub.looks(3)
    return found


@pytest.mark.parametrize("jump_s", mostly_by_night(JUMPS_S, by_day=[-3600, 63_072_000, 10]))
async def test_a_jump_moves_nobodys_time(world: World, redis: Any, hubs: list[Hub], jump_s: float) -> None:
    """Back or ahead, by seconds or years: every hub goes on, also one that starts then; supervisors are told."""
    await world.sets(jump_s)
    for hub in hubs:
        await hub.looks(2)
    late = Hub(world, redis)
    await late.time.open(hub=True)
    command = Hub(world, redis)
    await command.time.open(hub=False)
    for hub in (*hubs, late, command):
        assert abs(hub.off_s) < NEAR_S
    assert [round(hub.told["clock_held"]) for hub in (*hubs, late)] == [jump_s] * 3
    await world.sets(0)
    for hub in (*hubs, late):
        await hub.looks(2)
    for hub in (*hubs, late):
        assert abs(hub.off_s) < NEAR_S
        assert [*hub.told] == ["clock_jumped"], "it is right again, and was not for a while"
        assert round(hub.told["clock_jumped"]) == -jump_s


async def test_a_hub_that_is_a_moment_behind_tells_it_too(world: World, hubs: list[Hub]) -> None:
    """The jump was found by a hub whose time is ahead of this one's: its pages are told at once all the same."""
    finder, behind = hubs
    await world.sets(-3600)
    await finder.looks()
    await world.sets(0)
    await finder.looks()
    await behind.looks(2)
    behind.clock.follow(Ahead(-1_500_000_000, 0))
    assert [*behind.told] == ["clock_jumped"]


@pytest.mark.parametrize("jump_s", mostly_by_night([-3600, 3600, 63_072_000, 10], by_day=[-3600, 63_072_000]))
async def test_a_hub_that_starts_before_it_is_found(world: World, redis: Any, hubs: list[Hub], jump_s: float) -> None:
    """The clock has just jumped, and no hub has looked yet: who starts then takes nobody along."""
    await world.sets(jump_s)
    late = Hub(world, redis)
    starting = late.work.spawn(late.time.open(hub=True), "starts")
    await late.clock_waits()
    for hub in hubs:
        await hub.looks(2)
    await starting
    await late.looks(4)
    for hub in (*hubs, late):
        await hub.looks(2)
        assert abs(hub.off_s) < NEAR_S


@pytest.mark.parametrize("jump_s", [-63_072_000, 63_072_000])
async def test_it_is_right_again_while_it_is_found(
    world: World, hubs: list[Hub], jump_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock is set right just when a hub has written down that it is wrong: the hub does not follow it by years."""
    finder, other = hubs
    change = finder.time._change

    async def then_right(*args: Any, **named: Any) -> None:
        await change(*args, **named)
        monkeypatch.setattr(finder.time, "_change", change)
        await world.sets(0)

    monkeypatch.setattr(finder.time, "_change", then_right)
    await world.sets(jump_s)
    await finder.looks()
    assert abs(finder.off_s) < NEAR_S
    await finder.looks(2)
    await other.looks(2)
    assert [abs(hub.off_s) < NEAR_S for hub in hubs] == [True, True]


async def test_a_new_store_has_its_time_from_the_first_hub(world: World, redis: Any) -> None:
    """Its clock jumps before any hub has run for long: who starts then knows that it is years off."""
    first, late = Hub(world, redis), Hub(world, redis)
    await first.time.open(hub=True)
    await world.sets(63_072_000)
    await late.time.open(hub=True)
    world.passed_s += 120
    await world.sets(63_072_000)
    assert late.time.doubtful


async def test_nothing_that_cannot_be_undone_just_after_a_step(world: World, redis: Any, hubs: list[Hub]) -> None:
    """A hub that has just started, or whose time moved, waits a minute: by then a wrong time is found."""
    found = [hub.time.doubtful for hub in hubs]
    world.passed_s += 61
    await world.sets(0)
    found.append(hubs[0].time.doubtful)
    hubs[0].clock._zero_ns -= 5 * 10**9  # its running time did not run
    await hubs[1].looks()
    await hubs[0].looks()
    found.append(hubs[0].time.doubtful)
    assert found == [True, True, False, True]


@pytest.mark.parametrize("jump_s", JUMPS_S)
async def test_an_hour_of_agreement(world: World, hubs: list[Hub], jump_s: float) -> None:
    """A hub's own clock says the same as the store's for an hour, and no alarm is open: then it is taken over."""
    await world.sets(jump_s)
    world.machine_wrong_s = jump_s
    await world.runs(3500, *hubs)
    redis, keys = hubs[0].stream.redis, hubs[0].stream.keys
    await redis.zadd(keys.deadlines, {"an open alarm": to_ms(hubs[0].clock.now())})
    await redis.zadd(keys.lapses, {"dadongmen|V01|officer|1": to_ms(hubs[0].clock.now())})
    await world.runs(3600, *hubs)
    assert [abs(hub.off_s) < NEAR_S for hub in hubs] == [True, True], "not while an alarm is open"
    await redis.zrem(keys.deadlines, "an open alarm")
    await world.runs(3, *hubs, every_s=1)
    assert [abs(hub.off_s - jump_s) < NEAR_S for hub in hubs] == [True, True]
    assert [[*hub.told] for hub in hubs] in ([[], []], [["clock_jumped"]] * 2)
    assert await redis.exists(keys.lapses) == (jump_s > 0), "who was ready is not ready for an hour more"


async def test_without_agreement_nothing_is_taken_over(world: World, hubs: list[Hub]) -> None:
    """The machine's clock says that the store's is wrong: it is followed only when a person says so."""
    await world.sets(-3600)
    await world.runs(4 * 3600, *hubs)
    assert [abs(hub.off_s) < NEAR_S for hub in hubs] == [True, True]
    assert await hubs[1].time.accept() == 0
    await world.runs(3, *hubs, every_s=1)
    assert [abs(hub.off_s + 3600) < NEAR_S for hub in hubs] == [True, True]


async def test_it_went_back_while_no_hub_ran(world: World, redis: Any, hubs: list[Hub]) -> None:
    """A machine without a battery starts years ago: time goes on from where the last hub left it, and never back."""
    world.passed_s += 60
    await world.sets(-63_072_000)
    again = Hub(world, redis)
    await again.time.open(hub=True)
    assert -60 - NEAR_S < again.off_s < 0
    assert "clock_held" in again.told
    await world.sets(0)
    await again.looks(2)
    assert -60 - NEAR_S < again.off_s < NEAR_S


async def test_a_start_that_is_years_ahead(world: World, redis: Any, hubs: list[Hub]) -> None:
    """The store was off for years, or its clock is wrong: nothing that can't be undone is done before it is known."""
    await world.sets(63_072_000)
    again = Hub(world, redis)
    doubtful = []
    await again.time.open(hub=True)
    doubtful.append(again.time.doubtful)
    await world.runs(4000, again)  # the machine's own clock says something else
    doubtful.append(again.time.doubtful)
    world.machine_wrong_s = 63_072_000
    await world.runs(4200, again)
    doubtful.append(again.time.doubtful)
    assert doubtful == [True, True, False]


async def test_a_hub_that_was_away(world: World, hubs: list[Hub]) -> None:
    """A hub whose machine stood still for a minute is wrong, not the store: it follows, and holds nobody back."""
    frozen, other = hubs
    world.passed_s += 60
    await world.sets(0)
    await other.looks()
    frozen.clock._zero_ns -= 60 * 10**9  # its running time did not run
    assert round(frozen.off_s) == -60
    await frozen.looks()
    assert [abs(hub.off_s) < NEAR_S for hub in hubs] == [True, True]
    assert [hub.told for hub in hubs] == [{}, {}]


async def test_a_clock_that_drifts_is_followed(world: World, hubs: list[Hub]) -> None:
    """A store that is slewed, or whose clock goes a little wrong, is time: hubs agree with each other."""
    for n in range(20):
        world.passed_s += 1
        await world.sets(n * 0.1)
        for hub in hubs:
            await hub.looks()
    assert [abs(hub.off_s - 1.9) < NEAR_S for hub in hubs] == [True, True]
    assert [hub.told for hub in hubs] == [{}, {}]
