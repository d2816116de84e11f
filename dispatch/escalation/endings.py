"""Ends the content of alarms whose time has come, and looks through the streams for alarms that the index has wrong.

End dates are days away and may come by the thousand, so they have an index of their own: no pile of them delays a step.
They run under the lease of the timers, by compare-and-set. Field's terms: retention period, disposition.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from prometheus_client import Counter

from dispatch.alarm.clock import from_ms, to_ms
from dispatch.alarm.commands import EndContent
from dispatch.alarm.work import Work
from dispatch.store.faults import translated
from dispatch.stream.alarms import Alarms
from dispatch.stream.keys import Keys
from dispatch.stream.leases import Leases

log = structlog.get_logger()
ENDINGS_EVERY_S = 1.0
_AT_ONCE = 32
"""Alarms of a partition whose content is ended in one step: a pile of them leaves the store to alarms."""
_LOOKED_AT = 250
"""Events looked at in one step of a round: a million in a little over an hour, for a hundredth of a hub's time."""
_ROUND = timedelta(hours=1)
"""A round through all streams begins so long after the one before began, at the earliest."""
_AGAIN = timedelta(minutes=1)
"""Until an end that could not be made is tried again."""
ENDED = Counter("dispatch_content_ended", "Alarms whose content was wiped at its end date")


class Endings:
    """The end dates of one store.

    Args:
        alarms: where the alarms are.
        leases: which partitions are this hub's.
        work: what goes on.
        stations: every station's id.
        sure: whether the time is sure enough for what can't be undone.
    """

    def __init__(
        self, alarms: Alarms, leases: Leases, work: Work, stations: Sequence[str],
        sure: Callable[[], bool] = lambda: True,
    ) -> None:  # fmt: skip
        self._sure = sure
        self._alarms = alarms
        self._stream = alarms.stream
        self._leases = leases
        self._work = work
        self._stations = stations
        self._left: list[str] = []  # stations that this round has not finished
        self._after = 0  # the offset that was looked at last, of the last of them
        self._began: datetime | None = None

    async def step(self, now: datetime) -> None:
        """Wipe what has ended in this hub's partitions, then look at the next events of the round."""
        for held in self._leases.held if self._sure() else ():
            async with translated():
                found = await self._stream.redis.zrange(
                    held.keys.endings, "-inf", to_ms(now), byscore=True, offset=0, num=_AT_ONCE
                )
            await self._work.all(*(self._try(held.keys, alarm.decode(), now, held.token) for alarm in found))
        await self._look(now)

    async def _try(self, keys: Keys, alarm_id: str, now: datetime, token: str) -> None:
        """One alarm whose content cannot be ended must not hold up the others."""
        try:
            await self._end(keys, alarm_id, now, token)
        except Exception as fault:
            log.error("content_not_ended", alarm=alarm_id, fault=repr(fault))
            await self._stream.postpone(keys, alarm_id, now + _AGAIN, keys.endings)

    async def _end(self, keys: Keys, alarm_id: str, now: datetime, token: str) -> None:
        """The index is only an index: what is true is computed from the alarm, and from the days configured now."""
        loaded = await self._alarms.load(alarm_id)
        ending = self._alarms.ending(loaded.alarm) if loaded else None
        if loaded is None or ending is None or ending > now:
            version = loaded.alarm.version if loaded else 0
            await self._stream.set_deadline(keys, alarm_id, version, ending, keys.endings)
            return
        command = EndContent(closed_at=loaded.alarm.closed_at)
        outcome = await self._alarms.handle(alarm_id, command, fence=token, loaded=loaded)
        if outcome.events:
            ENDED.inc()
            log.info("content_wiped", alarm=alarm_id, why="policy")
        else:  # someone was first; the index follows what they wrote
            alarm = outcome.alarm
            await self._stream.set_deadline(keys, alarm_id, alarm.version, self._alarms.ending(alarm), keys.endings)

    async def _look(self, now: datetime) -> None:
        """Index what has no end date there: closed by a version before this one, or under other days than now."""
        if not self._left:
            if self._began is not None and now < self._began + _ROUND:
                return
            self._began, self._after = now, 0
            mine = {held.keys.partition for held in self._leases.held}
            self._left = [station for station in self._stations if self._stream.of(station).partition in mine]
            if not self._left:
                self._began = None
                return
        station = self._left[-1]
        records = await self._stream.records(station, self._after, _LOOKED_AT)
        ended = {members["alarm"]: None for _, members in records if _ends(members)}
        await self._compare(station, list(ended), now)
        if records:
            self._after = records[-1][0]
        if len(records) < _LOOKED_AT:
            self._left.pop()
            self._after = 0

    async def _compare(self, station: str, alarms: list[str], now: datetime) -> None:
        """The index against the alarms themselves; copies of other stations' alarms are looked at by `orphans`."""
        if not alarms:
            return
        keys = self._stream.of(station)
        async with translated():
            pipe = self._stream.redis.pipeline(transaction=False)
            for alarm_id in alarms:
                pipe.hget(keys.alarm(alarm_id), "s")
                pipe.exists(keys.words(station, alarm_id))
            pipe.zmscore(keys.endings, alarms)
            *rows, scores = await pipe.execute()
        for alarm_id, snapshot, words, score in zip(alarms, rows[::2], rows[1::2], scores, strict=True):
            if snapshot is None:
                if words:  # of a version before this one, perhaps, which did not note it
                    await self._stream.look_at_copy(station, alarm_id, now)
                continue
            alarm = self._alarms.parse(snapshot)
            ending = self._alarms.ending(alarm)
            if ending != (None if score is None else from_ms(int(score))):
                await self._stream.set_deadline(keys, alarm_id, alarm.version, ending, keys.endings)


def _ends(members: dict[str, Any]) -> bool:
    """Whether the end of an alarm's content is counted from this event, or a copy begins its life closed."""
    event = members["event"]
    match event["type"]:
        case "alarm_raised":
            return bool(event["kind"] == "practice")
        case "alarm_shared":
            return bool(members.get("changes", {}).get("status") == "closed")
    return bool(event["type"] == "alarm_closed")
