"""A connection of the tests to either socket, in either codec: sends anything, also what no client would."""

import asyncio
import json
import uuid
from typing import Any

import msgpack
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.flow.clock import rests
from tests.patience import PATIENCE_S

CODECS = ("json", "msgpack")


class Link:
    """One WebSocket. `codec` is json or msgpack."""

    def __init__(self, socket: ClientConnection, codec: str) -> None:
        self.socket = socket
        self.codec = codec
        self.pushed: list[dict[str, Any]] = []  # what came that was no answer, beats left out
        self.beats = 0

    @classmethod
    async def open(cls, url: str, path: str = "/ws/alarm", codec: str = "json", **options: Any) -> "Link":
        socket = await connect(
            url.replace("http", "ws", 1) + path, subprotocols=[f"dispatch.v1.{codec}"], open_timeout=PATIENCE_S,  # type: ignore[list-item]
            compression=None, **options,
        )  # fmt: skip
        return cls(socket, codec)

    async def sends(self, message: Any) -> None:
        await self.sends_raw(json.dumps(message) if self.codec == "json" else msgpack.packb(message))

    async def sends_raw(self, data: str | bytes, text: bool | None = None) -> None:
        await self.socket.send(data, text=text)

    async def asks(self, kind: str, /, **members: Any) -> dict[str, Any]:
        """Send a request; its answer, ok or error."""
        ref = members.pop("ref", None) or uuid.uuid4().hex
        await self.sends({**members, "type": kind, "ref": ref})
        return await self.answer()

    async def answer(self) -> dict[str, Any]:
        """The next answer to any request."""
        while True:
            message = await self.receives()
            if message["type"] in ("ok", "error"):
                return message
            self._keep(message)

    async def hears(self, kind: str) -> dict[str, Any]:
        """The next pushed message of a kind; those before it are dropped."""
        while True:
            while self.pushed:
                message = self.pushed.pop(0)
                if message["type"] == kind:
                    return message
            self._keep(await self.receives())

    async def receives(self) -> dict[str, Any]:
        """The next frame, decoded."""
        frame = await asyncio.wait_for(self.socket.recv(), PATIENCE_S)
        assert isinstance(frame, str) == (self.codec == "json")
        await rests()
        decoded = json.loads(frame) if isinstance(frame, str) else msgpack.unpackb(frame)
        return dict(decoded)

    async def closed_with(self) -> int | None:
        """Wait until the server closes; the code."""
        try:
            while True:
                await self.receives()
        except ConnectionClosed:
            await rests()
            return self.socket.close_code

    async def closes(self) -> None:
        await self.socket.close()
        await rests()

    def _keep(self, message: dict[str, Any]) -> None:
        if message["type"] == "beat":
            self.beats += 1
        else:
            self.pushed.append(message)
