"""A store that lives and cannot write: its disk is full, its memory is full, it is read-only."""

import time
from pathlib import Path

from tests.faults.stage import Stage


async def disk_full(stage: Stage) -> None:
    """The store's file can grow no more, in the middle of a record; the store stops or refuses. Later there is room."""
    await stage.anywhen()
    store = stage.town.store
    size = sum(file.stat().st_size for file in _growing(store.folder))
    store.most_file_bytes(size + stage.chance.randint(0, 3000))
    await stage.until(lambda: not store.runs, 3.0)
    await stage.lasts(stage.chance.uniform(0, 0.5))
    if store.runs:
        store.most_file_bytes(None)
    else:
        store.kill()
        await stage.away(store.start)
    await stage.recovers(time.monotonic())


async def memory_full(stage: Stage) -> None:
    """The store is over its `maxmemory` and takes no more writes. Later there is room."""
    await stage.anywhen()
    stage.town.store.set("maxmemory", "1")
    await stage.lasts(stage.chance.uniform(0.3, 1.2))
    stage.town.store.set("maxmemory", "0")
    await stage.recovers(time.monotonic())


async def read_only(stage: Stage) -> None:
    """The store is made a replica of one that is not there: it answers reads and refuses writes. Later it is itself."""
    await stage.anywhen()
    stage.town.store.run("REPLICAOF", "127.0.0.1", "1")
    await stage.lasts(stage.chance.uniform(0.3, 1.2))
    stage.town.store.run("REPLICAOF", "NO", "ONE")
    await stage.recovers(time.monotonic())


def _growing(folder: Path) -> list[Path]:
    """The file that the store appends to now: the newest incremental one."""
    files = sorted(folder.rglob("*.incr.aof"), key=lambda file: file.stat().st_mtime)
    return files[-1:]
