"""One server for all tests that do not kill it, and the people at it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
import structlog

from fujin_client import Officer
from tests.clients.near import Near
from tests.process import HubProcess

MEDIA_BYTES = 2_000_000
"""The most that a recording may have here: a test need not send the hundred million bytes of real life."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """They share a server, so they share its loop."""
    for item in items:
        if Path(__file__).parent in item.path.parents and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Near]:
    """A server that all tests of a file share; each looks at its own alarms. Its log is no output of a command."""
    folder = tmp_path_factory.mktemp("served")
    before = structlog.get_config()
    with (folder / "log.txt").open("a") as log:
        structlog.configure(logger_factory=structlog.PrintLoggerFactory(log))
        async with Near(folder, DISPATCH_LIMITS_MEDIA_BYTES=str(MEDIA_BYTES)) as near:
            yield near
        structlog.configure(**before)


@pytest.fixture
def own(tmp_path: Path) -> Iterator[HubProcess]:
    """A server in its own process for one test, which may kill it."""
    hub = HubProcess(tmp_path / "data")
    hub.start()
    yield hub
    hub.end()


@pytest_asyncio.fixture(loop_scope="session")
async def officer(served: Near) -> AsyncIterator[Officer]:
    """V01 at a console of the station that alarms without a place come to."""
    async with Officer(served.url, "V01", served.password) as officer:
        await officer.subscribe()
        yield officer
