"""Open alarms whose station the configuration no longer has: they go to the default station, and are said.

The store remembers every station that ever had an event; one that the files do not have is former. Its stream stays and
is read on. An alarm that is open in it, now or later (a plan that is missed, a closed one that its citizen writes
into), is in nobody's list until it is moved.
Never moves an alarm while another hub has a newer configuration, which may have the station.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import datetime
from typing import Any

import structlog

from dispatch.alarm.clock import to_text
from dispatch.alarm.commands import Actor, LoseStation
from dispatch.alarm.state import OWNED, Alarm
from dispatch.routing.boundaries import Boundaries
from dispatch.store.faults import translated
from dispatch.stream.alarms import Alarms
from dispatch.stream.stream import Stream

log = structlog.get_logger()
LOOK_EVERY_S = 2.0

People = Callable[[Collection[str]], Awaitable[Mapping[str, Actor | None]]]


class Strays:
    """The strays of one store.

    Args:
        alarms: where the alarms are.
        boundaries: the stations that there are.
        people: (names) -> those who are users; None for one who is disabled.
        mine: whether this hub has the newest configuration.
    """

    def __init__(self, alarms: Alarms, boundaries: Boundaries, people: People, mine: Callable[[], bool]) -> None:
        self._alarms = alarms
        self._stream = alarms.stream
        self._boundaries = boundaries
        self._people = people
        self._mine = mine
        self.every: list[str] = list(boundaries.stations)
        """The stations that there are, then the former ones as they are found: for who looks after streams."""
        self.notices: list[dict[str, Any]] = []
        """What supervisors must know: each such alarm while it is open."""

    async def learn(self) -> list[str]:
        """The former stations."""
        found = await former(self._stream, self._boundaries)
        self.every += [station for station in found if station not in self.every]
        return found

    async def step(self, now: datetime) -> None:
        """Move the open alarms of former stations that nobody has moved, and see which there are."""
        notices: dict[str, dict[str, Any]] = {}
        for gone in await self.learn():
            for alarm in await open_alarms(self._alarms, gone):
                after = await self._put_right(alarm) if self._mine() else alarm
                if after.station_gone is not None and after.open:
                    notices[after.id] = {
                        "code": "station_gone", "since": to_text(now), "alarm": after.id, "station": after.station_gone,
                        "to": after.station,
                    }  # fmt: skip
        since = {one["alarm"]: one["since"] for one in self.notices}
        self.notices = [{**one, "since": since.get(alarm, one["since"])} for alarm, one in sorted(notices.items())]

    async def _put_right(self, alarm: Alarm) -> Alarm:
        """The alarm where somebody answers for it, and free to take when its owner does not see it any more."""
        there = self._boundaries.stations
        blind = await self._blind(alarm)
        if alarm.station in there and blind is None:
            return alarm
        to = there[self._boundaries.default]
        command = LoseStation(gone=alarm.station, to=to.id, backups=to.backups, blind=blind)
        outcome = await self._alarms.handle(alarm.id, command)
        if alarm.station not in there and outcome.events:
            log.warning(
                "alarm_station_gone", alarm=alarm.id, station=alarm.station, to=to.id, status=str(alarm.status),
                why="no such station in stations.geojson",
            )  # fmt: skip
        return outcome.alarm

    async def _blind(self, alarm: Alarm) -> str | None:
        """The owner, when no console can show them the alarm: they belong to a station that is no more."""
        owner, there = alarm.owner, self._boundaries.stations
        if owner is None or alarm.status not in OWNED or alarm.owner_lost_at or alarm.owner_station in there:
            return None
        actor = (await self._people([owner])).get(owner)
        return None if actor is not None and (actor.station is None or actor.station in there) else owner


async def former(stream: Stream, boundaries: Boundaries) -> list[str]:
    """The stations that have a history in the store and are not among those that there are."""
    async with translated():
        pipe = stream.redis.pipeline(transaction=False)
        for keys in stream.partitions:
            pipe.hkeys(keys.ends)
        rows = await pipe.execute()
    return sorted({name.decode() for row in rows for name in row} - boundaries.stations.keys())


async def open_alarms(alarms: Alarms, station: str) -> list[Alarm]:
    """The open alarms that `station` holds or was called in to, as they are at their homes."""
    found = [await alarms.load(alarm) for alarm in sorted(await alarms.stream.open_alarms(station))]
    return [loaded.alarm for loaded in found if loaded is not None and loaded.alarm.open]
