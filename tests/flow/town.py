"""A town for the flow tests: one real store, real hubs on real sockets, people, and a clock moved by hand."""

import asyncio
import contextlib
import secrets
import socket
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import uvicorn

from dispatch import resources
from dispatch.app import Dispatch
from dispatch.identity import hash_password
from dispatch.media.objects import Objects
from dispatch.server import uvicorn_config
from dispatch.settings import Settings, load
from dispatch.store import checks as store
from dispatch.store.embedded import EmbeddedStore
from tests.flow.clock import FakeClock
from tests.flow.people import Citizen, Officer
from tests.patience import PATIENCE_S

PASSWORD = "for-the-tests-only"
_SLICE_S = 5  # consoles renew their readiness at least so often, as real ones do


class Server(uvicorn.Server):
    """uvicorn, without taking the test runner's signals."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Hub:
    """One hub of the town."""

    def __init__(self, dispatch: Dispatch, redis: Any) -> None:
        self.dispatch = dispatch
        self._redis = redis
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._server = Server(uvicorn_config(dispatch))
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._server.serve(sockets=[self._listener]))
        async with asyncio.timeout(PATIENCE_S):
            while not self._server.started:
                assert not self._task.done(), "the hub ended while it started"
                await asyncio.sleep(0)

    async def stop(self) -> None:
        """A graceful stop: consoles are told to come back."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task
        await self._redis.aclose()


class Town:
    """The demonstration district. `start` is the instant at which the clock stands first."""

    def __init__(self, folder: Path, start: datetime | None = None, env: dict[str, str] | None = None) -> None:
        self.folder = folder
        self.clock = FakeClock(start) if start else FakeClock()
        self.settings: Settings = load(resources.demo_config(), env or {})
        self.store = EmbeddedStore(folder / "store")
        self.hubs: list[Hub] = []
        self.people: list[Officer] = []
        self.citizens: list[Citizen] = []
        self._key = secrets.token_bytes(32)
        self._users: set[str] = set()
        self._hash = ""

    async def __aenter__(self) -> "Town":
        await asyncio.to_thread(self.store.start)
        await self.opens_hub()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if fault is None:
                await self.settles()
                self.nobody_heard_more()
        finally:
            ends = [*(p.closes() for p in self.people), *(c.http.aclose() for c in self.citizens)]
            ended = await asyncio.gather(*ends, return_exceptions=True)
            for hub in self.hubs:
                await hub.stop()
            redis = store.connect(self.store.url, "tests")
            await store.end(redis)
            await redis.aclose()
            await asyncio.to_thread(self.store.ended)
        wrong = [each for each in ended if isinstance(each, BaseException)]  # such as a gap that a reader saw
        if wrong and fault is None:
            raise wrong[0]

    async def opens_hub(self) -> Hub:
        redis = store.connect(self.store.url, "tests")
        objects = Objects(self.folder / "media", self._key)
        dispatch = Dispatch(self.settings, redis, objects, self.clock, resources.web(), self.folder / "voice")
        hub = Hub(dispatch, redis)
        self.hubs.append(hub)
        await hub.start()
        return hub

    @property
    def dispatch(self) -> Dispatch:
        return self.hubs[0].dispatch

    @property
    def url(self) -> str:
        return self.hubs[0].url

    def citizen(self, hub: int = 0) -> Citizen:
        citizen = Citizen(self.hubs[hub].url)
        self.citizens.append(citizen)
        return citizen

    async def officer(self, name: str, station: str | None = "dadongmen", role: str = "officer", hub: int = 0,
                      ready: bool = True) -> Officer:  # fmt: skip
        """An officer with an open console; by default the sound check is passed."""
        officer = await self.user(name, station, role, hub)
        await officer.opens_console(ready=ready)
        return officer

    async def user(self, name: str, station: str | None = "dadongmen", role: str = "officer", hub: int = 0) -> Officer:
        """Someone who is signed in, without a console."""
        if name not in self._users:
            self._hash = self._hash or await hash_password(PASSWORD)
            await self.dispatch.identity.add(name, self._hash, role, station)
            self._users.add(name)
        officer = Officer(self.hubs[hub].url, name)
        self.people.append(officer)
        await officer.signs_in(PASSWORD)
        return officer

    async def fast_forward(self, seconds: float) -> None:
        """Let time pass. Ready consoles go on telling so, as real ones do."""
        left = seconds
        while left > 0:
            await self.clock.advance(min(_SLICE_S, left))
            left -= _SLICE_S
            await self.settles()

    async def settles(self) -> None:
        """Wait until every console has everything that is in the streams."""
        async with asyncio.timeout(PATIENCE_S):
            redis = self.dispatch.stream.redis
            for keys in self.dispatch.stream.partitions:
                while await redis.llen(keys.outbox):
                    await asyncio.sleep(0)
            for hub in self.hubs:
                for feed in list(hub.dispatch.hub.feeds.of.values()):
                    while feed.last < await hub.dispatch.stream.offset(feed.station):
                        await asyncio.sleep(0)
        for officer in self.people:
            if officer.is_ready and officer.closed is None:
                await officer.is_awake()

    async def forgets(self, *officers: Officer) -> None:
        """What these officers heard so far is not what the test is about."""
        await self.settles()
        for officer in officers:
            officer.unexpected.clear()

    def stops_watching(self, *officers: Officer) -> None:
        """What else these officers hear is not what the test is about: work that goes on beside it may still come."""
        for officer in officers:
            officer.watched = False

    def nobody_heard_more(self) -> None:
        """No console got an event that nothing expected."""
        more = {officer.name: officer.pending() for officer in self.people if officer.watched and officer.pending()}
        assert not more, f"unexpected: {more}"
