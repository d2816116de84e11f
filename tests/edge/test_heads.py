"""What comes before and around a request's body has an end, and so do frames without a message; alarms go on."""

import asyncio
import json
import socket
import struct
import uuid
from contextlib import suppress
from pathlib import Path

import pytest

from tests.edge.raw import Raw, frame
from tests.flow.town import Town
from tests.nightly import mostly_by_night

pytestmark = pytest.mark.usefixtures("earlier")
MUCH = b"x" * 300_000
HOST = b"Host: x\r\n"
UPGRADE = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
UPGRADE += b"dGhlIHNhbXBsZSBub25jZQ=="
CHUNKED = b"POST /alarms HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
PING, PONG, TEXT, CONT = 9, 10, 1, 0
HEADS = {
    "line": b"GET /" + MUCH + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "query": b"GET /?" + MUCH + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "one header": b"GET / HTTP/1.1\r\n" + HOST + b"a: " + MUCH + b"\r\n\r\n",
    "a header's name": b"GET / HTTP/1.1\r\n" + HOST + MUCH + b": a\r\n\r\n",
    "many headers": b"GET / HTTP/1.1\r\n" + HOST + b"a: b\r\n" * 50_000 + b"\r\n",
    "cookies": b"GET / HTTP/1.1\r\n" + HOST + b"cookie: a=b\r\n" * 20_000 + b"\r\n",
    "empty lines before": b"\r\n" * 150_000 + b"GET /healthz HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n",
    "an upgrade": b"GET /ws/alarm HTTP/1.1\r\n" + HOST + UPGRADE + b"\r\na: " + MUCH + b"\r\n\r\n",
    "an upgrade's line": b"GET /ws/alarm?" + MUCH + b" HTTP/1.1\r\n" + HOST + UPGRADE + b"\r\n\r\n",
    "after another": b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\nGET /" + MUCH + b" HTTP/1.1\r\n" + HOST + b"\r\n",
}  # fmt: skip
BODIES = {
    "a chunk's extension": CHUNKED + b"1;a=" + MUCH + b"\r\n{\r\n0\r\n\r\n",
    "a chunk's size": CHUNKED + b"0" * len(MUCH) + b"1\r\n{\r\n0\r\n\r\n",
    "a trailer": CHUNKED + b"1\r\n{\r\n0\r\na: " + MUCH + b"\r\n\r\n",
    "many trailers": CHUNKED + b"1\r\n{\r\n0\r\n" + b"a: b\r\n" * 50_000 + b"\r\n",
}


@pytest.mark.parametrize("what", HEADS)
async def test_a_head_has_an_end(town: Town, what: str) -> None:
    """Whatever makes it longer than `serve.head_bytes`: 431 and closed, and what came whole before it is answered."""
    link = await Raw.open(town.url)
    await link.sends(HEADS[what])
    assert await link.answers() in ([431], [200, 431])


@pytest.mark.parametrize("what", BODIES)
async def test_what_is_around_a_body_has_an_end(town: Town, what: str) -> None:
    """Likewise; there is nobody to tell any more, so it is closed."""
    link = await Raw.open(town.url)
    await link.sends(BODIES[what])
    assert await link.answers() in ([], [408])


async def test_a_head_as_long_as_it_may_be(town: Town) -> None:
    """16 KiB in any pieces is a request like another, and a body after it may be longer than a head."""
    most = town.settings.serve.head_bytes
    body = json.dumps({"id": str(uuid.uuid4()), "secret": "0123456789abcdefghijklmn", "text": "救" * 4000}).encode()
    assert len(body) > most
    for step in (1000, 100_000):
        head = b"POST /alarms HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
        head += b"Content-Length: %d\r\na: " % len(body)
        whole = head + b"x" * (most - len(head) - 4) + b"\r\n\r\n" + body
        link = await Raw.open(town.url)
        for at in range(0, len(whole), step):
            await link.sends(whole[at : at + step])
        assert await link.answers() in ([201], [200])


async def test_requests_before_their_turn_wait(town: Town) -> None:
    """A thousand requests at once on one connection are answered in order, and few of them are held meanwhile."""
    link = await Raw.open(town.url)
    one = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    sending = asyncio.ensure_future(link.sends(one * 1000 + one.replace(b"Host", b"Connection: close\r\nHost")))
    waiting = 0
    with town.clock.under_way():
        reading = asyncio.ensure_future(link.answers())
        while not reading.done():
            await asyncio.sleep(0)
            waiting = max(
                [waiting, *(len(each.pipeline) for each in town.hubs[0].connections if hasattr(each, "pipeline"))]
            )
    await sending
    assert await reading == [200] * 1001
    assert waiting <= 4096 // len(one) + 1


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\nHost: x\r\na: b", b"\r\n\r\n"])
async def test_a_head_comes_in_time(town: Town, begun: bytes) -> None:
    """Within 10 s, also when a byte comes now and then; else 408 and closed. Nobody is closed before."""
    link = await Raw.open(town.url)
    await link.sends(begun)
    at_least = int(town.settings.serve.head_s) - 1
    for _ in range(at_least):
        await town.clock.advance(1)
        await link.sends(b"c" if begun.strip() else begun)
    assert len(town.hubs[0].connections) >= 1
    reading = asyncio.ensure_future(link.answers())
    with suppress(TimeoutError):
        await asyncio.wait_for(asyncio.shield(reading), 0.05)
    assert not reading.done()
    await town.clock.advance(2)
    assert await reading == [408]


async def test_a_citizen_who_reads_for_long(town: Town) -> None:
    """The times are of heads alone: a socket that is open, and an answer that is under way, stay."""
    link = await Raw.websocket(town.url)
    await town.fast_forward(60)
    await link.sends(frame(PING, b"there?") + frame(8, struct.pack("!H", 1000)))
    assert (PONG, b"there?") in await link.frames()


# -- frames ----------------------------------------------------------------------------------------------------------


async def test_pings_that_nobody_waits_for(town: Town) -> None:
    """Those that come together are answered by one pong, the newest; a client that pings as clients do is answered."""
    link = await Raw.websocket(town.url)
    await link.sends(b"".join(frame(PING, b"%d" % n) for n in range(300)))
    await link.sends(frame(8, struct.pack("!H", 1000)))
    came = await link.frames()
    pongs = [payload for opcode, payload in came if opcode == PONG]
    assert pongs[-1] == b"299"
    assert len(pongs) <= 10
    assert came[-1] == (8, struct.pack("!H", 1000))


FLOODS = {
    "pings": frame(PING, b"x" * 125) * 2000,
    "pongs": frame(PONG) * 2000,
    "pings in a message": frame(TEXT, b"{", fin=False) + frame(PING) * 2000,
    "a message of nothing": frame(TEXT, b"", fin=False) + frame(CONT, b"", fin=False) * 5000,
    "a message in bits": frame(TEXT, b"{", fin=False) + frame(CONT, b" ", fin=False) * 5000,
}


@pytest.mark.parametrize("what", mostly_by_night(FLOODS, by_day=["pings", "a message in bits"]))
async def test_frames_without_a_message(town: Town, what: str) -> None:
    """More than anybody needs: closed with 4429, which says why; nothing more of it is read."""
    link = await Raw.websocket(town.url)
    await link.sends(FLOODS[what])
    came = [each for each in await link.frames() if each[0] == 8]
    assert [struct.unpack("!H", payload[:2])[0] for _, payload in came] == [4429]


async def test_a_socket_that_pings_and_reads_nothing(tmp_path: Path) -> None:
    """What the hub holds for it is no more than a transport's own buffer, however long it goes on."""
    async with Town(tmp_path, env={"DISPATCH_SERVE_CONTROL_FRAMES": "100000"}) as town:
        town.hubs[0]._listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16_384)  # those that come from now on
        link = await Raw.websocket(town.url, receives=4096)
        link.reads_nothing()
        [connection] = [each for each in town.hubs[0].connections if hasattr(each, "buffered")]
        held = 0
        with town.clock.under_way():
            for _ in range(100):
                await link.sends(frame(PING, b"x" * 125) * 100)
                held = max(held, connection.buffered())
        assert held <= 100_000
        link.aborts()
