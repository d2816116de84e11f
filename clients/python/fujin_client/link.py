"""One WebSocket that comes back by itself: greets, answers to requests by `ref`, and everything else handed on.

A request outlives its connection: it is sent again with the same `ref`, which the server takes for the same request.
Hears nothing for 10 s: stale, and a new connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Literal

import msgpack
import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.typing import Origin, Subprotocol

from fujin_client.errors import FujinError, Refused, SignedOut, Unreachable
from fujin_client.web import new_ref, waits

Codec = Literal["json", "msgpack"]
Members = dict[str, Any]

log = logging.getLogger("fujin_client")

STALE_AFTER_S = 10
_FRAME_BYTES = 256 * 2**20  # a station's snapshot is one frame
_DO_NOT_RETURN = range(4500, 5000)
_NOT_STORED = "not_stored"
_RESTORED = 4409


class _Lost(Exception):
    """The connection ended before the answer came."""


class _Undecodable(FujinError):
    """What the server sent is not in the codec that was agreed on."""

    def __init__(self, codec: str) -> None:
        super().__init__("undecodable", f"a frame is not {codec}", retry=False, advice="Check what answers there.")


class Link:
    """A connection to one of the server's sockets.

    Args:
        url: `http(s)://…` of the server.
        path: of the socket.
        codec: how messages are written.
        headers: of the handshake, asked for at every connection.
        origin: what a page would send as `Origin`; None for none.
        greeting: the message to begin a connection with.
        greeted: called with the answer to the greeting.
        heard: called with every message that answers no request; it must not raise.
        ended: called when the link has failed for good.
        patience_s: how long a request may take, with all its attempts.
    """

    def __init__(self, url: str, path: str, *, codec: Codec, headers: Callable[[], Mapping[str, str]],
                 origin: str | None, greeting: Callable[[], Members], greeted: Callable[[Members], None],
                 heard: Callable[[Members], None], ended: Callable[[], None], patience_s: float) -> None:  # fmt: skip
        if codec not in ("json", "msgpack"):
            raise ValueError(f"codec: {codec!r} must be 'json' or 'msgpack'")
        self._url = "ws" + url.removeprefix("http") + path
        self._packed = codec == "msgpack"
        self._headers = headers
        self._origin = Origin(origin) if origin else None
        self._greeting = greeting
        self._greeted = greeted
        self._heard = heard
        self._ended = ended
        self._patience_s = patience_s
        self._task: asyncio.Task[None] | None = None
        self._socket: ClientConnection | None = None
        self._greeting_ref: str | None = None
        self._welcome: asyncio.Future[None] | None = None
        self._open = asyncio.Event()  # greeted: requests may go
        self._may_connect = asyncio.Event()
        self._may_connect.set()
        self._waiting: dict[str, asyncio.Future[Members]] = {}
        self._why: str = "not connected yet"
        self.failed: FujinError | None = None
        self.connections = 0
        """How often a connection was made."""

    @property
    def live(self) -> bool:
        """Whether there is a connection and it was greeted; False means that what one knows may be stale."""
        return self._open.is_set() and self.failed is None

    async def greet(self) -> None:
        """Send the greeting on this connection or the next; return when it was answered.

        Raises:
            Refused: the greeting was refused.
            Unreachable: no answer in time.
        """
        self._check()
        self._welcome = asyncio.get_running_loop().create_future()
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        elif self._socket is not None:
            with contextlib.suppress(ConnectionClosed):  # then the next connection greets
                await self._greet_on(self._socket)
        try:
            async with asyncio.timeout(self._patience_s):
                await self._welcome
        except TimeoutError:
            raise Unreachable(f"{self._url}: {self._why}") from None
        finally:
            self._welcome = None

    async def request(self, members: Members) -> Members:
        """Send a request until it is answered; the answer's members without `type` and `ref`.

        Raises:
            Refused: the server said no.
            Unreachable: no answer in time.
        """
        message = {"ref": new_ref(), **members}
        try:
            async with asyncio.timeout(self._patience_s):
                for wait in waits():
                    try:
                        return await self._once(message)
                    except _Lost:
                        continue
                    except Refused as refused:
                        if refused.code != _NOT_STORED:
                            raise
                        self._why = str(refused)
                        await asyncio.sleep(wait)
        except TimeoutError:
            raise Unreachable(f"{self._url}: {message['type']} was not answered; {self._why}") from None
        raise AssertionError("`waits` has no end")

    async def aclose(self) -> None:
        """Close for good."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def drop(self) -> None:
        """Cut the connection without a goodbye, as a dead network does; the link comes back by itself."""
        if self._socket is not None:
            self._socket.transport.abort()

    @asynccontextmanager
    async def offline(self) -> AsyncIterator[None]:
        """Be without a connection until the block ends: for drills and tests of coming back."""
        self._may_connect.clear()
        socket = self._socket
        self.drop()
        if socket is not None:
            await socket.wait_closed()
        try:
            yield
        finally:
            self._may_connect.set()

    # -- the connection ----------------------------------------------------------------------------------------

    async def _run(self) -> None:
        delays = waits()
        while self.failed is None:
            try:
                await self._may_connect.wait()
                async with connect(
                    self._url, origin=self._origin, additional_headers=self._headers(), compression=None,
                    subprotocols=[Subprotocol("dispatch.v1.msgpack" if self._packed else "dispatch.v1.json")],
                    ping_interval=None, max_size=_FRAME_BYTES, close_timeout=1,
                ) as socket:  # fmt: skip
                    self.connections += 1
                    self._socket = socket
                    await self._greet_on(socket)
                    await self._read(socket)
                    if self._open.is_set():
                        delays = waits()
            except InvalidStatus as fault:
                self._why = f"the server answered with status {fault.response.status_code}"
                if fault.response.status_code < 500:
                    self._fail(Refused({"message": self._why}, fault.response.status_code))
            except (OSError, InvalidHandshake, ConnectionClosed, TimeoutError) as fault:
                self._why = str(fault) or type(fault).__name__
            finally:
                self._socket = None
                self._open.clear()
                self._drop_waiting()
            if self.failed is None:
                await asyncio.sleep(next(delays))

    async def _greet_on(self, socket: ClientConnection) -> None:
        self._open.clear()
        self._greeting_ref = new_ref()
        await socket.send(self._encode({**self._greeting(), "ref": self._greeting_ref}))

    async def _read(self, socket: ClientConnection) -> None:
        """Hand on what comes until the connection ends or says nothing for too long."""
        try:
            async with asyncio.timeout(STALE_AFTER_S) as silence:
                while True:
                    message = self._decode(await socket.recv())
                    if _shows_store(message):
                        silence.reschedule(asyncio.get_running_loop().time() + STALE_AFTER_S)
                    self._take(socket, message)
        except ConnectionClosed as closed:
            code, reason = (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else (1006, "cut off")
            self._why = f"closed with {code} {reason}"
            if code == _RESTORED:
                log.warning("the record went back to an older copy: what was heard after it may be missing there")
            if code in _DO_NOT_RETURN:
                self._fail(SignedOut(code, reason))
        except TimeoutError:
            self._why = f"stale: nothing heard for {STALE_AFTER_S} s"
            socket.transport.abort()
        except _Undecodable as fault:
            self._fail(fault)

    def _take(self, socket: ClientConnection, message: Members) -> None:
        kind, ref = message.get("type"), message.get("ref")
        if kind not in ("ok", "error"):
            self._heard(message)
            return
        fault = Refused(message) if kind == "error" else None
        if ref is not None and ref == self._greeting_ref:
            self._greeting_ref = None
            if fault is None:
                self._welcomed(message)
            elif fault.code == _NOT_STORED:
                self._why = str(fault)
                socket.transport.abort()  # and greet again after a while
            elif self._welcome is not None and not self._welcome.done():
                self._welcome.set_exception(fault)
            else:
                self._fail(fault)
            return
        waiting = self._waiting.get(str(ref))
        if waiting is None or waiting.done():  # whoever asked does not wait any more
            if fault is not None:
                log.warning("an error in answer to no request: %s", fault)
        elif fault is not None:
            waiting.set_exception(fault)
        else:
            waiting.set_result({name: value for name, value in message.items() if name not in ("type", "ref")})

    def _welcomed(self, message: Members) -> None:
        self._greeted(message)
        self._open.set()
        if self._welcome is not None and not self._welcome.done():
            self._welcome.set_result(None)

    async def _once(self, message: Members) -> Members:
        """One attempt on the present or next connection."""
        self._check()
        await self._open.wait()
        self._check()
        socket, ref = self._socket, message["ref"]
        if socket is None:
            raise _Lost
        answer: asyncio.Future[Members] = asyncio.get_running_loop().create_future()
        self._waiting[ref] = answer
        try:
            await socket.send(self._encode(message))
            return await answer
        except ConnectionClosed:
            if self._socket is socket:
                self._open.clear()  # wait for the next one
            raise _Lost from None
        finally:
            self._waiting.pop(ref, None)

    def _encode(self, message: Members) -> bytes | str:
        return msgpack.packb(message) if self._packed else orjson.dumps(message).decode()

    def _decode(self, data: bytes | str) -> Members:
        try:
            message = msgpack.unpackb(data) if self._packed else orjson.loads(data)
        except (ValueError, TypeError, msgpack.UnpackException):
            message = None
        if not isinstance(message, dict):
            raise _Undecodable("MessagePack" if self._packed else "JSON")
        return message

    def _check(self) -> None:
        if self.failed is not None:
            raise self.failed

    def _fail(self, fault: FujinError) -> None:
        self.failed = fault
        if self._welcome is not None and not self._welcome.done():
            self._welcome.set_exception(fault)
        self._open.set()  # whoever waits for a connection learns that there will be none
        self._ended()

    def _drop_waiting(self) -> None:
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(self.failed or _Lost())


def _shows_store(message: Members) -> bool:
    """Whether it shows that the hub sees its store: what it says of itself, or that nothing is stored, does not."""
    return message.get("type") != "notices" and message.get("code") != _NOT_STORED
