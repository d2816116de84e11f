"""A helper of the flow tests, as verbs; keeps every frame that came, to be searched."""

import asyncio
import json
import uuid
from typing import Annotated, Any

from pydantic import Discriminator, Tag, TypeAdapter
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from dispatch.alarm.outbound import Beat, Error
from dispatch.alarm.to_helper import Agreed, Calls, Hello, Watching
from tests.flow.people import Answered, Officer
from tests.patience import PATIENCE_S

FRAMES: TypeAdapter[Hello | Calls | Watching | Agreed | Beat | Error] = TypeAdapter(
    Annotated[
        Annotated[Hello, Tag("hello")] | Annotated[Calls, Tag("calls")] | Annotated[Beat, Tag("beat")]
        | Annotated[Error, Tag("error")] | Annotated[Watching, Tag("on")] | Annotated[Agreed, Tag("state")],
        Discriminator(lambda frame: frame["type"] if frame["type"] != "ok" else "on" if "on" in frame else "state"),
    ]
)  # fmt: skip


class Helper:
    """Someone with the helper's page open."""

    def __init__(self, user: Officer) -> None:
        self.user = user
        self.name = user.name
        self.hello: dict[str, Any] = {}
        self.calls: list[dict[str, Any]] | None = None
        self.frames: list[str] = []
        self.closed: int | None = None
        self._socket: ClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None
        self._answers: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._came = asyncio.Condition()

    async def opens_page(self) -> None:
        cookie = "; ".join(f"{name}={value}" for name, value in self.user.http.cookies.items())
        self._socket = await connect(
            self.user.url.replace("http", "ws", 1) + "/ws/helper", origin=self.user.url,  # type: ignore[arg-type]
            additional_headers={"cookie": cookie}, subprotocols=["dispatch.v1.json"],  # type: ignore[list-item]
        )  # fmt: skip
        self.closed, self.calls, self.hello = None, None, {}
        self._reader = asyncio.create_task(self._read(self._socket))

    async def closes(self) -> None:
        if self._socket is not None:
            await self._socket.close()
        if self._reader is not None:
            await self._reader

    async def watches(self, lat: float, lon: float, **more: Any) -> dict[str, Any]:
        return await self.asks("watch", on=True, position={"lat": lat, "lon": lon, **more})

    async def asks(self, kind: str, **members: Any) -> dict[str, Any]:
        """Send a request and wait for its answer.

        Raises:
            Answered: it was an error.
        """
        ref = members.pop("ref", None) or uuid.uuid4().hex
        assert self._socket is not None
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._answers[ref] = future
        await self._socket.send(json.dumps({"type": kind, "ref": ref, **members}))
        answer = await asyncio.wait_for(future, PATIENCE_S)
        await self.user.rests()
        if answer["type"] == "error":
            raise Answered(answer)
        return answer

    async def is_called(self, state: str = "called", number: int = 1) -> dict[str, Any]:
        """Wait until there are so many calls, the first of them in this state; that one."""
        await self.until(lambda: self.calls and len(self.calls) == number and self.calls[0]["state"] == state)
        assert self.calls
        return self.calls[0]

    async def is_free(self) -> None:
        """Wait until there is no call."""
        await self.until(lambda: self.calls == [])

    async def until(self, true: Any) -> None:
        await self.user.rests()
        if true():
            return
        try:
            async with asyncio.timeout(PATIENCE_S), self._came:
                await self._came.wait_for(true)
        except TimeoutError:
            raise AssertionError(f"{self.name}: {self.calls}, closed {self.closed}") from None

    async def _read(self, socket: ClientConnection) -> None:
        try:
            async for frame in socket:
                text = frame if isinstance(frame, str) else frame.decode()
                self.frames.append(text)
                self._receive(json.loads(text))
                async with self._came:
                    self._came.notify_all()
        except ConnectionClosed:
            pass  # `closed` says how
        finally:
            self.closed = socket.close_code if socket.close_code is not None else 1006
            for future in self._answers.values():
                if not future.done():
                    future.set_exception(ConnectionError(f"closed with {self.closed}"))
            async with self._came:
                self._came.notify_all()

    def _receive(self, message: dict[str, Any]) -> None:
        FRAMES.validate_json(json.dumps(message))  # nothing that is not on the list of what helpers are told
        match message["type"]:
            case "hello":
                self.hello = message
            case "calls":
                self.calls = message["calls"]
            case "ok" | "error":
                self._answers.pop(message["ref"]).set_result(message)
