"""Citizens for a room: one connection each that stays open, one alarm after another. Never judges anything."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from bench.load import Socket
from bench.room import Presser

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_WORDS = "门外有人，一直在敲门，我不敢出声，请不要打电话过来，我躲在三楼左手边那一间，他还在外面走来走去，好像有刀"
ALARM_BYTES = 400
_ID_BYTES = 36


def alarm(members: str, size: int = ALARM_BYTES) -> bytes:
    """An alarm as JSON in UTF-8, `%b` standing for its id, `size` bytes with it: `members`, and words for the rest."""
    head = f'{{"id":"%b",{members},"text":"'.encode()
    room = size - (len(head) - 2 + _ID_BYTES) - len(b'"}')
    words = (_WORDS * (room // len(_WORDS.encode()) + 1)).encode()[:room].decode(errors="ignore")
    return head + words.encode() + b"." * (room - len(words.encode())) + b'"}'


class HttpPresser(Presser, asyncio.Protocol):
    """`POST` of an alarm.

    Args:
        path: where to.
        body: as `alarm` makes it.
    """

    def __init__(self, path: str, body: bytes) -> None:
        super().__init__()
        self._path = path
        self._body = body
        self._wire: Any = None
        self._rest = b""

    async def connect(self, url: str) -> None:
        host, port = url.removeprefix("http://").split(":")
        head = (
            f"POST {self._path} HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(self._body % bytes(_ID_BYTES))}\r\n\r\n"
        )
        self._request = head.encode() + self._body
        await asyncio.get_running_loop().create_connection(lambda: self, host, int(port))

    def connection_made(self, transport: Any) -> None:
        self._wire = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self.press is not None:
            self.room.faults.append("a citizen's connection was closed before the answer")

    def data_received(self, data: bytes) -> None:
        self._rest += data
        head, end, body = self._rest.partition(b"\r\n\r\n")
        if not end:
            return
        length = _LENGTH.search(head)
        if len(body) >= (int(length[1]) if length else 0):
            self._rest = b""
            self.answered("" if head.startswith(b"HTTP/1.1 20") else body.decode(errors="replace"))

    def send(self, alarm_id: str) -> None:
        self._wire.write(self._request % alarm_id.encode())

    def close(self) -> None:
        if self._wire is not None:
            self._wire.close()


class SocketPresser(Presser):
    """`raise` over `/ws/alarm`.

    Args:
        body: as `alarm` makes it.
    """

    def __init__(self, body: bytes) -> None:
        super().__init__()
        self._message = b'{"type":"raise","ref":"raise",' + body[1:]
        self._socket: _Socket | None = None

    async def connect(self, url: str) -> None:
        host, port = url.removeprefix("http://").split(":")
        self._socket = socket = _Socket(self, url)
        await asyncio.get_running_loop().create_connection(lambda: socket, host, int(port))
        await socket.opened

    def send(self, alarm_id: str) -> None:
        assert self._socket is not None
        self._socket.send_text(self._message % alarm_id.encode())

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()


class _Socket(Socket):
    def __init__(self, presser: SocketPresser, url: str) -> None:
        super().__init__(url, "/ws/alarm")
        self._presser = presser

    def lost(self) -> None:
        if self._presser.press is not None:
            self._presser.room.faults.append("a citizen's socket was closed before the answer")

    def frame(self, data: bytes, start: int, stop: int, now: float) -> None:
        if data.startswith(b'{"type":"ok"', start):
            self._presser.answered()
        elif data.startswith(b'{"type":"error"', start):
            self._presser.answered(data[start:stop].decode())
