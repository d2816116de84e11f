"""Whether any console of an officer is heard: an owner whose consoles all fell silent may be dead, or have no network.

Whether it can sound is readiness, and decides who is called; this decides whose alarms are free to take. Never touches
an alarm: who is lost, or back, is told to functions that it is given. Field's terms: heartbeat, presence.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from importlib import resources

from dispatch.alarm.clock import to_ms
from dispatch.alarm.work import Work
from dispatch.store.client import Script
from dispatch.store.faults import translated
from dispatch.stream.stream import Stream

LOOK_EVERY_S = 1.0
_FOLDER = resources.files("dispatch.duty")
_BEAT = Script(_FOLDER.joinpath("beat.lua").read_text())
_FELL_SILENT = Script(_FOLDER.joinpath("fell_silent.lua").read_text())

Told = Callable[[str, str | None], Awaitable[bool]]
"""(officer, station or None for all) -> whether they have any alarm."""


class Presence:
    """Who was heard last when, of all officers of one store.

    Args:
        stream: the record, for its store.
        work: what goes on, and time.
        lost_s: an officer of whom nothing was heard for so many seconds is lost.
        on_lost: told of who is lost, at each step as long as they have an alarm: whoever is told does nothing a second
            time, and what was missed, or a hub that died between, is not forgotten.
        on_back: told of who is heard again.
    """

    def __init__(self, stream: Stream, work: Work, lost_s: float, on_lost: Told, on_back: Told) -> None:
        self._stream = stream
        self._work = work
        self._lost = timedelta(seconds=lost_s)
        self._on_lost = on_lost
        self._on_back = on_back

    async def heard(self, officer: str, station: str | None) -> None:
        """A console of `officer` lives."""
        keys = self._stream.of(station) if station else self._stream.partitions[0]
        async with translated():
            args = [f"{officer}|{station or ''}", to_ms(self._work.now())]
            back = await _BEAT.run(self._stream.redis, [keys.heard, keys.lost], args)
        if back:
            await self._on_back(officer, station)

    async def step(self, now: datetime) -> bool:
        """Tell of every officer who is lost and has an alarm; False when nobody is."""
        before = to_ms(now - self._lost)
        async with translated():
            rows = await self._work.all(
                *(_FELL_SILENT.run(self._stream.redis, [keys.heard, keys.lost], [before])
                  for keys in self._stream.partitions)
            )  # fmt: skip
        lost = [(keys, who) for keys, row in zip(self._stream.partitions, rows, strict=True) for who in row]
        for keys, who in lost:
            officer, _, station = who.decode().rpartition("|")
            if not await self._on_lost(officer, station or None):
                async with translated():
                    await self._stream.redis.srem(keys.lost, who)
        return bool(lost)
