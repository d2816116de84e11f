"""`python -m bench.finding`: how long a search takes among 100,000 alarms, and how long it keeps others waiting.

The alarms are made first, each with a text, words, a note and an end; then the index is made, and each kind of search
is done as a page does it: request after request until all were looked at.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any
from zoneinfo import ZoneInfo

import uvloop

from bench.report import figures, head, line, machine, say, table
from dispatch.alarm import commands as c
from dispatch.alarm.clock import from_ms, to_ms
from dispatch.alarm.messages import FindBody
from dispatch.alarm.views import receipt_code
from dispatch.alarmlog.find import Finder
from dispatch.alarmlog.index import Index
from dispatch.alarmlog.wanted import Ground
from dispatch.nearby.distance import metres
from dispatch.routing.route import wgs84
from dispatch.sections import Limits
from dispatch.store import checks as store
from dispatch.store.embedded import EmbeddedStore
from dispatch.stream.alarms import Alarms
from dispatch.stream.stream import Stream

_STATIONS = [f"s{n:02d}" for n in range(24)]
_AT_ONCE = 100
_YEAR_MS = 365 * 86_400_000
_BEGAN = to_ms(datetime(2026, 1, 1, tzinfo=UTC))
_WORDS = ("有人在敲我的门，我不能说话", "楼下有人吵架", "他还在门外", "we are on the way", "地铁口有人打架")
_LOOK_S = 0.001


class _Year:
    """A clock that goes through a year while the alarms are made."""

    def __init__(self) -> None:
        self.at = _BEGAN

    def now(self) -> datetime:
        return from_ms(self.at)


async def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.finding", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--alarms", type=int, default=100_000, help="so many (100,000)")
    parser.add_argument("--data", type=Path, help="where to make the store")
    parser.add_argument("--json", action="store_true", help="one line of JSON with everything at the end")
    chosen = parser.parse_args()
    about = machine(chosen.data)
    head(about, f"{chosen.alarms} alarms of {len(_STATIONS)} stations in a year, each closed")
    with tempfile.TemporaryDirectory(dir=chosen.data) as folder:
        embedded = EmbeddedStore(Path(folder) / "store")
        await asyncio.to_thread(embedded.start)
        redis = store.connect(embedded.url, "bench", timeout_s=30)
        try:
            found = await _measured(Stream(redis), redis, chosen.alarms)
        finally:
            await redis.aclose()
            await asyncio.to_thread(embedded.leave)
    if chosen.json:
        line(about, vars(chosen), found)


async def _measured(stream: Stream, redis: Any, count: int) -> dict[str, Any]:
    await redis.config_set("appendfsync", "no")  # nothing is measured yet
    last = await _made(stream, count)
    before = (await redis.info("memory"))["used_memory"]
    index, began = Index(stream), perf_counter()
    while await index.follow(_STATIONS):
        pass
    took, bytes_each = perf_counter() - began, ((await redis.info("memory"))["used_memory"] - before) / count
    print(f"the index: {took:.0f} s to make, {bytes_each:.0f} bytes an alarm\n")
    await redis.config_set("appendfsync", "always")
    finder = Finder(stream, index, Ground(wgs84, metres), lambda _: ZoneInfo("Asia/Shanghai"), Limits().model_dump())
    searches: Mapping[str, dict[str, Any]] = {
        "the latest": {"limit": 50}, "by code": {"code": receipt_code(last)}, "by officer": {"officer": "V07"},
        "of a day": {"from": "2026-06-01", "to": "2026-06-01"}, "a word that is nowhere": {"words": "nowhere"},
        "a place in words that is nowhere": {"place": "nowhere"},
        "around a point where nobody was": {"near": {"lat": 10.0, "lon": 10.0}, "within_m": 500},
    }  # fmt: skip
    rows, said = [], {}
    for name, asked in searches.items():
        each, late, whole = await _searched(finder, asked)
        slow = figures(each)
        said[name] = {"requests": len(each), "p50_s": slow.p50, "worst_s": slow.worst, "whole_s": whole, "late_s": late}
        rows.append((name, str(len(each)), *(f"{1000 * s:,.0f}" for s in (slow.p50, slow.worst, whole, late))))
    table(("search", "requests", "a request, p50 (ms)", "worst", "all of it", "others waited at most"), rows)
    return {"index_s": took, "index_bytes": bytes_each, "searches": said}


async def _made(stream: Stream, count: int) -> str:
    """The alarms; the id of the last."""
    year, chance = _Year(), random.Random(1)
    alarms, last = Alarms(stream, year, lambda _: None), ""
    for start in range(0, count, _AT_ONCE):
        year.at = _BEGAN + _YEAR_MS * start // count
        ids = [str(uuid.UUID(int=chance.getrandbits(128), version=4)) for _ in range(min(_AT_ONCE, count - start))]
        await asyncio.gather(*(alarms.handle(one, *_life(one, chance)) for one in ids))
        last = ids[-1]
        if not start % 20_000:
            say(f"  {start} made")
    return last


def _life(alarm: str, chance: random.Random) -> list[c.Command]:
    station = chance.choice(_STATIONS)
    by = c.Actor(f"V{chance.randrange(100):02d}", station)
    lat, lon = 41.8 + chance.random() / 10, 123.4 + chance.random() / 10
    return [
        c.Raise(
            station=station, backups=(), why="in_area", code=receipt_code(alarm), text=chance.choice(_WORDS),
            position={"lat": lat, "lon": lon, "accuracy_m": 12}, place=f"大东路 {chance.randrange(400)} 号",
        ),
        c.See(by=by), c.Acknowledge(by=by), c.Say(text=chance.choice(_WORDS)), c.Say(text="我们在路上", by=by),
        c.Move(by=by), c.Say(text=chance.choice(_WORDS)), c.AddNote(by=by, text="带备用钥匙"), c.Arrive(by=by),
        c.Close(by=by, disposition="handled", note="已劝开"),
    ]  # fmt: skip


async def _searched(finder: Finder, asked: dict[str, Any]) -> tuple[list[float], float, float]:
    """(seconds of each request, the longest that somebody else waited, seconds of all) until all were looked at."""
    waiting = asyncio.create_task(_others())
    each, after, began = [], None, perf_counter()
    reader = c.Actor("S01", None, "supervisor")
    while True:
        sent = perf_counter()
        told = await finder.find(reader, _STATIONS, FindBody.model_validate({**asked, "after": after}))
        each.append(perf_counter() - sent)
        after = told["next"]
        if after is None or "limit" in asked:  # of the latest only the first page is asked for
            break
    whole = perf_counter() - began
    waiting.cancel()
    return each, max(_LATE), whole


_LATE: list[float] = [0.0]


async def _others() -> None:
    """How late somebody is who wants to look every millisecond."""
    _LATE[:] = [0.0]
    while True:
        before = perf_counter()
        await asyncio.sleep(_LOOK_S)
        _LATE.append(perf_counter() - before - _LOOK_S)


if __name__ == "__main__":
    uvloop.run(main())
