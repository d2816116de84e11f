"""Whose consoles have confirmed an alarm. The first are told within 20 ms, further ones at most once a second.

"Sent" is not "delivered": only a console's own word counts here. Never logs each console's confirmation as an event.
A hundred consoles confirm in the same instant, so what comes while one write is under way goes into the next together,
and the first report waits for who is as quick. Field's term: group commit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from dispatch.alarm import errors
from dispatch.alarm.clock import to_text
from dispatch.alarm.commands import Deliver
from dispatch.alarm.errors import Refused
from dispatch.alarm.work import Work
from dispatch.store.faults import translated
from dispatch.stream.alarms import Alarms

log = structlog.get_logger()
REPORT_EVERY_S = 1.0
_EVERY = timedelta(seconds=REPORT_EVERY_S)
FIRST_WAIT_S = 0.02
"""So long the first report of an alarm waits for consoles that confirm in the same instant."""
_AT_ONCE = 64
"""Reports under way together."""
_REMEMBERED = 10_000
"""Alarms whose last report is remembered; forgetting one costs an earlier report, never a lost one."""


Told = Callable[[Refused | None], None]
"""Called with None when it is stored, else with why it is not; must not block."""


@dataclass(slots=True, eq=False)
class _Batch:
    """Confirmations that are written together: alarm -> officer -> time; and who is told how it went."""

    alarms: dict[str, dict[str, str]] = field(default_factory=dict)
    told: list[Told] = field(default_factory=list)


class Receipts:
    """Confirmations from this hub's consoles; the store holds those of all hubs.

    Args:
        alarms: where the alarms are.
        work: its writes and reports, and time.
    """

    def __init__(self, alarms: Alarms, work: Work) -> None:
        self._alarms = alarms
        self._work = work
        self._next: _Batch | None = None  # for the next write
        self._writing = False
        self._now: set[str] = set()  # to be reported soon
        self._later: set[str] = set()  # to be reported at the next second
        self._reporting = False
        self._reported: dict[str, datetime] = {}

    def confirm(self, alarm_ids: list[str], officer: str, told: Told) -> None:
        """The console of `officer` shows these alarms; `told` when that is stored, or not (it will confirm again).

        Counted by officer: one who comes back is not one more. Without an await: a thousand consoles confirm at once.
        """
        if not alarm_ids:
            told(None)
            return
        at = to_text(self._work.now())
        batch = self._next = self._next or _Batch()
        for alarm_id in alarm_ids:
            batch.alarms.setdefault(alarm_id, {})[officer] = at
        batch.told.append(told)
        if not self._writing:
            self._writing = True
            self._work.spawn(self._write(), "confirmations")

    async def step(self, now: datetime) -> bool:
        """Report the alarms that were confirmed by more consoles since; False when there was none."""
        later, self._later = self._later, set()
        await self._report(later, now)
        return bool(later)

    async def _write(self) -> None:
        """Store what has come, until nothing more came meanwhile."""
        stream = self._alarms.stream
        try:
            while (batch := self._next) is not None:
                self._next = None
                how: Refused | None = Refused(errors.NOT_STORED, "the confirmation was broken off")
                try:
                    async with translated():
                        pipe = stream.redis.pipeline(transaction=False)
                        for alarm_id, officers in batch.alarms.items():
                            pipe.hset((await stream.homes.keys(alarm_id)).receipts(alarm_id), mapping=officers)
                        await pipe.execute()
                    self._to_report(batch.alarms)
                    how = None
                except Refused as refused:
                    how = refused
                finally:
                    for told in batch.told:
                        told(how)
        finally:
            self._writing = False

    def _to_report(self, alarm_ids: Iterable[str]) -> None:
        now = self._work.now()
        for alarm_id in alarm_ids:
            last = self._reported.get(alarm_id)
            (self._now if last is None or now - last >= _EVERY else self._later).add(alarm_id)
        if self._now and not self._reporting:
            self._reporting = True
            self._work.later(FIRST_WAIT_S, self._begin_report)

    def _begin_report(self) -> None:
        self._work.spawn(self._report_now(), "reports of confirmations")

    async def _report_now(self) -> None:
        try:
            while self._now:
                now, self._now = self._now, set()
                await self._report(now, self._work.now())
        finally:
            self._reporting = False

    async def _report(self, alarm_ids: Iterable[str], now: datetime) -> None:
        """Tell of these alarms, some together."""
        left = list(alarm_ids)
        for alarm_id in left:
            self._reported[alarm_id] = now
        while len(self._reported) > _REMEMBERED:
            del self._reported[next(iter(self._reported))]
        for at in range(0, len(left), _AT_ONCE):
            await self._work.all(*(self._report_one(alarm_id) for alarm_id in left[at : at + _AT_ONCE]))

    async def _report_one(self, alarm_id: str) -> None:
        try:
            keys = await self._alarms.stream.homes.keys(alarm_id)
            async with translated():
                count = await self._alarms.stream.redis.hlen(keys.receipts(alarm_id))
            await self._alarms.handle(alarm_id, Deliver(consoles=count))
        except Refused as refused:
            log.warning("confirmation_not_told", alarm=alarm_id, code=refused.error.code)
            self._later.add(alarm_id)
