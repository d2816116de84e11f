"""A town for the flow tests: a real store, real hubs on real sockets, people, and a clock moved by hand.

Whatever its people do ends when the whole town is at rest: hubs, sockets, and what the store rings. So a test asserts
at once, and an assertion while something is under way fails by itself (`Pending`).
"""

import asyncio
import contextlib
import functools
import secrets
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import uvicorn

from dispatch import resources
from dispatch.app import Dispatch
from dispatch.media.objects import Objects
from dispatch.server import uvicorn_config
from dispatch.settings import Settings, load
from dispatch.store import checks as store
from dispatch.store.embedded import EmbeddedStore
from tests import shared
from tests.flow.clock import FakeClock
from tests.flow.people import Citizen, Officer
from tests.patience import PATIENCE_S

PASSWORD = "for-the-tests-only"
_SLICE_S = 5  # consoles renew their readiness at least so often, as real ones do
_TURNS, _LOOK_S = 100, 0.01  # most connections close within some turns of the loop


@functools.cache
def _configured(env: tuple[tuple[str, str], ...]) -> Settings:
    """The demonstration's configuration, which nobody can change: read once for all towns with this environment."""
    return load(resources.demo_config(), dict(env))


class Server(uvicorn.Server):
    """uvicorn, without taking the test runner's signals."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.told = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        """As uvicorn's, which looks every tenth of a second whether it is to end; this one is told."""
        await self.told.wait()

    def leave(self) -> None:
        self.should_exit = True
        self.told.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's, which sleeps for a tenth of a second before it looks whether its connections have closed."""
        for listening in (*self.servers, *(sockets or ())):
            listening.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        try:
            async with asyncio.timeout(self.config.timeout_graceful_shutdown):
                turns = 0
                while self.server_state.connections or self.server_state.tasks:
                    await asyncio.sleep(0 if turns < _TURNS else _LOOK_S)
                    turns += 1
        except TimeoutError:
            for task in self.server_state.tasks:
                task.cancel()
        for server in self.servers:
            await server.wait_closed()
        await self.lifespan.shutdown()


class Hub:
    """One hub of the town."""

    def __init__(self, dispatch: Dispatch, redis: Any) -> None:
        self.dispatch = dispatch
        self._redis = redis
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # inherited; uvloop does so by itself
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._server = Server(uvicorn_config(dispatch))
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._server.serve(sockets=[self._listener]))
        async with asyncio.timeout(PATIENCE_S):
            while not self._server.started:
                assert not self._task.done(), "the hub ended while it started"
                await asyncio.sleep(0)

    @property
    def connections(self) -> list[Any]:
        """Those that are open, as the server has them."""
        return list(self._server.server_state.connections)

    async def begins_to_answer(self, number: int) -> None:
        """Wait until so many connections do not take what is written to them."""
        async with asyncio.timeout(PATIENCE_S):
            while (
                sum(getattr(each, "flow", None) is not None and each.flow.write_paused for each in self.connections)
                < number
            ):
                await asyncio.sleep(_LOOK_S)

    @property
    def runs(self) -> bool:
        return self._task is not None and not self._server.should_exit

    async def stop(self) -> None:
        """A graceful stop: consoles are told to come back."""
        self._server.leave()
        try:
            if self._task is not None:
                await self._task
        finally:
            self._task = None
            await self._redis.aclose()

    async def catches_up(self) -> bool:
        """Wait until it has heard all that the store rang; whether there was anything."""
        feeds = self.dispatch.hub.feeds
        before = [feed.last for feed in feeds.of.values()]
        await feeds.doorbell.echo()
        return before != [feed.last for feed in feeds.of.values()]


class Town:
    """The demonstration district.

    Args:
        folder: of media, voice clips and a store of its own.
        start: the instant at which the clock stands first.
        env: settings.
        own_store: a store that this town may kill, fill or freeze; else the worker's, with a prefix of its own.
        watched: whether somebody acts whom the town does not know, such as a browser: then events are waited for.
    """

    def __init__(
        self, folder: Path, start: datetime | None = None, env: dict[str, str] | None = None, own_store: bool = False,
        watched: bool = False,
    ) -> None:  # fmt: skip
        self.folder = folder
        self.clock = FakeClock(start) if start else FakeClock()
        self.clock.others.append(self._stirs)
        self.clock.readers.append(self._read_on)
        self.work = self.clock.work()
        self.own_store = own_store
        self.watched = self.clock.watched = watched
        self.settings: Settings = _configured(tuple((env or {}).items()))
        if not own_store and "DISPATCH_STORE_PREFIX" not in (env or {}):
            self.settings = replace(
                self.settings, store=self.settings.store.model_copy(update={"prefix": shared.prefix()})
            )
        self.prefix = f"{self.settings.store.prefix}:"
        """What every key of this town begins with."""
        self.store = EmbeddedStore(folder / "store") if own_store else shared.store()
        self.hubs: list[Hub] = []
        self.people: list[Officer] = []
        self.citizens: list[Citizen] = []
        self._key = secrets.token_bytes(32)
        self._users: set[str] = set()

    async def __aenter__(self) -> "Town":
        if self.own_store:
            await asyncio.to_thread(self.store.start)
        try:
            await self.opens_hub()
        except BaseException as fault:  # nobody leaves what was not entered
            await self.__aexit__(type(fault), fault, fault.__traceback__)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if fault is None:
                await self.quiet()
                self.nobody_heard_more()
        finally:
            ends = [*(p.closes() for p in self.people), *(c.http.aclose() for c in self.citizens)]
            ended = await asyncio.gather(*ends, return_exceptions=True)
            ended += await asyncio.gather(*(hub.stop() for hub in self.hubs), return_exceptions=True)
            if self.own_store:
                redis = store.connect(self.store.url, "tests")
                await store.end(redis)
                await redis.aclose()
                await asyncio.to_thread(self.store.ended)
            FakeClock.newest = None
        wrong = [each for each in ended if isinstance(each, BaseException)]  # such as a gap that a reader saw
        if wrong and fault is None:
            raise wrong[0]

    async def opens_hub(self) -> Hub:
        redis = store.connect(self.store.url, "tests")
        objects = Objects(self.folder / "media", self._key)
        dispatch = Dispatch(
            self.settings, redis, objects, self.clock, resources.web(), self.folder / "voice", hasher=shared.CHEAP
        )
        hub = Hub(dispatch, redis)
        self.hubs.append(hub)
        self.clock.works.append(dispatch.work)
        await hub.start()
        await self.quiet()
        return hub

    @property
    def dispatch(self) -> Dispatch:
        return self.hubs[0].dispatch

    @property
    def url(self) -> str:
        return self.hubs[0].url

    def citizen(self, hub: int = 0) -> Citizen:
        citizen = Citizen(self.hubs[hub].url, self.rests)
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
            await self.dispatch.identity.add(name, shared.hashed(PASSWORD), role, station)
            self._users.add(name)
        officer = Officer(self.hubs[hub].url, name, self.rests, self.watched, self.passes)
        self.people.append(officer)
        await officer.signs_in(PASSWORD)
        return officer

    async def fast_forward(self, seconds: float) -> None:
        """Let time pass. Ready consoles go on telling so, as real ones do."""
        left = seconds
        while left > 0:
            await self.clock.advance(min(_SLICE_S, left))
            left -= _SLICE_S
            for officer in self.people:
                if officer.is_ready and officer.closed is None:
                    await officer.is_awake()

    async def rests(self) -> None:
        """After each thing that somebody does: `quiet`, unless the test looks at what is under way."""
        if not self.clock.looks_on:
            await self.clock.quiet()

    async def passes(self, seconds: float) -> None:
        """Let a moment pass, which somebody waits for; not where somebody else's time is real."""
        if not self.clock.looks_on:
            await self.clock.advance(seconds)

    async def quiet(self) -> None:
        """Wait until nothing is under way: hubs, sockets, and every console has everything that is in the streams."""
        await self.clock.quiet()

    async def _stirs(self) -> bool:
        """Have every hub hear what the store rang; whether there was anything."""
        return any([await hub.catches_up() for hub in self.hubs if hub.runs])

    async def _read_on(self) -> None:
        await asyncio.gather(*(person.reads_on() for person in self.people))

    async def forgets(self, *officers: Officer) -> None:
        """What these officers heard so far is not what the test is about."""
        await self.quiet()
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
