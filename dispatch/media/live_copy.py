"""Makes one growing copy: chunks in order to a worker, what it makes into the index, for as long as someone listens.

A chunk that is missing is waited for, then it is a gap; the first one never. A worker that dies costs one more try,
from chunk 0 and under another name. Field's terms: live transcoding, gap concealment.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson
import structlog

from dispatch.alarm.commands import FailLiveSound
from dispatch.alarm.work import Bell, Work
from dispatch.media.chunks import Chunks
from dispatch.media.jobs import WorkerDied
from dispatch.media.live_index import LiveIndex
from dispatch.media.live_jobs import CannotBeHeard, Grown, LiveLimits, LiveWorker
from dispatch.media.objects import Damaged
from dispatch.store.faults import translated
from dispatch.stream.alarms import Alarms

POLL = timedelta(seconds=0.25)
RENEW = timedelta(seconds=1)
_AT_ONCE = 16
_MOST_DEATHS = 2

_log = structlog.get_logger(__name__)
Key = tuple[str, str]


class Lost(Exception):
    """Nobody listens any more, or another hub keeps the copy up: nothing is left to do."""


class Bells:
    """Wakes all who wait for the same recording."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._of: defaultdict[Key, set[Bell]] = defaultdict(set)

    def ring(self, key: Key) -> None:
        for bell in self._of.get(key, ()):
            bell.ring()

    @contextmanager
    def heard(self, key: Key) -> Iterator[Bell]:
        """A bell of one's own; no ring is missed while it is heard."""
        bell = self._work.bell()
        self._of[key].add(bell)
        try:
            yield bell
        finally:
            self._of[key].discard(bell)
            if not self._of[key]:
                del self._of[key]


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What copies are made with. `gap`: so long a missing chunk is waited for; `linger`: the last listener's memory."""

    alarms: Alarms
    chunks: Chunks
    index: LiveIndex
    work: Work
    gap: timedelta
    linger: timedelta
    limits: LiveLimits
    started: Callable[[int], None]
    came: Bells
    grown: Bells


class LiveCopy:
    """One growing copy, which this hub keeps up.

    Args:
        means: what it is made with.
        alarm_id: the alarm.
        media: its recording.
        name: of the copy, as it was claimed.
    """

    def __init__(self, means: Means, alarm_id: str, media: str, name: str) -> None:
        self._means = means
        self.alarm = alarm_id
        self.media = media
        self._begin(name)

    def _begin(self, name: str) -> None:
        self.name = name
        self._seq = self._used = self._parts = 0
        self._seconds = 0.0
        self._gaps: list[tuple[float, float]] = []
        self._held: list[bytes] = []
        self._waits_since: datetime | None = None
        self._renewed: datetime | None = None

    async def make(self) -> str:
        """Make it to its end; how that was: `ended`, `cut` or `failed`.

        Raises:
            Lost: nobody listens.
            Refused: `not_stored`: a store does not answer.
        """
        while True:
            try:
                return await self._grow()
            except CannotBeHeard as why:
                return await self._fail(why.args[0])
            except Damaged:
                return await self._fail("damaged")
            except WorkerDied as how:
                if await self._deaths(str(how)) >= _MOST_DEATHS:
                    return await self._fail("worker_died")
                await self._means.index.drop(self.alarm, self.media, self.name)
                name = await self._means.index.claim(self.alarm, self.media, self._means.work.now())
                if name is None:
                    raise Lost from None
                self._begin(name)

    async def keep(self, state: str) -> None:
        """Keep what was made until nobody listens: ends by `Lost`."""
        while True:
            await self._tell(state)
            await self._means.work.sleep_until(self._means.work.now() + RENEW)

    async def _deaths(self, how: str) -> int:
        stream = self._means.alarms.stream
        keys = await stream.homes.keys(self.alarm)
        async with translated():
            deaths = int(await stream.redis.hincrby(keys.media(self.alarm, self.media), "live_deaths", 1))
        _log.warning("live_worker_died", alarm=self.alarm, media=self.media, deaths=deaths, how=how)
        return deaths

    async def _fail(self, reason: str) -> str:
        await self._means.alarms.handle(self.alarm, FailLiveSound(media=self.media, reason=reason))
        return "failed"

    async def _grow(self) -> str:
        worker = await LiveWorker.start(self._means.limits)
        self._means.started(worker.pid)
        try:
            with self._means.came.heard((self.alarm, self.media)) as bell:
                while True:
                    bell.silence()
                    before = self._seq
                    state = await self._feed(worker)
                    now = self._means.work.now()
                    if state is not None:
                        return state
                    if self._held or self._renewed is None or now >= self._renewed + RENEW:
                        await self._tell("growing")
                    elif self._seq == before:
                        await bell.wait(now + POLL)
        finally:
            await worker.close()

    async def _feed(self, worker: LiveWorker) -> str | None:
        """Give the worker what has come; how the recording ended, once it has and all of it was given."""
        stream, chunks = self._means.alarms.stream, self._means.chunks
        k = await stream.homes.keys(self.alarm)
        ended = await chunks.ended(self.alarm, self.media)
        async with translated():
            pipe = stream.redis.pipeline(transaction=False)
            pipe.hmget(k.chunks(self.alarm, self.media), [str(self._seq + n) for n in range(_AT_ONCE)])
            pipe.hlen(k.chunks(self.alarm, self.media))
            values, stored = await pipe.execute()
        before = self._used
        for value in values:
            if value is None:
                break
            self._take(await worker.feed(await chunks.open(self.alarm, self.media, value)))
            self._seq, self._used, self._waits_since = self._seq + 1, self._used + 1, None
        if self._used > before:
            return None
        if stored > self._used and await self._missing(worker, at_once=ended is not None):
            return None
        if ended is None:
            return None
        self._take(await worker.end())
        return "cut" if ended.cut else "ended"

    async def _missing(self, worker: LiveWorker, at_once: bool) -> bool:
        """Whether a later chunk is there while the next one is not; go on without it, once it was waited for."""
        now = self._means.work.now()
        stored = await self._means.chunks.stored(self.alarm, self.media)
        later = min((seq for seq in stored if seq >= self._seq), default=None)
        if later is None:
            self._used = len(stored)  # those that were missing came after all, too late to be heard
            return False
        self._waits_since = self._waits_since or now
        if later == self._seq or (not at_once and (self._seq == 0 or now < self._waits_since + self._means.gap)):
            return True
        if self._seq == 0:
            raise CannotBeHeard("truncated")
        self._take(await worker.skip(later - self._seq))
        self._seq, self._waits_since = later, None
        return True

    def _take(self, grown: Grown) -> None:
        self._seconds = grown.seconds
        self._gaps += grown.gaps
        if grown.made:
            self._held.append(grown.made)

    async def _tell(self, state: str) -> None:
        """Let listeners have what was made; renew.

        Raises:
            Lost: there are none, or it is another hub's by now.
        """
        means, now = self._means, self._means.work.now()
        part, self._held = b"".join(self._held), []
        about = {"seconds": f"{self._seconds:.3f}", "gaps": orjson.dumps(self._gaps).decode(), "state": state}
        wanted = await means.index.add(self.alarm, self.media, self.name, self._parts, part, now, **about)
        if wanted is None or now > wanted + means.linger:
            raise Lost
        self._parts += bool(part)
        self._renewed = now
        means.grown.ring((self.alarm, self.media))
