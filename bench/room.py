"""One room of consoles and the few citizens who press into it: every alarm is to reach every console.

What is pressed, had and lost is counted here, for whichever server is measured; how it is spoken to is its `Subject`'s.
Costs next to nothing for each delivery. Field's terms: closed loop (as many in flight as citizens), open loop.
"""

from __future__ import annotations

import uuid
from abc import ABC, abstractmethod
from array import array
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from bench.hub import cpu_s, memory_bytes


@dataclass(slots=True, eq=False)
class Press:
    """One alarm on its way to `left` more consoles."""

    at: float
    left: int
    presser: Presser
    answered: bool = False


class Presser(ABC):
    """A connection over which one alarm after another is sent; one at a time."""

    def __init__(self) -> None:
        self.press: Press | None = None
        self.room: Room

    @abstractmethod
    async def connect(self, url: str) -> None: ...

    @abstractmethod
    def send(self, alarm: str) -> None:
        """Send a new alarm of this id."""

    @abstractmethod
    def close(self) -> None: ...

    def answered(self, fault: str = "") -> None:
        """The server has answered, and perhaps refused."""
        if self.press is None or fault:
            self.room.faults.append(fault or "an answer to nothing")
            return
        self.press.answered = True
        if not self.press.left:
            self.room.free(self)


class Room:
    """What was pressed and who has had it."""

    def __init__(self) -> None:
        self.consoles = 0
        self.pressed = 0
        self.deliveries = 0  # an alarm that one console had
        self.frame_bytes = 0  # of the latest alarm, as a console got it
        self.faults: list[str] = []
        self.every_ms = array("d")  # from each press until the last console had it
        self.idle: deque[Presser] = (
            deque()
        )  # the one that was free longest presses next, so that none is closed as idle
        self.again = False  # whoever is free presses again at once
        self._waiting: deque[float] = deque()
        self._under_way: dict[bytes, Press] = {}

    @property
    def under_way(self) -> int:
        return len(self._under_way) + len(self._waiting)

    @property
    def lost(self) -> int:
        """Deliveries that have not come (yet)."""
        return sum(press.left for press in self._under_way.values()) + len(self._waiting) * self.consoles

    def join(self, presser: Presser) -> None:
        presser.room = self
        self.idle.append(presser)

    def press(self) -> None:
        """A citizen presses now; it is sent as soon as one of the connections is free."""
        self._waiting.append(monotonic())
        if self.idle:
            self._send(self.idle.popleft(), self._waiting.popleft())

    def had(self, _console: object, alarm: bytes, now: float) -> None:
        """A console had the alarm. The hot path of the load."""
        press = self._under_way.get(alarm)
        if press is None:
            return
        self.deliveries += 1
        press.left -= 1
        if not press.left:
            self.every_ms.append((now - press.at) * 1000)
            del self._under_way[alarm]
            if press.answered:
                self.free(press.presser)

    def free(self, presser: Presser) -> None:
        """Its alarm was answered and is with every console."""
        presser.press = None
        if self._waiting:
            self._send(presser, self._waiting.popleft())
        elif self.again:
            self._send(presser, monotonic())
        else:
            self.idle.append(presser)

    def _send(self, presser: Presser, at: float) -> None:
        alarm = str(uuid.uuid4())
        presser.press = self._under_way[alarm.encode()] = Press(at, self.consoles, presser)
        self.pressed += 1
        presser.send(alarm)


class Subject(ABC):
    """A server to be measured, one life of it.

    Args:
        room: where its consoles and citizens are counted.
    """

    name = ""
    store = ""  # in words: whether the alarm is kept, and when it is on the disk

    def __init__(self, room: Room) -> None:
        self.room = room
        self.url = ""

    @abstractmethod
    def start(self, folder: Path) -> None:
        """Start it on an empty folder; returns when it serves. Blocks."""

    @abstractmethod
    def stop(self) -> None:
        """End all its processes. Blocks."""

    @property
    @abstractmethod
    def processes(self) -> tuple[Sequence[int], Sequence[int]]:
        """(of the server, of its store)."""

    @abstractmethod
    async def seat(self, wanted: int) -> None:
        """Connect so many more consoles to the room; returns when all would have the next alarm."""

    @abstractmethod
    def presser(self) -> Presser: ...

    @abstractmethod
    async def leave(self) -> None:
        """Close the consoles' connections, and say in `room.faults` what they saw that was wrong."""

    @property
    def further(self) -> int:
        """Event frames that consoles had beside the alarms."""
        return 0

    def cpu_s(self) -> tuple[float, float]:
        """CPU seconds of (server, store) so far."""
        server, store = self.processes
        return sum(map(cpu_s, server)), sum(map(cpu_s, store))

    def memory_bytes(self) -> int:
        """The server's own."""
        return sum(map(memory_bytes, self.processes[0]))
