"""Every console gets every event once and in order, whatever the others do and whatever the doorbell says (P2)."""

import asyncio
import json
import socket
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.flow.people import Officer, merge
from tests.flow.town import Town
from tests.intake.link import CODECS, TIMEOUT_S, Link

HOME = "dadongmen"
SMALL = {"DISPATCH_LIMITS_CONSOLE_BUFFER_BYTES": "65536"}
CONSOLES = 200


@pytest.fixture
async def narrow_town(tmp_path: Path) -> AsyncIterator[Town]:
    """A town whose hub keeps 64 kB for a console that does not read."""
    async with Town(tmp_path, env=SMALL) as town:
        yield town


async def console(officer: Officer, codec: str = "json", **options: Any) -> Link:
    """A connection of a signed-in officer, not yet subscribed."""
    cookie = "; ".join(f"{name}={value}" for name, value in officer.http.cookies.items())
    return await Link.open(
        officer.url, "/ws/console", codec, origin=officer.url, additional_headers={"cookie": cookie}, **options
    )


async def subscribed(officer: Officer, codec: str = "json") -> Link:
    """A console that has its snapshot."""
    link = await console(officer, codec)
    assert (await link.asks("subscribe"))["type"] == "ok"
    await link.hears("snapshot")
    return link


async def events(link: Link, until: int) -> list[dict[str, Any]]:
    """The events that come, up to offset `until`; anything that is none fails the test."""
    came: list[dict[str, Any]] = []
    while not came or came[-1]["position"]["offset"] < until:
        message = link.pushed.pop(0) if link.pushed else await link.receives()
        if message["type"] != "beat":
            assert message["type"] == "event"
            came.append(message)
    return came


async def narrow_socket(url: str) -> socket.socket:
    """A connection that takes little: with its reader stopped, the kernel holds a few kilobytes for it."""
    host, port = url.removeprefix("http://").split(":")
    link = socket.socket()
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    link.setblocking(False)
    await asyncio.get_running_loop().sock_connect(link, (host, int(port)))
    return link


@pytest.mark.parametrize("codec", CODECS)
async def test_a_console_that_reads_nothing_is_cut_and_nobody_waits(narrow_town: Town, codec: str) -> None:
    """It is closed with 4413 and no longer counts as ready; the others get each event at once; it resumes exactly."""
    town = narrow_town
    awake = await town.officer("V02")
    stuck_officer = await town.user("V01")
    # The client's library stops reading its socket when it holds one frame that nobody took.
    stuck = await console(stuck_officer, codec, sock=await narrow_socket(town.url), max_queue=1)
    assert (await stuck.asks("subscribe"))["type"] == "ok"
    position = (await stuck.hears("snapshot"))["position"]
    assert (await stuck.asks("ready", sound=True, visible=True))["type"] == "ok"
    citizen = town.citizen()
    alarm = await citizen.raises()
    await awake.hears(alarm, "alarm_raised", "step_run")
    consoles = town.dispatch.hub.consoles
    assert len(consoles) == 2

    said = 0
    while len(consoles) == 2:
        assert said < 400, "5 MB were sent to a console that reads nothing, and it was not cut"
        answer = await citizen.does("say", ref=str(said), text="长" * 4000)
        assert answer.status_code == 200
        said += 1
        await awake.hears(alarm, "citizen_said")
    lost = await awake.hears(None, "console_lost")
    assert (lost["event"]["officer"], lost["event"]["why"]) == ("V01", "slow")

    while True:  # what it had been sent, in order, then the code
        try:
            message = stuck.pushed.pop(0) if stuck.pushed else await stuck.receives()
        except Exception:
            break
        if message["type"] == "event":
            assert message["position"]["offset"] == position["offset"] + 1
            position = message["position"]
    assert stuck.socket.close_code == 4413

    again = await console(stuck_officer, codec)
    answer = await again.asks("subscribe", after={HOME: position})
    assert answer["recovered"] == {HOME: True}
    last = await town.dispatch.stream.offset(HOME)
    assert [e["position"]["offset"] for e in await events(again, last)] == list(range(position["offset"] + 1, last + 1))
    await again.closes()
    await town.forgets(awake)


async def test_both_codecs_say_the_same(town: Town) -> None:
    """Every frame of a MessagePack console, decoded, is that of a JSON console: snapshot, events, beats."""
    officer = await town.officer("V01")
    before = town.citizen()
    await before.raises(text="之前", position={"lat": 41.80312, "lon": 123.46587, "accuracy_m": 12.5}, needs=["deaf"])
    links = [await console(officer, codec) for codec in CODECS]
    answers = [await link.asks("subscribe", ref="1") for link in links]
    assert answers[0] == answers[1]
    snapshots = [await link.hears("snapshot") for link in links]
    assert snapshots[0] == snapshots[1]
    assert [alarm["id"] for alarm in snapshots[0]["alarms"]] == [before.id]

    alarm = await town.citizen().raises(text="门外有人")
    await officer.acknowledges(alarm)
    await officer.asks("ask", alarm=alarm, question="安全吗？")
    await officer.asks("note", alarm=alarm, text="三楼左边")
    await before.does("say", ref="1", text="快来")
    await officer.asks("close", alarm=alarm, disposition="handled")
    last = await town.dispatch.stream.offset(HOME)
    came = [await events(link, last) for link in links]
    assert came[0] == came[1]
    assert [event["position"]["offset"] for event in came[0]] == list(
        range(snapshots[0]["position"]["offset"] + 1, last + 1)
    )
    await town.clock.advance(5)
    beats = [await link.hears("beat") for link in links]
    assert beats[0] == beats[1]
    for link in links:
        await link.closes()
    await town.forgets(officer)


async def test_two_hundred_consoles_at_once(town: Town) -> None:
    """They attach while alarms are raised: one snapshot each, the same at the same offset, then every event once."""
    officer = await town.user("V01")
    await town.citizen().raises(text="之前")
    links = await asyncio.gather(*(console(officer, CODECS[n % 2]) for n in range(CONSOLES)))
    citizens = [town.citizen() for _ in range(20)]

    async def raising() -> None:
        for citizen in citizens:
            await citizen.raises(text="一二三")

    async def attaching(link: Link) -> dict[str, Any]:
        assert (await link.asks("subscribe"))["recovered"] == {HOME: False}
        return await link.hears("snapshot")

    snapshots, _ = await asyncio.gather(asyncio.gather(*(attaching(link) for link in links)), raising())
    await town.settles()
    last = await town.dispatch.stream.offset(HOME)
    fresh = await subscribed_snapshot(officer)
    at_offset: dict[int, dict[str, Any]] = {}
    for link, snapshot in zip(links, snapshots, strict=True):
        start = snapshot["position"]["offset"]
        assert at_offset.setdefault(start, snapshot) == snapshot
        came = await events(link, last) if start < last else []
        assert [event["position"]["offset"] for event in came] == list(range(start + 1, last + 1))
        alarms = {alarm["id"]: alarm for alarm in snapshot["alarms"]}
        for event in came:
            if event["alarm"] is not None:
                alarms[event["alarm"]] = merge(alarms.get(event["alarm"], {}), event["changes"])
        assert alarms == fresh
    assert {citizen.id for citizen in citizens} < fresh.keys()
    await asyncio.gather(*(link.closes() for link in links))


async def subscribed_snapshot(officer: Officer) -> dict[str, Any]:
    """The alarms that a new console is shown."""
    link = await console(officer)
    await link.asks("subscribe")
    snapshot = await link.hears("snapshot")
    await link.closes()
    return {alarm["id"]: alarm for alarm in snapshot["alarms"]}


async def test_the_doorbell_is_only_a_doorbell(town: Town) -> None:
    """One that rings twice, late, or of an event that is not in the stream shows nothing; the next event comes once."""
    officer = await town.officer("V01")
    stream = town.dispatch.stream
    bell = stream.keys.bell(HOME)
    async with stream.redis.pubsub() as ear:
        await ear.subscribe(bell)
        citizen = town.citizen()
        alarm = await citizen.raises(text="一")
        await officer.hears(alarm, "alarm_raised", "step_run")
        await citizen.does("say", ref="1", text="二")
        await officer.hears(alarm, "citizen_said")
        rung: list[bytes] = []
        while len(rung) < 2:
            message = await ear.get_message(timeout=TIMEOUT_S)
            if message is not None and message["type"] == "message":
                rung.append(message["data"])
    last = await stream.offset(HOME)
    for old in (rung[1], rung[0], rung[0], rung[1]):
        assert await stream.redis.publish(bell, old) == 1
    body = rung[1].split(b"\n", 1)[1].replace("二".encode(), "从未发生".encode())
    for ahead in (last + 2, last + 7, last + 1_000_000):
        await stream.redis.publish(bell, b"%d\n%s" % (ahead, body))
    await citizen.does("say", ref="2", text="三")
    heard = await officer.hears(alarm, "citizen_said")
    assert (heard["event"]["text"], heard["position"]["offset"]) == ("三", last + 1)
    await town.settles()
    assert officer.pending() == []
    assert "从未发生" not in json.dumps(officer.every, ensure_ascii=False)
    fresh = await town.officer("V02")
    assert fresh.alarms == officer.alarms


async def test_doorbells_in_the_wrong_order(town: Town) -> None:
    """Two hubs ring in the order in which their publications arrive: consoles get the stream's order all the same."""
    officer = await town.officer("V01")
    stream = town.dispatch.stream
    bell = stream.keys.bell(HOME)
    alarm = await town.citizen().raises()
    await officer.hears(alarm, "alarm_raised", "step_run")
    feed = town.dispatch.hub._feeds[HOME]
    rung: list[bytes] = []
    heard = town.dispatch.hub._ring
    town.dispatch.hub._ring = lambda feed, data: rung.append(data)  # type: ignore[method-assign]
    for n in range(4):
        await officer.asks("note", alarm=alarm, text=f"第 {n} 条", ref=uuid.uuid4().hex)
    async with asyncio.timeout(TIMEOUT_S):
        while len(rung) < 4:
            await asyncio.sleep(0)
    town.dispatch.hub._ring = heard  # type: ignore[method-assign]
    assert officer.pending() == []
    for late in (rung[2], rung[0], rung[3], rung[1], rung[2]):
        await stream.redis.publish(bell, late)
    for n in range(4):
        note = await officer.hears(alarm, "note_added")
        assert note["event"]["text"] == f"第 {n} 条"
    await town.settles()
    assert (officer.pending(), feed.last) == ([], await stream.offset(HOME))


@pytest.mark.parametrize("codec", CODECS)
async def test_bad_text_ends_only_its_own_connection(town: Town, codec: str) -> None:
    """A text frame that is not UTF-8 closes that console with 1007; its officer is not ready; the others hear on."""
    other = await town.officer("V02")
    officer = await town.user("V01")
    link = await subscribed(officer, codec)
    await link.asks("ready", sound=True, visible=True)
    await link.sends_raw(b'{"type":"ready","ref":"\xc3("}', text=True)
    assert await link.closed_with() == 1007
    assert (await other.hears(None, "console_lost"))["event"]["officer"] == "V01"
    alarm = await town.citizen().raises()
    await other.hears(alarm, "alarm_raised", "step_run")


async def test_a_hub_that_stops_sends_its_consoles_to_come_back(town: Town) -> None:
    """Each console is closed with 4000, in both codecs, and goes on at another hub from where it was."""
    hub = await town.opens_hub()
    officer = await town.officer("V01", hub=1)
    link = await subscribed(officer, "msgpack")
    alarm = await town.citizen().raises()
    await officer.hears(alarm, "alarm_raised", "step_run")
    town.hubs.remove(hub)
    await hub.stop()
    assert await officer.is_closed_with() == 4000
    assert await link.closed_with() == 4000
    await town.citizen().does("say", ref="1", text="x")
    officer.url = town.url
    officer.http.base_url = town.url
    officer.http.headers["origin"] = town.url
    missed = await town.citizen().raises()
    await officer.opens_console()
    assert officer.recovered == {HOME: True}
    await officer.hears(missed, "alarm_raised", "step_run")
    await town.forgets(officer)
