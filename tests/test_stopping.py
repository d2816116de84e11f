"""A hub that is told to stop finishes what it received, sends everybody on, and ends within 5 s, whatever holds it."""

import asyncio
import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flow.people import Citizen, Officer
from tests.intake.link import Link
from tests.patience import PATIENCE_S
from tests.process import HubProcess, children, store_ends, store_pid, store_runs

LOOK_S = 0.001
BY_NIGHT = [pytest.param(mark, marks=pytest.mark.nightly) for mark in ("users", "store.sock", "appendonlydir")]
OTHER_ID = "3f2c9a6e-0000-4000-8000-000000000002"
ID, SECRET = "3f2c9a6e-0000-4000-8000-000000000001", "0123456789abcdefghijklmn"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def hub(data: Path, request: pytest.FixtureRequest) -> Iterator[HubProcess]:
    """A running hub, with the ordinary settings or a test's own; whatever the test did, nothing runs afterwards."""
    made = HubProcess(data, **getattr(request, "param", {}))
    made.start()
    yield made
    if store_runs(data):
        os.kill(store_pid(data), signal.SIGCONT)
    made.end()


def half_open(hub: HubProcess) -> socket.socket:
    """A socket of a citizen that is read no more: nothing that is sent on it is taken, not even the close."""
    link = socket.create_connection(("127.0.0.1", hub.port))
    link.sendall(
        b"GET /ws/alarm HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
        b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    assert link.recv(12) == b"HTTP/1.1 101"
    return link


def trickle(hub: HubProcess) -> socket.socket:
    """A form of which the rest never comes."""
    link = socket.create_connection(("127.0.0.1", hub.port))
    link.sendall(b"POST /alarms HTTP/1.1\r\nhost: x\r\ncontent-length: 5000\r\ncontent-type: application/json\r\n\r\n{")
    return link


def accepts(hub: HubProcess) -> bool:
    """Whether it takes new connections."""
    try:
        socket.create_connection(("127.0.0.1", hub.port)).close()
    except OSError:
        return False
    return True


async def console(hub: HubProcess) -> Officer:
    officer = Officer(hub.url, "V01")
    await officer.signs_in(hub.password)
    await officer.opens_console()
    return officer


def test_who_takes_nothing_and_who_sends_for_ever(hub: HubProcess, data: Path) -> None:
    """A half-open console and a form that trickles in: the others are sent on, and the hub ends all the same."""

    async def run() -> int:
        with half_open(hub), trickle(hub):
            officer = await console(hub)
            stopping = asyncio.create_task(asyncio.to_thread(hub.stop))
            assert await officer.is_closed_with() == 4000
            assert not accepts(hub), "a balancer sends new ones to another hub"
            await officer.closes()
            return await stopping

    assert asyncio.run(run()) == 0
    assert store_ends(data)


def test_a_stuck_store(hub: HubProcess, data: Path) -> None:
    """The store does not answer, and a receipt is waited for: the hub ends all the same and leaves the store alone."""

    async def run() -> int:
        citizen = await Link.open(hub.url)
        officer = await console(hub)
        os.kill(store_pid(data), signal.SIGSTOP)
        await citizen.sends({"type": "raise", "ref": "1", "id": ID, "secret": SECRET})
        status = await asyncio.to_thread(hub.stop)
        assert [await citizen.closed_with(), await officer.is_closed_with()] == [4000, 4000]
        await officer.closes()
        return status

    assert asyncio.run(run()) == 0
    said = {line["event"] for line in hub.logged}
    assert said & {"store_left_running", "stop_forced"}, "which one depends on how busy the machine is"
    assert store_runs(data)
    os.kill(store_pid(data), signal.SIGCONT)
    assert store_ends(data)  # it was told to end, and nobody uses it


@pytest.mark.parametrize("stuck", [pytest.param(False, marks=pytest.mark.nightly), True])
def test_a_media_worker_at_work(hub: HubProcess, data: Path, fixtures: Path, stuck: bool) -> None:
    """A copy is being made, or its worker hangs: the hub ends, the worker with it; the next start makes it."""
    photo = (fixtures / "photo-gps-rotated.jpg").read_bytes()

    async def run() -> Citizen:
        citizen = Citizen(hub.url)
        await citizen.raises()
        url, headers = f"/alarms/{citizen.id}/media/m1", {**citizen.headers, "content-type": "image/jpeg"}
        parts = [photo[at : at + 200_000] for at in range(0, len(photo), 200_000)]
        for seq, part in enumerate(parts):
            assert (await citizen.http.put(f"{url}/{seq}", content=part, headers=headers)).status_code == 204
        end = await citizen.http.post(url, json={"kind": "photo", "chunks": len(parts)}, headers=citizen.headers)
        assert end.status_code == 204
        await citizen.http.aclose()
        return citizen

    citizen = asyncio.run(run())
    workers: list[int] = []
    while not workers:
        time.sleep(LOOK_S)
        workers = children(hub.pid, "dispatch.media.worker")
    if stuck:
        os.kill(workers[0], signal.SIGSTOP)
    assert hub.stop() == 0
    assert store_ends(data)
    assert not Path(f"/proc/{workers[0]}").exists()
    hub.start()

    async def made() -> None:
        again = Citizen(hub.url)
        again.id, again.secret = citizen.id, citizen.secret
        while (await again.sees())["media"]["m1"] != "ready":
            await asyncio.sleep(LOOK_S)
        await again.http.aclose()

    asyncio.run(asyncio.wait_for(made(), PATIENCE_S))


def unread(hub: HubProcess) -> bool:
    """Whether the hub has yet to read something that reached its machine."""
    links = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    ours = [link for link in links if link[1].endswith(f":{hub.port:04X}") and link[3] == "01"]
    return any(int(link[4].split(":")[1], 16) for link in ours)


@pytest.mark.parametrize("hub", [{"DISPATCH_SERVE_SHUTDOWN_S": "100"}], indirect=True)  # a tenth of it is for that
def test_what_was_received_is_answered(hub: HubProcess, data: Path) -> None:
    """Requests that wait for the store when the hub is told to stop get their receipts, then the sockets are closed."""
    body = json.dumps({"id": OTHER_ID, "secret": SECRET}).encode()
    post = b"POST /alarms HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s"

    async def run() -> None:
        link = await Link.open(hub.url)
        reader, writer = await asyncio.open_connection("127.0.0.1", hub.port)
        writer.write(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        await reader.readuntil(b"{")  # the connection was accepted
        await reader.readuntil(b"}")
        os.kill(store_pid(data), signal.SIGSTOP)
        await link.sends({"type": "raise", "ref": "1", "id": ID, "secret": SECRET})
        writer.write(post % (len(body), body))
        await writer.drain()
        while unread(hub):
            await asyncio.sleep(0)
        os.kill(hub.pid, signal.SIGTERM)
        while accepts(hub):
            await asyncio.sleep(0)
        os.kill(store_pid(data), signal.SIGCONT)
        assert (await link.answer())["status"] == "raised"
        assert await link.closed_with() == 4000
        assert (await reader.readline()).startswith(b"HTTP/1.1 201")
        assert b'"status":"raised"' in await reader.read()
        writer.close()

    asyncio.run(run())
    assert hub.ended() == 0
    assert store_ends(data)


def test_the_second_signal(hub: HubProcess, data: Path) -> None:
    """Told again while it still waits for someone, it ends at once; the store outlives it and is found."""

    async def run() -> int:
        with trickle(hub):
            officer = await console(hub)
            os.kill(hub.pid, signal.SIGTERM)
            assert await officer.is_closed_with() == 4000
            await officer.closes()
            return await asyncio.to_thread(hub.stop)

    assert asyncio.run(run()) == -signal.SIGTERM  # by the signal itself, not when its time was over
    assert store_runs(data)
    hub.start()
    assert "store_found" in [line["event"] for line in hub.logged]
    assert hub.stop() == 0
    assert store_ends(data)


@pytest.mark.parametrize("mark", ["lock", "store.pid", *BY_NIGHT])
def test_told_to_stop_while_it_starts(data: Path, mark: str) -> None:
    """At whatever point of its start: it ends, says so with status 0, and leaves no store behind."""
    hub = HubProcess(data)
    hub.spawn()
    while not (data / "store" / mark).exists():
        time.sleep(LOOK_S)
    assert hub.stop() == 0
    assert store_ends(data)  # on a slow machine it may be told so early that it ends a moment later
    assert "Traceback" not in hub.log
