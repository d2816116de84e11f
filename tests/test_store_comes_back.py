"""The built-in store dies under a running hub: no receipt is given meanwhile, and it comes back by itself."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.flow.people import Citizen, Officer
from tests.patience import PATIENCE_S
from tests.process import HubProcess, store_ends, store_pid

MANY = 200
LOOK_S = 0.1
Since = Callable[[], list[list[dict[str, Any]]]]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("two") / "data"


@pytest.fixture(scope="module")
def hubs(data: Path) -> Iterator[list[HubProcess]]:
    """Two hubs on one store; whatever became of it, in the end they stop as if nothing had been."""
    made = [HubProcess(data), HubProcess(data)]
    try:
        for hub in made:
            hub.start()
        yield made
        assert [hub.stop() for hub in made] == [0, 0]
        assert store_ends(data)
    finally:
        for hub in made:
            hub.end()


@pytest.fixture
def since(hubs: list[HubProcess]) -> Since:
    """What each hub has logged since the test began."""
    before = [len(hub.logged) for hub in hubs]
    return lambda: [hub.logged[count:] for hub, count in zip(hubs, before, strict=True)]


async def raises(hub: HubProcess, refused: list[httpx.Response]) -> Citizen:
    """An alarm, sent again until it is stored; the refusals on the way."""
    citizen = Citizen(hub.url)
    async with asyncio.timeout(PATIENCE_S):
        while (answer := await citizen.posts()).status_code not in (200, 201):
            refused.append(answer)
    await citizen.http.aclose()
    return citizen


async def is_there(hub: HubProcess, citizen: Citizen) -> None:
    """The alarm has the same receipt as before."""
    again = Citizen(hub.url)
    again.id, again.secret = citizen.id, citizen.secret
    answer = await again.posts()
    assert (answer.status_code, answer.json()) == (200, citizen.answer.json())
    await again.http.aclose()


def test_killed(hubs: list[HubProcess], data: Path, since: Since) -> None:
    """One of the hubs starts it again, within about a second; consoles and receipts are those from before."""

    async def run() -> None:
        officer = Officer(hubs[0].url, "V01")
        await officer.signs_in(hubs[0].password)
        await officer.opens_console()
        refused: list[httpx.Response] = []
        before = await raises(hubs[0], refused)
        assert refused == []
        os.kill(store_pid(data), signal.SIGKILL)
        async with asyncio.timeout(PATIENCE_S):
            after = await raises(hubs[1], refused)
        assert {(answer.status_code, answer.json()["code"]) for answer in refused} <= {(503, "not_stored")}
        for citizen in (before, after):
            await is_there(hubs[0], citizen)
            await officer.hears(citizen.id, "alarm_raised", "step_run")
        assert officer.closed is None
        await officer.closes()

    asyncio.run(run())
    assert events(since).count("store_died_and_started_again") == 1


def events(since: Since) -> list[str]:
    return [line["event"] for lines in since() for line in lines]


def test_it_cannot_be_started(hubs: list[HubProcess], data: Path, since: Since) -> None:
    """Its files cannot be read: refused with `not_stored`, said rarely, and it comes back when they can be read."""
    files = data / "store" / "appendonlydir"
    away = data / "away"

    async def run() -> None:
        before = await raises(hubs[0], [])
        files.rename(away)
        files.write_text("no folder")
        os.kill(store_pid(data), signal.SIGKILL)
        refused: list[tuple[int, str, bool]] = []
        async with httpx.AsyncClient(base_url=hubs[0].url, timeout=PATIENCE_S) as client:
            while "store_died_and_started_again" not in events(since) or len(refused) <= MANY:
                answer = await client.post("/alarms", json={"id": before.id, "secret": before.secret})
                refused.append((answer.status_code, answer.json()["code"], "retry-after" in answer.headers))
                await asyncio.sleep(LOOK_S if len(refused) > MANY else 0)
            assert (await client.get("/readyz")).status_code == 503
        assert set(refused) == {(503, "not_stored", True)}
        files.unlink()
        away.rename(files)
        async with asyncio.timeout(PATIENCE_S):
            await raises(hubs[0], [])
        await is_there(hubs[1], before)

    asyncio.run(run())
    for lines in since():
        said = Counter(
            (line["event"], line.get("loop"), line.get("fault"), line.get("last_words"))
            for line in lines
            if line["level"] != "info" and line["event"] != "audit_late"  # of an alarm, not of the store: each is told
        )
        assert len({(event, fault) for event, _, fault, _ in said}) < 20, "and causes are few, of whichever loop"
        assert max(said.values(), default=1) == 1, "the same cause once a minute"
