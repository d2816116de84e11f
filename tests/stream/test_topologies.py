"""Whatever the store is made of, an alarm is stored, rung, read and found again; also after its primary was killed."""

import asyncio
import uuid
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import replace

import pytest

from dispatch.alarm.commands import Raise
from dispatch.alarm.errors import Refused
from dispatch.alarmlog.chain import verify
from dispatch.store.checks import connect, dangers, memory
from dispatch.store.client import primary
from dispatch.store.replicas import Replicas
from dispatch.stream.alarms import Alarms
from dispatch.stream.doorbell import Doorbell, Ring
from dispatch.stream.epochs import Epochs, Witness
from dispatch.stream.homes import Claim
from dispatch.stream.stream import Stream
from tests.flow.clock import START, FakeClock
from tests.nodes import Node, until
from tests.patience import PATIENCE_S
from tests.stores import Clustered, Replicated, Single, Stores, WithSentinels
from tests.stream.conftest import HOME, due, raising

REDIS_7 = "redis-server"
STATIONS = (HOME, "xiaodong", "wanquan", "jinqiao")
MADE: dict[str, tuple[Callable[[], Stores], int]] = {
    "redis_7": (lambda: Single(REDIS_7), 0),
    "redis_7_replica": (lambda: Replicated(REDIS_7), 1),
    "sentinel": (WithSentinels, 1),
    "cluster": (Clustered, 1),
}


class Client:
    """A hub's view of a store in eight partitions."""

    def __init__(self, url: str, replicas: int) -> None:
        self.redis = connect(url)
        self.replicas = Replicas(self.redis, replicas, "disk", 500) if replicas else None
        self.stream = Stream(self.redis, 8, self.replicas)
        self.clock = FakeClock()
        self.alarms = Alarms(self.stream, self.clock, due)
        self.bell = Doorbell(self.stream, self.clock.work())
        self.rung: list[tuple[str, Ring | None]] = []
        self.bell.heard = lambda station, ring: self.rung.append((station, ring))

    async def raises(self, station: str, alarm: str | None = None) -> str:
        alarm = alarm or str(uuid.uuid4())
        command, step = raising()
        assert isinstance(command, Raise)
        claim = await self.stream.homes.claim(alarm, Claim(station, (), "in_area"))
        await self.alarms.handle(alarm, replace(command, station=claim.station), step, secret_hash="s")
        return alarm

    async def until_raised(self, station: str, alarm: str) -> str:
        """As a citizen's device: again, until there is a receipt."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    return await self.raises(station, alarm)
                except Refused:
                    await asyncio.sleep(0)

    async def until_rung(self, station: str, rings: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while self.rings(station) < rings:
                await asyncio.sleep(0)

    def rings(self, station: str) -> int:
        return len([ring for where, ring in self.rung if where == station and ring is not None])

    async def listens(self, station: str) -> None:
        """Wait until appends to `station` ring again: after a failover somewhere else."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                await self.clock.advance(1)  # it waits a little before it asks a lost store again
                try:
                    return await self.bell.listen(station)
                except Refused:
                    continue

    async def aclose(self) -> None:
        await self.bell.aclose()
        if self.replicas is not None:
            await self.replicas.aclose()
        await self.redis.aclose()


async def moved(store: Stores, client: Client, dead: Node) -> bool:
    return await store.primary(client.stream.of(HOME).mark) is not dead


@pytest.mark.parametrize(
    "kind", [each if each.startswith("redis") else pytest.param(each, marks=pytest.mark.nightly) for each in MADE]
)
async def test_any_store(kind: str) -> None:
    """Safe by its settings; what is receipted is there, rings and verifies; a killed primary loses none of it."""
    make, replicas = MADE[kind]
    async with (
        make() as store,
        aclosing(Client(store.url, replicas)) as client,
        aclosing(Client(store.url, 0)) as new,
    ):
        await client.stream.homes.open()
        assert await dangers(client.redis) == []
        assert (await memory(client.redis)).used > 0
        epochs = Epochs(client.stream, STATIONS, FakeClock(), Witness(None))
        await epochs.open()
        await asyncio.gather(*(client.bell.listen(station) for station in STATIONS))
        alarms = await asyncio.gather(*(client.until_raised(station, str(uuid.uuid4())) for station in STATIONS * 5))
        for station in STATIONS:
            await client.until_rung(station, 5)
            assert (await verify(client.stream, station)).events == 10
        if isinstance(store, WithSentinels | Clustered):
            dead = await store.kill_primary(client.stream.of(HOME).mark)
            if isinstance(store, Clustered):  # the shard's only other server takes over, and then needs a replica
                await until(lambda: moved(store, client, dead), "the replica was promoted")
                await store.restart(dead)
            late = str(uuid.uuid4())
            await client.until_raised(HOME, late)
            alarms.append(late)
        for alarm in alarms:
            found = await new.alarms.load(alarm)
            assert found is not None
            assert found.alarm.version == 2
        offsets = [await new.stream.offset(station) for station in STATIONS]
        assert sum(offsets) == 2 * len(alarms)
        for station in STATIONS:
            assert (await verify(new.stream, station)).ok
        await epochs.step(START)
        assert epochs.restored == {}
        await client.listens(HOME)
        heard = client.rings(HOME)
        await client.until_raised(HOME, str(uuid.uuid4()))
        await client.until_rung(HOME, heard + 1)


@pytest.mark.nightly
async def test_who_leaves_takes_no_connection_from_others() -> None:
    """A client made for one server is closed, and the connections by which all ask the Sentinels stay."""
    async with WithSentinels() as store:
        redis = connect(store.url, name="mine")
        await redis.ping()

        async def to_sentinels() -> set[str]:
            lists = [await sentinel.redis.client_list() for sentinel in store.sentinels]
            return {client["addr"] for clients in lists for client in clients if client["name"] == "mine"}

        async def all_gone() -> bool:
            return not await to_sentinels()

        before = await to_sentinels()
        own = await primary(redis, "alarm")
        await own.ping()
        await own.aclose()
        assert before
        assert before <= await to_sentinels()
        await redis.aclose()
        await until(all_gone, "nobody is connected any more")


@pytest.mark.nightly
async def test_no_sentinel_is_forgotten() -> None:
    """Many ask at once while the first Sentinel is gone; when it is the only one left it is asked again."""
    async with WithSentinels() as store:
        first, *others = store.sentinels
        first.kill()
        async with aclosing(connect(store.url)) as redis:
            await asyncio.gather(*(redis.ping() for _ in range(20)))
            await store.restart(first)
            await redis.connection_pool.disconnect()
            for sentinel in others:
                sentinel.kill()
            await until(redis.ping, "the first Sentinel names the primary")


@pytest.mark.nightly
@pytest.mark.parametrize("make", [WithSentinels, Clustered])
async def test_who_may_take_over_must_be_safe_too(make: Callable[[], Stores]) -> None:
    """A replica's unsafe setting is told while it is a replica, whichever it is; one that is dead hides nothing."""
    async with make() as store, aclosing(connect(store.url)) as redis:
        assert await dangers(redis) == []
        spare = [node for node in store.nodes if (await node.info("replication"))["role"] == "slave"]
        dead, unsafe = spare[0], spare[-1]
        await unsafe.ask("CONFIG", "SET", "appendfsync", "everysec")
        if dead is not unsafe:
            await store.kill(dead)
        assert [(danger.name, danger.value) for danger in await dangers(redis)] == [("appendfsync", "everysec")]


async def test_a_store_keeps_its_number_of_partitions() -> None:
    """Where an alarm is depends on it, so another number is refused with the one that is right."""
    async with Single() as store:
        redis = connect(store.url)
        await Stream(redis, 8).homes.open()
        await Stream(redis, 8).homes.open()
        with pytest.raises(Exception, match=r"store\.partitions = 4: this store was made with 8.*set it to 8"):
            await Stream(redis, 4).homes.open()
        await redis.aclose()


@pytest.mark.parametrize(
    ("url", "wrong"),
    [
        ("redis+sentinel://127.0.0.1:26379", "the name of the primary is missing"),
        ("redis+cluster://", "'' is no host"),
        ("redis+sentinel://127.0.0.1,/fujin", "'' is no host"),
    ],
)
async def test_an_address_that_is_none(url: str, wrong: str) -> None:
    """An address that lacks something is refused with what is missing."""
    with pytest.raises(ValueError, match=wrong):
        connect(url)
