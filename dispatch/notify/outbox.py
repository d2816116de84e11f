"""What is still to be sent, in the store: written in one change with the position in a station's stream.

So nothing is forgotten by a crash, and any hub may send it: at least once, twice only when a hub died between the
service's answer and the end of the job. Bounded; never sends. Field's terms: transactional outbox, work queue.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from importlib import resources
from typing import Any, Final

import orjson

from dispatch.alarm.clock import from_ms, to_ms
from dispatch.store.client import Script
from dispatch.store.faults import translated
from dispatch.stream.keys import Keys
from dispatch.stream.stream import Stream

CHANNELS: Final = ("push", "messenger", "webhook")
_FOLDER = resources.files("dispatch.notify")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One thing to send: to one push subscription, messenger or webhook (`target`).

    `kind`: `step`, `reminder`, `taken`, `test`; of a webhook, the event's type. `host` is what must
    not get all the room when it hangs. `made` is in ms, `attempts` those made
    so far, `last` how the latest ended, `about` what a webhook says.
    """

    id: str
    channel: str
    target: str
    host: str = ""
    kind: str
    station: str
    made: int
    alarm: str = ""
    code: str = ""
    officers: tuple[str, ...] = ()
    step: int | None = None
    loop: int | None = None
    cycle: int = 0
    by: str | None = None
    attempts: int = 0
    last: str | None = None
    about: dict[str, Any] = field(default_factory=dict)

    def dump(self) -> bytes:
        return orjson.dumps({f.name: v for f in fields(self) if f.name != "id" and (v := getattr(self, f.name))
                             not in (None, (), {})})  # fmt: skip

    @staticmethod
    def load(job: str, text: bytes) -> Job:
        members = orjson.loads(text)
        return Job(id=job, **{**members, "officers": tuple(members.get("officers", ()))})

    def again(self, last: str) -> Job:
        """The same after one more attempt, which ended so."""
        return replace(self, attempts=self.attempts + 1, last=last)


class Outbox:
    """The outbox of one store.

    Args:
        stream: whose store.
        waiting: most jobs of a partition that may wait.
        kept: latest attempts of each station that are kept.
    """

    def __init__(self, stream: Stream, waiting: int, kept: int) -> None:
        self._stream = stream
        self._redis = stream.redis
        self._waiting = waiting
        self._kept = kept
        self._plan = Script(_FOLDER.joinpath("plan.lua").read_text())
        self._claim = Script(_FOLDER.joinpath("claim.lua").read_text())
        self._finish = Script(_FOLDER.joinpath("finish.lua").read_text())

    async def positions(self, stations: Sequence[str]) -> dict[str, int | None]:
        """Up to where each station's stream was looked at; None where never."""
        found: dict[str, int | None] = {}
        async with translated():
            for k in self._stream.partitions:
                if here := [station for station in stations if self._stream.of(station) is k]:
                    row = await self._redis.hmget(k.notified, here)
                    found |= {station: None if at is None else int(at) for station, at in zip(here, row, strict=True)}
        return found

    async def begin(self, stations: Sequence[str]) -> None:
        """A station that was never looked at begins with what comes from now on."""
        new = [station for station, at in (await self.positions(stations)).items() if at is None]
        for station, (offset, _) in zip(new, await self._stream.ends(new) if new else [], strict=True):
            async with translated():
                await self._redis.hsetnx(self._stream.of(station).notified, station, offset)

    async def plan(self, station: str, before: int | None, after: int, jobs: Sequence[Job]) -> list[Job] | None:
        """Move the position from `before` to `after` and add `jobs`; those without room, or None: another was first."""
        k = self._stream.of(station)
        args: list[Any] = [station, "" if before is None else before, after, self._waiting]
        for job in jobs:
            args += [CHANNELS.index(job.channel) + 1, job.id, job.made, job.dump()]
        keys = [k.notified, k.notify_jobs, *(k.notify_due(channel) for channel in CHANNELS)]
        async with translated():
            left = await self._plan.run(self._redis, keys, args)
        return None if left == -1 else [jobs[int(number)] for number in left]

    async def add(self, job: Job) -> None:
        """Add one job that no event of a stream asked for, or put it in the place of the one with its id."""
        k = self._stream.of(job.station)
        async with translated():
            pipe = self._redis.pipeline(transaction=False)
            pipe.hset(k.notify_jobs, job.id, job.dump())
            pipe.zadd(k.notify_due(job.channel), {job.id: job.made})
            await pipe.execute()

    async def claim(
        self, keys: Keys, channel: str, now: datetime, hold: timedelta, most: int
    ) -> tuple[list[Job], datetime | None]:
        """(jobs that are this hub's for `hold`, when the next one is due)."""
        args = [to_ms(now), to_ms(now + hold), most]
        async with translated():
            due, *found = await self._claim.run(self._redis, [keys.notify_due(channel), keys.notify_jobs], args)
        jobs = [Job.load(job.decode(), text) for job, text in zip(found[::2], found[1::2], strict=True)]
        return jobs, from_ms(int(float(due))) if due else None

    async def finish(self, job: Job, attempt: dict[str, Any] | None, again: datetime | None = None) -> None:
        """The attempt is over: the job is done, or due `again`; `attempt` is kept for supervisors."""
        k = self._stream.of(job.station)
        keys = [k.notify_due(job.channel), k.notify_jobs, k.deliveries(job.station)]
        text = orjson.dumps(attempt) if attempt else b""
        args = [job.id, "" if again is None else to_ms(again), job.dump(), text, self._kept]
        async with translated():
            await self._finish.run(self._redis, keys, args)

    async def deliveries(self, station: str, limit: int) -> list[dict[str, Any]]:
        """The latest attempts of the station, newest first."""
        async with translated():
            rows = await self._redis.lrange(self._stream.of(station).deliveries(station), 0, limit - 1)
        return [orjson.loads(row) for row in rows]
