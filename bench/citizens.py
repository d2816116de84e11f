"""Citizens who press, each over a connection of their own, that cost next to nothing. Never judges anything."""

from __future__ import annotations

import asyncio
import json
import secrets
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Any

from bench.load import STATION, Socket

INSIDE = {
    "dadongmen": {"lat": 41.80312, "lon": 123.46587}, "xiaodong": {"lat": 41.8300, "lon": 123.4650},
    "wanquan": {"lat": 41.7870, "lon": 123.4760}, "changan": {"lat": 41.8060, "lon": 123.4930},
    "dongta": {"lat": 41.7880, "lon": 123.5280}, "dongzhan": {"lat": 41.8080, "lon": 123.5320},
    "taochang": {"lat": 41.8330, "lon": 123.5190},
}  # fmt: skip
"""A place in each station of the demonstration, well inside."""
_ANSWER_S = 5.0
_TRIES = 20


class Citizen:
    """One alarm of one person, with a connection of its own. `receipt_at` is when its receipt came."""

    def __init__(self) -> None:
        self.id = str(uuid.uuid4())
        place = {**INSIDE[STATION], "accuracy_m": 18}
        self.body = {"id": self.id, "secret": secrets.token_urlsafe(24), "text": "门外有人，请快来", "position": place}
        self.receipt_at: float | None = None
        self.fault = ""

    async def connect(self, url: str) -> None:
        raise NotImplementedError

    def press(self) -> None:
        """Send the alarm."""
        raise NotImplementedError

    def leave(self) -> None:
        raise NotImplementedError


class ByHttp(Citizen, asyncio.Protocol):
    """`POST /alarms` over a connection that the page already has."""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._answer = b""

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, _, body = self._answer.partition(b"\r\n\r\n")
        if body.endswith(b"}"):
            self.receipt_at = monotonic()
            if not head.startswith(b"HTTP/1.1 201"):
                self.fault = body.decode()

    async def connect(self, url: str) -> None:
        self._host = url.removeprefix("http://")
        host, port = self._host.split(":")
        await asyncio.get_running_loop().create_connection(lambda: self, host, int(port))

    def press(self) -> None:
        body = json.dumps(self.body).encode()
        head = f"POST /alarms HTTP/1.1\r\nHost: {self._host}\r\nContent-Type: application/json\r\n"
        self._transport.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)

    def leave(self) -> None:
        self._transport.close()


class BySocket(Citizen):
    """`raise` over `/ws/alarm`, on which the page then follows its alarm."""

    async def connect(self, url: str) -> None:
        host, port = url.removeprefix("http://").split(":")
        self._socket = _CitizenSocket(self, url)
        await asyncio.get_running_loop().create_connection(lambda: self._socket, host, int(port))
        await self._socket.opened

    def press(self) -> None:
        self._socket.send({"type": "raise", "ref": "raise", **self.body})

    def leave(self) -> None:
        self._socket.close()


class _CitizenSocket(Socket):
    def __init__(self, citizen: Citizen, url: str) -> None:
        super().__init__(url, "/ws/alarm")
        self._citizen = citizen

    def frame(self, data: bytes, start: int, stop: int, now: float) -> None:
        if data.startswith(b'{"type":"ok"', start):
            self._citizen.receipt_at = now
        elif data.startswith(b'{"type":"error"', start):
            self._citizen.fault = data[start:stop].decode()


class Kept(asyncio.Protocol):
    """One connection to a hub that is kept from alarm to alarm, as a proxy before it keeps them.

    Args:
        line: whose connection it is.
    """

    def __init__(self, line: Line) -> None:
        self._line = line
        self._answer = b""
        self._sent: Sent | None = None
        self._transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._line.lost(self, self._sent)

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, between, body = self._answer.partition(b"\r\n\r\n")
        if not between or not body.endswith(b"}") or self._sent is None:
            return
        sent, self._sent, self._answer = self._sent, None, b""
        fault = "" if head.startswith((b"HTTP/1.1 201", b"HTTP/1.1 200")) else body.decode()
        self._line.free.append(self)
        sent.answered(sent, monotonic(), fault)

    def send(self, sent: Sent) -> None:
        self._sent = sent
        self._transport.write(sent.request)

    def close(self) -> None:
        self._transport.close()


@dataclass(slots=True)
class Sent:
    """An alarm on its way to a hub; `answered` is called with (itself, instant, fault)."""

    alarm: bytes
    request: bytes
    answered: Callable[[Sent, float, str], None]
    tries: int = 0


class Line:
    """The kept connections to one hub: as many as there are alarms at once. The latest freed is used first.

    Args:
        url: of the hub.
    """

    def __init__(self, url: str) -> None:
        self.free: list[Kept] = []
        self._host = url.removeprefix("http://")
        self._over = False
        self._tasks: set[asyncio.Task[None]] = set()

    def request(self, body: dict[str, Any]) -> bytes:
        """`POST /alarms` as it is written."""
        text = json.dumps(body).encode()
        head = f"POST /alarms HTTP/1.1\r\nHost: {self._host}\r\nContent-Type: application/json\r\n"
        return f"{head}Content-Length: {len(text)}\r\n\r\n".encode() + text

    def press(self, sent: Sent) -> None:
        """Send an alarm now, or as soon as there is a connection."""
        sent.tries += 1
        if self.free:
            self.free.pop().send(sent)
            return
        task = asyncio.create_task(self._send_on_new(sent))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send_on_new(self, sent: Sent) -> None:
        host, port = self._host.split(":")
        try:
            _, kept = await asyncio.get_running_loop().create_connection(lambda: Kept(self), host, int(port))
        except OSError as fault:
            sent.answered(sent, monotonic(), repr(fault))
        else:
            kept.send(sent)

    def lost(self, kept: Kept, sent: Sent | None) -> None:
        """The hub closed it: one that was idle, or just when it was used again, and then the alarm is sent again."""
        if kept in self.free:
            self.free.remove(kept)
        if sent is None or self._over:
            return
        if sent.tries < _TRIES:
            self.press(sent)
        else:
            sent.answered(sent, monotonic(), "the hub closed the connection again and again")

    def close(self) -> None:
        self._over = True
        for kept in [*self.free]:
            kept.close()


async def stored(url: str, body: bytes) -> bool:
    """Send an alarm once; whether the hub said that it is stored."""
    host = url.removeprefix("http://")
    with suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
        async with asyncio.timeout(_ANSWER_S):
            reader, writer = await asyncio.open_connection(*host.split(":"))
            try:
                head = f"POST /alarms HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
                writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
                answer = await reader.readuntil(b"\r\n")
                return answer.split()[1] in (b"200", b"201")
            finally:
                writer.close()
    return False


INTAKES: dict[str, type[Citizen]] = {"http": ByHttp, "socket": BySocket}
