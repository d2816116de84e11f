"""Finds copies of alarms that are ahead of the alarm itself: of a history that is no more, since the store went back.

A copy that was on its way when the store went back is written into what is there then; where the partitions of a store
lie on several servers, one of them may go back alone. Such a copy would wait on a station's pages for ever, for nothing
can be done to an alarm that is not there. Field's terms: orphan, anti-entropy.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

import structlog
from prometheus_client import Counter

from dispatch.alarm.clock import to_ms
from dispatch.store.client import Script
from dispatch.store.faults import translated
from dispatch.stream.alarms import Alarms
from dispatch.stream.keys import Keys
from dispatch.stream.relay import CLOSED_AGAIN, Relay
from dispatch.stream.rounds import Round

log = structlog.get_logger()
ORPHANS_EVERY_S = 1.0
_PER_STEP = 250
_SURE = timedelta(seconds=20)
"""So long a server that was replaced may go on answering with what it has (`cluster-node-timeout` is 15 s)."""
FOUND = Counter("dispatch_orphaned_copies", "Copies for called-in stations that were ahead of the alarm itself")
_TAKE_BACK = Script("""
if redis.call('HGET', KEYS[1], 'v') ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1], KEYS[2])
return redis.call('SREM', KEYS[3], ARGV[2])
""")


class Orphans:
    """The copies of one store.

    Args:
        alarms: where the alarms are.
        relay: brings the alarm as it is.
        stations: every station's id.
        went_back: (station, epoch): what its pages show is void.
    """

    def __init__(
        self, alarms: Alarms, relay: Relay, stations: Sequence[str], went_back: Callable[[str, str], Awaitable[None]]
    ) -> None:
        self._alarms = alarms
        self._stream = alarms.stream
        self._relay = relay
        self._round = Round(alarms.stream, stations, Keys.mirrors, _PER_STEP)
        self._went_back = went_back
        self._since: dict[tuple[str, str], datetime] = {}  # (station, alarm) -> when its copy was first found ahead

    async def step(self, now: datetime) -> None:
        """Look at the next open copies of this round, and at the closed ones whose time it is."""
        await self._compare(await self._round.next(), now)
        await self._closed(now)

    async def _closed(self, now: datetime) -> None:
        """Closed copies are on no page; while they have words they are looked at once a day, or nothing ended these."""
        async with translated():
            pipe = self._stream.redis.pipeline(transaction=False)
            for keys in self._stream.partitions:
                pipe.zrange(keys.copies, "-inf", to_ms(now), byscore=True, offset=0, num=_PER_STEP)
            rows = await pipe.execute()
        due = [_pair(member) for row in rows for member in row]
        if not due:
            return
        ahead = await self._compare(due, now)
        async with translated():
            pipe = self._stream.redis.pipeline(transaction=False)
            for station, alarm in due:
                pipe.exists(self._stream.of(station).words(station, alarm))
            has_words = await pipe.execute()
        for (station, alarm), words in zip(due, has_words, strict=True):
            if words:
                again = now + (2 * _SURE if (station, alarm) in ahead else CLOSED_AGAIN)
                await self._stream.look_at_copy(station, alarm, again, moved=True)
            else:  # they were wiped with the alarm's, or taken back
                async with translated():
                    await self._stream.redis.zrem(self._stream.of(station).copies, f"{station}|{alarm}")

    async def _compare(self, batch: list[tuple[str, str]], now: datetime) -> set[tuple[str, str]]:
        """A copy first, then its alarm, which can only be further on; those ahead of it, mended where that is sure."""
        if not batch:
            return set()
        async with translated():
            pipe = self._stream.redis.pipeline(transaction=False)
            for station, alarm in batch:
                pipe.hget(self._stream.of(station).mirror(station, alarm), "v")
            copies = await pipe.execute()
        homes = [await self._stream.homes.keys(alarm) for _, alarm in batch]
        async with translated():
            pipe = self._stream.redis.pipeline(transaction=False)
            for keys, (_, alarm) in zip(homes, batch, strict=True):
                pipe.hget(keys.alarm(alarm), "v")
            alarms = await pipe.execute()
        ahead: set[tuple[str, str]] = set()
        for (station, alarm), copy, version in zip(batch, copies, alarms, strict=True):
            if int(copy or 0) <= int(version or 0):
                self._since.pop((station, alarm), None)
                continue
            ahead.add((station, alarm))
            if self._is_sure(station, alarm, now):
                await self._mend(station, alarm, int(copy))
        return ahead

    def _is_sure(self, station: str, alarm: str, now: datetime) -> bool:
        """One server tells one truth; of several, the alarm's may be one that was replaced and does not know it yet."""
        if len(self._stream.partitions) == 1:
            return True
        self._since = {found: since for found, since in self._since.items() if now - since < 10 * _SURE}
        return now - self._since.setdefault((station, alarm), now) >= _SURE

    async def _mend(self, station: str, alarm: str, version: int) -> None:
        """Bring the alarm as it is; take the copy back where there is none to which this station was called in."""
        FOUND.inc()
        log.error("copy_orphaned", alarm=alarm, station=station, version=version)
        loaded = await self._alarms.load(alarm)
        if loaded is not None and station in loaded.alarm.shared:
            await self._relay.bring(station, alarm, version, {})
            return
        keys, epoch = self._stream.of(station), self._stream.epoch(station)
        where = [keys.mirror(station, alarm), keys.words(station, alarm), keys.mirrors(station)]
        async with translated():
            taken = await _TAKE_BACK.run(self._stream.redis, where, [version, alarm])
        if taken:  # by this hub: whoever looks at the station is sent the state anew
            await self._went_back(station, epoch)


def _pair(member: bytes) -> tuple[str, str]:
    station, _, alarm = member.decode().rpartition("|")
    return station, alarm
