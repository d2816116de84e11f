"""Which hub runs the timers of a partition: a short lease with a fencing token.

A hub that dies stops renewing, and another takes its partitions when the lease has ended. One that was frozen and wakes
still has its old token, with which the store refuses what it sends. Field's terms: lease, fencing token.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import resources
from typing import Any

import structlog
from prometheus_client import Gauge

from dispatch.alarm.clock import from_ms, to_ms
from dispatch.alarm.errors import Refused
from dispatch.alarm.work import Work
from dispatch.store.client import Script
from dispatch.store.faults import translated
from dispatch.stream.keys import Keys
from dispatch.stream.stream import Stream

log = structlog.get_logger()
_TAKE = Script(resources.files("dispatch.stream").joinpath("lease.lua").read_text())
_GIVE = Script(
    "if redis.call('HGET', KEYS[1], 'hub') == ARGV[1] then redis.call('HSET', KEYS[1], 'hub', '', 'until', ARGV[2]) end"
)
HELD = Gauge("dispatch_leases", "Partitions whose timers this hub runs", multiprocess_mode="livesum")


@dataclass(frozen=True, slots=True)
class Held:
    """A partition whose timers this hub runs now: under `token`, with the alarms that are due, earliest first."""

    keys: Keys
    token: str
    due: list[str]
    next_due: datetime | None


class Leases:
    """The leases of one hub.

    Args:
        stream: the store.
        hub: this hub's name; no other may have it.
        lease_s: for so long a partition is held without being renewed.
        work: what goes on.
        may: whether this hub may run timers; while it may not, it leaves them to others.
    """

    def __init__(
        self, stream: Stream, hub: str, lease_s: float, work: Work, may: Callable[[], bool] = lambda: True
    ) -> None:
        self._may = may
        self._stands_back = False
        self._stream = stream
        self._work = work
        self._hub = hub
        self._lease = timedelta(seconds=lease_s)
        self._held: set[int] = set()
        self._living = 1
        self.held: list[Held] = []
        """As of the last look. What is done under a token that is not valid any more is refused by the store."""

    async def look(self, now: datetime, most_due: int = 256) -> list[Held]:
        """Take or renew what this hub should hold, and see what is due there: one question per partition.

        A partition whose server does not answer holds up no other.

        Raises:
            Refused: `not_stored`: none answered.
        """
        if not self._may():
            if not self._stands_back:
                await self.release(now)
            self._stands_back = True
            return []
        self._stands_back = False
        share = await self._share(now)
        surplus = sorted(self._held)[share:]
        given = [self._give(self._stream.partitions[number], now) for number in surplus]
        wanted = [keys for keys in self._stream.partitions if keys.partition not in surplus]
        taken: list[Coroutine[Any, Any, Held | None]] = [self._take(keys, now, share, most_due) for keys in wanted]
        found = await self._work.settled(*taken, *given)
        held = [each for each in found if isinstance(each, Held)]
        faults = [each for each in found if isinstance(each, BaseException)]
        if faults and len(faults) == len(found):
            raise faults[0]
        for fault in faults:
            log.warning("lease_not_renewed", fault=str(fault))
        self._held = {each.keys.partition for each in held}
        self.held = held
        HELD.set(len(held))
        return held

    async def release(self, now: datetime) -> None:
        """Give everything up at once: this hub stops, or stands back."""
        if len(self._stream.partitions) > 1:
            async with translated():
                await self._stream.redis.zrem(self._stream.keys.hubs, self._hub)
        await self._work.all(*(self._give(keys, now) for keys in self._stream.partitions))
        self._held, self.held = set(), []
        HELD.set(0)

    async def _share(self, now: datetime) -> int:
        """How many partitions this hub should hold, of all hubs that live."""
        count = len(self._stream.partitions)
        if count == 1:
            return 1
        hubs = self._stream.keys.hubs
        try:
            async with translated():
                pipe = self._stream.redis.pipeline(transaction=False)
                pipe.zadd(hubs, {self._hub: to_ms(now + self._lease)})
                pipe.zremrangebyscore(hubs, "-inf", to_ms(now))
                pipe.zcard(hubs)
                self._living = max(1, int((await pipe.execute())[2]))
        except Refused as refused:
            log.warning("hubs_not_counted", fault=str(refused))  # as many as before
        return -(-count // self._living)

    async def _take(self, keys: Keys, now: datetime, share: int, most_due: int) -> Held | None:
        # Who has its share already leaves a free partition to others for a while, and takes it when nobody else does.
        patience = self._lease / 2 if keys.partition not in self._held and len(self._held) >= share else timedelta(0)
        args = [self._hub, to_ms(now), to_ms(now + self._lease), patience // timedelta(milliseconds=1), most_due]
        async with translated():
            token, _, next_due, *due = await _TAKE.run(self._stream.redis, [keys.lease, keys.deadlines], args)
        if not token:
            return None
        ahead = from_ms(int(float(next_due))) if next_due else None
        return Held(keys, token.decode(), [alarm.decode() for alarm in due], ahead)

    async def _give(self, keys: Keys, now: datetime) -> None:
        async with translated():
            await _GIVE.run(self._stream.redis, [keys.lease], [self._hub, to_ms(now)])
