"""One server for all tests that do not kill it, and the people at it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from fujin_client import Officer
from tests.clients.served import Served


@pytest.fixture(scope="package")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that all tests of this folder share; each looks at its own alarms."""
    yield from _serving(tmp_path_factory.mktemp("served") / "data")


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Served]:
    """A server for one test, which may kill it."""
    yield from _serving(tmp_path / "data")


@pytest.fixture
async def officer(served: Served) -> AsyncIterator[Officer]:
    """V01 at a console of the station that alarms without a place come to."""
    async with Officer(served.url, "V01", served.password) as officer:
        await officer.subscribe()
        yield officer


def _serving(data: Path) -> Iterator[Served]:
    hub = Served(data)
    hub.start()
    try:
        asyncio.run(hub.ready())
        yield hub
    finally:
        hub.stop()
