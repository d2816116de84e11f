"""Who uses the built-in store: it lives as long as anybody does, comes back when it dies, and is ended by the last."""

import asyncio
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from dispatch.store.embedded import EmbeddedStore, StoreUnavailable
from tests.patience import PATIENCE_S
from tests.stream.conftest import Hub, shut
from tests.stream.test_embedded import end, said, servers, start_elsewhere


@pytest.fixture
def stores(folder: Path) -> Iterator[list[EmbeddedStore]]:
    """Three users of one folder that use nothing yet; nothing runs in it after the test."""
    made = [EmbeddedStore(folder) for _ in range(3)]
    yield made
    for process in servers(folder):
        os.kill(process, signal.SIGKILL)
    for store in made:
        store.ended()


def kill(folder: Path) -> None:
    """The server dies, and is gone."""
    (process,) = servers(folder)
    os.kill(process, signal.SIGKILL)


async def test_the_last_user_ends_it(stores: list[EmbeddedStore], folder: Path) -> None:
    """Whoever started it: it runs until nobody uses it, and has ended when the last one has left."""
    for store in stores:
        await asyncio.to_thread(store.start)
    assert [store.found for store in stores] == [False, True, True]
    running = servers(folder)
    assert [await asyncio.to_thread(store.leave) for store in stores[:2]] == [True, True]
    assert servers(folder) == running
    assert await asyncio.to_thread(stores[2].leave)
    assert servers(folder) == []


async def test_leaving_at_the_same_instant(stores: list[EmbeddedStore], folder: Path) -> None:
    """Of several that leave at once exactly one ends it, never none and never while another still starts."""
    for _ in range(5):
        for store in stores:
            await asyncio.to_thread(store.start)
        assert await asyncio.gather(*(asyncio.to_thread(store.leave) for store in stores)) == [True] * 3
        assert servers(folder) == []


@pytest.mark.parametrize("times", [5, pytest.param(30, marks=pytest.mark.nightly)])
async def test_a_start_in_the_instant_in_which_it_is_ended(stores: list[EmbeddedStore], times: int) -> None:
    """One starts while another leaves, again and again: afterwards a server answers, and stays."""
    leaving, starting, _ = stores
    await asyncio.to_thread(leaving.start)
    for _ in range(times):
        await asyncio.gather(asyncio.to_thread(leaving.leave), asyncio.to_thread(starting.start))
        hub = Hub(starting.url)
        assert await hub.redis.ping()
        await hub.closes()
        leaving, starting = starting, leaving
    await asyncio.to_thread(leaving.leave)


@pytest.mark.usefixtures("stores")
async def test_a_killed_user_does_not_count(folder: Path) -> None:
    """A process that used the store and was killed keeps nobody from ending it."""
    killed = start_elsewhere(folder)
    assert said(killed) == "started"
    end(killed)
    store = EmbeddedStore(folder)
    await asyncio.to_thread(store.start)
    assert store.found
    assert await asyncio.to_thread(store.leave)
    assert servers(folder) == []


async def test_it_comes_back(stores: list[EmbeddedStore], folder: Path) -> None:
    """Its process is killed: of all its users one starts it again, and what it confirmed is there."""
    for store in stores:
        await asyncio.to_thread(store.start)
    hub = Hub(stores[0].url)
    alarm = await hub.raises()
    assert [store.revive() for store in stores] == [False] * 3, "it lives"
    kill(folder)
    revived: list[bool] = []
    while not any(revived):  # its end may take a moment
        revived = await asyncio.gather(*(asyncio.to_thread(store.revive) for store in stores))
    assert revived.count(True) == 1
    await asyncio.to_thread(EmbeddedStore(folder).start)  # until it answers
    assert (await hub.alarm(alarm)).text == "门外有人"
    await hub.closes()


async def test_who_left_starts_nothing(stores: list[EmbeddedStore], folder: Path) -> None:
    """A user that has left, or never came, does not start a server."""
    await asyncio.to_thread(stores[0].start)
    await asyncio.to_thread(stores[0].leave)
    assert [store.revive() for store in stores] == [False] * 3
    assert servers(folder) == []
    assert await asyncio.to_thread(stores[0].leave), "leaving twice is leaving"


async def test_a_stuck_store_does_not_hold_who_leaves(stores: list[EmbeddedStore], folder: Path) -> None:
    """A server that does not answer is left alone; it ends when it wakes, for nobody uses it."""
    await asyncio.to_thread(stores[0].start)
    (process,) = servers(folder)
    os.kill(process, signal.SIGSTOP)
    assert not await asyncio.to_thread(stores[0].leave, 0.2)
    os.kill(process, signal.SIGCONT)
    await asyncio.to_thread(stores[0].ended)
    assert servers(folder) == []


def test_a_start_that_is_given_up(stores: list[EmbeddedStore], folder: Path) -> None:
    """Told to stop while the server does not answer yet, it ends at once; who gives up leaves no server behind."""
    stores[0].start()
    (process,) = servers(folder)
    os.kill(process, signal.SIGSTOP)
    faults: list[Exception] = []

    def start() -> None:
        try:
            stores[1].start()
        except StoreUnavailable as fault:
            faults.append(fault)

    waiting = threading.Thread(target=start)
    waiting.start()
    stores[1].give_up()
    waiting.join(timeout=PATIENCE_S)
    assert [str(fault) for fault in faults] == ["told to stop before the built-in store answered"]
    os.kill(process, signal.SIGCONT)
    assert stores[1].leave()
    assert servers(folder) == [process], "another uses it"
    asyncio.run(shut(stores[0].url))
