"""`python -m bench.fuzz`: a hub under requests and frames that are nearly right, with a real alarm every second.

What is sent is made from the protocol's own models and then broken (`tests/fuzz.py`), to every route and socket. Exit
status 1 when there was a 500, a traceback, a close that says nothing, or an alarm that no console got.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import re
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from multiprocessing import get_context
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import httpx
import uvloop
from redis.asyncio import Redis
from starlette.routing import Mount, Route
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidMessage, InvalidStatus

from bench.citizens import ByHttp
from bench.hub import Hub, serving
from bench.real import People
from bench.report import figures, head, line, machine, say
from dispatch import resources, web
from dispatch.alarm import messages as m
from dispatch.alarm.clock import StoreClock
from dispatch.app import Dispatch
from dispatch.media.objects import Objects
from dispatch.settings import load
from dispatch.underway import UnderWay
from tests.fuzz import TYPES, Fuzz

SECRET = "0123456789abcdefghijklmn"
SOCKETS: dict[str, Any] = {"/ws/alarm": m.CITIZEN, "/ws/console": m.CONSOLE, "/ws/helper": m.HELPER}
CLOSED = (1000, 4000, 4400, 4404, 4408, 4413, 4429, 4501)
"""Closes that say why."""
_ANSWER_S = 30.0
_DRAIN_S = 10.0


async def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.fuzz", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--requests", type=int, default=200_000, help="in all (200000)")
    parser.add_argument("--frames", type=int, default=200_000, help="in all, over three sockets in two codecs (200000)")
    parser.add_argument("--connections", type=int, default=8, help="for the requests (8)")
    parser.add_argument("--seed", type=int, default=1, help="decides what is sent (1)")
    parser.add_argument("--data", type=Path, help="where to make the data folder: the disk that is synced to")
    parser.add_argument("--json", action="store_true", help="one line of JSON with everything at the end")
    chosen = parser.parse_args()
    about = machine(chosen.data)
    head(about, f"{chosen.requests} requests, {chosen.frames} frames, and a real alarm every second")
    with serving(chosen.data) as hub:
        found = await Real(hub, chosen).run()
    if chosen.json:
        line(about, vars(chosen), found)
    return 1 if found["faults"] or found["unseen"] else 0


@dataclass(slots=True)
class Wanted:
    """What is sent, and with whose cookies. `known` are names that are there, `routes` (method, path)."""

    url: str
    cookies: dict[str, str]
    known: dict[str, list[Any]]
    routes: list[tuple[str, str]]
    requests: int
    frames: int
    connections: int
    seed: int


@dataclass(slots=True)
class Came:
    """What came back: what must not be, answers by their status, closes by their code."""

    faults: list[str] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    closes: Counter[str] = field(default_factory=Counter)


def hail(wanted: Wanted) -> Came:
    """Send all of it. In a process of its own: making it would make who looks at the clock late."""
    return uvloop.run(Hail(wanted).run())


class Real:
    """A real alarm every second, one console, and the hub that is being hailed on."""

    def __init__(self, hub: Hub, chosen: argparse.Namespace) -> None:
        self._hub = hub
        self._chosen = chosen
        self._people = People(hub, 1, lambda _: ByHttp(), _resident)

    async def run(self) -> dict[str, Any]:
        cookies = {name: await self._people.signs_in(name) for name in ("V01", "V02", "S01", "H01")}
        alarm = "3f0f6f5c-1111-4000-8000-000000000001"
        async with httpx.AsyncClient(base_url=self._hub.url) as http:
            made = await http.post("/alarms", json={"id": alarm, "secret": SECRET, "text": "门外有人"})
            made.raise_for_status()
        known: dict[str, list[Any]] = {
            "id": [alarm], "alarm": [alarm], "secret": [SECRET], "media": ["m1"], "station": ["dadongmen", "xiaodong"],
            "stations": ["dadongmen"], "seq": [0, 1], "ref": ["1", "2"], "lang": ["zh", "en"], "pin": ["4821"],
            "user": ["V09"], "password": ["x"], "part": ["citizen.zh"], "name": ["V09"], "token": ["x"],
            "to": ["V02"], "helpers": ["H01"], "path": ["console/main.js"], "at": ["2026-11-22T02:15:00Z"],
        }  # fmt: skip
        chosen = self._chosen
        wanted = Wanted(
            self._hub.url, cookies, known, await _routes(self._hub.data), chosen.requests, chosen.frames,
            chosen.connections, chosen.seed,
        )  # fmt: skip
        watch = await self._people.watch(cookies["V02"])
        real = asyncio.create_task(self._people.press())
        began = monotonic()
        try:
            with ProcessPoolExecutor(1, get_context("spawn")) as apart:
                came = await asyncio.get_running_loop().run_in_executor(apart, hail, wanted)
            took = monotonic() - began
            real.cancel()
            end = monotonic() + _DRAIN_S
            while self._people.waiting and monotonic() < end:
                await asyncio.sleep(0.05)
        finally:
            real.cancel()
            watch.stop()
        came.faults += _traces(self._hub.log)
        people = self._people
        times = figures(people.late_ms)
        found = {
            "seconds": took, "alarms": len(people.late_ms) + len(people.waiting), "unseen": len(people.waiting),
            "press_to_console_ms": asdict(times), "hub_mib": people.most_bytes / 2**20, "faults": came.faults[:20],
            "statuses": dict(sorted(came.statuses.items())), "closes": dict(came.closes),
        }  # fmt: skip
        say(f"{took:.0f} s; statuses {found['statuses']}; closes {found['closes']}")
        print(f"{found['alarms']} real alarms, {found['unseen']} unseen; press to console p50 {times.p50:.1f}, p99"
              f" {times.p99:.1f}, worst {times.worst:.1f} ms; hub at most {found['hub_mib']:.0f} MiB;"
              f" {len(came.faults)} faults")  # fmt: skip
        for fault in came.faults[:20]:
            print(f"- {fault}")
        return found


class Hail:
    """All that is sent."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._left = {"requests": wanted.requests, "frames": wanted.frames}
        self._came = Came()

    async def run(self) -> Came:
        senders = [self._requests(number) for number in range(self._wanted.connections)]
        senders += [self._frames(path, codec) for path in SOCKETS for codec in ("json", "msgpack")]
        await asyncio.gather(*senders)
        return self._came

    async def _requests(self, number: int) -> None:
        chance = random.Random(f"{self._wanted.seed}-{number}")
        fuzz = Fuzz(chance, self._wanted.known)
        where = urlsplit(self._wanted.url)
        link: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        while self._left["requests"] > 0:
            self._left["requests"] -= 1
            method, template = chance.choice(self._wanted.routes)
            if template == "/session" and method == "DELETE":
                continue
            target, body = fuzz.path(template), fuzz.body()
            kind = chance.choice(TYPES[:5] if chance.random() < 0.7 else TYPES)
            heads = [f"host: {where.netloc}", f"content-length: {len(body)}", f"content-type: {kind}"]
            heads += [f"authorization: Bearer {SECRET}"] if chance.random() < 0.8 else []
            heads += [f"cookie: {self._wanted.cookies['S01']}"] if chance.random() < 0.5 else []
            heads += ["accept: text/html"] if chance.random() < 0.1 else []
            asked = "\r\n".join([f"{method} {target} HTTP/1.1", *heads, "", ""]).encode("latin-1", "replace") + body
            try:
                async with asyncio.timeout(_ANSWER_S):
                    link = link or await asyncio.open_connection(where.hostname, where.port)
                    link[1].write(asked)
                    status, text, stays = await _answer(link[0], method)
            except TimeoutError:
                self._came.faults.append(f"no answer in {_ANSWER_S:g} s: {method} {target}")
                link = None
                continue
            except (ConnectionError, asyncio.IncompleteReadError, ValueError) as fault:
                self._came.statuses[0] += 1
                if link is not None:
                    link[1].close()
                    link = None
                self._came.statuses[-1] += isinstance(fault, ValueError)
                continue
            self._came.statuses[status] += 1
            if status >= 500 and b"live_busy" not in text:
                self._came.faults.append(f"{status} {method} {target} {kind}: {text[:120]!r}")
            if not stays:
                link[1].close()
                link = None

    async def _frames(self, path: str, codec: str) -> None:
        chance = random.Random(f"{self._wanted.seed}{path}{codec}")
        fuzz = Fuzz(chance, self._wanted.known, packed=codec == "msgpack")
        models = list(SOCKETS[path].values())
        who = {"/ws/console": "V01", "/ws/helper": "H01"}.get(path)
        link: ClientConnection | None = None
        reading: asyncio.Task[None] | None = None
        while self._left["frames"] > 0:
            self._left["frames"] -= 1
            frame = fuzz.frame(chance.choice(models), codec == "msgpack")
            try:
                if link is None:
                    head = {"cookie": self._wanted.cookies[who]} if who else {}
                    link = await connect(
                        self._wanted.url.replace("http", "ws", 1) + path, subprotocols=[f"dispatch.v1.{codec}"],  # type: ignore[list-item]
                        origin=self._wanted.url, additional_headers=head, compression=None, max_size=None, proxy=None,  # type: ignore[arg-type]
                    )  # fmt: skip
                    reading = asyncio.create_task(_reads(link))
                await link.send(frame, text=codec == "json")
            except (InvalidStatus, InvalidMessage, OSError) as fault:
                self._came.closes["refused"] += 1
                if isinstance(fault, InvalidStatus) and fault.response.status_code >= 500:
                    self._came.faults.append(f"{path}: {fault}")
                await asyncio.sleep(0.05)
            except ConnectionClosed:
                if link is not None and reading is not None:
                    await reading
                    self._came.closes[str(link.close_code)] += 1
                    if link.close_code not in CLOSED:
                        self._came.faults.append(f"{path} {codec}: closed with {link.close_code} {link.close_reason}")
                link = None
        if link is not None and reading is not None:
            await link.close()
            await reading


def _traces(log: str) -> list[str]:
    found = ["a traceback in the log"] * log.count("Traceback")
    return found + [row[:200] for row in log.splitlines() if '"level":"error"' in row][:20]


def _resident(pid: int) -> int:
    """Bytes of memory that a process has."""
    return int(re.findall(r"VmRSS:\s*(\d+)", Path(f"/proc/{pid}/status").read_text())[0]) * 1024


async def _reads(link: ClientConnection) -> None:
    with suppress(ConnectionClosed):
        async for _ in link:
            pass


async def _answer(reader: asyncio.StreamReader, method: str) -> tuple[int, bytes, bool]:
    """(status, body, whether the connection stays)."""
    rows = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    heads = {name.strip().lower(): value.strip() for name, _, value in (row.partition(":") for row in rows[1:])}
    status, body = int(rows[0].split()[1]), b""
    if method != "HEAD" and status not in (204, 304):
        if heads.get("transfer-encoding") == "chunked":
            while size := int((await reader.readuntil(b"\r\n")).strip(), 16):
                body += (await reader.readexactly(size + 2))[:-2]
            await reader.readexactly(2)
        else:
            body = await reader.readexactly(int(heads.get("content-length", "0")))
    return status, body, heads.get("connection", "") != "close"


async def _routes(data: Path) -> list[tuple[str, str]]:
    """Every (method, path) of a hub; asked of one that is made and never opened."""
    made = Dispatch(
        load(resources.demo_config(), {}), Redis(), Objects(data / "none", bytes(32)), StoreClock(), resources.web(),
        data / "none",
    )  # fmt: skip
    assert isinstance(made.asgi, UnderWay)
    guard = made.asgi._application  # noqa: SLF001 - nothing else knows every route
    assert isinstance(guard, web.Guard)
    every: list[Any] = guard._app.routes  # type: ignore[attr-defined]  # noqa: SLF001
    found = [(method, each.path) for each in every if isinstance(each, Route) for method in sorted(each.methods or ())]
    return found + [("GET", f"{each.path}/{{path}}") for each in every if isinstance(each, Mount)]


if __name__ == "__main__":
    sys.exit(uvloop.run(main()))
