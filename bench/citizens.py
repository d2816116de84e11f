"""Citizens who press, each over a connection of their own, that cost next to nothing. Never judges anything."""

from __future__ import annotations

import asyncio
import json
import secrets
import uuid
from contextlib import suppress
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
