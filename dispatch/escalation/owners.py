"""The alarms of an officer who is lost: marked as free to take, and as theirs again when they are heard.

Never takes an alarm from anyone: a person does. Field's term: stale owner.
"""

from __future__ import annotations

from collections.abc import Collection

from dispatch.alarm.commands import Actor, FindOwner, LoseOwner
from dispatch.alarm.state import OWNED, Alarm
from dispatch.alarm.work import Work
from dispatch.stream.alarms import Alarms


class Owners:
    """Who owns what.

    Args:
        alarms: where the alarms are.
        stations: every station's id.
        work: what goes on.
    """

    def __init__(self, alarms: Alarms, stations: Collection[str], work: Work) -> None:
        self._work = work
        self._alarms = alarms
        self._stations = stations

    async def owned(self, officer: str, station: str | None) -> list[Alarm]:
        """The alarms that `officer` has taken and not closed, oldest first; `station` None looks at all stations."""
        where = (station,) if station else tuple(self._stations)
        found: dict[str, Alarm] = {}
        for rows in await self._work.all(*(self._alarms.stream.open_snapshots(each) for each in where)):
            for raw in rows:
                if officer.encode() in raw:  # most are somebody else's: not worth parsing
                    alarm = self._alarms.parse(raw)
                    if alarm.owner == officer and alarm.status in OWNED:
                        found[alarm.id] = alarm
        return sorted(found.values(), key=lambda alarm: alarm.raised_at)

    async def of(self, actor: Actor) -> list[Alarm]:
        return await self.owned(actor.name, actor.station)

    async def lost(self, officer: str, station: str | None) -> bool:
        """No console of `officer` is heard; whether they have any alarm."""
        owned = await self.owned(officer, station)
        for alarm in owned:
            if alarm.owner_lost_at is None:
                await self._alarms.handle(alarm.id, LoseOwner(owner=officer))
        return bool(owned)

    async def back(self, officer: str, station: str | None) -> bool:
        """A console of `officer` is heard again."""
        owned = await self.owned(officer, station)
        for alarm in owned:
            await self._alarms.handle(alarm.id, FindOwner(owner=officer))
        return bool(owned)
