"""A copy that is ahead of its alarm is of a history that is no more: it does not stay on a station's pages (P2)."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

from dispatch.alarm.commands import Acknowledge, Close, Say
from dispatch.escalation.endings import Endings
from dispatch.store.embedded import EmbeddedStore
from dispatch.stream.alarms import Alarms
from dispatch.stream.epochs import Epochs, Witness
from dispatch.stream.leases import Leases
from dispatch.stream.orphans import Orphans
from dispatch.stream.relay import Relay
from dispatch.stream.stream import Stream
from tests.flow.clock import START
from tests.flow.town import Town
from tests.stream.conftest import HOME, Hub, due, officer, shut
from tests.stream.test_relay import OTHER, empty, home, shown

STATIONS = (HOME, OTHER)


async def looks(hub: Hub, later: float = 0) -> Callable[[], Awaitable[None]]:
    """One look at all copies (`later` days from now), with what a hub does when it finds that something went back."""
    epochs = Epochs(hub.stream, STATIONS, hub.clock, Witness(None))
    await epochs.open()
    orphans = Orphans(hub.alarms, Relay(hub.alarms, hub.work), STATIONS, epochs.went_back)
    return lambda: orphans.step(START + timedelta(days=later))


async def forgotten(hub: Hub, alarm: str) -> None:
    """The alarm's own partition went back to before it."""
    await hub.redis.delete(hub.keys.alarm(alarm), hub.keys.words(HOME, alarm))
    await hub.redis.srem(hub.keys.open(HOME), alarm)


async def test_a_copy_without_its_alarm(hub: Hub, other_hub: Hub) -> None:
    """It is taken back, words and all, and the station's pages get the state anew; two hubs say so once."""
    looks_here, looks_there = await looks(hub), await looks(other_hub)
    lost, kept = await hub.raises(OTHER), await hub.raises(OTHER)
    await empty(hub)
    await asyncio.gather(looks_here(), looks_there())
    before = await hub.redis.get(hub.keys.epoch)
    assert {alarm["id"] for alarm in await shown(hub, OTHER)} == {lost, kept}, "what follows its alarm stays"
    await forgotten(hub, lost)
    await asyncio.gather(looks_here(), looks_there())
    assert [alarm["id"] for alarm in await shown(hub, OTHER)] == [kept]
    assert await hub.redis.get(hub.keys.epoch) != before
    assert (await hub.kinds(OTHER)).count("store_restored") == 1
    assert [entry.members["changes"].get("text") for entry in await hub.stream.read(OTHER, 0, limit=2)] == [
        None, "门外有人",
    ]  # fmt: skip
    await looks_here()
    assert (await hub.kinds(OTHER)).count("store_restored") == 1


async def test_a_copy_that_is_ahead_of_its_alarm(hub: Hub) -> None:
    """The station gets the alarm as it is now, and what is done to it from then on."""
    looks_here = await looks(hub)
    alarm = await hub.raises(OTHER)
    row = await hub.redis.hgetall(hub.keys.alarm(alarm))
    await empty(hub)
    for words in ("一", "二"):
        await hub.does(alarm, Say(text=words, by=officer("V01")))
    await empty(hub)
    await hub.redis.hset(hub.keys.alarm(alarm), mapping=row)  # these two events were lost
    before = hub.stream.epoch(OTHER)
    await looks_here()
    assert await shown(hub, OTHER) == [await home(hub, alarm)]
    assert hub.stream.epoch(OTHER) == before, "nothing was taken back: pages need not begin anew"
    await hub.does(alarm, Say(text="三", by=officer("V01")))
    await empty(hub)
    assert await shown(hub, OTHER) == [await home(hub, alarm)]


async def test_a_copy_for_a_station_that_is_not_called_in_any_more(hub: Hub) -> None:
    """The citizen's device sent the alarm again, and this time the station was not called in: its copy goes."""
    looks_here = await looks(hub)
    alarm = await hub.raises()
    row = await hub.redis.hgetall(hub.keys.alarm(alarm))
    copy = {**row, b"v": b"7"}
    await hub.redis.hset(hub.keys.mirror(OTHER, alarm), mapping=copy)
    await hub.redis.sadd(hub.keys.mirrors(OTHER), alarm)
    await looks_here()
    assert await shown(hub, OTHER) == []
    assert [one["id"] for one in await shown(hub, HOME)] == [alarm]


async def closed_copy(hub: Hub) -> str:
    """An alarm that another station was called in to, closed there too."""
    alarm = await hub.raises(OTHER)
    await hub.does(alarm, Acknowledge(by=officer("V01")), Close(by=officer("V01"), disposition="handled", note=None))
    await empty(hub)
    assert await shown(hub, OTHER) == []
    return alarm


async def test_a_closed_copy_without_its_alarm(hub: Hub) -> None:
    """Its words end within a day, with the copy: nobody else would end them (P10). One whose alarm is there stays."""
    lost, kept = await closed_copy(hub), await closed_copy(hub)
    looks_here = await looks(hub, later=1)
    await forgotten(hub, lost)
    await (await looks(hub))()
    assert await hub.redis.exists(hub.keys.words(OTHER, lost)), "not before its time"
    await looks_here()
    assert not await hub.redis.exists(hub.keys.words(OTHER, lost), hub.keys.mirror(OTHER, lost))
    assert await hub.redis.exists(hub.keys.words(OTHER, kept)) == 1
    assert await hub.redis.zrange(hub.keys.copies, 0, -1) == [f"{OTHER}|{kept}".encode()]
    await (await looks(hub, later=1))()
    await hub.redis.delete(hub.keys.words(OTHER, kept))  # as its alarm's wipe leaves it
    await (await looks(hub, later=2.1))()
    assert await hub.redis.zcard(hub.keys.copies) == 0


async def test_a_closed_copy_that_nobody_noted(hub: Hub) -> None:
    """One that a version before this one closed is found by the round through the streams."""
    alarm = await closed_copy(hub)
    await hub.redis.delete(hub.keys.copies)
    await forgotten(hub, alarm)
    leases = Leases(hub.stream, "one", 3, hub.work)
    await leases.look(START)
    endings = Endings(hub.alarms, leases, hub.work, STATIONS)
    for _ in STATIONS:
        await endings.step(START)
    await (await looks(hub))()
    assert not await hub.redis.exists(hub.keys.words(OTHER, alarm))


async def test_on_several_servers_it_takes_longer_to_be_sure(hub: Hub) -> None:
    """A server that was replaced may answer for a while: a copy is not taken back before that is over."""
    hub.stream = Stream(hub.redis, 2, prefix=hub.prefix)
    hub.alarms = Alarms(hub.stream, hub.clock, due)
    stations = (HOME, next(name for name in ("xiaodong", "wanquan", "changan", "dongta")
                           if hub.stream.of(name).partition != hub.stream.of(HOME).partition))  # fmt: skip
    epochs = Epochs(hub.stream, stations, hub.clock, Witness(None))
    await epochs.open()
    orphans = Orphans(hub.alarms, Relay(hub.alarms, hub.work), stations, epochs.went_back)
    alarm = await hub.raises(stations[1])
    await empty(hub)
    await orphans.step(START)
    key = (await hub.stream.homes.keys(alarm)).alarm(alarm)
    row = await hub.redis.hgetall(key)
    for after_s, there in ((1, False), (19, False), (20, True), (30, False), (49, False)):
        await (hub.redis.hset(key, mapping=row) if there else hub.redis.delete(key))
        await orphans.step(START + timedelta(seconds=after_s))
        assert [one["id"] for one in await shown(hub, stations[1])] == [alarm], after_s
    await orphans.step(START + timedelta(seconds=50))
    assert await shown(hub, stations[1]) == []


async def test_called_in_again_though_a_copy_was_left(hub: Hub) -> None:
    """An alarm that is sent again reaches the station that still has a later copy of it, closed there or not."""
    alarm = await hub.raises(OTHER)
    key = hub.keys.mirror(OTHER, alarm)
    await hub.redis.hset(key, mapping={"v": "9", "s": await hub.redis.hget(hub.keys.alarm(alarm), "s")})
    await empty(hub)
    assert await shown(hub, OTHER) == [await home(hub, alarm)]
    assert await hub.kinds(OTHER) == ["alarm_shared"]


async def test_a_copy_under_way_while_the_store_goes_back(folder: Path, tmp_path: Path) -> None:
    """Read from the store before it was put back to an older copy, written into it afterwards: it does not stay."""
    store = EmbeddedStore(folder)
    await asyncio.to_thread(store.start)
    hub = Hub(store.url)
    epochs = Epochs(hub.stream, STATIONS, hub.clock, Witness(None))
    await epochs.open()
    shutil.copytree(folder, tmp_path / "copy", ignore=shutil.ignore_patterns("*.sock", "lock"))
    alarm = await hub.raises(OTHER)
    load = hub.alarms.load

    async def goes_back(name: str, whole: bool = False) -> object:
        """Between the reading of the alarm and the writing of its copy."""
        hub.alarms.load = load  # type: ignore[method-assign]
        loaded = await load(name, whole)
        await shut(store.url)
        await asyncio.to_thread(store.ended)
        shutil.rmtree(folder)
        shutil.copytree(tmp_path / "copy", folder)
        await asyncio.to_thread(store.start)
        return loaded

    hub.alarms.load = goes_back  # type: ignore[method-assign, assignment]
    relay = Relay(hub.alarms, hub.work)
    try:
        await relay.step()
        assert [one["id"] for one in await shown(hub, OTHER)] == [alarm], "it was written"
        await epochs.step(START)
        await Orphans(hub.alarms, relay, STATIONS, epochs.went_back).step(START)
        assert await shown(hub, OTHER) == []
        assert await hub.alarms.load(alarm) is None
    finally:
        await hub.closes()
        await shut(store.url)
        await asyncio.to_thread(store.ended)


async def test_the_pages_of_the_station(town: Town) -> None:
    """An officer of the called-in station sees such a copy go within a second, and nothing else."""
    theirs = await town.officer("X01", OTHER)
    stream = town.dispatch.stream
    alarm = await town.citizen().raises()
    await town.fast_forward(30)
    await theirs.has(alarm)
    keys = stream.keys
    copy = await stream.redis.hgetall(keys.mirror(OTHER, alarm))
    ghost = alarm.replace(alarm[:8], "00000000")
    await stream.redis.hset(keys.mirror(OTHER, ghost), mapping=copy)
    await stream.redis.sadd(keys.mirrors(OTHER), ghost)
    town.stops_watching(theirs)
    await town.clock.advance(1)
    assert await theirs.is_closed_with() == 4409
    theirs.alarms.clear()
    await theirs.opens_console()
    await theirs.has(alarm)
    assert list(theirs.alarms) == [alarm]
