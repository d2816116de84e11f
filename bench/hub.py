"""Real hubs in processes of their own for a measurement: started, watched, killed, ended.

Never measures anything by itself. What machine this is, is told by `bench.report`.
"""

from __future__ import annotations

import contextlib
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx

_WAIT_S = 60
_LOOK_S = 0.1


class Hub:
    """A `dispatch serve` of its own.

    Args:
        data: its data folder.
        config: the configuration folder; the demonstration's without.
        store: the store's URL; the built-in one of `data` without.
        settings: further environment, DISPATCH_SECTION_KEY.
    """

    def __init__(
        self, data: Path, config: Path | None = None, store: str = "", settings: Mapping[str, str] | None = None
    ) -> None:
        self.data = data
        self.url = ""
        self._config = config
        self._store = store
        self._env = {name: value for name, value in os.environ.items() if not name.startswith("DISPATCH_")}
        self._env |= settings or {}
        self._process: subprocess.Popen[str] | None = None
        self._port = 0

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        return (self.data / "hub.log").read_text("utf-8")

    def start(self) -> None:
        """Start it, on the same port as before; returns when it is ready and its voice clips are made."""
        self.spawn()
        self.settle()

    def settle(self) -> None:
        """Wait until it is ready and its voice clips are made."""
        deadline = time.monotonic() + _WAIT_S
        while time.monotonic() < deadline:
            # Its only lasting child is the built-in store; making the clips is another.
            if self.ready() and len(children(self.pid)) <= 1:
                return
            time.sleep(_LOOK_S)
        raise RuntimeError(f"the hub was not ready within {_WAIT_S} s: {self.log}")

    def spawn(self) -> None:
        """Start it; returns when it knows its port, which is before it serves."""
        self.data.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "dispatch", "serve", "--data", str(self.data), "--port", str(self._port)]
        command += ["--config", str(self._config)] if self._config else []
        command += ["--store", self._store] if self._store else []
        with (self.data / "hub.log").open("a") as log:
            self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=self._env)
        assert self._process.stdout is not None
        found = re.search(r"http://[^/ ]+:(\d+)", self._process.stdout.readline())
        if found is None:
            raise RuntimeError(f"the hub did not start: {self.log}")
        self._port = int(found[1])
        self.url = f"http://127.0.0.1:{self._port}"

    def ready(self) -> bool:
        """Whether it says that it is ready now."""
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"{self.url}/readyz").status_code == 200
        return False

    def kill(self) -> None:
        """SIGKILL; returns when it has ended."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(_WAIT_S)

    def stop(self) -> None:
        """Tell it to stop, and wait for that; nothing when it does not run."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(_WAIT_S)

    def officers(self) -> list[tuple[str, str, str]]:
        """(name, password, station) of the demonstration's officers, the supervisor left out."""
        rows = [line.split("\t") for line in (self.data / "demo-sign-ins.txt").read_text("utf-8").splitlines()]
        return [(name, password, station) for name, password, role, station in rows if role == "officer"]

    def cookies(self, station: str, wanted: int) -> list[str]:
        """The cookies of `wanted` consoles of `station`: its officers sign in, each for several consoles."""
        made = []
        for name, password, _ in [each for each in self.officers() if each[2] == station][:wanted]:
            answer = httpx.post(f"{self.url}/session", json={"user": name, "password": password})
            answer.raise_for_status()
            made.append("; ".join(f"{key}={value}" for key, value in answer.cookies.items()))
        return [made[i % len(made)] for i in range(wanted)]

    def metric(self, name: str) -> float:
        """The sum of all series of a metric."""
        return self.metrics(name)[0]

    def metrics(self, *names: str) -> list[float]:
        """Several at the same instant."""
        text = httpx.get(f"{self.url}/metrics").text
        series = [re.findall(rf"^{re.escape(name)}(?:{{.*}})? (\S+)", text, re.MULTILINE) for name in names]
        return [sum(map(float, found)) for found in series]

    def cpu_s(self) -> tuple[float, float]:
        """CPU seconds that (hub, built-in store) have used so far."""
        return cpu_s(self.pid), cpu_s(store_pid(self.data))


@contextlib.contextmanager
def serving(folder: Path | None) -> Iterator[Hub]:
    """A hub with the demonstration's configuration and the built-in store, on a new folder inside `folder`."""
    with workplace(folder) as data:
        hub = Hub(data)
        try:
            hub.start()
            yield hub
        finally:
            hub.stop()


@contextlib.contextmanager
def workplace(folder: Path | None) -> Iterator[Path]:
    """A new folder inside `folder`, gone at the end with everything in it and every built-in store that runs there."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)  # for the hubs too
    with tempfile.TemporaryDirectory(prefix="bench-", dir=folder) as made:
        try:
            yield Path(made)
        finally:
            for file in Path(made).rglob("store.pid"):  # a store outlives a hub that was killed
                with contextlib.suppress(OSError):  # it may be ending by itself
                    pid = int(file.read_text())
                    if made in Path(f"/proc/{pid}/cmdline").read_text():
                        os.kill(pid, signal.SIGKILL)


def store_pid(data: Path) -> int:
    """The process of the built-in store of a data folder."""
    return int((data / "store" / "store.pid").read_text())


def cpu_s(pid: int) -> float:
    """CPU seconds that a process has used so far, all its threads; to the nanosecond where the system says so."""
    with contextlib.suppress(OSError, ValueError):
        tasks = [file.read_text().split() for file in Path(f"/proc/{pid}/task").glob("*/schedstat")]
        if tasks and all(len(fields) == 3 for fields in tasks):
            return sum(int(fields[0]) for fields in tasks) / 1e9
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def pin(pid: int, core: int) -> None:
    """Keep a process, all its threads and what it starts from now on, on one core."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(ProcessLookupError):
            os.sched_setaffinity(int(task.name), {core})


def packets_pid(core: int) -> int | None:
    """The kernel's own thread that takes what processes on a busy core send (ksoftirqd); None where it is not seen."""
    for file in Path("/proc").glob("[0-9]*/comm"):
        with contextlib.suppress(OSError):
            if file.read_text().strip() == f"ksoftirqd/{core}":
                return int(file.parent.name)
    return None


def waited_s(pid: int) -> float:
    """Seconds that a process had work and no core so far; 0 where the system does not say."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return sum(int(file.read_text().split()[1]) for file in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9
    return 0.0


def memory_bytes(pid: int) -> int:
    """Memory of a process that is its own."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(size) for size in re.findall(r"^Private_\w+:\s+(\d+)", rollup, re.MULTILINE)) * 1024


def children(pid: int) -> list[int]:
    """The processes that a process has started and that still run."""
    return [int(child) for file in Path(f"/proc/{pid}/task").glob("*/children") for child in file.read_text().split()]
