"""More new alarms of one station than its officers can look at one by one: told when it begins and when it ends.

Consoles group what came, and ring with one tone. Never drops, delays or hides an alarm, and changes nothing of its
escalation. Field's term: alarm flood (ISA-18.2: more than 10 in 10 minutes, until fewer than 5).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from importlib import resources
from typing import Any

import structlog

from dispatch.alarm.clock import Clock, from_ms, to_ms, to_text
from dispatch.alarm.events import AlarmRaised, Event, FloodBegan, FloodEnded
from dispatch.store.client import Script
from dispatch.store.faults import translated
from dispatch.stream.alarms import Outcome
from dispatch.stream.record import make_record
from dispatch.stream.stream import Stream

log = structlog.get_logger()
LOOK_EVERY_S = 1.0
_ENDS_EVERY = timedelta(seconds=5)
_NOTE = Script(resources.files("dispatch.escalation").joinpath("flood_note.lua").read_text())


class Floods:
    """The floods of all stations.

    Args:
        stream: the record.
        clock: time.
        more_than: more new alarms than this within the window are a flood ...
        less_than: ... until there are fewer than this.
        window_s: the window, in seconds.
    """

    def __init__(self, stream: Stream, clock: Clock, more_than: int, less_than: int, window_s: float) -> None:
        self._stream = stream
        self._clock = clock
        self._more_than = more_than
        self._less_than = less_than
        self._window = timedelta(seconds=window_s)
        self._new: dict[str, list[tuple[int, str]]] = {}  # since the last step; a second's alarms
        self._look_at = clock.now()

    def after_append(self, outcome: Outcome) -> None:
        """Count a new alarm with the next step. If the hub dies before that it is not counted, and missed by nobody."""
        raised = outcome.events[0]
        if isinstance(raised, AlarmRaised) and raised.kind != "practice":
            self._new.setdefault(raised.station, []).append((to_ms(self._clock.now()), outcome.alarm.id))

    async def step(self, now: datetime) -> bool:
        """Count what is new, and tell of floods that begin or ended; False when there is none."""
        new, self._new = self._new, {}
        for station, alarms in new.items():
            await self._note(station, alarms, now)
        if now < self._look_at:
            return bool(new)
        self._look_at = now + _ENDS_EVERY
        return await self._look(now) or bool(new)

    async def _note(self, station: str, alarms: list[tuple[int, str]], now: datetime) -> None:
        keys = self._stream.of(station)
        args: list[Any] = [station, to_ms(now), to_ms(now - self._window), self._more_than]
        for at, alarm in alarms:
            args += [at, alarm]
        async with translated():
            began = await _NOTE.run(self._stream.redis, [keys.raised(station), keys.floods], args)
        if began:
            log.info("flood_began", station=station, count=int(began))
            await self._began(station, to_ms(now), int(began))

    async def _look(self, now: datetime) -> bool:
        """Floods that ended, and any that began and whose hub died before it told."""
        found = False
        for keys in self._stream.partitions:
            async with translated():
                floods = await self._stream.redis.hgetall(keys.floods)
            for name, value in floods.items():
                found, station = True, name.decode()
                since, count = map(int, value.split())
                await self._began(station, since, count)
                async with translated():
                    window = f"({to_ms(now - self._window)}"
                    left = await self._stream.redis.zcount(keys.raised(station), window, "+inf")
                if left < self._less_than:
                    await self._tell(station, FloodEnded(), f"flood-ended:{since}")
                    async with translated():
                        await self._stream.redis.hdel(keys.floods, station)
                    log.info("flood_ended", station=station)
        return found

    async def of(self, station: str) -> dict[str, Any]:
        """The station's flood as consoles show it: `{"flood": {"since"}}`, or nothing."""
        async with translated():
            value = await self._stream.redis.hget(self._stream.of(station).floods, station)
        return {"flood": {"since": to_text(from_ms(int(value.split()[0])))}} if value else {}

    async def _began(self, station: str, since: int, count: int) -> None:
        event = FloodBegan(count=count, window_s=self._window.total_seconds())
        await self._tell(station, event, f"flood:{since}")

    async def _tell(self, station: str, event: Event, key: str) -> None:
        """Into the station's stream, once however often, and by however many hubs, it is told."""
        await self._stream.append(station, [make_record(None, 0, event, self._clock.now(), {})], key=key)
