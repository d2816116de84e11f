"""Which consoles can wake their officer right now. Only a ready console makes its officer count as on duty.

A console renews its readiness; it ends when the console says that it cannot sound, closes, or falls silent. That an
officer has a ready console, and has none any more, are events in the station's stream: one who comes back in time, on
any hub, was never away. Never decides who is meant to be on duty (`rota`).
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import resources

import structlog

from dispatch.alarm.clock import Clock, to_ms
from dispatch.alarm.events import ConsoleLost, ConsoleReady, Event
from dispatch.store.client import Script
from dispatch.store.faults import translated
from dispatch.stream.record import make_record
from dispatch.stream.stream import Stream

log = structlog.get_logger()
_FOLDER = resources.files("dispatch.duty")
_READY = Script(_FOLDER.joinpath("ready.lua").read_text())
_LOST = Script(_FOLDER.joinpath("lost.lua").read_text())
_AWAKE = Script("""
return {redis.call('ZRANGE', KEYS[1], ARGV[1], '+inf', 'BYSCORE'), redis.call('HGETALL', KEYS[2])}
""")
"""One command for what each alarm asks, at the instant in which a duty sign can't fall between."""


@dataclass(frozen=True, slots=True, order=True)
class Console:
    """A console and whose it is. `id` is made by the hub for each connection."""

    officer: str
    role: str
    id: str

    def __str__(self) -> str:
        return f"{self.officer}|{self.role}|{self.id}"


class Readiness:
    """The ready consoles of all stations.

    Args:
        stream: the record.
        clock: time.
        lapse_s: without a renewal readiness ends after so many seconds.
    """

    def __init__(self, stream: Stream, clock: Clock, lapse_s: float) -> None:
        self._stream = stream
        self._clock = clock
        self._lapse = timedelta(seconds=lapse_s)
        self.on_lost: list[Callable[[str], Awaitable[None]]] = []

    async def renew(self, station: str, console: Console) -> None:
        """The console can sound now, and for the lapse time from now."""
        now = self._clock.now()
        args = [str(console), f"{console.officer}|{console.role}", to_ms(now), to_ms(now + self._lapse), station]
        async with translated():
            first = await _READY.run(self._stream.redis, self._keys(station), args)
        if first:
            await self._append(station, ConsoleReady(officer=console.officer, console=console.id))

    async def drop(self, station: str, console: Console, why: str) -> None:
        """The console can no longer wake its officer. Escalation is told at once."""
        await self._lost(station, [str(console)], why)

    async def send_on(self, station: str, console: Console, within_s: float) -> None:
        """The console's hub stops and sent it on: unless it is back within so many seconds, its readiness lapses.

        It comes back as another console, so nothing is told before: an officer who is back was never away.
        """
        lapses = to_ms(self._clock.now() + timedelta(seconds=within_s))
        async with translated():
            keys = self._stream.of(station)
            pipe = self._stream.redis.pipeline(transaction=False)
            pipe.zadd(keys.ready(station), {str(console): lapses}, xx=True, lt=True)
            pipe.zadd(keys.lapses, {f"{station}|{console}": lapses}, xx=True, lt=True)
            await pipe.execute()

    async def step(self, now: datetime) -> bool:
        """End the readiness of consoles that fell silent (their hub may be dead); False when there was none."""
        async with translated():
            pipe = self._stream.redis.pipeline(transaction=False)
            for keys in self._stream.partitions:
                pipe.zrange(keys.lapses, "-inf", str(to_ms(now)), byscore=True)
            rows = await pipe.execute()
        lapsed: dict[str, list[str]] = {}
        for member in (member.decode() for row in rows for member in row):
            station, _, console = member.partition("|")
            lapsed.setdefault(station, []).append(console)
        for station, consoles in lapsed.items():
            await self._lost(station, consoles, "silent")
        return bool(lapsed)

    async def _lost(self, station: str, consoles: Sequence[str], why: str) -> None:
        """End the readiness of many at once: one append for all officers who have none left, and one look at who is."""
        async with translated():
            args = [to_ms(self._clock.now()), station, *consoles]
            last = await _LOST.run(self._stream.redis, self._keys(station), args)
        if last:
            ended = [_console(member) for member in last]
            await self._append(station, *(ConsoleLost(officer=c.officer, console=c.id, why=why) for c in ended))
            for told in self.on_lost:
                await told(station)

    async def ready(self, stations: Iterable[str]) -> dict[str, list[Console]]:
        """The ready consoles of `stations`."""
        wanted = tuple(stations)
        now = str(to_ms(self._clock.now()))
        async with translated():
            pipe = self._stream.redis.pipeline(transaction=False)
            for station in wanted:
                pipe.zrange(self._stream.of(station).ready(station), f"({now}", "+inf", byscore=True)
            rows = await pipe.execute()
        return {station: sorted(_console(member) for member in row) for station, row in zip(wanted, rows, strict=True)}

    async def awake(self, station: str) -> tuple[dict[str, str], dict[bytes, bytes]]:
        """(who has a ready console at `station`, with their role; the station's signs as stored), at one instant.

        As many as there are officers, not consoles. A console that lapsed may count until `step` has seen it.
        """
        keys = self._stream.of(station)
        now = str(to_ms(self._clock.now()))
        async with translated():
            row, signs = await _AWAKE.run(self._stream.redis, [keys.awake(station), keys.signed(station)], [f"({now}"])
        return dict(sorted(member.decode().split("|") for member in row)), dict(zip(*[iter(signs)] * 2, strict=True))

    def _keys(self, station: str) -> list[str]:
        keys = self._stream.of(station)
        return [keys.ready(station), keys.awake(station), keys.lapses, keys.answered(secrets.token_hex(8))]

    async def _append(self, station: str, *events: Event) -> None:
        now = self._clock.now()
        await self._stream.append(station, [make_record(None, 0, event, now, {}) for event in events])


def _console(member: bytes) -> Console:
    return Console(*member.decode().split("|", 2))
