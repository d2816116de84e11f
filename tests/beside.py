"""`python -m tests.beside --hogs 2 -- tests/flow -m ""`: runs pytest on a machine that has other things to do.

What load shows in one run, chance shows in many: a fault of the product, or of a test. Exit status is pytest's.

    --hogs N          N processes that never rest
    --delay-ms N      six in ten answers of the store come up to N ms late, in process
    --freeze-s S      one process after another (a hub, a store) is stopped for up to S seconds
    --seed N          decides what is delayed and frozen
"""

import argparse
import asyncio
import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from redis.asyncio.connection import AbstractConnection

DELAY = "FUJIN_TESTS_DELAY_MS"
"""The environment variable that tests/conftest.py reads."""
_FROZEN = ("dispatch serve", "dispatch.worker", "valkey", "redis-server")
"""Words of the commands of processes that are frozen: hubs and stores."""
_PAUSE_S = 0.3
_LATE = 0.6


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.beside", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--hogs", type=int, default=0)
    parser.add_argument("--delay-ms", type=int, default=0)
    parser.add_argument("--freeze-s", type=float, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("pytest", nargs="*", help="arguments of pytest, after --")
    options = parser.parse_args()
    env = {**os.environ, **({DELAY: str(options.delay_ms)} if options.delay_ms else {})}
    hogs = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(options.hogs)]
    ended = threading.Event()
    try:
        run = subprocess.Popen([sys.executable, "-m", "pytest", *options.pytest], env=env)
        if options.freeze_s:
            chance = random.Random(options.seed)
            threading.Thread(target=_freeze, args=(run.pid, options.freeze_s, chance, ended), daemon=True).start()
        return run.wait()
    finally:
        ended.set()
        for hog in hogs:
            hog.kill()
            hog.wait()


def answer_late(most_s: float) -> None:
    """From now on six in ten answers of the store come late in this process, by chance, by up to `most_s`."""
    reads = AbstractConnection.read_response

    async def late(self: AbstractConnection, *args: Any, **options: Any) -> Any:
        answer = await reads(self, *args, **options)
        if random.random() < _LATE:
            await asyncio.sleep(random.uniform(0, most_s))
        return answer

    AbstractConnection.read_response = late  # type: ignore[method-assign]


def _freeze(ancestor: int, most_s: float, chance: random.Random, ended: threading.Event) -> None:
    while not ended.wait(chance.uniform(0, 2 * _PAUSE_S)):
        found = [pid for pid in _descendants(ancestor) if any(words in _command(pid) for words in _FROZEN)]
        if not found:
            continue
        pid = chance.choice(sorted(found))
        try:
            os.kill(pid, signal.SIGSTOP)
            ended.wait(chance.uniform(0, most_s))
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            continue


def _descendants(ancestor: int) -> list[int]:
    """Stores are in sessions of their own, but children all the same."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rsplit(") ", 1)[1].split()[1])
            except OSError:
                continue
    found, new = set[int](), {ancestor}
    while new:
        found |= new
        new = {pid for pid, parent in parents.items() if parent in new} - found
    return sorted(found - {ancestor})


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


if __name__ == "__main__":
    sys.exit(main())
