"""The HTTP protocol of the server: uvicorn's, in which head and body of an answer leave in one write.

uvicorn writes them apart. When a hub is killed between the two, a proxy has passed the head on and can ask no other
hub any more: the citizen would see an answer that breaks off (kill -9 behind nginx on a loaded machine: once in 45).
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class WholeAnswers(HttpToolsProtocol):
    """One connection of a client."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(cast("asyncio.Transport", _Joined(transport)))

    def handle_websocket_upgrade(self) -> None:
        """From here on there are frames, each of which is whole by itself."""
        self.transport = cast("_Joined", self.transport).plain()
        super().handle_websocket_upgrade()


class _Joined:
    """A transport on which all that is written in one step of the loop leaves at its end, in one piece."""

    __slots__ = ("_held", "_plain")

    def __init__(self, plain: asyncio.Transport) -> None:
        self._plain = plain
        self._held: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._plain, name)

    def write(self, data: bytes) -> None:
        if not self._held:
            asyncio.get_running_loop().call_soon(self._flush)
        self._held.append(data)

    def close(self) -> None:
        self._flush()
        self._plain.close()

    def write_eof(self) -> None:
        self._flush()
        self._plain.write_eof()

    def plain(self) -> asyncio.Transport:
        """What is below; nothing is left here."""
        self._flush()
        return self._plain

    def _flush(self) -> None:
        if self._held and not self._plain.is_closing():
            self._plain.write(b"".join(self._held))
        self._held.clear()
