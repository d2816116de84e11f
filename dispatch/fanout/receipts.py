"""Whose consoles have confirmed an alarm. The first confirmation is told at once, further ones at most once a second.

"Sent" is not "delivered": only a console's own word counts here. Never logs each console's confirmation as an event.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from dispatch.alarm.clock import Clock, to_text
from dispatch.alarm.commands import Deliver
from dispatch.alarm.errors import Refused
from dispatch.stream.alarms import Alarms
from dispatch.stream.stream import translated

log = structlog.get_logger()
_EVERY = timedelta(seconds=1)
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
        self._waiting: set[str] = set()
        self._reported: dict[str, datetime] = {}

    async def confirm(self, alarm_ids: list[str], officer: str) -> None:
        """The console of `officer` shows these alarms. Counted by officer: one who comes back is not one more.

        Raises:
            Refused: `not_stored`; the console will confirm again.
        """
        if not alarm_ids:
            return
        now = self._clock.now()
        redis, keys = self._alarms.stream.redis, self._alarms.stream.keys
        async with translated():
            pipe = redis.pipeline(transaction=False)
            for alarm_id in alarm_ids:
                pipe.hsetnx(keys.receipts(alarm_id), officer, to_text(now))
            await pipe.execute()
        for alarm_id in alarm_ids:
            last = self._reported.get(alarm_id)
            if last is None or now - last >= _EVERY:
                await self._report(alarm_id, now)
            else:
                self._waiting.add(alarm_id)

    async def step(self, now: datetime) -> bool:
        """Report the alarms that were confirmed by more consoles since; False when there was none."""
        waiting, self._waiting = self._waiting, set()
        for alarm_id in waiting:
            await self._report(alarm_id, now)
        return bool(waiting)

    async def run(self) -> None:
        """Report every second, for ever."""
        while True:
            now = self._clock.now()
            try:
                await self.step(now)
            except Exception as fault:
                log.error("receipts_step_failed", fault=repr(fault))
            await self._clock.sleep_until(now + _EVERY)

    async def _report(self, alarm_id: str, now: datetime) -> None:
        self._reported[alarm_id] = now
        while len(self._reported) > _REMEMBERED:
            del self._reported[next(iter(self._reported))]
        try:
            async with translated():
                count = await self._alarms.stream.redis.hlen(self._alarms.stream.keys.receipts(alarm_id))
            await self._alarms.handle(alarm_id, Deliver(consoles=count))
        except Refused:
            self._waiting.add(alarm_id)
            raise
