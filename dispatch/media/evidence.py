"""The media stage put together: chunks in, copies made, recordings heard live and ended when they are cut.

Only wires, and says where nothing can be decoded; holds no rule. Field's term: evidence.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import fields
from typing import Any

import structlog
from starlette.requests import Request
from starlette.routing import Route

from dispatch.alarm.clock import to_text
from dispatch.alarm.commands import Actor
from dispatch.alarm.events import LiveSoundFailed, MediaUnreadable
from dispatch.alarm.work import Work
from dispatch.media import http
from dispatch.media.chunks import Chunks
from dispatch.media.copies import Copies
from dispatch.media.cuts import LOOK_EVERY_S, Cuts, cut_at
from dispatch.media.jobs import WorkerLimits
from dispatch.media.live import Live
from dispatch.media.live_http import live, live_routes
from dispatch.media.objects import Objects
from dispatch.media.removal import Removal
from dispatch.media.unreadable import NOT_SHUT_IN
from dispatch.stream.alarms import Alarms, Outcome

_log = structlog.get_logger(__name__)


class Evidence:
    """Photos and recordings of one hub.

    Args:
        alarms: where the alarms are.
        objects: where the sealed bytes are.
        work: what goes on, and time.
        limits: by name, from the settings.
        media: the settings' section `[media]`.
    """

    def __init__(
        self, alarms: Alarms, objects: Objects, work: Work, limits: Mapping[str, int], media: Mapping[str, Any]
    ) -> None:
        self._alarms = alarms
        self._work = work
        self.chunks = Chunks(alarms, objects, limits, work, lambda: cut_at(work, media["cut_after_s"]))
        self.cuts = Cuts(alarms, self.chunks)
        self.live = Live(
            alarms, self.chunks, objects, work, media["live_workers"], media["live_gap_s"], media["live_linger_s"]
        )
        self.chunks.after_put.append(self.live.after_put)
        allowed = WorkerLimits(**{each.name: media[each.name] for each in fields(WorkerLimits)})
        self.copies = Copies(alarms, self.chunks, objects, work, allowed)
        self._workers = int(media["workers"])
        self.removal = Removal(alarms, objects, work)
        alarms.after_append += [self.copies.after_append, self.live.after_append, self.removal.after_append, self._note]
        self.notices: list[dict[str, Any]] = []
        """What supervisors must know: that nothing is decoded here."""

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

    def _note(self, outcome: Outcome) -> None:
        """A worker here could not be shut in, so it decoded nothing: said until the hub is started anew."""
        failed = [event.reason for event in outcome.events if isinstance(event, MediaUnreadable | LiveSoundFailed)]
        if NOT_SHUT_IN in failed and not self.notices:
            self.notices = [{"code": "media_not_shut_in", "since": to_text(self._work.now())}]
            _log.error("media_not_shut_in", mend="see `dispatch check`; photos and recordings stay sealed")

    def loops(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """What has to run as long as the hub does, by name."""
        return {
            **{f"copies-{number}": self.copies.run for number in range(1, self._workers + 1)},
            "cuts": lambda: self._work.repeat(self.cuts.step, LOOK_EVERY_S),
            "live": self.live.run,
            "removal": self.removal.run,
        }
