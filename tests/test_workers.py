"""`dispatch serve --workers`: several hubs on one port and one store, which start, die, come back and end together."""

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.flow.people import Citizen, Officer
from tests.patience import PATIENCE_S
from tests.process import HubProcess, children, store_ends, store_pid, store_runs

WORKER = "dispatch.worker "  # and not dispatch.media.worker


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def hub(data: Path) -> Iterator[HubProcess]:
    """Two workers; whatever the test did, nothing runs afterwards."""
    made = HubProcess(data)
    made.start("--workers", "2")
    yield made
    for worker in made_by(made):
        os.kill(worker, signal.SIGKILL)
    made.end()


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


def test_they_share_the_work(hub: HubProcess) -> None:
    """Connections come to both; an officer at one gets the alarms of both; it is said once where the pages are."""

    async def run() -> None:
        officer = await console(hub)
        workers = await both(hub)
        assert len(workers) == 2
        for _ in range(20):
            await officer.hears((await raises(hub)).id, "alarm_raised", "step_run")
        await officer.closes()

    asyncio.run(run())
    assert hub.stop() == 0
    assert hub.out.count("Fujin serves") == 1
    assert hub.out.count(hub.password) == 1
    assert [line for line in hub.logged if line["level"] in ("warning", "error", "critical")] == []


def test_metrics_are_the_sum(hub: HubProcess) -> None:
    """Any worker tells the sum of all: consoles now, and what was ever counted, also by one that has died since."""

    async def run() -> None:
        workers = await both(hub)
        officers = [await console(hub, f"V{n:02d}") for n in range(1, 9)]
        for _ in range(3):
            alarm = (await raises(hub)).id
            for officer in officers:
                await officer.hears(alarm, "alarm_raised", "step_run")
        assert {measured(hub)["dispatch_consoles"] for _ in range(10)} == {8}
        counted = measured(hub)["dispatch_deliveries_total"]
        assert counted >= 3 * 2 * 8
        for worker in workers:
            os.kill(worker, signal.SIGKILL)
        for officer in officers:
            assert await officer.is_closed_with() == 1006
            await officer.closes()
        await both_again(hub, workers)
        assert {measured(hub)["dispatch_consoles"] for _ in range(10)} == {0}
        assert measured(hub)["dispatch_deliveries_total"] >= counted

    asyncio.run(run())
    assert hub.stop() == 0


async def both_again(hub: HubProcess, but: list[int]) -> list[int]:
    """Wait until two workers serve that are none of these; their process numbers."""
    async with asyncio.timeout(PATIENCE_S):
        while len(new := [worker for worker in made_by(hub) if worker not in but]) < 2:
            await asyncio.sleep(0)
        while True:
            try:
                async with httpx.AsyncClient() as client:
                    if (await client.get(f"{hub.url}/readyz")).status_code == 200:
                        return new
            except httpx.TransportError:
                continue


def test_a_worker_dies(hub: HubProcess) -> None:
    """It is started again and said; the other one serves meanwhile, and every receipt holds."""

    async def run() -> None:
        first, second = await both(hub)
        citizens = [await raises(hub) for _ in range(10)]
        os.kill(first, signal.SIGKILL)
        citizens += [await raises(hub) for _ in range(10)]
        async with asyncio.timeout(PATIENCE_S):
            while len(workers := made_by(hub)) < 2 or first in workers:
                await asyncio.sleep(0)
        assert second in workers
        for citizen in citizens:
            await is_there(hub, citizen)

    asyncio.run(run())
    died = [line for line in hub.logged if line["event"] == "worker_died"]
    assert [(line["level"], line["status"]) for line in died] == [("error", -signal.SIGKILL)]
    assert hub.stop() == 0


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_they_stop_when_told(hub: HubProcess, data: Path, how: signal.Signals) -> None:
    """All consoles are told 4000; workers, parent and store have ended within 5 s, with status 0."""

    async def run() -> int:
        await both(hub)
        officers = [await console(hub, f"V{n:02d}") for n in range(1, 5)]
        status = await asyncio.to_thread(hub.stop, how)
        for officer in officers:
            assert await officer.is_closed_with() == 4000
            await officer.closes()
        return status

    workers = made_by(hub)
    assert asyncio.run(run()) == 0
    assert store_ends(data)
    assert live(workers) == []
    assert [line for line in hub.logged if line["level"] in ("warning", "error", "critical")] == []


def test_a_worker_that_hangs(hub: HubProcess, data: Path) -> None:
    """One that does not even hear that it should stop is killed, and the store is ended."""
    asyncio.run(both(hub))
    hung = made_by(hub)[0]
    os.kill(hung, signal.SIGSTOP)
    assert hub.stop() == 0
    assert live([hung]) == []
    assert store_ends(data)


def test_the_parent_is_killed(hub: HubProcess, data: Path) -> None:
    """With -9: its workers do not stay behind, and the last of them ends the store."""

    async def run() -> None:
        workers = await both(hub)
        officer = await console(hub)
        os.kill(hub.pid, signal.SIGKILL)
        assert await officer.is_closed_with() == 4000
        await officer.closes()
        assert await asyncio.to_thread(hub.ended) == -signal.SIGKILL
        async with asyncio.timeout(PATIENCE_S):
            while live(workers) or store_runs(data):
                await asyncio.sleep(0)

    asyncio.run(run())


def test_the_store_dies(hub: HubProcess, data: Path) -> None:
    """With -9, again and again: it comes back by itself, consoles stay, and what was receipted is there."""

    async def run() -> None:
        await both(hub)
        officer = await console(hub)
        citizens = []
        for _ in range(3):
            citizens.append(await raises(hub))
            os.kill(store_pid(data), signal.SIGKILL)
            citizens.append(await raises(hub))
        for citizen in citizens:
            await is_there(hub, citizen)
            await officer.hears(citizen.id, "alarm_raised", "step_run")
        assert officer.closed is None
        await officer.closes()

    asyncio.run(run())
    assert hub.stop() == 0
    assert store_ends(data)
    assert "store_died_and_started_again" in [line["event"] for line in hub.logged]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_port_of_others(hub: HubProcess, tmp_path: Path, workers: str) -> None:
    """That the workers share their port does not let another server onto it."""
    asyncio.run(both(hub))
    other = HubProcess(tmp_path / "other")
    other.port = hub.port
    other.spawn("--workers", workers)
    assert other.ended() == 2
    assert f"127.0.0.1:{hub.port} cannot be used (Address already in use)" in other.log
    assert hub.stop() == 0
