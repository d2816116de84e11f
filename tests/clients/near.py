"""A hub in the process of the tests, on real sockets and in real time, with the demonstration's people signed up."""

import asyncio
import secrets
from pathlib import Path

from dispatch import resources
from dispatch.alarm.clock import StoreClock
from dispatch.app import Dispatch
from dispatch.media.objects import Objects
from dispatch.settings import load
from dispatch.store import checks as store
from dispatch.welcome import demo_users
from tests import shared
from tests.flow.town import Hub

PASSWORD = "for-the-tests-only"


class Near:
    """The hub. An async context manager.

    Args:
        folder: of media and voice clips.
        url: of a store of its own; the worker's, with a prefix of its own, without.
        env: settings.
    """

    password = PASSWORD

    def __init__(self, folder: Path, url: str = "", **env: str) -> None:
        self._folder = folder
        self._store = url or shared.store().url
        self._settings = load(resources.demo_config(), {"DISPATCH_STORE_PREFIX": shared.prefix(), **env})
        self._hub: Hub | None = None

    @property
    def url(self) -> str:
        assert self._hub is not None
        return self._hub.url

    async def __aenter__(self) -> "Near":
        redis = store.connect(self._store, "tests")
        for kept in ("media", "store"):  # whose disk is looked at
            (self._folder / kept).mkdir()
        objects = Objects(self._folder / "media", secrets.token_bytes(32))
        dispatch = Dispatch(
            self._settings, redis, objects, StoreClock(), resources.web(), self._folder / "voice", self._folder,
            hasher=shared.CHEAP,
        )  # fmt: skip
        hashed = shared.hashed(PASSWORD)
        people = demo_users(self._settings)
        await asyncio.gather(*(dispatch.identity.add(p.name, hashed, p.role, p.station, p.kind) for p in people))
        self._hub = Hub(dispatch, redis)
        await self._hub.start()
        return self

    async def __aexit__(self, *fault: object) -> None:
        assert self._hub is not None
        await self._hub.stop()
