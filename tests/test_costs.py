"""What one alarm costs, in counts that no machine changes: commands, bytes, calls. Never seconds.

A bound is what was counted when it was written, with a little room. Who needs more says why in the commit.
"""

import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from tests.flow.town import Town

ALARMS = 20
COMMANDS = {"evalsha": 2}
"""Of one alarm, as the hub sends them: who is awake and signed on or off duty; the append."""
WITHIN = {"zrange": 1, "hgetall": 1, "hget": 2, "xadd": 2, "hset": 4, "sadd": 1, "zadd": 1, "spublish": 1}
"""What the store does for these."""
BYTES_TO_STORE, BYTES_FROM_STORE = 5_300, 2_000
BYTES_TO_CONSOLE = 1_800
CALLS = {"dispatch": 339, "redis": 255, "starlette": 84, "uvicorn": 46}
TEXT = "有人跟着我，我不能说话。" * 4


async def counted(town: Town) -> tuple[Counter[str], dict[str, int]]:
    """(calls of each command, bytes in and out) of the store since it was started."""
    redis = town.dispatch.stream.redis
    commands = {name.removeprefix("cmdstat_"): row["calls"] for name, row in (await redis.info("commandstats")).items()}
    stats = await redis.info("stats")
    return Counter(commands), {"in": stats["total_net_input_bytes"], "out": stats["total_net_output_bytes"]}


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    """Of which nobody asks whether it is at rest: that would be counted too. So events are waited for."""
    async with Town(tmp_path, watched=True) as town:
        yield town


async def raise_some(town: Town) -> None:
    with town.clock.under_way():
        for _ in range(ALARMS):
            citizen = town.citizen()
            await citizen.raises(text=TEXT, position={"lat": 41.806, "lon": 123.466, "accuracy_m": 12})
            for officer in town.people:
                await officer.hears(citizen.id, "alarm_raised", "step_run")


async def costs(town: Town) -> tuple[dict[str, float], dict[str, float]]:
    """Of one alarm: (commands, bytes)."""
    await raise_some(town)  # scripts are known then, connections are there
    await town.quiet()
    idle_before = await counted(town)
    before = await counted(town)
    await raise_some(town)
    after = await counted(town)
    looking = before[0] - idle_before[0]
    commands = after[0] - before[0] - looking
    of_looking = {name: before[1][name] - idle_before[1][name] for name in ("in", "out")}
    return (
        {name: calls / ALARMS for name, calls in commands.items()},
        {name: (after[1][name] - before[1][name] - of_looking[name]) / ALARMS for name in ("in", "out")},
    )


async def test_what_an_alarm_asks_of_the_store(town: Town) -> None:
    """Two commands and one write; not one more with more consoles, more history and more open alarms."""
    for name in ("V01", "V02", "V03"):
        await town.officer(name)
    commands, size = await costs(town)
    assert commands == COMMANDS | WITHIN
    assert size["in"] <= BYTES_TO_STORE
    assert size["out"] <= BYTES_FROM_STORE
    for _ in range(5):
        await raise_some(town)
    for _ in range(3):
        for name in ("V01", "V02", "V03"):
            await (await town.user(name)).opens_console()
    again, more = await costs(town)
    assert again == commands
    assert more["in"] <= size["in"] * 1.02
    await town.forgets(*town.people)


async def test_what_an_alarm_sends_to_a_console(town: Town) -> None:
    """Its two events, once each, without what the console does not show."""
    officer = await town.officer("V01")
    citizen = town.citizen()
    before = officer.received
    await citizen.raises(text=TEXT, position={"lat": 41.806, "lon": 123.466, "accuracy_m": 12})
    await officer.hears(citizen.id, "alarm_raised", "step_run")
    assert officer.received - before <= BYTES_TO_CONSOLE


async def test_what_an_alarm_calls(town: Town) -> None:
    """The calls of functions, ours and of what is around them, between the press and the consoles."""
    for name in ("V01", "V02", "V03"):
        await town.officer(name)
    await raise_some(town)
    await town.quiet()
    with calls() as made:
        await raise_some(town)
    found = {name: made[name] / ALARMS for name in CALLS}
    assert {name: found[name] for name, most in CALLS.items() if found[name] > most} == {}


def _counts(file: str) -> bool:
    return "/tests/" not in file and any(f"/{name}/" in file for name in CALLS)


@contextmanager
def calls() -> Iterator[Counter[str]]:
    """Counts the calls of Python functions by the package that they belong to; not those by tests, which look on."""
    made: Counter[str] = Counter()
    known: dict[str, str] = {}

    def called(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and (frame.f_back is None or "/tests/" not in frame.f_back.f_code.co_filename):
            file = frame.f_code.co_filename
            if file not in known:
                known[file] = max(CALLS, key=lambda name: file.rfind(f"/{name}/")) if _counts(file) else ""
            made[known[file]] += 1

    sys.setprofile(called)
    try:
        yield made
    finally:
        sys.setprofile(None)
