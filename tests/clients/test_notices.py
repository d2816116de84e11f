"""An officer's program learns what is wrong with the system itself, and survives a record that went back."""

import shutil
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from fujin_client import Citizen, Officer
from tests.clients.near import Near
from tests.stores import Single


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def store() -> AsyncIterator[Single]:
    async with Single() as store:
        yield store


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def hub(tmp_path_factory: pytest.TempPathFactory, store: Single) -> AsyncIterator[Near]:
    """A hub that looks at its store every second."""
    async with Near(tmp_path_factory.mktemp("near"), store.url, DISPATCH_STORE_CHECK_S="1") as near:
        yield near


async def test_notices_come_and_go(hub: Near, store: Single) -> None:
    """A store that becomes unsafe is in `notices` until it is mended."""
    async with Officer(hub.url, "V01", hub.password) as officer:
        await officer.subscribe()
        assert officer.notices == []
        await store.set("appendfsync", "everysec")
        [notice] = await officer.until(lambda: officer.notices or None)
        assert (notice["code"], notice["setting"], notice["refused"]) == ("store_unsafe", "appendfsync", True)
        await store.set("appendfsync", "always")
        await officer.until(lambda: officer.notices == [] or None)


async def test_a_record_that_went_back(hub: Near, store: Single) -> None:
    """The console comes back by itself with a fresh snapshot, without error, and is told why; live events follow."""
    node = store.nodes[0]
    files = node.log.parent / "appendonlydir"
    async with Citizen(hub.url, over="http") as citizen, Officer(hub.url, "V01", hub.password) as officer:
        await officer.subscribe()
        kept = (await citizen.raise_alarm(text="before")).id
        await officer.next_event("alarm_raised", kept)
        copy = shutil.copytree(files, node.log.parent / "copy")
        lost = (await citizen.raise_alarm(text="after")).id
        await officer.next_event("alarm_raised", lost)
        epoch = officer.positions["dadongmen"].epoch
        await store.kill(node)
        shutil.rmtree(files)
        copy.rename(files)
        await store.restart(node)
        await officer.until(lambda: lost not in officer.alarms or None)
        assert kept in officer.alarms
        assert officer.recovered == {"dadongmen": False}
        assert officer.positions["dadongmen"].epoch != epoch
        [notice] = await officer.until(lambda: officer.notices or None)
        assert notice["code"] == "store_restored"
        new = (await citizen.raise_alarm(text="later")).id
        assert (await officer.next_event("alarm_raised", new)).alarm == new
