"""What a citizen adds is read by a person, the hub keeps up to where, and the citizen is told (P9, P12)."""

import uuid

import pytest

from tests.flow.people import Answered
from tests.flow.town import Town


async def test_up_to_where_it_was_read(town: Town) -> None:
    """Each officer's by itself; never beyond what there is, never back; the citizen sees that a person has read it."""
    first, second = await town.officer("V01"), await town.officer("V02")
    town.stops_watching(first)
    town.stops_watching(second)
    citizen = town.citizen()
    alarm = await citizen.raises(text="门外有人")
    assert await added(town, alarm) is None
    await first.asks("ack", alarm=alarm)
    await citizen.does("say", ref=ref(), text="他走了")
    said = await added(town, alarm)
    assert said is not None
    assert "read" not in await citizen.sees()
    await first.asks("read", alarm=alarm, upto=said)
    assert (await citizen.sees())["read"] == said
    assert citizen_words(await citizen.sees(), said) == "他走了"

    before = (await first.asks("read", alarm=alarm, upto=said + 1000))["version"]
    assert (await first.asks("read", alarm=alarm, upto=1))["version"] == before
    await citizen.does("say", ref=ref(), text="又回来了")
    more = await added(town, alarm)
    assert more is not None
    assert more > said
    await second.asks("read", alarm=alarm, upto=more + 1000)
    loaded = await town.dispatch.alarms.load(alarm)
    assert loaded is not None
    assert loaded.alarm.read == {"V01": said, "V02": more}
    assert (await citizen.sees())["read"] == more


async def test_nobody_reads_for_others(town: Town) -> None:
    """Of an alarm that one may not see nothing can be read, and of what was added nothing is made up."""
    other, there = await town.officer("V31", "wanquan"), await town.officer("V01")
    for officer in (other, there):
        town.stops_watching(officer)
    alarm = await town.citizen().raises(text="门外有人")
    with pytest.raises(Answered, match="not_found"):
        await other.asks("read", alarm=alarm, upto=5)


async def added(town: Town, alarm: str) -> int | None:
    """The last version at which the citizen added something."""
    loaded = await town.dispatch.alarms.load(alarm)
    assert loaded is not None
    return loaded.alarm.added


def ref() -> str:
    return str(uuid.uuid4())


def citizen_words(view: dict[str, object], n: int) -> str:
    """What the entry with this number says."""
    talk = view["talk"]
    assert isinstance(talk, list)
    [entry] = [entry for entry in talk if entry["n"] == n]
    return str(entry["text"])
