"""A connection of the tests that sends any bytes, in any pieces, at its own pace."""

import asyncio
import base64
import secrets
import socket

from tests.flow.clock import rests
from tests.patience import PATIENCE_S

_CLOSE, _LONGER = 8, 126


class Raw:
    """One TCP connection to a hub."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    @classmethod
    async def open(cls, url: str, receives: int = 0) -> "Raw":
        """`receives`: what the machine takes for it before it is read, in bytes."""
        host, port = url.removeprefix("http://").split(":")
        link = socket.socket()
        if receives:
            link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receives)
        link.setblocking(False)
        await asyncio.get_running_loop().sock_connect(link, (host, int(port)))
        return cls(*await asyncio.open_connection(sock=link))

    @classmethod
    async def websocket(cls, url: str, path: str = "/ws/alarm", receives: int = 0) -> "Raw":
        """An open WebSocket, whose frames the test makes itself."""
        link = await cls.open(url, receives)
        key = base64.b64encode(secrets.token_bytes(16)).decode()
        await link.sends(
            f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
        assert (await link.head()).startswith(b"HTTP/1.1 101 ")
        return link

    async def sends(self, data: bytes) -> None:
        """Send; what the other side has closed takes no more."""
        try:
            self.writer.write(data)
            await self.writer.drain()
        except ConnectionError:
            pass

    def reads_nothing(self) -> None:
        self.writer.transport.pause_reading()  # type: ignore[attr-defined]

    def reads_on(self) -> None:
        self.writer.transport.resume_reading()  # type: ignore[attr-defined]

    def aborts(self) -> None:
        self.writer.transport.abort()

    async def head(self) -> bytes:
        """The head of the next answer."""
        return await asyncio.wait_for(self._reader.readuntil(b"\r\n\r\n"), PATIENCE_S)

    async def answers(self) -> list[int]:
        """The status of each answer until the hub closes."""
        return [int(each.split(b" ", 1)[0]) for each in (await self.rest()).split(b"HTTP/1.1 ")[1:]]

    async def rest(self) -> bytes:
        """All that comes until the hub closes."""
        came = b""
        try:
            while part := await asyncio.wait_for(self._reader.read(65_536), PATIENCE_S):
                came += part
        except ConnectionError:
            pass
        self.writer.close()
        await rests()
        return came

    async def frames(self) -> list[tuple[int, bytes]]:
        """All frames up to the hub's close, as (opcode, payload)."""
        found: list[tuple[int, bytes]] = []
        while not found or found[-1][0] != _CLOSE:
            first, size = await self._takes(2)
            if size == _LONGER:
                size = int.from_bytes(await self._takes(2))
            found.append((first & 15, await self._takes(size)))
        self.writer.close()
        await rests()
        return found

    async def _takes(self, size: int) -> bytes:
        return await asyncio.wait_for(self._reader.readexactly(size), PATIENCE_S)


def frame(opcode: int, payload: bytes = b"", fin: bool = True) -> bytes:
    """A frame of a client, masked with nothing."""
    return bytes([(0x80 if fin else 0) | opcode, 0x80 | len(payload)]) + bytes(4) + payload
