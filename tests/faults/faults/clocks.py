"""Hubs whose clocks are wrong: an hour ahead or behind, drifting, or set anew while they run.

Only the hubs' time of day is wrong; the store and the people have the right one. Needs libfaketime.
"""

import time
from collections.abc import Mapping
from pathlib import Path

from tests.faults.stage import Stage
from tests.faults.town import Town

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
