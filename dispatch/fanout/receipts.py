"""Whose consoles have confirmed an alarm. The first confirmation is told at once, further ones at most once a second.

"Sent" is not "delivered": only a console's own word counts here. Never logs each console's confirmation as an event.
A hundred consoles confirm in the same instant, so what comes while one write is under way goes into the next together.
Field's term: group commit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from datetime import datetime, timedelta
from typing import Any

import structlog

from dispatch.alarm.clock import Clock, to_text
from dispatch.alarm.commands import Deliver
from dispatch.alarm.errors import Refused
from dispatch.store.faults import translated
from dispatch.stream.alarms import Alarms

log = structlog.get_logger()
REPORT_EVERY_S = 1.0
_EVERY = timedelta(seconds=REPORT_EVERY_S)
_REMEMBERED = 10_000
"""Alarms whose last report is remembered; forgetting one costs an earlier report, never a lost one."""


class Receipts:
    """Confirmations from this hub's consoles; the store holds those of all hubs.

    Args:
        alarms: where the alarms are.
        clock: time.
    """

    def __init__(self, alarms: Alarms, clock: Clock) -> None:
        self._alarms = alarms
        self._clock = clock
        self._batch: dict[str, dict[str, str]] = {}  # alarm -> officer -> time, for the next write
        self._written: asyncio.Future[None] | None = None  # done when the next write is stored
        self._writing = False
        self._now: set[str] = set()  # to be reported at once
        self._later: set[str] = set()  # to be reported at the next second
        self._reporting = False
        self._reported: dict[str, datetime] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def confirm(self, alarm_ids: list[str], officer: str) -> None:
        """The console of `officer` shows these alarms. Counted by officer: one who comes back is not one more.

        Raises:
            Refused: `not_stored`; the console will confirm again.
        """
        if not alarm_ids:
            return
        at = to_text(self._clock.now())
        for alarm_id in alarm_ids:
            self._batch.setdefault(alarm_id, {})[officer] = at
        if self._written is None:
            self._written = asyncio.get_running_loop().create_future()
        written = self._written
        if not self._writing:
            self._writing = True
            self._spawn(self._write())
        await asyncio.shield(written)

    async def step(self, now: datetime) -> bool:
        """Report the alarms that were confirmed by more consoles since; False when there was none."""
        later, self._later = self._later, set()
        for alarm_id in later:
            await self._report(alarm_id, now)
        return bool(later)

    async def _write(self) -> None:
        """Store what has come, until nothing more came meanwhile."""
        stream = self._alarms.stream
        try:
            while self._written is not None:
                batch, self._batch = self._batch, {}
                written, self._written = self._written, None
                try:
                    async with translated():
                        pipe = stream.redis.pipeline(transaction=False)
                        for alarm_id, officers in batch.items():
                            pipe.hset((await stream.homes.keys(alarm_id)).receipts(alarm_id), mapping=officers)
                        await pipe.execute()
                except Refused as refused:
                    written.set_exception(refused)
                else:
                    written.set_result(None)
                    self._to_report(batch)
        finally:
            self._writing = False

    def _to_report(self, alarm_ids: Iterable[str]) -> None:
        now = self._clock.now()
        for alarm_id in alarm_ids:
            last = self._reported.get(alarm_id)
            (self._now if last is None or now - last >= _EVERY else self._later).add(alarm_id)
        if self._now and not self._reporting:
            self._reporting = True
            self._spawn(self._report_now())

    async def _report_now(self) -> None:
        try:
            while self._now:
                await self._report(self._now.pop(), self._clock.now())
        finally:
            self._reporting = False

    async def _report(self, alarm_id: str, now: datetime) -> None:
        self._reported[alarm_id] = now
        while len(self._reported) > _REMEMBERED:
            del self._reported[next(iter(self._reported))]
        try:
            keys = await self._alarms.stream.homes.keys(alarm_id)
            async with translated():
                count = await self._alarms.stream.redis.hlen(keys.receipts(alarm_id))
            await self._alarms.handle(alarm_id, Deliver(consoles=count))
        except Refused as refused:
            log.warning("confirmation_not_told", alarm=alarm_id, code=refused.error.code)
            self._later.add(alarm_id)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
