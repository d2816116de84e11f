"""Officers at the consoles of many stations, and citizens who press at random, all in one process. Judges nothing.

Consoles confirm, stay ready, acknowledge and close, as real ones do; one that was cut comes back with its position.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import uuid
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any

from bench.citizens import Line, Sent
from bench.grid import Grid
from bench.hub import Hub
from bench.load import Console, Consoles

_AT_ONCE = 64
_SUBSCRIBED_WITHIN_S = 60.0
_QUIET_S = 2.0
_QUIET_WITHIN_S = 120.0
_DRAIN_S = 30.0
_AHEAD_S = 0.2
_AGAIN_S = 0.5
_NOT_STORED = '"code":"not_stored"'
_CLOSED_AFTER_S = 1.0
_OF_ONE_ADDRESS = 20_000  # connections: an address has fewer than 30,000 ports to connect from
MEASURES = {
    "receipt": "the citizen's receipt",
    "first": "the first console",
    "each": "each console",
    "every": "every console of the station (the last)",
}


@dataclass(slots=True)
class Press:
    """One alarm on its way to `left` more consoles of its station; `counts` when its times do."""

    station: str
    at: float
    left: int
    counts: bool
    first: float = 0.0


@dataclass(frozen=True, slots=True)
class Came:
    """What became of the alarms of a while; times in milliseconds.

    `overloaded`: no more were pressed. `refused`: so often the hub said that it was not stored; citizens press again.
    """

    alarms: int
    lasted_s: float
    overloaded: bool
    lost: int
    took: dict[str, array[float]]
    pressed_late: array[float]
    frames: int
    gaps: int
    cut: int
    refused: int
    faults: list[str]


class Crowd:
    """Everyone of a city.

    Args:
        at: its stations.
        cookies: station -> the sign-ins of its officers, a console each.
        hubs: over which consoles and citizens are spread evenly.
        handled_s: from the first console that has an alarm to its acknowledgement, a second before it is closed;
            0 for never.
    """

    def __init__(self, at: Grid, cookies: dict[str, list[str]], hubs: Sequence[Hub], handled_s: float) -> None:
        self._at = at
        self._cookies = cookies
        self._hubs = hubs
        self._handled_s = handled_s
        self._lines = [Line(hub.url) for hub in hubs]
        self._seats: dict[str, list[Console]] = {station: [] for station in cookies}
        self._urls: dict[int, str] = {}
        self._gone: list[Console] = []
        self._over = False
        self._under_way: dict[bytes, Press] = {}
        self._took: dict[str, array[float]] = {}
        self._pressed: dict[bytes, float] = {}
        self._answered, self._refused = 0, 0
        self.consoles = Consoles(self._arrived, self._lost)

    async def sit_down(self) -> None:
        """Every console connected, subscribed and ready, and no event under way any more."""
        waiting: list[tuple[Console, str, int]] = []
        for row in range(max(map(len, self._cookies.values()))):
            for column, (station, cookies) in enumerate(self._cookies.items()):
                if row < len(cookies):
                    number = len(waiting)
                    url = self._hubs[(row + column) % len(self._hubs)].url
                    self._urls[number] = url
                    console = Console(
                        self.consoles, number, url, cookies[row], station, address=_address(number)
                    )  # fmt: skip
                    console.counts_closed = row == 0
                    waiting.append((console, station, row))
        for start in range(0, len(waiting), _AT_ONCE):
            await _join([console for console, _, _ in waiting[start : start + _AT_ONCE]])
        for console, station, _ in waiting:
            self._seats[station].append(console)
            self.consoles.all.append(console)
        frames, since, end = -1, monotonic(), monotonic() + _QUIET_WITHIN_S
        while monotonic() - since < _QUIET_S and monotonic() < end:
            if self.consoles.frames != frames:
                frames, since = self.consoles.frames, monotonic()
            await asyncio.sleep(0.05)

    async def press(self, rate: float, seconds: float, most_under_way: int, before_s: float = 0.0) -> Came:
        """Alarms at `rate` a second at random instants, evenly over the stations, until all were had by everyone.

        Those of the first `before_s` seconds, and what is still done for them later, make it a steady state: their
        times do not count. No more are pressed once `most_under_way` are on their way: the hub cannot keep up.
        """
        consoles = self.consoles
        alarms = max(1, round(rate * (before_s + seconds)))
        self._took = {name: array("d") for name in MEASURES}
        self._answered, self._refused, self._pressed, consoles.closed = 0, 0, {}, 0
        frames, gaps, faults = consoles.frames, consoles.gaps, len(consoles.faults)
        stations = _evenly(list(self._cookies), alarms)
        requests = [self._request(station, number) for number, station in enumerate(stations)]
        instants = sorted(random.uniform(0, before_s + seconds) for _ in range(alarms))
        late = array("d")
        first = monotonic() + _AHEAD_S
        pressed = 0
        for instant, station, sent in zip(instants, stations, requests, strict=True):
            while (wait_s := first + instant - monotonic()) > 0:
                await asyncio.sleep(wait_s)
            if len(self._under_way) > most_under_way:
                break
            at = monotonic()
            late.append((at - first - instant) * 1000)
            self._under_way[sent.alarm] = Press(station, at, len(self._seats[station]), instant >= before_s)
            self._lines[pressed % len(self._lines)].press(sent)
            if instant >= before_s:
                self._pressed[sent.alarm] = at
            pressed += 1
            if not pressed % 16:
                await asyncio.sleep(0)  # who is late must not keep the answers waiting too
        lasted_s = monotonic() - first
        cut = await self._drained(pressed)
        lost, self._under_way = len(self._under_way), {}
        said = consoles.faults[faults:]
        wrong = [each for each in said if _NOT_STORED not in each]
        return Came(
            alarms=pressed, lasted_s=lasted_s, overloaded=pressed < alarms, lost=lost + pressed - self._answered,
            took=self._took, pressed_late=late, frames=consoles.frames - frames, gaps=consoles.gaps - gaps, cut=cut,
            refused=self._refused + len(said) - len(wrong), faults=wrong[:5],
        )  # fmt: skip

    async def leave(self) -> None:
        self._over = True
        for line in self._lines:
            line.close()
        for seats in self._seats.values():
            for console in seats:
                console.stop()

    # -- alarms --------------------------------------------------------------------------------------------------------

    def _request(self, station: str, number: int) -> Sent:
        alarm = str(uuid.uuid4())
        body = {"id": alarm, "secret": secrets.token_urlsafe(24), "text": "门外有人，请快来",
                "position": self._at.place(station)}  # fmt: skip
        return Sent(alarm.encode(), self._lines[number % len(self._lines)].request(body), self._receipt)

    def _receipt(self, sent: Sent, now: float, fault: str) -> None:
        if _NOT_STORED in fault and not self._over:
            self._refused += 1
            asyncio.get_running_loop().call_later(_AGAIN_S, random.choice(self._lines).press, sent)
            return
        self._answered += 1
        at = self._pressed.pop(sent.alarm, None)
        if fault:
            self.consoles.faults.append(fault)
        elif at is not None:
            self._took["receipt"].append((now - at) * 1000)

    def _arrived(self, console: Console, alarm: bytes, now: float) -> None:
        press = self._under_way.get(alarm)
        if press is None or press.station != console.station:
            return
        took = (now - press.at) * 1000
        if press.counts:
            self._took["each"].append(took)
        if not press.first:
            press.first = now
            if press.counts:
                self._took["first"].append(took)
            if self._handled_s:
                loop = asyncio.get_running_loop()
                loop.call_later(self._handled_s, self._acknowledge, press.station, alarm.decode())
        press.left -= 1
        if not press.left:
            if press.counts:
                self._took["every"].append(took)
            del self._under_way[alarm]

    def _acknowledge(self, station: str, alarm: str) -> None:
        if not self._over:
            random.choice(self._seats[station]).acknowledge(alarm, _CLOSED_AFTER_S)

    async def _drained(self, pressed: int) -> int:
        """Wait until everything that was begun has ended; consoles that were cut come back. How many those were."""
        end, cut = monotonic() + _DRAIN_S + self._handled_s, 0
        while monotonic() < end:
            cut += len(self._gone)
            await self._come_back()
            closed = not self._handled_s or self.consoles.closed >= pressed
            if not self._under_way and closed and self._answered >= pressed:
                break
            await asyncio.sleep(0.05)
        return cut

    # -- consoles ------------------------------------------------------------------------------------------------------

    def _lost(self, console: Console) -> None:
        if not self._over and console.subscribed.done():
            self._gone.append(console)

    async def _come_back(self) -> None:
        gone, self._gone = self._gone, []
        for start in range(0, len(gone), _AT_ONCE):
            back = []
            for old in gone[start : start + _AT_ONCE]:
                new = Console(self.consoles, old.number, self._urls[old.number], old.cookie, old.station,
                              (old.epoch, old.last), _address(old.number))  # fmt: skip
                new.counts_closed = old.counts_closed
                seats = self._seats[old.station]
                seats[seats.index(old)] = new
                back.append(new)
            await _join(back)


async def _join(consoles: list[Console]) -> None:
    await asyncio.gather(*(console.connect() for console in consoles))
    for console in consoles:
        console.subscribe()
    await asyncio.wait_for(asyncio.gather(*(console.subscribed for console in consoles)), _SUBSCRIBED_WITHIN_S)
    for console in consoles:
        console.ready()


def _address(number: int) -> str:
    return "" if number < _OF_ONE_ADDRESS else f"127.0.0.{1 + number // _OF_ONE_ADDRESS}"


def _evenly(stations: list[str], count: int) -> list[Any]:
    """`count` of them in random order, each as often as any other, to within one."""
    found: list[str] = []
    while len(found) < count:
        found += random.sample(stations, len(stations))
    return found[:count]
