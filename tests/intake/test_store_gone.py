"""The store goes away in the middle: nobody is told "stored" or "live", and when it is back everything goes on."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from dispatch.store.embedded import EmbeddedStore
from tests.flow.people import Answered, Officer
from tests.flow.town import Town
from tests.intake.link import Link
from tests.patience import PATIENCE_S


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    """On a store of its own, which these tests kill and freeze."""
    async with Town(tmp_path, own_store=True) as town:
        yield town


@pytest.fixture
async def town_with_spare_store(town: Town) -> AsyncIterator[tuple[Town, Callable[[], Awaitable[None]]]]:
    """A town, and what starts its store again after it was killed."""
    again = EmbeddedStore(town.store.folder)

    async def restart() -> None:
        await asyncio.to_thread(again.start)

    yield town, restart
    if again._process is not None:
        town.store = again  # the town ends the server that runs now


def pid(town: Town) -> int:
    return int((town.store.folder / "store.pid").read_text())


async def kill(town: Town) -> None:
    os.kill(pid(town), signal.SIGKILL)
    await asyncio.to_thread(town.store.ended)


async def hears_again(town: Town, officer: Officer) -> None:
    """Wait until the hub hears the store's doorbell again: beats come, and what was missed is there."""
    seen = officer.beats
    async with asyncio.timeout(PATIENCE_S):
        while officer.beats == seen:
            await town.clock.advance(5)
            await officer.is_awake()


async def test_killed_and_back(town_with_spare_store: tuple[Town, Callable[[], Awaitable[None]]]) -> None:
    """Killed with -9: 503 and no beat while it is away; after a restart the same requests have their effect once."""
    town, restart = town_with_spare_store
    officer = await town.officer("V01")
    before = town.citizen()
    await before.raises(text="之前")
    await officer.hears(before.id, "alarm_raised", "step_run")
    await kill(town)

    citizen = town.citizen()
    refused = await citizen.posts(text="救命")
    assert (refused.status_code, refused.json()["code"], refused.json()["retry"]) == (503, "not_stored", True)
    assert int(refused.headers["retry-after"]) >= 1
    page = await citizen.http.post(
        "/alarms", data={"id": citizen.id, "secret": citizen.secret}, headers={"accept": "text/html"}
    )
    assert (page.status_code, "retry-after" in page.headers) == (503, True)
    said = await before.does("say", ref="s1", text="还在吗")
    assert (said.status_code, said.json()["code"]) == (503, "not_stored")
    assert (await citizen.http.get("/healthz")).status_code == 200
    ready = await citizen.http.get("/readyz")
    assert (ready.status_code, ready.json()["ready"]) == (503, False)
    with pytest.raises(Answered, match="not_stored"):
        await officer.asks("ack", alarm=before.id, ref="ack-1")
    link = await Link.open(town.url)
    answer = await link.asks("raise", ref="1", id=citizen.id, secret=citizen.secret)
    assert (answer["code"], answer["retry"]) == ("not_stored", True)
    beats = officer.beats
    await town.clock.advance(10)
    assert officer.beats == beats, "a hub that cannot see the stream must not call its consoles live"

    await restart()
    assert (await citizen.http.get("/readyz")).status_code == 200
    await citizen.raises(text="救命")
    for _ in range(2):
        assert (await before.does("say", ref="s1", text="还在吗")).status_code == 200
        assert (await officer.asks("ack", alarm=before.id, ref="ack-1"))["owner"] == "V01"
    assert (await link.asks("raise", ref="2", id=citizen.id, secret=citizen.secret))["type"] == "ok"
    await link.closes()
    await hears_again(town, officer)
    await officer.hears(before.id, "citizen_said", "alarm_acknowledged")
    await officer.hears(citizen.id, "alarm_raised", "step_run")
    view = await before.sees()
    assert [one["text"] for one in view["talk"]] == ["还在吗"]
    live = town.citizen()
    await live.raises(text="之后")
    await officer.hears(live.id, "alarm_raised", "step_run")
    town.stops_watching(officer)


async def test_a_new_console_while_it_is_away(
    town_with_spare_store: tuple[Town, Callable[[], Awaitable[None]]],
) -> None:
    """A console that comes while the store is away is told to come back (below 4500), and gets in afterwards."""
    town, restart = town_with_spare_store
    officer = await town.user("V01")
    late = await town.user("V02")
    await officer.opens_console()
    await kill(town)
    link = await Link.open(
        town.url, "/ws/console", origin=town.url,
        additional_headers={"cookie": "; ".join(f"{k}={v}" for k, v in late.http.cookies.items())},
    )  # fmt: skip
    code = await link.closed_with()
    assert code is not None
    assert 4000 <= code < 4500
    await restart()
    await hears_again(town, officer)
    await late.opens_console()
    alarm = await town.citizen().raises()
    await late.hears(alarm, "alarm_raised", "step_run")
    await officer.hears(alarm, "alarm_raised", "step_run")


async def test_it_hangs(town: Town) -> None:
    """A store that takes requests and answers none: 503 within its time limit, and on it goes when it wakes."""
    officer = await town.officer("V01")
    citizen = town.citizen()
    os.kill(pid(town), signal.SIGSTOP)
    try:
        citizen.http.timeout = 40
        refused, ready = await asyncio.gather(citizen.posts(text="救命"), citizen.http.get("/readyz"))
        assert (refused.status_code, refused.json()["code"]) == (503, "not_stored")
        assert ready.status_code == 503
    finally:
        os.kill(pid(town), signal.SIGCONT)
    await citizen.raises(text="救命")
    await hears_again(town, officer)
    await officer.hears(citizen.id, "alarm_raised", "step_run")
    assert (await citizen.sees())["ladder"][0]["step"] == "stored"
    town.stops_watching(officer)
