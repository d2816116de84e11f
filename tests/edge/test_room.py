"""There is room for whoever has something to say: a slow line is slow and never cut, who says nothing makes room."""

import json
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.edge.raw import Raw
from tests.flow.people import Citizen
from tests.flow.town import Town
from tests.intake.link import Link
from tests.nightly import mostly_by_night

MOST = 24
SECRET = "0123456789abcdefghijklmn"
HALF_HEAD = b"POST /alarms HTTP/1.1\r\nHost: x\r\n"
JSON = HALF_HEAD + b"Content-Type: application/json\r\n"
FORM = HALF_HEAD + b"Content-Type: multipart/form-data; boundary=x\r\n"


def form(citizen_id: str, photo: bytes = b"") -> bytes:
    """A form's words, and the beginning of a photo."""
    fields = {"id": citizen_id, "secret": SECRET, "text": "救命"}
    parts = [f'--x\r\ncontent-disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in fields.items()]
    head = '--x\r\ncontent-disposition: form-data; name="photo"; filename="a.jpg"\r\ncontent-type: image/jpeg\r\n\r\n'
    return "".join(parts).encode() + head.encode() + photo


SILENT = {
    "nothing": b"",
    "half a head": HALF_HEAD,
    "half a body": JSON + b"Content-Length: 500\r\n\r\n{",
    "half a form": FORM + b"Content-Length: 900000\r\n\r\n" + form("x"),
    "half a chunk": JSON + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{",
    "half a photo's chunk": b"PUT /alarms/x/media/y/0 HTTP/1.1\r\nHost: x\r\nContent-Length: 90000\r\n\r\nx",
    "answered, and nothing more": b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
}


@pytest.fixture
async def narrow(tmp_path: Path) -> AsyncIterator[Town]:
    """A hub with room for few connections."""
    async with Town(tmp_path, env={"DISPATCH_SERVE_CONNECTIONS": str(MOST)}) as town:
        yield town
        town.stops_watching(*town.people)


async def taken(town: Town) -> None:
    """An alarm of somebody who comes now is taken."""
    citizen = Citizen(town.url)
    await citizen.raises(text="救命")
    await citizen.http.aclose()
    await town.quiet()


async def let_in(town: Town) -> None:
    """Until the hub has seen all who came before."""
    with town.clock.under_way():
        probe = Citizen(town.url)
        assert (await probe.http.get("/healthz")).status_code == 200
        await probe.http.aclose()


@pytest.mark.parametrize(
    "what",
    mostly_by_night([*SILENT, "a socket"], by_day=["half a form", "a socket"]),
)
async def test_who_says_nothing_makes_room(narrow: Town, what: str) -> None:
    """Ten times as many as there is room for: an alarm is taken at once, and officers and citizens stay."""
    officer = await narrow.officer("V01")
    helper = await narrow.officer("V02")
    citizen = await narrow.citizen().raises(text="先")
    strangers = []
    for n in range(10 * MOST):
        if what == "a socket":
            strangers.append(await Raw.websocket(narrow.url))
        else:
            strangers.append(await Raw.open(narrow.url))
            await strangers[-1].sends(SILENT[what])
        if n % MOST == MOST - 1:
            await let_in(narrow)
            await narrow.fast_forward(6 if "half a" in what and "head" not in what else 0)
    assert len(narrow.hubs[0].connections) <= 2 * MOST
    await taken(narrow)
    await officer.asks("note", alarm=citizen, text="da")
    assert (officer.closed, helper.closed) == (None, None)
    for each in strangers:
        each.aborts()


async def test_the_oldest_leaves_first(narrow: Town) -> None:
    """Of those who say nothing: the newest stay."""
    strangers = [await Raw.open(narrow.url) for _ in range(MOST)]
    await let_in(narrow)
    await narrow.clock.advance(1)
    more = [await Raw.open(narrow.url) for _ in range(MOST // 2)]
    await let_in(narrow)
    for oldest in strangers[: MOST // 3]:
        assert await oldest.rest() == b""
    for newest in more:
        await newest.sends(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert await newest.answers() == [200]
    for each in strangers:
        each.aborts()


# -- slow lines --------------------------------------------------------------------------------------------------------


def whole(kind: str, alarm: str) -> bytes:
    if kind == "json":
        body = json.dumps({"id": alarm, "secret": SECRET, "text": "救" * 300}).encode()
        return JSON + b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body
    body = form(alarm, b"\xff\xd8\xff" + b"x" * 150_000) + b"\r\n--x--\r\n"
    return FORM + b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body


@pytest.mark.parametrize(("kind", "bytes_s"), [("json", 70), ("form", 2000)])
async def test_a_slow_line_is_never_cut(town: Town, kind: str, bytes_s: int) -> None:
    """2 kB/s, with a photo of 150 kB, and a JSON alarm whose body comes at little more than the least: stored."""
    alarm = str(uuid.uuid4())
    head, _, body = whole(kind, alarm).partition(b"\r\n\r\n")
    link = await Raw.open(town.url)
    await link.sends(head + b"\r\n\r\n")
    for at in range(0, len(body), bytes_s):
        await link.sends(body[at : at + bytes_s])
        await let_in(town)
        await town.clock.advance(1)
    assert await link.answers() == [201]
    await town.quiet()
    loaded = await town.dispatch.alarms.load(alarm)
    assert loaded is not None
    assert len(loaded.alarm.media) == (kind == "form")


@pytest.mark.parametrize(
    "what", mostly_by_night(["half a body", "half a chunk", "half a photo's chunk"], by_day=["half a body"])
)
async def test_a_body_that_stops(town: Town, what: str) -> None:
    """It is told so, with `retry`, and not before it had half a minute."""
    link = await Raw.open(town.url)
    await link.sends(SILENT[what])
    await let_in(town)
    for _ in range(28):
        await town.clock.advance(1)
    assert len(town.hubs[0].connections) == 1
    for _ in range(4):
        await town.clock.advance(1)
    head, _, body = (await link.rest()).partition(b"\r\n\r\n")
    assert head.startswith((b"HTTP/1.1 408 ", b"HTTP/1.1 404 "))  # of a photo: there is no such alarm
    assert b"408" not in head or json.loads(body)["retry"] is True


async def test_a_body_that_dribbles(town: Town) -> None:
    """A byte now and then is no progress: less than `serve.slow_bytes_s` in half a minute is broken off like none."""
    link = await Raw.open(town.url)
    await link.sends(JSON + b"Content-Length: 50000\r\n\r\n{")
    await let_in(town)
    for _ in range(32):
        await link.sends(b" " * 10)
        await let_in(town)
        await town.clock.advance(1)
    assert await link.answers() == [408]


async def test_a_form_that_stops_is_an_alarm(town: Town) -> None:
    """Its words had come: the alarm is stored, and the page is told what was not."""
    officer = await town.officer("V01")
    alarm = str(uuid.uuid4())
    link = await Raw.open(town.url)
    await link.sends(FORM + b"Content-Length: 900000\r\n\r\n" + form(alarm, b"x" * 100_000))
    await let_in(town)
    for _ in range(32):
        await town.fast_forward(1)
    head, _, body = (await link.rest()).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 201 ")
    assert "without files" in json.loads(body)["faults"][0]
    await officer.hears(alarm, "alarm_raised")
    assert officer.alarms[alarm]["text"] == "救命"
    town.stops_watching(officer)


async def test_who_takes_nothing_is_cut_off(town: Town) -> None:
    """After two minutes in which nothing of what was written to it was taken, though it goes on sending; not before."""
    link = await Raw.open(town.url, receives=2048)
    link.reads_nothing()
    await link.sends(JSON + b"Content-Length: 50000\r\n\r\n{")
    await let_in(town)
    connection = next(each for each in town.hubs[0].connections if each.cycle.more_body)
    with town.clock.under_way():
        connection.transport.write(b"x" * 10_000_000)
    for _ in range(115):
        await link.sends(b" " * 100)
        await town.clock.advance(1)
    assert town.hubs[0].connections == [connection]
    for _ in range(10):
        await town.clock.advance(1)
    await town.quiet()
    assert town.hubs[0].connections == []
    link.aborts()


# -- halves ------------------------------------------------------------------------------------------------------------


def long_frame(size: int, sent: int) -> bytes:
    """The beginning of a masked frame of that size."""
    return b"\x82\xff" + size.to_bytes(8) + bytes(4) + b"x" * sent


async def test_halves_have_an_end_as_they_come(tmp_path: Path) -> None:
    """Not only at the next look: while no time passes, the halves of messages stay within the bound."""
    async with Town(tmp_path, env={"DISPATCH_SERVE_HELD_BYTES": "16777216"}) as town:
        strangers = []
        for _ in range(25):
            strangers.append(await Raw.websocket(town.url))
            await strangers[-1].sends(long_frame(1_000_000, 900_000))
            await let_in(town)
            assert sum(each.held().size for each in town.dispatch.door.inside) <= 16_777_216 + 65_536
        await taken(town)
        for each in strangers:
            each.aborts()


async def test_halves_have_one_end_for_all(tmp_path: Path) -> None:
    """What stands still is let go first, whoever sent it; a chunk that comes meanwhile is stored."""
    async with Town(tmp_path, env={"DISPATCH_SERVE_HELD_BYTES": "16777216"}) as town:
        sockets = []
        for _ in range(20):
            link = await Link.open(town.url)
            await link.asks("raise", id=str(uuid.uuid4()), secret=SECRET)
            sockets.append(link)
        strangers = []
        for link in sockets:  # known by now, and so allowed the longest messages
            link.socket.transport.write(long_frame(1_000_000, 950_000))
        for _ in range(6):
            await let_in(town)
            await town.clock.advance(1)
        for _ in range(10):
            strangers.append(await Raw.open(town.url))
            await strangers[-1].sends(JSON + b"Content-Length: 65000\r\n\r\n{" + b" " * 60_000)
        await let_in(town)
        await town.clock.advance(1)
        held = [each.held().size for each in town.dispatch.door.inside]
        assert sum(held) <= 16_777_216
        assert 10 <= sum(size > 900_000 for size in held) <= 17
        assert sum(50_000 < size < 900_000 for size in held) == 10
        await taken(town)
        for each in strangers:
            each.aborts()
        for link in sockets:
            link.socket.transport.abort()
        await town.quiet()
