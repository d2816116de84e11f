"""One hub runs a partition's timers, another takes over when it dies, and one that wakes late can do nothing (P4)."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from dispatch.alarm.commands import RunStep
from dispatch.alarm.state import Alarm
from dispatch.store.checks import connect
from dispatch.stream.leases import Leases
from dispatch.stream.stream import Stream
from tests import shared
from tests.flow.clock import START, FakeClock
from tests.stream.conftest import HOME, Hub

LEASE_S = 1.5
LATER = START + timedelta(seconds=LEASE_S)


def held(leases: Leases) -> set[int]:
    return leases._held


@pytest.fixture
async def streams(prefix: str) -> AsyncIterator[list[Stream]]:
    """Two hubs' views of a store with eight partitions."""
    made = [Stream(connect(shared.store().url), 8, prefix=prefix) for _ in range(2)]
    yield made
    for stream in made:
        await stream.redis.aclose()


async def test_a_partition_has_one_holder(hub: Hub, other_hub: Hub) -> None:
    """Whoever comes first holds it while it renews; the other gets it when the lease has ended, with a new token."""
    one, two = Leases(hub.stream, "one", LEASE_S, hub.work), Leases(other_hub.stream, "two", LEASE_S, other_hub.work)
    (first,) = await one.look(START)
    assert await two.look(START) == []
    (kept,) = await one.look(START + timedelta(seconds=1))
    assert kept.token == first.token
    assert await two.look(LATER) == []
    (taken,) = await two.look(LATER + timedelta(seconds=1))
    assert int(taken.token) > int(first.token)
    assert await one.look(LATER + timedelta(seconds=1)) == []


async def test_a_hub_that_stops_gives_up_at_once(hub: Hub, other_hub: Hub) -> None:
    """Nobody waits for the lease of a hub that said goodbye."""
    one, two = Leases(hub.stream, "one", LEASE_S, hub.work), Leases(other_hub.stream, "two", LEASE_S, other_hub.work)
    assert await one.look(START)
    await one.release(START)
    assert await two.look(START)
    await one.release(START)  # what is another's stays another's
    assert await two.look(START)


async def test_partitions_are_shared_out(streams: list[Stream]) -> None:
    """Two hubs hold half each, though one was first; when one dies the other holds all of them 3 s later at most."""
    work = FakeClock().work()
    one, two = Leases(streams[0], "one", LEASE_S, work), Leases(streams[1], "two", LEASE_S, work)
    await one.look(START)
    assert len(held(one)) == 8
    now = START
    for _ in range(4):
        now += timedelta(seconds=0.5)
        await two.look(now)
        await one.look(now)
    assert (len(held(one)), len(held(two))) == (4, 4)
    assert held(one) | held(two) == set(range(8))
    for _ in range(6):
        now += timedelta(seconds=0.5)
        await two.look(now)
    assert held(two) == set(range(8))


async def test_what_does_not_divide_is_held_too(streams: list[Stream], prefix: str) -> None:
    """Two hubs and an odd number of partitions: once they are shared out, each has a holder at every look (P4)."""
    work = FakeClock().work()
    one, two = (
        Leases(Stream(stream.redis, 7, prefix=prefix), name, LEASE_S, work)
        for stream, name in zip(streams, ("one", "two"), strict=True)
    )
    now = START
    for look in range(16):
        await one.look(now)
        await two.look(now)
        assert look < 6 or held(one) | held(two) == set(range(7))
        now += timedelta(seconds=0.5)
    assert {len(held(one)), len(held(two))} == {3, 4}


async def test_a_hub_that_was_frozen_cannot_act(hub: Hub, other_hub: Hub) -> None:
    """It wakes with its old token after another hub took over: the step that it decided on is refused by the store."""
    alarm = await hub.raises()
    (old,) = await Leases(hub.stream, "one", LEASE_S, hub.work).look(START)
    (new,) = await Leases(other_hub.stream, "two", LEASE_S, other_hub.work).look(LATER)
    before = await hub.alarm(alarm)
    refused = await hub.alarms.handle(alarm, step(before, 1), fence=old.token)
    assert (refused.events, (await hub.alarm(alarm)).version) == ((), before.version)
    done = await hub.alarms.handle(alarm, step(before, 1), fence=new.token)
    assert len(done.events) == 1
    assert (await hub.kinds(HOME))[-1] == "step_run"


def step(alarm: Alarm, number: int) -> RunStep:
    return RunStep(cycle=alarm.cycle, step=number, loop=0, audience=("station",), called=("V01",), reached=("V01",),
                   why="due", stations=())  # fmt: skip
