"""What the store needs for a million events and for open alarms, in memory and on disk, and a hub for a console.

`python -m bench.memory`; see the README here. Measured with fewer, and scaled: the store keeps everything alike.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

import uvloop

from bench.backlog import Maker, Wanted, town
from bench.hub import Hub, memory_bytes, workplace
from bench.load import Consoles
from bench.report import head, line, machine, say, table
from dispatch.settings import Settings
from dispatch.store import checks as store
from dispatch.store.embedded import EmbeddedStore

_EVENTS_OF_A_LIFE = 14
_FIRST_CONSOLES = 100  # of which a hub has its own needs met: they do not count
_QUIET_S = 3.0
_MIB = 2**20


@dataclass(frozen=True, slots=True)
class Size:
    """Bytes of the store: its data in memory, its process, its append-only file as written."""

    used: int
    resident: int
    file: int

    def __sub__(self, other: Size) -> Size:
        return Size(self.used - other.used, self.resident - other.resident, self.file - other.file)


async def of_store(folder: Path, settings: Settings, events: int, open_alarms: int) -> dict[str, Any]:
    """Bytes of `events` events of closed alarms, and then of `open_alarms` more that are open."""
    embedded = EmbeddedStore(folder / "store")
    async with AsyncExitStack() as stack:
        await asyncio.to_thread(embedded.start)
        stack.push_async_callback(asyncio.to_thread, embedded.leave)
        redis = store.connect(embedded.url, "bench")
        stack.push_async_callback(redis.aclose)
        # What is written counts, so it is not written anew meanwhile; nor waited for, which changes no byte.
        await redis.config_set("auto-aof-rewrite-percentage", "0")
        await redis.config_set("appendfsync", "no")
        maker = Maker(redis, settings)
        stations = list(settings.boundaries.stations)
        empty = await _size(redis)
        say(f"about {events} events of alarms from the press to the end")
        made = await maker.lives(stations, max(1, events // _EVENTS_OF_A_LIFE))
        lived = await _size(redis)
        compact = await _rewritten(redis)
        say(f"{open_alarms} open alarms")
        now = datetime.now(UTC)
        await maker.open_ones([Wanted(stations[n % len(stations)], now) for n in range(open_alarms)])
        opened = await _size(redis)
        compact_opened = await _rewritten(redis)
    lives, pending = lived - empty, opened - lived
    return {
        "events": made, "open_alarms": open_alarms,
        "of_an_event": {"memory": lives.used / made, "process": lives.resident / made, "file": lives.file / made,
                        "file_rewritten": (compact - empty.file) / made},
        "of_an_open_alarm": {"memory": pending.used / open_alarms, "process": pending.resident / open_alarms,
                             "file": (opened.file - compact) / open_alarms,
                             "file_rewritten": (compact_opened - compact) / open_alarms},
    }  # fmt: skip


async def _size(redis: Any) -> Size:
    memory, persistence = await redis.info("memory"), await redis.info("persistence")
    return Size(memory["used_memory"] - memory["mem_clients_normal"], memory["used_memory_rss"],
                persistence["aof_current_size"])  # fmt: skip


async def _rewritten(redis: Any) -> int:
    """The bytes of the append-only file once it was written anew, as the store does by itself when it has doubled."""
    await redis.bgrewriteaof()
    while True:
        about = await redis.info("persistence")
        if not about["aof_rewrite_in_progress"] and not about["aof_rewrite_scheduled"]:
            return int(about["aof_current_size"])
        await asyncio.sleep(0.1)


async def of_consoles(folder: Path, config: Path, wanted: int) -> dict[str, Any]:
    """Bytes of a hub's own memory for each console of `wanted`, spread over the stations, signed in and ready."""
    hub = Hub(folder, config)
    consoles = Consoles(lambda console, alarm, now: None)
    try:
        await asyncio.to_thread(hub.start)
        stations = sorted({station for _, _, station in hub.officers()})
        await _open(consoles, hub, stations, _FIRST_CONSOLES)
        before = memory_bytes(hub.pid)
        say(f"{wanted} consoles")
        await _open(consoles, hub, stations, wanted)
        after = memory_bytes(hub.pid)
        connected = hub.metric("dispatch_consoles")
        await consoles.shut()
    finally:
        await asyncio.to_thread(hub.stop)
    return {"consoles": wanted, "of_a_console": (after - before) / wanted, "of_the_hub": before,
            "missing": _FIRST_CONSOLES + wanted - connected, "faults": consoles.faults[:5]}  # fmt: skip


async def _open(consoles: Consoles, hub: Hub, stations: list[str], wanted: int) -> None:
    """Have `wanted` more, and wait until no event comes any more."""
    for number, station in enumerate(stations):
        count = len(range(number, wanted, len(stations)))
        cookies = await asyncio.to_thread(hub.cookies, station, count)
        await consoles.open(hub.url, cookies, station)
    frames, since = consoles.frames, monotonic()
    while monotonic() - since < _QUIET_S:
        await asyncio.sleep(0.1)
        if consoles.frames != frames:
            frames, since = consoles.frames, monotonic()


def main() -> int:
    """Measure and print; 1 when a console was lost."""
    parser = argparse.ArgumentParser(prog="python -m bench.memory", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--events", type=int, default=100_000, help="of closed alarms, without photos (100000)")
    parser.add_argument("--open", type=int, default=10_000, dest="open_alarms", help="alarms that stay open (10000)")
    parser.add_argument("--consoles", type=int, default=1000, help=f"besides the first {_FIRST_CONSOLES} (1000)")
    parser.add_argument("--data", type=Path, help="where to make the data folders")
    parser.add_argument("--json", action="store_true", help="one line of JSON with everything at the end")
    chosen = parser.parse_args()

    about = machine(chosen.data)
    head(about, "alarms with text, place and talk, without photos and recordings; built-in store, one hub")
    with workplace(chosen.data) as place:
        config, settings = town(place / "config", 3600)
        found = {"store": uvloop.run(of_store(place / "store", settings, chosen.events, chosen.open_alarms)),
                 "hub": uvloop.run(of_consoles(place / "hub", config, chosen.consoles))}  # fmt: skip
    _print(found)
    if chosen.json:
        line(about, vars(chosen), found)
    lost = found["hub"]["missing"] or found["hub"]["faults"]
    if lost:
        print(f"{found['hub']['missing']:g} consoles were lost: {found['hub']['faults']}", file=sys.stderr)
    return 1 if lost else 0


def _print(found: dict[str, Any]) -> None:
    stored, hub = found["store"], found["hub"]
    rows = [
        (f"a million events (measured with {stored['events']})", stored["of_an_event"], 1_000_000),
        (f"100,000 open alarms (measured with {stored['open_alarms']})", stored["of_an_open_alarm"], 100_000),
    ]
    names = ("memory", "process", "file", "file_rewritten")
    table(("of the store, MiB, for", "data in memory", "process", "append-only file as written", "written anew"),
          [(what, *(f"{each[name] * times / _MIB:.0f}" for name in names)) for what, each, times in rows])  # fmt: skip
    print()
    table(("of a hub", "memory"), [
        (f"with {_FIRST_CONSOLES} consoles", f"{hub['of_the_hub'] / _MIB:.0f} MiB"),
        (f"for each of {hub['consoles']} more", f"{hub['of_a_console'] / 1024:.0f} KiB"),
    ])  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
