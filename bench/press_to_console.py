"""How long from a citizen's press to the frame at the officers' consoles, with the store synced at every append.

`python -m bench.press_to_console`; see the README here. Presses come at random (Poisson) and do not wait for one
another. Clocks: sender and consoles are one process, so there is one.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import random
import resource
import sys
from array import array
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from time import monotonic

import uvloop

from bench.citizens import INTAKES, Citizen
from bench.hub import Hub, serving
from bench.load import STATION, Console, Consoles
from bench.report import Figures, figures, machine

_STAYS_S = 10.0  # how long a citizen's page stays connected
_AHEAD_S = 0.5  # its connection is there before the press
_DRAIN_S = 20.0
_WARM_UP = 20
MEASURES = {
    "receipt": "the citizen's receipt",
    "first": "the first console",
    "each": "each console",
    "every": "every console (the last)",
}


@dataclass(frozen=True, slots=True)
class Round:
    """One round. CPU is in cores: 1.0 is one core all the time."""

    alarms: int
    lost: int
    gaps: int
    faults: list[str]
    frames: int
    figures: dict[str, Figures]
    load_late_ms: float
    cpu_hub: float
    cpu_store: float
    cpu_load: float


class Press:
    """One alarm on its way to `left` more consoles."""

    __slots__ = ("at", "first", "left")

    def __init__(self, at: float, left: int) -> None:
        self.at = at
        self.first = 0.0
        self.left = left


class Measurement:
    """One rate and one intake on a running hub.

    Args:
        hub: it.
        consoles: how many.
        intake: `http` or `socket`.
        handled_s: seconds until an officer acknowledges and, a second later, closes; 0 for never.
    """

    def __init__(self, hub: Hub, consoles: int, intake: str, handled_s: float) -> None:
        self._hub = hub
        self._wanted = consoles
        self._citizen = INTAKES[intake]
        self._handled_s = handled_s
        self._consoles = Consoles(self._arrived)
        self._under_way: dict[bytes, Press] = {}
        self._took: dict[str, array[float]] = {}
        self._late = array("d")
        self._sent = 0

    async def run(self, rate: float, seconds: float, rounds: int) -> list[Round]:
        """Measure: a short round that does not count, then `rounds`."""
        await self._consoles.open(self._hub.url, self._hub.cookies(STATION, self._wanted))
        gc.collect()
        gc.freeze()
        gc.disable()  # the load's own pauses are not the hub's
        try:
            await self._round(min(rate, 10), _WARM_UP / min(rate, 10))
            return [await self._round(rate, seconds) for _ in range(rounds)]
        finally:
            gc.enable()
            await self._consoles.shut()

    async def _round(self, rate: float, seconds: float) -> Round:
        self._took = {name: array("d") for name in MEASURES}
        self._late = array("d")
        self._sent, self._consoles.closed = 0, 0
        frames, gaps, faults = self._consoles.frames, self._consoles.gaps, len(self._consoles.faults)
        alarms = max(1, round(rate * seconds))
        instants = sorted(random.uniform(0, seconds) for _ in range(alarms))
        began, cpu, own = monotonic(), self._hub.cpu_s(), _own_cpu_s()
        first = began + _AHEAD_S
        async with asyncio.TaskGroup() as group:
            for instant in instants:
                await _until(first + instant - _AHEAD_S)
                group.create_task(self._alarm(first + instant))
                if len(self._under_way) > 10 * rate + 20:
                    raise RuntimeError(f"{len(self._under_way)} alarms are under way: the hub cannot keep up")
        lasted, cpu_after, own_after = monotonic() - began, self._hub.cpu_s(), _own_cpu_s()
        await self._drain(alarms)
        lost, self._under_way = len(self._under_way), {}
        return Round(
            alarms=alarms, lost=lost, gaps=self._consoles.gaps - gaps, faults=self._consoles.faults[faults:][:5],
            frames=self._consoles.frames - frames,
            figures={name: figures(took) for name, took in self._took.items()},
            load_late_ms=figures(self._late).p99,
            cpu_hub=(cpu_after[0] - cpu[0]) / lasted, cpu_store=(cpu_after[1] - cpu[1]) / lasted,
            cpu_load=(own_after - own) / lasted,
        )  # fmt: skip

    async def _alarm(self, instant: float) -> None:
        """One citizen: connects, presses at `instant`, gets the receipt, stays, leaves."""
        citizen: Citizen = self._citizen()
        await citizen.connect(self._hub.url)
        await _until(instant)
        pressed = monotonic()
        self._under_way[citizen.id.encode()] = Press(pressed, self._wanted)
        citizen.press()
        self._late.append((pressed - instant) * 1000)
        self._sent += 1
        loop = asyncio.get_running_loop()
        if self._handled_s:
            console = self._consoles.all[self._sent % self._wanted]
            loop.call_later(self._handled_s, console.acknowledge, citizen.id, 1.0)
        loop.call_later(_STAYS_S, self._leaves, citizen, pressed)

    def _leaves(self, citizen: Citizen, pressed: float) -> None:
        if citizen.receipt_at is None or citizen.fault:
            self._consoles.faults.append(citizen.fault or "no receipt")
        else:
            self._took["receipt"].append((citizen.receipt_at - pressed) * 1000)
        citizen.leave()

    def _arrived(self, console: Console, alarm: bytes, now: float) -> None:
        press = self._under_way.get(alarm)
        if press is None:
            return
        took = (now - press.at) * 1000
        self._took["each"].append(took)
        if not press.first:
            press.first = now
            self._took["first"].append(took)
        press.left -= 1
        if not press.left:
            self._took["every"].append(took)
            del self._under_way[alarm]

    async def _drain(self, alarms: int) -> None:
        """Let everything that was begun end: every alarm at every console, closed, its citizen gone."""
        end = monotonic() + _DRAIN_S
        while monotonic() < end:
            closed = self._consoles.closed >= alarms or not self._handled_s
            if not self._under_way and closed and len(self._took["receipt"]) >= alarms:
                return
            await asyncio.sleep(0.05)


async def _until(instant: float) -> None:
    await asyncio.sleep(max(0.0, instant - monotonic()))


def _own_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _together(rounds: list[Round]) -> dict[str, Figures]:
    """p50 and p99 as the median of the rounds' own, the worst of all."""
    return {
        name: Figures(
            median(r.figures[name].p50 for r in rounds),
            median(r.figures[name].p99 for r in rounds),
            max(r.figures[name].worst for r in rounds),
        )
        for name in MEASURES
    }


def main() -> int:
    """Measure, print, and (with --json) write; 1 when anything was lost."""
    parser = argparse.ArgumentParser(prog="python -m bench.press_to_console", description=__doc__.splitlines()[0])
    parser.add_argument("--rate", type=float, action="append", help="alarms a second; several times; 1 and 50 without")
    parser.add_argument("--intake", choices=list(INTAKES), action="append", help="both without")
    parser.add_argument("--consoles", type=int, default=100, help="consoles of one station (100)")
    parser.add_argument("--seconds", type=float, help="of one round; 20, or 60 alarms' time below 3 a second")
    parser.add_argument("--rounds", type=int, help="5, or 1 below 3 a second")
    parser.add_argument(
        "--handled",
        type=float,
        default=4.0,
        metavar="S",
        dest="handled_s",
        help="seconds until an officer acknowledges (then closes); 0 for never, and it escalates (4)",
    )
    parser.add_argument("--data", type=Path, help="where to make the data folder: the disk that is synced to")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything here too")
    chosen = parser.parse_args()

    about = machine(chosen.data)
    print("\n".join(f"{name}: {value}" for name, value in about.items()))
    print(f"{chosen.consoles} consoles of one station; built-in store, appendfsync always\n")
    print("| alarms/s | intake | from the press to | p50 ms | p99 ms | worst ms |")
    print("|---:|---|---|---:|---:|---:|")
    results = []
    for rate in chosen.rate or [1.0, 50.0]:
        seconds = chosen.seconds or (20.0 if rate >= 3 else 60 / rate)
        rounds = chosen.rounds or (5 if rate >= 3 else 1)
        for intake in chosen.intake or list(INTAKES):
            with serving(chosen.data) as hub:
                measurement = Measurement(hub, chosen.consoles, intake, chosen.handled_s)
                found = uvloop.run(measurement.run(rate, seconds, rounds))
            for name, each in _together(found).items():
                print(f"| {rate:g} | {intake} | {MEASURES[name]} | {each.p50:.1f} | {each.p99:.1f} | "
                      f"{each.worst:.1f} |", flush=True)  # fmt: skip
            results.append({"rate": rate, "intake": intake, "seconds": seconds, "rounds": [asdict(r) for r in found],
                            "together": {n: asdict(f) for n, f in _together(found).items()}})  # fmt: skip
            _account(found)
    if chosen.json:
        chosen.json.write_text(
            json.dumps({"machine": about, "consoles": chosen.consoles, "results": results}, indent=1)
        )
    lost = [r for result in results for r in result["rounds"] if r["lost"] or r["gaps"] or r["faults"]]
    if lost:
        print("Not everything came:", json.dumps(lost, ensure_ascii=False), file=sys.stderr)
    return 1 if lost else 0


def _account(rounds: list[Round]) -> None:
    """Where the time of the two cores went, on standard error: it is not part of the table."""
    cpu = [median(getattr(r, name) for r in rounds) for name in ("cpu_hub", "cpu_store", "cpu_load")]
    print(f"  {len(rounds)} rounds, {sum(r.alarms for r in rounds)} alarms, {sum(r.frames for r in rounds)} frames,"
          f" lost {sum(r.lost for r in rounds)}, gaps {sum(r.gaps for r in rounds)}; cores used: hub {cpu[0]:.2f},"
          f" store {cpu[1]:.2f}, this load {cpu[2]:.2f}; load late (p99) {max(r.load_late_ms for r in rounds):.1f} ms",
          file=sys.stderr, flush=True)  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
