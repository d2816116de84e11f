"""The three channels: pushes to officers' browsers, messengers and telephones, webhooks.

Each sends, and says what became of it where it belongs: in the alarm, with the subscription, with the messenger.
A push or message counts as nothing but sent: it holds no escalation back.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import orjson
import structlog

from dispatch.alarm.clock import from_ms, to_text
from dispatch.alarm.commands import NoteFailed, NoteSent, Notify
from dispatch.alarm.state import Alarm
from dispatch.alarm.work import Work
from dispatch.notify.messenger import Message, tell
from dispatch.notify.net import Answer, Outside
from dispatch.notify.outbox import Job, Outbox
from dispatch.notify.plan import holds
from dispatch.notify.recorder import Recorder
from dispatch.notify.section import Notify as Section
from dispatch.notify.sender import Sender
from dispatch.notify.subscriptions import Subscriptions
from dispatch.notify.webhook import headers
from dispatch.notify.webpush import WebPush
from dispatch.store.faults import translated
from dispatch.stream.alarms import Alarms

log = structlog.get_logger()
_HOLD_MORE_S = 4.0
"""Beyond an attempt's own time: to write down what became of it."""
_SHOWN_FOR_S = 86_400
_HOOK_WAITS_S = (5, 30, 120, 600, 1800, 7200, 14_400, 28_800)


class _ToOfficers(Sender):
    """What is told to officers, and only while it holds."""

    def __init__(self, channel: str, alarms: Alarms, outbox: Outbox, recorder: Recorder, work: Work, at_once: int,
                 per_host: int, timeout_s: float) -> None:  # fmt: skip
        super().__init__(channel, alarms.stream, outbox, work, at_once, per_host, timeout_s + _HOLD_MORE_S)
        self._alarms = alarms
        self._recorder = recorder

    async def still(self, job: Job) -> bool:
        """Whether it is still so: nobody is called to an alarm that somebody took, or by a step that was overtaken."""
        if not job.alarm:
            return True
        loaded = await self._alarms.load(job.alarm)
        return loaded is not None and holds(loaded.alarm, job.kind, job.step, job.loop, job.cycle)

    async def record(self, job: Job, answer: Answer, outcome: str) -> Alarm | None:
        if job.kind not in ("step", "reminder") or not job.officers:
            return None
        via = job.target if self.channel == "messenger" else None
        what: Notify
        if outcome == "sent":
            what = NoteSent(officers=job.officers, channel=self.channel, via=via, step=job.step, loop=job.loop)
        else:
            what = NoteFailed(
                officers=job.officers, channel=self.channel, reason=outcome, via=via, status=answer.status or None,
                step=job.step, loop=job.loop,
            )  # fmt: skip
        return await self._recorder.record(job.alarm, what)

    def wait(self, job: Job) -> timedelta | None:
        return timedelta(seconds=min(2 ** (job.attempts - 1), 30))


class Pushes(_ToOfficers):
    """Web push to officers' browsers."""

    def __init__(self, alarms: Alarms, outbox: Outbox, recorder: Recorder, work: Work, settings: Section,
                 subscriptions: Subscriptions, push: WebPush) -> None:  # fmt: skip
        super().__init__(
            "push", alarms, outbox, recorder, work, settings.at_once, settings.per_host, settings.timeout_s
        )
        self._subscriptions = subscriptions
        self._push = push

    async def attempt(self, job: Job, now: datetime) -> Answer | None:
        to = await self._subscriptions.one(job.officers[0], job.target)
        if to is None or not await self.still(job):
            return None
        if job.kind == "taken" and not job.attempts and not await self._is_on(job):
            return None
        return await self._push.send(job, to, now)

    async def done(self, job: Job, answer: Answer, outcome: str) -> None:
        if outcome == "sent" and job.kind == "step":
            await self._note_on(job)
        alarm = await self.record(job, answer, outcome)
        if outcome == "sent":
            await self._subscriptions.sent(job.officers[0], job.target)
            if alarm is not None and job.kind == "step" and not holds(alarm, "step", job.step, job.loop, job.cycle):
                await self._was_taken(job, alarm)
        else:
            await self._subscriptions.failed(job.officers[0], job.target, outcome, answer.status or None)

    async def _was_taken(self, job: Job, alarm: Alarm) -> None:
        """Somebody took it while it was sent: say so on the device at once."""
        if holds(alarm, "taken") and job.officers[0] != alarm.owner:
            await self._outbox.add(Job(
                id=f"{job.id}:taken", channel="push", target=job.target, host=job.host, kind="taken",
                station=job.station, made=job.made, alarm=job.alarm, code=job.code, officers=job.officers,
                by=alarm.owner,
            ))  # fmt: skip
            self.ring()

    async def _note_on(self, job: Job) -> None:
        """From now on this device may show that the alarm waits."""
        key = self._stream.of(job.station).pushed(job.alarm)
        async with translated():
            pipe = self._stream.redis.pipeline(transaction=False)
            await pipe.sadd(key, job.target).expire(key, _SHOWN_FOR_S).execute()

    async def _is_on(self, job: Job) -> bool:
        """Whether this device may show that the alarm waits; asked once, so that it is told once that it does not."""
        async with translated():
            key = self._stream.of(job.station).pushed(job.alarm)
            return bool(await self._stream.redis.srem(key, job.target))


class Messengers(_ToOfficers):
    """Messengers and telephones, through apprise in a process of its own."""

    def __init__(self, alarms: Alarms, outbox: Outbox, recorder: Recorder, work: Work, settings: Section,
                 message: Message) -> None:  # fmt: skip
        at_once = settings.messenger_processes
        timeout_s = settings.messenger_timeout_s
        super().__init__("messenger", alarms, outbox, recorder, work, at_once, max(1, at_once - 1), timeout_s)
        self._by_name = {messenger.name: messenger for messenger in settings.messengers}
        self._timeout_s = timeout_s
        self._message = message
        self._proxy = settings.proxy

    async def attempt(self, job: Job, now: datetime) -> Answer | None:
        to = self._by_name.get(job.target)
        if to is None or not await self.still(job):
            return None
        title, body = self._message(job)
        return await tell(to.url, title, body, self._timeout_s, self._proxy)

    async def done(self, job: Job, answer: Answer, outcome: str) -> None:
        await self.record(job, answer, outcome)
        keys = self._stream.keys
        what = "sent" if outcome == "sent" else "failed"
        told = orjson.dumps({"at": to_text(self._work.now()), "reason": outcome, "why": answer.why})
        async with translated():
            await self._stream.redis.hset(keys.messengers, f"{job.target} {what}", told)


class Webhooks(Sender):
    """Signed requests to the operator's own systems: what happened, also late."""

    def __init__(self, alarms: Alarms, outbox: Outbox, work: Work, settings: Section, outside: Outside) -> None:
        super().__init__(
            "webhook", alarms.stream, outbox, work, settings.at_once, settings.per_host,
            settings.timeout_s + _HOLD_MORE_S,
        )  # fmt: skip
        self._by_name = {hook.name: hook for hook in settings.webhooks}
        self._attempts = settings.webhook_attempts
        self._outside = outside

    def until(self, job: Job) -> datetime:
        """Also what happened long ago is told."""
        return from_ms(job.made) + timedelta(days=7)

    async def attempt(self, job: Job, now: datetime) -> Answer | None:
        hook = self._by_name.get(job.target)
        if hook is None:
            return None
        body = orjson.dumps({"type": job.kind, "timestamp": job.about["at"], "data": job.about})
        return await self._outside.post(hook.url, headers(hook.secret, job.id, now, body), body, now)

    async def done(self, job: Job, answer: Answer, outcome: str) -> None:
        if outcome != "sent":
            log.error("webhook_given_up", webhook=job.target, alarm=job.alarm, outcome=outcome, status=answer.status)

    def wait(self, job: Job) -> timedelta | None:
        """After every fault but a redirect or an address that is refused here: the receiver may be mended."""
        if job.attempts >= self._attempts:
            return None
        return timedelta(seconds=_HOOK_WAITS_S[min(job.attempts, len(_HOOK_WAITS_S)) - 1])
