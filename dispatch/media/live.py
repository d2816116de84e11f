"""Makes recordings heard while they are made: a growing sterile copy, for as long as someone listens.

The citizen's bytes go to a shut-in worker and nowhere else. Neither an alarm nor its chunks ever wait for it, and where
nobody listens nothing is done. Field's terms: live streaming, long polling.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import structlog

from dispatch.alarm import errors
from dispatch.alarm.errors import Refused
from dispatch.alarm.events import MediaEnded
from dispatch.alarm.work import Work, end
from dispatch.media.chunks import Chunks
from dispatch.media.live_copy import POLL, Bells, Key, LiveCopy, Lost, Means
from dispatch.media.live_index import LiveIndex, Look
from dispatch.media.live_jobs import LiveLimits
from dispatch.media.objects import Objects
from dispatch.stream.alarms import Alarms, Outcome

WAIT = timedelta(seconds=5)
"""A listener that has everything waits so long for more, then is told that there is nothing."""
_SWEEP = timedelta(seconds=30)

_log = structlog.get_logger(__name__)


class Live:
    """The growing copies that this hub keeps up, and what any listener may ask of any of them.

    Args:
        alarms: where the alarms are.
        chunks: the originals.
        objects: where the sealed parts go.
        work: what goes on, and time.
        workers: at most so many processes at once; a listener of a further recording is refused, with `live_busy`.
        gap_s: so long a chunk that is missing is waited for.
        linger_s: so long after its last listener a copy is kept up.
        limits: what one worker may use.
        started: told each worker's process number.
    """

    def __init__(self, alarms: Alarms, chunks: Chunks, objects: Objects, work: Work, workers: int = 16,
                 gap_s: float = 2, linger_s: float = 30, limits: LiveLimits | None = None,
                 started: Callable[[int], None] = lambda pid: None) -> None:  # fmt: skip
        self.index = LiveIndex(alarms, objects, linger_s)
        self._work = work
        self._workers = workers
        self._came, self._grown = Bells(work), Bells(work)
        self._means = Means(
            alarms=alarms, chunks=chunks, index=self.index, work=work, gap=timedelta(seconds=gap_s),
            linger=timedelta(seconds=linger_s), limits=limits or LiveLimits(), started=started, came=self._came,
            grown=self._grown,
        )  # fmt: skip
        self._working = 0
        self._tasks: dict[Key, asyncio.Task[None]] = {}

    def after_put(self, alarm_id: str, media: str) -> None:
        """For `Chunks.after_put`: a chunk is there. Those of other hubs are found by looking."""
        self._came.ring((alarm_id, media))

    def after_append(self, outcome: Outcome) -> None:
        """For `Alarms.after_append`: a recording has ended."""
        for event in outcome.events:
            if isinstance(event, MediaEnded):
                self._came.ring((outcome.alarm.id, event.media))

    async def listen(self, alarm_id: str, media: str, begin: bool, name: str = "", size: int = 0) -> Look | None:
        """The copy once it has more than `size` bytes, or has ended, or is another than `name`; after `WAIT` as it is.

        Args:
            alarm_id: the alarm.
            media: its recording.
            begin: begin a copy where there is none.
            name: of the copy that the listener has a part of.
            size: of that part.

        Raises:
            Refused: `live_busy`: too many are listened to; `not_stored`.
        """
        until = self._work.now() + WAIT
        with self._grown.heard((alarm_id, media)) as bell:
            while True:
                look = await self._look(alarm_id, media, begin)
                if look is None and not begin:
                    return None
                if look is not None and _is_news(look, name, size):
                    return look
                now = self._work.now()
                if now >= until:
                    return look
                await bell.wait(min(until, now + POLL))

    async def run(self) -> None:
        """Drop what dead hubs left, until cancelled; then end what is kept up here."""
        try:
            while True:
                try:
                    await self.index.sweep(self._work.now())
                except Refused as fault:
                    _log.warning("live_sweep_waits", code=fault.error.code)
                await self._work.sleep_until(self._work.now() + _SWEEP)
        finally:
            await end(self._tasks.values())

    async def _look(self, alarm_id: str, media: str, begin: bool) -> Look | None:
        look = await self.index.look(alarm_id, media, self._work.now(), listening=True)
        if look is not None and (look.kept_up or look.state != "growing"):
            return look
        if not begin:
            return None
        key = (alarm_id, media)
        if key not in self._tasks:
            if self._working >= self._workers:
                raise Refused(
                    errors.LIVE_BUSY, f"at most {self._workers} recordings are heard here (media.live_workers)"
                )
            self._working += 1
            self._tasks[key] = self._work.spawn(self._keep_up(key), f"live copy {media}")
        return look

    async def _keep_up(self, key: Key) -> None:
        """Make the copy, unless another hub does, then keep it until nobody listens."""
        works, copy = True, None
        try:
            name = await self.index.claim(*key, self._work.now())
            if name is None:
                return
            copy = LiveCopy(self._means, *key, name)
            state = await copy.make()
            self._working, works = self._working - 1, False
            await copy.keep(state)
        except Lost:
            pass
        except Refused as fault:  # a store is away: the lease lapses, and the next listener begins anew
            _log.warning("live_copy_left", alarm=key[0], media=key[1], code=fault.error.code)
        except Exception as fault:
            _log.error("live_copy_failed", alarm=key[0], media=key[1], fault=repr(fault))
        finally:
            self._working -= works
            if copy is not None:
                with suppress(Refused):
                    await self.index.drop(*key, copy.name)
            del self._tasks[key]
            self._grown.ring(key)


def _is_news(look: Look, name: str, size: int) -> bool:
    return look.size > size or look.state != "growing" or (name != "" and look.name != name)
