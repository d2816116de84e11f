"""Sends what is in the outbox: many at once, each channel by itself, so that none waits for another one's hangs.

An attempt that may succeed later is made again, as its service asks or ever more seldom, while what it says holds.
Sent is written into the alarm before the job is done: after a crash it may be sent twice, never not at all.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections import Counter as Tally
from datetime import datetime, timedelta
from typing import Any

import structlog
from prometheus_client import Counter, Histogram

from dispatch.alarm.clock import from_ms, to_text
from dispatch.alarm.errors import Refused
from dispatch.alarm.work import Work
from dispatch.notify.net import Answer
from dispatch.notify.outbox import Job, Outbox
from dispatch.stream.stream import Stream

log = structlog.get_logger()
_LOOK_EVERY = timedelta(seconds=1)
_NO_ROOM = (timedelta(seconds=0.25), timedelta(seconds=5))
"""A job whose host has as many under way as it may have waits half its age, at least and at most; others go before."""
ATTEMPTS = Counter("dispatch_notify_attempts", "Attempts to send a notification", ["channel", "outcome"])
AGE = Histogram(
    "dispatch_notify_seconds", "From the event to the service's answer, of notifications that were taken", ["channel"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60),
)  # fmt: skip


class Sender:
    """Base of the senders of one channel.

    Args:
        channel: its name.
        stream: for the partitions.
        outbox: what is to be sent.
        work: its attempts, and time.
        at_once: most attempts under way of this hub.
        per_host: likewise to one host.
        hold_s: a hub that died with a job under way leaves it to others after so long.
    """

    def __init__(
        self, channel: str, stream: Stream, outbox: Outbox, work: Work, at_once: int, per_host: int, hold_s: float
    ) -> None:
        self.channel = channel
        self._stream = stream
        self._outbox = outbox
        self._work = work
        self._at_once = at_once
        self._per_host = per_host
        self._hold = timedelta(seconds=hold_s)
        self._bell = work.bell()
        self._under_way: set[asyncio.Task[None]] = set()
        self._by_host: Tally[str] = Tally()

    @property
    def busy(self) -> bool:
        """Whether an attempt is under way."""
        return bool(self._under_way)

    def ring(self) -> None:
        """There is something to send."""
        self._bell.ring()

    async def still(self, job: Job) -> bool:
        """Whether what the job says still holds."""
        return True

    @abstractmethod
    async def attempt(self, job: Job, now: datetime) -> Answer | None:
        """Make one attempt; None when there is nothing to be told any more."""

    @abstractmethod
    async def done(self, job: Job, answer: Answer, outcome: str) -> None:
        """The last attempt was made: `sent`, or why not: `gone`, `refused`, `busy`, `no_answer`."""

    @abstractmethod
    def wait(self, job: Job) -> timedelta | None:
        """How long to wait before the attempt after `job.attempts`; None when that was the last."""

    async def run(self) -> None:
        """Send until cancelled; attempts under way end with it, and are made again by another hub."""
        try:
            while True:
                wake = self._work.now() + _LOOK_EVERY
                try:
                    if due := await self.step():
                        wake = min(wake, due)
                except Refused as fault:
                    log.warning("sending_waits", channel=self.channel, code=fault.error.code)
                await self._bell.wait(wake)
        finally:
            for task in self._under_way:
                task.cancel()

    async def step(self) -> datetime | None:
        """Begin what is due, as far as there is room; when the next one is due."""
        ahead: list[datetime] = []
        for keys in self._stream.partitions:
            while (room := self._at_once - len(self._under_way)) > 0:
                now = self._work.now()
                jobs, due = await self._outbox.claim(keys, self.channel, now, self._hold, room)
                if due is not None:
                    ahead.append(due)
                for job in jobs:
                    host = job.host or job.target
                    if self._by_host[host] >= self._per_host:
                        ahead.append(await self._no_room(job, now))
                        continue
                    self._by_host[host] += 1
                    task = self._work.spawn(self._one(job, host), f"notify-{self.channel} {host}")
                    self._under_way.add(task)
                    task.add_done_callback(self._ended)
                if len(jobs) < room:
                    break
        return min(ahead, default=None)

    async def _no_room(self, job: Job, now: datetime) -> datetime:
        """When the job comes again; what does not hold any more goes, so that a host that hangs makes no backlog."""
        again = now + min(max((now - from_ms(job.made)) / 2, _NO_ROOM[0]), _NO_ROOM[1])
        holds = again <= self.until(job) and await self.still(job)
        if not holds and job.last is not None:
            await self.done(job, Answer(0), job.last)
        await self._outbox.finish(job, None, again if holds else None)
        return again

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self._bell.ring()
        if not task.cancelled() and (fault := task.exception()) is not None:
            log.error("sending_failed", channel=self.channel, fault=repr(fault))  # due again after the hold

    async def _one(self, job: Job, host: str) -> None:
        try:
            began = self._work.now()
            answer = await self.attempt(job, began)
        finally:
            self._by_host[host] -= 1
            if not self._by_host[host]:
                del self._by_host[host]
        if answer is None:
            if job.last is not None:  # it was tried in vain, and what it says does not hold any more
                await self.done(job, Answer(0), job.last)
            await self._outbox.finish(job, None)
            return
        outcome = outcome_of(answer)
        job = job.again(outcome)
        now = self._work.now()
        ATTEMPTS.labels(self.channel, outcome).inc()
        attempt = _told(job, answer, outcome, now, began)
        if outcome in ("busy", "no_answer") and (wait := self.wait(job)) is not None:
            again = now + max(wait, answer.retry_after or wait)
            if again <= self.until(job):
                await self._outbox.finish(job, attempt, again)
                return
        if outcome == "sent":
            AGE.labels(self.channel).observe((now - from_ms(job.made)).total_seconds())
        await self.done(job, answer, outcome)
        await self._outbox.finish(job, attempt)

    def until(self, job: Job) -> datetime:
        """After this it is not worth telling any more."""
        return from_ms(job.made) + timedelta(minutes=2)


def outcome_of(answer: Answer) -> str:
    """`sent`, `gone`, `busy` (later), `no_answer` (later) or `refused`."""
    if 200 <= answer.status < 300:
        return "sent"
    if answer.status in (404, 410):
        return "gone"
    if answer.status in (408, 425, 429) or answer.status >= 500:
        return "busy"
    return "no_answer" if answer.status == 0 and not answer.final else "refused"


def _told(job: Job, answer: Answer, outcome: str, now: datetime, began: datetime) -> dict[str, Any]:
    """One attempt, for supervisors."""
    told = {
        "at": to_text(began), "channel": job.channel, "via": job.target if job.channel != "push" else None,
        "officers": list(job.officers), "kind": job.kind, "alarm": job.alarm, "code": job.code, "step": job.step,
        "loop": job.loop, "attempt": job.attempts, "outcome": outcome, "status": answer.status or None,
        "why": answer.why, "took_ms": round((now - began).total_seconds() * 1000),
    }  # fmt: skip
    return {name: value for name, value in told.items() if value not in (None, "", [])}
