"""Tells every console every few seconds that it is live, and cuts those that say nothing.

Beats only when the store answered just now: a hub that cannot see the stream must not call its consoles live, so they
say STALE by themselves. Field's term: heartbeat.
"""

from __future__ import annotations

from datetime import datetime

import structlog

from dispatch.alarm import errors
from dispatch.alarm.clock import to_text
from dispatch.alarm.errors import Refused
from dispatch.fanout.hub import Hub

log = structlog.get_logger()


class Heartbeat:
    """The beat of one hub.

    Args:
        hub: whose consoles.
        silent_after_s: a console that says nothing for so long is closed with 4408.
    """

    def __init__(self, hub: Hub, silent_after_s: float) -> None:
        self._hub = hub
        self._silent_after_s = silent_after_s

    async def step(self, now: datetime) -> None:
        """One beat."""
        for console in list(self._hub.consoles):
            if console.session.silent(now, self._silent_after_s):
                self._hub.cut(console, errors.SILENT, "nothing heard: come back and resume")
        try:
            await self._hub.feeds.check()
        except Refused:
            log.warning("no_beat_store_silent", consoles=len(self._hub.consoles))
            return
        await self._hub.broadcast({"type": "beat", "at": to_text(now)})
