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
LOOK_EVERY_S = 5.0
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

    async def after_append(self, outcome: Outcome) -> None:
        """Count a new alarm. One whose hub dies right here is not counted, and missed by nobody."""
        raised = next((event for event in outcome.events if isinstance(event, AlarmRaised)), None)
        if raised is None or raised.kind == "practice":
            return
        now = self._clock.now()
        keys = self._stream.of(raised.station)
        args = [raised.station, outcome.alarm.id, to_ms(now), to_ms(now - self._window), self._more_than]
        async with translated():
            began = await _NOTE.run(self._stream.redis, [keys.raised(raised.station), keys.floods], args)
        if began:
            log.info("flood_began", station=raised.station, count=int(began))
            await self._began(raised.station, to_ms(now), int(began))

    async def step(self, now: datetime) -> bool:
        """Tell of floods that ended, and of any that began and was not told; False when there is none."""
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
