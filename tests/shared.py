"""The one store that all tests of a worker share: each has a prefix of its own for its keys.

It lies in memory where there is such a folder: what a disk keeps is the promise of the process floor's tests.
"""

import atexit
import functools
import itertools
import os
import shutil
import signal
import tempfile
from contextlib import suppress
from pathlib import Path

import argon2

from dispatch.store.embedded import EmbeddedStore

CHEAP = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""Hashes passwords as the real one does, at the least cost there is."""
_numbers = itertools.count(1)
_running: EmbeddedStore | None = None


def store() -> EmbeddedStore:
    """The store, started by who needs it first and ended with the worker."""
    global _running
    if _running is None:
        memory = Path("/dev/shm")
        place = memory if os.access(memory, os.W_OK) else Path(tempfile.gettempdir())
        _sweep(place)
        folder = Path(tempfile.mkdtemp(prefix=f"fujin-{os.getpid()}-", dir=place))
        _running = EmbeddedStore(folder / "store")
        _running.start()
        atexit.register(_end, _running, folder)
    return _running


def prefix() -> str:
    """A prefix that no other test has."""
    return f"test-{next(_numbers)}"


@functools.cache
def hashed(password: str) -> str:
    """The cheap hash of a password."""
    return CHEAP.hash(password)


def _sweep(place: Path) -> None:
    """End the stores of workers that were killed, and could end nothing themselves."""
    for folder in place.glob("fujin-*-*"):
        owner = folder.name.split("-")[1]
        if owner.isdigit() and not Path(f"/proc/{owner}").exists():
            with suppress(OSError, ValueError):
                os.kill(int((folder / "store" / "store.pid").read_text()), signal.SIGKILL)
            shutil.rmtree(folder, ignore_errors=True)


def _end(running: EmbeddedStore, folder: Path) -> None:
    running.leave(5)
    shutil.rmtree(folder, ignore_errors=True)
