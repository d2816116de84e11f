"""Alarms in bulk, made through the store as a hub makes them, before or beside one: many open ones, or whole lives.

Uses the hub's own code for the rules and the append, so what is stored is what a hub stores. Never measures.
"""

from __future__ import annotations

import asyncio
import shutil
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from dispatch.alarm import commands as c
from dispatch.alarm.clock import whole_milliseconds
from dispatch.alarm.views import receipt_code
from dispatch.escalation.timer import Deadlines
from dispatch.settings import Settings, load
from dispatch.stream.alarms import Alarms
from dispatch.stream.stream import Stream

_CONFIG = Path(__file__).resolve().parent.parent / "config"
_AT_ONCE = 64
_WORDS = ("门外有人，一直在敲门，我不敢出声", "三楼，左手边那一间", "他还在外面，请不要打电话")
_POSITION = {"lat": 41.80312, "lon": 123.46587, "accuracy_m": 18.0, "datum": "wgs84", "source": "gps"}
_POLICIES = """
[default]
unanswered_after_s = 15
repeat_every_s = {repeat_every_s}
remind_after_s = {repeat_every_s}
reopen_after_s = 60
same_day = false  # else a measurement at midnight would be another one

[[default.step]]
after_s = 0
audience = ["on_duty"]

[[default.step]]
after_s = 15
audience = ["station"]

[[default.step]]
after_s = 30
audience = ["backups", "supervisor"]
"""


def town(folder: Path, repeat_every_s: float) -> tuple[Path, Settings]:
    """The demonstration's configuration in `folder`, its last step repeated after so long; and it as settings."""
    folder.mkdir(parents=True)
    for file in _CONFIG.iterdir():
        if file.is_file():
            shutil.copy(file, folder)
    (folder / "policies.toml").write_text(_POLICIES.format(repeat_every_s=repeat_every_s), "utf-8")
    return folder, load(folder, {})


class SetClock:
    """A clock that stands where it was set: what is made in bulk happened at other times than now."""

    def __init__(self) -> None:
        self.at = datetime.now(UTC)

    def now(self) -> datetime:
        return whole_milliseconds(self.at)

    async def sleep_until(self, instant: datetime) -> None:
        self.at = instant


@dataclass(frozen=True, slots=True)
class Wanted:
    """An open alarm that nobody took, whose last step was run at `stepped`."""

    station: str
    stepped: datetime


class Maker:
    """Makes alarms in a store.

    Args:
        redis: its client.
        settings: those of the hubs that will have them.
        backups: how many backup stations each alarm has, and has called in.
    """

    def __init__(self, redis: Any, settings: Settings, backups: int = 0) -> None:
        self._stream = Stream(redis, settings.store.partitions, prefix=settings.store.prefix)
        self._settings = settings
        self._backups = backups
        timezones = {station: rota.timezone for station, rota in settings.rotas.items()}
        self._deadlines = Deadlines(settings.policies, timezones)

    def alarms(self, clock: SetClock) -> Alarms:
        return Alarms(self._stream, clock, self._deadlines.next)

    async def open_ones(self, wanted: Sequence[Wanted], so_far: Callable[[int], None] | None = None) -> list[str]:
        """An open alarm for each of `wanted`; their ids, in the same order."""
        made: list[str] = []
        for start in range(0, len(wanted), 2000):
            made += await _many([self._open_one(each) for each in wanted[start : start + 2000]])
            if so_far is not None:
                so_far(len(made))
        return made

    async def _open_one(self, wanted: Wanted) -> str:
        clock = SetClock()
        clock.at = wanted.stepped
        alarm = str(uuid.uuid4())
        called_in = self._settings.boundaries.stations[wanted.station].backups[: self._backups]
        steps = [
            self._step(wanted.station, n, at.audience, called_in if "backups" in at.audience else ())
            for n, at in enumerate(self._settings.policies["default"].steps)
        ]
        await self.alarms(clock).handle(
            alarm, self._raise(alarm, wanted.station, called_in), *steps, c.TellUnanswered(cycle=1),
            c.Say(text=_WORDS[1]), c.Say(text=_WORDS[2]), secret_hash="0" * 64,
        )  # fmt: skip
        return alarm

    async def lives(self, stations: Sequence[str], count: int, so_far: Callable[[int], None] | None = None) -> int:
        """`count` alarms from the press to the end, each command an append of its own as in reality; their events."""
        events = 0
        for start in range(0, count, 500):
            lives = [self._life(stations[n % len(stations)]) for n in range(start, min(count, start + 500))]
            events += sum(await _many(lives))
            if so_far is not None:
                so_far(events)
        return events

    async def _life(self, station: str) -> int:
        clock = SetClock()
        alarms = self.alarms(clock)
        alarm = str(uuid.uuid4())
        called_in = self._settings.boundaries.stations[station].backups[: self._backups]
        first, second = self._settings.rotas[station].officers[:2]
        owner = c.Actor(first, station)
        life: list[tuple[float, str, list[c.Command]]] = [
            (0, "", [self._raise(alarm, station, called_in), self._step(station, 0, ("on_duty",), ())]),
            (0.2, "", [c.Deliver(consoles=1)]),
            (1.2, "", [c.Deliver(consoles=2)]),
            (4, first, [c.See(by=owner)]),
            (5, second, [c.See(by=c.Actor(second, station))]),
            (6, first, [c.Acknowledge(by=owner)]),
            (15, "citizen", [c.Say(text=_WORDS[1])]),
            (20, first, [c.Say(text="收到，马上到", by=owner)]),
            (30, first, [c.Move(by=owner)]),
            (120, "", [c.ReportPosition(position={**_POSITION, "lat": 41.80319})]),
            (200, "citizen", [c.Say(text=_WORDS[2])]),
            (400, first, [c.Arrive(by=owner)]),
            (900, first, [c.Close(by=owner, disposition="resolved", note="已处理，人安全")]),
        ]  # fmt: skip
        began, events = clock.at, 0
        for number, (after_s, who, commands) in enumerate(life):
            clock.at = began + timedelta(seconds=after_s)
            key = f"{who}:{uuid.UUID(int=number)}" if who else ""
            secret = "" if number else "0" * 64
            events += len((await alarms.handle(alarm, *commands, key=key, secret_hash=secret)).events)
        return events

    def _raise(self, alarm: str, station: str, backups: tuple[str, ...]) -> c.Raise:
        return c.Raise(station=station, backups=backups, why="in_area", code=receipt_code(alarm), text=_WORDS[0],
                       position=_POSITION, place="大东门，文化路 12 号", needs=("text_only",))  # fmt: skip

    def _step(self, station: str, step: int, audience: tuple[str, ...], called_in: tuple[str, ...]) -> c.RunStep:
        return c.RunStep(
            cycle=1, step=step, loop=0, audience=audience, called=self._settings.rotas[station].officers[:2],
            reached=(), why="due", stations=called_in,
        )  # fmt: skip


async def _many(work: Iterable[Any]) -> list[Any]:
    """All of it, `_AT_ONCE` at a time; results in order."""
    room = asyncio.Semaphore(_AT_ONCE)

    async def one(each: Any) -> Any:
        async with room:
            return await each

    return await asyncio.gather(*(one(each) for each in work))
