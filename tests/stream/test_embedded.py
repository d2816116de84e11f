"""The built-in store: outlives its hub, is found again, is never opened twice, and forgets nothing it confirmed."""

import asyncio
import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dispatch.alarm.errors import Refused
from dispatch.alarm.events import ConsoleReady
from dispatch.alarmlog.chain import verify
from dispatch.store.checks import connect, dangers
from dispatch.store.embedded import EmbeddedStore, StoreUnavailable
from dispatch.stream.record import make_record
from dispatch.stream.stream import Appended
from tests.stream.conftest import HOME, Hub, shut

_STARTER = """
import sys, time
from pathlib import Path
from dispatch.store.embedded import EmbeddedStore
store = EmbeddedStore(Path(sys.argv[1]))
store.start()
print("found" if store.found else "started", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def ended(folder: Path) -> Iterator[None]:
    """Whatever store is on the folder after the test is ended."""
    yield
    asyncio.run(shut(EmbeddedStore(folder).url))


def start_elsewhere(folder: Path) -> subprocess.Popen[str]:
    """Another process that starts (or finds) the store and then waits."""
    return subprocess.Popen([sys.executable, "-c", _STARTER, str(folder)], text=True,
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # fmt: skip


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def end(process: subprocess.Popen[str], how: int = signal.SIGKILL) -> None:
    process.send_signal(how)
    process.communicate()


def servers(folder: Path) -> list[int]:
    """The processes that work in the folder."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "cwd").readlink() == folder:
                found.append(int(entry.name))
        except OSError:
            continue
    return found


async def test_it_is_safe(hub: Hub) -> None:
    """Every append is on the disk when it is answered, nothing is evicted, and it has no port."""
    assert await dangers(hub.redis) == []
    found = await hub.redis.config_get("port", "appendonly", "appendfsync", "maxmemory-policy")
    assert {str(value).strip("b'") for value in found.values()} == {"0", "yes", "always", "noeviction"}


async def test_its_memory_has_an_end(hub: Hub) -> None:
    """It refuses before the machine has no memory left: then the system would kill the store, or the hub."""
    found = await hub.redis.config_get("maxmemory")
    [most] = (int(value) for value in found.values())
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert most == int(0.75 * machine)


def test_only_its_user_gets_at_it(embedded: EmbeddedStore, folder: Path) -> None:
    """Neither folder nor socket is open to other users."""
    assert folder.stat().st_mode & 0o077 == 0
    assert embedded.socket.stat().st_mode & 0o077 == 0


@pytest.mark.usefixtures("ended")
async def test_a_second_start_finds_it(folder: Path) -> None:
    """The process that started the store is killed; the next start finds the same server, with everything."""
    starter = start_elsewhere(folder)
    assert said(starter) == "started"
    first = servers(folder)
    hub = Hub(EmbeddedStore(folder).url)
    alarm = await hub.raises()
    end(starter)
    store = EmbeddedStore(folder)
    await asyncio.to_thread(store.start)
    assert (store.found, servers(folder)) == (True, first)
    assert (await hub.alarm(alarm)).text == "门外有人"
    await hub.closes()


@pytest.mark.usefixtures("ended")
def test_never_two_servers(folder: Path) -> None:
    """Of eight processes that start at once, one starts a server and seven find it."""
    starters = [start_elsewhere(folder) for _ in range(8)]
    assert sorted(said(starter) for starter in starters) == ["found"] * 7 + ["started"]
    assert len(servers(folder)) == 1
    for starter in starters:
        end(starter)


async def test_what_was_confirmed_survives_a_kill(folder: Path) -> None:
    """The store is killed in the middle of many appends: after a new start everything that was confirmed is there."""
    store = EmbeddedStore(folder)
    await asyncio.to_thread(store.start)
    hub = Hub(store.url)
    confirmed: set[int] = set()
    enough = asyncio.Event()

    async def append(console: str) -> None:
        while True:
            event = make_record(None, 0, ConsoleReady(officer="V01", console=console), hub.clock.now(), {})
            try:
                answer = await hub.stream.append(HOME, [event])
            except Refused:
                return
            assert isinstance(answer, Appended)
            confirmed.add(answer.offset)
            if len(confirmed) >= 500:
                enough.set()

    async with asyncio.TaskGroup() as group:
        for n in range(32):
            group.create_task(append(str(n)))
        await enough.wait()
        os.kill(int((folder / "store.pid").read_text()), signal.SIGKILL)
    await asyncio.to_thread(store.ended)

    again = EmbeddedStore(folder)
    await asyncio.to_thread(again.start)
    assert not again.found
    entries = await hub.stream.read(HOME, 0, limit=100_000)
    offsets = [entry.offset for entry in entries]
    assert offsets == list(range(1, len(offsets) + 1))
    assert confirmed <= set(offsets)
    assert len(offsets) <= len(confirmed) + 32  # at most one of each task was on its way
    assert (await verify(hub.stream, HOME)).ok
    await hub.closes()
    await shut(again.url)
    await asyncio.to_thread(again.ended)


def test_it_waits_for_one_that_is_ending(folder: Path) -> None:
    """A start while the last server is closing its files waits for that, and then starts its own."""
    folder.mkdir()
    store = EmbeddedStore(folder)
    with ThreadPoolExecutor() as other:
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # a server that no longer answers, and has not ended yet
            starting = other.submit(store.start, 10)
            while not store.found:
                assert not starting.done()
        starting.result()
    assert (store.found, len(servers(folder))) == (False, 1)
    asyncio.run(shut(store.url))
    store.ended()


def test_a_server_that_does_not_answer_is_named(folder: Path) -> None:
    """What holds the folder and does not answer is told, with where its number stands."""
    folder.mkdir()
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(StoreUnavailable, match=r"in use by a process that did not answer .*store\.pid"):
            EmbeddedStore(folder).start(wait_s=0.1)


def test_a_path_too_long_is_told(tmp_path: Path) -> None:
    """A socket's path has a limit: the message says it, and what to do."""
    with pytest.raises(StoreUnavailable, match=r"a socket's path has at most 107; .*--data"):
        EmbeddedStore(tmp_path / ("x" * 100) / "store").start()


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A folder that cannot be made is named, with the system's reason."""
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(StoreUnavailable, match=r"file/store: cannot be written \(Not a directory\); .*--data"):
        EmbeddedStore(tmp_path / "file" / "store").start()


def test_a_server_that_ends_at_once_is_quoted(folder: Path) -> None:
    """Broken files: the message has the server's own last words."""
    (folder / "appendonlydir").mkdir(parents=True)
    (folder / "appendonlydir" / "appendonly.aof.manifest").write_text("not a manifest\n")
    store = EmbeddedStore(folder)
    with pytest.raises(StoreUnavailable, match=r"ended at once; its last words: .+"):
        store.start()
    assert servers(folder) == []


async def test_a_store_that_is_gone_is_told() -> None:
    """Nobody listens: one sentence, with what to check."""
    redis = connect("redis://127.0.0.1:1/0", timeout_s=1)
    with pytest.raises(StoreUnavailable, match=r"the store does not answer .*check the address"):
        await dangers(redis)
    await redis.aclose()
