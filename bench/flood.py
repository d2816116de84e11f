"""`python -m bench.flood`: somebody sends hundreds of alarms a second, and people in danger press meanwhile (P8).

What is sent comes from `--senders` addresses, as a proxy on this machine hands them on; a real alarm comes every five
seconds from an address of its own. Afterwards one act closes all that was sent. Exit status 1 when a real alarm was
marked or not seen, or one that was sent was refused.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import sys
import uuid
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from random import random
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import uvloop
from websockets.asyncio.client import connect

from bench.citizens import ByHttp
from bench.hub import Hub, memory_bytes, serving
from bench.real import People
from bench.report import figures, head, line, machine, say
from dispatch.store.client import connect as connect_store

WHAT = ("alarms", "plans", "texts", "positions", "media", "connections")
_REAL_EVERY_S = 5.0
_SETTLE_S = 20.0
_CHECK_IN_S = 60
_SAID, _CHARS = 400, 4000
"""Texts that were said before in the alarm whose positions come, and how long each is."""
_LIST_S = 8.0
"""A console is silent for longer only when nobody is there."""


async def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.flood", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--what", choices=WHAT, default="alarms", help="what is sent (alarms)")
    parser.add_argument("--senders", type=int, default=1, help="addresses that it comes from (1)")
    parser.add_argument("--per-s", type=int, default=300, help="so many in a second (300)")
    parser.add_argument("--seconds", type=float, default=60, help="for so long (60)")
    parser.add_argument("--connections", type=int, default=0, help="at most so many at once; any number with 0 (0)")
    parser.add_argument("--after-s", type=float, default=60, help="what it costs afterwards is measured so long (60)")
    parser.add_argument("--data", type=Path, help="where to make the data folder: the disk that is synced to")
    parser.add_argument("--json", action="store_true", help="one line of JSON with everything at the end")
    chosen = parser.parse_args()
    about = machine(chosen.data)
    head(about, f"{chosen.per_s} {chosen.what}/s from {chosen.senders} addresses for {chosen.seconds:g} s")
    with serving(chosen.data) as hub:
        found = await Real(hub, chosen).run()
    if chosen.json:
        line(about, vars(chosen), found)
    return 1 if found["unseen"] or found["marked"] or found["refused"] else 0


class Real:
    """The people in danger, an officer's console, and what all of it costs the hub."""

    def __init__(self, hub: Hub, chosen: argparse.Namespace) -> None:
        self._hub = hub
        self._chosen = chosen
        self._people = People(hub, _REAL_EVERY_S, lambda n: From(f"198.51.{n // 250}.{n % 250 + 1}"), memory_bytes)

    async def run(self) -> dict[str, Any]:
        chosen = self._chosen
        officer = await self._people.signs_in("V01")
        watch = await self._people.watch(await self._people.signs_in("V02"))
        real = asyncio.create_task(self._people.press())
        try:
            with ProcessPoolExecutor(1, get_context("spawn")) as apart:
                wanted = Wanted(
                    self._hub.url, chosen.what, chosen.senders, chosen.per_s, chosen.seconds, chosen.connections
                )  # fmt: skip
                came = await asyncio.get_running_loop().run_in_executor(apart, flood, wanted)
        finally:
            real.cancel()
        say(f"sent; answers {dict(came.statuses)}")
        await asyncio.sleep(_SETTLE_S)
        await self._handle(officer)
        if chosen.what == "plans":
            await asyncio.sleep(_CHECK_IN_S + _SETTLE_S)  # each was missed by then, and is an alarm
        after = await self._costs(chosen.after_s)
        acts = await self._closes(officer) if chosen.what in ("alarms", "plans") else {}
        watch.stop()
        people = self._people
        times = figures(people.late_ms)
        found = {
            "sent": came.sent, "answered": sum(came.statuses.values()), "statuses": dict(came.statuses),
            "refused": sum(count for status, count in came.statuses.items() if status >= 500),
            "real": len(people.late_ms) + len(people.waiting), "unseen": len(people.waiting),
            "marked": acts.pop("marked", 0),
            "press_to_console_ms": asdict(times), "hub_mib": people.most_bytes / 2**20, "after": after, "close": acts,
        }  # fmt: skip
        print(f"{came.sent} sent, answers {found['statuses']}; {found['real']} real alarms, {found['unseen']} unseen,"
              f" {found['marked']} marked; press to console p50 {times.p50:.1f}, p99 {times.p99:.1f}, worst"
              f" {times.worst:.1f} ms; hub at most {found['hub_mib']:.0f} MiB")  # fmt: skip
        print(f"after it: {after['cpu_percent']:.1f} % of a core, {after['events_per_min']:.0f} events and"
              f" {after['store_kib_per_min']:.0f} KiB of the store a minute; one act: {acts}")  # fmt: skip
        return found

    async def _costs(self, seconds: float) -> dict[str, float]:
        """What the hub and the store do when nothing more comes."""
        redis = connect_store(f"unix://{self._hub.data}/store/store.sock", "bench")
        before, ticks = await self._counted(redis), _ticks(self._hub.pid)
        await asyncio.sleep(seconds)
        after = await self._counted(redis)
        cpu = (_ticks(self._hub.pid) - ticks) / os.sysconf("SC_CLK_TCK") / seconds * 100
        await redis.aclose()
        return {
            "cpu_percent": cpu, "events_per_min": (after[0] - before[0]) / seconds * 60,
            "store_kib_per_min": (after[1] - before[1]) / seconds * 60 / 1024,
        }  # fmt: skip

    async def _counted(self, redis: Any) -> tuple[int, int]:
        """(events of all stations, bytes of the store's data)."""
        events = 0
        async for key in redis.scan_iter(match="dispatch:*:stream:*", count=1000):
            events += await redis.xlen(key)
        return events, int((await redis.info("memory"))["used_memory"])

    async def _handle(self, cookie: str) -> None:
        """An officer takes and ends each real alarm, as in life: what is left is what the flood left."""
        async with self._console(cookie) as socket:
            for number, (alarm, kind) in enumerate(
                (each, do) for each in self._people.alarms for do in ("ack", "close")
            ):
                more = {"disposition": "handled"} if kind == "close" else {}
                await socket.send(json.dumps({"ref": str(number), "type": kind, "alarm": alarm, **more}))
                while json.loads(await socket.recv()).get("ref") != str(number):
                    pass

    async def _closes(self, cookie: str) -> dict[str, Any]:
        """An officer closes what is of a burst, with one act for each; the seconds it took and what is left."""
        opened = await self._list(cookie)
        bursts = {one["burst"]: one for one in opened if "burst" in one}
        marked = sum(one["id"] in self._people.alarms for one in opened if "burst" in one)
        began, closed = monotonic(), 0
        for one in bursts.values():
            answer = await self._asks(
                cookie, type="close_burst", alarm=one["id"], until=datetime.now(UTC).isoformat().replace("+00:00", "Z"),
                disposition="false_alarm",
            )  # fmt: skip
            closed += answer.get("closed", 0)
        took = monotonic() - began
        left = await self._list(cookie)
        return {
            "marked": marked, "bursts": len(bursts), "closed": closed, "seconds": round(took, 1),
            "left_marked": sum("burst" in one for one in left), "left": len(left),
        }  # fmt: skip

    async def _list(self, cookie: str) -> list[dict[str, Any]]:
        """The open alarms of the station, as a console has them."""
        found: list[dict[str, Any]] = []
        async with self._console(cookie) as socket:
            await socket.send(json.dumps({"type": "subscribe", "ref": "1", "stations": ["dadongmen"], "after": {}}))
            with suppress(TimeoutError):
                async with asyncio.timeout(_LIST_S):
                    while True:
                        message = json.loads(await socket.recv())
                        found += message.get("alarms", []) if isinstance(message.get("alarms"), list) else []
        return [one for one in found if one.get("status") != "closed"]

    async def _asks(self, cookie: str, **message: Any) -> dict[str, Any]:
        async with self._console(cookie) as socket:
            await socket.send(json.dumps({"ref": "2", **message}))
            while True:
                answer: dict[str, Any] = json.loads(await socket.recv())
                if answer.get("ref") == "2":
                    return answer

    def _console(self, cookie: str) -> connect:
        return connect(
            self._hub.url.replace("http", "ws", 1) + "/ws/console", subprotocols=["dispatch.v1.json"],  # type: ignore[list-item]
            origin=self._hub.url, additional_headers={"cookie": cookie}, max_size=None, proxy=None, ping_interval=4,  # type: ignore[arg-type]
        )  # fmt: skip


class From(ByHttp):
    """A press from an address, as a proxy on this machine hands it on."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address

    def press(self) -> None:
        body = json.dumps(self.body).encode()
        heads = f"Host: {self._host}\r\nX-Forwarded-For: {self._address}\r\nContent-Type: application/json\r\n"
        self._transport.write(f"POST /alarms HTTP/1.1\r\n{heads}Content-Length: {len(body)}\r\n\r\n".encode() + body)


# -- the flood, in a process of its own ------------------------------------------------------------------------


@dataclass(slots=True)
class Wanted:
    url: str
    what: str
    senders: int
    per_s: int
    seconds: float
    connections: int


@dataclass(slots=True)
class Came:
    """How much was sent, and the answers; -1 for a connection that was not taken or was cut."""

    sent: int = 0
    statuses: Counter[int] = field(default_factory=Counter)


class Flood:
    """So many a second; of each connection the next goes out once the one before is answered."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._came = Came()
        self._links: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._alarm, self._secret = str(uuid.uuid4()), secrets.token_urlsafe(24)
        self._room = asyncio.Semaphore(wanted.connections or 1_000_000)

    async def run(self) -> Came:
        wanted, tasks = self._wanted, set[asyncio.Task[None]]()
        if wanted.what in ("texts", "positions", "media"):
            await self._ask("/alarms", {"id": self._alarm, "secret": self._secret}, "203.0.113.1")
        for _ in range(_SAID if wanted.what == "positions" else 0):
            await self._ask(f"/alarms/{self._alarm}/say", _text(), "203.0.113.1")
        began = monotonic()
        for number in range(int(wanted.per_s * wanted.seconds)):
            wait = began + number / wanted.per_s - monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
            task = asyncio.create_task(self._one(number))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        await asyncio.sleep(2)
        for task in tasks:  # a person waits; who floods has gone
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return self._came

    async def _one(self, number: int) -> None:
        self._came.sent += 1
        sender = number % self._wanted.senders
        address = f"203.0.{sender // 250}.{sender % 250 + 1}"
        try:
            body: dict[str, Any]
            match self._wanted.what:
                case "connections":
                    where = urlsplit(self._wanted.url)
                    await asyncio.open_connection(where.hostname, where.port)
                    self._came.statuses[0] += 1
                    await asyncio.sleep(self._wanted.seconds)
                    return
                case "texts":
                    body = _text()
                    path = f"/alarms/{self._alarm}/say"
                case "positions":
                    body = {"lat": 41.79 + random() / 100, "lon": 123.46 + random() / 100, "accuracy_m": 20}
                    path = f"/alarms/{self._alarm}/position"
                case "media":
                    body = {}
                    path = f"/alarms/{self._alarm}/media/m{number % 40}/{number // 40}"
                case "plans":
                    body, path = {**self._alarm_of(), "check_in_s": _CHECK_IN_S}, "/alarms"
                case _:
                    body, path = self._alarm_of(), "/alarms"
            async with self._room:
                self._came.statuses[await self._ask(path, body, address)] += 1
        except (OSError, asyncio.IncompleteReadError, ValueError):
            self._came.statuses[-1] += 1

    def _alarm_of(self) -> dict[str, Any]:
        return {"id": str(uuid.uuid4()), "secret": secrets.token_urlsafe(24), "text": "x"}

    async def _ask(self, path: str, body: dict[str, Any], address: str) -> int:
        where = urlsplit(self._wanted.url)
        data = json.dumps(body).encode() if body else secrets.token_bytes(1024)
        method = "PUT" if "/media/" in path else "POST"
        heads = [
            f"{method} {path} HTTP/1.1", f"Host: {where.netloc}", f"X-Forwarded-For: {address}",
            f"Authorization: Bearer {self._secret}", f"Content-Length: {len(data)}",
            "Content-Type: " + ("application/json" if body else "audio/webm"),
        ]  # fmt: skip
        link = self._links.pop() if self._links else await asyncio.open_connection(where.hostname, where.port)
        link[1].write("\r\n".join([*heads, "", ""]).encode() + data)
        try:
            answer = (await link[0].readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            size = int(answer.partition("content-length:")[2].partition("\r\n")[0] or 0)
            await link[0].readexactly(size)
        except BaseException:
            link[1].close()
            raise
        self._links.append(link)
        return int(answer.split(" ", 2)[1])


def _text() -> dict[str, Any]:
    return {"ref": str(uuid.uuid4()), "text": "a" * _CHARS}


def flood(wanted: Wanted) -> Came:
    """Send all of it; for a process of its own."""
    return uvloop.run(Flood(wanted).run())


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


if __name__ == "__main__":
    sys.exit(uvloop.run(main()))
