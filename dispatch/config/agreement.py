"""Compares what is configured with the sign-ins again and again, and says what does not agree: in the log, on pages.

Never changes a file or a user: they belong to who runs it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

import structlog

from dispatch.alarm.clock import to_text
from dispatch.config.names import Asleep, SignIn, asleep
from dispatch.settings import Settings

log = structlog.get_logger()
COMPARE_EVERY_S = 60.0


class Agreement:
    """Of one hub.

    Args:
        settings: the configuration.
        users: every sign-in.
    """

    def __init__(self, settings: Settings, users: Callable[[], Awaitable[Sequence[SignIn]]]) -> None:
        self._settings = settings
        self._users = users
        self._asleep: list[tuple[datetime, Asleep]] = []

    @property
    def notices(self) -> list[dict[str, Any]]:
        """What supervisors must know."""
        return [{**one.notice(), "since": to_text(since)} for since, one in self._asleep]

    async def step(self, now: datetime) -> None:
        """Compare, and log what is new; at the start that is all of it."""
        before = {one: since for since, one in self._asleep}
        found = asleep(self._settings, await self._users())
        for one in found:
            if one not in before:
                log.warning("names_wake_nobody", file=one.file, key=one.key, why=one.why, names=list(one.names))
        self._asleep = [(before.get(one, now), one) for one in found]
