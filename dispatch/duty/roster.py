"""Who is called: the rota's officers, those who signed on or off beside it, and which of them have a ready console.

Puts the pure rota and the consoles' readiness together; tells the stream when the rota hands over.
Field's terms: on-call schedule, shift, handover.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
import structlog

from dispatch.alarm import errors
from dispatch.alarm.clock import from_text, to_text
from dispatch.alarm.errors import Refused
from dispatch.alarm.events import DutyChanged, DutySigned
from dispatch.alarm.work import Work
from dispatch.duty.readiness import Readiness
from dispatch.duty.rota import Rota, on_duty
from dispatch.store.faults import translated
from dispatch.stream.record import make_record
from dispatch.stream.stream import Append, Stream

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Called:
    """An audience as people. `officers` are meant, `reached` have a ready console, `stations` were called in.

    `nobody` is empty when someone was reached, else why not: `no_officer_on_duty` or `no_console_ready`.
    """

    officers: tuple[str, ...]
    reached: tuple[str, ...]
    stations: tuple[str, ...]
    nobody: str


class Roster:
    """Duty of all stations.

    Args:
        stream: the record.
        work: what goes on, and time.
        rotas: station -> its rota.
        readiness: the ready consoles.
    """

    def __init__(self, stream: Stream, work: Work, rotas: Mapping[str, Rota], readiness: Readiness) -> None:
        self._stream = stream
        self._work = work
        self._rotas = rotas
        self._readiness = readiness
        self.on_left: list[Callable[[str, str], Awaitable[None]]] = []
        """(station, officer): they left duty."""
        self._told: dict[str, datetime] = {}

    async def called(self, station: str, backups: tuple[str, ...], audience: tuple[str, ...]) -> Called:
        """Who `audience` (words of the escalation policy) means at `station` now, and who of them is reached."""
        called_in = backups if "backups" in audience else ()
        wanted = (station, *called_in)
        if called_in:  # all at once, so that they leave for the store together
            found = dict(zip(wanted, await self._work.all(*map(self._readiness.awake, wanted)), strict=True))
        else:
            found = {station: await self._readiness.awake(station)}
        awake = {at: row for at, (row, _) in found.items()}
        signed = {at: self._in_force(signs) for at, (_, signs) in found.items()}
        officers: list[str] = []
        if "station" in audience:
            officers += self.officers(station)
        elif "on_duty" in audience:
            officers += self._on_duty(station, signed[station])
        for other in called_in:
            there = self._on_duty(other, signed[other])
            # A backup station with nobody of its duty awake is called whole: better too many than no one.
            officers += there if awake[other].keys() & set(there) else self.officers(other)
        meant = tuple(dict.fromkeys(officers))
        everyone = [(officer, role) for row in awake.values() for officer, role in row.items()]
        reached = {officer for officer, _ in everyone if officer in meant}
        if "supervisor" in audience:
            reached |= {officer for officer, role in everyone if role != "officer"}
        nobody = "" if reached else "no_console_ready" if meant else "no_officer_on_duty"
        return Called(meant, tuple(sorted(reached)), called_in, nobody)

    async def duty(self, station: str) -> dict[str, Any]:
        """Duty as consoles show it: `{"officers", "until", "signed", "ready"}`, ready as "OFFICER CONSOLE"."""
        now = self._work.now()
        shift = on_duty(self._rotas[station], now)
        ready = await self._readiness.ready((station,))
        return {
            "officers": list(shift.officers),
            "until": to_text(shift.until),
            "signed": await self._signed(station),
            "ready": sorted(f"{console.officer} {console.id}" for console in ready[station]),
        }

    async def is_on_duty(self, station: str, officer: str) -> bool:
        """Whether `officer` is on duty at `station` now, by the rota or beside it."""
        return officer in self._on_duty(station, await self._signed(station))

    async def sign(self, station: str, officer: str, on: bool) -> None:
        """`officer` comes on duty beside the rota, or leaves it, until the next handover.

        Raises:
            Refused: `not_allowed`: the station is no more.
        """
        rota = self._rotas.get(station)
        if rota is None:
            raise Refused(errors.NOT_ALLOWED, f"duty: station {station!r} is no longer in the configuration")
        until = to_text(on_duty(rota, self._work.now()).until)
        async with translated():
            await self._stream.redis.hset(
                self._stream.of(station).signed(station), officer, orjson.dumps({"on": on, "until": until})
            )
        event = DutySigned(officer=officer, on=on, until=until)
        await self._stream.append(station, [make_record(None, 0, event, self._work.now(), {})])
        if not on:
            for left in self.on_left:
                await left(station, officer)
            for told in self._readiness.on_lost:
                await told(station)

    async def step(self, now: datetime) -> bool:
        """Tell a station's stream of the shift that applies now, once for all hubs; False when all were told."""
        found = False
        for station, rota in self._rotas.items():
            if now < self._told.get(station, now):
                continue
            shift = on_duty(rota, now)
            event = DutyChanged(officers=shift.officers, until=to_text(shift.until))
            since = to_text(shift.since)
            once = Append(
                alarm="", expected=0, version=0, snapshot=b"", open=False, deadline="keep",
                key=f"duty:{since}:{','.join(shift.officers)}",
            )  # fmt: skip
            await self._stream.append(station, [make_record(None, 0, event, now, {})], once)
            self._told[station] = shift.until
            found = True
        return found

    def officers(self, station: str) -> tuple[str, ...]:
        """The station's officers; none of one that the configuration no longer has, so that the others are called."""
        rota = self._rotas.get(station)
        return rota.officers if rota else ()

    def _on_duty(self, station: str, signed: Mapping[str, bool]) -> list[str]:
        rota = self._rotas.get(station)
        by_rota = on_duty(rota, self._work.now()).officers if rota else ()
        return [o for o in by_rota if signed.get(o, True)] + [
            o for o, on in signed.items() if on and o not in by_rota
        ]  # fmt: skip

    async def _signed(self, station: str) -> dict[str, bool]:
        async with translated():
            return self._in_force(await self._stream.redis.hgetall(self._stream.of(station).signed(station)))

    def _in_force(self, signs: Mapping[bytes, bytes]) -> dict[str, bool]:
        """Officer -> on or off duty beside the rota, of what is still in force."""
        now = self._work.now()
        found = {officer.decode(): orjson.loads(value) for officer, value in signs.items()}
        return {officer: sign["on"] for officer, sign in found.items() if from_text(sign["until"]) > now}
