"""One server process of a store, on loopback: started, killed, paused, asked."""

from __future__ import annotations

import asyncio
import fcntl
import os
import random
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import cache
from io import BufferedRandom
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

_LOOK_S = 0.01
_given: set[int] = set()


async def until(true: Callable[[], Awaitable[bool]], what: str, timeout_s: float = 30.0) -> None:
    """Ask until it is `true`; a server that does not answer yet is asked again."""
    last: BaseException | None = None
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        try:
            if await true():
                return
        except (RedisError, OSError) as fault:
            last = fault
        await asyncio.sleep(_LOOK_S)
    raise AssertionError(f"not in {timeout_s:g} s: {what} (last fault: {last!r})")


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, below those that the system gives to outgoing connections.

    They stay this process's own until it ends, and are never given twice: what was killed finds its port free when it
    comes back, and whoever looks for it meanwhile finds nobody, whatever other suites run on this machine.
    """
    found: list[int] = []
    while len(found) < count:
        port = random.randrange(10_000, 22_000)
        if port not in _given and _claims(port) and _unused(port):
            _given.add(port)
            found.append(port)
    return found


def _claims(port: int) -> bool:
    """Whether no other process has it: one byte of a file that all suites share is locked for each port."""
    try:
        fcntl.lockf(_shared(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    return True


@cache
def _shared() -> BufferedRandom:
    # Opened once: closing any other handle on it in this process would let go of all the locks.
    return (Path(tempfile.gettempdir()) / f"fujin-ports-{os.getuid()}").open("a+b")


def _unused(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


class Node:
    """One server process, with its own folder and port."""

    def __init__(self, name: str, binary: str, folder: Path, port: int, lines: list[str], *flags: str) -> None:
        self.name = name
        self.port = port
        self.address = f"127.0.0.1:{port}"
        self.log = folder / "log.txt"
        folder.mkdir(parents=True)
        self._conf = folder / "server.conf"
        self._conf.write_text("\n".join([f"port {port}", f"dir {folder}", f"logfile {self.log}", *lines]) + "\n")
        self._command = [binary, str(self._conf), *flags]
        self._process: subprocess.Popen[bytes] | None = None
        self.redis: Any = Redis(
            port=port, decode_responses=True, socket_timeout=5.0, socket_connect_timeout=5.0,
            retry=Retry(NoBackoff(), 0),
        )  # fmt: skip

    def __repr__(self) -> str:
        return f"<{self.name} {self.address}>"

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, start_new_session=True, stdout=subprocess.DEVNULL)

    def send(self, how: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(how)

    def kill(self) -> None:
        """SIGKILL, also when it is paused; returns when it has ended."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    async def ask(self, *words: Any) -> Any:
        return await self.redis.execute_command(*words)

    async def answers(self) -> bool:
        """Whether it serves; while it reads its files it does not."""
        assert self.runs, f"{self} ended: {self.last_words()}"
        return bool(await self.ask("PING"))

    async def info(self, section: str) -> dict[str, Any]:
        return dict(await self.redis.info(section))

    def last_words(self) -> str:
        return " / ".join(self.log.read_text(errors="replace").splitlines()[-3:]) if self.log.exists() else "none"
