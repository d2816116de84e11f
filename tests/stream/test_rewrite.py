"""What was wiped leaves the append-only files of all servers too; a store that refuses that is told of (P10)."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from dispatch.alarm.commands import Acknowledge, Actor, Close, Wipe
from dispatch.store.rewrite import Rewriting
from tests.nodes import Node, until
from tests.stores import Single, Stores, WithSentinels
from tests.stream.conftest import Hub, officer

EVERY_S = 600
WORDS = "门外有人".encode()


def rewriting(hub: Hub, name: str = "hub") -> Rewriting:
    return Rewriting(hub.redis, hub.stream.partitions, name, EVERY_S)


async def wipes(hub: Hub) -> None:
    alarm = await hub.raises()
    await hub.does(alarm, Acknowledge(by=officer("V01")), Close(by=officer("V01"), disposition="handled"))
    await hub.does(alarm, Wipe(by=Actor("S01", None, "supervisor"), reason="到期"))


def on_disk(node: Node) -> bool:
    """Whether the words are in a file of the server."""
    files = [path for path in Path(node.log.parent).rglob("*") if path.is_file()]
    assert any("appendonly" in path.name for path in files)
    return any(WORDS in path.read_bytes() for path in files)


def none_has(stores: Stores) -> Callable[[], Awaitable[bool]]:
    async def true() -> bool:
        return not any(on_disk(node) for node in stores.nodes)

    return true


async def written(hub: Hub) -> bool:
    wiped, done = await hub.redis.hmget(hub.keys.rewrite, "wiped", "written")
    return bool(wiped == done)


@pytest.mark.parametrize("made", [Single, pytest.param(WithSentinels, marks=pytest.mark.nightly)])
async def test_every_server_writes_its_file_anew(made: Callable[..., Stores]) -> None:
    """Called done only when the words are in no file of any server that is known; then not again for a while."""
    async with made(rdbcompression="no") as stores:
        hub = Hub(stores.url)
        try:
            one, other = rewriting(hub), rewriting(hub, "other")
            await wipes(hub)

            async def all_have() -> bool:
                return all(on_disk(node) for node in stores.nodes)

            await until(all_have, "the replicas have the words too")

            async def done() -> bool:
                for each in (one, other):
                    await each.step(hub.clock.now())
                return await written(hub)

            await until(done, "the files are written anew")
            await until(none_has(stores), "the old files are deleted")  # by a thread of the server, a moment later
            rewrites = [int((await node.info("persistence"))["aof_rewrites"]) for node in stores.nodes]
            await wipes(hub)
            for _ in range(3):
                await done()
            assert [int((await node.info("persistence"))["aof_rewrites"]) for node in stores.nodes] == rewrites
            await hub.clock.advance(EVERY_S + 1)
            await until(done, "the files are written anew")
            await until(none_has(stores), "the old files are deleted")
            assert one.notices == other.notices == []
        finally:
            await hub.closes()


async def test_a_store_that_refuses_is_told_of() -> None:
    """A rented store without the command: every hub's supervisors are told, until it is done by somebody."""
    async with Single(**{"rename-command": 'BGREWRITEAOF ""'}) as stores:
        hub = Hub(stores.url)
        try:
            one, other = rewriting(hub), rewriting(hub, "other")
            await one.step(hub.clock.now())
            assert one.notices == []
            await wipes(hub)
            for _ in range(2):
                await one.step(hub.clock.now())
                await other.step(hub.clock.now())
            assert [notice["code"] for notice in one.notices] == ["store_keeps_wiped"]
            assert other.notices == one.notices
            assert "unknown command" in one.notices[0]["why"]
            assert not await written(hub)
        finally:
            await hub.closes()


async def test_a_hub_that_died_while_it_waited() -> None:
    """A hub asked and died: after a while another asks again, and sees it to its end."""
    async with Single(rdbcompression="no") as stores:
        hub = Hub(stores.url)
        try:
            await wipes(hub)
            await rewriting(hub, "dead").step(hub.clock.now())
            other = rewriting(hub, "other")
            await other.step(hub.clock.now())
            await other.step(hub.clock.now())
            assert not await written(hub), "it is the other one's turn"
            await hub.clock.advance(601)

            async def done() -> bool:
                await other.step(hub.clock.now())
                return await written(hub)

            await until(done, "the file is written anew")
            await until(none_has(stores), "the old file is deleted")
        finally:
            await hub.closes()
