"""A hub in its own process, as users run it, of which everything that it says is kept."""

import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from tests.forks import ENVIRONMENT, ROOT, Forked, serve
from tests.patience import PATIENCE_S

_LOOK_S = 0.01


class HubProcess:
    """`dispatch serve` on a free port.

    Args:
        data: its data folder.
        env: what its environment has besides.
    """

    def __init__(self, data: Path, **env: str) -> None:
        self.data = data
        self.out = ""
        self.port = 0
        self._env = {**ENVIRONMENT, **env}
        self._log = data.parent / f"log-{id(self)}.txt"
        self.fresh = False
        """Started by Python, as users have it; otherwise forked, which spares a start of Python."""
        self._process: subprocess.Popen[str] | Forked | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def runs(self) -> bool:
        """Whether it was started and its end was not seen yet."""
        return self._process is not None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        """What it said on standard error so far."""
        return self._log.read_text("utf-8")

    @property
    def logged(self) -> list[dict[str, Any]]:
        """Its log; a line that is no JSON fails the test."""
        return [json.loads(line) for line in self.log.splitlines()]

    @property
    def password(self) -> str:
        """Of every demonstration sign-in."""
        return (self.data / "demo-sign-ins.txt").read_text().split("\t")[1]

    def spawn(self, *options: str) -> None:
        """Start it and do not wait."""
        words = ["serve", "--data", str(self.data), "--port", str(self.port), *options]
        if self.fresh:
            with self._log.open("a") as log:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "dispatch", *words], cwd=ROOT, env=self._env, stdout=subprocess.PIPE,
                    stderr=log, text=True,
                )  # fmt: skip
        else:
            self._process = serve(*words, env=self._env, folder=ROOT, err=self._log)

    def start(self, *options: str) -> None:
        """Start it, until it answers."""
        self.spawn(*options)
        assert self._process is not None
        assert self._process.stdout is not None
        self.out = self._process.stdout.readline()
        found = re.search(r"http://\S+?:(\d+)/", self.out)
        assert found, f"the hub did not start: {self.log}"
        self.port = int(found[1])
        until = time.monotonic() + PATIENCE_S
        while not self._ready():
            assert time.monotonic() < until, f"the hub is not ready: {self.log}"
            time.sleep(_LOOK_S)

    def _ready(self) -> bool:
        link = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            with suppress(OSError, HTTPException):
                link.request("GET", "/readyz")
                return link.getresponse().status == 200
            return False
        finally:
            link.close()

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Send it a signal and wait until it has ended; its exit status. One that would not end fails the test."""
        os.kill(self.pid, how)
        return self.ended()

    def ended(self) -> int:
        """Wait until it has ended; its exit status."""
        assert self._process is not None
        assert self._process.stdout is not None
        status = self._process.wait(timeout=PATIENCE_S)
        with self._process.stdout as out:
            self.out += out.read()
        self._process = None
        return status

    def end(self) -> None:
        """Whatever state it is in, afterwards neither it nor its store runs."""
        if self._process is not None:
            self._process.kill()
            self.ended()
        if store_runs(self.data):
            os.kill(store_pid(self.data), signal.SIGKILL)


def store_runs(data: Path) -> bool:
    """Whether a built-in store holds the data folder."""
    lock = data / "store" / "lock"
    if not lock.exists():
        return False
    with lock.open("r+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def store_ends(data: Path) -> bool:
    """Whether the store ends that was told to; hubs do not wait long for that, and a slow machine is no fault."""
    until = time.monotonic() + PATIENCE_S
    while runs := store_runs(data):
        if time.monotonic() > until:
            break
        time.sleep(_LOOK_S)
    return not runs


def store_pid(data: Path) -> int:
    """The built-in store's process."""
    return int((data / "store" / "store.pid").read_text())


def children(pid: int, words: str) -> list[int]:
    """The processes that `pid` started and whose command has these words."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            parent = int((entry / "stat").read_text().rsplit(") ", 1)[1].split()[1]) if entry.name.isdigit() else 0
            if parent == pid and words in (entry / "cmdline").read_text().replace("\0", " "):
                found.append(int(entry.name))
        except OSError:
            continue
    return found
