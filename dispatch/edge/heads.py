"""The HTTP protocol of the server, with an end to what comes before and around a request's body, and to waiting for it.

A head (request line, headers; also trailers and the extensions of chunks) has `serve.head_bytes` and `serve.head_s`;
requests that come before their turn wait unread. The parser collects all of it in memory by itself, and for a value of
100 MB it would hold the hub up for minutes. A body comes with `serve.slow_bytes_s` at least: one that does not is
broken off, and whoever reads it still answers for what came.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable
from typing import Any, Final, cast

import orjson

from dispatch.alarm import errors
from dispatch.alarm.errors import Refused
from dispatch.answers import WholeAnswers
from dispatch.edge.door import PIECE, STANDS_STILL_S, Door, Held, Idle, Stall
from dispatch.sign_ins import CONNECTION
from dispatch.underway import WITHOUT_BODY

_BROKEN_OFF: Final = {"type": "http.disconnect"}
_IN_MEMORY = 262_144
"""Of a body no more waits in memory: a chunk, or JSON; a form's files wait in the spool."""


class BoundedHeads(WholeAnswers):
    """One connection of a client.

    Args:
        door: of the hub.
    """

    def __init__(self, *args: Any, door: Door, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._door = door
        self._held = b""  # not parsed yet
        self._counted = 0  # bytes since a head or a part of a body ended
        self._began = door.second  # since when a head is waited for
        self._upgraded = self._refused = False
        self._in_body = False
        self._body = 0  # bytes of it so far
        self._came = 0  # bytes in all
        self._window = (0, 0)  # of a body: since when it is measured, and what had come by then
        self._heard = 0  # when the last byte came
        self._stall = Stall()
        self._itself = weakref.ref(self)
        self._cut: Any = None  # the request of which nothing more is read

    # -- the connection --------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._began = self._door.second
        self._door.enter(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._door.leave(self)
        super().connection_lost(exc)

    def handle_websocket_upgrade(self) -> None:
        self._upgraded = True
        self._door.leave(self)
        super().handle_websocket_upgrade()

    def look(self, second: int) -> None:
        """End it when its next request did not come in time; the pause between two requests has a time of its own."""
        pauses = self.timeout_keep_alive_task is not None
        limits = self._door.limits
        stalls = self._stall.lasts(self.transport.get_write_buffer_size(), second) >= limits.stalled_s
        if self._refused or stalls:
            self.transport.abort()
            return
        if self._in_body:
            self._look_at_body(second)
        if self._answers or self._in_body or pauses or second - self._began < limits.head_s:
            return
        self._refuse(errors.TOO_SLOW, f"head: not all of it came within {limits.head_s:g} s (serve.head_s)")

    def _look_at_body(self, second: int) -> None:
        """Break off a body that comes too slowly; one that nobody reads just now is not to blame."""
        began, had = self._window
        if self.flow.read_paused:
            self._window = (second, self._came)
        elif second - began >= self._door.limits.slow_s:
            if self._came - had < self._door.limits.slow_bytes_s * (second - began):
                self._break_off()
            self._window = (second, self._came)

    def _break_off(self, at_once: bool = False) -> None:
        if not self._answers:  # or not any more: the rest of what was answered early
            self.transport.close()
            return
        self._cut = self.cycle
        self.cycle.keep_alive = False
        if not at_once:
            self.cycle.transport = cast("Any", _Lingering(self.transport, self._linger))
        self.cycle.message_event.set()

    def idle(self) -> Idle | None:
        if not self._answers:
            return Idle(0, self._began)
        stands_still = self._in_body and self._door.second - self._heard >= STANDS_STILL_S
        return Idle(2, self._heard) if stands_still and not self.flow.read_paused else None

    def held(self) -> Held:
        here = max(self._counted, 0)
        if self._in_body:  # of one that was answered early the rest is thrown away as it comes
            here = min(self._body, _IN_MEMORY) if self._answers else 0
        return Held(self._heard, here + len(self._held))

    def let_go(self) -> None:
        if self._in_body:
            self._break_off()
        else:
            self.transport.abort()

    def cut_off(self) -> None:
        """Whoever is answered may not have the rest."""
        self.transport.abort()

    def unsent(self) -> int:
        return self.transport.get_write_buffer_size()

    def make_room(self) -> None:
        if self._answers:
            self._break_off(at_once=True)
        else:
            self.transport.abort()

    # -- what comes ------------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        self._came += len(data)
        self._heard = self._door.second
        if self.timeout_keep_alive_task is not None:
            self._began = self._door.second
        self._held += data
        self._read()

    def on_headers_complete(self) -> None:
        self._counted = -1
        self._in_body = True
        self._body = 0
        self._window = (self._door.second, self._came)
        cast("Any", self.scope)["extensions"] = {CONNECTION: self._itself}
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_body = False
        super().on_message_complete()

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        """As uvicorn's; a request with a body can be broken off while its answer is still given."""
        if cycle.scope["method"] in WITHOUT_BODY:
            super()._start_asgi_task(cycle, app)
            return

        async def broken_off(scope: Any, receive: Any, send: Any) -> None:
            async def received() -> Any:
                message = await receive() if self._cut is not cycle else _BROKEN_OFF
                return message if self._cut is not cycle else _BROKEN_OFF

            await app(scope, received, send)

        super()._start_asgi_task(cycle, broken_off)

    def on_body(self, body: bytes) -> None:
        self._counted = -1
        self._body += len(body)
        super().on_body(body)

    def on_response_complete(self) -> None:
        self._began = self._door.second
        super().on_response_complete()
        if self._held:
            self._read()

    @property
    def _answers(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _read(self) -> None:
        """Parse what there is, up to a request that waits until the one before it is answered."""
        most = self._door.limits.head_bytes
        while self._held and not (self._upgraded or self._refused or self.transport.is_closing()):
            cycle = self.cycle
            if self.pipeline or (cycle is not None and not (cycle.response_complete or cycle.more_body)):
                self.flow.pause_reading()
                return
            self._counted = max(self._counted, 0)
            size = min(PIECE, most + 1 - self._counted)
            piece, self._held = self._held[:size], self._held[size:]
            super().data_received(piece)
            if self._counted >= 0:
                self._counted += len(piece)
            if self._counted > most:
                self._refuse(errors.HEAD_TOO_LARGE, f"head: more than {most} bytes (serve.head_bytes)")

    def _refuse(self, error: errors.PublicError, why: str) -> None:
        """Say why and end the connection, which is heard to the next look: a reset at once would take the answer along.

        In the middle of a body there is somebody who answers for it; they are told that no more comes.
        """
        if self._answers:
            self._held = b""
            self.transport.close()
            return
        body = orjson.dumps(Refused(error, why).body())
        self.transport.write(
            b"HTTP/1.1 %d \r\ncontent-type: application/json\r\ncache-control: no-store\r\n"
            b"content-length: %d\r\nconnection: close\r\n\r\n%s" % (error.status, len(body), body)
        )
        self._linger()

    def _linger(self) -> None:
        """Nothing more is said, and nothing that comes is read, to the next look."""
        self._held = b""
        self._refused = True
        if not self.transport.is_closing():
            self.transport.write_eof()


class _Lingering:
    """The transport of a request that was broken off: its end waits until the answer was taken."""

    def __init__(self, transport: Any, linger: Callable[[], None]) -> None:
        self._transport = transport
        self.close = linger

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
