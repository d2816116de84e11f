"""What a citizen can do, whichever way they come: raise, say, answer, move, cancel, look.

Answers only when it is stored (P1); every call may be repeated (P6). Never tells an unknown id from a wrong secret.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import structlog

from dispatch.alarm import commands as c
from dispatch.alarm import errors, views
from dispatch.alarm.clock import to_text
from dispatch.alarm.errors import Refused
from dispatch.alarm.events import AlarmRaised, PlanMade
from dispatch.alarm.messages import (
    AnswerBody,
    CancelBody,
    CheckInBody,
    EndPlanBody,
    HeardBody,
    Position,
    RaiseBody,
    SayBody,
)
from dispatch.alarm.state import Alarm
from dispatch.intake import admission
from dispatch.intake.pace import Pace
from dispatch.intake.senders import Lane, Senders
from dispatch.intake.understand import Understood
from dispatch.stream.alarms import Alarms, Loaded
from dispatch.stream.homes import Claim
from dispatch.stream.stream import Stream

log = structlog.get_logger()


class Route(Protocol):
    """Where an alarm goes; see `dispatch.routing.route.Route`."""

    @property
    def station(self) -> str: ...
    @property
    def backups(self) -> tuple[str, ...]: ...
    @property
    def why(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Town:
    """What intake is handed of the other stages.

    Args:
        route: (position) -> the station and why; always answers.
        reroute: (position) -> the same, as a command to an alarm that is there already.
        joins: (station, burst, alarm) -> whether another alarm escalates for that burst.
        opening: (station, backups, kind, version at which it is raised) -> the escalation steps of a new alarm.
        station_name: (station, language) -> its name.
        officers_named: (station) -> whether the citizen may know who comes.
        follow: (station, alarm, told) -> what ends it: `told` is called with each further event of the alarm.
        lives: whether the store answers: without it a citizen is not told that anything moves.
    """

    route: Callable[[Mapping[str, Any] | None], Route]
    reroute: Callable[[Mapping[str, Any] | None], c.Reroute]
    joins: Callable[[str, str, str], Awaitable[bool]]
    opening: Callable[[str, tuple[str, ...], str, int], Awaitable[Sequence[c.Command]]]
    station_name: Callable[[str, str], str]
    officers_named: Callable[[str], bool]
    follow: Callable[[str, str, Callable[[dict[str, Any]], None]], Awaitable[Callable[[], None]]]
    lives: Callable[[], bool]


class Citizens:
    """The citizens' side of all alarms.

    Args:
        alarms: where the alarms are.
        town: the other stages.
        limits: by name, from the settings.
        senders: marks what is more than a person sends.
        lane: where that takes turns.
        pace: of what is said in one alarm.
        now: time.
    """

    def __init__(
        self,
        alarms: Alarms,
        town: Town,
        limits: Mapping[str, int],
        senders: Senders,
        lane: Lane,
        pace: Pace,
        now: Callable[[], datetime],
    ) -> None:
        self.lane = lane
        self._pace = pace
        self._senders, self._now = senders, now
        self._alarms = alarms
        self.town = town
        self.limits = limits

    @property
    def stream(self) -> Stream:
        """The record."""
        return self._alarms.stream

    async def raise_alarm(
        self, said: Understood[RaiseBody], channel: str, sender: str, gone: Callable[[], Awaitable[bool]] | None = None
    ) -> tuple[dict[str, Any], bool]:
        """(receipt, whether it is new). The same id and secret: the same alarm, the same receipt, however often."""
        body = said.body
        burst = self._senders.mark(sender, body.id, self._now())
        if burst:
            await self.lane.turn(sender)
            await self._take_along(self._senders.earlier(sender, self._now()), burst)
            if gone is not None and await gone():
                # Who hung up while it waited has no receipt, and sends it again; who floods does not look back.
                raise Refused(errors.NOT_STORED, "the connection ended before its turn came")
        place = body.position
        found = self.town.route(None if place is None else place.model_dump(exclude_none=True))
        route = await self._alarms.stream.homes.claim(body.id, Claim(found.station, found.backups, found.why))
        planned = body.check_in_s is not None
        quiet = bool(burst) and not planned and await self.town.joins(route.station, burst, body.id)
        command = admission.to_command(
            body, route.station, route.backups, route.why, channel, said.rest, burst or None, quiet or None
        )
        steps = () if planned or quiet else await self.town.opening(route.station, route.backups, body.kind, 1)
        # A first try, of which nothing but its home is known, came without a place.
        moved = not planned and found.station != route.station
        elsewhere = (c.Reroute(station=found.station, backups=found.backups, why=found.why),) if moved else ()
        outcome = await self._alarms.handle(
            body.id,
            command,
            *steps,
            *elsewhere,
            secret_hash=admission.secret_hash(body.secret),
            pin_hash=admission.pin_hash(body.secret, body.pin),
        )
        new = any(isinstance(event, AlarmRaised | PlanMade) for event in outcome.events)
        if new:
            what = "alarm_planned" if planned else "alarm_raised"
            log.info(what, alarm=body.id, station=route.station, why=route.why, channel=channel)
        alarm = outcome.alarm
        receipt = views.receipt(alarm, self.town.station_name(alarm.home, alarm.lang))
        return receipt | ({"faults": list(said.faults)} if said.faults else {}), new

    async def _take_along(self, alarms: Sequence[str], burst: str) -> None:
        """Have what a sender sent before in the burst of what they send now."""
        for each in alarms:
            if (loaded := await self._alarms.load(each)) is not None:
                home = loaded.alarm.home
                quiet = await self.town.joins(home, burst, each)
                await self._alarms.handle(each, c.JoinBurst(burst=burst, quiet=quiet or None), loaded=loaded)

    async def authorise(self, alarm_id: str, secret: str) -> Loaded:
        """The alarm, for who knows its secret.

        Raises:
            Refused: `not_found`, the same for a wrong secret and for no such alarm.
        """
        loaded = await self._alarms.load(alarm_id)
        if not admission.knows(secret, loaded.secret_hash if loaded else "") or loaded is None:
            raise Refused(errors.NOT_FOUND, "there is no such alarm, or the secret is not its own")
        return loaded

    async def view(self, alarm: Alarm, after: int = 0) -> dict[str, Any]:
        """The alarm as its citizen may see it; of the talk what came after version `after`."""
        alarm = await self._alarms.with_talk(alarm, after)
        name = self.town.station_name(alarm.station, alarm.lang)
        return views.citizen_view(alarm, name, self.town.officers_named(alarm.station), after)

    async def say(self, loaded: Loaded, body: SayBody) -> int:
        """The version of the alarm at which the words are stored."""
        async with self._pace.turn(loaded.alarm.id) as waited:
            if waited:
                loaded = await self._alarms.load(loaded.alarm.id) or loaded
            admission.room_for(loaded.alarm, self.limits)
            return await self._do(loaded, c.Say(text=body.text), key=f"citizen:{body.ref}")

    async def answer(self, loaded: Loaded, body: AnswerBody) -> int:
        async with self._pace.turn(loaded.alarm.id):
            return await self._do(loaded, c.Answer(question=body.question, answer=body.answer))

    async def heard(self, loaded: Loaded, body: HeardBody) -> dict[str, Any]:
        """What is on the device; the answer says nothing of what became of it."""
        async with self._pace.turn(loaded.alarm.id):
            await self._alarms.handle(loaded.alarm.id, c.Heard(upto=body.upto, seen=body.seen))
        return {}

    async def report(self, loaded: Loaded, position: Position) -> int:
        """Where they are now; who answers there is called, while nobody has the alarm."""
        members = admission.position_members(position) or {}
        moved = c.ReportPosition(position=members, track=self.limits["track_positions"])
        async with self._pace.turn(loaded.alarm.id):
            return (await self._alarms.handle(loaded.alarm.id, moved, self.town.reroute(members))).alarm.shown

    async def cancel(self, loaded: Loaded, secret: str, body: CancelBody) -> dict[str, Any]:
        """Ask to cancel. The answer and the work are the same with the right number and without."""
        duress = admission.under_duress(secret, body.pin, loaded.pin_hash)
        # The same number again is the same request, right or wrong; a later wait for a person is another matter.
        key = f"cancel:{loaded.alarm.cycle}:{admission.pin_hash(secret, body.pin or '-')}"
        await self._do(loaded, c.RequestCancel(duress=duress), key=key)
        return {"cancel": "requested"}

    async def check_in(self, loaded: Loaded, body: CheckInBody) -> dict[str, Any]:
        """All is well; answers until when the next check-in is due."""
        position = admission.position_members(body.position)
        command = c.CheckIn(within_s=body.check_in_s, position=position)
        async with self._pace.turn(loaded.alarm.id):
            outcome = await self._alarms.handle(loaded.alarm.id, command, key=f"citizen:{body.ref}")
        by = outcome.alarm.check_in_by
        return {"version": outcome.alarm.shown} | ({"check_in_by": to_text(by)} if by else {})

    async def end_plan(self, loaded: Loaded, secret: str, body: EndPlanBody) -> dict[str, Any]:
        """End the plan. The answer is the same with the right number and without, and so is what is asked before it."""
        alarm = loaded.alarm
        duress = admission.under_duress(secret, body.pin, loaded.pin_hash)
        quiet = alarm.burst is not None and await self.town.joins(alarm.home, alarm.burst, alarm.id)
        steps = await self.town.opening(alarm.home, alarm.backups, alarm.kind, alarm.version + 1)
        ends = c.EndPlan(duress=duress, quiet=quiet or None)
        await self._alarms.handle(alarm.id, ends, *(() if quiet else steps), self.town.reroute(alarm.position))
        return {"plan": "ended"}

    async def _do(self, loaded: Loaded, command: c.Command, key: str = "") -> int:
        """The version that the citizen is told, once the command's effect is stored."""
        outcome = await self._alarms.handle(loaded.alarm.id, command, key=key)
        return outcome.alarm.shown


def media_id(alarm_id: str, digest: str) -> str:
    """The id of a form's file, which has no JavaScript to make one, by the SHA-256 of its bytes.

    The same at every retry, also when a retry has other files beside it.
    """
    return hashlib.sha256(f"{alarm_id}/{digest}".encode()).hexdigest()[:32]
