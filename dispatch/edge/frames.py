"""The WebSocket protocol of the server, with an end to frames that carry no message.

Pings are answered once for all that came together, and no more than once while the peer does not read (RFC 6455,
section 5.5.3). More of them in a second than `serve.control_frames`, or a message in more pieces than
`serve.fragments`: closed with 4429. Messages that come before their turn wait unparsed, and what is not
whole counts against `serve.held_bytes` as it comes.
"""

from __future__ import annotations

from typing import Any, Final

from prometheus_client import Counter

from dispatch.alarm import errors
from dispatch.edge.door import PIECE, Door, Held, Idle, Stall
from dispatch.fanout.transport import Protocol

_PONG: Final = b"\x8a"
_TOO_MUCH = Counter("dispatch_sockets_flooded", "WebSockets closed for too many control frames or fragments")


class BoundedFrames(Protocol):
    """One connection.

    Args:
        door: of the hub.
    """

    def __init__(self, *args: Any, door: Door, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._door = door
        self._held = b""  # not parsed yet
        self._pong = b""  # the newest, while the peer does not take what is written
        self._second = 0  # of the machine's running time, in which were ...
        self._controls = 0  # ... so many control frames
        self._flooded = False
        self._began = self._heard = door.second
        self._stall = Stall()
        self._weight = 0  # bytes that the door counts for it

    # -- the connection --------------------------------------------------------------------------------------------

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._door.enter(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._door.leave(self)
        self._door.weigh(-self._weight)
        self._weight, self._flooded = 0, True
        super().connection_lost(exc)

    def look(self, second: int) -> None:
        if self._stall.lasts(self.buffered(), second) >= self._door.limits.stalled_s:
            self.transport.abort()

    def idle(self) -> Idle | None:
        return None if self.known else Idle(1, self._began)

    def held(self) -> Held:
        partial = 0 if self._flooded else len(self.conn.reader.buffer) + (self.conn.current_size or 0)
        return Held(self._heard, partial + len(self._held))

    def let_go(self) -> None:
        self._flood("too much waits for its rest")

    def make_room(self) -> None:
        """Told as by a hub that stops, but not waited for: it comes back when it has something to say."""
        if self.handshake_complete and not self.buffered():
            self.close(errors.GO_AWAY, "make room")
            self.transport.close()
        else:
            self.transport.abort()

    # -- what comes ------------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        if not self._flooded:
            self._heard = self._door.second
            self._held += data
            self._read()

    async def receive(self) -> Any:
        message = await super().receive()
        if self._flooded:
            self._listen_no_more()
        self._read()
        return message

    async def send(self, message: Any) -> None:
        await super().send(message)
        if self._held:
            self._read()  # a close has the reading go on

    def close(self, code: int, reason: str) -> None:
        super().close(code, reason)
        if self._flooded:
            self._held = b""
        elif self._held:
            self._read()

    def _read(self) -> None:
        """Parse what there is, up to a message that the application has to take first."""
        while self._held and not (self.read_paused or self._flooded or self.transport.is_closing()):
            piece, self._held = self._held[:PIECE], self._held[PIECE:]
            super().data_received(piece)
        self._weigh()

    def _weigh(self) -> None:
        weight = self.held().size
        grown, self._weight = weight - self._weight, weight
        if grown:
            self._door.weigh(grown)

    # -- frames ----------------------------------------------------------------------------------------------------

    def handle_ping(self) -> None:
        """Answer the newest of those that came together; the others are answered by that."""
        writes = self.conn.data_to_send()
        pongs = [frame for frame in writes if frame[:1] == _PONG]
        rest = b"".join(frame for frame in writes if frame[:1] != _PONG)
        self._pong = pongs[-1] if pongs else self._pong
        if self.writable.is_open():  # type: ignore[attr-defined]  # a `Gate`
            rest, self._pong = self._pong + rest, b""
        if rest:
            self.transport.write(rest)
        self._control()

    def handle_pong(self, event: Any) -> None:
        super().handle_pong(event)
        self._control()

    def handle_cont(self, event: Any) -> None:
        if len(self.frames) >= self._door.limits.fragments:
            self._flood("too many fragments")
        else:
            super().handle_cont(event)

    def resume_writing(self) -> None:
        if self._pong and not self.close_sent:
            self.transport.write(self._pong)
        self._pong = b""
        super().resume_writing()

    def _control(self) -> None:
        second = int(self.loop.time())
        if second != self._second:
            self._second, self._controls = second, 0
        self._controls += 1
        if self._controls > self._door.limits.control_frames:
            self._flood("too many control frames")

    def _flood(self, why: str) -> None:
        """Close it and read no more of it; a peer that does not take the close is cut by the timer of `close`."""
        if self._flooded:
            return
        self._flooded = True
        self.frames = []
        self.conn.reader.buffer.clear()  # nothing more is parsed
        self.conn.current_size = None
        self._held = b""
        self._weigh()
        _TOO_MUCH.inc()
        if self.close_sent:
            self.transport.abort()
            return
        self.close(errors.TOO_MUCH, why)
        self._listen_no_more()

    def _listen_no_more(self) -> None:
        if not self.read_paused and not self.transport.is_closing():
            self.read_paused = True
            self.transport.pause_reading()
