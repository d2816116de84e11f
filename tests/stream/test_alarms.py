"""Commands on one alarm: exactly one winner of any race, every repeat has its effect once, and no write is assumed."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dispatch.alarm.commands import Acknowledge, Actor, AddNote, Arrive, Close, Move, RunStep, Say, Wipe
from dispatch.alarm.errors import Refused
from dispatch.store.embedded import EmbeddedStore
from dispatch.stream.alarms import Loaded
from tests.stream.conftest import Hub, officer, raising, shut

RACERS = 20


def code(answer: object) -> str:
    return answer.error.code if isinstance(answer, Refused) else type(answer).__name__


def store_pid(folder: Path) -> int:
    return int((folder / "store.pid").read_text())


@pytest.fixture
async def hasty(folder: Path, embedded: EmbeddedStore) -> AsyncIterator[Hub]:
    """A hub that gives the store a third of a second to answer."""
    made = Hub(embedded.url, timeout_s=0.3)
    yield made
    await made.closes()


async def test_a_ref_is_one_request(hub: Hub) -> None:
    """The same key and command again: nothing new, the same alarm. Another command under that key: refused."""
    alarm = await hub.raises()
    first = await hub.does(alarm, Say(text="一"), key="citizen:r1")
    await hub.does(alarm, Say(text="二"), key="citizen:r2")
    again = await hub.does(alarm, Say(text="一"), key="citizen:r1")
    assert (len(first.events), again.events) == (1, ())
    with pytest.raises(Refused, match="ref_reused"):
        await hub.does(alarm, Say(text="三"), key="citizen:r1")
    assert [said["text"] for said in (await hub.alarm(alarm)).talk.values()] == ["一", "二"]


async def test_a_ref_is_its_senders_own(hub: Hub) -> None:
    """Two people may choose the same ref, and one ref may be used in two alarms."""
    alarm, other = await hub.raises(), await hub.raises()
    for where, key in ((alarm, "V01:1"), (alarm, "V02:1"), (other, "V01:1")):
        assert (await hub.does(where, AddNote(by=officer("V01"), text=key), key=key)).events


async def test_one_of_twenty_wins(hub: Hub, other_hub: Hub) -> None:
    """Twenty officers acknowledge at once through two hubs: one wins, nineteen are told who."""
    alarm = await hub.raises()
    hubs = (hub, other_hub)
    answers = await asyncio.gather(
        *(hubs[n % 2].does(alarm, Acknowledge(by=officer(f"V{n:02}")), key=f"V{n:02}:a") for n in range(RACERS)),
        return_exceptions=True,
    )
    owner = (await hub.alarm(alarm)).owner
    assert sorted(map(code, answers)) == ["Outcome"] + ["already_acknowledged"] * (RACERS - 1)
    assert {answer.details["by"] for answer in answers if isinstance(answer, Refused)} == {owner}
    assert (await hub.kinds()).count("alarm_acknowledged") == 1


async def test_the_same_request_twenty_times_at_once(hub: Hub, other_hub: Hub) -> None:
    """Twenty copies of one request, through two hubs: one effect, twenty good answers."""
    alarm = await hub.raises()
    hubs = (hub, other_hub)
    answers = await asyncio.gather(
        *(hubs[n % 2].does(alarm, Say(text="救命"), key="citizen:r1") for n in range(RACERS))
    )
    assert sum(len(answer.events) for answer in answers) == 1
    assert (await hub.kinds()).count("citizen_said") == 1


async def test_twenty_different_requests_all_have_their_effect(hub: Hub, other_hub: Hub) -> None:
    """Nobody who loses a race is lost: all twenty texts are stored, each at its own version."""
    alarm = await hub.raises()
    hubs = (hub, other_hub)
    await asyncio.gather(*(hubs[n % 2].does(alarm, Say(text=str(n)), key=f"citizen:{n}") for n in range(RACERS)))
    after = await hub.alarm(alarm)
    assert sorted(said["text"] for said in after.talk.values()) == sorted(map(str, range(RACERS)))
    assert after.version == 2 + RACERS
    versions = [entry.members["version"] for entry in await hub.stream.read("dadongmen", 0)]
    assert versions == list(range(1, after.version + 1))


async def test_an_alarm_raised_twenty_times_at_once_is_one(hub: Hub, other_hub: Hub) -> None:
    """The device retries on both hubs: one alarm, raised once."""
    name = "3f2c9a6e-0000-4000-8000-000000000002"
    answers = await asyncio.gather(
        *((hub, other_hub)[n % 2].alarms.handle(name, *raising(), secret_hash="s") for n in range(RACERS))
    )
    assert sum(len(answer.events) for answer in answers) == 2  # raised, and its first step
    assert await hub.kinds() == ["alarm_raised", "step_run"]


async def test_a_repeat_is_answered_with_what_it_did(hub: Hub, other_hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first attempt is done at another hub between this one's two looks: the answer is of after it, not before."""
    alarm = await hub.raises()
    load, before = hub.alarms.load, await hub.alarms.load(alarm)
    done = await other_hub.does(alarm, Acknowledge(by=officer("V01")), key="V01:1")
    seen = iter([before])

    async def late(alarm_id: str) -> Loaded | None:
        return next(seen, None) or await load(alarm_id)

    monkeypatch.setattr(hub.alarms, "load", late)
    again = await hub.does(alarm, Acknowledge(by=officer("V01")), key="V01:1")
    assert (again.alarm.version, again.alarm.owner) == (done.alarm.version, "V01")


async def test_an_ack_and_a_step_race(hub: Hub, other_hub: Hub) -> None:
    """An ack and a due step at the same instant, many times: no step is ever stored after the ack (P3)."""
    for _ in range(RACERS):
        alarm = await hub.raises()
        step = RunStep(cycle=1, step=1, loop=0, audience=("station",), called=(), reached=(), why="due")
        await asyncio.gather(hub.does(alarm, Acknowledge(by=officer("V01"))), other_hub.does(alarm, step))
        kinds = [e.members["event"]["type"] for e in await hub.stream.read("dadongmen", 0, limit=10_000)
                 if e.members["alarm"] == alarm]  # fmt: skip
        assert kinds in (
            ["alarm_raised", "step_run", "alarm_acknowledged"],
            ["alarm_raised", "step_run", "step_run", "alarm_acknowledged"],
        )
        assert (await hub.alarm(alarm)).owner == "V01"


async def test_a_refused_command_stores_nothing(hub: Hub) -> None:
    """What the table does not have leaves no trace: neither event nor used ref."""
    alarm = await hub.raises()
    with pytest.raises(Refused, match="not_possible"):
        await hub.does(alarm, Move(by=officer("V01")), key="V01:1")
    assert (await hub.alarm(alarm)).version == 2
    assert (await hub.does(alarm, Acknowledge(by=officer("V01")), key="V01:1")).events


async def test_commands_together_are_one_append(hub: Hub) -> None:
    """Several commands are stored together or not at all."""
    alarm = await hub.raises()
    await hub.does(alarm, Acknowledge(by=officer("V01")), Move(by=officer("V01")))
    assert await hub.kinds() == ["alarm_raised", "step_run", "alarm_acknowledged", "alarm_en_route"]
    with pytest.raises(Refused, match="not_owner"):
        await hub.does(alarm, AddNote(by=officer("V02"), text="x"), Arrive(by=officer("V02")))
    assert (await hub.alarm(alarm)).notes == {}


async def test_within_an_alarm_time_does_not_go_back(hub: Hub, other_hub: Hub) -> None:
    """A hub whose clock is five seconds behind goes on with an alarm: what it adds is not before what was there."""
    alarm = await hub.raises()
    other_hub.clock.jump(-5)
    await other_hub.does(alarm, Acknowledge(by=officer("V01")))
    found = await hub.alarm(alarm)
    assert found.owned_at == found.raised_at
    times = [entry.members["at"] for entry in await hub.stream.read("dadongmen", 0)]
    assert times == sorted(times)


async def test_a_wipe_leaves_no_digest(hub: Hub) -> None:
    """A short answer could be guessed by the digest of its command: that goes too, and what was done stays known."""
    alarm = await hub.raises()
    by = officer("V01")
    await hub.does(alarm, Acknowledge(by=by))
    await hub.does(alarm, Say(text="在"), key="citizen:1")
    await hub.does(alarm, Close(by=by, disposition="handled"))
    await hub.does(alarm, Wipe(by=Actor("S01", None, "supervisor"), reason="到期"))
    assert all(done.startswith(b"* ") for done in await hub.redis.hvals(hub.keys.done(alarm)))
    version = (await hub.alarm(alarm)).version
    await hub.does(alarm, Say(text="在"), key="citizen:1")
    assert (await hub.alarm(alarm)).version == version


async def test_a_store_that_stands_still_is_not_a_success(hasty: Hub, folder: Path) -> None:
    """The store does not answer: `not_stored`. Later the same request succeeds, and its effect is there once.

    The first one may have been carried out after all: the store finds it on its connection when it goes on.
    """
    alarm = await hasty.raises()
    os.kill(store_pid(folder), signal.SIGSTOP)
    try:
        with pytest.raises(Refused) as refused:
            await hasty.does(alarm, Say(text="救命"), key="citizen:r1")
    finally:
        os.kill(store_pid(folder), signal.SIGCONT)
    assert (refused.value.error.code, refused.value.error.retry) == ("not_stored", True)
    await hasty.does(alarm, Say(text="救命"), key="citizen:r1")
    assert (await hasty.kinds()).count("citizen_said") == 1


async def test_appends_that_were_under_way_have_their_effect_once(hasty: Hub, folder: Path) -> None:
    """The store stands still while twenty texts are under way: all are repeated, and each is stored once."""
    alarm = await hasty.raises()
    texts = [str(n) for n in range(RACERS)]
    speaking = [asyncio.create_task(hasty.does(alarm, Say(text=text), key=f"citizen:{text}")) for text in texts]
    await asyncio.sleep(0)
    os.kill(store_pid(folder), signal.SIGSTOP)
    answers = await asyncio.gather(*speaking, return_exceptions=True)
    os.kill(store_pid(folder), signal.SIGCONT)
    assert {code(answer) for answer in answers} <= {"Outcome", "not_stored"}
    for text in texts:
        await hasty.does(alarm, Say(text=text), key=f"citizen:{text}")
    assert sorted(said["text"] for said in (await hasty.alarm(alarm)).talk.values()) == sorted(texts)


async def test_a_store_that_was_killed_comes_back(folder: Path) -> None:
    """Killed: `not_stored`. Started again on the same folder: the same request succeeds on the same connections."""
    store = EmbeddedStore(folder)
    await asyncio.to_thread(store.start)
    hub = Hub(store.url, timeout_s=1)
    alarm = await hub.raises()
    os.kill(store_pid(folder), signal.SIGKILL)
    await asyncio.to_thread(store.ended)
    with pytest.raises(Refused, match="not_stored"):
        await hub.does(alarm, Say(text="救命"), key="citizen:r1")
    again = EmbeddedStore(folder)
    await asyncio.to_thread(again.start)
    assert (await hub.does(alarm, Say(text="救命"), key="citizen:r1")).events
    assert (await hub.does(alarm, Say(text="救命"), key="citizen:r1")).events == ()
    assert (await hub.kinds()).count("citizen_said") == 1
    await hub.closes()
    await shut(again.url)
    await asyncio.to_thread(again.ended)
