"""A hub as a process: says where it is, ends when told to, and whatever ends it, what it confirmed is there (P1)."""

import asyncio
import email
import json
import os
import resource
import secrets
import signal
import socket
import stat
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from dispatch import resources
from dispatch.media.objects import open_key
from dispatch.server import CannotServe, bind, opened
from dispatch.settings import load
from tests.flow.people import Citizen, Officer
from tests.intake.link import Link
from tests.process import HubProcess, store_ends, store_pid, store_runs

ANSWERS = 100
Start = Callable[..., HubProcess]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def start(data: Path) -> Iterator[Start]:
    """Starts hubs on one data folder."""
    hubs: list[HubProcess] = []

    def make(**env: str) -> HubProcess:
        hub = HubProcess(data, **env)
        hubs.append(hub)
        hub.start()
        return hub

    yield make
    for hub in hubs:
        hub.end()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    """A hub for the tests that leave it running."""
    hub = HubProcess(tmp_path_factory.mktemp("running") / "data")
    hub.fresh = True
    hub.start()
    yield hub
    hub.end()


def sign_in(hub: HubProcess, name: str) -> int:
    return httpx.post(f"{hub.url}/session", json={"user": name, "password": hub.password}).status_code


async def raise_one(hub: HubProcess, text: str = "门外有人") -> Citizen:
    """A citizen with a receipt."""
    citizen = Citizen(hub.url)
    try:
        await citizen.raises(text=text)
    finally:
        await citizen.http.aclose()
    return citizen


async def sees(hub: HubProcess, citizen: Citizen) -> str:
    """What the hub says that the citizen wrote: by the same request as before, and as the alarm's officer sees it."""
    again = Citizen(hub.url)
    again.id, again.secret = citizen.id, citizen.secret
    receipt = await again.posts(text="门外有人")
    assert (receipt.status_code, receipt.json()) == (200, citizen.answer.json())
    status: str = (await again.sees())["status"]
    await again.http.aclose()
    return status


# -- its lives ----------------------------------------------------------------------------------------------------


def test_told_to_stop_and_started_again(start: Start, data: Path) -> None:
    """By SIGTERM and by SIGINT it ends within 5 s, with status 0 and its store; consoles and citizens are told 4000.

    The demonstration's password is printed at the first start only and never logged; a file that only its user reads
    keeps it.
    """
    first = start()
    file = data / "demo-sign-ins.txt"
    password = first.password
    assert (stat.S_IMODE(file.stat().st_mode), file.stat().st_uid) == (0o600, os.getuid())
    assert len({line.split("\t")[1] for line in file.read_text().splitlines()}) == 1
    assert [sign_in(first, name) for name in ("X01", "S01")] == [200, 200]
    assert asyncio.run(_stops(first, signal.SIGTERM)) == 0
    assert store_ends(data)
    assert first.out.count(password) == 1
    assert "on duty now: " in first.out
    again = start()
    assert again.password == password
    assert asyncio.run(_stops(again, signal.SIGINT)) == 0
    assert store_ends(data)
    assert password not in again.out
    assert str(file) in again.out
    assert password not in first.log + again.log
    for hub in (first, again):
        assert [line for line in hub.logged if line["level"] in ("warning", "error", "critical")] == []


async def _stops(hub: HubProcess, how: signal.Signals) -> int:
    """With a console and a citizen connected; its exit status."""
    officer = Officer(hub.url, "V01")
    await officer.signs_in(hub.password)
    await officer.opens_console()
    citizen = await Link.open(hub.url)
    await citizen.asks("raise", id=str(uuid.uuid4()), secret="0123456789abcdefghijklmn")
    status = await asyncio.to_thread(hub.stop, how)
    assert await officer.is_closed_with() == 4000
    assert await citizen.closed_with() == 4000
    await officer.closes()
    return status


# -- killed -----------------------------------------------------------------------------------------------------


def test_killed(start: Start, data: Path) -> None:
    """With -9 while alarms come in: the store goes on, the next hub finds it, and every receipted alarm is there.

    Killed with its store, as by a power cut: they are there after a new start.
    """
    hub = start()

    async def run() -> list[Citizen]:
        receipted: list[Citizen] = []
        enough = asyncio.Event()

        async def raising() -> None:
            while True:
                try:
                    receipted.append(await raise_one(hub))
                except httpx.TransportError:
                    return  # killed before the answer: nothing was promised
                if len(receipted) >= 40:
                    enough.set()

        async with asyncio.TaskGroup() as group:
            for _ in range(8):
                group.create_task(raising())
            await enough.wait()
            os.kill(hub.pid, signal.SIGKILL)
        return receipted

    receipted = asyncio.run(run())
    assert hub.ended() == -signal.SIGKILL
    assert store_runs(data)
    again = start()
    assert [line["event"] for line in again.logged].count("store_found") == 1
    assert asyncio.run(see(again, receipted)) == {"raised"}

    async def some() -> list[Citizen]:
        return await asyncio.gather(*(raise_one(again) for _ in range(20)))

    receipted += asyncio.run(some())
    store = store_pid(data)
    again.stop(signal.SIGKILL)  # first, or it might start the store again
    os.kill(store, signal.SIGKILL)
    last = start()
    assert "store_found" not in [line["event"] for line in last.logged]
    assert asyncio.run(see(last, receipted)) == {"raised"}


async def see(hub: HubProcess, citizens: list[Citizen]) -> set[str]:
    return {await sees(hub, citizen) for citizen in citizens}


# -- two hubs ---------------------------------------------------------------------------------------------------


def test_two_hubs_on_one_folder(start: Start, data: Path) -> None:
    """They share one store, whichever started it; who stops leaves it to the other, and the last one ends it.

    Where the configuration wants no demonstration, nobody is told how to sign in, and no file tells it.
    """
    one, two = start(DISPATCH_SERVE_DEMO="false"), start(DISPATCH_SERVE_DEMO="false", DISPATCH_SERVE_HOST="0.0.0.0")
    assert [[line["event"] for line in hub.logged].count("store_found") for hub in (one, two)] == [0, 1]
    citizen = asyncio.run(raise_one(one))
    assert one.stop() == 0
    assert store_runs(data), "the one that found it goes on"
    assert asyncio.run(sees(two, citizen)) == "raised"
    one.start()
    citizen = asyncio.run(raise_one(two))
    assert two.stop() == 0
    assert store_runs(data), "and the other way round"
    assert asyncio.run(sees(one, citizen)) == "raised"
    asyncio.run(raise_one(one))
    assert one.stop() == 0
    assert store_ends(data)
    assert f"http://localhost:{two.port}/" in two.out, "an address that a browser can open"
    assert not (data / "demo-sign-ins.txt").exists()
    assert "sign-in" not in one.out + two.out


# -- starting ---------------------------------------------------------------------------------------------------


def test_it_says_where_it_is(running: HubProcess) -> None:
    """The addresses of all pages, on standard output; they are there."""
    port = running.port
    assert f"http://localhost:{port}/ for citizens, /console for officers, /supervisor for supervisors" in running.out
    for path in ("/", "/console", "/supervisor", "/sign-in"):
        assert httpx.get(running.url + path).status_code == 200


def test_as_many_files_as_it_may(data: Path) -> None:
    """It has all files that the machine allows it, however few its parent used; some are kept from connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    hub = HubProcess(data)
    hub.fresh = True
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 512), hard))
    try:
        hub.start()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    try:
        assert resource.prlimit(hub.pid, resource.RLIMIT_NOFILE) == (hard, hard)
        [room] = [line for line in hub.logged if line["event"] == "room_for_connections"]
        assert (room["files"], room["connections"]) == (hard, min(65_536, max(hard // 2, hard - 256)))
    finally:
        hub.end()


def test_an_answer_leaves_in_one_piece(running: HubProcess) -> None:
    """Head and body at once: a hub that is killed has answered wholly or not at all, and then another one is asked."""
    with socket.create_connection(("127.0.0.1", running.port)) as link:
        for _ in range(ANSWERS):
            body = json.dumps(
                {"id": str(uuid.uuid4()), "secret": secrets.token_urlsafe(24), "text": "门外有人"}
            ).encode()
            link.sendall(b"POST /alarms HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n"
                         b"Content-Length: %d\r\n\r\n" % len(body) + body)  # fmt: skip
            head, _, came = link.recv(65536).partition(b"\r\n\r\n")
            status, _, fields = head.partition(b"\r\n")
            assert status == b"HTTP/1.1 201 Created"
            assert len(came) == int(email.message_from_bytes(fields)["content-length"])


def test_a_lost_media_key(data: Path) -> None:
    """Sealed media without their key: refused with the file's name, and nothing is made, sealed or left running."""
    sealed = data / "media" / "an-alarm" / "m1" / "0"
    sealed.parent.mkdir(parents=True)
    sealed.write_bytes(b"sealed")
    refused = HubProcess(data)
    refused.spawn()
    assert refused.ended() == 2
    assert "media.key" in refused.log
    assert "Traceback" not in refused.log
    assert refused.out == ""
    assert store_ends(data), "who is refused leaves no store behind"
    key = data / "keys" / "media.key"
    assert not key.exists()

    async def start_here() -> None:
        async with opened(load(resources.demo_config(), {}), data, hub=True):
            pass

    open_key(key, make=True)
    kept = key.read_bytes()
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    asyncio.run(start_here())
    for damaged in (b"", b"not a key", kept[:20]):
        key.write_bytes(damaged)
        with pytest.raises(CannotServe, match=r"media\.key"):
            asyncio.run(start_here())
        assert store_ends(data)
        assert key.read_bytes() == damaged
    assert [file for file in (data / "media").rglob("*") if file.is_file()] == [sealed]


def test_little_waits_in_the_kernel() -> None:
    """On a slow line an alarm comes behind no more than this of what was sent before; a kernel would take megabytes."""
    with bind("127.0.0.1", 0) as listener:
        listener.listen()
        with socket.create_connection(listener.getsockname()), listener.accept()[0] as connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT) == 131_072
