"""People's sides: a console that reads nothing, and everything sent twice, late and to another hub."""

import asyncio
import re
import time

from tests.faults.stage import Stage
from tests.faults.web import fetch

DEAF = "V03"
WORDS = "很长的话" * 4950
MOST_ALARMS = 1000
"""What the kernel takes for a peer that reads nothing differs by megabytes."""
AT_ONCE = 10


async def console_reads_nothing(stage: Stage) -> None:
    """A console takes nothing until it is cut; nobody waits for it. It comes back by position and misses nothing."""
    await stage.anywhen()
    console = next((c for c in stage.load.consoles if c.officer == DEAF), None)
    if console is None:
        console = stage.load.sits(DEAF, "dadongmen", await stage.cookie(DEAF))
        console.working = False
        await stage.recovers(time.monotonic())
    cut = await _cut(stage)
    console.line.deafen()
    for _ in range(0, MOST_ALARMS, AT_ONCE):
        citizens = [stage.load.raises() for _ in range(AT_ONCE)]
        for citizen in citizens:
            citizen.text += WORDS
            citizen.kind = "practice"  # consoles get it, and nobody is called
        await asyncio.gather(*(citizen.raises() for citizen in citizens))
        if await _cut(stage) > cut:
            break
    else:
        stage.history.stuck(f"a console that read nothing was not cut by {MOST_ALARMS} alarms")
    console.line.listens.set()
    await stage.recovers(time.monotonic())


async def everything_twice(stage: Stage) -> None:
    """Each request is sent a second time, late and to any hub; meanwhile a hub dies now and then."""
    await stage.receipts(60)
    if stage.chance.random() < 0.5:
        hub = stage.chance.choice(stage.town.hubs)
        hub.kill()
        await stage.away(hub.start)
    await stage.recovers(time.monotonic())


async def _cut(stage: Stage) -> int:
    """How many consoles the hubs have cut because they were too slow."""
    pages = [await fetch(f"{hub.url}/metrics") for hub in stage.town.hubs]
    counts = [
        re.findall(r"^dispatch_consoles_cut_total\{.*(?:too slow|nothing heard).*\} (\S+)", page, re.MULTILINE)
        for page in pages
    ]
    return sum(int(float(count)) for found in counts for count in found)
