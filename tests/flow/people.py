"""Citizens and officers of the flow tests, as verbs.

They speak the protocol over real sockets and know nothing of the server's code.
"""

import asyncio
import functools
import importlib.util
import json
import secrets
import ssl
import sys
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.patience import PATIENCE_S

STATION_EVENTS = (
    "console_ready",
    "console_lost",
    "duty_changed",
    "duty_signed",
    "deadline_late",
    "store_restored",
    "flood_began",
    "flood_ended",
)

if importlib.util.find_spec("sniffio") is None:
    # httpcore asks for it several times a request, and each time Python would search all folders anew.
    sys.modules["sniffio"] = None  # type: ignore[assignment]

Rests = Callable[[], Awaitable[None]]
Passes = Callable[[float], Awaitable[None]]
_CONFIRMED_S = 0.05
"""The first confirmations of an alarm wait a moment for others, and the frame that says so for another."""


async def no_time_passes(seconds: float) -> None:
    """Where time goes by itself."""


async def nobody_rests() -> None:
    """Where nobody knows what is under way."""


class Http(httpx.AsyncClient):
    """An HTTP client whose requests end when what came of them has ended too.

    It shares what it trusts: to read the machine's certificates for each would cost more than most tests.

    Args:
        url: of the hub.
        rests: waited for after each answer that is not read bit by bit.
        headers: of every request.
    """

    def __init__(self, url: str, rests: Rests = nobody_rests, **headers: str) -> None:
        super().__init__(base_url=url, timeout=PATIENCE_S, headers=headers, verify=_certificates())
        self._rests = rests

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        answer = await super().send(request, **options)
        if not options.get("stream"):
            await self._rests()
        return answer


@functools.cache
def _certificates() -> ssl.SSLContext:
    return ssl.create_default_context()


class Answered(Exception):
    """A request was answered with an error."""

    def __init__(self, body: dict[str, Any]) -> None:
        super().__init__(f"{body['code']}: {body['message']}")
        self.body = body
        self.code = body["code"]


class Citizen:
    """Someone with a phone. The device makes the alarm's id, secret and cancel number."""

    def __init__(self, url: str, rests: Rests = nobody_rests) -> None:
        self.http = Http(url, rests)
        self.id = str(uuid.uuid4())
        self.secret = secrets.token_urlsafe(24)
        self.pin = "4821"
        self.answer: httpx.Response

    async def raises(self, **body: Any) -> str:
        """Raise the alarm and get its receipt; the alarm's id."""
        await self.posts(**body)
        assert self.answer.status_code in (200, 201), self.answer.text
        return self.id

    async def posts(self, **body: Any) -> httpx.Response:
        self.answer = await self.http.post(
            "/alarms", json={"id": self.id, "secret": self.secret, "pin": self.pin, **body}
        )
        return self.answer

    async def sees(self) -> dict[str, Any]:
        """The alarm as the citizen's page shows it."""
        answer = await self.http.get(f"/alarms/{self.id}", headers=self.headers)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def ladder(self) -> list[str]:
        return [rung["step"] for rung in (await self.sees())["ladder"]]

    async def does(self, what: str, **body: Any) -> httpx.Response:
        """say, position, answer, cancel."""
        return await self.http.post(f"/alarms/{self.id}/{what}", json=body, headers=self.headers)

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.secret}"}


class Officer:
    """Someone at a console. Keeps what came and what was expected of it; the rest fails the test at its end.

    Args:
        url: of the hub.
        name: the call sign.
        rests: waited for after everything that is done.
        waits: whether an event that is not there may still come, as somebody acts whom `rests` does not know.
        passes: lets time pass.
    """

    def __init__(self, url: str, name: str,
                 rests: Rests = nobody_rests, waits: bool = True, passes: Passes = no_time_passes) -> None:  # fmt: skip
        self._passes = passes
        self.rests = rests
        self._waits = waits
        self.url = url
        self.name = name
        self.http = Http(url, rests, origin=url)
        self.position: dict[str, dict[str, Any]] = {}
        self.alarms: dict[str, dict[str, Any]] = {}
        self.duty: dict[str, Any] = {}
        self.recovered: dict[str, bool] = {}
        self.unexpected: list[dict[str, Any]] = []  # events that no `hears` took yet
        self.notices: list[dict[str, Any]] | None = None  # what is wrong with the system; None until told
        self.every: list[dict[str, Any]] = []  # all events, also the station's
        self.beats = 0
        self.received = 0  # bytes of all messages
        self.watched = True  # an event that nothing expected fails the test
        self.closed: int | None = None
        self.is_ready = False
        self._socket: ClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None
        self._answers: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._came = asyncio.Condition()

    async def signs_in(self, password: str) -> None:
        answer = await self.http.post("/session", json={"user": self.name, "password": password})
        assert answer.status_code == 200, answer.text

    async def opens_console(self, ready: bool = True, **subscribe: Any) -> None:
        """Connect, subscribe from the last position, and (with the sound check passed) be ready."""
        url = self.url.replace("http", "ws", 1) + "/ws/console"
        cookie = "; ".join(f"{name}={value}" for name, value in self.http.cookies.items())
        self._socket = await connect(
            url, origin=self.url, additional_headers={"cookie": cookie}, subprotocols=["dispatch.v1.json"]  # type: ignore[arg-type, list-item]
        )  # fmt: skip
        self.closed = None
        self._reader = asyncio.create_task(self._read(self._socket))
        answer = await self.asks("subscribe", **{"after": self.position, **subscribe})
        self.recovered = answer["recovered"]
        if ready:
            await self.is_awake()

    async def is_awake(self, sound: bool = True) -> None:
        self.is_ready = sound
        await self.asks("ready", sound=sound, visible=True)

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
        await self.rests()
        if answer["type"] == "error":
            raise Answered(answer)
        return answer

    async def hears(self, alarm: str | None, *kinds: str) -> dict[str, Any]:
        """Wait for the alarm's events of these kinds, in this order; the last of them."""
        found: dict[str, Any] = {}
        for kind in kinds:
            found = await self._take(alarm, kind)
        return found

    async def acknowledges(self, alarm: str) -> dict[str, Any]:
        return await self.asks("ack", alarm=alarm)

    async def shows(self, station: str = "dadongmen") -> None:
        """Confirm everything that came so far: it is on the screen."""
        await self.asks("delivered", station=station, position=self.position[station])
        await self._passes(_CONFIRMED_S)

    async def is_cut(self) -> None:
        """The network goes away without a word."""
        assert self._socket is not None
        self._socket.transport.abort()
        assert self._reader is not None
        await self._reader
        await self.rests()

    async def closes(self) -> None:
        if self._socket is not None:
            await self._socket.close()
        if self._reader is not None:
            await self._reader
        await self.http.aclose()

    async def reads_on(self) -> None:
        """Return when everything that the hub wrote before this has been read."""
        if self._socket is None or self.closed is not None:
            return
        with suppress(ConnectionClosed):
            await (await self._socket.ping())
        while len(self._socket.recv_messages.frames):
            await asyncio.sleep(0)

    async def has(self, alarm: str) -> None:
        """Wait until the console has the alarm, however it came."""
        await self._until(lambda: alarm in self.alarms, f"{self.name} waits for {alarm}")

    async def is_closed_with(self) -> int:
        """Wait until the server closed the connection; its code."""
        async with asyncio.timeout(PATIENCE_S):
            while self.closed is None:
                await asyncio.sleep(0)
        await self.rests()
        return self.closed

    async def _take(self, alarm: str | None, kind: str) -> dict[str, Any]:
        def find() -> dict[str, Any] | None:
            source = self.every if kind in STATION_EVENTS else self.unexpected
            return next((e for e in source if e["alarm"] == alarm and e["event"]["type"] == kind), None)

        await self._until(lambda: find() is not None, f"{self.name} waits for {kind}; has {self.pending()}")
        event = find()
        assert event is not None
        (self.every if kind in STATION_EVENTS else self.unexpected).remove(event)
        return event

    def pending(self) -> list[str]:
        """The kinds of the events that nothing has expected yet."""
        return [event["event"]["type"] for event in self.unexpected]

    async def _until(self, true: Any, why: str = "") -> None:
        await self.rests()
        if true():
            return
        if not self._waits:
            raise AssertionError(why)
        try:
            async with asyncio.timeout(PATIENCE_S), self._came:
                await self._came.wait_for(true)
        except TimeoutError:
            raise AssertionError(f"{why or self.name}; pending {self.pending()}, closed {self.closed}") from None

    async def _read(self, socket: ClientConnection) -> None:
        try:
            async for frame in socket:
                self.received += len(frame.encode() if isinstance(frame, str) else frame)
                self._receive(json.loads(frame))
                async with self._came:
                    self._came.notify_all()
        except ConnectionClosed:
            pass  # `closed` says how
        finally:
            self.closed = socket.close_code if socket.close_code is not None else 1006
            self.is_ready = False
            for future in self._answers.values():
                if not future.done():
                    future.set_exception(ConnectionError(f"closed with {self.closed}"))
            async with self._came:
                self._came.notify_all()

    def _receive(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "ok" | "error":
                future = self._answers.pop(message["ref"], None)
                if future is not None and not future.done():
                    future.set_result(message)
            case "snapshot":
                self.position[message["station"]] = message["position"]
                self.alarms |= {alarm["id"]: alarm for alarm in message["alarms"]}
                self.duty = message["duty"]
            case "story":
                self.alarms[message["alarm"]] = tell(self.alarms[message["alarm"]], message)
            case "event":
                last = self.position[message["station"]]
                now = message["position"]
                assert now["offset"] == last["offset"] + 1, f"{self.name}: a gap from {last} to {now}"
                self.position[message["station"]] = now
                self.every.append(message)
                if message["alarm"] is not None:
                    if "changes" in message:  # a plan has none
                        changed = merge(self.alarms.get(message["alarm"], {}), message["changes"])
                        self.alarms[message["alarm"]] = changed
                    self.unexpected.append(message)
            case "notices":
                self.notices = message["notices"]
            case "beat":
                self.beats += 1


def tell(alarm: dict[str, Any], story: dict[str, Any]) -> dict[str, Any]:
    """The alarm with a part of what was said in it, as a client would take it."""
    if story["wipes"] < alarm.get("wipes", 0):
        return alarm
    said = {name: {**story[name], **alarm.get(name, {})} for name in ("talk", "notes") if story.get(name)}
    return {**alarm, **said}


def merge(target: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """JSON Merge Patch (RFC 7396), as a client would write it."""
    merged = dict(target)
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, dict):
            merged[name] = merge(merged.get(name) or {}, value)
        else:
            merged[name] = value
    return merged
