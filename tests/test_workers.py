"""`dispatch serve --workers`: several hubs on one port and one store, which start, die, come back and end together."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.flow.people import Citizen, Officer
from tests.patience import PATIENCE_S
from tests.process import HubProcess, children, store_ends, store_pid, store_runs

WORKER = "dispatch.worker "  # and not dispatch.media.worker
LOOK_S = 0.01


@contextmanager
def two_workers(data: Path) -> Iterator[HubProcess]:
    """Whatever the test did, nothing runs afterwards."""
    made = HubProcess(data)
    try:
        made.start("--workers", "2")
        yield made
    finally:
        for worker in made_by(made):
            os.kill(worker, signal.SIGKILL)
        made.end()


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[HubProcess]:
    """For a test that ends it."""
    with two_workers(tmp_path / "data") as made:
        yield made


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    """For the tests after which it serves as before."""
    with two_workers(tmp_path_factory.mktemp("lasting") / "data") as made:
        yield made


def made_by(hub: HubProcess) -> list[int]:
    return children(hub.pid, WORKER) if hub.runs else []


def live(processes: list[int]) -> list[int]:
    """Those that still run."""
    return [each for each in processes if Path(f"/proc/{each}").exists()]


async def both(hub: HubProcess) -> list[int]:
    """Wait until both workers serve; their process numbers."""
    async with asyncio.timeout(PATIENCE_S):
        while len({line.get("worker") for line in hub.logged if line["event"] == "alarm_raised"}) < 2:
            await raises(hub)
    return made_by(hub)


async def raises(hub: HubProcess) -> Citizen:
    """An alarm over a connection of its own, as a page does it: again until it has its receipt."""
    citizen = Citizen(hub.url)
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                if (await citizen.posts()).status_code in (200, 201):
                    break
            except httpx.TransportError:
                continue
    await citizen.http.aclose()
    return citizen


async def is_there(hub: HubProcess, citizen: Citizen) -> None:
    """The alarm has the same receipt as before."""
    again = Citizen(hub.url)
    again.id, again.secret = citizen.id, citizen.secret
    answer = await again.posts()
    assert (answer.status_code, answer.json()) == (200, citizen.answer.json())
    await again.http.aclose()


async def console(hub: HubProcess, name: str = "V01") -> Officer:
    officer = Officer(hub.url, name)
    await officer.signs_in(hub.password)
    await officer.opens_console()
    return officer


def measured(hub: HubProcess) -> dict[str, float]:
    """What /metrics says, by whichever worker."""
    text = httpx.get(f"{hub.url}/metrics").text
    families = text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
    return {sample.name: sample.value for family in families for sample in family.samples}


def test_a_worker_dies(lasting: HubProcess) -> None:
    """It is started again and said; the other one serves meanwhile, and every receipt holds.

    Any worker tells the sum of all: consoles now, and what was ever counted, also by one that has died since.
    """
    hub = lasting

    async def run() -> None:
        first, second = await both(hub)
        officers = [await console(hub, f"V{n:02d}") for n in range(1, 9)]
        citizens = [await raises(hub) for _ in range(3)]
        for officer in officers:
            for citizen in citizens:
                await officer.hears(citizen.id, "alarm_raised", "step_run")
        assert {measured(hub)["dispatch_consoles"] for _ in range(10)} == {8}
        counted = measured(hub)["dispatch_deliveries_total"]
        assert counted >= 3 * 2 * 8
        os.kill(first, signal.SIGKILL)
        citizens += [await raises(hub) for _ in range(10)]
        async with asyncio.timeout(PATIENCE_S):
            while len(workers := made_by(hub)) < 2 or first in workers:
                await asyncio.sleep(LOOK_S)
        assert second in workers
        for citizen in citizens:
            await is_there(hub, citizen)
        await shown(hub, lambda figures: figures["dispatch_consoles"] == sum(o.closed is None for o in officers))
        assert measured(hub)["dispatch_deliveries_total"] >= counted
        assert {officer.closed for officer in officers} <= {None, 1006}
        for officer in officers:
            await officer.closes()

    asyncio.run(run())
    died = [line for line in hub.logged if line["event"] == "worker_died"]
    assert [(line["level"], line["status"]) for line in died] == [("error", -signal.SIGKILL)]


async def shown(hub: HubProcess, so: Callable[[dict[str, float]], bool]) -> None:
    """Wait until the figures are so."""
    async with asyncio.timeout(PATIENCE_S):
        while not so(measured(hub)):
            await asyncio.sleep(LOOK_S)


@pytest.mark.parametrize("how", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.nightly)])
def test_they_work_and_stop_together(hub: HubProcess, how: signal.Signals) -> None:
    """Connections come to both; an officer at one gets the alarms of both; it is said once where the pages are.

    Told to stop, all consoles are told 4000; workers, parent and store have ended within 5 s, with status 0.
    """

    async def run() -> list[int]:
        officers = [await console(hub, f"V{n:02d}") for n in range(1, 5)]
        workers = await both(hub)
        assert len(workers) == 2
        for _ in range(20):
            alarm = (await raises(hub)).id
            for officer in officers:
                await officer.hears(alarm, "alarm_raised", "step_run")
        status = await asyncio.to_thread(hub.stop, how)
        for officer in officers:
            assert await officer.is_closed_with() == 4000
            await officer.closes()
        assert status == 0
        return workers

    workers = asyncio.run(run())
    assert store_ends(hub.data)
    assert live(workers) == []
    assert hub.out.count("Fujin serves") == 1
    assert hub.out.count(hub.password) == 1
    assert [line for line in hub.logged if line["level"] in ("warning", "error", "critical")] == []


def test_a_worker_that_hangs(hub: HubProcess) -> None:
    """One that does not even hear that it should stop is killed, and the store is ended."""
    asyncio.run(both(hub))
    hung = made_by(hub)[0]
    os.kill(hung, signal.SIGSTOP)
    assert hub.stop() == 0
    assert live([hung]) == []
    assert store_ends(hub.data)


def test_the_parent_is_killed(hub: HubProcess) -> None:
    """With -9: its workers do not stay behind, and the last of them ends the store."""

    async def run() -> None:
        workers = await both(hub)
        officer = await console(hub)
        os.kill(hub.pid, signal.SIGKILL)
        assert await officer.is_closed_with() == 4000
        await officer.closes()
        assert await asyncio.to_thread(hub.ended) == -signal.SIGKILL
        async with asyncio.timeout(PATIENCE_S):
            while live(workers) or store_runs(hub.data):
                await asyncio.sleep(LOOK_S)

    asyncio.run(run())


def test_the_store_dies(lasting: HubProcess) -> None:
    """With -9, again and again: it comes back by itself, consoles stay, and what was receipted is there."""
    hub = lasting

    async def run() -> None:
        await both(hub)
        officer = await console(hub)
        citizens = []
        for _ in range(3):
            citizens.append(await raises(hub))
            os.kill(store_pid(hub.data), signal.SIGKILL)
            citizens.append(await raises(hub))
        for citizen in citizens:
            await is_there(hub, citizen)
            await officer.hears(citizen.id, "alarm_raised", "step_run")
        assert officer.closed is None
        await officer.closes()

    asyncio.run(run())
    assert "store_died_and_started_again" in [line["event"] for line in hub.logged]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_port_of_others(lasting: HubProcess, tmp_path: Path, workers: str) -> None:
    """That the workers share their port does not let another server onto it."""
    asyncio.run(both(lasting))
    other = HubProcess(tmp_path / "other")
    other.port = lasting.port
    other.spawn("--workers", workers)
    assert other.ended() == 2
    assert f"127.0.0.1:{lasting.port} cannot be used (Address already in use)" in other.log
