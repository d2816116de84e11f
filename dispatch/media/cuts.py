"""Ends recordings that nobody ended: no chunk came for a time, so the page that made them is gone.

What had come stays whole and is copied like any other. Never ends a photo: one may wait long for a better network.
Field's terms: liveness timeout, reaper.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from dispatch.alarm import errors
from dispatch.alarm.clock import Clock, to_ms
from dispatch.alarm.errors import Refused
from dispatch.media.chunks import Chunks
from dispatch.store.faults import translated
from dispatch.stream.alarms import Alarms
from dispatch.stream.keys import Keys

_AT_ONCE = 16
LOOK_EVERY_S = 5.0
_AGAIN = timedelta(seconds=30)

_log = structlog.get_logger(__name__)


def cut_at(clock: Clock, after_s: float) -> int:
    """When a recording whose latest chunk came now is cut, in ms."""
    return to_ms(clock.now() + timedelta(seconds=after_s))


class Cuts:
    """The recordings of one store that may be cut.

    Args:
        alarms: where the alarms are.
        chunks: their chunks, which write down when each recording is cut.
    """

    def __init__(self, alarms: Alarms, chunks: Chunks) -> None:
        self._alarms = alarms
        self._chunks = chunks
        self._redis = alarms.stream.redis

    async def step(self, now: datetime) -> bool:
        """Cut what is due, in each partition; False when nothing was. Two hubs that do so do it once.

        Raises:
            Refused: `not_stored`: what was not cut is found again.
        """
        return any([await self._some(keys, now) for keys in self._alarms.stream.partitions])

    async def _some(self, keys: Keys, now: datetime) -> bool:
        async with translated():
            due = await self._redis.zrange(
                keys.receiving, "-inf", str(to_ms(now)), byscore=True, offset=0, num=_AT_ONCE
            )
        for member in due:
            alarm_id, media = member.decode().split(" ")
            try:
                await self._chunks.cut(alarm_id, media)
            except Refused as refused:
                _log.warning("media_not_cut", alarm=alarm_id, media=media, code=refused.error.code)
                if refused.error not in (errors.NOT_FOUND, errors.NOT_POSSIBLE):
                    async with translated():  # the others need not wait for it
                        await self._redis.zadd(keys.receiving, {member: to_ms(now + _AGAIN)}, xx=True)
                    continue
                # Not found: its first chunk was never receipted, for its hub died before the alarm knew of it.
                # Not possible: it was sent to a plan, by a build that stored before it asked.
            async with translated():  # once it has ended no chunk puts it back
                await self._redis.zrem(keys.receiving, member)
        return bool(due)
