"""A new hub beside the old one, then the old one is stopped: nobody loses anything, and no escalation is invented."""

import asyncio
import contextlib
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from tests.flow.people import Citizen, Http, Officer
from tests.intake.link import Link
from tests.process import HubProcess, store_ends

ROUNDS = 3
SECOND_STEP = timedelta(seconds=15)
OFFICERS = ("V01", "V03", "V05", "V07", "V09")
"""One of them is on duty whatever the day is: the demonstration's rota has them by twos, in turn."""
WAIT_S = 120
RENEW_S = 5
SECRET = "0123456789abcdefghijklmn"


class Service:
    """What clients see behind one address: the hub that takes connections now."""

    def __init__(self, data: Path, *options: str) -> None:
        self.hubs: list[HubProcess] = []
        self._data = data
        self._options = options

    @property
    def url(self) -> str:
        return self.hubs[-1].url

    def upgrade(self) -> None:
        """Start a new hub, send new connections to it, stop the old one."""
        hub = HubProcess(self._data, DISPATCH_CONSOLE_COMEBACK_S="1")
        hub.start(*self._options)
        self.hubs.append(hub)
        if len(self.hubs) > 1:
            assert self.hubs[-2].stop() == 0


@pytest.fixture(params=["1", "2"])
def service(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Service]:
    """One hub, or two workers."""
    made = Service(tmp_path / "data", "--workers", request.param)
    made.upgrade()
    yield made
    for hub in made.hubs:
        hub.end()


async def within(seconds: float, event: asyncio.Event) -> bool:
    """Whether it happens within the time."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
    return event.is_set()


async def raises_until(service: Service, enough: asyncio.Event, receipted: list[Citizen]) -> None:
    """Some twenty alarms a second, each sent again until its receipt comes."""
    while not await within(0.05, enough):
        citizen = Citizen(service.url)
        while True:
            try:
                if (await citizen.posts(text="门外有人")).status_code in (200, 201):
                    break
            except httpx.TransportError:
                await citizen.http.aclose()
                citizen.http = Http(service.url)
        await citizen.http.aclose()
        receipted.append(citizen)


async def stays_connected(service: Service, officer: Officer, enough: asyncio.Event, closes: list[int]) -> None:
    """As the console's page: says that it is ready, and when it is told to come back it does."""
    while not enough.is_set():
        assert officer._reader is not None
        ends = [officer._reader, asyncio.create_task(enough.wait())]
        await asyncio.wait(ends, timeout=RENEW_S, return_when=asyncio.FIRST_COMPLETED)
        ends[1].cancel()
        if officer.closed is None:
            try:
                await officer.is_awake()
            except ConnectionClosed:  # its hub stops at this instant
                await asyncio.wait([officer._reader], timeout=WAIT_S)
            continue
        closes.append(officer.closed)
        officer.url = service.url
        await officer.opens_console()


async def stays_told(service: Service, enough: asyncio.Event, closes: list[int | None]) -> list[str]:
    """As the citizen's page: its socket is resumed wherever it can be; the ladder's steps as it was shown them."""
    alarm = str(uuid.uuid4())
    link = await Link.open(service.url)
    await link.asks("raise", id=alarm, secret=SECRET)
    while not enough.is_set():
        closes.append(await link.closed_with())
        while True:
            try:
                link = await Link.open(service.url)
                break
            except (OSError, EOFError):
                continue
        answer = await link.asks("resume", id=alarm, secret=SECRET, after=0)
        if len(closes) == ROUNDS:
            break
    await link.closes()
    return [rung["step"] for rung in answer["ladder"]]


@pytest.mark.nightly
def test_upgrades_under_load(service: Service) -> None:
    """Three in a row: every receipt holds, consoles see every alarm once and in order, and only first steps run."""

    async def run() -> None:
        officers = [Officer(service.url, name) for name in OFFICERS]
        for officer in officers:
            await officer.signs_in(service.hubs[0].password)
            await officer.opens_console()
        enough = asyncio.Event()
        receipted: list[Citizen] = []
        officer_closes: list[list[int]] = [[] for _ in officers]
        citizen_closes: list[int | None] = []
        async with asyncio.timeout(WAIT_S), asyncio.TaskGroup() as group:
            group.create_task(raises_until(service, enough, receipted))
            told = group.create_task(stays_told(service, enough, citizen_closes))
            for officer, closes in zip(officers, officer_closes, strict=True):
                group.create_task(stays_connected(service, officer, enough, closes))
            for _ in range(ROUNDS):
                await asyncio.to_thread(service.upgrade)
            await told
            enough.set()
        assert officer_closes == [[4000] * ROUNDS] * len(officers)
        assert citizen_closes == [4000] * ROUNDS
        raised: dict[str, datetime] = {}
        assert told.result()[0] == "stored"
        assert len(receipted) > 10
        for officer in officers:
            assert not [event for event in officer.every if event["event"]["type"] == "console_lost"]
            assert officer.recovered == {"dadongmen": True}
            for citizen in receipted:
                await officer.hears(citizen.id, "alarm_raised")
                first = await officer.hears(citizen.id, "step_run")
                assert (first["event"]["step"], first["event"]["why"]) == (0, "due")
                raised[citizen.id] = datetime.fromisoformat(citizen.answer.json()["stored_at"])
            for event in officer.unexpected:  # on a slow machine some alarms come to their second step, at its time
                if event["alarm"] in raised:
                    assert event["event"].get("why", "due") == "due", "no step runs because a hub was stopped"
                    assert datetime.fromisoformat(event["at"]) - raised[event["alarm"]] >= SECOND_STEP
        for citizen in receipted:
            again = Citizen(service.url)
            again.id, again.secret = citizen.id, citizen.secret
            answer = await again.posts(text="门外有人")
            assert (answer.status_code, answer.json()) == (200, citizen.answer.json())
            await again.http.aclose()
        for officer in officers:
            await officer.closes()

    asyncio.run(run())
    assert service.hubs[-1].stop() == 0
    assert store_ends(service.hubs[-1].data)
