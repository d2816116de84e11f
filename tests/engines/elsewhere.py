"""The neutral page that an exit leads to, at an address of this machine."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

WORDS = "elsewhere"
_ANSWER = (
    f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(WORDS)}\r\nConnection: close\r\n\r\n{WORDS}"
)


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(_ANSWER.encode())
    await writer.drain()
    writer.close()


@asynccontextmanager
async def elsewhere() -> AsyncIterator[str]:
    """Its address."""
    server = await asyncio.start_server(_answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
