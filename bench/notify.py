"""What a push service that never answers does to acknowledgements: beside one that answers, and none.

`python -m bench.notify`; see the README here. One hub, built-in store; the officers of one station at their consoles,
each with a phone whose push service is in this process. Rounds of the three kinds by turns, so that the machine's moods
hit all alike. Clocks: who acknowledges and who is answered is one process, so there is one.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import random
import secrets
import sys
import uuid
from dataclasses import asdict
from pathlib import Path
from statistics import median
from time import monotonic

import httpx
import uvloop
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from websockets.asyncio.client import ClientConnection, connect

from bench.citizens import INSIDE
from bench.hub import Hub, workplace
from bench.load import STATION
from bench.report import Figures, figures, head, line, machine, say, table

KINDS = ("no phones", "answers", "hangs")
_HANGS_S = 21.0
_READY_S = 5.0
_ANSWER = b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"


class PushService:
    """Takes pushes and reads none of them; one that `hangs` takes and does not answer."""

    def __init__(self, hangs: bool) -> None:
        self.hangs = hangs
        self.pushes = 0
        self.url = ""

    async def start(self) -> asyncio.Server:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        return server

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                headers = await reader.readuntil(b"\r\n\r\n")
                size = next(
                    int(row[15:]) for row in headers.lower().split(b"\r\n") if row.startswith(b"content-length:")
                )
                await reader.readexactly(size)
                self.pushes += 1
                if self.hangs:
                    await asyncio.sleep(_HANGS_S)
                writer.write(_ANSWER)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            writer.close()


class Officer:
    """One at a ready console, and with a phone."""

    def __init__(self, url: str, cookie: str) -> None:
        self._url = url
        self._http = httpx.AsyncClient(base_url=url, headers={"cookie": cookie, "origin": url})
        self._cookie = cookie
        self._waiting: dict[str, asyncio.Future[dict[str, object]]] = {}
        self._socket: ClientConnection
        self._tasks: list[asyncio.Task[None]] = []
        self._device = ""

    async def sits_down(self) -> None:
        self._socket = await connect(
            self._url.replace("http", "ws", 1) + "/ws/console", origin=self._url,  # type: ignore[arg-type]
            additional_headers={"cookie": self._cookie},
        )  # fmt: skip
        self._tasks = [asyncio.create_task(self._hears())]
        await self.asks("subscribe")
        self._tasks.append(asyncio.create_task(self._stays_ready()))

    async def subscribes(self, service: PushService) -> None:
        point = ec.generate_private_key(ec.SECP256R1()).public_key()
        keys = {
            "p256dh": _text(point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)),
            "auth": _text(secrets.token_bytes(16)),
        }
        body = {"endpoint": f"{service.url}/{secrets.token_hex(8)}", "keys": keys}
        answer = await self._http.put("/notify/push", json=body)
        answer.raise_for_status()
        self._device = answer.json()["id"]

    async def unsubscribes(self) -> None:
        if self._device:
            (await self._http.delete(f"/notify/push/{self._device}")).raise_for_status()
            self._device = ""

    async def asks(self, kind: str, **members: object) -> dict[str, object]:
        ref = secrets.token_hex(8)
        self._waiting[ref] = asyncio.get_running_loop().create_future()
        await self._socket.send(json.dumps({"type": kind, "ref": ref, **members}))
        return await self._waiting[ref]

    async def leaves(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._socket.close()
        await self._http.aclose()

    async def _stays_ready(self) -> None:
        while True:
            await self.asks("ready", sound=True, visible=True)
            await asyncio.sleep(_READY_S)

    async def _hears(self) -> None:
        async for frame in self._socket:
            message = json.loads(frame)
            future = self._waiting.pop(message.get("ref") or "", None)
            if future is not None and not future.done():
                future.set_result(message)


async def measure(hub: Hub, rate: float, seconds: float, rounds: int) -> dict[str, list[Figures]]:
    """Rounds of each kind by turns; the times of acknowledgements in ms. The first turn does not count."""
    services = {"answers": PushService(hangs=False), "hangs": PushService(hangs=True)}
    servers = [await service.start() for service in services.values()]
    officers = [Officer(hub.url, cookie) for cookie in hub.cookies(STATION, 10)]
    found: dict[str, list[Figures]] = {kind: [] for kind in KINDS}
    async with httpx.AsyncClient(base_url=hub.url) as citizens:
        for officer in officers:
            await officer.sits_down()
        for turn in range(rounds + 1):
            for n in range(len(KINDS)):
                kind = KINDS[(n + turn) % len(KINDS)]  # none is always the first, or after the same
                for officer in officers:
                    await officer.unsubscribes()
                    if kind in services:
                        await officer.subscribes(services[kind])
                before, cpu, began = _pushes(services), hub.cpu_s(), monotonic()
                took = await _round(citizens, officers, rate, seconds if turn else min(seconds, 3))
                used = [(now - was) / (monotonic() - began) for now, was in zip(hub.cpu_s(), cpu, strict=True)]
                say(f"{kind}: {len(took)} acknowledged, {_pushes(services) - before} pushes")
                say(f"cores used: hub {used[0]:.2f}, store {used[1]:.2f}")
                if turn:
                    found[kind].append(figures(took))
        for officer in officers:
            await officer.leaves()
    for server in servers:
        server.close()
    return found


def _pushes(services: dict[str, PushService]) -> int:
    return sum(service.pushes for service in services.values())


async def _round(citizens: httpx.AsyncClient, officers: list[Officer], rate: float, seconds: float) -> list[float]:
    took: list[float] = []
    began = monotonic()
    async with asyncio.TaskGroup() as group:
        for instant in sorted(random.uniform(0, seconds) for _ in range(round(rate * seconds))):
            await asyncio.sleep(max(0.0, began + instant - monotonic()))
            group.create_task(_alarm(citizens, random.choice(officers), took))
    return took


async def _alarm(citizens: httpx.AsyncClient, officer: Officer, took: list[float]) -> None:
    """Raised, acknowledged while its pushes are under way, closed."""
    body = {"id": str(uuid.uuid4()), "secret": secrets.token_urlsafe(24), "position": INSIDE[STATION]}
    (await citizens.post("/alarms", json=body)).raise_for_status()
    await asyncio.sleep(random.uniform(0.1, 1.0))
    asked = monotonic()
    answer = await officer.asks("ack", alarm=body["id"])
    took.append((monotonic() - asked) * 1000)
    if answer["type"] != "ok":
        raise RuntimeError(f"not acknowledged: {answer}")
    await officer.asks("close", alarm=body["id"], disposition="test")


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.notify", description=__doc__.splitlines()[0])
    parser.add_argument("--rate", type=float, default=10, help="alarms a second (10)")
    parser.add_argument("--seconds", type=float, default=20, help="of one round (20)")
    parser.add_argument("--rounds", type=int, default=5, help="of each kind (5)")
    parser.add_argument("--data", type=Path, help="where to make the data folder: the disk that is synced to")
    parser.add_argument("--json", action="store_true", help="everything as one line of JSON, last")
    chosen = parser.parse_args()
    about = machine(chosen.data)
    head(about, f"{chosen.rate:g} alarms/s, each acknowledged within 1 s; 10 consoles; 2 phones called by each; rounds "
                f"of {chosen.seconds:g} s, {chosen.rounds} of each kind by turns")  # fmt: skip
    with workplace(chosen.data) as data:
        hub = Hub(data, settings={"DISPATCH_NOTIFY_PRIVATE_HOSTS": "true"})
        try:
            hub.start()
            found = uvloop.run(measure(hub, chosen.rate, chosen.seconds, chosen.rounds))
        finally:
            hub.stop()
    together = {
        kind: Figures(median(f.p50 for f in each), median(f.p99 for f in each), max(f.worst for f in each))
        for kind, each in found.items()
    }
    rows = [(kind, *(f"{number:.1f}" for number in asdict(each).values())) for kind, each in together.items()]
    table(("the push service", "acknowledgement p50 ms", "p99 ms", "worst ms"), rows)
    if chosen.json:
        rounds = {kind: [asdict(each) for each in of] for kind, of in found.items()}
        line(about, vars(chosen), {"together": {k: asdict(f) for k, f in together.items()}, "rounds": rounds})
    return 0


if __name__ == "__main__":
    sys.exit(main())
