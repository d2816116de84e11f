"""A hub as a process: says where it is, ends when told to, and whatever ends it, what it confirmed is there (P1)."""

import asyncio
import email
import json
import os
import secrets
import signal
import socket
import stat
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.flow.people import Citizen, Officer
from tests.intake.link import Link
from tests.process import HubProcess, store_ends, store_runs

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


# -- stopping ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_when_told(start: Start, data: Path, how: signal.Signals) -> None:
    """With consoles and a citizen connected it ends within 5 s, with status 0 and its store; they are told 4000."""
    hub = start()

    async def connect() -> tuple[Officer, Link]:
        officer = Officer(hub.url, "V01")
        await officer.signs_in(hub.password)
        await officer.opens_console()
        citizen = await Link.open(hub.url)
        await citizen.asks("raise", id="3f2c9a6e-0000-4000-8000-000000000001", secret="0123456789abcdefghijklmn")
        return officer, citizen

    async def run() -> int:
        officer, citizen = await connect()
        status = await asyncio.to_thread(hub.stop, how)
        assert await officer.is_closed_with() == 4000
        assert await citizen.closed_with() == 4000
        await officer.closes()
        return status

    assert asyncio.run(run()) == 0
    assert store_ends(data)
    assert [line for line in hub.logged if line["level"] in ("warning", "error", "critical")] == []


def test_a_request_that_never_ends_does_not_hold_it_up(start: Start, data: Path) -> None:
    """A form that is sent for ever: after `serve.shutdown_s` the hub ends all the same, with its store."""
    hub = start()

    async def run() -> int:
        _, writer = await asyncio.open_connection("127.0.0.1", hub.port)
        writer.write(b"POST /alarms HTTP/1.1\r\nhost: x\r\ncontent-length: 5000\r\n\r\n{")
        await writer.drain()
        await raise_one(hub)  # the other request came before this one was answered
        status = await asyncio.to_thread(hub.stop)
        writer.close()
        return status

    assert asyncio.run(run()) == 0
    assert store_ends(data)


# -- killed -----------------------------------------------------------------------------------------------------


def test_an_answer_leaves_in_one_piece(start: Start) -> None:
    """Head and body at once: a hub that is killed has answered wholly or not at all, and then another one is asked."""
    hub = start()
    with socket.create_connection(("127.0.0.1", hub.port)) as link:
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


def test_killed_in_the_middle(start: Start, data: Path) -> None:
    """With -9 while alarms come in: the store goes on, the next hub finds it, and every receipted alarm is there."""
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

    async def check() -> list[str]:
        return [await sees(again, citizen) for citizen in receipted]

    assert asyncio.run(check()) == ["raised"] * len(receipted)
    assert again.stop() == 0
    assert store_ends(data), "the hub that found the store ends it as its last user"


def test_both_killed(start: Start, data: Path) -> None:
    """As a power cut: hub and store are killed at once; every receipted alarm is there after a new start."""
    hub = start()

    async def run() -> list[Citizen]:
        return await asyncio.gather(*(raise_one(hub) for _ in range(20)))

    receipted = asyncio.run(run())
    store = int((data / "store" / "store.pid").read_text())
    hub.stop(signal.SIGKILL)  # first, or it might start the store again
    os.kill(store, signal.SIGKILL)
    again = start()
    assert "store_found" not in [line["event"] for line in again.logged]

    async def check() -> list[str]:
        return [await sees(again, citizen) for citizen in receipted]

    assert asyncio.run(check()) == ["raised"] * 20


# -- two hubs ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [0, 1])
def test_two_hubs_on_one_folder(start: Start, data: Path, first: int) -> None:
    """They share one store, whichever started it; the first to stop leaves it to the other, the last one ends it."""
    hubs = [start(), start()]
    assert [[line["event"] for line in hub.logged].count("store_found") for hub in hubs] == [0, 1]
    citizen = asyncio.run(raise_one(hubs[first]))
    stays = hubs[1 - first]
    assert hubs[first].stop() == 0
    assert store_runs(data)
    assert asyncio.run(sees(stays, citizen)) == "raised"
    asyncio.run(raise_one(stays))
    assert stays.stop() == 0
    assert store_ends(data)


# -- starting ---------------------------------------------------------------------------------------------------


def test_it_says_where_it_is(start: Start) -> None:
    """The addresses of all pages, on standard output; they are there."""
    hub = start()
    assert f"http://localhost:{hub.port}/ for citizens, /console for officers, /supervisor for supervisors" in hub.out
    for path in ("/", "/console", "/supervisor", "/sign-in"):
        assert httpx.get(hub.url + path).status_code == 200
    everywhere = start(DISPATCH_SERVE_HOST="0.0.0.0")
    assert f"http://localhost:{everywhere.port}/" in everywhere.out


def test_demonstration_sign_ins_are_made_once(start: Start, data: Path) -> None:
    """The password is printed at the first start only and never logged; a file that only its user reads keeps it."""
    first = start()
    file = data / "demo-sign-ins.txt"
    password = first.password
    assert (stat.S_IMODE(file.stat().st_mode), file.stat().st_uid) == (0o600, os.getuid())
    assert len({line.split("\t")[1] for line in file.read_text().splitlines()}) == 1
    assert [sign_in(first, name) for name in ("V01", "X01", "S01")] == [200, 200, 200]
    assert first.stop() == 0
    assert first.out.count(password) == 1
    assert "on duty now: " in first.out
    again = start()
    assert again.password == password
    assert sign_in(again, "V01") == 200
    assert again.stop() == 0
    assert password not in again.out
    assert str(file) in again.out
    assert password not in first.log + again.log


def test_no_demonstration(start: Start, data: Path) -> None:
    """Where the configuration wants none, nobody can sign in until a user is made, and no file tells how."""
    hub = start(DISPATCH_SERVE_DEMO="false")
    assert not (data / "demo-sign-ins.txt").exists()
    assert hub.stop() == 0
    assert "sign-in" not in hub.out


def test_a_lost_media_key(start: Start, data: Path) -> None:
    """Sealed media without their key: refused with the file's name, and nothing is made, sealed or left running."""
    hub = start()
    citizen = asyncio.run(raise_one(hub))
    headers = {**citizen.headers, "content-type": "image/jpeg"}
    sent = httpx.put(f"{hub.url}/alarms/{citizen.id}/media/m1/0", content=b"x", headers=headers)
    assert sent.status_code == 204
    assert hub.stop() == 0
    key = data / "keys" / "media.key"
    kept = key.read_bytes()
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    for damaged in (None, b"", b"not a key", kept[:20]):
        key.unlink(missing_ok=True)
        if damaged is not None:
            key.write_bytes(damaged)
        refused = HubProcess(data)
        refused.spawn()
        assert refused.ended() == 2
        assert "media.key" in refused.log
        assert "Traceback" not in refused.log
        assert refused.out == ""
        assert store_ends(data), "who is refused leaves no store behind"
        assert (key.read_bytes() if key.exists() else None) == damaged
    key.write_bytes(kept)
    assert start().stop() == 0
