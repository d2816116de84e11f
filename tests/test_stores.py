"""The stores that the tests run on are what they say they are."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.nodes import free_ports, until
from tests.stores import VALKEY, Clustered, Replicated, Single, Stores, WithSentinels

nightly = pytest.mark.nightly
KINDS = [Single, *(pytest.param(kind, marks=nightly) for kind in (Replicated, WithSentinels, Clustered))]
SERVERS = ["valkey", "redis"]


@pytest.fixture(params=SERVERS)
def binary(request: pytest.FixtureRequest, program: Callable[..., str]) -> str:
    """Both servers that Fujin is tested with."""
    return VALKEY if request.param == "valkey" else program("redis-server")


async def moved_on(stores: Stores, key: str, dead: object) -> None:
    """Wait until another node than `dead` takes writes of `key`."""

    async def is_another() -> bool:
        now = await stores.primary(key)
        return now is not dead and (await now.info("replication"))["role"] == "master"

    await until(is_another, "a replica is promoted")


def runs(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize("kind", KINDS)
async def test_it_is_ready_and_safe(kind: type[Stores], binary: str) -> None:
    """Once made, every node is on its disk, evicts nothing, and every replica has what the primary confirmed."""
    async with kind(binary) as stores:
        for node in stores.nodes:
            for name, value in (("appendonly", "yes"), ("appendfsync", "always"), ("maxmemory-policy", "noeviction")):
                assert await stores.cli(node, "CONFIG", "GET", name) == {name: value}
        primary = await stores.primary("alarm")
        replicas = (await primary.info("replication"))["connected_slaves"]
        await stores.cli(primary, "SET", "alarm", "1")
        assert await stores.cli(primary, "WAIT", replicas, 1000) == replicas
        assert replicas == {Single: 0, Replicated: 1, WithSentinels: 2, Clustered: 1}[kind]
        assert [name for name in stores.url.split(",") if "127.0.0.1:" not in name] == []


async def test_what_was_written_survives_a_kill(binary: str) -> None:
    """A killed server has after its restart what it had confirmed, at the same address."""
    async with Single(binary) as stores:
        node = await stores.primary()
        await stores.cli(node, "SET", "alarm", "1")
        url = stores.url
        await stores.kill_primary()
        assert not node.runs
        await stores.restart(node)
        assert await stores.cli(node, "GET", "alarm") == "1"
        assert stores.url == url


async def test_a_paused_server_is_silent_and_alive() -> None:
    """A paused server takes connections and says nothing; resumed, it answers."""
    async with Single() as stores:
        node = await stores.primary()
        stores.pause(node)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(node.answers(), 0.1)
        stores.resume(node)
        assert await node.answers()


async def test_a_setting_is_set_everywhere() -> None:
    """`set` reaches every node that holds data."""
    async with Replicated(replicas=2) as stores:
        await stores.set("maxmemory", "1000000")
        found = [await stores.cli(node, "CONFIG", "GET", "maxmemory") for node in stores.nodes]
        assert found == [{"maxmemory": "1000000"}] * 3


@nightly
async def test_sentinels_promote_a_replica(binary: str) -> None:
    """The primary dies, a replica has what it held and takes writes; come back, it follows the new one."""
    async with WithSentinels(binary) as stores:
        await stores.cli(await stores.primary(), "SET", "alarm", "1")
        await stores.cli(await stores.primary(), "WAIT", 2, 1000)
        dead = await stores.kill_primary()
        await moved_on(stores, "", dead)
        now = await stores.primary()
        assert await stores.cli(now, "GET", "alarm") == "1"
        await stores.restart(dead)

        async def follows() -> bool:
            seen = await dead.info("replication")
            return (seen["role"], seen.get("master_port")) == ("slave", now.port)

        await until(follows, "the old primary follows")


@nightly
async def test_a_cluster_promotes_a_replica_of_the_slot(binary: str) -> None:
    """The primary of a key's slot dies: its replica takes the slot, the other slots stay where they are."""
    async with Clustered(binary) as stores:
        owner, other = await stores.primary("alarm"), await stores.primary("station")
        assert owner is not other
        await stores.cli(owner, "SET", "alarm", "1")
        await stores.cli(owner, "WAIT", 1, 1000)
        assert await stores.kill_primary("alarm") is owner
        await moved_on(stores, "alarm", owner)
        assert await stores.cli(await stores.primary("alarm"), "GET", "alarm") == "1"
        assert await stores.primary("station") is other


@nightly
async def test_a_slot_moves_with_its_keys() -> None:
    """After a move the key is on the other primary, and the old one says so."""
    async with Clustered() as stores:
        old, new = await stores.primary("alarm"), await stores.primary("station")
        await stores.cli(old, "SET", "alarm", "1")
        await stores.moves("alarm", new)
        assert await stores.primary("alarm") is new
        assert await stores.cli(new, "GET", "alarm") == "1"


async def test_nothing_is_left() -> None:
    """At the end no process runs and no file is there, whatever state the nodes were in."""
    async with Replicated() as stores:
        pids = [node.pid for node in stores.nodes]
        folder = stores.nodes[0].log.parent.parent
        stores.pause(stores.nodes[1])
        await stores.kill_primary()
    assert not folder.exists()
    assert not any(map(runs, pids))


async def test_a_server_that_cannot_start_is_told() -> None:
    """A wrong option fails the test at once, and leaves nothing."""
    stores = Single(no_such_option="1")
    with pytest.raises(AssertionError, match="ended"):
        async with stores:
            pass
    assert not stores.nodes[0].log.parent.exists()


def test_a_port_stays_whose_it_is() -> None:
    """No other suite is given the port of a killed server: it comes back to its own address, and nobody else there."""
    [port] = free_ports(1)
    chance = f"import itertools, random; random.randrange = lambda *_, each=itertools.count({port}): next(each)"
    told = subprocess.run(
        [sys.executable, "-c", f"{chance}; from tests.nodes import free_ports; print(*free_ports(1))"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert int(told.stdout or 0) > port, told.stderr
