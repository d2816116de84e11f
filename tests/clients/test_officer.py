"""An officer's program: subscribe, command, fall off the network and come back without a hole."""

import ast
import asyncio
import signal
from pathlib import Path
from typing import Literal

import httpx
import pytest

import fujin_client
from fujin_client import Alarm, Citizen, Event, Gap, Ladder, Officer, Position, Refused, SignedOut
from fujin_client.board import Board, merge
from tests.clients.near import Near
from tests.patience import PATIENCE_S
from tests.process import HubProcess


async def test_wrong_password(served: Near) -> None:
    """A wrong password is told as such, with what to do, and the same for a name that is not there."""
    told = []
    for name in ("V09", "nobody"):
        with pytest.raises(Refused) as refused:
            async with Officer(served.url, name, "not the password"):
                pass
        told.append(str(refused.value))
    assert (refused.value.code, refused.value.status, refused.value.retry) == ("wrong_sign_in", 401, False)
    assert "password" in refused.value.advice
    assert told[0] == told[1]


async def test_foreign_origin(served: Near) -> None:
    """A page of another origin cannot sign in for its visitor, nor use the socket."""
    with pytest.raises(Refused) as refused:
        async with Officer(served.url, "V01", served.password, origin="https://evil.example"):
            pass
    assert refused.value.code == "wrong_origin"


async def test_not_ones_station(served: Near, officer: Officer) -> None:
    """A station of others is refused, and one goes on hearing one's own."""
    with pytest.raises(Refused) as refused:
        await officer.subscribe(["wanquan"])
    assert refused.value.code == "not_allowed"
    async with Citizen(served.url) as citizen:
        alarm = await citizen.raise_alarm()
        assert (await officer.next_event("alarm_raised", alarm.id)).station == "dadongmen"


@pytest.mark.parametrize("codec", ["json", "msgpack"])
async def test_every_command(served: Near, codec: Literal["json", "msgpack"]) -> None:
    """Each command of the protocol has its effect and is answered with the alarm's new version."""
    async with (
        Officer(served.url, "V01", served.password, codec=codec) as first,
        Officer(served.url, "V02", served.password, codec=codec) as second,
        Officer(served.url, "S01", served.password, codec=codec) as boss,
        Citizen(served.url) as citizen,
    ):
        for one in (first, second, boss):
            await one.subscribe()
        assert boss.user["role"] == "supervisor"
        assert len(boss.positions) > 1
        alarm = (await citizen.raise_alarm(text="x")).id
        for one in (first, second, boss):
            await one.next_event("alarm_raised", alarm)
        await first.seen(alarm)
        await first.acknowledge(alarm)
        with pytest.raises(Refused) as lost:
            await second.acknowledge(alarm)
        assert (lost.value.code, lost.value.details["by"]) == ("already_acknowledged", "V01")
        with pytest.raises(Refused) as other:
            await second.move(alarm)
        assert other.value.code == "not_owner"
        await first.note(alarm, "only for us")
        await second.take(alarm, "nearer")
        await second.release(alarm, "a mistake")
        await first.acknowledge(alarm)
        await first.transfer(alarm, "wanquan", "their street")
        await boss.reject(alarm, "not theirs")
        await first.transfer(alarm, "wanquan", "it is theirs")
        assert (await boss.accept(alarm))["owner"] == "S01"
        await boss.move(alarm)
        await boss.arrive(alarm)
        await boss.close(alarm, "passed_on", "done")
        await boss.reopen(alarm, "called again")
        await first.acknowledge(alarm)
        assert (await first.acknowledge(alarm))["owner"] == "V01"
        done = await first.close(alarm, "test")
        with pytest.raises(Refused) as late:
            await first.arrive(alarm)
        assert "reopen" in late.value.details["possible"]
        await boss.next_event("alarm_closed", alarm)
        await boss.until(lambda: boss.alarms[alarm]["version"] >= done["version"] or None)
        known = boss.alarms[alarm]
        assert (known["status"], known["disposition"], known["owner"]) == ("closed", "test", "V01")
        assert [note["text"] for note in known["notes"].values()] == ["only for us", "done"]


async def test_silent_console_is_told(served: Near, officer: Officer) -> None:
    """A console that can make no sound does not count as ready, and says so to everyone."""
    async with Officer(served.url, "V03", served.password) as other:
        await other.subscribe()
        ready = await officer.until(lambda: taken(officer, "console_ready", "V03"))
        await other.ready(sound=False)
        lost = await officer.until(lambda: taken(officer, "console_lost", "V03"))
        assert (lost.data["console"], lost.data["why"]) == (ready.data["console"], "sound_off")
        await other.duty(False)
        signed = await officer.until(lambda: taken(officer, "duty_signed", "V03"))
        assert signed.data["on"] is False


def taken(officer: Officer, kind: str, name: str) -> Event | None:
    """The first event of `kind` that is about officer `name`."""
    return next((e for e in officer.heard if e.type == kind and e.data["officer"] == name), None)


async def test_goes_on_from_its_position(served: Near, officer: Officer) -> None:
    """A console that was cut gets exactly what it missed, and then knows what a new one is told."""
    async with Citizen(served.url, over="http") as citizen:
        alarm = await citizen.raise_alarm(text="before")
        await officer.next_event("alarm_raised", alarm.id)
        at = officer.positions["dadongmen"]
        async with officer.link.offline():
            await alarm.say("meanwhile")
            other = await citizen.raise_alarm(text="also meanwhile")
            assert not officer.link.live
        assert (await officer.next_event("citizen_said", alarm.id)).position.offset > at.offset
        await officer.next_event("alarm_raised", other.id)
        assert officer.recovered == {"dadongmen": True}
        assert officer.link.connections == 2
        await officer.acknowledge(other.id)
        await officer.next_event("alarm_acknowledged", other.id)
        async with Officer(served.url, "V02", served.password, auto_ready=False, auto_deliver=False) as fresh:
            await fresh.subscribe()
            await officer.until(lambda: officer.positions == fresh.positions or None)
            await fresh.until(lambda: fresh.board.whole or None)
            assert {i: a for i, a in officer.alarms.items() if a["status"] != "closed"} == fresh.alarms


async def test_skipped_event_is_a_gap(served: Near, officer: Officer) -> None:
    """An event that does not follow the last one is never applied; subscribing again goes on in order."""
    async with Citizen(served.url) as citizen:
        stream = officer.board.streams["dadongmen"]
        here = stream.position
        stream.position = Position(here.epoch, here.offset - 1)  # as if one had been lost
        alarm = await citizen.raise_alarm(text="x")
        with pytest.raises(Gap) as gap:
            await officer.next_event("alarm_raised", alarm.id)
        assert (gap.value.station, gap.value.expected) == ("dadongmen", here.offset)
        assert alarm.id not in officer.alarms
        await officer.subscribe()
        assert officer.recovered == {"dadongmen": True}
        assert (await officer.next_event("alarm_raised", alarm.id)).position.offset > here.offset


async def test_signed_out_is_for_good(served: Near) -> None:
    """A console whose sign-in was ended elsewhere does not come back by itself."""
    async with Officer(served.url, "V05", served.password) as officer:
        await officer.subscribe()
        async with httpx.AsyncClient(headers={"cookie": officer.web.cookies}) as elsewhere:
            await elsewhere.delete(f"{served.url}/session")
        with pytest.raises(SignedOut) as out:
            await officer.ready()
        assert (out.value.code, out.value.close) == ("not_signed_in", 4501)
        with pytest.raises(SignedOut):
            await officer.next_event("no_such_event")


async def test_hub_is_killed(own: HubProcess) -> None:
    """A hub that is killed and started again: a request that was under way is answered, and no event is missing."""
    async with Citizen(own.url) as citizen, Officer(own.url, "V01", own.password) as officer:
        await officer.subscribe()
        start = officer.positions["dadongmen"].offset
        first = await citizen.raise_alarm(text="one")
        raised = await officer.next_event("alarm_raised", first.id)
        own.stop(signal.SIGKILL)
        acknowledging = asyncio.create_task(officer.acknowledge(first.id))
        saying = asyncio.create_task(first.say("still here"))
        raising = asyncio.create_task(citizen.raise_alarm(text="two"))
        await asyncio.to_thread(own.start)
        assert (await acknowledging)["owner"] == "V01"
        await saying
        second = await raising
        wanted = (("alarm_acknowledged", first), ("citizen_said", first), ("alarm_raised", second))
        events = [raised, *[await officer.next_event(kind, alarm.id) for kind, alarm in wanted], *officer.heard]
        offsets = sorted(event.position.offset for event in events)
        assert offsets == list(range(start + 1, offsets[-1] + 1))
        assert officer.recovered == {"dadongmen": True}
        assert [e["text"] for e in officer.alarms[first.id]["talk"].values()] == ["still here"]
        assert await comes_to(first, "acknowledged")


async def comes_to(alarm: Alarm, step: str) -> bool:
    """Whether the ladder comes to `step`."""
    async with asyncio.timeout(PATIENCE_S):
        async for news in alarm.follow():
            if isinstance(news, Ladder) and step in news.steps:
                return True
    return False


def test_gap_changes_nothing() -> None:
    """A repeated event, a later one and one of another store are all refused, and leave the board as it was."""
    board = Board()
    at = {"epoch": "e", "offset": 4}
    board.replace({"station": "s", "position": at, "alarms": [{"id": "a", "version": 1}], "duty": {}})
    event = {"station": "s", "at": "t", "alarm": "a", "version": 2, "event": {"type": "citizen_said"},
             "changes": {"version": 2}}  # fmt: skip
    for epoch, offset in (("e", 4), ("e", 6), ("f", 5)):
        with pytest.raises(Gap):
            board.apply({**event, "position": {"epoch": epoch, "offset": offset}})
    assert board.alarms == {"a": {"id": "a", "version": 1}}
    board.apply({**event, "position": {"epoch": "e", "offset": 5}})
    assert board.alarms["a"]["version"] == 2


def test_a_change_to_what_is_not_there() -> None:
    """A note on an alarm that was closed before this console came, say: the position goes on, no half alarm appears."""
    board = Board()
    board.replace({"station": "s", "position": {"epoch": "e", "offset": 4}, "alarms": [], "duty": {}})
    event = {"station": "s", "at": "t", "alarm": "a", "version": 7, "event": {"type": "note_added"},
             "changes": {"version": 7}, "position": {"epoch": "e", "offset": 5}}  # fmt: skip
    assert board.apply(event).alarm == "a"
    assert board.alarms == {}
    assert board.positions["s"].offset == 5


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "foo"}, None, None),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patch(target: object, patch: object, result: object) -> None:
    """The examples of RFC 7396, appendix A."""
    assert merge(target, patch) == result


def test_is_an_outsider() -> None:
    """The client imports nothing of the server: what it knows is the protocol."""
    folder = Path(fujin_client.__file__).parent
    names = [
        name
        for path in folder.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for name in imported(node)
    ]
    assert "fujin_client.errors" in names
    assert not [name for name in names if name.split(".")[0] in ("dispatch", "tests")]


def imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []
