"""What supervisors and officers must know of the system itself: its store is unsafe, full, away or went back, or late.

Gathered from the stages that find it, told to every console when it changes, and given to pages. Decides nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from dispatch.alarm.clock import to_text

NOTICE_EVERY_S = 2.0
REMEMBERED = timedelta(days=1)
"""For so long the past is told: a store that went back, a deadline that was late."""


class Notices:
    """The notices of one hub.

    Args:
        now_wrong: what is wrong at present.
        restored: (partition -> when it was found to have gone back).
        late: (since) -> notices of deadlines that were late since then, on any hub.
        tell: sends one message to every console.
    """

    def __init__(
        self, now_wrong: Callable[[], Iterable[dict[str, Any]]], restored: Callable[[], dict[int, datetime]],
        late: Callable[[datetime], Awaitable[list[dict[str, Any]]]], tell: Callable[[dict[str, Any]], None],
    ) -> None:  # fmt: skip
        self._now_wrong = now_wrong
        self._restored = restored
        self._late = late
        self._tell = tell
        self.current: list[dict[str, Any]] = []

    def message(self) -> dict[str, Any]:
        """As consoles get it."""
        return {"type": "notices", "notices": self.current}

    async def step(self, now: datetime) -> None:
        """Tell every console when something changed."""
        since = now - REMEMBERED
        found = [*self._now_wrong()]
        for partition, at in sorted(self._restored().items()):
            if at >= since:
                found.append({"code": "store_restored", "since": to_text(at), "partition": partition})
        found += await self._late(since)
        if found != self.current:
            self.current = found
            self._tell(self.message())
