"""The media stage put together: chunks in, copies made, recordings heard live and ended when they are cut.

Only wires; holds no rule. Field's term: evidence.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import fields
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from dispatch.alarm.clock import Clock
from dispatch.alarm.commands import Actor
from dispatch.alarm.tasks import repeat
from dispatch.media import http
from dispatch.media.chunks import Chunks
from dispatch.media.copies import Copies
from dispatch.media.cuts import LOOK_EVERY_S, Cuts, cut_at
from dispatch.media.jobs import WorkerLimits
from dispatch.media.live import Live
from dispatch.media.live_http import live, live_routes
from dispatch.media.objects import Objects
from dispatch.media.removal import Removal
from dispatch.stream.alarms import Alarms


class Evidence:
    """Photos and recordings of one hub.

    Args:
        alarms: where the alarms are.
        objects: where the sealed bytes are.
        clock: time.
        limits: by name, from the settings.
        media: the settings' section `[media]`.
    """

    def __init__(
        self, alarms: Alarms, objects: Objects, clock: Clock, limits: Mapping[str, int], media: Mapping[str, Any]
    ) -> None:
        self._alarms = alarms
        self._clock = clock
        self.chunks = Chunks(alarms, objects, limits, clock, lambda: cut_at(clock, media["cut_after_s"]))
        self.cuts = Cuts(alarms, self.chunks)
        self.live = Live(
            alarms, self.chunks, objects, clock, media["live_workers"], media["live_gap_s"], media["live_linger_s"]
        )
        self.chunks.after_put.append(self.live.after_put)
        allowed = WorkerLimits(**{each.name: media[each.name] for each in fields(WorkerLimits)})
        self.copies = Copies(alarms, self.chunks, objects, clock, allowed, media["workers"])
        self.removal = Removal(alarms, objects, clock)
        alarms.after_append += [self.copies.after_append, self.live.after_append, self.removal.after_append]

    def routes(
        self, citizen: Callable[[Request, str], Awaitable[Any]], officer: Callable[[Request], Awaitable[Actor]]
    ) -> list[Route]:
        """The routes of media.

        Args:
            citizen: (request, alarm) -> raises for who is not its citizen.
            officer: (request) -> who is signed in; raises `not_signed_in`.
        """
        growing = live(self._alarms, self.live, officer)
        return [
            *http.citizen_routes(self.chunks, citizen),
            *http.officer_routes(self._alarms, self.chunks, self.copies, officer, growing),
            *live_routes(growing),
        ]

    def loops(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """What has to run as long as the hub does, by name."""
        return {
            "copies": lambda: self.copies.run(self._clock),
            "cuts": lambda: repeat(self.cuts.step, self._clock, LOOK_EVERY_S),
            "live": self.live.run,
            "removal": self.removal.run,
        }
