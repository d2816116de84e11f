"""How many deliveries a second one hub makes, what each costs, how soon all consoles have an alarm; peers beside it.

`python -m bench.fanout`; see the README here. A delivery is one alarm at one console. Each round is a life of its own:
a new server on an empty folder, so that nothing is left of the round before, and the subjects take turns.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import random
import sys
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import median
from time import monotonic
from typing import Any

import uvloop

from bench.fujin import INTAKES
from bench.hub import cpu_s, packets_pid, pin, workplace
from bench.load import own_lateness
from bench.peers import ALL as PEERS
from bench.pressers import ALARM_BYTES
from bench.report import Figures, figures, head, line, machine, say, table
from bench.room import Room, Subject

_CONSOLES = (10, 100, 1000)
_FEW_S = 0.5
_MANY = 500  # consoles; the memory of fewer cannot be told from the server's own
_DRAIN_S = 30.0
_OURS = {kind.name for kind in INTAKES.values()}
_RATES = {10: 100.0, 100: 50.0, 1000: 20.0}  # alarms a second, gentle: a small part of what any of them can


@dataclass(frozen=True, slots=True)
class Life:
    """What one life of a subject showed. CPU is in seconds a second: 1.0 is one core all the time."""

    deliveries_s: float
    further_s: float  # other event frames that consoles had, a second
    alarms_s: float
    every_ms: Figures  # from the press until the last console has it, gently
    every_full_ms: Figures  # the same, with all in flight
    cpu_server: float
    cpu_store: float
    cpu_load: float
    load_late_ms: float
    server_us: float  # of CPU for each delivery
    store_us: float  # of CPU for each alarm
    console_bytes: float
    lost: int
    faults: list[str]


class Measurement:
    """One life of one subject.

    Args:
        subject: it, not started.
        chosen: the command line's.
        consoles: how many.
    """

    def __init__(self, subject: Subject, chosen: argparse.Namespace, consoles: int) -> None:
        self._subject = subject
        self._room = subject.room
        self._chosen = chosen
        self._wanted = consoles
        self._late: list[float] = []
        self._packets = packets_pid(0) if chosen.pin else None

    async def run(self, folder: Path) -> Life:
        subject, room, chosen = self._subject, self._room, self._chosen
        try:
            await asyncio.to_thread(subject.start, folder)
            if chosen.pin:
                server, store = subject.processes
                for pid, core in [*((pid, 0) for pid in server), *((pid, 1) for pid in store)]:
                    pin(pid, core)
            first = self._wanted // 10  # of which the server has its own needs met: they do not count
            await subject.seat(first)
            before = subject.memory_bytes()
            await subject.seat(self._wanted - first)
            console_bytes = (subject.memory_bytes() - before) / (self._wanted - first)
            room.consoles = self._wanted
            for _ in range(chosen.in_flight):
                presser = subject.presser()
                room.join(presser)
                await presser.connect(subject.url)
            gc.collect()
            gc.freeze()
            gc.disable()  # the load's own pauses are not the server's
            lateness = asyncio.create_task(own_lateness(self._late))
            try:
                await self._full(chosen.warm_up)
                self._late.clear()
                gentle = await self._gently(_rate(chosen, self._wanted), chosen.gentle)
                load_late_ms = figures(self._late).p99
                full = await self._full(chosen.seconds)
            finally:
                lateness.cancel()
                gc.enable()
                gc.unfreeze()
            for presser in room.idle:
                presser.close()
            await subject.leave()
        finally:
            await asyncio.to_thread(subject.stop)
        return Life(every_ms=gentle, console_bytes=console_bytes, load_late_ms=load_late_ms,
                    lost=room.lost, faults=room.faults[:5], **full)  # fmt: skip

    async def _full(self, seconds: float) -> dict[str, Any]:
        """As many alarms in flight as there are citizens, after a moment that does not count."""
        room = self._room
        room.again = True
        for _ in range(len(room.idle)):
            room.press()
        await asyncio.sleep(min(_FEW_S, seconds / 2))
        room.every_ms = array("d")
        began, counts, cpu = monotonic(), self._counts(), self._cpu_s()
        await asyncio.sleep(seconds)
        lasted, counts_after, cpu_after = monotonic() - began, self._counts(), self._cpu_s()
        full = figures(room.every_ms)
        room.again = False
        await self._drain()
        deliveries, further, alarms = (after - was for after, was in zip(counts_after, counts, strict=True))
        server, store, load = (after - was for after, was in zip(cpu_after, cpu, strict=True))
        return {
            "deliveries_s": deliveries / lasted, "further_s": further / lasted, "alarms_s": alarms / lasted,
            "every_full_ms": full, "cpu_server": server / lasted, "cpu_store": store / lasted,
            "cpu_load": load / lasted, "server_us": server * 1e6 / max(1, deliveries),
            "store_us": store * 1e6 / max(1, alarms),
        }  # fmt: skip

    async def _gently(self, rate: float, seconds: float) -> Figures:
        """Alarms at random instants, whatever became of those before."""
        room = self._room
        room.every_ms = array("d")
        began = monotonic()
        for instant in sorted(random.uniform(0, seconds) for _ in range(max(1, round(rate * seconds)))):
            await asyncio.sleep(max(0.0, began + instant - monotonic()))
            room.press()
        await self._drain()
        return figures(room.every_ms)

    async def _drain(self) -> None:
        """Let every alarm that was pressed reach every console."""
        room, end = self._room, monotonic() + _DRAIN_S
        while (room.under_way or len(room.idle) < self._chosen.in_flight) and not room.faults and monotonic() < end:
            await asyncio.sleep(0.02)

    def _counts(self) -> tuple[int, int, int]:
        return self._room.deliveries, self._subject.further, self._room.pressed

    def _cpu_s(self) -> tuple[float, float, float]:
        """Of server, store, load. A core of its own has the kernel's thread for its packets, which is the server's."""
        server, store = self._subject.cpu_s()
        return server + (cpu_s(self._packets) if self._packets else 0.0), store, cpu_s(os.getpid())


def _together(lives: Sequence[Life]) -> dict[str, Any]:
    """The medians of the rounds; of what is lost, the sum."""
    numbers = [name for name in Life.__slots__ if isinstance(getattr(lives[0], name), float)]
    together: dict[str, Any] = {name: median(getattr(life, name) for life in lives) for name in numbers}
    for name in ("every_ms", "every_full_ms"):
        each = [getattr(life, name) for life in lives]
        together[name] = asdict(Figures(median(f.p50 for f in each), median(f.p99 for f in each),
                                        max(f.worst for f in each)))  # fmt: skip
    return together | {"lost": sum(life.lost for life in lives), "faults": [x for life in lives for x in life.faults]}


@dataclass(frozen=True, slots=True)
class Kind:
    """What is measured: Fujin with one intake, or a peer."""

    name: str
    store: str
    versions: str
    make: Callable[[Room], Subject]


def kinds(intakes: Sequence[str] | None, home: Path | None, peers: Sequence[str] | None) -> list[Kind]:
    """Fujin with each intake, and the peers that are installed in `home`; all where none is named."""
    ours = [INTAKES[name] for name in intakes or list(INTAKES)]
    found = [Kind(kind.name, kind.store, "of this checkout", kind) for kind in ours]
    if home is None:
        return found
    for name in peers or list(PEERS):
        peer = PEERS[name]
        found.append(Kind(peer.name, peer.store, peer.versions, partial(peer, home=home)))
    return found


def main() -> int:
    """Measure and print; 1 when anything was lost."""
    parser = argparse.ArgumentParser(prog="python -m bench.fanout", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--consoles", type=int, action="append", help="of one station; several times; 10, 100, 1000")
    parser.add_argument("--intake", choices=list(INTAKES), action="append", help="of Fujin; both without")
    parser.add_argument("--peers", type=Path, metavar="DIR", help="beside it: where bench.peers installed them")
    parser.add_argument("--peer", choices=list(PEERS), action="append", help="of those; several times; all without")
    parser.add_argument("--in-flight", type=int, default=8, help="alarms, when it is to do all it can (8)")
    parser.add_argument("--rate", type=float, help="alarms a second, gently; by default 100, 50, 20 for 10, 100, 1000")
    parser.add_argument("--gentle", type=float, default=5, metavar="S", help="seconds of that in each round (5)")
    parser.add_argument("--seconds", type=float, default=4, help="of all it can, in each round (4)")
    parser.add_argument("--warm-up", type=float, default=1, metavar="S", help="of the same, before; not counted (1)")
    parser.add_argument("--rounds", type=int, default=3, help="lives of each server; figures are medians (3)")
    parser.add_argument("--no-pin", action="store_false", dest="pin", help="let the system choose the cores")
    parser.add_argument("--data", type=Path, help="where to make the data folders: the disk that is synced to")
    parser.add_argument("--json", action="store_true", help="one line of JSON with everything at the end")
    chosen = parser.parse_args()

    chosen.pin = chosen.pin and {0, 1} <= os.sched_getaffinity(0)
    if chosen.pin:
        os.sched_setaffinity(0, {1})
    counts = chosen.consoles or list(_CONSOLES)
    subjects = kinds(chosen.intake, chosen.peers, chosen.peer)
    about = machine(chosen.data)
    head(about, f"one room; an alarm of {ALARM_BYTES} bytes to each of its consoles; {chosen.in_flight} in flight; "
         + ("servers on core 0, stores and load on core 1" if chosen.pin else "on any core"))  # fmt: skip
    for kind in subjects:
        print(f"{kind.name}: an alarm is {kind.store}; {kind.versions}")
    results: dict[str, dict[str, Any]] = {kind.name: {} for kind in subjects}
    for consoles in counts:
        lives: dict[str, list[Life]] = {kind.name: [] for kind in subjects}
        for _ in range(chosen.rounds):
            for kind in subjects:
                life = _life(kind, chosen, consoles)
                lives[kind.name].append(life)
                _account(kind.name, consoles, life)
        for name, each in lives.items():
            results[name][str(consoles)] = {"together": _together(each), "rounds": [asdict(life) for life in each]}
        print(f"\n{consoles} consoles; gently: {_rate(chosen, consoles):g} alarms a second\n")
        _print(consoles, {name: found[str(consoles)]["together"] for name, found in results.items()})
    if chosen.json:
        options = {name: ",".join(map(str, value)) if isinstance(value, list) else value
                   for name, value in vars(chosen).items()}  # fmt: skip
        stores = {kind.name: {"store": kind.store, "versions": kind.versions} for kind in subjects}
        line(about, options, {"subjects": stores, "results": results})
    bad = [f"{name}, {consoles} consoles: {found['together']['lost']} lost, {found['together']['faults'][:3]}"
           for name, each in results.items() for consoles, found in each.items()
           if found["together"]["lost"] or found["together"]["faults"]]  # fmt: skip
    if bad:
        print("Not everything came:", *bad, sep="\n", file=sys.stderr)
    return 1 if bad else 0


def _rate(chosen: argparse.Namespace, consoles: int) -> float:
    return float(chosen.rate or _RATES.get(consoles, 20.0))


def _life(kind: Kind, chosen: argparse.Namespace, consoles: int) -> Life:
    with workplace(chosen.data) as place:
        return uvloop.run(Measurement(kind.make(Room()), chosen, consoles).run(place))


def _print(consoles: int, results: Mapping[str, Mapping[str, Any]]) -> None:
    """A row for each; what Fujin does beside a peer is told as a ratio: above 1.0 it is ahead."""
    best = max((each["deliveries_s"] for name, each in results.items() if name in _OURS), default=0.0)
    table(("", "deliveries/s", "Fujin's best is", "further frames/s", "server µs per delivery", "store µs per alarm",
           "gently: p50 ms", "p99 ms", "in flight: p50 ms", "p99 ms", "kB per console"),
          [(name, f"{each['deliveries_s']:,.0f}", f"{best / max(1, each['deliveries_s']):.2f} ×",
            f"{each['further_s']:,.0f}", f"{each['server_us']:.1f}", f"{each['store_us']:.0f}",
            f"{each['every_ms']['p50']:.1f}", f"{each['every_ms']['p99']:.1f}",
            f"{each['every_full_ms']['p50']:.1f}", f"{each['every_full_ms']['p99']:.1f}",
            f"{each['console_bytes'] / 1000:.1f}" if consoles >= _MANY else "")
           for name, each in results.items()])  # fmt: skip
    print(flush=True)


def _account(name: str, consoles: int, life: Life) -> None:
    say(f"{name}, {consoles}: {life.deliveries_s:,.0f} deliveries/s, {life.alarms_s:,.0f} alarms/s; cores: server "
        f"{life.cpu_server:.2f}, store {life.cpu_store:.2f}, load {life.cpu_load:.2f}; load late (p99, gently) "
        f"{life.load_late_ms:.1f} ms; lost {life.lost} {life.faults[:1] or ''}")  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
