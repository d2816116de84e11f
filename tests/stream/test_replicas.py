"""A receipt is given when the configured replicas have it too, and not before (P1)."""

import asyncio
import signal
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from dispatch.alarm import errors
from dispatch.alarm.errors import Refused
from dispatch.store.replicas import Link, Replicas, Was
from dispatch.stream.alarms import Alarms
from dispatch.stream.stream import Stream
from tests import shared
from tests.patience import PATIENCE_S
from tests.stores import Replicated
from tests.stream.conftest import HOME, Hub, due, raising

pytestmark = pytest.mark.asyncio(loop_scope="module")
ALARM = "3f2c9a6e-0000-4000-8000-0000000000aa"


class Careful(Hub):
    """A hub that waits for `count` replicas."""

    def __init__(self, url: str, count: int, wait_ms: int = 300) -> None:
        super().__init__(url, prefix=shared.prefix())
        self.replicas = Replicas(self.redis, count, "disk", wait_ms)
        self.stream = Stream(self.redis, 1, self.replicas, self.prefix)
        self.alarms = Alarms(self.stream, self.clock, due)

    async def raises_it(self) -> int:
        """The version at which the receipt was given."""
        outcome = await self.alarms.handle(ALARM, *raising(), secret_hash="s")
        return outcome.alarm.version

    async def closes(self) -> None:
        await self.replicas.aclose()
        await super().closes()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def store() -> AsyncIterator[Replicated]:
    """For all tests here; a primary that is killed is the last one's own."""
    async with Replicated() as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def hub(store: Replicated) -> AsyncIterator[Careful]:
    made = Careful(store.url, 1)
    yield made
    await made.closes()


async def test_a_replica_that_does_not_answer_withholds_the_receipt(store: Replicated, hub: Careful) -> None:
    """The alarm is there and its officers hear of it; the citizen is told `not_stored`, at each retry, until it is."""
    replica = store.nodes[1]
    store.pause(replica)
    for _ in range(3):
        with pytest.raises(Refused) as refused:
            await hub.raises_it()
        assert refused.value.error is errors.NOT_STORED
    assert await hub.kinds() == ["alarm_raised", "step_run"]
    store.resume(replica)
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                assert await hub.raises_it() == 2
                break
            except Refused:
                continue
    assert await hub.kinds() == ["alarm_raised", "step_run"]
    assert await replica.ask("HGET", hub.keys.alarm(ALARM), "v") == "2"


async def test_more_replicas_than_there_are(store: Replicated) -> None:
    """Two are asked for and one is there: nothing is called stored."""
    hub = Careful(store.url, 2, wait_ms=50)
    with pytest.raises(Refused):
        await hub.raises_it()
    await hub.closes()


async def test_what_was_not_waited_for_can_be_lost() -> None:
    """The boundary: with `replicas = 0` a receipted alarm is gone when a replica that lacks it takes over.

    With `replicas = 1` there is no such receipt: what is answered is on the replica.
    """
    async with Replicated() as store:
        hub = Careful(store.url, 1)
        hasty = Hub(store.url, prefix=hub.prefix)
        kept = await hub.raises_it()
        assert kept == 2
        replica = store.nodes[1]
        store.pause(replica)
        await store.nodes[0].ask("CLIENT", "KILL", "TYPE", "replica")  # what was sent on would be read when it wakes
        lost = await hasty.raises()  # receipted without waiting
        with pytest.raises(Refused):
            await hub.alarms.handle(ALARM, *raising()[1:], secret_hash="s", key="again")
        await store.kill(store.nodes[0])
        replica.send(signal.SIGCONT)
        await replica.ask("REPLICAOF", "NO", "ONE")
        after = Hub(f"redis://{replica.address}", prefix=hub.prefix)
        assert await after.alarms.load(lost) is None
        assert (await after.alarm(ALARM)).version == 2
        assert await after.kinds(HOME) == ["alarm_raised", "step_run"]
        for each in (hub, hasty, after):
            await each.closes()


async def test_a_server_that_took_over_without_it_confirms_nothing(store: Replicated, hub: Careful) -> None:
    """The question goes to a server that lacks the write: it is not confirmed though replicas would say yes."""
    await hub.raises_it()
    await hub.redis.hset(hub.keys.alarm(ALARM), "v", 7)
    loaded = await hub.alarms.load(ALARM)
    assert loaded is not None
    assert not await hub.stream.confirm(HOME, ALARM, loaded.alarm.version, loaded.snapshot)
    await hub.redis.hset(hub.keys.alarm(ALARM), "v", loaded.alarm.version)
    assert await hub.stream.confirm(HOME, ALARM, loaded.alarm.version, loaded.snapshot)
    assert not await hub.stream.confirm(HOME, ALARM, loaded.alarm.version, b"another snapshot")


async def test_a_server_with_another_history_confirms_nothing(store: Replicated, hub: Careful) -> None:
    """Something stands where the write should be, and is not the write: neither an event nor a chunk is confirmed."""
    await hub.raises_it()
    offset, link = await hub.stream.end(HOME)
    stream, done = hub.keys.stream(HOME), hub.keys.done(ALARM)
    await hub.redis.hset(done, "key", "what was asked 2")
    for written in (Link(stream, offset, link), Was(done, "key", "what was asked 2")):
        await hub.stream.confirmed(hub.keys, written)
    for other in (Link(stream, offset, "0" * 40), Link(stream, offset + 1, link), Was(done, "key", "something else 2")):
        with pytest.raises(Refused) as refused:
            await hub.stream.confirmed(hub.keys, other)
        assert refused.value.error is errors.NOT_STORED


async def test_many_wait_together(store: Replicated, hub: Careful) -> None:
    """A hundred alarms at once are all confirmed, and each is on the replica."""
    alarms = await asyncio.gather(*(hub.raises() for _ in range(100)))
    for alarm in alarms:
        assert await store.nodes[1].ask("HGET", hub.keys.alarm(alarm), "v") == "2"
