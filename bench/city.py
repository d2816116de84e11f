"""A city: 2,000 stations, 10,000 consoles, alarms everywhere. How many a second does a hub's core sustain, how late?

`python -m bench.city`; see the README here. Sustained is what 99 of 100 consoles had within `--aim` milliseconds, at
every rate tried up to there. Clocks: citizens and consoles are one process, so there is one.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import resource
import sys
from contextlib import AsyncExitStack, suppress
from dataclasses import asdict
from math import log, sqrt
from pathlib import Path
from time import monotonic
from typing import Any

import uvloop

from bench.crowd import MEASURES, Came, Crowd
from bench.grid import grid, signed_in, without_clips
from bench.hub import Hub, cpu_s, memory_bytes, store_pid, waited_s, workplace
from bench.load import own_lateness
from bench.report import Figures, figures, head, line, machine, say, table
from dispatch.store import checks as store
from dispatch.store.embedded import EmbeddedStore

_MIB = 2**20
_WARM_UP = (20.0, 2.0)
_SPARE_FILES = 4000
_MOST_STEPS = 12
_CLOSED_S = 1.5  # after it was acknowledged, an alarm is over for everyone
_AHEAD_S = 0.2


class City:
    """The scenario with so many hubs on one store.

    Args:
        place: an empty folder.
        chosen: the command line's.
        hubs: how many.
    """

    def __init__(self, place: Path, chosen: argparse.Namespace, hubs: int) -> None:
        self._place = place
        self._chosen = chosen
        self._count = hubs
        self._hubs: list[Hub] = []
        self._store = 0
        self._idle: dict[str, float] = {}

    async def run(self) -> dict[str, Any]:
        chosen = self._chosen
        town = grid(self._place / "config", chosen.stations, chosen.consoles, calm=not chosen.handled_s)
        embedded = EmbeddedStore(self._place / "a" / "store")
        async with AsyncExitStack() as stack:
            await asyncio.to_thread(embedded.start)
            stack.push_async_callback(asyncio.to_thread, embedded.leave)
            self._store = store_pid(self._place / "a")
            redis = store.connect(embedded.url, "bench")
            stack.push_async_callback(redis.aclose)
            await redis.config_set("appendfsync", "no")  # nothing is measured yet
            cookies = await signed_in(redis, town, town.stations)
            await redis.config_set("appendfsync", "always")
            for name in "ab"[: self._count]:
                hub = Hub(self._place / name, town.folder, embedded.url, {"DISPATCH_SERVE_DEMO": "false"})
                without_clips(hub.data, town.settings)
                stack.push_async_callback(asyncio.to_thread, hub.stop)
                await asyncio.to_thread(hub.start)
                self._hubs.append(hub)
            pinned = _pin([hub.pid for hub in self._hubs], self._store)
            say(f"{self._count} hub(s), {len(town.stations)} stations; {pinned}")
            before = [memory_bytes(hub.pid) for hub in self._hubs]
            crowd = Crowd(town, cookies, self._hubs, chosen.handled_s)
            stack.push_async_callback(crowd.leave)
            began = monotonic()
            await crowd.sit_down()
            say(f"{len(crowd.consoles.all)} consoles are ready after {monotonic() - began:.0f} s")
            gc.collect()
            gc.freeze()
            gc.disable()
            stack.callback(gc.enable)
            after = [memory_bytes(hub.pid) for hub in self._hubs]
            self._idle = await self._cpu(chosen.idle_s)
            say(f"with no alarm, of a core: hubs {self._idle['hubs']:.1%}, store {self._idle['store']:.1%}, "
                f"this load {self._idle['load']:.1%}")  # fmt: skip
            await crowd.press(*_WARM_UP, most_under_way=10_000)
            steps = [await self._step(crowd, rate) for rate in chosen.rate] if chosen.rate else await self._climb(crowd)
            stored = memory_bytes(self._store)
        sustained = max((step for step in steps if step["sustained"]), key=lambda step: step["rate"], default=None)
        consoles = len(town.stations) * chosen.consoles
        return {
            "hubs": self._count, "pinned": pinned, "stations": len(town.stations), "consoles": consoles,
            "idle_cores": self._idle, "steps": steps, "sustained": sustained,
            "hub_bytes": after, "of_a_console_bytes": (sum(after) - sum(before)) / consoles,
            "store_bytes": stored,
        }  # fmt: skip

    async def _climb(self, crowd: Crowd) -> list[dict[str, Any]]:
        """Twice the rate at each step until it is not sustained; then between, until it is known well enough."""
        steps: list[dict[str, Any]] = []
        rate, held, missed = self._chosen.begin, 0.0, 0.0
        while len(steps) < _MOST_STEPS and not (held and missed and missed / held < self._chosen.within):
            steps.append(await self._step(crowd, round(rate)))
            if steps[-1]["sustained"]:
                held = rate
            else:
                missed = rate
            rate = sqrt(held * missed) if held and missed else held * 2 or missed / 2
            if rate < 1:
                break
        return steps

    async def _step(self, crowd: Crowd, rate: float) -> dict[str, Any]:
        lag: list[float] = []
        measuring = asyncio.create_task(own_lateness(lag))
        before_s = self._chosen.handled_s and self._chosen.handled_s + _CLOSED_S
        used = asyncio.create_task(self._cpu(self._chosen.seconds, before_s + _AHEAD_S))
        came = await crowd.press(rate, self._chosen.seconds, int(2 * rate) + 100, before_s)
        cores = await used
        measuring.cancel()
        step = self._told(rate, came, cores) | {"load_late_ms": asdict(figures(lag))}
        each = Figures(**step["ms"]["each"])
        shares = ", ".join(f"{name} {cores[name]:.2f}" for name in ("hubs", "store", "load"))
        say(f"{rate:g}/s: each console p50 {each.p50:.1f} ms, p99 {each.p99:.1f} ms; of a core: {shares}; hubs waited "
            f"for {cores['waited']:.2f}; load late (p99) {figures(lag).p99:.1f} ms"
            + (f"; overloaded after {came.lasted_s:.1f} s" if came.overloaded else ""))  # fmt: skip
        gc.collect()
        return step

    def _told(self, rate: float, came: Came, cores: dict[str, float]) -> dict[str, Any]:
        ms = {name: figures(came.took[name]) for name in MEASURES}
        wrong = came.overloaded or came.cut or came.refused or came.lost or came.gaps or came.faults
        return {
            "rate": rate, "alarms": came.alarms, "overloaded": came.overloaded, "lost": came.lost, "gaps": came.gaps,
            "cut": came.cut, "refused": came.refused, "faults": came.faults, "frames": came.frames,
            "ms": {name: asdict(each) for name, each in ms.items()}, "cores": cores,
            "sustained": not wrong and ms["each"].p99 <= self._chosen.aim,
            "hub_us_per_alarm": (cores["hubs"] - self._idle["hubs"]) / rate * 1e6,
            "store_us_per_alarm": (cores["store"] - self._idle["store"]) / rate * 1e6,
            "per_hub_core": rate / cores["hubs"],
        }  # fmt: skip

    async def _cpu(self, seconds: float, after_s: float = 0.0) -> dict[str, float]:
        """Cores that the hubs (together), the store and this process use, and for which the hubs wait in vain."""
        await asyncio.sleep(after_s)
        began, before = monotonic(), self._used()
        await asyncio.sleep(seconds)
        lasted = monotonic() - began
        return {name: (now - then) / lasted for (name, now), then in zip(self._used().items(), before.values(),
                                                                         strict=True)}  # fmt: skip

    def _used(self) -> dict[str, float]:
        hubs = sum(cpu_s(hub.pid) for hub in self._hubs)
        waited = sum(waited_s(hub.pid) for hub in self._hubs)
        return {"hubs": hubs, "store": cpu_s(self._store), "load": cpu_s(os.getpid()), "waited": waited}


def _pin(hubs: list[int], store_process: int) -> str:
    """Each hub on a core of its own, the store and this process on what is left; in words."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) <= 1:
        return "nothing is pinned: there is one core"
    rest = cores[len(hubs) :] or cores
    for pid, on in [*((pid, {core}) for pid, core in zip(hubs, cores, strict=False)), (store_process, set(rest)),
                    (os.getpid(), set(rest))]:  # fmt: skip
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with suppress(OSError):  # it has ended
                os.sched_setaffinity(int(thread.name), on)
    names = ", ".join(f"hub {number + 1} on core {core}" for number, core in enumerate(cores[: len(hubs)]))
    shared = "which the hubs have too" if rest is cores else "which no hub has"
    return f"{names}; store and load on {len(rest)} core(s), {shared}"


def _enough_files(wanted: int) -> None:
    """As many open files as that, for the hubs too, which inherit it.

    Raises:
        SystemExit: the system does not allow so many.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most < wanted:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))
            return
        sys.exit(f"{wanted} files must be open at once, and the system allows {most}: raise it (ulimit -Hn)")


def main() -> int:
    """Measure and print; 1 when an alarm, an event or a receipt did not come."""
    parser = argparse.ArgumentParser(prog="python -m bench.city", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--stations", type=int, default=2000, help="2000")
    parser.add_argument("--consoles", type=int, default=5, help="of each station (5)")
    parser.add_argument("--hubs", type=int, choices=(1, 2), action="append", help="on one store; 1 and then 2 without")
    parser.add_argument("--rate", type=float, action="append", help="alarms a second; several times; searched without")
    parser.add_argument("--begin", type=float, default=50, help="rate at which the search begins (50)")
    parser.add_argument("--within", type=float, default=1.15, help="until the next rate is so near the last (1.15)")
    parser.add_argument("--aim", type=float, default=100, help="p99 to each console, ms (100)")
    parser.add_argument("--seconds", type=float, default=10, help="of each rate (10)")
    parser.add_argument("--idle", type=float, default=10, dest="idle_s", help="seconds without an alarm (10)")
    parser.add_argument(
        "--handled", type=float, default=4, metavar="S", dest="handled_s",
        help="seconds until an officer acknowledges, then closes (4); 0 for never, and nothing escalates either",
    )  # fmt: skip
    parser.add_argument("--data", type=Path, help="where to make the data folders: the disk that is synced to")
    parser.add_argument("--json", action="store_true", help="one line of JSON with everything at the end")
    chosen = parser.parse_args()
    _enough_files(chosen.stations * chosen.consoles + _SPARE_FILES)

    about = machine(chosen.data)
    head(about, f"{chosen.stations} stations with {chosen.consoles} consoles each; built-in store, appendfsync always")
    results = []
    free = os.sched_getaffinity(0)
    for hubs in chosen.hubs or (1, 2):
        with workplace(chosen.data) as place:
            results.append(uvloop.run(City(place, chosen, hubs).run()))
        os.sched_setaffinity(0, free)
        _print(results[-1], chosen.aim)
    _compare(results)
    if chosen.json:
        options = {**vars(chosen), "hubs": str(chosen.hubs or ""), "rate": str(chosen.rate or "")}
        line(about, options, {"results": results})
    bad = [step for found in results for step in found["steps"] if step["lost"] or step["gaps"] or step["faults"]]
    if bad:
        print("Not everything came:", [(s["rate"], s["lost"], s["gaps"], s["faults"]) for s in bad], file=sys.stderr)
    return 1 if bad else 0


def _print(found: dict[str, Any], aim: float) -> None:
    print(f"{found['hubs']} hub(s): {found['pinned']}\n")
    columns = ("alarms/s", "p50 ms, first", "each", "every", "p99 ms, first", "each", "every", "hubs, cores",
               "store, cores", "hub µs per alarm", "store µs", "alarms/s per hub core")  # fmt: skip
    rows = []
    for step in sorted(found["steps"], key=lambda step: float(step["rate"])):
        ms = [f"{step['ms'][name][which]:.1f}" for which in ("p50", "p99") for name in ("first", "each", "every")]
        cores = [f"{step['cores'][who]:.2f}" for who in ("hubs", "store")]
        per = [f"{step[name]:.0f}" for name in ("hub_us_per_alarm", "store_us_per_alarm", "per_hub_core")]
        rows.append((f"{step['rate']:g}{' (overloaded)' if step['overloaded'] else ''}", *ms, *cores, *per))
    table(columns, rows)
    best, idle = found["sustained"], found["idle_cores"]
    said = f"{best['rate']:g} alarms/s" if best else "no rate"
    print(f"\nSustained with p99 to each console of at most {aim:g} ms: {said}. With no alarm: hubs "
          f"{idle['hubs']:.1%}, store {idle['store']:.1%} of a core. Memory: {sum(found['hub_bytes']) / _MIB:.0f} MiB "
          f"of hubs, {found['of_a_console_bytes'] / 1024:.1f} KiB for each console.\n", flush=True)  # fmt: skip


def _compare(results: list[dict[str, Any]]) -> None:
    """Two hubs against one: by what was sustained, and by what their cores did where each hub had as many alarms."""
    of = {found["hubs"]: found for found in results}
    if 1 not in of or 2 not in of:
        return
    steps = [[step for step in of[hubs]["steps"] if not step["overloaded"]] for hubs in (1, 2)]
    pairs = [(abs(log(two["rate"] / one["rate"] / 2)), one, two) for one in steps[0] for two in steps[1]]
    if pairs:
        _, one, two = min(pairs, key=lambda pair: pair[0])
        print(f"Two hubs to one, by the work of their cores at {two['rate']:g} and {one['rate']:g} alarms/s, with a "
              f"core for each: {2 * two['per_hub_core'] / one['per_hub_core']:.2f}.")  # fmt: skip
    if of[1]["sustained"] and of[2]["sustained"]:
        print(f"By the alarms/s sustained: {of[2]['sustained']['rate'] / of[1]['sustained']['rate']:.2f}.")
    print()


if __name__ == "__main__":
    sys.exit(main())
