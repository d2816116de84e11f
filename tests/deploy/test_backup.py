"""A backup taken in the middle of everything is whole: what was receipted before it began is in it."""

import asyncio
import contextlib
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from fujin_client import Alarm, Citizen, Officer
from tests.deploy import document
from tests.forks import ROOT
from tests.patience import PATIENCE_S
from tests.process import HubProcess

SCRIPT = ROOT / "config" / "deploy" / "backup.sh"
LOOK_S = 0.1
Start = Callable[[str], HubProcess]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a hub on a folder of this name."""
    hubs: list[HubProcess] = []

    def make(name: str) -> HubProcess:
        hub = HubProcess(tmp_path / name)
        hubs.append(hub)
        hub.start()
        return hub

    yield make
    for hub in hubs:
        hub.end()


@dataclass
class Busy:
    """What the citizens of a hub have receipts for."""

    raised: list[Alarm] = field(default_factory=list)
    media: dict[str, tuple[str, bytes]] = field(default_factory=dict)  # alarm -> (media, bytes)
    came: asyncio.Event = field(default_factory=asyncio.Event)
    ends: bool = False

    async def more(self, count: int) -> None:
        goal = len(self.media) + count
        async with asyncio.timeout(PATIENCE_S):
            while len(self.media) < goal:
                self.came.clear()
                await self.came.wait()


@asynccontextmanager
async def busy(hub: HubProcess, rewrite: bool = False) -> AsyncIterator[Busy]:
    """Alarms with photos come in without pause, and the store rewrites its files all the time if `rewrite`."""
    state = Busy()

    async def raising() -> None:
        async with Citizen(hub.url, over="http") as citizen:
            while not state.ends:
                alarm = await citizen.raise_alarm(text="门外有人")
                state.raised.append(alarm)
                photo = b"\xff\xd8\xff" + alarm.id.encode() * 20
                state.media[alarm.id] = (await alarm.send_photo(photo), photo)
                state.came.set()

    async def rewriting() -> None:
        store: Any
        async with Redis(unix_socket_path=str(hub.data / "store" / "store.sock"), decode_responses=True) as store:
            while not state.ends:
                with contextlib.suppress(ResponseError):  # one is under way
                    await store.execute_command("BGREWRITEAOF")
                await store.info("persistence")

    tasks = [asyncio.create_task(raising()) for _ in range(4)]
    tasks += [asyncio.create_task(rewriting())] if rewrite else []
    try:
        yield state
    finally:
        state.ends = True
        await asyncio.gather(*tasks)


async def test_backup_and_restore(start: Start, tmp_path: Path) -> None:
    """As the document says: taken under load, restored into an empty folder, verified, started; and it is all there."""
    hub = await asyncio.to_thread(start, "data")
    backups, safe, new = tmp_path / "backups", tmp_path / "media.key", tmp_path / "new"
    shutil.copy(hub.data / "keys" / "media.key", safe)
    places = {"/var/backups/dispatch": str(backups)}
    async with busy(hub, rewrite=True) as state:
        for _ in range(2):
            await state.more(10)
            receipted = dict(state.media)
            taken = await asyncio.to_thread(document.run, "backup", hub.data, places)
            assert taken.returncode == 0, taken.stderr
            name = Path(taken.stdout.strip())
            await state.more(1)
            await another_second(name)
        raised = {alarm.id: alarm for alarm in state.raised}
    made = sorted(backups.iterdir())
    assert len(made) == 2
    assert name == made[1]
    linked = [file for file in (name / "media").rglob("*") if file.is_file() and file.stat().st_nlink > 1]
    assert len(linked) >= 10, "what the backup before had is not there twice"
    assert [path for path in (backups, *made) if path.stat().st_mode & 0o077] == []
    assert not [file for file in (name / "media").rglob("*") if file.suffix == ".key"]
    await asyncio.to_thread(hub.end)

    restored = await asyncio.to_thread(document.run, "restore", new, {**places, "/media/safe/media.key": str(safe)})
    assert restored.returncode == 0, restored.stderr
    verified = await asyncio.to_thread(document.run, "verify", new)
    assert verified.returncode == 0, verified.stderr
    assert "dadongmen: OK" in verified.stdout
    again = await asyncio.to_thread(start, "new")
    shutil.copy(hub.data / "demo-sign-ins.txt", new)  # for the password: the users are in the store
    async with Officer(again.url, "V01", again.password) as officer, httpx.AsyncClient(base_url=again.url) as http:
        await officer.subscribe()
        assert receipted.keys() <= officer.alarms.keys() <= raised.keys()
        for alarm in receipted:
            seen = await http.get(f"/alarms/{alarm}", headers={"authorization": f"Bearer {raised[alarm].secret}"})
            assert seen.json()["status"] == "raised"
        for alarm, (media, photo) in list(receipted.items())[:5]:
            assert await officer.original(alarm, media, "所长要求看一下原件") == photo


@pytest.mark.nightly
async def test_going_back_is_told(start: Start, tmp_path: Path) -> None:
    """An older copy of the store under a console that knows more: it is shown what is there now, and told why."""
    hub = await asyncio.to_thread(start, "data")
    places = {"/var/backups/dispatch": str(tmp_path / "backups")}
    async with Officer(hub.url, "V01", hub.password) as officer, Citizen(hub.url, over="http") as citizen:
        await officer.subscribe()
        kept = await citizen.raise_alarm(text="门外有人")
        await officer.next_event("alarm_raised", kept.id)
        assert (await asyncio.to_thread(document.run, "backup", hub.data, places)).returncode == 0
        lost = await citizen.raise_alarm(text="他进来了")
        await officer.next_event("alarm_raised", lost.id)
        await marked(hub)
        assert await asyncio.to_thread(hub.stop) == 0
        back = await asyncio.to_thread(document.run, "go-back", hub.data, places)
        assert back.returncode == 0, back.stderr
        await asyncio.to_thread(hub.start)
        async with asyncio.timeout(PATIENCE_S):
            await officer.until(lambda: (lost.id not in officer.alarms and kept.id in officer.alarms) or None)
        assert officer.recovered == {"dadongmen": False}
        async with httpx.AsyncClient(base_url=hub.url) as http:
            assert (await http.post("/session", json={"user": "S01", "password": hub.password})).status_code == 200
            notices = (await http.get("/notices")).json()["notices"]
            gone = await http.get(f"/alarms/{lost.id}", headers={"authorization": f"Bearer {lost.secret}"})
        assert [notice["code"] for notice in notices] == ["store_restored"]
        assert gone.status_code == 404


async def marked(hub: HubProcess) -> None:
    """Wait until the hub has left its next mark, by which it knows later what the store had."""
    file = hub.data / "witness.json"
    before = file.read_bytes()
    async with asyncio.timeout(PATIENCE_S), httpx.AsyncClient(base_url=hub.url) as http:
        while file.read_bytes() == before:
            await http.get("/healthz")


async def another_second(backup: Path) -> None:
    """Wait until the next backup would have another name."""
    command = ["date", "-u", "+%H%M%SZ"]
    while backup.name.endswith((await asyncio.to_thread(subprocess.check_output, command, text=True)).strip()):
        await asyncio.sleep(LOOK_S)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([], "usage"),
        (["INTO"], "usage"),
        (["INTO", "NONE"], "no such file"),
        (["INTO", "STORE", "NONE"], "no such folder"),
    ],
)
def test_a_backup_that_cannot_be(tmp_path: Path, arguments: list[str], why: str) -> None:
    """What is named and is not there is said, and no backup is made that looks like one."""
    store = tmp_path / "STORE" / "appendonlydir"
    store.mkdir(parents=True)
    (store / "appendonly.aof.manifest").write_text("file appendonly.aof.1.base.rdb seq 1 type b\n")
    (store / "appendonly.aof.1.base.rdb").write_bytes(b"REDIS")
    done = subprocess.run(
        ["sh", str(SCRIPT), *(str(tmp_path / name) for name in arguments)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert why in done.stderr
    assert not (tmp_path / "INTO").exists()


def test_a_backup_is_there_when_it_is_whole(tmp_path: Path) -> None:
    """When a file cannot be copied there is no folder of a backup, and nothing is left behind."""
    store = tmp_path / "STORE" / "appendonlydir"
    store.mkdir(parents=True)
    (store / "appendonly.aof.manifest").write_text("file appendonly.aof.1.base.rdb seq 1 type b\n")
    command = ["sh", str(SCRIPT), str(tmp_path / "INTO"), str(tmp_path / "STORE")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "appendonly.aof.1.base.rdb" in done.stderr
    assert list((tmp_path / "INTO").iterdir()) == []
