"""The WebSocket protocol of the server: uvicorn's, with a way to write a frame that was encoded once for all consoles.

Writing straight to the transport goes around the server's flow control, so the caller bounds `buffered()` and cuts.
Permessage-deflate stays off (28 microseconds against 11 per delivery, and 61 kB against 25 per console).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, cast

from prometheus_client import Counter
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame, Opcode

from dispatch.alarm import errors

DIRECT: Final = "dispatch.direct"
"""The ASGI extension under which a WebSocket's scope holds its `Protocol`."""

_CLOSE_TIMEOUT_S = 5.0
_FINISH_SHARE, _GONE_SHARE = 0.2, 0.4
"""Of what the server gives connections when it stops: to answer what was received, and for the close to be taken."""
_STOPS = "the hub stops: come back and resume"
_BAD_TEXT = Counter("dispatch_bad_text_frames", "Text frames that were not UTF-8")


def encode(payload: bytes, text: bool) -> bytes:
    """`payload` as one unmasked WebSocket frame (RFC 6455, section 5.2), ready for every console of its codec."""
    return Frame(Opcode.TEXT if text else Opcode.BINARY, payload).serialize(mask=False)


class Inbox:
    """Messages that the application has yet to take: an `asyncio.Queue` for one reader, at a tenth of its 3 kB."""

    __slots__ = ("_messages", "_waits")

    def __init__(self) -> None:
        self._messages: list[Any] = []
        self._waits: asyncio.Future[None] | None = None

    def put_nowait(self, message: Any) -> None:
        """Add a message; reading is paused meanwhile, so there are hardly ever two."""
        self._messages.append(message)
        if self._waits is not None and not self._waits.done():
            self._waits.set_result(None)

    async def get(self) -> Any:
        """The next message, once there is one."""
        while not self._messages:
            self._waits = asyncio.get_running_loop().create_future()
            await self._waits
        self._waits = None
        return self._messages.pop(0)

    def empty(self) -> bool:
        """Whether there is none."""
        return not self._messages


class Gate:
    """Whether the peer takes what is written: an `asyncio.Event` that is one only while it is shut."""

    __slots__ = ("_shut",)

    def __init__(self) -> None:
        self._shut: asyncio.Event | None = None

    def set(self) -> None:
        """Open; who waits goes on."""
        if self._shut is not None:
            self._shut.set()
            self._shut = None

    def clear(self) -> None:
        """Shut."""
        self._shut = self._shut or asyncio.Event()

    def is_open(self) -> bool:
        """Whether it is open."""
        return self._shut is None

    async def wait(self) -> None:
        """Return when it is open."""
        if self._shut is not None:
            await self._shut.wait()


class Protocol(WebSocketsSansIOProtocol):
    """One connection. Given to uvicorn as its WebSocket protocol."""

    stopping = False
    known = False
    """Whether it is known who is there: somebody with a sign-in, or with an alarm."""
    afterwards: Callable[[], Awaitable[None]] | None = None
    """What serves the connection once the application has accepted it and returned.

    A console stays for hours, and the frames of the application's layers would cost it 5 kB all the while.
    """
    at_once: Callable[[bytes], bool] | None = None
    """Offered each whole message before the application is; True when it has taken it. Must not block."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.queue = cast("Any", Inbox())
        self.writable = cast("Any", Gate())

    @property  # made anew for each use: kept, it would hold the connection in a circle that only the collector ends
    def app(self) -> Any:
        """What uvicorn runs for the connection: the application, and then what that left to it."""
        return self._serve

    @app.setter
    def app(self, application: Any) -> None:
        self._application = application

    async def _serve(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await self._application(scope, receive, send)
            if self.afterwards is not None:
                await self.afterwards()
        finally:
            scope.get("extensions", {}).pop(DIRECT, None)  # likewise

    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        if hasattr(self, "scope"):
            cast("Any", self.scope)["extensions"][DIRECT] = self

    def write_frame(self, frame: bytes) -> bool:
        """Write an encoded frame; False when the connection is closing and nothing was written."""
        if self.close_sent or self.transport.is_closing():
            return False
        self.transport.write(frame)
        return True

    def forget_request(self) -> None:
        """Let go of what nobody reads after the handshake: a fifth of what a console costs in memory."""
        self.request.headers.clear()
        self.response.headers.clear()
        cast("dict[str, Any]", self.scope).clear()

    def buffered(self) -> int:
        """Bytes that the peer has not taken yet."""
        return int(self.transport.get_write_buffer_size())

    async def drained(self) -> None:
        """Return when the peer takes more: little is on its way (asyncio's high-water mark, 64 KiB)."""
        await self.writable.wait()

    def close(self, code: int, reason: str) -> None:
        """Close with `code`; a peer that does not even take this is cut off after 5 s."""
        if self.close_sent or self.transport.is_closing():
            return
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.conn.send_close(code, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self.close_timer = self.loop.call_later(_CLOSE_TIMEOUT_S, self.transport.abort)

    def shutdown(self) -> None:
        """The server stops: consoles and citizens are told to come back, to this hub or another.

        What was received is answered first, for a tenth of `serve.shutdown_s` at most; who does not take the close is
        cut soon after.
        """
        given_s = self.config.timeout_graceful_shutdown or 0
        self.loop.call_later(given_s * (_FINISH_SHARE + _GONE_SHARE), self.transport.abort)
        if self.close_sent:
            return
        if not self.handshake_complete:
            super().shutdown()
            return
        self.transport.pause_reading()
        self.read_paused = True
        self.stopping = True
        self.queue.put_nowait({"type": "websocket.disconnect", "code": errors.GO_AWAY, "reason": _STOPS})
        self.loop.call_later(given_s * _FINISH_SHARE, self.close, errors.GO_AWAY, _STOPS)

    async def receive(self) -> Any:
        """As uvicorn's; the application asks for the next message when it has answered all before it."""
        message = await super().receive()
        if self.stopping and message["type"] == "websocket.disconnect":
            self.close(errors.GO_AWAY, _STOPS)
        return message

    def send_receive_event_to_app(self) -> None:
        """As uvicorn's, but text that is not UTF-8 is closed with 1007 and counted, not logged with a traceback.

        What `at_once` takes goes no further: no queue, no turn of a task, and the reading is not paused for it.
        """
        if self.at_once is not None and not self.close_sent and self.at_once(b"".join(self.frames)):
            self.frames = []
            return
        if self.curr_msg_data_type == "text" and not self.close_sent:
            try:
                b"".join(self.frames).decode()
            except UnicodeDecodeError:
                _BAD_TEXT.inc()
                self.frames = []
                self.close(1007, "text is not UTF-8")
                return
        super().send_receive_event_to_app()
