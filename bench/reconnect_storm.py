"""Consoles cut at once by kill -9 of their hub: until when are all live again with what they missed?

`python -m bench.reconnect_storm`; see the README here. Alarms go on meanwhile, and how late they are is told too.
Consoles come back as the page does, by its own waiting times.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import random
import sys
from array import array
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

import uvloop

from bench.citizens import INSIDE, Citizen, stored
from bench.hub import Hub, workplace
from bench.load import Console, Consoles, own_lateness
from bench.report import Figures, figures, head, line, machine, say, table

MODES = {
    "restart": "one hub, killed and started again at once",
    "two": "two hubs on one store, one killed, its consoles go to the other",
}
_QUIET_S = 2.0
_QUIET_WITHIN_S = 90.0
_BEFORE_S = 5.0
_LIVE_WITHIN_S = 120.0
_DRAIN_S = 30.0
_CITIZEN_AGAIN_S = 0.5
_TAKEN_S = 2.0
_AT_ONCE_S = 0.05
_LEAST_WAIT_S, _FIRST_WAIT_S, _MOST_WAIT_S = 0.2, 1.0, 5.0
"""Of the page (`clients/web/shared/link.js`): a random wait, of which the longest doubles at each try."""


@dataclass(slots=True, eq=False)
class Seat:
    """One officer's place: its console, or the next one when that was cut. `live_at` is None while it is not live."""

    number: int
    station: str
    cookie: str
    console: Console | None = None
    live_at: float | None = None
    back_at: float | None = None
    tries: int = 0
    after: tuple[str, int] | None = None
    had: set[bytes] = field(default_factory=set)


@dataclass(slots=True)
class Press:
    """One alarm: pressed, told stored, and by how many seats it is still to be had."""

    station: str
    at: float
    stored_at: float = 0.0
    first_at: float = 0.0
    left: int = 0


class Storm:
    """One mode.

    Args:
        place: an empty folder.
        chosen: the command line's.
        two: whether there is a second hub, which stays.
    """

    def __init__(self, place: Path, chosen: argparse.Namespace, two: bool) -> None:
        self._chosen = chosen
        self._first = Hub(place / "a")
        self._hubs = [self._first]
        if two:
            self._hubs.append(Hub(place / "b", store=f"unix://{(place / 'a' / 'store' / 'store.sock').absolute()}"))
        self._seats: dict[int, Seat] = {}
        self._consoles = Consoles(self._arrived, self._lost)
        self._presses: dict[bytes, Press] = {}
        self._late = array("d")  # from the press to each console that was live then
        self._lag: list[float] = []
        self._over = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._slowest = (0.0, 0.0)  # how slow (ms), and when it was pressed
        self._snapshots = 0

    async def run(self) -> dict[str, Any]:
        try:
            for hub in self._hubs:
                await asyncio.to_thread(hub.start)
            await self._sit_down()
            gc.collect()
            gc.freeze()
            gc.disable()
            self._spawn(own_lateness(self._lag))
            return await self._cut()
        finally:
            gc.enable()
            self._over = True
            try:
                for task in self._tasks:
                    task.cancel()
                for seat in self._seats.values():
                    if seat.console is not None:
                        seat.console.stop()
            finally:
                for hub in self._hubs:
                    await asyncio.to_thread(hub.stop)

    # -- the scenario ------------------------------------------------------------------------------------------------

    async def _sit_down(self) -> None:
        """Every console live and ready, and nothing under way any more."""
        stations = sorted({station for _, _, station in self._first.officers()})
        cut, stay = self._chosen.consoles, self._chosen.staying if len(self._hubs) > 1 else 0
        say(f"{cut} consoles, {stay} more on the hub that stays")
        numbers: dict[str, list[int]] = {station: [] for station in stations}
        for number in range(cut + stay):
            numbers[stations[number % len(stations)]].append(number)
        for station, seats in numbers.items():
            cookies = await asyncio.to_thread(self._first.cookies, station, len(seats))
            for number, cookie in zip(seats, cookies, strict=True):
                self._seats[number] = Seat(number, station, cookie)
        for seat in self._seats.values():
            await self._join(seat, self._hubs[0] if seat.number < cut else self._hubs[-1])
        await self._quiet()

    async def _cut(self) -> dict[str, Any]:
        began = monotonic()
        citizens = asyncio.create_task(self._press_on(began))
        await asyncio.sleep(_BEFORE_S)
        cut = [seat for seat in self._seats.values() if seat.number < self._chosen.consoles]
        say(f"kill -9 of the hub of {len(cut)} consoles")
        killed = monotonic()
        self._first.kill()
        answers_at = killed
        if len(self._hubs) == 1:
            await asyncio.to_thread(self._first.spawn)
            while not await asyncio.to_thread(self._first.ready):
                await asyncio.sleep(0.02)
            answers_at = monotonic()
        while any(seat.back_at is None for seat in cut) and monotonic() < killed + _LIVE_WITHIN_S:
            await asyncio.sleep(0.05)
        say(f"all are live again after {monotonic() - killed:.1f} s; alarms go on")
        await citizens
        end = monotonic() + _DRAIN_S
        while any(press.left for press in self._presses.values()) and monotonic() < end:
            await asyncio.sleep(0.05)
        back = [seat.back_at - killed for seat in cut if seat.back_at is not None]
        presses = self._presses.values()
        away = [press for press in presses if killed <= press.at <= answers_at]
        late = {
            "live": self._late,
            "first": [(press.first_at - press.at) * 1000 for press in presses if press.first_at and press not in away],
            "first_away": [(press.first_at - press.at) * 1000 for press in away if press.first_at],
            "receipt": [(press.stored_at - press.at) * 1000 for press in presses if press.stored_at],
        }
        return {
            "back_s": asdict(figures(back)), "came_back": len(back), "by_snapshot": self._snapshots,
            "hub_answers_s": answers_at - killed, "alarms": len(presses), "alarms_while_none_answered": len(away),
            "late_ms": {name: asdict(figures(took)) for name, took in late.items()},
            "slowest_pressed_after_the_kill_s": self._slowest[1] - killed,
            "not_had": sum(press.left for press in presses),
            "not_stored": sum(1 for press in presses if not press.stored_at),
            "gaps": self._consoles.gaps, "faults": self._consoles.faults[:5],
            "away": sum(1 for seat in self._seats.values() if seat.live_at is None),
            "frames": self._consoles.frames, "load_late_ms": asdict(figures(self._lag)),
        }  # fmt: skip

    # -- consoles ----------------------------------------------------------------------------------------------------

    async def _join(self, seat: Seat, hub: Hub) -> None:
        """Be connected, subscribed and ready.

        Raises:
            OSError: the hub is not there, or not any more.
        """
        console = Console(self._consoles, seat.number, hub.url, seat.cookie, seat.station, seat.after)
        seat.console = console
        await console.connect()
        console.subscribe()
        await asyncio.wait_for(console.subscribed, _LIVE_WITHIN_S)
        if seat.console is not console or self._over:
            raise ConnectionError("cut again")
        seat.live_at = monotonic()
        seat.tries = 0
        self._snapshots += bool(seat.after) and not console.recovered
        console.ready()

    def _lost(self, console: Console) -> None:
        seat = self._seats[console.number]
        if self._over or seat.console is not console:
            return
        if console.epoch:
            seat.after = (console.epoch, console.last)
        seat.console, seat.live_at = None, None
        if not console.subscribed.done():
            console.subscribed.set_exception(ConnectionError("cut"))
            console.subscribed.exception()  # somebody may no longer wait for it
        if console.opened.done() and not console.opened.exception():
            self._spawn(self._come_back(seat))

    async def _come_back(self, seat: Seat) -> None:
        while not self._over:
            most = min(_MOST_WAIT_S, _FIRST_WAIT_S * 2**seat.tries)
            seat.tries += 1
            await asyncio.sleep(_AT_ONCE_S if self._chosen.at_once else random.uniform(_LEAST_WAIT_S, most))
            try:
                await self._join(seat, self._hubs[-1])
            except (OSError, TimeoutError):
                seat.console, seat.live_at = None, None
                continue
            seat.back_at = monotonic()
            return

    async def _quiet(self) -> None:
        """Wait until no event comes any more."""
        frames, since, end = -1, monotonic(), monotonic() + _QUIET_WITHIN_S
        while monotonic() - since < _QUIET_S and monotonic() < end:
            if self._consoles.frames != frames:
                frames, since = self._consoles.frames, monotonic()
            await asyncio.sleep(0.05)
        say(f"all live and ready; {frames} events were delivered for that")

    # -- alarms ------------------------------------------------------------------------------------------------------

    async def _press_on(self, began: float) -> None:
        """Citizens press at random instants, at every station."""
        count = round(self._chosen.rate * self._chosen.seconds)
        instants = sorted(random.uniform(0, self._chosen.seconds) for _ in range(count))
        stations = sorted({seat.station for seat in self._seats.values()})
        async with asyncio.TaskGroup() as group:
            for number, instant in enumerate(instants):
                await asyncio.sleep(max(0.0, began + instant - monotonic()))
                group.create_task(self._press(stations[number % len(stations)]))

    async def _press(self, station: str) -> None:
        """One citizen: presses, and again until it is stored, on whichever hub answers."""
        citizen = Citizen()
        body = json.dumps({**citizen.body, "position": INSIDE[station]}).encode()
        seats = [seat for seat in self._seats.values() if seat.station == station]
        press = Press(station, monotonic(), left=len(seats))
        self._presses[citizen.id.encode()] = press
        hubs = random.sample(self._hubs, len(self._hubs))
        for tried in range(int(_LIVE_WITHIN_S / _CITIZEN_AGAIN_S)):
            if await stored(hubs[tried % len(hubs)].url, body):
                break
            if tried % len(hubs) == len(hubs) - 1:
                await asyncio.sleep(_CITIZEN_AGAIN_S)
        else:
            return
        press.stored_at = monotonic()
        await asyncio.sleep(_TAKEN_S)
        live = [seat.console for seat in seats if seat.console is not None and seat.live_at is not None]
        if live:
            random.choice(live).acknowledge(citizen.id, 1.0)

    def _arrived(self, console: Console, alarm: bytes, now: float) -> None:
        press = self._presses.get(alarm)
        seat = self._seats[console.number]
        if press is None or alarm in seat.had or seat.station != press.station:
            return
        seat.had.add(alarm)
        press.left -= 1
        if not press.first_at:
            press.first_at = now
        if seat.live_at is not None and seat.live_at < press.at:
            took = (now - press.at) * 1000
            self._late.append(took)
            self._slowest = max(self._slowest, (took, press.at))
        elif seat.back_at is not None and press.stored_at and press.stored_at < seat.back_at:
            seat.back_at = now  # it was not yet there with all that it missed

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def main() -> int:
    """Measure and print; 1 when a console did not come back or something was lost."""
    parser = argparse.ArgumentParser(prog="python -m bench.reconnect_storm", description="Consoles cut at once.")
    parser.add_argument("--consoles", type=int, default=2000, help="cut at once, spread over the stations (2000)")
    parser.add_argument("--staying", type=int, default=200, help="on the hub that stays (200)")
    parser.add_argument("--mode", choices=list(MODES), action="append", help="both without")
    parser.add_argument("--at-once", action="store_true", help="consoles try every 50 ms: what the hub itself needs")
    parser.add_argument("--rate", type=float, default=2, help="alarms a second meanwhile (2)")
    parser.add_argument("--seconds", type=float, default=40, help=f"of alarms; the cut is after {_BEFORE_S:g} (40)")
    parser.add_argument("--data", type=Path, help="where to make the data folders: the disk that is synced to")
    parser.add_argument("--json", action="store_true", help="one line of JSON with everything at the end")
    chosen = parser.parse_args()

    about = machine(chosen.data)
    head(about, f"{chosen.consoles} ready consoles cut at once by kill -9; {chosen.rate:g} alarms a second; built-in "
                f"store, appendfsync always")  # fmt: skip
    results = {}
    for mode in chosen.mode or list(MODES):
        with workplace(chosen.data) as place:
            results[mode] = uvloop.run(Storm(place, chosen, mode == "two").run())
    _print(results)
    if chosen.json:
        line(about, {**vars(chosen), "mode": chosen.mode and ",".join(chosen.mode)}, {"results": results})
    bad = {mode: found for mode, found in results.items()
           if any(found[name] for name in ("not_had", "not_stored", "gaps", "away"))}  # fmt: skip
    if bad:
        print("Not everything came:", json.dumps(bad, ensure_ascii=False), file=sys.stderr)
    return 1 if bad else 0


def _print(results: dict[str, dict[str, Any]]) -> None:
    for mode, found in results.items():
        print(f"{MODES[mode]}: {found['came_back']} came back, {found['by_snapshot']} of them by a snapshot; "
              f"{found['alarms']} alarms, {found['not_had']} not had by a console, {found['gaps']} gaps\n")  # fmt: skip
        late = {name: Figures(**each) for name, each in found["late_ms"].items()}
        rows = [("from the kill until live with all that was missed, s", *_shown(Figures(**found["back_s"]), 2)),
                ("from the press to each console that was live, ms", *_shown(late["live"])),
                ("from the press to the first console, ms", *_shown(late["first"]))]  # fmt: skip
        if found["alarms_while_none_answered"]:
            rows.append((f"the same, pressed in the {found['hub_answers_s']:.1f} s in which no hub answered, ms",
                         *_shown(late["first_away"])))  # fmt: skip
        rows.append(("from the press to the citizen's receipt, ms", *_shown(late["receipt"])))
        table(("", "p50", "p99", "worst"), rows)
        print()
        lag = found["load_late_ms"]
        slowest_s = found["slowest_pressed_after_the_kill_s"]
        say(f"the slowest was pressed {slowest_s:.1f} s after the kill; {found['frames']} events were delivered; "
            f"load late: {lag['p99']:.0f} ms (p99), {lag['worst']:.0f} ms")  # fmt: skip


def _shown(late: Figures, digits: int = 0) -> tuple[str, str, str]:
    return f"{late.p50:.{digits}f}", f"{late.p99:.{digits}f}", f"{late.worst:.{digits}f}"


if __name__ == "__main__":
    sys.exit(main())
