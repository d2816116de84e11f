"""Runs what is due: escalation steps, the citizen's notice, reminders, reopening, the end of the day.

The hub that holds a partition's lease runs its deadlines, many at once. The stored deadline is only an index: whether
the alarm really has to move on is decided from the alarm itself, and the change is a compare-and-set under the lease's
token, so exactly one hub wins. Never asks twice who won.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import structlog
from prometheus_client import Counter, Histogram

from dispatch.alarm.commands import (
    Command,
    MarkOverdue,
    MissCheckIn,
    Remind,
    ReopenIdle,
    Reroute,
    RunStep,
    TellUnanswered,
)  # fmt: skip
from dispatch.alarm.state import Alarm, Status
from dispatch.alarm.work import Work
from dispatch.escalation.policy import Due, Policy, choose, deadlines
from dispatch.stream.alarms import Alarms, Outcome
from dispatch.stream.keys import Keys
from dispatch.stream.leases import Held, Leases

log = structlog.get_logger()
_AGAIN = timedelta(seconds=1)
"""Until a deadline that could not be run is tried again."""
_AT_ONCE = 32
"""Alarms that are run at the same time; more would only wait for the store's connections."""
LATENESS = Histogram(
    "dispatch_deadline_lateness_seconds", "From an alarm's deadline to the moment it was run",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 30),
)  # fmt: skip


IDLE = Counter("dispatch_deadlines_without_effect", "Deadlines that were run and changed nothing: a fault of ours")


class Called(Protocol):
    """An audience as people; see `dispatch.duty.roster.Called`."""

    @property
    def officers(self) -> tuple[str, ...]: ...
    @property
    def reached(self) -> tuple[str, ...]: ...
    @property
    def stations(self) -> tuple[str, ...]: ...
    @property
    def nobody(self) -> str: ...


Call = Callable[[str, tuple[str, ...], tuple[str, ...]], Coroutine[Any, Any, Called]]
"""(station, backups, audience) -> who that is now."""


Joins = Callable[[str, str, str], Coroutine[Any, Any, bool]]


class Deadlines:
    """The next deadline of an alarm by its policy: what every append writes to the index."""

    def __init__(self, policies: Mapping[str, Policy], timezones: Mapping[str, ZoneInfo]) -> None:
        self._policies = policies
        self._timezones = timezones

    def policy(self, station: str, kind: str) -> Policy:
        return choose(self._policies, station, kind)

    @property
    def longest(self) -> timedelta:
        """The longest wait of any policy."""
        return max(policy.longest for policy in self._policies.values())

    def timezone(self, station: str) -> ZoneInfo:
        """The station's; UTC for one that the configuration no longer has."""
        return self._timezones.get(station, _UTC)

    def all(self, alarm: Alarm) -> list[Due]:
        """Every deadline of the alarm, earliest first."""
        return deadlines(alarm, self.policy(alarm.station, alarm.kind), self.timezone(alarm.station))

    def next(self, alarm: Alarm) -> datetime | None:
        found = self.all(alarm)
        return found[0].at if found else None


class Timer:
    """The escalation of all alarms.

    Args:
        alarms: where the alarms are.
        deadlines: what is due when.
        call: who an audience is now.
        work: what goes on, and time.
        leases: which partitions' deadlines this hub runs.
        reroute: who answers at an alarm's place, of a plan that becomes one.
        joins: (station, burst, alarm) -> whether another alarm escalates for that burst.
        mine: whether timers are this hub's to run at all: another hub may have a newer configuration.
        agreed: whether all hubs have the same configuration; while they have not, whoever was called stays called.
    """

    def __init__(
        self, alarms: Alarms, deadlines: Deadlines, call: Call, work: Work, leases: Leases,
        reroute: Callable[[Alarm], Reroute], joins: Joins,
        mine: Callable[[], bool] = lambda: True, agreed: Callable[[], bool] = lambda: True,
    ) -> None:  # fmt: skip
        self._reroute = reroute
        self._joins = joins
        self._mine = mine
        self._agreed = agreed
        self._alarms = alarms
        self._leases = leases
        self._room = asyncio.Semaphore(_AT_ONCE)
        self._next_due: datetime | None = None
        self._deadlines = deadlines
        self._call = call
        self._work = work

    async def opening(
        self, station: str, backups: tuple[str, ...], kind: str, cycle: int = 1, call: Call | None = None
    ) -> list[RunStep]:
        """The steps that belong into the append that stores a new alarm: the first, and on while nobody is reached.

        Args:
            station: where it goes.
            backups: who stands behind that.
            kind: of the alarm; a practice alarm calls nobody.
            cycle: the version at which it is raised: later than 1 when it was planned.
            call: who an audience is at this instant, when that was asked already.
        """
        if kind == "practice" or not self._mine():
            return []  # it is due at once, for the hub with the newest configuration
        policy = self._deadlines.policy(station, kind)
        return await self._steps(station, backups, policy, cycle, 0, "due", call=call)

    async def step(self, now: datetime) -> bool:
        """Run the alarms that are due in this hub's partitions; False when none was."""
        held = await self._leases.look(now)
        call = _remembered(self._call, self._work)
        await self._work.all(*(self._try(alarm, now, each, call) for each in held for alarm in each.due))
        ahead = [each.next_due for each in held if each.next_due is not None]
        self._next_due = min(ahead, default=None)
        return any(each.due for each in held)

    async def after_append(self, outcome: Outcome) -> None:
        """An alarm that is open again is due at once: do not wait for the next look."""
        due = outcome.alarm.due
        if due is not None and due <= self._work.now() and self._mine():
            await self.run_alarm(self._alarms.stream.of(outcome.alarm.home), outcome.alarm.id, self._work.now())

    async def nudge(self, station: str) -> None:
        """A console of `station` was lost: an alarm whose called officers have none left moves on at once."""
        open_alarms = await self._alarms.stream.open_snapshots(station)
        call = _remembered(self._call, self._work)
        for raw in open_alarms:
            alarm = self._alarms.parse(raw)
            if alarm.status is not Status.RAISED or alarm.step is None:
                continue
            policy = self._deadlines.policy(alarm.station, alarm.kind)
            if alarm.step + 1 >= len(policy.steps):
                continue
            if (await call(alarm.station, alarm.backups, alarm.audience)).reached:
                continue
            steps = await self._next(alarm, policy, alarm.step + 1, "console_lost", alarm.loop)
            await self._alarms.handle(alarm.id, *steps)

    async def run(self, poll_s: float) -> None:
        """Step for ever: at each deadline, and at least every `poll_s` seconds for those that other hubs wrote."""
        while True:
            now = self._work.now()
            while await self.step(self._work.now()):
                pass
            wake = now + timedelta(seconds=poll_s)
            if self._next_due is not None:
                wake = min(wake, max(self._next_due, now))
            await self._work.sleep_until(wake)

    async def _try(self, alarm_id: str, now: datetime, held: Held, call: Call) -> None:
        """One alarm that cannot be run must not hold up the others."""
        async with self._room:
            try:
                await self.run_alarm(held.keys, alarm_id, now, held.token, call)
            except Exception as fault:
                log.error("deadline_failed", alarm=alarm_id, fault=repr(fault))
                await self._alarms.stream.postpone(held.keys, alarm_id, now + _AGAIN)

    async def run_alarm(self, keys: Keys, alarm_id: str, now: datetime, token: str = "", call: Call | None = None
                        ) -> Due | None:  # fmt: skip
        """Run what is due of one alarm, and put its index right; what was due, or None when nothing was.

        Args:
            keys: its partition.
            alarm_id: the alarm.
            now: the present.
            token: of the lease under which it is run; without it the compare-and-set alone decides.
            call: who an audience is at this instant, when that was asked already.
        """
        stream = self._alarms.stream
        loaded = await self._alarms.load(alarm_id)
        if loaded is None:
            await stream.set_deadline(keys, alarm_id, 0, None)
            return None
        alarm = loaded.alarm
        waiting = self._deadlines.all(alarm)
        if not waiting or waiting[0].at > now:
            await stream.set_deadline(keys, alarm_id, alarm.version, waiting[0].at if waiting else None)
            return None
        due = waiting[0]
        outcome = await self._alarms.handle(
            alarm_id, *await self._commands(alarm, due, call or self._call), fence=token, loaded=loaded
        )
        if outcome.events:
            LATENESS.observe((self._work.now() - due.at).total_seconds())
        elif outcome.alarm.version == alarm.version and not outcome.fenced:
            # What is due changed nothing: looking again at once would find the same, for ever. The auditor tells it.
            IDLE.inc()
            log.error("deadline_without_effect", alarm=alarm_id, what=due.what, step=due.step, loop=due.loop)
            await stream.set_deadline(keys, alarm_id, alarm.version, now + _AGAIN)
        else:  # someone was first; the index follows what they wrote
            await stream.set_deadline(keys, alarm_id, outcome.alarm.version, self._deadlines.next(outcome.alarm))
        return due

    async def _commands(self, alarm: Alarm, due: Due, call: Call) -> list[Command]:
        match due.what:
            case "step":
                policy = self._deadlines.policy(alarm.station, alarm.kind)
                return [*await self._next(alarm, policy, due.step, "due", due.loop, call)]
            case "missed":
                if alarm.burst and await self._joins(alarm.home, alarm.burst, alarm.id):
                    return [MissCheckIn(due=due.at, quiet=True), self._reroute(alarm)]
                steps = await self.opening(alarm.home, alarm.backups, alarm.kind, alarm.version + 1, call)
                return [MissCheckIn(due=due.at), *steps, self._reroute(alarm)]
            case "unanswered":
                return [TellUnanswered(cycle=alarm.cycle)]
            case "remind":
                return [Remind(owner=str(alarm.owner))]
            case "reopen":
                return [ReopenIdle(owner=str(alarm.owner))]
            case "overdue":
                day = alarm.since.astimezone(self._deadlines.timezone(alarm.station)).date()
                return [MarkOverdue(day=day.isoformat())]

    async def _next(
        self, alarm: Alarm, policy: Policy, step: int, why: str, loop: int = 0, call: Call | None = None
    ) -> list[RunStep]:
        """`step` of an alarm that had others. With rotas that differ, one must not silence whom the other called."""
        kept = () if self._agreed() else alarm.called
        return await self._steps(alarm.station, alarm.backups, policy, alarm.cycle, step, why, loop, call, kept)

    async def _steps(self, station: str, backups: tuple[str, ...], policy: Policy, cycle: int, first: int, why: str,
                     loop: int = 0, call: Call | None = None, kept: tuple[str, ...] = ()) -> list[RunStep]:  # fmt: skip
        """Step `first`, and each next one at once while nobody is reached (P5). Who is `kept` stays called."""
        found: list[RunStep] = []
        for step in range(first, len(policy.steps)):
            audience = policy.audience(step)
            called = await (call or self._call)(station, backups, audience)
            found.append(
                RunStep(
                    cycle=cycle, step=step, loop=loop, audience=audience,
                    called=tuple(dict.fromkeys((*called.officers, *kept))),
                    reached=called.reached, why=why, stations=called.stations,
                )
            )  # fmt: skip
            if called.reached:
                break
            why = called.nobody
        return found


def _remembered(call: Call, work: Work) -> Call:
    """`call`, asked once per station and audience: many alarms of one instant call the same people."""
    known: dict[tuple[str, tuple[str, ...], tuple[str, ...]], asyncio.Task[Called]] = {}

    async def once(station: str, backups: tuple[str, ...], audience: tuple[str, ...]) -> Called:
        wanted = (station, backups, audience)
        if wanted not in known:
            known[wanted] = work.spawn(call(station, backups, audience), f"call {station}")
        return await asyncio.shield(known[wanted])

    return once


_UTC = ZoneInfo("UTC")
