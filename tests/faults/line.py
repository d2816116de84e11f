"""One WebSocket at a time to any hub: a request is sent again on the next connection until it is answered for good."""

import asyncio
import json
import random
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from tests.faults.history import History, Outcome
from tests.faults.web import PATIENCE_S, other

SILENT_S = 3.0
"""A hub says something at least every half second here; silent for so long it is taken for dead."""

Hello = Callable[["Line"], Awaitable[None]]


class Line:
    """A client that keeps itself connected while it is open.

    Args:
        urls: of the hubs; may change while it is used.
        path: of the socket.
        cookie: of the sign-in, or empty.
        history: where requests are written down.
        chance: picks hubs and pauses.
        hello: called on each new connection before any request; raises `Lost` to try another.
        hears: called with each message that answers nothing.
        lost: called when a connection ends.
    """

    def __init__(
        self, urls: list[str], path: str, cookie: str, history: History, chance: random.Random,
        hello: Hello, hears: Callable[[dict[str, Any]], None] = lambda message: None,
        lost: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        self._urls = urls
        self._path = path
        self._cookie = cookie
        self._history = history
        self._chance = chance
        self._hello = hello
        self._hears = hears
        self._lost = lost
        self._link: ClientConnection | None = None
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._up = asyncio.Event()
        self.listens = asyncio.Event()
        self.listens.set()
        self._task: asyncio.Task[None] | None = None
        self.url = ""

    def open(self) -> None:
        self._task = asyncio.create_task(self._keep())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    @property
    def live(self) -> bool:
        return self._up.is_set()

    def drop(self) -> None:
        """Give up the connection, as one does who waited too long for an answer."""
        if self._link is not None:
            self._link.transport.abort()

    def deafen(self) -> None:
        """Read nothing more of the connection, and let the kernel hold as little of it as it can."""
        self.listens.clear()
        if self._link is not None:
            raw = self._link.transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)

    async def exchange(self, message: dict[str, Any]) -> dict[str, Any]:
        """Send one request on this connection and return its answer.

        Raises:
            Lost: the connection ended, or there was no answer in time.
        """
        ref = message["ref"]
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[ref] = future
        try:
            if self._link is None:
                raise Lost
            async with asyncio.timeout(PATIENCE_S):
                await self._link.send(json.dumps(message))
                return await future
        except (OSError, TimeoutError, WebSocketException):
            raise Lost from None
        finally:
            if self._waiting.get(ref) is future:
                del self._waiting[ref]
            if future.done() and not future.cancelled():
                future.exception()

    async def once(self, ref: str, who: str, what: str, alarm: str, body: dict[str, Any],
                   message: dict[str, Any]) -> tuple[Outcome, dict[str, Any]]:  # fmt: skip
        """One attempt, as soon as there is a connection."""
        await self._up.wait()
        self._history.asked(ref, who, what, alarm, body)
        try:
            answer = await self.exchange({**message, "ref": ref})
        except Lost:
            if self.listens.is_set():
                self.drop()
            self._history.answered(ref, "unknown", 0, {"fault": "Lost"})
            return "unknown", {}
        outcome: Outcome = "ok" if answer["type"] == "ok" else "unknown" if answer.get("retry") else "refused"
        told = {name: value for name, value in answer.items() if name not in ("type", "ref")}
        self._history.answered(ref, outcome, 0, told)
        return outcome, told

    async def insist(self, ref: str, who: str, what: str, alarm: str, body: dict[str, Any],
                     message: dict[str, Any]) -> tuple[Outcome, dict[str, Any]]:  # fmt: skip
        """The answer, however often it has to be asked for; never `unknown`."""
        while True:
            outcome, answer = await self.once(ref, who, what, alarm, body, message)
            if outcome != "unknown":
                return outcome, answer
            await asyncio.sleep(self._chance.uniform(0.02, 0.2))

    async def _keep(self) -> None:
        while True:
            self.url = other(self._chance, self._urls, self.url)
            with suppress(OSError, TimeoutError, WebSocketException, Lost):
                await self._serve()
            await asyncio.sleep(self._chance.uniform(0.02, 0.2))

    async def _serve(self) -> None:
        headers = {"cookie": self._cookie} if self._cookie else {}
        async with connect(
            "ws" + self.url.removeprefix("http") + self._path, origin=self.url,  # type: ignore[arg-type]
            additional_headers=headers, open_timeout=PATIENCE_S, close_timeout=0.1, ping_interval=None,
            compression=None, max_size=None, proxy=None,
        ) as link:  # fmt: skip
            self._link = link
            reading = asyncio.create_task(self._read(link))
            try:
                await self._hello(self)
                self._up.set()
                await reading
            finally:
                self._up.clear()
                self._link = None
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)
                self._lost()
                link.transport.abort()

    async def _read(self, link: ClientConnection) -> None:
        try:
            while True:
                await self.listens.wait()
                async with asyncio.timeout(SILENT_S):
                    message = json.loads(await link.recv())
                future = self._waiting.get(message.get("ref") or "")
                if future is None or future.done() or "recovered" in message:
                    self._hears(message)
                if future is not None and not future.done():
                    future.set_result(message)
        finally:
            for future in self._waiting.values():
                if not future.done():
                    future.set_exception(Lost())


class Lost(Exception):
    """The connection ended before the answer came."""
