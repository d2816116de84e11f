"""A machine with a store as docs/operations.md sets it up, on loopback: the shipped files, other folders and ports."""

import subprocess
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from tests.deploy.shipped import DEPLOY, shipped
from tests.nodes import free_ports

PASSWORD = "a-password-of-the-store"


class Machine:
    """Its /etc/valkey and /var/lib/valkey are folders, and its servers are processes.

    Args:
        folder: is made.
        binary: `valkey-server` or `redis-server`.
    """

    def __init__(self, folder: Path, binary: str) -> None:
        self.etc = folder / "etc"
        self.lib = folder / "lib"
        self.port = free_ports(1)[0]
        self._binary = binary
        self._servers: dict[str, subprocess.Popen[bytes]] = {}
        for made in (folder, self.etc, self.lib):
            made.mkdir()
        (self.etc / "password.conf").write_text(f"requirepass {PASSWORD}\nmasterauth {PASSWORD}\n")
        self.redis: Any = Redis(
            port=self.port, password=PASSWORD, decode_responses=True, socket_timeout=5, retry=Retry(NoBackoff(), 0)
        )

    @property
    def url(self) -> str:
        return f"redis://:{PASSWORD}@127.0.0.1:{self.port}"

    def place(self, name: str, places: dict[str, str], *more: str) -> None:
        """Put a shipped file there, with its places replaced and lines added at its end."""
        text = (DEPLOY / "valkey" / name).read_text("utf-8")
        folders = {"/etc/valkey": str(self.etc), "/var/lib/valkey": str(self.lib)}
        there = {place: real for place, real in folders.items() if place in text}
        (self.etc / name).write_text("\n".join([shipped(f"valkey/{name}", there | places), *more, ""]), "utf-8")

    def place_store(self, *more: str) -> None:
        self.place("valkey.conf", {"port 6379": f"port {self.port}"}, *more)

    def start(self, name: str, *flags: str) -> None:
        """Start a server with a file that was put there."""
        with (self.etc.parent / f"{name}.log").open("ab") as log:
            self._servers[name] = subprocess.Popen([self._binary, str(self.etc / name), *flags], stdout=log, stderr=log)

    def said(self) -> str:
        return "".join(log.read_text(errors="replace")[-2000:] for log in self.etc.parent.glob("*.log"))

    async def answers(self) -> bool:
        assert all(server.poll() is None for server in self._servers.values()), self.said()
        return bool(await self.redis.ping())

    def kill(self, *names: str) -> None:
        """Kill these servers, or all."""
        for name in names or list(self._servers):
            server = self._servers.pop(name)
            server.kill()
            server.wait(timeout=30)
