"""People who could take a hub, a station or an officer's eye away: too much said, too slow, too long, too many (P8)."""

import asyncio
import json
import socket
import subprocess
import sys
import time
from contextlib import suppress
from urllib.parse import urlsplit

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.faults.proxy import Proxy, Weather
from tests.faults.stage import Stage
from tests.faults.town import ROOT, environment

SLOW = "V04"
WORDS = "他还在门外，我不敢出声。" * 400
TEXTS = 30
MOVES = 60
SILENT = 250
FORMS = 30
ENDS_S = 3.0
"""A console whose sign-in was ended is cut within this; the promise is one second, and the machine is busy."""


async def one_alarm_says_much(stage: Stage) -> None:
    """Long texts in one alarm, then its place again and again over many connections: others are served as ever."""
    await stage.anywhen()
    citizen = stage.load.raises()
    await citizen.raises()
    for _ in range(TEXTS):
        await citizen.says(WORDS)
    moves = [asyncio.create_task(citizen.moves()) for _ in range(MOVES)]
    await stage.recovers(time.monotonic())
    await asyncio.gather(*moves)


async def a_slow_line(stage: Stage) -> None:
    """A page is opened over 400 kB/s while much was said in what is open: it is slow, never cut, and misses nothing."""
    hub = stage.chance.choice(stage.town.hubs)
    proxy = await stage.away(lambda: Proxy(hub.port, str(stage.chance.random())))
    proxy.weather(Weather(delay_s=(0.04, 0.04)))
    citizen = stage.load.raises()
    await citizen.raises()
    for _ in range(TEXTS):
        await citizen.says(WORDS)
    console = stage.load.sits(SLOW, "dadongmen", await stage.cookie(SLOW), [f"http://127.0.0.1:{proxy.port}"])
    console.working = False
    await stage.recovers(time.monotonic())
    stage.load.consoles.remove(console)
    await console.close()
    await stage.away(proxy.end)


async def endless_heads(stage: Stage) -> None:
    """Request lines and heads of megabytes, and thousands of pings by one who reads no answer."""
    await stage.anywhen()
    tasks = []
    for hub in stage.town.hubs:
        tasks += [asyncio.create_task(_sends(hub.url, b"GET /" + b"a" * 20_000_000)) for _ in range(3)]
        heads = b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: %s\r\n" % (n, b"b" * 4000) for n in range(2000))
        tasks += [asyncio.create_task(_sends(hub.url, heads)) for _ in range(3)]
        tasks.append(asyncio.create_task(_pings(hub.url)))
    await stage.recovers(time.monotonic())
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def silent_connections(stage: Stage) -> None:
    """Hundreds of connections that say nothing, and forms of which the rest never comes: alarms come through."""
    await stage.anywhen()
    form = (
        b"POST /alarm HTTP/1.1\r\nHost: %s\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 9000000"
        b"\r\n\r\n--b\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"a.jpg\"\r\n\r\n"
    )  # fmt: skip
    links: list[socket.socket] = []
    try:
        for hub in stage.town.hubs:
            where = urlsplit(hub.url)
            for number in range(SILENT + FORMS):
                link = socket.create_connection((where.hostname, where.port), timeout=5)
                links.append(link)
                if number >= SILENT:
                    link.sendall(form % where.netloc.encode() + b"x" * 50_000)
            await asyncio.sleep(0)
        await stage.recovers(time.monotonic())
    finally:
        for link in links:
            link.close()


async def sign_in_is_ended(stage: Stage) -> None:
    """An officer is barred while their console is open: it is cut, and neither sees nor does anything any more."""
    name = f"Q{stage.chance.getrandbits(32):08x}"
    await stage.away(lambda: _user(stage, "add", name, "--role", "officer", "--station", "dadongmen"))
    cookie = await stage.load.web.sign_in(name, "a-long-password")
    url = stage.chance.choice(stage.load.urls)
    ends: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    watching = asyncio.create_task(_watches(url, cookie, ends))
    await stage.anywhen()
    await stage.away(lambda: _user(stage, "disable", name))
    try:
        await asyncio.wait_for(asyncio.shield(ends), ENDS_S)
    except TimeoutError:
        stage.history.stuck(f"the console of {name} was served {ENDS_S} s after the sign-in's end")
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    with suppress(InvalidStatus, ConnectionClosed, OSError):
        async with _console(url, cookie) as again:
            await again.send(json.dumps({"type": "subscribe", "ref": "1", "after": {}}))
            if "snapshot" in str(await again.recv()):
                stage.history.stuck(f"{name} was barred, and is served")
    await stage.recovers(time.monotonic())


async def _sends(url: str, data: bytes) -> None:
    """Send all of it, as far as it is taken."""
    where = urlsplit(url)
    with suppress(OSError):
        _, writer = await asyncio.open_connection(where.hostname, where.port)
        try:
            for at in range(0, len(data), 65_536):
                writer.write(data[at : at + 65_536])
                await writer.drain()
        finally:
            writer.transport.abort()


async def _pings(url: str) -> None:
    with suppress(OSError, ConnectionClosed, InvalidStatus):
        async with connect(
            "ws" + url.removeprefix("http") + "/ws/alarm", origin=url, ping_interval=None, proxy=None,  # type: ignore[arg-type]
        ) as link:  # fmt: skip
            link.transport.pause_reading()
            try:
                for _ in range(20_000):
                    await link.ping()
            finally:
                link.transport.abort()


async def _watches(url: str, cookie: str, ends: asyncio.Future[None]) -> None:
    """Read what an open console is sent until it is cut."""
    try:
        async with _console(url, cookie) as link:
            await link.send(json.dumps({"type": "subscribe", "ref": "1", "after": {}}))
            while True:
                await link.recv()
    except (ConnectionClosed, OSError, InvalidStatus):
        ends.set_result(None)


def _console(url: str, cookie: str) -> connect:
    return connect(
        "ws" + url.removeprefix("http") + "/ws/console", origin=url, additional_headers={"cookie": cookie},  # type: ignore[arg-type]
        max_size=None, proxy=None,
    )  # fmt: skip


def _user(stage: Stage, what: str, name: str, *more: str) -> None:
    town = stage.town
    command = [
        sys.executable, "-m", "dispatch", "user", what, name, *more, "--config", str(town.folder / "config"), "--data",
        str(town.folder / "data"), "--store", town.store.url, *(["--password-stdin"] if what == "add" else []),
    ]  # fmt: skip
    env = environment()
    subprocess.run(command, cwd=ROOT, env=env, input="a-long-password", capture_output=True, text=True, check=True)
