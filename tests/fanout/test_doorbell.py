"""The doorbell only says that there is something to read; and who is sent away is told where to go on (P2)."""

import asyncio
import json
import uuid
from typing import Any

import pytest

from dispatch.stream.doorbell import Ring
from tests.flow.people import Officer
from tests.flow.town import Town
from tests.intake.link import CODECS, Link
from tests.patience import PATIENCE_S

HOME = "dadongmen"


async def subscribed(officer: Officer, codec: str = "json") -> Link:
    """A console that has its snapshot."""
    cookie = "; ".join(f"{name}={value}" for name, value in officer.http.cookies.items())
    options: dict[str, Any] = {"origin": officer.url, "additional_headers": {"cookie": cookie}}
    link = await Link.open(officer.url, "/ws/console", codec, **options)
    assert (await link.asks("subscribe"))["type"] == "ok"
    await link.hears("snapshot")
    return link


async def test_the_doorbell_is_only_a_doorbell(town: Town) -> None:
    """One that rings twice, late, or of an event that is not in the stream shows nothing; the next event comes once."""
    officer = await town.officer("V01")
    stream = town.dispatch.stream
    bell = stream.keys.bell(HOME)
    async with stream.redis.pubsub() as ear:
        await ear.ssubscribe(bell)
        citizen = town.citizen()
        alarm = await citizen.raises(text="一")
        await officer.hears(alarm, "alarm_raised", "step_run")
        await citizen.does("say", ref="1", text="二")
        await officer.hears(alarm, "citizen_said")
        rung: list[bytes] = []
        while len(rung) < 2:
            message = await ear.get_message(timeout=PATIENCE_S)
            if message is not None and message["type"] == "smessage":
                rung.append(message["data"])
    last = await stream.offset(HOME)
    for old in (rung[1], rung[0], rung[0], rung[1]):
        assert await stream.redis.spublish(bell, old) == 1
    body = rung[1].split(b"\n", 1)[1].replace("二".encode(), "从未发生".encode())
    for ahead in (last + 2, last + 7, last + 1_000_000):
        await stream.redis.spublish(bell, b"%d %s\n%s" % (ahead, b"0" * 40, body))
    await citizen.does("say", ref="2", text="三")
    heard = await officer.hears(alarm, "citizen_said")
    assert (heard["event"]["text"], heard["position"]["offset"]) == ("三", last + 1)
    await town.quiet()
    assert officer.pending() == []
    assert "从未发生" not in json.dumps(officer.every, ensure_ascii=False)
    fresh = await town.officer("V02")
    assert fresh.alarms == officer.alarms
    back = await town.user("V03")
    back.position = {HOME: {"epoch": stream.epoch(HOME), "offset": int(rung[0].split(b" ")[0])}}
    await back.opens_console(ready=False)  # who comes back is given what the hub remembers, which has no double either
    await back.hears(alarm, "step_run", "citizen_said", "citizen_said")
    await back.hears(None, "console_ready")
    assert (back.recovered, back.position[HOME]["offset"]) == ({HOME: True}, await stream.offset(HOME))


async def test_an_event_that_rings_while_the_stream_is_read(town: Town) -> None:
    """It comes though a false doorbell announced far more than it: a reading that began before it has not seen it."""
    officer = await town.officer("V01")
    stream, feeds = town.dispatch.stream, town.dispatch.hub.feeds
    citizen = town.citizen()
    alarm = await citizen.raises()
    await officer.hears(alarm, "alarm_raised", "step_run")
    feed, read = feeds.of[HOME], stream.read

    async def slow(*args: Any, **kwargs: Any) -> Any:
        found = await read(*args, **kwargs)
        stream.read = read  # type: ignore[method-assign]
        await citizen.does("say", ref="1", text="一")  # stored, and rung, between the reading and its end
        async with asyncio.timeout(PATIENCE_S):
            while feed.asked == asked:
                await asyncio.sleep(0)
        has_read.set()
        return found

    stream.read = slow  # type: ignore[method-assign]
    has_read = asyncio.Event()
    with town.clock.under_way():
        feeds.heard(HOME, Ring(feed.last + 1_000_000, "0" * 40, (("0" * 40, b"{}"),)))
        asked = feed.asked
        async with asyncio.timeout(PATIENCE_S):
            await has_read.wait()
    assert (await officer.hears(alarm, "citizen_said"))["event"]["text"] == "一"


async def test_a_ring_that_was_lost(town: Town) -> None:
    """One event of two rings nowhere: the other one shows it, both come at once, and nobody waits for the next look."""
    officer = await town.officer("V01")
    alarm = await town.citizen().raises()
    await officer.hears(alarm, "alarm_raised", "step_run")
    feeds, rung = town.dispatch.hub.feeds, list[Ring | None]()
    feeds.doorbell.heard = lambda station, ring: rung.append(ring)
    for text in ("一", "二"):
        await officer.asks("note", alarm=alarm, text=text)
    async with asyncio.timeout(PATIENCE_S):
        while len(rung) < 2:
            await asyncio.sleep(0)
    feeds.doorbell.heard = feeds.heard
    feeds.heard(HOME, rung[1])
    await town.quiet()
    await officer.hears(alarm, "note_added", "note_added")


async def test_doorbells_in_the_wrong_order(town: Town) -> None:
    """Two hubs ring in the order in which their publications arrive: consoles get the stream's order all the same."""
    officer = await town.officer("V01")
    stream = town.dispatch.stream
    alarm = await town.citizen().raises()
    await officer.hears(alarm, "alarm_raised", "step_run")
    hub = town.dispatch.hub
    feed = hub.feeds.of[HOME]
    rung: list[Ring | None] = []
    hub.feeds.doorbell.heard = lambda station, ring: rung.append(ring)
    for n in range(4):
        await officer.asks("note", alarm=alarm, text=f"第 {n} 条", ref=uuid.uuid4().hex)
    async with asyncio.timeout(PATIENCE_S):
        while len(rung) < 4:
            await asyncio.sleep(0)
    hub.feeds.doorbell.heard = hub.feeds.heard
    assert officer.pending() == []
    for late in (rung[2], rung[0], rung[3], rung[1], rung[2]):
        hub.feeds.heard(HOME, late)
    for n in range(4):
        note = await officer.hears(alarm, "note_added")
        assert note["event"]["text"] == f"第 {n} 条"
    await town.quiet()
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
    officer.url = town.url
    officer.http.base_url = town.url
    officer.http.headers["origin"] = town.url
    missed = await town.citizen().raises()
    await officer.opens_console()
    assert officer.recovered == {HOME: True}
    await officer.hears(missed, "alarm_raised", "step_run")
    await town.forgets(officer)
