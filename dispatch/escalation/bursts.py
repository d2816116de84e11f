"""Bursts: many alarms of one sender, or of too many at once. One of each escalates for all; one act closes them.

Which alarms a burst has is written before any of them is stored, and who escalates is looked after again and again: if
that one is closed, or never came, the next that waits escalates. Field's terms: alarm grouping, bulk operation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog

from dispatch.alarm import errors
from dispatch.alarm.clock import from_text, to_ms
from dispatch.alarm.commands import Actor, CloseBurst, Command, LeadBurst, UndoCloseBurst
from dispatch.alarm.errors import Refused
from dispatch.alarm.messages import CloseBurst as CloseBody
from dispatch.alarm.messages import UndoCloseBurst as UndoBody
from dispatch.alarm.sight import visible_to
from dispatch.alarm.state import Status
from dispatch.alarm.work import Work
from dispatch.store.faults import translated
from dispatch.stream.alarms import Alarms

log = structlog.get_logger()
LOOK_EVERY_S = 1.0
UNDO_S = 60.0
"""Closing hundreds takes seconds, and so does seeing that it was a slip."""
_COMES = timedelta(seconds=10)
"""An alarm that is not stored so long after it joined its burst does not come; if it does, another escalates for it."""
_KEPT = timedelta(days=2)
_AT_ONCE = 16


class Bursts:
    """The bursts of all stations.

    Args:
        alarms: where the alarms are.
        work: what goes on, and time.
        mine: whether timers are this hub's to run.
    """

    def __init__(self, alarms: Alarms, work: Work, mine: Callable[[], bool]) -> None:
        self._alarms = alarms
        self._stream = alarms.stream
        self._work = work
        self._mine = mine

    async def join(self, station: str, burst: str, alarm: str) -> bool:
        """Write that `alarm` comes with `burst`; whether another one escalates for it."""
        keys = self._stream.of(station)
        members = keys.burst(station, burst)
        async with translated():
            pipe = self._stream.redis.pipeline(transaction=False)
            pipe.zadd(members, {alarm: to_ms(self._work.now())}, nx=True)
            pipe.pexpire(members, _KEPT)
            pipe.hsetnx(keys.bursts, f"{station}|{burst}", alarm)
            pipe.hget(keys.bursts, f"{station}|{burst}")
            leads = (await pipe.execute())[3]
        return bool(leads is not None and leads.decode() != alarm)

    async def step(self, now: datetime) -> None:
        """See that of each burst with an alarm that waits one escalates."""
        if not self._mine():
            return
        for keys in self._stream.partitions:
            async with translated():
                found = await self._stream.redis.hgetall(keys.bursts)
            for name, leads in found.items():
                station, _, burst = name.decode().partition("|")
                try:
                    await self._look(station, burst, leads.decode(), now)
                except Exception as fault:  # one must not hold up the others
                    log.error("burst_failed", station=station, burst=burst, fault=repr(fault))

    async def _look(self, station: str, burst: str, leads: str, now: datetime) -> None:
        keys = self._stream.of(station)
        loaded = await self._alarms.load(leads)
        if loaded is not None and loaded.alarm.open and not loaded.alarm.quiet:
            return
        async with translated():
            joined = await self._stream.redis.zscore(keys.burst(station, burst), leads)
        if loaded is None and joined is not None and to_ms(now - _COMES) < joined:
            return
        for alarm in await self._open(station, burst):
            outcome = await self._alarms.handle(alarm, LeadBurst())
            if outcome.alarm.status is Status.RAISED and not outcome.alarm.quiet:
                log.info("burst_led", station=station, burst=burst, alarm=alarm)
                async with translated():
                    await self._stream.redis.hset(keys.bursts, f"{station}|{burst}", alarm)
                return
        async with translated():
            await self._stream.redis.hdel(keys.bursts, f"{station}|{burst}")

    async def close(self, actor: Actor, message: CloseBody) -> dict[str, Any]:
        """Close every alarm of the burst that nobody has taken and that was seen; `closed` says how many.

        Raises:
            Refused: `not_found`, `not_possible`.
        """
        station, burst = await self._of(actor, message.alarm)
        do = CloseBurst(
            by=actor, until=from_text(message.until), disposition=message.disposition, note=message.note
        )  # fmt: skip
        return {"closed": await self._each(await self._open(station, burst), do)}

    async def undo(self, actor: Actor, message: UndoBody) -> dict[str, Any]:
        """Have those back that `actor` closed with the burst in the last `UNDO_S` seconds; `opened` says how many.

        Raises:
            Refused: `not_found`, `not_possible`.
        """
        station, burst = await self._of(actor, message.alarm)
        do = UndoCloseBurst(by=actor, closed_from=self._work.now() - timedelta(seconds=UNDO_S))
        keys = self._stream.of(station)
        async with translated():
            found = await self._stream.redis.zrange(keys.burst(station, burst), 0, -1)
        opened = await self._each([each.decode() for each in found], do)
        if opened:
            async with translated():  # which of them escalates is found with the next look
                await self._stream.redis.hsetnx(keys.bursts, f"{station}|{burst}", found[0])
        return {"opened": opened}

    async def _of(self, actor: Actor, alarm_id: str) -> tuple[str, str]:
        """The station and the burst of the alarm, which the actor may see."""
        loaded = await self._alarms.load(alarm_id)
        if loaded is None or not visible_to(loaded.alarm, actor):
            raise Refused(errors.NOT_FOUND, "there is no such alarm")
        if loaded.alarm.burst is None:
            raise Refused(errors.NOT_POSSIBLE, "this alarm belongs to no burst", status=loaded.alarm.status)
        return loaded.alarm.home, loaded.alarm.burst

    async def _open(self, station: str, burst: str) -> list[str]:
        """The alarms of the burst that are open, the earliest first."""
        keys = self._stream.of(station)
        async with translated():
            pipe = self._stream.redis.pipeline(transaction=False)
            pipe.zrange(keys.burst(station, burst), 0, -1)
            pipe.smembers(keys.open(station))
            members, opened = await pipe.execute()
        opened = set(opened)
        return [each.decode() for each in members if each in opened]

    async def _each(self, alarms: Sequence[str], do: Command) -> int:
        """Give each the command; how many it changed."""
        done = 0
        for at in range(0, len(alarms), _AT_ONCE):
            some = alarms[at : at + _AT_ONCE]
            done += sum(await self._work.all(*(self._one(alarm, do) for alarm in some)))
        return done

    async def _one(self, alarm: str, do: Command) -> bool:
        return bool((await self._alarms.handle(alarm, do)).events)
