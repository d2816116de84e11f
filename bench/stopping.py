"""`python -m bench.stopping`: how long a hub that is told to stop takes, whatever its connections and workers do.

Bounded by its rounds. Each hub is a new one with a store of its own.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from bench.hub import Hub, children, store_pid, workplace
from bench.report import head, line, machine, say, table

_WAIT_S = 30
_FOR_EVER = b"POST /alarms HTTP/1.1\r\nHost: here\r\nContent-Length: 5000\r\n\r\n{"


@contextmanager
def _nothing(hub: Hub) -> Iterator[None]:
    yield


@contextmanager
def _form(hub: Hub) -> Iterator[None]:
    where = urlsplit(hub.url)
    with socket.create_connection((str(where.hostname), int(where.port or 0))) as link:
        link.sendall(_FOR_EVER)
        yield


@contextmanager
def _store(hub: Hub) -> Iterator[None]:
    stuck = store_pid(hub.data)
    os.kill(stuck, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(stuck, signal.SIGCONT)


@contextmanager
def _worker(hub: Hub) -> Iterator[None]:
    serving = [one for one in children(hub.pid) if b"dispatch.worker" in Path(f"/proc/{one}/cmdline").read_bytes()]
    os.kill(serving[0], signal.SIGSTOP)
    yield


@dataclass(frozen=True, slots=True)
class Case:
    """What goes on while it is told to stop."""

    around: Callable[[Hub], AbstractContextManager[None]]
    settings: Mapping[str, str] = field(default_factory=dict)


CASES = {
    "nobody is connected": Case(_nothing),
    "a form that never ends": Case(_form),
    "a store that does not answer": Case(_store),
    "two workers": Case(_nothing, {"DISPATCH_SERVE_WORKERS": "2"}),
    "two workers, one of which hangs": Case(_worker, {"DISPATCH_SERVE_WORKERS": "2"}),
}


def took_s(data: Path, case: Case) -> float:
    """Seconds from the signal until its process has ended.

    Raises:
        RuntimeError, subprocess.TimeoutExpired: it was not ready, or did not end, within half a minute.
    """
    hub = Hub(data, settings=case.settings)
    hub.spawn()
    until = time.monotonic() + _WAIT_S
    while not hub.ready():
        if time.monotonic() > until:
            raise RuntimeError(f"the hub was not ready within {_WAIT_S} s: {hub.log}")
    with case.around(hub):
        began = time.monotonic()
        hub.stop()
        return time.monotonic() - began


def main() -> int:
    """Stop hubs and say how long that took."""
    parser = argparse.ArgumentParser(prog="python -m bench.stopping", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="of each case (5)")
    parser.add_argument("--data", type=Path, help="where to make the data folders: the disk that is synced to")
    parser.add_argument("--json", action="store_true", help="everything as one line of JSON, last")
    chosen = parser.parse_args()
    about = machine(chosen.data)
    head(about, f"one hub, built-in store, serve.shutdown_s as it is (5 s); {chosen.rounds} of each")
    found: dict[str, list[float]] = {name: [] for name in CASES}
    for number in range(chosen.rounds):
        say(f"round {number + 1}")
        for at, (name, case) in enumerate(CASES.items()):
            with workplace(chosen.data) as folder:
                found[name].append(took_s(folder / f"{number}-{at}", case))
    rows = [(name, f"{median(each):.2f}", f"{max(each):.2f}") for name, each in found.items()]
    table(("from the signal to the end, s", "median", "worst"), rows)
    if chosen.json:
        line(about, vars(chosen), {"took_s": found})
    return 0


if __name__ == "__main__":
    sys.exit(main())
