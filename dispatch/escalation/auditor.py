"""Looks at every open alarm itself, not at the timers: has it a deadline, is it the right one, is it late?

Every hub does this for all partitions, whoever holds their leases. What is wrong is mended, logged and counted; what
was late by more than a bound is told to the supervisor. Field's terms: audit, dead man's switch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson
import structlog
from prometheus_client import Counter

from dispatch.alarm.clock import Clock, from_ms, from_text, to_ms, to_text
from dispatch.alarm.events import DeadlineLate
from dispatch.alarm.state import Alarm, Status
from dispatch.escalation.timer import Deadlines, Timer
from dispatch.store.faults import translated
from dispatch.stream.alarms import Alarms
from dispatch.stream.keys import Keys
from dispatch.stream.record import make_record
from dispatch.stream.rounds import Round
from dispatch.stream.stream import Append

log = structlog.get_logger()
AUDIT_EVERY_S = 1.0
_LATE = timedelta(seconds=1)
"""A deadline that passed so long ago should have been run: whoever holds the lease does not do it."""
_TOLD = timedelta(seconds=2)
"""Lateness that the supervisor is told of."""
POLICY_WAITS = ("step", "unanswered", "remind", "reopen")
"""Deadlines whose wait is a policy's; a plan's is its citizen's, and a day ends when it ends."""
_PER_STEP = 250
"""Alarms looked at in one step, so that a hundred thousand open ones cost a hub less than a hundredth of its time."""
_REMEMBERED = 100
"""Late deadlines that pages are told of; the log has all."""
AUDITED = Counter("dispatch_audited_alarms", "Open alarms whose deadline was compared with the alarm itself")
FOUND = Counter("dispatch_audit_late", "Open alarms whose deadline was late, missing or wrong", ["why"])


class Auditor:
    """The audit of one hub.

    Args:
        alarms: where the alarms are.
        deadlines: what is due when.
        timer: runs what was not run.
        clock: time.
        stations: every station's id.
        mine: whether timers are this hub's to run; else it only runs what is overdue: nobody else may be there.
        agreed: whether all hubs have the same configuration; else others may have written deadlines by another policy.
    """

    def __init__(
        self, alarms: Alarms, deadlines: Deadlines, timer: Timer, clock: Clock, stations: Sequence[str],
        mine: Callable[[], bool] = lambda: True, agreed: Callable[[], bool] = lambda: True,
    ) -> None:  # fmt: skip
        self._mine = mine
        self._agreed = agreed
        self._alarms = alarms
        self._stream = alarms.stream
        self._deadlines = deadlines
        self._timer = timer
        self._clock = clock
        self._round = Round(alarms.stream, stations, Keys.open, _PER_STEP)

    async def step(self, now: datetime) -> None:
        """Run what is overdue by the index at once, then look at the next open alarms of this round."""
        before = str(to_ms(now - _LATE))
        async with translated():
            pipe = self._stream.redis.pipeline(transaction=False)
            for keys in self._stream.partitions:
                pipe.zrange(keys.deadlines, "-inf", before, byscore=True, offset=0, num=_PER_STEP)
            rows = await pipe.execute()
        for overdue in rows:
            for alarm_id in overdue:
                await self._look(alarm_id.decode(), now)
        if self._mine():
            await self._compare(await self._round.next(), now)

    async def _compare(self, batch: list[tuple[str, str]], now: datetime) -> None:
        """The index against the alarms themselves."""
        if not batch:
            return
        async with translated():
            pipe = self._stream.redis.pipeline(transaction=False)
            for station, alarm_id in batch:
                keys = self._stream.of(station)
                pipe.hget(keys.alarm(alarm_id), "s")
                pipe.zscore(keys.deadlines, alarm_id)
            rows = await pipe.execute()
        AUDITED.inc(len(batch))
        for (_, alarm_id), snapshot, score in zip(batch, rows[::2], rows[1::2], strict=True):
            due = self._due(snapshot) if snapshot else None
            far = due is not None and due > now + self._deadlines.longest + _LATE and policy_waits(snapshot)
            if due is None or far or score is None or due != from_ms(int(score)):
                await self._look(alarm_id, now)

    def _due(self, snapshot: bytes) -> datetime | None:
        """As computed with the alarm's last event; where that may have been by another policy, by this hub's."""
        if not self._agreed():
            return self._deadlines.next(self._alarms.parse(snapshot))
        due = orjson.loads(snapshot).get("due")
        return None if due is None else from_text(due)

    async def _look(self, alarm_id: str, now: datetime) -> None:
        """See what is true of this alarm at this instant, and put it right."""
        try:
            await self._mend(alarm_id, now)
        except Exception as fault:  # one alarm that cannot be mended must not hide the others
            FOUND.labels("failed").inc()
            log.error("audit_failed", alarm=alarm_id, fault=repr(fault))

    async def _mend(self, alarm_id: str, now: datetime) -> None:
        keys = await self._stream.homes.keys(alarm_id)
        loaded = await self._alarms.load(alarm_id)
        alarm = loaded.alarm if loaded else None
        waiting = self._deadlines.all(alarm) if alarm else []
        version = alarm.version if alarm else 0
        if await self._stream.set_deadline(keys, alarm_id, version, waiting[0].at if waiting else None):
            FOUND.labels("index").inc()
            log.error("audit_late", alarm=alarm_id, why="index")
        if alarm is None or not waiting:
            return
        longest = self._deadlines.policy(alarm.station, alarm.kind).longest
        if waiting[0].what in POLICY_WAITS and waiting[0].at > now + longest + _LATE:
            # Written under a clock that was far ahead: no wait is that long, so it is run at once.
            FOUND.labels("far").inc()
            log.error("audit_late", alarm=alarm_id, why="far", what=waiting[0].what, due=to_text(waiting[0].at))
            await self._timer.run_alarm(keys, alarm_id, waiting[0].at)
            return
        if waiting[0].at > now - _LATE:
            return
        due = await self._timer.run_alarm(keys, alarm_id, now)
        if due is None:
            return
        by = self._clock.now() - due.at
        FOUND.labels("late").inc()
        log.error("audit_late", alarm=alarm_id, why="late", what=due.what, by_s=by.total_seconds())
        if by > _TOLD:
            await self._tell(alarm, due.what, due.at, by)

    async def _tell(self, alarm: Alarm, what: str, at: datetime, by: timedelta) -> None:
        event = DeadlineLate(about=alarm.id, what=what, due=to_text(at), by_s=by.total_seconds())
        once = Append(
            alarm="", expected=0, version=0, snapshot=b"", open=False, deadline="keep",
            key=f"late:{alarm.id}:{what}:{event.due}",
        )  # fmt: skip
        now = self._clock.now()
        await self._stream.append(alarm.home, [make_record(None, 0, event, now, {})], once)
        notice = {"code": "deadline_late", "since": event.due, "alarm": alarm.id, "station": alarm.home, "what": what,
                  "by_s": event.by_s}  # fmt: skip
        late = self._stream.keys.late
        async with translated():
            pipe = self._stream.redis.pipeline(transaction=False)
            pipe.zadd(late, {orjson.dumps(notice): to_ms(now)})
            pipe.zremrangebyrank(late, 0, -_REMEMBERED - 1)
            await pipe.execute()

    async def late(self, since: datetime) -> list[dict[str, Any]]:
        """What the supervisor was told of since then, by any hub."""
        async with translated():
            found = await self._stream.redis.zrange(self._stream.keys.late, to_ms(since), "+inf", byscore=True)
        return [orjson.loads(each) for each in found]


def policy_waits(snapshot: bytes) -> bool:
    """Whether it has a deadline whose wait is a policy's; what is quiet, or where somebody is, ends with its day."""
    members = orjson.loads(snapshot)
    if members["status"] == Status.RAISED:
        return not members.get("quiet") or "unanswered_at" not in members
    return bool(members["status"] == Status.ACKNOWLEDGED)
