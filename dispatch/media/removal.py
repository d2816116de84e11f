"""Deletes the photos and recordings of alarms whose content was wiped, from a work index in the store.

The index is filled by the script that wipes, so no crash forgets one; the alarm says "removed" only when the objects
are gone. What the alarm never came to know, such as media sent to a plan, goes with it. Never touches what came after
the wipe. Field's terms: work queue, at-least-once, disposition.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from importlib import resources

import structlog

from dispatch.alarm.clock import to_ms
from dispatch.alarm.commands import RemoveMedia
from dispatch.alarm.errors import Refused
from dispatch.alarm.events import ContentWiped
from dispatch.alarm.state import Alarm, Status
from dispatch.alarm.tombstone import GONE
from dispatch.alarm.work import Work
from dispatch.media.objects import Objects
from dispatch.store.client import Script
from dispatch.store.faults import translated
from dispatch.stream.alarms import Alarms, Outcome
from dispatch.stream.keys import Keys

_log = structlog.get_logger(__name__)
_LEASE = timedelta(seconds=60)
_LOOK_AGAIN = timedelta(seconds=5)
_STRAGGLERS = timedelta(minutes=5)
"""So long after a wipe its media are looked for once more: a chunk or a copy may have been on its way."""
_UNDER_WAY = timedelta(minutes=1)
"""A chunk that is younger may be about to become known to the alarm: its receipt is not given yet."""
_MOST_DELETED = 1000
"""Objects deleted between two renewals of the lease."""


class Removal:
    """The removal of wiped media.

    Args:
        alarms: where the alarms are.
        objects: where the media are.
        work: for its bell, and the time of leases.
    """

    def __init__(self, alarms: Alarms, objects: Objects, work: Work) -> None:
        self._alarms = alarms
        self._objects = objects
        self._work = work
        self._redis = alarms.stream.redis
        self._claim = Script(resources.files("dispatch.media").joinpath("claim.lua").read_text())
        self._bell = work.bell()

    def after_append(self, outcome: Outcome) -> None:
        """For `Alarms.after_append`: look at once when this hub wiped something."""
        if any(isinstance(event, ContentWiped) for event in outcome.events):
            self._bell.ring()

    async def step(self) -> bool:
        """Remove what waits longest in each partition; False when nothing waits."""
        return any([await self._one(keys) for keys in self._alarms.stream.partitions])

    async def run(self) -> None:
        """Remove until cancelled; many hubs may do so."""
        while True:
            try:
                while await self.step():
                    pass
            except Refused as fault:
                _log.warning("media_removal_waits", code=fault.error.code)
            await self._bell.wait(self._work.now() + _LOOK_AGAIN)

    async def _one(self, keys: Keys) -> bool:
        now = self._work.now()
        async with translated():
            found = await self._claim.run(self._redis, [keys.removing], [to_ms(now), to_ms(now + _LEASE)])
        if not found:
            return False
        alarm_id = found.decode()
        loaded = await self._alarms.load(alarm_id)
        once_more = False
        if loaded is not None:
            alarm = loaded.alarm
            removed = await self._remove(keys, alarm)
            await self._alarms.handle(alarm_id, RemoveMedia(objects=removed))
            first = any(item["state"] == "wiped" for item in alarm.media.values())
            once_more = first or (alarm.wiped_at is not None and now < alarm.wiped_at + _STRAGGLERS)
        async with translated():
            if once_more:
                await self._redis.zadd(keys.removing, {found: to_ms(now + _STRAGGLERS)}, xx=True)
            else:
                await self._redis.zrem(keys.removing, found)
        return True

    async def _remove(self, keys: Keys, alarm: Alarm) -> int:
        """Delete every object of wiped media, and what the alarm never came to know and was there before the wipe."""
        gone = [media for media, item in alarm.media.items() if item["state"] in GONE]
        async with translated():  # before their objects are looked for: those are written first
            registered = {media.decode() for media in await self._redis.smembers(keys.media_of(alarm.id))}
        objects = await self._objects.under(alarm.id)
        stays = {path.split("/")[1] for path, written in objects if not self._before_end(alarm, written)}
        found = {path.split("/")[1] for path, _ in objects} | registered
        gone += sorted(media for media in found if media not in alarm.media and media not in stays)
        doomed = [
            path for path, written in objects
            if (media := path.split("/")[1]) in gone or (media not in alarm.media and self._before_end(alarm, written))
        ]  # fmt: skip
        for at in range(0, len(doomed), _MOST_DELETED):
            await self._objects.delete(doomed[at : at + _MOST_DELETED])
            async with translated():
                await self._redis.zadd(keys.removing, {alarm.id: to_ms(self._work.now() + _LEASE)}, xx=True)
        for media in gone:
            await self._objects.prune(f"{alarm.id}/{media}")
            await self._forget(keys, alarm.id, media)
        return len(doomed)

    def _before_end(self, alarm: Alarm, written: datetime) -> bool:
        """Whether an object that the alarm does not know was there before its content ended."""
        if alarm.status is Status.ENDED:
            return True  # a plan never has media
        return alarm.wiped_at is not None and written < min(alarm.wiped_at, self._work.now() - _UNDER_WAY)

    async def _forget(self, keys: Keys, alarm_id: str, media: str) -> None:
        """Take the media out of every register of the store."""
        async with translated():
            pipe = self._redis.pipeline(transaction=False)
            pipe.delete(keys.chunks(alarm_id, media), keys.media(alarm_id, media))
            pipe.delete(keys.live(alarm_id, media), keys.live_parts(alarm_id, media))
            pipe.zrem(keys.receiving, f"{alarm_id} {media}")
            pipe.zrem(keys.lives, f"{alarm_id} {media}")
            pipe.srem(keys.media_of(alarm_id), media)
            pipe.zrem(keys.copying, f"{alarm_id} {media}")
            await pipe.execute()
