"""Two hubs on one store with nginx before them, and a load of citizens that never try again by themselves."""

import asyncio
import secrets
import ssl
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.deploy.shipped import Nginx
from tests.patience import PATIENCE_S
from tests.process import HubProcess

ADDRESS = "127.0.0.77"
TOLD = "203.0.113.77"
AGENT = "Nokia3310-KnownPhone/7.31"
CITIZENS = 4


class Balanced:
    """Two hubs on one store, and nginx before them.

    Args:
        folder: where everything is kept.
        program: nginx.
        env: of the hubs.
    """

    def __init__(self, folder: Path, program: str, **env: str) -> None:
        self.hubs = [HubProcess(folder / "data", **env) for _ in range(2)]
        self.nginx: Nginx | None = None
        self._folder = folder
        self._program = program

    def start(self, **places: str) -> None:
        """Start all of it; `places` are further words of nginx's configuration to replace."""
        for hub in self.hubs:
            hub.start()
        self.start_nginx(**places)

    def start_nginx(self, **places: str) -> None:
        """Before hubs whose ports are known, and which may be started later."""
        self._folder.joinpath("nginx").mkdir()
        ports = (self.hubs[0].port, self.hubs[1].port)
        self.nginx = Nginx(self._program, self._folder / "nginx", ports, **places)
        self.nginx.start()

    def end(self) -> None:
        if self.nginx is not None:
            self.nginx.stop()
        for hub in self.hubs:
            hub.end()

    @property
    def url(self) -> str:
        assert self.nginx is not None
        return self.nginx.url

    @property
    def password(self) -> str:
        return self.hubs[0].password

    @asynccontextmanager
    async def browser(self, **options: Any) -> AsyncIterator[httpx.AsyncClient]:
        """A browser of which everything that it tells along is recognisable."""
        assert self.nginx is not None
        trust = ssl.create_default_context(cafile=str(self.nginx.authority))
        around = {
            "user-agent": AGENT, "x-forwarded-for": TOLD, "x-real-ip": TOLD, "forwarded": f"for={TOLD}", "via": TOLD,
        }  # fmt: skip
        way = httpx.AsyncHTTPTransport(verify=trust, local_address=ADDRESS)
        async with httpx.AsyncClient(
            base_url=self.url, transport=way, headers=around, timeout=PATIENCE_S, **options
        ) as http:
            yield http

    @asynccontextmanager
    async def load(self) -> AsyncIterator["Load"]:
        """Citizens that raise alarms without pause; at the end each of their requests was answered and stored."""
        async with self.browser() as http:
            load = Load(http)
            tasks = [asyncio.create_task(load.run()) for _ in range(CITIZENS)]
            try:
                yield load
            finally:
                load.ends = True
                await asyncio.gather(*tasks)
            assert load.faults == [], load.faults

    async def used(self, hub: HubProcess, load: "Load") -> None:
        """Wait until nginx gives requests to the hub."""
        async with asyncio.timeout(PATIENCE_S):
            while not connections(hub.port):
                await load.more(1)


class Load:
    """What became of the requests so far."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.receipts: list[str] = []
        self.faults: list[str] = []
        self.ends = False
        self._http = http
        self._came = asyncio.Condition()

    async def run(self) -> None:
        while not self.ends:
            body = {"id": str(uuid.uuid4()), "secret": secrets.token_urlsafe(24), "text": "门外有人"}
            try:
                answer = await self._http.post("/alarms", json=body)
            except httpx.HTTPError as fault:
                self.faults.append(repr(fault))
            else:
                if answer.status_code in (200, 201):
                    self.receipts.append(body["id"])
                else:
                    self.faults.append(f"{answer.status_code} {answer.text}")
            async with self._came:
                self._came.notify_all()

    async def more(self, count: int) -> None:
        """Wait for so many receipts more."""
        goal = len(self.receipts) + count
        await self.until(lambda: len(self.receipts) >= goal)

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S), self._came:
            await self._came.wait_for(lambda: true() or bool(self.faults))
        assert self.faults == [], self.faults


def connections(port: int) -> int:
    """Open connections to a port of this machine."""
    links = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(1 for link in links if link[2].endswith(f":{port:04X}") and link[3] == "01")
