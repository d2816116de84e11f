"""Fan-out to many consoles on real sockets: nobody waits for the slowest, everyone gets the same."""

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest

from dispatch.fanout import hub
from tests.flow.people import Officer
from tests.flow.town import Town
from tests.intake.link import Link
from tests.patience import PATIENCE_S


def signed_in(officer: Officer) -> dict[str, Any]:
    cookies = "; ".join(f"{name}={value}" for name, value in officer.http.cookies.items())
    return {"origin": officer.url, "additional_headers": {"cookie": cookies}}


async def test_a_console_that_reads_nothing(tmp_path: Path) -> None:
    """It is cut with 4413 once its buffer is full; the others hear everything meanwhile; it resumes with no gap."""
    async with Town(tmp_path, env={"DISPATCH_LIMITS_CONSOLE_BUFFER_BYTES": "65536"}) as town:
        officer = await town.officer("V01")
        stuck_user = await town.user("V02")
        town.hubs[0]._listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16_384)  # those that come from now on
        host, port = town.url.removeprefix("http://").split(":")
        stuck_socket = socket.socket()
        stuck_socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stuck_socket.setblocking(False)
        await asyncio.get_running_loop().sock_connect(stuck_socket, (host, int(port)))
        stuck = await Link.open(town.url, "/ws/console", sock=stuck_socket, max_queue=1, **signed_in(stuck_user))
        answer = await stuck.asks("subscribe")
        assert answer["recovered"] == {"dadongmen": False}
        snapshot = await stuck.receives()
        consoles = town.dispatch.hub.consoles
        assert len(consoles) == 2
        citizen = town.citizen()
        alarm = await citizen.raises()
        await officer.hears(alarm, "alarm_raised", "step_run")
        said = 0
        async with asyncio.timeout(60):
            while len(consoles) == 2:
                said += 1
                assert (await citizen.does("say", ref=str(said), text="长" * 4000)).status_code == 200
                heard = await officer.hears(alarm, "citizen_said")
                assert heard["position"]["offset"] == officer.position["dadongmen"]["offset"]
        assert len(officer.alarms[alarm]["talk"]) == said
        received = [snapshot]
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    received.append(await stuck.receives())
                except Exception:
                    break
        assert stuck.socket.close_code == 4413
        offsets = [message["position"]["offset"] for message in received if "position" in message]
        assert offsets == list(range(offsets[0], offsets[0] + len(offsets))), "what came is without gap"
        position = {"epoch": snapshot["position"]["epoch"], "offset": offsets[-1]}
        stuck_user.position["dadongmen"] = position
        await stuck_user.opens_console(ready=False)
        assert stuck_user.recovered == {"dadongmen": True}
        async with asyncio.timeout(PATIENCE_S):
            while stuck_user.position["dadongmen"] != officer.position["dadongmen"]:
                await asyncio.sleep(0)  # a gap would close it
        assert stuck_user.closed is None
        town.stops_watching(stuck_user)


async def test_both_codecs_get_the_same(town: Town) -> None:
    """A MessagePack console and a JSON console hear the same events with the same content."""
    officer = await town.user("V01")
    links = [await Link.open(town.url, "/ws/console", codec, **signed_in(officer)) for codec in ("json", "msgpack")]
    for link in links:
        await link.asks("subscribe", ref="1")
    citizen = town.citizen()
    alarm = await citizen.raises(text="救命", position={"lat": 41.8, "lon": 123.4}, needs=["deaf"])
    await citizen.does("say", ref="1", text="😀 他来了")
    heard: list[list[dict[str, Any]]] = []
    for link in links:
        events: list[dict[str, Any]] = []
        while not any(event["event"]["type"] == "citizen_said" for event in events):
            events.append(await link.hears("event"))
        heard.append(events)
        await link.closes()
    assert heard[0] == heard[1]
    assert {event["alarm"] for event in heard[0]} >= {alarm}


@pytest.mark.parametrize("many", [50, pytest.param(200, marks=pytest.mark.nightly)])
async def test_many_consoles_at_once(town: Town, many: int) -> None:
    """All attach at the same time: each gets exactly one snapshot, then every event in order, once."""
    officer = await town.user("V01")
    before = await town.citizen().raises(text="之前")
    options = signed_in(officer)
    links = await asyncio.gather(*(Link.open(town.url, "/ws/console", **options) for _ in range(many)))
    raised, *answers = await asyncio.gather(
        town.citizen().raises(text="其间"), *(link.asks("subscribe") for link in links)
    )
    assert all(answer["recovered"] == {"dadongmen": False} for answer in answers)
    after = await town.citizen().raises(text="之后")

    async def hears_all(link: Link) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while not any(m.get("alarm") == after and m["event"]["type"] == "step_run" for m in found):
            message = link.pushed.pop(0) if link.pushed else await link.receives()
            if message["type"] in ("snapshot", "event"):
                found.append(message)
        return found

    for messages in await asyncio.gather(*(hears_all(link) for link in links)):
        assert [m["type"] for m in messages].count("snapshot") == 1
        snapshot, *events = messages
        assert snapshot["type"] == "snapshot"
        offsets = [m["position"]["offset"] for m in messages]
        assert offsets == list(range(offsets[0], offsets[0] + len(messages)))
        listed = {alarm["id"] for alarm in snapshot["alarms"]}
        told = [event["alarm"] for event in events if event["event"]["type"] == "alarm_raised"]
        assert before in listed
        assert sorted([*listed, *told]) == sorted([before, raised, after])
    await asyncio.gather(*(link.closes() for link in links))


async def test_a_position_from_another_store(town: Town) -> None:
    """A position with another epoch, or ahead of the stream, is not believed: a snapshot, and told so."""
    officer = await town.officer("V01")
    alarm = await town.citizen().raises()
    await officer.hears(alarm, "alarm_raised", "step_run")
    good = officer.position["dadongmen"]
    for after in ({**good, "epoch": "another"}, {**good, "offset": good["offset"] + 1000}):
        late = await town.user("V02")
        await late.opens_console(ready=False, after={"dadongmen": after})
        await late.is_awake(sound=False)
        assert late.recovered == {"dadongmen": False}
        assert late.alarms == officer.alarms
        await late.closes()


async def test_subscribing_again_is_one_subscription(town: Town) -> None:
    """A console that subscribes twice hears each event once."""
    officer = await town.officer("V01")
    await officer.asks("subscribe")
    await officer.asks("subscribe", after=officer.position)
    assert len(town.dispatch.hub.consoles) == 1
    alarm = await town.citizen().raises()
    await officer.hears(alarm, "alarm_raised", "step_run")
    await officer.is_awake()
    assert officer.pending() == []


async def test_a_console_that_comes_in_the_midst(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """It subscribes while events are on their way to the others: it has each of them once, in order."""
    monkeypatch.setattr(hub, "COUNTS_WAIT_S", 60.0)  # until something follows
    first = await town.officer("V01")
    alarm = await town.citizen().raises()
    await first.hears(alarm, "alarm_raised", "step_run")
    await first.shows()
    feed = town.dispatch.hub.feeds.of["dadongmen"]
    async with asyncio.timeout(PATIENCE_S):
        while not feed.unsent:
            await asyncio.sleep(0)
    second = await town.officer("V02", ready=False)
    await second.has(alarm)
    assert feed.unsent
    other = await town.citizen().raises()
    await first.hears(alarm, "alarm_delivered")
    for officer in (first, second):
        await officer.hears(other, "alarm_raised", "step_run")


async def test_what_only_counts_leaves_with_what_matters(town: Town) -> None:
    """That one more console has the alarm may wait a little, never overtakes, and comes though nothing follows it."""
    first, second = await town.officer("V01"), await town.officer("V02")
    alarm = await town.citizen().raises()
    for officer in (first, second):
        await officer.hears(alarm, "alarm_raised", "step_run")
    await first.shows()
    for officer in (first, second):
        assert (await officer.hears(alarm, "alarm_delivered"))["event"]["consoles"] == 1
