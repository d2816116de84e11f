"""Hears every step of every alarm as it is stored, and by how much it was late. Never runs or changes anything."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import time
from typing import Any

import orjson

from dispatch.alarm.clock import StoreClock, from_text
from dispatch.alarm.work import Work
from dispatch.stream.doorbell import Doorbell, Ring
from dispatch.stream.stream import Stream


@dataclass(slots=True)
class Run:
    """One deadline that was run: when it was due, by how much it was late (seconds), in `at` and at the doorbell."""

    alarm: str
    due: float
    at: float
    heard: float


@dataclass(slots=True)
class Listener:
    """Hears every event of every station as it is stored, and knows what is due when. `homes`: alarm -> station."""

    dues: dict[str, float] = field(default_factory=dict)
    homes: dict[str, str] = field(default_factory=dict)
    runs: list[Run] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    _seen: set[tuple[str, int, int]] = field(default_factory=set)
    _opened: set[str] = field(default_factory=set)

    async def listen(self, stream: Stream, stations: list[str]) -> Doorbell:
        doorbell = Doorbell(stream, Work(StoreClock()))
        doorbell.heard = self.heard
        for station in stations:
            await doorbell.listen(station)
        return doorbell

    def heard(self, station: str, ring: Ring | None) -> None:
        now = time()
        if ring is None:
            if station in self._opened:
                self.faults.append(f"this measurement lost the doorbell of {station}")
            self._opened.add(station)
            return
        for _, wire in ring.events:
            members = orjson.loads(wire)
            alarm, event = members["alarm"], members["event"]
            if self.homes.get(alarm) != station:
                continue  # an event of the station itself, or the copy for one that was called in
            if event["type"] == "step_run":
                self._ran(alarm, event, members["at"], now)
            if "due" in members["changes"]:
                self.dues[alarm] = _stamp(members["changes"]["due"])

    def _ran(self, alarm: str, event: dict[str, Any], at: str, now: float) -> None:
        step = (alarm, event["step"], event["loop"])
        if step in self._seen:
            self.faults.append(f"step {event['step']}, round {event['loop']} of an alarm was run twice")
        self._seen.add(step)
        due = self.dues[alarm]
        self.runs.append(Run(alarm, due, _stamp(at) - due, now - due))
        if now < due - 0.005:
            self.faults.append(f"a deadline was run {due - now:.3f} s too early")

    def of(self, since: float, until: float, alarms: set[str] | None = None) -> list[Run]:
        """What was due from `since` to `until`, of these alarms, and was run."""
        return [run for run in self.runs if since <= run.due < until and (alarms is None or run.alarm in alarms)]

    def waiting(self, until: float) -> int:
        """Deadlines before `until` that were not run."""
        return sum(1 for due in self.dues.values() if due < until)


def _stamp(text: str) -> float:
    return from_text(text).timestamp()
