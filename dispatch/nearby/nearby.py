"""The nearby stage put together: who shares their place, who is near an alarm, calling helpers and letting them go.

Who may see the alarm may ask; for anyone else it is not there. Never keeps a place of its own (`places`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Protocol

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from dispatch.alarm import commands as c
from dispatch.alarm import errors, messages
from dispatch.alarm.clock import to_text
from dispatch.alarm.commands import Actor
from dispatch.alarm.errors import Refused
from dispatch.alarm.events import HelpersCalled
from dispatch.alarm.sight import visible_to
from dispatch.alarm.state import Alarm
from dispatch.alarm.work import Work
from dispatch.nearby.calls import Ground
from dispatch.nearby.distance import metres
from dispatch.nearby.places import LOOK_EVERY_S, Places, Sharer
from dispatch.stream.alarms import Alarms

log = structlog.get_logger()
Asked = Callable[[Actor, Any], Awaitable[dict[str, Any]]]
OnDuty = Callable[[str, str], Awaitable[bool]]
"""(station, officer) -> whether they are on duty now."""


class Numbers(Protocol):
    """The settings' section `[nearby]`."""

    @property
    def lapse_s(self) -> float: ...
    @property
    def listed(self) -> int: ...
    @property
    def nearest(self) -> int: ...
    @property
    def most_nearest(self) -> int: ...
    @property
    def helpers_per_alarm(self) -> int: ...


class Nearby:
    """Places and helpers of one hub.

    Args:
        alarms: where the alarms are.
        work: what goes on, and time.
        numbers: the settings' section `[nearby]`.
        ground: what must be known of places and stations.
        on_duty: who may share their place as an officer.
        officer: (request) -> who of the staff is signed in; raises `not_signed_in`, `not_allowed`.
    """

    def __init__(self, alarms: Alarms, work: Work, numbers: Numbers, ground: Ground, on_duty: OnDuty,
                 officer: Callable[[Request], Awaitable[Actor]]) -> None:  # fmt: skip
        self._alarms = alarms
        self._work = work
        self._numbers = numbers
        self._on_duty = on_duty
        self._officer = officer
        self.ground = ground
        self.places = Places(alarms.stream, work, numbers.lapse_s)
        self.asked: dict[type[messages.Message], Asked] = {
            messages.SharePlace: self._share,
            messages.CallHelpers: self._call,
            messages.ReleaseHelpers: self._release,
        }
        """What consoles ask of this stage: message -> (who, message) -> what the answer says."""
        self.routes: list[BaseRoute] = [Route("/nearby/{alarm}", self.near, methods=["GET"])]

    async def near(self, request: Request) -> Response:
        """Who is near an alarm, for those who may see it."""
        actor = await self._officer(request)
        loaded = await self._alarms.load(request.path_params["alarm"])
        alarm = loaded.alarm if loaded else None
        if alarm is None or not visible_to(alarm, actor):
            raise Refused(errors.NOT_FOUND, "there is no such alarm")
        officers, helpers = await self._near(alarm) if alarm.open else ([], [])  # nobody needs to know any more
        most = self._numbers.listed
        return JSONResponse({
            "officers": [_told(sharer, away) | {"station": sharer.station} for sharer, away in officers[:most]],
            "helpers": [_told(sharer, away) | _helping(alarm, sharer) for sharer, away in helpers[:most]],
        })  # fmt: skip

    def loops(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """What has to run as long as the hub does, by name."""
        return {"places": lambda: self._work.repeat(self.step, LOOK_EVERY_S)}

    async def step(self, now: datetime) -> bool:
        """Forget what lapsed; False when nothing did."""
        return await self.places.step(now)

    async def leave(self, actor: Actor) -> None:
        """Who leaves duty or signs out shares no place any more."""
        if actor.station is not None:
            await self.places.end(actor.station, actor.name)

    async def _near(self, alarm: Alarm) -> tuple[list[tuple[Sharer, float | None]], list[tuple[Sharer, float | None]]]:
        """(officers, helpers) at the alarm's stations, nearest first; then those of whom no distance is known."""
        place = self.ground.place(alarm.position)
        found: list[tuple[Sharer, float | None]] = []
        for sharer in await self.places.of(alarm.stations):
            there = self.ground.place(sharer.position)
            found.append((sharer, metres(place, there) if place and there else None))
        found.sort(key=lambda each: (each[1] is None, each[1] or 0.0, each[0].name))
        return [f for f in found if f[0].role != "helper"], [f for f in found if f[0].role == "helper"]

    async def _share(self, actor: Actor, message: messages.SharePlace) -> dict[str, Any]:
        if actor.station is None:
            raise Refused(errors.NOT_ALLOWED, "share_place: this user belongs to no station")
        if not message.on:
            await self.leave(actor)
            return {}
        if message.position is None:
            raise Refused(errors.BAD_MESSAGE, "position: there is nothing to share without one")
        if not await self._on_duty(actor.station, actor.name):
            await self.leave(actor)
            raise Refused(errors.NOT_POSSIBLE, "share_place: only officers on duty do so", possible=["duty"])
        position = message.position.model_dump(exclude_none=True)
        sharer = await self.places.share(actor.station, actor.name, actor.role, None, position)
        return {"until": to_text(sharer.until)}

    async def _call(self, actor: Actor, message: messages.CallHelpers) -> dict[str, Any]:
        numbers = self._numbers
        if not message.tasks and message.text is None:
            raise Refused(errors.BAD_MESSAGE, "tasks: at least one, or a `text`; helpers must know what to do")
        if message.helpers and message.nearest is not None:
            raise Refused(errors.BAD_MESSAGE, "nearest: either so many, or those named in `helpers`, not both")
        nearest = numbers.nearest if message.nearest is None else message.nearest
        if nearest > numbers.most_nearest:
            raise Refused(errors.BAD_MESSAGE, f"nearest: must be 1 to {numbers.most_nearest} (nearby.most_nearest)")
        loaded = await self._alarms.load(message.alarm)
        if loaded is None or not visible_to(loaded.alarm, actor):
            raise Refused(errors.NOT_FOUND, "there is no such alarm")
        _, helpers = await self._near(loaded.alarm)
        command = c.CallHelpers(
            by=actor, chosen=tuple(message.helpers), upto=message.called + nearest, tasks=tuple(message.tasks),
            text=message.text, near=tuple(sharer.name for sharer, _ in helpers), most=numbers.helpers_per_alarm,
        )  # fmt: skip
        outcome = await self._handle(actor, message, command)
        called = [name for event in outcome.events if isinstance(event, HelpersCalled) for name in event.helpers]
        log.info("helpers_called", alarm=message.alarm, by=actor.name, helpers=len(called))
        return {"version": outcome.alarm.version, "status": outcome.alarm.status, "helpers": called}

    async def _release(self, actor: Actor, message: messages.ReleaseHelpers) -> dict[str, Any]:
        command = c.ReleaseHelpers(by=actor, helpers=tuple(message.helpers))
        outcome = await self._handle(actor, message, command)
        return {"version": outcome.alarm.version, "status": outcome.alarm.status}

    async def _handle(self, actor: Actor, message: messages.OfAlarm, command: c.Command) -> Any:
        return await self._alarms.handle(message.alarm, command, key=f"{actor.name}:{message.ref}")


def _told(sharer: Sharer, away: float | None) -> dict[str, Any]:
    return {
        "name": sharer.name, "position": sharer.position, "at": to_text(sharer.at),
        "distance_m": None if away is None else round(away),
    }  # fmt: skip


def _helping(alarm: Alarm, sharer: Sharer) -> dict[str, Any]:
    entry = alarm.helpers.get(sharer.name)
    known = {"kind": sharer.kind, "state": entry["state"] if entry else None}
    return {name: value for name, value in known.items() if value is not None}
