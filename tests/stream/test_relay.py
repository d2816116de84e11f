"""What happens to an alarm is copied to every station that was called in to it: once, in order, without a hole."""

import asyncio
from typing import Any

import orjson
import pytest

from dispatch.alarm import errors
from dispatch.alarm.commands import Acknowledge, AddNote, Close, Say
from dispatch.alarm.errors import Refused
from dispatch.alarm.state import to_members
from dispatch.alarmlog.chain import verify
from dispatch.stream import beside
from dispatch.stream.record import Entry
from dispatch.stream.relay import Relay
from tests.stream.conftest import HOME, Hub, officer

OTHER = "xiaodong"


async def empty(*hubs: Hub) -> None:
    """Let each hub step until its outbox is empty, all at once."""

    async def all_of(relay: Relay) -> None:
        while await relay.step():
            pass

    await asyncio.gather(*(all_of(Relay(hub.alarms, hub.work)) for hub in hubs))


async def shown(hub: Hub, station: str) -> list[dict[str, Any]]:
    """The alarms of the station's snapshot."""
    return [orjson.loads(alarm) for alarm in (await hub.stream.snapshot(station))[-1]]


async def home(hub: Hub, alarm: str) -> dict[str, Any]:
    """The alarm as its own station has it."""
    return dict(orjson.loads(orjson.dumps(beside.shown(to_members(await hub.alarm(alarm))))))


async def test_the_first_copy_brings_the_whole_alarm(hub: Hub) -> None:
    """A station that is called in hears of the alarm by one event with everything that is known, words included."""
    alarm = await hub.raises(OTHER)
    await empty(hub)
    [entry] = await hub.stream.read(OTHER, 0)
    assert entry.members["event"] == {"type": "alarm_shared", "home": HOME}
    assert entry.members["changes"] == await home(hub, alarm)
    assert entry.members["changes"]["text"] == "门外有人"


async def test_copied_once_though_two_hubs_step(hub: Hub, other_hub: Hub) -> None:
    """Two hubs empty the same outbox at the same time: each event is copied once, and the copies are equal."""
    alarms = [await hub.raises(OTHER) for _ in range(10)]
    for alarm in alarms:
        await hub.does(alarm, Acknowledge(by=officer("V01")))
        await hub.does(alarm, Say(text="到了", by=officer("V01")))
    await empty(hub, other_hub, hub, other_hub)
    entries = await hub.stream.read(OTHER, 0)
    for alarm in alarms:
        versions = [entry.members["version"] for entry in entries if entry.members["alarm"] == alarm]
        assert versions == sorted(set(versions))
        assert versions[-1] == (await hub.alarm(alarm)).version
    assert sorted(a["id"] for a in await shown(hub, OTHER)) == sorted(alarms)
    for copy in await shown(hub, OTHER):
        assert copy == await home(hub, copy["id"])
    assert (await verify(hub.stream, OTHER)).ok
    assert await hub.redis.llen(hub.keys.outbox) == 0


async def test_later_events_are_copied_as_they_are(hub: Hub) -> None:
    """After the whole alarm each event comes by itself, with its own time, and leads to the same alarm."""
    alarm = await hub.raises(OTHER)
    await empty(hub)
    await hub.clock.advance(5)
    at = hub.clock.now()
    await hub.does(alarm, Acknowledge(by=officer("V01")))
    await hub.clock.advance(5)
    await empty(hub)
    assert await hub.kinds(OTHER) == ["alarm_shared", "alarm_acknowledged"]
    last = (await hub.stream.read(OTHER, 1))[0].members
    assert last["at"] == f"{at:%Y-%m-%dT%H:%M:%S}.000Z"
    assert await shown(hub, OTHER) == [await home(hub, alarm)]


async def test_a_copy_that_was_made_before_a_crash_is_not_made_again(hub: Hub) -> None:
    """A hub that dies after copying and before taking the entry out: the next one finds it done."""
    alarm = await hub.raises(OTHER)
    entry = await hub.redis.lindex(hub.keys.outbox, 0)
    await empty(hub)
    await hub.redis.lpush(hub.keys.outbox, entry)
    await empty(hub)
    assert await hub.kinds(OTHER) == ["alarm_shared"]
    assert await shown(hub, OTHER) == [await home(hub, alarm)]


async def test_an_entry_stays_until_its_copy_is_there(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store answers no more in the midst of a copy: nothing is forgotten, and the next hub makes it."""

    async def away(*_: Any, **__: Any) -> list[Entry]:
        raise Refused(errors.NOT_STORED, "the store does not answer")

    alarm = await hub.raises(OTHER)
    with monkeypatch.context() as broken:
        broken.setattr(hub.stream, "read", away)
        with pytest.raises(Refused):
            await empty(hub)
    assert await shown(hub, OTHER) == []
    await empty(hub)
    assert await shown(hub, OTHER) == [await home(hub, alarm)]


async def test_a_gap_is_repaired(hub: Hub) -> None:
    """An entry that was lost is noticed at the next one: the whole alarm is sent again, and nothing is missing."""
    alarm = await hub.raises(OTHER)
    await empty(hub)
    await hub.does(alarm, AddNote(by=officer("V01"), text="一"))
    await hub.redis.delete(hub.keys.outbox)
    await hub.does(alarm, AddNote(by=officer("V01"), text="二"))
    await empty(hub)
    assert await hub.kinds(OTHER) == ["alarm_shared", "alarm_shared"]
    [copy] = await shown(hub, OTHER)
    assert copy == await home(hub, alarm)
    assert [note["text"] for note in copy["notes"].values()] == ["一", "二"]


async def test_a_wiped_event_is_copied_as_the_alarm_is_now(hub: Hub) -> None:
    """Words that were wiped before the copy was made do not stop the outbox."""
    alarm = await hub.raises(OTHER)
    await empty(hub)
    said = await hub.does(alarm, Say(text="我在三楼"))
    await hub.redis.hdel(hub.keys.words(HOME, alarm), str(said.alarm.version))
    await empty(hub)
    assert await hub.redis.llen(hub.keys.outbox) == 0
    assert [copy["version"] for copy in await shown(hub, OTHER)] == [said.alarm.version]


async def test_a_closed_alarm_leaves_the_other_stations_list(hub: Hub) -> None:
    """Closing reaches the stations that were called in."""
    alarm = await hub.raises(OTHER)
    await hub.does(alarm, Acknowledge(by=officer("V01")))
    await hub.does(alarm, Close(by=officer("V01"), disposition="handled"))
    await empty(hub)
    assert await shown(hub, OTHER) == []
    assert (await hub.stream.read(OTHER, 0))[-1].members["changes"].get("status") == "closed"


async def test_only_those_called_in_hear_of_it(hub: Hub) -> None:
    """An alarm that calls nobody in leaves the outbox empty."""
    await hub.raises()
    assert not await Relay(hub.alarms, hub.work).step()
    assert await hub.kinds(OTHER) == []
