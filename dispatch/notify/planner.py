"""Follows each station's stream from its own position and writes down what is to be sent (`outbox`).

Any hub may: the position is moved by compare-and-set, together with the jobs. Never sends, never in a request: an
append only rings a bell. Field's terms: consumer, stream position.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import structlog

from dispatch.alarm.clock import to_ms
from dispatch.alarm.commands import Actor, NoteFailed
from dispatch.alarm.errors import Refused
from dispatch.alarm.state import Alarm
from dispatch.alarm.work import Work
from dispatch.notify.outbox import Job, Outbox
from dispatch.notify.plan import CALLS, Wanted, about, wanted
from dispatch.notify.recorder import Recorder
from dispatch.notify.section import Notify
from dispatch.notify.subscriptions import Subscriptions
from dispatch.stream.alarms import Alarms, Outcome

log = structlog.get_logger()
LOOK_EVERY = timedelta(seconds=1)
_MOVE_EVERY = timedelta(seconds=60)
"""While nobody is to be told of anything, positions are moved along so often: alarms cost nothing then."""
_AT_ONCE = 200
"""Events that are looked at together."""

People = Callable[[Collection[str]], Awaitable[Mapping[str, Actor | None]]]
"""(names) -> the users among them; None for one who is disabled. A name that is no user is left out."""


class Planner:
    """The planner of one hub.

    Args:
        alarms: where the alarms are.
        outbox: where what is to be sent is written.
        subscriptions: of web push; None when it is off.
        recorder: for what is given up at once.
        people: who is a user.
        stations: every station.
        settings: the section `[notify]`.
        work: for its bell, and time.
    """

    def __init__(
        self, alarms: Alarms, outbox: Outbox, subscriptions: Subscriptions | None, recorder: Recorder, people: People,
        stations: Sequence[str], settings: Notify, work: Work,
    ) -> None:  # fmt: skip
        self._alarms = alarms
        self._stream = alarms.stream
        self._outbox = outbox
        self._subscriptions = subscriptions
        self._recorder = recorder
        self._people = people
        self._stations = stations
        self._settings = settings
        self._work = work
        self._bell = work.bell()
        self._hot: set[str] = set()
        self._interest = CALLS.union(*(hook.events for hook in settings.webhooks))
        self._somebody = False  # whether there is anybody to be told of anything
        self._woken = 0  # how often `wake` said that there is
        self.planned: list[Callable[[], None]] = []

    def after_append(self, outcome: Outcome) -> None:
        """For `Alarms.after_append`: look at once. What other hubs appended is found by looking every second."""
        if self._somebody and any(event.type in self._interest for event in outcome.events):
            self._hot.add(outcome.alarm.home)
            self._bell.ring()

    def wake(self) -> None:
        """There is somebody now, on this hub; others find it within a second."""
        self._woken += 1
        self._somebody = True

    async def run(self) -> None:
        """Follow every stream, for ever."""
        look_at = move_at = self._work.now()
        while True:
            now = self._work.now()
            stations: Collection[str] = self._hot
            self._hot = set()
            try:
                if now >= look_at:
                    look_at = now + LOOK_EVERY
                    woken = self._woken
                    there = await self._anybody()
                    self._somebody = there or self._woken != woken  # meanwhile: the answer may be older
                    if self._somebody or now >= move_at:
                        stations, move_at = self._stations, now + _MOVE_EVERY
                while stations and await self.step(stations):
                    pass
            except Refused as fault:
                log.warning("notifications_wait", code=fault.error.code)
            await self._bell.wait(look_at)

    async def step(self, stations: Collection[str]) -> bool:
        """Look at what is new in the streams of `stations`; False when nothing was."""
        wanted = list(stations)
        positions = await self._outbox.positions(wanted)
        ends = await self._stream.ends(wanted)
        new = [(s, positions[s], end) for s, (end, _) in zip(wanted, ends, strict=True) if positions[s] != end]
        somebody = bool(new) and await self._anybody()
        found = False
        for station, at, end in new:
            if not somebody or (at is not None and at > end):  # or an older copy of the stream was put in its place
                await self._outbox.plan(station, at, end, [])
            else:
                found |= await self._station(station, at)
        return found

    async def _anybody(self) -> bool:
        """Whether there is anybody to be told of anything."""
        there = bool(self._settings.messengers or self._settings.webhooks)
        return there or (self._subscriptions is not None and await self._subscriptions.any())

    async def _station(self, station: str, at: int | None) -> bool:
        rows = await self._stream.records(station, at or 0, _AT_ONCE)
        if not rows:
            return False
        jobs: list[Job] = []
        alarms: dict[str, Alarm | None] = {}
        for offset, record in rows:
            kind = record["event"]["type"]
            hooks = [
                h for h in self._settings.webhooks if kind in h.events and station in (h.stations or (station,))
            ]  # fmt: skip
            if record["alarm"] is None or not (hooks or kind in CALLS):
                continue
            if record["alarm"] not in alarms:
                loaded = await self._alarms.load(record["alarm"])
                alarms[record["alarm"]] = loaded.alarm if loaded else None
            alarm = alarms[record["alarm"]]
            if alarm is None or alarm.home != station:  # a copy, for a station that was called in
                continue
            want = wanted(alarm, record["event"], self._settings.repeats)
            if want is not None:
                jobs += await self._jobs(station, offset, alarm, want)
            if kind != "step_run" or want is not None:
                said = about(alarm, record)
                jobs += [self._job(alarm, station, offset, "webhook", h.name, kind, about=said) for h in hooks]
        left = await self._outbox.plan(station, at, rows[-1][0], jobs)
        if left is None:
            return True  # another hub was first: look again where it stands now
        for job in left:
            log.error("notification_without_room", channel=job.channel, alarm=job.alarm)
            if job.channel != "webhook":
                await self._recorder.record(job.alarm, NoteFailed(
                    officers=job.officers, channel=job.channel, reason="too_many", step=job.step, loop=job.loop,
                    via=job.target if job.channel == "messenger" else None,
                ))  # fmt: skip
        for told in self.planned if jobs else ():
            told()
        return True

    async def _jobs(self, station: str, offset: int, alarm: Alarm, want: Wanted) -> list[Job]:
        names = set(want.officers)
        if want.supervisors:
            names |= await self._supervisors(alarm)
        users = await self._people(names) if names else {}
        able = tuple(name for name in sorted(names) if users.get(name, ...) is not None)  # not who is disabled
        jobs: list[Job] = []
        if self._subscriptions is not None:
            for user, devices in (await self._subscriptions.of_all(able)).items():
                jobs += [self._job(alarm, station, offset, "push", one.id, want.kind, want, (user,), host=one.host)
                         for one in devices if one.endpoint and one.key == self._subscriptions.key]  # fmt: skip
        for messenger in self._settings.messengers if want.messengers else ():
            here = want.kind == "step" and bool(set(messenger.stations) & set(alarm.stations))
            to = tuple(name for name in able if name in messenger.officers) if not here else able
            if to or here:
                jobs.append(self._job(alarm, station, offset, "messenger", messenger.name, want.kind, want, to))
        return jobs

    async def _supervisors(self, alarm: Alarm) -> set[str]:
        """Who can be reached and may supervise one of the alarm's stations."""
        names = {name for messenger in self._settings.messengers for name in messenger.officers}
        if self._subscriptions is not None:
            names |= await self._subscriptions.users()
        users = await self._people(names) if names else {}
        return {
            name for name, user in users.items()
            if user is not None and user.role != "officer" and user.station in (None, *alarm.stations)
        }  # fmt: skip

    def _job(
        self, alarm: Alarm, station: str, offset: int, channel: str, target: str, kind: str,
        want: Wanted | None = None, officers: Iterable[str] = (), about: dict[str, Any] | None = None, host: str = "",
    ) -> Job:  # fmt: skip
        return Job(
            id=f"{station}:{offset}:{channel}:{target}", channel=channel, target=target, host=host, kind=kind,
            station=station, made=to_ms(self._work.now()), alarm=alarm.id, code=alarm.code, officers=tuple(officers),
            step=want.step if want else None, loop=want.loop if want else None, cycle=alarm.cycle,
            by=want.by if want else None, about=about or {},
        )  # fmt: skip
