"""How late deadlines are run with many pending, in a burst, and after a hub was killed; what looking for them costs.

`python -m bench.timers`; see the README here. Lateness is from a deadline to the doorbell of the stored event, both by
this machine's clock, which the store and the hubs follow.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import random
import sys
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from time import monotonic, process_time, time
from typing import Any

import uvloop

from bench.backlog import Maker, Wanted, town
from bench.hub import Hub, cpu_s, store_pid, workplace
from bench.listener import Listener, Run
from bench.load import own_lateness
from bench.report import Figures, figures, head, line, machine, say, table
from dispatch.alarm.clock import StoreClock
from dispatch.alarm.work import Work
from dispatch.settings import Settings
from dispatch.store import checks as store
from dispatch.store.embedded import EmbeddedStore
from dispatch.stream.leases import Leases
from dispatch.stream.stream import Stream

_PROBE = 500
_SLACK = 1.6  # of the time that making the alarms is expected to take
_HUB_STARTS_S = 12.0
_SETTLE_S = 3.0
_BETWEEN_S = 5.0
_DRAIN_S = 60.0
_ROUND_S = 15.0
_LOOKS = 200


@dataclass(frozen=True, slots=True)
class Plan:
    """What is due when: from `begin` on evenly, `due_per_second`; `burst` more in one instant."""

    alarms: int
    due_per_second: float
    burst: int
    seconds: float
    rounds: int
    idle_s: float
    backups: int

    @property
    def repeat_s(self) -> float:
        """Each alarm is due again after so long: the rate goes on for ever."""
        return max(5.0, self.alarms / self.due_per_second)


class Measurement:
    """The scenario on one store.

    Args:
        place: an empty folder.
        config: that of the hubs.
        settings: the same, read.
        plan: what is measured.
    """

    def __init__(self, place: Path, config: Path, settings: Settings, plan: Plan) -> None:
        self._plan = plan
        self._settings = settings
        self._stations = list(settings.boundaries.stations)
        self._data = place / "a"
        self._embedded = EmbeddedStore(self._data / "store")
        url = self._embedded.url
        self._hubs = [Hub(self._data, config), Hub(place / "b", config, url)]
        self._listener = Listener()
        self._burst: set[str] = set()
        self._begin = 0.0

    async def run(self) -> dict[str, Any]:
        """Everything, one part after the other."""
        first = self._hubs[0]
        async with AsyncExitStack() as stack:
            await asyncio.to_thread(self._embedded.start)
            stack.push_async_callback(asyncio.to_thread, self._embedded.leave)
            redis = store.connect(self._embedded.url, "bench")
            stack.push_async_callback(redis.aclose)
            for hub in self._hubs:
                stack.push_async_callback(asyncio.to_thread, hub.stop)
            await asyncio.to_thread(first.start)
            say("nothing pending")
            empty = await self._cpu(self._plan.idle_s)
            await asyncio.to_thread(first.stop)
            await self._fill(redis)
            stream = Stream(redis, self._settings.store.partitions)
            looks = await self._looks(stream)
            await asyncio.to_thread(first.start)
            doorbell = await self._listener.listen(stream, self._stations)
            stack.push_async_callback(doorbell.aclose)
            say(f"{len(self._listener.dues)} pending, nothing due")
            if time() + _SETTLE_S + self._plan.idle_s > self._begin:
                raise RuntimeError("making the alarms took longer than was planned: the machine is too busy")
            audited = first.metric("dispatch_audited_alarms_total")
            idle = await self._cpu(self._plan.idle_s)
            audited = (first.metric("dispatch_audited_alarms_total") - audited) / (self._plan.idle_s + _SETTLE_S)
            steady = await self._steady()
            burst = await self._bursts() if self._plan.burst else None
            takeover = await self._takeovers() if self._plan.rounds else None
            outbox = await redis.llen(stream.keys.outbox)
        late = {"steady": steady, "burst": burst, "takeover": takeover}
        cpu = {"empty": empty, "pending": idle, "looks": looks, "audited_per_s": audited}
        return {"cpu": cpu, **late, "not_copied_yet": outbox,
                "faults": self._listener.faults[:5]}  # fmt: skip

    async def _fill(self, redis: Any) -> None:
        """Make the alarms; those whose deadlines come first are known by then not to come before `_begin`."""
        plan = self._plan
        await redis.config_set("appendfsync", "no")  # nothing is measured meanwhile
        maker = Maker(redis, self._settings, plan.backups)
        began, far = monotonic(), datetime.now(UTC) + timedelta(days=1)
        probes = min(_PROBE, plan.alarms // 10)
        await self._make(maker, [far.timestamp()] * probes)
        took = (monotonic() - began) / probes * (plan.alarms + plan.burst)
        self._begin = time() + took * _SLACK + _HUB_STARTS_S + 2 * _SETTLE_S + plan.idle_s
        dues = [self._begin + n / plan.due_per_second for n in range(plan.alarms - probes)]
        dues += [self._begin + plan.seconds + _BETWEEN_S] * plan.burst
        say(f"making {len(dues)} alarms, in about {took:.0f} s")
        made = await self._make(maker, dues)
        self._burst = set(made[plan.alarms - probes :])
        if plan.backups:  # what called-in stations were sent long ago is no part of this
            await redis.delete(Stream(redis).keys.outbox)
        await redis.config_set("appendfsync", "always")
        while (await redis.info("persistence"))["aof_rewrite_in_progress"]:
            await asyncio.sleep(0.2)
        gc.collect()
        gc.freeze()

    async def _make(self, maker: Maker, dues: list[float]) -> list[str]:
        """An alarm for each of `dues`, the stations in turn."""
        repeat = timedelta(seconds=self._plan.repeat_s)
        homes = [self._stations[number % len(self._stations)] for number in range(len(dues))]
        dues = [int(due * 1000) / 1000 for due in dues]
        made = await maker.open_ones(
            [Wanted(home, datetime.fromtimestamp(due, UTC) - repeat) for home, due in zip(homes, dues, strict=True)]
        )
        self._listener.dues.update(zip(made, dues, strict=True))
        self._listener.homes.update(zip(made, homes, strict=True))
        return made

    async def _looks(self, stream: Stream) -> float:
        """What looking for due deadlines costs, hub and store, of a core: in this process, while no hub runs."""
        timer = self._settings.timer
        leases = Leases(stream, "bench", timer.lease_s, Work(StoreClock()))
        began, before = process_time(), cpu_s(store_pid(self._data))
        for _ in range(_LOOKS):
            await leases.look(datetime.now(UTC))
        used = process_time() - began + cpu_s(store_pid(self._data)) - before
        await leases.release(datetime.now(UTC))
        return used / _LOOKS / timer.poll_s

    async def _cpu(self, seconds: float) -> dict[str, float]:
        """Shares of a core that the first hub and the store use."""
        await asyncio.sleep(_SETTLE_S)
        began, before = monotonic(), self._hubs[0].cpu_s()
        await asyncio.sleep(seconds)
        lasted, after = monotonic() - began, self._hubs[0].cpu_s()
        return {"hub": (after[0] - before[0]) / lasted, "store": (after[1] - before[1]) / lasted}

    async def _steady(self) -> dict[str, Any]:
        end = self._begin + self._plan.seconds
        await _until(self._begin)
        say(f"{self._plan.due_per_second:g} due a second, for {self._plan.seconds:g} s")
        before, cpu = self._histogram(), self._hubs[0].cpu_s()
        lag: list[float] = []
        measuring = asyncio.create_task(own_lateness(lag))
        await _until(end)
        measuring.cancel()
        used = [after - earlier for after, earlier in zip(self._hubs[0].cpu_s(), cpu, strict=True)]
        lost = await self._drained(end)
        within, of = (after - earlier for after, earlier in zip(self._histogram(), before, strict=True))
        runs = self._listener.of(self._begin, end)
        return {**_late(runs), "not_run": lost, "hub_says_within_250_ms": within / of if of else None,
                "cores": {"hub": used[0] / self._plan.seconds, "store": used[1] / self._plan.seconds},
                "load_late_ms": asdict(figures(lag))}  # fmt: skip

    async def _bursts(self) -> dict[str, Any]:
        at = self._begin + self._plan.seconds + _BETWEEN_S
        say(f"{self._plan.burst} more due in one instant")
        await _until(at)
        lost = await self._drained(at + _BETWEEN_S)
        burst = self._listener.of(at - 0.1, at + 0.1, self._burst)
        others = [run for run in self._listener.of(at, at + _BETWEEN_S) if run.alarm not in self._burst]
        return {**_late(burst), "not_run": lost, "others": _late(others)}

    async def _takeovers(self) -> dict[str, Any]:
        """Kill the hub that runs the timers, again and again; the other one goes on."""
        await asyncio.to_thread(self._hubs[1].start)
        rounds = []
        for number in range(self._plan.rounds):
            say(f"takeover, round {number + 1}")
            await asyncio.sleep(_SETTLE_S + random.random())
            if self._listener.waiting(time() - 1):
                await self._drained(time())
            holder = max(self._hubs, key=lambda hub: hub.metric("dispatch_leases"))
            killed = time()
            holder.kill()
            await asyncio.sleep(_ROUND_S / 2)
            lost = await self._drained(killed + _ROUND_S / 2)
            runs = self._listener.of(killed, killed + _ROUND_S / 2)
            first = min((run for run in runs), key=lambda run: run.due, default=None)
            rounds.append({
                "silent_s": min((run.due + run.heard for run in runs), default=float("nan")) - killed,
                "first_s": first.heard if first else float("nan"),
                "worst_s": max((run.heard for run in runs), default=float("nan")),
                "not_run": lost,
            })  # fmt: skip
            await asyncio.to_thread(holder.start)
        return {"rounds": rounds, "not_run": sum(each["not_run"] for each in rounds)}

    async def _drained(self, until: float) -> int:
        """Wait for what was due before `until`; how many deadlines were not run in a minute more."""
        end = time() + _DRAIN_S
        while self._listener.waiting(until) and time() < end:
            await asyncio.sleep(0.05)
        return self._listener.waiting(until)

    def _histogram(self) -> tuple[float, float]:
        """(deadlines that the hub itself says were run within 250 ms, all)."""
        name = "dispatch_deadline_lateness_seconds"
        within, count = self._hubs[0].metrics(f'{name}_bucket{{le="0.25"}}', f"{name}_count")
        return within, count


def _late(runs: list[Run]) -> dict[str, Any]:
    """Milliseconds."""
    return {
        "deadlines": len(runs),
        "stored": asdict(figures(run.heard * 1000 for run in runs)),
        "at": asdict(figures(run.at * 1000 for run in runs)),
    }


async def _until(instant: float) -> None:
    await asyncio.sleep(max(0.0, instant - time()))


def main() -> int:
    """Measure and print; 1 when a deadline was not run, or run too early."""
    parser = argparse.ArgumentParser(prog="python -m bench.timers", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--alarms", type=int, default=100_000, help="open alarms with a deadline each (100000)")
    parser.add_argument("--due-per-second", type=float, default=200, help="of them, evenly (200)")
    parser.add_argument("--burst", type=int, default=1000, help="more, due in one instant (1000); 0 for none")
    parser.add_argument("--seconds", type=float, default=60, help="for which lateness is measured (60)")
    parser.add_argument("--idle", type=float, default=20, dest="idle_s", help="seconds with nothing due (20)")
    parser.add_argument("--rounds", type=int, default=5, help="of killing the hub that runs the timers (5)")
    parser.add_argument("--backups", type=int, default=0, help="stations that each alarm was called in to (0)")
    parser.add_argument("--data", type=Path, help="where to make the data folders: the disk that is synced to")
    parser.add_argument("--json", action="store_true", help="one line of JSON with everything at the end")
    chosen = parser.parse_args()
    plan = Plan(**{name: value for name, value in vars(chosen).items() if name not in ("data", "json")})

    about = machine(chosen.data)
    head(about, f"{plan.alarms} open alarms that nobody took, {plan.due_per_second:g} due a second (each again every "
                f"{plan.repeat_s:g} s); one hub, built-in store, appendfsync always")  # fmt: skip
    with workplace(chosen.data) as place:
        config, settings = town(place / "config", plan.repeat_s)
        found = uvloop.run(Measurement(place, config, settings, plan).run())
    _print(plan, found)
    if chosen.json:
        line(about, vars(chosen), found)
    lost = sum(found[part]["not_run"] for part in ("steady", "burst", "takeover") if found[part])
    if lost or found["faults"]:
        print(f"Not everything was run: {lost} deadlines; {found['faults']}", file=sys.stderr)
    return 1 if lost or found["faults"] else 0


def _print(plan: Plan, found: dict[str, Any]) -> None:
    steady, burst, takeover = found["steady"], found["burst"], found["takeover"]
    rows = [("evenly: stored", steady["deadlines"], steady["stored"]), ("evenly: decided", steady["deadlines"],
                                                                       steady["at"])]  # fmt: skip
    if burst:
        rows += [(f"{plan.burst} at once: stored", burst["deadlines"], burst["stored"]),
                 ("the others meanwhile: stored", burst["others"]["deadlines"], burst["others"]["stored"])]  # fmt: skip
    table(("from the deadline to", "deadlines", "p50 ms", "p99 ms", "worst ms"),
          [(name, f"{count}", *_shown(Figures(**late))) for name, count, late in rows])  # fmt: skip
    within, cores = steady["hub_says_within_250_ms"] or 0.0, steady["cores"]
    say(f"the hub's own histogram: {within:.2%} within 250 ms; cores used: hub {cores['hub']:.2f}, store "
        f"{cores['store']:.2f}; not copied to called-in stations by the end: {found['not_copied_yet']}; load late: "
        f"{steady['load_late_ms']['p99']:.0f} ms (p99), {steady['load_late_ms']['worst']:.0f} ms")  # fmt: skip
    cpu = found["cpu"]
    empty, pending = cpu["empty"], cpu["pending"]
    print()
    table(("with nothing due, of one core", "none pending", f"{plan.alarms} pending", "more"),
          [(who, f"{empty[who]:.2%}", f"{pending[who]:.2%}", f"{pending[who] - empty[who]:.2%}")
           for who in ("hub", "store")])  # fmt: skip
    print(f"Of it, looking for what is due: {cpu['looks']:.2%}, hub and store (measured apart); the rest is the "
          f"auditor, which compared {cpu['audited_per_s']:.0f} alarms a second.")  # fmt: skip
    if takeover:
        rounds = takeover["rounds"]
        print()
        table(("after kill -9 of the hub that runs the timers", "median s", "worst s"),
              [(what, f"{median(each[name] for each in rounds):.2f}", f"{max(each[name] for each in rounds):.2f}")
               for name, what in (("silent_s", "until the other runs one"),
                                  ("first_s", "lateness of the first deadline after it"),
                                  ("worst_s", "worst lateness of any deadline after it"))])  # fmt: skip


def _shown(late: Figures) -> tuple[str, str, str]:
    return f"{late.p50:.0f}", f"{late.p99:.0f}", f"{late.worst:.0f}"


if __name__ == "__main__":
    sys.exit(main())
