"""What one alarm costs, and how long it takes, beside a hundred, ten thousand, a million; how long a start takes.

`python -m bench.growth`; see the README here. One station is looked at, at a gentle rate; all else grows around it.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import sys
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import uvloop

from bench.copies import Copier
from bench.crowd import MEASURES, Crowd
from bench.grid import Grid, grid, identity, signed_in, without_clips
from bench.hub import Hub, cpu_s, memory_bytes, store_pid, workplace
from bench.load import own_lateness
from bench.report import figures, head, line, machine, say, table
from bench.starts import ready_s, starts
from dispatch.store import checks as store
from dispatch.store.embedded import EmbeddedStore
from dispatch.stream.stream import Stream

_BESIDE = 10  # stations, when it is not they that grow
_OFFICERS = 5
_HANDLED_S = 1.0
_BEFORE_S = 3.0  # until alarms are closed as often as they are raised
_WARM_UP = (10.0, 3.0)
_LOOK_S = 2.0
_SETTLED_WITHIN_S = 60.0
_USERS_AT_ONCE = 10_000
_STARTS_WITH = 100_000
_MIB = 2**20


@dataclass(frozen=True, slots=True)
class Kind:
    """Something that grows: what it is, and how many of it are tried."""

    what: str
    levels: tuple[int, ...]


KINDS = {
    "history": Kind("events in the station's stream", (100, 10_000, 1_000_000)),
    "pending": Kind("alarms open at other stations, each with a deadline", (100, 10_000, 100_000)),
    "open": Kind("alarms open at the station itself", (100, 1000, 10_000)),
    "users": Kind("users", (100, 10_000, 1_000_000)),
    "stations": Kind("stations", (10, 100, 1000, 10_000)),
}


class Growth:
    """One kind, level after level, on one store.

    Args:
        place: an empty folder.
        kind: its name.
        chosen: the command line's.
    """

    def __init__(self, place: Path, kind: str, chosen: argparse.Namespace) -> None:
        self._place = place
        self._kind = kind
        self._chosen = chosen
        self._data = place / "a"
        self._made = 0
        self._cookies: list[str] = []

    async def run(self) -> list[dict[str, Any]]:
        """Every level: made while no hub runs, then measured."""
        found = []
        for number, level in enumerate(self._levels()):
            say(f"{self._kind}: {level}")
            if self._kind == "stations" or not number:  # others grow where they are
                self._data = self._place / f"level{number}"
            stations = level if self._kind == "stations" else _BESIDE
            at = grid(self._place / f"config{number}", stations, _OFFICERS, calm=True)
            embedded = EmbeddedStore(self._data / "store")
            async with AsyncExitStack() as stack:
                await asyncio.to_thread(embedded.start)
                stack.push_async_callback(asyncio.to_thread, embedded.leave)
                redis = store.connect(embedded.url, "bench", timeout_s=30)
                stack.push_async_callback(redis.aclose)
                await redis.config_set("appendfsync", "no")  # nothing is measured yet
                began = monotonic()
                self._made += await self._more(redis, at, level - self._made)
                took_s = monotonic() - began
                await self._written(redis)
                await redis.config_set("appendfsync", "always")
                hub = Hub(self._data, at.folder, embedded.url, {"DISPATCH_SERVE_DEMO": "false"})
                if not (self._data / "voice").exists():
                    without_clips(self._data, at.settings)
                stack.push_async_callback(asyncio.to_thread, hub.stop)
                starting_s = await asyncio.to_thread(ready_s, hub)
                measured = await self._measure(stack, redis, hub, at)
            found.append({"level": level, "made_in_s": took_s, "ready_s": starting_s, **measured})
        return found

    def _levels(self) -> tuple[int, ...]:
        return tuple(level for level in KINDS[self._kind].levels if level <= self._chosen.most)

    async def _more(self, redis: Any, at: Grid, wanted: int) -> int:
        """Make so many more; how many were made, near enough."""
        copier, station = Copier(redis, at.settings), at.stations[0]

        def so_far(made: int) -> None:
            if not made % 100_000:
                say(f"  {made} made")

        match self._kind:
            case "history":
                return await copier.lives(station, wanted, so_far)
            case "pending":
                await copier.open_ones(at.stations[1:], wanted, so_far)
            case "open":
                await copier.open_ones([station], wanted, so_far)
            case "users":
                await _users(redis, station, self._made, wanted)
        return wanted

    async def _written(self, redis: Any) -> None:
        """Everything is on the disk, and nothing is still written anew."""
        while (about := await redis.info("persistence"))["aof_rewrite_in_progress"] or about["aof_rewrite_scheduled"]:
            await asyncio.sleep(0.2)

    async def _measure(self, stack: AsyncExitStack, redis: Any, hub: Hub, at: Grid) -> dict[str, Any]:
        chosen, station = self._chosen, at.stations[0]
        cookies = await self._signed_in(redis, at)
        crowd = Crowd(at, {station: [cookies[n % len(cookies)] for n in range(chosen.consoles)]}, [hub], _HANDLED_S)
        stack.push_async_callback(crowd.leave)
        began = monotonic()
        await crowd.sit_down()
        seated_s = monotonic() - began
        gc.collect()
        await crowd.press(*_WARM_UP, most_under_way=10_000)
        await self._settled(redis)
        idle = await self._used(redis, hub, chosen.idle_s)
        lag: list[float] = []
        measuring = asyncio.create_task(own_lateness(lag))
        pressing = asyncio.create_task(crowd.press(chosen.rate, chosen.seconds, 10_000, _BEFORE_S))
        await asyncio.sleep(_BEFORE_S)
        busy = await self._used(redis, hub, chosen.seconds)
        came = await pressing
        measuring.cancel()
        return {
            "idle": idle, "seated_s": seated_s, "alarms": came.alarms,
            "per_alarm": {name: (busy[name] - idle[name]) / chosen.rate for name in idle},
            "ms": {name: asdict(figures(came.took[name])) for name in MEASURES},
            "hub_bytes": memory_bytes(hub.pid), "store_bytes": (await redis.info("memory"))["used_memory"],
            "load_late_ms": asdict(figures(lag)), "lost": came.lost, "gaps": came.gaps, "cut": came.cut,
            "faults": came.faults,
        }  # fmt: skip

    async def _signed_in(self, redis: Any, at: Grid) -> list[str]:
        """The station's officers: of a new store, or as before."""
        if not self._cookies or self._kind == "stations":
            self._cookies = (await signed_in(redis, at, at.stations[:1]))[at.stations[0]]
        return self._cookies

    async def _settled(self, redis: Any) -> None:
        """Wait until nothing is appended any more: a hub that starts tells each station who is on duty."""

        async def appends() -> int:
            return int((await redis.info("commandstats")).get("cmdstat_spublish", {}).get("calls", 0))

        before, end = -1, monotonic() + _SETTLED_WITHIN_S
        while (now := await appends()) != before and monotonic() < end:
            before = now
            await asyncio.sleep(_LOOK_S)

    async def _used(self, redis: Any, hub: Hub, seconds: float) -> dict[str, float]:
        """Each second: cores of the hub and of the store, commands that the store had."""
        pid = store_pid(self._data)

        async def now() -> tuple[float, float, float, float]:
            stats = await redis.info("commandstats")
            return monotonic(), cpu_s(hub.pid), cpu_s(pid), sum(float(each["calls"]) for each in stats.values())

        before = await now()
        await asyncio.sleep(seconds)
        lasted, *used = (after - then for after, then in zip(await now(), before, strict=True))
        return {name: each / lasted for name, each in zip(("hub", "store", "commands"), used, strict=True)}


async def _users(redis: Any, station: str, first: int, count: int) -> None:
    """As `Identity.add` makes them: one is made so, and its record is that of all."""
    users = identity(redis)
    keys = Stream(redis).keys
    if not first:
        await users.add("model", "$argon2id$none", "officer", station)
    record = await redis.hget(keys.users, "model")
    for start in range(first, first + count, _USERS_AT_ONCE):
        names = range(start, min(first + count, start + _USERS_AT_ONCE))
        await redis.hset(keys.users, mapping={f"user-{number}": record for number in names})


def main() -> int:
    """Measure and print; 1 when an alarm, an event or a receipt did not come."""
    parser = argparse.ArgumentParser(prog="python -m bench.growth", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kind", choices=[*KINDS, "start"], action="append", help="several times; all without")
    parser.add_argument("--most", type=int, default=1_000_000, help="levels above it are left out (1000000)")
    parser.add_argument("--rate", type=float, default=10, help="alarms a second (10)")
    parser.add_argument("--consoles", type=int, default=10, help="of the station (10)")
    parser.add_argument("--seconds", type=float, default=20, help="of alarms, for each level (20)")
    parser.add_argument("--idle", type=float, default=10, dest="idle_s", help="seconds without an alarm before (10)")
    parser.add_argument("--rounds", type=int, default=3, help="of each start (3)")
    parser.add_argument("--data", type=Path, help="where to make the data folders: the disk that is synced to")
    parser.add_argument("--json", action="store_true", help="one line of JSON with everything at the end")
    chosen = parser.parse_args()

    about = machine(chosen.data)
    head(about, f"one station with {chosen.consoles} consoles, {chosen.rate:g} alarms a second, each acknowledged and "
                f"closed; one hub, built-in store, appendfsync always")  # fmt: skip
    found: dict[str, Any] = {}
    for kind in chosen.kind or [*KINDS, "start"]:
        with workplace(chosen.data) as place:
            if kind == "start":
                found[kind] = uvloop.run(starts(place, min(_STARTS_WITH, chosen.most), chosen.rounds))
            else:
                found[kind] = uvloop.run(Growth(place, kind, chosen).run())
    _print(found)
    if chosen.json:
        line(about, {**vars(chosen), "kind": chosen.kind and ",".join(chosen.kind)}, found)
    levels = [(kind, each) for kind, levels in found.items() if kind != "start" for each in levels]
    bad = [(kind, each["level"], each["lost"], each["gaps"], each["cut"], each["faults"]) for kind, each in levels
           if any(each[name] for name in ("lost", "gaps", "cut", "faults"))]  # fmt: skip
    if bad:
        print("Not everything came:", bad, file=sys.stderr)
    return 1 if bad else 0


def _print(found: dict[str, Any]) -> None:
    rows = [_row(kind, each) for kind, levels in found.items() if kind != "start" for each in levels]
    if rows:
        table(("beside", "hub µs per alarm", "store µs", "commands", "p50 ms to each console", "p99 ms",
               "with no alarm: hub, of a core", "store", "commands/s", "ready, s", "store MiB"), rows)  # fmt: skip
        print()
    if "start" in found:
        starting = found["start"]
        names = {"first": "demonstration, first start", "again": "demonstration, again",
                 "many": f"with {starting['open_alarms']:,} open alarms in the store"}  # fmt: skip
        table(("from the start to ready, s", "median", "worst"),
              [(what, f"{figures(starting[name]).p50:.2f}", f"{figures(starting[name]).worst:.2f}")
               for name, what in names.items() if starting[name]])  # fmt: skip


def _row(kind: str, each: dict[str, Any]) -> tuple[str, ...]:
    alarm, idle, ms = each["per_alarm"], each["idle"], each["ms"]["each"]
    return (
        f"{each['level']:,} {KINDS[kind].what}", f"{alarm['hub'] * 1e6:.0f}", f"{alarm['store'] * 1e6:.0f}",
        f"{alarm['commands']:.1f}", f"{ms['p50']:.1f}", f"{ms['p99']:.1f}", f"{idle['hub']:.1%}",
        f"{idle['store']:.1%}", f"{idle['commands']:.0f}", f"{each['ready_s']:.2f}",
        f"{each['store_bytes'] / _MIB:.0f}",
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
