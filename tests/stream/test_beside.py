"""An event costs what it is, not what its alarm has become: what was said stands beside the alarm (P8)."""

from typing import Any

import orjson
import pytest

from dispatch.alarm.commands import Acknowledge, Actor, AddNote, Answer, Ask, Close, Heard, ReportPosition, Say, Wipe
from dispatch.alarm.state import to_members
from dispatch.stream import beside
from tests.stream.conftest import HOME, Hub

LONG = "救" * 4000
MANY = 100
HERE = {"lat": 41.8, "lon": 123.4}
V01, S01 = Actor("V01", HOME), Actor("S01", HOME, "supervisor")
OTHER = "xiaodong"


async def stored(hub: Hub, alarm: str) -> bytes:
    """What each append writes anew."""
    found: bytes = await hub.stream.redis.hget(hub.stream.keys.alarm(alarm), "s")
    return found


async def shown(hub: Hub, station: str = HOME) -> dict[str, Any]:
    """The one alarm of the station, as a console that comes gets it."""
    [alarm] = map(orjson.loads, (await hub.stream.snapshot(station))[-1])
    return dict(alarm)


async def test_what_is_written_does_not_grow_with_what_was_said(hub: Hub) -> None:
    """After 100 long texts and notes a position writes no more than after none; and all that was said is there."""
    alarm, short = await hub.raises(), await hub.raises()
    for n in range(MANY):
        await hub.does(alarm, Say(text=f"{n}{LONG}"))
        await hub.does(alarm, AddNote(by=V01, text=LONG))
    for each in (alarm, short):
        await hub.does(each, ReportPosition(position=HERE, track=100))
    assert len(await stored(hub, alarm)) < 1.2 * len(await stored(hub, short))
    whole = await hub.alarms.load(alarm, whole=True)
    assert whole is not None
    assert [entry["text"] for entry in whole.alarm.talk.values()] == [f"{n}{LONG}" for n in range(MANY)]
    assert len(whole.alarm.notes) == MANY


async def test_rules_need_no_words(hub: Hub) -> None:
    """A question is answered once, and what was heard counts, though nobody read the talk for it."""
    alarm = await hub.raises()
    await hub.does(alarm, Say(text="到了", by=V01))
    asked = await hub.does(alarm, Ask(by=V01, text="你在里面吗", choices=("在", "不在")))
    question = str(asked.alarm.question)
    await hub.does(alarm, Heard(upto=asked.alarm.version, seen=True))
    assert (await hub.does(alarm, Answer(question=question, answer="在"))).events
    assert not (await hub.does(alarm, Answer(question=question, answer="不在"))).events
    assert not (await hub.does(alarm, Heard(upto=99, seen=True))).events
    kept = await hub.alarms.load(alarm)
    assert kept is not None
    assert kept.alarm.talk == {}
    assert kept.alarm.tally == {"said": 1, "bytes": 3, "officers": [3, 4], "asked": {"4": True}}


async def test_nobody_is_told_the_tally(hub: Hub) -> None:
    """It is the hubs' alone: neither a snapshot nor a change has it."""
    alarm = await hub.raises(OTHER)
    await hub.does(alarm, Say(text="一"))
    assert "tally" not in await shown(hub)
    assert all("tally" not in entry.members["changes"] for entry in await hub.stream.read(HOME, 0))


@pytest.mark.parametrize("closes", [False, True], ids=["opens again", "wiped"])
async def test_consoles_are_told_all_of_it(hub: Hub, closes: bool) -> None:
    """Who comes later has the same as who heard every event; of a wiped alarm, who spoke and when."""
    alarm = await hub.raises()
    await hub.does(alarm, Say(text="一"))
    await hub.does(alarm, AddNote(by=V01, text="二"))
    await hub.does(alarm, Acknowledge(by=V01), Close(by=V01, disposition="false_alarm"))
    if closes:
        await hub.does(alarm, Wipe(by=S01, reason="删除"))
    await hub.does(alarm, Say(text="三"))
    told = await shown(hub)
    texts = [entry.get("text") for entry in told["talk"].values()]
    assert texts == ([None, "三"] if closes else ["一", "三"])
    assert [entry.get("text") for entry in told["notes"].values()] == ([None] if closes else ["二"])
    opened = [e.members for e in await hub.stream.read(HOME, 0) if e.members["event"]["type"] == "alarm_reopened"]
    assert opened[-1]["changes"]["talk"] == told["talk"], "consoles that came while it was closed have nothing of it"


async def test_of_a_version_that_kept_all_in_one(hub: Hub) -> None:
    """A store that was written before is served whole, its rules hold, and the next event makes the snapshot small."""
    alarm = await hub.raises()
    await hub.does(alarm, Say(text=LONG))
    asked = await hub.does(alarm, Ask(by=V01, text="你在里面吗", choices=("在", "不在")))
    whole = await hub.alarms.load(alarm, whole=True)
    assert whole is not None
    before = {name: value for name, value in to_members(whole.alarm).items() if name != "tally"}
    await hub.stream.redis.hset(hub.stream.keys.alarm(alarm), "s", orjson.dumps(before))
    again = await hub.alarms.load(alarm, whole=True)
    assert again is not None
    assert again.alarm == whole.alarm
    assert (await hub.does(alarm, Answer(question=str(asked.alarm.question), answer="在"))).events
    assert len(await stored(hub, alarm)) < len(LONG)
    told = await shown(hub)
    assert [entry["text"] for entry in told["talk"].values()] == [LONG, "你在里面吗", "在"]


def test_a_patch_of_a_wipe_brings_no_entry() -> None:
    """What takes words from an entry says nothing of when it was said, and is none."""
    words = {b"2": orjson.dumps({"changes": {"talk": {"2": {"who": "citizen", "text": "一", "at": "T"}}}}),
             b"3": orjson.dumps({"changes": {"talk": {"2": {"text": None}}, "notes": None}})}  # fmt: skip
    assert beside.whole({}, words) == {"talk": {"2": {"who": "citizen", "text": "一", "at": "T"}}}
